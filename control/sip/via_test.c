/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/msg.h"
#include "sip/tight_test.h"

static int parse_error(const char *text)
{
	struct str s = tight(text), list = s;
	struct sip_via v;
	int rc = sip_via_parse(&list, &v);

	tight_free(s);
	return -rc;
}

static void splits_a_list(void **state)
{
	struct str list = STR("SIP / 2.0\t/ UDP   a.example : 5070 ; branch = z9hG4bK1;ttl=16 , "
			      "SIP/2.0/TLS-SCTP b.example;x=\",\"");
	struct sip_via v;

	assert_int_equal(sip_via_parse(&list, &v), 0);
	assert_str(v.transport, "UDP");
	assert_str(v.host, "a.example");
	assert_int_equal(v.port, 5070);
	assert_str(v.branch, "z9hG4bK1");
	assert_str(v.params, "; branch = z9hG4bK1;ttl=16");
	assert_false(v.has_rport);
	assert_int_equal(sip_via_parse(&list, &v), 0);
	assert_str(v.transport, "TLS-SCTP");
	assert_str(v.host, "b.example");
	assert_int_equal(v.port, 0);
	assert_int_equal(v.branch.n, 0);
	assert_str(v.params, ";x=\",\"");
	assert_int_equal(list.n, 0);
	assert_int_equal(sip_via_parse(&list, &v), -SIP_E_VIA);
}

static void checklist_10_ipv6_in_via(void **state)
{
	struct str list =
		STR("SIP/2.0/UDP [2001:db8::9:1]:5061;received=[2001:db8::9:255];branch=b");
	struct sip_via v;

	assert_int_equal(sip_via_parse(&list, &v), 0);
	assert_str(v.host, "[2001:db8::9:1]");
	assert_int_equal(v.port, 5061);
	assert_str(v.received, "[2001:db8::9:255]");
	/* without brackets is what RFC 3261's grammar says, with them RFC 5118 4.5 */
	list = STR("SIP/2.0/UDP h;received=2001:db8::9:255");
	assert_int_equal(sip_via_parse(&list, &v), 0);
	assert_str(v.received, "2001:db8::9:255");
	assert_int_equal(parse_error("SIP/2.0/UDP 2001:db8::1"), SIP_E_VIA);
	assert_int_equal(parse_error("SIP/2.0/UDP [2001:db8:::1]"), SIP_E_VIA);
	assert_int_equal(parse_error("SIP/2.0/UDP [2001:db8::1"), SIP_E_VIA);
}

static void checklist_18_rport(void **state)
{
	struct str list = STR("SIP/2.0/UDP h;rport;branch=b");
	struct sip_via v;

	assert_int_equal(sip_via_parse(&list, &v), 0);
	assert_true(v.has_rport);
	assert_int_equal(v.rport, 0);
	list = STR("SIP/2.0/UDP h;received=192.0.2.1;RPORT=4711");
	assert_int_equal(sip_via_parse(&list, &v), 0);
	assert_true(v.has_rport);
	assert_int_equal(v.rport, 4711);
	assert_str(v.received, "192.0.2.1");
	assert_int_equal(parse_error("SIP/2.0/UDP h;rport=65536"), SIP_E_VIA);
	assert_int_equal(parse_error("SIP/2.0/UDP h;rport=x"), SIP_E_VIA);
	assert_int_equal(parse_error("SIP/2.0/UDP h;rport;rport=1"), SIP_E_VIA);
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"SIP",
		"SIP/2.0",
		"SIP/2.0/UDP",
		"SIP/2.0/UDP ",
		"SIP/2.0/ h",
		"SIP//UDP h",
		"/2.0/UDP h",
		"SIP/2.0/UDP/x h",
		"SIP/2.0/UDP[::1]",
		"SIP/2.0/UDP h:",
		"SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:65536",
		"SIP/2.0/UDP h:123456",
		"SIP/2.0/UDP h h",
		"SIP/2.0/UDP h;",
		"SIP/2.0/UDP h;;branch=b",
		"SIP/2.0/UDP h;branch",
		"SIP/2.0/UDP h;branch=",
		"SIP/2.0/UDP h;branch=a;branch=b",
		"SIP/2.0/UDP h;received",
		"SIP/2.0/UDP h;received=a;received=b",
		"SIP/2.0/UDP h;x=\"open",
		"SIP/2.0/UDP h,",
		"SIP/2.0/UDP ,",
		"SIP/2.0/UDP @h",
	};

	assert_all_are(SIP_E_VIA, parse_error, bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_a_list),
		cmocka_unit_test(checklist_10_ipv6_in_via),
		cmocka_unit_test(checklist_18_rport),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
