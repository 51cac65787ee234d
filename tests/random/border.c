/* SPDX-License-Identifier: Apache-2.0 */
/* The boundary of the shard. Messages that come or go again are no news: each is known by its transaction,
 * status and body. */
#include "deal.h"
#include "random.h"
#include "border.h"

#define SLOW_MS 75000 /* twice 64*T1, and a little */

struct dialog_seen { /* by the tag of sluice's peer */
	struct dialog_seen *next;
	struct str tag;
	struct deal deal;
	bool over;
};

struct leg_seen { /* a Call-ID */
	struct leg_seen *next;
	struct str call_id;
	struct deal_leg said;
	struct deal initial; /* sluice's INVITE, for each dialog that grows from it */
	struct dialog_seen *dialogs;
	uint64_t cancelled_ms; /* by sluice; 0: never */
};

struct once { /* what has happened already */
	struct once *next;
	uint64_t key;
	uint64_t at_ms;
	unsigned final; /* of a request that came in; of a 2xx that came in: 1: it has its ACK */
	uint32_t cseq;
	struct str call_id, tag;
	uint8_t method;
	bool asked, ok, again; /* again: in a dialog */
};

#define SLOTS 256

struct border {
	struct leg_seen *legs;
	struct once *slot[SLOTS];
};

struct seen { /* the message at hand */
	struct game *g;
	struct border *b;
	const struct sip_msg *m;
	const struct sip_core *c;
	struct leg_seen *leg;
	struct dialog_seen *d; /* NULL: an INVITE of sluice that makes one */
	struct deal_sdp sdp;
	bool out, has_sdp;
	bool ours; /* the transaction is sluice's */
};

static void complain(const struct seen *s, const char *why)
{
	if (!why || (s->d && s->d->over))
		return;
	game_fail(s->g, "%s: %s %u %.*s, Call-ID %.*s", why, s->out ? "sent" : "received",
		  s->m->status, STR_FMT(s->c->cseq.method_name), STR_FMT(s->c->call_id));
}

/* ---- what is known ---- */

static uint64_t mix(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211ull;
	return h * 31 + s.n;
}

static struct once *find_once(struct border *b, uint64_t key)
{
	struct once *o = b->slot[key % SLOTS];

	while (o && o->key != key)
		o = o->next;
	return o;
}

static struct once *add_once(const struct seen *s, uint64_t key)
{
	struct once *o = arena_alloc(s->g->w->arena, sizeof(*o));

	o->key = key;
	o->at_ms = loop_now(s->g->loop);
	o->next = s->b->slot[key % SLOTS];
	s->b->slot[key % SLOTS] = o;
	return o;
}

static uint64_t key_of_transaction(const struct seen *s, struct str branch)
{
	return mix(mix(s->ours ? 77 : 99, branch), s->c->call_id) * 31 + s->c->cseq.num;
}

static struct leg_seen *leg_of(const struct seen *s)
{
	struct leg_seen *l = s->b->legs;

	while (l && !str_eq(l->call_id, s->c->call_id))
		l = l->next;
	if (l)
		return l;
	l = arena_alloc(s->g->w->arena, sizeof(*l));
	l->call_id = arena_str(s->g->w->arena, s->c->call_id);
	l->next = s->b->legs;
	s->b->legs = l;
	return l;
}

static struct dialog_seen *dialog_of(const struct seen *s)
{
	struct str tag = s->ours ? s->c->to.tag : s->c->from.tag;
	struct dialog_seen *d = s->leg->dialogs;

	if (!tag.n)
		return NULL;
	while (d && !str_eq(d->tag, tag))
		d = d->next;
	if (d)
		return d;
	d = arena_alloc(s->g->w->arena, sizeof(*d));
	d->tag = arena_str(s->g->w->arena, tag);
	d->deal = s->leg->initial;
	d->next = s->leg->dialogs;
	s->leg->dialogs = d;
	return d;
}

/* ---- requests ---- */

static void see_offer(const struct seen *s, bool by_reply)
{
	struct deal *deal = s->d ? &s->d->deal : &s->leg->initial;

	uint32_t rseq = 0;

	str_u32(sip_value(s->m, SIP_HDR_RSEQ), UINT32_MAX, &rseq);
	complain(s, deal_offer(deal, s->out ? DEAL_OURS : DEAL_THEIRS, &s->sdp, s->c->cseq.num,
			       by_reply));
	if (deal->open != DEAL_NONE && deal->cseq == s->c->cseq.num)
		deal->rseq = rseq;
}

static void see_answer(const struct seen *s, bool preview)
{
	/* Who answers may be another one than who rang, and an UPDATE of who rings is another answer. */
	if (s->d && (s->g->terms.forks || !game_without(s->g, WITHOUT_UPDATE)))
		s->d->deal.previewed = false;
	if (s->d)
		complain(s, deal_answer(&s->d->deal, s->out ? DEAL_OURS : DEAL_THEIRS, &s->sdp,
					preview));
}

/* The other end's offer waits, and this is where its answer has to be. */
static bool is_open(const struct seen *s, bool by_reply)
{
	const struct deal *deal = s->d ? &s->d->deal : NULL;

	return deal && deal->open == (s->out ? DEAL_THEIRS : DEAL_OURS) &&
	       deal->by_reply == by_reply;
}

static bool is_for_offer(const struct seen *s)
{
	struct sip_rack r;

	return !sip_rack_parse(sip_value(s->m, SIP_HDR_RACK), &r) && r.rseq == s->d->deal.rseq;
}

/* The ACK for a 2xx, or PRACK. */
static void see_confirmation(const struct seen *s)
{
	if (s->has_sdp && is_open(s, true))
		see_answer(s, false);
	else if (s->has_sdp && s->m->method == SIP_PRACK)
		see_offer(s, false);
	else if (s->m->method == SIP_PRACK && s->out && is_open(s, true) && is_for_offer(s))
		complain(s, "the PRACK for an offer has no answer");
	else if (s->m->method == SIP_ACK && is_open(s, true) && s->d->deal.cseq == s->c->cseq.num)
		s->d->over = true; /* no answer: nothing but a BYE can follow */
}

static void see_ack(const struct seen *s)
{
	struct once *o;

	for (unsigned i = 0; i < SLOTS && s->out; i++) {
		for (o = s->b->slot[i]; o; o = o->next) {
			if (o->ok && o->cseq == s->c->cseq.num && str_eq(o->tag, s->c->to.tag) &&
			    str_eq(o->call_id, s->c->call_id))
				o->final = 1;
		}
	}
}

static void see_request(const struct seen *s)
{
	switch (s->m->method) {
	case SIP_INVITE:
	case SIP_UPDATE:
		if (s->has_sdp)
			see_offer(s, false);
		break;
	case SIP_ACK:
		see_ack(s);
		see_confirmation(s);
		break;
	case SIP_PRACK:
		see_confirmation(s);
		break;
	case SIP_BYE:
		if (s->d)
			s->d->over = true;
		break;
	default:
		break;
	}
}

/* ---- responses ---- */

static void see_sdp_reply(const struct seen *s)
{
	bool reliable = s->m->status >= 200 || sip_hdr_first(s->m, SIP_HDR_RSEQ);
	const struct deal *deal = &s->d->deal;

	if (is_open(s, false) && deal->cseq == s->c->cseq.num)
		see_answer(s, !reliable);
	else if (reliable && s->c->cseq.method == SIP_INVITE && deal->open == DEAL_NONE &&
		 deal->cseq != s->c->cseq.num)
		see_offer(s, true);
}

static void see_reply(const struct seen *s)
{
	struct deal *deal = s->d ? &s->d->deal : NULL;

	if (!deal)
		return;
	if (s->has_sdp && s->m->status < 300) {
		see_sdp_reply(s);
	} else if (s->m->status >= 200 && deal->open != DEAL_NONE && deal->cseq == s->c->cseq.num &&
		   deal->by_reply == false && (deal->open == DEAL_OURS) == s->ours) {
		if (s->m->status < 300 && s->out &&
		    (s->c->cseq.method == SIP_INVITE || s->c->cseq.method == SIP_UPDATE))
			complain(s, "sluice accepts an offer without an answer");
		deal->open = DEAL_NONE;
	}
}

/* ---- INVITEs and their ends ---- */

/* One final answer, and soon. Other requests may be left without one (RFC 4320). */
static bool wants_final(const struct seen *s)
{
	enum sip_method m = s->c->cseq.method;

	return m == SIP_INVITE || m == SIP_UPDATE || m == SIP_PRACK || m == SIP_BYE;
}

static void see_final(const struct seen *s, uint64_t key)
{
	struct once *o = find_once(s->b, key);

	if (!s->m->status && !s->out && !o && s->m->method != SIP_ACK) {
		o = add_once(s, key);
		o->asked = true;
		o->again = s->c->to.tag.n != 0;
		o->cseq = s->c->cseq.num;
		o->method = (uint8_t)s->m->method;
		o->call_id = arena_str(s->g->w->arena, s->c->call_id);
	} else if (s->m->status >= 200 && s->out && o) {
		/* What is answered without a transaction may be answered otherwise later. */
		if (o->final && o->final != s->m->status && o->final != 481 && o->final != 500 &&
		    s->m->status != 481 && s->m->status != 500)
			complain(s, "a request got two final answers");
		if (!o->final && o->again && loop_now(s->g->loop) - o->at_ms > SLOW_MS)
			complain(s, "the final answer took too long");
		o->final = s->m->status;
	}
}

/* 13.2.2.4: what comes 64*T1 after the first 2xx of a fork is nobody's any more. */
static bool is_too_late(const struct seen *s)
{
	uint64_t key = mix(mix(6, s->c->call_id), s->c->via.branch);
	const struct once *first = find_once(s->b, key);
	uint64_t now = loop_now(s->g->loop);

	if (s->leg->cancelled_ms && now - s->leg->cancelled_ms >= 32000)
		return true; /* 9.1: nor what comes so long after the CANCEL */
	if (!first)
		first = add_once(s, key);
	return now - first->at_ms >= 32000;
}

static void see_ok(const struct seen *s)
{
	uint64_t key = mix(mix(5, s->c->call_id), s->c->to.tag) * 31 + s->c->cseq.num;
	struct once *o;

	if (s->out || s->m->status / 100 != 2 || s->m->method != SIP_INVITE || is_too_late(s) ||
	    find_once(s->b, key))
		return;
	o = add_once(s, key);
	o->ok = true;
	o->cseq = s->c->cseq.num;
	o->call_id = arena_str(s->g->w->arena, s->c->call_id);
	o->tag = arena_str(s->g->w->arena, s->c->to.tag);
}

/* ---- all ---- */

static bool is_news(const struct seen *s, uint64_t transaction)
{
	uint64_t key = mix(transaction * 31 + s->m->status * 2 + s->out, s->m->body);

	key = mix(key, s->m->method_name);
	key = mix(key, sip_value(s->m, SIP_HDR_RSEQ));
	key = mix(key, s->c->to.tag) * 31 + s->m->method;
	if (find_once(s->b, key))
		return false;
	add_once(s, key);
	return true;
}

static void see(struct seen *s)
{
	struct str type = sip_value(s->m, SIP_HDR_CONTENT_TYPE);
	uint64_t key;

	s->ours = s->out == !s->m->status;
	s->leg = leg_of(s);
	s->d = dialog_of(s);
	key = key_of_transaction(s, s->c->via.branch);
	if (wants_final(s))
		see_final(s, key);
	if (s->out && !s->m->status && s->m->method == SIP_CANCEL && !s->leg->cancelled_ms)
		s->leg->cancelled_ms = loop_now(s->g->loop);
	see_ok(s);
	if (!is_news(s, key))
		return;
	s->has_sdp = s->m->body.n && str_caseeq(type, STR("application/sdp"));
	if (s->has_sdp && deal_read(s->m->body, &s->sdp)) {
		if (s->out)
			complain(s, "a description that cannot be read");
		return;
	}
	if (s->has_sdp && s->out)
		complain(s, deal_said(&s->leg->said, &s->sdp));
	if (s->m->status)
		see_reply(s);
	else
		see_request(s);
}

void border_message(struct game *g, bool out, struct str data)
{
	char mem[SIP_DATAGRAM_MAX + SIP_PAD];
	struct sip_msg m;
	struct sip_core c;
	struct seen s = { .g = g, .m = &m, .c = &c, .out = out };

	if (!g->border)
		g->border = arena_alloc(g->w->arena, sizeof(*g->border));
	s.b = g->border;
	memcpy(mem, data.p, data.n);
	memset(mem + data.n, 'x', SIP_PAD);
	if (sip_msg_parse(&m, mem, data.n) || sip_msg_core(&m, &c)) {
		game_fail(g, "a message that cannot be read:\n%.*s", STR_FMT(data));
		return;
	}
	see(&s);
}

void border_end(struct game *g)
{
	for (unsigned i = 0; i < SLOTS && g->border; i++) {
		for (const struct once *o = g->border->slot[i]; o; o = o->next) {
			bool owed = o->method == SIP_INVITE || o->method == SIP_BYE;

			/* Others may be too late for one (RFC 4320 4.2): that they are not forgotten is
			 * seen by the transactions that are left. */
			if (o->asked && owed && !o->final)
				game_fail(g, "%s %u of Call-ID %.*s has no final answer",
					  sip_method_name(o->method), o->cseq, STR_FMT(o->call_id));
			if (o->ok && !o->final)
				game_fail(g, "the 2xx to INVITE %u of Call-ID %.*s has no ACK",
					  o->cseq, STR_FMT(o->call_id));
		}
	}
}
