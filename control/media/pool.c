/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "media/pool.h"

/* The i-th address of that family in the list, from 0; NULL: it is shorter. */
static const struct addr *nth(const struct conf_network *n, uint8_t family, unsigned i)
{
	for (unsigned k = 0; k < n->n_media; k++)
		if (n->media[k].family == family && !i--)
			return &n->media[k];
	return NULL;
}

static void put_addresses(struct pool_place *to, const struct conf_network *n, unsigned place)
{
	const struct addr *four = place ? nth(n, 4, place - 1) : &n->address;
	const struct addr *six = place ? nth(n, 6, place - 1) : &n->address6;

	to->ip4 = four ? *four : (struct addr){ 0 };
	to->ip6 = six ? *six : (struct addr){ 0 };
}

int pool_init(struct pool *p, struct loop *loop, const struct conf_network *n, uint8_t shard,
	      uint8_t n_shards)
{
	p->loop = loop;
	p->place = calloc(1 + n->n_media, sizeof(*p->place));
	if (!p->place)
		return -ENOMEM;
	while (!p->n || nth(n, 4, p->n - 1) || nth(n, 6, p->n - 1)) {
		struct pool_place *at = &p->place[p->n++];

		put_addresses(at, n, p->n - 1);
		at->ports = ports_new(loop, n->media_lo, n->media_hi, shard, n_shards);
		if (!at->ports)
			return -ENOMEM;
	}
	return 0;
}

void pool_fini(struct pool *p)
{
	for (unsigned i = 0; i < p->n; i++)
		ports_free(p->place[i].ports);
	free(p->place);
}

static bool fits(const struct pool_place *x, bool ip4, bool ip6, unsigned pairs)
{
	return (!ip4 || x->ip4.family) && (!ip6 || x->ip6.family) &&
	       ports_vacant(x->ports) >= pairs;
}

uint8_t pool_choose(const struct pool *p, bool ip4, bool ip6, unsigned pairs)
{
	uint8_t fit[256];
	unsigned n = 0;

	if (p->n == 1)
		return 0;
	for (unsigned i = 0; i < p->n && i < sizeof(fit); i++)
		if (fits(&p->place[i], ip4, ip6, pairs))
			fit[n++] = (uint8_t)i;
	return n ? fit[loop_random_u32(p->loop, n)] : 0;
}

const struct addr *pool_address(const struct pool *p, unsigned place, uint8_t family)
{
	return family == 6 ? &p->place[place].ip6 : &p->place[place].ip4;
}

struct ports *pool_at(const struct pool *p, const uint8_t *ip, uint8_t family)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct addr *a = pool_address(p, i, family);

		if (a->family == family && !memcmp(a->ip, ip, sizeof(a->ip)))
			return p->place[i].ports;
	}
	return NULL;
}

void pool_usage(const struct pool *p, struct media_ports *out)
{
	*out = (struct media_ports){ 0 };
	for (unsigned i = 0; i < p->n; i++) {
		struct media_ports one;

		ports_usage(p->place[i].ports, &one);
		out->total += one.total;
		out->used += one.used;
		out->resting += one.resting;
		out->orphaned += one.orphaned;
	}
}
