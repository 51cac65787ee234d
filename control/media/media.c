/* SPDX-License-Identifier: Apache-2.0 */
/* The session: offers and answers change it, commits bring it to the engine. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

size_t media_room(void)
{
	return arena_room(sizeof(struct media)) + arena_room(sizeof(struct stream));
}

struct media *media_new(struct media_shard *ms, const struct media_options *o)
{
	struct media *m = arena_alloc(o->arena, sizeof(*m));

	if (!m)
		return NULL;
	m->ms = ms;
	m->arena = o->arena;
	m->conf = o->conf;
	m->event = o->event;
	m->event_arg = o->arg;
	for (unsigned leg = 0; leg < 2; leg++) {
		m->leg[leg].trunk = o->trunk[leg];
		m->leg[leg].id = 1 + loop_random_u32(ms->loop, INT32_MAX); /* some read 31 bits */
	}
	return m;
}

/* ---- descriptions ---- */

static int parse(struct media *m, struct str text)
{
	const char *why = "";

	if (!sdp_parse(text, &m->ms->in, &why))
		return 0;
	log_info(m->ms->log, "media", "SDP that can't be used: %s", why);
	return -EBADMSG;
}

/* What counts as a change: all but o=, whose other fields stay. */
static u64 print_hash(const struct media_shard *ms, struct str text)
{
	struct str line;

	str_line(&text, &line); /* v= */
	str_line(&text, &line); /* o= */
	return siphash(ms->key, text.p, text.n);
}

/* Writes ms->out to `leg`. The version rises where the text differs from the last one sent. */
static int print(struct media *m, unsigned leg, struct buf *out)
{
	const struct conf_network *n = media_network(m, leg);
	struct media_leg *l = &m->leg[leg];
	struct sdp *s = &m->ms->out;
	struct buf before = *out;
	u64 hash = 0;

	s->id = l->id;
	s->origin = n->public.family ? n->public : n->address;
	s->version = l->version + 1;
	sdp_print(s, out);
	if (buf_ok(out))
		hash = print_hash(m->ms, (struct str){ out->p + before.n, out->n - before.n });
	if (buf_ok(out) && l->version && hash == l->sent) {
		*out = before;
		s->version = l->version;
		sdp_print(s, out);
	}
	if (!buf_ok(out)) {
		*out = before;
		return -EMSGSIZE;
	}
	l->version = (u32)s->version;
	l->sent = hash;
	return 0;
}

/* ---- offer ---- */

static int make_streams(struct media *m, unsigned n)
{
	struct stream **at = &m->streams;

	for (unsigned i = 0; i < n; i++) {
		if (!*at) {
			struct stream *s = arena_alloc(m->arena, sizeof(*s));
			if (!s)
				return -ENOMEM;
			s->m = m;
			*at = s;
		}
		at = &(*at)->next;
	}
	return 0;
}

/* Opens what is on and not open; `opened` gets a bit for each. */
static int open_streams(struct media *m, const struct draft *d, u32 *opened)
{
	struct stream *s = m->streams;
	int rc = 0;

	for (unsigned i = 0; i < d->n && !rc; i++, s = s->next) {
		if (!d->line[i].offer.on || s->id)
			continue;
		rc = stream_open(s);
		if (!rc)
			*opened |= 1u << i;
	}
	return rc;
}

static void close_streams(struct media *m, u32 opened)
{
	struct stream *s = m->streams;

	for (; s && opened; s = s->next, opened >>= 1)
		if (opened & 1)
			stream_close(s, false);
}

static void put_ports(struct media *m, unsigned leg, const struct draft *d,
		      const struct terms *answer)
{
	const struct stream *s = m->streams;

	for (unsigned i = 0; i < m->ms->out.n_media; i++, s = s->next)
		if (answer ? answer[i].on : d->line[i].offer.on)
			m->ms->out.media[i].port = s->port[leg];
}

/* What was agreed goes on untouched until the answer. */
static void push_new(struct media *m)
{
	struct stream *s = m->streams;

	for (unsigned i = 0; i < m->draft->n; i++, s = s->next)
		if (s->id && !s->agreed)
			stream_push(s, NULL, NULL);
}

int media_offer(struct media *m, unsigned leg, struct str sdp, const struct addr *sig,
		struct buf *out)
{
	struct draft *d;
	u32 opened = 0;
	int rc;

	if (m->draft)
		return -EBUSY;
	rc = parse(m, sdp);
	if (!rc)
		rc = offer_read(m, leg, sig, &d);
	if (rc)
		return rc;
	rc = make_streams(m, d->n);
	if (!rc)
		rc = open_streams(m, d, &opened);
	if (!rc) {
		put_ports(m, !leg, d, NULL);
		rc = print(m, !leg, out);
	}
	if (rc) {
		close_streams(m, opened);
		free(d);
		return rc;
	}
	m->draft = d;
	push_new(m);
	return 0;
}

/* ---- answer ---- */

/* For people: of the first answer, or of the last where the codec changed. */
static void name_codecs(struct media *m, const struct terms *terms)
{
	struct stream *s = m->streams;
	u32 clock;

	for (unsigned i = 0; i < m->ms->out.n_media; i++, s = s->next)
		if (terms[i].on)
			codec_first(&m->ms->out.media[i], &clock, s->codec);
}

int media_answer(struct media *m, unsigned leg, unsigned fork, struct str sdp, const struct addr *sig,
		 struct buf *out)
{
	struct terms terms[SDP_MEDIA_MAX];
	struct draft *d = m->draft;
	int rc;

	(void)fork;
	if (!d || d->offerer == leg)
		return -EINVAL;
	rc = parse(m, sdp);
	if (!rc)
		rc = answer_read(m, leg, terms);
	if (rc)
		return rc;
	put_ports(m, !leg, d, terms);
	rc = print(m, !leg, out);
	if (rc)
		return rc;
	name_codecs(m, terms);
	for (unsigned i = 0; i < d->n; i++)
		d->line[i].answer = terms[i];
	d->sig[leg] = *sig;
	d->answered = true;
	return 0;
}

static void drop_stream(struct stream *s)
{
	if (!s->id)
		return;
	engine_del(s->m->ms->engine, s->id, NULL, NULL);
	stream_close(s, true);
}

void media_settle(struct media *m)
{
	struct draft *d = m->draft;
	struct stream *s = m->streams;

	if (!d || !d->answered)
		return;
	m->draft = NULL;
	m->n_lines = d->n;
	m->settled_ms = loop_now(m->ms->loop);
	for (unsigned leg = 0; leg < 2; leg++)
		if (d->sig[leg].family)
			m->leg[leg].sig = d->sig[leg];
	for (unsigned i = 0; i < d->n; i++, s = s->next) {
		s->now = d->line[i].answer;
		s->agreed |= s->now.on;
		if (!s->agreed) /* one that was on keeps its ports for when it comes back */
			drop_stream(s);
	}
	free(d);
}

void media_reject(struct media *m)
{
	struct draft *d = m->draft;

	if (!d)
		return;
	m->draft = NULL;
	for (struct stream *s = m->streams; s && !media_is_first(m); s = s->next) {
		if (!s->agreed)
			drop_stream(s);
		else if (d->committed)
			stream_push(s, NULL, NULL);
	}
	free(d);
}

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

	cancel_commit(m);
	if (!c) { /* the one case in which done() comes from inside: nothing is left to wait with */
		if (done)
			done(arg, -ENOMEM);
		return;
	}
	*c = (struct commit){ .m = m, .done = done, .arg = arg };
	c->task = (struct loop_task){ .run = finish_commit, .arg = c };
	m->commit = c;
	if (m->draft && m->draft->answered)
		m->draft->committed = true;
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

static void end_counted(void *arg, int status, const struct tlv_report *r)
{
	struct media_report out = { .valid = status == 0 };

	if (!status) {
		memcpy(out.rtp, r->rtp, sizeof(out.rtp));
		memcpy(out.rtcp, r->rtcp, sizeof(out.rtcp));
	}
	report_end(arg, &out);
}

void media_end(struct media *m, void (*done)(void *arg, const struct media_report *r), void *arg)
{
	struct engine *e = m->ms->engine;
	struct stream *first = m->streams;
	int rc = -ENOENT;

	cancel_commit(m);
	free(m->draft);
	m->draft = NULL;
	m->event = NULL;
	m->end_done = done;
	m->end_arg = arg;
	while (first && !first->id)
		first = first->next;
	/* The first comes last: its answer says that all are gone. */
	for (struct stream *s = first ? first->next : NULL; s; s = s->next)
		drop_stream(s);
	if (first) {
		rc = engine_del(e, first->id, end_counted, m);
		stream_close(first, true);
	}
	if (!rc)
		return;
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
	free(m->draft);
	m->draft = NULL;
	for (struct stream *s = m->streams; s; s = s->next)
		stream_close(s, true);
}

/* ---- for people ---- */

bool media_is_held(const struct media *m)
{
	bool any = false, agreed = false;

	for (const struct stream *s = m->streams; s; s = s->next) {
		const struct terms *t = stream_terms(s);
		agreed |= s->agreed;
		any |= t->on;
		if (t->on && (t->dir[0] != SDP_SENDRECV || t->dir[1] != SDP_SENDRECV))
			return true;
	}
	return agreed && !any; /* all are switched off: held, as some do it */
}

unsigned media_info(const struct media *m, unsigned leg, struct media_leg_info *out, unsigned max)
{
	unsigned n = 0;

	for (const struct stream *s = m->streams; s && n < max; s = s->next) {
		const struct terms *t = stream_terms(s);
		if (!s->id)
			continue;
		out[n] = (struct media_leg_info){
			.kind = kind_name(t->kind),
			.codec = s->codec,
			.local = media_network(m, leg)->address,
			.remote = t->remote[leg],
			.direction = t->on ? sdp_dir_name(t->dir[leg]) : "inactive",
			.flow_id = s->id,
			.flow_side = leg,
		};
		out[n++].local.port = s->port[leg];
	}
	return n;
}
