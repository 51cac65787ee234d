/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The sources that the tests of learning speak of. Included after relay_test.h. */
#ifndef SLUICE_RELAY_RANKS_TEST_H
#define SLUICE_RELAY_RANKS_TEST_H

static inline struct stream stream_at(struct flow_addr from, u32 ssrc)
{
	return (struct stream){ from, ssrc, 7, 30000, 0 };
}

/* rank 0, 1, 2, 3 of side 0 */
static inline struct flow_addr at_rank(unsigned rank)
{
	static const u8 ip[4][4] = {
		{ 10, 0, 0, 5 }, { 10, 0, 0, 5 }, { 203, 0, 113, 7 }, { 100, 64, 3, 3 }
	};
	return ip4(ip[rank][0], ip[rank][1], ip[rank][2], ip[rank][3], rank ? 4100 + rank : 4000);
}

static inline void with_acl(struct world *w)
{
	world_init(w);
	w->rule[0].side[0].acl[0] = ip4(100, 64, 3, 0, 0);
	w->rule[0].side[0].acl[0].len = 24;
	w->rule[0].side[0].n_acl = 1;
	world_start(w);
}

/* The SDP of side 0 is not known yet; what it will say. */
static inline struct flow_addr without_sdp(struct world *w)
{
	world_init(w);
	struct flow_addr later = w->rule[0].side[0].remote;
	w->rule[0].side[0].remote.family = 0;
	world_start(w);
	return later;
}

#endif
