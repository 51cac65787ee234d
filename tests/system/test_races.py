# SPDX-License-Identifier: Apache-2.0
"""What crosses on the wire: CANCEL, 200, BYE and re-INVITE, a few ms apart by chance, 100 calls of each kind and way.
Whatever came first, every INVITE has one final answer, every call one end, and nothing is left."""
import collections
import contextlib
import os
import random

import pytest

from lab import crowd, netns, sluice

CALLS = 100
JITTER = 0.005  # s
T1 = 0.05
CONF = f"""\
sluice: 1
networks:
  outside: {{port: outside0, address: 203.0.113.1/24}}
  inside: {{port: inside0, address: 10.10.0.1/24}}
trunks:
  carrier: {{on: outside, profile: static, host: 203.0.113.10, max-rate: 0}}
  pbx: {{on: inside, profile: pbx, host: 10.10.0.10, max-rate: 0}}
calls:
  - {{from: pbx, to: carrier}}
  - {{from: carrier, to: pbx}}
sip: {{t1: {T1 * 1000:.0f}ms, t2: {T1 * 4000:.0f}ms, t4: {T1 * 4000:.0f}ms}}
"""


class Call:
    """Rings, is answered, and ends when it is told to. The kinds say what they do otherwise."""

    def __init__(self, people, chance):
        self.people, self.chance, self.caller, self.callee, self.ended = people, chance, None, None, False
        self.answered = False

    def soon(self, what):
        self.people.later(self.chance.random() * JITTER, what)

    def heard(self, leg, m):
        name = f"on_{m.get('CSeq').split()[1].lower()}"
        if m.status:
            name += "_answer" if m.status >= 200 else "_progress"
        getattr(self, name, lambda leg, m: None)(leg, m)

    def on_invite(self, leg, m):
        self.invite = m
        self.soon(self.ring)

    def ring(self):
        if not self.ended:
            self.callee.reply(self.invite, 180)
            self.on_ringing()

    def on_ringing(self):
        pass

    def on_cancel(self, leg, m):
        """487, or 200 for a CANCEL that came too late."""
        leg.reply(m, 200)
        if not self.answered:
            self.ended = True
            leg.reply(self.invite, 487)

    def answer(self):
        if not self.ended:
            self.answered = True
            self.callee.reply(self.invite, 200, self.callee.sdp())

    def on_bye(self, leg, m):
        leg.reply(m, 200)

    def account(self):
        return [(leg.call_id, leg.finals, leg.requests, leg.lost, [m for m, _ in leg.waiting.values()])
                for leg in (self.caller, self.callee) if leg]


class CancelBefore100(Call):
    """Every second one at once. The callee is slow with its first word, too: our CANCEL has to wait for it."""

    def begun(self):
        self.trying = self.early = False
        if self.chance.random() < 0.5:
            self.cancel()
        else:
            self.soon(self.cancel)

    def cancel(self):
        self.early = not self.trying
        self.caller.cancel()

    def on_invite_progress(self, leg, m):
        self.trying = True

    def right(self):
        finals = sorted(self.caller.finals)
        asked = self.callee.requests if self.callee else []
        return finals == [("CANCEL", 200), ("INVITE", 487)] and asked in ([], ["INVITE", "CANCEL", "ACK"])

    def story(self):
        return ("before" if self.early else "after") + " the 100" + (", the callee rang" if self.callee else "")


class CancelAfter180(CancelBefore100):
    def begun(self):
        pass

    def on_invite_progress(self, leg, m):
        if m.status == 180:
            self.soon(leg.cancel)

    def story(self):
        return "487"


class CancelCrosses200(CancelAfter180):
    """The callee answers while the caller gives up."""

    def on_ringing(self):
        self.soon(self.answer)

    def on_invite_answer(self, leg, m):
        if m.status == 200:  # it came first: hung up instead
            leg.request("BYE")

    def right(self):
        told = [s for m, s in self.caller.finals if m == "INVITE"]
        ended = [m for m, _ in self.caller.finals].count("BYE")
        if len(told) != 1 or told[0] not in (200, 487) or ended != (told[0] == 200):
            return False
        if self.answered:  # whoever won, the callee's 200 was confirmed and the call ended
            return self.callee.requests.count("ACK") == 1 and self.callee.requests.count("BYE") == 1
        return told == [487] and self.callee.requests == ["INVITE", "CANCEL", "ACK"]

    def story(self):
        told = next(s for m, s in self.caller.finals if m == "INVITE")
        return {(True, 200): "the 200 was first", (True, 487): "they crossed",
                (False, 487): "the CANCEL was first"}[self.answered, told]


class Established(Call):
    """Answered at once; meet() is called when both are there."""

    def begun(self):
        self.confirmed = 0

    def on_ringing(self):
        self.answer()

    def on_invite_answer(self, leg, m):
        if leg.cseq == 1 and leg is self.caller and m.status == 200:
            self.both()

    def on_ack(self, leg, m):
        if leg is self.callee and leg.cseq == 0 and leg.requests.count("ACK") == 1:
            self.both()

    def both(self):
        self.confirmed += 1
        if self.confirmed == 2:
            self.people.later(0.02, self.meet)


class ByeCrossesBye(Established):
    def meet(self):
        for leg in (self.caller, self.callee):
            self.soon(lambda leg=leg: "BYE" in leg.requests or leg.request("BYE"))

    def said(self):
        """By how many, and what they were answered."""
        return [s for leg in (self.caller, self.callee) for m, s in leg.finals if m == "BYE"]

    def right(self):
        heard = sum(leg.requests.count("BYE") for leg in (self.caller, self.callee))
        return (self.caller.finals[:1] == [("INVITE", 200)] and len(self.caller.finals + self.callee.finals)
                == 1 + len(self.said()) and (self.said() == [200] and heard == 1 or len(self.said()) == 2
                                             and all(s in (200, 481) for s in self.said()) and heard < 2))

    def story(self):
        return {1: "one was first", 2: "they crossed"}[len(self.said())]


class ByeCrossesReinvite(Established):
    def both(self):
        self.ends, self.asks = self.chance.sample([self.caller, self.callee], 2)
        super().both()

    def meet(self):
        ends, asks = self.ends, self.asks
        self.soon(lambda: ends.request("BYE"))
        self.soon(lambda: asks.request("INVITE", asks.sdp("a=sendonly\r\n")))

    def on_invite(self, leg, m):
        if leg.cseq == 0 and leg is self.callee and len(leg.requests) == 1:
            super().on_invite(leg, m)
        elif leg.waiting or ("BYE" in [m for m, _ in leg.finals]):
            leg.reply(m, 481)  # it has hung up
        else:
            leg.reply(m, 200, leg.sdp("a=recvonly\r\n"))

    def right(self):
        if self.confirmed < 2:
            return False
        asked = [s for m, s in self.asks.finals if m == "INVITE"][-1:]
        answers = sum(len(leg.finals) for leg in (self.caller, self.callee))
        ended = [s for m, s in self.ends.finals if m == "BYE"]
        return answers == 3 and asked and len(ended) == 1 and ended[0] == 200

    def story(self):
        status = [s for m, s in self.asks.finals if m == "INVITE"][-1]
        return f"the re-INVITE heard {status}"


KINDS = {  # with what has to be among the stories, or no race was run
    CancelBefore100: 2, CancelAfter180: 1, CancelCrosses200: 2, ByeCrossesBye: 2, ByeCrossesReinvite: 2,
}


def left(box):
    """What there still is of all that a call takes."""
    ports = box.ask("trunks")["media_ports"].values()
    sip = box.drops()["sip"]
    return {"calls": len(box.calls()), "flows": len(box.flows()), "dialogs": sip["dialogs"],
            "ports": sum(p["used"] + p["orphaned"] for p in ports)}


def begin(people, kind, chance):
    """All of them, both ways, within a second."""
    made = []
    for i in range(2 * CALLS):
        call = kind(people, chance)
        made.append(call)

        def dial(call=call, i=i):
            people.dial(people.sides[i % 2], f"0301{i:04}", call)
            call.begun()
        people.later(i * 0.005, dial)
    return made


def quiet(calls):
    """Everybody said and heard all there is."""
    return all(c.caller and not any(leg.waiting or leg.unconfirmed for leg in (c.caller, c.callee) if leg)
               and c.right() for c in calls)


@pytest.fixture(scope="module")
def box():
    with netns.Lab(f"slr{os.getpid()}") as lab:
        made = sluice.Sluice(lab, text=CONF)
        yield made
        assert made.stop() == 0, made.process.text()[-4000:]


@pytest.mark.parametrize("kind", KINDS)
def test_race(box, kind):
    ended_before = box.process.text().count("info call:")
    with contextlib.closing(crowd.Crowd(box.lab)) as people:
        calls = begin(people, kind, random.Random())
        people.run(10, lambda: quiet(calls))
        people.run(0.3, lambda: False)  # nothing more may come
        wrong = [c for c in calls if not c.right()]
        assert not wrong, (len(wrong), [w.account() for w in wrong[:5]])
        stuck = [leg.lost for c in calls for leg in (c.caller, c.callee) if leg and (leg.lost or leg.waiting)]
        assert not stuck, stuck
        stories = collections.Counter(c.story() for c in calls)
        print(kind.__name__, dict(stories))
        assert len(stories) >= KINDS[kind], stories
        # What is heard meanwhile is answered: a late retransmission is no loss.
        people.run(64 * T1, lambda: not any(left(box).values()))
    assert not any(left(box).values()), left(box)
    assert box.process.text().count("info call:") - ended_before == len(calls), "one end record each"


def test_no_transaction_is_left(box):
    """The last are those of INVITEs that were refused: 32 s, whatever T1 is."""
    netns.wait_for("the end of all transactions", lambda: box.drops()["sip"]["transactions"] == 0, 33, 0.2)
    assert not any(left(box).values()), left(box)
