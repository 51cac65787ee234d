/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a packet for an address go next? The kernel's routes and neighbours, followed live.
 *
 * A *hop* is one destination on one network with the hardware address of its next hop. The agent
 * makes, fills and retires hops; workers find them without locks. A hop's words are atomics
 * because the agent changes them under the workers' eyes; a worker may keep a pointer to a hop for
 * ever, as hops are never freed, and looks each time whose it is (hop_is()): a retired hop has place 0, and is
 * given to another destination only after a grace period, in which nobody looks at its address any more. */
#ifndef SLUICE_DP_NEIGH_H
#define SLUICE_DP_NEIGH_H

#include <rte_rcu_qsbr.h>
#include "base/loop.h"
#include "port.h"

#define HOP_KNOWN (1ULL << 48) /* the lower 48 bits are the hardware address */
#define HOP_NEVER (1ULL << 49) /* no route, or the destination is this host */

struct hop_key {
	u64 ip[2]; /* 4 octets of IPv4 and 12 of 0, or IPv6 */
	u64 place; /* index of the network + 1 */
};

struct hop {
	u64 ip[2];         /* written only while place is 0 */
	_Atomic u64 place; /* of the key; 0: retired */
	_Atomic u64 link;  /* HOP_KNOWN | address, HOP_NEVER, or 0: being resolved */
	_Atomic u32 used;  /* seconds; the worker writes, the agent forgets unused hops */
	/* agent only */
	u8 via[16]; /* next hop, of the network's family */
	bool stale; /* the kernel has not confirmed the neighbour for a while */
};

struct neigh;

/* wake(arg) is called when a hop became usable. -errno with the reason logged. NULL in *out then.
 */
int neigh_open(struct neigh **out, struct ports *ports, struct rte_rcu_qsbr *rcu, struct loop *loop,
	       struct log *log);
void neigh_on_known(struct neigh *n, void (*wake)(void *arg), void *arg);
void neigh_close(struct neigh *n); /* workers have stopped */

/* ip: 16 octets, zeroed after those of IPv4, as in struct flow_addr. */
static inline struct hop_key hop_key(unsigned network, const u8 *ip)
{
	struct hop_key k = { .place = network + 1 };
	memcpy(k.ip, ip, sizeof(k.ip));
	return k;
}

static inline bool hop_is(const struct hop *h, const struct hop_key *k)
{
	return atomic_load_explicit(&h->place, memory_order_acquire) == k->place &&
	       h->ip[0] == k->ip[0] && h->ip[1] == k->ip[1];
}

/* Any worker. NULL: ask the agent for it. */
struct hop *neigh_find(const struct neigh *n, const struct hop_key *key);
/* Agent: makes sure there is a hop and that the kernel is looking for its neighbour. */
void neigh_want(struct neigh *n, const struct hop_key *key);

#endif
