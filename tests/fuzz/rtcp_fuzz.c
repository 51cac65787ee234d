/* SPDX-License-Identifier: Apache-2.0 */
/* RTCP of any form: what passes is as long as it was, headers and lengths stay, and with the mask taken
 * off again it is what it was.
 *
 * Input: one octet of options, then compounds: their length in one octet, their octets. */
#include "relay_fuzz.h"
#include "relay/relay_priv.h"

/* An SSRC that is the mask itself becomes 0, which in places is none. */
static bool has_mask(const struct world *w, const u8 *p, u32 n)
{
	for (u32 i = 0; i + 4 <= n; i += 4)
		for (unsigned side = 0; side < 2; side++)
			if (be32(p + i) == rule(w)->side[side].ssrc_mask)
				return true;
	return false;
}

/* What passed is good: each packet has its length, none goes over the end. */
static void check_form(const u8 *p, u32 n)
{
	while (n) {
		CHECK(n >= 4 && p[0] >> 6 == 2 && p[1] >= 192 && p[1] <= 223);
		u32 len = 4 + 4u * (p[2] << 8 | p[3]);
		CHECK(len <= n);
		p += len;
		n -= len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	u8 options = size ? *data++ : 0;
	struct stream a = { ip4(10, 0, 0, 5, 4000), 1, 1, 1, 0 };
	struct stream b = { ip4(198, 51, 100, 9, 5000), 2, 7, 7, 0 };
	struct world w;

	memset(&w, 0, sizeof(w));
	world_rule(&w.rule[0]);
	for (unsigned i = 0; i < 2; i++) {
		w.rule[0].side[i].ssrc_mask = options & 1 ? 0x80604021u << i : 0;
		w.rule[0].side[i].flags = options & 2 << i ? FLOW_SIDE_RTCP_MUX : 0;
	}
	if (options & 8)
		set_toy(&w.rule[0].side[1].out, options >> 4);
	world_start(&w);
	talk(&w, 0, &a);
	talk(&w, 1, &b);
	for (unsigned at = 0; data < end; at++) {
		unsigned side = at & 1, mux = options >> (1 + side) & 1;
		u32 n = packet_length(&data, end);
		struct flow_addr from = side ? b.from : a.from;
		from.port += !mux;
		w.now += 250000;
		unsigned sent = w.sent[side][RELAY_RTCP];
		deliver(&w, side, mux ? RELAY_RTP : RELAY_RTCP, from, data, n);
		if (w.sent[side][RELAY_RTCP] > sent) {
			u8 back[PACKET_MAX];
			CHECK(w.out_len == n);
			check_form(w.out, n);
			memcpy(back, w.out, n);
			rtcp_mask(&w.f.dir[side][RELAY_RTCP], back, n);
			CHECK(!memcmp(back, data, n) || has_mask(&w, data, n));
		}
		check_counters(&w, side);
		data += n;
	}
	return 0;
}
