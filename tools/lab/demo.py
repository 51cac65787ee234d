# SPDX-License-Identifier: Apache-2.0
"""Places calls through sluice between two telephones and shows what happened.

usage: tools/demo [--stay] [--device auto|af_packet] [--engine auto|dpdk|kernel]
  --engine kernel     media is relayed by sluice.ko: in this machine's kernel, or where that takes none, in a virtual
                      machine's
  --stay              leave everything up and say how to call and look around
  --down              end what --stay left
  --call out|in       with --stay: place a call from the PBX (out) or from the carrier (in)
  --hangup            with --stay: end it
"""
import argparse
import contextlib
import fcntl
import os
import re
import shutil
import signal
import sys
import time

from . import build, capture, guest, kernels, module, netns, phone, sluice, term, vm

PREFIX = os.environ.get("SLUICE_DEMO") or "sluice-demo"  # of the namespaces; another name for tests
FOLDER = f"/run/{PREFIX}"
PBX_USER, CARRIER_USER = "+49891234567", "+4930123456"
PBX_TONE, CARRIER_TONE = 440, 1000
PBX_DOMAIN = "pbx.corp.example"
TALK_SECONDS = 4
GUEST_SECONDS = 900
DEVICES = ("auto", "af_packet", "af_xdp")


class Verdict:
    """What has to hold, and whether it did."""

    def __init__(self):
        self.failed = []

    def check(self, ok, what):
        mark = term.paint("yes", "green") if ok else term.paint("NO ", "red", "bold")
        term.say(f"  {mark}  {what}")
        if not ok:
            self.failed.append(what)
        return ok


def clip(text, width):
    return text if len(text) <= width else text[:width - 1] + "…"


# ---- what is shown ----

def ladder(messages, t0):
    """Both legs side by side: `messages` are (leg, Message), leg 0 inside, 1 outside."""
    width = 34

    def column(message, to_right):
        text = clip(message.title(), width - 6)
        colour = "cyan" if message.is_request() else "green"
        fill = "-" * (width - 4 - len(text))
        if to_right:
            return "- " + term.paint(text, colour) + " " + fill + ">"
        return "<" + fill + " " + term.paint(text, colour) + " -"

    empty = " " * width
    term.say(f"{'seconds':>9}  {'PBX':<{width}} {'sluice':^{8}}{'carrier':>{width - 1}}")
    for leg, m in sorted(messages, key=lambda x: x[1].time):
        from_sluice = m.packet.src in (netns.Lab.INSIDE, netns.Lab.OUTSIDE)
        to_right = (leg == 0) != from_sluice
        cell = column(m, to_right)
        left, right = (cell, empty) if leg == 0 else (empty, cell)
        term.say(f"{m.time - t0:9.3f}  |{left}|sluice|{right}|")


def facts(m):
    """What a message says about who sent it."""
    return [("Call-ID", m.get("call-id")), ("From", m.get("from").split(";tag=")[0]),
            ("From tag", capture.tag(m.get("from"))), ("Via", m.get("via")),
            ("Contact", m.get("contact")), ("User-Agent", m.get("user-agent")),
            ("SDP o=", m.sdp("o")), ("SDP s=", m.sdp("s")), ("SDP c=", m.sdp("c")),
            ("SDP m=", m.sdp("m"))]


def hiding_table(sent, seen, sender, receiver):
    width = max(30, (shutil.get_terminal_size((120, 24)).columns - 14) // 2)
    term.say(f"  {'':<10}  {f'what the {sender} sent':<{width}}  what the {receiver} saw")
    for (name, a), (_, b) in zip(facts(sent), facts(seen)):
        colour = ("dim",) if a == b else ("yellow",)
        term.say(f"  {name:<10}  {clip(a or '-', width):<{width}}  "
                 + term.paint(clip(b or '-', width), *colour))


def leaks(secrets, messages):
    """Secrets of one side that are in what the other side received."""
    text = "\n".join(m.packet.data.decode("utf-8", "replace") for m in messages)
    return [s for s in secrets if s and s in text]


def secrets_of(invite, network):
    return [network, invite.get("call-id"), capture.tag(invite.get("from")),
            invite.get("via").split("branch=")[-1].split(";")[0], PBX_DOMAIN, "baresip",
            invite.sdp("o").split(" IN ")[0]]


def media_table(flow):
    term.say(f"  {'':<22}{'packets':>9}{'octets':>10}{'lost':>6}{'dropped':>9}{'jitter':>10}"
             f"  {'source':<22}state")
    for side in flow["sides"]:
        ours = side["local"].rsplit(":", 1)[0]
        who = "from the PBX" if ours == netns.Lab.INSIDE else "from the carrier"
        for kind in ("rtp", "rtcp"):
            s = side[kind]
            if kind == "rtcp" and not s["packets"]:
                continue
            term.say(f"  {who + ', ' + kind.upper():<22}{s['packets']:>9}{s['octets']:>10}"
                     f"{s['lost']:>6}{s['dropped']:>9}{s['jitter_ms']:>7.2f} ms"
                     f"  {s['source'] or '-':<22}{s['state']}")


# ---- the calls ----

class Demo:
    def __init__(self, device, engine):
        self.verdict = Verdict()
        self.lab = self.box = self.pbx = self.carrier = None
        self.device, self.engine = device, engine
        self.relay = "sluice.ko" if engine == "kernel" else "sluice-dp"

    def up(self):
        with term.step("three network namespaces: a PBX, sluice, a carrier"):
            self.lab = netns.Lab(PREFIX, folder=FOLDER)
        with term.step(f"sluiced and {self.relay}, from conf/pbx-trunk.yaml") as s:
            self.box = sluice.Sluice(self.lab, device=self.device, engine=self.engine)
            s.note = "ready"
        for network, driver, why in self.box.device():
            term.say(f"    {network:<10}{driver}" + (f"  ({why})" if why else ""))
        with term.step(f"two telephones: the PBX's plays {PBX_TONE} Hz, the carrier's "
                       f"{CARRIER_TONE} Hz"):
            self.pbx = phone.Phone(self.lab, self.lab.pbx, netns.Lab.PBX, PBX_USER, PBX_TONE,
                                   PBX_DOMAIN)
            self.carrier = phone.Phone(self.lab, self.lab.carrier, netns.Lab.CARRIER, CARRIER_USER,
                                       CARRIER_TONE)

    def call(self, outbound):
        """One call, and everything that there is to say about it."""
        names = ("PBX", "carrier") if outbound else ("carrier", "PBX")
        caller, callee = (self.pbx, self.carrier) if outbound else (self.carrier, self.pbx)
        our_side = netns.Lab.INSIDE if outbound else netns.Lab.OUTSIDE
        term.title(f"A call from the {names[0]} to the {names[1]}")
        captures = [capture.Capture(self.lab, self.lab.pbx, f"{names[0]}-inside", what="udp"),
                    capture.Capture(self.lab, self.lab.carrier, f"{names[0]}-outside", what="udp")]
        with term.step(f"{caller.user} dials {callee.user}") as s:
            t0 = time.monotonic()
            caller.dial(f"sip:{callee.user}@{our_side}")
            caller.established()
            s.note = f"answered after {1000 * (time.monotonic() - t0):.0f} ms"
            callee.established()
        with term.step(f"they talk for {TALK_SECONDS} s"):
            time.sleep(TALK_SECONDS)
            flows, calls = self.box.flows(), self.box.calls()
        term.say("".join(f"    {line}\n" for line in self.box.ctl_text("calls").split("\n")
                         if line.strip()).rstrip())
        with term.step(f"the {names[0]} hangs up"):
            caller.hang_up()
            callee.closed()
            self.box.wait_calls(0)
        time.sleep(0.2)
        for c in captures:
            c.stop()
        self.show(captures, names, flows, calls)
        self.hear(caller, callee, names)

    def show(self, captures, names, flows, calls):
        legs = [c.sip() for c in captures]
        both = [(leg, m) for leg in (0, 1) for m in legs[leg]]
        term.title("SIP: both legs")
        ladder(both, min(m.time for _, m in both))
        self.verdict.check(self.whole(legs), "each leg has its INVITE, 200, ACK, BYE and 200")
        sender, receiver = (0, 1) if names[0] == "PBX" else (1, 0)
        ours = (netns.Lab.INSIDE, netns.Lab.OUTSIDE)
        sent = next(m for m in legs[sender] if m.method() == "INVITE" and m.is_request())
        seen = next(m for m in legs[receiver] if m.method() == "INVITE" and m.is_request())
        term.title("What was hidden")
        hiding_table(sent, seen, *names)
        network = ("10.10.0.", "203.0.113.")[sender]
        received = [m for m in legs[receiver] if m.packet.src in ours]
        found = leaks(secrets_of(sent, network), received)
        self.verdict.check(not found, f"nothing of the {names[0]} is in the {len(received)} messages "
                           f"that the {names[1]} received" + (f"; leaked: {found}" if found else ""))
        self.back(legs, sender, names, ours)
        self.media(flows, calls)

    def back(self, legs, sender, names, ours):
        """The answers must hide as much as the questions."""
        answer = next(m for m in legs[1 - sender] if m.status() == 200 and m.method() == "INVITE")
        secrets = [("10.10.0.", "203.0.113.")[1 - sender], answer.get("call-id"),
                   capture.tag(answer.get("to")), answer.sdp("o").split(" IN ")[0], "baresip"]
        received = [m for m in legs[sender] if m.packet.src in ours]
        found = leaks(secrets, received)
        self.verdict.check(not found, f"nothing of the {names[1]} is in the {len(received)} messages "
                           f"that the {names[0]} received" + (f"; leaked: {found}" if found else ""))

    @staticmethod
    def whole(legs):
        def has(leg, method, status=0):
            return any(m.method() == method and m.status() == status for m in leg)
        return all(has(leg, "INVITE") and has(leg, "INVITE", 200) and has(leg, "ACK")
                   and has(leg, "BYE") and has(leg, "BYE", 200) for leg in legs)

    def media(self, flows, calls):
        term.title(f"Media, as counted by {self.relay}")
        if not self.verdict.check(len(flows) == 1 and len(calls) == 1, "one call with one stream"):
            return
        media_table(flows[0])
        for side in flows[0]["sides"]:
            rtp = side["rtp"]
            who = "PBX" if side["local"].startswith(netns.Lab.INSIDE + ":") else "carrier"
            self.verdict.check(rtp["packets"] >= TALK_SECONDS * 50 * 0.9 and rtp["lost"] <= 0,
                               f"from the {who}: {rtp['packets']} packets relayed, none lost")

    def hear(self, caller, callee, names):
        term.title("Audio, as recorded by the telephones")
        for who, other, name in ((caller, callee, names[0]), (callee, caller, names[1])):
            heard = who.heard(other.hz)
            self.verdict.check(heard.ok(TALK_SECONDS - 2), f"the {name} heard {heard}")

    def down(self):
        """Also when up() did not get far."""
        with term.step("cleaning up"):
            if self.lab:
                self.lab.close()
            for role in netns.Lab.ROLES:
                netns.remove(f"{PREFIX}-{role}")
            shutil.rmtree(FOLDER, ignore_errors=True)


# ---- --stay and what goes with it ----

STAY = """
Everything is up. To look around:

  {ctl} status | calls | flows | drops | trunks
  {ctl} call show ID
  ip netns exec {prefix}-carrier tcpdump -n -i eth0 -A udp port 5060     (what the carrier sees)
  ip netns exec {prefix}-pbx     tcpdump -n -i eth0 -A udp port 5060     (what the PBX sees)
  {folder}/sluice.yaml, {folder}/*.log

To call:

  {demo} --call out      the PBX calls the carrier
  {demo} --call in       the carrier calls the PBX
  {demo} --hangup

To end it:

  {demo} --down
"""


def say_stay():
    me = os.path.relpath(os.path.join(build.ROOT, "tools/demo"))
    term.say(STAY.format(ctl=f"{build.program('sluicectl')} --socket {FOLDER}/run/control.sock",
                         prefix=PREFIX, folder=FOLDER, demo=me))


def down(quiet=False):
    there = [r for r in netns.Lab.ROLES if netns.exists(f"{PREFIX}-{r}")]
    if not there and not os.path.exists(FOLDER):
        if not quiet:
            term.say("Nothing is up.")
        return
    with term.step("ending the demo that was left up"):
        for role in netns.Lab.ROLES:
            netns.remove(f"{PREFIX}-{role}")
        shutil.rmtree(FOLDER, ignore_errors=True)


def control_of(role):
    if not netns.exists(f"{PREFIX}-{role}"):
        sys.exit("tools/demo: nothing is up; start it with tools/demo --stay")
    return phone.Control(f"{PREFIX}-{role}")


def by_hand(o):
    if o.hangup:
        for role in ("pbx", "carrier"):
            c = control_of(role)
            c.command("hangup")
            c.close()
        return 0
    role, uri = (("pbx", f"sip:{CARRIER_USER}@{netns.Lab.INSIDE}") if o.call == "out" else
                 ("carrier", f"sip:{PBX_USER}@{netns.Lab.OUTSIDE}"))
    c = control_of(role)
    c.command("dial", uri)
    ok = c.wait("CALL_ESTABLISHED", 10) is not None
    c.close()
    term.say("The call is up; `tools/demo --hangup` ends it." if ok else "No answer.")
    return 0 if ok else 1


def options(argv):
    a = argparse.ArgumentParser(prog="tools/demo", description=__doc__.split("\n", 1)[0])
    a.add_argument("--stay", action="store_true", help="leave everything up, say how to look around")
    a.add_argument("--device", choices=DEVICES, default="auto", help="how packets come in")
    a.add_argument("--engine", choices=sluice.ENGINES, default=sluice.ENGINE,
                   help="what relays the media: sluice-dp (dpdk) or sluice.ko (kernel; where this machine's kernel "
                        "takes none, all runs in a virtual machine)")
    a.add_argument("--down", action="store_true", help="end what --stay left")
    a.add_argument("--call", choices=("out", "in"), help="with --stay: place a call")
    a.add_argument("--hangup", action="store_true", help="with --stay: end the call")
    return a.parse_args(argv)


def lock():
    """Two demos would take each other's namespaces away. Held until this process ends."""
    f = open(f"{FOLDER}.lock", "w")
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("tools/demo: another one is running here; wait for its end")
    return f


def play(o):
    demo, stay, t0 = Demo(o.device, o.engine), False, time.monotonic()
    held = lock()
    try:
        build.build()
        term.title("A trunk between a PBX and a carrier")
        down(quiet=True)
        demo.up()
        demo.call(outbound=True)
        demo.call(outbound=False)
        stay = o.stay
    finally:
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)  # cleaning up is not interrupted
        if not stay:
            term.say()
            demo.down()
        os.unlink(held.name)
        held.close()
    failed = demo.verdict.failed
    term.title(f"{time.monotonic() - t0:.0f} s")
    for what in failed:
        term.say(f"  {term.paint('did not hold', 'red')}: {what}")
    if not failed:
        term.say(term.paint("  All of it held.", "green"))
    if stay:
        say_stay()
    return 1 if failed else 0


def said_inside(line):
    if m := re.match(r"# up after ([\d.]+) s: (.*)", line):
        term.say(f"  It is up: {m[2]}, after {float(m[1]):.0f} s.")
    elif not re.match(r"# (down after|vm:)", line):
        term.say(line)


def in_guest(o, why):
    """The same in a virtual machine, whose kernel has the module."""
    if o.stay:
        raise RuntimeError(f"this machine's kernel does not have sluice.ko ({why}), and what is in a virtual machine "
                           "cannot stay: --stay goes with --engine dpdk, or with a kernel that has it")
    guest.need()
    build.build("", what=("control/sluiced", "tools/sluicectl/sluicectl"))
    term.say(f"  This machine's kernel does not have sluice.ko: {why}.")
    term.say(f"  So all of it runs in a virtual machine: Debian's Linux {guest.KERNEL} in QEMU, on this machine's files.")
    term.say("  Its processor is software: that takes a minute or two, and times are not what they would be.")
    return guest.run(["/usr/bin/python3", "-B", "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); "
                      "from lab import demo; sys.exit(demo.main(sys.argv[1:]))", os.path.join(build.ROOT, "tools"),
                      "--engine", "kernel"], GUEST_SECONDS, say=said_inside)


def play_in_kernel(o):
    try:
        loaded = module.load()
    except module.ModuleError as e:
        return in_guest(o, e)
    if loaded:
        term.say("  sluice.ko is loaded into this machine's kernel")
    try:
        return play(o)
    finally:
        if loaded and not o.stay and (why := module.unload()):
            term.say(f"  sluice.ko stays in this machine's kernel: {why}")


def main(argv):
    o = options(argv)
    build.need_root()
    if o.down:
        down()
        return 0
    if o.call or o.hangup:
        return by_hand(o)

    def interrupted(number, _frame):
        raise KeyboardInterrupt(number)
    signal.signal(signal.SIGTERM, interrupted)
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGHUP, interrupted)
    try:
        return play_in_kernel(o) if o.engine == "kernel" and not guest.inside() else play(o)
    except KeyboardInterrupt as e:
        term.say(term.paint("interrupted", "yellow"))
        return 128 + (e.args[0] if e.args else signal.SIGINT)
    except (build.BuildError, guest.GuestError, kernels.KernelError, vm.VmError, RuntimeError, TimeoutError,
            EOFError) as e:
        term.say(term.paint(f"tools/demo: {e}", "red"))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
