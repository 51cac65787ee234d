/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of SRTP, and what an engine that was restarted goes on with. */
#include <errno.h>
#include <string.h>
#include "engine/tlv_priv.h"

static const struct {
	u8 key, auth, salt;
} sizes[FLOW_SUITE_COUNT] = {
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { 16, 20, 14 },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { 16, 20, 14 },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { 32, 20, 14 },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { 32, 20, 14 },
	[FLOW_SUITE_AEAD_AES_128_GCM] = { 16, 0, 12 },
	[FLOW_SUITE_AEAD_AES_256_GCM] = { 32, 0, 12 },
};

static const struct tlv_field crypto_fields[] = {
	TLV_FIELD(flow_crypto, suite, FLOW_CRYPTO_A_SUITE, 0, 1, FLOW_SUITE_COUNT - 1, "suite"),
	TLV_FIELD(flow_crypto, number, FLOW_CRYPTO_A_NUMBER, 0, 1, UINT32_MAX, "key_number"),
	TLV_FIELD(flow_crypto, flags, FLOW_CRYPTO_A_FLAGS, 0, 0, FLOW_CRYPTO_KEEP_ROC,
		  "crypto_flags"),
	TLV_FIELD(flow_crypto, mki_len, FLOW_CRYPTO_A_MKI_LEN, 0, 0, 128, "mki_len"),
};

struct part {
	u16 attr, off;
	u8 size; /* offset in a row of sizes[] */
	const char *why;
};

#define KEY  0
#define AUTH 1
#define SALT 2

static const struct part parts[] = {
	{ FLOW_CRYPTO_A_RTP_KEY, offsetof(struct flow_crypto, rtp_key), KEY, "rtp_key" },
	{ FLOW_CRYPTO_A_RTP_AUTH, offsetof(struct flow_crypto, rtp_auth), AUTH, "rtp_auth" },
	{ FLOW_CRYPTO_A_RTP_SALT, offsetof(struct flow_crypto, rtp_salt), SALT, "rtp_salt" },
	{ FLOW_CRYPTO_A_RTCP_KEY, offsetof(struct flow_crypto, rtcp_key), KEY, "rtcp_key" },
	{ FLOW_CRYPTO_A_RTCP_AUTH, offsetof(struct flow_crypto, rtcp_auth), AUTH, "rtcp_auth" },
	{ FLOW_CRYPTO_A_RTCP_SALT, offsetof(struct flow_crypto, rtcp_salt), SALT, "rtcp_salt" },
};

static size_t part_size(const struct part *p, u8 suite)
{
	const u8 of[] = {
		[KEY] = sizes[suite].key, [AUTH] = sizes[suite].auth, [SALT] = sizes[suite].salt
	};

	return of[p->size];
}

void tlv_put_crypto(struct tlv_out *o, int type, const struct flow_crypto *c, bool secrets)
{
	if (c->suite == FLOW_SUITE_NONE || c->suite >= FLOW_SUITE_COUNT)
		return;
	size_t nest = tlv_nest_begin(o, type);
	tlv_put_fields(o, c, crypto_fields, COUNT(crypto_fields));
	for (size_t i = 0; secrets && i < COUNT(parts); i++) {
		size_t n = part_size(&parts[i], c->suite);
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
		size_t n = part_size(&parts[i], c->suite);
		if ((a ? (size_t)nla_len(a) : 0) != n)
			rc = tlv_bad(why, parts[i].why);
		else if (n)
			memcpy((u8 *)c + parts[i].off, nla_data(a), n);
	}
	return rc;
}

/* ---- RESUME: a part is there when its first attribute is ---- */

#define INDEX_MAX ((1ull << 48) - 1)
#define RTCP_MAX  0x7fffffffu

static const struct tlv_field in_fields[] = {
	TLV_FIELD(flow_resume, in_ssrc, FLOW_RESUME_A_IN_SSRC, 0, 0, UINT32_MAX, "in_ssrc"),
	TLV_FIELD(flow_resume, in_index, FLOW_RESUME_A_IN_INDEX, 0, 0, INDEX_MAX, "in_index"),
};

static const struct tlv_field out_fields[] = {
	TLV_FIELD(flow_resume, out_ssrc, FLOW_RESUME_A_OUT_SSRC, 0, 0, UINT32_MAX, "out_ssrc"),
	TLV_FIELD(flow_resume, out_index, FLOW_RESUME_A_OUT_INDEX, 0, 0, INDEX_MAX, "out_index"),
	TLV_FIELD(flow_resume, out_shift, FLOW_RESUME_A_OUT_SHIFT, 0, 0, 65535, "out_shift"),
};

static const struct tlv_field rtcp_fields[] = {
	TLV_FIELD(flow_resume, in_rtcp, FLOW_RESUME_A_IN_RTCP, 0, 0, RTCP_MAX, "in_rtcp"),
	TLV_FIELD(flow_resume, out_rtcp, FLOW_RESUME_A_OUT_RTCP, 0, 0, RTCP_MAX, "out_rtcp"),
};

void tlv_put_resume(struct tlv_out *o, int type, const struct flow_resume *r)
{
	if (!r->has)
		return;
	size_t nest = tlv_nest_begin(o, type);
	if (r->has & FLOW_RESUME_SOURCE && r->source.family) {
		tlv_put(o, FLOW_RESUME_A_SOURCE, r->source.ip, tlv_addr_len(&r->source));
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
	if (tlv_get_addr(&r->source, nla_data(a), (size_t)nla_len(a)) < 0 || !port ||
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
