/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pace.h"
#include "base/test.h"

#define US 1000u

/* Messages come every `gap_us` for `ms`; gives the rounds that were needed and the longest wait of a message. */
static uint32_t run(struct pace *p, uint64_t *now, uint32_t gap_us, uint32_t ms, uint64_t *longest)
{
	uint64_t end = *now + ms * 1000000ull, next = *now, taken;
	uint32_t rounds = 0;

	*longest = 0;
	while (*now < end) {
		*now += pace_next(p, *now);
		if (*now < next)
			*now = next; /* the wait itself */
		pace_woke(p, *now);
		rounds++;
		if (*now - next > *longest)
			*longest = *now - next;
		taken = (*now - next) / (gap_us * US) + 1;
		next += taken * gap_us * US;
		*now += taken * 5 * US; /* the work */
	}
	return rounds;
}

static void an_idle_loop_does_not_wait(void **state)
{
	struct pace p = { .pause_ns = 400 * US };
	uint64_t now = 1000000000, longest;

	assert_in_range(run(&p, &now, 1000, 1000, &longest), 999, 1001);
	assert_int_equal(longest, 0);
	assert_false(p.on);
}

static void load_is_gathered(void **state)
{
	struct pace p = { .pause_ns = 400 * US };
	uint64_t now = 1000000000, longest;
	uint32_t rounds;

	run(&p, &now, 50, 30, &longest);
	rounds = run(&p, &now, 50, 1000, &longest);
	assert_in_range(rounds, 2300, 2600); /* of 20000 messages */
	assert_in_range(longest, 300 * US, 400 * US);
	/* The load ends: so does the pause, within two windows. */
	run(&p, &now, 1000, 30, &longest);
	assert_false(p.on);
	run(&p, &now, 1000, 100, &longest);
	assert_int_equal(longest, 0);
}

static void a_standstill_is_no_load(void **state)
{
	struct pace p = { .pause_ns = 400 * US };
	uint64_t now = 1000000000, longest;

	run(&p, &now, 50, 30, &longest);
	assert_true(p.on);
	now += 1000000000;
	assert_int_equal(pace_next(&p, now), 0);
	assert_false(p.on);
}

static void never_when_it_is_off(void **state)
{
	struct pace p = { 0 };
	uint64_t now = 1000000000, longest;

	run(&p, &now, 50, 100, &longest);
	assert_int_equal(longest, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_loop_does_not_wait),
		cmocka_unit_test(load_is_gathered),
		cmocka_unit_test(a_standstill_is_no_load),
		cmocka_unit_test(never_when_it_is_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
