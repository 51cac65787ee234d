# SPDX-License-Identifier: Apache-2.0
"""Runs the libFuzzer targets with their corpora.

usage: tools/fuzz [-t SECONDS] [-j JOBS] [NAME...]     without a name: all of them

New inputs stay in build-asan/fuzz/NAME/; an input that crashes is kept in build-asan/fuzz/crash/
and its path is printed: run the target with that path as its argument to see it again.
"""
import argparse
import glob
import os
import re
import subprocess
import sys
import time

from . import build, term

# Coverage of the libraries and not only of the target: fuzzer-no-link on everything.
OPTIONS = ("werror=true", "fuzz=enabled", "b_sanitize=address,undefined", "b_lundef=false",
           "c_args=-fsanitize=fuzzer-no-link", "b_pie=true")
SUFFIX = "asan"
# Octets of an input, where longer ones show nothing new and only cost runs. Others: libFuzzer's own limit.
LONGEST = {"sip_stream": 1024}


def ready():
    return build.build(SUFFIX, OPTIONS, cc="clang")


def targets():
    found = glob.glob(os.path.join(build.folder(SUFFIX), "tests/fuzz/*_fuzz"))
    return sorted(os.path.basename(f)[:-len("_fuzz")] for f in found if os.access(f, os.X_OK))


class Run:
    """One target at work."""

    def __init__(self, name, seconds):
        self.name = name
        where = os.path.join(build.folder(SUFFIX), "fuzz")
        self.grown = os.path.join(where, name)
        self.crashes = os.path.join(where, "crash")
        self.log = os.path.join(where, name + ".log")
        seeds = os.path.join(build.ROOT, "tests/fuzz/corpus", name)
        os.makedirs(self.grown, exist_ok=True)
        os.makedirs(self.crashes, exist_ok=True)
        program = os.path.join(build.folder(SUFFIX), "tests/fuzz", name + "_fuzz")
        command = [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                   "-print_final_stats=1", f"-artifact_prefix={self.crashes}/{name}-", self.grown]
        if name in LONGEST:
            command.insert(1, f"-max_len={LONGEST[name]}")
        if os.path.isdir(seeds):
            command.append(seeds)
        env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
                   ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1")
        self.t0 = time.monotonic()
        self.process = subprocess.Popen(command, stdout=open(self.log, "w"),
                                        stderr=subprocess.STDOUT, env=env)

    def done(self):
        return self.process.poll() is not None

    def stop(self):
        self.process.kill()
        self.process.wait()

    def report(self):
        """True when it held; prints one line, and the reason when it did not."""
        text = open(self.log, errors="replace").read()
        execs = re.search(r"stat::number_of_executed_units:\s+(\d+)", text)
        cover = re.findall(r"cov: (\d+) ft: (\d+)", text)
        seconds = time.monotonic() - self.t0
        n = int(execs.group(1)) if execs else 0
        ok = self.process.returncode == 0 and n > 0
        edges = f"{cover[-1][0]} edges, {cover[-1][1]} features" if cover else "no coverage"
        word = term.paint("ok", "green") if ok else term.paint("FAILED", "red")
        term.say(f"  fuzz {self.name:<10} {word}  {n} runs in {seconds:.0f} s, "
                 f"{n / max(seconds, 1):.0f}/s, {edges}")
        if not ok:
            term.say("\n".join(text.split("\n")[-60:]))
            saved = re.search(r"Test unit written to (\S+)", text)
            term.say(f"  input: {saved.group(1) if saved else 'none saved'}; log: {self.log}")
        return ok


def run(names, seconds, jobs):
    """Name -> held. At most `jobs` at once."""
    results, waiting, running = {}, list(names), []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Run(waiting.pop(0), seconds))
                term.say(f"  fuzz {running[-1].name:<10} {seconds} s ...")
            time.sleep(0.2)
            for r in [r for r in running if r.done()]:
                results[r.name] = r.report()
                running.remove(r)
    finally:
        for r in running:
            r.stop()
    return results


def main(argv):
    a = argparse.ArgumentParser(prog="tools/fuzz", description=__doc__.split("\n", 1)[0])
    a.add_argument("-t", type=int, default=60, metavar="SECONDS", help="each target (60)")
    a.add_argument("-j", type=int, default=min(2, os.cpu_count() or 1), help="at once")
    a.add_argument("names", nargs="*", metavar="NAME")
    o = a.parse_args(argv)
    try:
        ready()
    except build.BuildError as e:
        term.say(str(e))
        return 1
    all_names = targets()
    for n in o.names:
        if n not in all_names:
            a.error(f"no target '{n}'; there are: {' '.join(all_names)}")
    results = run(o.names or all_names, o.t, o.j)
    failed = sum(not ok for ok in results.values())
    term.say(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
