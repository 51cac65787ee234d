/* SPDX-License-Identifier: Apache-2.0 */
/* Answers without a transaction (RFC 3261 8.2.7): nothing is kept, and a request that comes again
 * gets the same answer again. */
#include "sip/core_priv.h"

static void send_rejection(struct sip *s, const struct sip_msg *m, const struct sip_hop *source,
			   const struct invite_reply *reply)
{
	struct response r = { .reply = *reply };
	char tag[IDENT_LEN];
	struct sip_via via;
	struct str list = sip_value(m, SIP_HDR_VIA);
	struct sip_hop to = *source;
	struct echo e;
	struct buf b;

	if (!echo_read(s, &e, m, NULL, source)) {
		count(s, COUNT_DROP_MALFORMED);
		return;
	}
	ident_hashed(s, e.call_id, e.cseq, tag);
	r.tag = (struct str){ tag, sizeof(tag) };
	buf_init(&b, s->out, sizeof(s->out));
	response_put(s, &b, &e, &r);
	if (!buf_ok(&b))
		return;
	count(s, COUNT_REJECT_STATELESS);
	if (sip_via_parse(&list, &via) == 0)
		to = response_hop(&via, source);
	sip_transmit(s, &to, buf_str(&b));
}

void reject(struct sip *s, const struct incoming *in, unsigned status, struct str headers)
{
	struct invite_reply r = { .status = status, .headers = headers };

	if (in->m->method != SIP_ACK)
		send_rejection(s, in->m, &in->source, &r);
}

struct str retry_after(struct sip *s, char mem[RETRY_AFTER_LEN])
{
	struct buf b;

	buf_init(&b, mem, RETRY_AFTER_LEN);
	buf_lit(&b, "Retry-After: ");
	buf_u64(&b, loop_random_u32(s->loop, 11));
	buf_lit(&b, "\r\n");
	return buf_str(&b);
}

void reject_later(struct sip *s, const struct incoming *in)
{
	char mem[RETRY_AFTER_LEN];

	reject(s, in, 500, retry_after(s, mem));
}

void reject_method(struct sip *s, const struct incoming *in)
{
	char mem[160];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_allow(&b);
	reject(s, in, in->m->method == SIP_METHOD_OTHER ? 501 : 405, buf_str(&b));
}

/* UDP: has a source of this slot had its answer in this second? Sources that share a slot share the
 * second too: the table is bounded, and nobody is owed a reply to garbage. */
static bool limited(struct sip *s, const struct sip_hop *source)
{
	uint64_t h = siphash(s->reject_key, source->addr.ip, sizeof(source->addr.ip));
	uint64_t *last = &s->rejected[h % REJECT_SLOTS], now = loop_now(s->loop);

	if (sip_is_reliable(source->transport))
		return false; /* it is who it says, and its connection has bounds of its own */
	if (*last && now - *last < 1000)
		return true;
	*last = now;
	return false;
}

/* No octet in what a reply would copy that could end a line or more. */
static bool copyable(const struct sip_msg *m)
{
	static const enum sip_hdr_id ids[] = { SIP_HDR_VIA, SIP_HDR_FROM, SIP_HDR_TO,
					       SIP_HDR_CALL_ID, SIP_HDR_CSEQ };
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		for (const struct sip_hdr *h = sip_hdr_first(m, ids[i]); h;
		     h = sip_hdr_next(m, h)) {
			struct str v = sip_hdr_value(m, h);

			for (size_t k = 0; k < v.n; k++)
				if (((unsigned char)v.p[k] < ' ' && v.p[k] != '\t') ||
				    v.p[k] == 127)
					return false;
		}
	}
	return true;
}

void reject_malformed(struct sip *s, const struct sip_msg *m, const struct sip_hop *source, int err)
{
	struct invite_reply r = { .status = sip_error_status(err),
				  .reason = str_of(sip_error_text(err)) };

	count(s, COUNT_DROP_MALFORMED);
	if (!r.status || m->status || !m->method_name.n || m->method == SIP_ACK || !copyable(m))
		return;
	if (limited(s, source)) {
		count(s, COUNT_DROP_LIMITED);
		return;
	}
	send_rejection(s, m, source, &r);
}
