/* SPDX-License-Identifier: Apache-2.0 */
/* The dialogs of SUBSCRIBE and of REFER (RFC 6665, RFC 3515). Both ends of one are the same here: a
 * dialog that requests go through, in both directions. */
#include <errno.h>
#include "sip/exchange_priv.h"

/* Enough for the subscription, its Call-ID, tags, addresses and target in one piece. */
#define SUBSCRIPTION_ROOM 768

static struct subscription *subscription_new(struct sip *s)
{
	struct arena *a = arena_new(SUBSCRIPTION_ROOM);
	struct subscription *sub = a ? arena_alloc(a, sizeof(*sub)) : NULL;

	if (!sub) {
		arena_free(a);
		errno = ENOMEM;
		return NULL;
	}
	sub->arena = a;
	sub->sip = s;
	sub->dialog.kind = DIALOG_SUBSCRIPTION;
	sub->dialog.remote_cseq = CSEQ_UNKNOWN;
	return sub;
}

void subscription_end(struct subscription *sub)
{
	exchange_orphan(&sub->dialog);
	login_free(sub->dialog.login);
	sub->dialog.login = NULL;
	table_del(&sub->sip->dialogs, &sub->dialog.node);
	sub->dead = true;
	if (!sub->busy)
		arena_free(sub->arena);
}

void subscription_set_arg(struct subscription *sub, void *arg)
{
	sub->arg = arg;
}

size_t subscription_memory(const struct subscription *sub)
{
	return arena_size(sub->arena);
}

/* ---- the peer begins ---- */

struct subscription *subscription_accept(struct sip_request *r, const struct sip_msg *m,
					 const struct sip_core *core, const struct sip_hop *source)
{
	struct strans *st = (struct strans *)r;
	struct incoming in; /* its key is large: not zeroed for nothing */
	struct subscription *sub;
	struct dialog_peer p;

	in.m = m;
	in.c = core;
	in.source = *source;
	if (dialog_peer_read(st->sip, &in, &p)) {
		errno = EINVAL;
		return NULL;
	}
	sub = subscription_new(st->sip);
	if (!sub)
		return NULL;
	if (dialog_take(st->sip, &sub->dialog, sub->arena, &in, &p) < 0) {
		arena_free(sub->arena);
		errno = ENOMEM;
		return NULL;
	}
	dialog_register(st->sip, &sub->dialog);
	memcpy(st->tag, dialog_local_tag(&sub->dialog).p, IDENT_LEN);
	st->named = true;
	return sub;
}

/* ---- we begin ---- */

struct subscription *subscription_send(struct sip *s, const struct exchange_params *p)
{
	struct subscription *sub = subscription_new(s);
	struct dialog *d;
	int err = ENOMEM;

	if (!sub)
		return NULL;
	d = &sub->dialog;
	if (dialog_begin(s, d, sub->arena,
			 &(struct dialog_names){ p->from, p->contact_user, p->targets.hop }) == 0) {
		if (exchange_begin(s, d, p)) {
			d->open = true;
			dialog_register(s, d);
			return sub;
		}
		err = errno;
	}
	arena_free(sub->arena);
	errno = err;
	return NULL;
}

void subscription_answered(struct subscription *sub, const struct incoming *in, bool begins)
{
	struct dialog *d = &sub->dialog;

	if (begins && !d->open)
		return; /* a NOTIFY was faster */
	if (begins)
		dialog_complete(sub->sip, d, sub->arena, in);
	else
		dialog_refresh(sub->sip, d, sub->arena, in);
}

struct sip_exchange *subscription_request(struct subscription *sub, const struct exchange_params *p)
{
	if (!sub->dialog.open)
		return exchange_in_dialog(sub->sip, &sub->dialog, p, STR_NONE);
	errno = EBUSY;
	return NULL;
}

/* ---- requests of the peer ---- */

static void pass_on(struct subscription *sub, const struct incoming *in, struct strans *st)
{
	struct subscription_event e = { .request = (struct sip_request *)st,
					.msg = in->m,
					.core = in->c };

	st->dialog = in->m->method == SIP_SUBSCRIBE || in->m->method == SIP_REFER;
	sub->busy++;
	sub->sip->user.subscription(sub->arg, sub, &e);
	if (--sub->busy == 0 && sub->dead)
		arena_free(sub->arena);
}

static void take(struct subscription *sub, const struct incoming *in)
{
	struct sip *s = sub->sip;
	struct strans *st = strans_new(s, in, true);

	if (!st)
		reject(s, in, 503, STR("Retry-After: 5\r\n"));
	else
		pass_on(sub, in, st);
}

/* Who is first is the peer; 481 tells the other forks that they are not (RFC 6665 4.4.1). */
static bool settle(struct subscription *sub, const struct incoming *in)
{
	struct dialog *d = &sub->dialog;

	if (!d->open)
		return true;
	if (in->m->method == SIP_NOTIFY)
		return dialog_complete(sub->sip, d, sub->arena, in) == 0;
	return false;
}

void subscription_in_dialog(struct subscription *sub, const struct incoming *in)
{
	struct sip *s = sub->sip;
	enum sip_method method = in->m->method;

	if (method == SIP_ACK) {
		count(s, COUNT_DROP_STRAY_ACK);
	} else if (method == SIP_BYE || !settle(sub, in)) {
		reject(s, in, 481, STR_NONE);
	} else if (dialog_out_of_order(&sub->dialog, in)) {
		reject_later(s, in);
	} else if (method == SIP_INVITE) { /* no second usage of a dialog: RFC 5057 */
		reject(s, in, 403, STR_NONE);
	} else if (method == SIP_METHOD_OTHER || method == SIP_UPDATE || method == SIP_PRACK ||
		   method == SIP_REGISTER || method == SIP_PUBLISH) {
		reject_method(s, in);
	} else {
		if (method == SIP_NOTIFY || method == SIP_SUBSCRIBE || method == SIP_REFER)
			dialog_refresh(s, &sub->dialog, sub->arena, in);
		take(sub, in);
	}
}
