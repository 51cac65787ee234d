/* SPDX-License-Identifier: Apache-2.0 */
/* Payload types, codec rules of trunks, and keys: what each leg is told, and what the engine makes of it. */
#include "media/world.h"

#define OPUS(n)  "a=rtpmap:" #n " opus/48000/2\r\n"
#define ILBC(n)  "a=rtpmap:" #n " iLBC/8000\r\n"
#define TE(n)    "a=rtpmap:" #n " telephone-event/8000\r\na=fmtp:" #n " 0-15\r\n"
#define TE48(n)  "a=rtpmap:" #n " telephone-event/48000\r\na=fmtp:" #n " 0-15\r\n"
#define A(lines) A_HEAD "m=audio 4000 RTP/AVP " lines
#define B(lines) B_HEAD "m=audio 6000 RTP/AVP " lines

static void ask(struct world *w, unsigned from, const char *o, const char *a)
{
	char text[2][2048];

	for (unsigned i = 0; i < 2; i++) {
		unsigned leg = i ? !from : from;
		snprintf(text[i], sizeof(text[i]), "%sm=audio %u RTP/AVP %s", leg ? B_HEAD : A_HEAD,
			 leg ? 6000 : 4000, i ? a : o);
	}
	assert_int_equal(offer(w, from, text[0]), 0);
	if (!a)
		return;
	assert_int_equal(answer(w, !from, text[1]), 0);
	commit(w);
}

/* ---- numbers in later offers: RFC 3264 8.3.2 ---- */

struct later {
	const char *offer, *answer; /* A's first, and B's to it */
	const char *again;          /* what B offers then */
	const char *told, *text;    /* to A */
	const char *back;           /* A's answer */
	const char *told_b, *map_a, *map_b;
};

static const struct later laters[] = {
	/* the same again, with B's number */
	{ "97 0\r\n" OPUS(97), "111 0\r\n" OPUS(111), "111 0\r\n" OPUS(111), "97 0",
	  "a=rtpmap:97 opus/48000/2", "97\r\n" OPUS(97), "111", "97>111", "111>97" },
	/* B's number has another meaning for A */
	{ "97 0\r\n" OPUS(97), "97 0\r\n" OPUS(97), "97 98 0\r\n" OPUS(97) ILBC(98), "97 98 0",
	  "a=rtpmap:98 iLBC/8000", "98\r\n" ILBC(98), "98", "98", "98" },
	{ "97 0\r\n" OPUS(97), "0\r\n", "97 0\r\n" ILBC(97), "96 0", "a=rtpmap:96 iLBC/8000",
	  "96 0\r\n" ILBC(96), "97 0", "96>97 0", "97>96 0" },
	/* two that change places */
	{ "97 98\r\n" OPUS(97) ILBC(98), "97 98\r\n" OPUS(97) ILBC(98),
	  "97 98\r\n" ILBC(97) OPUS(98), "98 97", "a=rtpmap:98 iLBC/8000", "97\r\n" OPUS(97), "98",
	  "97>98", "98>97" },
	/* an answer with another number once more */
	{ "97\r\n" OPUS(97), "97\r\n" OPUS(97), "100\r\n" OPUS(100), "97", "opus",
	  "99\r\n" OPUS(99), "100", "97>100 99>100", "100>99" },
};

static void keeps_the_meaning_of_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(laters) / sizeof(laters[0]); i++) {
		const struct later *l = &laters[i];
		struct world *w = world_new(NULL, NULL);
		ask(w, 0, l->offer, l->answer);
		media_settle(w->m);
		ask(w, 1, l->again, NULL);
		expect_formats(w, 0, l->told);
		assert_non_null(strstr(w->text, l->text));
		media_reject(w->m);
		ask(w, 1, l->again, l->back);
		expect_formats(w, 0, l->told_b);
		expect_map(w, 0, l->map_a);
		expect_map(w, 1, l->map_b);
		world_free(w);
	}
}

/* A number that was given up means for ever what it meant. */
static void never_forgets_a_number(void **state)
{
	struct world *w = *state;

	ask(w, 0, "97 0\r\n" OPUS(97), "97 0\r\n" OPUS(97));
	media_settle(w->m);
	ask(w, 0, "0\r\n", "0\r\n");
	media_settle(w->m);
	ask(w, 0, "0\r\n", "0\r\n");
	media_settle(w->m);
	ask(w, 1, "97\r\n" ILBC(97), "96\r\n" ILBC(96));
	expect_formats(w, 0, "97");
	expect_map(w, 1, "97>96");
}

static void translates_values_and_feedback(void **state)
{
	struct world *w = *state;
	static const char a[] = A_HEAD
		"m=video 4000 RTP/AVPF 96 97 98\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 "
		"rtx/90000\r\n"
		"a=fmtp:97 apt=96;rtx-time=96\r\na=rtpmap:98 red/90000\r\na=fmtp:98 96/97\r\n"
		"a=rtcp-fb:96 nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:97 nack\r\n";
	static const char b[] = B_HEAD
		"m=video 6000 RTP/AVPF 96 97 98\r\na=rtpmap:96 red/90000\r\na=fmtp:96 97/98\r\n"
		"a=rtpmap:97 VP8/90000\r\na=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\n"
		"a=rtcp-fb:97 nack pli\r\na=rtcp-fb:98 nack\r\n";

	assert_int_equal(offer(w, 0, a), 0);
	assert_int_equal(answer(w, 1, a), 0);
	media_settle(w->m);
	assert_int_equal(offer(w, 1, b), 0);
	expect_formats(w, 0, "98 96 97"); /* A's */
	assert_non_null(strstr(w->text, "a=fmtp:98 96/97\r\n"));
	assert_non_null(strstr(w->text, "a=fmtp:97 apt=96\r\n"));
	assert_non_null(strstr(w->text, "a=rtcp-fb:96 nack pli\r\na=rtcp-fb:97 nack\r\n"));
	assert_int_equal(answer(w, 0, a), 0);
	expect_formats(w, 0, "97 98 96"); /* B's */
	assert_non_null(strstr(w->text, "a=fmtp:98 apt=97;rtx-time=96\r\n"));
	assert_non_null(strstr(w->text, "a=fmtp:96 97/98\r\n"));
	assert_non_null(strstr(
		w->text, "a=rtcp-fb:97 nack pli\r\na=rtcp-fb:* ccm fir\r\na=rtcp-fb:98 nack\r\n"));
}

/* ---- rules of trunks ---- */

struct rule {
	const char *first[3], *drop[3]; /* of B's trunk, or of A's where `a` */
	bool a;
	const char *offer, *told, *answer, *answered; /* answer NULL: the offer cannot be carried */
};

static const struct rule rule[] = {
	{ { "PCMU" },
	  { 0 },
	  false,
	  "8 9 0 101\r\n" TE(101),
	  "0 8 9 101",
	  "8 0 101\r\n" TE(101),
	  "8 0 101" },
	{ { "g722", "PCMU" }, { 0 }, false, "8 0 9\r\n", "9 0 8", "8\r\n", "8" },
	{ { "PCMU" }, { 0 }, true, "8 9 0\r\n", "8 9 0", "8 0\r\n", "0 8" },
	{ { 0 },
	  { "PCMA", "G722" },
	  false,
	  "8 9 0 13 101\r\n" TE(101),
	  "0 13 101",
	  "8 0 101\r\n" TE(101),
	  "0 101" },
	{ { 0 }, { "pcma" }, true, "8 0\r\n", "0", "0 8\r\n", "0" },
	{ { 0 }, { "opus" }, true, "97 0\r\n" OPUS(97), "0", "0\r\n", "0" },
	/* keys and noise alone are no call */
	{ { 0 }, { "PCMA" }, false, "8 13 101\r\n" TE(101), NULL, NULL, NULL },
	{ { 0 }, { "PCMA" }, true, "8 13 101\r\n" TE(101), NULL, NULL, NULL },
};

static void obeys_the_trunk(void **state)
{
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		const struct rule *r = &rule[i];
		struct world *w = world_new(NULL, NULL);
		rules(w, !r->a)->codecs_first = (const char *const *)r->first;
		rules(w, !r->a)->codecs_drop = (const char *const *)r->drop;
		snprintf(text, sizeof(text), A("%s"), r->offer);
		if (!r->answered) {
			assert_int_equal(offer(w, 0, text), -ENOTSUP);
		} else {
			assert_int_equal(offer(w, 0, text), 0);
			expect_formats(w, 0, r->told);
			snprintf(text, sizeof(text), B("%s"), r->answer);
			assert_int_equal(answer(w, 1, text), 0);
			expect_formats(w, 0, r->answered);
		}
		rules(w, 0)->codecs_first = rules(w, 0)->codecs_drop = NULL;
		rules(w, 1)->codecs_first = rules(w, 1)->codecs_drop = NULL;
		world_free(w);
	}
}

static void asks_for_its_packet_time(void **state)
{
	struct world *w = *state;

	rules(w, 0)->ptime_ms = 40;
	rules(w, 1)->ptime_ms = 30;
	ask(w, 0, "8\r\na=ptime:20\r\n", NULL);
	assert_int_equal(line_of(w, 0)->ptime, 30);
	assert_int_equal(answer(w, 1, B("8\r\n")), 0);
	assert_int_equal(line_of(w, 0)->ptime, 40);
	commit(w);
	assert_int_equal(the_flow(w, 0)->side[0].ptime, 40);
}

/* ---- keys ---- */

struct keys {
	enum conf_dtmf dtmf[2];
	const char *offer, *told, *answer, *answered;
	struct {
		u8 in, out;
		u32 clock, flags;
	} side[2];
};

#define TOLD (FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE)
#define NONE FLOW_PT_NONE

static const struct keys keys[] = {
	{ { 0, 0 },
	  "8 101\r\n" TE(101),
	  "8 101",
	  "8 96\r\n" TE(96),
	  "8 101",
	  { { 101, 101, 8000, 0 }, { 101, 96, 8000, 0 } } },
	{ { 0, 0 },
	  "8 101\r\n" TE(101),
	  "8 101",
	  "8\r\n",
	  "8",
	  { { NONE, NONE, 8000, 0 }, { NONE, NONE, 8000, 0 } } },
	/* clocks: that of the codec; else what there is */
	{ { 0, 0 },
	  "97 8 101 110\r\n" OPUS(97) TE(101) TE48(110),
	  "97 8 101 110",
	  "97 101 110\r\n" OPUS(97) TE(101) TE48(110),
	  "97 101 110",
	  { { 110, 110, 48000, 0 }, { 110, 110, 48000, 0 } } },
	{ { 0, 0 },
	  "97 8 101 110\r\n" OPUS(97) TE(101) TE48(110),
	  "97 8 101 110",
	  "8 101 110\r\n" TE(101) TE48(110),
	  "8 101 110",
	  { { 101, 101, 8000, 0 }, { 101, 101, 8000, 0 } } },
	{ { 0, 0 },
	  "97 101\r\n" OPUS(97) TE(101),
	  "97 101",
	  "97 110\r\n" OPUS(97) TE48(110),
	  "97 101",
	  { { 101, 101, 8000, 0 }, { 101, 110, 48000, 0 } } },
	/* B wants INFO: A's keys are taken */
	{ { 0, CONF_DTMF_INFO },
	  "8 101\r\n" TE(101),
	  "8",
	  "8\r\n",
	  "8 101",
	  { { 101, 101, 8000, TOLD }, { NONE, NONE, 8000, 0 } } },
	{ { 0, CONF_DTMF_INFO_PLAIN },
	  "8 101\r\n" TE(101),
	  "8",
	  "8 101\r\n" TE(101),
	  "8 101",
	  { { 101, 101, 8000, TOLD }, { NONE, NONE, 8000, 0 } } },
	{ { 0, CONF_DTMF_INFO },
	  "97 101 110\r\n" OPUS(97) TE(101) TE48(110),
	  "97",
	  "97\r\n" OPUS(97),
	  "97 110",
	  { { 110, 110, 48000, TOLD }, { NONE, NONE, 8000, 0 } } },
	{ { 0, CONF_DTMF_INFO },
	  "8\r\n",
	  "8",
	  "8\r\n",
	  "8",
	  { { NONE, NONE, 8000, 0 }, { NONE, NONE, 8000, 0 } } },
	/* A wants INFO: B's keys are taken */
	{ { CONF_DTMF_INFO, 0 },
	  "8\r\n",
	  "8 101",
	  "8 101\r\n" TE(101),
	  "8",
	  { { NONE, NONE, 8000, 0 }, { 101, 101, 8000, TOLD } } },
	{ { CONF_DTMF_INFO, 0 },
	  "8\r\n",
	  "8 101",
	  "8\r\n",
	  "8",
	  { { NONE, NONE, 8000, 0 }, { NONE, NONE, 8000, 0 } } },
	{ { CONF_DTMF_INFO, 0 },
	  "101 97 8\r\n" OPUS(97) ILBC(101),
	  "101 97 8 96 98",
	  "97 98\r\n" OPUS(97) TE48(98),
	  "97",
	  { { NONE, NONE, 8000, 0 }, { 98, 98, 48000, TOLD } } },
	/* both: nobody has any */
	{ { CONF_DTMF_INFO, CONF_DTMF_INFO },
	  "8 101\r\n" TE(101),
	  "8",
	  "8 101\r\n" TE(101),
	  "8",
	  { { NONE, NONE, 8000, 0 }, { NONE, NONE, 8000, 0 } } },
};

static void expect_keys(struct world *w, const struct keys *k)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct flow_side *f = &the_flow(w, 0)->side[i];
		assert_int_equal(f->dtmf_in, k->side[i].in);
		assert_int_equal(f->dtmf_out, k->side[i].out);
		assert_int_equal(f->dtmf_clock, k->side[i].clock);
		assert_int_equal(f->flags, k->side[i].flags);
		assert_int_equal(media_dtmf(w->m, i, '5', 100),
				 k->side[i].out == NONE ? -ENOTSUP : 0);
	}
}

/* A hears of the clock that it asked for. */
static void expect_clock(struct world *w, const struct keys *k)
{
	const struct sdp_media *l = line_of(w, 0);

	for (unsigned i = 0; i < l->n_formats; i++)
		if (l->formats[i].pt == k->side[0].out)
			assert_int_equal(l->formats[i].clock, k->side[0].clock);
}

static void arranges_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		rules(w, 0)->dtmf = keys[i].dtmf[0];
		rules(w, 1)->dtmf = keys[i].dtmf[1];
		ask(w, 0, keys[i].offer, NULL);
		expect_formats(w, 0, keys[i].told);
		media_reject(w->m);
		ask(w, 0, keys[i].offer, keys[i].answer);
		expect_formats(w, 0, keys[i].answered);
		expect_clock(w, &keys[i]);
		expect_keys(w, &keys[i]);
		media_settle(w->m);
		expect_keys(w, &keys[i]);
		world_free(w);
	}
}

static void plays_and_tells_keys(void **state)
{
	struct world *w = *state;
	static const char all[] = "0123456789*#ABCD";
	struct tlv_event e = { .event = FLOW_EVENT_DTMF, .side = 0, .duration_ms = 160 };

	assert_int_equal(media_dtmf(w->m, 0, '1', 100), -ENOTSUP);
	rules(w, 1)->dtmf = CONF_DTMF_INFO;
	ask(w, 0, "8 101\r\n" TE(101), "8\r\n");
	media_settle(w->m);
	assert_int_equal(media_dtmf(w->m, 0, 'E', 100), -EINVAL);
	assert_int_equal(media_dtmf(w->m, 0, 0, 100), -EINVAL);
	for (u8 i = 0; i < 16; i++) {
		e.flow_id = the_flow(w, 0)->id;
		e.gen = the_flow(w, 0)->gen;
		e.digit = i;
		peer_event(&w->peer, &e);
		run(w, 10);
		assert_int_equal(w->events, i + 1);
		assert_int_equal(w->event, MEDIA_DTMF);
		assert_int_equal(w->event_leg, 0);
		assert_int_equal(w->digit, all[i]);
		assert_int_equal(w->duration_ms, 160);
		assert_int_equal(media_dtmf(w->m, 0, all[i], 100), 0);
	}
	peer_kill(&w->peer);
	run(w, 10);
	assert_int_equal(media_dtmf(w->m, 0, '1', 100), -ENOTCONN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_meaning_of_numbers),
		T(never_forgets_a_number),
		T(translates_values_and_feedback),
		cmocka_unit_test(obeys_the_trunk),
		T(asks_for_its_packet_time),
		cmocka_unit_test(arranges_keys),
		T(plays_and_tells_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
