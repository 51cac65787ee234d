# SPDX-License-Identifier: Apache-2.0
"""What happens inside a call, as sipp speaks it: ladders of both parties, both ways, with media where it moves."""
import contextlib
import os
import re
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
WAYS = [("pbx", "carrier"), ("carrier", "pbx")]
both_ways = pytest.mark.parametrize("a, b", WAYS, ids=["out", "in"])
by_either = pytest.mark.parametrize("by", ["caller", "callee"])

CALL = """
-> INVITE 0301234 sdp
<- 100?
<- 180
<- 200 sdp
-> ACK
wait 50
"""
ANSWER = """
<- INVITE sdp
-> 180
-> 200 sdp
<- ACK
wait 50
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

    def call(self, a, caller, b, callee, **callee_more):
        if self.box is None:
            self.options()
        callee = self.party(b, callee, **callee_more)
        return self.party(a, caller), callee

    def over(self, seconds=20):
        """Everybody had what their ladders say, and nothing is left."""
        for p in self.parties:
            p.done(seconds)
        self.box.wait_calls(0)
        netns.wait_for("the end of the flows", lambda: self.box.flows() == [], 5)

    def close(self):
        for p in self.parties:
            p.stop()
        if self.box:
            self.box.stop()


def by_who(by, caller_part, callee_part):
    """(what the caller does, what the callee does), where `by` does the first."""
    return (caller_part, callee_part) if by == "caller" else (callee_part, caller_part)


class Media:
    """RTP of two parties through the flow that is between them."""
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

    def _packet(self, payload, mark):
        self.sequence += 1
        return struct.pack(">BBHII", 0x80, payload, self.sequence & 0xffff, 160 * self.sequence, 4711) + mark * 160

    def _heard(self, i, mark):
        n = 0
        while select.select([self.sockets[i]], [], [], 0)[0]:
            n += self.sockets[i].recv(2048)[12:13] == mark
        return n

    def passes(self, ways=(0, 1), payload=8):
        """Each way: the first packets until one comes, then COUNT of which all come."""
        to = netns.wait_for(f"a flow between {self.ends[0].media} and {self.ends[1].media}", self._sides, 5)
        for i in ways:
            def through(i=i):
                self.sockets[i].sendto(self._packet(payload, b"p"), to[i])
                time.sleep(0.01)
                return self._heard(1 - i, b"p")
            netns.wait_for(f"media of {self.ends[i].who}", through, 5)
        for _ in range(self.COUNT):
            for i in ways:
                self.sockets[i].sendto(self._packet(payload, b"c"), to[i])
            time.sleep(0.004)
        time.sleep(0.05)
        got = {i: self._heard(1 - i, b"c") for i in ways}
        assert got == {i: self.COUNT for i in ways}, got


def media_at_stop(world, a, b, party, ways=(0, 1), payload=8):
    """The party is at a stop; the media is looked at, and it goes on."""
    party.at_stop()
    with contextlib.closing(Media(world, a, b)) as m:
        m.passes(ways, payload)
    party.go()


@both_ways
def test_plain(world, a, b):
    pa, pb = world.call(a, CALL + "stop" + HANG_UP, b, ANSWER + HUNG_UP)
    media_at_stop(world, pa, pb, pa)
    world.over()
