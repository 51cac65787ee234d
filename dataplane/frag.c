/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments that come in. A datagram is made whole of up to eight; its first fragment says whether it is media at
 * all, so later ones are kept until it comes. Where a kernel stands behind the port it has those, too. */
#include <errno.h>
#include <stdlib.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_ip_frag.h>
#include "punt.h"
#include "worker_priv.h"

#define BUCKETS     16
#define BUCKET_SIZE 16
#define AT_ONCE     (BUCKETS * BUCKET_SIZE)
#define KEEP_US     1000000 /* who listens has given up long before */
#define RX_FLAGS    (RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK)

struct frags {
	struct rte_ip_frag_tbl *table;
	struct rte_ip_frag_death_row dead;
	u64 until_us; /* nothing is kept after it; 0: nothing is kept */
};

struct frags *frags_new(void)
{
	struct frags *f = calloc(1, sizeof(*f));
	/* The table takes microseconds for cycles: it compares them and nothing else. */
	if (f)
		f->table = rte_ip_frag_table_create(BUCKETS, BUCKET_SIZE, AT_ONCE, KEEP_US,
						    SOCKET_ID_ANY);
	if (f && f->table)
		return f;
	free(f);
	return NULL;
}

void frags_free(struct frags *f)
{
	if (!f)
		return;
	rte_ip_frag_free_death_row(&f->dead, 0);
	rte_ip_frag_table_destroy(f->table);
	free(f);
}

bool frags_waiting(const struct frags *f)
{
	return f->until_us != 0;
}

static const u8 *ip_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const u8 *, m->l2_len);
}

static bool is_first(const struct rte_mbuf *m)
{
	const u8 *ip = ip_of(m);
	const struct rte_ipv4_hdr *four = (const void *)ip;
	const struct rte_ipv6_fragment_ext *six = (const void *)(ip + sizeof(struct rte_ipv6_hdr));
	if (ip[0] >> 4 == 4)
		return !(four->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK));
	return !(six->frag_data & RTE_BE16(RTE_IPV6_EHDR_FO_MASK));
}

/* The fragments of one datagram lie side by side. A later one whose first did not come may be of what is the kernel's,
 * SIP for instance: it is counted, and is no drop. */
static void bury(struct worker *w, unsigned reason)
{
	struct rte_ip_frag_death_row *dead = &w->frags->dead;
	for (unsigned i = 0; i < dead->cnt; i++) {
		if (reason == DP_DROP_FRAG_LATE && !is_first(dead->row[i]))
			w->stats.frag_alone++;
		else
			w->stats.drop[reason]++;
		rte_pktmbuf_free(dead->row[i]);
	}
	dead->cnt = 0;
}

void frags_tick(struct worker *w)
{
	struct frags *f = w->frags;
	rte_ip_frag_table_del_expired_entries(f->table, &f->dead, w->now_us);
	bury(w, DP_DROP_FRAG_LATE);
	if (w->now_us > f->until_us)
		f->until_us = 0;
}

/* ---- one fragment ---- */

/* RFC 6946: a fragment header on what is whole is no fragment of anything. */
static bool is_atomic(const struct rte_mbuf *m)
{
	const u8 *ip = ip_of(m);
	const struct rte_ipv6_fragment_ext *f = (const void *)(ip + sizeof(struct rte_ipv6_hdr));
	return ip[0] >> 4 == 6 &&
	       !(f->frag_data & RTE_BE16(RTE_IPV6_EHDR_FO_MASK | RTE_IPV6_EHDR_MF_MASK));
}

static void take_header_out(struct rte_mbuf *m)
{
	u8 *frame = rte_pktmbuf_mtod(m, u8 *);
	u32 head = (u32)m->l2_len + (u32)sizeof(struct rte_ipv6_hdr);
	struct rte_ipv6_hdr *ip = (void *)(frame + m->l2_len);
	const struct rte_ipv6_fragment_ext *f = (const void *)(ip + 1);
	ip->proto = f->next_header;
	ip->payload_len = rte_cpu_to_be_16((u16)(rte_be_to_cpu_16(ip->payload_len) - sizeof(*f)));
	memmove(frame + sizeof(*f), frame, head);
	rte_pktmbuf_adj(m, sizeof(*f));
}

static struct rte_mbuf *join(struct worker *w, struct rte_mbuf *m)
{
	struct frags *f = w->frags;
	u8 *ip = (u8 *)(uintptr_t)ip_of(m);
	f->until_us = w->now_us + 2 * KEEP_US;
	if (ip[0] >> 4 == 4)
		return rte_ipv4_frag_reassemble_packet(f->table, &f->dead, m, w->now_us,
						       (struct rte_ipv4_hdr *)ip);
	return rte_ipv6_frag_reassemble_packet(f->table, &f->dead, m, w->now_us,
					       (struct rte_ipv6_hdr *)ip,
					       (void *)(ip + sizeof(struct rte_ipv6_hdr)));
}

/* One buffer, as all else expects it, and a header whose sum is right again. */
static struct rte_mbuf *finish(struct worker *w, struct rte_mbuf *m)
{
	if (rte_pktmbuf_linearize(m)) {
		drop(w, m, DP_DROP_FRAG_BAD);
		return NULL;
	}
	struct rte_ipv4_hdr *ip = (void *)(uintptr_t)ip_of(m);
	m->ol_flags &= ~(RX_FLAGS | RTE_MBUF_F_TX_OFFLOAD_MASK);
	if (ip->version_ihl >> 4 == 4) {
		ip->hdr_checksum = 0;
		ip->hdr_checksum = (u16)~sum_octets(ip, sizeof(*ip));
	}
	w->stats.joined++;
	return m;
}

static void copy_to_kernel(struct worker *w, const struct port *port, const struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, w->ports->pool, 0, UINT32_MAX);
	if (!copy)
		return;
	if (punt_up(port->punt, copy)) {
		w->stats.kernel_in++;
		w->tell = true;
	} else {
		drop(w, copy, DP_DROP_KERNEL_FULL);
	}
}

struct rte_mbuf *frag_take(struct worker *w, const struct port *port, struct rte_mbuf *m,
			   bool first)
{
	if (port->punt && !first)
		copy_to_kernel(w, port, m);
	if (is_atomic(m)) {
		take_header_out(m);
		return finish(w, m);
	}
	/* What follows the packet in its frame is padding. */
	struct rte_mbuf *whole = join(w, m);
	if (!whole && w->frags->dead.cnt)
		bury(w, w->frags->dead.cnt == 1 ? DP_DROP_RX_FRAGMENT : DP_DROP_FRAG_BAD);
	return whole ? finish(w, whole) : NULL;
}
