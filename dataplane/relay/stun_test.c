/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* STUN and DTLS on a media port. */
#include "relay/unit_test.h"

static const u8 stun[28] = { 0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3,   4,   5,   6,
			     7, 8, 9, 9, 9,    9,    0x80, 0x22, 0, 4, 'a', 'b', 'c', 'd' };
/* Two plain records, and one as DTLS 1.3 has it. */
static const u8 dtls[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3, 'x', 'y', 'z',
			   21, 0xfe, 0xff, 0, 1, 0, 0, 0, 0, 0, 2, 0, 2, 1,   0 };
static const u8 unified[] = { 0x2c, 0, 1, 0,  16, 1,  2,  3,  4,  5, 6,
			      7,    8, 9, 10, 11, 12, 13, 14, 15, 16 };

static const struct flow_addr *ice_phone(void)
{
	static const struct flow_addr a = { .ip = { 203, 0, 113, 7 }, .port = 4711, .family = 4 };
	return &a;
}

static void start(struct world *w, u32 flags)
{
	memset(w, 0, sizeof(*w));
	world_rule(&w->rule[0]);
	w->rule[0].side[0].flags = w->rule[0].side[1].flags = flags;
	world_start(w);
}

static void give(struct world *w, const void *p, u32 n, enum relay_drop want)
{
	enum relay_action action = deliver(w, 0, RELAY_RTP, *ice_phone(), p, n);

	assert_int_equal(action, want == RELAY_DROP_COUNT ? RELAY_PUNT : RELAY_DROP);
	if (action == RELAY_DROP)
		assert_string_equal(relay_drop_name(w->drop), relay_drop_name(want));
}

static void only_where_control_asked(void **state)
{
	for (u32 flags = 0; flags < 64; flags += FLOW_SIDE_STUN) {
		struct world w;
		start(&w, flags);
		bool s = flags & FLOW_SIDE_STUN, d = flags & FLOW_SIDE_DTLS;
		for (unsigned c = 0; c < 2; c++) {
			assert_int_equal(deliver(&w, 0, c, *ice_phone(), stun, sizeof(stun)),
					 s ? RELAY_PUNT : RELAY_DROP);
			assert_int_equal(deliver(&w, 0, c, *ice_phone(), dtls, sizeof(dtls)),
					 d ? RELAY_PUNT : RELAY_DROP);
			struct flow_stats st;
			relay_stats(&w.f.dir[0][c], 0, &st);
			assert_int_equal(st.dropped, !s + !d);
			if (st.dropped)
				assert_string_equal(st.last_drop, "not_media");
		}
	}
}

static void stun_has_a_form(void **state)
{
	struct world w;
	u8 p[sizeof(stun)];
	start(&w, FLOW_SIDE_STUN);
	give(&w, stun, sizeof(stun), RELAY_DROP_COUNT);
	for (u32 n = 1; n < sizeof(stun); n++)
		give(&w, stun, n, RELAY_DROP_PUNT_MALFORMED);
	for (unsigned i = 2; i < 8; i++) { /* length, cookie */
		memcpy(p, stun, sizeof(p));
		p[i] ^= 4;
		give(&w, p, sizeof(p), RELAY_DROP_PUNT_MALFORMED);
	}
	memcpy(p, stun, sizeof(p));
	p[3] = 6; /* no multiple of four */
	give(&w, p, 26, RELAY_DROP_PUNT_MALFORMED);
	p[3] = 0;
	give(&w, p, 20, RELAY_DROP_COUNT);
}

static void dtls_has_a_form(void **state)
{
	struct world w;
	u8 p[64];
	start(&w, FLOW_SIDE_DTLS);
	give(&w, dtls, sizeof(dtls), RELAY_DROP_COUNT);
	for (u32 n = 1; n < sizeof(dtls); n++)
		give(&w, dtls, n, n == 16 ? RELAY_DROP_COUNT : RELAY_DROP_PUNT_MALFORMED);
	static const u8 must[] = { 1, 2, 11, 12, 17, 18, 27, 28 };
	for (unsigned i = 0; i < sizeof(must); i++) {
		memcpy(p, dtls, sizeof(dtls));
		p[must[i]] ^= 0x41;
		give(&w, p, sizeof(dtls), RELAY_DROP_PUNT_MALFORMED);
	}
	memcpy(p, dtls, sizeof(dtls));
	p[16] = 19; /* the second is no record */
	give(&w, p, sizeof(dtls), RELAY_DROP_PUNT_MALFORMED);
	for (u32 n = 1; n <= sizeof(unified); n++)
		give(&w, unified, n,
		     n == sizeof(unified) ? RELAY_DROP_COUNT : RELAY_DROP_PUNT_MALFORMED);
	memcpy(p, unified, sizeof(unified));
	p[0] |= 0x10; /* a connection ID */
	give(&w, p, sizeof(unified), RELAY_DROP_PUNT_MALFORMED);
	p[0] = 0x20; /* no length, one octet of sequence: to the end */
	give(&w, p, 18, RELAY_DROP_COUNT);
	give(&w, p, 17, RELAY_DROP_PUNT_MALFORMED);
}

static void dtls_only_of_an_eligible_source(void **state)
{
	struct world w;
	start(&w, FLOW_SIDE_DTLS | FLOW_SIDE_STUN);
	assert_int_equal(deliver(&w, 0, RELAY_RTP, w.foe, dtls, sizeof(dtls)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	assert_true(same(&rtp_dir(&w, 0)->refused, &w.foe));
	assert_int_equal(deliver(&w, 0, RELAY_RTCP, w.foe, dtls, sizeof(dtls)), RELAY_DROP);
	assert_int_equal(deliver(&w, 0, RELAY_RTP, w.foe, stun, sizeof(stun)), RELAY_PUNT);
	/* It sprayed long before the SDP was there. */
	source_spray(&rtp_dir(&w, 0)->src, ice_phone(), w.now);
	give(&w, dtls, sizeof(dtls), RELAY_DROP_UNLEARNED);
	struct flow_addr adv = rule(&w)->side[0].remote;
	source_spray(&rtp_dir(&w, 0)->src, &adv, w.now);
	assert_int_equal(deliver(&w, 0, RELAY_RTP, adv, dtls, sizeof(dtls)), RELAY_PUNT);
	assert_int_equal(w.bled + w.injected, 0);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_PROBE); /* they teach nothing */
}

static void fifty_a_second_and_flow(void **state)
{
	struct world w;
	start(&w, FLOW_SIDE_DTLS | FLOW_SIDE_STUN);
	struct flow_addr carrier = rule(&w)->side[1].remote;
	for (unsigned second = 0; second < 3; second++) {
		for (unsigned i = 0; i < 100; i++) { /* strangers leave room */
			assert_int_equal(deliver(&w, 0, RELAY_RTP, w.foe, stun, sizeof(stun)),
					 i < 25 ? RELAY_PUNT : RELAY_DROP);
			w.now += 1000;
		}
		assert_int_equal(w.drop, RELAY_DROP_PUNT_RATE);
		for (unsigned i = 0; i < 100; i++) { /* one bucket for all of a flow */
			unsigned side = i % 2, component = i / 2 % 2;
			assert_int_equal(deliver(&w, side, component, side ? carrier : *ice_phone(),
						 i % 3 ? stun : dtls,
						 i % 3 ? sizeof(stun) : sizeof(dtls)),
					 i < 25 ? RELAY_PUNT : RELAY_DROP);
		}
		w.now += 1000000 - 100000 - 1;
		give(&w, stun, sizeof(stun), RELAY_DROP_PUNT_RATE);
		w.now += 1;
	}
	for (unsigned i = 0; i < 60; i++)
		give(&w, stun, sizeof(stun), i < 50 ? RELAY_DROP_COUNT : RELAY_DROP_PUNT_RATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_where_control_asked),
		cmocka_unit_test(stun_has_a_form),
		cmocka_unit_test(dtls_has_a_form),
		cmocka_unit_test(dtls_only_of_an_eligible_source),
		cmocka_unit_test(fifty_a_second_and_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
