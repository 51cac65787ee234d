/* SPDX-License-Identifier: Apache-2.0 */
/* Calls at once. The counters are the one thing that shards share beside the configuration, so they
 * are atomic; no order between them is needed (relaxed), only that none passes its limit. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "policy/policy.h"

struct call_limits {
	unsigned n_trunks, n_routes;
	_Atomic uint32_t count[]; /* trunks, then routes */
};

struct call_limits *call_limits_new(const struct conf *conf)
{
	size_t n = (size_t)conf->n_trunks + conf->n_routes;
	struct call_limits *l = calloc(1, sizeof(*l) + n * sizeof(l->count[0]));

	if (!l)
		return NULL;
	l->n_trunks = conf->n_trunks;
	l->n_routes = conf->n_routes;
	return l;
}

void call_limits_free(struct call_limits *l)
{
	free(l);
}

unsigned call_limits_trunk(const struct call_limits *l, unsigned trunk)
{
	if (trunk >= l->n_trunks)
		return 0;
	return atomic_load_explicit(&l->count[trunk], memory_order_relaxed);
}

static bool take(_Atomic uint32_t *count, uint32_t max)
{
	uint32_t n = atomic_load_explicit(count, memory_order_relaxed);

	do {
		if (n >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(count, &n, n + 1, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static void give(_Atomic uint32_t *count)
{
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

int call_limits_take(struct call_limits *l, const struct conf_route *r)
{
	if (!take(&l->count[l->n_trunks + r->index], r->at_most))
		return -EBUSY;
	if (!take(&l->count[r->from->index], r->from->max_calls))
		goto no_from;
	if (!take(&l->count[r->to->index], r->to->max_calls))
		goto no_to;
	return 0;
no_to:
	give(&l->count[r->from->index]);
no_from:
	give(&l->count[l->n_trunks + r->index]);
	return -EBUSY;
}

void call_limits_give(struct call_limits *l, const struct conf_route *r)
{
	give(&l->count[r->to->index]);
	give(&l->count[r->from->index]);
	give(&l->count[l->n_trunks + r->index]);
}
