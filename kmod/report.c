// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of what control is told: flows with their counters, the counters of all, events. Never keys. */
#include "verbs.h"

static const struct flow_field side_fields[] = { FLOW_SIDE_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_place side_places[] = { FLOW_SIDE_PLACES(FLOW_PLACE_ROW) };
static const struct flow_field stats_fields[] = { FLOW_STATS_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_place stats_places[] = { FLOW_STATS_PLACES(FLOW_PLACE_ROW) };
static const struct flow_field crypto_fields[] = { FLOW_CRYPTO_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_field in_fields[] = { FLOW_RESUME_IN_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_field out_fields[] = { FLOW_RESUME_OUT_FIELDS(FLOW_FIELD_ROW) };

static const struct {
	const char *name, *text;
	size_t at;
} counters[] = {
#define X(name, text) { "work." #name, text, offsetof(struct sluice_counters, name) },
	SLUICE_COUNTERS(X)
#undef X
};

/* ---- rows ---- */

static int put_fields(struct sk_buff *msg, const void *base, const struct flow_field *f,
		      unsigned int n, bool all)
{
	int err = 0;

	for (; n && !err; f++, n--) {
		const u8 *at = (const u8 *)base + f->off;

		if (all || flow_number_load(at, f->size) != f->absent)
			err = nla_put(msg, f->attr, f->size, at);
	}
	return err;
}

static int put_places(struct sk_buff *msg, const void *base, const struct flow_place *p,
		      unsigned int n)
{
	int err = 0;

	for (; n && !err; p++, n--) {
		const struct flow_addr *a = (const void *)((const u8 *)base + p->off);

		if (a->family)
			err = nla_put(msg, p->attr, flow_addr_len(a), a->ip);
	}
	return err;
}

static int put_source(struct sk_buff *msg, int addr, int port, const struct flow_addr *a)
{
	int err = nla_put(msg, addr, flow_addr_len(a), a->ip);

	return err ? err : nla_put(msg, port, sizeof(a->port), &a->port);
}

/* ---- a flow ---- */

static int put_acl(struct sk_buff *msg, const struct flow_side *s)
{
	struct nlattr *nest;
	int err = 0;

	if (!s->n_acl)
		return 0;
	nest = nla_nest_start(msg, FLOW_SIDE_A_ACL);
	if (!nest)
		return -EMSGSIZE;
	for (unsigned int i = 0; i < s->n_acl && !err; i++) {
		unsigned int n = flow_addr_len(&s->acl[i]);
		u8 prefix[17];

		memcpy(prefix, s->acl[i].ip, n);
		prefix[n] = s->acl[i].len;
		err = nla_put(msg, FLOW_SIDE_A_PREFIX, n + 1, prefix);
	}
	nla_nest_end(msg, nest);
	return err;
}

/* Which key, and not the key. */
static int put_crypto(struct sk_buff *msg, int type, const struct flow_crypto *c)
{
	struct nlattr *nest;
	int err;

	if (c->suite == FLOW_SUITE_NONE)
		return 0;
	nest = nla_nest_start(msg, type);
	if (!nest)
		return -EMSGSIZE;
	err = put_fields(msg, c, crypto_fields, ARRAY_SIZE(crypto_fields), false);
	nla_nest_end(msg, nest);
	return err;
}

static int put_side(struct sk_buff *msg, int type, const struct flow_side *s)
{
	struct nlattr *nest = nla_nest_start(msg, type);
	int err;

	if (!nest)
		return -EMSGSIZE;
	err = put_fields(msg, s, side_fields, ARRAY_SIZE(side_fields), false);
	if (!err)
		err = put_places(msg, s, side_places, ARRAY_SIZE(side_places));
	if (!err)
		err = put_acl(msg, s);
	if (!err && s->n_ptmap)
		err = nla_put(msg, FLOW_SIDE_A_PTMAP, s->n_ptmap * 2, s->ptmap);
	if (!err)
		err = put_crypto(msg, FLOW_SIDE_A_CRYPTO_IN, &s->in);
	if (!err)
		err = put_crypto(msg, FLOW_SIDE_A_CRYPTO_OUT, &s->out);
	nla_nest_end(msg, nest);
	return err;
}

static int put_stats(struct sk_buff *msg, int type, const struct flow_stats *s)
{
	struct nlattr *nest = nla_nest_start(msg, type);
	int err;

	if (!nest)
		return -EMSGSIZE;
	err = put_fields(msg, s, stats_fields, ARRAY_SIZE(stats_fields), false);
	if (!err)
		err = put_places(msg, s, stats_places, ARRAY_SIZE(stats_places));
	if (!err && s->last_drop[0])
		err = nla_put_string(msg, FLOW_STATS_A_LAST_DROP, s->last_drop);
	nla_nest_end(msg, nest);
	return err;
}

static int put_path(struct sk_buff *msg, int type, const struct sluice_path *p, spinlock_t *lock)
{
	s64 wall_minus_now = ktime_to_us(ktime_mono_to_real(0));
	struct flow_stats s;

	spin_lock_bh(lock);
	relay_stats(&p->dir, wall_minus_now, &s);
	spin_unlock_bh(lock);
	return put_stats(msg, type, &s);
}

int report_flow(struct sk_buff *msg, struct sluice_flow *f)
{
	const struct flow *rule = &f->rule->flow;
	u64 age_us = sluice_now_us() - f->created_us;
	int err = report_u64(msg, FLOW_A_ID, rule->id);

	if (!err)
		err = report_u32(msg, FLOW_A_GEN, rule->gen);
	if (!err)
		err = report_u32(msg, FLOW_A_IDLE, rule->idle_ms);
	if (!err && rule->kind != FLOW_KIND_RTP)
		err = report_u8(msg, FLOW_A_KIND, rule->kind);
	for (unsigned int i = 0; i < 2 && !err; i++)
		err = put_side(msg, FLOW_A_SIDE0 + i, &rule->side[i]);
	for (unsigned int i = 0; i < 4 && !err; i++)
		err = put_path(msg, (i % 2 == RELAY_RTP ? FLOW_A_STATS0 : FLOW_A_RTCP0) + i / 2,
			       &f->path[i / 2][i % 2], &f->lock[i / 2]);
	return err ? err : report_u64(msg, FLOW_A_AGE, div_u64(age_us, USEC_PER_MSEC));
}

/* ---- all counters ---- */

static u64 sum(const struct sluice_net *sn, size_t at)
{
	u64 all = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		all += READ_ONCE(*(u64 *)((u8 *)per_cpu_ptr(sn->counters, cpu) + at));
	return all;
}

static int put_count(struct sk_buff *msg, const char *name, u64 count, const char *text)
{
	struct nlattr *nest = nla_nest_start(msg, FLOW_A_DROP);
	int err;

	if (!nest)
		return -EMSGSIZE;
	err = nla_put_string(msg, FLOW_A_NAME, name);
	if (!err)
		err = report_u64(msg, FLOW_A_COUNT, count);
	if (!err)
		err = nla_put_string(msg, FLOW_A_WHY, text);
	nla_nest_end(msg, nest);
	return err;
}

static int put_counts(struct sk_buff *msg, const struct sluice_net *sn)
{
	struct nlattr *nest = nla_nest_start(msg, FLOW_A_DROPS);
	int err = nest ? 0 : -EMSGSIZE;

	for (unsigned int i = 0; i < SLUICE_DROP_COUNT && !err; i++)
		err = put_count(msg, sluice_drop_name(i),
				sum(sn, offsetof(struct sluice_counters, drop) + i * sizeof(u64)),
				sluice_drop_text(i));
	for (unsigned int i = 0; i < ARRAY_SIZE(counters) && !err; i++)
		err = put_count(msg, counters[i].name, sum(sn, counters[i].at), counters[i].text);
	if (!err)
		nla_nest_end(msg, nest);
	return err;
}

/* All devices of the namespace are one. */
static int put_ports(struct sk_buff *msg)
{
	struct nlattr *nest = nla_nest_start(msg, FLOW_A_PORTS), *port;
	int err;

	port = nest ? nla_nest_start(msg, FLOW_A_PORT) : NULL;
	if (!port)
		return -EMSGSIZE;
	err = nla_put_string(msg, FLOW_A_NAME, "kernel");
	if (!err)
		err = nla_put_string(msg, FLOW_A_DRIVER, "sluice.ko");
	if (!err)
		err = nla_put_string(msg, FLOW_A_WHY, "all devices of this network namespace");
	nla_nest_end(msg, port);
	nla_nest_end(msg, nest);
	return err;
}

int report_totals(struct sk_buff *msg, const struct sluice_net *sn)
{
	int err = put_counts(msg, sn);

	return err ? err : put_ports(msg);
}

/* ---- events ---- */

static int put_resume(struct sk_buff *msg, const struct flow_resume *r)
{
	struct nlattr *nest = nla_nest_start(msg, FLOW_A_RESUME);
	int err = nest ? 0 : -EMSGSIZE;

	if (!err && r->has & FLOW_RESUME_SOURCE)
		err = put_source(msg, FLOW_RESUME_A_SOURCE, FLOW_RESUME_A_SRC_PORT, &r->source);
	if (!err && r->has & FLOW_RESUME_IN)
		err = put_fields(msg, r, in_fields, ARRAY_SIZE(in_fields), true);
	if (!err && r->has & FLOW_RESUME_OUT)
		err = put_fields(msg, r, out_fields, ARRAY_SIZE(out_fields), true);
	if (!err && r->has & FLOW_RESUME_IN_RTCP)
		err = report_u32(msg, FLOW_RESUME_A_IN_RTCP, r->in_rtcp);
	if (!err && r->has & FLOW_RESUME_OUT_RTCP)
		err = report_u32(msg, FLOW_RESUME_A_OUT_RTCP, r->out_rtcp);
	if (!err)
		nla_nest_end(msg, nest);
	return err;
}

static int put_key(struct sk_buff *msg, const struct sluice_note *n)
{
	int err = report_u8(msg, FLOW_A_DIGIT, n->key);

	return err ? err : report_u32(msg, FLOW_A_DURATION, n->key_ms);
}

static int put_punt(struct sk_buff *msg, const struct sluice_note *n)
{
	int err =
		n->source.family ? put_source(msg, FLOW_A_SOURCE, FLOW_A_SRC_PORT, &n->source) : 0;

	if (!err)
		err = report_u8(msg, FLOW_A_COMPONENT, n->component);
	return err ? err : nla_put(msg, FLOW_A_PAYLOAD, n->len, n->payload);
}

/* A source travels as it does in a report, in the stats of its side; that of a punted packet is not the side's. */
static int put_learned(struct sk_buff *msg, const struct sluice_note *n)
{
	struct flow_stats s = { .source = n->source };

	return n->source.family ? put_stats(msg, FLOW_A_STATS0 + (n->side & 1), &s) : 0;
}

int report_note(struct sk_buff *msg, const struct sluice_note *n)
{
	int err = report_u64(msg, FLOW_A_ID, n->flow_id);

	if (!err)
		err = report_u32(msg, FLOW_A_GEN, n->gen);
	if (!err)
		err = report_u32(msg, FLOW_A_EVENT, n->event);
	if (!err)
		err = report_u32(msg, FLOW_A_SIDE, n->side);
	if (err)
		return err;
	switch (n->event) {
	case FLOW_EVENT_DTMF:
		return put_key(msg, n);
	case FLOW_EVENT_INDEX:
		return put_resume(msg, &n->resume);
	case FLOW_EVENT_PUNT:
		return put_punt(msg, n);
	default:
		return put_learned(msg, n);
	}
}
