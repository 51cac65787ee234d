/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of SRTP, and what an engine that was restarted goes on with. */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

static const struct flow_field crypto_fields[] = { FLOW_CRYPTO_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_part parts[] = { FLOW_CRYPTO_PARTS(FLOW_PART_ROW) };

void tlv_put_crypto(struct tlv_out *o, int type, const struct flow_crypto *c, bool secrets)
{
	if (c->suite == FLOW_SUITE_NONE || c->suite >= FLOW_SUITE_COUNT)
		return;
	size_t nest = tlv_nest_begin(o, type);
	tlv_put_fields(o, c, crypto_fields, COUNT(crypto_fields));
	for (size_t i = 0; secrets && i < COUNT(parts); i++) {
		size_t n = flow_part_size(c->suite, parts[i].of);
		if (n)
			tlv_put(o, parts[i].attr, (const u8 *)c + parts[i].off, n);
	}
	tlv_nest_end(o, nest);
}

int tlv_get_crypto(struct nlattr *nest, struct flow_crypto *c, bool secrets, const char **why)
{
	struct nlattr *tb[FLOW_CRYPTO_A_MAX + 1];

	if (!nest)
		return 0;
	if (tlv_parse_nest(tb, FLOW_CRYPTO_A_MAX, nest) < 0)
		return tlv_bad(why, "crypto");
	int rc = tlv_get_fields(tb, c, crypto_fields, COUNT(crypto_fields), why);
	if (!rc && !tb[FLOW_CRYPTO_A_SUITE])
		rc = tlv_bad(why, "suite");
	if (!rc && !tb[FLOW_CRYPTO_A_NUMBER])
		rc = tlv_bad(why, "key_number");
	for (size_t i = 0; !rc && secrets && i < COUNT(parts); i++) {
		const struct nlattr *a = tb[parts[i].attr];
		size_t n = flow_part_size(c->suite, parts[i].of);
		if ((a ? (size_t)nla_len(a) : 0) != n)
			rc = tlv_bad(why, parts[i].why);
		else if (n)
			memcpy((u8 *)c + parts[i].off, nla_data(a), n);
	}
	return rc;
}

/* ---- RESUME ---- */

static const struct flow_field in_fields[] = { FLOW_RESUME_IN_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_field out_fields[] = { FLOW_RESUME_OUT_FIELDS(FLOW_FIELD_ROW) };
static const struct flow_field rtcp_fields[] = { FLOW_RESUME_RTCP_FIELDS(FLOW_FIELD_ROW) };

void tlv_put_resume(struct tlv_out *o, int type, const struct flow_resume *r)
{
	if (!r->has)
		return;
	size_t nest = tlv_nest_begin(o, type);
	if (r->has & FLOW_RESUME_SOURCE && r->source.family) {
		tlv_put(o, FLOW_RESUME_A_SOURCE, r->source.ip, flow_addr_len(&r->source));
		tlv_put(o, FLOW_RESUME_A_SRC_PORT, &r->source.port, sizeof(r->source.port));
	}
	if (r->has & FLOW_RESUME_IN) {
		tlv_put_u32(o, FLOW_RESUME_A_IN_SSRC, r->in_ssrc);
		tlv_put_u64(o, FLOW_RESUME_A_IN_INDEX, r->in_index);
	}
	if (r->has & FLOW_RESUME_OUT) {
		tlv_put_u32(o, FLOW_RESUME_A_OUT_SSRC, r->out_ssrc);
		tlv_put_u64(o, FLOW_RESUME_A_OUT_INDEX, r->out_index);
		tlv_put(o, FLOW_RESUME_A_OUT_SHIFT, &r->out_shift, sizeof(r->out_shift));
	}
	if (r->has & FLOW_RESUME_IN_RTCP)
		tlv_put_u32(o, FLOW_RESUME_A_IN_RTCP, r->in_rtcp);
	if (r->has & FLOW_RESUME_OUT_RTCP)
		tlv_put_u32(o, FLOW_RESUME_A_OUT_RTCP, r->out_rtcp);
	tlv_nest_end(o, nest);
}

static int get_source(struct nlattr **tb, struct flow_resume *r, const char **why)
{
	const struct nlattr *a = tb[FLOW_RESUME_A_SOURCE], *port = tb[FLOW_RESUME_A_SRC_PORT];

	if (!a)
		return 0;
	if (!flow_addr_take(&r->source, nla_data(a), (unsigned)nla_len(a)) || !port ||
	    nla_len(port) != 2 || !nla_get_u16(port))
		return tlv_bad(why, "resume_source");
	r->source.port = nla_get_u16(port);
	r->has |= FLOW_RESUME_SOURCE;
	return 0;
}

int tlv_get_resume(struct nlattr *nest, struct flow_resume *r, const char **why)
{
	struct nlattr *tb[FLOW_RESUME_A_MAX + 1];

	if (!nest)
		return 0;
	if (tlv_parse_nest(tb, FLOW_RESUME_A_MAX, nest) < 0)
		return tlv_bad(why, "resume");
	int rc = get_source(tb, r, why);
	if (!rc && tb[FLOW_RESUME_A_IN_SSRC]) {
		r->has |= FLOW_RESUME_IN;
		rc = tlv_get_fields(tb, r, in_fields, COUNT(in_fields), why);
	}
	if (!rc && tb[FLOW_RESUME_A_OUT_SSRC]) {
		r->has |= FLOW_RESUME_OUT;
		rc = tlv_get_fields(tb, r, out_fields, COUNT(out_fields), why);
	}
	if (!rc)
		rc = tlv_get_fields(tb, r, rtcp_fields, COUNT(rtcp_fields), why);
	if (tb[FLOW_RESUME_A_IN_RTCP])
		r->has |= FLOW_RESUME_IN_RTCP;
	if (tb[FLOW_RESUME_A_OUT_RTCP])
		r->has |= FLOW_RESUME_OUT_RTCP;
	return rc;
}
