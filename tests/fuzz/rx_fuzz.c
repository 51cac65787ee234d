/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as they come from a device, and what becomes of them when they leave by each family: nothing is read outside of
 * the frame, what is accepted has lengths that fit, and what we send would be accepted by us.
 *
 * Input: an octet of options, then the frame. */
#include <stdlib.h>
#include "packet.h"
#include "stats.h"

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)
#define HEADROOM  128
#define FRAME_MAX 4000

enum option {
	SUMS_ARE_GOOD = 1, /* the device says so: most inputs would end at the first checksum */
	TAG_TAKEN_OUT = 2,
	LITTLE_HEADROOM = 4,
	NO_ROOM = 8,
	CHANGE = 16
};

struct world {
	struct ports ports;
	struct conf_network conf[2];
};

static void add(struct world *w, unsigned port, u8 family, u8 last, u16 vlan)
{
	struct addr a = { .family = family };
	struct conf_network *c = &w->conf[port];
	const u8 four[4] = { 192, 0, 2, last }, six[16] = { 0x20, 1, 0xd, 0xb8, [15] = last };
	*c = (struct conf_network){ .media_lo = 20000, .media_hi = 20999, .vlan = vlan };
	memcpy(a.ip, family == 6 ? six : four, family == 6 ? 16 : 4);
	CHECK(ports_add(&w->ports, &w->ports.port[port], c, &a) == 0);
}

static void set_up(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->ports.n = 2;
	for (unsigned i = 0; i < 2; i++)
		w->ports.port[i].mtu = 65000;
	add(w, 0, 4, 1, 0);
	add(w, 0, 6, 1, 0);
	add(w, 0, 4, 2, 7);
	add(w, 1, 4, 9, 0);
	add(w, 1, 6, 9, 7);
}

/* The frame ends where the memory ends. */
static void put(struct rte_mbuf *m, const u8 *data, size_t n, u8 options)
{
	u16 before = options & LITTLE_HEADROOM ? 4 : HEADROOM, after = options & NO_ROOM ? 0 : 64;
	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(before + n + after);
	CHECK(m->buf_addr);
	m->buf_len = (u16)(before + n + after);
	m->data_off = before;
	m->data_len = (u16)n;
	m->pkt_len = (u32)n;
	m->nb_segs = 1;
	memcpy((u8 *)m->buf_addr + before, data, n);
	if (options & SUMS_ARE_GOOD)
		m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (options & TAG_TAKEN_OUT) {
		m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
		m->vlan_tci = 7;
	}
}

static void check(const struct rte_mbuf *m, const struct packet *p)
{
	const u8 *frame = rte_pktmbuf_mtod(m, const u8 *);
	CHECK(p->m == m);
	CHECK(p->r.payload >= frame + 42 && p->r.payload + p->r.len <= frame + m->data_len);
	CHECK(p->to >= 20000 && p->to <= 20999);
	CHECK(p->r.src.family == p->net->family);
	CHECK(p->has_sum || p->net->family == 4);
}

/* By `out`, and back in there as if its peer had sent it to us. */
static void send_and_receive(const struct world *w, struct packet *p, const struct network *out,
			     u8 options)
{
	u32 len = p->r.len;
	u8 *before = malloc(len + 1);
	struct relay_plan plan = { .dscp = 46 };
	struct packet again;
	bool ours;

	CHECK(before);
	plan.from = (struct flow_addr){ .family = out->family, .port = 20002 };
	plan.dst = (struct flow_addr){ .family = out->family, .port = 20004 };
	memcpy(plan.from.ip, out->ip, 16);
	memcpy(plan.dst.ip, out->ip, 16);
	if (options & CHANGE && len > 1)
		p->r.payload[1] ^= 0x80;
	memcpy(before, p->r.payload, len);
	bool sent = tx_rewrite(p, out, &plan, 0x0605040302);
	CHECK(sent || (options & LITTLE_HEADROOM && options & NO_ROOM));
	if (sent) {
		CHECK(p->m->data_off + p->m->data_len <= p->m->buf_len);
		CHECK(p->m->pkt_len == p->m->data_len);
		p->m->ol_flags = options & SUMS_ARE_GOOD ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0;
		CHECK(rx_parse(&w->ports, &w->ports.port[1], p->m, &again, &ours) == -1);
		check(p->m, &again);
		CHECK(again.net == out && again.r.len == len && again.to == 20004);
		CHECK(memcmp(again.r.payload, before, len) == 0);
	}
	free(before);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t n);

int LLVMFuzzerTestOneInput(const u8 *data, size_t n)
{
	static struct world w;
	if (!w.ports.n)
		set_up(&w);
	if (!n || n > FRAME_MAX)
		return 0;
	for (unsigned out = 3; out < 5; out++) {
		struct rte_mbuf m;
		struct packet p = { 0 };
		bool ours;
		put(&m, data + 1, n - 1, data[0]);
		int drop = rx_parse(&w.ports, &w.ports.port[0], &m, &p, &ours);
		CHECK(drop >= -1 && drop < DP_DROP_COUNT);
		if (drop == DP_DROP_RX_FRAGMENT)
			CHECK(m.l2_len >= 14 && m.l2_len + m.l3_len < m.data_len);
		if (drop == -1) {
			check(&m, &p);
			send_and_receive(&w, &p, &w.ports.network[out], data[0]);
		}
		free(m.buf_addr);
	}
	return 0;
}
