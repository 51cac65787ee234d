/* SPDX-License-Identifier: Apache-2.0 */
/* Every slice lies inside the text, and what is printed from a parsed description is read again as
 * the same: printing that gives the same octets. */
#include <stdlib.h>
#include "sdp/sdp.h"

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void inside(struct str s, struct str text)
{
	require(!s.n || (s.p >= text.p && s.n <= text.n && (size_t)(s.p - text.p) <= text.n - s.n));
}

static void check_crypto(const struct sdp_media *m, struct str text)
{
	for (unsigned i = 0; i < m->n_crypto; i++) {
		const struct sdp_crypto *c = &m->crypto[i];
		inside(c->suite, text);
		inside(c->key, text);
		inside(c->mki, text);
		require(c->tag && sdp_is_token(c->suite) && c->key.n <= 64);
		require(c->mki_len <= 128 && !c->mki_len == !c->mki.n);
	}
}

static void check(const struct sdp *s, struct str text)
{
	unsigned n_formats = 0, n_fb = 0, n_crypto = 0;

	require(s->n_media <= SDP_MEDIA_MAX && s->n_formats <= SDP_FORMATS_MAX);
	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];
		inside(m->kind, text);
		inside(m->proto, text);
		require(m->formats == s->formats + n_formats && m->fb == s->fb + n_fb &&
			m->crypto == s->crypto + n_crypto);
		require(!m->port || m->addr.family == 4 || m->addr.family == 6);
		require(!m->group.has_ttl || (m->addr.family == 4 && sdp_is_group(&m->addr)));
		require(m->group.n <= 1 || sdp_is_group(&m->addr));
		require(m->t38.has < 1u << SDP_T38_FACTS);
		for (unsigned k = 0; k < m->n_formats; k++) {
			inside(m->formats[k].id, text);
			inside(m->formats[k].name, text);
			inside(m->formats[k].fmtp, text);
			require(m->formats[k].pt < 128 || m->formats[k].pt == SDP_PT_NONE);
		}
		for (unsigned k = 0; k < m->n_fb; k++)
			inside(m->fb[k].value, text);
		n_formats += m->n_formats;
		n_fb += m->n_fb;
		n_crypto += m->n_crypto;
		check_crypto(m, text);
	}
	require(n_formats == s->n_formats && n_fb == s->n_fb && n_crypto == s->n_crypto);
}

/* What was read is what will be read: as far as facts are not slices. */
struct facts {
	struct addr addr;
	struct sdp_group group;
	struct sdp_t38 t38;
};

static void take_facts(const struct sdp *s, struct facts f[SDP_MEDIA_MAX])
{
	memset(f, 0, SDP_MEDIA_MAX * sizeof(*f));
	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];
		f[i].addr = m->addr;
		f[i].group.n = m->group.n > 1 ? m->group.n : 1;
		f[i].group.ttl = m->group.ttl;
		f[i].group.has_ttl = m->group.has_ttl;
		for (unsigned k = 0; k < SDP_T38_FACTS; k++)
			f[i].t38.value[k] = m->t38.value[k]; /* a flag of 0 is as good as none */
	}
}

static void compare_facts(const struct facts *a, const struct facts *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		require(!a[i].addr.family || addr_ip_eq(&a[i].addr, &b[i].addr));
		if (!a[i].addr.family)
			continue;
		require(a[i].group.n == b[i].group.n && a[i].group.ttl == b[i].group.ttl &&
			a[i].group.has_ttl == b[i].group.has_ttl);
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < SDP_T38_FACTS; k++)
			require(a[i].t38.value[k] == b[i].t38.value[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[2 * SDP_SIZE_MAX], second[2 * SDP_SIZE_MAX];
	static struct sdp s;
	static struct facts before[SDP_MEDIA_MAX], after[SDP_MEDIA_MAX];
	struct str text = { (const char *)data, size };
	struct buf a, b;

	if (sdp_parse(text, &s, NULL) < 0)
		return 0;
	check(&s, text);
	take_facts(&s, before);
	buf_init(&a, first, sizeof(first));
	sdp_print(&s, &a);
	require(buf_ok(&a));
	if (a.n > SDP_SIZE_MAX) /* LF became CR LF */
		return 0;
	require(sdp_parse(buf_str(&a), &s, NULL) == 0);
	check(&s, buf_str(&a));
	take_facts(&s, after);
	compare_facts(before, after, s.n_media);
	buf_init(&b, second, sizeof(second));
	sdp_print(&s, &b);
	require(str_eq(buf_str(&a), buf_str(&b)));
	return 0;
}
