/* SPDX-License-Identifier: Apache-2.0 */
/* Two URIs, one a line: the parts of a URI are all of it, in order; equality is symmetric and
 * reflexive; what is escaped and unescaped is as before. */
#include "sip/field.h"
#include "slice.h"

/* The octets in front of the user or host. */
static size_t scheme_len(const struct sip_uri *u)
{
	return u->scheme == SIP_SCHEME_SIPS ? 5 : 4;
}

static void check_parts(struct str s, const struct sip_uri *u)
{
	size_t n = scheme_len(u) + u->user.n + u->params.n + u->headers.n + u->host.n;

	within(s, u->user);
	within(s, u->password);
	within(s, u->host);
	within(s, u->params);
	within(s, u->headers);
	if (u->scheme == SIP_SCHEME_TEL) {
		check(n == s.n && u->user.p == s.p + 4 && u->user.n && !u->host.n);
		return;
	}
	n += u->user.n ? 1 : 0;                     /* @ */
	n += u->password.p ? u->password.n + 1 : 0; /* : */
	check(u->host.n && (u->port ? n + 2 <= s.n && n + 6 >= s.n : n == s.n));
	check(!u->params.n || *u->params.p == ';');
	check(!u->headers.n || *u->headers.p == '?');
}

static void check_readers(struct str s, const struct sip_uri *u)
{
	struct str rest = u->params, name, val;
	struct addr a;

	while (sip_param_next(&rest, &name, &val) > 0) {
		within(s, name);
		within(s, val);
	}
	if (sip_uri_header(u, STR("Replaces"), &val))
		within(s, val);
	if (sip_uri_addr(u, &a) == 0)
		check(a.port && (a.family == 4 || a.family == 6));
	check(sip_uri_equal(u, u));
}

static bool check_one(struct str s, struct sip_uri *u)
{
	struct sip_uri urn;
	int rc = sip_uri_parse(s, u);

	check(rc == 0 || rc == -SIP_E_URI || rc == -SIP_E_SCHEME);
	if (sip_urn_parse(s, &urn) == 0) {
		check(rc == -SIP_E_SCHEME && urn.user.n + 12 == s.n);
		check(sip_uri_equal(&urn, &urn));
		sip_uri_is_sos(&urn);
	}
	if (rc == 0) {
		check_parts(s, u);
		check_readers(s, u);
	}
	return rc == 0;
}

static void check_escapes(struct str s)
{
	char user[1024], text[1024];
	struct buf u, t;

	if (s.n > sizeof(user) / 3)
		return;
	buf_init(&u, user, sizeof(user));
	buf_init(&t, text, sizeof(text));
	sip_put_user(&u, s);
	sip_put_unescaped(&t, buf_str(&u));
	check(buf_ok(&u) && buf_ok(&t) && str_eq(buf_str(&t), s));
	t.n = 0;
	sip_put_unescaped(&t, s);
	check(buf_ok(&t) && t.n <= s.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nl = size ? memchr(data, '\n', size) : NULL;
	size_t first = nl ? (size_t)(nl - data) : size;
	struct str a = bare(data, first);
	struct str b = nl ? bare(nl + 1, size - first - 1) : bare("", 0);
	struct sip_uri ua, ub;
	bool both = check_one(a, &ua);

	both = check_one(b, &ub) && both;
	if (both)
		check(sip_uri_equal(&ua, &ub) == sip_uri_equal(&ub, &ua));
	check_escapes(a);
	release(a);
	release(b);
	return 0;
}
