/* SPDX-License-Identifier: Apache-2.0 */
/* What header fields are made of. */
#include "sip/field.h"
#include "sip/scan_priv.h"

struct sip_each sip_each(const struct sip_msg *m, enum sip_hdr_id id)
{
	return (struct sip_each){ m, sip_hdr_first(m, id), STR_NONE };
}

bool sip_each_next(struct sip_each *e, struct str *item)
{
	for (;;) {
		if (sip_list_next(&e->rest, item))
			return true;
		if (!e->h)
			return false;
		e->rest = sip_hdr_value(e->m, e->h);
		e->h = sip_hdr_next(e->m, e->h);
	}
}

/* Parameters up to the end of the value, each of them readable. */
static int all_params(const char *p, const char *e)
{
	struct str name, val;

	while (p < e) {
		if (*p != ';' || !(p = sip_scan_param(p, e, SIP_C_TOKEN, &name, &val)))
			return -SIP_E_HEADER;
	}
	return 0;
}

int sip_word_parse(struct str s, struct sip_word *w)
{
	const char *e = sip_end(s), *p = sip_span(s.p, e, SIP_C_TOKEN);

	memset(w, 0, sizeof(*w));
	if (p == s.p)
		return -SIP_E_HEADER;
	w->token = sip_slice(s.p, p);
	p = sip_skip_ws(p, e);
	w->params = sip_slice(p, e);
	return all_params(p, e);
}

int sip_param_number(struct str params, struct str name, uint32_t max, uint32_t *out)
{
	struct str val;
	int rc = sip_param(params, name, &val);

	if (rc <= 0)
		return rc;
	return sip_scan_number(val, max, out) ? -SIP_E_HEADER : 1;
}

int sip_number_parse(struct str s, uint32_t *out)
{
	*out = 0;
	return sip_scan_number(s, UINT32_MAX, out) ? -SIP_E_HEADER : 0;
}

void sip_put_unquoted(struct buf *b, struct str s)
{
	const char *p, *e = sip_end(s), *q;

	if (s.n < 2 || *s.p != '"') {
		buf_put(b, s);
		return;
	}
	e--;
	for (p = s.p + 1; p < e && (q = memchr(p, '\\', (size_t)(e - p))); p = q + 2) {
		if (q + 1 == e) /* no pair; of what no parser has let through */
			break;
		buf_put(b, sip_slice(p, q));
		buf_add(b, q + 1, 1);
	}
	if (p < e)
		buf_put(b, sip_slice(p, e));
}

void sip_put_unescaped(struct buf *b, struct str s)
{
	const char *p = s.p, *e = sip_end(s), *q = p;

	while (p < e && (q = memchr(q, '%', (size_t)(e - q)))) {
		char c;

		if (e - q < 3)
			break;
		if (sip_hex(q[1]) < 0 || sip_hex(q[2]) < 0) {
			q++;
			continue;
		}
		c = (char)(sip_hex(q[1]) << 4 | sip_hex(q[2]));
		buf_put(b, sip_slice(p, q));
		buf_add(b, &c, 1);
		p = q += 3;
	}
	if (p < e)
		buf_put(b, sip_slice(p, e));
}
