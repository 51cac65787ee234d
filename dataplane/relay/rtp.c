/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "relay/relay_priv.h"

#define SEQ_MOD      (1u << 16)
#define MAX_DROPOUT  3000
#define MAX_MISORDER 100
#define NO_BAD_SEQ   (SEQ_MOD + 1)

/* RFC 3550 section 5.1 and 5.3.1 */
u32 rtp_header_fits(const u8 *p, u32 len)
{
	if (len < RTP_HEADER)
		return 0;
	u32 n = RTP_HEADER + (p[0] & 15) * 4u;
	if (p[0] & 0x10) {
		if (n + 4 > len)
			return 0;
		n += 4 + be16(p + n + 2) * 4u;
	}
	return n <= len ? n : 0;
}

/* The header, its CSRCs, an extension and the padding all fit. */
bool rtp_header_ok(const u8 *p, u32 len)
{
	u32 n = rtp_header_fits(p, len);

	if (!n)
		return false;
	/* The last octet says how much padding there is, itself counted. */
	return !(p[0] & 0x20) || (p[len - 1] && p[len - 1] <= len - n);
}

u32 rtp_header_len(const u8 *p)
{
	u32 n = RTP_HEADER + (p[0] & 15) * 4u;

	return p[0] & 0x10 ? n + 4 + be16(p + n + 2) * 4u : n;
}

static s64 lost_now(const struct relay_rtp_state *s)
{
	if (!s->started)
		return 0;
	u32 expected = s->cycles + s->max_seq - s->base_seq + 1;
	return (s64)(s32)(expected - s->received);
}

/* RFC 3550 A.3 */
s64 rtp_lost(const struct relay_rtp_state *s)
{
	return s->lost_before + lost_now(s);
}

static void restart_seq(struct relay_rtp_state *s, u16 seq)
{
	s->lost_before += (s32)lost_now(s);
	s->base_seq = seq;
	s->max_seq = seq;
	s->bad_seq = NO_BAD_SEQ;
	s->cycles = 0;
	s->received = 1;
	s->started = 1;
}

void rtp_restart(struct relay_rtp_state *s, u32 ssrc, u16 seq, u32 transit)
{
	restart_seq(s, seq);
	s->ssrc = ssrc;
	s->transit = transit;
	s->jitter_q4 = 0;
}

/* RFC 3550 A.1 without probation, which is the source learning's: what is not the next packet.
 * True: the sequence started again. */
bool rtp_update_slow(struct relay_rtp_state *s, u16 seq)
{
	u16 step = (u16)(seq - s->max_seq);

	if (step < MAX_DROPOUT) {
		if (seq < s->max_seq)
			s->cycles += SEQ_MOD;
		s->max_seq = seq;
	} else if (step <= SEQ_MOD - MAX_MISORDER) {
		/* A jump: two packets in a row there mean that the other side started again. */
		if (seq != s->bad_seq) {
			s->bad_seq = (seq + 1u) & (SEQ_MOD - 1);
			return false;
		}
		restart_seq(s, seq);
		return true;
	}
	s->received++;
	return false;
}
