/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a scenario. Its language is described in tests/README.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
	} else if (n >= 5 && streams_is_name(w[1]) && !strcmp(w[2], "->")) {
		s->kind = STEP_RTP;
		split_actor(a, s, w[0], round);
		s->stream = w[1];
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

#define INCLUDE_DEPTH 4
#define INCLUDE_NAMES 4 /* %a to %d */

struct reader {
	struct arena *a;
	struct script *sc;
	struct step **end, *last;
	const char *why;
	unsigned round;
};

struct names { /* what "%a" and so on stand for; NULL: they stand for themselves */
	const char *of[INCLUDE_NAMES];
};

/* A file to be read, with names put in. */
struct source {
	const char *file;
	struct names names;
	unsigned depth;
};

static bool read_steps(struct reader *r, const struct source *src);

static struct str put_names(struct arena *a, struct str text, const struct names *names)
{
	static const struct names none;
	char *mem;
	struct buf b;

	if (!text.n || !memcmp(names, &none, sizeof(none)))
		return text;
	mem = arena_alloc(a, 2 * text.n + 256);
	buf_init(&b, mem, 2 * text.n + 256);
	for (size_t i = 0; i < text.n; i++) {
		unsigned k = i + 1 < text.n ? (unsigned)text.p[i + 1] - 'a' : INCLUDE_NAMES;

		if (text.p[i] != '%' || k >= INCLUDE_NAMES || !names->of[k])
			buf_put(&b, (struct str){ text.p + i, 1 });
		else
			buf_put(&b, str_of(names->of[(++i, k)]));
	}
	return buf_str(&b);
}

/* "include NAME": the steps of NAME.inc beside this file, or above; "x5": five times; "a=pbx b=carrier": with these names in
 * place of %a and %b. */
static bool include(struct reader *r, const struct source *from, struct str rest)
{
	const char *slash = strrchr(from->file, '/');
	struct source src = { .depth = from->depth + 1 };
	struct str name = STR_NONE, word;
	uint32_t times = 1;
	char path[512];
	bool ok = true;

	str_token(&rest, ' ', &name);
	while (ok && str_token(&rest, ' ', &word)) {
		unsigned k =
			word.n > 2 && word.p[1] == '=' ? (unsigned)word.p[0] - 'a' : INCLUDE_NAMES;

		if (k < INCLUDE_NAMES)
			src.names.of[k] = arena_str(r->a, (struct str){ word.p + 2, word.n - 2 }).p;
		else
			ok = word.n > 1 && word.p[0] == 'x' &&
			     !str_u32((struct str){ word.p + 1, word.n - 1 }, 1000, &times);
	}
	snprintf(path, sizeof(path), "%.*s%.*s.inc", slash ? (int)(slash + 1 - from->file) : 0,
		 from->file, STR_FMT(name));
	if (slash && access(path, R_OK)) /* or in the folder above */
		snprintf(path, sizeof(path), "%.*s../%.*s.inc", (int)(slash + 1 - from->file),
			 from->file, STR_FMT(name));
	src.file = arena_str(r->a, str_of(path)).p;
	for (uint32_t i = 1; ok && i <= times; i++) {
		r->round = i;
		ok = read_steps(r, &src);
	}
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

static bool read_steps(struct reader *r, const struct source *src)
{
	struct str rest = put_names(r->a, read_file(r->a, src->file), &src->names), line;
	unsigned number = 0;
	bool ok = rest.n != 0 && src->depth <= INCLUDE_DEPTH;

	if (!ok)
		r->why = "cannot be read, or includes what cannot be read, or itself";
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
		} else if (str_starts(line, STR("include "))) {
			ok = include(r, src, after(line, 8));
		} else {
			*r->end = r->last = read_step(r->a, line, number, r->round);
			r->last->file = src->file;
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
	if (read_steps(&r, &(struct source){ .file = file }) && !sc->title)
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
