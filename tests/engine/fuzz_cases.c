/* SPDX-License-Identifier: Apache-2.0 */
/* 2,000 random datagrams to each port in every state, from a stranger and from the peer: each of them is counted, nothing is
 * answered, and the call goes on. */
#include "secure.h"

#define DATAGRAMS 2000

enum where {
	NO_SDP,
	PROBE,
	PROBE_NAT,
	LOCKED,
	WEAK,
	IN_CONFLICT,
	RELEARN,
	RAW,
	MUXED,
	SRTP
};

struct state {
	const char *name;
	enum where where;
	u32 caps;
};

static const struct state states[] = {
	{ "no-sdp", NO_SDP, 0 },         { "probe", PROBE, 0 }, { "probe-nat", PROBE_NAT, 0 },
	{ "locked", LOCKED, 0 },         { "weak", WEAK, 0 },   { "conflict", IN_CONFLICT, 0 },
	{ "relearn", RELEARN, 0 },       { "raw", RAW, 0 },     { "muxed", MUXED, 0 },
	{ "srtp", SRTP, FLOW_CAP_SRTP },
};

/* Half of them begin as RTP or RTCP does, some as STUN and DTLS. */
static u32 random_datagram(struct test *t, u8 *p)
{
	static const u8 first[] = { 0x80, 0x80, 0x81, 0x90, 0xa0, 0xbf, 0, 22 };
	u32 n = test_random(t) % 300;

	for (u32 i = 0; i < n; i += 4)
		put32(p + i, test_random(t));
	if (test_random(t) & 1)
		p[0] = first[test_random(t) % COUNT(first)];
	if (test_random(t) & 1)
		p[1] = (u8)(test_random(t) & 1 ? 8 : 200 + test_random(t) % 8);
	return n;
}

static void wait_conflict(struct call *c)
{
	struct test *t = c->t;
	struct sock *a = sock_open(t, 0, 4, SIGNAL, 0), *b = sock_open(t, 0, 4, SIGNAL, 0);
	struct stream s[2] = { { .ssrc = 1, .pt = 8, .step = 160 },
			       { .ssrc = 2, .pt = 8, .step = 160 } };

	for (unsigned i = 0; i < 14; i++) {
		call_send_from(c, 0, a, &s[0], 1, 12 * MS, NULL);
		call_send_from(c, 0, b, &s[1], 1, 12 * MS, NULL);
	}
	client_expect(c->client, FLOW_EVENT_CONFLICT, c->f.id);
}

static void prepare(struct call *c, enum where where)
{
	struct flow_side *s = &c->f.side[0];
	struct batch b = { 0 };

	if (where == NO_SDP)
		s->remote = (struct flow_addr){ .family = 0 };
	if (where == PROBE_NAT || where == WEAK)
		call_nat(c, 0);
	if (where == IN_CONFLICT) {
		s->mode = FLOW_MODE_NAT;
		s->sig = host(0, 4, SIGNAL, 0);
	}
	if (where == RAW)
		c->f.kind = FLOW_KIND_RAW;
	if (where == SRTP)
		srtp_keys(&s->in, FLOW_SUITE_AEAD_AES_128_GCM, 1, 5);
	if (where == MUXED) {
		s->flags = FLOW_SIDE_RTCP_MUX;
		s->local_rtcp = s->remote_rtcp = 0;
	}
	call_set(c);
	if (where == LOCKED || where == RELEARN || where == MUXED)
		call_talk(c, 3);
	if (where == WEAK) {
		call_send(c, 0, 20, 25 * MS, &b);
		call_expect(c, 1, &b);
	}
	if (where == IN_CONFLICT)
		wait_conflict(c);
	if (where == RELEARN) {
		s->remote = host(0, 4, MOVED, test_peer_port(c->t, 0, 1));
		call_set(c);
	}
}

static u64 seen(struct call *c)
{
	struct answer a = call_get(c);
	u64 n = 0;

	for (unsigned side = 0; side < 2; side++)
		n += a.report.rtp[side].packets + a.report.rtp[side].dropped +
		     a.report.rtcp[side].packets + a.report.rtcp[side].dropped;
	return n;
}

static void pour(struct call *c, struct sock *from)
{
	struct flow_addr to[2] = { call_port(c, 0), call_rtcp_port(c, 0) };
	u8 p[400];

	for (unsigned i = 0; i < DATAGRAMS; i++) {
		u32 n = random_datagram(c->t, p);
		for (unsigned k = 0; k < 2; k++)
			sock_send(c->t, from, &to[k], p, n);
		if (i % 10 == 9)
			nap(MS);
	}
}

static void random_datagrams(struct test *t, const void *row)
{
	const struct state *s = row;
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);

	prepare(c, s->where);
	u64 before = seen(c);
	pour(c, from); /* nothing of it may be relayed: see test_end() */
	pour(c, c->peer[0].rtp);
	u64 all = 0;
	for (unsigned i = 0; i < 100 && all < 4 * DATAGRAMS; i++) {
		nap(10 * MS);
		all = seen(c) - before;
		sock_drain(c->peer[1].rtp, 0);
		sock_drain(c->peer[1].rtcp, 0);
	}
	/* Held ones are counted when their time is over; and of a random SSRC nobody is proven. */
	CHECK_RANGE(t, all, 4 * DATAGRAMS - 64, 4 * DATAGRAMS);
	sock_quiet(t, from, 0);
	CHECK_EQ(t, client_get(c->client, c->f.id).status, 0);
	struct call *other = call_new(t);
	call_set(other);
	call_talk(other, 5);
}

static void no_flow(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u8 p[400];

	call_set(c);
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		struct flow_addr to = host(0, 4, RELAY, (u16)(PORT_BULK + test_random(t) % 1000));
		u32 n = random_datagram(t, p);
		sock_send(t, c->peer[0].rtp, &to, p, n);
		if (i % 20 == 19)
			nap(MS);
	}
	call_talk(c, 5);
}

void fuzz_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(states); i++)
		list_add(l, states[i].caps, CASE_NOISE, random_datagrams, &states[i], "fuzz/%s",
			 states[i].name);
	list_add(l, 0, CASE_NOISE, no_flow, NULL, "fuzz/no-flow");
}
