/* SPDX-License-Identifier: Apache-2.0 */
/* One thread's world: a loop, the SIP core, its calls, their media and the way to the engine.
 * Shards share the configuration (constant), the call limits (atomic) and each other's mailboxes.
 */
#ifndef SLUICE_SHARD_H
#define SLUICE_SHARD_H

#include "ctl/ctl.h"

struct shard;

struct shard_options {
	struct log *log;
	struct conf *conf; /* the shard takes references of its own */
	struct call_limits *limits;
	struct shed *shed;        /* NULL: new calls cannot be shed in the kernel */
	struct engine_pick *pick; /* of all shards */
	uint8_t index, n_shards;
	/* Called once on the shard's thread, when the engine has answered or 15 s have passed without it.
	 * NULL: the shard does not watch. */
	void (*ready)(void *arg);
	void *ready_arg;
};

/* Main thread: builds everything and binds the sockets. NULL + errno, logged. */
struct shard *shard_new(const struct shard_options *o);
/* The other shards, for datagrams that were read on the wrong one. Before any is started. */
void shard_introduce(struct shard *s, struct shard *const *all);
const struct ctl_shard *shard_ctl(const struct shard *s);

int shard_start(struct shard *s); /* its thread begins. 0 or -errno */
/* Any thread: ends its calls (BYE, 503), waits up to 4 s for the peers' answers, ends the thread.
 */
void shard_stop(struct shard *s);
void shard_join(struct shard *s);
void shard_free(struct shard *s); /* after shard_join(), or never started; NULL is allowed */

#endif
