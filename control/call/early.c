/* SPDX-License-Identifier: Apache-2.0 */
/* While it rings: 18x, reliable ones and their PRACKs on either leg (RFC 3262), early media, forks. Each leg keeps to
 * its own terms: what the callee says reliably need not be said so to the caller. */
#include <errno.h>
#include <stdlib.h>

#include "call_priv.h"

/* ---- life ---- */

int call_early_new(struct call *c, const struct sip_msg *m)
{
	struct early *e = calloc(1, sizeof(*e) + m->len);

	if (!e)
		return -ENOMEM;
	e->invite_len = m->len;
	memcpy(e->invite, m->buf, m->len);
	call_early_free(c);
	c->early = e;
	return 0;
}

void call_early_free(struct call *c)
{
	if (c->early)
		free((char *)c->early->answer.p);
	free(c->early);
	c->early = NULL;
}

/* Of the callee's early dialogs each has its own; it begins as the INVITE left it. */
struct oa *call_oa(struct call *c, const struct call_leg *leg, unsigned fork)
{
	struct oa *o;

	if (leg->index == CALL_THIRD)
		return &call_leg_at(c, CALL_THIRD)->oa;
	if (leg->index == 0 || !c->early || fork >= EARLY_FORKS)
		return &c->leg[leg->index].oa;
	o = &c->early->fork[fork];
	if (o->state == OA_NONE)
		*o = c->leg[1].oa;
	return o;
}

/* ---- what came from the callee ---- */

/* For when the 2xx has none. */
static void keep_answer(struct call *c, struct str sdp)
{
	char *mem = malloc(sdp.n);

	if (!mem)
		return;
	memcpy(mem, sdp.p, sdp.n);
	free((char *)c->early->answer.p);
	c->early->answer = (struct str){ mem, sdp.n };
}

enum call_input call_progress_input(struct call *c, const struct invite_event *e)
{
	struct str sdp = call_sdp(e);

	if (!sdp.n)
		return IN_RINGING;
	switch (oa_input(call_oa(c, &c->leg[1], e->fork),
			 e->reliable ? OA_GOT_REL_SDP : OA_GOT_18X_SDP)) {
	case OA_PREVIEW:
	case OA_ANSWER:
		if (!c->made)
			return IN_EARLY;
		keep_answer(c, sdp);
		return IN_RINGING;
	case OA_OFFER:
		return IN_EARLY_OFFER;
	default:
		return IN_RINGING;
	}
}

enum call_input call_answer_input(struct call *c, const struct invite_event *e)
{
	struct oa *o = call_oa(c, &c->leg[1], e->fork);
	bool agreed = o->agreed;
	enum oa_verdict v = oa_input(o, call_sdp(e).n ? OA_GOT_2XX_SDP : OA_GOT_2XX);

	/* Where an answer is missing, the one of a 18x stands for it. */
	c->leg[1].oa = (struct oa){ o->state == OA_SENT ? OA_DONE : o->state, true };
	if (c->made)
		return IN_LATE_OFFER;
	return c->late && v != OA_REPEAT && !agreed ? IN_LATE_OFFER : IN_ANSWER;
}

/* ---- to the caller ---- */

/* A 18x goes reliably where the callee's did, or the caller's side insists on it. */
static bool goes_reliably(const struct call *c, bool reliable)
{
	const struct call_leg *caller = &c->leg[0];
	unsigned peer = invite_peer(caller->inv);

	if (caller->trunk->rel == CONF_EXTENSION_NEVER || !(peer & INVITE_PEER_100REL))
		return false;
	return reliable || caller->trunk->rel == CONF_EXTENSION_REQUIRE ||
	       (peer & INVITE_PEER_NEEDS_100REL);
}

/* An answer that he has for good is not said again in another 18x. */
static void pass_progress(struct call *c, const struct invite_reply *r)
{
	struct invite_reply reply = *r;

	if (c->leg[0].oa.state != OA_GOT && c->leg[0].oa.state != OA_OWE)
		reply.body = STR_NONE;
	call_reply(c, &c->leg[0], &reply);
}

static void acknowledge(struct call *c, const struct invite_event *e)
{
	if (e->reliable)
		invite_prack(c->leg[1].inv, e->fork, STR_NONE, STR_NONE);
}

/* IN_RINGING */
enum call_input call_ring(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = policy_progress(in->e->status),
				  .reliable = goes_reliably(c, in->e->reliable) };
	char mem[POLICY_MEMORY];
	struct buf b;

	call_note(c, 1, in->e->status, NOTE_PROGRESS);
	acknowledge(c, in->e);
	buf_init(&b, mem, sizeof(mem));
	if (!r.status)
		return IN_NONE;
	r.headers = policy_reply_headers(in->e->msg, r.status, c->leg[0].trunk, &b);
	pass_progress(c, &r);
	return IN_NONE;
}

static enum call_input hold_progress(struct call *c, const struct invite_event *e, struct str sdp)
{
	struct invite_reply r = { .status = policy_progress(e->status),
				  .reliable = goes_reliably(c, e->reliable),
				  .body = sdp };
	char mem[POLICY_MEMORY];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	r.headers = policy_reply_headers(e->msg, r.status, c->leg[0].trunk, &b);
	if (!c->leg[1].trunk->early_media)
		r.body = STR_NONE;
	return call_hold(c, &r) ? call_refused(c, 503, "no memory") : IN_NONE;
}

/* IN_EARLY: SDP that cannot be used is left out; the 18x still says that it rings. */
enum call_input call_early(struct call *c, const struct call_in *in)
{
	char sdp_mem[CALL_SDP_MAX];
	enum call_input failed;
	struct buf sdp;

	if (!policy_progress(in->e->status))
		return call_ring(c, in);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	if (c->early->settled ||
	    media_answer(c->media, 1, in->e->fork, call_sdp(in->e), &in->e->source, &sdp))
		return call_ring(c, in);
	c->early->heard = (uint8_t)in->e->fork;
	acknowledge(c, in->e);
	call_note(c, 1, in->e->status, NOTE_PROGRESS_SDP);
	failed = hold_progress(c, in->e, buf_str(&sdp));
	if (failed == IN_NONE)
		media_commit(c->media, call_committed, c);
	return failed;
}

/* IN_COMMITTED: a 18x for the caller, or his answer for the callee. */
enum call_input call_early_ready(struct call *c, const struct call_in *in)
{
	struct call_held *h = c->held;

	(void)in;
	if (h->status) {
		pass_progress(c, &(struct invite_reply){ .status = h->status,
							 .reliable = h->reliable,
							 .headers = h->headers,
							 .body = h->body });
		return IN_NONE;
	}
	invite_prack(c->leg[1].inv, c->early->prack, h->body, call_sdp_type);
	oa_input(call_oa(c, &c->leg[1], c->early->prack), OA_SENT_PRACK_SDP);
	call_said(c, 1, h->body);
	return IN_NONE;
}

/* ---- a late offer, early: in a reliable 18x, answered in the PRACK ---- */

/* IN_EARLY_OFFER. The caller speaks 100rel, or the callee would not: leg.c. */
enum call_input call_early_offer(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = policy_progress(in->e->status), .reliable = true };
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct buf sdp, b;

	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	call_note(c, 1, in->e->status, NOTE_PROGRESS_SDP);
	if (c->leg[0].oa.state != OA_OWE ||
	    media_offer(c->media, 1, call_sdp(in->e), &in->e->source, &sdp))
		return call_refused(c, 502, "callee's offer cannot be understood");
	c->early->prack = c->early->heard = (uint8_t)in->e->fork;
	r.headers = policy_reply_headers(in->e->msg, r.status, c->leg[0].trunk, &b);
	r.body = buf_str(&sdp);
	if (call_reply(c, &c->leg[0], &r))
		return call_refused(c, 500, "18x could not be sent to the caller");
	return IN_NONE;
}

/* IN_EARLY_ANSWER */
enum call_input call_early_answer(struct call *c, const struct call_in *in)
{
	char sdp_mem[CALL_SDP_MAX];
	struct buf sdp;

	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	if (media_answer(c->media, 0, 0, call_sdp(in->e), &in->e->source, &sdp))
		return call_refused(c, 488, "caller's answer cannot be understood");
	if (call_hold(c, &(struct invite_reply){ .body = buf_str(&sdp) }))
		return call_refused(c, 503, "no memory");
	media_commit(c->media, call_committed, c);
	return IN_NONE;
}

static void answer_prack(const struct invite_event *e, unsigned status)
{
	sip_request_reply(e->request, &(struct invite_reply){ .status = status });
}

void call_prack(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct str sdp = call_sdp(e);
	struct oa *o = &leg->oa;

	call_note(c, leg->index, 0, sdp.n ? NOTE_PRACK_SDP : NOTE_PRACK);
	if (e->body.n && !sdp.n) {
		answer_prack(e, 415);
		return;
	}
	if (sdp.n && o->state == OA_DONE) { /* another offer */
		exchange_request(c, leg, e);
		return;
	}
	switch (oa_input(o, sdp.n ? OA_GOT_PRACK_SDP : OA_GOT_PRACK)) {
	case OA_ANSWER:
		answer_prack(e, 200);
		call_fsm(c, IN_EARLY_ANSWER, &(struct call_in){ .leg = 0, .e = e });
		break;
	case OA_NOTHING:
		answer_prack(e, 200);
		break;
	case OA_MISSING: /* our offer has no answer */
		answer_prack(e, 400);
		break;
	default:
		answer_prack(e, 488);
		break;
	}
}
