# SPDX-License-Identifier: Apache-2.0
"""A telephone: one baresip in a namespace, driven over its control port.

What to know about baresip 1.0: aufile is a source only, recording is the sndfile filter, and the
recording of what was heard stops at the first re-INVITE; ctrl_tcp serves one client."""
import glob
import json
import os
import re
import socket
import time

from . import netns, tone

CONTROL_PORT = 4444
CONFIG = """\
sip_listen {ip}:5060
poll_method epoll
call_local_timeout 60
call_max_calls 4
audio_source aufile,{tone}
audio_player aubridge,sink
audio_alert aubridge,sink
auplay_srate 8000
ausrc_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_tos 184
rtp_ports {rtp_ports}
jitter_buffer_delay 5-10
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module aufile.so
module sndfile.so
snd_path {folder}/heard
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:4444
ringback_disabled yes
"""

# A picture of its own making; nobody looks at what comes.
VIDEO = """\
module vp8.so
module fakevideo.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size 176x144
video_fps 10
video_bitrate 100000
"""


class Control:
    """JSON in netstrings, one client at a time."""

    def __init__(self, ns):
        with netns.inside(ns):
            self.socket = socket.create_connection(("127.0.0.1", CONTROL_PORT), 5)
        self.buffer, self.sent, self.events = b"", 0, []

    def _receive(self, seconds):
        end = time.monotonic() + seconds
        while True:
            m = re.match(rb"(\d+):", self.buffer)
            if m and len(self.buffer) > m.end() + int(m[1]):
                stop = m.end() + int(m[1])
                text, self.buffer = self.buffer[m.end():stop], self.buffer[stop + 1:]
                return json.loads(text)
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                return None
            if not more:
                raise EOFError("the telephone hung up its control connection")
            self.buffer += more

    def command(self, name, params=""):
        self.sent += 1
        request = {"command": name, "token": str(self.sent)}
        if params:
            request["params"] = params
        text = json.dumps(request).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))
        while (m := self._receive(5 * netns.PATIENCE)) is not None:
            if m.get("token") == str(self.sent):
                return re.sub("\x1b\\[[0-9;]*m", "", m.get("data", "")).strip()
            self.events.append(m)
        raise TimeoutError(f"no answer to {name}")

    def wait(self, kind, seconds):
        """The next event of this kind; what came before it is forgotten."""
        end = time.monotonic() + seconds * netns.PATIENCE
        while True:
            while self.events:
                m = self.events.pop(0)
                if m.get("type") == kind:
                    return m
            m = self._receive(max(0.0, end - time.monotonic()))
            if m is None:
                return None
            self.events.append(m)

    def close(self):
        self.socket.close()


class Phone:
    def __init__(self, lab, ns, ip, user, hz, domain=None, rtp_ports="20000-20100", more="",
                 account=""):
        """Plays `hz` to whoever calls; answers by itself. `domain` is what it writes into From; `more` are lines
        of its configuration, `account` are parameters of its account."""
        self.lab, self.ns, self.ip, self.user, self.hz = lab, ns, ip, user, hz
        self.folder = lab.path(f"phone-{ns.name}")
        os.makedirs(self.folder + "/heard", exist_ok=True)
        wav = self.folder + "/tone.wav"
        tone.write(wav, hz)
        self._write("config", CONFIG.format(ip=ip, tone=wav, folder=self.folder,
                                            rtp_ports=rtp_ports) + more)
        self._write("accounts", f"<sip:{user}@{domain or ip}>;regint=0;answermode=auto{account}\n")
        self._write("contacts", "")
        self.process = lab.start(ns, "baresip", "-f", self.folder, log=f"phone-{ns.name}.log",
                                 env=dict(os.environ, HOME=self.folder))
        self.control = netns.wait_for(f"the telephone {user}", self._connect, 8)

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def _connect(self):
        if not self.process.running():
            raise RuntimeError("baresip ended: " + self.process.text()[-2000:])
        try:
            return Control(self.ns.name)
        except OSError:
            return None

    def expect(self, kind, seconds=8.0):
        m = self.control.wait(kind, seconds)
        if m is None:
            raise TimeoutError(f"telephone {self.user}: no {kind} within {seconds:.0f} s; its log "
                               f"ends with:\n{self.process.text()[-1500:]}")
        return m

    def dial(self, uri):
        self.control.command("dial", uri)

    def established(self, seconds=8.0):
        return self.expect("CALL_ESTABLISHED", seconds)

    def closed(self, seconds=8.0):
        return self.expect("CALL_CLOSED", seconds)

    def hang_up(self):
        self.control.command("hangup")

    def hold(self):
        self.control.command("hold")

    def resume(self):
        self.control.command("resume")

    def transfer(self, uri):
        self.control.command("transfer", uri)

    def press(self, key):
        self.control.command("sndcode", key)

    def expect_key(self, key, seconds=5.0):
        m = self.expect("CALL_DTMF_START", seconds)
        if m["param"] != key:
            raise AssertionError(f"telephone {self.user}: key {m['param']} instead of {key}")

    def forget(self):
        """No calls, and no events of those that were."""
        for _ in range(4):
            if "Active calls (0)" in (text := self.control.command("listcalls")) or not text:
                break
            self.control.command("hangup")
        while self.control._receive(0.0):
            pass
        self.control.events.clear()

    def recordings(self):
        return sorted(glob.glob(self.folder + "/heard/*-dec.wav"), key=os.path.getmtime)

    def heard(self, hz):
        """The last recording against the tone that the other side plays."""
        files = self.recordings()
        if not files:
            raise RuntimeError(f"telephone {self.user} recorded nothing")
        return tone.Heard(files[-1], hz)

    def stop(self):
        self.control.close()
        self.process.stop(3.0)
