/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

/* See enum sip_class; param_test.c compares it with the sets of the RFC. */
const uint8_t sip_class[256] = {
	/* clang-format off */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0xbf, 0x00, 0x8a, 0xbe, 0x87, 0xbe, 0xbf,
	0xbe, 0xbe, 0xbf, 0xbf, 0x98, 0xff, 0xff, 0xae,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xa6, 0x88, 0x00, 0x9a, 0x00, 0x8a,
	0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xa6, 0x00, 0xa6, 0x02, 0xff,
	0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0x02, 0x02, 0x02, 0xbf, 0x00,
	/* clang-format on */
};

const char *sip_skip_quoted(const char *p, const char *e)
{
	for (p++; p < e; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\' && ++p == e)
			break;
	}
	return NULL;
}

const char *sip_scan_host(const char *p, const char *e, struct str *host)
{
	const char *end;
	struct addr a;

	if (p < e && *p == '[') {
		end = memchr(p, ']', (size_t)(e - p));
		if (!end)
			return NULL;
		*host = sip_slice(p, ++end);
		return addr_parse(*host, &a) ? NULL : end;
	}
	end = sip_span(p, e, SIP_C_HOST);
	if (end == p || *p == '.' || *p == '-')
		return NULL;
	*host = sip_slice(p, end);
	return end;
}

const char *sip_scan_port(const char *p, const char *e, uint16_t *port)
{
	const char *start = p;
	uint32_t n = 0;

	while (p < e && sip_is_digit(*p) && p - start < 5)
		n = n * 10 + (uint8_t)(*p++ - '0');
	if (n == 0 || n > UINT16_MAX)
		return NULL;
	*port = (uint16_t)n;
	return p;
}

const char *sip_scan_param(const char *p, const char *e, uint8_t names, struct str *name,
			   struct str *val)
{
	const char *start = sip_skip_ws(p + 1, e);

	p = sip_span(start, e, names);
	if (p == start)
		return NULL;
	*name = sip_slice(start, p);
	*val = STR_NONE;
	p = sip_skip_ws(p, e);
	if (p == e || *p != '=')
		return p;
	start = sip_skip_ws(p + 1, e);
	if (start < e && *start == '"')
		p = sip_skip_quoted(start, e);
	else
		p = sip_span(start, e, SIP_C_VALUE);
	if (!p || p == start)
		return NULL;
	*val = sip_slice(start, p);
	return sip_skip_ws(p, e);
}

int sip_param_next(struct str *rest, struct str *name, struct str *val)
{
	const char *p = rest->p, *e = sip_end(*rest);

	p = sip_skip_ws(p, e);
	if (p == e)
		return 0;
	if (*p != ';')
		return -SIP_E_HEADER;
	p = sip_scan_param(p, e, SIP_C_NAME, name, val);
	if (!p)
		return -SIP_E_HEADER;
	*rest = sip_slice(p, e);
	return 1;
}

int sip_param(struct str params, struct str name, struct str *val)
{
	struct str n;
	int rc;

	while ((rc = sip_param_next(&params, &n, val)) > 0) {
		if (n.n == name.n && str_caseeq(n, name))
			return 1;
	}
	*val = STR_NONE;
	return rc;
}

int sip_scan_number(struct str s, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t digit = (uint8_t)(s.p[i] - '0');

		if (digit > 9)
			return -1;
		n = n * 10 + digit;
		if (n > max)
			return -1;
	}
	*out = (uint32_t)n;
	return 0;
}
