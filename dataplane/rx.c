/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "packet.h"
#include "stats.h"

#define IP_MIN      20
#define FRAG_OFFSET 0x1fff
#define FRAG_MORE   0x2000

static const struct network *network_of(const struct ports *ports, const struct port *port, u32 ip)
{
	for (unsigned i = 0; i < ports->n_networks; i++)
		if (ports->network[i].ip == ip && ports->network[i].port == port)
			return &ports->network[i];
	return NULL;
}

/* Sums the payload once: for the check here and for the checksum that the packet leaves with. A
 * veth peer that leaves checksums to the hardware hands over the pseudo header's sum alone; that is
 * not an error, there was no wire to damage the packet. An update of such a checksum would stay
 * wrong, which is why tx.c makes a whole one from the payload's sum. */
static bool checksum_ok(struct packet *p, const struct rte_ipv4_hdr *ip,
			const struct rte_udp_hdr *udp)
{
	p->has_sum = udp->dgram_cksum != 0;
	if (!p->has_sum)
		return true;
	p->sum = sum_octets(p->r.payload, p->r.len);
	struct {
		u32 src, dst;
		u16 proto, len;
	} pseudo = { ip->src_addr, ip->dst_addr, RTE_BE16(IPPROTO_UDP), udp->dgram_len };
	u16 unfinished = sum_octets(&pseudo, sizeof(pseudo));
	if (udp->dgram_cksum == unfinished)
		return true;
	u32 all = (u32)unfinished + p->sum + sum_octets(udp, sizeof(*udp));
	return sum_fold(all) == 0xffff;
}

static int parse_media(struct packet *p, const struct rte_ipv4_hdr *ip, u32 ip_len)
{
	struct rte_udp_hdr *udp = (void *)((u8 *)(uintptr_t)ip + IP_MIN);
	if (ip->fragment_offset & RTE_BE16(FRAG_MORE))
		return DP_DROP_RX_FRAGMENT;
	if (ip->version_ihl != 0x45)
		return DP_DROP_RX_IP_OPTIONS;
	if (sum_octets(ip, IP_MIN) != 0xffff)
		return DP_DROP_RX_IP_HEADER;
	u32 len = rte_be_to_cpu_16(udp->dgram_len);
	if (len < sizeof(*udp) || len > ip_len - IP_MIN)
		return DP_DROP_RX_UDP_LENGTH;
	p->r = (struct relay_packet){ .payload = (u8 *)(udp + 1),
				      .len = len - (u32)sizeof(*udp),
				      .src = { .family = 4,
					       .port = rte_be_to_cpu_16(udp->src_port) } };
	memcpy(p->r.src.ip, &ip->src_addr, 4);
	if (!checksum_ok(p, ip, udp))
		return DP_DROP_RX_UDP_CHECKSUM;
	/* Shorter payloads are dropped by relay/, so the octets past the end are never used. */
	memcpy(&p->head, p->r.payload, sizeof(p->head));
	return -1;
}

int rx_parse(const struct ports *ports, const struct port *port, struct rte_mbuf *m,
	     struct packet *p, bool *ours)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	const struct rte_ipv4_hdr *ip = (const void *)(eth + 1);
	u32 room = m->data_len;
	*ours = false;
	if (room < sizeof(*eth) || eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return DP_DROP_RX_ETHERTYPE;
	*ours = true;
	if (m->nb_segs != 1 || room < sizeof(*eth) + IP_MIN)
		return DP_DROP_RX_SHORT;
	u32 head = (ip->version_ihl & 15) * 4u, len = rte_be_to_cpu_16(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || head < IP_MIN || head > len)
		return DP_DROP_RX_IP_HEADER;
	if (len > room - sizeof(*eth))
		return DP_DROP_RX_SHORT;
	*ours = false;
	p->m = m;
	p->net = network_of(ports, port, ip->dst_addr);
	if (!p->net || ip->next_proto_id != IPPROTO_UDP ||
	    ip->fragment_offset & RTE_BE16(FRAG_OFFSET) || len < head + sizeof(struct rte_udp_hdr))
		return DP_DROP_RX_NOT_MEDIA;
	const struct rte_udp_hdr *udp = (const void *)((const u8 *)ip + head);
	p->to = rte_be_to_cpu_16(udp->dst_port);
	if (p->to < p->net->conf->media_lo || p->to > p->net->conf->media_hi)
		return DP_DROP_RX_NOT_MEDIA;
	*ours = true;
	return parse_media(p, ip, len);
}
