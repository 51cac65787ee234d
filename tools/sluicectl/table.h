/* SPDX-License-Identifier: Apache-2.0 */
/* A text table whose columns are as wide as their widest cell. Cells are copied; control octets in
 * them are shown as "?" (they may come from a peer). */
#ifndef SLUICE_SLUICECTL_TABLE_H
#define SLUICE_SLUICECTL_TABLE_H

#include <stdbool.h>

#define TEXT_TABLE_COLUMNS 16

struct text_table;

/* `heads`: n titles; a title that begins with '>' makes its column flush right. NULL: no memory. */
struct text_table *text_table_new(unsigned n, const char *const *heads);
/* n cells, NULL is "-". */
void text_table_row(struct text_table *t, const char *const *cells);
/* Hides columns, in this order, until the table fits into `width` (0: no limit), and returns how many. */
unsigned text_table_fit(struct text_table *t, int width, const unsigned char *order, unsigned n);
/* Breaks the last column between words so that lines end before `width` (0: never). */
void text_table_wrap(struct text_table *t, int width);
/* Prints, or `none` where there is no row, and frees. */
void text_table_print(struct text_table *t, const char *none);

/* A text that begins at column `from`, in lines of whole words where `width` (0: no limit) wants it. */
void text_words(const char *s, int from, int width);

#endif
