/* SPDX-License-Identifier: Apache-2.0 */
/* Words that stand for header fields of extensions: 100rel, Replaces, REFER, lists of option tags. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"
#include "sip/field.h"

/* ---- dialogs, as a third party names them ---- */

/* "pbx/2" */
static struct dlg *dlg_of(struct world *w, const char *name)
{
	struct str rest = str_of(name), actor = STR_NONE;

	str_token(&rest, '/', &actor);
	return actor_dlg(w, actor_find(w, arena_str(w->arena, actor).p),
			 rest.n ? arena_str(w->arena, rest).p : "");
}

/* As sluice is told of its own dialog with that actor: its tag is the to-tag. */
static struct str replaces_of(struct world *w, const struct dlg *d, const struct step *s)
{
	return world_fmt(w, "%.*s;to-tag=%.*s;from-tag=%.*s%s", STR_FMT(d->call_id),
			 STR_FMT(d->remote_tag), STR_FMT(d->local_tag),
			 step_word(s, "early-only") ? ";early-only" : "");
}

/* As the REFER that this actor got last in the call says it. */
static struct str replaces_of_refer(struct world *w, const struct dlg *d)
{
	const struct rx *r = NULL;
	struct sip_refer_to to;
	char mem[512];
	struct buf b;

	for (const struct rx *at = d->actor->seen; at; at = at->next)
		if (at->m.method == SIP_REFER && !at->m.status &&
		    str_eq(at->core.call_id, d->call_id))
			r = at;
	if (!r || sip_refer_to_parse(sip_value(&r->m, SIP_HDR_REFER_TO), &to) || !to.replaces.n)
		world_fail(w, "no REFER with Replaces came in that call");
	buf_init(&b, mem, sizeof(mem));
	sip_put_unescaped(&b, to.replaces);
	return arena_str(w->arena, buf_str(&b));
}

static struct str escape(struct world *w, struct str s)
{
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
			     c == '-' || c == '.';

		if (plain)
			buf_fmt(&b, "%c", c);
		else
			buf_fmt(&b, "%%%02X", (unsigned char)c);
	}
	return arena_str(w->arena, buf_str(&b));
}

/* "0301234": blind; "pbx/2": attended, with Replaces of that call. */
static struct str refer_to(struct world *w, const struct dlg *d, const struct step *s)
{
	const char *who = step_word(s, "refer-to");
	const struct dlg *other;
	char us[ADDR_STR_MAX];

	addr_print(&w->nets[d->actor->network].advertised, us);
	if (who[0] == '+' || (who[0] >= '0' && who[0] <= '9'))
		return world_fmt(w, "<sip:%s@%s>", who, us);
	other = dlg_of(w, who);
	return world_fmt(w, "<%.*s?Replaces=%.*s>", STR_FMT(other->target),
			 STR_FMT(escape(w, replaces_of(w, other, s))));
}

/* ---- sending ---- */

/* "a,b" as a list, after `before`. */
static struct str list(struct world *w, const char *before, const char *word)
{
	struct str rest = str_of(word), item, out = str_of(before);

	while (str_token(&rest, ',', &item))
		out = world_fmt(w, "%.*s%s%.*s", STR_FMT(out), out.n ? ", " : "", STR_FMT(item));
	return out;
}

static void put_lists(struct world *w, const struct step *s, struct lines *ls)
{
	const char *supports = step_word(s, "supports"), *requires = step_word(s, "requires");
	const char *allows = step_word(s, "allows");

	if (supports)
		lines_add(ls, "Supported", list(w, "", supports));
	if (requires)
		lines_add(ls, "Require", list(w, "", requires));
	if (allows)
		lines_add(ls, "Allow", list(w, "INVITE, ACK, CANCEL, BYE", allows));
}

void words_of_request(struct world *w, struct dlg *d, const struct step *s, struct lines *ls)
{
	const char *rack = step_word(s, "rack"), *replaces = step_word(s, "replaces");
	long more = rack ? strtol(rack, NULL, 10) : 0;

	put_lists(w, s, ls);
	if (!strcmp(s->what, "PRACK"))
		lines_add(ls, "RAck",
			  world_fmt(w, "%u %u INVITE", (uint32_t)(d->rseq + more), d->rel_cseq));
	if (step_word(s, "as")) { /* RFC 4916: another URI, the same tag */
		char ip[ADDR_STR_MAX];

		addr_print(&d->actor->addr, ip);
		lines_remove(ls, STR("From"));
		lines_add(ls, "From",
			  world_fmt(w, "<sip:%s@%s>;tag=%.*s", step_word(s, "as"), ip,
				    STR_FMT(d->local_tag)));
	}
	if (step_word(s, "refer-to"))
		lines_add(ls, "Refer-To", refer_to(w, d, s));
	if (step_word(s, "referred"))
		lines_add(ls, "Replaces",
			  replaces_of_refer(w, dlg_of(w, step_word(s, "referred"))));
	if (replaces)
		lines_add(ls, "Replaces", replaces_of(w, dlg_of(w, replaces), s));
}

void words_of_response(struct world *w, struct dlg *d, const struct step *s, struct lines *ls)
{
	const char *contact = step_word(s, "contact");
	char ip[ADDR_STR_MAX];

	put_lists(w, s, ls);
	if (step_word(s, "rel")) {
		lines_add(ls, "Require", STR("100rel"));
		lines_add(ls, "RSeq", world_fmt(w, "%u", ++d->fork->rseq));
	}
	if (contact) {
		addr_print(&d->actor->addr, ip);
		lines_add(ls, "Contact", world_fmt(w, "<sip:%s@%s>", contact, ip));
	}
}

/* ---- receiving ---- */

static bool lists(const struct rx *r, enum sip_hdr_id id, struct str tag)
{
	struct sip_each e = sip_each(&r->m, id);
	struct str item;

	while (sip_each_next(&e, &item)) {
		if (str_caseeq(str_trim(item), tag))
			return true;
	}
	return false;
}

static void want_listed(struct world *w, const struct step *s, const struct rx *r, const char *word,
			enum sip_hdr_id id)
{
	struct str rest = str_of(step_word(s, word)), item;

	while (str_token(&rest, ',', &item)) {
		if (!lists(r, id, item))
			world_fail(w, "it does not name %.*s:\n%.*s", STR_FMT(item),
				   STR_FMT(r->raw));
	}
}

/* A reliable 1xx: its number is one more than that of the one before it (RFC 3262 3). */
static void check_rel(struct world *w, const struct dlg *d, const struct step *s,
		      const struct rx *r)
{
	bool rel = step_word(s, "rel") != NULL;
	struct str value = sip_value(&r->m, SIP_HDR_RSEQ);
	uint32_t n = 0;

	if (rel != (value.p != NULL) || rel != lists(r, SIP_HDR_REQUIRE, STR("100rel")))
		world_fail(w, rel ? "it is not reliable:\n%.*s" : "it is reliable:\n%.*s",
			   STR_FMT(r->raw));
	if (!rel)
		return;
	if (sip_number_parse(value, &n) || !n || n >= 1u << 31)
		world_fail(w, "its RSeq is %.*s", STR_FMT(value));
	if (d->rseq && d->rel_cseq == r->core.cseq.num && n != d->rseq + 1)
		world_fail(w, "its RSeq is %u after %u", n, d->rseq);
}

/* PRACK names what this actor said, in order. */
static void check_prack(struct world *w, struct dlg *d, const struct rx *r)
{
	struct sip_rack rack;

	if (sip_rack_parse(sip_value(&r->m, SIP_HDR_RACK), &rack))
		world_fail(w, "it has no RAck:\n%.*s", STR_FMT(r->raw));
	for (unsigned i = 0; i < d->n_forks; i++) {
		struct fork *f = &d->forks[i];
		struct str tag = *f->name ? world_fmt(w, "%.*s-%s", STR_FMT(d->base_tag), f->name)
					  : d->base_tag;

		if (!str_eq(tag, r->core.to.tag))
			continue;
		if (rack.rseq != f->racked + 1 || rack.rseq > f->rseq || !d->invite ||
		    rack.cseq != d->invite->core.cseq.num || rack.method != SIP_INVITE)
			world_fail(w, "it is for %u %u, and %u is next:\n%.*s", rack.rseq,
				   rack.cseq, f->racked + 1, STR_FMT(r->raw));
		f->racked++;
		return;
	}
	world_fail(w, "it is for nobody here:\n%.*s", STR_FMT(r->raw));
}

static void check_replaces(struct world *w, const struct step *s, const struct rx *r)
{
	const struct dlg *d = dlg_of(w, step_word(s, "replaces"));
	struct sip_replaces got;

	if (sip_replaces_parse(sip_value(&r->m, SIP_HDR_REPLACES), &got))
		world_fail(w, "it has no Replaces:\n%.*s", STR_FMT(r->raw));
	if (!str_eq(got.call_id, d->call_id) || !str_eq(got.to_tag, d->local_tag) ||
	    !str_eq(got.from_tag, d->remote_tag) ||
	    got.early_only != (step_word(s, "early-only") != NULL))
		world_fail(w, "its Replaces names another dialog:\n%.*s", STR_FMT(r->raw));
}

void words_check(struct world *w, struct dlg *d, const struct step *s, const struct rx *r)
{
	if (step_word(s, "supports"))
		want_listed(w, s, r, "supports", SIP_HDR_SUPPORTED);
	if (step_word(s, "requires"))
		want_listed(w, s, r, "requires", SIP_HDR_REQUIRE);
	if (step_word(s, "allows"))
		want_listed(w, s, r, "allows", SIP_HDR_ALLOW);
	if (r->m.status > 100 && r->m.status < 200)
		check_rel(w, d, s, r);
	if (r->m.method == SIP_PRACK && !r->m.status)
		check_prack(w, d, r);
	if (step_word(s, "replaces"))
		check_replaces(w, s, r);
	else if (sip_value(&r->m, SIP_HDR_REPLACES).p)
		world_fail(w, "it has a Replaces:\n%.*s", STR_FMT(r->raw));
}

void words_learn(struct dlg *d, const struct rx *r)
{
	if (r->m.status && r->m.status < 200 &&
	    !sip_number_parse(sip_value(&r->m, SIP_HDR_RSEQ), &d->rseq))
		d->rel_cseq = r->core.cseq.num;
}
