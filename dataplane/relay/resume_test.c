/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* An engine that starts anew: what the one before told, and where the next one goes on. */
#include "relay/unit_test.h"
#include "relay/seal_test.h"

static void start_anew(struct world *w, u64 now)
{
	memset(w->srtp, 0, sizeof(w->srtp));
	memset(&w->f, 0, sizeof(w->f));
	world_start(w);
	w->now = now;
	for (unsigned i = 0; i < 4; i++)
		relay_dir_resume(&w->f.dir[i / 2][i % 2], w->now);
}

static void tells_at_least_every(void **state)
{
	struct call c;
	struct end e = phone_end(2);
	begin(&c, 1);
	u8 *tell[2] = { &c.w.srtp[0][0].tell, &c.w.srtp[1][0].tell };
	struct flow_resume r;
	assert_true(*tell[0]); /* the first packet */
	assert_true(relay_resume_state(rtp_dir(&c.w, 0), false, &r));
	assert_int_equal(r.has, FLOW_RESUME_IN);
	assert_true(r.in_ssrc == 0xaaaa0001 && r.in_index == 1);
	assert_false(*tell[0]);
	assert_false(relay_resume_state(rtp_dir(&c.w, 0), true, &r)); /* side 1 has no SRTP */
	heard(&c, 0);
	assert_true(*tell[1]);
	assert_true(relay_resume_state(rtp_dir(&c.w, 1), true, &r));
	assert_int_equal(r.has, FLOW_RESUME_OUT);
	assert_true(r.out_ssrc == 0xbbbb0001 && r.out_index == 1 && !r.out_shift);
	for (unsigned i = 1; i < FLOW_INDEX_EVERY; i++) {
		say(&c.w, &e);
		talk(&c.w, 1, &c.b);
		assert_false(*tell[0] || *tell[1]);
	}
	say(&c.w, &e);
	talk(&c.w, 1, &c.b);
	assert_true(*tell[0] && *tell[1]);
	for (unsigned i = 0; i < 2; i++)
		relay_resume_state(rtp_dir(&c.w, i), i, &r);
	hear(&c.w, &c.ear);
	c.b.seq -= 1000; /* the shift changes */
	not_sealed(&c, RELAY_DROP_SRTP_REUSE);
	heard(&c, 0);
	assert_true(*tell[1]);
	relay_resume_state(rtp_dir(&c.w, 1), true, &r);
	assert_int_equal(r.out_shift, 999);
}

/* What an engine told some thousand packets ago is all that the next one has. */
static void goes_on_where_the_old_one_was(void **state)
{
	for (unsigned shifted = 0; shifted < 2; shifted++) {
		struct call c;
		struct end e = phone_end(64000);
		struct flow_resume in, out, rtcp_in, rtcp_out;
		struct relay_dir *rtcp;
		begin(&c, 64000);
		c.w.srtp[0][0].in.stream[0].at = 0; /* it begins elsewhere */
		say_on(&c.w, &e, 3);
		heard(&c, 0);
		u8 report[8] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };
		struct flow_addr from = c.b.from;
		from.port++;
		for (unsigned i = 0; i < 3; i++) {
			pass(&c.w, 300);
			report_at(&c.w, &e, RELAY_RTCP, 5 + i, false);
			deliver(&c.w, 1, RELAY_RTCP, from, report, 8);
		}
		if (shifted) {
			c.b.seq = 3000;
			not_sealed(&c, RELAY_DROP_SRTP_REUSE);
			heard(&c, 0);
		}
		assert_true(relay_resume_state(rtp_dir(&c.w, 0), false, &in));
		assert_true(relay_resume_state(rtp_dir(&c.w, 1), true, &out));
		rtcp = &c.w.f.dir[0][RELAY_RTCP];
		assert_true(relay_resume_state(rtcp, false, &rtcp_in));
		rtcp = &c.w.f.dir[1][RELAY_RTCP];
		assert_true(relay_resume_state(rtcp, true, &rtcp_out));
		assert_int_equal(rtcp_in.in_rtcp, 7);
		assert_int_equal(rtcp_out.out_rtcp, 3);
		for (unsigned i = 0; i < 4000; i++) {
			say(&c.w, &e);
			talk(&c.w, 1, &c.b);
			hear(&c.w, &c.ear);
		}
		struct end late = e;
		say_on(&c.w, &e, 8);

		struct flow_resume *r = &c.w.rule[0].side[0].resume;
		*r = in;
		r->has |= out.has | rtcp_in.has | rtcp_out.has | FLOW_RESUME_SOURCE;
		r->out_ssrc = out.out_ssrc;
		r->out_index = out.out_index;
		r->out_shift = out.out_shift;
		r->in_rtcp = rtcp_in.in_rtcp;
		r->out_rtcp = rtcp_out.out_rtcp;
		r->source = e.s.from;
		r = &c.w.rule[0].side[1].resume;
		r->has = FLOW_RESUME_SOURCE;
		r->source = c.b.from;
		start_anew(&c.w, c.w.now + 100000);
		assert_int_equal(state_of(&c.w, 0), FLOW_STATE_LOCKED);
		assert_int_equal(state_of(&c.w, 1), FLOW_STATE_LOCKED);
		e.index += 5;
		c.b.seq += 5;
		assert_int_equal(say(&c.w, &e), RELAY_FORWARD);
		assert_int_equal(say(&c.w, &late), RELAY_FORWARD); /* nobody knows */
		heard(&c, 5);
		heard(&c, 0);
		c.b.seq -= 8; /* may have been sealed before */
		not_sealed(&c, RELAY_DROP_SRTP_REUSE);
		c.b.seq += 7;
		heard(&c, 0);
		assert_int_equal(report_at(&c.w, &e, RELAY_RTCP, 7, false), RELAY_DROP);
		assert_int_equal(c.w.drop, RELAY_DROP_SRTP_REPLAY);
		assert_int_equal(report_at(&c.w, &e, RELAY_RTCP, 8, false), RELAY_FORWARD);
		deliver(&c.w, 1, RELAY_RTCP, from, report, 8);
		assert_true(c.w.crypt.is_rtcp && c.w.crypt.index > 3 + 64);
	}
}

/* The source restarted while there was no engine. */
static void a_restart_of_both(void **state)
{
	struct call c;
	begin(&c, 1);
	struct flow_resume *r = &c.w.rule[0].side[0].resume;
	c.w.rule[0].side[0].ssrc_mask = 0x1000000;
	*r = (struct flow_resume){
		.has = FLOW_RESUME_OUT, .out_ssrc = 0xbabb0001, .out_shift = 1, .out_index = 0x2ff00
	};
	start_anew(&c.w, 1000000);
	struct end e = phone_end(1);
	say(&c.w, &e);
	c.b.seq = 60000; /* behind, and far */
	c.ear = (struct ear){ 0x2ff00 + 4000, 0xbabb0001, true };
	talk(&c.w, 1, &c.b);
	assert_true(hear(&c.w, &c.ear) > 0x2ff00 + FLOW_INDEX_EVERY);
	heard(&c, 0);

	/* It did not, and its shift, which is that of its own SSRC, goes on. */
	start_anew(&c.w, 1000000);
	say(&c.w, &e);
	c.b.seq = 0xff10;
	c.ear = (struct ear){ 0x2ff00, 0xbabb0001, true };
	heard(&c, 0x10);
}

static void a_source_that_is_not_eligible_is_not_resumed(void **state)
{
	struct world w;
	memset(&w, 0, sizeof(w));
	world_rule(&w.rule[0]);
	struct flow_resume *r = &w.rule[0].side[0].resume;
	r->has = FLOW_RESUME_SOURCE;
	for (unsigned good = 0; good < 2; good++) {
		r->source = good ? ip4(203, 0, 113, 7, 4711) : ip4(203, 0, 113, 8, 4711);
		world_start(&w);
		relay_dir_resume(rtp_dir(&w, 0), w.now);
		assert_int_equal(state_of(&w, 0), good ? FLOW_STATE_LOCKED : FLOW_STATE_PROBE);
		assert_int_equal(rtp_dir(&w, 1)->to.family, good ? 4 : 0);
	}
	/* Its SSRC is not known: the first packet has it; a rival that goes on with it has not. */
	struct stream s = { r->source, 77, 1, 1, 0 }, foe = s;
	foe.from.port++;
	pass(&w, 500);
	assert_int_equal(talk(&w, 0, &foe), RELAY_DROP);
	struct stream b = carrier();
	talk(&w, 1, &b);
	assert_int_equal(talk(&w, 0, &s), RELAY_FORWARD);
	s.ssrc++;
	assert_int_equal(talk(&w, 0, &s), RELAY_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_at_least_every),
		cmocka_unit_test(goes_on_where_the_old_one_was),
		cmocka_unit_test(a_restart_of_both),
		cmocka_unit_test(a_source_that_is_not_eligible_is_not_resumed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
