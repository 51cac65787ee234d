# SPDX-License-Identifier: Apache-2.0
"""CPU time and memory of what does the work: the processes of a namespace and the kernel threads
that receive for it. With threaded NAPI the kernel's receive work of each device is a thread of its
own, so it can be told from the load generator's."""
import glob
import os
import re
import time



def _comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


def napi_threads():
    """pid -> device, of all threaded NAPI of this machine."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        m = re.match(r"napi/(.+)-\d+$", _comm(pid))
        if m:
            found[int(pid)] = m.group(1)
    return found


def run_ns(pid):
    """What all threads of a process have run, in ns (schedstat: /proc/stat under-reports)."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path) as f:
                total += int(f.read().split()[0])
        except (OSError, IndexError):
            pass
    return total


class Meter:
    """`with Meter(lab, before) as m:` then m.seconds[group]. Groups: program names and "kernel"."""
    OURS = ("inside0", "outside0")

    def __init__(self, lab, napi_before):
        self.groups = {}
        for pid in lab.sbc.pids():
            self.groups.setdefault(_comm(pid), []).append(pid)
        for pid, device in napi_threads().items():
            if pid not in napi_before and device[:8] in ("inside0", "outside0"):
                self.groups.setdefault("kernel", []).append(pid)
        self.seconds = {}

    def _read(self):
        return {g: sum(run_ns(p) for p in pids) for g, pids in self.groups.items()}

    def start(self):
        self.t0, self.before = time.monotonic(), self._read()
        return self

    def stop(self):
        after = self._read()
        self.wall = time.monotonic() - self.t0
        self.seconds = {g: (after[g] - self.before[g]) / 1e9 for g in after}
        return self

    def total(self, without=()):
        return sum(v for g, v in self.seconds.items() if g not in without)

    def __str__(self):
        return ", ".join(f"{g} {v:.3f} s" for g, v in sorted(self.seconds.items()) if v > 0.0005)


def memory_kb(lab, only=None):
    """Proportional set size of everything in the sbc namespace, or of the programs named `only`."""
    total = 0
    for pid in lab.sbc.pids():
        try:
            with open(f"/proc/{pid}/comm") as f:
                if only and f.read().strip() != only:
                    continue
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])
        except (OSError, TypeError):
            pass
    return total
