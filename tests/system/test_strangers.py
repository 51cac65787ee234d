# SPDX-License-Identifier: Apache-2.0
"""What somebody gets who is not part of a call: nothing."""
import socket
import subprocess
import time

import pytest

from lab import capture, netns

STRANGER = "203.0.113.66"
MARK = b"this is not of the call" + bytes(137)


@pytest.fixture
def stranger(lab):
    """A socket with an address that the configuration does not know."""
    lab.carrier.ip("addr", "add", f"{STRANGER}/24", "dev", "eth0")
    with lab.carrier.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((STRANGER, 5060))
    s.settimeout(0.2)
    yield s
    s.close()


def everything_to_stranger(lab):
    """ARP aside, which asks for everybody."""
    return capture.Capture(lab, lab.carrier, "to-stranger", what=f"ip and dst host {STRANGER}")


def nothing_captured(wire):
    wire.stop()
    return "\n0 packets captured" in wire.process.text()


def rtp(seq, payload_type=8):
    return bytes([0x80, payload_type, seq >> 8 & 255, seq & 255, 0, 0, seq >> 8 & 255, seq & 255, 1, 2,
                  3, 4]) + MARK


def test_spray_over_the_media_ports(lab, box, stranger, call):
    """100 packets/s at the ports of a call: none is relayed, none is sent back, the call goes on."""
    pbx, carrier = call
    to_stranger = everything_to_stranger(lab)
    at_pbx = capture.Capture(lab, lab.pbx, "pbx")
    flow, = box.flows()
    outside = next(int(s["local"].rsplit(":", 1)[1]) for s in flow["sides"]
                   if s["local"].startswith(netns.Lab.OUTSIDE))
    before = box.drops()["media"]
    sent = 0
    for seq in range(300):
        port = (outside, outside + 1, outside - 2, 16384 + seq)[seq % 4]
        stranger.sendto(rtp(seq), (netns.Lab.OUTSIDE, port))
        sent += port == outside
        time.sleep(0.01)
    time.sleep(0.3)
    after = box.drops()["media"]
    at_pbx.stop()
    assert not [p for p in at_pbx.packets() if MARK[:20] in p.data], "a foreign packet was relayed"
    assert nothing_captured(to_stranger), "something was sent to the stranger"
    grown = {k: after[k] - before.get(k, 0) for k in after if after[k] != before.get(k, 0)}
    assert sum(grown.values()) >= sent, f"drops must be counted: {grown}"
    pbx.hang_up()
    carrier.closed()
    assert pbx.heard(carrier.hz).ok(2) and carrier.heard(pbx.hz).ok(2)


PROBES = {
    "options": "OPTIONS sip:100@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK"
               "-1;rport\r\nMax-Forwards: 70\r\nFrom: \"sipvicious\"<sip:100@1.1.1.1>;tag=1\r\nTo: <sip:"
               "100@203.0.113.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContact: <sip:100@203.0.113.66>\r\n"
               "User-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n",
    "register": "REGISTER sip:203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK2"
                "\r\nMax-Forwards: 70\r\nFrom: <sip:100@203.0.113.1>;tag=1\r\nTo: <sip:100@203.0.113.1>"
                "\r\nCall-ID: 2\r\nCSeq: 1 REGISTER\r\nContact: <sip:100@203.0.113.66>\r\n"
                "Content-Length: 0\r\n\r\n",
    "invite": "INVITE sip:00972592277524@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66:5060;"
              "branch=z9hG4bK3\r\nMax-Forwards: 70\r\nFrom: <sip:100@203.0.113.1>;tag=1\r\nTo: <sip:"
              "00972592277524@203.0.113.1>\r\nCall-ID: 3\r\nCSeq: 1 INVITE\r\nContact: <sip:100@"
              "203.0.113.66>\r\nContent-Length: 0\r\n\r\n",
    "bye": "BYE sip:1@203.0.113.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66:5060;branch=z9hG4bK4\r\n"
           "From: <sip:1@1>;tag=1\r\nTo: <sip:1@1>;tag=2\r\nCall-ID: 4\r\nCSeq: 1 BYE\r\n\r\n",
    "broken": "OPTIONS sip:1 SIP/2.0\r\nVia: nonsense\r\n\r\n",
    "empty": "\r\n\r\n",
    "no sip": "GET / HTTP/1.0\r\n\r\n",
}


def test_probes_get_no_octet(lab, box, stranger):
    wire = everything_to_stranger(lab)
    before = sum(box.drops()["sip"].values())
    for kind, text in PROBES.items():
        for _ in range(3):
            stranger.sendto(text.encode(), (netns.Lab.OUTSIDE, 5060))
        with pytest.raises(TimeoutError):
            print("answered:", kind, stranger.recv(2048))
    assert nothing_captured(wire)
    assert box.calls() == []
    dropped = sum(box.drops()["sip"].values()) - before
    assert dropped >= 3 * (len(PROBES) - 1), f"what is thrown away must be counted: {dropped}"


SCANNERS = {
    "svmap": ["svmap", "-b", STRANGER, "-P", "5070", "-m", "OPTIONS", netns.Lab.OUTSIDE],
    "svmap INVITE": ["svmap", "-b", STRANGER, "-P", "5071", "-m", "INVITE", netns.Lab.OUTSIDE],
    "svwar": ["svwar", "-b", STRANGER, "-P", "5072", "-e", "100-140", "-m", "REGISTER", "--force",
              netns.Lab.OUTSIDE],
    "svwar INVITE": ["svwar", "-b", STRANGER, "-P", "5073", "-e", "100-140", "-m", "INVITE", "--force",
                     netns.Lab.OUTSIDE],
    "svcrack": ["svcrack", "-b", STRANGER, "-P", "5074", "-u", "100", "-r", "1000-1040",
                netns.Lab.OUTSIDE],
}


def scan(lab, command):
    """Some of them wait for an answer for ever."""
    try:
        r = lab.carrier.run("env", f"HOME={lab.folder}", *command, check=False, timeout=12)
        return r.stdout + r.stderr
    except subprocess.TimeoutExpired as e:
        return ((e.stdout or b"") + (e.stderr or b"")).decode()


def test_scanners_see_nobody(lab, box, stranger):
    """SIPVicious finds no server, no extension and no password, and gets not one octet."""
    lab.carrier.run("sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")
    lab.carrier.ip("addr", "del", f"{netns.Lab.CARRIER}/24", "dev", "eth0")  # svwar takes the first
    wire = everything_to_stranger(lab)
    asked = capture.Capture(lab, lab.carrier, "asked", what=f"udp and src host {STRANGER}")
    for name, command in SCANNERS.items():
        text = scan(lab, command)
        assert "Traceback" not in text and "not allowed" not in text, f"{name}: {text}"
        for word in ("SIP Device", "| 100", "reqauth", "noauth", "The password for"):
            assert word not in text, f"{name}: {text}"
    asked.stop()
    starts = {p.data.split(b" ")[0] for p in asked.packets() if p.data}
    assert {b"OPTIONS", b"INVITE", b"REGISTER"} <= starts, starts
    assert nothing_captured(wire)
