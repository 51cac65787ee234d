/* SPDX-License-Identifier: Apache-2.0 */
/* When rounds of a loop come so fast that each finds one message only, waking up costs more than the work. Then a
 * short pause before each wait lets messages gather, as a network card moderates its interrupts. It comes
 * only under load, so that an idle system answers at once. Pure; one thread. */
#ifndef SLUICE_BASE_PACE_H
#define SLUICE_BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_WINDOW_NS 10000000u /* over which rounds are counted */

struct pace {
	uint64_t window_ns; /* when it began */
	uint64_t woke_ns;   /* the last round */
	uint32_t pause_ns;  /* between rounds under load; 0: never pause */
	uint32_t rounds;    /* in this window */
	bool on;
};

/* Before each wait: for how long to pause first. `now_ns` is monotonic. */
uint64_t pace_next(struct pace *p, uint64_t now_ns);
/* After each wait. */
static inline void pace_woke(struct pace *p, uint64_t now_ns)
{
	p->woke_ns = now_ns;
	p->rounds++;
}

#endif
