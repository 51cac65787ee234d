/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* A packet passes: the sequence state and the counters move on, its octets change. */
#include "relay/relay_priv.h"

/* Another stream, or the first. */
__attribute__((__noinline__)) static void begin(struct relay_dir *d, const u8 *p, u32 transit)
{
	struct relay_rtp_state *s = &d->rtp;
	u32 ssrc = be32(p + 8);
	u16 seq = be16(p + 2);

	if (ssrc != s->ssrc) {
		play_new_ssrc(d);
		d->ssrcs += s->started != 0;
	}
	rtp_restart(s, ssrc, seq, transit);
	if (d->seal)
		srtp_begin(d, ssrc, seq);
}

/* Not the next packet. A source that started again goes on, where it leaves as SRTP, with the numbers
 * that follow: the receiver's index never goes back. */
__attribute__((__noinline__)) static void misplaced(struct relay_dir *d, const u8 *p, u32 transit)
{
	struct relay_rtp_state *s = &d->rtp;
	u16 seq = be16(p + 2), last = s->max_seq;

	if (be32(p + 8) != s->ssrc)
		return begin(d, p, transit);
	if (rtp_update_slow(s, seq) && d->seal)
		play_go_on(d, seq, (u16)(last + d->play.seq_add + 1));
}

/* What comes of a packet that counts, whether it goes out or not. False: it was not simply the next one. */
static inline bool account(struct relay_dir *d, const struct relay_packet *pkt)
{
	const u8 *p = pkt->payload;
	struct relay_rtp_state *s = &d->rtp;
	u16 seq = be16(p + 2);
	u32 ts = be32(p + 4);
	u32 transit = rtp_arrival(pkt->now_us, d->clock_q32) - ts;

	d->last_us = pkt->now_us;
	d->src.last_us = pkt->now_us;
	d->src.ts = ts;
	d->src.seq = seq;
	if (__builtin_expect(s->started != RTP_RUNNING, 0)) {
		begin(d, p, transit);
		return false;
	}
	rtp_jitter(s, transit);
	if (__builtin_expect(seq != s->max_seq + 1u, 0)) {
		misplaced(d, p, transit);
		return false;
	}
	s->max_seq = seq;
	s->received++;
	return true;
}

static void take(struct relay_dir *d, const struct relay_packet *pkt)
{
	u16 seq = be16(pkt->payload + 2);

	/* One that is late leaves no gap, and one that jumps does by itself. */
	if (d->rtp.started && d->rtp.ssrc == be32(pkt->payload + 8) &&
	    (u16)(seq - d->rtp.max_seq - 1) < RTP_NEAR)
		play_took(d, seq);
	account(d, pkt);
}

void rtp_mask(const struct relay_dir *d, u8 *p)
{
	u32 mask = d->rule->side[!d->side].ssrc_mask;

	for (unsigned i = 0; mask && i <= (p[0] & 15u); i++) /* SSRC, CSRCs */
		put32(p + 8 + 4 * i, be32(p + 8 + 4 * i) ^ mask);
}

static void commit_rtcp(struct relay_dir *d, struct relay_packet *pkt)
{
	count(d, pkt);
	d->last_us = pkt->now_us;
	rtcp_view(d, pkt->payload, pkt->len, pkt->now_us);
	rtcp_mask(d, pkt->payload, pkt->len);
}

static void commit_raw(struct relay_dir *d, const struct relay_packet *pkt)
{
	count(d, pkt);
	d->last_us = pkt->now_us;
}

/* The packets before it in its burst may have changed what was planned: keys are played, the stream is
 * shifted. */
__attribute__((__noinline__)) static void commit_edit(struct relay_dir *d, struct relay_packet *pkt,
						      const struct relay_plan *plan)
{
	u8 *p = pkt->payload;

	if (plan->is_rtcp)
		return commit_rtcp(d->component == RELAY_RTCP ? d : d->mate, pkt);
	if (plan->edit & EDIT_RAW)
		return commit_raw(d, pkt);
	if (plan->edit & EDIT_EVENT)
		event_packet(d, pkt);
	if (plan->edit & EDIT_TAKE)
		return take(d, pkt);
	p[1] = plan->marker_pt;
	count(d, pkt);
	account(d, pkt);
	if (plan->edit & EDIT_KEY && play_ready(d, pkt->now_us, true))
		play_replace(d, pkt);
	else if (play_wants(d))
		play_shift(d, p, pkt->now_us);
	if (plan->edit & EDIT_SCALE)
		event_scale(d, p);
	rtp_mask(d, p);
}

void relay_commit(struct relay_dir *d, struct relay_packet *pkt, const struct relay_plan *plan)
{
	if (__builtin_expect((plan->is_rtcp | plan->edit) || d->pt_in == FLOW_PT_NONE, 0))
		return commit_edit(d, pkt, plan);
	pkt->payload[1] = plan->marker_pt;
	count(d, pkt);
	if (__builtin_expect(!account(d, pkt), 0) && d->pt_in == FLOW_PT_NONE)
		play_shift(d, pkt->payload, pkt->now_us); /* it was shifted just now */
}
