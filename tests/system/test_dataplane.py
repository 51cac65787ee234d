# SPDX-License-Identifier: Apache-2.0
"""sluice-dp alone: flows set by a client written here, RTP from plain sockets on both sides."""
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import pytest

from lab import build, netns

OUTSIDE, CARRIER, STRANGER = "203.0.113.1", "203.0.113.10", "203.0.113.66"
INSIDE, PBX = "10.10.0.1", "10.10.0.10"
ROUTER, FAR = "203.0.113.254", "198.51.100.7"
CONFIG = """
sluice: 1
networks:
  outside: {{ port: "{outside}", address: {OUTSIDE}/24, gateway: {ROUTER}, media-ports: 20000-20999 }}
  inside: {{ port: "{inside}", address: {INSIDE}/24, media-ports: 30000-30999 }}
trunks:
  carrier: {{ on: outside, profile: static, host: {CARRIER} }}
  pbx: {{ on: inside, profile: pbx, host: {PBX} }}
calls:
  - {{ from: carrier, to: pbx }}
  - {{ from: pbx, to: carrier }}
"""

# ---- the flow language (dataplane/relay/flow.h) ----

HELLO, SET, DEL, DUMP, SUBSCRIBE, EVENT, DTMF = range(1, 8)
(A_VERSION, A_EPOCH, A_CAPS, A_STATUS, A_REASON, A_ID, A_GEN, A_IDLE, A_SIDE0, A_SIDE1, A_STATS0,
 A_STATS1, A_RTCP0, A_RTCP1, A_EVENT, A_SIDE, A_DROPS, A_DROP, A_NAME, A_COUNT, A_PORTS, A_PORT,
 A_DRIVER, A_WHY, A_AGE, A_KIND, A_DIGIT, A_DURATION) = range(1, 29)
(S_LOCAL, S_LOCAL_PORT, S_LOCAL_RTCP, S_REMOTE, S_REMOTE_PORT, S_REMOTE_RTCP, S_SIG, S_ACL, S_PREFIX,
 S_MODE, S_FLAGS, S_LEARN_LEN, S_PTIME, S_PTMAP, S_CLOCK, S_DSCP, S_DTMF_IN, S_DTMF_OUT,
 S_DTMF_CLOCK) = range(1, 20)
TELL, TAKE = 4, 8
LATCHED, IDLE, CONFLICT, RESTARTED, KEY = range(1, 6)
RTP, RAW = 0, 1
PACKETS, OCTETS, DROPPED, LOST = 1, 2, 3, 4
SOURCE, SOURCE_PORT, REFUSED = 10, 11, 12
STATIC, NAT = 0, 1
NLM_F_ACK = 4
NLMSG_DONE = 3


def attr(kind, value):
    if isinstance(value, str):
        value = value.encode() + b"\0"
    elif isinstance(value, list):
        value = b"".join(value)
    pad = -len(value) % 4
    return struct.pack("=HH", len(value) + 4, kind) + value + b"\0" * pad


def u8(kind, v):
    return attr(kind, struct.pack("=B", v))


def u16(kind, v):
    return attr(kind, struct.pack("=H", v))


def u32(kind, v):
    return attr(kind, struct.pack("=I", v))


def u64(kind, v):
    return attr(kind, struct.pack("=Q", v))


def attrs(data):
    out = {}
    while len(data) >= 4:
        n, kind = struct.unpack_from("=HH", data)
        out.setdefault(kind & 0x3fff, []).append(data[4:n])
        data = data[(n + 3) & ~3:]
    return out


def number(raw):
    return int.from_bytes(raw, "little")


def family(a):
    return socket.AF_INET6 if ":" in a else socket.AF_INET


def address(a):
    return socket.inet_pton(family(a), a)


def side(local, port, remote=None, mode=STATIC, sig=None, ptmap=((0, 0), (8, 8)), dscp=46,
         flags=0, dtmf=None, dtmf_clock=8000):
    out = [attr(S_LOCAL, address(local)), u16(S_LOCAL_PORT, port), u16(S_LOCAL_RTCP, port + 1),
           u8(S_MODE, mode), u32(S_FLAGS, flags), u8(S_PTIME, 20), u32(S_CLOCK, 8000), u8(S_DSCP, dscp),
           attr(S_PTMAP, bytes(x for pair in ptmap for x in pair))]
    if remote:
        out += [attr(S_REMOTE, address(remote[0])), u16(S_REMOTE_PORT, remote[1]),
                u16(S_REMOTE_RTCP, remote[1] + 1)]
    if dtmf:
        out += [u8(S_DTMF_IN, dtmf), u8(S_DTMF_OUT, dtmf), u32(S_DTMF_CLOCK, dtmf_clock)]
    if sig:
        out.append(attr(S_SIG, address(sig)))
    return out


class Reply:
    def __init__(self, kind, cmd, seq, data):
        self.kind, self.cmd, self.seq, self.a = kind, cmd, seq, attrs(data)
        self.status = struct.unpack("=i", self.a[A_STATUS][0])[0] if A_STATUS in self.a else None
        self.reason = self.a[A_REASON][0][:-1].decode() if A_REASON in self.a else None

    def stats(self, kind):
        return attrs(self.a[kind][0])

    def packets(self, kind):
        return number(self.stats(kind)[PACKETS][0])


class Client:
    """One connection to sluice-dp."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(5)
        self.sock.connect(path)
        self.seq, self.events = 0, []
        hello = self.ask(HELLO, [u32(A_VERSION, 1), u64(A_EPOCH, 1)])
        assert hello.status == 0 and number(hello.a[A_CAPS][0]) & 1
        self.epoch = number(hello.a[A_EPOCH][0])

    def message(self, cmd, body):
        self.seq += 1
        data = b"".join(body)
        return struct.pack("=IHHIIBBH", 20 + len(data), 0x10, 1 | NLM_F_ACK, self.seq, 0, cmd, 1,
                           0) + data

    def read(self):
        """The messages of one datagram; events are put aside."""
        data, out = self.sock.recv(65536), []
        assert data, "sluice-dp closed the connection"
        while data:
            n, kind, _, seq, _, cmd = struct.unpack_from("=IHHIIB", data)
            r = Reply(kind, cmd, seq, data[20:n])
            (self.events if cmd == EVENT and kind != NLMSG_DONE else out).append(r)
            data = data[(n + 3) & ~3:]
        return out

    def batch(self, *messages):
        self.sock.send(b"".join(messages))
        out = []
        while len(out) < len(messages):
            out += self.read()
        return out

    def ask(self, cmd, body):
        return self.batch(self.message(cmd, body))[0]

    def flow(self, id, gen, side0, side1, idle=0, kind=RTP):
        return [u64(A_ID, id), u32(A_GEN, gen), u32(A_IDLE, idle), u8(A_KIND, kind),
                attr(A_SIDE0, side0), attr(A_SIDE1, side1)]

    def set(self, *a, **k):
        return self.ask(SET, self.flow(*a, **k))

    def play(self, id, side, digit, ms=0):
        return self.ask(DTMF, [u64(A_ID, id), u32(A_SIDE, side), u8(A_DIGIT, digit), u32(A_DURATION, ms)])

    def delete(self, id):
        return self.ask(DEL, [u64(A_ID, id)])

    def get(self, id):
        return self.ask(DUMP, [u64(A_ID, id)])

    def dump(self):
        """(flows by id, counters by name, [(network, driver, why)])."""
        self.sock.send(self.message(DUMP, []))
        flows = {}
        while True:
            for r in self.read():
                if r.kind != NLMSG_DONE:
                    flows[number(r.a[A_ID][0])] = r
                    continue
                drops = {d[A_NAME][0][:-1].decode(): number(d[A_COUNT][0])
                         for d in map(attrs, attrs(r.a[A_DROPS][0])[A_DROP])}
                ports = [tuple(p[k][0][:-1].decode() if k in p else ""
                               for k in (A_NAME, A_DRIVER, A_WHY))
                         for p in map(attrs, attrs(r.a[A_PORTS][0])[A_PORT])]
                return flows, drops, ports

    def event(self, seconds=3):
        self.sock.settimeout(seconds)
        while not self.events:
            self.read()
        e = self.events.pop(0)
        return number(e.a[A_EVENT][0]), number(e.a[A_ID][0]), e

    def close(self):
        self.sock.close()


# ---- peers ----

class Rtp:
    """A telephone's RTP socket."""

    def __init__(self, ns, ip, port):
        with netns.inside(str(ns)):
            self.sock = socket.socket(family(ip), socket.SOCK_DGRAM)
        if family(ip) == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        else:
            self.sock.setsockopt(socket.SOL_IP, socket.IP_RECVTOS, 1)
            self.sock.setsockopt(socket.SOL_IP, 12, 1)  # IP_RECVTTL
        self.sock.bind((ip, port))
        self.seq, self.ssrc = 100, port * 7919

    def packet(self, pt=0, size=160):
        self.seq += 1
        return struct.pack("!BBHII", 0x80, pt, self.seq & 0xffff, self.seq * 160 & 0xffffffff,
                           self.ssrc) + bytes(i & 255 for i in range(size))

    def send(self, to, n=1, pt=0, gap=0.005, size=160):
        """Their payloads. From one processor: packets of a sender that moves to another may pass each other in a veth."""
        sent, cpus = [], os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cpus)})
        for _ in range(n):
            sent.append(self.packet(pt, size))
            self.sock.sendto(sent[-1], to)
            time.sleep(gap)
        os.sched_setaffinity(0, cpus)
        return sent

    def receive(self, wait=0.3):
        """All that is there, until nothing has come for `wait`: [(payload, source, tos, ttl)]."""
        out = []
        while select.select([self.sock], [], [], wait)[0]:
            data, anc, _, src = self.sock.recvmsg(8192, 256)
            more = {kind: number(v) for _, kind, v in anc}
            out.append((data, src[:2], more.get(1, more.get(socket.IPV6_TCLASS)),
                        more.get(2, more.get(socket.IPV6_HOPLIMIT))))
        return out

    def close(self):
        self.sock.close()


class Bench:
    """carrier -- sluice-dp -- pbx in their namespaces."""
    CONFIG, NAMES = CONFIG, globals()

    def __init__(self, unfinished_checksums=False):
        self.prefix = f"dp{os.getpid()}"
        self.folder = tempfile.mkdtemp(prefix="dp-")
        os.chmod(self.folder, 0o755)
        self.processes, self.sockets = [], []
        self.socket = os.path.join(self.folder, "run", "engine.sock")
        self.ports = {"outside": "outside0", "inside": "inside0"}
        for role in ("sbc", "carrier", "pbx"):
            netns.remove(f"{self.prefix}-{role}")
            setattr(self, role, netns.Namespace(f"{self.prefix}-{role}"))
        netns.veth(self.sbc, "outside0", self.carrier, "eth0")
        netns.veth(self.sbc, "inside0", self.pbx, "eth0")
        for ns, a in ((self.carrier, CARRIER), (self.carrier, STRANGER), (self.carrier, ROUTER),
                      (self.pbx, PBX)):
            ns.ip("addr", "add", f"{a}/24", "dev", "eth0")
        self.carrier.ip("addr", "add", f"{FAR}/32", "dev", "lo")
        self.carrier.ip("route", "add", "default", "via", OUTSIDE, "src", CARRIER)
        if unfinished_checksums:
            for ns in (self.carrier, self.pbx):
                ns.run("ethtool", "-K", "eth0", "tx", "on")

    def addresses(self):
        self.sbc.ip("addr", "add", f"{OUTSIDE}/24", "dev", "outside0")
        self.sbc.ip("addr", "add", f"{INSIDE}/24", "dev", "inside0")
        return self

    def start(self, *options, wait=True, before=()):
        config = os.path.join(self.folder, "sluice.yaml")
        with open(config, "w") as f:
            f.write(self.CONFIG.format(**self.ports, **self.NAMES))
        program = os.path.join(build.folder(), "dataplane", "sluice-dp")
        p = netns.Process(self.sbc.command(*before, program, "--config", config, "--socket", self.socket,
                                           *options),
                          os.path.join(self.folder, f"dp{len(self.processes)}.log"))
        self.processes.append(p)
        if wait:
            p.wait_text("inside: ")
        return p

    def client(self):
        c = Client(self.socket)
        self.sockets.append(c)
        return c

    def rtp(self, ns, ip, port):
        r = Rtp(ns, ip, port)
        self.sockets.append(r)
        return r

    def call(self, c, id=1, gen=1, n=0, **more):
        """Sets a flow with both peers known."""
        r = c.set(id, gen, side(OUTSIDE, 20000 + 2 * n, (CARRIER, 4000 + 2 * n)),
                  side(INSIDE, 30000 + 2 * n, (PBX, 5000 + 2 * n)), **more)
        assert r.status == 0, r.reason
        return (self.rtp(self.carrier, CARRIER, 4000 + 2 * n), self.rtp(self.pbx, PBX, 5000 + 2 * n))

    def icmp(self, ns):
        """ICMP destination unreachable that arrived in the namespace."""
        for line in ns.run("cat", "/proc/net/snmp").stdout.splitlines():
            if line.startswith("Icmp:") and "InDestUnreachs" in line:
                names = line.split()
            elif line.startswith("Icmp:"):
                return int(line.split()[names.index("InDestUnreachs")])

    def sip(self):
        """A socket of the kernel's at our address, which is no port of media."""
        with netns.inside(str(self.sbc)):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sockets.append(s)
        s.bind((OUTSIDE, 5060))
        s.settimeout(2)
        return s

    def close(self):
        for s in self.sockets:
            s.close()
        for p in self.processes:
            p.stop(3.0)
        for role in ("sbc", "carrier", "pbx"):
            netns.remove(f"{self.prefix}-{role}")
        shutil.rmtree(self.folder, ignore_errors=True)


def bench_of(make):
    """The fixture: one of that class, with the parameters of the test; when that fails its logs are shown."""
    @pytest.fixture
    def bench(request):
        b = make(**getattr(request, "param", {}))
        before = request.session.testsfailed
        yield b
        for p in b.processes:
            if request.session.testsfailed > before:
                print(f"---- {p.log_path}\n{p.text()[-3000:]}")
        b.close()
    return bench


bench = bench_of(Bench)


KINDS = pytest.mark.parametrize("kind", ["af_xdp", "af_packet"])


def relayed(bench, carrier, pbx, n=20, out=20000, into=30000):
    """n packets each way come out unharmed, from our addresses and with our headers."""
    for a, b, at, ours in ((carrier, pbx, (OUTSIDE, out), (INSIDE, into)),
                           (pbx, carrier, (INSIDE, into), (OUTSIDE, out))):
        sent = a.send(at, n)
        got = b.receive()
        assert [g[0] for g in got] == sent
        assert {g[1] for g in got} == {ours}
        assert {g[2] for g in got} == {46 << 2} and {g[3] for g in got} == {64}


# ---- tests ----

@KINDS
def test_relays_both_ways(bench, kind):
    bench.addresses()
    p = bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = bench.call(c)
    relayed(bench, carrier, pbx)
    flow = c.get(1)
    assert (flow.packets(A_STATS0), flow.packets(A_STATS1)) == (20, 20)
    assert number(flow.stats(A_STATS0)[OCTETS][0]) == 20 * 172
    assert flow.stats(A_STATS0)[SOURCE][0] == address(CARRIER)
    # The longest that fits, the shortest, an odd length, and RTCP beside it.
    for size in (1460 - 12, 0, 1, 33):
        sent = carrier.send((OUTSIDE, 20000), size=size)
        assert [g[0] for g in pbx.receive()] == sent
    rtcp, sink = bench.rtp(bench.carrier, CARRIER, 4001), bench.rtp(bench.pbx, PBX, 5001)
    report = struct.pack("!BBHI", 0x80, 201, 1, 1)
    rtcp.sock.sendto(report, (OUTSIDE, 20001))
    assert [(g[0], g[1]) for g in sink.receive()] == [(report, (INSIDE, 30001))]
    flows, counters, ports = c.dump()
    assert list(flows) == [1] and flows[1].packets(A_RTCP0) == 1
    driver = {"af_xdp": "AF_XDP on ", "af_packet": "AF_PACKET on "}[kind]
    assert [(n, d.startswith(driver)) for n, d, _ in ports] == [("outside", True), ("inside", True)]
    assert counters["work.packets_out"] == 45
    # DEL says the final counters, and then nothing passes.
    gone = c.delete(1)
    assert gone.status == 0 and gone.packets(A_STATS0) == 24
    assert c.delete(1).status == -2
    carrier.send((OUTSIDE, 20000), 3)
    assert pbx.receive() == []
    assert c.dump()[1]["no_flow"] == 3
    assert bench.icmp(bench.carrier) == 0 and bench.icmp(bench.pbx) == 0
    assert p.stop() == 0


@KINDS
def test_strangers_get_nothing(bench, kind):
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = bench.call(c)
    foreign = bench.rtp(bench.carrier, STRANGER, 4000)
    same_ip = bench.rtp(bench.carrier, CARRIER, 4444)
    foreign.send((OUTSIDE, 20000), 10)
    same_ip.send((OUTSIDE, 20000), 10)
    relayed(bench, carrier, pbx)
    foreign.send((OUTSIDE, 20000), 10)
    pbx.send((INSIDE, 30000), 10)
    assert foreign.receive() == [] and same_ip.receive() == []
    assert len(carrier.receive()) == 10 and pbx.receive() == []
    foreign.send((OUTSIDE, 20998), 5)  # no flow there
    assert foreign.receive() == []
    flow = c.get(1)
    assert flow.packets(A_STATS0) == 20
    assert flow.stats(A_STATS0)[REFUSED][0] in (address(STRANGER), address(CARRIER))
    drops = c.dump()[1]
    assert drops["rtp_unlearned"] >= 20 and drops["no_flow"] == 5
    assert bench.icmp(bench.carrier) == 0


@KINDS
def test_kernel_keeps_the_rest(bench, kind):
    bench.addresses()
    bench.start("--device", kind)
    sip = bench.sip()
    peer = bench.rtp(bench.carrier, CARRIER, 5060)
    # Long enough to come in fragments, as an INVITE may be.
    for n in (100, 4000):
        peer.sock.sendto(b"x" * n, (OUTSIDE, 5060))
        assert len(sip.recv(8000)) == n
    sip.sendto(b"answer", (CARRIER, 5060))
    assert peer.receive()[0][0] == b"answer"
    bench.carrier.run("ping", "-c2", "-i0.2", "-W2", OUTSIDE)
    # A port that is neither media nor served is the kernel's to refuse.
    peer.sock.sendto(b"x", (OUTSIDE, 9999))
    netns.wait_for("ICMP", lambda: bench.icmp(bench.carrier) == 1, 2)


def test_learns_a_source_behind_nat(bench):
    """What comes before the source is proven is kept, and goes out in order when it is."""
    bench.addresses()
    bench.start()
    c = bench.client()
    assert c.ask(SUBSCRIBE, []).status == 0
    nat = side(OUTSIDE, 20000, ("192.168.7.7", 9000), mode=NAT, sig=CARRIER)
    assert c.set(7, 1, nat, side(INSIDE, 30000, (PBX, 5000))).status == 0
    carrier = bench.rtp(bench.carrier, CARRIER, 61000)
    pbx = bench.rtp(bench.pbx, PBX, 5000)
    pbx.send((INSIDE, 30000), 5)
    assert carrier.receive(0.1) == []
    sent = carrier.send((OUTSIDE, 20000), 25, gap=0.02)
    assert [g[0] for g in pbx.receive()] == sent
    seen = {}
    for _ in range(2):
        kind, id, e = c.event()
        assert (kind, id) == (LATCHED, 7)
        seen[number(e.a[A_SIDE][0])] = e
    latched = c.get(7)
    assert latched.stats(A_STATS0)[SOURCE][0] == address(CARRIER)
    assert number(latched.stats(A_STATS0)[SOURCE_PORT][0]) == 61000
    assert sorted(seen) == [0, 1]
    pbx.send((INSIDE, 30000), 5)
    assert len(carrier.receive()) == 5


def test_payload_types_and_generations(bench):
    bench.addresses()
    bench.start()
    c = bench.client()
    out, inn = (side(OUTSIDE, 20000, (CARRIER, 4000), ptmap=((101, 96), (0, 0))),
                side(INSIDE, 30000, (PBX, 5000), ptmap=((96, 101), (0, 0))))
    assert c.set(1, 5, out, inn).status == 0
    carrier = bench.rtp(bench.carrier, CARRIER, 4000)
    pbx, other = bench.rtp(bench.pbx, PBX, 5000), bench.rtp(bench.pbx, PBX, 5600)
    sent = carrier.send((OUTSIDE, 20000), 3, pt=101)
    got = [g[0] for g in pbx.receive()]
    assert [g[1] for g in got] == [96] * 3 and [g[2:] for g in got] == [s[2:] for s in sent]
    carrier.send((OUTSIDE, 20000), 2, pt=18)
    assert pbx.receive() == []
    assert c.set(1, 4, out, inn).status == -116  # ESTALE
    assert c.set(1, 5, out, inn).status == 0
    # A re-INVITE: the PBX is elsewhere now; what was counted stays.
    assert c.set(1, 6, out, side(INSIDE, 30000, (PBX, 5600), ptmap=((96, 101), (0, 0)))).status == 0
    other.send((INSIDE, 30000), 3)
    assert len(carrier.receive()) == 3
    carrier.send((OUTSIDE, 20000), 3)
    assert len(other.receive()) == 3 and pbx.receive(0.1) == []
    assert c.get(1).packets(A_STATS0) == 6
    # And another pair of local ports.
    moved = side(OUTSIDE, 20100, (CARRIER, 4000))
    assert c.set(1, 7, moved, side(INSIDE, 30000, (PBX, 5600))).status == 0
    carrier.send((OUTSIDE, 20000), 2)
    carrier.send((OUTSIDE, 20100), 2)
    assert len(other.receive()) == 2
    assert c.dump()[1]["no_flow"] == 2


def test_refuses_what_is_wrong(bench):
    bench.addresses()
    bench.start()
    with pytest.raises((ConnectionError, AssertionError)):
        rude = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        rude.connect(bench.socket)
        rude.send(b"nonsense, not a message")
        rude.settimeout(2)
        assert rude.recv(100)
    c = bench.client()
    pbx = side(INSIDE, 30000, (PBX, 5000))
    for bad, status, word in ((side("192.0.2.1", 20000), -99, "no network"),
                              (side(OUTSIDE, 40000), -99, "media ports"),
                              (side(OUTSIDE, 19998), -99, "media ports"),
                              (side(OUTSIDE, 20000, ptmap=((200, 0),)), -22, "")):
        r = c.set(1, 1, bad, pbx)
        assert r.status == status and word in r.reason
    assert c.set(1, 1, side(OUTSIDE, 20000), pbx).status == 0
    assert c.set(2, 1, side(OUTSIDE, 20002), pbx).status == -98  # EADDRINUSE
    assert c.get(2).status == -2
    # A batch: each message has its own status, in order; a port given up in it is free in it.
    r = c.batch(c.message(DEL, [u64(A_ID, 1)]),
                c.message(SET, c.flow(3, 1, side(OUTSIDE, 20002), pbx)),
                c.message(DEL, [u64(A_ID, 9)]),
                c.message(SET, c.flow(3, 2, side(OUTSIDE, 20002), pbx)))
    assert [x.status for x in r] == [0, 0, -2, 0]
    assert list(c.dump()[0]) == [3]
    rude = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    rude.connect(bench.socket)
    rude.settimeout(2)
    rude.send(c.message(DEL, [u64(A_ID, 3)]))
    assert b"HELLO comes first" in rude.recv(1000)
    assert list(c.dump()[0]) == [3]


def test_many_flows_in_one_dump(bench):
    """A dump is many datagrams; batches of a thousand are carried out at once."""
    bench.addresses()
    bench.start()
    c = bench.client()
    n = 400
    messages = [c.message(SET, c.flow(i, 1, side(OUTSIDE, 20000 + 2 * i, (CARRIER, 4000)),
                                      side(INSIDE, 30000 + 2 * i, (PBX, 5000))))
                for i in range(1, n + 1)]
    for at in range(0, n, 100):
        assert {r.status for r in c.batch(*messages[at:at + 100])} == {0}
    assert sorted(c.dump()[0]) == list(range(1, n + 1))
    gone = c.batch(*(c.message(DEL, [u64(A_ID, i)]) for i in range(1, n + 1)))
    assert {r.status for r in gone} == {0}
    assert c.dump()[0] == {}


def test_idle_event(bench):
    bench.addresses()
    bench.start()
    c = bench.client()
    c.ask(SUBSCRIBE, [])
    carrier, _ = bench.call(c, idle=1000)
    carrier.send((OUTSIDE, 20000), 30, gap=0.05)  # no event while it talks
    began = time.monotonic()
    assert [c.event()[0] for _ in range(1)] == [LATCHED]
    kind, id, _ = c.event()
    assert (kind, id) == (IDLE, 1) and 0.8 < time.monotonic() - began < 1.5
    kind, _, _ = c.event()
    assert kind == IDLE and 1.8 < time.monotonic() - began < 2.6


@pytest.mark.parametrize("bench", [{"unfinished_checksums": True}], indirect=True)
@KINDS
def test_checksums(bench, kind):
    """The peers leave their checksums to hardware that is not there; others send none at all. What
    comes out is right or 0, and what was damaged on the way is not passed on as whole."""
    bench.addresses()
    bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = bench.call(c)
    bench.pbx.run("ethtool", "-K", "eth0", "rx", "off", check=False)
    relayed(bench, carrier, pbx)
    with netns.inside(str(bench.pbx)):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
    raw.bind(("eth0", 0x800))
    bench.sockets.append(raw)
    carrier.send((OUTSIDE, 20000), 2, size=33)
    carrier.sock.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK
    carrier.send((OUTSIDE, 20000), 2)
    sums = []
    for _ in range(4):
        frame = raw.recv(2048)
        udp = frame[34:14 + struct.unpack("!H", frame[16:18])[0]]
        words = frame[26:34] + struct.pack("!HH", 17, len(udp)) + udp + b"\0" * (len(udp) & 1)
        total = sum(struct.unpack(f"!{len(words) // 2}H", words))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        sums.append((udp[6:8] != b"\0\0", total == 0xffff))
    assert sums == [(True, True)] * 2 + [(False, False)] * 2
    # A damaged one, made by hand.
    with netns.inside(str(bench.carrier)):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind(("eth0", 0x800))
    bench.sockets.append(wire)
    mac = bench.sbc.run("cat", "/sys/class/net/outside0/address").stdout.strip()
    payload = carrier.packet()
    udp = struct.pack("!HHHH", 4000, 20000, 8 + len(payload), 0x1234) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address(CARRIER),
                     address(OUTSIDE))
    total = sum(struct.unpack("!10H", ip))
    ip = ip[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
    wire.send(bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\1\x08\0" + ip + udp)
    netns.wait_for("drop", lambda: c.dump()[1]["rx_udp_checksum"] == 1, 2)
    assert len(pbx.receive()) == 4  # those from before


def test_next_hop_is_found_and_followed(bench):
    """The carrier's media server is behind the router, whose hardware address changes."""
    bench.addresses()
    bench.start()
    c = bench.client()
    far = bench.rtp(bench.carrier, FAR, 4000)
    pbx = bench.rtp(bench.pbx, PBX, 5000)
    assert c.set(1, 1, side(OUTSIDE, 20000, (FAR, 4000)), side(INSIDE, 30000, (PBX, 5000))).status == 0
    assert len(pbx.send((INSIDE, 30000), 10)) == len(far.receive())
    far.send((OUTSIDE, 20000), 5)
    assert len(pbx.receive()) == 5
    neigh = bench.sbc.ip("neigh", "show", "dev", "outside0").stdout
    assert ROUTER in neigh and FAR not in neigh
    bench.carrier.ip("link", "set", "eth0", "address", "02:00:00:00:77:01")
    bench.sbc.ip("neigh", "replace", ROUTER, "lladdr", "02:00:00:00:77:01", "dev", "outside0", "nud",
                 "reachable")
    time.sleep(0.1)
    pbx.send((INSIDE, 30000), 5)
    assert len(far.receive()) == 5


def test_packets_wait_for_the_next_hop(bench):
    """Four of a destination are kept, in order, while the kernel looks for its hardware address."""
    bench.addresses()
    bench.carrier.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=8")  # it answers nobody
    mac = bench.carrier.run("cat", "/sys/class/net/eth0/address").stdout.strip()
    bench.start()
    c = bench.client()
    carrier, pbx = bench.call(c)
    sent = pbx.send((INSIDE, 30000), 6)
    bench.sbc.ip("neigh", "replace", CARRIER, "lladdr", mac, "dev", "outside0", "nud", "permanent")
    assert [g[0] for g in carrier.receive()] == sent[:4]
    sent = pbx.send((INSIDE, 30000), 3)
    assert [g[0] for g in carrier.receive()] == sent
    bench.sbc.ip("neigh", "del", CARRIER, "dev", "outside0")

    def forgotten():  # sluice-dp hears of it from the kernel, a moment later
        pbx.send((INSIDE, 30000), 1)
        return carrier.receive(0.1) == []

    netns.wait_for("sluice-dp to forget the neighbour", forgotten, 3)
    pbx.send((INSIDE, 30000), 3)
    netns.wait_for("drops", lambda: c.dump()[1]["neigh_wait"] == 2 + 1 + 3, 5)
    assert carrier.receive(0.1) == []


def test_survives_and_restarts(bench):
    """Its client may die: flows stay. It may be killed: the next start finds the interface free."""
    bench.addresses()
    first = bench.start("--device", "af_xdp")
    c = bench.client()
    carrier, pbx = bench.call(c)
    relayed(bench, carrier, pbx)
    c.close()
    relayed(bench, carrier, pbx)
    again = bench.client()
    assert again.epoch == c.epoch and again.get(1).packets(A_STATS0) == 40
    second = bench.start("--device", "af_xdp", wait=False)  # two on one interface: refused
    assert second.popen.wait(10) == 1 and "another sluice-dp" in second.text()
    os.kill(first.pid, signal.SIGKILL)
    first.popen.wait(5)
    assert "xdp" not in bench.sbc.ip("link", "show", "outside0").stdout
    bench.start("--device", "af_xdp")
    new = bench.client()
    assert new.epoch != c.epoch and new.dump()[0] == {}
    assert new.set(1, 1, side(OUTSIDE, 20000, (CARRIER, 4000)),
                   side(INSIDE, 30000, (PBX, 5000))).status == 0
    relayed(bench, carrier, pbx)


@KINDS
def test_leaves_nothing_and_needs_nothing(bench, kind):
    bench.addresses()
    before = bench.sbc.ip("-d", "link").stdout
    p = bench.start("--device", kind, "--user", "nobody", before=["setpriv", "--groups", "4,24"])
    status = dict(line.split(":\t") for line in open(f"/proc/{p.pid}/status").read().splitlines()
                  if ":\t" in line)
    assert status["Uid"].split() == ["65534"] * 4 and status["CapEff"] == status["CapPrm"] == "0" * 16
    assert status["NoNewPrivs"] == "1" and status["Umask"] == "0077" and status["Groups"].strip() == ""
    for task in os.listdir(f"/proc/{p.pid}/task"):
        text = open(f"/proc/{p.pid}/task/{task}/status").read()
        assert "CapEff:\t0000000000000000" in text and "NoNewPrivs:\t1" in text
    assert (os.stat(bench.socket).st_mode & 0o777, os.stat(bench.socket).st_uid) == (0o660, 65534)
    c = bench.client()
    carrier, pbx = bench.call(c)
    relayed(bench, carrier, pbx)
    if kind == "af_packet":
        assert "sluice-dp" in bench.sbc.run("nft", "list", "tables").stdout
    rss = int(status["VmRSS"].split()[0])
    assert rss < 150_000, f"{rss} kB"
    assert p.stop() == 0
    assert not os.path.exists(bench.socket) and not os.path.exists(f"/run/dpdk/sluice-dp-{p.pid}")
    assert bench.sbc.ip("-d", "link").stdout == before
    assert "sluice-dp" not in bench.sbc.run("nft", "list", "tables").stdout


@KINDS
def test_idles_and_bears_a_dead_interface(bench, kind):
    def busy(seconds):
        def ns():
            return sum(int(open(f"/proc/{p.pid}/task/{t}/schedstat").read().split()[0])
                       for t in os.listdir(f"/proc/{p.pid}/task"))
        was = ns()
        time.sleep(seconds)
        return (ns() - was) / seconds / 1e9
    bench.addresses()
    p = bench.start("--device", kind)
    c = bench.client()
    carrier, pbx = bench.call(c)
    relayed(bench, carrier, pbx)
    assert busy(2) < 0.02
    bench.carrier.ip("link", "set", "eth0", "down")
    bench.sbc.ip("link", "set", "outside0", "down")
    assert busy(2) < 0.05
    bench.sbc.ip("link", "set", "outside0", "up")
    bench.carrier.ip("link", "set", "eth0", "up")
    bench.carrier.ip("route", "add", "default", "via", OUTSIDE, "src", CARRIER)
    bench.carrier.run("ping", "-c1", "-W2", OUTSIDE)
    relayed(bench, carrier, pbx)


def test_a_foreign_program_stays(bench):
    """XDP is taken: AF_PACKET, and it says so."""
    bench.addresses()
    src = os.path.join(bench.folder, "foreign.c")
    with open(src, "w") as f:
        f.write('int pass(void *c) __attribute__((section("xdp")));\n'
                'int pass(void *c) { return 2; }\n')
    subprocess.run(["clang", "-O2", "-target", "bpf", "-c", src, "-o", src + ".o"], check=True)
    bench.sbc.ip("link", "set", "dev", "outside0", "xdp", "obj", src + ".o", "sec", "xdp")
    p = bench.start()
    assert "outside: AF_PACKET on outside0, because XDP was refused: another XDP program" in p.text()
    assert "inside: AF_XDP on inside0" in p.text()
    c = bench.client()
    carrier, pbx = bench.call(c)
    relayed(bench, carrier, pbx)
    assert bench.icmp(bench.carrier) == 0
    assert "another XDP program" in c.dump()[2][0][2]
    assert p.stop() == 0
    assert "xdp" in bench.sbc.ip("link", "show", "outside0").stdout


def test_device_of_dpdk_with_a_way_to_the_kernel(bench):
    """The kernel does not know these devices' addresses: a TAP has them, and ARP, ping and SIP pass."""
    bench.ports = {"outside": "net_af_packet7,iface=outside0", "inside": "net_af_packet8,iface=inside0"}
    p = bench.start()
    assert "outside: DPDK device net_af_packet7" in p.text()
    assert f"{OUTSIDE}/24" in bench.sbc.ip("addr", "show", "sl-outside").stdout
    bench.carrier.run("ping", "-c2", "-i0.2", "-W2", OUTSIDE)
    sip = bench.sip()
    peer = bench.rtp(bench.carrier, CARRIER, 5060)
    peer.sock.sendto(b"INVITE", (OUTSIDE, 5060))
    data, src = sip.recvfrom(100)
    assert (data, src) == (b"INVITE", (CARRIER, 5060))
    sip.sendto(b"100", src)
    assert peer.receive()[0][0] == b"100"
    c = bench.client()
    carrier, pbx = bench.call(c)
    relayed(bench, carrier, pbx)
    assert c.dump()[1]["work.kernel_in"] > 4
    assert p.stop() == 0
    assert "sl-outside" not in bench.sbc.ip("link").stdout


def test_command_line():
    program = os.path.join(build.folder(), "dataplane", "sluice-dp")
    r = subprocess.run([program, "--help"], capture_output=True, text=True)
    assert r.returncode == 0 and "--config FILE" in r.stdout and max(map(len, r.stdout.splitlines())) < 101
    assert subprocess.run([program, "--version"], capture_output=True).stdout.startswith(b"sluice-dp ")
    for wrong in ([], ["--nonsense"], ["--config", "/nonexistent"]):
        r = subprocess.run([program, *wrong], capture_output=True, text=True)
        assert r.returncode != 0 and r.stderr
