/* SPDX-License-Identifier: Apache-2.0 */
/* Offers that come in: re-INVITE, UPDATE, PRACK; and the answers to those that went on. */
#include <errno.h>

#include "exchange_priv.h"

/* ---- what comes in ---- */

void exchange_glare(struct call *c, struct call_leg *leg, const struct invite_event *e,
		    unsigned status)
{
	c->calls->n.glare++;
	exchange_refuse(c, leg, e->request, e->fork, &(struct invite_reply){ .status = status });
}

/* Who is connected now, for the other leg: From where that one can take a change of it (RFC 4916), and header lines. True:
 * there is something to be told. */
static bool identity(struct call_leg *to, struct call_leg *leg, const struct invite_event *e,
		     struct buf *b, struct str *headers)
{
	struct str name = STR_NONE;

	*headers = STR_NONE;
	if (!e->core || call_is_nameless(leg, e->msg))
		return false;
	if (invite_peer(to->inv) & INVITE_PEER_FROM_CHANGE)
		name = policy_new_identity(e->msg, e->core, leg->user, to->trunk, b);
	if (name.n)
		invite_rename(to->inv, name);
	*headers = policy_session_headers(e->msg, to->trunk, b);
	return name.n || headers->n;
}

/* A newcomer who is like the one whose place he takes: who stays need not hear of it. */
static bool is_known(const struct call *c, const struct call_leg *leg, struct str sdp)
{
	return leg->index == CALL_THIRD && sdp.n && !media_offer_is_news(c->media);
}

/* Goes on to the other leg. */
static void pass(struct call *c, struct call_leg *leg, struct call_leg *to, struct str sdp,
		 const struct invite_event *e)
{
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct str headers;
	struct exchange *x;
	struct buf out, b;
	int err;

	buf_init(&out, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	err = sdp.n ? media_offer(c->media, leg->index, sdp, &e->source, &out) : 0;
	if (err) {
		exchange_refuse(c, leg, e->request, e->fork,
				&(struct invite_reply){ .status = call_media_status(err) });
		return;
	}
	x = exchange_open(c, leg->index, e->request);
	if (!x || exchange_keep(&x->offer, &x->offer_n, buf_str(&out))) {
		if (x)
			exchange_close(x);
		media_reject(c->media);
		exchange_refuse(c, leg, e->request, e->fork,
				&(struct invite_reply){ .status = 503 });
		return;
	}
	x->to = to->index;
	x->done = leg->index == CALL_THIRD ? transfer_joined : NULL;
	x->late = !sdp.n;
	x->state = x->late ? X_LATE : X_OFFERED;
	if (is_known(c, leg, sdp) && media_answer_known(c->media) == 0) {
		x->known = true;
		exchange_input(x, XI_KNOWN, &(struct exchange_in){ 0 });
		return;
	}
	identity(to, leg, e, &b, &headers);
	err = exchange_send(x, headers);
	if (!err) {
		c->calls->n.reinvites++;
		return;
	}
	if (!x->late)
		media_reject(c->media);
	exchange_close(x);
	if (err == -EBUSY)
		exchange_glare(c, leg, e, 491);
	else
		exchange_refuse(c, leg, e->request, e->fork,
				&(struct invite_reply){ .status = call_media_status(err) });
}

/* A re-INVITE without SDP for whom the other side is not asked: the offer is ours. */
static void offer_here(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct invite_reply r = { .status = 200 };
	struct exchange *x = exchange_open(c, leg->index, NULL);
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err = x ? 0 : -ENOMEM;

	buf_init(&sdp, mem, sizeof(mem));
	if (!err)
		err = media_make_offer(c->media, leg->index, &sdp);
	r.body = buf_str(&sdp);
	if (!err) {
		x->to = leg->index;
		x->done = leg->index == CALL_THIRD ? transfer_joined : NULL;
		x->made = true;
		x->state = X_OWED;
		c->calls->n.reinvites_answered++;
		if (call_reply(c, leg, &r) == 0)
			return;
		media_reject(c->media);
	}
	if (x)
		exchange_close(x);
	exchange_refuse(c, leg, NULL, 0,
			&(struct invite_reply){ .status = call_media_status(err) });
}

/* Nobody can be asked, or need be: what both could do before. Where the caller still waits for his answer, this is news for him. */
static void answer_here(struct call *c, struct call_leg *leg, struct str sdp,
			const struct invite_event *e)
{
	char mem[CALL_SDP_MAX], other_mem[CALL_SDP_MAX];
	struct invite_reply r = { .status = 200 };
	struct buf out, other;
	int err;

	buf_init(&out, mem, sizeof(mem));
	buf_init(&other, other_mem, sizeof(other_mem));
	err = media_answer_here(c->media, leg->index, sdp, &e->source, &out, &other);
	if (err) {
		exchange_refuse(c, leg, e->request, e->fork,
				&(struct invite_reply){ .status = call_media_status(err) });
		return;
	}
	c->calls->n.reinvites_answered++;
	r.body = buf_str(&out);
	if (exchange_accept(c, leg, e->request, &r))
		return;
	if (c->early && other.n && leg->index == 1) {
		c->early->heard = (uint8_t)e->fork;
		if (!call_hold(c, &(struct invite_reply){ .status = 183, .body = buf_str(&other) }))
			media_commit(c->media, call_committed, c);
	} else {
		media_commit(c->media, NULL, NULL);
	}
}

/* Both legs have come to an end with the first offer, for good. */
static bool early_can_pass(struct call *c, const struct call_leg *leg, const struct call_leg *to,
			   const struct invite_event *e)
{
	return !invite_prack_owed(to->inv) && (leg->index == 0 || e->fork == exchange_heard(c)) &&
	       call_oa(c, to, exchange_heard(c))->state == OA_DONE &&
	       (invite_peer(to->inv) & INVITE_PEER_UPDATE);
}

/* True: the event is over with. */
static bool meets_another(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct exchange *x = c->exchange;
	bool asked = leg->index != CALL_THIRD;

	if (asked && c->state != CALL_ACTIVE && c->state != CALL_CALLING) {
		exchange_glare(c, leg, e, 491);
		return true;
	}
	if (x && x->state == X_WAITING && x->asker == EXCHANGE_US && !x->done) {
		exchange_drop(c, 491); /* theirs comes first; ours is looked at again after it */
		return false;
	}
	if (x)
		exchange_glare(c, leg, e, x->asker == leg->index ? 500 : 491);
	return x != NULL;
}

static void offered(struct call *c, struct call_leg *leg, struct str sdp,
		    const struct invite_event *e)
{
	struct call_leg *to = exchange_partner(c, leg);

	c->rounds = 0;
	if (sdp.n && media_is_same(c->media, leg->index, sdp)) {
		answer_here(c, leg, sdp, e);
	} else if (!sdp.n && (!to || !to->trunk->late_offer || leg->index == CALL_THIRD)) {
		offer_here(c, leg, e);
	} else if (!to || (c->early && !early_can_pass(c, leg, to, e))) {
		answer_here(c, leg, sdp, e);
	} else {
		if (c->early) {
			media_settle(c->media);
			c->early->settled = true;
		}
		pass(c, leg, to, sdp, e);
	}
	if (!c->exchange)
		transfer_free(c); /* ours, which gave way to it, is what it may have waited for */
}

void exchange_reinvite(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct str sdp = call_sdp(e);

	call_note(c, leg->index, 0, sdp.n ? NOTE_REINVITE_SDP : NOTE_REINVITE);
	if (e->body.n && !sdp.n) {
		exchange_refuse(
			c, leg, NULL, 0,
			&(struct invite_reply){ .status = 415,
						.headers = STR("Accept: application/sdp\r\n") });
		return;
	}
	if (meets_another(c, leg, e))
		return;
	switch (oa_input(&leg->oa, sdp.n ? OA_GOT_INVITE_SDP : OA_GOT_INVITE)) {
	case OA_OFFER:
	case OA_NOTHING:
		offered(c, leg, sdp, e);
		break;
	case OA_BUSY:
		exchange_glare(c, leg, e, 500);
		break;
	default:
		exchange_glare(c, leg, e, 491);
		break;
	}
}

/* Without SDP: who is connected now, or a refresh of the session, which is answered here. */
static void update_without(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct call_leg *to = exchange_partner(c, leg);
	char mem[POLICY_MEMORY];
	struct str headers;
	struct buf b;

	sip_request_reply(e->request, &(struct invite_reply){ .status = 200 });
	/* Who only rings is not connected with anybody. */
	if (!to || leg->index == CALL_THIRD || !(invite_peer(to->inv) & INVITE_PEER_UPDATE))
		return;
	buf_init(&b, mem, sizeof(mem));
	if (identity(to, leg, e, &b, &headers))
		invite_update(to->inv, exchange_heard(c), headers, STR_NONE, STR_NONE);
}

void exchange_request(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	bool prack = e->type == INVITE_PRACK;
	struct oa *oa = call_oa(c, leg, e->fork);
	struct str sdp = call_sdp(e);

	if (!prack)
		call_note(c, leg->index, 0, sdp.n ? NOTE_UPDATE_SDP : NOTE_UPDATE);
	if (!e->body.n) {
		update_without(c, leg, e);
		return;
	}
	if (!sdp.n) {
		exchange_refuse_request(e->request, 415);
		return;
	}
	switch (oa_input(oa, prack ? OA_GOT_PRACK_SDP : OA_GOT_UPDATE_SDP)) {
	case OA_OFFER:
		if (!meets_another(c, leg, e))
			offered(c, leg, sdp, e);
		break;
	case OA_GLARE:
		c->calls->n.glare++;
		exchange_refuse_request(e->request, 491);
		break;
	default:
		c->calls->n.glare++;
		exchange_refuse_request(e->request, 500);
		break;
	}
}

static enum exchange_input input_of(struct exchange *x, const struct invite_event *e)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->to);
	struct oa *oa = call_oa(c, leg, exchange_heard(c));
	bool update = e->type == INVITE_UPDATED, sdp = call_sdp(e).n > 0;
	enum oa_verdict v;

	if (e->status >= 300) {
		oa_input(oa, OA_FAILED);
		return e->status == 491 ? XI_GLARE : XI_REFUSED;
	}
	v = oa_input(oa, update ? (sdp ? OA_GOT_UPDATED_SDP : OA_GOT_UPDATED)
				: (sdp ? OA_GOT_2XX_SDP : OA_GOT_2XX));
	if (!update && v != OA_OFFER && !(x->late && v == OA_MISSING))
		invite_ack(leg->inv, STR_NONE, STR_NONE);
	if (v == OA_MISSING)
		oa_input(oa, OA_FAILED);
	return v == OA_ANSWER ? XI_ANSWER : v == OA_OFFER ? XI_OFFER : XI_FAILED;
}

/* Is this the answer to its offer? An UPDATE without SDP may be under way beside it. */
static bool is_answer(const struct exchange *x, const struct call_leg *leg,
		      const struct invite_event *e)
{
	bool by_update;

	if (!x || x->to != leg->index || (x->state != X_OFFERED && x->state != X_LATE))
		return false;
	by_update = call_oa(x->call, leg, exchange_heard(x->call))->state == OA_UPDATING;
	return by_update == (e->type == INVITE_UPDATED);
}

/* The offer was given up before its answer came. */
static void answered_late(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct oa *oa = call_oa(c, leg, exchange_heard(c));
	bool update = e->type == INVITE_UPDATED;

	if (!update && e->status < 300)
		invite_ack(leg->inv, STR_NONE, STR_NONE);
	if ((oa->state == OA_UPDATING) != update)
		return;
	if (update || oa->state == OA_SENT || oa->state == OA_EXPECT)
		oa_input(oa, OA_FAILED);
	if (e->status >= 300)
		return;
	media_stray(c->media, leg->index, call_sdp(e));
	exchange_debts(c);
}

void exchange_answered(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct exchange *x = c->exchange;

	if (e->status >= 300)
		call_note(c, leg->index, e->status,
			  e->type == INVITE_UPDATED ? NOTE_UPDATE_REFUSED : NOTE_REINVITE_REFUSED);
	if (is_answer(x, leg, e))
		exchange_input(x, input_of(x, e),
			       &(struct exchange_in){ .e = e, .status = e->status });
	else
		answered_late(c, leg, e);
}

bool exchange_acked(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct exchange *x = c->exchange;
	enum oa_verdict v;

	if (!x || x->state != X_OWED || x->asker != leg->index)
		return false;
	v = oa_input(&leg->oa, call_sdp(e).n ? OA_GOT_ACK_SDP : OA_GOT_ACK);
	exchange_input(x, v == OA_ANSWER ? XI_ACK : XI_FAILED, &(struct exchange_in){ .e = e });
	return true;
}
