/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Between the files of this folder. */
#ifndef SLUICE_RELAY_PRIV_H
#define SLUICE_RELAY_PRIV_H

#include "relay/relay.h"

#define MS         1000ull
#define S          1000000ull

#define RTP_HEADER 12

static inline u16 be16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static inline u32 be32(const u8 *p)
{
	u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

/* 0: the addresses are the same, whatever the ports. */
static inline u64 ip_differs(const struct flow_addr *a, const struct flow_addr *b)
{
	u64 x[2], y[2];

	__builtin_memcpy(x, a->ip, 16);
	__builtin_memcpy(y, b->ip, 16);
	return (x[0] ^ y[0]) | (x[1] ^ y[1]) | (u64)(a->family ^ b->family);
}

/* Address alone. */
static inline bool ip_eq(const struct flow_addr *a, const struct flow_addr *b)
{
	return !ip_differs(a, b);
}

/* Address and port. */
static inline bool addr_same(const struct flow_addr *a, const struct flow_addr *b)
{
	return !(ip_differs(a, b) | (u64)(a->port ^ b->port));
}

static inline u64 relay_since(u64 now, u64 then)
{
	return now > then ? now - then : 0;
}

/* candidate.c */
#define CANDIDATE_RUN  5 /* consecutive packets that prove a source */
#define CANDIDATE_STEP 3 /* of the sequence: the largest that is still consecutive */
/* The candidate of this packet with the packet counted; NULL: no room. What its slot held and is
 * worthless now is added to *freed. */
struct source_candidate *candidate_track(struct source *s, const struct source_packet *p, u8 rank,
					 u8 *freed);
/* Of those that are proven; NULL: none. *tie: another is as good. */
const struct source_candidate *candidate_best(const struct source *s, const struct flow_side *side,
					      u64 now, bool *tie);

/* demux.c: what a UDP payload is by its first two octets. */
enum demux_class {
	DEMUX_RTP,
	DEMUX_RTCP,
	DEMUX_STUN,
	DEMUX_DTLS,
	DEMUX_OTHER
};
enum demux_class relay_demux(const u8 *p, u32 len);

/* rtp.c */
bool rtp_header_ok(const u8 *p, u32 len);  /* lengths: CSRCs, extension, padding */
u32 rtp_header_fits(const u8 *p, u32 len); /* the length of the header; 0: it does not fit */
/* A new SSRC: what the old one lost is kept in lost_before. */
void rtp_restart(struct relay_rtp_state *s, u32 ssrc, u16 seq, u32 transit);
bool rtp_update_slow(struct relay_rtp_state *s, u16 seq); /* true: it started again */
s64 rtp_lost(const struct relay_rtp_state *s);

/* now_us in units of the RTP clock, modulo 2^32. */
static inline u32 rtp_arrival(u64 now_us, u32 clock_q32)
{
	return (u32)(now_us >> 32) * clock_q32 + (u32)((now_us & 0xffffffff) * clock_q32 >> 32);
}

/* RFC 3550 A.8 */
static inline void rtp_jitter(struct relay_rtp_state *s, u32 transit)
{
	s32 d = (s32)(transit - s->transit);

	s->transit = transit;
	s->jitter_q4 += (u32)(d < 0 ? 0u - (u32)d : (u32)d) - ((s->jitter_q4 + 8) >> 4);
}

/* rtcp.c */
void rtcp_plan(struct relay_dir *d, const struct relay_dir *rtp, const struct relay_packet *pkt,
	       struct relay_plan *plan);
void rtcp_init(struct relay_dir *d);
/* RELAY_DROP_COUNT: it is from the peer. */
enum relay_drop rtcp_source(const struct relay_dir *d, const struct relay_dir *rtp,
			    const struct relay_packet *pkt);

/* report.c */
bool rtcp_compound_ok(u8 *p, u32 len); /* changes nothing */
/* SSRCs as the other side knows them. */
void rtcp_mask(const struct relay_dir *d, u8 *p, u32 len);
void rtcp_view(struct relay_dir *d, const u8 *p, u32 len, u64 now_us);

/* stun.c */
void punt_plan(struct relay_dir *d, struct relay_dir *rtp, const struct relay_packet *pkt,
	       struct relay_plan *plan);

/* dtmf.c: RFC 4733 as it comes in. */
static inline u32 dtmf_clock(const struct flow_side *s)
{
	return s->dtmf_clock ? s->dtmf_clock : 8000;
}
u32 rtp_header_len(const u8 *p); /* of one that is good */
bool event_fits(const struct relay_packet *pkt);
/* A packet of the side's event payload type, its header being good, that fits. */
void event_packet(struct relay_dir *d, const struct relay_packet *pkt);
void event_tick(struct relay_dir *d, u64 now_us);
/* What is to be told, unless the plan has another note. */
void event_tell(struct relay_dir *d, struct relay_plan *plan);
bool event_ticking(const struct relay_dir *d);
bool event_open(const struct relay_dir *d); /* a key is being pressed */
void event_reset(struct relay_dir *d);
/* The duration in the other side's clock. */
void event_scale(const struct relay_dir *d, u8 *p);

/* play.c */
bool play_wants(const struct relay_dir *d); /* packets are not to pass as they are */
bool play_ticking(const struct relay_dir *d);
/* Is the next packet that goes out to be one of a key? Of one that begins with it only if it may. */
bool play_ready(const struct relay_dir *d, u64 now_us, bool may_begin);
void play_replace(struct relay_dir *d, struct relay_packet *pkt);
void play_shift(struct relay_dir *d, u8 *p, u64 now_us);
/* A packet with this sequence number, the next one, is not going out. */
void play_took(struct relay_dir *d, u16 seq);
bool play_make(struct relay_dir *d, u64 now_us, struct relay_plan *plan);
void play_new_ssrc(struct relay_dir *d);
/* From the packet that has this sequence number on the stream goes out with `next` and those that follow. */
void play_go_on(struct relay_dir *d, u16 seq, u16 next);
void play_clear(struct relay_dir *d); /* keys, not what the stream was shifted by */

/* raw.c */
/* What time alone does. */
void raw_tick(struct relay_dir *d, u64 now_us, struct relay_plan *plan);
void raw_plan(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan);

/* srtp.c: the keys of the rule that is in force. */
void srtp_follow(struct relay_dir *d, u64 now_us);
#define SRTCP_MAX 0x7fffffffu /* the last index */
/* A stream that is new to the key and has come as far as that; of those that were there one may give way. */
struct relay_srtp_stream *srtp_add(struct relay_srtp_key *k, u32 ssrc, u64 index, u64 now_us);
/* A stream, as it comes in, begins or comes back with this sequence number. */
void srtp_begin(struct relay_dir *d, u32 ssrc, u16 seq);

/* commit.c */
void rtp_mask(const struct relay_dir *d, u8 *p);

/* relay.c: relay_plan.edit */
#define EDIT_SHIFT 1   /* sequence number and timestamp */
#define EDIT_SCALE 2   /* duration of an event */
#define EDIT_KEY   4   /* an event instead of this packet */
#define EDIT_RAW   8   /* not RTP: nothing is written or read */
#define EDIT_TAKE  16  /* it is not sent */
#define EDIT_MADE  64  /* the relay made it: it was not counted */
#define EDIT_MASK  128 /* SSRCs inside RTCP */
#define EDIT_EVENT 32  /* look at the event now, after those that were held */
void relay_learned(struct relay_dir *d, const struct source_verdict *v, struct relay_plan *plan);

#define RTP_NEAR    99 /* packets: what is further ahead jumped */
#define RTP_RUNNING 1  /* relay_rtp_state.started */
#define RTP_RESTART 2  /* another SSRC was accepted: the next packet starts anew */
/* The last sequence number of the stream that runs. */
static inline u16 rtp_last_seq(const struct relay_dir *d)
{
	u16 ahead = (u16)(d->rtp.max_seq - d->src.seq);

	return ahead < 100 ? d->rtp.max_seq : d->src.seq;
}

static inline void put16(u8 *p, u16 v)
{
	p[0] = v >> 8;
	p[1] = (u8)v;
}

static inline void put32(u8 *p, u32 v)
{
	put16(p, (u16)(v >> 16));
	put16(p + 2, (u16)v);
}

/* relay.c: how a direction's destination is written by its peer and read by its owner. */
void relay_set_to(struct relay_dir *d, const struct flow_addr *to);
/* One look. False: it is being written just now. */
static inline bool look_to(const struct relay_dir *d, struct flow_addr *to)
{
	u8 before = __atomic_load_n(&d->to_seq, __ATOMIC_ACQUIRE);

	*to = d->to;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(before & 1) && before == __atomic_load_n(&d->to_seq, __ATOMIC_RELAXED);
}

/* For a packet of the stream, which does not wait. False: nowhere, or it is changing: one packet
 * without a destination. */
static inline bool relay_get_to(const struct relay_dir *d, struct flow_addr *to)
{
	return look_to(d, to) && to->family;
}

static inline void count_drop(struct relay_dir *d, enum relay_drop drop)
{
	d->dropped++;
	d->last_drop = (u8)(drop + 1);
}

static inline void plan_drop(struct relay_dir *d, struct relay_plan *plan, enum relay_drop drop)
{
	plan->action = RELAY_DROP;
	plan->drop = drop;
	count_drop(d, drop);
}

/* To plan->dst. */
static inline void plan_forward(const struct relay_dir *d, struct relay_plan *plan)
{
	plan->action = RELAY_FORWARD;
	__builtin_memcpy(plan->from.ip, d->from_ip, 16);
	plan->from.port = d->from_port;
	plan->from.family = plan->dst.family;
	plan->from.len = 0;
	plan->dscp = d->dscp;
	plan->seal = d->seal;
}

static inline void count(struct relay_dir *d, const struct relay_packet *pkt)
{
	if (__builtin_expect(++d->packets_low <= 1, 0)) {
		if (!d->packets_low)
			d->packets_high++;
		else if (!d->packets_high)
			d->first_us = pkt->now_us;
	}
	if (__builtin_add_overflow(d->octets_low, pkt->len, &d->octets_low))
		d->octets_high++;
}

/* police.c */
void police_set(struct relay_dir *d, u64 now_us);
/* Takes the packet out of the bucket. False: it has not that much. */
bool police(struct relay_dir *d, const struct relay_packet *pkt);
void police_drop(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan);

static inline u32 police_cost(const struct relay_dir *d, const struct relay_packet *pkt)
{
	return (u32)((u64)(pkt->len + 28) * d->police_q8 >> 8);
}

/* Takes the packet out of a bucket that is full. False: it is not. */
static inline bool police_full(struct relay_dir *d, const struct relay_packet *pkt)
{
	if (!d->police_q8)
		return true;
	u32 now = (u32)(pkt->now_us << 4);
	if (__builtin_expect((s32)(d->police_at - now) > 0, 0))
		return false;
	d->police_at = now + police_cost(d, pkt);
	return true;
}

/* It was counted, but did not go out after all. */
static inline void uncount(struct relay_dir *d, const struct relay_packet *pkt)
{
	d->packets_high -= !d->packets_low--;
	if (__builtin_sub_overflow(d->octets_low, pkt->len, &d->octets_low))
		d->octets_high--;
}

#endif
