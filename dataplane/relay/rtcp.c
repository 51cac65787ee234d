/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* RTCP follows the RTP of its side: it is taken from where the RTP comes from and teaches the RTP
 * nothing. */
#include "relay/relay_priv.h"

#define TOKENS_PACKET (200 * MS) /* 5 packets a second */
#define TOKENS_RTP    (4 * MS)   /* and one for every 50 of RTP */
#define TOKENS_MAX    (1 * S)
#define LOCK_SILENT   (15 * S) /* three reports of 5 s missed: the port may have changed */

static bool take_token(struct relay_dir *d, const struct relay_dir *rtp, u64 now)
{
	u64 gone = now > d->rtcp_refill_us ? now - d->rtcp_refill_us : 0;
	u64 tokens =
		d->rtcp_tokens_us + gone + (relay_packets(rtp) - d->rtcp_rtp_seen) * TOKENS_RTP;

	if (tokens > TOKENS_MAX)
		tokens = TOKENS_MAX;
	d->rtcp_refill_us = now;
	d->rtcp_rtp_seen = relay_packets(rtp);
	bool taken = tokens >= TOKENS_PACKET;
	d->rtcp_tokens_us = (u32)(taken ? tokens - TOKENS_PACKET : tokens);
	return taken;
}

void rtcp_init(struct relay_dir *d)
{
	d->rtcp_tokens_us = TOKENS_MAX;
	d->src.state = FLOW_STATE_PROBE;
}

enum relay_drop rtcp_source(const struct relay_dir *d, const struct relay_dir *rtp,
			    const struct relay_packet *pkt)
{
	const struct flow_side *side = &d->rule->side[d->side];
	const struct flow_addr *lock = &rtp->src.lock;
	bool muxed = side->flags & FLOW_SIDE_RTCP_MUX;

	if (rtp->src.state == FLOW_STATE_IDLE)
		return RELAY_DROP_NOT_READY;
	if (rtp->src.state == FLOW_STATE_CONFLICT)
		return RELAY_DROP_CONFLICT;
	if (lock->family && (muxed ? addr_same(&pkt->src, lock) : ip_eq(&pkt->src, lock)))
		return RELAY_DROP_COUNT;
	if (source_rank(side, &pkt->src) == SOURCE_NONE && !ip_eq(&pkt->src, &side->remote))
		return RELAY_DROP_UNLEARNED;
	return lock->family ? RELAY_DROP_OTHER_SOURCE : RELAY_DROP_CANDIDATE;
}

/* The port that the SDP named is always right, and that of RTP where it is shared; another one holds until
 * it falls silent. */
static bool learn(struct relay_dir *d, const struct relay_packet *pkt)
{
	const struct flow_side *side = &d->rule->side[d->side];
	struct source *s = &d->src;

	if (!(side->flags & FLOW_SIDE_RTCP_MUX) && s->lock.family &&
	    !addr_same(&pkt->src, &s->lock) && ip_eq(&pkt->src, &s->lock) &&
	    pkt->now_us < s->last_us + LOCK_SILENT &&
	    !(pkt->src.port == side->remote_rtcp && ip_eq(&pkt->src, &side->remote)))
		return false;
	if (!s->lock.family || !addr_same(&pkt->src, &s->lock)) {
		s->lock = pkt->src;
		s->lock.len = 0;
		s->state = FLOW_STATE_LOCKED;
		s->since_us = pkt->now_us;
		relay_set_to(d->peer, &s->lock);
	}
	s->last_us = pkt->now_us;
	return true;
}

/* The address is always that of the other side's RTP. False: nowhere. */
static bool destination(const struct relay_dir *d, const struct relay_dir *rtp,
			struct flow_addr *dst)
{
	const struct flow_side *other = &d->rule->side[!d->side];
	struct flow_addr learned;

	if (!d->from_port || !relay_get_to(rtp, dst))
		return false;
	if (other->flags & FLOW_SIDE_RTCP_MUX)
		return true;
	if (relay_get_to(d, &learned) && ip_eq(&learned, dst))
		*dst = learned;
	else
		dst->port = other->remote_rtcp;
	return dst->port;
}

void rtcp_plan(struct relay_dir *d, const struct relay_dir *rtp, const struct relay_packet *pkt,
	       struct relay_plan *plan)
{
	plan->is_rtcp = 1;
	enum relay_drop why = rtcp_source(d, rtp, pkt);
	if (why == RELAY_DROP_UNLEARNED)
		d->refused = pkt->src;
	if (why != RELAY_DROP_COUNT)
		return plan_drop(d, plan, why);
	if (!rtcp_compound_ok(pkt->payload, pkt->len))
		return plan_drop(d, plan, RELAY_DROP_RTCP_MALFORMED);
	if (!learn(d, pkt))
		return plan_drop(d, plan, RELAY_DROP_OTHER_SOURCE);
	if (!destination(d, rtp, &plan->dst))
		return plan_drop(d, plan, RELAY_DROP_NO_DESTINATION);
	if (!take_token(d, rtp, pkt->now_us))
		return plan_drop(d, plan, RELAY_DROP_RTCP_RATE);
	if (d->rule->side[0].ssrc_mask | d->rule->side[1].ssrc_mask)
		plan->edit = EDIT_MASK;
	plan_forward(d, plan);
}
