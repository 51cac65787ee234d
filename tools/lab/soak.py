# SPDX-License-Identifier: Apache-2.0
"""tools/bench soak: calls of sipp through sluiced and sluice-dp, their media at half of what the relay can do, other
calls coming and going, for a long time. Nothing may grow: memory, descriptors, ports, delay."""
import os
import re
import statistics
import time

from . import netns, relays, sipp, sluice, term

CALL_PPS = 100            # of a call, both directions
HELD_MOST = 1500
CHURN_RATE, CHURN_MS = 20, 3000
TRIAL_SECONDS = 10
GROWTH = 0.02             # of the first value, over the whole time: what still counts as none


def _capacity(suffix):
    with relays.Rig("sluice-xdp", suffix=suffix) as rig:
        got = rig.bench("throughput", "--calls", "500", "--seconds", "1", "--warm", "0.5", "--trials", "8", "--from", "50000",
                        "--most", "400000", "--allowed-loss", "0.0001", say=lambda line: term.say("  " + line))
    return got["throughput"]["pps"]


def _status(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{key}:\s+(\d+)", f.read(), re.M)[1])


class Soak:
    def __init__(self, lab, suffix, calls):
        self.lab, self.suffix, self.calls = lab, suffix, calls
        self.box = sluice.Sluice(lab, text=sluice.LOAD, media={"silence": "0s"}, suffix=suffix)
        sipp.uas(lab, media=relays.B)
        hold = 10 * 3600 * 1000
        sipp.uac(lab, netns.Lab.INSIDE, 100, calls, hold, media=relays.A)
        self.box.wait_active(calls, calls / 50 + 20)
        self.legs = lab.path("legs")
        sipp.legs_of(self.box.flows(), self.legs)
        self.ports = self._our_ports()
        self.samples = []

    def _our_ports(self):
        """First, and how many, on either side."""
        with open(self.legs) as f:
            ports = [int(line.split()[2]) for line in f]
        return min(ports), max(ports) - min(ports) + 1

    def churn(self, seconds):
        self.other = sipp.uac(self.lab, netns.Lab.INSIDE, CHURN_RATE, round(CHURN_RATE * seconds), CHURN_MS, port=5070,
                              media="10.10.0.13")

    def trial(self):
        first, n = self.ports
        rig = relays.Media(self.lab, self.suffix, f"legs={self.legs}", [
            "--a", f"{relays.A}:{first}@{self.lab.pbx}", "--b", f"{relays.B}:{first}@{self.lab.carrier}", "--ports", str(n)])
        return rig.bench("latency", "--type", "8", "--calls", str(self.calls), "--rate", str(self.calls * CALL_PPS),
                         "--seconds", str(TRIAL_SECONDS))["latency"][0]

    def sample(self, began):
        t = self.trial()
        used = sum(p["used"] for p in self.box.ask("trunks")["media_ports"].values())
        one = {"minute": (time.monotonic() - began) / 60, "p99": t["latency_us"]["p99"], "lost": t["lost"],
               "sent": t["sent"], "skipped": t["skipped"], "ports": used, "calls": self.box.ask("status")["calls"]}
        for name, pid in (("sluiced", self.box.process.pid), ("sluice-dp", self.box.engine_pid())):
            one[f"{name} rss"] = _status(pid, "VmRSS")
            one[f"{name} files"] = len(os.listdir(f"/proc/{pid}/fd"))
        self.samples.append(one)
        term.say("  " + "  ".join(f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in one.items()))


def slope(points):
    """Least squares: how much y grows for each x."""
    mx, my = statistics.fmean(x for x, _ in points), statistics.fmean(y for _, y in points)
    below = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / below if below else 0.0


def growth(samples, key):
    """Over the whole time, as a share of the first value. The first samples warm up and are left out."""
    points = [(s["minute"], s[key]) for s in samples[len(samples) // 5:]]
    if len(points) < 2:
        return 0.0
    return slope(points) * (points[-1][0] - points[0][0]) / max(points[0][1], 1)


def _judge(f, samples):
    for key in ("sluiced rss", "sluice-dp rss", "sluiced files", "sluice-dp files"):
        f.add(f"soak.growth.{key.replace(' ', '.')}", growth(samples, key), "share", GROWTH)
    f.add("soak.growth.p99", growth(samples, "p99"), "share", 0.5)
    sent = sum(s["sent"] for s in samples)
    skipped = sum(s["skipped"] for s in samples)
    f.add("soak.not_sent", skipped / max(sent + skipped, 1), "share")  # by the generator, for want of a processor
    f.add("soak.loss", sum(s["lost"] for s in samples) / max(sent, 1), "share", 0.0001)


def bench(figures, options, suffix):
    capacity = _capacity(suffix)
    calls = max(10, min(HELD_MOST, int(capacity / 2 / CALL_PPS)))
    term.say(f"capacity {capacity:.0f} packets/s; {calls} calls for {options.minutes:g} minutes, {CHURN_RATE} others a second")
    with netns.Lab(f"slb{os.getpid()}", more=4) as lab:
        s = Soak(lab, suffix, calls)
        before = s.box.ask("trunks")["media_ports"]
        s.churn(60 * options.minutes)
        began = time.monotonic()
        while time.monotonic() - began < 60 * options.minutes:
            s.sample(began)
        s.other.wait(120)
        netns.wait_for("the others to end", lambda: s.box.ask("status")["calls"] == calls, 60, 0.5)
        after = s.box.ask("trunks")["media_ports"]
    _judge(figures, s.samples)
    figures.add("soak.ports_kept", sum(after[n]["used"] - before[n]["used"] for n in after), "ports", 0)
    figures.add("soak.others_failed", s.other.failed, "calls", 0)
