/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "base/test.h"
#include "base/table.h"

#define KEYS 5000

struct item {
	struct table_node node; /* first */
	uint32_t key;
	bool in;
	unsigned seen;
};

static const uint64_t key[2] = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };

/* The values of the SipHash paper's appendix and its reference code: key 00..0f, input 00 01 02..
 */
static void siphash_reference(void **state)
{
	static const struct {
		size_t n;
		uint64_t hash;
	} known[] = {
		{ 0, 0x726fdb47dd0e0e31ull },  { 1, 0x74f839c593dc67fdull },
		{ 7, 0xab0200f58b01d137ull },  { 8, 0x93f5f5799a932462ull },
		{ 15, 0xa129ca6149be45e5ull }, { 63, 0x958a324ceb064572ull },
	};
	unsigned char in[64];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(siphash(key, in, known[i].n) == known[i].hash);
}

static bool is_key(const struct table_node *n, const void *k)
{
	return ((const struct item *)n)->key == *(const uint32_t *)k;
}

static void count_it(struct table_node *n, void *arg)
{
	((struct item *)n)->seen++;
	++*(unsigned *)arg;
}

static void check_all(struct table *t, struct item *items)
{
	unsigned total = 0, in = 0;

	table_each(t, count_it, &total);
	for (uint32_t i = 0; i < KEYS; i++) {
		uint64_t h = table_hash(t, &items[i].key, 4);
		struct table_node *n = table_find(t, h, is_key, &items[i].key);

		assert_ptr_equal(n, items[i].in ? &items[i].node : NULL);
		assert_int_equal(items[i].seen, items[i].in);
		items[i].seen = 0;
		in += items[i].in;
	}
	assert_int_equal(total, in);
	assert_int_equal(t->count, in);
}

/* Random adds and deletions against the flags of the items, looked at in the middle of moves too.
 */
static void agrees_with_a_model(void **state)
{
	struct item *items = calloc(KEYS, sizeof(*items));
	unsigned moving = 0;
	uint32_t seed = 1;
	struct table t;

	assert_int_equal(table_init(&t, key, 0), 0);
	for (uint32_t i = 0; i < KEYS; i++)
		items[i].key = i;
	for (unsigned step = 0; step < 40000; step++) {
		struct item *it;

		seed = seed * 1664525 + 1013904223;
		it = &items[(seed >> 8) % KEYS];
		if (!it->in)
			table_add(&t, &it->node, table_hash(&t, &it->key, 4));
		else if ((seed >> 4 & 3) == 0)
			table_del(&t, &it->node);
		else
			continue;
		it->in = !it->in;
		moving += t.old != NULL;
		if (step % 97 == 0 && (t.old || step % 5 == 0))
			check_all(&t, items);
	}
	check_all(&t, items);
	assert_true(moving > 100);
	assert_true(t.size >= 2048);
	table_fini(&t);
	free(items);
}

/* No insert moves more than a few buckets, and a move ends before the next doubling is due. */
static void grows_in_small_steps(void **state)
{
	struct item *items = calloc(KEYS, sizeof(*items));
	size_t moved = 0;
	struct table t;

	assert_int_equal(table_init(&t, key, 16), 0);
	for (uint32_t i = 0; i < KEYS; i++) {
		items[i].key = i;
		moved = t.moved;
		table_add(&t, &items[i].node, table_hash(&t, &i, 4));
		assert_true(t.moved <= moved + 4);
		assert_true(t.count <= t.size + 1);
	}
	table_fini(&t);
	free(items);
}

static void drop_it(struct table_node *n, void *arg)
{
	table_del(arg, n);
	free(n);
}

static void each_may_delete(void **state)
{
	struct table t;

	assert_int_equal(table_init(&t, key, 16), 0);
	for (uint32_t i = 0; i < 20; i++) { /* 20 of 16: in the middle of a move */
		struct item *it = calloc(1, sizeof(*it));

		table_add(&t, &it->node, table_hash(&t, &i, 4));
	}
	assert_non_null(t.old);
	table_each(&t, drop_it, &t);
	assert_int_equal(t.count, 0);
	table_fini(&t);
}

static void equal_hashes_are_told_apart(void **state)
{
	struct item a = { .key = 1 }, b = { .key = 2 };
	uint32_t k = 1;
	struct table t;

	assert_int_equal(table_init(&t, key, 16), 0);
	table_add(&t, &a.node, 99);
	table_add(&t, &b.node, 99);
	assert_ptr_equal(table_find(&t, 99, is_key, &k), &a.node);
	table_del(&t, &a.node);
	table_del(&t, &a.node);
	assert_int_equal(t.count, 1);
	assert_null(table_find(&t, 99, is_key, &k));
	table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_reference),
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(grows_in_small_steps),
		cmocka_unit_test(each_may_delete),
		cmocka_unit_test(equal_hashes_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
