/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of single m= lines: codecs, RTCP, streams that are not carried, source policy. */
#include "media/world.h"

#define PCMA "m=audio 4000 RTP/AVP 8\r\n"

/* ---- payload types ---- */

struct codecs {
	const char *offer, *offered; /* after "m=audio 4000 RTP/AVP " */
	const char *answer, *answered;
	const char *ptmap;   /* of A's packets, "in>out" where the numbers differ */
	const char *ptmap_b; /* of B's; NULL: the same */
};

static const struct codecs codecs[] = {
	/* the answer's order counts */
	{ "0 8 101\r\n" EVENTS, "0 8 101", "8 0 101\r\n" EVENTS, "8 0 101", "8 0 101" },
	/* what was not offered is dropped, what repeats too */
	{ "0 8\r\n", "0 8", "18 8 8 3\r\n", "8", "8" },
	/* dynamic types without a name, and numbers that look like RTCP, don't pass */
	{ "96 0 72 77 20\r\na=rtpmap:72 opus/48000\r\n", "0", "0\r\n", "0", "0" },
	/* unknown codecs pass with their parameters */
	{ "97 0\r\na=rtpmap:97 X-Whatever/12345/3\r\na=fmtp:97 a=b;c\r\n", "97 0",
	  "97\r\na=rtpmap:97 x-whatever/12345/3\r\n", "97", "97" },
	/* the same number for something else */
	{ "97 0\r\na=rtpmap:97 opus/48000/2\r\n", "97 0", "97 0\r\na=rtpmap:97 iLBC/8000\r\n", "0",
	  "0" },
	/* the same codec with another number: each goes on using its own, and B may use what it was offered */
	{ "97 0\r\na=rtpmap:97 opus/48000/2\r\n", "97 0", "111\r\na=rtpmap:111 OPUS/48000/2\r\n",
	  "97", "97>111", "97 111>97" },
	/* channels that the answer forgot; a static number needs no name */
	{ "97 0\r\na=rtpmap:97 opus/48000/2\r\n", "97 0", "97 0\r\na=rtpmap:97 opus/48000\r\n",
	  "97 0", "97 0" },
	{ "9\r\na=rtpmap:9 G722/8000\r\n", "9", "9\r\na=rtpmap:9 G722/16000\r\n", "9", "9" },
	/* more than a flow holds: the first 15 and the telephone-event */
	{ "0 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 101\r\n" EVENTS,
	  "0 3 4 5 6 7 8 9 10 11 12 13 14 15 16 101", "0 101\r\n" EVENTS, "0 101", "0 101" },
	{ "101 0 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\r\n" EVENTS,
	  "101 0 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "101 0\r\n" EVENTS, "101 0", "101 0" },
	{ "0 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\r\n",
	  "0 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "0 18\r\n", "0", "0" },
};

static void negotiates(struct world *w, const struct codecs *c)
{
	char sdp[1024];

	snprintf(sdp, sizeof(sdp), A_HEAD "m=audio 4000 RTP/AVP %s", c->offer);
	assert_int_equal(offer(w, 0, sdp), 0);
	expect_formats(w, 0, c->offered);
	snprintf(sdp, sizeof(sdp), B_HEAD "m=audio 6000 RTP/AVP %s", c->answer);
	assert_int_equal(answer(w, 1, sdp), 0);
	expect_formats(w, 0, c->answered);
	commit(w);
	expect_map(w, 0, c->ptmap);
	expect_map(w, 1, c->ptmap_b ? c->ptmap_b : c->ptmap);
}

static void negotiates_payload_types(void **state)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		negotiates(w, &codecs[i]);
		world_free(w);
	}
}

static void passes_parameters(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0,
			       A_HEAD "m=audio 4000 RTP/AVP 97 101\r\nb=AS:80\r\n"
				      "a=rtpmap:97 X-Any/12345/3\r\na=fmtp:97 a=b; c\r\n" EVENTS
				      "a=maxptime:60\r\n"),
			 0);
	const struct sdp_media *l = line_of(w, 0);
	assert_str(l->formats[0].name, "X-Any");
	assert_str(l->formats[0].fmtp, "a=b; c");
	assert_int_equal(l->formats[0].channels, 3);
	assert_int_equal(l->maxptime, 60);
	assert_int_equal(l->bandwidth[SDP_AS], 80);
	run(w, 10);
	assert_int_equal(the_flow(w, 0)->side[0].clock, 12345);
}

static void changes_the_codec(void **state)
{
	struct world *w = *state;
	struct media_leg_info info[2];

	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO);
	assert_int_equal(media_info(w->m, 1, info, 2), 1);
	assert_string_equal(info[0].codec, "PCMA/8000");
	assert_string_equal(info[0].kind, "audio");
	assert_string_equal(info[0].direction, "sendrecv");
	assert_int_equal(info[0].remote.port, 6000);
	assert_int_equal(info[0].local.port, the_flow(w, 0)->side[1].local.port);
	assert_int_equal(info[0].flow_id, the_flow(w, 0)->id);
	exchange(w, 1, B_HEAD "m=audio 6000 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\n",
		 A_HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n");
	const struct flow_side *f = &the_flow(w, 0)->side[1];
	assert_int_equal(f->n_ptmap, 1);
	assert_int_equal(f->ptmap[0][0], 96);
	assert_int_equal(f->clock, 48000);
	media_info(w->m, 1, info, 2);
	assert_string_equal(info[0].codec, "opus/48000");
}

/* ---- m= lines ---- */

static void keeps_every_line(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0,
			       A_HEAD "m=x-files 9 secret/proto weird\r\n" PCMA
				      "m=image 5000 udptl t38\r\n"
				      "m=video 5002 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
				      "a=rtcp-fb:96 nack pli\r\na=rtcp-fb:* x-own thing\r\n"
				      "m=text 5004 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
				      "m=audio 0 RTP/AVP 0\r\n"),
			 0);
	static const char *const kind[] = { "application", "audio", "image",
					    "video",       "text",  "audio" };
	static const bool on[] = { false, true, true, true, true, false };
	assert_int_equal(w->ms->in.n_media, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_str(line_of(w, i)->kind, kind[i]);
		assert_int_equal(line_of(w, i)->port != 0, on[i]);
	}
	assert_null(strstr(w->text, "secret"));
	assert_str(line_of(w, 2)->proto, "udptl");
	assert_str(line_of(w, 3)->proto, "RTP/AVPF");
	assert_int_equal(line_of(w, 3)->n_fb, 1);
	assert_str(line_of(w, 3)->fb[0].value, "nack pli");

	/* B takes the audio only, and forgets the last lines */
	assert_int_equal(answer(w, 1,
				B_HEAD "m=application 0 x 0\r\nm=audio 6000 RTP/AVP 8\r\n"
				       "m=image 0 udptl t38\r\nm=video 0 RTP/AVPF 96\r\n"),
			 0);
	assert_int_equal(w->ms->in.n_media, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(line_of(w, i)->port != 0, i == 1);
	assert_str(line_of(w, 0)->kind, "x-files"); /* A's own words, for A alone */
	assert_str(line_of(w, 0)->proto, "secret/proto");
	assert_str(line_of(w, 0)->formats[0].id, "weird");
	commit(w);
	assert_int_equal(w->peer.n_flows, 4);
	media_settle(w->m); /* what was refused is given back */
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 1);
	struct media_ports u;
	media_port_usage(w->ms, 0, &u);
	assert_int_equal(u.used, 1);
	assert_int_equal(u.resting, 3);
	assert_false(media_is_held(w->m));

	/* a re-offer that forgets lines: the other side still sees all */
	assert_int_equal(offer(w, 1, B_HEAD "m=audio 0 RTP/AVP 8\r\nm=audio 6000 RTP/AVP 8\r\n"),
			 0);
	assert_int_equal(w->ms->in.n_media, 6);
	assert_int_equal(line_of(w, 1)->port, the_flow(w, 0)->side[0].local.port);
	assert_int_equal(answer(w, 0, A_HEAD "m=audio 0 RTP/AVP 8\r\n" PCMA), 0);
	assert_int_equal(w->ms->in.n_media, 2);
	media_settle(w->m);
	/* and one with a line more */
	assert_int_equal(offer(w, 1,
			       B_HEAD "m=audio 0 RTP/AVP 8\r\nm=audio 6000 RTP/AVP 8\r\n"
				      "m=a 0 b 0\r\nm=a 0 b 0\r\nm=a 0 b 0\r\nm=a 0 b 0\r\n"
				      "m=video 6006 RTP/AVP 31\r\n"),
			 0);
	assert_int_equal(w->ms->in.n_media, 7);
	assert_true(line_of(w, 6)->port);
}

/* ---- RTCP ---- */

static void keeps_rtcp_apart_unless_offered(void **state)
{
	struct world *w = *state;
	static const char a[] = A_HEAD PCMA "a=rtcp-mux\r\n";
	static const char b[] = B_HEAD "m=audio 6000 RTP/AVP 8\r\na=rtcp:6100\r\na=rtcp-mux\r\n";

	assert_int_equal(offer(w, 0, a), 0);
	assert_false(line_of(w, 0)->rtcp_mux); /* B did not ask for it */
	assert_int_equal(answer(w, 1, b), 0);  /* and its consent is worth nothing */
	assert_true(line_of(w, 0)->rtcp_mux);
	commit(w);
	media_settle(w->m);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(f->side[0].flags, FLOW_SIDE_RTCP_MUX);
	assert_int_equal(f->side[0].local_rtcp, 0);
	assert_int_equal(f->side[0].remote_rtcp, 0);
	assert_int_equal(f->side[1].flags, 0);
	assert_int_equal(f->side[1].local_rtcp, f->side[1].local.port + 1);
	assert_int_equal(f->side[1].remote_rtcp, 6100);

	/* B offers it now; A keeps it because A's answer says so */
	assert_int_equal(offer(w, 1, b), 0);
	assert_true(line_of(w, 0)->rtcp_mux);
	assert_int_equal(answer(w, 0, a), 0);
	assert_true(line_of(w, 0)->rtcp_mux);
	commit(w);
	media_settle(w->m);
	assert_int_equal(the_flow(w, 0)->side[0].flags, FLOW_SIDE_RTCP_MUX);
	assert_int_equal(the_flow(w, 0)->side[1].flags, FLOW_SIDE_RTCP_MUX);
	/* and loses it without */
	exchange(w, 1, b, A_HEAD PCMA);
	assert_int_equal(the_flow(w, 0)->side[0].flags, 0);
	assert_int_equal(the_flow(w, 0)->side[0].local_rtcp,
			 the_flow(w, 0)->side[0].local.port + 1);
}

static void follows_the_rtcp_attribute(void **state)
{
	static const struct {
		const char *attribute;
		u16 port;
	} row[] = { { "", 4001 },
		    { "a=rtcp:4444\r\n", 4444 },
		    { "a=rtcp:4444 IN IP4 10.0.0.20\r\n", 4444 },
		    { "a=rtcp:4444 IN IP4 10.0.0.66\r\n", 0 } };
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(text, sizeof(text), A_HEAD PCMA "%s", row[i].attribute);
		assert_int_equal(offer(w, 0, text), 0);
		run(w, 10);
		assert_int_equal(the_flow(w, 0)->side[0].remote_rtcp, row[i].port);
		media_reject(w->m);
	}
}

/* ---- where media may come from ---- */

static void chooses_the_source_policy(void **state)
{
	static const struct {
		const char *carrier; /* of the trunk */
		const char *adv, *sig;
		u8 mode, n_acl;
	} row[] = {
		{ "", "203.0.113.20", "203.0.113.20", FLOW_MODE_STATIC, 0 },
		{ "", "203.0.113.77", "203.0.113.20", FLOW_MODE_STATIC, 0 },
		{ "", "192.168.1.5", "203.0.113.20", FLOW_MODE_STATIC, 0 },
		{ ", nat: true", "203.0.113.20", "203.0.113.20", FLOW_MODE_STATIC, 0 },
		{ ", nat: true", "203.0.113.77", "203.0.113.20", FLOW_MODE_NAT, 0 },
		{ ", nat: true", "192.168.1.5", "203.0.113.20", FLOW_MODE_NAT, 0 },
		{ ", nat: true", "100.64.0.1", "100.64.0.1", FLOW_MODE_NAT, 0 },
		{ ", nat: true, media-from: [203.0.113.64/28]", "203.0.113.77", "203.0.113.20",
		  FLOW_MODE_STATIC, 1 },
		{ ", nat: true, media-from: [203.0.113.64/28, 198.51.100.0/24]", "203.0.113.99",
		  "203.0.113.20", FLOW_MODE_NAT, 2 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = world_new(row[i].carrier, NULL);
		char text[512];
		w->sig[1] = at(row[i].sig, 5060);
		snprintf(text, sizeof(text), "v=0\r\nc=IN IP4 %s\r\nm=audio 6000 RTP/AVP 8\r\n",
			 row[i].adv);
		exchange(w, 0, A_HEAD PCMA, text);
		const struct flow_side *f = &the_flow(w, 0)->side[1];
		assert_int_equal(f->mode, row[i].mode);
		assert_int_equal(f->n_acl, row[i].n_acl);
		if (f->n_acl)
			assert_int_equal(f->acl[0].len, 28);
		assert_int_equal(f->sig.port, 0);
		world_free(w);
	}
}

/* An engine takes eight prefixes: the one that matters is among them. */
static void sends_the_prefixes_that_matter(void **state)
{
	struct world *w = world_new(", media-from: [198.51.100.0/28, 198.51.100.16/28, "
				    "198.51.100.32/28, 198.51.100.48/28, 198.51.100.64/28, "
				    "198.51.100.80/28, 198.51.100.96/28, 198.51.100.112/28, "
				    "198.51.100.128/28, 203.0.113.16/29]",
				    NULL);
	struct flow_addr want = { .ip = { 203, 0, 113, 16 }, .family = 4, .len = 29 };

	exchange(w, 0, A_HEAD PCMA, B_HEAD "m=audio 6000 RTP/AVP 8\r\n");
	const struct flow_side *f = &the_flow(w, 0)->side[1];
	assert_int_equal(f->n_acl, FLOW_ACL_MAX);
	assert_memory_equal(&f->acl[0], &want, sizeof(want));
	world_free(w);
}

static void stays_small(void **state)
{
	struct world *w = *state;
	struct arena *a = arena_new(1 << 16);
	const struct media_options o = { .arena = a,
					 .conf = w->conf,
					 .trunk = { w->m->leg[0].trunk, w->m->leg[1].trunk } };
	char *begin = arena_alloc(a, 16), *end;
	struct media *m = media_new(w->ms, &o);
	char room[2048];
	struct buf b;

	for (int i = 0; i < 20; i++) { /* re-INVITEs cost nothing */
		buf_init(&b, room, sizeof(room));
		assert_int_equal(media_offer(m, 0, STR(A_HEAD A_AUDIO), &w->sig[0], &b), 0);
		assert_int_equal(media_answer(m, 1, 0, STR(B_HEAD B_AUDIO), &w->sig[1], &b), 0);
		media_settle(m);
	}
	assert_null(m->draft);
	end = arena_alloc(a, 16);
	assert_in_range(end - begin, 200, 700);
	media_end(m, NULL, NULL);
	run(w, 10);
	arena_free(a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(negotiates_payload_types),
		T(passes_parameters),
		T(changes_the_codec),
		T(keeps_every_line),
		T(keeps_rtcp_apart_unless_offered),
		T(follows_the_rtcp_attribute),
		cmocka_unit_test(chooses_the_source_policy),
		cmocka_unit_test(sends_the_prefixes_that_matter),
		T(stays_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
