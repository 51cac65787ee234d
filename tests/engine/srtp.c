/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP as the peers do it, by the text of RFC 3711, 6188 and 7714 over libcrypto's AES and HMAC. Nothing is shared with
 * any engine; srtp_cases.c checks it against the vectors of the RFCs first. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "suite.h"

static const struct suite {
	const char *name;
	u8 key, salt, tag, rtcp_tag;
	bool aead;
} suites[FLOW_SUITE_COUNT] = {
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { "AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10, false },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { "AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10, false },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { "AES_CM_256_HMAC_SHA1_80", 32, 14, 10, 10, false },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { "AES_CM_256_HMAC_SHA1_32", 32, 14, 4, 10, false },
	[FLOW_SUITE_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 16, 12, 16, 16, true },
	[FLOW_SUITE_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 32, 12, 16, 16, true },
};

const char *suite_name(u8 suite)
{
	return suites[suite].name;
}

unsigned suite_tag(u8 suite, bool rtcp)
{
	return rtcp ? suites[suite].rtcp_tag : suites[suite].tag;
}

unsigned suite_key_len(u8 suite)
{
	return suites[suite].key;
}

unsigned suite_salt_len(u8 suite)
{
	return suites[suite].salt;
}

bool suite_aead(u8 suite)
{
	return suites[suite].aead;
}

/* ---- ciphers ---- */

/* AES in counter mode: `in` and `out` may be the same. */
static void counter_mode(const u8 *key, unsigned key_len, const u8 iv[16], u8 *data, u32 n)
{
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	int len = 0;

	if (!x ||
	    !EVP_EncryptInit_ex(x, key_len == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(), NULL, key,
				iv) ||
	    !EVP_EncryptUpdate(x, data, &len, data, (int)n))
		abort();
	EVP_CIPHER_CTX_free(x);
}

struct gcm {
	const u8 *key, *aad;
	unsigned key_len;
	u32 aad_len;
	u8 iv[12];
};

/* data[n] in place; the tag stands behind it. */
static bool gcm(const struct gcm *g, bool seal, u8 *data, u32 n)
{
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *aes = g->key_len == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
	int len = 0;

	if (!x || !EVP_CipherInit_ex(x, aes, NULL, g->key, g->iv, seal) ||
	    !EVP_CipherUpdate(x, NULL, &len, g->aad, (int)g->aad_len) ||
	    (n && !EVP_CipherUpdate(x, data, &len, data, (int)n)))
		abort();
	if (!seal)
		EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, 16, data + n);
	bool right = EVP_CipherFinal_ex(x, data + n, &len) > 0;
	if (seal)
		EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, 16, data + n);
	EVP_CIPHER_CTX_free(x);
	return right;
}

/* HMAC-SHA1 of p[n] and then of the four octets of `word`, where there is one. */
static void hmac(const u8 *key, const u8 *p, u32 n, const u8 *word, u8 out[20])
{
	u8 all[PACKET_MAX + 4];
	unsigned len = 20;

	memcpy(all, p, n);
	if (word)
		memcpy(all + n, word, 4);
	if (!HMAC(EVP_sha1(), key, 20, all, n + (word ? 4 : 0), out, &len))
		abort();
}

/* ---- RFC 3711 4.3, with the key lengths of RFC 6188 and the shorter salt of RFC 7714 ---- */

static void derive(const u8 *master, unsigned key_len, const u8 *salt, unsigned salt_len, u8 label,
		   u8 *out, u32 n)
{
	u8 iv[16] = { 0 };

	memcpy(iv, salt, salt_len); /* x = salt XOR label * 2^48; the block counter is behind it */
	iv[7] ^= label;
	memset(out, 0, n);
	counter_mode(master, key_len, iv, out, n);
}

void srtp_derive(struct flow_crypto *k, const u8 *master, const u8 *salt)
{
	const struct suite *s = &suites[k->suite];
	const struct {
		u8 *to;
		u32 n;
		u8 label;
	} part[] = {
		{ k->rtp_key, s->key, 0 },
		{ k->rtp_auth, s->aead ? 0 : 20, 1 },
		{ k->rtp_salt, s->salt, 2 },
		{ k->rtcp_key, s->key, 3 },
		{ k->rtcp_auth, s->aead ? 0 : 20, 4 },
		{ k->rtcp_salt, s->salt, 5 },
	};
	for (unsigned i = 0; i < COUNT(part); i++)
		if (part[i].n)
			derive(master, s->key, salt, s->salt, part[i].label, part[i].to, part[i].n);
}

void srtp_keys(struct flow_crypto *k, u8 suite, u32 number, u64 seed)
{
	u8 master[32], salt[14];

	for (unsigned i = 0; i < sizeof(master); i++)
		master[i] = (u8)((seed * 0x9e3779b97f4a7c15ull + number * 0x12345678ull) >>
				 (i % 7 * 8)) ^
			    (u8)(i * 29);
	for (unsigned i = 0; i < sizeof(salt); i++)
		salt[i] = (u8)(master[i] * 5 + i);
	*k = (struct flow_crypto){ .suite = suite, .number = number };
	srtp_derive(k, master, salt);
}

/* ---- SRTP ---- */

static u32 header_len(const u8 *p)
{
	u32 n = 12 + (p[0] & 15) * 4u;

	return p[0] & 0x10 ? n + 4 + ((u32)p[n + 2] << 8 | p[n + 3]) * 4 : n;
}

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16 */
static void cm_iv(u8 iv[16], const u8 *salt, const u8 *ssrc, u64 index)
{
	memset(iv, 0, 16);
	memcpy(iv, salt, 14);
	for (int i = 0; i < 4; i++)
		iv[4 + i] ^= ssrc[i];
	for (int i = 0; i < 6; i++)
		iv[8 + i] ^= (u8)(index >> (40 - 8 * i));
}

/* RFC 7714 8.1 and 9.1 */
static void gcm_iv(u8 iv[12], const u8 *salt, const u8 *ssrc, u64 index)
{
	memset(iv, 0, 12);
	memcpy(iv + 2, ssrc, 4);
	for (int i = 0; i < 6; i++)
		iv[6 + i] = (u8)(index >> (40 - 8 * i));
	for (int i = 0; i < 12; i++)
		iv[i] ^= salt[i];
}

static u32 srtp_gcm(const struct flow_crypto *k, bool seal, u8 *p, u32 head, u32 n, u64 index)
{
	struct gcm g = {
		.key = k->rtp_key, .key_len = suites[k->suite].key, .aad = p, .aad_len = head
	};

	gcm_iv(g.iv, k->rtp_salt, p + 8, index);
	return gcm(&g, seal, p + head, n - head);
}

static void srtp_cm(const struct flow_crypto *k, u8 *p, u32 head, u32 n, u64 index)
{
	u8 iv[16];

	cm_iv(iv, k->rtp_salt, p + 8, index);
	counter_mode(k->rtp_key, suites[k->suite].key, iv, p + head, n - head);
}

u32 srtp_seal(const struct flow_crypto *k, u8 *p, u32 n, u64 index, const u8 *mki, u8 mki_len)
{
	const struct suite *s = &suites[k->suite];
	u32 head = header_len(p);
	u8 roc[4], tag[20];

	if (s->aead) {
		srtp_gcm(k, true, p, head, n, index);
		memcpy(p + n + 16, mki, mki_len);
		return n + 16 + mki_len;
	}
	srtp_cm(k, p, head, n, index);
	put32(roc, (u32)(index >> 16));
	hmac(k->rtp_auth, p, n, roc, tag);
	memcpy(p + n, mki, mki_len);
	memcpy(p + n + mki_len, tag, s->tag);
	return n + mki_len + s->tag;
}

int srtp_open(const struct flow_crypto *k, u8 *p, u32 n, u64 index)
{
	const struct suite *s = &suites[k->suite];
	u8 roc[4], tag[20];

	if (n < 12u + s->tag || header_len(p) + s->tag > n)
		return -1;
	n -= s->tag;
	u32 head = header_len(p);
	if (s->aead)
		return srtp_gcm(k, false, p, head, n, index) ? (int)n : -1;
	put32(roc, (u32)(index >> 16));
	hmac(k->rtp_auth, p, n, roc, tag);
	if (memcmp(tag, p + n, s->tag))
		return -1;
	srtp_cm(k, p, head, n, index);
	return (int)n;
}

/* ---- SRTCP ---- */

static void srtcp_cm(const struct flow_crypto *k, u8 *p, u32 n, u32 index)
{
	u8 iv[16];

	cm_iv(iv, k->rtcp_salt, p + 4, index);
	counter_mode(k->rtcp_key, suites[k->suite].key, iv, p + 8, n - 8);
}

/* What is authenticated besides: the first eight octets and the word with E and the index. */
static bool srtcp_gcm(const struct flow_crypto *k, bool seal, u8 *p, u32 n, const u8 word[4],
		      u32 index)
{
	u8 aad[12];
	struct gcm g = {
		.key = k->rtcp_key, .key_len = suites[k->suite].key, .aad = aad, .aad_len = 12
	};

	memcpy(aad, p, 8);
	memcpy(aad + 8, word, 4);
	gcm_iv(g.iv, k->rtcp_salt, p + 4, index);
	return gcm(&g, seal, p + 8, n - 8);
}

u32 srtcp_seal(const struct flow_crypto *k, u8 *p, u32 n, u32 index)
{
	const struct suite *s = &suites[k->suite];
	u8 word[4], tag[20];

	put32(word, index | 0x80000000u);
	if (s->aead) {
		srtcp_gcm(k, true, p, n, word, index);
		memcpy(p + n + 16, word, 4);
		return n + 20;
	}
	srtcp_cm(k, p, n, index);
	memcpy(p + n, word, 4);
	hmac(k->rtcp_auth, p, n + 4, NULL, tag);
	memcpy(p + n + 4, tag, s->rtcp_tag);
	return n + 4 + s->rtcp_tag;
}

int srtcp_open(const struct flow_crypto *k, u8 *p, u32 n, u32 *index)
{
	const struct suite *s = &suites[k->suite];
	u8 tag[20];

	if (n < 12u + s->rtcp_tag)
		return -1;
	n -= 4u + s->rtcp_tag;
	u8 word[4];
	memcpy(word, p + n + (s->aead ? 16 : 0), 4);
	*index = get32(word) & 0x7fffffffu;
	if (!(word[0] & 0x80))
		return -1; /* it is to be encrypted */
	if (s->aead)
		return srtcp_gcm(k, false, p, n, word, *index) ? (int)n : -1;
	hmac(k->rtcp_auth, p, n + 4, NULL, tag);
	if (memcmp(tag, p + n + 4, s->rtcp_tag))
		return -1;
	srtcp_cm(k, p, n, *index);
	return (int)n;
}
