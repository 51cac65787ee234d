/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "engine/tlv.h"
#include "rule.h"
#include "table.h"
#include "worker.h"

struct rule_maker {
	struct ports *ports;
};

struct rule_maker *rule_maker_new(struct ports *ports)
{
	struct rule_maker *m = calloc(1, sizeof(*m));
	if (m)
		m->ports = ports;
	return m;
}

void rule_maker_free(struct rule_maker *m)
{
	free(m);
}

/* ---- rules ---- */

static bool in_media(const struct network *n, u16 port)
{
	return port >= n->conf->media_lo && port <= n->conf->media_hi;
}

/* Finds the network of each side's local address; ports must be in its range. NULL: all well. */
static const char *place(struct ports *ports, struct rule *r)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct flow_side *s = &r->flow.side[i];
		u32 ip;
		memcpy(&ip, s->local.ip, sizeof(ip));
		r->net[i] = s->local.family == 4 ? ports_network(ports, ip) : NULL;
		if (!r->net[i])
			return "local address belongs to no network of this engine";
		if (!in_media(r->net[i], s->local.port) ||
		    (s->local_rtcp && !in_media(r->net[i], s->local_rtcp)))
			return "local port is outside the network's media ports";
	}
	return NULL;
}

int rule_read(struct rule **out, const struct tlv_msg *msg, const char **reason)
{
	struct rule *r = calloc(1, sizeof(*r));
	int err = r ? tlv_get_flow(msg, &r->flow, reason) : -ENOMEM;
	if (err) {
		rule_free(r);
		r = NULL;
	}
	*out = r;
	return err;
}

int rule_finish(struct rule_maker *m, struct rule *rule, const struct rule *before,
		const char **reason)
{
	(void)before;
	*reason = place(m->ports, rule);
	return *reason ? -EADDRNOTAVAIL : 0;
}

/* Whatever of key material is still there goes with it. */
void rule_free(void *rule)
{
	if (!rule)
		return;
	explicit_bzero(rule, sizeof(struct rule));
	free(rule);
}

/* ---- flows ---- */

static bool side_is_secure(const struct flow_side *s)
{
	return s->in.suite != FLOW_SUITE_NONE || s->out.suite != FLOW_SUITE_NONE;
}

int flow_expect(struct dp_flow *f, const struct rule *rule)
{
	const struct flow_side *s = rule->flow.side;
	if (f->srtp || (!side_is_secure(&s[0]) && !side_is_secure(&s[1])))
		return 0;
	f->srtp = calloc(4, sizeof(*f->srtp));
	return f->srtp ? 0 : -ENOMEM;
}

static void init_path(struct dp_flow *f, const struct rule *rule, unsigned side, unsigned c)
{
	struct path *p = &f->path[side][c];
	p->flow = f;
	p->rtp = &f->path[side][RELAY_RTP];
	p->out = rule->net[!side];
	relay_dir_init(&p->dir, &rule->flow, side, c, &f->path[!side][c].dir);
	p->dir.mate = &f->path[side][!c].dir;
	p->dir.srtp = flow_srtp(f, side, c);
}

struct dp_flow *flow_new(const struct rule *rule)
{
	struct dp_flow *f =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*f), RTE_CACHE_LINE_SIZE));
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->created_us = worker_now_us();
	if (flow_expect(f, rule)) {
		flow_free(f);
		return NULL;
	}
	for (unsigned i = 0; i < 4; i++)
		init_path(f, rule, i / 2, i % 2);
	return f;
}

void flow_free(void *flow)
{
	struct dp_flow *f = flow;
	if (!f)
		return;
	free(f->srtp);
	free(f);
}
