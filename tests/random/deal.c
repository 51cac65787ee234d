/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "deal.h"

static uint64_t hash(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211ull;
	return h;
}

int deal_read(struct str text, struct deal_sdp *out)
{
	struct str line;
	struct sdp s;

	*out = (struct deal_sdp){ .text = 14695981039346656037ull };
	if (sdp_parse(text, &s, NULL))
		return -EBADMSG;
	out->id = s.id;
	out->version = s.version;
	out->n = s.n_media;
	while (str_line(&text, &line)) {
		if (!str_starts(line, STR("o=")))
			out->text = hash(out->text, line);
	}
	for (unsigned i = 0; i < s.n_media; i++) {
		const struct sdp_media *m = &s.media[i];
		size_t n = m->kind.n < sizeof(out->media[i].kind) ? m->kind.n
								  : sizeof(out->media[i].kind) - 1;

		memcpy(out->media[i].kind, m->kind.p, n);
		out->media[i].port = m->port;
		out->media[i].dir = m->dir;
		for (unsigned k = 0; k < m->n_formats && k < DEAL_FORMATS; k++)
			out->media[i].pts[out->media[i].n_pts++] = m->formats[k].pt;
	}
	return 0;
}

/* RFC 3264 5, 8. */
const char *deal_said(struct deal_leg *l, const struct deal_sdp *s)
{
	struct deal_sdp was = l->last;
	bool first = !l->any;

	l->any = true;
	l->last = *s;
	if (first)
		return NULL;
	if (s->id != was.id)
		return "the o= line has another session";
	if (s->text == was.text && s->version != was.version)
		return "the version in o= changed, and nothing else";
	if (s->text != was.text && s->version == was.version)
		return "the description changed under one version in o=";
	if (s->version != was.version && s->version != was.version + 1)
		return "the version in o= did not rise by one";
	return NULL;
}

/* RFC 3264 8: what a refused offer said does not count. */
static const char *compare_agreed(const struct deal *o, const struct deal_sdp *s)
{
	if (s->n < o->agreed.n)
		return "m= lines are missing";
	for (unsigned i = 0; i < o->agreed.n; i++) {
		if (o->agreed.media[i].port && strcmp(o->agreed.media[i].kind, s->media[i].kind))
			return "an m= line became another kind";
	}
	return NULL;
}

const char *deal_offer(struct deal *o, enum deal_open whose, const struct deal_sdp *s,
		       uint32_t cseq, bool by_reply)
{
	if (o->open != DEAL_NONE) /* the peer's glare is for sluice to refuse */
		return whose == DEAL_THEIRS   ? NULL
		       : o->open == DEAL_OURS ? "sluice offers while an offer of its own is open"
					      : "sluice offers while an offer is owed an answer";
	*o = (struct deal){
		.open = whose, .cseq = cseq, .by_reply = by_reply, .offer = *s, .agreed = o->agreed
	};
	return whose == DEAL_OURS ? compare_agreed(o, s) : NULL;
}

static bool has_pt(const uint8_t *pts, unsigned n, uint8_t pt)
{
	for (unsigned i = 0; i < n; i++) {
		if (pts[i] == pt)
			return true;
	}
	return n == DEAL_FORMATS;
}

/* RFC 3264 6. */
static const char *compare(const struct deal_sdp *offer, const struct deal_sdp *a)
{
	if (a->n != offer->n)
		return "the answer has another number of m= lines than the offer";
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->media[i].kind, offer->media[i].kind))
			return "an m= line of the answer is of another kind than the offer's";
		if (!a->media[i].port)
			continue;
		if (!offer->media[i].port)
			return "the answer accepts what was offered with port 0";
		if (a->media[i].dir & ~sdp_dir_reverse(offer->media[i].dir))
			return "the direction of the answer does not fit the offer";
		for (unsigned k = 0; k < a->media[i].n_pts; k++) {
			if (!has_pt(offer->media[i].pts, offer->media[i].n_pts, a->media[i].pts[k]))
				return "the answer has a payload type that was not offered";
		}
	}
	return NULL;
}

const char *deal_answer(struct deal *o, enum deal_open whose, const struct deal_sdp *s,
			bool preview)
{
	const char *why;

	if (whose == DEAL_THEIRS) { /* the peer answers */
		if (o->open != DEAL_OURS || preview)
			return NULL;
		o->open = DEAL_NONE;
		o->agreed = o->offer;
		return NULL;
	}
	if (o->open != DEAL_THEIRS)
		return "sluice answers, and no offer is open";
	why = compare(&o->offer, s);
	if (!why && o->previewed && o->preview != s->text)
		why = "the answer is another one than that in an earlier 18x";
	o->previewed = true;
	o->preview = s->text;
	if (preview)
		return why;
	o->open = DEAL_NONE;
	o->agreed = *s;
	return why;
}
