/* SPDX-License-Identifier: Apache-2.0 */
/* A new call, from the INVITE to the ACK: what is said to the caller and to the callee. early.c has what comes
 * in between. */
#include <errno.h>

#include "call_priv.h"
#include "sip/field.h"

const struct str call_sdp_type = { "application/sdp", 15 };

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

struct call_leg *call_leg_at(struct call *c, unsigned i)
{
	return i < 2 ? &c->leg[i] : transfer_leg(c);
}

struct invite_terms call_terms(const struct conf_trunk *t)
{
	static const uint8_t rel[] = {
		[CONF_EXTENSION_NEVER] = INVITE_REL_NEVER,
		[CONF_EXTENSION_SUPPORT] = INVITE_REL_SUPPORT,
		[CONF_EXTENSION_REQUIRE] = INVITE_REL_REQUIRE,
	};
	static const uint8_t refresher[] = {
		[CONF_REFRESHER_ANY] = INVITE_REFRESHER_ANY,
		[CONF_REFRESHER_US] = INVITE_REFRESHER_US,
		[CONF_REFRESHER_THEM] = INVITE_REFRESHER_THEM,
	};

	return (struct invite_terms){ .rel = rel[t->rel],
				      .refresher = refresher[t->session_refresher],
				      .session_expires_s = t->session_expires_s,
				      .session_min_s = t->session_min_s };
}

/* ---- to the caller ---- */

void call_said(struct call *c, unsigned leg, struct str sdp)
{
	if (c->media && sdp.n)
		media_said(c->media, leg, sdp);
}

static void note_reply(struct call_leg *leg, const struct invite_reply *r)
{
	if (r->status >= 300) {
		if (leg->oa.state == OA_GOT ||
		    leg->oa.state == OA_OWE) /* what he asked, not what we did */
			oa_input(&leg->oa, OA_FAILED);
	} else if (r->status >= 200) {
		oa_input(&leg->oa, r->body.n ? OA_SENT_2XX_SDP : OA_SENT_2XX);
	} else if (r->body.n) {
		oa_input(&leg->oa, r->reliable ? OA_SENT_REL_SDP : OA_SENT_18X_SDP);
	}
}

int call_reply(struct call *c, struct call_leg *leg, const struct invite_reply *r)
{
	struct invite_reply reply = *r;
	int err;

	if (r->body.n)
		reply.body_type = call_sdp_type;
	err = leg->inv ? invite_reply(leg->inv, &reply) : -EINVAL;
	if (err) {
		/* A final one is said once; a phone may ring as often as it likes. */
		if (r->status >= 200)
			log_warn(c->calls->log, "call", "%016llx: %u cannot be sent to %s: %s",
				 (unsigned long long)c->id, r->status, leg->trunk->name,
				 strerror(-err));
		return err;
	}
	note_reply(leg, r);
	if (r->status >= 300 && leg->index == CALL_THIRD && !leg->oa.agreed)
		leg->inv = NULL; /* that was the newcomer's INVITE */
	call_said(c, leg->index, r->body);
	call_note(c, leg->index, r->status, NOTE_REPLY_SENT);
	return 0;
}

enum call_input call_refused(struct call *c, unsigned status, const char *why)
{
	c->refuse_status = (uint16_t)status;
	call_because(c, why, status);
	return IN_REFUSED;
}

/* ---- IN_INVITE ---- */

static enum call_input refuse_sdp(struct call *c, unsigned status, const char *why)
{
	c->calls->n.refused_sdp++;
	return call_refused(c, status, why);
}

/* What the caller's trunk wants of 100rel, and the caller has not. 0: all is well. */
static unsigned extension_status(const struct call_leg *caller)
{
	unsigned peer = invite_peer(caller->inv);

	if (caller->trunk->rel == CONF_EXTENSION_NEVER && (peer & INVITE_PEER_NEEDS_100REL))
		return 420;
	if (caller->trunk->rel == CONF_EXTENSION_REQUIRE && !(peer & INVITE_PEER_100REL))
		return 421;
	return 0;
}

static enum call_input check_body(struct call *c, const struct sip_msg *m)
{
	struct str sdp;

	switch (policy_body(m->body, sip_value(m, SIP_HDR_CONTENT_TYPE), m, &sdp)) {
	case POLICY_BODY_BAD:
		return refuse_sdp(c, 400, "body cannot be taken apart");
	case POLICY_BODY_OTHER:
		return refuse_sdp(c, 415, "body is not SDP");
	case POLICY_BODY_NONE:
		c->late = true;
		oa_input(&c->leg[0].oa, OA_GOT_INVITE);
		break;
	case POLICY_BODY_SDP:
		oa_input(&c->leg[0].oa, OA_GOT_INVITE_SDP);
		break;
	}
	if (!policy_accepts_sdp(m))
		return refuse_sdp(c, 406, "caller does not accept SDP");
	return IN_NONE;
}

static enum call_input choose_route(struct call *c)
{
	struct calls_counters *n = &c->calls->n;
	int err = policy_route(c->conf, c->leg[0].trunk->index, c->calls->limits, &c->route);

	if (err == -EACCES) {
		n->refused_route++;
		return call_refused(c, 403, "no line in calls: begins at this trunk");
	}
	if (err) {
		n->refused_limit++;
		return call_refused(c, 503, "no room for another call");
	}
	c->leg[1].trunk = c->route->to;
	return IN_ROUTED;
}

enum call_input call_route(struct call *c, const struct call_in *in)
{
	struct invite_terms terms = call_terms(c->leg[0].trunk);
	enum call_input refused;
	unsigned status;

	invite_set_terms(c->leg[0].inv, &terms);
	call_note(c, 0, 0, in->msg->body.n ? NOTE_INVITE_SDP : NOTE_INVITE);
	if (c->calls->draining)
		return call_refused(c, 503, "shutting down");
	refused = check_body(c, in->msg);
	if (refused != IN_NONE)
		return refused;
	if (invite_session_too_small(c->leg[0].inv))
		return call_refused(c, 422, "session interval too small");
	status = extension_status(&c->leg[0]);
	if (status)
		return call_refused(c, status, "100rel is not as this trunk wants it");
	if (!engine_is_up(media_engine(c->calls->media))) {
		c->calls->n.refused_engine++;
		return call_refused(c, 503, "no engine");
	}
	return choose_route(c);
}

/* ---- IN_ROUTED: the offer and the INVITE toward the callee ---- */

enum call_input call_refuse_media(struct call *c, int err)
{
	if (err == -ENOBUFS)
		c->calls->n.refused_ports++;
	else
		c->calls->n.refused_sdp++;
	return call_refused(c, call_media_status(err),
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

/* Reliable replies of the callee may hold an offer that only a PRACK of the caller can answer; who sends none gets the
 * offer in the 2xx, and the callee must not be told of 100rel. */
static void settle_terms(struct call *c, struct invite_terms *terms)
{
	const struct conf_trunk *to = c->leg[1].trunk;
	bool rel = c->leg[0].trunk->rel != CONF_EXTENSION_NEVER &&
		   (invite_peer(c->leg[0].inv) & INVITE_PEER_100REL);

	*terms = call_terms(to);
	c->made = c->late && (!to->late_offer || (to->rel == CONF_EXTENSION_REQUIRE && !rel));
	if (c->late && !c->made && !rel)
		terms->rel = INVITE_REL_NEVER;
}

static int write_offer(struct call *c, const struct call_in *in, struct buf *sdp)
{
	struct str offer;

	if (c->made)
		return media_make_offer(c->media, 1, sdp);
	policy_body(in->msg->body, sip_value(in->msg, SIP_HDR_CONTENT_TYPE), in->msg, &offer);
	return c->late ? 0 : media_offer(c->media, 0, offer, in->source, sdp);
}

/* The INVITE of p, with the offer of the caller's INVITE. */
static enum call_input send_invite(struct call *c, const struct call_in *in,
				   const struct policy_invite *p)
{
	const struct conf_trunk *to = c->leg[1].trunk;
	struct media_options mo = {
		c->arena, c->conf, { c->leg[0].trunk, to }, call_media_event, c
	};
	struct sip_hop targets[SIP_TARGETS_MAX];
	unsigned n_targets = trunks_targets(c->calls->trunks, to->index, targets);
	char sdp_mem[CALL_SDP_MAX];
	struct invite_terms terms;
	struct buf sdp;
	int err;

	if (!n_targets) {
		c->calls->n.refused_dns++;
		return call_refused(c, 503, "trunk's name is not resolved");
	}
	c->leg[1].peer = targets[0].addr;
	keep_names(c, p->caller, p->callee);
	c->media = media_new(c->calls->media, &mo);
	if (!c->media)
		return call_refused(c, 503, "no memory");
	settle_terms(c, &terms);
	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	err = write_offer(c, in, &sdp);
	if (err)
		return call_refuse_media(c, err);
	c->leg[1].inv = invite_send(c->calls->sip,
				    &(struct invite_params){
					    .targets = { targets, n_targets, to->failover_ms },
					    .ruri = p->ruri,
					    .from = p->from,
					    .to = p->to,
					    .contact_user = p->contact_user,
					    .headers = p->headers,
					    .body = buf_str(&sdp),
					    .body_type = sdp.n ? call_sdp_type : STR_NONE,
					    .max_forwards = (uint8_t)(in->core->max_forwards - 1),
					    .ring_ms = to->ring_timeout_s * 1000,
					    .terms = terms,
					    .arg = &c->leg[1],
				    });
	if (!c->leg[1].inv)
		return call_refused(c, errno == EMSGSIZE ? 513 : 503, "INVITE could not be sent");
	oa_input(&c->leg[1].oa, sdp.n ? OA_SENT_INVITE_SDP : OA_SENT_INVITE);
	call_said(c, 1, buf_str(&sdp));
	call_note(c, 1, 0, NOTE_INVITE_SENT);
	return IN_NONE;
}

void call_keep_privacy(struct call_leg *leg, const struct sip_msg *m)
{
	leg->withheld |=
		(sip_privacy(m) & (SIP_PRIVACY_ID | SIP_PRIVACY_USER | SIP_PRIVACY_HEADER)) != 0;
}

bool call_is_nameless(const struct call_leg *leg, const struct sip_msg *m)
{
	return leg->withheld && !sip_privacy(m);
}

enum call_input call_invite(struct call *c, const struct call_in *in)
{
	char mem[POLICY_MEMORY];
	enum call_input next;
	struct policy_invite p;
	struct buf b;
	int err;

	buf_init(&b, mem, sizeof(mem));
	err = policy_invite(in->msg, in->core, c->leg[1].trunk, &b, &p);
	if (err == -ENOENT) {
		c->calls->n.refused_route++;
		return call_refused(c, 404, "request URI names nobody");
	}
	if (err)
		return call_refused(c, 513, "header fields too long");
	call_keep_privacy(&c->leg[0], in->msg);
	if (call_early_new(c, in->msg))
		return call_refused(c, 503, "no memory");
	next = send_invite(c, in, &p);
	if (next == IN_NONE)
		c->calls->n.started++;
	return next;
}

enum call_input call_invite_again(struct call *c, const struct sip_msg *m,
				  const struct sip_core *core, const struct sip_uri *uri,
				  const struct sip_msg *redirect)
{
	struct policy_party party = { .caller = c->leg[0].user,
				      .callee = uri->user,
				      .invite = m,
				      .redirect = redirect,
				      .redirector = c->leg[1].user };
	struct call_in in = { .msg = m, .core = core, .source = &c->leg[0].peer };
	char mem[POLICY_MEMORY];
	struct policy_invite p;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (policy_invite_party(&party, c->leg[1].trunk, &b, &p))
		return call_refused(c, 480, "3xx that cannot be followed");
	return send_invite(c, &in, &p);
}

/* ---- events of the SIP core ---- */

static enum call_input input_of(struct call *c, const struct invite_event *e)
{
	switch (e->type) {
	case INVITE_PROGRESS:
		return call_progress_input(c, e);
	case INVITE_ANSWER:
		return call_answer_input(c, e);
	case INVITE_FAIL:
		return redirect_wanted(c, e) ? IN_REDIRECT : IN_FAIL;
	case INVITE_CANCEL:
		return IN_CANCEL;
	case INVITE_ACK:
		return IN_ACK;
	case INVITE_BYE:
		return IN_BYE;
	case INVITE_LOST:
		return IN_LOST;
	default:
		return IN_NONE;
	}
}

static bool is_over(enum invite_event_type t)
{
	return t == INVITE_FAIL || t == INVITE_CANCEL || t == INVITE_BYE || t == INVITE_LOST;
}

/* What is no affair of the call's own state machine. */
static bool beside(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	switch (e->type) {
	case INVITE_REQUEST:
		call_request(c, leg->index, e);
		return true;
	case INVITE_PRACK:
		call_prack(c, leg, e);
		return true;
	case INVITE_UPDATE:
		exchange_request(c, leg, e);
		return true;
	case INVITE_OFFER:
		exchange_reinvite(c, leg, e);
		return true;
	case INVITE_REANSWER:
	case INVITE_UPDATED:
		exchange_answered(c, leg, e);
		return true;
	case INVITE_REFRESH:
		exchange_refresh(c, leg);
		return true;
	case INVITE_ACK: /* of who picked up: the caller's is still to come */
		if (leg->index != 1 || c->state == CALL_ACTIVE)
			return false;
		oa_input(&leg->oa, OA_GOT_ACK);
		call_note(c, 1, 0, NOTE_ACK);
		return true;
	default:
		return false;
	}
}

void call_leg_event(void *leg_arg, struct invite *inv, const struct invite_event *e)
{
	struct call_leg *leg = leg_arg;
	struct call *c = leg->call;
	struct call_in in = { .leg = leg->index, .e = e };

	(void)inv;
	if (is_over(e->type))
		leg->inv = NULL;
	if (e->source.family)
		leg->peer = e->source;
	if (beside(c, leg, e))
		return;
	if (leg->index == CALL_THIRD)
		transfer_event(c, e);
	else if (!transfer_survives(c, leg, e))
		call_fsm(c, input_of(c, e), &in);
}
