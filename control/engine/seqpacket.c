/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "engine/engine_priv.h"

#define MOST_AT_ONCE 32

struct seqpacket {
	struct loop *loop;
	struct log *log;
	struct engine *engine;
	struct loop_fd fd; /* fd.fd < 0: closed */
	struct sockaddr_un to;
	u32 mem[FLOW_DATAGRAM_MAX / 4];
};

static void close_fd(void *arg)
{
	struct seqpacket *s = arg;

	if (s->fd.fd < 0)
		return;
	loop_fd_del(s->loop, &s->fd);
	close(s->fd.fd);
	s->fd.fd = -1;
}

static void gone(struct seqpacket *s, int why)
{
	close_fd(s);
	engine_gone(s->engine, why);
}

/* False: there was nothing. */
static bool receive_one(struct seqpacket *s)
{
	ssize_t n = recv(s->fd.fd, s->mem, sizeof(s->mem), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 || (size_t)n > sizeof(s->mem))
		gone(s, n < 0 ? -errno : n ? -EMSGSIZE : -EPIPE);
	else
		engine_receive(s->engine, s->mem, (size_t)n);
	return true;
}

static void ready(void *arg, uint32_t events)
{
	struct seqpacket *s = arg;

	if (events & EPOLLOUT) {
		int rc = loop_fd_mod(s->loop, &s->fd, EPOLLIN);
		if (rc) {
			gone(s, rc);
			return;
		}
		engine_ready(s->engine);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	/* One a round: the engine answers a whole batch in one datagram, so a second read would mostly
	 * find nothing, and what it would have found brings the next round. Unless that is long in
	 * coming: under load a round may ask for more than one batch. */
	for (unsigned i = 0; i < MOST_AT_ONCE && s->fd.fd >= 0; i++)
		if (!receive_one(s) || !engine_is_late(s->engine))
			return;
}

int seqpacket_connect(struct seqpacket *s, struct engine *e)
{
	int rc, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	s->engine = e;
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&s->to, sizeof(s->to)) < 0) {
		rc = -errno;
		close(fd);
		log_debug(s->log, "engine", "%s: %s", s->to.sun_path, strerror(-rc));
		return rc;
	}
	s->fd = (struct loop_fd){ .fd = fd, .events = EPOLLIN, .ready = ready, .arg = s };
	rc = loop_fd_add(s->loop, &s->fd);
	if (rc) {
		close(fd);
		s->fd.fd = -1;
	}
	return rc;
}

static void open_fd(void *arg, struct engine *e)
{
	int rc = seqpacket_connect(arg, e);

	if (rc)
		engine_gone(e, rc);
	else
		engine_connected(e);
}

static int send_fd(void *arg, const void *p, size_t n)
{
	struct seqpacket *s = arg;
	ssize_t sent = send(s->fd.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	int rc = sent < 0 ? -errno : 0;

	if (rc == -EINTR)
		rc = -EAGAIN;
	if (rc == -EAGAIN && loop_fd_mod(s->loop, &s->fd, EPOLLIN | EPOLLOUT) < 0)
		rc = -EIO;
	return rc;
}

struct seqpacket *seqpacket_new(struct loop *loop, struct log *log, const char *path)
{
	struct seqpacket *s;
	size_t n = strlen(path);

	if (n >= sizeof(s->to.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->loop = loop;
	s->log = log;
	s->fd.fd = -1;
	s->to.sun_family = AF_UNIX;
	memcpy(s->to.sun_path, path, n);
	return s;
}

void seqpacket_free(struct seqpacket *s)
{
	if (!s)
		return;
	close_fd(s);
	free(s);
}

static const char *name(void *arg)
{
	(void)arg;
	return "sluice-dp";
}

static const char *hint(void *arg, int why)
{
	(void)arg;
	(void)why;
	return "the data plane is not connected: is sluice-dp running?";
}

struct engine_transport seqpacket_transport(struct seqpacket *s)
{
	return (struct engine_transport){ .open = open_fd,
					  .send = send_fd,
					  .close = close_fd,
					  .name = name,
					  .hint = hint,
					  .arg = s };
}
