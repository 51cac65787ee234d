/* SPDX-License-Identifier: Apache-2.0 */
/* Inside crypto/: what both backends share. */
#ifndef SLUICE_CRYPTO_PRIV_H
#define SLUICE_CRYPTO_PRIV_H

#include <endian.h>
#include <string.h>
#include "crypto/crypto.h"

#define CRYPTO_LINE 64
#define GCM_IV      12
#define GCM_TAG     16
#define RTCP_WORD   4 /* E bit and SRTCP index */
#define RTCP_CLEAR  8 /* of SRTCP: what the cipher leaves alone */

struct crypto_backend {
	const char *(*name)(void);
	struct crypto *(*make)(void);
	void (*free)(struct crypto *c);
	size_t (*key_octets)(u8 suite);
	/* The head is filled in, the rest is zero. */
	int (*key_expand)(struct crypto *c, const struct flow_crypto *k, struct crypto_key *key);
	void (*key_end)(struct crypto_key *key); /* what does not go with its memory; may be NULL */
	void (*open)(struct crypto *c, struct crypto_job *job, unsigned n);
	void (*seal)(struct crypto *c, struct crypto_job *job, unsigned n);
};

struct crypto {
	const struct crypto_backend *backend;
};

/* The head of every key, one cache line. */
struct crypto_key {
	const struct crypto_backend *backend;
	u32 refs; /* the owners' thread alone */
	u32 size;
	u8 suite;
	u8 mki_len;
	u8 key_len;
	u8 gcm;
	u8 tag_len[2];  /* by is_rtcp */
	u8 salt[2][16]; /* zero where they end */
} __attribute__((aligned(CRYPTO_LINE)));

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
static inline void iv_cm(const struct crypto_job *j, u8 iv[16])
{
	u64 half[2];
	memcpy(half, j->key->salt[j->how->is_rtcp], sizeof(half));
	half[0] ^= htobe64(j->how->ssrc);
	half[1] ^= htobe64(j->how->index << 16);
	memcpy(iv, half, sizeof(half));
}

/* RFC 7714 8.1 and 9.1, which come to the same: 16 zero bits, SSRC, index in 48 bits, XOR salt. */
static inline void iv_gcm(const struct crypto_job *j, u8 iv[GCM_IV])
{
	const u8 *salt = j->key->salt[j->how->is_rtcp];
	u64 front;
	u32 back;
	memcpy(&front, salt, sizeof(front));
	memcpy(&back, salt + sizeof(front), sizeof(back));
	front ^= htobe64((u64)j->how->ssrc << 16 | j->how->index >> 32);
	back ^= htobe32((u32)j->how->index);
	memcpy(iv, &front, sizeof(front));
	memcpy(iv + sizeof(front), &back, sizeof(back));
}

/* What the authentication of SRTP covers behind the packet: the roll-over counter. */
static inline u32 roc_word(const struct crypto_job *j)
{
	return htobe32((u32)(j->how->index >> 16));
}

/* What leaves is always encrypted. */
static inline u32 rtcp_word(const struct crypto_job *j)
{
	return htobe32((u32)j->how->index | 1u << 31);
}

/* Takes as long whatever the octets are. n: 4, 10 or 16. */
static inline bool tag_same(const u8 *a, const u8 *b, unsigned n)
{
	u64 x[2] = { 0 }, y[2] = { 0 };
	if (n == 4) {
		memcpy(x, a, 4);
		memcpy(y, b, 4);
	} else if (n == 10) {
		memcpy(x, a, 10);
		memcpy(y, b, 10);
	} else {
		memcpy(x, a, 16);
		memcpy(y, b, 16);
	}
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* Copies of a length that the compiler knows need no call. n: 4 or 10. */
static inline void tag_copy(u8 *to, const u8 *from, unsigned n)
{
	if (n == 10)
		memcpy(to, from, 10);
	else
		memcpy(to, from, 4);
}

/* The octets of a packet are where relay_open() said. */
static inline bool open_fits(const struct crypto_job *j)
{
	const struct relay_crypt *h = j->how;
	u32 word = h->is_rtcp ? RTCP_WORD : 0;
	return h->clear <= h->len && (!h->is_rtcp || h->clear == RTCP_CLEAR) &&
	       (u64)h->len + word + j->key->mki_len + j->key->tag_len[h->is_rtcp] <= j->len;
}

static inline bool seal_fits(const struct crypto_job *j)
{
	const struct relay_crypt *h = j->how;
	u32 word = h->is_rtcp ? RTCP_WORD : 0;
	return h->clear <= j->len && (!h->is_rtcp || h->clear == RTCP_CLEAR) &&
	       (u64)j->len + word + j->key->tag_len[h->is_rtcp] <= j->room;
}

/* AEAD over one packet in place: the tag is computed, compared with nothing. aad may not be in `text`. */
struct gcm_work {
	const u8 *aad;
	u8 *text; /* NULL with text_len 0 */
	u32 aad_len, text_len;
	u8 iv[GCM_IV];
	u8 word_aad[RTCP_CLEAR + RTCP_WORD];
};

/* Fills *w for the packet in j, whose encrypted part (or, plain, whose whole) ends at `end`; SRTCP's index word is `word`.
 * A plain one has to have the word at `end`. */
static inline void gcm_prepare(const struct crypto_job *j, u32 end, u32 word, bool plain,
			       struct gcm_work *w)
{
	const struct relay_crypt *h = j->how;
	iv_gcm(j, w->iv);
	w->aad = j->octets;
	w->aad_len = h->clear;
	w->text = j->octets + h->clear;
	w->text_len = end - h->clear;
	if (!h->is_rtcp)
		return;
	if (plain) { /* RFC 7714 9.3 */
		w->aad_len = end + RTCP_WORD;
		w->text_len = 0;
		return;
	}
	memcpy(w->word_aad, j->octets, RTCP_CLEAR);
	memcpy(w->word_aad + RTCP_CLEAR, &word, RTCP_WORD);
	w->aad = w->word_aad;
	w->aad_len = sizeof(w->word_aad);
}

#endif
