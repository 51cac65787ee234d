/* SPDX-License-Identifier: Apache-2.0 */
/* Payload types of an offer: the answerer is told what it knows already, and a number that meant something in this
 * session never means something else (RFC 3264 8.3.2). */
#include "media/media_priv.h"

void numbering_init(struct numbering *n, struct media_shard *ms, const struct media_leg *to,
		    unsigned line)
{
	*n = (struct numbering){ .numbers = to->numbers, .line = line };
	if (!known_read(to->told, &ms->old) && line < ms->old.n_media)
		n->told = &ms->old.media[line];
}

static u8 told_before(const struct numbering *n, const struct sdp_format *f, u32 hash, bool exact)
{
	struct codec c;

	for (unsigned i = 0; n->told && i < n->told->n_formats; i++) {
		const struct sdp_format *t = &n->told->formats[i];
		if (t->pt < 128 && !n->used[t->pt] && codec_of(t, &c) && codec_hash(&c) == hash &&
		    (!exact || str_eq(t->fmtp, f->fmtp)))
			return t->pt;
	}
	return SDP_PT_NONE;
}

static bool is_free(const struct numbering *n, u8 pt, u32 hash)
{
	u32 meant = numbers_codec(n->numbers, n->line, pt);

	return !n->used[pt] && (!meant || meant == hash);
}

static u8 new_number(const struct numbering *n)
{
	static const u8 range[][2] = { { 96, 127 }, { 35, 63 } };

	for (unsigned i = 0; i < 2; i++)
		for (u8 pt = range[i][0]; pt <= range[i][1]; pt++)
			if (!n->wanted[pt] && is_free(n, pt, 0))
				return pt;
	return SDP_PT_NONE;
}

u8 numbering_choose(struct numbering *n, const struct sdp_format *f, u32 hash)
{
	u8 pt = told_before(n, f, hash, true);

	if (pt == SDP_PT_NONE)
		pt = told_before(n, f, hash, false);
	if (pt == SDP_PT_NONE && f->pt < 128 && is_free(n, f->pt, hash))
		pt = f->pt;
	for (unsigned i = 0; pt == SDP_PT_NONE; i++) {
		u8 was = numbers_find(n->numbers, n->line, hash, i);
		if (was == SDP_PT_NONE)
			break;
		if (!n->used[was])
			pt = was;
	}
	return pt == SDP_PT_NONE ? new_number(n) : pt;
}

void numbering_form(struct numbering *n, struct line *l, const struct sdp_format *const formats[],
		    const struct conf_trunk *to)
{
	for (unsigned i = 0; i < l->n_forms; i++) {
		struct form *f = &l->form[i];
		n->wanted[f->own] = true;
		if (!map_allows(to, formats[i]) || pt_is_dynamic(f->own))
			continue;
		f->told = f->own;
		n->used[f->told] = true;
	}
	for (unsigned i = 0; i < l->n_forms; i++) {
		struct form *f = &l->form[i];
		if (!map_allows(to, formats[i]) || !pt_is_dynamic(f->own))
			continue;
		f->told = numbering_choose(n, formats[i], f->codec);
		if (f->told != SDP_PT_NONE)
			n->used[f->told] = true;
	}
}
