/* SPDX-License-Identifier: Apache-2.0 */
/* A region of memory with one end: many small allocations, one free. One thread. */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include "base/str.h"

struct arena;

/* `first` is the size of the first chunk in octets (ARENA_HEAD of them are the arena's own); later chunks
 * are at least that large. NULL when there is no memory. */
#define ARENA_HEAD 32
struct arena *arena_new(size_t first);
/* The same for what knows its usual size: later chunks are at least `grow` octets large. */
struct arena *arena_new_exact(size_t first, size_t grow);
/* What a piece of `n` octets takes of a chunk. */
static inline size_t arena_room(size_t n)
{
	return (n + 15) & ~(size_t)15;
}
void arena_free(struct arena *a); /* everything at once; NULL is allowed */
/* Zeroed, aligned to 16 octets. NULL when there is no memory. Never freed alone. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy of `s` in the arena, followed by a NUL that does not count. p is NULL without memory. */
struct str arena_str(struct arena *a, struct str s);
size_t arena_size(const struct arena *a); /* octets taken from the system */

#endif
