/* SPDX-License-Identifier: Apache-2.0 */
/* A slice of octets that somebody else owns. Never NUL-terminated; n may be 0 with p NULL.
 * Print it with "%.*s", STR_FMT(s). All functions are pure and thread-safe. */
#ifndef SLUICE_BASE_STR_H
#define SLUICE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit)   ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_NONE   ((struct str){ NULL, 0 })
#define STR_FMT(s) (int)(s).n, (s).p

static inline struct str str_of(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters compare without case; every other octet compares as it is. */
bool str_caseeq(struct str a, struct str b);
/* Does `s` begin with `prefix`? */
bool str_starts(struct str s, struct str prefix);
/* Removes SP and HTAB (and CR, LF) at both ends. */
struct str str_trim(struct str s);
/* Takes the next line off *rest (CRLF or LF ends it, the end of the text too); false at the end. */
bool str_line(struct str *rest, struct str *line);
/* Takes the next token up to `sep` off *rest, or the whole rest; false at the end. */
bool str_token(struct str *rest, char sep, struct str *token);
/* Whole decimal number without sign, 1..10 digits, <= max. 0, or -EINVAL, -ERANGE. */
int str_u32(struct str s, uint32_t max, uint32_t *out);
/* The same for 64 bits (1..20 digits). */
int str_u64(struct str s, uint64_t *out);

#endif
