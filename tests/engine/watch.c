/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>
#include "watch.h"

#define BUFFER (16 << 20)

struct watch {
	int fd[2];
	u64 strays, seen;
	char first[160];
};

static int open_in(const struct lab *lab, unsigned side)
{
	int big = BUFFER;

	if (setns(lab->ns[side], CLONE_NEWNET))
		return -1;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (setns(lab->home, CLONE_NEWNET) || fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	return fd;
}

struct watch *watch_new(const struct lab *lab)
{
	struct watch *w = calloc(1, sizeof(*w));

	for (unsigned side = 0; w && side < 2; side++) {
		w->fd[side] = open_in(lab, side);
		if (w->fd[side] < 0) {
			free(w);
			return NULL;
		}
	}
	return w;
}

void watch_free(struct watch *w)
{
	close(w->fd[0]);
	close(w->fd[1]);
	free(w);
}

static bool parse(const u8 *p, size_t n, struct flow_addr *from, struct flow_addr *to)
{
	size_t head = 40;
	u8 family = n ? p[0] >> 4 : 0, len = 16;

	if (family == 4) {
		if (n < 28 || p[9] != IPPROTO_UDP || (p[6] & 0x1f) || p[7])
			return false;
		head = (p[0] & 15) * 4u;
		len = 4;
	} else if (family != 6 || n < 48 || p[6] != IPPROTO_UDP) {
		return false;
	}
	if (n < head + 8)
		return false;
	*from = (struct flow_addr){ .family = family, .port = (u16)(p[head] << 8 | p[head + 1]) };
	*to = (struct flow_addr){ .family = family, .port = (u16)(p[head + 2] << 8 | p[head + 3]) };
	memcpy(from->ip, p + (family == 4 ? 12 : 8), len);
	memcpy(to->ip, p + (family == 4 ? 16 : 24), len);
	return true;
}

static bool is_host(const struct flow_addr *a, unsigned side, enum host h)
{
	struct flow_addr x = host(side, a->family, h, a->port);

	return addr_is(a, &x);
}

/* A port of a case sends to ports of the same case; those above PORT_BULK have no peers. */
static bool fits(const struct flow_addr *from, const struct flow_addr *to)
{
	if (from->port < PORT_LOW || from->port > PORT_HIGH)
		return true; /* no media */
	if (from->port >= PORT_BULK || to->port < PEER_LOW)
		return false;
	return (from->port - PORT_LOW) / PORTS == (to->port - PEER_LOW) / PEER_PORTS;
}

static void look(struct watch *w, unsigned side, const u8 *p, size_t n)
{
	struct flow_addr from, to;
	char a[64], b[64];

	if (!parse(p, n, &from, &to) || !is_host(&from, side, RELAY))
		return;
	w->seen++;
	if (fits(&from, &to) && !is_host(&to, side, STRANGER))
		return;
	if (!w->strays++)
		snprintf(w->first, sizeof(w->first), "%s sent to %s",
			 addr_text(&from, a, sizeof(a)), addr_text(&to, b, sizeof(b)));
}

void watch_run(struct watch *w)
{
	struct sockaddr_ll ll;
	u8 p[128];

	for (unsigned side = 0; side < 2; side++) {
		for (;;) {
			socklen_t len = sizeof(ll);
			ssize_t n = recvfrom(w->fd[side], p, sizeof(p), 0, (struct sockaddr *)&ll,
					     &len);
			if (n < 0)
				break;
			if (ll.sll_pkttype == PACKET_HOST)
				look(w, side, p, (size_t)n);
		}
	}
}

bool watch_why(const struct watch *w, char *out, size_t n)
{
	if (w->strays)
		snprintf(out, n, "%llu packets; the first: %s\n", (unsigned long long)w->strays,
			 w->first);
	else if (!w->seen)
		snprintf(out, n, "the engine sent nothing at all\n");
	return w->strays || !w->seen;
}
