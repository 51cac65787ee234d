/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends reliable provisional responses, by hand. */
#ifndef SLUICE_SIP_INVITE_REL_TEST_H
#define SLUICE_SIP_INVITE_REL_TEST_H

#include "sip/world_test.h"

/* With a body, unless that is "". */
static inline int say(struct world *w, unsigned status, const char *body)
{
	struct invite_reply r = { .status = status,
				  .reliable = true,
				  .body = str_of(body),
				  .body_type = *body ? STR("application/sdp") : STR_NONE };
	return invite_reply(w->inv, &r);
}

/* Our user, for on_event: takes each PRACK. */
static inline void callee(struct world *w, struct invite *inv, const struct invite_event *e)
{
	if (e->type == INVITE_PRACK)
		sip_request_reply(e->request, &(struct invite_reply){ .status = 200 });
}

#endif
