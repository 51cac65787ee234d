/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of ours but INVITE and its kin, outside and in dialogs: one transaction after the other until
 * one target answers (RFC 3261 8.1, RFC 3263 4.3, RFC 4320, RFC 4321), then one event. */
#include <errno.h>
#include <stdlib.h>
#include "sip/invite_priv.h"

/* ---- texts ---- */

static bool has_contact(enum sip_method m)
{
	return m == SIP_SUBSCRIBE || m == SIP_NOTIFY || m == SIP_REFER || m == SIP_OPTIONS ||
	       m == SIP_UPDATE;
}

struct names {
	struct str from, call_id; /* From with its tag */
	uint32_t cseq;
};

static void put_request(struct sip *s, struct buf *b, const struct exchange_params *p,
			const struct names *n, const char *branch)
{
	const struct sip_hop *to = p->targets.hop;

	sip_put_request_line(b, p->method, p->ruri);
	put_via(s, b, to, branch);
	buf_lit(b, "Max-Forwards: ");
	buf_u64(b, p->max_forwards);
	buf_lit(b, "\r\n");
	sip_put_header(b, SIP_HDR_FROM, n->from);
	sip_put_header(b, SIP_HDR_TO, p->to);
	sip_put_header(b, SIP_HDR_CALL_ID, n->call_id);
	put_cseq(b, n->cseq, p->method);
	if (has_contact(sip_method_of(p->method)))
		put_contact(s, b, to, p->contact_user);
	buf_put(b, p->headers);
	sip_put_body(b, p->body_type, p->body);
}

/* ---- the end ---- */

static void unlink_dialog(struct sip_exchange *x)
{
	if (!x->dialog)
		return;
	*x->pprev = x->next;
	if (x->next)
		x->next->pprev = x->pprev;
	x->dialog = NULL;
}

static void link_dialog(struct sip_exchange *x, struct dialog *d)
{
	x->dialog = d;
	x->next = d->exchanges;
	x->pprev = &d->exchanges;
	if (x->next)
		x->next->pprev = &x->next;
	d->exchanges = x;
}

static void exchange_free(struct sip_exchange *x)
{
	unlink_dialog(x);
	if (x->ct)
		ctrans_leave(x->ct);
	login_free(x->login);
	free(x);
}

void exchange_orphan(struct dialog *d)
{
	while (d->exchanges)
		unlink_dialog(d->exchanges);
}

void exchange_move(struct dialog *from, struct dialog *to)
{
	struct sip_exchange *x;

	while ((x = from->exchanges)) {
		unlink_dialog(x);
		link_dialog(x, to);
	}
}

bool exchange_waits(const struct dialog *d, enum sip_method m)
{
	const struct sip_exchange *x = d->exchanges;

	while (x && (x->ended || x->method != m))
		x = x->next;
	return x;
}

void sip_exchange_leave(struct sip_exchange *x)
{
	x->fn = NULL;
}

uint32_t sip_exchange_cseq(const struct sip_exchange *x)
{
	return x->cseq;
}

/* Early dialogs of one INVITE count together, and log in as one. */
static struct dialog *main_of(struct dialog *d)
{
	return d->kind == DIALOG_EARLY ? &container_of(d, struct fork, dialog)->inv->dialog : d;
}

static uint32_t count_cseq(struct dialog *d)
{
	struct dialog *m = main_of(d);

	m->local_cseq++;
	/* A 2xx that nobody waits for gets a BYE from the transaction. */
	if (m != d && container_of(m, struct invite, dialog)->client)
		container_of(m, struct invite, dialog)->client->used_cseq = m->local_cseq;
	return m->local_cseq;
}

/* What the answer does to the dialog before our user hears of it. */
static void tell_dialog(struct sip_exchange *x, const struct ctrans_event *e)
{
	struct dialog *d = x->dialog;

	if (d && d->kind == DIALOG_SUBSCRIPTION && e->in && e->status < 300)
		subscription_answered(container_of(d, struct subscription, dialog), e->in,
				      x->begins);
}

/* 12.2.1.2, as far as RFC 5057 5 leaves it to the INVITE usage: INFO and UPDATE are part of it, the others are
 * not; nor is PRACK, once the INVITE has its answer. */
static bool is_lost(const struct sip_exchange *x, unsigned status)
{
	return x->dialog && x->dialog->kind == DIALOG_INVITE &&
	       (x->method == SIP_INFO || x->method == SIP_UPDATE) &&
	       (status == 481 || status == 408);
}

static void finish(struct sip_exchange *x, const struct ctrans_event *e)
{
	struct invite_in lost = { .in = e->in, .status = e->status };
	struct exchange_event ev = { .status = e->status, .cseq = x->cseq };

	if (e->in) {
		ev.msg = e->in->m;
		ev.core = e->in->c;
		ev.source = e->in->source.addr;
	}
	x->ended = true;
	tell_dialog(x, e);
	if (x->fn)
		x->fn(x->arg, &ev);
	if (x->done && x->dialog)
		x->done(x->dialog, &ev, e->in);
	if (is_lost(x, e->status))
		invite_input(container_of(x->dialog, struct invite, dialog), IN_LOST, &lost);
	exchange_free(x);
}

/* ---- targets ---- */

static uint64_t left(const struct sip_exchange *x)
{
	uint64_t now = loop_now(x->sip->loop);

	return x->deadline > now ? x->deadline - now : 0;
}

static bool failed(const struct ctrans_event *e)
{
	return e->status == 503 || (e->status == 408 && !e->in);
}

/* Nobody waits for a dialog that was given up before it began. */
static bool is_left(const struct sip_exchange *x)
{
	return x->begins && !x->dialog;
}

static struct login **login_of(struct sip_exchange *x)
{
	return x->dialog ? &main_of(x->dialog)->login : &x->login;
}

/* RFC 3263 4.3: it could not be reached, said nothing at all, or 503. */
static bool next_target(struct sip_exchange *x, const struct ctrans_event *e)
{
	struct ctrans_again a = { .patience_ms = (uint32_t)left(x) };
	struct ctrans *ct;

	if (!failed(e) || x->target + 1 >= x->n_targets || !a.patience_ms)
		return false;
	a.to = &x->targets[++x->target];
	if (x->target + 1 < x->n_targets && x->patience_ms && x->patience_ms < a.patience_ms)
		a.patience_ms = x->patience_ms;
	ct = ctrans_again(x->ct, &a);
	if (!ct)
		return false;
	count(x->sip, COUNT_OUT_NEXT_TARGET);
	x->ct = ct;
	x->heard = false;
	login_free(*login_of(x));
	*login_of(x) = NULL;
	if (x->begins && x->dialog && x->dialog->open)
		x->dialog->peer = x->dialog->hop = *a.to;
	return true;
}

/* Only for those who are at the other end of the dialog: a Contact may name another neighbour. */
static bool log_in(struct sip_exchange *x, const struct incoming *in)
{
	struct dialog *d = x->dialog;
	struct ctrans *ct;

	if (d && d->hop.peer != d->peer.peer)
		return false;
	ct = login_again(x->ct, login_of(x), in, (d ? main_of(d)->local_cseq : x->cseq) + 1);
	if (!ct)
		return false;
	x->ct = ct;
	x->cseq = d ? count_cseq(d) : x->cseq + 1;
	return true;
}

/* An UPDATE with a session interval that was too small. */
static bool again_longer(struct sip_exchange *x, const struct incoming *in)
{
	struct dialog *d = x->dialog;
	struct ctrans *ct;

	if (!d || d->kind != DIALOG_INVITE || x->method != SIP_UPDATE)
		return false;
	ct = session_again(container_of(d, struct invite, dialog), x->ct, in);
	if (!ct)
		return false;
	x->ct = ct;
	x->cseq = d->local_cseq;
	return true;
}

static void progress(struct sip_exchange *x)
{
	if (!x->heard && x->target + 1 < x->n_targets && left(x))
		ctrans_await(x->ct, left(x));
	x->heard = true;
}

static void answered(void *owner, struct ctrans *ct, const struct ctrans_event *e)
{
	struct sip_exchange *x = owner;

	if (e->status == 0) {
		x->ct = NULL;
		exchange_free(x);
		return;
	}
	target_told(x->sip, &ct->to, failed(e) ? e->status : 0, e->in ? e->in->m : NULL);
	if (e->status < 200)
		progress(x);
	else if (is_left(x) || (!log_in(x, e->in) && !again_longer(x, e->in) && !next_target(x, e)))
		finish(x, e);
}

void target_told(struct sip *s, const struct sip_hop *to, unsigned status, const struct sip_msg *m)
{
	struct str after = m ? sip_value(m, SIP_HDR_RETRY_AFTER) : STR_NONE, digits = after;
	uint32_t seconds = 0;

	if (!s->user.target)
		return;
	for (digits.n = 0;
	     digits.n < after.n && after.p[digits.n] >= '0' && after.p[digits.n] <= '9';)
		digits.n++; /* without "(comment)" and ";duration=" */
	if (!status || str_u32(digits, 86400, &seconds))
		seconds = 0;
	s->user.target(s->user.arg, to, status, seconds);
}

/* ---- sending ---- */

static struct sip_exchange *new_exchange(struct sip *s, const struct exchange_params *p,
					 unsigned n_targets)
{
	struct sip_exchange *x =
		malloc(sizeof(*x) + (n_targets > 1 ? n_targets : 0) * sizeof(x->targets[0]));

	if (!x)
		return NULL;
	*x = (struct sip_exchange){
		.sip = s,
		.fn = p->fn,
		.arg = p->arg,
		.deadline = loop_now(s->loop) + sip_64_t1(s),
		.method = (uint8_t)sip_method_of(p->method),
		.n_targets = (uint8_t)n_targets,
	};
	if (n_targets > 1) {
		memcpy(x->targets, p->targets.hop, n_targets * sizeof(x->targets[0]));
		x->patience_ms = p->targets.patience_ms;
	}
	return x;
}

/* Sends what was written into `b`. */
static struct sip_exchange *start(struct sip_exchange *x, const struct sip_hop *to,
				  const char *branch, const struct buf *b)
{
	struct ctrans_params t = { .method = x->method,
				   .to = *to,
				   .branch = branch,
				   .text = buf_str(b),
				   .patience_ms = x->n_targets > 1 ? x->patience_ms : 0,
				   .fn = answered,
				   .owner = x };
	int err = buf_ok(b) ? ENOMEM : EMSGSIZE;

	x->ct = buf_ok(b) ? ctrans_new(x->sip, &t) : NULL;
	if (x->ct)
		return x;
	exchange_free(x);
	errno = err;
	return NULL;
}

static struct sip_exchange *send_outside(struct sip *s, const struct exchange_params *p,
					 const struct names *n)
{
	struct sip_exchange *x = new_exchange(s, p, p->targets.n);
	char branch[BRANCH_LEN];
	struct buf b;

	if (!x) {
		errno = ENOMEM;
		return NULL;
	}
	x->cseq = n->cseq;
	dialog_new_branch(s, branch);
	buf_init(&b, s->out, sizeof(s->out));
	put_request(s, &b, p, n, branch);
	return start(x, p->targets.hop, branch, &b);
}

static bool targets_ok(const struct sip_targets *t)
{
	errno = EINVAL;
	return t->n && t->n <= SIP_TARGETS_MAX;
}

struct sip_exchange *sip_send(struct sip *s, const struct exchange_params *p)
{
	char from[1024], id[IDENT_LEN];
	struct names n = { .call_id = { id, sizeof(id) }, .cseq = 1 };
	struct buf b;

	if (!targets_ok(&p->targets))
		return NULL;
	buf_init(&b, from, sizeof(from) - IDENT_LEN);
	buf_put(&b, p->from);
	buf_lit(&b, ";tag=");
	if (!buf_ok(&b)) {
		errno = EMSGSIZE;
		return NULL;
	}
	ident_random(s, from + b.n);
	ident_random(s, id);
	n.from = (struct str){ from, b.n + IDENT_LEN };
	return send_outside(s, p, &n);
}

struct sip_exchange *exchange_begin(struct sip *s, struct dialog *d,
				    const struct exchange_params *p)
{
	struct names n = { .from = d->local, .call_id = d->call_id, .cseq = d->local_cseq };
	struct sip_exchange *x = targets_ok(&p->targets) ? send_outside(s, p, &n) : NULL;

	if (!x)
		return NULL;
	x->begins = true;
	link_dialog(x, d);
	return x;
}

struct sip_exchange *exchange_in_dialog(struct sip *s, struct dialog *d,
					const struct exchange_params *p, struct str lines)
{
	struct sip_exchange *x = new_exchange(s, p, 1);
	char branch[BRANCH_LEN];
	struct dialog_request r = { .method = p->method,
				    .cseq = main_of(d)->local_cseq + 1,
				    .branch = branch,
				    .contact = has_contact(sip_method_of(p->method)),
				    .allow = sip_method_of(p->method) == SIP_UPDATE,
				    .lines = lines,
				    .relayed = true,
				    .max_forwards = p->max_forwards,
				    .headers = p->headers,
				    .body = p->body,
				    .body_type = p->body_type };
	struct buf b;

	if (!x) {
		errno = ENOMEM;
		return NULL;
	}
	x->cseq = r.cseq;
	d->login = main_of(d)->login;
	dialog_new_branch(s, branch);
	buf_init(&b, s->out, sizeof(s->out));
	dialog_put_request(s, d, &r, &b);
	x = start(x, &d->hop, branch, &b);
	if (!x)
		return NULL;
	count_cseq(d);
	link_dialog(x, d);
	return x;
}
