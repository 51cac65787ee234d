/* SPDX-License-Identifier: Apache-2.0 */
/* TRACE: the heads of packets, as they came in and went out, and why one did not. */
#include "suite.h"

#define FRAMES_MAX 600

struct frames {
	struct tlv_frame f[FRAMES_MAX];
	char why[FRAMES_MAX][40]; /* "": it was relayed */
	unsigned n;
};

/* 0, or what the engine answers in their place. */
static int trace(struct client *c, u64 id, struct frames *out)
{
	struct test *t = c->t;
	const char *why = NULL;
	struct tlv_msg m;

	out->n = 0;
	client_begin(c, FLOW_CMD_TRACE);
	tlv_put_u64(&c->out, FLOW_A_ID, id);
	tlv_end(&c->out);
	client_send(c);
	for (;;) {
		CHECK(t, client_read(c));
		const void *at = c->in;
		size_t left = c->n;
		while (tlv_next(&at, &left, &m) == 1) {
			if (m.done)
				return 0;
			if (m.cmd == FLOW_CMD_TRACE && (int)tlv_u32(&m, FLOW_A_STATUS, 0))
				return (int)tlv_u32(&m, FLOW_A_STATUS, 0);
			if (m.cmd != FLOW_CMD_TRACE || out->n == FRAMES_MAX)
				continue;
			if (tlv_get_frame(&m, &out->f[out->n], &why))
				FAIL(t, "a frame that cannot be read: %s", why);
			struct tlv_frame *f = &out->f[out->n];
			snprintf(out->why[out->n++], sizeof(out->why[0]), "%s",
				 f->why ? f->why : "");
			f->why = NULL; /* it was in the message */
		}
	}
}

static struct frames *new_frames(struct test *t)
{
	struct frames *f = calloc(1, sizeof(*f));

	if (!f)
		FAIL(t, "no memory");
	return f;
}

static void check_ends(struct test *t, const struct tlv_frame *f, const struct flow_addr *from,
		       const struct flow_addr *to)
{
	bool six = f->head[0] >> 4 == 6;
	u32 head = six ? 40 : 20, ip = six ? 16 : 4;

	CHECK_EQ(t, six ? 6 : 4, from->family);
	CHECK(t, f->n_head >= head + 8);
	CHECK(t, !memcmp(f->head + (six ? 8 : 12), from->ip, ip));
	CHECK(t, !memcmp(f->head + (six ? 24 : 16), to->ip, ip));
	CHECK_EQ(t, f->head[head] << 8 | f->head[head + 1], from->port);
	CHECK_EQ(t, f->head[head + 2] << 8 | f->head[head + 3], to->port);
}

/* The first packet of a stream, in and out. */
static void first_packet(struct test *t, const void *row)
{
	u8 family = *(const u8 *)row;
	struct call *c = call_of(t, family, 4);
	struct frames *f = new_frames(t);
	u32 head = family == 6 ? 40 : 20;

	call_set(c);
	u64 begun = wall_us();
	call_relay(c, 0, 3);
	CHECK_EQ(t, trace(c->client, c->f.id, f), 0);
	CHECK_RANGE(t, f->n, 2, 6);
	struct flow_addr local = call_port(c, 0);
	CHECK_EQ(t, f->f[0].side, 0);
	CHECK_EQ(t, f->f[0].out, 0);
	CHECK(t, !f->why[0][0]);
	CHECK_EQ(t, f->f[0].len, head + 8 + 172);
	check_ends(t, &f->f[0], &c->peer[0].rtp->at, &local);
	CHECK_EQ(t, f->f[1].side, 1);
	CHECK_EQ(t, f->f[1].out, 1);
	CHECK_EQ(t, f->f[1].len, 20 + 8 + 172);
	check_ends(t, &f->f[1], &c->f.side[1].local, &c->peer[1].rtp->at);
	for (unsigned i = 0; i < f->n; i++) {
		CHECK_RANGE(t, f->f[i].time_us, begun - 2 * MS, wall_us() + 2 * MS);
		CHECK(t, !i || f->f[i].time_us >= f->f[i - 1].time_us);
		/* Of media the RTP header alone. */
		CHECK_RANGE(t, f->f[i].n_head, 28, (f->f[i].out ? 20 : head) + 8 + 12);
	}
}

static const struct stream strange = { .ssrc = 1, .size = 40, .pt = 8, .step = 160 };

/* A call whose side 0 has sent two packets. */
static struct call *begun(struct test *t)
{
	struct call *c = call_new(t);

	call_set(c);
	call_relay(c, 0, 2);
	return c;
}

static void dropped(struct test *t, const void *row)
{
	struct call *c = begun(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct stream s = strange;
	struct frames *f = new_frames(t);
	struct flow_addr to = call_port(c, 0);
	unsigned seen = 0;

	call_send_from(c, 0, from, &s, 3, MS, NULL);
	call_settle(c, 0, 0, 2, 3);
	CHECK_EQ(t, trace(c->client, c->f.id, f), 0);
	for (unsigned i = 0; i < f->n; i++) {
		if (!f->why[i][0])
			continue;
		CHECK(t, !strcmp(f->why[i], "rtp_unlearned"));
		CHECK_EQ(t, f->f[i].out, 0);
		check_ends(t, &f->f[i], &from->at, &to);
		seen++;
	}
	CHECK_EQ(t, seen, 3);
}

static void nobody(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct frames *f = new_frames(t);

	CHECK_EQ(t, trace(c->client, c->f.id, f), -ENOENT);
	call_set(c);
	CHECK_EQ(t, trace(c->client, c->f.id, f), 0);
	CHECK_EQ(t, f->n, 0);
}

/* When the call is over it can still be asked what was. */
static void after_the_end(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct frames *f = new_frames(t);

	call_set(c);
	call_talk(c, 3);
	call_del(c);
	CHECK_EQ(t, trace(c->client, c->f.id, f), 0);
	CHECK_RANGE(t, f->n, 4, 20);
}

/* A flood does not push out everything, and does not fill the answer. */
static void flood(struct test *t, const void *row)
{
	struct call *c = begun(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct stream s = strange;
	struct frames *f = new_frames(t);

	for (unsigned i = 0; i < 50; i++) {
		call_send_from(c, 0, from, &s, 20, 0, NULL);
		nap(MS);
	}
	call_settle(c, 0, 0, 2, 1000);
	CHECK_EQ(t, trace(c->client, c->f.id, f), 0);
	CHECK_RANGE(t, f->n, 5, 500);
	CHECK(t, !f->why[0][0]);
}

static const u8 families[] = { 4, 6 };

void trace_cases(struct list *l)
{
	list_add(l, FLOW_CAP_TRACE, 0, first_packet, &families[0], "trace/first-packet");
	list_add(l, FLOW_CAP_TRACE | FLOW_CAP_IPV6, 0, first_packet, &families[1],
		 "trace/first-packet-6");
	list_add(l, FLOW_CAP_TRACE, 0, dropped, NULL, "trace/dropped");
	list_add(l, FLOW_CAP_TRACE, 0, nobody, NULL, "trace/nobody");
	list_add(l, FLOW_CAP_TRACE, 0, after_the_end, NULL, "trace/after-the-end");
	list_add(l, FLOW_CAP_TRACE, 0, flood, NULL, "trace/flood");
}
