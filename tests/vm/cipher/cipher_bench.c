// SPDX-License-Identifier: GPL-2.0-only
/* What SRTP of one packet of 160 octets of speech takes: the bare transforms, and a job with all that belongs to it. Under QEMU's
 * icount a nanosecond is an instruction. */
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include "cipher_test.h"

#define ROUNDS 1000
#define RTP    12
#define SPEECH 160

static u8 *octets; /* a module's own memory is none for a scatterlist */

#define TIMED(what)                                                                                \
	({                                                                                         \
		u64 t0;                                                                            \
		for (unsigned int warm = 0; warm < 10; warm++)                                     \
			what;                                                                      \
		t0 = ktime_get_ns();                                                               \
		for (unsigned int n = 0; n < ROUNDS; n++)                                          \
			what;                                                                      \
		(ktime_get_ns() - t0) / ROUNDS;                                                    \
	})

/* ---- bare ---- */

static int ctr_once(struct skcipher_request *r, struct scatterlist *sg, u8 *iv)
{
	sg_init_one(sg, octets, SPEECH);
	memset(iv, 1, 16);
	skcipher_request_set_crypt(r, sg, sg, SPEECH, iv);
	return crypto_skcipher_encrypt(r);
}

static u64 bare_ctr(u8 key_len, u32 mask)
{
	struct crypto_skcipher *c = crypto_alloc_skcipher("ctr(aes)", 0, mask);
	struct skcipher_request *r = skcipher_request_alloc(c, GFP_KERNEL);
	struct scatterlist sg;
	u8 iv[16];
	u64 took;
	int err = crypto_skcipher_setkey(c, octets, key_len);

	skcipher_request_set_callback(r, 0, NULL, NULL);
	local_bh_disable();
	took = TIMED(err |= ctr_once(r, &sg, iv));
	local_bh_enable();
	pr_info("# ctr(aes) %u bits: %s, error %d\n", key_len * 8,
		crypto_tfm_alg_driver_name(crypto_skcipher_tfm(c)), err);
	skcipher_request_free(r);
	crypto_free_skcipher(c);
	return took;
}

static u64 bare_hmac(void)
{
	struct crypto_shash *c = crypto_alloc_shash("hmac(sha1)", 0, 0);
	SHASH_DESC_ON_STACK(d, c);
	u8 tag[20];
	u64 took;
	int err = crypto_shash_setkey(c, octets, 20);

	d->tfm = c;
	local_bh_disable();
	took = TIMED(err |= crypto_shash_digest(d, octets, RTP + SPEECH + 4, tag));
	local_bh_enable();
	pr_info("# hmac(sha1): %s, error %d\n", crypto_tfm_alg_driver_name(crypto_shash_tfm(c)),
		err);
	crypto_free_shash(c);
	return took;
}

static int gcm_once(struct aead_request *r, struct scatterlist *sg, u8 *iv)
{
	sg_init_one(sg, octets, RTP + SPEECH + 16);
	memset(iv, 1, 12);
	aead_request_set_ad(r, RTP);
	aead_request_set_crypt(r, sg, sg, SPEECH, iv);
	return crypto_aead_encrypt(r);
}

static u64 bare_gcm(u8 key_len, u32 mask)
{
	struct crypto_aead *c = crypto_alloc_aead("gcm(aes)", 0, mask);
	struct aead_request *r = aead_request_alloc(c, GFP_KERNEL);
	struct scatterlist sg;
	u8 iv[12];
	u64 took;
	int err = crypto_aead_setkey(c, octets, key_len);

	crypto_aead_setauthsize(c, 16);
	aead_request_set_callback(r, 0, NULL, NULL);
	local_bh_disable();
	took = TIMED(err |= gcm_once(r, &sg, iv));
	local_bh_enable();
	pr_info("# gcm(aes) %u bits: %s, error %d\n", key_len * 8,
		crypto_tfm_alg_driver_name(crypto_aead_tfm(c)), err);
	aead_request_free(r);
	crypto_free_aead(c);
	return took;
}

/* ---- jobs ---- */

static int job_once(struct sluice_key *key, struct sk_buff *skb, bool sealing)
{
	struct sluice_job *job = job_new(key);
	int err;

	job->how = (struct relay_crypt){ .ssrc = 1, .index = 1, .len = RTP + SPEECH, .clear = RTP };
	job->skb = skb;
	job->done = NULL;
	job->sealing = sealing;
	err = job_run(job);
	job_free(job);
	return err;
}

static int seal_once(struct sluice_key *key, struct sk_buff *skb)
{
	skb_trim(skb, RTP + SPEECH);
	return job_once(key, skb, true);
}

/* What was sealed is put back each time, which is taken off again. */
static int open_once(struct sluice_key *key, struct sk_buff *skb, const u8 *sealed, u32 len)
{
	skb_trim(skb, 0);
	memcpy(skb_put(skb, len), sealed, len);
	return job_once(key, skb, false);
}

static void bench_suite(u8 suite, u64 bare)
{
	struct flow_crypto material = { .suite = suite };
	struct sk_buff *skb = alloc_skb(512, GFP_KERNEL);
	struct sluice_key *key;
	u64 seal, open, copy;
	u8 sealed[256];
	u32 len;
	int err;

	if (sluice_key_new(&material, &key))
		return;
	skb_put_zero(skb, RTP + SPEECH);
	local_bh_disable();
	seal = TIMED(seal_once(key, skb));
	skb_trim(skb, 0);
	skb_put_zero(skb, RTP + SPEECH);
	err = job_once(key, skb, true);
	len = skb->len;
	memcpy(sealed, skb->data, len);
	copy = TIMED((skb_trim(skb, 0), memcpy(skb_put(skb, len), sealed, len)));
	open = TIMED(err |= open_once(key, skb, sealed, len));
	local_bh_enable();
	pr_info("# suite %u: transforms %llu, seal %llu, open %llu, error %d\n", suite, bare, seal,
		open - copy, err);
	kfree_skb(skb);
	sluice_key_put(key);
}

void cipher_bench(void)
{
	u64 hmac, cm128, cm256, gcm128, gcm256;

	octets = kzalloc(256, GFP_KERNEL);
	hmac = bare_hmac();
	cm128 = bare_ctr(16, 0) + hmac;
	cm256 = bare_ctr(32, 0) + hmac;
	gcm128 = bare_gcm(16, 0);
	gcm256 = bare_gcm(32, 0);
	test_wrap.way = WAY_BEST;
	pr_info("# hmac(sha1) alone %llu; synchronous ones: ctr(aes) %llu, gcm(aes) %llu\n", hmac,
		bare_ctr(16, CRYPTO_ALG_ASYNC), bare_gcm(16, CRYPTO_ALG_ASYNC));
	bench_suite(FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, cm128);
	bench_suite(FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, cm128);
	bench_suite(FLOW_SUITE_AES_CM_256_HMAC_SHA1_80, cm256);
	bench_suite(FLOW_SUITE_AEAD_AES_128_GCM, gcm128);
	bench_suite(FLOW_SUITE_AEAD_AES_256_GCM, gcm256);
	kfree(octets);
}
