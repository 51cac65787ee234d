/* SPDX-License-Identifier: Apache-2.0 */
/* What an AF_PACKET socket of a port hands up: the rest would wake the worker for nothing. */
#ifndef SLUICE_DP_FILTER_H
#define SLUICE_DP_FILTER_H

#include "port.h"

/* UDP to the port's addresses and media ports, and later fragments of any UDP to those addresses. 0 or
 * -errno. */
int filter_media(const struct ports *p, const struct port *port, int fd);
/* Only the later fragments. */
int filter_fragments(const struct ports *p, const struct port *port, int fd);

#endif
