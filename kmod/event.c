// SPDX-License-Identifier: GPL-2.0-only
/* What control is told without asking, and flows that are silent. */
#include "verbs.h"

static struct sk_buff *message(const struct sluice_note *n)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	void *head;

	if (!msg)
		return NULL;
	head = genlmsg_put(msg, 0, 0, &netlink_family, 0, FLOW_CMD_EVENT);
	if (!head || report_note(msg, n)) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, head);
	return msg;
}

bool event_send(struct sluice_net *sn, const struct sluice_note *n)
{
	unsigned long portid;
	bool all = true;
	void *entry;

	xa_for_each_marked(&sn->clients, portid, entry, XA_MARK_0) {
		struct sk_buff *msg = message(n);

		if (msg && !genlmsg_unicast(sn->net, msg, portid))
			continue;
		sluice_count(sn, events_lost);
		all = false;
	}
	return all;
}

/* ---- IDLE ---- */

void event_due(struct sluice_flow *f)
{
	u32 idle = f->rule->flow.idle_ms;

	f->due_us = idle ? sluice_now_us() + idle * (u64)USEC_PER_MSEC : U64_MAX;
}

/* Numbers that packets write meanwhile: one that is torn is late by a scan. */
static u64 last_packet_us(const struct sluice_flow *f)
{
	u64 last = f->created_us;

	for (unsigned int i = 0; i < 4; i++)
		last = max(last, READ_ONCE(f->path[i / 2][i % 2].dir.last_us));
	return last;
}

static void look(struct sluice_net *sn, struct sluice_flow *f, u64 now)
{
	u64 idle = f->rule->flow.idle_ms * (u64)USEC_PER_MSEC, last = last_packet_us(f);
	struct sluice_note n = {
		.flow_id = f->rule->flow.id,
		.gen = f->rule->flow.gen,
		.event = FLOW_EVENT_IDLE,
	};

	if (now < last + idle) {
		f->due_us = last + idle;
		return;
	}
	f->due_us = now + idle;
	event_send(sn, &n);
}

void event_idle_work(struct work_struct *work)
{
	struct sluice_net *sn = container_of(to_delayed_work(work), struct sluice_net, idle);
	u64 now = sluice_now_us();
	struct sluice_flow *f;
	unsigned long id;

	mutex_lock(&sn->lock);
	xa_for_each(&sn->flows, id, f) {
		if (f->due_us <= now)
			look(sn, f, now);
		cond_resched();
	}
	if (sn->n_flows)
		queue_delayed_work(system_wq, &sn->idle, SLUICE_IDLE_JIFFIES);
	else
		hooks_down(sn);
	mutex_unlock(&sn->lock);
}
