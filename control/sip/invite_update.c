/* SPDX-License-Identifier: Apache-2.0 */
/* UPDATE (RFC 3311), both ways, before and after the answer. */
#include <errno.h>
#include "sip/invite_priv.h"

/* ---- of the peer ---- */

/* RFC 3311 5.2: its own earlier one is open. Offers that cross are for our user. */
static void too_early(struct invite *inv, const struct invite_in *e)
{
	char mem[RETRY_AFTER_LEN];

	count(inv->sip, COUNT_REJECT_GLARE);
	invite_answer(inv, e, 500, retry_after(inv->sip, mem));
}

static void note_peer(struct invite *inv, const struct invite_in *e)
{
	if (e->fork)
		e->fork->peer = (uint16_t)peer_said(e->fork->peer, e->in);
	inv->peer = (uint16_t)peer_said(inv->peer, e->in);
}

/* It is a target refresh request, and so is its 2xx. */
static void refresh(struct invite *inv, const struct invite_in *e)
{
	if (e->fork)
		dialog_refresh(inv->sip, &e->fork->dialog, e->fork->arena, e->in);
	else
		dialog_refresh(inv->sip, &inv->dialog, inv->arena, e->in);
	note_peer(inv, e);
}

void peer_update(struct invite *inv, const struct invite_in *e)
{
	struct strans **open = e->fork ? &e->fork->update : &inv->update;
	char mem[SESSION_LINES_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (*open) {
		too_early(inv, e);
		return;
	}
	if (invite_is_established(inv) && session_refuses(inv, e->in, &b)) {
		count(inv->sip, COUNT_SESSION_REFUSED);
		invite_answer(inv, e, 422, buf_str(&b));
		return;
	}
	*open = e->st;
	e->st->owner = inv;
	e->st->dialog = true;
	e->st->echo->session.early = !invite_is_established(inv);
	refresh(inv, e);
	invite_emit(inv, INVITE_UPDATE, e, fork_number(inv, e->fork));
}

/* ---- ours ---- */

/* The lines of the 2xx to the peer's; the session timer agrees to what it says there. */
int invite_update_reply(struct strans *st, struct response *r)
{
	struct invite *inv = st->owner;
	bool timed = st->echo && !st->echo->session.early;
	struct session_deal deal;
	char mem[INVITE_LINES];
	struct buf b;
	int rc;

	buf_init(&b, mem, sizeof(mem));
	if (r->reply.status >= 200 && r->reply.status < 300)
		invite_put_lines(inv, TEXT_2XX_UPDATE, &b);
	if (timed)
		session_put_response(inv, &st->echo->session, r->reply.status, &b, &deal);
	r->lines = buf_str(&b);
	rc = strans_reply(st, r);
	if (rc == 0 && timed && r->reply.status >= 200 && r->reply.status < 300)
		session_agreed(inv, &deal);
	return rc;
}

/* 481 and 408 end an established dialog: the exchange tells it next. */
void update_answered(struct invite *inv, const struct invite_in *e)
{
	if (e->in && e->status < 300)
		refresh(inv, e);
	if (inv->session.updating && e->in && e->status < 300)
		session_got_2xx(inv, e->in);
	else if (inv->session.updating)
		session_failed(inv, e->in);
	if (e->fork && (e->status == 481 || e->status == 408))
		e->fork->over = true;
	invite_emit(inv, INVITE_UPDATED, e, fork_number(inv, e->fork));
}

static void answered(struct dialog *d, const struct exchange_event *x, const struct incoming *in)
{
	bool early = d->kind == DIALOG_EARLY;
	struct invite_in e = { .in = in,
			       .status = x->status,
			       .fork = early ? container_of(d, struct fork, dialog) : NULL };

	invite_input(early ? e.fork->inv : container_of(d, struct invite, dialog), IN_UPDATED, &e);
}

/* The dialog that it goes into; NULL: there is none. */
static struct dialog *dialog_of(struct invite *inv, unsigned fork)
{
	struct fork *f;

	if (inv->state == INV_CALLING || inv->state == INV_RINGING) {
		f = fork_of_number(inv, fork);
		return f && !f->over && f->dialog.tag_len ? &f->dialog : NULL;
	}
	if (inv->state == INV_INCOMING && !inv->told)
		return NULL;
	return &inv->dialog;
}

int invite_update(struct invite *inv, unsigned fork, struct str headers, struct str body,
		  struct str body_type)
{
	struct exchange_params p = { .method = STR("UPDATE"),
				     .headers = headers,
				     .body = body,
				     .body_type = body_type,
				     .max_forwards = 70 };
	struct dialog *d = dialog_of(inv, fork);
	char mem[INVITE_LINES];
	struct sip_exchange *x;
	struct buf b;

	if (!d)
		return -EINVAL;
	if (inv->state == INV_LEAVING || inv->state == INV_TERMINATED ||
	    exchange_waits(d, SIP_UPDATE))
		return -EBUSY;
	buf_init(&b, mem, sizeof(mem));
	invite_put_lines(inv, TEXT_UPDATE, &b);
	x = exchange_in_dialog(inv->sip, d, &p, buf_str(&b));
	if (!x)
		return -errno;
	x->done = answered;
	inv->session.updating = invite_is_established(inv);
	return 0;
}
