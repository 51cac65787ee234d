/* SPDX-License-Identifier: Apache-2.0 */
/* An INVITE of the peer up to the ACK for its final response: RFC 3261 13.3. */
#include <errno.h>
#include "sip/invite_priv.h"

#define REFRESH_MS 60000 /* 13.3.1.1: keeps proxies from giving up */

/* ---- arrival ---- */

static struct invite *new_invite(struct sip *s, const struct incoming *in,
				 const struct dialog_peer *p)
{
	struct invite *inv = invite_new(s, dialog_take_room(in, p));

	if (!inv)
		return NULL;
	if (dialog_take(s, &inv->dialog, inv->arena, in, p) < 0) {
		invite_free(inv);
		return NULL;
	}
	inv->invite_cseq = in->c->cseq.num;
	inv->peer = (uint16_t)peer_said(0, in);
	inv->state = INV_INCOMING;
	inv->ring_ms = 180000;
	return inv;
}

void invite_receive(struct sip *s, const struct incoming *in)
{
	struct response trying = { .reply = { .status = 100 } };
	struct dialog_peer p;
	struct invite *inv;
	struct strans *st;
	unsigned status = dialog_peer_read(s, in, &p);
	char mem[SESSION_LINES_MAX];
	struct buf lines;
	void *arg;

	buf_init(&lines, mem, sizeof(mem));
	if (!status && session_refuses(NULL, in, &lines)) {
		count(s, COUNT_SESSION_REFUSED);
		status = 422;
	}
	if (status) {
		reject(s, in, status, buf_str(&lines));
		return;
	}
	inv = new_invite(s, in, &p);
	st = inv ? strans_new(s, in, true) : NULL;
	if (!st) {
		count(s, COUNT_DROP_MEMORY);
		if (inv)
			invite_free(inv);
		reject(s, in, 503, STR("Retry-After: 5\r\n"));
		return;
	}
	inv->server = st;
	st->owner = inv;
	invite_register(inv);
	strans_reply(st, &trying);
	inv->busy++;
	arg = s->user.invite(s->user.arg, inv, in->m, in->c, &in->source);
	inv->arg = arg;
	if (--inv->busy == 0 && inv->dead)
		arena_free(inv->arena);
}

/* ---- our user's answers ---- */

/* Its lines are written into `mem`. */
static struct response response_of(struct invite *inv, const struct invite_reply *reply,
				   char mem[INVITE_LINES], struct session_deal *deal)
{
	const struct dialog *d = &inv->dialog;
	struct response r = { .reply = *reply,
			      .tag = dialog_local_tag(d),
			      .dialog = true,
			      .hop = &d->peer,
			      .contact_user = d->contact_user };
	struct buf lines;

	buf_init(&lines, mem, INVITE_LINES);
	r.allow = reply->reliable && reply->status < 200;
	if (r.allow)
		invite_put_lines(inv, TEXT_RELIABLE, &lines);
	else if (reply->status >= 200 && reply->status < 300)
		invite_put_lines(inv, TEXT_2XX, &lines);
	session_put_response(inv, &inv->server->echo->session, reply->status, &lines, deal);
	r.lines = buf_str(&lines);
	return r;
}

int invite_reply_text(struct invite *inv, const struct invite_reply *reply)
{
	struct session_deal deal;
	char mem[INVITE_LINES];
	struct response r;
	int rc;

	if (!inv->server || !inv->server->echo)
		return -EINVAL;
	r = response_of(inv, reply, mem, &deal);
	rc = strans_reply(inv->server, &r);
	if (rc == 0 && reply->status >= 200 && reply->status < 300)
		session_agreed(inv, &deal);
	return rc;
}

int invite_reply_fits(struct invite *inv, const struct invite_reply *reply)
{
	struct session_deal deal;
	char mem[INVITE_LINES];
	struct response r;

	if (!inv->server || !inv->server->echo)
		return -EINVAL;
	r = response_of(inv, reply, mem, &deal);
	return strans_reply_fits(inv->server, &r);
}

void invite_accepted(struct invite *inv, enum invite_state next)
{
	struct sip *s = inv->sip;

	inv->state = next;
	inv->end_headers = NULL;
	inv->answered = (uint32_t)loop_now(s->loop);
	inv->interval = s->timers.t1_ms;
	timer_start(s->loop, &inv->timer, inv->interval);
}

void invite_set_terms(struct invite *inv, const struct invite_terms *t)
{
	inv->terms = *t;
}

int invite_reply_now(struct invite *inv, const struct invite_reply *r)
{
	bool initial = inv->state == INV_INCOMING;
	int rc;

	rc = r->status < 200 && r->reliable ? rel_send(inv, r) : invite_reply_text(inv, r);
	if (rc < 0)
		return rc;
	inv->told = true;
	if (r->status < 200) {
		if (initial)
			timer_start(inv->sip->loop, &inv->timer, REFRESH_MS);
	} else if (r->status < 300) {
		rel_answered(inv);
		invite_accepted(inv, initial ? INV_ACCEPTED : INV_REACCEPTED);
	} else if (initial) {
		invite_free(inv);
	} else {
		invite_leave_server(inv);
		invite_confirmed(inv);
	}
	return 0;
}

/* Reliable are only those to the INVITE that began it, to a peer who has said that it can. */
static bool may_reply(const struct invite *inv, const struct invite_reply *r)
{
	if ((inv->state != INV_INCOMING && inv->state != INV_OFFERED) || r->status <= 100 ||
	    r->status > 699)
		return false;
	return r->status >= 200 || !r->reliable ||
	       (inv->state == INV_INCOMING && inv->peer & INVITE_PEER_100REL);
}

int invite_reply(struct invite *inv, const struct invite_reply *r)
{
	if (!may_reply(inv, r))
		return -EINVAL;
	return rel_holds(inv, r) ? rel_keep(inv, r) : invite_reply_now(inv, r);
}

/* ---- while it rings ---- */

void server_timer(struct invite *inv, const struct invite_in *e)
{
	if (inv->server)
		strans_resend(inv->server);
	timer_start(inv->sip->loop, &inv->timer, REFRESH_MS);
}

void server_cancel(struct invite *inv, const struct invite_in *e)
{
	struct invite_reply r = { .status = 487 };

	invite_reply_text(inv, &r);
	invite_over(inv, INVITE_CANCEL, e);
}

/* ---- from 2xx to ACK, of re-INVITEs too ---- */

static void leave(struct invite *inv)
{
	invite_bye(inv, inv->end_headers ? *inv->end_headers : STR_NONE);
}

void accepted_timer(struct invite *inv, const struct invite_in *e)
{
	struct sip *s = inv->sip;
	uint32_t past = (uint32_t)loop_now(s->loop) - inv->answered, left;

	if (past >= sip_64_t1(s)) {
		count(s, COUNT_TIMEOUT_ACK);
		if (inv->state == INV_LEAVING)
			leave(inv);
		else
			invite_lost(inv, &(struct invite_in){ .lost = INVITE_LOST_ACK });
		return;
	}
	if (inv->server)
		strans_resend(inv->server);
	left = (uint32_t)sip_64_t1(s) - past;
	inv->interval = inv->interval * 2 > s->timers.t2_ms ? s->timers.t2_ms : inv->interval * 2;
	timer_start(s->loop, &inv->timer, inv->interval < left ? inv->interval : left);
}

static void acked(struct invite *inv)
{
	timer_stop(inv->sip->loop, &inv->timer);
	if (inv->server)
		strans_acked(inv->server);
	invite_leave_server(inv);
	invite_confirmed(inv);
}

void accepted_ack(struct invite *inv, const struct invite_in *e)
{
	acked(inv);
	invite_emit(inv, INVITE_ACK, e, 0);
}

void leaving_ack(struct invite *inv, const struct invite_in *e)
{
	acked(inv);
	leave(inv);
}
