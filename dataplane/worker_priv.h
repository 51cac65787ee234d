/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the worker: worker.c (its rounds), burst.c (one burst), path.c (one packet on one path), send.c (next hops and
 * devices). All of it runs on the worker's thread. */
#ifndef SLUICE_DP_WORKER_PRIV_H
#define SLUICE_DP_WORKER_PRIV_H

#include <pthread.h>
#include "packet.h"
#include "worker.h"

#define BURST        32
#define NOTES_MAX    4096
#define WAITING_MAX  64
#define WAIT_EACH    4
#define WAIT_US      1000000
#define TICK_US      10000
#define TICKING_MAX  16384
#define HELD_MAX     512
#define SEND_HEADERS (14 + 20 + 8) /* Ethernet, IPv4, UDP */

/* Packets whose next hop is being resolved. */
struct waiting {
	u64 key;
	const struct network *net;
	u64 since_us;
	struct packet packet[WAIT_EACH];
	struct relay_plan plan[WAIT_EACH];
	unsigned n;
};

struct held {
	struct packet packet[SOURCE_CANDIDATES][SOURCE_HELD];
	u8 n[SOURCE_CANDIDATES];
};

/* A packet that leaves as SRTP, as it is before. */
struct sealing {
	struct path *path;
	struct packet packet;
	struct relay_plan plan;
	struct relay_crypt how;
};

struct out {
	struct rte_mbuf *m[BURST];
	unsigned n;
};

struct worker {
	struct ports *ports;
	struct media_table *table;
	struct neigh *neigh;
	struct log *log;
	u64 now_us;
	u64 next_tick_us;
	struct out out[NETWORKS_MAX]; /* by port */
	struct waiting *waiting;
	unsigned n_waiting;
	struct path **ticking;
	u32 n_ticking;
	struct rte_mempool *held_pool;
	struct crypto *crypto;
	struct sealing sealing[BURST]; /* of this burst, in the order of arrival */
	unsigned n_sealing;
	bool tell; /* the agent is to be notified at the end of the round */
	struct dp_stats stats;
	struct trace *trace;
	u64 cycles_sent; /* of this round */

	/* shared with the agent */
	struct rte_ring *orders, *notes;
	_Atomic u64 done;  /* orders done so far */
	_Atomic bool stop; /* leave the loop */
	_Atomic bool asleep;
	int wake_fd, done_fd, notify_fd;
	u64 posted; /* the agent's */
	pthread_t thread;
	bool started;
};

/* ---- burst.c ---- */
/* All of a burst whose paths are found, in the order of arrival; n <= BURST. Takes the packets. */
void burst_relay(struct worker *w, struct path *const *path, struct packet *p, unsigned n);
/* ---- path.c ---- */
void path_packet(struct worker *w, struct path *path, struct packet *p);
void path_tick(struct worker *w, struct path *path);
void path_renew(struct worker *w, struct path *path, const struct rule *rule);
enum relay_played path_play(struct worker *w, struct path *path, const struct order *o);
void path_forget(struct worker *w, struct path *path);

/* ---- send.c ---- */
/* Rewrites p and sends it from network `from` as plan says. Takes the packet in any case. */
void send_packet(struct worker *w, struct path *path, struct packet *p,
		 const struct relay_plan *plan);
void send_frame(struct worker *w, const struct port *port, struct rte_mbuf *m);
void send_flush(struct worker *w);
void send_waiting(struct worker *w); /* those whose hop is known now or never will be */
void send_drop_waiting(struct worker *w);

static inline void drop(struct worker *w, struct rte_mbuf *m, unsigned reason)
{
	w->stats.drop[reason]++;
	rte_pktmbuf_free(m);
}

void worker_note(struct worker *w, const struct note *n);

#endif
