/* SPDX-License-Identifier: Apache-2.0 */
/* One client, one peer, a virtual loop. */
#ifndef SLUICE_ENGINE_TEST_H
#define SLUICE_ENGINE_TEST_H

#include <errno.h>
#include <stdlib.h>
#include "base/test.h"
#include "engine/flow_test.h"
#include "engine/peer.h"

struct world {
	struct loop *loop;
	struct peer peer;
	struct engine *e;
	unsigned ups, fresh, downs, orphans, events, done, reports;
	int status;
	u64 known;
	struct tlv_event event;
	struct tlv_report report;
};

static inline void up(void *arg, bool fresh)
{
	struct world *w = arg;

	w->ups++;
	w->fresh += fresh;
}

static inline void down(void *arg)
{
	struct world *w = arg;

	w->downs++;
}

static inline void event(void *arg, const struct tlv_event *e)
{
	struct world *w = arg;

	w->events++;
	w->event = *e;
}

static inline bool known(void *arg, u64 id)
{
	struct world *w = arg;

	return id == w->known;
}

static inline void orphan(void *arg, const struct tlv_report *r)
{
	struct world *w = arg;

	w->orphans++;
	w->report = *r;
	assert_int_equal(w->ups, 0);
	assert_int_equal(engine_del(w->e, r->flow.id, NULL, NULL), 0);
}

static inline void done(void *arg, int status)
{
	struct world *w = arg;

	w->done++;
	w->status = status;
}

static inline void reported(void *arg, int status, const struct tlv_report *r)
{
	struct world *w = arg;

	w->reports++;
	w->status = status;
	assert_int_equal(!status, r != NULL);
	if (r)
		w->report = *r;
}

static inline struct engine *client(struct world *w, struct engine_transport t)
{
	const struct engine_options o = {
		.loop = w->loop,
		.transport = t,
		.user = { .up = up,
			  .down = down,
			  .event = event,
			  .known = known,
			  .orphan = orphan,
			  .arg = w },
		.shard = 3,
	};

	return engine_new(&o);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_new_virtual(1);
	peer_init(&w->peer, w->loop);
	w->e = client(w, peer_transport(&w->peer));
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	engine_free(w->e);
	peer_fini(&w->peer);
	loop_free(w->loop);
	free(w);
	return 0;
}

static inline void come_up(struct world *w)
{
	loop_advance(w->loop, 10);
	assert_int_equal(w->ups, 1);
	assert_true(engine_is_up(w->e));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
