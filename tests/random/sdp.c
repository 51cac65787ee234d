/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions as a phone writes them: RFC 3264. */
#include <errno.h>

#include "random.h"

static const struct codec {
	const char *pt, *name;
	uint32_t clock;
	const char *rtpmap;
} codecs[CODECS] = {
	{ "8", "PCMA", 8000, "PCMA/8000" },
	{ "0", "PCMU", 8000, "PCMU/8000" },
	{ "9", "G722", 8000, "G722/8000" },
	{ "111", "opus", 48000, "opus/48000/2" },
	{ "101", "telephone-event", 8000, "telephone-event/8000" },
	{ "18", "G729", 8000, "G729/8000" },
};

#define VOICE 0x2f /* all but the keys */

void self_init(struct self *s, struct dice *d, uint16_t port)
{
	*s = (struct self){ .id = port,
			    .port = port,
			    .codecs = (uint8_t)(dice_below(d, 1 << CODECS) |
						(dice_percent(d, 95) ? 1 : 0)),
			    .dir = SDP_SENDRECV,
			    .video = dice_percent(d, 10) };
	if (!(s->codecs & VOICE))
		s->codecs |= 2;
}

void self_change(struct self *s, struct dice *d)
{
	if (dice_percent(d, 60))
		s->dir = (uint8_t)dice_below(d, 4);
	if (dice_percent(d, 20))
		s->codecs = (uint8_t)(dice_below(d, 1 << CODECS) | 1);
	if (dice_percent(d, 10))
		s->port = (uint16_t)(s->port + 2);
	if (dice_percent(d, 10))
		s->video = !s->video;
}

/* The version rises when something else changes (RFC 3264 8). */
static void put_all(struct self *s, const struct phone *p, struct str body, struct buf *b)
{
	uint64_t hash = 14695981039346656037ull;
	char ip[ADDR_STR_MAX];
	struct addr a = p->addr;

	for (size_t i = 0; i < body.n; i++)
		hash = (hash ^ (unsigned char)body.p[i]) * 1099511628211ull;
	s->version += hash != s->said;
	s->said = hash;
	a.port = 0;
	addr_print(&a, ip);
	buf_fmt(b, "v=0\r\no=%s %u %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n", p->name, s->id,
		s->version, ip, ip);
	buf_put(b, body);
}

static void put_audio(const struct self *s, uint8_t which, uint8_t dir, struct buf *b)
{
	buf_fmt(b, "m=audio %u RTP/AVP", s->port);
	for (unsigned i = 0; i < CODECS; i++) {
		if (which >> i & 1)
			buf_fmt(b, " %s", codecs[i].pt);
	}
	buf_lit(b, "\r\n");
	for (unsigned i = 0; i < CODECS; i++) {
		if (which >> i & 1)
			buf_fmt(b, "a=rtpmap:%s %s\r\n", codecs[i].pt, codecs[i].rtpmap);
	}
	buf_fmt(b, "a=%s\r\n", sdp_dir_name(dir));
}

void self_offer(struct self *s, const struct phone *p, struct buf *b)
{
	unsigned n = s->video ? 2 : 1;
	char text[SDP_ROOM];
	struct buf body;

	buf_init(&body, text, sizeof(text) - 1);
	put_audio(s, s->codecs, s->dir, &body);
	if (n < s->n_media)
		n = s->n_media;
	s->n_media = n;
	for (unsigned i = 1; i < n; i++)
		buf_fmt(&body, "m=video %u RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
			s->video ? s->port + 100 : 0);
	put_all(s, p, buf_str(&body), b);
}

static const struct codec *codec_of(const struct sdp_format *f)
{
	for (unsigned i = 0; i < CODECS; i++) {
		if (f->name.n ? str_caseeq(f->name, str_of(codecs[i].name)) &&
					f->clock == codecs[i].clock
			      : str_eq(f->id, str_of(codecs[i].pt)))
			return &codecs[i];
	}
	return NULL;
}

/* Their payload types, ours and theirs both. False: none but keys. */
static bool put_common(const struct self *s, const struct sdp_media *m, struct buf *b)
{
	char text[512];
	struct buf maps;
	bool voice = false;

	buf_init(&maps, text, sizeof(text) - 1);
	buf_fmt(b, "m=audio %u %.*s", s->port, STR_FMT(m->proto));
	for (unsigned i = 0; i < m->n_formats; i++) {
		const struct sdp_format *f = &m->formats[i];
		const struct codec *c = codec_of(f);

		if (!c || !(s->codecs >> (c - codecs) & 1))
			continue;
		voice |= VOICE >> (c - codecs) & 1;
		buf_fmt(b, " %.*s", STR_FMT(f->id));
		buf_fmt(&maps, "a=rtpmap:%.*s %s\r\n", STR_FMT(f->id), c->rtpmap);
	}
	buf_lit(b, "\r\n");
	buf_put(b, buf_str(&maps));
	buf_fmt(b, "a=%s\r\n", sdp_dir_name(s->dir & sdp_dir_reverse(m->dir)));
	return voice;
}

int self_answer(struct self *s, const struct phone *p, struct str offer, struct buf *b)
{
	char mem[SDP_ROOM];
	struct buf body;
	struct sdp sdp;
	bool any = false;

	if (sdp_parse(offer, &sdp, NULL))
		return -EBADMSG;
	buf_init(&body, mem, sizeof(mem) - 1);
	for (unsigned i = 0; i < sdp.n_media; i++) {
		const struct sdp_media *m = &sdp.media[i];

		if (!any && m->port && str_eq(m->kind, STR("audio"))) {
			if (!put_common(s, m, &body))
				return -ENOTSUP;
			any = true;
		} else {
			buf_fmt(&body, "m=%.*s 0 %.*s %.*s\r\n", STR_FMT(m->kind),
				STR_FMT(m->proto),
				STR_FMT(m->n_formats ? m->formats[0].id : STR("0")));
		}
	}
	s->n_media = sdp.n_media > s->n_media ? sdp.n_media : s->n_media;
	if (any)
		put_all(s, p, buf_str(&body), b);
	return any ? 0 : -ENOTSUP;
}
