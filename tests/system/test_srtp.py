# SPDX-License-Identifier: Apache-2.0
"""Calls of real telephones with SRTP (keys in SDP) on one side or both, the sound checked at both ends, and on the wire
nothing that could be listened to."""
import re
import time

import pytest

from lab import capture, netns, phone, sluice

from conftest import TONES, USERS

MODULE = "module srtp.so\n"
SIDES = {"pbx": (netns.Lab.PBX, "pbx.corp.example"), "carrier": (netns.Lab.CARRIER, None)}


def conf(**options):
    """conf/pbx-trunk.yaml with more for its trunks."""
    with open(sluice.EXAMPLE) as f:
        text = f.read()
    for trunk, more in options.items():
        text, n = re.subn(rf"(?m)^(  {trunk}: {{.*) }}$", rf"\1, {more} }}", text)
        assert n == 1
    return text


def telephone(lab, who, account=""):
    ip, domain = SIDES[who]
    return phone.Phone(lab, getattr(lab, who), ip, USERS[who], TONES[who], domain,
                       more=MODULE if account else "", account=account)


def talk(box, caller, callee, our_side, seconds=3):
    caller.dial(f"sip:{callee.user}@{our_side}")
    caller.established()
    callee.established()
    time.sleep(seconds)
    flow, = box.flows()
    return flow


def both_hear(one, other):
    for who, what in ((one, other), (other, one)):
        heard = who.heard(what.hz)
        assert heard.ok(1.5), f"{who.user}: {heard}"


# What the telephones have, what sluice is told of their trunks, and who calls.
CALLS = {
    "one side": ({"carrier": ";mediaenc=srtp-mand"}, {"carrier": "srtp: require"}, "pbx"),
    "the other side": ({"pbx": ";mediaenc=srtp-mand"}, {"pbx": "srtp: require"}, "pbx"),
    "both": ({"pbx": ";mediaenc=srtp-mand", "carrier": ";mediaenc=srtp-mand"},
             {"pbx": "srtp: require", "carrier": "srtp: require"}, "carrier"),
    "another suite": ({"pbx": ";mediaenc=srtp-mand", "carrier": ";mediaenc=srtp-mand"},
                      {"pbx": "srtp: require, srtp-suites: [AES_CM_128_HMAC_SHA1_32]",
                       "carrier": "srtp: require, srtp-suites: [AES_CM_128_HMAC_SHA1_80]"}, "carrier"),
    "where it can be": ({"carrier": ";mediaenc=srtp"}, {"pbx": "srtp: offer", "carrier": "srtp: offer"},
                        "pbx"),
}


USUAL = ("one side", "both")


@pytest.mark.parametrize("name", [name if name in USUAL else pytest.param(name, marks=pytest.mark.long)
                                  for name in CALLS])
def test_tone_passes_both_ways(lab, name):
    accounts, options, first = CALLS[name]
    box = sluice.Sluice(lab, text=conf(**options))
    ends = {who: telephone(lab, who, accounts.get(who, "")) for who in SIDES}
    wires = {who: capture.Capture(lab, getattr(lab, who), who) for who in SIDES}
    caller = ends.pop(first)
    callee, = ends.values()
    flow = talk(box, caller, callee, netns.Lab.INSIDE if first == "pbx" else netns.Lab.OUTSIDE)
    caller.hang_up()
    callee.closed()
    box.wait_calls(0)
    both_hear(caller, callee)
    for side in flow["sides"]:
        assert side["rtp"]["packets"] >= 100, flow
    for who, wire in wires.items():
        wire.stop()
        sizes = {len(p.data) for p in wire.packets() if p.sport % 2 == 0 and len(p.data) >= 172
                 and p.data[0] == 0x80}
        if who in accounts:  # a tag is behind every packet
            assert sizes and 172 not in sizes, f"{who}: {sizes}"
        else:
            assert sizes == {172}, f"{who}: {sizes}"


def test_hold_and_resume(lab):
    box = sluice.Sluice(lab, text=conf(pbx="srtp: require", carrier="srtp: require"))
    pbx, carrier = (telephone(lab, who, ";mediaenc=srtp-mand") for who in SIDES)
    talk(box, pbx, carrier, netns.Lab.INSIDE, 1.5)
    before, = box.flows()
    pbx.hold()
    time.sleep(1)
    pbx.resume()
    time.sleep(2)
    flow, = box.flows()
    for was, side in zip(before["sides"], flow["sides"]):
        assert side["rtp"]["packets"] - was["rtp"]["packets"] >= 80, flow
    pbx.hang_up()
    carrier.closed()
    box.wait_calls(0)


def test_plain_is_refused(lab):
    """Who must have SRTP gets no call without."""
    box = sluice.Sluice(lab, text=conf(carrier="srtp: require"))
    pbx, carrier = telephone(lab, "pbx"), telephone(lab, "carrier")
    carrier.dial(f"sip:{pbx.user}@{netns.Lab.OUTSIDE}")
    assert "488" in carrier.closed()["param"]
    assert box.flows() == []


def test_keys_are_nowhere(lab):
    """No key is in the log, nor in what people are shown."""
    box = sluice.Sluice(lab, text=conf(carrier="srtp: require"), log="debug")
    pbx, carrier = telephone(lab, "pbx"), telephone(lab, "carrier", ";mediaenc=srtp-mand")
    wire = capture.Capture(lab, lab.carrier, "carrier")
    talk(box, pbx, carrier, netns.Lab.INSIDE, 1)
    call, = box.calls()
    shown = "".join(box.ctl_text(*words) for words in
                    (("calls",), ("call", "show", str(call["id"])), ("flows",), ("--json", "flows")))
    pbx.hang_up()
    carrier.closed()
    box.wait_calls(0)
    wire.stop()
    keys = {k for m in wire.sip() for k in re.findall(r"inline:([A-Za-z0-9+/=]+)", m.body)}
    assert len(keys) >= 2
    text = box.process.text() + shown
    for key in keys:
        assert key not in text
    assert "inline:" not in text
