/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive hash table keyed with SipHash-2-4, for keys that an attacker may choose. Grows by
 * doubling, moves a few buckets per insert, so no single insert stalls. One thread. */
#ifndef SLUICE_BASE_TABLE_H
#define SLUICE_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **bucket, **old; /* old: being moved */
	size_t size, old_size, moved, count;
	uint64_t key[2];
};

/* SipHash-2-4 of `n` octets. */
uint64_t siphash(const uint64_t key[2], const void *p, size_t n);

int table_init(struct table *t, const uint64_t key[2], size_t min); /* 0 or -ENOMEM */
void table_fini(struct table *t);                                   /* nodes are not touched */
static inline uint64_t table_hash(const struct table *t, const void *p, size_t n)
{
	return siphash(t->key, p, n);
}
/* Never fails: where it cannot grow it becomes slower. */
void table_add(struct table *t, struct table_node *node, uint64_t hash);
void table_del(struct table *t, struct table_node *node);
/* First node of that hash for which match(node, key) holds, or NULL. */
struct table_node *table_find(const struct table *t, uint64_t hash,
			      bool (*match)(const struct table_node *n, const void *key),
			      const void *key);
/* Every node; fn may delete the node it is given, nothing else. */
void table_each(struct table *t, void (*fn)(struct table_node *n, void *arg), void *arg);

#endif
