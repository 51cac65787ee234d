/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Where does the media of one side come from? Learned from packets, but only from those that the
 * signalling made eligible: an attacker elsewhere can neither inject into a call nor receive it.
 *
 * Ranks of a source s for a side with SDP address adv, signalling address sig and ACL:
 *   0  s == adv (address and port)         2  s.ip == sig (widened by learn_len), mode NAT only
 *   1  s.ip == adv.ip, mode NAT only       3  s.ip in the ACL
 * anything else is refused without keeping any state. In mode STATIC, ranks 0 and 3 only.
 *
 * States (flow_state in flow.h) and what is done in them:
 *   IDLE         adv not known: drop; remember who sprays (up to SOURCE_POISONED). Who began more than
 *                SOURCE_GRACE_US before adv was known is never trusted with a rank above 0; a peer whose
 *                media overtakes its answer, or whose answer was lost once or twice, began later
 *   PROBE        hold up to 16 packets of up to 4 candidates. Rank 0: 1 valid packet locks. Others: 5
 *                consecutive (sequence +1..+3, same SSRC, <= 200 ms apart), then the end of Tp (300 ms
 *                from the first eligible packet): best rank wins, tie: the source port that equals
 *                adv's; still tied -> CONFLICT. Rank >= 2 locks as LOCKED_WEAK. Who was consecutive once stays
 *                proven while its SSRC is the same, whatever it pauses
 *   LOCKED_WEAK  first Tw = 1 s of a rank 2/3 lock: a second unpoisoned candidate of equal or better
 *                rank with another SSRC that reaches 5 consecutive -> CONFLICT
 *   LOCKED       only this source. A new SSRC from it: 2 consecutive packets, at most 5 changes a
 *                minute. In the first Tw of a rank 1 lock, rank 0 with another SSRC, 5 consecutive ->
 *                CONFLICT: adv itself was late, and who came before it on its address is a neighbour
 *   REBIND_OK    silence for Ts = max(200 ms, 10 ptime), not on hold: an eligible source of the same
 *                address, other port, same SSRC, 0 < seq step <= 50 elapsed_s + 100, timestamp advance
 *                within 50 % of the time elapsed, 5 consecutive -> LOCKED there. More than 3 in 60 s
 *                -> FROZEN. Entered when such a packet comes: silence alone costs nothing
 *   FROZEN       the last source only, until new SDP
 *   RELEARN      new SDP named another endpoint (address or port), or in mode NAT the signalling comes from
 *                elsewhere and the locked source is not eligible any more; nothing else in a new generation
 *                re-opens learning: the old source goes on for at most To = 2 s while the new one is
 *                probed as above. An SDP that names the locked source itself changes nothing
 *   CONFLICT     drop all, send nowhere, until new SDP
 * Authentic packets (SRTP whose tag was right) prove more than a source does: an eligible one locks at once in PROBE,
 * RELEARN and CONFLICT, ends FROZEN, and takes the place of a lock that sent none. After Ts of silence, not on
 * hold, that of an eligible source is locked, and that of any other (the network changed) when it goes on with the
 * stream: same SSRC, and its index is the highest so far.
 *
 * Outbound: to the locked source; before a lock to adv where mode is STATIC, or adv is a public address
 * equal to sig; else nowhere. */
#ifndef SLUICE_RELAY_SOURCE_H
#define SLUICE_RELAY_SOURCE_H

#include "relay/flow.h"

#define SOURCE_CANDIDATES 4
#define SOURCE_HELD       16
#define SOURCE_POISONED   8
#define SOURCE_NONE       0xff
#define SOURCE_GRACE_US   4000000 /* three retransmissions of a 2xx: 0.5 + 1 + 2 s */

enum source_note {
	SOURCE_QUIET,
	SOURCE_LATCHED,
	SOURCE_CONFLICT,
	SOURCE_KEY,  /* a key was pressed there: plan.key and plan.key_ms */
	SOURCE_FLOOD /* it sends above its rate; at most once in 10 s */
};

struct source_candidate {
	struct flow_addr addr;
	u32 ssrc, ts;
	u64 last_us;
	u16 seq;
	u8 rank, run, held, used;
};

struct source {
	/* read or written by every packet; see struct relay_dir */
	u64 last_us;           /* last packet from lock */
	struct flow_addr lock; /* family 0: none */
	u32 ssrc, ts;          /* of that packet */
	u16 seq;
	u8 state, rank;
	/* the rest */
	struct flow_addr out; /* where the other side's packets are sent; family 0: nowhere */
	u32 new_ssrc;
	u64 since_us;                 /* state entered */
	u64 probe_us;                 /* first eligible packet of this probe; 0: none yet */
	u64 rebind_us[3], ssrc_us[5]; /* the last times, for the limits; 0: never */
	u16 new_seq;
	u8 new_run, n_poisoned;
	u8 proven;  /* authentic packets came from lock */
	u8 unheard; /* lock was resumed and nothing came from there yet */
	struct source_candidate cand[SOURCE_CANDIDATES];
	struct flow_addr poisoned[SOURCE_POISONED];
	u32 poisoned_ms[SOURCE_POISONED]; /* when each began, on the clock of now_us */
};

/* A packet whose headers are good and whose payload type was negotiated. */
struct source_packet {
	const struct flow_addr *from;
	u64 now_us;
	u32 ssrc, ts;
	u16 seq;
	bool authentic, newest; /* as in relay.h */
};

/* What is to be done with the packet, in the terms of relay.h. */
struct source_verdict {
	u8 action, drop, note;
	u8 slot;  /* RELAY_HOLD: candidate */
	u8 fresh; /* RELAY_HOLD: nothing that was kept with this slot counts any more */
	u8 flush; /* SOURCE_LATCHED: candidate that won; SOURCE_NONE: it had nothing held */
	u8 freed; /* how many held packets will never be forwarded */
};

/* Where the packets of the other side go before anything is learned. family 0: nowhere. */
struct flow_addr source_before_lock(const struct flow_side *side);
/* Rank 0..3 or SOURCE_NONE: not eligible. */
u8 source_rank(const struct flow_side *side, const struct flow_addr *from);

void source_init(struct source *s, const struct flow_side *side);
/* Another party has the place of this one: nothing is known. *freed: held packets that are worthless. */
void source_forget(struct source *s, const struct flow_side *side, u64 now_us, u8 *freed);
/* Candidates alone. */
void source_drop_candidates(struct source *s, u8 *freed);
/* Signalling gave a new description of the side. */
void source_update(struct source *s, const struct flow_side *was, const struct flow_side *side,
		   u64 now_us, struct source_verdict *v);
void source_packet(struct source *s, const struct flow_side *side, const struct source_packet *p,
		   struct source_verdict *v);
/* Would it count for anything, if it were authentic? 0xff or an enum relay_drop. */
u8 source_would_take(const struct source *s, const struct flow_side *side,
		     const struct source_packet *p);
/* Goes on with a source that was learned before the engine started; nothing if it is not eligible. */
void source_resume(struct source *s, const struct flow_side *side, const struct flow_addr *from,
		   u64 now_us);
/* A packet of the side while nothing is known of the peer. */
void source_spray(struct source *s, const struct flow_addr *from, u64 now_us);
/* The peer's SDP is known: those of the last SOURCE_GRACE_US may be the peer itself. */
void source_pardon(struct source *s, u64 now_us);
bool source_is_poisoned(const struct source *s, const struct flow_addr *from);
/* The same for datagrams of which only the source is known (FLOW_KIND_RAW), see raw.c. */
void source_datagram(struct source *s, const struct flow_side *side, const struct flow_addr *from,
		     u64 now_us, struct source_verdict *v);
void source_tick(struct source *s, const struct flow_side *side, u64 now_us,
		 struct source_verdict *v);

/* Does it count on packets that the engine keeps for it? After an update it may not any more. */
bool source_holds(const struct source *s);
/* True while time alone can change the state: relay_tick() is wanted. */
bool source_ticking(const struct source *s);

#endif
