/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that are an address and something: Contact, Route and its kin, Refer-To, History-Info. */
#include "sip/field.h"
#include "sip/scan_priv.h"

/* "0.5" as 500; -1: none (25.1: one digit, at most three behind the point, at most 1). */
static int read_q(struct str s, uint16_t *q)
{
	unsigned n;

	if (s.n == 0 || s.n > 5 || (*s.p != '0' && *s.p != '1') || (s.n > 1 && s.p[1] != '.'))
		return -1;
	n = (unsigned)(*s.p - '0') * 1000;
	for (unsigned i = 2, weight = 100; i < s.n; i++, weight /= 10) {
		if (!sip_is_digit(s.p[i]))
			return -1;
		n += (unsigned)(s.p[i] - '0') * weight;
	}
	if (n > 1000)
		return -1;
	*q = (uint16_t)n;
	return 0;
}

static int read_contact(struct str s, struct sip_contact *c)
{
	struct str val;
	int rc;

	memset(c, 0, sizeof(*c));
	c->q = 1000;
	if (sip_addr_parse(s, &c->addr))
		return -SIP_E_ADDRESS;
	rc = sip_uri_parse(c->addr.uri, &c->uri);
	if (rc && rc != -SIP_E_SCHEME)
		return rc;
	if (sip_param(c->addr.params, STR("q"), &val) == 1 && read_q(val, &c->q))
		return -SIP_E_ADDRESS;
	if (sip_param(c->addr.params, STR("expires"), &val) == 1) {
		c->has_expires = true;
		if (sip_scan_number(val, UINT32_MAX, &c->expires))
			c->expires = 3600;
	}
	return 0;
}

int sip_contacts_parse(const struct sip_msg *m, struct sip_contacts *out)
{
	struct sip_each e = sip_each(m, SIP_HDR_CONTACT);
	struct str item;

	out->n = 0;
	out->star = false;
	while (sip_each_next(&e, &item)) {
		int rc;

		if (out->star)
			return -SIP_E_ADDRESS;
		if (str_eq(item, STR("*"))) {
			if (out->n)
				return -SIP_E_ADDRESS;
			out->star = true;
			continue;
		}
		if (out->n == SIP_CONTACTS_MAX)
			return -SIP_E_TOO_MANY;
		rc = read_contact(item, &out->c[out->n]);
		if (rc)
			return rc;
		out->n++;
	}
	return 0;
}

int sip_route_parse(struct str s, struct sip_route *r)
{
	struct str val;
	int rc;

	memset(r, 0, sizeof(*r));
	/* 25.1: a name-addr, so always with <>. */
	if (sip_addr_parse(s, &r->addr) || !r->addr.bracketed)
		return -SIP_E_ADDRESS;
	rc = sip_uri_parse(r->addr.uri, &r->uri);
	if (rc)
		return rc;
	if (r->uri.scheme != SIP_SCHEME_SIP && r->uri.scheme != SIP_SCHEME_SIPS)
		return -SIP_E_SCHEME;
	r->lr = sip_param(r->uri.params, STR("lr"), &val) == 1;
	return 0;
}

int sip_refer_to_parse(struct str s, struct sip_refer_to *r)
{
	int rc;

	memset(r, 0, sizeof(*r));
	if (sip_addr_parse(s, &r->addr))
		return -SIP_E_ADDRESS;
	rc = sip_uri_parse(r->addr.uri, &r->uri);
	if (rc)
		return rc;
	sip_param(r->uri.params, STR("method"), &r->method);
	sip_uri_header(&r->uri, STR("Replaces"), &r->replaces);
	return 0;
}

/* "1", "1.2.1" */
static bool is_index(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? i == 0 || s.p[i - 1] == '.' : !sip_is_digit(s.p[i]))
			return false;
	}
	return s.n > 0 && s.p[s.n - 1] != '.';
}

int sip_history_parse(struct str s, struct sip_history *h)
{
	static const struct {
		struct str name;
		enum sip_history_kind kind;
	} kinds[] = { { STR("rc"), SIP_HISTORY_RC },
		      { STR("mp"), SIP_HISTORY_MP },
		      { STR("np"), SIP_HISTORY_NP } };

	memset(h, 0, sizeof(*h));
	if (sip_addr_parse(s, &h->addr))
		return -SIP_E_ADDRESS;
	if (sip_param(h->addr.params, STR("index"), &h->index) != 1 || !is_index(h->index))
		return -SIP_E_HEADER;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && !h->kind; i++) {
		if (sip_param(h->addr.params, kinds[i].name, &h->from) == 1)
			h->kind = kinds[i].kind;
	}
	return h->kind && !is_index(h->from) ? -SIP_E_HEADER : 0;
}
