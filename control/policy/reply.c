/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller is told when the callee says no, and which bodies are understood. */
#include "policy_priv.h"
#include "sip/multipart.h"

/* Statuses that talk about the leg they came on, not about the call, become something that the
 * caller can use. Everything that is not listed keeps its code. */
static const struct final_map {
	uint16_t from, to; /* inclusive */
	uint16_t status;
	const char *why;
} final_map[] = {
	{ 300, 399, 480,
	  "not followed here; 503 would make callers take the whole trunk for dead" },
	{ 401, 401, 500,
	  "our quarrel with the callee's trunk: the caller has no credentials for it" },
	{ 405, 405, 501, "405 owes the callee's Allow" },
	{ 406, 406, 488, "about our Accept" },
	{ 407, 407, 500, "as 401" },
	{ 411, 411, 500, "about how we framed our request" },
	{ 413, 413, 500, "as 411" },
	{ 414, 414, 500, "as 411" },
	{ 415, 415, 488, "about our SDP" },
	{ 416, 417, 500, "about our request URI" },
	{ 420, 424, 500, "about our extensions; 420 and 421 owe lists, 422 a Min-SE" },
	{ 428, 429, 500, "as 401" },
	{ 436, 438, 500, "as 401" },
	{ 439, 440, 500, "as 420" },
	{ 469, 470, 500, "as 420" },
	{ 481, 481, 500, "there is no dialog yet that could be missing" },
	{ 487, 487, 480, "nobody cancelled" },
	{ 489, 489, 500, "as 420" },
	{ 491, 491, 500, "there is nothing pending" },
	{ 493, 494, 500, "as 420" },
	{ 505, 505, 500, "as 411" },
	{ 513, 513, 500, "as 411" },
};

/* Q.850 in any element of Reason. */
static bool has_cause(const struct sip_msg *m, uint16_t cause)
{
	struct sip_each each = sip_each(m, SIP_HDR_REASON);
	struct sip_reason r;
	struct str item;

	while (sip_each_next(&each, &item))
		if (sip_reason_parse(item, &r) == 0 && str_caseeq(r.protocol, STR("Q.850")) &&
		    r.cause == cause)
			return true;
	return false;
}

static unsigned by_trunk(unsigned status, const struct sip_msg *m, const struct conf_trunk *to)
{
	for (unsigned i = 0; i < to->n_failures; i++) {
		const struct conf_failure *f = &to->failures[i];

		if ((!f->status || f->status == status) &&
		    (!f->cause || (m && has_cause(m, f->cause))))
			return f->becomes;
	}
	return 0;
}

unsigned policy_final(unsigned status, const struct sip_msg *m, const struct conf_trunk *to)
{
	unsigned wanted = to ? by_trunk(status, m, to) : 0;

	if (wanted)
		return wanted;
	if (status < 300 || status > 699)
		return 500;
	for (size_t i = 0; i < sizeof(final_map) / sizeof(final_map[0]); i++) {
		if (status >= final_map[i].from && status <= final_map[i].to)
			return final_map[i].status;
	}
	return status;
}

unsigned policy_progress(unsigned status)
{
	if (status >= 180 && status <= 183)
		return status;
	if (status <= 100 || status >= 199) /* 199 ends an early dialog that the caller never saw */
		return 0;
	return 183;
}

static struct str media_type(struct str value)
{
	struct str type = STR_NONE;

	str_token(&value, ';', &type);
	return str_trim(type);
}

/* What is beside the SDP stays here: ISUP, location and pictures name somebody's inside. */
static enum policy_body multipart_body(struct str body, struct str type, const struct sip_msg *m,
				       struct str *sdp)
{
	struct str disposition = m ? sip_value(m, SIP_HDR_CONTENT_DISPOSITION) : STR_NONE;
	const struct sip_part *part;
	struct sip_parts parts;

	if (sip_parts_split(&parts, type, disposition, body))
		return POLICY_BODY_BAD;
	part = sip_parts_find(&parts, "application/sdp");
	if (!part || sip_parts_required(&parts, "application/sdp"))
		return POLICY_BODY_OTHER;
	*sdp = part->body;
	return POLICY_BODY_SDP;
}

static bool is_multipart(struct str type)
{
	return type.n > 10 && str_caseeq((struct str){ type.p, 10 }, STR("multipart/"));
}

enum policy_body policy_body(struct str body, struct str type, const struct sip_msg *m,
			     struct str *sdp)
{
	struct str encoding = m ? sip_value(m, SIP_HDR_CONTENT_ENCODING) : STR_NONE;

	*sdp = STR_NONE;
	if (!body.n)
		return POLICY_BODY_NONE;
	if (encoding.n && !str_caseeq(encoding, STR("identity")))
		return POLICY_BODY_OTHER;
	if (is_multipart(type))
		return multipart_body(body, type, m, sdp);
	if (!str_caseeq(media_type(type), STR("application/sdp")))
		return POLICY_BODY_OTHER;
	*sdp = body;
	return POLICY_BODY_SDP;
}

bool policy_accepts_sdp(const struct sip_msg *m)
{
	const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_ACCEPT);

	if (!h)
		return true; /* RFC 3261 20.1: application/sdp is assumed */
	for (; h; h = sip_hdr_next(m, h)) {
		struct str list = sip_hdr_value(m, h), item;

		while (sip_list_next(&list, &item)) {
			struct str type = media_type(item);

			if (str_caseeq(type, STR("application/sdp")) ||
			    str_caseeq(type, STR("application/*")) || str_eq(type, STR("*/*")))
				return true;
		}
	}
	return false;
}
