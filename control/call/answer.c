/* SPDX-License-Identifier: Apache-2.0 */
/* The callee has answered: from his 2xx to the caller's ACK. */
#include <errno.h>

#include "call_priv.h"

/* ---- IN_ANSWER: the 2xx with the answer, or after it ---- */

/* What the caller is told; nothing where he knows. */
static int answer_of(struct call *c, const struct invite_event *e, struct buf *sdp)
{
	struct str body = call_sdp(e);
	int err;

	if (c->early->settled && e->fork == c->early->heard)
		return 0;
	if (c->late) /* the offer was his, the answer went to him in a PRACK */
		return 0;
	if (e->body.n && !body.n)
		return -EBADMSG;
	if (!c->early->settled)
		return media_answer(c->media, 1, e->fork, body, &e->source, sdp);
	/* Another fork than the one that the session went on with: what it can do is news for the caller. */
	err = media_offer(c->media, 1, body, &e->source, sdp);
	return err ? err : media_answer_known(c->media);
}

enum call_input call_answer(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = 200 };
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct buf sdp, b;
	int err;

	call_note(c, 1, in->e->status, NOTE_ANSWER);
	call_keep_privacy(&c->leg[1], in->e->msg);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	invite_ack(c->leg[1].inv, STR_NONE, STR_NONE);
	exchange_drop(c, 500);
	err = answer_of(c, in->e, &sdp);
	if (err == -EBADMSG)
		return call_refused(c, 502, "callee's answer cannot be understood");
	if (err)
		return call_refuse_media(c, err);
	r.headers = policy_reply_headers(in->e->msg, 200, c->leg[0].trunk, &b);
	if (c->leg[0].oa.state == OA_GOT)
		r.body = buf_str(&sdp);
	if (call_hold(c, &r))
		return call_refused(c, 503, "no memory");
	media_commit(c->media, call_committed, c);
	return IN_NONE;
}

static void too_long(void *arg)
{
	call_fsm(arg, IN_TOO_LONG, &(struct call_in){ 0 });
}

/* Where there is no memory, the call lasts as long as its people want. */
void call_ends_at(struct call *c, uint64_t at)
{
	uint64_t now = loop_now(c->calls->loop);
	struct call_rare *rare = call_rare(c);

	if (!rare || (rare->longest && rare->longest->at <= at))
		return;
	if (!rare->longest) {
		rare->longest = arena_alloc(c->arena, sizeof(*rare->longest));
		if (!rare->longest)
			return;
		timer_init(&rare->longest->timer, too_long, c);
	}
	rare->longest->at = at;
	timer_start(c->calls->loop, &rare->longest->timer, at > now ? at - now : 0);
}

void call_limit_duration(struct call *c, const struct conf_trunk *trunk)
{
	if (trunk->max_duration_s)
		call_ends_at(c, loop_now(c->calls->loop) + trunk->max_duration_s * 1000ull);
}

static void answered(struct call *c)
{
	c->answered_us = loop_wall_us(c->calls->loop);
	c->calls->n.answered++;
	call_early_free(c);
	call_limit_duration(c, c->leg[0].trunk);
	call_limit_duration(c, c->leg[1].trunk);
}

/* IN_COMMITTED: the first packet after this 200 is relayed already. */
enum call_input call_answer_ready(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = 200,
				  .headers = c->held->headers,
				  .body = c->held->body };

	(void)in;
	media_settle(c->media);
	answered(c);
	if (call_reply(c, &c->leg[0], &r)) {
		call_because(c, "200 could not be sent to the caller", 0);
		return IN_BROKEN;
	}
	return IN_NONE;
}

/* ---- IN_LATE_OFFER: the offer is in the 2xx ---- */

/* The callee's offer; or the answer to the one that we made, of which the caller's is made. */
enum call_input call_answer_late(struct call *c, const struct call_in *in)
{
	struct str offer = call_sdp(in->e);
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct buf sdp, b;
	struct invite_reply r = { .status = 200 };
	int err;

	call_note(c, 1, in->e->status, NOTE_ANSWER_OFFER);
	call_keep_privacy(&c->leg[1], in->e->msg);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	if (c->made && !in->e->body.n)
		offer = c->early->answer;
	err = offer.n ? media_offer(c->media, 1, offer, &in->e->source, &sdp) : -EBADMSG;
	if (c->made || err)
		invite_ack(c->leg[1].inv, STR_NONE, STR_NONE);
	if (err)
		return err == -EBADMSG ? call_refused(c, 502, "callee's offer cannot be understood")
				       : call_refuse_media(c, err);
	r.headers = policy_reply_headers(in->e->msg, 200, c->leg[0].trunk, &b);
	r.body = buf_str(&sdp);
	answered(c);
	if (call_reply(c, &c->leg[0], &r)) {
		call_because(c, "200 could not be sent to the caller", 0);
		return IN_BROKEN;
	}
	return IN_NONE;
}

/* IN_ACK of a late offer: the answer is in it, and the callee's ACK waits for the engine. */
enum call_input call_late_answer(struct call *c, const struct call_in *in)
{
	enum oa_verdict v;
	struct str answer = call_sdp(in->e);
	char sdp_mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	v = oa_input(&c->leg[0].oa, answer.n ? OA_GOT_ACK_SDP : OA_GOT_ACK);
	call_note(c, 0, 0, answer.n ? NOTE_ACK_ANSWER : NOTE_ACK);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	err = v == OA_ANSWER ? media_answer(c->media, 0, 0, answer, &in->e->source, &sdp)
			     : -EBADMSG;
	if (!err)
		err = call_hold(c, &(struct invite_reply){ .body = buf_str(&sdp) });
	if (err) {
		if (!c->made)
			invite_ack(c->leg[1].inv, STR_NONE, STR_NONE);
		call_because(c, "the answer in the ACK is missing or cannot be understood", 0);
		return IN_BROKEN;
	}
	media_commit(c->media, call_committed, c);
	return IN_NONE;
}

enum call_input call_late_ready(struct call *c, const struct call_in *in)
{
	(void)in;
	media_settle(c->media);
	if (!c->made) {
		invite_ack(c->leg[1].inv, c->held->body, call_sdp_type);
		oa_input(&c->leg[1].oa, OA_SENT_ACK_SDP);
		call_said(c, 1, c->held->body);
		call_note(c, 1, 0, NOTE_ACK_ANSWER_SENT);
	}
	return IN_NONE;
}

/* ---- ACK ---- */

enum call_input call_established(struct call *c, const struct call_in *in)
{
	oa_input(&c->leg[0].oa, OA_GOT_ACK);
	call_note(c, in->leg, 0, NOTE_ACK);
	return IN_NONE;
}

/* Of a re-INVITE. */
enum call_input call_acked(struct call *c, const struct call_in *in)
{
	struct call_leg *leg = call_leg_at(c, in->leg);

	call_note(c, in->leg, 0, call_sdp(in->e).n ? NOTE_ACK_ANSWER : NOTE_ACK);
	if (!exchange_acked(c, leg, in->e))
		oa_input(&leg->oa, OA_GOT_ACK);
	return IN_NONE;
}
