/* SPDX-License-Identifier: Apache-2.0 */
/* Another party comes into a call. By REFER of one of its people, which is followed here (RFC 3515, 5589): a new leg to
 * the target, or the other party of a second call of his (Replaces: attended), while the old leg is kept until the new
 * one stands. Or by an INVITE with Replaces (RFC 3891) from the newcomer himself. Media: the new leg takes the old one's
 * place; who stays is asked only if anything changes for him. */
#include <errno.h>
#include <stdlib.h>

#include "transfer_priv.h"

static transfer_action tell_progress, take_answer, join, wait, done, failed;

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
		[TI_BUSY] = { wait, T_HERE },
		[TI_JOINED] = { done, T_OVER },
		[TI_FAILED] = { failed, T_OVER },
	},
};

static const char *const state_names[] = {
#define X(name, text) [T_##name] = #name,
	TRANSFER_STATES(X)
#undef X
};

void transfer_input(struct transfer *t, enum transfer_input what, const struct transfer_in *in)
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

struct transfer *transfer_begin(struct call *c, unsigned gone, const struct conf_trunk *trunk)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (!call_rare(c) || media_add_leg(c->media, gone, trunk)) {
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

void transfer_forget(struct transfer *t)
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

/* The place of who was lent, who does not come back. */
static void take_along(struct transfer *t)
{
	struct call_rare *rare = t->from->rare;
	const struct conf_route **place = rare ? &rare->moved[t->from_leg] : &t->from->route;

	if (!*place)
		place = &t->from->route;
	t->route = *place;
	*place = NULL;
}

void transfer_drop(struct call *c, unsigned status)
{
	if (c->lent) { /* who was lent stays where he is */
		take_along(c->lent);
		c->lent->from = NULL;
		c->lent = NULL;
	}
	if (!c->transfer)
		return;
	end_newcomer(c->transfer, status);
	transfer_forget(c->transfer);
}

/* ---- what the referrer hears: RFC 3515 2.4.4 ---- */

void transfer_tell(struct transfer *t, unsigned status)
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
						  .max_forwards = 70 });
}

/* ---- how it goes ---- */

/* A target that says it again and again costs the referrer no more than one NOTIFY for each. */
static void tell_once(struct transfer *t, unsigned status)
{
	uint8_t bit = (uint8_t)(1 << (status & 7));

	if (t->rang & bit)
		return;
	t->rang |= bit;
	transfer_tell(t, status);
}

/* The last one that came counts; a 2xx need not repeat that of a reliable 18x. */
static void keep_answer(struct transfer *t, struct str sdp)
{
	char *mem = sdp.n ? malloc(sdp.n) : NULL;

	if (!mem)
		return;
	memcpy(mem, sdp.p, sdp.n);
	free((char *)t->answer.p);
	t->answer = (struct str){ mem, sdp.n };
}

static enum transfer_input tell_progress(struct transfer *t, const struct transfer_in *in)
{
	if (!in->e)
		return TI_NONE;
	call_note(t->call, CALL_THIRD, in->e->status, NOTE_TRANSFER_PROGRESS);
	if (in->e->reliable) {
		keep_answer(t, call_sdp(in->e));
		invite_prack(t->leg.inv, in->e->fork, STR_NONE, STR_NONE);
	}
	if (policy_progress(in->e->status))
		tell_once(t, policy_progress(in->e->status));
	return TI_NONE;
}

static enum transfer_input take_answer(struct transfer *t, const struct transfer_in *in)
{
	struct str sdp = call_sdp(in->e);

	call_note(t->call, CALL_THIRD, in->e->status, NOTE_ANSWER);
	call_keep_privacy(&t->leg, in->e->msg);
	invite_ack(t->leg.inv, STR_NONE, STR_NONE);
	t->leg.oa = (struct oa){ OA_DONE, true }; /* a reliable 18x may have done it before */
	t->status = 488;
	keep_answer(t, sdp);
	return t->answer.n ? TI_FREE : TI_FAILED;
}

void transfer_joined(struct call *c, unsigned status)
{
	if (!c->transfer)
		return;
	if (status >= 300)
		c->transfer->status = (uint16_t)status;
	transfer_input(c->transfer, status < 300 ? TI_JOINED : TI_FAILED,
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
	if (!t->answer.n) { /* he was lent; that call may be over by now */
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
	if (t->call->exchange)
		return TI_BUSY;
	t->status = 488;
	return move_session(t) ? TI_FAILED : TI_NONE;
}

static enum transfer_input wait(struct transfer *t, const struct transfer_in *in)
{
	(void)t;
	(void)in;
	return TI_NONE;
}

/* The newcomer counts as one who called: a place of his own, or the one that he had in his other call. One who replaces
 * somebody of his own trunk has that one's. */
static void move_place(struct transfer *t)
{
	struct call *c = t->call;

	if (t->from)
		take_along(t);
	if (!t->route)
		return;
	call_leave_moved(c, t->gone);
	c->rare->moved[t->gone] = t->route;
	t->route = NULL;
}

/* What his trunk allows, or allowed: another call does not begin it anew. */
static void move_end(const struct transfer *t)
{
	const struct call_rare *rare = t->from ? t->from->rare : NULL;

	if (rare && rare->longest)
		call_ends_at(t->call, rare->longest->at);
	else
		call_limit_duration(t->call, t->leg.trunk);
}

/* The end of a call is told by its last people: here is who was there before. */
static void log_done(const struct transfer *t)
{
	const struct call *c = t->call;
	char from[40] = "";
	struct buf b;

	buf_init(&b, from, sizeof(from) - 1);
	if (t->from)
		buf_fmt(&b, ", from call %016llx", (unsigned long long)t->from->id);
	log_info(c->calls->log, "call", "%016llx: %s: %s in place of %s%s",
		 (unsigned long long)c->id, t->server ? "replaced" : "transferred",
		 t->leg.trunk->name, c->leg[t->gone].trunk->name, from);
}

/* The newcomer is what the other one was. */
static enum transfer_input done(struct transfer *t, const struct transfer_in *in)
{
	struct call *c = t->call, *from = t->from;
	struct call_leg *leg = &c->leg[t->gone];
	struct invite *old = leg->inv;

	(void)in;
	call_note(c, t->gone, 200, NOTE_TRANSFER_DONE);
	transfer_tell(t, 200);
	log_done(t);
	media_take_leg(c->media);
	t->leg.index = t->gone;
	*leg = t->leg;
	invite_set_arg(leg->inv, leg);
	move_place(t);
	move_end(t);
	if (t->server)
		c->calls->n.replaced++;
	c->calls->n.transfers_done++;
	transfer_forget(t);
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
	struct call *left = t->leg.inv ? NULL : t->from; /* its party hung up */

	call_note(c, CALL_THIRD, status, NOTE_TRANSFER_FAILED);
	c->calls->n.transfers_failed++;
	transfer_tell(t, status >= 300 ? status : 503);
	if (c->exchange && exchange_is_with(c->exchange, CALL_THIRD))
		exchange_drop(c, 487);
	if (!c->exchange)
		media_reject(c->media);
	end_newcomer(t, status);
	media_drop_leg(c->media);
	transfer_forget(t);
	if (left) {
		call_because(left, "who was to be transferred hung up", 0);
		call_fsm(left, IN_LEFT, &(struct call_in){ 0 });
	}
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
		transfer_input(t, TI_PROGRESS, &in);
		break;
	case INVITE_ANSWER:
		transfer_input(t, TI_ANSWER, &in);
		break;
	case INVITE_ACK:
		call_note(c, CALL_THIRD, 0, NOTE_ACK);
		if (!exchange_acked(c, &t->leg, e))
			oa_input(&t->leg.oa, OA_GOT_ACK);
		break;
	default: /* it is over */
		t->status = e->type == INVITE_FAIL ? (uint16_t)e->status : 487;
		transfer_input(t, TI_FAILED, &in);
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
		transfer_input(c->transfer, TI_FREE, &(struct transfer_in){ 0 });
}

bool transfer_survives(struct call *c, struct call_leg *leg, const struct invite_event *e)
{
	struct transfer *t = c->transfer;

	if ((e->type != INVITE_BYE && e->type != INVITE_LOST) || !t || leg->index != t->gone)
		return false;
	call_note(c, leg->index, e->status, e->type == INVITE_BYE ? NOTE_BYE : NOTE_GONE);
	exchange_gone(c, leg);
	return true;
}

/* ---- for people ---- */

static const char *const texts[] = {
#define X(name, text) [T_##name] = text,
	TRANSFER_STATES(X)
#undef X
};

void transfer_info(const struct transfer *t, struct call_work_info *out)
{
	*out = (struct call_work_info){ state_names[t->state], texts[t->state], t->gone,
					CALL_THIRD };
}

void transfer_draw(struct dot *d)
{
	static const char *const inputs[] = {
#define X(name, text) [TI_##name] = text,
		TRANSFER_INPUTS(X)
#undef X
	};

	*d = (struct dot){ .name = "transfer",
			   .title = "Another party comes into a call",
			   .names = state_names,
			   .texts = texts,
			   .n_states = T_STATE_COUNT,
			   .end = T_OVER,
			   .rest = DOT_NONE };
	dot_edge(d, DOT_NONE, T_CALLING, "REFER");
	dot_edge(d, DOT_NONE, T_HERE, "REFER to the party of another call");
	dot_edge(d, DOT_NONE, T_JOINING, "INVITE with Replaces");
	for (unsigned s = 0; s < T_STATE_COUNT; s++)
		for (unsigned i = TI_NONE + 1; i < TI_COUNT; i++)
			if (table[s][i].action)
				dot_edge(d, s, table[s][i].next, inputs[i])->back = i == TI_FAILED;
}
