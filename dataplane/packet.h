/* SPDX-License-Identifier: Apache-2.0 */
/* One packet on its way through the worker: rx.c takes it apart, tx.c puts it together again. Pure
 * functions over the packet's own memory; no allocation, no clock. */
#ifndef SLUICE_DP_PACKET_H
#define SLUICE_DP_PACKET_H

#include <string.h>
#include <rte_mbuf.h>
#include "port.h"
#include "relay/relay.h"
#include "trace.h"

struct packet {
	struct rte_mbuf *m;
	struct relay_packet r;     /* payload, source */
	const struct network *net; /* that it came in on */
	u16 to;                    /* UDP port of ours */
	u16 sum;                   /* one's complement sum of the payload, where has_sum */
	u16 head;                  /* first two octets of the payload as they came, for the sum */
	bool has_sum;              /* it came with a UDP checksum and leaves with one */
	struct trace_tag trace;
};

/* One's complement sum of 16-bit words, not complemented, from 32 bits down to 16. */
static inline u16 sum_fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)((sum & 0xffff) + (sum >> 16));
}

/* The same sum of n octets, an odd last one being followed by 0. Sixteen at a time: DPDK's goes by
 * twos. */
static inline u16 sum_octets(const void *data, u32 n)
{
	typedef u64 two __attribute__((vector_size(16)));
	const u8 *p = data;
	two sums = { 0 }, more = { 0 }, v, u;
	for (; n >= 32; n -= 32, p += 32) { /* two that do not wait for each other */
		memcpy(&v, p, 16);
		memcpy(&u, p + 16, 16);
		sums += (v & 0xffffffff) + (v >> 32);
		more += (u & 0xffffffff) + (u >> 32);
	}
	sums += more;
	if (n & 16) {
		memcpy(&v, p, 16);
		sums += (v & 0xffffffff) + (v >> 32);
		p += 16;
	}
	u64 sum = sums[0] + sums[1], eight;
	u32 four;
	u16 last = 0;
	if (n & 8) {
		memcpy(&eight, p, 8);
		sum += (eight & 0xffffffff) + (eight >> 32);
		p += 8;
	}
	if (n & 4) {
		memcpy(&four, p, 4);
		sum += four;
		p += 4;
	}
	if (n & 2) {
		memcpy(&last, p, 2);
		sum += last;
		p += 2;
		last = 0;
	}
	if (n & 1)
		memcpy(&last, p, 1);
	sum += last;
	sum = (sum & 0xffffffff) + (sum >> 32);
	return sum_fold((u32)(sum & 0xffff) + (u32)(sum >> 16 & 0xffff) + (u32)(sum >> 32));
}

#define VLAN_TAG    4
#define HEADERS_MAX (14 + VLAN_TAG + 40 + 8) /* Ethernet, IPv6, UDP */

/* -1: media, *p is filled. Else the drop; *ours says whether it is bad media (true) or a frame that
 * is the kernel's business (false). `port` is where it came in. DP_DROP_RX_FRAGMENT: m->l2_len and
 * m->l3_len (with the fragment header) are set; ours: the first one of media; not ours: a later one, of
 * anything. */
int rx_parse(const struct ports *ports, const struct port *port, struct rte_mbuf *m,
	     struct packet *p, bool *ours);

/* By octets: the second one has just been written alone, and a read of both would wait for it. */
static inline u16 packet_head(const struct packet *p)
{
	return p->r.len < 2 ? 0 : rte_cpu_to_be_16((u16)(p->r.payload[0] << 8 | p->r.payload[1]));
}

/* The payload was changed: what came with it does not count any more. */
static inline void packet_sum(struct packet *p)
{
	p->head = packet_head(p);
	p->sum = sum_octets(p->r.payload, p->r.len);
	p->has_sum = true;
}

/* The same packet with new headers, from one of our addresses, after relay_commit(); of the other family
 * maybe. It may be longer than the device's MTU: split.h. False: no room for the headers. */
bool tx_rewrite(struct packet *p, const struct network *from, const struct relay_plan *plan,
		u64 to_mac);
/* Length of the IP packet that it becomes. */
static inline u32 tx_length(const struct packet *p, const struct network *from)
{
	return p->r.len + 8 + (from->family == 6 ? 40 : 20);
}

#endif
