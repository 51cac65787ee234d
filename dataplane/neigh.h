/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a packet for an address go next? The kernel's routes and neighbours, followed live.
 *
 * A *hop* is one destination on one network with the hardware address of its next hop. The agent
 * makes, fills and retires hops; workers find them without locks. A hop's two words are atomics
 * because the agent changes them under the workers' eyes; a worker may keep a pointer to a hop for
 * ever, as hops are never freed, and compares the key each time: a retired hop has key 0, and is
 * given to another destination only after a grace period. */
#ifndef SLUICE_DP_NEIGH_H
#define SLUICE_DP_NEIGH_H

#include <rte_rcu_qsbr.h>
#include "base/loop.h"
#include "port.h"

#define HOP_KNOWN (1ULL << 48) /* the lower 48 bits are the hardware address */
#define HOP_NEVER (1ULL << 49) /* no route, or the destination is this host */

struct hop {
	_Atomic u64 key;  /* hop_key(); 0: retired */
	_Atomic u64 link; /* HOP_KNOWN | address, HOP_NEVER, or 0: being resolved */
	_Atomic u32 used; /* seconds; the worker writes, the agent forgets unused hops */
	/* agent only */
	u32 via; /* next hop, network order */
	unsigned network;
	bool stale; /* the kernel has not confirmed the neighbour for a while */
};

struct neigh;

/* wake(arg) is called when a hop became usable. -errno with the reason logged. NULL in *out then.
 */
int neigh_open(struct neigh **out, struct ports *ports, struct rte_rcu_qsbr *rcu, struct loop *loop,
	       struct log *log);
void neigh_on_known(struct neigh *n, void (*wake)(void *arg), void *arg);
void neigh_close(struct neigh *n); /* workers have stopped */

static inline u64 hop_key(unsigned network, u32 ip)
{
	return (u64)(network + 1) << 32 | ip;
}

/* Any worker. NULL: ask the agent for it. */
struct hop *neigh_find(const struct neigh *n, u64 key);
/* Agent: makes sure there is a hop and that the kernel is looking for its neighbour. */
void neigh_want(struct neigh *n, u64 key);

#endif
