/* SPDX-License-Identifier: Apache-2.0 */
/* AF_PACKET hands out copies: the kernel gets each media packet too and would answer it with ICMP
 * port unreachable. This drops media in the kernel, after our copy was taken, by one nftables
 * table. */
#ifndef SLUICE_DP_MUTE_H
#define SLUICE_DP_MUTE_H

struct log;
struct ports;

/* A netlink socket that owns the table: the kernel removes the table when it closes, at exit (no
 * privileges needed) and after a kill as well. -1: not wanted, or not possible, which is logged. */
int mute_open(const struct ports *p, int wanted, struct log *log);

#endif
