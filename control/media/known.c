/* SPDX-License-Identifier: Apache-2.0 */
/* What each leg said and was told last, as text without addresses and ports. Most calls of a PBX say the same, so
 * equal texts are kept once in a shard: a call holds pointers. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

#define DISCARD_PORT 9 /* stands for a port in what is kept */

struct key {
	const void *p;
	size_t n;
};

static bool is_equal(const struct table_node *n, const void *key)
{
	const struct known *k = (const struct known *)n;
	const struct key *want = key;

	return k->n == want->n && !memcmp(k->p, want->p, k->n);
}

struct known *known_get(struct media_shard *ms, const void *p, size_t n)
{
	const struct key key = { p, n };
	u64 hash = table_hash(&ms->known, p, n);
	struct known *k = (struct known *)table_find(&ms->known, hash, is_equal, &key);

	if (k)
		return known_ref(k);
	k = malloc(sizeof(*k) + n);
	if (!k)
		return NULL;
	k->refs = 1;
	k->n = (u32)n;
	memcpy(k->p, p, n);
	table_add(&ms->known, &k->node, hash);
	return k;
}

void known_put(struct media_shard *ms, struct known *k)
{
	if (!k || --k->refs)
		return;
	table_del(&ms->known, &k->node);
	free(k);
}

void known_set(struct media_shard *ms, struct known **at, struct known *k)
{
	known_put(ms, *at);
	*at = k;
}

/* ---- descriptions ---- */

static struct known *keep(struct media_shard *ms, struct sdp *s)
{
	char text[SDP_SIZE_MAX];
	struct buf b;

	s->id = s->version = 0;
	s->origin = (struct addr){ 0 };
	s->keyless = true; /* texts are shared, and stay for as long as anybody has the same */
	buf_init(&b, text, sizeof(text));
	sdp_print(s, &b);
	s->keyless = false;
	return buf_ok(&b) ? known_get(ms, b.p, b.n) : NULL;
}

struct known *known_out(struct media_shard *ms)
{
	struct sdp *s = &ms->out;

	for (unsigned i = 0; i < s->n_media; i++)
		if (s->media[i].port && !s->media[i].addr.family)
			s->media[i].port = DISCARD_PORT;
	return keep(ms, s);
}

struct known *known_in(struct media_shard *ms, const u8 dir[SDP_MEDIA_MAX])
{
	struct sdp_media was[SDP_MEDIA_MAX];
	struct sdp *s = &ms->in;

	for (unsigned i = 0; i < s->n_media; i++) {
		struct sdp_media *l = &s->media[i];
		was[i] = *l;
		l->rtcp = (struct addr){ 0 };
		if (!sdp_is_group(&l->addr)) {
			l->addr = (struct addr){ 0 };
			l->port = l->port ? DISCARD_PORT : 0;
		}
		l->dir = dir[i];
	}
	struct known *k = keep(ms, s);
	for (unsigned i = 0; i < s->n_media; i++)
		s->media[i] = was[i];
	return k;
}

int known_read(const struct known *k, struct sdp *out)
{
	static const u8 zero[16];
	int rc = k ? sdp_parse((struct str){ k->p, k->n }, out, NULL) : -ENOENT;

	for (unsigned i = 0; i < out->n_media && !rc; i++)
		if (!memcmp(out->media[i].addr.ip, zero, sizeof(zero)))
			out->media[i].addr = (struct addr){ 0 };
	return rc;
}

u32 known_hash(struct media_shard *ms)
{
	char text[2 * SDP_SIZE_MAX];
	struct sdp *s = &ms->in;
	struct buf b;
	u32 hash;

	s->id = s->version = 0;
	s->origin = (struct addr){ 0 };
	buf_init(&b, text, sizeof(text));
	sdp_print(s, &b);
	hash = buf_ok(&b) ? (u32)siphash(ms->key, b.p, b.n) | 1 : 0;
	if (s->n_crypto)
		explicit_bzero(text, sizeof(text));
	return hash;
}

/* ---- what payload types meant on a leg: RFC 3264 8.3.2 ---- */

struct meaning {
	u32 codec;
	u8 line, pt;
	u16 zero;
};

static unsigned meanings_of(const struct known *k, const struct meaning **out)
{
	*out = k ? (const struct meaning *)k->p : NULL;
	return k ? k->n / sizeof(struct meaning) : 0;
}

u32 numbers_codec(const struct known *numbers, unsigned line, u8 pt)
{
	const struct meaning *a;

	for (unsigned i = 0, n = meanings_of(numbers, &a); i < n; i++)
		if (a[i].line == line && a[i].pt == pt)
			return a[i].codec;
	return 0;
}

u8 numbers_find(const struct known *numbers, unsigned line, u32 codec, unsigned nth)
{
	const struct meaning *a;

	for (unsigned i = 0, n = meanings_of(numbers, &a); i < n; i++)
		if (a[i].line == line && a[i].codec == codec && !nth--)
			return a[i].pt;
	return SDP_PT_NONE;
}

#define MEANINGS_MAX (SDP_MEDIA_MAX * 48)

static unsigned learn(struct meaning *a, unsigned n, const struct sdp *s)
{
	struct codec c;

	for (unsigned i = 0; i < s->n_media; i++) {
		for (unsigned k = 0; k < s->media[i].n_formats; k++) {
			const struct sdp_format *f = &s->media[i].formats[k];
			unsigned at = 0;
			if (!pt_is_dynamic(f->pt) || !codec_of(f, &c))
				continue;
			while (at < n && (a[at].line != i || a[at].pt != f->pt))
				at++;
			if (at == MEANINGS_MAX)
				return n;
			a[at] = (struct meaning){ codec_hash(&c), (u8)i, f->pt, 0 };
			n += at == n;
		}
	}
	return n;
}

/* Calls of one PBX say the same again and again, and what is kept once has one address: then so is what follows from
 * it. */
static struct learned *learned_at(struct media_shard *ms, const struct media_leg *l)
{
	uintptr_t mix = (uintptr_t)l->told ^ (uintptr_t)l->said * 3 ^ (uintptr_t)l->numbers * 7;

	return &ms->learned[(mix >> 5) % LEARNED_MAX];
}

void learned_forget(struct media_shard *ms)
{
	for (unsigned i = 0; i < LEARNED_MAX; i++)
		for (unsigned k = 0; k < 4; k++)
			known_set(ms, &ms->learned[i].of[k], NULL);
}

static void remember(struct media_shard *ms, struct learned *r, struct known *of[4])
{
	for (unsigned i = 0; i < 4; i++)
		known_set(ms, &r->of[i], of[i] ? known_ref(of[i]) : NULL);
}

static void learn_anew(struct media_shard *ms, struct media_leg *l)
{
	struct meaning a[MEANINGS_MAX];
	const struct meaning *before;
	unsigned n = meanings_of(l->numbers, &before);

	if (n)
		memcpy(a, before, n * sizeof(a[0]));
	if (!known_read(l->told, &ms->old))
		n = learn(a, n, &ms->old);
	if (!known_read(l->said, &ms->old))
		n = learn(a, n, &ms->old);
	if (n * sizeof(a[0]) == (l->numbers ? l->numbers->n : 0) &&
	    (!n || !memcmp(a, l->numbers->p, l->numbers->n)))
		return;
	struct known *k = known_get(ms, a, n * sizeof(a[0]));
	if (k)
		known_set(ms, &l->numbers, k);
}

void numbers_learn(struct media_shard *ms, struct media_leg *l)
{
	struct learned *r = learned_at(ms, l);
	struct known *before = l->numbers;

	if (r->of[0] == l->told && r->of[1] == l->said && r->of[2] == before && r->of[3]) {
		if (before != r->of[3])
			known_set(ms, &l->numbers, known_ref(r->of[3]));
		return;
	}
	if (before)
		known_ref(before);
	learn_anew(ms, l);
	remember(ms, r, (struct known *[4]){ l->told, l->said, before, l->numbers });
	known_put(ms, before);
}
