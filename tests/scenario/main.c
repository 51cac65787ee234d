/* SPDX-License-Identifier: Apache-2.0 */
/* Plays scenarios, one after another: scenario [-v] FILE.scn... Output is TAP. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

static void comment(const char *text)
{
	struct str rest = str_of(text), line;

	while (str_line(&rest, &line))
		printf("#   %.*s\n", STR_FMT(line));
}

static void dump_log(const struct world *w)
{
	char mem[65536];
	ssize_t n = pread(w->log_fd, mem, sizeof(mem) - 1, 0);

	if (n <= 0)
		return;
	mem[n] = 0;
	comment(mem);
}

static bool play(const struct script *s, bool verbose)
{
	struct world *volatile w = world_new(s, verbose);
	volatile bool ok = false;

	if (!w)
		return false;
	if (!setjmp(w->failed)) {
		world_run(w);
		world_end(w);
		ok = true;
	} else if (w->step) {
		printf("# %s:%u: %s\n", w->step->file, w->step->line, w->step->text);
		comment(w->why);
	} else {
		printf("# %s: at the end\n", s->file);
		comment(w->why);
	}
	if (!ok && verbose)
		dump_log(w);
	world_free(w);
	return ok;
}

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	int first = verbose ? 2 : 1, failed = 0;

	printf("1..%d\n", argc - first);
	for (int i = first; i < argc; i++) {
		struct arena *a = arena_new(65536);
		const char *why = "";
		struct script *s = script_read(a, argv[i], &why);
		bool ok = s && play(s, verbose);

		if (!s)
			printf("# %s: %s\n", argv[i], why);
		failed += !ok;
		printf("%sok %d - %s: %s\n", ok ? "" : "not ", i - first + 1, base_name(argv[i]),
		       s ? s->title : "?");
		arena_free(a);
	}
	printf("# scenario: %d passed, %d failed\n", argc - first - failed, failed);
	return failed != 0;
}
