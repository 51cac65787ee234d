/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel engine as a transport. The kernel does what is asked inside of send(), and answers each request by a
 * datagram of its own; what finds no room in the socket's memory is lost, which the kernel says once (ENOBUFS), before
 * it gives what did find room. So no more is asked than half of that memory has answers for, before they are read: the
 * rest is for events. When something is lost all the same, nobody knows which answer or event it was: what is there is
 * still read, then the connection is given up, which ends every request without an answer as not done, and a new one is
 * told by DUMP what the engine has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/privs.h"
#include "engine/engine_priv.h"
#include "engine/genl_map.h"

#define MOST_AT_ONCE 64
#define OWED_MAX     524288 /* octets of answers, at once: for 500 SETs the kernel takes a moment */
#define LAST_READS   32768  /* so much is read when something was lost, and more may be coming */
#define IN_MAX       32768  /* the kernel puts no more than this into one datagram */

struct genl {
	struct loop *loop;
	struct log *log;
	struct engine *engine;
	struct loop_fd fd;      /* fd.fd < 0: closed */
	struct loop_task drain; /* queued: send() was refused */
	u16 family;
	unsigned lost; /* something was: so many datagrams more are read */
	size_t room,
		owed; /* octets of the kernel's memory: for answers; of those that may not be read yet */
	u32 in[IN_MAX / 4], mapped[2 * IN_MAX / 4];
	u32 request[ENGINE_DATAGRAM / 4];
};

static void close_fd(void *arg)
{
	struct genl *g = arg;

	if (g->fd.fd < 0)
		return;
	loop_fd_del(g->loop, &g->fd);
	loop_undefer(g->loop, &g->drain);
	close(g->fd.fd);
	g->fd.fd = -1;
}

static void gone(struct genl *g, int why)
{
	close_fd(g);
	engine_gone(g->engine, why);
}

/* 0: there was something, or -errno: no more, with -EAGAIN, or the end. */
static int receive_one(struct genl *g)
{
	struct genl_news news = { 0 };
	ssize_t n = genl_recv(g->fd.fd, g->in, sizeof(g->in));

	if (n > 0)
		n = genl_map_reply(g->mapped, sizeof(g->mapped), g->in, (size_t)n, g->family,
				   &news);
	if (news.gone)
		return -ENODEV;
	if (!g->lost && (news.lost || n == -ENOBUFS)) {
		g->lost = LAST_READS;
		return 0;
	}
	if (g->lost && (n == -EAGAIN || !--g->lost))
		return -ENOBUFS;
	if (n > 0)
		engine_receive(g->engine, g->mapped, (size_t)n);
	return n < 0 ? (int)n : 0;
}

/* All answers to what was asked so far are read, or none came. */
static void all_read(struct genl *g)
{
	g->owed = 0;
	if (g->drain.queued) {
		loop_undefer(g->loop, &g->drain);
		engine_ready(g->engine);
	}
}

static void receive(struct genl *g)
{
	int rc = 0;

	for (unsigned i = 0; i < MOST_AT_ONCE && !rc && g->fd.fd >= 0; i++)
		rc = receive_one(g);
	if (g->fd.fd < 0 || !rc)
		return;
	if (rc == -EAGAIN) {
		all_read(g);
		return;
	}
	if (rc == -ENOBUFS)
		log_warn(g->log, "engine",
			 "the kernel engine had more to tell than there was room for: events or "
			 "answers are lost; asking anew what it has");
	gone(g, rc);
}

static void ready(void *arg, uint32_t events)
{
	(void)events;
	receive(arg);
}

/* Nothing may be there to read where nobody wanted answers, so that ready() does not come. */
static void drain(void *arg)
{
	struct genl *g = arg;

	loop_defer(g->loop, &g->drain);
	receive(g);
}

int genl_connect(struct genl *g, struct engine *e)
{
	int rc, fd = genl_open(&g->family);

	g->engine = e;
	g->lost = 0;
	g->owed = 0;
	if (fd < 0)
		return fd;
	if (!privs_net_admin()) {
		close(fd);
		return -EPERM;
	}
	g->room = genl_room(fd) / 2;
	if (g->room > OWED_MAX)
		g->room = OWED_MAX;
	g->fd = (struct loop_fd){ .fd = fd, .events = EPOLLIN, .ready = ready, .arg = g };
	rc = loop_fd_add(g->loop, &g->fd);
	if (rc) {
		close(fd);
		g->fd.fd = -1;
	}
	return rc;
}

static void open_fd(void *arg, struct engine *e)
{
	int rc = genl_connect(arg, e);

	if (rc)
		engine_gone(e, rc);
	else
		engine_connected(e);
}

/* Without memory for all of the datagram the kernel does nothing of it. */
static int send_fd(void *arg, const void *p, size_t n)
{
	struct genl *g = arg;
	size_t answers = genl_map_answers(p, n);

	if (n > sizeof(g->request))
		return -EMSGSIZE;
	if (g->owed && g->owed + answers > g->room) {
		loop_defer(g->loop, &g->drain);
		return -EAGAIN;
	}
	g->owed += answers;
	genl_map_request(g->request, p, n, g->family);
	int rc = send(g->fd.fd, g->request, n, MSG_DONTWAIT) < 0 ? -errno : 0;
	explicit_bzero(g->request, n); /* keys */
	if (rc == -EAGAIN)
		loop_defer(g->loop, &g->drain);
	return rc;
}

static const char *name(void *arg)
{
	(void)arg;
	return "the kernel engine";
}

static const char *hint(void *arg, int why)
{
	(void)arg;
	switch (why) {
	case -ENODEV:
		return "the kernel module sluice was unloaded: `modprobe sluice` brings it back";
	case -EPERM:
		return "the kernel takes requests from those with CAP_NET_ADMIN alone: start "
		       "sluiced again, as root or by its systemd unit";
	case -EPROTONOSUPPORT:
	case -EAFNOSUPPORT:
		return "no netlink sockets here: a unit has to allow AF_NETLINK";
	case -ENOBUFS:
		return "what it said was lost";
	case -ENOENT:
		return "the kernel engine is not there: `modprobe sluice` loads it";
	default:
		return "the kernel engine is not connected";
	}
}

struct genl *genl_new(struct loop *loop, struct log *log)
{
	struct genl *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->loop = loop;
	g->log = log;
	g->fd.fd = -1;
	g->drain = (struct loop_task){ .run = drain, .arg = g };
	return g;
}

void genl_free(struct genl *g)
{
	if (!g)
		return;
	close_fd(g);
	free(g);
}

struct engine_transport genl_transport(struct genl *g)
{
	return (struct engine_transport){ .open = open_fd,
					  .send = send_fd,
					  .close = close_fd,
					  .name = name,
					  .hint = hint,
					  .arg = g };
}
