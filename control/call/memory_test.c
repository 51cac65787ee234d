/* SPDX-License-Identifier: Apache-2.0 */
/* What a call costs while it lives: octets of the heap, with all that belongs to it, from hash buckets to what the
 * heap itself keeps of each piece. */
#include <malloc.h>

#include "base/test.h"
#include "call/bulk.h"

#define CALLS       1000
#define BATCH       50
#define ESTABLISHED 2500 /* octets */
#define ENDED       2000 /* for 32 s */

static size_t heap(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void make_calls(struct bulk *b, enum bulk_step last)
{
	for (unsigned n = 0; n < CALLS; n += BATCH)
		for (unsigned i = BULK_INVITE; i <= last; i++)
			bulk_step(b, i);
}

static void costs_little(void **state)
{
	struct bulk *b = bulk_new(BATCH);
	size_t before = heap(), fresh, talking, ended;

	make_calls(b, BULK_ACK);
	fresh = (heap() - before) / CALLS;
	bulk_wait(b, 40000); /* the INVITE's transactions are over */
	talking = (heap() - before) / CALLS;
	make_calls(b, BULK_BYE);
	bulk_wait(b, 6000); /* those of BYE too */
	ended = (heap() - before) / CALLS - talking;
	print_message("octets of a call: established %zu, in its first 32 s %zu, in the 32 s after "
		      "its end %zu\n",
		      talking, fresh, ended);
	assert_int_equal(bulk_calls(b), CALLS);
	assert_in_range(talking, 1000, ESTABLISHED);
	assert_in_range(ended, 0, ENDED);
	bulk_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(costs_little) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
