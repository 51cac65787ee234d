/* SPDX-License-Identifier: Apache-2.0 */
/* Which a=crypto lines are offered, chosen and answered. */
#include <errno.h>
#include "media/media_priv.h"
#include "media/sdes_priv.h"

static const struct conf_trunk *trunk_of(const struct media *m, unsigned leg)
{
	return leg_of(m, leg)->trunk;
}

/* Does the engine have it? One that was never there may. */
static bool engine_has_srtp(struct media *m)
{
	u32 caps = engine_caps(m->ms->engine);

	if (!caps || caps & FLOW_CAP_SRTP)
		return true;
	if (!m->ms->no_srtp)
		log_warn(m->ms->log, "media",
			 "the data plane has no SRTP: media that must be encrypted is refused");
	m->ms->no_srtp = true;
	return false;
}

static bool is_allowed(struct media *m, unsigned leg)
{
	return trunk_of(m, leg)->srtp != CONF_SRTP_OFF && engine_has_srtp(m);
}

bool sdes_may_carry(struct media *m, unsigned leg, u8 way)
{
	return trunk_of(m, leg)->srtp != CONF_SRTP_REQUIRE ||
	       (way == WAY_RTP && engine_has_srtp(m));
}

struct str sdes_proto(const struct terms *t, unsigned side)
{
	if (t->savp[side])
		return t->feedback ? STR("RTP/SAVPF") : STR("RTP/SAVP");
	return t->feedback ? STR("RTP/AVPF") : STR("RTP/AVP");
}

/* ---- reading ---- */

static bool has_suite(const struct conf_trunk *t, u8 suite)
{
	for (const char *const *s = t->srtp_suites; suite && *s; s++)
		if (suite_by_name(str_of(*s)) == suite)
			return true;
	return false;
}

static bool take(const struct sdp_crypto *c, u8 suite, struct sdes_key *k)
{
	if (suite_read_master(suite, c->key, k->master))
		return false;
	k->suite = suite;
	k->mki_len = c->mki_len;
	return true;
}

static bool was_offered(const struct sdes_list *l, u32 tag, u8 suite)
{
	for (unsigned i = 0; suite && i < l->n; i++)
		if (l->line[i].tag == tag && l->line[i].suite == suite)
			return true;
	return false;
}

/* Of an offer (`offered` NULL) the first that both can do (RFC 4568 5.1.2), of an answer one that was offered, by tag and
 * suite (5.1.3). */
static bool choose(const struct conf_trunk *t, const struct sdes_list *offered,
		   const struct sdp_media *in, struct sdes_key *k, u32 *tag)
{
	for (unsigned i = 0; i < in->n_crypto; i++) {
		const struct sdp_crypto *c = &in->crypto[i];
		u8 suite = suite_by_name(c->suite);
		bool fits = offered ? was_offered(offered, c->tag, suite) : has_suite(t, suite);
		if (!fits || !take(c, suite, k))
			continue;
		*tag = c->tag;
		return true;
	}
	return false;
}

/* Without a key that fits: where it is refused. An answer with lines none of which was offered is no plain one: who sent
 * it means to encrypt. */
static bool may_be_plain(const struct conf_trunk *t, const struct sdp_media *in, bool answer,
			 bool savp)
{
	return t->srtp != CONF_SRTP_REQUIRE && !savp && !sdp_is_savp(in->proto) &&
	       (!answer || t->srtp == CONF_SRTP_OFF || !in->n_crypto);
}

bool sdes_read_offer(struct media *m, const struct draft *d, const struct sdp_media *in,
		     struct line *l, const struct line *ours)
{
	unsigned side = d->offerer, leg = d->leg[side];
	const struct conf_trunk *t = trunk_of(m, leg);
	bool savp = sdp_is_savp(in->proto), found = false;

	l->offer.savp[side] = ours ? ours->offer.savp[side] : savp;
	if (l->offer.way != WAY_RTP)
		return t->srtp != CONF_SRTP_REQUIRE;
	if (is_allowed(m, leg))
		found = choose(t, ours ? &ours->offered : NULL, in, &l->theirs, &l->tag);
	if (found && !ours && !savp && t->srtp == CONF_SRTP_REQUIRE)
		found = false;
	if (found && sdes_is_ours(stream_at(m, (unsigned)(l - d->line)), leg, &l->theirs))
		return false;
	if (!found) {
		l->theirs.suite = FLOW_SUITE_NONE;
		return may_be_plain(t, in, ours != NULL, l->offer.savp[side]);
	}
	l->offer.suite[side] = l->theirs.suite;
	return true;
}

bool sdes_read_answer(struct media *m, unsigned side, const struct sdp_media *in,
		      const struct line *l, struct outcome *r)
{
	const struct draft *d = m->draft;
	const struct conf_trunk *t = trunk_of(m, d->leg[side]);
	bool found = false;

	r->theirs.suite = r->terms.suite[side] = FLOW_SUITE_NONE;
	if (r->terms.way != WAY_RTP)
		return t->srtp != CONF_SRTP_REQUIRE;
	if (d->across)
		r->terms.savp[side] = sdp_is_savp(in->proto);
	if (is_allowed(m, d->leg[side]))
		found = choose(t, d->across ? NULL : &l->offered, in, &r->theirs, &r->tag);
	/* Both directions would have one key stream. */
	if (found && sdes_is_ours(stream_at(m, (unsigned)(l - d->line)), d->leg[side], &r->theirs))
		return false;
	if (!found) {
		r->theirs.suite = FLOW_SUITE_NONE;
		return may_be_plain(t, in, !d->across, r->terms.savp[side]);
	}
	r->terms.suite[side] = r->theirs.suite;
	return true;
}

/* ---- writing ---- */

static void put(struct media *m, u32 tag, u8 suite)
{
	struct sdp_crypto *c = sdp_add_crypto(&m->ms->out);

	if (c)
		*c = (struct sdp_crypto){ .tag = tag, .suite = str_of(suite_name(suite)) };
}

void sdes_put_answer(struct media *m, u32 tag, u8 suite)
{
	if (suite)
		put(m, tag, suite);
}

bool sdes_wants_savp(struct media *m, const struct draft *d, unsigned side, const struct terms *old)
{
	switch (trunk_of(m, d->leg[side])->srtp) {
	case CONF_SRTP_REQUIRE:
		return true;
	case CONF_SRTP_OFFER: /* it may know nothing else */
		return old->savp[side] && old->suite[side];
	default:
		return false;
	}
}

static void add(struct sdes_list *l, u32 tag, u8 suite)
{
	if (!suite || l->n == sizeof(l->line) / sizeof(l->line[0]))
		return;
	l->line[l->n].tag = tag;
	l->line[l->n++].suite = suite;
}

/* What the leg was told last is said again, so that what did not change is no news. False: it was told nothing. */
static bool as_told(struct media *m, unsigned leg, unsigned i, struct sdes_list *l)
{
	struct sdp *old = &m->ms->old;

	if (known_read(leg_of(m, leg)->told, old) || i >= old->n_media || !old->media[i].port ||
	    !sdp_is_rtp(old->media[i].proto))
		return false;
	for (unsigned k = 0; k < old->media[i].n_crypto; k++)
		add(l, old->media[i].crypto[k].tag, suite_by_name(old->media[i].crypto[k].suite));
	return l->n || trunk_of(m, leg)->srtp != CONF_SRTP_REQUIRE;
}

void sdes_put_offer(struct media *m, const struct draft *d, unsigned side, unsigned i,
		    struct line *l)
{
	unsigned leg = d->leg[side];
	const char *const *name = trunk_of(m, leg)->srtp_suites;

	l->offered.n = 0;
	if (!is_allowed(m, leg) || l->offer.way != WAY_RTP)
		return;
	if (!as_told(m, leg, i, &l->offered))
		for (u32 tag = 1; *name; name++, tag++)
			add(&l->offered, tag, suite_by_name(str_of(*name)));
	for (unsigned k = 0; k < l->offered.n; k++)
		put(m, l->offered.line[k].tag, l->offered.line[k].suite);
}
