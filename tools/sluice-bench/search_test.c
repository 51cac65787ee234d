/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "search.h"

/* A relay that loses nothing up to `limit`. */
static double find(double limit, double first, double ceiling, unsigned most, unsigned *trials)
{
	struct search s;
	double rate;
	search_init(&s, first, ceiling, 0.01, most);
	while (search_next(&s, &rate)) {
		assert_true(rate > 0 && rate <= ceiling);
		search_tell(&s, rate <= limit);
	}
	if (trials)
		*trials = s.trials;
	return s.good;
}

static void comes_close_from_below(void **state)
{
	for (double limit = 900; limit < 1e6; limit *= 1.37) {
		unsigned trials;
		double found = find(limit, 1000, 1e6, 100, &trials);
		assert_true(found <= limit);
		assert_true(found >= limit * 0.985);
		assert_true(trials <= 20);
	}
}

static void the_ceiling_is_tried(void **state)
{
	unsigned trials;
	assert_true(find(1e9, 1000, 3000, 100, &trials) >= 2999.9);
	assert_int_equal(trials, 3);
}

static void a_first_rate_above_the_ceiling(void **state)
{
	assert_true(find(1e9, 5000, 3000, 100, NULL) <= 3000);
}

static void nothing_goes_well(void **state)
{
	unsigned trials;
	assert_true(find(-1, 1000, 1e6, 100, &trials) < 1);
	assert_true(trials < 20);
}

/* A generator that comes to no more than 790: that much is known, and nothing above. */
static void what_is_known_beside_counts(void **state)
{
	struct search s;
	double rate;
	search_init(&s, 1000, 1e6, 0.01, 100);
	while (search_next(&s, &rate)) {
		search_know(&s, rate < 790 ? rate : 790);
		search_tell(&s, rate <= 790);
	}
	assert_true(s.good >= 790 && s.good < 791);
	assert_true(s.trials < 15);
	search_know(&s, s.bad + 1);
	assert_true(s.good < 791);
}

static void no_more_trials_than_allowed(void **state)
{
	unsigned trials;
	find(123456, 1000, 1e6, 5, &trials);
	assert_int_equal(trials, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_close_from_below),
		cmocka_unit_test(the_ceiling_is_tried),
		cmocka_unit_test(a_first_rate_above_the_ceiling),
		cmocka_unit_test(nothing_goes_well),
		cmocka_unit_test(what_is_known_beside_counts),
		cmocka_unit_test(no_more_trials_than_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
