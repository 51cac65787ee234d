/* SPDX-License-Identifier: Apache-2.0 */
/* An established call is changed: hold, resume, codec, late offers. A re-INVITE of one side becomes
 * one to the other, its answer goes back, and the flows change in between. Refusals change nothing.
 */
#include <errno.h>

#include "call_priv.h"

static const struct str sdp_type = { "application/sdp", 15 };

static enum call_input keep_session(struct call *c, unsigned leg, unsigned status,
				    struct str headers)
{
	struct invite_reply r = { .status = status, .headers = headers };

	c->calls->n.reinvites_refused++;
	call_reply(c, leg, &r);
	return IN_KEPT;
}

/* Sends the offer on; 0 or -errno, and media is as before then. */
static int pass_offer(struct call *c, const struct call_in *in, struct str offer)
{
	char sdp_mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	err = offer.n ? media_offer(c->media, in->leg, offer, &in->e->source, &sdp) : 0;
	if (err)
		return err;
	err = invite_reinvite(c->leg[in->leg ^ 1].inv, STR_NONE, buf_str(&sdp),
			      offer.n ? sdp_type : STR_NONE);
	if (err && offer.n)
		media_reject(c->media);
	return err;
}

/* IN_OFFER */
enum call_input call_reoffer(struct call *c, const struct call_in *in)
{
	struct str offer = call_sdp(in->e);
	int err;

	call_note(c, in->leg, 0, offer.n ? NOTE_REINVITE_SDP : NOTE_REINVITE);
	c->asker = (uint8_t)in->leg;
	c->late = !offer.n;
	if (in->e->body.n && !offer.n)
		return keep_session(c, in->leg, 415, STR("Accept: application/sdp\r\n"));
	err = pass_offer(c, in, offer);
	if (err == -EBUSY)
		c->calls->n.glare++;
	if (err)
		return keep_session(c, in->leg, call_media_status(err), STR_NONE);
	c->calls->n.reinvites++;
	call_note(c, in->leg ^ 1, 0, NOTE_REINVITE_SENT);
	return IN_NONE;
}

/* IN_OFFER while another exchange is open: RFC 3261 14.2. */
enum call_input call_glare(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = 491 };

	c->calls->n.glare++;
	call_reply(c, in->leg, &r);
	return IN_NONE;
}

/* IN_REANSWER */
enum call_input call_reanswer(struct call *c, const struct call_in *in)
{
	struct str answer = call_sdp(in->e);
	char sdp_mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	call_note(c, in->leg, in->e->status, NOTE_ANSWER);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	invite_ack(c->leg[in->leg].inv, STR_NONE, STR_NONE);
	err = answer.n ? media_answer(c->media, in->leg, 0, answer, &in->e->source, &sdp) : -EBADMSG;
	if (!err)
		err = call_hold(c, 200, STR_NONE, buf_str(&sdp));
	if (err) {
		media_reject(c->media);
		return keep_session(c, c->asker, 500, STR_NONE);
	}
	media_commit(c->media, call_committed, c);
	return IN_NONE;
}

/* IN_COMMITTED */
enum call_input call_reanswer_ready(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = 200, .body = c->held->body, .body_type = sdp_type };

	(void)in;
	media_settle(c->media);
	if (call_reply(c, c->asker, &r)) {
		call_because(c, "200 could not be sent", 0);
		return IN_BROKEN;
	}
	return IN_NONE;
}

/* IN_COMMIT_FAILED: an engine that is away gets every flow when it is back, as the last answer left
 * it, so the call goes on. One that is there and refuses has no use for this call. */
enum call_input call_reanswer_failed(struct call *c, const struct call_in *in)
{
	if (in->error == -ENOTCONN || in->error == -ETIMEDOUT)
		return call_reanswer_ready(c, in);
	call_because(c, "the engine refused the change", 0);
	return IN_BROKEN;
}

/* IN_RELATE: the callee's offer answers an empty re-INVITE. */
enum call_input call_relate(struct call *c, const struct call_in *in)
{
	struct str offer = call_sdp(in->e);
	char sdp_mem[CALL_SDP_MAX];
	struct buf sdp;
	struct invite_reply r = { .status = 200, .body_type = sdp_type };
	int err;

	call_note(c, in->leg, in->e->status, NOTE_ANSWER_OFFER);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	err = offer.n ? media_offer(c->media, in->leg, offer, &in->e->source, &sdp) : -EBADMSG;
	r.body = buf_str(&sdp);
	if (!err)
		err = call_reply(c, c->asker, &r);
	if (err) {
		invite_ack(c->leg[in->leg].inv, STR_NONE, STR_NONE);
		call_because(c, "the offer in the 200 cannot be passed on", 0);
		return IN_BROKEN;
	}
	return IN_NONE;
}

/* IN_REFAIL: 488, 491 and their kin go back to where the re-INVITE came from. */
enum call_input call_refail(struct call *c, const struct call_in *in)
{
	unsigned status = in->e->status == 491 ? 491 : policy_final(in->e->status, in->e->msg, c->leg[c->asker].trunk);
	char mem[POLICY_MEMORY];
	struct buf b;

	call_note(c, in->leg, in->e->status, NOTE_REINVITE_REFUSED);
	buf_init(&b, mem, sizeof(mem));
	if (!c->late)
		media_reject(c->media);
	keep_session(c, c->asker, status,
		     policy_reply_headers(in->e->msg, status, c->leg[c->asker].trunk, &b));
	return IN_NONE;
}
