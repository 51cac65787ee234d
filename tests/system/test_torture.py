# SPDX-License-Identifier: Apache-2.0
"""RFC 4475 and RFC 5118 over real sockets: each message whole, octet by octet, and behind a good request."""
import collections
import contextlib
import os
import re
import selectors
import socket
import ssl
import threading
import time

import pytest

from lab import build, netns, pki, sluice

DATA = os.path.join(build.ROOT, "tests/data/sip")
Row = collections.namedtuple("Row", "rfc section name want text stream")
SETTLE = 0.4  # less than T1: nothing comes twice
PATIENCE = 12.0  # of a connection with a message that stays unfinished, and a little more

CONF = """\
sluice: 1
networks:
  outside: {port: outside0, address: 203.0.113.1/24}
  inside: {port: inside0, address: 10.10.0.1/24, certificate: %(certificate)s}
trunks:
  carrier: {on: outside, profile: static, host: 203.0.113.10, transport: udp}
  pbx: {on: inside, profile: pbx, host: 10.10.0.10, sources: [10.10.0.0/24], max-rate: 0}
sip: {connections-per-source: 1000}
calls:
  - {from: pbx, to: carrier}
"""

GOOD = ("OPTIONS sip:10.10.0.1 SIP/2.0\r\nVia: SIP/2.0/%s 10.10.0.10:5060;branch=z9hG4bKgood%d;rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:a@10.10.0.10>;tag=good\r\nTo: <sip:10.10.0.1>\r\nCall-ID: good%d\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


def rows():
    with open(os.path.join(DATA, "torture.txt")) as f:
        return [Row(*line.rstrip("\n").split("\t")) for line in f if not line.startswith("#")]


def message(row):
    with open(os.path.join(DATA, f"rfc{row.rfc}-{row.section}-{row.name}.sip"), "rb") as f:
        return f.read()


class Carrier(threading.Thread):
    """Refuses each call with 486 and answers everything else with 404, so that all comes to an end."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        with lab.carrier.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((netns.Lab.CARRIER, 5060))
        self.socket.settimeout(0.2)
        self.ended = False
        self.start()

    def run(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                data, peer = self.socket.recvfrom(65536)
                self.answer(data.decode("latin-1"), peer)

    def answer(self, text, peer):
        if text.startswith(("SIP/", "ACK")):
            return
        kept = [line for line in text.split("\r\n\r\n")[0].split("\r\n")[1:]
                if re.match(r"(?i)(via|from|call-id|cseq):", line)]
        to = re.search(r"(?im)^to:.*$", text).group(0).strip()
        status = "486 Busy Here" if text.startswith("INVITE") else "404 Not Found"
        lines = [f"SIP/2.0 {status}", *kept, f"{to};tag=c", "Content-Length: 0", "", ""]
        self.socket.sendto("\r\n".join(lines).encode("latin-1"), peer)

    def close(self):
        self.ended = True
        self.join()
        self.socket.close()


@pytest.fixture
def inside(lab):
    """sluice with all transports; gives (sluice, trust of its certificate)."""
    authority = pki.Authority(lab.path("pki"))
    files = authority.certificate("sbc.example", addresses=[netns.Lab.INSIDE])
    for i in range(11, 251):
        lab.pbx.ip("addr", "add", f"10.10.0.{i}/24", "dev", "eth0")
    box = sluice.Sluice(lab, text=CONF % {"certificate": files.both})
    carrier = Carrier(lab)
    yield box, authority
    carrier.close()


def via_port(data):
    """Where the answer to a datagram goes: the port of the topmost Via."""
    found = re.search(rb"(?im)^(?:via|v)\s*:\s*SIP\s*/\s*2\.0\s*/\s*\w+\s+(?:\[[^]]*\]|[^;:,\s]+)\s*:\s*(\d+)",
                      data)
    return int(found.group(1)) if found else 5060


class Peer:
    """One source with one message: what it sends and when, and all that comes back."""

    def __init__(self, lab, number, transport, trust, data):
        self.transport, self.got, self.closed, self.at = transport, b"", False, []
        kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
        with lab.pbx.inside():
            self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind((f"10.10.0.{number}", via_port(data) if transport == "UDP" else 0))
        self.socket.connect((netns.Lab.INSIDE, 5061 if transport == "TLS" else 5060))
        if transport == "TLS":
            context = ssl.create_default_context(cafile=trust.ca)
            self.socket = context.wrap_socket(self.socket, server_hostname="sbc.example")
        elif transport == "TCP":
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data, octets):
        with contextlib.suppress(OSError):  # a connection that is closed at once takes no more
            if not octets:
                self.socket.sendall(data)
                return
            for i in range(len(data)):
                self.socket.sendall(data[i:i + 1])

    def read(self):
        try:
            data = self.socket.recv(65536)
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except OSError:
            data = b""
        if not data and self.transport != "UDP":
            self.closed = True
        elif data:
            self.at.append(time.monotonic())
        self.got += data

    def replies(self):
        """Status and text of each, without 100."""
        parts = re.split(rb"(?=SIP/2\.0 \d\d\d )", self.got)
        found = [(int(p[8:11]), p) for p in parts if p.startswith(b"SIP/2.0 ")]
        return [(s, p.decode("latin-1")) for s, p in found if s != 100]


def listen(peers, seconds, until=lambda: False):
    selector = selectors.DefaultSelector()
    for p in peers:
        p.socket.setblocking(False)
        if not p.closed:
            selector.register(p.socket, selectors.EVENT_READ, p)
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        for key, _ in selector.select(0.05):
            key.data.read()
            if key.data.closed:
                selector.unregister(key.fileobj)
    for p in peers:
        p.socket.setblocking(True)
        p.socket.settimeout(2)
    selector.close()


def judge(row, peer, transport):
    """What is wrong with what came back for this message; None: nothing."""
    good = [r for r in peer.replies() if "branch=z9hG4bKgood" in r[1]]
    replies = [r for r in peer.replies() if r not in good]
    stream = transport != "UDP"
    wanted = {"486" if w == "call" else w for w in row.want.split()}
    number = 0 if row.want == "-" else 2 if stream and row.stream == "two" else 1
    if len(replies) != number:
        return f"{len(replies)} replies and not {number}: {[r[0] for r in replies]}"
    if number and str(replies[0][0]) not in wanted:
        return f"{replies[0][0]} and not one of {wanted}:\n{replies[0][1]}"
    if number and row.text != "-" and row.text.replace("\\r\\n", "\r\n") not in replies[0][1]:
        return f"no {row.text} in\n{replies[0][1]}"
    if stream and row.stream in ("close", "late") and not peer.closed:
        return "the connection is still open"
    if stream and row.stream not in ("close", "late") and peer.closed:
        return "the connection was closed"
    return None


def again(cases, transport):
    """What nobody can be asked to answer more than once a second is sent again, as over UDP it would be."""
    for _ in range(4):
        silent = [(row, p) for row, p in cases if row.want != "-" and not p.replies()]
        if transport != "UDP" or not silent:
            return
        for row, p in silent:
            time.sleep(1.1 / len(silent))
            p.send(message(row), False)
        listen([p for _, p in silent], SETTLE)


def play(lab, inside, transport, octets=False, behind=False):
    box, trust = inside
    cases = [(row, Peer(lab, 10 + i, transport, trust, message(row))) for i, row in enumerate(rows())]
    peers = [p for _, p in cases]
    for i, (row, p) in enumerate(cases):
        first = (GOOD % (transport, i, i)).encode() if behind else b""
        p.send(first + message(row), octets)
    listen(peers, SETTLE)
    if transport != "UDP" and any(row.stream == "late" for row, _ in cases):
        late = [p for row, p in cases if row.stream == "late"]
        listen(peers, PATIENCE, lambda: all(p.closed for p in late))
    again(cases, transport)
    wrong = [f"{row.name}: {why}" for row, p in cases if (why := judge(row, p, transport))]
    assert not wrong, "\n".join(wrong)
    if behind:  # the good one in front was answered whatever followed
        assert all("branch=z9hG4bKgood" in p.got.decode("latin-1") for p in peers)
    # And sluice still answers, on the connections that live and to everybody at once.
    asked = [p for p in peers if not p.closed]
    for i, p in enumerate(asked):
        p.got = b""
        p.send((GOOD % (transport, 1000 + i, 1000 + i)).encode(), False)
    started = time.monotonic()
    listen(asked, 3, lambda: all(b"SIP/2.0 200 " in p.got for p in asked))
    assert all(b"SIP/2.0 200 " in p.got for p in asked)
    assert time.monotonic() - started < 1
    for p in peers:
        p.socket.close()
    assert box.process.running()


@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
def test_whole(lab, inside, transport):
    play(lab, inside, transport)


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_octet_by_octet(lab, inside, transport):
    play(lab, inside, transport, octets=True)


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
def test_behind_a_good_request(lab, inside, transport):
    play(lab, inside, transport, behind=True)
