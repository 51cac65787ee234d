/* SPDX-License-Identifier: Apache-2.0 */
/* A relay engine for tests: it speaks the whole flow language and keeps the flows that it is given,
 * but relays nothing. Counters and events are what the test says. As a transport it lives on the
 * same (virtual) loop as its client; peer_handle() alone serves a real socket. */
#ifndef SLUICE_ENGINE_PEER_H
#define SLUICE_ENGINE_PEER_H

#include "engine/engine.h"

#define PEER_FLOWS 256

struct peer_work {
	struct peer_work *next;
	uint64_t due;
	size_t n;
	u32 data[];
};

struct peer {
	struct loop *loop;
	/* what a test may set */
	uint64_t epoch;
	u32 version;
	u32 caps;       /* enum flow_cap */
	u32 latency_ms; /* from a request to its answer */
	int refuse_set; /* -errno for every SET; 0: takes them */
	unsigned full;  /* so many sends are answered with -EAGAIN */
	int fail_send;  /* -errno of the next send; 0: it works */
	bool running;   /* else connecting fails */
	bool mute;      /* takes all, answers nothing */
	/* what a test may read */
	struct tlv_report flows[PEER_FLOWS];
	unsigned n_flows;
	unsigned datagrams, sets, dels, opens; /* received */
	struct tlv_dtmf key;                   /* the last one asked for */
	unsigned keys;
	unsigned acks; /* given, but for DEL and queries */
	bool connected, subscribed;
	/* its own */
	struct engine *engine;
	struct peer_work *work, **work_tail;
	struct timer timer;
};

void peer_init(struct peer *p, struct loop *loop);
void peer_fini(struct peer *p);
struct engine_transport peer_transport(struct peer *p);

/* Dies: flows and connection are gone. peer_start() brings it back with another epoch. */
void peer_kill(struct peer *p);
void peer_start(struct peer *p);
void peer_disconnect(struct peer *p); /* the flows stay */

struct tlv_report *peer_flow(struct peer *p, u64 id); /* NULL: none */
void peer_event(struct peer *p, const struct tlv_event *e);
/* The answers to one datagram, each given to out(). */
void peer_handle(struct peer *p, const void *in, size_t n,
		 void (*out)(struct peer *p, const void *d, size_t n));

#endif
