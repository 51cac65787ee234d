// SPDX-License-Identifier: Apache-2.0
/* kernelcost COMMAND ...: see cost.h; and the plainest relay of user space. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cost.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

void enter(const char *netns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

int udp_socket(const char *netns, const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int room = 4 << 20, fd;

	enter(netns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		die("socket");
	inet_pton(AF_INET, address, &at.sin_addr);
	if (bind(fd, (const void *)&at, sizeof(at)))
		die(address);
	return fd;
}

static _Noreturn void user_relay(void)
{
	int in = udp_socket("R", R_ADDRESS_A, R_PORT_A),
	    out = udp_socket("R", R_ADDRESS_B, R_PORT_B);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(B_PORT) }, from;
	unsigned char packet[2048];

	inet_pton(AF_INET, B_ADDRESS, &to.sin_addr);
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(in, packet, sizeof(packet), 0, (void *)&from, &size);
		if (n > 0 && sendto(out, packet, (size_t)n, 0, (const void *)&to, sizeof(to)) < 0)
			die("sendto");
	}
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "measure"))
		return measure(argc - 2, argv + 2);
	if (!strcmp(command, "relay"))
		user_relay();
	if (!strcmp(command, "flow"))
		return flow_command(argc - 2, argv + 2);
	fprintf(stderr, "usage: kernelcost measure|relay|flow ...\n");
	return 2;
}
