/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the kernel and back for ports that the kernel does not have (PCI, DPDK devices): a TAP
 * "sl-NETWORK" that carries the networks' addresses, one for each VLAN, without tags. What is not media goes up,
 * what the kernel sends on the TAP comes down, so ARP, SIP and ICMP work as on an interface. The agent reads
 * and writes the TAP; rings connect it with the worker. */
#ifndef SLUICE_DP_PUNT_H
#define SLUICE_DP_PUNT_H

#include "base/log.h"
#include "base/loop.h"
#include "port.h"

struct punt;

/* Makes the TAPs with the port's hardware address and the networks' addresses, up; sets port->punt and the ifindex
 * of the networks and of the port. The kernel removes them when we exit. Needs CAP_NET_ADMIN. */
int punt_open(struct ports *ports, struct port *port, struct log *log);
void punt_close(struct punt *p); /* NULL is allowed; worker stopped, agent detached */

/* Agent. wake(arg): frames wait for the worker. */
int punt_attach(struct punt *p, struct loop *loop, void (*wake)(void *arg), void *arg);
void punt_detach(struct punt *p);
void punt_run(struct punt *p); /* what came from the worker goes to the kernel */

/* Worker. Both take or give ownership of packets. */
bool punt_up(struct punt *p, struct rte_mbuf *m); /* false: full, m stays the caller's */
unsigned punt_down(struct punt *p, struct rte_mbuf **m, unsigned n);

#endif
