/* SPDX-License-Identifier: Apache-2.0 */
/* Client transactions: RFC 3261 17.1 with the Accepted state of RFC 6026; CANCEL (9.1). */
#include <errno.h>
#include <stdlib.h>
#include "sip/dialog_priv.h"

enum ctrans_state {
	CALLING, /* TRYING of a non-INVITE */
	PROCEEDING,
	ACCEPTED,
	COMPLETED,
	TERMINATED,
	STATES
};

#define LINGERS UINT32_MAX /* as patience: it is over for its owner */

enum ctrans_input {
	RESP_1XX,
	RESP_2XX,
	RESP_FAIL,
	RETRANSMIT, /* Timer A, E */
	DEADLINE,   /* Timer B, D, F, K, M */
	BROKEN,     /* the transport failed */
	INPUTS
};

struct row {
	void (*act)(struct ctrans *ct, const struct incoming *in); /* NULL: not expected */
	uint8_t next;
};

static void run(struct ctrans *ct, enum ctrans_input i, const struct incoming *in);

static void tell(struct ctrans *ct, const struct incoming *in, unsigned status)
{
	struct ctrans_event e = { .in = in, .status = status };

	if (ct->owner && ct->fn)
		ct->fn(ct->owner, ct, &e);
}

static bool reliable(const struct ctrans *ct)
{
	return sip_is_reliable(ct->to.transport);
}

static void send_text(struct ctrans *ct)
{
	sip_transmit_request(ct->sip, &ct->to, (struct str){ ct->text, ct->len });
}

static void start(struct ctrans *ct, uint64_t deadline, uint32_t interval)
{
	uint64_t ms = deadline;

	ct->deadline = loop_now(ct->sip->loop) + deadline;
	ct->interval = reliable(ct) ? 0 : interval;
	if (ct->interval && ct->interval < ms)
		ms = ct->interval;
	timer_start(ct->sip->loop, &ct->timer, ms);
}

/* Readable by the parser; NULL without memory. */
static char *copy_text(struct sip *s, struct str text)
{
	char *copy = malloc(text.n + SIP_PAD);

	if (!copy) {
		count(s, COUNT_DROP_MEMORY);
		return NULL;
	}
	memcpy(copy, text.p, text.n);
	memset(copy + text.n, 0, SIP_PAD);
	return copy;
}

static void drop_text(struct ctrans *ct)
{
	free(ct->text);
	ct->text = NULL;
	ct->len = 0;
}

/* ---- CANCEL ---- */

/* Sent by a transaction of its own, with the branch of the INVITE. The INVITE then has 64*T1 to
 * come to its end (9.1). */
static void send_cancel(struct ctrans *ct)
{
	struct sip *s = ct->sip;
	struct ctrans_params p = { .method = SIP_CANCEL, .to = ct->to, .branch = ct->branch };
	struct buf b;

	ct->cancelled = true;
	start(ct, sip_64_t1(s), 0);
	buf_init(&b, s->out, sizeof(s->out));
	if (derive_cancel(ct, &b) < 0)
		return;
	p.text = buf_str(&b);
	ctrans_new(s, &p);
}

void ctrans_cancel(struct ctrans *ct, struct str headers)
{
	ctrans_leave(ct);
	if (ct->cancel || ct->state > PROCEEDING)
		return;
	ct->cancel = true;
	if (headers.n && (ct->cancel_headers = malloc(headers.n))) {
		memcpy(ct->cancel_headers, headers.p, headers.n);
		ct->cancel_len = headers.n;
	}
	if (ct->state == PROCEEDING)
		send_cancel(ct);
}

/* ---- INVITE ---- */

static void invite_1xx(struct ctrans *ct, const struct incoming *in)
{
	if (!ct->cancelled && ct->owner) { /* who limits the ringing */
		timer_stop(ct->sip->loop, &ct->timer);
		ct->deadline = 0;
	} else if (!ct->cancelled) {
		start(ct, sip_64_t1(ct->sip), 0);
	}
	if (ct->cancel && !ct->cancelled)
		send_cancel(ct);
	tell(ct, in, in->m->status);
}

/* 13.2.2.4: each 2xx is ACKed each time, by the fork that it comes from. A proxy hands one on even after a failure
 * (16.7), when nobody owns the transaction any more: whoever sent it must not be left talking. */
static void invite_2xx_again(struct ctrans *ct, const struct incoming *in)
{
	const struct ctrans_ack *a = ctrans_ack_of(ct, in->c->to.tag);

	if (a) {
		count(ct->sip, COUNT_IN_RETRANSMITTED);
		count(ct->sip, COUNT_OUT_RETRANSMITTED);
		ctrans_send_ack(ct, a);
	} else if (ctrans_has_many_acks(ct)) {
		count(ct->sip, COUNT_DROP_ABSORBED);
	} else if (ct->owner) {
		tell(ct, in, in->m->status);
	} else {
		dialog_stray(ct, in);
	}
}

static void invite_2xx(struct ctrans *ct, const struct incoming *in)
{
	drop_text(ct);
	start(ct, sip_64_t1(ct->sip), 0); /* M */
	invite_2xx_again(ct, in);
}

static void invite_fail(struct ctrans *ct, const struct incoming *in)
{
	struct sip *s = ct->sip;
	uint64_t d = sip_64_t1(s) < 32000 ? 32000 : sip_64_t1(s);
	char *ack = NULL;
	size_t n = 0;
	struct buf b;

	buf_init(&b, s->out, sizeof(s->out));
	if (derive_ack(ct, in->m, &b) == 0) {
		sip_transmit_request(s, &ct->to, buf_str(&b));
		ack = copy_text(s, buf_str(&b));
		n = ack ? b.n : 0;
	}
	start(ct, reliable(ct) ? 0 : d, 0); /* D */
	tell(ct, in, in->m->status);        /* whose owner may want the request once more */
	free(ct->text);
	ct->text = ack;
	ct->len = n;
}

static void invite_fail_again(struct ctrans *ct, const struct incoming *in)
{
	count(ct->sip, COUNT_IN_RETRANSMITTED);
	if (!ct->text)
		return;
	count(ct->sip, COUNT_OUT_RETRANSMITTED);
	send_text(ct);
}

/* ---- both ---- */

static void absorb(struct ctrans *ct, const struct incoming *in)
{
	count(ct->sip, COUNT_DROP_ABSORBED);
}

static void nothing(struct ctrans *ct, const struct incoming *in)
{
}

static void again(struct ctrans *ct, uint32_t next)
{
	uint64_t left = ct->deadline - loop_now(ct->sip->loop);

	ct->interval = next;
	timer_start(ct->sip->loop, &ct->timer, next < left ? next : left);
	count(ct->sip, COUNT_OUT_RETRANSMITTED);
	send_text(ct);
}

static void timer_a(struct ctrans *ct, const struct incoming *in)
{
	again(ct, ct->interval * 2);
}

static void timer_e(struct ctrans *ct, const struct incoming *in)
{
	uint32_t t2 = ct->sip->timers.t2_ms;

	again(ct, ct->state == PROCEEDING || ct->interval * 2 > t2 ? t2 : ct->interval * 2);
}

static void timed_out(struct ctrans *ct, const struct incoming *in)
{
	count(ct->sip, COUNT_TIMEOUT_CLIENT);
	tell(ct, NULL, 408);
}

/* Whom we have left after less than Timer B for another target is only slow, perhaps: if it rings it is told to
 * stop, and if it answers it is told that nobody is there. */
static void invite_timed_out(struct ctrans *ct, const struct incoming *in)
{
	uint64_t all = sip_64_t1(ct->sip), waited = ct->patience;

	if (waited == LINGERS)
		return;
	timed_out(ct, in);
	if (waited >= all)
		return;
	ct->state = CALLING;
	ct->patience = LINGERS;
	ct->cancel = true;
	start(ct, all - waited, 0);
}

/* What went to TCP for its length only goes back to UDP, and is fragmented there. */
static void broken(struct ctrans *ct, const struct incoming *in)
{
	if (!ct->grown || ct->cancel) {
		ct->state = TERMINATED;
		tell(ct, NULL, 503);
		return;
	}
	ctrans_refuses_tcp(ct->sip, &ct->to.addr);
	ctrans_leave_stream(ct);
	ctrans_change_transport(ct, SIP_UDP);
	start(ct, ct->patience, ct->sip->timers.t1_ms);
	send_text(ct);
}

/* Its stream may have ended a moment ago (ctrans_break_soon()), but somebody is there. */
static void other_1xx(struct ctrans *ct, const struct incoming *in)
{
	if (!ct->deadline)
		start(ct, ct->patience, ct->sip->timers.t2_ms);
	tell(ct, in, in->m->status);
}

static void other_final(struct ctrans *ct, const struct incoming *in)
{
	start(ct, reliable(ct) ? 0 : ct->sip->timers.t4_ms, 0); /* K */
	tell(ct, in, in->m->status);
	drop_text(ct);
}

/* Figure 5 with RFC 6026. */
static const struct row invite_rows[STATES][INPUTS] = {
	[CALLING] = {
		[RESP_1XX] = { invite_1xx, PROCEEDING },
		[RESP_2XX] = { invite_2xx, ACCEPTED },
		[RESP_FAIL] = { invite_fail, COMPLETED },
		[RETRANSMIT] = { timer_a, CALLING },
		[DEADLINE] = { invite_timed_out, TERMINATED },
		[BROKEN] = { broken, CALLING },
	},
	/* A stream that ends after a 1xx is no failure: the rest comes by another one (18.2.2). */
	[PROCEEDING] = {
		[RESP_1XX] = { invite_1xx, PROCEEDING },
		[RESP_2XX] = { invite_2xx, ACCEPTED },
		[RESP_FAIL] = { invite_fail, COMPLETED },
		[DEADLINE] = { timed_out, TERMINATED },
	},
	[ACCEPTED] = {
		[RESP_1XX] = { absorb, ACCEPTED },
		[RESP_2XX] = { invite_2xx_again, ACCEPTED },
		[RESP_FAIL] = { absorb, ACCEPTED },
		[DEADLINE] = { nothing, TERMINATED },
	},
	[COMPLETED] = {
		[RESP_1XX] = { absorb, COMPLETED },
		[RESP_2XX] = { invite_2xx_again, COMPLETED },
		[RESP_FAIL] = { invite_fail_again, COMPLETED },
		[DEADLINE] = { nothing, TERMINATED },
	},
};

/* Figure 6. */
static const struct row other_rows[STATES][INPUTS] = {
	[CALLING] = {
		[RESP_1XX] = { other_1xx, PROCEEDING },
		[RESP_2XX] = { other_final, COMPLETED },
		[RESP_FAIL] = { other_final, COMPLETED },
		[RETRANSMIT] = { timer_e, CALLING },
		[DEADLINE] = { timed_out, TERMINATED },
		[BROKEN] = { broken, CALLING },
	},
	[PROCEEDING] = {
		[RESP_1XX] = { other_1xx, PROCEEDING },
		[RESP_2XX] = { other_final, COMPLETED },
		[RESP_FAIL] = { other_final, COMPLETED },
		[RETRANSMIT] = { timer_e, PROCEEDING },
		[DEADLINE] = { timed_out, TERMINATED },
	},
	[COMPLETED] = {
		[RESP_1XX] = { absorb, COMPLETED },
		[RESP_2XX] = { absorb, COMPLETED },
		[RESP_FAIL] = { absorb, COMPLETED },
		[DEADLINE] = { nothing, TERMINATED },
	},
};

static void run(struct ctrans *ct, enum ctrans_input i, const struct incoming *in)
{
	const struct row *r =
		ct->method == SIP_INVITE ? &invite_rows[ct->state][i] : &other_rows[ct->state][i];
	if (!r->act) {
		count(ct->sip, COUNT_DROP_UNEXPECTED);
		return;
	}
	ct->state = r->next;
	r->act(ct, in);
	if (ct->state != CALLING)
		ctrans_leave_stream(ct);
	if (ct->state == TERMINATED)
		ctrans_free(ct);
}

static void fired(void *arg)
{
	struct ctrans *ct = arg;

	if (!ct->deadline)
		run(ct, BROKEN, NULL);
	else
		run(ct, loop_now(ct->sip->loop) >= ct->deadline ? DEADLINE : RETRANSMIT, NULL);
}

/* ---- life ---- */

struct ctrans *ctrans_new(struct sip *s, const struct ctrans_params *p)
{
	struct ctrans *ct;

	if (s->transactions >= 2 * s->max_transactions)
		return NULL;
	ct = malloc(sizeof(*ct));
	if (!ct)
		return NULL;
	*ct = (struct ctrans){
		.sip = s,
		.method = p->method,
		.patience = p->patience_ms ? p->patience_ms : (uint32_t)sip_64_t1(s),
		.in_dialog = p->in_dialog,
		.to = p->to,
		.fn = p->fn,
		.owner = p->owner,
	};
	memcpy(ct->branch, p->branch, BRANCH_LEN);
	ct->text = copy_text(s, p->text);
	ct->len = p->text.n;
	if (!ct->text) {
		free(ct);
		return NULL;
	}
	timer_init(&ct->timer, fired, ct);
	table_add(&s->clients, &ct->node, table_hash(&s->clients, ct->branch, BRANCH_LEN));
	s->transactions++;
	if (ctrans_too_long(s, &p->to, p->text.n))
		ctrans_change_transport(ct, SIP_TCP);
	ctrans_wait_on_stream(ct);
	start(ct, ct->patience, s->timers.t1_ms); /* A and B, E and F */
	/* A datagram that could not be sent is as good as lost; a stream that broke is not
	 * (17.1.4). */
	if (sip_transmit_request(s, &ct->to, (struct str){ ct->text, ct->len }) < 0 && reliable(ct))
		ctrans_break_soon(ct);
	return ct;
}

struct ctrans *ctrans_again(struct ctrans *old, const struct ctrans_again *a)
{
	struct sip *s = old->sip;
	char branch[BRANCH_LEN];
	struct ctrans_params p = { .method = old->method,
				   .to = a->to ? *a->to : old->to,
				   .branch = branch,
				   .patience_ms = a->patience_ms,
				   .in_dialog = old->in_dialog,
				   .fn = old->fn,
				   .owner = old->owner };
	struct ctrans *ct;
	struct buf b;
	int rc;

	/* It may go to TCP for its length again, by the rules of a new request. */
	if (!a->to && old->grown)
		p.to.transport = SIP_UDP;
	dialog_new_branch(s, branch);
	buf_init(&b, s->out, sizeof(s->out));
	rc = derive_again(old, a, &p.to, branch, &b);
	p.text = buf_str(&b);
	ct = rc < 0 ? NULL : ctrans_new(s, &p);
	if (ct)
		ctrans_leave(old);
	else
		errno = rc < 0 ? -rc : ENOMEM;
	return ct;
}

void ctrans_free(struct ctrans *ct)
{
	struct sip *s = ct->sip;
	struct ctrans_ack *a;

	tell(ct, NULL, 0);
	ctrans_leave_stream(ct);
	table_del(&s->clients, &ct->node);
	timer_stop(s->loop, &ct->timer);
	s->transactions--;
	while ((a = ct->acks)) {
		ct->acks = a->next;
		free(a);
	}
	free(ct->text);
	free(ct->cancel_headers);
	free(ct);
}

void ctrans_await(struct ctrans *ct, uint64_t ms)
{
	start(ct, ms, ct->sip->timers.t2_ms);
}

void ctrans_leave(struct ctrans *ct)
{
	ct->owner = NULL;
	/* A re-INVITE that was answered 1xx when the dialog ended: nobody else limits the wait. */
	if (ct->state == PROCEEDING && !ct->deadline)
		start(ct, sip_64_t1(ct->sip), 0);
}

/* ---- responses ---- */

struct match {
	struct str branch;
	enum sip_method method;
};

static bool matches(const struct table_node *n, const void *key)
{
	const struct ctrans *ct = container_of(n, struct ctrans, node);
	const struct match *m = key;

	return ct->method == m->method && str_eq((struct str){ ct->branch, BRANCH_LEN }, m->branch);
}

static struct ctrans *find(struct sip *s, const struct match *key)
{
	struct table_node *n =
		key->branch.n != BRANCH_LEN
			? NULL
			: table_find(&s->clients,
				     table_hash(&s->clients, key->branch.p, BRANCH_LEN), matches,
				     key);

	return n ? container_of(n, struct ctrans, node) : NULL;
}

bool ctrans_is_for(struct sip *s, struct str branch, const struct incoming *in)
{
	struct match key = { branch, in->m->method };
	const struct ctrans *ct = find(s, &key);
	struct str text, method, ruri;

	if (!ct || !ct->text || ct->state > PROCEEDING)
		return false;
	text = (struct str){ ct->text, ct->len };
	return str_token(&text, ' ', &method) && str_token(&text, ' ', &ruri) &&
	       str_eq(method, in->m->method_name) && str_eq(ruri, in->m->ruri);
}

bool ctrans_receive(struct sip *s, const struct incoming *in)
{
	struct match key = { in->c->via.branch, in->c->cseq.method };
	unsigned status = in->m->status;
	struct ctrans *ct = find(s, &key);

	if (!ct)
		return false;
	run(ct, status < 200 ? RESP_1XX : status < 300 ? RESP_2XX : RESP_FAIL, in);
	return true;
}

const char *ctrans_state_name(const struct ctrans *ct)
{
	static const char *const names[] = { "CALLING", "PROCEEDING", "ACCEPTED", "COMPLETED",
					     "TERMINATED" };
	return ct->state == CALLING && ct->method != SIP_INVITE ? "TRYING" : names[ct->state];
}
