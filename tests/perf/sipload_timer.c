/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of one length end in the order in which they were begun: a ring for each length, and nothing to
 * sort. */
#include <stdlib.h>
#include "sipload.h"

#define LENGTHS   32
#define FIRST_CAP 1024

struct entry {
	uint64_t due;
	uint32_t index, stamp;
};

struct ring {
	uint64_t us;
	struct entry *e;
	size_t cap, head, n; /* cap: a power of two */
};

struct timers {
	timer_fn *fn;
	void *arg;
	unsigned n;
	struct ring ring[LENGTHS];
};

struct timers *timers_new(timer_fn *fn, void *arg)
{
	struct timers *t = calloc(1, sizeof(*t));

	if (!t)
		die("memory");
	t->fn = fn;
	t->arg = arg;
	return t;
}

void timers_free(struct timers *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free(t->ring[i].e);
	free(t);
}

static struct ring *ring_of(struct timers *t, uint64_t us)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->ring[i].us == us)
			return &t->ring[i];
	if (t->n == LENGTHS)
		die("too many lengths of timers");
	t->ring[t->n].us = us;
	return &t->ring[t->n++];
}

static void grow(struct ring *r)
{
	size_t cap = r->cap ? 2 * r->cap : FIRST_CAP;
	struct entry *e = malloc(cap * sizeof(*e));

	if (!e)
		die("memory");
	for (size_t i = 0; i < r->n; i++)
		e[i] = r->e[(r->head + i) & (r->cap - 1)];
	free(r->e);
	r->e = e;
	r->cap = cap;
	r->head = 0;
}

void timers_add(struct timers *t, uint64_t us, uint32_t index, uint32_t stamp)
{
	struct ring *r = ring_of(t, us);

	if (r->n == r->cap)
		grow(r);
	r->e[(r->head + r->n++) & (r->cap - 1)] = (struct entry){ now_us() + us, index, stamp };
}

void timers_run(struct timers *t, uint64_t now)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct ring *r = &t->ring[i];

		while (r->n && r->e[r->head].due <= now) {
			struct entry e = r->e[r->head];

			r->head = (r->head + 1) & (r->cap - 1);
			r->n--;
			t->fn(t->arg, e.index, e.stamp);
		}
	}
}
