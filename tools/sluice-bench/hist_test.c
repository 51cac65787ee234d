/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "hist.h"

static void small_values_are_exact(void **state)
{
	struct hist *h = hist_new();
	for (uint64_t v = 1; v <= 1000; v++)
		hist_add(h, v);
	assert_int_equal(hist_at(h, 0.5), 500);
	assert_int_equal(hist_at(h, 0.99), 990);
	assert_int_equal(hist_at(h, 1), 1000);
	assert_int_equal(hist_at(h, 0), 1);
	assert_int_equal(h->min, 1);
	assert_true(hist_mean(h) > 500.49 && hist_mean(h) < 500.51);
	hist_free(h);
}

static void three_digits_everywhere(void **state)
{
	struct hist *h = hist_new();
	for (uint64_t v = 1; v < (1ULL << HIST_BITS) - 1; v += 1 + v / 7) {
		hist_reset(h);
		hist_add(h, v);
		hist_add(h, (1ULL << HIST_BITS) - 1); /* so that the maximum does not help */
		uint64_t said = hist_at(h, 0.5);
		assert_true(said >= v);
		assert_true(said - v <= v / 1000);
	}
	hist_free(h);
}

static void borders_of_powers(void **state)
{
	struct hist *h = hist_new();
	for (unsigned bit = 10; bit < HIST_BITS; bit++) {
		uint64_t p = 1ULL << bit;
		hist_reset(h);
		hist_add(h, p - 1);
		hist_add(h, p);
		hist_add(h, p + p / 2);
		assert_true(hist_at(h, 0.3) < p);
		assert_true(hist_at(h, 0.6) >= p && hist_at(h, 0.6) < p + p / 2);
		assert_int_equal(hist_at(h, 1), p + p / 2);
	}
	hist_free(h);
}

static void too_large_and_none(void **state)
{
	struct hist *h = hist_new();
	assert_int_equal(hist_at(h, 0.5), 0);
	assert_true(hist_mean(h) < 0.1);
	hist_add(h, UINT64_MAX);
	assert_int_equal(hist_at(h, 1), (1ULL << HIST_BITS) - 1);
	hist_free(h);
}

static void merged_is_as_one(void **state)
{
	struct hist *a = hist_new(), *b = hist_new();
	for (uint64_t v = 0; v < 5000; v++)
		hist_add(v % 2 ? a : b, v * 31);
	hist_merge(a, b);
	assert_int_equal(a->n, 5000);
	assert_int_equal(a->min, 0);
	assert_int_equal(a->max, 4999 * 31);
	assert_true(hist_mean(a) > 77484 && hist_mean(a) < 77485);
	uint64_t half = hist_at(a, 0.5);
	assert_true(half >= 2499 * 31 && half <= 2499 * 31 + 2499 * 31 / 1000);
	hist_free(a);
	hist_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_values_are_exact), cmocka_unit_test(three_digits_everywhere),
		cmocka_unit_test(borders_of_powers),      cmocka_unit_test(too_large_and_none),
		cmocka_unit_test(merged_is_as_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
