# SPDX-License-Identifier: Apache-2.0
"""Builds the kernel that looks after memory and locks (KASAN, lockdep, kmemleak) from Debian's source; once, and cached."""
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import time

from . import build, kernels

RELEASE, PACKAGE = "bookworm", "linux-source-6.1"
CONFIG = os.path.join(build.ROOT, "tests/vm/kasan.config")
# All that modules are built from later; the rest of the source, 1.5 GB with its objects, is not kept.
KEPT = ("Makefile", "Kbuild", ".config", "Module.symvers", "System.map", "include", "scripts", "arch/x86", "tools/objtool",
        "tools/include", "tools/lib", "tools/scripts", "tools/build", "tools/arch", "certs/Makefile", "lib/Kconfig.ubsan")


def _unpack(apt, where):
    """The source, whole or not at all: a build that was ended goes on where it was."""
    source = os.path.join(where, "source")
    if os.path.isdir(source):
        return source
    part = os.path.join(where, "part")
    shutil.rmtree(part, ignore_errors=True)
    (deb,) = apt.download([PACKAGE], part)
    kernels.run(["dpkg", "-x", deb, os.path.join(part, "deb")])
    (tar,) = glob.glob(f"{part}/deb/usr/src/{PACKAGE}.tar.*")
    kernels.run(["tar", "-xf", tar, "-C", part])
    os.rename(os.path.join(part, PACKAGE), source)
    shutil.rmtree(part)
    return source


def _configure(source):
    kernels.run(["make", "-C", source, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig"])
    have = set(open(os.path.join(source, ".config")).read().splitlines())
    lost = [w for w in open(CONFIG).read().splitlines() if w.startswith("CONFIG_") and w not in have]
    if lost:
        raise kernels.KernelError(f"the configuration does not take {', '.join(lost)}")


def _compile(source, where):
    log = os.path.join(where, "build.log")
    with open(log, "w") as f:
        rc = subprocess.run(["nice", "make", "-C", source, "-j", build.JOBS, "bzImage", "modules"], stdout=f,
                            stderr=subprocess.STDOUT).returncode
    if rc:
        raise kernels.KernelError("the kernel does not build:\n" + open(log).read()[-3000:])
    os.unlink(log)


def _keep(source, where):
    """What a kernel's folder has: see kernels.py."""
    release = open(os.path.join(source, "include/config/kernel.release")).read()
    headers = os.path.join(where, "build")
    for name in KEPT:
        if os.path.exists(os.path.join(source, name)):
            to = os.path.join(headers, name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            os.rename(os.path.join(source, name), to)
    shutil.copy(os.path.join(headers, "arch/x86/boot/bzImage"), os.path.join(where, "vmlinuz"))
    modules = os.path.join(where, "modroot/lib/modules", release.strip())
    os.makedirs(modules)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if os.path.exists(os.path.join(source, name)):
            shutil.copy(os.path.join(source, name), modules)
    kernels.run(["find", headers, "-name", "*.o", "-path", "*/arch/x86/*", "-delete"])
    kernels.run(["depmod", "-b", os.path.join(where, "modroot"), release.strip()])
    shutil.rmtree(source)
    with open(os.path.join(where, "release"), "w") as f:
        f.write(release)


def get(say):
    """Folder of the newest one; built when it is not there."""
    os.makedirs(kernels.CACHE, exist_ok=True)
    with open(os.path.join(kernels.CACHE, ".lock-kasan"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        apt = kernels.Apt(RELEASE)
        mark = hashlib.sha256(open(CONFIG, "rb").read()).hexdigest()[:8]
        built = [d for d in glob.glob(f"{kernels.CACHE}/kasan_*_{mark}") if os.path.exists(f"{d}/release")]
        if not apt.update(RELEASE):
            if not built:
                raise kernels.KernelError(f"Debian's {RELEASE} cannot be reached: {apt.why}")
            say("  kernel kasan: the archive cannot be reached; taking what is here")
            return built[0]
        where = os.path.join(kernels.CACHE, f"kasan_{re.sub('[^0-9.-]', '', apt.version(PACKAGE))}_{mark}")
        if where in built:
            return where
        say(f"  kernel kasan: building {PACKAGE} {apt.version(PACKAGE)}; this takes minutes")
        t0 = time.monotonic()
        os.makedirs(where, exist_ok=True)
        source = _unpack(apt, where)
        _configure(source)
        _compile(source, where)
        _keep(source, where)
        for old in glob.glob(f"{kernels.CACHE}/kasan_*"):
            if old != where:
                shutil.rmtree(old)
        say(f"  kernel kasan: built in {time.monotonic() - t0:.0f} s")
        return where
