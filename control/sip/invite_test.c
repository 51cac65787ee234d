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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_call),
		cmocka_unit_test(caller_hangs_up),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
