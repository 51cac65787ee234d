/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "relay/relay_priv.h"
#undef S
#undef MS
#include "relay/unit_test.h"

static void headers(void **state)
{
	u8 p[64] = { 0x80 };
	assert_true(rtp_header_ok(p, 12));
	for (u32 n = 0; n < 12; n++)
		assert_false(rtp_header_ok(p, n));
	for (u8 cc = 1; cc < 16; cc++) {
		p[0] = 0x80 | cc;
		u32 need = 12 + 4u * cc;
		if (need <= sizeof(p)) {
			assert_true(rtp_header_ok(p, need));
		}
		assert_false(rtp_header_ok(p, need - 1));
	}
	p[0] = 0x90; /* an extension of 2 words */
	p[15] = 2;
	assert_true(rtp_header_ok(p, 24));
	assert_false(rtp_header_ok(p, 23));
	assert_false(rtp_header_ok(p, 15));
	assert_false(rtp_header_ok(p, 12));
	p[14] = 0xff;
	assert_false(rtp_header_ok(p, 64));
	p[14] = 0;
	p[0] = 0xb0; /* and padding */
	p[31] = 8;
	assert_true(rtp_header_ok(p, 32));
	p[31] = 9;
	assert_false(rtp_header_ok(p, 32));
	p[31] = 0;
	assert_false(rtp_header_ok(p, 32));
}

static void first_octets(void **state)
{
	for (unsigned i = 0; i < 256; i++) {
		u8 p[2] = { (u8)i, 0 };
		enum demux_class want = i < 4                 ? DEMUX_STUN
					: i >= 20 && i < 64   ? DEMUX_DTLS
					: i >= 128 && i < 192 ? DEMUX_RTP
							      : DEMUX_OTHER;
		assert_int_equal(relay_demux(p, 2), want);
		assert_int_equal(relay_demux(p, 1), want);
		p[0] = 0x80;
		p[1] = (u8)i;
		assert_int_equal(relay_demux(p, 2), i >= 192 && i < 224 ? DEMUX_RTCP : DEMUX_RTP);
	}
	assert_int_equal(relay_demux(NULL, 0), DEMUX_OTHER);
}

/* What RFC 3550 A.3 and A.8 define, over extended numbers that the generator knows. */
struct reference {
	s64 first, highest;
	u64 received;
	double jitter, transit; /* RTP units */
};

static void reference_add(struct reference *r, s64 ext, double arrival, double ts)
{
	double transit = arrival - ts;
	if (!r->received) {
		r->first = r->highest = ext;
	} else {
		r->jitter += (fabs(transit - r->transit) - r->jitter) / 16;
		r->highest = ext > r->highest ? ext : r->highest;
	}
	r->transit = transit;
	r->received++;
}

static u64 next_random(u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void run(u32 clock, u64 seed, unsigned loss, unsigned dup, unsigned late)
{
	struct world w;
	struct reference r = { 0 };
	struct flow_stats st;
	u64 x = seed;

	world_init(&w);
	w.rule[0].side[0].clock = clock;
	world_start(&w);
	s64 ext = (s64)(next_random(&x) & 0xffff);
	u32 ts0 = (u32)next_random(&x);
	u64 t0 = w.now + (next_random(&x) & 0xfffffffffffull); /* over 2^32 us */
	for (unsigned i = 0; i < 150000; i++, ext++) {
		unsigned dice = next_random(&x) % 1000,
			 times = 1 + (dice >= loss && dice < loss + dup);
		s64 n = ext;
		if (dice < loss)
			continue;
		if (dice >= 900 && dice < 900 + late && i > 50)
			n -= (s64)(next_random(&x) %
				   40); /* an old one once more, or one thought lost */
		while (times--) {
			struct stream s = { rule(&w)->side[0].remote, 0xabc, (u16)n,
					    ts0 + (u32)((u64)i * clock / 50), 0 };
			w.now = t0 + i * 20000ull + next_random(&x) % 5000;
			reference_add(&r, n, (double)w.now * clock / 1e6,
				      (double)i * (clock / 50) + ts0);
			assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
		}
	}
	relay_stats(rtp_dir(&w, 0), 0, &st);
	assert_int_equal(st.packets, r.received);
	assert_int_equal(st.octets, r.received * 32);
	assert_int_equal(st.lost, r.highest - r.first + 1 - (s64)r.received);
	double want = r.jitter / clock * 1e6;
	assert_true(fabs(st.jitter_us - want) < 2e6 / clock + want / 50);
	assert_int_equal(st.ssrc, 0xabc);
	assert_int_equal(st.last_us, w.now);
}

static void statistics_match_a_plain_reference(void **state)
{
	run(8000, 11, 0, 0, 0);
	run(8000, 22, 30, 0, 0);
	run(8000, 33, 30, 20, 30);
	run(48000, 44, 5, 50, 80);
	run(90000, 55, 100, 5, 5);
	run(16000, 66, 0, 100, 0); /* negative loss */
}

static void the_clock_goes_on_over_32_bits(void **state)
{
	u32 q = (u32)(((u64)8000 << 32) / 1000000);
	for (u64 at = 1ull << 32; at < 1ull << 40; at <<= 1) {
		u32 before = rtp_arrival(at - 1000, q), after = rtp_arrival(at + 1000, q);
		assert_in_range(after - before, 15, 17);
	}
}

static u64 lost_of(struct world *w, u64 *packets)
{
	struct flow_stats st;
	relay_stats(rtp_dir(w, 0), 0, &st);
	*packets = st.packets;
	return (u64)st.lost;
}

static void a_jump_restarts_the_sequence(void **state)
{
	struct world w;
	u64 n;
	world_init(&w);
	struct stream s = { rule(&w)->side[0].remote, 1, 65530, 0, 0 };
	talk(&w, 0, &s);
	s.seq += 2998; /* the largest step that is loss */
	talk(&w, 0, &s);
	assert_int_equal(lost_of(&w, &n), 2998);
	s.seq += 20000;
	talk(&w, 0, &s);
	assert_int_equal(lost_of(&w, &n), 2998); /* not believed yet */
	talk(&w, 0, &s);
	s.seq += 3;
	talk(&w, 0, &s);
	assert_int_equal(lost_of(&w, &n), 2998 + 3);
	assert_int_equal(n, 5);
	s.seq -= 100; /* late, no jump: 99 behind the next */
	talk(&w, 0, &s);
	assert_int_equal(lost_of(&w, &n), 2998 + 2);
}

static void a_new_ssrc_keeps_what_the_old_lost(void **state)
{
	struct world w;
	struct flow_stats st;
	world_init(&w);
	struct stream s = { rule(&w)->side[0].remote, 1, 10, 0, 0 };
	talk(&w, 0, &s);
	s.seq += 5;
	talk_on(&w, 0, &s, 2);
	s.ssrc = 2;
	s.seq = 60000;
	talk_on(&w, 0, &s, 2); /* the first is refused */
	s.seq += 7;
	talk_on(&w, 0, &s, 1);
	relay_stats(rtp_dir(&w, 0), 0, &st);
	assert_int_equal(st.lost, 5 + 7);
	assert_int_equal(st.ssrc, 2);
	assert_int_equal(st.packets, 5);
	assert_int_equal(st.dropped, 1);
}

static void times_are_given_in_wall_time(void **state)
{
	struct world w;
	struct flow_stats st;
	world_init(&w);
	relay_stats(rtp_dir(&w, 0), 7000000, &st);
	assert_int_equal(st.first_us, 0);
	assert_int_equal(st.last_us, 0);
	assert_int_equal(st.source.family, 0);
	struct stream s = { rule(&w)->side[0].remote, 1, 10, 0, 0 };
	talk(&w, 0, &s);
	talk_on(&w, 0, &s, 1);
	relay_stats(rtp_dir(&w, 0), 7000000, &st);
	assert_int_equal(st.first_us, 8000000);
	assert_int_equal(st.last_us, 8020000);
	assert_int_equal(st.state, FLOW_STATE_LOCKED);
	assert_true(same(&st.source, &s.from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(first_octets),
		cmocka_unit_test(statistics_match_a_plain_reference),
		cmocka_unit_test(the_clock_goes_on_over_32_bits),
		cmocka_unit_test(a_jump_restarts_the_sequence),
		cmocka_unit_test(a_new_ssrc_keeps_what_the_old_lost),
		cmocka_unit_test(times_are_given_in_wall_time),
	};
	return cmocka_run_group_tests_name("relay_rtp", tests, NULL, NULL);
}
