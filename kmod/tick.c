// SPDX-License-Identifier: GPL-2.0-only
/* Paths that time alone can change are in a list of their namespace, and looked at every 10 ms. */
#include <linux/jiffies.h>
#include "path_priv.h"

#define TICK_MS     10
#define TICKING_MAX 16384

/* Each path in the list has a reference on its flow. */
static void tick_add(struct sluice_path *path)
{
	struct sluice_net *sn = path->flow->sn;
	bool first = false;

	spin_lock(&sn->tick_lock);
	if (sn->n_ticking < TICKING_MAX) { /* else its next packet does it */
		first = !sn->n_ticking++;
		list_add_tail(&path->ticking, &sn->ticking);
		refcount_inc(&path->flow->refs);
	}
	spin_unlock(&sn->tick_lock);
	if (first)
		queue_delayed_work(system_highpri_wq, &sn->tick, msecs_to_jiffies(TICK_MS));
}

void tick_remove(struct sluice_path *path)
{
	struct sluice_net *sn = path->flow->sn;

	if (list_empty(&path->ticking))
		return;
	spin_lock(&sn->tick_lock);
	list_del_init(&path->ticking);
	sn->n_ticking--;
	spin_unlock(&sn->tick_lock);
	flow_put(path->flow);
}

void tick_update(struct sluice_path *path)
{
	bool wanted = relay_ticking(&path->dir);

	if (wanted == !list_empty(&path->ticking))
		return;
	if (wanted)
		tick_add(path);
	else
		tick_remove(path);
}

/* A packet of our own: the relay wrote its payload. Without memory it is as good as lost on the way. */
static void make(struct sluice_path *path, const struct relay_plan *plan, u64 now_us,
		 struct outbox *out)
{
	struct passing p = { .skb = path_made(path->dir.play.packet, RELAY_MADE) };

	if (!p.skb)
		return;
	p.r = (struct relay_packet){ .payload = p.skb->data, .len = RELAY_MADE, .now_us = now_us };
	sluice_count(path->flow->sn, keys_made);
	if (plan->seal)
		secure_seal(path, &p, plan, out);
	else
		outbox_send(out, path, p.skb, plan, 0);
}

/* Locked. */
static void tick(struct sluice_path *path, struct outbox *out)
{
	u64 now_us = sluice_now_us();
	struct relay_plan plan;

	relay_tick(&path->dir, now_us, &plan);
	path_act_on_note(path, &plan, out);
	outbox_tell(out, path, &plan);
	if (plan.action == RELAY_FORWARD)
		make(path, &plan, now_us, out);
	tick_update(path);
}

static void tick_path(struct sluice_path *path)
{
	struct outbox out;

	outbox_init(&out);
	local_bh_disable();
	rcu_read_lock();
	spin_lock(path_lock(path));
	if (!path->flow->dead)
		tick(path, &out);
	spin_unlock(path_lock(path));
	outbox_empty(&out, path);
	rcu_read_unlock();
	local_bh_enable();
}

/* The next one that was not looked at in this round, with a reference on its flow. */
static struct sluice_path *tick_next(struct sluice_net *sn, struct list_head *todo)
{
	struct sluice_path *path;

	spin_lock_bh(&sn->tick_lock);
	path = list_first_entry_or_null(todo, struct sluice_path, ticking);
	if (path) {
		list_move_tail(&path->ticking, &sn->ticking);
		refcount_inc(&path->flow->refs);
	}
	spin_unlock_bh(&sn->tick_lock);
	return path;
}

void path_tick_work(struct work_struct *work)
{
	struct sluice_net *sn = container_of(to_delayed_work(work), struct sluice_net, tick);
	struct sluice_path *path;
	LIST_HEAD(todo);
	bool more;

	spin_lock_bh(&sn->tick_lock);
	list_splice_init(&sn->ticking, &todo);
	spin_unlock_bh(&sn->tick_lock);
	while ((path = tick_next(sn, &todo))) {
		tick_path(path);
		flow_put(path->flow);
		cond_resched();
	}
	spin_lock_bh(&sn->tick_lock);
	more = sn->n_ticking;
	spin_unlock_bh(&sn->tick_lock);
	if (more)
		queue_delayed_work(system_highpri_wq, &sn->tick, msecs_to_jiffies(TICK_MS));
}
