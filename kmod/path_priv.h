/* SPDX-License-Identifier: GPL-2.0-only */
/* Between path.c (one packet), secure.c (its cipher), held.c (packets of sources that are not proven), tick.c (what time
 * alone does), outbox.c (what is done after a lock) and hook.c, tx.c. "Locked": with the lock of the path's side, BH disabled. */
#ifndef SLUICE_KMOD_PATH_PRIV_H
#define SLUICE_KMOD_PATH_PRIV_H

#include "sluice.h"

/* One packet on its way. */
struct passing {
	struct relay_packet r;
	struct sk_buff *skb;
	u8 ttl;
};

/* skb->cb of a packet that is kept, and of one that is about to be sent. */
struct kept {
	struct flow_addr src;
	u64 now_us;
	u8 ttl;
};

struct leaving {
	struct flow_addr dst, from;
	u8 dscp, ttl;
};

static_assert(sizeof(struct kept) <= sizeof_field(struct sk_buff, cb));
static_assert(sizeof(struct leaving) <= sizeof_field(struct sk_buff, cb));

static inline struct kept *kept_of(struct sk_buff *skb)
{
	return (struct kept *)skb->cb;
}

static inline struct leaving *leaving_of(struct sk_buff *skb)
{
	return (struct leaving *)skb->cb;
}

/* ---- outbox.c: nothing is sent or told under a lock ---- */

struct outnote;

struct outbox {
	struct sk_buff *first, **last;
	struct outnote *note, **last_note;
	bool flushes; /* earlier packets: what comes after them on another CPU must not overtake them */
};

static inline void outbox_init(struct outbox *out)
{
	*out = (struct outbox){ .last = &out->first, .last_note = &out->note };
}

/* Locked. Takes the skb. */
void outbox_send(struct outbox *out, struct sluice_path *path, struct sk_buff *skb,
		 const struct relay_plan *plan, u8 ttl);
/* Locked. Packets that came before follow. */
void outbox_flushes(struct outbox *out, struct sluice_path *path);
/* Locked. What control is told of the plan's note. */
void outbox_tell(struct outbox *out, const struct sluice_path *path, const struct relay_plan *plan);
/* Locked. The packet goes to control; takes it. */
void outbox_punt(struct outbox *out, const struct sluice_path *path, struct passing *p);
/* Locked. What control is to keep of the path. */
void outbox_index(struct outbox *out, struct sluice_path *path);
/* No lock held, rcu_read_lock() and BH disabled. */
void outbox_empty(struct outbox *out, struct sluice_path *path);

/* ---- path.c ---- */

static inline spinlock_t *path_lock(struct sluice_path *path)
{
	return &path->flow->lock[path->dir.side];
}

static inline void path_drop(const struct sluice_path *path, struct sk_buff *skb,
			     unsigned int reason)
{
	sluice_drop(path->flow->sn, reason);
	kfree_skb(skb);
}

/* Locked. A packet that may be looked at: in the clear, or opened. */
void path_judge(struct sluice_path *path, struct passing *p, struct outbox *out);
/* Locked. What the note of a plan says of packets that are kept. */
void path_act_on_note(struct sluice_path *path, const struct relay_plan *plan, struct outbox *out);
/* Locked. A packet of our own, with room for a tag. NULL: no memory. */
struct sk_buff *path_made(const void *payload, u32 len);

/* ---- secure.c: all locked ---- */

/* Opens the packet, and goes on with path_judge() once it is open. Takes it. */
void secure_open(struct sluice_path *path, struct passing *p, struct outbox *out);
/* Seals the packet and sends it. Takes it. */
void secure_seal(struct sluice_path *path, struct passing *p, const struct relay_plan *plan,
		 struct outbox *out);

/* ---- held.c: all locked ---- */

void held_put(struct sluice_path *path, struct passing *p, const struct relay_plan *plan);
/* The oldest of a slot, or NULL. */
struct sk_buff *held_take(struct sluice_path *path, unsigned int slot);
/* All that is left. Counted under `reason`. gone: to be freed by the caller; NULL: at once. */
void held_free(struct sluice_path *path, unsigned int reason, struct sk_buff_head *gone);

/* ---- tick.c: both locked ---- */

void tick_update(struct sluice_path *path);
void tick_remove(struct sluice_path *path);

#endif
