# SPDX-License-Identifier: Apache-2.0
"""Media relays in the sbc of a lab, and sluice-bench on both sides of them. The same work for all."""
import json
import os
import re
import shutil
import subprocess
import tempfile

from . import build, measure, netns, peers, sluice

PORT_FIRST, PORTS = 20000, 40000
A, B = "10.10.0.12", "203.0.113.12"  # where sluice-bench is; the lab needs more=2
BENCH_PORT = 10000
TESTPMD_PREFIX = f"slb{os.getpid()}"
KINDS = {
    "sluice-xdp": "sluice-dp, AF_XDP",
    "sluice-packet": "sluice-dp, AF_PACKET",
    "rtpengine": "rtpengine",
    "plain": "plain sockets",
    "testpmd": "testpmd macswap",
}
NETWORKS = f"""\
sluice: 1
networks:
  outside: {{port: outside0, address: {netns.Lab.OUTSIDE}/24, media-ports: {PORT_FIRST}-{PORT_FIRST + PORTS - 1}}}
  inside: {{port: inside0, address: {netns.Lab.INSIDE}/24, media-ports: {PORT_FIRST}-{PORT_FIRST + PORTS - 1}}}
trunks:
  carrier: {{on: outside, profile: static, host: {netns.Lab.CARRIER}}}
  pbx: {{on: inside, profile: pbx, host: {netns.Lab.PBX}}}
calls:
  - {{from: pbx, to: carrier}}
"""


class NotHere(Exception):
    """A relay that this machine does not have."""


class Relay:
    """One of KINDS, running; `driver` is what sluice-bench is told of it."""

    def __init__(self, lab, kind, suffix):
        self.lab, self.kind, self.suffix = lab, kind, suffix
        start = {"sluice-xdp": self._sluice, "sluice-packet": self._sluice, "plain": self._plain,
                 "rtpengine": self._rtpengine, "testpmd": self._testpmd}[kind]
        self.process = start()
        netns.prefer(self.process.pid)

    def _sluice(self):
        config, socket = self.lab.path("sluice.yaml"), self.lab.path("run/engine.sock")
        with open(config, "w") as f:
            f.write(NETWORKS)
        device = "af_xdp" if self.kind == "sluice-xdp" else "af_packet"
        self.driver = f"sluice={socket}"
        p = self.lab.start(self.lab.sbc, build.program("sluice-dp", self.suffix), "--config", config, "--socket",
                           socket, "--device", device, "--log", "notice", log="relay.log")
        self._wait(p, lambda: os.path.exists(socket))
        return p

    def _plain(self):
        socket = self.lab.path("plain.sock")
        self.driver = f"sluice={socket}"
        p = self.lab.start(self.lab.sbc, build.program("sluice-bench", self.suffix), "plain", "--listen", socket,
                           log="relay.log")
        p.wait_text("ready")
        return p

    def _rtpengine(self):
        if not shutil.which("rtpengine"):
            raise NotHere("rtpengine is not installed (tools/setup bench)")
        self.driver = "rtpengine=127.0.0.1:2223"
        return peers.start_rtpengine(self.lab)

    def _testpmd(self):
        """It passes what comes on one device to the other with the MAC addresses changed places: where both ends have
        one MAC address and both of its devices another, that is what each end waits for."""
        if not shutil.which("dpdk-testpmd"):
            raise NotHere("dpdk-testpmd is not installed (tools/setup bench)")
        self.driver = "direct"
        end, middle = "02:00:00:00:00:01", "02:00:00:00:00:02"
        for ns, far, near in ((self.lab.pbx, "203.0.113.0/24", netns.Lab.INSIDE),
                              (self.lab.carrier, "10.10.0.0/24", netns.Lab.OUTSIDE)):
            ns.ip("link", "set", "eth0", "address", end)
            ns.ip("neigh", "replace", near, "lladdr", middle, "dev", "eth0", "nud", "permanent")
            ns.ip("route", "replace", far, "via", near)
        for device in ("inside0", "outside0"):
            self.lab.sbc.ip("link", "set", device, "address", middle)
        p = self.lab.start(self.lab.sbc, "dpdk-testpmd", "--no-huge", "-m512", "--no-pci", "--no-telemetry", "--no-shconf",
                           f"--file-prefix={TESTPMD_PREFIX}", "--vdev=net_af_xdp0,iface=inside0",
                           "--vdev=net_af_xdp1,iface=outside0", "--", "--forward-mode=macswap", "--auto-start",
                           "--stats-period=1", "--total-num-mbufs=16384", log="relay.log")
        self._wait(p, lambda: "Port 1" in p.text() and "statistics" in p.text())
        return p

    def _wait(self, p, ready):
        def look():
            if not p.running():
                raise RuntimeError(f"{self.kind} ended with {p.popen.returncode}:\n{p.text()[-2000:]}")
            return ready()
        try:
            netns.wait_for(self.kind, look, 20)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{p.text()[-2000:]}") from None


class Media:
    """sluice-bench, told of a relay."""

    def __init__(self, lab, suffix, driver, more):
        self.lab, self.suffix, self.driver, self.more = lab, suffix, driver, more

    def bench(self, *words, seconds=600, say=None):
        """Runs it; its JSON. What it prints goes to say(line)."""
        with tempfile.NamedTemporaryFile(suffix=".json", dir=self.lab.folder) as out:
            command = [build.program("sluice-bench", self.suffix), *words, "--relay", self.driver, *self.more, "--json",
                       out.name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
                try:
                    netns.prefer(p.pid)
                    text, _ = p.communicate(timeout=seconds)
                except BaseException:
                    p.kill()
                    raise
            if say:
                for line in text.splitlines():
                    say(line)
            if p.returncode:
                raise RuntimeError(f"sluice-bench and {self.driver}: {text.strip()[-1500:]}")
            with open(out.name) as f:
                return json.load(f)


class Rig(Media):
    """A lab with a relay in it. Threaded NAPI gives the kernel's receive work of each device a thread that can be
    measured, but a thread that waits for its turn loses packets: loss and latency are measured without."""

    def __init__(self, kind, threaded=False, suffix="", prefix=None):
        self.kind, self.threaded = kind, threaded
        before = set(measure.napi_threads())
        lab = netns.Lab(prefix or f"slb{os.getpid()}", threaded=threaded, more=4)
        try:
            self.relay = Relay(lab, kind, suffix)
        except BaseException:
            lab.close()
            raise
        kernel = [str(pid) for pid, device in measure.napi_threads().items()
                  if pid not in before and device[:8] in ("inside0", "outside0")]
        super().__init__(lab, suffix, self.relay.driver, self._where(lab, kernel))

    def _where(self, lab, kernel):
        return ["--relay-netns", str(lab.sbc), "--relay-a", f"{netns.Lab.INSIDE}:{PORT_FIRST}", "--relay-b",
                f"{netns.Lab.OUTSIDE}:{PORT_FIRST}", "--relay-ports", str(PORTS), "--a", f"{A}:{BENCH_PORT}@{lab.pbx}",
                "--b", f"{B}:{BENCH_PORT}@{lab.carrier}", "--cpu", f"relay={self.relay.process.pid}", "--cpu",
                "kernel=" + (",".join(kernel) if kernel else "ksoftirqd/*")]

    def close(self):
        self.lab.close()
        shutil.rmtree(f"/run/dpdk/{TESTPMD_PREFIX}", ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def versions():
    """What the comparison was made with."""
    def first(*command):
        try:
            r = subprocess.run(command, capture_output=True, text=True, timeout=10)
            return (r.stdout or r.stderr).strip().splitlines()[0]
        except (OSError, IndexError, subprocess.TimeoutExpired):
            return "not installed"
    with open("/proc/cpuinfo") as f:
        cpu = re.search(r"model name\s*:\s*(.*)", f.read())
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read())[1]) // 1024
    return {
        "kernel": " ".join(os.uname()[i] for i in (0, 2, 4)),
        "processor": f"{os.cpu_count()} x {cpu[1] if cpu else 'unknown'}",
        "memory": f"{memory} MiB",
        "DPDK": first("pkg-config", "--modversion", "libdpdk"),
        "rtpengine": first("rtpengine", "--version"),
        "sluice": first("git", "-C", build.ROOT, "describe", "--always", "--dirty"),
        "devices": "veth pairs between network namespaces, checksums in software",
    }
