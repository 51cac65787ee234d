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
 *   IDLE         adv not known: drop; remember who sprays (up to SOURCE_POISONED) and never trust them
 *   PROBE        hold up to 16 packets of up to 4 candidates. Rank 0: 1 valid packet locks. Others: 5
 *                consecutive (sequence +1..+3, same SSRC, <= 200 ms apart), then the end of Tp
 *                (300 ms from the first eligible packet): best rank wins, tie: the source port that
 *                equals adv's; still tied -> CONFLICT. Rank >= 2 locks as LOCKED_WEAK
 *   LOCKED_WEAK  first Tw = 1 s of a rank 2/3 lock: a second unpoisoned candidate of equal or better rank
 *                with another SSRC that reaches 5 consecutive -> CONFLICT
 *   LOCKED       only this source. A new SSRC from it: 2 consecutive packets, at most 5 changes a minute
 *   REBIND_OK    silence for Ts = max(200 ms, 10 ptime), not on hold: same address, other port, same SSRC,
 *                0 < seq step <= 50 elapsed_s + 100, timestamp advance within 50 % of the time elapsed,
 *                5 consecutive -> LOCKED there. More than 3 in 60 s -> FROZEN
 *   FROZEN       the last source only, until new SDP
 *   RELEARN      new SDP named another endpoint: the old source goes on for at most To = 2 s while the
 *                new one is probed as above
 *   CONFLICT     drop all, send nowhere, until new SDP
 * Outbound: to the locked source; before a lock to adv where mode is STATIC, or adv is a public
 * address equal to sig; else nowhere. */
#ifndef SLUICE_RELAY_SOURCE_H
#define SLUICE_RELAY_SOURCE_H

#include "relay/flow.h"

#define SOURCE_CANDIDATES 4
#define SOURCE_HELD       16
#define SOURCE_POISONED   8
#define SOURCE_NONE       0xff

enum source_note {
	SOURCE_QUIET,
	SOURCE_LATCHED,
	SOURCE_CONFLICT
};

struct source_candidate {
	struct flow_addr addr;
	u32 ssrc, ts;
	u64 last_us;
	u16 seq;
	u8 rank, run, held, used;
};

struct source {
	struct flow_addr lock; /* family 0: none */
	struct flow_addr out;  /* where the other side's packets are sent; family 0: nowhere */
	u64 since_us, last_us; /* state entered; last packet from lock */
	u64 probe_us;          /* first eligible packet of this probe; 0: none yet */
	u64 rebind_us[3], ssrc_us[5]; /* the last times, for the limits */
	u32 ssrc, ts, new_ssrc;
	u16 seq, new_seq;
	u8 state, rank, n_poisoned, new_run;
	struct source_candidate cand[SOURCE_CANDIDATES];
	struct flow_addr poisoned[SOURCE_POISONED];
};

/* True while time alone can change the state: relay_tick() is wanted. */
bool source_ticking(const struct source *s);

#endif
