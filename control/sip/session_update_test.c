/* SPDX-License-Identifier: Apache-2.0 */
/* Session timers: UPDATE, and both sides at once. RFC 4028; the numbers in comments are its sections. */
#include "sip/session_calls_test.h"

/* ---- by UPDATE ---- */

static int update(struct world *w)
{
	return invite_update(w->inv, 0, STR_NONE, STR_NONE, STR_NONE);
}

static void keep_request(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_UPDATE)
		w->req = e->request;
}

/* UPDATE of the peer, and our answer: the last that was sent. */
static void they_update(struct world *w, int at, unsigned cseq, unsigned status, const char *lines)
{
	char branch[16];

	w->on_event = keep_request;
	snprintf(branch, sizeof(branch), "u%u", cseq);
	request_in(w, at, "UPDATE", branch, cseq, lines, "");
	assert_int_equal(last_seen(w)->type, INVITE_UPDATE);
	assert_int_equal(sip_request_reply(w->req, &(struct invite_reply){ .status = status }), 0);
	w->on_event = NULL;
}

static void updates_of_ours(void **state)
{
	struct world *w = world_new();

	w->terms.session_expires_s = 600;
	we_call(w, SE("600;refresher=uac"));
	advance(w, 300000);
	assert_int_equal(update(w), 0);
	assert_true(sent_is(w, LAST, "UPDATE "));
	assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uac");
	assert_non_null(strstr(field(w, LAST, "Supported"), "timer"));
	/* It wants more; the same once more, within the core. */
	answer(w, LAST, 422, "", "Min-SE: 700\r\n", "");
	assert_true(sent_is(w, LAST, "UPDATE "));
	assert_string_equal(field(w, LAST, "Session-Expires"), "700;refresher=uac");
	assert_string_equal(field(w, LAST, "Min-SE"), "700");
	assert_string_equal(field(w, LAST, "CSeq"), "3 UPDATE");
	assert_int_equal(count_seen(w, INVITE_UPDATED), 0);
	advance(w, 20000);
	answer(w, LAST, 200, "", CONTACT SE("700;refresher=uac"), "");
	assert_int_equal(count_seen(w, INVITE_UPDATED), 1);
	assert_session(w, 700, true);
	advance(w, 349999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	/* Nobody is asked for what is being done. */
	assert_int_equal(update(w), 0);
	for (unsigned i = (unsigned)w->n_sent - 1, n = 0; n < 3; n++) {
		advance(w, 10000);
		assert_true(sent_is(w, (int)i, "UPDATE "));
		if (n == 2)
			answer(w, (int)i, 500, "", "", "");
	}
	advance(w, 28332);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 3);
	/* It turns the timer over, then off; we go on alone. */
	assert_int_equal(update(w), 0);
	answer(w, LAST, 200, "", CONTACT SE("700;refresher=uas"), "");
	assert_session(w, 700, false);
	assert_int_equal(update(w), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "700;refresher=uas");
	answer(w, LAST, 200, "", CONTACT, "");
	assert_session(w, 700, true);
	advance(w, 350000);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 4);
	assert_int_equal(update(w), 0);
	answer(w, LAST, 405, "", "", "");
	advance(w, 349999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 4);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 5);
	/* Silence is the end. */
	assert_int_equal(update(w), 0);
	advance(w, 32000);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	assert_int_equal(last_seen(w)->status, 408);
	finish(w);
}

static void no_refresh_beside_an_update(void **state)
{
	struct world *w = world_new();

	w->terms.session_expires_s = 90;
	we_call(w, SE("90;refresher=uac"));
	advance(w, 40000);
	assert_int_equal(update(w), 0);
	advance(w, 19000);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 0);
	for (int i = 0; i < (int)w->n_sent; i++)
		if (strncmp(sent(w, i), "UPDATE", 6) == 0) {
			answer(w, i, 491, "", "", "");
			break;
		}
	assert_int_equal(last_seen(w)->type, INVITE_UPDATED);
	advance(w, 1000);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	finish(w);
}

static void updates_of_theirs(void **state)
{
	struct world *w = world_new();
	int at;

	they_call(w, TIMER SE("600;refresher=uac"), &at);
	advance(w, BYE_AFTER - 1);
	they_update(w, at, 2, 200, TIMER SE("600;refresher=uac"));
	assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uac");
	assert_string_equal(field(w, LAST, "Require"), "timer");
	assert_non_null(strstr(field(w, LAST, "Supported"), "timer"));
	advance(w, BYE_AFTER - 1);
	they_update(w, at, 3, 200, TIMER SE("90;refresher=uas"));
	assert_session(w, 90, true);
	advance(w, 45000);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	they_update(w, at, 4, 200, TIMER SE("600;refresher=uac"));
	/* Too little, before our user hears of it. */
	w->n_seen = 0;
	request_in(w, at, "UPDATE", "u5", 5, TIMER SE("60;refresher=uac"), "");
	assert_true(sent_is(w, LAST, "SIP/2.0 422 "));
	assert_string_equal(field(w, LAST, "Min-SE"), "90");
	assert_int_equal(w->n_seen, 0);
	/* What fails is no refresh. */
	advance(w, BYE_AFTER - 1);
	they_update(w, at, 6, 488, TIMER SE("600;refresher=uac"));
	assert_string_equal(field(w, LAST, "Session-Expires"), "");
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	advance(w, 1);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	finish(w);
	/* Off, and nothing is left of it. */
	w = world_new();
	they_call(w, TIMER SE("600;refresher=uac"), &at);
	they_update(w, at, 2, 200, TIMER);
	assert_session(w, 0, false);
	advance(w, 1000000);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	finish(w);
}

/* Before the answer there is no session yet: an UPDATE says nothing of it, whenever it is answered. */
static void early_updates(void **state)
{
	struct world *w = world_new();
	int at;

	request(w, "INVITE", "a", 1, TIMER SE("600;refresher=uac") "Allow: UPDATE\r\n", "");
	assert_int_equal(reply(w, 180, ""), 0);
	at = (int)w->n_sent - 1;
	they_update(w, at, 2, 200, TIMER SE("60"));
	assert_true(sent_is(w, LAST, "SIP/2.0 200 "));
	assert_string_equal(field(w, LAST, "Session-Expires"), "");
	assert_session(w, 0, false);
	assert_int_equal(update(w), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "");
	w->on_event = keep_request;
	request_in(w, at, "UPDATE", "u3", 3, TIMER, "");
	w->on_event = NULL;
	assert_int_equal(reply(w, 200, ""), 0);
	request_in(w, at, "ACK", "k", 1, "", "");
	assert_session(w, 600, false);
	/* Both are answered when it is there. */
	assert_int_equal(sip_request_reply(w->req, &(struct invite_reply){ .status = 200 }), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "");
	assert_session(w, 600, false);
	for (int i = 0; i < (int)w->n_sent; i++)
		if (strncmp(sent(w, i), "UPDATE", 6) == 0) {
			answer(w, i, 200, "", CONTACT, "");
			break;
		}
	assert_int_equal(last_seen(w)->type, INVITE_UPDATED);
	assert_session(w, 600, false);
	assert_int_equal(update(w), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uas");
	finish(w);

	w = world_new();
	w->terms.session_expires_s = 600;
	call(w);
	answer(w, 0, 183, "far", CONTACT "Allow: UPDATE\r\n", "");
	assert_int_equal(update(w), 0);
	assert_true(sent_is(w, LAST, "UPDATE "));
	assert_string_equal(field(w, LAST, "Session-Expires"), "");
	answer(w, LAST, 200, "", CONTACT, "");
	assert_session(w, 0, false);
	finish(w);
}

/* ---- both at once ---- */

struct retry {
	struct timer timer;
	struct world *w;
	bool made; /* a refresh of ours succeeded */
};

static void try_again(void *arg)
{
	struct retry *t = arg;

	if (t->w->inv && invite_reinvite(t->w->inv, STR_NONE, STR_NONE, STR_NONE) == -EBUSY)
		timer_start(t->w->loop, &t->timer, invite_glare_ms(t->w->inv));
}

static void keeps_up(struct world *w, struct invite *inv, const struct invite_event *e)
{
	struct retry *t = w->wire_arg;

	if (e->type == INVITE_ANSWER)
		invite_ack(inv, STR_NONE, STR_NONE);
	else if (e->type == INVITE_REFRESH)
		try_again(t);
	else if (e->type == INVITE_OFFER)
		reply(w, 200, "");
	else if (e->type == INVITE_REANSWER && e->status == 200)
		t->made = invite_ack(inv, STR_NONE, STR_NONE) == 0;
	else if (e->type == INVITE_REANSWER)
		timer_start(w->loop, &t->timer, invite_glare_ms(inv));
	if (!w->inv)
		timer_stop(w->loop, &t->timer);
}

static void answers(struct world *w, struct invite *inv)
{
	reply(w, 200, "");
}

/* Two cores with calls that last for hours, on wires that lose every fifth message and delay the others. */
static int bad_wire(struct world *w, const char *text)
{
	return loop_random_u32(w->loop, 5) == 0 ? -1 : (int)loop_random_u32(w->loop, 300);
}

static void pair(struct world **a, struct world **b, struct retry t[2])
{
	world_pair(a, b);
	for (unsigned i = 0; i < 2; i++) {
		struct world *w = i ? *b : *a;

		t[i] = (struct retry){ .w = w };
		timer_init(&t[i].timer, try_again, &t[i]);
		w->wire_arg = &t[i];
		w->on_event = keeps_up;
		w->on_invite = answers;
	}
}

static void glare_of_refreshes(void **state)
{
	struct retry t[2];
	struct world *a, *b;

	pair(&a, &b, t);
	a->terms.session_expires_s = 90;
	a->terms.refresher = INVITE_REFRESHER_US;
	call(a);
	advance(a, 10);
	assert_session(a, 90, true);
	assert_session(b, 90, false);
	/* b changes the session at the very moment of the refresh. */
	advance(a, 45000 - 10);
	for (unsigned i = 0; i < 100 && !count_seen(a, INVITE_REFRESH); i++)
		advance(a, 1);
	assert_int_equal(count_seen(a, INVITE_REFRESH), 1);
	try_again(&t[1]);
	advance(a, 2);
	assert_int_equal(counter_of(a, "reject.glare") + counter_of(b, "reject.glare"), 2);
	advance(a, 6000);
	assert_true(t[0].made && t[1].made);
	advance(a, 500000);
	assert_int_equal(count_seen(a, INVITE_LOST) + count_seen(b, INVITE_LOST), 0);
	invite_end(a->inv, 0, STR_NONE);
	advance(a, 100000);
	assert_empty(a);
	assert_empty(b);
	world_free(a);
}

static void hours_on_a_bad_wire(void **state)
{
	for (unsigned i = 0; i < 24; i++) {
		struct retry t[2];
		struct world *a, *b;

		pair(&a, &b, t);
		for (unsigned k = 0; k < i; k++)
			loop_random_u32(a->loop, 7);
		a->wire = b->wire = bad_wire;
		a->terms = (struct invite_terms){ .session_expires_s = i & 1 ? 90 : 0,
						  .refresher = i % 3 };
		b->terms = (struct invite_terms){ .session_expires_s = i & 1 ? 0 : 120,
						  .refresher = i / 3 % 3 };
		call(a);
		advance(a, 10000);
		assert_non_null(a->inv);
		assert_non_null(b->inv);
		for (unsigned k = 0; k < 40; k++) {
			advance(a, 30000);
			assert_int_equal(count_seen(a, INVITE_LOST) + count_seen(b, INVITE_LOST),
					 0);
			world_forget(a);
			world_forget(b);
		}
		/* The wire is cut. Whoever is to refresh finds out by that, the other by waiting. */
		a->copies = b->copies = 0;
		advance(a, 130000);
		assert_null(a->inv);
		assert_null(b->inv);
		assert_int_equal(count_seen(a, INVITE_LOST), 1);
		assert_int_equal(count_seen(b, INVITE_LOST), 1);
		advance(a, 70000);
		assert_empty(a);
		assert_empty(b);
		world_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(updates_of_ours),    cmocka_unit_test(no_refresh_beside_an_update),
		cmocka_unit_test(updates_of_theirs),  cmocka_unit_test(early_updates),
		cmocka_unit_test(glare_of_refreshes), cmocka_unit_test(hours_on_a_bad_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
