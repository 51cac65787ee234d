/* SPDX-License-Identifier: Apache-2.0 */
/* Between the transports and the core: what is worked on first, and what not at all, when more arrives than
 * can be served. The transports hand in all that the sockets hold before any call work is done.
 *
 * Five queues in strict order: (1) responses and requests in dialogs, (2) retransmissions of requests that
 * have a transaction (the core answers them from its cache), (3) new INVITEs, (4) OPTIONS and REGISTER,
 * (5) the rest. 3 has a floor of a tenth of the work and is served newest first: an INVITE that waited
 * 200 ms is refused or dropped. A message is classed by a scan, not by the parser.
 *
 * Admission: every 100 ms a controller looks how long new calls waited; from 20 ms on it lowers the part of
 * them that is admitted, by a hash of the Call-ID, so that a call and its retransmissions share one fate.
 * Refusals are 503 with a random Retry-After of 1-10 s while they are cheap next to the calls that are
 * served; beyond that, silence. Emergency calls are never shed. Each neighbour has a token bucket of its own:
 * neighbours are limited, never banned. RFC 7339: who says `oc` in its Via is told by how much to reduce
 * (loss), and our neighbours' demands are obeyed (overload_may_send()).
 *
 * Nothing is queued while the system keeps up: a message goes straight through. One thread. */
#ifndef SLUICE_SIP_OVERLOAD_H
#define SLUICE_SIP_OVERLOAD_H

#include "base/log.h"
#include "base/loop.h"
#include "sip/hop.h"

struct overload;
struct shed;

enum overload_class {
	OVERLOAD_DIALOG,
	OVERLOAD_AGAIN,
	OVERLOAD_CALL,
	OVERLOAD_KEEPALIVE,
	OVERLOAD_REST,
	OVERLOAD_CLASSES
};

struct overload_options {
	struct loop *loop;
	struct log *log;
	unsigned n_peers;
	const uint32_t *rate; /* new calls a second of each neighbour; 0: no limit. Copied */
	const bool *oc;       /* is RFC 7339 spoken with it? Copied; NULL: with all */
	const char *const *emergency; /* numbers, NULL at the end; urn:service:sos always counts */
	uint32_t target_ms;   /* 0: 20 */
	uint32_t too_old_ms;  /* 0: 200 */
	size_t queue_max;     /* octets in all queues; 0: 32 MiB */
	unsigned n_shards;    /* that share the neighbours; 0: 1 */
	/* What can be shed in the kernel is; NULL: nothing. in_kernel() attaches the program and takes it off. */
	struct shed *shed;
	void (*in_kernel)(void *arg, bool on);
	/* The work. */
	void (*receive)(void *arg, const struct sip_hop *from, char *buf, size_t len);
	/* Answer statelessly and forget: 503 with Retry-After, 0: without. */
	void (*refuse)(void *arg, const struct sip_hop *from, char *buf, size_t len, unsigned retry_after_s);
	/* Is this a retransmission (a transaction has this branch)? */
	bool (*again)(void *arg, const char *buf, size_t len);
	void *arg;
};

struct overload *overload_new(const struct overload_options *o); /* NULL + errno */
void overload_free(struct overload *v);
/* A message of a neighbour. `buf` is writable with SIP_PAD octets behind; copied if it has to wait. */
void overload_take(struct overload *v, const struct sip_hop *from, char *buf, size_t len);
/* The class of a message, by scanning it. */
enum overload_class overload_class_of(const struct overload *v, const char *buf, size_t len);

/* ---- RFC 7339 ---- */
bool overload_speaks_oc(const struct overload *v, int peer);
/* For the Via of a response to a peer that offered `oc`: the parameters, or nothing. */
void overload_put_oc(struct overload *v, int peer, struct buf *b);
/* A neighbour's response carried oc parameters in our Via. */
void overload_got_oc(struct overload *v, int peer, struct str via_params);
/* May a new call go to this neighbour now? False: its demand forbids it. */
bool overload_may_send(struct overload *v, int peer);

struct overload_state {
	unsigned admitted_permille;  /* 1000: no overload */
	uint32_t delay_ms;           /* how long new calls waited, in the last interval */
	size_t queued[OVERLOAD_CLASSES];
};
void overload_state(const struct overload *v, struct overload_state *out);
void overload_counters(const struct overload *v, void (*fn)(void *arg, const char *name, uint64_t v),
		       void *arg);

#endif
