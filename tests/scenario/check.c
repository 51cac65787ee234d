/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for every message that sluice sends, whatever the scenario is about. */
#include <stdio.h>

#include "scenario.h"

static void fail_message(struct world *w, const struct actor *a, const struct rx *r,
			 const char *why)
{
	world_fail(w, "a message to %s %s:\n%.*s", a->name, why, STR_FMT(r->raw));
}

static void check_length(struct world *w, struct actor *a, struct rx *r)
{
	const char *end = memmem(r->raw.p, r->raw.n, "\r\n\r\n", 4);
	struct str value = sip_value(&r->m, SIP_HDR_CONTENT_LENGTH);
	uint32_t n;

	if (!end || str_u32(value, 65535, &n))
		fail_message(w, a, r, "has no Content-Length");
	else if ((size_t)(r->raw.p + r->raw.n - end - 4) != n)
		fail_message(w, a, r, "has a Content-Length that is not its body's");
}

/* Requests carry our Via and no other; responses the Via of the request, which had a mark in it. */
static void check_via(struct world *w, struct actor *a, struct rx *r)
{
	struct addr us = w->nets[a->network].advertised;
	const struct sip_via *v = &r->core.via;
	char ip[ADDR_STR_MAX];

	if (r->m.status) {
		if (!memmem(v->branch.p, v->branch.n, a->mark, strlen(a->mark)))
			fail_message(w, a, r, "carries a Via that is not its request's");
		return;
	}
	us.port = 0;
	addr_print(&us, ip);
	if (r->core.n_via != 1 || !str_eq(v->host, str_of(ip)))
		fail_message(w, a, r, "carries a Via that is not ours");
	if (!str_starts(v->branch, STR("z9hG4bK")))
		fail_message(w, a, r, "has a branch of olden times");
}

static void deny(struct world *w, const struct actor *a, const struct rx *r, const char *token)
{
	if (memmem(r->raw.p, r->raw.n, token, strlen(token)))
		world_fail(w, "a message to %s gives away \"%s\":\n%.*s", a->name, token,
			   STR_FMT(r->raw));
}

/* Topology hiding: nothing that belongs to another side, and none of our other addresses. */
static void check_hidden(struct world *w, struct actor *a, struct rx *r)
{
	char ip[ADDR_STR_MAX];
	struct addr x;

	for (const struct actor *o = w->actors; o; o = o->next) {
		if (o == a)
			continue;
		deny(w, a, r, o->mark);
		x = o->addr;
		x.port = 0;
		deny(w, a, r, addr_print(&x, ip));
		if (o->trunk && o->trunk->domain &&
		    (!a->trunk || strcmp(o->trunk->domain, a->trunk->domain)))
			deny(w, a, r, o->trunk->domain);
	}
	for (unsigned i = 0; i < w->conf->n_networks; i++) {
		if (i == a->network)
			continue;
		x = w->nets[i].advertised;
		x.port = 0;
		deny(w, a, r, addr_print(&x, ip));
		x = w->conf->networks[i].address;
		deny(w, a, r, addr_print(&x, ip));
	}
	deny(w, a, r, "192.168.77.7");
	deny(w, a, r, "secret");
}

static void check_once(struct world *w, struct actor *a, struct rx *r)
{
	static const uint8_t once[] = { SIP_HDR_FROM,
					SIP_HDR_TO,
					SIP_HDR_CALL_ID,
					SIP_HDR_CSEQ,
					SIP_HDR_MAX_FORWARDS,
					SIP_HDR_CONTENT_TYPE,
					SIP_HDR_CONTENT_LENGTH,
					SIP_HDR_CONTACT,
					SIP_HDR_ALLOW,
					SIP_HDR_ACCEPT,
					SIP_HDR_REASON,
					SIP_HDR_RETRY_AFTER,
					SIP_HDR_EVENT,
					SIP_HDR_EXPIRES,
					SIP_HDR_REFER_TO,
					SIP_HDR_SUBSCRIPTION_STATE,
					SIP_HDR_RSEQ,
					SIP_HDR_RACK,
					SIP_HDR_SESSION_EXPIRES,
					SIP_HDR_MIN_SE,
					SIP_HDR_REPLACES,
					SIP_HDR_REFERRED_BY,
					SIP_HDR_SUPPORTED,
					SIP_HDR_REQUIRE };

	for (size_t i = 0; i < sizeof(once); i++) {
		const struct sip_hdr *h = sip_hdr_first(&r->m, once[i]);

		if (h && sip_hdr_next(&r->m, h))
			fail_message(w, a, r, "has a header field twice");
	}
	if (sip_hdr_first(&r->m, SIP_HDR_SERVER) || sip_hdr_first(&r->m, SIP_HDR_USER_AGENT))
		fail_message(w, a, r, "names a product");
}

static bool lists(const struct sip_msg *m, enum sip_hdr_id id, struct str tag)
{
	struct sip_each e = sip_each(m, id);
	struct str item;

	while (sip_each_next(&e, &item)) {
		if (str_caseeq(str_trim(item), tag))
			return true;
	}
	return false;
}

/* What may be required of this actor in a request: only 100rel, by its configuration, and in what needs it. */
static bool may_ask(const struct actor *a, const struct rx *r, struct str tag)
{
	if (str_eq(tag, STR("100rel")))
		return r->m.method == SIP_INVITE && a->trunk &&
		       a->trunk->rel == CONF_EXTENSION_REQUIRE;
	return str_eq(tag, STR("replaces")) && sip_value(&r->m, SIP_HDR_REPLACES).p;
}

/* What is required of an actor is what was negotiated with it, whatever the other leg speaks. */
static void check_require(struct world *w, struct actor *a, struct rx *r)
{
	struct sip_each e = sip_each(&r->m, SIP_HDR_REQUIRE);
	struct str item;

	while (sip_each_next(&e, &item)) {
		item = str_trim(item);
		if (r->m.status == 421) /* it says what it wants */
			continue;
		if (r->m.status ? !oa_supports(w, a, r, item) : !may_ask(a, r, item))
			fail_message(w, a, r, "requires what was not agreed on");
	}
	if (r->m.status && r->m.status < 200 &&
	    lists(&r->m, SIP_HDR_REQUIRE, STR("100rel")) !=
		    (sip_value(&r->m, SIP_HDR_RSEQ).p != NULL))
		fail_message(w, a, r, "is half reliable");
}

void check_message(struct world *w, struct actor *a, struct rx *r)
{
	char *copy = arena_alloc(w->arena, r->raw.n + SIP_PAD);
	int err;

	memcpy(copy, r->raw.p, r->raw.n);
	err = sip_msg_parse(&r->m, copy, r->raw.n);
	if (!err)
		err = sip_msg_core(&r->m, &r->core);
	if (err)
		fail_message(w, a, r, sip_error_text(err));
	if (!addr_ip_eq(&r->to, &a->addr) || r->to.port != a->addr.port)
		fail_message(w, a, r, "went to another port");
	check_length(w, a, r);
	check_via(w, a, r);
	check_hidden(w, a, r);
	check_once(w, a, r);
	check_require(w, a, r);
}

/* ---- the indented lines below "<-" ---- */

static struct str find_header(const struct rx *r, struct str name)
{
	for (unsigned i = 0; i < r->m.n_hdr; i++) {
		if (str_caseeq(sip_hdr_name(&r->m, &r->m.hdr[i]), name))
			return sip_hdr_value(&r->m, &r->m.hdr[i]);
	}
	return STR_NONE;
}

/* "no NAME", "NAME: value", "NAME ~ part of the value", "has NAME", "ruri URI". */
static void check_line(struct world *w, const char *line, const struct rx *r)
{
	struct str text = str_of(line), name, value;
	const char *part = strstr(line, " ~ ");

	if (str_starts(text, STR("no "))) {
		name = str_trim(str_of(line + 3));
		if (find_header(r, name).p)
			world_fail(w, "%s is there:\n%.*s", line + 3, STR_FMT(r->raw));
		return;
	}
	if (str_starts(text, STR("has "))) {
		if (!find_header(r, str_trim(str_of(line + 4))).p)
			world_fail(w, "%s is not there:\n%.*s", line + 4, STR_FMT(r->raw));
		return;
	}
	if (str_starts(text, STR("ruri "))) {
		if (!str_eq(r->m.ruri, str_trim(str_of(line + 5))))
			world_fail(w, "the request URI is %.*s", STR_FMT(r->m.ruri));
		return;
	}
	if (part) {
		name = str_trim((struct str){ line, (size_t)(part - line) });
		value = find_header(r, name);
		part += 3;
		if (!value.p || !memmem(value.p, value.n, part, strlen(part)))
			world_fail(w, "%.*s is \"%.*s\"", STR_FMT(name), STR_FMT(value));
		return;
	}
	str_token(&text, ':', &name);
	value = find_header(r, str_trim(name));
	if (!value.p || !str_eq(value, str_trim(text)))
		world_fail(w, "%.*s is \"%.*s\" in\n%.*s", STR_FMT(name), STR_FMT(value),
			   STR_FMT(r->raw));
}

void check_lines(struct world *w, const struct step *s, const struct rx *r)
{
	for (unsigned i = 0; i < s->n_lines; i++)
		if (s->lines[i][0] != '|')
			check_line(w, s->lines[i], r);
}
