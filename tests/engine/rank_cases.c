/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be the source of a side at all, and where packets go before anyone is. */
#include "suite.h"

enum outcome {
	AT_ONCE, /* rank 0 */
	PROVEN,  /* rank 1: five packets and the end of the probe */
	WEAK,    /* ranks 2 and 3: the same, and doubted for a second */
	REFUSED
};

struct rank {
	const char *name;
	u8 mode;
	u8 learn_len, acl_len; /* acl_len 0: no ACL */
	enum host h;
	bool own_port; /* the source has the port of the SDP */
	enum outcome want;
};

static const struct rank ranks[] = {
	{ "static/sdp", FLOW_MODE_STATIC, 0, 0, PEER, true, AT_ONCE },
	{ "static/other-port", FLOW_MODE_STATIC, 0, 0, PEER, false, REFUSED },
	{ "static/signalling", FLOW_MODE_STATIC, 0, 0, SIGNAL, true, REFUSED },
	{ "static/signalling-prefix", FLOW_MODE_STATIC, 24, 0, MOVED, true, REFUSED },
	{ "static/acl", FLOW_MODE_STATIC, 0, 32, LISTED, false, WEAK },
	{ "static/no-acl", FLOW_MODE_STATIC, 0, 0, LISTED, true, REFUSED },
	{ "static/beside-acl", FLOW_MODE_STATIC, 0, 32, MOVED, true, REFUSED },
	{ "static/acl-31", FLOW_MODE_STATIC, 0, 31, MOVED, false, WEAK },
	{ "static/sdp-and-acl", FLOW_MODE_STATIC, 0, 32, PEER, true, AT_ONCE },
	{ "static/stranger", FLOW_MODE_STATIC, 0, 0, STRANGER, true, REFUSED },
	{ "static/stranger-and-acl", FLOW_MODE_STATIC, 0, 30, STRANGER, true, REFUSED },
	{ "nat/sdp", FLOW_MODE_NAT, 0, 0, PEER, true, AT_ONCE },
	{ "nat/other-port", FLOW_MODE_NAT, 0, 0, PEER, false, PROVEN },
	{ "nat/signalling", FLOW_MODE_NAT, 0, 0, SIGNAL, false, WEAK },
	{ "nat/signalling-with-sdp-port", FLOW_MODE_NAT, 0, 0, SIGNAL, true, WEAK },
	{ "nat/signalling-24", FLOW_MODE_NAT, 24, 0, MOVED, false, WEAK },
	{ "nat/beside-signalling-30", FLOW_MODE_NAT, 30, 0, MOVED, true, REFUSED },
	{ "nat/acl", FLOW_MODE_NAT, 0, 32, LISTED, true, WEAK },
	{ "nat/no-acl", FLOW_MODE_NAT, 0, 0, LISTED, true, REFUSED },
	{ "nat/beside-acl", FLOW_MODE_NAT, 0, 32, MOVED, true, REFUSED },
	{ "nat/stranger", FLOW_MODE_NAT, 0, 0, STRANGER, true, REFUSED },
	{ "nat/stranger-and-acl", FLOW_MODE_NAT, 31, 30, STRANGER, true, REFUSED },
};

static void refused(struct call *c, struct sock *from)
{
	struct stream s = c->peer[0].out;

	call_send_from(c, 0, from, &s, 20, 20 * MS, NULL);
	call_dropped(c, 0, 0, 0, 20, "rtp_unlearned");
	struct flow_addr r = call_get(c).report.rtp[0].refused;
	r.port = from->at.port;
	CHECK(c->t, addr_is(&r, &from->at));
	CHECK_EQ(c->t, call_state(c, 0), FLOW_STATE_PROBE);
	/* Where the SDP's own sends, it is heard all the same. */
	call_relay(c, 0, 5);
}

static void learned(struct call *c, struct sock *from, enum outcome want)
{
	struct batch b = { 0 }, back = { 0 };
	u64 begun = wall_us();

	call_send_from(c, 0, from, &c->peer[0].out, 20, 25 * MS, &b);
	call_expect(c, 1, &b);
	if (want != AT_ONCE)
		CHECK_RANGE(c->t, b.p[0].at_us - begun, 280 * MS, 5 * S);
	else
		CHECK_RANGE(c->t, b.p[0].at_us - begun, 0, 250 * MS);
	call_latched(c, 0, from);
	struct answer a = call_settle(c, 0, 0, 20, 0);
	CHECK(c->t, addr_is(&a.report.rtp[0].source, &from->at));
	CHECK_EQ(c->t, a.report.rtp[0].state,
		 want == WEAK ? FLOW_STATE_LOCKED_WEAK : FLOW_STATE_LOCKED);
	call_send(c, 1, 4, 10 * MS, &back);
	call_expect_at(c, 0, from, &back);
}

static struct call *ranked(struct test *t, const struct rank *r, u8 family)
{
	struct call *c = call_of(t, family, 4);
	struct flow_side *s = &c->f.side[0];

	s->mode = r->mode;
	s->sig = host(0, family, SIGNAL, 0);
	s->learn_len = family == 6 && r->learn_len ? r->learn_len + 96 : r->learn_len;
	if (r->acl_len) {
		s->n_acl = 2;
		s->acl[0] = host(0, family == 4 ? 6 : 4, r->h,
				 0); /* of the other family: matches nobody */
		s->acl[1] = host(0, family, LISTED, 0);
		s->acl[1].len = family == 6 ? r->acl_len + 96 : r->acl_len;
	}
	return c;
}

static void rank_in(struct test *t, const struct rank *r, u8 family)
{
	struct call *c = ranked(t, r, family);
	u16 port = c->f.side[0].remote.port;
	struct sock *from = r->h == PEER && r->own_port
				    ? c->peer[0].rtp
				    : sock_open(t, 0, family, r->h, r->own_port ? port : 0);

	call_set(c);
	if (r->want == REFUSED)
		refused(c, from);
	else
		learned(c, from, r->want);
}

static void rank_4(struct test *t, const void *row)
{
	rank_in(t, row, 4);
}

static void rank_6(struct test *t, const void *row)
{
	rank_in(t, row, 6);
}

/* ---- before the lock ---- */

struct before {
	const char *name;
	unsigned side;
	u8 mode;
	bool sig_is_sdp, no_sdp, sent;
};

static const struct before befores[] = {
	{ "static", 0, FLOW_MODE_STATIC, false, false, true },
	{ "static-private", 1, FLOW_MODE_STATIC, false, false, true },
	{ "nat-public-and-signalled", 0, FLOW_MODE_NAT, true, false, true },
	{ "nat-public-signalled-elsewhere", 0, FLOW_MODE_NAT, false, false, false },
	{ "nat-private", 1, FLOW_MODE_NAT, true, false, false },
	{ "no-sdp", 0, FLOW_MODE_STATIC, true, true, false },
};

static void before_lock(struct test *t, const void *row)
{
	const struct before *b = row;
	struct call *c = call_new(t);
	struct flow_side *s = &c->f.side[b->side];
	struct batch sent = { 0 };

	s->mode = b->mode;
	s->sig = host(b->side, 4, b->sig_is_sdp ? PEER : SIGNAL, 0);
	if (b->no_sdp)
		s->remote = (struct flow_addr){ .family = 0 };
	call_set(c);
	call_send(c, !b->side, 5, MS, &sent);
	if (b->sent) {
		call_expect(c, b->side, &sent);
		return;
	}
	call_dropped(c, !b->side, 0, 0, 5, "rtp_no_destination");
	/* What comes from there is what opens it. */
	if (b->no_sdp)
		return;
	call_relay(c, b->side, 1);
	call_relay(c, !b->side, 5);
}

void rank_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(ranks); i++)
		list_add(l, 0, 0, rank_4, &ranks[i], "source/rank/%s", ranks[i].name);
	for (unsigned i = 0; i < COUNT(ranks); i++)
		if (i % 3 == 0 || ranks[i].learn_len || ranks[i].acl_len)
			list_add(l, FLOW_CAP_IPV6, 0, rank_6, &ranks[i], "source/rank-6/%s",
				 ranks[i].name);
	for (unsigned i = 0; i < COUNT(befores); i++)
		list_add(l, 0, 0, before_lock, &befores[i], "source/before-lock/%s",
			 befores[i].name);
}
