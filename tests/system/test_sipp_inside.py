# SPDX-License-Identifier: Apache-2.0
"""What happens inside a call, as sipp speaks it: ladders of both parties, both ways, with media where it moves."""
import contextlib
import os
import select
import socket
import struct
import time

import pytest

from lab import ladder, netns, sluice

CONF = """\
sluice: 1
networks:
  outside: {{port: outside0, address: 203.0.113.1/24}}
  inside: {{port: inside0, address: 10.10.0.1/24}}
trunks:
  carrier: {{on: outside, profile: static, host: 203.0.113.10{carrier}}}
  pbx: {{on: inside, profile: pbx, host: 10.10.0.10{pbx}}}
calls:
  - {{from: pbx, to: carrier}}
  - {{from: carrier, to: pbx}}
"""
CALLER_PORT = 5070  # a caller's namespace may have somebody who is called, too
WAYS = [("pbx", "carrier"), ("carrier", "pbx")]
both_ways = pytest.mark.parametrize("a, b", WAYS, ids=["out", "in"])
by_either = pytest.mark.parametrize("by", ["caller", "callee"])

CALL = """
-> INVITE 0301234 sdp
<- 100?
<- 180
<- 200 sdp
-> ACK
"""
ANSWER = """
<- INVITE sdp
-> 180
-> 200 sdp
<- ACK
"""
HANG_UP = """
-> BYE
<- 200
"""
HUNG_UP = """
<- BYE
-> 200
"""


@pytest.fixture(scope="module")
def ring():
    """One set of namespaces for all; sluice-dp stays, sluiced is started for each test."""
    made = netns.Lab(f"sli{os.getpid()}", more=1)
    yield made
    made.close()


@pytest.fixture
def world(request, ring):
    w = World(ring)
    failed_before = request.session.testsfailed
    yield w
    w.close()
    if request.session.testsfailed > failed_before:
        for p in w.parties:
            print(f"---- {p.who}:{p.port} {p.errors()}\n{p.ladder()}")
        print(w.box.process.text()[-4000:])


class World:
    """sluice with the options of the test, and its parties."""

    def __init__(self, lab):
        self.lab, self.box, self.parties = lab, None, []

    def options(self, **by_trunk):
        text = CONF.format(**{t: "".join(f", {o}" for o in by_trunk.get(t, ())) for t in ("pbx", "carrier")})
        self.box = sluice.Sluice(self.lab, text=text)
        return self

    def party(self, who, steps, **more):
        p = ladder.Party(self.lab, who, steps, media_port=30000 + 100 * len(self.parties), **more)
        self.parties.append(p)
        return p

    def call(self, a, caller, b, callee, calls=1, **caller_more):
        if self.box is None:
            self.options()
        callee = self.party(b, callee, calls=calls)
        return self.party(a, caller, port=CALLER_PORT, **caller_more), callee

    def over(self, seconds=15):
        """Everybody had what their ladders say, and nothing is left."""
        netns.wait_for("the end of all ladders", lambda: all([p.done() for p in self.parties]), seconds)
        self.box.wait_calls(0)
        netns.wait_for("the end of the flows", lambda: self.box.flows() == [], 5)

    def close(self):
        for p in self.parties:
            p.stop()
        if self.box:
            assert self.box.stop() == 0, self.box.process.text()[-4000:]


def by_who(by, caller_part, callee_part):
    """(what the caller does, what the callee does), where `by` does the first, when both have answered."""
    caller_part = "wait 100\n" + caller_part
    return (caller_part, callee_part) if by == "caller" else (callee_part, caller_part)


class Media:
    """RTP of two parties through the flow that is between them; or other datagrams."""
    COUNT = 25

    def __init__(self, world, a, b):
        self.world, self.ends, self.sequence = world, (a, b), 0
        self.sockets = [self._socket(p) for p in self.ends]

    @staticmethod
    def _socket(party):
        with party.ns.inside():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(party.media)
        return s

    def close(self):
        for s in self.sockets:
            s.close()

    def _sides(self):
        """Where each has to send to: the side of the flow that expects it."""
        wanted = [f"{p.media[0]}:{p.media[1]}" for p in self.ends]
        for flow in self.world.box.flows():
            by_sdp = {s["sdp"]: s["local"].rsplit(":", 1) for s in flow["sides"]}
            if all(w in by_sdp for w in wanted):
                return [(by_sdp[w][0], int(by_sdp[w][1])) for w in wanted]
        return None

    def _packet(self, mark, fax):
        """UDPTL: its number, a primary of so many octets, no redundancy."""
        self.sequence += 1
        if fax:
            return struct.pack(">HB", self.sequence & 0xffff, 100) + mark * 100 + b"\0\0"
        return self._rtp(8, 0, mark * 160)

    def _rtp(self, payload, time_back, body):
        return struct.pack(">BBHII", 0x80, payload, self.sequence & 0xffff, 160 * self.sequence - time_back,
                           4711) + body

    def _heard(self, i, mark):
        n = 0
        while select.select([self.sockets[i]], [], [], 0)[0]:
            n += self.sockets[i].recv(2048)[50:51] == mark
        return n

    def passes(self, ways=(0, 1), fax=False):
        """Each way: the first packets until one comes, then COUNT of which all come."""
        to = netns.wait_for(f"a flow between {self.ends[0].media} and {self.ends[1].media}", self._sides, 5)
        for i in ways:
            def through(i=i):
                self.sockets[i].sendto(self._packet(b"p", fax), to[i])
                time.sleep(0.01)
                return self._heard(1 - i, b"p")
            netns.wait_for(f"media of {self.ends[i].who}", through, 5)
        for _ in range(self.COUNT):
            for i in ways:
                self.sockets[i].sendto(self._packet(b"c", fax), to[i])
            time.sleep(0.004)
        got, end = dict.fromkeys(ways, 0), time.monotonic() + 2  # a busy machine takes its time
        while min(got.values()) < self.COUNT and time.monotonic() < end:
            time.sleep(0.02)
            got = {i: n + self._heard(1 - i, b"c") for i, n in got.items()}
        assert got == dict.fromkeys(ways, self.COUNT), got

    def say_digit(self, i, event):
        """100 ms of it, and its end three times."""
        to, begin = self._sides(), self.sequence + 1
        for n in (1, 2, 3, 4, 5, 5, 5):
            self.sequence += 1
            end = 0x80 if n == 5 else 0
            self.sockets[i].sendto(self._rtp(101, 160 * (self.sequence - begin),
                                             struct.pack(">BBH", event, end | 10, 160 * n)), to[i])
            time.sleep(0.02)

    def digit_heard(self, i):
        """The event of which the end came, while the other party's sound goes on."""
        to, end = self._sides(), time.monotonic() + 3
        while time.monotonic() < end:
            self.sockets[1 - i].sendto(self._packet(b"p", False), to[1 - i])
            if select.select([self.sockets[i]], [], [], 0.02)[0]:
                data = self.sockets[i].recv(2048)
                if data[1] & 127 == 101 and data[13] & 0x80:
                    return data[12]
        return None


def media_at_stop(world, a, b, party, ways=(0, 1)):
    """The party is at a stop; the media is looked at, and it goes on."""
    party.at_stop()
    with contextlib.closing(Media(world, a, b)) as m:
        m.passes(ways)
    party.go()


# ---- 18x that are confirmed ----

HANDLES = "allows=INVITE,ACK,CANCEL,BYE,PRACK,UPDATE"
REL_CALL = f"""
-> INVITE 0301234 sdp supports=100rel {HANDLES}
<- 100?
<- 183 sdp rel
-> PRACK
<- 200 to=PRACK
"""
REL_ANSWER = f"""
<- INVITE sdp
  ~ Supported:.*100rel
-> 183 sdp rel {HANDLES}
<- PRACK
-> 200
wait 100
"""
THEN_200 = """
<- 200
-> ACK
"""
THEN_ANSWER = """
-> 200 to=INVITE
<- ACK
"""


@both_ways
def test_prack_of_the_caller_alone(world, a, b):
    """The callee never hears of it."""
    world.options(**{b: ["100rel: never"]})
    pa, pb = world.call(a, """
        -> INVITE 0301234 sdp requires=100rel supports=100rel
        <- 100?
        <- 180 rel
        -> PRACK
        <- 200 to=PRACK
        <- 183 sdp rel
        -> PRACK
        <- 200 to=PRACK
        <- 200
        -> ACK
        stop""" + HANG_UP, b, """
        <- INVITE sdp
          !~ 100rel
        -> 180
        wait 200
        -> 183 sdp
        wait 200
        -> 200 sdp
        <- ACK""" + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()


@both_ways
def test_prack_of_the_callee_alone(world, a, b):
    """The caller's 18x are plain."""
    world.options(**{a: ["100rel: never"]})
    pa, pb = world.call(a, """
        -> INVITE 0301234 sdp supports=100rel
        <- 100?
        <- 183 sdp
          !~ 100rel
        <- 180
          !~ 100rel
        <- 200 sdp
        -> ACK
        stop""" + HANG_UP, b, REL_ANSWER + """
        -> 180 rel to=INVITE
        <- PRACK
        -> 200""" + THEN_ANSWER + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()


@both_ways
def test_prack_on_both(world, a, b):
    """Each leg confirms for itself; media goes before the answer."""
    pa, pb = world.call(a, REL_CALL + "stop" + """
        <- 180 rel
        -> PRACK
        <- 200 to=PRACK""" + THEN_200 + HANG_UP, b, REL_ANSWER + """
        wait 1500
        -> 180 rel to=INVITE
        <- PRACK
        -> 200""" + THEN_ANSWER + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()


@both_ways
def test_prack_demanded(world, a, b):
    """100rel: require: a caller without is told so, a callee is asked for it."""
    world.options(pbx=["100rel: require"], carrier=["100rel: require"])
    pa, pb = world.call(a, """
        -> INVITE 0301234 sdp
        <- 100?
        <- 421
          ~ Require:.*100rel
        -> ACK""" + REL_CALL + THEN_200 + "stop" + HANG_UP, b, """
        <- INVITE sdp
          ~ Require:.*100rel
        -> 183 sdp rel
        <- PRACK
        -> 200
        wait 300""" + THEN_ANSWER + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()


# ---- UPDATE ----

@both_ways
def test_update_before_the_answer(world, a, b):
    pa, pb = world.call(a, REL_CALL + """
        wait 200
        -> UPDATE sdp=sendonly
        <- 200 sdp=recvonly to=UPDATE
        <- UPDATE sdp=inactive
        -> 200 sdp=inactive
        <- UPDATE sdp=sendrecv
        -> 200 sdp=sendrecv""" + THEN_200 + "stop" + HANG_UP, b, REL_ANSWER + """
        <- UPDATE sdp=sendonly
        -> 200 sdp=recvonly
        wait 200
        -> UPDATE sdp=inactive
        <- 200 sdp=inactive to=UPDATE
        -> UPDATE sdp=sendrecv
        <- 200 sdp to=UPDATE
        wait 200""" + THEN_ANSWER + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()


@both_ways
@by_either
def test_update_after_the_answer(world, a, b, by):
    """Hold and resume by UPDATE, and one that is refused changes nothing."""
    does, hears = by_who(by, f"""
        -> UPDATE sdp=sendonly
        <- 200 sdp=recvonly to=UPDATE
        stop
        -> UPDATE sdp=sendrecv
        <- 200 to=UPDATE
        stop
        -> UPDATE sdp=sendonly
        <- 488 to=UPDATE
        stop""" + HANG_UP, """
        <- UPDATE sdp=sendonly
        -> 200 sdp=recvonly
        <- UPDATE sdp
        -> 200 sdp
        <- UPDATE sdp=sendonly
        -> 488""" + HUNG_UP)
    pa, pb = world.call(a, CALL.replace("sdp\n", f"sdp {HANDLES}\n", 1) + does, b,
                        ANSWER.replace("200 sdp", f"200 sdp {HANDLES}") + hears)
    c, d = (pa, pb) if by == "caller" else (pb, pa)
    media_at_stop(world, c, d, c, ways=(0,))
    media_at_stop(world, c, d, c)
    media_at_stop(world, c, d, c)
    world.over()


# ---- transfers ----

TRANSFERS = """
wait 100
-> REFER
  | Refer-To: <sip:0305555@[ours]{replaces}>
<- 202 to=REFER
<- NOTIFY
  ~ Subscription-State: active
  ~ SIP/2.0 100
-> 200
<- NOTIFY
  ~ Subscription-State: terminated
  ~ SIP/2.0 200
-> 200
<- BYE
-> 200
"""
STAYS = """
within 15000
stop""" + HANG_UP
NEW_ONE = """
<- INVITE sdp
-> 200 sdp
<- ACK
"""


@both_ways
@by_either
def test_blind_transfer(world, a, b, by):
    """The callee's server has both calls where it is the one that is transferred."""
    if by == "caller":
        c, d = world.call(a, CALL + TRANSFERS.format(replaces=""), b,
                          {"0301234": ANSWER + STAYS, "0305555": NEW_ONE + HUNG_UP}, calls=2)
        one, other = d.roles
    else:
        world.options()
        other = world.party(a, NEW_ONE + HUNG_UP)
        d, c = world.call(a, CALL + STAYS, b, ANSWER + TRANSFERS.format(replaces=""))
        one = d
    media_at_stop(world, one, other, d)
    world.over()


@both_ways
@by_either
def test_attended_transfer(world, a, b, by):
    """Who asks has a second call, whose other party takes its place in the first."""
    world.options()
    asks, stays = (a, b) if by == "caller" else (b, a)
    consulted = NEW_ONE + """
        within 15000
        <- INVITE sdp
        -> 200 sdp
        <- ACK""" + HUNG_UP
    if by == "caller":
        server = world.party(stays, {"0305555": consulted, "0301234": ANSWER + STAYS}, calls=2)
    else:
        server = world.party(stays, consulted)
    second = world.party(asks, CALL.replace("0301234", "0305555").replace("<- 180", "<- 180?") + """
        stop
        within 15000""" + HUNG_UP, port=5080)
    call_id, of, to = second.at_stop().tags()
    second.go()
    key = ["-key", "replaces", f"{call_id.replace('@', '%40')}%3Bto-tag%3D{to}%3Bfrom-tag%3D{of}"]
    transfers = TRANSFERS.format(replaces="?Replaces=[replaces]")
    if by == "caller":
        world.party(asks, CALL + transfers, port=CALLER_PORT, more=key)
        d, (other, one) = server, server.roles
    else:
        world.party(asks, ANSWER + transfers, more=key)
        d = one = world.party(stays, CALL + STAYS, port=CALLER_PORT)
        other = server
    media_at_stop(world, one, other, d)
    world.over()


REDIRECTS = """
<- INVITE sdp
-> 302
  | Contact: <sip:0305555@[local_ip]>
<- ACK
"""


@both_ways
def test_redirect_followed(world, a, b):
    pa, pb = world.call(a, CALL + "stop" + HANG_UP, b, {"0301234": REDIRECTS, "0305555": ANSWER + HUNG_UP}, calls=2)
    media_at_stop(world, pa, pb.roles[1], pa)
    world.over()


@both_ways
def test_redirect_passed(world, a, b):
    world.options(**{b: ["redirect: pass"]})
    world.call(a, """
        -> INVITE 0301234 sdp
        <- 100?
        <- 302
          ~ Contact:.*sip:0305555@
        -> ACK""", b, REDIRECTS)
    world.over()


# ---- late offers ----

@both_ways
@pytest.mark.parametrize("way", ["passed", "put in"])
def test_late_offer(world, a, b, way):
    if way == "put in":
        world.options(**{b: ["late-offer: false"]})
    pa, pb = world.call(a, """
        -> INVITE 0301234
        <- 100?
        <- 180
        <- 200 sdp
        -> ACK sdp
        stop""" + HANG_UP, b, f"""
        <- INVITE {"sdp" if way == "put in" else "nosdp"}
        -> 180
        -> 200 sdp
        <- ACK {"nosdp" if way == "put in" else "sdp"}""" + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()


# ---- session timers ----

@both_ways
def test_session_too_short(world, a, b):
    """Ours to the caller, and the callee's to us."""
    world.call(a, """
        -> INVITE 0301234 sdp supports=timer
          | Session-Expires: 60
        <- 100?
        <- 422
          ~ Min-SE: 90
        -> ACK
        -> INVITE 0301234 sdp supports=timer
          | Session-Expires: 90;refresher=uac
          | Min-SE: 90
        <- 100?
        <- 180
        <- 200 sdp
          ~ Require:.*timer
          ~ Session-Expires: 90;refresher=uac
        -> ACK""" + HANG_UP, b, """
        <- INVITE sdp
          ~ Session-Expires: 1800
        -> 422
          | Min-SE: 3600
        <- ACK
        <- INVITE sdp
          ~ Session-Expires: 3600
          ~ Min-SE: 3600
        -> 180
        -> 200 sdp
        <- ACK""" + HUNG_UP)
    world.over()


@pytest.mark.long
def test_session_expires(world):
    """Who promised to refresh does not: both sides hear BYE. We refresh for who does not know how. Both ways at once,
    since 90 s are the shortest session that there is."""
    world.options(pbx=["session-expires: 90s"], carrier=["session-expires: 90s"])
    begin = time.monotonic()
    for a, b in WAYS:
        world.call(a, """
            -> INVITE 0301234 sdp supports=timer
              | Session-Expires: 90;refresher=uac
            <- 100?
            <- 180
            <- 200 sdp
              ~ Session-Expires: 90;refresher=uac
            -> ACK
            within 70000""" + HUNG_UP, b, ANSWER + """
            within 70000
            <- INVITE sdp
              ~ Session-Expires: 90;refresher=uac
            -> 200 sdp
            <- ACK""" + HUNG_UP)
    world.over(75)
    assert 55 < time.monotonic() - begin < 66, "a third of it before its end"


# ---- forks ----

@both_ways
def test_forks(world, a, b):
    """Three callees ring, two answer: the second gets ACK and BYE."""
    pa, pb = world.call(a, """
        -> INVITE 0301234 sdp
        <- 100?
        <- 180
        <- 183 sdp
        <- 180?
        <- 183?
        <- 200 sdp
        -> ACK
        stop""" + HANG_UP, b, """
        <- INVITE sdp
        -> 180 tag=x
        -> 183 sdp tag=y
        -> 180 tag=z
        -> 200 sdp tag=y
        <- ACK
          ~ To:.*tag=[0-9]*y
        -> 200 sdp tag=z to=INVITE
        <- ACK
          ~ To:.*tag=[0-9]*z
        <- BYE
          ~ To:.*tag=[0-9]*z
        -> 200
        <- BYE
          ~ To:.*tag=[0-9]*y
        -> 200""")
    media_at_stop(world, pa, pb, pa)
    world.over()


# ---- re-INVITEs ----

@both_ways
@by_either
def test_glare(world, a, b, by):
    """Both hold at once: both hear 491, and who was first gets through."""
    does, hears = by_who(by, """
        -> INVITE sdp=sendonly
        <- 100?
        <- 200 sdp=recvonly
        -> ACK
        stop""" + HANG_UP, """
        <- INVITE sdp=sendonly
        -> INVITE sdp=sendonly
        <- 100?
        <- 491
        -> ACK
        -> 491 to=INVITE
        <- ACK
        <- INVITE sdp=sendonly
        -> 200 sdp=recvonly
        <- ACK""" + HUNG_UP)
    pa, pb = world.call(a, CALL + does, b, ANSWER + hears)
    c, d = (pa, pb) if by == "caller" else (pb, pa)
    media_at_stop(world, c, d, c, ways=(0,))
    world.over()


DIALECTS = {  # what the held side is asked, and what it answers: RFC 3264, and the older one
    "sendonly": ("sdp=sendonly", "sdp=sendonly", "sdp=recvonly", "sdp=recvonly"),
    "inactive": ("sdp=inactive", "sdp=inactive", "sdp=inactive", "sdp=inactive"),
    "zero": ("sdp=zero", "sdp=sendonly", "sdp=recvonly", "sdp=recvonly"),
    "zero+sendonly": ("sdp=zero+sendonly", "sdp=sendonly", "sdp=recvonly", "sdp=recvonly"),
    "sendonly, answered plainly": ("sdp=sendonly", "sdp=sendonly", "sdp", "sdp=recvonly"),
    "zero+inactive": ("sdp=zero+inactive", "sdp=inactive", "sdp=inactive", "sdp=inactive"),
}


@both_ways
@by_either
@pytest.mark.parametrize("dialect", DIALECTS)
def test_hold(world, a, b, by, dialect):
    says, heard, answers, told = DIALECTS[dialect]
    does, hears = by_who(by, f"""
        -> INVITE {says}
        <- 100?
        <- 200 {told}
        -> ACK
        wait 200
        -> INVITE sdp=sendrecv
        <- 100?
        <- 200 sdp
        -> ACK
        stop""" + HANG_UP, f"""
        <- INVITE {heard}
        -> 200 {answers}
        <- ACK
        <- INVITE sdp
          !~ a=(sendonly|recvonly|inactive)
        -> 200 sdp
        <- ACK""" + HUNG_UP)
    pa, pb = world.call(a, CALL + does, b, ANSWER + hears)
    media_at_stop(world, pa, pb, pa if by == "caller" else pb)
    world.over()


@both_ways
@by_either
def test_fax(world, a, b, by):
    """The stream becomes T.38, and audio again."""
    does, hears = by_who(by, """
        -> INVITE sdp=t38
        <- 100?
        <- 200 sdp=t38
        -> ACK
        stop
        -> INVITE sdp
        <- 100?
        <- 200 sdp
        -> ACK
        stop""" + HANG_UP, """
        <- INVITE sdp=t38
        -> 200 sdp=t38
        <- ACK
        <- INVITE sdp
        -> 200 sdp
        <- ACK""" + HUNG_UP)
    pa, pb = world.call(a, CALL + does, b, ANSWER + hears)
    c = pa if by == "caller" else pb
    c.at_stop()
    with contextlib.closing(Media(world, pa, pb)) as m:
        m.passes(fax=True)
    c.go()
    media_at_stop(world, pa, pb, c)
    world.over()


# ---- digits ----

INFO = {"info": ("application/dtmf-relay", "Signal=5", ["  | Signal=5", "  | Duration=160"]),
        "info-dtmf": ("application/dtmf", "5[[:space:]]*$", ["  | 5"])}


@pytest.mark.parametrize("kind", INFO)
@both_ways
def test_digits_by_info(world, a, b, kind):
    """The carrier says its digits by INFO, the PBX in RTP (RFC 4733)."""
    content, text, lines = INFO[kind]
    world.options(carrier=[f"dtmf: {kind}"])
    says = "\n".join(["-> INFO", f"  | Content-Type: {content}", "  |", *lines])
    carrier = f"""
        stop
        {says}
        <- 200 to=INFO
        stop
        <- INFO
          ~ Content-Type: {content}
          ~ {text}
        -> 200"""
    does, hears = (carrier + HUNG_UP, "stop" + HANG_UP)
    if a == "carrier":
        pa, pb = world.call(a, CALL + does, b, ANSWER + hears)
        line, pbx = pa, pb
    else:
        pa, pb = world.call(a, CALL + hears, b, ANSWER + does)
        line, pbx = pb, pa
    line.at_stop()
    with contextlib.closing(Media(world, line, pbx)) as m:
        m.passes()
        line.go()
        assert m.digit_heard(1) == 5
        line.at_stop()
        line.go()
        m.passes((1,))
        m.say_digit(1, 5)
        netns.wait_for("INFO at the carrier", lambda: "INFO sip:line7@" in line.said(), 5)
    pbx.at_stop().go()
    world.over()
    totals = world.box.ctl("status")["totals"]
    assert (totals["calls_dtmf_rtp"], totals["calls_dtmf_info"]) == (1, 1)


# ---- reasons ----

@both_ways
@by_either
@pytest.mark.parametrize("reason", ["Q.850;cause=31", "SIP;cause=600"])
def test_reason_of_a_bye(world, a, b, by, reason):
    does, hears = by_who(by, f"""
        -> BYE
          | Reason: {reason};text="somewhere"
        <- 200""", f"""
        <- BYE
          ~ Reason: {reason}
        -> 200""")
    world.call(a, CALL + does, b, ANSWER + hears)
    world.over()


FAILURES = ["failures: [{status: 486, becomes: 600}, {cause: 34, becomes: 503}]"]


@both_ways
@pytest.mark.parametrize("says, cause, told", [("486", "17", "600"), ("500", "34", "503"), ("404", "1", "404")])
def test_failures_are_told_as_the_trunk_wishes(world, a, b, says, cause, told):
    world.options(**{a: FAILURES})
    world.call(a, f"""
        -> INVITE 0301234 sdp
        <- 100?
        <- {told}
          ~ Reason: Q.850;cause={cause}
        -> ACK""", b, f"""
        <- INVITE sdp
        -> {says}
          | Reason: Q.850;cause={cause}
        <- ACK""")
    world.over()
