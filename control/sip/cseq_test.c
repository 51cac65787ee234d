/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "sip/msg.h"

static int cseq_error(struct str s)
{
	struct sip_cseq c;

	return -sip_cseq_parse(s, &c);
}

static void checklist_14_number_and_method(void **state)
{
	struct sip_cseq c;

	assert_int_equal(sip_cseq_parse(STR("2147483647 \t INVITE"), &c), 0);
	assert_int_equal(c.num, 2147483647);
	assert_int_equal(c.method, SIP_INVITE);
	assert_int_equal(sip_cseq_parse(STR("0009 Invite"), &c), 0);
	assert_int_equal(c.num, 9);
	assert_int_equal(c.method, SIP_METHOD_OTHER);
	assert_str(c.method_name, "Invite");
	assert_int_equal(sip_cseq_parse(STR("0 BYE"), &c), 0);
	assert_int_equal(cseq_error(STR("2147483648 INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("4294967297 INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("36893488147419103232 INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("-1 INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("1INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("1")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("1 ")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("1 IN VITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR("1 <x>")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR(" INVITE")), SIP_E_CSEQ);
	assert_int_equal(cseq_error(STR_NONE), SIP_E_CSEQ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checklist_14_number_and_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
