/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher of SRTP and SRTCP: RFC 3711, 6188 (AES-CM) and 7714 (AEAD), many packets at once. What may be opened or
 * sealed, and under which index, is relay/'s affair (relay.h); here it is done.
 *
 * Two backends, ipsec-mb and OpenSSL, are built wherever their libraries are; both give the same octets.
 * A *context* belongs to one thread. A *key* is expanded once and then only read by ipsec-mb; OpenSSL keeps state in it,
 * so its RTP part and its RTCP part each belong to one thread at a time. */
#ifndef SLUICE_CRYPTO_CRYPTO_H
#define SLUICE_CRYPTO_CRYPTO_H

#include <stddef.h>
#include "relay/relay.h"

#define CRYPTO_OVERHEAD_MAX 20 /* octets that sealing appends, at most */

struct crypto;
struct crypto_key;
struct crypto_backend;

extern const struct crypto_backend crypto_evp;
#ifdef SLUICE_CRYPTO_MB
extern const struct crypto_backend crypto_mb;
#endif

/* The backend that the build chose; where that cannot run on this machine, OpenSSL. NULL without memory. */
struct crypto *crypto_new(void);
/* NULL: without memory, or it cannot run here. */
struct crypto *crypto_new_of(const struct crypto_backend *backend);
void crypto_free(struct crypto *c);
const char *crypto_name(const struct crypto *c); /* "ipsec-mb 1.3.0" */

/* Expands session keys; k may be wiped then. Keys are used with contexts of the same backend alone, any of them.
 * -EINVAL: a suite that does not exist; -ENOMEM. */
int crypto_key_new(struct crypto *c, const struct flow_crypto *k, struct crypto_key **out);
/* Counted by its owners, which are of one thread. The last one wipes it. NULL is fine. */
struct crypto_key *crypto_key_get(struct crypto_key *key);
void crypto_key_put(struct crypto_key *key);
size_t crypto_key_octets(const struct crypto_key *key); /* memory that it takes */

struct crypto_job {
	const struct crypto_key *key;
	const struct relay_crypt *how;
	u8 *octets; /* the packet; it is changed in place */
	u32 len;    /* of it, as received (open) or without index word and tag (seal) */
	u32 room;   /* seal: octets that may be written from `octets` on */
	bool right; /* out */
};

/* Right: the packet's first how->len octets are RTP or RTCP. Wrong tag: it is as it was. */
void crypto_open(struct crypto *c, struct crypto_job *job, unsigned n);
/* Appends index word and tag; job->len is the new length. Not right: there was no room, or the cipher failed; the packet is
 * worthless then. */
void crypto_seal(struct crypto *c, struct crypto_job *job, unsigned n);
/* The key is going to be used soon: its head, and the first of what is expanded. */
static inline void crypto_prefetch(const struct crypto_key *key)
{
	const char *p = (const char *)key;
	for (unsigned i = 0; i < 5; i++)
		__builtin_prefetch(p + i * 64ul);
}

#endif
