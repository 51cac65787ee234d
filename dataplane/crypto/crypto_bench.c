/* SPDX-License-Identifier: Apache-2.0 */
/* crypto_bench [rounds]: nanoseconds of sealing and of opening one SRTP packet of 160 octets of payload, in bursts of 32, for
 * 1 and for 10,000 sessions in random order: by ipsec-mb itself (its jobs filled in by hand; of GCM its direct calls, too),
 * and by each backend here. The median of the rounds, and what multiple that is of the best of ipsec-mb itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "crypto/crypto_bench.h"

#define MANY   10000
#define ROUNDS 200

static const struct {
	const char *name;
	u8 suite;
} suites[] = {
	{ "AES_CM_128_HMAC_SHA1_80", FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 },
	{ "AES_CM_128_HMAC_SHA1_32", FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 },
	{ "AES_CM_256_HMAC_SHA1_80", FLOW_SUITE_AES_CM_256_HMAC_SHA1_80 },
	{ "AEAD_AES_128_GCM", FLOW_SUITE_AEAD_AES_128_GCM },
	{ "AEAD_AES_256_GCM", FLOW_SUITE_AEAD_AES_256_GCM },
};

static const struct {
	const char *name;
	const struct crypto_backend *is;
} backends[] = {
#ifdef SLUICE_CRYPTO_MB
	{ "sluice, ipsec-mb", &crypto_mb },
#endif
	{ "sluice, OpenSSL", &crypto_evp },
};

static u64 clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double measure(struct bench *b, once *run, bool seal)
{
	for (unsigned r = 0; r < b->rounds; r++) {
		memcpy(b->packet, b->sealed, sizeof(b->packet));
		u64 t0 = clock_ns();
		run(b, seal);
		b->ns[r] = (double)(clock_ns() - t0) / PACKETS;
	}
	qsort(b->ns, b->rounds, sizeof(double), by_value);
	return b->ns[b->rounds / 2];
}

static double print(const struct bench *b, const char *suite, bool seal, const char *who, double ns,
		    double best)
{
	printf("%-24s %6u sessions  %-4s  %-17s %7.1f ns", suite, b->sessions,
	       seal ? "seal" : "open", who, ns);
	if (best > 0)
		printf("  %5.2f x", ns / best);
	printf("\n");
	fflush(stdout);
	return ns;
}

/* ---- ours ---- */

static void run_backend(struct bench *b, bool seal)
{
	struct crypto_job job[BURST];
	for (unsigned i = 0; i < PACKETS; i += BURST) {
		for (unsigned k = 0; k < BURST; k++) {
			job[k] =
				(struct crypto_job){ .key = b->key[b->session[i + k]],
						     .how = &b->how[i + k],
						     .octets = b->packet[i + k],
						     .len = seal ? HEADER + PAYLOAD : b->sealed_len,
						     .room = ROOM };
			crypto_prefetch(job[k].key);
		}
		if (seal)
			crypto_seal(b->c, job, BURST);
		else
			crypto_open(b->c, job, BURST);
		for (unsigned k = 0; k < BURST; k++)
			if (!job[k].right)
				abort();
	}
}

static void make_packets(struct bench *b)
{
	u32 seed = 1;
	for (u32 i = 0; i < PACKETS; i++) {
		seed = seed * 1664525u + 1013904223u;
		b->session[i] = (seed >> 8) % b->sessions;
		b->how[i] = (struct relay_crypt){ .index = 0x12345 + i,
						  .ssrc = b->session[i],
						  .len = HEADER + PAYLOAD,
						  .clear = HEADER };
		memset(b->sealed[i], (int)i, ROOM);
		b->sealed[i][0] = 0x80;
	}
}

static void make_keys(struct bench *b, u8 suite)
{
	struct flow_crypto k = { .number = 1, .suite = suite };
	for (u32 i = 0; i < b->sessions; i++) {
		memcpy(k.rtp_key, &i, sizeof(i));
		if (crypto_key_new(b->c, &k, &b->key[i]))
			abort();
	}
}

/* What open starts from. */
static void seal_all(struct bench *b)
{
	for (unsigned i = 0; i < PACKETS; i++) {
		struct crypto_job job = { b->key[b->session[i]], &b->how[i], b->sealed[i],
					  HEADER + PAYLOAD, ROOM };
		crypto_seal(b->c, &job, 1);
		b->sealed_len = job.len;
	}
}

static void bench_backends(struct bench *b, unsigned suite, const double best[2])
{
	for (unsigned i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		b->c = crypto_new_of(backends[i].is);
		if (!b->c)
			continue;
		make_keys(b, suites[suite].suite);
		make_packets(b);
		seal_all(b);
		for (unsigned seal = 0; seal < 2; seal++)
			print(b, suites[suite].name, seal, backends[i].name,
			      measure(b, run_backend, seal), best[seal]);
		for (u32 k = 0; k < b->sessions; k++)
			crypto_key_put(b->key[k]);
		crypto_free(b->c);
	}
}

/* ---- ipsec-mb itself ---- */

static void bench_raw(struct bench *b, unsigned suite, double best[2])
{
	best[0] = best[1] = 0;
#ifdef SLUICE_CRYPTO_MB
	bool gcm = suites[suite].suite >= FLOW_SUITE_AEAD_AES_128_GCM;
	b->raw = raw_new(suites[suite].suite, b->sessions);
	if (!b->raw)
		return;
	make_packets(b);
	for (unsigned seal = 0; seal < 2; seal++) {
		best[seal] = print(b, suites[suite].name, seal, "ipsec-mb, burst",
				   measure(b, raw_burst, seal), 0);
		double direct = gcm ? print(b, suites[suite].name, seal, "ipsec-mb, direct",
					    measure(b, raw_direct, seal), 0)
				    : best[seal];
		best[seal] = direct < best[seal] ? direct : best[seal];
	}
	raw_free(b->raw);
#endif
}

int main(int argc, char **argv)
{
	struct bench *b = aligned_alloc(64, sizeof(*b));
	if (!b)
		return 1;
	memset(b, 0, sizeof(*b));
	b->rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;
	b->rounds = b->rounds ? b->rounds : 1;
	b->ns = calloc(b->rounds, sizeof(*b->ns));
	b->key = calloc(MANY, sizeof(struct crypto_key *));
	for (unsigned i = 0; b->ns && b->key && i < 2 * sizeof(suites) / sizeof(suites[0]); i++) {
		double best[2];
		b->sessions = i % 2 ? MANY : 1;
		bench_raw(b, i / 2, best);
		bench_backends(b, i / 2, best);
	}
	free(b->ns);
	free(b->key);
	free(b);
	return 0;
}
