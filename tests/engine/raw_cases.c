/* SPDX-License-Identifier: Apache-2.0 */
/* FLOW_KIND_RAW: datagrams that are passed as they are, UDPTL above all. */
#include "suite.h"

static struct call *raw(struct test *t)
{
	struct call *c = call_new(t);

	c->f.kind = FLOW_KIND_RAW;
	return c;
}

static void pass(struct call *c, unsigned from, struct sock *s, const void *data, u32 n)
{
	struct flow_addr to = call_port(c, from);

	sock_send(c->t, s, &to, data, n);
	struct packet *p = sock_expect(c->t, c->peer[!from].rtp);
	CHECK_EQ(c->t, p->len, n);
	CHECK(c->t, !memcmp(p->data, data, n));
	CHECK(c->t, addr_is(&p->from, &c->f.side[!from].local));
	CHECK_EQ(c->t, p->tos >> 2, c->f.side[!from].dscp);
}

static void put(struct call *c, struct sock *s, unsigned n)
{
	struct flow_addr to = call_port(c, 0);

	for (unsigned i = 0; i < n; i++)
		sock_send(c->t, s, &to, "\0\1\2\3\4\5\6", 7);
}

/* ---- contents ---- */

struct content {
	const char *name;
	u32 n;
	u8 first[4];
};

static const struct content contents[] = {
	{ "udptl", 30, { 0, 0, 1, 6 } },         { "like-rtp", 172, { 0x80, 8, 0, 1 } },
	{ "like-rtcp", 8, { 0x80, 201, 0, 1 } }, { "like-stun", 20, { 0, 1, 0, 0 } },
	{ "like-dtls", 60, { 22, 0xfe, 0xff } }, { "one-octet", 1, { 0 } },
	{ "as-long-as-can-be", 1472, { 0xff } }, { "like-bad-rtp", 11, { 0x9f, 3 } },
};

static void content(struct test *t, const void *row)
{
	const struct content *r = row;
	struct call *c = raw(t);
	u8 p[1500];

	call_set(c);
	for (u32 i = 0; i < r->n; i++)
		p[i] = (u8)(i * 3);
	memcpy(p, r->first, r->n < 4 ? r->n : 4);
	for (unsigned i = 0; i < 3; i++) {
		pass(c, 0, c->peer[0].rtp, p, r->n);
		pass(c, 1, c->peer[1].rtp, p, r->n);
	}
	struct answer a = call_settle(c, 0, 0, 3, 0);
	CHECK_EQ(t, a.report.rtp[0].octets, 3 * r->n);
	CHECK_EQ(t, a.report.rtp[0].state, FLOW_STATE_LOCKED);
}

static void empty(struct test *t, const void *row)
{
	struct call *c = raw(t);
	struct flow_addr to = call_port(c, 0);

	call_set(c);
	sock_send(t, c->peer[0].rtp, &to, "", 0);
	call_dropped(c, 0, 0, 0, 1, "rtp_short");
	pass(c, 0, c->peer[0].rtp, "x", 1);
}

static void no_rtcp(struct test *t, const void *row)
{
	struct call *c = raw(t);

	call_set(c);
	pass(c, 0, c->peer[0].rtp, "x", 1);
	call_report(c, 0, "\x80\xc9\0\1\0\0\0\1", 8);
	call_dropped(c, 0, 1, 0, 1, "not_media");
}

/* ---- sources ---- */

static struct call *nat(struct test *t, u32 acl)
{
	struct call *c = raw(t);
	struct flow_side *s = &c->f.side[0];

	s->mode = FLOW_MODE_NAT;
	s->sig = host(0, 4, SIGNAL, 0);
	s->n_acl = acl > 0;
	s->acl[0] = acl ? host(0, 4, LISTED, 0) : (struct flow_addr){ .family = 0 };
	s->acl[0].len = (u8)acl;
	call_set(c);
	return c;
}

static void stranger(struct test *t, const void *row)
{
	struct call *c = nat(t, 0);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);

	put(c, from, 20);
	call_dropped(c, 0, 0, 0, 20, "rtp_unlearned");
	pass(c, 0, c->peer[0].rtp, "x", 1);
	put(c, from, 20);
	pass(c, 1, c->peer[1].rtp, "yy", 2);
	call_settle(c, 0, 0, 1, 40);
}

/* The first one has it; in the second after that one of a better rank takes it, and no other. */
static void better(struct test *t, const void *row)
{
	struct call *c = nat(t, 32);
	struct sock *listed = sock_open(t, 0, 4, LISTED, 0),
		    *signal = sock_open(t, 0, 4, SIGNAL, 0);

	pass(c, 0, listed, "a", 1);
	pass(c, 0, signal, "b", 1);
	put(c, listed, 5);
	call_dropped(c, 0, 0, 2, 5, "rtp_other_source");
	pass(c, 0, c->peer[0].rtp, "c", 1);
	put(c, signal, 5);
	call_settle(c, 0, 0, 3, 10);
	pass(c, 1, c->peer[1].rtp, "d", 1);
}

static void too_late(struct test *t, const void *row)
{
	struct call *c = nat(t, 0);
	struct sock *signal = sock_open(t, 0, 4, SIGNAL, 0);

	pass(c, 0, signal, "a", 1);
	nap(1100 * MS);
	pass(c, 0, signal, "b", 1);
	put(c, c->peer[0].rtp, 5);
	call_dropped(c, 0, 0, 2, 5, "rtp_other_source");
}

struct silent {
	const char *name;
	enum host h;
	u32 ms;
	bool hold, moves;
};

static const struct silent silents[] = {
	{ "other-port", PEER, 2100, false, true },
	{ "other-port-too-soon", PEER, 1000, false, false },
	{ "other-port-on-hold", PEER, 2100, true, false },
	{ "worse-rank", SIGNAL, 2100, false, false },
	{ "stranger", STRANGER, 2100, false, false },
};

static void silent(struct test *t, const void *row)
{
	const struct silent *r = row;
	struct call *c = nat(t, 0);
	struct sock *first = sock_open(t, 0, 4, PEER, 0), *other = sock_open(t, 0, 4, r->h, 0);

	pass(c, 0, first, "a", 1); /* the SDP's address, another port */
	if (r->hold) {
		c->f.side[0].flags = FLOW_SIDE_HOLD;
		call_set(c);
	}
	nap(r->ms * MS);
	if (r->moves) {
		pass(c, 0, other, "b", 1);
		return;
	}
	put(c, other, 5);
	call_settle(c, 0, 0, 1, 5);
	pass(c, 0, first, "c", 1);
}

/* Before the SDP is known nothing is relayed, and nothing is held back for later. */
static void no_sdp(struct test *t, const void *row)
{
	struct call *c = raw(t);
	struct flow_side s = c->f.side[0];

	c->f.side[0].remote = (struct flow_addr){ .family = 0 };
	call_set(c);
	put(c, c->peer[0].rtp, 3);
	call_dropped(c, 0, 0, 0, 3, "rtp_not_ready");
	c->f.side[0] = s;
	call_set(c);
	pass(c, 0, c->peer[0].rtp, "x", 1);
}

void raw_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(contents); i++)
		list_add(l, 0, 0, content, &contents[i], "raw/content/%s", contents[i].name);
	list_add(l, 0, 0, empty, NULL, "raw/empty");
	list_add(l, 0, 0, no_rtcp, NULL, "raw/no-rtcp");
	list_add(l, 0, 0, stranger, NULL, "raw/stranger");
	list_add(l, 0, 0, better, NULL, "raw/better-rank");
	list_add(l, 0, CASE_SLOW, too_late, NULL, "raw/better-rank-too-late");
	for (unsigned i = 0; i < COUNT(silents); i++)
		list_add(l, 0, CASE_SLOW, silent, &silents[i], "raw/silence/%s", silents[i].name);
	list_add(l, 0, 0, no_sdp, NULL, "raw/no-sdp");
}
