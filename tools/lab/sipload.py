# SPDX-License-Identifier: Apache-2.0
"""sipload (tests/perf/sipload.c): calls at a constant rate, whatever becomes of them."""
import json
import os

from . import build


class Sipload:
    def __init__(self, lab, ns, mode, ip, *arguments, port=5060, suffix=""):
        program = os.path.join(build.folder(suffix), "tests/perf/sipload")
        self.process = lab.start(ns, program, mode, "--local", f"{ip}:{port}", *arguments,
                                 log=f"sipload-{mode}.{len(lab.processes)}.log")
        self.pid = self.process.pid

    def lines(self):
        return [json.loads(line) for line in self.process.text().splitlines()
                if line.startswith("{") and line.endswith("}")]

    def seconds(self):
        """What happened in each second."""
        return [line for line in self.lines() if "second" in line]

    def total(self):
        return next(line for line in self.lines() if line.get("total"))

    def wait(self, seconds):
        """Until it has ended; its sums."""
        self.process.popen.wait(seconds)
        return self.total()

    def stop(self):
        self.process.stop(10)
        return self.total()


def uas(lab, ip, *arguments, **more):
    return Sipload(lab, lab.carrier, "uas", ip, *arguments, **more)


def uac(lab, ip, to, load, *arguments, ns=None, **more):
    """`load`: [(calls a second, seconds)...]"""
    return Sipload(lab, ns or lab.pbx, "uac", ip, "--remote", to, "--load",
                   ",".join(f"{rate}x{seconds}" for rate, seconds in load), *arguments, **more)
