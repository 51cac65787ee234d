/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3264 5.2, 6.2: multicast passes as it is, where both trunks allow for it. */
#include "media/world.h"

#define GROUP   "m=audio 49170 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n"
#define A_GROUP "v=0\r\no=- 1 2 IN IP4 10.0.0.20\r\nc=IN IP4 224.2.1.1/127/3\r\n" GROUP
#define B_GROUP "v=0\r\no=- 1 2 IN IP4 203.0.113.20\r\nc=IN IP4 224.2.1.1/127/3\r\n" GROUP

static int setup(void **state)
{
	struct world *w = *state = world_new(", multicast: true", NULL);

	for (unsigned i = 0; i < w->conf->n_trunks; i++)
		w->conf->trunks[i].multicast = true;
	return 0;
}

static unsigned ports_in_use(struct world *w)
{
	struct media_ports a, b;

	media_port_usage(w->ms, 0, &a);
	media_port_usage(w->ms, 1, &b);
	return a.used + b.used;
}

static void passes_it_as_it_is(void **state)
{
	struct world *w = *state;
	static const char line[] = "m=audio 49170 RTP/AVP 0 96\r\nc=IN IP4 224.2.1.1/127/3\r\n";

	assert_int_equal(offer(w, 0, A_GROUP "a=recvonly\r\n"), 0);
	assert_non_null(strstr(w->text, line));
	assert_non_null(strstr(w->text, "a=rtpmap:96 opus/48000/2\r\n"));
	assert_non_null(strstr(w->text, "c=IN IP4 203.0.113.10\r\nt=0 0\r\n"));
	assert_int_equal(line_of(w, 0)->dir, SDP_RECVONLY); /* one view for all */
	assert_int_equal(ports_in_use(w), 0);
	assert_int_equal(answer(w, 1, B_GROUP "a=recvonly\r\n"), 0);
	assert_non_null(strstr(w->text, line));
	assert_int_equal(line_of(w, 0)->dir, SDP_RECVONLY);
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);
	assert_int_equal(w->peer.n_flows, 0);
	assert_int_equal(ports_in_use(w), 0);
	assert_false(media_is_held(w->m));
	run(w, 200000);
	assert_int_equal(w->events, 0);
	/* an answer that came early, and then a refusal */
	assert_int_equal(offer(w, 0, A_GROUP), 0);
	assert_int_equal(answer(w, 1, B_GROUP), 0);
	commit(w);
	media_reject(w->m);
	run(w, 10);
	assert_int_equal(w->peer.sets, 0);
}

static void passes_ipv6_and_layers(void **state)
{
	struct world *w = *state;

	exchange(w, 1, "v=0\r\nm=video 49170/2 RTP/AVP 31\r\nc=IN IP6 FF15::101/3\r\n",
		 "v=0\r\nm=video 49170/2 RTP/AVP 31\r\nc=IN IP6 ff15::101/3\r\n");
	assert_non_null(strstr(w->text, "m=video 49170/2 RTP/AVP 31\r\nc=IN IP6 ff15::101/3\r\n"));
	assert_int_equal(w->peer.n_flows, 0);
}

/* The answer has the address, the port and the direction of the offer, and formats of it. */
static void judges_the_answer(void **state)
{
	static const struct {
		const char *answer;
		bool on;
	} row[] = {
		{ "c=IN IP4 224.2.1.1/127/3\r\nm=audio 49170 RTP/AVP 0\r\n", true },
		{ "c=IN IP4 224.2.1.1/127/3\r\nm=audio 49172 RTP/AVP 0\r\n", false },
		{ "c=IN IP4 224.2.1.2/127/3\r\nm=audio 49170 RTP/AVP 0\r\n", false },
		{ "c=IN IP4 203.0.113.20\r\nm=audio 49170 RTP/AVP 0\r\n", false },
		{ "c=IN IP4 224.2.1.1/127/3\r\nm=audio 49170 RTP/AVP 8\r\n", false },
		{ "c=IN IP4 224.2.1.1/127/3\r\nm=audio 0 RTP/AVP 0\r\n", false },
	};
	struct world *w = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(
			offer(w, 0, A_GROUP "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 10.0.0.20\r\n"), 0);
		snprintf(text, sizeof(text),
			 "v=0\r\n%sa=sendonly\r\nm=audio 6000 RTP/AVP 8\r\nc=IN IP4 "
			 "203.0.113.20\r\n",
			 row[i].answer);
		assert_int_equal(answer(w, 1, text), 0);
		assert_int_equal(w->ms->in.n_media, 2);
		assert_int_equal(line_of(w, 0)->port, row[i].on ? 49170 : 0);
		if (row[i].on)
			assert_int_equal(line_of(w, 0)->dir, SDP_SENDRECV);
		assert_true(line_of(w, 1)->port);
		media_reject(w->m);
	}
}

static void refuses_it_unless_both_allow(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < w->conf->n_trunks; i++) {
		w->conf->trunks[i].multicast = false;
		for (unsigned leg = 0; leg < 2; leg++) {
			assert_int_equal(offer(w, leg, A_GROUP), -ENOTSUP);
			assert_int_equal(offer(w, leg,
					       A_GROUP
					       "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 10.0.0.20\r\n"),
					 0);
			assert_int_equal(line_of(w, 0)->port, 0);
			assert_true(line_of(w, 1)->port);
			assert_null(strstr(w->text, "224."));
			media_reject(w->m);
		}
		w->conf->trunks[i].multicast = true;
	}
	w->conf->trunks[0].streams = CONF_STREAM_VIDEO;
	assert_int_equal(offer(w, 0, A_GROUP), -ENOTSUP);
	w->conf->trunks[0].streams = CONF_STREAM_AUDIO;
	/* T.38 has nothing to do there, nor has what we don't know */
	assert_int_equal(offer(w, 0, "v=0\r\nc=IN IP4 224.2.1.1/1\r\nm=image 4 udptl t38\r\n"),
			 -ENOTSUP);
	assert_int_equal(offer(w, 0, "v=0\r\nc=IN IP4 224.2.1.1/1\r\nm=audio 4 RTP/AVP 96\r\n"),
			 -ENOTSUP);
}

/* A stream that was ours to relay: its ports wait for its return, nothing passes meanwhile. */
static void comes_and_goes(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO);
	struct flow before = *the_flow(w, 0);
	exchange(w, 0, A_GROUP, B_GROUP);
	assert_int_equal(w->peer.n_flows, 1);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(f->side[0].n_ptmap, 0);
	assert_true(f->side[0].flags & FLOW_SIDE_HOLD);
	assert_false(media_is_held(w->m));
	/* its silence says nothing */
	struct tlv_event e = { .flow_id = f->id, .gen = f->gen, .event = FLOW_EVENT_IDLE };
	run(w, 100000);
	peer_event(&w->peer, &e);
	run(w, 10);
	assert_int_equal(w->events, 0);
	exchange(w, 0, A_HEAD A_AUDIO, B_HEAD B_AUDIO);
	f = the_flow(w, 0);
	assert_int_equal(f->side[0].local.port, before.side[0].local.port);
	assert_int_equal(f->side[0].n_ptmap, 2);
	assert_int_equal(f->side[1].remote.port, 6000);
}

/* What is said again, of ours, or in place of the other side. */
static void says_it_again(void **state)
{
	struct world *w = *state;
	static const char line[] = "m=audio 49170 RTP/AVP 0 96\r\nc=IN IP4 224.2.1.1/127/3\r\n";
	struct buf b;

	exchange(w, 0, A_GROUP "a=recvonly\r\n", B_GROUP "a=recvonly\r\n");
	buf_init(&b, w->text, sizeof(w->text) - 1);
	assert_int_equal(media_repeat(w->m, 0, &b), 0);
	w->text[b.n] = 0;
	assert_non_null(strstr(w->text, line));
	assert_non_null(strstr(w->text, "a=recvonly"));

	buf_init(&b, w->text, sizeof(w->text) - 1);
	assert_int_equal(
		media_answer_here(w->m, 1, STR(B_GROUP "a=recvonly\r\n"), &w->sig[1], &b, NULL), 0);
	w->text[b.n] = 0;
	assert_non_null(strstr(w->text, line));

	buf_init(&b, w->text, sizeof(w->text) - 1);
	assert_int_equal(media_make_offer(w->m, 1, &b), 0);
	w->text[b.n] = 0;
	assert_non_null(strstr(w->text, line));
	assert_non_null(strstr(w->text, "a=recvonly"));
	assert_int_equal(offer(w, 1, B_GROUP "a=recvonly\r\n"), 0);
	assert_non_null(strstr(w->text, line));
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_settle(w->m);
	assert_int_equal(w->peer.n_flows, 0);
	/* another group, or none, is no answer to that */
	buf_init(&b, w->text, sizeof(w->text) - 1);
	assert_int_equal(media_make_offer(w->m, 1, &b), 0);
	assert_int_equal(offer(w, 1, "v=0\r\nc=IN IP4 224.2.1.9/1\r\n" GROUP), -ENOTSUP);
	assert_int_equal(offer(w, 1, B_HEAD B_AUDIO), -ENOTSUP);
	media_reject(w->m);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(passes_it_as_it_is),           T(passes_ipv6_and_layers), T(judges_the_answer),
		T(refuses_it_unless_both_allow), T(comes_and_goes),         T(says_it_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
