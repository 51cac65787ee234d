/* SPDX-License-Identifier: Apache-2.0 */
/* Payload types: RFC 3551 for those that need no a=rtpmap; everything else passes if well-formed.
 */
#include "media/media_priv.h"

static const struct {
	u8 pt;
	const char *name;
	u32 clock;
} assigned[] = {
	{ 0, "PCMU", 8000 },   { 3, "GSM", 8000 },    { 4, "G723", 8000 },   { 5, "DVI4", 8000 },
	{ 6, "DVI4", 16000 },  { 7, "LPC", 8000 },    { 8, "PCMA", 8000 },   { 9, "G722", 8000 },
	{ 10, "L16", 44100 },  { 11, "L16", 44100 },  { 12, "QCELP", 8000 }, { 13, "CN", 8000 },
	{ 14, "MPA", 90000 },  { 15, "G728", 8000 },  { 16, "DVI4", 11025 }, { 17, "DVI4", 22050 },
	{ 18, "G729", 8000 },  { 25, "CelB", 90000 }, { 26, "JPEG", 90000 }, { 28, "nv", 90000 },
	{ 31, "H261", 90000 }, { 32, "MPV", 90000 },  { 33, "MP2T", 90000 }, { 34, "H263", 90000 },
};

bool codec_of(const struct sdp_format *f, struct codec *c)
{
	/* 64 to 95 with the marker bit look like RTCP: RFC 5761 4. */
	if (f->pt > 127 || (f->pt >= 64 && f->pt < 96))
		return false;
	if (f->name.n) {
		*c = (struct codec){ f->name, f->clock };
		return true;
	}
	for (size_t i = 0; i < sizeof(assigned) / sizeof(assigned[0]); i++) {
		if (assigned[i].pt != f->pt)
			continue;
		*c = (struct codec){ str_of(assigned[i].name), assigned[i].clock };
		return true;
	}
	return false;
}

/* FNV-1a, letters without case; the number of channels is often forgotten in answers. Compared only
 * within the few codecs of one stream. */
u32 codec_hash(const struct codec *c)
{
	u32 h = 2166136261u;

	for (size_t i = 0; i < c->name.n; i++) {
		u8 x = (u8)c->name.p[i];
		h = (h ^ (x >= 'A' && x <= 'Z' ? x | 0x20 : x)) * 16777619u;
	}
	return (h ^ c->clock) * 16777619u;
}

static bool is_event(const struct sdp_format *f)
{
	return str_caseeq(f->name, STR("telephone-event"));
}

static bool has_pt(const struct sdp_media *m, u8 pt)
{
	for (unsigned i = 0; i < m->n_formats; i++)
		if (m->formats[i].pt == pt)
			return true;
	return false;
}

/* The last place is kept for the first telephone-event while none was taken and one is still to
 * come. */
static bool last_place_is_kept(const struct sdp_media *in, unsigned at,
			       const struct sdp_media *taken)
{
	if (taken->n_formats < FLOW_PTMAP_MAX - 1 || is_event(&in->formats[at]))
		return false;
	for (unsigned i = 0; i < taken->n_formats; i++)
		if (is_event(&taken->formats[i]))
			return false;
	for (unsigned i = at + 1; i < in->n_formats; i++)
		if (is_event(&in->formats[i]))
			return true;
	return false;
}

unsigned codec_copy(const struct sdp_media *in, bool (*keep)(void *arg, const struct sdp_format *f),
		    void *arg, struct sdp *out)
{
	struct sdp_media *to = &out->media[out->n_media - 1];
	struct codec c;

	for (unsigned i = 0; i < in->n_formats && to->n_formats < FLOW_PTMAP_MAX; i++) {
		const struct sdp_format *f = &in->formats[i];
		if (!codec_of(f, &c) || has_pt(to, f->pt) || last_place_is_kept(in, i, to))
			continue;
		if (keep && !keep(arg, f))
			continue;
		struct sdp_format *copy = sdp_add_format(out);
		if (!copy)
			break;
		*copy = *f;
	}
	return to->n_formats;
}

static void put_name(const struct codec *c, char name[CODEC_NAME_MAX])
{
	struct buf b;

	buf_init(&b, name, CODEC_NAME_MAX - 1);
	buf_put(&b, (struct str){ c->name.p, c->name.n < 12 ? c->name.n : 12 });
	buf_lit(&b, "/");
	buf_u64(&b, c->clock);
	name[b.n] = 0;
}

void codec_first(const struct sdp_media *m, u32 *clock, char name[CODEC_NAME_MAX])
{
	struct codec c;

	*clock = 8000;
	name[0] = 0;
	for (unsigned i = 0; i < m->n_formats; i++) {
		if (!codec_of(&m->formats[i], &c))
			continue;
		if (name[0] && is_event(&m->formats[i]))
			continue;
		*clock = c.clock;
		put_name(&c, name);
		if (!is_event(&m->formats[i]))
			return;
	}
}

void codec_copy_feedback(const struct sdp_media *in, struct sdp *out)
{
	static const char *const known[] = { "nack",    "nack pli",  "nack sli", "nack rpsi",
					     "ccm fir", "ccm tmmbr", "ccm tstr", "goog-remb" };
	const struct sdp_media *to = &out->media[out->n_media - 1];

	for (unsigned i = 0; i < in->n_fb; i++) {
		const struct sdp_fb *f = &in->fb[i];
		if (f->pt != SDP_PT_NONE && !has_pt(to, f->pt))
			continue;
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			struct sdp_fb *copy = NULL;
			if (str_eq(f->value, str_of(known[k])))
				copy = sdp_add_fb(out);
			if (copy)
				*copy = *f;
		}
	}
}
