/* SPDX-License-Identifier: Apache-2.0 */
/* By Intel's ipsec-mb: AES-CM and HMAC-SHA1 of a burst go through its job queue, which hashes several packets side by
 * side; GCM through its direct calls, which gain nothing from a queue. */
#include <errno.h>
#include <stdlib.h>
#include <intel-ipsec-mb.h>
#include "crypto/crypto_priv.h"

#define CHUNK      64 /* jobs in the queue at most */
#define AHEAD      4  /* GCM keys that are fetched before they are used */
#define SHA1_BLOCK 64
#define SHA1_TAG   12 /* of what it writes, 12 or 20, we use 10 or 4 */

struct mb {
	struct crypto head;
	IMB_MGR *mgr;
	bool powers_last;
	/* Expanded for the packet at hand. The library's header aligns the type only where LINUX is defined. */
	struct gcm_key_data rtcp __attribute__((aligned(CRYPTO_LINE)));
	u8 iv[CHUNK][16] __attribute__((aligned(16)));
	u8 tag[CHUNK][16] __attribute__((aligned(16)));
	u32 under_roc[CHUNK]; /* octets of the packet where the roll-over counter is */
};

struct cm_part {
	u8 ipad[32], opad[32]; /* SHA-1 states, 20 octets each */
	u8 round[16 * 15];
} __attribute__((aligned(CRYPTO_LINE)));

struct cm_key {
	struct crypto_key head;
	struct cm_part part[2]; /* by is_rtcp */
};

/* Powers of the hash key take a kilobyte. For the few packets of RTCP they are made anew each time. */
struct gcm_key {
	struct crypto_key head;
	struct gcm_key_data rtp __attribute__((aligned(CRYPTO_LINE)));
	u8 rtcp[32];
} __attribute__((aligned(CRYPTO_LINE)));

/* ---- life ---- */

static const char *name(void)
{
	return "ipsec-mb " IMB_VERSION_STR;
}

static void end(struct crypto *c)
{
	struct mb *mb = (struct mb *)c;
	if (mb->mgr)
		free_mb_mgr(mb->mgr);
	explicit_bzero(mb, sizeof(*mb));
	free(mb);
}

static struct crypto *make(void)
{
	struct mb *mb = aligned_alloc(CRYPTO_LINE, sizeof(*mb));
	IMB_ARCH arch = IMB_ARCH_NONE;
	if (!mb)
		return NULL;
	memset(mb, 0, sizeof(*mb));
	mb->mgr = alloc_mb_mgr(0);
	if (mb->mgr)
		init_mb_mgr_auto(mb->mgr, &arch);
	if (mb->mgr && arch > IMB_ARCH_NOAESNI && !imb_get_errno(mb->mgr)) {
		mb->powers_last = arch == IMB_ARCH_AVX512 && mb->mgr->features & IMB_FEATURE_VAES;
		return &mb->head;
	}
	end(&mb->head);
	return NULL;
}

/* ---- keys ---- */

static size_t key_octets(u8 suite)
{
	bool gcm = suite == FLOW_SUITE_AEAD_AES_128_GCM || suite == FLOW_SUITE_AEAD_AES_256_GCM;
	return gcm ? sizeof(struct gcm_key) : sizeof(struct cm_key);
}

static void expand_pad(IMB_MGR *m, const u8 auth[20], u8 with, u8 *out)
{
	u8 block[SHA1_BLOCK];
	for (unsigned i = 0; i < sizeof(block); i++)
		block[i] = (i < 20 ? auth[i] : 0) ^ with;
	IMB_SHA1_ONE_BLOCK(m, block, out);
	explicit_bzero(block, sizeof(block));
}

static void expand_cm(IMB_MGR *m, const u8 *octets, u8 len, const u8 auth[20], struct cm_part *part)
{
	u8 unused[16 * 15] __attribute__((aligned(16))); /* AES-CM never deciphers */
	if (len == 16)
		IMB_AES_KEYEXP_128(m, octets, part->round, unused);
	else
		IMB_AES_KEYEXP_256(m, octets, part->round, unused);
	explicit_bzero(unused, sizeof(unused));
	expand_pad(m, auth, 0x36, part->ipad);
	expand_pad(m, auth, 0x5c, part->opad);
}

static void expand_gcm(IMB_MGR *m, const u8 *octets, u8 len, struct gcm_key_data *out)
{
	if (len == 16)
		IMB_AES128_GCM_PRE(m, octets, out);
	else
		IMB_AES256_GCM_PRE(m, octets, out);
}

static int key_expand(struct crypto *c, const struct flow_crypto *k, struct crypto_key *key)
{
	IMB_MGR *m = ((struct mb *)c)->mgr;
	struct gcm_key *gk = (struct gcm_key *)key;
	struct cm_key *ck = (struct cm_key *)key;
	if (key->gcm) {
		expand_gcm(m, k->rtp_key, key->key_len, &gk->rtp);
		memcpy(gk->rtcp, k->rtcp_key, key->key_len);
	} else {
		expand_cm(m, k->rtp_key, key->key_len, k->rtp_auth, &ck->part[0]);
		expand_cm(m, k->rtcp_key, key->key_len, k->rtcp_auth, &ck->part[1]);
	}
	return 0;
}

/* ---- AES-CM and HMAC-SHA1 ---- */

/* text_end: where the encrypted part ends, where `plain` is false; signed_len: octets under the tag. */
static void cm_job(struct mb *mb, IMB_JOB *job, const struct crypto_job *j, unsigned slot,
		   u32 text_end, u32 signed_len, bool plain)
{
	const struct cm_part *part = &((const struct cm_key *)j->key)->part[j->how->is_rtcp];
	u32 clear = j->how->clear;
	iv_cm(j, mb->iv[slot]);
	job->cipher_mode = plain || text_end == clear ? IMB_CIPHER_NULL : IMB_CIPHER_CNTR;
	job->enc_keys = part->round;
	job->dec_keys = part->round;
	job->key_len_in_bytes = j->key->key_len;
	job->iv = mb->iv[slot];
	job->iv_len_in_bytes = sizeof(mb->iv[slot]);
	job->src = j->octets;
	job->dst = j->octets + clear;
	job->cipher_start_src_offset_in_bytes = clear;
	job->msg_len_to_cipher_in_bytes = text_end - clear;
	job->hash_alg = IMB_AUTH_HMAC_SHA_1;
	job->u.HMAC._hashed_auth_key_xor_ipad = part->ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = part->opad;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = signed_len;
	job->auth_tag_output = mb->tag[slot];
	job->auth_tag_output_len_in_bytes = SHA1_TAG;
}

static void cm_open_job(struct mb *mb, IMB_JOB *job, const struct crypto_job *j, unsigned slot)
{
	const struct relay_crypt *h = j->how;
	u32 roc = roc_word(j);
	job->cipher_direction = IMB_DIR_DECRYPT;
	job->chain_order = IMB_ORDER_HASH_CIPHER;
	cm_job(mb, job, j, slot, h->len, h->len + RTCP_WORD, h->plain);
	if (h->is_rtcp) /* the index word is there already, as long as the counter */
		return;
	memcpy(&mb->under_roc[slot], j->octets + h->len, sizeof(roc));
	memcpy(j->octets + h->len, &roc, sizeof(roc));
}

static void cm_seal_job(struct mb *mb, IMB_JOB *job, const struct crypto_job *j, unsigned slot)
{
	u32 word = j->how->is_rtcp ? rtcp_word(j) : roc_word(j);
	job->cipher_direction = IMB_DIR_ENCRYPT;
	job->chain_order = IMB_ORDER_CIPHER_HASH;
	cm_job(mb, job, j, slot, j->len, j->len + (u32)sizeof(word), false);
	memcpy(j->octets + j->len, &word, sizeof(word));
}

typedef void cm_fill(struct mb *mb, IMB_JOB *job, const struct crypto_job *j, unsigned slot);

/* All of `job` through the queue, which is empty before and after. False: the library refused. */
static bool cm_run(struct mb *mb, struct crypto_job *const *job, unsigned n, cm_fill *fill)
{
	IMB_JOB *queue[CHUNK], *done[CHUNK];
	if (IMB_GET_NEXT_BURST(mb->mgr, n, queue) != n)
		return false;
	for (unsigned i = 0; i < n; i++)
		fill(mb, queue[i], job[i], i);
	unsigned left = n - IMB_SUBMIT_BURST_NOCHECK(mb->mgr, n, queue), got;
	while (left && (got = IMB_FLUSH_BURST(mb->mgr, left, done)))
		left -= got;
	return !left;
}

/* The key stream once more: what was deciphered is as it was. */
static void cm_undo(struct mb *mb, struct crypto_job *j)
{
	IMB_JOB again;
	memset(&again, 0, sizeof(again));
	cm_job(mb, &again, j, 0, j->how->len, 0, j->how->plain);
	again.cipher_direction = IMB_DIR_ENCRYPT;
	if (again.cipher_mode != IMB_CIPHER_NULL)
		IMB_SUBMIT_CIPHER_BURST_NOCHECK(mb->mgr, &again, 1, IMB_CIPHER_CNTR,
						IMB_DIR_ENCRYPT, j->key->key_len);
}

static void cm_open(struct mb *mb, struct crypto_job *const *job, unsigned n)
{
	bool ran = cm_run(mb, job, n, cm_open_job);
	for (unsigned i = 0; i < n; i++) {
		struct crypto_job *j = job[i];
		const struct relay_crypt *h = j->how;
		u8 *behind = j->octets + h->len;
		if (h->is_rtcp)
			behind += RTCP_WORD;
		else
			memcpy(behind, &mb->under_roc[i], sizeof(mb->under_roc[i]));
		j->right = ran && tag_same(mb->tag[i], behind + j->key->mki_len,
					   j->key->tag_len[h->is_rtcp]);
	}
	for (unsigned i = 0; ran && i < n; i++)
		if (!job[i]->right)
			cm_undo(mb, job[i]);
}

static void cm_seal(struct mb *mb, struct crypto_job *const *job, unsigned n)
{
	bool ran = cm_run(mb, job, n, cm_seal_job);
	for (unsigned i = 0; i < n; i++) {
		struct crypto_job *j = job[i];
		u8 tag_len = j->key->tag_len[j->how->is_rtcp];
		j->len += j->how->is_rtcp ? RTCP_WORD : 0;
		tag_copy(j->octets + j->len, mb->tag[i], tag_len);
		j->len += tag_len;
		j->right = ran;
	}
}

/* ---- AES-GCM ---- */

static void gcm_run(struct mb *mb, const struct crypto_job *j, const struct gcm_work *w,
		    bool encrypt, u8 tag[GCM_TAG])
{
	const struct gcm_key *gk = (const struct gcm_key *)j->key;
	const struct gcm_key_data *key = &gk->rtp;
	struct gcm_context_data ctx;
	IMB_MGR *m = mb->mgr;
	bool small = gk->head.key_len == 16;
	if (j->how->is_rtcp) {
		expand_gcm(m, gk->rtcp, gk->head.key_len, &mb->rtcp);
		key = &mb->rtcp;
	}
	aes_gcm_enc_dec_t run = encrypt ? small ? m->gcm128_enc : m->gcm256_enc
				: small ? m->gcm128_dec
					: m->gcm256_dec;
	run(key, &ctx, w->text, w->text, w->text_len, w->iv, w->aad, w->aad_len, tag, GCM_TAG);
}

static bool gcm_open(struct mb *mb, const struct crypto_job *j)
{
	const struct relay_crypt *h = j->how;
	u8 came[GCM_TAG], tag[GCM_TAG], *behind = j->octets + h->len;
	struct gcm_work w;
	u32 word = 0;
	memcpy(came, behind, GCM_TAG);
	if (h->is_rtcp)
		memcpy(&word, behind + GCM_TAG, RTCP_WORD);
	if (h->plain)
		memcpy(behind, &word, RTCP_WORD);
	gcm_prepare(j, h->len, word, h->plain, &w);
	gcm_run(mb, j, &w, false, tag);
	if (tag_same(tag, came, GCM_TAG))
		return true;
	gcm_run(mb, j, &w, true, tag); /* the key stream once more, as above */
	memcpy(behind, came, GCM_TAG);
	return false;
}

static void gcm_seal(struct mb *mb, struct crypto_job *j)
{
	u32 word = rtcp_word(j);
	struct gcm_work w;
	gcm_prepare(j, j->len, word, false, &w);
	gcm_run(mb, j, &w, true, j->octets + j->len);
	j->len += GCM_TAG;
	if (!j->how->is_rtcp)
		return;
	memcpy(j->octets + j->len, &word, RTCP_WORD);
	j->len += RTCP_WORD;
}

/* Of a kilobyte of powers of the hash key a packet needs those up to its number of blocks, which are the last ones of
 * 48 where blocks are taken 16 at a time (VAES), else the first ones. The round keys: crypto_prefetch(). */
static void gcm_fetch(const struct mb *mb, const struct crypto_job *j)
{
	const struct gcm_key *gk = (const struct gcm_key *)j->key;
	const char *from = (const char *)&gk->rtp.ghash_keys, *end = from + 256;
	if (mb->powers_last) {
		u32 blocks = j->len / 16 + 1;
		end = from + sizeof(gk->rtp.ghash_keys);
		from = end - 16 * (blocks < 48 ? blocks : 48);
	}
	for (; from < end; from += CRYPTO_LINE)
		__builtin_prefetch(from);
}

/* ---- bursts ---- */

/* Those of one kind that there is work on, of at most CHUNK. */
static inline unsigned pick(struct crypto_job *job, unsigned n, bool gcm, bool seal,
			    struct crypto_job **out)
{
	unsigned left = 0;
	for (unsigned i = 0; i < n; i++) {
		if ((bool)job[i].key->gcm != gcm)
			continue;
		job[i].right = seal ? seal_fits(&job[i]) : open_fits(&job[i]);
		if (job[i].right)
			out[left++] = &job[i];
	}
	return left;
}

/* What the next ones need is fetched while this one is being worked on. */
static inline void gcm_all(struct mb *mb, struct crypto_job **job, unsigned n, bool seal)
{
	for (unsigned i = 0; i < n && i < AHEAD; i++)
		gcm_fetch(mb, job[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			gcm_fetch(mb, job[i + AHEAD]);
		if (seal)
			gcm_seal(mb, job[i]);
		else
			job[i]->right = gcm_open(mb, job[i]);
	}
}

static void open_chunk(struct mb *mb, struct crypto_job *job, unsigned n)
{
	struct crypto_job *some[CHUNK];
	gcm_all(mb, some, pick(job, n, true, false, some), false);
	unsigned left = pick(job, n, false, false, some);
	if (left)
		cm_open(mb, some, left);
}

static void seal_chunk(struct mb *mb, struct crypto_job *job, unsigned n)
{
	struct crypto_job *some[CHUNK];
	gcm_all(mb, some, pick(job, n, true, true, some), true);
	unsigned left = pick(job, n, false, true, some);
	if (left)
		cm_seal(mb, some, left);
}

static void open_burst(struct crypto *c, struct crypto_job *job, unsigned n)
{
	for (; n > CHUNK; n -= CHUNK, job += CHUNK)
		open_chunk((struct mb *)c, job, CHUNK);
	open_chunk((struct mb *)c, job, n);
}

static void seal_burst(struct crypto *c, struct crypto_job *job, unsigned n)
{
	for (; n > CHUNK; n -= CHUNK, job += CHUNK)
		seal_chunk((struct mb *)c, job, CHUNK);
	seal_chunk((struct mb *)c, job, n);
}

const struct crypto_backend crypto_mb = {
	.name = name,
	.make = make,
	.free = end,
	.key_octets = key_octets,
	.key_expand = key_expand,
	.open = open_burst,
	.seal = seal_burst,
};
