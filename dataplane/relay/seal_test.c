/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What leaves as SRTP: no index twice, and a receiver that goes by RFC 3711 opens all of it, whatever the
 * source does. Also SRTCP. */
#include "relay/unit_test.h"
#include "relay/seal_test.h"

static void the_roc_goes_up(void **state)
{
	struct call c;
	begin(&c, 65000);
	for (unsigned i = 0; i < 10000; i++)
		if (i % 1000 == 999)
			heard(&c, 0);
		else
			talk(&c.w, 1, &c.b), hear(&c.w, &c.ear);
	assert_int_equal(c.ear.highest, 65000 + 9999);
	c.b.seq += 2000; /* lost on the way */
	heard(&c, 2000);
}

static void late_ones_are_sealed_once(void **state)
{
	for (u16 from = 65500; from != 100; from += 12) { /* before, over and after the wrap */
		struct call c;
		begin(&c, from);
		for (unsigned i = 0; i < 50; i++)
			heard(&c, 0);
		struct stream late = c.b;
		c.b.seq += 60;
		heard(&c, 60);
		struct stream next = c.b;
		for (unsigned twice = 0; twice < 2; twice++) {
			c.b = late;
			if (twice)
				not_sealed(&c, RELAY_DROP_SRTP_REUSE);
			else
				assert_int_equal(talk(&c.w, 1, &c.b), RELAY_FORWARD);
			if (!twice)
				assert_int_equal(hear(&c.w, &c.ear), from + 50);
		}
		c.b = next;
		heard(&c, 0);
	}
}

/* The source starts again, with the same SSRC, anywhere: one packet is lost, the receiver sees none of it. */
static void a_source_that_starts_again(void **state)
{
	static const s32 jump[] = { -200, -5000, -20000, -32768, 3000, 5000, 30000, 32767 };
	for (size_t i = 0; i < sizeof(jump) / sizeof(jump[0]); i++) {
		struct call c;
		begin(&c, 30000);
		for (unsigned n = 0; n < 50; n++)
			heard(&c, 0);
		for (unsigned again = 0; again < 3; again++) {
			c.b.seq = (u16)(c.b.seq + jump[i]);
			not_sealed(&c, RELAY_DROP_SRTP_REUSE);
			for (unsigned n = 0; n < 200; n++)
				heard(&c, 0);
			c.b.seq += 3;
			heard(&c, 3);
		}
	}
}

/* One packet out of nowhere takes nobody's roll-over counter with it. */
static void a_packet_that_strays(void **state)
{
	struct call c;
	begin(&c, 60000);
	for (unsigned n = 0; n < 50; n++)
		heard(&c, 0);
	u16 seq = c.b.seq;
	for (u32 stray = 3000; stray < 65000; stray += 500) {
		c.b.seq = (u16)(seq + stray);
		not_sealed(&c, RELAY_DROP_SRTP_REUSE);
		c.b.seq = seq++;
		heard(&c, 0);
	}
}

/* The whole burst is planned before any of it passes, and passes before any of it is sealed. */
static void a_restart_within_a_burst(void **state)
{
	struct call c;
	begin(&c, 30000);
	for (unsigned n = 0; n < 50; n++)
		heard(&c, 0);
	struct relay_dir *d = rtp_dir(&c.w, 1);
	struct relay_plan plan[8];
	struct relay_packet pkt[8];
	u8 p[8][PACKET_MAX];
	u64 index[8];
	unsigned n = 0;
	for (unsigned i = 0; i < 8; i++) {
		struct stream s = c.b;
		s.seq = (u16)(i < 3 ? c.b.seq + i : 100 + i);
		pkt[i] = (struct relay_packet){ p[i], write_rtp(p[i], &s), s.from, c.w.now };
		relay_plan(d, d, &pkt[i], &plan[i]);
		assert_int_equal(plan[i].action, RELAY_FORWARD);
		assert_true(plan[i].seal);
	}
	for (unsigned i = 0; i < 8; i++)
		relay_commit(d, &pkt[i], &plan[i]);
	for (unsigned i = 0; i < 8; i++) {
		struct relay_crypt k;
		if (relay_seal(d, &pkt[i], &plan[i], &k))
			index[n++] = k.index;
		else
			assert_int_equal(i, 3); /* the first of the new ones */
	}
	assert_int_equal(n, 7);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(index[i], 30050 + i);
}

/* Source A, B, and A again from where it had never been. */
static void an_ssrc_that_comes_back(void **state)
{
	struct call c;
	begin(&c, 30000);
	edit(&c.w, 0)->ssrc_mask = 0x12345678;
	update(&c.w);
	struct ear ears[2] = { { 0 }, { 0 } };
	for (unsigned turn = 0; turn < 6; turn++) {
		c.b.ssrc = 0xbbbb0001 + turn % 2;
		c.b.seq = (u16)(30000 - turn * 1000);
		pass(&c.w, 15000);
		c.ear = ears[turn % 2];
		if (turn) {
			assert_int_equal(talk(&c.w, 1, &c.b), RELAY_DROP);
			assert_int_equal(c.w.drop, RELAY_DROP_SSRC);
		}
		for (unsigned n = 0; n < 50; n++)
			heard(&c, 0);
		ears[turn % 2] = c.ear;
	}
	struct flow_stats st;
	relay_stats(rtp_dir(&c.w, 1), 0, &st);
	assert_int_equal(st.ssrcs, 5);
}

static void limits(void **state)
{
	struct call c;
	begin(&c, 65530);
	heard(&c, 0);
	c.w.srtp[1][0].out.stream[0].index = c.ear.highest = 0xfffffffffffa;
	for (unsigned n = 0; n < 5; n++)
		heard(&c, 0);
	for (unsigned n = 0; n < 5; n++)
		not_sealed(&c, RELAY_DROP_SRTP_KEY);

	struct end e = phone_end(1);
	struct flow_addr from = c.b.from;
	u8 report[8] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };
	from.port++;
	begin(&c, 1);
	talk(&c.w, 1, &c.b);
	assert_int_equal(report_at(&c.w, &e, RELAY_RTCP, 1, false), RELAY_FORWARD);
	assert_int_equal(deliver(&c.w, 1, RELAY_RTCP, from, report, 8), RELAY_FORWARD);
	c.w.srtp[1][1].out.rtcp = 0x7ffffffe;
	assert_int_equal(deliver(&c.w, 1, RELAY_RTCP, from, report, 8), RELAY_FORWARD);
	assert_int_equal(c.w.crypt.index, 0x7fffffff);
	pass(&c.w, 1000);
	assert_int_equal(deliver(&c.w, 1, RELAY_RTCP, from, report, 8), RELAY_DROP);
	assert_int_equal(c.w.drop, RELAY_DROP_SRTP_KEY);
}

static void no_memory_no_srtp(void **state)
{
	struct call c;
	begin(&c, 1);
	rtp_dir(&c.w, 1)->srtp = NULL;
	not_sealed(&c, RELAY_DROP_SRTP_KEY);
}

/* ---- keys ---- */

static void rekey(struct call *c, u32 number, u32 flags)
{
	struct flow_crypto *k = &edit(&c->w, 0)->out;

	set_key(k, number, FLOW_SUITE_AEAD_AES_128_GCM);
	k->flags = flags;
	update(&c->w);
}

static void another_key(void **state)
{
	for (unsigned keep = 0; keep < 2; keep++) {
		struct call c;
		begin(&c, 65530);
		for (unsigned n = 0; n < 50; n++)
			heard(&c, 0);
		rekey(&c, 2, keep ? FLOW_CRYPTO_KEEP_ROC : 0);
		if (!keep)
			c.ear.any = false;
		heard(&c, 0);
		assert_int_equal(c.ear.highest, keep ? 0x1002c : 0x2c);
	}
}

static void a_key_comes_back_where_it_was(void **state)
{
	struct call c;
	begin(&c, 65530);
	for (unsigned n = 0; n < 50; n++)
		heard(&c, 0);
	struct ear ear = c.ear;
	rekey(&c, 2, 0);
	c.ear.any = false;
	for (unsigned n = 0; n < 10; n++)
		heard(&c, 0);
	rekey(&c, 1, 0);
	c.ear = ear;
	heard(&c, 10); /* those under key 2 it did not hear */
	rekey(&c, 2, 0);
	rekey(&c, 3, 0);
	rekey(&c, 1, 0); /* nobody knows what was sealed with it */
	not_sealed(&c, RELAY_DROP_SRTP_REUSE);
	rekey(&c, 4, 0);
	c.ear.any = false;
	heard(&c, 0);
}

/* Off and on again under the same key. */
static void a_key_that_was_away(void **state)
{
	struct call c;
	begin(&c, 65530);
	for (unsigned n = 0; n < 50; n++)
		heard(&c, 0);
	edit(&c.w, 0)->out.suite = FLOW_SUITE_NONE;
	update(&c.w);
	talk_on(&c.w, 1, &c.b, 5);
	assert_int_equal(c.w.action, RELAY_FORWARD);
	edit(&c.w, 0)->out.suite = FLOW_SUITE_AES_CM_128_HMAC_SHA1_80;
	update(&c.w);
	heard(&c, 5);
}

/* ---- what the relay makes itself ---- */

static void keys_are_sealed(void **state)
{
	struct call c;
	begin(&c, 65500);
	struct flow_side *side = edit(&c.w, 0);
	side->dtmf_out = 96;
	side->ssrc_mask = 0x80000001;
	update(&c.w);
	for (unsigned n = 0; n < 50; n++)
		heard(&c, 0);
	relay_dtmf(rtp_dir(&c.w, 1), 5, 200, c.w.now);
	for (unsigned n = 0; n < 30; n++)
		heard(&c, 0);
	relay_dtmf(rtp_dir(&c.w, 1), 6, 200, c.w.now); /* and while nothing is relayed */
	for (unsigned n = 0; n < 50; n++) {
		unsigned made = c.w.made[1];
		pass(&c.w, 10);
		if (c.w.made[1] > made)
			hear(&c.w, &c.ear);
	}
	assert_true(c.w.made[1] > 8);
	u64 highest = c.ear.highest;
	heard(&c, 0);
	assert_int_equal(highest, 65500 + 80 - 1 + c.w.made[1]);
	struct flow_stats st;
	relay_stats(rtp_dir(&c.w, 1), 0, &st);
	assert_int_equal(st.dropped, 0);
}

static void ssrcs_are_masked(void **state)
{
	struct call c;
	begin(&c, 1);
	edit(&c.w, 0)->ssrc_mask = 0x12345678;
	update(&c.w);
	for (unsigned n = 0; n < 5; n++)
		heard(&c, 0);
	assert_int_equal(ssrc_of(c.w.wire), 0xbbbb0001 ^ 0x12345678);
	assert_int_equal(c.w.crypt.ssrc, 0xbbbb0001 ^ 0x12345678);
	c.b.seq = 40000;
	not_sealed(&c, RELAY_DROP_SRTP_REUSE);
	heard(&c, 0);
}

/* ---- SRTCP ---- */

static void one_counter_for_all_ssrcs(void **state)
{
	struct call c;
	begin(&c, 1);
	talk(&c.w, 1, &c.b);
	for (u8 mux = 0; mux < 2; mux++) {
		edit(&c.w, 1)->flags = mux ? FLOW_SIDE_RTCP_MUX : 0;
		update(&c.w);
		for (u8 i = 1; i < 6; i++) {
			u8 report[8] = { 0x80, 201, 0, 1, 1, 2, 3, i };
			struct flow_addr from = c.b.from;
			from.port += !mux;
			pass(&c.w, 300);
			assert_int_equal(
				deliver(&c.w, 1, mux ? RELAY_RTP : RELAY_RTCP, from, report, 8),
				RELAY_FORWARD);
			assert_int_equal(c.w.crypt.index, mux * 5 + i);
			assert_int_equal(c.w.crypt.ssrc, 0x01020300 + i);
			assert_int_equal(c.w.crypt.clear, 8);
			assert_true(c.w.crypt.is_rtcp);
		}
	}
}

/* SRTCP on the port of SRTP, RTCP on its own on the other side, and back. */
static void mux_with_srtcp(void **state)
{
	struct call c;
	struct end e = phone_end(1);
	begin(&c, 1);
	edit(&c.w, 0)->flags = FLOW_SIDE_RTCP_MUX;
	update(&c.w);
	talk(&c.w, 1, &c.b);
	assert_int_equal(report_at(&c.w, &e, RELAY_RTP, 7, false), RELAY_FORWARD);
	struct flow_addr want = ip4(198, 51, 100, 9, 5001);
	assert_true(same(&c.w.dst, &want));
	assert_int_equal(c.w.from.port, 20003);
	pass(&c.w, 500);
	assert_int_equal(report_at(&c.w, &e, RELAY_RTP, 7, false), RELAY_DROP);
	assert_int_equal(c.w.drop, RELAY_DROP_SRTP_REPLAY);
	struct flow_stats st;
	relay_stats(&c.w.f.dir[0][RELAY_RTCP], 0, &st);
	assert_int_equal(st.packets, 1);
	assert_int_equal(st.replayed, 1);
	u8 report[8] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };
	assert_int_equal(deliver(&c.w, 1, RELAY_RTCP, want, report, 8), RELAY_FORWARD);
	assert_true(same(&c.w.dst, &e.s.from));
	assert_int_equal(c.w.from.port, 20000);
	assert_int_equal(c.w.wire_len, 8 + 4 + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_roc_goes_up),
		cmocka_unit_test(late_ones_are_sealed_once),
		cmocka_unit_test(a_source_that_starts_again),
		cmocka_unit_test(a_packet_that_strays),
		cmocka_unit_test(a_restart_within_a_burst),
		cmocka_unit_test(an_ssrc_that_comes_back),
		cmocka_unit_test(limits),
		cmocka_unit_test(no_memory_no_srtp),
		cmocka_unit_test(another_key),
		cmocka_unit_test(a_key_comes_back_where_it_was),
		cmocka_unit_test(a_key_that_was_away),
		cmocka_unit_test(keys_are_sealed),
		cmocka_unit_test(ssrcs_are_masked),
		cmocka_unit_test(one_counter_for_all_ssrcs),
		cmocka_unit_test(mux_with_srtcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
