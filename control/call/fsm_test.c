/* SPDX-License-Identifier: Apache-2.0 */
/* The pictures of the state machines in this folder are those that the tables draw, and the tables have no dead ends. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "call/call_priv.h"

static const struct machine {
	const char *name; /* of the picture */
	void (*draw)(struct dot *d);
} machines[] = {
	{ "call", call_fsm_draw },
	{ "offer_answer", oa_draw },
	{ "exchange", exchange_draw },
	{ "transfer", transfer_draw },
};

#define N_MACHINES (sizeof(machines) / sizeof(machines[0]))

static void test_pictures(void **state)
{
	const char *folder = getenv("PICTURES");

	(void)state;
	assert_non_null(folder);
	for (size_t i = 0; i < N_MACHINES; i++) {
		static char kept[131072];
		char file[512], mark[64];
		struct dot d;
		size_t n = 0;
		FILE *f;

		machines[i].draw(&d);
		assert_string_equal(d.name, machines[i].name);
		assert_in_range(d.n_edges, 1, DOT_EDGES - 2);
		snprintf(mark, sizeof(mark), "<!-- table %016" PRIx64 " -->", dot_hash(&d));
		snprintf(file, sizeof(file), "%s/%s.svg", folder, machines[i].name);
		f = fopen(file, "re");
		if (f) {
			n = fread(kept, 1, sizeof(kept) - 1, f);
			fclose(f);
		}
		kept[n] = 0;
		if (!strstr(kept, mark))
			fail_msg("%s is stale: tools/fsm writes it anew", file);
	}
}

/* Which states some path leads to from those in `known`, or from which some path leads there. */
static uint64_t spread(const struct dot *d, uint64_t known, bool forwards)
{
	uint64_t before;

	do {
		before = known;
		for (unsigned i = 0; i < d->n_edges; i++) {
			const struct dot_edge *e = &d->edge[i];
			unsigned from = forwards ? e->from : e->to, to = forwards ? e->to : e->from;

			if (e->from != DOT_NONE && (known >> from & 1))
				known |= 1ull << to;
		}
	} while (known != before);
	return known;
}

/* From every state some path leads to where it ends, or rests; and some path leads there from where it begins. */
static void test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MACHINES; i++) {
		uint64_t all, starts = 0;
		struct dot d;

		machines[i].draw(&d);
		all = (1ull << d.n_states) - 1;
		for (unsigned k = 0; k < d.n_edges; k++)
			if (d.edge[k].from == DOT_NONE)
				starts |= 1ull << d.edge[k].to;
		if (spread(&d, starts, true) != all)
			fail_msg("%s: nothing leads to states %#" PRIx64, d.name,
				 all & ~spread(&d, starts, true));
		starts = 1ull << (d.end == DOT_NONE ? d.rest : d.end);
		if (spread(&d, starts, false) != all)
			fail_msg("%s: no way out of states %#" PRIx64, d.name,
				 all & ~spread(&d, starts, false));
	}
}

/* Nothing leaves the end. */
static void test_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct dot d;

		machines[i].draw(&d);
		for (unsigned k = 0; k < d.n_edges; k++)
			assert_true(d.end == DOT_NONE || d.edge[k].from != d.end);
	}
}

static int draw(const char *name)
{
	for (size_t i = 0; i < N_MACHINES; i++) {
		struct dot d;

		if (strcmp(machines[i].name, name) != 0)
			continue;
		machines[i].draw(&d);
		dot_write(&d, 1);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_ends),
	};

	if (argc == 3 && !strcmp(argv[1], "--dot"))
		return draw(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
