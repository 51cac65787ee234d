/* SPDX-License-Identifier: Apache-2.0 */
/* How much a side may send: above all that an honest one does, and no more than the trunk's factor allows. */
#include "media/world.h"

#define HEADER 28 /* IP and UDP, which the engine counts with each packet */

struct sound {
	const char *format; /* of the m= line and below it */
	unsigned rate;      /* octets/s of payload */
	unsigned ptime;     /* of the packets that are sent */
};

static const struct sound sounds[] = {
	{ "0\r\n", 8000, 20 },
	{ "0\r\n", 8000, 10 },
	{ "8\r\na=ptime:30\r\n", 8000, 10 },
	{ "8\r\na=ptime:5\r\n", 8000, 5 },
	{ "18\r\n", 1000, 10 },
	{ "9\r\n", 8000, 20 },
	{ "96\r\na=rtpmap:96 opus/48000/2\r\n", 16000, 20 },
	{ "96\r\na=rtpmap:96 AMR-WB/16000\r\n", 3000, 20 },
	{ "96\r\na=rtpmap:96 L16/44100/2\r\n", 176400, 10 },
	{ "96\r\na=rtpmap:96 x-nobody/16000\r\n", 32000, 20 },
	/* the largest counts */
	{ "18 0\r\n", 8000, 20 },
};

static const struct flow_side *call(struct world *w, const char *a, const char *b)
{
	char o[1024], an[1024];

	snprintf(o, sizeof(o), A_HEAD "%s", a);
	snprintf(an, sizeof(an), B_HEAD "%s", b);
	exchange(w, 0, o, an);
	return the_flow(w, 0)->side;
}

/* SRTP, a header extension, and a key beside the sound, too. */
static void sound_has_room(void **state)
{
	for (unsigned i = 0; i < sizeof(sounds) / sizeof(sounds[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		const struct sound *s = &sounds[i];
		char line[256];
		unsigned need = s->rate + 1000 / s->ptime * (12 + 16 + 20 + HEADER) +
				50 * (4 + 12 + 16 + 20 + HEADER);

		rules(w, 0)->policing = rules(w, 1)->policing = 1;
		snprintf(line, sizeof(line), "m=audio 4000 RTP/AVP %s", s->format);
		const struct flow_side *f = call(w, line, line);
		for (unsigned side = 0; side < 2; side++) {
			if (f[side].rate < need || f[side].rate > 3 * need + 30000)
				fail_msg("%s: %u, and %u are needed", s->format, f[side].rate,
					 need);
			assert_int_equal(f[side].burst, f[side].rate);
		}
		world_free(w);
	}
}

#define AUDIO "m=audio 4000 RTP/AVP 8\r\n"

static void the_factor_is_that_of_the_trunk(void **state)
{
	struct world *w = world_new(NULL, NULL);

	rules(w, 0)->policing = 1;
	rules(w, 1)->policing = 3;
	const struct flow_side *f = call(w, AUDIO, AUDIO);
	assert_int_equal(f[1].rate, 3 * f[0].rate);
	assert_in_range(f[0].rate, 10000, 25000);
	rules(w, 1)->policing = 0;
	f = call(w, AUDIO "a=sendonly\r\n", AUDIO "a=recvonly\r\n");
	assert_int_equal(f[1].rate, 0);
	assert_int_equal(f[1].burst, 0);
	world_free(w);
	/* three by default, and no limit before the answer */
	w = world_new(NULL, NULL);
	assert_int_equal(offer(w, 0, A_HEAD AUDIO), 0);
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->side[0].rate, 0);
	assert_int_equal(answer(w, 1, B_HEAD AUDIO), 0);
	commit(w);
	assert_in_range(the_flow(w, 0)->side[0].rate, 30000, 75000);
	world_free(w);
}

#define VIDEO(b) "m=video 4000 RTP/AVP 97\r\n" b "a=rtpmap:97 H264/90000\r\n"

/* What one asks for is the other one's limit. */
static void video_is_as_large_as_its_receiver_says(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned rate[2];
	} rows[] = {
		{ VIDEO(""), VIDEO(""), { 1000000, 1000000 } },
		{ VIDEO("b=AS:4000\r\n"), VIDEO(""), { 1000000, 625000 } },
		{ VIDEO(""), VIDEO("b=TIAS:16000000\r\n"), { 2500000, 1000000 } },
		{ VIDEO("b=AS:100\r\n"), VIDEO("b=AS:0\r\n"), { 1000000, 64000 } },
		{ VIDEO("b=AS:4294967295\r\n"),
		  VIDEO("b=TIAS:4294967295\r\n"),
		  { 671088638, INT32_MAX } },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		rules(w, 0)->policing = rules(w, 1)->policing = 1;
		const struct flow_side *f = call(w, rows[i].a, rows[i].b);
		assert_int_equal(f[0].rate, rows[i].rate[0]);
		assert_int_equal(f[1].rate, rows[i].rate[1]);
		world_free(w);
	}
}

static void other_streams_have_room_too(void **state)
{
	struct world *w = world_new(NULL, NULL);

	const struct flow_side *f =
		call(w, "m=image 4000 udptl t38\r\n", "m=image 4000 udptl t38\r\n");
	assert_in_range(f[0].rate, 3 * 20000, 300000);
	world_free(w);
	w = world_new(NULL, NULL);
	f = call(w, "m=text 4000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n",
		 "m=text 4000 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n");
	assert_in_range(f[0].rate, 3000, 60000);
	world_free(w);
}

static void ssrcs_are_hidden(void **state)
{
	struct world *w = world_new(NULL, NULL);
	const struct flow_side *f = call(w, AUDIO, AUDIO);
	u32 mask;

	assert_int_equal(f[0].ssrc_mask | f[1].ssrc_mask, 0);
	world_end_call(w);
	world_new_call(w);
	rules(w, 0)->ssrc = rules(w, 1)->ssrc = CONF_SSRC_HIDE;
	f = call(w, AUDIO, AUDIO);
	mask = f[0].ssrc_mask;
	assert_true(mask && f[1].ssrc_mask && mask != f[1].ssrc_mask);
	f = call(w, AUDIO "a=sendonly\r\n", AUDIO "a=recvonly\r\n");
	assert_int_equal(f[0].ssrc_mask, mask);
	world_end_call(w);
	world_new_call(w);
	f = call(w, AUDIO, AUDIO);
	assert_int_not_equal(f[0].ssrc_mask, mask);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_has_room),
		cmocka_unit_test(the_factor_is_that_of_the_trunk),
		cmocka_unit_test(video_is_as_large_as_its_receiver_says),
		cmocka_unit_test(other_streams_have_room_too),
		cmocka_unit_test(ssrcs_are_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
