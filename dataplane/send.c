/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include "worker_priv.h"

static unsigned put(struct worker *w, struct port *port, struct out *o)
{
	uint16_t q = (uint16_t)share_sender(port, w->index);
	bool crowded = share_crowded(port);
	if (crowded)
		rte_spinlock_lock(&port->sending[q]);
	unsigned sent = rte_eth_tx_burst(port->id, q, o->m, (uint16_t)o->n);
	if (crowded)
		rte_spinlock_unlock(&port->sending[q]);
	return sent;
}

static void flush_port(struct worker *w, unsigned i)
{
	struct out *o = &w->out[i];
	if (!o->n)
		return;
	u64 before = rte_rdtsc();
	unsigned sent = put(w, &w->ports->port[i], o);
	w->stats.packets_out += sent;
	while (sent < o->n)
		drop(w, o->m[sent++], DP_DROP_TX_FULL);
	o->n = 0;
	w->cycles_sent += rte_rdtsc() - before;
}

void send_flush(struct worker *w)
{
	for (unsigned i = 0; i < w->ports->n; i++)
		flush_port(w, i);
}

void send_frame(struct worker *w, const struct port *port, struct rte_mbuf *m)
{
	unsigned i = (unsigned)(port - w->ports->port);
	struct out *o = &w->out[i];
	w->stats.octets_out += m->pkt_len;
	o->m[o->n++] = m;
	if (o->n == BURST)
		flush_port(w, i);
}

static inline void leave(struct worker *w, const struct network *net, const struct packet *p)
{
	if (unlikely(p->trace.flow_id))
		trace_out(w->trace, &p->trace, p->m, w->now_us, TRACE_RELAYED);
	send_frame(w, net->port, p->m);
}

/* Its headers are still those that it came with. */
static void refuse(struct worker *w, const struct path *path, const struct packet *p,
		   unsigned reason)
{
	trace_drop(w->trace, &path->dir, p->m, w->now_us, reason);
	drop(w, p->m, reason);
}

/* ---- next hops that are being resolved ---- */

static void ask(struct worker *w, u64 key)
{
	struct note n = { .want = key };
	worker_note(w, &n);
}

static struct waiting *waiting_for(struct worker *w, u64 key, const struct network *net)
{
	for (unsigned i = 0; i < w->n_waiting; i++)
		if (w->waiting[i].key == key)
			return &w->waiting[i];
	ask(w, key);
	if (w->n_waiting == WAITING_MAX)
		return NULL;
	struct waiting *wait = &w->waiting[w->n_waiting++];
	wait->key = key;
	wait->net = net;
	wait->since_us = w->now_us;
	wait->n = 0;
	return wait;
}

static void wait_for(struct worker *w, u64 key, const struct path *path, const struct packet *p,
		     const struct relay_plan *plan)
{
	struct waiting *wait = waiting_for(w, key, path->out);
	if (!wait || wait->n == WAIT_EACH) {
		refuse(w, path, p, DP_DROP_NEIGH_WAIT);
		return;
	}
	wait->packet[wait->n] = *p;
	wait->plan[wait->n++] = *plan;
}

/* True when the entry is done with. */
static bool settle(struct worker *w, struct waiting *wait)
{
	struct hop *hop = neigh_find(w->neigh, wait->key);
	u64 link = hop ? atomic_load_explicit(&hop->link, memory_order_acquire) : 0;
	if (!(link & (HOP_KNOWN | HOP_NEVER)) && w->now_us - wait->since_us < WAIT_US)
		return false;
	for (unsigned i = 0; i < wait->n; i++) {
		struct packet *p = &wait->packet[i];
		if (!(link & HOP_KNOWN)) {
			unsigned reason =
				link & HOP_NEVER ? DP_DROP_NEIGH_NO_ROUTE : DP_DROP_NEIGH_WAIT;
			if (p->trace.flow_id)
				trace_out(w->trace, &p->trace, p->m, w->now_us, reason);
			drop(w, p->m, reason);
			continue;
		}
		tx_rewrite(p, &wait->plan[i],
			   atomic_load_explicit(&wait->net->port->mac, memory_order_relaxed), link);
		leave(w, wait->net, p);
	}
	return true;
}

void send_waiting(struct worker *w)
{
	for (unsigned i = 0; i < w->n_waiting;) {
		if (settle(w, &w->waiting[i]))
			w->waiting[i] = w->waiting[--w->n_waiting];
		else
			i++;
	}
}

void send_drop_waiting(struct worker *w)
{
	while (w->n_waiting) {
		struct waiting *wait = &w->waiting[--w->n_waiting];
		while (wait->n)
			drop(w, wait->packet[--wait->n].m, DP_DROP_NEIGH_WAIT);
	}
}

/* ---- the common case ---- */

static struct hop *hop_of(struct worker *w, struct path *path, u64 key)
{
	struct hop *hop = path->hop;
	if (likely(hop && atomic_load_explicit(&hop->key, memory_order_acquire) == key))
		return hop;
	path->hop = neigh_find(w->neigh, key);
	return path->hop;
}

void send_packet(struct worker *w, struct path *path, struct packet *p,
		 const struct relay_plan *plan)
{
	const struct network *net = path->out;
	u32 ip, now = (u32)(w->now_us / 1000000);
	memcpy(&ip, plan->dst.ip, sizeof(ip));
	u64 key = hop_key(net->conf->index, ip);
	struct hop *hop = hop_of(w, path, key);
	u64 link = hop ? atomic_load_explicit(&hop->link, memory_order_acquire) : 0;
	if (unlikely(p->r.len + SEND_HEADERS - 14 > net->port->mtu)) {
		refuse(w, path, p, DP_DROP_TX_MTU);
		return;
	}
	if (hop && atomic_load_explicit(&hop->used, memory_order_relaxed) != now)
		atomic_store_explicit(&hop->used, now, memory_order_relaxed);
	if (likely(link & HOP_KNOWN)) {
		tx_rewrite(p, plan, atomic_load_explicit(&net->port->mac, memory_order_relaxed),
			   link);
		leave(w, net, p);
	} else if (link & HOP_NEVER) {
		refuse(w, path, p, DP_DROP_NEIGH_NO_ROUTE);
	} else {
		wait_for(w, key, path, p, plan);
	}
}
