# SPDX-License-Identifier: Apache-2.0
"""Kamailio with topoh and rtpengine in user space: what sluice is compared with."""
import os
import re
import shutil
import socket

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


# ---- rtpengine's own control protocol: bencode over UDP ----

def _encode(v):
    if isinstance(v, dict):
        return b"d" + b"".join(_encode(k) + _encode(v[k]) for k in sorted(v)) + b"e"
    if isinstance(v, list):
        return b"l" + b"".join(map(_encode, v)) + b"e"
    raw = v.encode()
    return b"%d:%s" % (len(raw), raw)


SDP = ("v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
       "a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n")


class Control:
    def __init__(self, lab):
        with lab.sbc.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", 2223))
        self.socket.settimeout(3)

    def ask(self, request):
        """The SDP of the answer: address, port."""
        cookie = os.urandom(6).hex().encode()
        self.socket.send(cookie + b" " + _encode(request))
        reply = self.socket.recv(65536)
        found = re.search(rb"c=IN IP4 (\S+).*?m=audio (\d+)", reply, re.S)
        if not reply.startswith(cookie) or not found:
            raise RuntimeError(f"rtpengine: {reply!r}")
        return found[1].decode(), int(found[2])


def rtpengine_legs(lab, calls, path):
    """Calls set up without SIP; writes the legs for rtpgen."""
    control = Control(lab)
    inside, outside = lab.PBX.rsplit(".", 1)[0], lab.CARRIER.rsplit(".", 1)[0]
    with open(path, "w") as f:
        for i in range(calls):
            a, b, port = f"{inside}.12", f"{outside}.12", 20000 + 4 * i
            common = {"call-id": f"bench-{i}", "from-tag": f"f{i}", "ICE": "remove",
                      "flags": ["trust-address"], "replace": ["origin", "session-connection"]}
            to_b = control.ask({**common, "command": "offer", "direction": ["in", "out"],
                                "sdp": SDP.format(ip=a, port=port)})
            to_a = control.ask({**common, "command": "answer", "to-tag": f"t{i}",
                                "sdp": SDP.format(ip=b, port=port)})
            f.write(f"a {a} {port} {to_a[0]} {to_a[1]}\nb {b} {port} {to_b[0]} {to_b[1]}\n")
