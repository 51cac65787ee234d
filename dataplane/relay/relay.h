/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The verdict for one packet: the rules of a media relay, written once, for sluice-dp and the
 * kernel module. Freestanding: no libc, no DPDK, no kernel headers, no allocation, no clock.
 *
 * Nouns: a *rule* is a flow as control set it, immutable once published. A *direction* is one
 * component (RTP or RTCP) coming in on one side of a flow: mutable, with one owner at a time (the
 * worker, or the holder of the direction's lock in the kernel). A packet goes
 *     relay_open()    SRTP only: may it be opened, and as what. Nothing is learned or counted yet
 *     relay_opened()  its tag was right: the replay window and the roll-over counter move on
 *     relay_plan()    may it pass, what will it look like. RTP proves nothing but its source, so this is
 *                     where sources are learned
 *     relay_commit()  it passes: sequence state and counters move on, the payload is rewritten
 *     relay_seal()    where it leaves as SRTP: its index. The engine seals and sends it
 * The cipher is the engine's; the rules around it (RFC 3711 3.3, 3.3.1, 3.3.2, 3.4) are srtp.c's. An engine may
 * do each step for a whole burst before the next one.
 *
 * The source-learning state machine is described and declared in source.h. */
#ifndef SLUICE_RELAY_RELAY_H
#define SLUICE_RELAY_RELAY_H

#include "relay/flow.h"
#include "relay/source.h"

enum relay_component {
	RELAY_RTP,
	RELAY_RTCP
};

enum relay_action {
	RELAY_FORWARD, /* rewrite and send to plan.dst from plan.src */
	RELAY_HOLD,    /* the source is not proven yet: keep the packet as plan.hold says */
	RELAY_TAKE,    /* a key, for control alone: relay_commit(), then free it */
	RELAY_PUNT,    /* not media (STUN, DTLS): for control */
	RELAY_DROP     /* count under plan.drop */
};

/* Every packet that is not forwarded has a name. Engines append their own after RELAY_DROP_COUNT.
 */
#define RELAY_DROPS(X)                                                                             \
	X(SHORT, "rtp_short", "shorter than its own headers say")                                  \
	X(VERSION, "rtp_version", "not RTP version 2")                                             \
	X(PAYLOAD_TYPE, "rtp_payload_type", "payload type was not negotiated on this leg")         \
	X(UNLEARNED, "rtp_unlearned", "source that the signalling did not name")                   \
	X(NOT_READY, "rtp_not_ready", "before the SDP of this side was known")                     \
	X(POISONED, "rtp_poisoned", "source that sprayed before the SDP was sent")                 \
	X(CANDIDATE, "rtp_candidate", "source not proven yet, and no room to keep the packet")     \
	X(OTHER_SOURCE, "rtp_other_source", "not the source that was learned")                     \
	X(SSRC, "rtp_ssrc", "new SSRC that was not confirmed, or changed too often")               \
	X(CONFLICT, "rtp_conflict", "two sources claim the same stream")                           \
	X(NO_DESTINATION, "rtp_no_destination", "the other side's address is not known yet")       \
	X(RTCP_MALFORMED, "rtcp_malformed", "RTCP lengths do not add up")                          \
	X(RTCP_RATE, "rtcp_rate", "more RTCP than 5 packets/s plus 1/50 of the RTP")               \
	X(NOT_MEDIA, "not_media", "neither RTP nor RTCP, and nobody asked for it")                 \
	X(SRTP_AUTH, "srtp_auth", "SRTP authentication failed: another key, or not SRTP")          \
	X(SRTP_REPLAY, "srtp_replay", "SRTP that was there before, or is too old to tell")         \
	X(SRTP_SSRC, "srtp_ssrc", "SSRC that gave way to others under the same SRTP key")          \
	X(SRTP_REUSE, "srtp_reuse", "sealing would use an SRTP index twice")                       \
	X(SRTP_KEY, "srtp_key", "the SRTP key is used up, or the cipher failed")                   \
	X(POLICED, "policed", "above the rate that was negotiated")                                \
	X(PUNT_MALFORMED, "punt_malformed", "STUN or DTLS whose lengths do not add up")            \
	X(PUNT_RATE, "punt_rate", "more STUN and DTLS of one flow than 50 packets/s")

enum relay_drop {
#define X(id, name, text) RELAY_DROP_##id,
	RELAY_DROPS(X)
#undef X
	RELAY_DROP_COUNT
};

const char *relay_drop_name(enum relay_drop d); /* "rtp_short" */
const char *relay_drop_text(enum relay_drop d);

/* RFC 4733: the event that a side is sending, or sent last. One per direction. */
struct relay_event {
	u64 last_us; /* its last packet */
	u32 ssrc, ts;
	u32 before; /* of its earlier segments, in units of the event clock */
	u32 done_ms;
	u16 duration; /* of this segment */
	u8 code, state;
	u8 done; /* the key that is over and not told yet; FLOW_PT_NONE: none */
};

#define RELAY_KEYS 16
#define RELAY_MADE 16 /* octets of a packet that the engine makes: RTP header and event */

/* Keys that are played in what this direction sends, and what they change in it for good: where
 * packets were added to a stream or taken out of it, the sequence numbers of all that follow are
 * shifted, so that the receiver sees neither a gap nor a repetition. See play.c. */
struct relay_play {
	u64 start_us; /* of the key being played; then the end of its sound */
	u64 next_us;  /* not before: the next packet that the engine makes */
	u64 able_us;  /* when there was a destination last */
	u32 ssrc, ts; /* of the key being played, or played last */
	u32 own_ssrc, own_ts;
	u64 made_us; /* the last packet that the engine made, and the stream's clock then */
	u32 made_ts, ts_add;
	u16 seq; /* of its last packet, as it was sent */
	u16 own_seq;
	u16 seq_add, seq_before; /* what is added; to packets up to seq_from that come late */
	u16 seq_from, seq_taken; /* as they came in */
	u16 ms[RELAY_KEYS];
	u8 key[RELAY_KEYS];
	u8 n;     /* keys waiting, with that being played */
	u8 state; /* enum in play.c */
	u8 ends;  /* end packets sent */
	u8 first; /* nothing of it was sent yet */
	u8 late;  /* seq_before and seq_from count */
	u8 made; /* of this SSRC packets were made whose timestamps the stream must not fall behind */
	u8 packet[RELAY_MADE];
};

/* RFC 3550 A.1, A.3, A.8. One per direction; kept over generations, restarted by a new SSRC. */
struct relay_rtp_state {
	u32 ssrc, cycles, base_seq, bad_seq;
	s32 lost_before; /* of earlier SSRCs and before restarts of the sequence */
	/* written by every packet */
	u32 received, transit, jitter_q4; /* jitter scaled by 16, clock units */
	u16 max_seq;
	u8 started;
};

/* Of one SSRC under one key. */
struct relay_srtp_stream {
	u64 index; /* the highest; RFC 3711 3.3.1: ROC * 2^16 + sequence number, or the SRTCP index */
	u64 seen[2]; /* replay window: bit n of the 128: index - n was there */
	u32 ssrc;
	u32 at; /* when it was used last, ms and never 0; 0: free */
};

#define RELAY_SRTP_SSRCS 4

/* Where there is no room for a new SSRC, that which was silent longest gives way. It is never taken again
 * under this key: `gone` is a Bloom filter of those. */
struct relay_srtp_key {
	struct relay_srtp_stream stream[RELAY_SRTP_SSRCS];
	u64 gone[4];
	u32 number;
	u32 rtcp; /* the last SRTCP index sent, over all SSRCs */
	u8 suite; /* FLOW_SUITE_NONE: there is no key */
	u8 mki_len;
	u8 last; /* the stream that was used last */
	u8 resumed; /* what was sealed after the last INDEX is not known: nothing that is late is sealed */
	u8 spent; /* what was sealed with it before is not known */
};

/* SRTP state of one direction. The engine gives the memory, zeroed, to those directions that need it and
 * keeps it as long as the direction: d->srtp, set before relay_dir_init() (of a direction that is zeroed
 * else) or any time later. */
struct relay_srtp {
	struct relay_srtp_key in; /* what comes in on d->side is opened with */
	struct relay_srtp_key
		old; /* the key before; taken until old_us, kept in case it comes back */
	struct relay_srtp_key out; /* what this direction sends is sealed with */
	struct relay_srtp_key out_old;
	u64 old_us;
	const struct flow *rule; /* whose keys these are */
	u64 auth_failed, replayed;
	u32 out_most; /* the highest number of `out` so far */
	u32 told;     /* packets since the last INDEX */
	u16 shift;    /* of the sequence numbers of what was sealed last */
	u8 tell;      /* an INDEX is due */
};

/* What the cipher of one packet needs besides its key. */
struct relay_crypt {
	u64 index; /* RFC 3711; with is_rtcp 31 bits */
	u32 ssrc;  /* host order */
	u32 len;   /* open: octets before MKI and tag, of SRTCP without its index word */
	u16 clear; /* octets in front that stay as they are: the RTP header with CSRCs and extension; 8 of RTCP */
	u8 is_rtcp;
	u8 old;   /* open: with the key before */
	u8 plain; /* open: SRTCP whose E bit is 0: authenticated alone */
	u8 drop;  /* enum relay_drop, where the verdict is RELAY_DROP */
};

#define RELAY_REPORTS 4

/* RTCP: what a side's end says of the stream that it gets, and what is needed to tell how far away it is.
 * `sent` is read by the peer, whose end answers to it: each word is written at once. */
struct relay_peer_view {
	u64 sent[RELAY_REPORTS]; /* sender reports that went on: NTP (middle 32 bits), now_us (low 32) */
	u8 n_sent;
	u8 fraction;
	s32 lost;
	u32 jitter_us, rtt_us;
};

/* What every packet of a learned source needs lies in two cache lines, from `rtp.received` to
 * `src.rank`. */
struct relay_dir {
	const struct flow *rule; /* borrowed; the engine swaps it through relay_dir_update() */
	struct relay_dir *peer;  /* same component, other side: whose lock says where we send */
	struct relay_dir *mate;  /* same side, other component */
	u64 first_us;            /* on the engine's clock (now_us) */
	u64 dropped;
	u8 side, component;
	struct relay_rtp_state rtp;
	struct flow_addr to; /* RTP: peer->src.out, RTCP: peer->src.lock; written by the peer */
	u8 from_ip[16];      /* our address on the other side, of the family of `to` */
	u16 from_port;
	u8 to_seq; /* odd while `to` is being written: the peer may have another owner */
	u8 dscp;
	u8 pt_in, pt_out;            /* the payload type seen last; pt_in 0xff: none */
	u8 secure, seal;             /* what comes in is SRTP; what goes out is */
	u32 clock_q32;               /* RTP clock units per microsecond, scaled by 2^32 */
	u32 packets_low, octets_low; /* relay_packets(), relay_octets() */
	u32 police_at;               /* when the bucket is full again, 1/16 us; see police.c */
	u32 police_q8;               /* what one octet takes, 1/16 us scaled by 2^8; 0: no limit */
	u64 last_us;
	struct source src; /* what was learned of this side's source */
	/* the rest */
	u32 packets_high, octets_high;
	u32 police_max;        /* what the bucket holds, 1/16 us */
	u64 policed, flood_us; /* the last SOURCE_FLOOD */
	u64 punts;             /* of the flow, in that of side 0: see punt.c */
	u32 ssrcs;
	u8 last_drop; /* enum relay_drop + 1; 0: none */
	struct relay_peer_view view;
	struct flow_addr refused; /* the last source that was not eligible */
	u32 rtcp_tokens_us;       /* bucket of the RTCP rate cap; a packet takes 200 ms out */
	u64 rtcp_refill_us;
	u64 rtcp_rtp_seen;       /* RTP packets that the bucket was credited for */
	struct relay_srtp *srtp; /* NULL: neither side of this direction has crypto */
	struct relay_event event;
	struct relay_play play;
	u8 spread
		[64]; /* an odd number of cache lines: the hot ones of many directions use all sets of a cache */
} __attribute__((aligned(64)));

/* Four directions of one flow. */
struct relay_flow {
	struct relay_dir dir[2][2]; /* [side][enum relay_component] */
};

struct relay_packet {
	u8 *payload;          /* UDP payload; relay_commit() rewrites it in place */
	u32 len;              /* it may become shorter */
	struct flow_addr src; /* where it came from; unused octets of ip are 0 */
	u64 now_us;           /* any monotonic clock in microseconds, one for all calls */
	bool authentic;       /* set by relay_opened() */
	bool newest;          /* the same: its index is above all that came of its SSRC and key */
	u64 index;            /* the same: of what was opened */
};

struct relay_plan {
	enum relay_action action;
	enum relay_drop drop;  /* RELAY_DROP */
	struct flow_addr dst;  /* RELAY_FORWARD: where to */
	struct flow_addr from; /* RELAY_FORWARD: our address and port on the other side */
	u8 dscp;               /* RELAY_FORWARD */
	u8 marker_pt;          /* new second octet of the RTP header */
	u8 is_rtcp;            /* RTCP, on its own port or muxed */
	u8 seal; /* RELAY_FORWARD: it leaves as SRTP or SRTCP: relay_seal() after relay_commit() */
	u8 edit; /* more than the payload type changes; how is relay_commit()'s affair */
	u8 hold_slot;  /* RELAY_HOLD: candidate to keep it with (0..SOURCE_CANDIDATES-1) */
	u8 hold_fresh; /* RELAY_HOLD: first free what is kept in this slot, it is worthless */
	u8 flush_slot; /* SOURCE_LATCHED: candidate whose held packets go out; 0xff: none */
	u8 key;        /* SOURCE_KEY: RFC 4733 event, 0-15 */
	u32 key_ms;    /* how long it was pressed */
	enum source_note
		note; /* SOURCE_KEY, SOURCE_FLOOD: tell control. SOURCE_LATCHED, SOURCE_CONFLICT: tell control; nothing
				* is held any more after it: on SOURCE_LATCHED first forward the
				* packets of flush_slot, oldest first, by relay_plan_held() and
				* relay_commit(), then free all others, then go on with `action`. */
};

/* Forwarded so far. */
static inline u64 relay_packets(const struct relay_dir *d)
{
	return (u64)d->packets_high << 32 | d->packets_low;
}

static inline u64 relay_octets(const struct relay_dir *d)
{
	return (u64)d->octets_high << 32 | d->octets_low;
}

/* All four directions of a flow, tied to each other. */
void relay_flow_init(struct relay_flow *f, const struct flow *rule);
/* A new generation of the same flow: swaps the rule, re-opens learning only where security demands
 * it and signalling allows it (source.h). Counters and sequence state stay. */
void relay_flow_update(struct relay_flow *f, const struct flow *rule, u64 now_us);

/* The same for one direction. An engine that does without struct relay_flow sets d->mate itself. */
void relay_dir_init(struct relay_dir *d, const struct flow *rule, unsigned side, unsigned component,
		    struct relay_dir *peer);
void relay_dir_update(struct relay_dir *d, const struct flow *rule, u64 now_us);

/* Where the direction's media goes; family 0: nowhere yet. Any thread: while the peer's owner is writing it, it waits,
 * so that what is sent once is not lost. */
struct flow_addr relay_goes_to(const struct relay_dir *d);

/* ---- SRTP ---- */

/* Is what comes in on this direction SRTP? Then every packet of it goes through relay_open() first. */
static inline bool relay_is_secure(const struct relay_dir *d)
{
	return d->srtp && d->rule->side[d->side].in.suite != FLOW_SUITE_NONE;
}

/* `d` and `rtp` as for relay_plan(). RELAY_FORWARD: open it as *c says, then call relay_opened(). RELAY_PUNT: no SRTP:
 * relay_plan() says what becomes of it. RELAY_DROP: counted under c->drop; those are packets of sources that could
 * not be the side's, so that strangers cost no cipher. */
enum relay_action relay_open(struct relay_dir *d, struct relay_dir *rtp,
			     const struct relay_packet *pkt, struct relay_crypt *c);
/* The cipher is done. Right: pkt->len is that of the RTP or RTCP packet from now on, and relay_plan() comes next, unless
 * a copy of it came first: then false. Between relay_open() and this d is not updated. Wrong tag:
 * true in *again: open the packet, which is as it was received, once more as *c says now (the key before). False: drop
 * it, it is counted under c->drop. */
bool relay_opened(struct relay_dir *d, struct relay_packet *pkt, struct relay_crypt *c, bool right,
		  bool *again);
/* After relay_commit(), and for what relay_tick() makes, where plan->seal. False: drop it, counted under c->drop:
 * nothing may be sealed twice. pkt is what leaves; the engine appends the SRTCP index word (E bit set) and the tag. */
bool relay_seal(struct relay_dir *d, const struct relay_packet *pkt, const struct relay_plan *plan,
		struct relay_crypt *c);
/* What control is to keep of this direction for RESUME, when srtp->tell is set (which is cleared): parts IN or IN_RTCP
 * of d->side with !outgoing, OUT or OUT_RTCP of the other side with outgoing. False: nothing of that kind. */
bool relay_resume_state(struct relay_dir *d, bool outgoing, struct flow_resume *out);
/* After relay_dir_init() of all directions of a flow that is new to the engine: goes on where
 * rule->side[].resume says. */
void relay_dir_resume(struct relay_dir *d, u64 now_us);

/* `d` belongs to the port that the packet came to: RTCP that shares the RTP port is passed on to
 * d->mate inside, here and in relay_commit(). `rtp` is the RTP direction of the same side where d
 * is RTCP, else d itself. */
void relay_plan(struct relay_dir *d, struct relay_dir *rtp, const struct relay_packet *pkt,
		struct relay_plan *plan);
/* After RELAY_FORWARD and RELAY_TAKE. Rewrites the payload type; where plan->edit is set, any of the payload. */
void relay_commit(struct relay_dir *d, struct relay_packet *pkt, const struct relay_plan *plan);
/* A held packet after its candidate was latched: fills plan like relay_plan() would (RELAY_FORWARD
 * or RELAY_DROP, or RELAY_TAKE, also with SOURCE_KEY). pkt->now_us is when it arrived. */
void relay_plan_held(struct relay_dir *d, const struct relay_packet *pkt, struct relay_plan *plan);
/* Timers: call at least every 20 ms while relay_ticking(d), with no packet at hand. Says the same as a
 * packet could: note and flush_slot. The action is RELAY_FORWARD where d->play.packet, RELAY_MADE
 * octets, is to be sent as the plan says (no relay_commit()), else RELAY_DROP, which is not counted. */
bool relay_ticking(const struct relay_dir *d);
void relay_tick(struct relay_dir *d, u64 now_us, struct relay_plan *plan);

/* Plays a key to the side that `d`, an RTP direction, sends to (RFC 4733 event 0-15; 0 ms: the usual
 * length), after those that wait already. While packets go that way, events take the place of some
 * of them; while none go, relay_tick() makes them. */
enum relay_played {
	RELAY_PLAYED,
	RELAY_NO_EVENTS, /* that side takes none */
	RELAY_KEYS_FULL
};
enum relay_played relay_dtmf(struct relay_dir *d, u8 key, u32 ms, u64 now_us);

/* wall_us - now_us turns the engine's clock into time since 1970 for first_us and last_us. */
void relay_stats(const struct relay_dir *d, s64 wall_minus_now_us, struct flow_stats *out);

#endif
