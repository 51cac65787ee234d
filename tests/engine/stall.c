/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include "suite.h"

#define EVERY (5 * MS)

static void *run(void *arg)
{
	struct test *t = arg;

	for (;;) {
		u64 before = now_us();
		nap(EVERY);
		u64 late = now_us() - before - EVERY;
		if (late > atomic_load(&t->stall_us))
			atomic_store(&t->stall_us, (u32)late);
	}
	return NULL;
}

void test_slow(struct test *t, u32 us)
{
	atomic_store(&t->stall_us, us > STALL_US ? us : STALL_US + 1);
}

void stall_watch(struct test *t)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, run, t))
		pthread_detach(thread);
}
