// SPDX-License-Identifier: GPL-2.0-only
/* AES-CM with HMAC-SHA1: RFC 3711 4.1.1 and 4.2.1, RFC 6188. The transform is the kernel's ctr(aes); the tag is made at once. */
#include <crypto/algapi.h>
#include "key_priv.h"

#define SHA1_OCTETS 20

/* ---- keys ---- */

static bool answers_later(struct crypto_skcipher *c)
{
	return crypto_skcipher_tfm(c)->__crt_alg->cra_flags & CRYPTO_ALG_ASYNC;
}

static int cipher_new(u32 without, const u8 *octets, u8 len, struct crypto_skcipher **out)
{
	struct crypto_skcipher *c = crypto_alloc_skcipher("ctr(aes)", 0, without);
	int err;

	if (IS_ERR(c))
		return PTR_ERR(c);
	err = crypto_skcipher_setkey(c, octets, len);
	if (err)
		crypto_free_skcipher(c);
	else
		*out = c;
	return err;
}

static int cm_make(struct sluice_key *key, struct key_part *part, const u8 *octets, const u8 *auth)
{
	struct crypto_shash *hmac = crypto_alloc_shash("hmac(sha1)", 0, 0);
	int err;

	if (IS_ERR(hmac))
		return PTR_ERR(hmac);
	part->hmac = hmac;
	err = crypto_shash_setkey(hmac, auth, SHA1_OCTETS);
	if (err)
		return err;
	err = cipher_new(0, octets, key->key_len, &part->cm[0]);
	if (err)
		return cipher_new(CRYPTO_ALG_ASYNC, octets, key->key_len, &part->cm[0]);
	if (answers_later(part->cm[0]))
		err = cipher_new(CRYPTO_ALG_ASYNC, octets, key->key_len, &part->cm[1]);
	return err == -ENOMEM ? err : 0; /* it can do without */
}

static void cm_end(struct key_part *part)
{
	crypto_free_skcipher(part->cm[0]);
	crypto_free_skcipher(part->cm[1]);
	crypto_free_shash(part->hmac);
}

static u32 cm_request_octets(const struct key_part *part)
{
	u32 n = crypto_skcipher_reqsize(part->cm[0]);

	if (part->cm[1])
		n = max(n, crypto_skcipher_reqsize(part->cm[1]));
	return sizeof(struct skcipher_request) + n;
}

/* ---- the key stream ---- */

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
static void cm_iv(struct key_job *j)
{
	__be64 half[2];

	memcpy(half, key_salt(j), sizeof(half));
	half[0] ^= cpu_to_be64(j->job.how.ssrc);
	half[1] ^= cpu_to_be64(j->job.how.index << 16);
	memcpy(j->iv, half, sizeof(half));
}

static int cm_ask(struct key_job *j, struct crypto_skcipher *c, u32 len, bool later)
{
	struct skcipher_request *r = (void *)j->request;

	cm_iv(j);
	skcipher_request_set_tfm(r, c);
	skcipher_request_set_callback(r, 0, later ? key_answered : NULL, j);
	skcipher_request_set_crypt(r, j->sg, j->sg, len, j->iv);
	return crypto_skcipher_encrypt(r);
}

/* From the clear octets to `end`. */
static int cm_cipher(struct key_job *j, u32 end)
{
	const struct key_part *part = key_part(j);
	u32 clear = j->job.how.clear, len = end - clear;
	struct crypto_skcipher *spare = part->cm[1];
	int err;

	if (!len)
		return 0;
	sg_init_one(j->sg, j->job.skb->data + clear, len);
	err = cm_ask(j, part->cm[0], len, true);
	if (unlikely(key_refused(err)) && spare)
		err = cm_ask(j, spare, len, false);
	return err;
}

/* ---- the tag ---- */

/* Over the first `len` octets, and the roll-over counter where it is SRTP, for which the four octets behind them are lent. The
 * last step of SHA-1 wipes its state. */
static int cm_tag(const struct key_job *j, u32 len, u8 tag[SHA1_OCTETS])
{
	SHASH_DESC_ON_STACK(desc, key_part(j)->hmac);
	u8 *end = j->job.skb->data + len;
	u32 lent;
	int err;

	desc->tfm = key_part(j)->hmac;
	if (j->job.how.is_rtcp)
		return crypto_shash_digest(desc, j->job.skb->data, len, tag);
	lent = get_unaligned((u32 *)end);
	put_unaligned_be32((u32)(j->job.how.index >> 16), end);
	err = crypto_shash_digest(desc, j->job.skb->data, len + sizeof(lent), tag);
	put_unaligned(lent, (u32 *)end);
	return err;
}

/* ---- packets ---- */

static int cm_opened(struct key_job *j, int err)
{
	if (!err)
		skb_trim(j->job.skb, j->job.how.len);
	return err;
}

static int cm_open(struct key_job *j)
{
	const struct relay_crypt *h = &j->job.how;
	u32 signed_len = h->len + (h->is_rtcp ? RTCP_WORD : 0);
	const u8 *came = j->job.skb->data + signed_len + j->job.key->mki_len;
	u8 tag[SHA1_OCTETS];
	int err = cm_tag(j, signed_len, tag);

	if (err)
		return err;
	if (crypto_memneq(tag, came, key_tag_len(j)))
		return -EBADMSG;
	j->then = cm_opened;
	return key_then(j, h->plain ? 0 : cm_cipher(j, h->len));
}

static int cm_sealed(struct key_job *j, int err)
{
	struct sk_buff *skb = j->job.skb;
	u8 tag[SHA1_OCTETS];

	if (err)
		return err;
	if (j->job.how.is_rtcp)
		key_put_word(j, skb_put(skb, RTCP_WORD));
	err = cm_tag(j, skb->len, tag);
	if (!err)
		skb_put_data(skb, tag, key_tag_len(j));
	return err;
}

static int cm_seal(struct key_job *j)
{
	j->then = cm_sealed;
	return key_then(j, cm_cipher(j, j->job.skb->len));
}

const struct key_kind key_cm = {
	.make = cm_make,
	.end = cm_end,
	.request_octets = cm_request_octets,
	.open = cm_open,
	.seal = cm_seal,
};
