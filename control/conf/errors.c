/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "conf_priv.h"

#define ERRORS_MAX 200
#define TEXT_MAX   768
#define WORD_MAX   64

static char *keep(struct faults *f, const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1);

	if (!copy) {
		f->no_memory = true;
		return NULL;
	}
	/* The text may quote the file: nothing of it may move the reader's cursor. */
	for (size_t i = 0; i <= n; i++)
		copy[i] = (i < n && ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)) ? '?'
											: text[i];
	return copy;
}

static struct conf_error *add(struct faults *f)
{
	if (f->out->n == f->room) {
		size_t room = f->room ? f->room * 2 : 8;
		struct conf_error *e = realloc(f->out->e, room * sizeof(*e));

		if (!e) {
			f->no_memory = true;
			return NULL;
		}
		f->out->e = e;
		f->room = room;
	}
	f->out->e[f->out->n] = (struct conf_error){ 0 };
	return &f->out->e[f->out->n++];
}

void fault(struct faults *f, struct place at, const char *key, const char *what, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	f->last = f->out->n < ERRORS_MAX ? add(f) : NULL;
	if (!f->last)
		return;
	va_start(ap, what);
	vsnprintf(text, sizeof(text), what, ap);
	va_end(ap);
	f->last->line = at.line;
	f->last->column = at.column;
	f->last->key = keep(f, key);
	f->last->what = keep(f, text);
}

void fault_fix(struct faults *f, const char *fix, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (!f->last)
		return;
	va_start(ap, fix);
	vsnprintf(text, sizeof(text), fix, ap);
	va_end(ap);
	f->last->fix = keep(f, text);
	f->last = NULL;
}

static bool is_after(const struct conf_error *a, const struct conf_error *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* By insertion: few, nearly in order, and those of one place stay as they were found. */
void faults_sort(struct conf_errors *e)
{
	for (size_t i = 1; i < e->n; i++) {
		struct conf_error moved = e->e[i];
		size_t k = i;

		for (; k && is_after(&e->e[k - 1], &moved); k--)
			e->e[k] = e->e[k - 1];
		e->e[k] = moved;
	}
}

void conf_errors_free(struct conf_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++) {
		free(errors->e[i].key);
		free(errors->e[i].what);
		free(errors->e[i].fix);
	}
	free(errors->e);
	*errors = (struct conf_errors){ 0 };
}

void conf_errors_print(const struct conf_errors *errors, const char *file, int fd)
{
	for (size_t i = 0; i < errors->n; i++) {
		const struct conf_error *e = &errors->e[i];

		if (e->line)
			dprintf(fd, "%s:%u:%u: ", file, e->line, e->column);
		else
			dprintf(fd, "%s: ", file);
		if (e->key && *e->key)
			dprintf(fd, "%s: ", e->key);
		dprintf(fd, "%s.%s%s\n", e->what ? e->what : "is wrong", e->fix ? " " : "",
			e->fix ? e->fix : "");
	}
}

/* Letters to add, drop, change or swap with their neighbour. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned d[3][WORD_MAX + 1];

	for (unsigned k = 0; k <= m; k++)
		d[0][k] = k;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (unsigned k = 1; k <= m; k++) {
			unsigned best = up[k - 1] + (a[i - 1] != b[k - 1]);

			best = up[k] + 1 < best ? up[k] + 1 : best;
			best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    up2[k - 2] + 1 < best)
				best = up2[k - 2] + 1;
			row[k] = best;
		}
	}
	return d[n % 3][m];
}

const char *nearest(const char *word, const char *(*name)(const void *list, unsigned i),
		    const void *list, unsigned n)
{
	size_t len = strlen(word);
	unsigned best = 1 + (unsigned)len / 3;
	const char *found = NULL;

	if (!len || len > WORD_MAX)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		const char *candidate = name(list, i);
		size_t m = candidate ? strlen(candidate) : 0;
		unsigned d;

		if (!m || m > WORD_MAX)
			continue;
		d = distance(word, len, candidate, m);
		if (d < len && (d < best || (d == best && !found))) {
			best = d;
			found = candidate;
		}
	}
	return found;
}
