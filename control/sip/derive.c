/* SPDX-License-Identifier: Apache-2.0 */
/* CANCEL (RFC 3261 9.1), the ACK for a failure (17.1.1.3) and the same request once more, from the text of the
 * request that they follow. All are rare next to requests, so it is read again instead of keeping its parts. */
#include <errno.h>
#include "sip/trans_priv.h"

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
	put_cseq(b, cseq.num, str_of(sip_method_name(method)));
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

/* Is there such a line among these? */
static bool among(struct str lines, struct str name)
{
	struct str line;

	while (str_line(&lines, &line))
		if (line.n > name.n && line.p[name.n] == ':' &&
		    str_caseeq((struct str){ line.p, name.n }, name))
			return true;
	return false;
}

/* What one target has asked for is of no use to another. */
static bool is_credentials(unsigned id)
{
	return id == SIP_HDR_AUTHORIZATION || id == SIP_HDR_PROXY_AUTHORIZATION;
}

static void put_contact_again(const struct ctrans *ct, struct str value, const struct sip_hop *to,
			      struct buf *b)
{
	struct sip_addr a;
	struct sip_uri u;

	if (sip_addr_parse(value, &a) == 0 && sip_uri_parse(a.uri, &u) == 0)
		put_contact(ct->sip, b, to, u.user);
}

int derive_again(const struct ctrans *ct, const struct ctrans_again *a, const struct sip_hop *to,
		 const char *branch, struct buf *b)
{
	struct sip_msg m;

	if (!ct->text || sip_msg_parse(&m, ct->text, ct->len) < 0)
		return -EINVAL;
	sip_put_request_line(b, m.method_name, m.ruri);
	for (unsigned i = 0; i < m.n_hdr; i++) {
		const struct sip_hdr *h = &m.hdr[i];
		struct str name = sip_hdr_name(&m, h), value = sip_hdr_value(&m, h);

		if (a->to && is_credentials(h->id))
			continue;
		if (h->id == SIP_HDR_VIA)
			put_via(ct->sip, b, to, branch);
		else if (h->id == SIP_HDR_CONTACT)
			put_contact_again(ct, value, to, b);
		else if (h->id == SIP_HDR_CSEQ && a->cseq)
			put_cseq(b, a->cseq, m.method_name);
		else if (h->id == SIP_HDR_CONTENT_LENGTH)
			buf_put(b, a->headers);
		if (h->id == SIP_HDR_VIA || h->id == SIP_HDR_CONTACT ||
		    (h->id == SIP_HDR_CSEQ && a->cseq) || among(a->headers, name))
			continue;
		buf_put(b, name);
		buf_lit(b, ": ");
		buf_put(b, value);
		buf_lit(b, "\r\n");
	}
	buf_lit(b, "\r\n");
	buf_put(b, m.body);
	return buf_ok(b) ? 0 : -EMSGSIZE;
}
