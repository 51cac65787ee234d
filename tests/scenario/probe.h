/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram from the trunk "pbx" into a whole shard, and what comes of it. */
#ifndef SLUICE_SCENARIO_PROBE_H
#define SLUICE_SCENARIO_PROBE_H

#include "scenario.h"

struct probe {
	unsigned status[8], n_status; /* of the replies, in order, without 100 */
	bool trying;                  /* 100 came first */
	bool called;                  /* an INVITE went to the trunk "carrier" */
	struct rx *reply, *invite;    /* the last reply, that INVITE; read already */
};

/* Plays one case in a world of its own: the datagram, then check(), then a good INVITE, which must
 * be answered at once, and nothing may be left in the end. False: said on stdout as a comment. */
bool probe_play(const char *name, struct str datagram,
		void (*check)(struct world *w, const struct probe *p, const void *row),
		const void *row);
/* Is the status one of those in "501 405"? */
bool probe_any(const char *list, unsigned status);
struct str probe_header(const struct rx *r, const char *name);

#endif
