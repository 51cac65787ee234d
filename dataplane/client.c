/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent_priv.h"

#define SEND_BUFFER (1 << 20)

static void want(struct client *c)
{
	bool out = c->late || c->dumping;
	loop_fd_mod(c->agent->p.loop, &c->sock, out ? EPOLLOUT : EPOLLIN);
}

bool client_busy(const struct client *c)
{
	return c->late != NULL;
}

void client_reply(struct client *c, const void *data, size_t n)
{
	if (!c->late && send(c->sock.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	if (!c->late && errno != EAGAIN)
		return; /* gone; reading says so too */
	struct late *late = malloc(sizeof(*late) + n);
	if (!late)
		return;
	late->next = NULL;
	late->n = n;
	memcpy(late->data, data, n);
	*c->late_end = late;
	c->late_end = &late->next;
	want(c);
}

void client_event(struct client *c, const void *data, size_t n)
{
	if (send(c->sock.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug(c->agent->p.log, "agent", "a client does not take events");
}

static void late_pop(struct client *c)
{
	struct late *first = c->late;
	c->late = first->next;
	if (!c->late)
		c->late_end = &c->late;
	free(first);
}

void client_free(struct client *c)
{
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	loop_fd_del(c->agent->p.loop, &c->sock);
	close(c->sock.fd);
	while (c->late)
		late_pop(c);
	free(c);
}

static void on_room(struct client *c)
{
	while (c->late) {
		if (send(c->sock.fd, c->late->data, c->late->n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		    errno == EAGAIN)
			return;
		late_pop(c);
	}
	if (c->dumping)
		verbs_dump(c->agent, c);
	want(c);
}

static void on_client(void *arg, uint32_t events)
{
	struct client *c = arg;
	struct agent *a = c->agent;
	if (events & EPOLLOUT) {
		on_room(c);
		return;
	}
	ssize_t n = recv(c->sock.fd, a->in, FLOW_DATAGRAM_MAX, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > FLOW_DATAGRAM_MAX)
		log_warn(a->p.log, "agent", "a client's datagram is too long: %zd octets", n);
	if (n <= 0 || n > FLOW_DATAGRAM_MAX) {
		log_info(a->p.log, "agent", "client gone");
		client_free(c);
		return;
	}
	int err = verbs_run(a, c, a->in, (size_t)n);
	explicit_bzero(a->in, (size_t)n); /* keys */
	if (err) {
		log_warn(a->p.log, "agent", "client dropped: %s", strerror(-err));
		client_free(c);
		return;
	}
	want(c);
}

int client_accept(struct agent *a, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BUFFER }, sizeof(int));
	c->agent = a;
	c->late_end = &c->late;
	c->sock = (struct loop_fd){ fd, EPOLLIN, on_client, c };
	int err = loop_fd_add(a->p.loop, &c->sock);
	if (err) {
		free(c);
		return err;
	}
	c->next = a->clients;
	c->pprev = &a->clients;
	if (c->next)
		c->next->pprev = &c->next;
	a->clients = c;
	log_info(a->p.log, "agent", "client connected");
	return 0;
}

/* ---- the listening socket ---- */

static int make_directory(const char *path, uid_t uid, gid_t gid)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	if (!n)
		return 0;
	memcpy(dir, path, n);
	dir[n] = '\0';
	if (mkdir(dir, 0755)) /* its parent is there, or bind() says so */
		return 0;
	if (chmod(dir, 0755) || chown(dir, uid, gid))
		return -errno;
	return 0;
}

/* True when somebody listens there. What nobody listens to is removed. */
static bool taken(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0;
	struct stat st;
	if (fd >= 0)
		close(fd);
	if (!alive && lstat(sun->sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(sun->sun_path);
	return alive;
}

int agent_listen(const char *path, uid_t uid, gid_t gid, struct log *log)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd = -1, err = n < sizeof(sun.sun_path) ? 0 : -ENAMETOOLONG;
	if (!err) {
		memcpy(sun.sun_path, path, n + 1);
		err = make_directory(path, uid, gid);
	}
	if (!err && taken(&sun))
		err = -EADDRINUSE;
	if (!err) {
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)))
			err = -errno;
		else if (chown(path, uid, gid) || chmod(path, 0660) || listen(fd, 16))
			err = -errno;
	}
	if (!err)
		return fd;
	if (err == -EADDRINUSE)
		log_error(log, "agent", "another sluice-dp answers at %s", path);
	else
		log_error(log, "agent", "cannot listen at %s: %s", path, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}
