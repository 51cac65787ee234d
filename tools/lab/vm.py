# SPDX-License-Identifier: Apache-2.0
"""Runs a test in a throw-away virtual machine that has sluice.ko.

usage: tests/vm/run KERNEL [TEST [ARGUMENT ...]]     environment: VM_OUT
  KERNEL    5.10, 6.1, 6.12 (Debian's, fetched: tests/vm/kernels), or kasan (built: takes some minutes, once)
  TEST      a script of tests/vm/guest/, without .sh, or the path of one (engine)
  ARGUMENT  for that script

The script is run as /test; lines "# vm: ..." in its head say what it needs of this machine:
  programs NAME ...     programs of this machine, with their libraries, into /bin
  built PATH ...        programs of the build tree, into /sluice/build/PATH
  files PATH ...        of the tree, into /sluice/PATH
  modules NAME ...      of the kernel, loaded before
  more-modules NAME ... of the kernel, there to be loaded
  own FOLDER ...        modules of tests, built by FOLDER/build, into /sluice/FOLDER
  host files            this machine's files, for "mount -t 9p host", read only
  cpus N, memory MB, timeout SECONDS
What is left in /out is copied to the folder $VM_OUT, if there is one.
Exit status: the script's; 100 when the machine died, 101 when it took too long. The kernel's console is shown then.
"""
import base64
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from . import build, kernels

DIED, TOO_LONG = 100, 101
# Where the processors are busy with other things a kernel may find no clock that it trusts, and stand still before it has begun.
BOOT, BOOTS = 150, 3  # seconds until it says a word, and how often that is tried
HOST_FILES = ["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]
GUEST = os.path.join(build.ROOT, "tests/vm/guest")
# Besides what the module depends on: what it asks for by name when the first key is set.
CIPHERS = ["aesni_intel", "ghash_clmulni_intel", "sha1_ssse3", "ctr", "gcm", "ghash_generic", "hmac", "sha1_generic",
           "cryptd", "aes_generic", "cbc", "ecb", "seqiv", "cmac"]


class VmError(Exception):
    pass


class Mute(Exception):
    """The machine did not come up."""


class Needs:
    """What a guest's script says of itself."""

    def __init__(self, script):
        self.programs, self.built, self.files, self.modules, self.more, self.own = [], [], [], [], [], []
        self.cpus, self.memory, self.timeout, self.host = 2, 512, 600, False
        lists = {"programs": self.programs, "built": self.built, "files": self.files, "modules": self.modules,
                 "more-modules": self.more, "own": self.own}
        for word, rest in re.findall(r"^# vm: (\S+)\s+(.*)$", open(script).read(), re.M):
            if word in lists:
                lists[word] += rest.split()
            elif word in ("cpus", "memory", "timeout"):
                setattr(self, word, int(rest))
            elif word == "host":
                self.host = True
                self.modules += ["virtio_pci", "9pnet_virtio", "9p", "overlay"]
            else:
                raise VmError(f"{script}: no '# vm: {word}'")


def make_module(source, kernel, out, defines=""):
    """sluice.ko of the sources in that folder for that kernel, in the folder `out`, and without warnings."""
    r = subprocess.run(["make", "-C", source, f"KDIR={kernel}/build", f"O={out}", "-j", build.JOBS,
                        *([f"KCFLAGS={defines}"] if defines else [])], capture_output=True, text=True)
    # What a compiler of another make than the kernel's has Kbuild say is no warning of ours.
    said = [w for w in r.stderr.splitlines() if re.search(r"warning[: ]", w, re.I) and "the compiler differs" not in w]
    if r.returncode or said:
        raise VmError("\n".join(said) if said and not r.returncode else (r.stdout + r.stderr)[-4000:])
    return out


def _build_own(path, kernel, out):
    """A module of the tests. Its folder, without warnings."""
    r = subprocess.run([os.path.join(build.ROOT, path, "build"), f"{kernel}/build", out, build.folder()], capture_output=True,
                       text=True)
    said = [w for w in r.stderr.splitlines() if re.search(r"warning[: ]", w, re.I) and "the compiler differs" not in w]
    if r.returncode or said:
        raise VmError((r.stdout + r.stderr)[-4000:])
    return out


def module_folder(version):
    return build.folder(f"kmod-{version}")


def build_module(version, kernel):
    """The module of this tree for that kernel. Its folder."""
    return make_module(os.path.join(build.ROOT, "kmod"), kernel, module_folder(version))


class Image:
    """The file system of the machine, in a folder that becomes an initramfs."""

    def __init__(self, where):
        self.where = where
        for d in ("bin", "sbin", "proc", "sys", "dev", "run/netns", "tmp", "etc", "root", "lib", "usr", "var", "sluice"):
            os.makedirs(os.path.join(where, d), exist_ok=True)
        os.symlink("../bin", f"{where}/usr/bin")
        os.symlink("../sbin", f"{where}/usr/sbin")
        os.symlink("../run", f"{where}/var/run")
        self.put("/bin/busybox", "/bin/busybox")
        # busybox's own shell takes its own ip for any other.
        self.program("/bin/dash", "/bin/sh")

    def put(self, source, to):
        to = self.where + to
        os.makedirs(os.path.dirname(to), exist_ok=True)
        if os.path.isdir(source):
            shutil.copytree(source, to, symlinks=False, dirs_exist_ok=True)
        else:
            shutil.copy(source, to)

    def text(self, to, text):
        with open(self.where + to, "w") as f:
            f.write(text)

    def program(self, source, to):
        """With its libraries, where they are here."""
        self.put(source, to)
        r = subprocess.run(["ldd", source], capture_output=True, text=True)
        for lib in re.findall(r"(/\S+) \(0x", r.stdout):
            if not os.path.exists(self.where + lib):
                self.put(lib, lib)

    def modules(self, root, release, own, names):
        """Those modules and all that they depend on, where modprobe looks for them."""
        kept = f"/lib/modules/{release}"
        os.makedirs(self.where + kept, exist_ok=True)
        base = os.path.join(root, "lib/modules", release)
        for f in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            if os.path.exists(os.path.join(base, f)):
                self.put(os.path.join(base, f), f"{kept}/{f}")
        for name in names:
            r = subprocess.run(["modprobe", "-d", root, "-S", release, "--show-depends", name], capture_output=True,
                               text=True)
            for path in re.findall(r"^insmod (\S+)", r.stdout, re.M):
                self.put(path, kept + "/kernel/" + os.path.basename(path))
        if own:
            self.put(own, f"{kept}/updates/sluice.ko")
        subprocess.run(["depmod", "-b", self.where, release], check=True, capture_output=True)

    def pack(self, to):
        with open(to, "wb") as f:
            find = subprocess.Popen(["find", ".", "-print0"], cwd=self.where, stdout=subprocess.PIPE)
            r = subprocess.run(["cpio", "--null", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=self.where,
                               stdin=find.stdout, stdout=f)
            if find.wait() or r.returncode:
                raise VmError("cpio failed")


def _wanted_modules(needs, own):
    info = subprocess.run(["modinfo", "-F", "depends", own], capture_output=True, text=True).stdout if own else ""
    soft = subprocess.run(["modinfo", "-F", "softdep", own], capture_output=True, text=True).stdout if own else ""
    return [*info.strip().replace(",", " ").split(), *re.findall(r"[\w-]+(?!:)\b", soft), *CIPHERS, *needs.modules, *needs.more]


def _image(where, script, needs, kernel, out, arguments):
    image = Image(where)
    image.put(os.path.join(GUEST, "init"), "/init")
    image.put(os.path.join(GUEST, "lib.sh"), "/lib.sh")
    image.put(script, "/test")
    os.chmod(where + "/init", 0o755)
    image.text("/arguments", " ".join(shlex.quote(a) for a in arguments) + "\n")
    image.text("/modules", " ".join(needs.modules) + "\n")
    for name in needs.programs:
        path = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        if not path:
            raise VmError(f"{script} needs the program {name}, which is not here")
        image.program(path, f"/bin/{os.path.basename(name)}")
    for path in needs.built:
        full = os.path.join(build.folder(), path)
        if not os.path.exists(full):
            raise VmError(f"{full} is not built")
        image.program(full, f"/sluice/build/{path}")
    for path in needs.files:
        image.put(os.path.join(build.ROOT, path), f"/sluice/{path}")
    for path in needs.own:
        made = _build_own(path, kernel, f"{where}.{os.path.basename(path)}")
        for module in glob.glob(f"{made}/*.ko"):
            image.put(module, f"/sluice/{path}/{os.path.basename(module)}")
    own = os.path.join(out, "sluice.ko") if out else None
    image.text("/modroot", os.path.join(kernel, "modroot") + "\n")
    release = open(os.path.join(kernel, "release")).read().strip()
    image.modules(os.path.join(kernel, "modroot"), release, own, _wanted_modules(needs, own))
    return image


def _qemu(kernel, initrd, needs, console, files, append, options):
    # One core in each socket: else the guest may have one processor, and no races.
    # Emulated even where there is /dev/kvm: it is the same everywhere so, and some clouds have one that stands still.
    # One processor alone can count its instructions (-icount among the options).
    return ["qemu-system-x86_64", "-accel", f"tcg,thread={'multi' if needs.cpus > 1 else 'single'}", "-cpu", "max",
            "-smp", f"{needs.cpus},sockets={needs.cpus},cores=1,threads=1", "-m", str(needs.memory), "-display", "none",
            "-monitor", "none", "-nodefaults", "-no-user-config", "-no-reboot", "-serial", f"file:{console}", "-serial",
            "stdio", "-serial", f"file:{files}", *(HOST_FILES if needs.host else ()), "-kernel",
            os.path.join(kernel, "vmlinuz"), "-initrd", initrd, "-append",
            "console=ttyS0 loglevel=5 panic=-1 oops=panic random.trust_cpu=on mitigations=off nokaslr "
            f"tsc=reliable no_timer_check apparmor=0 audit=0 {append}", *options]


def _watch(command, seconds, say):
    """Runs it, says its lines as they come. The status line's number; None when there was none, and whether time was up.
    Mute: not a line came."""
    status, late, mute = None, threading.Event(), threading.Event()
    # Whatever ends us, ends it.
    p = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def end(why):
        why.set()
        p.kill()

    timer, boot = threading.Timer(seconds, end, [late]), threading.Timer(BOOT, end, [mute])
    timer.start()
    boot.start()
    try:
        for line in p.stdout:
            boot.cancel()
            line = line.decode("utf-8", "replace").rstrip("\r\n")
            m = re.fullmatch(r"status (\d+)", line)
            if m:
                status = int(m.group(1))
            else:
                say(line)
        errors = p.stderr.read().decode("utf-8", "replace")
        if p.wait() and not late.is_set() and not mute.is_set():
            raise VmError(f"qemu: {errors.strip() or p.returncode}")
        if mute.is_set():
            raise Mute
    finally:
        timer.cancel()
        boot.cancel()
        if p.poll() is None:
            p.kill()
        p.wait()
    return status, late.is_set()


def _boot(command, seconds, say):
    """As _watch(), but one that does not come up is started again."""
    for _ in range(BOOTS - 1):
        try:
            return _watch(command, seconds, say)
        except Mute:
            say(f"# the machine did not come up in {BOOT} s; once more")
    try:
        return _watch(command, seconds, say)
    except Mute:
        return None, False


def _bring(files, to):
    data = base64.b64decode(open(files, "rb").read() or b"")
    if data:
        os.makedirs(to, exist_ok=True)
        subprocess.run(["tar", "-xz", "-C", to], input=data, check=True)


def find_script(name):
    for path in (os.path.join(GUEST, name + ".sh"), name):
        if os.path.isfile(path):
            return path
    have = sorted(os.path.basename(p)[:-3] for p in glob.glob(f"{GUEST}/*.sh") if not p.endswith("/lib.sh"))
    raise VmError(f"no test '{name}'; there are: {' '.join(have)}")


def run(version, script, arguments=(), *, say=print, bring=None, append="", options=(), module=None, needs=None):
    """The exit status of the script. `module`: a folder with sluice.ko (else it is built); `bring`: a folder for /out;
    `append`: of the kernel's command line; `options`: of qemu; `needs`: instead of what the script says."""
    needs = needs or Needs(script)
    if version == "kasan":  # it marks each octet, and is three times as slow
        needs.memory, needs.timeout = needs.memory * 2, needs.timeout * 4
    kernel = kernels.get(version, say)
    module = module or build_module(version, kernel)
    work = tempfile.mkdtemp(prefix="sluice-vm.")
    try:
        root, initrd, console, files = (os.path.join(work, n) for n in ("root", "initrd", "console", "files"))
        _image(root, script, needs, kernel, module, arguments).pack(initrd)
        shutil.rmtree(root)
        t0 = time.monotonic()
        status, late = _boot(_qemu(kernel, initrd, needs, console, files, append, options), needs.timeout, say)
        if bring:
            _bring(files, bring)
        if late or status is None:
            say(f"# {'it took longer than ' + str(needs.timeout) + ' s' if late else 'the machine died'}; its console:")
            for line in open(console, errors="replace").read().splitlines()[-60:]:
                say("# " + line.rstrip())
            status = TOO_LONG if late else DIED
        say(f"# vm: Linux {version}, status {status}, {time.monotonic() - t0:.1f} s")
        return status
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main(argv):
    if not argv or argv[0].startswith("-"):
        asked = argv in (["-h"], ["--help"])
        print(__doc__, end="", file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    try:
        kernels.must_know(argv[0])
        script = find_script(argv[1] if len(argv) > 1 else "engine")
        needs = Needs(script)
        if needs.built:
            build.build("", what=needs.built)
        return run(argv[0], script, argv[2:], say=lambda line: print(line, flush=True), bring=os.environ.get("VM_OUT"))
    except (VmError, kernels.KernelError, build.BuildError) as e:
        print(f"vm: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
