/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include "engine/genl_map.h"
#include "engine/tlv_priv.h"

/* Room for what is told while this process does not run: an event takes about 1 kB of the kernel's memory, and the
 * answers to a datagram full of requests 2 MB. */
#define RECEIVE_ROOM 8388608
#define LOOK_UP_SEQ  1

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Reasons with errors, and errors without the request, which would have keys in it. Who goes away is told to the
 * group that nlctrl has for itself, whose number is always that of its family. */
static int prepare(int fd)
{
	int rc = set(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);

	if (!rc)
		rc = set(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	if (!rc)
		rc = set(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, GENL_ID_CTRL);
	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_ROOM))
		set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_ROOM);
	return rc;
}

/* Without an address in each sendmsg() the kernel asks for the capability of who sends, and not of who opened it, too. */
static int attach(int fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (bind(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0 ||
	    connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

ssize_t genl_recv(int fd, void *p, size_t cap)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { p, cap };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
	};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (m.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return from.nl_pid ? 0 : n; /* other programs may send, too */
}

/* 0: it was the answer, and *family is set; -EAGAIN: something else; or what the kernel said. */
static int read_family(const void *p, size_t n, u16 *family)
{
	const struct nlmsghdr *h = p;

	if (n < NLMSG_LENGTH(GENL_HDRLEN) || h->nlmsg_len > n || h->nlmsg_seq != LOOK_UP_SEQ)
		return -EAGAIN;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	const struct nlattr *a =
		nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
	if (h->nlmsg_type != GENL_ID_CTRL || !a || nla_len(a) != sizeof(u16))
		return -EPROTO;
	*family = nla_get_u16(a);
	return 0;
}

/* The kernel has answered when send() returns. */
static int look_up(int fd, u16 *family)
{
	u32 mem[1024];
	struct tlv_out o;
	ssize_t n;
	int rc = -EAGAIN;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, CTRL_CMD_GETFAMILY, NLM_F_REQUEST, LOOK_UP_SEQ);
	tlv_put_str(&o, CTRL_ATTR_FAMILY_NAME, GENL_FAMILY);
	tlv_end(&o);
	if (send(fd, o.p, o.n, 0) < 0)
		return -errno;
	while (rc == -EAGAIN) {
		n = genl_recv(fd, mem, sizeof(mem));
		if (n < 0)
			return n == -EAGAIN ? -EPROTO : (int)n;
		rc = read_family(mem, (size_t)n, family);
	}
	return rc;
}

int genl_open(u16 *family)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0)
		return -errno;
	int rc = prepare(fd);
	if (!rc)
		rc = attach(fd);
	if (!rc)
		rc = look_up(fd, family);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}
