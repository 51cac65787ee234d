/* SPDX-License-Identifier: Apache-2.0 */
/* Early dialogs of our INVITE: what comes in them, what goes out, and what becomes of them (RFC 3261 12, 13.2.2,
 * RFC 6228). */
#include "sip/world_test.h"

#define CONTACT  "Contact: <sip:bob@192.0.2.99>\r\n"
#define A        "Contact: <sip:a@192.0.2.97>\r\n"
#define B        "Contact: <sip:b@192.0.2.98>\r\n"
#define RSEQ(n)  "Require: 100rel\r\nRSeq: " n "\r\n"
#define OFFER    STR("offer"), STR("application/sdp")
#define NO_OFFER STR_NONE, STR_NONE

static void yes(struct world *w)
{
	struct invite_reply r = { .status = 200 };

	assert_int_equal(sip_request_reply(w->req, &r), 0);
}

/* Two phones ring. */
static struct world *ringing(void)
{
	struct world *w = world_new();

	w->terms.rel = INVITE_REL_SUPPORT;
	assert_non_null(call(w));
	answer(w, 0, 180, "a", A "Record-Route: <sip:192.0.2.50;lr>\r\n", "");
	answer(w, 0, 180, "b", B "Record-Route: <sip:192.0.2.51;lr>, <sip:192.0.2.52;lr>\r\n", "");
	assert_seen(w, 0, INVITE_PROGRESS, 180);
	assert_seen(w, 1, INVITE_PROGRESS, 180);
	assert_int_equal(w->seen[0].fork, 0);
	assert_int_equal(w->seen[1].fork, 1);
	return w;
}

/* Of the phone with this tag. */
static void says(struct world *w, const char *tag, const char *method, unsigned cseq,
		 const char *lines, const char *body)
{
	injectf(w,
		"%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"192.0.2.99;branch=z9hG4bK%s%s%u\r\n"
		"From: <sip:bob@192.0.2.99>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
		"%sContent-Length: %zu\r\n\r\n%s",
		method, tag, method, cseq, tag, field(w, 0, "From"), field(w, 0, "Call-ID"), cseq,
		method, lines, strlen(body), body);
}

static int update(struct world *w, unsigned fork)
{
	return invite_update(w->inv, fork, STR_NONE, OFFER);
}

static void take(struct world *w, const char *tag, const char *lines)
{
	answer(w, 0, 200, tag, lines, "sdp");
	assert_int_equal(last_seen(w)->type, INVITE_ANSWER);
	assert_int_equal(invite_ack(w->inv, NO_OFFER), 0);
}

/* ---- our requests ---- */

static void requests_go_to_their_fork(void **state)
{
	struct world *w = ringing();

	assert_int_equal(update(w, 0), 0);
	assert_true(sent_is(w, 1, "UPDATE sip:a@192.0.2.97 SIP/2.0\r\n"));
	assert_string_equal(field(w, 1, "Route"), "<sip:192.0.2.50;lr>");
	assert_string_equal(field(w, 1, "To"), "<sip:bob@192.0.2.99>;tag=a");
	assert_string_equal(field(w, 1, "CSeq"), "2 UPDATE");
	assert_string_equal(field(w, 1, "Contact"), "<sip:alice@192.0.2.1:5060>");
	assert_int_equal(w->sent[1].to.ip[3], 50);
	assert_int_equal(update(w, 1), 0);
	assert_true(sent_is(w, 2, "UPDATE sip:b@192.0.2.98 SIP/2.0\r\n"));
	assert_string_equal(field(w, 2, "Route"), "<sip:192.0.2.52;lr>, <sip:192.0.2.51;lr>");
	assert_string_equal(field(w, 2, "CSeq"), "3 UPDATE");
	assert_int_equal(update(w, 0), -EBUSY);
	assert_int_equal(update(w, 2), -EINVAL);
	answer(w, 1, 200, "", "Contact: <sip:a2@192.0.2.97>\r\n", "answer");
	assert_seen(w, 2, INVITE_UPDATED, 200);
	assert_int_equal(w->seen[2].fork, 0);
	assert_string_equal(w->seen[2].body, "answer");
	assert_int_equal(update(w, 0), 0);
	assert_true(sent_is(w, 3, "UPDATE sip:a2@192.0.2.97 SIP/2.0\r\n"));
	assert_int_equal(update(w, 1), -EBUSY);
	answer(w, 2, 491, "", "", "");
	assert_seen(w, 3, INVITE_UPDATED, 491);
	assert_int_equal(w->seen[3].fork, 1);
	assert_int_equal(update(w, 1), 0);
	assert_true(sent_is(w, 4, "UPDATE sip:b@192.0.2.98 SIP/2.0\r\n"));
	world_finish(w);
}

static void no_dialog_no_update(void **state)
{
	struct world *w = world_new();

	call(w);
	assert_int_equal(update(w, 0), -EINVAL);
	answer(w, 0, 100, "", "", "");
	assert_int_equal(update(w, 0), -EINVAL);
	answer(w, 0, 180, "", CONTACT, "");
	assert_seen(w, 0, INVITE_PROGRESS, 180);
	assert_int_equal(update(w, 0), -EINVAL);
	world_finish(w);
}

/* 481 and silence end this one, and nothing else. */
static void lost_forks(void **state)
{
	static const unsigned status[] = { 481, 408, 0 };

	for (unsigned i = 0; i < 3; i++) {
		struct world *w = ringing();

		update(w, 0);
		if (status[i])
			answer(w, 1, status[i], "", "", "");
		else
			advance(w, 33000);
		assert_seen(w, 2, INVITE_UPDATED, status[i] ? status[i] : 408);
		assert_int_equal(w->n_seen, 3);
		assert_int_equal(update(w, 0), -EINVAL);
		says(w, "a", "INFO", 1, "", "");
		assert_true(sent_is(w, -1, "SIP/2.0 481 "));
		assert_int_equal(update(w, 1), 0);
		world_finish(w);
	}
}

/* ---- requests of the peer ---- */

static void requests_come_from_their_fork(void **state)
{
	struct world *w = ringing();

	says(w, "b", "UPDATE", 5, "Contact: <sip:b2@192.0.2.98>\r\n", "offer");
	assert_seen(w, 2, INVITE_UPDATE, 0);
	assert_int_equal(w->seen[2].fork, 1);
	assert_string_equal(w->seen[2].body, "offer");
	yes(w);
	assert_string_equal(field(w, -1, "Contact"), "<sip:alice@192.0.2.1:5060>");
	says(w, "a", "INFO", 3, "", "x");
	assert_int_equal(w->got.method, SIP_INFO);
	yes(w);
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	says(w, "a", "NOTIFY", 4, "Contact: <sip:a2@192.0.2.97>\r\n", "x");
	yes(w);
	/* Each counts for itself. */
	says(w, "a", "INFO", 2, "", "x");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	says(w, "b", "INFO", 4, "", "x");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	assert_int_equal(w->n_requests, 3);
	update(w, 1);
	assert_true(sent_is(w, -1, "UPDATE sip:b2@192.0.2.98 "));
	update(w, 0);
	assert_true(sent_is(w, -1, "UPDATE sip:a2@192.0.2.97 "));
	world_finish(w);
}

static void requests_that_fit_nothing(void **state)
{
	struct world *w = ringing();
	unsigned n;

	says(w, "c", "UPDATE", 1, CONTACT, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	says(w, "c", "BYE", 2, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	says(w, "a", "PRACK", 1, "RAck: 1 1 INVITE\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	says(w, "a", "INVITE", 2, CONTACT, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 491 "));
	says(w, "a", "OPTIONS", 3, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	says(w, "a", "PUBLISH", 4, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 405 "));
	assert_int_equal(w->n_seen, 2);
	n = w->n_sent;
	says(w, "a", "ACK", 1, "", "");
	assert_int_equal(w->n_sent, n);
	world_finish(w);
}

/* RFC 3311 5.2: one at a time, in each. */
static void updates_one_at_a_time(void **state)
{
	struct world *w = ringing();
	struct sip_request *first;

	says(w, "a", "UPDATE", 1, CONTACT, "offer");
	first = w->req;
	says(w, "a", "UPDATE", 2, CONTACT, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	assert_string_not_equal(field(w, -1, "Retry-After"), "");
	says(w, "b", "UPDATE", 1, CONTACT, "offer");
	assert_int_equal(count_seen(w, INVITE_UPDATE), 2);
	yes(w);
	w->req = first;
	yes(w);
	says(w, "a", "UPDATE", 3, CONTACT, "offer");
	assert_int_equal(count_seen(w, INVITE_UPDATE), 3);
	yes(w);
	world_finish(w);
}

/* A callee must not do it: its dialog ends, the INVITE does not. */
static void bye(void **state)
{
	struct world *w = ringing();

	says(w, "a", "BYE", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	assert_seen(w, 2, INVITE_PROGRESS, 199);
	assert_int_equal(w->seen[2].fork, 0);
	assert_int_equal(update(w, 0), -EINVAL);
	says(w, "a", "BYE", 2, "", "");
	assert_int_equal(w->n_seen, 3);
	take(w, "b", B);
	world_finish(w);
}

/* ---- 199 ---- */

static void one_ends(void **state)
{
	struct world *w = ringing();

	answer(w, 0, 199, "a", A, "");
	assert_seen(w, 2, INVITE_PROGRESS, 199);
	assert_int_equal(w->seen[2].fork, 0);
	assert_int_equal(update(w, 0), -EINVAL);
	says(w, "a", "UPDATE", 1, CONTACT, "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	answer(w, 0, 180, "a", A, ""); /* was slower */
	answer(w, 0, 199, "a", A, "");
	assert_int_equal(w->n_seen, 3);
	assert_int_equal(update(w, 1), 0);
	take(w, "a", A); /* a 2xx counts, whatever was said before */
	world_finish(w);
}

static void a_reliable_199(void **state)
{
	struct world *w = ringing();

	answer(w, 0, 199, "a", A RSEQ("5"), "");
	assert_seen(w, 2, INVITE_PROGRESS, 199);
	assert_true(w->seen[2].reliable);
	assert_int_equal(invite_prack(w->inv, 0, NO_OFFER), 0);
	assert_true(sent_is(w, -1, "PRACK sip:a@192.0.2.97 "));
	assert_int_equal(update(w, 0), -EINVAL);
	world_finish(w);
}

/* ---- the answer ---- */

static void the_winner_goes_on(void **state)
{
	struct world *w = ringing();

	says(w, "b", "INFO", 7, "", "");
	yes(w);
	answer(w, 0, 200, "b", "Contact: <sip:b3@192.0.2.98>\r\n", "sdp");
	assert_seen(w, 2, INVITE_ANSWER, 200);
	assert_int_equal(w->seen[2].fork, 1);
	invite_ack(w->inv, NO_OFFER);
	assert_true(sent_is(w, -1, "ACK sip:b3@192.0.2.98 "));
	assert_string_equal(field(w, -1, "CSeq"), "1 ACK");
	assert_string_equal(field(w, -1, "Route"), ""); /* 13.2.2.4: by the 2xx */
	says(w, "b", "INFO", 6, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	says(w, "a", "INFO", 8, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	says(w, "b", "INFO", 8, "", "");
	yes(w);
	says(w, "b", "BYE", 9, "", "");
	assert_int_equal(last_seen(w)->type, INVITE_BYE);
	world_finish(w);
}

static void updates_cross_the_answer(void **state)
{
	struct world *w = ringing();
	struct sip_request *of_a;

	update(w, 0);
	update(w, 1);
	says(w, "a", "UPDATE", 1, CONTACT, "offer");
	of_a = w->req;
	says(w, "b", "UPDATE", 1, CONTACT, "offer");
	take(w, "b", B);
	/* Those in the dialog go on. */
	assert_int_equal(update(w, 0), -EBUSY);
	says(w, "b", "UPDATE", 2, CONTACT, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	yes(w);
	says(w, "b", "UPDATE", 3, CONTACT, "offer");
	assert_int_equal(count_seen(w, INVITE_UPDATE), 3);
	yes(w);
	answer(w, 2, 200, "", B, "answer");
	assert_int_equal(last_seen(w)->type, INVITE_UPDATED);
	assert_int_equal(last_seen(w)->fork, 1);
	/* Those of the other one have nobody who waits, but for the answer that is owed. */
	w->req = of_a;
	yes(w);
	answer(w, 1, 200, "", A, "answer");
	assert_int_equal(count_seen(w, INVITE_UPDATED), 1);
	assert_int_equal(update(w, 0), 0);
	assert_true(sent_is(w, -1, "UPDATE sip:b@192.0.2.98 "));
	world_finish(w);
}

/* A 408 or 481 to an UPDATE that was sent before the answer ends the call that it has become part of. */
static void lost_after_the_answer(void **state)
{
	struct world *w = ringing();

	update(w, 1);
	take(w, "b", B);
	answer(w, 1, 481, "", "", "");
	assert_seen(w, w->n_seen - 2, INVITE_UPDATED, 481);
	assert_seen(w, w->n_seen - 1, INVITE_LOST, 481);
	assert_true(sent_is(w, -1, "BYE sip:b@192.0.2.98 "));
	world_finish(w);
}

/* The BYE for another fork's 2xx must be newer than all that was said in its early dialog. */
static void other_answers(void **state)
{
	for (int acked = 0; acked < 2; acked++) {
		struct world *w = ringing();

		update(w, 0);
		update(w, 1);
		answer(w, 0, 200, "b", B, "sdp");
		if (acked)
			invite_ack(w->inv, NO_OFFER);
		answer(w, 0, 200, "a", A, "sdp");
		assert_true(sent_is(w, -2, "ACK sip:a@192.0.2.97 "));
		assert_string_equal(field(w, -2, "CSeq"), "1 ACK");
		assert_true(sent_is(w, -1, "BYE sip:a@192.0.2.97 "));
		assert_string_equal(field(w, -1, "CSeq"), "4 BYE");
		world_finish(w);
	}
}

static void no_contact(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 180, "a", "", "");
	update(w, 0);
	assert_true(sent_is(w, -1, "UPDATE sip:bob@192.0.2.99 "));
	answer(w, 1, 200, "", "", "");
	answer(w, 0, 183, "a", A, "");
	update(w, 0);
	assert_true(sent_is(w, -1, "UPDATE sip:a@192.0.2.97 "));
	answer(w, 2, 200, "", "", "");
	answer(w, 0, 183, "a", B, ""); /* it has one */
	update(w, 0);
	assert_true(sent_is(w, -1, "UPDATE sip:a@192.0.2.97 "));
	answer(w, 3, 200, "", "", "");
	take(w, "a", "");
	assert_true(sent_is(w, -1, "ACK sip:a@192.0.2.97 "));
	world_finish(w);
}

/* ---- what the peer says of itself ---- */

static void peer(void **state)
{
	struct world *w = world_new();

	call(w);
	assert_int_equal(invite_peer(w->inv), 0);
	answer(w, 0, 180, "a", A "Supported: 100rel, replaces\r\nAllow: INVITE, UPDATE\r\n", "");
	assert_int_equal(invite_peer(w->inv),
			 INVITE_PEER_100REL | INVITE_PEER_REPLACES | INVITE_PEER_UPDATE);
	answer(w, 0, 180, "b", B "Allow: INFO\r\nAllow: REFER\r\n", "");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_INFO | INVITE_PEER_REFER);
	answer(w, 0, 183, "a", A "Supported: timer\r\n", "");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_TIMER | INVITE_PEER_UPDATE);
	says(w, "a", "UPDATE", 1, "Allow: REFER\r\n", "");
	assert_int_equal(invite_peer(w->inv), INVITE_PEER_TIMER | INVITE_PEER_REFER);
	yes(w);
	update(w, 0);
	answer(w, -1, 200, "", "Supported: norefersub, from-change\r\n", "");
	assert_int_equal(invite_peer(w->inv),
			 INVITE_PEER_NOREFERSUB | INVITE_PEER_FROM_CHANGE | INVITE_PEER_REFER);
	take(w, "b", B "Require: timer\r\n");
	assert_int_equal(invite_peer(w->inv),
			 INVITE_PEER_TIMER | INVITE_PEER_INFO | INVITE_PEER_REFER);
	world_finish(w);

	w = world_new();
	call(w);
	answer(w, 0, 180, "a", A "Supported: 100rel\r\n", "");
	take(w, "c", B);
	assert_int_equal(invite_peer(w->inv), 0);
	world_finish(w);
}

/* ---- many, and the end ---- */

static void too_many(void **state)
{
	struct world *w = world_new();
	char tag[8];

	w->terms.rel = INVITE_REL_SUPPORT;
	call(w);
	for (unsigned i = 0; i < FORKS_MAX + 2; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		answer(w, 0, 180, tag, A, "");
		assert_int_equal(last_seen(w)->fork, i < FORKS_MAX ? i : FORKS_MAX);
	}
	assert_int_equal(update(w, FORKS_MAX - 1), 0);
	assert_int_equal(update(w, FORKS_MAX), -EINVAL);
	answer(w, 0, 180, "z", A RSEQ("1"), "");
	assert_int_equal(w->n_seen, FORKS_MAX + 2);
	answer(w, 0, 180, "t3", A, "");
	assert_int_equal(last_seen(w)->fork, 3);
	take(w, "z", A);
	assert_int_equal(last_seen(w)->fork, FORKS_MAX);
	world_finish(w);
}

static void ends(struct world *w, struct sip_request *owed)
{
	w->inv = NULL;
	says(w, "a", "INFO", 9, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	answer(w, 1, 200, "", A, "");
	w->req = owed;
	yes(w);
	world_finish(w);
}

/* With a request open in both directions. */
static void the_end(void **state)
{
	for (int how = 0; how < 3; how++) {
		struct world *w = ringing();

		update(w, 0);
		says(w, "a", "UPDATE", 1, CONTACT, "offer");
		if (how == 0)
			answer(w, 0, 486, "a", "", "");
		else if (how == 1)
			invite_end(w->inv, 0, STR_NONE);
		else
			sip_request_drop(w->req);
		if (how < 2) {
			ends(w, w->req);
			continue;
		}
		says(w, "a", "UPDATE", 2, CONTACT, "offer");
		assert_int_equal(count_seen(w, INVITE_UPDATE), 2);
		yes(w);
		world_finish(w);
	}
}

/* The core goes with everything open. */
static void freed(void **state)
{
	struct world *w = ringing();

	update(w, 0);
	says(w, "b", "UPDATE", 1, CONTACT, "offer");
	world_free(w);
}

static bool login(void *arg, int peer, struct auth_login *out)
{
	*out = (struct auth_login){ "u", "p", NULL, 0 };
	return true;
}

/* A challenge ends the early dialogs; the next ones have numbers of their own. */
static void challenged(void **state)
{
	struct world *w = ringing();

	w->sip->user.login = login;
	answer(w, 0, 407, "x",
	       "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\r\n", "");
	assert_true(sent_is(w, -1, "INVITE "));
	assert_int_equal(update(w, 0), -EINVAL);
	says(w, "a", "INFO", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	answer(w, 2, 180, "a", A, "");
	assert_int_equal(last_seen(w)->fork, 2);
	assert_int_equal(update(w, 2), 0);
	assert_string_equal(field(w, -1, "CSeq"), "3 UPDATE");
	world_finish(w);
}

static void end_it(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type != (enum invite_event_type)(intptr_t)w->wire_arg)
		return;
	invite_end(inv, 0, STR_NONE);
	w->inv = NULL;
}

static void our_user_ends_it_inside(void **state)
{
	static const enum invite_event_type types[] = { INVITE_UPDATE, INVITE_UPDATED,
							INVITE_PROGRESS };

	for (unsigned i = 0; i < 3; i++) {
		struct world *w = ringing();

		w->on_event = end_it;
		w->wire_arg = (void *)(intptr_t)types[i];
		update(w, 0);
		if (types[i] == INVITE_UPDATE)
			says(w, "a", "UPDATE", 1, CONTACT, "offer");
		else if (types[i] == INVITE_UPDATED)
			answer(w, 1, 481, "", "", "");
		else
			says(w, "a", "BYE", 1, "", "");
		assert_null(w->inv);
		if (types[i] == INVITE_UPDATE)
			yes(w);
		assert_int_equal(count_sent(w, "CANCEL "), 1);
		world_finish(w);
	}
}

/* Early dialogs cost nothing once there is an answer. */
static void memory(void **state)
{
	struct world *w = world_new();
	size_t before;

	w->terms.rel = INVITE_REL_SUPPORT;
	call(w);
	take(w, "a", A);
	before = invite_memory(w->inv);
	world_finish(w);
	w = ringing();
	take(w, "a", A);
	assert_null(w->inv->forks);
	assert_int_equal(invite_memory(w->inv), before);
	world_finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_to_their_fork),
		cmocka_unit_test(no_dialog_no_update),
		cmocka_unit_test(lost_forks),
		cmocka_unit_test(requests_come_from_their_fork),
		cmocka_unit_test(requests_that_fit_nothing),
		cmocka_unit_test(updates_one_at_a_time),
		cmocka_unit_test(bye),
		cmocka_unit_test(one_ends),
		cmocka_unit_test(a_reliable_199),
		cmocka_unit_test(the_winner_goes_on),
		cmocka_unit_test(updates_cross_the_answer),
		cmocka_unit_test(lost_after_the_answer),
		cmocka_unit_test(other_answers),
		cmocka_unit_test(no_contact),
		cmocka_unit_test(peer),
		cmocka_unit_test(too_many),
		cmocka_unit_test(the_end),
		cmocka_unit_test(freed),
		cmocka_unit_test(challenged),
		cmocka_unit_test(our_user_ends_it_inside),
		cmocka_unit_test(memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
