/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Keys (RFC 4733) that come in: told, taken, scaled. */
#include "relay/unit_test.h"

#define EVENT_PT 101

/* A phone and a carrier at the addresses of their SDP, media both ways. */
struct call {
	struct world w;
	struct stream a, b;
};

static struct call call_of(u32 flags)
{
	struct call c = { .a = { ip4(203, 0, 113, 7, 4000), 0xaaaa0001, 65530, 65000, 0 },
			  .b = { ip4(198, 51, 100, 9, 5000), 0xbbbb0001, 500, 1000, 0 } };

	world_init(&c.w);
	c.w.rule[0].side[0].remote = c.a.from;
	c.w.rule[0].side[0].dtmf_in = EVENT_PT;
	c.w.rule[0].side[0].dtmf_out = EVENT_PT;
	c.w.rule[0].side[0].flags = flags;
	c.w.rule[0].side[1].dtmf_out = 96;
	c.w.rule[0].side[1].dtmf_in = 96;
	return c;
}

static void start(struct call *c)
{
	world_start(&c->w);
	talk_on(&c->w, 0, &c->a, 3);
	talk_on(&c->w, 1, &c->b, 3);
}

/* One packet of an event that began at `ts`. The stream's own timestamp stays. */
static enum relay_action event(struct call *c, u8 code, u32 ts, u16 duration, bool end)
{
	struct stream s = c->a;
	u8 p[32];

	s.pt = EVENT_PT;
	s.ts = ts;
	write_rtp(p, &s);
	p[12] = code;
	p[13] = (u8)(end << 7 | 10);
	p[14] = duration >> 8;
	p[15] = (u8)duration;
	c->a.seq++;
	return deliver(&c->w, 0, RELAY_RTP, c->a.from, p, 16);
}

/* A whole key of n packets of 20 ms before its end packets. */
static void press(struct call *c, u8 code, unsigned n, unsigned ends)
{
	u32 ts = c->a.ts;

	for (unsigned i = 1; i <= n; i++) {
		pass(&c->w, 20);
		event(c, code, ts, (u16)(160 * i), false);
	}
	for (unsigned i = 0; i < ends; i++) {
		pass(&c->w, 20);
		event(c, code, ts, (u16)(160 * (n + 1)), true);
	}
	c->a.ts += 160 * (n + 4);
}

static void a_key_is_told_once_at_its_end(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	start(&c);
	unsigned sent = c.w.sent[0][0];
	u32 ts = c.a.ts;
	for (u16 i = 1; i <= 4; i++) {
		pass(&c.w, 20);
		event(&c, 5, ts, i * 160, false);
	}
	assert_int_equal(c.w.keys, 0);
	event(&c, 5, ts, 800, true);
	assert_int_equal(c.w.keys, 1);
	assert_int_equal(c.w.key, 5);
	assert_int_equal(c.w.key_ms, 100);
	assert_int_equal(c.w.key_side, 0);
	pass(&c.w, 20);
	event(&c, 5, ts, 800, true);
	pass(&c.w, 20);
	event(&c, 5, ts, 800, true);
	pass(&c.w, 1000);
	assert_int_equal(c.w.keys, 1);
	assert_false(relay_ticking(rtp_dir(&c.w, 0)));
	/* and it was relayed, with the other side's payload type */
	assert_int_equal(c.w.sent[0][0], sent + 7);
	assert_int_equal(c.w.octet1, 96);
	assert_int_equal(c.w.out[14] << 8 | c.w.out[15], 800);
}

static void every_key_is_one(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	start(&c);
	for (u8 key = 0; key < 16; key++) {
		press(&c, key, key, 3);
		assert_int_equal(c.w.keys, key + 1);
		assert_int_equal(c.w.key, key);
		assert_int_equal(c.w.key_ms, 20 * (key + 1));
		talk_on(&c.w, 0, &c.a, 3);
	}
	/* The same key again, at once. */
	press(&c, 15, 2, 3);
	assert_int_equal(c.w.keys, 17);
	/* What is no key is not told, but relayed: flash. */
	unsigned sent = c.w.sent[0][0];
	press(&c, 16, 2, 3);
	pass(&c.w, 1000);
	assert_int_equal(c.w.keys, 17);
	assert_int_equal(c.w.sent[0][0], sent + 5);
}

static void lost_ends_are_no_matter(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	start(&c);
	/* Silence ends it. */
	press(&c, 1, 4, 0);
	assert_int_equal(c.w.keys, 0);
	pass(&c.w, 180);
	assert_int_equal(c.w.keys, 0);
	pass(&c.w, 40);
	assert_int_equal(c.w.keys, 1);
	assert_int_equal(c.w.key_ms, 80);
	/* The next one ends it, and of that only one packet comes. */
	press(&c, 2, 3, 0);
	press(&c, 3, 0, 1);
	assert_int_equal(c.w.keys, 2);
	assert_int_equal(c.w.key, 2);
	pass(&c.w, 20);
	assert_int_equal(c.w.keys, 3);
	assert_int_equal(c.w.key, 3);
	/* Only the last end packet of one. */
	press(&c, 4, 0, 1);
	assert_int_equal(c.w.keys, 4);
}

static void late_packets_are_not_another_key(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	start(&c);
	u32 ts = c.a.ts;
	press(&c, 1, 4, 1);
	press(&c, 2, 4, 1);
	assert_int_equal(c.w.keys, 2);
	event(&c, 1, ts, 800, true); /* of the first, after the second */
	pass(&c.w, 1000);
	assert_int_equal(c.w.keys, 2);
	/* In the middle of the next one. */
	press(&c, 3, 4, 0);
	event(&c, 1, ts, 800, true);
	event(&c, 3, c.a.ts - 160 * 8, 1600, true);
	pass(&c.w, 1000);
	assert_int_equal(c.w.keys, 3);
	assert_int_equal(c.w.key_ms, 200);
}

static void a_long_key_has_segments(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	start(&c);
	u32 ts = c.a.ts;
	for (u32 at = 400; at <= 65200; at += 400) {
		pass(&c.w, 50);
		event(&c, 7, ts, (u16)at, false);
	}
	ts += 65200;
	event(&c, 7, ts, 400, false);
	pass(&c.w, 50);
	event(&c, 7, ts, 800, true);
	assert_int_equal(c.w.keys, 1);
	assert_int_equal(c.w.key_ms, 66000 / 8);
}

static void taken_keys_leave_no_gap(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE);
	start(&c);
	unsigned sent = c.w.sent[0][0], dropped = (unsigned)rtp_dir(&c.w, 0)->dropped;
	u16 last = c.a.seq - 1;
	press(&c, 9, 4, 3);
	assert_int_equal(c.w.taken[0], 7);
	assert_int_equal(c.w.keys, 1);
	assert_int_equal(c.w.sent[0][0], sent);
	assert_int_equal(rtp_dir(&c.w, 0)->dropped, dropped);
	/* The sequence goes on as if they had never been: the receiver misses nothing. */
	for (unsigned i = 1; i <= 300; i++) {
		assert_int_equal(talk(&c.w, 0, &c.a), RELAY_FORWARD);
		c.w.now += 20000;
		assert_int_equal(seq_of(c.w.out), (u16)(last + i));
	}
	/* Nothing was lost on the way to us either. */
	struct flow_stats st;
	relay_stats(rtp_dir(&c.w, 0), 0, &st);
	assert_int_equal(st.lost, 0);
	/* A late packet from before keeps its place. */
	last = c.a.seq;
	talk(&c.w, 0, &c.a);
	u16 out = seq_of(c.w.out);
	c.a.seq++;
	press(&c, 9, 1, 1);
	u16 on = c.a.seq;
	c.a.seq = last + 1;
	talk(&c.w, 0, &c.a);
	assert_int_equal(seq_of(c.w.out), (u16)(out + 1));
	c.a.seq = on;
	talk(&c.w, 0, &c.a);
	assert_int_equal(seq_of(c.w.out), (u16)(out + 2));
}

static void control_may_hear_what_the_other_side_cannot(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	c.w.rule[0].side[0].n_ptmap = 1; /* no telephone-event over there */
	start(&c);
	unsigned sent = c.w.sent[0][0];
	press(&c, 4, 2, 3);
	assert_int_equal(c.w.keys, 1);
	assert_int_equal(c.w.taken[0], 5);
	assert_int_equal(c.w.sent[0][0], sent);
	/* Flash is for nobody then. */
	event(&c, 16, c.a.ts, 160, false);
	assert_int_equal(c.w.action, RELAY_DROP);
	assert_int_equal(c.w.drop, RELAY_DROP_PAYLOAD_TYPE);
	/* And where nobody wants to be told, all of it is what it always was. */
	struct call d = call_of(0);
	d.w.rule[0].side[0].n_ptmap = 1;
	start(&d);
	press(&d, 4, 2, 3);
	assert_int_equal(d.w.drop, RELAY_DROP_PAYLOAD_TYPE);
	assert_int_equal(d.w.keys + d.w.taken[0], 0);
}

static void strangers_press_no_keys(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE);
	start(&c);
	c.a.from = c.w.foe;
	press(&c, 1, 4, 3);
	c.a.ssrc++;
	c.a.from = ip4(203, 0, 113, 7, 4002); /* eligible, but another one has the place */
	press(&c, 1, 4, 3);
	pass(&c.w, 1000);
	assert_int_equal(c.w.keys, 0);
	assert_int_equal(c.w.taken[0], 0);
}

static void a_short_event_is_none(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	start(&c);
	struct stream s = c.a;
	u8 p[32];
	s.pt = EVENT_PT;
	write_rtp(p, &s);
	for (u32 n = 12; n < 16; n++) {
		assert_int_equal(deliver(&c.w, 0, RELAY_RTP, c.a.from, p, n), RELAY_DROP);
		assert_int_equal(c.w.drop, RELAY_DROP_SHORT);
	}
	assert_int_equal(deliver(&c.w, 0, RELAY_RTP, c.a.from, p, 16), RELAY_FORWARD);
}

/* Keys before the source is known come out of what was held. */
static void keys_of_a_held_stream_are_told(void **state)
{
	struct call c = call_of(FLOW_SIDE_DTMF_TELL);
	c.w.rule[0].side[0].remote = ip4(10, 0, 0, 5, 4000); /* behind a NAT */
	c.a.from.port = 40000;
	world_start(&c.w);
	talk_on(&c.w, 0, &c.a, 4);
	press(&c, 6, 2, 3);
	talk_on(&c.w, 0, &c.a, 12);
	assert_int_equal(state_of(&c.w, 0), FLOW_STATE_LOCKED_WEAK);
	assert_int_equal(c.w.keys, 1);
	assert_int_equal(c.w.key, 6);
	assert_int_equal(c.w.key_ms, 60);
}

static void durations_are_in_the_other_clock(void **state)
{
	static const struct {
		u32 in, out;
		u16 duration, want;
	} t[] = { { 8000, 48000, 800, 4800 },    { 48000, 8000, 4800, 800 },
		  { 8000, 48000, 65535, 65535 }, { 8000, 48000, 10923, 65535 },
		  { 8000, 48000, 10922, 65532 }, { 16000, 8000, 1, 0 },
		  { 0, 16000, 100, 200 },        { 8000, 8000, 777, 777 } };

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct call c = call_of(FLOW_SIDE_DTMF_TELL);
		c.w.rule[0].side[0].dtmf_clock = t[i].in;
		c.w.rule[0].side[1].dtmf_clock = t[i].out;
		start(&c);
		assert_int_equal(event(&c, 8, c.a.ts, t[i].duration, true), RELAY_FORWARD);
		assert_int_equal(c.w.out[14] << 8 | c.w.out[15], t[i].want);
		assert_int_equal(c.w.out[13], 0x8a);
		assert_int_equal(c.w.octet1, 96);
		assert_int_equal(c.w.key_ms, t[i].duration * 1000u / (t[i].in ? t[i].in : 8000));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_told_once_at_its_end),
		cmocka_unit_test(every_key_is_one),
		cmocka_unit_test(lost_ends_are_no_matter),
		cmocka_unit_test(late_packets_are_not_another_key),
		cmocka_unit_test(a_long_key_has_segments),
		cmocka_unit_test(taken_keys_leave_no_gap),
		cmocka_unit_test(control_may_hear_what_the_other_side_cannot),
		cmocka_unit_test(strangers_press_no_keys),
		cmocka_unit_test(a_short_event_is_none),
		cmocka_unit_test(keys_of_a_held_stream_are_told),
		cmocka_unit_test(durations_are_in_the_other_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
