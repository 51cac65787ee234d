/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text_table {
	unsigned n, rows, cap;
	bool right[TEXT_TABLE_COLUMNS], hidden[TEXT_TABLE_COLUMNS];
	int wrap;
	int width[TEXT_TABLE_COLUMNS];
	char **cells; /* rows * n, the titles are row 0 */
};

static char *cell_copy(const char *s)
{
	char *copy = strdup(s ? s : "-");

	for (char *p = copy; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

void text_table_row(struct text_table *t, const char *const *cells)
{
	if (t->rows == t->cap) {
		unsigned cap = t->cap ? t->cap * 2 : 16;
		char **more = realloc(t->cells, sizeof(*more) * cap * t->n);

		if (!more)
			return;
		t->cells = more;
		t->cap = cap;
	}
	for (unsigned i = 0; i < t->n; i++) {
		char *c = cell_copy(cells[i]);
		int w = c ? (int)strlen(c) : 0;

		t->cells[t->rows * t->n + i] = c;
		if (w > t->width[i])
			t->width[i] = w;
	}
	t->rows++;
}

struct text_table *text_table_new(unsigned n, const char *const *heads)
{
	struct text_table *t = calloc(1, sizeof(*t));
	const char *plain[TEXT_TABLE_COLUMNS];

	if (!t)
		return NULL;
	t->n = n < TEXT_TABLE_COLUMNS ? n : TEXT_TABLE_COLUMNS;
	for (unsigned i = 0; i < t->n; i++) {
		t->right[i] = heads[i][0] == '>';
		plain[i] = heads[i] + t->right[i];
	}
	text_table_row(t, plain);
	return t;
}

/* ---- what fits ---- */

static int width_of(const struct text_table *t)
{
	int all = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (!t->hidden[i])
			all += t->width[i] + 2;
	return all - 2;
}

unsigned text_table_fit(struct text_table *t, int width, const unsigned char *order, unsigned n)
{
	unsigned hidden = 0;

	for (; t && width > 0 && hidden < n && width_of(t) > width; hidden++)
		t->hidden[order[hidden]] = true;
	return hidden;
}

void text_table_wrap(struct text_table *t, int width)
{
	if (t)
		t->wrap = width;
}

/* ---- printing ---- */

void text_words(const char *s, int from, int width)
{
	size_t room = width - from >= 20 ? (size_t)(width - from) : 20;

	while (width && strlen(s) > room) {
		size_t n = room;

		while (n && s[n] != ' ')
			n--;
		if (!n)
			n = room;
		printf("%.*s\n%*s", (int)n, s, from, "");
		s += n + (s[n] == ' ');
	}
	fputs(s, stdout);
}

static unsigned last_shown(const struct text_table *t)
{
	unsigned i = t->n - 1;

	while (i && t->hidden[i])
		i--;
	return i;
}

/* Nothing is padded behind the last text of a line. */
static unsigned last_in(const struct text_table *t, unsigned row)
{
	unsigned i = last_shown(t);

	while (i && (t->hidden[i] || !t->cells[row * t->n + i] || !*t->cells[row * t->n + i]))
		i--;
	return i;
}

static void row_print(const struct text_table *t, unsigned row)
{
	unsigned last = last_in(t, row);
	int from = 0;

	for (unsigned i = 0; i <= last; i++) {
		const char *c = t->cells[row * t->n + i];

		if (t->hidden[i])
			continue;
		if (t->right[i])
			printf("%*s", t->width[i], c ? c : "");
		else if (i == last)
			text_words(c ? c : "", from, t->wrap);
		else
			printf("%-*s", t->width[i], c ? c : "");
		if (i != last)
			fputs("  ", stdout);
		from += t->width[i] + 2;
	}
	putchar('\n');
}

void text_table_print(struct text_table *t, const char *none)
{
	if (!t)
		return;
	if (t->rows < 2)
		puts(none);
	for (unsigned r = 0; t->rows >= 2 && r < t->rows; r++)
		row_print(t, r);
	for (unsigned i = 0; i < t->rows * t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}
