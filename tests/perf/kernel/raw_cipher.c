// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel's own transforms take for one packet of 20 ms of G.711 as SRTP has it: RTP header of 12 octets, 160 octets of
 * payload, and nothing around it. Said in the kernel log as "raw NAME DRIVER INSTRUCTIONS"; loading it is all. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <crypto/aead.h>
#include <crypto/hash.h>
#include <crypto/skcipher.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/timex.h>

#define HEAD    12
#define PAYLOAD 160
#define ROC     4
#define TAG     16
#define RUNS    2000
#define WARM    20

static u8 key[32] = { 0x5a, 0x3c, 0x96 };

struct raw {
	u8 *packet; /* HEAD, PAYLOAD, and more than a tag */
	struct scatterlist sg;
	u8 iv[16];
	u8 tag[20];
	void *request;
};

static int run_ctr(struct raw *r)
{
	struct skcipher_request *q = r->request;

	memset(r->iv, 0x11, sizeof(r->iv));
	sg_init_one(&r->sg, r->packet + HEAD, PAYLOAD);
	skcipher_request_set_crypt(q, &r->sg, &r->sg, PAYLOAD, r->iv);
	return crypto_skcipher_encrypt(q);
}

static int run_hmac(struct raw *r)
{
	return crypto_shash_digest(r->request, r->packet, HEAD + PAYLOAD + ROC, r->tag);
}

static int run_gcm(struct raw *r)
{
	struct aead_request *q = r->request;

	memset(r->iv, 0x11, sizeof(r->iv));
	sg_init_one(&r->sg, r->packet, HEAD + PAYLOAD + TAG);
	aead_request_set_ad(q, HEAD);
	aead_request_set_crypt(q, &r->sg, &r->sg, PAYLOAD, r->iv);
	return crypto_aead_encrypt(q);
}

static void tell(struct raw *r, const char *name, const char *driver, int (*run)(struct raw *r))
{
	cycles_t start = 0;
	int err = 0;

	local_bh_disable(); /* as where packets are */
	for (int i = -WARM; i < RUNS && !err; i++) {
		if (!i)
			start = get_cycles();
		err = run(r);
	}
	u64 each = (get_cycles() - start) / RUNS;
	local_bh_enable();
	if (err)
		pr_info("raw %s %s failed %d\n", name, driver, err);
	else
		pr_info("raw %s %s %llu\n", name, driver, each);
}

static int raw_ctr(struct raw *r, const char *name, unsigned int key_len)
{
	struct crypto_skcipher *t = crypto_alloc_skcipher("ctr(aes)", 0, 0);
	int err = IS_ERR(t) ? PTR_ERR(t) : crypto_skcipher_setkey(t, key, key_len);

	if (IS_ERR(t))
		return err;
	r->request = err ? NULL : skcipher_request_alloc(t, GFP_KERNEL);
	if (r->request) {
		skcipher_request_set_callback(r->request, 0, NULL, NULL);
		tell(r, name, crypto_tfm_alg_driver_name(crypto_skcipher_tfm(t)), run_ctr);
		skcipher_request_free(r->request);
	}
	crypto_free_skcipher(t);
	return err;
}

static int raw_hmac(struct raw *r)
{
	struct crypto_shash *t = crypto_alloc_shash("hmac(sha1)", 0, 0);
	int err = IS_ERR(t) ? PTR_ERR(t) : crypto_shash_setkey(t, key, 20);
	struct shash_desc *d;

	if (IS_ERR(t))
		return err;
	d = err ? NULL : kzalloc(sizeof(*d) + crypto_shash_descsize(t), GFP_KERNEL);
	if (d) {
		d->tfm = t;
		r->request = d;
		tell(r, "hmac_sha1", crypto_tfm_alg_driver_name(crypto_shash_tfm(t)), run_hmac);
		kfree(d);
	}
	crypto_free_shash(t);
	return err;
}

static int raw_gcm(struct raw *r, const char *name, unsigned int key_len)
{
	struct crypto_aead *t = crypto_alloc_aead("gcm(aes)", 0, 0);
	int err = IS_ERR(t) ? PTR_ERR(t) : crypto_aead_setkey(t, key, key_len);

	if (IS_ERR(t))
		return err;
	err = err ? err : crypto_aead_setauthsize(t, TAG);
	r->request = err ? NULL : aead_request_alloc(t, GFP_KERNEL);
	if (r->request) {
		aead_request_set_callback(r->request, 0, NULL, NULL);
		tell(r, name, crypto_tfm_alg_driver_name(crypto_aead_tfm(t)), run_gcm);
		aead_request_free(r->request);
	}
	crypto_free_aead(t);
	return err;
}

static int __init raw_init(void)
{
	struct raw r = { .packet = kzalloc(HEAD + PAYLOAD + 2 * TAG, GFP_KERNEL) };
	int err = r.packet ? 0 : -ENOMEM;

	err = err ? err : raw_ctr(&r, "ctr_aes_128", 16);
	err = err ? err : raw_ctr(&r, "ctr_aes_256", 32);
	err = err ? err : raw_hmac(&r);
	err = err ? err : raw_gcm(&r, "gcm_aes_128", 16);
	err = err ? err : raw_gcm(&r, "gcm_aes_256", 32);
	kfree(r.packet);
	return err;
}

static void __exit raw_exit(void)
{
}

module_init(raw_init);
module_exit(raw_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("the cost of the kernel's transforms");
