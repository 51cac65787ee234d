/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call: made by an INVITE, gone when both invites and the media report are done. */
#include <errno.h>
#include <stdlib.h>

#include "call_priv.h"

/* A call with one stream: itself, its session, the names of its people. */
#define ARENA_FIRST 1664

static uint64_t new_id(struct calls *cs)
{
	uint64_t id;

	loop_random(cs->loop, &id, sizeof(id));
	return (id >> 8) | (uint64_t)cs->shard << 56; /* shards cannot meet */
}

static void link_call(struct calls *cs, struct call *c)
{
	c->next = cs->first;
	c->pprev = &cs->first;
	if (c->next)
		c->next->pprev = &c->next;
	cs->first = c;
	cs->count++;
}

struct call *call_new(struct calls *cs, struct invite *inv, const struct conf_trunk *from,
		      const struct addr *source)
{
	struct arena *arena = arena_new(ARENA_FIRST);
	struct call *c = arena ? arena_alloc(arena, sizeof(*c)) : NULL;

	if (!c) {
		arena_free(arena);
		return NULL;
	}
	c->arena = arena;
	c->calls = cs;
	c->conf = conf_get(cs->conf);
	c->id = new_id(cs);
	c->started_us = loop_wall_us(cs->loop);
	for (unsigned i = 0; i < 2; i++) {
		c->leg[i].call = c;
		c->leg[i].index = (uint8_t)i;
	}
	c->leg[0].inv = inv;
	c->leg[0].trunk = from;
	c->leg[0].peer = *source;
	link_call(cs, c);
	return c;
}

/* The place is free as soon as the call is over for its people, not only when the engine has
 * counted. */
void call_leave_route(struct call *c)
{
	if (c->route)
		call_limits_give(c->calls->limits, c->route);
	c->route = NULL;
}

void call_free(struct call *c)
{
	struct conf *conf = c->conf;

	call_leave_route(c);
	if (c->calls->newest == c)
		c->calls->newest = NULL;
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	c->calls->count--;
	call_unhold(c);
	arena_free(c->arena);
	conf_put(conf);
}

void call_note(struct call *c, unsigned leg, unsigned status, const char *what)
{
	c->ring[c->n_events++ % CALL_EVENTS] = (struct call_event){
		.wall_us = loop_wall_us(c->calls->loop),
		.leg = (uint8_t)leg,
		.status = (uint16_t)status,
		.what = what,
	};
}

int call_hold(struct call *c, unsigned status, struct str headers, struct str body)
{
	struct call_held *h = &c->held;
	size_t need = headers.n + body.n;

	if (need > h->cap) {
		/* Not realloc(): `body` may be the one that is held already. */
		char *mem = malloc(need);

		if (!mem)
			return -ENOMEM;
		if (body.n)
			memcpy(mem, body.p, body.n);
		body.p = mem;
		free(h->mem);
		h->mem = mem;
		h->cap = need;
	}
	if (body.n)
		memmove(h->mem, body.p, body.n);
	if (headers.n)
		memcpy(h->mem + body.n, headers.p, headers.n);
	h->body = (struct str){ h->mem, body.n };
	h->headers = (struct str){ h->mem + body.n, headers.n };
	h->status = status;
	return 0;
}

void call_unhold(struct call *c)
{
	free(c->held.mem);
	c->held = (struct call_held){ 0 };
}

void call_committed(void *call, int status)
{
	struct call *c = call;
	struct call_in in = { .error = status };

	if (status == -ECANCELED || c->state == CALL_ENDING)
		return; /* a newer commit took its place, or nobody waits any more */
	if (status)
		log_warn(c->calls->log, "call", "%016llx: the engine did not take the flows: %s",
			 (unsigned long long)c->id, strerror(-status));
	call_note(c, 2, 0, status ? "engine failed" : "engine ready");
	call_fsm(c, status ? IN_COMMIT_FAILED : IN_COMMITTED, &in);
}

void call_reported(void *call, const struct media_report *r)
{
	struct call *c = call;
	struct call_in in = { 0 };

	c->ended = NULL;
	c->measured = r->valid;
	for (unsigned i = 0; i < 2; i++)
		c->packets[i] = r->rtp[i];
	call_fsm(c, IN_REPORT, &in);
}

void call_media_event(void *call, enum media_event e, unsigned leg, const struct addr *source)
{
	struct call *c = call;
	struct call_in in = { .leg = leg };
	char text[ADDR_STR_MAX] = "";

	if (source && source->family)
		addr_print(source, text);
	switch (e) {
	case MEDIA_LATCHED:
		log_debug(c->calls->log, "call", "%016llx: media of leg %u comes from %s",
			  (unsigned long long)c->id, leg, text);
		call_note(c, leg, 0, "media latched");
		break;
	case MEDIA_CONFLICT:
		log_warn(c->calls->log, "call",
			 "%016llx: two sources claim the media of %s; nothing of it is relayed",
			 (unsigned long long)c->id, c->leg[leg].trunk->name);
		call_note(c, leg, 0, "media conflict");
		break;
	case MEDIA_SILENCE:
		call_note(c, 2, 0, "media silent");
		if (c->state != CALL_ENDING)
			call_fsm(c, IN_SILENCE, &in);
		break;
	}
}
