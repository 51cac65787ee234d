/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/capability.h>
#include "privilege.h"

int privilege_find(const char *user, struct identity *out, struct log *log)
{
	*out = (struct identity){ geteuid(), getegid(), "" };
	if (!user || !*user || geteuid() != 0)
		return 0;
	const struct passwd *pw = getpwnam(user);
	if (!pw) {
		log_warn(log, "main", "there is no user %s: running as nobody", user);
		user = "nobody";
		pw = getpwnam(user);
	}
	if (!pw) {
		log_error(log, "main", "there is no user nobody either: name one with --user");
		return -ENOENT;
	}
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->name, sizeof(out->name), "%s", user);
	return 0;
}

void privilege_begin(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(0077);
	setrlimit(RLIMIT_MEMLOCK, &all);
}

/* For who is not root: libc changes identity for all threads, but capabilities only of the caller.
 * The worker starts later and inherits; DPDK's interrupt thread, which waits for nothing here,
 * keeps its. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) ? -errno : 0;
}

int privilege_drop(const struct identity *who, struct log *log)
{
	int err = 0;
	if (who->name[0]) {
		if (setgroups(0, NULL) || setresgid(who->gid, who->gid, who->gid) ||
		    setresuid(who->uid, who->uid, who->uid))
			err = -errno;
	} else if (geteuid() == 0) {
		return 0; /* asked to stay root */
	}
	if (!err)
		err = drop_capabilities();
	if (err)
		log_error(log, "main", "cannot give up privileges: %s", strerror(-err));
	return err;
}
