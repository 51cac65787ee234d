/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <netlink/msg.h>
#include "flowlink.h"

#define DATAGRAM                                                                                   \
	16384     /* the answers are longer than the questions at times, and have to fit, too */
#define TIMEOUT 2 /* s */

struct transport {
	int (*open)(const char *where); /* a descriptor or -errno */
	ssize_t (*send)(int fd, const void *p, size_t n);
	ssize_t (*recv)(int fd, void *p, size_t n);
};

struct flowlink {
	const struct transport *transport;
	int fd;
	u32 caps;
	int hello; /* status of the answer */
	struct tlv_out out;
	u32 out_mem[DATAGRAM / 4], in_mem[FLOW_DATAGRAM_MAX / 4];
};

static int unix_open(const char *where)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = TIMEOUT };
	if (strlen(where) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, where, strlen(where));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return fd;
}

static ssize_t unix_send(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL);
}

static ssize_t unix_recv(int fd, void *p, size_t n)
{
	return recv(fd, p, n, 0);
}

static const struct transport unix_transport = { unix_open, unix_send, unix_recv };

struct tlv_out *flowlink_begin(struct flowlink *l, u8 cmd, u32 seq)
{
	tlv_begin(&l->out, cmd, NLM_F_REQUEST | NLM_F_ACK, seq);
	return &l->out;
}

int flowlink_end(struct flowlink *l)
{
	return tlv_end(&l->out);
}

bool flowlink_pending(const struct flowlink *l)
{
	return l->out.n > 0;
}

int flowlink_flush(struct flowlink *l)
{
	ssize_t n = l->transport->send(l->fd, l->out_mem, l->out.n);
	tlv_out_init(&l->out, l->out_mem, sizeof(l->out_mem));
	return n < 0 ? -errno : 0;
}

int flowlink_answers(struct flowlink *l, void (*fn)(void *arg, const struct tlv_msg *m), void *arg)
{
	struct tlv_msg m;
	const void *p = l->in_mem;
	int count = 0, rc;
	ssize_t got = l->transport->recv(l->fd, l->in_mem, sizeof(l->in_mem));
	if (got <= 0)
		return got < 0 ? errno == EAGAIN ? -ETIMEDOUT : -errno : -EPIPE;
	size_t n = (size_t)got;
	while ((rc = tlv_next(&p, &n, &m)) == 1) {
		fn(arg, &m);
		count++;
	}
	return rc < 0 ? rc : count;
}

static void on_hello(void *arg, const struct tlv_msg *m)
{
	struct flowlink *l = arg;
	l->hello = (int)tlv_u32(m, FLOW_A_STATUS, 0);
	l->caps = tlv_u32(m, FLOW_A_CAPS, 0);
	if (!l->hello && tlv_u32(m, FLOW_A_VERSION, 0) != FLOW_VERSION)
		l->hello = -EPROTO;
}

static int hello(struct flowlink *l)
{
	struct tlv_out *o = flowlink_begin(l, FLOW_CMD_HELLO, 1);
	tlv_put_u32(o, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(o, FLOW_A_EPOCH, 1);
	flowlink_end(l);
	int rc = flowlink_flush(l);
	if (!rc)
		rc = flowlink_answers(l, on_hello, l);
	return rc < 0 ? rc : l->hello;
}

int flowlink_open(struct flowlink **out, const char *where)
{
	struct flowlink *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->transport = &unix_transport;
	tlv_out_init(&l->out, l->out_mem, sizeof(l->out_mem));
	l->fd = l->transport->open(where);
	int err = l->fd < 0 ? l->fd : hello(l);
	if (!err) {
		*out = l;
		return 0;
	}
	fprintf(stderr, "%s: %s\n", where, strerror(-err));
	flowlink_close(l);
	return err;
}

void flowlink_close(struct flowlink *l)
{
	if (!l)
		return;
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

u32 flowlink_caps(const struct flowlink *l)
{
	return l->caps;
}
