/* SPDX-License-Identifier: Apache-2.0 */
/* Which streams are carried, how, and what is written in place of those that are not. */
#include "media/media_priv.h"

static const struct {
	const char *name;
	u8 stream; /* enum conf_streams; 0: never carried */
} kinds[] = {
	[KIND_AUDIO] = { "audio", CONF_STREAM_AUDIO },
	[KIND_VIDEO] = { "video", CONF_STREAM_VIDEO },
	[KIND_TEXT] = { "text", CONF_STREAM_TEXT },
	[KIND_APPLICATION] = { "application", 0 },
	[KIND_IMAGE] = { "image", CONF_STREAM_FAX },
	[KIND_MESSAGE] = { "message", 0 },
};

const char *kind_name(enum media_kind k)
{
	return kinds[k].name;
}

enum media_kind kind_of(struct str s)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_caseeq(s, str_of(kinds[i].name)))
			return (enum media_kind)i;
	return KIND_APPLICATION;
}

static bool is_t38(const struct sdp_format *f)
{
	return str_caseeq(f->id, STR("t38"));
}

static bool has_t38(const struct sdp_media *in)
{
	for (unsigned i = 0; i < in->n_formats; i++)
		if (is_t38(&in->formats[i]))
			return true;
	return false;
}

/* Pairs of a kind and a protocol that we know how to carry. */
static bool has_way(const struct sdp_media *in, u8 kind, u8 *way, bool *feedback)
{
	*feedback = sdp_is_avpf(in->proto);
	if (kind == KIND_IMAGE) {
		*way = WAY_UDPTL;
		return str_caseeq(in->proto, STR("udptl")) && has_t38(in);
	}
	*way = WAY_RTP;
	return sdp_is_rtp(in->proto);
}

bool kind_is_carried(const struct sdp_media *in, unsigned streams, struct terms *t)
{
	u8 way;
	bool feedback;

	t->kind = (u8)kind_of(in->kind) & 15;
	if (!(kinds[t->kind].stream & streams))
		return false;
	if (!has_way(in, t->kind, &way, &feedback))
		return false;
	t->way = way & 15;
	t->feedback = feedback;
	/* More than one port is for layered multicast. */
	return in->n_ports == 1 || sdp_is_group(&in->addr);
}

bool kind_is_same(const struct sdp_media *in, const struct terms *t)
{
	u8 kind = (u8)kind_of(in->kind), way;
	bool feedback;

	return kind == t->kind && has_way(in, kind, &way, &feedback) &&
	       (in->n_ports == 1 || t->way == WAY_GROUP);
}

void kind_copy_fax(const struct sdp_media *in, struct sdp *out)
{
	struct sdp_format *f = sdp_add_format(out);

	if (!f)
		return;
	f->id = STR("t38");
	out->media[out->n_media - 1].t38 = in->t38;
}

/* ---- refused lines ---- */

static const struct {
	const char *proto, *format;
} known[] = {
	{ "RTP/AVP", "0" },
	{ "RTP/AVPF", "0" },
	{ "RTP/SAVP", "0" },
	{ "RTP/SAVPF", "0" },
	{ "UDP/TLS/RTP/SAVP", "0" },
	{ "UDP/TLS/RTP/SAVPF", "0" },
	{ "TCP/RTP/AVP", "0" },
	{ "udptl", "t38" },
	{ "UDP/TLS/UDPTL", "t38" },
	{ "TCP", "t38" },
	{ "UDP/DTLS/SCTP", "webrtc-datachannel" },
	{ "TCP/DTLS/SCTP", "webrtc-datachannel" },
	{ "DTLS/SCTP", "5000" },
	{ "TCP/MSRP", "*" },
	{ "TCP/TLS/MSRP", "*" },
	{ "TCP/BFCP", "*" },
	{ "UDP/BFCP", "*" },
	{ "TCP/TLS/BFCP", "*" },
	{ "TCP/DTLS/BFCP", "*" },
	{ "UDP/TLS/BFCP", "*" },
};

static unsigned known_proto(struct str proto)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_caseeq(proto, str_of(known[i].proto)))
			return i;
	return 0;
}

void kind_refuse(struct sdp *out, enum media_kind k, struct str proto)
{
	struct sdp_media *m = sdp_add_media(out);
	struct sdp_format *f = m ? sdp_add_format(out) : NULL;
	unsigned i = known_proto(proto);

	if (!f)
		return;
	m->kind = str_of(kind_name(k));
	m->proto = str_of(known[i].proto);
	m->dir = SDP_INACTIVE;
	f->id = str_of(known[i].format);
}

static void copy(char *to, size_t cap, struct str s)
{
	if (s.n >= cap)
		s.n = 0;
	memcpy(to, s.n ? s.p : "", s.n);
	to[s.n] = 0;
}

void kind_remember(struct kind_words *w, const struct sdp_media *in)
{
	struct buf b;

	copy(w->kind, sizeof(w->kind), in->kind);
	copy(w->proto, sizeof(w->proto), in->proto);
	buf_init(&b, w->formats, sizeof(w->formats) - 1);
	for (unsigned i = 0; i < in->n_formats; i++) {
		if (b.n + 1 + in->formats[i].id.n > sizeof(w->formats) - 1)
			break; /* one is enough (RFC 3264 6) */
		buf_put(&b, b.n ? STR(" ") : STR_NONE);
		buf_put(&b, in->formats[i].id);
	}
	w->formats[b.n] = 0;
	if (!w->proto[0] || !b.n)
		w->kind[0] = 0;
}

void kind_refuse_words(struct sdp *out, const struct kind_words *w, enum media_kind k)
{
	struct str formats = str_of(w->formats), id;
	struct sdp_media *m;

	if (!w->kind[0]) {
		kind_refuse(out, k, STR_NONE);
		return;
	}
	m = sdp_add_media(out);
	if (!m)
		return;
	m->kind = str_of(w->kind);
	m->proto = str_of(w->proto);
	m->dir = SDP_INACTIVE;
	while (str_token(&formats, ' ', &id)) {
		struct sdp_format *f = sdp_add_format(out);
		if (f)
			f->id = id;
	}
}
