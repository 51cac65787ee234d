/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts of packets of all suites, RTP and RTCP, of random lengths: every backend makes the same octets of them and takes
 * them back; and what is not authentic stays what it was. */
#include "crypto/crypto_test.h"

#define N 150 /* more than a backend takes at once */

struct burst {
	struct packet packet[N], sealed[N];
	struct relay_crypt how[N];
	struct crypto_job job[N];
	u8 suite[N];
};

struct side {
	struct crypto *c;
	struct crypto_key *key[N_SUITES];
};

static struct side side_of(const struct backend *b, u64 seed, u8 mki_len)
{
	struct side s = { .c = crypto_new_of(b->is) };
	assert_non_null(s.c);
	for (unsigned i = 0; i < N_SUITES; i++) {
		u8 master[46];
		fill_random(&seed, master, sizeof(master));
		struct flow_crypto k = session_keys(&suites[i], master);
		k.mki_len = mki_len;
		assert_int_equal(crypto_key_new(s.c, &k, &s.key[i]), 0);
	}
	return s;
}

static void side_end(struct side *s)
{
	for (unsigned i = 0; i < N_SUITES; i++)
		crypto_key_put(s->key[i]);
	crypto_free(s->c);
}

/* With CSRCs and an extension here and there; a payload may be empty. */
static void make_rtp(u64 *seed, struct packet *p, struct relay_crypt *how)
{
	u8 csrcs = test_random(seed) % 4 ? 0 : test_random(seed) % 16;
	u8 words = test_random(seed) % 4 ? 0 : test_random(seed) % 8;
	bool extension = words || test_random(seed) % 8 == 0;
	u32 n = 12 + 4u * csrcs;
	fill_random(seed, p->at, sizeof(p->at));
	p->at[0] = (u8)(0x80 | extension << 4 | csrcs);
	if (extension) {
		p->at[n + 2] = 0;
		p->at[n + 3] = words;
		n += 4 + 4u * words;
	}
	p->len = n + (u32)(test_random(seed) % 8 ? test_random(seed) % 400 : test_random(seed) % 3);
	*how = rtp_how(p, p->len, (u32)test_random(seed));
}

static void make_rtcp(u64 *seed, struct packet *p, struct relay_crypt *how)
{
	fill_random(seed, p->at, sizeof(p->at));
	p->at[0] = 0x80;
	p->at[1] = 200;
	p->len = 8 + 4 * (u32)(test_random(seed) % 40);
	*how = rtcp_how(p, p->len, (u32)test_random(seed) & 0x7fffffff, false);
}

static void make(struct burst *b, u64 seed)
{
	for (unsigned i = 0; i < N; i++) {
		b->suite[i] = (u8)(test_random(&seed) % N_SUITES);
		if (test_random(&seed) % 4)
			make_rtp(&seed, &b->packet[i], &b->how[i]);
		else
			make_rtcp(&seed, &b->packet[i], &b->how[i]);
	}
}

static void seal(struct burst *b, const struct side *s)
{
	for (unsigned i = 0; i < N; i++) {
		b->sealed[i] = b->packet[i];
		b->job[i] = (struct crypto_job){ s->key[b->suite[i]], &b->how[i], b->sealed[i].at,
						 b->packet[i].len, PACKET_MAX };
	}
	crypto_seal(s->c, b->job, N);
	for (unsigned i = 0; i < N; i++) {
		const struct suite *suite = &suites[b->suite[i]];
		u32 more = b->how[i].is_rtcp ? 4u + suite->rtcp_tag : suite->tag;
		assert_true(b->job[i].right);
		assert_int_equal(b->job[i].len, b->packet[i].len + more);
		assert_true(more <= CRYPTO_OVERHEAD_MAX);
		b->sealed[i].len = b->job[i].len;
	}
}

/* Of the sealed ones, each third with one bit turned. */
static void open_and_check(struct burst *b, const struct side *s, u64 seed)
{
	static struct packet before[N];
	for (unsigned i = 0; i < N; i++) {
		u32 bit = (u32)(test_random(&seed) % (b->sealed[i].len * 8));
		if (i % 3 == 0)
			b->sealed[i].at[bit / 8] ^= (u8)(1 << bit % 8);
		before[i] = b->sealed[i];
		b->job[i] = (struct crypto_job){ .key = s->key[b->suite[i]],
						 .how = &b->how[i],
						 .octets = b->sealed[i].at,
						 .len = b->sealed[i].len };
	}
	crypto_open(s->c, b->job, N);
	for (unsigned i = 0; i < N; i++) {
		const struct packet *p = &b->sealed[i];
		assert_int_equal(b->job[i].right, i % 3 != 0);
		if (b->job[i].right)
			assert_memory_equal(p->at, b->packet[i].at, b->packet[i].len);
		else
			assert_memory_equal(p->at, before[i].at, PACKET_MAX);
	}
}

static void test_bursts(void **state)
{
	static struct burst b, reference;
	struct side s[N_BACKENDS];
	(void)state;
	for (unsigned i = 0; i < N_BACKENDS; i++)
		s[i] = side_of(&backends[i], 4711, 0);
	for (u64 seed = 1; seed <= 40; seed++) {
		make(&reference, seed);
		seal(&reference, &s[0]);
		for (unsigned i = 0; i < N_BACKENDS; i++) {
			make(&b, seed);
			seal(&b, &s[i]);
			for (unsigned k = 0; k < N; k++)
				assert_same(&b.sealed[k], &reference.sealed[k]);
			open_and_check(&b, &s[i], seed);
		}
	}
	for (unsigned i = 0; i < N_BACKENDS; i++)
		side_end(&s[i]);
}

/* ---- what only comes in ---- */

/* Puts an MKI where RFC 3711 3.1 and RFC 7714 have it. */
static void insert_mki(struct packet *p, const struct suite *s, bool rtcp, u8 mki_len)
{
	bool gcm = s->salt == 12;
	u32 behind = gcm ? 0 : rtcp ? s->rtcp_tag : s->tag;
	memmove(p->at + p->len - behind + mki_len, p->at + p->len - behind, behind);
	memset(p->at + p->len - behind, 0xa5, mki_len);
	p->len += mki_len;
}

static void test_mki(void **state)
{
	static struct burst b;
	(void)state;
	for (unsigned i = 0; i < 4 * N_BACKENDS; i++) {
		struct side out = side_of(&backends[i / 4], 99, 0);
		struct side in = side_of(&backends[i / 4], 99, (u8)(i % 4 * 42 + 1));
		make(&b, 7 + i);
		seal(&b, &out);
		for (unsigned k = 0; k < N; k++)
			insert_mki(&b.sealed[k], &suites[b.suite[k]], b.how[k].is_rtcp,
				   (u8)(i % 4 * 42 + 1));
		for (unsigned k = 0; k < N; k++) {
			assert_true(open_one(in.c, in.key[b.suite[k]], &b.sealed[k], &b.how[k]));
			assert_same(&b.sealed[k], &b.packet[k]);
		}
		side_end(&in);
		side_end(&out);
	}
}

/* E bit 0. libsrtp and the vectors say what it looks like; here that it stays what it was when it is wrong. */
static void test_plain_wrong(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_BACKENDS * N_SUITES; i++) {
		struct side s = side_of(&backends[i / N_SUITES], 5, 0);
		struct packet p = { .len = 8 + 24 + 4 + suites[i % N_SUITES].rtcp_tag };
		u64 seed = i + 1;
		fill_random(&seed, p.at, p.len);
		struct relay_crypt how = rtcp_how(&p, 32, 77, true);
		struct packet was = p;
		assert_false(open_one(s.c, s.key[i % N_SUITES], &p, &how));
		assert_same(&p, &was);
		side_end(&s);
	}
}

/* Lengths that do not fit are neither read nor written. */
static void test_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_BACKENDS * N_SUITES; i++) {
		const struct suite *suite = &suites[i % N_SUITES];
		struct side s = side_of(&backends[i / N_SUITES], 5, 0);
		struct packet p = { .at = { 0x80 }, .len = 100 };
		struct relay_crypt how = rtp_how(&p, p.len, 0);
		u8 *tight = malloc(100 + suite->tag);
		memcpy(tight, p.at, 100);
		struct crypto_job job = { s.key[i % N_SUITES], &how, tight, 100,
					  99u + suite->tag,    true };
		crypto_seal(s.c, &job, 1);
		assert_false(job.right);
		assert_memory_equal(tight, p.at, 100);
		job.room++;
		crypto_seal(s.c, &job, 1);
		assert_true(job.right);
		job.len--;
		crypto_open(s.c, &job, 1);
		assert_false(job.right);
		job.len++;
		how.clear = 101;
		crypto_open(s.c, &job, 1);
		assert_false(job.right);
		how.clear = 12;
		crypto_open(s.c, &job, 1);
		assert_true(job.right);
		assert_memory_equal(tight, p.at, 100);
		free(tight);
		side_end(&s);
	}
}

static void test_keys(void **state)
{
	struct crypto *c = crypto_new();
	struct flow_crypto none = { .suite = FLOW_SUITE_NONE }, odd = { .suite = FLOW_SUITE_COUNT };
	struct crypto_key *key;
	(void)state;
	assert_int_equal(crypto_key_new(c, &none, &key), -EINVAL);
	assert_null(key);
	assert_int_equal(crypto_key_new(c, &odd, &key), -EINVAL);
	crypto_key_put(NULL);
	assert_null(crypto_key_get(NULL));
	assert_non_null(crypto_name(c));
	crypto_free(c);
	crypto_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts),      cmocka_unit_test(test_mki),
		cmocka_unit_test(test_plain_wrong), cmocka_unit_test(test_room),
		cmocka_unit_test(test_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
