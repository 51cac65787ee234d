/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3264, the reading half: what came in (ms->in) becomes terms, and what goes out is put
 * together in ms->out. Nothing of the session changes here. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

static bool is_zero(const struct addr *a)
{
	static const u8 zero[16];

	return a->family && !memcmp(a->ip, zero, sizeof(zero));
}

static u16 rtcp_port(const struct sdp_media *in)
{
	if (!in->rtcp.port)
		return in->port < 65535 ? (u16)(in->port + 1) : 0;
	/* RTCP at another host than RTP can't be said to the engine: then there is none. */
	if (in->rtcp.family && !addr_ip_eq(&in->rtcp, &in->addr))
		return 0;
	return in->rtcp.port;
}

/* Where that side wants its packets. False: where we don't send any. `old`: agreed before. */
static bool read_remote(const struct media *m, const struct draft *d, unsigned side,
			const struct sdp_media *in, const struct terms *old, struct terms *t)
{
	unsigned leg = d->leg[side];

	if (is_zero(&in->addr)) { /* hold as RFC 2543 has it: nothing is to be sent; what was known
				     stays */
		t->remote[side] = old->remote[side];
		t->remote_rtcp[side] = old->remote_rtcp[side];
		t->dir[side] &= SDP_SENDONLY;
		if (old->remote[side].family)
			t->family[side] = old->remote[side].family;
		return family_is_there(m, leg, t->family[side]);
	}
	if (!family_can_reach(m, leg, &in->addr))
		return false;
	t->remote[side] = in->addr;
	t->remote[side].port = in->port;
	t->remote_rtcp[side] = t->way == WAY_RTP ? rtcp_port(in) : 0;
	t->family[side] = in->addr.family;
	return true;
}

void terms_before(const struct media *m, const u8 legs[2], unsigned i, struct terms *t)
{
	const struct stream *s = stream_at(m, i);

	*t = s ? s->now : (struct terms){ 0 };
	for (unsigned side = 0; side < 2; side++) {
		if (legs[side] != MEDIA_THIRD)
			continue; /* what is known is the other's, whose place it takes */
		t->remote[side] = (struct addr){ 0 };
		t->remote_rtcp[side] = 0;
		t->ptime[side] = 0;
		t->family[side] = 0;
		t->mux[side] = t->savp[side] = false;
		t->suite[side] = FLOW_SUITE_NONE;
	}
}

void line_ptime(struct sdp_media *l, const struct conf_trunk *t)
{
	if (t->ptime_ms && str_eq(l->kind, STR("audio")))
		l->ptime = (u8)t->ptime_ms;
}

/* The m= line that goes to `side`, without formats. */
static struct sdp_media *add_line(struct media *m, const struct draft *d, unsigned side,
				  const struct sdp_media *in, struct terms *t)
{
	const struct conf_trunk *trunk = leg_of(m, d->leg[side])->trunk;
	struct sdp_media *out = sdp_add_media(&m->ms->out);

	if (!out)
		return NULL;
	out->kind = str_of(kind_name(t->kind));
	out->proto = t->way == WAY_UDPTL ? STR("udptl") : sdes_proto(t, side);
	out->dir = t->dir[!side];
	m->ms->family[m->ms->out.n_media - 1] = t->family[side];
	if (!t->on)
		return out;
	out->port = 1;
	out->ptime = in->ptime;
	out->maxptime = in->maxptime;
	line_ptime(out, trunk);
	memcpy(out->bandwidth, in->bandwidth, sizeof(out->bandwidth));
	out->has_bandwidth = in->has_bandwidth;
	out->rtcp_mux = t->way == WAY_RTP && t->mux[side];
	return out;
}

void line_strip(struct sdp *out)
{
	struct sdp_media *l = &out->media[out->n_media - 1];

	l->port = 0;
	l->addr = (struct addr){ 0 };
	l->t38.has = 0;
	l->n_crypto = 0;
	for (unsigned i = 0; i < l->n_formats; i++) {
		l->formats[i].name = l->formats[i].fmtp = STR_NONE;
		l->formats[i].clock = 0;
	}
	if (!l->n_formats)
		sdp_add_format(out)->pt = 0;
}

void line_take_back(struct sdp *out)
{
	const struct sdp_media *l = &out->media[--out->n_media];

	out->n_formats -= l->n_formats;
	out->n_fb -= l->n_fb;
	out->n_crypto -= l->n_crypto;
}

void out_begin(struct media_shard *ms)
{
	ms->out.n_media = ms->out.n_formats = ms->out.n_fb = ms->out.n_crypto = 0;
	ms->n_words = 0;
	memset(ms->family, 0, sizeof(ms->family));
}

/* ---- offer ---- */

/* A stream that goes on cannot become another kind in the middle of a leg's being replaced: its other leg goes on
 * with the line that it has. */
static bool fits(const struct media *m, const struct draft *d, unsigned i, u8 kind)
{
	const struct stream *s = stream_at(m, i);

	return !draft_has(d, MEDIA_THIRD) || !s || !s->agreed || !s->now.on || s->now.kind == kind;
}

/* What the engine relays: where its packets go and come from. */
static bool read_stream(const struct media *m, const struct draft *d, const struct sdp_media *in,
			const struct terms *old, struct terms *t)
{
	unsigned side = d->offerer;

	t->family[side] = in->port ? in->addr.family : old->family[side];
	t->family[!side] = family_for(m, d->leg[!side], &old->remote[!side]);
	return in->port && in->n_ports == 1 && read_remote(m, d, side, in, old, t);
}

static void offer_formats(struct media *m, const struct draft *d, unsigned i,
			  const struct line *ours, struct line *l)
{
	const struct sdp_media *in = &m->ms->in.media[i];
	const struct media_leg *to = leg_of(m, d->leg[!d->offerer]);

	if (l->offer.way == WAY_UDPTL)
		kind_copy_fax(in, &m->ms->out);
	else
		map_offer(m, in, l, i, to, leg_of(m, d->leg[d->offerer])->trunk, ours);
}

/* One line of the offer, and its like for the other side. `ours`: of our offer that this answers; or NULL. */
static void offer_line(struct media *m, struct draft *d, unsigned i, const struct line *ours)
{
	unsigned side = d->offerer;
	const struct sdp_media *in = &m->ms->in.media[i];
	struct line *l = &d->line[i];
	struct sdp *out = &m->ms->out;
	struct terms *t = &l->offer, old;
	const struct side_rules trunks = { leg_of(m, d->leg[side])->trunk,
					   leg_of(m, d->leg[!side])->trunk };
	bool carried = kind_is_carried(in, trunks.offerer->streams & trunks.answerer->streams, t);

	terms_before(m, d->leg, i, &old);
	kind_remember(&l->words, in);
	t->dir[side] = in->dir;
	if (ours)
		t->dir[side] &= (u8)sdp_dir_reverse(ours->offer.dir[!side]);
	carried = carried && fits(m, d, i, t->kind) && (!ours || ours->offer.on);
	if (carried && group_offer(m, in, &trunks, l, ours))
		return;
	carried = carried && sdes_may_carry(m, d->leg[!side], t->way);
	carried =
		carried && (!ours || (ours->offer.way == t->way && kind_is_same(in, &ours->offer)));
	t->on = carried && read_stream(m, d, in, &old, t);
	if (ours && t->family[side] != ours->offer.family[side])
		t->on = false; /* it does not know of such an address of ours */
	if (t->on && !sdes_read_offer(m, d, in, l, ours)) {
		t->on = false;
		d->downgrade |= old.on && old.suite[side];
	}
	if (!carried || (in->port && !t->on)) {
		kind_refuse(out, (enum media_kind)t->kind, in->proto);
		return;
	}
	if (!in->port)
		t->remote[side] = old.remote[side];
	t->dir[!side] = (u8)sdp_dir_reverse(t->dir[side]);
	t->ptime[side] = in->ptime;
	l->asked = rate_asked(in);
	t->mux[side] = in->rtcp_mux && (!ours || ours->offer.mux[side]);
	t->mux[!side] = old.mux[!side];
	t->savp[!side] = sdes_wants_savp(m, d, !side, &old);
	add_line(m, d, !side, in, t);
	offer_formats(m, d, i, ours, l);
	t->on = t->on && out->media[out->n_media - 1].n_formats;
	if (t->on)
		sdes_put_offer(m, d, !side, i, l);
	else
		line_strip(out);
}

static bool any_agreed(const struct media *m)
{
	for (const struct stream *s = m->streams; s; s = s->next)
		if (s->agreed)
			return true;
	return false;
}

/* Something is offered; or all that there was is switched off, which is one way to hold a call. */
static bool offer_is_good(const struct media *m, const struct draft *d)
{
	bool off = d->n_offered > 0;

	if (d->downgrade)
		log_notice(m->ms->log, "media",
			   "a stream was to go on without encryption: refused");
	for (unsigned i = 0; i < d->n && !d->downgrade; i++)
		if (d->line[i].offer.on)
			return true;
	for (unsigned i = 0; i < d->n_offered; i++)
		off &= m->ms->in.media[i].port == 0;
	return off && any_agreed(m) && !d->chained && !d->downgrade;
}

static bool kinds_fit(const struct media *m, const struct draft *d)
{
	const struct sdp *in = &m->ms->in;

	for (unsigned i = 0; i < in->n_media && i < d->n; i++)
		if (in->media[i].port && d->line[i].offer.on &&
		    kind_of(in->media[i].kind) != d->line[i].offer.kind)
			return false;
	return true;
}

/* What was said, as it is kept. What only follows from the other one's hold is no direction of its own. */
static struct known *keep_said(struct media *m, const struct draft *d, unsigned side,
			       const struct draft *asked)
{
	const struct sdp *in = &m->ms->in;
	u8 dir[SDP_MEDIA_MAX];
	bool before = !known_read(leg_of(m, d->leg[side])->said, &m->ms->old);

	for (unsigned i = 0; i < in->n_media; i++) {
		dir[i] = in->media[i].dir;
		if (is_zero(&in->media[i].addr))
			dir[i] &= SDP_SENDONLY;
		if (!asked || i >= asked->n || !in->media[i].port ||
		    dir[i] != sdp_dir_reverse(asked->line[i].offer.dir[!side]))
			continue;
		dir[i] = before && i < m->ms->old.n_media && m->ms->old.media[i].port
				 ? m->ms->old.media[i].dir | dir[i]
				 : SDP_SENDRECV;
	}
	return known_in(m->ms, dir);
}

struct known *answer_said(struct media *m, unsigned side)
{
	return keep_said(m, m->draft, side, m->draft);
}

void refuse_the_rest(struct media *m, struct draft *d, unsigned from)
{
	for (unsigned i = from; i < d->n; i++) {
		struct terms old;
		terms_before(m, d->leg, i, &old);
		d->line[i].offer.kind = old.kind;
		kind_refuse(&m->ms->out, (enum media_kind)old.kind, STR_NONE);
	}
}

static int offer_lines(struct media *m, struct draft *d, const struct draft *ours)
{
	for (unsigned i = 0; i < d->n_offered; i++) {
		if (ours && i >= ours->n)
			kind_refuse(&m->ms->out, kind_of(m->ms->in.media[i].kind), STR_NONE);
		else
			offer_line(m, d, i, ours ? &ours->line[i] : NULL);
	}
	refuse_the_rest(m, d, d->n_offered);
	return offer_is_good(m, d) ? 0 : -ENOTSUP;
}

int offer_read(struct media *m, unsigned leg, const struct addr *sig, struct draft **out)
{
	const struct sdp *in = &m->ms->in;
	const struct draft *ours = m->draft;
	struct draft *d;
	u8 legs[2];
	unsigned side = draft_sides(m, leg, legs), n = in->n_media;
	int rc;

	if (ours) {
		memcpy(legs, ours->leg, sizeof(legs));
		if (!kinds_fit(m, ours))
			return -EBADMSG;
		if (n < ours->n)
			n = ours->n;
	}
	if (!known_read(leg_of(m, legs[!side])->told, &m->ms->old) && n < m->ms->old.n_media)
		n = m->ms->old.n_media;
	d = draft_new(m, n, legs);
	if (!d)
		return -ENOMEM;
	d->offerer = (u8)side;
	d->n_offered = (u8)in->n_media;
	d->chained = ours != NULL;
	d->sig[side] = *sig;
	out_begin(m->ms);
	rc = offer_lines(m, d, ours);
	if (!rc) {
		d->told[!side] = known_out(m->ms);
		d->said[side] = keep_said(m, d, side, ours);
		d->heard[side] = known_hash(m->ms);
		if (ours)
			d->told[side] = known_ref(ours->told[side]);
		if (!d->told[!side] || !d->said[side])
			rc = -ENOMEM;
	}
	if (rc) {
		draft_free(m->ms, d);
		return rc;
	}
	*out = d;
	return 0;
}

/* ---- answer ---- */

static void outcome_init(struct outcome *r, const struct line *l)
{
	*r = (struct outcome){ .terms = l->offer, .event = SDP_PT_NONE, .clock = 8000 };
	memset(r->pt, SDP_PT_NONE, sizeof(r->pt));
}

/* What is taken of the line, to the m= line added last. */
static bool answer_formats(struct media *m, const struct sdp_media *in, const struct line *l,
			   const struct side_rules *trunks, struct outcome *r)
{
	struct sdp *out = &m->ms->out;

	if (r->terms.way != WAY_UDPTL) {
		map_answer(m, in, l, trunks, r);
		return r->n != 0;
	}
	if (l->words.kind[0])
		out->media[out->n_media - 1].proto =
			str_of(l->words.proto); /* some compare with case */
	kind_copy_fax(in, out);
	memcpy(r->codec, "t38", 4);
	return true;
}

/* False: it is refused. */
static bool answer_stream(struct media *m, unsigned side, const struct sdp_media *in,
			  const struct terms *old, struct terms *t)
{
	u8 offered = t->family[side];
	bool ok;

	t->dir[side] = in->dir & (u8)sdp_dir_reverse(t->dir[!side]);
	ok = read_remote(m, m->draft, side, in, old, t) && t->family[side] == offered;
	t->family[side] = offered;
	return ok;
}

/* What `side` answers to one line; its like for the offerer. */
static void answer_line(struct media *m, unsigned side, unsigned i, struct outcome *r)
{
	const struct draft *d = m->draft;
	const struct line *l = &d->line[i];
	const struct sdp_media *in = i < m->ms->in.n_media ? &m->ms->in.media[i] : NULL;
	const struct side_rules trunks = { leg_of(m, d->leg[!side])->trunk,
					   leg_of(m, d->leg[side])->trunk };
	struct sdp *out = &m->ms->out;
	struct terms *t = &r->terms, old;

	terms_before(m, d->leg, i, &old);
	t->on = t->on && in && in->port && kind_is_same(in, t);
	if (t->on && t->way == WAY_GROUP) {
		t->on = group_answer(m, in, l, r);
		if (t->on)
			return;
	}
	t->on = t->on && answer_stream(m, side, in, &old, t) && sdes_read_answer(m, side, in, l, r);
	if (!t->on) {
		t->remote[side] = old.remote[side];
		kind_refuse_words(out, &l->words, (enum media_kind)t->kind);
		return;
	}
	t->dir[!side] = (u8)sdp_dir_reverse(t->dir[side]);
	t->ptime[side] = in->ptime;
	t->mux[side] = t->mux[side] && in->rtcp_mux;
	add_line(m, d, !side, in, t);
	if (answer_formats(m, in, l, &trunks, r)) {
		sdes_put_answer(m, l->tag, t->suite[!side]);
		r->rate[side] = rate_agreed(in, t, l->asked);
		r->rate[!side] = rate_agreed(in, t, rate_asked(in));
		return;
	}
	t->on = false;
	line_take_back(out);
	kind_refuse_words(out, &l->words, (enum media_kind)t->kind);
}

int answer_read(struct media *m, unsigned side, struct outcome to[SDP_MEDIA_MAX])
{
	const struct draft *d = m->draft;
	bool offered = false, any = false;

	if (!kinds_fit(m, d))
		return -EBADMSG;
	out_begin(m->ms);
	for (unsigned i = 0; i < d->n; i++) {
		outcome_init(&to[i], &d->line[i]);
		offered |= d->line[i].offer.on;
		if (i < d->n_offered)
			answer_line(m, side, i, &to[i]);
		any |= to[i].terms.on;
	}
	return any || !offered ? 0 : -ENOTSUP;
}

static void mirror_line(struct media *m, unsigned side, const struct line *l,
			const struct sdp_media *in, const struct sdp_media *offered)
{
	const struct draft *d = m->draft;
	struct terms t = l->answer.terms;
	struct outcome r;

	if (t.way == WAY_GROUP) {
		outcome_init(&r, l);
		group_answer(m, in, l, &r);
		return;
	}
	t.mux[side] = in->rtcp_mux && t.mux[side];
	add_line(m, d, side, offered ? offered : in, &t);
	if (t.way == WAY_UDPTL)
		kind_copy_fax(offered ? offered : in, &m->ms->out);
	else
		map_mirror(m, offered, l, leg_of(m, d->leg[side])->trunk, &l->answer);
	sdes_put_answer(m, l->answer.tag, t.suite[side]);
}

/* ms->in, an offer of the answerer's, was taken as its answer: what it is answered with. */
void answer_mirror(struct media *m, unsigned side)
{
	const struct draft *d = m->draft;
	const struct sdp *in = &m->ms->in;
	bool known = !known_read(d->said[!side], &m->ms->old);

	out_begin(m->ms);
	for (unsigned i = 0; i < in->n_media; i++) {
		const struct line *l = i < d->n_offered ? &d->line[i] : NULL;
		const struct sdp_media *offered =
			known && i < m->ms->old.n_media ? &m->ms->old.media[i] : NULL;
		if (i < d->n_offered && l->answer.terms.on) {
			mirror_line(m, side, l, &in->media[i], offered);
			continue;
		}
		kind_remember(&m->ms->refused[i], &in->media[i]);
		kind_refuse_words(&m->ms->out, &m->ms->refused[i], kind_of(in->media[i].kind));
	}
}
