# SPDX-License-Identifier: Apache-2.0
"""A command in a virtual machine (lab/vm.py) that has sluice.ko, and this machine's files as they are: what is written
in there is gone when it ends."""
import os
import shutil
import subprocess

from . import build, term, vm

PATIENCE = 4  # how much longer things may take there: software plays the processor
MARK = "SLUICE_GUEST"  # in the environment in there
KERNEL = "6.1"
PASSED = ("TERM", "LANG", "COLUMNS", "SLUICE_DEMO")


class GuestError(Exception):
    pass


def inside():
    return MARK in os.environ


def need():
    """What it takes to start one: installed where it can be, named where it is missing."""
    if os.uname().machine != "x86_64":
        raise GuestError(f"the virtual machine is for x86_64, and this is {os.uname().machine}")
    if subprocess.run([os.path.join(build.ROOT, "tools/setup"), "build", "vm"]).returncode:
        raise GuestError("the virtual machine needs packages that are not here; see above")
    if not shutil.which("qemu-system-x86_64"):
        raise GuestError("the virtual machine needs QEMU: apt-get install --no-install-recommends qemu-system-x86")


def run(words, seconds, say=term.say, version=KERNEL, env=None):
    """Status of the command, started in the tree; its output goes line by line to `say`."""
    script = vm.find_script("host")
    needs = vm.Needs(script)
    needs.timeout = seconds
    given = {k: os.environ[k] for k in PASSED if k in os.environ}
    given.update({MARK: "1", "HOME": "/root", "SLUICE_BUILD": os.path.abspath(build.BASE),
                  "SLUICE_ENGINE": "kernel", "SLUICE_PATIENCE": str(PATIENCE), **(env or {})})
    if not term.TTY:
        given["NO_COLOR"] = "1"
    command = ["-C", build.ROOT, "env", *(f"{k}={v}" for k, v in given.items()), *words]
    return vm.run(version, script, command, say=say, needs=needs)
