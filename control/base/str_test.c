/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "base/test.h"
#include "base/str.h"

static void compares(void **state)
{
	assert_true(str_eq(STR_NONE, STR("")));
	assert_false(str_eq(STR("ab"), STR("aB")));
	assert_true(str_caseeq(STR("Call-ID"), STR("cALL-id")));
	/* '@' and '`' differ by the same bit as letters do, but are none */
	assert_false(str_caseeq(STR("@"), STR("`")));
	assert_false(str_caseeq(STR("[{"), STR("{[")));
	assert_false(str_caseeq(STR("ab"), STR("abc")));
	assert_true(str_starts(STR("sip:x"), STR("sip:")));
	assert_true(str_starts(STR("sip:x"), STR_NONE));
	assert_false(str_starts(STR("si"), STR("sip:")));
}

static void trims(void **state)
{
	assert_str(str_trim(STR(" \t a b\r\n")), "a b");
	assert_int_equal(str_trim(STR(" \t ")).n, 0);
	assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void splits(void **state)
{
	struct str rest = STR("a;;b"), t;

	assert_true(str_token(&rest, ';', &t));
	assert_str(t, "a");
	assert_true(str_token(&rest, ';', &t));
	assert_str(t, "");
	assert_true(str_token(&rest, ';', &t));
	assert_str(t, "b");
	assert_false(str_token(&rest, ';', &t));
	rest = STR_NONE;
	assert_false(str_token(&rest, ';', &t));
}

static void lines(void **state)
{
	struct str rest = STR("v=0\r\n\ns=-\no=x"), l;

	assert_true(str_line(&rest, &l));
	assert_str(l, "v=0");
	assert_true(str_line(&rest, &l));
	assert_str(l, "");
	assert_true(str_line(&rest, &l));
	assert_str(l, "s=-");
	assert_true(str_line(&rest, &l));
	assert_str(l, "o=x");
	assert_false(str_line(&rest, &l));
}

static void numbers(void **state)
{
	uint32_t v = 7;
	uint64_t w = 7;

	assert_int_equal(str_u32(STR("4294967295"), UINT32_MAX, &v), 0);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(str_u32(STR("0000000010"), 10, &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(str_u32(STR("4294967296"), UINT32_MAX, &v), -ERANGE);
	assert_int_equal(str_u32(STR("00000000010"), 10, &v), -ERANGE);
	assert_int_equal(str_u32(STR("11"), 10, &v), -ERANGE);
	assert_int_equal(v, 10);
	assert_int_equal(str_u32(STR(""), 10, &v), -EINVAL);
	assert_int_equal(str_u32(STR("+1"), 10, &v), -EINVAL);
	assert_int_equal(str_u32(STR("1 "), 10, &v), -EINVAL);
	assert_int_equal(str_u64(STR("18446744073709551615"), &w), 0);
	assert_true(w == UINT64_MAX);
	assert_int_equal(str_u64(STR("18446744073709551616"), &w), -ERANGE);
	assert_int_equal(str_u64(STR("99999999999999999999"), &w), -ERANGE);
	assert_int_equal(str_u64(STR("000000000000000000001"), &w), -ERANGE);
	assert_int_equal(str_u64(STR("1a"), &w), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares), cmocka_unit_test(trims),   cmocka_unit_test(splits),
		cmocka_unit_test(lines),    cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
