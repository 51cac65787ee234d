/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "packet.h"
#include "stats.h"

#define IP4_HEAD    20
#define IP6_HEAD    40
#define FRAG_HEAD   8
#define FRAG_OFFSET 0x1fff
#define FRAG_MORE   0x2000
#define VLAN_ID     0xfff

/* A frame while it is being taken apart. */
struct frame {
	const struct ports *ports;
	const struct port *port;
	struct rte_mbuf *m;
	const u8 *ip;
	u32 l2, room; /* octets in front of the IP header, and from there on */
	u16 vlan;
	bool *ours;
};

static const struct network *network_of(const struct frame *f, const void *ip, unsigned family)
{
	const struct network *n = ports_network(f->ports, ip, family);
	return n && n->port == f->port && n->vlan == f->vlan ? n : NULL;
}

/* ---- UDP ---- */

/* Octets 12-19 of the IPv4 header, 8-39 of the IPv6 header: both addresses, of which UDP's sum has more. */
static u32 pseudo_sum(const u8 *ip, unsigned family, const struct rte_udp_hdr *udp)
{
	u32 sum = family == 4 ? sum_octets(ip + 12, 8) : sum_octets(ip + 8, 32);
	return sum_fold(sum + RTE_BE16(IPPROTO_UDP) + udp->dgram_len);
}

/* Sums the payload once: for the check here and for the checksum that the packet leaves with. A
 * veth peer that leaves checksums to the hardware hands over the pseudo header's sum alone; that is
 * not an error, there was no wire to damage the packet. An update of such a checksum would stay
 * wrong, which is why tx.c makes a whole one from the payload's sum. Where the device found that all of it is
 * right, the payload's sum is what the headers leave of it. */
static bool checksum_ok(struct packet *p, const u8 *ip, const struct rte_udp_hdr *udp)
{
	u64 found = p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	p->has_sum = udp->dgram_cksum != 0;
	if (!p->has_sum)
		return p->r.src.family == 4; /* RFC 768; not over IPv6: RFC 8200 8.1 */
	u32 unfinished = pseudo_sum(ip, p->r.src.family, udp);
	u32 headers = unfinished + sum_octets(udp, sizeof(*udp));
	if (found == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	if (found == RTE_MBUF_F_RX_L4_CKSUM_GOOD) {
		p->sum = (u16)~sum_fold(headers);
		return true;
	}
	p->sum = sum_octets(p->r.payload, p->r.len);
	return udp->dgram_cksum == unfinished || sum_fold(headers + p->sum) == 0xffff;
}

/* `len` octets from the UDP header to the end of the IP packet, at least 8. */
static int parse_udp(const struct frame *f, struct packet *p, struct rte_udp_hdr *udp, u32 len)
{
	bool six = p->net->family == 6;
	u32 own = rte_be_to_cpu_16(udp->dgram_len);
	if (own < sizeof(*udp) || own > len)
		return DP_DROP_RX_UDP_LENGTH;
	p->r = (struct relay_packet){ .payload = (u8 *)(udp + 1),
				      .len = own - (u32)sizeof(*udp),
				      .src = { .family = p->net->family,
					       .port = rte_be_to_cpu_16(udp->src_port) } };
	memcpy(p->r.src.ip, f->ip + (six ? 8 : 12), six ? 16 : 4);
	if (!checksum_ok(p, f->ip, udp))
		return DP_DROP_RX_UDP_CHECKSUM;
	p->head = packet_head(p);
	return -1;
}

/* ---- what both families have in common ---- */

/* The packet is for p->net, whole or a fragment, with UDP (or a later part of it) `head` octets behind the
 * start of the IP header, which is `len` octets long. -1: take it. */
static int for_us(const struct frame *f, struct packet *p, u32 head, u32 len, bool later)
{
	*f->ours = false;
	if (later)
		return len > head ? -1 : DP_DROP_RX_NOT_MEDIA;
	if (len < head + sizeof(struct rte_udp_hdr))
		return DP_DROP_RX_NOT_MEDIA;
	const struct rte_udp_hdr *udp = (const void *)(f->ip + head);
	p->to = rte_be_to_cpu_16(udp->dst_port);
	if (p->to < p->net->media_lo || p->to > p->net->media_hi)
		return DP_DROP_RX_NOT_MEDIA;
	*f->ours = true;
	return -1;
}

static int fragment(const struct frame *f, u32 head)
{
	f->m->l2_len = f->l2;
	f->m->l3_len = head;
	return DP_DROP_RX_FRAGMENT;
}

/* ---- IPv4 ---- */

static bool ip4_sum_ok(const struct frame *f)
{
	u64 found = f->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	if (found == RTE_MBUF_F_RX_IP_CKSUM_GOOD || found == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return found == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	return sum_octets(f->ip, IP4_HEAD) == 0xffff;
}

static int parse4(const struct frame *f, struct packet *p)
{
	const struct rte_ipv4_hdr *ip = (const void *)f->ip;
	if (f->room < IP4_HEAD)
		return DP_DROP_RX_SHORT;
	u32 head = (ip->version_ihl & 15) * 4u, len = rte_be_to_cpu_16(ip->total_length);
	u16 frag = rte_be_to_cpu_16(ip->fragment_offset);
	if (ip->version_ihl >> 4 != 4 || head < IP4_HEAD || head > len)
		return DP_DROP_RX_IP_HEADER;
	if (len > f->room)
		return DP_DROP_RX_SHORT;
	*f->ours = false;
	p->net = network_of(f, &ip->dst_addr, 4);
	if (!p->net || ip->next_proto_id != IPPROTO_UDP)
		return DP_DROP_RX_NOT_MEDIA;
	int drop = for_us(f, p, head, len, frag & FRAG_OFFSET);
	if (drop >= 0)
		return drop;
	if (head != IP4_HEAD)
		return DP_DROP_RX_IP_OPTIONS;
	if (!ip4_sum_ok(f))
		return DP_DROP_RX_IP_HEADER;
	if (frag & (FRAG_OFFSET | FRAG_MORE))
		return fragment(f, head);
	return parse_udp(f, p, (void *)(uintptr_t)(f->ip + head), len - head);
}

/* ---- IPv6 ---- */

/* Of the extension headers only that of fragments: others have no business in media. */
static int parse6(const struct frame *f, struct packet *p)
{
	const struct rte_ipv6_hdr *ip = (const void *)f->ip;
	const struct rte_ipv6_fragment_ext *frag = (const void *)(ip + 1);
	if (f->room < IP6_HEAD)
		return DP_DROP_RX_SHORT;
	u32 head = IP6_HEAD, len = IP6_HEAD + rte_be_to_cpu_16(ip->payload_len);
	if (f->ip[0] >> 4 != 6)
		return DP_DROP_RX_IP_HEADER;
	if (len > f->room)
		return DP_DROP_RX_SHORT;
	*f->ours = false;
	p->net = network_of(f, ip->dst_addr, 6);
	if (!p->net)
		return DP_DROP_RX_NOT_MEDIA;
	bool part = ip->proto == IPPROTO_FRAGMENT && len >= IP6_HEAD + FRAG_HEAD;
	if ((part ? frag->next_header : ip->proto) != IPPROTO_UDP)
		return DP_DROP_RX_NOT_MEDIA;
	if (part)
		head += FRAG_HEAD;
	int drop =
		for_us(f, p, head, len, part && frag->frag_data & RTE_BE16(RTE_IPV6_EHDR_FO_MASK));
	if (drop >= 0)
		return drop;
	if (part)
		return fragment(f, head);
	return parse_udp(f, p, (void *)(uintptr_t)(f->ip + head), len - head);
}

/* ---- the frame ---- */

/* The tag stands in the frame, or the device (or the kernel) has taken it out and says what it was. */
static u16 ether_type(struct frame *f, const struct rte_ether_hdr *eth)
{
	const struct rte_vlan_hdr *tag = (const void *)(eth + 1);
	f->l2 = sizeof(*eth);
	f->vlan = f->m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED ? f->m->vlan_tci & VLAN_ID : 0;
	if (likely(eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_VLAN)) || f->vlan ||
	    f->m->data_len < sizeof(*eth) + sizeof(*tag))
		return eth->ether_type;
	f->l2 += (u32)sizeof(*tag);
	f->vlan = rte_be_to_cpu_16(tag->vlan_tci) & VLAN_ID;
	return tag->eth_proto;
}

int rx_parse(const struct ports *ports, const struct port *port, struct rte_mbuf *m,
	     struct packet *p, bool *ours)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct frame f = { .ports = ports, .port = port, .m = m, .ours = ours };
	*ours = false;
	if (m->data_len < sizeof(*eth))
		return DP_DROP_RX_ETHERTYPE;
	u16 type = ether_type(&f, eth);
	if (type != RTE_BE16(RTE_ETHER_TYPE_IPV4) && type != RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return DP_DROP_RX_ETHERTYPE;
	*ours = true;
	if (m->nb_segs != 1)
		return DP_DROP_RX_SHORT;
	p->m = m;
	f.ip = (const u8 *)eth + f.l2;
	f.room = m->data_len - f.l2;
	return type == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? parse4(&f, p) : parse6(&f, p);
}
