# SPDX-License-Identifier: Apache-2.0
"""sluice-dp alone: IPv4 and IPv6 and from one to the other, fragments, MTU, VLANs, checksums of devices, several
addresses of a network."""
import contextlib
import fcntl
import os
import select
import socket
import struct
import threading
import time

import pytest

import test_dataplane
from lab import netns
from test_dataplane import (A_CAPS, A_STATS0, CARRIER, HELLO, INSIDE, KINDS, OUTSIDE, PBX,
                            SOURCE, address, number, side, u32)

OUTSIDE6, CARRIER6 = "2001:db8:1::1", "2001:db8:1::10"
INSIDE6, PBX6 = "2001:db8:2::1", "2001:db8:2::10"
FAR6, ROUTER6 = "2001:db8:f::7", "fe80::254"
SECOND, SECOND6 = "203.0.113.2", "2001:db8:1::2"
VLAN = 100
CONFIG = """
sluice: 1
networks:
  outside: {{ port: "{outside}", address: {OUTSIDE}/24, address6: {OUTSIDE6}/64, gateway6: {ROUTER6},
              media-addresses: [{SECOND}, {SECOND6}], media-ports: 20000-20999, vlan: {vlan} }}
  inside: {{ port: "{inside}", address: {INSIDE}/24, address6: {INSIDE6}/64, media-ports: 30000-30999,
             media-dscp: cs1 }}
trunks:
  carrier: {{ on: outside, profile: static, host: {CARRIER} }}
  pbx: {{ on: inside, profile: pbx, host: {PBX} }}
calls:
  - {{ from: carrier, to: pbx }}
  - {{ from: pbx, to: carrier }}
media: {{ workers: {workers} }}
"""
# (family of the carrier, of the PBX)
PAIRS = pytest.mark.parametrize("pair", ["46", "64", *(pytest.param(p, marks=pytest.mark.long) for p in ("66", "44"))])
OURS = {"4": (OUTSIDE, INSIDE), "6": (OUTSIDE6, INSIDE6)}
THEIRS = {"4": (CARRIER, PBX), "6": (CARRIER6, PBX6)}


class Bench(test_dataplane.Bench):
    CONFIG, NAMES = CONFIG, globals()

    def __init__(self, **more):
        super().__init__(**more)
        self.ports |= {"vlan": 0, "workers": 1}
        for ns in (self.sbc, self.carrier, self.pbx):
            ns.run("sh", "-c", "for i in all default $(ls /sys/class/net); do sysctl -qw "
                   "net.ipv6.conf.$i.accept_dad=0 net.ipv6.conf.$i.disable_ipv6=0; done")
        self.carrier.ip("addr", "add", f"{CARRIER6}/64", "dev", "eth0")
        self.carrier.ip("addr", "add", f"{ROUTER6}/64", "dev", "eth0")
        self.carrier.ip("addr", "add", f"{FAR6}/128", "dev", "lo")
        self.pbx.ip("addr", "add", f"{PBX6}/64", "dev", "eth0")

    def addresses(self):
        super().addresses()
        self.sbc.ip("addr", "add", f"{OUTSIDE6}/64", "dev", "outside0")
        self.sbc.ip("addr", "add", f"{SECOND}/24", "dev", "outside0")
        self.sbc.ip("addr", "add", f"{SECOND6}/64", "dev", "outside0")
        self.sbc.ip("addr", "add", f"{INSIDE6}/64", "dev", "inside0")
        return self

    def pair(self, c, pair, outside=None, **more):
        """A call between a carrier and a PBX of these families: their sockets, and where they send to."""
        out, inn = outside or OURS[pair[0]][0], OURS[pair[1]][1]
        a, b = THEIRS[pair[0]][0], THEIRS[pair[1]][1]
        r = c.set(1, 1, side(out, 20000, (a, 4000)), side(inn, 30000, (b, 5000), dscp=8), **more)
        assert r.status == 0, r.reason
        return (self.rtp(self.carrier, a, 4000), self.rtp(self.pbx, b, 5000), (out, 20000),
                (inn, 30000))

    def raw(self, ns, kind=0):
        with netns.inside(str(ns)):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
        s.bind(("eth0", kind))
        self.sockets.append(s)
        return s

    def mac(self, ns, dev):
        text = ns.run("cat", f"/sys/class/net/{dev}/address").stdout.strip()
        return bytes.fromhex(text.replace(":", ""))


bench = test_dataplane.bench_of(Bench)


def both_ways(carrier, pbx, out, inn, n=10, size=160):
    """Unharmed, from our addresses, with the DSCP of each side."""
    for a, b, at, ours, tos in ((carrier, pbx, out, inn, 8 << 2), (pbx, carrier, inn, out, 46 << 2)):
        sent = a.send(at, n, size=size)
        got = b.receive()
        assert [g[0] for g in got] == sent
        assert {g[1] for g in got} == {ours}
        assert {g[2] for g in got} == {tos} and {g[3] for g in got} == {64}


# ---- families ----

@PAIRS
@KINDS
def test_from_one_family_to_the_other(bench, kind, pair):
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    ends = bench.pair(c, pair)
    both_ways(*ends)
    carrier, pbx, out, inn = ends
    for size in (0, 1, 33, 1200, 1400):
        sent = carrier.send(out, size=size)
        assert [g[0] for g in pbx.receive(0.2)] == sent
    assert c.get(1).stats(A_STATS0)[SOURCE][0] == address(THEIRS[pair[0]][0])
    drops = c.dump()[1]
    assert drops["work.packets_out"] == 25 and drops["rx_udp_checksum"] == 0
    assert c.ask(HELLO, [u32(1, 1)]).status == 0 and number(c.ask(HELLO, [u32(1, 1)]).a[A_CAPS][0]) & 2
    # Nobody refuses media that no flow has.
    gone = bench.rtp(bench.carrier, THEIRS[pair[0]][0], 4100)
    gone.sock.connect((out[0], 20500))
    for _ in range(3):
        gone.sock.send(b"x" * 20)
        time.sleep(0.05)
    assert c.dump()[1]["no_flow"] == 3


@pytest.mark.parametrize("bench", [{"unfinished_checksums": True}], indirect=True)
@pytest.mark.parametrize("pair", ["46", "64"])
@KINDS
def test_checksums_of_the_other_family(bench, kind, pair):
    """What leaves as IPv6 has a checksum, even if it came without; the kernel of the peer checks it."""
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    ends = bench.pair(c, pair)
    for ns in (bench.carrier, bench.pbx):
        ns.run("ethtool", "-K", "eth0", "rx", "off", check=False)
    both_ways(*ends, size=33)
    four, six = (ends[0], ends[1]) if pair == "46" else (ends[1], ends[0])
    four.sock.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK
    sent = four.send(ends[2] if pair == "46" else ends[3], 3)
    assert [g[0] for g in six.receive()] == sent
    # The other way round IPv6 without one is wrong (RFC 8200 8.1).
    wire = bench.raw(bench.carrier if pair == "64" else bench.pbx, 0x86dd)
    to, at = (ends[2], bench.mac(bench.sbc, "outside0")) if pair == "64" else (
        ends[3], bench.mac(bench.sbc, "inside0"))
    payload = six.packet()
    udp = struct.pack("!HHHH", six.sock.getsockname()[1], to[1], 8 + len(payload), 0) + payload
    wire.send(at + b"\2\0\0\0\0\1\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) +
              address(six.sock.getsockname()[0]) + address(to[0]) + udp)
    netns.wait_for("drop", lambda: c.dump()[1]["rx_udp_checksum"] == 1, 2)


def test_neighbours_of_ipv6(bench):
    """By a router that the configuration names, and a neighbour that goes away and comes back."""
    bench.addresses()
    bench.start()
    c = bench.client()
    bench.carrier.ip("route", "add", "default", "via", OUTSIDE6, "dev", "eth0", "src", FAR6)
    r = c.set(1, 1, side(OUTSIDE6, 20000, (FAR6, 4000)), side(INSIDE, 30000, (PBX, 5000)))
    assert r.status == 0, r.reason
    far, pbx = bench.rtp(bench.carrier, FAR6, 4000), bench.rtp(bench.pbx, PBX, 5000)
    assert [g[0] for g in (pbx.send((INSIDE, 30000), 5), far.receive())[1]]
    far.send((OUTSIDE6, 20000), 5)
    assert len(pbx.receive()) == 5
    assert ROUTER6 in bench.sbc.ip("-6", "neigh", "show", "dev", "outside0").stdout
    bench.carrier.ip("link", "set", "eth0", "down")
    bench.sbc.ip("neigh", "flush", "dev", "outside0")
    pbx.send((INSIDE, 30000), 3)
    assert netns.wait_for("drops", lambda: c.dump()[1]["neigh_wait"] > 0, 4)
    bench.carrier.ip("link", "set", "eth0", "up")
    for a in (f"{CARRIER6}/64", f"{ROUTER6}/64"):
        bench.carrier.run("ip", "addr", "replace", a, "dev", "eth0")
    bench.carrier.ip("route", "replace", "default", "via", OUTSIDE6, "dev", "eth0", "src", FAR6)

    def back():
        pbx.send((INSIDE, 30000), 1)
        return far.receive(0.2)

    assert netns.wait_for("the neighbour", back, 8)


def test_several_addresses(bench):
    """Media comes to and goes from each address of a network; the same port is another flow on each."""
    bench.addresses()
    bench.start()
    c = bench.client()
    both_ways(*bench.pair(c, "44", outside=SECOND))
    for id, (out, them, inn, port) in enumerate((
            (OUTSIDE, CARRIER, INSIDE, 30010), (SECOND6, CARRIER6, INSIDE6, 30020),
            (OUTSIDE6, CARRIER6, INSIDE, 30030)), 2):
        far = PBX6 if ":" in inn else PBX
        r = c.set(id, 1, side(out, 20000, (them, 4000 + id * 10)), side(inn, port, (far, port - 20000), dscp=8))
        assert r.status == 0, r.reason
        both_ways(bench.rtp(bench.carrier, them, 4000 + id * 10), bench.rtp(bench.pbx, far, port - 20000),
                  (out, 20000), (inn, port))
    assert sorted(c.dump()[0]) == [1, 2, 3, 4]
    assert [p[0] for p in c.dump()[2]] == ["outside", "inside"]
    assert c.set(9, 1, side(SECOND, 20000), side(INSIDE, 30040)).status == -98
    assert "remote" in c.set(9, 1, side(SECOND, 20100, (CARRIER6, 4)), side(INSIDE, 30040)).reason


# ---- fragments ----

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data + b"\0" * (len(data) & 1)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def datagram(src, dst, payload):
    """UDP with its checksum."""
    udp = struct.pack("!HHHH", src[1], dst[1], 8 + len(payload), 0) + payload
    pseudo = address(src[0]) + address(dst[0]) + struct.pack("!II", len(udp), 17) + udp
    return udp[:6] + struct.pack("!H", checksum(pseudo + b"\0" * (len(pseudo) & 1)) or 0xffff) + udp[8:]


def packet(src, dst, data, offset=0, more=False, id=1):
    """One IP packet, a fragment where it is not whole."""
    if ":" in src[0]:
        whole = not offset and not more
        head = b"" if whole else struct.pack("!BBHI", 17, 0, offset | more, id)
        return struct.pack("!IHBB", 6 << 28, len(head) + len(data), 17 if whole else 44, 64) + address(
            src[0]) + address(dst[0]) + head + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), id, offset // 8 | more << 13, 64, 17, 0,
                     address(src[0]), address(dst[0]))
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + data


class Wire:
    """Frames made by hand from a peer's end of the cable."""

    def __init__(self, bench, ns, ours, tag=None):
        self.sock, self.mac, self.tag = bench.raw(ns, 3), bench.mac(bench.sbc, ours), tag
        self.own = bench.mac(ns, "eth0")

    def send(self, ip):
        kind = b"\x86\xdd" if ip[0] >> 4 == 6 else b"\x08\0"
        tag = b"" if self.tag is None else struct.pack("!HH", 0x8100, self.tag)
        self.sock.send(self.mac + self.own + tag + kind + ip)

    def parts(self, src, dst, payload, cuts, id, order=None):
        """The datagram cut at these octets; sent in that order."""
        data = datagram(src, dst, payload)
        edges = [0, *cuts, len(data)]
        made = [packet(src, dst, data[a:b], a, b < len(data), id) for a, b in zip(edges, edges[1:])]
        for i in order if order is not None else range(len(made)):
            self.send(made[i])
            time.sleep(0.02)


@pytest.mark.parametrize("pair", ["46", "64"])
@KINDS
def test_fragments(bench, kind, pair):
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx, out, inn = ends = bench.pair(c, pair)
    # Kernels cut and join at both ends, longer than the MTU on either side.
    both_ways(*ends, n=3, size=3000)
    both_ways(*ends, n=1, size=1460)
    drops = c.dump()[1]
    # Of AF_PACKET's IPv4 it is the kernel that joins them before.
    by_kernel = kind == "af_packet" and pair[0] == "4"
    assert drops["work.joined"] >= (3 if kind == "af_packet" else 6) and drops["work.split"] >= 6
    joined = drops["work.joined"]
    # By hand: in order, the other way round, the first in the middle, one twice, an overlap, one that is lost.
    wire, src = Wire(bench, bench.carrier, "outside0"), (THEIRS[pair[0]][0], 4000)
    payload = [carrier.packet(size=600) for _ in range(6)]
    wire.parts(src, out, payload[0], [200, 400], 101)
    wire.parts(src, out, payload[1], [200, 400], 102, (2, 1, 0))
    wire.parts(src, out, payload[2], [200, 400], 103, (1, 0, 2))
    assert [g[0] for g in pbx.receive()] == payload[:3]
    assert c.dump()[1]["work.joined"] == joined + (0 if by_kernel else 3)
    wire.parts(src, out, payload[3], [200, 400], 104, (0, 2))
    wire.parts(src, out, payload[4], [200, 400], 105, (2, 1))
    assert pbx.receive(0.1) == []
    if not by_kernel:
        netns.wait_for("the end of patience", lambda: c.dump()[1]["work.frag_alone"] == 3, 4)
        drops = c.dump()[1]
        assert drops["frag_late"] == 1 and drops["rx_fragment"] == 0
    data = datagram(src, out, payload[5])
    wire.send(packet(src, out, data[:208], 0, True, 106))
    wire.send(packet(src, out, data[200:400], 200, True, 106))
    wire.send(packet(src, out, data[400:], 400, False, 106))
    assert pbx.receive(0.1) == []
    # What is whole but has the header of a fragment (RFC 6946).
    if pair == "64":
        data = datagram(src, out, payload[5])
        wire.send(packet(src, out, data, 0, True, 107).replace(
            struct.pack("!BBHI", 17, 0, 1, 107), struct.pack("!BBHI", 17, 0, 0, 107)))
        assert [g[0] for g in pbx.receive()] == [payload[5]]
    both_ways(*ends)


def test_fragments_with_several_workers(bench):
    """The one that joins them is not the one whose flow it is."""
    bench.addresses()
    bench.ports["workers"] = 2
    bench.start()
    c = bench.client()
    both_ways(*bench.pair(c, "46"), n=4, size=3000)
    for id in (2, 3):
        out, inn = 20000 + 2 * id, 30002 + 2 * id
        assert c.set(id, 1, side(OUTSIDE6, out, (CARRIER6, out - 100)), side(INSIDE, inn, (PBX, inn - 100), dscp=8)).status == 0
        both_ways(bench.rtp(bench.carrier, CARRIER6, out - 100), bench.rtp(bench.pbx, PBX, inn - 100), (OUTSIDE6, out),
                  (INSIDE, inn), n=4, size=3000)
    drops = c.dump()[1]
    assert drops["work.joined"] == 24 and drops["work.handed_over"] > 0


@KINDS
def test_many_fragments_have_bounded_room(bench, kind):
    """What never becomes whole costs a bounded number of packets, and media goes on."""
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    ends = bench.pair(c, "44" if kind == "af_xdp" else "66")
    wire = Wire(bench, bench.carrier, "outside0")
    for i in range(1500):
        src = (f"198.18.{i >> 8}.{i & 255}" if kind == "af_xdp" else f"2001:db8:bad::{i:x}", 7)
        wire.send(packet(src, ends[2], b"\0\7\x4e\x20" + b"x" * 20, 0, True, 5))
        if i % 50 == 0:
            time.sleep(0.005)
    both_ways(*ends)
    drops = c.dump()[1]
    assert drops["rx_fragment"] + drops["frag_late"] > 1000
    netns.wait_for("the end of patience", lambda: sum(
        c.dump()[1][k] for k in ("rx_fragment", "frag_late")) == 1500, 4)
    both_ways(*ends, n=2, size=3000)


@KINDS
def test_fragments_of_sip_are_the_kernels(bench, kind):
    """Also where the same source sends media in fragments, with the same identification."""
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx, out, inn = bench.pair(c, "44")
    with netns.inside(str(bench.sbc)):
        sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bench.sockets.append(sip)
    sip.bind((OUTSIDE, 5060))
    sip.settimeout(2)
    wire = Wire(bench, bench.carrier, "outside0")
    rtp = carrier.packet(size=600)
    # (AF_PACKET: the kernel has the later fragments of media, too.)
    wire.parts((CARRIER, 4000), out, rtp, [200, 400], 77 if kind == "af_xdp" else 76)
    wire.parts((CARRIER, 5060), (OUTSIDE, 5060), b"INVITE" * 100, [200, 400], 77)
    assert sip.recv(2000) == b"INVITE" * 100
    wire.parts((CARRIER, 5060), (OUTSIDE, 5060), b"UPDATE" * 100, [200, 400], 78, (2, 0, 1))
    assert sip.recv(2000) == b"UPDATE" * 100
    assert [g[0] for g in pbx.receive()] == [rtp]


@KINDS
def test_mtu(bench, kind):
    """One side takes less than the other sends: the packet leaves in fragments, without DF over IPv4."""
    bench.addresses()
    for ns, dev in ((bench.sbc, "inside0"), (bench.pbx, "eth0")):
        ns.ip("link", "set", dev, "mtu", "1280")
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx, out, inn = bench.pair(c, "64")
    raw = bench.raw(bench.pbx, 0x800)
    sent = carrier.send(out, size=1400)
    assert [g[0] for g in pbx.receive()] == sent
    heads = [struct.unpack("!HHH", raw.recv(2048)[16:22]) for _ in range(2)]
    assert [h[2] & 0x4000 for h in heads] == [0, 0] and heads[0][2] & 0x2000
    assert heads[0][1] == heads[1][1] and max(h[0] for h in heads) <= 1280
    assert c.dump()[1]["work.split"] == 1


# ---- devices without a kernel behind them ----

class Trunk:
    """A host on a VLAN behind a peer's eth0: a TAP, whose frames go through the cable with a tag."""

    def __init__(self, bench, ns, vlan, *addresses):
        self.vlan, self.wire = vlan, bench.raw(ns, 3)
        self.wire.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: the kernel takes tags out
        with netns.inside(str(ns)):
            self.tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.tap, 0x400454ca, struct.pack("16sH22x", b"trunk", 0x1002))  # TUNSETIFF
        ns.ip("link", "set", "eth0", "promisc", "on")
        ns.run("sysctl", "-qw", "net.ipv6.conf.trunk.accept_dad=0")
        ns.run("ethtool", "-K", "trunk", "tx", "off", check=False)
        for a in addresses:
            ns.run("ip", "addr", "del", a, "dev", "eth0", check=False)
            ns.ip("addr", "add", a, "dev", "trunk")
        ns.ip("link", "set", "trunk", "up")
        self.end, self.seen = os.pipe(), set()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            ready = select.select([self.wire, self.tap, self.end[0]], [], [])[0]
            if self.end[0] in ready:
                return
            if self.tap in ready:
                f = os.read(self.tap, 4096)
                self.wire.send(f[:12] + struct.pack("!HH", 0x8100, self.vlan) + f[12:])
            if self.wire in ready:
                f, anc, _, src = self.wire.recvmsg(4096, 256)
                if src[2] == 4:  # PACKET_OUTGOING
                    continue
                status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", anc[0][2][:20])
                if 17 in (f[20], f[23]):  # what else is there belongs to the interface
                    self.seen.add(tci & 0xfff if status & 0x10 else None)
                if status & 0x10 and tci & 0xfff == self.vlan:
                    os.write(self.tap, f)

    def close(self):
        os.write(self.end[1], b"x")
        self.thread.join(5)
        for fd in (*self.end, self.tap):
            os.close(fd)


@pytest.mark.parametrize("pair", [pytest.param("44", marks=pytest.mark.long), "64"])
def test_vlan(bench, pair):
    """Tagged both ways; ARP, ND and ping too. What has no tag or another one is not for us."""
    bench.addresses()
    bench.sbc.ip("addr", "flush", "dev", "outside0")
    bench.ports |= {"outside": "net_af_packet7,iface=outside0", "vlan": VLAN}
    p = bench.start()
    assert f"VLAN {VLAN}" in p.text()
    trunk = Trunk(bench, bench.carrier, VLAN, f"{CARRIER}/24", f"{CARRIER6}/64")
    bench.sockets.append(trunk)
    bench.carrier.run("ping", "-c2", "-i0.2", "-W2", "-I", "trunk", OUTSIDE)
    bench.carrier.run("ping", "-c2", "-i0.2", "-W2", OUTSIDE6)
    c = bench.client()
    ends = bench.pair(c, pair)
    both_ways(*ends)
    both_ways(*ends, n=2, size=1900)
    assert trunk.seen == {VLAN}
    carrier, pbx, out, _ = ends
    passed = c.get(1).packets(A_STATS0)
    for tag in (None, 101):
        wire = Wire(bench, bench.carrier, "outside0", tag)
        wire.send(packet((THEIRS[pair[0]][0], 4000), out, datagram((THEIRS[pair[0]][0], 4000), out,
                                                                    carrier.packet())))
    assert pbx.receive() == [] and c.get(1).packets(A_STATS0) == passed
    Wire(bench, bench.carrier, "outside0", VLAN).send(packet(
        (THEIRS[pair[0]][0], 4000), out, datagram((THEIRS[pair[0]][0], 4000), out, carrier.packet())))
    assert len(pbx.receive()) == 1


@PAIRS
def test_checksums_of_the_device(bench, pair):
    """net_tap makes and checks them: what it says is right counts, what is damaged does not pass."""
    bench.addresses()
    bench.sbc.ip("addr", "flush", "dev", "outside0")
    bench.ports["outside"] = "net_tap7,iface=dtap7"
    p = bench.start()
    assert "net_tap7 (makes checksums)" in p.text()
    bench.sbc.ip("link", "set", "dtap7", "netns", str(bench.carrier))
    bench.carrier.ip("link", "del", "eth0")
    bench.carrier.ip("link", "set", "dtap7", "name", "eth0")
    bench.carrier.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0", "net.ipv6.conf.eth0.disable_ipv6=0")
    bench.carrier.ip("link", "set", "eth0", "up")
    for a in (f"{CARRIER}/24", f"{CARRIER6}/64"):
        bench.carrier.ip("addr", "add", a, "dev", "eth0")
    bench.carrier.run("ping", "-c1", "-W2", OUTSIDE)
    c = bench.client()
    carrier, pbx, out, inn = ends = bench.pair(c, pair)
    both_ways(*ends)
    both_ways(*ends, n=3, size=33)
    both_ways(*ends, n=2, size=2000)
    raw = bench.raw(bench.carrier, 3)
    pbx.send(inn, 1)
    with contextlib.suppress(TimeoutError):
        raw.settimeout(2)
        while (f := raw.recv(2048))[12:14] not in (b"\x08\0", b"\x86\xdd") or f[14:][6 if f[13] else 9] != 17:
            pass
    ip = f[14:]
    head = 40 if ip[0] >> 4 == 6 else 20
    udp = ip[head:head + 180]
    assert checksum((ip[8:40] if head == 40 else ip[12:20]) + struct.pack("!II", len(udp), 17) + udp) == 0
    assert head == 40 or checksum(ip[:20]) == 0
    src = (THEIRS[pair[0]][0], 4000)
    data = datagram(src, out, carrier.packet())
    mac = bench.sbc.run("cat", "/sys/class/net/sl-outside/address").stdout.strip()
    bad = data[:20] + bytes([data[20] ^ 1]) + data[21:]
    raw.send(bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\1" + (b"\x86\xdd" if ":" in src[0] else b"\x08\0") +
             packet(src, out, bad))
    netns.wait_for("drop", lambda: c.dump()[1]["rx_udp_checksum"] == 1, 2)


@KINDS
def test_vlan_of_the_kernel(bench, kind):
    """eth0.100 is an interface as any: the data path is said, and media passes."""
    try:
        for ns, dev in ((bench.sbc, "outside0"), (bench.carrier, "eth0")):
            ns.ip("link", "add", "link", dev, "name", f"{dev}.{VLAN}", "type", "vlan", "id", str(VLAN))
    except RuntimeError as e:
        pytest.skip(f"no VLAN devices in this kernel: {e}")
    bench.addresses()
    for ns, dev, addresses in ((bench.sbc, "outside0", (OUTSIDE, SECOND)), (bench.carrier, "eth0", (CARRIER,))):
        ns.ip("addr", "flush", "dev", dev)
        ns.ip("link", "set", f"{dev}.{VLAN}", "up")
        for a in addresses:
            ns.ip("addr", "add", f"{a}/24", "dev", f"{dev}.{VLAN}")
    bench.ports["outside"] = f"outside0.{VLAN}"
    p = bench.start("--device", kind)
    assert f" on outside0.{VLAN}" in p.text()
    both_ways(*bench.pair(bench.client(), "44"))
