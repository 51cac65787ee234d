# SPDX-License-Identifier: Apache-2.0
"""Measures what performance is judged by, beside the peers and on the same work.

usage: tools/bench [sip|calls|held|media|stage|kernel|pdd|memory|idle|parser|messages|all]... [--peers] [--json FILE]
       tools/bench media [--quick] [--out DIR]     media relays on the same work; a report with plots
       tools/bench kernel                          instructions of a packet in sluice.ko and others, in a virtual machine
       tools/bench attack                          strangers and NATs during calls
       tools/bench soak [MINUTES]                  half the capacity for a long time (30)
       tools/bench report FILE.json... [--out FILE.html]
`sip` is all that SIP is judged by: parsing, calls, requests, delay, and 100,000 calls at once.
Each figure is one line: name, value, unit, target, PASS or FAIL. Exit status 1 when a target is missed.

Packets cross virtual cables between namespaces, and the load generators use the same cores: figures
are costs of code paths and comparisons within one run, not line rates.
"""
import argparse
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

from . import (attack, build, capture, kernel, kernels, measure, media, netns, peers, report, sipload, sipp, sluice, soak,
               term, vm)

SUFFIX = "bench"  # of the build folder: optimised for real
SIP_RATE, SIP_SECONDS = 1000, 10
SIP_RATE_LOW = 500
OPTIONS_RATE = 2000
HELD_CALLS, HELD_NETWORKS, HELD_RATE = 100000, 5, 1000
PDD_RATE, PDD_SECONDS = 250, 8
TRANSACTIONS_END = 36  # s: Timers L and M keep the INVITE for 32 s after its 2xx
MEMORY_CALLS = (500, 2500)
IDLE_SECONDS = 10


class Figures:
    def __init__(self):
        self.all, self.missed = [], []

    def add(self, name, value, unit, target=None, at_least=None):
        """`target`: the value must not be above it, nor below `at_least`."""
        ok = (target is None or value <= target) and (at_least is None or value >= at_least)
        self.all.append({"name": name, "value": value, "unit": unit, "ok": ok,
                         "target": target if at_least is None else at_least})
        if not ok:
            self.missed.append(name)
        goal = f"<= {target:g}" if target is not None else f">= {at_least:g}" if at_least is not None else ""
        mark = "" if not goal else term.paint("PASS", "green") if ok else term.paint("FAIL", "red")
        term.say(f"{name:<42} {value:>10{'.4g' if abs(value) < 1e4 else '.0f'}} {unit:<14} {goal:<10} {mark}")

    def ratio(self, name, ours, theirs):
        if theirs:
            term.say(f"{name:<42} {theirs / ours if ours else 0:>10.3g} {'x less':<14}")


class Setup:
    """A lab with one system under test in it.

    Threaded NAPI gives the kernel's receive work of each device a thread that can be measured, but a
    thread that waits for its turn loses packets: loss and latency are measured without."""

    def __init__(self, kind, threaded=True):
        self.kind = kind
        self.napi_before = set(measure.napi_threads())
        self.lab = netns.Lab(f"slb{os.getpid()}", threaded=threaded, more=4)
        try:
            if kind == "sluice":
                self.box = sluice.Sluice(self.lab, text=sluice.LOAD, media={"silence": "0s"},
                                         suffix=SUFFIX)
            else:
                self.box = peers.Peer(self.lab, media=kind == "kamailio+rtpengine")
        except BaseException:
            self.lab.close()
            raise

    def meter(self):
        return measure.Meter(self.lab, self.napi_before)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.close()


def note(text):
    term.say(term.paint(f"  {text}", "dim"))


def need_all(kind, load, wanted):
    """Of sluice every call; a peer that fails some is still a peer, and it is said."""
    if kind != "sluice" and load.successful >= 0.95 * wanted:
        if load.failed:
            note(f"{kind}: {load.failed} of {wanted} calls failed")
    elif load.failed or load.successful != wanted:
        raise RuntimeError(f"{load.successful} of {wanted} calls went well, {load.failed} failed: "
                           f"{load.errors()}")


# ---- signalling ----

def sip_load(setup, rate, first=True):
    """CPU of so many calls/s for SIP_SECONDS; a short run before warms everything."""
    seconds = SIP_SECONDS
    if first:
        sipp.uas(setup.lab, media="203.0.113.12")
    sipp.uac(setup.lab, netns.Lab.INSIDE, 100, 100, 100, port=5070).wait(30)
    meter = setup.meter().start()
    load = sipp.uac(setup.lab, netns.Lab.INSIDE, rate, rate * seconds, 300, media="10.10.0.12")
    load.wait(seconds + 40)
    time.sleep(0.5)
    meter.stop()
    need_all(setup.kind, load, rate * seconds)
    note(f"{setup.kind}: {rate} calls/s for {seconds} s, {load.retransmissions} retransmissions; "
         f"{meter}")
    return meter, load.successful


def options_load(setup):
    """CPU of OPTIONS that cross to the carrier, and their answers."""
    count = OPTIONS_RATE * SIP_SECONDS
    sipp.answering(setup.lab, "uas-options")
    warm = sipp.asking(setup.lab, netns.Lab.INSIDE, "uac-options", 200, 200, port=5070)
    warm.wait(30)
    meter = setup.meter().start()
    load = sipp.asking(setup.lab, netns.Lab.INSIDE, "uac-options", OPTIONS_RATE, count)
    load.wait(SIP_SECONDS + 40)
    meter.stop()
    need_all(setup.kind, load, count)
    note(f"{setup.kind}: {OPTIONS_RATE} OPTIONS/s for {SIP_SECONDS} s, {load.retransmissions} retransmissions; "
         f"{meter}")
    return 1000 * meter.total(without=("sluice-dp",)) / load.successful


def call_costs(kind):
    """ms of CPU for a call: (signalling, everything) at SIP_RATE, then at SIP_RATE_LOW."""
    costs = []
    with Setup(kind) as s:
        for i, rate in enumerate((SIP_RATE, SIP_RATE_LOW)):
            meter, calls = sip_load(s, rate, first=not i)
            costs.append((1000 * meter.total(without=("sluice-dp",)) / calls, 1000 * meter.total() / calls))
    return costs


def bench_calls(f, o):
    ours = call_costs("sluice")
    names = ("signalling", "media_anchored")
    for end, costs in zip(("", f".rate={SIP_RATE_LOW}"), ours):
        for name, value, limit in zip(names, costs, (0.06, 0.10)):
            f.add(f"sip.cpu_per_call.{name}{end}", value, "ms", limit)
    with Setup("sluice") as s:
        options = options_load(s)
    f.add("sip.cpu_per_request.options", options, "ms", 0.03)
    if not o.peers:
        return
    for i, kind in enumerate(("kamailio", "kamailio+rtpengine")):
        for end, costs, mine in zip(("", f".rate={SIP_RATE_LOW}"), call_costs(kind), ours):
            f.add(f"sip.cpu_per_call.{names[i]}{end}.peer", costs[1], "ms")
            f.ratio(f"sip.cpu_per_call.{names[i]}{end}: sluice needs", mine[i], costs[1])
    with Setup("kamailio") as s:
        theirs = options_load(s)
    f.add("sip.cpu_per_request.options.peer", theirs, "ms")
    f.ratio("sip.cpu_per_request.options: sluice needs", options, theirs)


# ---- many calls at once ----

def held_networks(lab):
    for i in range(1, HELD_NETWORKS):
        for ns, address, device in ((lab.sbc, f"10.10.{i}.1", "inside0"), (lab.pbx, f"10.10.{i}.10", "eth0"),
                                    (lab.sbc, f"203.0.{113 + i}.1", "outside0"),
                                    (lab.carrier, f"203.0.{113 + i}.10", "eth0")):
            ns.ip("addr", "add", f"{address}/24", "dev", device)


def held_callers(lab, calls, until, port):
    """One for each pair of networks; every call is there until about then (time.monotonic())."""
    seconds = max(1, round(calls / HELD_RATE))
    load = [(calls / HELD_NETWORKS / seconds, seconds)]
    stay = round(until - time.monotonic() - seconds / 2)
    started = [sipload.uac(lab, f"10.10.{i}.10", f"10.10.{i}.1:5060", load, "--call", str(1000 * stay), port=port,
                           suffix=SUFFIX) for i in range(HELD_NETWORKS)]
    time.sleep(seconds + 1)
    return started


def held_load(lab, box):
    """Callers of HELD_CALLS calls. On a busy machine they come late with some, and those are left out: once more."""
    for i in range(HELD_NETWORKS):
        sipload.uas(lab, f"203.0.{113 + i}.10", "--ring", "100", suffix=SUFFIX)
    time.sleep(0.5)
    callers, until = [], time.monotonic() + 2.5 * HELD_CALLS / HELD_RATE + TRANSACTIONS_END + 10
    for port in range(5060, 5080, 2):
        missing = HELD_CALLS - box.ask("status")["calls"]
        if missing <= 0 or time.monotonic() > until - HELD_CALLS / HELD_RATE - TRANSACTIONS_END:
            break
        callers += held_callers(lab, missing + HELD_NETWORKS, until, port)
    return callers


def held_end(box, callers, seconds):
    """All calls come to their end; what went wrong on the way."""
    sums = [c.wait(seconds) for c in callers]
    total = {k: sum(s[k] for s in sums) for k in ("offered", "answered", "failed", "timed_out", "dialog_sent", "dialog_ok",
                                                "retransmitted")}
    note(f"sluice: {total['offered']} calls, {total['answered']} answered, {total['failed']} refused as too many a "
         f"second, {total['dialog_ok']} hung up, {total['retransmitted']} retransmissions")
    netns.wait_for("the end of all calls", lambda: not box.ask("status")["calls"], 20, 0.5)
    return total["timed_out"] + total["dialog_sent"] - total["dialog_ok"]


def bench_held(f, _o):
    """100,000 calls that are up at the same time, what they cost, and that all of them end."""
    with netns.Lab(f"slb{os.getpid()}") as lab:
        held_networks(lab)
        box = sluice.Sluice(lab, text=sluice.load_over(HELD_NETWORKS), media={"silence": "0s"}, suffix=SUFFIX,
                            log="notice")
        before = box.ask("status")["memory"]
        callers = held_load(lab, box)
        time.sleep(TRANSACTIONS_END)
        status = box.ask("status")
        failed = held_end(box, callers, 4 * HELD_CALLS / HELD_RATE + 60)
    f.add("held.calls", status["calls"], "calls", at_least=HELD_CALLS)
    f.add("held.memory_per_call", (status["memory"] - before) / max(status["calls"], 1), "octets", 2500)
    f.add("held.failed", failed, "calls", 0)


# ---- media: in modules of their own ----

def bench_media(f, o):
    media.bench(f, o, SUFFIX)


def bench_attack(f, o):
    attack.bench(f, o, SUFFIX)


def bench_kernel(f, o):
    try:
        kernel.bench(f, o, SUFFIX)
    except (vm.VmError, kernels.KernelError) as e:
        raise RuntimeError(str(e)) from e


def bench_soak(f, o):
    soak.bench(f, o, SUFFIX)


# ---- post-dial delay ----

def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def first_times(packets):
    """(dialled number, "INVITE" or "180") -> time."""
    found = {}
    for p in packets:
        kind = {b"INVITE": "INVITE", b"SIP/2.": "180"}.get(p.data[:6])
        if not kind or kind == "180" and not p.data.startswith(b"SIP/2.0 180"):
            continue
        number = re.search(rb"\r\n(?:To|t)[^\r\n]*?\+4930(\d+)", p.data, re.I)
        if number:
            found.setdefault((number[1], kind), p.time)
    return found


def added_delay(setup):
    sipp.uas(setup.lab, media="203.0.113.12")
    sipp.uac(setup.lab, netns.Lab.INSIDE, 100, 100, 100, port=5070).wait(30)
    wires = [capture.Capture(setup.lab, ns, name, what="udp port 5060")
             for ns, name in ((setup.lab.pbx, "in"), (setup.lab.carrier, "out"))]
    calls = PDD_RATE * PDD_SECONDS
    load = sipp.uac(setup.lab, netns.Lab.INSIDE, PDD_RATE, calls, 300, media="10.10.0.12")
    load.wait(PDD_SECONDS + 40)
    need_all(setup.kind, load, calls)
    inside, outside = (first_times(w.stop().packets()) for w in wires)
    delays = []
    for number in {n for n, _ in inside}:
        keys = (number, "INVITE"), (number, "180")
        if all(k in inside and k in outside for k in keys):
            delays.append(1000 * (outside[keys[0]] - inside[keys[0]]
                                  + inside[keys[1]] - outside[keys[1]]))
    if len(delays) < calls * 0.9:
        raise RuntimeError(f"only {len(delays)} of {calls} calls were seen on both sides")
    return delays


def bench_pdd(f, o):
    with Setup("sluice") as s:
        delays = added_delay(s)
    f.add("pdd.added.p50", percentile(delays, 0.5), "ms", 0.2)
    f.add("pdd.added.p99", percentile(delays, 0.99), "ms", 1.0)
    if o.peers:
        with Setup("kamailio+rtpengine") as s:
            delays = added_delay(s)
        f.add("pdd.added.p50.peer", percentile(delays, 0.5), "ms")
        f.add("pdd.added.p99.peer", percentile(delays, 0.99), "ms")


# ---- memory, idle ----

def footprint_kb(setup):
    """Of sluiced what is allocated: the pages of transactions that have ended stay with it, for the
    next ones. Of everything else the pages."""
    if setup.kind != "sluice":
        return measure.memory_kb(setup.lab)
    return (setup.box.ask("status")["memory"] / 1024 +
            measure.memory_kb(setup.lab, only="sluice-dp"))


def memory_slope(setup):
    """kB for each established call, from the slope between two numbers of held calls."""
    few, many = MEMORY_CALLS
    carrier = sipp.uas(setup.lab, media="203.0.113.12")
    sipp.uac(setup.lab, netns.Lab.INSIDE, 200, few, 600000, media="10.10.0.12")

    def answered(n):
        return lambda: carrier.number("IncomingCall(C)") >= n

    netns.wait_for(f"{few} calls", answered(few), 30, 0.2)
    time.sleep(TRANSACTIONS_END)
    before = footprint_kb(setup)
    sipp.uac(setup.lab, netns.Lab.INSIDE, 200, many - few, 600000, port=5070, media="10.10.0.13")
    netns.wait_for(f"{many} calls", answered(many), 60, 0.2)
    time.sleep(TRANSACTIONS_END)
    return (footprint_kb(setup) - before) / (many - few)


def bench_memory(f, o):
    with Setup("sluice") as s:
        slope = memory_slope(s)
        held = len(s.box.calls())
    if held != MEMORY_CALLS[1]:
        raise RuntimeError(f"{held} calls are up, not {MEMORY_CALLS[1]}")
    f.add("memory.per_call", slope, "kB", 4.0)
    if o.peers:
        with Setup("kamailio+rtpengine") as s:
            theirs = memory_slope(s)
        f.add("memory.per_call.peer", theirs, "kB")
        f.ratio("memory.per_call: sluice needs", slope, theirs)


def bench_idle(f, o):
    for kind in ["sluice"] + ["kamailio+rtpengine"] * o.peers:
        with Setup(kind) as s:
            time.sleep(3)
            meter = s.meter().start()
            time.sleep(IDLE_SECONDS)
            meter.stop()
            note(f"{kind}: {meter}")
        percent = 100 * meter.total() / meter.wall
        f.add("idle.cpu" if kind == "sluice" else "idle.cpu.peer", percent, "% of a core",
              1.0 if kind == "sluice" else None)


# ---- micro-benchmarks ----

# Of the micro-benchmarks, which say what they do themselves.
LIMITS = {"relay.plan_commit.flows=10000": 60, "relay.plan_commit.flows=1000000": 90,
          "sip.parse.invite_1100": 350, "sip.parse_build.invite_1100": 600,
          "stage.rtp_10000.all": 60, "stage.rtp_1000000.all": 90}


def bench_messages(f, _o):
    """Those of SIP."""
    run_programs(f, "control/**/*_bench")


def bench_parser(f, _o):
    run_programs(f, "control/**/*_bench")
    run_programs(f, "dataplane/relay/*_bench")


# Case of dp_bench: suite and direction of crypto_bench.
SEALED = {"rtp_to_srtp_aes_cm": ("AES_CM_128_HMAC_SHA1_80", "seal"),
          "srtp_to_rtp_aes_cm": ("AES_CM_128_HMAC_SHA1_80", "open"),
          "rtp_to_srtp_aes_gcm": ("AEAD_AES_128_GCM", "seal"),
          "srtp_to_rtp_aes_gcm": ("AEAD_AES_128_GCM", "open")}


def raw_cipher():
    """ns of ipsec-mb itself for a packet of 10,000 sessions, by (suite, direction): the best of its ways."""
    program = os.path.join(build.folder(SUFFIX), "dataplane/crypto/crypto_bench")
    if not os.access(program, os.X_OK):
        return {}
    text = subprocess.run([program, "50"], capture_output=True, text=True, timeout=300, check=True).stdout
    raw = {}
    for m in re.finditer(r"^(\S+) +10000 sessions +(\S+) +ipsec-mb, .*? ([\d.]+) ns", text, re.M):
        raw[m[1], m[2]] = min(float(m[3]), raw.get((m[1], m[2]), float("inf")))
    return raw


def bench_stage(f, _o):
    """The worker of sluice-dp between two rings. What SRTP takes beyond RTP is compared with ipsec-mb itself."""
    run_programs(f, "dataplane/dp_bench")
    ours = {x["name"]: x["value"] for x in f.all}
    raw = raw_cipher()
    for case, which in SEALED.items():
        if which in raw:
            more = ours[f"stage.{case}_10000.all"] - ours["stage.rtp_10000.all"]
            f.add(f"stage.{case}.of_ipsec_mb", more / raw[which], f"x of {raw[which]:.0f} ns", 1.3)


def run_programs(f, which):
    """The programs *_bench of the build tree print lines of: name, case, unit, value."""
    bad = []
    programs = sorted(glob.glob(os.path.join(build.folder(SUFFIX), which), recursive=True))
    for program in (p for p in programs if os.access(p, os.X_OK)):
        r = subprocess.run([program], capture_output=True, text=True, timeout=300)
        for line in r.stdout.splitlines():
            m = re.match(r"(\S+) (\S+) (\S+) ([\d.]+)", line)
            if m:
                name = f"{m[1]}.{m[2]}"
                f.add(name, float(m[4]), m[3].replace("_per_", "/"), LIMITS.get(name))
            else:
                note(line)
        if r.returncode:
            bad.append(os.path.basename(program))
            note(f"{bad[-1]} failed ({r.returncode}): {r.stderr[-300:]}")
    if bad:
        raise RuntimeError(f"failed: {' '.join(bad)}")


BENCHES = {"messages": bench_messages, "parser": bench_parser, "idle": bench_idle, "calls": bench_calls,
           "pdd": bench_pdd, "held": bench_held, "media": bench_media, "attack": bench_attack, "memory": bench_memory,
           "stage": bench_stage, "kernel": bench_kernel, "soak": bench_soak}
# `messages` is in `parser`; `soak` takes as long as it is told to.
GROUPS = {"sip": ("messages", "calls", "pdd", "held"), "all": set(BENCHES) - {"messages", "soak"}}


def chosen(words):
    wanted = set()
    for w in words or ["all"]:
        wanted.update(GROUPS.get(w, (w,)))
    return [w for w in BENCHES if w in wanted]


def prepare():
    build.build(SUFFIX, ("buildtype=release", "b_ndebug=false"))
    busy = os.getloadavg()[0]
    if busy > 0.5:
        note(f"others are at work here (load {busy:.1f}): every figure is worse than it should be")
    netns.prefer()


def take_minutes(argv):
    """`soak 5`: the number is an option of soak and nothing to measure."""
    if "soak" in argv:
        at = argv.index("soak") + 1
        if at < len(argv) and re.fullmatch(r"[0-9.]+", argv[at]):
            return argv[:at] + argv[at + 1:], float(argv[at])
    return argv, 30.0


def main(argv):
    if argv[:1] == ["report"]:
        return report.main(argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through everything that cleans up
    argv, minutes = take_minutes(argv)
    a = argparse.ArgumentParser(prog="tools/bench", description=__doc__.split("\n", 1)[0],
                                epilog=__doc__.split("\n", 2)[2], formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("what", metavar="WHAT", nargs="*", help=" ".join([*GROUPS, *BENCHES]))
    a.add_argument("--peers", action="store_true", help="Kamailio and rtpengine on the same work")
    a.add_argument("--json", metavar="FILE", help="write the figures there too (build-bench/bench.json)")
    a.add_argument("--quick", action="store_true", help="media, attack: shorter trials, coarser figures")
    a.add_argument("--out", metavar="DIR", help="media: where the report goes (build-bench/media)")
    o = a.parse_args(argv)
    if unknown := set(o.what) - set(GROUPS) - set(BENCHES):
        a.error(f"no benchmark '{unknown.pop()}'; there are: {' '.join([*GROUPS, *BENCHES])}")
    o.minutes = minutes
    build.need_root()
    what = chosen(o.what)
    figures, failed = Figures(), []
    try:
        prepare()
    except build.BuildError as e:
        term.say(str(e))
        return 1
    for name in what:
        term.title(name)
        try:
            BENCHES[name](figures, o)
        except (RuntimeError, TimeoutError, subprocess.TimeoutExpired) as e:
            failed.append(name)
            term.say(term.paint(f"{name}: {e}", "red"))
    path = o.json or os.path.join(build.folder(SUFFIX), "bench.json")
    with open(path, "w") as f:
        json.dump({"figures": figures.all, "failed": failed}, f, indent=1)
    term.say(f"\n{len(figures.all)} figures in {path}; missed: "
             f"{' '.join(figures.missed) or 'none'}; failed: {' '.join(failed) or 'none'}")
    return 1 if failed or figures.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
