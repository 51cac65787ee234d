/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of processes and kernel threads, in groups with a name. /proc/PID/task/TID/schedstat counts in ns;
 * /proc/stat under-reports what comes in short bursts. */
#ifndef SLUICE_BENCH_CPU_H
#define SLUICE_BENCH_CPU_H

#include <stdint.h>
#include "base/str.h"

#define CPU_GROUPS 8
#define CPU_PIDS   64

struct cpu {
	unsigned n;
	struct cpu_group {
		char name[32];
		unsigned n;
		int pid[CPU_PIDS];
	} group[CPU_GROUPS];
};

/* "NAME=WHO,WHO,...": each WHO a process id, or a pattern for names of processes and kernel threads as a shell has
 * it ("ksoftirqd/" and an asterisk). More for the same NAME may follow. 0, -ESRCH: nobody is called that, -ENOSPC, -EINVAL. */
int cpu_add(struct cpu *c, struct str spec);
uint64_t cpu_read(const struct cpu_group *g); /* ns since they started */
uint64_t cpu_self(void);

#endif
