# SPDX-License-Identifier: Apache-2.0
"""tools/demo as a person runs it."""
import os
import signal
import subprocess
import time

from lab import build, netns

DEMO = os.path.join(build.ROOT, "tools/demo")
NAME = f"sltdemo{os.getpid()}"  # not in the way of one that a person runs
ENV = dict(os.environ, SLUICE_DEMO=NAME)


def left():
    return [r for r in netns.Lab.ROLES if netns.exists(f"{NAME}-{r}")]


def run(*arguments):
    return subprocess.run([DEMO, *arguments], capture_output=True, text=True, timeout=180,
                          env=ENV)


def test_demo_holds_and_cleans_up():
    r = run()
    assert r.returncode == 0, r.stdout[-4000:] + r.stderr
    assert "All of it held." in r.stdout
    assert r.stdout.count("440 Hz with") == 2 and r.stdout.count("1000 Hz with") == 2
    assert "NO " not in r.stdout and "\033" not in r.stdout
    assert left() == [] and not os.path.exists(f"/run/{NAME}")


def test_demo_stays_and_goes():
    try:
        r = run("--stay")
        assert r.returncode == 0, r.stdout[-4000:] + r.stderr
        assert len(left()) == 3 and "--down" in r.stdout
        assert run("--call", "out").returncode == 0
        assert run("--hangup").returncode == 0
        assert run("--call", "in").returncode == 0
    finally:
        r = run("--down")
    assert r.returncode == 0 and left() == [] and not os.path.exists(f"/run/{NAME}")


def test_demo_cleans_up_when_interrupted():
    # A shell that has the tests in its background ignores SIGINT, and so would its children.
    p = subprocess.Popen([DEMO], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         env=ENV, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for line in p.stdout:
        if "two telephones" in line or "A call from" in line:
            break
    time.sleep(1)
    p.send_signal(signal.SIGINT)
    out = p.stdout.read()
    assert p.wait(30) == 128 + signal.SIGINT, out
    assert left() == [] and not os.path.exists(f"/run/{NAME}"), out


def test_second_demo_waits_its_turn():
    p = subprocess.Popen([DEMO], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV)
    for line in p.stdout:
        if "three network namespaces" in line or "A trunk between" in line:
            break
    r = run()
    p.send_signal(signal.SIGTERM)
    out = p.stdout.read()
    assert r.returncode == 1 and "another one is running" in r.stderr
    assert p.wait(30) == 128 + signal.SIGTERM, out
    assert left() == [] and not os.path.exists(f"/run/{NAME}"), out
