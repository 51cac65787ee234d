# SPDX-License-Identifier: Apache-2.0
"""What happens inside a call, between telephones of two makes. Each plays a tone of its own; who hears whom is read
from the RTP that reaches him.

pbx (baresip) and desk (linphone) are inside, mobile (baresip) and carrier (linphone) outside; studio and screen
(baresip) have pictures. The telephones live as long as the file, sluice as long as its configuration; after each test
nothing of a call may be left."""
import os
import re
import time

import pytest

from lab import capture, linphone, netns, phone, sluice, tone

IN, OUT = netns.Lab.INSIDE, netns.Lab.OUTSIDE
ADDRESS = {"pbx": "10.10.0.10", "desk": "10.10.0.11", "studio": "10.10.0.12",
           "carrier": "203.0.113.10", "mobile": "203.0.113.11", "screen": "203.0.113.12"}
USER = {"pbx": "100", "desk": "101", "studio": "102", "carrier": "200", "mobile": "201", "screen": "202"}
HZ = {"pbx": 440, "desk": 600, "studio": 800, "carrier": 1000, "mobile": 1500, "screen": 1800}
SIDE = {name: "pbx" if address.startswith("10.") else "carrier" for name, address in ADDRESS.items()}
LINPHONES = {"carrier": "100rel_support_level=1",
             "desk": "100rel_support_level=1\nsdp_200_ack=1"}
EARLY = ("desk",)  # plays before the answer
VIDEO = ("studio", "screen")
TALK = 0.7  # seconds of sound that are listened to
SETTLE = 0.3  # what was on its way when a side was told of a change

# A call takes the first line of its trunk that has room; the second one is for who is transferred.
WAYS = ("pbx carrier 1", "pbx mobile", "carrier pbx 1", "carrier desk")


def config(ways=WAYS, **options):
    """`options`: of trunks, as YAML."""
    lines = ["sluice: 1", "networks:", f"  outside: {{port: outside0, address: {OUT}/24}}",
             f"  inside: {{port: inside0, address: {IN}/24}}", "trunks:"]
    for name, address in ADDRESS.items():
        on, profile = ("inside", "pbx") if SIDE[name] == "pbx" else ("outside", "static")
        lines.append(f"  {name}: {{on: {on}, profile: {profile}, host: {address}, {options.get(name, '')}}}")
    lines.append("calls:")
    lines += ["  - {{from: {}, to: {}{}}}".format(*w.split()[:2], ", at-most: 1" * (len(w.split()) > 2))
              for w in ways]
    return "\n".join(lines) + "\n"


class Net:
    """The telephones, and sluice between them."""

    def __init__(self, prefix, names=tuple(ADDRESS), sip=None):
        """`sip`: settings of linphone in place of LINPHONES."""
        self.lab, self.more, self.box, self.text = netns.Lab(prefix), [], None, None
        self.phone, self.wire, self.sip = {}, {}, sip
        try:
            for name in names:
                self.add(name)
        except BaseException:
            self.close()
            raise

    def place(self, name):
        """A namespace on the cable of its side."""
        side = getattr(self.lab, SIDE[name])
        if ADDRESS[name].endswith(".10"):
            return side
        netns.remove(f"{self.lab.prefix}-{name}")
        ns = netns.Namespace(f"{self.lab.prefix}-{name}")
        self.more.append(ns)
        side.ip("link", "add", "link", "eth0", "name", name, "type", "macvlan", "mode", "bridge")
        side.ip("link", "set", name, "netns", str(ns))
        ns.ip("link", "set", name, "name", "eth0", "up")
        ns.ip("addr", "add", ADDRESS[name] + "/24", "dev", "eth0")
        return ns

    def add(self, name):
        ns, ours = self.place(name), IN if SIDE[name] == "pbx" else OUT
        if name in LINPHONES:
            p = linphone.Linphone(self.lab, ns, ADDRESS[name], USER[name], HZ[name], ours,
                                  LINPHONES[name] if self.sip is None else self.sip, name in EARLY)
        else:
            p = phone.Phone(self.lab, ns, ADDRESS[name], USER[name], HZ[name],
                            more=phone.VIDEO if name in VIDEO else "")
        p.name, p.ours = name, ours
        self.phone[name] = p

    def serve(self, text):
        if text != self.text:
            self.unserve()
            self.box, self.text = sluice.Sluice(self.lab, text=text), text
        return self.box

    def listen(self):
        """A capture of each side, from now on."""
        self.deaf()
        self.wire = {s: capture.Capture(self.lab, getattr(self.lab, s), f"{s}.{len(self.lab.processes)}")
                     for s in ("pbx", "carrier")}

    def deaf(self):
        for w in self.wire.values():
            w.stop()
        self.wire = {}

    def unserve(self):
        if self.box:
            assert self.box.stop() == 0, "sluiced did not end well"
            self.box.stop_engine()
        self.box = self.text = None

    def pids(self):
        return {ns.name: ns.pids() for ns in (self.lab.pbx, self.lab.sbc, self.lab.carrier, *self.more)}

    def close(self):
        for ns in self.more:
            netns.remove(str(ns))
        self.lab.close()
        names = [f"{self.lab.prefix}-{r}" for r in self.lab.ROLES] + [str(ns) for ns in self.more]
        assert not [n for n in names if netns.exists(n)], "namespaces are left"
        assert all(not p.running() for p in self.lab.processes), "programs are left"


@pytest.fixture(scope="module")
def nets(request):
    """The Net of the moment: a test that failed leaves none behind. And that of the long calls."""
    made = {}
    try:
        if any(i.name == "test_sessions_are_refreshed" for i in request.session.items):
            made["long"] = long_calls(f"sll{os.getpid()}")
        yield made
    finally:
        for n in made.values():
            n.close()


@pytest.fixture
def net(request, nets):
    """A Net with the configuration that the test asks for by @configured()."""
    if "net" not in nets:
        nets["net"] = Net(f"slp{os.getpid()}")
    n = nets["net"]
    failed_before = request.session.testsfailed
    clean = False
    try:
        n.serve(getattr(request.function, "config", config()))
        n.listen()
        before = n.pids()
        yield n
        if request.session.testsfailed == failed_before:
            nothing_left(n)
            assert n.pids() == before, "other programs run than before"
            clean = True
    finally:
        if not clean:
            show(n)
            del nets["net"]
            n.close()
        n.deaf()


def nothing_left(n):
    for p in n.phone.values():
        p.forget()
    n.box.wait_calls(0)
    netns.wait_for("the flows to go", lambda: n.box.flows() == [], 3)
    for name, use in n.box.ask("trunks")["media_ports"].items():
        assert use["used"] == use["orphaned"] == 0, f"{name}: {use}"


def show(n):
    """pytest shows this beside the failure."""
    t0 = None
    for side, w in n.wire.items():
        print(f"---- SIP at {side}")
        for m in w.sip():
            t0 = t0 or m.time
            print(f"{m.time - t0:8.3f} {m.packet.src:>13} > {m.packet.dst:<13} {m.title()}")
    for p in n.lab.processes:
        if "capture" not in p.log_path:
            lines = [s for s in p.text().splitlines() if s.strip() and "bit/s" not in s]
            print(f"---- {p.log_path}", *lines[-(150 if "sluice" in p.log_path else 40):], sep="\n")


# ---- what is heard ----

def rtp(n, p, src, dst, since, until):
    return [k.data for k in n.wire[SIDE[p.name]].packets()
            if (k.src, k.dst) == (src, dst) and 5060 not in (k.sport, k.dport) and since <= k.time < until
            and len(k.data) > 12 and k.data[1] & 0x7f in tone.G711]


def rtp_to(n, p, since, until):
    return rtp(n, p, p.ours, p.ip, since, until)


def rtp_from(n, p, since, until):
    return rtp(n, p, p.ip, p.ours, since, until)


def hears(n, p, other, since, until):
    """For most of this time he hears the other one and nobody else."""
    heard = tone.Heard(None, other.hz, skip=0, samples=tone.of_rtp(rtp_to(n, p, since, until)))
    assert heard.ok(0.7 * (until - since)), \
        f"{p.name} hears of {other.name} in {until - since:.1f} s: {heard}"


def hears_nothing(n, p, since, until):
    packets = rtp_to(n, p, since, until)
    assert len(packets) <= 2, f"{p.name} gets {len(packets)} packets"


def listened():
    """A while of sound, when what was on its way has come: since, until."""
    time.sleep(SETTLE)
    since = time.time()
    time.sleep(TALK)
    until = time.time()
    time.sleep(0.1)  # until it is in the captures
    return since, until


def talk(n, a, b):
    """Both hear each other, from now on; a telephone may take a moment until its sound flows again."""
    for last in (False, False, True):
        when = listened()
        try:
            hears(n, a, b, *when)
            hears(n, b, a, *when)
            return
        except AssertionError:
            if last:
                raise


def call(n, a, b):
    """Established: the numbers by which a and b know it."""
    a.dial(f"sip:{b.user}@{a.ours}")
    return a.established(), b.established()


def sip(n, p, wanted):
    return capture.wait_sip(n.wire[SIDE[p.name]],
                            lambda m: p.ip in (m.packet.src, m.packet.dst) and wanted(m))


def all_sip(n, p):
    return [m for m in n.wire[SIDE[p.name]].sip() if p.ip in (m.packet.src, m.packet.dst)]


def direction(m):
    found = re.search(r"a=(sendrecv|sendonly|recvonly|inactive)\r", m.body)
    return found[1] if found else "sendrecv"


def configured(*ways, **options):
    """What config() is to make for this test."""
    def decorate(test):
        test.config = config(ways or WAYS, **options)
        return test
    return decorate


BOTH_WAYS = pytest.mark.parametrize("caller, callee", [("pbx", "carrier"), ("carrier", "pbx")])


# ---- the tests ----

@BOTH_WAYS
def test_plain_call(net, caller, callee):
    a, b = net.phone[caller], net.phone[callee]
    call(net, a, b)
    talk(net, a, b)
    a.hang_up()
    b.closed()


@BOTH_WAYS
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_hold_and_resume(net, caller, callee, who):
    a, b = net.phone[caller], net.phone[callee]
    call(net, a, b)
    talk(net, a, b)
    holder, held = (a, b) if who == "caller" else (b, a)
    holder.hold()
    offer = sip(net, held, lambda m: m.is_request() and m.method() == "INVITE" and m.packet.dst == held.ip
                and direction(m) in ("sendonly", "inactive"))
    answer = sip(net, holder, lambda m: m.status() == 200 and m.method() == "INVITE" and m.packet.dst == holder.ip
                 and m.time >= offer.time)
    assert direction(answer) in ("recvonly", "inactive")
    when = listened()
    hears_nothing(net, holder, *when)
    if direction(offer) == "inactive":
        hears_nothing(net, held, *when)
    elif isinstance(holder, linphone.Linphone):
        hears(net, held, holder, *when)
    else:  # baresip is silent, though it says sendonly
        assert not rtp_from(net, holder, *when)
        hears_nothing(net, held, *when)
    holder.resume()
    sip(net, held, lambda m: m.is_request() and m.method() == "ACK" and m.time > when[1])
    talk(net, a, b)
    a.hang_up()
    b.closed()


@pytest.mark.parametrize("referrer, stays, target, calls", [
    ("pbx", "carrier", "mobile", "referrer"),
    ("carrier", "pbx", "desk", "referrer"),
    ("pbx", "carrier", "mobile", "stays"),
    ("carrier", "pbx", "desk", "stays")])
def test_blind_transfer(net, referrer, stays, target, calls):
    r, s, t = (net.phone[p] for p in (referrer, stays, target))
    call(net, *((r, s) if calls == "referrer" else (s, r)))
    talk(net, r, s)
    r.transfer(f"sip:{t.user}@{t.ip}")
    t.established()
    sip(net, r, lambda m: m.status() == 202 and m.method() == "REFER")
    sip(net, r, lambda m: m.method() == "NOTIFY" and m.body.startswith("SIP/2.0 200"))
    r.closed()
    talk(net, s, t)
    assert len(net.box.calls()) == 1
    if calls == "referrer":  # what is a call again can be held again
        s.hold()
        sip(net, t, lambda m: direction(m) in ("sendonly", "inactive"))
        hears_nothing(net, s, *listened())
        s.resume()
        talk(net, s, t)
    s.hang_up()
    t.closed()


def test_attended_transfer_of_who_was_called(net):
    """linphone calls two and joins them."""
    r, a, b = (net.phone[p] for p in ("carrier", "pbx", "desk"))
    first, _ = call(net, r, a)
    talk(net, r, a)
    r.hold()
    second, _ = call(net, r, b)
    talk(net, r, b)
    r.join(first, second)
    attended(net, r, a, b)


@configured("pbx carrier", "carrier desk")
def test_attended_transfer_of_who_calls(net):
    """linphone is called, asks a third one and joins them."""
    r, a, b = (net.phone[p] for p in ("carrier", "pbx", "desk"))
    a.dial(f"sip:{r.user}@{a.ours}")
    first = r.established()
    a.established()
    r.hold()
    second, _ = call(net, r, b)
    talk(net, r, b)
    r.join(first, second)
    attended(net, r, a, b)


@configured("carrier desk 1", "carrier pbx", "desk pbx", desk=f"domain: {IN}", carrier="transfer: pass")
def test_attended_transfer_that_is_passed_on(net):
    """linphone refers linphone, who comes to baresip with Replaces."""
    r, a, b = (net.phone[p] for p in ("carrier", "desk", "pbx"))
    first, _ = call(net, r, a)
    r.hold()
    second, _ = call(net, r, b)
    r.join(first, second)
    newcomer = sip(net, a, lambda m: m.first.startswith("INVITE") and m.get("replaces"))
    assert newcomer.packet.src == a.ip
    attended(net, r, a, b)


@configured("carrier pbx", "pbx desk", carrier="transfer: pass", pbx=f"domain: {IN}")
def test_blind_transfer_that_is_passed_on(net):
    """linphone refers baresip, who calls linphone."""
    r, s, t = (net.phone[p] for p in ("carrier", "pbx", "desk"))
    call(net, r, s)
    r.transfer(f"sip:{t.user}@{t.ip}")
    t.established()
    assert sip(net, s, lambda m: m.first.startswith("REFER")).packet.dst == s.ip
    assert sip(net, s, lambda m: m.first.startswith(f"INVITE sip:{t.user}@")).packet.src == s.ip
    r.closed()
    talk(net, s, t)
    net.box.wait_calls(1)
    s.hang_up()
    t.closed()


def attended(n, r, a, b):
    refer = sip(n, r, lambda m: m.is_request() and m.method() == "REFER")
    assert "replaces=" in refer.get("refer-to").lower()
    sip(n, r, lambda m: m.method() == "NOTIFY" and m.body.startswith("SIP/2.0 200"))
    r.closed()
    r.closed()
    talk(n, a, b)
    n.box.wait_calls(1)
    a.hang_up()
    b.closed()


@BOTH_WAYS
def test_keys_by_rtp(net, caller, callee):
    a, b = net.phone[caller], net.phone[callee]
    call(net, a, b)
    for who, other, key in ((a, b, "5"), (b, a, "7")):
        who.press(key)
        other.expect_key(key)
    assert not [m for m in all_sip(net, a) + all_sip(net, b) if m.method() == "INFO"]
    a.hang_up()
    b.closed()


@configured(carrier="dtmf: info")
@BOTH_WAYS
def test_keys_by_info(net, caller, callee):
    """The carrier wants INFO, the PBX has RTP."""
    a, b = net.phone[caller], net.phone[callee]
    pbx, carrier = net.phone["pbx"], net.phone["carrier"]
    carrier.param("sip", "use_rfc2833", 0)
    carrier.param("sip", "use_info", 1)
    call(net, a, b)
    pbx.press("5")
    carrier.expect_key("5")
    info = sip(net, carrier, lambda m: m.is_request() and m.method() == "INFO" and m.packet.dst == carrier.ip)
    assert info.get("content-type") == "application/dtmf-relay" and "Signal=5" in info.body
    carrier.press("7")
    pbx.expect_key("7")
    assert not [m for m in all_sip(net, pbx) if m.method() == "INFO"]
    a.hang_up()
    b.closed()
    carrier.param("sip", "use_rfc2833", 1)
    carrier.param("sip", "use_info", 0)


@BOTH_WAYS
@configured(carrier="100rel: require")
def test_each_leg_has_its_own_100rel(net, caller, callee):
    """The carrier has no call without PRACK, the PBX's telephone knows nothing of it."""
    a, b, carrier = net.phone[caller], net.phone[callee], net.phone["carrier"]
    if b is carrier:
        b.answer_by_hand()
        a.dial(f"sip:{b.user}@{a.ours}")
        sip(net, b, lambda m: m.is_request() and m.method() == "PRACK" and m.packet.dst == b.ip)
        sip(net, a, lambda m: m.status() == 180)
        b.answer()
        a.established()
        b.established()
        b.answer_by_hand(False)
    else:
        call(net, a, b)
    talk(net, a, b)
    at_carrier = all_sip(net, carrier)
    assert all("100rel" in m.get("require") and m.get("rseq") for m in at_carrier
               if 100 < m.status() < 200)
    assert any(m.status() == 200 and m.method() == "PRACK" for m in at_carrier)
    for m in all_sip(net, net.phone["pbx"]):
        assert m.method() != "PRACK" and "100rel" not in m.get("require") and not m.get("rseq"), m.first
    a.hang_up()
    b.closed()


@configured("pbx desk", "desk pbx", desk="100rel: require")
def test_early_media(net):
    """The answer is in a 183 that has its PRACK on one side and none on the other."""
    a, b = net.phone["pbx"], net.phone["desk"]
    b.answer_by_hand()
    a.dial(f"sip:{b.user}@{a.ours}")
    sip(net, b, lambda m: m.status() == 200 and m.method() == "PRACK")
    early = sip(net, a, lambda m: m.status() == 183 and m.packet.dst == a.ip)
    assert early.body.startswith("v=0") and not early.get("rseq")
    hears(net, a, b, *listened())
    b.answer()
    a.established()
    b.established()
    b.answer_by_hand(False)
    talk(net, a, b)
    a.hang_up()
    b.closed()


@configured("desk mobile", "mobile desk")
def test_late_offer(net):
    a, b = net.phone["desk"], net.phone["mobile"]
    call(net, a, b)
    talk(net, a, b)
    for p in (a, b):
        at = [m for m in all_sip(net, p) if m.method() in ("INVITE", "ACK")]
        assert not next(m for m in at if m.first.startswith("INVITE")).body
        for what in (lambda m: m.status() == 200, lambda m: m.first.startswith("ACK")):
            assert next(m for m in at if what(m)).body.startswith("v=0")
    a.hang_up()
    b.closed()


@configured("studio screen", "screen studio")
def test_video(net):
    """Two streams, two m= lines; both come through on ports of their own."""
    a, b = net.phone["studio"], net.phone["screen"]
    call(net, a, b)
    talk(net, a, b)
    for p in (a, b):
        answer = next(m for m in all_sip(net, p) if m.status() == 200 and m.method() == "INVITE")
        assert re.findall(r"^m=(audio|video) (?!0 )", answer.body, re.M) == ["audio", "video"], answer.body
        video = [k for k in net.wire[SIDE[p.name]].packets() if k.dst == p.ip and k.src == p.ours
                 and len(k.data) > 12 and k.data[0] & 0xc0 == 0x80 and k.data[1] & 0x7f in range(96, 128)]
        assert len(video) > 8, f"{p.name} gets {len(video)} packets of video"
        assert len({k.sport for k in video}) == 1
    a.hang_up()
    b.closed()


# ---- session timers ----

def long_calls(prefix):
    """Two calls that stay while the other tests run: the first refresh is due after 45 s."""
    n = Net(prefix, ("pbx", "desk", "carrier", "mobile"),
            sip="session_expires_enabled=1\nsession_expires_value=90\nsession_expires_min_value=90\n"
                "session_expires_refresher_value=2")  # the caller
    try:
        ours, theirs = "session-expires: 90s, session-refresher: us", "session-expires: 90s, session-refresher: them"
        n.serve(config(("pbx carrier", "desk mobile"), pbx=ours, carrier=ours, desk=theirs, mobile=ours))
        n.listen()
        call(n, n.phone["pbx"], n.phone["carrier"])
        call(n, n.phone["desk"], n.phone["mobile"])
        n.began = time.time()
    except BaseException:
        n.close()
        raise
    return n


def refreshes(n, p):
    """Requests in the dialog of p that came after the call was up."""
    return [m for m in all_sip(n, p)
            if m.is_request() and m.method() in ("INVITE", "UPDATE") and m.time > n.began + 5]


def test_sessions_are_refreshed(nets):
    """By us toward who cannot do it or is not to; by UPDATE where that can be; what linphone sends is answered here."""
    n = nets["long"]
    pbx, carrier, desk, mobile = (n.phone[p] for p in ("pbx", "carrier", "desk", "mobile"))
    try:
        time.sleep(max(0.0, n.began + 44 - time.time()))
        netns.wait_for("all refreshes", lambda: all(refreshes(n, p) for p in n.phone.values()), 6, 0.3)
        time.sleep(0.5)
        for p, method, sender in ((pbx, "INVITE", pbx.ours), (carrier, "UPDATE", carrier.ours),
                                  (desk, "UPDATE", desk.ip), (mobile, "INVITE", mobile.ours)):
            all_of_it = refreshes(n, p)
            assert {(m.method(), m.packet.src) for m in all_of_it} == {(method, sender)}, p.name
            assert len(all_of_it) <= (time.time() - n.began) / 44, p.name
            answer = sip(n, p, lambda m, r=all_of_it[0]: m.status() == 200 and m.get("cseq") == r.get("cseq"))
            assert p is not desk or answer.get("session-expires") == "90;refresher=uac"
        talk(n, pbx, carrier)
        talk(n, desk, mobile)
        assert len(n.box.calls()) == 2
        pbx.hang_up()
        carrier.closed()
        desk.hang_up()
        mobile.closed()
        nothing_left(n)
    except BaseException:
        show(n)
        raise
