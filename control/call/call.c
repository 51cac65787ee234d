/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call: made by an INVITE, gone when both invites and the media report are done. */
#include <errno.h>
#include <stdlib.h>

#include "call_priv.h"

/* The names of its people. */
#define NAMES_ROOM 48

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
	struct arena *arena = arena_new_exact(
		ARENA_HEAD + arena_room(sizeof(struct call)) + media_room() + NAMES_ROOM, 256);
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
		c->leg[i].index = (uint8_t)i;
		c->leg[i].call = c;
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

void call_leave_moved(struct call *c, unsigned leg)
{
	if (!c->rare || !c->rare->moved[leg])
		return;
	call_limits_give(c->calls->limits, c->rare->moved[leg]);
	c->rare->moved[leg] = NULL;
}

struct call_rare *call_rare(struct call *c)
{
	if (!c->rare)
		c->rare = arena_alloc(c->arena, sizeof(*c->rare));
	return c->rare;
}

void call_stop_clock(struct call *c)
{
	if (c->rare && c->rare->longest)
		timer_stop(c->calls->loop, &c->rare->longest->timer);
}

void call_free(struct call *c)
{
	struct conf *conf = c->conf;

	call_leave_route(c);
	call_leave_moved(c, 0);
	call_leave_moved(c, 1);
	if (c->calls->newest == c)
		c->calls->newest = NULL;
	*c->pprev = c->next;
	if (c->next)
		c->next->pprev = c->pprev;
	c->calls->count--;
	call_unhold(c);
	call_early_free(c);
	exchange_drop(c, 487);
	transfer_drop(c, 487);
	call_stop_clock(c);
	arena_free(c->arena);
	conf_put(conf);
}

void call_note(struct call *c, unsigned leg, unsigned status, enum call_note what)
{
	uint64_t now = loop_wall_us(c->calls->loop); /* may be set back */

	c->ring[c->n_events++ % CALL_EVENTS] = (struct call_noted){
		.ms = now > c->started_us ? (uint32_t)((now - c->started_us) / 1000) : 0,
		.status = (uint16_t)status,
		.leg = (uint8_t)leg,
		.note = (uint8_t)what,
	};
}

int call_hold(struct call *c, const struct invite_reply *r)
{
	struct call_held *h = malloc(sizeof(*h) + r->body.n + r->headers.n);
	struct buf b;

	if (!h)
		return -ENOMEM;
	h->status = r->status;
	h->reliable = r->reliable;
	h->body = (struct str){ h->mem, r->body.n };
	h->headers = (struct str){ h->mem + r->body.n, r->headers.n };
	buf_init(&b, h->mem, r->body.n + r->headers.n);
	buf_put(&b, r->body);
	buf_put(&b, r->headers);
	free(c->held);
	c->held = h;
	return 0;
}

void call_unhold(struct call *c)
{
	free(c->held);
	c->held = NULL;
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
	call_note(c, CALL_WHOLE, 0, status ? NOTE_ENGINE_FAILED : NOTE_ENGINE_READY);
	call_fsm(c, status ? IN_COMMIT_FAILED : IN_COMMITTED, &in);
}

void call_reported(void *call, const struct media_report *r)
{
	struct call *c = call;
	struct call_in in = { .report = r };

	if (--c->reports)
		return; /* that of a media session that was given up before */
	c->ended = NULL;
	if (c->rare)
		c->rare->given_up = NULL;
	if (c->state == CALL_ENDING)
		call_fsm(c, IN_REPORT, &in);
}

void call_media_event(void *call, const struct media_news *n)
{
	const struct addr *source = n->source;
	unsigned leg = n->leg;
	struct call *c = call;
	const struct call_leg *from = call_leg_at(c, leg);
	struct call_in in = { .leg = leg };
	char text[ADDR_STR_MAX] = "";

	if (source && source->family)
		addr_print(source, text);
	switch (n->event) {
	case MEDIA_LATCHED:
		log_debug(c->calls->log, "call", "%016llx: media of leg %u comes from %s",
			  (unsigned long long)c->id, leg, text);
		call_note(c, leg, 0, NOTE_LATCHED);
		break;
	case MEDIA_CONFLICT:
		log_warn(c->calls->log, "call",
			 "%016llx: two sources claim the media of %s; nothing of it is relayed",
			 (unsigned long long)c->id,
			 from ? from->trunk->name : "a leg that is gone");
		call_note(c, leg, 0, NOTE_CONFLICT);
		break;
	case MEDIA_SILENCE:
		call_note(c, CALL_WHOLE, 0, NOTE_SILENT);
		if (c->state != CALL_ENDING)
			call_fsm(c, IN_SILENCE, &in);
		break;
	case MEDIA_DTMF:
		dtmf_pressed(c, n);
		break;
	}
}
