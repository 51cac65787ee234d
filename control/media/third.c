/* SPDX-License-Identifier: Apache-2.0 */
/* The leg that takes another's place. Until then it has ports of its own and what was agreed goes on. */
#include <errno.h>
#include "media/media_priv.h"

int media_add_leg(struct media *m, unsigned replaces, const struct conf_trunk *trunk)
{
	if (media_has_third(m))
		return -EBUSY;
	if (replaces > 1)
		return -EINVAL;
	if (!m->third)
		m->third = arena_alloc(m->arena, sizeof(*m->third));
	if (!m->third)
		return -ENOMEM;
	*m->third = (struct third){
		.leg = { .trunk = trunk, .id = 1 + loop_random_u32(m->ms->loop, INT32_MAX) },
		.replaces = (u8)replaces,
		.there = true,
	};
	return 0;
}

static void forget_exchange(struct media *m)
{
	if (m->draft && draft_has(m->draft, MEDIA_THIRD)) {
		draft_free(m->ms, m->draft);
		m->draft = NULL;
	}
	draft_free(m->ms, m->third->settled);
	m->third->settled = NULL;
}

void media_drop_leg(struct media *m)
{
	if (!media_has_third(m))
		return;
	forget_exchange(m);
	for (struct stream *s = m->streams; s; s = s->next) {
		stream_rest(s, MEDIA_THIRD);
		sdes_drop_leg(s, MEDIA_THIRD);
		/* What only it had, or what nobody agreed to, is over. */
		if (s->id && (!s->port[0] || !s->port[1] || (!s->agreed && !media_is_first(m))))
			stream_drop(s);
	}
	leg_forget(m->ms, &m->third->leg);
	m->third->there = false;
}

void media_take_leg(struct media *m)
{
	struct third *t = m->third;
	struct draft *d;

	if (!media_has_third(m) || !t->settled)
		return;
	unsigned r = t->replaces;
	for (struct stream *s = m->streams; s; s = s->next) {
		u16 *port = stream_port(s, MEDIA_THIRD);
		if (s->id && !*port) { /* it never had that one: the next offer begins it anew */
			stream_drop(s);
			continue;
		}
		stream_rest(s, r);
		sdes_take_leg(s, r);
		s->port[r] = *port;
		*port = 0;
	}
	d = t->settled;
	t->settled = NULL;
	leg_forget(m->ms, &m->leg[r]);
	m->leg[r] = t->leg;
	t->there = false;
	d->leg[r] = (u8)r;
	media_apply(m, d);
}
