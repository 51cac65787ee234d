/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "packet.h"

#define HOPS      64
#define FRAME_MIN 60

/* ---- checksums ---- */

/* RFC 1624, equation 3, on a sum that is not complemented: one 16-bit word of the data changed. */
static u32 sum_replace(u32 sum, u16 before, u16 after)
{
	return sum + (u16)~before + after;
}

/* Of both addresses. Headers that were just written in small pieces are not read again: the processor would wait until
 * the pieces are in the cache. */
static u32 addresses_sum(const struct relay_plan *plan, unsigned family)
{
	u32 a, b;
	if (family == 6)
		return (u32)sum_octets(plan->from.ip, 16) + sum_octets(plan->dst.ip, 16);
	memcpy(&a, plan->from.ip, 4);
	memcpy(&b, plan->dst.ip, 4);
	return (a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16);
}

/* The payload's sum is known from reception and at most its first word has changed since. */
static u16 udp_checksum(const struct packet *p, const struct rte_udp_hdr *udp, u16 pseudo)
{
	u32 sum = sum_replace(p->sum, p->head, packet_head(p));
	sum += udp->src_port + udp->dst_port + udp->dgram_len + pseudo;
	u16 c = (u16)~sum_fold(sum);
	return c ? c : 0xffff;
}

/* Does the device make the checksums? It cannot over fragments. */
static bool left_to_device(const struct packet *p, const struct network *from)
{
	return from->port->sums && tx_length(p, from) <= from->port->mtu;
}

/* As drivers want it (RTE_MBUF_F_TX_UDP_CKSUM): the pseudo header's sum is in, the rest is theirs. */
static void leave_to_device(struct rte_mbuf *m, u32 l2, bool six)
{
	m->l2_len = l2;
	m->l3_len = six ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM |
		       (six ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
}

/* ---- headers ---- */

static u8 *write_ether(u8 *at, const struct network *from, u64 to_mac)
{
	struct rte_ether_hdr *eth = (void *)at;
	struct rte_vlan_hdr *tag = (void *)(eth + 1);
	u64 mac = atomic_load_explicit(&from->port->mac, memory_order_relaxed);
	u16 type =
		from->family == 6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	memcpy(&eth->dst_addr, &to_mac, 6);
	memcpy(&eth->src_addr, &mac, 6);
	eth->ether_type = type;
	if (likely(!from->vlan))
		return (u8 *)tag;
	eth->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	tag->vlan_tci = rte_cpu_to_be_16(from->vlan);
	tag->eth_proto = type;
	return (u8 *)(tag + 1);
}

/* Nothing of the old headers is left: not the TTL, the identification or the TOS, which would tell
 * one side of the other. So the header's checksum is made whole (ten words), too. With "don't
 * fragment" the identification may be anything (RFC 6864). */
static u8 *write_ip4(u8 *at, const struct relay_plan *plan, u32 udp_len, u32 addresses)
{
	struct rte_ipv4_hdr *ip = (void *)at;
	u16 total = rte_cpu_to_be_16((u16)(sizeof(*ip) + udp_len));
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45,
		.type_of_service = (u8)(plan->dscp << 2),
		.total_length = total,
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = HOPS,
		.next_proto_id = IPPROTO_UDP,
	};
	memcpy(&ip->src_addr, plan->from.ip, 4);
	memcpy(&ip->dst_addr, plan->dst.ip, 4);
	ip->hdr_checksum =
		(u16)~sum_fold(addresses + RTE_BE16(0x4500 | plan->dscp << 2) + total +
			       RTE_BE16(RTE_IPV4_HDR_DF_FLAG) + RTE_BE16(HOPS << 8 | IPPROTO_UDP));
	return (u8 *)(ip + 1);
}

static u8 *write_ip6(u8 *at, const struct relay_plan *plan, u32 udp_len)
{
	struct rte_ipv6_hdr *ip = (void *)at;
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (u32)plan->dscp << 22);
	ip->payload_len = rte_cpu_to_be_16((u16)udp_len);
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = HOPS;
	memcpy(ip->src_addr, plan->from.ip, 16);
	memcpy(ip->dst_addr, plan->dst.ip, 16);
	return (u8 *)(ip + 1);
}

static void write_udp(struct packet *p, const struct network *from, const struct relay_plan *plan,
		      u32 addresses)
{
	bool six = from->family == 6;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)p->r.payload - 1;
	udp->src_port = rte_cpu_to_be_16(plan->from.port);
	udp->dst_port = rte_cpu_to_be_16(plan->dst.port);
	udp->dgram_len = rte_cpu_to_be_16((u16)(sizeof(*udp) + p->r.len));
	udp->dgram_cksum = 0;
	/* Without one it came, and without one it goes: over IPv4 the sender may do without (RFC 768), and
	 * nothing is known to be right. IPv6 insists. */
	if (!p->has_sum && !six)
		return;
	u16 pseudo = sum_fold(addresses + RTE_BE16(IPPROTO_UDP) + udp->dgram_len);
	if (left_to_device(p, from)) {
		udp->dgram_cksum = pseudo;
		return;
	}
	if (!p->has_sum)
		packet_sum(p);
	udp->dgram_cksum = udp_checksum(p, udp, pseudo);
}

/* ---- the frame ---- */

/* The new headers end where the payload begins. Headroom is there as a rule (IPv6 needs 20 octets more than
 * IPv4); else the payload moves. NULL: there is no room at all. */
static u8 *make_room(struct packet *p, u32 headers)
{
	struct rte_mbuf *m = p->m;
	u8 *buf = m->buf_addr;
	u32 before = (u32)(p->r.payload - buf);
	if (likely(before >= headers))
		return p->r.payload - headers;
	u32 by = headers - before;
	if (before + p->r.len + by > m->buf_len)
		return NULL;
	memmove(p->r.payload + by, p->r.payload, p->r.len);
	p->r.payload += by;
	return buf;
}

bool tx_rewrite(struct packet *p, const struct network *from, const struct relay_plan *plan,
		u64 to_mac)
{
	bool six = from->family == 6;
	u32 l2 = (u32)sizeof(struct rte_ether_hdr) + (from->vlan ? VLAN_TAG : 0);
	u8 *frame = make_room(p, l2 + tx_length(p, from) - p->r.len);
	if (!frame)
		return false;
	u8 *ip = write_ether(frame, from, to_mac);
	u32 udp_len = (u32)sizeof(struct rte_udp_hdr) + p->r.len;
	u32 addresses = addresses_sum(plan, from->family);
	if (six)
		write_ip6(ip, plan, udp_len);
	else
		write_ip4(ip, plan, udp_len, addresses);
	write_udp(p, from, plan, addresses);
	struct rte_mbuf *m = p->m;
	u32 len = (u32)(ip - frame) + tx_length(p, from);
	if (left_to_device(p, from)) {
		if (!six)
			((struct rte_ipv4_hdr *)ip)->hdr_checksum = 0;
		leave_to_device(m, l2, six);
		if (!p->has_sum && !six)
			m->ol_flags &= ~RTE_MBUF_F_TX_UDP_CKSUM;
	}
	if (len < FRAME_MIN && (u32)(frame - (u8 *)m->buf_addr) + FRAME_MIN <= m->buf_len) {
		memset(frame + len, 0, FRAME_MIN - len);
		len = FRAME_MIN;
	}
	m->data_off = (u16)(frame - (u8 *)m->buf_addr);
	m->data_len = (u16)len;
	m->pkt_len = len;
	return true;
}
