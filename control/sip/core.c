/* SPDX-License-Identifier: Apache-2.0 */
/* What must be there and readable before anybody looks closer (RFC 3261 8.1.1, 8.2, 16.3). */
#include "sip/scan_priv.h"

/* Beyond this a request has gone round in circles. */
#define VIA_MAX 70

/* Fields whose repetition would let two readers see two different messages: those of one word of
 * the set. */
#define BIT(id, word) (SIP_HDR_##id / 64 == (word) ? 1ull << SIP_HDR_##id % 64 : 0)
#define SINGLE(w)                                                                                  \
	(BIT(FROM, w) | BIT(TO, w) | BIT(CALL_ID, w) | BIT(CSEQ, w) | BIT(MAX_FORWARDS, w) |       \
	 BIT(CONTENT_TYPE, w) | BIT(CONTENT_LENGTH, w) | BIT(CONTENT_DISPOSITION, w) |             \
	 BIT(EXPIRES, w) | BIT(SESSION_EXPIRES, w) | BIT(MIN_SE, w) | BIT(RSEQ, w) |               \
	 BIT(RACK, w) | BIT(REPLACES, w) | BIT(REFER_TO, w) | BIT(REFERRED_BY, w) |                \
	 BIT(EVENT, w) | BIT(SUBSCRIPTION_STATE, w) | BIT(SIP_ETAG, w) | BIT(SIP_IF_MATCH, w) |    \
	 BIT(JOIN, w) | BIT(TARGET_DIALOG, w) | BIT(MIN_EXPIRES, w) | BIT(FLOW_TIMER, w) |         \
	 BIT(REFER_SUB, w) | BIT(MAX_BREADTH, w) | BIT(INFO_PACKAGE, w) | BIT(MIME_VERSION, w))
_Static_assert(SIP_HDR_WORDS == 2, "repeats_single() looks at two words");

static bool repeats_single(const struct sip_msg *m)
{
	return ((m->repeated[0] & SINGLE(0)) | (m->repeated[1] & SINGLE(1))) != 0;
}

static int count_vias(const struct sip_msg *m, struct sip_core *c)
{
	for (const struct sip_hdr *h = sip_hdr_first(m, SIP_HDR_VIA); h; h = sip_hdr_next(m, h)) {
		struct str list = sip_hdr_value(m, h);
		struct sip_via lower;

		do {
			struct sip_via *v = c->n_via ? &lower : &c->via;

			if (++c->n_via > VIA_MAX || sip_via_parse(&list, v))
				return -SIP_E_VIA;
		} while (list.n);
	}
	return 0;
}

/* Transactions are matched by branches that begin with the magic cookie (8.1.1.7); RFC 2543's are
 * not taken. Of a response the topmost Via is ours, and compared as a whole. */
static int read_via(const struct sip_msg *m, struct sip_core *c)
{
	const struct str cookie = STR("z9hG4bK");
	struct str b;

	if (count_vias(m, c))
		return -SIP_E_VIA;
	b = c->via.branch;
	if (!m->status && (b.n <= cookie.n || !str_caseeq((struct str){ b.p, cookie.n }, cookie)))
		return -SIP_E_VIA;
	return 0;
}

static int read_addresses(const struct sip_msg *m, struct sip_core *c)
{
	int from = sip_addr_parse(sip_value(m, SIP_HDR_FROM), &c->from);
	int to = sip_addr_parse(sip_value(m, SIP_HDR_TO), &c->to);

	if (from || to || (!m->status && c->from.tag.n == 0))
		return -SIP_E_ADDRESS;
	return 0;
}

/* Octets of a Call-ID are all visible ones but a few; the few are harmless. */
static int read_call_id(const struct sip_msg *m, struct sip_core *c)
{
	struct str s = sip_value(m, SIP_HDR_CALL_ID);

	if (s.n == 0 || s.n > SIP_TOKEN_MAX)
		return -SIP_E_HEADER;
	for (const char *e = s.p + s.n, *p = sip_span(s.p, e, SIP_C_VALUE); p < e; p++) {
		if ((uint8_t)(*p - 0x21) > 0x7e - 0x21)
			return -SIP_E_HEADER;
	}
	c->call_id = s;
	return 0;
}

static int read_cseq(const struct sip_msg *m, struct sip_core *c)
{
	if (sip_cseq_parse(sip_value(m, SIP_HDR_CSEQ), &c->cseq))
		return -SIP_E_CSEQ;
	return str_eq(c->cseq.method_name, m->method_name) ? 0 : -SIP_E_CSEQ;
}

static int read_max_forwards(const struct sip_msg *m, struct sip_core *c)
{
	uint32_t n = 70;

	if (m->first[SIP_HDR_MAX_FORWARDS] && !m->status &&
	    sip_scan_number(sip_value(m, SIP_HDR_MAX_FORWARDS), UINT8_MAX, &n))
		return -SIP_E_MAX_FORWARDS;
	c->max_forwards = (uint8_t)n;
	return 0;
}

/* 19.1.1: a Request-URI has no headers part, whose fields nobody must act on. */
static int read_ruri(const struct sip_msg *m, struct sip_core *c)
{
	int rc;

	if (m->status)
		return 0;
	rc = sip_uri_parse(m->ruri, &c->ruri);
	if (rc == -SIP_E_SCHEME)
		rc = sip_urn_parse(m->ruri, &c->ruri);
	return rc ? rc : c->ruri.headers.n ? -SIP_E_URI : 0;
}

int sip_msg_core(const struct sip_msg *m, struct sip_core *c)
{
	static const uint8_t mandatory[] = { SIP_HDR_VIA, SIP_HDR_FROM, SIP_HDR_TO, SIP_HDR_CALL_ID,
					     SIP_HDR_CSEQ };
	int rc[] = { 0, 0, 0, 0, 0, 0, 0, 0 };

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < sizeof(mandatory); i++) {
		if (!m->first[mandatory[i]])
			rc[0] = -SIP_E_MISSING;
	}
	if (repeats_single(m))
		rc[1] = -SIP_E_DUPLICATE;
	rc[2] = read_via(m, c);
	rc[3] = read_addresses(m, c);
	rc[4] = read_call_id(m, c);
	rc[5] = read_cseq(m, c);
	rc[6] = read_max_forwards(m, c);
	rc[7] = read_ruri(m, c);
	for (size_t i = 0; i < sizeof(rc) / sizeof(rc[0]); i++) {
		if (rc[i])
			return rc[i];
	}
	return 0;
}
