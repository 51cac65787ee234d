/* SPDX-License-Identifier: Apache-2.0 */
/* What we say on our own: offers of ours, answers from what is known, repetitions. */
#include "media/world.h"

#define A8  A_HEAD "m=audio 4000 RTP/AVP 8 101\r\n" EVENTS
#define B8  B_HEAD "m=audio 6000 RTP/AVP 8 101\r\n" EVENTS
#define A80 A_HEAD "m=audio 4000 RTP/AVP 8 0 101\r\n" EVENTS
#define B80 B_HEAD "m=audio 6000 RTP/AVP 8 0 101\r\n" EVENTS

/* ---- offers when nothing is known ---- */

struct nothing {
	const char *first[2][3], *drop[2][3];
	enum conf_dtmf dtmf;
	const char *formats, *text;
};

static const struct nothing nothing[] = {
	{ { { 0 } }, { { 0 } }, 0, "8 0 101", "telephone-event/8000" },
	{ { { 0 } }, { { 0 } }, CONF_DTMF_INFO, "8 0", "PCM" },
	{ { { "PCMU" }, { "G722", "opus" } },
	  { { 0 } },
	  0,
	  "9 96 101 97",
	  "a=rtpmap:96 opus/48000/2" },
	{ { { "PCMU" }, { 0 } }, { { 0 } }, 0, "0 101", "" },
	{ { { 0 }, { "what", "CN" } }, { { 0 } }, 0, "8 0 101", "" },
	{ { { 0 } }, { { "PCMA" }, { 0 } }, 0, "0 101", "" },
	{ { { 0 } }, { { 0 }, { "PCMU" } }, 0, "8 101", "" },
	{ { { 0 } }, { { "PCMA" }, { "PCMU" } }, 0, NULL, NULL },
};

static void offers_when_nothing_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		const struct nothing *n = &nothing[i];
		struct world *w = world_new(NULL, NULL);
		for (unsigned leg = 0; leg < 2; leg++) {
			rules(w, leg)->codecs_first = (const char *const *)n->first[leg];
			rules(w, leg)->codecs_drop = (const char *const *)n->drop[leg];
		}
		rules(w, 1)->dtmf = n->dtmf;
		assert_int_equal(make(w, 1), n->formats ? 0 : -ENOTSUP);
		if (n->formats) {
			assert_int_equal(w->ms->in.n_media, 1);
			expect_formats(w, 0, n->formats);
			assert_non_null(strstr(w->text, n->text[0] ? n->text : "v=0"));
			assert_int_equal(in_use(w), 2);
		} else {
			assert_int_equal(in_use(w), 0);
		}
		for (unsigned leg = 0; leg < 2; leg++)
			rules(w, leg)->codecs_first = rules(w, leg)->codecs_drop = NULL;
		world_free(w);
	}
}

/* An INVITE without SDP toward a trunk that wants an offer: ours, then its answer as an offer for the caller, whose answer
 * comes in the ACK. */
static void puts_an_offer_in(void **state)
{
	struct world *w = *state;

	assert_int_equal(make(w, 1), 0);
	u16 port = line_of(w, 0)->port;
	assert_int_equal(make(w, 1), -EBUSY);
	assert_int_equal(offer(w, 0, A8), -EBUSY);
	assert_int_equal(answer(w, 1, B8), -EINVAL);
	assert_int_equal(answer(w, 0, A8), -EINVAL);
	assert_int_equal(offer(w, 1, B_HEAD "m=audio 6000 RTP/AVP 9\r\n"), -ENOTSUP);
	assert_int_equal(offer(w, 1, B_HEAD "m=audio 0 RTP/AVP 8\r\n"), -ENOTSUP);
	assert_int_equal(offer(w, 1, B_HEAD "m=video 6000 RTP/AVP 31\r\n"), -EBADMSG);
	assert_int_equal(offer(w, 1,
			       B_HEAD "m=audio 6000 RTP/AVP 0 9 96\r\na=rtpmap:96 "
				      "telephone-event/8000\r\n"),
			 0);
	expect_formats(w, 0, "0 96");
	assert_true(media_offer_is_news(w->m));
	assert_int_equal(media_answer_known(w->m), -EBADMSG);
	assert_int_equal(answer(w, 0,
				A_HEAD "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 "
				       "telephone-event/8000\r\n"),
			 0);
	assert_string_equal(w->text, ""); /* nobody waits for it */
	commit(w);
	media_settle(w->m);
	assert_int_equal(the_flow(w, 0)->side[1].local.port, port);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4000);
	/* B may use the number that it was offered */
	expect_map(w, 1, "0 96 101>96");
	assert_int_equal(the_flow(w, 0)->side[1].dtmf_in, 101);
	assert_int_equal(the_flow(w, 0)->side[1].dtmf_out, 96);
	assert_false(media_owes_offer(w->m, 0));
	assert_false(media_owes_offer(w->m, 1));
	assert_int_equal(in_use(w), 2);
}

/* The caller took less than the callee may send: the callee must hear of it. */
static void owes_an_offer_where_less_was_taken(void **state)
{
	static const struct {
		const char *b, *a;
		bool owes;
		const char *formats, *dir;
	} row[] = {
		{ B80, A80, false, "8 0 101", "sendrecv" },
		{ B80, A8, true, "8 101", "sendrecv" },
		{ B80, A_HEAD "m=audio 4000 RTP/AVP 8 0\r\n", true, "8 0", "sendrecv" },
		{ B8, A8 "a=inactive\r\n", true, "8 101", "inactive" },
		{ B8, A8 "a=sendonly\r\n", true, "8 101", "sendonly" },
		{ B8 "a=sendonly\r\n", A8 "a=recvonly\r\n", false, "8 0 101", "sendrecv" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		assert_int_equal(make(w, 1), 0);
		uint64_t version = version_in(w->text);
		assert_int_equal(offer(w, 1, row[i].b), 0);
		assert_int_equal(answer(w, 0, row[i].a), 0);
		assert_false(media_owes_offer(w->m, 1)); /* before it is settled nothing is owed */
		media_settle(w->m);
		assert_int_equal(media_owes_offer(w->m, 1), row[i].owes);
		assert_false(media_owes_offer(w->m, 0));
		assert_int_equal(make(w, 1), 0);
		expect_formats(w, 0, row[i].formats);
		assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), row[i].dir);
		assert_int_equal(version_in(w->text), version + row[i].owes);
		if (row[i].owes) { /* it is told, and all is well */
			assert_int_equal(offer(w, 1, row[i].b), 0);
			if (media_offer_is_news(w->m))
				assert_int_equal(answer(w, 0, row[i].a), 0);
			else
				assert_int_equal(media_answer_known(w->m), 0);
			media_settle(w->m);
			assert_false(media_owes_offer(w->m, 1));
		}
		world_free(w);
	}
}

/* ---- offers of ours in a session ---- */

static void offers_what_is_known(void **state)
{
	static const struct {
		unsigned holder; /* offers this hold after the first exchange */
		const char *hold, *answer;
		const char *dir[2]; /* of our offer to each */
	} row[] = {
		{ 0, "", "", { "sendrecv", "sendrecv" } },
		{ 0, "a=sendonly\r\n", "a=recvonly\r\n", { "sendrecv", "sendonly" } },
		{ 1, "a=sendonly\r\n", "a=recvonly\r\n", { "sendonly", "sendrecv" } },
		{ 0, "a=inactive\r\n", "a=inactive\r\n", { "sendrecv", "inactive" } },
		{ 0, "a=sendrecv\r\n", "a=sendonly\r\n", { "sendonly", "sendrecv" } },
	};
	char text[2][512];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		unsigned h = row[i].holder;
		exchange(w, 0, A80, B8);
		snprintf(text[0], sizeof(text[0]), "%s%s", h ? B8 : A80, row[i].hold);
		snprintf(text[1], sizeof(text[1]), "%s%s", h ? A80 : B8, row[i].answer);
		exchange(w, h, text[0], text[1]);
		for (unsigned leg = 0; leg < 2; leg++) {
			assert_int_equal(make(w, leg), 0);
			expect_formats(w, 0, leg && !h ? "8 0 101" : "8 101");
			assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), row[i].dir[leg]);
			assert_int_equal(line_of(w, 0)->port, the_flow(w, 0)->side[leg].local.port);
			media_reject(w->m);
		}
		assert_int_equal(w->peer.n_flows, 1);
		world_free(w);
	}
}

/* What it answers is what the other side knows already: nobody is asked. */
static void leaves_the_other_side_alone(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A8, B8);
	assert_int_equal(make(w, 0), 0);
	assert_int_equal(offer(w, 0, A_HEAD "m=audio 4444 RTP/AVP 8 101\r\n" EVENTS), 0);
	assert_false(media_offer_is_news(w->m));
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_settle(w->m);
	assert_int_equal(the_flow(w, 0)->side[0].remote.port, 4444);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
	assert_int_equal(the_flow(w, 0)->side[1].remote_rtcp, 6001);
	assert_false(media_is_held(w->m));
	assert_true(media_is_same(w->m, 1, STR(B8)));
	/* an offer that says something is news */
	assert_int_equal(offer(w, 0, A80), 0);
	assert_true(media_offer_is_news(w->m));
	media_reject(w->m);
	/* what was refused is not known */
	assert_int_equal(offer(w, 0, A80), 0);
	assert_true(media_offer_is_news(w->m));
	media_reject(w->m);
	assert_int_equal(offer(w, 0, A8), 0);
	assert_true(media_offer_is_news(w->m));
}

/* Nobody can ask the other side now: it hears of it later, with the next version. */
static void owes_news_that_nobody_told(void **state)
{
	struct world *w = *state;
	struct buf b;

	exchange(w, 0, A8, B8);
	buf_init(&b, w->text, sizeof(w->text));
	assert_int_equal(media_offer(w->m, 0, STR(A80 "a=sendonly\r\n"), &w->sig[0], &b), 0);
	assert_true(media_offer_is_news(w->m));
	assert_int_equal(media_answer_known(w->m), 0);
	assert_false(media_offer_is_news(w->m));
	media_settle(w->m);
	assert_true(media_owes_offer(w->m, 1));
	assert_int_equal(repeat(w, 0), 0);
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), "recvonly");
	assert_int_equal(version_in(w->text), 2);
	assert_int_equal(repeat(w, 1), 0);
	assert_int_equal(version_in(w->text), 1);
	assert_int_equal(make(w, 1), 0);
	assert_int_equal(version_in(w->text), 2);
	expect_formats(w, 0, "8 0 101");
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), "sendonly");
}

/* ---- answers without the other side ---- */

static void answers_alone(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *offer;
		int rc;
		const char *formats, *dir;
		bool owes; /* the other side */
	} row[] = {
		{ A80, 0, "8 101", "sendrecv", false },
		{ A80 "a=sendonly\r\n", 0, "8 101", "recvonly", true },
		{ A80 "a=inactive\r\n", 0, "8 101", "inactive", true },
		{ A80 "a=recvonly\r\n", 0, "8 101", "sendonly", true },
		{ A80, 0, "8 101", "sendrecv", false },
		{ A_HEAD "m=audio 4000 RTP/AVP 0\r\n", -ENOTSUP, NULL, NULL, false },
		{ "nothing", -EBADMSG, NULL, NULL, false },
		{ A_HEAD "m=audio 4002 RTP/AVP 9 8\r\n", 0, "8", "sendrecv", true },
		{ A80 "m=video 4010 RTP/AVP 31\r\n", 0, "8 101", "sendrecv", true },
	};

	assert_int_equal(here(w, 0, A80, NULL), -ENOTSUP);
	exchange(w, 0, A80, B8);
	u16 port = line_of(w, 0)->port;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(here(w, 0, row[i].offer, NULL), row[i].rc);
		assert_int_equal(media_owes_offer(w->m, 1), row[i].owes);
		if (row[i].rc)
			continue;
		assert_null(w->m->draft);
		assert_int_equal(line_of(w, 0)->port, port);
		expect_formats(w, 0, row[i].formats);
		assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), row[i].dir);
		commit(w);
		assert_int_equal(the_flow(w, 0)->side[1].remote.port, 6000);
		assert_int_equal(!!(the_flow(w, 0)->side[1].flags & FLOW_SIDE_HOLD),
				 !(line_of(w, 0)->dir & SDP_SENDONLY));
	}
	assert_int_equal(w->ms->in.n_media, 2);
	assert_int_equal(line_of(w, 1)->port, 0);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(in_use(w), 2);
	/* the debt is paid */
	assert_int_equal(make(w, 1), 0);
	assert_int_equal(w->ms->in.n_media, 2);
	assert_int_equal(offer(w, 1, B8), 0);
	assert_int_equal(media_answer_known(w->m), 0);
	media_settle(w->m);
	assert_false(media_owes_offer(w->m, 1));
}

/* The callee's UPDATE while the caller's INVITE is open. */
static void answers_across_an_open_offer(void **state)
{
	struct world *w = *state;
	static char other[16384];

	assert_int_equal(offer(w, 0, A80), 0);
	assert_int_equal(here(w, 0, A80, NULL), -EBUSY);
	assert_int_equal(answer_fork(w, 1, 7, B80), 0);
	commit(w);
	assert_int_equal(here(w, 1, B_HEAD "m=audio 6000 RTP/AVP 9\r\n", other), -ENOTSUP);
	assert_string_equal(other, "");
	assert_int_equal(here(w, 1,
			      B_HEAD "m=audio 7000 RTP/AVP 9 96 0\r\na=rtpmap:96 "
				     "telephone-event/8000\r\na=sendonly\r\n"
				     "m=video 7002 RTP/AVP 31\r\n",
			      other),
			 0);
	/* to the callee: in its numbers */
	assert_int_equal(w->ms->in.n_media, 2);
	expect_formats(w, 0, "96 0");
	assert_int_equal(line_of(w, 1)->port, 0);
	assert_int_equal(version_in(w->text), 2);
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), "recvonly");
	/* to the caller: in its own */
	assert_int_equal(version_in(other), 2);
	assert_non_null(strstr(other, "RTP/AVP 101 0\r\n"));
	assert_non_null(strstr(other, "a=sendonly\r\n"));
	assert_null(strstr(other, "m=video"));
	commit(w);
	assert_int_equal(the_flow(w, 0)->side[1].remote.port, 7000);
	expect_map(w, 0, "101>96 0");
	/* that is what this fork said now */
	assert_int_equal(answer_fork(w, 1, 7, ""), 0);
	assert_string_equal(w->text, other);
	media_settle(w->m);
	assert_false(media_owes_offer(w->m, 0));
	assert_false(media_owes_offer(w->m, 1));
	/* lines that the callee heard of stay */
	assert_int_equal(offer(w, 0, A80), 0);
	assert_int_equal(w->ms->in.n_media, 2);
	expect_formats(w, 0, "8 0 96");
}

/* ---- repetitions ---- */

static void repeats_to_the_letter(void **state)
{
	struct world *w = *state;
	char told[2][sizeof(w->text)];

	assert_int_equal(repeat(w, 0), -EINVAL);
	assert_false(media_is_same(w->m, 0, STR(A80)));
	assert_int_equal(offer(w, 0, A80), 0);
	memcpy(told[1], w->text, sizeof(w->text));
	assert_int_equal(repeat(w, 1), -EINVAL);
	assert_int_equal(answer(w, 1, B8), 0);
	memcpy(told[0], w->text, sizeof(w->text));
	media_settle(w->m);
	for (unsigned leg = 0; leg < 2; leg++) {
		assert_int_equal(repeat(w, leg), 0);
		assert_string_equal(w->text, told[leg]);
	}
	assert_true(media_is_same(w->m, 0, STR(A80)));
	assert_true(media_is_same(w->m, 1, STR(B8)));
	assert_true(media_is_same(
		w->m, 1,
		STR("v=0\r\no=- 7 8 IN IP4 1.2.3.4\r\ns=x\r\nc=IN IP4 203.0.113.20\r\nt=0 0\r\n"
		    "m=audio 6000 RTP/AVP 8 101\r\n" EVENTS)));
	assert_false(media_is_same(w->m, 0, STR(A8)));
	assert_false(media_is_same(w->m, 1, STR(B8 "a=inactive\r\n")));
	assert_false(media_is_same(w->m, 1, STR(B_HEAD "m=audio 6002 RTP/AVP 8 101\r\n" EVENTS)));
	assert_false(media_is_same(w->m, 1, STR("what")));
	/* what was refused does not count, and its version is not used again */
	assert_int_equal(offer(w, 0, A8), 0);
	assert_int_equal(version_in(w->text), 2);
	media_reject(w->m);
	assert_true(media_is_same(w->m, 0, STR(A80)));
	assert_int_equal(repeat(w, 1), 0);
	assert_int_equal(version_in(w->text), 3);
	expect_formats(w, 0, "8 0 101");
	assert_int_equal(repeat(w, 1), 0);
	assert_int_equal(version_in(w->text), 3);
}

/* Calls that say the same share it. */
static void shares_what_is_equal(void **state)
{
	struct world *w = *state;
	struct media *m[8];
	struct arena *arena[8];
	const struct media_options o = { .conf = w->conf,
					 .trunk = { w->m->leg[0].trunk, w->m->leg[1].trunk } };
	char room[2048];
	size_t n = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct media_options with = o;
		struct buf b;
		with.arena = arena[i] = arena_new(1024);
		m[i] = media_new(w->ms, &with);
		buf_init(&b, room, sizeof(room));
		assert_int_equal(media_offer(m[i], 0, STR(A80), &w->sig[0], &b), 0);
		assert_int_equal(media_answer(m[i], 1, 0, STR(B8), &w->sig[1], &b), 0);
		media_settle(m[i]);
		assert_true(i == 0 || n == w->ms->known.count);
		n = w->ms->known.count;
	}
	assert_in_range(n, 3, 8);
	for (unsigned i = 0; i < 8; i++) {
		media_drop(m[i]);
		arena_free(arena[i]);
	}
	learned_forget(w->ms);
	assert_int_equal(w->ms->known.count, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_when_nothing_is_known),
		T(puts_an_offer_in),
		cmocka_unit_test(owes_an_offer_where_less_was_taken),
		cmocka_unit_test(offers_what_is_known),
		T(leaves_the_other_side_alone),
		T(owes_news_that_nobody_told),
		T(answers_alone),
		T(answers_across_an_open_offer),
		T(repeats_to_the_letter),
		T(shares_what_is_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
