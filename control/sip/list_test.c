/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/msg_test.h"

static void checklist_05_comma_lists(void **state)
{
	struct parsed *t = parse(STR(INVITE BASIC "Supported: 100rel , timer\r\nk: \r\n"
						  "Allow: INVITE,ACK\r\nAccept: a/b;q=1, c/d\r\n"
						  "Supported:replaces\r\n\r\n"));

	assert_int_equal(t->core, 0);
	assert_true(sip_has_token(&t->m, SIP_HDR_SUPPORTED, STR("100rel")));
	assert_true(sip_has_token(&t->m, SIP_HDR_SUPPORTED, STR("TIMER")));
	assert_true(sip_has_token(&t->m, SIP_HDR_SUPPORTED, STR("replaces")));
	assert_false(sip_has_token(&t->m, SIP_HDR_SUPPORTED, STR("time")));
	assert_false(sip_has_token(&t->m, SIP_HDR_SUPPORTED, STR("100rel , timer")));
	assert_false(sip_has_token(&t->m, SIP_HDR_REQUIRE, STR("timer")));
	assert_true(sip_has_token(&t->m, SIP_HDR_ALLOW, STR("ACK")));
	assert_false(sip_has_token(&t->m, SIP_HDR_ALLOW, STR("ack")));
	assert_true(sip_has_token(&t->m, SIP_HDR_ACCEPT, STR("a/b")));
	assert_true(sip_has_token(&t->m, SIP_HDR_ACCEPT, STR("c/d")));
	done(t);
	/* the value of a challenge or of credentials holds commas and is one value: nobody splits
	 * it */
	t = parse(STR(INVITE BASIC "Authorization: Digest a=\"b\", c=d\r\n"
				   "Authorization: Digest e=f\r\n\r\n"));
	assert_int_equal(t->core, 0);
	assert_str(sip_value(&t->m, SIP_HDR_AUTHORIZATION), "Digest a=\"b\", c=d");
	done(t);
}

static void takes_the_rest_where_a_quote_stays_open(void **state)
{
	struct str list = STR("a, \"b, c"), item;

	assert_true(sip_list_next(&list, &item));
	assert_str(item, "a");
	assert_true(sip_list_next(&list, &item));
	assert_str(item, "\"b, c");
	assert_false(sip_list_next(&list, &item));
	list = STR("<b, c");
	assert_true(sip_list_next(&list, &item));
	assert_str(item, "<b, c");
	list = STR(" ,, , ");
	assert_false(sip_list_next(&list, &item));
	list = STR_NONE;
	assert_false(sip_list_next(&list, &item));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checklist_05_comma_lists),
		cmocka_unit_test(takes_the_rest_where_a_quote_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
