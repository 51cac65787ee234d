/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that relay: receive, look up, decide, rewrite, send, all of it run to completion. Each owns the
 * directions of its paths (share.h). They poll while there is work and sleep when there is none. */
#ifndef SLUICE_DP_WORKER_H
#define SLUICE_DP_WORKER_H

#include <rte_ring.h>
#include "base/log.h"
#include "neigh.h"
#include "port.h"
#include "stats.h"
#include "table.h"

/* What the agent wants done to directions, which are the workers'. Posted in batches, done in
 * order. */
enum order_kind {
	ORDER_RENEW, /* the paths of `flow` get `rule`; the old rule is not used any more */
	ORDER_PLAY,  /* `key` is played to `side` of `flow` */
	ORDER_SEND,  /* `payload` is sent to `side` of `flow`, to `to` or where its media goes */
	ORDER_FORGET /* nothing refers to the paths of `flow` any more */
};

struct order {
	enum order_kind kind;
	struct dp_flow *flow;
	const struct rule *rule; /* ORDER_RENEW */
	u8 side, key, component; /* of ORDER_PLAY and ORDER_SEND */
	u32 ms;
	enum relay_played played; /* out */
	/* ORDER_SEND */
	const void *payload;
	u32 len;
	struct flow_addr to; /* family 0: where the media goes */
	int sent;            /* out: 0 or -errno */
};

/* What a worker tells, by value. */
struct note {
	u64 flow_id;
	u32 gen;
	u32 event; /* enum flow_event */
	u32 side;
	struct flow_addr source; /* LATCHED, PUNT */
	u32 key_ms;              /* DTMF */
	u8 key;
	u8 component;              /* PUNT */
	struct rte_mbuf *m;        /* PUNT: its data is the payload; the agent's from now on */
	struct flow_resume resume; /* INDEX */
	u64 want;                  /* not 0: place of the hop_key to resolve, whose address is in `source` */
};

struct workers;
struct trace;

struct worker_parts {
	struct ports *ports;
	struct media_table *table;
	struct neigh *neigh;
	struct log *log;
	int notify; /* eventfd that is written when workers_take_note() has something */
};

/* ports->n_workers of them. */
int workers_new(struct workers **out, const struct worker_parts *parts);
/* Starts their threads. Several are given a core each, where there are enough, and the calling thread the others. */
int workers_start(struct workers *ws);
void workers_stop(struct workers *ws); /* joins; held and waiting packets are freed */
void workers_free(struct workers *ws);
void workers_wake(struct workers *ws); /* any thread */

/* Agent: at most ORDERS_MAX; they are done by all whom they concern when this returns. */
#define ORDERS_MAX 1024
void workers_order(struct workers *ws, struct order *orders, unsigned n);
bool workers_take_note(struct workers *ws, struct note *out); /* agent */
/* The sum of all, each number right by itself. */
void workers_stats(const struct workers *ws, struct dp_stats *sum);
/* The rings of packet heads, `out` has room for WORKERS_MAX; they live as long as the workers. How many they are. */
unsigned workers_traces(const struct workers *ws, struct trace **out);
/* Microseconds on the clock of every relay_ call. Any thread. */
u64 worker_now_us(void);

#endif
