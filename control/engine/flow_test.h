/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the client: a flow that an engine takes. */
#ifndef SLUICE_ENGINE_FLOW_TEST_H
#define SLUICE_ENGINE_FLOW_TEST_H

#include "engine/tlv.h"

static inline struct flow a_flow(u64 id, u32 gen)
{
	struct flow f = { .id = id, .gen = gen, .idle_ms = 1000 };

	for (int i = 0; i < 2; i++) {
		struct flow_side *s = &f.side[i];
		s->local = (struct flow_addr){ .ip = { 192, 0, 2, 1 }, .port = 4000, .family = 4 };
		s->clock = 8000;
		s->ptime = 20;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		s->dtmf_clock = 8000;
	}
	return f;
}

#endif
