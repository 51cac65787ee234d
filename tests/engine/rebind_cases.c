/* SPDX-License-Identifier: Apache-2.0 */
/* A NAT gives the peer another port in the middle of a call. */
#include "suite.h"

struct rebind {
	const char *name;
	u32 wait_ms;
	enum host h;
	u8 mode, ptime, n;
	u16 seq;   /* added to what is right */
	s32 ts_ms; /* the same, of the timestamp */
	bool ssrc; /* another one */
	bool hold, moves;
};

#define NAT FLOW_MODE_NAT

static const struct rebind rebinds[] = {
	{ "as-it-was", 250, PEER, NAT, 20, 10, 0, 0, false, false, true },
	{ "two-seconds-later", 2000, PEER, NAT, 20, 10, 0, 0, false, false, true },
	{ "ptime-60", 700, PEER, NAT, 60, 10, 0, 0, false, false, true },
	{ "ptime-60-too-soon", 250, PEER, NAT, 60, 10, 0, 0, false, false, false },
	{ "a-few-lost", 250, PEER, NAT, 20, 10, 60, 0, false, false, true },
	{ "timestamp-a-third-off", 300, PEER, NAT, 20, 10, 0, 80, false, false, true },
	{ "four-packets", 250, PEER, NAT, 20, 4, 0, 0, false, false, false },
	{ "other-ssrc", 250, PEER, NAT, 20, 20, 0, 0, true, false, false },
	{ "other-address", 250, MOVED, NAT, 20, 20, 0, 0, false, false, false },
	{ "stranger", 250, STRANGER, NAT, 20, 20, 0, 0, false, false, false },
	{ "sequence-back", 250, PEER, NAT, 20, 20, 0xff80, 0, false, false, false },
	{ "sequence-jump", 250, PEER, NAT, 20, 20, 1000, 0, false, false, false },
	{ "timestamp-stands", 400, PEER, NAT, 20, 8, 0, -390, false, false, false },
	{ "timestamp-jump", 250, PEER, NAT, 20, 20, 0, 5000, false, false, false },
	{ "static", 250, PEER, FLOW_MODE_STATIC, 20, 20, 0, 0, false, false, false },
	{ "hold", 250, PEER, NAT, 20, 20, 0, 0, false, true, false },
};

static void later(struct stream *s, u32 ms)
{
	s->seq += (u16)(ms / 20);
	s->ts += ms * 8;
}

static struct call *locked(struct test *t, u8 mode)
{
	struct call *c = call_new(t);

	c->f.side[0].mode = mode;
	c->f.side[0].sig = host(0, 4, MOVED, 0); /* eligible, and elsewhere */
	call_set(c);
	call_talk(c, 5);
	call_latched(c, 0, c->peer[0].rtp);
	return c;
}

static void rebind(struct test *t, const void *row)
{
	const struct rebind *r = row;
	struct call *c = locked(t, r->mode);
	struct stream *s = &c->peer[0].out, was;
	struct sock *old = c->peer[0].rtp, *moved = sock_open(t, 0, 4, r->h, 0);
	struct batch b = { 0 };

	c->f.side[0].ptime = r->ptime;
	c->f.side[0].flags = r->hold ? FLOW_SIDE_HOLD : 0;
	call_set(c);
	call_relay(c, 0, 1);
	was = *s;
	u64 silent = now_us();
	nap(r->wait_ms * MS);
	later(s, (u32)((now_us() - silent) / MS));
	s->seq += r->seq;
	s->ts += (u32)r->ts_ms * 8;
	s->ssrc += r->ssrc;
	call_send_from(c, 0, moved, s, r->n, 20 * MS, &b);
	if (!r->moves) {
		nap(50 * MS);
		CHECK_EQ(t, call_get(c).report.rtp[0].packets, 6);
		call_not_latched(c, 0);
		*s = was;
		later(s, (u32)((now_us() - silent) / MS));
		call_talk(c, 5); /* the old one is still the one */
		return;
	}
	call_expect(c, 1, &b); /* all of them: the first ones were kept */
	call_latched(c, 0, moved);
	b.n = 0;
	call_send(c, 1, 5, MS, &b);
	call_expect_at(c, 0, moved, &b);
	b.n = 0;
	struct stream late = *s;
	call_send_from(c, 0, old, &late, 5, MS, NULL);
	call_send_from(c, 0, moved, s, 5, MS, &b);
	call_expect(c, 1, &b);
}

/* While the source sends, nobody else may have its place, whatever it knows. */
static void while_it_sends(struct test *t, const void *row)
{
	struct call *c = locked(t, NAT);
	struct sock *other = sock_open(t, 0, 4, PEER, 0);
	struct batch b = { 0 };

	for (unsigned i = 0; i < 40; i++) {
		call_send(c, 0, 1, 10 * MS, &b);
		struct stream s = c->peer[0].out;
		s.seq += 3;
		call_send_from(c, 0, other, &s, 1, 10 * MS, NULL);
	}
	call_expect(c, 1, &b);
	call_dropped(c, 0, 0, 45, 40, "rtp_other_source");
}

/* It comes back before the other is proven: that one's packets are nobody's. */
static void comes_back(struct test *t, const void *row)
{
	struct call *c = locked(t, NAT);
	struct sock *other = sock_open(t, 0, 4, PEER, 0);
	struct stream *s = &c->peer[0].out, fake;

	for (unsigned i = 0; i < 3; i++) {
		nap(250 * MS);
		later(s, 250);
		fake = *s;
		call_send_from(c, 0, other, &fake, 3, 20 * MS, NULL);
		later(s, 60);
		call_relay(c, 0, 5);
		call_relay(c, 1, 3);
	}
	call_settle(c, 0, 0, 20, 9);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
}

static struct sock *move(struct call *c, bool works)
{
	struct sock *to = sock_open(c->t, 0, 4, PEER, 0);
	struct batch b = { 0 };

	nap(230 * MS);
	later(&c->peer[0].out, 230);
	call_send_from(c, 0, to, &c->peer[0].out, 6, 20 * MS, &b);
	if (works)
		call_expect(c, 1, &b);
	return to;
}

static void too_often(struct test *t, const void *row)
{
	struct call *c = locked(t, NAT);
	struct sock *last = NULL;
	struct batch b = { 0 };

	for (unsigned i = 0; i < 3; i++)
		last = move(c, true);
	struct sock *fourth = move(c, false);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_FROZEN);
	move(c, false);
	/* The last one is still heard, and only it. */
	call_send_from(c, 0, last, &c->peer[0].out, 5, MS, &b);
	call_expect(c, 1, &b);
	b.n = 0;
	call_send(c, 1, 3, MS, &b);
	call_expect_at(c, 0, last, &b);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_FROZEN);
	/* New SDP opens it. */
	c->f.side[0].remote = fourth->at;
	call_set(c);
	b.n = 0;
	call_send_from(c, 0, fourth, &c->peer[0].out, 5, MS, &b);
	call_expect(c, 1, &b);
	CHECK_EQ(t, call_state(c, 0), FLOW_STATE_LOCKED);
}

/* ---- many trials at once, and an attack at the same time ---- */

#define TRIALS 18
#define TICKS  110

struct trial {
	struct call *c;
	struct sock *moved;
	unsigned stop, go; /* ticks of 20 ms */
	u64 begun_us;
	u32 begun_ts;
	u64 went_us;
	u64 gap_us;
	unsigned sent, got;
};

static int by_gap(const void *a, const void *b)
{
	const struct trial *x = a, *y = b;

	return x->gap_us < y->gap_us ? -1 : x->gap_us > y->gap_us;
}

static void tick(struct trial *r, unsigned now, struct sock *attacker)
{
	struct stream *s = &r->c->peer[0].out, evil;

	if (!now) {
		r->begun_us = now_us();
		r->begun_ts = s->ts;
	}
	s->ts = r->begun_ts +
		(u32)((now_us() - r->begun_us) * 8 / MS); /* however late this tick is */
	evil = *s;
	evil.ssrc ^= now & 1;
	call_send_from(r->c, 0, attacker, &evil, 2, 0, NULL);
	if (now < r->stop) {
		call_send_from(r->c, 0, r->c->peer[0].rtp, s, 1, 0, NULL);
	} else if (now < r->go) {
		rtp_next(s); /* it goes on, but the NAT has lost it */
	} else {
		if (!r->sent++)
			r->went_us = wall_us();
		call_send_from(r->c, 0, r->moved, s, 1, 0, NULL);
	}
}

static void collect(struct test *t, struct trial *r)
{
	struct packet p;
	u64 first = 0;

	while (sock_recv(r->c->peer[1].rtp, &p, 0)) {
		CHECK_EQ(t, rtp_ssrc(p.data), r->c->peer[0].out.ssrc);
		if (p.at_us >= r->went_us) {
			r->got++;
			first = first ? first : p.at_us;
		}
	}
	r->gap_us = first ? first - r->went_us : 100 * S;
}

static void trials(struct test *t, const void *row)
{
	struct trial r[TRIALS];
	struct sock *attacker = sock_open(t, 0, 4, STRANGER, 0);

	for (unsigned i = 0; i < TRIALS; i++) {
		struct call *c = call_new(t);
		unsigned stop = 10 + test_random(t) % 20;
		c->f.side[0].mode = NAT;
		c->f.side[0].local_rtcp = c->f.side[1].local_rtcp = 0;
		call_set(c);
		r[i] = (struct trial){ .c = c, .stop = stop, .go = stop + test_random(t) % 50 };
	}
	for (unsigned i = 0; i < TRIALS; i++)
		r[i].moved = sock_open(t, 0, 4, PEER, 0);
	u64 next = now_us(), begun = next;
	for (unsigned now = 0; now < TICKS; now++, next += 20 * MS) {
		for (unsigned i = 0; i < TRIALS; i++)
			tick(&r[i], now, attacker);
		u64 is = now_us();
		nap(next > is ? (u32)(next - is) : 0);
	}
	nap(50 * MS);
	for (unsigned i = 0; i < TRIALS; i++)
		collect(t, &r[i]);
	qsort(r, TRIALS, sizeof(r[0]), by_gap);
	u64 took = now_us() - begun;
	if (took > TICKS * 25 * MS)
		test_slow(t, (u32)(took / TICKS));
	CHECK_RANGE(t, r[TRIALS - 1].gap_us, 0, 99 * S); /* each of them was learned again */
	CHECK_RANGE(t, r[TRIALS / 2].gap_us, 0, 350 * MS);
}

void rebind_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(rebinds); i++)
		list_add(l, 0, rebinds[i].wait_ms > 500 ? CASE_SLOW : 0, rebind, &rebinds[i],
			 "source/rebind/%s", rebinds[i].name);
	list_add(l, 0, 0, while_it_sends, NULL, "source/rebind/while-it-sends");
	list_add(l, 0, 0, comes_back, NULL, "source/rebind/comes-back");
	list_add(l, 0, CASE_SLOW, too_often, NULL, "source/rebind/too-often");
	list_add(l, 0, CASE_SLOW, trials, NULL, "source/rebind/%u-trials", TRIALS);
}
