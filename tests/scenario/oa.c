/* SPDX-License-Identifier: Apache-2.0 */
/* A small monitor for each dialog of an actor: who has an offer open (RFC 3264, 3262 5, 3311, 6337), and what sluice
 * said last of the session. It sees things as sluice does: what got lost on its way to sluice was never said, what
 * got lost on its way from there was. Only sluice can do wrong: actors do what the script says. */
#include "scenario.h"

enum who {
	NOBODY,
	ACTOR,
	SLUICE
};

struct oa_said {
	struct oa_said *next;
	struct str raw;
	struct sip_msg m;
	struct sip_core core;
};

struct oa_invite { /* the last INVITE of one side */
	uint32_t cseq;
	bool offered,
		done; /* it had an offer; its exchange is over, by a reliable response or an offer in one */
	struct str answer;
};

struct oa {
	struct oa *next;
	struct str call_id, tag; /* of the actor; empty: not answered yet */
	struct oa_invite invite[3];
	enum who open; /* whose offer is */
	enum sip_method method;
	uint32_t cseq;
	unsigned lines;      /* m= lines of it */
	bool in_response;    /* it came in a response to INVITE */
	bool owes_bye, over; /* sluice could not answer an offer */
	struct str sdp;      /* what sluice said last */
};

struct oa_event {
	struct world *w;
	const struct actor *a;
	struct oa *o;
	const struct oa_said *s;
	enum who who;
	struct str sdp;
};

/* ---- SDP ---- */

static struct str sdp_of(const struct oa_said *s)
{
	const char *p = s->m.body.n ? memmem(s->m.body.p, s->m.body.n, "v=0\r\n", 5) : NULL;

	if (!p)
		return STR_NONE;
	return (struct str){ p, (size_t)(s->m.body.p + s->m.body.n - p) };
}

static unsigned media_lines(struct str sdp)
{
	struct str line;
	unsigned n = 0;

	while (str_line(&sdp, &line))
		n += str_starts(line, STR("m="));
	return n;
}

struct origin {
	struct str user, id, rest;
	uint64_t version;
	bool bad;
};

static struct origin origin_of(struct str sdp)
{
	struct str line, item;
	struct origin o = { .bad = true };

	while (str_line(&sdp, &line)) {
		if (!str_starts(line, STR("o=")))
			continue;
		o.bad = !str_token(&line, ' ', &o.user) || !str_token(&line, ' ', &o.id) ||
			!str_token(&line, ' ', &item) || str_u64(item, &o.version);
		o.rest = line;
		break;
	}
	return o;
}

static bool same_but_origin(struct str a, struct str b)
{
	struct str x, y;

	for (;;) {
		bool more = str_line(&a, &x), other = str_line(&b, &y);

		if (!more || !other)
			return more == other;
		if (!str_eq(x, y) && !(str_starts(x, STR("o=")) && str_starts(y, STR("o="))))
			return false;
	}
}

/* ---- */

static void foul(const struct oa_event *e, const char *why)
{
	if (e->who == SLUICE && !e->w->foul)
		e->w->foul = world_fmt(e->w, "a message to %s %s:\n%.*s", e->a->name, why,
				       STR_FMT(e->s->raw))
				     .p;
}

/* RFC 3264 8: one more for each change and for nothing else; m= lines never get fewer. */
static void check_session(const struct oa_event *e)
{
	struct origin now = origin_of(e->sdp), before = origin_of(e->o->sdp);
	bool same = e->o->sdp.n && same_but_origin(e->sdp, e->o->sdp);

	if (now.bad)
		foul(e, "has an o= that cannot be read");
	if (e->o->sdp.n) {
		if (!str_eq(now.user, before.user) || !str_eq(now.id, before.id) ||
		    !str_eq(now.rest, before.rest))
			foul(e, "begins another session in its o=");
		if (now.version != before.version + !same)
			foul(e, same ? "has another o= for the same session"
				     : "does not count its o= up by one");
		if (media_lines(e->sdp) < media_lines(e->o->sdp))
			foul(e, "has fewer m= lines than before");
	}
	e->o->sdp = e->sdp;
}

static enum who other(enum who w)
{
	return w == ACTOR ? SLUICE : ACTOR;
}

static void offer(const struct oa_event *e, bool in_response)
{
	struct oa *o = e->o;

	if (o->open != NOBODY) {
		foul(e, "offers while an offer is open");
		return;
	}
	o->open = e->who;
	o->method = e->s->core.cseq.method;
	o->cseq = e->s->core.cseq.num;
	o->lines = media_lines(e->sdp);
	o->in_response = in_response;
}

static void answer(const struct oa_event *e, bool final)
{
	if (media_lines(e->sdp) != e->o->lines)
		foul(e, "has not as many m= lines as the offer");
	if (final)
		e->o->open = NOBODY;
}

/* Does this response belong to the request whose offer is open? */
static bool is_asked(const struct oa_event *e)
{
	const struct oa *o = e->o;

	return o->open == other(e->who) && !o->in_response && o->cseq == e->s->core.cseq.num &&
	       o->method == e->s->core.cseq.method;
}

/* ---- requests ---- */

static bool is_offered_in_response(const struct oa_event *e)
{
	return e->o->open == other(e->who) && e->o->in_response;
}

static void on_invite(const struct oa_event *e)
{
	e->o->invite[e->who] =
		(struct oa_invite){ .cseq = e->s->core.cseq.num, .offered = e->sdp.n != 0 };
	if (e->sdp.n)
		offer(e, false);
}

static void on_prack(const struct oa_event *e)
{
	if (is_offered_in_response(e)) {
		if (e->sdp.n)
			answer(e, true);
		else
			foul(e, "leaves the offer of the reliable response unanswered");
	} else if (e->sdp.n) {
		offer(e, false);
	}
}

static void on_ack(const struct oa_event *e)
{
	struct oa *o = e->o;

	if (e->sdp.n && is_offered_in_response(e)) {
		answer(e, true);
	} else if (e->sdp.n) {
		foul(e, "answers what was not offered");
	} else if (is_offered_in_response(e)) {
		o->open = NOBODY;
		o->owes_bye = e->who == SLUICE;
	}
}

static void on_request(const struct oa_event *e)
{
	switch ((enum sip_method)e->s->m.method) {
	case SIP_INVITE:
		on_invite(e);
		break;
	case SIP_UPDATE:
		if (e->sdp.n)
			offer(e, false);
		break;
	case SIP_PRACK:
		on_prack(e);
		break;
	case SIP_ACK:
		on_ack(e);
		break;
	case SIP_BYE:
		e->o->open = NOBODY;
		e->o->owes_bye = false;
		e->o->over = true;
		break;
	default:
		break;
	}
}

/* ---- responses ---- */

static void on_invite_sdp(const struct oa_event *e, bool reliable)
{
	struct oa_invite *inv = &e->o->invite[other(e->who)];

	if (is_asked(e)) {
		answer(e, reliable);
		inv->done = reliable;
		inv->answer = e->sdp;
	} else if (inv->done) {
		if (!str_eq(inv->answer, e->sdp))
			foul(e, "says more after its answer");
	} else if (!inv->offered && reliable) {
		offer(e, true);
		inv->done = true;
		inv->answer = e->sdp;
	} else {
		foul(e, "answers what was not offered");
	}
}

/* It is refused: in all forks. */
static void on_refusal(const struct oa_event *e)
{
	for (struct oa *o = e->a->oas; o; o = o->next) {
		bool mine = o->in_response ? o->open == e->who : o->open == other(e->who);

		if (str_eq(o->call_id, e->o->call_id) && mine && o->cseq == e->s->core.cseq.num &&
		    o->method == e->s->core.cseq.method)
			o->open = NOBODY;
	}
}

static void on_response(const struct oa_event *e)
{
	unsigned status = e->s->m.status;
	bool invite = e->s->core.cseq.method == SIP_INVITE;
	bool reliable = status >= 200 || sip_value(&e->s->m, SIP_HDR_RSEQ).n;
	const struct oa_invite *inv = &e->o->invite[other(e->who)];

	if (status >= 300) {
		on_refusal(e);
		return;
	}
	if (invite && inv->cseq != e->s->core.cseq.num)
		return;
	if (invite && e->sdp.n) {
		on_invite_sdp(e, reliable);
	} else if (e->sdp.n) {
		if (is_asked(e))
			answer(e, true);
		else
			foul(e, "answers what was not offered");
	} else if (status >= 200 && is_asked(e)) {
		foul(e, "leaves an offer unanswered");
		e->o->open = NOBODY;
	} else if (status >= 200 && invite && !inv->offered && !inv->done) {
		foul(e, "has no offer, and nor had the INVITE");
	}
}

/* ---- dialogs ---- */

static struct oa *find(const struct actor *a, struct str call_id, struct str tag)
{
	struct oa *o = a->oas;

	while (o && !(str_eq(o->call_id, call_id) && str_eq(o->tag, tag)))
		o = o->next;
	return o;
}

/* It is asked once more, with credentials: whoever answered the first time is nobody now. */
static void forget_forks(struct actor *a, const struct oa *base)
{
	struct oa **p = &a->oas;

	while (*p) {
		if (*p != base && str_eq((*p)->call_id, base->call_id))
			*p = (*p)->next;
		else
			p = &(*p)->next;
	}
}

/* The first message of a callee makes a dialog of its own of what was asked of all. */
static struct oa *dialog_of(struct world *w, struct actor *a, const struct oa_said *s, enum who who)
{
	bool from = (who == ACTOR) == !s->m.status;
	struct str tag = from ? s->core.from.tag : s->core.to.tag;
	struct oa *o = find(a, s->core.call_id, tag), *base;

	if (o && !tag.n)
		forget_forks(a, o);
	if (o)
		return o;
	base = find(a, s->core.call_id, STR_NONE);
	if (!base && (s->m.method != SIP_INVITE || s->m.status))
		return NULL;
	o = arena_alloc(w->arena, sizeof(*o));
	if (base)
		*o = *base;
	o->call_id = s->core.call_id;
	o->tag = tag;
	o->next = a->oas;
	return a->oas = o;
}

/* NULL: it was said before, or is no SIP. */
static struct oa_said *remember(struct world *w, struct actor *a, struct str raw, enum who who)
{
	struct oa_said *s, **list = &a->said[who == SLUICE];
	char *copy;

	for (s = *list; s; s = s->next) {
		if (str_eq(s->raw, raw))
			return NULL;
	}
	s = arena_alloc(w->arena, sizeof(*s));
	copy = arena_alloc(w->arena, raw.n + SIP_PAD);
	memcpy(copy, raw.p, raw.n);
	if (sip_msg_parse(&s->m, copy, raw.n) || sip_msg_core(&s->m, &s->core))
		return NULL;
	s->raw = arena_str(w->arena, raw);
	s->next = *list;
	return *list = s;
}

static void look(struct world *w, struct actor *a, struct str raw, enum who who)
{
	const struct oa_said *s = remember(w, a, raw, who);
	struct oa_event e = { .w = w, .a = a, .s = s, .who = who };

	if (!s)
		return;
	e.o = dialog_of(w, a, s, who);
	if (!e.o || e.o->over)
		return;
	e.sdp = sdp_of(s);
	if (e.sdp.n && who == SLUICE)
		check_session(&e);
	if (s->m.status)
		on_response(&e);
	else
		on_request(&e);
}

void oa_heard(struct world *w, struct actor *a, struct str raw)
{
	if (!a->mirror)
		look(w, a, raw, ACTOR);
}

void oa_said(struct world *w, struct actor *a, struct str raw)
{
	look(w, a, raw, SLUICE);
}

void oa_end(struct world *w)
{
	for (const struct actor *a = w->actors; a; a = a->next) {
		if (!a->said[1]) /* a stranger: nobody answers it */
			continue;
		for (const struct oa *o = a->oas; o; o = o->next) {
			if (o->owes_bye)
				world_fail(w, "%s was left in a call without an answer", a->name);
			if (o->open == ACTOR && !o->over)
				world_fail(w, "an offer of %s was never answered", a->name);
		}
	}
}

bool oa_supports(const struct world *w, const struct actor *a, const struct rx *r, struct str tag)
{
	static const uint8_t fields[] = { SIP_HDR_SUPPORTED, SIP_HDR_REQUIRE };

	for (const struct oa_said *s = a->said[0]; s && w->monitors; s = s->next) {
		if (s->m.status || s->core.cseq.num != r->core.cseq.num ||
		    s->core.cseq.method != r->core.cseq.method ||
		    !str_eq(s->core.call_id, r->core.call_id))
			continue;
		for (size_t i = 0; i < 2; i++) {
			struct sip_each e = sip_each(&s->m, fields[i]);
			struct str item;

			while (sip_each_next(&e, &item)) {
				if (str_caseeq(str_trim(item), tag))
					return true;
			}
		}
	}
	return !w->monitors;
}
