/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "srtp.h"

static size_t octets(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

static void same(const uint8_t *p, const char *hex)
{
	uint8_t want[512];
	size_t n = octets(hex, want);
	assert_memory_equal(p, want, n);
}

/* RFC 3711 B.3 */
static void derivation(void **state)
{
	struct srtp_master m = { .suite = FLOW_SUITE_AES_CM_128_HMAC_SHA1_80 };
	struct flow_crypto k;
	octets("E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6", m.octets);
	assert_int_equal(srtp_derive(&m, &k), 0);
	same(k.rtp_key, "C61E7A93744F39EE10734AFE3FF7A087");
	same(k.rtp_salt, "30CBBC08863D8C85D49DB34A9AE1");
	same(k.rtp_auth, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
}

/* RFC 6188 7.2 */
static void derivation_256(void **state)
{
	struct srtp_master m = { .suite = FLOW_SUITE_AES_CM_256_HMAC_SHA1_80 };
	struct flow_crypto k;
	octets("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"
	       "3b04803de51ee7c96423ab5b78d2",
	       m.octets);
	assert_int_equal(srtp_derive(&m, &k), 0);
	same(k.rtp_key, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
	same(k.rtp_salt, "fa31791685ca444a9e07c6c64e93");
	same(k.rtp_auth, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
}

static size_t packet(uint8_t *p, uint32_t number)
{
	memset(p, 0x55, 172);
	p[0] = 0x80;
	p[1] = 0;
	p[2] = (uint8_t)(number >> 8);
	p[3] = (uint8_t)number;
	return 172;
}

/* Over the end of the sequence numbers, with loss and two packets that change places. */
static void there_and_back(void **state)
{
	for (unsigned suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		struct srtp_master m;
		assert_int_equal(srtp_random(&m, suite), 0);
		struct srtp *a = srtp_new(&m), *b = srtp_new(&m);
		uint8_t p[2][200], want[200];
		for (uint32_t i = 65000; i < 3 * 65536; i += 2 + 5 * (i % 3 == 0)) {
			int n[2];
			for (unsigned j = 0; j < 2; j++)
				n[j] = srtp_seal(a, p[j], packet(p[j], i + j));
			assert_int_equal(n[0], n[1]);
			assert_true(n[0] > 172);
			for (unsigned j = 2; j--;) {
				packet(want, i + j);
				assert_memory_not_equal(p[j] + 12, want + 12, 160);
				assert_int_equal(srtp_open(b, p[j], (size_t)n[j]), 172);
				assert_memory_equal(p[j], want, 172);
			}
		}
		srtp_free(a);
		srtp_free(b);
	}
}

/* The same packet one round of the sequence numbers later is another one. */
static void the_roll_over_counter_counts(void **state)
{
	for (unsigned suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		struct srtp_master m;
		srtp_random(&m, suite);
		struct srtp *a = srtp_new(&m), *b = srtp_new(&m);
		uint8_t first[200], later[200];
		int n = srtp_seal(a, first, packet(first, 10));
		for (uint32_t i = 20000; i < 65536; i += 20000)
			srtp_seal(a, later, packet(later, i));
		assert_int_equal(srtp_seal(a, later, packet(later, 65536 + 10)), n);
		assert_memory_not_equal(first + 12, later + 12, (size_t)n - 12);
		assert_int_equal(srtp_open(b, later, (size_t)n), -EBADMSG);
		srtp_free(a);
		srtp_free(b);
	}
}

static void changed_anywhere_is_refused(void **state)
{
	for (unsigned suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		struct srtp_master m;
		srtp_random(&m, suite);
		struct srtp *a = srtp_new(&m), *b = srtp_new(&m);
		uint8_t p[200], q[200];
		int n = srtp_seal(a, p, packet(p, 77));
		for (int i = 1; i < n; i++) {
			memcpy(q, p, sizeof(q));
			q[i] ^= 1;
			assert_int_equal(srtp_open(b, q, (size_t)n), -EBADMSG);
		}
		for (int i = 0; i < n; i++) {
			memcpy(q, p, sizeof(q));
			assert_int_equal(srtp_open(b, q, (size_t)i), -EBADMSG);
		}
		assert_int_equal(srtp_open(b, p, (size_t)n), 172);
		srtp_free(a);
		srtp_free(b);
	}
}

static void names(void **state)
{
	uint8_t suite = 0;
	assert_int_equal(srtp_find(STR("gcm128"), &suite), 0);
	assert_int_equal(suite, FLOW_SUITE_AEAD_AES_128_GCM);
	assert_int_equal(srtp_find(STR("aes_cm_128_hmac_sha1_32"), &suite), 0);
	assert_int_equal(suite, FLOW_SUITE_AES_CM_128_HMAC_SHA1_32);
	assert_int_equal(srtp_find(STR("rot13"), &suite), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derivation),
		cmocka_unit_test(derivation_256),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(the_roll_over_counter_counts),
		cmocka_unit_test(changed_anywhere_is_refused),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
