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

/* Room for what is told while this process does not run: an event takes about 1 kB of the kernel's memory. Who is root of
 * a container alone gets what its kernel allows (net.core.rmem_max). */
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

size_t genl_room(int fd)
{
	int room = 0;
	socklen_t n = sizeof(room);

	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &n) < 0 || room < 0)
		return 0;
	return (size_t)room; /* as the kernel counts, which is twice of what it was asked for */
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

/* 1: it is ours, with *family. */
static int is_ours(struct nlmsghdr *h, u16 *family)
{
	const struct nlattr *name, *id;

	if (h->nlmsg_type != GENL_ID_CTRL || h->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
		return 0;
	name = nlmsg_find_attr(h, GENL_HDRLEN, CTRL_ATTR_FAMILY_NAME);
	id = nlmsg_find_attr(h, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
	if (!name || !id || nla_len(id) != sizeof(u16) || nla_strcmp(name, GENL_FAMILY))
		return 0;
	*family = nla_get_u16(id);
	return 1;
}

/* Looks through one datagram: 0; 1: it was the last one; or -errno. */
static int read_families(struct nlmsghdr *h, int n, u16 *family)
{
	for (; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
		if (h->nlmsg_seq != LOOK_UP_SEQ)
			continue;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
				       ? -EPROTO
				       : ((struct nlmsgerr *)nlmsg_data(h))->error;
		is_ours(h, family);
	}
	return 0;
}

static int ask(int fd, u16 flags)
{
	u32 mem[32];
	struct tlv_out o;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, CTRL_CMD_GETFAMILY, NLM_F_REQUEST | flags, LOOK_UP_SEQ);
	if (!flags)
		tlv_put_str(&o, CTRL_ATTR_FAMILY_NAME, GENL_FAMILY);
	tlv_end(&o);
	return send(fd, o.p, o.n, 0) < 0 ? -errno : 0;
}

/* A list of all: to ask for one by its name has the kernel start modprobe(8) each time, where it is not there. The
 * kernel has answered when send() returns, and goes on with each recv(). */
static int look_up(int fd, u16 *family)
{
	u32 mem[4096];
	int rc = ask(fd, NLM_F_DUMP);

	*family = 0;
	while (!rc) {
		ssize_t n = genl_recv(fd, mem, sizeof(mem));
		if (n < 0)
			return n == -EAGAIN ? -EPROTO : (int)n;
		rc = read_families((struct nlmsghdr *)mem, (int)n, family);
	}
	if (rc < 0)
		return rc;
	return *family ? 0 : -ENOENT;
}

static int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (fd < 0)
		return -errno;
	int rc = attach(fd); /* first: bind() leaves all groups */
	if (!rc)
		rc = prepare(fd);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int genl_open(u16 *family)
{
	int fd = open_socket();

	if (fd < 0)
		return fd;
	int rc = look_up(fd, family);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

void genl_load(void)
{
	int fd = open_socket();

	if (fd < 0)
		return;
	ask(fd, 0);
	close(fd);
}
