/* SPDX-License-Identifier: Apache-2.0 */
/* An engine that starts anew is told what the one before had learned. */
#include "media/world.h"

static const char a_call[] = A_HEAD A_AUDIO;
static const char b_call[] = B_HEAD B_AUDIO;

static const struct flow_addr elsewhere = { .ip = { 9, 8, 7, 6 }, .port = 54, .family = 4 };

static void latch(struct world *w, unsigned side, const struct flow_addr *source)
{
	const struct flow *f = the_flow(w, 0);
	const struct tlv_event e = { .flow_id = f->id,
				     .gen = f->gen,
				     .event = FLOW_EVENT_LATCHED,
				     .side = side,
				     .source = *source };

	peer_event(&w->peer, &e);
	run(w, 10);
}

static void index_of(struct world *w, unsigned side, u8 has)
{
	const struct flow *f = the_flow(w, 0);
	const struct tlv_event e = { .flow_id = f->id,
				     .gen = f->gen,
				     .event = FLOW_EVENT_INDEX,
				     .side = side,
				     .resume = { .has = has,
						 .in_ssrc = 1,
						 .in_index = 2ull << 40,
						 .out_ssrc = 3,
						 .out_index = 4ull << 40,
						 .out_shift = 5,
						 .in_rtcp = 6,
						 .out_rtcp = 7 } };

	peer_event(&w->peer, &e);
	run(w, 10);
}

static void restart(struct world *w)
{
	peer_kill(&w->peer);
	run(w, 300);
	peer_start(&w->peer);
	run(w, 200);
	assert_int_equal(w->peer.n_flows, 1);
}

static void a_learned_source_comes_back(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	assert_int_equal(the_flow(w, 0)->side[1].resume.has, 0);
	latch(w, 1, &elsewhere);
	restart(w);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(f->side[1].resume.has, FLOW_RESUME_SOURCE);
	assert_memory_equal(&f->side[1].resume.source, &elsewhere, sizeof(elsewhere));
	assert_int_equal(f->side[0].resume.has, 0);
	assert_true(f->gen > 0);
}

static void what_the_sdp_said_needs_no_word(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	struct flow_addr told = the_flow(w, 0)->side[1].remote;
	latch(w, 1, &told);
	restart(w);
	assert_int_equal(the_flow(w, 0)->side[1].resume.has, 0);
	/* But it counts where another one was there before. */
	latch(w, 1, &elsewhere);
	latch(w, 1, &told);
	restart(w);
	assert_memory_equal(&the_flow(w, 0)->side[1].resume.source, &told, sizeof(told));
}

static void indices_come_back_part_by_part(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	index_of(w, 0, FLOW_RESUME_IN);
	index_of(w, 0, FLOW_RESUME_OUT_RTCP);
	index_of(w, 1, FLOW_RESUME_OUT | FLOW_RESUME_IN_RTCP);
	restart(w);
	const struct flow_resume *r[2] = { &the_flow(w, 0)->side[0].resume,
					   &the_flow(w, 0)->side[1].resume };
	assert_int_equal(r[0]->has, FLOW_RESUME_IN | FLOW_RESUME_OUT_RTCP);
	assert_true(r[0]->in_ssrc == 1 && r[0]->in_index == 2ull << 40 && r[0]->out_rtcp == 7);
	assert_int_equal(r[1]->has, FLOW_RESUME_OUT | FLOW_RESUME_IN_RTCP);
	assert_true(r[1]->out_ssrc == 3 && r[1]->out_index == 4ull << 40 && r[1]->out_shift == 5 &&
		    r[1]->in_rtcp == 6);
}

static void a_new_key_begins_anew(void **state)
{
	struct world *w = *state;
	const u8 all =
		FLOW_RESUME_IN | FLOW_RESUME_OUT | FLOW_RESUME_IN_RTCP | FLOW_RESUME_OUT_RTCP;

	exchange(w, 0, a_call, b_call);
	latch(w, 0, &elsewhere);
	index_of(w, 0, all);
	resume_new_key(w->m->streams, 0, true);
	restart(w);
	assert_int_equal(the_flow(w, 0)->side[0].resume.has,
			 FLOW_RESUME_SOURCE | FLOW_RESUME_IN | FLOW_RESUME_IN_RTCP);
	resume_new_key(w->m->streams, 0, false);
	restart(w);
	assert_int_equal(the_flow(w, 0)->side[0].resume.has, FLOW_RESUME_SOURCE);
}

static void an_old_word_is_not_kept(void **state)
{
	struct world *w = *state;

	exchange(w, 0, a_call, b_call);
	const struct flow *f = the_flow(w, 0);
	const struct tlv_event e = { .flow_id = f->id,
				     .gen = f->gen - 1,
				     .event = FLOW_EVENT_LATCHED,
				     .side = 1,
				     .source = elsewhere };
	peer_event(&w->peer, &e);
	run(w, 10);
	restart(w);
	assert_int_equal(the_flow(w, 0)->side[1].resume.has, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(a_learned_source_comes_back),    T(what_the_sdp_said_needs_no_word),
		T(indices_come_back_part_by_part), T(a_new_key_begins_anew),
		T(an_old_word_is_not_kept),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
