# SPDX-License-Identifier: Apache-2.0
"""Calls from a telephone with IPv4 to a trunk with IPv6 and back, by sluiced and sluice-dp; and a network with several
addresses for media."""
import re

import pytest

from lab import agent, netns, sluice
from test_dataplane import Rtp

OUTSIDE6, CARRIER6 = "2001:db8::1", "2001:db8::10"
MORE4, MORE6 = ["203.0.113.2", "203.0.113.3"], ["2001:db8::2", "2001:db8::3"]
CONF = """\
sluice: 1
networks:
  outside: {{port: outside0, address: 203.0.113.1/24, address6: "2001:db8::1/64",
            media-addresses: [{more}], media-dscp: cs5}}
  inside: {{port: inside0, address: 10.10.0.1/24}}
trunks:
  carrier: {{on: outside, profile: static, host: "{carrier}", max-rate: 0}}
  pbx: {{on: inside, profile: pbx, host: 10.10.0.10, max-rate: 0}}
calls:
  - {{from: pbx, to: carrier}}
  - {{from: carrier, to: pbx}}
"""


def media_of(message):
    """(address, port) of its SDP."""
    return (re.search(r"^c=IN IP[46] (\S+)\r$", message.body, re.M).group(1),
            int(re.search(r"^m=audio (\d+)", message.body, re.M).group(1)))


class Place:
    def __init__(self, lab, carrier, **options):
        for ns, device, address in ((lab.sbc, "outside0", OUTSIDE6), (lab.carrier, "eth0", CARRIER6)):
            ns.run("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=0", "net.ipv6.conf.lo.disable_ipv6=0")
            ns.ip("addr", "add", f"{address}/64", "dev", device, "nodad")
        for a in MORE4 + MORE6:
            lab.sbc.ip("addr", "add", f"{a}/{64 if ':' in a else 24}", "dev", "outside0",
                       *(["nodad"] if ":" in a else []))
        self.lab, self.carrier = lab, carrier
        self.box = sluice.Sluice(lab, text=CONF.format(
            carrier=agent.host_of(carrier), more=", ".join(f'"{a}"' for a in MORE4 + MORE6)), **options)

    def agents(self):
        return (agent.Agent(self.lab.pbx, netns.Lab.PBX, netns.Lab.PBX),
                agent.Agent(self.lab.carrier, self.carrier, self.carrier))

    def to(self, who):
        six = ":" in who.address
        return netns.Lab.INSIDE if who.address == netns.Lab.PBX else OUTSIDE6 if six else netns.Lab.OUTSIDE


def call(place, caller, callee, packets=20):
    """A whole one with RTP both ways; where our media was outside."""
    caller.connect(place.to(caller), 5060)
    callee.listen()
    dialog = caller.dial("+4930123456", place.to(caller))
    ends = {a: Rtp(a.ns, a.media, 20000) for a in (caller, callee)}
    told = {caller: media_of(caller.answered), callee: media_of(callee.heard[0])}
    try:
        for a, b in ((caller, callee), (callee, caller)):
            sent = ends[a].send(told[a], packets, pt=8)
            got = ends[b].receive()
            assert [g[0] for g in got] == sent
            assert {g[1] for g in got} == {told[b]}
            assert {g[2] >> 2 for g in got} == {40 if b.media == place.carrier else 46}
    finally:
        for e in ends.values():
            e.close()
    flow, = place.box.flows()
    assert [side["rtp"]["packets"] for side in flow["sides"]] == [packets, packets]
    assert caller.hang_up(dialog) == 200
    place.box.wait_calls(0)
    return told[caller if caller.media == place.carrier else callee][0]


@pytest.mark.parametrize("device", ["af_xdp", "af_packet"])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_from_ipv4_to_ipv6(lab, device, direction):
    place = Place(lab, CARRIER6, device=device)
    pbx, carrier = place.agents()
    try:
        ours = call(place, *((pbx, carrier) if direction == "out" else (carrier, pbx)))
        assert ours in (OUTSIDE6, *MORE6)
    finally:
        pbx.close()
        carrier.close()


def test_media_is_on_several_addresses(lab):
    """Calls are spread over all of them, and sound passes on each."""
    place, seen = Place(lab, netns.Lab.CARRIER), set()
    for _ in range(30):
        pbx, carrier = place.agents()
        try:
            seen.add(call(place, pbx, carrier, 3))
        finally:
            pbx.close()
            carrier.close()
        if len(seen) == 3:
            break
    assert seen == {netns.Lab.OUTSIDE, *MORE4}
