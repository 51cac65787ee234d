/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/multipart.h"
#include "sip/scan_priv.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* Work on one multipart. */
struct splitter {
	struct sip_parts *out;
	struct str boundary;
	const char *p, *end;
	uint8_t depth;
	bool alternative;
};

/* What stands in for a line end in front of it belongs to the boundary. */
struct delimiter {
	const char *line;   /* the "--" of the next one */
	const char *before; /* where the part in front of it ends */
	const char *behind; /* the line after it */
	bool last;
};

/* The boundary of a multipart type, quotes off. False: it is none, or none that may be used. */
static bool read_boundary(const struct sip_media_type *t, struct str *boundary)
{
	struct str b;

	if (sip_param(t->params, STR("boundary"), &b) != 1)
		return false;
	if (b.n >= 2 && *b.p == '"')
		b = (struct str){ b.p + 1, b.n - 2 };
	if (b.n == 0 || b.n > BOUNDARY_MAX || b.p[b.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < b.n; i++) {
		if (!sip_is_alpha(b.p[i]) && !sip_is_digit(b.p[i]) &&
		    (!b.p[i] || !strchr("'()+_,-./:=? ", b.p[i])))
			return false;
	}
	*boundary = b;
	return true;
}

/* Is the line at p, which begins with "--", the delimiter? Behind it only white space may stand:
 * another boundary may begin with the same octets. */
static bool is_delimiter(const struct splitter *s, const char *p, struct delimiter *d)
{
	const char *end = s->end;

	if ((size_t)(end - p) < s->boundary.n + 2 || p[0] != '-' || p[1] != '-' ||
	    memcmp(p + 2, s->boundary.p, s->boundary.n))
		return false;
	d->line = p;
	p += 2 + s->boundary.n;
	d->last = end - p >= 2 && p[0] == '-' && p[1] == '-';
	if (d->last)
		p += 2;
	p = sip_skip_ws(p, end);
	if (p == end && d->last) {
		d->behind = end;
		return true;
	}
	if (end - p < 2 || p[0] != '\r' || p[1] != '\n')
		return false;
	d->behind = p + 2;
	return true;
}

/* The next delimiter at the beginning of a line at or after `p`, which is such a beginning. */
static bool find_delimiter(const struct splitter *s, const char *p, struct delimiter *d)
{
	const char *start = p;

	while (p < s->end) {
		const char *nl;

		if (is_delimiter(s, p, d)) {
			/* the CRLF in front is the delimiter's, unless nothing stood there */
			d->before = p - start >= 2 ? p - 2 : p;
			return true;
		}
		nl = memmem(p, (size_t)(s->end - p), "\r\n", 2);
		if (!nl)
			return false;
		p = nl + 2;
	}
	return false;
}

/* Of control octets only HTAB and the line ends of folding may stand in a field. */
static bool is_field_text(const char *v, const char *e)
{
	for (const char *p = v; p < e; p++) {
		if ((uint8_t)*p >= 0x20 || *p == '\t')
			continue;
		if (*p++ != '\r' || p == e || *p != '\n')
			return false;
	}
	return true;
}

/* The value of a field from v to e, which may hold folded lines: joined in p->folded then. */
static int field_value(struct sip_parts *p, const char *v, const char *e, struct str *out)
{
	char *mem = p->folded + p->n_folded;
	size_t n = (size_t)(e - v);

	if (!is_field_text(v, e))
		return -SIP_E_BODY;
	if (memchr(v, '\r', n)) {
		if (n > sizeof(p->folded) - p->n_folded)
			return -SIP_E_BODY;
		for (size_t i = 0; i < n; i++)
			mem[i] = v[i] == '\r' || v[i] == '\n' ? ' ' : v[i];
		p->n_folded += n;
		v = mem;
		e = mem + n;
	}
	v = sip_skip_ws(v, e);
	*out = sip_slice(v, sip_trim_ws(v, e));
	return 0;
}

static struct str *field_of(struct sip_part *part, struct str name)
{
	if (SIP_IS(name, "content-type"))
		return &part->type;
	if (SIP_IS(name, "content-disposition"))
		return &part->disposition;
	if (SIP_IS(name, "content-transfer-encoding"))
		return &part->encoding;
	return SIP_IS(name, "content-id") ? &part->id : NULL;
}

/* The CR that ends the field at p, folded lines included; NULL: none does. */
static const char *field_end(const char *p, const char *e)
{
	while ((p = memmem(p, (size_t)(e - p), "\r\n", 2))) {
		if (p + 2 == e || !sip_is_ws(p[2]))
			return p;
		p += 2;
	}
	return NULL;
}

/* One field of a part; those that nobody needs are skipped. */
static int read_field(struct sip_parts *p, struct sip_part *part, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line)), *name_end;
	struct str *field;

	if (!colon)
		return -SIP_E_BODY;
	name_end = sip_trim_ws(line, colon);
	if (name_end == line || sip_span(line, name_end, SIP_C_TOKEN) != name_end)
		return -SIP_E_BODY;
	field = field_of(part, sip_slice(line, name_end));
	if (!field)
		return 0;
	/* two readers might take two different ones */
	return field->p ? -SIP_E_BODY : field_value(p, colon + 1, end, field);
}

/* Fields, an empty line and the body from p to e. */
static int read_part(struct splitter *s, const char *p, const char *e)
{
	struct sip_parts *out = s->out;
	struct sip_part *part = &out->part[out->n];
	int rc;

	if (out->n > SIP_PARTS_MAX)
		return -SIP_E_BODY;
	*part = (struct sip_part){ .depth = s->depth, .alternative = s->alternative };
	/* no body and no empty line either: the delimiter took its CRLF */
	while (p < e && !(e - p >= 2 && p[0] == '\r' && p[1] == '\n')) {
		const char *end = field_end(p, e);

		rc = read_field(out, part, p, end ? end : e);
		if (rc)
			return rc;
		p = end ? end + 2 : e;
	}
	part->body = e - p >= 2 ? sip_slice(p + 2, e) : STR_NONE;
	if (!part->type.n)
		part->type = STR("text/plain");
	out->n++;
	return 0;
}

/* Preamble, parts, epilogue. */
static int split(struct splitter *s)
{
	struct delimiter d;
	const char *start;
	int rc;

	if (!find_delimiter(s, s->p, &d) || d.last)
		return -SIP_E_BODY;
	do {
		start = d.behind;
		if (!find_delimiter(s, start, &d))
			return -SIP_E_BODY;
		rc = read_part(s, start, d.before);
	} while (rc == 0 && !d.last);
	return rc;
}

/* Takes the i-th part apart if it is a multipart. */
static int expand(struct sip_parts *p, unsigned i)
{
	const struct sip_part *part = &p->part[i];
	struct splitter s = { .out = p, .p = part->body.p, .end = sip_end(part->body) };
	struct sip_media_type t;

	if (sip_media_type_parse(part->type, &t) || !SIP_IS(t.type, "multipart"))
		return 0;
	if (part->depth == SIP_PARTS_DEPTH || !read_boundary(&t, &s.boundary))
		return -SIP_E_BODY;
	s.depth = (uint8_t)(part->depth + 1);
	s.alternative = part->alternative || SIP_IS(t.subtype, "alternative");
	return split(&s);
}

int sip_parts_split(struct sip_parts *p, struct str type, struct str disposition, struct str body)
{
	p->part[0] = (struct sip_part){ .type = type, .disposition = disposition, .body = body };
	p->n = 1;
	p->n_folded = 0;
	for (unsigned i = 0; i < p->n; i++) {
		int rc = expand(p, i);

		if (rc)
			return rc;
	}
	return 0;
}

static bool is_type(const struct sip_part *part, const char *type)
{
	struct sip_media_type t;

	return !sip_media_type_parse(part->type, &t) && sip_media_type_is(&t, type);
}

static bool is_plain(struct str encoding)
{
	return encoding.n == 0 || SIP_IS(encoding, "binary") || str_caseeq(encoding, STR("8bit")) ||
	       str_caseeq(encoding, STR("7bit"));
}

const struct sip_part *sip_parts_find(const struct sip_parts *p, const char *type)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (is_type(&p->part[i], type) && is_plain(p->part[i].encoding))
			return &p->part[i];
	}
	return NULL;
}

static bool is_required(const struct sip_part *part)
{
	struct sip_disposition d;
	struct sip_media_type t;

	if (part->alternative ||
	    (part->disposition.n && !sip_disposition_parse(part->disposition, &d) && d.optional))
		return false;
	return sip_media_type_parse(part->type, &t) || !SIP_IS(t.type, "multipart");
}

const struct sip_part *sip_parts_required(const struct sip_parts *p, const char *known)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (p->part[i].body.n && is_required(&p->part[i]) && !is_type(&p->part[i], known))
			return &p->part[i];
	}
	return NULL;
}
