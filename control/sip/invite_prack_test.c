/* SPDX-License-Identifier: Apache-2.0 */
/* Reliable provisional responses of others and our PRACK, RFC 3262; the numbers in comments are its sections. At the
 * end both sides, by a bad wire. */
#include "sip/invite_rel_test.h"

#define CONTACT "Contact: <sip:bob@192.0.2.99>\r\n"
#define RSEQ(n) "Require: 100rel\r\nRSeq: " n "\r\n"

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
