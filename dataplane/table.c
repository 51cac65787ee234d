/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <rte_malloc.h>
#include "table.h"

#define SLOT_OCTETS (65536 * sizeof(uintptr_t))
#define RETIRED_MAX 8192
#define RETIRE_AT   64

struct retired {
	void *p;
	void (*release)(void *);
};

static void free_retired(void *arg, void *elem, unsigned n)
{
	const struct retired *r = elem;
	(void)arg;
	for (unsigned i = 0; i < n; i++)
		r[i].release(r[i].p);
}

int media_table_open(struct media_table *t, unsigned n_networks, unsigned workers)
{
	*t = (struct media_table){ .octets = n_networks * SLOT_OCTETS };
	/* Zero pages: only the ports in use take memory. */
	void *p = mmap(NULL, t->octets, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(p, t->octets, MADV_HUGEPAGE);
	for (unsigned i = 0; i < n_networks; i++)
		t->slot[i] = (_Atomic uintptr_t *)p + i * (SLOT_OCTETS / sizeof(uintptr_t));
	t->flows = slab_new(sizeof(struct dp_flow));
	if (!t->flows)
		return -ENOMEM;
	t->rcu = rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(workers), RTE_CACHE_LINE_SIZE);
	if (!t->rcu || rte_rcu_qsbr_init(t->rcu, workers))
		return -ENOMEM;
	struct rte_rcu_qsbr_dq_parameters dq = { .name = "retired",
						 .size = RETIRED_MAX,
						 .esize = sizeof(struct retired),
						 .trigger_reclaim_limit = RETIRE_AT,
						 .max_reclaim_size = RETIRED_MAX,
						 .free_fn = free_retired,
						 .v = t->rcu };
	t->retired = rte_rcu_qsbr_dq_create(&dq);
	return t->retired ? 0 : -ENOMEM;
}

void media_table_close(struct media_table *t)
{
	if (t->retired)
		rte_rcu_qsbr_dq_delete(t->retired);
	rte_free(t->rcu);
	slab_free(t->flows);
	if (t->slot[0])
		munmap((void *)t->slot[0], t->octets);
}

static _Atomic uintptr_t *slot_of(const struct media_table *t, const struct network *net, u16 port)
{
	return &t->slot[net->index][port];
}

struct place {
	const struct network *net;
	u16 port;
};

/* Where path [side][component] of a rule is found. Port 0: nowhere. */
static struct place place_of(const struct rule *rule, unsigned side, unsigned component)
{
	const struct flow_side *s = &rule->flow.side[side];
	return (struct place){ rule->net[side],
			       component == RELAY_RTP ? s->local.port : s->local_rtcp };
}

static bool has_place(const struct rule *rule, struct place p)
{
	for (unsigned i = 0; rule && i < 4; i++) {
		struct place at = place_of(rule, i / 2, i % 2);
		if (at.port == p.port && at.net == p.net)
			return true;
	}
	return false;
}

/* The places of `rule` but for those that `keep` (may be NULL) has, too. */
static void clear(struct media_table *t, const struct rule *rule, const struct rule *keep)
{
	for (unsigned i = 0; i < 4; i++) {
		struct place at = place_of(rule, i / 2, i % 2);
		if (at.port && !has_place(keep, at))
			atomic_store_explicit(slot_of(t, at.net, at.port), 0, memory_order_release);
	}
}

/* Has another direction of the rule the place of the i-th? */
static bool is_twice(const struct rule *rule, unsigned i)
{
	struct place at = place_of(rule, i / 2, i % 2);
	for (unsigned k = 0; k < i; k++) {
		struct place other = place_of(rule, k / 2, k % 2);
		if (other.port == at.port && other.net == at.net)
			return true;
	}
	return false;
}

int media_table_set(struct media_table *t, struct dp_flow *f, const struct rule *rule)
{
	for (unsigned i = 0; i < 4; i++) {
		struct place at = place_of(rule, i / 2, i % 2);
		struct path *there = at.port ? media_table_find(t, at.net->index, at.port) : NULL;
		if ((there && path_flow(there) != f) || (at.port && is_twice(rule, i)))
			return -EADDRINUSE;
	}
	for (unsigned i = 0; i < 4; i++) {
		struct place at = place_of(rule, i / 2, i % 2);
		const struct path *path = &f->path[i / 2][i % 2];
		if (at.port)
			atomic_store_explicit(slot_of(t, at.net, at.port),
					      (uintptr_t)path | path->owner, memory_order_release);
	}
	if (f->rule)
		clear(t, f->rule, rule);
	return 0;
}

void media_table_clear(struct media_table *t, struct dp_flow *f)
{
	clear(t, f->rule, NULL);
}

void media_table_retire(struct media_table *t, void *p, void (*release)(void *))
{
	struct retired r = { p, release };
	if (!p)
		return;
	if (rte_rcu_qsbr_dq_enqueue(t->retired, &r)) {
		/* Full: wait for the readers once, which frees all of it. */
		rte_rcu_qsbr_synchronize(t->rcu, RTE_QSBR_THRID_INVALID);
		media_table_reclaim(t);
		release(p);
	}
}

unsigned media_table_reclaim(struct media_table *t)
{
	unsigned freed, pending = 0, available;
	rte_rcu_qsbr_dq_reclaim(t->retired, RETIRED_MAX, &freed, &pending, &available);
	return pending;
}
