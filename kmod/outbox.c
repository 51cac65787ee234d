// SPDX-License-Identifier: GPL-2.0-only
/* What a packet leads to while a side's lock is held is done after it: packets are sent in order, then control is told. */
#include <linux/slab.h>
#include "path_priv.h"

#define ROUNDS 4

/* The skb of a punted packet is its payload. */
struct outnote {
	struct outnote *next;
	struct sk_buff *skb;
	struct sluice_note n;
};

/* Behind those that are being sent by another CPU. */
static void wait(struct sluice_path *path, struct sk_buff *skb)
{
	if (path->waiting)
		path->waiting_last->next = skb;
	else
		path->waiting = skb;
	path->waiting_last = skb;
}

void outbox_send(struct outbox *out, struct sluice_path *path, struct sk_buff *skb,
		 const struct relay_plan *plan, u8 ttl)
{
	*leaving_of(skb) = (struct leaving){
		.dst = plan->dst, .from = plan->from, .dscp = plan->dscp, .ttl = ttl
	};
	skb->next = NULL;
	if (path->flushing && !out->flushes) {
		wait(path, skb);
		return;
	}
	*out->last = skb;
	out->last = &skb->next;
}

void outbox_flushes(struct outbox *out, struct sluice_path *path)
{
	out->flushes |= !path->flushing;
	path->flushing = true;
}

/* ---- what control is told ---- */

static struct sluice_note *note_new(struct outbox *out, const struct sluice_path *path, u32 event)
{
	struct outnote *note = kmalloc(sizeof(*note), GFP_ATOMIC);

	if (!note) {
		sluice_count(path->flow->sn, events_lost);
		return NULL;
	}
	note->next = NULL;
	note->skb = NULL;
	note->n = (struct sluice_note){ .flow_id = path->dir.rule->id,
					.gen = path->dir.rule->gen,
					.event = event,
					.side = path->dir.side };
	*out->last_note = note;
	out->last_note = &note->next;
	return &note->n;
}

void outbox_tell(struct outbox *out, const struct sluice_path *path, const struct relay_plan *plan)
{
	static const u32 events[] = { [SOURCE_LATCHED] = FLOW_EVENT_LATCHED,
				      [SOURCE_CONFLICT] = FLOW_EVENT_CONFLICT,
				      [SOURCE_KEY] = FLOW_EVENT_DTMF,
				      [SOURCE_FLOOD] = FLOW_EVENT_FLOOD };
	struct sluice_note *n;

	/* Control asks where a side's media comes from; RTCP follows it and is not worth a message. */
	if (plan->note == SOURCE_QUIET ||
	    (plan->note != SOURCE_KEY && path->dir.component != RELAY_RTP))
		return;
	n = note_new(out, path, events[plan->note]);
	if (n && plan->note == SOURCE_LATCHED)
		n->source = path->dir.src.lock;
	if (n && plan->note == SOURCE_KEY) {
		n->key = plan->key;
		n->key_ms = plan->key_ms;
	}
}

void outbox_punt(struct outbox *out, const struct sluice_path *path, struct passing *p)
{
	struct sluice_note *n = NULL;

	if (p->r.len <= FLOW_PAYLOAD_MAX)
		n = note_new(out, path, FLOW_EVENT_PUNT);
	if (!n) {
		path_drop(path, p->skb, SLUICE_DROP_PUNT_FULL);
		return;
	}
	n->source = p->r.src;
	n->component = path->dir.component;
	n->payload = p->skb->data;
	n->len = p->r.len;
	container_of(n, struct outnote, n)->skb = p->skb;
}

void outbox_index(struct outbox *out, struct sluice_path *path)
{
	struct flow_resume resume;

	for (unsigned int outgoing = 0; outgoing < 2; outgoing++) {
		struct sluice_note *n;

		if (!relay_resume_state(&path->dir, outgoing, &resume))
			continue;
		n = note_new(out, path, FLOW_EVENT_INDEX);
		if (!n)
			continue;
		n->side = outgoing ? !path->dir.side : path->dir.side;
		n->resume = resume;
	}
}

/* ---- after the lock ---- */

static void tell(struct sluice_net *sn, struct outnote *note)
{
	bool told = event_send(sn, &note->n);

	if (note->skb) {
		if (told)
			sluice_count(sn, punted);
		else
			sluice_drop(sn, SLUICE_DROP_PUNT_FULL);
		kfree_skb(note->skb);
	}
	kfree(note);
}

static void send_all(struct sluice_path *path, struct sk_buff *skb)
{
	struct sk_buff *next;

	for (; skb; skb = next) {
		const struct leaving *to = leaving_of(skb);
		struct relay_plan plan = { .dst = to->dst, .from = to->from, .dscp = to->dscp };
		u8 ttl = to->ttl;

		next = skb->next;
		skb_mark_not_on_list(skb);
		tx_send(path, skb, &plan, ttl);
	}
}

/* What came while packets were sent. Who sends faster than that is not waited for in the end. */
static void send_waiting(struct sluice_path *path)
{
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		struct sk_buff *skb;

		spin_lock(path_lock(path));
		skb = path->waiting;
		path->waiting = NULL;
		path->flushing = skb && round < ROUNDS;
		spin_unlock(path_lock(path));
		if (!skb)
			return;
		send_all(path, skb);
	}
}

void outbox_empty(struct outbox *out, struct sluice_path *path)
{
	struct outnote *note = out->note, *later;

	send_all(path, out->first);
	if (out->flushes)
		send_waiting(path);
	for (; note; note = later) {
		later = note->next;
		tell(path->flow->sn, note);
	}
}
