# SPDX-License-Identifier: Apache-2.0
"""A virtual machine (QEMU) with another kernel and this machine's files: what is written in it is gone when it ends.

The root is this machine's, read only, by 9p, under a layer in memory; /lib/modules is the kernel's own. It ends with the
command that was its reason. Without KVM it runs in software, three to five times slower: SLUICE_PATIENCE in it says so."""
import contextlib
import os
import platform
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import termios
import tty

from . import build

QEMU = "qemu-system-x86_64"
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")  # to see the root; what else is needed is found there
PATIENCE = 4  # how much longer things may take where a processor is played by software
KVM, KVM_SECONDS = "/dev/kvm", 3
MARK = ".sluice-guest"  # in the root of a guest

INIT = """\
#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in $(cat /modules/order); do insmod /modules/$m || echo "insmod $m failed"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 root /low || echo "no root by 9p"
mount -t tmpfs up /up
mkdir /up/new /up/work
mount -t overlay -o lowerdir=/low,upperdir=/up/new,workdir=/up/work root /new || echo "no root"
for d in proc sys dev; do mount -o move /$d /new/$d; done
mount -t tmpfs run /new/run
mkdir -p /new/dev/shm /new/dev/pts
mount -t tmpfs -o mode=1777 shm /new/dev/shm
mount -t devpts pts /new/dev/pts
@MOUNTS@
cp /guest /new/run/guest
: >/new/@MARK@
exec switch_root /new /bin/sh /run/guest
"""

GUEST = """\
@TTY@
exec <@STDIN@ >/dev/ttyS1 2>&1
export @ENV@
ip link set lo up
cd @FOLDER@
@INSMOD@
@COMMAND@
status=$?
@AFTER@
sleep 0.2
printf "\\\\$(printf %o $status)" | dd of=/dev/port bs=1 seek=244 2>/dev/null
echo b >/proc/sysrq-trigger
"""

INSMOD = 'modprobe -a $(modinfo -F depends @ | tr , " ") 2>/dev/null; insmod @ || exit'


class GuestError(Exception):
    pass


def inside():
    return os.path.exists(f"/{MARK}")


def accelerated(kernel):
    """Whether KVM does what it promises: in a machine that is virtual itself it may be there and stand still. A kernel
    without a root says that it has none, and its machine ends."""
    if not os.access(KVM, os.R_OK | os.W_OK):
        return False
    with subprocess.Popen([QEMU, "-accel", "kvm", "-cpu", "max", "-m", "256", "-display", "none", "-monitor", "none",
                           "-nodefaults", "-no-user-config", "-no-reboot", "-serial", "stdio", "-kernel",
                           os.path.join(kernel, "vmlinuz"), "-append", "console=ttyS0 panic=-1"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        said = select.select([p.stdout], [], [], KVM_SECONDS)[0] and p.stdout.read(1)
        p.kill()
    return bool(said)


def need():
    """Says what is missing to start one."""
    if platform.machine() != "x86_64":
        raise GuestError(f"virtual machines of this are for x86_64; this machine is {platform.machine()}")
    for program, package in ((QEMU, "qemu-system-x86"), ("busybox", "busybox-static"), ("cpio", "cpio"),
                             ("modprobe", "kmod")):
        if not shutil.which(program):
            raise GuestError(f"a virtual machine needs {program}, which is not here: apt-get install "
                             f"--no-install-recommends {package}")


def _order(kernel, release, wanted):
    """Files of modules, those that others need first."""
    order = []
    for m in wanted:
        r = subprocess.run(["modprobe", "-d", f"{kernel}/modroot", "-S", release, "--show-depends", m],
                           capture_output=True, text=True)
        if r.returncode:
            raise GuestError(f"the kernel {release} has no module {m}: {r.stderr.strip()}")
        for line in r.stdout.splitlines():
            word = line.split()
            if word[:1] == ["insmod"] and word[1] not in order:
                order.append(word[1])
    return order


class Guest:
    """`kernel`: a folder as lab/kernels.py makes it. `shares`: folders that are this machine's own in there, too.
    `console`: the file that the kernel's log goes to."""

    def __init__(self, kernel, console, insmod=(), shares=(), cpus=2, memory=2048, env=None, append=""):
        self.kernel, self.console, self.insmod = kernel, console, list(insmod)
        self.shares, self.cpus, self.memory, self.append = list(shares), cpus, memory, append
        with open(os.path.join(kernel, "release")) as f:
            self.release = f.read().strip()
        need()
        self.accelerated = accelerated(kernel)
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                    "LANG": os.environ.get("LANG", "C.UTF-8"), "SLUICE_BUILD": os.path.abspath(build.BASE),
                    "SLUICE_PATIENCE": str(1 if self.accelerated else PATIENCE), **(env or {})}

    def _scripts(self, command, after, terminal):
        mounts = [f"mkdir -p /new/lib/modules; mount --bind /new{self.kernel}/modroot/lib/modules /new/lib/modules"]
        for i, folder in enumerate(self.shares):
            mounts.append(f"mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 share{i} /new{folder}")
        # Lines end as the other side wants them: a terminal that takes each key wants both characters.
        words = {"MOUNTS": "\n".join(mounts), "MARK": MARK,
                 "TTY": f"stty -F /dev/ttyS1 {'sane' if terminal else '-opost -echo'}",
                 "STDIN": "/dev/ttyS1" if terminal else "/dev/null",
                 "ENV": " ".join(f"{k}={shlex.quote(v)}" for k, v in self.env.items()),
                 "FOLDER": shlex.quote(os.getcwd()), "COMMAND": command, "AFTER": after,
                 "INSMOD": "\n".join(INSMOD.replace("@", shlex.quote(m)) for m in self.insmod)}
        texts = [INIT, GUEST]
        for i, text in enumerate(texts):
            for k, v in words.items():
                text = text.replace(f"@{k}@", v)
            texts[i] = text
        return texts

    def _initrd(self, work, scripts):
        root = os.path.join(work, "root")
        for d in ("bin", "proc", "sys", "dev", "modules", "new", "low", "up"):
            os.makedirs(os.path.join(root, d))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
        os.symlink("busybox", os.path.join(root, "bin/sh"))
        order = _order(self.kernel, self.release, MODULES)
        for m in order:
            shutil.copy(m, os.path.join(root, "modules"))
        for name, text in (("modules/order", "\n".join(map(os.path.basename, order)) + "\n"),
                           ("init", scripts[0]), ("guest", scripts[1])):
            with open(os.path.join(root, name), "w") as f:
                f.write(text)
            os.chmod(f.name, 0o755)
        packed = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, check=True, capture_output=True,
                                input="\n".join(_under(root)).encode()).stdout
        with open(os.path.join(work, "initrd"), "wb") as f:
            f.write(packed)
        return f.name

    def _qemu(self, initrd):
        # Several processors as sockets: a guest sees one CPU where they are cores of one that has no such thing.
        line = [QEMU, *(["-accel", "kvm"] if self.accelerated else ["-accel", "tcg,thread=multi,tb-size=256"]),
                "-cpu", "max", "-smp", f"{self.cpus},sockets={self.cpus},cores=1,threads=1", "-m", str(self.memory),
                "-display", "none", "-monitor", "none", "-nodefaults", "-no-user-config", "-no-reboot",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                "-serial", f"file:{self.console}",
                "-chardev", "stdio,id=out,signal=off", "-serial", "chardev:out",
                "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"]
        for i, folder in enumerate(self.shares):
            line += ["-virtfs", f"local,path={folder},mount_tag=share{i},security_model=none,multidevs=remap"]
        return [*line, "-kernel", os.path.join(self.kernel, "vmlinuz"), "-initrd", initrd, "-append",
                f"console=ttyS0 panic=-1 oops=panic loglevel=5 random.trust_cpu=on {self.append}"]

    def run(self, command, seconds=None, stdout=None, after="", terminal=False):
        """Status of `command` (shell). `after`: more to do in there when it is over. `terminal`: the command has this
        one, every key of it."""
        with tempfile.TemporaryDirectory(prefix="sluice-guest-") as work:
            initrd = self._initrd(work, self._scripts(command, after, terminal))
            with _terminal() if terminal else contextlib.nullcontext():
                p = subprocess.Popen(self._qemu(initrd), stdin=None if terminal else subprocess.DEVNULL,
                                     stdout=stdout)
                try:
                    rc = p.wait(seconds)
                except subprocess.TimeoutExpired:
                    raise GuestError(f"the virtual machine did not end within {seconds} s{self._last()}") from None
                finally:
                    p.kill()
                    p.wait()
        if rc & 1 == 0 or rc < 0:  # it went down without a word
            raise GuestError(f"the virtual machine ended by itself (QEMU: {rc}){self._last()}")
        return rc >> 1

    def _last(self):
        with contextlib.suppress(OSError), open(self.console, errors="replace") as f:
            return "; its kernel said last:\n" + "\n".join(f.read().split("\n")[-40:])
        return ""


def _under(root):
    for folder, _, names in os.walk(root):
        yield os.path.relpath(folder, root)
        yield from (os.path.relpath(os.path.join(folder, n), root) for n in names)


@contextlib.contextmanager
def _terminal():
    """Each key goes to the guest, those that end programs, too."""
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
