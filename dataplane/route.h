/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's routing decisions, asked one at a time, and datagrams that make it resolve
 * neighbours. Agent's thread; no privileges after route_open(). */
#ifndef SLUICE_DP_ROUTE_H
#define SLUICE_DP_ROUTE_H

#include "port.h"

struct route;

int route_open(struct route **out, struct ports *ports, struct log *log);
void route_close(struct route *r);
int route_fd(const struct route *r); /* readable when some route or address changed */
void route_drain(struct route *r);
/* Addresses of the network's family, 16 octets each, those after IPv4 being 0. 0 with the neighbour to send
 * to, or -ENETUNREACH. */
int route_next_hop(struct route *r, const struct network *net, const u8 *dst, u8 *via);
void route_poke(struct route *r, const struct network *net, const u8 *via);

#endif
