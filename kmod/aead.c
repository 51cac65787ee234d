// SPDX-License-Identifier: GPL-2.0-only
/* AES-GCM: RFC 7714. The transform is the kernel's gcm(aes). */
#include "key_priv.h"

/* ---- keys ---- */

static bool answers_later(struct crypto_aead *c)
{
	return crypto_aead_tfm(c)->__crt_alg->cra_flags & CRYPTO_ALG_ASYNC;
}

static int cipher_new(u32 without, const u8 *octets, u8 len, struct crypto_aead **out)
{
	struct crypto_aead *c = crypto_alloc_aead("gcm(aes)", 0, without);
	int err;

	if (IS_ERR(c))
		return PTR_ERR(c);
	err = crypto_aead_setkey(c, octets, len);
	if (!err)
		err = crypto_aead_setauthsize(c, GCM_TAG);
	if (err)
		crypto_free_aead(c);
	else
		*out = c;
	return err;
}

static int aead_make(struct sluice_key *key, struct key_part *part, const u8 *octets,
		     const u8 *auth)
{
	int err = cipher_new(0, octets, key->key_len, &part->aead[0]);

	if (err)
		return cipher_new(CRYPTO_ALG_ASYNC, octets, key->key_len, &part->aead[0]);
	if (answers_later(part->aead[0]))
		err = cipher_new(CRYPTO_ALG_ASYNC, octets, key->key_len, &part->aead[1]);
	return err == -ENOMEM ? err : 0; /* it can do without */
}

static void aead_end(struct key_part *part)
{
	crypto_free_aead(part->aead[0]);
	crypto_free_aead(part->aead[1]);
}

static u32 aead_request_octets(const struct key_part *part)
{
	u32 n = crypto_aead_reqsize(part->aead[0]);

	if (part->aead[1])
		n = max(n, crypto_aead_reqsize(part->aead[1]));
	return sizeof(struct aead_request) + n;
}

/* ---- one packet ---- */

/* RFC 7714 8.1 and 9.1, which come to the same: 16 zero bits, SSRC, index in 48 bits, XOR salt. */
static void aead_iv(struct key_job *j)
{
	const struct relay_crypt *h = &j->job.how;
	__be64 front;
	__be32 back;

	memcpy(&front, key_salt(j), sizeof(front));
	memcpy(&back, key_salt(j) + sizeof(front), sizeof(back));
	front ^= cpu_to_be64((u64)h->ssrc << 16 | h->index >> 32);
	back ^= cpu_to_be32((u32)h->index);
	memcpy(j->iv, &front, sizeof(front));
	memcpy(j->iv + sizeof(front), &back, sizeof(back));
}

static int aead_ask(struct key_job *j, unsigned int which, bool encrypt, u32 len)
{
	struct aead_request *r = (void *)j->request;
	const struct relay_crypt *h = &j->job.how;
	u32 aad = !h->is_rtcp ? h->clear : h->plain ? h->len + RTCP_WORD : sizeof(j->aad);

	aead_iv(j);
	aead_request_set_tfm(r, key_part(j)->aead[which]);
	aead_request_set_callback(r, 0, which ? NULL : key_answered, j);
	aead_request_set_ad(r, aad);
	aead_request_set_crypt(r, j->sg, j->sg, len, j->iv);
	return encrypt ? crypto_aead_encrypt(r) : crypto_aead_decrypt(r);
}

/* Of a packet whose encrypted octets end at `end`, and the tag follows them. */
static int aead_cipher(struct key_job *j, u32 end, bool encrypt)
{
	const struct relay_crypt *h = &j->job.how;
	u32 len = (h->plain ? 0 : end - h->clear) + (encrypt ? 0 : GCM_TAG);
	int err = aead_ask(j, 0, encrypt, len);

	if (unlikely(key_refused(err)) && key_part(j)->aead[1])
		err = aead_ask(j, 1, encrypt, len);
	return err;
}

/* What is authenticated, what is encrypted and the tag, in that order. SRTCP has its index word in between, which it has
 * behind the tag on the wire. */
static void aead_gather(struct key_job *j, u32 end, u32 word_at)
{
	const struct relay_crypt *h = &j->job.how;
	u8 *octets = j->job.skb->data, *word = j->aad + RTCP_CLEAR;

	if (!h->is_rtcp) {
		sg_init_one(j->sg, octets, end + GCM_TAG);
		return;
	}
	memcpy(j->aad, octets, RTCP_CLEAR);
	if (j->job.sealing)
		key_put_word(j, word);
	else
		memcpy(word, octets + word_at, RTCP_WORD);
	if (h->plain) { /* RFC 7714 9.3 */
		sg_init_table(j->sg, 3);
		sg_set_buf(&j->sg[0], octets, end);
		sg_set_buf(&j->sg[1], word, RTCP_WORD);
		sg_set_buf(&j->sg[2], octets + end, GCM_TAG);
		return;
	}
	sg_init_table(j->sg, 2);
	sg_set_buf(&j->sg[0], j->aad, sizeof(j->aad));
	sg_set_buf(&j->sg[1], octets + RTCP_CLEAR, end - RTCP_CLEAR + GCM_TAG);
}

/* ---- open ---- */

/* The first octets of what is encrypted: whether the transform has touched it can be told by them. */
static u64 aead_first(const struct key_job *j)
{
	const struct relay_crypt *h = &j->job.how;
	u64 first = 0;

	memcpy(&first, j->job.skb->data + h->clear, min_t(u32, h->len - h->clear, sizeof(first)));
	return first;
}

static int aead_undone(struct key_job *j, int err)
{
	memcpy(j->job.skb->data + j->job.how.len, j->tag, GCM_TAG);
	if (!err)
		err = aead_first(j) == j->was ? -EBADMSG : -EIO;
	return err;
}

/* With a wrong tag most transforms leave what they have deciphered; the key stream once more, and it is what it was. */
static int aead_opened(struct key_job *j, int err)
{
	const struct relay_crypt *h = &j->job.how;

	if (!err)
		skb_trim(j->job.skb, h->len);
	if (err != -EBADMSG || h->plain || aead_first(j) == j->was)
		return err;
	memcpy(j->tag, j->job.skb->data + h->len, GCM_TAG);
	j->then = aead_undone;
	return key_then(j, aead_cipher(j, h->len, true));
}

static int aead_open(struct key_job *j)
{
	u32 len = j->job.how.len;

	aead_gather(j, len, len + GCM_TAG);
	j->was = aead_first(j);
	j->then = aead_opened;
	return key_then(j, aead_cipher(j, len, false));
}

/* ---- seal ---- */

static int aead_sealed(struct key_job *j, int err)
{
	if (err)
		return err;
	skb_put(j->job.skb, GCM_TAG);
	if (j->job.how.is_rtcp)
		key_put_word(j, skb_put(j->job.skb, RTCP_WORD));
	return 0;
}

static int aead_seal(struct key_job *j)
{
	u32 len = j->job.skb->len;

	aead_gather(j, len, 0);
	j->then = aead_sealed;
	return key_then(j, aead_cipher(j, len, true));
}

const struct key_kind key_aead = {
	.make = aead_make,
	.end = aead_end,
	.request_octets = aead_request_octets,
	.open = aead_open,
	.seal = aead_seal,
};
