/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of overload control share: overload_class.c scans, overload_queue.c keeps what waits,
 * overload_admit.c decides how many new calls are let in, overload_oc.c speaks RFC 7339, overload.c is the
 * way of a message through them. */
#ifndef SLUICE_SIP_OVERLOAD_PRIV_H
#define SLUICE_SIP_OVERLOAD_PRIV_H

#include "base/table.h"
#include "sip/msg.h"
#include "sip/overload.h"
#include "sip/shed.h"

#define OVERLOAD_COUNTERS(X)                                                                       \
	X(STRAIGHT, "overload.straight")                                                           \
	X(QUEUED, "overload.queued")                                                               \
	X(AGAIN, "overload.again")                                                                 \
	X(EMERGENCY, "overload.emergency")                                                         \
	X(SHED, "overload.shed")                                                                   \
	X(SHED_AGAIN, "overload.shed-again")                                                       \
	X(LIMITED, "overload.limited")                                                             \
	X(TOO_OLD, "overload.too-old")                                                             \
	X(FULL, "overload.full")                                                                   \
	X(KERNEL, "overload.shed-in-kernel")                                                       \
	X(KERNEL_AGAIN, "overload.shed-again-in-kernel")                                                                   \
	X(REFUSED, "overload.refused")                                                             \
	X(SILENT, "overload.silent")                                                               \
	X(OC_HELD, "overload.oc-held")                                                             \
	X(OC_IGNORED, "overload.oc-ignored")                                                       \
	X(EPISODES, "overload.episodes")

enum overload_counter {
#define X(id, name) COUNT_##id,
	OVERLOAD_COUNTERS(X)
#undef X
	COUNT_COUNT
};

/* ---- overload_class.c ---- */

struct overload_peer;

struct overload_scan {
	enum overload_class class; /* never OVERLOAD_AGAIN: the text does not say it */
	struct str ruri;           /* of a request */
	struct str call_id;        /* only where asked for; empty: none */
};

/* Padded memory. */
void overload_scan(const char *buf, size_t len, bool call_id, struct overload_scan *out);

/* ---- emergency numbers ---- */

#define NUMBER_MAX 32 /* digits; no longer number is one for emergencies */

/* "112", "+49 (0) 110" and so on in one form: digits, "*" and "#", without what marks an international
 * number. 0: not a number, or too long. */
size_t overload_number(struct str s, char out[NUMBER_MAX]);
bool overload_is_emergency(const struct overload *v, struct str ruri);

/* ---- overload_queue.c ---- */

struct waiting {
	struct waiting *older, *newer;
	struct sip_hop from;
	uint64_t since_us;
	uint32_t len;
	uint16_t call_id_at, call_id_len; /* of a new call, in data */
	uint8_t class;
	char data[];
};

struct queue {
	struct waiting *oldest, *newest;
	size_t n;
};

/* False: no memory, or no room for it even without all that counts less. */
bool overload_push(struct overload *v, enum overload_class c, const struct sip_hop *from,
		   const char *buf, size_t len);
struct waiting *overload_pop(struct overload *v, enum overload_class c, bool newest);
/* The new call with this Call-ID out of the queue; NULL: it is not among the newest. */
struct waiting *overload_pop_call(struct overload *v, struct str call_id);
void overload_wait_free(struct waiting *w);
void overload_queue_free(struct overload *v);

/* ---- overload_admit.c ---- */

#define TICK_MS   100
#define PERMILLE  1000
#define SOURCES    4 /* addresses of a neighbour that are limited in the kernel */

struct admit {
	uint32_t permille; /* of all new calls that are let in */
	/* Calls a tick: */
	double capacity; /* what can be served; 0: not known, all is well */
	double best;     /* the most it has been, in this episode */
	double rate;     /* what is let in; 0: all */
	unsigned steps;  /* up, one after the other */
	uint32_t delay_us, dialog_delay_us; /* the former counts both */
	/* Of this tick. */
	uint32_t served, dialogs;
	uint32_t refusals; /* that may still be said */
	uint64_t queue_area, dialog_area; /* new calls and others waiting, times microseconds */
	uint64_t sampled_us, tick_us;
	unsigned calm; /* ticks without a reason to go on */
	struct timer timer;
};

/* New calls get at least one part of the work beside this many for all else. */
#define OVERLOAD_FLOOR 9

/* Something had to wait: watch from now on. */
void overload_admit_start(struct overload *v);
void overload_admit_sample(struct overload *v);
/* May a refusal be said, or is it too dear? Takes one off the budget. */
bool overload_may_refuse(struct overload *v, const struct sip_hop *from);

/* ---- overload_shed.c ---- */

struct overload_shed {
	uint64_t seed;
	struct shed_bucket *marks; /* who was turned away without a word */
	bool any;                /* there are such */
	uint32_t last_s;         /* the last one */
	struct shed *kernel;     /* NULL: nothing is dropped there */
	bool on;                 /* it does */
	void (*in_kernel)(void *arg, bool on);
};

void overload_shed_init(struct overload *v, const struct overload_options *o);
void overload_shed_free(struct overload *v);
/* A new call: may it come in? */
bool overload_admit(struct overload *v, struct overload_peer *p, struct str call_id);
/* It was turned away without a word not long ago. */
bool overload_was_shed(const struct overload *v, struct str call_id);
/* 503, or nothing; then its repetitions are dropped too. */
void overload_turn_away(struct overload *v, const struct sip_hop *from, char *buf, size_t len);
/* Calls that the kernel dropped were calls all the same. Before their rate is shared out. */
void overload_shed_count(struct overload *v);
/* Tells the kernel. After that. */
void overload_shed_tick(struct overload *v);
/* Nobody repeats himself any more: all is forgotten. False: not yet. */
bool overload_shed_over(struct overload *v);

/* ---- a neighbour ---- */

struct overload_source {
	struct addr addr; /* family 0: none */
	uint64_t first, again; /* that the kernel had dropped when last looked at */
};

struct overload_peer {
	uint32_t rate; /* new calls a second; 0: no limit */
	uint64_t tokens; /* a thousandth of a call each */
	uint64_t filled_ms;
	/* Requests of this tick, then what they were a tick: new calls, all others, and the calls that it
	 * would send were it not told to reduce. */
	uint32_t calls, dialogs;
	double arrived, others, demand;
	uint32_t pass; /* permille of its calls that are let in */
	struct overload_source source[SOURCES];
	bool oc;       /* RFC 7339 is spoken with it */
	/* It towards us. */
	uint64_t oc_seen_ms; /* when it last said `oc`; 0: never */
	double keep;         /* the part of its calls that it may send; 1: all */
	double share;        /* that calls had in its requests when it was told to reduce */
	/* And we towards it. */
	uint64_t oc_until_ms; /* its demand holds */
	uint64_t oc_seq;      /* the number of it: what is before the dot << 20 | what is behind */
	uint8_t oc_loss;      /* per cent */
};

struct overload_peer *overload_peer(struct overload *v, int peer); /* the last one: nobody */
/* A token of its bucket. */
bool overload_peer_take(struct overload *v, struct overload_peer *p);

/* ---- overload_oc.c ---- */

/* It speaks `oc`: it has no use for Retry-After (RFC 7339 5.10). */
bool overload_oc_speaks(const struct overload *v, const struct overload_peer *p);
/* Sets what it may send to `share` calls a tick, and what is let in of it. */
void overload_oc_steer(struct overload *v, struct overload_peer *p, double share);
/* It speaks `oc`: it has no use for Retry-After (RFC 7339 5.10). */
bool overload_oc_speaks(const struct overload *v, const struct overload_peer *p);
/* New calls a tick that those who are told to reduce would send. */
double overload_oc_demand(const struct overload *v);
/* `scale`: a tick's length by that of this one. */
void overload_oc_tick(struct overload *v, double scale);

/* ---- overload.c ---- */

struct overload {
	struct loop *loop;
	struct log *log;
	void (*receive)(void *arg, const struct sip_hop *from, char *buf, size_t len);
	void (*refuse)(void *arg, const struct sip_hop *from, char *buf, size_t len,
		       unsigned retry_after_s);
	bool (*again)(void *arg, const char *buf, size_t len);
	void *arg;
	unsigned straight, dialogs; /* done at once in this round: new work, and all else */
	size_t waiting;    /* messages in all queues */
	struct admit admit;
	struct overload_shed shed;
	unsigned n_shards;
	struct overload_peer *peers; /* one more for who is none */
	unsigned n_peers;
	bool alert; /* something had to wait or was turned away: the controller runs */
	uint32_t target_us, too_old_us;
	size_t queue_max, octets;
	struct queue queue[OVERLOAD_CLASSES];
	struct loop_task task;
	uint64_t slice_end_us; /* of the last slice, on the clock of work; 0: nothing waited behind it */
	uint64_t oc_seq_us; /* the last one given out */
	char (*emergency)[NUMBER_MAX];
	uint8_t *emergency_len;
	unsigned n_emergency;
	uint64_t counter[COUNT_COUNT];
};

static inline void overload_count(struct overload *v, enum overload_counter c)
{
	v->counter[c]++;
}

#endif
