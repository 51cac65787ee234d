/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "conf_priv.h"

static struct snapshot *snapshot_of(struct conf *c)
{
	return (struct snapshot *)((char *)c - offsetof(struct snapshot, conf));
}

struct conf *conf_get(struct conf *c)
{
	atomic_fetch_add_explicit(&snapshot_of(c)->refs, 1, memory_order_relaxed);
	return c;
}

void conf_put(struct conf *c)
{
	if (c && atomic_fetch_sub_explicit(&snapshot_of(c)->refs, 1, memory_order_acq_rel) == 1)
		arena_free(snapshot_of(c)->arena);
}

static int by_length_address_trunk(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	if (x->len != y->len)
		return x->len > y->len ? -1 : 1;
	if (x->ip != y->ip)
		return x->ip < y->ip ? -1 : 1;
	return x->trunk->index < y->trunk->index ? -1 : x->trunk->index > y->trunk->index;
}

static void add_sources(struct source_set *set, const struct conf_trunk *t)
{
	for (unsigned i = 0; i < t->n_sources; i++)
		set->source[set->n++] =
			(struct source){ ip4_of(&t->sources[i].addr), t->sources[i].len, t };
}

int snapshot_index(struct snapshot *s)
{
	const struct conf *c = &s->conf;
	size_t total = 0;

	s->by_network = arena_alloc(s->arena, c->n_networks * sizeof(*s->by_network));
	for (unsigned i = 0; i < c->n_trunks; i++)
		total += c->trunks[i].n_sources;
	for (unsigned i = 0; s->by_network && i < c->n_networks; i++) {
		struct source_set *set = &s->by_network[i];

		set->source = arena_alloc(s->arena, total * sizeof(*set->source));
		if (!set->source)
			return -ENOMEM;
		for (unsigned k = 0; k < c->n_trunks; k++)
			if (c->trunks[k].on == &c->networks[i] && c->trunks[k].host.family)
				add_sources(set, &c->trunks[k]);
		qsort(set->source, set->n, sizeof(*set->source), by_length_address_trunk);
	}
	return s->by_network ? 0 : -ENOMEM;
}

/* Position of the first source from `from` on that is shorter, or as long and not below `ip`. */
static unsigned first_not_before(const struct source_set *set, unsigned from, uint32_t ip,
				 uint8_t len)
{
	unsigned to = set->n;

	while (from < to) {
		unsigned mid = from + (to - from) / 2;
		const struct source *s = &set->source[mid];

		if (s->len > len || (s->len == len && s->ip < ip))
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

const struct conf_trunk *conf_trunk_of(const struct conf *c, unsigned network,
				       const struct addr *src)
{
	const struct snapshot *s =
		(const struct snapshot *)((const char *)c - offsetof(struct snapshot, conf));
	const struct source_set *set;
	unsigned at = 0;
	uint32_t ip;

	if (network >= c->n_networks || src->family != 4)
		return NULL;
	set = &s->by_network[network];
	ip = ip4_of(src);
	/* One search for each length that is in use: one or two as a rule. */
	while (at < set->n) {
		uint8_t len = set->source[at].len;
		uint32_t net = ip & ip4_mask(len);

		at = first_not_before(set, at, net, len);
		if (at < set->n && set->source[at].len == len && set->source[at].ip == net)
			return set->source[at].trunk;
		if (!len)
			break;
		at = first_not_before(set, at, 0, len - 1);
	}
	return NULL;
}
