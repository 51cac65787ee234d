/* SPDX-License-Identifier: Apache-2.0 */
/* How an invite ends: by our user, by the peer's BYE, and what is left to do then. */
#include "sip/invite_priv.h"

/* Brings the INVITE that is open in the dialog to its end, so that nothing but a BYE is left. */
static void settle(struct invite *inv)
{
	struct invite_reply r = { .status = 487 };

	switch (inv->state) {
	case INV_INCOMING:
	case INV_ANSWERING:
	case INV_OFFERED:
		invite_reply_text(inv, &r);
		break;
	case INV_ANSWERED:
	case INV_REANSWERED:
		invite_send_ack(inv, STR_NONE, STR_NONE);
		break;
	default:
		break;
	}
}

/* ---- BYE of ours ---- */

static void bye_event(void *owner, struct ctrans *ct, const struct ctrans_event *e)
{
	/* Whatever else it was answered, the dialog is over (15.1.1). It stays findable until the
	 * transaction is gone, for a BYE that crosses ours. */
	if (e->status == 0)
		invite_free(owner);
	else
		invite_login(owner, e->in);
}

void invite_bye(struct invite *inv, struct str headers)
{
	timer_stop(inv->sip->loop, &inv->timer);
	invite_leave_client(inv);
	invite_leave_server(inv);
	inv->state = INV_TERMINATED;
	inv->client = dialog_bye(inv->sip, &inv->dialog, headers, bye_event, inv);
	if (!inv->client)
		invite_free(inv);
}

/* ---- invite_end() ---- */

void invite_end(struct invite *inv, unsigned status, struct str headers)
{
	struct invite_in e = { .status = status, .headers = headers };

	invite_input(inv, IN_END, &e);
}

void end_client(struct invite *inv, const struct invite_in *e)
{
	if (inv->client)
		ctrans_cancel(inv->client, e->headers);
	inv->client = NULL;
	invite_free(inv);
}

void end_incoming(struct invite *inv, const struct invite_in *e)
{
	struct invite_reply r = { .status = e->status < 300 || e->status > 699 ? 480 : e->status,
				  .headers = e->headers };

	if (invite_reply_text(inv, &r) < 0) {
		r.headers = STR_NONE;
		invite_reply_text(inv, &r);
	}
	invite_free(inv);
}

void end_accepted(struct invite *inv, const struct invite_in *e)
{
	inv->end_headers = arena_alloc(inv->arena, sizeof(*inv->end_headers));
	if (inv->end_headers)
		*inv->end_headers = arena_str(inv->arena, e->headers);
	inv->state = INV_LEAVING;
}

void end_dialog(struct invite *inv, const struct invite_in *e)
{
	settle(inv);
	invite_bye(inv, e->headers);
}

/* ---- the peer does not know the dialog any more ---- */

void dialog_lost(struct invite *inv, const struct invite_in *e)
{
	settle(inv);
	invite_lost(inv, e);
}

/* The BYE waits for the ACK (15). */
void dialog_lost_accepted(struct invite *inv, const struct invite_in *e)
{
	inv->state = INV_LEAVING;
	invite_emit(inv, INVITE_LOST, e, 0);
}

/* ---- BYE of the peer ---- */

void peer_bye(struct invite *inv, const struct invite_in *e)
{
	invite_answer(inv, e, 200, STR_NONE);
	settle(inv);
	invite_over(inv, INVITE_BYE, e);
}

void peer_bye_leaving(struct invite *inv, const struct invite_in *e)
{
	invite_answer(inv, e, 200, STR_NONE);
	invite_free(inv);
}

void peer_bye_crossing(struct invite *inv, const struct invite_in *e)
{
	invite_answer(inv, e, 200, STR_NONE);
}
