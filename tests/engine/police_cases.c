/* SPDX-License-Identifier: Apache-2.0 */
/* RATE and BURST: who sends more than was negotiated loses his own packets and nobody else's. A packet of these
 * streams counts 200 octets: 12 and 160 and the 28 that are added. */
#include "suite.h"

#define OCTETS 200

static struct call *policed(struct test *t, u32 packets_s, u32 burst)
{
	struct call *c = call_new(t);

	c->f.side[0].rate = packets_s * OCTETS;
	c->f.side[0].burst = burst * OCTETS;
	return c;
}

static u64 relayed(struct call *c)
{
	return call_get(c).report.rtp[0].packets;
}

struct rate {
	const char *name;
	u32 rate, burst; /* in packets */
	u32 n, gap_us;
};

static const struct rate rates[] = {
	{ "twice-the-rate", 100, 10, 200, 5 * MS },
	{ "ten-times-the-rate", 50, 10, 500, 2 * MS },
	{ "a-thousand-at-once", 50, 20, 1000, 0 },
};

static void over(struct test *t, const void *row)
{
	const struct rate *r = row;
	struct call *c = policed(t, r->rate, r->burst);

	call_set(c);
	u64 begun = now_us();
	for (u32 i = 0; i < r->n; i += 20) {
		call_send(c, 0, 20, r->gap_us, NULL);
		if (!r->gap_us)
			nap(MS);
	}
	u64 took = now_us() - begun;
	nap(30 * MS);
	struct answer a = call_get(c);
	u64 passed = a.report.rtp[0].packets;
	CHECK_EQ(t, passed + a.report.rtp[0].dropped, r->n);
	CHECK_EQ(t, a.report.rtp[0].policed, r->n - passed);
	CHECK(t, !strcmp(a.report.rtp[0].last_drop, "policed"));
	u64 due = r->burst + took * r->rate / S;
	CHECK_RANGE(t, passed, due * 6 / 10 - 2,
		    due * 11 / 10 + 6); /* less where they came in heaps */
	CHECK_EQ(t, sock_drain(c->peer[1].rtp, 20 * MS), passed);
	struct event *e = client_expect(c->client, FLOW_EVENT_FLOOD, c->f.id);
	CHECK_EQ(t, e->e.side, 0);
	CHECK(t, !client_event(c->client, FLOW_EVENT_FLOOD, c->f.id, 0)); /* once in ten seconds */
	/* When it is done, it has its rate again. */
	nap(500 * MS);
	call_relay(c, 0, 5);
	call_relay(c, 1, 5);
}

static void burst(struct test *t, const void *row)
{
	struct call *c = policed(t, 10, 30);

	call_set(c);
	call_relay(c, 0, 1);
	nap(200 * MS);
	u64 before = relayed(c);
	call_send(c, 0, 100, 0, NULL);
	nap(50 * MS);
	CHECK_RANGE(t, relayed(c) - before, 29, 34);
	sock_drain(c->peer[1].rtp, 20 * MS);
}

/* With what the network does to the gaps, but no more than was agreed. */
static void within(struct test *t, const void *row)
{
	struct call *c = policed(t, 60, 10);
	struct batch b = { 0 };

	call_set(c);
	for (unsigned i = 0; i < 8; i++) {
		nap(100 * MS);
		call_send(c, 0, 5, 0, &b);
	}
	call_expect(c, 1, &b);
	struct answer a = call_settle(c, 0, 0, 40, 0);
	CHECK_EQ(t, a.report.rtp[0].policed, 0);
	CHECK(t, !client_event(c->client, FLOW_EVENT_FLOOD, c->f.id, 0));
}

static void no_limit(struct test *t, const void *row)
{
	struct call *c = policed(t, 0, 0);

	call_set(c);
	for (unsigned i = 0; i < 100; i++) {
		struct batch b = { 0 };
		call_send(c, 0, 20, 0, &b);
		call_expect(c, 1, &b);
		free(b.p);
	}
	call_settle(c, 0, 0, 2000, 0);
}

/* Larger packets take more. */
static void by_octets(struct test *t, const void *row)
{
	struct call *c = policed(t, 1, 10);

	c->peer[0].out.size = 960; /* 1000 octets each */
	call_set(c);
	call_send(c, 0, 20, 0, NULL);
	nap(50 * MS);
	CHECK_RANGE(t, relayed(c), 2, 4);
	sock_drain(c->peer[1].rtp, 20 * MS);
}

static void new_rate(struct test *t, const void *row)
{
	struct call *c = policed(t, 10, 5);

	call_set(c);
	call_send(c, 0, 50, 0, NULL);
	nap(30 * MS);
	CHECK_RANGE(t, relayed(c), 4, 8);
	sock_drain(c->peer[1].rtp, 20 * MS);
	c->f.side[0].rate = 0;
	call_set(c);
	call_relay(c, 0, 100);
	c->f.side[0].rate = 10 * OCTETS;
	call_set(c);
	u64 before = relayed(c);
	call_send(c, 0, 50, 0, NULL);
	nap(30 * MS);
	CHECK_RANGE(t, relayed(c) - before, 0, 8);
	sock_drain(c->peer[1].rtp, 20 * MS);
}

/* Each side has its own. */
static void other_side(struct test *t, const void *row)
{
	struct call *c = policed(t, 10, 5);

	call_set(c);
	call_send(c, 0, 100, 0, NULL);
	call_relay(c, 1, 100);
	sock_drain(c->peer[1].rtp, 50 * MS);
}

/* Others cannot use up what is a side's. */
static void strangers(struct test *t, const void *row)
{
	struct call *c = policed(t, 50, 10);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct stream s;

	call_set(c);
	call_relay(c, 0, 2);
	s = c->peer[0].out;
	for (unsigned i = 0; i < 20; i++) {
		call_send_from(c, 0, from, &s, 20, 0, NULL);
		nap(2 * MS);
		call_relay(c, 0, i % 3 == 0);
	}
	CHECK_EQ(t, call_settle(c, 0, 0, 9, 400).report.rtp[0].policed, 0);
}

/* ---- neighbours ---- */

#define NEIGHBOURS 8

static void flood(struct test *t, const void *row)
{
	struct call *evil = policed(t, 60, 20), *c[NEIGHBOURS];
	struct batch b[NEIGHBOURS] = { 0 };

	call_set(evil);
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		c[i] = policed(t, 60, 20);
		call_set(c[i]);
	}
	u64 begun = now_us();
	for (unsigned tick = 0; tick < 50; tick++) {
		for (unsigned i = 0; i < NEIGHBOURS; i++)
			call_send(c[i], 0, 1, 0, &b[i]);
		for (unsigned i = 0; i < 10; i++) {
			call_send(evil, 0, 20, 0, NULL);
			nap(2 * MS);
		}
	}
	for (unsigned i = 0; i < NEIGHBOURS; i++) {
		call_expect(c[i], 1, &b[i]);
		CHECK_EQ(t, call_settle(c[i], 0, 0, 50, 0).report.rtp[0].lost, 0);
	}
	struct answer a = call_get(evil);
	CHECK_RANGE(t, a.report.rtp[0].packets, 20, 26 + 60 * (now_us() - begun) / S);
	CHECK_EQ(t, sock_drain(evil->peer[1].rtp, 20 * MS), a.report.rtp[0].packets);
}

void police_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(rates); i++)
		list_add(l, 0, CASE_SLOW, over, &rates[i], "police/%s", rates[i].name);
	list_add(l, 0, 0, burst, NULL, "police/burst");
	list_add(l, 0, 0, within, NULL, "police/within");
	list_add(l, 0, CASE_NOISE, no_limit, NULL, "police/no-limit");
	list_add(l, 0, 0, by_octets, NULL, "police/by-octets");
	list_add(l, 0, 0, new_rate, NULL, "police/new-rate");
	list_add(l, 0, 0, other_side, NULL, "police/other-side");
	list_add(l, 0, 0, strangers, NULL, "police/strangers");
	list_add(l, 0, CASE_NOISE, flood, NULL, "police/flood-and-neighbours");
}
