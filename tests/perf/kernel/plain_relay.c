// SPDX-License-Identifier: GPL-2.0-only
/* The least that a relay inside the kernel does, to compare sluice.ko with: one fixed flow that is found in a hash
 * table, new addresses and ports, the route from a cache, counters of one CPU. It learns nothing, polices nothing,
 * looks at no more of a packet than its first two octets, and has one direction.
 *
 * Its namespace is that of who loads it. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/inet.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/nsproxy.h>
#include <linux/percpu.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/u64_stats_sync.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/dst_cache.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/route.h>
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif
#include "compat.h"

static char *local = "10.0.1.1", *from = "10.0.2.1", *to = "10.0.2.2";
static ushort local_port = 40000, from_port = 40002, to_port = 5004;
module_param(local, charp, 0444);
module_param(from, charp, 0444);
module_param(to, charp, 0444);
module_param(local_port, ushort, 0444);
module_param(from_port, ushort, 0444);
module_param(to_port, ushort, 0444);

struct plain_key { /* compared with memcmp: no holes */
	__be32 addr;
	__be16 port, zero;
};

struct plain_counters {
	u64_stats_t packets, octets, errors;
	struct u64_stats_sync sync;
};

struct plain_flow {
	struct rhash_head node;
	struct plain_key key;
	__be32 saddr, daddr;
	__be16 sport, dport;
	struct plain_counters __percpu *counters;
	struct dst_cache dst;
	unsigned long last;
};

static struct rhashtable table;
static struct plain_flow *the_flow;
static struct net *its_net;

static const struct rhashtable_params params = {
	.head_offset = offsetof(struct plain_flow, node),
	.key_offset = offsetof(struct plain_flow, key),
	.key_len = sizeof(struct plain_key),
};

static struct rtable *plain_route(struct net *net, struct plain_flow *f, const struct sk_buff *skb)
{
	__be32 saddr;
	struct rtable *rt = dst_cache_get_ip4(&f->dst, &saddr);

	if (rt)
		return rt;
	struct flowi4 fl = {
		.daddr = f->daddr,
		.saddr = f->saddr,
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_mark = skb->mark,
		.fl4_sport = f->sport,
		.fl4_dport = f->dport,
	};
	rt = ip_route_output_flow(net, &fl, NULL);
	if (!IS_ERR(rt))
		dst_cache_set_ip4(&f->dst, &rt->dst, f->saddr);
	return rt;
}

static void plain_rewrite(struct sk_buff *skb, const struct plain_flow *f)
{
	struct iphdr *ip = ip_hdr(skb);
	struct udphdr *udp = (struct udphdr *)(ip + 1);

	if (udp->check || skb->ip_summed == CHECKSUM_PARTIAL) {
		inet_proto_csum_replace4(&udp->check, skb, ip->saddr, f->saddr, true);
		inet_proto_csum_replace4(&udp->check, skb, ip->daddr, f->daddr, true);
		inet_proto_csum_replace2(&udp->check, skb, udp->source, f->sport, false);
		inet_proto_csum_replace2(&udp->check, skb, udp->dest, f->dport, false);
		if (!udp->check)
			udp->check = CSUM_MANGLED_0;
	}
	udp->source = f->sport;
	udp->dest = f->dport;
	ip->saddr = f->saddr;
	ip->daddr = f->daddr;
	ip->ttl--; /* its checksum is made by ip_local_out() */
}

static void plain_count(struct plain_flow *f, unsigned int octets)
{
	struct plain_counters *c = this_cpu_ptr(f->counters);

	u64_stats_update_begin(&c->sync);
	u64_stats_inc(&c->packets);
	u64_stats_add(&c->octets, octets);
	u64_stats_update_end(&c->sync);
	if (READ_ONCE(f->last) != jiffies)
		WRITE_ONCE(f->last, jiffies);
}

static unsigned int plain_drop(struct plain_flow *f)
{
	struct plain_counters *c = this_cpu_ptr(f->counters);

	u64_stats_update_begin(&c->sync);
	u64_stats_inc(&c->errors);
	u64_stats_update_end(&c->sync);
	return NF_DROP;
}

static unsigned int plain_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct {
		struct udphdr udp;
		u8 rtp[2];
	} __packed copy;
	const typeof(copy) *h;
	const struct iphdr *ip = ip_hdr(skb);
	struct plain_key key = {};

	if (ip->protocol != IPPROTO_UDP || ip->ihl != 5 || ip_is_fragment(ip))
		return NF_ACCEPT;
	h = skb_header_pointer(skb, sizeof(*ip), sizeof(copy), &copy);
	if (!h)
		return NF_ACCEPT;
	key.addr = ip->daddr;
	key.port = h->udp.dest;
	struct plain_flow *f = rhashtable_lookup(&table, &key, params);
	if (!f || skb_is_gso(skb) || (h->rtp[0] & 0xc0) != 0x80 ||
	    (h->rtp[1] >= 192 && h->rtp[1] <= 223))
		return NF_ACCEPT;
	unsigned int len = ntohs(h->udp.len);
	if (len < sizeof(struct udphdr) + 12 || len > skb->len - sizeof(*ip))
		return NF_ACCEPT;
	if (ip->ttl <= 1)
		return plain_drop(f);
	struct rtable *rt = plain_route(state->net, f, skb);
	if (IS_ERR(rt))
		return plain_drop(f);
	if (skb_ensure_writable(skb, sizeof(struct iphdr) + sizeof(struct udphdr))) {
		ip_rt_put(rt);
		return plain_drop(f);
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, &rt->dst);
	plain_rewrite(skb, f);
	skb_forward_csum(skb);
	skb_clear_tstamp(skb);
	nf_reset_ct(skb);
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
#endif
	plain_count(f, skb->len);
	ip_local_out(state->net, NULL, skb);
	return NF_STOLEN;
}

static const struct nf_hook_ops hook = {
	.hook = plain_hook,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_PRE_ROUTING,
	.priority = NF_IP_PRI_RAW - 1,
};

static void plain_free(struct plain_flow *f)
{
	dst_cache_destroy(&f->dst);
	free_percpu(f->counters);
	kfree(f);
}

static struct plain_flow *plain_new(void)
{
	struct plain_flow *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int cpu;

	if (!f)
		return NULL;
	f->counters = alloc_percpu(struct plain_counters);
	if (!f->counters || dst_cache_init(&f->dst, GFP_KERNEL)) {
		free_percpu(f->counters);
		kfree(f);
		return NULL;
	}
	for_each_possible_cpu(cpu) u64_stats_init(&per_cpu_ptr(f->counters, cpu)->sync);
	f->key = (struct plain_key){ .addr = in_aton(local), .port = htons(local_port) };
	f->saddr = in_aton(from);
	f->sport = htons(from_port);
	f->daddr = in_aton(to);
	f->dport = htons(to_port);
	return f;
}

static int __init plain_init(void)
{
	int err = rhashtable_init(&table, &params);

	if (err)
		return err;
	err = -ENOMEM;
	the_flow = plain_new();
	if (!the_flow)
		goto no_flow;
	err = rhashtable_insert_fast(&table, &the_flow->node, params);
	if (err)
		goto no_hook;
	its_net = get_net(current->nsproxy->net_ns);
	err = nf_register_net_hook(its_net, &hook);
	if (!err)
		return 0;
	put_net(its_net);
no_hook:
	plain_free(the_flow);
no_flow:
	rhashtable_destroy(&table);
	return err;
}

static void __exit plain_exit(void)
{
	nf_unregister_net_hook(its_net, &hook);
	synchronize_net();
	put_net(its_net);
	rhashtable_destroy(&table);
	plain_free(the_flow);
}

module_init(plain_init);
module_exit(plain_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("a plain relay, to compare with");
