/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the kernel for each frame of an interface: UDP to one of our addresses and its media
 * ports goes to the AF_XDP socket of its queue; SIP, ARP, ssh and all else stay with the kernel. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "steer.h"

#define NEXT_FRAGMENT 44
#define OFFSET4       0x1fff
#define MORE4         0x2000
#define OFFSET6       0xfff8
#define FRAGMENT_NS   2000000000ULL /* longer than sluice-dp waits for the others */

/* The name is the contract with DPDK's AF_XDP driver, which puts its sockets in. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

/* Filled after the program is attached: until then everything stays with the kernel. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES);
	__type(key, struct steer_address);
	__type(value, struct steer_range);
} steer_media SEC(".maps");

/* Datagrams of media that come in fragments: only the first one says so by its port. */
struct fragment {
	struct steer_address from, to;
	__u32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment);
	__type(value, __u64); /* when the first one came */
} steer_frags SEC(".maps");

struct fragment_header {
	__u8 next, reserved;
	__be16 offset;
	__be32 id;
};

static __always_inline int take(struct xdp_md *ctx)
{
	return bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);
}

static __always_inline int is_media(const struct steer_address *to, const struct udphdr *udp)
{
	struct steer_range *r = bpf_map_lookup_elem(&steer_media, to);
	__u16 port = bpf_ntohs(udp->dest);
	return r && port >= r->lo && port <= r->hi;
}

/* The same id may come again for something else: what was said of it is void then, or after a while. */
static __always_inline int first_fragment(struct xdp_md *ctx, const struct fragment *f, int media)
{
	__u64 now = bpf_ktime_get_ns();
	if (!media) {
		bpf_map_delete_elem(&steer_frags, f);
		return XDP_PASS;
	}
	bpf_map_update_elem(&steer_frags, f, &now, BPF_ANY);
	return take(ctx);
}

static __always_inline int later_fragment(struct xdp_md *ctx, const struct fragment *f)
{
	__u64 *since = bpf_map_lookup_elem(&steer_frags, f);
	return since && bpf_ktime_get_ns() - *since < FRAGMENT_NS ? take(ctx) : XDP_PASS;
}

static __always_inline int steer4(struct xdp_md *ctx, struct iphdr *ip, void *end)
{
	if ((void *)(ip + 1) > end || ip->ihl < 5 || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	struct fragment f = { .to.family = 4 };
	__builtin_memcpy(f.to.ip, &ip->daddr, 4);
	int part = ip->frag_off & bpf_htons(OFFSET4 | MORE4);
	if (part) {
		f.from.family = 4;
		__builtin_memcpy(f.from.ip, &ip->saddr, 4);
		f.id = ip->id;
	}
	if (ip->frag_off & bpf_htons(OFFSET4))
		return later_fragment(ctx, &f);
	struct udphdr *udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	int media = is_media(&f.to, udp);
	if (part)
		return first_fragment(ctx, &f, media);
	return media ? take(ctx) : XDP_PASS;
}

static __always_inline int steer6(struct xdp_md *ctx, struct ipv6hdr *ip, void *end)
{
	struct udphdr *udp = (void *)(ip + 1);
	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	struct fragment f = { .to.family = 6 };
	__builtin_memcpy(f.to.ip, &ip->daddr, 16);
	if (ip->nexthdr == IPPROTO_UDP)
		return is_media(&f.to, udp) ? take(ctx) : XDP_PASS;
	struct fragment_header *h = (void *)(ip + 1);
	if (ip->nexthdr != NEXT_FRAGMENT || h->next != IPPROTO_UDP)
		return XDP_PASS;
	f.from.family = 6;
	__builtin_memcpy(f.from.ip, &ip->saddr, 16);
	f.id = h->id;
	if (h->offset & bpf_htons(OFFSET6))
		return later_fragment(ctx, &f);
	udp = (void *)(h + 1);
	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	return first_fragment(ctx, &f, is_media(&f.to, udp));
}

SEC("xdp")
int sluice_steer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return steer4(ctx, (void *)(eth + 1), end);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return steer6(ctx, (void *)(eth + 1), end);
	return XDP_PASS;
}

char steer_license[] SEC("license") = "Apache-2.0";
