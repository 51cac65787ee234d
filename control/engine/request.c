/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight and the way to the transport. What is asked in one round of the loop is
 * written into one datagram, which leaves at the round's end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netlink.h>
#include "engine/engine_priv.h"

#define TIMEOUT_MS 2000
#define LATE_MS    5           /* an engine that keeps up has answered */
#define QUEUE_MAX  (64u << 20) /* octets that the transport did not take */

/* ---- sending ---- */

/* Nothing is to be sent any more. */
void request_reset(struct engine *e)
{
	struct datagram *d;

	tlv_out_init(&e->out, e->mem, sizeof(e->mem));
	e->expected = 0;
	e->broken = 0;
	while ((d = e->queue)) {
		e->queue = d->next;
		explicit_bzero(d->data, d->n); /* keys */
		free(d);
	}
	e->queue_tail = &e->queue;
	e->queued = 0;
}

static int enqueue(struct engine *e)
{
	struct datagram *d = NULL;

	if (e->queued + e->out.n <= QUEUE_MAX)
		d = malloc(sizeof(*d) + e->out.n);
	if (!d)
		return -ENOMEM;
	if (!e->queue)
		e->moved = loop_now(e->loop);
	d->next = NULL;
	d->n = e->out.n;
	memcpy(d->data, e->out.p, e->out.n);
	*e->queue_tail = d;
	e->queue_tail = &d->next;
	e->queued += d->n;
	return 0;
}

/* What is in `out` goes to the transport, or behind what waits for it. */
static void send_out(struct engine *e)
{
	int rc = -EAGAIN;

	if (e->broken || !e->out.n)
		return;
	if (!e->queue)
		rc = e->transport.send(e->transport.arg, e->out.p, e->out.n);
	if (rc == -EAGAIN)
		rc = enqueue(e);
	explicit_bzero(e->out.p, e->out.n); /* keys */
	tlv_out_init(&e->out, e->mem, sizeof(e->mem));
	e->expected = 0;
	if (!rc)
		return;
	/* May be inside of a call of the user's: nobody hears of it before the loop runs. */
	e->broken = rc;
	loop_defer(e->loop, &e->flush);
}

static void flush(void *arg)
{
	struct engine *e = arg;

	send_out(e);
	if (e->broken)
		engine_break(e, e->broken);
}

/* The last of them is on its way: what was asked is not late because of those before it. */
static void all_sent(struct engine *e)
{
	for (struct request *r = e->head; r; r = r->next)
		r->deadline = loop_now(e->loop) + TIMEOUT_MS;
}

void engine_ready(struct engine *e)
{
	struct datagram *d;

	while ((d = e->queue)) {
		int rc = e->transport.send(e->transport.arg, d->data, d->n);
		if (rc == -EAGAIN)
			return;
		if (rc) {
			engine_break(e, rc);
			return;
		}
		e->queue = d->next;
		e->queued -= d->n;
		e->moved = loop_now(e->loop);
		if (!e->queue) {
			e->queue_tail = &e->queue;
			all_sent(e);
		}
		explicit_bzero(d->data, d->n); /* keys */
		free(d);
	}
}

/* ---- the list of requests ---- */

void request_append(struct engine *e, struct request *r)
{
	r->next = NULL;
	r->pprev = e->tail;
	*e->tail = r;
	e->tail = &r->next;
	r->deadline = loop_now(e->loop) + TIMEOUT_MS;
	if (!timer_is_set(&e->timeout))
		timer_start(e->loop, &e->timeout, TIMEOUT_MS);
}

void request_take(struct engine *e, struct request *r)
{
	*r->pprev = r->next;
	if (r->next)
		r->next->pprev = r->pprev;
	else
		e->tail = r->pprev;
}

struct request *request_begin(struct engine *e, u8 cmd, u16 flags, int *rc)
{
	struct request *r = e->spare;

	*rc = -ENOTCONN;
	if (e->state < ENGINE_HELLO || e->broken)
		return NULL;
	*rc = -ENOMEM;
	if (r)
		e->spare = r->next;
	else
		r = malloc(sizeof(*r));
	if (!r)
		return NULL;
	if (e->out.cap - e->out.n < ENGINE_MESSAGE)
		send_out(e);
	memset(r, 0, sizeof(*r));
	if (!++e->seq) /* 0 is for events */
		e->seq = 1;
	r->seq = e->seq;
	tlv_begin(&e->out, cmd, (u16)(NLM_F_REQUEST | flags), r->seq);
	return r;
}

static void recycle(struct engine *e, struct request *r)
{
	r->next = e->spare;
	e->spare = r;
}

int request_end(struct engine *e, struct request *r, size_t answer)
{
	int rc = tlv_end(&e->out);

	if (rc) {
		recycle(e, r);
		return rc;
	}
	if (r->kind == REQUEST_SILENT)
		recycle(e, r);
	else
		request_append(e, r);
	e->expected += answer;
	if (e->expected > FLOW_DATAGRAM_MAX - ENGINE_MESSAGE)
		send_out(e);
	loop_defer(e->loop, &e->flush);
	return 0;
}

/* The request ends here. It is off the list and reusable before its owner hears of it. */
void request_answer(struct engine *e, struct request *r, int status,
		    const struct tlv_report *report, const struct tlv_msg *m)
{
	struct request done = *r;

	request_take(e, r);
	recycle(e, r);
	if (done.own)
		done.own(e, m, status);
	else if (done.kind == REQUEST_STATUS && done.done)
		done.done(done.arg, status);
	else if (done.kind == REQUEST_REPORT && done.report)
		done.report(done.arg, status, status ? NULL : report);
	else if (done.kind == REQUEST_DUMP && done.dump.done)
		done.dump.done(done.dump.arg, status);
	else if (done.kind == REQUEST_TRACE && done.trace.done)
		done.trace.done(done.trace.arg, status);
}

void request_drop_all(struct engine *e, int status)
{
	while (e->head)
		request_answer(e, e->head, status, NULL, NULL);
}

static void timed_out(void *arg)
{
	struct engine *e = arg;
	uint64_t now = loop_now(e->loop);
	bool any = false;

	/* A long queue that moves is not silence. */
	if (e->queue && now < e->moved + TIMEOUT_MS) {
		timer_start(e->loop, &e->timeout, e->moved + TIMEOUT_MS - now);
		return;
	}
	while (e->head && e->head->deadline <= now) {
		any = true;
		request_answer(e, e->head, -ETIMEDOUT, NULL, NULL);
	}
	/* An engine on this machine that is silent so long is stuck or has lost count; whether it
	 * has done what was asked is not known. A new connection tells. */
	if (any)
		engine_break(e, -ETIMEDOUT);
	else if (e->head)
		timer_start(e->loop, &e->timeout, e->head->deadline - now);
}

bool engine_is_late(const struct engine *e)
{
	return e->head && loop_now(e->loop) + TIMEOUT_MS > e->head->deadline + LATE_MS;
}

void request_init(struct engine *e)
{
	e->tail = &e->head;
	e->flush = (struct loop_task){ .run = flush, .arg = e };
	timer_init(&e->timeout, timed_out, e);
	request_reset(e);
}

void request_fini(struct engine *e)
{
	struct request *r;

	request_reset(e);
	while ((r = e->spare)) {
		e->spare = r->next;
		free(r);
	}
	timer_stop(e->loop, &e->timeout);
	loop_undefer(e->loop, &e->flush);
}
