/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Datagrams that are not RTP (UDPTL). */
#include "relay/unit_test.h"

static const u8 fax[] = { 0, 1, 2, 3, 0x80, 0, 7 };

static struct flow_addr fax_phone(u16 port)
{
	return ip4(203, 0, 113, 7, port);
}

static struct flow_addr fax_carrier(void)
{
	return ip4(198, 51, 100, 9, 5000);
}

static enum relay_action say(struct world *w, unsigned side, struct flow_addr from)
{
	return deliver(w, side, RELAY_RTP, from, fax, sizeof(fax));
}

/* The peer of side 0 is behind a NAT, that of side 1 is not. */
static void raw_world(struct world *w)
{
	world_init(w);
	w->rule[0].kind = FLOW_KIND_RAW;
	w->rule[0].side[1].sig = ip4(198, 51, 100, 9, 0);
	world_start(w);
}

static void set_kind(struct world *w, u8 kind)
{
	(void)edit(w, 0);
	w->rule[!(w->gen & 1)].kind = kind;
	update(w);
}

static void passes_as_it_is(void **state)
{
	struct world w;
	raw_world(&w);
	static const u8 odd[][3] = {
		{ 0x80, 200, 1 }, { 0 }, { 22, 254, 253 }, { 0xff, 0xff, 0xff }
	};

	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_FORWARD);
	assert_int_equal(w.notes[SOURCE_LATCHED], 1);
	assert_true(same(&w.dst, &w.rule[0].side[1].remote));
	assert_int_equal(w.out_len, sizeof(fax));
	assert_memory_equal(w.out, fax, sizeof(fax));
	assert_int_equal(say(&w, 1, fax_carrier()), RELAY_FORWARD);
	assert_true(same(&w.dst, &(struct flow_addr){
					 .ip = { 203, 0, 113, 7 }, .port = 40000, .family = 4 }));
	assert_int_equal(w.dscp, 0);
	/* What looks like RTCP, STUN or DTLS is none. */
	for (unsigned i = 0; i < 4; i++)
		for (u32 n = 1; n <= 3; n++) {
			assert_int_equal(deliver(&w, 1, RELAY_RTP, fax_carrier(), odd[i], n),
					 RELAY_FORWARD);
			assert_int_equal(w.out_len, n);
			assert_memory_equal(w.out, odd[i], n);
		}
	assert_int_equal(deliver(&w, 1, RELAY_RTP, fax_carrier(), fax, 0), RELAY_DROP);
	assert_int_equal(deliver(&w, 1, RELAY_RTCP, ip4(198, 51, 100, 9, 5001), fax, 7),
			 RELAY_DROP);
	struct flow_stats st;
	relay_stats(rtp_dir(&w, 1), 0, &st);
	assert_int_equal(st.packets, 13);
	assert_int_equal(st.octets, sizeof(fax) + 4 * 6);
	assert_int_equal(st.dropped, 1);
	assert_int_equal(st.lost, 0);
	assert_true(st.first_us && st.last_us == w.now);
}

static void strangers_get_nothing(void **state)
{
	struct world w;
	raw_world(&w);
	for (unsigned i = 0; i < 400; i++) {
		assert_int_equal(say(&w, 0, w.foe), RELAY_DROP);
		assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
		assert_int_equal(say(&w, 1, w.foe), RELAY_DROP);
		assert_int_equal(say(&w, 1, ip4(198, 51, 100, 9, 5001)), RELAY_DROP); /* static */
		if (i >= 200) {
			say(&w, 0, fax_phone(40000));
			say(&w, 1, fax_carrier());
		}
		pass(&w, 20);
	}
	assert_int_equal(w.bled, 0);
	assert_int_equal(w.sent[0][0], 200);
	assert_int_equal(w.sent[1][0], 200);
	assert_true(same_ip(&rtp_dir(&w, 0)->refused, &w.foe));
	/* Nothing was sent before somebody was there to be sent to. */
	raw_world(&w);
	say(&w, 1, fax_carrier());
	assert_int_equal(w.drop, RELAY_DROP_NO_DESTINATION);
}

static void the_better_rank_wins_in_the_first_second(void **state)
{
	struct world w;
	raw_world(&w);
	edit(&w, 0)->remote = fax_phone(4000); /* the SDP's address, and a neighbour on it */
	update(&w);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_FORWARD); /* rank 1 */
	pass(&w, 500);
	assert_int_equal(say(&w, 0, fax_phone(4000)), RELAY_FORWARD); /* rank 0 */
	pass(&w, 20);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	assert_int_equal(w.notes[SOURCE_LATCHED], 2);
	/* After that second it does not. */
	raw_world(&w);
	edit(&w, 0)->remote = fax_phone(4000);
	update(&w);
	say(&w, 0, fax_phone(40000));
	for (unsigned i = 0; i < 55; i++) {
		pass(&w, 20);
		say(&w, 0, fax_phone(40000));
	}
	assert_int_equal(say(&w, 0, fax_phone(4000)), RELAY_DROP);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_LOCKED);
}

static void silence_lets_another_port_in(void **state)
{
	struct world w;
	raw_world(&w);
	say(&w, 0, fax_phone(40000));
	pass(&w, 1990);
	assert_int_equal(say(&w, 0, fax_phone(40001)), RELAY_DROP);
	pass(&w, 20);
	assert_int_equal(say(&w, 0, fax_phone(40001)), RELAY_FORWARD);
	say(&w, 1, fax_carrier());
	assert_int_equal(w.dst.port, 40001);
	/* Not while on hold. */
	edit(&w, 0)->flags |= FLOW_SIDE_HOLD;
	update(&w);
	pass(&w, 60000);
	assert_int_equal(say(&w, 0, fax_phone(40002)), RELAY_DROP);
	assert_int_equal(say(&w, 0, fax_phone(40001)), RELAY_FORWARD);
	edit(&w, 0)->flags &= ~(u32)FLOW_SIDE_HOLD;
	update(&w);
	/* Not somebody else, and not often. */
	pass(&w, 3000);
	assert_int_equal(say(&w, 0, ip4(203, 0, 113, 8, 40001)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_UNLEARNED);
	for (u16 i = 0; i < 3; i++) {
		assert_int_equal(say(&w, 0, fax_phone(41000 + i)), RELAY_FORWARD);
		pass(&w, 3000);
	}
	assert_int_equal(say(&w, 0, fax_phone(42000)), RELAY_DROP);
	assert_int_equal(state_of(&w, 0), FLOW_STATE_FROZEN);
	pass(&w, 90000);
	assert_int_equal(say(&w, 0, fax_phone(42000)), RELAY_DROP);
	assert_int_equal(say(&w, 0, fax_phone(41002)), RELAY_FORWARD);
}

/* Of two hosts that the ACL allows, another one does not take over, however silent the first is. */
static void another_host_of_the_acl_stays_out(void **state)
{
	struct world w;
	raw_world(&w);
	struct flow_side *s = edit(&w, 1);
	s->acl[0] = ip4(198, 51, 100, 0, 0);
	s->acl[0].len = 24;
	s->n_acl = 1;
	update(&w);
	assert_int_equal(say(&w, 1, ip4(198, 51, 100, 20, 7)),
			 RELAY_DROP); /* nowhere to send yet */
	say(&w, 0, fax_phone(40000));
	assert_int_equal(w.dst.port, 7);
	pass(&w, 5000);
	assert_int_equal(say(&w, 1, ip4(198, 51, 100, 21, 7)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_OTHER_SOURCE);
	/* The SDP's own address does. */
	assert_int_equal(say(&w, 1, fax_carrier()), RELAY_FORWARD);
	say(&w, 0, fax_phone(40000));
	assert_int_equal(w.dst.port, 5000);
}

static void before_the_sdp_nobody_is_believed(void **state)
{
	struct world w;
	raw_world(&w);
	struct flow_addr adv = w.rule[0].side[0].remote;
	w.rule[0].side[0].remote.family = 0;
	world_start(&w);
	for (u64 t = 0; t < SOURCE_GRACE_US + 100000; t += 20000) {
		assert_int_equal(say(&w, 0, fax_phone(6666)), RELAY_DROP);
		assert_int_equal(w.drop, RELAY_DROP_NOT_READY);
		pass(&w, 20);
	}
	edit(&w, 0)->remote = adv;
	update(&w);
	assert_int_equal(say(&w, 0, fax_phone(6666)), RELAY_DROP);
	assert_int_equal(w.drop, RELAY_DROP_POISONED);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_FORWARD);
}

/* A voice call becomes a fax and a voice call again, at the same addresses. */
static void fax_within_a_call(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = { fax_phone(40000), 0xaaaa0001, 1000, 65000, 0 };
	struct stream b = { fax_carrier(), 0xbbbb0001, 1, 1, 0 };
	for (unsigned i = 0; i < 100; i++) {
		talk_on(&w, 0, &a, 1);
		talk(&w, 1, &b);
	}
	unsigned sent = w.sent[0][0], latched = w.notes[SOURCE_LATCHED];
	set_kind(&w, FLOW_KIND_RAW);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_FORWARD);
	assert_int_equal(say(&w, 1, fax_carrier()), RELAY_FORWARD);
	assert_int_equal(w.dst.port, 40000);
	assert_int_equal(say(&w, 0, fax_phone(40001)), RELAY_DROP);
	set_kind(&w, FLOW_KIND_RTP);
	assert_int_equal(talk(&w, 0, &a), RELAY_FORWARD);
	assert_int_equal(talk(&w, 1, &b), RELAY_FORWARD);
	assert_int_equal(w.notes[SOURCE_LATCHED], latched);
	assert_int_equal(w.sent[0][0], sent + 2);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_DROP); /* UDPTL is no RTP */
	/* To another address: what was learned before goes on for at most two seconds. */
	struct flow_side *s = edit(&w, 0);
	s->remote = ip4(10, 0, 0, 6, 4500);
	w.rule[!(w.gen & 1)].kind = FLOW_KIND_RAW;
	update(&w);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_FORWARD);
	pass(&w, 1000);
	assert_int_equal(say(&w, 0, fax_phone(45000)), RELAY_FORWARD);
	assert_int_equal(say(&w, 0, fax_phone(40000)), RELAY_DROP);
	say(&w, 1, fax_carrier());
	assert_int_equal(w.dst.port, 45000);
	/* Also where the engine did not count the time. */
	s = edit(&w, 0);
	s->remote = ip4(10, 0, 0, 7, 4500);
	s->sig = ip4(203, 0, 113, 8, 0);
	update(&w);
	w.now += 2100000;
	assert_int_equal(say(&w, 0, fax_phone(45000)), RELAY_DROP);
	s = edit(&w, 0);
	s->remote.port++;
	update(&w);
	pass(&w, 2100);
	say(&w, 1, fax_carrier());
	assert_int_equal(w.drop, RELAY_DROP_NO_DESTINATION);
}

/* What a voice call holds back is worthless for a fax. */
static void nothing_held_survives_the_change(void **state)
{
	struct world w;
	world_init(&w);
	struct stream a = { fax_phone(40000), 0xaaaa0001, 1000, 65000, 0 };
	talk_on(&w, 0, &a, 6);
	assert_int_equal(w.action, RELAY_HOLD);
	set_kind(&w, FLOW_KIND_RAW);
	memset(w.n_held, 0, sizeof(w.n_held));
	assert_false(relay_ticking(rtp_dir(&w, 0)));
	pass(&w, 1000);
	assert_int_equal(w.notes[SOURCE_LATCHED], 0);
	assert_int_equal(say(&w, 0, fax_phone(40001)), RELAY_FORWARD);
	assert_int_equal(w.sent[0][0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_as_it_is),
		cmocka_unit_test(strangers_get_nothing),
		cmocka_unit_test(the_better_rank_wins_in_the_first_second),
		cmocka_unit_test(silence_lets_another_port_in),
		cmocka_unit_test(another_host_of_the_acl_stays_out),
		cmocka_unit_test(before_the_sdp_nobody_is_believed),
		cmocka_unit_test(fax_within_a_call),
		cmocka_unit_test(nothing_held_survives_the_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
