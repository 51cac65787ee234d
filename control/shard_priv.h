/* SPDX-License-Identifier: Apache-2.0 */
/* What shard.c (its life) and shard_parts.c (what it is made of) share. */
#ifndef SLUICE_SHARD_PRIV_H
#define SLUICE_SHARD_PRIV_H

#include "shard.h"
#include <pthread.h>

struct shard {
	struct shard_options o;
	struct loop *loop;
	struct either *either;
	struct sip_network *networks;
	struct shard *const *all;
	struct ctl_shard parts;
	struct timer drain;
	unsigned drain_left; /* steps */
	struct timer watch;  /* until the engine answers at start */
	unsigned watch_left;
	pthread_t thread;
	bool started;
};

/* shard_parts.c: all that runs on the shard's loop, from the configuration. False + errno: what was built until then
 * is there, for shard_dismantle(). */
bool shard_build(struct shard *s);
void shard_dismantle(struct shard *s);

#endif
