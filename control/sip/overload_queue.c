/* SPDX-License-Identifier: Apache-2.0 */
/* What waits: a list for each class, oldest to newest, and one bound on the memory of all. */
#include <stdlib.h>
#include "sip/overload_priv.h"

#define LOOK_BACK 512 /* calls that a CANCEL is compared with */

static size_t cost(const struct waiting *w)
{
	return sizeof(*w) + w->len + SIP_PAD;
}

static void unlink_one(struct overload *v, struct waiting *w)
{
	struct queue *q = &v->queue[w->class];

	*(w->older ? &w->older->newer : &q->oldest) = w->newer;
	*(w->newer ? &w->newer->older : &q->newest) = w->older;
	q->n--;
	v->waiting--;
	v->octets -= cost(w);
}

struct waiting *overload_pop(struct overload *v, enum overload_class c, bool newest)
{
	struct waiting *w = newest ? v->queue[c].newest : v->queue[c].oldest;

	if (w)
		unlink_one(v, w);
	return w;
}

void overload_wait_free(struct waiting *w)
{
	free(w);
}

/* Of what counts less first, and the oldest of it: nobody waits for that any more. */
static bool evict(struct overload *v, enum overload_class c)
{
	for (int k = OVERLOAD_CLASSES - 1; k >= (int)c; k--) {
		struct waiting *w = overload_pop(v, (enum overload_class)k, false);

		if (!w)
			continue;
		overload_count(v, COUNT_FULL);
		overload_turn_away(v, &w->from, w->data, w->len);
		overload_wait_free(w);
		return true;
	}
	return false;
}

/* Found again by the CANCEL that overtakes it. */
static void note_call_id(struct waiting *w)
{
	struct overload_scan s;

	overload_scan(w->data, w->len, true, &s);
	if (!s.call_id.n || s.call_id.n > UINT16_MAX || s.call_id.p - w->data > UINT16_MAX)
		return;
	w->call_id_at = (uint16_t)(s.call_id.p - w->data);
	w->call_id_len = (uint16_t)s.call_id.n;
}

struct waiting *overload_pop_call(struct overload *v, struct str call_id)
{
	struct waiting *w = v->queue[OVERLOAD_CALL].newest;

	for (unsigned i = 0; w && i < LOOK_BACK; w = w->older, i++)
		if (str_eq((struct str){ w->data + w->call_id_at, w->call_id_len }, call_id)) {
			unlink_one(v, w);
			return w;
		}
	return NULL;
}

bool overload_push(struct overload *v, enum overload_class c, const struct sip_hop *from,
		   const char *buf, size_t len)
{
	struct queue *q = &v->queue[c];
	struct waiting *w;

	while (v->octets + sizeof(*w) + len + SIP_PAD > v->queue_max)
		if (!evict(v, c))
			return false;
	w = malloc(sizeof(*w) + len + SIP_PAD);
	if (!w)
		return false;
	*w = (struct waiting){
		.older = q->newest,
		.from = *from,
		.since_us = loop_clock_us(v->loop),
		.len = (uint32_t)len,
		.class = (uint8_t)c,
	};
	memcpy(w->data, buf, len);
	memset(w->data + len, 0, SIP_PAD);
	if (c == OVERLOAD_CALL)
		note_call_id(w);
	*(q->newest ? &q->newest->newer : &q->oldest) = w;
	q->newest = w;
	q->n++;
	v->waiting++;
	v->octets += cost(w);
	return true;
}

void overload_queue_free(struct overload *v)
{
	struct waiting *w;

	for (int k = 0; k < OVERLOAD_CLASSES; k++)
		while ((w = overload_pop(v, (enum overload_class)k, false)))
			overload_wait_free(w);
}
