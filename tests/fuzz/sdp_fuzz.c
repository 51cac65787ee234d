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

static void check(const struct sdp *s, struct str text)
{
	unsigned n_formats = 0, n_fb = 0;

	require(s->n_media <= SDP_MEDIA_MAX && s->n_formats <= SDP_FORMATS_MAX);
	for (unsigned i = 0; i < s->n_media; i++) {
		const struct sdp_media *m = &s->media[i];
		inside(m->kind, text);
		inside(m->proto, text);
		require(m->formats == s->formats + n_formats && m->fb == s->fb + n_fb);
		require(!m->port || m->addr.family == 4 || m->addr.family == 6);
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
	}
	require(n_formats == s->n_formats && n_fb == s->n_fb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[2 * SDP_SIZE_MAX], second[2 * SDP_SIZE_MAX];
	static struct sdp s;
	struct str text = { (const char *)data, size };
	struct buf a, b;

	if (sdp_parse(text, &s, NULL) < 0)
		return 0;
	check(&s, text);
	buf_init(&a, first, sizeof(first));
	sdp_print(&s, &a);
	require(buf_ok(&a));
	if (a.n > SDP_SIZE_MAX) /* LF became CR LF */
		return 0;
	require(sdp_parse(buf_str(&a), &s, NULL) == 0);
	check(&s, buf_str(&a));
	buf_init(&b, second, sizeof(second));
	sdp_print(&s, &b);
	require(str_eq(buf_str(&a), buf_str(&b)));
	return 0;
}
