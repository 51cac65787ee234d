# SPDX-License-Identifier: Apache-2.0
"""Tries in a clean Debian 12, made by debootstrap, what a machine that has been worked on hides.

usage: tests/clean [--keep] [WHAT ...]        without WHAT: both
  packages  tools/setup installs all that the programs, their tests and the module are built with, from the tree
            as it was committed last
  dkms      make -C kmod dkms builds, signs and installs sluice.ko for the kernel of linux-headers-amd64, a new
            kernel has it built again, and make -C kmod dkms-remove leaves nothing
  --keep    leave the root where it is, and say where
As root. It takes some minutes, a gigabyte and Debian's archive; nothing is installed on this machine.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from . import build, kernels, term

RELEASE = "bookworm"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
GROUPS = ("build", "demo", "test", "vm")
DKMS_PACKAGES = ("make", "dkms", "openssl", "linux-headers-amd64")
HOOK = "/etc/kernel/postinst.d/dkms"  # what a package of a kernel runs


class CleanError(Exception):
    pass


def command(words, **more):
    """Its output. Raises CleanError with the end of that."""
    r = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace", **more)
    if r.returncode:
        raise CleanError(f"{' '.join(words[:6])}: status {r.returncode}\n{r.stdout[-3000:]}")
    return r.stdout


class Root:
    """A Debian that has nothing but what is essential, and in /src the tree as it was committed last."""

    def __init__(self):
        self.where = tempfile.mkdtemp(prefix="sluice-clean.")
        self.mounted = []

    def make(self):
        uri = re.search(rf"^URIs: (\S+).*\nSuites: {RELEASE}( |$)", kernels.sources(RELEASE), re.M).group(1)
        command(["debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, self.where, uri])
        with open(f"{self.where}/etc/apt/sources.list.d/debian.sources", "w") as f:
            f.write(kernels.sources(RELEASE))
        os.unlink(f"{self.where}/etc/apt/sources.list")
        shutil.copy("/etc/resolv.conf", f"{self.where}/etc/resolv.conf")
        command(["mount", "-t", "proc", "proc", f"{self.where}/proc"])
        self.mounted.append(f"{self.where}/proc")
        self.run("apt-get", "-q", "update")
        self.tree()

    def tree(self):
        src = f"{self.where}/src"
        os.makedirs(src)
        with tempfile.NamedTemporaryFile(suffix=".tar") as tar:
            command(["git", "-C", build.ROOT, "archive", "-o", tar.name, "HEAD"])
            command(["tar", "-x", "-C", src, "-f", tar.name])

    def run(self, *words):
        return command(["chroot", self.where, *words], env=ENVIRONMENT)

    def found(self, name, *folders):
        there = [f for f in folders if os.path.isdir(self.where + f)]
        return self.run("find", *there, "-name", name).split() if there else []

    def unmount(self):
        while self.mounted:
            command(["umount", self.mounted.pop()])

    def close(self):
        self.unmount()
        shutil.rmtree(self.where)


def must(ok, what):
    if not ok:
        raise CleanError(what)


# ---- what is tried ----

def packages(root):
    with term.step("tools/setup " + " ".join(GROUPS)):
        root.run("/src/tools/setup", *GROUPS)
    with term.step("meson setup, ninja"):
        said = root.run("meson", "setup", "/build", "/src", "-Dwerror=true")
        absent = re.findall(r"^.*(?:dependency|Program) .*: NO$", said, re.M | re.I)
        must(not absent, "what is optional was not there:\n" + "\n".join(absent))
        root.run("ninja", "-C", "/build", "-j", build.JOBS)
    with term.step("the kernel's headers, and the module"):
        folder = root.run("/src/tests/vm/kernels", "6.1").split()[-1]
        said = root.run("make", "-C", "/src/kmod", f"KDIR={folder}/build", "O=/module", "-j", build.JOBS, "all", "check")
        must(not re.search(r"warning: ", said), said[-3000:])
        must(os.path.exists(f"{root.where}/module/sluice.ko"), "there is no sluice.ko")


def _modinfo(root, release, field):
    return root.run("modinfo", "-k", release, "-F", field, "sluice").strip()


def _is_installed(root, release):
    there = root.found("sluice.ko", f"/lib/modules/{release}")
    must(there == [f"/lib/modules/{release}/updates/dkms/sluice.ko"], f"installed: {' '.join(there) or 'nothing'}")
    must(re.search(rf"^sluice/.*{re.escape(release)}.*: installed$", root.run("dkms", "status"), re.M),
         "dkms status: " + root.run("dkms", "status"))
    must(_modinfo(root, release, "vermagic").startswith(release + " "), "it is for another kernel")
    must(_modinfo(root, release, "softdep").startswith("pre: "), "it says nothing of the ciphers that it needs")
    must(_modinfo(root, release, "license") == "GPL", "its licence is not said")
    tail = open(root.where + there[0], "rb").read()[-28:]
    must(tail == b"~Module signature appended~\n", "it is not signed")


def dkms(root):
    with term.step("apt-get install " + " ".join(DKMS_PACKAGES)):
        root.run("apt-get", "-q", "-y", "install", "--no-install-recommends", *DKMS_PACKAGES)
    before = set(root.found("*", "/usr/src", "/var/lib/dkms"))
    (release,) = os.listdir(f"{root.where}/lib/modules")
    with term.step(f"make -C kmod dkms KVER={release}"):
        root.run("make", "-C", "/src/kmod", "dkms", f"KVER={release}")
        _is_installed(root, release)
    with term.step("what a new kernel's package runs") as s:
        version = re.search(r"sluice/([^,]+),", root.run("dkms", "status")).group(1)
        root.run("dkms", "unbuild", "-m", "sluice", "-v", version, "-k", release)
        must(not root.found("sluice.ko*", "/lib/modules"), "dkms unbuild has left it")
        root.run(HOOK, release)
        _is_installed(root, release)
        s.note = "built again"
    with term.step("make -C kmod dkms once more, then dkms-remove"):
        root.run("make", "-C", "/src/kmod", "dkms", f"KVER={release}")
        root.run("make", "-C", "/src/kmod", "dkms-remove", f"KVER={release}")
        left = set(root.found("*", "/usr/src", "/var/lib/dkms")) - before
        left = {f for f in left if not f.startswith("/var/lib/dkms/mok.")} | set(root.found("*sluice*", "/lib/modules"))
        must(not left, "left behind: " + " ".join(sorted(left)))


TRIES = {"packages": packages, "dkms": dkms}


def attempt(name, keep=False):
    """Raises CleanError."""
    root, t0 = Root(), time.monotonic()
    term.title(f"{name}, in a clean Debian ({RELEASE})")
    try:
        with term.step("debootstrap"):
            root.make()
        TRIES[name](root)
        term.say(f"  {name}: as it must be, {time.monotonic() - t0:.0f} s")
    except kernels.KernelError as e:
        raise CleanError(str(e)) from e
    finally:
        if keep:
            root.unmount()
            term.say(f"  the root is in {root.where}")
        else:
            root.close()


def main(argv):
    keep, names = "--keep" in argv, [a for a in argv if a != "--keep"]
    if set(names) - set(TRIES):
        print(__doc__, end="", file=sys.stdout if names in (["-h"], ["--help"]) else sys.stderr)
        return 0 if names in (["-h"], ["--help"]) else 2
    build.need_root()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = 0
    for name in names or TRIES:
        try:
            attempt(name, keep)
        except CleanError as e:
            term.say(term.paint(f"tests/clean {name}: {e}", "red"))
            failed = 1
        except KeyboardInterrupt:
            return 130
    return failed
