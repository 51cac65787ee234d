/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in the dialog, both ways: re-INVITE (RFC 3261 14) and the peer's BYE (15.1.2). */
#include <errno.h>
#include "sip/invite_priv.h"

/* ---- requests of the peer ---- */

static bool is_passed_on(enum sip_method m)
{
	return m == SIP_INFO || m == SIP_MESSAGE || m == SIP_NOTIFY || m == SIP_REFER;
}

/* OPTIONS ask what this dialog can do, and it ends here (11.2). */
static void answer_other(struct invite *inv, const struct invite_in *e)
{
	char mem[160];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_allow(&b);
	if (e->in->m->method == SIP_OPTIONS)
		buf_lit(&b, "Accept: application/sdp\r\n");
	invite_answer(inv, e,
		      e->in->m->method == SIP_OPTIONS        ? 200
		      : e->in->m->method == SIP_METHOD_OTHER ? 501
							     : 405,
		      buf_str(&b));
}

/* A request of the peer that our user will answer. */
void peer_request(struct invite *inv, const struct invite_in *e)
{
	enum sip_method method = e->in->m->method;

	/* Both are target refresh requests (RFC 3515 2.2, RFC 6665 4.4.1). */
	if (method == SIP_REFER || method == SIP_NOTIFY)
		dialog_refresh(inv->sip, e->fork ? &e->fork->dialog : &inv->dialog,
			       e->fork ? e->fork->arena : inv->arena, e->in);
	e->st->dialog = method == SIP_REFER;
	invite_emit(inv, INVITE_REQUEST, e, fork_number(inv, e->fork));
}

static void receive_ack(struct invite *inv, const struct incoming *in)
{
	struct invite_in e = { .in = in };

	if (in->c->cseq.num == inv->invite_cseq)
		invite_input(inv, IN_ACK, &e);
	else
		count(inv->sip, COUNT_DROP_STRAY_ACK);
}

/* IN_INPUTS: it is answered without a look at the state. */
static enum invite_input input_of(enum sip_method m)
{
	switch (m) {
	case SIP_INVITE:
		return IN_INVITE;
	case SIP_BYE:
		return IN_BYE;
	case SIP_PRACK:
		return IN_PRACK;
	case SIP_UPDATE:
		return IN_UPDATE;
	default:
		return is_passed_on(m) ? IN_REQUEST : IN_INPUTS;
	}
}

/* Those that are answered later, or may be, need a transaction. */
static bool needs_transaction(enum invite_input i)
{
	return i != IN_BYE && i != IN_INPUTS;
}

static void receive(struct invite *inv, struct invite_in *e)
{
	enum invite_input i = input_of(e->in->m->method);

	e->st = strans_new(inv->sip, e->in, needs_transaction(i));
	if (i == IN_INPUTS)
		answer_other(inv, e);
	else if (e->st || !needs_transaction(i))
		invite_input(inv, i, e);
	else
		reject(inv->sip, e->in, 503, STR("Retry-After: 5\r\n"));
}

void invite_in_dialog(struct invite *inv, const struct incoming *in)
{
	struct invite_in e = { .in = in };

	if (in->m->method == SIP_ACK) {
		receive_ack(inv, in);
		return;
	}
	if (inv->dialog.open && !(e.fork = fork_alive(inv, in->c->from.tag)))
		reject(inv->sip, in, 481, STR_NONE);
	else if (dialog_out_of_order(e.fork ? &e.fork->dialog : &inv->dialog, in))
		reject_later(inv->sip, in);
	else
		receive(inv, &e);
}

void peer_invite(struct invite *inv, const struct invite_in *e)
{
	struct response trying = { .reply = { .status = 100 } };

	char mem[SESSION_LINES_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (session_refuses(inv, e->in, &b)) {
		count(inv->sip, COUNT_SESSION_REFUSED);
		invite_answer(inv, e, 422, buf_str(&b));
		return;
	}
	timer_stop(inv->sip->loop, &inv->timer);
	inv->server = e->st;
	e->st->owner = inv;
	inv->invite_cseq = e->in->c->cseq.num;
	inv->peer = (uint16_t)peer_said(inv->peer, e->in);
	inv->state = INV_OFFERED;
	dialog_refresh(inv->sip, &inv->dialog, inv->arena, e->in);
	strans_reply(e->st, &trying);
	invite_emit(inv, INVITE_OFFER, e, 0);
}

/* 14.2: ours is open. */
void peer_invite_glare(struct invite *inv, const struct invite_in *e)
{
	count(inv->sip, COUNT_REJECT_GLARE);
	invite_answer(inv, e, 491, STR_NONE);
}

/* 14.2: its own earlier one is open. */
void peer_invite_early(struct invite *inv, const struct invite_in *e)
{
	char mem[RETRY_AFTER_LEN];

	count(inv->sip, COUNT_REJECT_GLARE);
	invite_answer(inv, e, 500, retry_after(inv->sip, mem));
}

/* Nobody is here who could answer it. */
void peer_gone(struct invite *inv, const struct invite_in *e)
{
	invite_answer(inv, e, 481, STR_NONE);
}

/* ---- re-INVITE of ours ---- */

int invite_reinvite(struct invite *inv, struct str headers, struct str body, struct str body_type)
{
	struct sip *s = inv->sip;
	struct dialog *d = &inv->dialog;
	char branch[BRANCH_LEN], mem[INVITE_LINES];
	struct dialog_request r = { .method = STR("INVITE"),
				    .cseq = d->local_cseq + 1,
				    .branch = branch,
				    .contact = true,
				    .allow = true,
				    .headers = headers,
				    .body = body,
				    .body_type = body_type };
	struct ctrans_params t = { .method = SIP_INVITE,
				   .to = d->hop,
				   .branch = branch,
				   .in_dialog = true,
				   .fn = invite_client_event,
				   .owner = inv };
	struct buf b;

	if (inv->state != INV_CONFIRMED)
		return -EBUSY;
	dialog_new_branch(s, branch);
	buf_init(&b, mem, sizeof(mem));
	invite_put_lines(inv, TEXT_REINVITE, &b);
	r.lines = buf_str(&b);
	buf_init(&b, s->out, sizeof(s->out));
	dialog_put_request(s, d, &r, &b);
	if (!buf_ok(&b))
		return -EMSGSIZE;
	t.text = buf_str(&b);
	inv->client = ctrans_new(s, &t);
	if (!inv->client)
		return -ENOMEM;
	d->local_cseq++;
	inv->invite_cseq = d->local_cseq;
	timer_stop(s->loop, &inv->timer);
	inv->state = INV_REINVITING;
	return 0;
}

void re_1xx(struct invite *inv, const struct invite_in *e)
{
	timer_start(inv->sip->loop, &inv->timer, inv->ring_ms);
}

void re_2xx(struct invite *inv, const struct invite_in *e)
{
	timer_stop(inv->sip->loop, &inv->timer);
	inv->state = INV_REANSWERED;
	inv->peer = (uint16_t)peer_said(inv->peer, e->in);
	session_got_2xx(inv, e->in);
	dialog_refresh(inv->sip, &inv->dialog, inv->arena, e->in);
	invite_emit(inv, INVITE_REANSWER, e, 0);
}

/* 12.2.1.2, 14.1: only 481, 408 and silence end the dialog. */
void re_failure(struct invite *inv, const struct invite_in *e)
{
	timer_stop(inv->sip->loop, &inv->timer);
	if (invite_login(inv, e->in) || invite_again(inv, e->in)) {
		inv->invite_cseq = inv->dialog.local_cseq;
		return;
	}
	invite_leave_client(inv);
	if (e->status == 481 || e->status == 408) {
		invite_lost(inv, e);
		return;
	}
	session_failed(inv, e->in);
	invite_confirmed(inv);
	invite_emit(inv, INVITE_REANSWER, e, 0);
}

/* A re-INVITE that was begun and never ended. */
void re_timer(struct invite *inv, const struct invite_in *e)
{
	struct invite_in late = { .status = 408 };

	count(inv->sip, COUNT_TIMEOUT_RING);
	ctrans_cancel(inv->client, STR_NONE);
	inv->client = NULL;
	invite_lost(inv, &late);
}

uint32_t invite_glare_ms(struct invite *inv)
{
	struct loop *l = inv->sip->loop;

	/* 14.1: who made the Call-ID waits longer, in steps of 10 ms. */
	return inv->caller ? 2100 + 10 * loop_random_u32(l, 191) : 10 * loop_random_u32(l, 201);
}

/* ---- other requests of ours ---- */

struct sip_exchange *invite_request(struct invite *inv, const struct exchange_params *p)
{
	if (inv->state < INV_ANSWERED || inv->state == INV_INCOMING ||
	    inv->state == INV_ANSWERING || inv->state == INV_LEAVING ||
	    inv->state == INV_TERMINATED) {
		errno = EBUSY;
		return NULL;
	}
	return exchange_in_dialog(inv->sip, &inv->dialog, p, STR_NONE);
}
