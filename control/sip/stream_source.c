/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections a source and a neighbour may have. */
#include <stdlib.h>
#include "sip/stream_priv.h"

#define SECOND_US 1000000u
#define KEPT      5 /* one in so many slots is kept for neighbours that have few */
#define FEW       4

static struct addr key_of(const struct addr *a)
{
	struct addr k = *a;

	k.port = 0;
	/* Who has one IPv6 address has all of its /64. */
	if (k.family == 6)
		memset(k.ip + 8, 0, 8);
	return k;
}

static bool is_source(const struct table_node *n, const void *key)
{
	return addr_ip_eq(&container_of(n, struct source, node)->key, key);
}

/* Those without connections whose rate is forgotten. They stand in the order in which they left. */
static void purge(struct stream *s, uint64_t now_us)
{
	struct source *o;

	while ((o = s->idle_first) && (o->n || o->due_us <= now_us)) {
		s->idle_first = o->next_idle;
		if (!s->idle_first)
			s->idle_last = &s->idle_first;
		o->idle = false;
		if (o->n == 0) {
			table_del(&s->sources, &o->node);
			free(o);
		}
	}
}

static struct source *find(struct stream *s, const struct addr *from)
{
	struct addr key = key_of(from);
	uint64_t hash = table_hash(&s->sources, &key, sizeof(key));
	struct table_node *n = table_find(&s->sources, hash, is_source, &key);
	struct source *o;

	if (n)
		return container_of(n, struct source, node);
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->key = key;
	table_add(&s->sources, &o->node, hash);
	return o;
}

static void make_idle(struct stream *s, struct source *o)
{
	if (o->n || o->idle)
		return;
	o->idle = true;
	o->next_idle = NULL;
	*s->idle_last = o;
	s->idle_last = &o->next_idle;
}

/* A second's worth at once, then one at a time. */
static bool too_fast(const struct stream *s, struct source *o, uint64_t now_us)
{
	uint64_t each = SECOND_US / s->o.rate_per_source;

	if (o->due_us < now_us)
		o->due_us = now_us;
	if (o->due_us + each > now_us + SECOND_US)
		return true;
	o->due_us += each;
	return false;
}

/* Room for its count. */
static bool know_peer(struct stream *s, unsigned peer)
{
	unsigned n = peer + 1;
	uint32_t *of;

	if (peer < s->n_of_peer)
		return true;
	of = realloc(s->of_peer, n * sizeof(*of));
	if (!of)
		return false;
	memset(of + s->n_of_peer, 0, (n - s->n_of_peer) * sizeof(*of));
	s->of_peer = of;
	s->n_of_peer = n;
	return true;
}

static bool is_full(struct stream *s, unsigned peer)
{
	size_t max = s->o.max_connections;

	return s->n >= max || !know_peer(s, peer) ||
	       (s->n >= max - max / KEPT && s->of_peer[peer] >= FEW);
}

struct source *source_admit(struct stream *s, const struct sip_hop *from)
{
	uint64_t now_us = loop_now(s->o.loop) * 1000;
	enum stream_count why;
	struct source *o;

	purge(s, now_us);
	if (is_full(s, (unsigned)from->peer)) {
		stream_count(s, STREAM_FULL);
		return NULL;
	}
	o = find(s, &from->addr);
	if (!o) {
		stream_count(s, STREAM_MEMORY);
		return NULL;
	}
	if (o->n < s->o.per_source && !too_fast(s, o, now_us)) {
		o->n++;
		s->of_peer[from->peer]++;
		return o;
	}
	why = o->n < s->o.per_source ? STREAM_RATE : STREAM_PER_SOURCE;
	stream_count(s, why);
	make_idle(s, o);
	return NULL;
}

void source_leave(struct stream *s, struct source *o, const struct sip_hop *from)
{
	s->of_peer[from->peer]--;
	o->n--;
	make_idle(s, o);
}

static void free_source(struct table_node *n, void *arg)
{
	free(container_of(n, struct source, node));
}

void source_free_all(struct stream *s)
{
	if (s->sources.count)
		table_each(&s->sources, free_source, NULL);
}
