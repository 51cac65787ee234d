# SPDX-License-Identifier: Apache-2.0
"""sluice-dp under the conformance suite of relay engines (tests/engine/): the program runs once for each kind of device, and each
group of its cases is a test here."""
import os
import re
import subprocess

import pytest

from lab import build

RUN = os.path.join(build.ROOT, "tests/engine/run.sh")
GROUPS = ("verbs", "values", "relay", "wire", "update", "rtcp", "mask", "source", "attack", "raw", "srtp", "srtp-attack",
          "rekey", "police", "dtmf", "punt", "send", "stats", "idle", "trace", "fuzz", "restart", "nobody else got anything")
LINE = re.compile(r"^(not )?ok \d+ - ([^#\n]*?)(?: # SKIP (.*))?$")


class Tap:
    def __init__(self, device):
        r = subprocess.run(["sh", RUN, "-b", build.folder(), "-d", device], capture_output=True, text=True,
                           timeout=400)
        self.text, self.groups = r.stdout + r.stderr, {}
        for line in r.stdout.splitlines():
            m = LINE.match(line)
            if m:
                last = [not m[1], m[2], m[3], ""]
                self.groups.setdefault(m[2].split("/")[0], []).append(last)
            elif line.startswith("# ") and self.groups:
                last[3] += f"\n    {line}"
        plan = re.search(r"^1\.\.(\d+)$", r.stdout, re.M)
        self.whole = plan and sum(map(len, self.groups.values())) == int(plan[1])


@pytest.fixture(scope="module")
def tap():
    made = {}
    return lambda device: made.setdefault(device, None) or made.update({device: Tap(device)}) or made[device]


DEVICES = pytest.mark.parametrize("device", ["af_xdp", pytest.param("af_packet", marks=pytest.mark.long)])


@DEVICES
def test_all_cases_ran(tap, device):
    t = tap(device)
    assert t.whole, t.text[-3000:]
    assert set(t.groups) == set(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
@DEVICES
def test_conformance(tap, device, group):
    cases = tap(device).groups.get(group, [])
    assert cases, "no case of this group ran"
    bad = [name + why for ok, name, _, why in cases if not ok]
    assert not bad, f"{len(bad)} of {len(cases)}:\n" + "\n".join(bad)
    if all(skip for _, _, skip, _ in cases):
        pytest.skip(cases[0][2])
