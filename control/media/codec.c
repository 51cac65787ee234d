/* SPDX-License-Identifier: Apache-2.0 */
/* Payload types: RFC 3551 for those that need no a=rtpmap; everything else passes if well-formed.
 */
#include "media/media_priv.h"

static const struct {
	u8 pt;
	const char *name;
	u32 clock;
} assigned[] = {
	/* audio first: names are looked up here too */
	{ 0, "PCMU", 8000 },   { 3, "GSM", 8000 },    { 4, "G723", 8000 },   { 5, "DVI4", 8000 },
	{ 6, "DVI4", 16000 },  { 7, "LPC", 8000 },    { 8, "PCMA", 8000 },   { 9, "G722", 8000 },
	{ 10, "L16", 44100 },  { 11, "L16", 44100 },  { 12, "QCELP", 8000 }, { 13, "CN", 8000 },
	{ 14, "MPA", 90000 },  { 15, "G728", 8000 },  { 16, "DVI4", 11025 }, { 17, "DVI4", 22050 },
	{ 18, "G729", 8000 },  { 25, "CelB", 90000 }, { 26, "JPEG", 90000 }, { 28, "nv", 90000 },
	{ 31, "H261", 90000 }, { 32, "MPV", 90000 },  { 33, "MP2T", 90000 }, { 34, "H263", 90000 },
};

/* RFC 5109 10.2, RFC 3009: correction in a stream of its own, whose address would leak. */
static bool names_an_address(const struct sdp_format *f)
{
	return memmem(f->fmtp.p ? f->fmtp.p : "", f->fmtp.n, "IN IP", 5) != NULL;
}

bool codec_of(const struct sdp_format *f, struct codec *c)
{
	if (f->fmtp.n && names_an_address(f))
		return false;
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

enum form_kind codec_kind(const struct codec *c)
{
	if (str_caseeq(c->name, STR("telephone-event")))
		return FORM_EVENT;
	return str_caseeq(c->name, STR("CN")) ? FORM_NOISE : FORM_CODEC;
}

void codec_name(const struct codec *c, char name[CODEC_NAME_MAX])
{
	struct buf b;

	buf_init(&b, name, CODEC_NAME_MAX - 1);
	buf_put(&b, (struct str){ c->name.p, c->name.n < 12 ? c->name.n : 12 });
	buf_lit(&b, "/");
	buf_u64(&b, c->clock);
	name[b.n] = 0;
}

/* Without a number of their own, but known well enough to be offered. */
static const struct {
	const char *name;
	u32 clock;
	u8 channels;
} dynamic[] = {
	{ "opus", 48000, 2 }, { "AMR", 8000, 0 },  { "AMR-WB", 16000, 0 }, { "iLBC", 8000, 0 },
	{ "speex", 8000, 0 }, { "EVS", 16000, 0 }, { "G7221", 16000, 0 },  { "G726-32", 8000, 0 },
};

bool codec_by_name(const char *name, struct sdp_format *f)
{
	struct str s = str_of(name);

	*f = (struct sdp_format){ .pt = SDP_PT_NONE };
	for (size_t i = 0; i < sizeof(assigned) / sizeof(assigned[0]); i++) {
		if (!str_caseeq(s, str_of(assigned[i].name)))
			continue;
		*f = (struct sdp_format){ .name = str_of(assigned[i].name),
					  .clock = assigned[i].clock,
					  .pt = assigned[i].pt };
		return true;
	}
	for (size_t i = 0; i < sizeof(dynamic) / sizeof(dynamic[0]); i++) {
		if (!str_caseeq(s, str_of(dynamic[i].name)))
			continue;
		*f = (struct sdp_format){ .name = str_of(dynamic[i].name),
					  .clock = dynamic[i].clock,
					  .channels = dynamic[i].channels,
					  .pt = SDP_PT_NONE };
		return true;
	}
	return false;
}

bool codec_listed(const char *const *list, struct str name)
{
	for (; list && *list; list++)
		if (str_caseeq(str_of(*list), name))
			return true;
	return false;
}

/* RFC 4585, 5104; RTCP passes as it is, so these need nothing of us. */
bool feedback_is_known(struct str v)
{
	static const char *const known[] = { "nack",     "nack pli",  "nack sli",    "nack rpsi",
					     "ack rpsi", "ccm fir",   "ccm tmmbr",   "ccm tstr",
					     "ccm vbcm", "goog-remb", "transport-cc" };
	static const char *const with_number[] = { "trr-int ", "ccm tmmbr smaxpr=" };
	uint32_t n;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_caseeq(v, str_of(known[i])))
			return true;
	for (size_t i = 0; i < sizeof(with_number) / sizeof(with_number[0]); i++) {
		struct str head = str_of(with_number[i]);
		if (v.n > head.n && str_caseeq((struct str){ v.p, head.n }, head))
			return str_u32((struct str){ v.p + head.n, v.n - head.n }, UINT32_MAX,
				       &n) == 0;
	}
	return false;
}

/* ---- payload types within parameters ---- */

enum names_pts {
	NAMES_NONE,
	NAMES_RED, /* "98/98/98": RFC 2198, 4103 */
	NAMES_RTX  /* "apt=96;rtx-time=3000": RFC 4588 */
};

static enum names_pts names(const struct sdp_format *f)
{
	if (!f->fmtp.n)
		return NAMES_NONE;
	if (str_caseeq(f->name, STR("red")))
		return NAMES_RED;
	return str_caseeq(f->name, STR("rtx")) ? NAMES_RTX : NAMES_NONE;
}

bool codec_names_pts(const struct sdp_format *f)
{
	return names(f) != NAMES_NONE;
}

static bool put_mapped(struct str number, codec_pt *map, const void *arg, struct buf *b)
{
	uint32_t pt;

	if (str_u32(str_trim(number), 127, &pt) < 0)
		return false;
	u8 other = map(arg, (u8)pt);
	buf_u64(b, other);
	return other != SDP_PT_NONE;
}

static bool put_red(struct str v, codec_pt *map, const void *arg, struct buf *b)
{
	struct str pt;

	while (str_token(&v, '/', &pt)) {
		if (!put_mapped(pt, map, arg, b))
			return false;
		if (v.n)
			buf_lit(b, "/");
	}
	return true;
}

static bool put_rtx(struct str v, codec_pt *map, const void *arg, struct buf *b)
{
	struct str item;

	while (str_token(&v, ';', &item)) {
		struct str value = item, key;
		str_token(&value, '=', &key);
		if (!str_caseeq(str_trim(key), STR("apt"))) {
			buf_put(b, item);
		} else {
			buf_lit(b, "apt=");
			if (!put_mapped(value, map, arg, b))
				return false;
		}
		if (v.n)
			buf_lit(b, ";");
	}
	return true;
}

bool codec_fmtp_pts(const struct sdp_format *f, codec_pt *map, const void *arg, struct buf *b)
{
	struct buf before = *b;
	bool ok = true;

	switch (names(f)) {
	case NAMES_RED:
		ok = put_red(f->fmtp, map, arg, b);
		break;
	case NAMES_RTX:
		ok = put_rtx(f->fmtp, map, arg, b);
		break;
	case NAMES_NONE:
		buf_put(b, f->fmtp);
		break;
	}
	if (!ok)
		*b = before;
	return ok;
}
