/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords stand in files that only their owner can read. No message shows one, and none stays
 * behind in memory but in the snapshot, which wipes it. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "value_priv.h"

#define SECRET_LONGEST 255
#define SCHEME         "file:"

static bool is_user(uid_t uid, const char *name)
{
	char mem[1024];
	struct passwd pw, *found = NULL;

	return name && *name && getpwnam_r(name, &pw, mem, sizeof(mem), &found) == 0 && found &&
	       pw.pw_uid == uid;
}

/* Root, who reads it now, or who sluiced becomes. */
static bool is_ours(const struct value *v, uid_t owner)
{
	return owner == 0 || owner == geteuid() || is_user(owner, v->b->snap->conf.process.user);
}

static bool check_file(struct value *v, const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		BAD(v, "%s is not a file", path);
		FIX(v, "Write the path of a file whose first line is the password.");
	} else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		BAD(v, "others than the owner have rights on %s (mode %04o)", path,
		    (unsigned)st.st_mode & 07777);
		FIX(v, "Take them away: chmod 600 %s", path);
	} else if (!is_ours(v, st.st_uid)) {
		BAD(v, "%s belongs to another user (%u)", path, (unsigned)st.st_uid);
		FIX(v, "It must be root's or that of the user that sluice runs as: see chown.");
	} else {
		return true;
	}
	return false;
}

static void refuse_unreadable(struct value *v, const char *path, int err)
{
	BAD(v, "%s cannot be read (%s)", path, strerror(err));
	FIX(v, "Check the path; the file must be one that the user of sluice can read.");
}

/* The password goes to the arena, and only there. */
static void take_line(struct value *v, const char *path, struct str text)
{
	struct str line = STR_NONE;

	str_line(&text, &line);
	if (!line.n) {
		BAD(v, "the first line of %s is empty", path);
		FIX(v, "Write the password there.");
	} else if (line.n > SECRET_LONGEST || memchr(line.p, 0, line.n)) {
		BAD(v, "the first line of %s is no password", path);
		FIX(v, "Write it there as text of up to %d characters.", SECRET_LONGEST);
	} else {
		*(const char **)value_field(v) = arena_str(v->b->arena, line).p;
		v->b->faults->no_memory |= !*(const char **)value_field(v);
	}
}

static void read_secret(struct value *v, const char *path)
{
	/* O_NONBLOCK: a FIFO must not keep us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char mem[SECRET_LONGEST + 2]; /* with the end of the line */
	ssize_t n;

	if (fd < 0) {
		refuse_unreadable(v, path, errno);
		return;
	}
	if (check_file(v, path, fd)) {
		n = read_up_to(fd, mem, sizeof(mem));
		if (n < 0)
			refuse_unreadable(v, path, (int)-n);
		else
			take_line(v, path, (struct str){ mem, (size_t)n });
		explicit_bzero(mem, sizeof(mem));
	}
	close(fd);
}

/* "file:/etc/sluice/carrier.password". The value is not quoted in errors: it may be a password. */
void bind_password(struct value *v)
{
	const char *path = v->s.p + sizeof(SCHEME) - 1;

	if (!str_starts(v->s, STR(SCHEME))) {
		BAD(v, "a password does not stand in this file itself");
		FIX(v, "Put it into a file of its own (chmod 600), and write %s: %s.", v->o->name,
		    v->o->example);
	} else if (*path != '/') {
		BAD(v, "what follows \"file:\" is not an absolute path");
		FIX(v, "Begin with a slash, like %s.", v->o->example);
	} else if (v->b->secrets) {
		read_secret(v, path);
	} else {
		*(const char **)value_field(v) = arena_str(v->b->arena, str_of(path)).p;
		v->b->faults->no_memory |= !*(const char **)value_field(v);
	}
}
