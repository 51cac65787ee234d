/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine has learned of a stream and would not know after a restart: the source of a side where that is
 * not the one of its SDP, and SRTP indices. It is kept as the engine's events tell it and goes back to an engine
 * with the stream, which takes it for a flow that is new to it and for nothing else. Most streams have none. */
#include <errno.h>
#include "media/media_priv.h"

static struct flow_resume *resume_of(struct stream *s, unsigned side)
{
	if (!s->resume) {
		s->resume = arena_alloc(s->m->arena, 2 * sizeof(s->resume[0]));
		if (s->resume)
			memset(s->resume, 0, 2 * sizeof(s->resume[0]));
	}
	return s->resume ? &s->resume[side] : NULL;
}

void resume_source(struct stream *s, unsigned side, const struct flow_addr *source)
{
	const struct addr *told = &stream_terms(s)->remote[side];
	bool as_told = told->family == source->family && told->port == source->port &&
		       !memcmp(told->ip, source->ip, sizeof(told->ip));

	/* The engine finds that one again by itself, with its first packet. */
	if (as_told && !s->resume)
		return;
	struct flow_resume *r = resume_of(s, side);
	if (!r)
		return;
	r->source = *source;
	r->has |= FLOW_RESUME_SOURCE;
}

void resume_index(struct stream *s, unsigned side, const struct flow_resume *told)
{
	struct flow_resume *r = resume_of(s, side);

	if (!r)
		return;
	r->has |= told->has;
	if (told->has & FLOW_RESUME_IN) {
		r->in_ssrc = told->in_ssrc;
		r->in_index = told->in_index;
	}
	if (told->has & FLOW_RESUME_OUT) {
		r->out_ssrc = told->out_ssrc;
		r->out_index = told->out_index;
		r->out_shift = told->out_shift;
	}
	if (told->has & FLOW_RESUME_IN_RTCP)
		r->in_rtcp = told->in_rtcp;
	if (told->has & FLOW_RESUME_OUT_RTCP)
		r->out_rtcp = told->out_rtcp;
}

void resume_new_key(struct stream *s, unsigned side, bool out)
{
	if (s->resume)
		s->resume[side].has &= (u8) ~(out ? FLOW_RESUME_OUT | FLOW_RESUME_OUT_RTCP
						  : FLOW_RESUME_IN | FLOW_RESUME_IN_RTCP);
}

void resume_fill(const struct stream *s, struct flow *f)
{
	for (unsigned side = 0; s->resume && side < 2; side++)
		f->side[side].resume = s->resume[side];
}
