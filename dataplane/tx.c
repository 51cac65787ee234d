/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "packet.h"

#define TTL       64
#define FRAME_MIN 60

/* RFC 1624, equation 3, on a sum that is not complemented: one 16-bit word of the data changed. */
static u32 sum_replace(u32 sum, u16 before, u16 after)
{
	return sum + (u16)~before + after;
}

/* The payload's sum is known from reception and at most its first word has changed since. */
static u16 udp_checksum(const struct packet *p, const struct rte_ipv4_hdr *ip,
			const struct rte_udp_hdr *udp)
{
	u16 head;
	memcpy(&head, p->r.payload, sizeof(head));
	u32 sum = sum_replace(p->sum, p->head, head);
	sum += udp->src_port + udp->dst_port + udp->dgram_len;
	sum += (ip->src_addr & 0xffff) + (ip->src_addr >> 16);
	sum += (ip->dst_addr & 0xffff) + (ip->dst_addr >> 16);
	sum += RTE_BE16(IPPROTO_UDP) + udp->dgram_len;
	u16 c = (u16)~sum_fold(sum);
	return c ? c : 0xffff;
}

/* Nothing of the old headers is left: not the TTL, the identification or the TOS, which would tell
 * one side of the other. So the header's checksum is made whole (ten words), too. With "don't
 * fragment" the identification may be anything (RFC 6864). */
static void write_ip(struct rte_ipv4_hdr *ip, const struct packet *p, const struct relay_plan *plan)
{
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.type_of_service = (u8)(plan->dscp << 2),
		.total_length = rte_cpu_to_be_16(
			(u16)(sizeof(*ip) + sizeof(struct rte_udp_hdr) + p->r.len)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = TTL,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, plan->from.ip, 4);
	memcpy(&ip->dst_addr, plan->dst.ip, 4);
	ip->hdr_checksum = (u16)~sum_octets(ip, sizeof(*ip));
}

void tx_rewrite(struct packet *p, const struct relay_plan *plan, u64 from_mac, u64 to_mac)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);
	struct rte_udp_hdr *udp = (void *)(ip + 1);
	memcpy(&eth->dst_addr, &to_mac, 6);
	memcpy(&eth->src_addr, &from_mac, 6);
	write_ip(ip, p, plan);
	udp->src_port = rte_cpu_to_be_16(plan->from.port);
	udp->dst_port = rte_cpu_to_be_16(plan->dst.port);
	udp->dgram_len = rte_cpu_to_be_16((u16)(sizeof(*udp) + p->r.len));
	/* 0 stays 0: over IPv4 the sender may do without (RFC 768), and nothing is known to be
	 * right. */
	udp->dgram_cksum = p->has_sum ? udp_checksum(p, ip, udp) : 0;
	u32 len = (u32)(sizeof(*eth) + sizeof(*ip) + sizeof(*udp)) + p->r.len;
	if (len < FRAME_MIN) {
		memset((u8 *)eth + len, 0, FRAME_MIN - len);
		len = FRAME_MIN;
	}
	p->m->data_len = (u16)len;
	p->m->pkt_len = len;
}
