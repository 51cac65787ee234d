# SPDX-License-Identifier: Apache-2.0
"""Captures, and SIP messages read from them."""
import struct

from . import netns

ETHERTYPE_IPV4 = b"\x08\x00"
UDP = 17


class Capture:
    """tcpdump on one interface, from before the first packet to stop()."""

    def __init__(self, lab, ns, name, device="eth0", what="udp"):
        self.path = lab.path(name + ".pcap")
        self.process = lab.start(ns, "tcpdump", "-i", device, "-U", "--immediate-mode", "-Z", "root", "-s", "0", "-B",
                                 "16384", "-w", self.path, *what.split(), log=name + ".capture.log")
        self.process.wait_text("listening on")

    def stop(self):
        self.process.stop(number=2)
        return self

    def packets(self):
        return packets(self.path)

    def sip(self):
        return [Message(p) for p in packets(self.path) if 5060 in (p.sport, p.dport)
                and len(p.data) > 16]


class Packet:
    """One UDP datagram."""
    __slots__ = ("time", "src", "dst", "sport", "dport", "data")

    def __init__(self, time, src, dst, sport, dport, data):
        self.time, self.src, self.dst = time, src, dst
        self.sport, self.dport, self.data = sport, dport, data


def _address(raw):
    return ".".join(str(b) for b in raw)


def packets(path):
    """The UDP over IPv4 of a pcap file; a file cut short ends there."""
    with open(path, "rb") as f:
        raw = f.read()
    if len(raw) < 24:
        return
    order = "<" if raw[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e9 if raw[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e6
    at = 24
    while at + 16 <= len(raw):
        seconds, fraction, length, _ = struct.unpack(order + "IIII", raw[at:at + 16])
        if at + 16 + length > len(raw):
            break  # it is being written
        frame = raw[at + 16:at + 16 + length]
        at += 16 + length
        if len(frame) < 42 or frame[12:14] != ETHERTYPE_IPV4 or frame[23] != UDP:
            continue
        udp = 14 + (frame[14] & 15) * 4
        sport, dport, size = struct.unpack(">HHH", frame[udp:udp + 6])
        yield Packet(seconds + fraction / unit, _address(frame[26:30]), _address(frame[30:34]),
                     sport, dport, frame[udp + 8:udp + size])


class Message:
    """Enough of a SIP message to show it: first line, headers, body."""
    COMPACT = {"i": "call-id", "f": "from", "t": "to", "v": "via", "m": "contact",
               "c": "content-type", "l": "content-length", "k": "supported", "s": "subject"}

    def __init__(self, packet):
        self.packet, self.time = packet, packet.time
        head, _, self.body = packet.data.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.first = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.append((self.COMPACT.get(name, name), value.strip()))

    def get(self, name, default=""):
        return next((v for n, v in self.headers if n == name), default)

    def is_request(self):
        return not self.first.startswith("SIP/2.0 ")

    def method(self):
        return self.first.split(" ", 1)[0] if self.is_request() else self.get("cseq").split()[-1]

    def status(self):
        return 0 if self.is_request() else int(self.first.split(" ")[1])

    def title(self):
        """For a ladder."""
        words = self.first.split(" ")
        if self.is_request():
            user = words[1].split("@")[0].split(":", 1)[-1] if "@" in words[1] else ""
            text = f"{words[0]} {user}".strip()
        else:
            text = " ".join(words[1:]) + ("" if self.method() == "INVITE" else f" ({self.method()})")
        return text + (" + SDP" if self.body.startswith("v=") else "")

    def sdp(self, key):
        return next((line[2:].strip() for line in self.body.split("\n")
                     if line.startswith(key + "=")), "")


def tag(value):
    for part in value.split(">")[-1].split(";"):
        if part.strip().startswith("tag="):
            return part.strip()[4:]
    return ""


def wait_sip(capture, wanted, seconds=5.0):
    """Waits until the capture holds a message for which wanted(message)."""
    return netns.wait_for("a SIP message in the capture",
                          lambda: next((m for m in capture.sip() if wanted(m)), None), seconds, 0.1)
