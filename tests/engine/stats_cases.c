/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted and measured (RFC 3550 6.4, A.3, A.8), and when silence is told. */
#include "suite.h"

/* ---- losses ---- */

struct loss {
	const char *name;
	u16 first;
	s16 step[16]; /* from each packet to the next; 0 ends it */
	s64 lost;
};

static const struct loss losses[] = {
	{ "none", 100, { 1, 1, 1, 1, 1, 1, 1, 1 }, 0 },
	{ "one-gap", 100, { 1, 1, 4, 1, 1 }, 3 },
	{ "gaps", 100, { 2, 2, 2, 2, 2 }, 5 },
	{ "reordered", 100, { 1, 2, -1, 2, 1, 1 }, 0 },
	{ "late", 100, { 1, 5, -3, 4, 1 }, 3 },
	{ "wrap", 65533, { 1, 1, 1, 1, 1, 1 }, 0 },
	{ "lost-at-the-wrap", 65533, { 1, 5, 1, 1 }, 4 },
	{ "reordered-at-the-wrap", 65534, { 2, -1, 2, 1 }, 0 },
	{ "restart", 100, { 1, 1, 20000, 1, 1, 1 }, 0 },
};

static void loss(struct test *t, const void *row)
{
	const struct loss *l = row;
	struct call *c = call_new(t);
	struct stream *s = &c->peer[0].out;
	struct batch b = { 0 };

	call_set(c);
	s->seq = l->first;
	call_send(c, 0, 1, MS, &b);
	for (unsigned i = 0; i < COUNT(l->step) && l->step[i]; i++) {
		s->seq += (u16)(l->step[i] - 1);
		call_send(c, 0, 1, MS, &b);
	}
	call_expect(c, 1, &b);
	struct answer a = call_settle(c, 0, 0, b.n, 0);
	CHECK_EQ(t, a.report.rtp[0].octets, b.n * 172);
	CHECK_RANGE(t, a.report.rtp[0].lost, l->lost - (strcmp(l->name, "restart") == 0), l->lost);
	CHECK_EQ(t, a.report.rtp[0].ssrc, s->ssrc);
}

static void duplicates(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct batch b = { 0 };

	call_set(c);
	for (unsigned i = 0; i < 5; i++) {
		call_send(c, 0, 1, MS, &b);
		c->peer[0].out.seq -= i < 3;
		c->peer[0].out.ts -= i < 3 ? 160 : 0;
		call_send(c, 0, 1, MS, &b);
	}
	call_expect(c, 1, &b);
	CHECK_EQ(t, call_settle(c, 0, 0, 10, 0).report.rtp[0].lost, -3);
}

/* What another SSRC lost before is not forgotten. */
static void over_ssrcs(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	call_relay(c, 0, 3);
	c->peer[0].out.seq += 4;
	call_relay(c, 0, 3);
	c->peer[0].out.ssrc += 99;
	c->peer[0].out.seq += 1000;
	call_send(c, 0, 1, MS, NULL); /* proves it, and is dropped */
	call_relay(c, 0, 5);
	c->peer[0].out.seq += 2;
	call_relay(c, 0, 5);
	struct answer a = call_settle(c, 0, 0, 16, 1);
	CHECK_EQ(t, a.report.rtp[0].lost, 6);
	CHECK_EQ(t, a.report.rtp[0].ssrcs, 1);
}

/* ---- jitter and times ---- */

struct jitter {
	const char *name;
	u32 gap_us, step, clock;
	u32 low, high; /* microseconds */
};

static const struct jitter jitters[] = {
	{ "even", 20 * MS, 160, 8000, 0, 3 * MS },
	{ "even-48-khz", 20 * MS, 960, 48000, 0, 3 * MS },
	{ "all-at-once", 0, 160, 8000, 15 * MS, 21 * MS },
	{ "all-at-once-48-khz", 0, 960, 48000, 15 * MS, 21 * MS },
	{ "clock-stands", 10 * MS, 0, 8000, 7 * MS, 14 * MS },
};

/* RFC 3550 A.8 of what came out, in microseconds: the engine's own clock saw the same, nearly. */
static double jitter_of(const struct batch *b, u32 step, u32 clock)
{
	double all = 0;

	for (unsigned i = 1; i < b->n; i++) {
		double d =
			(double)(s64)(b->p[i].at_us - b->p[i - 1].at_us) - (double)step * S / clock;
		all += ((d < 0 ? -d : d) - all) / 16;
	}
	return all;
}

static void jitter(struct test *t, const void *row)
{
	const struct jitter *j = row;
	struct call *c = call_new(t);

	c->f.side[0].clock = j->clock;
	c->peer[0].out.step = j->step;
	call_set(c);
	struct batch b = { 0 };
	call_send(c, 0, 50, j->gap_us, &b);
	call_expect(c, 1, &b);
	u32 is = call_settle(c, 0, 0, 50, 0).report.rtp[0].jitter_us;
	double was = jitter_of(&b, j->step, j->clock);
	CHECK_RANGE(t, is, was * 7 / 10 - 1500, was * 13 / 10 + 1500);
	if (was >= j->low && was <= j->high)
		CHECK_RANGE(t, is, j->low, j->high + MS);
}

static void times(struct test *t, const void *row)
{
	struct call *c = call_new(t);

	call_set(c);
	u64 first = wall_us();
	call_relay(c, 0, 1);
	nap(100 * MS);
	u64 last = wall_us();
	call_relay(c, 0, 1);
	struct answer a = call_settle(c, 0, 0, 2, 0);
	CHECK_RANGE(t, a.report.rtp[0].first_us, first - MS, first + 90 * MS);
	CHECK_RANGE(t, a.report.rtp[0].last_us, last - MS, last + 200 * MS);
	CHECK_EQ(t, a.report.rtp[1].first_us, 0);
	CHECK_EQ(t, a.report.rtcp[0].first_us, 0);
	call_send(c, 0, 0, 0, NULL);
	nap(50 * MS);
	u64 now = call_get(c).report.rtp[0].last_us;
	CHECK_RANGE(t, now, a.report.rtp[0].last_us - MS,
		    a.report.rtp[0].last_us + MS); /* clocks drift */
}

/* ---- what reports tell ---- */

static void put_report(struct call *c, unsigned side, const u8 *p, u32 n)
{
	call_report(c, side, p, n);
	call_expect_report(c, !side, p, n);
}

struct trip {
	const char *name;
	u32 wait_ms, delay_ms; /* what passes, and how much of that the peer says is its own */
	u32 ntp, lsr;
	bool in_sr;
	u32 low_ms, high_ms; /* 0, 0: not known */
};

static const struct trip trips[] = {
	{ "no-delay", 60, 0, 0x12345678, 0x12345678, false, 55, 110 },
	{ "some-delay", 100, 60, 0x12345678, 0x12345678, false, 35, 90 },
	{ "in-sender-report", 100, 60, 0x12345678, 0x12345678, true, 35, 90 },
	{ "other-report", 60, 0, 0x12345678, 0x12345679, false, 0, 0 },
	{ "no-report", 60, 0, 0x12345678, 0, false, 0, 0 },
};

/* Side 1 sends a report, side 0 answers it: that is the time to side 0 and back. */
static void round_trip(struct test *t, const void *row)
{
	const struct trip *r = row;
	struct call *c = call_new(t);
	u8 p[200];

	call_set(c);
	call_talk(c, 3);
	put_report(c, 1, p, rtcp_sr(p, c->peer[1].out.ssrc, r->ntp, NULL, 0));
	nap(r->wait_ms * MS);
	struct report b = { .ssrc = c->peer[1].out.ssrc,
			    .lsr = r->lsr,
			    .dlsr = r->delay_ms * 65536 / 1000 };
	put_report(c, 0, p,
		   r->in_sr ? rtcp_sr(p, c->peer[0].out.ssrc, 9, &b, 1)
			    : rtcp_rr(p, c->peer[0].out.ssrc, &b, 1));
	struct answer a = call_get(c);
	CHECK_RANGE(t, a.report.rtcp[0].rtt_us, r->low_ms * MS, r->high_ms * MS);
	CHECK_EQ(t, a.report.rtcp[1].rtt_us, 0);
}

struct view {
	const char *name;
	s32 lost;
	u8 fraction;
	u32 jitter;
	bool other; /* of a stream that it does not get */
};

static const struct view views[] = {
	{ "nothing-lost", 0, 0, 0, false },          { "some-lost", 7, 12, 80, false },
	{ "very-many", 0x7fffff, 255, 8000, false }, { "duplicates", -3, 0, 16, false },
	{ "of-another-stream", 7, 12, 80, true },
};

static void peer_view(struct test *t, const void *row)
{
	const struct view *v = row;
	struct call *c = call_new(t);
	u8 p[200];

	call_set(c);
	call_talk(c, 3);
	struct report b[2] = { { .ssrc = 0x777, .lost = 999, .fraction = 99, .jitter = 99999 },
			       { .ssrc = c->peer[1].out.ssrc + v->other,
				 .lost = v->lost,
				 .fraction = v->fraction,
				 .jitter = v->jitter } };
	put_report(c, 0, p, rtcp_rr(p, c->peer[0].out.ssrc, b, 2));
	struct flow_stats s = call_get(c).report.rtcp[0];
	CHECK_EQ(t, s.peer_lost, v->other ? 0 : v->lost);
	CHECK_EQ(t, s.peer_fraction, v->other ? 0 : v->fraction);
	CHECK_EQ(t, s.peer_jitter_us, v->other ? 0 : v->jitter * 125);
	CHECK_EQ(t, call_get(c).report.rtcp[1].peer_lost, 0);
}

/* A stranger's reports tell nothing. */
static void strange_view(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	struct flow_addr to = call_rtcp_port(c, 0);
	u8 p[200];

	call_set(c);
	call_talk(c, 3);
	struct report b = { .ssrc = c->peer[1].out.ssrc, .lost = 5, .fraction = 200, .jitter = 1 };
	sock_send(t, from, &to, p, rtcp_rr(p, c->peer[0].out.ssrc, &b, 1));
	CHECK_EQ(t, call_settle(c, 0, 1, 0, 1).report.rtcp[0].peer_lost, 0);
}

/* ---- silence ---- */

struct silence {
	const char *name;
	u32 idle_ms, run_ms;
	unsigned side;      /* 0, 1: who talks; 2: nobody; 3: a stranger */
	u32 talk_ms;        /* a packet so often; 0: only at first */
	unsigned low, high; /* events */
};

static const struct silence silences[] = {
	{ "nobody-ever", 400, 1500, 2, 0, 2, 3 },     { "told-again", 300, 1600, 0, 0, 3, 5 },
	{ "side-0-talks", 400, 1200, 0, 100, 0, 0 },  { "side-1-talks", 400, 1200, 1, 100, 0, 0 },
	{ "stranger-talks", 400, 1500, 3, 50, 2, 3 }, { "never", 0, 700, 2, 0, 0, 0 },
};

static void silence(struct test *t, const void *row)
{
	const struct silence *s = row;
	struct call *c = call_new(t);
	struct sock *from = sock_open(t, 0, 4, STRANGER, 0);
	unsigned n = 0;

	c->f.idle_ms = s->idle_ms;
	u64 begun = now_us(), first = 0;
	call_set(c);
	if (s->side < 2)
		call_relay(c, s->side, 1);
	while (now_us() - begun < s->run_ms * MS) {
		struct event *e = client_event(c->client, FLOW_EVENT_IDLE, c->f.id,
					       (s->talk_ms ? s->talk_ms : 50) * MS);
		if (e && !n++)
			first = e->at_us - begun;
		if (s->talk_ms && s->side < 2)
			call_relay(c, s->side, 1);
		else if (s->talk_ms)
			call_send_from(c, 0, from, &(struct stream){ .pt = 8 }, 1, 0, NULL);
	}
	CHECK_RANGE(t, n, s->low, s->high);
	if (n)
		CHECK_RANGE(t, first, s->idle_ms * MS, s->idle_ms * MS + 400 * MS);
}

void stats_cases(struct list *l)
{
	for (unsigned i = 0; i < COUNT(losses); i++)
		list_add(l, 0, 0, loss, &losses[i], "stats/lost/%s", losses[i].name);
	list_add(l, 0, 0, duplicates, NULL, "stats/lost/duplicates");
	list_add(l, 0, 0, over_ssrcs, NULL, "stats/lost/over-ssrcs");
	for (unsigned i = 0; i < COUNT(jitters); i++)
		list_add(l, 0, CASE_SLOW, jitter, &jitters[i], "stats/jitter/%s", jitters[i].name);
	list_add(l, 0, 0, times, NULL, "stats/times");
	for (unsigned i = 0; i < COUNT(trips); i++)
		list_add(l, 0, 0, round_trip, &trips[i], "stats/round-trip/%s", trips[i].name);
	for (unsigned i = 0; i < COUNT(views); i++)
		list_add(l, 0, 0, peer_view, &views[i], "stats/peer/%s", views[i].name);
	list_add(l, 0, 0, strange_view, NULL, "stats/peer/stranger");
	for (unsigned i = 0; i < COUNT(silences); i++)
		list_add(l, 0, CASE_SLOW, silence, &silences[i], "idle/%s", silences[i].name);
}
