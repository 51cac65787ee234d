/* SPDX-License-Identifier: Apache-2.0 */
/* The one pass over a message: start line, header fields, body. An error does not stop it where it
 * can go on, so that the answer to a bad request finds its Via, From, To, Call-ID and CSeq. */
#include "sip/scan_priv.h"

/* A header line, folded lines and name included. */
#define LINE_MAX_OCTETS 8192

/* Where inside quotes we are, in a line that has a control octet. Goes forward only. */
struct quotes {
	const char *pos;
	bool inside;
};

struct reader {
	struct sip_msg *m;
	char *p;
	const char *end;
	int err;                     /* the first one, negative */
	uint8_t last[SIP_HDR_COUNT]; /* of each id in m->first: 1 + index of its last field so far
				      */
};

static void fail(struct reader *r, enum sip_error e)
{
	if (r->err == 0)
		r->err = -(int)e;
}

/* Is the octet at `at` the second one of a quoted-pair? There any octet but CR and LF may stand
 * (25.1). */
static bool in_quoted_pair(struct quotes *q, const char *at)
{
	while (q->pos < at) {
		char c = *q->pos++;

		if (c == '"')
			q->inside = !q->inside;
		else if (c == '\\' && q->inside && q->pos++ == at)
			return true;
	}
	return false;
}

static bool is_crlf(const char *p, const char *e)
{
	return e - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

/* The CR of the CRLF that ends the line at r->p; NULL: there is none. *bad: it holds an octet that
 * must not be there. Folded lines are joined (7.3.1) where `fold` says so. */
static char *line_end(const struct reader *r, bool fold, bool *bad)
{
	struct quotes quotes = { r->p, false };
	char *q = r->p;

	*bad = false;
	for (;;) {
		q += sip_scan_ctl(q, r->end) - q;
		if (unlikely(q == r->end))
			return NULL;
		if (likely(is_crlf(q, r->end))) {
			if (likely(!fold || q + 2 == r->end || !sip_is_ws(q[2])))
				return q;
			q[0] = q[1] = ' ';
			q += 2;
			continue;
		}
		if (*q == '\r' || *q == '\n' || !in_quoted_pair(&quotes, q))
			*bad = true;
		q++;
	}
}

/* "SIP/" digits "." digits; *two: it is 2.0. */
static bool is_version(const char *p, const char *e, bool *two)
{
	const char *dot;

	if (e - p < 7 || !str_caseeq(sip_slice(p, p + 4), STR("SIP/")))
		return false;
	*two = e - p == 7 && memcmp(p + 4, "2.0", 3) == 0;
	if (*two)
		return true;
	for (dot = p += 4; dot < e && sip_is_digit(*dot); dot++)
		;
	if (dot == p || dot + 1 >= e || *dot != '.')
		return false;
	for (p = dot + 1; p < e && sip_is_digit(*p); p++)
		;
	return p == e;
}

static void status_line(struct reader *r, const char *p, const char *l)
{
	const char *sp = sip_scan_chr(p, l, ' ');
	uint32_t status;
	bool two;

	if (!is_version(p, sp, &two)) {
		fail(r, SIP_E_START_LINE);
		return;
	}
	if (!two)
		fail(r, SIP_E_VERSION);
	p = sp < l ? sp + 1 : l;
	sp = sip_scan_chr(p, l, ' ');
	if (sp - p != 3 || sip_scan_number(sip_slice(p, sp), 699, &status) || status < 100) {
		fail(r, SIP_E_START_LINE);
		return;
	}
	r->m->status = (uint16_t)status;
	r->m->reason = sip_slice(sp < l ? sp + 1 : l, l);
}

static void request_line(struct reader *r, const char *p, const char *l)
{
	struct sip_msg *m = r->m;
	const char *sp = sip_scan_chr(p, l, ' '), *uri;
	bool two;

	if (sp == p || sip_span(p, sp, SIP_C_TOKEN) != sp) {
		fail(r, SIP_E_START_LINE);
		return;
	}
	m->method_name = sip_slice(p, sp);
	m->method = sip_method_of(m->method_name);
	uri = sp < l ? sp + 1 : l;
	sp = sip_scan_chr(uri, l, ' ');
	if (sp == uri || sp == l || !is_version(sp + 1, l, &two)) {
		fail(r, SIP_E_START_LINE);
		return;
	}
	if (!two)
		fail(r, SIP_E_VERSION);
	m->ruri = sip_slice(uri, sp);
}

static bool start_line(struct reader *r)
{
	bool bad;
	char *l = line_end(r, false, &bad);

	if (!l) {
		fail(r, SIP_E_START_LINE);
		return false;
	}
	if (bad)
		fail(r, SIP_E_CONTROL);
	/* No method holds a "/", so this is a response or nothing. */
	else if (l - r->p >= 4 && str_caseeq(sip_slice(r->p, r->p + 4), STR("SIP/")))
		status_line(r, r->p, l);
	else
		request_line(r, r->p, l);
	r->p = l + 2;
	return true;
}

static void index_field(struct reader *r, struct sip_hdr *h, uint8_t id)
{
	struct sip_msg *m = r->m;
	uint8_t n = ++m->n_hdr;

	h->id = id;
	h->next = 0;
	if (id == SIP_HDR_OTHER)
		return;
	if (likely(!m->first[id])) {
		m->first[id] = n;
	} else {
		m->hdr[r->last[id] - 1].next = n;
		m->repeated |= 1ull << id;
	}
	r->last[id] = n;
}

static void header_line(struct reader *r, const char *l)
{
	const char *p = r->p, *colon = sip_scan_chr(p, l, ':'), *name_end, *v;
	struct sip_msg *m = r->m;
	struct sip_hdr *h = &m->hdr[m->n_hdr];
	enum sip_hdr_id id;

	name_end = sip_trim_ws(p, colon);
	if (unlikely(colon == l || name_end == p || l - p > LINE_MAX_OCTETS)) {
		fail(r, SIP_E_HEADER);
		return;
	}
	id = sip_name_lookup(p, (size_t)(name_end - p));
	if (id == SIP_HDR_OTHER && sip_span(p, name_end, SIP_C_TOKEN) != name_end) {
		fail(r, SIP_E_HEADER);
		return;
	}
	v = sip_skip_ws(colon + 1, l);
	l = sip_trim_ws(v, l);
	h->name = (uint16_t)(p - m->buf);
	h->name_len = (uint16_t)(name_end - p);
	h->value = (uint16_t)(v - m->buf);
	h->value_len = (uint16_t)(l - v);
	index_field(r, h, (uint8_t)id);
}

static void header_lines(struct reader *r)
{
	bool bad;

	for (;;) {
		char *l;

		if (is_crlf(r->p, r->end)) {
			r->p += 2;
			return;
		}
		l = line_end(r, true, &bad);
		if (!l) {
			fail(r, SIP_E_NO_END);
			r->p += r->end - r->p;
			return;
		}
		if (unlikely(r->m->n_hdr == SIP_HEADERS_MAX)) {
			fail(r, SIP_E_TOO_MANY);
			return;
		}
		if (unlikely(bad))
			fail(r, SIP_E_CONTROL);
		else
			header_line(r, l);
		r->p = l + 2;
	}
}

/* 18.3: on a datagram octets behind the body do not count, a body that is cut off is an error. */
static void body(struct reader *r)
{
	struct sip_msg *m = r->m;
	uint32_t n = (uint32_t)(r->end - r->p);

	if (m->first[SIP_HDR_CONTENT_LENGTH] &&
	    sip_scan_number(sip_value(m, SIP_HDR_CONTENT_LENGTH), n, &n))
		fail(r, SIP_E_LENGTH);
	m->body = (struct str){ r->p, n };
	m->len = (size_t)(r->p + n - m->buf);
}

/* In a response the method is that of its CSeq. */
static void response_method(struct sip_msg *m)
{
	struct sip_cseq c;

	if (sip_cseq_parse(sip_value(m, SIP_HDR_CSEQ), &c))
		return;
	m->method = (uint8_t)c.method;
	m->method_name = c.method_name;
}

int sip_msg_parse(struct sip_msg *m, char *buf, size_t len)
{
	struct reader r = { .m = m, .p = buf, .end = buf + len };

	memset(m, 0, offsetof(struct sip_msg, hdr));
	m->buf = buf;
	m->len = len;
	while (r.p < r.end && (*r.p == '\r' || *r.p == '\n'))
		r.p++;
	if (r.p == r.end)
		return -SIP_E_EMPTY;
	if (len > SIP_DATAGRAM_MAX)
		fail(&r, SIP_E_TOO_LARGE);
	if (len > UINT16_MAX || !start_line(&r))
		return r.err;
	header_lines(&r);
	body(&r);
	if (m->status)
		response_method(m);
	return r.err;
}
