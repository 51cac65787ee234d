// SPDX-License-Identifier: GPL-2.0-only
/* Flows and rules, and their end. Those that are taken out of the table wait for a grace period together: while one is
 * under way the next ones gather. */
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include "sluice.h"

static struct kmem_cache *flows __ro_after_init, *rules __ro_after_init;

/* ---- rules ---- */

struct sluice_rule *rule_new(void)
{
	return kmem_cache_zalloc(rules, GFP_KERNEL);
}

void rule_free(struct sluice_rule *r)
{
	if (!r)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		sluice_key_put(r->in[i]);
		sluice_key_put(r->out[i]);
		sluice_key_put(r->old[i]);
	}
	memzero_explicit(r, sizeof(*r)); /* one that was refused still has its material */
	kmem_cache_free(rules, r);
}

static bool same_key(const struct flow_crypto *a, const struct flow_crypto *b)
{
	return a->number == b->number && a->suite == b->suite && a->mki_len == b->mki_len;
}

/* was, old: of the generation before, NULL where there is none. */
static int key_of(struct flow_crypto *now, const struct flow_crypto *was, struct sluice_key *old,
		  struct sluice_key **out)
{
	int err = 0;

	if (now->suite == FLOW_SUITE_NONE)
		*out = NULL;
	else if (old && same_key(now, was))
		*out = sluice_key_get(old);
	else
		err = sluice_key_new(now, out);
	memzero_explicit(now->rtp_key, sizeof(*now) - offsetof(struct flow_crypto, rtp_key));
	return err;
}

int rule_keys(struct sluice_rule *r, const struct sluice_rule *before)
{
	int err = 0;

	for (unsigned int i = 0; i < 2 && !err; i++) {
		struct flow_side *s = &r->flow.side[i];
		const struct flow_side *was = before ? &before->flow.side[i] : NULL;

		err = key_of(&s->in, was ? &was->in : NULL, before ? before->in[i] : NULL,
			     &r->in[i]);
		if (!err)
			err = key_of(&s->out, was ? &was->out : NULL,
				     before ? before->out[i] : NULL, &r->out[i]);
		if (err || !before || !r->in[i])
			continue;
		r->old[i] = r->in[i] == before->in[i] ? before->old[i] : before->in[i];
		if (r->old[i])
			sluice_key_get(r->old[i]);
	}
	return err;
}

/* ---- flows ---- */

static bool side_is_secure(const struct flow_side *s)
{
	return s->in.suite != FLOW_SUITE_NONE || s->out.suite != FLOW_SUITE_NONE;
}

int flow_expect(struct sluice_flow *f, const struct sluice_rule *rule)
{
	const struct flow_side *s = rule->flow.side;

	if (f->srtp || (!side_is_secure(&s[0]) && !side_is_secure(&s[1])))
		return 0;
	f->srtp = kcalloc(4, sizeof(*f->srtp), GFP_KERNEL_ACCOUNT);
	return f->srtp ? 0 : -ENOMEM;
}

static int init_paths(struct sluice_flow *f)
{
	int err = 0;

	for (unsigned int i = 0; i < 4; i++) {
		struct sluice_path *p = &f->path[i / 2][i % 2];

		p->flow = f;
		p->rtp = &f->path[i / 2][RELAY_RTP];
		p->rule = f->rule;
		INIT_LIST_HEAD(&p->opening);
		INIT_LIST_HEAD(&p->sealing);
		INIT_LIST_HEAD(&p->ticking);
		p->dir.srtp = f->srtp ? &f->srtp[i] : NULL;
		relay_dir_init(&p->dir, &f->rule->flow, i / 2, i % 2,
			       &f->path[!(i / 2)][i % 2].dir);
		p->dir.mate = &f->path[i / 2][!(i % 2)].dir;
		if (!err)
			err = dst_cache_init(&p->dst, GFP_KERNEL_ACCOUNT);
	}
	for (unsigned int i = 0; i < 4; i++)
		relay_dir_resume(&f->path[i / 2][i % 2].dir, f->created_us);
	return err;
}

static void free_flow(struct sluice_flow *f)
{
	struct sluice_net *sn = f->sn;

	for (unsigned int i = 0; i < 4; i++)
		dst_cache_destroy(&f->path[i / 2][i % 2].dst);
	rule_free(f->rule);
	kfree(f->srtp);
	kmem_cache_free(flows, f);
	sluice_net_give_place(sn);
	if (atomic_dec_and_test(&sn->alive))
		wake_up_var(&sn->alive);
}

struct sluice_flow *flow_new(struct sluice_net *sn, struct sluice_rule *rule)
{
	struct sluice_flow *f = kmem_cache_zalloc(flows, GFP_KERNEL);
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	if (!sluice_net_take_place(sn)) {
		kmem_cache_free(flows, f);
		return ERR_PTR(-EDQUOT);
	}
	atomic_inc(&sn->alive);
	f->sn = sn;
	f->created_us = sluice_now_us();
	spin_lock_init(&f->lock[0]); /* one for each: two kinds of lock, in that order */
	spin_lock_init(&f->lock[1]);
	refcount_set(&f->refs, 1);
	err = flow_expect(f, rule);
	if (!err) {
		f->rule = rule;
		err = init_paths(f);
	}
	if (!err)
		return f;
	f->rule = NULL;
	free_flow(f);
	return ERR_PTR(err);
}

static void lock_sides(struct sluice_flow *f) __acquires(&f->lock[0]) __acquires(&f->lock[1])
{
	spin_lock_bh(&f->lock[0]);
	spin_lock(&f->lock[1]);
}

static void unlock_sides(struct sluice_flow *f) __releases(&f->lock[1]) __releases(&f->lock[0])
{
	spin_unlock(&f->lock[1]);
	spin_unlock_bh(&f->lock[0]);
}

void flow_renew(struct sluice_flow *f, struct sluice_rule *rule)
{
	struct sluice_rule *old = f->rule;
	u64 now = sluice_now_us();
	struct sk_buff_head gone;

	__skb_queue_head_init(&gone);
	lock_sides(f);
	for (unsigned int i = 0; i < 4; i++) {
		struct sluice_path *p = &f->path[i / 2][i % 2];

		p->dir.srtp = f->srtp ? &f->srtp[i] : NULL;
		path_renew(p, rule, now, &gone);
	}
	f->rule = rule;
	unlock_sides(f);
	__skb_queue_purge(&gone);
	rule_free(old);
}

/* ---- the end ---- */

void flow_put(struct sluice_flow *f)
{
	if (refcount_dec_and_test(&f->refs))
		free_flow(f);
}

/* retire_lock is held. */
static void reap_next(struct sluice_net *sn)
{
	sn->reaping = !list_empty(&sn->retired);
	if (!sn->reaping)
		return;
	list_splice_init(&sn->retired, &sn->retiring);
	queue_rcu_work(system_wq, &sn->reaper);
}

void flow_reap_work(struct work_struct *work)
{
	struct sluice_net *sn = container_of(to_rcu_work(work), struct sluice_net, reaper);
	struct sluice_flow *f, *next;
	LIST_HEAD(free);

	spin_lock(&sn->retire_lock);
	list_splice_init(&sn->retiring, &free);
	reap_next(sn);
	spin_unlock(&sn->retire_lock);
	list_for_each_entry_safe(f, next, &free, retired) {
		flow_put(f);
		cond_resched();
	}
}

void flow_retire(struct sluice_flow *f)
{
	struct sluice_net *sn = f->sn;
	struct sk_buff_head gone;

	__skb_queue_head_init(&gone);
	lock_sides(f);
	f->dead = true;
	for (unsigned int i = 0; i < 4; i++)
		path_forget(&f->path[i / 2][i % 2], &gone);
	unlock_sides(f);
	__skb_queue_purge(&gone);
	spin_lock(&sn->retire_lock);
	list_add_tail(&f->retired, &sn->retired);
	if (!sn->reaping)
		reap_next(sn);
	spin_unlock(&sn->retire_lock);
}

/* ---- caches ---- */

int flow_caches_make(void)
{
	/* _ACCOUNT: whoever is root in a namespace of his own may ask for these */
	flows = KMEM_CACHE(sluice_flow, SLAB_ACCOUNT);
	rules = KMEM_CACHE(sluice_rule, SLAB_ACCOUNT);
	if (flows && rules)
		return 0;
	flow_caches_free();
	return -ENOMEM;
}

void flow_caches_free(void)
{
	kmem_cache_destroy(flows);
	kmem_cache_destroy(rules);
}
