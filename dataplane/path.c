/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_mempool.h>
#include "worker_priv.h"

/* ---- the list of paths that time alone can change ---- */

static void tick_remove(struct worker *w, struct path *path)
{
	if (!path->ticking)
		return;
	struct path *last = w->ticking[--w->n_ticking];
	w->ticking[path->ticking - 1] = last;
	last->ticking = path->ticking;
	path->ticking = 0;
}

static void tick_update(struct worker *w, struct path *path)
{
	bool wanted = relay_ticking(&path->dir);
	if (wanted == (path->ticking != 0))
		return;
	if (!wanted) {
		tick_remove(w, path);
	} else if (w->n_ticking < TICKING_MAX) { /* else its next packet does it */
		w->ticking[w->n_ticking++] = path;
		path->ticking = w->n_ticking;
	}
}

/* ---- what control is told ---- */

static void tell_note(struct worker *w, struct path *path, const struct relay_plan *plan)
{
	if (plan->note == SOURCE_LATCHED)
		note_source(w, path, FLOW_EVENT_LATCHED, &path->dir.src.lock);
	else if (plan->note == SOURCE_CONFLICT)
		note_source(w, path, FLOW_EVENT_CONFLICT, &(struct flow_addr){ 0 });
	else if (plan->note == SOURCE_FLOOD)
		note_source(w, path, FLOW_EVENT_FLOOD, &(struct flow_addr){ 0 });
	else if (plan->note == SOURCE_KEY)
		note_key(w, path, plan);
}

/* ---- packets of sources that are not proven yet ---- */

static void slot_free(struct worker *w, struct path *path, unsigned slot, unsigned reason)
{
	struct held *h = path->held;
	while (h->n[slot])
		path_drop(w, path, h->packet[slot][--h->n[slot]].m, reason);
}

static void held_free(struct worker *w, struct path *path, unsigned reason)
{
	if (!path->held)
		return;
	for (unsigned s = 0; s < SOURCE_CANDIDATES; s++)
		slot_free(w, path, s, reason);
	rte_mempool_put(w->held_pool, path->held);
	path->held = NULL;
}

static void hold(struct worker *w, struct path *path, struct packet *p,
		 const struct relay_plan *plan)
{
	unsigned slot = plan->hold_slot;
	void *mem;
	if (!path->held && rte_mempool_get(w->held_pool, &mem) == 0) {
		path->held = mem;
		memset(path->held->n, 0, sizeof(path->held->n));
	}
	if (path->held && slot < SOURCE_CANDIDATES && plan->hold_fresh)
		slot_free(w, path, slot, DP_DROP_HELD_LOST);
	if (!path->held || slot >= SOURCE_CANDIDATES || path->held->n[slot] == SOURCE_HELD) {
		path->dir.dropped++;
		path_drop(w, path, p->m, RELAY_DROP_CANDIDATE);
		return;
	}
	path->held->packet[slot][path->held->n[slot]++] = *p;
}

/* For FLOW_CMD_TRACE, before the payload changes. */
static inline void keep_head(struct worker *w, struct path *path, struct packet *p,
			     const struct relay_plan *plan)
{
	p->trace.flow_id = 0;
	if (likely(!trace_due(&path->dir, plan->is_rtcp) && plan->note != SOURCE_LATCHED))
		return;
	trace_in(w->trace, &path->dir, p->m, p->r.now_us);
	p->trace = trace_tag(&path->dir);
}

static void forward(struct worker *w, struct path *path, struct packet *p,
		    const struct relay_plan *plan)
{
	keep_head(w, path, p, plan);
	relay_commit(&path->dir, &p->r, plan);
	if (unlikely(plan->seal)) {
		burst_seal(w, path, p, plan);
		return;
	}
	/* The sum that came with it does not count any more. */
	if (unlikely(plan->edit || p->r.authentic))
		packet_sum(p);
	send_packet(w, path, p, plan);
}

static void take(struct worker *w, struct path *path, struct packet *p,
		 const struct relay_plan *plan)
{
	keep_head(w, path, p, plan);
	relay_commit(&path->dir, &p->r, plan);
	w->stats.keys_taken++;
	rte_pktmbuf_free(p->m);
}

static void held_forward(struct worker *w, struct path *path, struct packet *p)
{
	struct relay_plan plan = { 0 };
	relay_plan_held(&path->dir, &p->r, &plan);
	if (plan.action == RELAY_FORWARD)
		forward(w, path, p, &plan);
	else if (plan.action == RELAY_TAKE)
		take(w, path, p, &plan);
	else
		path_drop(w, path, p->m,
			  plan.action == RELAY_DROP ? plan.drop : (unsigned)DP_DROP_HELD_LOST);
	tell_note(w, path, &plan);
}

/* The packets of the chosen candidate go out in order, before the one that decided. */
static void held_flush(struct worker *w, struct path *path, unsigned slot)
{
	struct held *h = path->held;
	if (!h)
		return;
	if (slot < SOURCE_CANDIDATES) {
		unsigned n = h->n[slot];
		h->n[slot] = 0;
		for (unsigned i = 0; i < n; i++)
			held_forward(w, path, &h->packet[slot][i]);
	}
	held_free(w, path, DP_DROP_HELD_LOST);
}

/* ---- verdicts ---- */

static void act_on_note(struct worker *w, struct path *path, const struct relay_plan *plan)
{
	if (plan->note == SOURCE_LATCHED)
		held_flush(w, path, plan->flush_slot);
	else if (plan->note == SOURCE_CONFLICT)
		held_free(w, path, DP_DROP_HELD_LOST);
}

/* A packet of our own: the relay wrote its payload. */
static void make(struct worker *w, struct path *path, const struct relay_plan *plan)
{
	/* Without memory it is as good as lost on the way. */
	if (made_send(w, path, path->dir.play.packet, RELAY_MADE, plan))
		w->stats.keys_made++;
}

/* ---- entry points ---- */

/* Can this packet have changed what time alone will change? What tells is in cold memory, so it is looked at only where
 * something may be going on. */
static bool may_tick(const struct path *path, u8 pt)
{
	return path->ticking || path->dir.src.state != FLOW_STATE_LOCKED || pt == path->event_pt;
}

void path_packet(struct worker *w, struct path *path, struct packet *p)
{
	struct relay_plan plan = { .flush_slot = SOURCE_NONE };
	u8 pt = p->r.payload[1] & 127;
	p->r.now_us = w->now_us;
	relay_plan(&path->dir, &path->rtp->dir, &p->r, &plan);
	if (unlikely(plan.note != SOURCE_QUIET))
		act_on_note(w, path, &plan);
	switch (plan.action) {
	case RELAY_FORWARD:
		forward(w, path, p, &plan);
		break;
	case RELAY_TAKE:
		take(w, path, p, &plan);
		break;
	case RELAY_HOLD:
		hold(w, path, p, &plan);
		break;
	case RELAY_PUNT:
		note_punt(w, path, p);
		break;
	case RELAY_DROP:
		path_drop(w, path, p->m, plan.drop);
		break;
	}
	if (unlikely(plan.note != SOURCE_QUIET))
		tell_note(w, path, &plan);
	if (unlikely(may_tick(path, pt)))
		tick_update(w, path);
}

void path_tick(struct worker *w, struct path *path)
{
	struct relay_plan plan = { .flush_slot = SOURCE_NONE };
	relay_tick(&path->dir, w->now_us, &plan);
	act_on_note(w, path, &plan);
	tell_note(w, path, &plan);
	if (plan.action == RELAY_FORWARD)
		make(w, path, &plan);
	burst_flush(w);
	tick_update(w, path);
}

enum relay_played path_play(struct worker *w, struct path *path, const struct order *o)
{
	enum relay_played played = relay_dtmf(&path->dir, o->key, o->ms, w->now_us);
	tick_update(w, path);
	return played;
}

void path_renew(struct worker *w, struct path *path, const struct rule *rule)
{
	path->dir.srtp = flow_srtp(path_flow(path), path->dir.side, path->dir.component);
	relay_dir_update(&path->dir, &rule->flow, w->now_us);
	if (!source_holds(&path->dir.src))
		held_free(w, path,
			  DP_DROP_HELD_ENDED); /* the new rule wants no proof, or another one */
	path_take_rule(path, rule);
	path->hop = NULL;
	tick_update(w, path);
}

void path_forget(struct worker *w, struct path *path)
{
	tick_remove(w, path);
	held_free(w, path, DP_DROP_HELD_ENDED);
}
