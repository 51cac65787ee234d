/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_MEDIA_SDES_PRIV_H
#define SLUICE_MEDIA_SDES_PRIV_H

#include "media/sdes.h"

/* A stream's keys with one leg. */
struct sdes_leg {
	u8 made; /* bits 1 << suite: of ours[] */
	u8 used; /* the same: packets may have gone out with it */
	u8 ours[FLOW_SUITE_COUNT][SUITE_MASTER_MAX];
	struct sdes_key theirs; /* as it was settled */
};

/* What the engine was told of one direction. */
struct sdes_told {
	u64 print; /* keyed hash of the key */
	u32 number;
	u32 flags;
};

struct sdes {
	struct sdes_leg *leg[3];        /* NULL: it has no SRTP */
	struct sdes_told in[2], out[2]; /* [side] */
};

struct sdes_leg *sdes_leg_of(const struct stream *s, unsigned leg); /* NULL: none */
/* Is that a key of ours for the leg, sent back? */
bool sdes_is_ours(const struct stream *s, unsigned leg, const struct sdes_key *k);

#endif
