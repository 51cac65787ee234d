/* SPDX-License-Identifier: Apache-2.0 */
/* Session timers, RFC 4028; the numbers in comments are its sections. */
#include "sip/world_test.h"

#define CONTACT   "Contact: <sip:bob@192.0.2.99>\r\n"
#define TIMER     "Supported: timer\r\n"
#define SE(s)     "Session-Expires: " s "\r\n"
#define LAST      (-1)
#define EXPIRED   "SIP;cause=408;text=\"Session expired\""
#define BYE_AFTER (600000 - 32000) /* ms of a session of 600 s */

/* ---- calls by hand ---- */

/* The peer calls; the response of ours that has the tag is number *i. */
static void they_call(struct world *w, const char *lines, int *i)
{
	request(w, "INVITE", "a", 1, lines, "");
	assert_non_null(w->inv);
	assert_int_equal(reply(w, 200, ""), 0);
	*i = (int)w->n_sent - 1;
	assert_true(sent_is(w, *i, "SIP/2.0 200 "));
	request_in(w, *i, "ACK", "aa", 1, "", "");
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
}

/* We call, and the 2xx has these lines. */
static void we_call(struct world *w, const char *lines)
{
	char all[512];

	assert_non_null(call(w));
	snprintf(all, sizeof(all), CONTACT "%s", lines);
	answer(w, LAST, 200, "far", all, "");
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
}

static void assert_session(struct world *w, uint32_t seconds, bool ours)
{
	bool is_ours = !ours;

	assert_int_equal(invite_session_s(w->inv, &is_ours), seconds);
	assert_int_equal(is_ours, ours);
}

/* Ends what is left, after which there is no timer. */
static void finish(struct world *w)
{
	assert_int_equal(counter_of(w, "drop.unexpected-event"), 0);
	if (w->inv)
		invite_end(w->inv, 0, STR_NONE);
	w->inv = NULL;
	for (unsigned i = 0; i < w->n_sent; i++) /* the BYE is not answered twice */
		if (strncmp(w->sent[i].text, "BYE ", 4) == 0) {
			answer(w, (int)i, 200, "", "", "");
			break;
		}
	advance(w, 200000);
	assert_empty(w);
	world_free(w);
}

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

/* Our user refreshes by re-INVITE when it is asked. */
static void refreshes(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_REFRESH)
		assert_int_equal(invite_reinvite(inv, STR_NONE, STR("sdp"), STR("application/sdp")),
				 0);
	else if (e->type == INVITE_REANSWER && e->status == 200)
		assert_int_equal(invite_ack(inv, STR_NONE, STR_NONE), 0);
}

static void refresh_fails_then_succeeds(void **state)
{
	struct world *w = world_new();

	we_call(w, SE("600;refresher=uac"));
	w->on_event = refreshes;
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
	struct world *w = world_new();

	we_call(w, SE("600;refresher=uac"));
	w->on_event = refreshes;
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
	struct world *w = world_new();

	we_call(w, SE("600;refresher=uac"));
	w->on_event = refreshes;
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

static void their_turn(struct world *w, int at, unsigned cseq, unsigned status, const char *lines)
{
	char branch[16];

	snprintf(branch, sizeof(branch), "r%u", cseq);
	request_in(w, at, "INVITE", branch, cseq, lines, "");
	assert_int_equal(last_seen(w)->type, INVITE_OFFER);
	assert_int_equal(reply(w, status, ""), 0);
	if (status != 200)
		return;
	snprintf(branch, sizeof(branch), "k%u", cseq);
	request_in(w, at, "ACK", branch, cseq, "", "");
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
		cmocka_unit_test(refresher_of_our_2xx),
		cmocka_unit_test(refresher_of_their_2xx),
		cmocka_unit_test(theirs_is_too_small),
		cmocka_unit_test(ours_is_too_small),
		cmocka_unit_test(not_tried_again),
		cmocka_unit_test(more_than_anybody_lives),
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
		cmocka_unit_test(settled_anew),
		cmocka_unit_test(updates_of_ours),
		cmocka_unit_test(no_refresh_beside_an_update),
		cmocka_unit_test(updates_of_theirs),
		cmocka_unit_test(early_updates),
		cmocka_unit_test(glare_of_refreshes),
		cmocka_unit_test(hours_on_a_bad_wire),
		cmocka_unit_test(timer_is_shared),
		cmocka_unit_test(nothing_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
