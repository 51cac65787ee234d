# SPDX-License-Identifier: Apache-2.0
"""Calls of real telephones, both ways, with the sound checked at both ends."""
import time

import pytest

from lab import build, capture, netns, phone, sipp, sluice

from conftest import TONES, USERS


def talk(lab, box, caller, callee, our_side, seconds=3):
    """A whole call; gives its flow as it was before the end."""
    before = {f["id"] for f in box.flows()}
    caller.dial(f"sip:{callee.user}@{our_side}")
    caller.established()
    callee.established()
    time.sleep(seconds)
    flow, = (f for f in box.flows() if f["id"] not in before)
    caller.hang_up()
    callee.closed()
    box.wait_calls(0)
    return flow


@pytest.mark.parametrize("direction", ["out", "in"])
def test_tone_passes_both_ways(lab, box, phones, direction):
    pbx, carrier = phones
    if direction == "out":
        flow = talk(lab, box, pbx, carrier, netns.Lab.INSIDE)
    else:
        flow = talk(lab, box, carrier, pbx, netns.Lab.OUTSIDE)
    for who, other in ((pbx, carrier), (carrier, pbx)):
        heard = who.heard(other.hz)
        assert heard.ok(1.5), str(heard)
    for side in flow["sides"]:
        assert side["rtp"]["packets"] >= 100, flow
        assert side["rtp"]["lost"] <= 0, flow
    assert box.flows() == []


def test_sound_passes_over_af_packet(lab):
    """The device of last resort relays as well as the fast one."""
    box = sluice.Sluice(lab, device="af_packet")
    assert all("AF_PACKET" in driver for _, driver, _ in box.device())
    pbx = phone.Phone(lab, lab.pbx, netns.Lab.PBX, USERS["pbx"], TONES["pbx"])
    carrier = phone.Phone(lab, lab.carrier, netns.Lab.CARRIER, USERS["carrier"], TONES["carrier"])
    icmp = capture.Capture(lab, lab.carrier, "icmp", what="icmp")
    talk(lab, box, pbx, carrier, netns.Lab.INSIDE)
    assert pbx.heard(carrier.hz).ok(1.5) and carrier.heard(pbx.hz).ok(1.5)
    icmp.stop()
    assert "0 packets captured" in icmp.process.text()


def rtp_rate(packets, src, dst, since, until):
    n = sum(p.src == src and p.dst == dst and len(p.data) == 172 and since <= p.time < until
            for p in packets)
    return n / (until - since)


def test_hold_and_resume(lab, box, call):
    pbx, carrier = call
    wire = capture.Capture(lab, lab.carrier, "carrier")
    time.sleep(1.5)
    pbx.hold()
    held = capture.wait_sip(wire, lambda m: m.is_request() and m.method() == "INVITE"
                            and ("a=sendonly" in m.body or "a=inactive" in m.body))
    capture.wait_sip(wire, lambda m: m.method() == "ACK" and m.time > held.time)
    t_held = time.time()
    time.sleep(2)
    pbx.resume()
    capture.wait_sip(wire, lambda m: m.is_request() and m.method() == "INVITE"
                     and m.time > held.time and "a=sendonly" not in m.body
                     and "a=inactive" not in m.body)
    t_resumed = time.time()
    time.sleep(2.5)
    assert len(box.calls()) == 1, "the call must have survived"
    pbx.hang_up()
    carrier.closed()
    wire.stop()
    packets = list(wire.packets())
    to_pbx = (netns.Lab.CARRIER, netns.Lab.OUTSIDE)
    held_rate = rtp_rate(packets, *to_pbx, t_held + 0.3, t_held + 1.8)
    assert held_rate < 5, f"the held side still sends {held_rate:.0f} packets/s"
    for a, b in (to_pbx, to_pbx[::-1]):
        rate = rtp_rate(packets, a, b, t_resumed + 0.5, t_resumed + 2.3)
        assert rate > 40, f"only {rate:.0f} packets/s from {a} to {b} after resume"
    box.wait_calls(0)
    assert box.flows() == []


def test_caller_gives_up(lab, box):
    """The caller's CANCEL becomes ours to the carrier, and nothing is left."""
    pbx = phone.Phone(lab, lab.pbx, netns.Lab.PBX, USERS["pbx"], TONES["pbx"])
    carrier = sipp.answering(lab, "ringing")
    wire = capture.Capture(lab, lab.carrier, "carrier")
    pbx.dial(f"sip:{USERS['carrier']}@{netns.Lab.INSIDE}")
    pbx.expect("CALL_RINGING")
    assert len(box.calls()) == 1
    pbx.hang_up()
    capture.wait_sip(wire, lambda m: m.is_request() and m.method() == "ACK")
    box.wait_calls(0)
    assert box.flows() == []
    netns.wait_for("the end of the call at the carrier", lambda: carrier.successful == 1, 5)
    assert carrier.failed == 0, carrier.errors()


@pytest.mark.parametrize("box", [{"media": {"silence": "5s"}}], indirect=True)
def test_media_survives_a_crash_of_sluiced(lab, box, call):
    pbx, carrier = call
    engine = box.engine_pid()
    wire = capture.Capture(lab, lab.carrier, "carrier")
    time.sleep(1)
    box.kill()
    t0 = time.time()
    time.sleep(3)
    assert box.engine_pid() == engine, "sluice-dp must outlive sluiced"
    t1 = time.time()
    box.start()
    assert box.engine_pid() == engine, "the new sluiced must use the sluice-dp that runs"
    wire.stop()
    packets = list(wire.packets())
    for a, b in ((netns.Lab.CARRIER, netns.Lab.OUTSIDE), (netns.Lab.OUTSIDE, netns.Lab.CARRIER)):
        rate = rtp_rate(packets, a, b, t0, t1)
        assert rate > 40, f"{rate:.0f} packets/s from {a} to {b} while sluiced was dead"
    pbx.hang_up()
    carrier.hang_up()
    time.sleep(0.5)
    flow = talk(lab, box, pbx, carrier, netns.Lab.INSIDE, 2)
    assert all(side["rtp"]["packets"] > 50 for side in flow["sides"])
    netns.wait_for("the flow of the lost call to go", lambda: box.flows() == [], 15, 0.3)
    usage = box.ctl("trunks")["media_ports"].values()
    assert all(u["used"] == u["orphaned"] == 0 for u in usage), "every port came back"


def test_calls_survive_a_crash_of_sluice_dp(lab, box, call):
    """A new sluice-dp gets the flows of the calls that are up."""
    pbx, carrier = call
    time.sleep(0.5)
    box.stop_engine(9)
    lab.start(lab.sbc, build.program("sluice-dp"), "--config", box.config)

    def talking():
        flows = box.ctl("flows").get("flows", [])  # none while the data plane is away
        return flows and all(s["rtp"]["packets"] > 50 for s in flows[0]["sides"])
    netns.wait_for("media through the new sluice-dp", talking, 20, 0.2)
    assert len(box.calls()) == 1
    pbx.hang_up()
    carrier.closed()
    box.wait_calls(0)
