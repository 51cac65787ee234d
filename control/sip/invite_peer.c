/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of a leg say of themselves: Supported, Require, Allow. */
#include "sip/field.h"
#include "sip/invite_priv.h"

struct word {
	struct str word;
	unsigned bits;
};

static const struct word options[] = {
	{ STR("100rel"), INVITE_PEER_100REL },
	{ STR("timer"), INVITE_PEER_TIMER },
	{ STR("replaces"), INVITE_PEER_REPLACES },
	{ STR("from-change"), INVITE_PEER_FROM_CHANGE },
	{ STR("norefersub"), INVITE_PEER_NOREFERSUB },
};
#define OPTION_BITS                                                                                \
	(INVITE_PEER_TIMER | INVITE_PEER_REPLACES | INVITE_PEER_FROM_CHANGE |                      \
	 INVITE_PEER_NOREFERSUB)
#define REL_BITS (INVITE_PEER_100REL | INVITE_PEER_NEEDS_100REL)

static const struct word methods[] = {
	{ STR("UPDATE"), INVITE_PEER_UPDATE },
	{ STR("REFER"), INVITE_PEER_REFER },
	{ STR("INFO"), INVITE_PEER_INFO },
};
#define METHOD_BITS (INVITE_PEER_UPDATE | INVITE_PEER_REFER | INVITE_PEER_INFO)

static unsigned words_of(const struct sip_msg *m, enum sip_hdr_id id, const struct word *w,
			 size_t n)
{
	struct sip_each e = sip_each(m, id);
	unsigned bits = 0;
	struct str item;

	while (sip_each_next(&e, &item))
		for (size_t i = 0; i < n; i++)
			if (str_caseeq(item, w[i].word))
				bits |= w[i].bits;
	return bits;
}

#define WORDS(m, id, w) words_of(m, id, w, sizeof(w) / sizeof((w)[0]))

/* 100rel is about an INVITE: what is said of it elsewhere does not count. */
static unsigned options_said(unsigned said, const struct incoming *in)
{
	unsigned required = WORDS(in->m, SIP_HDR_REQUIRE, options);
	unsigned now = required | WORDS(in->m, SIP_HDR_SUPPORTED, options);

	if (required & INVITE_PEER_100REL && !in->m->status)
		now |= INVITE_PEER_NEEDS_100REL;
	if (in->c->cseq.method == SIP_INVITE)
		said &= ~(unsigned)REL_BITS;
	else
		now &= ~(unsigned)REL_BITS;
	return (said & ~(unsigned)OPTION_BITS) | now;
}

unsigned peer_said(unsigned said, const struct incoming *in)
{
	const struct sip_msg *m = in->m;

	if (m->first[SIP_HDR_SUPPORTED] || m->first[SIP_HDR_REQUIRE])
		said = options_said(said, in);
	if (m->first[SIP_HDR_ALLOW])
		said = (said & ~(unsigned)METHOD_BITS) | WORDS(m, SIP_HDR_ALLOW, methods);
	return said;
}

unsigned invite_peer(const struct invite *inv)
{
	return inv->peer;
}

/* ---- what we say ---- */

/* 100rel is offered for the INVITE that begins the call only: a response to another needs no PRACK. */
static void put_supported(const struct invite *inv, enum invite_text t, struct buf *b)
{
	bool rel = t == TEXT_INVITE || t == TEXT_RELIABLE || t == TEXT_2XX;

	buf_lit(b, "Supported: replaces, from-change");
	if (rel && inv->terms.rel != INVITE_REL_NEVER)
		buf_lit(b, ", 100rel");
	if (inv->terms.session_expires_s || inv->session.interval_s)
		buf_lit(b, ", timer");
	buf_lit(b, "\r\n");
}

void invite_put_lines(struct invite *inv, enum invite_text t, struct buf *b)
{
	put_supported(inv, t, b);
	if (t == TEXT_RELIABLE || (t == TEXT_INVITE && inv->terms.rel == INVITE_REL_REQUIRE))
		buf_lit(b, "Require: 100rel\r\n");
	if (t == TEXT_RELIABLE)
		buf_fmt(b, "RSeq: %u\r\n", rel_number(inv));
	if (t == TEXT_INVITE || t == TEXT_REINVITE ||
	    (t == TEXT_UPDATE && invite_is_established(inv)))
		session_put_request(inv, b);
}
