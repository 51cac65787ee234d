# SPDX-License-Identifier: Apache-2.0
"""The call flows of the system tests with sluice.ko in place of sluice-dp: in a virtual machine that is started once, with
the tests as they are (SLUICE_ENGINE=kernel)."""
import os
import re

import pytest

from lab import build, guest

SHORT = ["guest/test_kernel.py::test_one_call_and_what_happens_in_it[box0]",
         "test_srtp.py::test_tone_passes_both_ways[one side]",
         "test_bridge.py::test_from_ipv4_to_ipv6[out-af_packet]"]
# Not there: verdicts by the heads of packets, which the kernel does not keep (strangers, hosts that do not answer).
LONG = ["test_bridge.py::test_from_ipv4_to_ipv6[in-af_packet]",
        "test_bridge.py::test_media_is_on_several_addresses",
        "test_calls.py::test_tone_passes_both_ways[out]",
        "test_calls.py::test_tone_passes_both_ways[in]",
        "test_calls.py::test_hold_and_resume",
        "test_calls.py::test_caller_gives_up",
        "test_calls.py::test_media_survives_a_crash_of_sluiced[box0]",
        "test_phones_inside.py::test_plain_call[carrier-pbx]",
        "test_phones_inside.py::test_blind_transfer[carrier-pbx-desk-referrer]",
        "test_phones_inside.py::test_attended_transfer_of_who_was_called",
        "test_phones_inside.py::test_keys_by_rtp[pbx-carrier]",
        "test_phones_inside.py::test_keys_by_info[pbx-carrier]",
        "test_srtp.py::test_tone_passes_both_ways[both]",
        "test_srtp.py::test_tone_passes_both_ways[another suite]",
        "test_srtp.py::test_hold_and_resume",
        "test_why.py::test_on_hold[lab0]",
        "test_why.py::test_srtp_with_another_key[lab0]"]
BOOT_SECONDS, TEST_SECONDS = 120, 120  # on a machine that does other things, too


class Results:
    """What pytest said in the machine."""

    def __init__(self, names):
        self.lines = []
        guest.need()
        self.status = guest.run(
            ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v", "--tb=short",
             *(f"tests/system/{n}" for n in names)],
            BOOT_SECONDS + TEST_SECONDS * len(names), say=self.lines.append,
            env={"COLUMNS": "200", "NO_COLOR": "1", "SLUICE_BUILD": os.path.abspath(build.BASE)})

    def of(self, name):
        pattern = re.escape(f"tests/system/{name}") + r" (PASSED|FAILED|ERROR|SKIPPED)"
        found = [m[1] for line in self.lines if (m := re.search(pattern, line))]
        return found[-1] if found else "no word of it"


@pytest.fixture(scope="module")
def results(request):
    """One machine for all that were asked for."""
    return Results([i.callspec.params["name"] for i in request.session.items
                    if i.function is test_call_flow])


@pytest.mark.parametrize("name", [*SHORT, *(pytest.param(n, marks=pytest.mark.long) for n in LONG)])
def test_call_flow(results, name):
    said = results.of(name)
    assert said == "PASSED", f"{said}\n" + "\n".join(results.lines[-200:])
