/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers' packets are dropped in the kernel, before they cost a system call or a SYN-ACK: a classic BPF
 * program that searches the source address among the known ones. It says the same as the check in user
 * space, which stays: where no filter can be attached only the cost differs. */
#ifndef SLUICE_SIP_SOURCE_FILTER_H
#define SLUICE_SIP_SOURCE_FILTER_H

#include <linux/filter.h>
#include "base/addr.h"

/* The program for sockets of one family (4 or 6); prefixes of the other do not count. Freed with free().
 * NULL + errno: ENOMEM, E2BIG (more than BPF_MAXINSNS instructions: some 680 IPv4 ranges; of IPv6, whose
 * prefixes cost by their length, 110 hosts or 220 /64). */
struct sock_fprog *source_filter_new(uint8_t family, const struct prefix *known, unsigned n);
/* In place of the one before, with no packet in between that neither has seen; NULL: none any more. UDP
 * and listening TCP sockets. 0 or -errno. */
int source_filter_attach(int fd, const struct sock_fprog *filter);
/* Packets that the kernel has dropped for this socket: by the filter, or because its buffer was full. */
uint64_t source_filter_drops(int fd);

#endif
