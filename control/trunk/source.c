/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that the names of trunks have and lately had. */
#include <stdlib.h>
#include "trunk/trunk_priv.h"

struct source {
	struct table_node node;       /* first: table_find gives this */
	struct source *older, *newer; /* of its trunk, by the time of the last answer */
	struct addr ip;
	uint16_t network, trunk;
	uint64_t seen;
};

struct of_trunk {
	struct source *oldest, *newest;
	unsigned n;
};

struct sources {
	struct loop *loop;
	struct table table;
	unsigned n_trunks;
	struct of_trunk trunk[];
};

struct key {
	unsigned network;
	const struct addr *ip;
};

static bool is_source(const struct table_node *n, const void *key)
{
	const struct source *x = (const struct source *)n;
	const struct key *k = key;

	return x->network == k->network && addr_ip_eq(&x->ip, k->ip);
}

static uint64_t key_hash(const struct sources *s, const struct key *k)
{
	return table_hash(&s->table, k->ip->ip, sizeof(k->ip->ip)) + k->network;
}

static struct source *find(const struct sources *s, const struct key *k)
{
	return (struct source *)table_find(&s->table, key_hash(s, k), is_source, k);
}

static void unlink_age(struct of_trunk *t, struct source *x)
{
	*(x->older ? &x->older->newer : &t->oldest) = x->newer;
	*(x->newer ? &x->newer->older : &t->newest) = x->older;
	t->n--;
}

static void link_newest(struct of_trunk *t, struct source *x)
{
	x->newer = NULL;
	x->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = x;
	t->newest = x;
	t->n++;
}

static void forget(struct sources *s, struct source *x)
{
	unlink_age(&s->trunk[x->trunk], x);
	table_del(&s->table, &x->node);
	free(x);
}

struct sources *sources_new(struct loop *l, unsigned n_trunks)
{
	struct sources *s = calloc(1, sizeof(*s) + n_trunks * sizeof(s->trunk[0]));
	uint64_t key[2];

	if (!s)
		return NULL;
	s->loop = l;
	s->n_trunks = n_trunks;
	loop_random(l, key, sizeof(key));
	if (table_init(&s->table, key, 16) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_trunks; i++)
		while (s->trunk[i].oldest)
			forget(s, s->trunk[i].oldest);
	table_fini(&s->table);
	free(s);
}

bool sources_see(struct sources *s, const struct conf_trunk *conf, const struct addr *ip)
{
	struct key k = { conf->on->index, ip };
	struct of_trunk *t = &s->trunk[conf->index];
	struct source *x = find(s, &k);

	if (x) {
		if (x->trunk == conf->index) {
			unlink_age(t, x);
			link_newest(t, x);
			x->seen = loop_now(s->loop);
		}
		return false;
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return false;
	if (t->n == TRUNK_SOURCES_MAX)
		forget(s, t->oldest);
	x->ip = *ip;
	x->ip.port = 0;
	x->network = (uint16_t)conf->on->index;
	x->trunk = (uint16_t)conf->index;
	x->seen = loop_now(s->loop);
	table_add(&s->table, &x->node, key_hash(s, &k));
	link_newest(t, x);
	return true;
}

bool sources_expire(struct sources *s, unsigned trunk)
{
	struct of_trunk *t = &s->trunk[trunk];
	unsigned before = t->n;

	while (t->oldest && loop_now(s->loop) - t->oldest->seen > TRUNK_SOURCE_KEEP_MS)
		forget(s, t->oldest);
	return t->n != before;
}

int sources_find(const struct sources *s, unsigned network, const struct addr *ip)
{
	const struct source *x = s->table.count ? find(s, &(struct key){ network, ip }) : NULL;

	return x ? x->trunk : SIP_NO_PEER;
}

void sources_each(const struct sources *s, trunk_source_fn *fn, void *arg)
{
	for (unsigned i = 0; i < s->n_trunks; i++)
		for (const struct source *x = s->trunk[i].oldest; x; x = x->newer) {
			struct prefix p = { x->ip, x->ip.family == 4 ? 32 : 128 };

			fn(arg, x->network, &p, i);
		}
}
