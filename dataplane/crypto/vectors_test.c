/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of RFC 3711 appendix B, RFC 6188 section 7 and RFC 7714 sections 16 and 17, by every backend. */
#include "crypto/crypto_test.h"
#include "crypto/vectors_test.h"

static struct crypto_key *key_of(struct crypto *c, u8 suite, const char *octets, const char *salt)
{
	struct flow_crypto k = { .number = 1, .suite = suite };
	struct crypto_key *key;
	from_hex(k.rtp_key, octets);
	from_hex(k.rtcp_key, octets);
	from_hex(k.rtp_salt, salt);
	from_hex(k.rtcp_salt, salt);
	assert_int_equal(crypto_key_new(c, &k, &key), 0);
	return key;
}

/* ---- AES-CM ---- */

static void test_key_stream(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * N_BACKENDS; i++) {
		struct crypto *c = crypto_new_of(backends[i / 2].is);
		struct crypto_key *key =
			key_of(c, streams[i % 2].suite, streams[i % 2].key, CM_SALT);
		struct packet p = { .at = { 0x80 }, .len = 12 + 48 },
			      want = packet_of(streams[i % 2].stream);
		struct relay_crypt how = rtp_how(&p, p.len, 0);
		assert_true(seal_one(c, key, &p, &how));
		assert_int_equal(p.len, 12 + 48 + 10);
		assert_memory_equal(p.at + 12, want.at, 48);
		crypto_key_put(key);
		crypto_free(c);
	}
}

/* ---- key derivation of these tests, or they would prove nothing ---- */

static void test_derivation(void **state)
{
	static const struct {
		const struct suite *suite;
		const char *master, *key, *salt, *auth;
	} v[] = {
		{ &suites[0], "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
		  "c61e7a93744f39ee10734afe3ff7a087", "30cbbc08863d8c85d49db34a9ae1",
		  "cebe321f6ff7716b6fd4ab49af256a156d38baa4" },
		{ &suites[2],
		  "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
		  "3b04803de51ee7c96423ab5b78d2",
		  "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
		  "fa31791685ca444a9e07c6c64e93", "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05" },
	};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		u8 master[46], want[32];
		from_hex(master, v[i].master);
		struct flow_crypto k = session_keys(v[i].suite, master);
		u32 n = from_hex(want, v[i].key);
		assert_memory_equal(k.rtp_key, want, n);
		n = from_hex(want, v[i].salt);
		assert_memory_equal(k.rtp_salt, want, n);
		n = from_hex(want, v[i].auth);
		assert_memory_equal(k.rtp_auth, want, n);
	}
}

/* ---- AEAD ---- */

static struct relay_crypt how_of(const struct aead *a, const struct packet *p, u32 len)
{
	return a->rtcp ? rtcp_how(p, len, 0x5d4, a->plain) : rtp_how(p, len, 0);
}

static void check_aead(struct crypto *c, const struct aead *a)
{
	struct packet clear = packet_of(a->rtcp ? RTCP : RTP), sealed = packet_of(a->sealed);
	struct crypto_key *key = key_of(c, a->suite, a->key, GCM_SALT);
	struct relay_crypt how = how_of(a, &clear, clear.len);
	struct packet p = sealed;
	assert_true(open_one(c, key, &p, &how));
	assert_same(&p, &clear);
	if (!a->plain) { /* what we send is encrypted */
		assert_true(seal_one(c, key, &p, &how));
		assert_same(&p, &sealed);
	}
	for (u32 i = 0; i < sealed.len * 8; i++) {
		struct packet bad = sealed;
		bad.at[i / 8] ^= (u8)(1 << i % 8);
		struct packet was = bad;
		assert_false(open_one(c, key, &bad, &how));
		assert_same(&bad, &was);
	}
	crypto_key_put(key);
}

static void test_aead(void **state)
{
	(void)state;
	for (unsigned b = 0; b < N_BACKENDS; b++) {
		struct crypto *c = crypto_new_of(backends[b].is);
		for (unsigned i = 0; i < sizeof(aeads) / sizeof(aeads[0]); i++)
			check_aead(c, &aeads[i]);
		crypto_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_stream),
		cmocka_unit_test(test_derivation),
		cmocka_unit_test(test_aead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
