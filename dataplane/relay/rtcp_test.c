/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/unit_test.h"

static void tick(struct world *w, struct stream *a, struct stream *b)
{
	pass(w, 20);
	talk(w, 0, a);
	talk(w, 1, b);
}

/* SR with one report block, SDES, BYE */
static const u8 compound[] = { 0x81, 200, 0, 12, 1, 2, 3, 4, 0, 0, 0,   0, 0, 0,
			       0,    0,   0, 0,  0, 0, 0, 0, 0, 0, 0,   0, 0, 0, //
			       5,    6,   7, 8,  0, 0, 0, 0, 0, 0, 0,   0, 0, 0,
			       0,    0,   0, 0,  0, 0, 0, 0, 0, 0,         //
			       0x81, 202, 0, 2,  1, 2, 3, 4, 1, 1, 'a', 0, //
			       0x81, 203, 0, 1,  1, 2, 3, 4 };

static enum relay_action rtcp(struct world *w, unsigned side, unsigned component,
			      struct flow_addr from)
{
	return deliver(w, side, component, from, compound, sizeof(compound));
}

/* A call in which both sides were learned; a second has passed since. */
static void start_call(struct world *w, struct stream *a, struct stream *b)
{
	*a = phone();
	*b = carrier();
	for (unsigned i = 0; i < 150; i++)
		tick(w, a, b);
	assert_int_equal(state_of(w, 0), FLOW_STATE_LOCKED);
	assert_int_equal(state_of(w, 1), FLOW_STATE_LOCKED);
}

static struct flow_addr with_port(struct flow_addr a, u16 port)
{
	a.port = port;
	return a;
}

static void rtcp_lengths(void **state)
{
	struct world w;
	struct stream a, b;
	struct flow_addr from = with_port(phone().from, 40001);
	u8 p[sizeof(compound) + 4];

	world_init(&w);
	start_call(&w, &a, &b);
	for (u32 n = 0; n < sizeof(compound); n++) {
		bool whole = n == 52 || n == 64; /* where a packet ends */
		pass(&w, 1000);
		enum relay_action action = deliver(&w, 0, RELAY_RTCP, from, compound, n);
		assert_int_equal(action, whole ? RELAY_FORWARD : RELAY_DROP);
	}
	for (unsigned at = 0; at < 72; at++) {
		memcpy(p, compound, sizeof(compound));
		static const u8 headers[] = { 0, 52, 64 };
		for (unsigned h = 0; h < 3; h++) {
			if (at == headers[h] + 3u || at == headers[h] + 2u) {
				p[at] += 1;
				pass(&w, 1000);
				assert_int_equal(
					deliver(&w, 0, RELAY_RTCP, from, p, sizeof(compound)),
					RELAY_DROP);
				assert_int_equal(w.drop, RELAY_DROP_RTCP_MALFORMED);
			}
		}
	}
	static const struct {
		u8 at, value;
		bool good;
	} t[] = { { 0, 0x82, false },                      /* two report blocks do not fit */
		  { 0, 0x80, true },   { 0, 0xa1, false }, /* padding, not the last */
		  { 52, 0x41, false },                     /* version */
		  { 53, 191, false },  { 53, 224, false },  { 1, 208, true }, { 1, 207, false },
		  { 64, 0x82, false }, { 64, 0xa1, false }, /* padding in place of BYE's SSRC */
		  { 64, 0xa0, true } };
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memcpy(p, compound, sizeof(compound));
		p[t[i].at] = t[i].value;
		pass(&w, 1000);
		assert_int_equal(deliver(&w, 0, RELAY_RTCP, from, p, sizeof(compound)) ==
					 RELAY_FORWARD,
				 t[i].good);
	}
	memcpy(p, compound, sizeof(compound)); /* good padding, but not in the last packet */
	p[0] = 0xa0;
	p[51] = 4;
	assert_int_equal(deliver(&w, 0, RELAY_RTCP, from, p, sizeof(compound)), RELAY_DROP);
	assert_int_equal(deliver(&w, 0, RELAY_RTCP, from, p, 52), RELAY_FORWARD);
	memcpy(p, compound, sizeof(compound));
	p[64] = 0xa1;
	p[67] = 2;
	memcpy(p + 72, (u8[4]){ 0, 0, 0, 4 }, 4);
	pass(&w, 1000);
	assert_int_equal(deliver(&w, 0, RELAY_RTCP, from, p, 76), RELAY_FORWARD);
	for (unsigned bad = 0; bad < 13; bad++) {
		p[75] = (u8)bad;
		pass(&w, 1000);
		assert_int_equal(deliver(&w, 0, RELAY_RTCP, from, p, 76),
				 bad == 4 ? RELAY_FORWARD : RELAY_DROP);
	}
}

static void rtcp_goes_where_the_peer_listens(void **state)
{
	struct world w;
	struct stream a, b;
	world_init(&w);
	struct flow_addr a_rtcp = with_port(phone().from, 40007);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, a_rtcp), RELAY_DROP); /* before the RTP */
	assert_int_equal(w.drop, RELAY_DROP_CANDIDATE);
	start_call(&w, &a, &b);
	/* Nothing seen of the phone's RTCP: the SDP's port at the address of its RTP. */
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5001)), RELAY_FORWARD);
	struct flow_addr want = with_port(a.from, 4001);
	assert_true(same(&w.dst, &want));
	assert_int_equal(w.from.port, 20001);
	/* Then where it came from. */
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, a_rtcp), RELAY_FORWARD);
	want = with_port(b.from, 5001);
	assert_true(same(&w.dst, &want));
	assert_int_equal(w.from.port, 20003);
	assert_int_equal(w.dscp, 46);
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5001)), RELAY_FORWARD);
	assert_true(same(&w.dst, &a_rtcp));
	/* Another port of that address: only once the first is silent. */
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a_rtcp, 666)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	pass(&w, 15000);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a_rtcp, 667)), RELAY_FORWARD);
	struct flow_stats st;
	relay_stats(&w.f.dir[0][RELAY_RTCP], 0, &st);
	assert_int_equal(st.packets, 2);
	assert_int_equal(st.source.port, 667);
	assert_int_equal(st.octets, 2 * sizeof(compound));
	/* Nobody there for RTCP. */
	edit(&w, 1)->remote_rtcp = 0;
	update(&w);
	pass(&w, 1000);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a_rtcp, 667)), RELAY_FORWARD); /* seen */
	edit(&w, 1)->local_rtcp = 0;
	update(&w);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a_rtcp, 667)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_NO_DESTINATION);
}

static void rtcp_follows_the_rtp_to_another_address(void **state)
{
	struct world w;
	struct stream a, b;
	world_init(&w);
	start_call(&w, &a, &b);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a.from, 40001)), RELAY_FORWARD);
	struct stream n = a;
	n.from = ip4(203, 0, 113, 50, 4444);
	edit(&w, 0)->remote = n.from;
	update(&w);
	assert_int_equal(talk(&w, 0, &n), RELAY_FORWARD);
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5001)), RELAY_FORWARD);
	struct flow_addr want = with_port(n.from, 4001);
	assert_true(same(&w.dst, &want));
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a.from, 40001)), RELAY_DROP);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(n.from, 7)), RELAY_FORWARD);
}

static void the_sdps_rtcp_port_is_always_right(void **state)
{
	struct world w;
	struct stream a, b;
	world_init(&w);
	start_call(&w, &a, &b);
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5999)), RELAY_FORWARD);
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5001)), RELAY_FORWARD);
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5999)), RELAY_DROP);
}

static void strangers_rtcp_does_nothing(void **state)
{
	struct world w;
	struct stream a, b;
	world_init(&w);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(rtcp(&w, 0, RELAY_RTCP, w.foe), RELAY_DROP);
	start_call(&w, &a, &b);
	struct relay_dir before = *rtp_dir(&w, 0);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(rtcp(&w, 0, RELAY_RTCP, w.foe), RELAY_DROP);
		assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
		pass(&w, 1);
	}
	/* An eligible address, but not where the RTP comes from. */
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, ip4(10, 0, 0, 5, 4001)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	assert_memory_equal(&before, rtp_dir(&w, 0), sizeof(before));
	assert_int_equal(w.f.dir[0][RELAY_RTCP].src.lock.family, 0);
	assert_true(same(&w.f.dir[0][RELAY_RTCP].refused, &w.foe));
	assert_int_equal(w.sent[0][1], 0);
	assert_int_equal(rtcp(&w, 0, RELAY_RTCP, with_port(a.from, 40001)), RELAY_FORWARD);
}

static void rtcp_is_capped(void **state)
{
	struct world w;
	struct stream a, b;
	world_init(&w);
	start_call(&w, &a, &b);
	struct flow_addr from = with_port(a.from, 40001);
	pass(&w, 5000);
	unsigned first = w.sent[0][1];
	for (unsigned i = 0; i < 10000; i++) { /* 10 s of 1000 a second, no RTP */
		rtcp(&w, 0, RELAY_RTCP, from);
		pass(&w, 1);
	}
	assert_int_equal(w.drop, RELAY_DROP_RTCP_RATE);
	assert_in_range(w.sent[0][1] - first, 50, 55);
	first = w.sent[0][1];
	for (unsigned i = 0; i < 10000; i++) { /* and with 50 RTP a second */
		if (i % 20 == 0)
			talk(&w, 0, &a);
		rtcp(&w, 0, RELAY_RTCP, from);
		pass(&w, 1);
	}
	assert_in_range(w.sent[0][1] - first, 59, 61);
}

static void rtcp_mux_on_one_side(void **state)
{
	struct world w;
	struct stream a, b;
	world_init(&w);
	w.rule[0].side[0].flags = FLOW_SIDE_RTCP_MUX;
	w.rule[0].side[0].local_rtcp = 0;
	w.rule[0].side[0].remote_rtcp = 0;
	world_start(&w);
	start_call(&w, &a, &b);
	unsigned rtp_in = w.sent[0][0];
	/* Muxed RTCP shares the lock: another port is another source. */
	assert_int_equal(rtcp(&w, 0, RELAY_RTP, with_port(a.from, 40001)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	assert_int_equal(rtcp(&w, 0, RELAY_RTP, a.from), RELAY_FORWARD);
	struct flow_addr want = with_port(b.from, 5001);
	assert_true(same(&w.dst, &want));
	assert_int_equal(w.from.port, 20003);
	assert_int_equal(w.sent[0][1], 1);
	assert_int_equal(w.sent[0][0], rtp_in);
	assert_int_equal(w.f.dir[0][RELAY_RTCP].packets_low, 1);
	assert_int_equal(rtp_dir(&w, 0)->packets_low, rtp_in);
	assert_int_equal(rtcp(&w, 0, RELAY_RTP, w.foe), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	/* The other way: out of its own port, into the muxed one. */
	assert_int_equal(rtcp(&w, 1, RELAY_RTCP, with_port(b.from, 5001)), RELAY_FORWARD);
	assert_true(same(&w.dst, &a.from));
	assert_int_equal(w.from.port, 20000);
	/* Not muxed: RTCP on the RTP port is a payload type that nobody negotiated. */
	assert_int_equal(rtcp(&w, 1, RELAY_RTP, b.from), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_PAYLOAD_TYPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rtcp_lengths),
		cmocka_unit_test(rtcp_goes_where_the_peer_listens),
		cmocka_unit_test(rtcp_follows_the_rtp_to_another_address),
		cmocka_unit_test(the_sdps_rtcp_port_is_always_right),
		cmocka_unit_test(strangers_rtcp_does_nothing),
		cmocka_unit_test(rtcp_is_capped),
		cmocka_unit_test(rtcp_mux_on_one_side),
	};
	return cmocka_run_group_tests_name("relay_rtcp", tests, NULL, NULL);
}
