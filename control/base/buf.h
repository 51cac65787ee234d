/* SPDX-License-Identifier: Apache-2.0 */
/* An appending writer over memory that the caller owns. It never writes past `cap`: the first
 * append that does not fit sets `full`, and nothing is appended from then on. Check buf_ok() once,
 * at the end. Not thread-safe. */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include <stdarg.h>
#include "base/str.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
	bool full;
};

static inline void buf_init(struct buf *b, void *mem, size_t cap)
{
	*b = (struct buf){ .p = mem, .cap = cap };
}

static inline bool buf_ok(const struct buf *b)
{
	return !b->full;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	if (__builtin_expect(b->full || b->cap - b->n < n, 0)) {
		b->full = true;
		return;
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void buf_put(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

#define buf_lit(b, lit) buf_add((b), (lit), sizeof(lit) - 1)

void buf_u64(struct buf *b, uint64_t v);              /* decimal */
void buf_hex(struct buf *b, const void *p, size_t n); /* two lower-case digits an octet */
/* Needs room for one octet more than it appends (the NUL of printf). */
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
