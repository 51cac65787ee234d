/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of RFC 7616 3.4.1. H(A1) is worth a password and is wiped. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "sip/auth_priv.h"

static const EVP_MD *md_of(enum auth_algorithm algorithm)
{
	switch (algorithm) {
	case AUTH_MD5:
		return EVP_md5();
	case AUTH_SHA256:
		return EVP_sha256();
	case AUTH_SHA512_256:
		return EVP_sha512_256();
	case AUTH_ALGORITHMS:
		break;
	}
	return NULL;
}

size_t auth_hex_len(enum auth_algorithm algorithm)
{
	return algorithm == AUTH_MD5 ? 32 : algorithm < AUTH_ALGORITHMS ? 64 : 0;
}

/* One algorithm and the context that does all of its sums. */
struct sum {
	EVP_MD_CTX *ctx;
	const EVP_MD *md;
	bool failed;
};

static bool sum_begin(struct sum *s, enum auth_algorithm algorithm)
{
	*s = (struct sum){ .ctx = EVP_MD_CTX_new(), .md = md_of(algorithm) };
	return s->ctx && s->md;
}

static void put_hex(const uint8_t *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = "0123456789abcdef"[p[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
	}
}

/* The parts with colons between them, as hexadecimal digits. */
static struct str sum_of(struct sum *s, const struct str *part, unsigned n, char out[AUTH_HEX_MAX])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestInit_ex(s->ctx, s->md, NULL) != 1)
		s->failed = true;
	for (unsigned i = 0; i < n && !s->failed; i++) {
		if ((i && EVP_DigestUpdate(s->ctx, ":", 1) != 1) ||
		    (part[i].n && EVP_DigestUpdate(s->ctx, part[i].p, part[i].n) != 1))
			s->failed = true;
	}
	if (s->failed || EVP_DigestFinal_ex(s->ctx, md, &len) != 1 || 2 * len > AUTH_HEX_MAX) {
		s->failed = true;
		return STR_NONE;
	}
	put_hex(md, len, out);
	OPENSSL_cleanse(md, sizeof(md));
	return (struct str){ out, 2 * (size_t)len };
}

#define SUM(s, out, ...)                                                                           \
	sum_of((s), (const struct str[]){ __VA_ARGS__ },                                           \
	       sizeof((const struct str[]){ __VA_ARGS__ }) / sizeof(struct str), (out))

static struct str sum_a1(struct sum *s, const struct auth_input *in, char out[AUTH_HEX_MAX])
{
	struct str a1 = SUM(s, out, in->user, in->realm, in->password);

	return in->sess ? SUM(s, out, a1, in->nonce, in->cnonce) : a1;
}

static struct str sum_a2(struct sum *s, const struct auth_input *in, char out[AUTH_HEX_MAX])
{
	struct str body;

	if (!str_caseeq(in->qop, STR("auth-int")))
		return SUM(s, out, in->method, in->uri);
	body = SUM(s, out, in->body);
	return SUM(s, out, in->method, in->uri, body);
}

size_t auth_digest(const struct auth_input *in, char out[AUTH_HEX_MAX])
{
	char a1[AUTH_HEX_MAX], a2[AUTH_HEX_MAX];
	struct str h1, h2, r = STR_NONE;
	struct sum s;

	if (sum_begin(&s, in->algorithm)) {
		h1 = sum_a1(&s, in, a1);
		h2 = sum_a2(&s, in, a2);
		r = in->qop.n ? SUM(&s, out, h1, in->nonce, in->nc, in->cnonce, in->qop, h2)
			      : SUM(&s, out, h1, in->nonce, h2);
	}
	OPENSSL_cleanse(a1, sizeof(a1));
	EVP_MD_CTX_free(s.ctx);
	return r.n;
}

size_t auth_userhash(enum auth_algorithm algorithm, struct str user, struct str realm,
		     char out[AUTH_HEX_MAX])
{
	struct str r = STR_NONE;
	struct sum s;

	if (sum_begin(&s, algorithm))
		r = SUM(&s, out, user, realm);
	EVP_MD_CTX_free(s.ctx);
	return r.n;
}

bool auth_algorithm_usable(enum auth_algorithm algorithm)
{
	char out[AUTH_HEX_MAX];

	return auth_userhash(algorithm, STR_NONE, STR_NONE, out) != 0;
}
