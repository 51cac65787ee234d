/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Inside RTCP: SSRCs that are masked in every type of packet, lengths, and what reports tell. */
#include "relay/unit_test.h"

#define OWN       0xa1, 0xa2, 0xa3, 0xa4 /* an SSRC of the sender's */
#define PEER      0xb1, 0xb2, 0xb3, 0xb4 /* one of the other side, as the sender knows it */
#define ZERO      0, 0, 0, 0
#define WORD      9, 8, 7, 6
#define BLOCK     PEER, WORD, WORD, WORD, WORD, WORD

#define MASK_OWN  0x01020408u
#define MASK_PEER 0x10204080u

struct call {
	struct world w;
	struct stream a, b;
	struct flow_addr a_rtcp, b_rtcp;
};

/* From side 0: own SSRCs get the mask of side 1, others that of side 0. */
static void start(struct call *c, bool masks)
{
	*c = (struct call){ .a = { ip4(10, 0, 0, 5, 4000), 0xaaaa0001, 1, 1, 0 },
			    .b = { ip4(198, 51, 100, 9, 5000), 0xbbbb0001, 7, 7, 0 },
			    .a_rtcp = ip4(10, 0, 0, 5, 4001),
			    .b_rtcp = ip4(198, 51, 100, 9, 5001) };
	world_rule(&c->w.rule[0]);
	c->w.rule[0].side[0].ssrc_mask = masks ? MASK_PEER : 0;
	c->w.rule[0].side[1].ssrc_mask = masks ? MASK_OWN : 0;
	c->w.rule[0].side[1].clock = 16000;
	world_start(&c->w);
	for (unsigned i = 0; i < 100; i++) {
		talk_on(&c->w, 0, &c->a, 1);
		talk(&c->w, 1, &c->b);
	}
}

static enum relay_action report(struct call *c, unsigned side, const void *p, u32 n)
{
	return deliver(&c->w, side, RELAY_RTCP, side ? c->b_rtcp : c->a_rtcp, p, n);
}

struct sample {
	const char *name;
	u8 p[80];
	u32 n;
};

#define SAMPLE(name, ...)                                                                          \
	{                                                                                          \
		name, { __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ })                               \
	}

static const struct sample samples[] = {
	SAMPLE("SR", 0x81, 200, 0, 12, OWN, WORD, WORD, WORD, WORD, WORD, BLOCK),
	SAMPLE("SR and a profile's extension", 0x80, 200, 0, 7, OWN, WORD, WORD, WORD, WORD, WORD,
	       WORD),
	SAMPLE("RR", 0x82, 201, 0, 13, OWN, BLOCK, BLOCK),
	SAMPLE("RR, padded", 0xa0, 201, 0, 3, OWN, ZERO, 0, 0, 0, 8),
	SAMPLE("SDES", 0x82, 202, 0, 5, OWN, 1, 2, 'a', 'b', 2, 0, 0, 0, OWN, 1, 1, 'c', 0),
	SAMPLE("SDES, whole words", 0x82, 202, 0, 6, OWN, 1, 2, 'a', 'b', ZERO, OWN, 1, 2, 'c', 'd',
	       ZERO),
	SAMPLE("SDES without items", 0x81, 202, 0, 2, OWN, ZERO),
	SAMPLE("SDES without an end", 0x81, 202, 0, 2, OWN, 1, 2, 'a', 'b'),
	SAMPLE("BYE", 0x82, 203, 0, 3, OWN, OWN, 3, 'b', 'y', 'e'),
	SAMPLE("APP", 0x80, 204, 0, 3, OWN, 'n', 'a', 'm', 'e', WORD),
	SAMPLE("NACK", 0x81, 205, 0, 3, OWN, PEER, WORD),
	SAMPLE("TMMBR", 0x83, 205, 0, 6, OWN, ZERO, PEER, WORD, PEER, WORD),
	SAMPLE("TMMBN", 0x84, 205, 0, 4, OWN, ZERO, PEER, WORD),
	SAMPLE("CCFB", 0x8b, 205, 0, 8, OWN, PEER, 0, 1, 0, 3, 1, 1, 2, 2, 3, 3, 0, 0, PEER, 0, 1,
	       0, 0, WORD),
	SAMPLE("PLI", 0x81, 206, 0, 2, OWN, PEER),
	SAMPLE("FIR", 0x84, 206, 0, 6, OWN, ZERO, PEER, WORD, PEER, WORD),
	SAMPLE("TSTR", 0x85, 206, 0, 4, OWN, ZERO, PEER, WORD),
	SAMPLE("TSTN", 0x86, 206, 0, 4, OWN, ZERO, PEER, WORD),
	SAMPLE("VBCM", 0x87, 206, 0, 5, OWN, ZERO, PEER, 1, 96, 0, 2, 5, 6, 0, 0),
	SAMPLE("REMB", 0x8f, 206, 0, 6, OWN, ZERO, 'R', 'E', 'M', 'B', 2, 1, 2, 3, PEER, PEER),
	SAMPLE("AFB", 0x8f, 206, 0, 4, OWN, PEER, 'X', 'E', 'M', 'B', WORD),
	SAMPLE("XR loss", 0x80, 207, 0, 5, OWN, 1, 0, 0, 3, PEER, WORD, WORD),
	SAMPLE("XR times", 0x80, 207, 0, 4, OWN, 3, 0, 0, 2, PEER, WORD),
	SAMPLE("XR reference time", 0x80, 207, 0, 4, OWN, 4, 0, 0, 2, WORD, WORD),
	SAMPLE("XR DLRR", 0x80, 207, 0, 8, OWN, 5, 0, 0, 6, PEER, WORD, WORD, PEER, WORD, WORD),
	SAMPLE("XR summary and VoIP", 0x80, 207, 0, 7, OWN, 6, 0, 0, 2, PEER, WORD, 7, 0, 0, 2,
	       PEER, WORD),
	SAMPLE("XR nobody knows", 0x80, 207, 0, 3, OWN, 200, 0, 0, 1, WORD),
	SAMPLE("old FIR", 0x80, 192, 0, 1, OWN),
	SAMPLE("IJ", 0x81, 195, 0, 1, WORD),
	SAMPLE("TOKEN", 0x80, 210, 0, 2, OWN, WORD),
};

static void put(u8 *p, u32 v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (u8)(v >> (24 - 8 * i));
}

/* What becomes of it: every OWN and PEER is another one, all else is the same. */
static void expect(u8 *p, u32 n, u32 own, u32 peer)
{
	for (u32 i = 0; i + 4 <= n; i += 4) {
		u32 v = (u32)p[i] << 24 | p[i + 1] << 16 | p[i + 2] << 8 | p[i + 3];
		if (v == 0xa1a2a3a4)
			put(p + i, v ^ own);
		else if (v == 0xb1b2b3b4)
			put(p + i, v ^ peer);
	}
}

static void every_ssrc_is_masked(void **state)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		for (unsigned side = 0; side < 2; side++) {
			struct call c;
			u8 p[96], back[96];
			start(&c, true);
			u32 n = samples[i].n;
			memcpy(p, samples[i].p, n);
			if (report(&c, side, p, n) != RELAY_FORWARD)
				fail_msg("%s was refused", samples[i].name);
			expect(p, n, side ? MASK_PEER : MASK_OWN, side ? MASK_OWN : MASK_PEER);
			if (memcmp(p, c.w.out, n) != 0)
				fail_msg("%s", samples[i].name);
			/* In a compound after another one, too. */
			memcpy(back, (u8[8]){ 0x80, 201, 0, 1, OWN }, 8);
			memcpy(back + 8, samples[i].p, n);
			pass(&c.w, 1000);
			assert_int_equal(report(&c, side, back, n + 8), RELAY_FORWARD);
			assert_memory_equal(c.w.out + 8, p, n);
			start(&c, false);
			assert_int_equal(report(&c, side, samples[i].p, n), RELAY_FORWARD);
			assert_memory_equal(c.w.out, samples[i].p, n);
		}
	}
}

/* Whatever its own lengths say: each of them one more or less is refused, or speaks of fewer SSRCs, but never
 * writes what the packet does not have. */
static void lengths_that_lie(void **state)
{
	static const struct {
		const char *name;
		u8 at, value;
	} t[] = {
		{ "SR", 0, 0x82 },
		{ "RR", 0, 0x83 },
		{ "SDES", 0, 0x83 },
		{ "SDES", 9, 20 },
		{ "BYE", 0, 0x84 },
		{ "BYE", 12, 4 },
		{ "CCFB", 15, 40 },
		{ "VBCM", 19, 5 },
		{ "REMB", 16, 3 },
		{ "XR loss", 11, 4 },
		{ "XR loss", 11, 2 },
		{ "XR DLRR", 11, 5 },
		{ "XR nobody knows", 11, 2 },
		{ "RR, padded", 15, 16 },
		{ "RR, padded", 15, 7 },
		{ "XR nobody knows", 8, 6 } /* that has an SSRC, but no room */
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct sample *s = samples;
		while (strcmp(s->name, t[i].name))
			s++;
		struct call c;
		u8 p[80];
		start(&c, true);
		memcpy(p, s->p, sizeof(p));
		p[t[i].at] = t[i].value;
		if (!strcmp(t[i].name, "XR nobody knows") && t[i].value == 6) {
			p[3] = 2;
			p[11] = 0;
			assert_int_equal(report(&c, 0, p, 12), RELAY_DROP);
		} else if (report(&c, 0, p, s->n) != RELAY_DROP) {
			fail_msg("%s %u", t[i].name, t[i].at);
		}
		assert_int_equal(c.w.drop, RELAY_DROP_RTCP_MALFORMED);
	}
	static const u8 shorter[][12] = { { 0x80, 204, 0, 1, OWN }, /* APP without a name */
					  { 0x81, 206, 0, 1, OWN }, /* feedback about nobody */
					  { 0x80, 207, 0, 0, 0x80, 201, 0, 1, OWN },
					  { 0x80, 200, 0, 1, OWN },
					  { 0x84, 206, 0, 2, OWN, PEER } };
	static const u8 n[] = { 8, 8, 12, 8, 12 };
	for (unsigned i = 0; i < 5; i++) {
		struct call c;
		start(&c, false);
		assert_int_equal(report(&c, 0, shorter[i], n[i]),
				 i == 4 ? RELAY_FORWARD : RELAY_DROP);
	}
	struct call c;
	start(&c, false); /* FIR of one word and a half */
	static const u8 fir[] = { 0x84, 206, 0, 3, OWN, ZERO, PEER };
	assert_int_equal(report(&c, 0, fir, sizeof(fir)), RELAY_DROP);
	/* DLRR of one entry and a third */
	static const u8 dlrr[] = { 0x80, 207, 0, 6, OWN, 5, 0, 0, 4, PEER, WORD, WORD, WORD };
	assert_int_equal(report(&c, 0, dlrr, sizeof(dlrr)), RELAY_DROP);
}

static void rtp_is_masked_with_its_csrcs(void **state)
{
	struct call c;
	start(&c, true);
	assert_int_equal(ssrc_of(c.w.out), 0xbbbb0001 ^ MASK_PEER);
	u8 p[32];
	write_rtp(p, &c.a);
	p[0] = 0x82;
	put(p + 12, 0xa1a2a3a4);
	put(p + 16, 0xa1a2a3a4);
	assert_int_equal(deliver(&c.w, 0, RELAY_RTP, c.a.from, p, 32), RELAY_FORWARD);
	put(p + 8, 0xaaaa0001 ^ MASK_OWN);
	expect(p, 20, MASK_OWN, MASK_OWN);
	assert_memory_equal(c.w.out, p, 32);
	struct flow_stats st; /* known by its own name */
	relay_stats(rtp_dir(&c.w, 0), 0, &st);
	assert_int_equal(st.ssrc, 0xaaaa0001);
}

/* ---- what reports tell ---- */

static void sender_report(u8 p[28], u32 mid)
{
	memset(p, 0, 28);
	memcpy(p, (u8[4]){ 0x80, 200, 0, 6 }, 4);
	put(p + 4, 0xbbbb0001);
	put(p + 10, mid);
}

/* From the phone, of what it gets from the carrier. */
static void receiver_report(u8 p[32], u32 ssrc, u32 lsr, u32 dlsr)
{
	memset(p, 0, 32);
	memcpy(p, (u8[4]){ 0x81, 201, 0, 7 }, 4);
	put(p + 4, 0xaaaa0001);
	put(p + 8, ssrc);
	put(p + 12, 64u << 24 | 0xffffff); /* a quarter lately, and one more than was sent */
	put(p + 20, 160);
	put(p + 24, lsr);
	put(p + 28, dlsr);
}

static struct flow_stats facts(struct call *c, unsigned side)
{
	struct flow_stats st;

	relay_stats(&c->w.f.dir[side][RELAY_RTCP], 0, &st);
	return st;
}

static void the_way_there_and_back(void **state)
{
	static const u32 ways[] = { 0, 500, 20000, 150000, 3000000, 29000000 };
	for (unsigned masks = 0; masks < 2; masks++) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			struct call c;
			u8 sr[28], rr[32];
			start(&c, masks);
			c.w.now += (1ull << 32) - 1000; /* the low word of the clock goes round */
			talk(&c.w, 1, &c.b);
			sender_report(sr, 0x12345678);
			assert_int_equal(report(&c, 1, sr, 28), RELAY_FORWARD);
			c.w.now += 2500000 + ways[i];
			u32 ssrc = 0xbbbb0001 ^ (masks ? MASK_PEER : 0);
			receiver_report(rr, ssrc, 0x12345678, 5 * 65536 / 2);
			assert_int_equal(report(&c, 0, rr, 32), RELAY_FORWARD);
			struct flow_stats st = facts(&c, 0);
			assert_in_range(st.rtt_us, ways[i] ? ways[i] - 20 : 1, ways[i] + 20);
			assert_int_equal(st.peer_fraction, 64);
			assert_int_equal(st.peer_lost, -1);
			assert_int_equal(st.peer_jitter_us,
					 10000); /* 160 of the 16 kHz of side 1 */
			st = facts(&c, 1);
			assert_int_equal(st.rtt_us, 0);
			assert_int_equal(st.peer_fraction, 0);
		}
	}
}

static void reports_that_answer_nothing(void **state)
{
	struct call c;
	u8 sr[28], rr[32];
	start(&c, false);
	sender_report(sr, 0x12345678);
	report(&c, 1, sr, 28);
	c.w.now += 1000000;
	receiver_report(rr, 0xbbbb0001, 0, 0); /* it had no report yet */
	report(&c, 0, rr, 32);
	receiver_report(rr, 0xbbbb0001, 0x12345679, 0); /* of another report */
	report(&c, 0, rr, 32);
	receiver_report(rr, 0xbbbb0001, 0x12345678, 2 * 65536); /* later than it came */
	report(&c, 0, rr, 32);
	c.w.now += 31000000;
	receiver_report(rr, 0xbbbb0001, 0x12345678, 0); /* half a minute is no way */
	report(&c, 0, rr, 32);
	assert_int_equal(facts(&c, 0).rtt_us, 0);
	receiver_report(rr, 0xcccc0001, 0x12345678, 31 * 65536);
	rr[12] = 99; /* of a stream that is not relayed */
	assert_int_equal(report(&c, 0, rr, 32), RELAY_FORWARD);
	assert_int_equal(facts(&c, 0).peer_fraction, 64);
}

/* Of the last four reports any may be answered. */
static void four_reports_are_known(void **state)
{
	struct call c;
	u8 sr[28], rr[32];
	start(&c, false);
	for (u32 i = 1; i <= 5; i++) {
		pass(&c.w, 1000);
		sender_report(sr, i);
		assert_int_equal(report(&c, 1, sr, 28), RELAY_FORWARD);
	}
	for (u32 i = 1; i <= 5; i++) {
		pass(&c.w, 1000);
		receiver_report(rr, 0xbbbb0001, i, 0);
		assert_int_equal(report(&c, 0, rr, 32), RELAY_FORWARD);
		assert_int_equal(facts(&c, 0).rtt_us, i == 1 ? 0 : 5000000);
	}
}

/* One that was refused tells nothing. */
static void only_of_what_passed(void **state)
{
	struct call c;
	u8 sr[28], rr[32];
	start(&c, false);
	sender_report(sr, 77);
	c.b_rtcp = c.w.foe;
	assert_int_equal(report(&c, 1, sr, 28), RELAY_DROP);
	c.w.now += 5000;
	receiver_report(rr, 0xbbbb0001, 77, 0);
	c.a_rtcp = c.w.foe;
	assert_int_equal(report(&c, 0, rr, 32), RELAY_DROP);
	assert_int_equal(facts(&c, 0).peer_fraction, 0);
	c.a_rtcp = ip4(10, 0, 0, 5, 4001);
	assert_int_equal(report(&c, 0, rr, 32), RELAY_FORWARD);
	assert_int_equal(facts(&c, 0).rtt_us, 0);
	assert_int_equal(facts(&c, 0).peer_fraction, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ssrc_is_masked),
		cmocka_unit_test(lengths_that_lie),
		cmocka_unit_test(rtp_is_masked_with_its_csrcs),
		cmocka_unit_test(the_way_there_and_back),
		cmocka_unit_test(reports_that_answer_nothing),
		cmocka_unit_test(four_reports_are_known),
		cmocka_unit_test(only_of_what_passed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
