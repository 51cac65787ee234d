/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include "sip/msg_test.h"

/* What the parser takes the field for. */
static enum sip_hdr_id lookup(const char *name)
{
	char mem[128];
	struct parsed *t;
	enum sip_hdr_id id;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b, INVITE "%s: x\r\n\r\n", name);
	assert_true(buf_ok(&b));
	t = parse(buf_str(&b));
	id = t->m.n_hdr ? t->m.hdr[0].id : SIP_HDR_OTHER;
	done(t);
	return id;
}

static void finds_every_header_name(void **state)
{
	for (int id = 1; id < SIP_HDR_COUNT; id++) {
		char name[40] = { 0 };
		const char *canonical = sip_header_name((enum sip_hdr_id)id);
		size_t n = strlen(canonical);

		assert_int_equal(lookup(canonical), id);
		for (size_t i = 0; i < n; i++)
			name[i] = (char)toupper((unsigned char)canonical[i]);
		assert_int_equal(lookup(name), id);
		for (size_t i = 0; i < n; i++)
			name[i] = (char)tolower((unsigned char)canonical[i]);
		assert_int_equal(lookup(name), id);
		/* one octet changed anywhere, one less or one more is another name */
		for (size_t i = 0; i < n; i++) {
			name[i] = '!';
			assert_int_equal(lookup(name), SIP_HDR_OTHER);
			name[i] = (char)tolower((unsigned char)canonical[i]);
		}
		name[n] = 'x';
		assert_int_equal(lookup(name), SIP_HDR_OTHER);
		name[n - 1] = '\0';
		if (n > 2) /* "T" is the compact form of "To" */
			assert_int_not_equal(lookup(name), id);
	}
	assert_int_equal(lookup("A-Name-That-Is-Longer-Than-Any-We-Know"), SIP_HDR_OTHER);
}

static void finds_every_compact_form(void **state)
{
	unsigned known = 0;

	for (int c = 1; c < 256; c++) {
		char name[2] = { (char)c, 0 };

		known += lookup(name) != SIP_HDR_OTHER;
	}
#define X(id, name, c)                                                                             \
	if (c) {                                                                                   \
		char lower[] = { c, 0 }, upper[] = { (char)toupper(c), 0 };                        \
		assert_int_equal(lookup(lower), SIP_HDR_##id);                                     \
		assert_int_equal(lookup(upper), SIP_HDR_##id);                                     \
		known -= 2;                                                                        \
	}
	SIP_HEADERS(X)
#undef X
	assert_int_equal(known, 0);
}

static void methods(void **state)
{
	for (int m = 1; m < SIP_METHOD_COUNT; m++)
		assert_int_equal(sip_method_of(str_of(sip_method_name((enum sip_method)m))), m);
	assert_null(sip_method_name(SIP_METHOD_OTHER));
	assert_int_equal(sip_method_of(STR("INVITe")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of(STR("IN")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of(STR("INVITED")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of(STR_NONE), SIP_METHOD_OTHER);
}

static void reasons_and_errors(void **state)
{
	assert_string_equal(sip_reason_phrase(100), "Trying");
	assert_string_equal(sip_reason_phrase(487), "Request Terminated");
	assert_string_equal(sip_reason_phrase(299), "");
	assert_int_equal(sip_error_status(-SIP_E_SCHEME), 416);
	assert_int_equal(sip_error_status(-SIP_E_TOO_LARGE), 513);
	assert_int_equal(sip_error_status(-SIP_E_VERSION), 505);
	assert_int_equal(sip_error_status(0), 0);
	assert_int_equal(sip_error_status(-1000), 0);
	assert_string_equal(sip_error_text(-SIP_E_CSEQ), "Bad CSeq");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_header_name),
		cmocka_unit_test(finds_every_compact_form),
		cmocka_unit_test(methods),
		cmocka_unit_test(reasons_and_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
