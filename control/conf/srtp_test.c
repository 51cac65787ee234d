/* SPDX-License-Identifier: Apache-2.0 */
/* What a trunk says of its media's encryption, and of how much it may send. */
#include <stdio.h>
#include "conf/conf_test.h"

static char *text_with(const char *options, const char *rest, char text[2048])
{
	snprintf(text, 2048,
		 HEAD "trunks:\n"
		      "  a: { on: out, profile: static, host: 203.0.113.20%s%s }\n"
		      "  b: { on: in, profile: pbx, host: 10.0.0.2 }\n"
		      "calls: [ { from: a, to: b } ]\n%s",
		 *options ? ", " : "", options, rest);
	return text;
}

static struct conf *with(const char *options, const char *rest)
{
	char text[2048];

	return parse(text_with(options, rest, text));
}

static void tls_offers_encryption(void **state)
{
	static const struct {
		const char *options;
		enum conf_srtp srtp;
	} rows[] = {
		{ "", CONF_SRTP_OFF },
		{ "transport: tcp", CONF_SRTP_OFF },
		{ "transport: tls", CONF_SRTP_OFFER },
		{ "transport: tls, srtp: off", CONF_SRTP_OFF },
		{ "transport: tls, srtp: require", CONF_SRTP_REQUIRE },
		{ "srtp: offer", CONF_SRTP_OFFER },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = with(rows[i].options, "");
		assert_int_equal(c->trunks[0].srtp, rows[i].srtp);
		conf_put(c);
	}
}

static void suites_have_an_order(void **state)
{
	struct conf *c = with("", "");
	const char *const *s = c->trunks[0].srtp_suites;

	assert_string_equal(s[0], "AEAD_AES_256_GCM");
	assert_string_equal(s[3], "AES_CM_128_HMAC_SHA1_80");
	assert_string_equal(s[4], "AES_CM_128_HMAC_SHA1_32");
	assert_null(s[5]);
	conf_put(c);
	c = with("srtp-suites: [AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM]", "");
	s = c->trunks[0].srtp_suites;
	assert_string_equal(s[0], "AES_CM_128_HMAC_SHA1_80");
	assert_string_equal(s[1], "AEAD_AES_128_GCM");
	assert_null(s[2]);
	conf_put(c);
}

static void refuses(const char *options, const char *what)
{
	char text[2048];
	struct conf_errors e;
	struct conf *c = NULL;
	bool found = false;

	assert_int_equal(conf_parse("test", str_of(text_with(options, "", text)), &c, &e), -EINVAL);
	for (size_t i = 0; i < e.n; i++)
		found |= strstr(e.e[i].what, what) != NULL;
	if (!found)
		fail_msg("%s: %s", options, e.e[0].what);
	conf_errors_free(&e);
}

static void wrong_words_are_refused(void **state)
{
	refuses("srtp: always", "is not known here");
	refuses("srtp-roc: reset", "is not known here");
	refuses("ssrc: change", "is not known here");
	refuses("srtp-suites: []", "this list is empty");
	refuses("srtp-suites: AES", "this must be a list");
	refuses("srtp-suites: [F8_128_HMAC_SHA1_80]", "is not known here");
	refuses("srtp-suites: [AEAD_AES_128_GCM, AEAD_AES_128_GCM]", "in this list already");
	refuses("policing: 1001", "out of range");
}

static void policing_is_that_of_media(void **state)
{
	struct conf *c = with("policing: 0", "");

	assert_int_equal(c->media.policing, 3);
	assert_int_equal(c->trunks[0].policing, 0);
	assert_int_equal(c->trunks[1].policing, 3);
	conf_put(c);
	c = with("policing: 7, srtp-roc: keep, ssrc: hide", "media: { policing: 0 }\n");
	assert_int_equal(c->trunks[0].policing, 7);
	assert_int_equal(c->trunks[1].policing, 0);
	assert_int_equal(c->trunks[0].srtp_roc, CONF_ROC_KEEP);
	assert_int_equal(c->trunks[1].srtp_roc, CONF_ROC_RESTART);
	assert_int_equal(c->trunks[0].ssrc, CONF_SSRC_HIDE);
	assert_int_equal(c->trunks[1].ssrc, CONF_SSRC_KEEP);
	conf_put(c);
}

static void count(void *arg, const char *text)
{
	assert_non_null(strstr(text, "trunks.a.srtp: "));
	(*(unsigned *)arg)++;
}

static void keys_in_the_open_are_told(void **state)
{
	static const struct {
		const char *options;
		unsigned warnings;
	} rows[] = {
		{ "", 0 },
		{ "transport: tls", 0 },
		{ "transport: tls, srtp: require", 0 },
		{ "srtp: offer", 1 },
		{ "transport: udp, srtp: require", 1 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = with(rows[i].options, "");
		unsigned n = 0;
		conf_warn(c, count, &n);
		assert_int_equal(n, rows[i].warnings);
		conf_put(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_offers_encryption),
		cmocka_unit_test(suites_have_an_order),
		cmocka_unit_test(wrong_words_are_refused),
		cmocka_unit_test(policing_is_that_of_media),
		cmocka_unit_test(keys_in_the_open_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
