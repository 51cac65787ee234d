/* SPDX-License-Identifier: Apache-2.0 */
/* CANCEL (RFC 3261 9.1) and the ACK for a failure (17.1.1.3), from the INVITE that they belong to.
 * Both are rare next to INVITEs, so its text is read again instead of keeping its parts. */
#include <errno.h>
#include "sip/sip_priv.h"

static int derive(const struct ctrans *ct, enum sip_method method, struct str to,
		  struct str headers, struct buf *b)
{
	struct sip_msg m;
	struct sip_cseq cseq;

	/* The core wrote it, without folded lines, so the parser changes nothing in it. */
	if (!ct->text || sip_msg_parse(&m, ct->text, ct->len) < 0 ||
	    sip_cseq_parse(sip_value(&m, SIP_HDR_CSEQ), &cseq) < 0)
		return -EINVAL;
	sip_put_request_line(b, str_of(sip_method_name(method)), m.ruri);
	sip_put_header(b, SIP_HDR_VIA, sip_value(&m, SIP_HDR_VIA));
	buf_lit(b, "Max-Forwards: 70\r\n");
	for (const struct sip_hdr *h = sip_hdr_first(&m, SIP_HDR_ROUTE); h; h = sip_hdr_next(&m, h))
		sip_put_header(b, SIP_HDR_ROUTE, sip_hdr_value(&m, h));
	sip_put_header(b, SIP_HDR_FROM, sip_value(&m, SIP_HDR_FROM));
	sip_put_header(b, SIP_HDR_TO, to.n ? to : sip_value(&m, SIP_HDR_TO));
	sip_put_header(b, SIP_HDR_CALL_ID, sip_value(&m, SIP_HDR_CALL_ID));
	put_cseq(b, cseq.num, method);
	buf_put(b, headers);
	sip_put_body(b, STR_NONE, STR_NONE);
	return buf_ok(b) ? 0 : -EMSGSIZE;
}

int derive_cancel(const struct ctrans *ct, struct buf *b)
{
	return derive(ct, SIP_CANCEL, STR_NONE, (struct str){ ct->cancel_headers, ct->cancel_len },
		      b);
}

int derive_ack(const struct ctrans *ct, const struct sip_msg *response, struct buf *b)
{
	return derive(ct, SIP_ACK, sip_value(response, SIP_HDR_TO), STR_NONE, b);
}
