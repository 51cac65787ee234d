// SPDX-License-Identifier: GPL-2.0-only
/* The cipher of sluice.ko by itself: key.c, cm.c and aead.c against OpenSSL's packets and the RFCs' vectors, with transforms that
 * answer at once, later or not at all. insmod fails where a test does; what was wrong is in the kernel's log, as TAP. */
#include <asm/fpu/api.h>
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "cipher_test.h"

struct key_text {
	u8 suite, mki_len;
	const char *rtp_key, *rtp_auth, *rtp_salt, *rtcp_key, *rtcp_auth, *rtcp_salt;
};

struct case_text {
	unsigned int key;
	struct relay_crypt how;
	const char *clear, *sealed;
};

#include "cases.h"

static bool bench;
module_param(bench, bool, 0444);
MODULE_PARM_DESC(bench, "count what the transforms and jobs take");

#define N_KEYS     ARRAY_SIZE(key_texts)
#define N_CASES    ARRAY_SIZE(case_texts)
#define HEADROOM   64
#define PACKET_MAX 1024

static const char *test_name;
static int test_n, failures;
static bool vectors_used; /* by what jobs interrupt: the accelerated transforms put them off */

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			if (failures++ < 20)                                                       \
				pr_err("# %s, line %d: %s\n", test_name, __LINE__, #what);         \
		}                                                                                  \
	} while (0)

/* ---- keys ---- */

static void hex(u8 *to, const char *from)
{
	CHECK(!hex2bin(to, from, strlen(from) / 2));
}

static int key_of(unsigned int i, struct sluice_key **out)
{
	const struct key_text *t = &key_texts[i];
	struct flow_crypto k = { .number = 1, .suite = t->suite, .mki_len = t->mki_len };

	hex(k.rtp_key, t->rtp_key);
	hex(k.rtp_auth, t->rtp_auth);
	hex(k.rtp_salt, t->rtp_salt);
	hex(k.rtcp_key, t->rtcp_key);
	hex(k.rtcp_auth, t->rtcp_auth);
	hex(k.rtcp_salt, t->rtcp_salt);
	return sluice_key_new(&k, out);
}

static struct sluice_key *keys[N_KEYS];

static void keys_make(enum test_way way)
{
	test_wrap.way = way;
	vectors_used = way == WAY_LATER || way == WAY_NO_SPARE;
	for (unsigned int i = 0; i < N_KEYS; i++)
		CHECK(!key_of(i, &keys[i]));
}

static void keys_put(void)
{
	for (unsigned int i = 0; i < N_KEYS; i++)
		sluice_key_put(keys[i]);
	sluice_keys_end();
	CHECK(!atomic_read(&test_wrap.transforms));
	CHECK(!atomic_read(&test_wrap.jobs));
	vectors_used = false;
}

/* ---- packets ---- */

struct packet {
	u32 len;
	u8 at[PACKET_MAX];
};

static void packet_of(struct packet *p, const char *text)
{
	p->len = strlen(text) / 2;
	CHECK(p->len <= sizeof(p->at));
	hex(p->at, text);
}

static struct sk_buff *skb_of(const struct packet *p, u32 tail)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + p->len + tail, GFP_KERNEL);

	skb_reserve(skb, HEADROOM);
	skb_put_data(skb, p->at, p->len);
	return skb;
}

static bool same(const struct sk_buff *skb, const struct packet *p)
{
	return skb->len == p->len && !memcmp(skb->data, p->at, p->len);
}

struct run {
	struct completion end;
	struct sluice_job *job;
	int err;
};

static DEFINE_SPINLOCK(side_lock); /* jobs run under one like it */
static atomic_t later;

static void answered(struct sluice_job *job, int err)
{
	struct run *r = (void *)job->path;

	CHECK(softirq_count());
	r->err = err;
	atomic_inc(&later);
	complete(&r->end);
}

static void begin(struct run *r, struct sluice_key *key, const struct relay_crypt *how,
		  struct sk_buff *skb, bool sealing)
{
	init_completion(&r->end);
	r->job = job_new(key);
	r->job->how = *how;
	r->job->skb = skb;
	r->job->done = answered;
	r->job->sealing = sealing;
	r->job->path = (void *)r;
	if (vectors_used)
		kernel_fpu_begin();
	spin_lock_bh(&side_lock);
	int err = job_run(r->job);
	if (err != -EINPROGRESS)
		r->err = err;
	spin_unlock_bh(&side_lock);
	if (vectors_used)
		kernel_fpu_end();
	if (err != -EINPROGRESS)
		complete(&r->end);
}

static int end(struct run *r)
{
	CHECK(wait_for_completion_timeout(&r->end, 20 * HZ));
	job_free(r->job);
	return r->err;
}

static int run(struct sluice_key *key, const struct relay_crypt *how, struct sk_buff *skb,
	       bool sealing)
{
	struct run r;

	begin(&r, key, how, skb, sealing);
	return end(&r);
}

/* ---- one case ---- */

struct both {
	struct packet clear, sealed, bad;
};

static void check_seal(const struct case_text *t, const struct both *b)
{
	struct sk_buff *skb = skb_of(&b->clear, KEY_OVERHEAD);

	CHECK(!run(keys[t->key], &t->how, skb, true));
	CHECK(same(skb, &b->sealed));
	kfree_skb(skb);
}

static void check_open(const struct case_text *t, const struct both *b)
{
	struct sk_buff *skb = skb_of(&b->sealed, 0);

	CHECK(!run(keys[t->key], &t->how, skb, false));
	CHECK(same(skb, &b->clear));
	kfree_skb(skb);
}

/* One bit of it turned: it stays what it was. */
static int check_wrong(const struct case_text *t, struct both *b, u32 bit)
{
	struct sk_buff *skb;
	int err;

	b->bad = b->sealed;
	b->bad.at[bit / 8] ^= 1 << bit % 8;
	skb = skb_of(&b->bad, 0);
	err = run(keys[t->key], &t->how, skb, false);
	CHECK(err == -EBADMSG || err == -EIO);
	CHECK(err != -EBADMSG || same(skb, &b->bad));
	kfree_skb(skb);
	return err;
}

/* `every`: one bit of so many is turned. */
static void check_case(const struct case_text *t, u32 every)
{
	struct both *b = kmalloc(sizeof(*b), GFP_KERNEL);
	u8 mki_len = key_texts[t->key].mki_len;

	packet_of(&b->clear, t->clear);
	packet_of(&b->sealed, t->sealed);
	if (!mki_len && !t->how.plain)
		check_seal(t, b);
	check_open(t, b);
	for (u32 bit = t->how.index % every; !mki_len && bit < b->sealed.len * 8; bit += every)
		CHECK(check_wrong(t, b, bit) == -EBADMSG);
	kfree(b);
}

static void check_cases(u32 every)
{
	for (unsigned int i = 0; i < N_CASES; i++)
		check_case(&case_texts[i], every);
}

/* ---- tests ---- */

static void test_best(void)
{
	keys_make(WAY_BEST);
	check_cases(57);
	keys_put();
}

static void test_at_once(void)
{
	keys_make(WAY_AT_ONCE);
	atomic_set(&later, 0);
	check_cases(57);
	CHECK(!atomic_read(&later));
	keys_put();
}

static void test_later(void)
{
	keys_make(WAY_LATER);
	atomic_set(&later, 0);
	check_cases(157);
	CHECK(atomic_read(&later) > N_CASES);
	keys_put();
}

static void test_interrupted(void)
{
	keys_make(WAY_BEST);
	atomic_set(&later, 0);
	vectors_used = true;
	check_cases(157);
	CHECK(atomic_read(&later) > N_CASES);
	keys_put();
}

static void test_vectors(void)
{
	keys_make(WAY_BEST);
	for (unsigned int i = 0; i < N_CASES;
	     i++) /* those of the RFCs have a key each, behind ours */
		if (i >= N_CASES - 6)
			check_case(&case_texts[i], 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(stream_texts); i++) {
		const struct case_text *t = &stream_texts[i];
		struct both *b = kmalloc(sizeof(*b), GFP_KERNEL);
		struct sk_buff *skb;

		packet_of(&b->clear, t->clear);
		packet_of(&b->sealed, t->sealed);
		skb = skb_of(&b->clear, KEY_OVERHEAD);
		CHECK(!run(keys[t->key], &t->how, skb, true));
		CHECK(skb->len == b->sealed.len + 10);
		CHECK(!memcmp(skb->data, b->sealed.at, b->sealed.len));
		kfree_skb(skb);
		kfree(b);
	}
	keys_put();
}

#define MANY 1500 /* more than cryptd's queue of 1000 */

/* So many that the queue of those that answer later is full: what is refused there the other ones do, at once; without
 * them it fails, and nothing else does. */
static void check_full(enum test_way way, unsigned int key)
{
	const struct case_text *t = case_texts;
	struct both *b = kmalloc(sizeof(*b), GFP_KERNEL);
	struct run *r = vzalloc(MANY * sizeof(*r));
	struct sk_buff **skb = vzalloc(MANY * sizeof(*skb));
	unsigned int refused = 0;

	while (t->key != key || t->how.plain)
		t++;
	keys_make(way);
	packet_of(&b->clear, t->clear);
	packet_of(&b->sealed, t->sealed);
	for (unsigned int i = 0; i < MANY; i++)
		skb[i] = skb_of(i % 2 ? &b->clear : &b->sealed, KEY_OVERHEAD);
	atomic_set(&later, 0);
	local_bh_disable();
	for (unsigned int i = 0; i < MANY; i++)
		begin(&r[i], keys[key], &t->how, skb[i], i % 2);
	local_bh_enable();
	for (unsigned int i = 0; i < MANY; i++) {
		int err = end(&r[i]);

		refused += err == -ENOSPC;
		CHECK(!err || err == -ENOSPC);
		CHECK(err || same(skb[i], i % 2 ? &b->sealed : &b->clear));
		kfree_skb(skb[i]);
	}
	CHECK(atomic_read(&later) && atomic_read(&later) < MANY);
	CHECK(refused == (way == WAY_NO_SPARE ? MANY - atomic_read(&later) : 0));
	keys_put();
	vfree(r);
	vfree(skb);
	kfree(b);
}

static void test_full(void)
{
	check_full(WAY_LATER, 0);
	check_full(WAY_LATER, 12);
	check_full(WAY_NO_SPARE, 0);
	check_full(WAY_NO_SPARE, 12);
}

/* Drivers differ in what they leave of AEAD whose tag is wrong. */
static void check_left(enum test_wrong wrong, int want)
{
	struct both *b = kmalloc(sizeof(*b), GFP_KERNEL);

	test_wrap.wrong = wrong;
	for (unsigned int i = 0; i < N_CASES; i++) {
		const struct case_text *t = &case_texts[i];

		packet_of(&b->sealed, t->sealed);
		if (key_texts[t->key].suite < FLOW_SUITE_AEAD_AES_128_GCM || t->how.plain ||
		    key_texts[t->key].mki_len || t->how.len <= t->how.clear)
			continue;
		CHECK(check_wrong(t, b, b->sealed.len * 8 - 40) == want);
	}
	test_wrap.wrong = WRONG_AS_IS;
	kfree(b);
}

static void test_left(void)
{
	keys_make(WAY_AT_ONCE);
	check_left(WRONG_UNTOUCHED, -EBADMSG);
	check_left(WRONG_GONE, -EIO);
	keys_put();
}

/* Every owner may go while a job is under way: the job has the key. */
static void test_owner_goes(void)
{
	static const unsigned int of[] = { 0, 12 };

	for (unsigned int i = 0; i < ARRAY_SIZE(of); i++) {
		const struct case_text *t = case_texts;
		struct both *b = kmalloc(sizeof(*b), GFP_KERNEL);
		struct sluice_key *key;
		struct sk_buff *skb;
		struct run r;

		while (t->key != of[i])
			t++;
		test_wrap.way = WAY_LATER;
		vectors_used = true;
		CHECK(!key_of(of[i], &key));
		packet_of(&b->sealed, t->sealed);
		packet_of(&b->clear, t->clear);
		skb = skb_of(&b->sealed, 0);
		begin(&r, key, &t->how, skb, false);
		CHECK(sluice_key_get(key) == key);
		sluice_key_put(key);
		sluice_key_put(key);
		CHECK(!end(&r));
		CHECK(same(skb, &b->clear));
		kfree_skb(skb);
		kfree(b);
		vectors_used = false;
		sluice_keys_end();
		CHECK(!atomic_read(&test_wrap.transforms));
	}
}

/* Each allocation fails once. */
static void test_memory(void)
{
	static const unsigned int of[] = { 0, 12 };

	for (enum test_way way = WAY_BEST; way <= WAY_LATER; way++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(of); i++) {
			struct sluice_key *key = NULL;
			int err = -ENOMEM;

			test_wrap.way = way;
			for (int at = 1; err && at < 20; at++) {
				atomic_set(&test_wrap.asked, 0);
				test_wrap.fail_at = at;
				err = key_of(of[i], &key);
				CHECK(!err == !!key);
				CHECK(!err || err == -ENOMEM);
				CHECK(!err || !atomic_read(&test_wrap.transforms));
			}
			test_wrap.fail_at = 0;
			CHECK(!err);
			test_wrap.no_jobs = true;
			CHECK(!job_new(key));
			test_wrap.no_jobs = false;
			sluice_key_put(key);
			sluice_keys_end();
			CHECK(!atomic_read(&test_wrap.transforms));
		}
	}
}

static void test_refused(void)
{
	struct flow_crypto none = { .suite = FLOW_SUITE_NONE }, odd = { .suite = FLOW_SUITE_COUNT };
	struct sluice_key *key = (void *)1;

	CHECK(sluice_key_new(&none, &key) == -EINVAL && !key);
	CHECK(sluice_key_new(&odd, &key) == -EINVAL && !key);
	CHECK(!sluice_key_get(NULL));
	sluice_key_put(NULL);
}

/* Lengths that do not fit are neither read nor written. */
static void test_room(void)
{
	static const u8 overhead[] = { 10, 4, 10, 4, 16, 16 };

	keys_make(WAY_BEST);
	for (unsigned int i = 0; i < 6; i++) {
		struct sluice_key *key = keys[3 * i];
		struct packet *p = kzalloc(sizeof(*p), GFP_KERNEL);
		struct relay_crypt how = { .ssrc = 1, .len = 100, .clear = 12 };
		struct sk_buff *skb;

		p->len = 100;
		skb = skb_of(p, 0);
		skb_put(skb, skb_tailroom(skb) - (overhead[i] - 1));
		how.clear = 12;
		u32 len = how.len = skb->len;
		CHECK(run(key, &how, skb, true) == -EMSGSIZE && skb->len == len);
		skb_trim(skb, --len);
		how.len = len;
		CHECK(!run(key, &how, skb, true) && skb->len == len + overhead[i]);
		how.len++;
		CHECK(run(key, &how, skb, false) == -EMSGSIZE);
		how.len--;
		how.clear = len + 1;
		CHECK(run(key, &how, skb, false) == -EMSGSIZE);
		how.clear = 12;
		how.is_rtcp = 1;
		CHECK(run(key, &how, skb, false) == -EMSGSIZE);
		how.is_rtcp = 0;
		CHECK(!run(key, &how, skb, false) && skb->len == len);
		kfree_skb(skb);
		kfree(p);
	}
	keys_put();
}

/* Keys are read alone: all CPUs use the same ones. */
static void work_cases(struct work_struct *work)
{
	check_cases(571);
}

static void test_all_cpus(void)
{
	struct work_struct *work = kcalloc(nr_cpu_ids, sizeof(*work), GFP_KERNEL);
	int cpu;

	for (enum test_way way = WAY_BEST; way <= WAY_LATER; way++) {
		keys_make(way);
		for_each_online_cpu(cpu)
		{
			INIT_WORK(&work[cpu], work_cases);
			schedule_work_on(cpu, &work[cpu]);
		}
		for_each_online_cpu(cpu) flush_work(&work[cpu]);
		keys_put();
	}
	kfree(work);
}

/* A job takes the memory of the one before it; the first one allocates once. (KASAN wants to see each.) */
static void test_once(void)
{
	keys_make(WAY_BEST);
	atomic_set(&test_wrap.allocated, 0);
	for (unsigned int i = 0; i < N_CASES; i++) {
		struct both *b = kmalloc(sizeof(*b), GFP_KERNEL);

		packet_of(&b->clear, case_texts[i].clear);
		packet_of(&b->sealed, case_texts[i].sealed);
		check_open(&case_texts[i], b);
		kfree(b);
	}
	CHECK(atomic_read(&test_wrap.allocated) <=
	      (IS_ENABLED(CONFIG_KASAN) ? N_CASES : N_CASES / 10));
	keys_put();
}

/* ---- all of them ---- */

static void test(const char *name, void (*f)(void))
{
	int before = failures;

	test_name = name;
	f();
	pr_info("%s %d - %s\n", failures == before ? "ok" : "not ok", ++test_n, name);
}

static int __init cipher_init(void)
{
	test("vectors of the RFCs", test_vectors);
	test("packets of OpenSSL", test_best);
	test("transforms that answer at once", test_at_once);
	test("transforms that answer later", test_later);
	test("vector registers in use", test_interrupted);
	test("full queue", test_full);
	test("what is left of a wrong packet", test_left);
	test("owner goes first", test_owner_goes);
	test("no memory", test_memory);
	test("no such suite", test_refused);
	test("room", test_room);
	test("all CPUs", test_all_cpus);
	test("one allocation", test_once);
	pr_info("1..%d\n", test_n);
	if (bench)
		cipher_bench();
	return failures ? -EIO : 0;
}

static void __exit cipher_exit(void)
{
	sluice_keys_end();
}

module_init(cipher_init);
module_exit(cipher_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("test of sluice's SRTP cipher");
