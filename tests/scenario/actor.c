/* SPDX-License-Identifier: Apache-2.0 */
/* Actors: user agents without a mind of their own. They build what the script says, and keep only
 * what is needed for that: tags, sequence numbers, route of the answer. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"

/* ---- who ---- */

struct actor *actor_new(struct world *w, const char *name, unsigned network, const struct addr *a,
			const struct conf_trunk *t)
{
	struct actor *n = arena_alloc(w->arena, sizeof(*n)), **end = &w->actors;

	n->name = arena_str(w->arena, str_of(name)).p;
	n->network = network;
	n->addr = *a;
	n->trunk = t;
	n->mark = world_fmt(w, "Xq%sqX", name).p;
	n->inbox_end = &n->inbox;
	while (*end)
		end = &(*end)->next;
	*end = n;
	return n;
}

struct actor *actor_find(struct world *w, const char *name)
{
	for (struct actor *a = w->actors; a; a = a->next) {
		if (!strcmp(a->name, name))
			return a;
	}
	world_fail(w, "nobody is called %s", name);
}

struct dlg *actor_find_dlg(const struct actor *a, const char *label)
{
	struct dlg *d = a->dlgs;

	while (d && strcmp(d->label, label))
		d = d->next;
	return d;
}

struct dlg *actor_dlg(struct world *w, struct actor *a, const char *label)
{
	struct dlg *d = actor_find_dlg(a, label);

	if (!d)
		world_fail(w, "%s has no call %s", a->name, label);
	return d;
}

struct dlg *actor_new_dlg(struct world *w, struct actor *a, const char *label)
{
	struct dlg *d = arena_alloc(w->arena, sizeof(*d));
	unsigned n = ++w->serial;

	d->actor = a;
	d->label = label;
	d->base_tag = d->local_tag = world_fmt(w, "tag-%s-%u", a->mark, n);
	d->rtp = a->addr;
	d->rtp.port = (uint16_t)(40000 + n * 20);
	d->ssrc = n * 7919;
	d->cseq = n * 100;
	d->fork = &d->forks[d->n_forks++];
	*d->fork = (struct fork){ .name = "", .rtp = d->rtp, .rseq = n * 10, .racked = n * 10 };
	d->next = a->dlgs;
	a->dlgs = d;
	return d;
}

/* Each callee of a fork has its own tag, ports, SDP, and numbers of reliable responses. */
void actor_use_fork(struct world *w, struct dlg *d, const char *name)
{
	unsigned i = 0;

	d->fork->rtp = d->rtp;
	d->fork->sdp_version = d->sdp_version;
	while (i < d->n_forks && strcmp(d->forks[i].name, name))
		i++;
	if (i == DLG_FORKS)
		world_fail(w, "too many forks");
	if (i == d->n_forks) {
		d->forks[i] = (struct fork){
			.name = name, .rtp = d->forks[0].rtp, .rseq = i * 1000, .racked = i * 1000
		};
		d->forks[i].rtp.port = (uint16_t)(d->forks[i].rtp.port + i * 4);
		d->n_forks++;
	}
	d->fork = &d->forks[i];
	d->rtp = d->fork->rtp;
	d->sdp_version = d->fork->sdp_version;
	d->local_tag = *name ? world_fmt(w, "%.*s-%s", STR_FMT(d->base_tag), name) : d->base_tag;
}

/* The number that is called; only a request that begins a call names one. */
static const char *user_word(const struct step *s)
{
	for (unsigned i = 0; i < s->n_words; i++) {
		if ((s->word[i][0] >= '0' && s->word[i][0] <= '9') || s->word[i][0] == '+')
			return s->word[i];
	}
	return NULL;
}

/* A new label on an old name starts a call of its own: the old one keeps its messages. */
static struct dlg *outside_dlg(struct world *w, struct actor *a, const struct step *s)
{
	struct dlg *d = actor_find_dlg(a, s->label);
	const char *user = user_word(s);
	char ip[ADDR_STR_MAX], us[ADDR_STR_MAX];

	if (d)
		d->label = "(over)";
	d = actor_new_dlg(w, a, s->label);
	user = user ? user : "4711";
	addr_print(&a->addr, ip);
	addr_print(&w->nets[a->network].advertised, us);
	if (step_word(s, "nobody")) { /* no user: the request is for sluice itself */
		d->target = world_fmt(w, "sip:%s", us);
		d->remote_uri = world_fmt(w, "<sip:%s>", us);
	} else {
		d->target = world_fmt(w, "sip:%s@%s", user, us);
		d->remote_uri = world_fmt(w, "<sip:%s@%s>", user, us);
	}
	d->call_id = world_fmt(w, "%u-%s@%s", w->serial, a->mark, ip);
	d->local_uri = world_fmt(w, "\"Alice\" <sip:+4930100@%s>", ip);
	return d;
}

/* ---- messages ---- */

static struct str finish(struct world *w, const struct step *s, struct str start, struct lines *ls,
			 struct str body)
{
	char *mem = arena_alloc(w->arena, SIP_DATAGRAM_MAX);
	struct buf b;

	buf_init(&b, mem, SIP_DATAGRAM_MAX);
	lines_add(ls, "User-Agent", world_fmt(w, "%s/1.0", actor_find(w, s->actor)->mark));
	if (body.n)
		lines_add(ls, "Content-Type", body_type(s));
	lines_add(ls, "Content-Length", world_fmt(w, "%zu", body.n));
	for (unsigned i = 0; i < s->n_lines; i++)
		if (s->lines[i][0] != '|')
			lines_override(w, ls, s->lines[i]);
	buf_put(&b, start);
	buf_lit(&b, "\r\n");
	for (unsigned i = 0; i < ls->n; i++) {
		buf_put(&b, ls->l[i].name);
		buf_lit(&b, ": ");
		buf_put(&b, ls->l[i].value);
		buf_lit(&b, "\r\n");
	}
	buf_lit(&b, "\r\n");
	buf_put(&b, body);
	return buf_str(&b);
}

static void put_identity(struct world *w, struct lines *ls, struct dlg *d)
{
	lines_add(ls, "From",
		  world_fmt(w, "%.*s;tag=%.*s", STR_FMT(d->local_uri), STR_FMT(d->local_tag)));
	lines_add(ls, "To",
		  d->remote_tag.n ? world_fmt(w, "%.*s;tag=%.*s", STR_FMT(d->remote_uri),
					      STR_FMT(d->remote_tag))
				  : d->remote_uri);
	lines_add(ls, "Call-ID", d->call_id);
}

static struct str contact_of(struct world *w, const struct actor *a)
{
	char ip[ADDR_STR_MAX];

	addr_print(&a->addr, ip);
	return world_fmt(w, "<sip:%s@%s>", a->mark, ip);
}

/* ---- requests ---- */

static struct str request(struct world *w, struct dlg *d, const struct step *s, struct str body)
{
	bool ack = !strcmp(s->what, "ACK"), cancel = !strcmp(s->what, "CANCEL");
	bool same = cancel || (ack && d->invite_status >= 300);
	struct str branch =
		same ? d->invite_branch : world_fmt(w, "z9hG4bK%s%u", d->actor->mark, ++w->serial);
	struct str target = same ? d->invite_ruri : d->target;
	uint32_t cseq = ack || cancel ? d->invite_cseq : ++d->cseq;
	struct lines ls = { .n = 0 };
	char ip[ADDR_STR_MAX];

	addr_print(&d->actor->addr, ip);
	lines_add(&ls, "Via",
		  world_fmt(w, "SIP/2.0/UDP %s;rport;branch=%.*s", ip, STR_FMT(branch)));
	lines_add(&ls, "Max-Forwards", STR("70"));
	put_identity(w, &ls, d);
	if (cancel) { /* as the INVITE, which had no tag unless it was a re-INVITE */
		lines_remove(&ls, STR("To"));
		lines_add(&ls, "To", d->invite_to.n ? d->invite_to : d->remote_uri);
	}
	lines_add(&ls, "CSeq", world_fmt(w, "%u %s", cseq, s->what));
	if (!ack && !cancel && strcmp(s->what, "PRACK"))
		lines_add(&ls, "Contact", contact_of(w, d->actor));
	words_of_request(w, d, s, &ls);
	if (!strcmp(s->what, "INVITE")) {
		d->invite_branch = branch;
		d->invite_ruri = target;
		d->invite_cseq = cseq;
		d->invite_status = 0;
		d->invite_to = ls.l[3].value; /* the To that a CANCEL repeats */
	}
	if (step_word(s, "login"))
		lines_override(w, &ls,
			       login_write(w, d->actor, s,
					   &(struct login_words){ str_of(s->what), target, body })
				       .p);
	return finish(w, s, world_fmt(w, "%s %.*s SIP/2.0", s->what, STR_FMT(target)), &ls, body);
}

/* ---- responses ---- */

bool actor_makes_dialog(const struct sip_msg *m)
{
	return m->method == SIP_INVITE || m->method == SIP_SUBSCRIBE || m->method == SIP_REFER;
}

/* The last one of that method that has no final response yet. */
static struct rx *open_request(const struct dlg *d, enum sip_method method)
{
	struct rx *r = d->actor->seen;

	while (r && (r->answered || r->m.method != method || r->m.status || r->known ||
		     !str_eq(r->core.call_id, d->call_id)))
		r = r->next;
	return r;
}

static struct rx *to_answer(struct world *w, struct dlg *d, const struct step *s)
{
	const char *to = step_word(s, "to");
	struct rx *r = d->request ? d->request : d->invite;

	if (to && !strcmp(to, "INVITE"))
		r = d->invite;
	else if (to)
		r = open_request(d, sip_method_of(str_of(to)));
	if (!r && to)
		world_fail(w, "there is no %s to answer", to);
	if (!r)
		world_fail(w, "there is nothing to answer");
	return r;
}

/* Who answers: the word says it, else who was asked, else who answered the INVITE. */
static void choose_fork(struct world *w, struct dlg *d, const char *tag, struct str asked)
{
	if (tag)
		actor_use_fork(w, d, tag);
	for (unsigned i = 0; !tag && !d->confirmed && i < d->n_forks; i++) {
		const char *name = d->forks[i].name;
		struct str t =
			*name ? world_fmt(w, "%.*s-%s", STR_FMT(d->base_tag), name) : d->base_tag;

		if (asked.n ? str_eq(t, asked) : !*name) {
			actor_use_fork(w, d, name);
			break;
		}
	}
}

static struct str response(struct world *w, struct dlg *d, const struct step *s, struct rx *r,
			   struct str body)
{
	unsigned status = (unsigned)strtoul(s->what, NULL, 10);
	struct lines ls = { .n = 0 };
	struct str to = sip_value(&r->m, SIP_HDR_TO);

	for (const struct sip_hdr *h = sip_hdr_first(&r->m, SIP_HDR_VIA); h;
	     h = sip_hdr_next(&r->m, h))
		lines_add(&ls, "Via", sip_hdr_value(&r->m, h));
	lines_add(&ls, "From", sip_value(&r->m, SIP_HDR_FROM));
	lines_add(&ls, "To",
		  r->core.to.tag.n || status == 100
			  ? to
			  : world_fmt(w, "%.*s;tag=%.*s", STR_FMT(to), STR_FMT(d->local_tag)));
	lines_add(&ls, "Call-ID", sip_value(&r->m, SIP_HDR_CALL_ID));
	lines_add(&ls, "CSeq", sip_value(&r->m, SIP_HDR_CSEQ));
	if ((actor_makes_dialog(&r->m) || r->m.method == SIP_UPDATE) && status > 100 &&
	    status < 300)
		lines_add(&ls, "Contact", contact_of(w, d->actor));
	words_of_response(w, d, s, &ls);
	r->answered = status >= 200;
	if (status >= 200 && r == d->request)
		d->request = NULL;
	return finish(w, s, world_fmt(w, "SIP/2.0 %u %s", status, sip_reason_phrase(status)), &ls,
		      body);
}

static struct str body_of(struct world *w, struct dlg *d, const struct step *s)
{
	const char *sdp = step_word(s, "sdp");

	if (sdp)
		return sdp_write(w, d, sdp);
	return body_is_written(s) ? body_write(w, s) : STR_NONE;
}

/* The first of several callees to send a 2xx is in the call. */
static struct str answer(struct world *w, struct dlg *d, const struct step *s)
{
	struct rx *r = to_answer(w, d, s);
	const char *winner = d->confirmed ? d->fork->name : NULL;
	struct str raw;

	choose_fork(w, d, step_word(s, "tag"), r->core.to.tag);
	raw = response(w, d, s, r, body_of(w, d, s));
	if (winner)
		actor_use_fork(w, d, winner);
	else if (actor_makes_dialog(&r->m) && s->what[0] == '2')
		d->confirmed = true;
	return raw;
}

static struct str ask(struct world *w, struct dlg *d, const struct step *s)
{
	choose_fork(w, d, step_word(s, "tag"), STR_NONE);
	return request(w, d, s, body_of(w, d, s));
}

void actor_send(struct world *w, const struct step *s)
{
	struct actor *a = actor_find(w, s->actor);
	struct dlg *d = actor_find_dlg(a, s->label);
	unsigned status = (unsigned)strtoul(s->what, NULL, 10);
	const char *by = step_word(s, "by");
	struct str raw;
	bool fresh = !status && strcmp(s->what, "ACK") && strcmp(s->what, "CANCEL");

	if (!strcmp(s->what, "again")) {
		world_send(w, a, actor_dlg(w, a, s->label)->last_sent);
		return;
	}
	if (fresh && strcmp(s->what, "BYE") && strcmp(s->what, "PRACK"))
		wire_heal(w);
	/* With credentials it is the same request once more. */
	if (fresh && (!d || (!d->remote_tag.n && !step_word(s, "login")) || user_word(s) ||
		      step_word(s, "new")))
		d = outside_dlg(w, a, s);
	d = d ? d : actor_dlg(w, a, s->label);
	if (status >= 300 && d->remote_tag.n && to_answer(w, d, s)->m.method == SIP_INVITE)
		streams_forget(d);
	raw = status ? answer(w, d, s) : ask(w, d, s);
	d->last_sent = raw;
	if (wire_is_lossy(w))
		ua_sent(w, a, raw);
	w->mark_ms = loop_now(w->loop);
	if (!step_word(s, "lost"))
		world_send(w, by ? actor_find(w, by) : a, raw);
	if (step_word(s, "twice"))
		world_send(w, a, raw);
}
