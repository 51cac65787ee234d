/* SPDX-License-Identifier: Apache-2.0 */
/* The early dialogs of our INVITE: one for each To tag of its provisional responses (RFC 3261 12.1, 13.2.2), while it
 * has no final one. Requests of ours in them are counted, and have credentials, with those of the invite. */
#include <errno.h>
#include "sip/invite_priv.h"

/* Enough for one with its address and target. */
#define FORK_ROOM 256

/* ---- the forks of an invite ---- */

struct fork *fork_of_tag(const struct invite *inv, struct str tag)
{
	struct fork *f = invite_forks(inv);

	while (f && !str_eq(dialog_remote_tag(&f->dialog), tag))
		f = f->next;
	return f;
}

struct fork *fork_alive(const struct invite *inv, struct str tag)
{
	struct fork *f = fork_of_tag(inv, tag);

	return f && !f->over ? f : NULL;
}

struct fork *fork_of_number(const struct invite *inv, unsigned number)
{
	struct fork *f = invite_forks(inv);

	while (f && f->number != number)
		f = f->next;
	return f;
}

static struct fork *fork_new(struct invite *inv, const struct incoming *in)
{
	struct arena *a = arena_new(ARENA_HEAD + arena_room(sizeof(struct fork)) + FORK_ROOM);
	struct fork *f = a ? arena_alloc(a, sizeof(*f)) : NULL;
	const struct dialog *d = &inv->dialog;

	if (!f) {
		arena_free(a);
		return NULL;
	}
	f->arena = a;
	f->inv = inv;
	f->dialog = (struct dialog){ .kind = DIALOG_EARLY,
				     .call_id = d->call_id,
				     .local = d->local,
				     .contact_user = d->contact_user,
				     .remote_cseq = CSEQ_UNKNOWN,
				     .peer = d->peer };
	if (dialog_complete(inv->sip, &f->dialog, a, in) == 0)
		return f;
	arena_free(a);
	return NULL;
}

/* Where it went without a Contact, the first one that comes is its target. */
static void aim(struct fork *f, const struct incoming *in)
{
	if (f->aimed || !in->m->first[SIP_HDR_CONTACT])
		return;
	dialog_refresh(f->inv->sip, &f->dialog, f->arena, in);
	f->aimed = true;
}

/* NULL: there are too many, or no memory. Those without a tag are one. */
static struct fork *fork_take(struct invite *inv, const struct incoming *in)
{
	struct fork *f = fork_of_tag(inv, in->c->to.tag);

	if (!f && inv->n_forks < FORKS_MAX && (f = fork_new(inv, in))) {
		f->number = inv->n_forks++;
		f->next = inv->forks;
		inv->forks = f;
	}
	if (f)
		aim(f, in);
	return f;
}

/* Requests of ours that wait for an answer go on by themselves, without it. */
static void fork_free(struct fork *f)
{
	exchange_orphan(&f->dialog);
	if (f->update)
		f->update->owner = NULL;
	arena_free(f->arena);
}

void forks_free(struct invite *inv)
{
	struct fork *f;

	while ((f = invite_forks(inv))) {
		inv->forks = f->next;
		fork_free(f);
	}
}

void forks_won(struct invite *inv, const struct incoming *in)
{
	struct dialog *d = &inv->dialog;
	struct fork *f = fork_of_tag(inv, in->c->to.tag);

	inv->fork = f ? f->number : inv->n_forks;
	inv->peer = (uint16_t)peer_said(f ? f->peer : 0, in);
	if (f) {
		d->remote_cseq = f->dialog.remote_cseq;
		exchange_move(&f->dialog, d);
		inv->update = f->update;
		f->update = NULL;
	}
	if (f && !in->m->first[SIP_HDR_CONTACT]) {
		d->target = arena_str(inv->arena, f->dialog.target);
		d->target_cap = (uint16_t)d->target.n;
		dialog_set_hop(inv->sip, d);
	}
	forks_free(inv);
}

/* ---- provisional responses ---- */

/* RSeq of a response that has to be acknowledged; 0: it need not. Who was not told that we can (RFC 3262 3) gets no
 * PRACK, nor one whose dialog has no name. */
static uint32_t reliable_number(const struct invite *inv, const struct incoming *in)
{
	uint32_t n;

	if (inv->terms.rel == INVITE_REL_NEVER || !in->c->to.tag.n ||
	    !sip_has_token(in->m, SIP_HDR_REQUIRE, STR("100rel")) ||
	    str_u32(sip_value(in->m, SIP_HDR_RSEQ), UINT32_MAX, &n))
		return 0;
	return n;
}

/* RFC 3262 4: in order, each once, and none before our user has done with the last. Whatever is left out here comes
 * again. */
static bool is_next(struct fork *f, uint32_t rseq)
{
	if (!f || f->owed || (f->rseq && rseq != f->rseq + 1))
		return false;
	f->rseq = rseq;
	f->owed = true;
	return true;
}

void fork_progress(struct invite *inv, const struct invite_in *e)
{
	uint32_t rseq = reliable_number(inv, e->in);
	struct fork *f = fork_take(inv, e->in);
	struct invite_in progress = *e;

	progress.reliable = rseq;
	if ((f && f->over) || (rseq && !is_next(f, rseq))) {
		count(inv->sip, COUNT_DROP_ABSORBED);
		return;
	}
	if (f) {
		inv->peer = f->peer = (uint16_t)peer_said(f->peer, e->in);
		f->over = e->status == 199; /* RFC 6228 */
	}
	invite_emit(inv, INVITE_PROGRESS, &progress, f ? f->number : inv->n_forks);
}

/* ---- PRACK ---- */

/* Who does not know the dialog has given it up. What else it may say is nothing that we could do better. */
static void pracked(struct dialog *d, const struct exchange_event *e, const struct incoming *in)
{
	if (d->kind == DIALOG_EARLY && (e->status == 481 || e->status == 408))
		container_of(d, struct fork, dialog)->over = true;
}

int invite_prack(struct invite *inv, unsigned fork, struct str body, struct str body_type)
{
	struct fork *f = fork_of_number(inv, fork);
	struct exchange_params p = {
		.method = STR("PRACK"), .body = body, .body_type = body_type, .max_forwards = 70
	};
	struct sip_exchange *x;
	char rack[64];
	struct buf b;

	if (!f || !f->owed)
		return -EINVAL;
	buf_init(&b, rack, sizeof(rack));
	buf_fmt(&b, "RAck: %u %u INVITE\r\n", f->rseq, inv->invite_cseq);
	x = exchange_in_dialog(inv->sip, &f->dialog, &p, buf_str(&b));
	if (!x)
		return -errno;
	x->done = pracked;
	f->owed = false;
	return 0;
}

/* ---- requests of the peer ---- */

/* A callee must not send it (15), but it has no more to say in this dialog. Its INVITE ends by a final response. */
void early_bye(struct invite *inv, const struct invite_in *e)
{
	struct invite_in over = { .in = e->in, .status = 199 };

	invite_answer(inv, e, 200, STR_NONE);
	e->fork->over = true;
	invite_emit(inv, INVITE_PROGRESS, &over, e->fork->number);
}
