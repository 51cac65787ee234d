/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/unit_test.h"
#include "relay/ranks_test.h"

static void refused(struct world *w, struct stream *s, enum relay_drop why)
{
	assert_int_equal(talk(w, 0, s), RELAY_DROP);
	assert_string_equal(relay_drop_name(w->drop), relay_drop_name(why));
}

static void idle_poisons_and_sdp_opens(void **state)
{
	struct world w;
	struct flow_addr adv = without_sdp(&w);
	struct stream bad = phone(), good = phone(), self = stream_at(adv, 5);
	good.from.port++;
	assert_int_equal(state_of(&w, 0), FLOW_STATE_IDLE);
	refused(&w, &bad, RELAY_DROP_NOT_READY);
	refused(&w, &self, RELAY_DROP_NOT_READY);
	w.now += SOURCE_GRACE_US + 1000;
	edit(&w, 0)->remote = adv;
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
	refused(&w, &bad, RELAY_DROP_POISONED);
	assert_int_equal(talk(&w, 0, &good), RELAY_HOLD);
	assert_int_equal(talk(&w, 0, &self), RELAY_FORWARD); /* rank 0 is who it says */
}

/* The media of a peer whose answer was lost and came again: not a sprayer. */
static void media_may_overtake_the_answer(void **state)
{
	struct world w;
	struct flow_addr adv = without_sdp(&w);
	struct stream bad = phone(), good = phone();
	bad.from.port++;
	refused(&w, &bad, RELAY_DROP_NOT_READY);
	w.now += 1000000;
	refused(&w, &good, RELAY_DROP_NOT_READY);
	w.now += SOURCE_GRACE_US - 500000;
	refused(&w, &good, RELAY_DROP_NOT_READY);
	edit(&w, 0)->remote = adv;
	update(&w);
	refused(&w, &bad, RELAY_DROP_POISONED);
	assert_int_equal(talk(&w, 0, &good), RELAY_HOLD);
}

static void a_new_port_of_ours_forgets_who_sprayed(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = phone();
	source_spray(&rtp_dir(&w, 0)->src, &s.from, w.now);
	refused(&w, &s, RELAY_DROP_POISONED);
	edit(&w, 0)->local.port += 2;
	update(&w);
	assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
}

static void idle_remembers_eight(void **state)
{
	struct world w;
	struct flow_addr adv = without_sdp(&w);
	for (unsigned twice = 0; twice < 2; twice++)
		for (u16 i = 0; i < SOURCE_POISONED + 1; i++) {
			struct stream s = phone();
			s.from.port = 100 + i;
			talk(&w, 0, &s);
		}
	w.now += SOURCE_GRACE_US + 1000;
	edit(&w, 0)->remote = adv;
	update(&w);
	for (u16 i = 0; i < SOURCE_POISONED + 1; i++) {
		struct stream s = phone();
		s.from.port = 100 + i;
		assert_int_equal(talk(&w, 0, &s), i < SOURCE_POISONED ? RELAY_DROP : RELAY_HOLD);
	}
}

static void rank_0_locks_at_once(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = stream_at(at_rank(0), 1);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_int_equal(w.notes[SOURCE_LATCHED], 1);
	assert_false(source_ticking(&rtp_dir(&w, 0)->src));
}

static void others_need_five_and_the_end_of_tp(void **state)
{
	for (unsigned rank = 1; rank < 4; rank++) {
		struct world w;
		with_acl(&w);
		struct stream s = stream_at(at_rank(rank), 1);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
			assert_false(source_ticking(&rtp_dir(&w, 0)->src));
			pass(&w, 20);
		}
		assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
		assert_true(source_ticking(&rtp_dir(&w, 0)->src));
		pass_us(&w, 219999); /* 299.999 ms after the first */
		assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
		assert_int_equal(w.sent[0][0], 0);
		pass_us(&w, 1);
		assert_int_equal(state_of(&w, 0),
				 rank < 2 ? FLOW_STATE_LOCKED : FLOW_STATE_LOCKED_WEAK);
		assert_int_equal(w.sent[0][0], 5);
		assert_int_equal(w.seq, 11); /* in order */
		assert_int_equal(w.notes[SOURCE_LATCHED], 1);
		assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	}
}

static void four_are_not_enough(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = phone();
	talk_on(&w, 0, &s, 4);
	pass(&w, 1000);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
	assert_int_equal(talk(&w, 0, &s), RELAY_HOLD); /* too late to be the fifth */
	assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
	assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
	assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	assert_int_equal(w.sent[0][0], 9);
}

/* A fifth packet that differs: does it complete the run? */
static bool completes(u16 step, u64 gap_us, bool other_ssrc)
{
	struct world w;
	world_init(&w);
	struct stream s = phone();
	for (unsigned i = 0; i < 4; i++) {
		talk(&w, 0, &s);
		pass(&w, 100);
	}
	w.now -= 100000;
	w.now += gap_us;
	s.seq += step - 1;
	s.ssrc += other_ssrc;
	talk(&w, 0, &s);
	return state_of(&w, 0) == FLOW_STATE_LOCKED_WEAK;
}

static void what_is_consecutive(void **state)
{
	assert_true(completes(1, 20000, false));
	assert_true(completes(3, 20000, false));
	assert_false(completes(4, 20000, false));
	assert_false(completes(0, 20000, false));
	assert_false(completes(0xffff, 20000, false));
	assert_true(completes(1, 200000, false));
	assert_false(completes(1, 200001, false));
	assert_false(completes(1, 20000, true));
}

static void sixteen_are_held(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = phone();
	for (unsigned i = 0; i < SOURCE_HELD; i++, pass(&w, 10))
		assert_int_equal(talk(&w, 0, &s), RELAY_HOLD);
	for (unsigned i = SOURCE_HELD; i < 30; i++, pass(&w, 10))
		refused(&w, &s, RELAY_DROP_CANDIDATE);
	assert_int_equal(w.sent[0][0], SOURCE_HELD);
	assert_int_equal(w.seq, 1000 + SOURCE_HELD - 1);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
}

static void a_new_ssrc_of_a_candidate_starts_again(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s = phone();
	talk_on(&w, 0, &s, 14);
	s.ssrc++;
	talk_on(&w, 0, &s, 5); /* there is room for them: the others were given up */
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED_WEAK);
	assert_int_equal(w.sent[0][0], 5);
	assert_int_equal(rtp_dir(&w, 0)->dropped, 14);
}

/* Two sources for the whole of Tp; what becomes of it. */
static u8 two(struct world *w, struct stream *a, struct stream *b)
{
	for (unsigned i = 0; i < 14; i++) {
		talk(w, 0, a);
		talk(w, 0, b);
		pass(w, 20);
	}
	assert_int_equal(state_of(w, 0), FLOW_STATE_PROBE);
	pass(w, 20);
	return state_of(w, 0);
}

static void the_best_rank_wins(void **state)
{
	for (unsigned worse = 2; worse < 4; worse++) {
		for (unsigned first = 0; first < 2; first++) {
			struct world w;
			with_acl(&w);
			struct stream a = stream_at(at_rank(worse - 1), 1);
			struct stream b = stream_at(at_rank(worse), 2);
			two(&w, first ? &a : &b, first ? &b : &a);
			assert_true(same(&rtp_dir(&w, 0)->src.lock, &a.from));
			assert_int_equal(w.sent[0][0], 14);
			assert_int_equal(rtp_dir(&w, 0)->dropped, 14);
			refused(&w, &b, RELAY_DROP_OTHER_SOURCE);
		}
	}
}

static void the_port_of_the_sdp_breaks_a_tie(void **state)
{
	for (unsigned first = 0; first < 2; first++) {
		struct world w;
		world_init(&w);
		struct stream a = phone(), b = phone();
		a.from.port = 4000;
		b.ssrc++;
		two(&w, first ? &a : &b, first ? &b : &a);
		assert_true(same(&rtp_dir(&w, 0)->src.lock, &a.from));
	}
}

/* Both are proven; one of them pauses for longer than a run may, and is back before the end of Tp. */
static void a_pause_loses_no_proof(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = phone();
	a.from.port = 4000;
	b.ssrc++;
	for (unsigned i = 0; i < 5; i++, pass(&w, 5)) {
		talk(&w, 0, &a);
		talk(&w, 0, &b);
	}
	for (unsigned i = 0; i < 13; i++, pass(&w, 20))
		talk(&w, 0, &b);
	assert_int_equal(talk(&w, 0, &a), RELAY_HOLD); /* after 260 of 300 ms */
	pass(&w, 20);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED_WEAK);
	assert_true(same(&rtp_dir(&w, 0)->src.lock, &a.from));
	assert_int_equal(w.sent[0][0], 6);
}

static void a_tie_is_a_conflict_until_new_sdp(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = phone(), adv = stream_at(at_rank(0), 3);
	b.from.port++;
	b.ssrc++;
	assert_int_equal(two(&w, &a, &b), FLOW_STATE_CONFLICT);
	assert_int_equal(w.notes[SOURCE_CONFLICT], 1);
	assert_int_equal(w.sent[0][0], 0);
	assert_int_equal(rtp_dir(&w, 0)->dropped, 28);
	refused(&w, &a, RELAY_DROP_CONFLICT);
	refused(&w, &adv, RELAY_DROP_CONFLICT);
	struct stream carrier = stream_at(rule(&w)->side[1].remote, 9);
	assert_int_equal(talk(&w, 1, &carrier), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_NO_DESTINATION);
	edit(&w, 0)->sig.ip[3]++; /* not enough */
	update(&w);
	pass(&w, 5000);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_CONFLICT);
	edit(&w, 0)->remote.port++;
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
	adv.from.port++;
	assert_int_equal(talk(&w, 0, &adv), RELAY_FORWARD);
}

static void a_fresh_local_port_ends_a_conflict(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = phone();
	b.from.port++;
	b.ssrc++;
	two(&w, &a, &b);
	edit(&w, 0)->local.port += 100;
	update(&w);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE);
	talk_on(&w, 0, &a, 17);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED_WEAK);
}

static void who_fell_silent_is_no_tie(void **state)
{
	for (unsigned order = 0; order < 2; order++) {
		struct world w;
		world_init(&w);
		struct stream a = phone(), b = phone();
		b.from.port++; /* its NAT moved in the first 100 ms */
		if (order)
			talk(&w, 0, &b);
		for (unsigned i = 0; i < 5; i++, pass(&w, 10))
			talk(&w, 0, &a);
		b.seq = a.seq;
		talk_on(&w, 0, &b, 20);
		assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED_WEAK);
		assert_true(same(&rtp_dir(&w, 0)->src.lock, &b.from));
	}
}

static void four_candidates_have_room(void **state)
{
	struct world w;
	world_init(&w);
	struct stream s[5], best = stream_at(at_rank(1), 9);
	for (u16 i = 0; i < 5; i++) {
		s[i] = phone();
		s[i].from.port += i;
		assert_int_equal(talk(&w, 0, &s[i]), i < 4 ? RELAY_HOLD : RELAY_DROP);
	}
	assert_int_equal(w.drop, RELAY_DROP_CANDIDATE);
	assert_int_equal(talk(&w, 0, &best), RELAY_HOLD); /* a better rank takes the place of one */
	pass(&w, 201);
	assert_int_equal(talk(&w, 0, &s[4]), RELAY_HOLD); /* so does anyone, of the silent */
}

static struct stream weak_phone(struct world *w)
{
	struct stream s = phone();
	talk_on(w, 0, &s, 16);
	assert_int_equal(state_of(w, 0), FLOW_STATE_LOCKED_WEAK);
	return s;
}

static void weak_lasts_one_second(void **state)
{
	struct world w;
	with_acl(&w);
	weak_phone(&w);
	pass_us(&w, 1000000 - 1);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED_WEAK);
	assert_true(source_ticking(&rtp_dir(&w, 0)->src));
	pass_us(&w, 1);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_false(source_ticking(&rtp_dir(&w, 0)->src));
}

static u8 weak_and_rival(struct world *w, struct stream *rival, unsigned n)
{
	struct stream s = weak_phone(w);
	for (unsigned i = 0; i < n; i++) {
		talk_on(w, 0, &s, 1);
		assert_int_equal(talk(w, 0, rival), RELAY_DROP);
	}
	return state_of(w, 0);
}

static void a_rival_of_a_weak_lock(void **state)
{
	struct world w;
	struct stream r = stream_at(at_rank(2), 9);
	with_acl(&w);
	assert_int_equal(weak_and_rival(&w, &r, 4), FLOW_STATE_LOCKED_WEAK);
	talk(&w, 0, &r);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_CONFLICT);
	assert_int_equal(w.notes[SOURCE_CONFLICT], 1);
	assert_int_equal(rtp_dir(&w, 0)->src.out.family, 0);

	r = stream_at(at_rank(0), 9);
	with_acl(&w);
	assert_int_equal(weak_and_rival(&w, &r, 5), FLOW_STATE_CONFLICT);
	r = stream_at(at_rank(3), 9); /* worse */
	with_acl(&w);
	assert_int_equal(weak_and_rival(&w, &r, 9), FLOW_STATE_LOCKED_WEAK);
	r = stream_at(at_rank(2), phone().ssrc); /* the same stream */
	with_acl(&w);
	assert_int_equal(weak_and_rival(&w, &r, 9), FLOW_STATE_LOCKED_WEAK);
	r = stream_at(ip4(192, 0, 2, 66, 1), 9); /* nobody */
	with_acl(&w);
	assert_int_equal(weak_and_rival(&w, &r, 9), FLOW_STATE_LOCKED_WEAK);
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	r = stream_at(at_rank(2), 9); /* poisoned */
	with_acl(&w);
	source_spray(&rtp_dir(&w, 0)->src, &r.from, w.now);
	assert_int_equal(weak_and_rival(&w, &r, 9), FLOW_STATE_LOCKED_WEAK);
	r = stream_at(at_rank(2), 9); /* late */
	with_acl(&w);
	struct stream s = weak_phone(&w);
	talk_on(&w, 0, &s, 50);
	talk_on(&w, 0, &r, 9);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	r = stream_at(at_rank(2), 9); /* late, and the first packet since */
	with_acl(&w);
	s = weak_phone(&w);
	w.now += 2000000;
	refused(&w, &r, RELAY_DROP_OTHER_SOURCE);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
}

/* Rank 1 was locked before the SDP's own address sent: n packets of that (or of another rival), after so many ms. */
static u8 rank_1_and_rival(struct world *w, struct stream rival, unsigned ms, unsigned n)
{
	struct stream s = stream_at(at_rank(1), 1);

	with_acl(w);
	talk_on(w, 0, &s, 16);
	assert_int_equal(state_of(w, 0), FLOW_STATE_LOCKED);
	pass(w, ms);
	for (unsigned i = 0; i < n; i++) {
		talk_on(w, 0, &s, 1);
		assert_int_equal(talk(w, 0, &rival), RELAY_DROP);
	}
	return state_of(w, 0);
}

static void the_sdp_itself_came_too_late(void **state)
{
	struct world w;
	struct stream r = stream_at(at_rank(0), 9);

	assert_int_equal(rank_1_and_rival(&w, r, 0, 4), FLOW_STATE_LOCKED);
	assert_int_equal(rank_1_and_rival(&w, r, 0, 5), FLOW_STATE_CONFLICT);
	assert_int_equal(w.notes[SOURCE_CONFLICT], 1);
	assert_int_equal(rtp_dir(&w, 0)->src.out.family, 0);
	assert_int_equal(rank_1_and_rival(&w, r, 1000, 9), FLOW_STATE_LOCKED);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	r.ssrc = 1; /* the same stream */
	assert_int_equal(rank_1_and_rival(&w, r, 0, 9), FLOW_STATE_LOCKED);
	r = stream_at(at_rank(1), 9); /* nobody knows better of this one */
	r.from.port++;
	assert_int_equal(rank_1_and_rival(&w, r, 0, 9), FLOW_STATE_LOCKED);
	r = stream_at(at_rank(2), 9);
	assert_int_equal(rank_1_and_rival(&w, r, 0, 9), FLOW_STATE_LOCKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_poisons_and_sdp_opens),
		cmocka_unit_test(media_may_overtake_the_answer),
		cmocka_unit_test(a_new_port_of_ours_forgets_who_sprayed),
		cmocka_unit_test(idle_remembers_eight),
		cmocka_unit_test(rank_0_locks_at_once),
		cmocka_unit_test(others_need_five_and_the_end_of_tp),
		cmocka_unit_test(four_are_not_enough),
		cmocka_unit_test(what_is_consecutive),
		cmocka_unit_test(sixteen_are_held),
		cmocka_unit_test(a_new_ssrc_of_a_candidate_starts_again),
		cmocka_unit_test(the_best_rank_wins),
		cmocka_unit_test(the_port_of_the_sdp_breaks_a_tie),
		cmocka_unit_test(a_pause_loses_no_proof),
		cmocka_unit_test(a_tie_is_a_conflict_until_new_sdp),
		cmocka_unit_test(a_fresh_local_port_ends_a_conflict),
		cmocka_unit_test(who_fell_silent_is_no_tie),
		cmocka_unit_test(four_candidates_have_room),
		cmocka_unit_test(weak_lasts_one_second),
		cmocka_unit_test(a_rival_of_a_weak_lock),
		cmocka_unit_test(the_sdp_itself_came_too_late),
	};
	return cmocka_run_group_tests_name("relay_probe", tests, NULL, NULL);
}
