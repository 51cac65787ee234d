/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the agent: agent.c (flows, events, time), verbs.c (what is asked), client.c (sockets). */
#ifndef SLUICE_DP_AGENT_PRIV_H
#define SLUICE_DP_AGENT_PRIV_H

#include "agent.h"
#include "engine/tlv.h"
#include "trace.h"

#define OPS_MAX ORDERS_MAX /* messages of one datagram that are carried out together */

/* One message of a batch, from parsing to its reply. */
struct op {
	struct tlv_msg msg;
	int status;
	const char *reason;   /* static text; NULL */
	struct dp_flow *flow; /* DEL: taken out. DUMP with id */
	struct order *order;  /* DTMF and SEND: its outcome is there when the orders are done */
	struct rule *old;     /* SET: to be retired when the worker has let go of it */
	struct trace_frame *frames; /* TRACE: owned */
	unsigned n_frames;
};

/* A datagram that the socket had no room for. */
struct late {
	struct late *next;
	size_t n;
	u8 data[];
};

struct client {
	struct client *next, **pprev;
	struct agent *agent;
	struct loop_fd sock;
	bool hello, subscribed, dumping;
	u32 dump_seq, dump_left; /* flows below this place are still to come */
	struct late *late, **late_end;
};

struct agent {
	struct agent_parts p;
	struct workers *workers;
	struct loop_fd listen, bell;
	struct client *clients;
	struct table by_id;
	struct dp_flow **flow;
	u64 *due_us; /* beside flow[]: when to look whether it is idle */
	u32 n_flows, cap_flows;
	struct timer scan;
	u64 epoch;
	s64 ahead;
	struct rule_maker *rules;
	struct op *op;
	struct order *order;
	void *in, *out; /* FLOW_DATAGRAM_MAX each */
};

/* ---- agent.c ---- */
struct dp_flow *agent_flow(struct agent *a, u64 id);
int agent_add(struct agent *a, struct dp_flow *f);
void agent_remove(struct agent *a, struct dp_flow *f);
void agent_report(struct agent *a, const struct dp_flow *f, struct tlv_report *r);
/* Microseconds from the engine's clock to time since 1970: the same each time, unless a clock was set. */
s64 agent_ahead(struct agent *a);
void agent_scan_soon(struct agent *a);
void agent_due(struct agent *a, struct dp_flow *f); /* idle time counts from now */

/* ---- verbs.c ---- */
/* A datagram from c. -EBADMSG: c is not worth listening to any more. */
int verbs_run(struct agent *a, struct client *c, const void *data, size_t n);
/* Goes on with c's dump until its socket is full. */
void verbs_dump(struct agent *a, struct client *c);

/* ---- verbs_trace.c ---- */
/* Finds op->frames. 0, -ENOENT, -ENOMEM. */
int verbs_trace(struct agent *a, struct op *op);
void verbs_trace_reply(struct agent *a, struct client *c, struct op *op);

/* ---- client.c ---- */
int client_accept(struct agent *a, int fd);
void client_free(struct client *c);
/* A reply: kept when there is no room, then nothing is read from c until it is gone. */
void client_reply(struct client *c, const void *data, size_t n);
bool client_busy(const struct client *c); /* a reply is kept */
/* An event: lost when there is no room. */
void client_event(struct client *c, const void *data, size_t n);

#endif
