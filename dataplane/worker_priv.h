/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the workers: workers.c (their life), order.c (what the agent wants), note.c (what it is told), worker.c (a
 * worker's rounds), burst.c (one burst), path.c (one packet on one path), made.c (packets of our own), send.c (next
 * hops and devices). What is not marked runs on the worker's thread. */
#ifndef SLUICE_DP_WORKER_PRIV_H
#define SLUICE_DP_WORKER_PRIV_H

#include <pthread.h>
#include <rte_prefetch.h>
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
#define HANDED_MAX   2048          /* packets between two workers */
#define SEND_HEADERS HEADERS_MAX   /* room in front of a payload of our own */

/* Packets whose next hop is being resolved. */
struct waiting {
	struct hop_key key;
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

/* Packets on their way to another worker. */
struct away {
	struct rte_mbuf *m[BURST];
	unsigned n;
};

struct frags;

struct worker {
	unsigned index;
	struct workers *all;
	struct ports *ports;
	struct media_table *table;
	struct neigh *neigh;
	struct log *log;
	u64 now_us;
	u64 next_tick_us;
	u64 rate_since_us, nap_us;
	u32 rate_n, rate; /* packets counted; in the last millisecond */
	u32 idle;         /* rounds without a packet */
	struct out out[PORTS_MAX]; /* by port */
	struct waiting *waiting;
	unsigned n_waiting;
	struct path **ticking;
	u32 n_ticking;
	struct rte_mempool *held_pool;
	struct crypto *crypto;
	struct sealing sealing[BURST]; /* of this burst, in the order of arrival */
	unsigned n_sealing;
	struct frags *frags;
	u32 part_id; /* of packets that leave in fragments */
	bool tell;   /* the agent is to be notified at the end of the round */
	struct dp_stats stats;
	struct trace *trace;
	u64 cycles_sent;               /* of this round */
	struct away away[WORKERS_MAX]; /* of this burst */

	/* shared with other workers */
	struct rte_ring *handed[WORKERS_MAX]; /* by whom: packets whose paths are ours */

	/* shared with the agent */
	struct rte_ring *orders, *notes;
	_Atomic u64 done;  /* orders done so far */
	_Atomic bool stop; /* leave the loop */
	_Atomic bool asleep;
	_Atomic u64 asleep_since; /* TSC; 0: it is not */
	int wake_fd, done_fd, notify_fd;
	u64 posted; /* the agent's */
	u64 began; /* TSC */
	pthread_t thread;
	bool started;
};

struct workers {
	struct worker *w[WORKERS_MAX];
	unsigned n;
	struct log *log;
};

static inline bool is_mine(const struct worker *w, const struct path *path)
{
	return path->owner == w->index;
}

static inline const struct port *port_of(const struct worker *w, const struct rte_mbuf *m)
{
	const struct port *port = w->ports->port;
	while (port < w->ports->port + w->ports->n - 1 && port->id != m->port)
		port++;
	return port;
}

/* ---- worker.c ---- */
void *worker_run(void *worker); /* the thread */
unsigned worker_round(struct worker *w, u64 now_us); /* packets that came in */

/* ---- order.c ---- */
void worker_wake(struct worker *w); /* any thread */
void worker_obey(struct worker *w);
void ring_bell(int fd);
void hush(int fd);

/* ---- note.c ---- */
bool worker_note(struct worker *w, const struct note *n); /* false: it is lost, and counted */
/* What became of the source: LATCHED, CONFLICT, FLOOD. */
void note_source(struct worker *w, const struct path *path, u32 event,
		 const struct flow_addr *source);
void note_key(struct worker *w, const struct path *path, const struct relay_plan *plan);
/* Takes the packet, which is not media, to control. */
void note_punt(struct worker *w, struct path *path, struct packet *p);
/* What control is to keep of a direction; when dir.srtp->tell is set. */
void note_index(struct worker *w, struct path *path);

/* ---- made.c ---- */
/* Sends a packet of our own as plan says. False: no memory. */
bool made_send(struct worker *w, struct path *path, const void *payload, u32 len,
	       const struct relay_plan *plan);
void path_send(struct worker *w, struct path *path, struct order *o); /* ORDER_SEND */

/* ---- burst.c ---- */
/* All of a burst whose paths are found, in the order of arrival; n <= BURST. Takes the packets. */
void burst_relay(struct worker *w, struct path *const *path, struct packet *p, unsigned n);
/* In the place of send_packet() where plan says seal; after relay_commit(). It leaves with the next burst_flush(). */
void burst_seal(struct worker *w, struct path *path, const struct packet *p,
		const struct relay_plan *plan);
void burst_flush(struct worker *w);

/* ---- path.c ---- */
void path_packet(struct worker *w, struct path *path, struct packet *p);
void path_tick(struct worker *w, struct path *path);
void path_renew(struct worker *w, struct path *path, const struct rule *rule);
enum relay_played path_play(struct worker *w, struct path *path, const struct order *o);
void path_forget(struct worker *w, struct path *path);

/* ---- frag.c ---- */
struct frags *frags_new(void);
void frags_free(struct frags *f); /* NULL is allowed; frees what is kept */
/* A fragment, as rx_parse() said. Takes it; gives back the packet that it completes, or NULL. */
struct rte_mbuf *frag_take(struct worker *w, const struct port *port, struct rte_mbuf *m,
			   bool first);
bool frags_waiting(const struct frags *f); /* then frags_tick() is called, every 10 ms or so */
void frags_tick(struct worker *w);

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

/* A packet of a flow that goes no further. */
static inline void path_drop(struct worker *w, struct path *path, struct rte_mbuf *m, unsigned reason)
{
	trace_drop(w->trace, &path->dir, m, w->now_us, reason);
	drop(w, m, reason);
}

#endif
