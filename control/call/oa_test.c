/* SPDX-License-Identifier: Apache-2.0 */
/* Offer and answer against table 1 of RFC 6337, and two machines that talk to each other. */
#include <string.h>

#include "base/test.h"
#include "call/oa.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* ---- RFC 6337, table 1 ---- */

/* Each pattern from both ends. What comes before it: nothing, an offerless INVITE, or an agreement. */
struct pattern {
	const char *name;
	enum oa_input before; /* OA_INPUT_COUNT: nothing */
	enum oa_input offer, answer;
	bool first; /* it may be the first one of a dialog */
	bool early; /* it may come between the first one and the 2xx */
};

static const struct pattern patterns[] = {
	{ "1, caller", OA_INPUT_COUNT, OA_SENT_INVITE_SDP, OA_GOT_2XX_SDP, true, false },
	{ "1, callee", OA_INPUT_COUNT, OA_GOT_INVITE_SDP, OA_SENT_2XX_SDP, true, false },
	{ "2, caller", OA_SENT_INVITE, OA_GOT_2XX_SDP, OA_SENT_ACK_SDP, true, false },
	{ "2, callee", OA_GOT_INVITE, OA_SENT_2XX_SDP, OA_GOT_ACK_SDP, true, false },
	{ "3, caller", OA_INPUT_COUNT, OA_SENT_INVITE_SDP, OA_GOT_REL_SDP, true, false },
	{ "3, callee", OA_INPUT_COUNT, OA_GOT_INVITE_SDP, OA_SENT_REL_SDP, true, false },
	{ "4, caller", OA_SENT_INVITE, OA_GOT_REL_SDP, OA_SENT_PRACK_SDP, true, false },
	{ "4, callee", OA_GOT_INVITE, OA_SENT_REL_SDP, OA_GOT_PRACK_SDP, true, false },
	/* 5 by us: we make no offers in PRACK. */
	{ "5, callee", OA_INPUT_COUNT, OA_GOT_PRACK_SDP, OA_SENT_UPDATED_SDP, false, true },
	{ "6, offerer", OA_INPUT_COUNT, OA_SENT_UPDATE_SDP, OA_GOT_UPDATED_SDP, false, true },
	{ "6, answerer", OA_INPUT_COUNT, OA_GOT_UPDATE_SDP, OA_SENT_UPDATED_SDP, false, true },
};

static bool is_invite(enum oa_input in)
{
	return in == OA_GOT_INVITE || in == OA_GOT_INVITE_SDP || in == OA_SENT_INVITE ||
	       in == OA_SENT_INVITE_SDP;
}

static void plays(struct oa o, const struct pattern *p)
{
	if (p->before != OA_INPUT_COUNT && oa_input(&o, p->before) != OA_NOTHING)
		fail_msg("%s: no INVITE without SDP in %s", p->name, oa_state_name(&o));
	if (oa_input(&o, p->offer) != OA_OFFER)
		fail_msg("%s: no offer in %s", p->name, oa_state_name(&o));
	if (oa_input(&o, p->answer) != OA_ANSWER)
		fail_msg("%s: no answer in %s", p->name, oa_state_name(&o));
	assert_int_equal(o.state, OA_DONE);
	assert_true(o.agreed);
}

static void test_patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(patterns); i++) {
		const struct pattern *p = &patterns[i];
		struct oa o = { OA_NONE, false };

		plays((struct oa){ OA_DONE, true }, p);
		if (p->first)
			plays(o, p);
		else
			assert_int_equal(oa_input(&o, p->offer), OA_WRONG);
		/* A second INVITE before the first one is answered never gets here. */
		o = (struct oa){ OA_DONE, true };
		if (!p->early && !is_invite(p->offer) && oa_input(&o, p->offer) == OA_OFFER)
			fail_msg("%s: a second offer before the 2xx", p->name);
	}
}

/* The answer to an UPDATE or PRACK stands in its 2xx and nowhere else; that to an INVITE never does (RFC 6337 2.2). */
static void test_answers(void **state)
{
	(void)state;
	for (unsigned in = 0; in < OA_INPUT_COUNT; in++) {
		bool updated = in == OA_GOT_UPDATED_SDP || in == OA_SENT_UPDATED_SDP;

		for (unsigned s = OA_OWE; s < OA_STATE_COUNT; s++) {
			struct oa o = { (uint8_t)s, true };
			bool update = s == OA_ASKED || s == OA_UPDATING;

			if (oa_input(&o, (enum oa_input)in) != OA_ANSWER)
				continue;
			assert_int_equal(updated, update);
			assert_int_equal(o.state, OA_DONE);
		}
	}
}

/* While one offer is open there is no other one: 491 where it is ours, 500 where it is theirs. */
static void test_overlap(void **state)
{
	static const enum oa_input offers[] = { OA_GOT_INVITE_SDP, OA_GOT_INVITE,
						OA_GOT_UPDATE_SDP };
	static const struct {
		enum oa_state open;
		enum oa_verdict verdict;
	} rows[] = {
		{ OA_SENT, OA_GLARE },
		{ OA_UPDATING, OA_GLARE },
		{ OA_GOT, OA_BUSY },
		{ OA_ASKED, OA_BUSY },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		for (size_t k = 0; k < N(offers); k++) {
			struct oa o = { (uint8_t)rows[i].open, true };

			assert_int_equal(oa_input(&o, offers[k]), rows[i].verdict);
			assert_int_equal(o.state, rows[i].open);
		}
		for (unsigned in = 0; in < OA_INPUT_COUNT; in++) {
			struct oa o = { (uint8_t)rows[i].open, true };

			assert_int_not_equal(oa_input(&o, (enum oa_input)in), OA_OFFER);
		}
	}
}

/* What is refused leaves things as they were (RFC 3264 8). */
static void test_refused(void **state)
{
	(void)state;
	for (unsigned s = 0; s < OA_STATE_COUNT; s++) {
		struct oa before = { (uint8_t)s, true };

		assert_int_equal(oa_input(&before, OA_FAILED), OA_NOTHING);
		assert_int_equal(before.state, OA_DONE);
	}
	for (unsigned s = OA_OWE; s <= OA_SENT; s++) {
		struct oa first = { (uint8_t)s, false };

		assert_int_equal(oa_input(&first, OA_FAILED), OA_NOTHING);
		assert_int_equal(first.state, OA_NONE);
	}
}

/* The last 2xx may repeat the answer, and change nothing by that (RFC 3261 13.2.1), whatever goes on beside. */
static void test_repeated(void **state)
{
	static const enum oa_state beside[] = { OA_DONE, OA_UPDATING, OA_ASKED };

	(void)state;
	for (size_t i = 0; i < N(beside); i++) {
		struct oa o = { (uint8_t)beside[i], true };

		assert_int_equal(oa_input(&o, OA_GOT_2XX_SDP), OA_REPEAT);
		assert_int_equal(oa_input(&o, OA_GOT_2XX), OA_REPEAT);
		assert_int_equal(o.state, beside[i]);
	}
}

/* ---- two that talk ---- */

enum kind {
	INVITE,
	PROGRESS,
	RELIABLE,
	PRACK,
	YES,
	NO,
	ACK,
	UPDATE,
	UPDATE_YES,
	UPDATE_NO
};

struct message {
	enum kind kind;
	bool sdp;
};

enum part {
	NOBODY,
	CALLER,
	CALLEE,
	WAITS_ACK
};

struct side {
	struct oa oa;
	enum part part;         /* in the INVITE that is open */
	bool reliable;          /* callee: its PRACK has not come */
	bool prack, ack;        /* caller: is owed */
	bool updating, updated; /* an UPDATE is open, of ours, of theirs */
	unsigned agreements;
	struct message in[64];
	unsigned head, tail;
};

struct talk {
	struct side side[2];
	uint64_t dice;
	unsigned verdicts[OA_BUSY + 1], states[OA_STATE_COUNT];
};

static unsigned roll(struct talk *t, unsigned n)
{
	t->dice ^= t->dice << 13;
	t->dice ^= t->dice >> 7;
	t->dice ^= t->dice << 17;
	return (unsigned)(t->dice >> 33) % n;
}

static enum oa_verdict feed(struct talk *t, struct side *s, enum oa_input in)
{
	uint8_t was = s->oa.state;
	enum oa_verdict v = oa_input(&s->oa, in);

	if (v == OA_WRONG || v == OA_MISSING)
		fail_msg("input %u in state %u is %s", in, was,
			 v == OA_WRONG ? "wrong" : "without what should stand there");
	t->verdicts[v]++;
	t->states[s->oa.state]++;
	s->agreements += v == OA_ANSWER;
	return v;
}

static void say(struct talk *t, struct side *s, enum kind kind, bool sdp)
{
	struct side *other = s == t->side ? &t->side[1] : &t->side[0];

	assert_true(other->tail - other->head < 64);
	other->in[other->tail++ % 64] = (struct message){ kind, sdp };
}

static bool may(const struct side *s, enum oa_input in)
{
	struct oa copy = s->oa;

	return oa_input(&copy, in) != OA_WRONG;
}

static bool ask(struct talk *t, struct side *s)
{
	bool sdp = roll(t, 3);
	enum oa_input in = sdp ? OA_SENT_INVITE_SDP : OA_SENT_INVITE;

	if (roll(t, 2)) {
		if (s->updating || s->updated || s->reliable || !may(s, OA_SENT_UPDATE_SDP))
			return false;
		feed(t, s, OA_SENT_UPDATE_SDP);
		s->updating = true;
		say(t, s, UPDATE, true);
		return true;
	}
	if (s->part != NOBODY || s->updating || s->updated || !may(s, in))
		return false;
	feed(t, s, in);
	s->part = CALLER;
	say(t, s, INVITE, sdp);
	return true;
}

/* The callee goes on. */
static void answer(struct talk *t, struct side *s)
{
	bool open = s->oa.state == OA_GOT || s->oa.state == OA_OWE;

	switch (roll(t, 4)) {
	case 0:
		if (s->oa.state != OA_GOT)
			break;
		feed(t, s, OA_SENT_18X_SDP);
		say(t, s, PROGRESS, true);
		break;
	case 1:
		if (!open || s->reliable)
			break;
		feed(t, s, OA_SENT_REL_SDP);
		s->reliable = true;
		say(t, s, RELIABLE, true);
		break;
	case 2:
		if (!open)
			break;
		feed(t, s, OA_FAILED);
		s->part = NOBODY;
		say(t, s, NO, false);
		break;
	default:
		if (s->reliable)
			break;
		feed(t, s, open ? OA_SENT_2XX_SDP : OA_SENT_2XX);
		s->part = WAITS_ACK;
		say(t, s, YES, open);
	}
}

/* What a side owes. */
static bool reply(struct talk *t, struct side *s)
{
	if (s->prack || s->ack) {
		bool sdp = s->oa.state == OA_GOT;
		bool prack = s->prack;

		if (sdp)
			feed(t, s, prack ? OA_SENT_PRACK_SDP : OA_SENT_ACK_SDP);
		say(t, s, prack ? PRACK : ACK, sdp);
		if (prack) {
			s->prack = false;
		} else {
			s->ack = false;
			s->part = NOBODY;
		}
		return true;
	}
	if (s->updated) {
		bool yes = roll(t, 4);

		feed(t, s, yes ? OA_SENT_UPDATED_SDP : OA_FAILED);
		s->updated = false;
		say(t, s, yes ? UPDATE_YES : UPDATE_NO, yes);
		return true;
	}
	if (s->part == CALLEE) {
		answer(t, s);
		return true;
	}
	return false;
}

static void hear_invite(struct talk *t, struct side *s, bool sdp)
{
	enum oa_verdict v;

	if (s->part != NOBODY) { /* the SIP core refuses it */
		say(t, s, NO, false);
		return;
	}
	v = feed(t, s, sdp ? OA_GOT_INVITE_SDP : OA_GOT_INVITE);
	if (v == OA_OFFER || v == OA_NOTHING)
		s->part = CALLEE;
	else
		say(t, s, NO, false);
}

static void hear(struct talk *t, struct side *s)
{
	struct message m = s->in[s->head++ % 64];

	switch (m.kind) {
	case INVITE:
		hear_invite(t, s, m.sdp);
		break;
	case PROGRESS:
		feed(t, s, OA_GOT_18X_SDP);
		break;
	case RELIABLE:
		feed(t, s, OA_GOT_REL_SDP);
		s->prack = true;
		break;
	case PRACK:
		s->reliable = false;
		feed(t, s, m.sdp ? OA_GOT_PRACK_SDP : OA_GOT_PRACK);
		break;
	case YES:
		feed(t, s, m.sdp ? OA_GOT_2XX_SDP : OA_GOT_2XX);
		s->ack = true;
		break;
	case NO:
		feed(t, s, OA_FAILED);
		s->part = NOBODY;
		break;
	case ACK:
		feed(t, s, m.sdp ? OA_GOT_ACK_SDP : OA_GOT_ACK);
		s->part = NOBODY;
		break;
	case UPDATE:
		if (feed(t, s, OA_GOT_UPDATE_SDP) == OA_OFFER)
			s->updated = true;
		else
			say(t, s, UPDATE_NO, false);
		break;
	case UPDATE_YES:
	case UPDATE_NO:
		assert_true(s->updating);
		s->updating = false;
		feed(t, s, m.kind == UPDATE_YES ? OA_GOT_UPDATED_SDP : OA_FAILED);
		break;
	}
}

static bool step(struct talk *t, bool more)
{
	struct side *s = &t->side[roll(t, 2)];

	switch (roll(t, more ? 3 : 2)) {
	case 0:
		if (s->head == s->tail)
			return false;
		hear(t, s);
		return true;
	case 1:
		return reply(t, s);
	default:
		return ask(t, s);
	}
}

static bool is_quiet(const struct side *s)
{
	return s->head == s->tail && s->part == NOBODY && !s->prack && !s->ack && !s->updating &&
	       !s->updated;
}

static void talk(struct talk *t)
{
	const struct side *a = &t->side[0], *b = &t->side[1];

	memset(t->side, 0, sizeof(t->side));
	for (unsigned i = 0; i < 200; i++)
		step(t, true);
	for (unsigned i = 0; i < 5000 && !(is_quiet(a) && is_quiet(b)); i++)
		step(t, false);
	assert_true(is_quiet(a) && is_quiet(b));
	assert_int_equal(a->oa.state, b->oa.state);
	assert_true(a->oa.state == OA_NONE || a->oa.state == OA_DONE);
	assert_int_equal(a->oa.agreed, b->oa.agreed);
	assert_int_equal(a->agreements, b->agreements);
}

/* Whatever crosses on the way, none hears what has no place, and at the end both know of the same agreements. */
static void test_talk(void **state)
{
	static struct talk t;

	(void)state;
	t.dice = 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < 5000; i++)
		talk(&t);
	for (unsigned v = OA_NOTHING; v <= OA_BUSY; v++)
		if (!t.verdicts[v] && v != OA_MISSING)
			fail_msg("verdict %u never came", v);
	for (unsigned s = 0; s < OA_STATE_COUNT; s++)
		if (!t.states[s])
			fail_msg("nobody was ever in state %u", s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_overlap),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_repeated), cmocka_unit_test(test_talk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
