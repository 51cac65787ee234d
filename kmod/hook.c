// SPDX-License-Identifier: GPL-2.0-only
/* Packets as they come in, before connection tracking. Fragments of what is for this host are joined first; nf_defrag's own hooks
 * would have to look at every packet that comes in or leaves. What is no UDP datagram to one of our ports goes on to the stack,
 * untouched. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6_frag.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include <net/route.h>
#include "path_priv.h"

/* ---- ports that are for media alone ---- */

static u32 media_ports; /* first << 16 | last; 0: none are known */

static int ports_set(const char *value, const struct kernel_param *kp)
{
	u16 first = 0, last = 0;
	char end = '\n';

	if (!sysfs_streq(value, "") && (sscanf(value, "%hu-%hu%c", &first, &last, &end) < 2 ||
					end != '\n' || !first || last < first))
		return -EINVAL;
	WRITE_ONCE(media_ports, (u32)first << 16 | last);
	return 0;
}

static int ports_get(char *out, const struct kernel_param *kp)
{
	u32 ports = READ_ONCE(media_ports);

	return ports ? sysfs_emit(out, "%u-%u\n", ports >> 16, ports & 0xffff)
		     : sysfs_emit(out, "\n");
}

static const struct kernel_param_ops ports_ops = { .set = ports_set, .get = ports_get };

module_param_cb(ports, &ports_ops, NULL, 0644);
MODULE_PARM_DESC(
	ports,
	"FIRST-LAST: UDP ports for media alone; what belongs to no flow there gets no answer");

bool hook_port_is_media(u16 port)
{
	u32 ports = READ_ONCE(media_ports);

	return !ports || (port >= ports >> 16 && port <= (ports & 0xffff));
}

/* No flow has the port. Neither UDP nor ICMP is to say so where ports are for media alone. */
static bool is_silent(u16 port)
{
	return unlikely(READ_ONCE(media_ports)) && hook_port_is_media(port);
}

static unsigned int no_flow(struct sluice_net *sn)
{
	sluice_drop(sn, SLUICE_DROP_NO_FLOW);
	return NF_DROP;
}

/* ---- one datagram ---- */

/* Its octets will change: they must be in one piece, and nobody else's (a packet socket has clones). */
static bool make_ours(struct sk_buff *skb)
{
	if (likely(!skb->data_len && !skb_cloned(skb)))
		return true;
	return !skb_linearize(skb) && !skb_unclone(skb, GFP_ATOMIC);
}

static bool sum_fits(const struct sk_buff *skb, const struct udphdr *udp, u32 len, __wsum sum)
{
	if (skb->protocol == htons(ETH_P_IP))
		return !csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len, IPPROTO_UDP,
					  sum);
	return !csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len, IPPROTO_UDP,
				sum);
}

/* skb->data at the IP header, `head` octets long, `len` of UDP behind it. A sender on this host leaves the sum to a device that
 * does not come: nothing was on a wire. */
static bool sum_is_right(const struct sk_buff *skb, const struct udphdr *udp, u32 head, u32 len)
{
	if (!udp->check)
		return skb->protocol == htons(ETH_P_IP); /* RFC 768; not over IPv6: RFC 8200 8.1 */
	if (skb_csum_unnecessary(skb))
		return true;
	/* Some devices sum up all of the packet, and not all of those do it well. */
	if (skb->ip_summed == CHECKSUM_COMPLETE && skb->len == head + len &&
	    sum_fits(skb, udp, len, csum_sub(skb->csum, csum_partial(skb->data, head, 0))))
		return true;
	return sum_fits(skb, udp, len, csum_partial(udp, len, 0));
}

static void source_of(const struct sk_buff *skb, const struct udphdr *udp, struct flow_addr *src)
{
	*src = (struct flow_addr){ .port = ntohs(udp->source) };
	if (skb->protocol == htons(ETH_P_IP)) {
		src->family = 4;
		memcpy(src->ip, &ip_hdr(skb)->saddr, 4);
	} else {
		src->family = 6;
		memcpy(src->ip, &ipv6_hdr(skb)->saddr, 16);
	}
}

/* Only what comes from this host itself brings its hops along, so that flows that lead to each other end. All else leaves as
 * if it began here: its hops would tell one side of the other. */
static u8 hops_of(const struct sk_buff *skb)
{
	if (likely(!(skb->dev->flags & IFF_LOOPBACK)))
		return 0;
	return skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->ttl : ipv6_hdr(skb)->hop_limit;
}

/* skb->data at the IP header, which is `head` octets long. Takes the skb. */
static void arrive(struct sluice_path *path, struct sk_buff *skb, u32 head)
{
	const struct udphdr *udp;
	struct flow_addr src;
	u32 len;
	u8 ttl;

	if (unlikely(!make_ours(skb))) {
		path_drop(path, skb, SLUICE_DROP_RX_MEMORY);
		return;
	}
	udp = (const struct udphdr *)(skb->data + head);
	len = ntohs(udp->len);
	if (unlikely(len < sizeof(*udp) || len > skb->len - head)) {
		path_drop(path, skb, SLUICE_DROP_RX_UDP_LENGTH);
		return;
	}
	if (unlikely(!sum_is_right(skb, udp, head, len))) {
		path_drop(path, skb, SLUICE_DROP_RX_UDP_CHECKSUM);
		return;
	}
	ttl = hops_of(skb);
	if (unlikely(ttl == 1)) {
		path_drop(path, skb, SLUICE_DROP_RX_TTL);
		return;
	}
	source_of(skb, udp, &src);
	skb->ip_summed = udp->check ? CHECKSUM_PARTIAL : CHECKSUM_NONE;
	__skb_trim(skb, head + len); /* what follows is padding */
	__skb_pull(skb, head + sizeof(*udp));
	path_packet(path, skb, &src, ttl);
}

/* ---- datagrams that came in together ---- */

/* Of several datagrams in one skb each goes its own way. One that is to leave in fragments (UFO) is one datagram. */
static void arrive_together(struct sluice_path *path, struct sk_buff *skb, u32 head)
{
	struct sk_buff *all, *next;

	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP) {
		if (unlikely(!make_ours(skb))) {
			path_drop(path, skb, SLUICE_DROP_RX_MEMORY);
			return;
		}
		skb_gso_reset(skb);
		arrive(path, skb, head);
		return;
	}
	all = __skb_gso_segment(skb, 0, false);
	if (IS_ERR_OR_NULL(all)) {
		path_drop(path, skb, SLUICE_DROP_RX_MEMORY);
		return;
	}
	consume_skb(skb);
	for (; all; all = next) {
		next = all->next;
		skb_mark_not_on_list(all);
		sluice_count(path->flow->sn, segmented);
		arrive(path, all, head);
	}
}

/* What a program let go on (NFQUEUE) comes in its context, where softirqs may come in between. */
static unsigned int arrived(struct sluice_path *path, struct sk_buff *skb, u32 head)
{
	sluice_test_delay();
	local_bh_disable();
	if (unlikely(skb_is_gso(skb)))
		arrive_together(path, skb, head);
	else
		arrive(path, skb, head);
	local_bh_enable();
	return NF_STOLEN;
}

/* ---- fragments ---- */

/* NF_ACCEPT: the skb is whole, or is a fragment that does not end here and is the router's. */
static noinline unsigned int join4(struct net *net, struct sk_buff *skb)
{
	if (inet_addr_type(net, ip_hdr(skb)->daddr) != RTN_LOCAL)
		return NF_ACCEPT;
	return ip_defrag(net, skb, IP_DEFRAG_LOCAL_DELIVER) ? NF_STOLEN : NF_ACCEPT;
}

static noinline unsigned int join6(struct net *net, struct sk_buff *skb)
{
	int err;

	if (!ipv6_chk_addr(net, &ipv6_hdr(skb)->daddr, NULL, 0))
		return NF_ACCEPT;
	err = nf_ct_frag6_gather(net, skb, IP6_DEFRAG_LOCAL_DELIVER);
	if (err == -EINPROGRESS)
		return NF_STOLEN;
	return err ? NF_DROP : NF_ACCEPT;
}

/* ---- is it one of ours? ---- */

static unsigned int hook4(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	const struct udphdr *udp;
	struct udphdr space;
	struct sluice_path *path;

	if (ip->protocol != IPPROTO_UDP)
		return NF_ACCEPT;
	if (unlikely(ip_is_fragment(ip))) {
		if (join4(state->net, skb) == NF_STOLEN)
			return NF_STOLEN;
		ip = ip_hdr(skb);
		if (ip_is_fragment(ip))
			return NF_ACCEPT;
	}
	udp = skb_header_pointer(skb, ip->ihl * 4, sizeof(space), &space);
	if (!udp)
		return NF_ACCEPT;
	path = table_find4(priv, ip->daddr, udp->dest);
	if (!path && is_silent(ntohs(udp->dest)) &&
	    inet_addr_type(state->net, ip->daddr) == RTN_LOCAL)
		return no_flow(priv);
	if (!path)
		return NF_ACCEPT;
	if (unlikely(ip->ihl != 5)) {
		path_drop(path, skb, SLUICE_DROP_RX_IP_OPTIONS);
		return NF_STOLEN;
	}
	return arrived(path, skb, sizeof(*ip));
}

/* Extension headers have no business in media; that of fragments is gone by now. */
static unsigned int hook6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	const struct udphdr *udp;
	struct udphdr space;
	struct sluice_path *path;

	if (unlikely(ip->nexthdr == NEXTHDR_FRAGMENT)) {
		unsigned int verdict = join6(state->net, skb);

		if (verdict != NF_ACCEPT)
			return verdict;
		ip = ipv6_hdr(skb);
	}
	if (ip->nexthdr != NEXTHDR_UDP)
		return NF_ACCEPT;
	udp = skb_header_pointer(skb, sizeof(*ip), sizeof(space), &space);
	if (!udp)
		return NF_ACCEPT;
	path = table_find6(priv, &ip->daddr, udp->dest);
	if (!path && is_silent(ntohs(udp->dest)) && ipv6_chk_addr(state->net, &ip->daddr, NULL, 0))
		return no_flow(priv);
	return path ? arrived(path, skb, sizeof(*ip)) : NF_ACCEPT;
}

/* ---- with the first flow, until the last ---- */

int hooks_up(struct sluice_net *sn)
{
	int err;

	if (sn->hooked)
		return 0;
	sn->hook[0] = (struct nf_hook_ops){ .hook = hook4,
					    .priv = sn,
					    .pf = NFPROTO_IPV4,
					    .hooknum = NF_INET_PRE_ROUTING,
					    .priority = NF_IP_PRI_CONNTRACK - 1 };
	sn->hook[1] = (struct nf_hook_ops){ .hook = hook6,
					    .priv = sn,
					    .pf = NFPROTO_IPV6,
					    .hooknum = NF_INET_PRE_ROUTING,
					    .priority = NF_IP6_PRI_CONNTRACK - 1 };
	err = nf_register_net_hooks(sn->net, sn->hook, ARRAY_SIZE(sn->hook));
	if (!err)
		sn->hooked = true;
	return err;
}

void hooks_down(struct sluice_net *sn)
{
	if (!sn->hooked)
		return;
	sn->hooked = false;
	nf_unregister_net_hooks(sn->net, sn->hook, ARRAY_SIZE(sn->hook));
}
