/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "sdp/sdp_priv.h"

int sdp_bad(struct sdp_parser *p, const char *why)
{
	p->why = why;
	return -EBADMSG;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str sdp_word(struct str *s)
{
	struct str w;

	while (s->n && is_blank(s->p[0])) {
		s->p++;
		s->n--;
	}
	w = (struct str){ s->p, 0 };
	while (w.n < s->n && !is_blank(w.p[w.n]))
		w.n++;
	s->p += w.n;
	s->n -= w.n;
	return w;
}

/* What stands behind the slash. */
static int group(struct str rest, bool v4, const struct addr *a, struct sdp_group *out)
{
	uint32_t ttl = 0, n = 1;
	struct str word;

	/* One that is mapped into IPv6 would come out as the other family's. */
	if (!sdp_is_group(a) || (a->family == 4) != v4)
		return -EINVAL;
	if (v4 && (!str_token(&rest, '/', &word) || str_u32(word, 255, &ttl) < 0))
		return -EINVAL;
	if ((rest.n || !v4) && (str_u32(rest, 65535, &n) < 0 || !n))
		return -EINVAL;
	*out = (struct sdp_group){ .n = (uint16_t)n, .ttl = (uint8_t)ttl, .has_ttl = v4 };
	return 0;
}

int sdp_address(struct str *s, struct addr *out, struct sdp_group *g)
{
	struct sdp_group of_a = { 0 };
	struct str type, ip, rest;
	struct addr a;
	bool v4;

	if (!str_caseeq(sdp_word(s), STR("IN")))
		return -EINVAL;
	type = sdp_word(s);
	v4 = str_caseeq(type, STR("IP4"));
	if (!v4 && !str_caseeq(type, STR("IP6")))
		return -EINVAL;
	rest = sdp_word(s);
	if (!str_token(&rest, '/', &ip) || ip.p[0] == '[' || addr_parse(ip, &a) < 0)
		return -EINVAL;
	/* An IPv4 address mapped into IPv6 is stored as IPv4: then the text tells, not the family.
	 */
	if (v4 != !memchr(ip.p, ':', ip.n))
		return -EINVAL;
	if (rest.n && (!g || group(rest, v4, &a, &of_a) < 0))
		return -EINVAL;
	*out = a;
	if (g)
		*g = of_a;
	return 0;
}

static int origin(struct sdp_parser *p, struct str v)
{
	struct addr a;

	sdp_word(&v); /* user name */
	if (str_u64(sdp_word(&v), &p->out->id) < 0)
		p->out->id = 0;
	if (str_u64(sdp_word(&v), &p->out->version) < 0)
		p->out->version = 0;
	if (!sdp_address(&v, &a, NULL))
		p->out->origin = a;
	return 0;
}

/* Only the first c= of a part counts. One that isn't understood leaves the part without: whether
 * that matters shows at its end. */
static int connection(struct sdp_parser *p, struct str v)
{
	struct addr *a = p->media ? &p->media->addr : &p->session;
	struct sdp_group *g = p->media ? &p->media->group : &p->group;

	if (!a->family && sdp_address(&v, a, g) < 0)
		a->family = 0xff; /* there, but of no use */
	return 0;
}

static int bandwidth(struct sdp_parser *p, struct str v)
{
	static const char *const name[SDP_BANDWIDTHS] = { "AS", "TIAS", "RS", "RR" };
	struct str type;
	uint32_t n;

	if (!p->media || !str_token(&v, ':', &type) || str_u32(str_trim(v), UINT32_MAX, &n) < 0)
		return 0;
	for (unsigned i = 0; i < SDP_BANDWIDTHS; i++) {
		if (!str_eq(type, str_of(name[i])))
			continue;
		p->media->bandwidth[i] = n;
		p->media->has_bandwidth |= (uint8_t)(1u << i);
	}
	return 0;
}

bool sdp_is_savp(struct str proto)
{
	return str_caseeq(proto, STR("RTP/SAVP")) || str_caseeq(proto, STR("RTP/SAVPF"));
}

bool sdp_is_avpf(struct str proto)
{
	return str_caseeq(proto, STR("RTP/AVPF")) || str_caseeq(proto, STR("RTP/SAVPF"));
}

bool sdp_is_rtp(struct str proto)
{
	return str_caseeq(proto, STR("RTP/AVP")) || sdp_is_avpf(proto) || sdp_is_savp(proto);
}

static int ports(struct sdp_parser *p, struct sdp_media *m, struct str v)
{
	struct str first;
	uint32_t port, n = 1;

	if (!str_token(&v, '/', &first) || str_u32(first, 65535, &port) < 0)
		return sdp_bad(p, "port in m= is no number up to 65535");
	if (first.p + first.n != v.p && (str_u32(v, 65535, &n) < 0 || !n))
		return sdp_bad(p, "number of ports in m= is not 1 to 65535");
	m->port = (uint16_t)port;
	m->n_ports = (uint16_t)n;
	return 0;
}

static int formats(struct sdp_parser *p, struct sdp_media *m, struct str v)
{
	struct str id;
	uint32_t pt;

	for (id = sdp_word(&v); id.n; id = sdp_word(&v)) {
		if (str_u32(id, 127, &pt) < 0)
			pt = SDP_PT_NONE;
		if (pt == SDP_PT_NONE && sdp_is_rtp(m->proto))
			return sdp_bad(p, "payload type in m= is no number up to 127");
		if (!sdp_is_token(id))
			return sdp_bad(p, "format in m= is no token");
		struct sdp_format *f = sdp_add_format(p->out);
		if (!f)
			return sdp_bad(p, "too many formats");
		f->id = id;
		f->pt = (uint8_t)pt;
	}
	return m->n_formats ? 0 : sdp_bad(p, "m= without a format");
}

/* What m= lines inherit from the session is known only when the next part begins. */
static int end_part(struct sdp_parser *p)
{
	struct sdp_media *m = p->media;

	p->n_attrs = 0;
	if (!m)
		return 0;
	if (!m->addr.family) {
		m->addr = p->session;
		m->group = p->group;
	}
	if (m->addr.family == 0xff)
		m->addr = (struct addr){ 0 };
	if (!m->addr.family && m->port)
		return sdp_bad(p, "no c= with an IP address for a stream");
	return 0;
}

static int media(struct sdp_parser *p, struct str v)
{
	if (end_part(p) < 0)
		return -EBADMSG;
	struct sdp_media *m = p->media = sdp_add_media(p->out);
	if (!m)
		return sdp_bad(p, "too many m= lines");
	m->dir = p->dir;
	m->kind = sdp_word(&v);
	struct str port = sdp_word(&v);
	m->proto = sdp_word(&v);
	if (!sdp_is_token(m->kind))
		return sdp_bad(p, "kind of media in m= is no token");
	if (ports(p, m, port) < 0)
		return -EBADMSG;
	if (!sdp_is_safe(m->proto))
		return sdp_bad(p, "protocol in m= is malformed");
	return formats(p, m, v);
}

static int line(struct sdp_parser *p, struct str l)
{
	if (l.n < 2 || l.p[1] != '=')
		return 0;
	struct str v = { l.p + 2, l.n - 2 };
	switch (l.p[0]) {
	case 'o':
		return p->media ? 0 : origin(p, v);
	case 'c':
		return connection(p, v);
	case 'b':
		return bandwidth(p, v);
	case 'm':
		return media(p, v);
	case 'a':
		if (++p->n_attrs > SDP_ATTRS_MAX)
			return sdp_bad(p, "too many a= lines");
		return sdp_attribute(p, v);
	default:
		return 0;
	}
}

static int lines(struct sdp_parser *p, struct str text)
{
	struct str l = STR_NONE;

	if (text.n > SDP_SIZE_MAX)
		return sdp_bad(p, "longer than 16 KiB");
	if (text.n && memchr(text.p, 0, text.n))
		return sdp_bad(p, "holds a NUL");
	while (!l.n && str_line(&text, &l))
		;
	if (!str_eq(str_trim(l), STR("v=0")))
		return sdp_bad(p, "does not begin with v=0");
	while (str_line(&text, &l)) {
		if (line(p, l) < 0)
			return -EBADMSG;
	}
	return end_part(p);
}

int sdp_parse(struct str text, struct sdp *out, const char **why)
{
	struct sdp_parser p = { .out = out, .dir = SDP_SENDRECV };

	out->id = out->version = 0;
	out->origin = (struct addr){ 0 };
	out->n_media = out->n_formats = out->n_fb = out->n_crypto = 0;
	out->keyless = false;
	int rc = lines(&p, text);
	if (why)
		*why = p.why;
	return rc;
}
