/* SPDX-License-Identifier: Apache-2.0 */
/* Chance, which is the same for the same seed (splitmix64). */
#include <string.h>
#include "fuzz.h"

uint64_t dice_roll(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)((dice_roll(d) >> 32) * n >> 32);
}

bool dice_percent(struct dice *d, uint32_t percent)
{
	return dice_below(d, 100) < percent;
}

void dice_fill(struct dice *d, void *p, size_t n)
{
	for (u8 *at = p; n; n -= n < 8 ? n : 8, at += 8) {
		uint64_t z = dice_roll(d);
		memcpy(at, &z, n < 8 ? n : 8);
	}
}

struct dice round_dice(const struct round *r, unsigned thread)
{
	struct dice d = { r->seed ^ (uint64_t)r->number << 20 ^ (uint64_t)thread << 56 };

	dice_roll(&d);
	return d;
}
