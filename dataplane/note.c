/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_priv.h"

bool worker_note(struct worker *w, const struct note *n)
{
	w->tell = true;
	if (!rte_ring_enqueue_elem(w->notes, (void *)(uintptr_t)n, sizeof(*n)))
		return true;
	w->stats.events_lost++;
	return false;
}

bool workers_take_note(struct workers *ws, struct note *out)
{
	for (unsigned i = 0; i < ws->n; i++)
		if (rte_ring_dequeue_elem(ws->w[i]->notes, out, sizeof(*out)) == 0)
			return true;
	return false;
}

static struct note note_of(const struct path *path, u32 event)
{
	return (struct note){ .flow_id = path->dir.rule->id,
			      .gen = path->dir.rule->gen,
			      .event = event,
			      .side = path->dir.side };
}

void note_source(struct worker *w, const struct path *path, u32 event,
		 const struct flow_addr *source)
{
	struct note n = note_of(path, event);
	n.source = *source;
	/* Control asks where a side's media comes from; RTCP follows it and is not worth a message. */
	if (path->dir.component == RELAY_RTP)
		worker_note(w, &n);
}

void note_key(struct worker *w, const struct path *path, const struct relay_plan *plan)
{
	struct note n = note_of(path, FLOW_EVENT_DTMF);
	n.key = plan->key;
	n.key_ms = plan->key_ms;
	worker_note(w, &n);
}

void note_punt(struct worker *w, struct path *path, struct packet *p)
{
	trace_in(w->trace, &path->dir, p->m, w->now_us);
	struct note n = note_of(path, FLOW_EVENT_PUNT);
	n.source = p->r.src;
	n.component = path->dir.component;
	n.m = p->m;
	rte_pktmbuf_adj(p->m, (uint16_t)(p->r.payload - rte_pktmbuf_mtod(p->m, u8 *)));
	rte_pktmbuf_trim(p->m, (uint16_t)(p->m->data_len - p->r.len));
	if (p->r.len <= FLOW_PAYLOAD_MAX && worker_note(w, &n))
		w->stats.punted++;
	else
		drop(w, p->m, DP_DROP_PUNT_FULL);
}

void note_index(struct worker *w, struct path *path)
{
	struct relay_dir *d = &path->dir;
	for (unsigned outgoing = 0; outgoing < 2; outgoing++) {
		struct note n = note_of(path, FLOW_EVENT_INDEX);
		n.side = outgoing ? !d->side : d->side;
		if (relay_resume_state(d, outgoing, &n.resume))
			worker_note(w, &n);
	}
}
