/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <rte_byteorder.h>
#include "filter.h"

#define NO_PORT (UINT16_MAX + 1u) /* as the lower bound: no port is that high */
#define EACH4   9
#define EACH6   21
#define AROUND  13

struct code {
	struct sock_filter *at;
	unsigned short n;
};

static void put(struct code *c, const struct sock_filter *f, unsigned n)
{
	memcpy(c->at + c->n, f, n * sizeof(*f));
	c->n = (unsigned short)(c->n + n);
}

/* Each of these takes the packet, or goes on behind itself. Offsets count from the Ethernet header. */
static void put4(struct code *c, const struct network *n, u32 lo)
{
	u32 ip;
	memcpy(&ip, n->ip, sizeof(ip));
	const struct sock_filter f[EACH4] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 30),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rte_be_to_cpu_32(ip), 0, 7),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20), /* offset of the fragment */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 3, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, lo, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, n->media_hi, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
	};
	put(c, f, EACH4);
}

static u32 word6(const struct network *n, unsigned i)
{
	u32 v;
	memcpy(&v, n->ip + 4 * i, sizeof(v));
	return rte_be_to_cpu_32(v);
}

static void put6(struct code *c, const struct network *n, u32 lo)
{
	const struct sock_filter f[EACH6] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 38),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word6(n, 0), 0, 19),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 42),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word6(n, 1), 0, 17),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 46),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word6(n, 2), 0, 15),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 50),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, word6(n, 3), 0, 13),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 7, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_FRAGMENT, 0, 10),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54), /* the fragment header's next one */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 8),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 56),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0xfff8, 5, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 64),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 56),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, lo, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, n->media_hi, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT16_MAX),
	};
	put(c, f, EACH6);
}

static void put_all(struct code *c, const struct ports *p, const struct port *port, unsigned family,
		    bool media)
{
	for (unsigned i = 0; i < p->n_networks; i++) {
		const struct network *n = &p->network[i];
		if (n->port != port || n->family != family)
			continue;
		if (family == 4)
			put4(c, n, media ? n->media_lo : NO_PORT);
		else
			put6(c, n, media ? n->media_lo : NO_PORT);
	}
	put(c, &(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0), 1);
}

static int attach(const struct ports *p, const struct port *port, int fd, bool media)
{
	struct code c = { calloc(AROUND + NETWORKS_MAX * EACH6, sizeof(struct sock_filter)), 0 };
	if (!c.at)
		return -ENOMEM;
	const struct sock_filter begin[] = {
		/* The kernel has taken out the tag of what belongs to a VLAN of the interface. */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (u32)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 1),
		BPF_STMT(BPF_JMP | BPF_JA, 0), /* to what is for IPv6; filled in below */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_filter udp[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	put(&c, begin, sizeof(begin) / sizeof(begin[0]));
	put(&c, udp, sizeof(udp) / sizeof(udp[0]));
	put_all(&c, p, port, 4, media);
	c.at[5].k = c.n - 6u;
	put_all(&c, p, port, 6, media);
	struct sock_fprog prog = { .len = c.n, .filter = c.at };
	int err = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
	free(c.at);
	return err;
}

int filter_media(const struct ports *p, const struct port *port, int fd)
{
	return attach(p, port, fd, true);
}

int filter_fragments(const struct ports *p, const struct port *port, int fd)
{
	return attach(p, port, fd, false);
}
