/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/table.h"

#define SIZE_MIN     16
#define MOVE_PER_ADD 2 /* old buckets; one would already end the move before the next doubling */

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline uint64_t load64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t siphash(const uint64_t key[2], const void *p, size_t n)
{
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575ull,
		key[1] ^ 0x646f72616e646f6dull,
		key[0] ^ 0x6c7967656e657261ull,
		key[1] ^ 0x7465646279746573ull,
	};
	const unsigned char *in = p;
	uint64_t last = (uint64_t)n << 56;
	size_t left = n;

	for (; left >= 8; left -= 8, in += 8)
		sip_word(v, load64(in));
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)in[i] << (8 * i);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int table_init(struct table *t, const uint64_t key[2], size_t min)
{
	size_t size = SIZE_MIN;

	while (size < min && size < SIZE_MAX / 64)
		size *= 2;
	*t = (struct table){ .size = size, .key = { key[0], key[1] } };
	t->bucket = calloc(size, sizeof(*t->bucket));
	return t->bucket ? 0 : -ENOMEM;
}

void table_fini(struct table *t)
{
	free(t->bucket);
	free(t->old);
	*t = (struct table){ 0 };
}

static void push(struct table_node **bucket, struct table_node *n)
{
	n->next = *bucket;
	*bucket = n;
}

static void move_some(struct table *t)
{
	for (int i = 0; i < MOVE_PER_ADD && t->moved < t->old_size; i++, t->moved++) {
		struct table_node *n = t->old[t->moved], *next;

		t->old[t->moved] = NULL;
		for (; n; n = next) {
			next = n->next;
			push(&t->bucket[n->hash & (t->size - 1)], n);
		}
	}
	if (t->moved == t->old_size) {
		free(t->old);
		t->old = NULL;
		t->old_size = t->moved = 0;
	}
}

static void start_growing(struct table *t)
{
	struct table_node **bucket = calloc(t->size * 2, sizeof(*bucket));

	if (!bucket)
		return;
	t->old = t->bucket;
	t->old_size = t->size;
	t->moved = 0;
	t->bucket = bucket;
	t->size *= 2;
}

void table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	node->hash = hash;
	if (t->old)
		move_some(t);
	else if (t->count >= t->size)
		start_growing(t);
	push(&t->bucket[hash & (t->size - 1)], node);
	t->count++;
}

static bool unlink_from(struct table_node **p, const struct table_node *node)
{
	for (; *p; p = &(*p)->next) {
		if (*p == node) {
			*p = node->next;
			return true;
		}
	}
	return false;
}

void table_del(struct table *t, struct table_node *node)
{
	bool found = unlink_from(&t->bucket[node->hash & (t->size - 1)], node);

	if (!found && t->old)
		found = unlink_from(&t->old[node->hash & (t->old_size - 1)], node);
	if (found) {
		node->next = NULL;
		t->count--;
	}
}

struct table_node *table_find(const struct table *t, uint64_t hash,
			      bool (*match)(const struct table_node *n, const void *key),
			      const void *key)
{
	struct table_node *n;

	for (n = t->bucket[hash & (t->size - 1)]; n; n = n->next)
		if (n->hash == hash && match(n, key))
			return n;
	if (!t->old)
		return NULL;
	for (n = t->old[hash & (t->old_size - 1)]; n; n = n->next)
		if (n->hash == hash && match(n, key))
			return n;
	return NULL;
}

static void each_in(struct table_node **bucket, size_t size,
		    void (*fn)(struct table_node *n, void *arg), void *arg)
{
	for (size_t i = 0; i < size; i++) {
		struct table_node *n, *next;

		for (n = bucket[i]; n; n = next) {
			next = n->next;
			fn(n, arg);
		}
	}
}

void table_each(struct table *t, void (*fn)(struct table_node *n, void *arg), void *arg)
{
	each_in(t->bucket, t->size, fn, arg);
	if (t->old)
		each_in(t->old, t->old_size, fn, arg);
}
