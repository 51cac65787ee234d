// SPDX-License-Identifier: GPL-2.0-only
/* Packets of sources that are not proven yet: up to SOURCE_HELD of each of SOURCE_CANDIDATES, and so much memory over the
 * whole namespace that strangers cannot take all of it; over all that are of user namespaces together, nor can those. */
#include <linux/slab.h>
#include "path_priv.h"

#define HELD_OCTETS (8 << 20)

struct sluice_held {
	struct sk_buff_head slot[SOURCE_CANDIDATES];
};

/* ---- memory ---- */

static atomic_t user_octets = ATOMIC_INIT(0); /* of all namespaces that are of user namespaces */

static atomic_t *booked(struct sluice_path *path)
{
	struct sluice_net *sn = path->flow->sn;

	return sluice_net_is_users(sn) ? &user_octets : &sn->held_octets;
}

static bool book(struct sluice_path *path, u32 octets)
{
	if (atomic_add_return(octets, booked(path)) <= HELD_OCTETS)
		return true;
	atomic_sub(octets, booked(path));
	return false;
}

/* ---- packets ---- */

static struct sluice_held *held_new(void)
{
	struct sluice_held *h = kmalloc(sizeof(*h), GFP_ATOMIC);

	for (unsigned int i = 0; h && i < SOURCE_CANDIDATES; i++)
		__skb_queue_head_init(&h->slot[i]);
	return h;
}

struct sk_buff *held_take(struct sluice_path *path, unsigned int slot)
{
	struct sluice_held *h = path->held;
	struct sk_buff *skb = h && slot < SOURCE_CANDIDATES ? __skb_dequeue(&h->slot[slot]) : NULL;

	if (skb)
		atomic_sub(skb->truesize, booked(path));
	return skb;
}

static void slot_free(struct sluice_path *path, unsigned int slot, unsigned int reason,
		      struct sk_buff_head *gone)
{
	struct sk_buff *skb;

	while ((skb = held_take(path, slot))) {
		if (!gone) {
			path_drop(path, skb, reason);
			continue;
		}
		sluice_drop(path->flow->sn, reason);
		__skb_queue_tail(gone, skb);
	}
}

void held_free(struct sluice_path *path, unsigned int reason, struct sk_buff_head *gone)
{
	if (!path->held)
		return;
	for (unsigned int i = 0; i < SOURCE_CANDIDATES; i++)
		slot_free(path, i, reason, gone);
	kfree(path->held);
	path->held = NULL;
}

/* False: there is no room. */
static bool has_room(struct sluice_path *path, unsigned int slot, u32 octets)
{
	if (slot >= SOURCE_CANDIDATES)
		return false;
	if (!path->held)
		path->held = held_new();
	if (!path->held || skb_queue_len(&path->held->slot[slot]) >= SOURCE_HELD)
		return false;
	return book(path, octets);
}

void held_put(struct sluice_path *path, struct passing *p, const struct relay_plan *plan)
{
	if (path->held && plan->hold_fresh)
		slot_free(path, plan->hold_slot, SLUICE_DROP_HELD_LOST, NULL);
	if (!has_room(path, plan->hold_slot, p->skb->truesize)) {
		path->dir.dropped++;
		path_drop(path, p->skb, RELAY_DROP_CANDIDATE);
		return;
	}
	*kept_of(p->skb) = (struct kept){ .src = p->r.src, .now_us = p->r.now_us, .ttl = p->ttl };
	__skb_queue_tail(&path->held->slot[plan->hold_slot], p->skb);
}
