/* SPDX-License-Identifier: Apache-2.0 */
/* What all sessions of a shard share: the engine, the ports, and the way from an event to its
 * session. */
#include <errno.h>
#include <stdlib.h>
#include "media/media_priv.h"

static bool has_id(const struct table_node *n, const void *key)
{
	return ((const struct stream *)n)->id == *(const u64 *)key;
}

struct stream *shard_stream(const struct media_shard *ms, u64 id)
{
	return (struct stream *)table_find(&ms->streams, table_hash(&ms->streams, &id, sizeof(id)),
					   has_id, &id);
}

void shard_add(struct media_shard *ms, struct stream *s)
{
	table_add(&ms->streams, &s->node, table_hash(&ms->streams, &s->id, sizeof(s->id)));
	audit_soon(ms);
}

/* ---- the engine's user ---- */

static void push_again(struct table_node *n, void *arg)
{
	stream_push((struct stream *)n, NULL, NULL);
}

/* Also where the engine kept its flows: a SET may have been lost with the line, and one that was
 * not changes nothing. */
static void up(void *arg, bool fresh)
{
	struct media_shard *ms = arg;

	orphan_forget_unseen(ms);
	table_each(&ms->streams, push_again, ms);
}

static bool known(void *arg, u64 id)
{
	struct media_shard *ms = arg;

	return shard_stream(ms, id) || orphan_known(ms, id);
}

static void orphaned(void *arg, const struct tlv_report *r)
{
	orphan_add(arg, r);
}

/* The engine says IDLE again and again while a stream is silent; so all are when all said it
 * lately. */
static bool all_silent(const struct media *m, u32 now, u32 idle_ms)
{
	for (const struct stream *s = m->streams; s; s = s->next) {
		const struct terms *t = stream_terms(s);
		if (t->on && !terms_relayed(t))
			return false; /* nobody knows */
		if (!s->id || !t->on)
			continue;
		if (!s->idle_at || now - s->idle_at > idle_ms + 1000)
			return false;
	}
	return true;
}

static void silent(struct stream *s)
{
	struct media *m = s->m;
	bool held = media_is_held(m);
	u32 limit_s = held ? m->conf->media.hold_silence_s : m->conf->media.silence_s;
	uint64_t now = loop_now(m->ms->loop), limit = limit_s * 1000ull;

	/* Nobody must speak before the answer; the time that counts begins with it. */
	if (!limit || !m->settled_ms || now - m->settled_ms < limit)
		return;
	s->idle_at = (u32)now ? (u32)now : 1; /* 0 is for "never" */
	if (all_silent(m, (u32)now, (u32)limit))
		m->event(m->event_arg, &(struct media_news){ .event = MEDIA_SILENCE });
}

static void stream_event(struct stream *s, const struct tlv_event *e)
{
	struct media *m = s->m;
	struct addr source = { .port = e->source.port, .family = e->source.family };

	if (e->gen < s->gen || !m->event)
		return;
	memcpy(source.ip, e->source.ip, sizeof(source.ip));
	switch (e->event) {
	case FLOW_EVENT_LATCHED:
		s->idle_at = 0;
		resume_source(s, e->side, &e->source);
		m->event(m->event_arg, &(struct media_news){ .event = MEDIA_LATCHED,
							     .leg = stream_leg(s, e->side),
							     .source = &source });
		break;
	case FLOW_EVENT_CONFLICT:
		m->event(m->event_arg, &(struct media_news){ .event = MEDIA_CONFLICT,
							     .leg = stream_leg(s, e->side),
							     .source = &source });
		break;
	case FLOW_EVENT_IDLE:
		silent(s);
		break;
	case FLOW_EVENT_DTMF:
		m->event(m->event_arg, &(struct media_news){ .event = MEDIA_DTMF,
							     .leg = stream_leg(s, e->side),
							     .digit = key_digit(e->digit),
							     .duration_ms = e->duration_ms });
		break;
	case FLOW_EVENT_INDEX:
		resume_index(s, e->side, &e->resume);
		break;
	default: /* PUNT: no side asks for it yet. FLOOD: its counters say it */
		break;
	}
}

static void event(void *arg, const struct tlv_event *e)
{
	struct media_shard *ms = arg;
	struct stream *s;

	if (e->event == FLOW_EVENT_RESTARTED) {
		table_each(&ms->streams, push_again, ms);
		return;
	}
	s = shard_stream(ms, e->flow_id);
	if (s)
		stream_event(s, e);
	else if (e->event == FLOW_EVENT_IDLE)
		orphan_idle(ms, e->flow_id);
}

/* ---- life ---- */

static int make_ports(struct media_shard *ms)
{
	const struct conf *c = ms->conf;

	ms->pool = calloc(c->n_networks ? c->n_networks : 1, sizeof(*ms->pool));
	if (!ms->pool)
		return -ENOMEM;
	ms->n_networks = c->n_networks;
	for (unsigned i = 0; i < c->n_networks; i++)
		if (pool_init(&ms->pool[i], ms->loop, &c->networks[i], ms->shard, ms->n_shards))
			return -ENOMEM;
	return 0;
}

static int make_engine(struct media_shard *ms, const struct media_shard_options *o)
{
	const struct engine_options e = {
		.loop = o->loop,
		.log = o->log,
		.transport = o->transport,
		.user = { .up = up, .event = event, .known = known, .orphan = orphaned, .arg = ms },
		.shard = o->shard,
	};

	ms->engine = engine_new(&e);
	return ms->engine ? 0 : -errno;
}

static int make(struct media_shard *ms, const struct media_shard_options *o)
{
	u64 key[2];

	loop_random(ms->loop, ms->key, sizeof(ms->key));
	loop_random(ms->loop, key, sizeof(key));
	int rc = table_init(&ms->streams, key, 64);
	if (!rc)
		rc = table_init(&ms->orphans, key, 16);
	if (!rc)
		rc = table_init(&ms->known, key, 64);
	if (!rc)
		rc = make_ports(ms);
	return rc ? rc : make_engine(ms, o);
}

struct media_shard *media_shard_new(const struct media_shard_options *o)
{
	struct media_shard *ms = calloc(1, sizeof(*ms));
	int rc;

	if (!ms)
		return NULL;
	ms->loop = o->loop;
	ms->log = o->log;
	ms->conf = conf_get((struct conf *)o->conf);
	ms->shard = o->shard;
	ms->n_shards = o->n_shards ? o->n_shards : 1;
	audit_init(ms);
	rc = make(ms, o);
	if (rc) {
		media_shard_free(ms);
		errno = -rc;
		return NULL;
	}
	return ms;
}

void media_shard_free(struct media_shard *ms)
{
	if (!ms)
		return;
	timer_stop(ms->loop, &ms->audit);
	engine_free(ms->engine);
	orphan_free_all(ms);
	table_fini(&ms->streams);
	table_fini(&ms->orphans);
	learned_forget(ms);
	table_fini(&ms->known);
	for (unsigned i = 0; i < ms->n_networks; i++)
		pool_fini(&ms->pool[i]);
	free(ms->pool);
	conf_put(ms->conf);
	free(ms);
}

struct engine *media_engine(struct media_shard *ms)
{
	return ms->engine;
}

void media_port_usage(const struct media_shard *ms, unsigned network, struct media_ports *out)
{
	*out = (struct media_ports){ 0 };
	if (network < ms->n_networks)
		pool_usage(&ms->pool[network], out);
}
