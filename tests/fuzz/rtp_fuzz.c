/* SPDX-License-Identifier: Apache-2.0 */
/* RTP headers of any form, one after the other, from a source that is learned: what passes is a packet
 * whose lengths hold, and of it nothing changes but the payload type, numbers and SSRCs.
 *
 * Input: one octet of options, then packets: their length in one octet, their octets. */
#include "relay_fuzz.h"

/* RFC 3550 section 5.1 in the plainest words. 0: it does not fit. */
static u32 header(const u8 *p, u32 n)
{
	u64 len = 12 + 4 * (p[0] & 15u);

	if (n < 12 || len > n)
		return 0;
	if (p[0] & 16) {
		if (len + 4 > n)
			return 0;
		len += 4 + 4u * (p[len + 2] << 8 | p[len + 3]);
	}
	return len <= n ? (u32)len : 0;
}

static void check(struct world *w, const u8 *p, u32 n, u32 mask)
{
	u32 len = header(p, n), cc = p[0] & 15;

	CHECK(len && p[0] >> 6 == 2);
	CHECK(!(p[0] & 32) || (p[n - 1] && p[n - 1] <= n - len));
	CHECK(w->out_len == n && w->out[0] == p[0] && (w->out[1] & 128) == (p[1] & 128));
	CHECK((p[1] & 127) == 0 ? (w->out[1] & 127) == 0 : (w->out[1] & 127) == 96);
	CHECK(ssrc_of(w->out) == (ssrc_of(p) ^ mask));
	CHECK(!memcmp(w->out + 12 + 4 * cc, p + 12 + 4 * cc, n - 12 - 4 * cc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size;
	u8 options = size ? *data++ : 0;
	u32 mask = options & 1 ? 0x01020304 : 0;
	struct world w;

	memset(&w, 0, sizeof(w));
	world_rule(&w.rule[0]);
	w.rule[0].side[1].ssrc_mask = mask;
	w.rule[0].side[0].rate = options & 2 ? 5000 : 0;
	w.rule[0].side[0].burst = 2000;
	if (options & 4)
		set_toy(&w.rule[0].side[1].out, options >> 4);
	world_start(&w);
	struct flow_addr from = rule(&w)->side[0].remote;
	while (data < end) {
		u32 n = packet_length(&data, end);
		unsigned sent = w.sent[0][0];
		w.now += 1000;
		deliver(&w, 0, RELAY_RTP, from, data, n);
		if (w.sent[0][0] > sent)
			check(&w, data, n, mask);
		check_counters(&w, 0);
		data += n;
	}
	return 0;
}
