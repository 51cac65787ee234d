/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_pause.h>
#include "punt.h"
#include "worker_priv.h"

#define SPIN_ROUNDS 200 /* empty ones before it sleeps */
#define NAP_MIN_US  50  /* where a device has nothing to wait on */
#define NAP_MAX_US  500
#define RCU_THREAD  0
#define PATIENCE_MS 10000
#define FDS_MAX     (1 + NETWORKS_MAX * QUEUES_MAX)
#define FRAME_AHEAD 3 /* packets that are fetched into the cache before they are parsed */

u64 worker_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

const struct dp_stats *worker_stats(const struct worker *w)
{
	return &w->stats;
}

struct trace *worker_trace(const struct worker *w)
{
	return w->trace;
}

/* ---- between worker and agent ---- */

static void ring_bell(int fd)
{
	ssize_t n = write(fd, &(u64){ 1 }, sizeof(u64));
	(void)n; /* a counter that is full is bell enough */
}

static void hush(int fd)
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

void worker_note(struct worker *w, const struct note *n)
{
	if (rte_ring_enqueue_elem(w->notes, (void *)(uintptr_t)n, sizeof(*n)))
		w->stats.events_lost++;
	w->tell = true;
}

bool worker_take_note(struct worker *w, struct note *out)
{
	return rte_ring_dequeue_elem(w->notes, out, sizeof(*out)) == 0;
}

void worker_order(struct worker *w, struct order *orders, unsigned n)
{
	struct pollfd pfd = { w->done_fd, POLLIN, 0 };
	for (unsigned i = 0; i < n; i++)
		rte_ring_enqueue(w->orders, &orders[i]); /* it is empty and large enough */
	w->posted += n;
	worker_wake(w);
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

static void carry_out(struct worker *w, struct order *o)
{
	if (o->kind == ORDER_PLAY) {
		o->played = path_play(w, &o->flow->path[!o->side][RELAY_RTP], o);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		struct path *path = &o->flow->path[i / 2][i % 2];
		if (o->kind == ORDER_RENEW)
			path_renew(w, path, o->rule);
		else
			path_forget(w, path);
	}
}

static void obey(struct worker *w)
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

/* ---- one burst ---- */

static void not_media(struct worker *w, const struct port *port, struct rte_mbuf *m,
		      unsigned reason)
{
	if (!port->punt) {
		drop(w, m, reason);
	} else if (punt_up(port->punt, m)) {
		w->stats.kernel_in++;
		w->tell = true;
	} else {
		drop(w, m, DP_DROP_KERNEL_FULL);
	}
}

/* What a packet of a learned source needs: see struct relay_dir; and where it goes. */
static void prefetch_path(const struct path *path)
{
	const char *hot = (const char *)&path->dir.rtp.received;
	rte_prefetch0(hot);
	rte_prefetch0(hot + RTE_CACHE_LINE_SIZE);
	rte_prefetch0(&path->rtp);
}

/* Parses a burst and finds the paths; what is left to relay is moved to the front. */
static unsigned parse(struct worker *w, const struct port *port, struct rte_mbuf **m, unsigned n,
		      struct packet *p, struct path **path)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n && i < FRAME_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned i = 0; i < n; i++) {
		bool ours;
		if (i + FRAME_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + FRAME_AHEAD], void *));
		int reason = rx_parse(w->ports, port, m[i], &p[left], &ours);
		if (reason >= 0) {
			if (ours)
				drop(w, m[i], (unsigned)reason);
			else
				not_media(w, port, m[i], (unsigned)reason);
			continue;
		}
		path[left] = media_table_find(w->table, p[left].net->conf->index, p[left].to);
		if (!path[left]) {
			drop(w, m[i], DP_DROP_NO_FLOW);
			continue;
		}
		prefetch_path(path[left]);
		left++;
	}
	return left;
}

static unsigned burst(struct worker *w, const struct port *port, uint16_t queue)
{
	struct rte_mbuf *m[BURST];
	struct packet p[BURST];
	struct path *path[BURST];
	u64 t0 = rte_rdtsc();
	unsigned n = rte_eth_rx_burst(port->id, queue, m, BURST);
	if (!n)
		return 0;
	u64 t1 = rte_rdtsc();
	unsigned left = parse(w, port, m, n, p, path);
	u64 t2 = rte_rdtsc();
	w->cycles_sent = 0;
	burst_relay(w, path, p, left);
	u64 t3 = rte_rdtsc();
	w->stats.bursts++;
	w->stats.packets_in += n;
	w->stats.cycles_rx += t1 - t0;
	w->stats.cycles_parse += t2 - t1;
	w->stats.cycles_relay += t3 - t2 - w->cycles_sent;
	w->stats.cycles_tx += w->cycles_sent;
	return n;
}

static unsigned from_kernel(struct worker *w, const struct port *port)
{
	struct rte_mbuf *m[BURST];
	unsigned n = punt_down(port->punt, m, BURST);
	for (unsigned i = 0; i < n; i++)
		send_frame(w, port, m[i]);
	w->stats.kernel_out += n;
	return n;
}

/* ---- rounds ---- */

static void tick(struct worker *w)
{
	if (w->now_us < w->next_tick_us)
		return;
	w->next_tick_us = w->now_us + TICK_US;
	/* Backwards: a path that stops ticking is replaced by the last one, which had its turn. */
	for (u32 i = w->n_ticking; i-- > 0;)
		path_tick(w, w->ticking[i]);
}

static unsigned one_round(struct worker *w)
{
	unsigned n = 0;
	w->now_us = worker_now_us();
	obey(w);
	if (unlikely(w->n_waiting))
		send_waiting(w); /* before the packets that come after them */
	for (unsigned i = 0; i < w->ports->n; i++) {
		const struct port *port = &w->ports->port[i];
		for (uint16_t q = 0; q < port->n_queues; q++)
			n += burst(w, port, q);
		if (port->punt)
			n += from_kernel(w, port);
	}
	if (w->n_ticking)
		tick(w);
	w->cycles_sent = 0;
	send_flush(w);
	w->stats.cycles_tx += w->cycles_sent;
	if (w->tell) {
		w->tell = false;
		ring_bell(w->notify_fd);
	}
	rte_rcu_qsbr_quiescent(w->table->rcu, RCU_THREAD);
	return n;
}

static unsigned collect_fds(const struct worker *w, struct pollfd *pfd, bool *deaf)
{
	unsigned n = 0;
	pfd[n++] = (struct pollfd){ w->wake_fd, POLLIN, 0 };
	*deaf = false;
	for (unsigned i = 0; i < w->ports->n; i++) {
		const struct port *port = &w->ports->port[i];
		*deaf |= port->fd[0] < 0;
		for (uint16_t q = 0; q < port->n_queues && port->fd[q] >= 0; q++)
			pfd[n++] = (struct pollfd){ port->fd[q], POLLIN, 0 };
	}
	return n;
}

/* An interface that went down leaves an error on its socket, which would end each wait at once. */
static void clear_errors(struct pollfd *pfd, unsigned n)
{
	bool any = false;
	for (unsigned i = 0; i < n; i++) {
		int err;
		socklen_t len = sizeof(err);
		if (pfd[i].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			getsockopt(pfd[i].fd, SOL_SOCKET, SO_ERROR, &err, &len);
			any = true;
		}
	}
	if (any)
		nanosleep(&(struct timespec){ .tv_nsec = TICK_US * 1000 }, NULL);
}

static u64 patience_us(const struct worker *w, bool deaf, u64 nap)
{
	if (deaf)
		return nap;
	return w->n_ticking || w->n_waiting ? TICK_US : UINT64_MAX;
}

static void rest(struct worker *w, struct pollfd *pfd, unsigned n, u64 us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000) * 1000 };
	atomic_store_explicit(&w->asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (rte_ring_empty(w->orders) && !atomic_load(&w->stop)) {
		w->stats.sleeps++;
		rte_rcu_qsbr_thread_offline(w->table->rcu, RCU_THREAD);
		int ready = ppoll(pfd, n, us == UINT64_MAX ? NULL : &ts, NULL);
		rte_rcu_qsbr_thread_online(w->table->rcu, RCU_THREAD);
		if (ready > 0 && pfd[0].revents)
			hush(w->wake_fd);
		if (ready > 0)
			clear_errors(pfd + 1, n - 1);
	}
	atomic_store_explicit(&w->asleep, false, memory_order_relaxed);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct pollfd pfd[FDS_MAX];
	bool deaf;
	unsigned n = collect_fds(w, pfd, &deaf), idle = 0;
	u64 nap = NAP_MIN_US;

	rte_thread_register(); /* for the packet pool's cache; works without, only slower */
	rte_rcu_qsbr_thread_register(w->table->rcu, RCU_THREAD);
	rte_rcu_qsbr_thread_online(w->table->rcu, RCU_THREAD);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		if (one_round(w)) {
			idle = 0;
			nap = NAP_MIN_US;
		} else if (++idle < SPIN_ROUNDS) {
			rte_pause();
		} else {
			rest(w, pfd, n, patience_us(w, deaf, nap));
			if (deaf && nap < NAP_MAX_US)
				nap += nap / 4;
			/* A wait that a packet ended is followed by polling, any other by the next
			 * wait. */
			idle = SPIN_ROUNDS - 2;
		}
	}
	send_drop_waiting(w);
	rte_rcu_qsbr_thread_offline(w->table->rcu, RCU_THREAD);
	rte_rcu_qsbr_thread_unregister(w->table->rcu, RCU_THREAD);
	rte_thread_unregister();
	return NULL;
}

/* ---- life ---- */

static int make(struct worker *w)
{
	w->waiting = calloc(WAITING_MAX, sizeof(*w->waiting));
	w->ticking = calloc(TICKING_MAX, sizeof(struct path *));
	w->held_pool = rte_mempool_create("held", HELD_MAX, sizeof(struct held), 0, 0, NULL, NULL,
					  NULL, NULL, SOCKET_ID_ANY, 0);
	w->orders = rte_ring_create("orders", ORDERS_MAX * 2, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->notes = rte_ring_create_elem("notes", sizeof(struct note), NOTES_MAX, SOCKET_ID_ANY,
					RING_F_SP_ENQ | RING_F_SC_DEQ);
	w->crypto = crypto_new();
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->trace = trace_new(1);
	if (!w->trace || !w->waiting || !w->ticking || !w->held_pool || !w->orders || !w->notes ||
	    !w->crypto || w->wake_fd < 0 || w->done_fd < 0)
		return -ENOMEM;
	return 0;
}

int worker_start(struct worker **out, struct ports *ports, struct media_table *table,
		 struct neigh *neigh, int notify, struct log *log)
{
	struct worker *w = calloc(1, sizeof(*w));
	*out = w;
	if (!w)
		return -ENOMEM;
	*w = (struct worker){ .ports = ports,
			      .table = table,
			      .neigh = neigh,
			      .log = log,
			      .wake_fd = -1,
			      .done_fd = -1,
			      .notify_fd = notify };
	int err = make(w);
	if (!err)
		err = -pthread_create(&w->thread, NULL, run, w);
	w->started = !err;
	if (err) {
		log_error(log, "worker", "no worker thread: %s", strerror(-err));
		worker_free(w);
		*out = NULL;
	}
	return err;
}

void worker_stop(struct worker *w)
{
	if (!w || !w->started)
		return;
	atomic_store(&w->stop, true);
	ring_bell(w->wake_fd);
	pthread_join(w->thread, NULL);
	w->started = false;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	worker_stop(w);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	if (w->done_fd >= 0)
		close(w->done_fd);
	rte_ring_free(w->orders);
	rte_ring_free(w->notes);
	rte_mempool_free(w->held_pool);
	crypto_free(w->crypto);
	trace_free(w->trace);
	free(w->ticking);
	free(w->waiting);
	free(w);
}
