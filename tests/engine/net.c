/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the peers, in their namespaces, and what comes to them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "suite.h"

#define BUFFER (4 << 20)

/* ---- addresses ---- */

static const u8 net4[2][4] = { { 203, 0, 113, 0 }, { 10, 10, 0, 0 } };
static const u8 net6[2][16] = { { 0x20, 0x01, 0x0d, 0xb8, 0, 0x0a }, { 0xfd, 0, 0, 0, 0, 0x0b } };

struct flow_addr host(unsigned side, u8 family, enum host h, u16 port)
{
	struct flow_addr a = { .family = family, .port = port };

	if (family == 6) {
		memcpy(a.ip, net6[side], 16);
		a.ip[15] = (u8)h;
	} else {
		memcpy(a.ip, net4[side], 4);
		a.ip[3] = (u8)h;
	}
	return a;
}

const char *addr_text(const struct flow_addr *a, char *out, size_t n)
{
	char ip[INET6_ADDRSTRLEN];

	if (!a->family) {
		snprintf(out, n, "nowhere");
		return out;
	}
	inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, ip, sizeof(ip));
	snprintf(out, n, a->family == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	return out;
}

bool addr_is(const struct flow_addr *a, const struct flow_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       !memcmp(a->ip, b->ip, a->family == 6 ? 16 : 4);
}

static socklen_t to_sockaddr(const struct flow_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == 6) {
		struct sockaddr_in6 *s = (void *)out;
		s->sin6_family = AF_INET6;
		s->sin6_port = htons(a->port);
		memcpy(&s->sin6_addr, a->ip, 16);
		return sizeof(*s);
	}
	struct sockaddr_in *s = (void *)out;
	s->sin_family = AF_INET;
	s->sin_port = htons(a->port);
	memcpy(&s->sin_addr, a->ip, 4);
	return sizeof(*s);
}

static struct flow_addr from_sockaddr(const struct sockaddr_storage *in)
{
	struct flow_addr a = { .family = 4 };

	if (in->ss_family == AF_INET6) {
		const struct sockaddr_in6 *s = (const void *)in;
		a.family = 6;
		a.port = ntohs(s->sin6_port);
		memcpy(a.ip, &s->sin6_addr, 16);
		return a;
	}
	const struct sockaddr_in *s = (const void *)in;
	a.port = ntohs(s->sin_port);
	memcpy(a.ip, &s->sin_addr, 4);
	return a;
}

/* ---- time ---- */

u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * S + (u64)ts.tv_nsec / 1000;
}

u64 wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (u64)ts.tv_sec * S + (u64)ts.tv_nsec / 1000;
}

void nap(u32 us)
{
	struct timespec ts = { us / S, (long)(us % S) * 1000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* ---- sockets ---- */

/* A socket stays in the namespace that it was made in. */
static int socket_in(struct test *t, unsigned side, int family, int type, int protocol)
{
	if (setns(t->lab->ns[side], CLONE_NEWNET))
		FAIL(t, "setns: %s", strerror(errno));
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (setns(t->lab->home, CLONE_NEWNET))
		FAIL(t, "setns: %s", strerror(errno));
	if (fd < 0)
		FAIL(t, "socket: %s", strerror(errno));
	return fd;
}

static void set_options(int fd, u8 family)
{
	int on = 1, big = BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (family == 6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
		return;
	}
	setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
}

struct sock *sock_open(struct test *t, unsigned side, u8 family, enum host h, u16 port)
{
	struct sock *s = calloc(1, sizeof(*s));
	struct sockaddr_storage ss;

	if (!s || t->n_socks == SOCKS_MAX)
		FAIL(t, "too many sockets");
	s->side = side;
	s->at = host(side, family, h, port ? port : test_peer_port(t, side, 1));
	s->fd = socket_in(t, side, family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	set_options(s->fd, family);
	socklen_t n = to_sockaddr(&s->at, &ss);
	char text[64];
	if (bind(s->fd, (struct sockaddr *)&ss, n))
		FAIL(t, "bind to %s: %s", addr_text(&s->at, text, sizeof(text)), strerror(errno));
	t->sock[t->n_socks++] = s;
	return s;
}

int sock_raw(struct test *t, unsigned side)
{
	return socket_in(t, side, AF_INET, SOCK_RAW, IPPROTO_RAW);
}

void sock_send(struct test *t, struct sock *s, const struct flow_addr *to, const void *data, u32 n)
{
	struct sockaddr_storage ss;
	socklen_t len = to_sockaddr(to, &ss);

	/* An ICMP error that an earlier packet brought is told here; the packet goes out at the next try. */
	for (int i = 0; i < 3; i++)
		if (sendto(s->fd, data, n, 0, (struct sockaddr *)&ss, len) >= 0)
			return;
	FAIL(t, "sendto: %s", strerror(errno));
}

static void take_control(struct msghdr *m, struct packet *p)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct timespec ts;
		int v = 0;
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			p->at_us = (u64)ts.tv_sec * S + (u64)ts.tv_nsec / 1000;
			continue;
		}
		memcpy(&v, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0) < sizeof(v) ? 1 : sizeof(v));
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS))
			p->tos = (u8)v;
		else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			p->ttl = (u8)v;
	}
}

bool sock_recv(struct sock *s, struct packet *p, u32 wait_us)
{
	struct pollfd pfd = { s->fd, POLLIN, 0 };
	struct timespec ts = { wait_us / S, (long)(wait_us % S) * 1000 };

	if (ppoll(&pfd, 1, &ts, NULL) <= 0)
		return false;
	struct sockaddr_storage from;
	char control[256];
	struct iovec iov = { p->data, sizeof(p->data) };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s->fd, &m, MSG_DONTWAIT);
	if (n < 0)
		return false; /* an ICMP error */
	p->len = (u32)n;
	p->from = from_sockaddr(&from);
	take_control(&m, p);
	return true;
}

struct packet *sock_expect(struct test *t, struct sock *s)
{
	struct packet *p = calloc(1, sizeof(*p));
	char text[64];

	if (!p || !sock_recv(s, p, S))
		FAIL(t, "nothing came to %s", addr_text(&s->at, text, sizeof(text)));
	return p;
}

void sock_quiet(struct test *t, struct sock *s, u32 us)
{
	struct packet p;
	char at[64], from[64];

	if (s->deaf || !sock_recv(s, &p, us))
		return;
	FAIL(t, "%u octets (%02x %02x %02x %02x ...) came to %s from %s, and nothing should", p.len,
	     p.data[0], p.data[1], p.data[2], p.data[3], addr_text(&s->at, at, sizeof(at)),
	     addr_text(&p.from, from, sizeof(from)));
}

unsigned sock_drain(struct sock *s, u32 us)
{
	struct packet p;
	unsigned n = 0;

	while (sock_recv(s, &p, us))
		n++;
	return n;
}
