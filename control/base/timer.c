/* SPDX-License-Identifier: Apache-2.0 */
/* Two rings. `near` has one slot for each millisecond of two periods of 65,536 ms, so that the
 * timers of SIP (32 s and less) never move. `far` has one slot for each period beyond.
 *
 * While period k runs, the far slot of period k + 1 drains into the near ring, a few timers at each
 * step: when k + 1 begins its slot is empty, and no step had to move many. wheel_bound() keeps the
 * loop awake each millisecond while there is something to drain. */
#include <stdlib.h>
#include "timer_priv.h"

#define PERIOD_BITS 16
#define NEAR        (2u << PERIOD_BITS)
#define FAR         4096u
#define DRAIN_STEP  256

struct wheel {
	uint64_t now; /* all up to here has fired */
	size_t count;
	struct timer *due, *firing;
	/* Which near slots hold timers: a bit for each slot, word, and word of words. */
	uint32_t top;
	uint64_t mid[NEAR / 64 / 64];
	uint64_t low[NEAR / 64];
	uint64_t far_used[FAR / 64];
	struct timer *near[NEAR];
	struct timer *far[FAR];
};

_Static_assert(NEAR / 64 / 64 <= 32, "one word must cover `mid`");

struct wheel *wheel_new(uint64_t now)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w)
		w->now = now;
	return w;
}

void wheel_free(struct wheel *w)
{
	free(w);
}

static void near_mark(struct wheel *w, unsigned slot)
{
	w->low[slot >> 6] |= 1ull << (slot & 63);
	w->mid[slot >> 12] |= 1ull << (slot >> 6 & 63);
	w->top |= 1u << (slot >> 12);
}

static void near_clear(struct wheel *w, unsigned slot)
{
	w->low[slot >> 6] &= ~(1ull << (slot & 63));
	if (w->low[slot >> 6])
		return;
	w->mid[slot >> 12] &= ~(1ull << (slot >> 6 & 63));
	if (!w->mid[slot >> 12])
		w->top &= ~(1u << (slot >> 12));
}

/* The first used near slot at or after `from`, without going round; NEAR: none. */
static unsigned near_after(const struct wheel *w, unsigned from)
{
	unsigned word = from >> 6;
	uint64_t m = w->low[word] >> (from & 63);

	if (m)
		return from + (unsigned)__builtin_ctzll(m);
	if (++word >= NEAR / 64)
		return NEAR;
	m = w->mid[word >> 6] >> (word & 63);
	if (!m) {
		unsigned group = (word >> 6) + 1;
		uint32_t top = group < 32 ? w->top >> group : 0;

		if (!top)
			return NEAR;
		group += (unsigned)__builtin_ctz(top);
		word = group << 6;
		m = w->mid[group];
	}
	word += (unsigned)__builtin_ctzll(m);
	return (word << 6) + (unsigned)__builtin_ctzll(w->low[word]);
}

/* All near timers expire in (now, now + NEAR], so a slot stands for one time only. */
static uint64_t near_first(const struct wheel *w)
{
	unsigned from = (unsigned)((w->now + 1) & (NEAR - 1));
	unsigned slot = near_after(w, from);

	if (slot == NEAR)
		slot = near_after(w, 0);
	if (slot == NEAR)
		return UINT64_MAX;
	return w->now + 1 + ((slot - from) & (NEAR - 1));
}

/* The period of the first used far slot; UINT64_MAX: none. */
static uint64_t far_first(const struct wheel *w)
{
	uint64_t period = (w->now >> PERIOD_BITS) + 1;

	for (unsigned left = FAR; left;) {
		unsigned slot = (unsigned)(period & (FAR - 1));
		uint64_t m = w->far_used[slot >> 6] >> (slot & 63);
		unsigned step = 64 - (slot & 63);

		if (m)
			return period + (unsigned)__builtin_ctzll(m);
		period += step;
		left -= step < left ? step : left;
	}
	return UINT64_MAX;
}

static void push(struct timer **head, struct timer *t)
{
	t->next = *head;
	if (t->next)
		t->next->pprev = &t->next;
	*head = t;
	t->pprev = head;
}

static void unlink_timer(struct wheel *w, struct timer *t)
{
	struct timer **p = t->pprev;

	*p = t->next;
	if (t->next)
		t->next->pprev = p;
	t->next = NULL;
	t->pprev = NULL;
	if (*p)
		return;
	if (p >= w->near && p < w->near + NEAR)
		near_clear(w, (unsigned)(p - w->near));
	else if (p >= w->far && p < w->far + FAR)
		w->far_used[(p - w->far) >> 6] &= ~(1ull << ((p - w->far) & 63));
}

static void place(struct wheel *w, struct timer *t)
{
	uint64_t current = w->now >> PERIOD_BITS, period = t->expiry >> PERIOD_BITS;
	unsigned slot;

	if (t->expiry <= w->now) {
		push(&w->due, t);
	} else if (period <= current + 1) {
		slot = (unsigned)(t->expiry & (NEAR - 1));
		push(&w->near[slot], t);
		near_mark(w, slot);
	} else {
		/* Beyond the ring: wait in its last slot, and be placed again from there. */
		if (period > current + FAR - 1)
			period = current + FAR - 1;
		slot = (unsigned)(period & (FAR - 1));
		push(&w->far[slot], t);
		w->far_used[slot >> 6] |= 1ull << (slot & 63);
	}
}

void wheel_del(struct wheel *w, struct timer *t)
{
	if (!timer_is_set(t))
		return;
	unlink_timer(w, t);
	w->count--;
}

void wheel_add(struct wheel *w, struct timer *t, uint64_t expiry)
{
	wheel_del(w, t);
	t->expiry = expiry;
	place(w, t);
	w->count++;
}

void wheel_add_due(struct wheel *w, struct timer *t)
{
	wheel_del(w, t);
	t->expiry = w->now;
	push(&w->due, t);
	w->count++;
}

/* Slots are filled at the head: turned round, timers of one millisecond fire in the order of their
 * start. They stay linked, so that a callback may stop those still to come. */
static void fire_slot(struct wheel *w, struct timer **head)
{
	struct timer *t;

	while ((t = *head)) {
		unlink_timer(w, t);
		push(&w->firing, t);
	}
	while ((t = w->firing)) {
		unlink_timer(w, t);
		w->count--;
		t->fire(t->arg);
	}
}

static void drain(struct wheel *w, uint64_t period, unsigned budget)
{
	struct timer **head = &w->far[period & (FAR - 1)];
	struct timer *t;

	for (; budget && (t = *head); budget--) {
		unlink_timer(w, t);
		place(w, t);
	}
}

/* Whatever the steps before have left (nothing, unless the thread was held up for long) moves
 * before the period begins. */
static void enter(struct wheel *w, uint64_t now)
{
	uint64_t current = w->now >> PERIOD_BITS;

	if (now >> PERIOD_BITS != current) {
		drain(w, current + 1, UINT32_MAX);
		current++;
	}
	w->now = now;
	drain(w, current + 1, DRAIN_STEP);
}

void wheel_advance(struct wheel *w, uint64_t to)
{
	fire_slot(w, &w->due);
	while (w->now < to) {
		uint64_t boundary = ((w->now >> PERIOD_BITS) + 1) << PERIOD_BITS;
		uint64_t next = near_first(w);

		if (!w->count) {
			w->now = to;
			return;
		}
		next = next < boundary ? next : boundary;
		enter(w, next < to ? next : to);
		fire_slot(w, &w->near[w->now & (NEAR - 1)]);
	}
}

uint64_t wheel_bound(const struct wheel *w)
{
	uint64_t current = w->now >> PERIOD_BITS, near, far;

	if (w->due)
		return w->now;
	near = near_first(w);
	far = far_first(w);
	if (far == UINT64_MAX)
		return near;
	/* Its draining may begin with the period before it. */
	far = far == current + 1 ? w->now + 1 : (far - 1) << PERIOD_BITS;
	return near < far ? near : far;
}

uint64_t wheel_first(const struct wheel *w)
{
	uint64_t first = near_first(w);

	if (w->due)
		return w->now;
	if (first >> PERIOD_BITS == w->now >> PERIOD_BITS)
		return first;
	for (unsigned i = 0; i < FAR; i++)
		for (const struct timer *t = w->far[i]; t; t = t->next)
			first = t->expiry < first ? t->expiry : first;
	return first;
}
