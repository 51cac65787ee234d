/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include <errno.h>
#include "sdp.h"

static void what_is_written_is_read(void **state)
{
	for (unsigned suite = 0; suite < FLOW_SUITE_COUNT; suite++) {
		char mem[1024];
		struct buf b;
		struct sdp in = { .tag = 7 }, out;
		addr_parse(suite % 2 ? STR("192.0.2.7") : STR("2001:db8::7"), &in.media);
		in.media.port = 40000;
		assert_int_equal(srtp_random(&in.key, suite), 0);
		buf_init(&b, mem, sizeof(mem));
		sdp_write(&b, &in, 20);
		assert_true(buf_ok(&b));
		assert_int_equal(sdp_read(buf_str(&b), (uint8_t)suite, &out), 0);
		assert_true(addr_eq(&in.media, &out.media));
		assert_memory_equal(&in.key, &out.key, sizeof(in.key));
		assert_int_equal(out.tag, suite ? 7 : 0);
	}
}

static void the_line_of_the_suite_is_taken(void **state)
{
	struct sdp out;
	struct str text = STR("m=audio 4000 RTP/SAVP 0\r\n"
			      "c=IN IP4 192.0.2.1\r\n"
			      "a=crypto:1 AES_CM_128_HMAC_SHA1_32 "
			      "inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
			      "a=crypto:2 AES_CM_128_HMAC_SHA1_80 "
			      "inline://///AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA|2^31|1:1\r\n");
	assert_int_equal(sdp_read(text, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, &out), 0);
	assert_int_equal(out.tag, 2);
	assert_int_equal(out.key.octets[0], 0xff);
	assert_int_equal(sdp_read(text, FLOW_SUITE_AEAD_AES_128_GCM, &out), -EBADMSG);
}

/* RFC 4568 6.1 wants it, and there are relays that do without. */
static void the_end_of_base64_may_be_missing(void **state)
{
	struct srtp_master with, without = { 0 };
	struct str text = STR("FxvO0+1z6OIhQFl3WR6a7G3kkBgDvUFEo3KhWg==");
	memset(&with, 0, sizeof(with));
	assert_int_equal(sdp_read_key(text, FLOW_SUITE_AEAD_AES_128_GCM, &with), 0);
	text.n -= 2;
	assert_int_equal(sdp_read_key(text, FLOW_SUITE_AEAD_AES_128_GCM, &without), 0);
	assert_memory_equal(&with, &without, sizeof(with));
	assert_int_equal(with.octets[27], 0x5a);
	for (text.n--; text.n; text.n--)
		assert_int_equal(sdp_read_key(text, FLOW_SUITE_AEAD_AES_128_GCM, &with), -EBADMSG);
	assert_int_equal(sdp_read_key(STR("FxvO0+1z6OIhQFl3WR6a7G3kkBgDvUFEo3KhW!"),
				      FLOW_SUITE_AEAD_AES_128_GCM, &with),
			 -EBADMSG);
}

static void broken(void **state)
{
	static const char *const bad[] = {
		"",
		"c=IN IP4 192.0.2.1\r\n",
		"m=audio 5 RTP/AVP 0\r\n",
		"m=audio x RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
		"m=audio 5 RTP/AVP 0\r\nc=IN IP4 nobody\r\n",
		"m=audio 0 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n",
		"c=IN IP",
	};
	struct sdp out;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(sdp_read(str_of(bad[i]), 0, &out), -EBADMSG);
	assert_int_equal(sdp_read(STR("m=audio 5 RTP/SAVP 0\r\nc=IN IP4 192.0.2.1\r\n"
				      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n"),
				  FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, &out),
			 -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_line_of_the_suite_is_taken),
		cmocka_unit_test(the_end_of_base64_may_be_missing),
		cmocka_unit_test(broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
