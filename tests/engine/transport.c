/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "engine/genl_map.h"
#include "suite.h"

/* ---- sluice-dp ---- */

static int seqpacket_open(void *arg)
{
	const char *path = arg;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (!connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		return fd;
	int err = -errno;
	close(fd);
	return err;
}

static int seqpacket_send(void *arg, int fd, const void *data, size_t n)
{
	return send(fd, data, n, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static ssize_t seqpacket_recv(void *arg, int fd, void *data, size_t cap)
{
	ssize_t n = recv(fd, data, cap, MSG_TRUNC);

	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	return (size_t)n > cap ? -EMSGSIZE : n;
}

static void close_fd(int fd)
{
	close(fd);
}

static int seqpacket_find(const char *path, struct transport *tr)
{
	*tr = (struct transport){ .open = seqpacket_open,
				  .send = seqpacket_send,
				  .recv = seqpacket_recv,
				  .close = close_fd,
				  .arg = (void *)(uintptr_t)path,
				  .batches = true };
	return 0;
}

/* ---- the kernel's module ---- */

#define MOST 40000 /* octets; more than the kernel puts into one datagram */

struct netlink {
	const char *ns; /* the file of the engine's namespace; "": this one */
	u16 family;     /* of the last connection: a module that was loaded again has another one */
	u32 mem[FLOW_DATAGRAM_MAX / 4];
};

/* Generic netlink is per namespace, and a socket stays in the one that it was made in. */
static int netlink_open(void *arg)
{
	struct netlink *k = arg;

	if (!k->ns[0])
		return genl_open(&k->family);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int ns = open(k->ns, O_RDONLY | O_CLOEXEC);
	int fd = home < 0 || ns < 0 || setns(ns, CLONE_NEWNET) ? -errno : genl_open(&k->family);
	if (home >= 0 && setns(home, CLONE_NEWNET))
		abort();
	close(ns);
	close(home);
	return fd;
}

static int netlink_send(void *arg, int fd, const void *data, size_t n)
{
	struct netlink *k = arg;

	if (n > sizeof(k->mem))
		return -EMSGSIZE;
	genl_map_request(k->mem, data, n, k->family);
	return send(fd, k->mem, n, 0) < 0 ? -errno : 0;
}

/* All that is there, as sluice-dp answers a datagram by one. -EAGAIN: it was nothing for the client. */
static ssize_t netlink_recv(void *arg, int fd, void *data, size_t cap)
{
	struct genl_news news = { 0 };
	struct netlink *k = arg;
	size_t got = 0;

	while (cap - got >= MOST) {
		ssize_t n = genl_recv(fd, k->mem, sizeof(k->mem));
		if (n == -EAGAIN)
			break;
		if (n > 0)
			n = genl_map_reply((u8 *)data + got, cap - got, k->mem, (size_t)n,
					   k->family, &news);
		if (news.gone)
			return 0;
		if (n < 0 || news.lost)
			return news.lost ? -ENOBUFS : n;
		got += (size_t)n;
	}
	return got ? (ssize_t)got : -EAGAIN;
}

static int netlink_find(const char *ns, struct transport *tr)
{
	struct netlink *k = calloc(1, sizeof(*k)); /* as long as this program runs */

	if (!k)
		return -ENOMEM;
	k->ns = ns;
	*tr = (struct transport){ .open = netlink_open,
				  .send = netlink_send,
				  .recv = netlink_recv,
				  .close = close_fd,
				  .arg = k,
				  .batches = true };
	return 0;
}

/* ---- by name ---- */

int transport_find(const char *name, struct transport *tr)
{
	static const struct {
		const char *name;
		int (*find)(const char *rest, struct transport *tr);
	} known[] = { { "seqpacket:", seqpacket_find },
		      { "netlink:", netlink_find },
		      { "netlink", netlink_find } };

	for (unsigned i = 0; i < COUNT(known); i++) {
		size_t n = strlen(known[i].name);
		if (!strncmp(name, known[i].name, n))
			return known[i].find(name + n, tr);
	}
	return -EINVAL;
}
