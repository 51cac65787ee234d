/* SPDX-License-Identifier: Apache-2.0 */
/* Session timers: refreshes, and when there are none. RFC 4028; the numbers in comments are its sections. */
#include "sip/session_calls_test.h"

/* ---- refreshes of ours ---- */

static void asks_for_a_refresh(void **state)
{
	struct world *w = world_new();

	w->terms.session_expires_s = 600;
	we_call(w, SE("600;refresher=uac"));
	advance(w, 299999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 0);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	/* Our user was busy: again after a twelfth, before two thirds are over. */
	advance(w, 49999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR("sdp"), STR("application/sdp")), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uac");
	answer(w, LAST, 200, "", CONTACT SE("600;refresher=uac"), "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	/* All begins anew. */
	advance(w, 299999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 3);
	finish(w);
}

static void refresh_is_never_made(void **state)
{
	struct world *w = world_new();
	int at;

	they_call(w, TIMER SE("600;refresher=uas"), &at);
	advance(w, BYE_AFTER - 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 6);
	assert_int_equal(count_sent(w, "BYE "), 0);
	advance(w, 1);
	assert_true(sent_is(w, LAST, "BYE "));
	assert_string_equal(field(w, LAST, "Reason"), EXPIRED);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	assert_int_equal(last_seen(w)->lost, INVITE_LOST_SESSION);
	assert_int_equal(counter_of(w, "timeout.session"), 1);
	finish(w);
}

/* In a call of ours, whose session our user refreshes when it is asked to. */
static struct world *refreshed_by_us(void)
{
	struct world *w = world_new();

	we_call(w, SE("600;refresher=uac"));
	w->on_event = refreshes;
	return w;
}

static void refresh_fails_then_succeeds(void **state)
{
	struct world *w = refreshed_by_us();

	advance(w, 300000);
	answer(w, LAST, 491, "", "", "");
	assert_int_equal(last_seen(w)->status, 491);
	advance(w, 49999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	answer(w, LAST, 500, "", "", "");
	advance(w, 50000);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 3);
	answer(w, LAST, 200, "", CONTACT SE("600;refresher=uac"), "");
	advance(w, 299999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 3);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	finish(w);
}

/* It takes part, so it will end the session when no refresh succeeds: so do we. */
static void refresh_is_refused_for_ever(void **state)
{
	struct world *w = refreshed_by_us();

	for (unsigned i = 0; i < 6; i++) {
		advance(w, i ? 50000 : 300000);
		assert_int_equal(count_seen(w, INVITE_REFRESH), i + 1);
		answer(w, LAST, 500, "", "", "");
	}
	advance(w, 600000);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	assert_int_equal(last_seen(w)->lost, INVITE_LOST_SESSION);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 6);
	finish(w);
}

/* Silence is the end of the dialog (10). */
static void refresh_is_not_answered(void **state)
{
	struct world *w = refreshed_by_us();

	advance(w, 300000 + 31999);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	advance(w, 1);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	assert_int_equal(last_seen(w)->status, 408);
	assert_int_equal(last_seen(w)->lost, INVITE_LOST_STATUS);
	assert_true(sent_is(w, LAST, "BYE "));
	finish(w);
}

/* It knows nothing of session timers: whatever it answers shows that it is there. */
static void refreshed_alone(void **state)
{
	struct world *w = world_new();

	w->terms.session_expires_s = 600;
	we_call(w, "");
	assert_session(w, 600, true);
	w->on_event = refreshes;
	for (unsigned i = 1; i <= 5; i++) {
		advance(w, 300000);
		assert_int_equal(count_seen(w, INVITE_REFRESH), i);
		assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uac");
		answer(w, LAST, i < 3 ? 488 : 200, "", i < 3 ? "" : CONTACT, "");
		assert_session(w, 600, true);
	}
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	finish(w);
}

/* Nothing came back, as the stream broke: that shows nothing. */
static void stream_breaks_at_the_refresh(void **state)
{
	struct world *w = world_new();

	w->transport = w->far_hop.transport = SIP_TCP;
	w->terms.session_expires_s = 600;
	we_call(w, "");
	w->on_event = refreshes;
	for (unsigned i = 0; i < 6; i++) {
		advance(w, i ? 50000 : 300000);
		assert_true(sent_is(w, LAST, "INVITE "));
		sip_broken(w->sip, &w->far_hop);
		advance(w, 0);
		assert_int_equal(count_seen(w, INVITE_REANSWER), i + 1);
		assert_int_equal(last_seen(w)->status, 503);
	}
	advance(w, BYE_AFTER - 550000);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	assert_int_equal(last_seen(w)->lost, INVITE_LOST_SESSION);
	finish(w);
}

static void refreshed_alone_as_callee(void **state)
{
	struct world *w = world_new();
	int at;

	w->terms.session_expires_s = 600;
	they_call(w, "", &at);
	w->on_event = refreshes;
	for (unsigned i = 1; i <= 3; i++) {
		advance(w, 300000);
		assert_int_equal(count_seen(w, INVITE_REFRESH), i);
		answer(w, LAST, 488, "", "", "");
	}
	finish(w);
}

/* ---- refreshes of the peer ---- */

static void they_do_not_refresh(void **state)
{
	static const struct {
		const char *expires;
		unsigned ms; /* until the BYE: 10 */
	} rows[] = {
		{ "90", 60000 },      { "96", 64000 },     { "99", 67000 },
		{ "600", BYE_AFTER }, { "1800", 1768000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new();
		char lines[100];
		int at;

		snprintf(lines, sizeof(lines), TIMER "Session-Expires: %s;refresher=uac\r\n",
			 rows[i].expires);
		they_call(w, lines, &at);
		advance(w, rows[i].ms - 1);
		assert_int_equal(count_sent(w, "BYE "), 0);
		advance(w, 1);
		assert_true(sent_is(w, LAST, "BYE "));
		assert_string_equal(field(w, LAST, "Reason"), EXPIRED);
		assert_int_equal(last_seen(w)->type, INVITE_LOST);
		assert_int_equal(last_seen(w)->lost, INVITE_LOST_SESSION);
		assert_int_equal(count_seen(w, INVITE_REFRESH), 0);
		finish(w);
	}
}

static void they_refresh(void **state)
{
	struct world *w = world_new();
	int at;

	they_call(w, TIMER SE("600;refresher=uac"), &at);
	for (unsigned i = 2; i < 7; i++) {
		advance(w, BYE_AFTER - 1);
		their_turn(w, at, i, 200, TIMER SE("600;refresher=uac"));
		assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uac");
		assert_string_equal(field(w, LAST, "Require"), "timer");
	}
	/* What was refused is no refresh, whenever it was. */
	advance(w, BYE_AFTER - 1);
	their_turn(w, at, 8, 488, TIMER SE("600;refresher=uac"));
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	advance(w, 1);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	finish(w);
}

/* While its re-INVITE waits for our user the session does not end; then it is too late. */
static void they_refresh_slowly(void **state)
{
	struct world *w = world_new();
	int at;

	they_call(w, TIMER SE("600;refresher=uac"), &at);
	advance(w, BYE_AFTER - 1);
	request_in(w, at, "INVITE", "r", 2, TIMER SE("600;refresher=uac"), "");
	advance(w, 100000);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	assert_int_equal(reply(w, 488, ""), 0);
	advance(w, 1);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	assert_int_equal(last_seen(w)->lost, INVITE_LOST_SESSION);
	finish(w);
}

/* ---- the timer is the INVITE's while one is open ---- */

static void timer_is_shared(void **state)
{
	struct world *w = world_new();
	int at;

	they_call(w, TIMER SE("90;refresher=uas"), &at);
	/* Ours rings over the moment of the refresh: nothing is asked for, and nothing is lost. */
	advance(w, 44000);
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	answer(w, LAST, 180, "", "", "");
	advance(w, 15000);
	assert_int_equal(w->n_seen, 1); /* INVITE_ACK */
	answer(w, LAST, 491, "", "", "");
	assert_int_equal(count_seen(w, INVITE_REANSWER), 1);
	advance(w, 0);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	/* Nor is it lost while nothing at all comes. */
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	advance(w, 20000);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	answer(w, LAST, 200, "", CONTACT SE("90;refresher=uac"), "");
	/* Our user takes its time for the ACK. */
	advance(w, 50000);
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	/* The peer takes its time for the ACK of a re-INVITE: the 2xx is repeated, the session goes on. */
	request_in(w, at, "INVITE", "r2", 2, TIMER SE("90;refresher=uas"), "");
	assert_int_equal(reply(w, 200, ""), 0);
	advance(w, 20000);
	assert_true(count_sent(w, "SIP/2.0 200 ") > 5);
	request_in(w, at, "ACK", "k2", 2, "", "");
	advance(w, 24999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 2);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 3);
	finish(w);
}

/* However the invite ends, its session ends with it. */
static void nothing_is_left(void **state)
{
	for (unsigned i = 0; i < 5; i++) {
		struct world *w = world_new();
		int at;

		they_call(w, TIMER SE("600;refresher=uas"), &at);
		if (i == 0) {
			request_in(w, at, "BYE", "b", 2, "", "");
		} else if (i == 1) {
			invite_end(w->inv, 0, STR_NONE);
			w->inv = NULL;
		} else if (i == 2) {
			request_in(w, at, "INVITE", "r", 2, "", "");
			request_in(w, at, "BYE", "b", 3, "", "");
		} else if (i == 3) {
			assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), 0);
			answer(w, LAST, 200, "", CONTACT SE("600;refresher=uac"), "");
			invite_end(w->inv, 0, STR_NONE);
			w->inv = NULL;
		} else {
			assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), 0);
			answer(w, LAST, 481, "", "", "");
			assert_int_equal(last_seen(w)->type, INVITE_LOST);
		}
		advance(w, 100000);
		assert_empty(w);
		assert_int_equal(count_seen(w, INVITE_REFRESH), 0);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_for_a_refresh),
		cmocka_unit_test(refresh_is_never_made),
		cmocka_unit_test(refresh_fails_then_succeeds),
		cmocka_unit_test(refresh_is_refused_for_ever),
		cmocka_unit_test(refresh_is_not_answered),
		cmocka_unit_test(refreshed_alone),
		cmocka_unit_test(stream_breaks_at_the_refresh),
		cmocka_unit_test(refreshed_alone_as_callee),
		cmocka_unit_test(they_do_not_refresh),
		cmocka_unit_test(they_refresh),
		cmocka_unit_test(they_refresh_slowly),
		cmocka_unit_test(timer_is_shared),
		cmocka_unit_test(nothing_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
