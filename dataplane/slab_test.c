/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "slab.h"

#define SIZE 4352
#define MANY 2000 /* some chunks */

static void are_apart_and_zero(void **state)
{
	struct slab *s = slab_new(SIZE);
	unsigned char **p = calloc(MANY, sizeof(*p)), zero[SIZE] = { 0 };
	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MANY; i++) {
			p[i] = slab_get(s);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % 64, 0);
			assert_memory_equal(p[i], zero, SIZE);
			memset(p[i], (int)(i % 251) + 1, SIZE);
		}
		for (unsigned i = 0; i < MANY; i++) {
			assert_int_equal(p[i][0], i % 251 + 1);
			assert_int_equal(p[i][SIZE - 1], i % 251 + 1);
		}
		/* Every third first, so that chunks are neither full nor empty. */
		for (unsigned k = 0; k < 3; k++)
			for (unsigned i = k; i < MANY; i += 3)
				slab_put(p[i]);
	}
	free(p);
	slab_free(s);
}

static void takes_the_same_place_again(void **state)
{
	struct slab *s = slab_new(100);
	(void)state;
	void *first = slab_get(s), *second = slab_get(s);
	assert_ptr_not_equal(first, second);
	assert_int_equal((uintptr_t)second - (uintptr_t)first, 128);
	slab_put(first);
	assert_ptr_equal(slab_get(s), first);
	slab_put(second);
	slab_put(first);
	slab_put(NULL);
	assert_ptr_equal(slab_get(s), first); /* the last chunk stays */
	slab_free(s);
	slab_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(are_apart_and_zero),
		cmocka_unit_test(takes_the_same_place_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
