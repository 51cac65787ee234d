/* SPDX-License-Identifier: Apache-2.0 */
/* What every packet of the benchmark carries as its payload: who sent it, its number and when, under a sum over
 * all of the payload, so that the receiver alone can tell loss, order, duplicates, corruption and delay. */
#ifndef SLUICE_BENCH_STAMP_H
#define SLUICE_BENCH_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_SIZE 32 /* octets: the smallest payload */

struct stamp {
	uint32_t trial; /* another trial's packets are not counted in this one */
	uint32_t call;
	uint8_t side;  /* 0 or 1: who sent it */
	bool counted;  /* sent within the measured time */
	uint64_t seq;  /* within the trial, call and side, counted ones only */
	uint64_t time; /* ns, CLOCK_REALTIME */
};

enum stamp_kind {
	STAMP_GOOD,
	STAMP_FOREIGN, /* not of a benchmark */
	STAMP_CORRUPT
};

void stamp_write(void *payload, size_t n, const struct stamp *s);
enum stamp_kind stamp_read(const void *payload, size_t n, struct stamp *s);

#endif
