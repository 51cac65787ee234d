/* SPDX-License-Identifier: Apache-2.0 */
/* The header fields of digest, and its sums. */
#include <errno.h>
#include <stdlib.h>
#include "sip/auth_priv.h"
#include "sip/tight_test.h"

/* The slices are dead when it returns. */
static int challenge_error(const char *text)
{
	struct str s = tight(text);
	struct auth_challenge c;
	int rc = auth_challenge_parse(s, &c);

	tight_free(s);
	return rc;
}

static void reads_a_challenge(void **state)
{
	struct auth_challenge c;

	assert_int_equal(auth_challenge_parse(
				 STR("Digest realm=\"atlanta.com\", domain=\"sip:ss1.carrier.com\","
				     " qop=\"auth,auth-int\", nonce=\"f84f1cec\", opaque=\"\","
				     " stale=FALSE, algorithm=MD5"),
				 &c),
			 0);
	assert_str(c.realm, "atlanta.com");
	assert_str(c.domain, "sip:ss1.carrier.com");
	assert_str(c.nonce, "f84f1cec");
	assert_non_null(c.opaque.p);
	assert_int_equal(c.opaque.n, 0);
	assert_int_equal(c.algorithm, AUTH_MD5);
	assert_false(c.sess || c.stale || c.userhash);
	assert_true(c.has_qop && c.qop_auth && c.qop_auth_int);
}

static void reads_what_carriers_write(void **state)
{
	struct auth_challenge c;

	assert_int_equal(
		auth_challenge_parse(STR("DIGEST\tREALM=voice ,,Nonce = a==,QOP=auth,auth-int,"
					 "algorithm=\"sha-256-SESS\",STALE=\"True\","
					 "userhash=true,opaque=,x=\"a,b\","),
				     &c),
		0);
	assert_str(c.realm, "voice");
	assert_str(c.nonce, "a==");
	assert_int_equal(c.algorithm, AUTH_SHA256);
	assert_true(c.sess && c.stale && c.userhash);
	assert_true(c.has_qop && c.qop_auth && c.qop_auth_int);
	assert_int_equal(auth_challenge_parse(STR("Digest qop=auth-int, nonce=n, realm=r"), &c), 0);
	assert_true(c.qop_auth_int && !c.qop_auth);
	assert_int_equal(c.algorithm, AUTH_MD5);
	assert_null(c.opaque.p);
	assert_int_equal(auth_challenge_parse(STR("Digest nonce=n,realm=r,qop=\"\""), &c), 0);
	assert_false(c.has_qop);
	assert_int_equal(auth_challenge_parse(STR("Digest nonce=n,realm=r,qop=\"token\","
						  "algorithm=AKAv1-MD5"),
					      &c),
			 0);
	assert_true(c.has_qop && !c.qop_auth && !c.qop_auth_int);
	assert_int_equal(c.algorithm, AUTH_ALGORITHMS);
	assert_int_equal(
		auth_challenge_parse(STR("Digest nonce=n,realm=r,algorithm=SHA-512-256"), &c), 0);
	assert_int_equal(c.algorithm, AUTH_SHA512_256);
	assert_false(c.sess);
}

static void test_5_commas_inside_do_not_split(void **state)
{
	struct auth_challenge c;

	assert_int_equal(auth_challenge_parse(
				 STR("Digest realm=\"a, nonce=\\\"x\\\", b\", nonce=\"y,z\""), &c),
			 0);
	assert_str(c.realm, "a, nonce=\\\"x\\\", b");
	assert_str(c.nonce, "y,z");
}

static void refuses_bad_challenges(void **state)
{
	static const char *const bad[] = {
		"",
		"Digest",
		"Digest ",
		"Digest realm",
		"Digest realm=\"r\"",
		"Digest nonce=\"n\"",
		"Digest realm=\"r\", nonce=\"\"",
		"Digest realm=\"r, nonce=n",
		"Digest realm=\"r\\",
		"Digest realm=\"r\", nonce=\"n\" qop=auth",
		"Digest realm=\"r\"; nonce=\"n\"",
		"Digest realm=\"r\", nonce=\"n\", auth",
		"Digest qop=auth, realm=\"r\", nonce=\"n\", auth-int",
		"Digest realm=\"r\", nonce=\"n\", qop=auth, other",
		"Digest realm=\"r\", nonce=\"n\", nonce=\"m\"",
		"Digest realm=\"r\", nonce=a\"b",
		"Digest realm=\"r\", nonce=a\\b",
		"Digest realm=\"r\", nonce=\"a\r\nb\"",
		"Digest realm=\"r\", nonce=a\177b",
		"Digest realm=\"r\", nonce=n, Digest realm=s",
		"Digest,realm=r,nonce=n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(challenge_error(bad[i]), -SIP_E_HEADER);
	assert_int_equal(challenge_error("Basic realm=\"r\""), -ENOTSUP);
	assert_int_equal(challenge_error("Digests realm=\"r\""), -ENOTSUP);
	assert_int_equal(challenge_error("Digest realm=r,nonce=n"), 0);
}

static void bounds_values(void **state)
{
	static const char head[] = "Digest realm=r,nonce=";
	char text[sizeof(head) + AUTH_VALUE_MAX + 1];

	memset(text, 'n', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	text[sizeof(head) - 1 + AUTH_VALUE_MAX] = '\0';
	assert_int_equal(challenge_error(text), 0);
	text[sizeof(head) - 1 + AUTH_VALUE_MAX] = 'n';
	text[sizeof(head) + AUTH_VALUE_MAX] = '\0';
	assert_int_equal(challenge_error(text), -SIP_E_HEADER);
}

#define HEX32 "0123456789abcdefABCDEF0123456789"

static void reads_credentials(void **state)
{
	struct auth_credentials c;

	assert_int_equal(auth_credentials_parse(
				 STR("Digest username=\"b\\\"ob\",realm=\"r\",nonce=\"n\","
				     "uri=\"sip:a@b;x=1,2\",response=\"" HEX32 "\","
				     "cnonce=\"c\",nc=\"0000000a\",qop=\"auth\",algorithm=\"md5\","
				     "opaque=\"o\""),
				 &c),
			 0);
	assert_str(c.username, "b\\\"ob");
	assert_str(c.uri, "sip:a@b;x=1,2");
	assert_str(c.response, HEX32);
	assert_str(c.nc, "0000000a");
	assert_str(c.qop, "auth");
	assert_str(c.cnonce, "c");
	assert_str(c.opaque, "o");
	/* RFC 2069 */
	assert_int_equal(auth_credentials_parse(STR("Digest username=u,realm=r,nonce=n,uri=sip:b,"
						    "response=" HEX32),
						&c),
			 0);
	assert_int_equal(c.qop.n, 0);
}

static void refuses_bad_credentials(void **state)
{
	static const char *const bad[] = {
		"realm=r,nonce=n,uri=sip:b,response=" HEX32,
		"username=u,nonce=n,uri=sip:b,response=" HEX32,
		"username=u,realm=r,uri=sip:b,response=" HEX32,
		"username=u,realm=r,nonce=n,response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b",
		"username=u,realm=r,nonce=n,uri=sip:b,response=0" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,response=g123456789abcdef0123456789abcdef",
		"username=u,realm=r,nonce=n,uri=sip:b,algorithm=SHA-256,response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,qop=auth,response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,qop=auth,cnonce=c,nc=1,response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,qop=auth,cnonce=c,nc=0000000g,"
		"response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,qop=auth,nc=00000001,response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,qop=auth,cnonce=c,response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,nc=\"1, qop=auth\",response=" HEX32,
		"username=u,realm=r,nonce=n,uri=sip:b,qop=x,cnonce=c,nc=00000001,response=" HEX32,
	};
	struct auth_credentials c;
	char text[256];
	struct buf b;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_init(&b, text, sizeof(text));
		buf_lit(&b, "Digest ");
		buf_put(&b, str_of(bad[i]));
		assert_int_equal(auth_credentials_parse(buf_str(&b), &c), -SIP_E_HEADER);
	}
}

static void escapes(void **state)
{
	char mem[8];

	assert_str(auth_unescape(STR("a\\\"b\\\\c"), mem), "a\"b\\c");
	assert_str(auth_escape(STR("a\"b\\c"), mem, 7), "a\\\"b\\\\c");
	assert_null(auth_escape(STR("a\"b\\c"), mem, 6).p);
	assert_null(auth_escape(STR("a\nb"), mem, sizeof(mem)).p);
	assert_str(auth_escape(STR("plain"), mem, 0), "plain");
}

static void assert_digest(const struct auth_input *in, const char *expected)
{
	char out[AUTH_HEX_MAX];
	struct str got = { out, auth_digest(in, out) };

	assert_str(got, expected);
	assert_int_equal(got.n, auth_hex_len(in->algorithm));
}

/* RFC 7616 3.9.1 and RFC 2617 3.5. */
static void examples_of_the_rfcs(void **state)
{
	struct auth_input in = {
		.algorithm = AUTH_MD5,
		.user = STR("Mufasa"),
		.realm = STR("http-auth@example.org"),
		.password = STR("Circle of Life"),
		.nonce = STR("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
		.cnonce = STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
		.nc = STR("00000001"),
		.qop = STR("auth"),
		.method = STR("GET"),
		.uri = STR("/dir/index.html"),
	};

	assert_digest(&in, "8ca523f5e9506fed4657c9700eebdbec");
	in.algorithm = AUTH_SHA256;
	assert_digest(&in, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
	in.algorithm = AUTH_MD5;
	in.realm = STR("testrealm@host.com");
	in.password = STR("Circle Of Life");
	in.nonce = STR("dcd98b7102dd2f0e8b11d0f600bfb0c093");
	in.cnonce = STR("0a4f113b");
	assert_digest(&in, "6629fae49393a05397450978507c4ef1");
}

/* Computed with another program. */
static void every_algorithm_and_qop(void **state)
{
	static const struct {
		enum auth_algorithm algorithm;
		bool sess;
		const char *qop, *response;
	} t[] = {
		{ AUTH_MD5, false, "", "bf57e4e0d0bffc0fbaedce64d59add5e" },
		{ AUTH_MD5, true, "", "fff17611bcbbf00c9116a2c922dea8e1" },
		{ AUTH_MD5, false, "auth", "89eb0059246c02b2f6ee02c7961d5ea3" },
		{ AUTH_MD5, true, "auth", "e4e4ea61d186d07a92c9e1f6919902e9" },
		{ AUTH_MD5, false, "auth-int", "77226bb823dc077c1ad3537415667bae" },
		{ AUTH_MD5, true, "auth-int", "8527c9ab1b4eed3fd75491f811944e26" },
		{ AUTH_SHA256, false, "",
		  "38aad98c50c33abe72c5f88dd17246ffcfa6b1f68852c855719ff0659386c0ca" },
		{ AUTH_SHA256, true, "auth",
		  "5da59c9ca40954be9d5063a15a174066c8251be2c10cf47c144c366dc7daf792" },
		{ AUTH_SHA256, false, "auth-int",
		  "554a9ffe79ce71c3cb6c9630deddd2787d8033f895e5cdef6a73c8e84ed4c979" },
		{ AUTH_SHA512_256, false, "auth",
		  "7f1a09de0f19af0a1eac2b28d33e3f2fb89cca1ad8fb01bba5e1883b288bac14" },
		{ AUTH_SHA512_256, true, "auth-int",
		  "0220683d8c9faccc1d05bd2ef0e7ccdff87eacd5f06fb6bfd9cd7d3acf66a00b" },
	};
	struct auth_input in = {
		.user = STR("bob"),
		.realm = STR("biloxi.com"),
		.password = STR("zanzibar"),
		.nonce = STR("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
		.cnonce = STR("0a4f113b"),
		.nc = STR("00000001"),
		.method = STR("INVITE"),
		.uri = STR("sip:bob@biloxi.com"),
		.body = STR("v=0\r\n"),
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		in.algorithm = t[i].algorithm;
		in.sess = t[i].sess;
		in.qop = str_of(t[i].qop);
		assert_digest(&in, t[i].response);
	}
	in.algorithm = AUTH_ALGORITHMS;
	assert_int_equal(auth_digest(&in, (char[AUTH_HEX_MAX]){ 0 }), 0);
	assert_false(auth_algorithm_usable(AUTH_ALGORITHMS));
	assert_true(auth_algorithm_usable(AUTH_MD5));
}

/* The user and realm of RFC 7616 3.9.2; the digest printed there is of a cut SHA-512, not of
 * SHA-512/256, as its erratum says. */
static void hashes_a_user(void **state)
{
	char out[AUTH_HEX_MAX];
	struct str got = { out, auth_userhash(AUTH_SHA512_256, STR("J\303\244s\303\270n Doe"),
					      STR("api@example.org"), out) };

	assert_str(got, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_challenge),
		cmocka_unit_test(reads_what_carriers_write),
		cmocka_unit_test(test_5_commas_inside_do_not_split),
		cmocka_unit_test(refuses_bad_challenges),
		cmocka_unit_test(bounds_values),
		cmocka_unit_test(reads_credentials),
		cmocka_unit_test(refuses_bad_credentials),
		cmocka_unit_test(escapes),
		cmocka_unit_test(examples_of_the_rfcs),
		cmocka_unit_test(every_algorithm_and_qop),
		cmocka_unit_test(hashes_a_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
