/* SPDX-License-Identifier: Apache-2.0 */
/* One call through the relay: two sides, and media in both directions. */
#ifndef SLUICE_BENCH_CALL_H
#define SLUICE_BENCH_CALL_H

#include "base/addr.h"
#include "srtp.h"
#include "tally.h"

#define PAYLOAD_TYPE 0   /* PCMU */
#define EVENT_TYPE   101 /* telephone-event */

/* Used by one thread in a trial: that of the side. */
struct call_side {
	struct addr ours;  /* where we are; */
	struct addr relay; /* where the relay is for us: it is sent to, and what comes, comes from there */
	uint16_t local;    /* which of our ports that is */
	struct srtp_master tx_key, rx_key;
	struct srtp *tx, *rx; /* NULL: plain RTP */
	uint64_t seq;         /* counted packets sent in this trial */
	uint32_t sent;        /* packets ever */
	uint32_t ssrc, timestamp;
	uint32_t kept_ssrc; /* not 0: of a call that is older than this run */
	struct tally_call tally;
};

struct call {
	struct call_side side[2];
	uint64_t flow; /* the driver's own id */
	bool up;
};

/* New random keys where a side is secure (`suite` of both sides). 0 or -EIO. */
int call_keys(struct call *c, const uint8_t suite[2]);
/* After set-up: contexts for the keys. 0 or -ENOMEM. */
int call_begin(struct call *c);
void call_end(struct call *c);

/* From where the relay sends, to the call: one for each side. */
struct route;
struct route *route_new(const struct call *calls, unsigned n, unsigned side); /* NULL: no memory */
void route_free(struct route *r);
/* The call's number, or -1: nobody that we know. */
int route_find(const struct route *r, const struct addr *from);

#endif
