/* SPDX-License-Identifier: Apache-2.0 */
/* One packet after the other by OpenSSL, with contexts that keep the expanded keys. */
#include <errno.h>
#include <stdlib.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include "crypto/crypto_priv.h"

#define SHA1_OCTETS 20

struct evp {
	struct crypto head;
	EVP_MAC *hmac;
};

struct evp_part {
	EVP_CIPHER_CTX *cipher; /* encrypts; of GCM, too: what it opens is checked by encrypting */
	EVP_CIPHER_CTX *opener; /* GCM alone */
	EVP_MAC_CTX *mac;       /* AES-CM alone */
};

struct evp_key {
	struct crypto_key head;
	struct evp_part part[2]; /* by is_rtcp */
};

/* ---- life ---- */

static const char *name(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

static void end(struct crypto *c)
{
	struct evp *e = (struct evp *)c;
	EVP_MAC_free(e->hmac);
	free(e);
}

static struct crypto *make(void)
{
	struct evp *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (e->hmac)
		return &e->head;
	free(e);
	return NULL;
}

/* ---- keys ---- */

static size_t key_octets(u8 suite)
{
	(void)suite;
	return (sizeof(struct evp_key) + CRYPTO_LINE - 1) / CRYPTO_LINE * CRYPTO_LINE;
}

static EVP_CIPHER_CTX *cipher_new(const struct crypto_key *key, const u8 *octets, int encrypt)
{
	const EVP_CIPHER *kind =
		key->gcm             ? key->key_len == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm()
			    : key->key_len == 16 ? EVP_aes_128_ctr()
				     : EVP_aes_256_ctr();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx && EVP_CipherInit_ex(ctx, kind, NULL, octets, NULL, encrypt) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static EVP_MAC_CTX *mac_new(EVP_MAC *hmac, const u8 *octets)
{
	char sha1[] = "SHA1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha1, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
	if (ctx && EVP_MAC_init(ctx, octets, SHA1_OCTETS, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

static int expand(const struct evp *e, const struct crypto_key *key, struct evp_part *part,
		  const u8 *octets, const u8 *auth)
{
	part->cipher = cipher_new(key, octets, 1);
	if (key->gcm)
		part->opener = cipher_new(key, octets, 0);
	else
		part->mac = mac_new(e->hmac, auth);
	return part->cipher && (part->opener || part->mac) ? 0 : -ENOMEM;
}

static int key_expand(struct crypto *c, const struct flow_crypto *k, struct crypto_key *key)
{
	const struct evp *e = (const struct evp *)c;
	struct evp_key *ek = (struct evp_key *)key;
	int err = expand(e, key, &ek->part[0], k->rtp_key, k->rtp_auth);
	return err ? err : expand(e, key, &ek->part[1], k->rtcp_key, k->rtcp_auth);
}

static void key_end(struct crypto_key *key)
{
	struct evp_key *ek = (struct evp_key *)key;
	for (unsigned i = 0; i < 2; i++) {
		EVP_CIPHER_CTX_free(ek->part[i].cipher);
		EVP_CIPHER_CTX_free(ek->part[i].opener);
		EVP_MAC_CTX_free(ek->part[i].mac);
	}
}

static const struct evp_part *part_of(const struct crypto_job *j)
{
	return &((const struct evp_key *)j->key)->part[j->how->is_rtcp];
}

/* ---- AES-CM and HMAC-SHA1 ---- */

static bool cm_cipher(const struct crypto_job *j, u32 end_at)
{
	EVP_CIPHER_CTX *ctx = part_of(j)->cipher;
	u8 iv[16], *text = j->octets + j->how->clear;
	int n, len = (int)(end_at - j->how->clear);
	iv_cm(j, iv);
	return !len || (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) == 1 &&
			EVP_EncryptUpdate(ctx, text, &n, text, len) == 1);
}

/* Over the first `len` octets, and the roll-over counter where it is SRTP. */
static bool cm_tag(const struct crypto_job *j, u32 len, u8 tag[SHA1_OCTETS])
{
	EVP_MAC_CTX *ctx = part_of(j)->mac;
	u32 roc = roc_word(j);
	size_t n;
	return EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && EVP_MAC_update(ctx, j->octets, len) == 1 &&
	       (j->how->is_rtcp || EVP_MAC_update(ctx, (const u8 *)&roc, sizeof(roc)) == 1) &&
	       EVP_MAC_final(ctx, tag, &n, SHA1_OCTETS) == 1;
}

static bool cm_open(const struct crypto_job *j)
{
	const struct relay_crypt *h = j->how;
	u32 signed_len = h->len + (h->is_rtcp ? RTCP_WORD : 0);
	u8 tag[SHA1_OCTETS];
	return cm_tag(j, signed_len, tag) &&
	       tag_same(tag, j->octets + signed_len + j->key->mki_len,
			j->key->tag_len[h->is_rtcp]) &&
	       (h->plain || cm_cipher(j, h->len));
}

static bool cm_seal(struct crypto_job *j)
{
	u8 tag[SHA1_OCTETS], n = j->key->tag_len[j->how->is_rtcp];
	u32 word = rtcp_word(j);
	if (!cm_cipher(j, j->len))
		return false;
	if (j->how->is_rtcp) {
		memcpy(j->octets + j->len, &word, RTCP_WORD);
		j->len += RTCP_WORD;
	}
	if (!cm_tag(j, j->len, tag))
		return false;
	tag_copy(j->octets + j->len, tag, n);
	j->len += n;
	return true;
}

/* ---- AES-GCM ---- */

static bool gcm_run(EVP_CIPHER_CTX *ctx, const struct gcm_work *w, int encrypt, u8 *tag)
{
	u8 none[16];
	int n;
	if (EVP_CipherInit_ex(ctx, NULL, NULL, NULL, w->iv, encrypt) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, w->aad, (int)w->aad_len) != 1 ||
	    (w->text_len && EVP_CipherUpdate(ctx, w->text, &n, w->text, (int)w->text_len) != 1))
		return false;
	if (!encrypt)
		return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) == 1 &&
		       EVP_CipherFinal_ex(ctx, none, &n) == 1;
	return EVP_CipherFinal_ex(ctx, none, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1;
}

static bool gcm_open(const struct crypto_job *j)
{
	const struct relay_crypt *h = j->how;
	u8 tag[GCM_TAG], other[GCM_TAG], *end_at = j->octets + h->len;
	u32 word = 0;
	struct gcm_work w;
	memcpy(tag, end_at, GCM_TAG);
	if (h->is_rtcp)
		memcpy(&word, end_at + GCM_TAG, RTCP_WORD);
	if (h->plain)
		memcpy(end_at, &word, RTCP_WORD);
	gcm_prepare(j, h->len, word, h->plain, &w);
	bool right = gcm_run(part_of(j)->opener, &w, 0, tag);
	if (!right) { /* what it deciphered has to become what it was */
		gcm_run(part_of(j)->cipher, &w, 1, other);
		memcpy(end_at, tag, GCM_TAG);
	}
	return right;
}

static bool gcm_seal(struct crypto_job *j)
{
	u32 word = rtcp_word(j);
	struct gcm_work w;
	gcm_prepare(j, j->len, word, false, &w);
	if (!gcm_run(part_of(j)->cipher, &w, 1, j->octets + j->len))
		return false;
	j->len += GCM_TAG;
	if (!j->how->is_rtcp)
		return true;
	memcpy(j->octets + j->len, &word, RTCP_WORD);
	j->len += RTCP_WORD;
	return true;
}

/* ---- bursts ---- */

static void open_burst(struct crypto *c, struct crypto_job *job, unsigned n)
{
	(void)c;
	for (struct crypto_job *j = job; j < job + n; j++)
		j->right = open_fits(j) && (j->key->gcm ? gcm_open(j) : cm_open(j));
}

static void seal_burst(struct crypto *c, struct crypto_job *job, unsigned n)
{
	(void)c;
	for (struct crypto_job *j = job; j < job + n; j++)
		j->right = seal_fits(j) && (j->key->gcm ? gcm_seal(j) : cm_seal(j));
}

const struct crypto_backend crypto_evp = {
	.name = name,
	.make = make,
	.free = end,
	.key_octets = key_octets,
	.key_expand = key_expand,
	.key_end = key_end,
	.open = open_burst,
	.seal = seal_burst,
};
