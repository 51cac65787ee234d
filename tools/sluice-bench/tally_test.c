/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include <string.h>
#include "tally.h"

struct world {
	struct tally t;
	struct tally_call c;
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	*state = w;
	return tally_init(&w->t);
}

static int teardown(void **state)
{
	struct world *w = *state;
	tally_fini(&w->t);
	test_free(w);
	return 0;
}

static void come(struct world *w, uint64_t seq, uint64_t delay)
{
	struct stamp s = { .seq = seq, .time = 1000 * seq };
	tally_packet(&w->t, &w->c, &s, s.time + delay);
}

static void in_order(void **state)
{
	struct world *w = *state;
	for (uint64_t i = 0; i < 5000; i++)
		come(w, i, 300);
	assert_int_equal(w->t.received, 5000);
	assert_int_equal(w->t.duplicates + w->t.reordered, 0);
	assert_int_equal(hist_at(w->t.latency, 1), 300);
	assert_int_equal(w->t.jitter->n, 4999);
	assert_int_equal(hist_at(w->t.jitter, 1), 0);
}

static void lost_are_not_received(void **state)
{
	struct world *w = *state;
	for (uint64_t i = 0; i < 5000; i++)
		if (i % 10)
			come(w, i, 300);
	assert_int_equal(w->t.received, 4500);
	assert_int_equal(w->t.reordered, 0);
}

static void late_and_twice(void **state)
{
	struct world *w = *state;
	come(w, 0, 10);
	come(w, 2, 10);
	come(w, 1, 40);
	assert_int_equal(w->t.reordered, 1);
	come(w, 1, 50);
	come(w, 2, 50);
	come(w, 0, 50);
	assert_int_equal(w->t.duplicates, 3);
	assert_int_equal(w->t.received, 3);
	assert_int_equal(w->t.jitter->n, 2);
	assert_int_equal(hist_at(w->t.jitter, 1), 30);
}

/* What was seen a whole window ago is not taken for the packet that has its bit now. */
static void the_window_goes_round(void **state)
{
	struct world *w = *state;
	for (uint64_t i = 0; i < 3 * TALLY_WINDOW; i++)
		if (i % 3)
			come(w, i, 5);
	assert_int_equal(w->t.duplicates, 0);
	for (uint64_t i = 2 * TALLY_WINDOW + 3; i < 3 * TALLY_WINDOW; i++)
		if (i % 3 == 0)
			come(w, i, 5);
	assert_int_equal(w->t.duplicates, 0);
	come(w, 1u << 20, 5);
	come(w, (1u << 20) - 1, 5);
	assert_int_equal(w->t.duplicates, 0);
}

static void stamps(void **state)
{
	uint8_t p[160];
	struct stamp in = { 7, 123456, 1, true, 1ULL << 40, 1700000000123456789u }, out;
	for (size_t n = STAMP_SIZE; n <= sizeof(p); n += 13) {
		stamp_write(p, n, &in);
		assert_int_equal(stamp_read(p, n, &out), STAMP_GOOD);
		assert_int_equal(out.trial, 7);
		assert_int_equal(out.call, 123456);
		assert_int_equal(out.side, 1);
		assert_true(out.counted);
		assert_true(out.seq == in.seq && out.time == in.time);
		for (size_t i = 4; i < n; i++) {
			p[i] ^= 0x10;
			assert_int_equal(stamp_read(p, n, &out), STAMP_CORRUPT);
			p[i] ^= 0x10;
		}
		assert_int_equal(stamp_read(p, n - 1, &out),
				 n == STAMP_SIZE ? STAMP_FOREIGN : STAMP_CORRUPT);
		p[0] ^= 1;
		assert_int_equal(stamp_read(p, n, &out), STAMP_FOREIGN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_are_not_received, setup, teardown),
		cmocka_unit_test_setup_teardown(late_and_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(the_window_goes_round, setup, teardown),
		cmocka_unit_test(stamps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
