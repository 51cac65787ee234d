/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static void wipe(struct conf_login *l)
{
	if (l->password)
		explicit_bzero((char *)l->password, strlen(l->password));
}

void conf_put(struct conf *c)
{
	if (!c || atomic_fetch_sub_explicit(&snapshot_of(c)->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < c->n_trunks; i++) {
		wipe(&c->trunks[i].login);
		wipe(&c->trunks[i].challenge);
	}
	arena_free(snapshot_of(c)->arena);
}

/* ---- whose address is it? ---- */

/* By family, length (longest first), address. */
static int order(const struct prefix *a, const struct prefix *b)
{
	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;
	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	return memcmp(a->addr.ip, b->addr.ip, sizeof(a->addr.ip));
}

static int by_prefix_trunk(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	int by_prefix = order(&x->prefix, &y->prefix);

	if (by_prefix)
		return by_prefix;
	return x->trunk->index < y->trunk->index ? -1 : x->trunk->index > y->trunk->index;
}

static void add_sources(struct source_set *set, const struct conf_trunk *t)
{
	for (unsigned i = 0; i < t->n_sources; i++)
		set->source[set->n++] = (struct source){ t->sources[i], t };
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
			if (c->trunks[k].on == &c->networks[i] && c->trunks[k].host_name)
				add_sources(set, &c->trunks[k]);
		qsort(set->source, set->n, sizeof(*set->source), by_prefix_trunk);
	}
	return s->by_network ? 0 : -ENOMEM;
}

/* Position of the first source from `from` on that does not come before `p`. */
static unsigned first_not_before(const struct source_set *set, unsigned from,
				 const struct prefix *p)
{
	unsigned to = set->n;

	while (from < to) {
		unsigned mid = from + (to - from) / 2;

		if (order(&set->source[mid].prefix, p) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* Makes it shorter: the bits after the first `len` become zero. */
static void shorten(struct prefix *p, uint8_t len)
{
	unsigned end = (p->len + 7u) / 8;

	p->len = len;
	for (unsigned i = len / 8; i < end; i++)
		p->addr.ip[i] &= i == len / 8 ? (uint8_t)(0xff00 >> len % 8) : 0;
}

static const struct conf_trunk *find(const struct source_set *set, const struct addr *src)
{
	struct prefix p = { *src, addr_bits(src) };
	struct prefix next = { { .family = src->family }, addr_bits(src) };
	unsigned at = first_not_before(set, 0, &next);

	/* One search for each length that is in use: one or two as a rule. */
	while (at < set->n && set->source[at].prefix.addr.family == src->family) {
		uint8_t len = set->source[at].prefix.len;

		shorten(&p, len);
		at = first_not_before(set, at, &p);
		if (at < set->n && order(&set->source[at].prefix, &p) == 0)
			return set->source[at].trunk;
		if (!len)
			break;
		next.len = (uint8_t)(len - 1);
		at = first_not_before(set, at, &next);
	}
	return NULL;
}

const struct conf_trunk *conf_trunk_of(const struct conf *c, unsigned network,
				       const struct addr *src)
{
	const struct snapshot *s =
		(const struct snapshot *)((const char *)c - offsetof(struct snapshot, conf));

	if (network >= c->n_networks || !src->family)
		return NULL;
	return find(&s->by_network[network], src);
}
