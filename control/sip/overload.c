/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a message: straight through while the system keeps up, else to a queue, and from there to the
 * core in slices of time, between which the sockets are read again: so an ACK or BYE never stands behind
 * the calls that wait. */
#include <errno.h>
#include <stdlib.h>
#include "sip/overload_priv.h"

#define STRAIGHT_MAX 16 /* new work a round, before the other sockets are read */
#define DIALOGS_MAX  32 /* the same of what comes before it */
#define SLICE_US     1000

static const char *const names[] = {
#define X(id, name) [COUNT_##id] = name,
	OVERLOAD_COUNTERS(X)
#undef X
};

/* ---- neighbours ---- */

struct overload_peer *overload_peer(struct overload *v, int peer)
{
	return &v->peers[peer >= 0 && (unsigned)peer < v->n_peers ? (unsigned)peer : v->n_peers];
}

/* A second's worth fits into the bucket. */
bool overload_peer_take(struct overload *v, struct overload_peer *p)
{
	uint64_t now = loop_now(v->loop), full = p->rate * 1000ull;
	uint64_t passed = now - p->filled_ms;

	p->filled_ms = now;
	p->tokens = passed >= 1000 || p->tokens + passed * p->rate > full
			    ? full
			    : p->tokens + passed * p->rate;
	if (p->tokens < 1000)
		return false;
	p->tokens -= 1000;
	return true;
}

/* ---- in ---- */

static void serve(struct overload *v, enum overload_class c, const struct sip_hop *from, char *buf,
		  size_t len)
{
	if (c == OVERLOAD_CALL)
		v->admit.served++;
	v->receive(v->arg, from, buf, len);
}

static void push(struct overload *v, enum overload_class c, const struct sip_hop *from, char *buf,
		 size_t len)
{
	if (overload_push(v, c, from, buf, len)) {
		overload_count(v, COUNT_QUEUED);
		loop_defer(v->loop, &v->task);
	} else {
		overload_count(v, COUNT_FULL);
		overload_turn_away(v, from, buf, len);
	}
}

/* What belongs to calls that there are. In its order; after so many in a round the sockets are emptied before
 * more is done, for what waits in them has no class yet. */
static void pass_dialog(struct overload *v, const struct sip_hop *from, char *buf, size_t len)
{
	if (v->queue[OVERLOAD_DIALOG].n || v->dialogs >= DIALOGS_MAX) {
		overload_admit_sample(v);
		push(v, OVERLOAD_DIALOG, from, buf, len);
		return;
	}
	if (v->dialogs++ == 0)
		loop_defer(v->loop, &v->task);
	v->admit.dialogs++;
	v->receive(v->arg, from, buf, len);
}

/* A CANCEL goes first, and must not pass its INVITE: that would ring for nobody. */
static void before_cancel(struct overload *v, const char *buf, size_t len)
{
	struct overload_scan s;
	struct waiting *w;

	overload_scan(buf, len, true, &s);
	w = s.call_id.n ? overload_pop_call(v, s.call_id) : NULL;
	if (!w)
		return;
	serve(v, OVERLOAD_CALL, &w->from, w->data, w->len);
	overload_wait_free(w);
}

/* New work, at once or later. */
static void pass(struct overload *v, enum overload_class c, const struct sip_hop *from, char *buf,
		 size_t len)
{
	if (!v->waiting && v->straight < STRAIGHT_MAX) {
		if (v->straight++ == 0)
			loop_defer(v->loop, &v->task);
		overload_count(v, COUNT_STRAIGHT);
		serve(v, c, from, buf, len);
		return;
	}
	overload_admit_start(v);
	overload_admit_sample(v);
	push(v, c, from, buf, len);
}

/* Which limit stands against this call; COUNT_COUNT: none. */
static enum overload_counter limit(struct overload *v, struct overload_peer *p, struct str call_id)
{
	if (p->rate && !overload_peer_take(v, p))
		return COUNT_LIMITED;
	return overload_admit(v, p, call_id) ? COUNT_COUNT : COUNT_SHED;
}

/* A request without To tag, when there is reason for a closer look. */
static void consider(struct overload *v, struct overload_peer *p, const struct sip_hop *from,
		     char *buf, size_t len)
{
	enum overload_counter why;
	struct overload_scan s;

	overload_scan(buf, len, true, &s);
	if (s.class == OVERLOAD_CALL && overload_was_shed(v, s.call_id)) {
		overload_count(v, COUNT_SHED_AGAIN);
		if (v->admit.permille == PERMILLE) /* there is time for a word now */
			overload_turn_away(v, from, buf, len);
		return;
	}
	if (v->again(v->arg, buf, len)) {
		overload_count(v, COUNT_AGAIN);
		pass_dialog(v, from, buf, len);
		return;
	}
	if (s.class != OVERLOAD_CALL) {
		pass(v, s.class, from, buf, len);
		return;
	}
	if (overload_is_emergency(v, s.ruri)) {
		overload_count(v, COUNT_EMERGENCY);
		serve(v, OVERLOAD_CALL, from, buf, len);
		return;
	}
	why = limit(v, p, s.call_id);
	if (why == COUNT_COUNT) {
		pass(v, OVERLOAD_CALL, from, buf, len);
		return;
	}
	overload_count(v, why);
	overload_turn_away(v, from, buf, len);
}

void overload_take(struct overload *v, const struct sip_hop *from, char *buf, size_t len)
{
	struct overload_peer *p = overload_peer(v, from->peer);
	struct overload_scan s;

	overload_scan(buf, len, false, &s);
	if (s.class == OVERLOAD_DIALOG) {
		p->dialogs += *buf != 'S'; /* a response is no request */
		if (v->queue[OVERLOAD_CALL].n && *buf == 'C')
			before_cancel(v, buf, len);
		pass_dialog(v, from, buf, len);
		return;
	}
	if (v->alert || v->straight >= STRAIGHT_MAX || (p->rate && s.class == OVERLOAD_CALL)) {
		consider(v, p, from, buf, len);
		return;
	}
	pass(v, s.class, from, buf, len);
}

/* ---- what waited ---- */

static void expire(struct overload *v, uint64_t now)
{
	for (int c = OVERLOAD_CALL; c < OVERLOAD_CLASSES; c++) {
		struct waiting *w;

		while ((w = v->queue[c].oldest) && now - w->since_us > v->too_old_us) {
			overload_pop(v, (enum overload_class)c, false);
			overload_count(v, COUNT_TOO_OLD);
			overload_turn_away(v, &w->from, w->data, w->len);
			overload_wait_free(w);
		}
	}
}

static bool serve_dialog(struct overload *v)
{
	struct waiting *w = overload_pop(v, OVERLOAD_DIALOG, false);

	if (!w)
		return false;
	v->admit.dialogs++;
	v->receive(v->arg, &w->from, w->data, w->len);
	overload_wait_free(w);
	return true;
}

/* New calls newest first, then the others in their order. False: nothing is left. */
static bool serve_next(struct overload *v)
{
	struct waiting *w = overload_pop(v, OVERLOAD_CALL, true);

	for (int c = OVERLOAD_KEEPALIVE; !w && c < OVERLOAD_CLASSES; c++)
		w = overload_pop(v, (enum overload_class)c, false);
	if (!w)
		return false;
	serve(v, (enum overload_class)w->class, &w->from, w->data, w->len);
	overload_wait_free(w);
	return true;
}

/* Until nothing is left, or so much work has been done. */
static uint64_t serve_until(struct overload *v, uint64_t end, bool (*next)(struct overload *v))
{
	uint64_t now = loop_work_us(v->loop);

	while (now < end && next(v)) {
		overload_admit_sample(v);
		now = loop_work_us(v->loop);
	}
	return now;
}

/* A round's share. All that went to what comes first since the last one (dialogs, reading, timers) gives
 * new calls their floor. */
static void slice(struct overload *v)
{
	uint64_t now = loop_work_us(v->loop), end = now + SLICE_US, least;
	uint64_t before = v->slice_end_us ? v->slice_end_us : now;

	overload_admit_sample(v);
	now = serve_until(v, end, serve_dialog);
	least = now + (now - before) / OVERLOAD_FLOOR;
	expire(v, loop_clock_us(v->loop));
	overload_admit_sample(v);
	v->slice_end_us = serve_until(v, end > least ? end : least, serve_next);
}

static void work(void *arg)
{
	struct overload *v = arg;

	v->straight = v->dialogs = 0;
	if (v->waiting)
		slice(v);
	if (v->waiting)
		loop_defer(v->loop, &v->task);
	else
		v->slice_end_us = 0;
}

/* ---- life ---- */

static int init_peers(struct overload *v, const struct overload_options *o)
{
	v->n_peers = o->n_peers;
	v->peers = calloc(o->n_peers + 1, sizeof(*v->peers));
	if (!v->peers)
		return -ENOMEM;
	for (unsigned i = 0; i <= o->n_peers; i++) {
		v->peers[i].pass = PERMILLE;
		v->peers[i].keep = 1;
		v->peers[i].oc = i < o->n_peers && (!o->oc || o->oc[i]);
		v->peers[i].rate = o->rate && i < o->n_peers ? o->rate[i] : 0;
		v->peers[i].tokens = v->peers[i].rate * 1000ull;
		v->peers[i].filled_ms = loop_now(v->loop);
	}
	return 0;
}

static int init_emergency(struct overload *v, const char *const *numbers)
{
	unsigned n = 0;

	while (numbers && numbers[n])
		n++;
	v->emergency = calloc(n + 1, sizeof(*v->emergency));
	v->emergency_len = calloc(n + 1, 1);
	if (!v->emergency || !v->emergency_len)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		v->emergency_len[i] = (uint8_t)overload_number(str_of(numbers[i]), v->emergency[i]);
	v->n_emergency = n;
	return 0;
}

struct overload *overload_new(const struct overload_options *o)
{
	struct overload *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->loop = o->loop;
	v->log = o->log;
	v->receive = o->receive;
	v->refuse = o->refuse;
	v->again = o->again;
	v->arg = o->arg;
	v->target_us = (o->target_ms ? o->target_ms : 20) * 1000;
	v->too_old_us = (o->too_old_ms ? o->too_old_ms : 200) * 1000;
	v->queue_max = o->queue_max ? o->queue_max : 32u << 20;
	v->task = (struct loop_task){ .run = work, .arg = v };
	v->admit.permille = PERMILLE;
	v->n_shards = o->n_shards ? o->n_shards : 1;
	overload_shed_init(v, o);
	if (init_peers(v, o) < 0 || init_emergency(v, o->emergency) < 0) {
		overload_free(v);
		errno = ENOMEM;
		return NULL;
	}
	return v;
}

void overload_free(struct overload *v)
{
	if (!v)
		return;
	overload_queue_free(v);
	loop_undefer(v->loop, &v->task);
	timer_stop(v->loop, &v->admit.timer);
	overload_shed_free(v);
	free(v->peers);
	free(v->emergency);
	free(v->emergency_len);
	free(v);
}

void overload_state(const struct overload *v, struct overload_state *out)
{
	*out = (struct overload_state){ .admitted_permille = v->admit.permille,
					.delay_ms = v->admit.delay_us / 1000 };
	for (int c = 0; c < OVERLOAD_CLASSES; c++)
		out->queued[c] = v->queue[c].n;
}

void overload_counters(const struct overload *v,
		       void (*fn)(void *arg, const char *name, uint64_t v), void *arg)
{
	for (unsigned i = 0; i < COUNT_COUNT; i++)
		fn(arg, names[i], v->counter[i]);
}
