/* SPDX-License-Identifier: Apache-2.0 */
/* A name server on 127.0.0.1 for tests, on the loop of the test: UDP and TCP on one port, records from a table,
 * and the ways in which servers misbehave. */
#ifndef SLUICE_SIP_DNS_WORLD_TEST_H
#define SLUICE_SIP_DNS_WORLD_TEST_H

#include "sip/resolve_priv.h"

#define DNS_CNAME  5
#define WORLD_MAX  1200 /* records */
#define WORLD_FDS  8
#define WORLD_ASKS 512

enum dns_mood {
	DNS_ANSWERS,
	DNS_SILENT,
	DNS_SERVFAIL,
	DNS_REFUSES,
	DNS_GARBAGE, /* a header and noise */
	DNS_EMPTY,   /* a datagram of no octets, then nothing */
	DNS_FORGES   /* the right answer with a wrong id, then nothing */
};

struct dns_world_record {
	char name[256];
	uint16_t type, n;
	uint32_t ttl;
	uint8_t data[600];
};

struct dns_world {
	struct loop *loop;
	struct addr addr; /* to be asked at */
	enum dns_mood mood;
	uint16_t mood_type; /* the mood is for this type only; 0: for all */
	unsigned udp_max;   /* longer answers are truncated; 0: 1232 */
	struct loop_fd udp, tcp, conn[WORLD_FDS];
	unsigned tcp_answers;
	struct {
		char name[256];
		uint16_t type;
	} asked[WORLD_ASKS];
	unsigned n_asked;
	unsigned n;
	struct dns_world_record record[WORLD_MAX];
};

struct dns_world *dns_world_new(struct loop *l);
void dns_world_free(struct dns_world *w);
/* Text: an address; PRIORITY, WEIGHT, PORT, target; ...; an alias. */
void world_addr(struct dns_world *w, const char *name, uint32_t ttl, const char *text);
void world_srv(struct dns_world *w, const char *name, uint32_t ttl, const uint16_t pwp[3],
	       const char *target);
void world_naptr(struct dns_world *w, const char *name, const uint16_t order_preference[2],
		 const char *service, const char *replacement);
void world_cname(struct dns_world *w, const char *name, const char *target);
void world_clear(struct dns_world *w);
/* How often it was asked; type 0: any, name NULL: any. */
unsigned world_asked(const struct dns_world *w, const char *name, uint16_t type);

#endif
