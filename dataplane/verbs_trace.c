/* SPDX-License-Identifier: Apache-2.0 */
/* TRACE: what the rings of packet heads have of one flow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/netlink.h>
#include "agent_priv.h"
#include "trace.h"

#define FRAMES_MAX 16384 /* of one answer: 3 MB */

/* To be answered by verbs_trace_reply() where it returns 0. */
int verbs_trace(struct agent *a, struct op *op)
{
	u64 id = tlv_u64(&op->msg, FLOW_A_ID, 0);
	struct trace *ring[WORKERS_MAX];
	int n = trace_collect(ring, workers_traces(a->workers, ring), id, FRAMES_MAX, &op->frames);
	if (n < 0)
		return n;
	op->n_frames = (unsigned)n;
	return n || agent_flow(a, id) ? 0 : -ENOENT;
}

static int put_frame(struct tlv_out *o, u32 seq, s64 ahead, const struct trace_frame *f)
{
	struct tlv_frame t = { .time_us = f->at_us + (u64)ahead,
			       .len = f->len,
			       .side = f->side,
			       .out = f->out,
			       .n_head = f->n,
			       .why = f->why == TRACE_RELAYED ? NULL : dp_drop_name(f->why) };
	memcpy(t.head, f->head, f->n);
	tlv_begin(o, FLOW_CMD_TRACE, NLM_F_MULTI, seq);
	tlv_put_u32(o, FLOW_A_STATUS, 0);
	tlv_put_frame(o, &t);
	return tlv_end(o);
}

void verbs_trace_reply(struct agent *a, struct client *c, struct op *op)
{
	struct tlv_out o;
	s64 ahead = agent_ahead(a);
	tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
	for (unsigned i = 0; i < op->n_frames; i++) {
		if (!put_frame(&o, op->msg.seq, ahead, &op->frames[i]))
			continue;
		client_reply(c, o.p, o.n);
		tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
		put_frame(&o, op->msg.seq, ahead, &op->frames[i]);
	}
	tlv_begin_done(&o, op->msg.seq);
	if (tlv_end(&o)) {
		client_reply(c, o.p, o.n);
		tlv_out_init(&o, a->out, FLOW_DATAGRAM_MAX);
		tlv_begin_done(&o, op->msg.seq);
		tlv_end(&o);
	}
	client_reply(c, o.p, o.n);
}
