# SPDX-License-Identifier: Apache-2.0
"""Starting, stopping, crashing: nothing is left behind, nothing stands in the way of the next start."""
import os
import signal

import pytest

from lab import build, netns, sluice


def traces(lab):
    """What a data plane leaves in a network namespace while it runs."""
    links = lab.sbc.run("ip", "-d", "link").stdout
    rules = lab.sbc.run("nft", "list", "ruleset", check=False).stdout
    return ("xdp" in links, rules.strip())


def test_nothing_is_left_after_the_end(lab):
    before = traces(lab)
    box = sluice.Sluice(lab)
    assert os.path.exists(box.control) and os.path.exists(box.engine)
    assert traces(lab) != before, "it must be seen while it runs"
    assert box.stop() == 0
    assert not os.path.exists(box.control), "sluiced removes its socket"
    assert box.engine_pid(), "sluice-dp goes on without sluiced"
    box.stop_engine()
    assert not os.path.exists(box.engine), "sluice-dp removes its socket"
    assert traces(lab) == before
    assert lab.sbc.pids() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_start_after_whatever_end(lab, number):
    box = sluice.Sluice(lab)
    for _ in range(2):
        box.process.kill(number)
        box.process.popen.wait(10)
        box.stop_engine(number)
        box.start()
        assert box.ctl("status")["ok"]


def test_sluiced_runs_without_privileges(lab):
    box = sluice.Sluice(lab)
    with open(f"/proc/{box.process.pid}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
    assert "0" not in status["Uid"].split()
    assert status["NoNewPrivs"].strip() == "1"


def test_second_sluiced_is_refused(lab, box):
    r = lab.sbc.run(build.program("sluiced"), "--config", box.config, check=False, timeout=20)
    assert r.returncode != 0
    assert "in use" in r.stderr
    assert box.ctl("status")["ok"], "the first one goes on"


def test_control_socket_is_not_for_everybody(lab, box):
    assert os.stat(box.control).st_mode & 0o007 == 0
    netns.wait_for("an answer", lambda: box.ctl("trunks")["trunks"], 5)
