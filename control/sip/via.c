/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

/* "SIP / 2.0 / UDP" and the white space behind it; NULL: malformed. */
static const char *sent_protocol(const char *p, const char *e, struct str *transport)
{
	const char *start, *end;

	for (int part = 0;; part++) {
		start = p;
		end = sip_span(p, e, SIP_C_TOKEN);
		if (end == start)
			return NULL;
		p = sip_skip_ws(end, e);
		if (part == 2)
			break;
		if (p == e || *p != '/')
			return NULL;
		p = sip_skip_ws(p + 1, e);
	}
	*transport = sip_slice(start, end);
	return p > end ? p : NULL;
}

static const char *sent_by(const char *p, const char *e, struct sip_via *v)
{
	p = sip_scan_host(p, e, &v->host);
	if (!p)
		return NULL;
	p = sip_skip_ws(p, e);
	if (p == e || *p != ':')
		return p;
	p = sip_scan_port(sip_skip_ws(p + 1, e), e, &v->port);
	return p ? sip_skip_ws(p, e) : NULL;
}

/* Keeps the parameters that the transport needs. 0, or -1 where one is repeated or unreadable. */
static int keep(struct sip_via *v, struct str name, struct str val)
{
	uint32_t port = 0;

	if (SIP_IS(name, "branch")) {
		if (v->branch.p || val.n == 0 || val.n > SIP_TOKEN_MAX)
			return -1;
		v->branch = val;
	} else if (SIP_IS(name, "received")) {
		if (v->received.p || val.n == 0)
			return -1;
		v->received = val;
	} else if (SIP_IS(name, "rport")) {
		if (v->has_rport || (val.p && sip_scan_number(val, UINT16_MAX, &port)))
			return -1;
		v->has_rport = true;
		v->rport = (uint16_t)port;
	}
	return 0;
}

int sip_via_parse(struct str *list, struct sip_via *v)
{
	const char *e = sip_end(*list), *p = sip_skip_ws(list->p, e), *start;
	struct str name, val;

	memset(v, 0, sizeof(*v));
	p = sent_protocol(p, e, &v->transport);
	if (!p)
		return -SIP_E_VIA;
	p = sent_by(p, e, v);
	if (!p)
		return -SIP_E_VIA;
	start = p;
	while (p < e && *p == ';') {
		p = sip_scan_param(p, e, SIP_C_TOKEN, &name, &val);
		if (!p || keep(v, name, val))
			return -SIP_E_VIA;
	}
	v->params = sip_slice(start, sip_trim_ws(start, p));
	if (p == e) {
		*list = STR_NONE;
		return 0;
	}
	if (*p != ',')
		return -SIP_E_VIA;
	*list = sip_slice(p + 1, e);
	return list->n ? 0 : -SIP_E_VIA; /* a comma promises another one */
}
