/* SPDX-License-Identifier: Apache-2.0 */
/* A packet that is longer than its device sends leaves in fragments. By copies, each in one buffer: chains of
 * buffers, as librte_ip_frag makes them, are not sent by AF_XDP. */
#ifndef SLUICE_DP_SPLIT_H
#define SLUICE_DP_SPLIT_H

#include "port.h"

#define SPLIT_MAX 8

/* m is what tx_rewrite() left, checksums made; it stays the caller's. The number of fragments in part[], or -EMSGSIZE:
 * more than SPLIT_MAX; -ENOMEM. RFC 791: 3.2; RFC 8200 4.5. */
int split(const struct rte_mbuf *m, const struct network *from, struct rte_mempool *pool, u32 id,
	  struct rte_mbuf *part[SPLIT_MAX]);

#endif
