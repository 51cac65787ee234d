/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include "engine/tlv_priv.h"

static struct flow_addr v4(u8 last, u16 port)
{
	return (struct flow_addr){ .ip = { 192, 0, 2, last }, .port = port, .family = 4 };
}

static struct flow_addr v6(u8 last, u16 port)
{
	struct flow_addr a = { .ip = { 0x20, 1, 0xd, 0xb8 }, .port = port, .family = 6 };
	a.ip[15] = last;
	return a;
}

/* Every field differs from its default and from every other. */
static struct flow full_flow(void)
{
	struct flow f;
	struct flow_side *s = &f.side[0], *t = &f.side[1];

	memset(&f, 0, sizeof(f)); /* the padding too: compared as memory */
	f.id = 0x0102030405060708ull;
	f.gen = 7;
	f.idle_ms = 60000;
	f.kind = FLOW_KIND_RAW;
	s->local = v4(1, 20000);
	s->remote = v4(2, 30000);
	s->local_rtcp = 20001;
	s->remote_rtcp = 30001;
	s->sig = v4(3, 0);
	s->clock = 16000;
	s->flags = FLOW_SIDE_HOLD | FLOW_SIDE_RTCP_MUX | FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE |
		   FLOW_SIDE_STUN | FLOW_SIDE_DTLS;
	s->rate = 24001;
	s->burst = 9002;
	s->ssrc_mask = 0x80402010;
	s->n_acl = FLOW_ACL_MAX;
	s->mode = FLOW_MODE_NAT;
	s->learn_len = 24;
	s->ptime = 240;
	s->dscp = 46;
	s->dtmf_in = 101;
	s->dtmf_out = 96;
	s->dtmf_clock = 48000;
	s->n_ptmap = FLOW_PTMAP_MAX;
	for (u8 i = 0; i < FLOW_ACL_MAX; i++) {
		s->acl[i] = i & 1 ? v6(i, 0) : v4(i, 0);
		s->acl[i].len = i & 1 ? 128 - i : 32 - i;
	}
	for (u8 i = 0; i < FLOW_PTMAP_MAX; i++) {
		s->ptmap[i][0] = 127 - i;
		s->ptmap[i][1] = i;
	}
	t->local = v6(4, 1);
	t->remote = v6(5, 65535);
	t->sig = v4(9, 0);
	t->clock = 8000;
	t->ptime = 20;
	t->dtmf_in = t->dtmf_out = FLOW_PT_NONE;
	t->dtmf_clock = 8000;
	return f;
}

static struct flow_stats full_stats(u8 x)
{
	struct flow_stats s;

	memset(&s, 0, sizeof(s)); /* the padding too: compared as memory */
	s.packets = 1ull << 40 | x;
	s.octets = 2ull << 40 | x;
	s.dropped = 3ull << 40 | x;
	s.lost = -5 - x;
	s.first_us = 4ull << 40 | x;
	s.last_us = 5ull << 40 | x;
	s.jitter_us = 600u + x;
	s.ssrc = 0xfffffff0u + x;
	s.state = FLOW_STATE_FROZEN;
	s.source = x & 1 ? v6(x, 700 + x) : v4(x, 700 + x);
	s.refused = x & 1 ? v4(x, 0) : v6(x, 0);
	s.auth_failed = 6ull << 40 | x;
	s.replayed = 7ull << 40 | x;
	s.policed = 8ull << 40 | x;
	s.ssrcs = 900u + x;
	s.rtt_us = 1000u + x;
	s.peer_jitter_us = 1100u + x;
	s.peer_lost = -7 - x;
	s.peer_fraction = 200 + x;
	memcpy(s.last_drop, "rtp_no_destination", 19);
	return s;
}

struct wire {
	u32 mem[4096];
	struct tlv_out o;
};

static void begin(struct wire *w)
{
	tlv_out_init(&w->o, w->mem, sizeof(w->mem));
	tlv_begin(&w->o, FLOW_CMD_SET, NLM_F_ACK, 42);
}

static struct tlv_msg reread(struct wire *w)
{
	struct tlv_msg m;
	assert_int_equal(tlv_end(&w->o), 0);
	const void *p = w->mem;
	size_t n = w->o.n;
	assert_int_equal(tlv_next(&p, &n, &m), 1);
	assert_int_equal(n, 0);
	struct tlv_msg none;
	assert_int_equal(tlv_next(&p, &n, &none), 0);
	return m;
}

static void round_trip_of_a_flow(void **state)
{
	struct wire w;
	struct flow f = full_flow(), g;
	const char *why = NULL;

	begin(&w);
	tlv_put_flow(&w.o, &f);
	struct tlv_msg m = reread(&w);
	assert_int_equal(m.seq, 42);
	assert_int_equal(m.cmd, FLOW_CMD_SET);
	assert_int_equal(m.version, FLOW_VERSION);
	assert_int_equal(m.flags, NLM_F_ACK);
	assert_false(m.done);
	assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
	assert_memory_equal(&f, &g, sizeof(f));
}

static void absent_fields_have_defaults(void **state)
{
	struct wire w;
	struct flow f, g;
	const char *why;

	memset(&f, 0, sizeof(f));
	f.id = 1;
	f.gen = 1;
	for (int i = 0; i < 2; i++) {
		f.side[i].local = v4(1, 5);
		f.side[i].clock = 8000;
		f.side[i].ptime = 20;
		f.side[i].dtmf_in = f.side[i].dtmf_out = FLOW_PT_NONE;
		f.side[i].dtmf_clock = 8000;
	}
	begin(&w);
	tlv_put_flow(&w.o, &f);
	size_t nests = 2 * (4 + 8 + 8 + 8); /* header, address, port, event clock */
	assert_int_equal(w.o.n, 20 + 12 + 8 + 8 + nests);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
	assert_memory_equal(&f, &g, sizeof(f));
}

static void round_trip_of_a_report(void **state)
{
	struct wire w;
	struct tlv_report r, q;
	const char *why;

	memset(&r, 0, sizeof(r));
	r.flow = full_flow();
	r.age_ms = 6ull << 40;
	for (u8 i = 0; i < 2; i++) {
		r.rtp[i] = full_stats(i);
		r.rtcp[i] = full_stats(4 + i);
	}
	begin(&w);
	tlv_put_report(&w.o, &r);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_report(&m, &q, &why), 0);
	assert_memory_equal(&r, &q, sizeof(r));
}

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
		assert_memory_equal(&e, &g, sizeof(e));
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

struct seen {
	unsigned n;
	u64 sum;
	char text[256];
};

static void on_drop(void *arg, const char *name, u64 count, const char *text)
{
	struct seen *s = arg;
	s->n++;
	s->sum += count;
	strncat(s->text, name, sizeof(s->text) - strlen(s->text) - 1);
}

static void on_port(void *arg, const char *network, const char *driver, const char *why)
{
	on_drop(arg, network, 1, "");
	on_drop(arg, driver, 1, "");
	on_drop(arg, why, 1, "");
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
		assert_int_equal(tlv_end(&w.o), 0);
		struct tlv_msg m;
		const void *p = w.o.p;
		size_t n = w.o.n;
		assert_int_equal(tlv_next(&p, &n, &m), 1);
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
		assert_int_equal(tlv_end(&w.o), 0);
		struct tlv_msg m;
		const void *p = w.o.p;
		size_t n = w.o.n;
		assert_int_equal(tlv_next(&p, &n, &m), 1);
		assert_int_equal(tlv_get_frame(&m, &got, &why), -EINVAL);
		static const char *const whys[] = { "time", "side", "head", "head" };
		assert_string_equal(why, whys[kind]);
	}
}

static void full_buffer_takes_the_message_back(void **state)
{
	struct flow f = full_flow(), g;
	struct wire w;

	begin(&w);
	tlv_put_flow(&w.o, &f);
	assert_int_equal(tlv_end(&w.o), 0);
	size_t need = w.o.n;
	for (size_t cap = 0; cap < 2 * need; cap++) {
		/* Exactly as large as said, so that a sanitizer sees one octet too many. */
		void *mem = malloc(cap ? cap : 1);
		tlv_out_init(&w.o, mem, cap);
		unsigned done = 0;
		for (; done < 3; done++) {
			tlv_begin(&w.o, FLOW_CMD_SET, 0, done);
			tlv_put_flow(&w.o, &f);
			size_t nest = tlv_nest_begin(&w.o, FLOW_A_DROPS);
			tlv_nest_end(&w.o, nest);
			if (tlv_end(&w.o) < 0)
				break;
		}
		assert_int_equal(done, cap / (need + 4));
		assert_int_equal(w.o.n, done * (need + 4));
		assert_false(w.o.full);
		const void *p = mem;
		size_t n = w.o.n;
		struct tlv_msg m;
		const char *why;
		while (done--) {
			assert_int_equal(tlv_next(&p, &n, &m), 1);
			assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
		}
		assert_int_equal(n, 0);
		free(mem);
	}
}

static void nothing_longer_than_an_attribute_is_written(void **state)
{
	static char text[70000];
	static u32 mem[100000];
	struct tlv_out o;

	memset(text, 'x', sizeof(text) - 1);
	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	tlv_put_str(&o, FLOW_A_REASON, text);
	assert_int_equal(tlv_end(&o), -EMSGSIZE);
	text[60000] = 0;
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	size_t nest = tlv_nest_begin(&o, FLOW_A_DROPS);
	tlv_put_drop(&o, text, 1, NULL);
	tlv_put_drop(&o, text, 1, NULL);
	tlv_nest_end(&o, nest);
	assert_int_equal(tlv_end(&o), -EMSGSIZE);
	assert_int_equal(o.n, 0);
}

static int get_changed(const struct flow *f, const char **why)
{
	struct wire w;
	struct flow g;

	*why = "";
	begin(&w);
	tlv_put_flow(&w.o, f);
	struct tlv_msg m = reread(&w);
	int rc = tlv_get_flow(&m, &g, why);
	if (!rc)
		assert_memory_equal(f, &g, sizeof(g));
	return rc;
}

#define REFUSED(change, what)                                                                      \
	do {                                                                                       \
		struct flow f = full_flow();                                                       \
		struct flow_side *s = &f.side[0];                                                  \
		change;                                                                            \
		(void)s;                                                                           \
		const char *why;                                                                   \
		assert_int_equal(get_changed(&f, &why), -EINVAL);                                  \
		assert_string_equal(why, what);                                                    \
	} while (0)
#define TAKEN(change)                                                                              \
	do {                                                                                       \
		struct flow f = full_flow();                                                       \
		struct flow_side *s = &f.side[0];                                                  \
		change;                                                                            \
		(void)s;                                                                           \
		const char *why;                                                                   \
		assert_int_equal(get_changed(&f, &why), 0);                                        \
	} while (0)

static void bounds_of_a_flow(void **state)
{
	REFUSED(f.id = 0, "id");
	REFUSED(f.gen = 0, "gen");
	REFUSED(s->local.family = 0, "local");
	REFUSED(s->local.port = 0, "local_port");
	REFUSED(s->remote.port = 0, "remote_port");
	REFUSED(s->remote.family = 0, "remote_port");
	REFUSED(s->remote.family = 6, "remote");
	REFUSED(f.side[1].local.family = 4, "remote");
	REFUSED(s->mode = 2, "mode");
	REFUSED(s->flags = 64, "flags");
	REFUSED(f.kind = FLOW_KIND_RAW + 1, "kind");
	REFUSED(s->dtmf_in = 0, "dtmf_in");
	REFUSED(s->dtmf_in = 128, "dtmf_in");
	REFUSED(s->dtmf_out = 0, "dtmf_out");
	REFUSED(s->dtmf_out = 128, "dtmf_out");
	REFUSED(s->dtmf_clock = 999, "dtmf_clock");
	REFUSED(s->dtmf_clock = 384001, "dtmf_clock");
	REFUSED(s->learn_len = 33, "learn_len");
	REFUSED((s->sig.family = 6, s->learn_len = 129), "learn_len");
	REFUSED(s->ptime = 0, "ptime");
	REFUSED(s->ptime = 241, "ptime");
	REFUSED(s->clock = 999, "clock");
	REFUSED(s->clock = 384001, "clock");
	REFUSED(s->dscp = 64, "dscp");
	REFUSED(s->acl[0].len = 33, "acl");
	REFUSED(s->acl[1].len = 129, "acl");
	REFUSED(s->ptmap[3][0] = 128, "ptmap");
	REFUSED(s->ptmap[3][1] = 128, "ptmap");
	REFUSED(s->ptmap[3][0] = s->ptmap[2][0], "ptmap");

	TAKEN(s->learn_len = 32);
	TAKEN((s->sig.family = 6, s->learn_len = 128));
	TAKEN(s->ptime = 1);
	TAKEN(s->clock = 1000);
	TAKEN(s->clock = 384000);
	TAKEN(s->dscp = 63);
	TAKEN(f.kind = FLOW_KIND_RTP);
	TAKEN(s->dtmf_in = FLOW_PT_NONE);
	TAKEN((s->dtmf_in = 1, s->dtmf_out = 127));
	TAKEN(s->dtmf_clock = 1000);
	TAKEN(s->dtmf_clock = 384000);
	TAKEN(s->acl[0].len = 32);
	TAKEN(s->acl[0].len = 0);
	TAKEN((s->local.port = 65535, s->remote.port = 1));
	TAKEN((s->remote = (struct flow_addr){ 0 }));
	TAKEN(s->ptmap[0][1] = 127);
}

/* A flow whose side 0 carries one attribute that the writer would never write. */
static int get_with(int type, const void *data, size_t len)
{
	struct wire w;
	struct flow g;
	const char *why;

	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_ID, 1);
	tlv_put_u32(&w.o, FLOW_A_GEN, 1);
	for (int i = 0; i < 2; i++) {
		size_t nest = tlv_nest_begin(&w.o, FLOW_A_SIDE0 + i);
		u32 port = 0x00010001;
		/* a string of the wanted length is an attribute of any content */
		size_t at = w.o.n;
		tlv_put_str(&w.o, FLOW_SIDE_A_LOCAL, "abc");
		tlv_put_str(&w.o, FLOW_SIDE_A_LOCAL_PORT, "a");
		memcpy((u8 *)w.mem + at + 12, &port, 2);
		if (!i && data) {
			char text[256];
			memset(text, 'x', sizeof(text));
			text[len - 1] = 0;
			at = w.o.n;
			tlv_put_str(&w.o, type, text);
			memcpy((u8 *)w.mem + at + 4, data, len);
		}
		tlv_nest_end(&w.o, nest);
	}
	struct tlv_msg m = reread(&w);
	return tlv_get_flow(&m, &g, &why);
}

static void wrong_sizes_inside_are_refused(void **state)
{
	static const u8 zero[64],
		one_prefix[] = { 9, 0, FLOW_SIDE_A_PREFIX, 0, 1, 2, 3, 4, 8, 0, 0, 0 };
	static const struct {
		int type;
		size_t good, bad;
	} t[] = { { FLOW_SIDE_A_LOCAL, 16, 15 },
		  { FLOW_SIDE_A_SIG, 4, 5 },
		  { FLOW_SIDE_A_SIG, 16, 17 },
		  { FLOW_SIDE_A_LOCAL_RTCP, 2, 1 },
		  { FLOW_SIDE_A_REMOTE_RTCP, 2, 4 },
		  { FLOW_SIDE_A_MODE, 1, 2 },
		  { FLOW_SIDE_A_FLAGS, 4, 8 },
		  { FLOW_SIDE_A_LEARN_LEN, 1, 4 },
		  { FLOW_SIDE_A_DSCP, 1, 3 },
		  { FLOW_SIDE_A_PTMAP, 2, 1 },
		  { FLOW_SIDE_A_PTMAP, 2, 2 * FLOW_PTMAP_MAX + 2 } };
	int unknown = FLOW_SIDE_A_MAX + 1;

	assert_int_equal(get_with(0, NULL, 0), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(get_with(t[i].type, zero, t[i].good), 0);
		assert_int_equal(get_with(t[i].type, zero, t[i].bad), -EINVAL);
	}
	assert_int_equal(get_with(unknown, zero, 7), 0);
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, one_prefix, sizeof(one_prefix)), 0);
	for (size_t n = 1; n < sizeof(one_prefix); n++)
		assert_int_equal(get_with(FLOW_SIDE_A_ACL, one_prefix, n), -EINVAL);
	u8 many[12 * (FLOW_ACL_MAX + 1)];
	for (size_t i = 0; i <= FLOW_ACL_MAX; i++)
		memcpy(many + 12 * i, one_prefix, 12);
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, many, 12 * FLOW_ACL_MAX), 0);
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, many, sizeof(many)), -EINVAL);
	many[2] = FLOW_SIDE_A_SIG;
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, many, 12), -EINVAL);
}

/* Reads everything that can be read of a datagram, from memory of just that size. */
static int read_all(const void *from, size_t n)
{
	void *copy = malloc(n ? n : 1);
	struct tlv_msg m;
	struct tlv_report r;
	struct tlv_event e;
	struct seen s = { 0 };
	const char *why;
	int rc, got = 0;

	memcpy(copy, from, n);
	const void *p = copy;
	while ((rc = tlv_next(&p, &n, &m)) > 0) {
		got++;
		(void)tlv_get_report(&m, &r, &why);
		(void)tlv_get_event(&m, &e, &why);
		tlv_each_drop(&m, on_drop, &s);
		tlv_each_port(&m, on_port, &s);
	}
	free(copy);
	return rc ? rc : got;
}

static size_t everything(struct wire *w)
{
	struct tlv_report r;

	memset(&r, 0, sizeof(r));
	r.flow = full_flow();
	r.age_ms = 1;
	r.rtp[0] = full_stats(1);
	begin(w);
	tlv_put_report(&w->o, &r);
	size_t nest = tlv_nest_begin(&w->o, FLOW_A_DROPS);
	tlv_put_drop(&w->o, "one", 1, NULL);
	tlv_nest_end(&w->o, nest);
	nest = tlv_nest_begin(&w->o, FLOW_A_PORTS);
	tlv_put_port(&w->o, "a", "b", "c");
	tlv_nest_end(&w->o, nest);
	tlv_put_str(&w->o, FLOW_A_REASON, "because");
	assert_int_equal(tlv_end(&w->o), 0);
	return w->o.n;
}

static void truncated_input_is_malformed(void **state)
{
	struct wire w;
	size_t n = everything(&w);

	assert_int_equal(read_all(w.mem, n), 1);
	for (size_t cut = 1; cut < n; cut++)
		assert_int_equal(read_all(w.mem, cut), -EBADMSG);
	/* The header shortened too: cuts inside an attribute are malformed, those between are not.
	 */
	for (u32 cut = 0; cut < n; cut++) {
		w.mem[0] = cut;
		int rc = read_all(w.mem, cut);
		assert_true(!cut ? rc == 0 : rc == 1 || rc == -EBADMSG);
		if (cut % 4 || (cut && cut < 20))
			assert_int_equal(rc, -EBADMSG);
	}
}

static void hostile_lengths_stay_inside(void **state)
{
	static const u16 lies[] = { 0, 1, 3, 4, 5, 8, 0x7fff, 0xfffc, 0xffff };
	struct wire w;
	size_t n = everything(&w);
	unsigned refused = 0;

	for (size_t at = 0; at + 2 <= n; at += 2) {
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			u16 was;
			memcpy(&was, (u8 *)w.mem + at, 2);
			memcpy((u8 *)w.mem + at, &lies[i], 2);
			refused += read_all(w.mem, n) < 0;
			memcpy((u8 *)w.mem + at, &was, 2);
		}
	}
	assert_true(refused > 50);
}

static void wrong_types_and_headers_are_malformed(void **state)
{
	struct wire w;

	begin(&w);
	tlv_put_u32(&w.o, FLOW_A_ID, 1); /* u64 */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_GEN, 1); /* u32 */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	begin(&w);
	tlv_put_u32(&w.o, FLOW_A_REASON, ~0u); /* not terminated */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	begin(&w);
	tlv_put_u32(&w.o, FLOW_A_MAX + 1, 1); /* not known: ignored */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), 1);
	((struct nlmsghdr *)w.mem)->nlmsg_type = NLMSG_ERROR;
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	w.mem[0] = UINT32_MAX;
	((struct nlmsghdr *)w.mem)->nlmsg_type = NLMSG_MIN_TYPE;
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
}

static void sides_must_be_there(void **state)
{
	struct wire w;
	struct flow g;
	const char *why = NULL;

	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_ID, 1);
	tlv_put_u32(&w.o, FLOW_A_GEN, 1);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_flow(&m, &g, &why), -EINVAL);
	assert_string_equal(why, "side");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_of_a_flow),
		cmocka_unit_test(absent_fields_have_defaults),
		cmocka_unit_test(round_trip_of_a_report),
		cmocka_unit_test(round_trip_of_an_event),
		cmocka_unit_test(event_bounds),
		cmocka_unit_test(round_trip_of_keys),
		cmocka_unit_test(key_bounds),
		cmocka_unit_test(the_end_of_a_dump),
		cmocka_unit_test(a_packet_head),
		cmocka_unit_test(full_buffer_takes_the_message_back),
		cmocka_unit_test(nothing_longer_than_an_attribute_is_written),
		cmocka_unit_test(bounds_of_a_flow),
		cmocka_unit_test(wrong_sizes_inside_are_refused),
		cmocka_unit_test(truncated_input_is_malformed),
		cmocka_unit_test(hostile_lengths_stay_inside),
		cmocka_unit_test(wrong_types_and_headers_are_malformed),
		cmocka_unit_test(sides_must_be_there),
	};
	return cmocka_run_group_tests_name("tlv", tests, NULL, NULL);
}
