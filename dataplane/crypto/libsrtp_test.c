/* SPDX-License-Identifier: Apache-2.0 */
/* libsrtp2 seals what we open, and opens what we seal: every suite, RTP and RTCP, over the wrap of the sequence number, with
 * loss and reordering, header extensions and CSRCs. */
#include <srtp2/srtp.h>
#include "crypto/crypto_test.h"

#define N     400
#define FIRST 65400 /* the sequence number wraps in the midst */
#define SSRC  0xcafe0001

static void set_policy(srtp_policy_t *p, const struct suite *s, u8 *master, srtp_ssrc_type_t way)
{
	memset(p, 0, sizeof(*p));
	switch (s->suite) {
	case FLOW_SUITE_AES_CM_128_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p->rtp);
		break;
	case FLOW_SUITE_AES_CM_128_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p->rtp);
		break;
	case FLOW_SUITE_AES_CM_256_HMAC_SHA1_80:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtp);
		break;
	case FLOW_SUITE_AES_CM_256_HMAC_SHA1_32:
		srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&p->rtp);
		break;
	case FLOW_SUITE_AEAD_AES_128_GCM:
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtp);
		break;
	default:
		srtp_crypto_policy_set_aes_gcm_256_16_auth(&p->rtp);
	}
	p->rtcp = p->rtp;
	p->rtcp.auth_tag_len = s->rtcp_tag;
	p->ssrc.type = way;
	p->key = master;
	p->window_size = 128;
}

/* One session between libsrtp and us. */
struct between {
	srtp_t in, out; /* libsrtp's */
	struct crypto *c;
	struct crypto_key *key;
};

static struct between begin(const struct suite *s, const struct backend *b, bool plain_rtcp)
{
	struct between t = { .c = crypto_new_of(b->is) };
	srtp_policy_t p;
	u8 master[46];
	u64 seed = 0x1234567 + s->suite;
	fill_random(&seed, master, sizeof(master));
	struct flow_crypto k = session_keys(s, master);
	assert_int_equal(crypto_key_new(t.c, &k, &t.key), 0);
	set_policy(&p, s, master, ssrc_any_inbound);
	assert_int_equal(srtp_create(&t.in, &p), srtp_err_status_ok);
	set_policy(&p, s, master, ssrc_any_outbound);
	if (plain_rtcp)
		p.rtcp.sec_serv = sec_serv_auth;
	assert_int_equal(srtp_create(&t.out, &p), srtp_err_status_ok);
	return t;
}

static void end(struct between *t)
{
	srtp_dealloc(t->in);
	srtp_dealloc(t->out);
	crypto_key_put(t->key);
	crypto_free(t->c);
}

/* Packet `i` of a stream: every fifth with an extension, every seventh with CSRCs. */
static struct packet rtp_packet(u32 i)
{
	struct packet p = { 0 };
	u16 seq = (u16)(FIRST + i);
	u8 csrcs = i % 7 ? 0 : 3, words = i % 5 ? 0 : 2;
	u32 n = 12 + 4u * csrcs, ssrc = SSRC;
	u64 seed = i + 1;
	fill_random(&seed, p.at, PACKET_MAX);
	p.at[0] = (u8)(0x80 | (words ? 0x10 : 0) | csrcs);
	p.at[1] = 8;
	p.at[2] = (u8)(seq >> 8);
	p.at[3] = (u8)seq;
	for (unsigned k = 0; k < 4; k++)
		p.at[8 + k] = (u8)(ssrc >> (24 - 8 * k));
	if (words) {
		p.at[n + 2] = 0;
		p.at[n + 3] = words;
		n += 4 + 4u * words;
	}
	p.len = n + (i % 11 ? 20 + i : 0);
	return p;
}

static struct packet rtcp_packet(u32 i)
{
	struct packet p = rtp_packet(i);
	p.len = 8 + 4 * (i % 30);
	p.at[0] = 0x80;
	p.at[1] = 200;
	p.at[2] = 0;
	p.at[3] = (u8)(p.len / 4 - 1);
	for (unsigned k = 0; k < 4; k++)
		p.at[4 + k] = p.at[8 + k];
	return p;
}

/* A tenth is lost and each twenty are shuffled; libsrtp guesses the roll-over counter as the rule says. */
static unsigned lose_and_shuffle(u32 *order)
{
	u64 seed = 99;
	unsigned n = 0;
	for (u32 i = 0; i < N; i++)
		if (i == 0 || test_random(&seed) % 10)
			order[n++] = i;
	for (unsigned i = 1; i + 20 < n; i += 20) {
		for (unsigned k = 0; k < 19; k++) {
			unsigned a = i + k, b = i + k + (unsigned)(test_random(&seed) % (20 - k));
			u32 keep = order[a];
			order[a] = order[b];
			order[b] = keep;
		}
	}
	return n;
}

/* One of libsrtp's functions, which change packet and length. */
static void done(srtp_err_status_t (*fn)(srtp_t, void *, int *), srtp_t with, struct packet *p)
{
	int len = (int)p->len;
	assert_int_equal(fn(with, p->at, &len), srtp_err_status_ok);
	p->len = (u32)len;
}

static void rtp_to_libsrtp(struct between *t)
{
	static struct packet clear[N], sealed[N];
	u32 order[N];
	for (u32 i = 0; i < N; i++) {
		clear[i] = sealed[i] = rtp_packet(i);
		struct relay_crypt how = rtp_how(&clear[i], clear[i].len, (FIRST + i) >> 16);
		assert_true(seal_one(t->c, t->key, &sealed[i], &how));
	}
	unsigned n = lose_and_shuffle(order);
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &sealed[order[i]];
		done(srtp_unprotect, t->in, p);
		assert_same(p, &clear[order[i]]);
	}
}

static void rtp_from_libsrtp(struct between *t, const struct suite *s)
{
	for (u32 i = 0; i < N; i++) {
		struct packet clear = rtp_packet(i), p = clear;
		done(srtp_protect, t->out, &p);
		assert_int_equal(p.len, clear.len + s->tag);
		struct relay_crypt how = rtp_how(&p, p.len - s->tag, (FIRST + i) >> 16);
		assert_true(open_one(t->c, t->key, &p, &how));
		assert_same(&p, &clear);
	}
}

static void rtcp_to_libsrtp(struct between *t)
{
	for (u32 i = 0; i < 100; i++) {
		struct packet clear = rtcp_packet(i), p = clear;
		struct relay_crypt how = rtcp_how(&p, p.len, 1 + i * 1000, false);
		assert_true(seal_one(t->c, t->key, &p, &how));
		done(srtp_unprotect_rtcp, t->in, &p);
		assert_same(&p, &clear);
	}
}

/* The index word is before the tag, but with AEAD behind it. */
static u32 index_word(const struct packet *p, const struct suite *s)
{
	return word_at(p->at + p->len - 4 - (s->salt == 12 ? 0 : s->rtcp_tag));
}

static void rtcp_from_libsrtp(struct between *t, const struct suite *s, bool plain)
{
	for (u32 i = 0; i < 100; i++) {
		struct packet clear = rtcp_packet(i), p = clear;
		done(srtp_protect_rtcp, t->out, &p);
		u32 word = index_word(&p, s);
		assert_int_equal(word >> 31, !plain);
		struct relay_crypt how =
			rtcp_how(&p, p.len - 4 - s->rtcp_tag, word & 0x7fffffff, plain);
		assert_int_equal(how.len, clear.len);
		assert_true(open_one(t->c, t->key, &p, &how));
		assert_same(&p, &clear);
	}
}

static void test_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_SUITES * N_BACKENDS; i++) {
		const struct suite *s = &suites[i % N_SUITES];
		struct between t = begin(s, &backends[i / N_SUITES], false);
		rtp_to_libsrtp(&t);
		rtp_from_libsrtp(&t, s);
		rtcp_to_libsrtp(&t);
		rtcp_from_libsrtp(&t, s, false);
		end(&t);
	}
}

/* A call of years: the index takes all its 48 bits. */
static void test_large_roc(void **state)
{
	const u32 roc = 0xfedc1234;
	(void)state;
	for (unsigned i = 0; i < N_SUITES * N_BACKENDS; i++) {
		const struct suite *s = &suites[i % N_SUITES];
		struct between t = begin(s, &backends[i / N_SUITES], false);
		struct packet clear = rtp_packet(1), p = clear;
		done(srtp_protect, t.out, &p);
		p = clear = rtp_packet(2);
		assert_int_equal(srtp_set_stream_roc(t.out, SSRC, roc), srtp_err_status_ok);
		done(srtp_protect, t.out, &p);
		struct relay_crypt how = rtp_how(&p, p.len - s->tag, roc);
		assert_true(open_one(t.c, t.key, &p, &how));
		assert_same(&p, &clear);
		end(&t);
	}
}

static void test_plain_rtcp(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_SUITES * N_BACKENDS; i++) {
		const struct suite *s = &suites[i % N_SUITES];
		struct between t = begin(s, &backends[i / N_SUITES], true);
		rtcp_from_libsrtp(&t, s, true);
		end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_large_roc),
		cmocka_unit_test(test_plain_rtcp),
	};
	srtp_init();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	srtp_shutdown();
	return failed;
}
