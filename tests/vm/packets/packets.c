// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "packets.h"

struct flow_addr at(const char *ip, u16 port)
{
	struct flow_addr a = { .port = port, .family = strchr(ip, ':') ? 6 : 4 };

	if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, ip, a.ip) != 1)
		errx(2, "no address: %s", ip);
	return a;
}

static socklen_t to_sockaddr(const struct flow_addr *a, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (void *)out;
	struct sockaddr_in *four = (void *)out;

	memset(out, 0, sizeof(*out));
	if (a->family == 6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(a->port);
		memcpy(&six->sin6_addr, a->ip, 16);
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons(a->port);
	memcpy(&four->sin_addr, a->ip, 4);
	return sizeof(*four);
}

static struct flow_addr from_sockaddr(const struct sockaddr_storage *in)
{
	const struct sockaddr_in6 *six = (const void *)in;
	const struct sockaddr_in *four = (const void *)in;
	struct flow_addr a = { .family = 4 };

	if (in->ss_family == AF_INET6) {
		a.family = 6;
		a.port = ntohs(six->sin6_port);
		memcpy(a.ip, &six->sin6_addr, 16);
		return a;
	}
	a.port = ntohs(four->sin_port);
	memcpy(a.ip, &four->sin_addr, 4);
	return a;
}

int udp_at(const struct flow_addr *a)
{
	struct sockaddr_storage where;
	socklen_t n = to_sockaddr(a, &where);
	bool six = a->family == 6;
	int on = 1, fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&where, n))
		err(2, "a socket");
	setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVHOPLIMIT : IP_RECVTTL, &on,
		   sizeof(on));
	return fd;
}

void rtp(u8 *p, u16 seq)
{
	u32 ts = htonl(160u * seq);

	memset(p, (u8)seq, PACKET);
	memcpy(p, (u8[]){ 0x80, 8, (u8)(seq >> 8), (u8)seq }, 4);
	memcpy(p + 4, &ts, 4);
	memcpy(p + 8, "ssrc", 4);
}

void put(int fd, const struct flow_addr *to, const void *p, u32 len)
{
	struct sockaddr_storage where;
	socklen_t n = to_sockaddr(to, &where);

	if (sendto(fd, p, len, 0, (struct sockaddr *)&where, n) < 0)
		err(2, "sendto");
}

int get(int fd, void *p, u32 cap, struct flow_addr *from, int *ttl)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct sockaddr_storage src = { 0 };
	char control[128];
	struct iovec iov = { .iov_base = p, .iov_len = cap };
	struct msghdr m = { .msg_name = &src,
			    .msg_namelen = sizeof(src),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	if (poll(&ready, 1, 1000) != 1)
		return -1;
	ssize_t n = recvmsg(fd, &m, 0);
	*from = from_sockaddr(&src);
	*ttl = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		memcpy(ttl, CMSG_DATA(c), sizeof(*ttl));
	return (int)n;
}
