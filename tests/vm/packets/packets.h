/* SPDX-License-Identifier: Apache-2.0 */
/* What only a kernel does to packets, in one namespace of a virtual machine: destinations on the same host, flows that lead to
 * each other, packets that others look at, packets that come in together or in parts. */
#ifndef SLUICE_TESTS_VM_PACKETS_H
#define SLUICE_TESTS_VM_PACKETS_H

#include <stdbool.h>
#include "relay/flow.h"

/* ---- flow.c: the module. Exits when it does not answer ---- */

struct engine {
	int fd;
	u16 family;
};

struct engine engine_open(void);
/* A flow between two peers; local and remote of one family on each side. PCMA of side 0 becomes payload type 96. */
void engine_set(struct engine *e, u64 id, const struct flow_addr local[2],
		const struct flow_addr remote[2]);
void engine_del(struct engine *e, u64 id);
u64 engine_count(struct engine *e, const char *name); /* of DUMP */

/* ---- packets.c ---- */

#define PACKET 172

struct flow_addr at(const char *ip, u16 port);
int udp_at(const struct flow_addr *a); /* a socket, bound */
/* The packet of a stream, as side 0 sends it. */
void rtp(u8 *p, u16 seq);
void put(int fd, const struct flow_addr *to, const void *p, u32 len);
/* What comes within a second: octets, or -1. */
int get(int fd, void *p, u32 cap, struct flow_addr *from, int *ttl);

/* ---- queue.c: a program that lets packets go on (NFQUEUE) ---- */

struct queue;
/* A thread on that processor, 0 or 1; the caller's goes on on the other one. */
struct queue *queue_open(u16 number, unsigned cpu);
unsigned queue_close(struct queue *q); /* how many there were */

#endif
