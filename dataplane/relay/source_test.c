/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/unit_test.h"
#include "relay/ranks_test.h"

/* A phone that was learned, by rank 2, and whose weak second is over. */
static struct stream lock_phone(struct world *w)
{
	struct stream s = phone();
	talk_on(w, 0, &s, 80);
	assert_int_equal(state_of(w, 0), FLOW_STATE_LOCKED);
	assert_true(same(&rtp_dir(w, 0)->src.lock, &s.from));
	return s;
}

static void refused(struct world *w, struct stream *s, enum relay_drop why)
{
	assert_int_equal(talk(w, 0, s), RELAY_DROP);
	assert_string_equal(relay_drop_name(w->drop), relay_drop_name(why));
}

static void locked_takes_one_source(void **state)
{
	struct world w;
	with_acl(&w);
	struct stream s = lock_phone(&w);
	for (unsigned rank = 0; rank < 4; rank++) {
		struct stream r = stream_at(at_rank(rank), 9);
		refused(&w, &r, RELAY_DROP_OTHER_SOURCE);
	}
	struct stream foe = stream_at(w.foe, w.foe_ssrc);
	refused(&w, &foe, RELAY_DROP_UNLEARNED);
	assert_true(same(&rtp_dir(&w, 0)->refused, &w.foe));
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
}

static void a_new_ssrc_needs_two(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w), t = s;
	t.ssrc++;
	refused(&w, &t, RELAY_DROP_SSRC);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	t.seq += 10; /* not the next */
	refused(&w, &t, RELAY_DROP_SSRC);
	assert_int_equal(talk(&w, 0, &t), RELAY_FORWARD);
	refused(&w, &s, RELAY_DROP_SSRC);
}

static void five_ssrcs_a_minute(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	for (unsigned i = 0; i < 5; i++) {
		s.ssrc++;
		refused(&w, &s, RELAY_DROP_SSRC);
		assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	}
	struct stream t = s;
	t.ssrc++;
	for (unsigned i = 0; i < 10; i++)
		refused(&w, &t, RELAY_DROP_SSRC);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	w.now += 60000000;
	refused(&w, &t, RELAY_DROP_SSRC);
	assert_int_equal(talk(&w, 0, &t), RELAY_FORWARD);
}

struct jump {
	u64 silence_us;
	u16 step;       /* of the sequence */
	s32 ts_percent; /* of the time elapsed */
	u32 ssrc;
	u8 ip;
	bool hold;
	u8 ptime;
};

/* A locked phone goes silent and comes back from another port; is its first packet considered? */
static bool considered(struct jump j)
{
	struct world w;
	world_init(&w);
	w.rule[0].side[0].ptime = j.ptime ? j.ptime : 20;
	w.rule[0].side[0].flags = j.hold ? FLOW_SIDE_HOLD : 0;
	w.rule[0].side[0].learn_len = 24;
	world_start(&w);
	struct stream s = lock_phone(&w);
	u16 last_seq = (u16)(s.seq - 1);
	u32 last_ts = s.ts - 160;
	pass_us(&w, j.silence_us);
	s.from.port++;
	s.from.ip[3] += j.ip;
	s.ssrc += j.ssrc;
	s.seq = (u16)(last_seq + j.step);
	s.ts = last_ts + (u32)(j.silence_us * 8 / 1000 * (u64)j.ts_percent / 100);
	return talk(&w, 0, &s) == RELAY_HOLD;
}

static void what_may_be_a_rebind(void **state)
{
	assert_true(considered((struct jump){ 200000, 1, 100 }));
	assert_false(considered((struct jump){ 199999, 1, 100 }));
	assert_true(considered((struct jump){ 400000, 1, 100, .ptime = 40 }));
	assert_false(considered((struct jump){ 399999, 1, 100, .ptime = 40 }));
	assert_false(considered((struct jump){ 200000, 1, 100, .hold = true }));
	assert_false(considered((struct jump){ 9000000, 450, 100, .hold = true }));
	assert_false(considered((struct jump){ 200000, 0, 100 }));
	assert_false(considered((struct jump){ 200000, 0xffff, 100 }));
	assert_true(considered((struct jump){ 2000000, 200, 100 }));
	assert_false(considered((struct jump){ 2000000, 201, 100 }));
	assert_true(considered((struct jump){ 1000000, 50, 50 }));
	assert_false(considered((struct jump){ 1000000, 50, 49 }));
	assert_true(considered((struct jump){ 1000000, 50, 150 }));
	assert_false(considered((struct jump){ 1000000, 50, 151 }));
	assert_false(considered((struct jump){ 1000000, 50, 100, .ssrc = 1 }));
	assert_false(considered((struct jump){ 1000000, 50, 100, .ip = 1 }));
}

/* The NAT moves the phone: silence, then it goes on from another port. */
static void move(struct world *w, struct stream *s, u64 silence_ms)
{
	pass(w, silence_ms);
	s->from.port++;
	s->seq += (u16)(silence_ms / 20);
	s->ts += (u32)silence_ms * 8;
	w->notes[SOURCE_LATCHED] = 0;
	w->sent[0][0] = 0;
	talk_on(w, 0, s, 4);
}

static void rebind_needs_five(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w), was = s;
	move(&w, &s, 200);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_REBIND_OK);
	assert_int_equal(w.sent[0][0], 0);
	talk_on(&w, 0, &s, 1);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_int_equal(w.notes[SOURCE_LATCHED], 1);
	assert_int_equal(w.sent[0][0], 5);
	assert_true(same(&rtp_dir(&w, 0)->to, &rule(&w)->side[1].remote));
	assert_true(same(&rtp_dir(&w, 1)->to, &s.from));
	assert_int_equal(rtp_dir(&w, 0)->rtp.ssrc, s.ssrc);
	refused(&w, &was, RELAY_DROP_OTHER_SOURCE);
}

static void the_old_source_stops_a_rebind(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w), was = s;
	move(&w, &s, 200);
	assert_int_equal(talk(&w, 0, &was), RELAY_FORWARD);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	refused(&w, &s, RELAY_DROP_OTHER_SOURCE);
	assert_int_equal(rtp_dir(&w, 0)->src.cand[0].used, 0);
}

static void hold_stops_a_rebind(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	move(&w, &s, 200);
	edit(&w, 0)->flags |= FLOW_SIDE_HOLD;
	update(&w);
	refused(&w, &s, RELAY_DROP_OTHER_SOURCE);
}

static void the_fourth_rebind_freezes(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w), last;
	for (unsigned i = 0; i < 3; i++) {
		move(&w, &s, 220);
		talk_on(&w, 0, &s, 3);
		assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
		assert_true(same(&rtp_dir(&w, 0)->src.lock, &s.from));
	}
	last = s;
	move(&w, &s, 220);
	talk_on(&w, 0, &s, 1);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_FROZEN);
	refused(&w, &s, RELAY_DROP_OTHER_SOURCE);
	struct stream foe = stream_at(w.foe, 1);
	refused(&w, &foe, RELAY_DROP_UNLEARNED);
	pass(&w, 61000);
	refused(&w, &s, RELAY_DROP_OTHER_SOURCE);
	assert_int_equal(talk(&w, 0, &last), RELAY_FORWARD);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_FROZEN);
	edit(&w, 0)->remote.port++;
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_RELEARN);
}

static void three_rebinds_in_every_minute(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	for (unsigned i = 0; i < 9; i++) {
		move(&w, &s, 20000); /* three within 60 s, never four */
		talk_on(&w, 0, &s, 3);
		assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	}
}

static void relearn_lets_the_old_go_on_for_two_seconds(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	edit(&w, 0)->remote = ip4(10, 9, 9, 9, 4000);
	w.rule[1].side[0].sig = ip4(203, 0, 113, 99, 0);
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_RELEARN);
	assert_true(same(&rtp_dir(&w, 1)->to, &s.from));
	pass_us(&w, 1999999);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	pass_us(&w, 1);
	refused(&w, &s, RELAY_DROP_UNLEARNED);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
	assert_int_equal(rtp_dir(&w, 1)->to.family, 0);
}

static void relearn_expires_without_a_tick_too(void **state)
{
	struct world w;
	for (unsigned lock = 0; lock < 2; lock++) {
		world_init(&w);
		struct stream s = lock_phone(&w), n = stream_at(ip4(10, 9, 9, 9, 4002), 4);
		edit(&w, 0)->remote = ip4(10, 9, 9, 9, 4000);
		w.rule[1].side[0].sig.family = 0;
		update(&w);
		w.now += 2000000;
		if (lock)
			refused(&w, &s, RELAY_DROP_UNLEARNED);
		else
			assert_int_equal(talk(&w, 0, &n), RELAY_HOLD);
		assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
	}
}

static void relearn_takes_the_new(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w), r0 = stream_at(ip4(10, 9, 9, 9, 4000), 5);
	struct stream r1 = stream_at(ip4(10, 9, 9, 9, 4001), 6);
	edit(&w, 0)->remote = r0.from;
	update(&w);
	assert_int_equal(talk(&w, 0, &r1), RELAY_HOLD);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	assert_int_equal(talk(&w, 0, &r0), RELAY_FORWARD);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	refused(&w, &s, RELAY_DROP_OTHER_SOURCE);

	world_init(&w);
	s = lock_phone(&w);
	edit(&w, 0)->remote = r0.from;
	update(&w);
	for (unsigned i = 0; i < 15; i++) {
		assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
		talk(&w, 0, &r1);
		pass(&w, 20);
	}
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_true(same(&rtp_dir(&w, 0)->src.lock, &r1.from));
}

static void relearn_again_does_not_prolong(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	edit(&w, 0)->remote = ip4(10, 9, 9, 9, 4000);
	w.rule[1].side[0].sig.family = 0;
	update(&w);
	pass(&w, 1500);
	w.any_source = true; /* the rule that allowed it is two generations old */
	edit(&w, 0)->remote.port++;
	update(&w);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	pass(&w, 500);
	refused(&w, &s, RELAY_DROP_UNLEARNED);
}

static void sdp_that_names_the_lock_changes_nothing(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	edit(&w, 0)->remote = s.from;
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	edit(&w, 0)->remote = ip4(10, 9, 9, 9, 4000);
	update(&w);
	edit(&w, 0)->remote = s.from;
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
}

static void outbound_while_relearning(void **state)
{
	struct world w;
	world_init(&w);
	lock_phone(&w);
	struct flow_addr pub = ip4(203, 0, 113, 8, 4000);
	edit(&w, 0)->remote = pub;
	w.rule[1].side[0].sig = pub;
	w.rule[1].side[0].sig.port = 0;
	update(&w);
	assert_true(same(&rtp_dir(&w, 1)->to, &pub)); /* public and the signalling's own */
}

static void nothing_else_reopens(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w);
	struct relay_dir before = *rtp_dir(&w, 0);
	edit(&w, 0);
	update(&w);
	edit(&w, 0)->learn_len = 24;
	update(&w);
	edit(&w, 0)->sig.ip[3]++; /* from elsewhere, but the lock is still where it could be */
	update(&w);
	edit(&w, 0)->remote_rtcp = 9;
	update(&w);
	edit(&w, 0)->remote.family = 0;
	update(&w);
	assert_memory_equal(&before.src, &rtp_dir(&w, 0)->src, sizeof(before.src));
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
}

/* Wi-Fi to LTE: the same private address in the SDP, the signalling from another network. */
static void signalling_from_elsewhere_reopens(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = lock_phone(&w), n = s;
	edit(&w, 0)->sig = ip4(203, 0, 113, 99, 0);
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_RELEARN);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	n.from.ip[3] = 99;
	talk_on(&w, 0, &n, 20);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED_WEAK);
	assert_true(same(&rtp_dir(&w, 0)->src.lock, &n.from));

	world_init(&w); /* of a side whose address is known exactly it means nothing */
	s = stream_at(rule(&w)->side[1].remote, 5);
	talk_on(&w, 1, &s, 5);
	edit(&w, 1)->sig = ip4(203, 0, 113, 99, 0);
	update(&w);
	assert_int_equal(state_of(&w, 1), FLOW_STATE_LOCKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locked_takes_one_source),
		cmocka_unit_test(a_new_ssrc_needs_two),
		cmocka_unit_test(five_ssrcs_a_minute),
		cmocka_unit_test(what_may_be_a_rebind),
		cmocka_unit_test(rebind_needs_five),
		cmocka_unit_test(the_old_source_stops_a_rebind),
		cmocka_unit_test(hold_stops_a_rebind),
		cmocka_unit_test(the_fourth_rebind_freezes),
		cmocka_unit_test(three_rebinds_in_every_minute),
		cmocka_unit_test(relearn_lets_the_old_go_on_for_two_seconds),
		cmocka_unit_test(relearn_expires_without_a_tick_too),
		cmocka_unit_test(relearn_takes_the_new),
		cmocka_unit_test(relearn_again_does_not_prolong),
		cmocka_unit_test(sdp_that_names_the_lock_changes_nothing),
		cmocka_unit_test(outbound_while_relearning),
		cmocka_unit_test(nothing_else_reopens),
		cmocka_unit_test(signalling_from_elsewhere_reopens),
	};
	return cmocka_run_group_tests_name("relay_source", tests, NULL, NULL);
}
