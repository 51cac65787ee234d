/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of challenges and credentials, in the form that old devices understand too: quotes exactly where
 * RFC 3261's grammar has them. */
#include "sip/auth_priv.h"

struct str auth_unescape(struct str raw, char *mem)
{
	size_t n = 0;

	if (!raw.n || !memchr(raw.p, '\\', raw.n))
		return raw;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\' && i + 1 < raw.n)
			i++;
		mem[n++] = raw.p[i];
	}
	return (struct str){ mem, n };
}

struct str auth_escape(struct str plain, char *mem, size_t cap)
{
	size_t n = 0, escapes = 0;

	for (size_t i = 0; i < plain.n; i++) {
		uint8_t c = (uint8_t)plain.p[i];

		if (c < ' ' || c == 0x7f)
			return STR_NONE;
		escapes += c == '"' || c == '\\';
	}
	if (!escapes)
		return plain;
	if (plain.n + escapes > cap)
		return STR_NONE;
	for (size_t i = 0; i < plain.n; i++) {
		if (plain.p[i] == '"' || plain.p[i] == '\\')
			mem[n++] = '\\';
		mem[n++] = plain.p[i];
	}
	return (struct str){ mem, n };
}

static void put_quoted(struct buf *b, const char *name, struct str raw)
{
	buf_put(b, str_of(name));
	buf_lit(b, "=\"");
	buf_put(b, raw);
	buf_lit(b, "\"");
}

static void put_bare(struct buf *b, const char *name, struct str token)
{
	buf_put(b, str_of(name));
	buf_lit(b, "=");
	buf_put(b, token);
}

static void put_algorithm(struct buf *b, enum auth_algorithm algorithm, bool sess)
{
	static const char *const names[] = { "MD5", "SHA-256", "SHA-512-256" };

	if (algorithm >= AUTH_ALGORITHMS)
		return;
	put_bare(b, ", algorithm", str_of(names[algorithm]));
	if (sess)
		buf_lit(b, "-sess");
}

static void put_qops(struct buf *b, const struct auth_challenge *c)
{
	buf_lit(b, ", qop=\"");
	if (c->qop_auth)
		buf_lit(b, "auth");
	if (c->qop_auth && c->qop_auth_int)
		buf_lit(b, ",");
	if (c->qop_auth_int)
		buf_lit(b, "auth-int");
	buf_lit(b, "\"");
}

void auth_challenge_put(struct buf *b, bool proxy, const struct auth_challenge *c)
{
	buf_put(b, str_of(sip_header_name(proxy ? SIP_HDR_PROXY_AUTHENTICATE
						: SIP_HDR_WWW_AUTHENTICATE)));
	put_quoted(b, ": Digest realm", c->realm);
	if (c->domain.p)
		put_quoted(b, ", domain", c->domain);
	put_quoted(b, ", nonce", c->nonce);
	if (c->opaque.p)
		put_quoted(b, ", opaque", c->opaque);
	if (c->stale)
		put_bare(b, ", stale", STR("true"));
	put_algorithm(b, c->algorithm, c->sess);
	if (c->qop_auth || c->qop_auth_int)
		put_qops(b, c);
	if (c->userhash)
		put_bare(b, ", userhash", STR("true"));
	buf_lit(b, "\r\n");
}

void auth_credentials_put(struct buf *b, bool proxy, const struct auth_credentials *c)
{
	buf_put(b, str_of(sip_header_name(proxy ? SIP_HDR_PROXY_AUTHORIZATION
						: SIP_HDR_AUTHORIZATION)));
	put_quoted(b, ": Digest username", c->username);
	put_quoted(b, ", realm", c->realm);
	put_quoted(b, ", nonce", c->nonce);
	put_quoted(b, ", uri", c->uri);
	put_quoted(b, ", response", c->response);
	put_algorithm(b, c->algorithm, c->sess);
	if (c->cnonce.p)
		put_quoted(b, ", cnonce", c->cnonce);
	if (c->opaque.p)
		put_quoted(b, ", opaque", c->opaque);
	if (c->qop.n)
		put_bare(b, ", qop", c->qop);
	if (c->nc.n)
		put_bare(b, ", nc", c->nc);
	if (c->userhash)
		put_bare(b, ", userhash", STR("true"));
	buf_lit(b, "\r\n");
}
