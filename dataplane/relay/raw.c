/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Datagrams that are passed as they are (UDPTL). Nothing in them tells one sender from another, so
 * their source is learned by address alone, in the states of source.h:
 *   PROBE       the first eligible source is locked; in the second after that one of a better rank
 *               takes its place
 *   LOCKED      only this source. After RAW_SILENT without it, where no hold is on: another that is as
 *               good, of the same address or of a better rank; more than 3 times in 60 s -> FROZEN
 *   RELEARN     as for RTP: the old source goes on for 2 s at most, the first eligible one ends it
 * IDLE, CONFLICT and FROZEN are as they are for RTP. What a flow of RTP has learned holds, and so it
 * does the other way round: fax comes and goes within a call. */
#include "relay/relay_priv.h"

#define RAW_WEAK    (1 * S)
#define RAW_SILENT  (2 * S)
#define RELEARN_MAX (2 * S)
#define REBIND_SPAN (60 * S)

static void refuse(struct source_verdict *v, enum relay_drop drop)
{
	v->action = RELAY_DROP;
	v->drop = drop;
}

static void set_state(struct source *s, u8 state, u64 now_us)
{
	if (s->state != state)
		s->since_us = now_us;
	s->state = state;
}

static void lock(struct source *s, const struct flow_addr *from, u8 rank, u64 now_us,
		 struct source_verdict *v)
{
	source_drop_candidates(s, &v->freed);
	s->lock = *from;
	s->lock.len = 0;
	s->out = s->lock;
	s->rank = rank;
	s->last_us = now_us;
	s->since_us = now_us;
	s->state = rank >= 2 ? FLOW_STATE_LOCKED_WEAK : FLOW_STATE_LOCKED;
	v->note = SOURCE_LATCHED;
}

static bool too_often(struct source *s, u64 now_us)
{
	const unsigned n = sizeof(s->rebind_us) / sizeof(s->rebind_us[0]);

	if (s->rebind_us[0] && relay_since(now_us, s->rebind_us[0]) < REBIND_SPAN)
		return true;
	for (unsigned i = 0; i + 1 < n; i++)
		s->rebind_us[i] = s->rebind_us[i + 1];
	s->rebind_us[n - 1] = now_us ? now_us : 1;
	return false;
}

static void other(struct source *s, const struct flow_side *side, const struct flow_addr *from,
		  u64 now_us, struct source_verdict *v)
{
	u8 rank = source_rank(side, from);

	if (rank == SOURCE_NONE)
		return refuse(v, RELAY_DROP_UNLEARNED);
	if (rank && source_is_poisoned(s, from))
		return refuse(v, RELAY_DROP_POISONED);
	if (s->state == FLOW_STATE_PROBE || s->state == FLOW_STATE_RELEARN)
		return lock(s, from, rank, now_us, v);
	bool better = rank < s->rank;
	if (better && relay_since(now_us, s->since_us) < RAW_WEAK)
		return lock(s, from, rank, now_us, v);
	if (side->flags & FLOW_SIDE_HOLD || relay_since(now_us, s->last_us) < RAW_SILENT ||
	    s->state == FLOW_STATE_FROZEN ||
	    (!better && (rank > s->rank || !ip_eq(from, &s->lock))))
		return refuse(v, RELAY_DROP_OTHER_SOURCE);
	if (too_often(s, now_us)) {
		set_state(s, FLOW_STATE_FROZEN, now_us);
		return refuse(v, RELAY_DROP_OTHER_SOURCE);
	}
	lock(s, from, rank, now_us, v);
}

/* What time alone did since the last datagram. */
static void pass(struct source *s, const struct flow_side *side, u64 now_us)
{
	if (s->state == FLOW_STATE_REBIND_OK)
		set_state(s, FLOW_STATE_LOCKED, now_us);
	if (s->state != FLOW_STATE_RELEARN || relay_since(now_us, s->since_us) < RELEARN_MAX)
		return;
	s->lock = (struct flow_addr){ .family = 0 };
	s->out = source_before_lock(side);
	set_state(s, FLOW_STATE_PROBE, now_us);
}

/* The second in which a better one may come begins with the lock, and only with it. */
static void end_weak(struct source *s, u64 now_us)
{
	if (s->state == FLOW_STATE_LOCKED_WEAK && relay_since(now_us, s->since_us) >= RAW_WEAK)
		s->state = FLOW_STATE_LOCKED;
}

void source_datagram(struct source *s, const struct flow_side *side, const struct flow_addr *from,
		     u64 now_us, struct source_verdict *v)
{
	*v = (struct source_verdict){ .action = RELAY_FORWARD, .flush = SOURCE_NONE };
	pass(s, side, now_us);
	if (s->state == FLOW_STATE_IDLE) {
		source_spray(s, from, now_us);
		return refuse(v, RELAY_DROP_NOT_READY);
	}
	if (s->state == FLOW_STATE_CONFLICT)
		return refuse(v, RELAY_DROP_CONFLICT);
	if (!s->lock.family || !addr_same(from, &s->lock))
		return other(s, side, from, now_us, v);
	s->last_us = now_us;
	end_weak(s, now_us);
}

void raw_tick(struct relay_dir *d, u64 now_us, struct relay_plan *plan)
{
	struct source *s = &d->src;
	struct source_verdict v = { .flush = SOURCE_NONE };

	pass(s, &d->rule->side[d->side], now_us);
	end_weak(s, now_us);
	relay_learned(d, &v, plan);
}

void raw_plan(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan)
{
	struct source_verdict v;

	/* Datagrams cannot be opened or sealed: they do not pass in place of SRTP. */
	if (d->component == RELAY_RTCP || d->secure || d->seal)
		return plan_drop(d, plan, RELAY_DROP_NOT_MEDIA);
	if (!pkt->len)
		return plan_drop(d, plan, RELAY_DROP_SHORT);
	source_datagram(&d->src, &d->rule->side[d->side], &pkt->src, pkt->now_us, &v);
	relay_learned(d, &v, plan);
	if (v.action == RELAY_DROP) {
		if (v.drop == RELAY_DROP_UNLEARNED)
			d->refused = pkt->src;
		return plan_drop(d, plan, v.drop);
	}
	if (!relay_get_to(d, &plan->dst))
		return plan_drop(d, plan, RELAY_DROP_NO_DESTINATION);
	plan_forward(d, plan);
	plan->edit = EDIT_RAW;
}
