# SPDX-License-Identifier: Apache-2.0
"""sluice-dp alone: keys (RFC 4733), datagrams that are not RTP, a side that another party takes over."""
import struct
import threading
import time

from test_dataplane import (A_DIGIT, A_DURATION, A_SIDE, A_STATS0, A_STATS1, CARRIER, DEL, INSIDE, KEY,
                            KINDS, OUTSIDE, PBX, RAW, SET, STRANGER, SUBSCRIBE, TAKE, TELL, A_ID, bench,
                            number, side, u64)

__all__ = ["bench"]
PTMAP = ((0, 0), (101, 96))
EVENT = struct.Struct("!BBH")


def with_keys(b, c, flags=0, clock=8000, map=PTMAP):
    """A call whose sides have telephone-event: 101 at the carrier, 96 at the PBX."""
    r = c.set(1, 1, side(OUTSIDE, 20000, (CARRIER, 4000), flags=flags, dtmf=101, ptmap=map),
              side(INSIDE, 30000, (PBX, 5000), dtmf=96, dtmf_clock=clock, ptmap=((0, 0), (96, 101))))
    assert r.status == 0, r.reason
    return b.rtp(b.carrier, CARRIER, 4000), b.rtp(b.pbx, PBX, 5000)


def press(rtp, to, code, n=4, ends=3):
    """A key of n + 1 packets of 20 ms."""
    ts = (rtp.seq + 1) * 160
    for i in range(1, n + 1 + ends):
        rtp.seq += 1
        end = i > n
        head = struct.pack("!BBHII", 0x80, 101 | (0x80 if i == 1 else 0), rtp.seq & 0xffff, ts, rtp.ssrc)
        rtp.sock.sendto(head + EVENT.pack(code, 0x8a if end else 10, 160 * (n + 1 if end else i)), to)
        time.sleep(0.01)


def header(data):
    _, pt, seq, ts, ssrc = struct.unpack_from("!BBHII", data)
    return pt & 127, pt >> 7, seq, ts, ssrc


@KINDS
def test_keys_are_told(bench, kind):
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    assert c.ask(SUBSCRIBE, []).status == 0
    carrier, pbx = with_keys(bench, c, flags=TELL, clock=16000)
    carrier.send((OUTSIDE, 20000), 3)
    press(carrier, (OUTSIDE, 20000), 5)
    press(carrier, (OUTSIDE, 20000), 11, n=2, ends=0)  # its end is lost
    keys = []
    while len(keys) < 2:
        kind, id, e = c.event()
        if kind == KEY:
            keys.append((id, number(e.a[A_SIDE][0]), number(e.a[A_DIGIT][0]), number(e.a[A_DURATION][0])))
    assert keys == [(1, 0, 5, 100), (1, 0, 11, 40)]
    got = [g[0] for g in pbx.receive()][3:]
    assert [header(g)[0] for g in got] == [96] * 9
    # In the PBX's clock of events, and with a checksum that the kernel took.
    assert [EVENT.unpack(g[12:])[2] for g in got] == [320, 640, 960, 1280, 1600, 1600, 1600, 320, 640]


def test_keys_are_taken(bench):
    bench.addresses()
    bench.start()
    c = bench.client()
    assert c.ask(SUBSCRIBE, []).status == 0
    carrier, pbx = with_keys(bench, c, flags=TELL | TAKE, map=((0, 0),))
    carrier.send((OUTSIDE, 20000), 3)
    press(carrier, (OUTSIDE, 20000), 9)
    sent = carrier.send((OUTSIDE, 20000), 5)
    got = [g[0] for g in pbx.receive()]
    assert len(got) == 8 and got[3][12:] == sent[0][12:]
    assert [header(g)[2] for g in got] == list(range(101, 109))  # no gap where the key was
    counters = c.dump()[1]
    assert counters["work.keys_taken"] == 7 and counters["rtp_payload_type"] == 0
    while c.event()[0] != KEY:
        pass


@KINDS
def test_keys_are_played(bench, kind):
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = with_keys(bench, c)
    assert c.play(2, 1, 5).status == -2  # ENOENT
    assert c.play(1, 2, 5).status == c.play(1, 1, 16).status == -22
    # Within media: all packets arrive, and seven of them are the key.
    carrier.send((OUTSIDE, 20000), 5, gap=0.02)
    assert c.play(1, 1, 5, 100).status == 0
    carrier.send((OUTSIDE, 20000), 20, gap=0.02)
    got = [g[0] for g in pbx.receive()]
    assert [header(g)[2] for g in got] == list(range(101, 126))
    key = [g for g in got if header(g)[0] == 96]
    assert 5 <= len(key) <= 8 and {g[12] for g in key} == {5}
    assert [header(g)[1] for g in key] == [1] + [0] * (len(key) - 1)
    assert len({header(g)[3:] for g in key}) == 1 and [g[13] >> 7 for g in key][-4:] == [0, 1, 1, 1]
    assert EVENT.unpack(key[-1][12:])[2] == 800
    # While nothing is sent that way: made here, in the same stream, which goes on after it.
    time.sleep(0.2)
    assert [c.play(1, 1, d, 60).status for d in (1, 2)] == [0, 0]
    got = [g for g, src, tos, ttl in pbx.receive(0.4) if (src, tos, ttl) == ((INSIDE, 30000), 46 << 2, 64)]
    assert {header(g)[0] for g in got} == {96} and {header(g)[4] for g in got} == {carrier.ssrc}
    assert [header(g)[2] for g in got] == list(range(126, 126 + len(got)))
    ends = [g for g in got if g[13] >> 7]
    assert [g[12] for g in ends] == [1] * 3 + [2] * 3
    assert c.dump()[1]["work.keys_made"] == len(got)
    carrier.send((OUTSIDE, 20000), 3)
    assert [header(g[0])[2] for g in pbx.receive()] == [126 + len(got) + i for i in range(3)]
    # The queue has an end, and a side without events is not played to.
    codes = [r.status for r in (c.play(1, 1, 1, 8000) for _ in range(17))]
    assert codes == [0] * 16 + [-16]
    assert c.set(1, 2, side(OUTSIDE, 20000, (CARRIER, 4000)), side(INSIDE, 30000, (PBX, 5000))).status == 0
    r = c.play(1, 1, 5)
    assert r.status == -95 and "telephone-event" in r.reason
    assert c.delete(1).status == 0


@KINDS
def test_datagrams_pass_as_they_are(bench, kind):
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = bench.call(c)
    carrier.send((OUTSIDE, 20000), 3)
    pbx.send((INSIDE, 30000), 3)
    assert len(pbx.receive()) == len(carrier.receive()) == 3
    foreign = bench.rtp(bench.carrier, STRANGER, 4000)
    assert c.set(1, 2, side(OUTSIDE, 20000, (CARRIER, 4000)), side(INSIDE, 30000, (PBX, 5000)),
                 kind=RAW).status == 0
    fax = [b"\0\1\x06t38", b"\x80\xc8\0\1", b"x", bytes(range(200)), b"\x16\xfe\xfd"]
    for a, b, at in ((carrier, pbx, (OUTSIDE, 20000)), (pbx, carrier, (INSIDE, 30000))):
        for data in fax:
            foreign.sock.sendto(data, (OUTSIDE, 20000))
            a.sock.sendto(data, at)
        assert [g[0] for g in b.receive()] == fax
    assert foreign.receive(0.1) == []
    assert c.set(1, 3, side(OUTSIDE, 20000, (CARRIER, 4000)),
                 side(INSIDE, 30000, (PBX, 5000))).status == 0
    carrier.send((OUTSIDE, 20000), 3)
    assert len(pbx.receive()) == 3
    flow = c.get(1)
    assert (flow.packets(A_STATS0), flow.packets(A_STATS1)) == (11, 8)


class Talker(threading.Thread):
    """A packet every 5 ms until told to stop."""

    def __init__(self, rtp, to):
        super().__init__()
        self.rtp, self.to, self.sent, self.over = rtp, to, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            self.rtp.send(self.to)
            self.sent += 1

    def stop(self):
        self.over.set()
        self.join()
        return self.sent


@KINDS
def test_another_party_takes_over(bench, kind):
    """The PBX's leg is replaced, while the carrier talks on: not one packet of it is lost."""
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = bench.call(c)
    new = bench.rtp(bench.pbx, PBX, 5600)
    pbx.send((INSIDE, 30000), 3)
    assert len(carrier.receive(0.1)) == 3
    talker = Talker(carrier, (OUTSIDE, 20000))
    for gen in range(2, 42):  # to and fro, each time at other ports of ours
        to = new if gen % 2 == 0 else pbx
        r = c.set(1, gen, side(OUTSIDE, 20000, (CARRIER, 4000)),
                  side(INSIDE, 30000 + gen * 2, (PBX, to.sock.getsockname()[1])))
        assert r.status == 0
        time.sleep(0.02)
    sent = talker.stop()
    got = [header(g[0])[2] for s in (pbx, new) for g in s.receive()]
    assert sorted(got) == list(range(101, 101 + sent))
    # The old ports are nobody's, and who was there before is nobody.
    before = c.dump()[1]["no_flow"]
    for gen in range(40):
        new.send((INSIDE, 30000 + gen * 2), 1, gap=0)
    new.send((INSIDE, 30000 + 41 * 2), 1)
    assert carrier.receive() == []
    assert c.dump()[1]["no_flow"] == before + 40
    pbx.send((INSIDE, 30000 + 41 * 2), 4)
    assert len(carrier.receive()) == 4
    assert c.get(1).packets(A_STATS1) == 7


def test_ports_change_hands(bench):
    """Two flows exchange a port in one datagram, and a flow takes what another one gives up in it."""
    bench.addresses()
    bench.start()
    c = bench.client()

    def of(id, gen, n, m):
        return c.message(SET, c.flow(id, gen, side(OUTSIDE, 20000 + n, (CARRIER, 4000 + id)),
                                     side(INSIDE, 30000 + m, (PBX, 5000 + id))))
    assert [r.status for r in c.batch(of(1, 1, 0, 0), of(2, 1, 10, 10))] == [0, 0]
    peers = {id: (bench.rtp(bench.carrier, CARRIER, 4000 + id), bench.rtp(bench.pbx, PBX, 5000 + id))
             for id in (1, 2, 3)}

    def talk(id, n, m):
        carrier, pbx = peers[id]
        carrier.send((OUTSIDE, 20000 + n), 3)
        pbx.send((INSIDE, 30000 + m), 3)
        assert len(pbx.receive(0.1)) == len(carrier.receive(0.1)) == 3
    talk(1, 0, 0)
    talk(2, 10, 10)
    # 1 goes, 3 has its port outside, and 2 moves to its port inside.
    r = c.batch(c.message(DEL, [u64(A_ID, 1)]), of(3, 1, 0, 20), of(2, 2, 10, 0))
    assert [x.status for x in r] == [0, 0, 0] and r[0].packets(A_STATS0) == 3
    talk(3, 0, 20)
    talk(2, 10, 0)
    # Against the order nothing changes.
    assert [x.status for x in c.batch(of(2, 3, 0, 0), c.message(DEL, [u64(A_ID, 3)]))] == [-98, 0]
    talk(2, 10, 0)
    # Given up by a new generation, taken by another flow.
    assert [x.status for x in c.batch(of(2, 4, 30, 0), of(1, 1, 10, 40))] == [0, 0]
    talk(2, 30, 0)
    talk(1, 10, 40)
    # A flow may exchange the ports of its own sides' RTP and RTCP.
    assert c.batch(of(2, 5, 31, 0))[0].status == 0
    talk(2, 31, 0)
