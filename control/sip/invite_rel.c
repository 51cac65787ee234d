/* SPDX-License-Identifier: Apache-2.0 */
/* Reliable provisional responses of ours: RFC 3262 3. One at a time is on its way; those behind it, and a 2xx that must
 * not be faster, wait here for its PRACK. */
#include <errno.h>
#include <stdlib.h>
#include "sip/field.h"
#include "sip/invite_priv.h"

#define WAITING_MAX 8

struct waiting { /* a reply */
	struct waiting *next;
	struct invite_reply reply;
	char text[];
};

struct rel {
	struct timer timer;
	struct invite *inv;
	struct waiting *waiting;
	char *text; /* of the response without PRACK, to be repeated */
	size_t len;
	uint64_t deadline;
	uint32_t interval;
	uint32_t rseq; /* of the last one */
	uint32_t cseq; /* of the INVITE */
	bool open;     /* it has no PRACK */
	bool body;     /* and it has a body */
};

/* ---- life ---- */

static void fired(void *arg)
{
	struct rel *rel = arg;

	invite_input(rel->inv, IN_UNPRACKED, &(struct invite_in){ 0 });
}

/* A random start, so that nobody can guess it; there is room above for all that a call may have. */
static struct rel *rel_of(struct invite *inv)
{
	struct rel *rel = inv->rel;

	if (rel || !(rel = calloc(1, sizeof(*rel))))
		return rel;
	rel->inv = inv;
	rel->cseq = inv->invite_cseq;
	rel->rseq = loop_random_u32(inv->sip->loop, INT32_MAX);
	timer_init(&rel->timer, fired, rel);
	return inv->rel = rel;
}

static void forget_text(struct rel *rel)
{
	free(rel->text);
	rel->text = NULL;
	rel->len = 0;
}

static void forget_waiting(struct rel *rel)
{
	struct waiting *w;

	while ((w = rel->waiting)) {
		rel->waiting = w->next;
		free(w);
	}
}

void rel_free(struct invite *inv)
{
	struct rel *rel = inv->rel;

	if (!rel)
		return;
	timer_stop(inv->sip->loop, &rel->timer);
	forget_waiting(rel);
	forget_text(rel);
	free(rel);
	inv->rel = NULL;
}

uint32_t rel_number(const struct invite *inv)
{
	return inv->rel->rseq;
}

/* ---- replies that wait ---- */

static bool body_waits(const struct rel *rel)
{
	bool body = rel->open && rel->body;

	for (const struct waiting *w = rel->waiting; w; w = w->next)
		body |= w->reply.body.n > 0;
	return body;
}

bool rel_holds(const struct invite *inv, const struct invite_reply *r)
{
	const struct rel *rel = inv->rel;

	if (!rel || r->status >= 300 || inv->state != INV_INCOMING)
		return false;
	return r->status >= 200 ? body_waits(rel) : r->reliable && (rel->open || rel->waiting);
}

static struct str keep(struct buf *b, struct str s)
{
	size_t at = b->n;

	buf_put(b, s);
	return (struct str){ b->p + at, s.n };
}

/* Who does not send PRACKs must not cost more than this: further 18x are left out. */
static bool is_full(const struct rel *rel)
{
	unsigned n = 0;

	for (const struct waiting *w = rel->waiting; w; w = w->next)
		n++;
	return n >= WAITING_MAX;
}

int rel_keep(struct invite *inv, const struct invite_reply *r)
{
	size_t n = r->reason.n + r->headers.n + r->body.n + r->body_type.n;
	int rc = invite_reply_fits(inv, r);
	struct waiting **at = &inv->rel->waiting, *w;
	struct buf b;

	if (rc < 0)
		return rc;
	if (r->status < 200 && is_full(inv->rel)) {
		count(inv->sip, COUNT_DROP_ABSORBED);
		return 0;
	}
	w = malloc(sizeof(*w) + n);
	if (!w)
		return -ENOMEM;
	*w = (struct waiting){ .reply = *r };
	buf_init(&b, w->text, n);
	w->reply.reason = keep(&b, r->reason);
	w->reply.headers = keep(&b, r->headers);
	w->reply.body = keep(&b, r->body);
	w->reply.body_type = keep(&b, r->body_type);
	while (*at)
		at = &(*at)->next;
	*at = w;
	if (r->status >= 200)
		inv->state = INV_ANSWERING;
	return 0;
}

bool invite_prack_owed(const struct invite *inv)
{
	const struct rel *rel =
		inv->state == INV_INCOMING || inv->state == INV_ANSWERING ? inv->rel : NULL;

	return rel && (rel->open || rel->waiting);
}

/* ---- sending ---- */

/* The transaction keeps what was said last, which need not be this one. */
static void keep_text(struct rel *rel, const struct strans *st)
{
	rel->text = st->reply ? malloc(st->reply_len) : NULL;
	rel->len = rel->text ? st->reply_len : 0;
	if (rel->text)
		memcpy(rel->text, st->reply, rel->len);
}

int rel_send(struct invite *inv, const struct invite_reply *r)
{
	struct sip *s = inv->sip;
	struct rel *rel = rel_of(inv);
	int rc;

	if (!rel)
		return -ENOMEM;
	rel->rseq++;
	rc = invite_reply_text(inv, r);
	if (rc < 0) {
		rel->rseq--;
		return rc;
	}
	keep_text(rel, inv->server);
	rel->open = true;
	rel->body = r->body.n;
	rel->interval = s->timers.t1_ms;
	rel->deadline = loop_now(s->loop) + sip_64_t1(s);
	timer_start(s->loop, &rel->timer, rel->interval);
	return 0;
}

static void no_prack(struct invite *inv)
{
	struct invite_reply r = { .status = 504 };
	struct invite_in e = { .lost = INVITE_LOST_PRACK };

	count(inv->sip, COUNT_TIMEOUT_PRACK);
	invite_reply_text(inv, &r);
	invite_over(inv, INVITE_LOST, &e);
}

/* Repeated on streams too: a proxy may hand it on by UDP. There is no T2 in it. */
void rel_timer(struct invite *inv, const struct invite_in *e)
{
	struct rel *rel = inv->rel;
	uint64_t now = loop_now(inv->sip->loop), left;

	if (now >= rel->deadline) {
		no_prack(inv);
		return;
	}
	if (inv->server && rel->text)
		strans_repeat(inv->server, (struct str){ rel->text, rel->len });
	left = rel->deadline - now;
	rel->interval *= 2;
	timer_start(inv->sip->loop, &rel->timer, rel->interval < left ? rel->interval : left);
}

void rel_answered(struct invite *inv)
{
	struct rel *rel = inv->rel;
	uint64_t now = loop_now(inv->sip->loop);

	if (!rel)
		return;
	forget_waiting(rel);
	if (!rel->open) {
		rel_free(inv);
		return;
	}
	forget_text(rel);
	timer_start(inv->sip->loop, &rel->timer, rel->deadline > now ? rel->deadline - now : 0);
}

/* It was answered, and the PRACK did not come: nobody minds. */
void rel_expired(struct invite *inv, const struct invite_in *e)
{
	rel_free(inv);
}

/* ---- PRACK ---- */

/* What waited for it, up to the next that waits for one. */
static void go_on(struct invite *inv)
{
	struct rel *rel = inv->rel;
	struct waiting *w;
	int rc;

	while (!inv->dead && (rel = inv->rel) && (w = rel->waiting)) {
		bool answer = w->reply.status >= 200;

		if (rel->open && (!answer || rel->body))
			return;
		rel->waiting = w->next;
		if (answer)
			inv->state = INV_INCOMING;
		rc = invite_reply_now(inv, &w->reply);
		free(w);
		if (rc < 0 && answer)
			no_prack(inv);
	}
}

static bool fits(const struct invite *inv, const struct incoming *in)
{
	const struct rel *rel = inv->rel;
	struct sip_rack r;

	return rel && rel->open && sip_rack_parse(sip_value(in->m, SIP_HDR_RACK), &r) == 0 &&
	       r.rseq == rel->rseq && r.cseq == rel->cseq && r.method == SIP_INVITE;
}

void peer_prack(struct invite *inv, const struct invite_in *e)
{
	struct rel *rel = inv->rel;

	if (!fits(inv, e->in)) {
		invite_answer(inv, e, 481, STR_NONE);
		return;
	}
	rel->open = false;
	forget_text(rel);
	timer_stop(inv->sip->loop, &rel->timer);
	if (inv->state != INV_INCOMING && inv->state != INV_ANSWERING)
		rel_free(inv);
	invite_emit(inv, INVITE_PRACK, e, 0);
	go_on(inv);
}
