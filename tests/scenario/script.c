/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a scenario. Its language is described in tests/README.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"

static struct str read_file(struct arena *a, const char *file)
{
	char mem[65536];
	size_t n;
	FILE *f = fopen(file, "re");

	if (!f)
		return STR_NONE;
	n = fread(mem, 1, sizeof(mem), f);
	fclose(f);
	return n < sizeof(mem) ? arena_str(a, (struct str){ mem, n }) : STR_NONE;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Words between blanks; a quoted word may hold blanks. */
static unsigned split(struct arena *a, struct str line, const char **word, unsigned max)
{
	unsigned n = 0;
	size_t i = 0;

	while (i < line.n) {
		size_t from;
		bool quoted;

		while (i < line.n && (is_blank(line.p[i]) || line.p[i] == ','))
			i++;
		if (i == line.n || line.p[i] == '#' || n == max)
			break;
		quoted = line.p[i] == '"';
		from = i += quoted;
		while (i < line.n && (quoted ? line.p[i] != '"' : !is_blank(line.p[i])))
			i++;
		word[n++] = arena_str(a, (struct str){ line.p + from, i - from }).p;
		i += quoted;
	}
	return n;
}

static void trim_comma(const char **word, unsigned n, struct arena *a)
{
	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(word[i]);

		if (len > 1 && word[i][len - 1] == ',')
			word[i] = arena_str(a, (struct str){ word[i], len - 1 }).p;
	}
}

static void split_actor(struct arena *a, struct step *s, const char *name)
{
	struct str rest = str_of(name), actor;

	str_token(&rest, '/', &actor);
	s->actor = arena_str(a, actor).p;
	s->label = rest.n ? arena_str(a, rest).p : "";
}

static struct step *read_step(struct arena *a, struct str line, unsigned number)
{
	struct step *s = arena_alloc(a, sizeof(*s));
	const char *w[STEP_WORDS + 4];
	unsigned n = split(a, line, w, STEP_WORDS + 3), skip = 0;

	s->line = number;
	s->text = arena_str(a, str_trim(line)).p;
	s->kind = STEP_VERB;
	trim_comma(w, n, a);
	if (n >= 3 && (!strcmp(w[1], "->") || !strcmp(w[1], "<-"))) {
		s->kind = w[1][0] == '-' ? STEP_SEND : STEP_RECEIVE;
		split_actor(a, s, w[0]);
		s->what = w[2];
		skip = 3;
	} else if (n >= 5 && !strcmp(w[1], "rtp") && !strcmp(w[2], "->")) {
		s->kind = STEP_RTP;
		split_actor(a, s, w[0]);
		s->what = w[3];
		skip = 4;
	}
	for (unsigned i = skip; i < n && s->n_words < STEP_WORDS; i++)
		s->word[s->n_words++] = w[i];
	return n ? s : NULL;
}

/* The indented lines below "conf:". */
static struct str read_conf(struct arena *a, struct str *rest, unsigned *number)
{
	struct str copy = *rest, line;
	size_t n = 0;

	while (str_line(&copy, &line) && (!str_trim(line).n || is_blank(line.p[0]))) {
		n = (size_t)(line.p + line.n - rest->p);
		++*number;
	}
	copy = arena_str(a, (struct str){ rest->p, n });
	rest->p += n;
	rest->n -= n;
	if (rest->n && *rest->p == '\n') {
		rest->p++;
		rest->n--;
	}
	return copy;
}

struct script *script_read(struct arena *a, const char *file, const char **why)
{
	struct script *sc = arena_alloc(a, sizeof(*sc));
	struct str rest = read_file(a, file), line;
	struct step **end = &sc->steps, *last = NULL;
	unsigned number = 0;

	sc->file = file;
	if (!rest.n) {
		*why = "cannot be read";
		return NULL;
	}
	while (str_line(&rest, &line)) {
		number++;
		if (!str_trim(line).n || line.p[0] == '#')
			continue;
		if (is_blank(line.p[0])) {
			if (!last || last->n_lines == STEP_LINES) {
				*why = "an indented line without a step";
				return NULL;
			}
			last->lines[last->n_lines++] = arena_str(a, str_trim(line)).p;
			continue;
		}
		if (str_starts(line, STR("title:"))) {
			line.p += 6;
			line.n -= 6;
			sc->title = arena_str(a, str_trim(line)).p;
			continue;
		}
		if (str_starts(line, STR("conf:"))) {
			sc->conf = read_conf(a, &rest, &number).p;
			continue;
		}
		*end = last = read_step(a, line, number);
		if (last)
			end = &last->next;
	}
	if (!sc->title)
		*why = "has no title:";
	return sc->title ? sc : NULL;
}

const char *step_word(const struct step *s, const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < s->n_words; i++) {
		if (strncmp(s->word[i], name, n))
			continue;
		if (!s->word[i][n])
			return "";
		if (s->word[i][n] == '=')
			return s->word[i] + n + 1;
	}
	return NULL;
}

long script_ms(const char *s)
{
	char *end;
	long v = strtol(s, &end, 10);

	if (end == s || v < 0)
		return -EINVAL;
	if (!strcmp(end, "s"))
		return v * 1000;
	return !*end || !strcmp(end, "ms") ? v : -EINVAL;
}
