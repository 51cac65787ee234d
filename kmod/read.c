// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of requests. The netlink core has checked the sizes of those at the top; of those in nests it is the rows of
 * relay/fields.h that say what is allowed. */
#include "verbs.h"

#define FIXED(n) NLA_POLICY_EXACT_LEN(n)

/* What control never sends is not looked at. */
const struct nla_policy read_policy[FLOW_A_MAX + 1] = {
	[FLOW_A_VERSION] = FIXED(4),
	[FLOW_A_EPOCH] = FIXED(8),
	[FLOW_A_ID] = FIXED(8),
	[FLOW_A_GEN] = FIXED(4),
	[FLOW_A_IDLE] = FIXED(4),
	[FLOW_A_SIDE0] = { .type = NLA_NESTED },
	[FLOW_A_SIDE1] = { .type = NLA_NESTED },
	[FLOW_A_SIDE] = FIXED(4),
	[FLOW_A_KIND] = FIXED(1),
	[FLOW_A_DIGIT] = FIXED(1),
	[FLOW_A_DURATION] = FIXED(4),
	[FLOW_A_COMPONENT] = FIXED(1),
	[FLOW_A_PAYLOAD] = { .type = NLA_BINARY },
	[FLOW_A_SOURCE] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[FLOW_A_SRC_PORT] = FIXED(2),
};

static const struct flow_field side_fields[] = { FLOW_SIDE_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_place side_places[] = { FLOW_SIDE_PLACES(FLOW_PLACE_ROW) };
static const struct flow_field crypto_fields[] = { FLOW_CRYPTO_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_part crypto_parts[] = { FLOW_CRYPTO_PARTS(FLOW_PART_ROW) };
static const struct flow_field in_fields[] = { FLOW_RESUME_IN_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_field out_fields[] = { FLOW_RESUME_OUT_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_field rtcp_fields[] = { FLOW_RESUME_RTCP_FIELDS(FLOW_FIELD_ROW) };

static int bad(const char **why, const char *what)
{
	*why = what;
	return -EINVAL;
}

u8 read_u8(struct nlattr *const *attr, int type, u8 absent)
{
	return attr[type] ? nla_get_u8(attr[type]) : absent;
}

u32 read_u32(struct nlattr *const *attr, int type, u32 absent)
{
	return attr[type] ? nla_get_u32(attr[type]) : absent;
}

u64 read_u64(struct nlattr *const *attr, int type, u64 absent)
{
	return attr[type] ? nla_get_u64(attr[type]) : absent;
}

/* Attributes that nobody knows are no error, those that do not lie inside are. */
static int parse(struct nlattr **tb, int max, const struct nlattr *nest)
{
	return __nla_parse(tb, max, nla_data(nest), nla_len(nest), NULL, NL_VALIDATE_TRAILING,
			   NULL);
}

/* ---- rows ---- */

static int get_fields(struct nlattr *const *tb, void *base, const struct flow_field *f,
		      unsigned int n, const char **why)
{
	for (; n; f++, n--) {
		const struct nlattr *a = tb[f->attr];
		u64 v = f->absent;

		if (a) {
			if (nla_len(a) != f->size)
				return bad(why, f->why);
			v = flow_number_load(nla_data(a), f->size);
			if (v < f->min || v > f->max)
				return bad(why, f->why);
		}
		flow_number_store((u8 *)base + f->off, f->size, v);
	}
	return 0;
}

static int get_places(struct nlattr *const *tb, void *base, const struct flow_place *p,
		      unsigned int n, const char **why)
{
	for (; n; p++, n--) {
		const struct nlattr *a = tb[p->attr];
		struct flow_addr *to = (void *)((u8 *)base + p->off);

		if (a && !flow_addr_take(to, nla_data(a), nla_len(a)))
			return bad(why, p->why);
	}
	return 0;
}

/* ---- keys, and what goes on ---- */

static int get_parts(struct nlattr *const *tb, struct flow_crypto *c, const char **why)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(crypto_parts); i++) {
		const struct flow_part *p = &crypto_parts[i];
		const struct nlattr *a = tb[p->attr];
		unsigned int n = flow_part_size(c->suite, p->of);

		if ((a ? nla_len(a) : 0) != n)
			return bad(why, p->why);
		if (n)
			memcpy((u8 *)c + p->off, nla_data(a), n);
	}
	return 0;
}

static int get_crypto(const struct nlattr *nest, struct flow_crypto *c, const char **why)
{
	struct nlattr *tb[FLOW_CRYPTO_A_MAX + 1];
	int err;

	if (!nest)
		return 0;
	if (parse(tb, FLOW_CRYPTO_A_MAX, nest))
		return bad(why, "crypto");
	err = get_fields(tb, c, crypto_fields, ARRAY_SIZE(crypto_fields), why);
	if (err)
		return err;
	if (!tb[FLOW_CRYPTO_A_SUITE])
		return bad(why, "suite");
	if (!tb[FLOW_CRYPTO_A_NUMBER])
		return bad(why, "key_number");
	return get_parts(tb, c, why);
}

static bool get_source(const struct nlattr *a, const struct nlattr *port, struct flow_addr *to)
{
	if (!port || nla_len(port) != 2 || !nla_get_u16(port) ||
	    !flow_addr_take(to, nla_data(a), nla_len(a)))
		return false;
	to->port = nla_get_u16(port);
	return true;
}

static int get_resume(const struct nlattr *nest, struct flow_resume *r, const char **why)
{
	struct nlattr *tb[FLOW_RESUME_A_MAX + 1];
	int err = 0;

	if (!nest)
		return 0;
	if (parse(tb, FLOW_RESUME_A_MAX, nest))
		return bad(why, "resume");
	if (tb[FLOW_RESUME_A_SOURCE]) {
		r->has |= FLOW_RESUME_SOURCE;
		if (!get_source(tb[FLOW_RESUME_A_SOURCE], tb[FLOW_RESUME_A_SRC_PORT], &r->source))
			return bad(why, "resume_source");
	}
	if (tb[FLOW_RESUME_A_IN_SSRC]) {
		r->has |= FLOW_RESUME_IN;
		err = get_fields(tb, r, in_fields, ARRAY_SIZE(in_fields), why);
	}
	if (!err && tb[FLOW_RESUME_A_OUT_SSRC]) {
		r->has |= FLOW_RESUME_OUT;
		err = get_fields(tb, r, out_fields, ARRAY_SIZE(out_fields), why);
	}
	if (!err)
		err = get_fields(tb, r, rtcp_fields, ARRAY_SIZE(rtcp_fields), why);
	if (tb[FLOW_RESUME_A_IN_RTCP])
		r->has |= FLOW_RESUME_IN_RTCP;
	if (tb[FLOW_RESUME_A_OUT_RTCP])
		r->has |= FLOW_RESUME_OUT_RTCP;
	return err;
}

/* ---- a side ---- */

static int get_acl(const struct nlattr *nest, struct flow_side *s, const char **why)
{
	const struct nlattr *a;
	int left;

	if (!nest)
		return 0;
	nla_for_each_nested(a, nest, left) {
		if (s->n_acl == FLOW_ACL_MAX || nla_type(a) != FLOW_SIDE_A_PREFIX ||
		    !flow_prefix_take(&s->acl[s->n_acl], nla_data(a), nla_len(a)))
			return bad(why, "acl");
		s->n_acl++;
	}
	return left ? bad(why, "acl") : 0;
}

static int get_lists(struct nlattr *const *tb, struct flow_side *s, const char **why)
{
	const struct nlattr *map = tb[FLOW_SIDE_A_PTMAP];

	if (map && !flow_ptmap_take(s, nla_data(map), nla_len(map)))
		return bad(why, "ptmap");
	return get_acl(tb[FLOW_SIDE_A_ACL], s, why);
}

static int get_side(const struct nlattr *nest, struct flow_side *s, const char **why)
{
	struct nlattr *tb[FLOW_SIDE_A_MAX + 1];
	const char *wrong;
	int err;

	if (!nest || parse(tb, FLOW_SIDE_A_MAX, nest))
		return bad(why, "side");
	err = get_fields(tb, s, side_fields, ARRAY_SIZE(side_fields), why);
	if (!err)
		err = get_places(tb, s, side_places, ARRAY_SIZE(side_places), why);
	if (!err)
		err = get_lists(tb, s, why);
	if (!err)
		err = get_crypto(tb[FLOW_SIDE_A_CRYPTO_IN], &s->in, why);
	if (!err)
		err = get_crypto(tb[FLOW_SIDE_A_CRYPTO_OUT], &s->out, why);
	if (!err)
		err = get_resume(tb[FLOW_SIDE_A_RESUME], &s->resume, why);
	if (!s->dtmf_clock)
		s->dtmf_clock = 8000;
	wrong = err ? NULL : flow_side_wrong(s);
	return wrong ? bad(why, wrong) : err;
}

/* ---- whole requests ---- */

int read_flow(struct nlattr *const *attr, struct flow *f, const char **why)
{
	const char *wrong;
	int err;

	f->id = read_u64(attr, FLOW_A_ID, 0);
	f->gen = read_u32(attr, FLOW_A_GEN, 0);
	f->idle_ms = read_u32(attr, FLOW_A_IDLE, 0);
	f->kind = read_u8(attr, FLOW_A_KIND, FLOW_KIND_RTP);
	wrong = flow_head_wrong(f);
	if (wrong)
		return bad(why, wrong);
	err = get_side(attr[FLOW_A_SIDE0], &f->side[0], why);
	return err ? err : get_side(attr[FLOW_A_SIDE1], &f->side[1], why);
}

static int get_whom(struct nlattr *const *attr, u64 *id, u32 *side, const char **why)
{
	*id = read_u64(attr, FLOW_A_ID, 0);
	*side = read_u32(attr, FLOW_A_SIDE, 2);
	if (!*id)
		return bad(why, "id");
	return *side > 1 ? bad(why, "side") : 0;
}

int read_dtmf(struct nlattr *const *attr, struct read_dtmf *d, const char **why)
{
	int err = get_whom(attr, &d->id, &d->side, why);

	d->key = read_u8(attr, FLOW_A_DIGIT, FLOW_PT_NONE);
	d->ms = read_u32(attr, FLOW_A_DURATION, 0);
	if (!err && d->key > 15)
		return bad(why, "digit");
	return err;
}

int read_send(struct nlattr *const *attr, struct read_send *s, const char **why)
{
	const struct nlattr *payload = attr[FLOW_A_PAYLOAD], *to = attr[FLOW_A_SOURCE];
	int err = get_whom(attr, &s->id, &s->side, why);

	if (err)
		return err;
	s->component = read_u8(attr, FLOW_A_COMPONENT, 0);
	if (s->component > 1)
		return bad(why, "component");
	if (!payload || !nla_len(payload))
		return bad(why, "payload");
	if (nla_len(payload) > FLOW_PAYLOAD_MAX) {
		*why = "payload";
		return -EMSGSIZE;
	}
	s->payload = nla_data(payload);
	s->len = nla_len(payload);
	memset(&s->to, 0, sizeof(s->to));
	if (to && !get_source(to, attr[FLOW_A_SRC_PORT], &s->to))
		return bad(why, "source");
	return 0;
}
