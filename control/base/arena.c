/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "base/arena.h"

/* Under AddressSanitizer what is not handed out is poisoned, with a gap after each piece, so that
 * an overrun inside the arena is found like one on the heap. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define GAP            16
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define GAP            0
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

struct chunk {
	struct chunk *next;
	size_t size; /* with this header */
};

struct arena { /* lives at the begin of its first chunk */
	struct chunk *more;
	char *at, *end; /* free room of the newest chunk */
	uint32_t first, grow;
};
_Static_assert(sizeof(struct arena) <= ARENA_HEAD, "arena_room() counts on it");

static void use_chunk(struct arena *a, char *at, char *end)
{
	a->at = at;
	a->end = end;
	POISON(at, (size_t)(end - at));
}

struct arena *arena_new_exact(size_t first, size_t grow)
{
	size_t size = first > ARENA_HEAD ? first : ARENA_HEAD;
	struct arena *a;

	if (size > UINT32_MAX || grow > UINT32_MAX)
		return NULL;
	a = malloc(size);
	if (!a)
		return NULL;
	*a = (struct arena){ .first = (uint32_t)size, .grow = (uint32_t)grow };
	use_chunk(a, (char *)a + ARENA_HEAD, (char *)a + size);
	return a;
}

struct arena *arena_new(size_t first)
{
	return arena_new_exact(first, first);
}

void arena_free(struct arena *a)
{
	struct chunk *c, *next;

	if (!a)
		return;
	for (c = a->more; c; c = next) {
		next = c->next;
		UNPOISON(c, c->size);
		free(c);
	}
	UNPOISON(a, a->first);
	free(a);
}

static bool grow(struct arena *a, size_t n)
{
	size_t head = arena_room(sizeof(struct chunk));
	size_t size = head + n > a->grow ? head + n : a->grow;
	struct chunk *c = malloc(size);

	if (!c)
		return false;
	*c = (struct chunk){ .next = a->more, .size = size };
	a->more = c;
	use_chunk(a, (char *)c + head, (char *)c + size);
	return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t take;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	take = arena_room(n ? n : 1) + GAP;
	if ((size_t)(a->end - a->at) < take && !grow(a, take))
		return NULL;
	p = a->at;
	a->at += take;
	UNPOISON(p, n);
	return memset(p, 0, n);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX / 2 ? arena_alloc(a, s.n + 1) : NULL;

	if (!p)
		return STR_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

size_t arena_size(const struct arena *a)
{
	size_t total = a->first;

	for (const struct chunk *c = a->more; c; c = c->next)
		total += c->size;
	return total;
}
