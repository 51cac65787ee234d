/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sip/source_filter.h"
#include "sip/stream_priv.h"

#define BACKLOG  1024
#define ACCEPTS  16 /* before other descriptors have their turn */
#define PAUSE_MS 100

/* A peer that vanished is found out after 90 s. */
#define ALIVE_IDLE_S  60
#define ALIVE_EVERY_S 10
#define ALIVE_TIMES   3

/* ---- accepting ---- */

/* Without a word, and without leaving us a TIME_WAIT. */
static void refuse(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static int begin_tls(struct conn *c, struct tls_context *usual)
{
	const struct stream_options *o = &c->stream->o;
	struct tls_context *own = o->context ? o->context(o->arg, &c->hop) : NULL;

	return conn_set_tls(c, own ? own : usual, NULL);
}

static void take(struct listener *l, int fd, const struct sip_hop *from)
{
	struct stream *s = l->stream;
	struct source *source = source_admit(s, from);
	struct conn *c;

	if (!source) {
		refuse(fd);
		return;
	}
	c = conn_new(s, fd, from, CONN_UP);
	if (!c) {
		stream_count(s, STREAM_MEMORY);
		source_leave(s, source, from);
		return;
	}
	stream_count(s, STREAM_ACCEPTED);
	c->accepted = true;
	c->source = source;
	if (l->at.tls && begin_tls(c, l->at.tls) < 0) {
		conn_kill(c, STREAM_MEMORY);
		return;
	}
	conn_start(c, l->at.tls ? CONN_SHAKING : CONN_UP);
}

static void accepted(struct listener *l, int fd, const struct sockaddr *sa)
{
	struct stream *s = l->stream;
	struct sip_hop from = { .network = l->at.network,
				.transport = l->at.tls ? SIP_TLS : SIP_TCP };
	int peer = SIP_NO_PEER;

	if (addr_from_sockaddr(sa, &from.addr) == 0)
		peer = s->o.peer_of(s->o.arg, &from);
	if (peer < 0) {
		stream_count(s, STREAM_UNKNOWN);
		refuse(fd);
		return;
	}
	from.peer = (int16_t)peer;
	take(l, fd, &from);
}

/* ---- without descriptors ---- */

static void listen_again(void *arg)
{
	struct stream *s = arg;

	for (unsigned i = 0; i < s->n_listeners; i++)
		loop_fd_mod(s->o.loop, &s->listeners[i].fd, EPOLLIN);
}

/* The spare one takes the place of who waits, so that it is refused and does not wake us for ever. */
static void no_descriptor(struct listener *l)
{
	struct stream *s = l->stream;
	int fd = -1;

	stream_count(s, STREAM_NO_DESCRIPTOR);
	if (s->spare >= 0) {
		close(s->spare);
		fd = accept4(l->fd.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			refuse(fd);
		s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (fd >= 0)
		return;
	for (unsigned i = 0; i < s->n_listeners; i++)
		loop_fd_mod(s->o.loop, &s->listeners[i].fd, 0);
	timer_start(s->o.loop, &s->pause, PAUSE_MS);
}

static void ready(void *arg, uint32_t events)
{
	struct listener *l = arg;
	struct sockaddr_storage ss;

	for (unsigned i = 0; i < ACCEPTS; i++) {
		socklen_t len = sizeof(ss);
		int fd = accept4(l->fd.fd, (struct sockaddr *)&ss, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accepted(l, fd, (struct sockaddr *)&ss);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			no_descriptor(l);
			return;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} /* else: that one is gone again */
	}
}

/* ---- listening ---- */

int stream_mark(int fd, uint8_t family, uint8_t dscp)
{
	int tos = dscp << 2, on = 1, idle = ALIVE_IDLE_S, every = ALIVE_EVERY_S, n = ALIVE_TIMES;

	/* Without these it works too. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n, sizeof(n));
	if (family == 4)
		return setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) < 0 ? -errno : 0;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos)) < 0 ? -errno : 0;
}

/* What is accepted has these options too. */
static int bind_and_listen(int fd, const struct stream_listen *at)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&at->local, &ss);
	int on = 1, rc = stream_mark(fd, at->local.family, at->dscp);

	if (rc < 0)
		return rc;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -errno;
	if (at->local.family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

static int open_listener(struct stream *s, const struct stream_listen *at)
{
	struct listener *l = &s->listeners[s->n_listeners];
	int fd = socket(at->local.family == 6 ? AF_INET6 : AF_INET,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = bind_and_listen(fd, at);
	*l = (struct listener){ s, { fd, EPOLLIN, ready, l }, *at };
	if (rc == 0)
		rc = loop_fd_add(s->o.loop, &l->fd);
	if (rc < 0)
		close(fd);
	else
		s->n_listeners++;
	return rc;
}

int stream_listen_all(struct stream *s, const struct stream_listen *at, unsigned n)
{
	char text[ADDR_STR_MAX];
	int rc = 0;

	timer_init(&s->pause, listen_again, s);
	s->listeners = calloc(n ? n : 1, sizeof(*s->listeners));
	if (!s->listeners)
		return -ENOMEM;
	for (unsigned i = 0; i < n && rc == 0; i++) {
		rc = open_listener(s, &at[i]);
		if (rc < 0)
			log_error(s->o.log, "sip", "cannot listen on %s %s: %s",
				  at[i].tls ? "tls" : "tcp", addr_print(&at[i].local, text),
				  strerror(-rc));
	}
	return rc;
}

int stream_filter(struct stream *s, uint16_t network, uint8_t family,
		  const struct sock_fprog *filter)
{
	int rc = 0, first = 0;

	for (unsigned i = 0; i < s->n_listeners; i++) {
		const struct listener *l = &s->listeners[i];

		if (l->at.network == network && l->at.local.family == family)
			rc = source_filter_attach(l->fd.fd, filter);
		if (first == 0)
			first = rc;
	}
	return first;
}

uint64_t stream_filtered(const struct stream *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->n_listeners; i++)
		n += source_filter_drops(s->listeners[i].fd.fd);
	return n;
}

void stream_deafen(struct stream *s)
{
	timer_stop(s->o.loop, &s->pause);
	for (unsigned i = 0; i < s->n_listeners; i++) {
		loop_fd_del(s->o.loop, &s->listeners[i].fd);
		close(s->listeners[i].fd.fd);
	}
	s->n_listeners = 0;
	free(s->listeners);
	s->listeners = NULL;
}
