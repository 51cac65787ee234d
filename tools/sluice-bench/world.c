/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

int world_open(struct world *w, struct options *o)
{
	*w = (struct world){ 0 };
	int err = relay_open(&w->relay, &o->relay);
	if (!err && w->relay.ops == &relay_direct) /* nobody's ports tell calls apart but our own */
		o->side[0].ports = o->side[1].ports = o->calls;
	for (unsigned side = 0; side < 2 && !err; side++)
		if (side == 0 || !o->reflected)
			err = io_open(&w->sides.io[side], &o->side[side]);
	w->calls = err ? NULL : calloc(o->calls, sizeof(*w->calls));
	w->sides.calls = w->calls;
	w->sides.n = o->calls;
	return err ? err : w->calls ? 0 : -ENOMEM;
}

static int prepare(struct call *c, const struct options *o, unsigned number)
{
	for (unsigned i = 0; i < 2; i++) {
		struct call_side *s = &c->side[i];
		s->local = (uint16_t)(number % o->side[i].ports);
		s->ours = o->side[i].ours;
		s->ours.port = (uint16_t)(s->ours.port + s->local);
	}
	return call_keys(c, o->relay.suite);
}

int world_calls(struct world *w, const struct options *o, struct hist *each)
{
	int err = 0;
	for (unsigned i = 0; i < w->sides.n && !err; i++)
		err = prepare(&w->calls[i], o, i);
	if (!err)
		err = w->relay.ops->setup(&w->relay, w->calls, w->sides.n, each);
	for (unsigned i = 0; i < w->sides.n && !err; i++)
		err = call_begin(&w->calls[i]);
	for (unsigned side = 0; side < 2 && !err; side++) {
		w->sides.route[side] = route_new(w->calls, w->sides.n, side);
		err = w->sides.route[side] ? 0 : -ENOMEM;
	}
	return err;
}

int world_hang_up(struct world *w)
{
	bool up = w->calls && w->calls[0].up;
	for (unsigned i = 0; w->calls && i < w->sides.n; i++)
		call_end(&w->calls[i]);
	for (unsigned side = 0; side < 2; side++) {
		route_free(w->sides.route[side]);
		w->sides.route[side] = NULL;
	}
	return up ? w->relay.ops->teardown(&w->relay, w->calls, w->sides.n) : 0;
}

void world_close(struct world *w)
{
	world_hang_up(w);
	for (unsigned side = 0; side < 2; side++)
		io_close(w->sides.io[side]);
	free(w->calls);
	relay_close(&w->relay);
}
