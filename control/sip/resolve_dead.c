/* SPDX-License-Identifier: Apache-2.0 */
/* Targets that failed, oldest failure first. Bounded: the oldest gives way. */
#include <errno.h>
#include <stdlib.h>
#include "sip/resolve_priv.h"

#define DEAD_MAX    1024
#define DEAD_MAX_MS (3600 * 1000) /* a Retry-After of days is not for us */

struct dead {
	struct table_node node; /* first: table_find gives this */
	struct dead *next, *prev;
	struct resolve_target t;
	uint64_t until, number;
};

struct dead_list {
	struct loop *loop;
	struct table table;
	struct dead *oldest, *newest;
	uint64_t number;
};

static bool is_target(const struct table_node *n, const void *key)
{
	const struct resolve_target *a = &((const struct dead *)n)->t, *b = key;

	return a->transport == b->transport && addr_eq(&a->addr, &b->addr);
}

static uint64_t target_hash(const struct dead_list *d, const struct resolve_target *t)
{
	uint8_t key[19];

	memcpy(key, t->addr.ip, 16);
	memcpy(key + 16, &t->addr.port, 2);
	key[18] = t->transport;
	return table_hash(&d->table, key, sizeof(key));
}

static struct dead *find(const struct dead_list *d, const struct resolve_target *t)
{
	return (struct dead *)table_find(&d->table, target_hash(d, t), is_target, t);
}

static void forget(struct dead_list *d, struct dead *x)
{
	*(x->prev ? &x->prev->next : &d->oldest) = x->next;
	*(x->next ? &x->next->prev : &d->newest) = x->prev;
	table_del(&d->table, &x->node);
	free(x);
}

struct dead_list *dead_new(struct loop *l)
{
	struct dead_list *d = calloc(1, sizeof(*d));
	uint64_t key[2];

	if (!d)
		return NULL;
	d->loop = l;
	loop_random(l, key, sizeof(key));
	if (table_init(&d->table, key, 64) < 0) {
		free(d);
		return NULL;
	}
	return d;
}

void dead_free(struct dead_list *d)
{
	if (!d)
		return;
	while (d->oldest)
		forget(d, d->oldest);
	table_fini(&d->table);
	free(d);
}

int dead_add(struct dead_list *d, const struct resolve_target *t, uint32_t for_ms)
{
	struct dead *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	dead_del(d, t);
	if (d->table.count >= DEAD_MAX)
		forget(d, d->oldest);
	x->t = *t;
	x->number = ++d->number;
	x->until = loop_now(d->loop) + (for_ms < DEAD_MAX_MS ? for_ms : DEAD_MAX_MS);
	x->prev = d->newest;
	*(d->newest ? &d->newest->next : &d->oldest) = x;
	d->newest = x;
	table_add(&d->table, &x->node, target_hash(d, t));
	return 0;
}

void dead_del(struct dead_list *d, const struct resolve_target *t)
{
	struct dead *x = find(d, t);

	if (x)
		forget(d, x);
}

uint64_t dead_since(const struct dead_list *d, const struct resolve_target *t)
{
	const struct dead *x = d->oldest ? find(d, t) : NULL;

	return x && loop_now(d->loop) < x->until ? x->number : 0;
}
