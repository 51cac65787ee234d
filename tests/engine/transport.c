/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "suite.h"

#define SEQPACKET "seqpacket:"

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

static int seqpacket_send(int fd, const void *data, size_t n)
{
	return send(fd, data, n, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static ssize_t seqpacket_recv(int fd, void *data, size_t cap)
{
	ssize_t n = recv(fd, data, cap, MSG_TRUNC);

	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	return (size_t)n > cap ? -EMSGSIZE : n;
}

static void seqpacket_close(int fd)
{
	close(fd);
}

int transport_find(const char *name, struct transport *tr)
{
	size_t n = strlen(SEQPACKET);

	if (strncmp(name, SEQPACKET, n))
		return -EINVAL;
	*tr = (struct transport){ .open = seqpacket_open,
				  .send = seqpacket_send,
				  .recv = seqpacket_recv,
				  .close = seqpacket_close,
				  .arg = (void *)(uintptr_t)(name + n),
				  .batches = true };
	return 0;
}
