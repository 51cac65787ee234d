/* SPDX-License-Identifier: Apache-2.0 */
/* One UDP socket for each of our ports. Many calls share one: a relay tells them apart by its own port, and so do
 * we; then one sendmmsg() carries packets of many calls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "io.h"
#include "netns.h"

#define BUFFER  (32 << 20) /* octets: 50 ms of 100,000 packets/s, skb overhead and all */
#define CONTROL 128

struct sockets {
	struct io io;
	unsigned n;
	int epoll;
	int ready[IO_BURST]; /* sockets that epoll named and that were not read empty yet */
	int n_ready;
	struct mmsghdr in[IO_BURST], out[IO_BURST];
	struct iovec in_vec[IO_BURST], out_vec[IO_BURST];
	struct sockaddr_storage in_addr[IO_BURST], out_addr[IO_BURST];
	uint8_t control[IO_BURST][CONTROL];
	uint8_t data[IO_BURST][IO_PACKET_MAX];
	uint32_t *lost; /* by socket: the kernel's count */
	int fd[];
};

uint64_t io_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static unsigned send_run(struct sockets *s, const struct io_packet *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		s->out_vec[i] = (struct iovec){ p[i].data, p[i].len };
		s->out[i].msg_hdr = (struct msghdr){ .msg_name = &s->out_addr[i],
						     .msg_namelen = addr_to_sockaddr(
							     &p[i].peer, &s->out_addr[i]),
						     .msg_iov = &s->out_vec[i],
						     .msg_iovlen = 1 };
	}
	int sent = sendmmsg(s->fd[p->local], s->out, n, 0);
	return sent < 0 ? 0 : (unsigned)sent;
}

static unsigned sockets_send(struct io *io, const struct io_packet *p, unsigned n)
{
	struct sockets *s = (struct sockets *)io;
	unsigned sent = 0;
	for (unsigned i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && p[i + run].local == p[i].local;)
			run++;
		unsigned now = send_run(s, p + i, run);
		sent += now;
		if (now < run) /* one was refused: the rest of the run once more, without it */
			run = now + 1;
	}
	return sent;
}

static void read_control(struct sockets *s, unsigned fd, struct msghdr *m, struct io_packet *p)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec t;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			p->time = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t lost;
			memcpy(&lost, CMSG_DATA(c), sizeof(lost));
			s->io.overflows += lost - s->lost[fd];
			s->lost[fd] = lost;
		}
	}
}

static unsigned recv_from(struct sockets *s, unsigned fd, struct io_packet *p)
{
	for (unsigned i = 0; i < IO_BURST; i++) {
		s->in[i].msg_hdr.msg_namelen = sizeof(s->in_addr[i]);
		s->in[i].msg_hdr.msg_controllen = CONTROL;
	}
	int n = recvmmsg(s->fd[fd], s->in, IO_BURST, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	uint64_t now = io_now();
	for (int i = 0; i < n; i++) {
		p[i].data = s->data[i];
		p[i].len = s->in[i].msg_len;
		p[i].local = (uint16_t)fd;
		p[i].time = now;
		addr_from_sockaddr((struct sockaddr *)&s->in_addr[i], &p[i].peer);
		read_control(s, fd, &s->in[i].msg_hdr, &p[i]);
	}
	return (unsigned)n;
}

static int ready(struct sockets *s)
{
	struct epoll_event ev[IO_BURST];
	if (!s->n_ready) {
		int n = epoll_wait(s->epoll, ev, IO_BURST, 0);
		for (int i = 0; i < n; i++)
			s->ready[s->n_ready++] = ev[i].data.fd;
	}
	return s->n_ready ? s->ready[--s->n_ready] : -1;
}

static unsigned sockets_recv(struct io *io, struct io_packet *p)
{
	struct sockets *s = (struct sockets *)io;
	if (s->n == 1)
		return recv_from(s, 0, p);
	int fd = ready(s);
	return fd < 0 ? 0 : recv_from(s, (unsigned)fd, p);
}

static void sockets_wait(struct io *io, uint64_t until)
{
	struct timespec t = { (time_t)(until / 1000000000u), (long)(until % 1000000000u) };
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static void sockets_close(struct io *io)
{
	struct sockets *s = (struct sockets *)io;
	for (unsigned i = 0; i < s->n; i++)
		close(s->fd[i]);
	close(s->epoll);
	free(s->lost);
	free(s);
}

static const struct io_ops ops = { sockets_send, sockets_recv, sockets_wait, sockets_close };

static int open_one(struct sockets *s, unsigned i, struct addr ours)
{
	struct sockaddr_storage ss;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = (int)i };
	int size = BUFFER, on = 1;
	ours.port = (uint16_t)(ours.port + i);
	socklen_t len = addr_to_sockaddr(&ours, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	s->fd[i] = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void vectors(struct sockets *s)
{
	for (unsigned i = 0; i < IO_BURST; i++) {
		s->in_vec[i] = (struct iovec){ s->data[i], IO_PACKET_MAX };
		s->in[i].msg_hdr = (struct msghdr){ .msg_name = &s->in_addr[i],
						    .msg_iov = &s->in_vec[i],
						    .msg_iovlen = 1,
						    .msg_control = s->control[i] };
	}
}

int io_socket_open(struct io **out, const struct io_options *o)
{
	int back, err = netns_enter(o->netns, &back);
	if (err)
		return err;
	struct sockets *s = calloc(1, sizeof(*s) + o->ports * sizeof(s->fd[0]));
	if (s) {
		s->io.ops = &ops;
		s->lost = calloc(o->ports, sizeof(*s->lost));
		s->epoll = epoll_create1(EPOLL_CLOEXEC);
		vectors(s);
	}
	err = s && s->lost ? 0 : -ENOMEM;
	for (unsigned i = 0; !err && i < o->ports; i++) {
		s->n = i + 1;
		s->fd[i] = -1;
		err = open_one(s, i, o->ours);
	}
	netns_leave(back);
	if (!err) {
		prctl(PR_SET_TIMERSLACK, 1000); /* threads made from here on wake when they asked */
		*out = &s->io;
		return 0;
	}
	char text[ADDR_STR_MAX];
	fprintf(stderr, "UDP sockets at %s: %s\n", addr_print(&o->ours, text), strerror(-err));
	if (s)
		sockets_close(&s->io);
	return err;
}

int io_open(struct io **out, const struct io_options *o)
{
	return o->device ? io_dpdk_open(out, o) : io_socket_open(out, o);
}

void io_close(struct io *io)
{
	if (io)
		io->ops->close(io);
}
