/* SPDX-License-Identifier: Apache-2.0 */
/* Reliable provisional responses, RFC 3262; the numbers in comments are its sections. */
#include "sip/world_test.h"

#define REL     "Supported: 100rel\r\n"
#define CONTACT "Contact: <sip:bob@192.0.2.99>\r\n"
#define RSEQ(n) "Require: 100rel\r\nRSeq: " n "\r\n"

/* ---- as server ---- */

static int say(struct world *w, unsigned status, const char *body)
{
	struct invite_reply r = { .status = status,
				  .reliable = true,
				  .body = str_of(body),
				  .body_type = *body ? STR("application/sdp") : STR_NONE };
	return invite_reply(w->inv, &r);
}

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

static void callee(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_PRACK)
		sip_request_reply(e->request, &(struct invite_reply){ .status = 200 });
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

/* ---- as client ---- */

static struct world *outgoing(enum invite_rel rel)
{
	struct world *w = world_new();

	w->terms.rel = (uint8_t)rel;
	assert_non_null(call(w));
	return w;
}

static void what_we_say(void **state)
{
	struct world *w = outgoing(INVITE_REL_NEVER);

	assert_string_equal(field(w, 0, "Supported"), "replaces, from-change");
	assert_string_equal(field(w, 0, "Require"), "");
	world_finish(w);
	w = outgoing(INVITE_REL_SUPPORT);
	assert_string_equal(field(w, 0, "Supported"), "replaces, from-change, 100rel");
	assert_string_equal(field(w, 0, "Require"), "");
	world_finish(w);
	w = outgoing(INVITE_REL_REQUIRE);
	assert_string_equal(field(w, 0, "Supported"), "replaces, from-change, 100rel");
	assert_string_equal(field(w, 0, "Require"), "100rel");
	world_finish(w);
}

static void our_prack(void **state)
{
	struct world *w = outgoing(INVITE_REL_SUPPORT);

	answer(w, 0, 183, "t",
	       RSEQ("7") "Record-Route: <sip:192.0.2.50;lr>\r\n"
			 "Contact: <sip:bob@192.0.2.77:5070>\r\n",
	       "sdp");
	assert_seen(w, 0, INVITE_PROGRESS, 183);
	assert_true(w->seen[0].reliable);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(invite_prack(w->inv, 0, STR("answer"), STR("application/sdp")), 0);
	assert_true(sent_is(w, 1, "PRACK sip:bob@192.0.2.77:5070 SIP/2.0\r\n"));
	assert_string_equal(field(w, 1, "RAck"), "7 1 INVITE");
	assert_string_equal(field(w, 1, "CSeq"), "2 PRACK");
	assert_string_equal(field(w, 1, "Route"), "<sip:192.0.2.50;lr>");
	assert_string_equal(field(w, 1, "To"), "<sip:bob@192.0.2.99>;tag=t");
	assert_string_equal(field(w, 1, "From"), field(w, 0, "From"));
	assert_string_equal(field(w, 1, "Content-Type"), "application/sdp");
	assert_non_null(strstr(sent(w, 1), "\r\n\r\nanswer"));
	assert_int_equal(invite_prack(w->inv, 0, STR_NONE, STR_NONE), -EINVAL);
	assert_int_equal(invite_prack(w->inv, 1, STR_NONE, STR_NONE), -EINVAL);
	/* Its transaction repeats it, nobody else. */
	advance(w, 600);
	assert_string_equal(sent(w, 2), sent(w, 1));
	answer(w, 1, 200, "", "", "");
	answer(w, 0, 183, "t", RSEQ("7") CONTACT, "sdp");
	advance(w, 10000);
	assert_int_equal(w->n_sent, 3);
	assert_int_equal(w->n_seen, 1);
	world_finish(w);
}

/* 4: in order, each once. */
static void order(void **state)
{
	struct world *w = outgoing(INVITE_REL_SUPPORT);

	answer(w, 0, 183, "t", RSEQ("7") CONTACT, "a");
	answer(w, 0, 183, "t", RSEQ("7") CONTACT, "a");
	answer(w, 0, 180, "t", RSEQ("8") CONTACT, ""); /* before our PRACK */
	assert_int_equal(w->n_seen, 1);
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	answer(w, 0, 183, "t", RSEQ("7") CONTACT, "a");
	answer(w, 0, 180, "t", RSEQ("9") CONTACT, "");
	answer(w, 0, 180, "t", RSEQ("6") CONTACT, "");
	assert_int_equal(w->n_seen, 1);
	answer(w, 0, 180, "t", RSEQ("8") CONTACT, "");
	assert_seen(w, 1, INVITE_PROGRESS, 180);
	assert_true(w->seen[1].reliable);
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	assert_string_equal(field(w, -1, "RAck"), "8 1 INVITE");
	assert_string_equal(field(w, -1, "CSeq"), "3 PRACK");
	answer(w, 0, 180, "t", RSEQ("9") CONTACT, "");
	assert_seen(w, 2, INVITE_PROGRESS, 180);
	/* One that is not reliable comes in between. */
	answer(w, 0, 182, "t", CONTACT, "");
	assert_seen(w, 3, INVITE_PROGRESS, 182);
	assert_false(w->seen[3].reliable);
	world_finish(w);
}

static void each_fork_has_its_own_order(void **state)
{
	struct world *w = outgoing(INVITE_REL_SUPPORT);

	answer(w, 0, 183, "a", RSEQ("7") "Contact: <sip:a@192.0.2.97>\r\n", "x");
	answer(w, 0, 183, "b", RSEQ("7") "Contact: <sip:b@192.0.2.98>\r\n", "y");
	assert_int_equal(w->n_seen, 2);
	assert_int_equal(w->seen[1].fork, 1);
	invite_prack(w->inv, 1, STR_NONE, STR_NONE);
	assert_true(sent_is(w, -1, "PRACK sip:b@192.0.2.98 "));
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	assert_true(sent_is(w, -1, "PRACK sip:a@192.0.2.97 "));
	answer(w, 0, 183, "b", RSEQ("8") CONTACT, "y");
	answer(w, 0, 183, "a", RSEQ("9") CONTACT, "y");
	assert_int_equal(w->n_seen, 3);
	world_finish(w);
}

static void what_is_not_reliable(void **state)
{
	struct world *w = outgoing(INVITE_REL_NEVER);

	answer(w, 0, 183, "a", RSEQ("7") CONTACT, "x");
	assert_false(w->seen[0].reliable);
	assert_int_equal(invite_prack(w->inv, 0, STR_NONE, STR_NONE), -EINVAL);
	world_finish(w);
	w = outgoing(INVITE_REL_SUPPORT);
	answer(w, 0, 100, "", RSEQ("7"), "");
	assert_int_equal(w->n_seen, 0);
	answer(w, 0, 183, "a", "Require: 100rel\r\n" CONTACT, "x");
	answer(w, 0, 183, "a", "RSeq: 3\r\n" CONTACT, "x");
	answer(w, 0, 183, "a", RSEQ("0") CONTACT, "x");
	answer(w, 0, 183, "a", RSEQ("4294967296") CONTACT, "x");
	answer(w, 0, 183, "", RSEQ("7") CONTACT, "x");
	assert_int_equal(w->n_seen, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_false(w->seen[i].reliable);
	world_finish(w);
}

/* Its last word on the dialog is 481 or nothing: nobody is there. Anything else changes nothing. */
static void answers_to_our_prack(void **state)
{
	static const unsigned status[] = { 481, 408, 500, 488, 0 };

	for (unsigned i = 0; i < 5; i++) {
		struct world *w = outgoing(INVITE_REL_SUPPORT);
		bool gone = status[i] == 481 || status[i] == 408 || !status[i];

		answer(w, 0, 183, "a", RSEQ("7") CONTACT, "x");
		invite_prack(w->inv, 0, STR_NONE, STR_NONE);
		if (status[i])
			answer(w, 1, status[i], "", "", "");
		else
			advance(w, 33000);
		assert_int_equal(w->n_seen, 1);
		assert_int_equal(invite_update(w->inv, 0, STR_NONE, STR_NONE, STR_NONE),
				 gone ? -EINVAL : 0);
		answer(w, 0, 200, "a", CONTACT, "");
		assert_int_equal(last_seen(w)->type, INVITE_ANSWER);
		invite_ack(w->inv, STR_NONE, STR_NONE);
		world_finish(w);
	}
}

/* One that comes after the answer does not end the call. */
static void late_answer_to_our_prack(void **state)
{
	struct world *w = outgoing(INVITE_REL_SUPPORT);

	answer(w, 0, 183, "a", RSEQ("7") CONTACT, "x");
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	answer(w, 0, 200, "a", CONTACT, "");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	answer(w, 1, 481, "", "", "");
	assert_int_equal(last_seen(w)->type, INVITE_ANSWER);
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	invite_end(w->inv, 0, STR_NONE);
	w->inv = NULL;
	assert_string_equal(field(w, -1, "CSeq"), "3 BYE");
	world_finish(w);
}

static bool login(void *arg, int peer, struct auth_login *out)
{
	*out = (struct auth_login){ "u", "p", NULL, AUTH_BIT(AUTH_MD5) };
	return true;
}

/* The INVITE's credentials go on in the PRACK, and one that is challenged goes again. */
static void credentials(void **state)
{
	static const char challenge[] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", "
					"algorithm=MD5, qop=\"auth\"\r\n";
	struct world *w = world_new();

	w->terms.rel = INVITE_REL_SUPPORT;
	w->sip->user.login = login;
	call(w);
	answer(w, 0, 401, "x", challenge, "");
	assert_true(sent_is(w, 2, "INVITE "));
	answer(w, 2, 183, "a", RSEQ("7") CONTACT, "x");
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	assert_string_equal(field(w, 3, "CSeq"), "3 PRACK");
	assert_string_equal(field(w, 3, "RAck"), "7 2 INVITE");
	assert_string_not_equal(field(w, 3, "Authorization"), "");
	world_finish(w);

	w = world_new();
	w->terms.rel = INVITE_REL_SUPPORT;
	w->sip->user.login = login;
	call(w);
	answer(w, 0, 183, "a", RSEQ("7") CONTACT, "x");
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	assert_string_equal(field(w, 1, "Authorization"), "");
	answer(w, 1, 401, "", challenge, "");
	assert_string_equal(field(w, 2, "CSeq"), "3 PRACK");
	assert_string_equal(field(w, 2, "RAck"), "7 1 INVITE");
	assert_string_not_equal(field(w, 2, "Authorization"), "");
	answer(w, 2, 200, "", "", "");
	answer(w, 0, 200, "a", CONTACT, "");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	invite_end(w->inv, 0, STR_NONE);
	w->inv = NULL;
	assert_string_equal(field(w, -1, "CSeq"), "4 BYE");
	world_finish(w);
}

static void ended_with_a_prack_open(void **state)
{
	struct world *w = outgoing(INVITE_REL_SUPPORT);

	answer(w, 0, 183, "a", RSEQ("7") CONTACT, "x");
	invite_prack(w->inv, 0, STR_NONE, STR_NONE);
	invite_end(w->inv, 0, STR_NONE);
	w->inv = NULL;
	assert_true(sent_is(w, -1, "CANCEL "));
	answer(w, 1, 200, "", "", "");
	answer(w, 0, 183, "a", RSEQ("8") CONTACT, "x");
	answer(w, 0, 487, "a", "", "");
	assert_true(sent_is(w, -1, "ACK "));
	world_finish(w);
}

/* ---- bad wires ---- */

static int lose_and_shuffle(struct world *w, const char *text)
{
	return loop_random_u32(w->loop, 4) == 0 ? -1 : (int)loop_random_u32(w->loop, 900);
}

static void caller(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_PROGRESS && e->reliable)
		assert_int_equal(invite_prack(inv, e->fork, STR_NONE, STR_NONE), 0);
	else if (e->type == INVITE_ANSWER)
		assert_int_equal(invite_ack(inv, STR_NONE, STR_NONE), 0);
}

static void four_and_answer(struct world *w, struct invite *inv)
{
	say(w, 181, "1");
	say(w, 182, "2");
	say(w, 183, "3");
	say(w, 180, "4");
	reply(w, 200, "answer");
}

/* Whatever the wire does, what the caller hears is 1, 2, 3, 4, answer, or the first of them before the end. */
static void reliable_on_a_bad_wire(void **state)
{
	static const char *const want[] = { "1", "2", "3", "4", "answer" };
	unsigned answered = 0;

	for (unsigned i = 0; i < 100; i++) {
		struct world *a, *b;
		unsigned n = 0;

		world_pair(&a, &b);
		for (unsigned k = 0; k < i; k++)
			loop_random_u32(a->loop, 1000);
		a->terms.rel = b->terms.rel = INVITE_REL_SUPPORT;
		a->wire = b->wire = lose_and_shuffle;
		a->copies = b->copies = 1 + (int)(i % 2);
		a->on_event = caller;
		b->on_event = callee;
		b->on_invite = four_and_answer;
		call(a);
		advance(a, 200000);
		for (unsigned k = 0; k < a->n_seen; k++)
			if (a->seen[k].type == INVITE_PROGRESS || a->seen[k].type == INVITE_ANSWER)
				assert_string_equal(a->seen[k].body, want[n++]);
		answered += n == 5;
		if (n == 5)
			assert_int_equal(count_seen(b, INVITE_PRACK), 4);
		world_finish_pair(a, b);
	}
	assert_true(answered > 80);
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
		cmocka_unit_test(what_we_say),
		cmocka_unit_test(our_prack),
		cmocka_unit_test(order),
		cmocka_unit_test(each_fork_has_its_own_order),
		cmocka_unit_test(what_is_not_reliable),
		cmocka_unit_test(answers_to_our_prack),
		cmocka_unit_test(late_answer_to_our_prack),
		cmocka_unit_test(credentials),
		cmocka_unit_test(ended_with_a_prack_open),
		cmocka_unit_test(reliable_on_a_bad_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
