/* SPDX-License-Identifier: Apache-2.0 */
/* Keys (RFC 4733): heard, taken out, and played. */
#include "secure.h"

#define PT_A 101 /* telephone-event of side 0 */
#define PT_B 96  /* and of side 1 */

static struct call *keyed(struct test *t, u32 flags)
{
	struct call *c = call_new(t);

	for (unsigned side = 0; side < 2; side++) {
		c->f.side[side].dtmf_in = c->f.side[side].dtmf_out = side ? PT_B : PT_A;
		c->f.side[side].n_ptmap = 3;
		c->f.side[side].ptmap[2][0] = side ? PT_B : PT_A;
		c->f.side[side].ptmap[2][1] = side ? PT_A : PT_B;
	}
	c->f.side[0].flags = flags;
	return c;
}

/* ---- heard ---- */

struct key {
	u8 digit;
	u32 ms;
	bool no_end; /* its last packets get lost */
};

/* A key of `ms` within the stream of side 0, a packet each 20 ms of the clock, sent without waiting. *b gets what side 1
 * is to see of it, with `scale` as the ratio of the clocks. */
static void press(struct call *c, const struct key *k, u32 clock, u32 scale, struct batch *b)
{
	struct stream *s = &c->peer[0].out;
	struct flow_addr to = call_port(c, 0);
	u32 steps = k->ms / 20, n = steps + (k->no_end ? 0 : 2);
	u8 p[16];

	for (u32 i = 1; i <= n; i++) {
		u32 ms = (i < steps ? i : steps) * 20;
		bool end = i >= steps && !k->no_end;
		struct stream ev = *s;
		ev.size = 4;
		ev.pt = (u8)(PT_A | (i == 1 ? 0x80 : 0));
		rtp_write(p, &ev);
		p[12] = k->digit;
		p[13] = (u8)(10 | (end ? 0x80 : 0));
		put16(p + 14, (u16)(ms * clock / 1000));
		sock_send(c->t, c->peer[0].rtp, &to, p, sizeof(p));
		if (b) {
			struct packet *q = batch_add(b);
			memcpy(q->data, p, sizeof(p));
			q->data[1] = (u8)(PT_B | (p[1] & 0x80));
			put16(q->data + 14, (u16)(ms * clock / 1000 * scale));
			q->len = sizeof(p);
		}
		s->seq++;
		nap(MS);
	}
	s->ts += k->ms * 8 + 160;
}

static void expect_key(struct call *c, const struct key *k)
{
	struct event *e = client_expect(c->client, FLOW_EVENT_DTMF, c->f.id);

	CHECK_EQ(c->t, e->e.side, 0);
	CHECK_EQ(c->t, e->e.digit, k->digit);
	CHECK_EQ(c->t, e->e.duration_ms, k->ms);
	CHECK(c->t, !client_event(c->client, FLOW_EVENT_DTMF, c->f.id, 0));
}

static const struct key all_keys[16] = {
	{ 0, 100, false },  { 1, 40, false },   { 2, 60, false },   { 3, 80, false },
	{ 4, 100, false },  { 5, 200, false },  { 6, 500, false },  { 7, 1000, false },
	{ 8, 2000, false }, { 9, 100, false },  { 10, 100, false }, { 11, 100, false },
	{ 12, 100, false }, { 13, 100, false }, { 14, 100, false }, { 15, 100, false },
};

static void heard(struct test *t, const void *row)
{
	struct call *c = keyed(t, FLOW_SIDE_DTMF_TELL);

	call_set(c);
	call_relay(c, 0, 5);
	for (unsigned i = 0; i < 16; i++) {
		struct batch b = { 0 };
		press(c, &all_keys[i], 8000, 1, &b);
		call_expect(c, 1, &b); /* relayed as they are, with the other side's type */
		expect_key(c, &all_keys[i]);
		call_relay(c, 0, 2);
	}
}

static void not_told(struct test *t, const void *row)
{
	struct call *c = keyed(t, 0);
	struct batch b = { 0 };

	call_set(c);
	call_relay(c, 0, 5);
	press(c, &all_keys[5], 8000, 1, &b);
	call_expect(c, 1, &b);
	CHECK(t, !client_event(c->client, FLOW_EVENT_DTMF, c->f.id, 100 * MS));
}

/* Its end was lost: it is over when nothing more is heard of it. */
static void no_end(struct test *t, const void *row)
{
	static const struct key k = { 7, 100, true };
	struct call *c = keyed(t, FLOW_SIDE_DTMF_TELL);

	call_set(c);
	call_relay(c, 0, 5);
	press(c, &k, 8000, 1, NULL);
	sock_drain(c->peer[1].rtp, 30 * MS);
	expect_key(c, &k);
}

/* For control alone: the other side gets no packet of it and sees no gap in the numbers. */
static void taken(struct test *t, const void *row)
{
	struct call *c = keyed(t, FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE);
	struct packet p;

	call_set(c);
	call_relay(c, 0, 5);
	u16 next = c->peer[0].out.seq;
	for (unsigned i = 3; i < 6; i++) {
		press(c, &all_keys[i], 8000, 1, NULL);
		expect_key(c, &all_keys[i]);
		call_send(c, 0, 10, MS, NULL);
		for (unsigned k = 0; k < 10; k++, next++) {
			CHECK(t, sock_recv(c->peer[1].rtp, &p, S));
			CHECK_EQ(t, p.data[1], 8);
			CHECK_EQ(t, rtp_seq(p.data), next);
		}
	}
}

/* The other side's clock is another one: durations are scaled, times told are right. */
static void scaled(struct test *t, const void *row)
{
	struct call *c = keyed(t, FLOW_SIDE_DTMF_TELL);
	struct batch b = { 0 };

	c->f.side[1].dtmf_clock = 16000;
	call_set(c);
	call_relay(c, 0, 5);
	press(c, &all_keys[5], 8000, 2, &b);
	call_expect(c, 1, &b);
	expect_key(c, &all_keys[5]);
}

/* From elsewhere: no key. */
static void stranger(struct test *t, const void *row)
{
	struct call *c = keyed(t, FLOW_SIDE_DTMF_TELL);
	struct sock *peer = c->peer[0].rtp, *from = sock_open(t, 0, 4, STRANGER, 0);

	call_set(c);
	call_relay(c, 0, 5);
	c->peer[0].rtp = from;
	press(c, &all_keys[5], 8000, 1, NULL);
	c->peer[0].rtp = peer;
	CHECK(t, !client_event(c->client, FLOW_EVENT_DTMF, c->f.id, 300 * MS));
}

/* ---- played ---- */

struct played {
	unsigned keys, media, events;
	u8 digit[20];
	u32 ms[20]; /* in the clock of the events / 8 */
};

/* All that comes to side 1: sequence numbers rise by one, keys are as RFC 4733 has them. */
static void hear(struct call *c, struct played *p, u32 wait_us)
{
	struct packet q;
	u32 ts = 0;
	bool any = false, open = false;
	u16 seq = 0;

	memset(p, 0, sizeof(*p));
	while (sock_recv(c->peer[1].rtp, &q, wait_us)) {
		if (any && rtp_seq(q.data) != (u16)(seq + 1))
			FAIL(c->t, "sequence number %u comes after %u", rtp_seq(q.data), seq);
		seq = rtp_seq(q.data);
		any = true;
		if ((q.data[1] & 127) != PT_B) {
			p->media++;
			continue;
		}
		CHECK_EQ(c->t, q.len, 16);
		p->events++;
		bool begins = !open || get32(q.data + 4) != ts;
		CHECK_EQ(c->t, q.data[1] >> 7, begins);
		if (begins)
			p->keys++;
		CHECK_RANGE(c->t, p->keys, 1, 20);
		ts = get32(q.data + 4);
		open = true;
		p->digit[p->keys - 1] = q.data[12];
		u32 ms = ((u32)q.data[14] << 8 | q.data[15]) / 8;
		CHECK(c->t, begins || ms >= p->ms[p->keys - 1]);
		p->ms[p->keys - 1] = ms;
	}
}

static void play_idle(struct test *t, const void *row)
{
	struct call *c = keyed(t, 0);
	struct played p;

	call_set(c);
	CHECK_EQ(t, client_key(c->client, c->f.id, 1, 5, 120).status, 0);
	CHECK_EQ(t, client_key(c->client, c->f.id, 1, 11, 0).status, 0);
	hear(c, &p, 300 * MS);
	CHECK_EQ(t, p.keys, 2);
	CHECK_EQ(t, p.digit[0], 5);
	CHECK_EQ(t, p.digit[1], 11);
	CHECK_EQ(t, p.ms[0], 120);
	CHECK_RANGE(t, p.ms[1], 40, 300);
	CHECK_EQ(t, p.media, 0);
	CHECK_RANGE(t, p.events, 8, 40);
}

/* In the place of packets of the stream. */
static void play_within(struct test *t, const void *row)
{
	struct call *c = keyed(t, 0);
	struct played p;

	call_set(c);
	call_relay(c, 0, 5);
	CHECK_EQ(t, client_key(c->client, c->f.id, 1, 3, 100).status, 0);
	call_send(c, 0, 40, 20 * MS, NULL);
	hear(c, &p, 100 * MS);
	CHECK_EQ(t, p.keys, 1);
	CHECK_EQ(t, p.digit[0], 3);
	CHECK_EQ(t, p.ms[0], 100);
	CHECK_EQ(t, p.media + p.events, 40);
	CHECK_RANGE(t, p.events, 4, 12);
	CHECK_EQ(t, call_get(c).report.rtp[0].packets, 45);
}

/* The stream stops, keys are played, and the stream goes on. */
static void play_between(struct test *t, const void *row)
{
	struct call *c = keyed(t, 0);
	struct played p;

	call_set(c);
	call_relay(c, 0, 1);
	call_send(c, 0, 5, 20 * MS, NULL);
	nap(100 * MS);
	CHECK_EQ(t, client_key(c->client, c->f.id, 1, 9, 60).status, 0);
	nap(300 * MS);
	c->peer[0].out.ts += 400 * 8;
	call_send(c, 0, 10, 20 * MS, NULL);
	hear(c, &p, 100 * MS);
	CHECK_EQ(t, p.keys, 1);
	CHECK_EQ(t, p.ms[0], 60);
	CHECK_EQ(t, p.media, 15);
}

static void queue(struct test *t, const void *row)
{
	struct call *c = keyed(t, 0);
	struct played p;

	call_set(c);
	for (u8 i = 0; i < 16; i++)
		CHECK_EQ(t, client_key(c->client, c->f.id, 1, i, 40).status, 0);
	CHECK_EQ(t, client_key(c->client, c->f.id, 1, 0, 40).status, -EBUSY);
	hear(c, &p, 400 * MS);
	CHECK_EQ(t, p.keys, 16);
	for (u8 i = 0; i < 16; i++) {
		CHECK_EQ(t, p.digit[i], i);
		CHECK_EQ(t, p.ms[i], 40);
	}
}

static void refused(struct test *t, const void *row)
{
	struct call *c = keyed(t, 0);

	c->f.side[1].dtmf_out = FLOW_PT_NONE;
	call_set(c);
	CHECK_EQ(t, client_key(c->client, c->f.id, 1, 5, 0).status, -ENOTSUP);
	CHECK_EQ(t, client_key(c->client, c->f.id + 1, 1, 5, 0).status, -ENOENT);
	CHECK(t, client_key(c->client, c->f.id, 1, 16, 0).status < 0);
	CHECK(t, client_key(c->client, c->f.id, 2, 1, 0).status < 0);
}

/* ---- both, to a side with keys of another kind ---- */

static void play_sealed(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, FLOW_SUITE_NONE, *(const u8 *)row);
	struct flow_side *f = s->c->f.side;
	unsigned events = 0, all = 0;
	struct packet p;
	u64 last = 0;

	f[1].dtmf_in = f[1].dtmf_out = PT_B;
	call_set(s->c);
	secure_relay(s, 0, 5);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(t, client_key(s->c->client, s->c->f.id, 1, 4, 60).status, 0);
		secure_send(s, 0, 10, 20 * MS, NULL);
		nap(150 * MS);
		s->c->peer[0].out.ts += 150 * 8;
	}
	last = s->heard[1];
	while (sock_recv(s->c->peer[1].rtp, &p, 300 * MS)) {
		u64 index = secure_estimate(s, 1, rtp_seq(p.data));
		CHECK(t, srtp_open(&f[1].out, p.data, p.len, index) > 0);
		CHECK_EQ(t, index, last + 1); /* each number once, and none left out */
		last = s->heard[1] = index;
		events += (p.data[1] & 127) == PT_B;
		all++;
	}
	CHECK_RANGE(t, events, 9, 40);
	CHECK_RANGE(t, all, 30, 80);
}

static const u8 two_suites[] = { FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_128_GCM };

void dtmf_cases(struct list *l)
{
	list_add(l, FLOW_CAP_DTMF, 0, heard, NULL, "dtmf/heard");
	list_add(l, FLOW_CAP_DTMF, 0, not_told, NULL, "dtmf/not-told");
	list_add(l, FLOW_CAP_DTMF, 0, no_end, NULL, "dtmf/no-end");
	list_add(l, FLOW_CAP_DTMF, 0, taken, NULL, "dtmf/taken");
	list_add(l, FLOW_CAP_DTMF, 0, scaled, NULL, "dtmf/scaled");
	list_add(l, FLOW_CAP_DTMF, 0, stranger, NULL, "dtmf/stranger");
	list_add(l, FLOW_CAP_DTMF, 0, play_idle, NULL, "dtmf/play/idle");
	list_add(l, FLOW_CAP_DTMF, 0, play_within, NULL, "dtmf/play/within-a-stream");
	list_add(l, FLOW_CAP_DTMF, 0, play_between, NULL, "dtmf/play/between-two-streams");
	list_add(l, FLOW_CAP_DTMF, CASE_SLOW, queue, NULL, "dtmf/play/queue");
	list_add(l, FLOW_CAP_DTMF, 0, refused, NULL, "dtmf/play/refused");
	for (unsigned i = 0; i < COUNT(two_suites); i++)
		list_add(l, FLOW_CAP_DTMF | FLOW_CAP_SRTP, CASE_SLOW, play_sealed, &two_suites[i],
			 "dtmf/play/sealed/%s", suite_name(two_suites[i]));
}
