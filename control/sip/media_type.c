/* SPDX-License-Identifier: Apache-2.0 */
/* What a body is: Content-Type, Accept, Content-Disposition, MIME-Version. */
#include "sip/field.h"
#include "sip/scan_priv.h"

int sip_media_type_parse(struct str s, struct sip_media_type *t)
{
	const char *e = sip_end(s), *p = sip_span(s.p, e, SIP_C_TOKEN), *start;
	struct sip_word w;

	memset(t, 0, sizeof(*t));
	if (p == s.p)
		return -SIP_E_HEADER;
	t->type = sip_slice(s.p, p);
	p = sip_skip_ws(p, e);
	if (p == e || *p != '/')
		return -SIP_E_HEADER;
	start = sip_skip_ws(p + 1, e);
	if (sip_word_parse(sip_slice(start, e), &w))
		return -SIP_E_HEADER;
	t->subtype = w.token;
	t->params = w.params;
	return 0;
}

bool sip_media_type_is(const struct sip_media_type *t, const char *name)
{
	struct str want = str_of(name), type;

	return str_token(&want, '/', &type) && str_caseeq(t->type, type) &&
	       str_caseeq(t->subtype, want);
}

int sip_disposition_parse(struct str s, struct sip_disposition *d)
{
	struct sip_word w;
	struct str val;

	memset(d, 0, sizeof(*d));
	if (sip_word_parse(s, &w))
		return -SIP_E_HEADER;
	d->type = w.token;
	d->optional = sip_param(w.params, STR("handling"), &val) == 1 && SIP_IS(val, "optional");
	return 0;
}

bool sip_mime_version_ok(struct str s)
{
	return str_eq(s, STR("1.0"));
}
