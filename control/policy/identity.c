/* SPDX-License-Identifier: Apache-2.0 */
/* Who is calling whom, told to the other side: users and numbers cross, hosts do not. */
#include <errno.h>

#include "policy_priv.h"

#define USER_MAX 128

static int hex(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

/* RFC 3261 25.1: user. An escape must not hide a control octet or a separator that a careless
 * reader downstream would take for the end of the user part. */
static bool user_is_safe(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool alnum =
			(c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (c == '%') {
			int octet = i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0
					    ? hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])
					    : -1;

			if (octet < 0x20 || octet == 0x7f || octet == '@' || octet == ':')
				return false;
			i += 2;
		} else if (!alnum && (!c || !strchr("-_.!~*'()&=+$,;?/", c))) {
			return false;
		}
	}
	return s.n <= USER_MAX;
}

/* A telephone number, RFC 3966, without its visual separators; in place of `user`. */
static bool is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

int identity_of_user(struct str user, struct identity *id)
{
	*id = (struct identity){ .user = user };
	if (!user_is_safe(user))
		return -EINVAL;
	for (size_t i = 0; i < user.n; i++) {
		if (user.p[i] != ';')
			continue;
		id->user.n = i;
		id->params = (struct str){ user.p + i, user.n - i };
		break;
	}
	return 0;
}

int identity_of(const struct sip_uri *u, struct identity *id)
{
	struct str val;

	if (identity_of_user(u->user, id) ||
	    (u->scheme != SIP_SCHEME_SIP && u->scheme != SIP_SCHEME_SIPS &&
	     u->scheme != SIP_SCHEME_TEL))
		return -EINVAL;
	id->tel = u->scheme == SIP_SCHEME_TEL;
	id->phone = id->tel ||
		    (sip_param(u->params, STR("user"), &val) == 1 && str_caseeq(val, STR("phone")));
	if (id->tel)
		id->params = u->params;
	return 0;
}

int identity_parse(struct str uri, struct identity *id)
{
	struct sip_uri u;

	*id = (struct identity){ 0 };
	return sip_uri_parse(uri, &u) ? -EINVAL : identity_of(&u, id);
}

/* Number parameters that say something about the number and nothing about a network: RFC 3966, RFC
 * 4694. phone-context only as a number: as a domain it names somebody's host. */
static bool param_crosses(struct str name, struct str value)
{
	static const char *const plain[] = { "npdi", "rn", "cic", "ext", "isub", "cpc", "oli" };

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '+' || c == '-'))
			return false;
	}
	if (str_caseeq(name, STR("phone-context")))
		return value.n && value.p[0] == '+';
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (str_caseeq(name, str_of(plain[i])))
			return true;
	}
	return false;
}

static void put_params(struct buf *b, struct str params)
{
	struct str item, name;

	while (str_token(&params, ';', &item)) {
		struct str value = item;

		if (!item.n || !str_token(&value, '=', &name) || !param_crosses(name, value))
			continue;
		buf_lit(b, ";");
		buf_put(b, name);
		if (value.n) {
			buf_lit(b, "=");
			buf_put(b, value);
		}
	}
}

void identity_put_user(struct buf *b, const struct identity *id)
{
	for (size_t i = 0; i < id->user.n; i++) {
		if (!id->tel || !is_separator(id->user.p[i]))
			buf_add(b, &id->user.p[i], 1);
	}
	put_params(b, id->params);
}

void identity_put_host(struct buf *b, const struct conf_trunk *to, bool with_port)
{
	struct str domain = str_of(to->domain);
	struct addr a;

	buf_put(b, domain);
	/* The port goes with the host that it was written with, and with addresses. */
	if (with_port && to->host_port && to->host_port != 5060 &&
	    (!addr_parse(domain, &a) || str_caseeq(domain, str_of(to->host_name))))
		buf_fmt(b, ":%u", to->host_port);
}

void identity_put(struct buf *b, const struct identity *id, const struct conf_trunk *to)
{
	buf_lit(b, "sip:");
	if (id->user.n) {
		identity_put_user(b, id);
		buf_lit(b, "@");
	}
	identity_put_host(b, to, false);
	if (id->phone)
		buf_lit(b, ";user=phone");
}

bool identity_is_private(const struct sip_msg *m, struct str what)
{
	for (const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_PRIVACY); h;
	     h = sip_hdr_next(m, h)) {
		struct str list = sip_hdr_value(m, h), item;

		while (str_token(&list, ';', &item)) {
			if (str_caseeq(str_trim(item), what))
				return true;
		}
	}
	return false;
}

/* Our part of RFC 3323: a carrier gets the caller's wish and fulfils it; a PBX is where the wish
 * must have been fulfilled. */
static bool hide_from(const struct sip_msg *m, const struct conf_trunk *to)
{
	return to->profile == CONF_PROFILE_PBX &&
	       (identity_is_private(m, STR("user")) || identity_is_private(m, STR("header")));
}

bool identity_is_kept_back(const struct sip_msg *m, const struct conf_trunk *to)
{
	return to && to->profile == CONF_PROFILE_PBX &&
	       (identity_is_private(m, STR("id")) || identity_is_private(m, STR("user")) ||
		identity_is_private(m, STR("header")));
}

bool identity_is_anonymous(struct str uri)
{
	struct sip_uri u;

	return !sip_uri_parse(uri, &u) && str_caseeq(u.host, STR("anonymous.invalid"));
}

void identity_put_name(struct buf *b, struct str display, const struct identity *id,
		       const struct conf_trunk *to)
{
	text_put_display(b, display);
	buf_lit(b, "<");
	identity_put(b, id, to);
	buf_lit(b, ">");
}

struct str identity_put_anonymous(struct buf *b)
{
	size_t mark = b->n;

	buf_lit(b, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	return written(b, mark);
}

struct str identity_put_from(struct buf *b, const struct sip_msg *m, const struct sip_addr *from,
			     const struct conf_trunk *to, struct policy_invite *out)
{
	struct identity id;
	size_t mark = b->n;

	if (hide_from(m, to) || identity_is_anonymous(from->uri) ||
	    identity_parse(from->uri, &id)) {
		out->caller = STR("anonymous");
		return identity_put_anonymous(b);
	}
	identity_put_name(b, from->display, &id, to);
	out->caller = out->contact_user = id.user;
	return written(b, mark);
}

static struct str put_to(struct buf *b, const struct sip_addr *to_addr,
			 const struct identity *callee, const struct conf_trunk *to)
{
	struct identity id;
	size_t mark = b->n;
	bool named = !identity_parse(to_addr->uri, &id) && id.user.n;

	identity_put_name(b, named ? to_addr->display : STR_NONE, named ? &id : callee, to);
	return written(b, mark);
}

struct str identity_put_ruri(struct buf *b, const struct identity *callee,
			     const struct conf_trunk *to)
{
	size_t mark = b->n;

	buf_lit(b, "sip:");
	identity_put_user(b, callee);
	buf_lit(b, "@");
	identity_put_host(b, to, true);
	if (callee->phone)
		buf_lit(b, ";user=phone");
	return written(b, mark);
}

/* The users in `out` are slices of the message until here. */
static struct str keep(struct buf *b, struct str s)
{
	size_t mark = b->n;

	buf_put(b, s);
	return written(b, mark);
}

/* An emergency service has a name and no host (RFC 5031): it crosses as it is. */
static struct str put_service(struct buf *b, struct str urn)
{
	size_t mark = b->n;

	buf_lit(b, "<");
	buf_put(b, urn);
	buf_lit(b, ">");
	return written(b, mark);
}

int identity_names(const struct sip_msg *m, const struct sip_core *core,
		   const struct conf_trunk *to, struct buf *mem, struct policy_invite *out)
{
	struct identity callee;
	struct sip_uri urn;

	*out = (struct policy_invite){ 0 };
	if (sip_urn_parse(m->ruri, &urn) == 0 && sip_uri_is_sos(&urn)) {
		out->ruri = keep(mem, m->ruri);
		out->to = put_service(mem, m->ruri);
		callee.user = STR("sos");
	} else if (identity_parse(m->ruri, &callee) || !callee.user.n) {
		return -ENOENT;
	} else {
		out->ruri = identity_put_ruri(mem, &callee, to);
		out->to = put_to(mem, &core->to, &callee, to);
	}
	out->from = identity_put_from(mem, m, &core->from, to, out);
	out->caller = keep(mem, out->caller);
	out->contact_user = out->contact_user.n ? out->caller : STR_NONE;
	out->callee = keep(mem, callee.user);
	return 0;
}

int policy_invite(const struct sip_msg *m, const struct sip_core *core, const struct conf_trunk *to,
		  struct buf *mem, struct policy_invite *out)
{
	int err = identity_names(m, core, to, mem, out);
	size_t mark = mem->n;

	if (err)
		return err;
	header_cross(mem, m, CROSS_INVITE, 0, to);
	out->headers = written(mem, mark);
	return buf_ok(mem) ? 0 : -EMSGSIZE;
}

struct str policy_reply_headers(const struct sip_msg *m, unsigned status,
				const struct conf_trunk *to, struct buf *mem)
{
	size_t mark = mem->n;
	enum crossing where = status < 200 ? CROSS_1XX : status < 300 ? CROSS_2XX : CROSS_FAIL;

	if (m)
		header_cross(mem, m, where, status, to);
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}

struct str policy_end_headers(const struct sip_msg *m, struct buf *mem)
{
	size_t mark = mem->n;

	if (m)
		header_cross(mem, m, CROSS_END, 0, NULL);
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}
