# SPDX-License-Identifier: Apache-2.0
"""A share of a processor for some processes, by the cpu controller of cgroups, version 2 or 1."""
import contextlib
import os

from . import netns

V2, V1 = "/sys/fs/cgroup", "/sys/fs/cgroup/cpu"


def _version():
    """2, 1 or 0: there is none."""
    with contextlib.suppress(OSError), open(f"{V2}/cgroup.controllers") as f:
        if "cpu" in f.read().split():
            return 2
    return 1 if os.path.exists(f"{V1}/cpu.cfs_quota_us") else 0


def possible():
    return _version() > 0 and os.access(V1 if _version() == 1 else V2, os.W_OK)


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


class Quota:
    """`share` of one processor, given out anew each period: short, so that it looks like a slow machine
    and not like one that stands still; before others who want that processor. Ends with the processes
    still alive."""

    def __init__(self, name, share, period_us=5000):
        self.version = _version()
        root = V1 if self.version == 1 else V2
        self.folder, self.home = f"{root}/{name}", f"{root}/cgroup.procs"
        if self.version == 2:
            with contextlib.suppress(OSError):
                _write(f"{root}/cgroup.subtree_control", "+cpu")
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.folder)
        quota = max(1000, int(share * period_us))
        if self.version == 2:
            _write(f"{self.folder}/cpu.max", f"{quota} {period_us}")
            _write(f"{self.folder}/cpu.weight", "5000")
        else:
            _write(f"{self.folder}/cpu.cfs_period_us", str(period_us))
            _write(f"{self.folder}/cpu.cfs_quota_us", str(quota))
            _write(f"{self.folder}/cpu.shares", "50000")

    def add(self, pid):
        _write(f"{self.folder}/cgroup.procs", str(pid))

    def throttled(self):
        """How often the share was used up."""
        with open(f"{self.folder}/cpu.stat") as f:
            return dict((k, int(v)) for k, v in (line.split() for line in f))["nr_throttled"]

    def close(self):
        if not os.path.isdir(self.folder):
            return
        with open(f"{self.folder}/cgroup.procs") as f:
            pids = f.read().split()
        for pid in pids:
            with contextlib.suppress(OSError):
                _write(self.home, pid)

        def gone():
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)
            return not os.path.isdir(self.folder)
        with contextlib.suppress(TimeoutError):
            netns.wait_for("the group to end", gone, 3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        return False
