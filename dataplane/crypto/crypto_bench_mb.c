/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <intel-ipsec-mb.h>
#include "crypto/crypto_bench.h"

#define TAG 10

struct cm_keys {
	u8 round[16 * 15] __attribute__((aligned(16)));
	u8 ipad[32], opad[32];
} __attribute__((aligned(64)));

/* The library's header aligns the type only where LINUX is defined. */
struct gcm_keys {
	struct gcm_key_data is;
} __attribute__((aligned(64)));

struct raw {
	u8 iv[BURST][16] __attribute__((aligned(64)));
	u8 tag[BURST][16];
	IMB_MGR *mgr;
	struct cm_keys *cm;
	struct gcm_keys *gcm;
	u8 key_len;
};

static void cm_keys(IMB_MGR *m, const u8 key[32], u8 key_len, struct cm_keys *out)
{
	u8 unused[16 * 15] __attribute__((aligned(16))), block[64] = { 0 };
	if (key_len == 16)
		IMB_AES_KEYEXP_128(m, key, out->round, unused);
	else
		IMB_AES_KEYEXP_256(m, key, out->round, unused);
	IMB_SHA1_ONE_BLOCK(m, block, out->ipad);
	IMB_SHA1_ONE_BLOCK(m, block, out->opad);
}

static void gcm_keys(IMB_MGR *m, const u8 key[32], u8 key_len, struct gcm_key_data *out)
{
	if (key_len == 16)
		IMB_AES128_GCM_PRE(m, key, out);
	else
		IMB_AES256_GCM_PRE(m, key, out);
}

struct raw *raw_new(u8 suite, u32 sessions)
{
	struct raw *r = aligned_alloc(64, sizeof(*r));
	bool gcm = suite == FLOW_SUITE_AEAD_AES_128_GCM || suite == FLOW_SUITE_AEAD_AES_256_GCM;
	u8 key[32] = { 0 };
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->key_len =
		suite == FLOW_SUITE_AES_CM_256_HMAC_SHA1_80 || suite == FLOW_SUITE_AEAD_AES_256_GCM
			? 32
			: 16;
	r->mgr = alloc_mb_mgr(0);
	r->cm = gcm ? NULL : aligned_alloc(64, sessions * sizeof(*r->cm));
	r->gcm = gcm ? aligned_alloc(64, sessions * sizeof(*r->gcm)) : NULL;
	if (!r->mgr || (!r->cm && !r->gcm)) {
		raw_free(r);
		return NULL;
	}
	init_mb_mgr_auto(r->mgr, NULL);
	for (u32 i = 0; i < sessions; i++) {
		memcpy(key, &i, sizeof(i));
		if (gcm)
			gcm_keys(r->mgr, key, r->key_len, &r->gcm[i].is);
		else
			cm_keys(r->mgr, key, r->key_len, &r->cm[i]);
	}
	return r;
}

void raw_free(struct raw *r)
{
	if (!r)
		return;
	if (r->mgr)
		free_mb_mgr(r->mgr);
	free(r->cm);
	free(r->gcm);
	free(r);
}

static void fetch(const struct raw *r, u32 session)
{
	const char *p = r->gcm ? (const char *)&r->gcm[session] : (const char *)&r->cm[session];
	size_t n = r->gcm ? sizeof(*r->gcm) : sizeof(*r->cm);
	for (size_t i = 0; i < n; i += 64)
		__builtin_prefetch(p + i);
}

static void set_iv(const struct relay_crypt *how, u8 iv[16])
{
	u64 half[2] = { htobe64(how->ssrc), htobe64(how->index << 16) };
	memcpy(iv, half, sizeof(half));
}

static void set_cm(struct raw *r, IMB_JOB *j, struct bench *b, unsigned i, unsigned slot)
{
	const struct cm_keys *key = &r->cm[b->session[i]];
	u32 roc = htobe32((u32)(b->how[i].index >> 16));
	memcpy(b->packet[i] + HEADER + PAYLOAD, &roc, sizeof(roc));
	j->cipher_mode = IMB_CIPHER_CNTR;
	j->enc_keys = j->dec_keys = key->round;
	j->iv_len_in_bytes = 16;
	j->hash_alg = IMB_AUTH_HMAC_SHA_1;
	j->u.HMAC._hashed_auth_key_xor_ipad = key->ipad;
	j->u.HMAC._hashed_auth_key_xor_opad = key->opad;
	j->hash_start_src_offset_in_bytes = 0;
	j->msg_len_to_hash_in_bytes = HEADER + PAYLOAD + sizeof(roc);
	j->auth_tag_output = r->tag[slot];
	j->auth_tag_output_len_in_bytes = 12;
}

static void set_gcm(struct raw *r, IMB_JOB *j, struct bench *b, unsigned i, unsigned slot)
{
	j->cipher_mode = IMB_CIPHER_GCM;
	j->enc_keys = j->dec_keys = &r->gcm[b->session[i]].is;
	j->iv_len_in_bytes = 12;
	j->hash_alg = IMB_AUTH_AES_GMAC;
	j->u.GCM.aad = b->packet[i];
	j->u.GCM.aad_len_in_bytes = HEADER;
	j->hash_start_src_offset_in_bytes = HEADER;
	j->msg_len_to_hash_in_bytes = PAYLOAD;
	j->auth_tag_output = r->tag[slot];
	j->auth_tag_output_len_in_bytes = 16;
}

static void set(struct raw *r, IMB_JOB *j, struct bench *b, unsigned i, bool seal)
{
	unsigned slot = i % BURST;
	set_iv(&b->how[i], r->iv[slot]);
	j->iv = r->iv[slot];
	if (r->gcm)
		set_gcm(r, j, b, i, slot);
	else
		set_cm(r, j, b, i, slot);
	j->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	j->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	j->key_len_in_bytes = r->key_len;
	j->src = b->packet[i];
	j->dst = b->packet[i] + HEADER;
	j->cipher_start_src_offset_in_bytes = HEADER;
	j->msg_len_to_cipher_in_bytes = PAYLOAD;
}

void raw_burst(struct bench *b, bool seal)
{
	struct raw *r = b->raw;
	IMB_JOB *queue[BURST], *done[BURST];
	for (unsigned i = 0; i < PACKETS; i += BURST) {
		while (IMB_GET_NEXT_BURST(r->mgr, BURST, queue) < BURST)
			IMB_FLUSH_BURST(r->mgr, BURST, done);
		for (unsigned k = 0; k < BURST; k++)
			fetch(r, b->session[i + k]);
		for (unsigned k = 0; k < BURST; k++)
			set(r, queue[k], b, i + k, seal);
		unsigned left = BURST - IMB_SUBMIT_BURST_NOCHECK(r->mgr, BURST, queue);
		while (left)
			left -= IMB_FLUSH_BURST(r->mgr, left, done);
		for (unsigned k = 0; seal && k < BURST; k++)
			memcpy(b->packet[i + k] + HEADER + PAYLOAD, r->tag[k], r->gcm ? 16 : TAG);
	}
}

void raw_direct(struct bench *b, bool seal)
{
	struct raw *r = b->raw;
	struct gcm_context_data ctx;
	aes_gcm_enc_dec_t run = r->key_len == 16 ? seal ? r->mgr->gcm128_enc : r->mgr->gcm128_dec
				: seal           ? r->mgr->gcm256_enc
						 : r->mgr->gcm256_dec;
	for (unsigned i = 0; i < PACKETS; i++) {
		u8 *p = b->packet[i], *text = p + HEADER;
		if (i + 4 < PACKETS)
			fetch(r, b->session[i + 4]);
		set_iv(&b->how[i], r->iv[0]);
		run(&r->gcm[b->session[i]].is, &ctx, text, text, PAYLOAD, r->iv[0], p, HEADER,
		    seal ? text + PAYLOAD : r->tag[0], 16);
	}
}
