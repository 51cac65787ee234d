# SPDX-License-Identifier: Apache-2.0
"""Every fourth case of tests/scenario/anomalies.c over real UDP: sluice lives, and answers a good request at once."""
import os
import socket
import subprocess
import time

import pytest

from lab import build, netns, sluice

pytestmark = pytest.mark.alone

EACH = 4  # every so many cases of some 21,000
ANSWERED = 0.1

CONF = """\
sluice: 1
networks:
  outside: {port: outside0, address: 203.0.113.1/24}
  inside: {port: inside0, address: 10.10.0.1/24}
trunks:
  carrier: {on: outside, profile: static, host: 203.0.113.10, transport: udp}
  pbx: {on: inside, profile: pbx, host: 10.10.0.10, max-rate: 0}
calls:
  - {from: pbx, to: carrier}
"""

GOOD = ("OPTIONS sip:10.10.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.10.0.10:5060;branch=z9hG4bKgood%d;rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:a@10.10.0.10>;tag=good\r\nTo: <sip:10.10.0.1>\r\nCall-ID: good%d\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


def cases():
    """Every EACH-th case; each is its length in decimal, a line end, its octets."""
    program = os.path.join(build.folder(), "tests/scenario/anomalies")
    data = subprocess.run([program, "-w", str(EACH)], check=True, capture_output=True).stdout
    found = []
    while data:
        length, data = data.split(b"\n", 1)
        found.append(data[:int(length)])
        data = data[int(length):]
    return found


def ask(s, n):
    """Seconds until a good request is answered; what comes for the case before it is passed over."""
    started = time.monotonic()
    s.sendto((GOOD % (n, n)).encode(), (netns.Lab.INSIDE, 5060))
    want = f"branch=z9hG4bKgood{n};".encode()
    while time.monotonic() - started < 2:
        try:
            got = s.recv(65536)
        except TimeoutError:
            break
        if got.startswith(b"SIP/2.0 200 ") and want in got:
            return time.monotonic() - started
    return float("inf")


def test_a_good_request_is_answered_after_each(lab):
    box = sluice.Sluice(lab, text=CONF)
    with lab.pbx.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((netns.Lab.PBX, 5060))
    s.settimeout(2)
    found = cases()
    assert len(found) > 5000
    late = []
    for n, data in enumerate(found):
        s.sendto(data, (netns.Lab.INSIDE, 5060))
        took = ask(s, n)
        if took > ANSWERED:
            late.append((n * EACH, took))
        assert box.process.running(), f"case {n * EACH}"
    s.close()
    # a machine that stands still for a moment is not sluice
    assert len(late) <= 2 and all(took < 1 for _, took in late), late
