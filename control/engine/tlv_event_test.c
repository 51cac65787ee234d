/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine tells: events, the end of a dump, heads of packets; and keys, both ways. */
#include "engine/tlv_test.h"

static void round_trip_of_an_event(void **state)
{
	for (u32 side = 0; side < 2; side++) {
		struct wire w;
		const char *why;
		struct tlv_event e = { .flow_id = 1ull << 56 | 9,
				       .gen = 3,
				       .event = FLOW_EVENT_LATCHED,
				       .side = side,
				       .source = v6(7, 4000) };
		struct tlv_event g;
		begin(&w);
		tlv_put_event(&w.o, &e);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_event(&m, &g, &why), 0);
		assert_true(g.flow_id == e.flow_id);
		assert_int_equal(g.gen, e.gen);
		assert_int_equal(g.event, e.event);
		assert_int_equal(g.side, side);
		assert_memory_equal(&g.source, &e.source, sizeof(g.source));
	}
}

static void round_trip_of_keys(void **state)
{
	for (u8 digit = 0; digit < 16; digit++) {
		struct tlv_event e = { .flow_id = 7,
				       .gen = 3,
				       .event = FLOW_EVENT_DTMF,
				       .side = digit & 1,
				       .duration_ms = 100u + digit,
				       .digit = digit };
		struct tlv_dtmf d = { 1ull << 60, 1, 70000, digit }, c;
		struct tlv_event g;
		struct wire w;
		const char *why;

		begin(&w);
		tlv_put_event(&w.o, &e);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_event(&m, &g, &why), 0);
		assert_int_equal(g.duration_ms, e.duration_ms);
		assert_int_equal(g.digit, digit);
		begin(&w);
		tlv_put_dtmf(&w.o, &d);
		m = reread(&w);
		assert_int_equal(tlv_get_dtmf(&m, &c, &why), 0);
		assert_true(c.flow_id == d.flow_id && c.side == 1 && c.duration_ms == 70000 &&
			    c.digit == digit);
	}
}

static void key_bounds(void **state)
{
	static const struct {
		struct tlv_dtmf d;
		const char *why;
	} t[] = { { { 0, 0, 1, 0 }, "id" },
		  { { 1, 2, 1, 0 }, "side" },
		  { { 1, 0, 1, 16 }, "digit" } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct tlv_event e = { .flow_id = 1,
				       .event = FLOW_EVENT_DTMF,
				       .digit = t[i].d.digit };
		struct tlv_dtmf d;
		struct wire w;
		const char *why = "";

		begin(&w);
		tlv_put_dtmf(&w.o, &t[i].d);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_dtmf(&m, &d, &why), -EINVAL);
		assert_string_equal(why, t[i].why);
		begin(&w);
		tlv_put_event(&w.o, &e);
		m = reread(&w);
		assert_int_equal(tlv_get_event(&m, &e, &why), e.digit > 15 ? -EINVAL : 0);
	}
	/* No digit at all; no side at all. */
	struct tlv_dtmf d;
	struct wire w;
	const char *why;
	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_ID, 1);
	tlv_put_u32(&w.o, FLOW_A_SIDE, 1);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_dtmf(&m, &d, &why), -EINVAL);
	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_ID, 1);
	tlv_put_u8(&w.o, FLOW_A_DIGIT, 1);
	m = reread(&w);
	assert_int_equal(tlv_get_dtmf(&m, &d, &why), -EINVAL);
}

static void event_bounds(void **state)
{
	static const struct {
		u32 event, side;
		const char *why;
	} t[] = { { 0, 0, "event" }, { FLOW_EVENT_FLOOD + 1, 0, "event" }, { 1, 2, "side" } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct wire w;
		struct tlv_event e;
		const char *why = NULL;
		begin(&w);
		tlv_put_u32(&w.o, FLOW_A_EVENT, t[i].event);
		tlv_put_u32(&w.o, FLOW_A_SIDE, t[i].side);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_event(&m, &e, &why), -EINVAL);
		assert_string_equal(why, t[i].why);
	}
}

static void the_end_of_a_dump(void **state)
{
	struct wire w;
	struct seen s = { 0 }, t = { 0 };

	tlv_out_init(&w.o, w.mem, sizeof(w.mem));
	tlv_begin_done(&w.o, 5);
	tlv_put_u32(&w.o, FLOW_A_STATUS, (u32)-ENOENT);
	tlv_put_str(&w.o, FLOW_A_REASON, "no such flow");
	tlv_put_u64(&w.o, FLOW_A_EPOCH, 1ull << 63);
	size_t nest = tlv_nest_begin(&w.o, FLOW_A_DROPS);
	tlv_put_drop(&w.o, "one", 1, "the first");
	tlv_put_drop(&w.o, "two", 1ull << 33, NULL);
	tlv_nest_end(&w.o, nest);
	nest = tlv_nest_begin(&w.o, FLOW_A_PORTS);
	tlv_put_port(&w.o, "core", "AF_XDP on eth0", "");
	tlv_put_port(&w.o, "edge", "AF_PACKET on eth1", "because");
	tlv_nest_end(&w.o, nest);
	struct tlv_msg m = reread(&w);
	assert_true(m.done);
	assert_int_equal(m.seq, 5);
	assert_int_equal((s32)tlv_u32(&m, FLOW_A_STATUS, 0), -ENOENT);
	assert_string_equal(tlv_str(&m, FLOW_A_REASON), "no such flow");
	assert_null(tlv_str(&m, FLOW_A_NAME));
	assert_true(tlv_u64(&m, FLOW_A_EPOCH, 0) == 1ull << 63);
	assert_int_equal(tlv_u64(&m, FLOW_A_ID, 77), 77);
	assert_int_equal(tlv_u32(&m, FLOW_A_GEN, 78), 78);
	tlv_each_drop(&m, on_drop, &s);
	assert_int_equal(s.n, 2);
	assert_true(s.sum == (1ull << 33) + 1);
	assert_string_equal(s.text, "onetwo");
	tlv_each_port(&m, on_port, &t);
	assert_string_equal(t.text, "coreAF_XDP on eth0edgeAF_PACKET on eth1because");
}

static void a_packet_head(void **state)
{
	struct tlv_frame f = { .time_us = 1ull << 50, .len = 200, .side = 1, .n_head = 40 }, got;
	struct wire w;
	const char *why;

	memset(f.head, 0xa5, f.n_head);
	for (unsigned dropped = 0; dropped < 2; dropped++) {
		f.out = !dropped;
		f.why = dropped ? "rtp_ssrc" : NULL;
		tlv_out_init(&w.o, w.mem, sizeof(w.mem));
		tlv_begin(&w.o, FLOW_CMD_TRACE, NLM_F_MULTI, 7);
		tlv_put_frame(&w.o, &f);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_frame(&m, &got, &why), 0);
		assert_true(got.time_us == f.time_us && got.len == 200 && got.side == 1);
		assert_int_equal(got.out, f.out);
		assert_int_equal(got.n_head, 40);
		assert_memory_equal(got.head, f.head, FLOW_HEAD_MAX);
		if (dropped)
			assert_string_equal(got.why, "rtp_ssrc");
		else
			assert_null(got.why);
	}
	/* What is not there, or too much of it. */
	for (unsigned kind = 0; kind < 4; kind++) {
		tlv_out_init(&w.o, w.mem, sizeof(w.mem));
		tlv_begin(&w.o, FLOW_CMD_TRACE, 0, 7);
		size_t nest = tlv_nest_begin(&w.o, FLOW_A_FRAME);
		u8 head[FLOW_HEAD_MAX + 1] = { 0 };
		if (kind != 0)
			tlv_put_u64(&w.o, FLOW_FRAME_A_TIME, 1);
		tlv_put_u8(&w.o, FLOW_FRAME_A_SIDE, kind == 1 ? 2 : 0);
		tlv_put_u8(&w.o, FLOW_FRAME_A_OUT, 0);
		tlv_put_u32(&w.o, FLOW_FRAME_A_LEN, 60);
		if (kind != 2)
			tlv_put(&w.o, FLOW_FRAME_A_HEAD, head, kind == 3 ? sizeof(head) : 20);
		tlv_nest_end(&w.o, nest);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_frame(&m, &got, &why), -EINVAL);
		static const char *const whys[] = { "time", "side", "head", "head" };
		assert_string_equal(why, whys[kind]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_of_an_event), cmocka_unit_test(event_bounds),
		cmocka_unit_test(round_trip_of_keys),     cmocka_unit_test(key_bounds),
		cmocka_unit_test(the_end_of_a_dump),      cmocka_unit_test(a_packet_head),
	};
	return cmocka_run_group_tests_name("tlv_event", tests, NULL, NULL);
}
