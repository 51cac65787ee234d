/* SPDX-License-Identifier: Apache-2.0 */
/* What actors receive: the next message of a call must be the one that the script says. On a lossy wire an
 * unreliable 1xx may be missing, others may come late, and overtake each other. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"
#include "srtp.h"

#define WAIT_MS   100   /* how long a message may take where the script says no time */
#define REPAIR_MS 40000 /* on a lossy wire: 64*T1 and more */

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

static bool fits(const struct step *s, const struct rx *r)
{
	unsigned status = (unsigned)strtoul(s->what, NULL, 10);
	const char *to = step_word(s, "to");

	return (status ? r->m.status == status
		       : !r->m.status && str_eq(r->m.method_name, str_of(s->what))) &&
	       (!to || str_eq(r->core.cseq.method_name, str_of(to)));
}

bool hear_is_progress(const struct step *s, const struct rx *r)
{
	if (r)
		return r->m.status && r->m.status < 200 && !sip_value(&r->m, SIP_HDR_RSEQ).n;
	return s->what[0] == '1' && !step_word(s, "rel");
}

/* The next message of this call, or, for a label without a call, of a call that nobody has yet. */
static struct rx *take(struct world *w, struct actor *a, const struct dlg *d, const struct step *s)
{
	for (struct rx **p = &a->inbox; *p; p = &(*p)->next) {
		struct rx *r = *p;

		if (d ? !is_for(r, d) : is_known(a, r))
			continue;
		if (wire_is_lossy(w) && !fits(s, r))
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

/* To where something may happen, at most `ms` on. */
static uint64_t pass_time(struct world *w, uint64_t ms)
{
	uint64_t next = loop_next(w->loop);

	next = next ? next : 1;
	next = next < ms ? next : ms;
	loop_advance(w->loop, next);
	return next;
}

static void nothing_came(struct world *w, const struct actor *a)
{
	struct str rest = a->inbox ? a->inbox->raw : STR_NONE, line = STR_NONE;

	if (!str_line(&rest, &line))
		world_fail(w, "nothing came");
	world_fail(w, "it did not come, but this: %.*s", STR_FMT(line));
}

static struct rx *await(struct world *w, struct actor *a, const struct step *s, struct dlg **d)
{
	const char *after = step_word(s, "after"), *within = step_word(s, "within");
	long ms = after ? script_ms(after) : within ? script_ms(within) : 0;
	long wait = after || within ? ms + (long)slack((uint64_t)ms) : WAIT_MS;
	bool optional = wire_is_lossy(w) && hear_is_progress(s, NULL);
	struct rx *r;

	if (wire_is_lossy(w) && !optional)
		wait += REPAIR_MS;
	for (;;) {
		world_check_arrivals(w);
		*d = actor_find_dlg(a, s->label);
		r = take(w, a, *d, s);
		/* A call that is over makes room for the next one of its label. */
		if (!r && *d && !strtoul(s->what, NULL, 10))
			r = take(w, a, NULL, s);
		if (r || wait <= 0)
			break;
		wait -= (long)pass_time(w, (uint64_t)wait);
	}
	if (!r && optional)
		return NULL;
	if (!r)
		nothing_came(w, a);
	if (*d && !is_for(r, *d)) {
		(*d)->label = "(over)";
		*d = NULL;
	}
	if (!*d)
		*d = actor_new_dlg(w, a, s->label);
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
		if (actor_makes_dialog(&r->m) && r->m.status > 100 && r->m.status < 300)
			d->remote_tag = r->core.to.tag;
	} else if (actor_makes_dialog(&r->m) && !r->core.to.tag.n) {
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
	const char *after = step_word(s, "after"), *to = step_word(s, "to");
	struct str line = r->raw, first = STR_NONE;

	str_line(&line, &first);
	if (!fits(s, r) && to)
		world_fail(w, "this came: %.*s (%.*s)", STR_FMT(first),
			   STR_FMT(r->core.cseq.method_name));
	if (!fits(s, r))
		world_fail(w, "this came: %.*s", STR_FMT(first));
	if (wire_is_lossy(w))
		return;
	/* Two callees of a fork may make the same 1xx of it. */
	if (r->again != (step_word(s, "again") != NULL) && !(r->again && hear_is_progress(s, r)))
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

/* What it was to be told of media got lost, so what comes may not be what it expects. */
static void deafen(struct dlg *d)
{
	if (d)
		d->deaf = true;
}

static void receive_one(struct world *w, const struct step *s)
{
	struct actor *a = actor_find(w, s->actor);
	const char *sdp = step_word(s, "sdp");
	struct dlg *d;
	struct rx *r = await(w, a, s, &d);

	if (!r) {
		d = sdp ? actor_find_dlg(a, s->label) : NULL;
		deafen(d);
		return;
	}
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
	words_check(w, d, s, r);
	learn(w, d, r);
	words_learn(d, r);
	if (sdp) {
		d->deaf = false;
		sdp_check(w, r->m.body, sdp);
		sdp_learn(w, d, r->m.body);
		srtp_learn(w, d, r->m.body);
		srtp_check(w, d, r->m.body, sdp);
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
