/* SPDX-License-Identifier: Apache-2.0 */
/* A resolver, the name server that it asks, and short ways to tell one and ask the other. */
#ifndef SLUICE_SIP_RESOLVE_WORLD_TEST_H
#define SLUICE_SIP_RESOLVE_WORLD_TEST_H

#include "sip/dns_world_test.h"

#define LEAST_MS 100
#define UDP      (1u << SIP_UDP)
#define TCP      (1u << SIP_TCP)
#define TLS      (1u << SIP_TLS)
#define ALL      (UDP | TCP | TLS)

struct fixture {
	struct loop *loop;
	struct dns_world *world;
	struct resolver *r;
};

struct got {
	struct resolve_answer a;
	unsigned calls;
};

int resolve_world_setup(void **state); /* *state: a struct fixture */
int resolve_world_teardown(void **state);

struct resolve_query query(const char *host); /* of a sip URI with nothing but this host */
void on_answer(void *arg, const struct resolve_answer *a); /* arg: struct got */
void wait_for(struct fixture *f, const struct got *g);
void pass(struct fixture *f, uint32_t ms);
struct resolve_answer ask(struct fixture *f, struct resolve_query q);
/* "udp 192.0.2.1:5060 tcp ..." */
const char *text_of(const struct resolve_answer *a);
void gives(struct fixture *f, struct resolve_query q, const char *wanted);
void fails(struct fixture *f, struct resolve_query q, int status);
uint64_t counter(struct fixture *f, const char *name);

/* Asks for a host, with changes to the query q_. */
#define GIVES(wanted, name, ...)                                                                   \
	do {                                                                                       \
		struct resolve_query q_ = query(name);                                             \
		__VA_ARGS__;                                                                       \
		gives(f, q_, wanted);                                                              \
	} while (0)

/* Records that live for a minute. */
void srv(struct fixture *f, const char *name, unsigned priority, unsigned weight, unsigned port,
	 const char *target);
void naptr(struct fixture *f, const char *name, unsigned order, unsigned preference,
	   const char *service, const char *replacement);
void host(struct fixture *f, const char *name, const char *addr);

#endif
