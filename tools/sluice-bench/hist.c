/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "hist.h"

#define VALUE_MAX ((1ULL << HIST_BITS) - 1)

struct hist *hist_new(void)
{
	struct hist *h = malloc(sizeof(*h));
	if (h)
		hist_reset(h);
	return h;
}

void hist_free(struct hist *h)
{
	free(h);
}

void hist_reset(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

/* Values below 2 * HIST_PARTS have a slot each; above, `shift` low bits are not kept. */
static unsigned slot_of(uint64_t v)
{
	if (v < 2 * HIST_PARTS)
		return (unsigned)v;
	unsigned shift = 63 - (unsigned)__builtin_clzll(v) - 10;
	return shift * HIST_PARTS + (unsigned)(v >> shift);
}

static uint64_t slot_end(unsigned slot)
{
	if (slot < 2 * HIST_PARTS)
		return slot;
	unsigned shift = slot / HIST_PARTS - 1;
	uint64_t low = slot - (uint64_t)shift * HIST_PARTS;
	return ((low + 1) << shift) - 1;
}

void hist_add(struct hist *h, uint64_t v)
{
	if (v > VALUE_MAX)
		v = VALUE_MAX;
	h->slot[slot_of(v)]++;
	h->n++;
	h->sum += (double)v;
	if (v < h->min)
		h->min = v;
	if (v > h->max)
		h->max = v;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		into->slot[i] += from->slot[i];
	into->n += from->n;
	into->sum += from->sum;
	if (from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
}

uint64_t hist_at(const struct hist *h, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)h->n), seen = 0;
	if (!h->n)
		return 0;
	if (!wanted)
		wanted = 1;
	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		seen += h->slot[i];
		if (seen >= wanted) {
			uint64_t end = slot_end(i);
			return end < h->max ? end : h->max;
		}
	}
	return h->max;
}

double hist_mean(const struct hist *h)
{
	return h->n ? h->sum / (double)h->n : 0;
}
