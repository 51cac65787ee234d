/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pace.h"

/* Begin where rounds come faster than this many pauses would let them, and go on while nearly every
 * pause ends with something to do. */
static bool busy(const struct pace *p)
{
	uint32_t paced = PACE_WINDOW_NS / p->pause_ns;

	return p->on ? p->rounds >= paced * 6 / 10 : p->rounds > paced;
}

uint64_t pace_next(struct pace *p, uint64_t now_ns)
{
	uint64_t since = now_ns - p->woke_ns;

	if (!p->pause_ns)
		return 0;
	if (now_ns - p->window_ns >= PACE_WINDOW_NS) {
		/* Windows without any round passed in between: that is no load. */
		p->on = now_ns - p->window_ns < 2 * PACE_WINDOW_NS && busy(p);
		p->window_ns = now_ns;
		p->rounds = 0;
	}
	return p->on && since < p->pause_ns ? p->pause_ns - since : 0;
}
