/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of crypto/ share: octets from hex, session keys from a master key, one packet at a time. */
#ifndef SLUICE_CRYPTO_TEST_H
#define SLUICE_CRYPTO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include "crypto/crypto.h"

#define PACKET_MAX 2048

struct backend {
	const char *name;
	const struct crypto_backend *is;
};

static const struct backend backends[] = {
	{ "openssl", &crypto_evp },
#ifdef SLUICE_CRYPTO_MB
	{ "ipsec-mb", &crypto_mb },
#endif
};
#define N_BACKENDS (sizeof(backends) / sizeof(backends[0]))

static const struct suite {
	u8 suite, key, salt, tag, rtcp_tag;
} suites[] = {
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, 16, 14, 10, 10 },
	{ FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, 16, 14, 4, 10 },
	{ FLOW_SUITE_AES_CM_256_HMAC_SHA1_80, 32, 14, 10, 10 },
	{ FLOW_SUITE_AES_CM_256_HMAC_SHA1_32, 32, 14, 4, 10 },
	{ FLOW_SUITE_AEAD_AES_128_GCM, 16, 12, 16, 16 },
	{ FLOW_SUITE_AEAD_AES_256_GCM, 32, 12, 16, 16 },
};
#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

struct packet {
	u8 at[PACKET_MAX];
	u32 len;
};

static inline u8 nibble(char c)
{
	return (u8)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static inline u32 from_hex(u8 *out, const char *hex)
{
	u32 n = 0;
	for (; hex[0] && hex[1]; hex += 2)
		out[n++] = (u8)(nibble(hex[0]) << 4 | nibble(hex[1]));
	return n;
}

static inline struct packet packet_of(const char *hex)
{
	struct packet p = { 0 };
	p.len = from_hex(p.at, hex);
	return p;
}

/* Repeatable octets. */
static inline u64 test_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline void fill_random(u64 *state, u8 *out, u32 n)
{
	for (u32 i = 0; i < n; i++)
		out[i] = (u8)(test_random(state) >> 24);
}

/* RFC 3711 4.3.1, key derivation rate 0. */
static inline void derive(const u8 *master, u8 key_len, const u8 *salt, u8 salt_len, u8 label,
			  u8 *out, u8 n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	u8 iv[16] = { 0 }, zero[48] = { 0 };
	int len;
	memcpy(iv, salt, salt_len);
	iv[7] ^= label;
	assert_int_equal(EVP_EncryptInit_ex(ctx,
					    key_len == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(),
					    NULL, master, iv),
			 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &len, zero, n), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* master: key, then salt. */
static inline struct flow_crypto session_keys(const struct suite *s, const u8 *master)
{
	struct flow_crypto k = { .number = 1, .suite = s->suite };
	const u8 *salt = master + s->key;
	derive(master, s->key, salt, s->salt, 0, k.rtp_key, s->key);
	derive(master, s->key, salt, s->salt, 1, k.rtp_auth, 20);
	derive(master, s->key, salt, s->salt, 2, k.rtp_salt, s->salt);
	derive(master, s->key, salt, s->salt, 3, k.rtcp_key, s->key);
	derive(master, s->key, salt, s->salt, 4, k.rtcp_auth, 20);
	derive(master, s->key, salt, s->salt, 5, k.rtcp_salt, s->salt);
	return k;
}

/* RFC 3550 5.1: header, CSRCs, extension. */
static inline u16 rtp_header(const u8 *p)
{
	u32 n = 12 + 4 * (p[0] & 15u);
	if (p[0] & 0x10)
		n += 4 + 4 * (u32)(p[n + 2] << 8 | p[n + 3]);
	return (u16)n;
}

static inline u32 word_at(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static inline struct relay_crypt rtp_how(const struct packet *p, u32 len, u32 roc)
{
	return (struct relay_crypt){ .index = (u64)roc << 16 | (u64)(p->at[2] << 8 | p->at[3]),
				     .ssrc = word_at(p->at + 8),
				     .len = len,
				     .clear = rtp_header(p->at) };
}

static inline struct relay_crypt rtcp_how(const struct packet *p, u32 len, u32 index, bool plain)
{
	return (struct relay_crypt){ .index = index,
				     .ssrc = word_at(p->at + 4),
				     .len = len,
				     .clear = 8,
				     .is_rtcp = 1,
				     .plain = plain };
}

static inline bool seal_one(struct crypto *c, const struct crypto_key *key, struct packet *p,
			    const struct relay_crypt *how)
{
	struct crypto_job job = { key, how, p->at, p->len, sizeof(p->at), false };
	crypto_seal(c, &job, 1);
	p->len = job.len;
	return job.right;
}

/* Right: the packet is how->len long then. */
static inline bool open_one(struct crypto *c, const struct crypto_key *key, struct packet *p,
			    const struct relay_crypt *how)
{
	struct crypto_job job = { key, how, p->at, p->len, 0, false };
	crypto_open(c, &job, 1);
	if (job.right)
		p->len = how->len;
	return job.right;
}

static inline void assert_same(const struct packet *a, const struct packet *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->at, b->at, a->len);
}

#endif
