/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and DTLS are for control, where it asked for them, and control can answer. */
#include "suite.h"

/* RFC 8489: a binding request, and one attribute of that many octets. */
static u32 stun(u8 *p, u16 attr)
{
	memset(p, 0, 24u + attr);
	put16(p, 1);
	put16(p + 2, attr ? attr + 4 : 0);
	put32(p + 4, 0x2112a442);
	memcpy(p + 8, "transaction.", 12);
	if (!attr)
		return 20;
	put16(p + 20, 0x8022);
	put16(p + 22, attr);
	return 24u + attr;
}

/* RFC 6347: one handshake record. */
static u32 dtls(u8 *p, u16 n)
{
	memset(p, 1, 13u + n);
	p[0] = 22;
	p[1] = 0xfe;
	p[2] = 0xff;
	put16(p + 11, n);
	return 13u + n;
}

#define STUN FLOW_SIDE_STUN
#define DTLS FLOW_SIDE_DTLS

enum punt_is {
	TO_RTCP = 1,
	RECORD = 2, /* of DTLS, not STUN */
	LATER = 4,  /* RTP came before */
	WANTED = 8
};

struct punt {
	const char *name;
	u32 flags; /* of the side */
	enum host from;
	u32 is;
	u16 n;
};

static const struct punt punts[] = {
	{ "stun", STUN, PEER, LATER | WANTED, 0 },
	{ "stun-before-rtp", STUN, PEER, WANTED, 8 },
	{ "stun-to-rtcp", STUN, PEER, TO_RTCP | LATER | WANTED, 8 },
	{ "stun-from-elsewhere", STUN, STRANGER, WANTED, 0 },
	{ "stun-as-long-as-can-be", STUN, PEER, LATER | WANTED, 1448 },
	{ "stun-not-asked-for", 0, PEER, LATER, 0 },
	{ "stun-with-dtls-asked-for", DTLS, PEER, LATER, 0 },
	{ "dtls", DTLS, PEER, RECORD | LATER | WANTED, 100 },
	{ "dtls-before-rtp", DTLS, PEER, RECORD | WANTED, 200 },
	{ "dtls-to-rtcp", DTLS, PEER, RECORD | TO_RTCP | LATER | WANTED, 100 },
	{ "dtls-from-elsewhere", DTLS, STRANGER, RECORD | LATER, 100 },
	{ "dtls-not-asked-for", 0, PEER, RECORD | LATER, 100 },
	{ "dtls-with-stun-asked-for", STUN, PEER, RECORD | LATER, 100 },
	{ "both", STUN | DTLS, PEER, RECORD | LATER | WANTED, 1000 },
};

/* A call whose side 0 is asked for that. */
static struct call *asks_for(struct test *t, u32 flags, bool talks)
{
	struct call *c = call_new(t);

	c->f.side[0].flags = flags;
	call_set(c);
	if (talks)
		call_talk(c, 3);
	return c;
}

static void punt(struct test *t, const void *row)
{
	const struct punt *r = row;
	bool rtcp = r->is & TO_RTCP, later = r->is & LATER;
	struct call *c = asks_for(t, r->flags, later);
	struct sock *from = r->from == PEER ? (rtcp ? c->peer[0].rtcp : c->peer[0].rtp)
					    : sock_open(t, 0, 4, r->from, 0);
	struct flow_addr to = rtcp ? call_rtcp_port(c, 0) : call_port(c, 0);
	u8 p[1500];
	u32 n = r->is & RECORD ? dtls(p, r->n) : stun(p, r->n);

	sock_send(t, from, &to, p, n);
	if (r->is & WANTED) {
		struct event *e = client_expect(c->client, FLOW_EVENT_PUNT, c->f.id);
		CHECK_EQ(t, e->e.side, 0);
		CHECK_EQ(t, e->e.component, rtcp);
		CHECK(t, addr_is(&e->e.source, &from->at));
		CHECK_EQ(t, e->e.n, n);
		CHECK(t, !memcmp(e->payload, p, n));
	} else {
		call_settle(c, 0, rtcp, later && !rtcp ? 3 : 0, 1);
		CHECK(t, !client_event(c->client, FLOW_EVENT_PUNT, c->f.id, 50 * MS));
	}
	/* Media learns nothing from it. */
	CHECK_EQ(t, call_state(c, 0), later ? FLOW_STATE_LOCKED : FLOW_STATE_PROBE);
	call_talk(c, 3);
}

/* ---- what is none ---- */

struct bad {
	const char *name;
	u32 n;
	u8 p[32];
};

static const struct bad bads[] = {
	{ "stun-short", 19, { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 } },
	{ "stun-length-lie", 24, { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 } },
	{ "stun-length-odd", 21, { 0, 1, 0, 1, 0x21, 0x12, 0xa4, 0x42 } },
	{ "stun-other-cookie", 20, { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43 } },
	{ "dtls-short", 12, { 22, 0xfe, 0xff } },
	{ "dtls-length-lie", 20, { 22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 200 } },
	{ "dtls-of-version-0", 20, { 22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7 } },
};

static void bad(struct test *t, const void *row)
{
	const struct bad *b = row;
	struct call *c = asks_for(t, STUN | DTLS, true);
	struct flow_addr to = call_port(c, 0);

	sock_send(t, c->peer[0].rtp, &to, b->p, b->n);
	call_settle(c, 0, 0, 3, 1);
	CHECK(t, !client_event(c->client, FLOW_EVENT_PUNT, c->f.id, 50 * MS));
	call_talk(c, 3);
}

/* ---- not too many ---- */

static unsigned count_punts(struct call *c)
{
	unsigned n = 0;

	while (client_event(c->client, FLOW_EVENT_PUNT, c->f.id, 100 * MS))
		n++;
	return n;
}

static void rate(struct test *t, const void *row)
{
	struct call *c = asks_for(t, STUN, true);
	struct flow_addr to = call_port(c, 0);
	u8 p[24];
	u32 n = stun(p, 0);
	u64 began = now_us();

	for (unsigned i = 0; i < 400; i++) {
		sock_send(t, c->peer[0].rtp, &to, p, n);
		if (i % 10 == 9)
			nap(5 * MS);
	}
	u32 seconds = (u32)((now_us() - began) / S); /* on processors that are played by software */
	nap(30 * MS);
	unsigned got = count_punts(c);
	CHECK_RANGE(t, got, 40, 50 * (2 + seconds)); /* a second may have ended meanwhile */
	call_settle(c, 0, 0, 3, 400 - got);
	call_talk(c, 3);
}

/* Strangers do not use up the peer's. */
static void strangers(struct test *t, const void *row)
{
	struct call *c = asks_for(t, STUN, true);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct flow_addr to = call_port(c, 0);
	u8 p[24];
	u32 n = stun(p, 0);

	for (unsigned i = 0; i < 300; i++)
		sock_send(t, from, &to, p, n);
	nap(50 * MS);
	p[19] = 'P';
	sock_send(t, c->peer[0].rtp, &to, p, n);
	for (;;) {
		struct event *e = client_expect(c->client, FLOW_EVENT_PUNT, c->f.id);
		if (addr_is(&e->e.source, &c->peer[0].rtp->at))
			return;
	}
}

/* ---- SEND ---- */

static void expect_sent(struct call *c, struct sock *at, const struct flow_addr *from,
			const void *data, u32 n)
{
	struct packet *p = sock_expect(c->t, at);

	CHECK_EQ(c->t, p->len, n);
	CHECK(c->t, !memcmp(p->data, data, n));
	CHECK(c->t, addr_is(&p->from, from));
}

static const u32 send_sizes[] = { 1, 20, 500, 1472 };

static void send_one(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *other = sock_open(t, 0, 4, SIGNAL, 0);
	struct flow_addr rtp = call_port(c, 0), rtcp = call_rtcp_port(c, 0);
	u32 n = *(const u32 *)row;
	u8 p[1500];

	memset(p, 0x5c, sizeof(p));
	call_set(c);
	call_talk(c, 3);
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 0, 0, &other->at, p, n).status, 0);
	expect_sent(c, other, &rtp, p, n);
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 0, 1, &c->peer[0].rtcp->at, p, n).status,
		 0);
	expect_sent(c, c->peer[0].rtcp, &rtcp, p, n);
	/* Without an address: to where the media goes. */
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 0, 0, NULL, p, n).status, 0);
	expect_sent(c, c->peer[0].rtp, &rtp, p, n);
	struct flow_addr at = call_port(c, 1);
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 1, 0, NULL, p, n).status, 0);
	expect_sent(c, c->peer[1].rtp, &at, p, n);
	call_settle(c, 0, 0, 3, 0); /* it is no media and counts as none */
}

static void send_to_learned(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *real = sock_open(t, 0, 4, PEER, 0);
	struct flow_addr rtp = call_port(c, 0);
	struct batch b = { 0 };

	call_nat(c, 0);
	call_set(c);
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 0, 0, NULL, "x", 1).status, -EHOSTUNREACH);
	call_send_from(c, 0, real, &c->peer[0].out, 20, 25 * MS, &b);
	call_expect(c, 1, &b);
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 0, 0, NULL, "x", 1).status, 0);
	expect_sent(c, real, &rtp, "x", 1);
}

static void send_refused(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u8 p[FLOW_PAYLOAD_MAX + 1] = { 0 };

	c->f.side[0].remote = (struct flow_addr){ .family = 0 };
	call_set(c);
	CHECK_EQ(t, client_datagram(c->client, c->f.id + 1, 0, 0, NULL, p, 4).status, -ENOENT);
	CHECK_EQ(t, client_datagram(c->client, c->f.id, 0, 0, NULL, p, 4).status, -EHOSTUNREACH);
	CHECK_EQ(
		t,
		client_datagram(c->client, c->f.id, 0, 0, &c->peer[0].rtp->at, p, sizeof(p)).status,
		-EMSGSIZE);
	CHECK(t, client_datagram(c->client, c->f.id, 2, 0, NULL, p, 4).status < 0);
	CHECK(t, client_datagram(c->client, c->f.id, 0, 2, NULL, p, 4).status < 0);
	CHECK(t, client_datagram(c->client, c->f.id, 0, 0, NULL, p, 0).status < 0);
}

void punt_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(punts); i++)
		list_add(l, FLOW_CAP_PUNT, 0, punt, &punts[i], "punt/%s", punts[i].name);
	for (unsigned i = 0; i < COUNT(bads); i++)
		list_add(l, FLOW_CAP_PUNT, 0, bad, &bads[i], "punt/bad/%s", bads[i].name);
	list_add(l, FLOW_CAP_PUNT, 0, rate, NULL, "punt/fifty-a-second");
	list_add(l, FLOW_CAP_PUNT, 0, strangers, NULL, "punt/strangers");
	for (unsigned i = 0; i < COUNT(send_sizes); i++)
		list_add(l, FLOW_CAP_PUNT, 0, send_one, &send_sizes[i], "send/%u", send_sizes[i]);
	list_add(l, FLOW_CAP_PUNT, 0, send_to_learned, NULL, "send/to-the-learned-source");
	list_add(l, FLOW_CAP_PUNT, 0, send_refused, NULL, "send/refused");
}
