/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: speaks the flow language (relay/flow.h) with its clients over a SOCK_SEQPACKET unix
 * socket and is the only writer of the table. Runs on the main thread's loop. Flows outlive the
 * clients that set them. */
#ifndef SLUICE_DP_AGENT_H
#define SLUICE_DP_AGENT_H

#include <sys/types.h>
#include "base/loop.h"
#include "neigh.h"
#include "table.h"
#include "worker.h"

struct agent;

/* A listening socket at `path`, mode 0660, owned by uid:gid. Its directory is made where it is
 * missing. A socket that a killed process left is replaced, one that answers is not: -EADDRINUSE.
 */
int agent_listen(const char *path, uid_t uid, gid_t gid, struct log *log);

struct agent_parts {
	struct ports *ports;
	struct media_table *table;
	struct neigh *neigh;
	struct loop *loop;
	struct log *log;
	int listener; /* the caller's */
	int notify;   /* eventfd that the workers write; the caller's */
	u32 max_flows;
};

/* NULL without memory. */
struct agent *agent_new(const struct agent_parts *parts);
void agent_set_workers(struct agent *a, struct workers *ws); /* before the loop runs */
void agent_free(struct agent *a);                            /* workers stopped; frees every flow */

#endif
