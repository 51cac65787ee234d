# SPDX-License-Identifier: Apache-2.0
"""In a virtual machine whose kernel relays (../test_kernel_engine.py starts it): one call, and what may happen in it."""
import time

import pytest

from lab import capture, netns

TO_PBX, TO_CARRIER = (netns.Lab.CARRIER, netns.Lab.OUTSIDE), (netns.Lab.OUTSIDE, netns.Lab.CARRIER)


def relayed(box):
    flow, = box.flows()
    return [side["rtp"]["packets"] for side in flow["sides"]]


def goes_on(box, packets=40):
    """Both sides are heard from now on."""
    before = relayed(box)
    netns.wait_for("sound both ways", lambda: all(b - a >= packets for a, b in zip(before, relayed(box))), 4, 0.1)


def stands_still(box):
    before = relayed(box)
    time.sleep(0.6)
    return all(b - a < 5 for a, b in zip(before, relayed(box)))


def rate(wire, ends, since, until):
    got = [p for p in wire.packets() if (p.src, p.dst) == ends and len(p.data) == 172 and since <= p.time < until]
    return len(got) / (until - since)


@pytest.mark.parametrize("box", [{"media": {"silence": "5s"}}], indirect=True)
def test_one_call_and_what_happens_in_it(lab, box, call):
    pbx, carrier = call
    assert box.engine_pid() is None, "a sluice-dp runs"
    goes_on(box, 60)
    stream, = box.ask("why", box.calls()[0]["id"])["call"]["streams"]
    assert stream["lines"][0]["cause"] == "fine", stream

    # Keys are heard, and are no sound that is lost.
    for who, other, key in ((pbx, carrier, "5"), (carrier, pbx, "*")):
        who.press(key)
        other.expect_key(key)

    pbx.hold()
    netns.wait_for("silence", lambda: stands_still(box), 5)
    pbx.resume()
    goes_on(box)

    # The module stays while there is a flow; and sound goes on without sluiced.
    r = netns.run("rmmod", "sluice", check=False)
    assert r.returncode and "in use" in r.stderr, r
    wire = capture.Capture(lab, lab.carrier, "carrier")
    box.kill()
    t0 = time.time()
    time.sleep(2)
    t1 = time.time()
    wire.stop()
    for ends in (TO_PBX, TO_CARRIER):
        assert rate(wire, ends, t0, t1) > 40, f"from {ends[0]} to {ends[1]} while sluiced was dead"

    # What it finds when it comes back ends when nobody speaks any more.
    box.start()
    assert len(box.flows()) == 1
    pbx.hang_up()
    carrier.hang_up()
    for who, other in ((pbx, carrier), (carrier, pbx)):
        heard = who.heard(other.hz)
        assert heard.ok(1.0), str(heard)
    netns.wait_for("the end of its flow", lambda: box.flows() == [], 15, 0.3)
