/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/scan_priv.h"

void sip_put_request_line(struct buf *b, struct str method, struct str ruri)
{
	buf_put(b, method);
	buf_lit(b, " ");
	buf_put(b, ruri);
	buf_lit(b, " SIP/2.0\r\n");
}

void sip_put_status_line(struct buf *b, unsigned status, struct str reason)
{
	buf_lit(b, "SIP/2.0 ");
	buf_u64(b, status);
	buf_lit(b, " ");
	buf_put(b, reason.n ? reason : str_of(sip_reason_phrase(status)));
	buf_lit(b, "\r\n");
}

void sip_put_header(struct buf *b, enum sip_hdr_id id, struct str value)
{
	buf_put(b, str_of(sip_header_name(id)));
	buf_lit(b, ": ");
	buf_put(b, value);
	buf_lit(b, "\r\n");
}

void sip_put_all(struct buf *b, const struct sip_msg *m, enum sip_hdr_id id)
{
	for (const struct sip_hdr *h = sip_hdr_first(m, id); h; h = sip_hdr_next(m, h))
		sip_put_header(b, id, sip_hdr_value(m, h));
}

void sip_put_number(struct buf *b, enum sip_hdr_id id, uint32_t n)
{
	buf_put(b, str_of(sip_header_name(id)));
	buf_lit(b, ": ");
	buf_u64(b, n);
	buf_lit(b, "\r\n");
}

void sip_put_quoted(struct buf *b, struct str text)
{
	const char *p = text.p, *e = sip_end(text), *start = p;

	buf_lit(b, "\"");
	for (; p < e; p++) {
		bool end = *p == '\r' || *p == '\n';

		if (!end && *p != '"' && *p != '\\' && (uint8_t)*p >= ' ' && *p != 0x7f)
			continue;
		buf_put(b, sip_slice(start, p));
		if (end)
			buf_lit(b, " ");
		else
			buf_lit(b, "\\");
		start = end ? p + 1 : p;
	}
	buf_put(b, sip_slice(start, p));
	buf_lit(b, "\"");
}

void sip_put_user(struct buf *b, struct str octets)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *p = octets.p, *e = sip_end(octets);

	while (p < e) {
		const char *start = p;
		uint8_t c;

		p = sip_span(p, e, SIP_C_USER);
		buf_put(b, sip_slice(start, p));
		if (p == e)
			break;
		c = (uint8_t)*p++;
		buf_add(b, (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
	}
}

void sip_put_body(struct buf *b, struct str type, struct str body)
{
	if (body.n)
		sip_put_header(b, SIP_HDR_CONTENT_TYPE, type);
	buf_lit(b, "Content-Length: ");
	buf_u64(b, body.n);
	buf_lit(b, "\r\n\r\n");
	buf_put(b, body);
}
