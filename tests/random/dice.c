/* SPDX-License-Identifier: Apache-2.0 */
/* Chance, which is the same for the same seed (splitmix64). */
#include "random.h"

static uint64_t roll(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)((roll(d) >> 32) * n >> 32);
}

bool dice_percent(struct dice *d, uint32_t percent)
{
	return dice_below(d, 100) < percent;
}

unsigned dice_weigh(struct dice *d, const uint8_t *weights, unsigned n)
{
	uint32_t all = 0, at;
	unsigned i = 0;

	for (unsigned k = 0; k < n; k++)
		all += weights[k];
	for (at = dice_below(d, all); at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

uint32_t dice_delay(struct dice *d)
{
	static const uint8_t weights[] = { 30, 38, 26, 6 };
	static const uint32_t most[] = { 20, 500, 4000, 30000 };

	return dice_below(d, most[dice_weigh(d, weights, 4)]);
}
