/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "media/ports.h"

#define NIL 0xffffu

enum pair_state {
	PAIR_FREE,
	PAIR_USED,
	PAIR_RESTING,
	PAIR_ORPHANED
};

struct pair {
	u32 until;      /* RESTING: s on the loop's clock */
	u16 prev, next; /* RESTING: in the queue; FREE: `next` is its place in free[] */
	u8 state;
	bool claimed; /* in the audit */
};

struct ports {
	struct loop *loop;
	u16 first; /* even port of pair 0 */
	u16 step;  /* from one pair to the next */
	unsigned n, n_free, n_resting, n_orphaned;
	u16 head, tail; /* of the resting, the oldest first */
	u16 *free;
	struct pair pair[];
};

static u32 seconds(const struct ports *p)
{
	return (u32)(loop_now(p->loop) / 1000);
}

static void put_free(struct ports *p, u16 i)
{
	p->pair[i].state = PAIR_FREE;
	p->pair[i].next = (u16)p->n_free;
	p->free[p->n_free++] = i;
}

static void take_free(struct ports *p, u16 i)
{
	u16 place = p->pair[i].next, last = p->free[--p->n_free];

	p->free[place] = last;
	p->pair[last].next = place;
}

static void put_resting(struct ports *p, u16 i)
{
	struct pair *x = &p->pair[i];

	x->state = PAIR_RESTING;
	x->until = seconds(p) + PORTS_REST_S + 1; /* the second that has begun doesn't count */
	x->prev = p->tail;
	x->next = NIL;
	if (p->tail == NIL)
		p->head = i;
	else
		p->pair[p->tail].next = i;
	p->tail = i;
	p->n_resting++;
}

static void take_resting(struct ports *p, u16 i)
{
	struct pair *x = &p->pair[i];

	if (x->prev == NIL)
		p->head = x->next;
	else
		p->pair[x->prev].next = x->next;
	if (x->next == NIL)
		p->tail = x->prev;
	else
		p->pair[x->next].prev = x->prev;
	p->n_resting--;
}

static void wake(struct ports *p)
{
	u32 now = seconds(p);

	while (p->head != NIL && p->pair[p->head].until <= now) {
		u16 i = p->head;
		take_resting(p, i);
		put_free(p, i);
	}
}

struct ports *ports_new(struct loop *loop, uint16_t lo, uint16_t hi, uint8_t shard,
			uint8_t n_shards)
{
	unsigned first = (lo + 1u) & ~1u, all = hi > first ? (hi - first + 1u) / 2 : 0;
	unsigned n = all > shard ? (all - shard + n_shards - 1u) / n_shards : 0;
	struct ports *p = calloc(1, sizeof(*p) + n * sizeof(p->pair[0]));

	if (!p)
		return NULL;
	p->loop = loop;
	p->first = (u16)(first + 2u * shard);
	p->step = (u16)(2u * n_shards);
	p->n = n;
	p->head = p->tail = NIL;
	p->free = calloc(n ? n : 1, sizeof(p->free[0]));
	if (!p->free) {
		free(p);
		return NULL;
	}
	for (unsigned i = 0; i < n; i++)
		put_free(p, (u16)i);
	return p;
}

void ports_free(struct ports *p)
{
	if (!p)
		return;
	free(p->free);
	free(p);
}

/* The pair of an RTP or RTCP port; NIL: not ours. */
static unsigned pair_of(const struct ports *p, u16 port)
{
	unsigned even = port & ~1u;

	if (even < p->first || (even - p->first) % p->step)
		return NIL;
	unsigned i = (even - p->first) / p->step;
	return i < p->n ? i : NIL;
}

uint16_t ports_take(struct ports *p)
{
	wake(p);
	if (!p->n_free)
		return 0;
	u16 i = p->free[loop_random_u32(p->loop, p->n_free)];
	take_free(p, i);
	p->pair[i].state = PAIR_USED;
	return (u16)(p->first + i * p->step);
}

void ports_untake(struct ports *p, uint16_t port)
{
	unsigned i = pair_of(p, port);

	if (i != NIL && p->pair[i].state == PAIR_USED)
		put_free(p, (u16)i);
}

void ports_rest(struct ports *p, uint16_t port)
{
	unsigned i = pair_of(p, port);

	if (i == NIL || (p->pair[i].state != PAIR_USED && p->pair[i].state != PAIR_ORPHANED))
		return;
	p->n_orphaned -= p->pair[i].state == PAIR_ORPHANED;
	put_resting(p, (u16)i);
}

enum ports_mark ports_orphan(struct ports *p, uint16_t port)
{
	unsigned i = pair_of(p, port);

	if (i == NIL)
		return PORTS_FOREIGN;
	switch (p->pair[i].state) {
	case PAIR_USED:
		return PORTS_IN_USE;
	case PAIR_ORPHANED:
		return PORTS_MARKED;
	case PAIR_FREE:
		take_free(p, (u16)i);
		break;
	default:
		take_resting(p, (u16)i);
	}
	p->pair[i].state = PAIR_ORPHANED;
	p->n_orphaned++;
	return PORTS_MARKED;
}

void ports_usage(struct ports *p, struct media_ports *out)
{
	wake(p);
	*out = (struct media_ports){
		.total = p->n,
		.used = p->n - p->n_free - p->n_resting - p->n_orphaned,
		.resting = p->n_resting,
		.orphaned = p->n_orphaned,
	};
}

unsigned ports_vacant(struct ports *p)
{
	wake(p);
	return p->n_free;
}

bool ports_claim(struct ports *p, uint16_t port)
{
	unsigned i = pair_of(p, port);

	if (i == NIL)
		return false;
	struct pair *x = &p->pair[i];
	bool good = x->state == PAIR_USED && !x->claimed;
	if (x->state == PAIR_FREE)
		take_free(p, (u16)i);
	else if (x->state == PAIR_RESTING)
		take_resting(p, (u16)i);
	else if (x->state == PAIR_ORPHANED)
		return false; /* its flow ends, and then the pair rests */
	x->state = PAIR_USED;
	x->claimed = true;
	return good;
}

unsigned ports_unclaimed(struct ports *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		struct pair *x = &p->pair[i];
		bool lost = x->state == PAIR_USED && !x->claimed;

		x->claimed = false;
		n += lost;
		if (lost)
			put_resting(p, (u16)i);
	}
	return n;
}

static bool audit_resting(const struct ports *p)
{
	unsigned n = 0;
	u16 prev = NIL;

	for (u16 i = p->head; i != NIL; i = p->pair[i].next) {
		if (i >= p->n || p->pair[i].state != PAIR_RESTING || p->pair[i].prev != prev)
			return false;
		if (prev != NIL && p->pair[prev].until > p->pair[i].until)
			return false;
		if (++n > p->n)
			return false;
		prev = i;
	}
	return p->tail == prev && n == p->n_resting;
}

bool ports_audit(const struct ports *p)
{
	unsigned count[4] = { 0 };

	for (unsigned i = 0; i < p->n; i++) {
		const struct pair *x = &p->pair[i];
		if (x->state > PAIR_ORPHANED)
			return false;
		count[x->state]++;
		if (x->state == PAIR_FREE && (x->next >= p->n_free || p->free[x->next] != i))
			return false;
	}
	return count[PAIR_FREE] == p->n_free && count[PAIR_RESTING] == p->n_resting &&
	       count[PAIR_ORPHANED] == p->n_orphaned && audit_resting(p);
}
