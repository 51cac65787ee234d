/* SPDX-License-Identifier: Apache-2.0 */
/* A source is learned: who else sends, and what it may change itself. */
#include "suite.h"

/* ---- the first second of a weak lock ---- */

struct doubt {
	const char *name;
	enum host first, second;
	u8 packets;   /* of the second */
	u32 later_ms; /* after the lock */
	bool same_ssrc, conflict;
};

static const struct doubt doubts[] = {
	{ "equal-rank", SIGNAL, SIGNAL, 5, 0, false, true },
	{ "better-rank", LISTED, SIGNAL, 5, 0, false, true },
	{ "worse-rank", SIGNAL, LISTED, 20, 0, false, false },
	{ "same-ssrc", SIGNAL, SIGNAL, 20, 0, true, false },
	{ "four-packets", SIGNAL, SIGNAL, 4, 0, false, false },
	{ "a-second-later", SIGNAL, SIGNAL, 20, 1100, false, false },
	{ "stranger", SIGNAL, STRANGER, 20, 0, false, false },
};

static void doubt(struct test *t, const void *row)
{
	const struct doubt *d = row;
	struct call *c = call_new(t);
	struct sock *first = sock_open(t, 0, 4, d->first, 0),
		    *second = sock_open(t, 0, 4, d->second, 0);
	struct batch b = { 0 };
	struct stream other = stream_new(t);

	call_ranks(c);
	call_set(c);
	call_send_from(c, 0, first, &c->peer[0].out, 12, 30 * MS, &b);
	call_expect(c, 1, &b);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED_WEAK);
	if (d->later_ms) {
		nap(d->later_ms * MS);
		call_wait_state(c, 0, FLOW_STATE_LOCKED);
	}
	if (d->same_ssrc)
		other.ssrc = c->peer[0].out.ssrc;
	call_send_from(c, 0, second, &other, d->packets, 5 * MS, NULL);
	if (d->conflict) {
		client_expect(c->client, FLOW_EVENT_CONFLICT, c->f.id);
		call_send_from(c, 0, first, &c->peer[0].out, 5, MS, NULL);
		call_send(c, 1, 5, MS, NULL);
		call_settle(c, 1, 0, 0, 5);
		CHECK_EQ(t, call_state(c, 0), FLOW_STATE_CONFLICT);
		return;
	}
	call_settle(c, 0, 0, 12, d->packets);
	b.n = 0;
	call_send_from(c, 0, first, &c->peer[0].out, 5, MS, &b);
	call_expect(c, 1, &b);
	CHECK(t, !client_event(c->client, FLOW_EVENT_CONFLICT, c->f.id, 0));
}

/* ---- others, while the source talks ---- */

struct other {
	const char *name;
	u8 mode;
	enum host h;
	bool knows; /* SSRC and sequence number, as who hears the stream does */
	const char *drop;
};

static const struct other others[] = {
	{ "stranger", FLOW_MODE_STATIC, STRANGER, false, "rtp_unlearned" },
	{ "stranger-who-hears", FLOW_MODE_STATIC, STRANGER, true, "rtp_unlearned" },
	{ "neighbour", FLOW_MODE_STATIC, PEER, false, "rtp_unlearned" },
	{ "neighbour-who-hears", FLOW_MODE_STATIC, PEER, true, "rtp_unlearned" },
	{ "nat-stranger", FLOW_MODE_NAT, STRANGER, true, "rtp_unlearned" },
	{ "nat-neighbour", FLOW_MODE_NAT, PEER, false, "rtp_other_source" },
	{ "nat-neighbour-who-hears", FLOW_MODE_NAT, PEER, true, "rtp_other_source" },
	{ "nat-signalling", FLOW_MODE_NAT, SIGNAL, false, "rtp_other_source" },
	{ "nat-signalling-that-hears", FLOW_MODE_NAT, SIGNAL, true, "rtp_other_source" },
};

static void other(struct test *t, const void *row)
{
	const struct other *o = row;
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, o->h, 0);
	struct stream s = stream_new(t);
	struct batch b = { 0 };

	c->f.side[0].mode = o->mode;
	c->f.side[0].sig = host(0, 4, SIGNAL, 0);
	call_set(c);
	call_talk(c, 5);
	for (unsigned i = 0; i < 30; i++) {
		if (o->knows) {
			s = c->peer[0].out;
			rtp_next(&s);
		}
		call_send_from(c, 0, from, &s, 2, 0, NULL);
		call_send(c, 0, 1, 10 * MS, &b);
		call_send(c, 1, 1, 0, NULL);
	}
	call_expect(c, 1, &b);
	call_dropped(c, 0, 0, 35, 60, o->drop);
	CHECK_EQ(t, sock_drain(c->peer[0].rtp, 20 * MS), 30);
	CHECK_EQ(t, call_get(c).report.rtp[0].lost, 0);
}

/* ---- a refresh opens nothing ---- */

struct fresh {
	const char *name;
	void (*change)(struct flow_side *s);
};

static void nothing(struct flow_side *s)
{
}

static void other_sig(struct flow_side *s)
{
	s->sig = host(0, 4, SIGNAL, 0);
}

static void other_acl(struct flow_side *s)
{
	s->n_acl = 1;
	s->acl[0] = host(0, 4, PEER, 0);
	s->acl[0].len = 28;
}

static void other_mode(struct flow_side *s)
{
	s->mode = FLOW_MODE_NAT;
	s->learn_len = 24;
}

static void other_types(struct flow_side *s)
{
	s->ptmap[0][0] = s->ptmap[0][1] = 99;
	s->ptime = 40;
}

static void other_rtcp(struct flow_side *s)
{
	s->remote_rtcp += 2;
}

static const struct fresh fresh[] = {
	{ "same", nothing },    { "signalling", other_sig }, { "acl", other_acl },
	{ "mode", other_mode }, { "types", other_types },    { "rtcp-port", other_rtcp },
};

static void refresh(struct test *t, const void *row)
{
	const struct fresh *f = row;
	struct call *c = call_new(t);
	struct sock *from[3] = { sock_open(t, 0, 4, PEER, 0), sock_open(t, 0, 4, SIGNAL, 0),
				 sock_open(t, 0, 4, MOVED, 0) };

	call_set(c);
	call_talk(c, 5);
	for (unsigned round = 0; round < 3; round++) {
		f->change(&c->f.side[0]);
		call_set(c);
		for (unsigned i = 0; i < 3; i++) {
			struct stream s = stream_new(t);
			call_send_from(c, 0, from[i], &s, 8, MS, NULL);
		}
		call_talk(c, 5);
	}
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
	call_settle(c, 0, 0, 20, 72);
}

/* ---- another SSRC of the same source ---- */

static void new_ssrc(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	call_talk(c, 10);
	c->peer[0].out = stream_new(t);
	call_send(c, 0, 1, 0, NULL); /* one is not enough */
	call_dropped(c, 0, 0, 10, 1, "rtp_ssrc");
	call_send(c, 0, 9, MS, &b);
	call_expect(c, 1, &b);
	struct answer a = call_settle(c, 0, 0, 19, 1);
	CHECK_EQ(t, a.report.rtp[0].ssrc, c->peer[0].out.ssrc);
	CHECK_EQ(t, a.report.rtp[0].ssrcs, 1);
	CHECK_EQ(t, a.report.rtp[0].lost, 0); /* neither stream has a gap in it */
}

/* Single packets of ever other SSRCs, and two that do not follow each other. */
static void stray_ssrcs(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct stream s = stream_new(t);

	call_set(c);
	call_talk(c, 5);
	for (unsigned i = 0; i < 20; i++, s.ssrc++)
		call_send_from(c, 0, c->peer[0].rtp, &s, 1, 0, NULL);
	call_dropped(c, 0, 0, 5, 20, "rtp_ssrc");
	for (unsigned i = 0; i < 5; i++) {
		call_send_from(c, 0, c->peer[0].rtp, &s, 1, 0, NULL);
		s.seq += 100;
	}
	call_dropped(c, 0, 0, 5, 25, "rtp_ssrc");
	call_talk(c, 5);
}

static void often(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	call_talk(c, 3);
	for (unsigned i = 0; i < 5; i++) {
		c->peer[0].out = stream_new(t);
		call_send(c, 0, 1, 0, NULL);
		b.n = 0;
		call_send(c, 0, 3, 0, &b);
		call_expect(c, 1, &b);
	}
	struct stream fifth = c->peer[0].out;
	c->peer[0].out = stream_new(t); /* the sixth within a minute */
	call_send(c, 0, 10, MS, NULL);
	call_dropped(c, 0, 0, 18, 15, "rtp_ssrc");
	CHECK_EQ(t, call_get(c).report.rtp[0].ssrcs, 5);
	c->peer[0].out = fifth;
	call_talk(c, 3);
}

/* What is sent with a type that nobody agreed to is no media, but who sends it is there. */
static void alive_by_junk(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *neighbour = sock_open(t, 0, 4, PEER, 0);
	struct stream s, cn;

	c->f.side[0].mode = FLOW_MODE_NAT;
	call_set(c);
	call_talk(c, 5);
	cn = s = c->peer[0].out;
	cn.pt = 13;
	for (unsigned i = 0; i < 20; i++) {
		call_send_from(c, 0, c->peer[0].rtp, &cn, 1, 20 * MS, NULL);
		if (i >= 12) {
			s.seq = cn.seq;
			s.ts = cn.ts;
			call_send_from(c, 0, neighbour, &s, 1, 0, NULL);
		}
	}
	call_settle(c, 0, 0, 5, 28);
}

void lock_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(doubts); i++)
		list_add(l, 0, doubts[i].later_ms ? CASE_SLOW : 0, doubt, &doubts[i],
			 "source/weak/%s", doubts[i].name);
	for (unsigned i = 0; i < COUNT(others); i++)
		list_add(l, 0, 0, other, &others[i], "source/locked/%s", others[i].name);
	for (unsigned i = 0; i < COUNT(fresh); i++)
		list_add(l, 0, 0, refresh, &fresh[i], "source/refresh/%s", fresh[i].name);
	list_add(l, 0, 0, new_ssrc, NULL, "source/ssrc/new");
	list_add(l, 0, 0, stray_ssrcs, NULL, "source/ssrc/stray");
	list_add(l, 0, 0, often, NULL, "source/ssrc/too-often");
	list_add(l, 0, 0, alive_by_junk, NULL, "source/locked/alive-by-junk");
}
