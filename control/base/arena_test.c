/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/arena.h"

static void is_zeroed_and_aligned(void **state)
{
	static const unsigned char zero[64];
	struct arena *a = arena_new(256);
	unsigned char *last = NULL;

	for (size_t n = 0; n < 64; n++) {
		unsigned char *p = arena_alloc(a, n);

		assert_non_null(p);
		assert_ptr_not_equal(p, last);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_memory_equal(p, zero, n);
		memset(p, 0xaa, n);
		last = p;
	}
	arena_free(a);
}

/* Pieces keep their content whatever comes after them. */
static void pieces_do_not_overlap(void **state)
{
	struct arena *a = arena_new(200);
	unsigned char *p[200];

	for (unsigned i = 0; i < 200; i++) {
		p[i] = arena_alloc(a, 1 + i % 50);
		memset(p[i], (int)i, 1 + i % 50);
	}
	for (unsigned i = 0; i < 200; i++)
		for (unsigned k = 0; k < 1 + i % 50; k++)
			assert_int_equal(p[i][k], i);
	arena_free(a);
}

static void counts_what_it_took(void **state)
{
	struct arena *a = arena_new(1024);

	assert_int_equal(arena_size(a), 1024);
	assert_non_null(arena_alloc(a, 512));
	assert_int_equal(arena_size(a), 1024);
	assert_non_null(arena_alloc(a, 600));
	assert_int_equal(arena_size(a), 2048);
	assert_non_null(arena_alloc(a, 100000));
	assert_true(arena_size(a) >= 102048 && arena_size(a) < 103000);
	arena_free(a);
	a = arena_new(0);
	assert_non_null(arena_alloc(a, 10));
	arena_free(a);
	arena_free(NULL);
}

static void grows_as_it_is_told(void **state)
{
	struct arena *a = arena_new_exact(ARENA_HEAD + arena_room(100), 64);

	assert_int_equal(arena_size(a), ARENA_HEAD + 112);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__) /* its gaps want room too */
	assert_non_null(arena_alloc(a, 100));
	assert_int_equal(arena_size(a), ARENA_HEAD + 112);
	assert_non_null(arena_alloc(a, 8));
	assert_int_equal(arena_size(a), ARENA_HEAD + 112 + 64);
	assert_non_null(arena_alloc(a, 200));
	assert_true(arena_size(a) <= ARENA_HEAD + 112 + 64 + 240);
#endif
	assert_null(arena_new_exact(SIZE_MAX, 64));
	arena_free(a);
}

static void refuses_the_impossible(void **state)
{
	struct arena *a = arena_new(64);

	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 8));
	assert_null(arena_str(a, (struct str){ "x", SIZE_MAX }).p);
	assert_non_null(arena_alloc(a, 8));
	arena_free(a);
}

static void copies_strings(void **state)
{
	struct arena *a = arena_new(64);
	char text[] = "abc";
	struct str s = arena_str(a, (struct str){ text, 3 });

	text[0] = 'x';
	assert_str(s, "abc");
	assert_int_equal(s.p[3], 0);
	s = arena_str(a, STR_NONE);
	assert_non_null(s.p);
	assert_int_equal(s.p[0], 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_zeroed_and_aligned), cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(counts_what_it_took),   cmocka_unit_test(refuses_the_impossible),
		cmocka_unit_test(copies_strings),        cmocka_unit_test(grows_as_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
