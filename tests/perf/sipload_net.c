/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "sipload.h"

#define BATCH      64
#define BATCHES    8 /* before timers and new calls have their turn */
#define IN_MAX     4096
#define SOCKET_BUF (32 * 1024 * 1024)

struct net {
	int fd;
	unsigned queued;
	uint64_t lost;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_in in_from[BATCH], out_to[BATCH];
	char in_mem[BATCH][IN_MAX], out_mem[BATCH][TEXT_MAX];
};

static void set_buffer(int fd, int force, int plain)
{
	int size = SOCKET_BUF;

	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

struct net *net_new(const struct sockaddr_in *local)
{
	struct net *n = calloc(1, sizeof(*n));

	if (!n)
		die("memory");
	n->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd < 0 || bind(n->fd, (const struct sockaddr *)local, sizeof(*local)) < 0)
		die("bind");
	set_buffer(n->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(n->fd, SO_SNDBUFFORCE, SO_SNDBUF);
	for (unsigned i = 0; i < BATCH; i++) {
		n->in_iov[i] = (struct iovec){ n->in_mem[i], IN_MAX - 1 };
		n->in[i].msg_hdr = (struct msghdr){ .msg_name = &n->in_from[i],
						    .msg_iov = &n->in_iov[i],
						    .msg_iovlen = 1 };
		n->out_iov[i].iov_base = n->out_mem[i];
		n->out[i].msg_hdr = (struct msghdr){ .msg_name = &n->out_to[i],
						     .msg_namelen = sizeof(n->out_to[i]),
						     .msg_iov = &n->out_iov[i],
						     .msg_iovlen = 1 };
	}
	return n;
}

void net_free(struct net *n)
{
	close(n->fd);
	free(n);
}

char *net_room(struct net *n)
{
	if (n->queued == BATCH)
		net_flush(n);
	return n->out_mem[n->queued];
}

void net_commit(struct net *n, const struct sockaddr_in *to, size_t len)
{
	n->out_to[n->queued] = *to;
	n->out_iov[n->queued++].iov_len = len;
}

void net_flush(struct net *n)
{
	unsigned done = 0;

	while (done < n->queued) {
		int sent = sendmmsg(n->fd, n->out + done, n->queued - done, 0);

		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = n->fd, .events = POLLOUT };

			poll(&p, 1, 1);
		} else if (errno != EINTR) { /* refused by an ICMP error that waited */
			n->lost++;
			done++;
		}
	}
	n->queued = 0;
}

void net_receive(struct net *n, net_fn *fn, void *arg)
{
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		int got;

		for (unsigned i = 0; i < BATCH; i++)
			n->in[i].msg_hdr.msg_namelen = sizeof(n->in_from[i]);
		got = recvmmsg(n->fd, n->in, BATCH, 0, NULL);
		for (int i = 0; i < got; i++) {
			n->in_mem[i][n->in[i].msg_len] = '\0';
			fn(arg, &n->in_from[i], n->in_mem[i], n->in[i].msg_len);
		}
		if (got < BATCH)
			return;
	}
}

void net_wait(struct net *n, unsigned us)
{
	struct pollfd p = { .fd = n->fd, .events = POLLIN };
	struct timespec ts = { .tv_nsec = us * 1000 };

	ppoll(&p, 1, &ts, NULL);
}

uint64_t net_lost(const struct net *n)
{
	return n->lost;
}
