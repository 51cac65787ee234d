/* SPDX-License-Identifier: Apache-2.0 */
/* The one pass over a message: start line, header fields, body. An error does not stop it where it
 * can go on, so that the answer to a bad request finds its Via, From, To, Call-ID and CSeq. */
#include "sip/hash_priv.h"
#include "sip/scan_priv.h"
#include "names_table.inc"

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
	struct sip_ctl_scan ctl;     /* at or behind p */
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

/* Where the line at r->p ends, whose first control octet at `q` may be anything: the CR of its
 * CRLF, or NULL. Folded lines are joined (7.3.1). *bad: an octet is in it that must not be. */
static char *odd_line_end(struct reader *r, const char *q, bool fold, bool *bad)
{
	struct quotes quotes = { r->p, false };

	for (; q < r->end; q = sip_ctl_next(&r->ctl)) {
		if (is_crlf(q, r->end)) {
			char *cr = r->p + (q - r->p);

			sip_ctl_next(&r->ctl); /* the LF */
			if (!fold || q + 2 == r->end || !sip_is_ws(q[2]))
				return cr;
			/* 25.1: no line may end between the name and its colon */
			if (!*bad && !memchr(r->p, ':', (size_t)(q - r->p)))
				*bad = true;
			cr[0] = cr[1] = ' ';
		} else if (*q != '\t' &&
			   (*q == '\r' || *q == '\n' || !in_quoted_pair(&quotes, q))) {
			*bad = true;
		}
	}
	return NULL;
}

/* "SIP/" digits "." digits; *two: it is 2.0. */
static bool is_version(const char *p, const char *e, bool *two)
{
	const char *dot;

	if (e - p < 7 || !SIP_IS(sip_slice(p, p + 3), "sip") || p[3] != '/')
		return false;
	*two = e - p == 7 && p[4] == '2' && p[5] == '.' && p[6] == '0';
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
	bool bad = false;
	const char *p = r->p;
	const char *l = odd_line_end(r, sip_ctl_next(&r->ctl), false, &bad);

	if (!l) {
		fail(r, SIP_E_START_LINE);
		return false;
	}
	r->p += l + 2 - p;
	if (bad)
		fail(r, SIP_E_CONTROL);
	/* No method holds a "/", so this is a response or nothing. */
	else if (l - p >= 4 && p[3] == '/' && SIP_IS(sip_slice(p, p + 3), "sip"))
		status_line(r, p, l);
	else
		request_line(r, p, l);
	return true;
}

/* n >= 1, without control octets. */
static enum sip_hdr_id lookup(const char *name, size_t n)
{
	struct sip_name_key key;
	uint8_t id;

	if (unlikely(n == 1))
		return name_compact[(uint8_t)*name];
	if (unlikely(n > SIP_NAME_MAX))
		return SIP_HDR_OTHER;
	sip_name_key(&key, name, (unsigned)n);
	id = name_slot[sip_name_hash(&key, NAME_MULTIPLIER)];
	return unlikely(sip_name_differs(&key, &name_key[id])) ? SIP_HDR_OTHER : id;
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
		m->repeated[id / 64] |= 1ull << id % 64;
	}
	r->last[id] = n;
}

/* The line from p to its CR at l. Control octets are below SP, so one comparison tells that there
 * is no white space to take off. */
static void header_line(struct reader *r, const char *p, const char *l)
{
	const char *colon = sip_scan_colon(p, l), *name_end = colon, *v = colon + 1;
	struct sip_msg *m = r->m;
	struct sip_hdr *h = &m->hdr[m->n_hdr];
	enum sip_hdr_id id;

	if (unlikely(colon == l || colon == p || l - p > LINE_MAX_OCTETS)) {
		fail(r, SIP_E_HEADER);
		return;
	}
	if (unlikely((uint8_t)colon[-1] <= ' '))
		name_end = sip_trim_ws(p, colon);
	id = lookup(p, (size_t)(name_end - p));
	if (unlikely(id == SIP_HDR_OTHER) &&
	    (name_end == p || sip_span(p, name_end, SIP_C_TOKEN) != name_end)) {
		fail(r, SIP_E_HEADER);
		return;
	}
	if (likely(*v == ' '))
		v++;
	if (unlikely((uint8_t)*v <= ' '))
		v = sip_skip_ws(v, l);
	if (unlikely((uint8_t)l[-1] <= ' '))
		l = sip_trim_ws(v, l);
	h->name = (uint16_t)(p - m->buf);
	h->name_len = (uint16_t)(name_end - p);
	h->value = (uint16_t)(v - m->buf);
	h->value_len = (uint16_t)(l - v);
	index_field(r, h, (uint8_t)id);
}

/* CRLF at l, and no folded line behind it? */
static bool is_plain_end(const char *l, const char *e)
{
	return likely(e - l >= 4 && l[0] == '\r' && l[1] == '\n') &&
	       (likely((uint8_t)l[2] > ' ') || !sip_is_ws(l[2]));
}

/* The scanner's state is copied so that it can stay in registers. */
static void header_lines(struct reader *r)
{
	struct sip_ctl_scan ctl = r->ctl;
	const char *p, *l;

	for (;;) {
		bool bad = false;

		p = r->p;
		l = sip_ctl_next(&ctl);
		if (unlikely(l == p) && is_crlf(p, r->end)) {
			r->p += 2;
			return;
		}
		if (unlikely(r->m->n_hdr == SIP_HEADERS_MAX)) {
			fail(r, SIP_E_TOO_MANY);
			return;
		}
		if (likely(is_plain_end(l, r->end))) {
			sip_ctl_next(&ctl); /* the LF */
		} else {
			r->ctl = ctl;
			l = odd_line_end(r, l, true, &bad);
			ctl = r->ctl;
		}
		if (unlikely(!l)) {
			fail(r, SIP_E_NO_END);
			r->p += r->end - p;
			return;
		}
		r->p += l + 2 - p;
		if (unlikely(bad))
			fail(r, SIP_E_CONTROL);
		else
			header_line(r, p, l);
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
	sip_ctl_start(&r.ctl, r.p, r.end);
	if (len > UINT16_MAX || !start_line(&r))
		return r.err;
	header_lines(&r);
	body(&r);
	if (m->status)
		response_method(m);
	return r.err;
}
