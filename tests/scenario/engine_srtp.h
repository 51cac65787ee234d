/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP of the engine in memory: the rules of relay/ with the cipher of sluice-dp. */
#ifndef SLUICE_SCENARIO_ENGINE_SRTP_H
#define SLUICE_SCENARIO_ENGINE_SRTP_H

#include "engine_priv.h"

bool engine_srtp_is_there(void);
/* After e->rule was set, and its directions know it. */
void engine_srtp_rule(struct entry *e);
void engine_srtp_free(struct entry *e);
/* False: it was dropped. */
bool engine_srtp_open(struct entry *e, struct relay_dir *d, struct relay_dir *rtp,
		      struct relay_packet *pkt);
/* Where the plan says so; there is room for CRYPTO_OVERHEAD_MAX octets more. False: it was dropped. */
bool engine_srtp_seal(struct entry *e, struct relay_dir *d, struct relay_packet *pkt,
		      const struct relay_plan *plan);

#endif
