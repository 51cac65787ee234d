/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLUICE_BENCH_BENCH_H
#define SLUICE_BENCH_BENCH_H

#include "options.h"

/* What a command of the program does. 0 or -errno, said on stderr. */
int bench_run(struct options *o);
int plain_run(const struct options *o);
int reflect_run(const struct options *o);
int spray_run(const struct options *o);
int rebind_run(struct options *o);

/* ---- calls, shared by bench.c and rebind.c ---- */

struct world {
	struct relay relay;
	struct call *calls;
	struct trial_sides sides;
};

/* Opens the relay and both sides; no calls yet. 0 or -errno, said. Close it in either case. */
int world_open(struct world *w, struct options *o);
void world_close(struct world *w);
/* All calls, on fresh keys. `each` may be NULL. */
int world_calls(struct world *w, const struct options *o, struct hist *each);
int world_hang_up(struct world *w);

#endif
