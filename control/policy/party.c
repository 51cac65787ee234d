/* SPDX-License-Identifier: Apache-2.0 */
/* When the people in a call change: an INVITE to somebody new after a transfer or a 3xx, and who is
 * connected now. */
#include <errno.h>

#include "policy_priv.h"

#define CONTACTS_MAX 8

/* ---- a new party ---- */

/* A number with visual separators, which mean nothing (RFC 3966 3), but to those who compare. */
static bool is_number(struct str user)
{
	for (size_t i = 0; i < user.n; i++)
		if (!strchr("+0123456789-.()", user.p[i]))
			return false;
	return user.n && user.p[0] == '+';
}

static struct str put_caller(const struct policy_party *p, const struct conf_trunk *to,
			     struct buf *mem, struct policy_invite *out)
{
	struct identity id;
	struct sip_addr from;
	size_t mark = mem->n;

	if (p->invite && !p->withheld && !sip_addr_parse(sip_value(p->invite, SIP_HDR_FROM), &from))
		return identity_put_from(mem, p->invite, &from, to, out);
	if (p->withheld || str_eq(p->caller, STR("anonymous")) ||
	    identity_of_user(p->caller, &id) || !id.user.n) {
		out->caller = STR("anonymous");
		return identity_put_anonymous(mem);
	}
	identity_put_name(mem, STR_NONE, &id, to);
	out->caller = out->contact_user = id.user;
	return written(mem, mark);
}

/* RFC 5806: what he who sends the call on says himself, or what the status and Reason of a 3xx mean. */
static struct str diversion_reason(const struct sip_msg *redirect)
{
	static const struct {
		unsigned cause;
		const char *reason;
	} known[] = { { 408, "no-answer" },   { 480, "deflection" },    { 486, "user-busy" },
		      { 503, "unavailable" }, { 301, "unconditional" }, { 302, "unconditional" } };
	struct sip_reason r = { 0 };
	struct sip_addr a;
	struct str said;
	unsigned cause;

	if (!redirect)
		return STR("unknown");
	if (!sip_addr_parse(sip_value(redirect, SIP_HDR_DIVERSION), &a) &&
	    sip_param(a.params, STR("reason"), &said) == 1 && text_is_token(said) && said.n <= 32)
		return said;
	sip_reason_parse(sip_value(redirect, SIP_HDR_REASON), &r);
	cause = r.has_cause && str_caseeq(r.protocol, STR("SIP")) ? r.cause : redirect->status;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].cause == cause)
			return str_of(known[i].reason);
	return STR("unknown");
}

/* The latest stands first; those of the INVITE come behind it. */
static void put_redirector(const struct policy_party *p, const struct conf_trunk *to, struct buf *b)
{
	const struct sip_msg *said = p->redirect ? p->redirect : p->refer;
	struct identity id;

	if (!p->redirector.n || identity_of_user(p->redirector, &id) || !id.user.n)
		return;
	if (said && identity_is_kept_back(said, to))
		return;
	buf_lit(b, "Diversion: ");
	identity_put_name(b, STR_NONE, &id, to);
	buf_lit(b, ";reason=");
	buf_put(b, diversion_reason(p->redirect));
	buf_lit(b, "\r\n");
}

static void put_replaces(const struct sip_replaces *r, struct buf *b)
{
	buf_lit(b, "Replaces: ");
	buf_put(b, r->call_id);
	buf_lit(b, ";to-tag=");
	buf_put(b, r->to_tag);
	buf_lit(b, ";from-tag=");
	buf_put(b, r->from_tag);
	if (r->early_only)
		buf_lit(b, ";early-only");
	buf_lit(b, "\r\n");
}

static struct str put_headers(const struct policy_party *p, const struct conf_trunk *to,
			      struct buf *b)
{
	size_t mark = b->n;

	put_redirector(p, to, b);
	if (p->invite)
		header_cross(b, p->invite, CROSS_INVITE, 0, to);
	else if (p->withheld)
		buf_lit(b, "Privacy: id\r\n");
	if (p->refer)
		header_cross(b, p->refer, CROSS_TRANSFER, 0, to);
	if (p->replaces)
		put_replaces(p->replaces, b);
	return written(b, mark);
}

/* Out of the caller's memory. */
static struct str keep(struct buf *b, struct str s)
{
	size_t mark = b->n;

	buf_put(b, s);
	return written(b, mark);
}

int policy_invite_party(const struct policy_party *p, const struct conf_trunk *to, struct buf *mem,
			struct policy_invite *out)
{
	struct identity callee;
	size_t mark;

	*out = (struct policy_invite){ 0 };
	if (identity_of_user(p->callee, &callee) || !callee.user.n)
		return -ENOENT;
	callee.tel = is_number(callee.user);
	out->ruri = identity_put_ruri(mem, &callee, to);
	mark = mem->n;
	identity_put_name(mem, STR_NONE, &callee, to);
	out->to = written(mem, mark);
	out->from = put_caller(p, to, mem, out);
	out->caller = keep(mem, out->caller);
	out->contact_user = out->contact_user.n ? out->caller : STR_NONE;
	out->callee = keep(mem, callee.user);
	out->headers = put_headers(p, to, mem);
	return buf_ok(mem) ? 0 : -EMSGSIZE;
}

/* ---- who is connected now ---- */

struct str policy_session_headers(const struct sip_msg *m, const struct conf_trunk *to,
				  struct buf *mem)
{
	size_t mark = mem->n;

	if (m)
		header_cross(mem, m, CROSS_SESSION, 0, to);
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}

/* Here the wish is fulfilled whoever is told: nothing is lost but a name on a display. */
static bool is_withheld(const struct sip_msg *m)
{
	return sip_privacy(m) & (SIP_PRIVACY_USER | SIP_PRIVACY_HEADER | SIP_PRIVACY_ID);
}

struct str policy_new_identity(const struct sip_msg *m, const struct sip_core *core,
			       struct str known, const struct conf_trunk *to, struct buf *mem)
{
	size_t mark = mem->n;
	struct identity id;

	if (is_withheld(m) || identity_is_anonymous(core->from.uri) ||
	    identity_parse(core->from.uri, &id) || !id.user.n || str_eq(id.user, known))
		return STR_NONE;
	identity_put_name(mem, core->from.display, &id, to);
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}

/* ---- a 3xx that is passed on ---- */

static bool is_q(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && !(s.p[i] >= '0' && s.p[i] <= '9'))
			return false;
	return s.n && s.n <= 5 && (s.p[0] == '0' || s.p[0] == '1');
}

static bool put_contact(struct buf *b, struct str element, struct str at)
{
	struct identity id;
	struct sip_addr a;
	struct str q;

	if (sip_addr_parse(element, &a) || identity_parse(a.uri, &id) || !id.user.n)
		return false;
	buf_lit(b, "Contact: <sip:");
	identity_put_user(b, &id);
	buf_lit(b, "@");
	buf_put(b, at);
	if (id.phone)
		buf_lit(b, ";user=phone");
	buf_lit(b, ">");
	if (sip_param(a.params, STR("q"), &q) == 1 && is_q(q)) {
		buf_lit(b, ";q=");
		buf_put(b, q);
	}
	buf_lit(b, "\r\n");
	return true;
}

struct str policy_redirect_headers(const struct sip_msg *m, struct str at, struct buf *mem)
{
	struct sip_each each = sip_each(m, SIP_HDR_CONTACT);
	size_t mark = mem->n;
	unsigned n = 0;
	struct str item;

	while (n < CONTACTS_MAX && sip_each_next(&each, &item))
		n += put_contact(mem, item, at);
	return buf_ok(mem) ? written(mem, mark) : STR_NONE;
}
