/* SPDX-License-Identifier: Apache-2.0 */
/* The steering program of one interface, seen from user space and (the two lines above the guard of
 * __bpf__) from the program itself. Start of the process only; agent's thread. */
#ifndef SLUICE_DP_STEER_H
#define SLUICE_DP_STEER_H

#define STEER_ADDRESSES 64
struct steer_address {
	unsigned char ip[16]; /* those after IPv4 are 0 */
	unsigned int family;  /* 4, 6 */
};
struct steer_range {
	unsigned short lo, hi; /* host order, inclusive */
};

#ifndef __bpf__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes the compiled program to an anonymous file; path (of /proc/self/fd) is for DPDK's driver.
 * Returns the descriptor, to be closed when no more device is opened, or -errno. */
int steer_file(char *path, size_t size);

/* What stands on the interface before we do. 0: free (a program of ours that a killed process left
 * is detached). -EBUSY: a foreign program or another sluice-dp; why says which. */
int steer_clear(unsigned ifindex, char *why, size_t size);

/* DPDK's driver has attached the program through netlink, where it would outlive the process. Hands
 * it over to a BPF link, which the kernel detaches when the returned descriptor closes: at exit,
 * without privileges, and after a kill as well. -errno on failure with nothing attached. */
int steer_take_over(unsigned ifindex, char *why, size_t size);

/* Media of this address goes to sluice-dp from now on. link: from steer_take_over(). */
int steer_add(int link, const struct steer_address *address, struct steer_range range);

/* Is the program run by the device's driver (true) or behind it by the kernel (generic)? */
bool steer_native(unsigned ifindex);
#endif

#endif
