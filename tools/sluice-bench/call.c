/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include "call.h"

struct route {
	uint32_t mask;
	struct {
		struct addr from;
		int call; /* -1: free */
	} slot[];
};

int call_keys(struct call *c, const uint8_t suite[2])
{
	for (unsigned i = 0; i < 2; i++)
		if (srtp_random(&c->side[i].tx_key, suite[i]) ||
		    srtp_random(&c->side[i].rx_key, suite[i]))
			return -EIO;
	return 0;
}

int call_begin(struct call *c)
{
	for (unsigned i = 0; i < 2; i++) {
		struct call_side *s = &c->side[i];
		uint32_t random[2];
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		s->ssrc = s->kept_ssrc ? s->kept_ssrc : random[0];
		s->sent =
			random[1] &
			0x3fff; /* the first sequence number: well before it wraps, RFC 3711 3.3.1 */
		if (!s->tx_key.suite)
			continue;
		s->tx = srtp_new(&s->tx_key);
		s->rx = srtp_new(&s->rx_key);
		if (!s->tx || !s->rx)
			return -ENOMEM;
	}
	c->up = true;
	return 0;
}

void call_end(struct call *c)
{
	for (unsigned i = 0; i < 2; i++) {
		srtp_free(c->side[i].tx);
		srtp_free(c->side[i].rx);
		c->side[i].tx = c->side[i].rx = NULL;
	}
	c->up = false;
}

static uint32_t hash_of(const struct addr *a)
{
	uint64_t h = a->port, v;
	for (unsigned i = 0; i < sizeof(a->ip); i += sizeof(v)) {
		memcpy(&v, a->ip + i, sizeof(v));
		h = (h ^ v) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return (uint32_t)h;
}

struct route *route_new(const struct call *calls, unsigned n, unsigned side)
{
	uint32_t size = 64;
	while (size < 2 * n)
		size *= 2;
	struct route *r = malloc(sizeof(*r) + size * sizeof(r->slot[0]));
	if (!r)
		return NULL;
	r->mask = size - 1;
	for (uint32_t i = 0; i < size; i++)
		r->slot[i].call = -1;
	for (unsigned i = 0; i < n; i++) {
		uint32_t at = hash_of(&calls[i].side[side].relay) & r->mask;
		while (r->slot[at].call >= 0)
			at = (at + 1) & r->mask;
		r->slot[at].from = calls[i].side[side].relay;
		r->slot[at].call = (int)i;
	}
	return r;
}

void route_free(struct route *r)
{
	free(r);
}

int route_find(const struct route *r, const struct addr *from)
{
	for (uint32_t at = hash_of(from) & r->mask; r->slot[at].call >= 0; at = (at + 1) & r->mask)
		if (addr_eq(&r->slot[at].from, from))
			return r->slot[at].call;
	return -1;
}
