/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Whose SRTP is taken: a key proves a source, wherever it is; strangers cost no cipher. */
#include "relay/unit_test.h"
#include "relay/secure_test.h"

static void strangers_cost_no_cipher(void **state)
{
	struct world w;
	struct end e = phone_end(100);
	struct stream b = carrier();
	secure_init(&w);
	talk(&w, 1, &b);
	e.s.from = w.foe;
	refused(&w, &e, 100, RELAY_DROP_UNLEARNED);
	assert_true(same(&rtp_dir(&w, 0)->refused, &w.foe));
	assert_int_equal(w.opened, 0);
	e.s.from = phone_end(0).s.from;
	say_on(&w, &e, 50);
	unsigned opened = w.opened;
	e.s.from.port++; /* eligible, but somebody is there */
	refused(&w, &e, e.index, RELAY_DROP_OTHER_SOURCE);
	e.s.from = w.foe;
	pass(&w, 5000); /* silence: only what goes on with the stream is opened */
	refused(&w, &e, e.index - 1, RELAY_DROP_UNLEARNED);
	e.s.ssrc++;
	refused(&w, &e, e.index, RELAY_DROP_UNLEARNED);
	assert_int_equal(report_at(&w, &e, RELAY_RTCP, 1, false), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	assert_int_equal(w.opened, opened);
	assert_int_equal(w.bled + w.injected, 0);
}

static void before_the_sdp_nothing_is_opened(void **state)
{
	struct world w;
	struct end e = phone_end(100);
	secure_init(&w);
	w.rule[0].side[0].remote.family = 0;
	world_start(&w);
	refused(&w, &e, 100, RELAY_DROP_NOT_READY);
	assert_int_equal(w.opened, 0);
	assert_true(source_is_poisoned(&rtp_dir(&w, 0)->src, &e.s.from));
}

/* One authentic packet of a source that is eligible, whatever its rank, and nothing is held. */
static void an_authentic_packet_locks(void **state)
{
	struct world w;
	struct end e = phone_end(100);
	struct stream b = carrier();
	secure_init(&w);
	talk(&w, 1, &b);
	assert_int_equal(say(&w, &e), RELAY_FORWARD);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_int_equal(w.notes[SOURCE_LATCHED], 2);
	assert_true(same(&rtp_dir(&w, 1)->to, &e.s.from));
	/* and moves the lock that was learned while there was RTP */
	world_init(&w);
	struct stream s = e.s;
	s.from.port++;
	talk_on(&w, 0, &s, 80);
	set_key(&edit(&w, 0)->in, 1, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	update(&w);
	talk_on(&w, 1, &b, 1);
	assert_int_equal(say(&w, &e), RELAY_FORWARD);
	e.s.from.port++; /* but not one that was proven */
	refused(&w, &e, e.index, RELAY_DROP_OTHER_SOURCE);
}

static void it_ends_a_conflict_and_a_freeze(void **state)
{
	static const u8 stuck[] = { FLOW_STATE_CONFLICT, FLOW_STATE_FROZEN };
	for (unsigned i = 0; i < 2; i++) {
		struct world w;
		struct end e = start(&w, 100);
		struct source *s = &rtp_dir(&w, 0)->src;
		s->state = stuck[i];
		if (stuck[i] == FLOW_STATE_CONFLICT)
			s->lock.family = s->out.family = 0;
		struct end foe = e;
		foe.s.from = w.foe;
		refused(&w, &foe, e.index, RELAY_DROP_UNLEARNED);
		assert_int_equal(say(&w, &e), RELAY_FORWARD);
		assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
		assert_true(same(&s->out, &e.s.from));
	}
}

static void another_network(void **state)
{
	struct world w;
	struct end e = start(&w, 65500);
	say_on(&w, &e, 100);
	w.any_source = true; /* it is not one that the signalling named */
	struct end there = e;
	there.s.from = ip4(100, 66, 1, 2, 777);
	pass(&w, 199);
	refused(&w, &there, e.index + 10, RELAY_DROP_UNLEARNED);
	pass(&w, 1);
	refused(&w, &there, e.index - 1, RELAY_DROP_UNLEARNED); /* recorded */
	there.key.number = 9;
	refused(&w, &there, e.index + 10, RELAY_DROP_SRTP_AUTH);
	there.key.number = 1;
	assert_int_equal(say_at(&w, &there, e.index + 10), RELAY_FORWARD);
	assert_true(same(&rtp_dir(&w, 1)->to, &there.s.from));
	refused(&w, &e, e.index + 11, RELAY_DROP_OTHER_SOURCE);
	for (unsigned i = 0; i < 10; i++) { /* as often as it likes */
		pass(&w, 300);
		there.s.from.ip[3]++;
		assert_int_equal(say_at(&w, &there, e.index + 100 + i), RELAY_FORWARD);
	}
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	edit(&w, 0)->flags = FLOW_SIDE_HOLD;
	update(&w);
	pass(&w, 5000);
	there.s.from.ip[3]++;
	refused(&w, &there, e.index + 200, RELAY_DROP_UNLEARNED);
}

/* What was recorded under the key before, and never came, is not newer than what came under this one. */
static void not_with_an_old_key(void **state)
{
	struct world w;
	struct end e = start(&w, 100), foe = e;
	say_on(&w, &e, 5);
	rekey_in(&w, 2, 0);
	e.key.number = 2;
	say_on(&w, &e, 5);
	pass(&w, 300);
	foe.s.from = w.foe;
	unsigned opened = w.opened;
	assert_int_equal(say_at(&w, &foe, e.index + 5), RELAY_DROP);
	assert_int_equal(w.opened, opened + 2); /* it was opened, and is authentic */
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	assert_int_equal(say(&w, &e), RELAY_FORWARD);
}

static void stun_passes_by(void **state)
{
	struct world w;
	struct end e = start(&w, 100);
	static const u8 stun[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	assert_int_equal(deliver(&w, 0, RELAY_RTP, e.s.from, stun, 20), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_NOT_MEDIA);
	edit(&w, 0)->flags = FLOW_SIDE_STUN;
	update(&w);
	assert_int_equal(deliver(&w, 0, RELAY_RTP, e.s.from, stun, 20), RELAY_PUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_cost_no_cipher),
		cmocka_unit_test(before_the_sdp_nothing_is_opened),
		cmocka_unit_test(an_authentic_packet_locks),
		cmocka_unit_test(it_ends_a_conflict_and_a_freeze),
		cmocka_unit_test(another_network),
		cmocka_unit_test(not_with_an_old_key),
		cmocka_unit_test(stun_passes_by),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
