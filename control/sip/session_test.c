/* SPDX-License-Identifier: Apache-2.0 */
/* Session timers: what both sides agree to. RFC 4028; the numbers in comments are its sections. */
#include "sip/session_calls_test.h"

/* ---- who refreshes: table 2 of 9 ---- */

static void refresher_of_our_2xx(void **state)
{
	static const struct {
		const char *lines;
		uint32_t expires_s, min_s;
		uint8_t refresher;
		const char *session_expires, *require;
	} rows[] = {
		/* It does not support timers: it is we, or nobody. */
		{ "", 0, 0, INVITE_REFRESHER_ANY, "", "" },
		{ "", 1800, 0, INVITE_REFRESHER_ANY, "1800;refresher=uas", "" },
		{ "", 1800, 0, INVITE_REFRESHER_US, "1800;refresher=uas", "" },
		{ "", 1800, 0, INVITE_REFRESHER_THEM, "1800;refresher=uas", "" },
		{ SE("600"), 0, 0, INVITE_REFRESHER_ANY, "600;refresher=uas", "" },
		{ SE("600;refresher=uas"), 1800, 0, INVITE_REFRESHER_ANY, "600;refresher=uas", "" },
		{ SE("600;refresher=uac"), 1800, 0, INVITE_REFRESHER_THEM, "600;refresher=uas",
		  "" },
		/* It does, and proposes nothing. */
		{ TIMER, 0, 0, INVITE_REFRESHER_ANY, "", "" },
		{ TIMER, 1800, 0, INVITE_REFRESHER_ANY, "1800;refresher=uas", "timer" },
		{ TIMER, 1800, 0, INVITE_REFRESHER_US, "1800;refresher=uas", "timer" },
		{ TIMER, 1800, 0, INVITE_REFRESHER_THEM, "1800;refresher=uac", "timer" },
		{ TIMER "Min-SE: 2400\r\n", 1800, 0, INVITE_REFRESHER_ANY, "2400;refresher=uas",
		  "timer" },
		/* It proposes, and leaves open who. */
		{ TIMER SE("600"), 0, 0, INVITE_REFRESHER_ANY, "600;refresher=uac", "timer" },
		{ TIMER SE("600"), 1800, 0, INVITE_REFRESHER_ANY, "600;refresher=uas", "timer" },
		{ TIMER SE("600"), 1800, 0, INVITE_REFRESHER_US, "600;refresher=uas", "timer" },
		{ TIMER SE("600"), 1800, 0, INVITE_REFRESHER_THEM, "600;refresher=uac", "timer" },
		{ "k: 100rel, timer\r\nx: 600\r\n", 0, 0, INVITE_REFRESHER_ANY, "600;refresher=uac",
		  "timer" },
		{ "Require: timer\r\n" SE("600"), 0, 0, INVITE_REFRESHER_ANY, "600;refresher=uac",
		  "timer" },
		/* It says who: so be it. */
		{ TIMER SE("600;refresher=uac"), 0, 0, INVITE_REFRESHER_ANY, "600;refresher=uac",
		  "timer" },
		{ TIMER SE("600;refresher=uac"), 1800, 0, INVITE_REFRESHER_US, "600;refresher=uac",
		  "timer" },
		{ TIMER SE("600;refresher=uas"), 0, 0, INVITE_REFRESHER_ANY, "600;refresher=uas",
		  "timer" },
		{ TIMER SE("600;refresher=uas"), 1800, 0, INVITE_REFRESHER_THEM,
		  "600;refresher=uas", "timer" },
		/* Shorter where we want it so, within what both may want; never longer. */
		{ TIMER SE("3600"), 1800, 0, INVITE_REFRESHER_US, "1800;refresher=uas", "timer" },
		{ TIMER SE("3600") "Min-SE: 2700\r\n", 1800, 0, INVITE_REFRESHER_US,
		  "2700;refresher=uas", "timer" },
		{ TIMER SE("3600"), 1800, 2000, INVITE_REFRESHER_US, "2000;refresher=uas",
		  "timer" },
		{ TIMER SE("90"), 1800, 0, INVITE_REFRESHER_US, "90;refresher=uas", "timer" },
		/* What cannot be read is not there. */
		{ TIMER SE("never"), 0, 0, INVITE_REFRESHER_ANY, "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new();
		bool ours = strstr(rows[i].session_expires, "uas");
		int at;

		print_message("%zu\n", i);
		w->terms = (struct invite_terms){ .refresher = rows[i].refresher,
						  .session_expires_s = rows[i].expires_s,
						  .session_min_s = rows[i].min_s };
		they_call(w, rows[i].lines, &at);
		assert_string_equal(field(w, at, "Session-Expires"), rows[i].session_expires);
		assert_string_equal(field(w, at, "Require"), rows[i].require);
		assert_session(w, (uint32_t)strtoul(rows[i].session_expires, NULL, 10), ours);
		finish(w);
	}
}

static void refresher_of_their_2xx(void **state)
{
	static const struct {
		uint32_t expires_s, min_s;
		uint8_t refresher;
		const char *session_expires, *min_se; /* of our INVITE */
		const char *lines;
		uint32_t seconds;
		bool ours;
	} rows[] = {
		/* It knows nothing of it: we alone, if we want to. */
		{ 0, 0, INVITE_REFRESHER_ANY, "", "", "", 0, false },
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", "", 1800, true },
		{ 1800, 90, INVITE_REFRESHER_US, "1800;refresher=uac", "", "", 1800, true },
		{ 1800, 0, INVITE_REFRESHER_THEM, "1800;refresher=uas", "", TIMER, 1800, true },
		/* It says who. */
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", SE("1800;refresher=uac"), 1800, true },
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", SE("900;refresher=uas"), 900, false },
		{ 1800, 0, INVITE_REFRESHER_US, "1800;refresher=uac", "", SE("900;refresher=uas"),
		  900, false },
		{ 1800, 0, INVITE_REFRESHER_THEM, "1800;refresher=uas", "", SE("900;refresher=uac"),
		  900, true },
		{ 0, 0, INVITE_REFRESHER_ANY, "", "", SE("900;refresher=uas"), 900, false },
		/* It must say who; who says nothing is taken to wait for us. */
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", SE("900"), 900, true },
		/* Our least is known to all on the way. */
		{ 1800, 300, INVITE_REFRESHER_ANY, "1800", "300", SE("900;refresher=uac"), 900,
		  true },
		{ 100, 300, INVITE_REFRESHER_ANY, "300", "300", "", 300, true },
		{ 60, 0, INVITE_REFRESHER_ANY, "90", "", "", 90, true },
		/* Forbidden, but it means what it says; a joke it is not. */
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", SE("60;refresher=uac"), 60, true },
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", SE("0;refresher=uac"), 32, true },
		{ 1800, 0, INVITE_REFRESHER_ANY, "1800", "", SE("4294967295;refresher=uac"),
		  2000000, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new();

		print_message("%zu\n", i);
		w->terms = (struct invite_terms){ .refresher = rows[i].refresher,
						  .session_expires_s = rows[i].expires_s,
						  .session_min_s = rows[i].min_s };
		we_call(w, rows[i].lines);
		assert_string_equal(field(w, 0, "Session-Expires"), rows[i].session_expires);
		assert_string_equal(field(w, 0, "Min-SE"), rows[i].min_se);
		assert_session(w, rows[i].seconds, rows[i].ours);
		finish(w);
	}
}

/* ---- too small: 422 ---- */

static void theirs_is_too_small(void **state)
{
	struct world *w = world_new();
	int at;

	request(w, "INVITE", "s", 1, TIMER SE("89;refresher=uac"), "");
	assert_true(sent_is(w, LAST, "SIP/2.0 422 "));
	assert_string_equal(field(w, LAST, "Min-SE"), "90");
	assert_int_equal(w->n_invites, 0);
	request(w, "INVITE", "s0", 1, TIMER SE("0"), "");
	assert_true(sent_is(w, LAST, "SIP/2.0 422 "));
	/* Who does not support timers cannot read a 422 (9). */
	request(w, "INVITE", "s1", 1, SE("89"), "");
	assert_int_equal(w->n_invites, 1);
	assert_int_equal(reply(w, 486, ""), 0);
	w->inv = NULL;
	/* Terms of our user come later than the core's own judgement. */
	w->terms.session_min_s = 300;
	request(w, "INVITE", "s2", 1, TIMER SE("299"), "");
	assert_int_equal(w->n_invites, 2);
	assert_true(invite_session_too_small(w->inv));
	assert_int_equal(reply(w, 422, ""), 0);
	assert_true(sent_is(w, LAST, "SIP/2.0 422 "));
	assert_string_equal(field(w, LAST, "Min-SE"), "300");
	w->inv = NULL;
	they_call(w, TIMER SE("300;refresher=uac"), &at);
	assert_false(invite_session_too_small(w->inv));
	request_in(w, at, "INVITE", "s3", 2, TIMER SE("299;refresher=uac"), "");
	assert_true(sent_is(w, LAST, "SIP/2.0 422 "));
	assert_string_equal(field(w, LAST, "Min-SE"), "300");
	assert_int_equal(count_seen(w, INVITE_OFFER), 0);
	assert_int_equal(counter_of(w, "session.refused"), 3);
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	assert_session(w, 300, false);
	/* The one that runs has not been refreshed by that. */
	advance(w, 268000);
	assert_int_equal(last_seen(w)->type, INVITE_LOST);
	finish(w);
}

static void ours_is_too_small(void **state)
{
	struct world *w = world_new();

	w->terms.session_expires_s = 100;
	call(w);
	answer(w, 0, 422, "x", "Min-SE: 200\r\n", "");
	assert_true(sent_is(w, 1, "ACK "));
	assert_true(sent_is(w, 2, "INVITE "));
	assert_string_equal(field(w, 2, "Session-Expires"), "200");
	assert_string_equal(field(w, 2, "Min-SE"), "200");
	assert_string_equal(field(w, 2, "CSeq"), "2 INVITE");
	assert_string_equal(field(w, 2, "Call-ID"), field(w, 0, "Call-ID"));
	assert_string_equal(field(w, 2, "From"), field(w, 0, "From"));
	assert_string_equal(field(w, 2, "Subject"), "test");
	assert_string_not_equal(param_of(w, 2, "Via", "branch"), param_of(w, 0, "Via", "branch"));
	assert_non_null(strstr(sent(w, 2), "\r\n\r\noffer"));
	/* The next on the way wants more. */
	answer(w, 2, 422, "y", "Min-SE: 300\r\n", "");
	assert_string_equal(field(w, LAST, "Session-Expires"), "300");
	answer(w, LAST, 200, "far", CONTACT SE("300;refresher=uac"), "");
	assert_int_equal(w->n_seen, 1);
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_string_equal(field(w, LAST, "CSeq"), "3 ACK");
	assert_int_equal(counter_of(w, "session.again"), 2);
	/* What was learned holds for the whole dialog (7.4). */
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR("sdp"), STR("application/sdp")), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "300;refresher=uac");
	assert_string_equal(field(w, LAST, "Min-SE"), "300");
	answer(w, LAST, 422, "", "Min-SE: 400\r\n", "");
	assert_true(sent_is(w, LAST, "INVITE "));
	assert_string_equal(field(w, LAST, "Session-Expires"), "400;refresher=uac");
	assert_string_equal(field(w, LAST, "CSeq"), "5 INVITE");
	assert_string_equal(invite_state_name(w->inv), "REINVITING");
	answer(w, LAST, 200, "", CONTACT SE("400;refresher=uac"), "");
	assert_int_equal(last_seen(w)->type, INVITE_REANSWER);
	assert_int_equal(last_seen(w)->status, 200);
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_string_equal(field(w, LAST, "CSeq"), "5 ACK");
	assert_session(w, 400, true);
	finish(w);
}

/* Nobody sends us round for ever, and what does not ask for more is a failure like any other. */
static void not_tried_again(void **state)
{
	static const char *const lines[] = { "", "Min-SE: 1800\r\n", "Min-SE: nothing\r\n" };
	struct world *w;

	for (unsigned i = 0; i < 3; i++) {
		w = world_new();
		w->terms.session_expires_s = 1800;
		call(w);
		answer(w, 0, 422, "x", lines[i], "");
		assert_seen(w, 0, INVITE_FAIL, 422);
		finish(w);
	}
	w = world_new();
	w->terms.session_expires_s = 1800;
	call(w);
	answer(w, 0, 488, "x", "Min-SE: 3600\r\n", "");
	assert_seen(w, 0, INVITE_FAIL, 488);
	finish(w);
	w = world_new();
	call(w); /* no timer */
	answer(w, 0, 422, "x", "Min-SE: 1800\r\n", "");
	assert_seen(w, 0, INVITE_FAIL, 422);
	finish(w);
	w = world_new();
	w->terms.session_expires_s = 1800;
	call(w);
	for (unsigned i = 1; i <= 4; i++) {
		char more[40];

		assert_true(sent_is(w, LAST, "INVITE "));
		assert_int_equal(w->n_seen, 0);
		snprintf(more, sizeof(more), "Min-SE: %u\r\n", 1800 + i);
		answer(w, LAST, 422, "x", more, "");
	}
	assert_seen(w, 0, INVITE_FAIL, 422);
	assert_int_equal(count_sent(w, "INVITE "), 4);
	finish(w);
}

static void more_than_anybody_lives(void **state)
{
	struct world *w = world_new();

	w->terms.session_expires_s = 1800;
	call(w);
	answer(w, 0, 422, "x", "Min-SE: 4294967295\r\n", "");
	assert_string_equal(field(w, LAST, "Session-Expires"), "2000000");
	answer(w, LAST, 200, "far", CONTACT, "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	advance(w, 999999999);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 0);
	advance(w, 1);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	finish(w);
}

/* Each 2xx settles everything anew. */
static void settled_anew(void **state)
{
	struct world *w = world_new();
	int at;

	they_call(w, TIMER SE("600;refresher=uac"), &at);
	assert_session(w, 600, false);
	their_turn(w, at, 2, 200, TIMER SE("900;refresher=uac"));
	assert_session(w, 900, false);
	their_turn(w, at, 3, 200, TIMER SE("90;refresher=uas"));
	assert_session(w, 90, true);
	advance(w, 45000);
	assert_int_equal(count_seen(w, INVITE_REFRESH), 1);
	/* Roles stay where nobody says anything of them. */
	their_turn(w, at, 4, 200, TIMER SE("600"));
	assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uas");
	/* The refresh is ours, but anybody may make it, and turn it over. */
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "600;refresher=uac");
	answer(w, LAST, 200, "", CONTACT SE("700;refresher=uas"), "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_session(w, 700, false);
	/* A Min-SE of theirs is ours to repeat (7.4). */
	their_turn(w, at, 5, 200, TIMER SE("800;refresher=uas") "Min-SE: 800\r\n");
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), 0);
	assert_string_equal(field(w, LAST, "Session-Expires"), "800;refresher=uac");
	assert_string_equal(field(w, LAST, "Min-SE"), "800");
	/* Turned off (7.2): nothing was asked for by us. */
	answer(w, LAST, 200, "", CONTACT, "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_session(w, 0, false);
	/* And on, and off by them. */
	their_turn(w, at, 6, 200, TIMER SE("800;refresher=uac"));
	assert_session(w, 800, false);
	their_turn(w, at, 7, 200, TIMER);
	assert_string_equal(field(w, LAST, "Session-Expires"), "");
	assert_session(w, 0, false);
	advance(w, 3000000);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	finish(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refresher_of_our_2xx), cmocka_unit_test(refresher_of_their_2xx),
		cmocka_unit_test(theirs_is_too_small),  cmocka_unit_test(ours_is_too_small),
		cmocka_unit_test(not_tried_again),      cmocka_unit_test(more_than_anybody_lives),
		cmocka_unit_test(settled_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
