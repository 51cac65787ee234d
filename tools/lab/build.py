# SPDX-License-Identifier: Apache-2.0
"""Configures and builds the tree. Every build folder is BASE or BASE-suffix, BASE being build/."""
import json
import os
import subprocess
import sys
import time

from . import term

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BASE = os.environ.get("SLUICE_BUILD") or os.path.join(ROOT, "build")
JOBS = str(os.cpu_count() or 2)


class BuildError(Exception):
    pass


def folder(suffix=""):
    return BASE + (f"-{suffix}" if suffix else "")


def _options_now(where):
    r = subprocess.run(["meson", "introspect", "--buildoptions", where], capture_output=True,
                       text=True)
    if r.returncode:
        return {}
    return {o["name"]: o["value"] for o in json.loads(r.stdout)}


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)


def configure(suffix="", options=(), cc=None):
    """`options` are "name=value". A folder that has them already is left alone."""
    where = folder(suffix)
    env = dict(os.environ, **({"CC": cc} if cc else {}))
    log = where + ".configure.log"
    flags = [f"-D{o}" for o in options]
    if not os.path.exists(os.path.join(where, "build.ninja")):
        command = ["meson", "setup", where, ROOT, *flags]
    else:
        now = _options_now(where)
        if all(_text(now.get(o.split("=", 1)[0])) == o.split("=", 1)[1] for o in options):
            return where
        command = ["meson", "configure", where, *flags]
    os.makedirs(os.path.dirname(where), exist_ok=True)
    with open(log, "w") as f:
        rc = subprocess.run(command, env=env, stdout=f, stderr=subprocess.STDOUT).returncode
    if rc:
        raise BuildError(open(log).read()[-3000:])
    os.unlink(log)
    return where


def compile_tree(suffix="", what=()):
    """ninja; on a terminal its own progress line, elsewhere only what goes wrong."""
    where = folder(suffix)
    command = ["ninja", "-C", where, "-j", JOBS, *what]
    if term.TTY:
        if subprocess.run(command).returncode:
            raise BuildError("ninja failed")
        return where
    r = subprocess.run(command, capture_output=True, text=True)
    if r.returncode:
        raise BuildError("\n".join(r.stdout.split("\n")[-60:]) + r.stderr)
    return where


def build(suffix="", options=(), cc=None, what=()):
    if "SLUICE_GUEST" in os.environ:
        return folder(suffix)  # built outside, and not to be changed in here
    t0 = time.monotonic()
    term.say(f"  building {os.path.relpath(folder(suffix), os.getcwd())} ...")
    configure(suffix, options, cc)
    where = compile_tree(suffix, what)
    term.say(f"  built {term.paint(f'({time.monotonic() - t0:.1f} s)', 'dim')}")
    return where


def program(name, suffix=""):
    """Path of a program of the build tree: sluiced, sluice-dp, sluicectl or a bench."""
    places = {"sluiced": "control/sluiced", "sluice-dp": "dataplane/sluice-dp",
              "sluicectl": "tools/sluicectl/sluicectl", "sluice-bench": "tools/sluice-bench/sluice-bench"}
    return os.path.join(folder(suffix), places.get(name, name))


def need_root():
    if os.geteuid() != 0:
        sys.exit(f"{os.path.basename(sys.argv[0])}: this needs root (network namespaces): use sudo")
