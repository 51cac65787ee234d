/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include "split.h"
#include "worker_priv.h"

static unsigned put(struct worker *w, struct port *port, struct out *o)
{
	uint16_t q = (uint16_t)share_sender(port, w->index);
	bool crowded = share_crowded(port);
	if (crowded)
		rte_spinlock_lock(&port->sending[q]);
	/* Some drivers want to have a look at what is left to the device. */
	unsigned n = port->sums ? rte_eth_tx_prepare(port->id, q, o->m, (uint16_t)o->n) : o->n;
	unsigned sent = rte_eth_tx_burst(port->id, q, o->m, (uint16_t)n);
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

/* Its headers are those that it should have left with. `path`: NULL where it may be gone. */
static void lose(struct worker *w, const struct path *path, struct packet *p, unsigned reason)
{
	if (path)
		p->trace = trace_tag(&path->dir);
	if (p->trace.flow_id)
		trace_out(w->trace, &p->trace, p->m, w->now_us, reason);
	drop(w, p->m, reason);
}

/* Longer than the device takes: in parts. */
static void emit_parts(struct worker *w, const struct path *path, struct packet *p,
		       const struct network *net)
{
	struct rte_mbuf *part[SPLIT_MAX];
	int n = split(p->m, net, w->ports->pool, w->part_id++, part);
	if (n < 0) {
		lose(w, path, p, n == -EMSGSIZE ? DP_DROP_TX_MTU : DP_DROP_TX_NO_ROOM);
		return;
	}
	rte_pktmbuf_free(p->m);
	w->stats.split++;
	for (int i = 0; i < n; i++)
		send_frame(w, net->port, part[i]);
}

static inline void emit(struct worker *w, const struct path *path, struct packet *p,
			const struct network *net, const struct relay_plan *plan, u64 to_mac)
{
	if (unlikely(!tx_rewrite(p, net, plan, to_mac))) {
		lose(w, path, p, DP_DROP_TX_NO_ROOM);
		return;
	}
	if (unlikely(p->trace.flow_id))
		trace_out(w->trace, &p->trace, p->m, w->now_us, TRACE_RELAYED);
	if (unlikely(tx_length(p, net) > net->port->mtu))
		emit_parts(w, path, p, net);
	else
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

static void ask(struct worker *w, const struct hop_key *key)
{
	struct note n = { .want = key->place };
	memcpy(n.source.ip, key->ip, sizeof(n.source.ip));
	worker_note(w, &n);
}

static struct waiting *waiting_for(struct worker *w, const struct hop_key *key,
				   const struct network *net)
{
	for (unsigned i = 0; i < w->n_waiting; i++)
		if (memcmp(&w->waiting[i].key, key, sizeof(*key)) == 0)
			return &w->waiting[i];
	ask(w, key);
	if (w->n_waiting == WAITING_MAX)
		return NULL;
	struct waiting *wait = &w->waiting[w->n_waiting++];
	wait->key = *key;
	wait->net = net;
	wait->since_us = w->now_us;
	wait->n = 0;
	return wait;
}

static void wait_for(struct worker *w, const struct hop_key *key, const struct path *path,
		     const struct packet *p, const struct relay_plan *plan)
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
	struct hop *hop = neigh_find(w->neigh, &wait->key);
	u64 link = hop ? atomic_load_explicit(&hop->link, memory_order_acquire) : 0;
	if (!(link & (HOP_KNOWN | HOP_NEVER)) && w->now_us - wait->since_us < WAIT_US)
		return false;
	for (unsigned i = 0; i < wait->n; i++) {
		struct packet *p = &wait->packet[i];
		if (!(link & HOP_KNOWN)) {
			unsigned reason =
				link & HOP_NEVER ? DP_DROP_NEIGH_NO_ROUTE : DP_DROP_NEIGH_WAIT;
			lose(w, NULL, p, reason);
			continue;
		}
		emit(w, NULL, p, wait->net, &wait->plan[i], link);
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

static struct hop *hop_of(struct worker *w, struct path *path, const struct hop_key *key)
{
	struct hop *hop = path->hop;
	if (likely(hop && hop_is(hop, key)))
		return hop;
	path->hop = neigh_find(w->neigh, key);
	return path->hop;
}

void send_packet(struct worker *w, struct path *path, struct packet *p,
		 const struct relay_plan *plan)
{
	const struct network *net = path->out;
	u32 now = (u32)(w->now_us / 1000000);
	struct hop_key key = hop_key(net->index, plan->dst.ip);
	struct hop *hop = hop_of(w, path, &key);
	u64 link = hop ? atomic_load_explicit(&hop->link, memory_order_acquire) : 0;
	if (hop && atomic_load_explicit(&hop->used, memory_order_relaxed) != now)
		atomic_store_explicit(&hop->used, now, memory_order_relaxed);
	if (likely(link & HOP_KNOWN)) {
		emit(w, path, p, net, plan, link);
	} else if (link & HOP_NEVER) {
		refuse(w, path, p, DP_DROP_NEIGH_NO_ROUTE);
	} else {
		wait_for(w, &key, path, p, plan);
	}
}
