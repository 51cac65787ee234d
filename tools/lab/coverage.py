# SPDX-License-Identifier: Apache-2.0
"""Which lines of the parsers run in their unit tests and with the seeds of their fuzz targets.

usage: tools/coverage [-m]     exit status 1 when a file is below 90 %; -m shows the lines that never run
"""
import argparse
import glob
import json
import os
import subprocess
import sys

from . import build, term

OPTIONS = ("werror=true", "fuzz=enabled", "dataplane=disabled", "bench=disabled", "b_lundef=false",
           "c_args=-fprofile-instr-generate -fcoverage-mapping",
           "c_link_args=-fprofile-instr-generate")
SUFFIX = "cov"
WANTED = 90.0

# What reads octets of strangers.
FILES = [f"control/sip/{name}.c" for name in (
    "addr auth_parse build contact core cseq event field frame list media_type msg multipart names "
    "param reason resolve_reply timing uri uri_equal via").split()]
FILES += ["control/sip/scan_priv.h", "control/sdp/attribute.c", "control/sdp/parse.c"]
# Tests that are about them; all others would run some of their lines by chance.
TESTS = ("addr auth build cseq field frame list msg msg_portable multipart names param param_portable "
         "torture uri via").split()
TARGETS = "digest dns multipart sdp sip_field sip_msg sip_stream uri via".split()


def present():
    """The files, and the programs that run them, which this tree has."""
    files = [f for f in FILES if os.path.exists(os.path.join(build.ROOT, f))]
    tests = [f"control/sip/sip_{t}_test" for t in TESTS] + ["control/sdp/sdp_test"]
    targets = [t for t in TARGETS
               if os.path.exists(os.path.join(build.ROOT, f"tests/fuzz/{t}_fuzz.c"))]
    return files, tests, targets


def run(where, name, command):
    profile = os.path.join(where, "coverage", name + ".profraw")
    env = dict(os.environ, LLVM_PROFILE_FILE=profile,
               SIP_DATA=os.path.join(build.ROOT, "tests/data/sip"))
    r = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace")
    if r.returncode:
        raise build.BuildError(f"{name}: {r.stdout[-2000:]}{r.stderr[-2000:]}")
    return profile


def measure():
    """The files, file -> (lines, of which run), and llvm-cov's arguments."""
    files, tests, targets = present()
    programs = tests + [f"tests/fuzz/{t}_fuzz" for t in targets]
    where = build.build(SUFFIX, OPTIONS, cc="clang", what=programs)
    os.makedirs(os.path.join(where, "coverage"), exist_ok=True)
    profiles = [run(where, os.path.basename(t), [os.path.join(where, t)]) for t in tests]
    for t in targets:
        seeds = sorted(glob.glob(os.path.join(build.ROOT, "tests/fuzz/corpus", t, "*")))
        profiles.append(run(where, t + "_fuzz", [os.path.join(where, f"tests/fuzz/{t}_fuzz"), *seeds]))
    data = os.path.join(where, "coverage/all.profdata")
    subprocess.run(["llvm-profdata", "merge", "-o", data, *profiles], check=True)
    objects = [os.path.join(where, p) for p in programs]
    more = [f"-instr-profile={data}", objects[0], *(f"-object={o}" for o in objects[1:])]
    out = subprocess.run(["llvm-cov", "export", "-summary-only", *more], check=True,
                         capture_output=True, text=True).stdout
    lines = {}
    for f in json.loads(out)["data"][0]["files"]:
        name = os.path.relpath(os.path.realpath(os.path.join(where, f["filename"])), build.ROOT)
        if name in files:
            lines[name] = (f["summary"]["lines"]["count"], f["summary"]["lines"]["covered"])
    return files, lines, more


def show_missed(files, more):
    out = subprocess.run(["llvm-cov", "show", *more], capture_output=True, text=True,
                         errors="replace").stdout
    name = None
    for line in out.split("\n"):
        if line.startswith("/") and line.endswith(":"):
            name = os.path.relpath(os.path.realpath(line[:-1]), build.ROOT)
        parts = line.split("|", 2)
        if name in files and len(parts) == 3 and parts[1].strip() == "0":
            term.say(f"  {name}:{parts[0].strip()}:{parts[2]}")


def report(missed=False):
    """True when every file is covered well enough; prints a table."""
    files, lines, more = measure()
    ok = True
    for name in files:
        n, hit = lines.get(name, (0, 0))
        percent = 100.0 * hit / max(n, 1)
        good = percent >= WANTED
        ok = ok and good
        word = f"{percent:6.1f} %"
        term.say(f"  {name:<32} {hit:>5} of {n:>5}  {word if good else term.paint(word, 'red')}")
    n, hit = (sum(x) for x in zip(*lines.values()))
    term.say(f"  {'together':<32} {hit:>5} of {n:>5}  {100.0 * hit / n:6.1f} %")
    if missed:
        show_missed(files, more)
    return ok


def main(argv):
    a = argparse.ArgumentParser(prog="tools/coverage", description=__doc__.split("\n", 1)[0])
    a.add_argument("-m", action="store_true", help="show the lines that never run")
    o = a.parse_args(argv)
    try:
        return 0 if report(o.m) else 1
    except build.BuildError as e:
        term.say(str(e))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
