/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of one network and the port pairs of each. Place 0 is address and address6; place i is the i-th IPv4 and
 * the i-th IPv6 one of media-addresses, as far as they go. A pair is taken on both addresses of a place at once, so
 * that a leg may change from one family to the other. */
#ifndef SLUICE_MEDIA_POOL_H
#define SLUICE_MEDIA_POOL_H

#include "media/ports.h"

struct pool_place {
	struct addr ip4, ip6; /* family 0: none */
	struct ports *ports;
};

struct pool {
	struct loop *loop;
	struct pool_place *place;
	unsigned n;
};

/* 0 or -ENOMEM; pool_fini() is due in any case. */
int pool_init(struct pool *p, struct loop *loop, const struct conf_network *n, uint8_t shard,
	      uint8_t n_shards);
void pool_fini(struct pool *p);
/* By chance, one that has `pairs` free ones and addresses of the families; 0 where there is none. */
uint8_t pool_choose(const struct pool *p, bool ip4, bool ip6, unsigned pairs);
/* Family 0 in what it points to: the place has none. */
const struct addr *pool_address(const struct pool *p, unsigned place, uint8_t family);
/* The pairs that such an address stands for; NULL: none. */
struct ports *pool_at(const struct pool *p, const uint8_t *ip, uint8_t family);
void pool_usage(const struct pool *p, struct media_ports *out);

#endif
