/* SPDX-License-Identifier: Apache-2.0 */
/* What every user agent does of itself, and the script need not say where messages get lost: requests are repeated
 * until they are answered, answers to an INVITE until their ACK, reliable provisional ones until their PRACK (RFC
 * 3261 17 and 13.3.1.4, RFC 3262 3), and a repeated message gets what its first copy got. */
#include "scenario.h"

#define T1_MS      500
#define T2_MS      4000
#define GIVE_UP_MS (64 * T1_MS)

struct ua_trans { /* a request of an actor, or one response of it */
	struct ua_trans *next;
	struct world *w;
	struct actor *actor;
	struct str raw, ack;             /* what is repeated; what a repeated final response gets */
	struct str branch, call_id, tag; /* tag: of To, of a response */
	uint32_t cseq, rseq;
	enum sip_method method; /* of the request */
	unsigned status, heard; /* 0: a request; the final status that it got */
	struct timer timer;
	uint32_t interval_ms;
	uint64_t until_ms;
};

struct ua_reply { /* what follows from a repetition, after the core has sent it */
	struct timer timer;
	struct world *w;
	struct actor *actor;
	struct str raw;
};

struct ua_msg {
	struct sip_msg m;
	struct sip_core core;
};

static bool read_msg(struct world *w, struct str raw, struct ua_msg *out)
{
	char *copy = arena_alloc(w->arena, raw.n + SIP_PAD);

	memcpy(copy, raw.p, raw.n);
	if (sip_msg_parse(&out->m, copy, raw.n))
		return false;
	/* What a script makes wrong is a transaction all the same. */
	return !sip_msg_core(&out->m, &out->core) || out->core.via.branch.n;
}

/* ---- what actors say ---- */

static void repeat(void *arg)
{
	struct ua_trans *t = arg;
	bool capped = t->method != SIP_INVITE || t->status >= 200;

	if (loop_now(t->w->loop) >= t->until_ms)
		return;
	t->interval_ms *= 2;
	if (capped && t->interval_ms > T2_MS)
		t->interval_ms = T2_MS;
	timer_start(t->w->loop, &t->timer, t->interval_ms);
	world_send(t->w, t->actor, t->raw);
}

static void begin(struct ua_trans *t)
{
	t->interval_ms = T1_MS;
	t->until_ms = loop_now(t->w->loop) + GIVE_UP_MS;
	timer_start(t->w->loop, &t->timer, T1_MS);
}

/* An ACK belongs to the INVITE whose final response it acknowledges. */
static void keep_ack(struct actor *a, const struct ua_msg *m, struct str raw)
{
	for (struct ua_trans *t = a->trans; t; t = t->next) {
		if (!t->status && t->method == SIP_INVITE && t->cseq == m->core.cseq.num &&
		    str_eq(t->call_id, m->core.call_id))
			t->ack = raw;
	}
}

/* A final response ends the repetition of provisional ones. */
static void end_progress(struct world *w, struct actor *a, const struct ua_trans *final)
{
	for (struct ua_trans *t = a->trans; t; t = t->next) {
		if (t->status && t->status < 200 && str_eq(t->branch, final->branch) &&
		    str_eq(t->tag, final->tag))
			timer_stop(w->loop, &t->timer);
	}
}

void ua_sent(struct world *w, struct actor *a, struct str raw)
{
	struct ua_trans *t = arena_alloc(w->arena, sizeof(*t));
	struct ua_msg m;

	if (!read_msg(w, raw, &m))
		return;
	if (m.m.method == SIP_ACK && !m.m.status) {
		keep_ack(a, &m, raw);
		return;
	}
	*t = (struct ua_trans){ .next = a->trans,
				.w = w,
				.actor = a,
				.raw = raw,
				.branch = m.core.via.branch,
				.call_id = m.core.call_id,
				.tag = m.core.to.tag,
				.cseq = m.core.cseq.num,
				.method = m.core.cseq.method,
				.status = m.m.status };
	sip_number_parse(sip_value(&m.m, SIP_HDR_RSEQ), &t->rseq);
	timer_init(&t->timer, repeat, t);
	a->trans = t;
	if (t->status >= 200)
		end_progress(w, a, t);
	if (!t->status || t->rseq || (t->method == SIP_INVITE && t->status >= 200))
		begin(t);
}

/* ---- what actors hear ---- */

static void say(void *arg)
{
	struct ua_reply *r = arg;

	world_send(r->w, r->actor, r->raw);
}

static void say_soon(struct world *w, struct actor *a, struct str raw)
{
	struct ua_reply *r = arena_alloc(w->arena, sizeof(*r));

	*r = (struct ua_reply){ .w = w, .actor = a, .raw = raw };
	timer_init(&r->timer, say, r);
	timer_start(w->loop, &r->timer, 0);
}

static bool response(struct world *w, struct actor *a, const struct ua_msg *m, bool known)
{
	struct ua_trans *t = a->trans;
	bool provisional = m->m.status < 200;

	while (t && (t->status || t->method != m->core.cseq.method ||
		     !str_eq(t->branch, m->core.via.branch)))
		t = t->next;
	if (!t)
		return known;
	if (!provisional || t->method == SIP_INVITE)
		timer_stop(w->loop, &t->timer);
	if (provisional)
		return known;
	known |= t->heard == m->m.status;
	t->heard = m->m.status;
	if (known && t->ack.n)
		say_soon(w, a, t->ack);
	return known;
}

/* The ACK, or the PRACK, of what is repeated. */
static void acknowledged(struct world *w, struct actor *a, const struct ua_msg *m)
{
	struct sip_rack rack = { 0 };
	bool ack = m->m.method == SIP_ACK;

	if (!ack && sip_rack_parse(sip_value(&m->m, SIP_HDR_RACK), &rack))
		return;
	for (struct ua_trans *t = a->trans; t; t = t->next) {
		if (t->status && t->method == SIP_INVITE && str_eq(t->call_id, m->core.call_id) &&
		    str_eq(t->tag, m->core.to.tag) &&
		    (ack ? t->status >= 200 && t->cseq == m->core.cseq.num
			 : t->rseq && t->rseq == rack.rseq && t->cseq == rack.cseq))
			timer_stop(w->loop, &t->timer);
	}
}

static bool request(struct world *w, struct actor *a, const struct ua_msg *m, bool known)
{
	struct ua_trans *t = a->trans;

	if (m->m.method == SIP_ACK || m->m.method == SIP_PRACK)
		acknowledged(w, a, m);
	while (t && (!t->status || t->method != (enum sip_method)m->m.method ||
		     !str_eq(t->branch, m->core.via.branch)))
		t = t->next;
	if (known && t && m->m.method != SIP_ACK)
		say_soon(w, a, t->raw);
	return known;
}

bool ua_heard(struct world *w, struct actor *a, struct str raw, bool known)
{
	struct ua_msg m;

	if (!read_msg(w, raw, &m)) /* check.c says so */
		return false;
	return m.m.status ? response(w, a, &m, known) : request(w, a, &m, known);
}
