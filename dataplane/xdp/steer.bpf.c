/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the kernel for each frame of an interface: UDP to one of our addresses and its media
 * ports goes to the AF_XDP socket of its queue; SIP, ARP, ssh and all else stay with the kernel. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "steer.h"

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
	__type(key, __u32); /* IPv4 address, network order */
	__type(value, struct steer_range);
} steer_media SEC(".maps");

SEC("xdp")
int sluice_steer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	/* Later fragments carry no port and stay with the kernel. The first one of a media packet
	 * is taken (and dropped by name), so that the kernel never completes it nor answers it. */
	if (ip->ihl < 5 || ip->protocol != IPPROTO_UDP || ip->frag_off & bpf_htons(0x1fff))
		return XDP_PASS;
	struct udphdr *udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > end)
		return XDP_PASS;
	__u32 to = ip->daddr;
	struct steer_range *r = bpf_map_lookup_elem(&steer_media, &to);
	__u16 port = bpf_ntohs(udp->dest);
	if (!r || port < r->lo || port > r->hi)
		return XDP_PASS;
	return bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);
}

char steer_license[] SEC("license") = "Apache-2.0";
