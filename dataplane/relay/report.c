/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What is inside RTCP: its lengths, its SSRCs, and what the reports tell. An SSRC is one of the sender's
 * own, or of the other side, of whose stream it speaks. */
#include "relay/relay_priv.h"

#define SR       200
#define RR       201
#define SDES     202
#define BYE      203
#define APP      204
#define RTPFB    205
#define PSFB     206
#define XR       207
#define IJ       195 /* RFC 5450: has no SSRC */

#define REPORT   24
#define RTT_MAX  (30 * S)
#define RTT_SLIP 2000 /* microseconds that the coarse clocks of reports may lack */

struct masks {
	u32 own, about; /* 0: left as it is */
};

static void change(u8 *p, u32 mask)
{
	if (mask)
		put32(p, be32(p) ^ mask);
}

/* `n` entries of `each` octets from p on, which begin with an SSRC. */
static bool entries(u8 *p, u32 len, u32 n, u32 each, u32 mask)
{
	if (len < n * each)
		return false;
	for (u32 i = 0; i < n; i++)
		change(p + i * each, mask);
	return true;
}

/* RFC 3550 section 6.5. Where the last chunk ends with the packet, its terminator may be missing. */
static bool sdes(u8 *p, u32 len, struct masks m)
{
	u32 at = 4;

	for (unsigned i = 0; i < (p[0] & 31); i++) {
		if (at + 4 > len)
			return false;
		change(p + at, m.own);
		at += 4;
		while (at < len && p[at]) {
			if (at + 2 > len || at + 2 + p[at + 1] > len)
				return false;
			at += 2 + p[at + 1];
		}
		at = (at + 4) & ~3u;
	}
	return true;
}

static bool bye(u8 *p, u32 len, struct masks m)
{
	u32 n = p[0] & 31, at = 4 + 4 * n;

	if (!entries(p + 4, len - 4, n, 4, m.own))
		return false;
	return at == len || at + 1 + p[at] <= len;
}

/* RFC 8888 section 3.1: streams of the other side right after the sender's SSRC, the time last. */
static bool congestion(u8 *p, u32 len, u32 mask)
{
	if (len < 4)
		return false;
	for (len -= 4; len;) {
		if (len < 8)
			return false;
		u32 n = (8 + 2u * be16(p + 6) + 3) & ~3u;
		if (n > len)
			return false;
		change(p, mask);
		p += n;
		len -= n;
	}
	return true;
}

/* RFC 5104 section 4.3.4 */
static bool back_channel(u8 *p, u32 len, u32 mask)
{
	while (len) {
		u32 n = len < 8 ? 0 : (8u + be16(p + 6) + 3) & ~3u;
		if (!n || n > len)
			return false;
		change(p, mask);
		p += n;
		len -= n;
	}
	return true;
}

/* RFC 4585 section 6.4, and REMB, which has no RFC. */
static bool application(u8 *p, u32 len, u32 mask)
{
	if (len < 8 || be32(p) != 0x52454d42)
		return true;
	return entries(p + 8, len - 8, p[4], 4, mask);
}

/* RFC 4585, 5104: what follows the two SSRCs. */
static bool feedback(u8 *p, u32 len, struct masks m)
{
	u8 *fci = p + 12;
	u32 n = len - 12;

	if (len < 12)
		return false;
	change(p + 4, m.own);
	if (p[1] == RTPFB && (p[0] & 31) == 11)
		return congestion(p + 8, len - 8, m.about);
	if (be32(p + 8)) /* 0: the FCI names them */
		change(p + 8, m.about);
	switch (p[1] << 8 | (p[0] & 31)) {
	case RTPFB << 8 | 3: /* TMMBR */
	case RTPFB << 8 | 4: /* TMMBN */
	case PSFB << 8 | 4:  /* FIR */
	case PSFB << 8 | 5:  /* TSTR */
	case PSFB << 8 | 6:  /* TSTN */
		return !(n % 8) && entries(fci, n, n / 8, 8, m.about);
	case PSFB << 8 | 7:
		return back_channel(fci, n, m.about);
	case PSFB << 8 | 15:
		return application(fci, n, m.about);
	default:
		return true;
	}
}

/* RFC 3611 section 4 and the registry: blocks whose first word is the SSRC that they speak of. */
static bool has_ssrc(u8 type)
{
	return (type >= 1 && type <= 3) || type == 6 || type == 7 || type == 10 ||
	       (type >= 13 && type <= 35);
}

static bool extended(u8 *p, u32 len, struct masks m)
{
	if (len < 8)
		return false;
	change(p + 4, m.own);
	for (p += 8, len -= 8; len;) {
		u32 n = len < 4 ? 0 : 4 + 4u * be16(p + 2);
		if (!n || n > len || (has_ssrc(p[0]) && n < 8))
			return false;
		if (has_ssrc(p[0]))
			change(p + 4, m.about);
		else if (p[0] == 5 && ((n - 4) % 12 || !entries(p + 4, n - 4, n / 12, 12, m.about)))
			return false;
		p += n;
		len -= n;
	}
	return true;
}

/* One packet of a compound, without padding. */
static bool walk(u8 *p, u32 len, struct masks m)
{
	u32 head = p[1] == SR ? 28 : 8;

	switch (p[1]) {
	case SR:
	case RR:
		return len >= head && entries(p + 4, 4, 1, 4, m.own) &&
		       entries(p + head, len - head, p[0] & 31, REPORT, m.about);
	case SDES:
		return sdes(p, len, m);
	case BYE:
		return bye(p, len, m);
	case APP:
		return len >= 12 && entries(p + 4, 4, 1, 4, m.own);
	case RTPFB:
	case PSFB:
		return feedback(p, len, m);
	case XR:
		return extended(p, len, m);
	case IJ:
		return true;
	default: /* all begin with the sender's SSRC */
		return len < 8 || entries(p + 4, 4, 1, 4, m.own);
	}
}

/* The next packet of a compound: its length without padding; 0: it is malformed. */
static u32 packet_len(const u8 *p, u32 left)
{
	u32 n = left < 4 ? 0 : (be16(p + 2) + 1) * 4u, pad = 0;

	if (!n || n > left || p[0] >> 6 != 2 || p[1] < 192 || p[1] > 223)
		return 0;
	if (p[0] & 0x20) { /* in the last packet only, whole words, its length last */
		pad = p[n - 1];
		if (n != left || !pad || pad % 4 || pad > n - 4)
			return 0;
	}
	return n - pad;
}

/* RFC 3550 A.2 with what RFC 5506 allows: any RTCP type may be first. */
static bool walk_all(u8 *p, u32 len, struct masks m)
{
	if (len < 8 || len % 4)
		return false;
	while (len) {
		u32 n = packet_len(p, len), whole = n ? (be16(p + 2) + 1) * 4u : 0;
		if (!n || !walk(p, n, m))
			return false;
		p += whole;
		len -= whole;
	}
	return true;
}

bool rtcp_compound_ok(u8 *p, u32 len)
{
	return walk_all(p, len, (struct masks){ 0, 0 });
}

void rtcp_mask(const struct relay_dir *d, u8 *p, u32 len)
{
	const struct flow_side *side = d->rule->side;
	struct masks m = { side[!d->side].ssrc_mask, side[d->side].ssrc_mask };

	if (m.own | m.about)
		walk_all(p, len, m);
}

/* ---- what the reports tell ---- */

static void see_sender(struct relay_dir *d, const u8 *p, u64 now_us)
{
	struct relay_peer_view *v = &d->view;
	u64 word = (u64)be32(p + 10) << 32 | (u32)now_us;

	__atomic_store_n(&v->sent[v->n_sent++ % RELAY_REPORTS], word, __ATOMIC_RELAXED);
}

/* It answers a report that went on to it: what is not its own delay is the way there and back. */
static void see_answer(struct relay_dir *d, u32 lsr, u32 dlsr, u64 now_us)
{
	if (!lsr || !d->peer)
		return;
	for (unsigned i = 0; i < RELAY_REPORTS; i++) {
		u64 word = __atomic_load_n(&d->peer->view.sent[i], __ATOMIC_RELAXED);
		u64 gone = (u32)now_us - (u32)word, delay = dlsr * S >> 16;
		if (word >> 32 != lsr || gone + RTT_SLIP < delay || gone > delay + RTT_MAX)
			continue;
		d->view.rtt_us = gone > delay ? (u32)(gone - delay) : 1;
	}
}

static void see_block(struct relay_dir *d, const u8 *p, u64 now_us)
{
	const struct flow_side *side = d->rule->side;
	const struct relay_dir *rtp = d->mate ? d->mate->peer : NULL; /* what it gets */
	u32 ssrc = be32(p) ^ side[d->side].ssrc_mask, clock = side[!d->side].clock;
	u32 lost = be32(p + 4) & 0xffffff;

	see_answer(d, be32(p + 16), be32(p + 20), now_us);
	if (!rtp || __atomic_load_n(&rtp->rtp.ssrc, __ATOMIC_RELAXED) != ssrc)
		return;
	d->view.fraction = p[4];
	d->view.lost = (s32)(lost << 8) >> 8;
	if (clock)
		d->view.jitter_us = (u32)((u64)be32(p + 12) * S / clock);
}

/* A compound that is good and passes, as it came in. */
void rtcp_view(struct relay_dir *d, const u8 *p, u32 len, u64 now_us)
{
	while (len) {
		u32 n = (be16(p + 2) + 1) * 4u, head = p[1] == SR ? 28 : 8;
		unsigned blocks = p[1] == SR || p[1] == RR ? p[0] & 31 : 0;
		if (p[1] == SR)
			see_sender(d, p, now_us);
		for (unsigned i = 0; i < blocks; i++)
			see_block(d, p + head + i * REPORT, now_us);
		p += n;
		len -= n;
	}
}
