/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Numbers of a struct, one row each, for both directions of the codec. `absent` is not written, and
 * is what a missing attribute means. */
struct field {
	u16 attr, off;
	u8 size; /* 1, 2, 4, 8 */
	u32 absent;
	u64 min, max;
	const char *why;
};

struct place { /* of a struct flow_addr without its port */
	u16 attr, off;
	const char *why;
};

#define F(type, member, attr, absent, min, max, why)                                               \
	{                                                                                          \
		attr, offsetof(struct type, member), sizeof(((struct type *)0)->member), absent,   \
			min, max, why                                                              \
	}

#define ALL_FLAGS (FLOW_SIDE_HOLD | FLOW_SIDE_RTCP_MUX | FLOW_SIDE_DTMF_TELL | FLOW_SIDE_DTMF_TAKE)

static const struct field side_fields[] = {
	F(flow_side, local.port, FLOW_SIDE_A_LOCAL_PORT, 0, 1, 65535, "local_port"),
	F(flow_side, local_rtcp, FLOW_SIDE_A_LOCAL_RTCP, 0, 0, 65535, "local_rtcp"),
	F(flow_side, remote.port, FLOW_SIDE_A_REMOTE_PORT, 0, 1, 65535, "remote_port"),
	F(flow_side, remote_rtcp, FLOW_SIDE_A_REMOTE_RTCP, 0, 0, 65535, "remote_rtcp"),
	F(flow_side, mode, FLOW_SIDE_A_MODE, FLOW_MODE_STATIC, 0, FLOW_MODE_NAT, "mode"),
	F(flow_side, flags, FLOW_SIDE_A_FLAGS, 0, 0, ALL_FLAGS, "flags"),
	F(flow_side, learn_len, FLOW_SIDE_A_LEARN_LEN, 0, 0, 128, "learn_len"),
	F(flow_side, ptime, FLOW_SIDE_A_PTIME, 20, 1, 240, "ptime"),
	F(flow_side, clock, FLOW_SIDE_A_CLOCK, 8000, 1000, 384000, "clock"),
	F(flow_side, dscp, FLOW_SIDE_A_DSCP, 0, 0, 63, "dscp"),
	/* A struct that was only zeroed says PCMU: refused. */
	F(flow_side, dtmf_in, FLOW_SIDE_A_DTMF_IN, FLOW_PT_NONE, 1, 127, "dtmf_in"),
	F(flow_side, dtmf_out, FLOW_SIDE_A_DTMF_OUT, FLOW_PT_NONE, 1, 127, "dtmf_out"),
	F(flow_side, dtmf_clock, FLOW_SIDE_A_DTMF_CLOCK, 0, 1000, 384000, "dtmf_clock"),
};

static const struct place side_places[] = {
	{ FLOW_SIDE_A_LOCAL, offsetof(struct flow_side, local), "local" },
	{ FLOW_SIDE_A_REMOTE, offsetof(struct flow_side, remote), "remote" },
	{ FLOW_SIDE_A_SIG, offsetof(struct flow_side, sig), "sig" },
};

static const struct field stats_fields[] = {
	F(flow_stats, packets, FLOW_STATS_A_PACKETS, 0, 0, UINT64_MAX, "packets"),
	F(flow_stats, octets, FLOW_STATS_A_OCTETS, 0, 0, UINT64_MAX, "octets"),
	F(flow_stats, dropped, FLOW_STATS_A_DROPPED, 0, 0, UINT64_MAX, "dropped"),
	F(flow_stats, lost, FLOW_STATS_A_LOST, 0, 0, UINT64_MAX, "lost"),
	F(flow_stats, jitter_us, FLOW_STATS_A_JITTER, 0, 0, UINT32_MAX, "jitter"),
	F(flow_stats, first_us, FLOW_STATS_A_FIRST, 0, 0, UINT64_MAX, "first"),
	F(flow_stats, last_us, FLOW_STATS_A_LAST, 0, 0, UINT64_MAX, "last"),
	F(flow_stats, ssrc, FLOW_STATS_A_SSRC, 0, 0, UINT32_MAX, "ssrc"),
	F(flow_stats, state, FLOW_STATS_A_STATE, 0, 0, FLOW_STATE_COUNT - 1, "state"),
	F(flow_stats, source.port, FLOW_STATS_A_SRC_PORT, 0, 0, 65535, "source_port"),
};

static const struct place stats_places[] = {
	{ FLOW_STATS_A_SOURCE, offsetof(struct flow_stats, source), "source" },
	{ FLOW_STATS_A_REFUSED, offsetof(struct flow_stats, refused), "refused" },
};

static size_t addr_len(const struct flow_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

static u64 load(const void *p, size_t size)
{
	u64 v = 0;

	switch (size) {
	case 1:
		return *(const u8 *)p;
	case 2:
		return *(const u16 *)p;
	case 4:
		return *(const u32 *)p;
	default:
		memcpy(&v, p, sizeof(v));
		return v;
	}
}

static void put_fields(struct tlv_out *o, const void *base, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const u8 *at = (const u8 *)base + f[i].off;
		if (load(at, f[i].size) != f[i].absent)
			tlv_put(o, f[i].attr, at, f[i].size);
	}
}

static void put_places(struct tlv_out *o, const void *base, const struct place *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct flow_addr *a = (const void *)((const u8 *)base + p[i].off);
		if (a->family)
			tlv_put(o, p[i].attr, a->ip, addr_len(a));
	}
}

static void put_acl(struct tlv_out *o, const struct flow_side *s)
{
	if (!s->n_acl)
		return;
	size_t nest = tlv_nest_begin(o, FLOW_SIDE_A_ACL);
	for (unsigned i = 0; i < s->n_acl; i++) {
		size_t n = addr_len(&s->acl[i]);
		u8 prefix[17];
		memcpy(prefix, s->acl[i].ip, n);
		prefix[n] = s->acl[i].len;
		tlv_put(o, FLOW_SIDE_A_PREFIX, prefix, n + 1);
	}
	tlv_nest_end(o, nest);
}

static void put_side(struct tlv_out *o, int type, const struct flow_side *s)
{
	size_t nest = tlv_nest_begin(o, type);

	put_fields(o, s, side_fields, COUNT(side_fields));
	put_places(o, s, side_places, COUNT(side_places));
	put_acl(o, s);
	if (s->n_ptmap)
		tlv_put(o, FLOW_SIDE_A_PTMAP, s->ptmap, (size_t)s->n_ptmap * 2);
	tlv_nest_end(o, nest);
}

void tlv_put_flow(struct tlv_out *o, const struct flow *f)
{
	tlv_put_u64(o, FLOW_A_ID, f->id);
	tlv_put_u32(o, FLOW_A_GEN, f->gen);
	tlv_put_u32(o, FLOW_A_IDLE, f->idle_ms);
	if (f->kind != FLOW_KIND_RTP)
		tlv_put_u8(o, FLOW_A_KIND, f->kind);
	put_side(o, FLOW_A_SIDE0, &f->side[0]);
	put_side(o, FLOW_A_SIDE1, &f->side[1]);
}

static void put_stats(struct tlv_out *o, int type, const struct flow_stats *s)
{
	size_t nest = tlv_nest_begin(o, type);

	put_fields(o, s, stats_fields, COUNT(stats_fields));
	put_places(o, s, stats_places, COUNT(stats_places));
	tlv_nest_end(o, nest);
}

void tlv_put_report(struct tlv_out *o, const struct tlv_report *r)
{
	tlv_put_flow(o, &r->flow);
	for (int i = 0; i < 2; i++) {
		put_stats(o, FLOW_A_STATS0 + i, &r->rtp[i]);
		put_stats(o, FLOW_A_RTCP0 + i, &r->rtcp[i]);
	}
	tlv_put_u64(o, FLOW_A_AGE, r->age_ms);
}

/* The source travels as it does in a report: in the stats of its side. */
void tlv_put_event(struct tlv_out *o, const struct tlv_event *e)
{
	tlv_put_u64(o, FLOW_A_ID, e->flow_id);
	tlv_put_u32(o, FLOW_A_GEN, e->gen);
	tlv_put_u32(o, FLOW_A_EVENT, e->event);
	tlv_put_u32(o, FLOW_A_SIDE, e->side);
	if (e->source.family) {
		struct flow_stats s = { .source = e->source };
		put_stats(o, FLOW_A_STATS0 + (int)(e->side & 1), &s);
	}
	if (e->event == FLOW_EVENT_DTMF) {
		tlv_put_u8(o, FLOW_A_DIGIT, e->digit);
		tlv_put_u32(o, FLOW_A_DURATION, e->duration_ms);
	}
}

void tlv_put_dtmf(struct tlv_out *o, const struct tlv_dtmf *d)
{
	tlv_put_u64(o, FLOW_A_ID, d->flow_id);
	tlv_put_u32(o, FLOW_A_SIDE, d->side);
	tlv_put_u8(o, FLOW_A_DIGIT, d->digit);
	tlv_put_u32(o, FLOW_A_DURATION, d->duration_ms);
}

static int bad(const char **why, const char *what)
{
	*why = what;
	return -EINVAL;
}

static void store(void *p, size_t size, u64 v)
{
	switch (size) {
	case 1:
		*(u8 *)p = (u8)v;
		break;
	case 2:
		*(u16 *)p = (u16)v;
		break;
	case 4:
		*(u32 *)p = (u32)v;
		break;
	default:
		memcpy(p, &v, sizeof(v));
	}
}

static int get_fields(struct nlattr **tb, void *base, const struct field *f, size_t n,
		      const char **why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = tb[f[i].attr];
		u64 v = f[i].absent;
		if (a) {
			if (nla_len(a) != f[i].size)
				return bad(why, f[i].why);
			v = load(nla_data(a), f[i].size);
			if (v < f[i].min || v > f[i].max)
				return bad(why, f[i].why);
		}
		store((u8 *)base + f[i].off, f[i].size, v);
	}
	return 0;
}

/* The address of n octets at p; 0 or -EINVAL. The port stays. */
static int get_addr(struct flow_addr *a, const void *p, size_t n)
{
	if (n != 4 && n != 16)
		return -EINVAL;
	memset(a->ip, 0, sizeof(a->ip));
	memcpy(a->ip, p, n);
	a->family = n == 4 ? 4 : 6;
	return 0;
}

static int get_places(struct nlattr **tb, void *base, const struct place *p, size_t n,
		      const char **why)
{
	for (size_t i = 0; i < n; i++) {
		const struct nlattr *a = tb[p[i].attr];
		struct flow_addr *to = (void *)((u8 *)base + p[i].off);
		if (a && get_addr(to, nla_data(a), (size_t)nla_len(a)) < 0)
			return bad(why, p[i].why);
	}
	return 0;
}

static int get_prefix(struct flow_addr *a, const struct nlattr *at)
{
	size_t n = (size_t)nla_len(at);
	const u8 *p = nla_data(at);

	if (nla_type(at) != FLOW_SIDE_A_PREFIX || !n || get_addr(a, p, n - 1) < 0)
		return -EINVAL;
	a->len = p[n - 1];
	return a->len <= (n - 1) * 8 ? 0 : -EINVAL;
}

static int get_acl(struct nlattr *nest, struct flow_side *s, const char **why)
{
	struct nlattr *at;
	int left;

	if (!nest)
		return 0;
	if (!tlv_nest_ok(nest))
		return bad(why, "acl");
	nla_for_each_nested(at, nest, left)
	{
		if (s->n_acl == FLOW_ACL_MAX || get_prefix(&s->acl[s->n_acl], at) < 0)
			return bad(why, "acl");
		s->n_acl++;
	}
	return 0;
}

static int get_ptmap(const struct nlattr *a, struct flow_side *s, const char **why)
{
	u8 seen[128] = { 0 };

	if (!a)
		return 0;
	size_t n = (size_t)nla_len(a);
	const u8 *p = nla_data(a);
	if (n % 2 || n > sizeof(s->ptmap))
		return bad(why, "ptmap");
	for (size_t i = 0; i < n; i += 2)
		if (p[i] > 127 || p[i + 1] > 127 || seen[p[i]]++)
			return bad(why, "ptmap");
	memcpy(s->ptmap, p, n);
	s->n_ptmap = (u8)(n / 2);
	return 0;
}

/* What rows cannot say: fields that depend on each other. */
static int check_side(const struct flow_side *s, const char **why)
{
	if (!s->local.family)
		return bad(why, "local");
	if (!s->local.port)
		return bad(why, "local_port");
	if (s->remote.family && s->remote.family != s->local.family)
		return bad(why, "remote");
	if (!s->remote.family != !s->remote.port)
		return bad(why, "remote_port");
	if (s->sig.family == 4 && s->learn_len > 32)
		return bad(why, "learn_len");
	return 0;
}

static int get_side(struct nlattr *nest, struct flow_side *s, const char **why)
{
	struct nlattr *tb[FLOW_SIDE_A_MAX + 1];
	int rc;

	*why = "side";
	if (!nest || tlv_parse_nest(tb, FLOW_SIDE_A_MAX, nest) < 0)
		return -EINVAL;
	rc = get_fields(tb, s, side_fields, COUNT(side_fields), why);
	if (!rc)
		rc = get_places(tb, s, side_places, COUNT(side_places), why);
	if (!rc)
		rc = get_acl(tb[FLOW_SIDE_A_ACL], s, why);
	if (!rc)
		rc = get_ptmap(tb[FLOW_SIDE_A_PTMAP], s, why);
	if (!s->dtmf_clock)
		s->dtmf_clock = 8000;
	return rc ? rc : check_side(s, why);
}

int tlv_get_flow(const struct tlv_msg *m, struct flow *f, const char **why)
{
	memset(f, 0, sizeof(*f));
	f->id = tlv_u64(m, FLOW_A_ID, 0);
	f->gen = tlv_u32(m, FLOW_A_GEN, 0);
	f->idle_ms = tlv_u32(m, FLOW_A_IDLE, 0);
	if (!f->id)
		return bad(why, "id");
	if (!f->gen)
		return bad(why, "gen");
	f->kind = tlv_u8(m, FLOW_A_KIND, FLOW_KIND_RTP);
	if (f->kind > FLOW_KIND_RAW)
		return bad(why, "kind");
	int rc = get_side(m->attr[FLOW_A_SIDE0], &f->side[0], why);
	return rc ? rc : get_side(m->attr[FLOW_A_SIDE1], &f->side[1], why);
}

static int get_stats(struct nlattr *nest, struct flow_stats *s, const char **why)
{
	struct nlattr *tb[FLOW_STATS_A_MAX + 1];

	if (!nest)
		return 0;
	if (tlv_parse_nest(tb, FLOW_STATS_A_MAX, nest) < 0)
		return bad(why, "stats");
	int rc = get_fields(tb, s, stats_fields, COUNT(stats_fields), why);
	return rc ? rc : get_places(tb, s, stats_places, COUNT(stats_places), why);
}

int tlv_get_report(const struct tlv_msg *m, struct tlv_report *r, const char **why)
{
	memset(r, 0, sizeof(*r));
	int rc = tlv_get_flow(m, &r->flow, why);
	for (int i = 0; i < 2 && !rc; i++) {
		rc = get_stats(m->attr[FLOW_A_STATS0 + i], &r->rtp[i], why);
		if (!rc)
			rc = get_stats(m->attr[FLOW_A_RTCP0 + i], &r->rtcp[i], why);
	}
	r->age_ms = tlv_u64(m, FLOW_A_AGE, 0);
	return rc;
}

static int get_key(const struct tlv_msg *m, u8 *digit, u32 *duration_ms, const char **why)
{
	*digit = tlv_u8(m, FLOW_A_DIGIT, FLOW_PT_NONE);
	*duration_ms = tlv_u32(m, FLOW_A_DURATION, 0);
	if (*digit > 15)
		return bad(why, "digit");
	return 0;
}

int tlv_get_event(const struct tlv_msg *m, struct tlv_event *e, const char **why)
{
	struct flow_stats s = { 0 };

	memset(e, 0, sizeof(*e));
	e->flow_id = tlv_u64(m, FLOW_A_ID, 0);
	e->gen = tlv_u32(m, FLOW_A_GEN, 0);
	e->event = tlv_u32(m, FLOW_A_EVENT, FLOW_EVENT_UNSPEC);
	e->side = tlv_u32(m, FLOW_A_SIDE, 0);
	if (e->event == FLOW_EVENT_UNSPEC || e->event > FLOW_EVENT_DTMF)
		return bad(why, "event");
	if (e->side > 1)
		return bad(why, "side");
	int rc = get_stats(m->attr[FLOW_A_STATS0 + e->side], &s, why);
	e->source = s.source;
	if (!rc && e->event == FLOW_EVENT_DTMF)
		rc = get_key(m, &e->digit, &e->duration_ms, why);
	return rc;
}

int tlv_get_dtmf(const struct tlv_msg *m, struct tlv_dtmf *d, const char **why)
{
	memset(d, 0, sizeof(*d));
	d->flow_id = tlv_u64(m, FLOW_A_ID, 0);
	d->side = tlv_u32(m, FLOW_A_SIDE, 2);
	if (!d->flow_id)
		return bad(why, "id");
	if (d->side > 1)
		return bad(why, "side");
	return get_key(m, &d->digit, &d->duration_ms, why);
}
