/* SPDX-License-Identifier: Apache-2.0 */
/* STUN and DTLS records of any form: what is punted has the lengths that it says, comes from where it may,
 * was asked for, and there are not too many.
 *
 * Input: one octet of options, then packets: one octet that says from where, their length in one octet, their
 * octets. */
#include "relay_fuzz.h"

static void check_stun(const u8 *p, u32 n)
{
	CHECK(n >= 20 && n % 4 == 0 && (u32)(p[2] << 8 | p[3]) + 20 == n);
	CHECK(p[4] == 0x21 && p[5] == 0x12 && p[6] == 0xa4 && p[7] == 0x42);
}

/* Records up to the end. */
static void check_dtls(const u8 *p, u32 n)
{
	while (n) {
		CHECK(p[0] >= 20 && p[0] < 64);
		if (p[0] >= 32) {
			u32 head = 2 + (p[0] >> 3 & 1);
			if (!(p[0] & 4))
				return;
			u32 len = head + 2 + (p[head] << 8 | p[head + 1]);
			CHECK(n >= len);
			p += len;
			n -= len;
			continue;
		}
		CHECK(n > 13);
		u32 len = 13u + (p[11] << 8 | p[12]);
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
	u32 flags = (options & 3u) * FLOW_SIDE_STUN;
	struct world w;

	memset(&w, 0, sizeof(w));
	world_rule(&w.rule[0]);
	w.rule[0].side[0].flags = flags | (options & 4 ? FLOW_SIDE_RTCP_MUX : 0);
	if (options & 8)
		set_toy(&w.rule[0].side[0].in, options >> 4);
	world_start(&w);
	while (end - data > 1) {
		u8 where = *data++;
		u32 n = packet_length(&data, end);
		struct flow_addr from = where & 1 ? rule(&w)->side[0].remote : w.foe;
		unsigned punted = w.punted[0];
		if (where & 2)
			w.now += 1000000;
		if (deliver(&w, 0, where >> 2 & 1, from, data, n) == RELAY_PUNT) {
			bool stun = data[0] < 4;
			CHECK(flags & (stun ? FLOW_SIDE_STUN : FLOW_SIDE_DTLS));
			CHECK(stun || where & 1);
			if (stun)
				check_stun(data, n);
			else
				check_dtls(data, n);
		}
		CHECK(w.punted[0] - punted <= 1);
		CHECK(w.punted[0] <= 50 * (1 + w.now / 1000000));
		check_counters(&w, 0);
		data += n;
	}
	return 0;
}
