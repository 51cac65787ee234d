/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tally.h"

int tally_init(struct tally *t)
{
	*t = (struct tally){ .latency = hist_new(), .jitter = hist_new() };
	return t->latency && t->jitter ? 0 : -ENOMEM;
}

void tally_fini(struct tally *t)
{
	hist_free(t->latency);
	hist_free(t->jitter);
	*t = (struct tally){ 0 };
}

static void mark(struct tally_call *c, uint64_t seq)
{
	c->seen[seq / 64 % (TALLY_WINDOW / 64)] |= 1ULL << seq % 64;
}

static bool marked(const struct tally_call *c, uint64_t seq)
{
	return c->seen[seq / 64 % (TALLY_WINDOW / 64)] >> seq % 64 & 1;
}

/* Numbers between the highest one so far and `seq` have not been seen. */
static void forward(struct tally_call *c, uint64_t seq)
{
	if (seq - c->next >= TALLY_WINDOW) {
		memset(c->seen, 0, sizeof(c->seen));
	} else {
		for (uint64_t i = c->next; i <= seq; i++)
			c->seen[i / 64 % (TALLY_WINDOW / 64)] &= ~(1ULL << i % 64);
	}
	c->next = seq + 1;
	mark(c, seq);
}

/* false: it was there before. */
static bool backward(struct tally *t, struct tally_call *c, uint64_t seq)
{
	if (c->next - seq <= TALLY_WINDOW) {
		if (marked(c, seq)) {
			t->duplicates++;
			return false;
		}
		mark(c, seq);
	}
	t->reordered++;
	return true;
}

static void times(struct tally *t, struct tally_call *c, int64_t transit, bool first)
{
	/* Two clocks of one machine may differ by a little; before it was sent nothing comes. */
	hist_add(t->latency, transit > 0 ? (uint64_t)transit : 0);
	if (!first)
		hist_add(t->jitter, (uint64_t)llabs(transit - c->transit));
	c->transit = transit;
}

void tally_packet(struct tally *t, struct tally_call *c, const struct stamp *s, uint64_t now)
{
	bool first = c->next == 0;
	if (s->seq >= c->next)
		forward(c, s->seq);
	else if (!backward(t, c, s->seq))
		return;
	t->received++;
	times(t, c, (int64_t)(now - s->time), first);
}

void tally_merge(struct tally *into, const struct tally *from)
{
	into->received += from->received;
	into->duplicates += from->duplicates;
	into->reordered += from->reordered;
	into->corrupt += from->corrupt;
	into->foreign += from->foreign;
	into->astray += from->astray;
	into->other += from->other;
	into->refused += from->refused;
	into->keys += from->keys;
	into->octets += from->octets;
	hist_merge(into->latency, from->latency);
	hist_merge(into->jitter, from->jitter);
}
