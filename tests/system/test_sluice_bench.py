# SPDX-License-Identifier: Apache-2.0
"""sluice-bench: what it says of loss is exact, it can drive every relay, and its report is a page."""
import json
import os
import re
import subprocess
import xml.etree.ElementTree

import pytest

from lab import build, media, netns, relays, report, soak, svg

RATE, CALLS = 2000, 50
WORK = ["--calls", str(CALLS), "--rate", str(RATE), "--seconds", "1", "--settle", "0.3"]


def run(*words, seconds=60):
    return subprocess.run([build.program("sluice-bench"), *words], capture_output=True, text=True, timeout=seconds)


@pytest.fixture
def rig(request):
    """A lab with one relay in it; a relay that is not installed is no failure."""
    try:
        made = relays.Rig(request.param, prefix=f"slt{os.getpid()}")
    except relays.NotHere as e:
        pytest.skip(str(e))
    yield made
    made.close()


def trial(rig, *more):
    return rig.bench("latency", *WORK, *more)["latency"][0]


def drop_at_b(rig, every):
    rig.lab.carrier.run("nft", "-f", "-", input="table ip bench {\nchain in {\ntype filter hook input priority 0;\n"
                        f"udp dport {relays.BENCH_PORT} numgen inc mod {every} 0 counter drop\n}}\n}}\n")


@pytest.mark.alone
@pytest.mark.parametrize("rig", list(relays.KINDS), indirect=True)
def test_every_relay(rig):
    """Each driver sets its calls up, and every packet is accounted for."""
    for _ in range(3):  # a machine that stands still says nothing of the relay
        t = trial(rig, "--warm", "0.5", "--dtmf", "5")
        if t["sent"] > 0.8 * RATE:
            break
    assert t["sent"] > 0.8 * RATE
    assert t["lost"] == t["corrupt"] == t["astray"] == t["foreign"] == t["duplicates"] == 0
    assert t["received"] == t["sent"] == t["latency_us"]["n"]
    assert 0.02 * t["sent"] < t["keys"] < 0.08 * t["sent"]
    assert t["latency_us"]["min"] > 0
    assert t["cpu"]["relay"]["seconds"] > 0


@pytest.mark.parametrize("rig", ["plain"], indirect=True)
def test_loss_is_counted_exactly(rig):
    """Every seventh packet is dropped on its way to B; nothing else is."""
    drop_at_b(rig, 7)
    t = trial(rig, "--warm", "0")
    told = rig.lab.carrier.run("nft", "list", "table", "ip", "bench").stdout
    dropped = int(re.search(r"counter packets (\d+)", told)[1])
    assert dropped > RATE / 7 * 0.4
    assert t["lost"] == dropped
    assert t["sent"] - t["received"] == dropped
    assert t["duplicates"] == t["reordered"] == t["corrupt"] == 0


@pytest.mark.parametrize("rig", ["rtpengine", "sluice-xdp"], indirect=True)
@pytest.mark.parametrize("suite", ["cm128-80", "gcm256"])
def test_srtp(rig, suite):
    t = trial(rig, "--warm", "0.5", "--srtp", "b", "--suite", suite)
    assert t["received"] == t["sent"] > 0
    assert t["refused"] == t["corrupt"] == 0


@pytest.mark.parametrize("rig", ["plain"], indirect=True)
def test_a_limit_is_found(rig):
    """A relay that loses one packet in forty has no throughput; and the loss curve says it."""
    drop_at_b(rig, 20)
    got = rig.bench("throughput", "loss", "--calls", "10", "--seconds", "0.2", "--warm", "0", "--settle", "0.1", "--from",
                    "2000", "--most", "2000", "--trials", "3")
    assert got["throughput"]["pps"] == 0
    if all(t["valid"] for t in got["throughput"]["trials"]):  # else the machine was busy
        assert got["throughput"]["limit"] == "relay"
    assert len(got["loss"]) == 10
    assert all(0.01 < t["loss"] < 0.06 for t in got["loss"] if t["sent"] >= 80)


@pytest.mark.parametrize("rig", ["sluice-xdp"], indirect=True)
def test_a_stranger_gets_nothing(rig):
    """The sprayed packets are seen neither by the calls nor as anything that comes back."""
    out = rig.lab.path("spray.json")
    sprayer = subprocess.Popen(
        [build.program("sluice-bench"), "spray", "--a", f"203.0.113.13:5000@{rig.lab.carrier}", "--target",
         f"{netns.Lab.OUTSIDE}:{relays.PORT_FIRST}", "--target-ports", "200", "--rate", "2000", "--seconds", "2.5", "--json",
         out], stdout=subprocess.DEVNULL)
    t = trial(rig, "--warm", "0.5")
    assert sprayer.wait(20) == 0
    with open(out) as f:
        attack = json.load(f)
    assert attack["sent"] > 1000
    assert attack["came_back"] == 0
    assert t["foreign"] == t["lost"] == 0


@pytest.mark.parametrize("rig", ["sluice-xdp"], indirect=True)
def test_a_new_port_of_a_nat(rig):
    got = rig.bench("rebind", "--calls", "10", "--ports", "5", "--silence", "300")
    assert got["moved"] == got["calls"] == 10
    assert got["gap_us"]["max"] < 1e6


@pytest.mark.parametrize("rig", ["plain"], indirect=True)
def test_setup_rate(rig):
    got = rig.bench("setup", "--calls", "100", "--setups", "300")["setup"]
    assert got["calls"] == got["latency_us"]["n"] == 300
    assert got["per_second"] > 100


@pytest.mark.parametrize("rig", ["plain"], indirect=True)
def test_a_reflector_is_side_b(rig):
    """Side B elsewhere: what A sent comes back to A, through the relay twice."""
    where = f"{relays.B}:{relays.BENCH_PORT}"
    reflector = rig.lab.start(rig.lab.carrier, build.program("sluice-bench"), "reflect", "--b", where)
    reflector.wait_text("ready")
    t = trial(rig, "--reflected", "--warm", "0.2")
    assert t["sent"] > RATE / 2 * 0.8
    assert t["received"] == t["sent"]


def test_help_tells_every_option():
    told = run("--help").stdout
    with open(os.path.join(build.ROOT, "tools/sluice-bench/options.c")) as f:
        options = re.findall(r'WITH(?:OUT)?\("([a-z-]+)"', f.read())
    assert len(options) > 30
    assert [o for o in options if f"--{o}" not in told] == []
    assert all(f"{name}" in told for name in ("sluice=", "rtpengine=", "legs=", "direct"))


@pytest.mark.parametrize("words", [["--nonsense"], ["everything"], ["--relay", "nobody", "--a", "::1", "--b", "::1"],
                                   ["--relay", "direct"], ["--relay", "direct", "--a", "127.0.0.1:99999"],
                                   ["--payload", "3"], ["--suite", "rot13"], ["--cpu", "x=no-such-process"],
                                   ["--srtp", "perhaps"]])
def test_wrong_usage_is_said(words):
    r = run(*words)
    assert r.returncode != 0
    assert r.stderr.strip()


# ---- the report ----

def a_trial(rate, lost, valid=True):
    curve = [[0, 10.0], [0.5, 20.5], [0.9, 40.0], [0.999, 90.0], [1, 900.0]]
    times = {"n": 9, "min": 1, "mean": 2, "p50": 20.5, "p90": 40, "p99": 80, "p999": 90, "max": 900, "curve": curve}
    return {"rate": rate, "seconds": 1.0, "sent": 1000, "received": 1000 - lost, "lost": lost, "loss": lost / 1000,
            "reordered": 0, "duplicates": 0, "valid": valid, "latency_us": times, "jitter_us": times,
            "cpu": {"relay": {"seconds": 1, "us_per_packet": 3.5}, "kernel": {"seconds": 0.5, "us_per_packet": 1.5}},
            "generator": {"seconds": 1, "us_per_packet": 2.0}}


def a_page(**more):
    runs = []
    for kind, title in (("sluice-xdp", "sluice-dp, AF_XDP"), ("rtpengine", "rtp<engine> & co")):
        base = {"schema": 1, "kind": kind, "title": title, "media": "rtp", "media_title": "RTP", "command": "sluice-bench x",
                "work": {"calls": 5, "payload": 160, "srtp": ["none", "none"]}}
        runs += [{**base, "purpose": p, "latency": [a_trial(50000, 0)]} for p in ("cpu", "latency")]
        runs.append({**base, "purpose": "throughput", "loss": [a_trial(2e5, 100), a_trial(1e5, 0, valid=False)],
                     "throughput": {"pps": 1e5, "limit": "generator", "trials": [a_trial(1e5, 0)]}})
        runs.append({**base, "purpose": "setup", "setup": {"per_second": 5e4, "latency_us": a_trial(1, 0)["latency_us"]}})
    figures = [{"name": "a.b", "value": 0.95, "unit": "share", "target": 0.9, "ok": True},
               {"name": "a.c", "value": 1e7, "unit": "x", "target": 5, "ok": False},
               {"name": "a.d", "value": 3, "unit": "us", "target": None, "ok": True}]
    return {"schema": 1, "kind": "media", "runs": runs, "figures": figures, "rate": 50000, "began": "now", "command": "tools",
            "environment": {"kernel": "x"}, "left_out": [{"relay": "r", "media": "m", "what": "w", "why": "because"}], **more}


def parsed(page):
    assert page.startswith("<!DOCTYPE html>")
    return xml.etree.ElementTree.fromstring(page.split("\n", 1)[1])


def test_the_page_is_whole_and_needs_nothing():
    page = report.html(a_page())
    root = parsed(page)
    plots = root.findall(".//svg")
    assert len(plots) == 6
    # Two relays in each of the line plots, with as many points as were measured (the maximum is no percentile).
    lines = [p for p in root.iter("polyline")]
    assert [len(line.get("points").split()) for line in lines] == [4, 4, 4, 4, 2, 2]
    assert "rtp&lt;engine&gt; &amp; co" in page
    assert page.count(">PASS<") == 2 and page.count(">FAIL<") == 2
    assert "prefers-color-scheme: dark" in page and "because" in page
    assert "<script" not in page and "http" not in page and "url(" not in page


def test_points_lie_in_the_frame():
    for p in parsed(report.html(a_page())).iter("polyline"):
        for point in p.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= svg.WIDTH and 0 <= y <= svg.HEIGHT


def test_an_empty_page_is_a_page():
    parsed(report.html(a_page(runs=[], figures=[])))


def test_reports_of_single_runs_are_put_together(tmp_path):
    r = run("latency", "--relay", "direct", "--a", "127.0.0.1:42000", "--b", "127.0.0.1:43000", "--calls", "5", "--seconds",
            "0.2", "--warm", "0", "--settle", "0.1", "--name", "first", "--json", str(tmp_path / "one.json"))
    assert r.returncode == 0, r.stderr
    out = tmp_path / "page.html"
    assert report.main([str(tmp_path / "one.json"), str(tmp_path / "one.json"), "--out", str(out)]) == 0
    assert "first" in "".join(parsed(out.read_text()).itertext())


def test_the_sums_of_a_comparison():
    """What is compared is the sum of relay and kernel, and the most that came out of any trial."""
    c = media.Comparison(None, True, "")
    c.runs = a_page()["runs"]
    assert c.packet_cost("sluice-xdp", "rtp") == 5.0
    assert c.forwarded("rtpengine", "rtp") == 1000
    assert c.packet_cost("plain", "rtp") is None


def test_growth_is_seen():
    steady = [{"minute": m, "x": 1000 + m % 3} for m in range(30)]
    leak = [{"minute": m, "x": 1000 + 10 * m} for m in range(30)]
    assert abs(soak.growth(steady, "x")) < soak.GROWTH
    assert soak.growth(leak, "x") > 5 * soak.GROWTH
    assert soak.growth(leak[:1], "x") == 0
