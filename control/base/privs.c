/* SPDX-License-Identifier: Apache-2.0 */
#include "base/privs.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int privs_find(const char *name, struct privs_user *out)
{
	struct passwd *pw;

	if (!*name) {
		*out = (struct privs_user){ .name = "root" };
		return 0;
	}
	pw = getpwnam(name);
	*out = (struct privs_user){ .name = name };
	if (!pw) {
		out->name = "nobody";
		pw = getpwnam("nobody");
	}
	if (!pw)
		return -ENOENT;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	return 0;
}

int privs_own_folder(const char *path, const struct privs_user *u)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n == 0 || n >= sizeof(folder))
		return 0;
	memcpy(folder, path, n);
	folder[n] = '\0';
	if (mkdir(folder, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (geteuid() == 0 && chown(folder, u->uid, u->gid) < 0)
		return -errno;
	return 0;
}

/* setuid() clears the sets of a thread that had been root, but not what a systemd unit or a file
 * capability put there. */
static int capabilities_clear(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

int privs_drop(const struct privs_user *u)
{
	struct rlimit no_core = { 0, 0 };

	if (geteuid() == 0 && u->uid != 0) {
		if (setgroups(0, NULL) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
		    setresuid(u->uid, u->uid, u->uid) < 0)
			return -errno;
		if (capabilities_clear() < 0 || setuid(0) == 0)
			return -EPERM;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	umask(0077);
	return 0;
}
