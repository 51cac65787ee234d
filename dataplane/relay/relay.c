/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "relay/relay_priv.h"

#define NO_PT FLOW_PT_NONE

_Static_assert(offsetof(struct relay_dir, rtp.received) % 64 == 0 &&
		       offsetof(struct relay_dir, src.rank) ==
			       offsetof(struct relay_dir, rtp.received) + 127,
	       "what every packet needs must fill two cache lines");
_Static_assert(sizeof(struct relay_dir) / 64 % 2, "directions must not lie in few sets of a cache");

/* ---- setting up ---- */

void relay_set_to(struct relay_dir *d, const struct flow_addr *to)
{
	if (!d)
		return;
	__atomic_store_n(&d->to_seq, d->to_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	d->to = *to;
	__atomic_store_n(&d->to_seq, d->to_seq + 1, __ATOMIC_RELEASE);
}

struct flow_addr relay_goes_to(const struct relay_dir *d)
{
	struct flow_addr to;

	while (!look_to(d, &to))
		;
	return to;
}

static void set_rule(struct relay_dir *d, const struct flow *rule, u64 now_us)
{
	const struct flow_side *in = &rule->side[d->side], *out = &rule->side[!d->side];

	d->rule = rule;
	__builtin_memcpy(d->from_ip, out->local.ip, 16);
	d->from_port = out->local.port;
	if (d->component == RELAY_RTCP && !(out->flags & FLOW_SIDE_RTCP_MUX))
		d->from_port = out->local_rtcp;
	d->dscp = out->dscp;
	d->secure = in->in.suite != FLOW_SUITE_NONE;
	d->seal = out->out.suite != FLOW_SUITE_NONE;
	d->clock_q32 = (u32)(((u64)in->clock << 32) / S);
	d->pt_in = NO_PT;
	police_set(d, now_us);
	if (rule->kind != FLOW_KIND_RTP || out->dtmf_out == FLOW_PT_NONE)
		play_clear(d);
	if (rule->kind != FLOW_KIND_RTP || in->dtmf_in == FLOW_PT_NONE)
		event_reset(d);
}

void relay_dir_init(struct relay_dir *d, const struct flow *rule, unsigned side, unsigned component,
		    struct relay_dir *peer)
{
	struct relay_srtp *srtp = d->srtp;

	__builtin_memset(d, 0, sizeof(*d));
	d->srtp = srtp;
	d->side = (u8)side;
	d->component = (u8)component;
	d->peer = peer;
	event_reset(d);
	set_rule(d, rule, 0);
	if (component == RELAY_RTCP) {
		rtcp_init(d);
		return;
	}
	source_init(&d->src, &rule->side[side]);
	/* What the peer will say of itself once it is set up: it may not be yet. */
	if (rule->side[!side].remote.family)
		d->to = source_before_lock(&rule->side[!side]);
}

void relay_flow_init(struct relay_flow *f, const struct flow *rule)
{
	for (unsigned side = 0; side < 2; side++) {
		for (unsigned c = 0; c < 2; c++) {
			struct relay_dir *d = &f->dir[side][c];
			relay_dir_init(d, rule, side, c, &f->dir[!side][c]);
			d->mate = &f->dir[side][!c];
		}
	}
}

/* After an event of the source learning. */
void relay_learned(struct relay_dir *d, const struct source_verdict *v, struct relay_plan *plan)
{
	plan->note = v->note;
	plan->flush_slot = v->flush;
	d->dropped += v->freed;
	if (d->rtp.started && d->src.ssrc != d->rtp.ssrc)
		d->rtp.started = RTP_RESTART;
	if (d->peer && !addr_same(&d->peer->to, &d->src.out))
		relay_set_to(d->peer, &d->src.out);
}

/* Another party has the place of this side's. RTP's source is source_update()'s affair. */
static void forget(struct relay_dir *d)
{
	event_reset(d);
	if (d->rtp.started)
		d->rtp.started = RTP_RESTART;
	if (d->component != RELAY_RTCP)
		return;
	__builtin_memset(&d->src, 0, sizeof(d->src));
	rtcp_init(d);
	relay_set_to(d->peer, &d->src.lock);
}

void relay_dir_update(struct relay_dir *d, const struct flow *rule, u64 now_us)
{
	const struct flow_side *was = d->rule->side;
	struct source_verdict v;
	struct relay_plan plan;

	if (!addr_same(&was[d->side].local, &rule->side[d->side].local))
		forget(d);
	if (!addr_same(&was[!d->side].local, &rule->side[!d->side].local))
		play_clear(d); /* keys for somebody who is gone */
	if (d->component == RELAY_RTP) {
		source_update(&d->src, &was[d->side], &rule->side[d->side], now_us, &v);
		/* What was held is of another kind, or was sent in the clear. */
		if (d->rule->kind != rule->kind || !d->secure != !rule->side[d->side].in.suite)
			source_drop_candidates(&d->src, &v.freed);
		relay_learned(d, &v, &plan);
	}
	set_rule(d, rule, now_us);
	srtp_follow(d, now_us);
}

void relay_flow_update(struct relay_flow *f, const struct flow *rule, u64 now_us)
{
	for (unsigned side = 0; side < 2; side++)
		for (unsigned c = 0; c < 2; c++)
			relay_dir_update(&f->dir[side][c], rule, now_us);
}

/* ---- one packet ---- */

/* NO_PT: not negotiated. */
static u8 map_pt(const struct relay_dir *d, u8 pt)
{
	const struct flow_side *side = &d->rule->side[d->side];

	for (unsigned i = 0; i < side->n_ptmap; i++)
		if (side->ptmap[i][0] == pt)
			return side->ptmap[i][1] & 127;
	return NO_PT;
}

static void forward(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan,
		    bool may_begin)
{
	u8 octet = pkt->payload[1];

	if (!relay_get_to(d, &plan->dst))
		return plan_drop(d, plan, RELAY_DROP_NO_DESTINATION);
	d->pt_in = octet & 127;
	d->pt_out = map_pt(d, octet & 127);
	/* What was held goes out before this packet and may hold keys. */
	if (__builtin_expect(play_wants(d) || plan->flush_slot != SOURCE_NONE ||
				     d->rule->side[!d->side].ssrc_mask,
			     0)) {
		d->pt_in = NO_PT;
		plan->edit = EDIT_SHIFT;
		if (pkt->len >= RELAY_MADE && play_ready(d, pkt->now_us, may_begin))
			plan->edit = EDIT_KEY;
	}
	plan_forward(d, plan);
	plan->marker_pt = (octet & 0x80) | d->pt_out;
}

static bool from_lock(const struct relay_dir *d, const struct relay_packet *pkt)
{
	return d->src.lock.family && addr_same(&pkt->src, &d->src.lock);
}

static bool is_event(const struct relay_dir *d, const u8 *p)
{
	return (p[1] & 127) == d->rule->side[d->side].dtmf_in;
}

/* Keys may be for control alone, and then the other side need not know of such events. */
static bool is_taken(const struct relay_dir *d, const u8 *p)
{
	u32 flags = d->rule->side[d->side].flags;

	return p[rtp_header_len(p)] < 16 &&
	       (flags & FLOW_SIDE_DTMF_TAKE ||
		(flags & FLOW_SIDE_DTMF_TELL && map_pt(d, p[1] & 127) == NO_PT));
}

static void relay_event(struct relay_dir *d, const struct relay_packet *pkt,
			struct relay_plan *plan)
{
	const struct flow_side *side = d->rule->side;
	u8 pt_in = d->pt_in, pt_out = d->pt_out;

	if (map_pt(d, pkt->payload[1] & 127) == NO_PT)
		return plan_drop(d, plan, RELAY_DROP_PAYLOAD_TYPE);
	forward(d, pkt, plan, false);
	d->pt_in = pt_in; /* media will go on; events are always looked at */
	d->pt_out = pt_out;
	if (dtmf_clock(&side[0]) != dtmf_clock(&side[1]))
		plan->edit |= EDIT_SCALE;
}

/* A packet of the source's own: media or an event. */
static void pass(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan)
{
	if (__builtin_expect(!is_event(d, pkt->payload), 1))
		return forward(d, pkt, plan, true);
	if (!event_fits(pkt))
		return plan_drop(d, plan, RELAY_DROP_SHORT);
	bool later = plan->flush_slot != SOURCE_NONE; /* what was held comes before it */
	if (!later)
		event_packet(d, pkt);
	if (is_taken(d, pkt->payload)) {
		plan->action = RELAY_TAKE;
		plan->edit = EDIT_TAKE;
	} else {
		relay_event(d, pkt, plan);
	}
	if (later)
		plan->edit |= EDIT_EVENT;
	event_tell(d, plan);
}

static void drop_payload_type(struct relay_dir *d, const struct relay_packet *pkt,
			      struct relay_plan *plan)
{
	enum relay_drop why = RELAY_DROP_PAYLOAD_TYPE;

	if (from_lock(d, pkt)) {
		d->src.last_us = pkt->now_us; /* it is there: no reason to look elsewhere */
	} else if (source_rank(&d->rule->side[d->side], &pkt->src) == SOURCE_NONE) {
		why = RELAY_DROP_UNLEARNED;
		d->refused = pkt->src;
	}
	plan_drop(d, plan, why);
}

static void rtp_plan(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan)
{
	const u8 *p = pkt->payload;
	struct source_verdict v;

	if (!rtp_header_ok(p, pkt->len))
		return plan_drop(d, plan, RELAY_DROP_SHORT);
	if (map_pt(d, p[1] & 127) == NO_PT && !is_event(d, p) && d->src.state != FLOW_STATE_IDLE)
		return drop_payload_type(d, pkt, plan);
	struct source_packet sp = { .from = &pkt->src,
				    .now_us = pkt->now_us,
				    .ssrc = be32(p + 8),
				    .ts = be32(p + 4),
				    .seq = be16(p + 2),
				    .authentic = pkt->authentic,
				    .newest = pkt->newest };
	source_packet(&d->src, &d->rule->side[d->side], &sp, &v);
	relay_learned(d, &v, plan);
	if (v.action == RELAY_FORWARD)
		return police(d, pkt) ? pass(d, pkt, plan) : police_drop(d, pkt, plan);
	if (v.action == RELAY_DROP) {
		if (v.drop == RELAY_DROP_UNLEARNED)
			d->refused = pkt->src;
		return plan_drop(d, plan, v.drop);
	}
	plan->action = RELAY_HOLD;
	plan->hold_slot = v.slot;
	plan->hold_fresh = v.fresh;
}

__attribute__((__noinline__)) static void plan_any(struct relay_dir *d, struct relay_dir *rtp,
						   const struct relay_packet *pkt,
						   struct relay_plan *plan)
{
	bool muxed = d->mate && d->rule->side[d->side].flags & FLOW_SIDE_RTCP_MUX;

	*plan = (struct relay_plan){ .flush_slot = SOURCE_NONE };
	if (d->rule->kind == FLOW_KIND_RAW)
		return raw_plan(d, pkt, plan);
	enum demux_class class = relay_demux(pkt->payload, pkt->len);
	if (d->secure && !pkt->authentic && (class == DEMUX_RTP || class == DEMUX_RTCP))
		return plan_drop(d, plan, RELAY_DROP_SRTP_AUTH);
	switch (class) {
	case DEMUX_RTCP:
		if (d->component == RELAY_RTCP)
			return rtcp_plan(d, rtp, pkt, plan);
		return muxed ? rtcp_plan(d->mate, d, pkt, plan) : rtp_plan(d, pkt, plan);
	case DEMUX_RTP:
		if (d->component == RELAY_RTCP)
			return plan_drop(d, plan, RELAY_DROP_RTCP_MALFORMED);
		return rtp_plan(d, pkt, plan);
	case DEMUX_STUN:
	case DEMUX_DTLS:
		return punt_plan(d, rtp, pkt, plan);
	case DEMUX_OTHER:
		break;
	}
	if (!pkt->len)
		return plan_drop(d, plan, RELAY_DROP_SHORT);
	plan_drop(d, plan, pkt->payload[0] >= 192 ? RELAY_DROP_VERSION : RELAY_DROP_NOT_MEDIA);
}

void relay_plan(struct relay_dir *d, struct relay_dir *rtp, const struct relay_packet *pkt,
		struct relay_plan *plan)
{
	const u8 *p = pkt->payload;

	/* The packet that follows its like: a plain header from the learned source. pt_in never
	 * matches in an RTCP direction. */
	if (__builtin_expect(pkt->len >= RTP_HEADER && p[0] == 0x80 && (p[1] & 127) == d->pt_in &&
				     d->src.state == FLOW_STATE_LOCKED &&
				     be32(p + 8) == d->src.ssrc && pkt->authentic == d->secure &&
				     addr_same(&pkt->src, &d->src.lock) &&
				     relay_get_to(d, &plan->dst) && police_full(d, pkt),
			     1)) {
		plan_forward(d, plan);
		plan->marker_pt = (p[1] & 0x80) | d->pt_out;
		plan->is_rtcp = 0;
		plan->edit = 0;
		plan->flush_slot = SOURCE_NONE;
		plan->note = SOURCE_QUIET;
		return;
	}
	plan_any(d, rtp, pkt, plan);
}

void relay_plan_held(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan)
{
	const u8 *p = pkt->payload;

	*plan = (struct relay_plan){ .flush_slot = SOURCE_NONE };
	if (d->secure) /* what is authentic is never held: it came before there was a key */
		return plan_drop(d, plan, RELAY_DROP_SRTP_AUTH);
	if (d->rule->kind != FLOW_KIND_RTP || !rtp_header_ok(p, pkt->len))
		return plan_drop(d, plan, RELAY_DROP_SHORT);
	if (map_pt(d, p[1] & 127) == NO_PT && !is_event(d, p))
		return plan_drop(d, plan, RELAY_DROP_PAYLOAD_TYPE);
	if (!from_lock(d, pkt))
		return plan_drop(d, plan, RELAY_DROP_OTHER_SOURCE);
	if (be32(p + 8) != d->src.ssrc)
		return plan_drop(d, plan, RELAY_DROP_SSRC);
	pass(d, pkt, plan);
}

bool relay_ticking(const struct relay_dir *d)
{
	if (d->component == RELAY_RTCP)
		return false;
	return source_ticking(&d->src) || event_ticking(d) || play_ticking(d);
}

void relay_tick(struct relay_dir *d, u64 now_us, struct relay_plan *plan)
{
	struct source_verdict v;

	*plan = (struct relay_plan){ .action = RELAY_DROP, .flush_slot = SOURCE_NONE };
	if (d->component == RELAY_RTCP)
		return;
	if (d->rule->kind == FLOW_KIND_RAW)
		return raw_tick(d, now_us, plan);
	source_tick(&d->src, &d->rule->side[d->side], now_us, &v);
	relay_learned(d, &v, plan);
	event_tick(d, now_us);
	event_tell(d, plan);
	/* What was held goes out first. */
	if (plan->flush_slot == SOURCE_NONE && play_make(d, now_us, plan))
		rtp_mask(d, d->play.packet);
}
