/* SPDX-License-Identifier: Apache-2.0 */
#include "sdp/sdp_priv.h"

/* ---- what may be copied ---- */

enum { /* what an octet may be part of */
	SAFE = 1,
	TOKEN = 2
};

static const unsigned char kinds[256] = {
	['a' ... 'z'] = SAFE | TOKEN,
	['A' ... 'Z'] = SAFE | TOKEN,
	['0' ... '9'] = SAFE | TOKEN,
	['-'] = SAFE | TOKEN,
	['_'] = SAFE | TOKEN,
	['.'] = SAFE | TOKEN,
	['+'] = SAFE | TOKEN,
	['*'] = SAFE | TOKEN,
	['%'] = SAFE | TOKEN,
	['~'] = SAFE | TOKEN,
	[' '] = SAFE,
	['='] = SAFE,
	[';'] = SAFE,
	[','] = SAFE,
	[':'] = SAFE,
	['|'] = SAFE,
	['/'] = SAFE,
};

static bool all_of(struct str s, unsigned kind, size_t max)
{
	unsigned all = kind;

	if (!s.n || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		all &= kinds[(unsigned char)s.p[i]];
	return all;
}

bool sdp_is_safe(struct str s)
{
	return all_of(s, SAFE, SDP_TEXT_MAX);
}

bool sdp_is_token(struct str s)
{
	return all_of(s, TOKEN, 64);
}

bool sdp_is_group(const struct addr *a)
{
	return a->family == 4 ? a->ip[0] >> 4 == 14 : a->family == 6 && a->ip[0] == 0xff;
}

const char *sdp_dir_name(enum sdp_dir d)
{
	static const char *const name[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

	return name[d & 3];
}

/* ---- building ---- */

struct sdp_media *sdp_add_media(struct sdp *s)
{
	if (s->n_media == SDP_MEDIA_MAX)
		return NULL;
	struct sdp_media *m = &s->media[s->n_media++];
	*m = (struct sdp_media){ .formats = s->formats + s->n_formats,
				 .fb = s->fb + s->n_fb,
				 .crypto = s->crypto + s->n_crypto,
				 .n_ports = 1,
				 .dir = SDP_SENDRECV };
	return m;
}

struct sdp_format *sdp_add_format(struct sdp *s)
{
	if (!s->n_media || s->n_formats == SDP_FORMATS_MAX)
		return NULL;
	struct sdp_format *f = &s->formats[s->n_formats++];
	s->media[s->n_media - 1].n_formats++;
	*f = (struct sdp_format){ .pt = SDP_PT_NONE };
	return f;
}

struct sdp_fb *sdp_add_fb(struct sdp *s)
{
	if (!s->n_media || s->n_fb == SDP_FB_MAX)
		return NULL;
	s->media[s->n_media - 1].n_fb++;
	return &s->fb[s->n_fb++];
}

struct sdp_crypto *sdp_add_crypto(struct sdp *s)
{
	if (!s->n_media || s->n_crypto == SDP_CRYPTO_MAX)
		return NULL;
	struct sdp_crypto *c = &s->crypto[s->n_crypto++];
	s->media[s->n_media - 1].n_crypto++;
	*c = (struct sdp_crypto){ 0 };
	return c;
}

/* ---- printing ---- */

/* No address is written as 0.0.0.0. */
static const struct addr *some(const struct addr *a)
{
	static const struct addr none = { .family = 4 };

	return a->family ? a : &none;
}

static void put_address(struct buf *b, const struct addr *a)
{
	a = some(a);
	buf_put(b, a->family == 4 ? STR("IN IP4 ") : STR("IN IP6 "));
	addr_put_sdp(b, a);
}

static void put_group(struct buf *b, const struct sdp_group *g)
{
	if (g->has_ttl) {
		buf_lit(b, "/");
		buf_u64(b, g->ttl);
	}
	if (g->n > 1) {
		buf_lit(b, "/");
		buf_u64(b, g->n);
	}
}

static void put_connection(struct buf *b, const struct sdp_media *m)
{
	buf_lit(b, "c=");
	put_address(b, &m->addr);
	if (sdp_is_group(&m->addr))
		put_group(b, &m->group);
	buf_lit(b, "\r\n");
}

static void put_id(struct buf *b, const struct sdp_format *f)
{
	if (f->pt != SDP_PT_NONE)
		buf_u64(b, f->pt);
	else
		buf_put(b, sdp_is_token(f->id) ? f->id : STR("0"));
}

static void put_line(struct buf *b, const struct sdp_media *m)
{
	buf_lit(b, "m=");
	buf_put(b, sdp_is_token(m->kind) ? m->kind : STR("application"));
	buf_lit(b, " ");
	buf_u64(b, m->port);
	if (m->n_ports > 1) {
		buf_lit(b, "/");
		buf_u64(b, m->n_ports);
	}
	buf_lit(b, " ");
	buf_put(b, sdp_is_safe(m->proto) ? m->proto : STR("RTP/AVP"));
	for (unsigned i = 0; i < m->n_formats; i++) {
		buf_lit(b, " ");
		put_id(b, &m->formats[i]);
	}
	buf_lit(b, "\r\n");
}

static void put_number(struct buf *b, struct str name, uint32_t v)
{
	buf_put(b, name);
	buf_u64(b, v);
	buf_lit(b, "\r\n");
}

static void put_bandwidth(struct buf *b, const struct sdp_media *m)
{
	static const struct str name[SDP_BANDWIDTHS] = {
		{ "b=AS:", 5 },
		{ "b=TIAS:", 7 },
		{ "b=RS:", 5 },
		{ "b=RR:", 5 },
	};

	for (unsigned i = 0; i < SDP_BANDWIDTHS; i++)
		if (m->has_bandwidth & 1u << i)
			put_number(b, name[i], m->bandwidth[i]);
}

static void put_format(struct buf *b, const struct sdp_format *f)
{
	if (f->pt == SDP_PT_NONE)
		return;
	if (sdp_is_token(f->name) && f->clock) {
		buf_lit(b, "a=rtpmap:");
		buf_u64(b, f->pt);
		buf_lit(b, " ");
		buf_put(b, f->name);
		buf_lit(b, "/");
		buf_u64(b, f->clock);
		if (f->channels) {
			buf_lit(b, "/");
			buf_u64(b, f->channels);
		}
		buf_lit(b, "\r\n");
	}
	if (sdp_is_safe(f->fmtp)) {
		buf_lit(b, "a=fmtp:");
		buf_u64(b, f->pt);
		buf_lit(b, " ");
		buf_put(b, f->fmtp);
		buf_lit(b, "\r\n");
	}
}

static void put_fb(struct buf *b, const struct sdp_fb *f)
{
	if (!sdp_is_safe(f->value))
		return;
	buf_lit(b, "a=rtcp-fb:");
	if (f->pt == SDP_PT_NONE)
		buf_lit(b, "*");
	else
		buf_u64(b, f->pt);
	buf_lit(b, " ");
	buf_put(b, f->value);
	buf_lit(b, "\r\n");
}

static void put_rtcp(struct buf *b, const struct sdp_media *m)
{
	if (m->rtcp_mux)
		buf_lit(b, "a=rtcp-mux\r\n");
	if (!m->rtcp.port)
		return;
	buf_lit(b, "a=rtcp:");
	buf_u64(b, m->rtcp.port);
	if (m->rtcp.family) {
		buf_lit(b, " ");
		put_address(b, &m->rtcp);
	}
	buf_lit(b, "\r\n");
}

static void put_media(struct buf *b, const struct sdp *s, const struct sdp_media *m)
{
	put_line(b, m);
	if (m->addr.family && (sdp_is_group(&m->addr) || !addr_ip_eq(&m->addr, some(&s->origin))))
		put_connection(b, m);
	put_bandwidth(b, m);
	for (unsigned i = 0; i < m->n_formats; i++)
		put_format(b, &m->formats[i]);
	for (unsigned i = 0; i < m->n_fb; i++)
		put_fb(b, &m->fb[i]);
	if (m->ptime)
		put_number(b, STR("a=ptime:"), m->ptime);
	if (m->maxptime)
		put_number(b, STR("a=maxptime:"), m->maxptime);
	put_rtcp(b, m);
	for (unsigned i = 0; i < m->n_crypto; i++)
		sdp_crypto_print(&m->crypto[i], s->keyless, b);
	sdp_t38_print(&m->t38, b);
	buf_lit(b, "a=");
	buf_put(b, str_of(sdp_dir_name(m->dir)));
	buf_lit(b, "\r\n");
}

void sdp_print(const struct sdp *s, struct buf *b)
{
	buf_lit(b, "v=0\r\no=- ");
	buf_u64(b, s->id);
	buf_lit(b, " ");
	buf_u64(b, s->version);
	buf_lit(b, " ");
	put_address(b, &s->origin);
	buf_lit(b, "\r\ns=-\r\nc=");
	put_address(b, &s->origin);
	buf_lit(b, "\r\nt=0 0\r\n");
	for (unsigned i = 0; i < s->n_media; i++)
		put_media(b, s, &s->media[i]);
}
