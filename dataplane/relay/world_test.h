/* SPDX-License-Identifier: Apache-2.0 */
/* One flow in a world that is as small as one can be: its rules, its state, where its packets go. The includer
 * defines CHECK(). */
#ifndef SLUICE_RELAY_WORLD_TEST_H
#define SLUICE_RELAY_WORLD_TEST_H

#include <string.h>
#include "relay/relay.h"
#include "relay/cipher_test.h"

#define PACKET_MAX 128
#define INDICES    1024 /* a power of 2 */

struct kept {
	u8 data[PACKET_MAX];
	u32 len;
	struct flow_addr src;
	u64 at;
};

/* What was sealed, each of them once. */
struct sealed {
	u64 index;
	u32 number, ssrc;
	u8 used, side, is_rtcp;
};

struct world {
	struct flow rule[2]; /* the one in force: gen & 1; the other: the one before */
	unsigned gen;
	struct relay_flow f;
	u64 now, updated;
	struct kept held[2][SOURCE_CANDIDATES][SOURCE_HELD];
	u8 n_held[2][SOURCE_CANDIDATES];
	struct flow_addr foe; /* counted: what it put in, and what it got */
	u32 foe_ssrc;
	unsigned injected, bled;
	unsigned sent[2][2]; /* [side it came in on][component] */
	unsigned taken[2], made[2];
	unsigned keys; /* told; the last one: */
	u8 key, key_side;
	u32 key_ms;
	u8 out[PACKET_MAX]; /* the last packet sent, or made; before it was sealed */
	u32 out_len;
	struct relay_srtp srtp[2][2];
	struct relay_crypt crypt; /* of the last packet sealed */
	u8 wire[PACKET_MAX + TOY_ROOM];
	u32 wire_len;
	struct sealed sealed[INDICES];
	unsigned n_sealed;
	unsigned came[2], punted[2], opened; /* opened: times that the cipher ran */
	struct order {
		u32 ssrc;
		u16 in, shift;
		bool on;
		u8 unsure; /* packets until it is known where it goes on */
	} order[2];        /* of RTP that came in on a side: what its sequence numbers must be */
	unsigned notes[5];
	struct flow_addr dst, from; /* of the last packet sent */
	u8 octet1, dscp;
	u16 seq;
	bool any_source; /* eligibility is checked by the test itself */
	enum relay_action action;
	enum relay_drop drop;
};

static inline struct flow_addr ip4(u8 a, u8 b, u8 c, u8 d, u16 port)
{
	return (struct flow_addr){ .ip = { a, b, c, d }, .port = port, .family = 4 };
}

static inline bool same_ip(const struct flow_addr *a, const struct flow_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, 16);
}

static inline bool same(const struct flow_addr *a, const struct flow_addr *b)
{
	return same_ip(a, b) && a->port == b->port;
}

/* ---- its rules ---- */

static inline const struct flow *rule(const struct world *w)
{
	return &w->rule[w->gen & 1];
}

static inline struct flow_side *edit(struct world *w, unsigned side)
{
	w->rule[!(w->gen & 1)] = w->rule[w->gen & 1];
	return &w->rule[!(w->gen & 1)].side[side];
}

/* edit() and then this: a new generation. */
static inline void update(struct world *w)
{
	w->gen++;
	w->rule[w->gen & 1].gen = w->gen;
	w->updated = w->now;
	relay_flow_update(&w->f, rule(w), w->now);
}

static inline struct relay_dir *rtp_dir(struct world *w, unsigned side)
{
	return &w->f.dir[side][RELAY_RTP];
}

static inline u8 state_of(struct world *w, unsigned side)
{
	return rtp_dir(w, side)->src.state;
}

/* The peer of side 0 is behind a NAT: SDP 10.0.0.5:4000, SIP from 203.0.113.7. The peer of side 1
 * is a carrier: 198.51.100.9:5000. */
static inline void world_rule(struct flow *f)
{
	memset(f, 0, sizeof(*f));
	f->id = 1;
	for (unsigned i = 0; i < 2; i++) {
		struct flow_side *s = &f->side[i];
		s->local = ip4(198, 51, 100, 1, (u16)(20000 + 2 * i));
		s->local_rtcp = (u16)(20001 + 2 * i);
		s->clock = 8000;
		s->ptime = 20;
		s->n_ptmap = 2;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		memcpy(s->ptmap, (u8[2][2]){ { 0, 0 }, { 101, 96 } }, 4);
	}
	f->side[0].remote = ip4(10, 0, 0, 5, 4000);
	f->side[0].remote_rtcp = 4001;
	f->side[0].sig = ip4(203, 0, 113, 7, 0);
	f->side[0].mode = FLOW_MODE_NAT;
	f->side[1].remote = ip4(198, 51, 100, 9, 5000);
	f->side[1].remote_rtcp = 5001;
	f->side[1].dscp = 46;
}

static inline void set_toy(struct flow_crypto *c, u8 any)
{
	*c = (struct flow_crypto){ .number = 1,
				   .suite = any % FLOW_SUITE_COUNT,
				   .mki_len = any / FLOW_SUITE_COUNT % 2 * 4 };
}

static inline void world_start(struct world *w)
{
	w->now = 1000000;
	w->foe = ip4(192, 0, 2, 66, 6666);
	w->foe_ssrc = 0x66660001;
	for (unsigned i = 0; i < 4; i++)
		w->f.dir[i / 2][i % 2].srtp = &w->srtp[i / 2][i % 2];
	relay_flow_init(&w->f, rule(w));
}

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	world_rule(&w->rule[0]);
	world_start(w);
}

#endif
