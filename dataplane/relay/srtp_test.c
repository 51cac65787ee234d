/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* SRTP that comes in: RFC 3711 3.3.1, 3.3.2, keys that change. */
#include "relay/unit_test.h"
#include "relay/secure_test.h"

static void index_is_estimated(void **state)
{
	static const struct {
		u64 highest;
		u16 seq;
		u64 index;
		u8 drop;
	} t[] = {
		{ 5, 6, 6, RELAY_DROP_COUNT },
		{ 5, 0x8005, 0x8005, RELAY_DROP_COUNT },
		{ 5, 0x8006, 0, RELAY_DROP_SRTP_REPLAY }, /* before the first of all */
		{ 0xfff0, 0xffff, 0xffff, RELAY_DROP_COUNT },
		{ 0xffff, 0, 0x10000, RELAY_DROP_COUNT },
		{ 0xff00, 0x10, 0x10010, RELAY_DROP_COUNT }, /* lost around the wrap */
		{ 0xffff, 0x7ffe, 0x17ffe, RELAY_DROP_COUNT },
		{ 0xffff, 0x7fff, 0x7fff, RELAY_DROP_SRTP_REPLAY },
		{ 0x10000, 0xffff, 0xffff, RELAY_DROP_COUNT }, /* late, before the wrap */
		{ 0x10005, 0xfff0, 0xfff0, RELAY_DROP_COUNT },
		{ 0x10000, 0x8000, 0x18000, RELAY_DROP_COUNT },
		{ 0x10000, 0x8001, 0x8001, RELAY_DROP_SRTP_REPLAY }, /* too old to tell */
		{ 0x7fff, 0xffff, 0xffff, RELAY_DROP_COUNT },
		{ 0x8000, 0x0000, 0x0000, RELAY_DROP_SRTP_REPLAY },
		{ 0x8001, 0x0000, 0x10000, RELAY_DROP_COUNT },
		{ 0x100000040, 0xffff, 0xffffffff, RELAY_DROP_COUNT }, /* 65 behind */
		{ 0xfffffffffffe, 0xffff, 0xffffffffffff, RELAY_DROP_COUNT },
		{ 0xffffffffffff, 0, 0x1000000000000, RELAY_DROP_SRTP_KEY }, /* the last one */
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world w;
		struct end e = start(&w, 1);
		struct relay_crypt c;
		u8 p[PACKET_MAX];
		struct relay_packet pkt = { p, end_packet(&e, t[i].seq, p), e.s.from, w.now };
		w.srtp[0][0].in.stream[0].index = t[i].highest;
		memset(w.srtp[0][0].in.stream[0].seen, 0, 16);
		enum relay_action action = relay_open(rtp_dir(&w, 0), rtp_dir(&w, 0), &pkt, &c);
		assert_int_equal(action,
				 t[i].drop == RELAY_DROP_COUNT ? RELAY_FORWARD : RELAY_DROP);
		assert_int_equal(c.drop, t[i].drop);
		if (t[i].index)
			assert_int_equal(c.index, t[i].index);
		assert_int_equal(w.srtp[0][0].in.stream[0].index, t[i].highest); /* not yet */
	}
}

/* 70,000 packets with losses and others up to 100 late, over the wrap: each is taken once. */
static void losses_and_wraps(void **state)
{
	struct world w;
	struct end e = start(&w, 65000);
	u64 late = 0, highest = 0, x = 1;
	unsigned taken = 1;

	for (unsigned i = 0; i < 70000; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		unsigned dice = x >> 56;
		if (i % 50 == 0)
			pass(&w, 20);
		if (dice == 0) {
			e.index += x >> 40 & 1023; /* lost */
		} else if (dice == 1 && !late) {
			late = e.index++;
		} else {
			highest = e.index;
			assert_int_equal(say(&w, &e), RELAY_FORWARD);
			taken++;
		}
		if (late && highest > late + 100) {
			bool there = highest - late < 128;
			taken += there;
			assert_int_equal(say_at(&w, &e, late), there ? RELAY_FORWARD : RELAY_DROP);
			assert_int_equal(say_at(&w, &e, late), RELAY_DROP);
			late = 0;
		}
	}
	assert_int_equal(w.sent[0][0], taken);
	assert_true(e.index > 2 * 65536);
	assert_int_equal(w.srtp[0][0].auth_failed, 0);
}

static void nothing_is_taken_twice(void **state)
{
	struct world w;
	struct end e = start(&w, 60000);
	say_on(&w, &e, 1000);
	unsigned sent = w.sent[0][0], opened = w.opened;
	for (u64 i = 60000; i < 61001; i++)
		refused(&w, &e, i, RELAY_DROP_SRTP_REPLAY);
	assert_int_equal(w.sent[0][0], sent);
	assert_int_equal(w.opened, opened); /* known before the cipher */
	struct flow_stats st;
	relay_stats(rtp_dir(&w, 0), 0, &st);
	assert_int_equal(st.replayed, 1001);
	assert_string_equal(st.last_drop, "srtp_replay");
}

static void the_window_is_128(void **state)
{
	struct world w;
	for (unsigned step = 1; step < 300; step++) {
		struct end e = start(&w, 1000);
		assert_int_equal(say_at(&w, &e, 1000 + step), RELAY_FORWARD);
		refused(&w, &e, 1000, RELAY_DROP_SRTP_REPLAY);
		for (unsigned back = 1; back < step; back++)
			assert_int_equal(say_at(&w, &e, 1000 + step - back),
					 back < 128 ? RELAY_FORWARD : RELAY_DROP);
		for (unsigned back = 1; back < step; back++)
			refused(&w, &e, 1000 + step - back, RELAY_DROP_SRTP_REPLAY);
	}
}

/* What is wrong by one bit anywhere changes nothing that counts. */
static void what_is_not_authentic_changes_nothing(void **state)
{
	struct world w;
	struct end e = start(&w, 100);
	u8 p[PACKET_MAX];
	u32 n = end_packet(&e, e.index, p);
	struct relay_srtp_key before = w.srtp[0][0].in;
	struct source src = rtp_dir(&w, 0)->src;
	for (u32 bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(deliver(&w, 0, RELAY_RTP, e.s.from, p, n), RELAY_DROP);
		p[bit / 8] ^= 1 << bit % 8;
		assert_memory_equal(&before, &w.srtp[0][0].in, sizeof(before));
		assert_memory_equal(&src, &rtp_dir(&w, 0)->src, sizeof(src));
	}
	for (u32 cut = 0; cut < n; cut++)
		assert_int_equal(deliver(&w, 0, RELAY_RTP, e.s.from, p, cut), RELAY_DROP);
	struct end other = e;
	other.key.number = 2;
	refused(&w, &other, e.index, RELAY_DROP_SRTP_AUTH);
	assert_int_equal(w.sent[0][0], 1);
	struct flow_stats st;
	relay_stats(rtp_dir(&w, 0), 0, &st);
	assert_true(st.auth_failed > 300 && st.auth_failed < st.dropped);
	assert_int_equal(say(&w, &e), RELAY_FORWARD);
}

/* RTP on a side that has SRTP, also by an engine that forgot to open it, or has no memory for it. */
static void no_rtp_in_place_of_srtp(void **state)
{
	struct world w;
	struct end e = start(&w, 100);
	u8 p[PACKET_MAX] = { 0x80, 201, 0, 1 };
	struct stream s = e.s;
	s.seq = (u16)e.index;
	assert_int_equal(deliver(&w, 0, RELAY_RTP, s.from, p, write_rtp(p, &s)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_SRTP_AUTH);
	for (unsigned memory = 0; memory < 2; memory++) {
		struct relay_packet pkt = { p, write_rtp(p, &s), s.from, w.now };
		struct relay_plan plan;
		if (!memory)
			rtp_dir(&w, 0)->srtp = NULL;
		relay_plan(rtp_dir(&w, 0), rtp_dir(&w, 0), &pkt, &plan);
		assert_int_equal(plan.action, RELAY_DROP);
		assert_int_equal(plan.drop, RELAY_DROP_SRTP_AUTH);
		relay_plan_held(rtp_dir(&w, 0), &pkt, &plan);
		assert_int_equal(plan.action, RELAY_DROP);
		rtp_dir(&w, 0)->srtp = &w.srtp[0][0];
	}
	struct relay_crypt c;
	struct relay_packet pkt = { p, end_packet(&e, e.index, p), e.s.from, w.now };
	rtp_dir(&w, 0)->srtp = NULL;
	assert_int_equal(relay_open(rtp_dir(&w, 0), rtp_dir(&w, 0), &pkt, &c), RELAY_DROP);
	assert_int_equal(c.drop, RELAY_DROP_SRTP_KEY);
}

static void two_in_a_burst(void **state)
{
	struct world w;
	struct end e = start(&w, 100);
	struct relay_dir *d = rtp_dir(&w, 0);
	u8 p[2][PACKET_MAX];
	u32 n = end_packet(&e, e.index, p[0]);
	struct relay_crypt c[2];
	bool again;
	end_packet(&e, e.index, p[1]);
	struct relay_packet pkt[2] = { { p[0], n, e.s.from, w.now }, { p[1], n, e.s.from, w.now } };
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(relay_open(d, d, &pkt[i], &c[i]), RELAY_FORWARD);
	assert_true(relay_opened(d, &pkt[0], &c[0], true, &again));
	assert_true(pkt[0].authentic && pkt[0].newest && pkt[0].index == 101 && pkt[0].len == 32);
	assert_false(relay_opened(d, &pkt[1], &c[1], true, &again));
	assert_false(again);
	assert_int_equal(c[1].drop, RELAY_DROP_SRTP_REPLAY);
	assert_false(pkt[1].authentic);

	/* Also of an SSRC that is new. */
	e.s.ssrc++;
	for (unsigned i = 0; i < 2; i++) {
		pkt[i].len = end_packet(&e, 9, p[i]);
		pkt[i].authentic = false;
		assert_int_equal(relay_open(d, d, &pkt[i], &c[i]), RELAY_FORWARD);
	}
	assert_true(relay_opened(d, &pkt[1], &c[1], true, &again));
	assert_false(relay_opened(d, &pkt[0], &c[0], true, &again));
}

static void every_suite_and_an_mki(void **state)
{
	for (u8 suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		for (u8 mki = 0; mki < 5; mki += 4) {
			struct world w;
			struct end e = phone_end(65535);
			struct stream b = carrier();
			secure_init(&w);
			w.rule[0].side[0].in.suite = e.key.suite = suite;
			w.rule[0].side[0].in.mki_len = e.key.mki_len = mki;
			world_start(&w);
			talk(&w, 1, &b);
			say_on(&w, &e, 3);
			assert_int_equal(w.out_len, 32);
			assert_int_equal(w.out[31], 0x5a);
			assert_int_equal(report_at(&w, &e, RELAY_RTCP, 1, false), RELAY_FORWARD);
			assert_int_equal(w.out_len, 8);
			assert_int_equal(report_at(&w, &e, RELAY_RTCP, 1, false), RELAY_DROP);
			assert_int_equal(w.drop, RELAY_DROP_SRTP_REPLAY);
			pass(&w, 200);
			assert_int_equal(report_at(&w, &e, RELAY_RTCP, 2, true), RELAY_FORWARD);
		}
	}
}

/* ---- keys ---- */

static void make_before_break(void **state)
{
	struct world w;
	struct end e = start(&w, 0xfff0), f = e;
	say_on(&w, &e, 50); /* ROC 1 */
	rekey_in(&w, 2, 0);
	f.key.number = 2;
	f.index = (u16)e.index + 200;
	for (unsigned i = 0; i < 20; i++) { /* both, crossing each other */
		pass(&w, 20);
		assert_int_equal(say(&w, &e), RELAY_FORWARD);
		assert_int_equal(say(&w, &f), RELAY_FORWARD);
	}
	refused(&w, &e, e.index - 1, RELAY_DROP_SRTP_REPLAY);
	rekey_in(&w, 2, 0); /* the same number is the same key */
	refused(&w, &f, f.index - 1, RELAY_DROP_SRTP_REPLAY);
	pass(&w, FLOW_OLD_KEY_MS - 400 - 1);
	assert_int_equal(say(&w, &e), RELAY_FORWARD);
	pass(&w, 1);
	refused(&w, &e, e.index, RELAY_DROP_SRTP_REPLAY); /* too old for the new one */
	refused(&w, &e, e.index + 200, RELAY_DROP_SRTP_AUTH);
	assert_int_equal(say(&w, &f), RELAY_FORWARD);
}

static void roc_restarts_or_is_kept(void **state)
{
	for (unsigned keep = 0; keep < 2; keep++) {
		struct world w;
		struct end e = start(&w, 0xfff0), f;
		say_on(&w, &e, 50);
		rekey_in(&w, 2, keep ? FLOW_CRYPTO_KEEP_ROC : 0);
		f = e;
		f.key.number = 2;
		f.index = keep ? e.index : (u16)e.index;
		assert_int_equal(say(&w, &f), RELAY_FORWARD);
		f.index = keep ? (u16)f.index : f.index + 0x20000;
		assert_int_equal(say(&w, &f), RELAY_DROP);
	}
}

/* A re-INVITE that failed: the key before is in force again, with what was there under it. */
static void a_key_comes_back(void **state)
{
	struct world w;
	struct end e = start(&w, 0xfff0);
	say_on(&w, &e, 50);
	rekey_in(&w, 2, 0);
	say_on(&w, &e, 5);
	rekey_in(&w, 1, 0);
	say_on(&w, &e, 5);
	refused(&w, &e, e.index - 1, RELAY_DROP_SRTP_REPLAY);
	refused(&w, &e, e.index - 20, RELAY_DROP_SRTP_REPLAY);
}

static void crypto_that_comes_and_goes(void **state)
{
	struct world w;
	struct end e = start(&w, 100);
	struct stream plain = e.s;
	say_on(&w, &e, 5);
	edit(&w, 0)->in.suite = FLOW_SUITE_NONE;
	update(&w);
	plain.seq = (u16)e.index;
	assert_int_equal(talk(&w, 0, &plain), RELAY_FORWARD);
	rekey_in(&w, 1, 0);
	assert_int_equal(talk(&w, 0, &plain), RELAY_DROP);
	refused(&w, &e, e.index - 1, RELAY_DROP_SRTP_REPLAY);
	say_on(&w, &e, 5);

	/* What was held of RTP is not relayed when its side has SRTP meanwhile. */
	world_init(&w);
	struct stream s = e.s;
	talk_on(&w, 0, &s, 6);
	assert_int_equal(w.n_held[0][0], 6);
	set_key(&edit(&w, 0)->in, 1, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	update(&w);
	assert_false(source_holds(&rtp_dir(&w, 0)->src));
	pass(&w, 400);
	assert_int_equal(w.sent[0][0], 0);
	assert_int_equal(rtp_dir(&w, 0)->dropped, 6);
}

/* Seven SSRCs, one after the other: those that gave way do not come back under this key. */
static void ssrcs_give_way_for_good(void **state)
{
	struct world w;
	struct end e = start(&w, 100);
	u32 first = e.s.ssrc;
	for (unsigned i = 1; i < 7; i++) {
		struct end f = e;
		f.s.ssrc = first + i;
		pass(&w, 15000);
		assert_int_equal(say(&w, &f), RELAY_DROP); /* the first of two */
		assert_int_equal(w.drop, RELAY_DROP_SSRC);
		assert_int_equal(say(&w, &f), RELAY_FORWARD);
		e.index = e.index + 10;
		pass(&w, 20);
		e.s.ssrc = first; /* it is heard all the time, and so it stays */
		say(&w, &e);
		assert_int_equal(w.drop, RELAY_DROP_SSRC);
	}
	say(&w, &e);
	assert_int_equal(w.action, RELAY_FORWARD);
	e.s.ssrc = first + 1;
	refused(&w, &e, 101, RELAY_DROP_SRTP_SSRC);
	refused(&w, &e, 9999, RELAY_DROP_SRTP_SSRC);
	e.s.ssrc = first + 6;
	refused(&w, &e, e.index - 11, RELAY_DROP_SRTP_REPLAY);
	rekey_in(&w, 2, 0);
	e.key.number = 2;
	e.s.ssrc = first + 1;
	e.index = 500;
	pass(&w, 60000);
	say(&w, &e);
	assert_int_equal(w.drop, RELAY_DROP_SSRC); /* the source learning's only */
	assert_int_equal(say(&w, &e), RELAY_FORWARD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_is_estimated),
		cmocka_unit_test(losses_and_wraps),
		cmocka_unit_test(nothing_is_taken_twice),
		cmocka_unit_test(the_window_is_128),
		cmocka_unit_test(what_is_not_authentic_changes_nothing),
		cmocka_unit_test(no_rtp_in_place_of_srtp),
		cmocka_unit_test(two_in_a_burst),
		cmocka_unit_test(every_suite_and_an_mki),
		cmocka_unit_test(make_before_break),
		cmocka_unit_test(roc_restarts_or_is_kept),
		cmocka_unit_test(a_key_comes_back),
		cmocka_unit_test(crypto_that_comes_and_goes),
		cmocka_unit_test(ssrcs_give_way_for_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
