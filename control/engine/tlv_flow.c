/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

static const struct flow_field side_fields[] = { FLOW_SIDE_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_place side_places[] = { FLOW_SIDE_PLACES(FLOW_PLACE_ROW) };
static const struct flow_field stats_fields[] = { FLOW_STATS_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_place stats_places[] = { FLOW_STATS_PLACES(FLOW_PLACE_ROW) };

static void put_acl(struct tlv_out *o, const struct flow_side *s)
{
	if (!s->n_acl)
		return;
	size_t nest = tlv_nest_begin(o, FLOW_SIDE_A_ACL);
	for (unsigned i = 0; i < s->n_acl; i++) {
		size_t n = flow_addr_len(&s->acl[i]);
		u8 prefix[17];
		memcpy(prefix, s->acl[i].ip, n);
		prefix[n] = s->acl[i].len;
		tlv_put(o, FLOW_SIDE_A_PREFIX, prefix, n + 1);
	}
	tlv_nest_end(o, nest);
}

static void put_side(struct tlv_out *o, int type, const struct flow_side *s, bool secrets)
{
	size_t nest = tlv_nest_begin(o, type);

	tlv_put_fields(o, s, side_fields, COUNT(side_fields));
	tlv_put_places(o, s, side_places, COUNT(side_places));
	put_acl(o, s);
	if (s->n_ptmap)
		tlv_put(o, FLOW_SIDE_A_PTMAP, s->ptmap, (size_t)s->n_ptmap * 2);
	tlv_put_crypto(o, FLOW_SIDE_A_CRYPTO_IN, &s->in, secrets);
	tlv_put_crypto(o, FLOW_SIDE_A_CRYPTO_OUT, &s->out, secrets);
	if (secrets)
		tlv_put_resume(o, FLOW_SIDE_A_RESUME, &s->resume);
	tlv_nest_end(o, nest);
}

static void put_flow(struct tlv_out *o, const struct flow *f, bool secrets)
{
	tlv_put_u64(o, FLOW_A_ID, f->id);
	tlv_put_u32(o, FLOW_A_GEN, f->gen);
	tlv_put_u32(o, FLOW_A_IDLE, f->idle_ms);
	if (f->kind != FLOW_KIND_RTP)
		tlv_put_u8(o, FLOW_A_KIND, f->kind);
	put_side(o, FLOW_A_SIDE0, &f->side[0], secrets);
	put_side(o, FLOW_A_SIDE1, &f->side[1], secrets);
}

void tlv_put_flow(struct tlv_out *o, const struct flow *f)
{
	put_flow(o, f, true);
}

void tlv_put_stats(struct tlv_out *o, int type, const struct flow_stats *s)
{
	size_t nest = tlv_nest_begin(o, type);

	tlv_put_fields(o, s, stats_fields, COUNT(stats_fields));
	tlv_put_places(o, s, stats_places, COUNT(stats_places));
	if (s->last_drop[0])
		tlv_put_str(o, FLOW_STATS_A_LAST_DROP, s->last_drop);
	tlv_nest_end(o, nest);
}

void tlv_put_report(struct tlv_out *o, const struct tlv_report *r)
{
	put_flow(o, &r->flow, false);
	for (int i = 0; i < 2; i++) {
		tlv_put_stats(o, FLOW_A_STATS0 + i, &r->rtp[i]);
		tlv_put_stats(o, FLOW_A_RTCP0 + i, &r->rtcp[i]);
	}
	tlv_put_u64(o, FLOW_A_AGE, r->age_ms);
}

static bool get_prefix(struct flow_addr *a, const struct nlattr *at)
{
	return nla_type(at) == FLOW_SIDE_A_PREFIX &&
	       flow_prefix_take(a, nla_data(at), (unsigned)nla_len(at));
}

static int get_acl(struct nlattr *nest, struct flow_side *s, const char **why)
{
	struct nlattr *at;
	int left;

	if (!nest)
		return 0;
	if (!tlv_nest_ok(nest))
		return tlv_bad(why, "acl");
	nla_for_each_nested(at, nest, left)
	{
		if (s->n_acl == FLOW_ACL_MAX || !get_prefix(&s->acl[s->n_acl], at))
			return tlv_bad(why, "acl");
		s->n_acl++;
	}
	return 0;
}

static int get_ptmap(const struct nlattr *a, struct flow_side *s, const char **why)
{
	if (!a || flow_ptmap_take(s, nla_data(a), (unsigned)nla_len(a)))
		return 0;
	return tlv_bad(why, "ptmap");
}

static int get_side(struct nlattr *nest, struct flow_side *s, bool secrets, const char **why)
{
	struct nlattr *tb[FLOW_SIDE_A_MAX + 1];
	int rc;

	*why = "side";
	if (!nest || tlv_parse_nest(tb, FLOW_SIDE_A_MAX, nest) < 0)
		return -EINVAL;
	rc = tlv_get_fields(tb, s, side_fields, COUNT(side_fields), why);
	if (!rc)
		rc = tlv_get_places(tb, s, side_places, COUNT(side_places), why);
	if (!rc)
		rc = get_acl(tb[FLOW_SIDE_A_ACL], s, why);
	if (!rc)
		rc = get_ptmap(tb[FLOW_SIDE_A_PTMAP], s, why);
	if (!rc)
		rc = tlv_get_crypto(tb[FLOW_SIDE_A_CRYPTO_IN], &s->in, secrets, why);
	if (!rc)
		rc = tlv_get_crypto(tb[FLOW_SIDE_A_CRYPTO_OUT], &s->out, secrets, why);
	if (!rc && secrets)
		rc = tlv_get_resume(tb[FLOW_SIDE_A_RESUME], &s->resume, why);
	if (!s->dtmf_clock)
		s->dtmf_clock = 8000;
	const char *wrong = rc ? NULL : flow_side_wrong(s);
	return wrong ? tlv_bad(why, wrong) : rc;
}

static int get_flow(const struct tlv_msg *m, struct flow *f, bool secrets, const char **why)
{
	memset(f, 0, sizeof(*f));
	f->id = tlv_u64(m, FLOW_A_ID, 0);
	f->gen = tlv_u32(m, FLOW_A_GEN, 0);
	f->idle_ms = tlv_u32(m, FLOW_A_IDLE, 0);
	f->kind = tlv_u8(m, FLOW_A_KIND, FLOW_KIND_RTP);
	const char *wrong = flow_head_wrong(f);
	if (wrong)
		return tlv_bad(why, wrong);
	int rc = get_side(m->attr[FLOW_A_SIDE0], &f->side[0], secrets, why);
	return rc ? rc : get_side(m->attr[FLOW_A_SIDE1], &f->side[1], secrets, why);
}

int tlv_get_flow(const struct tlv_msg *m, struct flow *f, const char **why)
{
	return get_flow(m, f, true, why);
}

static int get_name(const struct nlattr *a, char *to, size_t size, const char **why)
{
	if (!a)
		return 0;
	size_t n = (size_t)nla_len(a);
	if (!n || n > size || strnlen(nla_data(a), n) != n - 1)
		return tlv_bad(why, "last_drop");
	memcpy(to, nla_data(a), n);
	return 0;
}

int tlv_get_stats(struct nlattr *nest, struct flow_stats *s, const char **why)
{
	struct nlattr *tb[FLOW_STATS_A_MAX + 1];

	if (!nest)
		return 0;
	if (tlv_parse_nest(tb, FLOW_STATS_A_MAX, nest) < 0)
		return tlv_bad(why, "stats");
	int rc = tlv_get_fields(tb, s, stats_fields, COUNT(stats_fields), why);
	if (!rc)
		rc = get_name(tb[FLOW_STATS_A_LAST_DROP], s->last_drop, sizeof(s->last_drop), why);
	return rc ? rc : tlv_get_places(tb, s, stats_places, COUNT(stats_places), why);
}

int tlv_get_report(const struct tlv_msg *m, struct tlv_report *r, const char **why)
{
	memset(r, 0, sizeof(*r));
	int rc = get_flow(m, &r->flow, false, why);
	for (int i = 0; i < 2 && !rc; i++) {
		rc = tlv_get_stats(m->attr[FLOW_A_STATS0 + i], &r->rtp[i], why);
		if (!rc)
			rc = tlv_get_stats(m->attr[FLOW_A_RTCP0 + i], &r->rtcp[i], why);
	}
	r->age_ms = tlv_u64(m, FLOW_A_AGE, 0);
	return rc;
}
