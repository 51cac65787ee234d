# SPDX-License-Identifier: Apache-2.0
"""A telephone of another make: one linphonec in a namespace, driven over its standard input.

What to know about linphonec 5.1: that it uses files for sound is a command and no setting; calls are numbered
from 1 and no number comes again; its own address is that of the default route; who waits hears the file of
`play`."""
import os
import re
import subprocess
import time

from . import netns, tone

CONFIG = """\
[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
contact=sip:{user}@{ip}
guess_hostname=1
ipv6_migration_done=1
use_ipv6=0
register_only_when_network_is_up=0
media_encryption=none
use_rfc2833=1
use_info=0
{sip}
[rtp]
audio_rtp_port=7078
audio_adaptive_jitt_comp_enabled=0

[sound]
echocancellation=0
agc=0

"""
CODECS = ("PCMA/8000/1/1", "PCMU/8000/1/1", "opus/48000/2/0", "speex/16000/1/0", "speex/8000/1/0",
          "speex/32000/1/0", "GSM/8000/1/0", "G722/8000/1/0")


def codecs():
    words = ("mime", "rate", "channels", "enabled")
    return "\n".join(f"[audio_codec_{i}]\n" + "".join(f"{w}={v}\n" for w, v in zip(words, c.split("/")))
                     for i, c in enumerate(CODECS))


class Linphone:
    def __init__(self, lab, ns, ip, user, hz, gateway, sip="", early=False):
        """Plays `hz` to whoever calls; answers by itself. `sip`: more lines of that section. `early`: it plays
        before the answer too."""
        self.lab, self.ns, self.ip, self.user, self.hz = lab, ns, ip, user, hz
        self.folder = lab.path(f"phone-{ns}")
        os.makedirs(self.folder + "/.local/share/linphone", exist_ok=True)
        ns.ip("route", "replace", "default", "via", gateway)
        wav, config = self.folder + "/tone.wav", self.folder + "/linphonerc"
        tone.write(wav, hz)
        with open(config, "w") as f:
            f.write(CONFIG.format(ip=ip, user=user, sip=sip) + codecs())
        self.process = lab.start(ns, "linphonec", "-c", config, "-a",
                                 *["--real-early-media"] * early, log=f"phone-{ns}.log", env=dict(os.environ, HOME=self.folder), cwd=self.folder,
                                 stdin=subprocess.PIPE)
        self.looked = 0  # so much of its log has been looked at
        self.process.wait_text("linphonec>", 8)
        self.say("soundcard use files", f"play {wav}", f"record {self.folder}/heard.wav")
        netns.wait_for(f"the telephone {user}", lambda: ":5060" in ns.run("ss", "-Hnlu").stdout, 8)

    def say(self, *commands):
        for c in commands:
            self.process.popen.stdin.write(c.encode() + b"\n")
        self.process.popen.stdin.flush()

    def expect(self, pattern, seconds=8.0):
        """The next place of its log that fits; what came before it is forgotten."""
        end = time.monotonic() + seconds
        while True:
            text = self.process.text()[self.looked:]
            m = re.search(pattern, text)
            if m:
                self.looked += m.end()
                return m
            if time.monotonic() > end:
                raise TimeoutError(f"telephone {self.user}: no '{pattern}' within {seconds:.0f} s; its "
                                   f"log ends with:\n{text[-1500:]}")
            time.sleep(0.05)

    def dial(self, uri):
        self.say(f"call {uri}")

    def established(self, seconds=8.0):
        """The number of the call."""
        return int(self.expect(r"Call (\d+) with \S+ connected\.", seconds)[1])

    def closed(self, seconds=8.0):
        self.expect(r"Call \d+ with \S+ ended", seconds)

    def hang_up(self):
        self.say("terminate")

    def hold(self):
        self.say("pause")
        self.expect(r"is now paused\.")

    def resume(self):
        self.say("resume")
        self.expect("Media streams established")

    def transfer(self, uri):
        self.say(f"transfer {uri}")

    def join(self, call, other):
        """Attended: the party of `call` to that of `other`."""
        self.say(f"transfer {call} --to-call {other}")

    def press(self, key):
        self.say(key)

    def expect_key(self, key, seconds=5.0):
        m = self.expect("Receiving tone (.) from", seconds)
        if m[1] != key:
            raise AssertionError(f"telephone {self.user}: key {m[1]} instead of {key}")

    def answer_by_hand(self, wanted=True):
        self.say("autoanswer " + ("disable" if wanted else "enable"))
        self.expect(f"Auto answer {'dis' if wanted else 'en'}abled")

    def answer(self):
        self.say("answer")

    def param(self, section, name, value):
        self.say(f"param {section} {name} {value}")

    def forget(self):
        """No calls, and nothing of those that were."""
        self.say("terminate all", "calls")
        self.expect(r"No active call\.")

    def stop(self):
        self.process.stop(3.0)
