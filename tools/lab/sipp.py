# SPDX-License-Identifier: Apache-2.0
"""sipp: many calls at once; and rtpgen: their media.

What to know about sipp 3.6: [auto_media_port] gives each call its own port, but sipp binds the
first one itself, so the SDP names another address (-key media) that rtpgen may bind."""
import json
import os
import subprocess

from . import build, netns

SCENARIOS = os.path.join(build.ROOT, "tests/perf/sipp")
MEDIA_PORT = 20000


class Sipp:
    def __init__(self, lab, ns, scenario, ip, *arguments, port=5060, media=None, name=None):
        name = name or f"sipp-{scenario}-{len(lab.processes)}"
        self.folder = lab.path(name)
        os.makedirs(self.folder, exist_ok=True)
        self.stats = os.path.join(self.folder, "stat.csv")
        self.process = lab.start(
            ns, "sipp", *arguments, "-sf", os.path.join(SCENARIOS, scenario + ".xml"), "-i", ip,
            "-p", str(port), "-mi", ip, "-mp", str(MEDIA_PORT + 2000 * (port - 5060)), "-key", "media", media or ip,
            "-nostdin", "-buff_size", "8388608", "-max_socket", "1", "-timer_resol", "2",
            "-trace_stat", "-stf", self.stats, "-fd", "1", "-trace_err", "-error_file",
            os.path.join(self.folder, "errors"), log=name + ".log", cwd=self.folder,
            env=dict(os.environ, TERM="dumb"))
        self.pid = self.process.pid

    def wait(self, seconds):
        self.process.popen.wait(seconds)
        return self.result()

    def stop(self):
        self.process.stop(5)
        return self.result()

    def result(self):
        """The last line of its statistics; {} when there is none yet."""
        try:
            with open(self.stats) as f:
                lines = f.read().strip().split("\n")
        except OSError:
            return {}
        if len(lines) < 2:
            return {}
        return dict(zip(lines[0].split(";"), lines[-1].split(";")))

    def number(self, column):
        return int(self.result().get(column) or 0)

    @property
    def successful(self):
        return self.number("SuccessfulCall(C)")

    @property
    def failed(self):
        return self.number("FailedCall(C)")

    @property
    def retransmissions(self):
        return self.number("Retransmissions(C)")

    def errors(self):
        try:
            with open(os.path.join(self.folder, "errors"), errors="replace") as f:
                return f.read()[:1500]
        except OSError:
            return ""


def answering(lab, scenario, media=None):
    """sipp as the carrier; it listens when this returns."""
    s = Sipp(lab, lab.carrier, scenario, netns.Lab.CARRIER, media=media)
    netns.wait_for("sipp to listen", lambda: _listens(lab.carrier, netns.Lab.CARRIER), 5)
    return s


def uas(lab, media=None):
    return answering(lab, "uas", media)


def _listens(ns, ip):
    return f"{ip}:5060" in ns.run("ss", "-Hnlu").stdout


def uac(lab, to, rate, calls, hold_ms, port=5060, media=None, more=()):
    return Sipp(lab, lab.pbx, "uac", netns.Lab.PBX, f"{to}:5060", "-r", str(rate), "-m", str(calls), "-d",
                str(hold_ms), "-l", str(calls + 1000), "-recv_timeout", "32000", *more, port=port,
                media=media)


def asking(lab, to, scenario, rate, count, port=5060):
    """sipp as the PBX with requests that are no calls."""
    return Sipp(lab, lab.pbx, scenario, netns.Lab.PBX, f"{to}:5060", "-r", str(rate), "-m", str(count), "-l",
                str(count), "-recv_timeout", "32000", port=port)


def legs_of(flows, path):
    """Writes rtpgen's file from what `sluicectl flows` tells; how many calls."""
    with open(path, "w") as f:
        for flow in flows:
            sides = sorted(flow["sides"], key=lambda s: s["local"].startswith("203."))
            for name, side in zip("ab", sides):
                peer, ours = side["sdp"].rsplit(":", 1), side["local"].rsplit(":", 1)
                f.write(f"{name} {peer[0]} {peer[1]} {ours[0]} {ours[1]}\n")
    return len(flows)


class Rtpgen:
    """Its standard output says when the measured window begins and ends."""

    def __init__(self, lab, legs, seconds, pps=50, warm=2, suffix=""):
        command = [os.path.join(build.folder(suffix), "tests/perf/rtpgen"), "-f", legs, "-a",
                   str(lab.pbx), "-b", str(lab.carrier), "-p", str(pps), "-w", str(warm), "-d",
                   str(seconds)]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.pid, self.seconds, self.warm = self.popen.pid, seconds, warm

    def wait_line(self, word):
        for line in self.popen.stdout:
            if line.strip() == word:
                return
        raise RuntimeError(f"rtpgen ended before it said {word}")

    def report(self):
        text = self.popen.stdout.read()
        if self.popen.wait(30):
            raise RuntimeError("rtpgen failed")
        return json.loads(text.strip().split("\n")[-1])

    def stop(self):
        self.popen.kill()
        self.popen.wait(5)
