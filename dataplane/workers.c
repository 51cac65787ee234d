/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <rte_cycles.h>
#include <rte_mempool.h>
#include "worker_priv.h"

/* ---- one ---- */

static struct rte_ring *ring(const char *what, unsigned of, unsigned by, unsigned elem,
			     unsigned size)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof(name), "%s%u.%u", what, of, by);
	return rte_ring_create_elem(name, elem, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int make(struct worker *w, unsigned n)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	bool all = true;
	snprintf(name, sizeof(name), "held%u", w->index);
	w->waiting = calloc(WAITING_MAX, sizeof(*w->waiting));
	w->frags = frags_new();
	w->part_id = (u32)rte_rdtsc();
	w->ticking = calloc(TICKING_MAX, sizeof(struct path *));
	w->held_pool = rte_mempool_create(name, HELD_MAX, sizeof(struct held), 0, 0, NULL, NULL,
					  NULL, NULL, SOCKET_ID_ANY, 0);
	w->orders = ring("orders", w->index, 0, sizeof(void *), ORDERS_MAX * 2);
	w->notes = ring("notes", w->index, 0, sizeof(struct note), NOTES_MAX);
	for (unsigned i = 0; i < n; i++) {
		w->handed[i] = ring("handed", w->index, i, sizeof(void *), HANDED_MAX);
		all &= w->handed[i] != NULL;
	}
	w->trace = trace_new(n);
	w->crypto = crypto_new();
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!w->trace || !w->crypto || !w->waiting || !w->ticking || !w->frags || !w->held_pool ||
	    !w->orders || !w->notes || !all || w->wake_fd < 0 || w->done_fd < 0)
		return -ENOMEM;
	return 0;
}

static struct worker *new (struct workers *ws, const struct worker_parts *parts, unsigned index)
{
	struct worker *w =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*w), RTE_CACHE_LINE_SIZE));
	if (!w)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->index = index;
	w->began = rte_rdtsc();
	w->all = ws;
	w->ports = parts->ports;
	w->table = parts->table;
	w->neigh = parts->neigh;
	w->log = parts->log;
	w->notify_fd = parts->notify;
	w->wake_fd = w->done_fd = -1;
	return w;
}

static void empty(struct rte_ring *r)
{
	void *m;
	while (r && rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

static void release(struct worker *w)
{
	struct note n;
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->done_fd >= 0)
		close(w->done_fd);
	while (w->notes && rte_ring_dequeue_elem(w->notes, &n, sizeof(n)) == 0)
		rte_pktmbuf_free(n.m);
	rte_ring_free(w->orders);
	rte_ring_free(w->notes);
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		empty(w->handed[i]);
	rte_mempool_free(w->held_pool);
	frags_free(w->frags);
	trace_free(w->trace);
	crypto_free(w->crypto);
	free(w->ticking);
	free(w->waiting);
	free(w);
}

/* ---- all ---- */

/* A worker that waits for the core of another one, or of the agent, would lose packets. */
static void pin(struct workers *ws)
{
	cpu_set_t all, rest;
	if (ws->n == 1 || sched_getaffinity(0, sizeof(all), &all) || CPU_COUNT(&all) < (int)ws->n)
		return;
	rest = all;
	unsigned cpu = CPU_SETSIZE;
	for (unsigned i = 0; i < ws->n; i++) {
		cpu_set_t one;
		do
			cpu--;
		while (!CPU_ISSET(cpu, &all));
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		CPU_CLR(cpu, &rest);
		pthread_setaffinity_np(ws->w[i]->thread, sizeof(one), &one);
	}
	if (CPU_COUNT(&rest))
		sched_setaffinity(0, sizeof(rest), &rest);
}

int workers_new(struct workers **out, const struct worker_parts *parts)
{
	struct workers *ws = *out = calloc(1, sizeof(*ws));
	if (!ws)
		return -ENOMEM;
	ws->log = parts->log;
	int err = 0;
	for (unsigned i = 0; i < parts->ports->n_workers && !err; i++) {
		ws->w[i] = new (ws, parts, i);
		ws->n += ws->w[i] != NULL;
		err = ws->w[i] ? make(ws->w[i], parts->ports->n_workers) : -ENOMEM;
	}
	if (err) {
		log_error(parts->log, "worker", "no memory for workers");
		workers_free(ws);
		*out = NULL;
	}
	return err;
}

int workers_start(struct workers *ws)
{
	int err = 0;
	for (unsigned i = 0; i < ws->n && !err; i++) {
		struct worker *w = ws->w[i];
		err = -pthread_create(&w->thread, NULL, worker_run, w);
		w->started = !err;
	}
	if (err)
		log_error(ws->log, "worker", "no worker threads: %s", strerror(-err));
	else
		pin(ws);
	return err;
}

void workers_stop(struct workers *ws)
{
	for (unsigned i = 0; ws && i < ws->n; i++)
		atomic_store(&ws->w[i]->stop, true);
	for (unsigned i = 0; ws && i < ws->n; i++) {
		struct worker *w = ws->w[i];
		if (!w->started)
			continue;
		ring_bell(w->wake_fd);
		pthread_join(w->thread, NULL);
		w->started = false;
	}
}

void workers_free(struct workers *ws)
{
	if (!ws)
		return;
	workers_stop(ws);
	for (unsigned i = 0; i < ws->n; i++)
		release(ws->w[i]);
	free(ws);
}

void workers_stats(const struct workers *ws, struct dp_stats *sum)
{
	u64 *to = (u64 *)sum;
	memset(sum, 0, sizeof(*sum));
	for (unsigned i = 0; i < ws->n; i++) {
		const u64 *from = (const u64 *)&ws->w[i]->stats;
		u64 now = rte_rdtsc(),
		    since = atomic_load_explicit(&ws->w[i]->asleep_since, memory_order_relaxed);
		for (size_t k = 0; k < sizeof(*sum) / sizeof(u64); k++)
			to[k] += from[k];
		sum->cycles_asleep += since && since < now ? now - since : 0;
		sum->cycles_all += now - ws->w[i]->began;
	}
}

unsigned workers_traces(const struct workers *ws, struct trace **out)
{
	for (unsigned i = 0; i < ws->n; i++)
		out[i] = ws->w[i]->trace;
	return ws->n;
}
