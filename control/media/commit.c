/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine hears of a session: its streams as they are now, and their end. */
#include <errno.h>
#include "media/media_priv.h"
#include "media/mos.h"

/* ---- commit ---- */

static void finish_commit(void *arg)
{
	struct commit *c = arg;

	if (c->m)
		c->m->commit = NULL;
	if (c->done)
		c->done(c->arg, c->status);
	free(c);
}

static void set_acked(void *arg, int status)
{
	struct commit *c = arg;

	if (!c->status)
		c->status = status;
	if (!--c->pending)
		finish_commit(c);
}

static void cancel_commit(struct media *m)
{
	struct commit *c = m->commit;

	if (!c)
		return;
	engine_forget(m->ms->engine, c);
	m->commit = NULL;
	c->m = NULL;
	c->status = -ECANCELED;
	loop_defer(m->ms->loop, &c->task); /* it may be queued already, with another status */
}

static void commit_streams(struct media *m, struct commit *c)
{
	for (struct stream *s = m->streams; s; s = s->next) {
		if (!s->id)
			continue;
		int rc = stream_push(s, set_acked, c);
		if (!rc)
			c->pending++;
		else if (!c->status)
			c->status = rc;
	}
}

void media_commit(struct media *m, void (*done)(void *arg, int status), void *arg)
{
	struct commit *c = malloc(sizeof(*c));
	struct draft *current = media_current(m);

	cancel_commit(m);
	if (!c) { /* the one case in which done() comes from inside: nothing is left to wait with */
		if (done)
			done(arg, -ENOMEM);
		return;
	}
	*c = (struct commit){ .m = m, .done = done, .arg = arg };
	c->task = (struct loop_task){ .run = finish_commit, .arg = c };
	m->commit = c;
	if (current && current->answered)
		current->committed = true;
	if (engine_is_up(m->ms->engine))
		commit_streams(m, c);
	else
		c->status = -ENOTCONN;
	if (!c->pending)
		loop_defer(m->ms->loop, &c->task);
}

/* ---- end ---- */

static void report_end(struct media *m, const struct media_report *r)
{
	if (m->end_done)
		m->end_done(m->end_arg, r);
}

static void end_without_engine(void *arg)
{
	static const struct media_report none;

	report_end(arg, &none);
}

/* Of the stream that media_end() kept it for. */
static void forget_codec(struct media *m, char codec[CODEC_NAME_MAX])
{
	*codec = 0;
	for (struct stream *s = m->streams; s; s = s->next) {
		if (s->map)
			memcpy(codec, ((const struct map *)s->map->p)->codec, CODEC_NAME_MAX);
		known_set(m->ms, &s->map, NULL);
	}
}

static void end_counted(void *arg, int status, const struct tlv_report *r)
{
	struct media_report out = { .valid = status == 0 };
	char codec[CODEC_NAME_MAX];

	forget_codec(arg, codec);
	if (!status) {
		memcpy(out.rtp, r->rtp, sizeof(out.rtp));
		memcpy(out.rtcp, r->rtcp, sizeof(out.rtcp));
		for (unsigned side = 0; side < 2; side++)
			out.mos[side] = mos_of_report(r, side, codec);
	}
	report_end(arg, &out);
}

void leg_forget(struct media_shard *ms, struct media_leg *l)
{
	known_set(ms, &l->said, NULL);
	known_set(ms, &l->told, NULL);
	known_set(ms, &l->view, NULL);
	known_set(ms, &l->numbers, NULL);
}

/* What was said; the ports are another matter. `but`: a stream whose codec is wanted still; NULL. */
static void forget(struct media *m, const struct stream *but)
{
	draft_free(m->ms, m->draft);
	m->draft = NULL;
	for (unsigned leg = 0; leg < 2; leg++)
		leg_forget(m->ms, &m->leg[leg]);
	if (m->third) {
		leg_forget(m->ms, &m->third->leg);
		draft_free(m->ms, m->third->settled);
		m->third->settled = NULL;
	}
	for (struct stream *s = m->streams; s; s = s->next) {
		if (s != but)
			known_set(m->ms, &s->map, NULL);
		sdes_free(s);
	}
}

void media_end(struct media *m, void (*done)(void *arg, const struct media_report *r), void *arg)
{
	struct engine *e = m->ms->engine;
	struct stream *first = m->streams;
	int rc = -ENOENT;

	while (first && !first->id)
		first = first->next;
	cancel_commit(m);
	forget(m, first);
	m->event = NULL;
	m->end_done = done;
	m->end_arg = arg;
	/* The first comes last: its answer says that all are gone. */
	for (struct stream *s = first ? first->next : NULL; s; s = s->next)
		stream_drop(s);
	if (first) {
		rc = engine_del(e, first->id, end_counted, m);
		stream_close(first);
	}
	if (!rc)
		return;
	forget(m, NULL);
	m->end_task = (struct loop_task){ .run = end_without_engine, .arg = m };
	loop_defer(m->ms->loop, &m->end_task);
}

void media_drop(struct media *m)
{
	struct engine *e = m->ms->engine;

	engine_forget(e, m);
	loop_undefer(m->ms->loop, &m->end_task);
	if (m->commit) {
		engine_forget(e, m->commit);
		loop_undefer(m->ms->loop, &m->commit->task);
		free(m->commit);
		m->commit = NULL;
	}
	forget(m, NULL);
	for (struct stream *s = m->streams; s; s = s->next)
		stream_close(s);
}
