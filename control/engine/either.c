/* SPDX-License-Identifier: Apache-2.0 */
/* The engine that is there: sluice-dp's where its socket answers, else the kernel's. One that works is kept; when it
 * goes away it is waited for, since a daemon that crashed is back soon and to change engines breaks every stream for a
 * moment. Then whatever is there is taken. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "engine/engine_priv.h"

#define PATIENCE_MS 5000

struct either {
	struct loop *loop;
	struct log *log;
	struct engine_pick *pick;
	struct engine_transport way[ENGINE_KINDS]; /* [ENGINE_NONE] is unused */
	struct seqpacket *seqpacket;
	struct genl *genl;
	enum engine_kind now; /* what is connected, or was last */
	bool leads;
	uint64_t patient; /* until when the one that worked is waited for */
};

static int connect_kind(struct either *x, enum engine_kind kind, struct engine *e)
{
	return kind == ENGINE_DPDK ? seqpacket_connect(x->seqpacket, e) : genl_connect(x->genl, e);
}

/* ENGINE_NONE: any. */
static enum engine_kind wanted(struct either *x)
{
	enum engine_kind kind = (enum engine_kind)atomic_load(&x->pick->kind);

	return !x->leads || loop_now(x->loop) < x->patient ? kind : ENGINE_NONE;
}

static void picked(struct either *x, enum engine_kind kind)
{
	enum engine_kind before = (enum engine_kind)atomic_exchange(&x->pick->kind, (int)kind);

	if (before != kind)
		log_notice(x->log, "engine", "media goes through %s%s",
			   x->way[kind].name(x->way[kind].arg),
			   before ? " from now on: the engine before did not come back" : "");
}

static int try_all(struct either *x, struct engine *e)
{
	int rc = -ENOENT;

	x->now = ENGINE_NONE;
	for (enum engine_kind k = ENGINE_DPDK; k <= ENGINE_KERNEL; k++) {
		rc = connect_kind(x, k, e);
		if (rc)
			continue;
		x->now = k;
		picked(x, k);
		return 0;
	}
	return rc; /* why it is not the last one */
}

static void open_one(void *arg, struct engine *e)
{
	struct either *x = arg;
	int rc = -ENOENT;

	if (e->served)
		x->patient = loop_now(x->loop) + PATIENCE_MS;
	e->served = false;
	enum engine_kind kind = wanted(x);
	if (kind) {
		x->now = kind;
		rc = connect_kind(x, kind, e);
	} else if (x->leads) {
		rc = try_all(x, e);
	}
	if (rc)
		engine_gone(e, rc);
	else
		engine_connected(e);
}

static int send_one(void *arg, const void *p, size_t n)
{
	struct either *x = arg;

	return x->way[x->now].send(x->way[x->now].arg, p, n);
}

static void close_one(void *arg)
{
	struct either *x = arg;

	if (x->now)
		x->way[x->now].close(x->way[x->now].arg);
}

static const char *name(void *arg)
{
	struct either *x = arg;

	return x->now ? x->way[x->now].name(x->way[x->now].arg) : "a media engine";
}

static const char *hint(void *arg, int why)
{
	struct either *x = arg;

	if (why == -EPERM)
		return x->way[ENGINE_KERNEL].hint(x->way[ENGINE_KERNEL].arg, why);
	if (x->now && why != -ENOENT && why != -ECONNREFUSED)
		return x->way[x->now].hint(x->way[x->now].arg, why);
	return "there is no media engine: start sluice-dp, or load the kernel engine with "
	       "`modprobe sluice` and start sluiced again";
}

struct either *either_new(const struct either_options *o)
{
	struct either *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->loop = o->loop;
	x->log = o->log;
	x->pick = o->pick;
	x->leads = o->leads;
	x->seqpacket = seqpacket_new(o->loop, o->log, o->path);
	x->genl = genl_new(o->loop, o->log);
	if (!x->seqpacket || !x->genl) {
		int err = errno;
		either_free(x);
		errno = err;
		return NULL;
	}
	x->way[ENGINE_DPDK] = seqpacket_transport(x->seqpacket);
	x->way[ENGINE_KERNEL] = genl_transport(x->genl);
	return x;
}

void either_free(struct either *x)
{
	if (!x)
		return;
	seqpacket_free(x->seqpacket);
	genl_free(x->genl);
	free(x);
}

static bool fixed(enum engine_kind want)
{
	return want == ENGINE_DPDK || want == ENGINE_KERNEL;
}

struct engine_transport either_transport(struct either *x, enum engine_kind want)
{
	if (fixed(want))
		return x->way[want];
	return (struct engine_transport){ .open = open_one,
					  .send = send_one,
					  .close = close_one,
					  .name = name,
					  .hint = hint,
					  .arg = x };
}
