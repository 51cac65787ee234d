# SPDX-License-Identifier: Apache-2.0
"""Requests that are no calls, as sipp speaks them: MESSAGE, OPTIONS, and a subscription with its NOTIFY."""
from lab import netns, sipp, sluice

CALLS = 50


def test_requests_cross(lab):
    box = sluice.Sluice(lab)
    carrier = sipp.answering(lab, "uas-requests")
    pbx = sipp.Sipp(lab, lab.pbx, "uac-requests", netns.Lab.PBX, f"{netns.Lab.INSIDE}:5060", "-r", "25", "-m",
                    str(CALLS), "-recv_timeout", "8000")
    pbx.wait(30)
    assert (pbx.successful, pbx.failed) == (CALLS, 0), pbx.errors()
    # Each of the three is a dialog of its own to the carrier.
    netns.wait_for("all at the carrier", lambda: carrier.successful == 3 * CALLS, 5)
    assert carrier.failed == 0, carrier.errors()
    assert box.calls() == []
