# SPDX-License-Identifier: Apache-2.0
"""A carrier that is a name: RFC 3263 with a real name server, targets that are dead, and records that move."""
import time

import pytest

from lab import dns, netns, sipp, sluice

CONF = """\
sluice: 1
networks:
  outside: {port: outside0, address: 203.0.113.1/24}
  inside: {port: inside0, address: 10.10.0.1/24}
trunks:
  carrier: {on: outside, profile: static, host: sip.carrier.example, transport: udp, failover: 1s, max-rate: 0}
  pbx: {on: inside, profile: pbx, host: 10.10.0.10, max-rate: 0}
sip: {dns: [203.0.113.10]}
calls:
  - {from: pbx, to: carrier}
  - {from: carrier, to: pbx}
"""
SRV = "_sip._udp.sip.carrier.example"
DEAD, LIVE = "203.0.113.200", netns.Lab.CARRIER


@pytest.fixture
def names(lab):
    with dns.Server(namespace=str(lab.carrier), address=netns.Lab.CARRIER, ttl=5) as server:
        yield server


def one_call(lab):
    """Seconds until it rang."""
    uac = sipp.uac(lab, netns.Lab.INSIDE, 1, 1, 0)
    uac.wait(30)
    assert (uac.successful, uac.failed) == (1, 0), uac.errors()
    text = uac.result()["ResponseTimepdd(C)"]  # 00:00:01:002003
    return int(text[6:8]) + int(text[9:]) / 1e6


def resolved(box):
    netns.wait_for("the name", lambda: len(box.ask("trunks")["trunks"][0]["targets"]) > 0, 5)


def test_next_target_when_the_first_is_dead(lab, names):
    names.set({SRV: {"SRV": [(10, 1, 5060, "gw1.carrier.example"), (20, 1, 5060, "gw2.carrier.example")]},
               "gw1.carrier.example": {"A": [DEAD]}, "gw2.carrier.example": {"A": [LIVE]}})
    box = sluice.Sluice(lab, text=CONF)
    resolved(box)
    carrier = sipp.uas(lab)
    assert 1 <= one_call(lab) < 3, "the first target is given its second"
    assert one_call(lab) < 0.5, "and is not asked first again"
    dead = [t["address"] for t in box.ask("trunks")["trunks"][0]["targets"] if t["dead"]]
    assert dead == [f"{DEAD}:5060"]
    assert carrier.failed == 0


def test_records_move(lab, names):
    """A new address is found when the old record ends, and its messages are the trunk's at once."""
    names.set({SRV: {"SRV": [(10, 1, 5060, "gw.carrier.example")]}, "gw.carrier.example": {"A": [DEAD]}})
    box = sluice.Sluice(lab, text=CONF)
    resolved(box)
    names.set({SRV: {"SRV": [(10, 1, 5060, "gw.carrier.example")]}, "gw.carrier.example": {"A": [LIVE]}})
    netns.wait_for("the new address", lambda: [t["address"] for t in box.ask("trunks")["trunks"][0]["targets"]]
                   == [f"{LIVE}:5060"], 10)
    sipp.uas(lab)
    assert one_call(lab) < 0.5
    names.drop = True  # a name server that is gone takes nobody's calls away
    time.sleep(7)
    assert one_call(lab) < 0.5


def test_a_name_that_nobody_knows(lab, names):
    box = sluice.Sluice(lab, text=CONF)
    refused = sipp.Sipp(lab, lab.pbx, "uac-503", netns.Lab.PBX, f"{netns.Lab.INSIDE}:5060", "-m", "1")
    refused.wait(20)
    assert (refused.successful, refused.failed) == (1, 0), refused.errors()
    assert box.ask("status")["totals"]["calls_refused_dns"] >= 1
    assert box.ask("trunks")["trunks"][0]["dns"] == "no such name"
