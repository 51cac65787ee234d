/* SPDX-License-Identifier: Apache-2.0 */
/* The end of privileges: what a daemon does once its sockets and devices are open. Main thread, before
 * other threads start (libc changes the identity of all of them, but capabilities are each thread's
 * own). */
#ifndef SLUICE_BASE_PRIVS_H
#define SLUICE_BASE_PRIVS_H

#include <sys/types.h>

#include "base/log.h"

struct privs {
	uid_t uid;
	gid_t gid;
	char name[64]; /* "": stay who we are */
};

/* First thing in main(): no new privileges ever, no core dumps, files for this user alone. */
void privs_begin(void);
/* Open files for so many connections, as far as the system lets us. 0, or -EMFILE: there are fewer, logged with
 * what to do. Before privs_drop(): root may raise the hard limit. */
int privs_files(unsigned long wanted, struct log *log);
/* Who to become: `user`, or nobody where there is no such user (a machine where sluice was not
 * installed; said in the log). "" means: stay. Without root nothing can be changed, and uid and gid are
 * our own. 0 or -ENOENT, logged. */
int privs_find(const char *user, struct privs *out, struct log *log);
/* Makes the folder of `path` if it is missing (mode 0755) and gives it to the user, so that a socket in
 * it can be removed later. A folder that is there is left as it is. 0 or -errno. */
int privs_own_folder(const char *path, const struct privs *p);
/* Has this thread CAP_NET_ADMIN now? */
bool privs_net_admin(void);

enum privs_keep {
	PRIVS_NONE,
	PRIVS_NET_ADMIN /* CAP_NET_ADMIN, in this process alone: no program that it starts has it */
};

/* Becomes that user for good and gives up every capability but what is to be kept. 0 or -errno, logged: then the
 * process must not go on. Also 0 where there was nothing to keep. */
int privs_drop(const struct privs *p, enum privs_keep keep, struct log *log);

#endif
