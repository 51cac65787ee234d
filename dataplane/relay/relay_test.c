/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/unit_test.h"

static struct stream foe(const struct world *w)
{
	return (struct stream){ w->foe, w->foe_ssrc, 30000, 65000, 0 };
}

/* One tick of 20 ms of a call under attack: each may be NULL. */
static void tick(struct world *w, struct stream *a, struct stream *b, struct stream *x)
{
	pass(w, 10);
	if (x)
		talk(w, 0, x), talk(w, 1, x);
	pass(w, 10);
	if (a)
		talk(w, 0, a);
	if (b)
		talk(w, 1, b);
}

/* ---- the attack matrix ---- */

static void a_stranger_gets_nothing_in_or_out(void **state)
{
	for (unsigned nat = 0; nat < 2; nat++) {
		struct world w;
		world_init(&w);
		struct stream a = phone(), b = carrier(), x = foe(&w);
		w.rule[0].side[0].mode = nat ? FLOW_MODE_NAT : FLOW_MODE_STATIC;
		if (!nat)
			w.rule[0].side[0].remote = a.from;
		world_start(&w);
		for (unsigned i = 0; i < 50; i++) /* before anyone */
			tick(&w, NULL, NULL, &x);
		assert_int_equal(w.sent[0][0] + w.sent[1][0], 0);
		for (unsigned i = 0; i < 400; i++)
			tick(&w, &a, &b, &x);
		assert_int_equal(w.injected, 0);
		assert_int_equal(w.bled, 0);
		assert_int_equal(w.sent[0][0], 400);
		assert_in_range(w.sent[1][0], 400 - 16, 400);
		assert_int_equal(w.notes[SOURCE_CONFLICT], 0);
	}
}

/* On the phone's public address, spraying since before the SDP. */
static void a_sprayer_on_the_same_address_is_poisoned(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = carrier();
	w.foe = ip4(203, 0, 113, 7, 6666);
	struct stream x = foe(&w);
	struct flow_addr adv = w.rule[0].side[0].remote;
	w.rule[0].side[0].remote.family = 0;
	world_start(&w);
	for (unsigned i = 0; i < SOURCE_GRACE_US / 20000 + 10; i++)
		tick(&w, NULL, &b, &x);
	edit(&w, 0)->remote = adv;
	update(&w);
	for (unsigned i = 0; i < 15; i++)
		tick(&w, NULL, &b, &x);
	for (unsigned i = 0; i < 400; i++)
		tick(&w, &a, &b, &x);
	assert_int_equal(w.injected, 0);
	assert_int_equal(w.bled, 0);
	assert_int_equal(w.sent[0][0], 400);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
}

/* A neighbour behind the same address that starts at `start` ms, the phone at 300 ms. */
static struct world neighbour(unsigned start, u16 port)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = carrier();
	a.from.port = port;
	w.foe = ip4(203, 0, 113, 7, 6666);
	struct stream x = foe(&w);
	for (unsigned ms = 0; ms < 10000; ms += 20)
		tick(&w, ms >= 300 ? &a : NULL, &b, ms >= start ? &x : NULL);
	return w;
}

static void a_neighbour_never_takes_over(void **state)
{
	/* After the lock and the weak second: nothing. */
	struct world w = neighbour(2000, 40000);
	assert_int_equal(w.injected + w.bled, 0);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	/* In the same probe: a conflict, in which nothing was relayed. */
	w = neighbour(320, 40000);
	assert_int_equal(w.injected + w.bled, 0);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_CONFLICT);
	assert_int_equal(w.notes[SOURCE_CONFLICT], 1);
	/* The same, but the NAT kept the port of the SDP: no doubt. */
	w = neighbour(320, 4000);
	assert_int_equal(w.injected + w.bled, 0);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	/* In the weak second: a conflict again. */
	w = neighbour(900, 40000);
	assert_int_equal(w.injected + w.bled, 0);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_CONFLICT);
	/* Before the phone: at most 30 packets, then a conflict, never a lock that stays. */
	w = neighbour(0, 40000);
	assert_in_range(w.injected, 1, 30);
	assert_in_range(w.bled, 0, 30);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_CONFLICT);
}

static void a_moved_phone_is_followed(void **state)
{
	u64 x = 12345;
	for (unsigned trial = 0; trial < 200; trial++) {
		struct world w;
		world_init(&w);
		struct stream a = phone(), b = carrier(), y = foe(&w);
		for (unsigned i = 0; i < 100; i++)
			tick(&w, &a, &b, &y);
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		unsigned quiet = (unsigned)(x >> 33) % 250; /* 0..5 s in packets */
		for (unsigned i = 0; i < quiet; i++)
			tick(&w, NULL, &b, &y);
		a.seq += (u16)quiet;
		a.ts += quiet * 160;
		a.from.port++;
		unsigned before = w.sent[0][0], gap = 0;
		for (; state_of(&w, 0) != FLOW_STATE_LOCKED || !same(&w.dst, &a.from); gap++) {
			tick(&w, &a, &b, &y);
			assert_true(gap * 20 <= 350);
		}
		/* Only what came before the silence was long enough is lost. */
		unsigned lost = gap - (w.sent[0][0] - before);
		assert_true(lost <= (quiet >= 9 ? 0 : 10 - quiet));
		assert_int_equal(w.injected + w.bled, 0);
	}
}

static void reinvites(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = carrier();
	for (unsigned i = 0; i < 100; i++)
		tick(&w, &a, &b, NULL);
	unsigned latched = w.notes[SOURCE_LATCHED];
	/* The same SDP, and hold and resume: nothing is learned again. */
	for (unsigned i = 0; i < 3; i++) {
		edit(&w, 0)->flags ^= i ? FLOW_SIDE_HOLD : 0;
		update(&w);
		for (unsigned j = 0; j < 50; j++)
			tick(&w, i == 1 ? NULL : &a, &b, NULL);
		assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
		assert_true(same(&w.dst, i == 1 ? &a.from : &b.from) || same(&w.dst, &a.from));
	}
	assert_int_equal(w.notes[SOURCE_LATCHED], latched);
	/* A new public address: packets from there pass at once, the old ones for 2 s. */
	struct stream n = a;
	n.from = ip4(203, 0, 113, 50, 4444);
	n.ssrc++;
	struct flow_side *s = edit(&w, 0);
	s->remote = n.from;
	s->sig = n.from;
	s->sig.port = 0;
	update(&w);
	assert_int_equal(talk(&w, 1, &b), RELAY_FORWARD);
	assert_true(same(&w.dst, &n.from));
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_int_equal(talk(&w, 0, &n), RELAY_FORWARD);
	assert_int_equal(talk(&w, 0, &a), RELAY_DROP);
	assert_int_equal(w.notes[SOURCE_LATCHED], latched + 1);
	relay_flow_update(&w.f, rule(&w), w.now); /* the same again */
	assert_int_equal(talk(&w, 0, &n), RELAY_FORWARD);
}

/* ---- payload types, headers, names ---- */

static void payload_types_are_mapped(void **state)
{
	struct world w;
	world_init(&w);
	struct stream b = carrier();
	struct stream a = phone();
	a.from = rule(&w)->side[0].remote;
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	a.pt = 0x80 | 101;
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_int_equal(w.octet1, 0x80 | 96);
	assert_int_equal(w.dscp, 46);
	assert_true(same(&w.from, &rule(&w)->side[1].local));
	assert_true(same(&w.dst, &rule(&w)->side[1].remote));
	a.pt = 101;
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_int_equal(w.octet1, 96);
	a.pt = 0;
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_int_equal(w.octet1, 0);
	for (unsigned pt = 0; pt < 256; pt++) {
		a.pt = (u8)pt;
		bool good = (pt & 127) == 0 || (pt & 127) == 101;
		assert_int_equal(talk(&w, 0, &a), good ? RELAY_FORWARD : RELAY_DROP);
		if (!good)
			assert_int_equal(w.drop, RELAY_DROP_PAYLOAD_TYPE);
	}
	struct stream x = foe(&w);
	x.pt = 77;
	assert_int_equal(talk(&w, 0, &x), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	b.pt = 0x80;
	assert_int_equal(talk(&w, 1, &b), RELAY_FORWARD);
	assert_int_equal(w.dscp, 0);
	a.pt = 0;
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	edit(&w, 0)->ptmap[0][1] = 8;
	w.rule[1].side[0].local.port = 21000;
	w.rule[1].side[1].local.port = 22000;
	w.rule[1].side[1].dscp = 34;
	update(&w);
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_int_equal(w.octet1, 8);
	assert_int_equal(w.from.port, 22000);
	assert_int_equal(w.dscp, 34);
}

/* A packet that cannot be used still says that the peer is there. */
static void any_packet_keeps_the_lock(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), thief;
	for (unsigned i = 0; i < 100; i++)
		tick(&w, &a, NULL, NULL);
	for (unsigned way = 0; way < 2; way++) {
		thief = a;
		thief.from.port++;
		for (unsigned i = 0; i < 50; i++) {
			struct stream odd = a;
			odd.pt = way ? 0 : 77;
			odd.ssrc += way * (i + 5);
			odd.seq += (u16)(100 * i);
			pass(&w, 20);
			assert_int_equal(talk(&w, 0, &odd), RELAY_DROP);
			thief.ts = a.ts + i * 160;
			assert_int_equal(talk(&w, 0, &thief), RELAY_DROP);
		}
	}
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
}

static void a_side_without_a_peer_still_learns(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), b = carrier();
	w.rule[0].side[1].remote.family = 0;
	world_start(&w);
	for (unsigned i = 0; i < 100; i++)
		tick(&w, &a, NULL, NULL);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
	assert_int_equal(w.drop, RELAY_DROP_NO_DESTINATION);
	struct stream thief = a;
	thief.from.port++;
	assert_int_equal(talk(&w, 0, &thief), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	edit(&w, 1)->remote = b.from;
	update(&w);
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_true(same(&w.dst, &b.from));
}

static void what_is_not_media(void **state)
{
	static const struct {
		u8 octet;
		enum relay_action action;
		enum relay_drop drop;
	} t[] = { { 0, RELAY_DROP, RELAY_DROP_NOT_MEDIA },
		  { 22, RELAY_DROP, RELAY_DROP_NOT_MEDIA },
		  { 64, RELAY_DROP, RELAY_DROP_NOT_MEDIA },
		  { 200, RELAY_DROP, RELAY_DROP_VERSION },
		  { 0x8f, RELAY_DROP, RELAY_DROP_SHORT } };
	struct world w;
	world_init(&w);
	u8 p[20] = { 0 };
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		p[0] = t[i].octet;
		assert_int_equal(deliver(&w, 0, RELAY_RTP, w.foe, p, 20), t[i].action);
		assert_int_equal(t[i].action == RELAY_DROP ? w.drop : 0, t[i].drop);
	}
	assert_int_equal(deliver(&w, 0, RELAY_RTP, w.foe, p, 0), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_SHORT);
	p[0] = 0x80;
	assert_int_equal(deliver(&w, 0, RELAY_RTCP, w.foe, p, 20), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_RTCP_MALFORMED);
}

static void drops_have_names(void **state)
{
	for (unsigned i = 0; i < RELAY_DROP_COUNT; i++) {
		assert_true(strlen(relay_drop_name(i)) > 4);
		assert_true(strlen(relay_drop_text(i)) > 10);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(relay_drop_name(i), relay_drop_name(j));
	}
	assert_string_equal(relay_drop_name(RELAY_DROP_COUNT), "?");
	assert_string_equal(relay_drop_text(RELAY_DROP_COUNT), "?");
}

/* Whatever an engine kept, only the stream that was learned goes out. */
static void held_packets_are_judged_again(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = phone(), t = a;
	u8 p[32];
	for (unsigned i = 0; i < 30; i++)
		tick(&w, &a, NULL, NULL);
	struct relay_packet pkt = { p, write_rtp(p, &t), a.from, w.now };
	struct relay_plan plan;
	relay_plan_held(rtp_dir(&w, 0), &pkt, &plan);
	assert_int_equal(plan.action, RELAY_FORWARD);
	pkt.src.port++;
	relay_plan_held(rtp_dir(&w, 0), &pkt, &plan);
	assert_int_equal(plan.drop, RELAY_DROP_OTHER_SOURCE);
	pkt.src.port--;
	pkt.len = 11;
	relay_plan_held(rtp_dir(&w, 0), &pkt, &plan);
	assert_int_equal(plan.drop, RELAY_DROP_SHORT);
	assert_int_equal(plan.action, RELAY_DROP);
	t.ssrc++;
	pkt.len = write_rtp(p, &t);
	relay_plan_held(rtp_dir(&w, 0), &pkt, &plan);
	assert_int_equal(plan.drop, RELAY_DROP_SSRC);
	t.pt = 9;
	write_rtp(p, &t);
	relay_plan_held(rtp_dir(&w, 0), &pkt, &plan);
	assert_int_equal(plan.drop, RELAY_DROP_PAYLOAD_TYPE);
}

/* ---- any packets at all ---- */

static enum relay_action rtcp(struct world *w, unsigned side, unsigned component,
			      struct flow_addr from)
{
	static const u8 report[] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };
	return deliver(w, side, component, from, report, sizeof(report));
}

static u64 next_random(u64 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static struct flow_addr some_addr(const struct world *w, u64 r)
{
	const struct flow_side *s = &rule(w)->side[r & 1];
	struct flow_addr a = r >> 1 & 1 ? s->remote : s->sig;
	switch (r >> 2 & 7) {
	case 0:
		a = w->foe;
		break;
	case 1:
		a.ip[3] ^= 1;
		break;
	case 2:
		a = ip4(100, 64, 3, 3, 1);
		break;
	default:
		break;
	}
	if (r >> 5 & 1)
		a.port = 4000 + (r >> 6 & 1);
	a.family = 4;
	return a;
}

static void change_rule(struct world *w, u64 r)
{
	struct flow_side *s = edit(w, r & 1);
	switch (r >> 1 & 7) {
	case 0:
		s->remote.port ^= 1;
		break;
	case 1:
		s->remote.ip[3] ^= 3;
		break;
	case 2:
		s->flags ^= FLOW_SIDE_HOLD;
		break;
	case 3:
		s->flags ^= FLOW_SIDE_RTCP_MUX;
		break;
	default:
		break;
	}
	update(w);
	w->now += 2000001; /* what was allowed before is over: check_sent() knows one rule back */
	ticks(w);
}

/* check_sent() asserts that no packet of an ineligible source passes and none goes to such. */
static void nothing_passes_that_may_not(void **state)
{
	u64 x = 88172645463325252ull;
	unsigned forwarded = 0, latched = 0, conflicts = 0;
	for (unsigned round = 0; round < 400; round++) {
		struct world w;
		struct stream s[4] = { { .ssrc = 1 }, { .ssrc = 2 }, { .ssrc = 3 }, { .ssrc = 4 } };
		world_init(&w);
		u64 r = next_random(&x);
		for (unsigned i = 0; i < 2; i++) {
			struct flow_side *f = &w.rule[0].side[i];
			f->mode = r >> i & 1;
			f->learn_len = r >> (2 + i) & 1 ? 24 : 0;
			f->sig = r >> (4 + i) & 1 ? f->remote : ip4(203, 0, 113, 7, 0);
			f->sig.port = 0;
			f->acl[0] = ip4(100, 64, 0, 0, 0);
			f->acl[0].len = 10;
			f->n_acl = r >> (6 + i) & 1;
			if (!(r >> (8 + 3 * i) & 7))
				f->remote.family = 0;
		}
		world_start(&w);
		for (unsigned i = 0; i < 500; i++) {
			r = next_random(&x);
			struct stream *t = &s[r & 3];
			unsigned side = (r ^ !(r >> 2 & 31)) & 1;
			pass_us(&w, (r >> 7 & 63) * 200);
			r >>= 16;
			if (!(r & 127))
				t->from = some_addr(&w, r >> 7);
			if (!(r >> 16 & 63))
				t->ssrc = (u32)(r >> 22 & 3);
			if (i % 250 == 200 && round % 4 == 0)
				change_rule(&w, r >> 24);
			if (!t->from.family)
				t->from = some_addr(&w, r >> 7);
			if ((r >> 40 & 15) == 0)
				rtcp(&w, side, r >> 44 & 1, t->from);
			else
				talk(&w, side, t);
		}
		forwarded += w.sent[0][0] + w.sent[1][0];
		latched += w.notes[SOURCE_LATCHED];
		conflicts += w.notes[SOURCE_CONFLICT];
	}
	assert_in_range(forwarded, 20000, 200000);
	assert_in_range(latched, 300, 5000);
	assert_in_range(conflicts, 10, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_gets_nothing_in_or_out),
		cmocka_unit_test(a_sprayer_on_the_same_address_is_poisoned),
		cmocka_unit_test(a_neighbour_never_takes_over),
		cmocka_unit_test(a_moved_phone_is_followed),
		cmocka_unit_test(reinvites),
		cmocka_unit_test(payload_types_are_mapped),
		cmocka_unit_test(any_packet_keeps_the_lock),
		cmocka_unit_test(a_side_without_a_peer_still_learns),
		cmocka_unit_test(what_is_not_media),
		cmocka_unit_test(drops_have_names),
		cmocka_unit_test(held_packets_are_judged_again),
		cmocka_unit_test(nothing_passes_that_may_not),
	};
	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
