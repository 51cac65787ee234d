/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "sip/shed.h"
#include "sip/source_filter.h"
#include "sip/udp.h"

#define BATCH       32
#define ROUNDS      128 /* batches, all that a socket holds: what is still in there has no class */
#define QUEUE       512
#define QUEUE_BYTES (512 * 1024)
#define SOCKET_BUF  (4 * 1024 * 1024)

#define UDP_COUNTERS(X)                                                                            \
	X(RECEIVED, "udp.received")                                                                \
	X(SENT, "udp.sent")                                                                        \
	X(UNKNOWN, "udp.drop.unknown-source")                                                      \
	X(TRUNCATED, "udp.drop.truncated")                                                         \
	X(QUEUE_FULL, "udp.drop.queue-full")                                                       \
	X(SEND_FAILED, "udp.drop.send-failed")                                                     \
	X(FOREIGN, "udp.foreign")                                                                  \
	X(BLOCKED, "udp.blocked")

enum {
#define X(id, name) COUNT_##id,
	UDP_COUNTERS(X)
#undef X
	COUNT_COUNT
};

struct packet {
	struct sockaddr_storage to;
	socklen_t to_len;
	uint32_t at, len;
};

struct socket {
	struct udp *udp;
	struct loop_fd fd;
	struct sock_fprog *filter; /* NULL: none */
	struct udp_listen at;
	bool blocked;    /* the kernel took no more: wait for EPOLLOUT */
	unsigned queued; /* packets */
	uint32_t used;   /* octets of `bytes` */
	struct packet queue[QUEUE];
	char bytes[QUEUE_BYTES];
};

struct udp {
	struct udp_options o;
	struct socket **sockets;
	unsigned n_sockets;
	struct loop_task flush;
	const struct shed *shed; /* NULL: nothing is shed in the kernel */
	uint64_t counter[COUNT_COUNT];
	struct mmsghdr in[BATCH];
	struct iovec in_iov[BATCH];
	struct sockaddr_storage in_from[BATCH];
	char in_mem[BATCH][SIP_DATAGRAM_MAX + SIP_PAD];
};

static const char *const names[] = {
#define X(id, name) [COUNT_##id] = name,
	UDP_COUNTERS(X)
#undef X
};

/* ---- out ---- */

/* Hands packets to the kernel from `first` on; returns the first that is still to be sent. */
static unsigned send_batch(struct socket *s, unsigned first)
{
	struct mmsghdr out[BATCH];
	struct iovec iov[BATCH];
	unsigned n = s->queued - first < BATCH ? s->queued - first : BATCH;
	int sent;

	memset(out, 0, n * sizeof(out[0]));
	for (unsigned i = 0; i < n; i++) {
		struct packet *p = &s->queue[first + i];

		iov[i] = (struct iovec){ s->bytes + p->at, p->len };
		out[i].msg_hdr.msg_name = &p->to;
		out[i].msg_hdr.msg_namelen = p->to_len;
		out[i].msg_hdr.msg_iov = &iov[i];
		out[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(s->fd.fd, out, n, MSG_DONTWAIT);
	if (sent > 0) {
		s->udp->counter[COUNT_SENT] += (unsigned)sent;
		return first + (unsigned)sent;
	}
	if (errno == EINTR)
		return first;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
		s->udp->counter[COUNT_BLOCKED]++;
		s->blocked = true;
		return first;
	}
	/* No route, refused by a filter, an ICMP error that waited: this one is lost, as it might
	 * be on any wire. */
	s->udp->counter[COUNT_SEND_FAILED]++;
	return first + 1;
}

static void keep_rest(struct socket *s, unsigned first)
{
	uint32_t at = first < s->queued ? s->queue[first].at : s->used;

	memmove(s->bytes, s->bytes + at, s->used - at);
	s->used -= at;
	s->queued -= first;
	memmove(s->queue, s->queue + first, s->queued * sizeof(s->queue[0]));
	for (unsigned i = 0; i < s->queued; i++)
		s->queue[i].at -= at;
}

static void flush_socket(struct socket *s)
{
	bool was_blocked = s->blocked;
	unsigned first = 0;

	s->blocked = false;
	while (first < s->queued && !s->blocked)
		first = send_batch(s, first);
	keep_rest(s, first);
	if (s->blocked != was_blocked)
		loop_fd_mod(s->udp->o.loop, &s->fd, s->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void flush(void *arg)
{
	struct udp *u = arg;

	for (unsigned i = 0; i < u->n_sockets; i++)
		if (u->sockets[i]->queued && !u->sockets[i]->blocked)
			flush_socket(u->sockets[i]);
}

/* There are few: a network has one or two. */
static struct socket *find(const struct udp *u, uint16_t network, uint8_t family)
{
	for (unsigned i = 0; i < u->n_sockets; i++) {
		struct socket *s = u->sockets[i];

		if (s->at.network == network && s->at.local.family == family)
			return s;
	}
	return NULL;
}

int udp_send(struct udp *u, const struct sip_hop *to, struct str data)
{
	struct socket *s = find(u, to->network, to->addr.family);
	struct packet *p;

	if (!s)
		return -EAFNOSUPPORT;
	if (data.n > SIP_DATAGRAM_MAX)
		return -EINVAL;
	if ((s->queued == QUEUE || data.n > sizeof(s->bytes) - s->used) && !s->blocked)
		flush_socket(s);
	if (s->queued == QUEUE || data.n > sizeof(s->bytes) - s->used) {
		u->counter[COUNT_QUEUE_FULL]++;
		return -ENOBUFS;
	}
	p = &s->queue[s->queued++];
	p->to_len = addr_to_sockaddr(&to->addr, &p->to);
	p->at = s->used;
	p->len = (uint32_t)data.n;
	memcpy(s->bytes + p->at, data.p, data.n);
	s->used += p->len;
	loop_defer(u->o.loop, &u->flush);
	return 0;
}

/* ---- in ---- */

static void take(struct socket *s, unsigned i)
{
	struct udp *u = s->udp;
	const struct msghdr *h = &u->in[i].msg_hdr;
	size_t len = u->in[i].msg_len;
	struct sip_hop from = { .network = s->at.network, .transport = SIP_UDP };
	unsigned shard;
	int peer;

	u->counter[COUNT_RECEIVED]++;
	if (h->msg_flags & MSG_TRUNC) {
		u->counter[COUNT_TRUNCATED]++;
		return;
	}
	if (addr_from_sockaddr(h->msg_name, &from.addr) < 0 ||
	    (peer = u->o.peer_of(u->o.arg, &from)) < 0) {
		u->counter[COUNT_UNKNOWN]++;
		return;
	}
	from.peer = (int16_t)peer;
	shard = sip_steer(u->in_mem[i], len, u->o.n_shards);
	if (shard == u->o.shard) {
		u->o.receive(u->o.arg, &from, u->in_mem[i], len);
	} else {
		u->counter[COUNT_FOREIGN]++;
		u->o.foreign(u->o.arg, shard, &from, u->in_mem[i], len);
	}
}

static void receive(struct socket *s)
{
	struct udp *u = s->udp;
	int n;

	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < BATCH; i++) {
			u->in[i].msg_hdr.msg_namelen = sizeof(u->in_from[i]);
			u->in[i].msg_hdr.msg_flags = 0;
		}
		n = recvmmsg(s->fd.fd, u->in, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			take(s, (unsigned)i);
		if (n < BATCH)
			return;
	}
}

static void ready(void *arg, uint32_t events)
{
	struct socket *s = arg;

	if (events & EPOLLOUT)
		flush_socket(s);
	if (events & ~(uint32_t)EPOLLOUT)
		receive(s);
}

/* ---- life ---- */

static int set_options(int fd, uint8_t family, uint8_t dscp)
{
	int on = 1, tos = dscp << 2, size = SOCKET_BUF;

	/* As large as the system lets it be; there is no need for success. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -errno;
	if (family == 4)
		return setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) < 0 ? -errno : 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos)) < 0)
		return -errno;
	return 0;
}

static int open_socket(const struct addr *local, uint8_t dscp)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(local, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return -errno;
	rc = set_options(fd, local->family, dscp);
	if (rc == 0 && bind(fd, (struct sockaddr *)&ss, len) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int add_socket(struct udp *u, const struct udp_listen *at)
{
	struct socket *s = malloc(sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->udp = u;
	s->at = *at;
	s->filter = NULL;
	s->blocked = false;
	s->queued = s->used = 0;
	rc = open_socket(&at->local, at->dscp);
	if (rc >= 0) {
		s->fd = (struct loop_fd){ .fd = rc, .events = EPOLLIN, .ready = ready, .arg = s };
		rc = loop_fd_add(u->o.loop, &s->fd);
		if (rc < 0)
			close(s->fd.fd);
	}
	if (rc < 0) {
		free(s);
		return rc;
	}
	u->sockets[u->n_sockets++] = s;
	return 0;
}

static void init_receive(struct udp *u)
{
	for (unsigned i = 0; i < BATCH; i++) {
		u->in_iov[i] = (struct iovec){ u->in_mem[i], SIP_DATAGRAM_MAX };
		u->in[i].msg_hdr.msg_name = &u->in_from[i];
		u->in[i].msg_hdr.msg_iov = &u->in_iov[i];
		u->in[i].msg_hdr.msg_iovlen = 1;
	}
}

struct udp *udp_new(const struct udp_options *o)
{
	struct udp *u = calloc(1, sizeof(*u));
	char text[ADDR_STR_MAX];
	int rc = 0;

	if (!u)
		return NULL;
	u->o = *o;
	u->o.listen = NULL;
	u->flush = (struct loop_task){ .run = flush, .arg = u };
	u->sockets = calloc(o->n_listen ? o->n_listen : 1, sizeof(struct socket *));
	if (!u->sockets)
		rc = -ENOMEM;
	init_receive(u);
	for (unsigned i = 0; i < o->n_listen && rc == 0; i++) {
		rc = add_socket(u, &o->listen[i]);
		if (rc < 0)
			log_error(o->log, "sip", "cannot listen on udp %s: %s",
				  addr_print(&o->listen[i].local, text), strerror(-rc));
	}
	if (rc < 0) {
		udp_free(u);
		errno = -rc;
		return NULL;
	}
	return u;
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	for (unsigned i = 0; i < u->n_sockets; i++) {
		struct socket *s = u->sockets[i];

		flush_socket(s);
		loop_fd_del(u->o.loop, &s->fd);
		close(s->fd.fd);
		free(s->filter);
		free(s);
	}
	loop_undefer(u->o.loop, &u->flush);
	free(u->sockets);
	free(u);
}

/* The program that stands for it now. */
static int attach(const struct socket *s)
{
	if (s->udp->shed && s->at.local.family == 4 && shed_attach(s->udp->shed, s->fd.fd) == 0)
		return 0;
	return source_filter_attach(s->fd.fd, s->filter);
}

int udp_filter(struct udp *u, uint16_t network, uint8_t family, const struct sock_fprog *filter)
{
	struct socket *s = find(u, network, family);
	size_t size = filter ? filter->len * sizeof(*filter->filter) : 0;
	struct sock_fprog *copy = filter ? malloc(sizeof(*copy) + size) : NULL;

	if (!s || (filter && !copy)) {
		free(copy);
		return s ? -ENOMEM : 0;
	}
	if (filter) {
		*copy = (struct sock_fprog){ filter->len, (struct sock_filter *)(copy + 1) };
		memcpy(copy->filter, filter->filter, size);
	}
	free(s->filter);
	s->filter = copy;
	return attach(s);
}

void udp_shed(struct udp *u, const struct shed *shed)
{
	u->shed = shed;
	for (unsigned i = 0; i < u->n_sockets; i++)
		attach(u->sockets[i]);
}

void udp_counters(const struct udp *u, void (*fn)(void *arg, const char *name, uint64_t v),
		  void *arg)
{
	uint64_t in_kernel = 0;

	for (unsigned i = 0; i < COUNT_COUNT; i++)
		fn(arg, names[i], u->counter[i]);
	for (unsigned i = 0; i < u->n_sockets; i++)
		in_kernel += source_filter_drops(u->sockets[i]->fd.fd);
	fn(arg, "udp.drop.in-kernel", in_kernel);
}
