# SPDX-License-Identifier: Apache-2.0
"""Calls between networks that speak different transports, certificates that are renewed, and slow connections."""
import os
import re
import socket
import ssl
import time

import pytest

from lab import agent, netns, pki, sipp, sluice

OUTSIDE6, CARRIER6 = "2001:db8::1", "2001:db8::10"
CONF = """\
sluice: 1
networks:
  outside: {{port: outside0, address: 203.0.113.1/24, address6: "2001:db8::1/64", certificate: {sbc}, ca: {ca}}}
  inside: {{port: inside0, address: 10.10.0.1/24, certificate: {sbc}, ca: {ca}}}
trunks:
  carrier: {{on: outside, profile: static, host: "{carrier}", transport: {outside}{tls_name}, max-rate: 0}}
  pbx: {{on: inside, profile: pbx, host: 10.10.0.10, transport: {inside}, max-rate: 0}}
{more}calls:
  - {{from: pbx, to: carrier}}
  - {{from: carrier, to: pbx}}
"""


class Place:
    """sluice between two agents."""

    def __init__(self, lab, inside, outside, more="", tls_name="carrier.example", **options):
        self.lab = lab
        self.six = outside.endswith("6")
        self.inside, self.outside = inside.upper(), outside.rstrip("6").upper()
        self.trust = pki.Authority(lab.path("pki"))
        self.sbc = self.trust.certificate("sbc.example", addresses=[netns.Lab.INSIDE, netns.Lab.OUTSIDE])
        self.carrier = self.trust.certificate("carrier.example")
        self.pbx = self.trust.certificate(addresses=[netns.Lab.PBX])
        self.enable_ipv6()
        host = f"[{CARRIER6}]" if self.six else netns.Lab.CARRIER
        self.box = sluice.Sluice(lab, text=CONF.format(
            sbc=self.sbc.both, ca=self.trust.ca, carrier=host, outside=self.outside.lower(),
            inside=self.inside.lower(), more=more,
            tls_name=f", tls-name: {tls_name}" if self.outside == "TLS" else ""), **options)

    def enable_ipv6(self):
        for ns, device, address in ((self.lab.sbc, "outside0", OUTSIDE6), (self.lab.carrier, "eth0", CARRIER6)):
            ns.run("sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=0", "net.ipv6.conf.lo.disable_ipv6=0")
            ns.ip("addr", "add", f"{address}/64", "dev", device, "nodad")

    def contexts(self, files):
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(files.both)
        server.load_verify_locations(self.trust.ca)
        client = ssl.create_default_context(cafile=self.trust.ca)
        client.load_cert_chain(files.both)
        return {"server": server, "client": client}

    def agents(self):
        """(pbx, carrier), neither at work yet."""
        return (agent.Agent(self.lab.pbx, netns.Lab.PBX, netns.Lab.PBX, self.inside, **self.contexts(self.pbx)),
                agent.Agent(self.lab.carrier, self.theirs(), self.theirs(), self.outside, **self.contexts(self.carrier)))

    def theirs(self):
        return CARRIER6 if self.six else netns.Lab.CARRIER

    def to(self, who):
        """Our side of them: address and port."""
        if who.address == netns.Lab.PBX:
            return netns.Lab.INSIDE, 5061 if self.inside == "TLS" else 5060
        return OUTSIDE6 if self.six else netns.Lab.OUTSIDE, 5061 if self.outside == "TLS" else 5060


def whole_call(place, caller, callee):
    ours, port = place.to(caller)
    caller.connect(ours, port, name="sbc.example")
    callee.listen()
    dialog = caller.dial("+4930123456", ours)
    netns.wait_for("the ACK", lambda: [m.method for m in callee.heard] == ["INVITE", "ACK"], 5)
    invite = callee.heard[0]
    assert invite.get("Via").startswith(f"SIP/2.0/{callee.transport} ")
    assert agent.host_of(place.to(callee)[0]) in invite.get("Via")
    assert len(place.box.calls()) == 1
    assert caller.hang_up(dialog) == 200
    netns.wait_for("the BYE", lambda: callee.heard[-1].method == "BYE", 5)
    place.box.wait_calls(0)
    if callee.transport != "UDP":
        assert callee.connections == 1, "all of a call goes by one connection"


PAIRS = [("udp", "udp6"), ("tcp", "udp"), ("udp", "tcp"), ("tcp", "tcp6"), ("tls", "tls"), ("tcp", "tls6"),
         ("tls", "udp6")]


@pytest.mark.parametrize("inside,outside", PAIRS)
@pytest.mark.parametrize("direction", ["out", "in"])
def test_call_between(lab, inside, outside, direction):
    place = Place(lab, inside, outside)
    pbx, carrier = place.agents()
    try:
        whole_call(place, *((pbx, carrier) if direction == "out" else (carrier, pbx)))
    finally:
        pbx.close()
        carrier.close()


def test_certificate_must_name_the_trunk(lab):
    """Who has another name, or shows none, carries no call; our own call to it fails as soon as that is seen."""
    place = Place(lab, "tcp", "tls", tls_name="other.example")
    pbx, carrier = place.agents()
    carrier.listen()
    try:
        pbx.connect(*place.to(pbx))
        started = time.monotonic()
        with pytest.raises(ValueError, match="SIP/2.0 5"):
            pbx.dial("+4930123456", netns.Lab.INSIDE)
        assert time.monotonic() - started < 2
        assert carrier.heard == []
        ours, port = place.to(carrier)
        with pytest.raises(OSError):
            carrier.connect(ours, port, name="sbc.example")
            carrier.options(ours)
        carrier.client = ssl.create_default_context(cafile=place.trust.ca)
        with pytest.raises(OSError):
            carrier.connect(ours, port, name="sbc.example")
            carrier.options(ours)
        drops = place.box.drops()["sip"]
        assert drops["stream.closed.certificate-name"] + drops["stream.closed.tls"] >= 3, drops
    finally:
        pbx.close()
        carrier.close()


def peer_serial(place):
    """Of the certificate that a new connection is shown."""
    text = place.lab.pbx.run("openssl", "s_client", "-connect", f"{netns.Lab.INSIDE}:5061", "-bind", netns.Lab.PBX,
                             input="", check=False).stdout
    with open(place.lab.path("seen.pem"), "w") as f:
        f.write(re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S).group(0))
    return netns.run("openssl", "x509", "-in", place.lab.path("seen.pem"), "-noout", "-serial").stdout.strip()


def test_certificate_is_renewed_under_a_call(lab):
    """New connections get the new one, and the call on an old connection goes on and ends by it."""
    place = Place(lab, "tls", "tls")
    pbx, carrier = place.agents()
    carrier.listen()
    try:
        ours, port = place.to(pbx)
        pbx.connect(ours, port, name="sbc.example")
        dialog = pbx.dial("+4930123456", ours)
        before = peer_serial(place)
        new = place.trust.certificate("sbc.example", addresses=[netns.Lab.INSIDE, netns.Lab.OUTSIDE])
        os.replace(new.both, place.sbc.both)
        netns.wait_for("the new certificate", lambda: peer_serial(place) != before, 40, 1)
        assert len(place.box.calls()) == 1
        assert pbx.hang_up(dialog) == 200
        assert pbx.options(ours) == 200
        netns.wait_for("the BYE", lambda: carrier.heard[-1].method == "BYE", 5)
        assert carrier.connections == 1
        place.box.wait_calls(0)
    finally:
        pbx.close()
        carrier.close()


def listens_tcp(ns, ip):
    return f"{ip}:5060" in ns.run("ss", "-Hnlt").stdout


def test_many_calls_by_tcp(lab):
    """sipp on both sides, one connection each."""
    place = Place(lab, "tcp", "tcp")
    uas = sipp.Sipp(lab, lab.carrier, "uas", netns.Lab.CARRIER, "-t", "t1")
    netns.wait_for("sipp to listen", lambda: listens_tcp(lab.carrier, netns.Lab.CARRIER), 5)
    uac = sipp.uac(lab, netns.Lab.INSIDE, 50, 500, 200, more=("-t", "t1"))
    uac.wait(60)
    assert (uac.successful, uac.failed) == (500, 0), uac.errors()
    assert uas.failed == 0, uas.errors()
    place.box.wait_calls(0)
    counters = place.box.drops()["sip"]
    assert (counters["stream.accepted"], counters["stream.dialled"]) == (1, 1), counters


def test_stranger_gets_no_syn_ack(lab):
    place = Place(lab, "tcp", "tcp")
    lab.pbx.ip("addr", "add", "10.10.0.66/24", "dev", "eth0")
    for port in (5060, 5061):
        with lab.pbx.inside():
            s = socket.socket()
        s.bind(("10.10.0.66", 0))
        s.settimeout(0.5)
        with pytest.raises(TimeoutError):
            s.connect((netns.Lab.INSIDE, port))
        s.close()
    counters = place.box.drops()["sip"]
    assert counters["stream.refused.in-kernel"] >= 2, counters
    assert counters["stream.refused.unknown-source"] == 0, counters


SLOW = 3000
SOURCES = 100
OFFICES = "  offices: {on: inside, profile: pbx, host: 10.10.1.1, sources: [10.10.1.0/24], max-rate: 0}\n"


@pytest.mark.slow
def test_slow_connections_harm_nobody(lab):
    """3,000 connections of another trunk that say an octet every 5 s, opened again when they are closed: our
    trunk connects within 100 ms all the time, and no call fails."""
    place = Place(lab, "tcp", "udp", more=OFFICES)
    lab.sbc.ip("addr", "add", "10.10.1.254/24", "dev", "inside0")
    lab.pbx.ip("route", "add", "10.10.1.254/32", "dev", "eth0")
    for i in range(1, SOURCES + 1):
        lab.pbx.ip("addr", "add", f"10.10.1.{i}/32", "dev", "eth0")
    uas = sipp.uas(lab)
    crowd = lab.start(lab.pbx, "/usr/bin/python3", "-B", os.path.join(os.path.dirname(agent.__file__), "slow.py"),
                      netns.Lab.INSIDE, str(SLOW), *(f"10.10.1.{i}" for i in range(1, SOURCES + 1)))
    crowd.wait_text("they are connected", 30)
    uac = sipp.uac(lab, netns.Lab.INSIDE, 20, 400, 500, port=5070, more=("-t", "t1"))
    times = []
    while uac.process.running():
        started = time.monotonic()
        pbx, _ = place.agents()
        pbx.connect(netns.Lab.INSIDE, 5060)
        assert pbx.options(netns.Lab.INSIDE) == 200
        times.append(time.monotonic() - started)
        pbx.close()
        time.sleep(0.5)
    # Most of that is the machine, which carries the 3,000 too: a tenth may be later for its sake.
    times.sort()
    print(f"the trunk waited {times[len(times) // 2]:.3f} s, {times[-1]:.3f} s at worst")
    assert times[len(times) * 9 // 10] <= 0.1 and times[-1] <= 1, times
    uac.wait(5)
    assert (uac.successful, uac.failed) == (400, 0), uac.errors()
    assert uas.failed == 0, uas.errors()
    counters = place.box.drops()["sip"]
    assert counters["stream.closed.first-message-time"] >= SLOW, counters
    assert counters["stream.connections"] >= SLOW / 2, counters
    assert crowd.running(), crowd.text()
