/* SPDX-License-Identifier: Apache-2.0 */
/* One value of an authentication field, read as a challenge and as credentials: every slice lies inside it,
 * and what was read is written again as one line, which reads and prints the same. */
#include <stdlib.h>
#include "sip/auth_priv.h"

#define OUT_MAX 16384

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void inside(struct str s, struct str text)
{
	require(!s.n || (s.p >= text.p && s.n <= AUTH_VALUE_MAX && s.n <= text.n &&
			 (size_t)(s.p - text.p) <= text.n - s.n));
}

/* The value of the only line; what stands in it is no line end. */
static struct str value_of(const struct buf *b)
{
	const char *colon = memchr(b->p, ':', b->n);

	require(buf_ok(b) && colon && b->n > 2 && memcmp(b->p + b->n - 2, "\r\n", 2) == 0);
	require(!memchr(b->p, '\n', b->n - 1) && !memchr(b->p, '\r', b->n - 2));
	return str_trim((struct str){ colon + 1, (size_t)(b->p + b->n - colon) - 3 });
}

static void check_unescape(struct str raw)
{
	char plain[AUTH_VALUE_MAX], again[2 * AUTH_VALUE_MAX];
	struct str s = auth_unescape(raw, plain);

	require(s.n <= raw.n);
	if (memchr(s.n ? s.p : "", '\t', s.n))
		return; /* only inside of what others wrote */
	s = auth_escape(s, again, sizeof(again));
	require(!raw.n || s.p);
}

/* Written, read and written once more: the same. */
#define AGAIN(kind, proxy, c)                                                                      \
	do {                                                                                       \
		char first_[OUT_MAX], second_[OUT_MAX];                                            \
		struct buf a_, b_;                                                                 \
		buf_init(&a_, first_, sizeof(first_));                                             \
		kind##_put(&a_, (proxy), (c));                                                     \
		require(kind##_parse(value_of(&a_), (c)) == 0);                                    \
		buf_init(&b_, second_, sizeof(second_));                                           \
		kind##_put(&b_, (proxy), (c));                                                     \
		require(str_eq(buf_str(&a_), buf_str(&b_)));                                       \
	} while (0)

static void check_challenge(struct str text)
{
	struct auth_challenge c;

	if (auth_challenge_parse(text, &c))
		return;
	inside(c.realm, text);
	inside(c.nonce, text);
	inside(c.opaque, text);
	inside(c.domain, text);
	check_unescape(c.realm);
	require(c.nonce.n && (c.has_qop || !(c.qop_auth || c.qop_auth_int)));
	if (c.algorithm == AUTH_ALGORITHMS) /* nobody writes an algorithm that he does not know */
		return;
	AGAIN(auth_challenge, text.n & 1, &c);
}

static void check_digest(const struct auth_credentials *c)
{
	char user[AUTH_VALUE_MAX], out[AUTH_HEX_MAX];
	struct auth_input in = { .algorithm = c->algorithm,
				 .sess = c->sess,
				 .user = auth_unescape(c->username, user),
				 .realm = c->realm,
				 .nonce = c->nonce,
				 .cnonce = c->cnonce,
				 .nc = c->nc,
				 .qop = c->qop,
				 .method = STR("INVITE"),
				 .uri = c->uri };

	require(auth_digest(&in, out) == auth_hex_len(c->algorithm));
}

static void check_credentials(struct str text)
{
	struct auth_credentials c;

	if (auth_credentials_parse(text, &c))
		return;
	inside(c.username, text);
	inside(c.realm, text);
	inside(c.nonce, text);
	inside(c.uri, text);
	inside(c.response, text);
	inside(c.opaque, text);
	inside(c.cnonce, text);
	inside(c.nc, text);
	inside(c.qop, text);
	check_unescape(c.username);
	check_digest(&c);
	if (c.algorithm == AUTH_ALGORITHMS)
		return;
	AGAIN(auth_credentials, text.n & 1, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };

	check_challenge(text);
	check_credentials(text);
	return 0;
}
