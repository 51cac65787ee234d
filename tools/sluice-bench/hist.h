/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of times with three significant digits over their whole range: log-linear buckets, each power of two
 * cut into 1024 parts, so that a value is never reported off by more than 1 in 1024. Adding is a few
 * instructions and touches one counter. Not for several threads at once: each has its own, merged later. */
#ifndef SLUICE_BENCH_HIST_H
#define SLUICE_BENCH_HIST_H

#include <stdint.h>

#define HIST_PARTS 1024
#define HIST_BITS  40 /* values of 2^40 and above are counted as the highest */
#define HIST_SLOTS ((HIST_BITS - 10 + 1) * HIST_PARTS)

struct hist {
	uint64_t n, min, max;
	double sum;
	uint64_t slot[HIST_SLOTS];
};

struct hist *hist_new(void); /* NULL: no memory */
void hist_free(struct hist *h);
void hist_reset(struct hist *h);
void hist_add(struct hist *h, uint64_t v);
void hist_merge(struct hist *into, const struct hist *from);
/* The smallest value such that `share` (0..1) of all are not above it, rounded up to its bucket's end but
 * never above the maximum. 0 where there are none. */
uint64_t hist_at(const struct hist *h, double share);
double hist_mean(const struct hist *h);

#endif
