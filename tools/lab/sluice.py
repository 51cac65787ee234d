# SPDX-License-Identifier: Apache-2.0
"""sluiced and sluice-dp of the build tree, in a namespace, with their own sockets."""
import json
import os
import re
import signal
import socket
import subprocess

from . import build, netns

# What relays the media where nobody says otherwise: auto, or kernel: sluice.ko, and no sluice-dp.
ENGINES = ("auto", "dpdk", "kernel")
ENGINE = os.environ.get("SLUICE_ENGINE", "auto")
EXAMPLE = os.path.join(build.ROOT, "conf/pbx-trunk.yaml")


# A trunk for load: no limits that a test would meet, silence ends no call.
LOAD = """\
sluice: 1
networks:
  outside: {port: outside0, address: 203.0.113.1/24, media-ports: 16384-65535}
  inside: {port: inside0, address: 10.10.0.1/24, media-ports: 16384-65535}
trunks:
  carrier: {on: outside, profile: static, host: 203.0.113.10, max-calls: 100000, max-rate: 0}
  pbx: {on: inside, profile: pbx, host: 10.10.0.10, max-calls: 100000, max-rate: 0}
calls:
  - {from: pbx, to: carrier}
  - {from: carrier, to: pbx}
"""


def load_over(networks):
    """The same for more calls than one address has ports: `networks` pairs of networks on the two devices, pair i
    with 10.10.i.0/24 and 203.0.(113 + i).0/24."""
    lines = ["sluice: 1", "networks:"]
    for i in range(networks):
        lines += [f"  outside{i}: {{port: outside0, address: 203.0.{113 + i}.1/24, media-ports: 16384-65535}}",
                  f"  inside{i}: {{port: inside0, address: 10.10.{i}.1/24, media-ports: 16384-65535}}"]
    lines.append("trunks:")
    for i in range(networks):
        lines += [f"  carrier{i}: {{on: outside{i}, profile: static, host: 203.0.{113 + i}.10, max-calls: 100000}}",
                  f"  pbx{i}: {{on: inside{i}, profile: pbx, host: 10.10.{i}.10, max-calls: 100000}}"]
    lines += ["calls:", *(f"  - {{from: pbx{i}, to: carrier{i}}}" for i in range(networks))]
    return "\n".join(lines) + "\n"


def set_section(text, section, values):
    """The YAML text with `section: {values}` in place of what it had there."""
    text = re.sub(rf"^{section}:.*\n(?:(?:[ \t#].*)?\n)*", "", text, flags=re.M)
    body = "".join(f"  {k}: {v}\n" for k, v in values.items())
    return f"{text.rstrip()}\n\n{section}:\n{body}"


class Sluice:
    def __init__(self, lab, example=EXAMPLE, device="auto", media=None, text=None, suffix="",
                 log=None, engine=ENGINE):
        """Starts and waits until calls are served. `media`: more settings of that section."""
        self.lab, self.suffix = lab, suffix
        self.control = lab.path("run/control.sock")  # a folder that sluiced makes: it is its own
        self.engine = lab.path("run/engine.sock")
        self.config = lab.path("sluice.yaml")
        if text is None:
            with open(example) as f:
                text = f.read()
        # A line per call is for people; under load it would be measured too.
        text = set_section(text, "process", {"control": self.control, "engine": self.engine,
                                             "log": log or ("notice" if text.startswith(LOAD) else "info")})
        how = {} if engine == "auto" else {"engine": engine}
        if engine != "kernel":
            how["device"] = device
        text = set_section(text, "media", {**how, **(media or {})})
        with open(self.config, "w") as f:
            f.write(text)
        self.process = None
        self.start()

    def start(self, *more, seconds=30):
        self.process = self.lab.start(self.lab.sbc, build.program("sluiced", self.suffix),
                                      "--config", self.config, *more,
                                      log=f"sluiced.{len(self.lab.processes)}.log")
        self.process.wait_text("ready", seconds)
        netns.wait_for("the data plane", lambda: self.ctl("status").get("engine_up"), seconds, 0.1)
        if pid := self.engine_pid():
            netns.prefer(pid)  # it has a session of its own

    def ctl(self, *words):
        """One question of sluicectl, answered as a dict."""
        r = subprocess.run([build.program("sluicectl", self.suffix), "--socket", self.control,
                            "--json", *words], capture_output=True, text=True, timeout=10 * netns.PATIENCE)
        try:
            return json.loads(r.stdout)
        except json.JSONDecodeError:
            raise RuntimeError(f"sluicectl {' '.join(words)}: {r.stderr or r.stdout}") from None

    def ctl_text(self, *words):
        return netns.run(build.program("sluicectl", self.suffix), "--socket", self.control, *words,
                         check=False).stdout

    def ask(self, *words):
        """The same, where an error is one."""
        reply = self.ctl(*words)
        if not reply.get("ok"):
            raise RuntimeError(f"sluicectl {' '.join(words)}: {reply.get('error')}")
        return reply

    def calls(self):
        return self.ask("calls")["calls"]

    def flows(self):
        return self.ask("flows")["flows"]

    def drops(self):
        return self.ask("drops")

    def wait_calls(self, n, seconds=5.0):
        netns.wait_for(f"{n} calls", lambda: len(self.calls()) == n, seconds, 0.05)

    def wait_active(self, n, seconds=10.0):
        """Until n calls are answered: their flows know both sides."""
        def active():
            return sum(c["state"] == "ACTIVE" for c in self.calls()) >= n
        netns.wait_for(f"{n} answered calls", active, seconds, 0.1)

    def device(self):
        return [(p["network"], p["driver"], p["why"]) for p in self.ask("status")["data_path"]]

    def engine_pid(self):
        """sluice-dp of our namespace: it outlives sluiced on purpose."""
        for pid in self.lab.sbc.pids():
            try:
                with open(f"/proc/{pid}/comm") as f:
                    if f.read().strip().startswith("sluice-dp"):
                        return pid
            except OSError:
                pass
        return None

    def kill(self):
        """As a crash would."""
        self.process.kill(signal.SIGKILL)
        self.process.popen.wait(5)

    def stop(self):
        return self.process.stop(10)

    def _engine_answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            try:
                s.connect(self.engine)
            except OSError:
                return False
        return True

    def stop_engine(self, number=signal.SIGTERM):
        """Until it is really gone: the kernel closes a dead process's sockets a little later."""
        pid = self.engine_pid()
        if pid:
            os.kill(pid, number)
            netns.wait_for("sluice-dp to end",
                           lambda: self.engine_pid() != pid and not self._engine_answers(), 10)
