/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a stream: ours for each leg, theirs as agreed, and what the engine was told of them. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"
#include "media/sdes_priv.h"

/* ---- memory ---- */

static void wipe_leg(struct sdes_leg *l)
{
	if (!l)
		return;
	explicit_bzero(l, sizeof(*l));
	free(l);
}

void sdes_drop_leg(struct stream *s, unsigned leg)
{
	if (!s->sdes)
		return;
	wipe_leg(s->sdes->leg[leg]);
	s->sdes->leg[leg] = NULL;
}

void sdes_free(struct stream *s)
{
	for (unsigned leg = 0; leg <= MEDIA_THIRD; leg++)
		sdes_drop_leg(s, leg);
	free(s->sdes);
	s->sdes = NULL;
}

void sdes_take_leg(struct stream *s, unsigned leg)
{
	if (!s->sdes)
		return;
	sdes_drop_leg(s, leg);
	s->sdes->leg[leg] = s->sdes->leg[MEDIA_THIRD];
	s->sdes->leg[MEDIA_THIRD] = NULL;
}

struct sdes_leg *sdes_leg_of(const struct stream *s, unsigned leg)
{
	return s && s->sdes ? s->sdes->leg[leg] : NULL;
}

static struct sdes_leg *make_leg(struct stream *s, unsigned leg)
{
	if (!s->sdes)
		s->sdes = calloc(1, sizeof(*s->sdes));
	if (s->sdes && !s->sdes->leg[leg])
		s->sdes->leg[leg] = calloc(1, sizeof(struct sdes_leg));
	return sdes_leg_of(s, leg);
}

/* ---- our keys ---- */

/* NULL: no memory. */
static const u8 *our_key(struct stream *s, unsigned leg, u8 suite)
{
	struct sdes_leg *l = make_leg(s, leg);

	if (!l)
		return NULL;
	if (!(l->made & 1u << suite)) {
		loop_random(s->m->ms->loop, l->ours[suite], suite_master(suite));
		l->made |= (u8)(1u << suite);
	}
	return l->ours[suite];
}

/* Those that packets went out with, and that are not in use now, would begin again at index 0. */
static void retire(struct sdes_leg *l, u8 suite)
{
	for (unsigned i = 1; i < FLOW_SUITE_COUNT; i++) {
		if (i == suite || !(l->used & 1u << i))
			continue;
		explicit_bzero(l->ours[i], sizeof(l->ours[i]));
		l->made &= (u8) ~(1u << i);
		l->used &= (u8) ~(1u << i);
	}
}

bool sdes_is_ours(const struct stream *s, unsigned leg, const struct sdes_key *k)
{
	const struct sdes_leg *l = sdes_leg_of(s, leg);

	return l && l->made & 1u << k->suite &&
	       !memcmp(l->ours[k->suite], k->master, suite_master(k->suite));
}

/* ---- in texts ---- */

static void put_text(struct media_shard *ms, const struct sdp *s, struct sdp_crypto *c, u8 suite,
		     const u8 *master)
{
	unsigned i = (unsigned)(c - s->crypto);
	struct buf b;

	buf_init(&b, ms->keys[i], sizeof(ms->keys[i]));
	suite_put_master(suite, master, &b);
	c->key = buf_str(&b);
}

int sdes_show(struct media *m, unsigned leg)
{
	struct sdp *out = &m->ms->out;

	for (unsigned i = 0; i < out->n_media; i++) {
		for (unsigned k = 0; k < out->media[i].n_crypto; k++) {
			struct sdp_crypto *c = &out->media[i].crypto[k];
			u8 suite = suite_by_name(c->suite);
			struct stream *s = stream_at(m, i);
			const u8 *master = s && suite ? our_key(s, leg, suite) : NULL;
			if (!master) {
				sdes_hide(m);
				return -ENOMEM;
			}
			put_text(m->ms, out, c, suite, master);
		}
	}
	return 0;
}

static void forget_texts(struct media_shard *ms, struct sdp *s)
{
	if (!s->n_crypto)
		return;
	for (unsigned i = 0; i < s->n_crypto; i++)
		s->crypto[i].key = STR_NONE;
	explicit_bzero(ms->keys, sizeof(ms->keys[0]) * s->n_crypto);
}

void sdes_hide(struct media *m)
{
	forget_texts(m->ms, &m->ms->out);
}

void sdes_forget_recalled(struct media *m)
{
	forget_texts(m->ms, &m->ms->in);
}

/* The tag that its suite has in what it is offered now; 0: none. */
static u32 tag_of(const struct sdes_list *l, u8 suite)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->line[i].suite == suite)
			return l->line[i].tag;
	return 0;
}

void sdes_recall(struct media *m, const struct draft *d, unsigned side)
{
	struct sdp *in = &m->ms->in;

	for (unsigned i = 0; i < in->n_media; i++) {
		struct sdp_media *line = &in->media[i];
		const struct stream *s = stream_at(m, i);
		const struct sdes_leg *l = sdes_leg_of(s, d->leg[side]);
		u8 suite = l && i < d->n ? l->theirs.suite : FLOW_SUITE_NONE;
		u32 tag = suite ? tag_of(&d->line[i].offered, suite) : 0;
		if (!tag || !line->n_crypto) {
			line->n_crypto = 0;
			continue;
		}
		line->n_crypto = 1;
		line->crypto[0] = (struct sdp_crypto){ .tag = tag,
						       .suite = str_of(suite_name(suite)),
						       .mki_len = l->theirs.mki_len };
		put_text(m->ms, in, &line->crypto[0], suite, l->theirs.master);
	}
}

/* ---- settled ---- */

static const struct sdes_key *said(const struct line *l, unsigned side, unsigned offerer)
{
	return side == offerer ? &l->theirs : &l->answer.theirs;
}

void sdes_settle(struct stream *s, const struct draft *d, struct line *l)
{
	struct terms *t = &l->answer.terms;

	if (!t->on) { /* what it was encrypted with is not forgotten meanwhile */
		memcpy(t->suite, s->now.suite, sizeof(t->suite));
		memcpy(t->savp, s->now.savp, sizeof(t->savp));
		return;
	}
	for (unsigned side = 0; side < 2; side++) {
		/* Who has been told a key of ours has one. */
		struct sdes_leg *leg = sdes_leg_of(s, d->leg[side]);
		if (!leg)
			continue;
		explicit_bzero(&leg->theirs, sizeof(leg->theirs));
		if (t->suite[side])
			leg->theirs = *said(l, side, d->offerer);
		retire(leg, t->suite[side]);
	}
}

/* ---- to the engine ---- */

static u64 print_of(const struct stream *s, u8 suite, const u8 *master)
{
	u8 mem[1 + SUITE_MASTER_MAX] = { suite };
	u64 h;

	memcpy(mem + 1, master, suite_master(suite));
	h = siphash(s->m->ms->key, mem, 1 + suite_master(suite));
	explicit_bzero(mem, sizeof(mem));
	return h;
}

/* Another key has another number. */
static void number(struct stream *s, unsigned side, struct sdes_told *told, u64 print, u32 flags)
{
	bool out = told == &s->sdes->out[side];

	if (told->number && told->print == print)
		return;
	if (told->number)
		resume_new_key(s, side, out);
	told->number++;
	told->print = print;
	told->flags = flags;
}

static int put(struct flow_crypto *c, const struct sdes_told *told, u8 suite, const u8 *master)
{
	c->number = told->number;
	c->flags = told->flags;
	return suite_derive(suite, master, c);
}

static int fill_side(struct stream *s, unsigned side, const struct sdes_key *theirs,
		     struct flow_side *f)
{
	unsigned leg = stream_leg(s, side);
	const u8 *ours = our_key(s, leg, theirs->suite);
	u32 keep = leg_of(s->m, leg)->trunk->srtp_roc == CONF_ROC_KEEP ? FLOW_CRYPTO_KEEP_ROC : 0;
	struct sdes_leg *l = sdes_leg_of(s, leg);
	u32 caps = engine_caps(s->m->ms->engine);
	int rc;

	if (!ours)
		return -ENOMEM;
	if (caps &&
	    !(caps & FLOW_CAP_SRTP)) /* it would pass over the keys, and relay in the open */
		return -EOPNOTSUPP;
	number(s, side, &s->sdes->in[side], print_of(s, theirs->suite, theirs->master), keep);
	/* A key of ours that is back never begins again: its indices were used. */
	number(s, side, &s->sdes->out[side], print_of(s, theirs->suite, ours),
	       l->used & 1u << theirs->suite ? FLOW_CRYPTO_KEEP_ROC : keep);
	l->used |= (u8)(1u << theirs->suite);
	rc = put(&f->in, &s->sdes->in[side], theirs->suite, theirs->master);
	if (!rc)
		rc = put(&f->out, &s->sdes->out[side], theirs->suite, ours);
	f->in.mki_len = theirs->mki_len;
	return rc;
}

int sdes_fill(struct stream *s, struct flow *f)
{
	unsigned offerer;
	const struct line *open = stream_open_line(s, &offerer);
	const struct terms *t = stream_terms(s);
	int rc = 0;

	if (!t->on) { /* it may come back, with the same keys */
		t = &s->now;
		open = NULL;
	}
	for (unsigned side = 0; side < 2 && !rc; side++) {
		const struct sdes_leg *l = sdes_leg_of(s, stream_leg(s, side));
		const struct sdes_key *k = open ? said(open, side, offerer) : l ? &l->theirs : NULL;
		if (!t->suite[side])
			continue;
		/* Never in the open what was agreed to be encrypted. */
		rc = k && k->suite ? fill_side(s, side, k, &f->side[side]) : -ENOKEY;
	}
	return rc;
}
