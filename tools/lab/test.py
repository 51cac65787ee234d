# SPDX-License-Identifier: Apache-2.0
"""Builds everything and runs every test. The last line is the count.

usage: tools/test [--quick] [--all] [-k PATTERN]
  --quick      no sanitizers, no fuzzing, no coverage, no slow system tests, no virtual machines
  --all        also 100,000 seeds of tests/random, the system tests that take a minute, the benchmarks beside Kamailio and
               rtpengine (tools/bench all --peers), the kernel module on all kernels, on one with KASAN, fuzzed and mutated,
               and what tests/clean tries in a clean Debian
  -k PATTERN   only what has PATTERN in its name
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

from . import build, clean, coverage, fuzz, kernels, mutants, term, vm

FUZZ_SECONDS = 6
SEEDS = 100000  # of tests/random, beyond those of its meson test


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.bad = []

    def add(self, name, ok):
        if ok is None:
            self.skipped += 1
            self.bad.append(("skipped", name))
        elif ok:
            self.passed += 1
        else:
            self.failed += 1
            self.bad.append(("failed", name))


def lint(count, o):
    if o.k and o.k not in "lint":
        return
    term.title("lint")
    count.add("lint", subprocess.run([os.path.join(build.ROOT, "tools/lint")]).returncode == 0)


def try_build(count, name, fn):
    """A build that fails is one failed test."""
    try:
        fn()
        return True
    except build.BuildError as e:
        term.say(str(e))
        count.add(name, False)
        return False


def count_parts(count, name, ok, text):
    """A test that speaks TAP has many parts; any other is one."""
    parts = re.findall(r"^(not )?ok \d+(?: - )?([^#\n]*)(# SKIP)?", text, re.M)
    if ok is False and not any(bad for bad, _, _ in parts):
        parts = []  # it failed as a whole: a crash, a leak
    for bad, what, skip in parts:
        count.add(f"{name}: {what.strip()}", None if skip else not bad)
    if not parts:
        count.add(name, ok)


def meson_tests(count, o, suffix, label):
    where = build.folder(suffix)
    r = subprocess.run(["meson", "introspect", "--tests", where], capture_output=True, text=True)
    names = [t["name"] for t in json.loads(r.stdout or "[]")]
    names = [n for n in names if not o.k or o.k in n]
    if not names:
        return
    log = os.path.join(where, "meson-logs/testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
               ASAN_OPTIONS="detect_leaks=1")
    subprocess.run(["meson", "test", "-C", where, "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "4",
                    "--num-processes", build.JOBS, *names], env=env,
                   stdout=None if term.TTY else subprocess.DEVNULL)
    seen = set()
    for line in open(log) if os.path.exists(log) else ():
        t = json.loads(line)
        seen.add(t["name"])
        ok = {"OK": True, "EXPECTEDFAIL": True, "SKIP": None}.get(t["result"], False)
        count_parts(count, f"{t['name'].split(' / ')[-1]} ({label})", ok, t.get("stdout", ""))
        if not term.TTY:
            term.say(f"  {t['name']:<40} {t['result']}  {t['duration']:.2f} s")
        if ok is False and not term.TTY:
            term.say(t.get("stdout", "")[-6000:] + t.get("stderr", "")[-4000:])
    if not seen:
        count.add(f"meson test ({label})", False)


def plain(count, o):
    term.title("build and unit tests")
    options = ("werror=true",)
    if try_build(count, "build", lambda: build.build("", options)):
        meson_tests(count, o, "", "plain")
        return True
    return False


def sanitized(count, o):
    term.title("the same under AddressSanitizer and UndefinedBehaviorSanitizer, and fuzzing")
    if not try_build(count, "build with sanitizers", fuzz.ready):
        return
    meson_tests(count, o, fuzz.SUFFIX, "sanitizers")
    names = [n for n in fuzz.targets() if not o.k or o.k in n or o.k == "fuzz"]
    for name, ok in fuzz.run(names, FUZZ_SECONDS, min(2, os.cpu_count() or 1)).items():
        count.add(f"fuzz {name}", ok)


def covered(count, o):
    if o.k and o.k not in "coverage":
        return
    term.title("line coverage of the parsers")
    try:
        count.add("coverage", coverage.report())
    except build.BuildError as e:
        term.say(str(e))
        count.add("coverage", False)


def seeds(count, o):
    if o.k and o.k not in "random":
        return
    term.title(f"random phones, {SEEDS} seeds")
    program = os.path.join(build.folder(), "tests/random/random")
    count.add("random seeds", subprocess.run([program, "-c", str(SEEDS)]).returncode == 0)


def pytest_run(count, o, name, marks, paths):
    """One run of pytest; its output is told when it is over. False: it did not even begin."""
    xml_file = os.path.join(build.folder(), f"system-{name}.xml")
    command = ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v",
               "--tb=short", f"--junitxml={xml_file}", "-m", " and ".join(marks), *paths]
    if o.k:
        command += ["-k", o.k]
    if os.path.exists(xml_file):
        os.unlink(xml_file)
    r = subprocess.run(command, cwd=build.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with SAYING:
        if r.returncode != 5:
            term.say(r.stdout)
        if r.returncode not in (0, 1, 5) or not os.path.exists(xml_file):
            count.add(f"system tests: {name}", False)
        if not os.path.exists(xml_file):
            return
        for case in xml.etree.ElementTree.parse(xml_file).getroot().iter("testcase"):
            kinds = {child.tag for child in case}
            ok = None if "skipped" in kinds else not kinds & {"failure", "error"}
            count.add(f"{case.get('classname')}.{case.get('name')}", ok)


SAYING = threading.Lock()


def system(count, o):
    """First what measures and has the machine for itself, then file by file, two at a time: they mostly wait."""
    where = os.path.join(build.ROOT, "tests/system")
    files = sorted(f for f in os.listdir(where) if f.startswith("test_"))
    if not files:
        return
    term.title("system tests")
    marks = [] if o.all else ["not slow and not long"] if o.quick else ["not long"]
    pytest_run(count, o, "alone", [*marks, "alone"], [where])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # The long ones first, as far as their size tells; that one waits for a virtual machine.
        files.sort(key=lambda f: (f != "test_kernel_engine.py", -os.path.getsize(os.path.join(where, f))))
        for f in files:
            pool.submit(pytest_run, count, o, f[len("test_"):-len(".py")], [*marks, "not alone"],
                        [os.path.join(where, f)])


# What runs in a machine of its own, with the kernel that it is for: (kernel, test, arguments). The whole suite on the
# kernel of Debian's stable release, and on the others what the kernel has a part in; with --all everything everywhere.
WIRE = ["relay/", "wire/", "srtp/", "dtmf/", "verbs/", "restart/"]
MACHINES = (("6.1", "engine", []), ("5.10", "engine", WIRE), ("6.12", "engine", WIRE), ("6.1", "fuzz", ["-t", "6"]))
GUESTS = ("engine", "later", "life", "packets", "client", "cipher", "sluiced")
MACHINES_ALL = tuple((kernel, test, []) for kernel in ("5.10", "6.1", "6.12", "kasan") for test in GUESTS)
MACHINES_LONG = (("kasan", "fuzz", ["-t", "600"]),)


def machine(count, o, kernel, test, arguments):
    """One virtual machine; what it says is told when it is over."""
    name, lines, status = f"{test}, Linux {kernel}", [], None
    try:
        status = vm.run(kernel, vm.find_script(test), arguments, say=lines.append, module=vm.module_folder(kernel))
    except (vm.VmError, kernels.KernelError) as e:
        lines.append(str(e))
    with SAYING:
        if status != 0:
            term.say("\n".join(line for line in lines if not re.match(r"ok \d+", line)))
        term.say(f"  {name:<30} {'ok' if status == 0 else 'FAILED'}  {lines[-1]}")
        count_parts(count, name, status == 0, "\n".join(lines))


def machines(count, o):
    """The kernel module, one machine at a time: it has two processors, and its clock is ours."""
    wanted = [m for m in (MACHINES_ALL + MACHINES_LONG if o.all else MACHINES)
              if not o.k or o.k in f"vm {m[1]} {m[0]}"]
    if not wanted:
        return
    term.title("the kernel module in virtual machines")
    for kernel in dict.fromkeys(m[0] for m in wanted):
        # One after the other: they are many jobs themselves, and fetch.
        if not try_build(count, f"sluice.ko for {kernel}", lambda k=kernel: module(k)):
            wanted = [m for m in wanted if m[0] != kernel]
    for m in wanted:
        machine(count, o, *m)


def module(kernel):
    try:
        vm.build_module(kernel, kernels.get(kernel, term.say))
    except (vm.VmError, kernels.KernelError) as e:
        raise build.BuildError(str(e)) from e


def mutated(count, o):
    if o.k and o.k not in "mutants":
        return
    term.title("mutants of the kernel module")
    try:
        mutants.check((), lambda name, ok, text: count.add(name, bool(ok)))
    except (vm.VmError, kernels.KernelError) as e:
        term.say(str(e))
        count.add("mutants", False)


def clean_debian(count, o):
    for name in clean.TRIES:
        if o.k and o.k not in f"clean {name}":
            continue
        try:
            clean.attempt(name)
            count.add(f"clean {name}", True)
        except clean.CleanError as e:
            term.say(str(e))
            count.add(f"clean {name}", False)


def bench(count, _o):
    term.title("benchmarks")
    rc = subprocess.run([os.path.join(build.ROOT, "tools/bench"), "all", "--peers"]).returncode
    count.add("bench", rc == 0)


def main(argv):
    a = argparse.ArgumentParser(prog="tools/test", description=__doc__.split("\n", 1)[0],
                                epilog="\n".join(__doc__.split("\n")[2:]),
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--quick", action="store_true")
    a.add_argument("--all", action="store_true")
    a.add_argument("-k", metavar="PATTERN")
    o = a.parse_args(argv)
    build.need_root()
    count, took, t0 = Count(), [], time.monotonic()

    def stage(fn):
        begin = time.monotonic()
        result = fn(count, o)
        took.append(f"{fn.__name__} {time.monotonic() - begin:.0f}")
        return result

    stage(lint)
    built = stage(plain)
    if not o.quick:
        stage(sanitized)
        stage(covered)
    if built:
        if o.all:
            stage(seeds)
        stage(system)
        if not o.quick:
            stage(machines)
        if o.all:
            stage(mutated)
            stage(clean_debian)
            stage(bench)
    term.title(f"{time.monotonic() - t0:.0f} s ({', '.join(took)})")
    for what, name in count.bad:
        term.say(f"  {term.paint(what, 'red')}: {name}")
    term.say(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
