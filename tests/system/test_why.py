# SPDX-License-Identifier: Apache-2.0
"""`sluicectl why` names the cause of what real packets do; `flows`, `pcap`, `drops` and `stage` show it."""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

from lab import build, ladder, netns, sluice

UP = ladder.up("-> INVITE 0301234 sdp")
PBX_MEDIA, CARRIER_MEDIA = ("10.10.0.11", 30000), ("203.0.113.11", 30100)
STRANGER = "203.0.113.13"
WIDE = pytest.mark.parametrize("lab", [{"more": 3}], indirect=True)


class Voice:
    """Sends RTP every 20 ms until it is told otherwise."""

    def __init__(self, ns, at, to, pt=8, every=0.02, lose=0, ssrc=0):
        with ns.inside():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(at)
        self.to, self.pt, self.every, self.lose, self.ssrc = to, pt, every, lose, ssrc or at[1] * 7919
        self.seq, self.running = 100, True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def packet(self):
        self.seq += 1
        return struct.pack("!BBHII", 0x80, self.pt, self.seq & 0xffff, self.seq * 160, self.ssrc) + b"\xd5" * 160

    def _run(self):
        due = time.monotonic()
        while self.running:
            p = self.packet()
            if not self.lose or self.seq % self.lose:
                with contextlib.suppress(OSError):
                    self.sock.sendto(p, self.to)
            due += self.every
            time.sleep(max(0, due - time.monotonic()))

    def stop(self):
        self.running = False
        self.thread.join()
        self.sock.close()


class Scene:
    """A call that is up, and who speaks in it."""

    def __init__(self, lab, caller=UP, callee=ladder.ANSWERED + "stop", box=None):
        self.lab, self.voices = lab, []
        self.box = box or sluice.Sluice(lab)
        self.callee = ladder.Party(lab, "carrier", callee, media_port=CARRIER_MEDIA[1])
        self.caller = ladder.Party(lab, "pbx", caller, media_port=PBX_MEDIA[1])
        self.caller.at_stop()
        netns.wait_for("the call", lambda: [c["state"] for c in self.box.calls()] == ["ACTIVE"], 5)
        self.id = self.box.calls()[0]["id"]
        flow, = self.box.flows()
        self.ours = {side: self._endpoint(flow["sides"][i]["local"]) for i, side in enumerate(("pbx", "carrier"))}

    @staticmethod
    def _endpoint(text):
        host, port = text.rsplit(":", 1)
        return host, int(port)

    def speak(self, who, at=None, **more):
        ns, mine = {"pbx": (self.lab.pbx, PBX_MEDIA), "carrier": (self.lab.carrier, CARRIER_MEDIA)}[who]
        v = Voice(ns, at or mine, self.ours[who], **more)
        self.voices.append(v)
        return v

    def why(self):
        """(cause, from) of each line, the most telling first."""
        stream, = self.box.ask("why", self.id)["call"]["streams"]
        self.lines = stream["lines"]
        return [(line["cause"], line["from"]) for line in self.lines]

    def text(self, cause):
        return next(line["text"] for line in self.lines if line["cause"] == cause)

    def fix(self, cause):
        return next(line["fix"] for line in self.lines if line["cause"] == cause)

    def hush(self):
        while self.voices:
            self.voices.pop().stop()

    def close(self):
        self.hush()
        self.caller.stop()
        self.callee.stop()


@pytest.fixture
def scene(lab):
    made = []

    def make(*a, **k):
        made.append(Scene(lab, *a, **k))
        return made[-1]
    yield make
    for s in made:
        s.close()


def settled(seconds=0.6):
    """Until sources are learned, and what was dropped before is no news."""
    time.sleep(seconds)


@WIDE
def test_silence_and_its_causes(scene):
    s = scene()
    time.sleep(2)
    assert s.why()[:2] == [("never", "pbx"), ("never", "carrier")]
    assert "not one packet has come to 10.10.0.1:" in s.text("never") and "10.10.0.11:30000" in s.fix("never")

    # Both speak: nothing is wrong, and it sounds well.
    s.speak("pbx")
    carrier = s.speak("carrier")
    settled(1.2)
    assert s.why() == [("fine", "")]
    stream, = s.box.ask("why", s.id)["call"]["streams"]
    assert all(4.2 < m < 4.5 for m in stream["mos"])
    assert "GOOD" in s.box.ctl_text("why", s.id)

    # A stranger does no harm but is seen; then the carrier's media comes from elsewhere.
    stranger = s.speak("carrier", at=(STRANGER, 40000))
    settled()
    assert s.why() == [("fine", ""), ("stranger", "carrier")]
    assert f"{STRANGER}:40000" in s.text("stranger")
    carrier.stop()
    s.voices.remove(carrier)
    time.sleep(1.1)
    assert s.why()[0] == ("unlearned", "carrier")
    assert s.text("unlearned").startswith(f"carrier sends from {STRANGER}:40000, but its SDP said 203.0.113.11:30100")
    assert f"media-from: [{STRANGER}]" in s.fix("unlearned")

    # It stops; a codec that nobody agreed on.
    stranger.stop()
    s.voices.remove(stranger)
    time.sleep(3.2)
    assert s.why()[0] == ("stopped", "carrier")
    assert "came from 203.0.113.11:30100 until then" in s.text("stopped")
    s.hush()
    s.speak("pbx", pt=96)
    s.speak("carrier")
    time.sleep(1.1)
    assert s.why()[0] == ("payload-type", "pbx")
    assert "sends payload type 96, which was not negotiated (agreed are 8, 0, 101)" in s.text("payload-type")


@WIDE
def test_bad_sound_and_its_causes(scene):
    s = scene()
    s.speak("pbx", lose=5)
    carrier = s.speak("carrier", every=0.002)
    time.sleep(2)
    found = s.why()
    assert ("loss", "pbx") in found
    assert "on the way from pbx to here" in s.text("loss")
    assert 15 < float(s.text("loss").split("Loss of ")[1].split(" ")[0]) < 25
    assert ("policed", "carrier") in found, found
    rate = re.match(r"carrier sends more than it negotiated: (\d+) packets/s, ([\d.]+) times", s.text("policed"))
    assert 400 < int(rate[1]) < 600 and float(rate[2]) > 1.4, s.text("policed")
    carrier.stop()
    s.voices.remove(carrier)

    # The carrier tells by RTCP that it misses a quarter.
    with s.lab.carrier.inside():
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtcp.bind((CARRIER_MEDIA[0], CARRIER_MEDIA[1] + 1))
    s.hush()
    s.speak("pbx")
    s.speak("carrier")
    settled(1)
    ssrc = s.box.flows()[0]["sides"][0]["rtp"]["ssrc"]
    report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, 1, ssrc, 64 << 24 | 500, 400, 10, 0, 0)
    rtcp.sendto(report, (s.ours["carrier"][0], s.ours["carrier"][1] + 1))
    settled(0.2)
    assert ("peer-loss", "pbx") in s.why()
    assert "carrier reports a loss of 25.0 %" in s.text("peer-loss")
    rtcp.close()


NOWHERE = """
<- INVITE sdp
-> 180
-> 200
    | Content-Type: application/sdp
    |
    | v=0
    | o=- 1 1 IN IP4 203.0.113.77
    | s=-
    | c=IN IP4 203.0.113.77
    | t=0 0
    | m=audio 4000 RTP/AVP 8
    | a=rtpmap:8 PCMA/8000
<- ACK
stop
"""


@WIDE
def test_nobody_answers_there(scene):
    s = scene(callee=NOWHERE)
    s.speak("pbx")
    time.sleep(1.5)
    assert s.why()[0] == ("no-route", "pbx")
    assert s.text("no-route").startswith("Nobody on the network answers for 203.0.113.77:4000, where carrier wants")
    assert ("never", "carrier") in s.why()


HOLD = UP + """
-> INVITE sdp=sendonly
<- 100?
<- 200 sdp
-> ACK
stop
"""
HELD = ladder.ANSWERED + """
<- INVITE sdp=sendonly
-> 200 sdp=recvonly
<- ACK
stop
"""


@WIDE
def test_on_hold(scene):
    s = scene(caller=HOLD, callee=HELD)
    s.speak("pbx")
    carrier = s.speak("carrier")
    settled()
    s.caller.go()
    s.caller.at_stop()
    carrier.stop()
    s.voices.remove(carrier)
    time.sleep(1.2)
    assert s.why()[0] == ("hold", "carrier")
    assert s.text("hold").startswith("No media is expected from carrier: it said recvonly, pbx said sendonly")


SECURE = f"""
-> INVITE 0301234
    | Content-Type: application/sdp
    |
    | v=0
    | o=- 1 1 IN IP4 {PBX_MEDIA[0]}
    | s=-
    | c=IN IP4 {PBX_MEDIA[0]}
    | t=0 0
    | m=audio {PBX_MEDIA[1]} RTP/SAVP 8
    | a=rtpmap:8 PCMA/8000
    | a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj
<- 100?
<- 180
<- 200 sdp
-> ACK
stop
"""


@WIDE
def test_srtp_with_another_key(lab, scene):
    with open(sluice.EXAMPLE) as f:
        text = f.read().replace("profile: pbx, host: 10.10.0.10", "profile: pbx, host: 10.10.0.10, srtp: require")
    s = scene(caller=SECURE, box=sluice.Sluice(lab, text=text))
    s.speak("pbx")  # RTP, which is no SRTP with that key
    s.speak("carrier")
    time.sleep(1)
    assert s.why()[0] == ("srtp", "pbx")
    assert re.match(r"SRTP from pbx fails authentication: \d+ packets \(AES_CM_128_HMAC_SHA1_80, key 1, generation "
                    r"\d+\)\. Not one was right\.", s.text("srtp")), s.text("srtp")
    row = next(line for line in s.box.ctl_text("flows").splitlines() if " pbx " in line)
    assert " CM128/80 " in row
    assert s.box.drops()["media"]["srtp_auth"] > 20


def tshark(path, *words):
    r = subprocess.run(["tshark", "-r", path, *words], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    return r.stdout.splitlines()


def ctl(box, *words, **more):
    return subprocess.run([build.program("sluicectl"), "--socket", box.control, *words], capture_output=True,
                          timeout=20, **more)


@WIDE
def test_capture_and_tables(scene):
    s = scene(caller=UP + "-> BYE\n<- 200\n", callee=ladder.ANSWERED + "<- BYE\n-> 200\n")
    s.speak("pbx")
    s.speak("carrier")
    s.speak("carrier", at=(STRANGER, 40000))
    time.sleep(2.5)
    path = s.lab.path("call.pcapng")
    r = ctl(s.box, "pcap", s.id, "--output", path)
    assert r.returncode == 0 and b"packet heads of call" in r.stdout

    # What it says to Wireshark: networks, directions, verdicts, lengths; and no sound.
    fields = ["-T", "fields", *(w for f in ("frame.interface_name", "ip.src", "udp.srcport", "frame.len",
                                            "frame.cap_len", "frame.comment", "rtp.p_type", "rtp.seq",
                                            "_ws.malformed") for w in ("-e", f)),
              "-d", f"udp.port=={PBX_MEDIA[1]},rtp", "-d", f"udp.port=={CARRIER_MEDIA[1]},rtp"]
    rows = [line.split("\t") for line in tshark(path, *fields)]
    by = lambda net, src: [r for r in rows if r[0] == net and r[1] == src]
    heard, sent = by("inside (pbx)", "10.10.0.11"), by("outside (carrier)", "203.0.113.1")
    assert len(heard) >= 16 and len(sent) >= 16
    assert [r[7] for r in heard[:16]] == [str(n) for n in range(101, 117)]
    assert {r[7] for r in sent} <= {r[7] for r in heard}
    assert {(r[3], r[4], r[6]) for r in heard + sent} == {("200", "40", "8")}
    strange = by("outside (carrier)", STRANGER)
    assert len(strange) >= 32 and {r[5] for r in strange} == {"dropped: rtp_unlearned"}
    with open(path, "rb") as f:
        assert b"\xd5" * 4 not in f.read()
    assert tshark(path, "-Y", "frame.interface_name contains inside and rtp", "-d",
                  f"udp.port=={PBX_MEDIA[1]},rtp", "-z", "rtp,streams", "-q")

    # To a pipe, but not to a terminal.
    piped = ctl(s.box, "pcap", s.id)
    assert piped.returncode == 0 and piped.stdout[:4] == b"\x0a\x0d\x0d\x0a"
    master, slave = os.openpty()
    r = subprocess.run([build.program("sluicectl"), "--socket", s.box.control, "pcap", s.id], stdout=slave,
                       stderr=subprocess.PIPE)
    os.close(slave)
    os.close(master)
    assert r.returncode == 1 and b"not for a terminal" in r.stderr
    assert ctl(s.box, "pcap", "dead").returncode == 1

    # flows: what a person reads.
    text = s.box.ctl_text("flows")
    lines = text.splitlines()
    assert lines[0].split()[:5] == ["CALL", "SIDE", "LOCAL", "SDP", "SOURCE"]
    assert lines[1].startswith(s.id) and " pbx " in lines[1] and "203.0.113.11:30100" in lines[2]
    assert "LOCKED" in lines[1] and "\033" not in text
    for word in (s.id, "carrier", "LOCKED", "pcma", "203.0.113.11"):
        assert s.id in s.box.ctl_text("flows", word)
    assert s.box.ctl_text("flows", "10.99.").startswith("no flow fits")
    assert s.box.ask("flows", "10.99.")["flows"] == [] and len(s.box.ask("flows", "carrier")["flows"]) == 1
    for width in (80, 120):
        narrow = ctl(s.box, "flows", env={**os.environ, "COLUMNS": str(width)}).stdout.decode()
        assert max(map(len, narrow.splitlines())) <= width and s.id in narrow
    flow, = s.box.flows()
    assert flow["call"] == s.id and flow["codec"] == "PCMA/8000" and flow["trunks"] == ["pbx", "carrier"]
    assert flow["sides"][0]["mos"] > 4 and "MOS 4." in s.box.ctl_text("call", "show", s.id)

    # drops: with their text; with --watch how fast.
    text = s.box.ctl_text("drops")
    assert "rtp_unlearned  source that the signalling did not name" in text and "rtp_short" not in text
    assert "rtp_short" in s.box.ctl_text("drops", "--all")
    with pytest.raises(subprocess.TimeoutExpired) as e:
        subprocess.run([build.program("sluicectl"), "--socket", s.box.control, "drops", "--watch=0.5"],
                       capture_output=True, timeout=1.8)
    looks = e.value.output.decode().split("Media packets that were dropped")[1:]
    assert "PER SECOND" not in looks[0]
    row = next(line for line in looks[1].splitlines() if " rtp_unlearned " in line).split()
    assert 25 < float(row[1]) < 75
    for width in (80, 120):
        narrow = ctl(s.box, "drops", env={**os.environ, "COLUMNS": str(width)}).stdout.decode()
        assert max(map(len, narrow.splitlines())) <= width

    # stage: cycles and nanoseconds of each stage, and what the workers did besides.
    text = s.box.ctl_text("stage")
    for name in ("receive", "parse", "relay", "send", "all"):
        cycles = next(line for line in text.splitlines() if line.startswith(name + " ")).split()
        assert int(cycles[1]) > 0 and int(cycles[2]) > 0
    assert "The workers slept" in text and "in a burst" in text
    work = s.box.ask("stage")["work"]
    assert 0 < work["cycles_asleep"] < work["cycles_all"]

    # why: within the terminal, and its sentences whole.
    for width in (80, 120):
        narrow = ctl(s.box, "why", s.id, env={**os.environ, "COLUMNS": str(width)}).stdout.decode()
        assert max(map(len, narrow.splitlines())) <= width
        assert "both directions flow" in " ".join(narrow.split())

    # The end of the call: what it sounded like is in the log.
    s.hush()
    s.caller.go()
    netns.wait_for("its end", lambda: " talked " in s.box.process.text(), 5)
    assert re.search(r"packets \d+/\d+, MOS 4\.\d/4\.\d", s.box.process.text())


def test_wrong_use(lab, box):
    assert ctl(box, "why").returncode == 2
    assert ctl(box, "why", "1").returncode == 1
    assert ctl(box, "drops", "--watch=x").returncode == 2
    assert json.loads(ctl(box, "--json", "why", "1").stdout)["ok"] is False
    text = ctl(box, "--help").stdout.decode()
    assert all(f"  {name}" in text for name in ("why ID", "pcap ID", "flows [WORD]", "stage", "drops"))
    assert max(map(len, text.splitlines())) <= 80
