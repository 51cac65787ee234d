/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/test.h"
#include "stats.h"
#include "trace.h"

/* An Ethernet frame with an IPv4 packet of `payload` octets of UDP payload. */
struct made {
	struct rte_mbuf m;
	u8 data[1600];
	struct relay_dir dir, mate;
	struct flow rule;
};

static u8 *payload_of(struct made *x)
{
	return x->data + 14 + 20 + 8;
}

static void make(struct made *x, u64 id, u32 payload)
{
	memset(x, 0, sizeof(*x));
	x->m.buf_addr = x->data;
	x->m.data_len = x->m.pkt_len = (u16)(14 + 28 + payload);
	x->data[12] = 0x08;
	x->data[14] = 0x45;
	x->data[16] = (u8)((28 + payload) >> 8);
	x->data[17] = (u8)(28 + payload);
	memset(payload_of(x), 0xee, payload);
	x->rule.id = id;
	x->dir.rule = x->mate.rule = &x->rule;
	x->dir.mate = &x->mate;
	x->mate.component = RELAY_RTCP;
}

static void make_rtp(struct made *x, u64 id, u32 payload)
{
	make(x, id, 12 + payload);
	payload_of(x)[0] = 0x80;
	payload_of(x)[1] = 8;
}

static struct trace_frame only(struct trace *t, u64 id)
{
	struct trace_frame *list, f;

	assert_int_equal(trace_collect(&t, 1, id, 10, &list), 1);
	f = *list;
	free(list);
	return f;
}

static void nothing_behind_the_rtp_header_is_kept(void **state)
{
	struct trace *t = trace_new(64);
	struct made x;

	make_rtp(&x, 1, 160);
	trace_in(t, &x.dir, &x.m, 7);
	struct trace_frame f = only(t, 1);
	assert_int_equal(f.len, 28 + 172);
	assert_int_equal(f.n, 28 + 12);
	assert_int_equal(f.at_us, 7);
	assert_int_equal(f.why, TRACE_RELAYED);
	assert_memory_equal(f.head, x.data + 14, 40);

	/* One CSRC and an extension of one word are header too. */
	make_rtp(&x, 2, 160);
	payload_of(&x)[0] = 0x91;
	payload_of(&x)[16 + 2] = 0;
	payload_of(&x)[16 + 3] = 1;
	trace_in(t, &x.dir, &x.m, 7);
	assert_int_equal(only(t, 2).n, 28 + 12 + 4 + 4 + 4);

	/* An extension that says it is longer than the packet. */
	make_rtp(&x, 3, 20);
	payload_of(&x)[0] = 0x90;
	payload_of(&x)[12 + 2] = 0xff;
	trace_in(t, &x.dir, &x.m, 7);
	assert_int_equal(only(t, 3).n, 28 + 32);
	trace_free(t);
}

static void of_rtcp_and_stun_more_is_kept_of_all_else_less(void **state)
{
	static const struct {
		u8 first, second, kind;
		u8 kept;
	} rows[] = {
		{ 0x81, 200, FLOW_KIND_RTP, 96 },  /* SR */
		{ 0x80, 223, FLOW_KIND_RTP, 96 },  /* the last that counts as RTCP */
		{ 0x80, 224, FLOW_KIND_RTP, 40 },  /* PT 96 with the marker */
		{ 0x00, 0x01, FLOW_KIND_RTP, 96 }, /* STUN */
		{ 0x16, 0xfe, FLOW_KIND_RTP, 96 }, /* DTLS */
		{ 0xff, 0xff, FLOW_KIND_RTP, 40 }, /* whatever it is */
		{ 0x00, 0x01, FLOW_KIND_RAW, 30 }, /* UDPTL: its sequence number */
	};
	struct trace *t = trace_new(64);
	struct made x;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(&x, 10 + i, 300);
		payload_of(&x)[0] = rows[i].first;
		payload_of(&x)[1] = rows[i].second;
		x.rule.kind = rows[i].kind;
		trace_in(t, &x.dir, &x.m, 1);
		assert_int_equal(only(t, 10 + i).n, rows[i].kept);
	}
	trace_free(t);
}

static void frames_that_are_odd_do_no_harm(void **state)
{
	struct trace *t = trace_new(64);
	struct made x;
	struct trace_frame *list;

	make_rtp(&x, 1, 4);
	x.m.data_len = 14 + 19; /* no IP header */
	trace_in(t, &x.dir, &x.m, 1);
	assert_int_equal(trace_collect(&t, 1, 1, 10, &list), 0);
	for (u16 n = 14 + 20; n < 14 + 28 + 16; n++) { /* cut at any place */
		make_rtp(&x, n, 4);
		x.m.data_len = n;
		trace_in(t, &x.dir, &x.m, 1);
		assert_true(only(t, n).n <= n - 14);
	}
	/* Ethernet pads what is short; a VLAN tag comes first. */
	make_rtp(&x, 1, 0);
	x.m.data_len = 14 + 60;
	trace_in(t, &x.dir, &x.m, 1);
	assert_int_equal(only(t, 1).len, 40);
	make_rtp(&x, 2, 0);
	memmove(x.data + 18, x.data + 14, 60);
	x.data[12] = 0x81;
	x.data[13] = 0;
	x.m.data_len += 4;
	trace_in(t, &x.dir, &x.m, 1);
	assert_int_equal(only(t, 2).head[0], 0x45);
	assert_int_equal(only(t, 2).len, 40);
	/* IPv6 */
	make(&x, 3, 0);
	x.data[14] = 0x60;
	x.data[18] = 0;
	x.data[19] = 8 + 172;
	x.m.data_len = 14 + 40 + 8 + 172;
	x.data[14 + 48] = 0x80;
	x.data[14 + 49] = 0;
	trace_in(t, &x.dir, &x.m, 1);
	assert_int_equal(only(t, 3).len, 40 + 8 + 172);
	assert_int_equal(only(t, 3).n, 40 + 8 + 12);
	trace_free(t);
}

static void which_packets_are_due(void **state)
{
	struct made x;
	unsigned n = 0;

	make_rtp(&x, 1, 160);
	assert_true(trace_due(&x.dir, false)); /* the first */
	x.dir.rtp.started = 1;
	for (u32 i = 1; i < 64 * 100; i++) {
		x.dir.rtp.received = i;
		n += trace_due(&x.dir, false);
	}
	assert_int_equal(n, 15 + 99);
	x.dir.rtp.received = 17;
	assert_false(trace_due(&x.dir, false));
	x.dir.rtp.started = 2; /* another SSRC begins */
	assert_true(trace_due(&x.dir, false));
	/* RTCP is counted by itself, also on the port of RTP. */
	x.dir.rtp.started = 1;
	assert_true(trace_due(&x.dir, true));
	x.mate.packets_low = 17;
	assert_false(trace_due(&x.dir, true));
	assert_false(trace_due(&x.mate, false));
	x.mate.packets_low = 128;
	assert_true(trace_due(&x.mate, true));
}

static void a_flood_of_drops_keeps_its_place(void **state)
{
	struct trace *t = trace_new(64);
	struct trace_frame *list;
	struct made x, y;

	make_rtp(&x, 1, 160);
	make_rtp(&y, 2, 160);
	for (u64 us = 0; us < 3000000; us += 100) {
		trace_drop(t, &x.dir, &x.m, us, RELAY_DROP_UNLEARNED);
		if (us % 1000000 == 999900)
			trace_drop(t, &y.dir, &y.m, us, RELAY_DROP_SSRC);
	}
	/* What is dropped on its way out counts among them; what leaves does not. */
	struct trace_tag tag = trace_tag(&x.dir);
	trace_out(t, &tag, &x.m, 2999999, RELAY_DROP_UNLEARNED);
	assert_int_equal(trace_collect(&t, 1, 1, 1000, &list), 3 * TRACE_DROPS);
	assert_int_equal(list[0].why, RELAY_DROP_UNLEARNED);
	free(list);
	assert_int_equal(trace_collect(&t, 1, 2, 1000, &list), 3);
	free(list);
	trace_free(t);
}

static void the_oldest_gives_way_and_order_is_kept(void **state)
{
	struct trace *t[2] = { trace_new(1024), trace_new(1024) }; /* 128 entries each */
	struct trace_frame *list;
	struct made x;

	make_rtp(&x, 5, 160);
	struct trace_tag tag = trace_tag(&x.dir);
	assert_int_equal(tag.side, 1);
	for (u64 i = 0; i < 500; i++) {
		/* what comes in and what goes out at one time */
		trace_in(t[i % 2], &x.dir, &x.m, i / 8);
		trace_out(t[i % 2], &tag, &x.m, i / 8, TRACE_RELAYED);
	}
	int n = trace_collect(t, 2, 5, 1000, &list);
	assert_int_equal(n, 256);
	for (int i = 0; i < n; i++) {
		assert_int_equal(list[i].out, i % 2);
		assert_int_equal(list[i].side, i % 2);
		assert_true(!i || list[i].at_us >= list[i - 1].at_us);
	}
	assert_int_equal(list[n - 1].at_us, 499 / 8);
	free(list);
	n = trace_collect(t, 2, 5, 10, &list);
	assert_int_equal(n, 10);
	assert_int_equal(list[9].at_us, 499 / 8);
	free(list);
	trace_free(t[0]);
	trace_free(t[1]);
}

/* ---- a reader beside the writer ---- */

struct race {
	struct trace *t;
	_Atomic bool stop;
};

static void *write_much(void *arg)
{
	struct race *r = arg;
	struct made x;

	for (u32 i = 0; !atomic_load(&r->stop); i++) {
		make(&x, 1, 100);
		memset(payload_of(&x), (u8)i, 100); /* all octets of an entry belong together */
		payload_of(&x)[0] = 0;
		trace_in(r->t, &x.dir, &x.m, (u8)i);
	}
	return NULL;
}

static void no_torn_entry_is_shown(void **state)
{
	struct race r = { .t = trace_new(1024) };
	pthread_t thread;
	u64 seen = 0;

	assert_int_equal(pthread_create(&thread, NULL, write_much, &r), 0);
	for (int round = 0; round < 10000000 && seen < 500000; round++) {
		struct trace_frame *list;
		int n = trace_collect(&r.t, 1, 1, 1000, &list);
		assert_true(n >= 0);
		for (int i = 0; i < n; i++)
			for (unsigned k = 29; k < FLOW_HEAD_MAX; k++)
				if (list[i].head[k] != (u8)list[i].at_us)
					fail_msg("torn");
		seen += (u64)n;
		free(list);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_true(seen >= 500000);
	trace_free(r.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_behind_the_rtp_header_is_kept),
		cmocka_unit_test(of_rtcp_and_stun_more_is_kept_of_all_else_less),
		cmocka_unit_test(frames_that_are_odd_do_no_harm),
		cmocka_unit_test(which_packets_are_due),
		cmocka_unit_test(a_flood_of_drops_keeps_its_place),
		cmocka_unit_test(the_oldest_gives_way_and_order_is_kept),
		cmocka_unit_test(no_torn_entry_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
