/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BENCH_NETNS_H
#define SLUICE_BENCH_NETNS_H

/* This thread goes into a network namespace of /run/netns; NULL: it stays. *back is for netns_leave(). 0 or -errno,
 * said on stderr. What is opened inside stays there. */
int netns_enter(const char *name, int *back);
void netns_leave(int back);

#endif
