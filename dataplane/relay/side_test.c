/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* A side whose address of ours changes: another party has taken the place of the one that was there. */
#include "relay/unit_test.h"

static const u8 report[8] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };

struct call {
	struct world w;
	struct stream a, b, c; /* the phone, the carrier, and who comes in place of the carrier */
};

static void establish(struct call *c)
{
	*c = (struct call){ .a = { ip4(203, 0, 113, 7, 40000), 0xaaaa0001, 1000, 65000, 0 },
			    .b = { ip4(198, 51, 100, 9, 5000), 0xbbbb0001, 7, 7, 0 },
			    .c = { ip4(198, 51, 100, 77, 6000), 0xcccc0001, 9000, 9, 0 } };

	world_init(&c->w);
	for (unsigned i = 0; i < 2; i++)
		c->w.rule[0].side[i].dtmf_in = c->w.rule[0].side[i].dtmf_out = 96;
	world_start(&c->w);
	for (unsigned i = 0; i < 100; i++) {
		talk_on(&c->w, 0, &c->a, 1);
		talk(&c->w, 1, &c->b);
	}
	deliver(&c->w, 1, RELAY_RTCP, ip4(198, 51, 100, 9, 5001), report, 8);
	deliver(&c->w, 0, RELAY_RTCP, ip4(203, 0, 113, 7, 40001), report, 8);
	assert_int_equal(c->w.sent[1][RELAY_RTCP] + c->w.sent[0][RELAY_RTCP], 2);
}

static void replace(struct call *c, u8 mode)
{
	struct flow_side *s = edit(&c->w, 1);

	s->local = ip4(198, 51, 100, 2, 21000); /* another network of ours */
	s->local_rtcp = 21001;
	s->remote = c->c.from;
	s->remote_rtcp = 6001;
	s->mode = mode;
	s->sig = mode == FLOW_MODE_NAT ? c->c.from : (struct flow_addr){ .family = 0 };
	s->sig.port = 0;
	if (mode == FLOW_MODE_NAT)
		s->remote = ip4(10, 9, 9, 9, 6000);
	update(&c->w);
}

static void another_party_takes_over(void **state)
{
	struct call c;
	establish(&c);
	struct flow_stats before, after;
	relay_stats(rtp_dir(&c.w, 1), 0, &before);
	u8 phone = state_of(&c.w, 0);
	replace(&c, FLOW_MODE_STATIC);
	/* The phone's side is what it was, and not one of its packets is lost. */
	assert_int_equal(state_of(&c.w, 0), phone);
	unsigned sent = c.w.sent[0][0];
	talk_on(&c.w, 0, &c.a, 3);
	assert_int_equal(c.w.sent[0][0], sent + 3);
	assert_true(same(&c.w.dst, &c.c.from));
	assert_true(same(&c.w.from, &rule(&c.w)->side[1].local));
	/* Who was there is nobody any more. */
	assert_int_equal(talk(&c.w, 1, &c.b), RELAY_DROP);
	assert_int_equal(c.w.drop, RELAY_DROP_UNLEARNED);
	deliver(&c.w, 1, RELAY_RTCP, ip4(198, 51, 100, 9, 5001), report, 8);
	assert_int_equal(c.w.action, RELAY_DROP);
	/* RTCP to the new one goes where its SDP says. */
	pass(&c.w, 1000);
	deliver(&c.w, 0, RELAY_RTCP, ip4(203, 0, 113, 7, 40001), report, 8);
	assert_int_equal(c.w.dst.port, 6001);
	assert_int_equal(c.w.from.port, 21001);
	assert_true(same_ip(&c.w.from, &rule(&c.w)->side[1].local));
	/* The new one is heard at once, and its stream is counted as another. */
	sent = c.w.sent[1][0];
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(talk(&c.w, 1, &c.c), RELAY_FORWARD);
	assert_int_equal(c.w.dst.port, 40000);
	relay_stats(rtp_dir(&c.w, 1), 0, &after);
	assert_int_equal(after.packets, before.packets + 50);
	assert_int_equal(after.lost, before.lost);
	assert_int_equal(after.ssrc, c.c.ssrc);
	assert_true(after.first_us == before.first_us);
}

/* At the same host, but it is another's RTCP port that was learned. */
static void rtcp_of_who_was_there_is_forgotten(void **state)
{
	struct call c;
	establish(&c);
	deliver(&c.w, 1, RELAY_RTCP, ip4(198, 51, 100, 9, 5555), report, 8);
	pass(&c.w, 16000);
	talk(&c.w, 1, &c.b);
	deliver(&c.w, 1, RELAY_RTCP, ip4(198, 51, 100, 9, 5555), report, 8);
	deliver(&c.w, 0, RELAY_RTCP, ip4(203, 0, 113, 7, 40001), report, 8);
	assert_int_equal(c.w.dst.port, 5555);
	c.c.from = ip4(198, 51, 100, 9, 6000);
	replace(&c, FLOW_MODE_STATIC);
	pass(&c.w, 1000);
	deliver(&c.w, 0, RELAY_RTCP, ip4(203, 0, 113, 7, 40001), report, 8);
	assert_int_equal(c.w.dst.port, 6001);
}

/* Behind a NAT it has to be learned, and until then nobody is sent to. */
static void another_party_is_learned_anew(void **state)
{
	struct call c;
	establish(&c);
	replace(&c, FLOW_MODE_NAT);
	assert_int_equal(talk(&c.w, 0, &c.a), RELAY_DROP);
	assert_int_equal(c.w.drop, RELAY_DROP_NO_DESTINATION);
	deliver(&c.w, 0, RELAY_RTCP, ip4(203, 0, 113, 7, 40001), report, 8);
	assert_int_equal(c.w.action, RELAY_DROP);
	talk_on(&c.w, 1, &c.c, 30);
	assert_int_equal(state_of(&c.w, 1), FLOW_STATE_LOCKED_WEAK);
	assert_int_equal(talk(&c.w, 0, &c.a), RELAY_FORWARD);
	assert_true(same(&c.w.dst, &c.c.from));
}

/* The same party at another port of ours proves itself like anybody. */
static void the_same_party_at_another_port(void **state)
{
	struct call c;
	establish(&c);
	edit(&c.w, 0)->local.port = 22000;
	update(&c.w);
	assert_int_equal(state_of(&c.w, 0), FLOW_STATE_PROBE);
	assert_int_equal(talk(&c.w, 1, &c.b), RELAY_DROP);
	talk_on(&c.w, 0, &c.a, 20);
	assert_int_equal(talk(&c.w, 1, &c.b), RELAY_FORWARD);
	assert_int_equal(c.w.from.port, 22000);
	/* Nothing of this for other changes. */
	edit(&c.w, 0)->local_rtcp = 22001;
	update(&c.w);
	assert_int_equal(state_of(&c.w, 0), FLOW_STATE_LOCKED_WEAK);
}

/* What is held of the old party's media is nobody's. */
static void what_is_held_is_dropped(void **state)
{
	struct call c;
	establish(&c);
	replace(&c, FLOW_MODE_NAT);
	talk_on(&c.w, 1, &c.c, 6);
	assert_int_equal(c.w.action, RELAY_HOLD);
	u64 dropped = rtp_dir(&c.w, 1)->dropped;
	unsigned sent = c.w.sent[1][0];
	edit(&c.w, 1)->local.port = 23000;
	update(&c.w);
	assert_int_equal(rtp_dir(&c.w, 1)->dropped, dropped + 6);
	pass(&c.w, 1000);
	assert_int_equal(c.w.sent[1][0], sent);
}

static void keys_are_for_who_was_there(void **state)
{
	struct call c;
	establish(&c);
	struct stream e = c.b;
	u8 p[32];
	/* The carrier is pressing a key, and keys wait for it. */
	edit(&c.w, 1)->flags |= FLOW_SIDE_DTMF_TELL;
	update(&c.w);
	e.pt = 96;
	write_rtp(p, &e);
	memcpy(p + 12, (u8[]){ 1, 10, 1, 0 }, 4);
	deliver(&c.w, 1, RELAY_RTP, c.b.from, p, 16);
	relay_dtmf(rtp_dir(&c.w, 0), 5, 100, c.w.now);
	relay_dtmf(rtp_dir(&c.w, 1), 6, 100, c.w.now);
	replace(&c, FLOW_MODE_STATIC);
	pass(&c.w, 1000);
	assert_int_equal(c.w.keys, 0);
	assert_int_equal(c.w.made[0], 0);
	assert_int_equal(c.w.made[1], 7); /* the phone is still there, and hears its key */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_party_takes_over),
		cmocka_unit_test(another_party_is_learned_anew),
		cmocka_unit_test(rtcp_of_who_was_there_is_forgotten),
		cmocka_unit_test(the_same_party_at_another_port),
		cmocka_unit_test(what_is_held_is_dropped),
		cmocka_unit_test(keys_are_for_who_was_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
