# SPDX-License-Identifier: Apache-2.0
"""tools/bench media: sluice-dp, rtpengine and a plain relay on the same work, one after another, on one machine."""
import json
import os
import shlex
import time

from . import build, relays, report, term

CALLS, RATE = 500, 50000
MEDIA = {"rtp": [], "cm80": ["--srtp", "b", "--suite", "cm128-80"], "gcm": ["--srtp", "b", "--suite", "gcm128"]}
TITLES = {"rtp": "RTP", "cm80": "RTP to SRTP, AES-CM and 80 bits", "gcm": "RTP to SRTP, AES-GCM"}
# veth and a scheduler lose a packet now and then whoever relays: one in 10,000 is no sign of a limit.
ALLOWED = "0.0001"


class Plan:
    def __init__(self, quick):
        self.seconds = "2" if quick else "10"
        self.trial = "1" if quick else "2"
        self.trials = "8" if quick else "12"
        self.setups = "2000" if quick else "20000"
        self.media = ["rtp", "gcm"] if quick else list(MEDIA)


class Comparison:
    def __init__(self, figures, quick, suffix):
        self.figures, self.plan, self.suffix = figures, Plan(quick), suffix
        self.runs, self.left_out = [], []

    def _one(self, kind, media, purpose, threaded, words):
        """A run in a lab of its own; None where it cannot be."""
        try:
            with relays.Rig(kind, threaded, self.suffix) as rig:
                term.say(term.paint(f"{relays.KINDS[kind]}, {TITLES[media]}: {purpose}", "bold"))
                got = rig.bench(*words, *MEDIA[media], "--calls", str(CALLS), "--name", f"{kind} {media}",
                                say=lambda line: term.say("  " + line))
        except (relays.NotHere, RuntimeError, TimeoutError) as e:
            self.left_out.append({"relay": relays.KINDS[kind], "media": TITLES[media], "what": purpose,
                                  "why": str(e).splitlines()[-1] if str(e) else type(e).__name__})
            term.say(term.paint(f"  left out: {e}", "yellow"))
            return None
        got.update(kind=kind, title=relays.KINDS[kind], media=media, media_title=TITLES[media], purpose=purpose,
                   command=shlex.join(got["command"][:1] and ["sluice-bench", *got["command"][1:]]))
        self.runs.append(got)
        return got

    def cost(self, kind, media):
        """CPU per packet at 50,000 packets/s: the kernel's receive work in threads of its own."""
        self._one(kind, media, "cpu", True,
                  ["latency", "--rate", str(RATE), "--seconds", self.plan.seconds])

    def quality(self, kind, media):
        """Loss and latency at that rate, then the highest rate; with RTP also the loss curve and calls a second."""
        p = self.plan
        self._one(kind, media, "latency", False, ["latency", "--rate", str(RATE), "--seconds", p.seconds])
        what = ["throughput", "loss"] if media == "rtp" else ["throughput"]
        self._one(kind, media, "throughput", False,
                  [*what, "--seconds", p.trial, "--warm", "0.5", "--trials", p.trials, "--from", "50000", "--most", "800000",
                   "--allowed-loss", ALLOWED])
        if media == "rtp" and kind != "testpmd":
            self._one(kind, media, "setup", False, ["setup", "--setups", p.setups])

    def run(self):
        for media in self.plan.media:
            for kind in relays.KINDS:
                if media != "rtp" and kind in ("plain", "testpmd"):
                    continue  # neither knows SRTP
                if kind != "testpmd":
                    self.cost(kind, media)
                self.quality(kind, media)

    def _find(self, kind, media, purpose):
        return next((r for r in self.runs if (r["kind"], r["media"], r["purpose"]) == (kind, media, purpose)), None)

    def at_rate(self, kind, media, purpose):
        run = self._find(kind, media, purpose)
        return run["latency"][0] if run else None

    def packet_cost(self, kind, media):
        t = self.at_rate(kind, media, "cpu")
        return sum(c["us_per_packet"] for c in t["cpu"].values()) if t else None

    def forwarded(self, kind, media):
        """The most packets/s that came out, of whatever was offered (RFC 2285: maximum forwarding rate)."""
        run = self._find(kind, media, "throughput")
        if not run:
            return None
        trials = run["throughput"]["trials"] + run.get("loss", [])
        return max((t["received"] / t["seconds"] for t in trials), default=0)

    def judge(self):
        f = self
        for media in self.plan.media:
            for kind in relays.KINDS:
                self._tell(f, kind, media)
        for media in self.plan.media:
            self._beside_rtpengine(f, media)
        ours, best = self.forwarded("sluice-xdp", "rtp"), self.forwarded("testpmd", "rtp")
        if ours and best:
            f.add("media.xdp_of_testpmd", ours / best, "share", "sluice-dp's AF_XDP beside testpmd's, packets/s",
                  at_least=0.9)

    def add(self, name, value, unit, words, **target):
        """A figure; `words` is what it is called on the page."""
        self.figures.add(name, value, unit, **target)
        self.figures.all[-1]["words"] = words

    def _tell(self, f, kind, media):
        cost, quality = self.packet_cost(kind, media), self.at_rate(kind, media, "latency")
        best, setup = self._find(kind, media, "throughput"), self._find(kind, media, "setup")
        ours = kind.startswith("sluice")
        name, who = f"media.{kind}.{media}", f"{relays.KINDS[kind]}, {media}"
        if cost is not None:
            f.add(f"{name}.cpu", cost, "us/packet", f"{who}: CPU per packet")
        if quality:
            f.add(f"{name}.lost", quality["lost"], "packets", f"{who}: lost of {quality['sent']}",
                  target=0 if ours else None)
            f.add(f"{name}.latency.p50", quality["latency_us"]["p50"], "us", f"{who}: delay, median")
            f.add(f"{name}.latency.p99", quality["latency_us"]["p99"], "us", f"{who}: delay, p99")
        if best:
            f.add(f"{name}.throughput", best["throughput"]["pps"], "packets/s", f"{who}: most without loss")
            f.add(f"{name}.forwarded", self.forwarded(kind, media), "packets/s", f"{who}: most that came out")
        if setup:
            f.add(f"{name}.setup", setup["setup"]["per_second"], "calls/s", f"{who}: set up in a second",
                  at_least=20000 if kind == "sluice-xdp" else None)

    def _beside_rtpengine(self, f, media):
        ours, theirs = self.packet_cost("sluice-xdp", media), self.packet_cost("rtpengine", media)
        if ours and theirs:
            f.add(f"media.{media}.less_cpu_than_rtpengine", theirs / ours, "times",
                  f"{TITLES[media]}: less CPU per packet than rtpengine", at_least=4)
        ours, theirs = (self.at_rate(k, media, "latency") for k in ("sluice-xdp", "rtpengine"))
        if ours and theirs:
            f.add(f"media.{media}.p99_beside_rtpengine", ours["latency_us"]["p99"], "us",
                  f"{TITLES[media]}: p99 of the delay, the target is rtpengine's", target=theirs["latency_us"]["p99"])


def bench(figures, options, suffix):
    """The comparison, its figures, and OUT/media.json and media.html."""
    began = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    c = Comparison(figures, options.quick, suffix)
    first = len(figures.all)
    c.run()
    c.judge()
    out = options.out or os.path.join(build.folder(suffix), "media")
    os.makedirs(out, exist_ok=True)
    whole = {"schema": 1, "kind": "media", "began": began, "rate": RATE, "calls": CALLS,
             "environment": relays.versions(), "command": "tools/bench media" + (" --quick" if options.quick else ""),
             "runs": c.runs, "left_out": c.left_out, "figures": figures.all[first:]}
    with open(os.path.join(out, "media.json"), "w") as f:
        json.dump(whole, f, indent=1)
    with open(os.path.join(out, "media.html"), "w") as f:
        f.write(report.html(whole))
    term.say(f"\nreport: {os.path.join(out, 'media.html')}  data: {os.path.join(out, 'media.json')}")
    if not c.runs:
        raise RuntimeError("nothing could be measured")
