/* SPDX-License-Identifier: Apache-2.0 */
/* UPDATE (RFC 3311) where it is not about early dialogs of ours (invite_early_test.c): after the answer, and as server
 * before it. */
#include "sip/world_test.h"

#define CONTACT "Contact: <sip:far@192.0.2.99>\r\n"
#define OFFER   STR("offer"), STR("application/sdp")

static const char *const state_after[] = { "CONFIRMED", "ACCEPTED", "OFFERED", "REACCEPTED",
					   "REINVITING" };

/* The peer has called; the response that has the tag is number 1. */
static struct world *talking(void)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 10, "", "offer");
	reply(w, 200, "answer");
	request_in(w, 1, "ACK", "k", 10, "", "");
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	return w;
}

static void answer_request(struct world *w, unsigned status, const char *body)
{
	struct invite_reply r = { .status = status,
				  .body = str_of(body),
				  .body_type = *body ? STR("application/sdp") : STR_NONE };

	assert_int_equal(sip_request_reply(w->req, &r), 0);
}

static int update(struct world *w)
{
	return invite_update(w->inv, 0, STR("Subject: x\r\n"), OFFER);
}

/* ---- ours ---- */

static void ours(void **state)
{
	struct world *w = talking();

	assert_int_equal(update(w), 0);
	assert_true(sent_is(w, 2, "UPDATE sip:far@192.0.2.99 SIP/2.0\r\n"));
	assert_string_equal(field(w, 2, "CSeq"), "1 UPDATE");
	assert_string_equal(field(w, 2, "Contact"), "<sip:us@192.0.2.1:5060>");
	assert_non_null(strstr(field(w, 2, "Allow"), "UPDATE"));
	assert_string_equal(field(w, 2, "Supported"), "replaces, from-change");
	assert_string_equal(field(w, 2, "Subject"), "x");
	assert_string_equal(field(w, 2, "Content-Type"), "application/sdp");
	assert_int_equal(update(w), -EBUSY);
	answer(w, 2, 183, "", "", "");
	assert_int_equal(w->n_seen, 1);
	answer(w, 2, 200, "", "Contact: <sip:far2@192.0.2.98:5070>\r\n", "answer");
	assert_seen(w, 1, INVITE_UPDATED, 200);
	assert_string_equal(w->seen[1].body, "answer");
	/* 5.1: its Contact is the target from now on. */
	assert_int_equal(update(w), 0);
	assert_true(sent_is(w, 3, "UPDATE sip:far2@192.0.2.98:5070 SIP/2.0\r\n"));
	answer(w, 3, 488, "", CONTACT, "");
	assert_seen(w, 2, INVITE_UPDATED, 488);
	assert_int_equal(update(w), 0);
	assert_true(sent_is(w, 4, "UPDATE sip:far2@192.0.2.98:5070 SIP/2.0\r\n"));
	assert_string_equal(field(w, 4, "CSeq"), "3 UPDATE");
	world_finish(w);
}

static void failures(void **state)
{
	static const unsigned status[] = { 491, 500, 504, 405, 501, 603 };

	for (unsigned i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		struct world *w = talking();

		update(w);
		answer(w, 2, status[i], "", "", "");
		assert_seen(w, 1, INVITE_UPDATED, status[i]);
		assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
		assert_int_equal(w->n_seen, 2);
		assert_int_equal(update(w), 0);
		world_finish(w);
	}
}

/* RFC 3261 12.2.1.2. */
static void lost(void **state)
{
	static const unsigned status[] = { 481, 408, 0 };

	for (unsigned i = 0; i < 3; i++) {
		struct world *w = talking();
		unsigned s = status[i] ? status[i] : 408;

		update(w);
		if (status[i])
			answer(w, 2, s, "", "", "");
		else
			advance(w, 32000);
		assert_seen(w, 1, INVITE_UPDATED, s);
		assert_seen(w, 2, INVITE_LOST, s);
		assert_int_equal(w->seen[2].lost, INVITE_LOST_STATUS);
		assert_null(w->inv);
		assert_true(sent_is(w, -1, "BYE "));
		world_finish(w);
	}
}

/* Whatever else is open in the dialog. */
static void put_into(struct world *w, unsigned state)
{
	static const char reinvite[] = "INVITE";

	if (state == 2 || state == 3)
		request_in(w, 1, reinvite, "r", 11, "", "offer");
	if (state == 3)
		reply(w, 200, "answer");
	if (state == 4)
		invite_reinvite(w->inv, STR_NONE, OFFER);
	assert_string_equal(invite_state_name(w->inv), state_after[state]);
}

static struct world *in_state(unsigned state)
{
	struct world *w;

	if (state != 1) {
		w = talking();
	} else {
		w = world_new();
		request(w, "INVITE", "i", 10, "", "offer");
		reply(w, 200, "answer");
	}
	put_into(w, state);
	return w;
}

static void in_every_state(void **state)
{
	for (unsigned i = 0; i < 5; i++) {
		struct world *w = in_state(i);

		assert_int_equal(update(w), 0);
		answer(w, -1, 200, "", "", "answer");
		assert_int_equal(last_seen(w)->type, INVITE_UPDATED);
		request_in(w, 1, "UPDATE", "u", 20, CONTACT, "offer");
		assert_int_equal(last_seen(w)->type, INVITE_UPDATE);
		answer_request(w, 200, "answer");
		assert_string_equal(invite_state_name(w->inv), state_after[i]);
		world_finish(w);
	}
}

/* As client, between the 2xx and our ACK. */
static void before_our_ack(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 200, "t", "Contact: <sip:bob@192.0.2.99>\r\n", "sdp");
	assert_int_equal(update(w), 0);
	answer(w, 1, 481, "", "", "");
	assert_seen(w, 1, INVITE_UPDATED, 481);
	assert_seen(w, 2, INVITE_LOST, 481);
	assert_true(sent_is(w, 2, "ACK "));
	assert_true(sent_is(w, 3, "BYE "));
	world_finish(w);
}

static void when_it_ends(void **state)
{
	struct world *w = in_state(1);
	struct invite *inv = w->inv;

	update(w);
	invite_end(inv, 0, STR_NONE); /* its BYE waits for the ACK */
	w->inv = NULL;
	assert_int_equal(invite_update(inv, 0, STR_NONE, OFFER), -EBUSY);
	request_in(w, 1, "UPDATE", "u", 20, CONTACT, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request_in(w, 1, "PRACK", "p", 21, "RAck: 1 10 INVITE\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request_in(w, 1, "INFO", "f", 22, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	answer(w, 2, 200, "", "", "");
	request_in(w, 1, "ACK", "k", 10, "", "");
	assert_true(sent_is(w, -1, "BYE "));
	request_in(w, 1, "UPDATE", "u2", 23, CONTACT, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	assert_int_equal(w->n_seen, 0);
	world_finish(w);
	w = in_state(1);
	inv = w->inv;
	invite_end(inv, 0, STR_NONE);
	w->inv = NULL;
	assert_int_equal(invite_update(inv, 0, STR_NONE, OFFER), -EBUSY);
	world_finish(w);
}

static void too_long(void **state)
{
	static char body[SIP_DATAGRAM_MAX];
	struct world *w = talking();

	memset(body, 'x', sizeof(body) - 1);
	assert_int_equal(invite_update(w->inv, 0, STR_NONE, str_of(body), STR("t/t")), -EMSGSIZE);
	assert_int_equal(update(w), 0);
	assert_string_equal(field(w, 2, "CSeq"), "1 UPDATE");
	world_finish(w);
}

/* ---- the peer's ---- */

static void theirs(void **state)
{
	struct world *w = talking();

	request_in(w, 1, "UPDATE", "u", 11, "Contact: <sip:far3@192.0.2.98>\r\n", "offer");
	assert_seen(w, 1, INVITE_UPDATE, 0);
	assert_string_equal(w->seen[1].body, "offer");
	assert_int_equal(w->got.method, SIP_UPDATE);
	answer_request(w, 200, "answer");
	assert_true(sent_is(w, 2, "SIP/2.0 200 "));
	assert_string_equal(field(w, 2, "Contact"), "<sip:us@192.0.2.1:5060>");
	assert_non_null(strstr(field(w, 2, "Allow"), "UPDATE"));
	assert_string_equal(field(w, 2, "Supported"), "replaces, from-change");
	assert_non_null(strstr(sent(w, 2), "\r\n\r\nanswer"));
	request_in(w, 1, "UPDATE", "u", 11, "Contact: <sip:far3@192.0.2.98>\r\n", "offer");
	assert_string_equal(sent(w, 3), sent(w, 2));
	assert_int_equal(w->n_seen, 2);
	request_in(w, 1, "UPDATE", "v", 12, "", "offer"); /* without a Contact: all stays */
	answer_request(w, 488, "");
	assert_string_equal(field(w, -1, "Contact"), "");
	assert_string_equal(field(w, -1, "Allow"), "");
	request_in(w, 1, "UPDATE", "x", 12, "", "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	update(w);
	assert_true(sent_is(w, -1, "UPDATE sip:far3@192.0.2.98 "));
	world_finish(w);
}

/* 5.2 */
static void one_at_a_time(void **state)
{
	for (int drop = 0; drop < 2; drop++) {
		struct world *w = talking();

		request_in(w, 1, "UPDATE", "u", 11, CONTACT, "offer");
		request_in(w, 1, "UPDATE", "v", 12, CONTACT, "offer");
		assert_true(sent_is(w, -1, "SIP/2.0 500 "));
		assert_in_range(strtol(field(w, -1, "Retry-After"), NULL, 10), 0, 10);
		assert_int_equal(w->n_seen, 2);
		assert_int_equal(update(w), 0); /* ours may cross it */
		if (drop)
			sip_request_drop(w->req);
		else
			answer_request(w, 488, "");
		request_in(w, 1, "UPDATE", "x", 13, CONTACT, "offer");
		assert_int_equal(w->n_seen, 3);
		answer_request(w, 200, "");
		world_finish(w);
	}
}

/* Our user took too long: nothing is said any more, but the next one is heard. */
static void late_answer(void **state)
{
	struct world *w = talking();

	request_in(w, 1, "UPDATE", "u", 11, CONTACT, "offer");
	advance(w, 33000);
	answer_request(w, 200, "");
	assert_int_equal(count_sent(w, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.99;rport"), 0);
	request_in(w, 1, "UPDATE", "v", 12, CONTACT, "offer");
	assert_int_equal(last_seen(w)->at, loop_now(w->loop));
	answer_request(w, 200, "");
	world_finish(w);
}

static void owed_after_the_end(void **state)
{
	struct world *w = talking();

	request_in(w, 1, "UPDATE", "u", 11, CONTACT, "offer");
	request_in(w, 1, "BYE", "b", 12, "", "");
	assert_int_equal(last_seen(w)->type, INVITE_BYE);
	answer_request(w, 487, "");
	assert_true(sent_is(w, -1, "SIP/2.0 487 "));
	world_finish(w);
}

static void end_it(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type != INVITE_UPDATE && e->type != INVITE_UPDATED)
		return;
	invite_end(inv, 0, STR_NONE);
	w->inv = NULL;
}

static void our_user_ends_it_inside(void **state)
{
	struct world *w = talking();

	w->on_event = end_it;
	request_in(w, 1, "UPDATE", "u", 11, CONTACT, "offer");
	assert_true(sent_is(w, -1, "BYE "));
	answer_request(w, 200, "");
	world_finish(w);
	w = talking();
	w->on_event = end_it;
	update(w);
	answer(w, 2, 481, "", "", "");
	assert_int_equal(last_seen(w)->type, INVITE_UPDATED);
	assert_int_equal(count_sent(w, "BYE "), 1);
	world_finish(w);
}

/* ---- as server, before the answer ---- */

static void before_the_answer(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 10, "Supported: 100rel\r\nAllow: UPDATE\r\n", "offer");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_100REL | INVITE_PEER_UPDATE);
	assert_int_equal(update(w), -EINVAL); /* nobody knows our tag */
	reply(w, 180, "");
	assert_int_equal(update(w), 0);
	assert_true(sent_is(w, 2, "UPDATE sip:far@192.0.2.99 "));
	request_in(w, 1, "UPDATE", "u", 11, "Contact: <sip:far4@192.0.2.99>\r\n", "offer");
	assert_seen(w, 0, INVITE_UPDATE, 0);
	answer_request(w, 200, "answer");
	answer(w, 2, 200, "", "", "answer");
	assert_seen(w, 1, INVITE_UPDATED, 200);
	update(w);
	assert_true(sent_is(w, -1, "UPDATE sip:far4@192.0.2.99 "));
	/* The INVITE is still owed its answer. */
	answer(w, -1, 481, "", "", "");
	assert_seen(w, 2, INVITE_UPDATED, 481);
	assert_int_equal(w->n_seen, 3);
	assert_int_equal(reply(w, 200, "answer"), 0);
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	request_in(w, 1, "ACK", "k", 10, "", "");
	world_finish(w);
}

/* ---- what the peer says of itself ---- */

static void peer(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 10,
		"Require: 100rel, norefersub\r\nk: timer\r\nSupported: Replaces, from-change\r\n"
		"Allow: INFO, UPDATE, REFER\r\n",
		"offer");
	assert_int_equal(invite_peer(w->inv), (1 << 9) - 1);
	reply(w, 200, "");
	request_in(w, 1, "ACK", "k", 10, "Supported: x\r\n", "");
	request_in(w, 1, "INFO", "f", 11, "Supported: x\r\nAllow: x\r\n", "");
	answer_request(w, 200, "");
	assert_int_equal(invite_peer(w->inv), (1 << 9) - 1);
	/* 100rel is not what an UPDATE is about. */
	request_in(w, 1, "UPDATE", "u", 12, CONTACT "Supported: timer\r\n", "");
	answer_request(w, 200, "");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_100REL | INVITE_PEER_NEEDS_100REL |
						      INVITE_PEER_TIMER | INVITE_PEER_INFO |
						      INVITE_PEER_UPDATE | INVITE_PEER_REFER);
	request_in(w, 1, "INVITE", "r", 13, "Supported: 100rel\r\nAllow: INFO\r\n", "");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_100REL | INVITE_PEER_INFO);
	reply(w, 200, "");
	request_in(w, 1, "ACK", "k2", 13, "", "");
	invite_reinvite(w->inv, STR_NONE, OFFER);
	answer(w, -1, 200, "", CONTACT "Allow: UPDATE\r\n", "x");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_100REL | INVITE_PEER_UPDATE);
	invite_ack(w->inv, STR_NONE, STR_NONE);
	world_finish(w);
}

static void owner(void **state)
{
	struct world *w = talking();
	struct world *other = world_new();

	assert_ptr_equal(invite_arg(w->inv), w);
	invite_set_arg(w->inv, other);
	assert_ptr_equal(invite_arg(w->inv), other);
	request_in(w, 1, "BYE", "b", 12, "", "");
	assert_seen(other, 0, INVITE_BYE, 0);
	assert_int_equal(w->n_seen, 1);
	w->inv = NULL;
	world_free(other);
	world_finish(w);
}

/* ---- bad wires ---- */

static int lose_and_shuffle(struct world *w, const char *text)
{
	return loop_random_u32(w->loop, 4) == 0 ? -1 : (int)loop_random_u32(w->loop, 700);
}

static void update_now(struct world *w, struct invite *inv)
{
	assert_int_equal(invite_update(inv, 0, STR_NONE, OFFER), 0);
}

/* Ten updates one after the other from each side, the next when the last has its end. */
static void talk(struct world *w, struct invite *inv, const struct invite_event *e)
{
	struct invite_reply ok = { .status = 200 };

	if (e->type == INVITE_ANSWER)
		invite_ack(inv, STR_NONE, STR_NONE);
	if (e->type == INVITE_UPDATE)
		sip_request_reply(e->request, &ok);
	if (e->type == INVITE_ANSWER || e->type == INVITE_ACK ||
	    (e->type == INVITE_UPDATED && e->status != 408 && e->status != 481 &&
	     count_seen(w, INVITE_UPDATED) < 10))
		update_now(w, inv);
}

static void accept_it(struct world *w, struct invite *inv)
{
	struct invite_reply ok = { .status = 200 };

	invite_reply(inv, &ok);
}

static void updates_on_a_bad_wire(void **state)
{
	unsigned done = 0;

	for (unsigned i = 0; i < 60; i++) {
		struct world *a, *b;

		world_pair(&a, &b);
		for (unsigned k = 0; k < i; k++)
			loop_random_u32(a->loop, 1000);
		a->wire = b->wire = lose_and_shuffle;
		a->copies = b->copies = 1 + (int)(i % 2);
		a->on_event = b->on_event = talk;
		b->on_invite = accept_it;
		call(a);
		advance(a, 300000);
		done += count_seen(a, INVITE_UPDATED) == 10 && count_seen(b, INVITE_UPDATED) == 10;
		world_finish_pair(a, b);
	}
	assert_true(done > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours),
		cmocka_unit_test(failures),
		cmocka_unit_test(lost),
		cmocka_unit_test(in_every_state),
		cmocka_unit_test(before_our_ack),
		cmocka_unit_test(when_it_ends),
		cmocka_unit_test(too_long),
		cmocka_unit_test(theirs),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(late_answer),
		cmocka_unit_test(owed_after_the_end),
		cmocka_unit_test(our_user_ends_it_inside),
		cmocka_unit_test(before_the_answer),
		cmocka_unit_test(peer),
		cmocka_unit_test(owner),
		cmocka_unit_test(updates_on_a_bad_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
