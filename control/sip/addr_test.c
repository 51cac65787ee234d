/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/msg.h"
#include "sip/tight_test.h"

static int parse_error(const char *text)
{
	struct str s = tight(text);
	struct sip_addr a;
	int rc = sip_addr_parse(s, &a);

	tight_free(s);
	return -rc;
}

static void splits_a_name_addr(void **state)
{
	struct sip_addr a;

	assert_int_equal(sip_addr_parse(STR("\"A. G. Bell\" <sip:bell@h;lr> ; tag = x ;y"), &a), 0);
	assert_str(a.display, "\"A. G. Bell\"");
	assert_str(a.uri, "sip:bell@h;lr");
	assert_str(a.params, "; tag = x ;y");
	assert_str(a.tag, "x");
	assert_true(a.bracketed);
	assert_int_equal(sip_addr_parse(STR(" Two  Words<sip:h>"), &a), 0);
	assert_str(a.display, "Two  Words");
	assert_str(a.uri, "sip:h");
	assert_int_equal(a.params.n, 0);
	assert_int_equal(sip_addr_parse(STR("<tel:+4930>"), &a), 0);
	assert_int_equal(a.display.n, 0);
	assert_int_equal(sip_addr_parse(STR("\"\" <sip:h>"), &a), 0);
	assert_str(a.display, "\"\"");
}

static void checklist_06_quotes_hide_separators(void **state)
{
	struct sip_addr a;
	struct str list = STR(
			   "\"a,\\\";<b>\\\\\" <sip:x@h>;y=\"c,d;\\\"\" , <sip:z,1@h> ,, sip:w@h"),
		   item;

	assert_true(sip_list_next(&list, &item));
	assert_int_equal(sip_addr_parse(item, &a), 0);
	assert_str(a.display, "\"a,\\\";<b>\\\\\"");
	assert_str(a.uri, "sip:x@h");
	assert_str(a.params, ";y=\"c,d;\\\"\"");
	assert_true(sip_list_next(&list, &item));
	assert_str(item, "<sip:z,1@h>");
	assert_true(sip_list_next(&list, &item));
	assert_str(item, "sip:w@h");
	assert_false(sip_list_next(&list, &item));
	assert_int_equal(sip_addr_parse(STR("<sip:h>;x=\";tag=a\";tag=b"), &a), 0);
	assert_str(a.tag, "b");
}

static void checklist_07_without_brackets_parameters_are_the_headers(void **state)
{
	struct sip_addr a;

	assert_int_equal(sip_addr_parse(STR("sip:x@h;transport=udp;tag=1"), &a), 0);
	assert_false(a.bracketed);
	assert_str(a.uri, "sip:x@h");
	assert_str(a.params, ";transport=udp;tag=1");
	assert_str(a.tag, "1");
	assert_int_equal(sip_addr_parse(STR("sip:x@h ;tag=2"), &a), 0);
	assert_str(a.tag, "2");
	assert_int_equal(parse_error("sip:x@h?Route=a"), SIP_E_ADDRESS);
	assert_int_equal(parse_error("sip:x@h,sip:y@h"), SIP_E_ADDRESS);
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"   ",
		"x",
		"<>",
		"<sip:h",
		"sip:h>",
		"\"open <sip:h>",
		"\"open\\\" <sip:h>",
		"\"a\" b <sip:h>",
		"\"a\" sip:h",
		"a \"b\" <sip:h>",
		"Bell, A. <sip:h>",
		"a@b <sip:h>",
		"< sip:h>",
		"<sip:h >",
		"<sip:h\";tag=a",
		"<sip:a b@h>",
		"<<sip:h>>",
		"<sip:h> x",
		"<sip:h>;",
		"<sip:h>;;tag=a",
		"<sip:h>;tag",
		"<sip:h>;tag=",
		"<sip:h>;tag=\"x\"",
		"<sip:h>;tag=a;tag=b",
		"<sip:h>;x=\"open",
		"<sip:h>;x=a b",
		"<sip:h>,<sip:h>",
		"<1ip:h>",
		"<sip>",
		"<sip:\xc3\xa4@h>",
		"caf\xc3\xa9 <sip:h>",
	};

	assert_all_are(SIP_E_ADDRESS, parse_error, bad);
	assert_int_equal(parse_error("\"caf\xc3\xa9\" <sip:h>"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_a_name_addr),
		cmocka_unit_test(checklist_06_quotes_hide_separators),
		cmocka_unit_test(checklist_07_without_brackets_parameters_are_the_headers),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
