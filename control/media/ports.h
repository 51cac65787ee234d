/* SPDX-License-Identifier: Apache-2.0 */
/* The port pairs (even: RTP, odd: RTCP) of one network that one shard owns: every n-th of the
 * range. A pair is taken at random, so that nobody can guess it, and rests after use, so that late
 * packets of the last call don't end up in the next. Every operation takes constant time (taking:
 * amortised). */
#ifndef SLUICE_MEDIA_PORTS_H
#define SLUICE_MEDIA_PORTS_H

#include "media/media.h"

#define PORTS_REST_S 30

struct ports;

enum ports_mark {
	PORTS_FOREIGN, /* not of this range or shard */
	PORTS_MARKED,
	PORTS_IN_USE /* by a session: nothing was changed */
};

struct ports *ports_new(struct loop *loop, uint16_t lo, uint16_t hi, uint8_t shard,
			uint8_t n_shards); /* NULL: no memory */
void ports_free(struct ports *p);
uint16_t ports_take(struct ports *p);              /* the even port; 0: none is left */
void ports_untake(struct ports *p, uint16_t port); /* was taken and never told to anybody */
/* A session's or an orphan's: nobody gets it for PORTS_REST_S. */
void ports_rest(struct ports *p, uint16_t port);
/* Somebody else's flow uses it. */
enum ports_mark ports_orphan(struct ports *p, uint16_t port);
void ports_usage(struct ports *p, struct media_ports *out);
unsigned ports_vacant(struct ports *p); /* pairs that can be taken */
/* The audit: first all sessions claim their pairs, then what is in use and was not claimed is put to rest.
 * False: it was not in use, or is another one's, too. In use it is from now on. */
bool ports_claim(struct ports *p, uint16_t port);
unsigned ports_unclaimed(struct ports *p); /* how many there were */
/* Does every pair stand exactly where its state says? Slow, for tests. */
bool ports_audit(const struct ports *p);

#endif
