/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of the state machine in this folder is the one that the table draws, and the table
 * has no dead ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "call/call.h"

static size_t draw(char *mem, size_t cap)
{
	int fd = memfd_create("dot", MFD_CLOEXEC);
	ssize_t n;

	call_fsm_dot(fd);
	n = pread(fd, mem, cap, 0);
	close(fd);
	assert_in_range(n, 1, cap - 1);
	mem[n] = 0;
	return (size_t)n;
}

static void test_picture(void **state)
{
	static char drawn[32768], kept[32768];
	const char *file = getenv("FSM_DOT");
	FILE *f = file ? fopen(file, "re") : NULL;
	size_t n;

	(void)state;
	draw(drawn, sizeof(drawn));
	assert_non_null(f);
	n = fread(kept, 1, sizeof(kept) - 1, f);
	fclose(f);
	kept[n] = 0;
	if (strcmp(drawn, kept))
		fail_msg("%s is stale: write it anew with \"fsm_test --dot > %s\"", file, file);
}

/* From every state but the last, some path leads to ENDED. */
static void test_ends(void **state)
{
	static char drawn[32768];
	char reaches[32][32] = { "ENDED" };
	unsigned n = 1;
	bool grown = true;

	(void)state;
	draw(drawn, sizeof(drawn));
	while (grown) {
		struct str rest = str_of(drawn), line;

		grown = false;
		while (str_line(&rest, &line)) {
			char from[32], to[32];
			bool known = false, leads = false;

			line.n = line.n < 200 ? line.n : 200;
			if (sscanf(line.p, " %31[A-Z_] -> %31[A-Z_] ", from, to) != 2)
				continue;
			for (unsigned i = 0; i < n; i++) {
				known |= !strcmp(reaches[i], from);
				leads |= !strcmp(reaches[i], to);
			}
			if (!known && leads && n < 32) {
				snprintf(reaches[n++], sizeof(reaches[0]), "%s", from);
				grown = true;
			}
		}
	}
	assert_int_equal(n, 10); /* all of CALL_STATES */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_ends),
	};

	if (argc > 1 && !strcmp(argv[1], "--dot")) {
		call_fsm_dot(1);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
