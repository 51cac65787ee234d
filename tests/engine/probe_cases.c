/* SPDX-License-Identifier: Apache-2.0 */
/* Who is proven, who wins, and what is kept meanwhile. Side 0 has an SDP whose address is nobody's; sources are
 * those of the signalling's address (rank 2), unless a case says otherwise. */
#include "suite.h"

static struct call *probed(struct test *t)
{
	struct call *c = call_new(t);

	call_nat(c, 0);
	call_set(c);
	return c;
}

/* ---- what proves a source ---- */

struct run {
	const char *name;
	u32 gap_ms;
	u16 step;
	u8 n;
	bool new_ssrc; /* with each packet */
	bool proven;
};

static const struct run runs[] = {
	{ "five", 20, 1, 5, false, true },          { "four", 20, 1, 4, false, false },
	{ "every-third", 20, 3, 6, false, true },   { "every-fourth", 20, 4, 12, false, false },
	{ "repeated", 20, 0, 12, false, false },    { "backwards", 20, 0xffff, 12, false, false },
	{ "new-ssrcs", 20, 1, 12, true, false },    { "too-slow", 230, 1, 8, false, false },
	{ "just-in-time", 120, 1, 6, false, true },
};

static void run(struct test *t, const void *row)
{
	const struct run *r = row;
	struct call *c = probed(t);
	struct stream *s = &c->peer[0].out;
	struct batch b = { 0 };

	for (unsigned i = 0; i < r->n; i++) {
		call_send_from(c, 0, c->peer[0].rtp, s, 1, r->gap_ms * MS, &b);
		s->seq += r->step - 1;
		s->ssrc += r->new_ssrc;
	}
	nap(350 * MS);
	if (r->proven) {
		call_expect(c, 1, &b);
		call_latched(c, 0, c->peer[0].rtp);
		return;
	}
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_PROBE);
	CHECK_EQ(t, call_get(c).report.rtp[0].packets, 0);
	call_send(c, 1, 3, 0, NULL); /* nor does anything go out */
	call_dropped(c, 1, 0, 0, 3, "rtp_no_destination");
}

/* ---- what is kept ---- */

static void sixteen(struct test *t, const void *row)
{
	struct call *c = probed(t);
	struct batch b = { 0 };

	call_send(c, 0, 24, 2 * MS, &b);
	call_settle(c, 0, 0, 0, 8);
	nap(320 * MS);
	b.n = 16;
	call_expect(c, 1, &b);
	call_dropped(c, 0, 0, 16, 8, "rtp_candidate");
	call_talk(c, 5);
	CHECK_EQ(t, call_get(c).report.rtp[0].lost, 8); /* of its sequence so many did not go out */
}

/* Nothing comes out before the end of the probe, and then what was kept comes before what is sent. */
static void in_order(struct test *t, const void *row)
{
	struct call *c = probed(t);
	struct batch b = { 0 };
	u64 begun = wall_us();

	call_send(c, 0, 40, 25 * MS, &b);
	call_expect(c, 1, &b);
	CHECK_RANGE(t, b.p[0].at_us - begun, 290 * MS, 2 * S);
	CHECK_RANGE(t, b.p[10].at_us - b.p[0].at_us, 0, 60 * MS); /* at once */
	call_settle(c, 0, 0, 40, 0);
}

static void refresh(struct test *t, const void *row)
{
	struct call *c = probed(t);
	struct batch b = { 0 };

	for (unsigned i = 0; i < 5; i++) {
		call_send(c, 0, 2, 10 * MS, &b);
		call_set(c);
	}
	nap(300 * MS);
	call_expect(c, 1, &b);
}

/* ---- two of them ---- */

static void sdp_is_first(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *other = sock_open(t, 0, 4, SIGNAL, 0);
	struct stream s = stream_new(t);

	c->f.side[0].mode = FLOW_MODE_NAT;
	c->f.side[0].sig = host(0, 4, SIGNAL, 0);
	call_set(c);
	call_send_from(c, 0, other, &s, 8, 5 * MS, NULL);
	call_talk(c, 5); /* rank 0, and the others are nobody */
	call_settle(c, 0, 0, 5, 8);
	call_send_from(c, 0, other, &s, 8, 5 * MS, NULL);
	call_dropped(c, 0, 0, 5, 16, "rtp_other_source");
}

struct two {
	const char *name;
	enum host a, b;
	bool a_port, b_port; /* has the port of the SDP */
	u8 winner;           /* 0, 1; 2: none */
	u8 a_ends;           /* after so many packets, quickly; 0: it goes on */
};

static const struct two twos[] = {
	{ "better-rank-comes-later", SIGNAL, PEER, false, false, 1, 0 },
	{ "better-rank-comes-first", PEER, SIGNAL, false, false, 0, 0 },
	{ "signalling-and-acl", LISTED, SIGNAL, false, false, 1, 0 },
	{ "sdp-port-comes-later", SIGNAL, SIGNAL, false, true, 1, 0 },
	{ "sdp-port-comes-first", SIGNAL, SIGNAL, true, false, 0, 0 },
	{ "tie", SIGNAL, SIGNAL, false, false, 2, 0 },
	{ "tie-of-other-ports", PEER, PEER, false, false, 2, 0 },
	{ "tie-of-the-acl", LISTED, LISTED, false, false, 2, 0 },
	{ "one-fell-silent", SIGNAL, SIGNAL, false, false, 1, 5 },
};

static struct call *two_call(struct test *t)
{
	struct call *c = call_new(t);

	call_ranks(c);
	call_set(c);
	return c;
}

static void in_conflict(struct call *c, struct sock *a, struct stream *s)
{
	client_expect(c->client, FLOW_EVENT_CONFLICT, c->f.id);
	CHECK_EQ(c->t, call_state(c, 0), FLOW_STATE_CONFLICT);
	CHECK_EQ(c->t, call_get(c).report.rtp[0].packets, 0);
	call_send(c, 0, 5, MS, NULL); /* not even the SDP's own */
	call_send(c, 1, 5, MS, NULL);
	call_dropped(c, 1, 0, 0, 5, "rtp_no_destination");
	/* New SDP ends it. */
	c->f.side[0].remote = a->at;
	call_set(c);
	struct batch b = { 0 };
	call_send_from(c, 0, a, s, 5, MS, &b);
	call_expect(c, 1, &b);
}

static void two(struct test *t, const void *row)
{
	const struct two *w = row;
	struct call *c = two_call(t);
	u16 port = c->f.side[0].remote.port;
	struct sock *from[2] = { sock_open(t, 0, 4, w->a, w->a_port ? port : 0),
				 sock_open(t, 0, 4, w->b, w->b_port ? port : 0) };
	struct stream s[2] = { stream_new(t), stream_new(t) };
	struct batch b[2] = { 0 };

	/* Half as slow again as the silence that ends a candidate is short: 300 ms hold both. */
	if (w->a_ends) /* at once, that it be silent for long enough at the end of the probing */
		call_send_from(c, 0, from[0], &s[0], w->a_ends, MS, &b[0]);
	for (unsigned i = 0; i < 14; i++) {
		if (!w->a_ends)
			call_send_from(c, 0, from[0], &s[0], 1, 12 * MS, &b[0]);
		else
			nap(12 * MS);
		if (i >= 2)
			call_send_from(c, 0, from[1], &s[1], 1, 12 * MS, &b[1]);
		else
			nap(12 * MS);
	}
	if (w->winner == 2)
		return in_conflict(c, from[0], &s[0]);
	nap(100 * MS);
	call_expect(c, 1, &b[w->winner]);
	call_latched(c, 0, from[w->winner]);
	CHECK(t, !client_event(c->client, FLOW_EVENT_CONFLICT, c->f.id, 0));
}

/* ---- many of them ---- */

static void four_places(struct test *t, const void *row)
{
	struct call *c = two_call(t);
	struct sock *from[5];
	struct batch b = { 0 };

	for (unsigned i = 0; i < 5; i++) {
		struct stream s = stream_new(t);
		from[i] = sock_open(t, 0, 4, SIGNAL, 0);
		call_send_from(c, 0, from[i], &s, 1, 0, NULL);
	}
	call_dropped(c, 0, 0, 0, 1, "rtp_candidate");
	/* One of a better rank gets a place all the same. */
	struct sock *better = sock_open(t, 0, 4, PEER, 0);
	struct stream s = stream_new(t);
	call_send_from(c, 0, better, &s, 10, 10 * MS, &b);
	nap(300 * MS);
	call_expect(c, 1, &b);
}

/* ---- before the SDP is known ---- */

static struct call *no_sdp(struct test *t, struct flow_side *later)
{
	struct call *c = call_new(t);

	c->f.side[0].mode = FLOW_MODE_NAT;
	*later = c->f.side[0];
	c->f.side[0].remote = (struct flow_addr){ .family = 0 };
	c->f.side[0].remote_rtcp = 0;
	call_set(c);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_IDLE);
	return c;
}

static void early_media(struct test *t, const void *row)
{
	struct flow_side later;
	struct call *c = no_sdp(t, &later);
	struct sock *from = sock_open(t, 0, 4, PEER, 0);
	struct batch b = { 0 };

	call_send_from(c, 0, from, &c->peer[0].out, 10, 5 * MS, NULL);
	call_dropped(c, 0, 0, 0, 10, "rtp_not_ready");
	c->f.side[0] = later;
	call_set(
		c); /* the answer came a little later than its media: nothing is held against the source */
	call_send_from(c, 0, from, &c->peer[0].out, 10, 5 * MS, &b);
	nap(300 * MS);
	call_expect(c, 1, &b);
}

static void poisoned(struct test *t, const void *row)
{
	struct flow_side later;
	struct call *c = no_sdp(t, &later);
	struct sock *from = sock_open(t, 0, 4, PEER, 0), *other = sock_open(t, 0, 4, PEER, 0);
	struct stream s = stream_new(t);
	struct batch b = { 0 };

	call_send_from(c, 0, from, &s, 3, MS, NULL);
	call_send(c, 0, 3, MS, NULL); /* the SDP's own sprays, too */
	nap(4200 * MS);
	call_send_from(c, 0, from, &s, 3, MS, NULL);
	c->f.side[0] = later;
	call_set(c);
	call_send_from(c, 0, from, &s, 20, 20 * MS, NULL);
	call_dropped(c, 0, 0, 0, 29, "rtp_poisoned");
	call_send_from(c, 0, other, &(struct stream){ .ssrc = 3, .size = 10, .pt = 8, .step = 160 },
		       10, 10 * MS, &b);
	nap(300 * MS);
	call_expect(c, 1, &b);
}

static void poisoned_sdp(struct test *t, const void *row)
{
	struct flow_side later;
	struct call *c = no_sdp(t, &later);

	call_send(c, 0, 3, MS, NULL);
	nap(4200 * MS);
	c->f.side[0] = later;
	call_set(c);
	call_talk(c, 5); /* the SDP's own address and port need no proof */
}

/* A source that is not eligible leaves nothing behind. */
static void stranger_first(struct test *t, const void *row)
{
	struct call *c = probed(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct stream s = stream_new(t);
	struct batch b = { 0 };

	call_send_from(c, 0, from, &s, 30, 10 * MS, NULL);
	u64 begun = wall_us();
	call_send(c, 0, 20, 25 * MS, &b);
	call_expect(c, 1, &b);
	CHECK_RANGE(t, b.p[0].at_us - begun, 290 * MS,
		    2 * S); /* the time of the probe is its own */
}

void probe_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(runs); i++)
		list_add(l, 0, runs[i].gap_ms > 100 ? CASE_SLOW : 0, run, &runs[i],
			 "source/probe/%s", runs[i].name);
	list_add(l, 0, 0, sixteen, NULL, "source/probe/sixteen-are-kept");
	list_add(l, 0, 0, in_order, NULL, "source/probe/in-order");
	list_add(l, 0, 0, refresh, NULL, "source/probe/refresh");
	list_add(l, 0, 0, sdp_is_first, NULL, "source/probe/sdp-is-first");
	for (unsigned i = 0; i < COUNT(twos); i++)
		list_add(l, 0, 0, two, &twos[i], "source/probe/two/%s", twos[i].name);
	list_add(l, 0, 0, four_places, NULL, "source/probe/four-places");
	list_add(l, 0, 0, early_media, NULL, "source/early-media");
	list_add(l, 0, CASE_SLOW, poisoned, NULL, "source/poisoned");
	list_add(l, 0, CASE_SLOW, poisoned_sdp, NULL, "source/poisoned-sdp");
	list_add(l, 0, 0, stranger_first, NULL, "source/probe/stranger-first");
}
