# SPDX-License-Identifier: Apache-2.0
"""What `sluicectl call show` tells of a call while something happens in it."""
import pytest

from lab import ladder, netns, sluice

UP = ladder.up("""-> INVITE 0301234 sdp supports=timer,replaces allows=INVITE,ACK,BYE,CANCEL,UPDATE
    | Session-Expires: 900;refresher=uac""")
HOLD = """
-> INVITE sdp=sendonly
<- 100?
<- 200 sdp
-> ACK
stop
-> BYE
<- 200
"""
HELD = """
<- INVITE sdp=sendonly
stop
-> 491
<- ACK
<- INVITE sdp=sendonly
-> 200 sdp=recvonly
<- ACK
<- BYE
-> 200
"""
REFER = """
stop
-> REFER
    | Refer-To: <sip:+49891111111@203.0.113.1>
<- 202
<- NOTIFY
-> 200
stop
"""


@pytest.fixture
def call(request, lab):
    """(caller, callee, what the box is asked of their call): it is up, and the caller at a stop."""
    parties = []

    def begin(caller, callee):
        box = sluice.Sluice(lab)
        parties.append(ladder.Party(lab, "carrier", ladder.ANSWERED + callee, media_port=30100))
        parties.append(ladder.Party(lab, "pbx", UP + caller))
        callee, caller = parties
        caller.at_stop()
        netns.wait_for("the call", lambda: [c["state"] for c in box.calls()] == ["ACTIVE"], 5)
        call, = box.calls()
        return caller, callee, box, call["id"]
    yield begin
    for p in parties:
        p.stop()


def show(box, call):
    return box.ask("call", "show", call)["call"], box.ctl_text("call", "show", call)


def test_an_exchange(call):
    caller, callee, box, name = call(HOLD, HELD)
    shown, text = show(box, name)
    pbx, carrier = shown["legs"]
    assert shown["exchange"] is None and shown["transfer"] is None
    assert "exchange:" not in text and "transfer:" not in text
    assert [leg["offer_answer"]["state"] for leg in shown["legs"]] == ["DONE", "DONE"]
    assert pbx["supports"] == ["timer", "replaces", "UPDATE"]
    assert pbx["session_timer"] == {"interval_s": 900, "refresher": "them"}
    assert carrier["session_timer"]["refresher"] == "us"
    assert "session timer  900 s, refreshed by them" in text
    assert "its end can    timer replaces UPDATE\n" in text

    caller.go()
    callee.at_stop()  # which keeps the offer waiting
    shown, text = show(box, name)
    assert shown["exchange"] == {"state": "OFFERED", "text": "the offer went on", "from": "caller", "to": "callee"}
    assert [leg["offer_answer"]["state"] for leg in shown["legs"]] == ["GOT", "SENT"]
    assert "exchange: OFFERED, the offer went on; asked by caller, goes to callee" in text
    assert "offer/answer   GOT: their offer is open" in text

    callee.go()  # with a 491
    netns.wait_for("the end of the exchange", lambda: show(box, name)[0]["exchange"] is None, 10)
    shown, text = show(box, name)
    said = [(e["leg"], e["what"], e["status"]) for e in shown["events"]]
    assert ("callee", "glare: waits and tries again", 491) in said
    assert ("call", "engine ready", 0) in said
    caller.at_stop()
    assert [leg["media"][0]["direction"] for leg in show(box, name)[0]["legs"]] == ["sendonly", "recvonly"]
    assert box.ask("status")["totals"]["calls_glare_retries"] == 1
    caller.go()
    caller.done()
    callee.done()


def test_a_transfer(call):
    caller, callee, box, name = call("stop", REFER)
    callee.at_stop()
    callee.go()
    callee.at_stop()
    shown, text = show(box, name)
    assert shown["transfer"]["state"] == "CALLING"
    assert (shown["transfer"]["instead_of"], shown["transfer"]["comes"]) == ("callee", "newcomer")
    assert len(shown["legs"]) == 3
    assert shown["legs"][2]["offer_answer"]["state"] == "SENT"
    assert "transfer: CALLING, INVITE sent to the target; in place of the callee" in text
    assert "\n  newcomer: " in text and "its tag not known yet\n" in text
