/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "sdp/sdp_priv.h"

#define CLOCK_MAX 10000000u /* Hz: no RTP clock is faster */

static struct sdp_format *format_of(struct sdp_media *m, uint32_t pt)
{
	for (unsigned i = 0; i < m->n_formats; i++)
		if (m->formats[i].pt == pt)
			return &m->formats[i];
	return NULL;
}

/* "96 opus/48000/2". *f is NULL where the m= line does not list the payload type. */
static int of_format(struct sdp_parser *p, struct str *v, struct sdp_format **f)
{
	struct str id = sdp_word(v);
	uint32_t pt;

	*f = NULL;
	if (!p->media)
		return 0;
	if (str_u32(id, 127, &pt) < 0) {
		/* Formats of other protocols have names: a=fmtp:webrtc-datachannel ... */
		for (unsigned i = 0; i < p->media->n_formats; i++)
			if (str_eq(p->media->formats[i].id, id))
				return 0;
		return sdp_bad(p, "attribute of something that is no payload type");
	}
	*f = format_of(p->media, pt);
	return 0;
}

static int rtpmap(struct sdp_parser *p, struct str v)
{
	struct sdp_format *f;
	struct str name, clock;
	uint32_t hz, channels = 0;

	if (of_format(p, &v, &f) < 0)
		return -EBADMSG;
	v = sdp_word(&v);
	if (!f || f->name.n || !str_token(&v, '/', &name) || !sdp_is_token(name))
		return 0;
	if (!str_token(&v, '/', &clock) || str_u32(clock, CLOCK_MAX, &hz) < 0 || !hz)
		return sdp_bad(p, "clock rate in a=rtpmap is no number");
	if (v.n && str_u32(v, 255, &channels) < 0)
		return sdp_bad(p, "number of channels in a=rtpmap is no number");
	f->name = name;
	f->clock = hz;
	f->channels = (uint8_t)channels;
	return 0;
}

static int fmtp(struct sdp_parser *p, struct str v)
{
	struct sdp_format *f;

	if (of_format(p, &v, &f) < 0)
		return -EBADMSG;
	if (f && !f->fmtp.n)
		f->fmtp = str_trim(v);
	return 0;
}

static int rtcp_fb(struct sdp_parser *p, struct str v)
{
	struct str id = sdp_word(&v);
	uint32_t pt = SDP_PT_NONE;

	if (!p->media)
		return 0;
	if (!str_eq(id, STR("*")) && str_u32(id, 127, &pt) < 0)
		return sdp_bad(p, "payload type in a=rtcp-fb is no number up to 127");
	if (pt != SDP_PT_NONE && !format_of(p->media, pt))
		return 0;
	struct sdp_fb *fb = sdp_add_fb(p->out);
	if (fb)
		*fb = (struct sdp_fb){ .value = str_trim(v), .pt = (uint8_t)pt };
	return 0;
}

static int rtcp(struct sdp_parser *p, struct str v)
{
	struct addr a = { 0 };
	uint32_t port;

	if (!p->media)
		return 0;
	if (str_u32(sdp_word(&v), 65535, &port) < 0)
		return sdp_bad(p, "port in a=rtcp is no number up to 65535");
	if (str_trim(v).n && sdp_address(&v, &a, NULL) < 0)
		return 0;
	p->media->rtcp = a;
	p->media->rtcp.port = (uint16_t)port;
	return 0;
}

static int rtcp_mux(struct sdp_parser *p, struct str v)
{
	if (p->media)
		p->media->rtcp_mux = true;
	return 0;
}

static uint8_t milliseconds(struct str v)
{
	uint32_t ms;

	return str_u32(str_trim(v), 240, &ms) < 0 ? 0 : (uint8_t)ms;
}

static int ptime(struct sdp_parser *p, struct str v)
{
	if (p->media)
		p->media->ptime = milliseconds(v);
	return 0;
}

static int maxptime(struct sdp_parser *p, struct str v)
{
	if (p->media)
		p->media->maxptime = milliseconds(v);
	return 0;
}

static int crypto(struct sdp_parser *p, struct str v)
{
	if (p->media)
		sdp_crypto_parse(p->out, v);
	return 0;
}

/* Costs nothing to read and is always printed, so it doesn't count: what was read at the limit can
 * be read again when it was printed. */
static int direction(struct sdp_parser *p, enum sdp_dir d)
{
	p->n_attrs--;
	if (p->media)
		p->media->dir = (uint8_t)d;
	else
		p->dir = d;
	return 0;
}

static int sendrecv(struct sdp_parser *p, struct str v)
{
	return direction(p, SDP_SENDRECV);
}

static int sendonly(struct sdp_parser *p, struct str v)
{
	return direction(p, SDP_SENDONLY);
}

static int recvonly(struct sdp_parser *p, struct str v)
{
	return direction(p, SDP_RECVONLY);
}

static int inactive(struct sdp_parser *p, struct str v)
{
	return direction(p, SDP_INACTIVE);
}

static const struct {
	struct str name;
	int (*parse)(struct sdp_parser *p, struct str v);
} attributes[] = {
#define X(name, fn)                                                                                \
	{                                                                                          \
		{ name, sizeof(name) - 1 }, fn                                                     \
	}
	X("rtpmap", rtpmap),     X("fmtp", fmtp),         X("rtcp-fb", rtcp_fb),
	X("rtcp", rtcp),         X("rtcp-mux", rtcp_mux), X("ptime", ptime),
	X("maxptime", maxptime), X("sendrecv", sendrecv), X("sendonly", sendonly),
	X("recvonly", recvonly), X("inactive", inactive), X("crypto", crypto),
#undef X
};

/* Of a line that nobody will carry nothing needs to be understood. */
static int judge(const struct sdp_parser *p, int rc)
{
	return p->media && !sdp_is_rtp(p->media->proto) ? 0 : rc;
}

int sdp_attribute(struct sdp_parser *p, struct str l)
{
	struct str name = STR_NONE;

	str_token(&l, ':', &name);
	name = str_trim(name);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (name.n == attributes[i].name.n && str_caseeq(name, attributes[i].name))
			return judge(p, attributes[i].parse(p, l));
	if (p->media)
		sdp_t38_attribute(&p->media->t38, name, l);
	return 0;
}
