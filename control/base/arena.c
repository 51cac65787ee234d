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

#define ALIGN 16

struct chunk {
	struct chunk *next;
	size_t size; /* with this header */
};

struct arena {
	struct chunk chunk; /* the first; must stay the first member: the arena lives in it */
	struct chunk *more;
	char *at, *end; /* free room of the newest chunk */
	size_t first, total;
};

static size_t align_up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* The room of a chunk begins after `head` octets, which are already aligned. */
static void use_chunk(struct arena *a, struct chunk *c, size_t head)
{
	a->at = (char *)c + head;
	a->end = (char *)c + c->size;
	a->total += c->size;
	POISON(a->at, (size_t)(a->end - a->at));
}

struct arena *arena_new(size_t first)
{
	size_t head = align_up(sizeof(struct arena));
	size_t size = first > head ? first : head;
	struct arena *a;

	a = malloc(size);
	if (!a)
		return NULL;
	*a = (struct arena){ .chunk.size = size, .first = size };
	use_chunk(a, &a->chunk, head);
	return a;
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
	UNPOISON(a, a->chunk.size);
	free(a);
}

static bool grow(struct arena *a, size_t n)
{
	size_t head = align_up(sizeof(struct chunk));
	size_t size = head + n > a->first ? head + n : a->first;
	struct chunk *c = malloc(size);

	if (!c)
		return false;
	*c = (struct chunk){ .next = a->more, .size = size };
	a->more = c;
	use_chunk(a, c, head);
	return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t take;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	take = align_up(n ? n : 1) + GAP;
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
	return a->total;
}
