/* SPDX-License-Identifier: Apache-2.0 */
/* New calls that are turned away without a word are dropped in the kernel: at ten times the load even to read
 * them, and the six repetitions of each, would cost more than to serve what can be served.
 *
 * Loading the program needs CAP_BPF, so it is done at the start; afterwards all goes through shared memory, and
 * attaching it to a socket needs nothing. One for the process: shards share it. */
#ifndef SLUICE_SIP_SHED_H
#define SLUICE_SIP_SHED_H

#include "base/addr.h"
#include "base/log.h"
#include "sip/shed_map.h"

struct shed;

/* NULL: it cannot be done here, which is said in the log and changes nothing but what overload costs.
 * `digits`: the longest number for emergencies; only calls to longer ones are dropped. Main thread. */
struct shed *shed_new(unsigned digits, struct log *log);
void shed_free(struct shed *s);
/* To an IPv4 UDP socket, in place of what filter it had; that one comes back by its own means. 0 or -errno. */
int shed_attach(const struct shed *s, int fd);

/* All threads: */
uint64_t shed_seed(const struct shed *s);
struct shed_bucket *shed_marks(const struct shed *s); /* SHED_BUCKETS of them */
void shed_set_time(const struct shed *s, uint32_t now_s);
/* How many of this source's calls are to be seen in user space; SHED_PERMILLE: all, only repetitions of those
 * dropped before are dropped. False: there is no room for it, or it is not IPv4. */
bool shed_limit(const struct shed *s, const struct addr *source, uint32_t permille);
void shed_forget(const struct shed *s, const struct addr *source);
/* What was dropped of it so far: calls, and repetitions. */
void shed_dropped(const struct shed *s, const struct addr *source, uint64_t *first, uint64_t *again);

#endif
