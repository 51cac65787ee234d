# SPDX-License-Identifier: Apache-2.0
"""A small name server for tests: authoritative for whatever it is told, over UDP and TCP.

    with dns.Server(namespace="lab-dns", address="198.51.100.53") as server:
        server.set({"carrier.example": {"A": ["198.51.100.10"], "SRV": []},
                    "_sip._udp.carrier.example": {"SRV": [(10, 60, 5060, "a.carrier.example")]}})
        server.drop = True            # black hole
        server.asked("carrier.example", "A")

A record is what stands behind its type in a zone file: an address; (priority, weight, port, target);
(order, preference, flags, service, regexp, replacement); the target of a CNAME. Each is given with
server.ttl, or as TTL(seconds, record). Names are compared without case; the server follows aliases.
"""
import contextlib
import ipaddress
import socket
import struct
import threading
from typing import Any, NamedTuple

from . import netns

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33, "NAPTR": 35}
NAMES = {number: name for name, number in TYPES.items()}
ALIASES = 8
OK, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
TRUNCATED = 0x0200


class TTL(NamedTuple):
    seconds: int
    record: Any


def _name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _text(value):
    return bytes([len(value)]) + value.encode()


def _data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "CNAME":
        return _name(value)
    if kind == "SRV":
        return struct.pack("!3H", *value[:3]) + _name(value[3])
    order, preference, flags, service, regexp, replacement = value
    return (struct.pack("!2H", order, preference) + _text(flags) + _text(service) + _text(regexp)
            + _name(replacement))


def _question(query):
    """Name, type number and the octets of the first question."""
    at, labels = 12, []
    while query[at]:
        n = query[at]
        labels.append(query[at + 1:at + 1 + n].decode("ascii", "replace").lower())
        at += 1 + n
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], query[12:at + 5]


class Server:
    """Answers in a thread of its own from start() to stop(); everything may be changed meanwhile."""

    def __init__(self, namespace=None, address="127.0.0.1", port=53, ttl=60):
        self.namespace, self.address, self.port, self.ttl = namespace, address, port, ttl
        self.drop = False        # True: never answers; or a set of types: not these
        self.code = OK           # else: every answer is this error
        self.udp_max = 1232      # longer answers are truncated and come by TCP
        self.queries = []        # (name, type) as they came
        self._zone = {}
        self._lock = threading.Lock()
        self._sockets, self._threads = [], []

    # ---- what it knows ----

    def set(self, zone):
        """{name: {type: [record, ...]}}: these names are known as this; {} takes one away."""
        with self._lock:
            for name, records in zone.items():
                self._zone[name.rstrip(".").lower()] = records
                if not records:
                    del self._zone[name.rstrip(".").lower()]

    def clear(self):
        with self._lock:
            self._zone.clear()

    def asked(self, name=None, kind=None):
        """How often."""
        return sum((name is None or q[0] == name.rstrip(".").lower())
                   and (kind is None or q[1] == kind) for q in list(self.queries))

    # ---- answers ----

    def _record(self, name, kind, record):
        seconds, value = record if isinstance(record, TTL) else (self.ttl, record)
        data = _data(kind, value)
        return _name(name) + struct.pack("!2HIH", TYPES[kind], 1, seconds, len(data)) + data

    def _find(self, name, kind):
        """The records as octets, and whether the name is known."""
        out, known = [], False
        with self._lock:
            for _ in range(ALIASES):
                here = self._zone.get(name)
                known = known or here is not None
                if not here or "CNAME" not in here or kind == "CNAME":
                    break
                out.append(self._record(name, "CNAME", here["CNAME"][0]))
                target = here["CNAME"][0]
                name = (target.record if isinstance(target, TTL) else target).rstrip(".").lower()
            if here:
                out += [self._record(name, kind, record) for record in here.get(kind, ())]
        return out, known

    def answer(self, query, most=65535):
        """The reply to a query, or None."""
        name, number, question = _question(query)
        kind = NAMES.get(number, str(number))
        self.queries.append((name, kind))
        if self.drop is True or (self.drop and kind in self.drop):
            return None
        records, known = self._find(name, kind) if self.code == OK else ([], True)
        flags = 0x8580 | (self.code if known else NXDOMAIN)  # an authoritative answer, recursion offered

        def whole(flags, records):
            return (query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0) + question
                    + b"".join(records))
        reply = whole(flags, records)
        return reply if len(reply) <= most else whole(flags | TRUNCATED, [])

    # ---- sockets ----

    def _udp(self, sock):
        with contextlib.suppress(OSError):
            while True:
                query, peer = sock.recvfrom(4096)
                with contextlib.suppress(IndexError, struct.error):
                    reply = self.answer(query, self.udp_max)
                    if reply:
                        sock.sendto(reply, peer)

    def _conversation(self, conn):
        with conn, contextlib.suppress(OSError, IndexError, struct.error), conn.makefile("rb") as f:
            conn.settimeout(10)
            while len(head := f.read(2)) == 2:
                reply = self.answer(f.read(struct.unpack("!H", head)[0]))
                if reply:
                    conn.sendall(struct.pack("!H", len(reply)) + reply)

    def _tcp(self, sock):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = sock.accept()
                threading.Thread(target=self._conversation, args=(conn,), daemon=True).start()

    def _open(self, kind):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, self.port))
        self.port = sock.getsockname()[1]
        self._sockets.append(sock)
        return sock

    def start(self):
        with netns.inside(self.namespace) if self.namespace else contextlib.nullcontext():
            tcp, udp = self._open(socket.SOCK_STREAM), self._open(socket.SOCK_DGRAM)
        tcp.listen(16)
        for work, sock in ((self._udp, udp), (self._tcp, tcp)):
            thread = threading.Thread(target=work, args=(sock,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def stop(self):
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in it
            sock.close()
        for thread in self._threads:
            thread.join(2)
        self._sockets, self._threads = [], []

    __enter__ = start

    def __exit__(self, *_):
        self.stop()
