/* SPDX-License-Identifier: Apache-2.0 */
/* The INVITE usage: one INVITE, the dialog that grows from it, its re-INVITEs and its BYE. At most
 * one INVITE is open at a time, in either direction, so one state says it all; the table below says
 * what each input does in it. */
#include <errno.h>
#include "sip/invite_priv.h"

static void absorbed(struct invite *inv, const struct invite_in *e)
{
	count(inv->sip, COUNT_DROP_ABSORBED);
}

/* Final responses to PRACKs of ours are no input: what they say is about their early dialog only (invite_early.c). */
static invite_fn *const table[INV_STATES][IN_INPUTS] = {
	[INV_CALLING] = {
		[IN_1XX] = client_1xx,
		[IN_2XX] = client_2xx,
		[IN_FAILURE] = client_failure,
		[IN_TIMER] = client_timer,
		[IN_END] = end_client,
	},
	[INV_RINGING] = { /* requests: in an early dialog */
		[IN_1XX] = client_1xx,
		[IN_2XX] = client_2xx,
		[IN_FAILURE] = client_failure,
		[IN_TIMER] = client_timer,
		[IN_INVITE] = peer_invite_glare,
		[IN_BYE] = early_bye,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_END] = end_client,
	},
	[INV_ANSWERED] = {
		[IN_2XX] = client_2xx_again,
		[IN_INVITE] = peer_invite_glare,
		[IN_BYE] = peer_bye,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_LOST] = dialog_lost,
		[IN_END] = end_dialog,
	},
	[INV_INCOMING] = {
		[IN_TIMER] = server_timer,
		[IN_INVITE] = peer_invite_early,
		[IN_BYE] = peer_bye,
		[IN_CANCEL] = server_cancel,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_timer,
		/* Only the early dialog is lost: the INVITE is still owed its final response. */
		[IN_LOST] = absorbed,
		[IN_END] = end_incoming,
	},
	[INV_ANSWERING] = {
		[IN_TIMER] = server_timer,
		[IN_INVITE] = peer_invite_early,
		[IN_BYE] = peer_bye,
		[IN_CANCEL] = server_cancel,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_timer,
		[IN_LOST] = absorbed,
		[IN_END] = end_incoming,
	},
	[INV_ACCEPTED] = {
		[IN_TIMER] = accepted_timer,
		[IN_ACK] = accepted_ack,
		[IN_INVITE] = peer_invite_glare,
		[IN_BYE] = peer_bye,
		[IN_CANCEL] = absorbed,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = dialog_lost_accepted,
		[IN_END] = end_accepted,
	},
	[INV_LEAVING] = { /* what needs our user gets 481 */
		[IN_TIMER] = accepted_timer,
		[IN_ACK] = leaving_ack,
		[IN_INVITE] = peer_gone,
		[IN_BYE] = peer_bye_leaving,
		[IN_CANCEL] = absorbed,
		[IN_PRACK] = peer_gone,
		[IN_UPDATE] = peer_gone,
		[IN_REQUEST] = peer_gone,
		[IN_UPDATED] = absorbed,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = absorbed,
	},
	[INV_CONFIRMED] = {
		[IN_TIMER] = session_timer,
		[IN_ACK] = absorbed,
		[IN_INVITE] = peer_invite,
		[IN_BYE] = peer_bye,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = dialog_lost,
		[IN_END] = end_dialog,
	},
	[INV_REINVITING] = {
		[IN_1XX] = re_1xx,
		[IN_2XX] = re_2xx,
		[IN_FAILURE] = re_failure,
		[IN_TIMER] = re_timer,
		[IN_ACK] = absorbed,
		[IN_INVITE] = peer_invite_glare,
		[IN_BYE] = peer_bye,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = dialog_lost,
		[IN_END] = end_dialog,
	},
	[INV_REANSWERED] = {
		[IN_2XX] = client_2xx_again,
		[IN_ACK] = absorbed,
		[IN_INVITE] = peer_invite_glare,
		[IN_BYE] = peer_bye,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = dialog_lost,
		[IN_END] = end_dialog,
	},
	[INV_OFFERED] = {
		[IN_ACK] = absorbed,
		[IN_INVITE] = peer_invite_early,
		[IN_BYE] = peer_bye,
		/* The CANCEL has its 200 and the re-INVITE will have its final response: 9.2 only says
		 * SHOULD, and our user may have passed the offer on already. */
		[IN_CANCEL] = absorbed,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = dialog_lost,
		[IN_END] = end_dialog,
	},
	[INV_REACCEPTED] = {
		[IN_TIMER] = accepted_timer,
		[IN_ACK] = accepted_ack,
		[IN_INVITE] = peer_invite_glare,
		[IN_BYE] = peer_bye,
		[IN_CANCEL] = absorbed,
		[IN_PRACK] = peer_prack,
		[IN_UPDATE] = peer_update,
		[IN_REQUEST] = peer_request,
		[IN_UPDATED] = update_answered,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = dialog_lost,
		[IN_END] = end_dialog,
	},
	[INV_TERMINATED] = {
		[IN_ACK] = absorbed,
		[IN_INVITE] = peer_gone,
		[IN_BYE] = peer_bye_crossing,
		[IN_CANCEL] = absorbed,
		[IN_PRACK] = peer_gone,
		[IN_UPDATE] = peer_gone,
		[IN_REQUEST] = peer_gone,
		[IN_UPDATED] = absorbed,
		[IN_UNPRACKED] = rel_expired,
		[IN_LOST] = absorbed,
		[IN_END] = absorbed,
	},
};

static void let_go(struct invite *inv)
{
	if (--inv->busy == 0 && inv->dead)
		arena_free(inv->arena);
}

void invite_input(struct invite *inv, enum invite_input i, const struct invite_in *e)
{
	invite_fn *fn = table[inv->state][i];

	inv->busy++;
	if (fn)
		fn(inv, e);
	else
		count(inv->sip, COUNT_DROP_UNEXPECTED);
	if (!fn && e->st)
		invite_answer(inv, e, 481, STR_NONE);
	let_go(inv);
}

static void timer_fired(void *arg)
{
	invite_input(arg, IN_TIMER, &(struct invite_in){ 0 });
}

struct invite *invite_new(struct sip *s, size_t room)
{
	struct arena *a =
		arena_new_exact(ARENA_HEAD + arena_room(sizeof(struct invite)) + room, 64);
	struct invite *inv = a ? arena_alloc(a, sizeof(*inv)) : NULL;

	if (!inv) {
		arena_free(a);
		return NULL;
	}
	inv->arena = a;
	inv->sip = s;
	inv->dialog.remote_cseq = CSEQ_UNKNOWN;
	timer_init(&inv->timer, timer_fired, inv);
	return inv;
}

void invite_register(struct invite *inv)
{
	dialog_register(inv->sip, &inv->dialog);
	inv->registered = true;
}

void invite_confirmed(struct invite *inv)
{
	inv->state = INV_CONFIRMED;
	session_resume(inv);
}

void invite_leave_client(struct invite *inv)
{
	if (inv->client)
		ctrans_leave(inv->client);
	inv->client = NULL;
}

void invite_leave_server(struct invite *inv)
{
	if (inv->server)
		inv->server->owner = NULL;
	inv->server = NULL;
}

void invite_request_over(struct invite *inv, const struct strans *st)
{
	if (inv->server == st)
		inv->server = NULL;
	if (inv->update == st)
		inv->update = NULL;
	for (struct fork *f = invite_forks(inv); f; f = f->next)
		if (f->update == st)
			f->update = NULL;
}

void invite_free(struct invite *inv)
{
	if (inv->dead)
		return;
	invite_leave_client(inv);
	invite_leave_server(inv);
	if (inv->update)
		inv->update->owner = NULL;
	inv->update = NULL;
	forks_free(inv);
	rel_free(inv);
	exchange_orphan(&inv->dialog);
	timer_stop(inv->sip->loop, &inv->timer);
	login_free(inv->dialog.login);
	inv->dialog.login = NULL;
	if (inv->registered)
		table_del(&inv->sip->dialogs, &inv->dialog.node);
	inv->state = INV_TERMINATED;
	inv->dead = true;
	if (!inv->busy)
		arena_free(inv->arena);
}

void invite_emit(struct invite *inv, enum invite_event_type type, const struct invite_in *e,
		 unsigned fork)
{
	struct invite_event ev = { .type = type,
				   .status = e->status,
				   .fork = fork,
				   .reliable = e->reliable,
				   .lost = e->lost };

	if (e->in) {
		ev.msg = e->in->m;
		ev.core = e->in->c;
		ev.body = ev.msg->body;
		ev.body_type = sip_value(ev.msg, SIP_HDR_CONTENT_TYPE);
		ev.source = e->in->source.addr;
	}
	if (type == INVITE_REQUEST || type == INVITE_UPDATE || type == INVITE_PRACK)
		ev.request = (struct sip_request *)e->st;
	inv->busy++;
	inv->sip->user.event(inv->arg, inv, &ev);
	let_go(inv);
}

void invite_over(struct invite *inv, enum invite_event_type type, const struct invite_in *e)
{
	inv->state = INV_TERMINATED;
	inv->busy++;
	invite_emit(inv, type, e, 0);
	invite_free(inv);
	let_go(inv);
}

void invite_lost(struct invite *inv, const struct invite_in *e)
{
	inv->busy++;
	invite_bye(inv, STR_NONE);
	invite_emit(inv, INVITE_LOST, e, 0);
	let_go(inv);
}

void invite_answer(struct invite *inv, const struct invite_in *e, unsigned status,
		   struct str headers)
{
	struct response r = { .reply = { .status = status, .headers = headers } };

	if (e->st)
		strans_reply_now(e->st, e->in, &r);
	else
		reject(inv->sip, e->in, status, headers);
}

void invite_client_event(void *owner, struct ctrans *ct, const struct ctrans_event *e)
{
	struct invite *inv = owner;
	struct invite_in in = { .in = e->in, .status = e->status };

	if (e->status == 0)
		inv->client = NULL;
	else
		invite_input(inv,
			     e->status < 200   ? IN_1XX
			     : e->status < 300 ? IN_2XX
					       : IN_FAILURE,
			     &in);
}

/* Only for those who are at the other end of the dialog: a Contact may name another neighbour. */
bool invite_login(struct invite *inv, const struct incoming *in)
{
	struct dialog *d = &inv->dialog;
	struct ctrans *next;

	if (!inv->client || d->hop.peer != d->peer.peer)
		return false;
	next = login_again(inv->client, &d->login, in, d->local_cseq + 1);
	if (!next)
		return false;
	inv->client = next;
	d->local_cseq++;
	return true;
}

bool invite_again(struct invite *inv, const struct incoming *in)
{
	struct ctrans *next = session_again(inv, inv->client, in);

	if (next)
		inv->client = next;
	return next;
}

void invite_set_arg(struct invite *inv, void *arg)
{
	inv->arg = arg;
}

/* ---- for people ---- */

struct str invite_call_id(const struct invite *inv)
{
	return inv->dialog.call_id;
}

struct str invite_local_tag(const struct invite *inv)
{
	return dialog_local_tag(&inv->dialog);
}

struct str invite_remote_tag(const struct invite *inv)
{
	return dialog_remote_tag(&inv->dialog);
}

const char *invite_state_name(const struct invite *inv)
{
	static const char *const names[] = {
		[INV_CALLING] = "CALLING",       [INV_RINGING] = "PROCEEDING",
		[INV_ANSWERED] = "ANSWERED",     [INV_INCOMING] = "PROCEEDING",
		[INV_ANSWERING] = "PROCEEDING",  [INV_ACCEPTED] = "ACCEPTED",
		[INV_LEAVING] = "LEAVING",       [INV_CONFIRMED] = "CONFIRMED",
		[INV_REINVITING] = "REINVITING", [INV_REANSWERED] = "REANSWERED",
		[INV_OFFERED] = "OFFERED",       [INV_REACCEPTED] = "REACCEPTED",
		[INV_TERMINATED] = "TERMINATED",
	};
	return names[inv->state];
}

size_t invite_memory(const struct invite *inv)
{
	return arena_size(inv->arena);
}
