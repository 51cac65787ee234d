/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include "punt.h"
#include "stray.h"
#include "worker_priv.h"

#define SPIN_ROUNDS 200 /* empty ones before it naps, where a device has nothing to wait on */
#define NAP_MIN_US  50  /* there */
#define NAP_MAX_US  500
/* Sockets of the kernel: a system call for each small burst costs more than its packets do. When so many packets came in
 * the last millisecond, a round that found few of them is followed by a pause in which more can come. */
#define GATHER_FROM 8
#define GATHER_US   200
#define GATHER_FEW  (BURST / 2)
#define RATE_US     1000
#define FDS_MAX     (1 + PORTS_MAX * QUEUES_MAX)
#define FRAME_AHEAD 3 /* packets that are fetched into the cache before they are parsed */

u64 worker_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

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

/* ---- between workers ---- */

static void hand_over(struct worker *w, unsigned owner, const struct port *port, struct rte_mbuf *m)
{
	struct away *away = &w->away[owner];
	m->port = port->id; /* not every driver sets it */
	away->m[away->n++] = m;
}

static void deliver(struct worker *w)
{
	for (unsigned i = 0; i < w->all->n; i++) {
		struct away *away = &w->away[i];
		struct worker *to = w->all->w[i];
		if (!away->n)
			continue;
		unsigned n = rte_ring_enqueue_burst(to->handed[w->index], (void **)away->m, away->n,
						    NULL);
		w->stats.handed_over += n;
		while (n < away->n)
			drop(w, away->m[n++], DP_DROP_HANDED_FULL);
		away->n = 0;
		worker_wake(to);
	}
}

static bool nothing_handed(const struct worker *w)
{
	for (unsigned i = 0; i < w->all->n; i++)
		if (!rte_ring_empty(w->handed[i]))
			return false;
	return true;
}

/* ---- one burst ---- */

/* All fragments of a datagram have to come together: at the worker of the port's first queue, whichever queue the device
 * chose for each. NULL: not whole yet, or not here. */
static struct rte_mbuf *fragment(struct worker *w, const struct port *port, struct rte_mbuf *m,
				 bool first)
{
	unsigned owner = share_reader(&port->share, 0);
	if (owner == w->index)
		return frag_take(w, port, m, first);
	hand_over(w, owner, port, m);
	return NULL;
}

/* Takes one packet apart. False: it is none to relay, and taken care of. */
static bool parse_one(struct worker *w, const struct port *port, struct rte_mbuf *m,
		      struct packet *p)
{
	bool ours;
	int reason = rx_parse(w->ports, port, m, p, &ours);
	if (unlikely(reason == DP_DROP_RX_FRAGMENT)) {
		m = fragment(w, port, m, ours);
		if (!m)
			return false;
		reason = rx_parse(w->ports, port, m, p, &ours);
	}
	if (likely(reason < 0))
		return true;
	if (ours)
		drop(w, m, (unsigned)reason);
	else
		not_media(w, port, m, (unsigned)reason);
	return false;
}

/* Parses a burst; what is left is moved to the front. port: NULL where another worker received the packets, of several
 * ports. */
static unsigned parse(struct worker *w, const struct port *port, struct rte_mbuf **m, unsigned n,
		      struct packet *p)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n && i < FRAME_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned i = 0; i < n; i++) {
		if (i + FRAME_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + FRAME_AHEAD], void *));
		if (!parse_one(w, port ? port : port_of(w, m[i]), m[i], &p[left]))
			continue;
		media_table_prefetch(w->table, p[left].net->index, p[left].to);
		left++;
	}
	return left;
}

/* Finds the paths of parsed packets; those of other workers go there. How many are left. */
static unsigned find(struct worker *w, struct packet *p, unsigned n, struct path **path)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n; i++) {
		uintptr_t slot = media_table_slot(w->table, p[i].net->index, p[i].to);
		if (!slot) {
			drop(w, p[i].m, DP_DROP_NO_FLOW);
		} else if (unlikely(slot_owner(slot) != w->index)) {
			hand_over(w, slot_owner(slot), p[i].net->port, p[i].m);
		} else {
			path[left] = slot_path(slot);
			prefetch_path(path[left]);
			if (left != i)
				p[left] = p[i];
			left++;
		}
	}
	return left;
}

static void relay(struct worker *w, const struct port *port, struct rte_mbuf **m, unsigned n)
{
	struct packet p[BURST];
	struct path *path[BURST];
	u64 t1 = rte_rdtsc();
	unsigned left = find(w, p, parse(w, port, m, n, p), path);
	if (w->all->n > 1)
		deliver(w);
	u64 t2 = rte_rdtsc();
	w->cycles_sent = 0;
	burst_relay(w, path, p, left);
	u64 t3 = rte_rdtsc();
	w->stats.cycles_parse += t2 - t1;
	w->stats.cycles_relay += t3 - t2 - w->cycles_sent;
	w->stats.cycles_tx += w->cycles_sent;
}

static unsigned receive(struct worker *w, const struct port *port, uint16_t queue)
{
	struct rte_mbuf *m[BURST];
	u64 t0 = rte_rdtsc();
	unsigned n = rte_eth_rx_burst(port->id, queue, m, BURST);
	if (port->stray && queue == 0 && n < BURST)
		n += stray_take(port->stray, m + n, BURST - n);
	if (!n)
		return 0;
	w->stats.cycles_rx += rte_rdtsc() - t0;
	w->stats.bursts++;
	w->stats.packets_in += n;
	relay(w, port, m, n);
	return n;
}

static unsigned from_workers(struct worker *w)
{
	struct rte_mbuf *m[BURST];
	unsigned all = 0;
	for (unsigned i = 0; i < w->all->n; i++) {
		if (rte_ring_empty(w->handed[i]))
			continue;
		unsigned n = rte_ring_dequeue_burst(w->handed[i], (void **)m, BURST, NULL);
		relay(w, NULL, m, n);
		all += n;
	}
	return all;
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
	if (frags_waiting(w->frags))
		frags_tick(w);
	/* Backwards: a path that stops ticking is replaced by the last one, which had its turn. */
	for (u32 i = w->n_ticking; i-- > 0;)
		path_tick(w, w->ticking[i]);
}

unsigned worker_round(struct worker *w, u64 now_us)
{
	unsigned n = 0;
	w->now_us = now_us;
	worker_obey(w);
	if (unlikely(w->n_waiting))
		send_waiting(w); /* before the packets that come after them */
	for (unsigned i = 0; i < w->ports->n; i++) {
		const struct port *port = &w->ports->port[i];
		for (uint16_t q = 0; q < port->n_queues; q++)
			if (share_reader(&port->share, q) == w->index)
				n += receive(w, port, q);
		if (port->punt && share_reader(&port->share, 0) == w->index)
			n += from_kernel(w, port);
	}
	if (w->all->n > 1)
		n += from_workers(w);
	if (w->n_ticking || unlikely(frags_waiting(w->frags)))
		tick(w);
	w->cycles_sent = 0;
	send_flush(w);
	w->stats.cycles_tx += w->cycles_sent;
	if (w->tell) {
		w->tell = false;
		ring_bell(w->notify_fd);
	}
	rte_rcu_qsbr_quiescent(w->table->rcu, w->index);
	return n;
}

static unsigned collect_fds(const struct worker *w, struct pollfd *pfd, bool *deaf)
{
	unsigned n = 0;
	pfd[n++] = (struct pollfd){ w->wake_fd, POLLIN, 0 };
	*deaf = false;
	for (unsigned i = 0; i < w->ports->n; i++) {
		const struct port *port = &w->ports->port[i];
		for (uint16_t q = 0; q < port->n_queues; q++) {
			if (share_reader(&port->share, q) != w->index)
				continue;
			if (port->fd[q] >= 0)
				pfd[n++] = (struct pollfd){ port->fd[q], POLLIN, 0 };
			else
				*deaf = true;
		}
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
	return w->n_ticking || w->n_waiting || frags_waiting(w->frags) ? TICK_US : UINT64_MAX;
}

static void rest(struct worker *w, struct pollfd *pfd, unsigned n, u64 us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000) * 1000 };
	atomic_store_explicit(&w->asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (rte_ring_empty(w->orders) && nothing_handed(w) && !atomic_load(&w->stop)) {
		w->stats.sleeps++;
		rte_rcu_qsbr_thread_offline(w->table->rcu, w->index);
		u64 since = rte_rdtsc();
		atomic_store_explicit(&w->asleep_since, since, memory_order_relaxed);
		int ready = ppoll(pfd, n, us == UINT64_MAX ? NULL : &ts, NULL);
		atomic_store_explicit(&w->asleep_since, 0, memory_order_relaxed);
		w->stats.cycles_asleep += rte_rdtsc() - since;
		rte_rcu_qsbr_thread_online(w->table->rcu, w->index);
		if (ready > 0 && pfd[0].revents)
			hush(w->wake_fd);
		if (ready > 0)
			clear_errors(pfd + 1, n - 1);
	}
	atomic_store_explicit(&w->asleep, false, memory_order_relaxed);
}

/* How many packets come in a millisecond, of late. */
static void count_rate(struct worker *w, unsigned n)
{
	u64 since = w->now_us - w->rate_since_us;
	w->rate_n += n;
	if (since < RATE_US)
		return;
	w->rate = (u32)(w->rate_n * (u64)RATE_US / since);
	w->rate_n = 0;
	w->rate_since_us = w->now_us;
}

/* After a round with n packets: without a pause to the next one, with a short one, or until there are packets. */
static void pause_kernel(struct worker *w, struct pollfd *pfd, unsigned fds, unsigned n)
{
	if (n < GATHER_FEW && w->rate >= GATHER_FROM)
		rest(w, pfd, 1, GATHER_US);
	else if (!n)
		rest(w, pfd, fds, patience_us(w, false, 0));
}

/* The same where a device has no socket: it is asked again and again, and less often when nothing comes. */
static void pause_deaf(struct worker *w, struct pollfd *pfd, unsigned fds, unsigned n)
{
	if (n) {
		w->idle = 0;
		w->nap_us = NAP_MIN_US;
	} else if (++w->idle < SPIN_ROUNDS) {
		rte_pause();
	} else {
		rest(w, pfd, fds, patience_us(w, true, w->nap_us));
		if (w->nap_us < NAP_MAX_US)
			w->nap_us += w->nap_us / 4;
		/* A wait that a packet ended is followed by polling, any other by the next wait. */
		w->idle = SPIN_ROUNDS - 2;
	}
}

void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct pollfd pfd[FDS_MAX];
	bool deaf;
	unsigned fds = collect_fds(w, pfd, &deaf);

	w->nap_us = NAP_MIN_US;
	prctl(PR_SET_TIMERSLACK,
	      1000);           /* ns; of 50 us, as usual, a pause would be half as long again */
	rte_thread_register(); /* for the packet pool's cache; works without, only slower */
	rte_rcu_qsbr_thread_register(w->table->rcu, w->index);
	rte_rcu_qsbr_thread_online(w->table->rcu, w->index);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		unsigned n = worker_round(w, worker_now_us());
		count_rate(w, n);
		if (deaf)
			pause_deaf(w, pfd, fds, n);
		else
			pause_kernel(w, pfd, fds, n);
	}
	send_drop_waiting(w);
	rte_rcu_qsbr_thread_offline(w->table->rcu, w->index);
	rte_rcu_qsbr_thread_unregister(w->table->rcu, w->index);
	rte_thread_unregister();
	return NULL;
}
