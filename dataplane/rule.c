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
	struct crypto *crypto;
};

struct rule_maker *rule_maker_new(struct ports *ports)
{
	struct rule_maker *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->ports = ports;
	m->crypto = crypto_new();
	if (m->crypto)
		return m;
	free(m);
	return NULL;
}

void rule_maker_free(struct rule_maker *m)
{
	if (!m)
		return;
	crypto_free(m->crypto);
	free(m);
}

/* ---- keys ---- */

static bool same_key(const struct flow_crypto *a, const struct flow_crypto *b)
{
	return a->number == b->number && a->suite == b->suite && a->mki_len == b->mki_len;
}

/* was, old: of the generation before, NULL where there is none. */
static int key_of(struct crypto *c, struct flow_crypto *now, const struct flow_crypto *was,
		  struct crypto_key *old, struct crypto_key **out)
{
	int err = 0;
	if (now->suite == FLOW_SUITE_NONE)
		*out = NULL;
	else if (old && same_key(now, was))
		*out = crypto_key_get(old);
	else
		err = crypto_key_new(c, now, out);
	explicit_bzero(now->rtp_key, sizeof(*now) - offsetof(struct flow_crypto, rtp_key));
	return err;
}

static int find_keys(struct crypto *c, struct rule *r, const struct rule *before)
{
	static const struct rule none;
	const struct rule *was = before ? before : &none;
	int err = 0;
	for (unsigned i = 0; i < 2 && !err; i++) {
		struct flow_side *s = &r->flow.side[i];
		const struct flow_side *w = &was->flow.side[i];
		err = key_of(c, &s->in, &w->in, was->in[i], &r->in[i]);
		if (!err)
			err = key_of(c, &s->out, &w->out, was->out[i], &r->out[i]);
		if (!err && r->in[i])
			r->old[i] =
				crypto_key_get(r->in[i] == was->in[i] ? was->old[i] : was->in[i]);
	}
	return err;
}

/* ---- rules ---- */

static bool in_media(const struct network *n, u16 port)
{
	return port >= n->media_lo && port <= n->media_hi;
}

/* Finds the network of each side's local address; ports must be in its range. NULL: all well. */
static const char *place(struct ports *ports, struct rule *r)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct flow_side *s = &r->flow.side[i];
		r->net[i] = ports_network(ports, s->local.ip, s->local.family);
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
	*reason = place(m->ports, rule);
	if (*reason)
		return -EADDRNOTAVAIL;
	int err = find_keys(m->crypto, rule, before);
	if (err)
		*reason = "SRTP keys of a suite that this engine does not have";
	return err;
}

/* Key material of a SET that was refused goes with it. */
void rule_free(void *rule)
{
	struct rule *r = rule;
	if (!r)
		return;
	for (unsigned i = 0; i < 2; i++) {
		crypto_key_put(r->in[i]);
		crypto_key_put(r->out[i]);
		crypto_key_put(r->old[i]);
	}
	explicit_bzero(r, sizeof(*r));
	free(r);
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
	size_t size = RTE_ALIGN_CEIL(4 * sizeof(*f->srtp), RTE_CACHE_LINE_SIZE);
	f->srtp = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (!f->srtp)
		return -ENOMEM;
	memset(f->srtp, 0, size);
	return 0;
}

static void init_path(struct dp_flow *f, const struct rule *rule, unsigned side, unsigned c)
{
	struct path *p = &f->path[side][c];
	p->rtp = &f->path[side][RELAY_RTP];
	p->owner = (u8)share_owner(rule->net[side]->port, rule->flow.side[side].local.port);
	p->dir.srtp = flow_srtp(f, side, c);
	relay_dir_init(&p->dir, &rule->flow, side, c, &f->path[!side][c].dir);
	p->dir.mate = &f->path[side][!c].dir;
	path_take_rule(p, rule);
}

struct dp_flow *flow_new(struct slab *flows, const struct rule *rule)
{
	struct dp_flow *f = slab_get(flows);
	if (!f)
		return NULL;
	f->created_us = worker_now_us();
	if (flow_expect(f, rule)) {
		flow_free(f);
		return NULL;
	}
	for (unsigned i = 0; i < 4; i++)
		init_path(f, rule, i / 2, i % 2);
	for (unsigned i = 0; i < 4; i++)
		relay_dir_resume(&f->path[i / 2][i % 2].dir, f->created_us);
	return f;
}

void flow_free(void *flow)
{
	struct dp_flow *f = flow;
	if (!f)
		return;
	free(f->srtp);
	slab_put(f);
}
