/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Keys (RFC 4733) that are played to a side. */
#include "relay/unit_test.h"

struct call {
	struct world w;
	struct stream a; /* of side 0; keys are played to side 1 */
};

static void begin(struct call *c)
{
	*c = (struct call){ .a = { ip4(203, 0, 113, 7, 4000), 0xaaaa0001, 65530, 65000, 0 } };

	world_init(&c->w);
	c->w.rule[0].side[0].remote = c->a.from;
	c->w.rule[0].side[0].dtmf_in = c->w.rule[0].side[0].dtmf_out = 101;
	c->w.rule[0].side[1].dtmf_in = c->w.rule[0].side[1].dtmf_out = 96;
	world_start(&c->w);
}

static enum relay_played play(struct call *c, u8 key, u32 ms)
{
	return relay_dtmf(rtp_dir(&c->w, 0), key, ms, c->w.now);
}

static bool is_key(const struct world *w)
{
	return w->out_len == RELAY_MADE && (w->out[1] & 127) == 96;
}

static u16 duration_of(const struct world *w)
{
	return (u16)(w->out[14] << 8 | w->out[15]);
}

static bool is_end(const struct world *w)
{
	return w->out[13] >> 7;
}

static void a_key_takes_the_place_of_media(void **state)
{
	struct call c;
	begin(&c);
	talk_on(&c.w, 0, &c.a, 5);
	u16 seq = c.w.seq;
	u32 ts = 0;
	assert_int_equal(play(&c, 11, 100), RELAY_PLAYED);
	for (unsigned i = 1; i <= 7; i++) {
		talk_on(&c.w, 0, &c.a, 1);
		ts = i == 1 ? ts_of(c.w.out) : ts;
		assert_true(is_key(&c.w));
		assert_int_equal(c.w.out[0], 0x80);
		assert_int_equal(c.w.out[1] >> 7, i == 1); /* marker */
		assert_int_equal(seq_of(c.w.out), (u16)(seq + i));
		assert_int_equal(ssrc_of(c.w.out), c.a.ssrc);
		assert_int_equal(ts_of(c.w.out), ts);
		assert_int_equal(ts, 65000 + 160 * 5);
		assert_int_equal(c.w.out[12], 11);
		assert_int_equal(c.w.out[13], i >= 5 ? 0x8a : 0x0a);
		assert_int_equal(duration_of(&c.w), i >= 5 ? 800 : 160 * i);
	}
	for (unsigned i = 8; i < 20; i++) {
		talk_on(&c.w, 0, &c.a, 1);
		assert_int_equal(c.w.out_len, 32);
		assert_int_equal(c.w.octet1, 0);
		assert_int_equal(seq_of(c.w.out), (u16)(seq + i));
		assert_int_equal(ts_of(c.w.out), c.a.ts - 160);
	}
	assert_int_equal(c.w.made[0], 0);
	assert_false(relay_ticking(rtp_dir(&c.w, 0)));
	/* All of them came in, whatever went out. */
	struct flow_stats st;
	relay_stats(rtp_dir(&c.w, 0), 0, &st);
	assert_int_equal(st.packets, 24);
	assert_int_equal(st.lost, 0);
	assert_int_equal(st.jitter_us, 0);
	/* And the way is short again. */
	assert_int_equal(rtp_dir(&c.w, 0)->pt_in, 0);
}

static void keys_come_in_order_and_apart(void **state)
{
	struct call c;
	begin(&c);
	talk_on(&c.w, 0, &c.a, 5);
	for (u8 i = 0; i < RELAY_KEYS; i++)
		assert_int_equal(play(&c, i, 60), RELAY_PLAYED);
	assert_int_equal(play(&c, 0, 60), RELAY_KEYS_FULL);
	u8 want = 0;
	u32 ts = 0;
	u64 over = 0;
	bool in_key = false;
	for (unsigned i = 0; i < 400 && want < RELAY_KEYS; i++) {
		talk_on(&c.w, 0, &c.a, 1);
		if (!is_key(&c.w))
			continue;
		if (!in_key) {
			assert_int_equal(c.w.out[1] >> 7, 1);
			assert_true(!over || c.w.now - over >= 40000);
			assert_true(!ts || ts_of(c.w.out) - ts >= 480 + 320);
			ts = ts_of(c.w.out);
			in_key = true;
		}
		assert_int_equal(c.w.out[12], want);
		if (!is_end(&c.w))
			continue;
		over = c.w.now;
		talk_on(&c.w, 0, &c.a, 1);
		assert_true(is_key(&c.w) && is_end(&c.w));
		talk_on(&c.w, 0, &c.a, 1);
		assert_true(is_key(&c.w) && is_end(&c.w));
		in_key = false;
		want++;
	}
	assert_int_equal(want, RELAY_KEYS);
	talk_on(&c.w, 0, &c.a, 5);
	assert_false(is_key(&c.w));
}

/* With packets every 10 ms the ends are over long before the pause is. */
static void the_pause_is_of_time(void **state)
{
	struct call c;
	begin(&c);
	edit(&c.w, 0)->ptime = 10;
	update(&c.w);
	for (unsigned i = 0; i < 5; i++) {
		pass(&c.w, 10);
		talk(&c.w, 0, &c.a);
	}
	play(&c, 1, 40);
	play(&c, 2, 40);
	u64 over = 0;
	for (unsigned i = 0; i < 50; i++) {
		pass(&c.w, 10);
		talk(&c.w, 0, &c.a);
		if (is_key(&c.w) && c.w.out[12] == 1 && is_end(&c.w) && !over)
			over = c.w.now;
		if (is_key(&c.w) && c.w.out[12] == 2) {
			assert_true(over && c.w.now - over >= 40000);
			return;
		}
	}
	fail();
}

static void lengths_are_bounded(void **state)
{
	static const struct {
		u32 clock, ms, want;
	} t[] = { { 8000, 0, 100 },      { 8000, 1, 40 },
		  { 8000, 8000, 8000 },  { 8000, 4000000000u, 8000 },
		  { 48000, 5000, 1365 }, { 0, 9000, 8000 } };

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct call c;
		begin(&c);
		edit(&c.w, 1)->dtmf_clock = t[i].clock;
		update(&c.w);
		talk_on(&c.w, 0, &c.a, 3);
		play(&c, 1, t[i].ms);
		u64 start = c.w.now;
		u16 last = 0;
		do {
			talk_on(&c.w, 0, &c.a, 1);
			assert_true(is_key(&c.w) && duration_of(&c.w) >= last);
			last = duration_of(&c.w);
		} while (!is_end(&c.w) && c.w.now - start < 10000000);
		assert_int_equal(last, (u64)t[i].want * (t[i].clock ? t[i].clock : 8000) / 1000);
		assert_in_range(c.w.now - start, t[i].want * 1000 - 20000,
				t[i].want * 1000 + 20000);
	}
}

static void refusals(void **state)
{
	struct call c;
	begin(&c);
	assert_int_equal(play(&c, 16, 100), RELAY_NO_EVENTS);
	assert_int_equal(relay_dtmf(&c.w.f.dir[0][RELAY_RTCP], 1, 1, 1), RELAY_NO_EVENTS);
	edit(&c.w, 1)->dtmf_out = FLOW_PT_NONE;
	update(&c.w);
	assert_int_equal(play(&c, 1, 100), RELAY_NO_EVENTS);
	edit(&c.w, 1)->dtmf_out = 96;
	update(&c.w);
	assert_int_equal(play(&c, 1, 100), RELAY_PLAYED);
	/* A change of the rule that takes the events away takes the keys away. */
	edit(&c.w, 1)->dtmf_out = FLOW_PT_NONE;
	update(&c.w);
	assert_false(relay_ticking(rtp_dir(&c.w, 0)));
	(void)edit(&c.w, 1);
	c.w.rule[!(c.w.gen & 1)].kind = FLOW_KIND_RAW;
	c.w.rule[!(c.w.gen & 1)].side[1].dtmf_out = 96;
	update(&c.w);
	assert_int_equal(play(&c, 1, 100), RELAY_NO_EVENTS);
}

/* Time passes; every packet made is looked at. */
static unsigned made_until(struct call *c, unsigned ms, u16 *seq, u32 *ts)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ms; i += 10) {
		unsigned before = c->w.made[0];
		pass(&c->w, 10);
		if (c->w.made[0] == before)
			continue;
		assert_int_equal(c->w.made[0], before + 1);
		*ts = n ? *ts : ts_of(c->w.out);
		assert_true(!*seq || seq_of(c->w.out) == (u16)(*seq + 1));
		assert_int_equal(ts_of(c->w.out), *ts);
		assert_int_equal(c->w.out[1] >> 7, !n);
		*seq = seq_of(c->w.out);
		n++;
	}
	return n;
}

static void a_silent_stream_gets_packets_of_our_own(void **state)
{
	for (unsigned still = 0; still < 2; still++) {
		struct call c;
		begin(&c);
		talk_on(&c.w, 0, &c.a, 5);
		u16 seq = c.w.seq;
		u32 ts = 0, last = c.a.ts - 160;
		pass(&c.w, 1000);
		assert_int_equal(play(&c, 5, 100), RELAY_PLAYED);
		assert_int_equal(made_until(&c, 500, &seq, &ts), 7);
		assert_true(is_end(&c.w) && c.w.out[12] == 5 && duration_of(&c.w) == 800);
		assert_int_equal(ssrc_of(c.w.out), c.a.ssrc);
		assert_int_equal(seq, (u16)(c.a.seq + 6));
		/* Its timestamp is that of the clock, not of the last packet. */
		assert_in_range(ts - last, 8000, 8000 + 320);
		assert_false(play(&c, 6, 100));
		u32 again = 0;
		assert_int_equal(made_until(&c, 500, &seq, &again), 7);
		assert_in_range(again - ts, 4000 - 400, 4000 + 400);
		/* The stream goes on: its clock went on meanwhile, or stood still. */
		if (!still)
			c.a.ts += 2 * 8000;
		for (unsigned i = 1; i < 300; i++) {
			u32 mine = c.a.ts;
			talk_on(&c.w, 0, &c.a, 1);
			assert_int_equal(seq_of(c.w.out), (u16)(seq + i));
			assert_true((s32)(ts_of(c.w.out) - again) > 0);
			if (!still)
				assert_int_equal(ts_of(c.w.out), mine);
			else
				assert_in_range(ts_of(c.w.out) - again, 160 * i, 160 * i + 8000);
		}
		/* Another stream in its place is as it is. */
		c.a.ssrc++;
		talk_on(&c.w, 0, &c.a, 3);
		assert_int_equal(seq_of(c.w.out), (u16)(c.a.seq - 1));
		assert_int_equal(ts_of(c.w.out), c.a.ts - 160);
	}
}

static void media_may_stop_and_come_back_within_a_key(void **state)
{
	struct call c;
	begin(&c);
	talk_on(&c.w, 0, &c.a, 5);
	u16 seq = c.w.seq;
	play(&c, 5, 400);
	talk_on(&c.w, 0, &c.a, 5);
	assert_true(is_key(&c.w));
	u32 ts = ts_of(c.w.out);
	assert_int_equal(seq_of(c.w.out), (u16)(seq + 5));
	pass(&c.w, 140); /* 60 of waiting, and then one every 20 ms */
	unsigned made = c.w.made[0];
	assert_in_range(made, 4, 5);
	assert_int_equal(seq_of(c.w.out), (u16)(seq + 5 + made));
	assert_int_equal(ts_of(c.w.out), ts);
	c.a.ts += 160 * 7;
	u16 last = seq_of(c.w.out);
	bool ended = false;
	for (unsigned i = 1; i < 40; i++) {
		talk_on(&c.w, 0, &c.a, 1);
		/* a packet of ours may have been due just before the first of theirs */
		assert_int_equal(seq_of(c.w.out), (u16)(last + i + c.w.made[0] - made));
		if (is_key(&c.w))
			assert_int_equal(ts_of(c.w.out), ts);
		ended |= is_key(&c.w) && is_end(&c.w) && duration_of(&c.w) == 3200;
	}
	assert_true(ended && !is_key(&c.w));
	assert_in_range(c.w.made[0] - made, 0, 1);
}

/* An early packet may be late: it has the number that it would have had. */
static void late_packets_keep_their_place(void **state)
{
	struct call c;
	begin(&c);
	talk_on(&c.w, 0, &c.a, 5);
	struct stream late = c.a;
	c.a.seq++;
	c.a.ts += 160;
	talk_on(&c.w, 0, &c.a, 1);
	u16 out = seq_of(c.w.out);
	pass(&c.w, 100);
	play(&c, 5, 100);
	pass(&c.w, 300);
	assert_int_equal(c.w.made[0], 7);
	talk(&c.w, 0, &late);
	assert_int_equal(seq_of(c.w.out), (u16)(out - 1));
	talk(&c.w, 0, &c.a);
	assert_int_equal(seq_of(c.w.out), (u16)(out + 8));
}

/* Side 1 is behind a NAT and has sent nothing: nobody knows where it is. */
static void nothing_goes_where_nobody_was_learned(void **state)
{
	struct call c;
	begin(&c);
	struct stream b = { ip4(198, 51, 100, 9, 40001), 0xbbbb0001, 1, 1, 0 };
	c.w.rule[0].side[1].mode = FLOW_MODE_NAT;
	c.w.rule[0].side[1].remote = ip4(10, 1, 1, 1, 5000);
	c.w.rule[0].side[1].sig = ip4(198, 51, 100, 9, 0);
	world_start(&c.w);
	play(&c, 1, 100);
	pass(&c.w, 1000);
	talk_on(&c.w, 0, &c.a, 10);
	assert_int_equal(c.w.made[0] + c.w.sent[0][0], 0);
	assert_int_equal(c.w.drop, RELAY_DROP_NO_DESTINATION);
	/* It is learned in time: the key is played. */
	talk_on(&c.w, 1, &b, 17);
	pass(&c.w, 300);
	assert_int_equal(c.w.made[0], 7);
	assert_true(same(&c.w.dst, &b.from));
	/* Too late: it is forgotten. */
	world_start(&c.w);
	memset(c.w.made, 0, sizeof(c.w.made));
	memset(c.w.order, 0, sizeof(c.w.order));
	play(&c, 1, 100);
	pass(&c.w, 4100);
	assert_false(relay_ticking(rtp_dir(&c.w, 0)));
	talk_on(&c.w, 1, &b, 30);
	pass(&c.w, 200);
	assert_int_equal(c.w.made[0], 0);
}

/* Nothing came from side 0 yet, and side 1's address is good by its SDP. */
static void before_all_media_keys_have_a_stream_of_their_own(void **state)
{
	struct call c;
	begin(&c);
	u16 seq = 0;
	u32 ts = 0, again = 0;
	play(&c, 1, 100);
	assert_int_equal(made_until(&c, 300, &seq, &ts), 7);
	u32 own = ssrc_of(c.w.out);
	assert_true(own && own != c.a.ssrc);
	assert_true(same(&c.w.dst, &c.w.rule[0].side[1].remote));
	play(&c, 2, 100);
	assert_int_equal(made_until(&c, 300, &seq, &again), 7);
	assert_int_equal(ssrc_of(c.w.out), own);
	assert_in_range(again - ts, 2400 - 400, 2400 + 400);
	/* Media begins in the middle of a key: it waits for the end of it. */
	play(&c, 3, 200);
	pass(&c.w, 60);
	seq = seq_of(c.w.out);
	unsigned made = c.w.made[0];
	for (unsigned i = 1; i <= 30; i++) {
		talk_on(&c.w, 0, &c.a, 1);
		if (!is_key(&c.w))
			break;
		assert_int_equal(ssrc_of(c.w.out), own);
		assert_int_equal(seq_of(c.w.out), (u16)(seq + i + c.w.made[0] - made));
		assert_true(i < 15);
	}
	assert_int_equal(ssrc_of(c.w.out), c.a.ssrc);
	assert_int_equal(seq_of(c.w.out), (u16)(c.a.seq - 1));
	assert_int_equal(ts_of(c.w.out), c.a.ts - 160);
	/* Other calls have other numbers. */
	struct call d;
	begin(&d);
	d.w.rule[0].id++;
	play(&d, 1, 100);
	pass(&d.w, 100);
	assert_true(d.w.made[0] && ssrc_of(d.w.out) != own);
}

static void a_key_waits_for_the_end_of_one_that_passes(void **state)
{
	struct call c;
	begin(&c);
	talk_on(&c.w, 0, &c.a, 5);
	struct stream e = c.a;
	u8 p[32];
	e.pt = 101;
	for (unsigned i = 1; i <= 10; i++) {
		pass(&c.w, 20);
		write_rtp(p, &e);
		memcpy(p + 12, (u8[]){ 7, i >= 8 ? 0x8a : 10, 0, (u8)(16 * i) }, 4);
		deliver(&c.w, 0, RELAY_RTP, e.from, p, 16);
		assert_int_equal(c.w.out[12], 7);
		e.seq++;
		if (i == 3)
			play(&c, 9, 100);
		if (i == 8)
			break;
		/* Some send their voice beside it. */
		c.a.seq = e.seq++;
		talk(&c.w, 0, &c.a);
		assert_int_equal(c.w.out_len, 32);
	}
	c.a.seq = e.seq;
	c.a.ts += 2000;
	talk_on(&c.w, 0, &c.a, 1);
	assert_true(is_key(&c.w));
	assert_int_equal(c.w.out[12], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_takes_the_place_of_media),
		cmocka_unit_test(keys_come_in_order_and_apart),
		cmocka_unit_test(the_pause_is_of_time),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(refusals),
		cmocka_unit_test(a_silent_stream_gets_packets_of_our_own),
		cmocka_unit_test(media_may_stop_and_come_back_within_a_key),
		cmocka_unit_test(late_packets_keep_their_place),
		cmocka_unit_test(nothing_goes_where_nobody_was_learned),
		cmocka_unit_test(before_all_media_keys_have_a_stream_of_their_own),
		cmocka_unit_test(a_key_waits_for_the_end_of_one_that_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
