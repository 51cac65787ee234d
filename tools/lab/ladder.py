# SPDX-License-Identifier: Apache-2.0
"""sipp as one party of a call, from a ladder: what it sends and hears, a line a message.

  -> INVITE 0301234 sdp        a request that is sent; a number only where it is the first INVITE
  -> 183 sdp rel tag=x         a response, to the last request of its method that was heard (to=UPDATE: to that one)
  <- 200 sdp=sendonly          what must come next; with ? behind the name, what may come
  wait 300                     ms in which nothing may come
  within 5000                  ms for what is awaited from here on
  stop                         until the test says Party.go()
      | Header: value          one more in the message above, or | text of its body, after | (an empty line)
      ~ regexp, !~ regexp      what must be, and must not be, in the message that was heard

Words: sdp, sdp=KIND+KIND... (sdp() below; of what is heard: the direction or the kind), nosdp, rel (a reliable 18x),
tag=x (whose To tag), to=METHOD, supports=, requires=, allows=, new (only of ACK: of another INVITE than the last)."""
import os
import re
import socket
from xml.sax import saxutils

from . import netns, sipp

ME = {"pbx": '"Alice Example" <sip:+49891234567@pbx.corp.example;user=phone>',
      "carrier": "<sip:+49305550100@[local_ip]>"}
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
AUDIO = {"pcma": "8 101", "pcmu": "0 101", "both": "8 0 101"}
WAIT_MS = 8000
ANSWERED = """
<- INVITE sdp
-> 180
-> 200 sdp
<- ACK
"""


def up(invite):
    """The other end of ANSWERED: this INVITE is sent, and when the call is up it is the test's turn."""
    return f"""
{invite}
<- 100?
<- 180
<- 200 sdp
-> ACK
stop
"""


def sdp(kinds, port, version):
    """The body: a direction, zero (c=0.0.0.0), pcmu, both, bare (no telephone-event), t38; audio otherwise."""
    address = "0.0.0.0" if "zero" in kinds else "[media]"
    lines = ["v=0", f"o=- 4711 {version} IN IP4 [media]", "s=-", f"c=IN IP4 {address}", "t=0 0"]
    if "t38" in kinds:
        return [*lines, f"m=image {port} udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:14400",
                "a=T38FaxRateManagement:transferredTCF", "a=T38FaxMaxDatagram:400",
                "a=T38FaxUdpEC:t38UDPRedundancy"]
    formats = next((f for k, f in AUDIO.items() if k in kinds), AUDIO["both"])
    if "bare" in kinds:
        formats = formats.replace(" 101", "")
    lines.append(f"m=audio {port} RTP/AVP {formats}")
    names = {"8": "PCMA/8000", "0": "PCMU/8000", "101": "telephone-event/8000"}
    lines += [f"a=rtpmap:{f} {names[f]}" for f in formats.split(" ")]
    if "101" in formats:
        lines.append("a=fmtp:101 0-16")
    return [*lines, "a=ptime:20", *(f"a={d}" for d in DIRECTIONS if d in kinds)]


class Words:
    def __init__(self, text):
        self.sdp, self.flags, self.values, self.number = None, set(), {}, None
        for word in text.split():
            name, is_value, value = word.partition("=")
            if name == "sdp":
                self.sdp = value.split("+") if is_value else []
            elif is_value:
                self.values[name] = value
            elif word.isdigit():
                self.number = word
            else:
                self.flags.add(word)

    def get(self, name, default=None):
        return self.values.get(name, default)


class Writer:
    """The XML of one ladder, or of several that begin with an INVITE to different numbers."""

    def __init__(self, who, ladder, port):
        self.who, self.port, self.out, self.variables = who, port, [], set()
        self.stops, self.labels = 0, 0
        roles = ladder if isinstance(ladder, dict) else {"": ladder}
        steps = {number: self._steps(text) for number, text in roles.items()}
        self.client = next(iter(steps.values()))[0][0].startswith("-> ")
        self._begin()
        if len(steps) == 1:
            self._play(next(iter(steps.values())))
        else:
            self._branches(steps)

    @staticmethod
    def _steps(text):
        """[(line, [what stands below it])]"""
        steps = []
        for line in text.strip("\n").split("\n"):
            line = line.strip()
            if line.startswith(("|", "~", "!~")):
                steps[-1][1].append(line)
            elif line and not line.startswith("#"):
                steps.append((line, []))
        return steps

    def _begin(self):
        self.version, self.body, self.cseq, self.branch, self.rseq = 1, None, 0, 0, 0
        self.invite, self.final, self.heard, self.confirmed, self.limit = None, 0, "INVITE", False, WAIT_MS

    def _branches(self, steps):
        """The first line of each is the INVITE; it is one for all."""
        first, *others = steps
        self._hear("INVITE", Words(""), [], [(self._label(), n) for n in others])
        self._play(steps[first][1:])
        end = self._label()
        self.out.append(f'<nop next="{end}"/>')
        for label, number in zip(range(1, end), others):
            self._begin()
            self.confirmed, self.port = True, self.port + 2  # each its own media
            self.out.append(f'<label id="{label}"/>')
            self._play(steps[number][1:])
            self.out.append(f'<nop next="{end}"/>')
        self.out += [f'<label id="{end}"/>', "<nop/>"]

    def _label(self):
        self.labels += 1
        return self.labels

    def _play(self, steps):
        for line, below in steps:
            arrow, _, rest = line.partition(" ")
            name, _, words = rest.partition(" ")
            if arrow == "wait":
                self.out.append(f'<pause milliseconds="{rest}"/>')
            elif arrow == "within":
                self.limit = int(rest)
            elif arrow == "stop":
                self.stops += 1
                self.out += [f'<nop><action><exec command="echo [call_id] > stop.{self.stops}"/></action></nop>',
                             '<recv request="MESSAGE" timeout="60000"/>']
            elif arrow == "<-":
                self._hear(name, Words(words), below)
            elif name.isdigit():
                self._respond(name, Words(words), below)
            else:
                self._request(name, Words(words), below)

    # ---- heard ----

    def _hear(self, name, words, below, numbers=()):
        optional = name.endswith("?")
        name = name.rstrip("?")
        request = not name.isdigit()
        actions = []
        if request:
            actions += [self._header("Via", f"via{name}"), self._header("CSeq", f"cseq{name}")]
            self.heard = name
        of_invite = request and name == "INVITE" or not request and words.get("to", "INVITE") == "INVITE"
        if of_invite and (request or int(name) > 100):
            actions.append(self._header("From" if request else "To", "peer"))
            if request or int(name) < 300:
                actions.append(self._grab("sip:[^>]*", "uri", 'search_in="hdr" header="Contact:"'))
        if request and name == "INVITE" and not self.client and not self.confirmed:
            actions.append(self._header("To", "us"))
            self.confirmed = True
        if not request and "to" in words.values:
            actions.append(self._wanted(f"CSeq: [0-9]+ {words.get('to')}"))
        if not request and of_invite and int(name) >= 200:
            self.final = int(name)
            self.confirmed = self.confirmed or self.final < 300
        if "rel" in words.flags:
            actions += [self._header("RSeq", "rseq"), self._wanted("100rel")]
        for number in numbers:
            actions.append(self._grab(f"^INVITE sip:.?{number[1]}@", f"is{number[0]}", 'search_in="msg"'))
        if "nosdp" in words.flags:
            actions.append(self._wanted("m=", True))
        if words.sdp is not None:
            actions += [self._wanted({"t38": "m=image [1-9]"}.get(k, f"a={k}" if k in DIRECTIONS else k))
                        for k in words.sdp] or [self._wanted("m=audio [1-9]")]
        for line in below:
            mark, _, pattern = line.partition(" ")
            actions.append(self._wanted(pattern, mark == "!~"))
        kind = f'request="{name}"' if request else f'response="{name}"'
        tests = f' next="{numbers[0][0]}" test="is{numbers[0][0]}"' if numbers else ""
        how = ' optional="true"' if optional else f' timeout="{self.limit}"'
        self.out.append(f"<recv {kind}{how}{tests}><action>{''.join(actions)}</action></recv>")

    def _grab(self, pattern, variable, where, more=""):
        self.variables.add(variable)
        return f'<ereg regexp={saxutils.quoteattr(pattern)} {where} assign_to="{variable}"{more}/>'

    def _header(self, name, variable):
        return self._grab(".*", variable, f'search_in="hdr" header="{name}:"')

    def _wanted(self, pattern, inverse=False):
        return self._grab(pattern, "junk", 'search_in="msg"',
                          ' check_it_inverse="true"' if inverse else ' check_it="true"')

    # ---- sent ----

    def _body(self, words):
        """The version of the origin rises when the rest is another."""
        now = sdp(words.sdp, self.port, 0)
        if self.body not in (None, now):
            self.version += 1
        self.body = now
        return sdp(words.sdp, self.port, self.version)

    def _local(self, words):
        if self.client:
            return f"{ME[self.who]};tag=[pid]a[call_number]"
        return f"[$us];tag=[pid]{words.get('tag', 'b')}[call_number]"

    def _send(self, first, headers, words, below, more=""):
        below = [line[1:].strip() for line in below]
        split = below.index("") if "" in below else len(below)
        headers += [f"{h}: {words.get(w)}" for w, h in (("supports", "Supported"), ("requires", "Require"),
                                                        ("allows", "Allow")) if words.get(w)]
        if not any(line.startswith("Contact:") for line in below[:split]):
            headers.append("Contact: <sip:line7@[local_ip]:[local_port]>")
        headers += below[:split]
        body = below[split + 1:]
        if words.sdp is not None:
            body = self._body(words)
            headers.append("Content-Type: application/sdp")
        text = "\n".join([first, *headers, "Content-Length: [len]", "", *body])
        self.out.append(f"<send{more}><![CDATA[\n{text}\n{'' if body else chr(10)}]]></send>")

    def _request(self, name, words, below):
        uri, to, again = "[$uri]", "[$peer]", name in ("ACK", "CANCEL")
        refused = name == "ACK" and self.final >= 300
        if not self.confirmed or name == "CANCEL":
            uri, to = f"sip:{self.number_of(name, words)}@[remote_ip]:[remote_port]", to
            if name in ("INVITE", "CANCEL"):
                to = f"<sip:{self.number}@[remote_ip]>"
        if name in ("PRACK", "UPDATE", "BYE") and not self.confirmed:
            uri = "[$uri]"  # of an early dialog
        if not again:
            self.cseq += 1
        if name == "INVITE":
            self.invite, self.final = self.cseq, 0
        if not (refused or name == "CANCEL"):
            self.branch += 1
            if name == "INVITE":
                self.invite_branch = self.branch
        branch = self.invite_branch if refused or name == "CANCEL" else self.branch
        number = self.invite if again else self.cseq
        headers = [f"Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-{branch};rport",
                   "Max-Forwards: 70", f"From: {self._local(words)}", f"To: {to}", "Call-ID: [call_id]",
                   f"CSeq: {number} {name}"]
        if name == "PRACK":
            headers.append(f"RAck: [$rseq] {self.invite} INVITE")
        self._send(f"{name} {uri} SIP/2.0", headers, words, below, "" if name == "ACK" else ' retrans="500"')

    def number_of(self, name, words):
        if name == "INVITE" and words.number:
            self.number = words.number
        return self.number

    def _respond(self, status, words, below):
        method = words.get("to", self.heard)
        headers = [f"Via: [$via{method}]", "From: [$peer]", f"To: {self._local(words)}", "Call-ID: [call_id]",
                   f"CSeq: [$cseq{method}]"]
        if "rel" in words.flags:
            self.rseq += 1
            headers += ["Require: 100rel", f"RSeq: {self.rseq}"]
        retrans = method == "INVITE" and int(status) >= 200
        self._send(f"SIP/2.0 {status} x", headers, words, below, ' retrans="500"' if retrans else "")

    def xml(self):
        return "\n".join(['<?xml version="1.0" encoding="ISO-8859-1"?>', '<scenario name="ladder">', *self.out,
                          f'<Reference variables="{",".join(sorted(self.variables))}"/>', "</scenario>", ""])


class Role:
    """Whose media it is."""

    def __init__(self, who, ns, address, port):
        self.who, self.ns, self.media = who, ns, (address, port)


class Party(sipp.Sipp):
    """One sipp with a ladder. `calls`: how many calls it has to see, all of them well."""

    def __init__(self, lab, who, ladder, calls=1, port=5060, media_port=30000, more=()):
        self.lab, self.who, self.calls, self.stopped, self.port = lab, who, calls, 0, port
        self.ns, self.ip, ours = {"pbx": (lab.pbx, lab.PBX, lab.INSIDE),
                                  "carrier": (lab.carrier, lab.CARRIER, lab.OUTSIDE)}[who]
        writer = Writer(who, ladder, media_port)
        self.client, name = writer.client, f"{who}-{port}-{len(lab.processes)}"
        path = lab.path(name + ".xml")
        with open(path, "w") as f:
            f.write(writer.xml())
        self.media = (self.ip[:-1] + "1", media_port)
        self.roles = [Role(who, self.ns, self.media[0], media_port + 2 * i)
                      for i in range(len(ladder) if isinstance(ladder, dict) else 1)]
        super().__init__(lab, self.ns, path[:-4], self.ip, *([f"{ours}:5060"] if self.client else []), "-m",
                         str(calls), "-trace_msg", "-message_file", lab.path(name + ".messages"),
                         "-key", "ours", ours, *more, port=port, media=self.media[0], name=name)
        self.messages = lab.path(name + ".messages")
        if not self.client:
            netns.wait_for("sipp to listen", self._listening, 5)

    def _listening(self):
        if not self.process.running():
            raise RuntimeError(self.process.text() + self.errors())
        return f"{self.ip}:{self.port}" in self.ns.run("ss", "-Hnlu").stdout

    def _at(self, path):
        if not self.process.running():
            raise AssertionError(f"{self.who} ended before its stop {self.stopped}: {self.errors()}\n{self.ladder()}")
        try:
            with open(path) as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""

    def at_stop(self, seconds=10):
        """Until it has come to its next stop."""
        self.stopped += 1
        self.call_id = netns.wait_for(f"{self.who} at stop {self.stopped}", lambda: self._at(
            os.path.join(self.folder, f"stop.{self.stopped}")), seconds, 0.01)
        return self

    def go(self):
        text = (f"MESSAGE sip:x@{self.ip} SIP/2.0\r\nVia: SIP/2.0/UDP {self.ip}:9;branch=z9hG4bKgo{self.stopped}\r\n"
                f"From: <sip:test@{self.ip}>;tag=go\r\nTo: <sip:x@{self.ip}>\r\nCall-ID: {self.call_id}\r\n"
                f"CSeq: {1000 + self.stopped} MESSAGE\r\nContent-Length: 0\r\n\r\n")
        with self.ns.inside():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.sendto(text.encode(), (self.ip, self.port))

    def said(self):
        try:
            with open(self.messages, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def ladder(self):
        """What was really said and heard, for people."""
        found = re.findall(r"UDP message (sent|received)[^\n]*\n\n([^\n]*)(.*?)(?=\n-{20}|\Z)", self.said(), re.S)
        lines = []
        for what, first, rest in found:
            cseq = re.search(r"(?m)^CSeq: *(.*)", rest)
            sdp = " ".join(re.findall(r"(?m)^[cm]=.*|^a=(?:sendrecv|sendonly|recvonly|inactive)", rest))
            lines.append(f"  {'->' if what == 'sent' else '<-'} {first} ({cseq and cseq[1]}) {sdp}")
        return "\n".join(lines)

    def tags(self):
        """(Call-ID, ours, theirs) of the last dialog, once the other party has a tag."""
        text = self.said()
        return [self.call_id, *(re.findall(rf"(?m)^{h}: .*;tag=([^\s;]+)", text)[-1] for h in ("From", "To"))]

    def done(self):
        """Whether its calls are over; all of them were as its ladder says."""
        if self.process.running():
            return False
        status = self.process.popen.returncode
        assert status == 0 and self.failed == 0, (
            f"{self.who}: sipp ended with {status}\n{self.errors()}\n{self.ladder()}")
        return True
