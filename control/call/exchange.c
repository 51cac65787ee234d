/* SPDX-License-Identifier: Apache-2.0 */
/* Offers in the dialogs: hold, resume, other codecs, fax, late offers, refreshes, and those that we make so that both
 * legs are at one. An offer of one leg goes on to the other as a request of its own, UPDATE or re-INVITE as that one
 * can take it; its answer comes back, and the flows change in between. One exchange at a time; what is refused
 * changes nothing. A 491 is met here by waiting and trying again (RFC 3261 14.1). */
#include <errno.h>
#include <stdlib.h>

#include "exchange_priv.h"

/* ---- to who asked ---- */

void exchange_refuse_request(struct sip_request *r, unsigned status)
{
	struct invite_reply reply = { .status = status };

	if (status == 500 || status == 503)
		reply.headers = STR("Retry-After: 5\r\n");
	else if (status == 415)
		reply.headers = STR("Accept: application/sdp\r\n");
	sip_request_reply(r, &reply);
}

/* What was offered is not to be: the leg is as before. */
void exchange_refuse(struct call *c, struct call_leg *leg, struct sip_request *request,
		     unsigned fork, const struct invite_reply *r)
{
	c->calls->n.reinvites_refused++;
	if (!request) {
		call_reply(c, leg, r);
		return;
	}
	if (call_oa(c, leg, fork)->state == OA_ASKED)
		oa_input(call_oa(c, leg, fork), OA_FAILED);
	if (r->headers.n)
		sip_request_reply(request, r);
	else
		exchange_refuse_request(request, r->status);
}

unsigned exchange_heard(const struct call *c)
{
	return c->early ? c->early->heard : 0;
}

/* An answer, or an offer (of a leg that asked without one). 0 or -errno. */
int exchange_accept(struct call *c, struct call_leg *leg, struct sip_request *request,
		    const struct invite_reply *r)
{
	struct invite_reply reply = *r;
	int err;

	if (!request)
		return call_reply(c, leg, r);
	reply.body_type = call_sdp_type;
	err = sip_request_reply(request, &reply);
	oa_input(call_oa(c, leg, exchange_heard(c)), err ? OA_FAILED : OA_SENT_UPDATED_SDP);
	if (!err)
		call_said(c, leg->index, r->body);
	return err;
}

/* ---- the offer goes on ---- */

/* Who hears what this leg says. NULL: nobody, for the time being. */
struct call_leg *exchange_partner(struct call *c, const struct call_leg *leg)
{
	struct call_leg *other = transfer_partner(c, leg);

	return other && other->inv ? other : NULL;
}

/* As the other leg can take it: an UPDATE as an UPDATE, and before the answer there is nothing else; a re-INVITE as a
 * re-INVITE, for an UPDATE has to be answered at once (RFC 3311 5.1). */
static bool by_update(const struct exchange *x, const struct call_leg *to)
{
	const struct call *c = x->call;

	return x->offer_n && (x->request || c->early) &&
	       (invite_peer(to->inv) & INVITE_PEER_UPDATE);
}

int exchange_send(struct exchange *x, struct str headers)
{
	struct call *c = x->call;
	struct call_leg *to = call_leg_at(c, x->to);
	struct oa *oa = call_oa(c, to, exchange_heard(c)), before = *oa;
	struct str body = { x->offer, x->offer_n };
	struct str type = x->offer_n ? call_sdp_type : STR_NONE;
	bool update = by_update(x, to);
	enum oa_input what = update       ? OA_SENT_UPDATE_SDP
			     : x->offer_n ? OA_SENT_INVITE_SDP
					  : OA_SENT_INVITE;
	int err;

	if (oa_input(oa, what) == OA_WRONG)
		return -EBUSY;
	err = update ? invite_update(to->inv, exchange_heard(c), headers, body, type)
		     : invite_reinvite(to->inv, headers, body, type);
	if (err) {
		*oa = before;
		return err;
	}
	call_said(c, to->index, body);
	call_note(c, to->index, 0, update ? NOTE_UPDATE_SENT : NOTE_REINVITE_SENT);
	return 0;
}

/* ---- glare ---- */

enum exchange_input exchange_wait_more(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *to = call_leg_at(c, x->to);
	uint32_t ms = invite_glare_ms(to->inv);

	if (loop_now(c->calls->loop) + ms >= x->give_up)
		return XI_REFUSED;
	call_note(c, to->index, in->status, NOTE_GLARE);
	timer_start(c->calls->loop, &x->timer, ms);
	return XI_NONE;
}

enum exchange_input exchange_try_again(struct exchange *x, const struct exchange_in *in)
{
	int err = exchange_send(x, STR_NONE);

	if (err == -EBUSY)
		return exchange_wait_more(x, in);
	if (err)
		return XI_FAILED;
	x->call->calls->n.glare_retries++;
	return x->late ? XI_SENT_LATE : XI_SENT;
}

/* ---- the answer comes back ---- */

/* Goes on with the opposite leg, if that has to be asked at all. */
static enum exchange_input pass_made(struct exchange *x, struct call_leg *from, struct str offer)
{
	struct call *c = x->call;
	struct call_leg *to = exchange_partner(c, from);

	x->made = false;
	if (from->index == CALL_THIRD)
		transfer_told(c);
	if (!to || !media_offer_is_news(c->media))
		return media_answer_known(c->media) ? XI_FAILED : XI_KNOWN;
	if (exchange_keep(&x->offer, &x->offer_n, offer))
		return XI_FAILED;
	x->to = to->index;
	c->calls->n.reinvites_ours++;
	return XI_NEXT;
}

enum exchange_input exchange_take_answer(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->to);
	struct str answer = call_sdp(in->e);
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	buf_init(&sdp, mem, sizeof(mem));
	call_note(c, leg->index, in->e->status, NOTE_ANSWER);
	if (x->made) {
		err = media_offer(c->media, leg->index, answer, &in->e->source, &sdp);
		return err ? XI_FAILED : pass_made(x, leg, buf_str(&sdp));
	}
	err = media_answer(c->media, leg->index, exchange_heard(c), answer, &in->e->source, &sdp);
	if (err || exchange_keep(&x->held, &x->held_n, buf_str(&sdp)))
		return XI_FAILED;
	return XI_KNOWN;
}

/* The offer in a 2xx to a re-INVITE that had none. */
enum exchange_input exchange_take_offer(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->to);
	struct str offer = call_sdp(in->e);
	struct invite_reply r = { .status = 200 };
	char mem[CALL_SDP_MAX];
	struct buf sdp;

	buf_init(&sdp, mem, sizeof(mem));
	call_note(c, leg->index, in->e->status, NOTE_ANSWER_OFFER);
	if (media_offer(c->media, leg->index, offer, &in->e->source, &sdp)) {
		invite_ack(leg->inv, STR_NONE, STR_NONE);
		call_because(c, "the offer in the 200 cannot be passed on", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return XI_NONE;
	}
	r.body = buf_str(&sdp);
	return call_reply(c, call_leg_at(c, x->asker), &r) ? XI_FAILED : XI_NONE;
}

/* The answer in the ACK, to an offer that was passed on, or to one of ours. */
enum exchange_input exchange_take_late_answer(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct call_leg *leg = call_leg_at(c, x->asker);
	struct str answer = call_sdp(in->e);
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	buf_init(&sdp, mem, sizeof(mem));
	if (x->made) {
		err = media_offer(c->media, leg->index, answer, &in->e->source, &sdp);
		x->asker = EXCHANGE_US;
		return err ? XI_FAILED : pass_made(x, leg, buf_str(&sdp));
	}
	err = media_answer(c->media, leg->index, 0, answer, &in->e->source, &sdp);
	if (err || exchange_keep(&x->held, &x->held_n, buf_str(&sdp)))
		return XI_FAILED;
	return XI_KNOWN;
}

/* ---- the engine ---- */

static void committed(void *call, int status)
{
	struct call *c = call;
	struct exchange *x = c->exchange;

	if (status == -ECANCELED || c->state == CALL_ENDING || !x || x->state != X_COMMIT)
		return;
	call_note(c, CALL_WHOLE, 0, status ? NOTE_ENGINE_FAILED : NOTE_ENGINE_READY);
	/* An engine that is away gets every flow when it is back, as the last answer left it, so the call goes
	 * on. One that is there and refuses has no use for this call. */
	if (!status || status == -ENOTCONN || status == -ETIMEDOUT) {
		exchange_input(x, XI_READY, &(struct exchange_in){ 0 });
		return;
	}
	log_warn(c->calls->log, "call", "%016llx: the engine did not take the flows: %s",
		 (unsigned long long)c->id, strerror(-status));
	call_because(c, "the engine refused the change", 0);
	call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
}

enum exchange_input exchange_commit(struct exchange *x, const struct exchange_in *in)
{
	(void)in;
	media_commit(x->call->media, committed, x->call);
	return XI_NONE;
}

/* ---- the end ---- */

/* Says it; x is gone. */
static void over(struct exchange *x, unsigned status, struct str headers)
{
	struct call *c = x->call;
	exchange_done *done = x->done;
	struct sip_request *request = x->request;
	struct call_leg *asker = x->asker == EXCHANGE_US ? NULL : call_leg_at(c, x->asker);

	exchange_close(x);
	if (asker && status >= 300)
		exchange_refuse(c, asker, request, exchange_heard(c),
				&(struct invite_reply){ .status = status, .headers = headers });
	if (done)
		done(c, status);
	else if (c->transfer)
		transfer_free(c);
	else
		exchange_debts(c);
}

enum exchange_input exchange_finish(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	struct str held = { x->held, x->held_n };
	struct invite_reply r = { .status = 200, .body = held };
	char mem[CALL_SDP_MAX];
	struct buf b;

	(void)in;
	media_settle(c->media);
	if (c->early)
		c->early->settled = true;
	buf_init(&b, mem, sizeof(mem));
	if (x->known && media_repeat(c->media, x->asker, &b) == 0)
		r.body = buf_str(&b);
	if (x->late) {
		struct call_leg *to = call_leg_at(c, x->to);

		if (to->inv)
			invite_ack(to->inv, held, call_sdp_type);
		oa_input(&to->oa, OA_SENT_ACK_SDP);
		call_said(c, to->index, held);
		call_note(c, to->index, 0, NOTE_ACK_ANSWER_SENT);
	} else if (x->asker != EXCHANGE_US && (x->request || call_leg_at(c, x->asker)->inv) &&
		   exchange_accept(c, call_leg_at(c, x->asker), x->request, &r)) {
		call_because(c, "200 could not be sent", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return XI_NONE;
	}
	over(x, 200, STR_NONE);
	return XI_NONE;
}

enum exchange_input exchange_give_back(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	const struct sip_msg *m = in->e ? in->e->msg : NULL;
	struct call_leg *asker = x->asker == EXCHANGE_US ? NULL : call_leg_at(c, x->asker);
	const struct conf_trunk *trunk = asker ? asker->trunk : NULL;
	unsigned status = in->status == 491 || !in->status || !trunk
				  ? 491
				  : policy_final(in->status, m, trunk);
	char mem[POLICY_MEMORY];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (!asker && in->status)
		status = in->status;
	if (!x->late)
		media_reject(c->media);
	over(x, status, trunk ? policy_reply_headers(m, status, trunk, &b) : STR_NONE);
	return XI_NONE;
}

/* What came cannot be used. */
enum exchange_input exchange_fail(struct exchange *x, const struct exchange_in *in)
{
	struct call *c = x->call;
	bool answer_owed = x->late || (x->made && x->asker != EXCHANGE_US);

	(void)in;
	media_reject(c->media);
	if (answer_owed) { /* the asker has been told 200 already, and the other one waits for an ACK */
		struct call_leg *to = call_leg_at(c, x->to);

		if (x->late && to->inv)
			invite_ack(to->inv, STR_NONE, STR_NONE);
		call_because(c, "the answer in the ACK is missing or cannot be understood", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return XI_NONE;
	}
	over(x, 500, STR_NONE);
	return XI_NONE;
}

/* Nothing is sent to it any more, and nothing comes of it: not the answer, not the ACK. */
void exchange_gone(struct call *c, const struct call_leg *leg)
{
	struct exchange *x = c->exchange;

	if (!x)
		return;
	if (x->to == leg->index &&
	    (x->state == X_OFFERED || x->state == X_LATE || x->state == X_WAITING))
		exchange_input(x, XI_REFUSED, &(struct exchange_in){ 0 });
	else if (x->asker == leg->index && x->state == X_OWED)
		exchange_input(x, XI_FAILED, &(struct exchange_in){ 0 });
}

bool exchange_is_with(const struct exchange *x, unsigned leg)
{
	return x->to == leg || x->asker == leg || x->done;
}

/* Who sent a re-INVITE is answered by the end of the call, if it ends. */
void exchange_drop(struct call *c, unsigned status)
{
	struct exchange *x = c->exchange;
	struct call_leg *asker;
	struct sip_request *request;

	if (!x)
		return;
	request = x->request;
	asker = x->asker == EXCHANGE_US ? NULL : call_leg_at(c, x->asker);
	exchange_close(x);
	if (c->media && c->state != CALL_ENDING)
		media_reject(c->media);
	if (request)
		exchange_refuse(c, asker, request, exchange_heard(c),
				&(struct invite_reply){ .status = status });
}
