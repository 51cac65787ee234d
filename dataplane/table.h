/* SPDX-License-Identifier: Apache-2.0 */
/* The table: local address and UDP port -> path. One direct index for each network, as a hash of
 * addresses and ports would cost twice as much a packet. The agent writes, workers read without
 * locks.
 *
 * A *path* is one direction of relay.h and what the engine needs to send it on. A *dp_flow* is a
 * flow of control with its four paths. Its *rule* is immutable once published. Rules and flows that
 * are not used any more are freed after a grace period of all workers. */
#ifndef SLUICE_DP_TABLE_H
#define SLUICE_DP_TABLE_H

#include <stdatomic.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#include <rte_rcu_qsbr.h>
#include "base/table.h"
#include "rule.h"

struct held;
struct hop;

/* The worker's, once it is published. What is here besides the direction is one cache line, which each packet needs. */
struct path {
	struct relay_dir dir;
	struct path *rtp;                          /* of the same side; this one where it is RTP */
	const struct network *out;                 /* where the other side is */
	struct hop *hop;                           /* last used */
	struct crypto_key *open, *open_old, *seal; /* the rule's; NULL: none */
	struct held *held; /* packets of unproven sources; NULL most of the time */
	u32 ticking;       /* place in the worker's list of ticking paths, from 1; 0: not in it */
	u8 owner;          /* worker; that of the other component of the side, too. Constant */
	u8 event_pt;       /* of telephone-event in what comes in, or FLOW_PT_NONE */
} __rte_cache_aligned;

_Static_assert(sizeof(struct path) == sizeof(struct relay_dir) + RTE_CACHE_LINE_SIZE,
	       "one cache line besides the direction");

struct dp_flow {
	struct path path[2][2]; /* [side][component]; first, see path_flow() */
	/* the agent's */
	struct table_node by_id;
	struct rule *rule;       /* owned, until it is retired */
	struct relay_srtp *srtp; /* of the four directions; NULL: none ever needed it */
	u64 created_us;
	u32 place; /* in the agent's list of flows */
};

static inline void path_take_rule(struct path *p, const struct rule *rule)
{
	p->out = rule->net[!p->dir.side];
	p->event_pt = rule->flow.side[p->dir.side].dtmf_in;
	p->open = rule->in[p->dir.side];
	p->open_old = rule->old[p->dir.side];
	p->seal = rule->out[!p->dir.side];
}

static inline struct dp_flow *path_flow(struct path *p)
{
	return (struct dp_flow *)(p - (2 * p->dir.side + p->dir.component));
}

/* What its direction is given as relay_dir.srtp. */
static inline struct relay_srtp *flow_srtp(const struct dp_flow *f, unsigned side,
					   unsigned component)
{
	return f->srtp ? &f->srtp[2 * side + component] : NULL;
}

struct media_table {
	_Atomic uintptr_t *slot[NETWORKS_MAX]; /* 65536 each, by UDP port */
	size_t octets;                         /* of all slots, which follow each other */
	struct slab *flows;
	struct rte_rcu_qsbr *rcu;
	struct rte_rcu_qsbr_dq *retired;
};

int media_table_open(struct media_table *t, unsigned n_networks, unsigned workers);
/* Workers have stopped. Frees what is retired; flows in the table are the caller's. */
void media_table_close(struct media_table *t);

/* A slot is a path with its owner in the bits that alignment leaves, so that who hands a packet over does not touch
 * the path. 0: none. */
#define SLOT_OWNER ((uintptr_t)WORKERS_MAX - 1)

static inline uintptr_t media_table_slot(const struct media_table *t, unsigned network, u16 port)
{
	return atomic_load_explicit(&t->slot[network][port], memory_order_acquire);
}

static inline void media_table_prefetch(const struct media_table *t, unsigned network, u16 port)
{
	rte_prefetch0((const void *)&t->slot[network][port]);
}

static inline struct path *slot_path(uintptr_t slot)
{
	return (struct path *)(slot & ~SLOT_OWNER);
}

static inline unsigned slot_owner(uintptr_t slot)
{
	return (unsigned)(slot & SLOT_OWNER);
}

static inline struct path *media_table_find(const struct media_table *t, unsigned network, u16 port)
{
	return slot_path(media_table_slot(t, network, port));
}

/* Publishes the paths of f at the addresses of `rule` and takes back those of f->rule (may be
 * NULL) that it does not have any more; those of both are found at any time. -EADDRINUSE changes nothing: another flow has one of the ports. */
int media_table_set(struct media_table *t, struct dp_flow *f, const struct rule *rule);
void media_table_clear(struct media_table *t, struct dp_flow *f); /* those of f->rule */

/* Lets `release` free `p` (NULL is fine) after the workers' grace period, on this thread; owners have let go
 * of it before. */
void media_table_retire(struct media_table *t, void *p, void (*release)(void *));
/* Frees what has had its grace period; returns how much is left. */
unsigned media_table_reclaim(struct media_table *t);

#endif
