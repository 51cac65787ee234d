/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of resolve.h, from the wire up: reply (octets to records), order (records to choices), dns (c-ares on
 * the loop), cache (records by name, one query at a time for each), dead (targets that failed), job
 * (RFC 3263 step by step), resolve.c (the interface). */
#ifndef SLUICE_SIP_RESOLVE_PRIV_H
#define SLUICE_SIP_RESOLVE_PRIV_H

#include "base/table.h"
#include "sip/resolve.h"

enum dns_type {
	DNS_A = 1,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_NAPTR = 35
};

#define DNS_NAME_MAX 254 /* with NUL: 253 characters (RFC 1035 2.3.4, as text) */
#define DNS_RECORDS  RESOLVE_MAX

#define RESOLVE_COUNTERS(X)                                                                        \
	X(ASKED, "dns.queries")                                                                    \
	X(CACHED, "dns.from-cache")                                                                \
	X(STALE, "dns.stale")                                                                      \
	X(JOINED, "dns.joined")                                                                    \
	X(NOT_FOUND, "dns.not-found")                                                              \
	X(TIMEOUT, "dns.timeout")                                                                  \
	X(FAILED, "dns.failed")                                                                    \
	X(EVICTED, "dns.evicted")                                                                  \
	X(REFUSED, "dns.drop.too-many")                                                            \
	X(DEAD, "dns.target-dead")

enum {
#define X(id, name) RESOLVE_COUNT_##id,
	RESOLVE_COUNTERS(X)
#undef X
	RESOLVE_COUNT_COUNT
};

/* ---- names ---- */

/* Host name as a key: lower case, no dot at the end. Letters, digits, "-", "_" in labels of 1..63.
 * 0 or -EINVAL. */
int dns_name(struct str in, char out[DNS_NAME_MAX]);
/* "_sip._udp.NAME" of a transport (RFC 3263 4.1). -EINVAL: too long. */
int dns_srv_name(enum sip_transport t, const char *name, char out[DNS_NAME_MAX]);

/* ---- records of one reply ---- */

struct dns_srv {
	const char *target;
	uint16_t priority, weight, port;
};

struct dns_naptr {
	const char *replacement;
	uint16_t order, preference;
	uint8_t transport;
};

/* Immutable, counted. At most DNS_RECORDS: addresses as they came, SRV the first by priority, NAPTR (those of
 * SIP) the first by order and preference. */
struct dns_set {
	unsigned refs, n;
	uint32_t ttl_ms; /* smallest of the reply, at most a day */
	bool refused;    /* SRV: "." only, the service is not offered (RFC 2782) */
	union {
		struct addr addr[DNS_RECORDS];
		struct dns_srv srv[DNS_RECORDS];
		struct dns_naptr naptr[DNS_RECORDS];
	};
	char names[];
};

/* 0 with one reference; -ENOENT: nothing usable in it; -EBADMSG; -ENOMEM. */
int dns_reply_parse(enum dns_type type, const uint8_t *p, size_t n, struct dns_set **out);
struct dns_set *dns_set_get(struct dns_set *s);
void dns_set_put(struct dns_set *s); /* NULL is allowed */

/* ---- choices ---- */

/* Indices into s->srv in an order drawn by RFC 2782. Returns their number. */
unsigned dns_srv_draw(struct loop *l, const struct dns_set *s, uint8_t out[DNS_RECORDS]);
/* The records of the best order that has any for `transports` (bits), by preference. */
unsigned dns_naptr_choose(const struct dns_set *s, uint8_t transports, uint8_t out[DNS_RECORDS]);
/* Precedence of RFC 6724 2.1: larger comes first. */
unsigned addr_precedence(const struct addr *a);

/* ---- queries ---- */

struct dns;
/* status: 0 with a reply; -ENOENT: no such name or record, -ETIMEDOUT, -EIO. */
typedef void dns_fn(void *owner, void *arg, int status, const uint8_t *p, size_t n);
struct dns *dns_new(const struct resolver_options *o, dns_fn *answer, void *owner);
void dns_free(struct dns *d); /* nothing is called any more */
void dns_ask(struct dns *d, enum dns_type type, const char *name, void *arg);

/* ---- cache ---- */

/* One question of somebody; zero-initialised is "not asked". */
struct dns_wait {
	struct dns_wait *next, **pprev; /* pprev NULL: not waiting */
	void (*done)(struct dns_wait *w);
	void *arg;
	struct dns_set *set; /* the answer, with a reference; NULL: status says why */
	int status;
	uint32_t left_ms; /* the set holds that long; 0: it has expired */
};

struct dns_cache;
struct dns_cache *dns_cache_new(const struct resolver_options *o, uint64_t *counter);
void dns_cache_free(struct dns_cache *c); /* after all who wait */
/* true: answered; false: w->done comes later. fresh_ms as in struct resolve_query. */
bool dns_cache_get(struct dns_cache *c, struct dns_wait *w, enum dns_type type, const char *name,
		   uint32_t fresh_ms);
void dns_wait_end(struct dns_wait *w); /* waits no more, has no set any more */

/* ---- dead targets ---- */

struct dead_list;
struct dead_list *dead_new(struct loop *l);
void dead_free(struct dead_list *d);
int dead_add(struct dead_list *d, const struct resolve_target *t, uint32_t for_ms);
void dead_del(struct dead_list *d, const struct resolve_target *t);
/* 0: alive; else a number that grows with the time of the failure. */
uint64_t dead_since(const struct dead_list *d, const struct resolve_target *t);

/* ---- jobs ---- */

struct resolver {
	struct resolver_options o;
	struct dns_cache *cache;
	struct dead_list *dead;
	struct resolve_job *jobs, *ready; /* under way; finished and to be called */
	struct resolve_job **ready_end;
	unsigned n_jobs;
	struct loop_task task;
	bool calling, ended; /* in call_ready(); resolver_free() came meanwhile */
	uint64_t counter[RESOLVE_COUNT_COUNT];
};

/* A host with a port, whose addresses are looked up. */
struct resolve_place {
	const char *host;
	uint16_t port;
	uint8_t transport;
	struct dns_wait a, aaaa;
};

#define RESOLVE_SERVICES 8 /* SRV names of one job */

struct resolve_job {
	struct resolve_job *next, **pprev;
	struct resolver *r;
	resolve_fn *done;
	void *arg;
	struct resolve_query q; /* host: NULL */
	char name[DNS_NAME_MAX];
	enum {
		RESOLVE_NAPTR,
		RESOLVE_SRV,
		RESOLVE_ADDRESS,
		RESOLVE_DONE
	} step;
	unsigned waiting; /* lookups */
	int failed;       /* the first status of a lookup that is not -ENOENT */
	struct dns_wait naptr;
	struct resolve_service {
		struct dns_wait wait;
		uint8_t transport;
	} service[RESOLVE_SERVICES];
	unsigned n_services;
	struct resolve_place place[RESOLVE_MAX];
	unsigned n_places;
	struct resolve_answer answer;
};

/* Goes as far as it can without waiting. job->step says whether it is at its end; later it is put into
 * the list of the ready ones. */
void resolve_job_start(struct resolve_job *job, struct str host);
void resolve_job_end(struct resolve_job *job); /* lookups and sets, not the job */
void resolve_job_ready(struct resolve_job *job);

#endif
