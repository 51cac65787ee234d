/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: what a relay costs that does nothing but relay, with the sockets that everyone uses. One thread, one
 * connected UDP socket for each port, recvmmsg() in, sendmmsg() out. No rules, no counters, no SRTP. It is told of its
 * flows in the flow language, so that the same driver sets up the same calls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>
#include <netlink/msg.h>
#include "bench.h"
#include "engine/tlv.h"

#define BURST   32
#define BUCKETS 65536
#define EVENTS  256
#define BUFFER  (4 << 20)

enum kind {
	KIND_LISTENER,
	KIND_CLIENT,
	KIND_MEDIA
};

/* What epoll tells us of. */
struct source {
	enum kind kind;
	int fd;
	struct source *other; /* MEDIA: where it goes on */
};

struct plain_flow {
	struct plain_flow *next;
	u64 id;
	struct source side[2];
};

struct plain {
	int epoll;
	struct source listener;
	struct plain_flow *bucket[BUCKETS];
	struct mmsghdr msg[BURST];
	struct iovec vec[BURST];
	uint8_t data[BURST][IO_PACKET_MAX];
	u32 in[FLOW_DATAGRAM_MAX / 4], out[FLOW_DATAGRAM_MAX / 4];
};

static void relay(struct plain *p, struct source *s)
{
	for (unsigned i = 0; i < BURST; i++)
		p->vec[i].iov_len = IO_PACKET_MAX;
	int n = recvmmsg(s->fd, p->msg, BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		p->vec[i].iov_len = p->msg[i].msg_len;
	if (n > 0)
		sendmmsg(s->other->fd, p->msg, (unsigned)n, MSG_DONTWAIT);
}

static int watch(struct plain *p, struct source *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0 ? -errno : 0;
}

static struct addr addr_of(const struct flow_addr *f)
{
	struct addr a = { .port = f->port, .family = f->family };
	memcpy(a.ip, f->ip, sizeof(a.ip));
	return a;
}

static int open_side(struct plain *p, struct source *s, const struct flow_side *f)
{
	struct sockaddr_storage ours, theirs;
	struct addr local = addr_of(&f->local), remote = addr_of(&f->remote);
	socklen_t n = addr_to_sockaddr(&local, &ours), m = addr_to_sockaddr(&remote, &theirs);
	int size = BUFFER;
	s->kind = KIND_MEDIA;
	s->fd = socket(ours.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(s->fd, (struct sockaddr *)&ours, n) < 0 ||
	    connect(s->fd, (struct sockaddr *)&theirs, m) < 0)
		return -errno;
	return watch(p, s);
}

static void close_flow(struct plain_flow *f)
{
	for (unsigned i = 0; i < 2; i++)
		if (f->side[i].fd >= 0)
			close(f->side[i].fd);
	free(f);
}

static int on_set(struct plain *p, const struct tlv_msg *m)
{
	struct flow flow;
	const char *why;
	int err = tlv_get_flow(m, &flow, &why);
	if (!err && (flow.side[0].in.suite || flow.side[1].in.suite ||
		     !flow.side[0].remote.family || !flow.side[1].remote.family))
		err = -ENOTSUP;
	struct plain_flow *f = err ? NULL : calloc(1, sizeof(*f));
	if (!f)
		return err ? err : -ENOMEM;
	f->id = flow.id;
	f->side[0].fd = f->side[1].fd = -1;
	for (unsigned i = 0; i < 2 && !err; i++) {
		f->side[i].other = &f->side[!i];
		err = open_side(p, &f->side[i], &flow.side[i]);
	}
	if (err) {
		close_flow(f);
		return err;
	}
	f->next = p->bucket[f->id % BUCKETS];
	p->bucket[f->id % BUCKETS] = f;
	return 0;
}

static int on_del(struct plain *p, u64 id)
{
	for (struct plain_flow **f = &p->bucket[id % BUCKETS]; *f; f = &(*f)->next) {
		if ((*f)->id == id) {
			struct plain_flow *gone = *f;
			*f = gone->next;
			close_flow(gone);
			return 0;
		}
	}
	return -ENOENT;
}

static void answer(struct plain *p, struct tlv_out *o, const struct tlv_msg *m)
{
	int status = m->cmd == FLOW_CMD_HELLO ? 0
		     : m->cmd == FLOW_CMD_SET ? on_set(p, m)
		     : m->cmd == FLOW_CMD_DEL ? on_del(p, tlv_u64(m, FLOW_A_ID, 0))
					      : -ENOTSUP;
	tlv_begin(o, m->cmd, 0, m->seq);
	tlv_put_u32(o, FLOW_A_STATUS, (u32)status);
	if (m->cmd == FLOW_CMD_HELLO) {
		tlv_put_u32(o, FLOW_A_VERSION, FLOW_VERSION);
		tlv_put_u32(o, FLOW_A_CAPS, FLOW_CAP_IPV4 | FLOW_CAP_IPV6);
	}
	tlv_end(o);
}

static void on_client(struct plain *p, struct source *s)
{
	struct tlv_out o;
	struct tlv_msg m;
	const void *at = p->in;
	ssize_t got = recv(s->fd, p->in, sizeof(p->in), MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		close(s->fd);
		free(s);
		return;
	}
	size_t n = (size_t)got;
	tlv_out_init(&o, p->out, sizeof(p->out));
	while (tlv_next(&at, &n, &m) == 1)
		answer(p, &o, &m);
	if (send(s->fd, p->out, o.n, MSG_NOSIGNAL) < 0)
		perror("plain: answering");
}

static void on_listener(struct plain *p)
{
	struct source *s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->kind = KIND_CLIENT;
	s->fd = accept4(p->listener.fd, NULL, NULL, SOCK_CLOEXEC);
	if (s->fd < 0 || watch(p, s)) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
	}
}

static int open_listener(struct plain *p, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path));
	unlink(path);
	p->listener.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (p->listener.fd < 0 || bind(p->listener.fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(p->listener.fd, 8) < 0)
		return -errno;
	return watch(p, &p->listener);
}

static void serve(struct plain *p)
{
	struct epoll_event ev[EVENTS];
	for (;;) {
		int n = epoll_wait(p->epoll, ev, EVENTS, -1);
		/* Control frees flows, of which a later event of this round could be. */
		struct source *control = NULL;
		for (int i = 0; i < n; i++) {
			struct source *s = ev[i].data.ptr;
			if (s->kind == KIND_MEDIA)
				relay(p, s);
			else
				control = s;
		}
		if (control && control->kind == KIND_LISTENER)
			on_listener(p);
		else if (control)
			on_client(p, control);
	}
}

int plain_run(const struct options *o)
{
	struct plain *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (unsigned i = 0; i < BURST; i++) {
		p->vec[i].iov_base = p->data[i];
		p->msg[i].msg_hdr = (struct msghdr){ .msg_iov = &p->vec[i], .msg_iovlen = 1 };
	}
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	int err = p->epoll < 0 ? -errno : open_listener(p, o->listen);
	if (err) {
		fprintf(stderr, "%s: %s\n", o->listen, strerror(-err));
		free(p);
		return err;
	}
	puts("plain: ready");
	fflush(stdout);
	serve(p); /* until a signal ends the process: the kernel takes everything back */
	return 0;
}
