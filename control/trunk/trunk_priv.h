/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_TRUNK_TRUNK_PRIV_H
#define SLUICE_TRUNK_TRUNK_PRIV_H

#include "base/table.h"
#include "trunk/trunk.h"

/* ---- addresses of names ---- */

#define TRUNK_SOURCES_MAX    64            /* of one trunk */
#define TRUNK_SOURCE_KEEP_MS (3600 * 1000) /* after it was last in an answer */

struct sources;
struct sources *sources_new(struct loop *l, unsigned n_trunks);
void sources_free(struct sources *s);
/* It is in an answer of this trunk now. Returns whether it is new; an address that another trunk has
 * on that network stays that one's. */
bool sources_see(struct sources *s, const struct conf_trunk *t, const struct addr *ip);
/* Forgets those of a trunk that were not seen for long. Returns whether there were any. */
bool sources_expire(struct sources *s, unsigned trunk);
/* The trunk of an address, or SIP_NO_PEER. */
int sources_find(const struct sources *s, unsigned network, const struct addr *ip);
void sources_each(const struct sources *s, trunk_source_fn *fn, void *arg);

/* ---- one trunk ---- */

struct trunk {
	struct trunks *all;
	const struct conf_trunk *conf;
	struct sip_hop target[SIP_TARGETS_MAX];
	unsigned n_targets;
	struct timer refresh;
	uint32_t fresh_ms; /* answers that hold no longer than this are to be renewed */
	uint64_t drawn_at;
	bool redraw; /* a target failed or came back */
	int status;
};

struct trunks {
	struct trunks_options o;
	struct resolver *resolver;
	struct sources *sources;
	struct loop_task changed;
	unsigned n;
	struct trunk trunk[];
};

void trunk_start(struct trunk *t);
void trunk_draw(struct trunk *t); /* its targets anew, of what is known */
void trunk_stop(struct trunk *t);

#endif
