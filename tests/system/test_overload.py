# SPDX-License-Identifier: Apache-2.0
"""More than can be served: sluiced with a tenth of a processor, and ten times the calls that this is enough for."""
import os
import statistics

import pytest

from lab import cgroup, netns, sipload, sluice

pytestmark = pytest.mark.alone

SHARE, PERIOD_US = 0.1, 10000
WARM, MEASURE, FLOOD, AFTER = 2, 5, 15, 8  # s
MOST = 1400       # calls/s that no tenth of a processor serves: what is left of them is the capacity
# The aim is 0.95. One measurement of the capacity differs from the next by a fifth, and single rounds by more, so that
# this can only tell that it does not collapse: without the control it would be 0.1. What is printed says more.
LEAST = 0.5
STEADY = 3        # s until the controller has found its place
STRANGERS = 30000  # requests/s from nobody


@pytest.fixture
def small(lab):
    """sluice with less than it needs. Its data plane has what it wants."""
    if not cgroup.possible():
        pytest.skip("no cpu controller of cgroups that can be written to")
    box = sluice.Sluice(lab, text=sluice.LOAD, media={"silence": "0s"})
    with cgroup.Quota(f"sluice-test-{os.getpid()}", SHARE, PERIOD_US) as quota:
        quota.add(box.process.pid)
        yield box


def whole(seconds, rate):
    """Those in which the generator could keep its rate: else the machine was somebody else's."""
    return [s for s in seconds if s["late"] == 0 and s["offered"] >= 0.95 * rate]


def run(lab, load, wait=3):
    """Until so many seconds after the load. Calls have ended after 3; the rest was dropped, and has no answer for half a minute."""
    calls = sipload.uac(lab, netns.Lab.PBX, netns.Lab.INSIDE, load, "--call", "100", "--hold")
    seconds = sum(s for _, s in load)
    netns.wait_for("the load", lambda: len(calls.seconds()) >= seconds + wait or not calls.process.running(), seconds + 90)
    return calls.seconds(), calls.stop()


@pytest.fixture(scope="module")
def known():
    return {}


def capacity(lab, known):
    """Calls answered a second while somewhat more are offered; the better ones of these seconds. sluiced is idle afterwards:
    what it keeps of a transaction for 32 s (RFC 6026) is gone, and takes no time of what is measured then. Measured once."""
    if known:
        return known["capacity"]
    seconds, _ = run(lab, [(MOST, WARM + MEASURE)], wait=34)
    answered = [s["answered"] for s in seconds[WARM:WARM + MEASURE]]
    known["capacity"] = statistics.quantiles(answered, n=4, method="inclusive")[2]
    return known["capacity"]


def ten_times(lab, c):
    seconds, total = run(lab, [(10 * c, FLOOD), (c / 2, AFTER)])
    flood = whole(seconds[STEADY:FLOOD], 10 * c) or seconds[STEADY:FLOOD]
    after = whole(seconds[FLOOD + 5:FLOOD + AFTER - 1], c / 2) or seconds[FLOOD + 5:FLOOD + AFTER - 1]
    return {
        "capacity": c,
        "seconds": len(flood),
        "served": statistics.median(s["answered"] for s in flood),
        "dialogs": total["dialog_ok"] / max(1, total["dialog_ok"] + total["dialog_failed"]),
        "lost": total["ended_by_peer"],
        "after": min((s["answered"] / s["offered"] for s in after), default=0),
    }


def measured(round_, is_good, known):
    """What a round found. One in which the machine was somebody else's for a while says nothing of us: then another one counts."""
    found = round_()
    if not is_good(found):
        print("once more, after", found)
        known.clear()
        found = round_()
    return found


def served_well(found):
    return found["dialogs"] >= 0.999 and found["lost"] == 0 and found["after"] >= 0.9 and \
        found["served"] >= LEAST * found["capacity"]


@pytest.mark.slow
def test_ten_times_the_load(lab, small, known):
    """The capacity is served all the same, calls that are up stay so, and it is over when it is over."""
    sipload.uas(lab, netns.Lab.CARRIER)
    found = measured(lambda: ten_times(lab, capacity(lab, known)), served_well, known)
    print(found)
    assert served_well(found), found
    drops = small.drops()["sip"]
    assert drops["overload.episodes"] > 0
    assert drops["overload.refused"] > 0, "some are told"
    assert small.ctl("status")["overload"]["admitted_permille"] == 1000


def beside_strangers(lab, rate):
    stranger = netns.Lab.PBX.rsplit(".", 1)[0] + ".13"
    flood = sipload.uac(lab, stranger, netns.Lab.INSIDE, [(STRANGERS, FLOOD)], "--call", "100",
                        "--stay", "0", port=5070)
    netns.wait_for("the flood", lambda: len(flood.seconds()) >= 1, 10)
    calls = sipload.uac(lab, netns.Lab.PBX, netns.Lab.INSIDE, [(rate, FLOOD - 5)], "--call", "100")
    total = calls.wait(FLOOD + 60)
    heard = flood.stop()
    assert heard["received"] == 0, "0 octets back"
    return {"flood": heard["offered"], **{k: total[k] for k in ("offered", "answered", "dialog_failed")}}


def not_hurt(found):
    return found["flood"] > 0.5 * STRANGERS * FLOOD and found["answered"] >= 0.99 * found["offered"] and \
        found["dialog_failed"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("lab", [{"more": 4}], indirect=True)
def test_strangers_do_not_hurt(lab, small, known):
    """A flood from addresses that are no trunk's: they hear nothing, and the trunks' calls go on."""
    sipload.uas(lab, netns.Lab.CARRIER)
    found = measured(lambda: beside_strangers(lab, 0.6 * capacity(lab, known)), not_hurt, known)
    assert not_hurt(found), found
