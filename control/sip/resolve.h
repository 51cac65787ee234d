/* SPDX-License-Identifier: Apache-2.0 */
/* Where a SIP neighbour is: RFC 3263 4 (NAPTR, SRV by priority and weight, A and AAAA) with c-ares on the
 * shard's loop. Answers are kept for their TTL (bounded to 5 s .. 1 day; a failure for 5 s); an answer
 * that has expired is given once more while the new one is fetched, and on (for an hour) while no server
 * answers. Targets that failed are put last for a while. Never blocks. One thread. */
#ifndef SLUICE_SIP_RESOLVE_H
#define SLUICE_SIP_RESOLVE_H

#include "base/log.h"
#include "base/loop.h"
#include "sip/hop.h"

struct resolver;

#define RESOLVE_MAX 16 /* targets of one answer */

struct resolver_options {
	struct loop *loop;
	struct log *log;
	const struct addr *servers; /* with port or 0; none: the system's */
	unsigned n_servers;
	uint32_t timeout_ms; /* of one try; 0: 2000; two tries */
	uint32_t dead_ms;    /* how long a failed target stays last; 0: 30000 */
	uint32_t least_ms;   /* how long an answer or a failure is kept at least; 0: 5000 */
};

struct resolve_query {
	const char *host;  /* name or address literal */
	uint16_t port;     /* 0: not given; given: no SRV (RFC 3263 4.2) */
	uint8_t transport; /* SIP_TRANSPORTS: NAPTR or SRV decide; else this one only */
	bool sips;         /* only TLS */
	bool ip4, ip6;     /* families that we can reach */
	/* Transports that we have, as bits 1 << enum sip_transport: what an answer may hold. */
	uint8_t transports;
	/* > 0: no answer that ends within this time if a server gives a newer one: to ask before the end. */
	uint32_t fresh_ms;
};

struct resolve_target {
	struct addr addr;
	uint8_t transport;
};

/* In the order to be tried; weights are drawn anew for each answer. n == 0: `status` says why: -ENOENT (no
 * such name, or nothing of it that we can reach), -ETIMEDOUT, -EIO. */
struct resolve_answer {
	struct resolve_target target[RESOLVE_MAX];
	unsigned n;
	int status;
	uint32_t
		ttl_ms; /* holds that long; 0: it has ended already; UINT32_MAX: always (an address) */
};

struct resolver *resolver_new(const struct resolver_options *o); /* NULL + errno */
void resolver_free(struct resolver *r); /* what is asked for is forgotten, without a call */

typedef void resolve_fn(void *arg, const struct resolve_answer *a);
struct resolve_job;
/* Calls done exactly once: from inside when it is known, later else, from the loop (then *job can be given to
 * resolve_cancel() until then; NULL: it was called already). 0, or -ENOMEM
 * where there is no memory or too much is asked for already: then done is not called. */
int resolve(struct resolver *r, const struct resolve_query *q, resolve_fn *done, void *arg,
	    struct resolve_job **job);
void resolve_cancel(struct resolve_job *job);

/* This target did not answer, refused, or said 503 (for_ms from its Retry-After, or 0: dead_ms). It comes
 * last in answers until then, or until resolver_alive(). */
void resolver_dead(struct resolver *r, const struct resolve_target *t, uint32_t for_ms);
void resolver_alive(struct resolver *r, const struct resolve_target *t);
bool resolver_is_dead(const struct resolver *r, const struct resolve_target *t);
void resolver_counters(const struct resolver *r,
		       void (*fn)(void *arg, const char *name, uint64_t v), void *arg);

#endif
