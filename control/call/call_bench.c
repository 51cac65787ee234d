/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of a shard for one call with anchored media, 7 messages in and 7 out, 2 requests to the engine for each
 * flow: all that sluiced does for it but system calls. 600 calls/s, so that the last timers of some 20,000 calls are
 * running meanwhile (the ports rest for 30 s, which is why there are not more). */
#include <stdio.h>
#include <stdlib.h>

#include "call/bulk.h"

#define BATCH   50
#define ROUNDS  9
#define BATCHES 100 /* of a round */
#define WARM    450
#define MS      83 /* of a batch */

static const char *const names[BULK_STEPS] = { "invite", "ring", "answer", "ack", "bye" };

static void one_batch(struct bulk *b, uint64_t ns[BULK_STEPS + 1])
{
	for (unsigned i = 0; i < BULK_STEPS; i++)
		ns[i] += bulk_step(b, i);
	ns[BULK_STEPS] += bulk_wait(b, MS - 10);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	struct bulk *b = bulk_new(BATCH);
	uint64_t all[BULK_STEPS + 1] = { 0 };
	double us[ROUNDS];

	if (!b)
		return 1;
	for (unsigned i = 0; i < WARM; i++)
		one_batch(b, all);
	memset(all, 0, sizeof(all));
	for (unsigned r = 0; r < ROUNDS; r++) {
		uint64_t ns[BULK_STEPS + 1] = { 0 };

		us[r] = 0;
		for (unsigned i = 0; i < BATCHES; i++)
			one_batch(b, ns);
		for (unsigned i = 0; i <= BULK_STEPS; i++) {
			us[r] += (double)ns[i] / 1000 / BATCH / BATCHES;
			all[i] += ns[i];
		}
	}
	qsort(us, ROUNDS, sizeof(us[0]), by_size);
	printf("calls.b2bua call us %.2f (best %.2f; ", us[ROUNDS / 2], us[0]);
	for (unsigned i = 0; i < BULK_STEPS; i++)
		printf("%s %.2f, ", names[i], (double)all[i] / 1000 / BATCH / BATCHES / ROUNDS);
	printf("timers %.2f)\n", (double)all[BULK_STEPS] / 1000 / BATCH / BATCHES / ROUNDS);
	bulk_free(b);
	return 0;
}
