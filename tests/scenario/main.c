/* SPDX-License-Identifier: Apache-2.0 */
/* Plays scenarios, one after another: scenario [-v] [-V[=FAULT=N]] [-e N] FILE.scn... Output is TAP.
 *   -v            shows the ladder, and the log of what fails
 *   -V            plays each in variants, too: each of its datagrams lost, twice, late
 *   -V lost=7     plays that variant only
 *   -e 3          every third variant only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"
#include "variants.h"

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static bool play_file(const struct play_options *o, const struct script *s, unsigned *variants)
{
	*variants = 0;
	if (o->fault.kind)
		return play_one(s, &o->fault, o->verbose);
	if (!play_one(s, NULL, o->verbose))
		return false;
	return !o->variants || s->plain || play_variants(o, s, variants);
}

int main(int argc, char **argv)
{
	struct play_options o = { .every = 1 };
	int first = play_read_options(&o, argc, argv), failed = 0;
	unsigned all = 0, n;

	if (first < 0) {
		fprintf(stderr, "scenario [-v] [-V [lost=N|twice=N|late=N]] [-e N] FILE.scn...\n");
		return 2;
	}
	printf("1..%d\n", argc - first);
	for (int i = first; i < argc; i++) {
		struct arena *a = arena_new(65536);
		const char *why = "";
		struct script *s = script_read(a, argv[i], &why);
		bool ok = s && play_file(&o, s, &n);

		if (!s)
			printf("# %s: %s\n", argv[i], why);
		failed += !ok;
		printf("%sok %d - %s: %s", ok ? "" : "not ", i - first + 1, base_name(argv[i]),
		       s ? s->title : "?");
		if (o.variants && s && s->plain)
			printf(" (plain: %s)", s->plain);
		else if (o.variants && s)
			printf(" (%u variants)", n);
		printf("\n");
		all += s ? n : 0;
		arena_free(a);
	}
	printf("# scenario: %d passed, %d failed, %u variants\n", argc - first - failed, failed,
	       all);
	return failed != 0;
}
