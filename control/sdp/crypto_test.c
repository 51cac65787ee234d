/* SPDX-License-Identifier: Apache-2.0 */
/* a=crypto: which lines are understood, and what they say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sdp/sdp.h"

#define KEY  "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
#define HEAD "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 0\r\n"

static const struct sdp_media *parse(const char *lines)
{
	static struct sdp s;
	static char text[16384];
	const char *why = "";

	snprintf(text, sizeof(text), HEAD "%s", lines);
	if (sdp_parse(str_of(text), &s, &why))
		fail_msg("%s: %s", why, text);
	assert_int_equal(s.n_media, 1);
	return &s.media[0];
}

struct row {
	const char *value; /* after "a=crypto:" */
	bool ok;
	uint32_t tag;
	uint64_t lifetime;
	uint8_t mki_len, window;
};

#define SHA "AES_CM_128_HMAC_SHA1_80 "

static const struct row rows[] = {
	{ "1 " SHA "inline:" KEY, true, 1, 0, 0, 0 },
	{ "999999999 " SHA "INLINE:" KEY, true, 999999999, 0, 0, 0 },
	{ " 1\t" SHA " inline:" KEY " ", true, 1, 0, 0, 0 },
	{ "2 AEAD_AES_256_GCM inline:" KEY KEY "AAAA==", false, 0, 0, 0, 0 }, /* too long */
	{ "2 SOME_SUITE inline:" KEY "ABCDABCDABCDABCDABCDAB==", true, 2, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|2^20", true, 1, 1 << 20, 0, 0 },
	{ "1 " SHA "inline:" KEY "|1024", true, 1, 1024, 0, 0 },
	{ "1 " SHA "inline:" KEY "|2^48", true, 1, UINT64_C(1) << 48, 0, 0 },
	{ "1 " SHA "inline:" KEY "|2^20|1:4", true, 1, 1 << 20, 4, 0 },
	{ "1 " SHA "inline:" KEY "|1:1", true, 1, 0, 1, 0 },
	{ "1 " SHA "inline:" KEY "|18446744073709551615:128", true, 1, 0, 128, 0 },
	{ "1 " SHA "inline:" KEY " WSH=128", true, 1, 0, 0, 128 },
	{ "1 " SHA "inline:" KEY " KDR=0 FEC_ORDER=FEC_SRTP -whatever", true, 1, 0, 0, 0 },
	/* without a key: nothing that is kept of a description has it */
	{ "1 AES_CM_128_HMAC_SHA1_80", true, 1, 0, 0, 0 },

	{ "", false, 0, 0, 0, 0 },
	{ "1", false, 0, 0, 0, 0 },
	{ "0 " SHA "inline:" KEY, false, 0, 0, 0, 0 },
	{ "1000000000 " SHA "inline:" KEY, false, 0, 0, 0, 0 },
	{ "-1 " SHA "inline:" KEY, false, 0, 0, 0, 0 },
	{ "1x " SHA "inline:" KEY, false, 0, 0, 0, 0 },
	{ "1 AES/128 inline:" KEY, false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:|2^20", false, 0, 0, 0, 0 },
	{ "1 " SHA "outline:" KEY, false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:not;base64", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:====", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:AA=A", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:AAA===", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|2^49", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|0", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|281474976710657", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|99999999999999999999999", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|many", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|1:4|2^20", false, 0, 0, 0, 0 }, /* the order is given */
	{ "1 " SHA "inline:" KEY "|2^20|1:4|", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|2^20|2^20|1:4", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|1:0", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|1:129", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|256:1", false, 0, 0, 0, 0 }, /* it does not fit */
	{ "1 " SHA "inline:" KEY "|:4", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY "|a:4", false, 0, 0, 0, 0 },
	/* two keys, told apart by the MKI */
	{ "1 " SHA "inline:" KEY "|1:4;inline:" KEY "|2:4", false, 0, 0, 0, 0 },
	/* what must not be ignored (6.3) */
	{ "1 " SHA "inline:" KEY " UNENCRYPTED_SRTP", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " UNENCRYPTED_SRTCP", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " UNAUTHENTICATED_SRTP", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " KDR=1", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " FEC_ORDER=SRTP_FEC", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " FEC_KEY=inline:" KEY, false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " WSH=63", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " WSH=", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " whatever", false, 0, 0, 0, 0 },
	{ "1 " SHA "inline:" KEY " -x whatever", false, 0, 0, 0, 0 },
};

static void reads_what_it_can(void **state)
{
	char line[1024];

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		snprintf(line, sizeof(line), "a=crypto:%s\r\n", r->value);
		const struct sdp_media *m = parse(line);
		if (m->n_crypto != r->ok)
			fail_msg("%s: %u", r->value, m->n_crypto);
		if (!r->ok)
			continue;
		assert_int_equal(m->crypto[0].tag, r->tag);
		assert_int_equal(m->crypto[0].lifetime, r->lifetime);
		assert_int_equal(m->crypto[0].mki_len, r->mki_len);
		assert_int_equal(m->crypto[0].window, r->window);
	}
}

static void drops_line_by_line(void **state)
{
	const struct sdp_media *m = parse("a=crypto:1 " SHA "inline:" KEY " UNENCRYPTED_SRTP\r\n"
					  "a=crypto:2 UNKNOWN_SUITE inline:" KEY "\r\n"
					  "a=crypto:3 " SHA "inline:" KEY "\r\n");

	assert_int_equal(m->n_crypto, 2);
	assert_int_equal(m->crypto[0].tag, 2);
	assert_str(m->crypto[0].suite, "UNKNOWN_SUITE");
	assert_int_equal(m->crypto[1].tag, 3);
	assert_str(m->crypto[1].key, KEY);
}

static void keeps_its_limit(void **state)
{
	char lines[16000] = "";
	size_t n = 0;

	for (unsigned i = 1; i <= SDP_CRYPTO_MAX + 20; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n,
				      "a=crypto:%u S inline:" KEY "\r\n", i);
	const struct sdp_media *m = parse(lines);
	assert_int_equal(m->n_crypto, SDP_CRYPTO_MAX);
	assert_int_equal(m->crypto[SDP_CRYPTO_MAX - 1].tag, SDP_CRYPTO_MAX);
}

static void belongs_to_its_line(void **state)
{
	static struct sdp s;
	static const char text[] =
		"v=0\r\nc=IN IP4 192.0.2.1\r\na=crypto:9 " SHA "inline:" KEY "\r\n"
		"m=audio 4000 RTP/AVP 0\r\na=crypto:1 " SHA "inline:" KEY "\r\n"
		"m=video 4002 RTP/SAVPF 96\r\na=crypto:2 " SHA "inline:" KEY "\r\n"
		"a=crypto:3 " SHA "inline:" KEY "\r\n";

	assert_int_equal(sdp_parse(str_of(text), &s, NULL), 0);
	assert_int_equal(s.media[0].n_crypto, 1);
	assert_int_equal(s.media[0].crypto[0].tag, 1);
	assert_int_equal(s.media[1].n_crypto, 2);
	assert_int_equal(s.media[1].crypto[1].tag, 3);
	assert_true(sdp_is_savp(s.media[1].proto) && sdp_is_avpf(s.media[1].proto));
	assert_false(sdp_is_savp(s.media[0].proto));
	/* payload types of RTP/SAVP are numbers as those of RTP/AVP */
	assert_int_equal(sdp_parse(STR("v=0\r\nm=audio 0 RTP/SAVP opus\r\n"), &s, NULL), -EBADMSG);
}

static void prints(void **state)
{
	static struct sdp s;
	char room[2048];
	struct buf b;

	assert_int_equal(sdp_parse(STR(HEAD "a=crypto:7 " SHA "inline:" KEY "|2^20|1:4 WSH=64\r\n"),
				   &s, NULL),
			 0);
	buf_init(&b, room, sizeof(room) - 1);
	sdp_print(&s, &b);
	room[b.n] = 0;
	assert_non_null(
		strstr(room, "\r\na=crypto:7 " SHA "inline:" KEY "|1048576|1:4 WSH=64\r\n"));
	s.keyless = true;
	buf_init(&b, room, sizeof(room) - 1);
	sdp_print(&s, &b);
	room[b.n] = 0;
	assert_non_null(strstr(room, "\r\na=crypto:7 AES_CM_128_HMAC_SHA1_80\r\n"));
	assert_null(strstr(room, KEY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_can),
		cmocka_unit_test(drops_line_by_line),
		cmocka_unit_test(keeps_its_limit),
		cmocka_unit_test(belongs_to_its_line),
		cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
