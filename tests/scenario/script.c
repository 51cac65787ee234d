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

/* The label "%" stands for the number of the round. */
static void split_actor(struct arena *a, struct step *s, const char *name, unsigned round)
{
	struct str rest = str_of(name), actor;
	char number[16];

	str_token(&rest, '/', &actor);
	if (str_eq(rest, STR("%"))) {
		snprintf(number, sizeof(number), "%u", round);
		rest = str_of(number);
	}
	s->actor = arena_str(a, actor).p;
	s->label = rest.n ? arena_str(a, rest).p : "";
}

static struct step *read_step(struct arena *a, struct str line, unsigned number, unsigned round)
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
		split_actor(a, s, w[0], round);
		s->what = w[2];
		skip = 3;
	} else if (n >= 5 && !strcmp(w[1], "rtp") && !strcmp(w[2], "->")) {
		s->kind = STEP_RTP;
		split_actor(a, s, w[0], round);
		s->what = w[3];
		skip = 4;
	} else if (n >= 6 && !strcmp(w[1], "dtmf") && !strcmp(w[2], "->")) {
		s->kind = STEP_DTMF;
		split_actor(a, s, w[0], round);
		s->what = w[3];
		skip = 4;
	} else if (n >= 3 && !strcmp(w[1], "hears")) {
		s->kind = STEP_HEARS;
		split_actor(a, s, w[0], round);
		s->what = w[2];
		skip = 3;
	}
	for (unsigned i = skip; i < n && s->n_words < STEP_WORDS; i++)
		s->word[s->n_words++] = w[i];
	return s;
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

struct reader {
	struct arena *a;
	struct script *sc;
	struct step **end, *last;
	const char *why;
	unsigned round;
};

static bool read_steps(struct reader *r, const char *file, bool inner);

/* "include NAME": the steps of NAME.inc beside this file; "include NAME x5": five times. */
static bool include(struct reader *r, const char *file, struct str rest)
{
	const char *slash = strrchr(file, '/');
	struct str name = STR_NONE;
	uint32_t times = 1;
	char path[512];
	bool ok = true;

	str_token(&rest, ' ', &name);
	if (rest.n > 1 && str_u32((struct str){ rest.p + 1, rest.n - 1 }, 1000, &times))
		return false;
	snprintf(path, sizeof(path), "%.*s%.*s.inc", slash ? (int)(slash + 1 - file) : 0, file,
		 STR_FMT(name));
	for (r->round = 1; ok && r->round <= times; r->round++)
		ok = read_steps(r, arena_str(r->a, str_of(path)).p, true);
	return ok;
}

static bool read_indented(struct reader *r, struct str line)
{
	if (!r->last || r->last->n_lines == STEP_LINES) {
		r->why = "an indented line without a step";
		return false;
	}
	r->last->lines[r->last->n_lines++] = arena_str(r->a, str_trim(line)).p;
	return true;
}

static struct str after(struct str line, size_t n)
{
	return str_trim((struct str){ line.p + n, line.n - n });
}

static bool read_steps(struct reader *r, const char *file, bool inner)
{
	struct str rest = read_file(r->a, file), line;
	unsigned number = 0;
	bool ok = rest.n != 0;

	if (!ok)
		r->why = "cannot be read, or includes what cannot be read";
	while (ok && str_line(&rest, &line)) {
		number++;
		if (!str_trim(line).n || line.p[0] == '#')
			continue;
		if (is_blank(line.p[0])) {
			ok = read_indented(r, line);
		} else if (str_starts(line, STR("title:"))) {
			r->sc->title = arena_str(r->a, after(line, 6)).p;
		} else if (str_starts(line, STR("variants: no"))) {
			r->sc->plain = "variants: no";
		} else if (str_starts(line, STR("conf:"))) {
			r->sc->conf = read_conf(r->a, &rest, &number).p;
		} else if (!inner && str_starts(line, STR("include "))) {
			ok = include(r, file, after(line, 8));
		} else {
			*r->end = r->last = read_step(r->a, line, number, r->round);
			r->last->file = file;
			r->end = &r->last->next;
		}
	}
	return ok;
}

/* Steps that are about what gets lost themselves. */
static bool is_about_loss(const struct step *s)
{
	return step_word(s, "again") || step_word(s, "lost") || step_word(s, "twice") ||
	       (s->what && !strcmp(s->what, "again")) ||
	       (s->kind == STEP_VERB && s->n_words &&
		(!strcmp(s->word[0], "drop") || !strcmp(s->word[0], "mirror")));
}

struct script *script_read(struct arena *a, const char *file, const char **why)
{
	struct script *sc = arena_alloc(a, sizeof(*sc));
	struct reader r = { .a = a, .sc = sc, .end = &sc->steps };

	sc->file = file;
	if (read_steps(&r, file, false) && !sc->title)
		r.why = "has no title:";
	for (const struct step *s = sc->steps; s && !sc->plain; s = s->next) {
		if (is_about_loss(s))
			sc->plain = s->text;
	}
	*why = r.why;
	return r.why ? NULL : sc;
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
