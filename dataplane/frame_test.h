/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of packets: networks of both families on three ports, frames made and looked at by DPDK's own
 * functions. */
#ifndef SLUICE_DP_FRAME_TEST_H
#define SLUICE_DP_FRAME_TEST_H

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

static inline struct addr ip_of(u8 family, u8 last)
{
	static const u8 four[4] = { 192, 0, 2 }, six[16] = { 0x20, 1, 0xd, 0xb8 };
	struct addr a = { .family = family };

	memcpy(a.ip, family == 6 ? six : four, family == 6 ? 16 : 4);
	a.ip[family == 6 ? 15 : 3] = last;
	return a;
}

static inline void add(struct world *w, unsigned port, u8 family, u8 last)
{
	struct addr a = ip_of(family, last);

	assert_int_equal(ports_add(&w->ports, &w->ports.port[port], &w->conf[port], &a), 0);
}

static inline struct rte_mempool *pool(void)
{
	static struct rte_mempool *made;
	const char *arg[] = { "packet_test", "--no-huge",      "-m32",         "--no-shconf",
			      "--no-pci",    "--no-telemetry", "--log-level=1" };

	if (!made && rte_eal_init(sizeof(arg) / sizeof(arg[0]), (char **)(uintptr_t)arg) >= 0)
		made = rte_pktmbuf_pool_create("packets", 255, 0, 0, 4096, SOCKET_ID_ANY);
	assert_non_null(made);
	return made;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	struct world *w = *state;

	rte_pktmbuf_free(w->m);
	assert_int_equal(rte_mempool_in_use_count(w->pool), 0);
	free(w);
	return 0;
}

/* ---- frames ---- */

/* A datagram of `len` octets to port 20000 of network `to`, checksums right, made by DPDK's own functions. */
static inline void make(struct world *w, unsigned to, u16 len)
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

static inline int parse(struct world *w, unsigned port)
{
	return rx_parse(&w->ports, &w->ports.port[port], w->m, &w->p, &w->ours);
}

static inline void send_by(struct world *w, unsigned out)
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

static inline u8 *at(const struct rte_mbuf *m, u32 offset)
{
	return rte_pktmbuf_mtod_offset(m, u8 *, offset);
}

/* What left, octet by octet where it matters; checksums by DPDK's own functions. */
static inline void expect_sent(const struct world *w, unsigned out, u16 len, u16 tag)
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
