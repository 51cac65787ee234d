/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include "sip/msg.h"
#include "sip/tight_test.h"

static int parse_error(const char *text)
{
	struct str s = tight(text);
	struct sip_uri u;
	int rc = sip_uri_parse(s, &u);

	tight_free(s);
	return -rc;
}

static void splits_a_uri(void **state)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(STR("sips:bob:pw@Example.NET:5071;lr;a=b?Subject=x&y="), &u),
			 0);
	assert_int_equal(u.scheme, SIP_SCHEME_SIPS);
	assert_str(u.user, "bob");
	assert_str(u.password, "pw");
	assert_str(u.host, "Example.NET");
	assert_int_equal(u.port, 5071);
	assert_str(u.params, ";lr;a=b");
	assert_str(u.headers, "?Subject=x&y=");
	assert_int_equal(sip_uri_parse(STR("SIP:h"), &u), 0);
	assert_int_equal(u.scheme, SIP_SCHEME_SIP);
	assert_int_equal(u.user.n, 0);
	assert_int_equal(u.port, 0);
	assert_int_equal(sip_uri_parse(STR("tel:+49-30-1;phone-context=example.com"), &u), 0);
	assert_int_equal(u.scheme, SIP_SCHEME_TEL);
	assert_str(u.user, "+49-30-1");
	assert_str(u.params, ";phone-context=example.com");
	assert_int_equal(u.host.n, 0);
}

static void checklist_08_user_may_hold_separators(void **state)
{
	struct sip_uri u;

	assert_int_equal(sip_uri_parse(STR("sip:a;p=1?q/r,&=+$@h;lr"), &u), 0);
	assert_str(u.user, "a;p=1?q/r,&=+$");
	assert_str(u.host, "h");
	assert_str(u.params, ";lr");
	assert_int_equal(sip_uri_parse(STR("sip:a%40b%00;c%3b:p,w@h"), &u), 0);
	assert_str(u.user, "a%40b%00;c%3b");
	assert_str(u.password, "p,w");
	assert_int_equal(sip_uri_parse(STR("sip:h;x=y?a=b"), &u), 0);
	assert_str(u.host, "h");
}

static void refuses_what_is_no_uri(void **state)
{
	static const char *const bad[] = {
		"",
		"sip",
		"sip:",
		":h",
		"sip:@h",
		"sip:a@",
		"sip:a@b@c",
		"sip:a b@h",
		"sip:h:",
		"sip:h:0",
		"sip:h:65536",
		"sip:h:5060x",
		"sip:h:005060",
		"sip:h;",
		"sip:h;a=",
		"sip:h;=b",
		"sip:h;;a",
		"sip:h?",
		"sip:h;a b",
		"sip:a%4@h",
		"sip:a%zz@h",
		"sip:a%4z@h",
		"sip:a%@h",
		"sip:h;a=%4",
		"sip:h?a=%",
		"sip:.h",
		"sip:-h",
		"sip:<h>",
		"<sip:h>",
		"sip:h\"",
		"sip:\xc3\xa4@h",
		"sip:a[@h",
		"sip:h/x",
		"sip:a:b:c@h",
		"1x:y",
		"a b:y",
		"tel:",
		"tel:+",
		"tel:-",
		"tel:x",
		"tel:+1;",
		"tel:1?a=b",
		"tel:1@h",
		"tel:+1+",
		"tel:+1a",
		"tel:+1*2",
		"tel:+#",
		"tel:1%20",
	};

	assert_all_are(SIP_E_URI, parse_error, bad);
	assert_int_equal(parse_error("soap.beep://192.0.2.103:3002"), SIP_E_SCHEME);
	assert_int_equal(parse_error("mailto:a@b"), SIP_E_SCHEME);
}

static void refuses_long_ones(void **state)
{
	char text[1026];

	memset(text, 'a', sizeof(text));
	memcpy(text, "sip:", 4);
	assert_int_equal(sip_uri_parse((struct str){ text, 1024 }, &(struct sip_uri){ 0 }), 0);
	assert_int_equal(sip_uri_parse((struct str){ text, 1025 }, &(struct sip_uri){ 0 }),
			 -SIP_E_URI);
}

static void checklist_10_ipv6_in_brackets(void **state)
{
	struct sip_uri u;
	struct addr a, b;

	assert_int_equal(sip_uri_parse(STR("sip:bob@[2001:db8::10]:5070;lr"), &u), 0);
	assert_str(u.host, "[2001:db8::10]");
	assert_int_equal(u.port, 5070);
	assert_int_equal(sip_uri_addr(&u, &a), 0);
	assert_int_equal(addr_parse(STR("2001:db8::10"), &b), 0);
	b.port = 5070;
	assert_true(addr_eq(&a, &b));
	/* without the bracket in between it is the last group of the address */
	assert_int_equal(sip_uri_parse(STR("sip:[2001:db8::10:5070]"), &u), 0);
	assert_int_equal(u.port, 0);
	assert_int_equal(sip_uri_parse(STR("sip:[::ffff:192.0.2.1]"), &u), 0);
	assert_int_equal(parse_error("sip:2001:db8::10"), SIP_E_URI);
	assert_int_equal(parse_error("sip:[2001:db8:::10]"), SIP_E_URI);
	assert_int_equal(parse_error("sip:[2001:db8::10"), SIP_E_URI);
	assert_int_equal(parse_error("sip:[]"), SIP_E_URI);
	assert_int_equal(parse_error("sip:[host]"), SIP_E_URI);
	assert_int_equal(parse_error("sip:[::1]x"), SIP_E_URI);
}

static void addresses_of_hosts(void **state)
{
	struct sip_uri u;
	struct addr a;

	assert_int_equal(sip_uri_parse(STR("sip:192.0.2.7"), &u), 0);
	assert_int_equal(sip_uri_addr(&u, &a), 0);
	assert_int_equal(a.port, 5060);
	assert_int_equal(sip_uri_parse(STR("sips:192.0.2.7"), &u), 0);
	assert_int_equal(sip_uri_addr(&u, &a), 0);
	assert_int_equal(a.port, 5061);
	assert_int_equal(sip_uri_parse(STR("sip:example.com"), &u), 0);
	assert_int_equal(sip_uri_addr(&u, &a), -EINVAL);
	assert_int_equal(sip_uri_parse(STR("tel:112"), &u), 0);
	assert_int_equal(sip_uri_addr(&u, &a), -EINVAL);
}

struct pair {
	const char *a, *b;
	bool equal;
};

/* RFC 3261 19.1.4: the rules, the RFC's own examples and what follows from them. */
static const struct pair pairs[] = {
	{ "sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true },
	{ "sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true },
	{ "sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true },
	{ "sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true },
	{ "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
	  "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true },
	{ "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
	  "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true },
	{ "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false },
	{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false },
	{ "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false },
	{ "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false },
	{ "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false },
	{ "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false },
	{ "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false },
	{ "sip:bob@h", "sips:bob@h", false },
	{ "sip:bob@h", "sip:bob@h;maddr=192.0.2.1", false },
	{ "sip:bob@h", "sip:bob@h;user=phone", false },
	{ "sip:bob@h;ttl=1", "sip:bob@h", false },
	{ "sip:bob@h;method=INVITE", "sip:bob@h", false },
	{ "sip:bob@h;lr", "sip:bob@h;lr=on", false },
	{ "sip:bob@h", "sip:bob@hh", false },
	{ "sip:bob@h", "sip:bobb@h", false },
	{ "sip:bob@h", "sip:h", false },
	{ "sip:bob:pw@h", "sip:bob@h", false },
	{ "sip:bob:pw@h", "sip:bob:Pw@h", false },
	{ "sip:a%3Bb@h", "sip:a%3bb@h", true },
	{ "sip:a%3Bb@h", "sip:a;b@h", false }, /* ";" is reserved: its escape is another octet */
	{ "sip:a%00@h", "sip:a@h", false },
	{ "sip:a%00b@h", "sip:a%00c@h", false },
	{ "sip:b@[2001:DB8::1]", "sip:b@[2001:db8:0::1]", true },
	{ "sip:b@[2001:db8::1]", "sip:b@[2001:db8::2]", false },
	{ "sip:h;a=1;b=2", "sip:h;b=2;a=1", true },
	{ "sip:h;a=1;b=2", "sip:h;b=1;a=2", false },
	{ "sip:h;a=1;a=2", "sip:h;a=2;a=1", true },
	{ "sip:h;a=1;a=2", "sip:h;a=1", false },
	{ "tel:+1-201-555-0123", "tel:+12015550123", true },
	{ "tel:+1(201)5550123", "tel:+12015550124", false },
	{ "tel:+1201", "tel:1201", false },
	{ "tel:7042;phone-context=a.com", "tel:7042;phone-context=A.com", true },
	{ "tel:7042;phone-context=a.com", "tel:7042", false },
	{ "tel:12", "tel:123", false },
	{ "tel:*31#", "tel:*-31-#", true },
	{ "tel:7042;phone-context=+1-914", "tel:70-42;phone-context=+1(914)", true },
	{ "tel:7042;phone-context=+1914", "tel:7042;phone-context=+1915", false },
	{ "tel:7042;phone-context=1-9.com", "tel:7042;phone-context=19.com", false },
	{ "tel:+1201;ext=1-2", "TEL:+1-201;EXT=12", true },
	{ "tel:+1201;ext=12", "tel:+1201;ext=13", false },
	{ "tel:+1201;ext=12", "tel:+1201", false },
	{ "tel:+1201;isub=1-2", "tel:+1201;isub=12", false },
	{ "tel:+1201;isub=ab;ext=1", "tel:+1201;ext=1;isub=AB", true },
	{ "tel:+1201;a=1;a=2", "tel:+1201;a=2;a=1", true },
	{ "tel:863-1234;phone-context=+1-914-555", "sip:863-1234@gw;user=phone", false },
	{ "tel:aB;phone-context=a", "tel:Ab;phone-context=a", true },
};

static void checklist_09_equality(void **state)
{
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct pair *p = &pairs[i];
		struct sip_uri a, b;

		assert_int_equal(sip_uri_parse(str_of(p->a), &a), 0);
		assert_int_equal(sip_uri_parse(str_of(p->b), &b), 0);
		assert_true(sip_uri_equal(&a, &a));
		assert_true(sip_uri_equal(&b, &b));
		if (sip_uri_equal(&a, &b) != p->equal || sip_uri_equal(&b, &a) != p->equal)
			fail_msg("%s and %s", p->a, p->b);
	}
}

static int urn_error(const char *text)
{
	struct str s = tight(text);
	struct sip_uri u;
	int rc = sip_urn_parse(s, &u);

	tight_free(s);
	return -rc;
}

/* RFC 5031 */
static void services(void **state)
{
	static const char *const bad[] = {
		"urn:service:",          "urn:service:.sos",       "urn:service:sos.",
		"urn:service:sos..fire", "urn:service:-sos",       "urn:service:sos-",
		"urn:service:sos-.fire", "urn:service:sos.-fire",  "urn:service:sos;x=y",
		"urn:service:sos@h",     "urn:service:sos%2efire", "urn:service:sos\"",
	};
	struct sip_uri u, v;

	assert_int_equal(sip_urn_parse(STR("urn:service:sos.animal-control"), &u), 0);
	assert_int_equal(u.scheme, SIP_SCHEME_URN);
	assert_str(u.user, "sos.animal-control");
	assert_int_equal(u.host.n, 0);
	assert_true(sip_uri_is_sos(&u));
	assert_int_equal(sip_urn_parse(STR("URN:SERVICE:SOS"), &v), 0);
	assert_true(sip_uri_is_sos(&v));
	assert_false(sip_uri_equal(&u, &v));
	assert_int_equal(sip_urn_parse(STR("urn:service:sos"), &u), 0);
	assert_true(sip_uri_equal(&u, &v));
	assert_int_equal(sip_urn_parse(STR("urn:service:sosx"), &u), 0);
	assert_false(sip_uri_is_sos(&u));
	assert_int_equal(sip_urn_parse(STR("urn:service:counseling"), &u), 0);
	assert_false(sip_uri_is_sos(&u));
	assert_int_equal(sip_uri_parse(STR("sip:sos@h"), &u), 0);
	assert_false(sip_uri_is_sos(&u));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (urn_error(bad[i]) != SIP_E_URI)
			fail_msg("\"%s\" is accepted", bad[i]);
	}
	assert_int_equal(urn_error("urn:nena:service:sos"), SIP_E_SCHEME);
	assert_int_equal(urn_error("sip:h"), SIP_E_SCHEME);
	assert_int_equal(urn_error("urn:servic"), SIP_E_SCHEME);
	/* who does not ask for it does not get it */
	assert_int_equal(parse_error("urn:service:sos"), SIP_E_SCHEME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_a_uri),
		cmocka_unit_test(checklist_08_user_may_hold_separators),
		cmocka_unit_test(refuses_what_is_no_uri),
		cmocka_unit_test(refuses_long_ones),
		cmocka_unit_test(checklist_10_ipv6_in_brackets),
		cmocka_unit_test(addresses_of_hosts),
		cmocka_unit_test(checklist_09_equality),
		cmocka_unit_test(services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
