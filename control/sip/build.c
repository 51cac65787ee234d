/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/msg.h"

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

void sip_put_body(struct buf *b, struct str type, struct str body)
{
	if (body.n)
		sip_put_header(b, SIP_HDR_CONTENT_TYPE, type);
	buf_lit(b, "Content-Length: ");
	buf_u64(b, body.n);
	buf_lit(b, "\r\n\r\n");
	buf_put(b, body);
}
