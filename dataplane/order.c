/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "worker_priv.h"

#define PATIENCE_MS 10000

void ring_bell(int fd)
{
	ssize_t n = write(fd, &(u64){ 1 }, sizeof(u64));
	(void)n; /* a counter that is full is bell enough */
}

void hush(int fd)
{
	u64 count;
	ssize_t n = read(fd, &count, sizeof(count));
	(void)n;
}

void worker_wake(struct worker *w)
{
	/* The store before this call, then the load; rest() does it the other way round. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->asleep, memory_order_relaxed))
		ring_bell(w->wake_fd);
}

void workers_wake(struct workers *ws)
{
	for (unsigned i = 0; i < ws->n; i++)
		worker_wake(ws->w[i]);
}

/* ---- the agent's side ---- */

static bool concerns(const struct worker *w, const struct order *o)
{
	if (o->kind == ORDER_PLAY || o->kind == ORDER_SEND)
		return is_mine(w, &o->flow->path[!o->side][RELAY_RTP]);
	return is_mine(w, &o->flow->path[0][RELAY_RTP]) || is_mine(w, &o->flow->path[1][RELAY_RTP]);
}

static void await(struct worker *w)
{
	struct pollfd pfd = { w->done_fd, POLLIN, 0 };
	while (atomic_load_explicit(&w->done, memory_order_acquire) != w->posted) {
		if (poll(&pfd, 1, PATIENCE_MS) == 0) {
			/* Neither may anything be freed now, nor can the flows be trusted. What the
			 * process holds in the kernel goes with its descriptors. */
			log_error(w->log, "worker", "no answer for %d s: giving up",
				  PATIENCE_MS / 1000);
			abort();
		}
		hush(w->done_fd);
	}
}

void workers_order(struct workers *ws, struct order *orders, unsigned n)
{
	for (unsigned i = 0; i < ws->n; i++) {
		struct worker *w = ws->w[i];
		u64 before = w->posted;
		for (unsigned k = 0; k < n; k++) {
			if (!concerns(w, &orders[k]))
				continue;
			rte_ring_enqueue(w->orders, &orders[k]); /* it is empty and large enough */
			w->posted++;
		}
		if (w->posted != before)
			worker_wake(w);
	}
	for (unsigned i = 0; i < ws->n; i++)
		await(ws->w[i]);
}

/* ---- the worker's ---- */

static void carry_out(struct worker *w, struct order *o)
{
	if (o->kind == ORDER_PLAY) {
		o->played = path_play(w, &o->flow->path[!o->side][RELAY_RTP], o);
		return;
	}
	if (o->kind == ORDER_SEND) {
		path_send(w, &o->flow->path[!o->side][o->component], o);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		struct path *path = &o->flow->path[i / 2][i % 2];
		if (!is_mine(w, path))
			continue;
		if (o->kind == ORDER_RENEW)
			path_renew(w, path, o->rule);
		else
			path_forget(w, path);
	}
}

void worker_obey(struct worker *w)
{
	void *item;
	u64 n = 0;
	if (likely(rte_ring_empty(w->orders)))
		return;
	while (rte_ring_dequeue(w->orders, &item) == 0) {
		carry_out(w, item);
		n++;
	}
	atomic_fetch_add_explicit(&w->done, n, memory_order_release);
	ring_bell(w->done_fd);
}
