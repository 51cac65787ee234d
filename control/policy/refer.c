/* SPDX-License-Identifier: Apache-2.0 */
/* Refer-To of a REFER that is passed on (RFC 3515, RFC 3891): whom to call, and which dialog that call
 * replaces. */
#include "policy_priv.h"

#define UNESCAPED_MAX 1024 /* a Call-ID and two tags of SIP_TOKEN_MAX, and names */

/* RFC 3261 25.1: hnv-unreserved and unreserved stand as they are in the headers of a URI. */
static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("[]/?:+$-_.!~*'()", c));
}

static void put_escaped(struct buf *b, struct str s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escaped[3] = { '%', digits[c >> 4], digits[c & 15] };

		if (is_plain(s.p[i]))
			buf_add(b, &s.p[i], 1);
		else
			buf_add(b, escaped, 3);
	}
}

static void put_replaces(struct buf *b, const struct sip_replaces *r)
{
	buf_lit(b, "?Replaces=");
	put_escaped(b, r->call_id);
	buf_lit(b, "%3Bto-tag%3D");
	put_escaped(b, r->to_tag);
	buf_lit(b, "%3Bfrom-tag%3D");
	put_escaped(b, r->from_tag);
	if (r->early_only)
		buf_lit(b, "%3Bearly-only");
}

/* What may stand behind the "?": Replaces once, and Require: replaces, which says the same. What else could be
 * asked for would be done by the other side in a network that it does not know. */
static bool take_replaces(struct str headers, struct str *value)
{
	struct str item, name, rest = { headers.p + 1, headers.n - 1 };

	*value = STR_NONE;
	while (str_token(&rest, '&', &item)) {
		if (!str_token(&item, '=', &name))
			return false;
		if (str_caseeq(name, STR("Replaces")) && !value->n)
			*value = item;
		else if (!str_caseeq(name, STR("Require")) || !str_caseeq(item, STR("replaces")))
			return false;
	}
	return value->n;
}

/* "?..." of the URI, named as the other side knows it. */
static unsigned cross_headers(const struct policy_ask *a, struct str headers, struct buf *b)
{
	struct sip_replaces in, out = { 0 };
	char mem[UNESCAPED_MAX];
	struct str value;
	struct buf text;

	buf_init(&text, mem, sizeof(mem));
	if (!a->replaces || !take_replaces(headers, &value))
		return 403;
	sip_put_unescaped(&text, value);
	if (!buf_ok(&text) || sip_replaces_parse(buf_str(&text), &in))
		return 400;
	if (!a->replaces(a->refer_arg, &in, &out))
		return 403;
	put_replaces(b, &out);
	return 0;
}

/* RFC 3515 2.4.2; that it is one only is seen to by sip_msg_core(). */
unsigned refer_cross(const struct policy_ask *a, struct buf *mem)
{
	struct sip_refer_to to;
	unsigned status = 0;
	struct identity id;

	if (!sip_hdr_first(a->m, SIP_HDR_REFER_TO) ||
	    sip_refer_to_parse(sip_value(a->m, SIP_HDR_REFER_TO), &to))
		return 400;
	if ((to.method.n && !str_eq(to.method, STR("INVITE"))) || identity_of(&to.uri, &id) ||
	    !id.user.n)
		return 403;
	buf_lit(mem, "Refer-To: ");
	text_put_display(mem, to.addr.display);
	buf_lit(mem, "<");
	identity_put(mem, &id, a->to);
	if (to.uri.headers.n)
		status = cross_headers(a, to.uri.headers, mem);
	buf_lit(mem, ">\r\n");
	return status;
}
