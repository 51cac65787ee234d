/* SPDX-License-Identifier: Apache-2.0 */
/* Session keys: the vectors of the RFCs, and what libsrtp2 makes of the same master keys. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <srtp2/srtp.h>
#include "base/test.h"
#include "media/suite.h"

static void from_hex(const char *hex, u8 *out)
{
	for (; hex[0]; hex += 2) {
		char two[3] = { hex[0], hex[1], 0 };
		*out++ = (u8)strtoul(two, NULL, 16);
	}
}

static void expect(const u8 *got, const char *hex)
{
	u8 want[32];

	from_hex(hex, want);
	assert_memory_equal(got, want, strlen(hex) / 2);
}

/* RFC 3711 B.3 */
static void rfc3711(void **state)
{
	u8 master[SUITE_MASTER_MAX];
	struct flow_crypto c = { 0 };

	from_hex("E1F97A0D3E018BE0D64FA32C06DE4139"
		 "0EC675AD498AFEEBB6960B3AABE6",
		 master);
	assert_int_equal(suite_derive(FLOW_SUITE_AES_CM_128_HMAC_SHA1_80, master, &c), 0);
	assert_int_equal(c.suite, FLOW_SUITE_AES_CM_128_HMAC_SHA1_80);
	expect(c.rtp_key, "C61E7A93744F39EE10734AFE3FF7A087");
	expect(c.rtp_salt, "30CBBC08863D8C85D49DB34A9AE1");
	expect(c.rtp_auth, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
}

/* RFC 6188 7.2 */
static void rfc6188(void **state)
{
	u8 master[SUITE_MASTER_MAX];
	struct flow_crypto c = { 0 };

	from_hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
		 "3b04803de51ee7c96423ab5b78d2",
		 master);
	assert_int_equal(suite_derive(FLOW_SUITE_AES_CM_256_HMAC_SHA1_80, master, &c), 0);
	expect(c.rtp_key, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
	expect(c.rtp_salt, "fa31791685ca444a9e07c6c64e93");
	expect(c.rtp_auth, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
}

/* ---- libsrtp2 ---- */

static srtp_t their_session(u8 suite, u8 *master)
{
	srtp_policy_t p = { .ssrc = { .type = ssrc_any_outbound }, .key = master };
	srtp_t s;

	switch (suite) {
	case FLOW_SUITE_AES_CM_128_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtcp);
		break;
	case FLOW_SUITE_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p.rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtcp);
		break;
	case FLOW_SUITE_AES_CM_256_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p.rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p.rtcp);
		break;
	case FLOW_SUITE_AES_CM_256_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&p.rtp);
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p.rtcp);
		break;
	case FLOW_SUITE_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtcp);
		break;
	default:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&p.rtp);
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&p.rtcp);
		break;
	}
	assert_int_equal(srtp_create(&s, &p), srtp_err_status_ok);
	return s;
}

/* XORs SSRC and index into the salt, where RFC 3711 4.1.1 or RFC 7714 8.1, 9.1 have them. */
static void make_iv(const u8 *salt, bool aead, const u8 ssrc[4], u64 index, u8 iv[16])
{
	unsigned at = aead ? 2 : 4;

	memset(iv, 0, 16);
	memcpy(iv, salt, aead ? 12 : 14);
	for (unsigned i = 0; i < 4; i++)
		iv[at + i] ^= ssrc[i];
	for (unsigned i = 0; i < 6; i++)
		iv[at + 4 + i] ^= (u8)(index >> (40 - 8 * i));
}

static void decrypt(const u8 *key, unsigned n_key, const u8 iv[16], bool aead, u8 *p, size_t n)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *e = aead ? (n_key == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm())
				   : (n_key == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr());
	int got;

	assert_int_equal(EVP_DecryptInit_ex(c, e, NULL, key, iv), 1);
	assert_int_equal(EVP_DecryptUpdate(c, p, &got, p, (int)n), 1);
	EVP_CIPHER_CTX_free(c);
}

static void check_tag(const u8 *key, const u8 *p, size_t n, const u8 *more, size_t n_tag)
{
	u8 all[256], tag[20];
	unsigned len = sizeof(tag);

	memcpy(all, p, n);
	if (more)
		memcpy(all + n, more, 4);
	assert_non_null(HMAC(EVP_sha1(), key, 20, all, n + (more ? 4 : 0), tag, &len));
	assert_memory_equal(p + n, tag, n_tag);
}

static const u8 plain[20] = "twenty octets of it";

static void rtp_opens(u8 suite, const struct flow_crypto *c, srtp_t s)
{
	bool aead = suite >= FLOW_SUITE_AEAD_AES_128_GCM;
	unsigned n_key = suite_master(suite) - (aead ? 12 : 14);
	u8 pkt[256] = { 0x80, 0, 0x12, 0x34, 0, 0, 0, 1, 1, 2, 3, 4 }, iv[16];
	int n = 12 + (int)sizeof(plain);
	bool is_short = suite == FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 ||
			suite == FLOW_SUITE_AES_CM_256_HMAC_SHA1_32;

	memcpy(pkt + 12, plain, sizeof(plain));
	assert_int_equal(srtp_protect(s, pkt, &n), srtp_err_status_ok);
	assert_int_equal(n, 12 + sizeof(plain) + (aead ? 16 : is_short ? 4 : 10));
	if (!aead)
		check_tag(c->rtp_auth, pkt, 12 + sizeof(plain), (u8[4]){ 0 }, is_short ? 4 : 10);
	make_iv(c->rtp_salt, aead, pkt + 8, 0x1234, iv);
	decrypt(c->rtp_key, n_key, iv, aead, pkt + 12, sizeof(plain));
	assert_memory_equal(pkt + 12, plain, sizeof(plain));
}

static void rtcp_opens(u8 suite, const struct flow_crypto *c, srtp_t s)
{
	bool aead = suite >= FLOW_SUITE_AEAD_AES_128_GCM;
	unsigned n_key = suite_master(suite) - (aead ? 12 : 14);
	u8 pkt[256] = { 0x80, 200, 0, 6, 1, 2, 3, 4 }, iv[16];
	int n = 8 + (int)sizeof(plain);

	memcpy(pkt + 8, plain, sizeof(plain));
	assert_int_equal(srtp_protect_rtcp(s, pkt, &n), srtp_err_status_ok);
	assert_int_equal(n, 8 + sizeof(plain) + 4 + (aead ? 16 : 10));
	const u8 *index = pkt + 8 + sizeof(plain) + (aead ? 16 : 0);
	if (!aead)
		check_tag(c->rtcp_auth, pkt, 8 + sizeof(plain) + 4, NULL, 10);
	make_iv(c->rtcp_salt, aead, pkt + 4,
		(u64)(index[0] & 0x7f) << 24 | (u64)index[1] << 16 | (u64)index[2] << 8 | index[3],
		iv);
	decrypt(c->rtcp_key, n_key, iv, aead, pkt + 8, sizeof(plain));
	assert_memory_equal(pkt + 8, plain, sizeof(plain));
}

static void as_libsrtp(void **state)
{
	u8 master[SUITE_MASTER_MAX];

	assert_int_equal(srtp_init(), srtp_err_status_ok);
	for (unsigned i = 0; i < sizeof(master); i++)
		master[i] = (u8)(i * 37 + 11);
	for (u8 suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		struct flow_crypto c = { 0 };
		srtp_t s = their_session(suite, master);
		assert_int_equal(suite_derive(suite, master, &c), 0);
		rtp_opens(suite, &c, s);
		rtcp_opens(suite, &c, s);
		srtp_dealloc(s);
	}
	srtp_shutdown();
}

/* ---- names and base64 ---- */

static void names_are_those_of_the_rfcs(void **state)
{
	for (u8 i = 1; i < FLOW_SUITE_COUNT; i++)
		assert_int_equal(suite_by_name(str_of(suite_name(i))), i);
	assert_int_equal(suite_by_name(STR("AES_CM_128_HMAC_SHA1_8")), FLOW_SUITE_NONE);
	assert_int_equal(suite_by_name(STR("")), FLOW_SUITE_NONE);
	assert_int_equal(suite_master(FLOW_SUITE_AES_CM_128_HMAC_SHA1_80), 30);
	assert_int_equal(suite_master(FLOW_SUITE_AES_CM_256_HMAC_SHA1_80), 46);
	assert_int_equal(suite_master(FLOW_SUITE_AEAD_AES_128_GCM), 28);
	assert_int_equal(suite_master(FLOW_SUITE_AEAD_AES_256_GCM), 44);
}

static void keys_are_written_and_read(void **state)
{
	u8 master[SUITE_MASTER_MAX], back[SUITE_MASTER_MAX];
	char text[SUITE_TEXT_MAX], theirs[SUITE_TEXT_MAX + 1];
	struct buf b;

	for (unsigned i = 0; i < sizeof(master); i++)
		master[i] = (u8)(255 - i * 5);
	for (u8 suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		unsigned n = suite_master(suite);
		buf_init(&b, text, sizeof(text));
		suite_put_master(suite, master, &b);
		assert_true(buf_ok(&b));
		assert_int_equal(EVP_EncodeBlock((u8 *)theirs, master, (int)n), b.n);
		assert_memory_equal(theirs, text, b.n);
		memset(back, 0, sizeof(back));
		assert_int_equal(suite_read_master(suite, buf_str(&b), back), 0);
		assert_memory_equal(back, master, n);
		while (b.n && text[b.n - 1] == '=')
			b.n--;
		assert_int_equal(suite_read_master(suite, buf_str(&b), back), 0);
		b.n--;
		assert_int_equal(suite_read_master(suite, buf_str(&b), back), -EINVAL);
		text[3] = '=';
		b.n++;
		assert_int_equal(suite_read_master(suite, buf_str(&b), back), -EINVAL);
	}
	assert_int_equal(suite_read_master(FLOW_SUITE_NONE, STR(""), back), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3711),
		cmocka_unit_test(rfc6188),
		cmocka_unit_test(as_libsrtp),
		cmocka_unit_test(names_are_those_of_the_rfcs),
		cmocka_unit_test(keys_are_written_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
