/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of packet heads: what came in and what went out of each flow lately, for FLOW_CMD_TRACE. It is
 * always on; a new packet takes the place of the oldest. Kept are the first packets of each stream, one in
 * TRACE_EVERY after them, those around a change of source or SSRC, and each one that was dropped, of which
 * at most TRACE_DROPS a second and flow, so that a flood does not push out everything else.
 *
 * Of media nothing behind the RTP header is kept: neither sound nor keys.
 *
 * Each worker writes its own ring; the agent reads it meanwhile: each entry is a seqlock, and one that is
 * being written is left out. */
#ifndef SLUICE_DP_TRACE_H
#define SLUICE_DP_TRACE_H

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include "relay/relay.h"

#define TRACE_MEMORY  (16u << 20) /* octets of all rings */
#define TRACE_FIRST   16
#define TRACE_EVERY   64
#define TRACE_DROPS   32

#define TRACE_RELAYED 0xffff /* in place of the number of a drop */

struct trace;

struct trace_frame {
	u64 flow_id;
	u64 at_us; /* on the worker's clock */
	u16 len;   /* octets of the IP packet */
	u16 why;   /* dp_drop_name(), or TRACE_RELAYED */
	u8 side;
	u8 out; /* it left by that side */
	u8 n;   /* octets of head */
	u8 zero;
	u8 head[FLOW_HEAD_MAX]; /* from the IP header on */
};

/* One of `workers` rings. NULL: no memory. */
struct trace *trace_new(unsigned workers);
void trace_free(struct trace *t);

/* True for a packet of `d` that is to be kept, before relay_commit(). */
bool trace_due_rarely(const struct relay_dir *d, bool is_rtcp);

static inline bool trace_due(const struct relay_dir *d, bool is_rtcp)
{
	u32 n = d->rtp.received;
	/* Not 1: no RTP yet, or another SSRC than before. */
	if (unlikely(d->rtp.started != 1 || is_rtcp))
		return trace_due_rarely(d, is_rtcp);
	return unlikely(n < TRACE_FIRST || n % TRACE_EVERY == 0);
}

/* Goes along with a packet whose head was kept when it came in, so that it is kept when it leaves. */
struct trace_tag {
	u64 flow_id; /* 0: it was not kept */
	u8 side;     /* by which it leaves */
	bool raw;    /* of a flow that is not RTP */
};

struct trace_tag trace_tag(const struct relay_dir *d);

/* The frame in `m`, from its Ethernet header on, as it came in on d->side. */
void trace_in(struct trace *t, const struct relay_dir *d, const struct rte_mbuf *m, u64 at_us);
/* The same, and it is dropped. */
void trace_drop(struct trace *t, const struct relay_dir *d, const struct rte_mbuf *m, u64 at_us,
		unsigned why);
/* As it leaves, or would: `why` is TRACE_RELAYED or the drop. */
void trace_out(struct trace *t, const struct trace_tag *tag, const struct rte_mbuf *m, u64 at_us,
	       unsigned why);

/* What `n` rings have of a flow, oldest first, of more than `max` the newest. *out is the caller's. The number of
 * frames, or -ENOMEM. Any thread. */
int trace_collect(struct trace *const *rings, unsigned n, u64 flow_id, unsigned max,
		  struct trace_frame **out);

#endif
