# SPDX-License-Identifier: Apache-2.0
"""Network namespaces, and processes in them. Whatever a Lab made it takes away again."""
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time

CLONE_NEWNET = 0x40000000
# How many times longer things may take than on a machine that is one: in a guest that software plays.
PATIENCE = float(os.environ.get("SLUICE_PATIENCE", "1"))
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True, timeout=60, **more):
    r = subprocess.run(command, capture_output=True, text=True, timeout=timeout * PATIENCE, **more)
    if check and r.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(r.stderr or r.stdout).strip()}")
    return r


def wait_for(what, condition, seconds=10.0, every=0.02):
    """What condition() gave when it was true at last."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds * PATIENCE:.0f} s for {what}")
        time.sleep(every)


def prefer(pid="self"):
    """Before other sessions of a busy machine, where the kernel groups tasks by session."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as f:
        f.write("-12")


class Process:
    """A program with its log. Nothing outlives stop()."""

    def __init__(self, command, log, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.command, self.log_path = [str(c) for c in command], log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(self.command, stdin=stdin, stdout=out,
                                          stderr=out, env=env, cwd=cwd)
        self.pid = self.popen.pid

    def text(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def running(self):
        return self.popen.poll() is None

    def wait_text(self, wanted, seconds=10.0):
        def look():
            text = self.text()
            if wanted in text:
                return True
            if not self.running():
                raise RuntimeError(f"{self.command[-1]} ended with {self.popen.returncode} before "
                                   f"it said '{wanted}':\n{text[-3000:]}")
            return False
        try:
            wait_for(f"'{wanted}' from {self.command[0]}", look, seconds)
        except TimeoutError as e:
            raise TimeoutError(f"{e}:\n{self.text()[-3000:]}") from None

    def kill(self, number):
        if self.running():
            self.popen.send_signal(number)

    def stop(self, seconds=5.0, number=signal.SIGTERM):
        """Exit status. Asks first, then insists."""
        self.kill(number)
        try:
            return self.popen.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait(seconds)


class Namespace:
    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1", check=False)

    def __str__(self):
        return self.name

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    def run(self, *words, **more):
        return run(*self.command(*words), **more)

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace; sockets made here stay there."""
        with _in_namespace(self.name):
            yield

    def pids(self):
        return pids(self.name)


@contextlib.contextmanager
def _in_namespace(name):
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if _libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
        yield
    finally:
        _libc.setns(here, CLONE_NEWNET)
        os.close(here)
        os.close(there)


def inside(name):
    return _in_namespace(name)


def exists(name):
    return os.path.exists(f"/run/netns/{name}")


def pids(name):
    r = run("ip", "netns", "pids", name, check=False)
    return [int(p) for p in r.stdout.split()]


def remove(name, seconds=3.0):
    """Ends what runs in the namespace, then takes it away. Fine when it is not there."""
    if not exists(name):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = pids(name)
        for p in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(p, number)
        with contextlib.suppress(TimeoutError):
            wait_for("processes to end", lambda: not pids(name), seconds)
        if not pids(name):
            break
    run("ip", "netns", "del", name, check=False)


def veth(a, a_name, b, b_name, threaded=False):
    """A cable. Checksums are real on the wire: unfinished ones cannot be repaired by a relay."""
    run("ip", "link", "add", a_name, "netns", str(a), "type", "veth", "peer", "name", b_name,
        "netns", str(b))
    for ns, dev in ((a, a_name), (b, b_name)):
        run("ip", "netns", "exec", str(ns), "ethtool", "-K", dev, "tx", "off", "rx", "off", "tso",
            "off", "gso", "off", "gro", "on" if threaded else "off", check=False)
        run("ip", "-n", str(ns), "link", "set", dev, "up")
        if threaded:
            run("ip", "netns", "exec", str(ns), "sh", "-c",
                f"echo 1 >/sys/class/net/{dev}/threaded")


class Lab:
    """PBX -- sbc -- carrier, with the addresses of conf/pbx-trunk.yaml.

    The names of the namespaces are PREFIX-pbx, PREFIX-sbc, PREFIX-carrier."""

    INSIDE, PBX = "10.10.0.1", "10.10.0.10"
    OUTSIDE, CARRIER = "203.0.113.1", "203.0.113.10"
    ROLES = ("pbx", "sbc", "carrier")

    def __init__(self, prefix, folder=None, threaded=False, more=0):
        """`more`: further addresses behind .10 on both sides, for load."""
        self.prefix = prefix
        self.folder = folder or tempfile.mkdtemp(prefix=f"{prefix}-")
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.keep_folder = folder is not None
        self.processes, self.threaded, self.more = [], threaded, more
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        for role in self.ROLES:
            remove(f"{self.prefix}-{role}")
            setattr(self, role, Namespace(f"{self.prefix}-{role}"))
        veth(self.sbc, "inside0", self.pbx, "eth0", self.threaded)
        veth(self.sbc, "outside0", self.carrier, "eth0", self.threaded)
        self.sbc.ip("addr", "add", f"{self.INSIDE}/24", "dev", "inside0")
        self.sbc.ip("addr", "add", f"{self.OUTSIDE}/24", "dev", "outside0")
        for ns, first in ((self.pbx, self.PBX), (self.carrier, self.CARRIER)):
            net, host = first.rsplit(".", 1)
            for i in range(self.more + 1):
                ns.ip("addr", "add", f"{net}.{int(host) + i}/24", "dev", "eth0")

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, ns, *command, log=None, **more):
        name = log or os.path.basename(command[0]) + f".{len(self.processes)}.log"
        p = Process(ns.command(*command) if ns else list(command), self.path(name), **more)
        self.processes.append(p)
        return p

    def close(self):
        for p in reversed(self.processes):
            p.kill(signal.SIGTERM)
        for p in reversed(self.processes):
            p.stop(3.0)
        self.processes.clear()
        for role in self.ROLES:
            remove(f"{self.prefix}-{role}")
        if not self.keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        return False
