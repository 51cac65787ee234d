/* SPDX-License-Identifier: Apache-2.0 */
/* A packet taken apart and put together again: families, checksums, VLANs, what a device does of it, fragments. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include "packet.h"
#include "split.h"
#include "stats.h"

#define TO_MAC    0x0605040302ULL
#define VLAN      100
#define VLAN_PORT 2 /* of its own; the others are families 4 and 6 of port 0 and of port 1 */

struct world {
	struct ports ports;
	struct conf_network conf[3];
	struct rte_mempool *pool;
	struct rte_mbuf *m;
	struct packet p;
	bool ours;
};

enum {
	IN4,
	IN6,
	OUT4,
	OUT6,
	TAGGED
};

static struct addr ip_of(u8 family, u8 last)
{
	static const u8 four[4] = { 192, 0, 2 }, six[16] = { 0x20, 1, 0xd, 0xb8 };
	struct addr a = { .family = family };

	memcpy(a.ip, family == 6 ? six : four, family == 6 ? 16 : 4);
	a.ip[family == 6 ? 15 : 3] = last;
	return a;
}

static void add(struct world *w, unsigned port, u8 family, u8 last)
{
	struct addr a = ip_of(family, last);

	assert_int_equal(ports_add(&w->ports, &w->ports.port[port], &w->conf[port], &a), 0);
}

static struct rte_mempool *pool(void)
{
	static struct rte_mempool *made;
	const char *arg[] = { "packet_test", "--no-huge",      "-m32",         "--no-shconf",
			      "--no-pci",    "--no-telemetry", "--log-level=1" };

	if (!made && rte_eal_init(sizeof(arg) / sizeof(arg[0]), (char **)(uintptr_t)arg) >= 0)
		made = rte_pktmbuf_pool_create("packets", 255, 0, 0, 4096, SOCKET_ID_ANY);
	assert_non_null(made);
	return made;
}

static int setup(void **state)
{
	struct world *w = *state = calloc(1, sizeof(*w));

	w->pool = pool();
	w->ports.n = 3;
	for (unsigned i = 0; i < 3; i++) {
		w->ports.port[i].mtu = 1500;
		w->conf[i] = (struct conf_network){ .media_lo = 20000, .media_hi = 20999 };
		atomic_store(&w->ports.port[i].mac, 0x0a0b0c0d0e02ULL);
	}
	w->conf[VLAN_PORT].vlan = VLAN;
	add(w, 0, 4, 1);
	add(w, 0, 6, 1);
	add(w, 1, 4, 2);
	add(w, 1, 6, 2);
	add(w, VLAN_PORT, 4, 3);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	rte_pktmbuf_free(w->m);
	assert_int_equal(rte_mempool_in_use_count(w->pool), 0);
	free(w);
	return 0;
}

/* ---- frames ---- */

/* A datagram of `len` octets to port 20000 of network `to`, checksums right, made by DPDK's own functions. */
static void make(struct world *w, unsigned to, u16 len)
{
	const struct network *n = &w->ports.network[to];
	bool six = n->family == 6;
	u16 l3 = six ? 40 : 20;

	rte_pktmbuf_free(w->m);
	w->m = rte_pktmbuf_alloc(w->pool);
	u8 *f = (u8 *)rte_pktmbuf_append(w->m, (u16)(14 + l3 + 8 + len));
	struct rte_ether_hdr *eth = (void *)f;
	struct rte_udp_hdr *udp = (void *)(f + 14 + l3);
	struct addr from = ip_of(n->family, 77);
	memset(f, 0, 14 + l3 + 8u + len);
	for (u16 i = 0; i < len; i++)
		f[14 + l3 + 8 + i] = (u8)(i * 7 + 0x80);
	eth->ether_type = six ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);
	udp->src_port = rte_cpu_to_be_16(4000);
	udp->dst_port = rte_cpu_to_be_16(20000);
	udp->dgram_len = rte_cpu_to_be_16((u16)(8 + len));
	if (six) {
		struct rte_ipv6_hdr *ip = (void *)(f + 14);
		ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | 0x12345);
		ip->payload_len = udp->dgram_len;
		ip->proto = IPPROTO_UDP;
		ip->hop_limits = 3;
		memcpy(ip->src_addr, from.ip, 16);
		memcpy(ip->dst_addr, n->ip, 16);
		udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	} else {
		struct rte_ipv4_hdr *ip = (void *)(f + 14);
		*ip = (struct rte_ipv4_hdr){ .version_ihl = 0x45,
					     .time_to_live = 3,
					     .packet_id = 9,
					     .next_proto_id = IPPROTO_UDP };
		ip->total_length = rte_cpu_to_be_16((u16)(28 + len));
		memcpy(&ip->src_addr, from.ip, 4);
		memcpy(&ip->dst_addr, n->ip, 4);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	}
}

static int parse(struct world *w, unsigned port)
{
	return rx_parse(&w->ports, &w->ports.port[port], w->m, &w->p, &w->ours);
}

static void send_by(struct world *w, unsigned out)
{
	const struct network *n = &w->ports.network[out];
	struct relay_plan plan = { .dscp = 46 };
	struct addr to = ip_of(n->family, 88);

	plan.from = (struct flow_addr){ .family = n->family, .port = 20010 };
	plan.dst = (struct flow_addr){ .family = n->family, .port = 6000 };
	memcpy(plan.from.ip, n->ip, 16);
	memcpy(plan.dst.ip, to.ip, 16);
	assert_true(tx_rewrite(&w->p, n, &plan, TO_MAC));
}

static u8 *at(const struct rte_mbuf *m, u32 offset)
{
	return rte_pktmbuf_mtod_offset(m, u8 *, offset);
}

/* What left, octet by octet where it matters; checksums by DPDK's own functions. */
static void expect_sent(const struct world *w, unsigned out, u16 len, u16 tag)
{
	const struct rte_mbuf *m = w->m;
	bool six = w->ports.network[out].family == 6;
	u32 l2 = tag ? 18 : 14, l3 = six ? 40 : 20, all = l2 + l3 + 8 + len;
	const struct rte_udp_hdr *udp = (const void *)at(m, l2 + l3);
	struct addr to = ip_of(six ? 6 : 4, 88);

	assert_int_equal(m->data_len, all < 60 ? 60 : all);
	assert_int_equal(m->pkt_len, m->data_len);
	assert_memory_equal(at(m, 0), "\x02\x03\x04\x05\x06\x00\x02\x0e\x0d\x0c\x0b\x0a", 12);
	if (tag)
		assert_memory_equal(at(m, 12), "\x81\x00\x00\x64", 4);
	assert_memory_equal(at(m, l2 - 2), six ? "\x86\xdd" : "\x08\x00", 2);
	assert_int_equal(udp->src_port, rte_cpu_to_be_16(20010));
	assert_int_equal(udp->dst_port, rte_cpu_to_be_16(6000));
	assert_int_equal(udp->dgram_len, rte_cpu_to_be_16((u16)(8 + len)));
	for (u16 i = 0; i < len; i++)
		assert_int_equal(*at(m, l2 + l3 + 8 + i), (u8)(i * 7 + 0x80));
	if (six) {
		const struct rte_ipv6_hdr *ip = (const void *)at(m, l2);
		assert_int_equal(rte_be_to_cpu_32(ip->vtc_flow), 6u << 28 | 46 << 22);
		assert_int_equal(ip->hop_limits, 64);
		assert_int_equal(ip->proto, IPPROTO_UDP);
		assert_int_equal(rte_be_to_cpu_16(ip->payload_len), 8 + len);
		assert_memory_equal(ip->src_addr, w->ports.network[out].ip, 16);
		assert_memory_equal(ip->dst_addr, to.ip, 16);
		assert_int_equal(rte_ipv6_udptcp_cksum_verify(ip, udp), 0);
	} else {
		const struct rte_ipv4_hdr *ip = (const void *)at(m, l2);
		assert_int_equal(ip->type_of_service, 46 << 2);
		assert_int_equal(ip->time_to_live, 64);
		assert_int_equal(rte_be_to_cpu_16(ip->total_length), 28 + len);
		assert_int_equal(ip->fragment_offset, RTE_BE16(RTE_IPV4_HDR_DF_FLAG));
		assert_memory_equal(&ip->src_addr, w->ports.network[out].ip, 4);
		assert_memory_equal(&ip->dst_addr, to.ip, 4);
		assert_int_equal(sum_octets(ip, 20), 0xffff);
		if (udp->dgram_cksum)
			assert_int_equal(rte_ipv4_udptcp_cksum_verify(ip, udp), 0);
	}
}

/* ---- tests ---- */

static void from_each_family_to_each(void **state)
{
	static const u16 lens[] = { 0, 1, 2, 3, 12, 33, 172, 1400 };
	struct world *w = *state;

	for (unsigned i = 0; i < 4 * sizeof(lens) / sizeof(lens[0]); i++) {
		unsigned in = i & 1 ? IN6 : IN4, out = i & 2 ? OUT6 : OUT4;
		u16 len = lens[i / 4];
		make(w, in, len);
		assert_int_equal(parse(w, 0), -1);
		assert_ptr_equal(w->p.net, &w->ports.network[in]);
		assert_int_equal(w->p.to, 20000);
		assert_int_equal(w->p.r.len, len);
		assert_int_equal(w->p.r.src.port, 4000);
		assert_int_equal(w->p.r.src.ip[in == IN6 ? 15 : 3], 77);
		assert_true(w->p.has_sum);
		send_by(w, out);
		expect_sent(w, out, len, 0);
	}
}

/* The payload type was changed in place, or more of it and the sum anew. */
static void the_sum_follows_the_payload(void **state)
{
	struct world *w = *state;

	for (unsigned out = OUT4; out <= OUT6; out++) {
		make(w, IN4, 33);
		assert_int_equal(parse(w, 0), -1);
		w->p.r.payload[1] ^= 0x55;
		send_by(w, out);
		const struct rte_udp_hdr *udp = (const void *)at(w->m, out == OUT6 ? 54 : 34);
		assert_int_equal(out == OUT6
					 ? rte_ipv6_udptcp_cksum_verify((void *)at(w->m, 14), udp)
					 : rte_ipv4_udptcp_cksum_verify((void *)at(w->m, 14), udp),
				 0);
	}
	make(w, IN6, 20);
	assert_int_equal(parse(w, 0), -1);
	w->p.r.payload[0] = (u8)(0 * 7 + 0x80);
	w->p.r.len = 12;
	packet_sum(&w->p);
	send_by(w, OUT4);
	expect_sent(w, OUT4, 12, 0);
}

static void without_a_checksum(void **state)
{
	struct world *w = *state;

	for (unsigned out = OUT4; out <= OUT6; out++) {
		make(w, IN4, 33);
		memset(at(w->m, 40), 0, 2);
		assert_int_equal(parse(w, 0), -1);
		assert_false(w->p.has_sum);
		send_by(w, out);
		expect_sent(w, out, 33, 0);
		assert_int_equal(*(u16 *)at(w->m, out == OUT6 ? 60 : 40) != 0, out == OUT6);
	}
	make(w, IN6, 33);
	memset(at(w->m, 60), 0, 2);
	assert_int_equal(parse(w, 0), DP_DROP_RX_UDP_CHECKSUM);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		unsigned in, at;
		u8 with; /* XORed */
		int drop;
		bool ours;
	} wrong[] = {
		{ IN4, 13, 1, DP_DROP_RX_ETHERTYPE, false },
		{ IN4, 14, 0x20, DP_DROP_RX_IP_HEADER, true },
		{ IN4, 14, 0x01, DP_DROP_RX_IP_HEADER, true }, /* 16 octets */
		{ IN4, 16, 0x80, DP_DROP_RX_SHORT, true },
		{ IN4, 22, 1, DP_DROP_RX_IP_HEADER, true }, /* its checksum */
		{ IN4, 23, 1, DP_DROP_RX_NOT_MEDIA, false },
		{ IN4, 33, 1, DP_DROP_RX_NOT_MEDIA, false },
		{ IN4, 33, 3, DP_DROP_RX_NOT_MEDIA, false }, /* ours, but on another port */
		{ IN4, 36, 0x80, DP_DROP_RX_NOT_MEDIA, false },
		{ IN4, 38, 1, DP_DROP_RX_UDP_LENGTH, true },
		{ IN4, 39, 0x3c, DP_DROP_RX_UDP_LENGTH, true },
		{ IN4, 50, 1, DP_DROP_RX_UDP_CHECKSUM, true },
		{ IN6, 14, 0x20, DP_DROP_RX_IP_HEADER, true },
		{ IN6, 18, 0x80, DP_DROP_RX_SHORT, true },
		{ IN6, 20, IPPROTO_UDP ^ IPPROTO_HOPOPTS, DP_DROP_RX_NOT_MEDIA, false },
		{ IN6, 38, 1, DP_DROP_RX_NOT_MEDIA, false },
		{ IN6, 53, 3, DP_DROP_RX_NOT_MEDIA, false },
		{ IN6, 57, 0x80, DP_DROP_RX_UDP_CHECKSUM, true }, /* still a media port */
		{ IN6, 58, 1, DP_DROP_RX_UDP_LENGTH, true },
		{ IN6, 70, 1, DP_DROP_RX_UDP_CHECKSUM, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make(w, wrong[i].in, 20);
		*at(w->m, wrong[i].at) ^= wrong[i].with;
		int drop = parse(w, 0);
		if (drop != wrong[i].drop || w->ours != wrong[i].ours)
			fail_msg("row %zu: %d, not %d", i, drop, wrong[i].drop);
	}
	make(w, IN4, 20);
	*at(w->m, 14) = 0x46;
	*(u16 *)at(w->m, 40) = RTE_BE16(20000);
	assert_int_equal(parse(w, 0), DP_DROP_RX_IP_OPTIONS);
	assert_true(w->ours);
	for (unsigned in = IN4; in <= IN6; in++) {
		make(w, in, 20);
		for (u16 n = w->m->data_len; n > 0; n--) {
			w->m->data_len = (u16)(n - 1);
			assert_int_not_equal(parse(w, 0), -1);
		}
		make(w, in, 20);
		assert_int_not_equal(parse(w, 1), -1);
		assert_int_equal(parse(w, 0), -1);
	}
}

static void a_vlan_is_another_network(void **state)
{
	struct world *w = *state;
	const struct rte_vlan_hdr tag = { RTE_BE16(VLAN | 5 << 13), RTE_BE16(RTE_ETHER_TYPE_IPV4) };
	const struct rte_vlan_hdr other = { RTE_BE16(VLAN + 1), RTE_BE16(RTE_ETHER_TYPE_IPV4) };

	make(w, TAGGED, 33);
	assert_int_equal(parse(w, VLAN_PORT), DP_DROP_RX_NOT_MEDIA);
	assert_false(w->ours);
	/* The device took the tag out. */
	w->m->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	w->m->vlan_tci = VLAN + 1;
	assert_int_equal(parse(w, VLAN_PORT), DP_DROP_RX_NOT_MEDIA);
	w->m->vlan_tci = 5 << 13 | VLAN;
	assert_int_equal(parse(w, VLAN_PORT), -1);
	send_by(w, OUT6);
	expect_sent(w, OUT6, 33, 0);
	/* Or left it. */
	make(w, TAGGED, 33);
	memmove(rte_pktmbuf_prepend(w->m, 4), at(w->m, 4), 14);
	*(u16 *)at(w->m, 12) = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	memcpy(at(w->m, 14), &other, 4);
	assert_int_equal(parse(w, VLAN_PORT), DP_DROP_RX_NOT_MEDIA);
	memcpy(at(w->m, 14), &tag, 4);
	assert_int_equal(parse(w, VLAN_PORT), -1);
	send_by(w, OUT4);
	expect_sent(w, OUT4, 33, 0);
	make(w, IN6, 12);
	assert_int_equal(parse(w, 0), -1);
	send_by(w, TAGGED);
	expect_sent(w, TAGGED, 12, VLAN);
}

static void headroom_or_not(void **state)
{
	struct world *w = *state;

	for (u16 room = 0; room < 30; room += 2) {
		make(w, IN4, 172);
		memmove((u8 *)w->m->buf_addr + room, at(w->m, 0), w->m->data_len);
		w->m->data_off = room;
		assert_int_equal(parse(w, 0), -1);
		send_by(w, OUT6);
		expect_sent(w, OUT6, 172, 0);
	}
	/* None at either end. */
	make(w, IN4, 172);
	memmove(w->m->buf_addr, at(w->m, 0), w->m->data_len);
	w->m->data_off = 0;
	assert_int_equal(parse(w, 0), -1);
	u16 len = w->m->buf_len;
	w->m->buf_len = w->m->data_len;
	assert_false(tx_rewrite(&w->p, &w->ports.network[OUT6], &(struct relay_plan){ 0 }, 0));
	w->m->buf_len = len;
}

/* ---- what the device does ---- */

static void the_device_checks(void **state)
{
	struct world *w = *state;

	for (unsigned in = IN4; in <= IN6; in++) {
		/* Good: nothing is summed, and what leaves is right all the same. */
		make(w, in, 172);
		w->m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		assert_int_equal(parse(w, 0), -1);
		u16 sum = w->p.sum;
		assert_int_equal(sum, sum_octets(w->p.r.payload, 172));
		send_by(w, OUT6);
		expect_sent(w, OUT6, 172, 0);
		make(w, in, 172);
		w->m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_BAD;
		assert_int_equal(parse(w, 0), DP_DROP_RX_UDP_CHECKSUM);
	}
	make(w, IN4, 172);
	w->m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	assert_int_equal(parse(w, 0), DP_DROP_RX_IP_HEADER);
}

static void the_device_makes(void **state)
{
	struct world *w = *state;

	w->ports.port[1].sums = true;
	for (unsigned out = OUT4; out <= OUT6; out++) {
		make(w, IN4, 172);
		assert_int_equal(parse(w, 0), -1);
		send_by(w, out);
		u32 l3 = out == OUT6 ? 40 : 20;
		struct rte_udp_hdr *udp = (void *)at(w->m, 14 + l3);
		assert_int_equal(w->m->l2_len, 14);
		assert_int_equal(w->m->l3_len, l3);
		assert_true(w->m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM);
		assert_int_equal(!(w->m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM), out == OUT6);
		if (out == OUT6) {
			assert_int_equal(udp->dgram_cksum,
					 rte_ipv6_phdr_cksum((void *)at(w->m, 14), 0));
			assert_true(w->m->ol_flags & RTE_MBUF_F_TX_IPV6);
		} else {
			assert_int_equal(udp->dgram_cksum,
					 rte_ipv4_phdr_cksum((void *)at(w->m, 14), 0));
			assert_int_equal(((struct rte_ipv4_hdr *)at(w->m, 14))->hdr_checksum, 0);
			assert_true(w->m->ol_flags & RTE_MBUF_F_TX_IPV4);
		}
	}
	/* It cannot over fragments: those are ours. */
	make(w, IN4, 1600);
	assert_int_equal(parse(w, 0), -1);
	send_by(w, OUT6);
	assert_int_equal(w->m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0);
	expect_sent(w, OUT6, 1600, 0);
	/* What came without one over IPv4 goes without one. */
	make(w, IN4, 172);
	memset(at(w->m, 40), 0, 2);
	assert_int_equal(parse(w, 0), -1);
	send_by(w, OUT4);
	assert_int_equal(*(u16 *)at(w->m, 40), 0);
	assert_false(w->m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM);
}

/* ---- fragments ---- */

static void expect_part(const struct rte_mbuf *m, bool six, u32 offset, bool more, u32 id)
{
	if (six) {
		const struct rte_ipv6_hdr *ip = (const void *)at(m, 14);
		const struct rte_ipv6_fragment_ext *f = (const void *)(ip + 1);
		assert_int_equal(ip->proto, IPPROTO_FRAGMENT);
		assert_int_equal(f->next_header, IPPROTO_UDP);
		assert_int_equal(rte_be_to_cpu_16(f->frag_data), offset | more);
		assert_int_equal(f->id, id);
		assert_int_equal(rte_be_to_cpu_16(ip->payload_len) + 54, m->data_len);
	} else {
		const struct rte_ipv4_hdr *ip = (const void *)at(m, 14);
		assert_int_equal(rte_be_to_cpu_16(ip->fragment_offset),
				 offset / 8 | (more ? 0x2000 : 0));
		assert_int_equal(ip->packet_id, (u16)id);
		assert_int_equal(sum_octets(ip, 20), 0xffff);
		assert_int_equal(rte_be_to_cpu_16(ip->total_length) + 14, m->data_len);
	}
}

static void long_ones_are_split(void **state)
{
	struct world *w = *state;
	struct rte_mbuf *part[SPLIT_MAX];

	for (unsigned out = OUT4; out <= OUT6; out++) {
		bool six = out == OUT6;
		u32 head = six ? 62 : 34, done = 0;
		make(w, IN4, 3000);
		assert_int_equal(parse(w, 0), -1);
		send_by(w, out);
		int n = split(w->m, &w->ports.network[out], w->pool, 0x12345, part);
		assert_int_equal(n, 3);
		for (int i = 0; i < n; i++) {
			u32 len = part[i]->data_len - head;
			assert_true(part[i]->data_len <= 1514);
			assert_int_equal(part[i]->nb_segs, 1);
			expect_part(part[i], six, done, i < n - 1, 0x12345);
			assert_memory_equal(at(part[i], head), at(w->m, (six ? 54 : 34) + done),
					    len);
			done += len;
			rte_pktmbuf_free(part[i]);
		}
		assert_int_equal(done, 3008);
	}
	w->ports.port[1].mtu = 300;
	make(w, IN4, 3000);
	assert_int_equal(parse(w, 0), -1);
	send_by(w, OUT4);
	assert_int_equal(split(w->m, &w->ports.network[OUT4], w->pool, 1, part), -EMSGSIZE);
}

static void fragments_are_known(void **state)
{
	struct world *w = *state;

	make(w, IN4, 100);
	struct rte_ipv4_hdr *ip = (void *)at(w->m, 14);
	for (unsigned later = 0; later < 2; later++) {
		ip->fragment_offset = later ? RTE_BE16(5) : RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		assert_int_equal(parse(w, 0), DP_DROP_RX_FRAGMENT);
		assert_int_equal(w->ours, !later);
		assert_int_equal(w->m->l2_len, 14);
		assert_int_equal(w->m->l3_len, 20);
	}
	/* The first of something else is the kernel's. */
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	*(u16 *)at(w->m, 36) = RTE_BE16(5060);
	assert_int_equal(parse(w, 0), DP_DROP_RX_NOT_MEDIA);
	assert_false(w->ours);

	make(w, IN6, 100);
	struct rte_ipv6_hdr *six = (void *)at(w->m, 14);
	struct rte_ipv6_fragment_ext *f = (void *)(six + 1);
	six->proto = IPPROTO_FRAGMENT;
	*f = (struct rte_ipv6_fragment_ext){ .next_header = IPPROTO_UDP, .frag_data = RTE_BE16(1) };
	*(u16 *)at(w->m, 64) = RTE_BE16(20000);
	assert_int_equal(parse(w, 0), DP_DROP_RX_FRAGMENT);
	assert_true(w->ours);
	assert_int_equal(w->m->l3_len, 48);
	f->frag_data = RTE_BE16(80);
	assert_int_equal(parse(w, 0), DP_DROP_RX_FRAGMENT);
	assert_false(w->ours);
	f->next_header = IPPROTO_TCP;
	assert_int_equal(parse(w, 0), DP_DROP_RX_NOT_MEDIA);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(from_each_family_to_each),  T(the_sum_follows_the_payload),
		T(without_a_checksum),        T(what_is_wrong_is_named),
		T(a_vlan_is_another_network), T(headroom_or_not),
		T(the_device_checks),         T(the_device_makes),
		T(long_ones_are_split),       T(fragments_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
