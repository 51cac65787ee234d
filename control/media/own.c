/* SPDX-License-Identifier: Apache-2.0 */
/* What we say without being told to by the other side: offers of ours, answers from what is known, repetitions. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

/* ---- offers of ours ---- */

/* A line of ms->in as the trunk of `to` may hear it. */
static void copy_line(struct media *m, const struct sdp_media *l, const struct media_leg *to)
{
	struct sdp *out = &m->ms->out;
	struct sdp_media *o = sdp_add_media(out);
	struct sdp_format *formats = o->formats;
	struct sdp_fb *fb = o->fb;
	struct sdp_crypto *crypto = o->crypto;
	bool rtp = l->port && l->formats[0].pt != SDP_PT_NONE;

	*o = *l;
	o->formats = formats;
	o->fb = fb;
	o->crypto = crypto;
	o->n_formats = o->n_fb = o->n_crypto = 0;
	for (unsigned i = 0; i < l->n_formats; i++) {
		if (rtp && !map_allows(to->trunk, &l->formats[i]))
			continue;
		struct sdp_format *f = sdp_add_format(out);
		if (f)
			*f = l->formats[i];
	}
	for (unsigned i = 0; i < l->n_fb; i++) {
		struct sdp_fb *f = sdp_add_fb(out);
		if (f)
			*f = l->fb[i];
	}
	if (rtp)
		map_order(m->ms, to->trunk);
	if (o->port)
		line_ptime(o, to->trunk);
}

static bool has_kind(const struct sdp_media *l, enum form_kind kind)
{
	struct codec c;

	for (unsigned i = 0; i < l->n_formats; i++)
		if (codec_of(&l->formats[i], &c) && codec_kind(&c) == kind)
			return true;
	return false;
}

/* The same line of what that leg said last; NULL: it has none that is on. */
static const struct sdp_media *said_line(struct media *m, unsigned leg, unsigned i)
{
	struct sdp *old = &m->ms->old;

	if (known_read(leg_of(m, leg)->said, old) || i >= old->n_media || !old->media[i].port)
		return NULL;
	return &old->media[i];
}

/* ---- where nothing is known ---- */

static u8 free_number(const struct sdp_media *l)
{
	u8 pt = 96;

	for (unsigned i = 0; i < l->n_formats; i++)
		if (l->formats[i].pt >= pt && l->formats[i].pt < 127)
			pt = (u8)(l->formats[i].pt + 1);
	return pt;
}

static void add_codecs(struct media *m, const char *const *names, const struct conf_trunk *to,
		       const struct conf_trunk *other)
{
	struct sdp_media *o = &m->ms->out.media[m->ms->out.n_media - 1];
	struct sdp_format f;
	struct codec c;

	if (o->n_formats)
		return;
	for (; names && *names && o->n_formats < FLOW_PTMAP_MAX / 2; names++) {
		if (!codec_by_name(*names, &f) || codec_listed(other->codecs_drop, f.name))
			continue;
		if (f.pt == SDP_PT_NONE)
			f.pt = free_number(o);
		c = (struct codec){ f.name, f.clock };
		if (!map_allows(to, &f) || codec_kind(&c) != FORM_CODEC)
			continue;
		struct sdp_format *at = sdp_add_format(&m->ms->out);
		if (at)
			*at = f;
	}
}

static void default_line(struct media *m, const struct conf_trunk *to,
			 const struct conf_trunk *other)
{
	static const char *const usual[] = { "PCMA", "PCMU", NULL };
	struct sdp_media *o = sdp_add_media(&m->ms->out);

	o->kind = STR("audio");
	o->proto = STR("RTP/AVP");
	o->port = 1;
	add_codecs(m, to->codecs_first, to, other);
	add_codecs(m, other->codecs_first, to, other);
	add_codecs(m, usual, to, other);
	map_order(m->ms, to);
	line_ptime(o, to);
}

/* ---- offers of ours ---- */

/* Does the other side have keys in RTP, or do we make them of its INFO? */
static bool has_keys(struct media *m, unsigned leg, unsigned i)
{
	const struct media_leg *l = leg_of(m, leg);
	const struct sdp_media *said;

	if (l->trunk->dtmf != CONF_DTMF_RTP || !l->said)
		return true;
	said = said_line(m, leg, i);
	return said && has_kind(said, FORM_EVENT);
}

static unsigned streams_of(const struct media *m, const struct draft *d)
{
	return leg_of(m, d->leg[0])->trunk->streams & leg_of(m, d->leg[1])->trunk->streams;
}

/* Each leg has its own terms, whatever the line is copied from. */
static void own_crypto(struct media *m, struct draft *d, unsigned i)
{
	unsigned side = !d->offerer;
	struct line *l = &d->line[i];
	struct sdp_media *o = &m->ms->out.media[i];
	struct terms old;

	if (!sdes_may_carry(m, d->leg[side], l->offer.way)) {
		l->offer.on = false;
		line_strip(&m->ms->out);
	}
	if (!sdp_is_rtp(o->proto))
		return;
	terms_before(m, d->leg, i, &old);
	l->offer.savp[side] = sdes_wants_savp(m, d, side, &old);
	l->offer.suite[0] = l->offer.suite[1] = FLOW_SUITE_NONE;
	o->proto = sdes_proto(&l->offer, side);
	if (l->offer.on)
		sdes_put_offer(m, d, side, i, l);
}

static void own_terms(struct media *m, struct draft *d, unsigned i)
{
	unsigned side = !d->offerer; /* of who is offered to */
	const struct sdp_media *o = &m->ms->out.media[i];
	struct terms *t = &d->line[i].offer;

	terms_before(m, d->leg, i, t);
	t->on = kind_is_carried(o, streams_of(m, d), t) && o->port;
	m->ms->family[i] = t->family[side] = family_for(m, d->leg[side], &t->remote[side]);
	if (t->on && sdp_is_group(&o->addr)) {
		group_own(o, &d->line[i]);
		return;
	}
	t->mux[side] = o->rtcp_mux;
	t->dir[!side] = o->dir;
	t->dir[side] = (u8)sdp_dir_reverse(o->dir);
	own_crypto(m, d, i);
}

/* The line added last, as it is known. */
static void own_line(struct media *m, struct draft *d, unsigned i)
{
	unsigned side = !d->offerer, other = d->leg[d->offerer];
	const struct media_leg *to = leg_of(m, d->leg[side]);
	struct sdp_media *o = &m->ms->out.media[i];
	const struct sdp_media *said;
	bool rtp = o->port && o->formats[0].pt != SDP_PT_NONE;

	if (rtp && !has_kind(o, FORM_CODEC)) {
		line_strip(&m->ms->out);
		rtp = false;
	}
	if (d->leg[side] == MEDIA_THIRD)
		o->rtcp_mux = false;
	said = o->port ? said_line(m, other, i) : NULL;
	if (said) /* what it does unless this one holds */
		o->dir = said->dir;
	if (rtp && str_eq(o->kind, STR("audio")) && to->trunk->dtmf == CONF_DTMF_RTP &&
	    !has_kind(o, FORM_EVENT) && has_keys(m, other, i))
		map_add_events(m->ms, to, i);
	own_terms(m, d, i);
	if (rtp && d->line[i].offer.way == WAY_RTP)
		map_note(m->ms, &d->line[i], SDP_PT_NONE);
}

static bool any_on(const struct sdp *s)
{
	for (unsigned i = 0; i < s->n_media; i++)
		if (s->media[i].port)
			return true;
	return false;
}

/* Of ms->in, which holds what the leg was told last. */
static int own_lines(struct media *m, struct draft *d)
{
	const struct media_leg *to = leg_of(m, d->leg[!d->offerer]);
	const struct conf_trunk *other = leg_of(m, d->leg[d->offerer])->trunk;
	const struct sdp *in = &m->ms->in;
	bool nothing = !any_on(in);

	out_begin(m->ms);
	for (unsigned i = 0; i < in->n_media || (nothing && !i); i++) {
		if (nothing && (i >= in->n_media || str_eq(in->media[i].kind, STR("audio")))) {
			default_line(m, to->trunk, other);
			nothing = false;
		} else {
			copy_line(m, &in->media[i], to);
		}
		own_line(m, d, i);
	}
	refuse_the_rest(m, d, m->ms->out.n_media);
	d->n_offered = (u8)m->ms->out.n_media;
	return any_on(&m->ms->out) ? 0 : -ENOTSUP;
}

static const struct known *view_of(const struct media *m, unsigned leg)
{
	const struct known *view = leg_of(m, leg)->view;

	return leg == MEDIA_THIRD && !view ? m->leg[m->third->replaces].view : view;
}

static int open_and_print(struct media *m, struct draft *d, struct buf *out)
{
	unsigned side = !d->offerer;
	int rc;

	d->told[side] = known_out(m->ms);
	if (!d->told[side])
		return -ENOMEM;
	rc = media_open(m, d);
	if (rc)
		return rc;
	rc = media_print(m, d->leg[side], out);
	if (rc)
		media_unopen(m, d);
	return rc;
}

int media_make_offer(struct media *m, unsigned leg, struct buf *out)
{
	struct draft *d;
	unsigned n = 1; /* lines at least */
	u8 legs[2];
	int rc;

	if (media_current(m))
		return -EBUSY;
	if (leg > MEDIA_THIRD || (leg == MEDIA_THIRD && !media_has_third(m)))
		return -EINVAL;
	unsigned side = draft_sides(m, leg, legs);
	if (!known_read(leg_of(m, leg)->told, &m->ms->in))
		n = m->ms->in.n_media;
	if (leg_of(m, leg)->stray && n < m->n_lines)
		n = m->n_lines;
	if (known_read(view_of(m, leg), &m->ms->in))
		m->ms->in.n_media = 0;
	d = draft_new(m, m->ms->in.n_media > n ? m->ms->in.n_media : n, legs);
	if (!d)
		return -ENOMEM;
	d->offerer = !side;
	d->ours = true;
	rc = own_lines(m, d);
	if (!rc)
		rc = open_and_print(m, d, out);
	if (rc) {
		draft_free(m->ms, d);
		return rc;
	}
	media_begin(m, d);
	return 0;
}

bool media_offer_is_news(const struct media *m)
{
	return m->draft && m->draft->news;
}

/* ---- answers from what is known ---- */

/* ms->in becomes what that side said last, and where it wanted its packets. */
static int recall(struct media *m, const struct draft *d, unsigned side)
{
	static const struct addr nowhere = { .family = 4 };
	struct sdp *in = &m->ms->in;
	int rc = known_read(leg_of(m, d->leg[side])->said, in);

	for (unsigned i = 0; i < in->n_media && !rc; i++) {
		const struct stream *s = stream_at(m, i);
		struct sdp_media *l = &in->media[i];
		if (!l->port || l->addr.family)
			continue;
		if (!s || !s->agreed) {
			l->port = 0;
			continue;
		}
		l->addr = s->now.remote[side].family ? s->now.remote[side] : nowhere;
		l->port = l->addr.port ? l->addr.port : l->port;
		l->addr.port = 0;
	}
	return rc ? -EBADMSG : 0;
}

static int answer_known(struct media *m, struct draft *d, struct buf *out)
{
	unsigned side = !d->offerer;
	struct stream *s = m->streams;
	int rc = recall(m, d, side);

	if (!rc) {
		sdes_recall(m, d, side);
		rc = media_take_answer(m, side, &leg_of(m, d->leg[side])->sig, out);
	}
	sdes_forget_recalled(m);
	if (rc)
		return rc;
	d->heard[side] = 0; /* as before */
	for (unsigned i = 0; i < d->n && s; i++, s = s->next)
		d->line[i].answer.terms.remote_rtcp[side] = s->now.remote_rtcp[side];
	return 0;
}

/* What was written for the answerer was news, and nobody tells it: it is owed that. */
static void leave_unsaid(struct media *m, struct draft *d)
{
	unsigned side = !d->offerer;

	known_set(m->ms, &d->view[side], d->told[side]);
	d->told[side] = NULL;
	d->news = false;
}

int media_answer_known(struct media *m)
{
	struct draft *d = m->draft;
	int rc = d && !d->ours ? answer_known(m, d, NULL) : -EINVAL;

	if (!rc && d->news)
		leave_unsaid(m, d);
	return rc;
}

/* What was never agreed cannot be answered for the other side. */
static void leave_new_lines_out(struct media *m, struct draft *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		const struct stream *s = stream_at(m, i);
		if (!s || (!s->id && !s->now.on))
			d->line[i].offer.on = false;
	}
}

static int answer_alone(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
			struct buf *out)
{
	struct draft *d;
	int rc = media_parse(m, sdp);

	if (!rc)
		rc = offer_read(m, leg, sig, &d);
	if (rc)
		return rc;
	leave_new_lines_out(m, d);
	unsigned side = !d->offerer;
	rc = media_open(m, d);
	m->draft = d;
	if (!rc)
		rc = answer_known(m, d, out);
	m->draft = NULL;
	if (rc) {
		draft_free(m->ms, d);
		return rc == -EBADMSG ? -ENOTSUP : rc;
	}
	known_set(m->ms, &d->view[side], d->told[side]);
	d->told[side] = NULL;
	media_apply(m, d);
	return 0;
}

/* The offer of the other side has another answer now, and this offer is answered by that one. */
static int answer_across(struct media *m, struct str sdp, const struct addr *sig, struct buf *out,
			 struct buf *other)
{
	struct draft *d = m->draft;
	unsigned side = !d->offerer;
	struct known *told;
	int rc = media_parse(m, sdp);

	d->across = true;
	if (!rc)
		rc = media_take_answer(m, side, sig, other);
	d->across = false;
	if (rc)
		return rc;
	draft_keep_fork(d, d->fork_id, sdp, sig);
	answer_mirror(m, side);
	told = known_out(m->ms);
	if (!told)
		return -ENOMEM;
	known_set(m->ms, &d->told[side], told);
	known_set(m->ms, &d->view[side], NULL); /* a debt of before is paid by this */
	return media_print(m, d->leg[side], out);
}

int media_answer_here(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
		      struct buf *out, struct buf *other)
{
	const struct draft *d = m->draft;

	if (media_has_third(m) && m->third->settled)
		return -EBUSY;
	if (leg == MEDIA_THIRD && !media_has_third(m))
		return -EINVAL;
	if (!d)
		return answer_alone(m, leg, sdp, sig, out);
	if (d->ours || d->chained || d->leg[!d->offerer] != leg)
		return -EBUSY;
	return answer_across(m, sdp, sig, out, other);
}

/* ---- what was said ---- */

bool media_owes_offer(const struct media *m, unsigned leg)
{
	if (leg == MEDIA_THIRD && !media_has_third(m))
		return false;
	const struct media_leg *l = leg_of(m, leg);
	const struct draft *d = leg == MEDIA_THIRD ? m->third->settled : NULL;

	if (d)
		return d->view[m->third->replaces] != NULL;
	return l->stray || l->view != l->told;
}

void media_stray(struct media *m, unsigned leg, struct str sdp)
{
	if (leg == MEDIA_THIRD || media_parse(m, sdp))
		return;
	for (unsigned i = m->n_lines; i < m->ms->in.n_media; i++) {
		struct stream *s = stream_at(m, i);

		if (!s)
			break;
		s->now.kind = (u8)kind_of(m->ms->in.media[i].kind);
		m->n_lines = (u8)(i + 1);
	}
	m->leg[leg].stray = true;
}

int media_repeat(struct media *m, unsigned leg, struct buf *out)
{
	const struct draft *d;

	if (leg == MEDIA_THIRD && !media_has_third(m))
		return -EINVAL;
	d = leg == MEDIA_THIRD ? m->third->settled : NULL;
	out_begin(m->ms);
	if (known_read(d ? d->told[m->third->replaces] : leg_of(m, leg)->told, &m->ms->out))
		return -EINVAL;
	return media_print(m, leg, out);
}

bool media_is_same(const struct media *m, unsigned leg, struct str sdp)
{
	if (leg == MEDIA_THIRD && !media_has_third(m))
		return false;
	const struct media_leg *l = leg_of(m, leg);

	return l->heard && !sdp_parse(sdp, &m->ms->in, NULL) && known_hash(m->ms) == l->heard;
}
