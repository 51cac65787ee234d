/* SPDX-License-Identifier: Apache-2.0 */
/* When two URIs are the same: RFC 3261 19.1.4, for tel RFC 3966 4. */
#include "sip/scan_priv.h"

/* The next octet of an escaped text. *escaped only where the escape means something of its own:
 * that of an unreserved octet is the octet (19.1.4), that of a reserved one is not. */
static uint8_t unescape(struct str *s, bool *escaped)
{
	uint8_t c = (uint8_t)*s->p;
	size_t n = 1;

	*escaped = false;
	if (c == '%' && s->n >= 3) {
		c = (uint8_t)(sip_hex(s->p[1]) << 4 | sip_hex(s->p[2]));
		*escaped = c && strchr(";/?:@&=+$,", c);
		n = 3;
	}
	s->p += n;
	s->n -= n;
	return c;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool text_equal(struct str a, struct str b, bool fold)
{
	while (a.n && b.n) {
		bool ea, eb;
		uint8_t ca = unescape(&a, &ea), cb = unescape(&b, &eb);

		if (ea != eb || (fold ? lower(ca) != lower(cb) : ca != cb))
			return false;
	}
	return a.n == b.n;
}

static bool host_equal(struct str a, struct str b)
{
	struct addr x, y;

	if (str_caseeq(a, b))
		return true;
	return a.n && b.n && *a.p == '[' && *b.p == '[' && !addr_parse(a, &x) &&
	       !addr_parse(b, &y) && addr_ip_eq(&x, &y);
}

/* Takes "name=value" off a list like ";a=b;c" or "?a=b&c=d". */
static bool next_pair(struct str *s, char sep, struct str *name, struct str *val)
{
	const char *p, *end, *eq, *e = sip_end(*s);

	if (s->n < 2)
		return false;
	p = s->p + 1;
	end = memchr(p, sep, (size_t)(e - p));
	if (!end)
		end = e;
	eq = memchr(p, '=', (size_t)(end - p));
	*name = sip_slice(p, eq ? eq : end);
	*val = eq ? sip_slice(eq + 1, end) : STR_NONE;
	*s = sip_slice(end, e);
	return true;
}

enum found {
	ABSENT,
	DIFFERENT,
	SAME
};

/* A name may stand there twice, though it must not (19.1.1): then one of its values has to match.
 */
static enum found find_pair(struct str list, char sep, struct str name, struct str val)
{
	enum found found = ABSENT;
	struct str n, v;

	while (found != SAME && next_pair(&list, sep, &n, &v)) {
		if (text_equal(n, name, true))
			found = text_equal(v, val, true) ? SAME : DIFFERENT;
	}
	return found;
}

/* Those that must be in both or in none. The transport is one of them: the RFC's example of two
 * URIs that differ only in ";transport=udp" says that they are not equal. */
static bool never_ignored(struct str name)
{
	return text_equal(name, STR("user"), true) || text_equal(name, STR("ttl"), true) ||
	       text_equal(name, STR("method"), true) || text_equal(name, STR("maddr"), true) ||
	       text_equal(name, STR("transport"), true);
}

/* Does each pair of `a` have its match in `b`? Of parameters most may be missing there. */
static bool pairs_match(struct str a, struct str b, char sep, bool all)
{
	struct str name, val;

	while (next_pair(&a, sep, &name, &val)) {
		enum found found = find_pair(b, sep, name, val);

		if (found == DIFFERENT || (found == ABSENT && (all || never_ignored(name))))
			return false;
	}
	return true;
}

static bool pairs_equal(struct str a, struct str b, char sep, bool all)
{
	return pairs_match(a, b, sep, all) && pairs_match(b, a, sep, all);
}

/* Digits without visual separators. */
static bool digits_equal(struct str a, struct str b)
{
	size_t i = 0, k = 0;

	for (;;) {
		while (i < a.n && strchr("-.()", a.p[i]))
			i++;
		while (k < b.n && strchr("-.()", b.p[k]))
			k++;
		if (i == a.n || k == b.n)
			return i == a.n && k == b.n;
		if (lower((uint8_t)a.p[i++]) != lower((uint8_t)b.p[k++]))
			return false;
	}
}

/* ext is digits, phone-context may be; everything else is text whose case does not count. */
static bool tel_value_equal(struct str name, struct str a, struct str b)
{
	if (text_equal(name, STR("ext"), true) ||
	    (text_equal(name, STR("phone-context"), true) && a.n && *a.p == '+'))
		return digits_equal(a, b);
	return text_equal(a, b, true);
}

static bool tel_params_match(struct str a, struct str b)
{
	struct str name, val, rest, n, v;

	while (next_pair(&a, ';', &name, &val)) {
		bool same = false;

		rest = b;
		while (!same && next_pair(&rest, ';', &n, &v))
			same = text_equal(n, name, true) && tel_value_equal(name, val, v);
		if (!same)
			return false;
	}
	return true;
}

static bool tel_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	return digits_equal(a->user, b->user) && tel_params_match(a->params, b->params) &&
	       tel_params_match(b->params, a->params);
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme || a->scheme == SIP_SCHEME_OTHER)
		return false;
	if (a->scheme == SIP_SCHEME_URN)
		return str_caseeq(a->user, b->user);
	if (a->scheme == SIP_SCHEME_TEL)
		return tel_equal(a, b);
	return text_equal(a->user, b->user, false) && text_equal(a->password, b->password, false) &&
	       !a->password.p == !b->password.p && host_equal(a->host, b->host) &&
	       a->port == b->port && pairs_equal(a->params, b->params, ';', false) &&
	       pairs_equal(a->headers, b->headers, '&', true);
}
