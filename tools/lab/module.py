# SPDX-License-Identifier: Apache-2.0
"""sluice.ko in the kernel of this machine."""
import os
import subprocess

from . import vm

LOADED = "/sys/module/sluice"


class ModuleError(Exception):
    """Why this kernel does not have it; a phrase."""


def _try(*command):
    r = subprocess.run(command, capture_output=True, text=True)
    return "" if r.returncode == 0 else (r.stderr or r.stdout).strip().split("\n")[-1]


def _built():
    release = os.uname().release
    kernel = f"/lib/modules/{release}"
    if not os.path.isdir(f"{kernel}/build/"):
        raise ModuleError(f"its headers are not here: linux-headers-{release}")
    try:
        return os.path.join(vm.build_module(release, kernel), "sluice.ko")
    except vm.VmError as e:
        raise ModuleError(f"it could not be built: {str(e).strip().splitlines()[-1]}") from None


def load():
    """True: it is there now and was not before; False: it was there. Raises ModuleError."""
    if os.path.exists(LOADED):
        return False
    if not os.path.exists("/proc/modules"):
        raise ModuleError("it takes no modules")
    if not _try("modprobe", "sluice"):
        return True
    module = _built()
    depends = subprocess.run(["modinfo", "-F", "depends", module], capture_output=True, text=True).stdout
    for name in depends.strip().split(","):
        _try("modprobe", name)
    if why := _try("insmod", module):
        raise ModuleError(why)
    return True


def unload():
    return _try("rmmod", "sluice")
