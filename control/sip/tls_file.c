/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sip/tls_priv.h"

#define FILE_MAX (16u << 20) /* every CA there is takes a quarter of a megabyte */

struct tls_stamp tls_stamp_of(const char *path)
{
	struct tls_stamp s;
	struct stat st;

	memset(&s, 0, sizeof(s));
	if (path && stat(path, &st) == 0) {
		s.dev = st.st_dev;
		s.ino = st.st_ino;
		s.size = st.st_size;
		s.changed = st.st_mtim;
	}
	return s;
}

bool tls_stamp_eq(const struct tls_stamp *a, const struct tls_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static int refuse(const struct tls_options *o, const char *path, int rc, const char *reason)
{
	log_error(o->log, "tls", "%s: %s: %s", o->name, path, reason);
	return rc;
}

static int check(const struct tls_options *o, const char *path, const struct stat *st, bool secret)
{
	if (!S_ISREG(st->st_mode))
		return refuse(o, path, -EINVAL, "this is no file");
	if (st->st_mode & S_IWOTH)
		return refuse(
			o, path, -EPERM,
			"everybody may write it, so it proves nothing: chmod o-w it, and look who "
			"has changed it");
	if (secret && st->st_mode & S_IROTH)
		return refuse(
			o, path, -EPERM,
			"everybody may read the private key in it: chmod o-r it, and better make a "
			"new key");
	if (st->st_size > FILE_MAX)
		return refuse(o, path, -EFBIG, "it is too large for certificates");
	return 0;
}

static int read_all(int fd, struct tls_file *f, size_t size)
{
	ssize_t got = 1;

	f->p = malloc(size + 1);
	if (!f->p)
		return -ENOMEM;
	while (f->n < size && got > 0) {
		got = read(fd, f->p + f->n, size - f->n);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			f->n += (size_t)got;
	}
	return 0;
}

int tls_file_read(struct tls_file *f, const struct tls_options *o, const char *path, bool secret)
{
	/* O_NONBLOCK: a FIFO in its place must not stop us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;
	struct stat st;

	*f = (struct tls_file){ .path = path };
	if (fd < 0)
		return refuse(o, path, -errno, strerror(errno));
	/* Of what is open, not of what has the name by now. */
	if (fstat(fd, &st))
		rc = refuse(o, path, -errno, strerror(errno));
	else
		rc = check(o, path, &st, secret);
	if (!rc) {
		rc = read_all(fd, f, (size_t)st.st_size);
		if (rc)
			refuse(o, path, rc, strerror(-rc));
	}
	close(fd);
	if (rc)
		tls_file_forget(f);
	return rc;
}

void tls_file_forget(struct tls_file *f)
{
	if (f->p)
		explicit_bzero(f->p, f->n);
	free(f->p);
	*f = (struct tls_file){ 0 };
}
