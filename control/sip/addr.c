/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

/* Display name up to "<": a quoted string, or tokens and white space (25.1), or nothing. */
static const char *display_end(const char *p, const char *e)
{
	const char *q;

	if (p < e && *p == '"') {
		p = sip_skip_quoted(p, e);
		return p ? sip_skip_ws(p, e) : NULL;
	}
	do {
		q = p;
		p = sip_skip_ws(sip_span(p, e, SIP_C_TOKEN), e);
	} while (p > q);
	return p;
}

/* "scheme:" in front; the rest is up to sip_uri_parse(). */
static bool has_scheme(struct str uri)
{
	return uri.n && sip_is_alpha(*uri.p) && memchr(uri.p, ':', uri.n);
}

static int read_params(struct sip_addr *a, const char *p, const char *e)
{
	struct str name, val;

	a->params = sip_slice(p, e);
	while (p < e) {
		if (*p != ';' || !(p = sip_scan_param(p, e, SIP_C_TOKEN, &name, &val)))
			return -SIP_E_ADDRESS;
		if (!SIP_IS(name, "tag"))
			continue;
		if (a->tag.p || val.n == 0 || val.n > SIP_TOKEN_MAX || *val.p == '"')
			return -SIP_E_ADDRESS;
		a->tag = val;
	}
	return 0;
}

int sip_addr_parse(struct str s, struct sip_addr *a)
{
	const char *e = sip_trim_ws(s.p, sip_end(s)), *p = sip_skip_ws(s.p, e), *end;

	memset(a, 0, sizeof(*a));
	end = display_end(p, e);
	if (!end)
		return -SIP_E_ADDRESS;
	a->bracketed = end < e && *end == '<';
	if (a->bracketed) {
		a->display = sip_slice(p, sip_trim_ws(p, end));
		p = end + 1;
		end = sip_span(p, e, SIP_C_URI);
		if (end == e || *end != '>')
			return -SIP_E_ADDRESS;
		a->uri = sip_slice(p, end++);
	} else {
		/* 20.10: what holds one of ,?; must be in <>, so the first ";" ends the URI. */
		end = sip_span(p, e, SIP_C_URI);
		const char *semi = memchr(p, ';', (size_t)(end - p));
		if (semi)
			end = semi;
		a->uri = sip_slice(p, end);
		if (memchr(p, ',', a->uri.n) || memchr(p, '?', a->uri.n))
			return -SIP_E_ADDRESS;
	}
	if (!has_scheme(a->uri))
		return -SIP_E_ADDRESS;
	return read_params(a, sip_skip_ws(end, e), e);
}
