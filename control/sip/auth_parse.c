/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of challenges and credentials. What carriers send is taken: values with or without quotes, names
 * in any case, empty list elements. The fields are never split at commas before this. */
#include "sip/auth_priv.h"
#include "sip/scan_priv.h"

enum param {
	P_REALM,
	P_NONCE,
	P_OPAQUE,
	P_ALGORITHM,
	P_QOP,
	P_USERHASH,
	P_DOMAIN,
	P_STALE,
	P_USERNAME,
	P_URI,
	P_RESPONSE,
	P_CNONCE,
	P_NC,
	P_COUNT
};

static const char *const names[P_COUNT] = {
	[P_REALM] = "realm",
	[P_NONCE] = "nonce",
	[P_OPAQUE] = "opaque",
	[P_ALGORITHM] = "algorithm",
	[P_QOP] = "qop",
	[P_USERHASH] = "userhash",
	[P_DOMAIN] = "domain",
	[P_STALE] = "stale",
	[P_USERNAME] = "username",
	[P_URI] = "uri",
	[P_RESPONSE] = "response",
	[P_CNONCE] = "cnonce",
	[P_NC] = "nc",
};

/* A value is repeated in what we write, so no octet of it may end a line. */
static bool printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Without quotes anything up to white space or a comma; a quote or a backslash in it would change its
 * meaning when it is quoted later. */
static const char *bare_end(const char *p, const char *e)
{
	while (p < e && !sip_is_ws(*p) && *p != ',') {
		if (*p == '"' || *p == '\\')
			return NULL;
		p++;
	}
	return p;
}

static const char *scan_value(const char *p, const char *e, struct str *val)
{
	const char *start = p;

	if (p < e && *p == '"') {
		p = sip_skip_quoted(p, e);
		if (!p)
			return NULL;
		*val = sip_slice(start + 1, p - 1);
	} else {
		p = bare_end(p, e);
		if (!p)
			return NULL;
		*val = sip_slice(start, p);
	}
	return printable(*val) ? p : NULL;
}

static int find(struct str name)
{
	for (int i = 0; i < P_COUNT; i++)
		if (str_caseeq(name, str_of(names[i])))
			return i;
	return P_COUNT;
}

/* Some write a list of qops without quotes, so that its second element looks like a parameter without
 * value: it belongs to the first. */
static bool more_qop(struct str *qop, struct str word)
{
	if (!qop->p || !(SIP_IS(word, "auth") || SIP_IS(word, "auth-int")))
		return false;
	*qop = sip_slice(qop->p, word.p + word.n);
	return true;
}

static const char *scan_param(const char *p, const char *e, struct str v[P_COUNT], int *last)
{
	const char *end = sip_span(p, e, SIP_C_TOKEN);
	struct str name = sip_slice(p, end), val;

	if (!name.n)
		return NULL;
	p = sip_skip_ws(end, e);
	if (p == e || *p != '=')
		return *last == P_QOP && more_qop(&v[P_QOP], name) ? p : NULL;
	*last = find(name);
	p = scan_value(sip_skip_ws(p + 1, e), e, &val);
	if (!p || *last == P_COUNT)
		return p;
	if (v[*last].p || val.n > AUTH_VALUE_MAX) /* two readers could each take another one */
		return NULL;
	v[*last] = val;
	return p;
}

/* Absent ones have p NULL. */
static int read_params(struct str value, struct str v[P_COUNT])
{
	const char *p = value.p, *e = sip_end(value), *end = sip_span(p, e, SIP_C_TOKEN);
	int last = P_COUNT;

	memset(v, 0, P_COUNT * sizeof(v[0]));
	if (end == p)
		return -SIP_E_HEADER;
	if (!SIP_IS(sip_slice(p, end), "digest"))
		return -ENOTSUP;
	if (end < e && !sip_is_ws(*end))
		return -SIP_E_HEADER;
	for (p = end; (p = sip_skip_ws(p, e)) < e;) {
		if (*p == ',') {
			p++;
			continue;
		}
		p = scan_param(p, e, v, &last);
		if (!p)
			return -SIP_E_HEADER;
		p = sip_skip_ws(p, e);
		if (p < e && *p != ',')
			return -SIP_E_HEADER;
	}
	return 0;
}

/* RFC 7616 3.3: MD5 where nothing is said. */
static enum auth_algorithm read_algorithm(struct str s, bool *sess)
{
	*sess = s.n > 5 && SIP_IS(((struct str){ s.p + s.n - 5, 5 }), "-sess");
	if (*sess)
		s.n -= 5;
	if (!s.n || SIP_IS(s, "md5"))
		return AUTH_MD5;
	if (SIP_IS(s, "sha-256"))
		return AUTH_SHA256;
	return SIP_IS(s, "sha-512-256") ? AUTH_SHA512_256 : AUTH_ALGORITHMS;
}

static void read_qops(struct str list, struct auth_challenge *c)
{
	struct str item;

	while (sip_list_next(&list, &item)) {
		c->has_qop = true;
		if (SIP_IS(item, "auth"))
			c->qop_auth = true;
		else if (SIP_IS(item, "auth-int"))
			c->qop_auth_int = true;
	}
}

int auth_challenge_parse(struct str value, struct auth_challenge *c)
{
	struct str v[P_COUNT];
	int rc = read_params(value, v);

	memset(c, 0, sizeof(*c));
	if (rc)
		return rc;
	if (!v[P_REALM].p || !v[P_NONCE].n)
		return -SIP_E_HEADER;
	c->realm = v[P_REALM];
	c->nonce = v[P_NONCE];
	c->opaque = v[P_OPAQUE];
	c->domain = v[P_DOMAIN];
	c->algorithm = read_algorithm(v[P_ALGORITHM], &c->sess);
	c->stale = SIP_IS(v[P_STALE], "true");
	c->userhash = SIP_IS(v[P_USERHASH], "true");
	read_qops(v[P_QOP], c);
	return 0;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (sip_hex(s.p[i]) < 0)
			return false;
	return true;
}

/* RFC 7616 3.4: what each must have, and what qop brings with it. */
static bool complete(const struct auth_credentials *c)
{
	size_t len = auth_hex_len(c->algorithm);

	if (!c->username.p || !c->realm.p || !c->nonce.n || !c->uri.n)
		return false;
	if (!c->response.n || !is_hex(c->response) || (len && c->response.n != len))
		return false;
	if (c->nc.n && (c->nc.n != AUTH_NC_LEN || !is_hex(c->nc)))
		return false;
	if (!c->qop.n)
		return true;
	return (SIP_IS(c->qop, "auth") || SIP_IS(c->qop, "auth-int")) && c->cnonce.n && c->nc.n;
}

int auth_credentials_parse(struct str value, struct auth_credentials *c)
{
	struct str v[P_COUNT];
	int rc = read_params(value, v);

	memset(c, 0, sizeof(*c));
	if (rc)
		return rc;
	c->username = v[P_USERNAME];
	c->realm = v[P_REALM];
	c->nonce = v[P_NONCE];
	c->uri = v[P_URI];
	c->response = v[P_RESPONSE];
	c->opaque = v[P_OPAQUE];
	c->cnonce = v[P_CNONCE];
	c->nc = v[P_NC];
	c->qop = v[P_QOP];
	c->algorithm = read_algorithm(v[P_ALGORITHM], &c->sess);
	c->userhash = SIP_IS(v[P_USERHASH], "true");
	return complete(c) ? 0 : -SIP_E_HEADER;
}
