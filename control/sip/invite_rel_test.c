/* SPDX-License-Identifier: Apache-2.0 */
/* Reliable provisional responses of ours, RFC 3262; the numbers in comments are its sections. */
#include "sip/invite_rel_test.h"

#define REL "Supported: 100rel\r\n"

static struct world *incoming(const char *lines)
{
	struct world *w = world_new();

	w->terms.rel = INVITE_REL_SUPPORT;
	request(w, "INVITE", "i", 10, lines, "offer");
	assert_non_null(w->inv);
	return w;
}

/* A PRACK with RSeq + `more` of the response sent as i. */
static void prack(struct world *w, int i, const char *branch, int more, const char *body)
{
	static unsigned cseq = 100;
	char rack[64];

	snprintf(rack, sizeof(rack), "RAck: %ld 10 INVITE\r\n",
		 strtol(field(w, i, "RSeq"), NULL, 10) + more);
	request_in(w, i, "PRACK", branch, ++cseq, rack, body);
}

static void ok(struct world *w)
{
	assert_int_equal(sip_request_reply(w->req, &(struct invite_reply){ .status = 200 }), 0);
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
}

static void a_reliable_response(void **state)
{
	struct world *w = incoming(REL);
	long rseq;

	assert_int_equal(say(w, 183, "early"), 0);
	assert_true(sent_is(w, 1, "SIP/2.0 183 "));
	assert_string_equal(field(w, 1, "Require"), "100rel");
	assert_string_equal(field(w, 1, "Supported"), "replaces, from-change, 100rel");
	assert_non_null(strstr(field(w, 1, "Allow"), "PRACK, UPDATE"));
	assert_string_equal(field(w, 1, "Contact"), "<sip:us@192.0.2.1:5060>");
	rseq = strtol(field(w, 1, "RSeq"), NULL, 10);
	assert_in_range(rseq, 1, INT32_MAX);
	world_finish(w);
}

static void only_where_it_is_supported(void **state)
{
	static const char *const yes[] = { REL, "Require: 100rel\r\n", "k: timer, 100REL\r\n" };
	struct world *w;

	for (unsigned i = 0; i < 3; i++) {
		w = incoming(yes[i]);
		assert_int_equal(say(w, 180, ""), 0);
		world_finish(w);
	}
	w = incoming("Supported: timer\r\n");
	assert_int_equal(say(w, 180, ""), -EINVAL);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(reply(w, 180, ""), 0);
	assert_string_equal(field(w, -1, "RSeq"), "");
	assert_int_equal(say(w, 200, ""), 0); /* a final one is reliable anyway */
	assert_string_equal(field(w, -1, "RSeq"), "");
	assert_string_equal(field(w, -1, "Require"), "");
	world_finish(w);
}

/* 3: T1, doubled without an end, for 64*T1, even on a stream; then 5xx. */
static void repeated(void **state)
{
	static const unsigned times[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };

	for (int tcp = 0; tcp < 2; tcp++) {
		struct world *w = world_new();

		w->transport = tcp ? SIP_TCP : SIP_UDP;
		request(w, "INVITE", "i", 10, REL, "offer");
		say(w, 183, "early");
		advance(w, 31999);
		assert_times(w, "SIP/2.0 183", times, 7);
		assert_string_equal(sent(w, 1), sent(w, 7));
		assert_int_equal(w->n_seen, 0);
		advance(w, 1);
		assert_seen(w, 0, INVITE_LOST, 0);
		assert_int_equal(w->seen[0].lost, INVITE_LOST_PRACK);
		assert_true(sent_is(w, 8, "SIP/2.0 504 "));
		assert_int_equal(counter_of(w, "timeout.prack"), 1);
		assert_null(w->inv);
		prack(w, 1, "p", 0, "");
		assert_true(sent_is(w, -1, "SIP/2.0 481 "));
		world_finish(w);
	}
}

static void the_prack_ends_it(void **state)
{
	struct world *w = incoming(REL);

	say(w, 183, "early");
	advance(w, 700);
	prack(w, 1, "p", 0, "answer");
	assert_seen(w, 0, INVITE_PRACK, 0);
	assert_string_equal(w->seen[0].body, "answer");
	assert_int_equal(w->got.method, SIP_PRACK);
	ok(w);
	assert_int_equal(w->n_sent, 4);
	advance(w, 40000);
	assert_int_equal(w->n_sent, 4);
	assert_int_equal(w->n_seen, 1);
	world_finish(w);
}

/* The same PRACK once more is its transaction's, another one fits nothing. */
static void pracks_again(void **state)
{
	struct world *w = incoming(REL);
	char rack[40];

	say(w, 183, "early");
	snprintf(rack, sizeof(rack), "RAck: %s 10 INVITE\r\n", field(w, 1, "RSeq"));
	request_in(w, 1, "PRACK", "p", 11, rack, "");
	ok(w);
	request_in(w, 1, "PRACK", "p", 11, rack, "");
	assert_string_equal(sent(w, -1), sent(w, -2));
	request_in(w, 1, "PRACK", "q", 12, rack, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	assert_int_equal(w->n_seen, 1);
	world_finish(w);
}

static void pracks_that_fit_nothing(void **state)
{
	static const char *const rows[] = {
		"RAck: %u 10 OPTIONS\r\n", "RAck: %u 11 INVITE\r\n",   "RAck: %u INVITE\r\n", "",
		"RAck: 0 10 INVITE\r\n",   "RAck: %u 10 INVITE, x\r\n"
	};
	struct world *w = incoming(REL);
	char rack[64], branch[8];
	unsigned rseq;

	request_in(w, 0, "PRACK", "n", 11, "RAck: 1 10 INVITE\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	say(w, 183, "early");
	rseq = (unsigned)strtoul(field(w, -1, "RSeq"), NULL, 10);
	world_forget(w);
	say(w, 183, ""); /* waits */
	reply(w, 182, "");
	for (unsigned i = 0; i < 6; i++) {
		snprintf(rack, sizeof(rack), rows[i], rseq);
		snprintf(branch, sizeof(branch), "p%u", i);
		request_in(w, 0, "PRACK", branch, 12 + i, rack, "");
		assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	}
	snprintf(rack, sizeof(rack), "RAck: %u 10 INVITE\r\n", rseq + 1);
	request_in(w, 0, "PRACK", "r", 20, rack, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	assert_int_equal(w->n_seen, 0);
	advance(w, 500);
	assert_true(sent_is(w, -1, "SIP/2.0 183 "));
	world_finish(w);
}

/* 3: the second one waits for the PRACK of the first, and has the next number. */
static void one_after_the_other(void **state)
{
	struct world *w = incoming(REL);
	long first;

	say(w, 183, "early");
	assert_int_equal(say(w, 180, ""), 0);
	assert_int_equal(say(w, 182, "more"), 0);
	assert_int_equal(w->n_sent, 2);
	first = strtol(field(w, 1, "RSeq"), NULL, 10);
	w->on_event = callee;
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, 3, "SIP/2.0 180 "));
	assert_int_equal(strtol(field(w, 3, "RSeq"), NULL, 10), first + 1);
	advance(w, 500);
	assert_true(sent_is(w, 4, "SIP/2.0 180 "));
	prack(w, 1, "p2", 0, ""); /* of the first */
	assert_true(sent_is(w, 5, "SIP/2.0 481 "));
	prack(w, 3, "p3", 0, "");
	assert_true(sent_is(w, 7, "SIP/2.0 182 "));
	assert_int_equal(strtol(field(w, 7, "RSeq"), NULL, 10), first + 2);
	assert_non_null(strstr(sent(w, 7), "\r\n\r\nmore"));
	assert_int_equal(count_seen(w, INVITE_PRACK), 2);
	world_finish(w);
}

/* One that is not reliable passes by; what is repeated is the other. */
static void unreliable_between(void **state)
{
	struct world *w = incoming(REL);

	say(w, 183, "early");
	reply(w, 180, "");
	assert_true(sent_is(w, 2, "SIP/2.0 180 "));
	assert_string_equal(field(w, 2, "RSeq"), "");
	advance(w, 500);
	assert_string_equal(sent(w, 3), sent(w, 1));
	request(w, "INVITE", "i", 10, REL, "offer");
	assert_string_equal(sent(w, 4), sent(w, 2));
	world_finish(w);
}

/* ---- 2xx: 3 ---- */

static void answer_waits_for_a_body(void **state)
{
	struct world *w = incoming(REL);

	say(w, 183, "early");
	assert_int_equal(reply(w, 200, "answer"), 0);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(reply(w, 200, "answer"), -EINVAL);
	assert_int_equal(reply(w, 486, ""), -EINVAL);
	assert_string_equal(invite_state_name(w->inv), "PROCEEDING");
	advance(w, 500);
	assert_int_equal(count_sent(w, "SIP/2.0 183"), 2);
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	assert_string_equal(field(w, -1, "CSeq"), "10 INVITE");
	assert_non_null(strstr(sent(w, -1), "\r\n\r\nanswer"));
	assert_string_equal(invite_state_name(w->inv), "ACCEPTED");
	ok(w);
	request_in(w, 1, "ACK", "k", 10, "", "");
	assert_int_equal(last_seen(w)->type, INVITE_ACK);
	assert_int_equal(count_sent(w, "SIP/2.0 183"), 2);
	world_finish(w);
}

static void answer_waits_for_bodies_that_wait(void **state)
{
	struct world *w = incoming(REL);

	say(w, 180, "");
	say(w, 183, "early");
	say(w, 182, "");
	reply(w, 200, "");
	assert_int_equal(w->n_sent, 2);
	w->on_event = callee;
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, 3, "SIP/2.0 183 "));
	assert_int_equal(w->n_sent, 4);
	prack(w, 3, "q", 0, "");
	/* 182 has no body: the answer need not wait for it */
	assert_true(sent_is(w, 5, "SIP/2.0 182 "));
	assert_true(sent_is(w, 6, "SIP/2.0 200 "));
	advance(w, 400);
	assert_int_equal(w->n_sent, 7);
	world_finish(w);
}

static void answer_does_not_wait_without_bodies(void **state)
{
	struct world *w = incoming(REL);

	say(w, 180, "");
	say(w, 182, "");
	reply(w, 200, "");
	assert_true(sent_is(w, 2, "SIP/2.0 200 "));
	request_in(w, 2, "ACK", "k", 10, "", "");
	advance(w, 40000);
	assert_int_equal(count_sent(w, "SIP/2.0 18"), 1);
	assert_int_equal(w->n_sent, 3);
	world_finish(w);
}

/* 3: it must be taken after the answer too, as long as the other side may send it. */
static void prack_after_the_answer(void **state)
{
	struct world *w = incoming(REL);

	say(w, 180, "");
	reply(w, 200, "answer");
	prack(w, 1, "p", 0, "");
	assert_seen(w, 0, INVITE_PRACK, 0);
	ok(w);
	prack(w, 1, "q", 0, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	world_finish(w);

	w = incoming(REL);
	say(w, 180, "");
	reply(w, 200, "answer");
	request_in(w, 1, "ACK", "k", 10, "", "");
	advance(w, 31000);
	prack(w, 1, "p", 0, "");
	assert_seen(w, 1, INVITE_PRACK, 0);
	ok(w);
	world_finish(w);

	w = incoming(REL);
	say(w, 180, "");
	reply(w, 200, "answer");
	request_in(w, 1, "ACK", "k", 10, "", "");
	advance(w, 33000);
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	assert_int_equal(w->n_seen, 1);
	world_finish(w);
}

/* ---- the end in between ---- */

static void ends(struct world *w, enum invite_event_type type, const char *start)
{
	assert_int_equal(count_sent(w, start), 1);
	assert_int_equal(last_seen(w)->type, type);
	assert_null(w->inv);
	prack(w, 1, "late", 0, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	world_finish(w);
}

static void cancelled(void **state)
{
	for (int answered = 0; answered < 2; answered++) {
		struct world *w = incoming(REL);

		say(w, 183, "early");
		say(w, 180, "");
		if (answered)
			reply(w, 200, "");
		request(w, "CANCEL", "i", 10, "", "");
		ends(w, INVITE_CANCEL, "SIP/2.0 487 ");
	}
}

static void bye(void **state)
{
	for (int answered = 0; answered < 2; answered++) {
		struct world *w = incoming(REL);

		say(w, 183, "early");
		if (answered)
			reply(w, 200, "");
		request_in(w, 1, "BYE", "b", 11, "", "");
		ends(w, INVITE_BYE, "SIP/2.0 487 ");
	}
}

static void ended_by_our_user(void **state)
{
	for (int answered = 0; answered < 2; answered++) {
		struct world *w = incoming(REL);

		say(w, 183, "early");
		if (answered)
			reply(w, 200, "");
		invite_end(w->inv, 0, STR_NONE);
		w->inv = NULL;
		assert_true(sent_is(w, -1, "SIP/2.0 480 "));
		advance(w, 300);
		assert_int_equal(w->n_sent, 3);
		world_finish(w);
	}
}

/* 3: a failure need not wait. */
static void refused(void **state)
{
	struct world *w = incoming(REL);

	say(w, 183, "early");
	say(w, 180, "");
	assert_int_equal(reply(w, 486, ""), 0);
	w->inv = NULL;
	assert_true(sent_is(w, 2, "SIP/2.0 486 "));
	request(w, "ACK", "i", 10, "", "");
	advance(w, 40000);
	assert_int_equal(w->n_sent, 3);
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, 3, "SIP/2.0 481 "));
	world_finish(w);
}

static void no_prack_for_the_answer(void **state)
{
	struct world *w = incoming(REL);

	say(w, 183, "early");
	reply(w, 200, "");
	advance(w, 32000);
	assert_seen(w, 0, INVITE_LOST, 0);
	assert_int_equal(w->seen[0].lost, INVITE_LOST_PRACK);
	assert_true(sent_is(w, -1, "SIP/2.0 504 "));
	world_finish(w);
}

static void end_it(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type != INVITE_PRACK)
		return;
	invite_end(inv, 0, STR_NONE);
	w->inv = NULL;
}

static void our_user_ends_it_in_the_prack(void **state)
{
	struct world *w = incoming(REL);

	w->on_event = end_it;
	say(w, 183, "early");
	reply(w, 200, "");
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, -1, "SIP/2.0 480 "));
	ok(w); /* is owed all the same */
	world_finish(w);
}

static void answer_in_the_prack(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type != INVITE_PRACK)
		return;
	ok(w);
	say(w, 180, "");
	reply(w, 200, "");
}

/* What our user says in the callback comes behind what waits. */
static void order_of_what_waits(void **state)
{
	struct world *w = incoming(REL);

	say(w, 183, "early");
	say(w, 182, "");
	w->on_event = answer_in_the_prack;
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, 2, "SIP/2.0 200 "));
	assert_string_equal(field(w, 2, "CSeq") + 4, "PRACK");
	assert_true(sent_is(w, 3, "SIP/2.0 200 "));
	assert_string_equal(field(w, 3, "CSeq"), "10 INVITE");
	world_finish(w);
}

static void too_large_for_a_datagram(void **state)
{
	static char body[SIP_DATAGRAM_MAX];
	struct world *w = incoming(REL);

	memset(body, 'x', sizeof(body) - 1);
	assert_int_equal(say(w, 183, body), -EMSGSIZE);
	assert_int_equal(say(w, 183, "early"), 0);
	assert_int_equal(say(w, 180, body), -EMSGSIZE);
	assert_int_equal(reply(w, 200, body), -EMSGSIZE);
	assert_int_equal(reply(w, 200, "x"), 0);
	w->on_event = callee;
	prack(w, 1, "p", 0, "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	world_finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reliable_response),
		cmocka_unit_test(only_where_it_is_supported),
		cmocka_unit_test(repeated),
		cmocka_unit_test(the_prack_ends_it),
		cmocka_unit_test(pracks_again),
		cmocka_unit_test(pracks_that_fit_nothing),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(unreliable_between),
		cmocka_unit_test(answer_waits_for_a_body),
		cmocka_unit_test(answer_waits_for_bodies_that_wait),
		cmocka_unit_test(answer_does_not_wait_without_bodies),
		cmocka_unit_test(prack_after_the_answer),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(bye),
		cmocka_unit_test(ended_by_our_user),
		cmocka_unit_test(refused),
		cmocka_unit_test(no_prack_for_the_answer),
		cmocka_unit_test(our_user_ends_it_in_the_prack),
		cmocka_unit_test(order_of_what_waits),
		cmocka_unit_test(too_large_for_a_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
