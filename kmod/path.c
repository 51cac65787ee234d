// SPDX-License-Identifier: GPL-2.0-only
/* One packet on one path: what relay/ says of it, and what is to be done then. */
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include "path_priv.h"

/* ---- what a packet can come to ---- */

static void forward(struct sluice_path *path, struct passing *p, const struct relay_plan *plan,
		    struct outbox *out)
{
	relay_commit(&path->dir, &p->r, plan);
	__skb_trim(p->skb, p->r.len);
	if (plan->seal) {
		secure_seal(path, p, plan, out);
		return;
	}
	/* The sum that it came without is missed now: what leaves is not what came. */
	if (plan->edit || p->r.authentic)
		p->skb->ip_summed = CHECKSUM_PARTIAL;
	outbox_send(out, path, p->skb, plan, p->ttl);
}

static void take(struct sluice_path *path, struct passing *p, const struct relay_plan *plan)
{
	relay_commit(&path->dir, &p->r, plan);
	sluice_count(path->flow->sn, keys_taken);
	consume_skb(p->skb);
}

static void held_forward(struct sluice_path *path, struct sk_buff *skb, struct outbox *out)
{
	const struct kept *kept = kept_of(skb);
	struct passing p = { .r = { .payload = skb->data,
				    .len = skb->len,
				    .src = kept->src,
				    .now_us = kept->now_us },
			     .skb = skb,
			     .ttl = kept->ttl };
	struct relay_plan plan;

	relay_plan_held(&path->dir, &p.r, &plan);
	if (plan.action == RELAY_FORWARD)
		forward(path, &p, &plan, out);
	else if (plan.action == RELAY_TAKE)
		take(path, &p, &plan);
	else
		path_drop(path, skb,
			  plan.action == RELAY_DROP ? plan.drop
						    : (unsigned int)SLUICE_DROP_HELD_LOST);
	outbox_tell(out, path, &plan);
}

void path_act_on_note(struct sluice_path *path, const struct relay_plan *plan, struct outbox *out)
{
	struct sk_buff *skb;

	if (plan->note != SOURCE_LATCHED && plan->note != SOURCE_CONFLICT)
		return;
	/* The packets of the chosen candidate go out in order, before the one that decided. */
	if (path->held)
		outbox_flushes(out, path);
	if (plan->note == SOURCE_LATCHED)
		while ((skb = held_take(path, plan->flush_slot)))
			held_forward(path, skb, out);
	held_free(path, SLUICE_DROP_HELD_LOST, NULL);
}

static void act(struct sluice_path *path, struct passing *p, const struct relay_plan *plan,
		struct outbox *out)
{
	path_act_on_note(path, plan, out);
	switch (plan->action) {
	case RELAY_FORWARD:
		forward(path, p, plan, out);
		break;
	case RELAY_TAKE:
		take(path, p, plan);
		break;
	case RELAY_HOLD:
		held_put(path, p, plan);
		break;
	case RELAY_PUNT:
		outbox_punt(out, path, p);
		break;
	case RELAY_DROP:
		path_drop(path, p->skb, plan->drop);
		break;
	}
	outbox_tell(out, path, plan);
	tick_update(path);
}

void path_judge(struct sluice_path *path, struct passing *p, struct outbox *out)
{
	struct relay_plan plan;

	relay_plan(&path->dir, &path->rtp->dir, &p->r, &plan);
	act(path, p, &plan, out);
}

/* ---- a packet as it comes in ---- */

/* Locked. All but the common case. `plan` NULL: nothing was looked at yet. */
static noinline void packet_slow(struct sluice_path *path, struct passing *p,
				 const struct relay_plan *plan, struct outbox *out)
{
	outbox_init(out);
	if (path->flow->dead)
		path_drop(path, p->skb, SLUICE_DROP_FLOW_ENDED);
	else if (!plan)
		secure_open(path, p, out);
	else
		act(path, p, plan, out);
}

/* It goes out as it is, at once, and nobody is told. */
static bool is_plain(const struct sluice_path *path, const struct relay_plan *plan)
{
	return plan->action == RELAY_FORWARD && plan->note == SOURCE_QUIET &&
	       !(plan->seal | plan->edit | path->flushing);
}

/* Can this packet have changed what time alone will change? One whose type the direction keeps as that of its media is no
 * event of a key. */
static bool may_tick(const struct sluice_path *path, const struct passing *p)
{
	return !list_empty(&path->ticking) || path->dir.src.state != FLOW_STATE_LOCKED ||
	       (p->r.payload[1] & 127) != path->dir.pt_in;
}

void path_packet(struct sluice_path *path, struct sk_buff *skb, const struct flow_addr *src, u8 ttl)
{
	struct passing p = { .r = { .payload = skb->data,
				    .len = skb->len,
				    .src = *src,
				    .now_us = sluice_now_us() },
			     .skb = skb,
			     .ttl = ttl };
	struct relay_plan plan, *judged = NULL;
	bool plain = false;
	struct outbox out;

	sluice_count(path->flow->sn, packets_in);
	spin_lock(path_lock(path));
	if (likely(!path->flow->dead && !path->dir.secure)) {
		relay_plan(&path->dir, &path->rtp->dir, &p.r, &plan);
		judged = &plan;
		plain = is_plain(path, &plan);
	}
	if (likely(plain)) {
		relay_commit(&path->dir, &p.r, &plan);
		if (unlikely(may_tick(path, &p)))
			tick_update(path);
	} else {
		packet_slow(path, &p, judged, &out);
	}
	spin_unlock(path_lock(path));
	if (likely(plain))
		tx_send(path, skb, &plan, ttl);
	else
		outbox_empty(&out, path);
}

/* ---- packets of our own ---- */

struct sk_buff *path_made(const void *payload, u32 len)
{
	u32 room = LL_MAX_HEADER + sizeof(struct ipv6hdr) + sizeof(struct udphdr);
	struct sk_buff *skb = alloc_skb(room + len + KEY_OVERHEAD, GFP_ATOMIC);

	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_put_data(skb, payload, len);
	skb->ip_summed = CHECKSUM_PARTIAL;
	return skb;
}

int path_play(struct sluice_path *path, u8 key, u32 ms)
{
	enum relay_played played;

	spin_lock_bh(path_lock(path));
	played = relay_dtmf(&path->dir, key, ms, sluice_now_us());
	tick_update(path);
	spin_unlock_bh(path_lock(path));
	switch (played) {
	case RELAY_PLAYED:
		return 0;
	case RELAY_NO_EVENTS:
		return -EOPNOTSUPP;
	default:
		return -EBUSY;
	}
}

int path_send(struct sluice_path *path, const struct flow_addr *to, const void *data, u32 len)
{
	const struct relay_dir *d = &path->dir;
	struct relay_plan plan = { .action = RELAY_FORWARD };
	struct sk_buff *skb;

	spin_lock_bh(path_lock(path));
	plan.dst = to && to->family ? *to : relay_goes_to(d);
	plan.from = d->rule->side[!d->side].local;
	plan.from.port = d->from_port;
	plan.dscp = d->dscp;
	spin_unlock_bh(path_lock(path));
	if (plan.dst.family != plan.from.family || !plan.from.port)
		return -EHOSTUNREACH;
	skb = path_made(data, len);
	if (!skb)
		return -ENOMEM;
	local_bh_disable();
	rcu_read_lock();
	tx_send(path, skb, &plan, 0);
	rcu_read_unlock();
	local_bh_enable();
	return 0;
}

/* ---- another rule, or the end ---- */

void path_renew(struct sluice_path *path, const struct sluice_rule *rule, u64 now_us,
		struct sk_buff_head *gone)
{
	relay_dir_update(&path->dir, &rule->flow, now_us);
	if (!source_holds(&path->dir.src)) /* the new rule wants no proof, or another one */
		held_free(path, SLUICE_DROP_HELD_ENDED, gone);
	path->rule = rule;
	dst_cache_reset(&path->dst);
	tick_update(path);
}

void path_forget(struct sluice_path *path, struct sk_buff_head *gone)
{
	tick_remove(path);
	held_free(path, SLUICE_DROP_HELD_ENDED, gone);
}
