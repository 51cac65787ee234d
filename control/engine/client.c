/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in flight and the way to the transport. What is asked in one round of the loop is
 * written into one datagram, which leaves at the round's end. */
#include <errno.h>
#include <stdlib.h>
#include <linux/netlink.h>
#include "engine/engine_priv.h"

#define RETRY_MS      100
#define TIMEOUT_MS    2000
#define QUEUE_MAX     (16u << 20) /* octets that the transport did not take */
#define MESSAGE_MAX   2048        /* of the longest request */
#define ID_COUNT_BITS 24

/* ---- sending ---- */

static void unqueue_all(struct engine *e)
{
	struct datagram *d;

	while ((d = e->queue)) {
		e->queue = d->next;
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
		if (!e->queue)
			e->queue_tail = &e->queue;
		e->queued -= d->n;
		free(d);
	}
}

/* ---- the list of requests ---- */

static void append(struct engine *e, struct request *r)
{
	r->next = NULL;
	r->pprev = e->tail;
	*e->tail = r;
	e->tail = &r->next;
	r->deadline = loop_now(e->loop) + TIMEOUT_MS;
	if (!timer_is_set(&e->timeout))
		timer_start(e->loop, &e->timeout, TIMEOUT_MS);
}

static void take(struct engine *e, struct request *r)
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
	if (e->out.cap - e->out.n < MESSAGE_MAX)
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
	append(e, r);
	e->expected += answer;
	if (e->expected > FLOW_DATAGRAM_MAX - MESSAGE_MAX)
		send_out(e);
	loop_defer(e->loop, &e->flush);
	return 0;
}

/* The request ends here. It is off the list and reusable before its owner hears of it. */
static void answer(struct engine *e, struct request *r, int status, const struct tlv_report *report,
		   const struct tlv_msg *m)
{
	struct request done = *r;

	take(e, r);
	recycle(e, r);
	if (done.own)
		done.own(e, m, status);
	else if (done.kind == REQUEST_STATUS && done.done)
		done.done(done.arg, status);
	else if (done.kind == REQUEST_REPORT && done.report)
		done.report(done.arg, status, status ? NULL : report);
	else if (done.kind == REQUEST_DUMP && done.dump.done)
		done.dump.done(done.dump.arg, status);
}

void request_drop_all(struct engine *e, int status)
{
	while (e->head)
		answer(e, e->head, status, NULL, NULL);
}

static void timed_out(void *arg)
{
	struct engine *e = arg;
	uint64_t now = loop_now(e->loop);
	bool any = false;

	while (e->head && e->head->deadline <= now) {
		any = true;
		answer(e, e->head, -ETIMEDOUT, NULL, NULL);
	}
	/* An engine on this machine that is silent so long is stuck or has lost count; whether it
	 * has done what was asked is not known. A new connection tells. */
	if (any)
		engine_break(e, -ETIMEDOUT);
	else if (e->head)
		timer_start(e->loop, &e->timeout, e->head->deadline - now);
}

/* ---- receiving ---- */

static void receive_flow(struct engine *e, struct request *r, const struct tlv_msg *m)
{
	struct tlv_report report;
	const char *why;

	take(e, r);
	append(e, r); /* as long as it goes on it is not late */
	if (!r->dump.flow)
		return;
	if (tlv_get_report(m, &report, &why) < 0)
		log_warn(e->log, "engine", "it lists a flow whose %s makes no sense", why);
	else
		r->dump.flow(r->dump.arg, &report);
}

static void receive_dump(struct engine *e, struct request *r, const struct tlv_msg *m, int status)
{
	if (!m->done && !status) {
		receive_flow(e, r, m);
		return;
	}
	if (!status && r->dump.drop)
		tlv_each_drop(m, r->dump.drop, r->dump.arg);
	if (!status && r->dump.port)
		tlv_each_port(m, r->dump.port, r->dump.arg);
	answer(e, r, status, NULL, m);
}

static void receive_report(struct engine *e, struct request *r, const struct tlv_msg *m, int status)
{
	struct tlv_report report;
	const char *why;

	if (!status && tlv_get_report(m, &report, &why) < 0) {
		log_warn(e->log, "engine", "it reports a flow whose %s makes no sense", why);
		status = -EBADMSG;
	}
	answer(e, r, status, &report, m);
}

static void receive_event(struct engine *e, const struct tlv_msg *m)
{
	struct tlv_event event;
	const char *why;

	if (tlv_get_event(m, &event, &why) < 0)
		log_warn(e->log, "engine", "an event whose %s makes no sense", why);
	else if (e->user.event)
		e->user.event(e->user.arg, &event);
}

static void receive(struct engine *e, const struct tlv_msg *m)
{
	int status = (int)tlv_u32(m, FLOW_A_STATUS, 0);
	struct request *r = e->head;

	if (m->cmd == FLOW_CMD_EVENT) {
		receive_event(e, m);
		return;
	}
	while (r && r->seq != m->seq) /* answers come in order: it is the first or near */
		r = r->next;
	if (!r)
		return;
	if (status) {
		const char *reason = tlv_str(m, FLOW_A_REASON);
		log_debug(e->log, "engine", "request refused: %s%s%s", strerror(-status),
			  reason ? ": " : "", reason ? reason : "");
	}
	if (r->kind == REQUEST_DUMP)
		receive_dump(e, r, m, status);
	else if (r->kind == REQUEST_REPORT)
		receive_report(e, r, m, status);
	else
		answer(e, r, status, NULL, m);
}

void engine_receive(struct engine *e, const void *p, size_t n)
{
	struct tlv_msg m;
	int rc = 1;

	while (e->state >= ENGINE_HELLO && (rc = tlv_next(&p, &n, &m)) == 1)
		receive(e, &m);
	if (rc < 0 && e->state >= ENGINE_HELLO)
		engine_break(e, rc);
}

/* ---- the connection ---- */

static void begin_opening(void *arg)
{
	struct engine *e = arg;

	e->state = ENGINE_OPENING;
	e->transport.open(e->transport.arg, e);
}

void engine_connected(struct engine *e)
{
	tlv_out_init(&e->out, e->mem, sizeof(e->mem));
	e->expected = 0;
	e->state = ENGINE_HELLO;
	reconcile_begin(e);
}

static void log_gone(struct engine *e, int why)
{
	if (e->said_gone)
		return;
	e->said_gone = true;
	log_warn(e->log, "engine", "no connection to the media engine (%s); trying every %d ms",
		 strerror(-why), RETRY_MS);
}

void engine_gone(struct engine *e, int why)
{
	bool was_up = e->state == ENGINE_UP;

	if (e->state == ENGINE_DOWN)
		return;
	e->state = ENGINE_DOWN;
	e->broken = 0;
	timer_stop(e->loop, &e->timeout);
	unqueue_all(e);
	tlv_out_init(&e->out, e->mem, sizeof(e->mem));
	e->expected = 0;
	log_gone(e, why);
	request_drop_all(e, -ENOTCONN);
	if (was_up && e->user.down)
		e->user.down(e->user.arg);
	timer_start(e->loop, &e->retry, RETRY_MS);
}

void engine_break(struct engine *e, int why)
{
	if (e->state == ENGINE_DOWN)
		return;
	e->transport.close(e->transport.arg);
	engine_gone(e, why);
}

/* ---- the user's side ---- */

static u64 new_id_base(struct engine *e)
{
	u32 life;

	loop_random(e->loop, &life, sizeof(life));
	e->id_count = 0;
	return (u64)e->shard << 56 | (u64)life << ID_COUNT_BITS;
}

struct engine *engine_new(const struct engine_options *o)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->loop = o->loop;
	e->log = o->log;
	e->transport = o->transport;
	e->user = o->user;
	e->shard = o->shard;
	e->tail = &e->head;
	e->queue_tail = &e->queue;
	e->id_base = new_id_base(e);
	loop_random(e->loop, &e->own_epoch, sizeof(e->own_epoch));
	e->flush = (struct loop_task){ .run = flush, .arg = e };
	tlv_out_init(&e->out, e->mem, sizeof(e->mem));
	timer_init(&e->timeout, timed_out, e);
	timer_init(&e->retry, begin_opening, e);
	timer_start(e->loop, &e->retry, 0);
	return e;
}

void engine_free(struct engine *e)
{
	struct request *r;

	if (!e)
		return;
	if (e->state != ENGINE_DOWN)
		e->transport.close(e->transport.arg);
	e->state = ENGINE_DOWN;
	timer_stop(e->loop, &e->retry);
	timer_stop(e->loop, &e->timeout);
	request_drop_all(e, -ECANCELED);
	unqueue_all(e);
	while ((r = e->spare)) {
		e->spare = r->next;
		free(r);
	}
	loop_undefer(e->loop, &e->flush);
	free(e);
}

bool engine_is_up(const struct engine *e)
{
	return e->state == ENGINE_UP;
}

u32 engine_caps(const struct engine *e)
{
	return e->caps;
}

u64 engine_new_id(struct engine *e)
{
	if (++e->id_count >> ID_COUNT_BITS) {
		e->id_base = new_id_base(e);
		e->id_count = 1;
	}
	return e->id_base | e->id_count;
}

bool engine_gave_id(const struct engine *e, u64 id)
{
	return id >> ID_COUNT_BITS == e->id_base >> ID_COUNT_BITS;
}

/* Between HELLO's answer and the end of the dump requests pass already: orphans are deleted then.
 */
static bool takes_requests(const struct engine *e)
{
	return e->state >= ENGINE_DUMPING;
}

int engine_set(struct engine *e, const struct flow *f, engine_done *done, void *arg)
{
	struct request *r;
	int rc;

	if (!takes_requests(e))
		return -ENOTCONN;
	r = request_begin(e, FLOW_CMD_SET, NLM_F_ACK, &rc);
	if (!r)
		return rc;
	r->kind = REQUEST_STATUS;
	r->done = done;
	r->arg = arg;
	tlv_put_flow(&e->out, f);
	return request_end(e, r, 256);
}

static int ask(struct engine *e, u8 cmd, u64 id, engine_report *done, void *arg)
{
	struct request *r;
	int rc;

	if (!takes_requests(e))
		return -ENOTCONN;
	r = request_begin(e, cmd, NLM_F_ACK, &rc);
	if (!r)
		return rc;
	r->kind = REQUEST_REPORT;
	r->report = done;
	r->arg = arg;
	tlv_put_u64(&e->out, FLOW_A_ID, id);
	return request_end(e, r, MESSAGE_MAX);
}

int engine_del(struct engine *e, u64 id, engine_report *done, void *arg)
{
	return ask(e, FLOW_CMD_DEL, id, done, arg);
}

int engine_get(struct engine *e, u64 id, engine_report *done, void *arg)
{
	return ask(e, FLOW_CMD_DUMP, id, done, arg);
}

int engine_dump(struct engine *e, const struct engine_dump *d)
{
	struct request *r;
	int rc;

	if (!takes_requests(e))
		return -ENOTCONN;
	r = request_begin(e, FLOW_CMD_DUMP, NLM_F_DUMP, &rc);
	if (!r)
		return rc;
	r->kind = REQUEST_DUMP;
	r->dump = *d;
	r->arg = d->arg;
	return request_end(e, r, 0);
}

void engine_forget(struct engine *e, void *arg)
{
	for (struct request *r = e->head; r; r = r->next) {
		if (r->arg != arg || r->own)
			continue;
		if (r->kind == REQUEST_STATUS)
			r->done = NULL;
		else if (r->kind == REQUEST_REPORT)
			r->report = NULL;
		else
			r->dump = (struct engine_dump){ 0 };
	}
}
