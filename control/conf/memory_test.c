/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a good and a bad file again and again while the first, second, ... allocation fails.
 * Nothing may crash or leak (AddressSanitizer watches), and the result is never a half-read
 * snapshot. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "conf/conf.h"

static char *root;
static unsigned countdown; /* 0: all succeed */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

static bool fails(void)
{
	return countdown && --countdown == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

/* Until all the allocations of a load have had their turn. */
static unsigned each_failure(const char *file, int result)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, file);
	for (unsigned i = 1;; i++) {
		struct conf_errors e;
		struct conf *c = NULL;
		bool happened;
		int rc;

		countdown = i;
		rc = conf_load(path, &c, &e);
		happened = countdown == 0;
		countdown = 0;
		assert_int_equal(rc, happened ? -ENOMEM : result);
		assert_int_equal(c != NULL, rc == 0);
		conf_put(c);
		conf_errors_free(&e);
		if (!happened)
			return i - 1;
	}
}

static void good_file(void **state)
{
	assert_true(each_failure("conf/full.yaml", 0) >= 3);
}

static void bad_file(void **state)
{
	assert_true(each_failure("tests/data/conf/many.yaml", -EINVAL) >= 40);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file),
		cmocka_unit_test(bad_file),
	};

	if (argc != 2)
		return 2;
	root = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
