/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Sources that are not proven yet, and which of them is the best. */
#include "relay/relay_priv.h"

#define RUN_GAP (200 * MS)

/* The candidate's own slot, a free one, or that of one which fell silent or has a worse rank. */
static struct source_candidate *find_slot(struct source *s, const struct source_packet *p, u8 rank)
{
	struct source_candidate *c, *best = NULL;

	for (c = s->cand; c < s->cand + SOURCE_CANDIDATES; c++)
		if (c->used && addr_same(&c->addr, p->from))
			return c;
	for (c = s->cand; c < s->cand + SOURCE_CANDIDATES; c++) {
		if (!c->used)
			return c;
		if (relay_since(p->now_us, c->last_us) > RUN_GAP || c->rank > rank)
			best = c;
	}
	return best;
}

static bool goes_on(const struct source_candidate *c, const struct source_packet *p)
{
	u16 step = (u16)(p->seq - c->seq);

	return c->ssrc == p->ssrc && step >= 1 && step <= CANDIDATE_STEP &&
	       relay_since(p->now_us, c->last_us) <= RUN_GAP;
}

struct source_candidate *candidate_track(struct source *s, const struct source_packet *p, u8 rank,
					 u8 *freed)
{
	struct source_candidate *c = find_slot(s, p, rank);

	if (!c)
		return NULL;
	if (!c->used || !addr_same(&c->addr, p->from) || c->ssrc != p->ssrc) {
		*freed += c->held;
		*c = (struct source_candidate){ .addr = *p->from, .rank = rank, .used = 1 };
	}
	/* Who has proven itself has done so: a pause at the end of the probe must not let the other one win. */
	if (goes_on(c, p))
		c->run = c->run < 255 ? c->run + 1 : c->run;
	else if (c->run < CANDIDATE_RUN)
		c->run = 1;
	c->ssrc = p->ssrc;
	c->seq = p->seq;
	c->ts = p->ts;
	c->last_us = p->now_us;
	return c;
}

/* At equal rank: the port that the SDP named, then the one that still sends. */
static int compare(const struct source_candidate *a, const struct source_candidate *b, u16 port,
		   u64 now)
{
	if (a->rank != b->rank)
		return (int)a->rank - b->rank;
	if ((a->addr.port == port) != (b->addr.port == port))
		return a->addr.port == port ? -1 : 1;
	return (int)(relay_since(now, a->last_us) > RUN_GAP) -
	       (relay_since(now, b->last_us) > RUN_GAP);
}

const struct source_candidate *candidate_best(const struct source *s, const struct flow_side *side,
					      u64 now, bool *tie)
{
	const struct source_candidate *c, *best = NULL;

	*tie = false;
	for (c = s->cand; c < s->cand + SOURCE_CANDIDATES; c++) {
		if (!c->used || c->run < CANDIDATE_RUN)
			continue;
		int order = best ? compare(c, best, side->remote.port, now) : -1;
		*tie = order < 0 ? false : *tie || !order;
		if (order < 0)
			best = c;
	}
	return best;
}

void source_drop_candidates(struct source *s, u8 *freed)
{
	for (unsigned i = 0; i < SOURCE_CANDIDATES; i++)
		*freed += s->cand[i].held;
	__builtin_memset(s->cand, 0, sizeof(s->cand));
	s->probe_us = 0;
}

bool source_holds(const struct source *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SOURCE_CANDIDATES; i++)
		n += s->cand[i].held;
	return n;
}

bool source_ticking(const struct source *s)
{
	if (s->state == FLOW_STATE_LOCKED_WEAK || s->state == FLOW_STATE_RELEARN)
		return true;
	if (s->state != FLOW_STATE_PROBE || !s->probe_us)
		return false;
	for (unsigned i = 0; i < SOURCE_CANDIDATES; i++)
		if (s->cand[i].used && s->cand[i].run >= CANDIDATE_RUN)
			return true;
	return false;
}
