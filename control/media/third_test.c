/* SPDX-License-Identifier: Apache-2.0 */
/* A third leg takes the place of one of two: what goes on meanwhile, what the engine sees, and that nothing is left over
 * whichever way it ends. */
#include "media/world.h"

#define A8 A_HEAD "m=audio 4000 RTP/AVP 8 101\r\n" EVENTS
#define B8 B_HEAD "m=audio 6000 RTP/AVP 8 101\r\n" EVENTS
#define C_HEAD                                                                                     \
	"v=0\r\no=carol 55 66 IN IP4 203.0.113.30\r\ns=-\r\nc=IN IP4 203.0.113.30\r\nt=0 0\r\n"
#define C8 C_HEAD "m=audio 8000 RTP/AVP 8 101\r\n" EVENTS
#define C0 C_HEAD "m=audio 8000 RTP/AVP 0\r\n"

static void add(struct world *w, const char *trunk)
{
	exchange(w, 0, A8, B8);
	assert_int_equal(media_add_leg(w->m, 1, world_trunk(w, trunk)), 0);
	assert_int_equal(media_add_leg(w->m, 0, world_trunk(w, trunk)), -EBUSY);
}

/* A blind transfer: the new party gets an offer of ours, and the one that stays has nothing new to hear. */
static void moves_media_to_another(void **state)
{
	struct world *w = *state;

	add(w, "carrier");
	struct flow before = *the_flow(w, 0);
	unsigned sets = w->peer.sets;
	assert_int_equal(make(w, MEDIA_THIRD), 0);
	expect_formats(w, 0, "8 101");
	u16 port = line_of(w, 0)->port;
	assert_int_not_equal(port, before.side[1].local.port);
	assert_int_equal(version_in(w->text), 1);
	assert_int_equal(in_use(w), 3);
	assert_int_equal(offer(w, MEDIA_THIRD, C8), 0);
	assert_false(media_offer_is_news(w->m));
	assert_int_equal(media_answer_known(w->m), 0);
	run(w, 10);
	assert_int_equal(w->peer.sets, sets);
	assert_memory_equal(the_flow(w, 0), &before, sizeof(before));
	commit(w);
	const struct flow *f = the_flow(w, 0);
	assert_int_equal(w->peer.sets, sets + 1);
	assert_int_equal(f->id, before.id);
	assert_int_equal(f->gen, before.gen + 1);
	assert_int_equal(f->side[1].local.port, port);
	assert_int_equal(f->side[1].remote.port, 8000);
	assert_int_equal(f->side[1].sig.ip[3], 30);
	assert_memory_equal(&f->side[0], &before.side[0], sizeof(f->side[0]));
	media_settle(w->m);
	assert_int_equal(offer(w, 0, A8), -EBUSY); /* the leg is to be taken first */
	media_take_leg(w->m);
	assert_false(media_has_third(w->m));
	assert_int_equal(in_use(w), 2);
	struct flow after = *the_flow(w, 0);
	commit(w);
	assert_memory_equal(the_flow(w, 0), &after, sizeof(after));
	/* and the session goes on */
	exchange(w, 1, C8 "a=sendonly\r\n", A8 "a=recvonly\r\n");
	assert_true(media_is_held(w->m));
	exchange(w, 0, A8, C8);
	assert_int_equal(the_flow(w, 0)->side[1].local.port, port);
	assert_true(media_is_same(w->m, 1, STR(C8)));
	assert_int_equal(media_add_leg(w->m, 0, world_trunk(w, "pbx")), 0);
}

/* The new party comes with an offer (INVITE with Replaces), from another network, with another codec. */
static void takes_an_offer_of_the_third(void **state)
{
	struct world *w = *state;

	add(w, "pbx");
	w->sig[2] = at("10.0.0.30", 5060);
	assert_int_equal(offer(w, MEDIA_THIRD,
			       "v=0\r\nc=IN IP4 10.0.0.30\r\nm=audio 8000 RTP/AVP 0 96\r\n"
			       "a=rtpmap:96 telephone-event/8000\r\n"),
			 0);
	expect_formats(w, 0, "0 101"); /* A's number */
	assert_int_equal(version_in(w->text), 2);
	assert_true(media_offer_is_news(w->m));
	assert_int_equal(answer(w, 1, B8), -EINVAL);
	assert_int_equal(answer(w, 0, A_HEAD "m=audio 4000 RTP/AVP 0 101\r\n" EVENTS), 0);
	expect_formats(w, 0, "0 96");
	assert_int_equal(version_in(w->text), 1);
	commit(w);
	media_settle(w->m);
	media_take_leg(w->m);
	const struct flow_side *f = &the_flow(w, 0)->side[1];
	assert_int_equal(f->local.ip[0], 10);
	assert_int_equal(f->remote.port, 8000);
	expect_map(w, 0, "0 101>96");
	expect_map(w, 1, "0 96>101");
	assert_int_equal(in_use(w), 2);
	assert_ptr_equal(w->m->leg[1].trunk, world_trunk(w, "pbx"));
	struct media_ports u;
	media_port_usage(w->ms, 0, &u);
	assert_int_equal(u.used, 0);
	assert_int_equal(u.resting, 1);
}

static void owes_the_third_an_offer(void **state)
{
	struct world *w = *state;

	exchange(w, 0, A_HEAD "m=audio 4000 RTP/AVP 8 0 101\r\n" EVENTS, B8);
	assert_int_equal(media_add_leg(w->m, 1, world_trunk(w, "carrier")), 0);
	assert_int_equal(make(w, MEDIA_THIRD), 0);
	expect_formats(w, 0, "8 0 101");
	assert_int_equal(offer(w, MEDIA_THIRD, C_HEAD "m=audio 8000 RTP/AVP 0 8\r\n"), 0);
	assert_true(media_offer_is_news(w->m));
	assert_int_equal(answer(w, 0, A_HEAD "m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n"), 0);
	media_settle(w->m);
	assert_true(media_owes_offer(w->m, MEDIA_THIRD));
	media_take_leg(w->m);
	assert_true(media_owes_offer(w->m, 1));
	assert_false(media_owes_offer(w->m, 0));
	assert_int_equal(make(w, 1), 0);
	expect_formats(w, 0, "8");
	assert_string_equal(sdp_dir_name(line_of(w, 0)->dir), "recvonly");
	assert_int_equal(version_in(w->text), 2);
}

/* The called party was never heard of before another takes its place (3xx). */
static void replaces_one_that_never_answered(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, 0, A8), 0);
	run(w, 10);
	media_reject(w->m);
	assert_int_equal(media_add_leg(w->m, 1, world_trunk(w, "carrier")), 0);
	assert_int_equal(offer(w, 0, A8), 0);
	u16 port = line_of(w, 0)->port;
	assert_int_equal(in_use(w), 3);
	assert_int_equal(answer(w, 1, B8), -EINVAL);
	assert_int_equal(answer(w, MEDIA_THIRD, C8), 0);
	commit(w);
	media_settle(w->m);
	media_take_leg(w->m);
	assert_int_equal(the_flow(w, 0)->side[1].local.port, port);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(in_use(w), 2);
	exchange(w, 1, C8, A8);
	assert_int_equal(the_flow(w, 0)->side[1].local.port, port);
}

/* ---- it comes to nothing ---- */

/* Each goes a step further before the leg is dropped; then all is as it was. */
enum {
	ADDED,
	OFFERED,
	ANSWERED,
	KNOWN,
	COMMITTED,
	SETTLED
};

static void go_to(struct world *w, unsigned stage)
{
	if (stage >= OFFERED)
		assert_int_equal(make(w, MEDIA_THIRD), 0);
	if (stage >= ANSWERED)
		assert_int_equal(offer(w, MEDIA_THIRD, C8), 0);
	if (stage >= KNOWN)
		assert_int_equal(media_answer_known(w->m), 0);
	if (stage >= COMMITTED)
		commit(w);
	if (stage >= SETTLED)
		media_settle(w->m);
}

static void goes_back_at_every_stage(void **state)
{
	(void)state;
	for (unsigned i = ADDED; i <= SETTLED; i++) {
		struct world *w = world_new(NULL, NULL);
		add(w, "carrier");
		struct flow before = *the_flow(w, 0), after;
		go_to(w, i);
		media_drop_leg(w->m);
		media_drop_leg(w->m);
		assert_int_equal(in_use(w), 2);
		assert_null(media_current(w->m));
		commit(w);
		after = *the_flow(w, 0);
		after.gen = before.gen;
		assert_memory_equal(&after, &before, sizeof(after));
		exchange(w, 0, A8, B8);
		/* and it may be tried again */
		assert_int_equal(media_add_leg(w->m, 1, world_trunk(w, "carrier")), 0);
		go_to(w, SETTLED);
		media_take_leg(w->m);
		assert_int_equal(in_use(w), 2);
		world_free(w);
	}
}

/* The call ends at every stage; world_free() looks for what is left. */
static void ends_at_every_stage(void **state)
{
	(void)state;
	for (unsigned i = ADDED; i <= SETTLED; i++) {
		struct world *w = world_new(NULL, NULL);
		add(w, "carrier");
		go_to(w, i);
		world_free(w);
		w = world_new(NULL, NULL);
		add(w, "carrier");
		go_to(w, i);
		media_drop(w->m);
		arena_free(w->arena);
		w->m = NULL;
		world_free(w);
	}
}

/* A line that only the third has goes with it; one that it does not take waits for the next offer. */
static void keeps_the_lines_of_the_one_that_stays(void **state)
{
	struct world *w = *state;
	static const char both[] = C8 "m=video 8002 RTP/AVP 31\r\n";

	add(w, "carrier");
	assert_int_equal(offer(w, MEDIA_THIRD, both), 0);
	assert_int_equal(in_use(w), 5);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 2);
	media_drop_leg(w->m);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(in_use(w), 2);

	exchange(w, 0, A8 "m=video 4002 RTP/AVP 31\r\n", B8 "m=video 6002 RTP/AVP 31\r\n");
	assert_int_equal(media_add_leg(w->m, 1, world_trunk(w, "carrier")), 0);
	assert_int_equal(offer(w, MEDIA_THIRD, C8), 0); /* audio alone */
	assert_int_equal(w->ms->in.n_media, 2);
	assert_int_equal(line_of(w, 1)->port, 0);
	assert_int_equal(answer(w, 0, A8 "m=video 0 RTP/AVP 31\r\n"), 0);
	assert_int_equal(w->ms->in.n_media, 1);
	commit(w);
	media_settle(w->m);
	media_take_leg(w->m);
	run(w, 10);
	assert_int_equal(w->peer.n_flows, 1);
	assert_int_equal(in_use(w), 2);
	exchange(w, 0, A8 "m=video 4002 RTP/AVP 31\r\n", C8 "m=video 8002 RTP/AVP 31\r\n");
	assert_int_equal(w->peer.n_flows, 2);
	assert_int_equal(in_use(w), 4);

	/* its first line is what the other's second is: that one goes on as a line of its own */
	assert_int_equal(media_add_leg(w->m, 1, world_trunk(w, "carrier")), 0);
	assert_int_equal(offer(w, MEDIA_THIRD,
			       C_HEAD "m=video 9000 RTP/AVP 31\r\n"
				      "m=audio 9002 RTP/AVP 8\r\n"
				      "m=audio 9004 RTP/AVP 8\r\n"),
			 0);
	assert_int_equal(line_of(w, 0)->port, 0);
	assert_int_equal(line_of(w, 1)->port, 0);
	assert_int_not_equal(line_of(w, 2)->port, 0);
}

static void has_no_third(void **state)
{
	struct world *w = *state;

	assert_int_equal(offer(w, MEDIA_THIRD, C8), -EINVAL);
	assert_int_equal(make(w, MEDIA_THIRD), -EINVAL);
	assert_int_equal(here(w, MEDIA_THIRD, C8, NULL), -EINVAL);
	assert_int_equal(repeat(w, MEDIA_THIRD), -EINVAL);
	assert_false(media_is_same(w->m, MEDIA_THIRD, STR(C8)));
	assert_false(media_owes_offer(w->m, MEDIA_THIRD));
	assert_int_equal(media_dtmf(w->m, MEDIA_THIRD, '1', 100), -ENOTSUP);
	assert_int_equal(media_add_leg(w->m, 2, world_trunk(w, "pbx")), -EINVAL);
	media_drop_leg(w->m);
	media_take_leg(w->m);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(moves_media_to_another),
		T(takes_an_offer_of_the_third),
		T(owes_the_third_an_offer),
		T(replaces_one_that_never_answered),
		cmocka_unit_test(goes_back_at_every_stage),
		cmocka_unit_test(ends_at_every_stage),
		T(keeps_the_lines_of_the_one_that_stays),
		T(has_no_third),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
