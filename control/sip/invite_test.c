/* SPDX-License-Identifier: Apache-2.0 */
/* Whole calls: two cores on a wire. */
#include "sip/world_test.h"

static void ack_answers(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_ANSWER || e->type == INVITE_REANSWER)
		assert_int_equal(invite_ack(inv, STR_NONE, STR_NONE), 0);
}

/* Everything that is left has gone after 64*T1 of the last transaction. */
static void drain(struct world *a)
{
	advance(a, 70000);
	assert_empty(a);
	assert_empty(a->peer);
}

static void plain_call(void **state)
{
	struct world *a, *b;

	world_pair(&a, &b);
	a->on_event = ack_answers;
	assert_non_null(call(a));
	assert_int_equal(a->n_seen, 0);
	advance(a, 10);
	assert_int_equal(b->n_invites, 1);
	assert_string_equal(field(a, 0, "Max-Forwards"), "69");
	assert_string_equal(field(a, 0, "Contact"), "<sip:alice@192.0.2.1:5060>");
	assert_string_equal(field(a, 0, "Subject"), "test");
	assert_true(sent_is(b, 0, "SIP/2.0 100 "));
	assert_string_equal(param_of(b, 0, "To", "tag"), "");
	assert_int_equal(reply(b, 180, ""), 0);
	advance(a, 10);
	assert_seen(a, 0, INVITE_PROGRESS, 180);
	assert_int_equal(reply(b, 200, "answer"), 0);
	assert_int_equal(reply(b, 200, "answer"), -EINVAL);
	assert_string_equal(field(b, 2, "Contact"), "<sip:bob@192.0.2.99:5060>");
	advance(a, 10);
	assert_seen(a, 1, INVITE_ANSWER, 200);
	assert_string_equal(a->seen[1].body, "answer");
	assert_seen(b, 0, INVITE_ACK, 0);
	assert_string_equal(invite_state_name(a->inv), "CONFIRMED");
	assert_string_equal(invite_state_name(b->inv), "CONFIRMED");
	assert_true(str_eq(invite_call_id(a->inv), invite_call_id(b->inv)));
	assert_true(str_eq(invite_local_tag(a->inv), invite_remote_tag(b->inv)));
	assert_true(str_eq(invite_remote_tag(a->inv), invite_local_tag(b->inv)));
	assert_true(invite_memory(a->inv) <= 1024 && invite_memory(b->inv) <= 1024);
	advance(a, 40000);
	assert_int_equal(a->sip->transactions + b->sip->transactions, 0);
	invite_end(b->inv, 0, STR("Reason: Q.850;cause=16\r\n"));
	assert_true(sent_is(b, -1, "BYE sip:alice@192.0.2.1:5060 SIP/2.0\r\n"));
	assert_string_equal(field(b, -1, "Reason"), "Q.850;cause=16");
	advance(a, 10);
	assert_seen(a, 2, INVITE_BYE, 0);
	assert_null(a->inv);
	assert_int_equal(b->n_seen, 1);
	/* INVITE, ACK, 200 for BYE; 100, 180, 200, BYE */
	assert_int_equal(a->n_sent, 3);
	assert_int_equal(b->n_sent, 4);
	drain(a);
	world_free(a);
}

static void caller_hangs_up(void **state)
{
	struct world *a, *b;

	world_pair(&a, &b);
	a->on_event = ack_answers;
	call(a);
	advance(a, 10);
	reply(b, 200, "answer");
	advance(a, 10);
	invite_end(a->inv, 0, STR_NONE);
	assert_true(sent_is(a, -1, "BYE sip:bob@192.0.2.99:5060 SIP/2.0\r\n"));
	assert_string_equal(field(a, -1, "CSeq"), "2 BYE");
	advance(a, 10);
	assert_int_equal(last_seen(b)->type, INVITE_BYE);
	drain(a);
	world_free(a);
}

static void refused(void **state)
{
	struct world *a, *b;

	world_pair(&a, &b);
	call(a);
	advance(a, 10);
	reply(b, 486, "");
	b->inv = NULL;
	advance(a, 10);
	assert_seen(a, 0, INVITE_FAIL, 486);
	assert_int_equal(b->sip->dialogs.count + a->sip->dialogs.count, 0);
	assert_int_equal(count_sent(a, "ACK sip:bob@192.0.2.99 "), 1);
	assert_int_equal(b->n_seen, 0);
	drain(a);
	world_free(a);
}

/* ---- bad wires ---- */

static int lose_fifth_and_shuffle(struct world *w, const char *text)
{
	return loop_random_u32(w->loop, 5) == 0 ? -1 : (int)loop_random_u32(w->loop, 700);
}

static void answer_it(struct world *w, struct invite *inv)
{
	struct invite_reply ringing = { .status = 180 };
	struct invite_reply ok = { .status = 200, .body = STR("a"), .body_type = STR("t/t") };

	invite_reply(inv, &ringing);
	invite_reply(inv, &ok);
}

/* Calls that are answered and then ended by one side at a random moment: after the last timer
 * nothing is left at either end, and each side that did not end it has been told so exactly once.
 */
static void calls_on_a_bad_wire(void **state)
{
	unsigned over;

	for (unsigned i = 0; i < 150; i++) {
		struct world *a, *b;
		struct invite *mine;

		world_pair(&a, &b);
		for (unsigned k = 0; k < i; k++)
			loop_random_u32(a->loop, 1000);
		a->wire = b->wire = lose_fifth_and_shuffle;
		a->copies = b->copies = 1 + (int)(i % 3 == 0);
		a->on_event = ack_answers;
		b->on_invite = answer_it;
		mine = call(a);
		advance(a, loop_random_u32(a->loop, i % 2 ? 400 : 20000));
		if (i % 4 < 2 && a->inv == mine && mine) {
			invite_end(a->inv, 0, STR_NONE);
			a->inv = NULL;
		} else if (b->inv) {
			invite_end(b->inv, 0, STR_NONE);
			b->inv = NULL;
		}
		advance(a, 200000);
		if (a->inv) /* the callee never heard of it in time to end it */
			invite_end(a->inv, 0, STR_NONE);
		if (b->inv)
			invite_end(b->inv, 0, STR_NONE);
		advance(a, 100000);
		assert_empty(a);
		assert_empty(b);
		over = count_seen(a, INVITE_FAIL) + count_seen(a, INVITE_BYE) +
		       count_seen(a, INVITE_LOST);
		assert_true(over <= 1);
		over = count_seen(b, INVITE_CANCEL) + count_seen(b, INVITE_BYE) +
		       count_seen(b, INVITE_LOST);
		assert_true(over <= b->n_invites);
		assert_true(count_seen(a, INVITE_ANSWER) <= 1);
		assert_true(count_seen(b, INVITE_ACK) <= b->n_invites);
		world_free(a);
	}
}

/* Both want to change the session at once, lose some of it, and try again as 14.1 says. */
struct again {
	struct timer timer;
	struct world *w;
	bool done;
};

static void try_again(void *arg)
{
	struct again *t = arg;

	if (t->w->inv && invite_reinvite(t->w->inv, STR_NONE, STR("o"), STR("t/t")) == -EBUSY)
		timer_start(t->w->loop, &t->timer, 1000);
}

static void negotiate(struct world *w, struct invite *inv, const struct invite_event *e)
{
	struct invite_reply ok = { .status = 200, .body = STR("a"), .body_type = STR("t/t") };
	struct again *t = w->wire_arg;

	if (e->type == INVITE_ANSWER) {
		invite_ack(inv, STR_NONE, STR_NONE);
	} else if (e->type == INVITE_OFFER) {
		invite_reply(inv, &ok);
	} else if (e->type == INVITE_REANSWER && e->status == 200) {
		invite_ack(inv, STR_NONE, STR_NONE);
		t->done = true;
	} else if (e->type == INVITE_REANSWER) {
		assert_int_equal(e->status, 491);
		timer_start(w->loop, &t->timer, invite_glare_ms(inv));
	}
}

static void glare_ends_well(void **state)
{
	struct again ta = { .done = false }, tb = { .done = false };
	struct world *a, *b;

	world_pair(&a, &b);
	ta.w = a;
	tb.w = b;
	timer_init(&ta.timer, try_again, &ta);
	timer_init(&tb.timer, try_again, &tb);
	a->wire_arg = &ta;
	b->wire_arg = &tb;
	a->on_event = b->on_event = negotiate;
	b->on_invite = answer_it;
	call(a);
	advance(a, 100);
	try_again(&ta);
	try_again(&tb);
	advance(a, 2);
	assert_int_equal(counter_of(a, "reject.glare") + counter_of(b, "reject.glare"), 2);
	advance(a, 20000);
	assert_true(ta.done && tb.done);
	assert_string_equal(invite_state_name(a->inv), "CONFIRMED");
	assert_string_equal(invite_state_name(b->inv), "CONFIRMED");
	invite_end(a->inv, 0, STR_NONE);
	drain(a);
	world_free(a);
}

/* ---- one message lost for ever, or until it is sent again ---- */

static int lose_first(struct world *w, const char *text)
{
	const char *what = w->wire_arg;

	if (what && strncmp(text, what, strlen(what)) == 0) {
		w->wire_arg = NULL;
		return -1;
	}
	return 1;
}

static int lose_all(struct world *w, const char *text)
{
	const char *what = w->wire_arg;

	return strncmp(text, what, strlen(what)) == 0 ? -1 : 1;
}

static void each_message_lost_once(void **state)
{
	static const char *const lost[] = { "INVITE",      "SIP/2.0 100", "SIP/2.0 180",
					    "SIP/2.0 200", "ACK",         "BYE" };

	for (unsigned i = 0; i < 6; i++) {
		struct world *a, *b;

		world_pair(&a, &b);
		a->wire = b->wire = lose_first;
		a->wire_arg = (void *)lost[i];
		b->wire_arg = (void *)lost[i];
		a->on_event = ack_answers;
		b->on_invite = answer_it;
		call(a);
		advance(a, 3000);
		assert_int_equal(count_seen(a, INVITE_ANSWER), 1);
		assert_int_equal(count_seen(b, INVITE_ACK), 1);
		assert_int_equal(b->n_invites, 1);
		invite_end(a->inv, 0, STR_NONE);
		advance(a, 3000);
		assert_int_equal(count_seen(b, INVITE_BYE), 1);
		drain(a);
		world_free(a);
	}
}

static void ack_never_arrives(void **state)
{
	struct world *a, *b;

	world_pair(&a, &b);
	a->wire = lose_all;
	a->wire_arg = (void *)"ACK";
	a->on_event = ack_answers;
	b->on_invite = answer_it;
	call(a);
	advance(a, 32100);
	assert_seen(b, 0, INVITE_LOST, 0);
	assert_int_equal(last_seen(a)->type, INVITE_BYE);
	assert_int_equal(count_sent(a, "ACK"), 11);
	drain(a);
	world_free(a);
}

static void bye_never_arrives(void **state)
{
	struct world *a, *b;

	world_pair(&a, &b);
	a->wire = lose_all;
	a->wire_arg = (void *)"BYE";
	a->on_event = ack_answers;
	b->on_invite = answer_it;
	call(a);
	advance(a, 40000);
	invite_end(a->inv, 0, STR_NONE);
	advance(a, 32000);
	assert_empty(a);
	/* The other end finds out when it speaks. */
	assert_int_equal(invite_reinvite(b->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	advance(a, 10);
	assert_int_equal(last_seen(b)->type, INVITE_LOST);
	assert_int_equal(last_seen(b)->status, 481);
	drain(a);
	world_free(a);
}

/* CANCEL and 200 on their way at the same time, with every order of arrival. */
static void cancel_races_200(void **state)
{
	for (unsigned ms = 0; ms < 12; ms++) {
		struct world *a, *b;

		world_pair(&a, &b);
		a->on_event = ack_answers;
		call(a);
		advance(a, 2);
		reply(b, 180, "");
		advance(a, 5);
		if (ms < 6)
			invite_end(a->inv, 0, STR_NONE);
		advance(a, ms % 6);
		if (b->inv)
			reply(b, 200, "sdp");
		if (ms >= 6) {
			advance(a, 1 - (ms & 1));
			if (a->inv)
				invite_end(a->inv, 0, STR_NONE);
		}
		advance(a, 100);
		/* Either it was cancelled, or it was answered and ended; nobody is left talking. */
		assert_int_equal(count_seen(b, INVITE_CANCEL) + count_seen(b, INVITE_BYE), 1);
		drain(a);
		world_free(a);
	}
}

static void many_calls_leave_nothing(void **state)
{
	struct world *a, *b;

	world_pair(&a, &b);
	a->on_event = ack_answers;
	b->on_invite = answer_it;
	for (unsigned i = 0; i < 500; i++) {
		call(a);
		advance(a, 10);
		invite_end(i % 2 ? a->inv : b->inv, 0, STR_NONE);
		advance(a, 40000);
		assert_int_equal(a->sip->transactions + b->sip->transactions, 0);
		a->n_seen = b->n_seen = 0;
		world_forget(a);
		world_forget(b);
	}
	assert_empty(a);
	assert_empty(b);
	world_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_call),        cmocka_unit_test(caller_hangs_up),
		cmocka_unit_test(refused),           cmocka_unit_test(calls_on_a_bad_wire),
		cmocka_unit_test(glare_ends_well),   cmocka_unit_test(each_message_lost_once),
		cmocka_unit_test(ack_never_arrives), cmocka_unit_test(bye_never_arrives),
		cmocka_unit_test(cancel_races_200),  cmocka_unit_test(many_calls_leave_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
