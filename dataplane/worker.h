/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that relays: receive, look up, decide, rewrite, send, all of it run to completion. It
 * owns the directions of every path. It polls while there is work and sleeps when there is none. */
#ifndef SLUICE_DP_WORKER_H
#define SLUICE_DP_WORKER_H

#include <rte_ring.h>
#include "base/log.h"
#include "neigh.h"
#include "port.h"
#include "stats.h"
#include "table.h"

/* What the agent wants done to directions, which are the worker's. Posted in batches, done in
 * order. */
enum order_kind {
	ORDER_RENEW, /* the paths of `flow` get `rule`; the old rule is not used any more */
	ORDER_PLAY,  /* `key` is played to `side` of `flow` */
	ORDER_FORGET /* nothing refers to the paths of `flow` any more */
};

struct order {
	enum order_kind kind;
	struct dp_flow *flow;
	const struct rule *rule; /* ORDER_RENEW */
	/* ORDER_PLAY */
	u32 ms;
	u8 side, key;
	enum relay_played played; /* out */
};

/* What the worker tells: 64 octets, by value. */
struct note {
	u64 flow_id;
	u32 gen;
	u32 event; /* enum flow_event */
	u32 side;
	struct flow_addr source;
	u32 key_ms; /* FLOW_EVENT_DTMF */
	u8 key;
	u64 want; /* not 0: a hop_key() to resolve; all else is void */
};

struct worker;

/* Starts the thread. notify: an eventfd that is written when take_note() has something. */
int worker_start(struct worker **out, struct ports *ports, struct media_table *table,
		 struct neigh *neigh, int notify, struct log *log);
void worker_stop(struct worker *w); /* joins; held and waiting packets are freed */
void worker_free(struct worker *w);
void worker_wake(struct worker *w); /* any thread */

/* Agent: at most ORDERS_MAX; they are done when this returns. */
#define ORDERS_MAX 1024
void worker_order(struct worker *w, struct order *orders, unsigned n);
bool worker_take_note(struct worker *w, struct note *out); /* agent */
const struct dp_stats *worker_stats(const struct worker *w);
struct trace *worker_trace(const struct worker *w); /* lives as long as the worker */
/* Microseconds on the clock of every relay_ call. Any thread. */
u64 worker_now_us(void);

#endif
