/* SPDX-License-Identifier: Apache-2.0 */
/* The end of privileges: what a daemon does once its sockets and devices are open. Main thread,
 * before other threads start (glibc carries the change to all, but the order makes it evident). */
#ifndef SLUICE_BASE_PRIVS_H
#define SLUICE_BASE_PRIVS_H

#include <sys/types.h>

struct privs_user {
	uid_t uid;
	gid_t gid;
	const char *name; /* of the user found: the one asked for, or "nobody" */
};

/* Finds `name`, or nobody where there is no such user (a machine where sluice was not installed).
 * 0 or -ENOENT. "" means root: uid 0. */
int privs_find(const char *name, struct privs_user *out);
/* Makes the folder of `path` if it is missing (mode 0755) and gives it to the user, so that a
 * socket in it can be removed later. Only a folder made here changes hands. 0 or -errno. */
int privs_own_folder(const char *path, const struct privs_user *u);
/* No user, group, capability or new privilege is left, core dumps are off, umask is 0077. Without
 * root at the start only the last three are done. 0 or -errno: then the process must not go on. */
int privs_drop(const struct privs_user *u);

#endif
