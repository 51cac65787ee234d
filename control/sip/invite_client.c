/* SPDX-License-Identifier: Apache-2.0 */
/* An INVITE of ours up to its final response: RFC 3261 13.2, with Timer C of 16.6. */
#include <errno.h>
#include "sip/invite_priv.h"

#define TIMER_C_MS 180000

/* ---- sending ---- */

static void put_invite(struct invite *inv, const struct invite_params *p, const char *branch,
		       struct buf *b)
{
	const struct dialog *d = &inv->dialog;
	struct sip *s = inv->sip;

	sip_put_request_line(b, STR("INVITE"), p->ruri);
	put_via(s, b, &d->hop, branch);
	buf_lit(b, "Max-Forwards: ");
	buf_u64(b, p->max_forwards);
	buf_lit(b, "\r\n");
	sip_put_header(b, SIP_HDR_FROM, d->local);
	sip_put_header(b, SIP_HDR_TO, p->to);
	sip_put_header(b, SIP_HDR_CALL_ID, d->call_id);
	put_cseq(b, d->local_cseq, STR("INVITE"));
	put_contact(s, b, &d->hop, d->contact_user);
	put_allow(b);
	invite_put_lines(inv, TEXT_INVITE, b);
	buf_put(b, p->headers);
	sip_put_body(b, p->body_type, p->body);
}

static int keep_targets(struct invite *inv, const struct sip_targets *t)
{
	size_t n = (t->n - 1) * sizeof(*t->hop);

	if (n == 0)
		return 0;
	inv->targets = arena_alloc(inv->arena, n);
	if (!inv->targets)
		return -ENOMEM;
	memcpy(inv->targets, t->hop + 1, n);
	inv->n_targets = (uint8_t)(t->n - 1);
	inv->patience_ms = t->patience_ms;
	return 0;
}

/* RFC 3263 4.3: it could not be reached, said nothing at all, or 503. Who has heard of the call already (a 18x)
 * is not left for another. */
bool invite_next_target(struct invite *inv, const struct invite_in *e)
{
	struct ctrans_again a = { .to = inv->targets };
	struct ctrans *next;

	if (!inv->n_targets || inv->n_forks || inv->state > INV_RINGING ||
	    !(e->status == 503 || (e->status == 408 && !e->in)))
		return false;
	inv->targets++;
	if (--inv->n_targets)
		a.patience_ms = inv->patience_ms;
	next = ctrans_again(inv->client, &a);
	if (!next)
		return false;
	count(inv->sip, COUNT_OUT_NEXT_TARGET);
	inv->client = next;
	login_free(inv->dialog.login);
	inv->dialog.login = NULL;
	inv->dialog.peer = inv->dialog.hop = *a.to;
	inv->state = INV_CALLING;
	return true;
}

static int send_invite(struct invite *inv, const struct invite_params *p,
		       const struct dialog_names *names)
{
	char branch[BRANCH_LEN];
	struct sip *s = inv->sip;
	struct ctrans_params t = { .method = SIP_INVITE,
				   .to = p->targets.hop[0],
				   .branch = branch,
				   .patience_ms = p->targets.n > 1 ? p->targets.patience_ms : 0,
				   .fn = invite_client_event,
				   .owner = inv };
	struct buf b;

	if (p->targets.n == 0 || p->targets.n > SIP_TARGETS_MAX)
		return -EINVAL;
	if (dialog_begin(s, &inv->dialog, inv->arena, names) < 0 ||
	    keep_targets(inv, &p->targets) < 0)
		return -ENOMEM;
	inv->invite_cseq = inv->dialog.local_cseq;
	inv->terms = p->terms;
	dialog_new_branch(s, branch);
	buf_init(&b, s->out, sizeof(s->out));
	put_invite(inv, p, branch, &b);
	if (!buf_ok(&b))
		return -EMSGSIZE;
	t.text = buf_str(&b);
	inv->client = ctrans_new(s, &t);
	return inv->client ? 0 : -ENOMEM;
}

/* RFC 7339 5.5: what the neighbour demands. An emergency call goes all the same (5.10.1). */
static bool may_send(const struct sip *s, const struct invite_params *p)
{
	const struct sip_hop *to = p->targets.n ? &p->targets.hop[0] : NULL;
	struct sip_uri u;

	if (!to || !s->oc.may_send || !sip_speaks_oc(s, to->peer) ||
	    s->oc.may_send(s->oc.arg, to->peer))
		return true;
	return sip_urn_parse(p->ruri, &u) == 0 && sip_uri_is_sos(&u);
}

struct invite *invite_send(struct sip *s, const struct invite_params *p)
{
	struct dialog_names names = { p->from, p->contact_user, p->targets.hop };
	struct invite *inv;
	int rc;

	if (!may_send(s, p)) {
		errno = EBUSY;
		return NULL;
	}
	inv = invite_new(s, dialog_begin_room(&names));
	rc = inv ? send_invite(inv, p, &names) : -ENOMEM;
	if (rc < 0) {
		if (inv)
			invite_free(inv);
		errno = -rc;
		return NULL;
	}
	inv->arg = p->arg;
	inv->caller = true;
	inv->state = INV_CALLING;
	inv->ring_ms = p->ring_ms ? p->ring_ms : TIMER_C_MS;
	inv->dialog.open = true;
	invite_register(inv);
	timer_start(s->loop, &inv->timer, inv->ring_ms);
	return inv;
}

/* ---- responses ---- */

static void target_answered(struct invite *inv)
{
	if (inv->state == INV_CALLING)
		target_told(inv->sip, &inv->dialog.hop, 0, NULL);
}

void client_1xx(struct invite *inv, const struct invite_in *e)
{
	target_answered(inv);
	inv->state = INV_RINGING;
	if (e->status == 100)
		return;
	timer_start(inv->sip->loop, &inv->timer, inv->ring_ms);
	fork_progress(inv, e);
}

void client_2xx(struct invite *inv, const struct invite_in *e)
{
	struct invite_in failed = { .status = 503 };

	target_answered(inv);
	timer_stop(inv->sip->loop, &inv->timer);
	if (dialog_complete(inv->sip, &inv->dialog, inv->arena, e->in) < 0) {
		dialog_stray(inv->client, e->in);
		invite_over(inv, INVITE_FAIL, &failed);
		return;
	}
	forks_won(inv, e->in);
	inv->state = INV_ANSWERED;
	session_got_2xx(inv, e->in);
	invite_emit(inv, INVITE_ANSWER, e, inv->fork);
}

/* Before our user has given the ACK: the same again, or another fork. */
void client_2xx_again(struct invite *inv, const struct invite_in *e)
{
	if (str_eq(e->in->c->to.tag, dialog_remote_tag(&inv->dialog)))
		count(inv->sip, COUNT_IN_RETRANSMITTED);
	else if (inv->client)
		dialog_stray(inv->client, e->in);
}

void client_failure(struct invite *inv, const struct invite_in *e)
{
	if (e->status == 503 || (e->status == 408 && !e->in))
		target_told(inv->sip, &inv->dialog.hop, e->status, e->in ? e->in->m : NULL);
	else
		target_answered(inv);
	if (invite_login(inv, e->in) || invite_again(inv, e->in)) {
		forks_free(inv);
		inv->invite_cseq = inv->dialog.local_cseq;
		inv->state = INV_CALLING;
		return;
	}
	if (!invite_next_target(inv, e))
		invite_over(inv, INVITE_FAIL, e);
}

/* Timer C. The CANCEL, and a 2xx that crosses it, are the transaction's from here on. */
void client_timer(struct invite *inv, const struct invite_in *e)
{
	struct invite_in late = { .status = 408 };

	count(inv->sip, COUNT_TIMEOUT_RING);
	ctrans_cancel(inv->client, STR_NONE);
	inv->client = NULL;
	invite_over(inv, INVITE_FAIL, &late);
}

/* ---- ACK ---- */

int invite_send_ack(struct invite *inv, struct str body, struct str body_type)
{
	struct dialog_request r = { .body = body, .body_type = body_type };
	int rc = dialog_ack(inv->sip, &inv->dialog, inv->client, inv->invite_cseq, &r);

	if (rc < 0)
		return rc;
	/* From here on the transaction repeats the ACK and ends other forks by itself. */
	invite_leave_client(inv);
	invite_confirmed(inv);
	return 0;
}

int invite_ack(struct invite *inv, struct str body, struct str body_type)
{
	if (inv->state != INV_ANSWERED && inv->state != INV_REANSWERED)
		return -EINVAL;
	return invite_send_ack(inv, body, body_type);
}
