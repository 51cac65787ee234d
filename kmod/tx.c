// SPDX-License-Identifier: GPL-2.0-only
/* New headers, a route, and the way out. Nothing of the old headers is left: they would tell one side of the other. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/dst_cache.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/route.h>
#include "path_priv.h"

#define HOPS        64
#define PAYLOAD_MAX (IP_MAX_MTU - sizeof(struct iphdr) - sizeof(struct udphdr))

/* ---- routes ---- */

static noinline struct rtable *find4(struct sluice_path *path, const struct relay_plan *plan,
				     __be32 saddr, __be32 daddr)
{
	struct flowi4 fl = { .daddr = daddr,
			     .saddr = saddr,
			     .flowi4_proto = IPPROTO_UDP,
			     .flowi4_tos = RT_TOS(plan->dscp << 2),
			     .fl4_sport = htons(plan->from.port),
			     .fl4_dport = htons(plan->dst.port) };
	/* Without FLOWI_FLAG_ANYSRC a source that is not ours is refused. */
	struct rtable *rt = ip_route_output_flow(path->flow->sn->net, &fl, NULL);

	if (IS_ERR(rt))
		return NULL;
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return NULL;
	}
	dst_cache_set_ip4(&path->dst, &rt->dst, saddr ^ daddr);
	return rt;
}

/* What a CPU keeps of a path's last route is marked with both addresses, one laid over the other: a path has one
 * source at a time, so two marks differ where the destinations do. */
static struct rtable *route4(struct sluice_path *path, const struct relay_plan *plan, __be32 saddr,
			     __be32 daddr)
{
	__be32 mark;
	struct rtable *rt = dst_cache_get_ip4(&path->dst, &mark);

	if (likely(rt)) {
		if (likely(mark == (saddr ^ daddr)))
			return rt;
		ip_rt_put(rt);
	}
	return find4(path, plan, saddr, daddr);
}

static struct in6_addr mark6(const struct relay_plan *plan)
{
	struct in6_addr from, to;

	memcpy(&from, plan->from.ip, sizeof(from));
	memcpy(&to, plan->dst.ip, sizeof(to));
	for (unsigned int i = 0; i < 4; i++)
		to.s6_addr32[i] ^= from.s6_addr32[i];
	return to;
}

static struct dst_entry *route6(struct sluice_path *path, const struct relay_plan *plan)
{
	struct net *net = path->flow->sn->net;
	struct in6_addr want = mark6(plan), mark;
	struct dst_entry *dst = dst_cache_get_ip6(&path->dst, &mark);
	struct flowi6 fl = { .flowi6_proto = IPPROTO_UDP,
			     .flowlabel = ip6_make_flowinfo(plan->dscp << 2, 0),
			     .fl6_sport = htons(plan->from.port),
			     .fl6_dport = htons(plan->dst.port) };

	if (likely(dst)) {
		if (likely(ipv6_addr_equal(&mark, &want)))
			return dst;
		dst_release(dst);
	}
	memcpy(&fl.saddr, plan->from.ip, sizeof(fl.saddr));
	memcpy(&fl.daddr, plan->dst.ip, sizeof(fl.daddr));
	if (ipv6_addr_is_multicast(&fl.daddr) || !ipv6_chk_addr(net, &fl.saddr, NULL, 0))
		return NULL;
	dst = ip6_dst_lookup_flow(net, NULL, &fl, NULL);
	if (IS_ERR(dst))
		return NULL;
	dst_cache_set_ip6(&path->dst, dst, &want);
	return dst;
}

/* ---- what both families have in common ---- */

/* What is known of the packet from where it came is forgotten. Takes the dst; room for `headers` in front. */
static bool prepare(struct sk_buff *skb, struct dst_entry *dst, u32 headers)
{
	if (unlikely(skb_cow(skb, headers + LL_RESERVED_SPACE(dst->dev)))) {
		dst_release(dst);
		return false;
	}
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb->dev = NULL; /* POSTROUTING would be shown where it came in, which may be gone by now */
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED); /* it would be a connection of the firewall's else */
	skb_dst_set(skb, dst);
	skb->ignore_df = 1; /* what is longer than the device sends leaves in fragments */
	return true;
}

static void write_udp(struct sk_buff *skb, const struct relay_plan *plan)
{
	struct udphdr *udp = __skb_push(skb, sizeof(*udp));

	skb_reset_transport_header(skb);
	udp->source = htons(plan->from.port);
	udp->dest = htons(plan->dst.port);
	udp->len = htons(skb->len);
	udp->check = 0;
}

/* `pseudo`: the sum of addresses, protocol and length. The device sums up the payload, or the stack where the device cannot. */
static void leave_sum(struct sk_buff *skb, __sum16 pseudo)
{
	udp_hdr(skb)->check = pseudo;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
}

static u8 hops(u8 ttl)
{
	return ttl ? min(ttl - 1, HOPS) : HOPS;
}

/* What the kernel said of a packet that is its own now. */
static bool has_left(struct sluice_path *path, int err)
{
	if (likely(!net_xmit_eval(err)))
		return true;
	sluice_drop(path->flow->sn, SLUICE_DROP_TX_REFUSED);
	return false;
}

static bool lose(struct sluice_path *path, struct sk_buff *skb, unsigned int reason)
{
	path_drop(path, skb, reason);
	return false;
}

/* ---- IPv4 ---- */

/* With "don't fragment" the identification may be anything (RFC 6864). */
static void write_ip4(struct sk_buff *skb, const struct relay_plan *plan, struct net *net, u8 ttl)
{
	struct iphdr *ip = __skb_push(skb, sizeof(*ip));
	bool whole = skb->len <= dst_mtu(skb_dst(skb));

	skb_reset_network_header(skb);
	*ip = (struct iphdr){ .version = 4,
			      .ihl = sizeof(*ip) / 4,
			      .tos = plan->dscp << 2,
			      .frag_off = whole ? htons(IP_DF) : 0,
			      .ttl = hops(ttl),
			      .protocol = IPPROTO_UDP };
	memcpy(&ip->saddr, plan->from.ip, 4);
	memcpy(&ip->daddr, plan->dst.ip, 4);
	if (unlikely(!whole))
		__ip_select_ident(net, ip, 1);
	skb->priority = rt_tos2priority(ip->tos);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
}

/* False: it is dropped, and counted. */
static bool send4(struct sluice_path *path, struct sk_buff *skb, const struct relay_plan *plan,
		  u8 ttl)
{
	struct net *net = path->flow->sn->net;
	bool summed = skb->ip_summed != CHECKSUM_NONE;
	__be32 saddr, daddr;
	struct rtable *rt;

	memcpy(&saddr, plan->from.ip, 4);
	memcpy(&daddr, plan->dst.ip, 4);
	rt = route4(path, plan, saddr, daddr);
	if (unlikely(!rt))
		return lose(path, skb, SLUICE_DROP_NO_ROUTE);
	if (!prepare(skb, &rt->dst, sizeof(struct iphdr) + sizeof(struct udphdr)))
		return lose(path, skb, SLUICE_DROP_TX_MEMORY);
	write_udp(skb, plan);
	/* Without a sum it came, and without one it goes: nothing is known to be right. */
	if (likely(summed))
		leave_sum(skb, ~csum_tcpudp_magic(saddr, daddr, skb->len, IPPROTO_UDP, 0));
	write_ip4(skb, plan, net, ttl);
	return has_left(path, ip_local_out(net, NULL, skb));
}

/* ---- IPv6 ---- */

static void write_ip6(struct sk_buff *skb, const struct relay_plan *plan, u8 ttl)
{
	struct ipv6hdr *ip = __skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	ip6_flow_hdr(ip, plan->dscp << 2, 0);
	ip->nexthdr = NEXTHDR_UDP;
	ip->hop_limit = hops(ttl);
	memcpy(&ip->saddr, plan->from.ip, 16);
	memcpy(&ip->daddr, plan->dst.ip, 16);
	skb->priority = rt_tos2priority(plan->dscp << 2);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
}

static bool send6(struct sluice_path *path, struct sk_buff *skb, const struct relay_plan *plan,
		  u8 ttl)
{
	struct dst_entry *dst = route6(path, plan);
	struct ipv6hdr *ip;

	if (unlikely(!dst))
		return lose(path, skb, SLUICE_DROP_NO_ROUTE);
	if (!prepare(skb, dst, sizeof(struct ipv6hdr) + sizeof(struct udphdr)))
		return lose(path, skb, SLUICE_DROP_TX_MEMORY);
	write_udp(skb, plan);
	write_ip6(skb, plan, ttl);
	ip = ipv6_hdr(skb);
	leave_sum(skb,
		  ~csum_ipv6_magic(&ip->saddr, &ip->daddr, skb->len - sizeof(*ip), IPPROTO_UDP, 0));
	return has_left(path, ip6_local_out(path->flow->sn->net, NULL, skb));
}

/* ---- any ---- */

void tx_send(struct sluice_path *path, struct sk_buff *skb, const struct relay_plan *plan, u8 ttl)
{
	struct sluice_net *sn = path->flow->sn;
	bool left;

	if (unlikely(skb->len > PAYLOAD_MAX)) {
		path_drop(path, skb, SLUICE_DROP_TX_REFUSED);
		return;
	}
	if (plan->dst.family == 4)
		left = send4(path, skb, plan, ttl);
	else
		left = send6(path, skb, plan, ttl);
	if (likely(left))
		sluice_count(sn, packets_out);
}
