/* SPDX-License-Identifier: Apache-2.0 */
/* A flow with a peer on each side, and what is expected of it. */
#include "suite.h"

static void begin_stream(struct test *t, struct stream *s)
{
	*s = (struct stream){ .ssrc = test_random(t) | 1,
			      .ts = test_random(t),
			      .step = 160,
			      .seq = (u16)(test_random(t) &
					   0x7fff), /* no wrap unless a case wants it */
			      .pt = 8,
			      .size = 160 };
}

static void begin_side(struct call *c, unsigned side, u8 family)
{
	struct test *t = c->t;
	struct flow_side *s = &c->f.side[side];
	u16 local = test_port(t, side), remote = test_peer_port(t, side, 2);

	*s = (struct flow_side){ .local = host(side, family, RELAY, local),
				 .local_rtcp = local + 1,
				 .remote = host(side, family, PEER, remote),
				 .remote_rtcp = remote + 1,
				 .sig = host(side, family, PEER, 0),
				 .clock = 8000,
				 .ptime = 20,
				 .mode = FLOW_MODE_STATIC,
				 .dscp = side ? 34 : 46,
				 .dtmf_in = FLOW_PT_NONE,
				 .dtmf_out = FLOW_PT_NONE,
				 .dtmf_clock = 8000,
				 .n_ptmap = 2,
				 .ptmap = { { 0, 0 }, { 8, 8 } } };
	c->peer[side].rtp = sock_open(t, side, family, PEER, remote);
	c->peer[side].rtcp = sock_open(t, side, family, PEER, remote + 1);
	begin_stream(t, &c->peer[side].out);
	c->peer[side].index = c->peer[side].out.seq;
}

struct call *call_of(struct test *t, u8 family0, u8 family1)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		FAIL(t, "no memory");
	if (!t->client) {
		t->client = client_open(t);
		client_subscribe(t->client);
	}
	c->t = t;
	c->client = t->client;
	c->f.id = test_id(t);
	begin_side(c, 0, family0);
	begin_side(c, 1, family1);
	return c;
}

struct call *call_new(struct test *t)
{
	return call_of(t, 4, 4);
}

void call_nat(struct call *c, unsigned side)
{
	struct flow_side *s = &c->f.side[side];
	u8 family = s->local.family;

	s->mode = FLOW_MODE_NAT;
	s->remote = host(side, family, LISTED + 20, s->remote.port); /* nobody is there */
	s->sig = host(side, family, PEER, 0);
}

void call_ranks(struct call *c)
{
	struct flow_side *s = &c->f.side[0];

	s->mode = FLOW_MODE_NAT;
	s->sig = host(0, 4, SIGNAL, 0);
	s->n_acl = 1;
	s->acl[0] = host(0, 4, LISTED, 0);
	s->acl[0].len = 32;
}

void call_other_port(struct call *c, unsigned side)
{
	struct flow_side *s = &c->f.side[side];

	s->local.port = test_port(c->t, side);
	s->local_rtcp = s->local.port + 1;
}

void call_take_port(struct call *c, unsigned side, const struct call *from)
{
	c->f.side[side].local = from->f.side[side].local;
	c->f.side[side].local_rtcp = from->f.side[side].local_rtcp;
}

/* The engine is given a moment to find its neighbours: relay/neighbour is about those that it has not found. */
void call_set(struct call *c)
{
	call_set_at_once(c);
	if (c->f.gen == 1)
		nap(c->f.side[0].local.family == 6 || c->f.side[1].local.family == 6 ? 50 * MS
										     : 10 * MS);
}

void call_set_at_once(struct call *c)
{
	c->f.gen++;
	struct answer a = client_set(c->client, &c->f);
	if (a.status)
		FAIL(c->t, "SET, generation %u: %s (%s)", c->f.gen, strerror(-a.status), a.reason);
}

struct answer call_get(struct call *c)
{
	struct answer a = client_get(c->client, c->f.id);

	if (a.status || !a.has_report)
		FAIL(c->t, "DUMP of a flow: %s (%s)", strerror(-a.status), a.reason);
	return a;
}

void call_del(struct call *c)
{
	struct answer a = client_del(c->client, c->f.id);

	if (a.status)
		FAIL(c->t, "DEL: %s (%s)", strerror(-a.status), a.reason);
}

struct flow_addr call_port(const struct call *c, unsigned side)
{
	return c->f.side[side].local;
}

struct flow_addr call_rtcp_port(const struct call *c, unsigned side)
{
	struct flow_addr a = c->f.side[side].local;

	if (!(c->f.side[side].flags & FLOW_SIDE_RTCP_MUX))
		a.port = c->f.side[side].local_rtcp;
	return a;
}

/* ---- sending ---- */

void call_send_from(struct call *c, unsigned side, struct sock *from, struct stream *s, unsigned n,
		    u32 gap_us, struct batch *b)
{
	struct flow_addr to = call_port(c, side);
	struct packet one, *p;

	for (unsigned i = 0; i < n; i++) {
		p = b ? batch_add(b) : &one;
		p->len = rtp_write(p->data, s);
		sock_send(c->t, from, &to, p->data, p->len);
		rtp_next(s);
		if (gap_us)
			nap(gap_us);
	}
}

void call_send(struct call *c, unsigned side, unsigned n, u32 gap_us, struct batch *b)
{
	struct peer *p = &c->peer[side];

	call_send_from(c, side, p->rtp, &p->out, n, gap_us, b);
	p->sent += n;
}

/* ---- what arrives ---- */

static void check_packet(struct call *c, const struct packet *got, const struct packet *want,
			 unsigned i, unsigned n)
{
	struct test *t = c->t;

	if (got->len == want->len && !memcmp(got->data, want->data, got->len))
		return;
	u32 at = 0;
	while (at < got->len && at < want->len && got->data[at] == want->data[at])
		at++;
	struct answer a = call_get(c);
	FAIL(t,
	     "packet %u of %u differs at octet %u: %u octets, sequence %u, ssrc %08x, not %u, %u, "
	     "%08x; the last drops: %s, %s",
	     i, n, at, got->len, rtp_seq(got->data), rtp_ssrc(got->data), want->len,
	     rtp_seq(want->data), rtp_ssrc(want->data), a.report.rtp[0].last_drop,
	     a.report.rtp[1].last_drop);
}

static void check_header(struct test *t, const struct packet *got, const struct flow_addr *from,
			 u8 dscp)
{
	char a[64], b[64];

	if (!addr_is(&got->from, from))
		FAIL(t, "it came from %s, not %s", addr_text(&got->from, a, sizeof(a)),
		     addr_text(from, b, sizeof(b)));
	if (got->tos >> 2 != dscp)
		FAIL(t, "its DSCP is %u, not %u", got->tos >> 2, dscp);
	CHECK_RANGE(t, got->ttl, 60, 64);
}

void call_expect_at(struct call *c, unsigned side, struct sock *at, const struct batch *b)
{
	const struct flow_side *s = &c->f.side[side];
	struct packet got;
	char text[64];

	for (unsigned i = 0; i < b->n; i++) {
		memset(&got, 0, sizeof(got));
		if (!sock_recv(at, &got, S))
			FAIL(c->t, "%u of %u packets came to %s; the last drop: %s", i, b->n,
			     addr_text(&at->at, text, sizeof(text)),
			     call_get(c).report.rtp[!side].last_drop);
		if (c->open)
			c->open(c->open_arg, side, false, &got);
		check_packet(c, &got, &b->p[i], i, b->n);
		check_header(c->t, &got, &s->local, s->dscp);
		b->p[i].at_us = got.at_us;
	}
}

void call_expect(struct call *c, unsigned side, const struct batch *b)
{
	call_expect_at(c, side, c->peer[side].rtp, b);
}

void call_relay(struct call *c, unsigned from, unsigned n)
{
	struct batch b = { 0 };

	call_send(c, from, n, MS, &b);
	call_expect(c, !from, &b);
	free(b.p);
}

void call_talk(struct call *c, unsigned n)
{
	call_relay(c, 0, n);
	call_relay(c, 1, n);
}

/* Where the peer's RTCP comes from and goes to. */
static struct sock *rtcp_sock(struct call *c, unsigned side)
{
	struct peer *p = &c->peer[side];

	return c->f.side[side].flags & FLOW_SIDE_RTCP_MUX ? p->rtp : p->rtcp;
}

void call_report(struct call *c, unsigned side, const void *data, u32 n)
{
	struct flow_addr to = call_rtcp_port(c, side);

	sock_send(c->t, rtcp_sock(c, side), &to, data, n);
	c->peer[side].sent_rtcp++;
}

void call_expect_report(struct call *c, unsigned side, const void *data, u32 n)
{
	struct packet want = { .len = n }, *got = sock_expect(c->t, rtcp_sock(c, side));
	struct flow_addr from = call_rtcp_port(c, side);

	memcpy(want.data, data, n);
	if (c->open)
		c->open(c->open_arg, side, true, got);
	check_packet(c, got, &want, 0, 1);
	check_header(c->t, got, &from, c->f.side[side].dscp);
	free(got);
}

/* ---- counters ---- */

struct answer call_settle(struct call *c, unsigned side, unsigned component, u64 packets,
			  u64 dropped)
{
	u64 end = now_us() + 2 * S;
	const struct flow_stats *s;
	struct answer a;

	do {
		a = call_get(c);
		s = component ? &a.report.rtcp[side] : &a.report.rtp[side];
		if (s->packets >= packets && s->dropped >= dropped)
			break;
		nap(5 * MS);
	} while (now_us() < end);
	if (s->packets != packets || s->dropped != dropped)
		FAIL(c->t,
		     "side %u, %s: %llu packets and %llu dropped (last: %s), not %llu and %llu",
		     side, component ? "RTCP" : "RTP", (unsigned long long)s->packets,
		     (unsigned long long)s->dropped, s->last_drop, (unsigned long long)packets,
		     (unsigned long long)dropped);
	return a;
}

void call_dropped(struct call *c, unsigned side, unsigned component, u64 packets, u64 dropped,
		  const char *name)
{
	struct answer a = call_settle(c, side, component, packets, dropped);

	const struct flow_stats *s = component ? &a.report.rtcp[side] : &a.report.rtp[side];

	if (strcmp(s->last_drop, name))
		FAIL(c->t, "side %u: the last drop is '%s', not '%s'", side, s->last_drop, name);
}

void call_latched(struct call *c, unsigned side, const struct sock *at)
{
	char a[64], b[64];
	struct event *e;

	do
		e = client_expect(c->client, FLOW_EVENT_LATCHED, c->f.id);
	while (e->e.side != side);
	if (!addr_is(&e->e.source, &at->at))
		FAIL(c->t, "%s was learned, not %s", addr_text(&e->e.source, a, sizeof(a)),
		     addr_text(&at->at, b, sizeof(b)));
}

void call_not_latched(struct call *c, unsigned side)
{
	struct event *e;

	while ((e = client_event(c->client, FLOW_EVENT_LATCHED, c->f.id, 0)))
		if (e->e.side == side)
			FAIL(c->t, "another source was learned on side %u", side);
}

u8 call_state(struct call *c, unsigned side)
{
	return call_get(c).report.rtp[side].state;
}

void call_wait_state(struct call *c, unsigned side, enum flow_state state)
{
	u64 end = now_us() + 2 * S;
	u8 is;

	while ((is = call_state(c, side)) != state) {
		if (now_us() > end)
			FAIL(c->t, "side %u is in state %u, not %u", side, is, state);
		nap(5 * MS);
	}
}
