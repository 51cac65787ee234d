/* SPDX-License-Identifier: Apache-2.0 */
/* How good does it sound? An estimate by the E-model of ITU-T G.107 with all but delay, codec and loss at
 * their defaults: R = 93.2 - Id - Ie,eff, and from that the mean opinion score of the listener (1 bad ... 4.4
 * as good as a telephone gets). Pure functions. */
#ifndef SLUICE_MEDIA_MOS_H
#define SLUICE_MEDIA_MOS_H

#include "engine/tlv.h"

#define MOS_PACKETS 50 /* fewer say nothing */

/* codec: "PCMA/8000" or "PCMA"; one that is not known counts as G.711. delay_ms: from mouth to ear. loss: 0...1. */
double mos_r(const char *codec, double delay_ms, double loss);
double mos_of_r(double r);

/* What the two ends of one stream have told of it, in the direction from side `from` to the other one. */
struct mos_path {
	const struct flow_stats *rtp;       /* of side `from` */
	const struct flow_stats *rtcp_from; /* of side `from`: the round trip to the speaker */
	const struct flow_stats
		*rtcp_to; /* of the other side: the round trip, what the listener misses */
	const char *codec;
	unsigned ptime_ms; /* 0: 20 */
};

/* Share of packets that the listener does not get, as far as it is known. */
double mos_loss(const struct mos_path *p);
/* Milliseconds from mouth to ear, jitter buffer included. */
double mos_delay_ms(const struct mos_path *p);
/* 0: there is too little to tell. */
double mos_estimate(const struct mos_path *p);
/* The same of what the engine reports of a flow: what the other side hears of side `from`. */
double mos_of_report(const struct tlv_report *r, unsigned from, const char *codec);

#endif
