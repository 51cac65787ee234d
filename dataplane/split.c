/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include "packet.h"
#include "split.h"

#define FRAG_HEAD 8

struct whole {
	const u8 *frame;
	u32 l2, l3; /* octets of the headers */
	u32 data;   /* octets after them */
	u32 each;   /* octets of it in each part but the last */
	bool six;
	u32 id;
};

static void write4(u8 *ip, const struct whole *w, u32 at, u32 len)
{
	struct rte_ipv4_hdr *h = (void *)ip;
	bool more = at + len < w->data;
	h->total_length = rte_cpu_to_be_16((u16)(w->l3 + len));
	h->packet_id = (u16)w->id;
	h->fragment_offset = rte_cpu_to_be_16((u16)(at / 8 | (more ? RTE_IPV4_HDR_MF_FLAG : 0)));
	h->hdr_checksum = 0;
	h->hdr_checksum = (u16)~sum_octets(h, sizeof(*h));
}

static void write6(u8 *ip, const struct whole *w, u32 at, u32 len)
{
	struct rte_ipv6_hdr *h = (void *)ip;
	struct rte_ipv6_fragment_ext *f = (void *)(h + 1);
	bool more = at + len < w->data;
	*f = (struct rte_ipv6_fragment_ext){ .next_header = h->proto,
					     .frag_data = rte_cpu_to_be_16((u16)(at | more)),
					     .id = w->id };
	h->proto = IPPROTO_FRAGMENT;
	h->payload_len = rte_cpu_to_be_16((u16)(FRAG_HEAD + len));
}

static struct rte_mbuf *part_of(const struct whole *w, struct rte_mempool *pool, u32 at)
{
	u32 len = w->data - at < w->each ? w->data - at : w->each;
	u32 head = w->l2 + w->l3, more = w->six ? FRAG_HEAD : 0;
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	u8 *to = m ? (u8 *)rte_pktmbuf_append(m, (u16)(head + more + len)) : NULL;
	if (!to) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(to, w->frame, head);
	memcpy(to + head + more, w->frame + head + at, len);
	if (w->six)
		write6(to + w->l2, w, at, len);
	else
		write4(to + w->l2, w, at, len);
	return m;
}

int split(const struct rte_mbuf *m, const struct network *from, struct rte_mempool *pool, u32 id,
	  struct rte_mbuf *part[SPLIT_MAX])
{
	bool six = from->family == 6;
	struct whole w = { .frame = rte_pktmbuf_mtod(m, const u8 *),
			   .l2 = (u32)sizeof(struct rte_ether_hdr) + (from->vlan ? VLAN_TAG : 0),
			   .l3 = six ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr),
			   .six = six,
			   .id = id };
	u32 head = w.l3 + (six ? FRAG_HEAD : 0);
	int n = 0;
	if (from->port->mtu < head + 8)
		return -EMSGSIZE;
	w.each = (from->port->mtu - head) & ~7u;
	w.data = m->data_len - w.l2 - w.l3;
	if (w.data > w.each * SPLIT_MAX)
		return -EMSGSIZE;
	for (u32 at = 0; at < w.data; at += w.each) {
		part[n] = part_of(&w, pool, at);
		if (!part[n]) {
			rte_pktmbuf_free_bulk(part, (unsigned)n);
			return -ENOMEM;
		}
		n++;
	}
	return n;
}
