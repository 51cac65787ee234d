# SPDX-License-Identifier: Apache-2.0
"""Who one is, with digest as sipp speaks it: we answer a carrier, and a PBX answers us."""
import os

from lab import netns, sipp, sluice

CONF = """\
sluice: 1
networks:
  outside: {{port: outside0, address: 203.0.113.1/24}}
  inside: {{port: inside0, address: 10.10.0.1/24}}
trunks:
  carrier: {{on: outside, profile: static, host: 203.0.113.10{carrier}}}
  pbx: {{on: inside, profile: pbx, host: 10.10.0.10{pbx}}}
calls:
  - {{from: pbx, to: carrier}}
"""
CALLS = 20


def password(lab, word):
    """A file that only we may read."""
    path = lab.path(f"password-{word}")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(word + "\n")
    return path


def option(lab, name, user, word, more=""):
    return f', {name}: {{user: {user}, password: "file:{password(lab, word)}"{more}}}'


def uac(lab, scenario, user, word, calls):
    return sipp.Sipp(lab, lab.pbx, scenario, netns.Lab.PBX, f"{netns.Lab.INSIDE}:5060", "-r", "20", "-m",
                     str(calls), "-d", "200", "-recv_timeout", "8000", "-au", user, "-ap", word,
                     "-auth_uri", f"+4930123456@{netns.Lab.INSIDE}:5060")


def check(s, wanted):
    s.wait(30)
    assert (s.successful, s.failed) == (wanted, 0), s.errors()


def secrets_kept(lab, *words):
    for p in lab.processes:
        if "sluice" in p.log_path:
            for word in words:
                assert word not in p.text()


def test_we_answer_a_carrier(lab):
    box = sluice.Sluice(lab, text=CONF.format(
        carrier=option(lab, "login", "acme", "opensesame", ", realm: carrier.example"), pbx=""))
    carrier = sipp.answering(lab, "uas-challenge")
    pbx = sipp.uac(lab, netns.Lab.INSIDE, 20, CALLS, 200)
    check(pbx, CALLS)
    netns.wait_for("the BYEs at the carrier", lambda: carrier.successful == CALLS, 5)
    assert carrier.failed == 0, carrier.errors()
    box.wait_calls(0)
    secrets_kept(lab, "opensesame")


def test_a_pbx_answers_us(lab):
    box = sluice.Sluice(lab, text=CONF.format(
        carrier="", pbx=option(lab, "challenge", "trunk1", "opensesame", ", realm: sbc.example, algorithm: md5")))
    carrier = sipp.uas(lab)
    check(uac(lab, "uac-refused", "trunk1", "guess", 3), 3)
    check(uac(lab, "uac-refused", "nobody", "opensesame", 3), 3)
    assert carrier.successful == carrier.failed == 0 and box.calls() == []
    check(uac(lab, "uac-login", "trunk1", "opensesame", CALLS), CALLS)
    netns.wait_for("the calls at the carrier", lambda: carrier.successful == CALLS, 5)
    secrets_kept(lab, "opensesame", "guess")
