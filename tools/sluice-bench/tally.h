/* SPDX-License-Identifier: Apache-2.0 */
/* What one side received in one trial. One thread's own. */
#ifndef SLUICE_BENCH_TALLY_H
#define SLUICE_BENCH_TALLY_H

#include "hist.h"
#include "stamp.h"

#define TALLY_WINDOW 1024 /* packets of a call: older ones are late, duplicates among them are not seen */

/* Of one call. */
struct tally_call {
	uint64_t next; /* one above the highest number that came */
	uint64_t seen[TALLY_WINDOW / 64];
	int64_t transit; /* ns, of the packet before; meaningful once next is not 0 */
};

struct tally {
	uint64_t received;   /* different packets */
	uint64_t duplicates; /* beyond the first of each */
	uint64_t reordered;  /* came after one that was sent later (RFC 4737) */
	uint64_t corrupt;    /* of ours by its head, but not what was sent */
	uint64_t foreign;    /* not of the benchmark: what a relay must not let in */
	uint64_t astray;     /* of ours, to the wrong call or side */
	uint64_t other;      /* of ours, not counted: warming up, or of a trial before */
	uint64_t refused;    /* SRTP that is not authentic */
	uint64_t keys;       /* telephone-event */
	uint64_t octets;     /* UDP payload of those received */
	struct hist *latency; /* ns, one way, of those received */
	struct hist *jitter;  /* ns: |difference of the transit times of two packets in a row| of a call */
};

int tally_init(struct tally *t); /* 0 or -ENOMEM */
void tally_fini(struct tally *t);
/* A counted packet of this call came, at `now` (ns). */
void tally_packet(struct tally *t, struct tally_call *c, const struct stamp *s, uint64_t now);
void tally_merge(struct tally *into, const struct tally *from);

#endif
