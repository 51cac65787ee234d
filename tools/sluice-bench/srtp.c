/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include "srtp.h"

#define RTP_HEADER 12
#define AUTH_LEN   20

struct suite {
	const char *name, *brief;
	uint8_t key, salt, tag;
	bool aead;
};

static const struct suite suites[FLOW_SUITE_COUNT] = {
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", "cm128-80", 16, 14, 10,
						 false },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", "cm128-32", 16, 14, 4,
						 false },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { "AES_256_CM_HMAC_SHA1_80", "cm256-80", 32, 14, 10,
						 false },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { "AES_256_CM_HMAC_SHA1_32", "cm256-32", 32, 14, 4,
						 false },
	[FLOW_SUITE_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", "gcm128", 16, 12, 16, true },
	[FLOW_SUITE_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", "gcm256", 32, 12, 16, true },
};

struct srtp {
	const struct suite *suite;
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	uint8_t salt[14];
	uint32_t roc;
	uint16_t highest; /* sequence number */
	bool started;
};

const char *srtp_name(unsigned suite)
{
	return suite < FLOW_SUITE_COUNT ? suites[suite].name : NULL;
}

int srtp_find(struct str name, uint8_t *suite)
{
	for (uint8_t i = 1; i < FLOW_SUITE_COUNT; i++) {
		if (str_caseeq(name, str_of(suites[i].name)) ||
		    str_caseeq(name, str_of(suites[i].brief))) {
			*suite = i;
			return 0;
		}
	}
	return -EINVAL;
}

size_t srtp_key_len(unsigned suite)
{
	return suites[suite].key;
}

size_t srtp_salt_len(unsigned suite)
{
	return suites[suite].salt;
}

int srtp_random(struct srtp_master *m, unsigned suite)
{
	memset(m, 0, sizeof(*m));
	m->suite = (uint8_t)suite;
	size_t n = suite ? srtp_key_len(suite) + srtp_salt_len(suite) : 0;
	return RAND_bytes(m->octets, (int)n) == 1 ? 0 : -EIO;
}

/* RFC 3711 4.3.3: the key stream of AES in counter mode at (label, 0) XOR salt. A salt of 12 octets has two
 * octets of zeros behind it (RFC 7714 11). */
static int derive(const struct srtp_master *m, uint8_t label, uint8_t *out, size_t n)
{
	const struct suite *su = &suites[m->suite];
	uint8_t iv[16] = { 0 };
	int len;
	memcpy(iv, m->octets + su->key, su->salt);
	iv[7] ^= label;
	memset(out, 0, n);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok = c &&
		  EVP_EncryptInit_ex(c, su->key == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(), NULL,
				     m->octets, iv) == 1 &&
		  EVP_EncryptUpdate(c, out, &len, out, (int)n) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok ? 0 : -EIO;
}

int srtp_derive(const struct srtp_master *m, struct flow_crypto *out)
{
	const struct suite *su = &suites[m->suite];
	size_t auth = su->aead ? 0 : AUTH_LEN;
	memset(out, 0, sizeof(*out));
	out->suite = m->suite;
	out->number = 1;
	if (!m->suite)
		return 0;
	int err = derive(m, 0, out->rtp_key, su->key);
	err = err ? err : derive(m, 1, out->rtp_auth, auth);
	err = err ? err : derive(m, 2, out->rtp_salt, su->salt);
	err = err ? err : derive(m, 3, out->rtcp_key, su->key);
	err = err ? err : derive(m, 4, out->rtcp_auth, auth);
	return err ? err : derive(m, 5, out->rtcp_salt, su->salt);
}

static const EVP_CIPHER *cipher_of(const struct suite *su)
{
	if (su->aead)
		return su->key == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
	return su->key == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
}

static EVP_MAC_CTX *mac_of(const uint8_t *key)
{
	char digest[] = "SHA1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac);
	if (ctx && EVP_MAC_init(ctx, key, AUTH_LEN, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

struct srtp *srtp_new(const struct srtp_master *m)
{
	struct flow_crypto k;
	struct srtp *s = calloc(1, sizeof(*s));
	if (!s || srtp_derive(m, &k))
		goto fail;
	s->suite = &suites[m->suite];
	memcpy(s->salt, k.rtp_salt, sizeof(s->salt));
	s->cipher = EVP_CIPHER_CTX_new();
	if (!s->cipher ||
	    EVP_EncryptInit_ex(s->cipher, cipher_of(s->suite), NULL, k.rtp_key, NULL) != 1)
		goto fail;
	s->mac = s->suite->aead ? NULL : mac_of(k.rtp_auth);
	if (!s->suite->aead && !s->mac)
		goto fail;
	OPENSSL_cleanse(&k, sizeof(k));
	return s;
fail:
	srtp_free(s);
	return NULL;
}

void srtp_free(struct srtp *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->cipher);
	EVP_MAC_CTX_free(s->mac);
	free(s);
}

static size_t header_len(const uint8_t *p, size_t n)
{
	if (n < RTP_HEADER || p[0] >> 6 != 2)
		return 0;
	size_t len = RTP_HEADER + 4u * (p[0] & 15);
	if (p[0] & 0x10) {
		if (n < len + 4)
			return 0;
		len += 4 + 4u * (size_t)(p[len + 2] << 8 | p[len + 3]);
	}
	return len <= n ? len : 0;
}

/* RFC 3711 3.3.1: the roll-over counter that this sequence number has, given the highest so far. */
static uint32_t roc_of(const struct srtp *s, uint16_t seq)
{
	if (!s->started)
		return 0;
	if (s->highest < 0x8000)
		return s->roc - (seq - s->highest > 0x8000 && s->roc);
	return s->roc + (s->highest - 0x8000 > seq);
}

static void advance(struct srtp *s, uint32_t roc, uint16_t seq)
{
	if (s->started && (roc < s->roc || (roc == s->roc && seq <= s->highest)))
		return;
	s->roc = roc;
	s->highest = seq;
	s->started = true;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void iv_of(const struct srtp *s, const uint8_t *p, uint32_t roc, uint8_t iv[16])
{
	uint8_t x[16] = { 0 };
	unsigned at = s->suite->aead ? 2 : 4; /* where the SSRC begins */
	memcpy(x + at, p + 8, 4);
	put32(x + at + 4, roc);
	memcpy(x + at + 8, p + 2, 2);
	memset(iv, 0, 16);
	memcpy(iv, s->salt, s->suite->salt);
	for (unsigned i = 0; i < 16; i++)
		iv[i] ^= x[i];
}

static int tag_of(struct srtp *s, const uint8_t *p, size_t n, uint32_t roc, uint8_t tag[AUTH_LEN])
{
	uint8_t r[4];
	size_t len;
	put32(r, roc);
	return EVP_MAC_init(s->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(s->mac, p, n) == 1 &&
			       EVP_MAC_update(s->mac, r, 4) == 1 &&
			       EVP_MAC_final(s->mac, tag, &len, AUTH_LEN) == 1
		       ? 0
		       : -EIO;
}

static int counter_mode(struct srtp *s, uint8_t *p, size_t n, const uint8_t iv[16])
{
	int len;
	return EVP_EncryptInit_ex(s->cipher, NULL, NULL, NULL, iv) == 1 &&
			       EVP_EncryptUpdate(s->cipher, p, &len, p, (int)n) == 1
		       ? 0
		       : -EIO;
}

static int gcm_seal(struct srtp *s, uint8_t *p, size_t head, size_t n, const uint8_t iv[16])
{
	EVP_CIPHER_CTX *c = s->cipher;
	int len;
	return EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv) == 1 &&
			       EVP_EncryptUpdate(c, NULL, &len, p, (int)head) == 1 &&
			       EVP_EncryptUpdate(c, p + head, &len, p + head, (int)(n - head)) ==
				       1 &&
			       EVP_EncryptFinal_ex(c, p + n, &len) == 1 &&
			       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, p + n) == 1
		       ? 0
		       : -EIO;
}

static int gcm_open(struct srtp *s, uint8_t *p, size_t head, size_t n, const uint8_t iv[16])
{
	EVP_CIPHER_CTX *c = s->cipher;
	uint8_t none[16];
	int len;
	return EVP_DecryptInit_ex(c, NULL, NULL, NULL, iv) == 1 &&
			       EVP_DecryptUpdate(c, NULL, &len, p, (int)head) == 1 &&
			       EVP_DecryptUpdate(c, p + head, &len, p + head, (int)(n - head)) ==
				       1 &&
			       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, p + n) == 1 &&
			       EVP_DecryptFinal_ex(c, none, &len) == 1
		       ? 0
		       : -EBADMSG;
}

/* Where the packet stands in its stream, and what follows from that. */
struct place {
	size_t head; /* octets in the clear */
	uint16_t seq;
	uint32_t roc;
	uint8_t iv[16];
};

static int place_of(const struct srtp *s, const uint8_t *p, size_t n, struct place *out)
{
	out->head = header_len(p, n);
	if (!out->head)
		return -EINVAL;
	out->seq = (uint16_t)(p[2] << 8 | p[3]);
	out->roc = roc_of(s, out->seq);
	iv_of(s, p, out->roc, out->iv);
	return 0;
}

int srtp_seal(struct srtp *s, uint8_t *p, size_t n)
{
	struct place at;
	uint8_t tag[AUTH_LEN];
	if (place_of(s, p, n, &at))
		return -EINVAL;
	if (s->suite->aead) {
		if (gcm_seal(s, p, at.head, n, at.iv))
			return -EIO;
	} else {
		if (counter_mode(s, p + at.head, n - at.head, at.iv) ||
		    tag_of(s, p, n, at.roc, tag))
			return -EIO;
		memcpy(p + n, tag, s->suite->tag);
	}
	advance(s, at.roc, at.seq);
	return (int)(n + s->suite->tag);
}

int srtp_open(struct srtp *s, uint8_t *p, size_t n)
{
	struct place at;
	uint8_t tag[AUTH_LEN];
	if (place_of(s, p, n, &at) || n < at.head + s->suite->tag)
		return -EBADMSG;
	n -= s->suite->tag;
	if (s->suite->aead) {
		if (gcm_open(s, p, at.head, n, at.iv))
			return -EBADMSG;
	} else {
		if (tag_of(s, p, n, at.roc, tag) || CRYPTO_memcmp(tag, p + n, s->suite->tag) != 0)
			return -EBADMSG;
		if (counter_mode(s, p + at.head, n - at.head, at.iv))
			return -EIO;
	}
	advance(s, at.roc, at.seq);
	return (int)n;
}
