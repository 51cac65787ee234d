/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The rate that a side's RTP may have: a bucket that holds `burst` octets and is filled with `rate` a
 * second, written as the time when it is full again (the virtual scheduling of ITU-T I.371). A
 * packet that finds it full passes, however large it is. */
#include "relay/relay_priv.h"

#define TICKS     16       /* of police_at, a microsecond */
#define SPAN      (60 * S) /* far below the 134 s in which the clock of police_at can be told */
#define FLOOD_GAP (10 * S)

void police_set(struct relay_dir *d, u64 now_us)
{
	const struct flow_side *in = &d->rule->side[d->side];
	u32 was = d->police_q8;

	d->police_q8 = 0;
	if (d->component != RELAY_RTP || d->rule->kind != FLOW_KIND_RTP || !in->rate)
		return;
	u64 q8 = (TICKS * S * 256 + in->rate / 2) / in->rate;
	u64 most = in->burst * q8 >> 8;
	d->police_q8 = q8 ? (u32)q8 : 1;
	d->police_max = (u32)(most < TICKS * SPAN ? most : TICKS * SPAN);
	if (!was)
		d->police_at = (u32)(now_us * TICKS);
}

bool police(struct relay_dir *d, const struct relay_packet *pkt)
{
	u32 now = (u32)(pkt->now_us * TICKS), cost = police_cost(d, pkt);

	if (police_full(d, pkt))
		return true;
	if (relay_since(pkt->now_us, d->last_us) > SPAN) { /* its clock went round */
		/* For those of the same burst; the packet passes and will say so itself. */
		d->last_us = pkt->now_us;
		d->police_at = now + cost;
		return true;
	}
	if ((u64)(d->police_at - now) + cost > d->police_max)
		return false;
	d->police_at += cost;
	return true;
}

void police_drop(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan)
{
	plan_drop(d, plan, RELAY_DROP_POLICED);
	d->policed++;
	if (plan->note != SOURCE_QUIET ||
	    (d->flood_us && relay_since(pkt->now_us, d->flood_us) < FLOOD_GAP))
		return;
	d->flood_us = pkt->now_us ? pkt->now_us : 1;
	plan->note = SOURCE_FLOOD;
}
