/* SPDX-License-Identifier: Apache-2.0 */
/* A new call, from the INVITE to the ACK: what is said to the caller and to the callee. */
#include <errno.h>

#include "call_priv.h"

static const struct str sdp_type = { "application/sdp", 15 };

struct str call_sdp(const struct invite_event *e)
{
	struct str sdp;

	policy_body(e->body, e->body_type, e->msg, &sdp);
	return sdp;
}

unsigned call_media_status(int err)
{
	switch (err) {
	case -EBADMSG:
		return 400;
	case -ENOTSUP:
		return 488;
	case -EMSGSIZE:
		return 488;
	case -EBUSY:
	case -EINVAL:
		return 491;
	default: /* -ENOBUFS, -ENOTCONN, -ETIMEDOUT, -ENOMEM */
		return 503;
	}
}

int call_reply(struct call *c, unsigned leg, const struct invite_reply *r)
{
	struct invite *inv = c->leg[leg].inv;
	int err = inv ? invite_reply(inv, r) : -EINVAL;

	if (err)
		log_warn(c->calls->log, "call", "%016llx: %u cannot be sent to %s: %s",
			 (unsigned long long)c->id, r->status, c->leg[leg].trunk->name,
			 strerror(-err));
	else
		call_note(c, leg, r->status, NOTE_REPLY_SENT);
	return err;
}

static enum call_input refuse(struct call *c, unsigned status, const char *why)
{
	c->refuse_status = status;
	call_because(c, why, status);
	return IN_REFUSED;
}

/* IN_INVITE */
enum call_input call_route(struct call *c, const struct call_in *in)
{
	struct calls_counters *n = &c->calls->n;
	struct str sdp;
	enum policy_body body =
		policy_body(in->msg->body, sip_value(in->msg, SIP_HDR_CONTENT_TYPE), in->msg, &sdp);
	int err;

	call_note(c, 0, 0, body == POLICY_BODY_NONE ? NOTE_INVITE : NOTE_INVITE_SDP);
	c->late = body == POLICY_BODY_NONE;
	if (c->calls->draining)
		return refuse(c, 503, "shutting down");
	if (body == POLICY_BODY_BAD) {
		n->refused_sdp++;
		return refuse(c, 400, "body cannot be taken apart");
	}
	if (body == POLICY_BODY_OTHER) {
		n->refused_sdp++;
		return refuse(c, 415, "body is not SDP");
	}
	if (!policy_accepts_sdp(in->msg)) {
		n->refused_sdp++;
		return refuse(c, 406, "caller does not accept SDP");
	}
	if (!engine_is_up(media_engine(c->calls->media))) {
		n->refused_engine++;
		return refuse(c, 503, "no engine");
	}
	err = policy_route(c->conf, c->leg[0].trunk->index, c->calls->limits, &c->route);
	if (err == -EACCES) {
		n->refused_route++;
		return refuse(c, 403, "no line in calls: begins at this trunk");
	}
	if (err) {
		n->refused_limit++;
		return refuse(c, 503, "no room for another call");
	}
	c->leg[1].trunk = c->route->to;
	return IN_ROUTED;
}

static enum call_input refuse_media(struct call *c, int err)
{
	if (err == -ENOBUFS)
		c->calls->n.refused_ports++;
	else
		c->calls->n.refused_sdp++;
	return refuse(c, call_media_status(err),
		      err == -ENOBUFS ? "no media ports left" : "SDP that cannot be carried");
}

static void keep_names(struct call *c, struct str caller, struct str callee)
{
	char *mem = arena_alloc(c->arena, caller.n + callee.n);
	struct buf b;

	if (!mem)
		return;
	buf_init(&b, mem, caller.n + callee.n);
	buf_put(&b, caller);
	buf_put(&b, callee);
	c->leg[0].user = (struct str){ mem, caller.n };
	c->leg[1].user = (struct str){ mem + caller.n, callee.n };
}

/* IN_ROUTED: the offer and the INVITE toward the callee. */
enum call_input call_invite(struct call *c, const struct call_in *in)
{
	const struct conf_trunk *to = c->leg[1].trunk;
	struct media_options mo = {
		c->arena, c->conf, { c->leg[0].trunk, to }, call_media_event, c
	};
	struct sip_hop targets[SIP_TARGETS_MAX];
	unsigned n_targets = trunks_targets(c->calls->trunks, to->index, targets);
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct policy_invite p;
	struct str offer;
	struct buf sdp, b;
	int err;

	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	if (!n_targets) {
		c->calls->n.refused_dns++;
		return refuse(c, 503, "trunk's name is not resolved");
	}
	c->leg[1].peer = targets[0].addr;
	err = policy_invite(in->msg, in->core, to, &b, &p);
	if (err == -ENOENT) {
		c->calls->n.refused_route++;
		return refuse(c, 404, "request URI names nobody");
	}
	if (err)
		return refuse(c, 513, "header fields too long");
	keep_names(c, p.caller, p.callee);
	c->media = media_new(c->calls->media, &mo);
	if (!c->media)
		return refuse(c, 503, "no memory");
	policy_body(in->msg->body, sip_value(in->msg, SIP_HDR_CONTENT_TYPE), in->msg, &offer);
	err = c->late ? 0 : media_offer(c->media, 0, offer, in->source, &sdp);
	if (err)
		return refuse_media(c, err);
	c->leg[1].inv = invite_send(c->calls->sip,
				    &(struct invite_params){
					    .targets = { targets, n_targets, to->failover_ms },
					    .ruri = p.ruri,
					    .from = p.from,
					    .to = p.to,
					    .contact_user = p.contact_user,
					    .headers = p.headers,
					    .body = buf_str(&sdp),
					    .body_type = c->late ? STR_NONE : sdp_type,
					    .max_forwards = (uint8_t)(in->core->max_forwards - 1),
					    .ring_ms = to->ring_timeout_s * 1000,
					    .arg = &c->leg[1],
				    });
	if (!c->leg[1].inv)
		return refuse(c, errno == EMSGSIZE ? 513 : 503, "INVITE could not be sent");
	c->calls->n.started++;
	call_note(c, 1, 0, NOTE_INVITE_SENT);
	return IN_NONE;
}

/* Passes a 18x; the answer in it, if any, was held until the engine knew. */
static void pass_progress(struct call *c, unsigned status, struct str headers, struct str body)
{
	struct invite_reply r = { .status = status, .headers = headers, .body = body };

	if (body.n)
		r.body_type = sdp_type;
	call_reply(c, 0, &r);
}

/* IN_RINGING */
enum call_input call_ring(struct call *c, const struct call_in *in)
{
	unsigned status = policy_progress(in->e->status);
	char mem[POLICY_MEMORY];
	struct buf b;

	call_note(c, 1, in->e->status, NOTE_PROGRESS);
	buf_init(&b, mem, sizeof(mem));
	if (status)
		pass_progress(c, status,
			      policy_reply_headers(in->e->msg, status, c->leg[0].trunk, &b),
			      STR_NONE);
	return IN_NONE;
}

/* IN_EARLY: SDP that cannot be used, or that answers no offer (a late one is for the 2xx), is left
 * out; the 18x still says that it rings. */
enum call_input call_early(struct call *c, const struct call_in *in)
{
	unsigned status = policy_progress(in->e->status);
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct buf sdp, b;

	if (!status)
		return IN_NONE;
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	if (media_answer(c->media, 1, in->e->fork, call_sdp(in->e), &in->e->source, &sdp))
		return call_ring(c, in);
	call_note(c, 1, in->e->status, NOTE_PROGRESS_SDP);
	if (call_hold(c, status, policy_reply_headers(in->e->msg, status, c->leg[0].trunk, &b),
		      buf_str(&sdp)))
		return refuse(c, 503, "no memory");
	c->early_sdp = true;
	media_commit(c->media, call_committed, c);
	return IN_NONE;
}

enum call_input call_early_ready(struct call *c, const struct call_in *in)
{
	(void)in;
	pass_progress(c, c->held->status, c->held->headers, c->held->body);
	return IN_NONE;
}

/* The answer that a 2xx brings: its own, or the one of the 18x before it where it has none. */
static int final_answer(struct call *c, const struct invite_event *e, struct buf *sdp)
{
	struct str body = call_sdp(e);

	if (body.n)
		return media_answer(c->media, 1, e->fork, body, &e->source, sdp);
	if (e->body.n || !c->early_sdp)
		return -EBADMSG;
	buf_put(sdp, c->held->body);
	return 0;
}

/* IN_ANSWER */
enum call_input call_answer(struct call *c, const struct call_in *in)
{
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct buf sdp, b;
	int err;

	call_note(c, 1, in->e->status, NOTE_ANSWER);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	invite_ack(c->leg[1].inv, STR_NONE, STR_NONE);
	err = final_answer(c, in->e, &sdp);
	if (err == -EBADMSG)
		return refuse(c, 502, "callee's answer cannot be understood");
	if (err)
		return refuse_media(c, err);
	if (call_hold(c, 200, policy_reply_headers(in->e->msg, 200, c->leg[0].trunk, &b),
		      buf_str(&sdp)))
		return refuse(c, 503, "no memory");
	media_commit(c->media, call_committed, c);
	return IN_NONE;
}

static void answered(struct call *c)
{
	c->answered_us = loop_wall_us(c->calls->loop);
	c->calls->n.answered++;
}

/* IN_COMMITTED: the first packet after this 200 is relayed already. */
enum call_input call_answer_ready(struct call *c, const struct call_in *in)
{
	struct invite_reply r = { .status = 200,
				  .headers = c->held->headers,
				  .body = c->held->body,
				  .body_type = sdp_type };

	(void)in;
	media_settle(c->media);
	answered(c);
	if (call_reply(c, 0, &r)) {
		call_because(c, "200 could not be sent to the caller", 0);
		return IN_BROKEN;
	}
	return IN_NONE;
}

/* IN_LATE_OFFER */
enum call_input call_answer_late(struct call *c, const struct call_in *in)
{
	struct str offer = call_sdp(in->e);
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct buf sdp, b;
	struct invite_reply r = { .status = 200, .body_type = sdp_type };
	int err;

	call_note(c, 1, in->e->status, NOTE_ANSWER_OFFER);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	err = offer.n ? media_offer(c->media, 1, offer, &in->e->source, &sdp) : -EBADMSG;
	if (err) {
		invite_ack(c->leg[1].inv, STR_NONE, STR_NONE);
		return err == -EBADMSG ? refuse(c, 502, "callee's offer cannot be understood")
				       : refuse_media(c, err);
	}
	r.headers = policy_reply_headers(in->e->msg, 200, c->leg[0].trunk, &b);
	r.body = buf_str(&sdp);
	answered(c);
	if (call_reply(c, 0, &r)) {
		call_because(c, "200 could not be sent to the caller", 0);
		return IN_BROKEN;
	}
	return IN_NONE;
}

/* IN_ACK of a late offer, of a new call or of a re-INVITE: the answer is in it, and the other leg's
 * ACK waits for the engine. */
enum call_input call_late_answer(struct call *c, const struct call_in *in)
{
	struct str answer = call_sdp(in->e);
	char sdp_mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	call_note(c, in->leg, 0, answer.n ? NOTE_ACK_ANSWER : NOTE_ACK);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	err = answer.n ? media_answer(c->media, in->leg, 0, answer, &in->e->source, &sdp) : -EBADMSG;
	if (!err)
		err = call_hold(c, 200, STR_NONE, buf_str(&sdp));
	if (err) {
		invite_ack(c->leg[in->leg ^ 1].inv, STR_NONE, STR_NONE);
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
	invite_ack(c->leg[c->asker ^ 1].inv, c->held->body, sdp_type);
	call_note(c, c->asker ^ 1, 0, NOTE_ACK_ANSWER_SENT);
	return IN_NONE;
}

/* IN_ACK */
enum call_input call_established(struct call *c, const struct call_in *in)
{
	call_note(c, in->leg, 0, NOTE_ACK);
	return IN_NONE;
}

/* The input of the state machine that an event of the SIP core is. */
static enum call_input input_of(const struct call *c, const struct invite_event *e)
{
	bool ok = e->status >= 200 && e->status < 300;

	switch (e->type) {
	case INVITE_PROGRESS:
		return call_sdp(e).n ? IN_EARLY : IN_RINGING;
	case INVITE_ANSWER:
		return c->late ? IN_LATE_OFFER : IN_ANSWER;
	case INVITE_FAIL:
		return IN_FAIL;
	case INVITE_CANCEL:
		return IN_CANCEL;
	case INVITE_ACK:
		return IN_ACK;
	case INVITE_OFFER:
		return IN_OFFER;
	case INVITE_REANSWER:
		return !ok ? IN_REFAIL : c->late ? IN_RELATE : IN_REANSWER;
	case INVITE_BYE:
		return IN_BYE;
	case INVITE_LOST:
		return IN_LOST;
	case INVITE_PRACK:
	case INVITE_UPDATE:
	case INVITE_UPDATED:
	case INVITE_REFRESH:
	case INVITE_REQUEST:
		break;
	}
	return IN_NONE;
}

static bool is_over(enum invite_event_type t)
{
	return t == INVITE_FAIL || t == INVITE_CANCEL || t == INVITE_BYE || t == INVITE_LOST;
}

void call_leg_event(void *leg_arg, struct invite *inv, const struct invite_event *e)
{
	struct call_leg *leg = leg_arg;
	struct call_in in = { .leg = leg->index, .e = e };

	(void)inv;
	if (e->type == INVITE_REQUEST) {
		call_request(call_of(leg), leg->index, e);
		return;
	}
	if (is_over(e->type))
		leg->inv = NULL;
	if (e->source.family)
		leg->peer = e->source;
	call_fsm(call_of(leg), input_of(call_of(leg), e), &in);
}
