/* SPDX-License-Identifier: Apache-2.0 */
/* Actors: user agents without a mind of their own. They build what the script says, and keep only
 * what is needed for that: tags, sequence numbers, route of the answer. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"

#define WAIT_MS 100 /* how long a message may take where the script says no time */

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

static struct dlg *find_dlg(struct actor *a, const char *label)
{
	struct dlg *d = a->dlgs;

	while (d && strcmp(d->label, label))
		d = d->next;
	return d;
}

struct dlg *actor_dlg(struct world *w, struct actor *a, const char *label)
{
	struct dlg *d = find_dlg(a, label);

	if (!d)
		world_fail(w, "%s has no call %s", a->name, label);
	return d;
}

struct dlg *actor_dlg_of_rtp(struct world *w, const struct addr *rtp)
{
	for (struct actor *a = w->actors; a; a = a->next) {
		for (struct dlg *d = a->dlgs; d; d = d->next) {
			if (addr_eq(&d->rtp, rtp))
				return d;
		}
	}
	return NULL;
}

static struct dlg *new_dlg(struct world *w, struct actor *a, const char *label)
{
	struct dlg *d = arena_alloc(w->arena, sizeof(*d));
	unsigned n = ++w->serial;

	d->actor = a;
	d->label = label;
	d->local_tag = world_fmt(w, "tag-%s-%u", a->mark, n);
	d->rtp = a->addr;
	d->rtp.port = (uint16_t)(40000 + n * 20);
	d->ssrc = n * 7919;
	d->cseq = n * 100;
	d->next = a->dlgs;
	a->dlgs = d;
	return d;
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
	struct dlg *d = find_dlg(a, s->label);
	const char *user = user_word(s);
	char ip[ADDR_STR_MAX], us[ADDR_STR_MAX];

	if (d)
		d->label = "(over)";
	d = new_dlg(w, a, s->label);
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

/* ---- lines of a message ---- */

struct line {
	struct str name, value;
};

struct lines {
	struct line l[48];
	unsigned n;
};

static void add(struct lines *ls, const char *name, struct str value)
{
	if (ls->n < 48)
		ls->l[ls->n++] = (struct line){ str_of(name), value };
}

static void remove_line(struct lines *ls, struct str name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ls->n; i++) {
		if (!str_caseeq(ls->l[i].name, name))
			ls->l[n++] = ls->l[i];
	}
	ls->n = n;
}

/* "Name: value" takes the place of the line there is, "+Name: value" comes beside it, "-Name" takes
 * it away. */
static void override(struct world *w, struct lines *ls, const char *text)
{
	struct str value = str_of(text), name;
	bool beside = text[0] == '+', drop = text[0] == '-';

	if (beside || drop) {
		value.p++;
		value.n--;
	}
	str_token(&value, ':', &name);
	name = str_trim(name);
	if (!beside)
		remove_line(ls, name);
	if (!drop)
		add(ls, arena_str(w->arena, name).p, str_trim(value));
}

static struct str finish(struct world *w, const struct step *s, struct str start, struct lines *ls,
			 struct str body)
{
	char *mem = arena_alloc(w->arena, SIP_DATAGRAM_MAX);
	struct buf b;

	buf_init(&b, mem, SIP_DATAGRAM_MAX);
	add(ls, "User-Agent",
	    world_fmt(w, "%s/1.0", find_dlg(actor_find(w, s->actor), s->label)->actor->mark));
	if (body.n)
		add(ls, "Content-Type",
		    body_is_written(s) ? STR("text/plain") : STR("application/sdp"));
	add(ls, "Content-Length", world_fmt(w, "%zu", body.n));
	for (unsigned i = 0; i < s->n_lines; i++)
		if (s->lines[i][0] != '|')
			override(w, ls, s->lines[i]);
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
	add(ls, "From",
	    world_fmt(w, "%.*s;tag=%.*s", STR_FMT(d->local_uri), STR_FMT(d->local_tag)));
	add(ls, "To",
	    d->remote_tag.n
		    ? world_fmt(w, "%.*s;tag=%.*s", STR_FMT(d->remote_uri), STR_FMT(d->remote_tag))
		    : d->remote_uri);
	add(ls, "Call-ID", d->call_id);
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
	add(&ls, "Via", world_fmt(w, "SIP/2.0/UDP %s;rport;branch=%.*s", ip, STR_FMT(branch)));
	add(&ls, "Max-Forwards", STR("70"));
	put_identity(w, &ls, d);
	if (cancel) { /* as the INVITE, which had no tag unless it was a re-INVITE */
		remove_line(&ls, STR("To"));
		add(&ls, "To", d->invite_to.n ? d->invite_to : d->remote_uri);
	}
	add(&ls, "CSeq", world_fmt(w, "%u %s", cseq, s->what));
	if (!ack && !cancel)
		add(&ls, "Contact", contact_of(w, d->actor));
	if (!strcmp(s->what, "INVITE")) {
		d->invite_branch = branch;
		d->invite_ruri = target;
		d->invite_cseq = cseq;
		d->invite_status = 0;
		d->invite_to = ls.l[3].value; /* the To that a CANCEL repeats */
	}
	if (step_word(s, "login"))
		override(w, &ls,
			 login_write(w, d->actor, s,
				     &(struct login_words){ str_of(s->what), target, body })
				 .p);
	return finish(w, s, world_fmt(w, "%s %.*s SIP/2.0", s->what, STR_FMT(target)), &ls, body);
}

/* ---- responses ---- */

static bool makes_dialog(const struct sip_msg *m)
{
	return m->method == SIP_INVITE || m->method == SIP_SUBSCRIBE || m->method == SIP_REFER;
}

static struct rx *to_answer(struct world *w, struct dlg *d, const struct step *s)
{
	const char *to = step_word(s, "to");
	struct rx *r = to && !strcmp(to, "INVITE") ? d->invite
		       : d->request                ? d->request
						   : d->invite;

	if (!r)
		world_fail(w, "there is nothing to answer");
	if (to && sip_method_of(str_of(to)) != (enum sip_method)r->m.method)
		world_fail(w, "there is no %s to answer", to);
	return r;
}

static struct str response(struct world *w, struct dlg *d, const struct step *s, unsigned status,
			   struct str body)
{
	struct rx *r = to_answer(w, d, s);
	const char *tag = step_word(s, "tag");
	struct lines ls = { .n = 0 };
	struct str to = sip_value(&r->m, SIP_HDR_TO), local = d->local_tag;

	if (tag)
		local = world_fmt(w, "%.*s-%s", STR_FMT(d->local_tag), tag);
	for (const struct sip_hdr *h = sip_hdr_first(&r->m, SIP_HDR_VIA); h;
	     h = sip_hdr_next(&r->m, h))
		add(&ls, "Via", sip_hdr_value(&r->m, h));
	add(&ls, "From", sip_value(&r->m, SIP_HDR_FROM));
	add(&ls, "To",
	    r->core.to.tag.n || status == 100
		    ? to
		    : world_fmt(w, "%.*s;tag=%.*s", STR_FMT(to), STR_FMT(local)));
	add(&ls, "Call-ID", sip_value(&r->m, SIP_HDR_CALL_ID));
	add(&ls, "CSeq", sip_value(&r->m, SIP_HDR_CSEQ));
	if (makes_dialog(&r->m) && status > 100 && status < 300)
		add(&ls, "Contact", contact_of(w, d->actor));
	if (makes_dialog(&r->m) && status / 100 == 2)
		d->local_tag = r->core.to.tag.n ? d->local_tag : local;
	if (status >= 200 && r == d->request)
		d->request = NULL;
	return finish(w, s, world_fmt(w, "SIP/2.0 %u %s", status, sip_reason_phrase(status)), &ls,
		      body);
}

void actor_send(struct world *w, const struct step *s)
{
	struct actor *a = actor_find(w, s->actor);
	struct dlg *d = find_dlg(a, s->label);
	unsigned status = (unsigned)strtoul(s->what, NULL, 10);
	const char *sdp = step_word(s, "sdp"), *by = step_word(s, "by");
	struct str body = STR_NONE, raw;
	bool fresh = !status && strcmp(s->what, "ACK") && strcmp(s->what, "CANCEL");

	if (!strcmp(s->what, "again")) {
		world_send(w, a, actor_dlg(w, a, s->label)->last_sent);
		return;
	}
	/* With credentials it is the same request once more. */
	if (fresh && (!d || (!d->remote_tag.n && !step_word(s, "login")) || user_word(s) ||
		      step_word(s, "new")))
		d = outside_dlg(w, a, s);
	d = d ? d : actor_dlg(w, a, s->label);
	if (sdp)
		body = sdp_write(w, d, sdp);
	else if (body_is_written(s))
		body = body_write(w, s);
	raw = status ? response(w, d, s, status, body) : request(w, d, s, body);
	d->last_sent = raw;
	w->mark_ms = loop_now(w->loop);
	if (!step_word(s, "lost"))
		world_send(w, by ? actor_find(w, by) : a, raw);
	if (step_word(s, "twice"))
		world_send(w, a, raw);
}

/* ---- receiving ---- */

static bool is_for(const struct rx *r, const struct dlg *d)
{
	return d && str_eq(d->call_id, r->core.call_id);
}

static bool is_known(const struct actor *a, const struct rx *r)
{
	for (const struct dlg *d = a->dlgs; d; d = d->next) {
		if (is_for(r, d))
			return true;
	}
	return false;
}

/* The next message of this call, or, for a label without a call, of a call that nobody has yet. */
static struct rx *take(struct actor *a, const struct dlg *d)
{
	for (struct rx **p = &a->inbox; *p; p = &(*p)->next) {
		struct rx *r = *p;

		if (d ? !is_for(r, d) : is_known(a, r))
			continue;
		*p = r->next;
		if (!*p)
			a->inbox_end = p;
		r->next = a->seen;
		a->seen = r;
		return r;
	}
	return NULL;
}

/* How far from its time a message may come. */
static uint64_t slack(uint64_t ms)
{
	return 20 + ms / 1000;
}

static struct rx *await(struct world *w, struct actor *a, const struct step *s, struct dlg **d)
{
	const char *after = step_word(s, "after");
	long ms = after ? script_ms(after) : 0;
	long wait = after ? ms + (long)slack((uint64_t)ms) : WAIT_MS;
	struct rx *r;

	for (;;) {
		world_check_arrivals(w);
		*d = find_dlg(a, s->label);
		r = take(a, *d);
		/* A call that is over makes room for the next one of its label. */
		if (!r && *d && !strtoul(s->what, NULL, 10))
			r = take(a, NULL);
		if (r || wait-- <= 0)
			break;
		loop_advance(w->loop, 1);
	}
	if (!r)
		world_fail(w, "nothing came");
	if (*d && !is_for(r, *d)) {
		(*d)->label = "(over)";
		*d = NULL;
	}
	if (!*d)
		*d = new_dlg(w, a, s->label);
	return r;
}

static void learn(struct world *w, struct dlg *d, struct rx *r)
{
	struct sip_addr contact;

	d->call_id = r->core.call_id;
	if (!sip_addr_parse(sip_value(&r->m, SIP_HDR_CONTACT), &contact))
		d->target = contact.uri;
	if (r->m.status) {
		if (r->m.method == SIP_INVITE && r->m.status > 100)
			d->invite_status = r->m.status;
		if (makes_dialog(&r->m) && r->m.status > 100 && r->m.status < 300)
			d->remote_tag = r->core.to.tag;
	} else if (makes_dialog(&r->m) && !r->core.to.tag.n) {
		d->remote_tag = r->core.from.tag;
		d->remote_uri = world_fmt(w, "<%.*s>", STR_FMT(r->core.from.uri));
		d->local_uri = world_fmt(w, "<%.*s>", STR_FMT(r->core.to.uri));
		d->request = r;
		if (r->m.method == SIP_INVITE)
			d->invite = r;
	} else if (r->m.method == SIP_NOTIFY &&
		   !d->remote_tag.n) { /* before the 200 to SUBSCRIBE */
		d->remote_tag = r->core.from.tag;
		d->request = r;
	} else if (r->m.method == SIP_INVITE) {
		d->invite = d->request = r;
	} else if (r->m.method != SIP_ACK) {
		d->request = r;
	}
}

static void check_time(struct world *w, const struct rx *r, uint64_t ms)
{
	uint64_t took = r->at_ms - w->mark_ms;

	if (took + slack(ms) < ms || took > ms + slack(ms))
		world_fail(w, "it came after %llu ms", (unsigned long long)took);
}

static void check_expected(struct world *w, const struct step *s, const struct rx *r)
{
	unsigned status = (unsigned)strtoul(s->what, NULL, 10);
	const char *after = step_word(s, "after"), *to = step_word(s, "to");
	struct str line = r->raw, first = STR_NONE;

	str_line(&line, &first);
	if (status ? r->m.status != status
		   : r->m.status || !str_eq(r->m.method_name, str_of(s->what)))
		world_fail(w, "this came: %.*s", STR_FMT(first));
	if (to && !str_eq(r->core.cseq.method_name, str_of(to)))
		world_fail(w, "it answers %.*s", STR_FMT(r->core.cseq.method_name));
	if (r->again != (step_word(s, "again") != NULL))
		world_fail(w, r->again ? "the same message came again" : "this one is new");
	if (after)
		check_time(w, r, (uint64_t)script_ms(after));
}

static void check_order(struct world *w, struct dlg *d, const struct rx *r)
{
	uint32_t n = r->core.cseq.num;
	unsigned i = 0;

	if (r->m.status || r->known)
		return;
	if (r->m.method == SIP_ACK || r->m.method == SIP_CANCEL) {
		if (!d->invite || d->invite->core.cseq.num != n)
			world_fail(w, "its CSeq is not that of the INVITE");
		return;
	}
	while (i < DLG_FORKS - 1 && d->heard[i].tag.n && !str_eq(d->heard[i].tag, r->core.to.tag))
		i++;
	if (d->heard[i].cseq && n <= d->heard[i].cseq)
		world_fail(w, "its CSeq does not rise");
	d->heard[i].tag = r->core.to.tag;
	d->heard[i].cseq = n;
}

static void receive_one(struct world *w, const struct step *s)
{
	struct actor *a = actor_find(w, s->actor);
	const char *sdp = step_word(s, "sdp");
	struct dlg *d;
	struct rx *r = await(w, a, s, &d);

	check_expected(w, s, r);
	check_order(w, d, r);
	if ((!sdp && !body_is_written(s)) != !r->m.body.n)
		world_fail(w, !r->m.body.n ? "it has no body" : "it has a body:\n%.*s",
			   STR_FMT(r->m.body));
	check_lines(w, s, r);
	body_check(w, s, r);
	login_check(w, s, d, r);
	login_learn(a, r);
	w->mark_ms = r->at_ms;
	if (r->known)
		return;
	learn(w, d, r);
	if (sdp) {
		sdp_check(w, r->m.body, sdp);
		sdp_learn(w, d, r->m.body);
	}
}

void actor_receive(struct world *w, const struct step *s)
{
	unsigned times = 1;

	for (unsigned i = 0; i < s->n_words; i++) {
		if (s->word[i][0] == 'x' && s->word[i][1] >= '0' && s->word[i][1] <= '9')
			times = (unsigned)strtoul(s->word[i] + 1, NULL, 10);
	}
	while (times--)
		receive_one(w, s);
}
