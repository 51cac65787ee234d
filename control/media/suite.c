/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/evp.h>
#include "media/suite.h"

static const struct {
	const char *name;
	u8 key, salt; /* octets of the master key and its salt, and of the session's */
	u8 auth;
} suites[FLOW_SUITE_COUNT] = {
	[FLOW_SUITE_NONE] = { "", 0, 0, 0 },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", 16, 14, 20 },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", 16, 14, 20 },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { "AES_256_CM_HMAC_SHA1_80", 32, 14, 20 },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { "AES_256_CM_HMAC_SHA1_32", 32, 14, 20 },
	[FLOW_SUITE_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 16, 12, 0 },
	[FLOW_SUITE_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 32, 12, 0 },
};

u8 suite_by_name(struct str name)
{
	for (u8 i = 1; i < FLOW_SUITE_COUNT; i++)
		if (str_eq(name, str_of(suites[i].name)))
			return i;
	return FLOW_SUITE_NONE;
}

const char *suite_name(u8 suite)
{
	return suites[suite].name;
}

unsigned suite_master(u8 suite)
{
	return suites[suite].key + suites[suite].salt;
}

/* ---- base64 (RFC 4648 4) ---- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int suite_read_master(u8 suite, struct str text, u8 out[SUITE_MASTER_MAX])
{
	unsigned want = suite_master(suite), bits = 0, n = 0;
	u32 acc = 0;

	for (unsigned i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
		text.n--;
	if (!want || text.n != (want * 8 + 5) / 6)
		return -EINVAL;
	for (size_t i = 0; i < text.n; i++) {
		int d = digit(text.p[i]);
		if (d < 0)
			return -EINVAL;
		acc = acc << 6 | (u32)d;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		out[n++] = (u8)(acc >> bits);
	}
	return 0;
}

void suite_put_master(u8 suite, const u8 *master, struct buf *b)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned n = suite_master(suite);

	for (unsigned i = 0; i < n; i += 3) {
		unsigned left = n - i;
		u32 v = (u32)master[i] << 16 | (left > 1 ? (u32)master[i + 1] << 8 : 0) |
			(left > 2 ? master[i + 2] : 0);
		char out[4] = { digits[v >> 18], digits[v >> 12 & 63],
				left > 1 ? digits[v >> 6 & 63] : '=',
				left > 2 ? digits[v & 63] : '=' };
		buf_add(b, out, sizeof(out));
	}
}

/* ---- session keys ---- */

enum label { /* RFC 3711 4.3.2 */
	LABEL_RTP_KEY,
	LABEL_RTP_AUTH,
	LABEL_RTP_SALT,
	LABEL_RTCP_KEY,
	LABEL_RTCP_AUTH,
	LABEL_RTCP_SALT
};

struct prf {
	EVP_CIPHER_CTX *ctx;
	const EVP_CIPHER *cipher;
	const u8 *key;
	u8 salt[14]; /* one of 12 octets has zeros behind it */
	int rc;
};

/* AES in counter mode over zeros: 4.3.3. */
static void derive(struct prf *p, enum label label, u8 *out, unsigned n)
{
	static const u8 zeros[32];
	u8 iv[16] = { 0 };
	int got;

	memcpy(iv, p->salt, sizeof(p->salt));
	iv[7] ^= (u8)label;
	if (!p->rc && n &&
	    (EVP_EncryptInit_ex(p->ctx, p->cipher, NULL, p->key, iv) != 1 ||
	     EVP_EncryptUpdate(p->ctx, out, &got, zeros, (int)n) != 1 || got != (int)n))
		p->rc = -EIO;
	explicit_bzero(iv, sizeof(iv));
}

int suite_derive(u8 suite, const u8 *master, struct flow_crypto *out)
{
	unsigned key = suites[suite].key, salt = suites[suite].salt, auth = suites[suite].auth;
	struct prf p = { .ctx = EVP_CIPHER_CTX_new(),
			 .cipher = key == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(),
			 .key = master };

	if (!p.ctx)
		return -EIO;
	memcpy(p.salt, master + key, salt);
	out->suite = suite;
	derive(&p, LABEL_RTP_KEY, out->rtp_key, key);
	derive(&p, LABEL_RTP_AUTH, out->rtp_auth, auth);
	derive(&p, LABEL_RTP_SALT, out->rtp_salt, salt);
	derive(&p, LABEL_RTCP_KEY, out->rtcp_key, key);
	derive(&p, LABEL_RTCP_AUTH, out->rtcp_auth, auth);
	derive(&p, LABEL_RTCP_SALT, out->rtcp_salt, salt);
	EVP_CIPHER_CTX_free(p.ctx);
	explicit_bzero(p.salt, sizeof(p.salt));
	return p.rc;
}
