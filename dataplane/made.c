/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "worker_priv.h"

bool made_send(struct worker *w, struct path *path, const void *payload, u32 len,
	       const struct relay_plan *plan)
{
	struct packet p = { .m = rte_pktmbuf_alloc(w->ports->pool),
			    .trace = trace_tag(&path->dir) };
	if (!p.m)
		return false;
	u8 *frame = (u8 *)rte_pktmbuf_append(p.m, (uint16_t)(SEND_HEADERS + len));
	p.r.payload = frame + SEND_HEADERS;
	p.r.len = len;
	p.r.now_us = w->now_us;
	memcpy(p.r.payload, payload, len);
	if (plan->seal) {
		burst_seal(w, path, &p, plan);
		return true;
	}
	packet_sum(&p);
	send_packet(w, path, &p, plan);
	return true;
}

void path_send(struct worker *w, struct path *path, struct order *o)
{
	const struct relay_dir *d = &path->dir;
	struct relay_plan plan = { .action = RELAY_FORWARD,
				   .dst = o->to.family ? o->to : relay_goes_to(d),
				   .dscp = d->dscp };
	plan.from = d->rule->side[!d->side].local;
	plan.from.port = d->from_port;
	o->sent = 0;
	if (plan.dst.family != plan.from.family || !plan.from.port)
		o->sent = -EHOSTUNREACH;
	else if (!made_send(w, path, o->payload, o->len, &plan))
		o->sent = -ENOMEM;
}
