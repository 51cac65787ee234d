# SPDX-License-Identifier: Apache-2.0
"""tools/bench kernel: instructions that a packet costs in the kernel, by sluice.ko and by others, in one virtual machine.

QEMU's icount gives its one processor a clock that goes on by one with each instruction: figures repeat within 0.2 %
on any machine, whatever else it does. They say nothing of caches; all other benchmarks do."""
import glob
import os
import re
import shutil
import statistics
import subprocess

from . import build, kernels, term, vm

KERNEL = "6.1"  # that of Debian 12, whose rtpengine is the peer
COUNT, ROUNDS = 3200, 2
COUNTED = ("-icount", "shift=0,sleep=off")
APPEND = "mitigations=auto"  # as they are where calls are
OF_PLAIN, OF_PEER = 1.3, 2.5
HERE = os.path.join(build.ROOT, "tests/perf/kernel")
SCRIPT = os.path.join(HERE, "guest.sh")
SUITES = {"cm-128": ("ctr_aes_128", "hmac_sha1"), "cm-256": ("ctr_aes_256", "hmac_sha1"),
          "gcm-128": ("gcm_aes_128",), "gcm-256": ("gcm_aes_256",)}
TITLES = {"direct": "no relay (what the others are above)", "forwarding": "the kernel forwards", "plain": "plain relay in the kernel",
          "user": "plain relay in user space", "rtpengine": "rtpengine's module", "sluice": "sluice.ko, RTP",
          **{f"sluice-seal-{s}": f"sluice.ko, RTP to SRTP, {s}" for s in SUITES},
          **{f"sluice-open-{s}": f"sluice.ko, SRTP to RTP, {s}" for s in SUITES}}


# ---- what runs in there ----

def _make(command, what):
    r = subprocess.run(command, capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f"{what} does not build:\n{(r.stdout + r.stderr)[-3000:]}")


def _module(kernel, source, work, name, *words):
    """Built in a folder of its own, which is `source`'s files of C and make."""
    where = os.path.join(work, name + ".build")
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(source, where, ignore=lambda d, names: [n for n in names if not re.search(r"\.[ch]$|^[KM]|^\w+$", n)])
    _make(["make", "-s", "-C", os.path.realpath(os.path.join(kernel, "build")), f"M={where}", *words, "modules"], name)
    for ko in glob.glob(f"{where}/*.ko"):
        shutil.copy(ko, os.path.join(work, "guest"))


def _rtpengine(kernel, work):
    """Debian's source of its module and its part of iptables, unpacked and not installed. False: not to be had."""
    where = os.path.join(work, "rtpengine")
    if not os.path.isdir(where):
        part = where + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        r = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "rtpengine-kernel-dkms",
                            "rtpengine-iptables"], cwd=part, capture_output=True, text=True)
        if r.returncode:
            term.say(f"  rtpengine is left out: {r.stderr.strip()[-200:]}")
            return False
        for deb in glob.glob(f"{part}/*.deb"):
            _make(["dpkg", "-x", deb, part], deb)
        os.rename(part, where)
    (source,) = glob.glob(f"{where}/usr/src/rtpengine-*")
    _module(kernel, source, work, "xt_RTPENGINE")
    _make(["cc", "-O2", "-D_GNU_SOURCE", "-I", source, "-I", HERE, os.path.join(HERE, "rtpengine_target.c"), "-o",
           os.path.join(work, "rtpengine-target")], "rtpengine-target")
    plugins = os.path.join(work, "guest/xtables")
    os.makedirs(plugins)
    for so in glob.glob(f"{where}/usr/lib/*/xtables/*.so") + glob.glob("/usr/lib/*/xtables/libxt_udp.so"):
        shutil.copy(so, plugins)
    return True


def _prepare(kernel, suffix):
    """(folder of the work, what the guest needs); guest/ in it is for the guest."""
    work = os.path.join(build.folder(suffix), "kernel")
    there = os.path.join(work, "guest")
    shutil.rmtree(there, ignore_errors=True)
    os.makedirs(there)
    build.compile_tree(suffix, ["tests/perf/kernel/kernelcost"])
    _module(kernel, HERE, work, "plain", f"KMOD={os.path.join(build.ROOT, 'kmod')}")
    needs = vm.Needs(SCRIPT)
    needs.programs.append(os.path.join(build.folder(suffix), "tests/perf/kernel/kernelcost"))
    if _rtpengine(kernel, work):
        needs.programs += ["iptables-legacy", os.path.join(work, "rtpengine-target")]
    needs.files.append(there)
    return there, needs


# ---- what comes out ----

def _parse(text):
    """{(name, batch): [instructions of each round]}, {transform: instructions}"""
    costs, raw = {}, {}
    for line in text.splitlines():
        m = re.match(r"cost (\S+) batch (\d+) packets \d+ lost 0 wrong 0 instructions ([\d.]+)", line)
        if m:
            costs.setdefault((m[1], int(m[2])), []).append(float(m[3]))
        m = re.match(r"raw (\S+) (\S+) (\d+)$", line)
        if m:
            raw[m[1]] = int(m[3])
    return costs, raw


def _table(added, raw):
    term.say(f"  {'':<44} {'instructions a packet adds':>27} {'of the plain relay':>19} {'of rtpengine':>13}")
    term.say(f"  {'':<44} {'batches of 1':>15} {'of 32':>11} {'1':>10} {'32':>8} {'1':>7} {'32':>5}")
    for name, title in TITLES.items():
        values = [added.get((name, b)) for b in (1, 32)]
        if None in values:
            continue
        line = f"  {title:<44} {values[0]:>15.0f} {values[1]:>11.0f}"
        for other, width in (("plain", (10, 8)), ("rtpengine", (7, 5))):
            for b, v, w in zip((1, 32), values, width):
                line += f" {v / added[other, b]:>{w}.2f}" if (other, b) in added else f" {'':>{w}}"
        suite = name.split("-", 2)[-1]
        if suite in SUITES:
            bare = sum(raw[t] for t in SUITES[suite])
            line += f"   cipher {values[0] - added['sluice', 1]:.0f}, of the bare transforms {bare}"
        term.say(line)


def _figures(f, costs, raw):
    base = {b: statistics.median(costs["direct", b]) for b in (1, 32)}
    added = {(n, b): statistics.median(v) - base[b] for (n, b), v in costs.items()}
    for (name, batch), rounds in costs.items():
        f.add(f"kernel.{name}.instructions.batch={batch}", statistics.median(rounds), "/packet")
    for t, v in raw.items():
        f.add(f"kernel.raw.{t}", v, "/packet")
    for b in (1, 32):
        plain, ours, peer = (added.get((n, b)) for n in ("plain", "sluice", "rtpengine"))
        if ours:
            f.add(f"kernel.sluice.of_plain.batch={b}", ours / plain, "x", OF_PLAIN)
        if ours and peer:
            f.add(f"kernel.rtpengine.of_sluice.batch={b}", peer / ours, "x", at_least=OF_PEER)
        for s, parts in SUITES.items():
            for way in ("seal", "open"):
                if ours and (f"sluice-{way}-{s}", b) in added:
                    more = added[f"sluice-{way}-{s}", b] - ours
                    f.add(f"kernel.{way}-{s}.of_raw.batch={b}", more / sum(raw[t] for t in parts), "x")
    worst = max((max(v) - min(v)) / statistics.median(v) for v in costs.values())
    f.add("kernel.spread", 100 * worst, "% at most")
    _table(added, raw)


def bench(f, _o, suffix):
    kernel = kernels.get(KERNEL, term.say)
    there, needs = _prepare(kernel, suffix)
    said = []
    rc = vm.run(KERNEL, SCRIPT, [f"/sluice/{there}", str(COUNT), str(ROUNDS)], say=said.append, append=APPEND, options=COUNTED,
                needs=needs)
    text = "\n".join(said)
    costs, raw = _parse(text)
    if rc or ("direct", 32) not in costs:
        raise RuntimeError(f"something went wrong in the virtual machine ({rc}):\n{text[-3000:]}")
    _figures(f, costs, raw)
