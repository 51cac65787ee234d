/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to our ports: media of a few peers, STUN, DTLS, noise, several in one (GSO), fragments and headers that are
 * wrong. What comes back is counted. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

#define DATAGRAM_MAX 1400
#define BURST        8

struct media {
	struct round *r;
	struct dice d;
	int peer[2][PEERS]; /* IPv4, IPv6 */
	int raw;
	uint16_t seq[PEERS];
};

static void to_addr(struct sockaddr_storage *to, socklen_t *len, bool six, uint16_t port, u8 last)
{
	struct sockaddr_in6 *in6 = (void *)to;
	struct sockaddr_in *in4 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (six) {
		in6->sin6_family = AF_INET6;
		in6->sin6_addr = in6addr_loopback;
		in6->sin6_port = htons(port);
	} else {
		in4->sin_family = AF_INET;
		in4->sin_addr.s_addr = htonl(0x7f000000u | last);
		in4->sin_port = htons(port);
	}
	*len = six ? sizeof(*in6) : sizeof(*in4);
}

static int peer_open(struct round *r, bool six, unsigned i)
{
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at;
	socklen_t len;

	to_addr(&at, &len, six, (uint16_t)(FIRST_PEER + i), 2);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len))
		wrong(r, "no socket of a peer: %s", strerror(errno));
	return fd;
}

static size_t datagram(struct media *m, unsigned peer, u8 *p)
{
	static const u8 types[] = { 0, 8, 101, 96, 3, 8, 8, 8 };
	struct dice *d = &m->d;
	size_t n = dice_percent(d, 80) ? 172 : dice_below(d, DATAGRAM_MAX);
	u32 kind = dice_below(d, 100);

	dice_fill(d, p, n < 40 ? 40 : n);
	if (kind < 70) {
		p[0] = dice_percent(d, 95) ? 0x80 : (u8)(0x80 | dice_roll(d));
		p[1] = types[dice_below(d, sizeof(types))];
		uint16_t seq = htons(dice_percent(d, 95) ? ++m->seq[peer] : (uint16_t)dice_roll(d));
		memcpy(p + 2, &seq, 2);
		memset(p + 8, dice_percent(d, 95) ? (int)peer : (int)dice_below(d, 4), 4);
	} else if (kind < 85) {
		p[0] = 0x81;
		p[1] = (u8)(200 + dice_below(d, 8));
		p[2] = 0;
		p[3] = (u8)dice_below(d, 44);
	} else if (kind < 90) {
		memcpy(p, (const u8[]){ 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 8);
	} else if (kind < 95) {
		p[0] = (u8)(20 + dice_below(d, 44));
	}
	return n;
}

/* To one port, a few in a row: a source must be proven before it is heard. */
static void send_some(struct media *m)
{
	u32 port = dice_below(&m->d, PORTS);
	unsigned peer = dice_percent(&m->d, 80) ? port / 2 % PEERS : dice_below(&m->d, PEERS);
	bool six = dice_percent(&m->d, 30);
	struct sockaddr_storage to;
	u8 p[8 * DATAGRAM_MAX];
	socklen_t len;

	to_addr(&to, &len, six, (uint16_t)(FIRST_PORT + port), 1);
	for (unsigned i = 1 + dice_below(&m->d, 8); i--;) {
		size_t n = datagram(m, peer, p);
		int segment = 0;
		if (dice_percent(&m->d, 5) && n) {
			segment = (int)n;
			for (; n < 5 * (size_t)segment; n += (size_t)segment)
				memcpy(p + n, p, (size_t)segment);
		}
		setsockopt(m->peer[six][peer], SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
		if (sendto(m->peer[six][peer], p, n, 0, (struct sockaddr *)&to, len) >= 0)
			atomic_fetch_add(&m->r->tally->sent, 1);
	}
}

/* With headers of our own: fragments that never become whole or overlap, lengths and sums that are wrong. */
static void send_raw(struct media *m)
{
	u8 p[sizeof(struct iphdr) + sizeof(struct udphdr) + DATAGRAM_MAX] = { 0 };
	struct iphdr *ip = (void *)p;
	struct udphdr *udp = (void *)(ip + 1);
	struct sockaddr_storage to;
	socklen_t len;
	unsigned peer = dice_below(&m->d, PEERS);
	size_t n = datagram(m, peer, (u8 *)(udp + 1)) + sizeof(*ip) + sizeof(*udp);

	*ip = (struct iphdr){ .version = 4,
			      .ihl = 5,
			      .ttl = (u8)(1 + dice_below(&m->d, 64)),
			      .protocol = IPPROTO_UDP,
			      .saddr = htonl(0x7f000002),
			      .daddr = htonl(0x7f000001),
			      .id = htons((uint16_t)(1 + dice_below(&m->d, 4))) };
	*udp = (struct udphdr){ .source = htons((uint16_t)(FIRST_PEER + peer)),
				.dest = htons((uint16_t)(FIRST_PORT + dice_below(&m->d, PORTS))),
				.len = htons((uint16_t)(n - sizeof(*ip))) };
	if (dice_percent(&m->d, 50))
		ip->frag_off =
			htons((uint16_t)((dice_below(&m->d, 2) << 13) | dice_below(&m->d, 30)));
	if (dice_percent(&m->d, 30))
		udp->len = htons((uint16_t)dice_below(&m->d, 2 * (u32)n));
	if (dice_percent(&m->d, 30))
		udp->check = (uint16_t)dice_roll(&m->d);
	to_addr(&to, &len, false, 0, 1);
	if (sendto(m->raw, p, n, 0, (struct sockaddr *)&to, len) >= 0)
		atomic_fetch_add(&m->r->tally->sent, 1);
}

static void drain(struct media *m)
{
	u8 p[64];

	for (unsigned i = 0; i < 2 * PEERS; i++)
		while (recv(m->peer[i / PEERS][i % PEERS], p, sizeof(p), 0) >= 0)
			atomic_fetch_add(&m->r->tally->relayed, 1);
}

void *media_run(void *arg)
{
	struct media m = { .r = arg };

	m.d = round_dice(m.r, 9);
	for (unsigned i = 0; i < 2 * PEERS; i++)
		m.peer[i / PEERS][i % PEERS] = peer_open(m.r, i / PEERS, i % PEERS);
	m.raw = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	while (!atomic_load(&m.r->over)) {
		for (unsigned i = 0; i < BURST; i++)
			if (dice_percent(&m.d, 90))
				send_some(&m);
			else
				send_raw(&m);
		drain(&m);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	for (unsigned i = 0; i < 2 * PEERS; i++)
		close(m.peer[i / PEERS][i % PEERS]);
	close(m.raw);
	return NULL;
}
