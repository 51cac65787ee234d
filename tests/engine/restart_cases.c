/* SPDX-License-Identifier: Apache-2.0 */
/* The engine dies and another takes its place: control tells it what the one before had learned. All of these wait for
 * one restart together. */
#include "secure.h"

/* What events said of each side, as control keeps it. */
struct kept {
	struct flow_resume side[2];
};

static void keep(struct call *c, struct kept *k)
{
	struct event *e;

	while ((e = client_event(c->client, FLOW_EVENT_LATCHED, c->f.id, 50 * MS))) {
		k->side[e->e.side].source = e->e.source;
		k->side[e->e.side].has |= FLOW_RESUME_SOURCE;
	}
	while ((e = client_event(c->client, FLOW_EVENT_INDEX, c->f.id, 50 * MS))) {
		struct flow_resume *r = &k->side[e->e.side], *n = &e->e.resume;
		r->has |= n->has;
		if (n->has & FLOW_RESUME_IN) {
			r->in_ssrc = n->in_ssrc;
			r->in_index = n->in_index;
		}
		if (n->has & FLOW_RESUME_OUT) {
			r->out_ssrc = n->out_ssrc;
			r->out_index = n->out_index;
			r->out_shift = n->out_shift;
		}
		if (n->has & FLOW_RESUME_IN_RTCP)
			r->in_rtcp = n->in_rtcp;
		if (n->has & FLOW_RESUME_OUT_RTCP)
			r->out_rtcp = n->out_rtcp;
	}
}

/* The engine is another one; the flow is set as it was, with what is known. */
static void again(struct call *c, const struct kept *k)
{
	struct test *t = c->t;

	test_restart(t);
	t->client = c->client = client_open(t);
	client_subscribe(c->client);
	CHECK_EQ(t, client_get(c->client, c->f.id).status, -ENOENT);
	for (unsigned side = 0; k && side < 2; side++)
		c->f.side[side].resume = k->side[side];
	c->f.gen--;
	call_set(c);
}

static void nothing_left(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	u64 epoch = c->client->epoch;

	call_set(c);
	call_talk(c, 5);
	again(c, NULL);
	CHECK(t, c->client->epoch != epoch);
	CHECK_EQ(t, call_get(c).report.rtp[0].packets, 0);
	call_talk(c, 5);
}

/* A source that only packets could tell: it is there at once, both ways, without being proven anew. */
static void source(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct kept k = { 0 };
	struct batch b = { 0 };

	call_nat(c, 0);
	call_set(c);
	call_send(c, 0, 20, 25 * MS, &b);
	call_expect(c, 1, &b);
	call_relay(c, 1, 1);
	keep(c, &k);
	CHECK(t, k.side[0].has & FLOW_RESUME_SOURCE);
	CHECK(t, addr_is(&k.side[0].source, &c->peer[0].rtp->at));
	again(c, &k);
	b.n = 0;
	call_send(c, 1, 5, 0, &b);
	call_expect(c, 0, &b);
	b.n = 0;
	u64 begun = wall_us();
	call_send(c, 0, 5, 0, &b);
	call_expect(c, 1, &b);
	CHECK_RANGE(t, b.p[0].at_us - begun, 0, 200 * MS);
	call_settle(c, 0, 0, 5, 0);
}

struct wrong {
	const char *name;
	enum host h;
	u8 mode;
};

static const struct wrong wrongs[] = {
	{ "stranger", STRANGER, FLOW_MODE_NAT },
	{ "other-port", PEER, FLOW_MODE_STATIC },
};

/* Control may be wrong, or asked to be: who is not eligible is not resumed. */
static void not_eligible(struct test *t, const void *row)
{
	const struct wrong *w = row;
	struct call *c = call_new(t);
	struct kept k = { 0 };
	struct sock *from = sock_open(t, 0, 4, w->h, 0);
	struct stream s = { .ssrc = 4, .pt = 8, .step = 160, .size = 20 };

	c->f.side[0].mode = w->mode;
	call_set(c);
	k.side[0].source = from->at;
	k.side[0].has = FLOW_RESUME_SOURCE;
	again(c, &k);
	call_send_from(c, 0, from, &s, 5, MS, NULL);
	call_relay(c, 1, 3); /* to the SDP's own */
	call_relay(c, 0, 3);
	call_settle(c, 0, 0, 3, 5);
}

/* An engine that has the flow does not listen to RESUME. */
static void ignored(struct test *t, const void *row)
{
	struct call *c = call_new(t);
	struct sock *other = sock_open(t, 0, 4, PEER, 0);

	c->f.side[0].mode = FLOW_MODE_NAT;
	call_set(c);
	call_talk(c, 3);
	c->f.side[0].resume.source = other->at;
	c->f.side[0].resume.has = FLOW_RESUME_SOURCE;
	call_set(c);
	call_talk(c, 3);
	CHECK(t, addr_is(&call_get(c).report.rtp[0].source, &c->peer[0].rtp->at));
}

/* ---- SRTP ---- */

static const u8 two_suites[] = { FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, FLOW_SUITE_AEAD_AES_128_GCM };

static void opened(struct secure *s)
{
	u8 suite = s->c->f.side[0].in.suite;
	struct packet old[20];
	struct kept k = { 0 };

	secure_begin(s, 0, 65500);
	secure_begin(s, 1, 65500);
	call_set(s->c);
	secure_talk(s, 50); /* the roll-over counter is 1 */
	secure_reports(s);
	CHECK(s->c->t, suite);
	for (unsigned i = 0; i < 20; i++) {
		secure_record(s, 0, &old[i], NULL);
	}
	CHECK_EQ(s->c->t, sock_drain(s->c->peer[1].rtp, 50 * MS), 20);
	keep(s->c, &k);
	CHECK(s->c->t, k.side[0].has & FLOW_RESUME_IN);
	again(s->c, &k);
	/* The next packets of the peer are opened: the counter is right. */
	secure_relay(s, 0, 10);
	secure_relay(s, 0, 10);
	CHECK_EQ(s->c->t, call_get(s->c).report.rtp[0].auth_failed, 0);
}

static void resume_in(struct test *t, const void *row)
{
	opened(secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE));
}

/* What was sealed by the engine before: no number is used twice, whatever the engine was not told any more, and the
 * receiver can follow. */
static void resume_out(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, FLOW_SUITE_NONE, *(const u8 *)row);
	struct kept k = { 0 };
	struct packet p;
	unsigned got = 0;

	secure_begin(s, 0, 65000);
	call_set(s->c);
	secure_relay(s, 0, 1);
	secure_relay(s, 1, 1);
	keep(s->c, &k);
	CHECK(t, k.side[1].has & FLOW_RESUME_OUT);
	for (unsigned i = 0; i < 30; i++) /* 600 packets that control hears nothing of */
		secure_relay(s, 0, 20);
	u64 before = s->heard[1];
	CHECK_EQ(t, before >> 16, 1);
	again(s->c, &k);
	secure_send(s, 0, 20, 2 * MS, NULL);
	while (sock_recv(s->c->peer[1].rtp, &p, 100 * MS)) {
		u64 index = secure_estimate(s, 1, rtp_seq(p.data));
		CHECK(t, index > before);
		CHECK_EQ(t, srtp_open(&s->c->f.side[1].out, p.data, p.len, index), 172);
		before = s->heard[1] = index;
		got++;
	}
	CHECK_RANGE(t, got, 19, 20);
}

/* RTCP as well. */
static void resume_rtcp(struct test *t, const void *row)
{
	u8 suite = *(const u8 *)row;
	struct secure *s = secure_new(t, suite, suite);
	struct kept k = { 0 };

	call_set(s->c);
	secure_talk(s, 5);
	for (unsigned i = 0; i < 4; i++)
		secure_reports(s);
	keep(s->c, &k);
	CHECK(t, k.side[1].has & FLOW_RESUME_OUT_RTCP);
	again(s->c, &k);
	secure_talk(s, 3);
	secure_reports(s); /* their numbers rise: secure_expect_report() sees to it */
	secure_reports(s);
}

/* A recording of what came before the restart: only what control was told of can be known, and that is refused. */
static void resume_replay(struct test *t, const void *row)
{
	struct secure *s = secure_new(t, *(const u8 *)row, FLOW_SUITE_NONE);
	struct packet old[10];
	struct kept k = { 0 };

	call_set(s->c);
	for (unsigned i = 0; i < 10; i++) {
		secure_record(s, 0, &old[i], NULL);
	}
	CHECK_EQ(t, sock_drain(s->c->peer[1].rtp, 50 * MS), 10);
	keep(s->c, &k);
	k.side[0].in_index = s->c->peer[0].index;
	again(s->c, &k);
	for (unsigned i = 0; i < 10; i++)
		secure_put(s, 0, old[i].data, old[i].len);
	call_settle(s->c, 0, 0, 0, 10);
	secure_relay(s, 0, 5);
}

void restart_cases(struct list *l)
{
	list_add(l, 0, CASE_RESTART, nothing_left, NULL, "restart/nothing-left");
	list_add(l, FLOW_CAP_RESUME, CASE_RESTART, source, NULL, "restart/source");
	for (unsigned i = 0; i < COUNT(wrongs); i++)
		list_add(l, FLOW_CAP_RESUME, CASE_RESTART, not_eligible, &wrongs[i],
			 "restart/not-eligible/%s", wrongs[i].name);
	list_add(l, FLOW_CAP_RESUME, 0, ignored, NULL, "restart/resume-ignored");
	for (unsigned i = 0; i < COUNT(two_suites); i++) {
		const char *name = suite_name(two_suites[i]);
		const u8 *row = &two_suites[i];
		u32 caps = FLOW_CAP_RESUME | FLOW_CAP_SRTP;
		list_add(l, caps, CASE_RESTART, resume_in, row, "restart/srtp-in/%s", name);
		list_add(l, caps, CASE_RESTART, resume_out, row, "restart/srtp-out/%s", name);
		list_add(l, caps, CASE_RESTART, resume_rtcp, row, "restart/srtcp/%s", name);
		list_add(l, caps, CASE_RESTART, resume_replay, row, "restart/srtp-replay/%s", name);
	}
}
