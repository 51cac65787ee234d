/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK's environment layer, started quietly and without huge pages, and what its libraries say. */
#ifndef SLUICE_DP_EAL_H
#define SLUICE_DP_EAL_H

#include "base/log.h"
#include "conf/conf.h"

/* Once per process, before other threads. Signals should be blocked: DPDK starts threads. */
int eal_start(const struct conf *conf, unsigned megabytes, struct log *log);
void eal_stop(void);
/* The last line that DPDK, libbpf or libxdp logged, without its newline: the reason of a refusal.
 * Main thread. eal_forget() empties it. */
const char *eal_said(void);
void eal_forget(void);
bool eal_is_pci(const char *port); /* "0000:01:00.0" */

#endif
