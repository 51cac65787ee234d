/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The rate of a side, to the octet. */
#include "relay/unit_test.h"

#define SIZE (32 + 28) /* of a packet of talk() as it is counted */

/* Both sides are known; what side 1 sends is policed. */
static struct stream start(struct world *w, u32 rate, u32 burst)
{
	struct stream a = { ip4(10, 0, 0, 5, 4000), 1, 1, 1, 0 };

	memset(w, 0, sizeof(*w));
	world_rule(&w->rule[0]);
	w->rule[0].side[1].rate = rate;
	w->rule[0].side[1].burst = burst;
	world_start(w);
	talk(w, 0, &a);
	return carrier();
}

/* n at once: how many pass? */
static unsigned shoot(struct world *w, struct stream *s, unsigned n)
{
	unsigned passed = 0;

	while (n--)
		passed += talk(w, 1, s) == RELAY_FORWARD;
	return passed;
}

static void a_burst_is_exact(void **state)
{
	for (unsigned n = 1; n < 40; n++) {
		struct world w;
		struct stream s = start(&w, 100 * SIZE, n * SIZE);
		assert_int_equal(shoot(&w, &s, 100), n);
		assert_int_equal(w.drop, RELAY_DROP_POLICED);
		s = start(&w, 100 * SIZE, n * SIZE + SIZE - 1);
		assert_int_equal(shoot(&w, &s, 100), n);
	}
}

static void a_rate_is_exact(void **state)
{
	static const u32 rates[] = { 1, 10, 33, 50, 100, 333, 1000, 7000 };
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct world w;
		struct stream s = start(&w, rates[i] * SIZE, 5 * SIZE);
		assert_int_equal(shoot(&w, &s, 20), 5);
		w.sent[1][0] = 0;
		u64 begun = w.now;
		while (w.now < begun + 10000000) { /* four times what it may, for ten seconds */
			w.now += 1 + 250000 / rates[i];
			talk(&w, 1, &s);
		}
		u64 want = rates[i] * 10ull;
		assert_in_range(w.sent[1][0], want - want / 500 - 1, want + want / 500 + 1);
	}
}

/* What keeps to the rate loses nothing, for a quarter of an hour. */
static void who_keeps_to_it_loses_nothing(void **state)
{
	struct world w;
	struct stream s = start(&w, 50 * SIZE, 2 * SIZE);
	for (unsigned i = 0; i < 50000; i++) {
		assert_int_equal(talk(&w, 1, &s), RELAY_FORWARD);
		w.now += 20000 + (i % 2 ? -9000 : 9000);
	}
}

/* The clock of the bucket goes round every 268 s; silence is no flood, however long. */
static void after_silence_the_bucket_is_full(void **state)
{
	for (u64 s = 1; s < 2000; s += 7) {
		struct world w;
		struct stream b = start(&w, 50 * SIZE, 10 * SIZE);
		assert_int_equal(shoot(&w, &b, 20), 10);
		w.now += s * 1000000;
		b.seq += (u16)(s * 50);
		assert_int_equal(shoot(&w, &b, 20), 10);
		w.now += 20000;
		assert_int_equal(shoot(&w, &b, 5), 1);
	}
}

/* So it is for a burst that is planned before any of it passes. */
static void a_burst_after_silence(void **state)
{
	struct world w;
	struct stream b = start(&w, 50 * SIZE, 10 * SIZE);
	shoot(&w, &b, 20);
	w.now += 140000000;
	unsigned passed = 0;
	for (unsigned i = 0; i < 20; i++) {
		u8 p[32];
		struct relay_packet pkt = { p, write_rtp(p, &b), b.from, w.now };
		struct relay_plan plan;
		b.seq++;
		relay_plan(rtp_dir(&w, 1), rtp_dir(&w, 1), &pkt, &plan);
		passed += plan.action == RELAY_FORWARD;
	}
	assert_int_equal(passed, 10);
}

static void only_the_learned_source_takes_tokens(void **state)
{
	struct world w;
	struct stream s = start(&w, 50 * SIZE, 10 * SIZE), foe = s;
	shoot(&w, &s, 1);
	foe.from = w.foe;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(talk(&w, 1, &foe), RELAY_DROP);
	s.pt = 77; /* not negotiated */
	assert_int_equal(shoot(&w, &s, 10), 0);
	s.pt = 0;
	assert_int_equal(shoot(&w, &s, 20), 9);
	assert_int_equal(rtp_dir(&w, 1)->policed, 11);
	u8 rr[8] = { 0x80, 201, 0, 1, 0, 0, 0, 1 }; /* RTCP has a cap of its own */
	struct flow_addr from = s.from;
	from.port++;
	assert_int_equal(deliver(&w, 1, RELAY_RTCP, from, rr, 8), RELAY_FORWARD);
	struct stream a = { ip4(10, 0, 0, 5, 4000), 1, 2, 1, 0 }; /* and so has the other side */
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
}

static void a_flood_is_told_every_ten_seconds(void **state)
{
	struct world w;
	struct stream s = start(&w, 50 * SIZE, 10 * SIZE);
	shoot(&w, &s, 10);
	assert_int_equal(w.notes[SOURCE_FLOOD], 0);
	for (unsigned i = 0; i < 2950; i++) {
		shoot(&w, &s, 3);
		pass(&w, 10);
	}
	assert_int_equal(w.notes[SOURCE_FLOOD], 3); /* 29.5 s */
	struct flow_stats st;
	relay_stats(rtp_dir(&w, 1), 0, &st);
	assert_int_equal(st.policed + st.packets, 8860);
	assert_int_equal(st.dropped, st.policed);
	assert_string_equal(st.last_drop, "policed");
}

static void a_rate_comes_and_goes(void **state)
{
	struct world w;
	struct stream s = start(&w, 0, 0);
	assert_int_equal(shoot(&w, &s, 1000), 1000);
	pass(&w, 150000); /* more than half of what the clock of the bucket can tell */
	shoot(&w, &s, 10);
	edit(&w, 1)->rate = 50 * SIZE;
	w.rule[!(w.gen & 1)].side[1].burst = 10 * SIZE;
	update(&w);
	assert_int_equal(shoot(&w, &s, 100), 10);
	edit(&w, 1)->flags = FLOW_SIDE_HOLD; /* the same rate again is not a full bucket again */
	update(&w);
	assert_int_equal(shoot(&w, &s, 100), 0);
	edit(&w, 1)->rate = 0;
	update(&w);
	assert_int_equal(shoot(&w, &s, 100), 100);
}

/* One that is larger than all the bucket passes when it is full: a call is never dead for a rate. */
static void a_small_bucket(void **state)
{
	struct world w;
	struct stream s = start(&w, 50 * SIZE, 1);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(shoot(&w, &s, 5), 1);
		w.now += 20000;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_exact),
		cmocka_unit_test(a_rate_is_exact),
		cmocka_unit_test(who_keeps_to_it_loses_nothing),
		cmocka_unit_test(after_silence_the_bucket_is_full),
		cmocka_unit_test(a_burst_after_silence),
		cmocka_unit_test(only_the_learned_source_takes_tokens),
		cmocka_unit_test(a_flood_is_told_every_ten_seconds),
		cmocka_unit_test(a_rate_comes_and_goes),
		cmocka_unit_test(a_small_bucket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
