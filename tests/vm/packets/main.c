// SPDX-License-Identifier: Apache-2.0
/* usage: vm-packets NAMESPACE-A NAMESPACE-B [queued], as guest/packets.sh has made it. Prints TAP. */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include "packets.h"

#define BURST  20
#define LONG   4000
#define MANY   4000
#define WINDOW 64

struct lab {
	struct engine engine;
	unsigned n, failed;
	u16 port; /* the next one that is free */
};

static void check(struct lab *l, bool right, const char *what)
{
	printf("%sok %u - %s\n", right ? "" : "not ", ++l->n, what);
	l->failed += !right;
}

/* A flow between two sockets, and what came through. */
struct call {
	struct flow_addr local[2], remote[2];
	int peer[2];
	u16 seq;
};

static void call_begin(struct lab *l, struct call *c, const char *const local[2],
		       const char *const remote[2], const int peer_ns[2])
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (unsigned i = 0; i < 2; i++) {
		c->local[i] = at(local[i], l->port++);
		c->remote[i] = at(remote[i], l->port++);
		if (peer_ns[i] >= 0 && setns(peer_ns[i], CLONE_NEWNET))
			err(2, "setns");
		c->peer[i] = udp_at(&c->remote[i]);
		if (setns(home, CLONE_NEWNET))
			err(2, "setns");
	}
	close(home);
	engine_set(&l->engine, l->port, c->local, c->remote);
}

static void call_end(struct lab *l, struct call *c)
{
	engine_del(&l->engine, l->port);
	close(c->peer[0]);
	close(c->peer[1]);
}

static bool is_addr(const struct flow_addr *a, const struct flow_addr *b)
{
	return a->port == b->port && a->family == b->family && !memcmp(a->ip, b->ip, 16);
}

/* n packets of side 0's come out on side 1, in order. */
static bool came(struct call *c, u16 first, unsigned n, int *ttl)
{
	for (unsigned i = 0; i < n; i++) {
		u8 want[PACKET], p[2048];
		struct flow_addr from;

		rtp(want, (u16)(first + i));
		want[1] = 96;
		if (get(c->peer[1], p, sizeof(p), &from, ttl) != PACKET ||
		    memcmp(p, want, PACKET) || !is_addr(&from, &c->local[1]))
			return false;
	}
	return true;
}

static bool relays(struct call *c, unsigned n, int *ttl)
{
	u16 first = c->seq;
	u8 p[PACKET];

	for (unsigned i = 0; i < n; i++) {
		rtp(p, c->seq++);
		put(c->peer[0], &c->local[0], p, PACKET);
	}
	return came(c, first, n, ttl);
}

/* ---- the other side is on the same host ---- */

static const int here[2] = { -1, -1 };

static void same_host(struct lab *l)
{
	static const char *const ip[][2] = { { "10.0.1.1", "10.0.2.1" },
					     { "fd00:1::1", "fd00:2::1" },
					     { "10.0.1.1", "fd00:2::1" },
					     { "fd00:1::1", "10.0.2.1" },
					     { "127.0.0.1", "127.0.0.1" } };

	for (unsigned i = 0; i < sizeof(ip) / sizeof(ip[0]); i++) {
		struct call c = { 0 };
		char what[128];
		int ttl = 0;

		call_begin(l, &c, ip[i], ip[i], here);
		bool right = relays(&c, 5, &ttl);
		snprintf(what, sizeof(what), "from %s to %s, both of this host", ip[i][0],
			 ip[i][1]);
		check(l, right && ttl == 63, what);
		call_end(l, &c);
	}
}

/* ---- flows that lead to each other ---- */

static void loop(struct lab *l, const char *ip)
{
	struct flow_addr a[2] = { at(ip, 7000), at(ip, 7002) },
			 b[2] = { at(ip, 7004), at(ip, 7006) };
	struct flow_addr to_a[2] = { b[1], b[0] }, to_b[2] = { a[1], a[0] };
	u64 ttl = engine_count(&l->engine, "rx_ttl"),
	    in = engine_count(&l->engine, "work.packets_in");
	u8 p[PACKET];

	engine_set(&l->engine, 1, a, to_a);
	engine_set(&l->engine, 2, b, to_b);
	/* From where the other flow would send. Its type is that of both sides. */
	int fd = udp_at(&b[1]);
	rtp(p, 1);
	put(fd, &a[0], p, PACKET);
	close(fd);
	usleep(300000);
	in = engine_count(&l->engine, "work.packets_in") - in;
	ttl = engine_count(&l->engine, "rx_ttl") - ttl;
	check(l, ttl == 1 && in >= 60 && in <= 64, "a packet in a loop of two flows ends");
	if (ttl != 1)
		printf("# rx_ttl %llu, packets_in %llu\n", (unsigned long long)ttl,
		       (unsigned long long)in);
	engine_del(&l->engine, 1);
	engine_del(&l->engine, 2);
}

/* ---- through devices ---- */

static const char *const outside[2] = { "10.0.1.1", "10.0.2.1" };
static const char *const peers[2] = { "10.0.1.2", "10.0.2.2" };

/* Who looks on has clones of the packets: they must stay as they came. */
static void looked_at(struct lab *l, const int ns[2])
{
	struct sockaddr_ll dev = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_IP),
				   .sll_ifindex = (int)if_nametoindex("a0") };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP)), ttl;
	unsigned seen = 0, changed = 0;
	struct call c = { 0 };
	u8 p[28 + BURST * PACKET];
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&dev, sizeof(dev)))
		err(2, "a packet socket");
	call_begin(l, &c, outside, peers, ns);
	check(l, relays(&c, BURST, &ttl), "packets that are looked at are relayed");
	while ((n = recv(fd, p, sizeof(p), 0)) > 0) {
		/* GRO has several in one, behind the first one's headers. */
		for (ssize_t i = 28; i + PACKET <= n; i += PACKET, seen++) {
			u8 want[PACKET];

			rtp(want, (u16)(p[i + 2] << 8 | p[i + 3]));
			changed += memcmp(p + i, want, PACKET) || p[12 + 3] != 2 || p[16 + 3] != 1;
		}
	}
	check(l, seen == BURST && !changed, "and nobody sees them change");
	if (seen != BURST || changed)
		printf("# seen %u, changed %u\n", seen, changed);
	close(fd);
	call_end(l, &c);
}

/* Before 5.11 virtual devices left nothing to the next one: the sender takes datagrams apart. */
static bool devices_carry_together(void)
{
	struct utsname u;
	char *end;

	uname(&u);
	unsigned long major = strtoul(u.release, &end, 10);
	return major > 5 || (major == 5 && strtoul(end + 1, NULL, 10) >= 11);
}

/* Several datagrams in one, which the sender leaves to the device to take apart. */
static void together(struct lab *l, const int ns[2], const char *const local[2],
		     const char *const remote[2], const char *what)
{
	u64 before = engine_count(&l->engine, "work.segmented");
	int each = PACKET, none = 0, ttl;
	u8 all[BURST * PACKET];
	struct call c = { 0 };

	call_begin(l, &c, local, remote, ns);
	bool right = relays(&c, 3, &ttl);
	for (unsigned i = 0; i < BURST; i++)
		rtp(all + i * PACKET, (u16)(c.seq + i));
	setsockopt(c.peer[0], IPPROTO_UDP, UDP_SEGMENT, &each, sizeof(each));
	put(c.peer[0], &c.local[0], all, sizeof(all));
	setsockopt(c.peer[0], IPPROTO_UDP, UDP_SEGMENT, &none, sizeof(none));
	right = right && came(&c, c.seq, BURST, &ttl);
	u64 segmented = engine_count(&l->engine, "work.segmented") - before;
	unsigned want = devices_carry_together() ? BURST : 0;
	check(l, right && segmented == want, what);
	if (segmented != want)
		printf("# segmented %llu\n", (unsigned long long)segmented);
	call_end(l, &c);
}

/* Longer than the cables carry: the sender's kernel makes fragments of it, the module joins them, and more are made. */
static void in_parts(struct lab *l, const int ns[2], const char *const local[2],
		     const char *const remote[2], const char *what)
{
	struct call c = { 0 };
	u8 p[LONG], got[LONG + 1];
	struct flow_addr from;
	int ttl;

	call_begin(l, &c, local, remote, ns);
	bool right = relays(&c, 3, &ttl);
	for (u32 i = 0; i < LONG; i++)
		p[i] = (u8)(i * 11 + 5);
	for (unsigned i = 0; i < 3 && right; i++) {
		rtp(p, c.seq++);
		put(c.peer[0], &c.local[0], p, LONG);
		p[1] = 96;
		right = get(c.peer[1], got, sizeof(got), &from, &ttl) == LONG &&
			!memcmp(got, p, LONG);
	}
	check(l, right, what);
	call_end(l, &c);
}

/* ---- by way of a program ---- */

/* Half of the packets come in a program's context, the other half in softirqs that come in between, on the same processor. In what
 * order they leave is anybody's guess. */
static void queued(struct lab *l, const int ns[2])
{
	unsigned came = 0, of_program;
	struct queue *q = queue_open(7, 1);
	u64 in = engine_count(&l->engine, "work.packets_in");
	struct call c = { 0 };
	struct flow_addr from;
	u8 p[PACKET];
	int ttl;

	call_begin(l, &c, outside, peers, ns);
	for (unsigned i = 0; i < MANY; i++) {
		int tos = i & 1 ? 46 << 2 : 0;

		if (setsockopt(c.peer[0], IPPROTO_IP, IP_TOS, &tos, sizeof(tos)))
			err(2, "IP_TOS");
		rtp(p, c.seq++);
		put(c.peer[0], &c.local[0], p, PACKET);
		for (; i - came > WINDOW && get(c.peer[1], p, sizeof(p), &from, &ttl) == PACKET;)
			came++;
	}
	while (came < MANY && get(c.peer[1], p, sizeof(p), &from, &ttl) == PACKET)
		came++;
	in = engine_count(&l->engine, "work.packets_in") - in;
	of_program = queue_close(q);
	check(l, came == MANY && of_program == MANY / 2,
	      "packets that waited for a program are relayed");
	if (came != MANY || of_program != MANY / 2)
		printf("# %u of %u came, %u of them by the program, %llu to the module\n", came,
		       MANY, of_program, (unsigned long long)in);
	call_end(l, &c);
}

int main(int argc, char **argv)
{
	static const char *const outside6[2] = { "fd00:1::1", "fd00:2::1" };
	static const char *const peers6[2] = { "fd00:1::2", "fd00:2::2" };
	static const char *const itself[2] = { "127.0.0.1", "127.0.0.1" };
	struct lab l = { .port = 10000 };
	int ns[2];

	if (argc < 3)
		errx(2, "usage: vm-packets NAMESPACE-A NAMESPACE-B [queued]");
	for (unsigned i = 0; i < 2; i++) {
		ns[i] = open(argv[1 + i], O_RDONLY | O_CLOEXEC);
		if (ns[i] < 0)
			err(2, "%s", argv[1 + i]);
	}
	l.engine = engine_open();
	if (argc > 3) {
		queued(&l, ns);
		return l.failed != 0;
	}
	same_host(&l);
	loop(&l, "10.0.1.1");
	loop(&l, "fd00:1::1");
	looked_at(&l, ns);
	together(&l, ns, outside, peers, "packets that come together are taken apart");
	together(&l, ns, outside6, peers6, "and those of IPv6");
	together(&l, here, itself, itself, "and those of this host");
	in_parts(&l, ns, outside, peers, "fragments are joined, and others are made");
	in_parts(&l, ns, outside6, peers6, "and those of IPv6");
	return l.failed != 0;
}
