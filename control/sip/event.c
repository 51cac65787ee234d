/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions (RFC 6665), and fields that name a dialog or a response: Replaces, Join, RAck. */
#include "sip/field.h"
#include "sip/scan_priv.h"

int sip_event_parse(struct str s, struct sip_event *e)
{
	struct sip_word w;

	memset(e, 0, sizeof(*e));
	if (sip_word_parse(s, &w))
		return -SIP_E_HEADER;
	e->package = w.token;
	e->params = w.params;
	sip_param(w.params, STR("id"), &e->id);
	return 0;
}

static enum sip_sub sub_of(struct str name)
{
	if (SIP_IS(name, "active"))
		return SIP_SUB_ACTIVE;
	if (SIP_IS(name, "pending"))
		return SIP_SUB_PENDING;
	return SIP_IS(name, "terminated") ? SIP_SUB_TERMINATED : SIP_SUB_OTHER;
}

int sip_sub_state_parse(struct str s, struct sip_sub_state *st)
{
	struct sip_word w;
	int expires, retry;

	memset(st, 0, sizeof(*st));
	if (sip_word_parse(s, &w))
		return -SIP_E_HEADER;
	st->name = w.token;
	st->state = sub_of(w.token);
	sip_param(w.params, STR("reason"), &st->reason);
	expires = sip_param_number(w.params, STR("expires"), UINT32_MAX, &st->expires);
	retry = sip_param_number(w.params, STR("retry-after"), UINT32_MAX, &st->retry_after);
	if (expires < 0 || retry < 0)
		return -SIP_E_HEADER;
	st->has_expires = expires;
	st->has_retry_after = retry;
	return 0;
}

/* Octets of a Call-ID up to the parameters. */
static const char *call_id_end(const char *p, const char *e)
{
	while (p < e && (uint8_t)(*p - 0x21) <= 0x7e - 0x21 && *p != ';' && *p != ',')
		p++;
	return p;
}

/* A tag, and each at most once. */
static int take_tag(struct str *tag, struct str val)
{
	if (tag->p || val.n == 0 || val.n > SIP_TOKEN_MAX || *val.p == '"')
		return -SIP_E_HEADER;
	*tag = val;
	return 0;
}

int sip_replaces_parse(struct str s, struct sip_replaces *r)
{
	const char *e = sip_end(s), *p = call_id_end(s.p, e);
	struct str name, val;
	int rc = 0;

	memset(r, 0, sizeof(*r));
	r->call_id = sip_slice(s.p, p);
	if (r->call_id.n == 0 || r->call_id.n > SIP_TOKEN_MAX)
		return -SIP_E_HEADER;
	for (p = sip_skip_ws(p, e); p < e && !rc;) {
		if (*p != ';' || !(p = sip_scan_param(p, e, SIP_C_TOKEN, &name, &val)))
			return -SIP_E_HEADER;
		if (SIP_IS(name, "to-tag"))
			rc = take_tag(&r->to_tag, val);
		else if (SIP_IS(name, "from-tag"))
			rc = take_tag(&r->from_tag, val);
		else if (SIP_IS(name, "early-only"))
			r->early_only = true;
	}
	return rc || !r->to_tag.n || !r->from_tag.n ? -SIP_E_HEADER : 0;
}

int sip_rack_parse(struct str s, struct sip_rack *r)
{
	const char *e = sip_end(s), *p = s.p;
	struct sip_cseq c;

	memset(r, 0, sizeof(*r));
	while (p < e && sip_is_digit(*p))
		p++;
	if (p == e || !sip_is_ws(*p) || sip_scan_number(sip_slice(s.p, p), UINT32_MAX, &r->rseq))
		return -SIP_E_HEADER;
	p = sip_skip_ws(p, e);
	if (sip_cseq_parse(sip_slice(p, e), &c))
		return -SIP_E_HEADER;
	r->cseq = c.num;
	r->method = c.method;
	r->method_name = c.method_name;
	return 0;
}
