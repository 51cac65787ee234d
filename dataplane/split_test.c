/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments: those that we send, and those that come. */
#include "frame_test.h"
#include "split.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(long_ones_are_split),
		T(fragments_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
