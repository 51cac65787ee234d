/* SPDX-License-Identifier: Apache-2.0 */
/* From a flow, as control set it, to what the workers use: its *rule* (one generation, immutable once it is
 * published) and the memory of its directions. Agent thread alone. */
#ifndef SLUICE_DP_RULE_H
#define SLUICE_DP_RULE_H

#include "crypto/crypto.h"
#include "port.h"
#include "relay/relay.h"
#include "slab.h"

struct dp_flow;
struct tlv_msg;

struct rule {
	struct flow flow;
	const struct network *net[2]; /* by side: where its local address is */
	/* By side; NULL: none. The same number in the next generation is the same key. What `flow` had of them is
	 * wiped. */
	struct crypto_key *in[2], *out[2];
	struct crypto_key *old[2]; /* what came before in[] */
};

struct rule_maker;

/* `ports` is borrowed. NULL without memory. */
struct rule_maker *rule_maker_new(struct ports *ports);
void rule_maker_free(struct rule_maker *m); /* rules may outlive it */

/* A SET as it came: only the flow is filled in. -EINVAL and the like: *reason (static text) says why. */
int rule_read(struct rule **out, const struct tlv_msg *msg, const char **reason);
/* All else. before: the rule in force, NULL when the flow is new. */
int rule_finish(struct rule_maker *m, struct rule *rule, const struct rule *before,
		const char **reason);
/* void *: for media_table_retire(). NULL is fine. */
void rule_free(void *rule);

/* A flow of media_table.flows with its four paths, which refer to `rule`. NULL without memory. */
struct dp_flow *flow_new(struct slab *flows, const struct rule *rule);
/* The flow is to have another rule: gets the memory that its directions will need. */
int flow_expect(struct dp_flow *f, const struct rule *rule);
void flow_free(void *flow); /* not its rule */

#endif
