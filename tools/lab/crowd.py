# SPDX-License-Identifier: Apache-2.0
"""Many calls at once over UDP, between two telephones that do what a test wants at the moment it wants: for races.
One thread, one socket a side. Requests and final answers are sent again until they are answered, as RFC 3261 says."""
import heapq
import itertools
import re
import selectors
import socket
import time

from .agent import SDP, Message

T1, GIVE_UP = 0.1, 64 * 0.1
_serial = itertools.count(1)


def between(text, pattern):
    found = re.search(pattern, text)
    return found.group(1) if found else ""


class Leg:
    """One side of one call: its dialog, what it heard, what is not answered yet."""

    def __init__(self, crowd, side, call_id, local, remote, target):
        self.crowd, self.side, self.call_id, self.local, self.remote = crowd, side, call_id, local, remote
        self.target, self.cseq, self.call, self.cancelled = target, 0, None, False
        self.waiting = {}      # branch -> (method, text) of requests without a final answer
        self.replies = {}      # (branch, method) of requests that came -> what a retransmission of them gets
        self.unconfirmed = {}  # CSeq number -> text of a final answer to INVITE without its ACK
        self.acks = {}         # CSeq number -> (the ACK, the answer that it is for)
        self.finals = []       # (method, status), one for each answer that is no retransmission
        self.requests = []     # methods of requests that are no retransmissions
        self.lost = []         # what was never answered

    def _text(self, first, headers, body=""):
        if body:
            headers.append("Content-Type: application/sdp")
        return "\r\n".join([first, *headers, f"Contact: <sip:x@{self.side.ip}:5060>", f"Content-Length: {len(body)}", "",
                            body])

    def sdp(self, more=""):
        return SDP.format(kind="IP4", media=self.side.ip, port=20000) + more

    # ---- requests ----

    def request(self, method, body="", target=None):
        """Sends it until it is answered; the branch."""
        self.cseq += 1
        branch = f"z9hG4bKr{next(_serial)}"
        text = self._text(f"{method} {target or self.target} SIP/2.0", self._headers(method, branch, self.cseq), body)
        if method == "INVITE":
            self.invite = (branch, self.cseq, target or self.target)
        self.waiting[branch] = (method, text)
        self._again(branch, T1, time.monotonic() + GIVE_UP)
        return branch

    def _headers(self, method, branch, number):
        return [f"Via: SIP/2.0/UDP {self.side.ip}:5060;branch={branch};rport", "Max-Forwards: 70",
                f"From: {self.local}", f"To: {self.remote}", f"Call-ID: {self.call_id}", f"CSeq: {number} {method}"]

    def _again(self, branch, after, end):
        if branch not in self.waiting:
            return
        if time.monotonic() > end:
            self.lost.append(self.waiting.pop(branch)[0])
            return
        self.side.send(self.waiting[branch][1])
        self.crowd.later(after, lambda: self._again(branch, min(2 * after, 0.8), end))

    def cancel(self):
        """Once, whatever it hears again."""
        branch, number, target = self.invite
        if self.cancelled:
            return
        self.cancelled = True
        text = self._text(f"CANCEL {target} SIP/2.0", self._headers("CANCEL", branch, number))
        self.waiting[branch + "c"] = ("CANCEL", text)
        self._again(branch + "c", T1, time.monotonic() + GIVE_UP)

    def _ack(self, m, number):
        """For 2xx a transaction of its own, for others that of the INVITE."""
        branch = f"z9hG4bKr{next(_serial)}" if m.status < 300 else between(m.get("Via"), r"branch=([^;]+)")
        headers = self._headers("ACK", branch, number)
        headers[3] = f"To: {m.get('To')}"
        target = self.target if m.status < 300 else self.invite[2]
        self.acks[number] = self._text(f"ACK {target} SIP/2.0", headers), (m.status, m.get("To"))
        self.side.send(self.acks[number][0])

    def response(self, m):
        number, method = m.get("CSeq").split()
        branch = between(m.get("Via"), r"branch=([^;]+)") + ("c" if method == "CANCEL" else "")
        known = self.waiting.get(branch)
        if method == "INVITE" and 100 < m.status < 300:
            self.remote = m.get("To")
            self.target = between(m.get("Contact"), r"<([^>]*)>") or self.target
        if known and m.status < 200:
            if method == "INVITE":  # not sent again any more, but still awaited
                self.waiting[branch] = (method, "")
        elif known:
            del self.waiting[branch]
            self.finals.append((method, m.status))
        if method == "INVITE" and m.status >= 200:
            ack, of = self.acks.get(int(number), (None, None))
            if ack:
                self.side.send(ack)
                if of != (m.status, m.get("To")):
                    self.finals.append((method, m.status))  # another one: the test will see it
                return
            self._ack(m, int(number))
        if self.call and (known or m.status < 200):
            self.call.heard(self, m)

    # ---- answers ----

    def reply(self, m, status, body=""):
        number, method = m.get("CSeq").split()
        to = m.get("To")
        to += "" if ";tag=" in to else ";" + between(self.local, r";(tag=.*)$")
        text = self._text(f"SIP/2.0 {status} x", [f"Via: {m.get('Via')}", f"From: {m.get('From')}", f"To: {to}",
                                                  f"Call-ID: {self.call_id}", f"CSeq: {number} {method}"], body)
        if status >= 200 and method == "INVITE":
            self.unconfirmed[int(number)] = text
            self._confirm(int(number), T1, time.monotonic() + GIVE_UP)
            return
        self.replies[between(m.get("Via"), r"branch=([^;]+)"), method] = text
        self.side.send(text)

    def _confirm(self, number, after, end):
        if number not in self.unconfirmed:
            return
        if time.monotonic() > end:
            self.lost.append(f"ACK of {self.unconfirmed.pop(number)[8:11]}")
            return
        self.side.send(self.unconfirmed[number])
        self.crowd.later(after, lambda: self._confirm(number, min(2 * after, 0.8), end))

    def incoming(self, m):
        number, method = m.get("CSeq").split()
        key = between(m.get("Via"), r"branch=([^;]+)"), method
        if method == "ACK":
            if self.unconfirmed.pop(int(number), None):
                self.requests.append("ACK")
                self.call.heard(self, m)
        elif key in self.replies:
            self.side.send(self.replies[key])
        else:
            self.replies[key] = ""
            self.requests.append(method)
            self.call.heard(self, m)


class Side:
    def __init__(self, crowd, who, ns, ip, peer):
        self.crowd, self.who, self.ip, self.peer, self.legs = crowd, who, ip, peer, {}
        with ns.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((ip, 5060))
        self.socket.setblocking(False)

    def send(self, text):
        if text:
            self.socket.sendto(text.encode(), (self.peer, 5060))

    def read(self):
        while True:
            try:
                m = Message(self.socket.recv(65536).decode())
            except BlockingIOError:
                return
            leg = self.legs.get(m.get("Call-ID"))
            if m.status:
                if leg:
                    leg.response(m)
            elif leg:
                leg.incoming(m)
            elif m.method == "INVITE":
                self._new(m)

    def _new(self, m):
        tag = f"b{next(_serial)}"
        leg = Leg(self.crowd, self, m.get("Call-ID"), m.get("To") + f";tag={tag}", m.get("From"),
                  between(m.get("Contact"), r"<([^>]*)>"))
        self.legs[leg.call_id] = leg
        leg.call = self.crowd.calls[between(m.first, r"sip:([^@;]+)@")]
        leg.call.callee = leg
        leg.incoming(m)


class Crowd:
    """Its calls are objects with heard(leg, message), and get `caller` and `callee`, their legs."""

    def __init__(self, lab):
        self.timers, self.calls, self.order = [], {}, itertools.count()
        self.sides = [Side(self, "pbx", lab.pbx, lab.PBX, lab.INSIDE),
                      Side(self, "carrier", lab.carrier, lab.CARRIER, lab.OUTSIDE)]
        self.selector = selectors.DefaultSelector()
        for s in self.sides:
            self.selector.register(s.socket, selectors.EVENT_READ, s)

    def later(self, seconds, what):
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), what))

    def dial(self, side, number, call):
        leg = Leg(self, side, f"r{next(_serial)}", f"<sip:+4989555@{side.ip}>;tag=a{next(_serial)}",
                  f"<sip:{number}@{side.peer}>", f"sip:{number}@{side.peer}")
        leg.call = call
        call.caller = leg
        side.legs[leg.call_id], self.calls[number] = leg, call
        leg.request("INVITE", leg.sdp())

    def run(self, seconds, until):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2]()
            wait = self.timers[0][0] - now if self.timers else 0.05
            for key, _ in self.selector.select(max(0, min(wait, 0.05))):
                key.data.read()

    def close(self):
        for s in self.sides:
            s.socket.close()
        self.selector.close()
