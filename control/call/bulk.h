/* SPDX-License-Identifier: Apache-2.0 */
/* Many calls at once through a whole shard on a virtual loop: the SIP core, policy, calls, media and the engine's
 * client are the real ones; PBX and carrier send what sipp's scenarios of tests/perf send, and the engine says yes.
 * For measuring: what belongs to the two sides is made before and counts for nothing. */
#ifndef SLUICE_CALL_BULK_H
#define SLUICE_CALL_BULK_H

#include "call/call.h"

struct bulk;

/* The steps of all calls together, each ended when everybody has answered. */
enum bulk_step {
	BULK_INVITE,
	BULK_RING,
	BULK_ANSWER,
	BULK_ACK,
	BULK_BYE,
	BULK_STEPS
};

struct bulk *bulk_new(unsigned calls); /* NULL: no memory */
/* Moves every call on by a step. Exits where an answer is not the expected one. ns of CPU that the shard took. */
uint64_t bulk_step(struct bulk *b, enum bulk_step step);
uint64_t bulk_wait(struct bulk *b, uint64_t ms); /* time passes; the same */
size_t bulk_calls(const struct bulk *b);
void bulk_free(struct bulk *b);

#endif
