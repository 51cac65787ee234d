/* SPDX-License-Identifier: Apache-2.0 */
/* What the process may do: a lot while it opens devices, nothing afterwards. */
#ifndef SLUICE_DP_PRIVILEGE_H
#define SLUICE_DP_PRIVILEGE_H

#include <sys/types.h>
#include "base/log.h"

struct identity {
	uid_t uid;
	gid_t gid;
	char name[64]; /* "": stay who we are */
};

/* Who to become: `user`, or nobody where there is no such user (said in the log). "" means: stay.
 */
int privilege_find(const char *user, struct identity *out, struct log *log);
/* First thing in main(), before any thread: no new privileges ever, files for us alone, no limit on
 * locked memory (older kernels count AF_XDP's packets against it). */
void privilege_begin(void);
/* Becomes `who` for good and gives up every capability. Nothing is kept: BPF link, netfilter
 * socket, TAP and packet sockets clean up by themselves when they close, and netlink answers
 * anybody. */
int privilege_drop(const struct identity *who, struct log *log);

#endif
