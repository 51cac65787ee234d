/* SPDX-License-Identifier: Apache-2.0 */
/* The session: offers and answers change it; commit.c brings it to the engine. */
#include <errno.h>
#include "media/media_priv.h"

size_t media_room(void)
{
	return arena_room(sizeof(struct media)) + arena_room(sizeof(struct stream));
}

struct media *media_new(struct media_shard *ms, const struct media_options *o)
{
	struct media *m = arena_alloc(o->arena, sizeof(*m));

	if (!m)
		return NULL;
	m->ms = ms;
	m->arena = o->arena;
	m->conf = o->conf;
	m->event = o->event;
	m->event_arg = o->arg;
	for (unsigned leg = 0; leg < 2; leg++) {
		m->leg[leg].trunk = o->trunk[leg];
		m->leg[leg].id = 1 + loop_random_u32(ms->loop, INT32_MAX); /* some read 31 bits */
	}
	return m;
}

/* ---- descriptions ---- */

int media_parse(struct media *m, struct str text)
{
	const char *why = "";

	if (!sdp_parse(text, &m->ms->in, &why))
		return 0;
	log_info(m->ms->log, "media", "SDP that can't be used: %s", why);
	return -EBADMSG;
}

/* What counts as a change: all but o=, whose other fields stay. */
static u32 print_hash(const struct media_shard *ms, struct str text)
{
	struct str line;

	str_line(&text, &line); /* v= */
	str_line(&text, &line); /* o= */
	return (u32)siphash(ms->key, text.p, text.n);
}

/* A line that has an address keeps it. */
static void put_ports(struct media *m, unsigned leg)
{
	struct sdp *out = &m->ms->out;
	struct stream *s = m->streams;

	for (unsigned i = 0; i < out->n_media; i++, s = s ? s->next : NULL) {
		struct sdp_media *l = &out->media[i];
		u8 family = m->ms->family[i] ? m->ms->family[i] : family_agreed(m, leg, i);
		if (l->addr.family || !l->port)
			continue;
		l->addr = *family_advertised(m, leg, family);
		l->port = s ? *stream_port(s, leg) : 0;
	}
}

int media_print(struct media *m, unsigned leg, struct buf *out)
{
	struct media_leg *l = leg_at(m, leg);
	struct sdp *s = &m->ms->out;
	struct buf before = *out;
	u32 hash = 0;
	int rc = sdes_show(m, leg);

	if (rc)
		return rc;
	s->id = l->id;
	put_ports(m, leg);
	s->origin = *family_origin(m, leg);
	s->version = l->version + 1;
	sdp_print(s, out);
	if (buf_ok(out))
		hash = print_hash(m->ms, (struct str){ out->p + before.n, out->n - before.n });
	if (buf_ok(out) && l->version && hash == l->sent) {
		*out = before;
		s->version = l->version;
		sdp_print(s, out);
	}
	sdes_hide(m);
	if (!buf_ok(out)) {
		explicit_bzero(before.p + before.n, out->n - before.n);
		*out = before;
		return -EMSGSIZE;
	}
	m->ms->printed = hash;
	return 0;
}

/* "o=- ID VERSION IN IP4 ..." */
static u32 version_of(struct str text)
{
	struct str line, word;
	u32 version = 0;

	str_line(&text, &line);
	str_line(&text, &line);
	for (unsigned i = 0; i < 3; i++)
		str_token(&line, ' ', &word);
	return str_u32(word, UINT32_MAX, &version) ? 0 : version;
}

void media_said(struct media *m, unsigned leg, struct str sdp)
{
	struct media_leg *l;

	if (leg == MEDIA_THIRD && !media_has_third(m))
		return;
	l = leg_at(m, leg);
	l->version = version_of(sdp);
	l->stray = false;
	l->sent = print_hash(m->ms, sdp);
}

void media_copy_origin(struct media *m, unsigned leg, const struct media *from, unsigned from_leg)
{
	struct media_leg *l = leg_at(m, leg);
	const struct media_leg *f = leg_of(from, from_leg);

	l->id = f->id;
	l->version = f->version;
	l->sent = f->sent;
}

/* ---- offer ---- */

static int make_streams(struct media *m, unsigned n)
{
	struct stream **at = &m->streams;

	for (unsigned i = 0; i < n; i++) {
		if (!*at) {
			struct stream *s = arena_alloc(m->arena, sizeof(*s));
			if (!s)
				return -ENOMEM;
			s->m = m;
			*at = s;
		}
		at = &(*at)->next;
	}
	return 0;
}

int media_open(struct media *m, struct draft *d)
{
	int rc = make_streams(m, d->n);
	struct stream *s = m->streams;

	for (unsigned side = 0; side < 2; side++)
		media_choose_place(m, d, side);
	for (unsigned i = 0; i < d->n && !rc; i++, s = s->next)
		if (terms_relayed(&d->line[i].offer))
			rc = stream_open(s, d->leg, &d->line[i].opened);
	if (rc)
		media_unopen(m, d);
	return rc;
}

void media_unopen(struct media *m, struct draft *d)
{
	struct stream *s = m->streams;

	for (unsigned i = 0; s && i < d->n; i++, s = s->next) {
		stream_unopen(s, d->line[i].opened);
		d->line[i].opened = 0;
	}
}

/* What was agreed goes on untouched until the answer. */
void media_begin(struct media *m, struct draft *d)
{
	struct stream *s = m->streams;

	if (m->draft)
		draft_free(m->ms, m->draft);
	m->draft = d;
	for (unsigned i = 0; i < d->n; i++, s = s->next)
		if (s->id && !s->agreed)
			stream_push(s, NULL, NULL);
}

static bool is_busy(const struct media *m, unsigned leg)
{
	const struct draft *d = m->draft;

	if (media_has_third(m) && m->third->settled)
		return true;
	return d && !(d->ours && d->leg[!d->offerer] == leg);
}

int media_offer(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
		struct buf *out)
{
	struct draft *d;
	int rc;

	if (is_busy(m, leg))
		return -EBUSY;
	if (leg == MEDIA_THIRD && !media_has_third(m))
		return -EINVAL;
	rc = media_parse(m, sdp);
	if (!rc)
		rc = offer_read(m, leg, sig, &d);
	if (rc)
		return rc;
	struct media_leg *to = leg_at(m, d->leg[!d->offerer]);
	rc = media_open(m, d);
	if (!rc) {
		rc = media_print(m, d->leg[!d->offerer], out);
		if (rc)
			media_unopen(m, d);
	}
	if (rc) {
		draft_free(m->ms, d);
		return rc;
	}
	d->news = !to->told || to->told != d->told[!d->offerer] || to->sent != m->ms->printed;
	media_begin(m, d);
	return 0;
}

/* ---- answer ---- */

/* The offerer answered an offer of ours before: what it said is not what holds, if the other one takes less. */
static bool is_less(const struct line *l, const struct outcome *r, unsigned offerer)
{
	if (!l->offer.on)
		return false;
	if (!r->terms.on || r->terms.dir[offerer] != l->offer.dir[offerer])
		return true;
	for (unsigned k = 0; k < l->n_forms; k++)
		if (l->form[k].own != SDP_PT_NONE && l->form[k].told != SDP_PT_NONE &&
		    r->pt[k] == SDP_PT_NONE)
			return true;
	return false;
}

static int tell_offerer(struct media *m, struct draft *d, const struct outcome *r, struct buf *out)
{
	struct known *told = known_out(m->ms), **at = &d->told[d->offerer];
	bool less = false;
	int rc = 0;

	if (!told)
		return -ENOMEM;
	for (unsigned i = 0; i < d->n_offered && d->chained; i++)
		less |= is_less(&d->line[i], &r[i], d->offerer);
	if (d->chained) /* it is told nothing now */
		at = &d->view[d->offerer];
	else if (out)
		rc = media_print(m, d->leg[d->offerer], out);
	if (rc || (d->chained && !less)) {
		known_put(m->ms, told);
		told = NULL;
	}
	if (!rc && (told || d->chained))
		known_set(m->ms, at, told);
	return rc;
}

static int keep_answer(struct media *m, unsigned side, const struct addr *sig,
		       const struct outcome *r, struct buf *out)
{
	struct draft *d = m->draft;
	struct known *said = answer_said(m, side);
	int rc = said ? tell_offerer(m, d, r, out) : -ENOMEM;

	if (rc) {
		known_put(m->ms, said);
		return rc;
	}
	known_set(m->ms, &d->said[side], said);
	d->heard[side] = known_hash(m->ms);
	for (unsigned i = 0; i < d->n; i++)
		d->line[i].answer = r[i];
	d->sig[side] = *sig;
	d->answered = true;
	return 0;
}

int media_take_answer(struct media *m, unsigned side, const struct addr *sig, struct buf *out)
{
	struct outcome r[SDP_MEDIA_MAX];
	int rc = answer_read(m, side, r);

	if (!rc)
		rc = keep_answer(m, side, sig, r, out);
	explicit_bzero(r, m->draft->n * sizeof(r[0]));
	return rc;
}

int media_answer(struct media *m, unsigned leg, unsigned fork, struct str sdp,
		 const struct addr *sig, struct buf *out)
{
	struct draft *d = m->draft;
	const struct fork *before;
	bool again = !sdp.n;
	int rc;

	if (!d || d->ours || d->leg[!d->offerer] != leg)
		return -EINVAL;
	if (again) {
		before = draft_fork(d, fork);
		if (!before)
			return -EBADMSG;
		sdp = (struct str){ before->sdp, before->n };
	}
	rc = media_parse(m, sdp);
	if (!rc)
		rc = media_take_answer(m, !d->offerer, again ? &before->sig : sig, out);
	if (rc)
		return rc;
	d->fork_id = fork;
	if (!again)
		draft_keep_fork(d, fork, sdp, sig);
	return 0;
}

/* ---- the end of an exchange ---- */

static void move(struct media_shard *ms, struct known **to, struct known **from)
{
	if (!*from)
		return;
	known_set(ms, to, *from);
	*from = NULL;
}

static void settle_leg(struct media *m, struct draft *d, unsigned side)
{
	struct media_leg *l = leg_at(m, d->leg[side]);
	struct media_shard *ms = m->ms;
	bool told = d->told[side] != NULL;

	move(ms, &l->said, &d->said[side]);
	move(ms, &l->told, &d->told[side]);
	if (d->view[side])
		move(ms, &l->view, &d->view[side]);
	else if (told)
		known_set(ms, &l->view, known_ref(l->told));
	if (d->heard[side])
		l->heard = d->heard[side];
	if (d->sig[side].family)
		l->sig = d->sig[side];
	numbers_learn(ms, l);
}

static void settle_stream(struct stream *s, struct draft *d, struct line *l)
{
	struct media_shard *ms = s->m->ms;
	struct known *k = NULL;
	struct map map;

	sdes_settle(s, d, l);
	s->now = l->answer.terms;
	s->agreed |= terms_relayed(&s->now);
	if (s->now.on) {
		map_fill(l, &l->answer, d->offerer, &map);
		k = known_get(ms, &map, sizeof(map));
	}
	if (k) /* one that is off remembers its codec */
		known_set(ms, &s->map, k);
	if (!s->agreed) /* one that was on keeps its ports for when it comes back */
		stream_drop(s);
}

void media_apply(struct media *m, struct draft *d)
{
	struct stream *s = m->streams;

	m->n_lines = d->n;
	m->settled_ms = loop_now(m->ms->loop);
	for (unsigned side = 0; side < 2; side++)
		settle_leg(m, d, side);
	for (unsigned i = 0; i < d->n; i++, s = s->next)
		settle_stream(s, d, &d->line[i]);
	draft_free(m->ms, d);
}

void media_settle(struct media *m)
{
	struct draft *d = m->draft;

	if (!d || !d->answered)
		return;
	m->draft = NULL;
	if (draft_has(d, MEDIA_THIRD))
		m->third->settled = d;
	else
		media_apply(m, d);
}

void media_reject(struct media *m)
{
	struct draft *d = m->draft;

	if (!d)
		return;
	m->draft = NULL;
	for (struct stream *s = m->streams; s && !media_is_first(m); s = s->next) {
		if (!s->agreed)
			stream_drop(s);
		else if (d->committed)
			stream_push(s, NULL, NULL);
	}
	draft_free(m->ms, d);
}

/* ---- for people ---- */

bool media_is_held(const struct media *m)
{
	bool any = false, agreed = false;

	for (const struct stream *s = m->streams; s; s = s->next) {
		const struct terms *t = stream_terms(s);
		agreed |= s->agreed;
		any |= t->on;
		if (terms_relayed(t) && (t->dir[0] != SDP_SENDRECV || t->dir[1] != SDP_SENDRECV))
			return true;
	}
	return agreed && !any; /* all are switched off: held, as some do it */
}

unsigned media_info(const struct media *m, unsigned leg, struct media_leg_info *out, unsigned max)
{
	unsigned n = 0;

	for (struct stream *s = m->streams; s && n < max; s = s->next) {
		const struct terms *t = stream_terms(s);
		unsigned at = stream_leg(s, leg);
		if (!s->id)
			continue;
		out[n] = (struct media_leg_info){
			.kind = kind_name(t->kind),
			.codec = stream_codec(s),
			.local = *family_local(m, at, t->family[leg]),
			.remote = t->remote[leg],
			.direction = t->on ? sdp_dir_name(t->dir[leg]) : "inactive",
			.srtp = t->on ? suite_name(t->suite[leg]) : "",
			.flow_id = s->id,
			.flow_side = leg,
		};
		out[n++].local.port = *stream_port(s, at);
	}
	return n;
}
