/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <rte_common.h>
#include "slab.h"

#define CHUNK ((size_t)2 << 20)

struct vacant {
	struct vacant *next;
};

/* At the head of its memory, which is aligned to its size. */
struct chunk {
	struct slab *slab;
	LIST_ENTRY(chunk) all;
	LIST_ENTRY(chunk) room; /* of those that are not full */
	struct vacant *vacant;
	unsigned used, fresh; /* fresh: objects that were never used, at its end */
};

struct slab {
	size_t size;
	unsigned per_chunk;
	LIST_HEAD(, chunk) all, room;
};

struct slab *slab_new(size_t size)
{
	struct slab *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->size = RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE);
	s->per_chunk = (unsigned)((CHUNK - RTE_CACHE_LINE_SIZE) / s->size);
	LIST_INIT(&s->all);
	LIST_INIT(&s->room);
	return s;
}

void slab_free(struct slab *s)
{
	if (!s)
		return;
	while (!LIST_EMPTY(&s->all)) {
		struct chunk *c = LIST_FIRST(&s->all);
		LIST_REMOVE(c, all);
		munmap(c, CHUNK);
	}
	free(s);
}

static struct chunk *map_aligned(void)
{
	char *p = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	char *at = (char *)RTE_ALIGN_CEIL((uintptr_t)p, CHUNK);
	if (at > p)
		munmap(p, (size_t)(at - p));
	munmap(at + CHUNK, CHUNK - (size_t)(at - p));
	(void)madvise(at, CHUNK, MADV_HUGEPAGE); /* small pages do, too */
	return (struct chunk *)at;
}

static struct chunk *grow(struct slab *s)
{
	struct chunk *c = map_aligned();
	if (!c)
		return NULL;
	c->slab = s;
	c->fresh = s->per_chunk;
	LIST_INSERT_HEAD(&s->all, c, all);
	LIST_INSERT_HEAD(&s->room, c, room);
	return c;
}

void *slab_get(struct slab *s)
{
	struct chunk *c = LIST_FIRST(&s->room);
	void *object;
	if (!c && !(c = grow(s)))
		return NULL;
	if (c->vacant) {
		object = c->vacant;
		c->vacant = c->vacant->next;
		memset(object, 0, s->size);
	} else { /* from the front on; the kernel's pages are zero */
		object = (char *)c + RTE_CACHE_LINE_SIZE + (s->per_chunk - c->fresh--) * s->size;
	}
	if (++c->used == s->per_chunk)
		LIST_REMOVE(c, room);
	return object;
}

void slab_put(void *object)
{
	if (!object)
		return;
	struct chunk *c = (struct chunk *)((uintptr_t)object & ~(CHUNK - 1));
	struct slab *s = c->slab;
	struct vacant *v = object;
	v->next = c->vacant;
	c->vacant = v;
	if (c->used-- == s->per_chunk)
		LIST_INSERT_HEAD(&s->room, c, room);
	/* The last one stays, so that a flow that comes and goes does not cost a chunk each time. */
	if (c->used || (LIST_FIRST(&s->room) == c && !LIST_NEXT(c, room)))
		return;
	LIST_REMOVE(c, room);
	LIST_REMOVE(c, all);
	munmap(c, CHUNK);
}
