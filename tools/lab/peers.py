# SPDX-License-Identifier: Apache-2.0
"""Kamailio with topoh and rtpengine in user space: what sluice is compared with."""
import os
import shutil

from . import build, netns

CONFIG = os.path.join(build.ROOT, "tests/perf/peers")


class Peer:
    def __init__(self, lab, media):
        """`media`: with rtpengine."""
        self.lab = lab
        folder = lab.path("peer")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.join(CONFIG, "dispatcher.list"), folder)
        with open(os.path.join(CONFIG, "kamailio.cfg")) as f:
            text = f.read().replace("RUN/", folder + "/")
        config = os.path.join(folder, "kamailio.cfg")
        with open(config, "w") as f:
            f.write(text)
        self.rtpengine = start_rtpengine(lab) if media else None
        self.kamailio = lab.start(lab.sbc, "kamailio", "-f", config, "-m", "2000", "-M", "32", "-DD",
                                  "-P", os.path.join(folder, "pid"), "-Y", folder,
                                  *(["-A", "WITH_RTPENGINE"] if media else []), log="kamailio.log")
        try:
            netns.wait_for("kamailio", self._listens, 10, 0.1)
        except TimeoutError as e:
            raise TimeoutError(f"{e}\n{self.kamailio.text()[-2000:]}") from None

    def _listens(self):
        lines = self.lab.sbc.run("ss", "-Hnlu").stdout
        return "10.10.0.1:5060" in lines and "203.0.113.1:5060" in lines

    def stop(self):
        self.kamailio.stop()
        if self.rtpengine:
            self.rtpengine.stop()


def start_rtpengine(lab):
    p = lab.start(lab.sbc, "rtpengine", "--config-file=none", "-f", "-E", "-L", "3", "--table=-1",
                  f"--interface=in/{lab.INSIDE}", f"--interface=out/{lab.OUTSIDE}",
                  "--listen-ng=127.0.0.1:2223", "--port-min=20000", "--port-max=60000",
                  "--timeout=600", "--silent-timeout=600", "--num-threads=2", "--delete-delay=0",
                  log="rtpengine.log")
    netns.wait_for("rtpengine", lambda: "127.0.0.1:2223" in lab.sbc.run("ss", "-Hnlu").stdout, 10,
                   0.1)
    return p
