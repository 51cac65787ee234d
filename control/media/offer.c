/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3264, the reading half: what came in (ms->in) becomes terms, and what goes out is put
 * together in ms->out. Nothing of the session changes here. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

static const struct terms no_terms;

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

/* Where that leg wants its packets. False: where we don't send any. `old`: agreed before. */
static bool read_remote(const struct media *m, unsigned leg, const struct sdp_media *in,
			const struct terms *old, struct terms *t)
{
	if (is_zero(&in->addr)) { /* hold as RFC 2543 has it: nothing is to be sent; what was known
				     stays */
		t->remote[leg] = old->remote[leg];
		t->remote_rtcp[leg] = old->remote_rtcp[leg];
		t->dir[leg] &= SDP_SENDONLY;
		return true;
	}
	if (!kind_can_reach(media_network(m, leg), &in->addr))
		return false;
	t->remote[leg] = in->addr;
	t->remote[leg].port = in->port;
	t->remote_rtcp[leg] = rtcp_port(in);
	return true;
}

static bool has_pt(const struct terms *t, u8 pt)
{
	for (unsigned i = 0; i < t->n_pt; i++)
		if (t->pt[i] == pt)
			return true;
	return false;
}

static void add_pt(struct terms *t, u8 pt)
{
	if (t->n_pt < FLOW_PTMAP_MAX && !has_pt(t, pt))
		t->pt[t->n_pt++] = pt;
}

/* The m= line that goes to `leg`, without formats. */
static struct sdp_media *add_line(struct media *m, unsigned leg, const struct sdp_media *in,
				  const struct terms *t)
{
	const struct conf_network *n = media_network(m, leg);
	struct sdp_media *out = sdp_add_media(&m->ms->out);

	if (!out)
		return NULL;
	out->kind = str_of(kind_name(t->kind));
	out->proto = t->feedback ? STR("RTP/AVPF") : STR("RTP/AVP");
	out->addr = n->public.family ? n->public : n->address;
	out->dir = t->dir[!leg];
	if (!t->on)
		return out;
	out->ptime = in->ptime;
	out->maxptime = in->maxptime;
	memcpy(out->bandwidth, in->bandwidth, sizeof(out->bandwidth));
	out->has_bandwidth = in->has_bandwidth;
	out->rtcp_mux = t->mux[leg];
	return out;
}

/* A stream that is off keeps its payload types only, one at least. */
static void strip(struct sdp *out)
{
	struct sdp_media *l = &out->media[out->n_media - 1];

	for (unsigned i = 0; i < l->n_formats; i++) {
		l->formats[i].name = l->formats[i].fmtp = STR_NONE;
		l->formats[i].clock = 0;
	}
	if (!l->n_formats)
		sdp_add_format(out)->pt = 0;
}

/* ---- offer ---- */

static void copy(char *to, size_t cap, struct str s)
{
	if (s.n >= cap)
		s.n = 0;
	memcpy(to, s.n ? s.p : "", s.n);
	to[s.n] = 0;
}

static void remember_words(struct line *l, const struct sdp_media *in)
{
	copy(l->kind, sizeof(l->kind), in->kind);
	copy(l->proto, sizeof(l->proto), in->proto);
	copy(l->format, sizeof(l->format), in->formats[0].id);
}

static const struct terms *agreed(const struct media *m, unsigned i)
{
	const struct stream *s = stream_at(m, i);

	return s ? &s->now : &no_terms;
}

static void offer_formats(struct sdp *out, const struct sdp_media *in, struct line *l)
{
	struct sdp_media *o = &out->media[out->n_media - 1];
	char name[CODEC_NAME_MAX];
	struct codec c;

	codec_copy(in, NULL, NULL, out);
	for (unsigned i = 0; i < o->n_formats; i++) {
		l->offer.pt[i] = o->formats[i].pt;
		l->codec[i] = codec_of(&o->formats[i], &c) ? codec_hash(&c) : 0;
	}
	l->offer.n_pt = o->n_formats;
	codec_first(o, &l->offer.clock, name);
	if (l->offer.feedback)
		codec_copy_feedback(in, out);
}

/* One line of the offer on `leg`, and its like for the other leg. */
static void offer_line(struct media *m, unsigned leg, unsigned i, struct line *l)
{
	const struct sdp_media *in = &m->ms->in.media[i];
	const struct terms *old = agreed(m, i);
	struct sdp *out = &m->ms->out;
	struct terms *t = &l->offer;

	remember_words(l, in);
	t->kind = (u8)kind_of(in->kind);
	t->dir[leg] = in->dir;
	t->on = kind_is_carried(in, &t->feedback) && in->port;
	if (t->on)
		t->on = read_remote(m, leg, in, old, t);
	if (!kind_is_carried(in, &t->feedback) || (in->port && !t->on)) {
		kind_refuse(out, (enum media_kind)t->kind, in->proto);
		return;
	}
	if (!in->port)
		t->remote[leg] = old->remote[leg];
	t->dir[!leg] = (u8)sdp_dir_reverse(t->dir[leg]);
	t->ptime[leg] = in->ptime;
	t->mux[leg] = in->rtcp_mux;
	t->mux[!leg] = old->mux[!leg];
	add_line(m, !leg, in, t);
	offer_formats(out, in, l);
	t->on = t->on && t->n_pt;
	if (!t->on)
		strip(out);
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

	for (unsigned i = 0; i < d->n; i++)
		if (d->line[i].offer.on)
			return true;
	for (unsigned i = 0; i < d->n_offered; i++)
		off &= m->ms->in.media[i].port == 0;
	return off && any_agreed(m);
}

int offer_read(struct media *m, unsigned leg, const struct addr *sig, struct draft **out)
{
	const struct sdp *in = &m->ms->in;
	unsigned n = in->n_media > m->n_lines ? in->n_media : m->n_lines;
	struct draft *d = calloc(1, sizeof(*d) + n * sizeof(d->line[0]));

	if (!d)
		return -ENOMEM;
	d->offerer = (u8)leg;
	d->n = (u8)n;
	d->n_offered = (u8)in->n_media;
	d->sig[leg] = *sig;
	m->ms->out.n_media = m->ms->out.n_formats = m->ms->out.n_fb = 0;
	for (unsigned i = 0; i < in->n_media; i++)
		offer_line(m, leg, i, &d->line[i]);
	for (unsigned i = in->n_media; i < n; i++) { /* the number of lines never shrinks */
		d->line[i].offer.kind = agreed(m, i)->kind;
		kind_refuse(&m->ms->out, (enum media_kind)agreed(m, i)->kind, STR_NONE);
	}
	if (!offer_is_good(m, d)) {
		free(d);
		return -ENOTSUP;
	}
	*out = d;
	return 0;
}

/* ---- answer ---- */

static void refuse(struct sdp *out, const struct line *l)
{
	if (!l->kind[0] || !l->proto[0] || !l->format[0]) {
		kind_refuse(out, (enum media_kind)l->offer.kind, STR_NONE);
		return;
	}
	struct sdp_media *o = sdp_add_media(out);
	o->kind = str_of(l->kind);
	o->proto = str_of(l->proto);
	o->dir = SDP_INACTIVE;
	sdp_add_format(out)->id = str_of(l->format);
}

/* Was that offered? By its number, whose meaning must be the same; or under another number. */
static bool was_offered(void *arg, const struct sdp_format *f)
{
	const struct line *l = arg;
	struct codec c;

	if (!codec_of(f, &c))
		return false;
	for (unsigned i = 0; i < l->offer.n_pt; i++)
		if (l->offer.pt[i] == f->pt)
			return f->pt < 96 || l->codec[i] == codec_hash(&c);
	for (unsigned i = 0; i < l->offer.n_pt; i++)
		if (l->codec[i] == codec_hash(&c))
			return true;
	return false;
}

/* Who answers with another number sends and gets each with its own: both pass. */
static void answer_formats(struct line *l, const struct sdp_media *in, struct sdp *out,
			   struct terms *t)
{
	struct sdp_media *o = &out->media[out->n_media - 1];
	char name[CODEC_NAME_MAX];
	struct codec c;

	codec_copy(in, was_offered, l, out);
	t->n_pt = 0;
	for (unsigned i = 0; i < o->n_formats; i++)
		add_pt(t, o->formats[i].pt);
	for (unsigned i = 0; i < o->n_formats; i++) {
		if (has_pt(&l->offer, o->formats[i].pt) || !codec_of(&o->formats[i], &c))
			continue;
		for (unsigned k = 0; k < l->offer.n_pt; k++)
			if (l->codec[k] == codec_hash(&c))
				add_pt(t, l->offer.pt[k]);
	}
	codec_first(o, &t->clock, name);
	if (t->feedback)
		codec_copy_feedback(in, out);
}

static void take_line_back(struct sdp *out)
{
	const struct sdp_media *l = &out->media[--out->n_media];

	out->n_formats -= l->n_formats;
	out->n_fb -= l->n_fb;
}

/* What `leg` answers to one line; its like for the offerer. t begins as it was offered. */
static void answer_line(struct media *m, unsigned leg, unsigned i, struct terms *t)
{
	struct line *l = &m->draft->line[i];
	const struct sdp_media *in = i < m->ms->in.n_media ? &m->ms->in.media[i] : NULL;
	struct sdp *out = &m->ms->out;
	bool feedback;

	*t = l->offer;
	t->on = t->on && in && in->port && kind_is_carried(in, &feedback);
	if (t->on) {
		t->dir[leg] = in->dir & (u8)sdp_dir_reverse(t->dir[!leg]);
		t->on = read_remote(m, leg, in, agreed(m, i), t);
	}
	if (!t->on) {
		t->remote[leg] = agreed(m, i)->remote[leg];
		refuse(out, l);
		return;
	}
	t->dir[!leg] = (u8)sdp_dir_reverse(t->dir[leg]);
	t->ptime[leg] = in->ptime;
	t->mux[leg] = t->mux[leg] && in->rtcp_mux;
	add_line(m, !leg, in, t);
	answer_formats(l, in, out, t);
	if (t->n_pt)
		return;
	t->on = false;
	take_line_back(out);
	refuse(out, l);
}

static bool kinds_fit(const struct media *m)
{
	const struct sdp *in = &m->ms->in;

	for (unsigned i = 0; i < in->n_media && i < m->draft->n; i++)
		if (in->media[i].port && m->draft->line[i].offer.on &&
		    kind_of(in->media[i].kind) != m->draft->line[i].offer.kind)
			return false;
	return true;
}

int answer_read(struct media *m, unsigned leg, struct terms terms[SDP_MEDIA_MAX])
{
	const struct draft *d = m->draft;
	bool offered = false, any = false;

	if (!kinds_fit(m))
		return -EBADMSG;
	m->ms->out.n_media = m->ms->out.n_formats = m->ms->out.n_fb = 0;
	for (unsigned i = 0; i < d->n; i++) {
		offered |= d->line[i].offer.on;
		if (i < d->n_offered)
			answer_line(m, leg, i, &terms[i]);
		else
			terms[i] = d->line[i].offer;
		any |= terms[i].on;
	}
	return any || !offered ? 0 : -ENOTSUP;
}
