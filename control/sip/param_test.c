/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "sip/scan_priv.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define MARK  "-_.!~*'()"

static void classes_are_the_rfcs(void **state)
{
	static const struct {
		uint8_t mask;
		const char *octets;
	} rows[] = {
		{ SIP_C_TOKEN, ALNUM "-.!%*_+`'~" },
		{ SIP_C_NAME, ALNUM "-.!%*_+`'~"
				    "[]/:&$()" },
		{ SIP_C_USER,
		  ALNUM MARK "&=+$,;?/"
			     "#" }, /* "#": what phones dial, though it is not allowed */
		{ SIP_C_PASSWORD, ALNUM MARK "&=+$," },
		{ SIP_C_PARAM, ALNUM MARK "[]/:&+$" },
		{ SIP_C_HOST, ALNUM "-."
				    "_" },
		{ SIP_C_VALUE, ALNUM "-.!%*_+`'~"
				     "[]:"
				     "/=@&$()?#{}|^" },
		{ SIP_C_URI, ALNUM MARK ";/?:@&=+$,[]%#" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int c = 0; c < 256; c++) {
			bool in = c && strchr(rows[i].octets, c);

			if (in != !!(sip_class[c] & rows[i].mask))
				fail_msg("class 0x%02x, octet 0x%02x", rows[i].mask, c);
		}
	}
}

/* At each place of a vector, with each octet. */
static void scans(void **state)
{
	char mem[40 + SIP_PAD];
	struct sip_ctl_scan scan;
	const char *p;

	memset(mem, 0, sizeof(mem));
	for (unsigned at = 0; at <= 40; at++) {
		for (int c = 0; c < 256; c++) {
			memset(mem, 'x' ^ 0x80, 40);
			mem[at] = (char)c;
			sip_ctl_start(&scan, mem, mem + 40);
			p = sip_ctl_next(&scan);
			if (at < 40 && (c < 0x20 || c == 0x7f)) {
				assert_ptr_equal(p, mem + at);
				p = sip_ctl_next(&scan);
			}
			assert_true(p >= mem + 40 && p < mem + 40 + SIP_PAD);
			if (c != ('x' ^ 0x80))
				assert_ptr_equal(sip_scan_chr(mem, mem + 40, (char)c),
						 at < 40 ? mem + at : mem + 40);
		}
	}
}

/* At each place of a slice that is longer than a vector, with each octet. */
static void spans(void **state)
{
	char mem[40];

	for (unsigned at = 0; at < 40; at++) {
		for (int c = 0; c < 256; c++) {
			memset(mem, 'a', sizeof(mem));
			mem[at] = (char)c;
			for (unsigned mask = 1; mask < 256; mask *= 2)
				assert_ptr_equal(sip_span(mem, mem + 40, (uint8_t)mask),
						 mem + (sip_class[c] & mask ? 40 : at));
		}
	}
}

static void finds_a_parameter(void **state)
{
	struct str p = STR(" ;A=1 ; b ;c = \"x;d=2\";d=3"), v;

	assert_int_equal(sip_param(p, STR("a"), &v), 1);
	assert_str(v, "1");
	assert_int_equal(sip_param(p, STR("B"), &v), 1);
	assert_int_equal(v.n, 0);
	assert_int_equal(sip_param(p, STR("c"), &v), 1);
	assert_str(v, "\"x;d=2\"");
	assert_int_equal(sip_param(p, STR("d"), &v), 1);
	assert_str(v, "3");
	assert_int_equal(sip_param(p, STR("e"), &v), 0);
	assert_int_equal(sip_param(STR_NONE, STR("e"), &v), 0);
	assert_int_equal(sip_param(STR("x"), STR("e"), &v), -SIP_E_HEADER);
	assert_int_equal(sip_param(STR(";"), STR("e"), &v), -SIP_E_HEADER);
	assert_int_equal(sip_param(STR(";a="), STR("e"), &v), -SIP_E_HEADER);
	assert_int_equal(sip_param(STR(";a=\"x"), STR("e"), &v), -SIP_E_HEADER);
	assert_int_equal(sip_param(STR(";a=\"x\\\""), STR("e"), &v), -SIP_E_HEADER);
	assert_int_equal(sip_param(STR(";a=1,b"), STR("e"), &v), -SIP_E_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_are_the_rfcs),
		cmocka_unit_test(scans),
		cmocka_unit_test(spans),
		cmocka_unit_test(finds_a_parameter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
