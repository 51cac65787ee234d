/* SPDX-License-Identifier: Apache-2.0 */
#include "base/privs.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void privs_begin(void)
{
	struct rlimit none = { 0, 0 };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(0077);
}

int privs_files(unsigned long wanted, struct log *log)
{
	struct rlimit l, more;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	if (l.rlim_cur >= wanted)
		return 0;
	more = (struct rlimit){ wanted, l.rlim_max > wanted ? l.rlim_max : wanted };
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return 0;
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	log_warn(log, "start",
		 "only %lu files may be open, and all connections would need %lu: raise the limit "
		 "(LimitNOFILE, ulimit -n) or lower sip.connections",
		 (unsigned long)l.rlim_max, wanted);
	return -EMFILE;
}

int privs_find(const char *user, struct privs *out, struct log *log)
{
	const struct passwd *pw;

	*out = (struct privs){ .uid = geteuid(), .gid = getegid() };
	if (!*user || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw) {
		log_notice(log, "start", "there is no user %s: running as nobody", user);
		user = "nobody";
		pw = getpwnam(user);
	}
	if (!pw) {
		log_error(log, "start", "there is no user nobody either: name one in process.user");
		return -ENOENT;
	}
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->name, sizeof(out->name), "%s", user);
	return 0;
}

int privs_own_folder(const char *path, const struct privs *p)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n == 0 || n >= sizeof(folder))
		return 0;
	memcpy(folder, path, n);
	folder[n] = '\0';
	if (mkdir(folder, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (chmod(folder, 0755) < 0 || (geteuid() == 0 && chown(folder, p->uid, p->gid) < 0))
		return -errno;
	return 0;
}

bool privs_net_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2] = { 0 };

	return syscall(SYS_capget, &head, now) == 0 && now[0].effective & 1u << CAP_NET_ADMIN;
}

/* setresuid() clears the sets of a process that was root, but not what a systemd unit or a file
 * capability gave to another user. What is kept has to be among what is permitted. */
static int limit_capabilities(enum privs_keep keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[2] = { 0 }, less[2] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (keep == PRIVS_NET_ADMIN) {
		if (syscall(SYS_capget, &head, now) < 0)
			return -errno;
		less[0].permitted = now[0].permitted & (1u << CAP_NET_ADMIN);
		less[0].effective = less[0].permitted;
	}
	return syscall(SYS_capset, &head, less) < 0 ? -errno : 0;
}

static int become(const struct privs *p, enum privs_keep keep)
{
	/* Else all is gone with the identity. exec() ends it. */
	if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0)
		return -errno;
	if (keep)
		prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	return 0;
}

int privs_drop(const struct privs *p, enum privs_keep keep, struct log *log)
{
	int err = 0;

	if (!p->name[0] && geteuid() == 0)
		return 0; /* asked to stay root */
	if (p->name[0])
		err = become(p, keep);
	if (!err)
		err = limit_capabilities(keep);
	if (err)
		log_error(log, "start", "cannot give up privileges: %s", strerror(-err));
	return err;
}
