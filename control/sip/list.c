/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

/* The comma that ends an element, or e. A quote or a "<" that is never closed takes the rest. */
static const char *element_end(const char *p, const char *e)
{
	while (p < e && *p != ',') {
		if (*p == '"')
			p = sip_skip_quoted(p, e);
		else if (*p == '<')
			p = memchr(p, '>', (size_t)(e - p));
		else
			p++;
		if (!p)
			return e;
	}
	return p;
}

bool sip_list_next(struct str *list, struct str *item)
{
	const char *p = list->p, *e = sip_end(*list);

	while (p < e) {
		const char *start = sip_skip_ws(p, e);
		const char *end = element_end(start, e);

		p = end < e ? end + 1 : e;
		end = sip_trim_ws(start, end);
		if (end > start) {
			*item = sip_slice(start, end);
			*list = sip_slice(p, e);
			return true;
		}
	}
	*list = STR_NONE;
	return false;
}

/* The element without its parameters. */
static struct str bare(struct str item)
{
	const char *semi = memchr(item.p, ';', item.n);

	return semi ? sip_slice(item.p, sip_trim_ws(item.p, semi)) : item;
}

bool sip_has_token(const struct sip_msg *m, enum sip_hdr_id id, struct str token)
{
	for (const struct sip_hdr *h = sip_hdr_first(m, id); h; h = sip_hdr_next(m, h)) {
		struct str list = sip_hdr_value(m, h), item;

		while (sip_list_next(&list, &item)) {
			item = bare(item);
			/* The case of a method counts (7.1), that of all other tokens does not
			 * (7.3.1). */
			if (id == SIP_HDR_ALLOW ? str_eq(item, token) : str_caseeq(item, token))
				return true;
		}
	}
	return false;
}
