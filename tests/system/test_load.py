# SPDX-License-Identifier: Apache-2.0
"""Many calls at once."""
import pytest

from lab import netns, sipp, sluice

pytestmark = pytest.mark.alone

MEDIA_CALLS = 100
RATE, SECONDS = 200, 15


def calls_among_talkers(lab, box):
    """What the generator of the talkers' media says; nothing of either may fail."""
    talkers = sipp.uac(lab, netns.Lab.INSIDE, 50, MEDIA_CALLS, (SECONDS + 15) * 1000, port=5070,
                       media="10.10.0.12")
    box.wait_active(MEDIA_CALLS)
    legs = lab.path("legs")
    assert sipp.legs_of(box.flows(), legs) == MEDIA_CALLS
    media = sipp.Rtpgen(lab, legs, seconds=SECONDS, warm=2)
    try:
        media.wait_line("warm")
        load = sipp.uac(lab, netns.Lab.INSIDE, RATE, RATE * SECONDS, 1000, media="10.10.0.13")
        media.wait_line("done")
        report = media.report()
    finally:
        media.stop()
    load.wait(SECONDS + 30)
    assert (load.successful, load.failed) == (RATE * SECONDS, 0), load.errors()
    assert len(box.calls()) == MEDIA_CALLS, "the talkers must still be up"
    talkers.wait(30)
    assert (talkers.successful, talkers.failed) == (MEDIA_CALLS, 0), talkers.errors()
    box.wait_calls(0)
    return report


def stood_still(report):
    """A generator that did sends all that it missed at once, which is more than a veth keeps."""
    return report["late_max_ms"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("lab", [{"more": 4}], indirect=True)
def test_200_calls_a_second_with_100_talking(lab):
    """No call fails and no packet is lost while calls come and go around those that talk."""
    box = sluice.Sluice(lab, text=sluice.LOAD, media={"silence": "0s"})
    carrier = sipp.uas(lab, media="203.0.113.12")
    report = calls_among_talkers(lab, box)
    if stood_still(report) and report["lost"]:
        report = calls_among_talkers(lab, box)
    assert report["lost"] <= (report["sent"] // 1000 if stood_still(report) else 0), report
    assert report["silent_legs"] == 0, report
    assert report["wrong"] == 0 and report["foreign"] == 0, report
    assert report["before_first"] <= 2 * MEDIA_CALLS, report
    assert box.flows() == []
    assert carrier.failed == 0, carrier.errors()
    totals = {k: (v["used"], v["orphaned"]) for k, v in box.ctl("trunks")["media_ports"].items()}
    assert totals == {"inside": (0, 0), "outside": (0, 0)}, "every port came back"
