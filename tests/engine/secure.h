/* SPDX-License-Identifier: Apache-2.0 */
/* Calls whose sides have keys, or have none: the same calls serve for both. A peer seals with c->f.side[].in and opens
 * with c->f.side[].out, and follows RFC 3711 3.3.1 on its own. */
#ifndef SLUICE_ENGINE_SECURE_H
#define SLUICE_ENGINE_SECURE_H

#include "suite.h"

struct secure {
	struct call *c;
	u64 heard[2];      /* the highest index that came to the peer of that side */
	bool any[2];       /* one came */
	s64 heard_rtcp[2]; /* -1: none */
	u8 mki_len[2];     /* of what that peer sends */
};

/* FLOW_SUITE_NONE: that side has none. Not set yet. */
struct secure *secure_new(struct test *t, u8 suite0, u8 suite1);
/* New keys of that side, both ways; the next numbers. */
void secure_keys(struct secure *s, unsigned side, u8 suite, u32 flags);
/* Begins with this sequence number, roll-over counter 0. */
void secure_begin(struct secure *s, unsigned side, u16 seq);
/* n packets; *b has them as they were before they were sealed. */
void secure_send(struct secure *s, unsigned side, unsigned n, u32 gap_us, struct batch *b);
/* The packet that secure_send() would send, sealed; the stream goes on. plain: as it was (may be NULL). */
u32 secure_write(struct secure *s, unsigned side, u8 *out, struct packet *plain);
void secure_put(struct secure *s, unsigned side, const void *p,
		u32 n); /* as it is, from its RTP socket */
/* Both: *kept is what was sent. */
void secure_record(struct secure *s, unsigned side, struct packet *kept, struct packet *plain);
/* What index a receiver takes this to be: RFC 3711 3.3.1, without any help from who sealed it. */
u64 secure_estimate(const struct secure *s, unsigned side, u16 seq);
/* Exactly these come out, opened; indices rise with their sequence numbers. */
void secure_expect(struct secure *s, unsigned side, const struct batch *b);
void secure_relay(struct secure *s, unsigned from, unsigned n);
void secure_talk(struct secure *s, unsigned n);
/* RTCP, sealed where the sides are: what goes in comes out. */
void secure_report(struct secure *s, unsigned from, const void *data, u32 n);
void secure_expect_report(struct secure *s, unsigned side, const void *data, u32 n);
void secure_reports(struct secure *s); /* one each way */

#endif
