/* SPDX-License-Identifier: Apache-2.0 */
/* A packet taken apart and put together again: families, checksums, VLANs, what a device does of it. */
#include "frame_test.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(from_each_family_to_each),  T(the_sum_follows_the_payload),
		T(without_a_checksum),        T(what_is_wrong_is_named),
		T(a_vlan_is_another_network), T(headroom_or_not),
		T(the_device_checks),         T(the_device_makes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
