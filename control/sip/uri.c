/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

/* Longer ones are refused: nothing that we route needs them, and comparing is quadratic. */
#define URI_MAX 1024

/* Octets of `mask` and escapes; NULL where "%" is not followed by two hexadecimal digits. */
static const char *span_escaped(const char *p, const char *e, uint8_t mask)
{
	for (;;) {
		p = sip_span(p, e, mask);
		if (p == e || *p != '%')
			return p;
		if (e - p < 3 || sip_hex(p[1]) < 0 || sip_hex(p[2]) < 0)
			return NULL;
		p += 3;
	}
}

static int userinfo(struct sip_uri *u, const char *p, const char *at)
{
	const char *end = span_escaped(p, at, SIP_C_USER);

	if (!end || end == p)
		return -SIP_E_URI;
	u->user = sip_slice(p, end);
	if (end == at)
		return 0;
	if (*end != ':' || span_escaped(end + 1, at, SIP_C_PASSWORD) != at)
		return -SIP_E_URI;
	u->password = sip_slice(end + 1, at);
	return 0;
}

/* ";name=value;name" as far as it goes; NULL: malformed. */
static const char *uri_params(const char *p, const char *e)
{
	while (p < e && *p == ';') {
		const char *start = ++p;

		p = span_escaped(p, e, SIP_C_PARAM);
		if (!p || p == start)
			return NULL;
		if (p == e || *p != '=')
			continue;
		start = ++p;
		p = span_escaped(p, e, SIP_C_PARAM);
		if (!p || p == start)
			return NULL;
	}
	return p;
}

/* "?name=value&name=value": only the octets are checked, nobody acts on them. */
static bool uri_headers(const char *p, const char *e)
{
	const char *start = p;

	while (p && p < e && (p == start || *p == '&' || *p == '?' || *p == '='))
		p = span_escaped(p + 1, e, SIP_C_PARAM);
	return p == e && p - start > 1;
}

static int params_and_headers(struct sip_uri *u, const char *p, const char *e)
{
	const char *end = uri_params(p, e);

	if (!end)
		return -SIP_E_URI;
	u->params = sip_slice(p, end);
	if (end == e)
		return 0;
	if (*end != '?' || !uri_headers(end, e))
		return -SIP_E_URI;
	u->headers = sip_slice(end, e);
	return 0;
}

static int parse_sip(struct sip_uri *u, const char *p, const char *e)
{
	/* "@" first: a user may hold ; and ?, and what stands behind the user may hold no "@". */
	const char *at = memchr(p, '@', (size_t)(e - p));

	if (at && userinfo(u, p, at))
		return -SIP_E_URI;
	p = sip_scan_host(at ? at + 1 : p, e, &u->host);
	if (p && p < e && *p == ':')
		p = sip_scan_port(p + 1, e, &u->port);
	if (!p)
		return -SIP_E_URI;
	return params_and_headers(u, p, e);
}

/* RFC 3966: digits and visual separators; "*", "#" and hexadecimal digits in local numbers. */
static bool tel_digit(char c, bool local)
{
	return sip_is_digit(c) || (local && (sip_hex(c) >= 0 || c == '*' || c == '#'));
}

static bool tel_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* A local number should have a phone-context; people leave it out where there is only one. */
static int parse_tel(struct sip_uri *u, const char *p, const char *e)
{
	const char *start = p;
	bool local = p == e || *p != '+', any = false;

	if (!local)
		p++;
	for (; p < e && (tel_digit(*p, local) || tel_separator(*p)); p++)
		any = any || tel_digit(*p, local);
	if (!any)
		return -SIP_E_URI;
	u->user = sip_slice(start, p);
	start = p;
	p = uri_params(p, e);
	if (p != e)
		return -SIP_E_URI;
	u->params = sip_slice(start, e);
	return 0;
}

/* RFC 5031 4.2: labels of letters, digits and inner hyphens with dots between them. */
static bool is_service(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool alnum = sip_is_alpha(s.p[i]) || sip_is_digit(s.p[i]);
		bool edge = i == 0 || s.p[i - 1] == '.';

		if (!alnum && (edge || (s.p[i] != '-' && s.p[i] != '.') ||
			       (s.p[i] == '.' && s.p[i - 1] == '-')))
			return false;
	}
	return s.n && s.p[s.n - 1] != '.' && s.p[s.n - 1] != '-';
}

/* Of all URNs only services mean something to us. */
int sip_urn_parse(struct str s, struct sip_uri *u)
{
	const struct str start = STR("urn:service:");

	memset(u, 0, sizeof(*u));
	if (s.n < start.n || s.n > URI_MAX || !str_caseeq((struct str){ s.p, start.n }, start))
		return -SIP_E_SCHEME;
	u->scheme = SIP_SCHEME_URN;
	u->user = (struct str){ s.p + start.n, s.n - start.n };
	return is_service(u->user) ? 0 : -SIP_E_URI;
}

bool sip_uri_is_sos(const struct sip_uri *u)
{
	return u->scheme == SIP_SCHEME_URN && u->user.n >= 3 &&
	       SIP_IS(((struct str){ u->user.p, 3 }), "sos") &&
	       (u->user.n == 3 || u->user.p[3] == '.');
}

bool sip_uri_header(const struct sip_uri *u, struct str name, struct str *val)
{
	struct str rest = u->headers, pair, n;

	while (rest.n > 1) {
		rest = (struct str){ rest.p + 1, rest.n - 1 }; /* "?" or "&" */
		pair = rest;
		pair.n = (size_t)((const char *)(memchr(rest.p, '&', rest.n) ?: sip_end(rest)) -
				  rest.p);
		rest = (struct str){ rest.p + pair.n, rest.n - pair.n };
		*val = pair;
		if (str_token(val, '=', &n) && str_caseeq(n, name))
			return true;
	}
	*val = STR_NONE;
	return false;
}

static bool scheme_syntax(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!sip_is_alpha(c) &&
		    (i == 0 || !(sip_is_digit(c) || c == '+' || c == '-' || c == '.')))
			return false;
	}
	return s.n > 0;
}

static enum sip_scheme scheme_of(struct str s)
{
	if (SIP_IS(s, "sip"))
		return SIP_SCHEME_SIP;
	if (SIP_IS(s, "sips"))
		return SIP_SCHEME_SIPS;
	return SIP_IS(s, "tel") ? SIP_SCHEME_TEL : SIP_SCHEME_OTHER;
}

int sip_uri_parse(struct str s, struct sip_uri *u)
{
	const char *e = sip_end(s), *colon;
	struct str scheme;

	memset(u, 0, sizeof(*u));
	colon = s.n && s.n <= URI_MAX ? memchr(s.p, ':', s.n) : NULL;
	if (!colon)
		return -SIP_E_URI;
	scheme = sip_slice(s.p, colon);
	u->scheme = scheme_of(scheme);
	switch (u->scheme) {
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		return parse_sip(u, colon + 1, e);
	case SIP_SCHEME_TEL:
		return parse_tel(u, colon + 1, e);
	default:
		break;
	}
	return scheme_syntax(scheme) && sip_span(colon, e, SIP_C_URI) == e ? -SIP_E_SCHEME
									   : -SIP_E_URI;
}

int sip_uri_addr(const struct sip_uri *u, struct addr *out)
{
	if (u->host.n == 0 || addr_parse(u->host, out))
		return -EINVAL;
	out->port = u->port ? u->port : u->scheme == SIP_SCHEME_SIPS ? 5061 : 5060;
	return 0;
}
