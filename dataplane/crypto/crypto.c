/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "crypto/crypto_priv.h"

static const struct {
	u8 key, auth, salt, tag[2]; /* tag: of RTP, of RTCP */
} suites[FLOW_SUITE_COUNT] = {
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { 16, 20, 14, { 10, 10 } },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { 16, 20, 14, { 4, 10 } },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { 32, 20, 14, { 10, 10 } },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { 32, 20, 14, { 4, 10 } },
	[FLOW_SUITE_AEAD_AES_128_GCM] = { 16, 0, 12, { GCM_TAG, GCM_TAG } },
	[FLOW_SUITE_AEAD_AES_256_GCM] = { 32, 0, 12, { GCM_TAG, GCM_TAG } },
};

/* ---- contexts ---- */

struct crypto *crypto_new_of(const struct crypto_backend *backend)
{
	struct crypto *c = backend->make();
	if (c)
		c->backend = backend;
	return c;
}

struct crypto *crypto_new(void)
{
	struct crypto *c = crypto_new_of(&SLUICE_CRYPTO_FIRST);
	return c ? c : crypto_new_of(&crypto_evp);
}

void crypto_free(struct crypto *c)
{
	if (c)
		c->backend->free(c);
}

const char *crypto_name(const struct crypto *c)
{
	return c->backend->name();
}

/* ---- keys ---- */

static void destroy(struct crypto_key *key)
{
	if (key->backend->key_end)
		key->backend->key_end(key);
	explicit_bzero(key, key->size);
	free(key);
}

int crypto_key_new(struct crypto *c, const struct flow_crypto *k, struct crypto_key **out)
{
	*out = NULL;
	if (k->suite == FLOW_SUITE_NONE || k->suite >= FLOW_SUITE_COUNT)
		return -EINVAL;
	size_t size = c->backend->key_octets(k->suite);
	struct crypto_key *key = aligned_alloc(CRYPTO_LINE, size);
	if (!key)
		return -ENOMEM;
	memset(key, 0, size);
	key->backend = c->backend;
	key->refs = 1;
	key->size = (u32)size;
	key->suite = k->suite;
	key->mki_len = k->mki_len;
	key->key_len = suites[k->suite].key;
	key->gcm = suites[k->suite].auth == 0;
	memcpy(key->tag_len, suites[k->suite].tag, sizeof(key->tag_len));
	memcpy(key->salt[0], k->rtp_salt, suites[k->suite].salt);
	memcpy(key->salt[1], k->rtcp_salt, suites[k->suite].salt);
	int err = c->backend->key_expand(c, k, key);
	if (err)
		destroy(key);
	else
		*out = key;
	return err;
}

struct crypto_key *crypto_key_get(struct crypto_key *key)
{
	if (key)
		key->refs++;
	return key;
}

void crypto_key_put(struct crypto_key *key)
{
	if (key && --key->refs == 0)
		destroy(key);
}

size_t crypto_key_octets(const struct crypto_key *key)
{
	return key->size;
}

/* ---- packets ---- */

void crypto_open(struct crypto *c, struct crypto_job *job, unsigned n)
{
	c->backend->open(c, job, n);
}

void crypto_seal(struct crypto *c, struct crypto_job *job, unsigned n)
{
	c->backend->seal(c, job, n);
}
