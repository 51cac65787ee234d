/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, what comes in by it, and what the user calls. */
#include <errno.h>
#include <stdlib.h>
#include <linux/netlink.h>
#include "engine/engine_priv.h"

#define RETRY_MS      100
#define ID_COUNT_BITS 24

/* ---- receiving ---- */

static void receive_flow(struct engine *e, struct request *r, const struct tlv_msg *m)
{
	struct tlv_report report;
	const char *why;

	request_take(e, r);
	request_append(e, r); /* as long as it goes on it is not late */
	if (!r->dump.flow)
		return;
	if (tlv_get_report(m, &report, &why) < 0)
		log_warn(e->log, "engine", "it lists a flow whose %s makes no sense", why);
	else
		r->dump.flow(r->dump.arg, &report);
}

static void receive_frame(struct engine *e, struct request *r, const struct tlv_msg *m)
{
	struct tlv_frame frame;
	const char *why;

	request_take(e, r);
	request_append(e, r);
	if (!r->trace.frame)
		return;
	if (tlv_get_frame(m, &frame, &why) < 0)
		log_warn(e->log, "engine", "it traces a packet whose %s makes no sense", why);
	else
		r->trace.frame(r->trace.arg, &frame);
}

static void receive_trace(struct engine *e, struct request *r, const struct tlv_msg *m, int status)
{
	if (!m->done && !status)
		receive_frame(e, r, m);
	else
		request_answer(e, r, status, NULL, m);
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
	request_answer(e, r, status, NULL, m);
}

static void receive_report(struct engine *e, struct request *r, const struct tlv_msg *m, int status)
{
	struct tlv_report report;
	const char *why;

	if (!status && tlv_get_report(m, &report, &why) < 0) {
		log_warn(e->log, "engine", "it reports a flow whose %s makes no sense", why);
		status = -EBADMSG;
	}
	request_answer(e, r, status, &report, m);
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
	else if (r->kind == REQUEST_TRACE)
		receive_trace(e, r, m, status);
	else if (r->kind == REQUEST_REPORT)
		receive_report(e, r, m, status);
	else
		request_answer(e, r, status, NULL, m);
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
	e->state = ENGINE_HELLO;
	reconcile_begin(e);
}

/* NULL: nobody knows. */
static const char *hint_at(const struct engine *e, int why)
{
	if (why == -EPROTO) /* of HELLO */
		return ENGINE_OTHER_RELEASE;
	return e->transport.hint ? e->transport.hint(e->transport.arg, why) : NULL;
}

static void log_gone(struct engine *e, int why)
{
	const char *hint = hint_at(e, why);

	if (e->said_gone)
		return;
	e->said_gone = true;
	/* At start it may simply not be there yet; an engine that was lost says something else. */
	log_line(e->log, why == -ENOENT || why == -ECONNREFUSED ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		 "engine", "no connection to %s (%s%s%s); trying every %d ms", engine_name(e),
		 strerror(-why), hint ? ": " : "", hint ? hint : "", RETRY_MS);
}

void engine_gone(struct engine *e, int why)
{
	bool was_up = e->state == ENGINE_UP;

	if (e->state == ENGINE_DOWN)
		return;
	e->state = ENGINE_DOWN;
	timer_stop(e->loop, &e->timeout);
	request_reset(e);
	e->why = why;
	e->served = was_up;
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
	e->id_base = new_id_base(e);
	loop_random(e->loop, &e->own_epoch, sizeof(e->own_epoch));
	request_init(e);
	timer_init(&e->retry, begin_opening, e);
	timer_start(e->loop, &e->retry, 0);
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	if (e->state != ENGINE_DOWN)
		e->transport.close(e->transport.arg);
	e->state = ENGINE_DOWN;
	timer_stop(e->loop, &e->retry);
	request_drop_all(e, -ECANCELED);
	request_fini(e);
	free(e);
}

bool engine_is_up(const struct engine *e)
{
	return e->state == ENGINE_UP;
}

const char *engine_name(const struct engine *e)
{
	return e->transport.name ? e->transport.name(e->transport.arg) : "the media engine";
}

const char *engine_cause(const struct engine *e)
{
	const char *hint = hint_at(e, e->why);

	return hint ? hint : "the media engine is not connected";
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
	r = request_begin(e, FLOW_CMD_SET, done ? NLM_F_ACK : 0, &rc);
	if (!r)
		return rc;
	r->kind = done ? REQUEST_STATUS : REQUEST_SILENT;
	r->done = done;
	r->arg = arg;
	tlv_put_flow(&e->out, f);
	return request_end(e, r, done ? 256 : 0);
}

int engine_dtmf(struct engine *e, u64 id, unsigned side, u8 event, u32 duration_ms)
{
	struct request *r;
	int rc;

	if (!takes_requests(e))
		return -ENOTCONN;
	r = request_begin(e, FLOW_CMD_DTMF, 0, &rc);
	if (!r)
		return rc;
	r->kind = REQUEST_SILENT;
	tlv_put_dtmf(&e->out, &(struct tlv_dtmf){ .flow_id = id,
						  .side = side,
						  .duration_ms = duration_ms,
						  .digit = event });
	return request_end(e, r, 0);
}

int engine_send(struct engine *e, const struct tlv_send *s)
{
	struct request *r;
	int rc;

	if (!takes_requests(e))
		return -ENOTCONN;
	if (s->n > FLOW_PAYLOAD_MAX)
		return -EMSGSIZE;
	r = request_begin(e, FLOW_CMD_SEND, 0, &rc);
	if (!r)
		return rc;
	r->kind = REQUEST_SILENT;
	tlv_put_send(&e->out, s);
	return request_end(e, r, 0);
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
	return request_end(e, r, ENGINE_MESSAGE);
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

int engine_trace(struct engine *e, u64 id, const struct engine_trace *t)
{
	struct request *r;
	int rc;

	if (!takes_requests(e))
		return -ENOTCONN;
	r = request_begin(e, FLOW_CMD_TRACE, NLM_F_DUMP, &rc);
	if (!r)
		return rc;
	r->kind = REQUEST_TRACE;
	r->trace = *t;
	r->arg = t->arg;
	tlv_put_u64(&e->out, FLOW_A_ID, id);
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
		else if (r->kind == REQUEST_TRACE)
			r->trace = (struct engine_trace){ 0 };
		else
			r->dump = (struct engine_dump){ 0 };
	}
}
