/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "variants.h"

#define FAILURES_SHOWN 5 /* of one script */

int play_read_options(struct play_options *o, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		struct str rest = i + 1 < argc ? str_of(argv[i + 1]) : STR_NONE, name = STR_NONE;

		if (!strcmp(argv[i], "-v")) {
			o->verbose = true;
		} else if (!strcmp(argv[i], "-e") && rest.n) {
			if (str_u32(rest, 1000000, &o->every) || !o->every)
				return -1;
			i++;
		} else if (!strcmp(argv[i], "-V")) {
			o->variants = true;
			str_token(&rest, '=', &name);
			o->fault.kind = wire_fault_of(name);
			if (!o->fault.kind)
				continue;
			if (str_u32(rest, 100000, &o->fault.number))
				return -1;
			i++;
		} else {
			return -1;
		}
	}
	return i;
}

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

static void say_why(const struct world *w)
{
	if (w->step)
		printf("# %s:%u: %s\n", w->step->file, w->step->line, w->step->text);
	else
		printf("# %s: at the end\n", w->script->file);
	comment(w->why);
}

enum outcome {
	PLAYED,
	FAILED,
	NOT_BUILT
};

struct played {
	unsigned count; /* datagrams */
	bool repeat[1024];
};

static enum outcome play(const struct script *s, const struct wire_fault *fault, bool verbose,
			 struct played *out)
{
	struct world *volatile w = world_new(s, fault, verbose);
	volatile enum outcome result = FAILED;

	if (!w)
		return NOT_BUILT;
	w->monitors = true;
	if (!setjmp(w->failed)) {
		world_run(w);
		world_end(w);
		result = PLAYED;
	} else {
		say_why(w);
	}
	if (result == FAILED && verbose)
		dump_log(w);
	if (out) {
		out->count = wire_count(w);
		for (unsigned i = 0; i < out->count; i++)
			out->repeat[i] = wire_is_repeat(w, i);
	}
	world_free(w);
	return result;
}

bool play_one(const struct script *s, const struct wire_fault *fault, bool verbose)
{
	return play(s, fault, verbose, NULL) == PLAYED;
}

bool play_variants(const struct play_options *o, const struct script *s, unsigned *n)
{
	static const struct wire_fault none = { FAULT_NONE, 0 };
	struct played base = { 0 };
	unsigned serial = 0, failed = 0;

	if (play(s, &none, false, &base) != PLAYED) {
		printf("# it fails as soon as actors repeat what they say\n");
		return false;
	}
	for (unsigned i = 0; i < base.count; i++) {
		for (enum fault k = FAULT_LOST; k <= FAULT_LATE; k++) {
			struct wire_fault f = { k, i };

			if (base.repeat[i] || serial++ % o->every)
				continue;
			++*n;
			if (play(s, &f, false, NULL) == PLAYED)
				continue;
			printf("# scenario -v -V %s=%u %s\n", wire_fault_name(k), i, s->file);
			if (++failed == FAILURES_SHOWN)
				return false;
		}
	}
	return !failed;
}
