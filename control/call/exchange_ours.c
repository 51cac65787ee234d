/* SPDX-License-Identifier: Apache-2.0 */
/* Offers that nobody asked for: so that both legs are at one, for a transfer, to refresh a session. */
#include <errno.h>

#include "exchange_priv.h"

#define ROUNDS_MAX 4 /* one after the other */

/* ---- ours ---- */

int exchange_ours(struct call *c, unsigned to, struct str offer, bool made, exchange_done *done)
{
	struct exchange *x;
	int err;

	if (c->exchange)
		return -EBUSY;
	x = exchange_open(c, EXCHANGE_US, NULL);
	if (!x)
		return -ENOMEM;
	x->to = (uint8_t)to;
	x->made = made;
	x->done = done;
	x->state = X_OFFERED;
	err = exchange_keep(&x->offer, &x->offer_n, offer);
	if (!err)
		err = exchange_send(x, STR_NONE);
	if (err == -EBUSY && done) { /* somebody waits: as soon as it can be */
		x->state = X_WAITING;
		timer_start(c->calls->loop, &x->timer, invite_glare_ms(call_leg_at(c, to)->inv));
		return 0;
	}
	if (err)
		exchange_close(x);
	else
		c->calls->n.reinvites_ours++;
	return err;
}

int exchange_known(struct call *c, exchange_done *done)
{
	struct exchange *x;

	if (c->exchange)
		return -EBUSY;
	x = exchange_open(c, EXCHANGE_US, NULL);
	if (!x)
		return -ENOMEM;
	x->done = done;
	x->state = X_OFFERED;
	exchange_input(x, XI_KNOWN, &(struct exchange_in){ 0 });
	return 0;
}

void exchange_debts(struct call *c)
{
	char mem[CALL_SDP_MAX];
	struct buf sdp;

	if (c->state != CALL_ACTIVE || c->exchange || c->transfer || !c->media)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (!media_owes_offer(c->media, i) || c->rounds >= ROUNDS_MAX || !c->leg[i].inv)
			continue;
		buf_init(&sdp, mem, sizeof(mem));
		if (media_make_offer(c->media, i, &sdp))
			continue;
		if (exchange_ours(c, i, buf_str(&sdp), true, NULL) == 0) {
			c->rounds++;
			return;
		}
		media_reject(c->media);
	}
}

/* Says it once more, whatever was said last. */
void exchange_again(struct call *c, struct call_leg *leg)
{
	char mem[CALL_SDP_MAX];
	struct buf sdp;

	buf_init(&sdp, mem, sizeof(mem));
	if (c->state == CALL_ACTIVE && !c->exchange &&
	    media_repeat(c->media, leg->index, &sdp) == 0)
		exchange_ours(c, leg->index, buf_str(&sdp), true, NULL);
}

void exchange_refresh(struct call *c, struct call_leg *leg)
{
	call_note(c, leg->index, 0, NOTE_REFRESH);
	c->calls->n.refreshes++;
	if ((invite_peer(leg->inv) & INVITE_PEER_UPDATE) &&
	    invite_update(leg->inv, 0, STR_NONE, STR_NONE, STR_NONE) == 0)
		return;
	exchange_again(c, leg);
}
