/* SPDX-License-Identifier: Apache-2.0 */
/* Inside crypto_bench. */
#ifndef SLUICE_CRYPTO_BENCH_H
#define SLUICE_CRYPTO_BENCH_H

#include "crypto/crypto.h"

#define BURST   32
#define PACKETS 1024
#define HEADER  12
#define PAYLOAD 160
#define ROOM    256

struct bench {
	struct crypto *c;
	struct crypto_key **key; /* by session */
	struct raw *raw;
	u32 sessions;
	u32 session[PACKETS];
	struct relay_crypt how[PACKETS];
	u8 packet[PACKETS][ROOM] __attribute__((aligned(64)));
	u8 sealed[PACKETS][ROOM];
	u32 sealed_len;
	unsigned rounds;
	double *ns;
};

typedef void once(struct bench *b, bool seal);

/* ---- crypto_bench_mb.c: ipsec-mb as its manual has it, on an array of keys ---- */
struct raw *raw_new(u8 suite, u32 sessions); /* NULL: not in this build, or no memory */
void raw_free(struct raw *raw);
void raw_burst(struct bench *b, bool seal);  /* job queue */
void raw_direct(struct bench *b, bool seal); /* of GCM alone */

#endif
