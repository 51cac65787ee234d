/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of a line, from leg to leg. Each leg has its own numbers (numbering.c): the offerer's come back to it in the
 * answer, and the engine translates (ptmap.c; RFC 3264 5.1, 6.1, 8.3.2). */
#include "media/media_priv.h"

/* ---- formats ---- */

static struct sdp_media *last(struct media_shard *ms)
{
	return &ms->out.media[ms->out.n_media - 1];
}

bool map_allows(const struct conf_trunk *t, const struct sdp_format *f)
{
	struct codec c;

	if (!codec_of(f, &c) || codec_listed(t->codecs_drop, c.name))
		return false;
	return codec_kind(&c) != FORM_EVENT || t->dtmf == CONF_DTMF_RTP;
}

static unsigned rank(const struct conf_trunk *t, const struct sdp_format *f)
{
	struct codec c;
	unsigned i = 0;

	if (!codec_of(f, &c))
		return UINT32_MAX;
	while (t->codecs_first[i] && !str_caseeq(str_of(t->codecs_first[i]), c.name))
		i++;
	return i;
}

void map_order(struct media_shard *ms, const struct conf_trunk *t)
{
	struct sdp_media *l = last(ms);

	if (!t->codecs_first)
		return;
	for (unsigned i = 1; i < l->n_formats; i++) { /* few, and mostly in order */
		struct sdp_format f = l->formats[i];
		unsigned r = rank(t, &f), k = i;
		for (; k && rank(t, &l->formats[k - 1]) > r; k--)
			l->formats[k] = l->formats[k - 1];
		l->formats[k] = f;
	}
}

/* ---- numbers inside values ---- */

struct numbers {
	u8 to[128]; /* SDP_PT_NONE: nothing */
};

static u8 number_of(const void *numbers, u8 pt)
{
	return ((const struct numbers *)numbers)->to[pt];
}

static struct str renumber(struct media_shard *ms, const struct sdp_format *f,
			   const struct numbers *n)
{
	struct buf b;

	if (!codec_names_pts(f))
		return f->fmtp;
	buf_init(&b, ms->words + ms->n_words, sizeof(ms->words) - ms->n_words);
	if (!codec_fmtp_pts(f, number_of, n, &b) || !buf_ok(&b))
		return STR_NONE;
	ms->n_words += b.n;
	return buf_str(&b);
}

static struct sdp_format *put(struct media_shard *ms, const struct sdp_format *f, u8 pt,
			      const struct numbers *n)
{
	struct sdp_format *to = sdp_add_format(&ms->out);

	if (!to)
		return NULL;
	*to = *f;
	to->pt = pt;
	to->fmtp = renumber(ms, f, n);
	return to;
}

static void put_event(struct media_shard *ms, u8 pt, u32 clock)
{
	struct sdp_format *f = sdp_add_format(&ms->out);

	if (f)
		*f = (struct sdp_format){ .name = STR("telephone-event"),
					  .fmtp = STR("0-15"),
					  .clock = clock,
					  .pt = pt };
}

static void put_feedback(struct media_shard *ms, const struct sdp_media *in,
			 const struct numbers *n)
{
	for (unsigned i = 0; i < in->n_fb; i++) {
		const struct sdp_fb *f = &in->fb[i];
		u8 pt = f->pt < 128 ? n->to[f->pt] : SDP_PT_NONE;
		if ((f->pt != SDP_PT_NONE && pt == SDP_PT_NONE) || !feedback_is_known(f->value))
			continue;
		struct sdp_fb *copy = sdp_add_fb(&ms->out);
		if (copy)
			*copy = (struct sdp_fb){ .value = f->value, .pt = pt };
	}
}

/* ---- offers ---- */

static const struct form *by_told(const struct line *l, u8 pt)
{
	for (unsigned i = 0; i < l->n_forms; i++)
		if (l->form[i].told == pt)
			return &l->form[i];
	return NULL;
}

/* Was that offered? By its number, whose meaning must be the same; or under another number; or as telephone-event of
 * another clock. */
static const struct form *was_offered(const struct line *l, const struct sdp_format *f,
				      const struct codec *c)
{
	const struct form *same = by_told(l, f->pt);
	u32 hash = codec_hash(c);

	if (same && (f->pt < 96 || same->codec == hash))
		return same;
	if (same && codec_kind(c) != FORM_EVENT)
		same = NULL;
	for (unsigned i = 0; i < l->n_forms; i++)
		if (l->form[i].told != SDP_PT_NONE && l->form[i].codec == hash)
			return &l->form[i];
	for (unsigned i = 0; i < l->n_forms && codec_kind(c) == FORM_EVENT; i++)
		if (l->form[i].told != SDP_PT_NONE && l->form[i].kind == FORM_EVENT)
			return &l->form[i];
	return NULL;
}

/* The last place is kept for the first telephone-event while none was taken and one is still to come. */
static bool last_place_is_kept(const struct sdp_media *in, unsigned at, const struct line *l)
{
	struct codec c;

	if (l->n_forms < FLOW_PTMAP_MAX - 1)
		return false;
	for (unsigned i = 0; i < l->n_forms; i++)
		if (l->form[i].kind == FORM_EVENT)
			return false;
	for (unsigned i = at; i < in->n_formats; i++)
		if (codec_of(&in->formats[i], &c) && codec_kind(&c) == FORM_EVENT)
			return i != at;
	return false;
}

static bool has_own(const struct line *l, u8 pt)
{
	for (unsigned i = 0; i < l->n_forms; i++)
		if (l->form[i].own == pt)
			return true;
	return false;
}

/* Which formats are heard; formats[] gets them. */
static void hear(const struct sdp_media *in, struct line *l, const struct side_rules *trunks,
		 const struct line *ours, const struct sdp_format *formats[FLOW_PTMAP_MAX])
{
	/* A place is kept for events of ours, too. */
	unsigned max = FLOW_PTMAP_MAX;
	struct codec c;

	if (trunks->offerer->dtmf != CONF_DTMF_RTP && trunks->answerer->dtmf == CONF_DTMF_RTP)
		max--;
	for (unsigned i = 0; i < in->n_formats && l->n_forms < max; i++) {
		const struct sdp_format *f = &in->formats[i];
		const struct form *was = NULL;
		if (!map_allows(trunks->offerer, f) || !codec_of(f, &c) || has_own(l, f->pt) ||
		    codec_listed(trunks->answerer->codecs_drop, c.name) ||
		    last_place_is_kept(in, i, l))
			continue;
		if (ours && !(was = was_offered(ours, f, &c)))
			continue;
		formats[l->n_forms] = f;
		l->form[l->n_forms++] = (struct form){
			.codec = codec_hash(&c),
			.clock = c.clock,
			.own = f->pt,
			.also = was && was->told != f->pt ? was->told : SDP_PT_NONE,
			.told = SDP_PT_NONE,
			.kind = (u8)codec_kind(&c),
		};
	}
}

static bool has_codec(const struct line *l)
{
	for (unsigned i = 0; i < l->n_forms; i++)
		if (l->form[i].kind == FORM_CODEC)
			return true;
	return false;
}

static bool lists_codec(const struct sdp_media *in)
{
	struct codec c;

	for (unsigned i = 0; i < in->n_formats; i++)
		if (codec_of(&in->formats[i], &c) && codec_kind(&c) == FORM_CODEC)
			return true;
	return false;
}

static bool has_clock(const struct media_shard *ms, unsigned n, u32 clock)
{
	const struct sdp_media *l = &ms->out.media[ms->out.n_media - 1];

	for (unsigned i = n; i < l->n_formats; i++)
		if (l->formats[i].clock == clock)
			return true;
	return false;
}

/* One for each clock of the codecs; first those of 8000 Hz, which everybody knows. */
static void add_events(struct media_shard *ms, struct numbering *n)
{
	unsigned had = last(ms)->n_formats;

	for (unsigned i = 0; i < had && last(ms)->n_formats < FLOW_PTMAP_MAX; i++) {
		struct codec c;
		if (!codec_of(&last(ms)->formats[i], &c) || codec_kind(&c) != FORM_CODEC ||
		    has_clock(ms, had, c.clock))
			continue;
		struct codec e = { STR("telephone-event"), c.clock };
		struct sdp_format f = { .pt = 101, .name = e.name, .fmtp = STR("0-15") };
		u8 pt = numbering_choose(n, &f, codec_hash(&e));
		if (pt == SDP_PT_NONE)
			return;
		n->used[pt] = true;
		put_event(ms, pt, c.clock);
	}
}

void map_add_events(struct media_shard *ms, const struct media_leg *to, unsigned line)
{
	const struct sdp_media *l = last(ms);
	struct numbering n;

	numbering_init(&n, ms, to, line);
	for (unsigned i = 0; i < l->n_formats; i++)
		if (l->formats[i].pt < 128)
			n.used[l->formats[i].pt] = true;
	add_events(ms, &n);
}

void map_note(const struct media_shard *ms, struct line *l, u8 own)
{
	const struct sdp_media *o = &ms->out.media[ms->out.n_media - 1];
	struct codec c;

	for (unsigned i = 0; i < o->n_formats && l->n_forms < FLOW_PTMAP_MAX; i++) {
		const struct sdp_format *f = &o->formats[i];
		if (by_told(l, f->pt) || !codec_of(f, &c))
			continue;
		l->form[l->n_forms++] = (struct form){ .codec = codec_hash(&c),
						       .clock = c.clock,
						       .own = own,
						       .also = SDP_PT_NONE,
						       .told = f->pt,
						       .kind = (u8)codec_kind(&c) };
	}
}

void map_offer(struct media *m, const struct sdp_media *in, struct line *l, unsigned i,
	       const struct media_leg *to, const struct conf_trunk *from, const struct line *ours)
{
	const struct side_rules trunks = { from, to->trunk };
	const struct sdp_format *formats[FLOW_PTMAP_MAX];
	struct media_shard *ms = m->ms;
	struct numbers n;
	struct numbering ng;

	hear(in, l, &trunks, ours, formats);
	if (!has_codec(l) && lists_codec(in))
		l->n_forms = 0; /* keys and noise alone are no call */
	numbering_init(&ng, ms, to, i);
	numbering_form(&ng, l, formats, to->trunk);
	memset(&n, SDP_PT_NONE, sizeof(n));
	for (unsigned k = 0; k < l->n_forms; k++)
		n.to[l->form[k].own] = l->form[k].told;
	for (unsigned k = 0; k < l->n_forms; k++)
		if (l->form[k].told != SDP_PT_NONE)
			put(ms, formats[k], l->form[k].told, &n);
	if (from->dtmf != CONF_DTMF_RTP && to->trunk->dtmf == CONF_DTMF_RTP &&
	    l->offer.kind == KIND_AUDIO && last(ms)->n_formats) {
		add_events(ms, &ng);
		map_note(ms, l, SDP_PT_NONE);
	}
	map_order(ms, to->trunk);
	if (l->offer.feedback)
		put_feedback(ms, in, &n);
}

/* ---- answers ---- */

static void take(const struct sdp_media *in, const struct line *l, const struct side_rules *trunks,
		 struct outcome *r, const struct sdp_format *formats[FLOW_PTMAP_MAX])
{
	struct codec c;

	for (unsigned i = 0; i < in->n_formats; i++) {
		const struct sdp_format *f = &in->formats[i];
		const struct form *was;
		if (!map_allows(trunks->answerer, f) || !codec_of(f, &c) ||
		    !(was = was_offered(l, f, &c)))
			continue;
		unsigned k = (unsigned)(was - l->form);
		if (r->pt[k] != SDP_PT_NONE)
			continue;
		r->pt[k] = f->pt;
		formats[r->n] = f;
		r->order[r->n++] = (u8)k;
	}
}

/* Of the telephone-event that counts, as the answerer has it. */
static u32 event_clock(const struct outcome *r, const struct sdp_format *const formats[])
{
	struct codec c;

	for (unsigned i = 0; i < r->n; i++)
		if (r->order[i] == r->event && codec_of(formats[i], &c))
			return c.clock;
	return 8000;
}

/* Numbers of the answerer, its own and those that it was offered, as the offerer has them. */
static void numbers_back(const struct line *l, const struct outcome *r, struct numbers *n)
{
	memset(n, SDP_PT_NONE, sizeof(*n));
	for (unsigned k = 0; k < l->n_forms; k++)
		if (r->pt[k] < 128)
			n->to[r->pt[k]] = l->form[k].own;
	for (unsigned k = 0; k < l->n_forms; k++)
		if (r->pt[k] != SDP_PT_NONE && l->form[k].told < 128)
			n->to[l->form[k].told] = l->form[k].own;
}

static void name_codec(const struct sdp_media *o, struct outcome *r)
{
	struct codec c;

	r->clock = 8000;
	for (unsigned i = 0; i < o->n_formats; i++) {
		if (!codec_of(&o->formats[i], &c) || (r->codec[0] && codec_kind(&c) != FORM_CODEC))
			continue;
		r->clock = c.clock;
		codec_name(&c, r->codec);
		if (codec_kind(&c) == FORM_CODEC)
			return;
	}
}

/* The telephone-event that counts: with the clock of the codec, where there is one. */
static u8 best_event(const struct line *l, const struct outcome *r, bool taken)
{
	u8 best = SDP_PT_NONE;

	for (unsigned k = 0; k < l->n_forms; k++) {
		const struct form *f = &l->form[k];
		bool there = taken ? f->told == SDP_PT_NONE && f->own != SDP_PT_NONE
				   : r->pt[k] != SDP_PT_NONE;
		if (f->kind != FORM_EVENT || !there)
			continue;
		if (f->clock == r->clock)
			return (u8)k;
		if (best == SDP_PT_NONE)
			best = (u8)k;
	}
	return best;
}

/* Something but noise and keys, if that was offered. */
static bool is_enough(const struct line *l, const struct outcome *r)
{
	bool offered = false;

	for (unsigned k = 0; k < l->n_forms; k++) {
		if (l->form[k].kind != FORM_CODEC || l->form[k].told == SDP_PT_NONE)
			continue;
		offered = true;
		if (r->pt[k] != SDP_PT_NONE)
			return true;
	}
	return !offered && r->n;
}

void map_answer(struct media *m, const struct sdp_media *in, const struct line *l,
		const struct side_rules *trunks, struct outcome *r)
{
	const struct sdp_format *formats[FLOW_PTMAP_MAX];
	struct media_shard *ms = m->ms;
	struct numbers n;

	take(in, l, trunks, r, formats);
	if (!is_enough(l, r)) {
		r->n = 0;
		return;
	}
	numbers_back(l, r, &n);
	for (unsigned i = 0; i < r->n; i++) {
		const struct form *f = &l->form[r->order[i]];
		if (f->own == SDP_PT_NONE)
			continue;
		struct sdp_format *o = put(ms, formats[i], f->own, &n);
		if (o && f->kind == FORM_EVENT && o->name.n)
			o->clock = f->clock;
	}
	map_order(ms, trunks->offerer);
	name_codec(last(ms), r);
	r->event = best_event(l, r, false);
	r->event_clock = event_clock(r, formats);
	if (r->event == SDP_PT_NONE && trunks->answerer->dtmf != CONF_DTMF_RTP) {
		r->event = best_event(l, r, true);
		r->taken = r->event != SDP_PT_NONE;
	}
	if (r->taken)
		put_event(ms, l->form[r->event].own, l->form[r->event].clock);
	if (l->offer.feedback)
		put_feedback(ms, in, &n);
}

static const struct sdp_format *format_of(const struct sdp_media *l, u8 pt)
{
	for (unsigned i = 0; l && i < l->n_formats; i++)
		if (l->formats[i].pt == pt)
			return &l->formats[i];
	return NULL;
}

void map_mirror(struct media *m, const struct sdp_media *offered, const struct line *l,
		const struct conf_trunk *to, const struct outcome *r)
{
	struct media_shard *ms = m->ms;
	struct numbers n;

	memset(&n, SDP_PT_NONE, sizeof(n));
	for (unsigned k = 0; k < l->n_forms; k++)
		if (l->form[k].own < 128)
			n.to[l->form[k].own] = r->pt[k];
	for (unsigned i = 0; i < r->n; i++) {
		unsigned k = r->order[i];
		const struct sdp_format *f = format_of(offered, l->form[k].own);
		if (f)
			put(ms, f, r->pt[k], &n);
		else if (l->form[k].kind == FORM_EVENT)
			put_event(ms, r->pt[k], r->event_clock);
	}
	map_order(ms, to);
	if (l->offer.feedback && offered)
		put_feedback(ms, offered, &n);
}
