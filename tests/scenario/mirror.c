/* SPDX-License-Identifier: Apache-2.0 */
/* A wire that goes round: what is sent to an actor comes back from it, as from a border that has no other way
 * than ours. */
#include "scenario.h"

struct flight {
	struct timer timer;
	struct world *w;
	struct actor *from;
	struct str data;
};

static void landed(void *arg)
{
	struct flight *f = arg;

	world_send(f->w, f->from, f->data);
}

void mirror(struct world *w, struct actor *a, struct str data)
{
	struct flight *f = arena_alloc(w->arena, sizeof(*f));

	f->w = w;
	f->from = a;
	f->data = arena_str(w->arena, data);
	timer_init(&f->timer, landed, f);
	timer_start(w->loop, &f->timer, 1);
}
