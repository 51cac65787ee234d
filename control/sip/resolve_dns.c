/* SPDX-License-Identifier: Apache-2.0 */
/* c-ares on our loop: its sockets, its next timeout, its queries. Names are absolute; neither search domains
 * nor /etc/hosts. The library needs no ares_library_init() except on Windows. */
#include <arpa/inet.h>
#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include "sip/resolve_priv.h"

#define TIMEOUT_MS 2000
#define TRIES      2
#define UDP_SIZE   1232 /* what crosses the internet in one piece; more comes by TCP */
#define CLASS_IN   1

struct dns_socket {
	struct dns_socket *next;
	struct dns *dns;
	struct loop_fd fd;
};

struct dns {
	struct loop *loop;
	struct log *log;
	ares_channel channel;
	struct dns_socket *sockets;
	struct timer timer;
	dns_fn *answer;
	void *owner;
	bool silent, closing;
};

struct query {
	struct dns *dns;
	void *arg;
};

static void arm(struct dns *d)
{
	struct timeval tv, *next = ares_timeout(d->channel, NULL, &tv);

	if (next)
		timer_start(d->loop, &d->timer,
			    (uint64_t)next->tv_sec * 1000 + ((uint64_t)next->tv_usec + 999) / 1000);
	else
		timer_stop(d->loop, &d->timer);
}

static void fire(void *arg)
{
	struct dns *d = arg;

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(d);
}

/* An error is told by a read or a write, so c-ares gets to see it. */
static void ready(void *arg, uint32_t events)
{
	struct dns_socket *s = arg;
	struct dns *d = s->dns;
	bool failed = events & (EPOLLERR | EPOLLHUP);

	ares_process_fd(d->channel, failed || events & EPOLLIN ? s->fd.fd : ARES_SOCKET_BAD,
			events & EPOLLOUT ? s->fd.fd : ARES_SOCKET_BAD);
	arm(d);
}

static void socket_gone(struct dns *d, struct dns_socket **at)
{
	struct dns_socket *s = *at;

	*at = s->next;
	loop_fd_del(d->loop, &s->fd);
	free(s);
}

/* A socket that we cannot watch only ever times out: that is what its queries do. */
static void socket_new(struct dns *d, int fd, uint32_t events)
{
	struct dns_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return;
	s->dns = d;
	s->fd = (struct loop_fd){ .fd = fd, .events = events, .ready = ready, .arg = s };
	if (loop_fd_add(d->loop, &s->fd) < 0) {
		free(s);
		return;
	}
	s->next = d->sockets;
	d->sockets = s;
}

static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_socket **s = &d->sockets;
	uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);

	while (*s && (*s)->fd.fd != fd)
		s = &(*s)->next;
	if (!*s && events)
		socket_new(d, fd, events);
	else if (*s && events)
		loop_fd_mod(d->loop, &(*s)->fd, events);
	else if (*s)
		socket_gone(d, s);
}

/* ---- queries ---- */

static int status_of(int rc)
{
	switch (rc) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return -ENOENT;
	case ARES_ETIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

/* One line when the servers fall silent, one when they are back. */
static void watch(struct dns *d, int status)
{
	bool silent = status == -ETIMEDOUT;

	if (silent && !d->silent)
		log_warn(d->log, "dns",
			 "no answer from the DNS servers; what is known stays in use");
	else if (!silent && d->silent)
		log_notice(d->log, "dns", "the DNS servers answer again");
	d->silent = silent;
}

static void on_reply(void *arg, int rc, int timeouts, unsigned char *p, int n)
{
	struct query *q = arg;
	struct dns *d = q->dns;
	void *who = q->arg;
	int status = status_of(rc);

	free(q);
	if (d->closing)
		return;
	watch(d, status);
	d->answer(d->owner, who, status, status ? NULL : p, status || n < 0 ? 0 : (size_t)n);
}

void dns_ask(struct dns *d, enum dns_type type, const char *name, void *arg)
{
	struct query *q = malloc(sizeof(*q));

	if (!q) {
		d->answer(d->owner, arg, -EIO, NULL, 0);
		return;
	}
	*q = (struct query){ d, arg };
	ares_query(d->channel, name, CLASS_IN, (int)type, on_reply, q);
	arm(d);
}

/* ---- the channel ---- */

static int set_servers(ares_channel channel, const struct addr *servers, unsigned n)
{
	struct ares_addr_port_node *node = calloc(n, sizeof(*node));
	int rc;

	if (!node)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		bool six = servers[i].family == 6;

		node[i].next = i + 1 < n ? &node[i + 1] : NULL;
		node[i].family = six ? AF_INET6 : AF_INET;
		memcpy(&node[i].addr, servers[i].ip, six ? 16 : 4);
		node[i].udp_port = node[i].tcp_port = servers[i].port ? servers[i].port : 53;
	}
	rc = ares_set_servers_ports(channel, node);
	free(node);
	return rc == ARES_SUCCESS ? 0 : rc == ARES_ENOMEM ? -ENOMEM : -EINVAL;
}

static int open_channel(struct dns *d, const struct resolver_options *o)
{
	struct ares_options a = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = (int)(o->timeout_ms ? o->timeout_ms : TIMEOUT_MS),
		.tries = TRIES,
		.ednspsz = UDP_SIZE,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = d,
	};
	int rc = ares_init_options(&d->channel, &a,
				   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					   ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB);

	if (rc != ARES_SUCCESS)
		return rc == ARES_ENOMEM ? -ENOMEM : -EIO;
	return o->n_servers ? set_servers(d->channel, o->servers, o->n_servers) : 0;
}

struct dns *dns_new(const struct resolver_options *o, dns_fn *answer, void *owner)
{
	struct dns *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return NULL;
	d->loop = o->loop;
	d->log = o->log;
	d->answer = answer;
	d->owner = owner;
	timer_init(&d->timer, fire, d);
	rc = open_channel(d, o);
	if (rc < 0) {
		dns_free(d);
		errno = -rc;
		return NULL;
	}
	return d;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	d->closing = true;
	if (d->channel)
		ares_destroy(d->channel);
	while (d->sockets)
		socket_gone(d, &d->sockets);
	timer_stop(d->loop, &d->timer);
	free(d);
}
