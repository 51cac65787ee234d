/* SPDX-License-Identifier: Apache-2.0 */
/* Another party comes into a call. By REFER of one of its people, which is followed here (RFC 3515, 5589): a new leg to
 * the target, or the other party of a second call of his (Replaces: attended), while the old leg is kept until the new
 * one stands. Or by an INVITE with Replaces (RFC 3891) from the newcomer himself. Media: the new leg takes the old one's
 * place; who stays is asked only if anything changes for him. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "call_priv.h"
#include "sip/field.h"

#define TRANSFER_STATES(X)                                                                         \
	X(CALLING, "INVITE sent to the target")                                                    \
	X(HERE, "the newcomer is there; the session is to be moved")                               \
	X(JOINING, "an exchange moves the session")                                                \
	X(OVER, "done, or given up")

enum transfer_state {
#define X(name, text) T_##name,
	TRANSFER_STATES(X)
#undef X
	T_STATE_COUNT
};

#define TRANSFER_INPUTS(X)                                                                         \
	X(PROGRESS, "18x of the target")                                                           \
	X(ANSWER, "2xx of the target")                                                             \
	X(FREE, "no other exchange is open")                                                       \
	X(JOINED, "session moved")                                                                 \
	X(FAILED, "target gone, or session not moved")

enum transfer_input {
	TI_NONE,
#define X(name, text) TI_##name,
	TRANSFER_INPUTS(X)
#undef X
	TI_COUNT
};

struct transfer {
	struct call *call;
	struct call_leg leg; /* the newcomer */
	struct call
		*from; /* the call that he was in, which gets him back if this fails; NULL: none */
	const struct conf_route *route; /* a place is taken for him; NULL: none */
	struct str answer;              /* malloc()ed: of the target, to our offer */
	uint32_t refer_cseq;
	uint16_t status; /* for the referrer, when it fails */
	uint8_t state;   /* enum transfer_state */
	uint8_t gone;    /* the leg whose place he takes */
	uint8_t from_leg;
	bool refer; /* somebody asked for it, and hears of it by NOTIFY */
	bool tell;
	bool told;   /* the newcomer, of this session */
	bool server; /* the newcomer sent us his INVITE, which is not answered yet */
};

struct transfer_in {
	const struct invite_event *e;
	unsigned status;
};

typedef enum transfer_input transfer_action(struct transfer *t, const struct transfer_in *in);

static transfer_action tell_progress, take_answer, join, done, failed;

struct row {
	transfer_action *action;
	enum transfer_state next;
};

static const struct row table[T_STATE_COUNT][TI_COUNT] = {
	[T_CALLING] = {
		[TI_PROGRESS] = { tell_progress, T_CALLING },
		[TI_ANSWER] = { take_answer, T_HERE },
		[TI_FREE] = { tell_progress, T_CALLING },
		[TI_FAILED] = { failed, T_OVER },
	},
	[T_HERE] = {
		[TI_FREE] = { join, T_JOINING },
		[TI_FAILED] = { failed, T_OVER },
	},
	[T_JOINING] = {
		[TI_FREE] = { join, T_JOINING },
		[TI_JOINED] = { done, T_OVER },
		[TI_FAILED] = { failed, T_OVER },
	},
};

static const char *const state_names[] = {
#define X(name, text) [T_##name] = #name,
	TRANSFER_STATES(X)
#undef X
};

static void input(struct transfer *t, enum transfer_input what, const struct transfer_in *in)
{
	struct call *c = t->call;

	while (what != TI_NONE && c->transfer == t) {
		const struct row *row = &table[t->state][what];

		if (!row->action) {
			c->calls->n.no_row++;
			log_warn(c->calls->log, "call",
				 "%016llx: input %u in transfer %s is not expected",
				 (unsigned long long)c->id, what, state_names[t->state]);
			return;
		}
		t->state = row->next;
		what = row->action(t, in);
	}
}

/* ---- life ---- */

static struct transfer *begin(struct call *c, unsigned gone, const struct conf_trunk *trunk)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (media_add_leg(c->media, gone, trunk)) {
		free(t);
		return NULL;
	}
	t->call = c;
	t->gone = (uint8_t)gone;
	t->leg.trunk = trunk;
	t->leg.call = c;
	t->leg.index = CALL_THIRD;
	c->transfer = t;
	c->calls->n.transfers++;
	return t;
}

static void forget(struct transfer *t)
{
	struct call *c = t->call;

	if (t->from)
		t->from->lent = NULL;
	if (t->route)
		call_limits_give(c->calls->limits, t->route);
	c->transfer = NULL;
	free((char *)t->answer.p);
	free(t);
}

struct call_leg *transfer_leg(struct call *c)
{
	return c->transfer ? &c->transfer->leg : NULL;
}

struct call_leg *transfer_partner(struct call *c, const struct call_leg *leg)
{
	struct transfer *t = c->transfer;

	if (t && leg->index == CALL_THIRD)
		return &c->leg[t->gone ^ 1];
	if (t && t->state == T_JOINING && leg->index == (t->gone ^ 1))
		return &t->leg;
	return &c->leg[leg->index ^ 1];
}

/* He goes back to the call that he was lent by. */
static void return_leg(struct transfer *t)
{
	struct call *from = t->from;
	struct call_leg *home = &from->leg[t->from_leg];

	from->lent = NULL;
	t->from = NULL;
	if (!t->leg.inv)
		return;
	home->inv = t->leg.inv;
	home->oa = t->leg.oa;
	invite_set_arg(home->inv, home);
	t->leg.inv = NULL;
	media_copy_origin(from->media, t->from_leg, t->call->media, MEDIA_THIRD);
	if (t->told)
		exchange_again(from, home);
}

static void end_newcomer(struct transfer *t, unsigned status)
{
	struct invite *inv;

	if (t->from)
		return_leg(t);
	inv = t->leg.inv;
	t->leg.inv = NULL;
	if (inv)
		invite_end(inv, status, STR_NONE);
}

void transfer_drop(struct call *c, unsigned status)
{
	if (c->lent) { /* who was lent stays where he is */
		c->lent->from = NULL;
		c->lent = NULL;
	}
	if (!c->transfer)
		return;
	end_newcomer(c->transfer, status);
	forget(c->transfer);
}

/* ---- what the referrer hears: RFC 3515 2.4.4 ---- */

static void heard(void *arg, const struct exchange_event *e)
{
	(void)arg;
	(void)e;
}

static void notify(struct transfer *t, unsigned status)
{
	struct invite *inv = t->call->leg[t->gone].inv;
	char mem[256], frag[64];
	struct buf h, b;

	if (!t->tell || !inv)
		return;
	buf_init(&h, mem, sizeof(mem));
	buf_init(&b, frag, sizeof(frag));
	buf_lit(&h, "Event: refer");
	if (t->call->n_transfers > 1) /* which of them it is about: 2.4.6 */
		buf_fmt(&h, ";id=%u", t->refer_cseq);
	if (status < 200)
		buf_lit(&h, "\r\nSubscription-State: active;expires=180\r\n");
	else
		buf_lit(&h, "\r\nSubscription-State: terminated;reason=noresource\r\n");
	buf_fmt(&b, "SIP/2.0 %u ", status);
	buf_put(&b, str_of(sip_reason_phrase(status)));
	buf_lit(&b, "\r\n");
	invite_request(inv,
		       &(struct exchange_params){ .method = STR("NOTIFY"),
						  .headers = buf_str(&h),
						  .body = buf_str(&b),
						  .body_type = STR("message/sipfrag;version=2.0"),
						  .max_forwards = 70,
						  .fn = heard });
}

/* ---- how it goes ---- */

static enum transfer_input tell_progress(struct transfer *t, const struct transfer_in *in)
{
	if (!in->e)
		return TI_NONE;
	call_note(t->call, CALL_THIRD, in->e->status, NOTE_TRANSFER_PROGRESS);
	if (in->e->reliable)
		invite_prack(t->leg.inv, in->e->fork, STR_NONE, STR_NONE);
	if (policy_progress(in->e->status))
		notify(t, in->e->status);
	return TI_NONE;
}

static enum transfer_input take_answer(struct transfer *t, const struct transfer_in *in)
{
	struct str sdp = call_sdp(in->e);
	char *mem = malloc(sdp.n ? sdp.n : 1);

	call_note(t->call, CALL_THIRD, in->e->status, NOTE_ANSWER);
	invite_ack(t->leg.inv, STR_NONE, STR_NONE);
	oa_input(&t->leg.oa, sdp.n ? OA_GOT_2XX_SDP : OA_GOT_2XX);
	t->status = 488;
	if (!mem || !sdp.n) {
		free(mem);
		return TI_FAILED;
	}
	memcpy(mem, sdp.p, sdp.n);
	t->answer = (struct str){ mem, sdp.n };
	return TI_FREE;
}

void transfer_joined(struct call *c, unsigned status)
{
	if (!c->transfer)
		return;
	if (status >= 300)
		c->transfer->status = (uint16_t)status;
	input(c->transfer, status < 300 ? TI_JOINED : TI_FAILED,
	      &(struct transfer_in){ .status = status });
}

/* The target's answer is an offer for who stays; the party of another call is offered first. */
static int move_session(struct transfer *t)
{
	struct call *c = t->call;
	char mem[CALL_SDP_MAX];
	struct buf sdp;
	int err;

	buf_init(&sdp, mem, sizeof(mem));
	if (t->from) {
		err = media_make_offer(c->media, CALL_THIRD, &sdp);
		if (err)
			return err;
		err = exchange_ours(c, CALL_THIRD, buf_str(&sdp), true, transfer_joined);
		if (err)
			media_reject(c->media);
		return err;
	}
	err = media_offer(c->media, CALL_THIRD, t->answer, &t->leg.peer, &sdp);
	if (err)
		return err;
	if (media_offer_is_news(c->media))
		err = exchange_ours(c, t->gone ^ 1, buf_str(&sdp), false, transfer_joined);
	else
		err = media_answer_known(c->media);
	if (err)
		media_reject(c->media);
	else if (!c->exchange)
		err = exchange_known(c, transfer_joined);
	return err;
}

static enum transfer_input join(struct transfer *t, const struct transfer_in *in)
{
	(void)in;
	if (t->server)
		return TI_NONE; /* his own offer is under way */
	if (t->call->exchange) {
		t->state = T_HERE;
		return TI_NONE;
	}
	t->status = 488;
	return move_session(t) ? TI_FAILED : TI_NONE;
}

/* The newcomer is what the other one was. */
static enum transfer_input done(struct transfer *t, const struct transfer_in *in)
{
	struct call *c = t->call, *from = t->from;
	struct call_leg *leg = &c->leg[t->gone];
	struct invite *old = leg->inv;

	(void)in;
	call_note(c, t->gone, 200, NOTE_TRANSFER_DONE);
	notify(t, 200);
	media_take_leg(c->media);
	t->leg.index = t->gone;
	*leg = t->leg;
	invite_set_arg(leg->inv, leg);
	call_leave_moved(c);
	c->moved = t->route;
	t->route = NULL;
	if (t->server)
		c->calls->n.replaced++;
	c->calls->n.transfers_done++;
	forget(t);
	if (old)
		invite_end(old, 0, STR_NONE);
	if (from)
		call_fsm(from, IN_LEFT, &(struct call_in){ 0 });
	exchange_debts(c);
	return TI_NONE;
}

/* The old leg goes on; where there is none any more, the call is over. */
static enum transfer_input failed(struct transfer *t, const struct transfer_in *in)
{
	struct call *c = t->call;
	bool alone = !c->leg[t->gone].inv;
	unsigned status = t->status ? t->status : in->status;

	call_note(c, CALL_THIRD, status, NOTE_TRANSFER_FAILED);
	c->calls->n.transfers_failed++;
	notify(t, status >= 300 ? status : 503);
	exchange_drop(c, 487);
	media_reject(c->media);
	end_newcomer(t, status);
	media_drop_leg(c->media);
	forget(t);
	if (alone) {
		call_because(c, "transfer failed, and who asked for it is gone", status);
		call_fsm(c, IN_LEFT, &(struct call_in){ 0 });
	} else {
		exchange_debts(c);
	}
	return TI_NONE;
}

void transfer_event(struct call *c, const struct invite_event *e)
{
	struct transfer *t = c->transfer;
	struct transfer_in in = { .e = e, .status = e->status };

	switch (e->type) {
	case INVITE_PROGRESS:
		input(t, TI_PROGRESS, &in);
		break;
	case INVITE_ANSWER:
		input(t, TI_ANSWER, &in);
		break;
	case INVITE_ACK:
		call_note(c, CALL_THIRD, 0, NOTE_ACK);
		if (!exchange_acked(c, &t->leg, e))
			oa_input(&t->leg.oa, OA_GOT_ACK);
		break;
	default: /* it is over */
		t->status = e->type == INVITE_FAIL ? (uint16_t)e->status : 487;
		input(t, TI_FAILED, &in);
		break;
	}
}

void transfer_told(struct call *c)
{
	if (c->transfer)
		c->transfer->told = true;
}

void transfer_free(struct call *c)
{
	if (c->transfer)
		input(c->transfer, TI_FREE, &(struct transfer_in){ 0 });
}

bool transfer_survives(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct transfer *t = c->transfer;

	if ((e->type != INVITE_BYE && e->type != INVITE_LOST) || !t || leg->index != t->gone)
		return false;
	call_note(c, leg->index, e->status, e->type == INVITE_BYE ? NOTE_BYE : NOTE_GONE);
	return true;
}

/* ---- REFER ---- */

static void answer(const struct invite_event *e, unsigned status)
{
	struct invite_reply r = { .status = status };

	if (status == 500)
		r.headers = STR("Retry-After: 5\r\n");
	sip_request_reply(e->request, &r);
}

/* RFC 4488: he wants no NOTIFYs. */
static bool is_silent(const struct sip_msg *m)
{
	struct sip_word w;

	return sip_word_parse(sip_value(m, SIP_HDR_REFER_SUB), &w) == 0 &&
	       str_caseeq(w.token, STR("false"));
}

static unsigned invite_target(struct transfer *t, const struct invite_event *e,
			      const struct sip_uri *uri, const struct sip_replaces *replaces)
{
	struct call *c = t->call;
	const struct call_leg *stays = &c->leg[t->gone ^ 1];
	const struct conf_trunk *to = t->leg.trunk;
	struct policy_party party = { .caller = stays->user,
				      .withheld = stays->withheld,
				      .callee = uri->user,
				      .refer = e->msg,
				      .replaces = replaces };
	struct sip_hop targets[SIP_TARGETS_MAX];
	unsigned n = trunks_targets(c->calls->trunks, to->index, targets);
	char sdp_mem[CALL_SDP_MAX], mem[POLICY_MEMORY];
	struct invite_params p;
	struct policy_invite i;
	struct buf sdp, b;

	buf_init(&sdp, sdp_mem, sizeof(sdp_mem));
	buf_init(&b, mem, sizeof(mem));
	if (!n || policy_invite_party(&party, to, &b, &i) ||
	    media_make_offer(c->media, CALL_THIRD, &sdp))
		return 503;
	t->leg.peer = targets[0].addr;
	t->leg.user = arena_str(c->arena, i.callee);
	p = (struct invite_params){ .targets = { targets, n, to->failover_ms },
				    .ruri = i.ruri,
				    .from = i.from,
				    .to = i.to,
				    .contact_user = i.contact_user,
				    .headers = i.headers,
				    .body = buf_str(&sdp),
				    .body_type = call_sdp_type,
				    .max_forwards = e->core->max_forwards
							    ? (uint8_t)(e->core->max_forwards - 1)
							    : 0,
				    .ring_ms = to->ring_timeout_s * 1000,
				    .terms = call_terms(to),
				    .arg = &t->leg };
	t->leg.inv = invite_send(c->calls->sip, &p);
	oa_input(&t->leg.oa, OA_SENT_INVITE_SDP);
	call_said(c, CALL_THIRD, buf_str(&sdp));
	return t->leg.inv ? 0 : 503;
}

/* 202, and what comes of it. */
static void accept_refer(struct transfer *t, const struct invite_event *e)
{
	t->refer = true;
	t->tell = !is_silent(e->msg);
	t->refer_cseq = e->core->cseq.num;
	t->call->n_transfers++;
	sip_request_reply(e->request,
			  &(struct invite_reply){
				  .status = 202,
				  .headers = t->tell ? STR_NONE : STR("Refer-Sub: false\r\n") });
	call_note(t->call, t->gone, 0, NOTE_TRANSFER);
	notify(t, 100);
}

static unsigned route_status(int err)
{
	return err == -EACCES ? 403 : err == -ENOENT ? 404 : 503;
}

/* To somebody who is in no call of ours. */
static void refer_to(struct call *c, unsigned leg, const struct invite_event *e,
		     const struct sip_uri *uri, const struct sip_replaces *replaces)
{
	const struct conf_route *route;
	struct transfer *t;
	unsigned status;
	int err = policy_retarget(c->conf, c->leg[leg].trunk->index, c->leg[leg ^ 1].trunk->index,
				  uri, c->calls->limits, &route);

	if (err) {
		answer(e, route_status(err));
		return;
	}
	t = begin(c, leg, route->to);
	if (!t) {
		call_limits_give(c->calls->limits, route);
		answer(e, 503);
		return;
	}
	t->route = route;
	accept_refer(t, e);
	status = invite_target(t, e, uri, replaces);
	if (!status)
		return;
	t->status = (uint16_t)status;
	input(t, TI_FAILED, &(struct transfer_in){ 0 });
}

static bool can_lend(const struct call *from, const struct call *to, unsigned leg)
{
	return from != to && from->state == CALL_ACTIVE && !from->transfer && !from->exchange &&
	       !from->lent && from->leg[leg].inv;
}

/* To the other party of a call that the referrer has too. */
static void refer_join(struct call *c, unsigned leg, const struct invite_event *e,
		       struct call_leg *named)
{
	struct call *from = named->call;
	unsigned index = named->index ^ 1;
	struct transfer *t = NULL;

	if (named->index < 2 && can_lend(from, c, index))
		t = begin(c, leg, from->leg[index].trunk);
	if (!t) {
		answer(e, 500);
		return;
	}
	t->from = from;
	t->from_leg = (uint8_t)index;
	from->lent = t;
	media_copy_origin(c->media, MEDIA_THIRD, from->media, index);
	t->leg = from->leg[index];
	t->leg.call = c;
	t->leg.index = CALL_THIRD;
	from->leg[index].inv = NULL;
	invite_set_arg(t->leg.inv, &t->leg);
	accept_refer(t, e);
	t->state = T_HERE;
	input(t, TI_FREE, &(struct transfer_in){ 0 });
}

/* The dialog that the target is to give up, as he sees it; 0, or the status to refuse with. */
static unsigned read_replaces(const struct sip_refer_to *r, struct buf *mem,
			      struct sip_replaces *out)
{
	sip_put_unescaped(mem, r->replaces);
	return buf_ok(mem) && sip_replaces_parse(buf_str(mem), out) == 0 ? 0 : 400;
}

static unsigned refusal(const struct call *c, unsigned leg)
{
	if (c->leg[leg].trunk->transfer == CONF_FOLLOW_REFUSE)
		return 603;
	if (c->calls->draining)
		return 503;
	if (c->state != CALL_ACTIVE || c->transfer || c->lent)
		return 500;
	return 0;
}

bool transfer_refer(struct call *c, unsigned leg, const struct invite_event *e)
{
	const struct sip_hdr *h = sip_hdr_first(e->msg, SIP_HDR_REFER_TO);
	struct sip_replaces replaces;
	struct sip_refer_to to;
	struct invite *inv;
	char mem[512];
	struct buf b;
	unsigned status = refusal(c, leg);
	bool early;

	if (c->leg[leg].trunk->transfer == CONF_FOLLOW_PASS)
		return false;
	if (!status &&
	    (!h || sip_hdr_next(e->msg, h) || sip_refer_to_parse(sip_hdr_value(e->msg, h), &to)))
		status = 400;
	if (!status && to.method.n && !str_eq(to.method, STR("INVITE")))
		status = 403;
	buf_init(&b, mem, sizeof(mem));
	if (!status && to.replaces.n)
		status = read_replaces(&to, &b, &replaces);
	if (status) {
		answer(e, status);
		return true;
	}
	inv = to.replaces.n ? sip_find_invite(c->calls->sip, &replaces, &early) : NULL;
	if (inv)
		refer_join(c, leg, e, invite_arg(inv));
	else
		refer_to(c, leg, e, &to.uri, to.replaces.n ? &replaces : NULL);
	return true;
}

/* ---- INVITE with Replaces ---- */

/* May somebody from this trunk be in this call, in place of that leg? As a call of his could. */
static bool may_replace(const struct call *c, const struct call_leg *leg,
			const struct conf_trunk *trunk)
{
	const struct conf_trunk *stays = c->leg[leg->index ^ 1].trunk;

	if (trunk == leg->trunk)
		return true;
	for (unsigned i = 0; i < c->conf->n_routes; i++)
		if (c->conf->routes[i].from == trunk && c->conf->routes[i].to == stays)
			return true;
	return false;
}

static unsigned replace_status(const struct call *c, const struct call_leg *leg, bool early,
			       const struct sip_replaces *r, const struct conf_trunk *trunk)
{
	if (trunk->transfer == CONF_FOLLOW_REFUSE || !may_replace(c, leg, trunk))
		return 403;
	if (leg->index > 1 || c->transfer || c->lent || c->exchange)
		return 500;
	if (early)
		return c->state == CALL_CALLING && leg->index == 1 && leg->trunk == trunk ? 0 : 481;
	if (r->early_only)
		return 486;
	return c->state == CALL_ACTIVE ? 0 : 500;
}

/* Somebody picks up while another one rings: his offer is as good as an answer. */
static void *pick_up(struct call *c, struct invite *inv, const struct invite_event *e)
{
	struct call_leg *leg = &c->leg[1];
	char mem[CALL_SDP_MAX], other_mem[CALL_SDP_MAX];
	struct str sdp = call_sdp(e);
	struct invite *rings = leg->inv;
	struct buf out, other;

	buf_init(&out, mem, sizeof(mem));
	buf_init(&other, other_mem, sizeof(other_mem));
	if (c->late || c->early->settled || !sdp.n ||
	    media_answer_here(c->media, 1, sdp, &e->source, &out, &other)) {
		invite_end(inv, 488, STR_NONE);
		return NULL;
	}
	leg->inv = inv;
	leg->peer = e->source;
	leg->oa = (struct oa){ OA_GOT, false };
	invite_end(rings, 0, STR("Reason: SIP;cause=200\r\n"));
	call_note(c, 1, 0, NOTE_REPLACES);
	c->calls->n.replaced++;
	if (call_reply(c, leg, &(struct invite_reply){ .status = 200, .body = buf_str(&out) }) ||
	    call_hold(c,
		      &(struct invite_reply){ .status = 200,
					      .body = c->leg[0].oa.state == OA_GOT ? buf_str(&other)
										   : STR_NONE })) {
		call_because(c, "who picked up cannot be answered", 0);
		call_fsm(c, IN_BROKEN, &(struct call_in){ 0 });
		return leg;
	}
	media_commit(c->media, call_committed, c);
	call_fsm(c, IN_TAKEN, &(struct call_in){ .leg = 1, .e = e });
	return leg;
}

static void *take_over(struct call *c, struct call_leg *leg, struct invite *inv,
		       const struct conf_trunk *trunk, const struct invite_event *e)
{
	struct transfer *t = begin(c, leg->index, trunk);

	if (!t) {
		invite_end(inv, 503, STR_NONE);
		return NULL;
	}
	t->leg.inv = inv;
	t->leg.peer = e->source;
	t->server = true;
	t->state = T_JOINING;
	call_note(c, leg->index, 0, NOTE_REPLACES);
	exchange_reinvite(c, &t->leg, e);
	if (c->exchange)
		return &t->leg;
	/* It was refused at once, and its invite is gone with that. */
	t->leg.inv = NULL;
	media_drop_leg(c->media);
	forget(t);
	return NULL;
}

void *transfer_replaces(struct calls *cs, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source)
{
	const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_REPLACES);
	const struct conf_trunk *trunk = &cs->conf->trunks[source->peer];
	struct invite_event e = { .msg = m,
				  .core = core,
				  .body = m->body,
				  .body_type = sip_value(m, SIP_HDR_CONTENT_TYPE),
				  .source = source->addr };
	struct invite_terms terms = call_terms(trunk);
	struct sip_replaces r;
	struct call_leg *leg;
	struct invite *named;
	unsigned status = 0;
	bool early = false;

	if (sip_hdr_next(m, h) || sip_replaces_parse(sip_hdr_value(m, h), &r)) {
		invite_end(inv, 400, STR_NONE);
		return NULL;
	}
	named = sip_find_invite(cs->sip, &r, &early);
	leg = named ? invite_arg(named) : NULL;
	status = leg ? replace_status(leg->call, leg, early, &r, trunk) : 481;
	if (status) {
		invite_end(inv, status, status == 500 ? STR("Retry-After: 5\r\n") : STR_NONE);
		return NULL;
	}
	invite_set_terms(inv, &terms);
	return early ? pick_up(leg->call, inv, &e) : take_over(leg->call, leg, inv, trunk, &e);
}

/* ---- REFER that is passed on ---- */

bool transfer_map_replaces(const void *call, const struct sip_replaces *in,
			   struct sip_replaces *out)
{
	(void)call;
	(void)in;
	(void)out;
	return false;
}

/* ---- for people ---- */

void transfer_dot(int fd)
{
	static const char *const texts[] = {
#define X(name, text) [T_##name] = text,
		TRANSFER_STATES(X)
#undef X
	};
	static const char *const inputs[] = {
#define X(name, text) [TI_##name] = text,
		TRANSFER_INPUTS(X)
#undef X
	};

	dprintf(fd, "// SPDX-License-Identifier: Apache-2.0\ndigraph transfer {\n\trankdir=LR;\n"
		    "\tnode [shape=box];\n");
	for (unsigned s = 0; s < T_STATE_COUNT; s++)
		dprintf(fd, "\t%s [label=\"%s\\n%s\"];\n", state_names[s], state_names[s],
			texts[s]);
	for (unsigned s = 0; s < T_STATE_COUNT; s++) {
		for (unsigned i = TI_NONE + 1; i < TI_COUNT; i++) {
			if (table[s][i].action)
				dprintf(fd, "\t%s -> %s [label=\"%s\"];\n", state_names[s],
					state_names[table[s][i].next], inputs[i]);
		}
	}
	dprintf(fd, "}\n");
}
