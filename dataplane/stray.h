/* SPDX-License-Identifier: Apache-2.0 */
/* A later fragment that comes before the first one has no port: the steering program cannot know that it is media
 * and leaves it to the kernel. A packet socket hands a copy of those to the worker, which joins it with the others;
 * the kernel forgets its own. One for each AF_XDP port. */
#ifndef SLUICE_DP_STRAY_H
#define SLUICE_DP_STRAY_H

#include "base/loop.h"
#include "port.h"

struct stray;

/* Sets port->stray. Needs CAP_NET_RAW. */
int stray_open(struct ports *ports, struct port *port);
void stray_close(struct stray *s); /* NULL is allowed; worker stopped, agent detached */

/* Agent. wake(arg): frames wait for the worker. */
int stray_attach(struct stray *s, struct loop *loop, void (*wake)(void *arg), void *arg);
void stray_detach(struct stray *s); /* NULL is allowed */

/* Worker: up to n, the caller's. */
unsigned stray_take(struct stray *s, struct rte_mbuf **m, unsigned n);

#endif
