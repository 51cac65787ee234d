# SPDX-License-Identifier: Apache-2.0
"""sluice-dp with several workers and many flows, packets for control, and the death of either program."""
import os
import re
import signal
import socket
import struct
import time

import pytest

from lab import build, netns, sipp, sluice
from test_dataplane import (A_ID, A_SIDE, A_STATS0, CARRIER, DEL, INSIDE, KINDS, OUTSIDE, PBX, SET, SUBSCRIBE,
                            attr, bench, number, side, u8, u16, u32, u64)

__all__ = ["bench"]
pytestmark = pytest.mark.alone

SEND = 8
A_COMPONENT, A_PAYLOAD, A_SOURCE, A_SRC_PORT = range(29, 33)
PUNT = 6
STUN_FLAG = 16
BATCH = 100
PER_ADDRESS = 25000  # flows


def more_addresses(b, n):
    """n more for media on each network, as one has not enough ports for many flows."""
    for name, prefix in (("outside", "203.0.113"), ("inside", "10.10.0")):
        more = [f"{prefix}.{1 + i}" for i in range(1, n + 1)]
        for a in more:
            b.sbc.ip("addr", "add", f"{a}/24", "dev", f"{name}0")
        start = f'  {name}: {{{{ port: "{{{name}}}", '
        assert start in b.CONFIG
        b.CONFIG = b.CONFIG.replace(start, f"{start}media-addresses: [{', '.join(more)}], ")


def configure(bench, workers=1, ports=1000, more=""):
    text = bench.CONFIG.replace("20000-20999", f"10000-{9999 + ports}").replace(
        "30000-30999", f"10000-{9999 + ports}")
    bench.CONFIG = f"{text}media: {{{{ workers: {workers}{more} }}}}\n"


def call(n):
    """Flow n, each with its own ports on both sides."""
    more, n = divmod(n, PER_ADDRESS)
    outside, inside = (f"{a.rsplit('.', 1)[0]}.{1 + more}" for a in (OUTSIDE, INSIDE))
    return (side(outside, 10000 + 2 * n, (CARRIER, 10000 + 2 * n)),
            side(inside, 10000 + 2 * n, (PBX, 10000 + 2 * n)))


def set_many(c, first, last, gen=1):
    """Sets flows in batches; flows in a second."""
    data = []
    for at in range(first, last, BATCH):
        ids = range(at, min(at + BATCH, last))
        data.append((len(ids), b"".join(c.message(SET, c.flow(n + 1, gen, *call(n))) for n in ids)))
    t0 = time.monotonic()
    for n, datagram in data:
        c.sock.send(datagram)
        while n:
            replies = c.read()
            assert all(r.status == 0 for r in replies), replies[0].reason
            n -= len(replies)
    return (last - first) / (time.monotonic() - t0)


def legs(b, calls):
    path = os.path.join(b.folder, "legs")
    with open(path, "w") as f:
        for n in range(calls):
            f.write(f"a {PBX} {10000 + 2 * n} {INSIDE} {10000 + 2 * n}\n"
                    f"b {CARRIER} {10000 + 2 * n} {OUTSIDE} {10000 + 2 * n}\n")
    return path


def rtpgen(b, calls, seconds, pps):
    lab = type("Lab", (), {"pbx": b.pbx, "carrier": b.carrier})
    return sipp.Rtpgen(lab, legs(b, calls), seconds=seconds, pps=pps, warm=1)


def unharmed(report):
    assert report["lost"] == 0 and report["reordered"] == 0 and report["silent_legs"] == 0, report
    assert report["wrong"] == 0 and report["foreign"] == 0, report


# ---- several workers ----

@KINDS
def test_two_workers(bench, kind):
    """Half of the flows come in at another worker than their own: none of their packets is lost or out of order."""
    calls = 40
    configure(bench, workers=2)
    bench.addresses().start("--device", kind)
    c = bench.client()
    set_many(c, 0, calls)
    media = rtpgen(bench, calls, 2, 50)
    try:
        media.wait_line("warm")
        set_many(c, 0, calls, gen=2)  # orders reach both
        set_many(c, calls, 2 * calls)
        media.wait_line("done")
        report = media.report()
    finally:
        media.stop()
    unharmed(report)
    flows, drops, _ = c.dump()
    assert len(flows) == 2 * calls
    relayed = sum(flows[n + 1].packets(A_STATS0) for n in range(calls))
    # One queue on each device, and the odd sides belong to the other worker than the even ones.
    assert 0.3 * drops["work.packets_in"] < drops["work.handed_over"] < 0.7 * drops["work.packets_in"], drops
    assert relayed >= 0.4 * drops["work.packets_in"] and drops["handed_full"] == 0
    for n in range(calls):
        assert c.delete(n + 1).status == 0
    assert len(c.dump()[0]) == calls


def test_owners_are_pinned(bench):
    """Each worker has a core of its own where there are enough; one worker goes where it wants."""
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        pytest.skip("one core")
    configure(bench, workers=2)
    p = bench.addresses().start("--device", "af_packet")
    single = [a for t in os.listdir(f"/proc/{p.pid}/task") for a in [os.sched_getaffinity(int(t))] if len(a) == 1]
    assert len(single) >= 2 and single[0] != single[1], single


# ---- many flows ----

def many_flows(bench, kind, many, calls=5):
    """Flows are set, set again and taken away while calls go on."""
    configure(bench, ports=50000)
    p = bench.start("--device", kind)
    c = bench.client()
    set_many(c, 0, calls)
    media = rtpgen(bench, calls, 3 + many // 20000, 100)
    try:
        media.wait_line("warm")
        rate = set_many(c, calls, calls + many)
        again = set_many(c, calls, calls + many, gen=2)
        with open(f"/proc/{p.pid}/status") as f:
            rss = int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))
        for at in range(calls, calls + many, BATCH):
            ids = range(at, min(at + BATCH, calls + many))
            assert all(r.status == 0 for r in c.batch(*(c.message(DEL, [u64(A_ID, n + 1)]) for n in ids)))
        media.wait_line("done")
        report = media.report()
    finally:
        media.stop()
    print(f"{rate:.0f} SET/s of new flows, {again:.0f} of known ones; {rss} kB resident")
    unharmed(report)
    assert len(c.dump()[0]) == calls
    assert rate >= 20000 and again >= 20000
    return rss


@KINDS
def test_many_flows_beside_a_stream(bench, kind):
    bench.addresses()
    assert many_flows(bench, kind, 20000) < 300000


@pytest.mark.long
def test_100000_flows_beside_a_stream(bench):
    more_addresses(bench.addresses(), 4)
    assert many_flows(bench, "af_packet", 100000) < 1000000


def test_no_more_flows_than_configured(bench):
    configure(bench, more=", max-flows: 10")
    bench.addresses().start("--device", "af_packet")
    c = bench.client()
    set_many(c, 0, 10)
    r = c.set(11, 1, *call(11))
    assert r.status == -12 and "max-flows" in r.reason
    assert c.set(10, 2, *call(9)).status == 0  # what is there may change
    assert c.delete(1).status == 0 and c.set(11, 1, *call(11)).status == 0


# ---- packets for control ----

def binding_request(transaction=b"0123456789ab"):
    return struct.pack("!HHI12s", 1, 0, 0x2112a442, transaction)


def send(c, id, to, payload, component=0, address=None):
    body = [u64(A_ID, id), u32(A_SIDE, to), u8(A_COMPONENT, component), attr(A_PAYLOAD, payload)]
    if address:
        body += [attr(A_SOURCE, socket.inet_aton(address[0])), u16(A_SRC_PORT, address[1])]
    return c.ask(SEND, body)


@KINDS
@pytest.mark.parametrize("workers", [1, 2])
def test_stun_is_punted_and_answered(bench, kind, workers):
    configure(bench, workers=workers)
    bench.addresses().start("--device", kind)
    c = bench.client()
    c.ask(SUBSCRIBE, [])
    for n in range(2):  # two workers: one of them its own
        assert c.set(n + 1, 1, side(OUTSIDE, 10000 + 2 * n, (CARRIER, 4000), flags=STUN_FLAG),
                     side(INSIDE, 10000 + 2 * n, (PBX, 5000))).status == 0
        phone = bench.rtp(bench.carrier, CARRIER, 4000 + 2 * n)
        phone.sock.sendto(binding_request(), (OUTSIDE, 10000 + 2 * n))
        event, id, e = c.event()
        assert (event, id, number(e.a[A_SIDE][0]), number(e.a[A_COMPONENT][0])) == (PUNT, n + 1, 0, 0)
        assert e.a[A_PAYLOAD][0] == binding_request()
        source = (socket.inet_ntoa(e.a[A_SOURCE][0]), number(e.a[A_SRC_PORT][0]))
        assert source == (CARRIER, 4000 + 2 * n)
        answer = struct.pack("!HHI12s", 0x101, 0, 0x2112a442, b"0123456789ab")
        assert send(c, n + 1, 0, answer, address=source).status == 0
        got = phone.receive()
        assert [(g[0], g[1]) for g in got] == [(answer, (OUTSIDE, 10000 + 2 * n))]
        # RTCP has a port of its own.
        assert send(c, n + 1, 0, answer, 1, source).status == 0
        assert [g[1] for g in phone.receive()] == [(OUTSIDE, 10001 + 2 * n)]
    # Without an address: to where the side's media goes.
    pbx = bench.rtp(bench.pbx, PBX, 5000)
    assert send(c, 1, 1, b"hello").status == 0
    assert [(g[0], g[1]) for g in pbx.receive()] == [(b"hello", (INSIDE, 10000))]
    assert send(c, 99, 0, b"x").status == -2
    # Nobody asked for it on the other side: it is dropped by name.
    pbx.sock.sendto(binding_request(), (INSIDE, 10000))
    time.sleep(0.2)
    drops = c.dump()[1]
    assert drops["work.punted"] == 2 and drops["not_media"] == 1, drops
    assert not c.events


def test_send_to_nobody(bench):
    configure(bench)
    bench.addresses().start("--device", "af_packet")
    c = bench.client()
    assert c.set(1, 1, side(OUTSIDE, 10000, (CARRIER, 4000)), side(INSIDE, 10000)).status == 0
    r = send(c, 1, 1, b"x")
    assert r.status == -113 and "media" in r.reason


# ---- the death of either program ----

def start_engine(box, lab):
    return lab.start(lab.sbc, build.program("sluice-dp"), "--config", box.config,
                     log=f"dp.{len(lab.processes)}.log")


def nat_legs(flows, path):
    """rtpgen's file, where the PBX sends from another address than its SDP says: that of its signalling."""
    lines = []
    sipp.legs_of(flows, path)
    with open(path) as f:
        for line in f:
            name, ip, port, *ours = line.split()
            if name == "a":
                ip, port = netns.Lab.PBX, str(int(port) + 20000)
            lines.append(" ".join([name, ip, port, *ours]))
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def talking(lab, calls, seconds):
    text = sluice.LOAD.replace("profile: pbx, host", "profile: pbx, nat: true, host")
    box = sluice.Sluice(lab, text=text, media={"silence": "0s"})
    sipp.uas(lab, media="203.0.113.12")
    sipp.uac(lab, netns.Lab.INSIDE, 100, calls, 60000, port=5070, media="10.10.0.12")
    box.wait_active(calls)
    path = lab.path("legs")
    nat_legs(box.flows(), path)
    media = sipp.Rtpgen(lab, path, seconds=seconds, warm=2)
    media.wait_line("warm")
    return box, media


@pytest.mark.parametrize("lab", [{"more": 4}], indirect=True)
def test_media_goes_on_without_sluiced(lab):
    box, media = talking(lab, 100, 3)
    try:
        time.sleep(0.5)
        box.kill()
        media.wait_line("done")
        report = media.report()
    finally:
        media.stop()
    unharmed(report)


@pytest.mark.parametrize("lab", [{"more": 4}], indirect=True)
def test_media_comes_back_with_sluice_dp(lab):
    """100 calls, one side of each behind NAT: what was learned of them outlives the process."""
    box, media = talking(lab, 100, 4)
    try:
        time.sleep(0.5)
        os.kill(box.engine_pid(), signal.SIGKILL)
        t0 = time.monotonic()
        while box._engine_answers():
            time.sleep(0.001)
        started = time.monotonic() - t0
        start_engine(box, lab)
        media.wait_line("done")
        report = media.report()
    finally:
        media.stop()
    gap = report["max_gap_ms"] - 1000 * started
    print(f"the longest gap: {gap:.0f} ms from the start of sluice-dp on")
    assert report["silent_legs"] == 0 and report["foreign"] == 0 and report["wrong"] == 0, report
    assert gap < 1000 + report["late_max_ms"], report  # the generator stood still for so long
    assert len(box.calls()) == 100
