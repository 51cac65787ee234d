# SPDX-License-Identifier: Apache-2.0
"""A small SIP telephone for every transport: UDP, TCP and TLS over IPv4 and IPv6. It says what a test wants to hear,
one call at a time; phone.py is the real one."""
import contextlib
import itertools
import re
import socket
import ssl
import threading

SDP = ("v=0\r\no=- 1 1 IN {kind} {media}\r\ns=-\r\nc=IN {kind} {media}\r\nt=0 0\r\n"
       "m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n")
_serial = itertools.count(1)


def host_of(address):
    return f"[{address}]" if ":" in address else address


class Message:
    def __init__(self, text):
        head, _, self.body = text.partition("\r\n\r\n")
        self.first, *self.lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        self.status = int(self.first[8:11]) if self.first.startswith("SIP/2.0 ") else 0
        self.method = "" if self.status else self.first.split(" ")[0]

    def all(self, name):
        return [line.partition(":")[2].strip() for line in self.lines
                if line.partition(":")[0].strip().lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [""])[0]


class Wire:
    """One connection, or one UDP socket with the peer that wrote last."""

    def __init__(self, sock, transport, peer=None):
        self.socket, self.transport, self.peer, self.buffer = sock, transport, peer, b""

    def send(self, text):
        data = text.encode()
        if self.transport == "UDP":
            self.socket.sendto(data, self.peer)
        else:
            self.socket.sendall(data)

    def read(self):
        """The next message; None: the connection has ended. TimeoutError as the socket is set."""
        if self.transport == "UDP":
            data, self.peer = self.socket.recvfrom(65536)
            return Message(data.decode())
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if end:
                length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
                n = int(length.group(1))
                if len(rest) >= n:
                    self.buffer = rest[n:]
                    return Message((head + end + rest[:n]).decode())
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLEOFError):
                return None
            if not data:
                return None
            self.buffer += data

    def close(self):
        self.socket.close()


class Agent:
    def __init__(self, ns, address, media, transport="UDP", port=None, server=None, client=None):
        """`server`, `client`: SSL contexts. `media`: an address for the SDP."""
        self.ns, self.address, self.media, self.transport = ns, address, media, transport
        self.port = port or (5061 if transport == "TLS" else 5060)
        self.server, self.client = server, client
        self.wire, self.listener, self.thread, self.ended = None, None, None, False
        self.answered = None  # the 2xx to our INVITE
        self.heard, self.failure, self.connections, self.answer = [], None, 0, threading.Event()
        self.answer.set()

    # ---- words ----

    def here(self):
        return f"{host_of(self.address)}:{self.port}"

    def contact(self):
        return f"<sip:x@{self.here()};transport={self.transport.lower()}>"

    def reply(self, m, status, body="", tag="agent"):
        lines = [f"SIP/2.0 {status}"]
        lines += [f"{n}: {v}" for n in ("Via", "Record-Route", "From") for v in m.all(n)]
        to = m.get("To")
        lines += [f"To: {to}" + ("" if ";tag=" in to else f";tag={tag}"), f"Call-ID: {m.get('Call-ID')}",
                  f"CSeq: {m.get('CSeq')}", f"Contact: {self.contact()}"]
        return self._end(lines, body)

    def sdp(self):
        return SDP.format(kind="IP6" if ":" in self.media else "IP4", media=self.media, port=20000)

    @staticmethod
    def _end(lines, body):
        if body:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])

    # ---- sockets ----

    def _socket(self, kind):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with self.ns.inside():
            s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return s

    def connect(self, to, to_port, name=None, source=None):
        if self.transport == "UDP":
            s = self._socket(socket.SOCK_DGRAM)
            s.bind((self.address, self.port))
            self.wire = Wire(s, "UDP", (to, to_port))
        else:
            s = self._socket(socket.SOCK_STREAM)
            s.bind((source or self.address, 0))
            s.settimeout(5)
            s.connect((to, to_port))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.transport == "TLS":
                s = self.client.wrap_socket(s, server_hostname=name or to)
            self.wire = Wire(s, self.transport)
        self.wire.socket.settimeout(10)
        return self

    def listen(self):
        """Answers all calls, from a thread of its own."""
        if self.transport == "UDP":
            self.listener = self._socket(socket.SOCK_DGRAM)
        else:
            self.listener = self._socket(socket.SOCK_STREAM)
        self.listener.bind((self.address, self.port))
        self.listener.settimeout(0.2)
        if self.transport != "UDP":
            self.listener.listen(64)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def _serve(self):
        if self.transport == "UDP":
            self._converse(Wire(self.listener, "UDP"))
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                s, _ = self.listener.accept()
                threading.Thread(target=self._accepted, args=(s,), daemon=True).start()

    def _accepted(self, s):
        s.settimeout(5)
        try:
            if self.transport == "TLS":
                s = self.server.wrap_socket(s, server_side=True)
        except OSError as e:
            self.failure = str(e)
            s.close()
            return
        s.settimeout(0.2)
        self.connections += 1
        with s:
            self._converse(Wire(s, self.transport))

    def _converse(self, wire):
        while not self.ended:
            try:
                m = wire.read()
            except TimeoutError:
                continue
            except OSError:
                return
            if m is None:
                return
            self.heard.append(m)
            if m.method == "INVITE":
                wire.send(self.reply(m, "180 Ringing"))
                self.answer.wait(10)
                wire.send(self.reply(m, "200 OK", self.sdp()))
            elif m.method not in ("", "ACK"):
                wire.send(self.reply(m, "200 OK"))

    def close(self):
        self.ended = True
        if self.thread:
            self.thread.join(5)
        for s in (self.listener, self.wire):
            if s:
                s.close()

    # ---- a call of ours ----

    def request(self, method, uri, call, number, to_tag="", body="", more=()):
        n = next(_serial)
        return self._end([
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.here()};branch=z9hG4bK{call}x{n};rport", *more,
            "Max-Forwards: 70", f"From: <sip:+4989555@{host_of(self.address)}>;tag={call}",
            f"To: <{uri.split(';')[0]}>{to_tag}", f"Call-ID: {call}", f"CSeq: {number} {method}",
            f"Contact: {self.contact()}"], body)

    def final(self, method):
        """The final answer to it; what comes before is passed over."""
        while True:
            m = self.wire.read()
            if m is None:
                raise ConnectionError("the connection has ended")
            if m.status >= 200 and m.get("CSeq").endswith(method):
                return m

    def options(self, to):
        self.wire.send(self.request("OPTIONS", f"sip:{host_of(to)}", f"o{next(_serial)}", 1))
        return self.final("OPTIONS").status

    def dial(self, user, to):
        """Its number, for hang_up(). ValueError with the status where it is refused."""
        call, uri = f"c{next(_serial)}", f"sip:{user}@{host_of(to)}"
        self.wire.send(self.request("INVITE", uri, call, 1, body=self.sdp()))
        m = self.final("INVITE")
        if m.status != 200:
            raise ValueError(m.first)
        target = re.search(r"<([^>]*)>", m.get("Contact")).group(1)
        tag = ";tag=" + re.search(r";tag=([^;]+)", m.get("To")).group(1)
        self.answered = m
        self.wire.send(self.request("ACK", target, call, 1, tag))
        return call, target, tag

    def hang_up(self, dialog):
        call, target, tag = dialog
        self.wire.send(self.request("BYE", target, call, 2, tag))
        return self.final("BYE").status
