// SPDX-License-Identifier: GPL-2.0-only
/* Keys and jobs of the SRTP cipher: their life, and the way of a job through transforms that answer now or later.
 *
 * job_run() asks the transform and gets an answer at once, mostly; or -EINPROGRESS, when the CPU's vector registers are in use
 * by what was interrupted, or a device does the work. Then the callback goes on where it stopped. */
#include <linux/delay.h>
#include <linux/workqueue.h>
#include "key_priv.h"

/* Keys whose last owner is gone, until keys_work frees them; and how many there are at all. */
static LLIST_HEAD(keys_gone);
static atomic_t keys_left = ATOMIC_INIT(0);

/* The job that was freed last on each CPU, for the next one: a fresh one is zeroed first where the kernel was told to
 * (init_on_alloc), which takes longer than all that a job does itself. */
static DEFINE_PER_CPU(struct key_job *, spare_job);

static const struct {
	const struct key_kind *kind;
	u8 key, salt, tag[2]; /* tag: of RTP, of RTCP */
} suites[FLOW_SUITE_COUNT] = {
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_80] = { &key_cm, 16, 14, { 10, 10 } },
	[FLOW_SUITE_AES_CM_128_HMAC_SHA1_32] = { &key_cm, 16, 14, { 4, 10 } },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_80] = { &key_cm, 32, 14, { 10, 10 } },
	[FLOW_SUITE_AES_CM_256_HMAC_SHA1_32] = { &key_cm, 32, 14, { 4, 10 } },
	[FLOW_SUITE_AEAD_AES_128_GCM] = { &key_aead, 16, 12, { GCM_TAG, GCM_TAG } },
	[FLOW_SUITE_AEAD_AES_256_GCM] = { &key_aead, 32, 12, { GCM_TAG, GCM_TAG } },
};

/* ---- keys ---- */

static void key_free(struct sluice_key *key)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(key->part); i++)
		key->kind->end(&key->part[i]);
	kfree_sensitive(key);
	atomic_dec(&keys_left);
}

/* Freeing a transform may sleep. */
static void keys_free(struct work_struct *work)
{
	struct llist_node *all = llist_del_all(&keys_gone);
	struct sluice_key *key, *next;

	llist_for_each_entry_safe(key, next, all, gone)
		key_free(key);
}

static DECLARE_WORK(keys_work, keys_free);

static int key_expand(struct sluice_key *key, const struct flow_crypto *m)
{
	int err = key->kind->make(key, &key->part[0], m->rtp_key, m->rtp_auth);

	if (!err)
		err = key->kind->make(key, &key->part[1], m->rtcp_key, m->rtcp_auth);
	if (err)
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	key->job_octets = sizeof(struct key_job) + max(key->kind->request_octets(&key->part[0]),
						       key->kind->request_octets(&key->part[1]));
	return 0;
}

int sluice_key_new(const struct flow_crypto *m, struct sluice_key **out)
{
	struct sluice_key *key;
	int err;

	*out = NULL;
	if (m->suite == FLOW_SUITE_NONE || m->suite >= FLOW_SUITE_COUNT)
		return -EINVAL;
	key = kzalloc(sizeof(*key), GFP_KERNEL);
	if (!key)
		return -ENOMEM;
	atomic_inc(&keys_left);
	refcount_set(&key->refs, 1);
	key->kind = suites[m->suite].kind;
	key->key_len = suites[m->suite].key;
	key->mki_len = m->mki_len;
	memcpy(key->tag_len, suites[m->suite].tag, sizeof(key->tag_len));
	memcpy(key->salt[0], m->rtp_salt, suites[m->suite].salt);
	memcpy(key->salt[1], m->rtcp_salt, suites[m->suite].salt);
	err = key_expand(key, m);
	if (err)
		key_free(key);
	else
		*out = key;
	return err;
}

/* The kernel loads a cipher, and tests it, when it is first asked for: that may take seconds, in which a call would wait. */
int sluice_keys_begin(void)
{
	for (u8 suite = FLOW_SUITE_NONE + 1; suite < FLOW_SUITE_COUNT; suite++) {
		const struct flow_crypto nothing = { .suite = suite };
		struct sluice_key *key;
		int err = sluice_key_new(&nothing, &key);

		if (err)
			return err;
		sluice_key_put(key);
	}
	return 0;
}

struct sluice_key *sluice_key_get(struct sluice_key *key)
{
	if (key)
		refcount_inc(&key->refs);
	return key;
}

void sluice_key_put(struct sluice_key *key)
{
	if (key && refcount_dec_and_test(&key->refs) && llist_add(&key->gone, &keys_gone))
		schedule_work(&keys_work);
}

void sluice_keys_end(void)
{
	int cpu;

	while (atomic_read(&keys_left)) { /* a device may have some for a while */
		flush_work(&keys_work);
		if (atomic_read(&keys_left))
			msleep(20);
	}
	flush_work(&keys_work);
	synchronize_rcu(); /* who put the last one has BH disabled until it has left */
	for_each_possible_cpu(cpu)
		kfree(xchg(per_cpu_ptr(&spare_job, cpu), NULL));
}

/* ---- jobs ---- */

struct sluice_job *job_new(struct sluice_key *key)
{
	struct key_job *j = this_cpu_xchg(spare_job, NULL);

	if (!j || j->octets < key->job_octets) {
		kfree(j);
		j = kmalloc(key->job_octets, GFP_ATOMIC);
		if (!j)
			return NULL;
		j->octets = key->job_octets;
	}
	j->job.key = sluice_key_get(key);
	return &j->job;
}

void job_free(struct sluice_job *job)
{
	struct key_job *j = container_of(job, struct key_job, job);

	sluice_key_put(job->key);
	if (!IS_ENABLED(CONFIG_KASAN)) /* which sees who uses one that is freed */
		j = this_cpu_xchg(spare_job, j);
	kfree(j);
}

/* The octets of the packet are where relay_open() said. */
static bool fits(const struct key_job *j)
{
	const struct relay_crypt *h = &j->job.how;
	const struct sk_buff *skb = j->job.skb;
	u32 more = key_tag_len(j) + (h->is_rtcp ? RTCP_WORD : 0);

	if (skb_is_nonlinear(skb) || (h->is_rtcp && h->clear != RTCP_CLEAR))
		return false;
	if (j->job.sealing)
		return h->clear <= skb->len && more <= skb_tailroom(skb);
	return h->clear <= h->len && (u64)h->len + more + j->job.key->mki_len <= skb->len;
}

int job_run(struct sluice_job *job)
{
	struct key_job *j = container_of(job, struct key_job, job);

	if (!fits(j))
		return -EMSGSIZE;
	return job->sealing ? job->key->kind->seal(j) : job->key->kind->open(j);
}

void key_answered(compat_crypto_answer *answer, int err)
{
	struct key_job *j = compat_crypto_asker(answer);

	if (err == -EINPROGRESS) /* it only says that it begins */
		return;
	local_bh_disable(); /* a device's driver may answer from a thread */
	err = j->then(j, err);
	if (err != -EINPROGRESS)
		j->job.done(&j->job, err);
	local_bh_enable();
}
