# SPDX-License-Identifier: Apache-2.0
"""tools/bench attack: a stranger sprays RTP and RTCP over the whole range of media ports, before and during calls; and
telephones whose NAT gives them a new port in the middle of a call, under the same attack."""
import contextlib
import json
import subprocess
import time

from . import build, netns, relays, term

RATE = 100000        # packets/s of the attack
CALLS, LEGITIMATE = 200, 20000
REBINDS = 200
STRANGER = "198.51.100.2"


class Stranger:
    """A namespace behind the carrier's router: its packets reach the outside of the sbc, and what the sbc would send to
    it comes back."""

    def __init__(self, rig):
        lab = rig.lab
        self.rig, self.name = rig, f"{lab.prefix}-stranger"
        self.ns = netns.Namespace(self.name)
        try:
            netns.veth(lab.carrier, "eth1", self.ns, "eth0", rig.threaded)
            lab.carrier.ip("addr", "add", "198.51.100.1/24", "dev", "eth1")
            lab.carrier.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                            "net.ipv4.conf.eth1.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0")
            self.ns.ip("addr", "add", f"{STRANGER}/24", "dev", "eth0")
            self.ns.ip("route", "add", "default", "via", "198.51.100.1")
            lab.sbc.ip("route", "replace", "default", "via", netns.Lab.CARRIER)
            # A relay's answer to a stranger would need its neighbour: the router's is known beforehand.
            lab.sbc.run("ping", "-c1", "-W1", netns.Lab.CARRIER, check=False)
        except BaseException:
            self.close()
            raise

    def spray(self, seconds):
        """Begins; result() waits for it."""
        self.out = self.rig.lab.path("spray.json")
        self.popen = subprocess.Popen(
            [build.program("sluice-bench", self.rig.suffix), "spray", "--a", f"{STRANGER}@{self.name}", "--target",
             f"{netns.Lab.OUTSIDE}:{relays.PORT_FIRST}", "--target-ports", str(relays.PORTS), "--rate", str(RATE),
             "--seconds", str(seconds), "--json", self.out], stdout=subprocess.DEVNULL)

    def result(self):
        if self.popen.wait(120):
            raise RuntimeError("the attack failed")
        with open(self.out) as f:
            return json.load(f)

    def close(self):
        with contextlib.suppress(AttributeError, ProcessLookupError):
            self.popen.kill()
            self.popen.wait(5)
        netns.remove(self.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _calls(rig, seconds):
    words = ["latency", "--calls", str(CALLS), "--rate", str(LEGITIMATE), "--seconds", str(seconds)]
    return rig.bench(*words, say=lambda line: term.say("  " + line))["latency"][0]


def _loss(trial):
    return trial["lost"] / max(trial["sent"], 1)


def _spray(f, suffix, seconds, kind="sluice-xdp"):
    """Of a peer there are no targets; its figures say whether the attack is one."""
    end = "" if kind == "sluice-xdp" else ".peer"
    with relays.Rig(kind, suffix=suffix) as rig, Stranger(rig) as stranger:
        term.say("calls alone:")
        quiet = _calls(rig, seconds)
        stranger.spray(seconds + 4)
        time.sleep(1)  # every port is tried before its call is there
        term.say(f"the same under attack, {RATE} packets/s:")
        loud = _calls(rig, seconds)
        attack = stranger.result()
    f.add("attack.rate" + end, attack["sent"] / attack["seconds"], "packets/s")
    f.add("attack.injected" + end, loud["foreign"] + loud["corrupt"], "packets", None if end else 0)
    f.add("attack.sent_to_attacker" + end, attack["came_back"], "packets", None if end else 0)
    f.add("attack.loss_without" + end, _loss(quiet), "share")
    f.add("attack.loss" + end, _loss(loud), "share", None if end else 0.0001)
    f.add("attack.latency.p99" + end, loud["latency_us"]["p99"], "us")


def _rebind(f, suffix, silence):
    with relays.Rig("sluice-xdp", suffix=suffix) as rig, Stranger(rig) as stranger:
        stranger.spray(silence / 1000 + 7)
        got = rig.bench("rebind", "--calls", str(REBINDS), "--ports", "50", "--silence", str(silence),
                        say=lambda line: term.say("  " + line))
        attack = stranger.result()
    f.add("rebind.relatched", got["moved"] / got["calls"], "share", at_least=0.99)
    f.add("rebind.gap.p50", got["gap_us"]["p50"] / 1000, "ms", 350)
    f.add("rebind.sent_to_attacker", attack["came_back"], "packets", 0)


def bench(figures, options, suffix):
    seconds = 3 if options.quick else 15
    _spray(figures, suffix, seconds)
    if options.peers:
        _spray(figures, suffix, seconds, "rtpengine")
    _rebind(figures, suffix, 1000 if options.quick else 5000)
