/* SPDX-License-Identifier: Apache-2.0 */
/* The engine in memory: engine.c speaks with control, engine_flow.c relays. */
#ifndef SLUICE_SCENARIO_ENGINE_H
#define SLUICE_SCENARIO_ENGINE_H

#include "engine/tlv.h"
#include "relay/relay.h"
#include "scenario.h"

#define HELD_MAX 64

struct held {
	struct flow_addr src;
	size_t n;
	uint8_t slot;
	uint8_t p[320];
};

struct side {
	struct relay_dir dir[2]; /* RTP, RTCP */
	struct held held[HELD_MAX];
	unsigned n_held;
};

struct entry {
	struct entry *next;
	struct fake_engine *engine;
	struct flow *rule;
	struct side side[2];
	struct entry_srtp *srtp; /* NULL: it has no keys */
	struct timer idle, tick;
	uint64_t born_ms;
};

struct answer { /* a datagram on its way to the client */
	struct answer *next;
	size_t n;
	uint64_t at_ms;
	uint8_t p[];
};

struct fake_engine {
	struct loop *loop;
	struct engine *client; /* NULL: not connected */
	struct entry *flows;
	struct answer *out, **out_end;
	struct timer deliver_timer, connect;
	void (*deliver)(void *arg, const struct flow_addr *from, const struct flow_addr *to,
			const uint8_t *p, size_t n);
	void *arg;
	u64 epoch;
	uint32_t delay_ms;
	int refuse;
	bool down, subscribed, ipv4_only;
};

/* ---- engine.c ---- */
void engine_say(struct fake_engine *f, const struct tlv_out *o);

/* ---- engine_flow.c ---- */
int flow_set(struct fake_engine *f, const struct tlv_msg *m);
int flow_dtmf(struct fake_engine *f, const struct tlv_msg *m);
int flow_del(struct fake_engine *f, u64 id, struct tlv_report *r);
void flow_report(const struct entry *e, struct tlv_report *r);
void flow_clear(struct fake_engine *f);

#endif
