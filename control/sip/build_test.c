/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/msg_test.h"

static void writes_what_it_reads(void **state)
{
	char mem[1024];
	struct parsed *t = parse(STR(INVITE BASIC
				     "v: SIP/2.0/TCP x\r\nContact : <sip:a@h>\r\nSupported:\r\n"
				     "c: text/plain\r\nl: 2\r\n\r\nhi, not here")),
		      *again;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	sip_put_request_line(&b, t->m.method_name, t->m.ruri);
	sip_put_all(&b, &t->m, SIP_HDR_VIA);
	sip_put_header(&b, SIP_HDR_FROM, sip_value(&t->m, SIP_HDR_FROM));
	sip_put_header(&b, SIP_HDR_TO, sip_value(&t->m, SIP_HDR_TO));
	sip_put_header(&b, SIP_HDR_CALL_ID, t->c.call_id);
	sip_put_header(&b, SIP_HDR_CSEQ, sip_value(&t->m, SIP_HDR_CSEQ));
	sip_put_header(&b, SIP_HDR_CONTACT, sip_value(&t->m, SIP_HDR_CONTACT));
	sip_put_header(&b, SIP_HDR_SUPPORTED, sip_value(&t->m, SIP_HDR_SUPPORTED));
	sip_put_body(&b, sip_value(&t->m, SIP_HDR_CONTENT_TYPE), t->m.body);
	assert_true(buf_ok(&b));
	assert_str(buf_str(&b), INVITE VIA
		   "Via: SIP/2.0/TCP x\r\n" FROM TO CALL_ID CSEQ "Contact: <sip:a@h>\r\n"
		   "Supported: \r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
	again = parse(buf_str(&b));
	assert_int_equal(again->msg, 0);
	assert_int_equal(again->core, 0);
	assert_int_equal(again->m.n_hdr, t->m.n_hdr);
	done(again);
	done(t);
}

static void writes_status_lines(void **state)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	sip_put_status_line(&b, 486, STR_NONE);
	sip_put_status_line(&b, 200, STR("Fine"));
	sip_put_status_line(&b, 299, STR_NONE);
	sip_put_body(&b, STR_NONE, STR_NONE);
	assert_str(buf_str(&b), "SIP/2.0 486 Busy Here\r\nSIP/2.0 200 Fine\r\nSIP/2.0 299 \r\n"
				"Content-Length: 0\r\n\r\n");
}

static void says_when_it_does_not_fit(void **state)
{
	char mem[40];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	sip_put_header(&b, SIP_HDR_TO, STR("<sip:bob@example.net>"));
	assert_true(buf_ok(&b));
	sip_put_header(&b, SIP_HDR_TO, STR("<sip:bob@example.net>"));
	assert_false(buf_ok(&b));
}

static void numbers_and_texts(void **state)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	sip_put_number(&b, SIP_HDR_MIN_SE, 90);
	assert_str(buf_str(&b), "Min-SE: 90\r\n");
	b.n = 0;
	sip_put_quoted(&b, STR("a\"b\\c\r\nd\x01"));
	assert_str(buf_str(&b), "\"a\\\"b\\\\c  d\\\x01\"");
	b.n = 0;
	sip_put_user(&b, STR("+49 30;x@%\xc3\x00"));
	assert_str(buf_str(&b), "+49%2030;x%40%25%C3%00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(writes_status_lines),
		cmocka_unit_test(says_when_it_does_not_fit),
		cmocka_unit_test(numbers_and_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
