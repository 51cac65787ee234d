/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside key.c, cm.c and aead.c: what a key and a job are made of. */
#ifndef SLUICE_KMOD_KEY_PRIV_H
#define SLUICE_KMOD_KEY_PRIV_H

#include <crypto/aead.h>
#include <crypto/hash.h>
#include <crypto/skcipher.h>
#include <linux/llist.h>
#include <linux/scatterlist.h>
#include "sluice.h"

#define RTCP_WORD  4 /* E bit and SRTCP index */
#define RTCP_CLEAR 8 /* of SRTCP: what the cipher leaves alone */
#define GCM_TAG    16

/* The first transform is what the kernel likes best, which may answer later. Where it may, there is a second one, which
 * answers at once, for what the first one refuses. */
struct key_part {
	union {
		struct crypto_skcipher *cm[2];
		struct crypto_aead *aead[2];
	};
	struct crypto_shash *hmac; /* AES-CM alone */
};

struct key_kind;

struct sluice_key {
	const struct key_kind *kind;
	refcount_t refs;
	u32 job_octets;
	u8 key_len, mki_len;
	u8 tag_len[2];  /* by is_rtcp */
	u8 salt[2][16]; /* zero where they end */
	struct key_part part[2];
	struct llist_node gone;
};

/* A job with room for a request to either transform of its key. */
struct key_job {
	struct sluice_job job;
	u32 octets;
	/* What is to be done when the transform has answered; -EINPROGRESS: it is asked again. */
	int (*then)(struct key_job *j, int err);
	u8 iv[16] __aligned(16);
	struct scatterlist sg[3];
	u8 aad[RTCP_CLEAR + RTCP_WORD];
	u8 tag[GCM_TAG]; /* opening AEAD that was wrong: what came */
	u64 was;         /* the same: the first octets of what is encrypted */
	u8 request[] CRYPTO_MINALIGN_ATTR;
};

struct key_kind {
	/* Of one part; what is made when it fails is freed by end(). */
	int (*make)(struct sluice_key *key, struct key_part *part, const u8 *octets,
		    const u8 *auth);
	void (*end)(struct key_part *part);
	u32 (*request_octets)(const struct key_part *part);
	int (*open)(struct key_job *j);
	int (*seal)(struct key_job *j);
};

extern const struct key_kind key_cm, key_aead;

/* The callback of every request. */
void key_answered(compat_crypto_answer *answer, int err);

static inline const struct key_part *key_part(const struct key_job *j)
{
	return &j->job.key->part[j->job.how.is_rtcp];
}

static inline const u8 *key_salt(const struct key_job *j)
{
	return j->job.key->salt[j->job.how.is_rtcp];
}

static inline u32 key_tag_len(const struct key_job *j)
{
	return j->job.key->tag_len[j->job.how.is_rtcp];
}

/* Behind -EINPROGRESS the job belongs to the callback. */
static inline int key_then(struct key_job *j, int err)
{
	return err == -EINPROGRESS ? err : j->then(j, err);
}

/* The transform did not begin: its queue is full, or it found no memory for what it needs beside the request. */
static inline bool key_refused(int err)
{
	return err == -ENOSPC || err == -EBUSY || err == -ENOMEM;
}

/* What leaves is always encrypted. */
static inline void key_put_word(const struct key_job *j, u8 *to)
{
	put_unaligned_be32((u32)j->job.how.index | 1u << 31, to);
}

#endif
