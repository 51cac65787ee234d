/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/buf.h"

static void appends(void **state)
{
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_lit(&b, "a=");
	buf_u64(&b, 0);
	buf_put(&b, STR(" "));
	buf_u64(&b, UINT64_MAX);
	buf_fmt(&b, " %s %d ", "x", -5);
	buf_hex(&b, "\x00\x7f\xff", 3);
	assert_true(buf_ok(&b));
	assert_str(buf_str(&b), "a=0 18446744073709551615 x -5 007fff");
}

/* The first append that does not fit ends it, also for shorter ones after it. */
static void full_is_final(void **state)
{
	char mem[8] = "........";
	struct buf b;

	buf_init(&b, mem, 4);
	buf_lit(&b, "abc");
	buf_lit(&b, "de");
	buf_lit(&b, "f");
	assert_false(buf_ok(&b));
	assert_str(buf_str(&b), "abc");
	assert_memory_equal(mem + 4, "....", 4);
}

static void every_writer_stops_at_the_end(void **state)
{
	char mem[8] = "........";
	struct buf b;

	buf_init(&b, mem, 4);
	buf_u64(&b, 12345);
	assert_false(buf_ok(&b));
	buf_init(&b, mem, 4);
	buf_hex(&b, "abc", 3);
	assert_false(buf_ok(&b));
	buf_init(&b, mem, 4);
	buf_fmt(&b, "%d", 1234); /* the NUL of printf does not fit */
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 0);
	buf_init(&b, mem, 0);
	buf_fmt(&b, "x");
	assert_false(buf_ok(&b));
	assert_memory_equal(mem + 4, "....", 4);
	buf_init(&b, mem, 4);
	buf_hex(&b, "ab", 2);
	assert_true(buf_ok(&b));
	assert_str(buf_str(&b), "6162");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends),
		cmocka_unit_test(full_is_final),
		cmocka_unit_test(every_writer_stops_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
