/* SPDX-License-Identifier: Apache-2.0 */
/* Flows and packets of the engine in memory. */
#include <errno.h>
#include <stdlib.h>

#include "engine_priv.h"
#include "engine_srtp.h"

static u64 now_us(const struct fake_engine *f)
{
	return loop_now(f->loop) * 1000;
}

static void say(struct entry *e, struct tlv_event v)
{
	struct fake_engine *f = e->engine;
	uint8_t mem[512];
	struct tlv_out o;

	if (!f->subscribed)
		return;
	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_EVENT, 0, 0);
	v.flow_id = e->rule->id;
	v.gen = e->rule->gen;
	tlv_put_event(&o, &v);
	tlv_end(&o);
	engine_say(f, &o);
}

static void say_event(struct entry *e, u32 event, unsigned side)
{
	say(e, (struct tlv_event){
		       .event = event, .side = side, .source = e->side[side].dir[0].src.lock });
}

/* ---- flows ---- */

static struct entry *find_flow(struct fake_engine *f, u64 id)
{
	struct entry *e = f->flows;

	while (e && e->rule->id != id)
		e = e->next;
	return e;
}

static void restart_idle(struct entry *e)
{
	if (e->rule->idle_ms)
		timer_start(e->engine->loop, &e->idle, e->rule->idle_ms);
	else
		timer_stop(e->engine->loop, &e->idle);
}

static void fire_idle(void *arg)
{
	struct entry *e = arg;

	say_event(e, FLOW_EVENT_IDLE, 0);
	restart_idle(e);
}

static void heed_note(struct entry *e, unsigned side, const struct relay_plan *plan)
{
	enum source_note note = plan->note;

	if (note == SOURCE_LATCHED)
		say_event(e, FLOW_EVENT_LATCHED, side);
	else if (note == SOURCE_CONFLICT)
		say_event(e, FLOW_EVENT_CONFLICT, side);
	else if (note == SOURCE_KEY)
		say(e, (struct tlv_event){ .event = FLOW_EVENT_DTMF,
					   .side = side,
					   .duration_ms = plan->key_ms,
					   .digit = plan->key });
}

/* Indices that control is to keep for an engine that starts anew. */
static void tell_index(struct entry *e, struct relay_dir *d)
{
	if (!d->srtp || !d->srtp->tell)
		return;
	for (unsigned out = 0; out < 2; out++) {
		struct tlv_event v = { .event = FLOW_EVENT_INDEX,
				       .side = out ? !d->side : d->side };
		if (relay_resume_state(d, out, &v.resume))
			say(e, v);
	}
}

static void forward(struct entry *e, struct relay_dir *d, struct relay_packet *pkt,
		    const struct relay_plan *plan)
{
	if (engine_srtp_seal(e, d, pkt, plan))
		e->engine->deliver(e->engine->arg, &plan->from, &plan->dst, pkt->payload, pkt->len);
	tell_index(e, d);
}

static void flush_held(struct entry *e, unsigned side, unsigned slot)
{
	struct side *s = &e->side[side];
	struct relay_plan plan;

	for (unsigned i = 0; i < s->n_held; i++) {
		struct held *h = &s->held[i];
		struct relay_packet pkt = { .payload = h->p,
					    .len = (u32)h->n,
					    .src = h->src,
					    .now_us = now_us(e->engine) };

		if (h->slot != slot)
			continue;
		relay_plan_held(&s->dir[0], &pkt, &plan);
		if (plan.note == SOURCE_KEY)
			heed_note(e, side, &plan);
		if (plan.action == RELAY_FORWARD || plan.action == RELAY_TAKE)
			relay_commit(&s->dir[0], &pkt, &plan);
		if (plan.action != RELAY_FORWARD)
			continue;
		forward(e, &s->dir[0], &pkt, &plan);
	}
	s->n_held = 0;
}

static void forward_made(struct entry *e, struct relay_dir *d, const struct relay_plan *plan)
{
	uint8_t p[RELAY_MADE + 20];
	struct relay_packet pkt = { .payload = p, .len = RELAY_MADE, .now_us = now_us(e->engine) };

	memcpy(p, d->play.packet, RELAY_MADE);
	forward(e, d, &pkt, plan);
}

static void tick(void *arg)
{
	struct entry *e = arg;
	struct relay_plan plan;
	bool again = false;

	for (unsigned i = 0; i < 4; i++) {
		struct relay_dir *d = &e->side[i / 2].dir[i % 2];

		if (!relay_ticking(d))
			continue;
		plan.flush_slot = 0xff;
		relay_tick(d, now_us(e->engine), &plan);
		if (i % 2 == 0) {
			heed_note(e, i / 2, &plan);
			if (plan.flush_slot != 0xff)
				flush_held(e, i / 2, plan.flush_slot);
			if (plan.action == RELAY_FORWARD)
				forward_made(e, d, &plan);
		}
		again |= relay_ticking(d);
	}
	if (again)
		timer_start(e->engine->loop, &e->tick, 20);
}

static void start_tick(struct entry *e)
{
	if (!timer_is_set(&e->tick))
		timer_start(e->engine->loop, &e->tick, 20);
}

static struct entry *add_flow(struct fake_engine *f, struct flow *rule)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->engine = f;
	e->rule = rule;
	e->born_ms = loop_now(f->loop);
	timer_init(&e->idle, fire_idle, e);
	timer_init(&e->tick, tick, e);
	engine_srtp_rule(e);
	for (unsigned i = 0; i < 4; i++) {
		relay_dir_init(&e->side[i / 2].dir[i % 2], rule, i / 2, i % 2,
			       &e->side[!(i / 2)].dir[i % 2]);
		e->side[i / 2].dir[i % 2].mate = &e->side[i / 2].dir[!(i % 2)];
	}
	for (unsigned i = 0; i < 4; i++)
		relay_dir_resume(&e->side[i / 2].dir[i % 2], now_us(f));
	e->next = f->flows;
	f->flows = e;
	return e;
}

static void free_entry(struct entry *e)
{
	timer_stop(e->engine->loop, &e->idle);
	timer_stop(e->engine->loop, &e->tick);
	engine_srtp_free(e);
	free(e->rule);
	free(e);
}

/* Two flows on one port are a fault of control that must show. */
static bool port_taken(const struct fake_engine *f, const struct flow *rule)
{
	for (const struct entry *e = f->flows; e; e = e->next) {
		for (unsigned i = 0; i < 4 && e->rule->id != rule->id; i++) {
			const struct flow_addr *a = &e->rule->side[i / 2].local;
			const struct flow_addr *b = &rule->side[i % 2].local;

			if (a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip)))
				return true;
		}
	}
	return false;
}

int flow_set(struct fake_engine *f, const struct tlv_msg *m)
{
	struct flow *rule = calloc(1, sizeof(*rule)), *old;
	const char *why = NULL;
	struct entry *e;
	int err = !rule ? -ENOMEM : f->refuse ? f->refuse : tlv_get_flow(m, rule, &why);

	e = err ? NULL : find_flow(f, rule->id);
	if (!err && port_taken(f, rule))
		err = -EADDRINUSE;
	if (!err && e && rule->gen < e->rule->gen)
		err = -ESTALE;
	if (err || (e && rule->gen == e->rule->gen)) {
		free(rule);
		return err;
	}
	if (e) {
		old = e->rule;
		e->rule = rule;
		engine_srtp_rule(e);
		for (unsigned i = 0; i < 4; i++)
			relay_dir_update(&e->side[i / 2].dir[i % 2], rule, now_us(f));
		for (unsigned i = 0; i < 2; i++)
			if (!source_holds(&e->side[i].dir[0].src))
				e->side[i].n_held = 0;
		free(old);
	} else {
		e = add_flow(f, rule);
	}
	restart_idle(e);
	start_tick(e);
	return 0;
}

void flow_report(const struct entry *e, struct tlv_report *r)
{
	s64 wall = (s64)loop_wall_us(e->engine->loop) - (s64)now_us(e->engine);

	*r = (struct tlv_report){ .flow = *e->rule,
				  .age_ms = loop_now(e->engine->loop) - e->born_ms };
	for (unsigned i = 0; i < 2; i++) {
		relay_stats(&e->side[i].dir[0], wall, &r->rtp[i]);
		relay_stats(&e->side[i].dir[1], wall, &r->rtcp[i]);
	}
}

int flow_dtmf(struct fake_engine *f, const struct tlv_msg *m)
{
	const char *why;
	struct tlv_dtmf k;
	int err = tlv_get_dtmf(m, &k, &why);
	struct entry *e = err ? NULL : find_flow(f, k.flow_id);

	if (err || !e)
		return err ? err : -ENOENT;
	switch (relay_dtmf(&e->side[!k.side].dir[0], k.digit, k.duration_ms, now_us(f))) {
	case RELAY_NO_EVENTS:
		return -ENOTSUP;
	case RELAY_KEYS_FULL:
		return -EBUSY;
	case RELAY_PLAYED:
		break;
	}
	start_tick(e);
	return 0;
}

int flow_del(struct fake_engine *f, u64 id, struct tlv_report *r)
{
	struct entry **p = &f->flows, *e;

	while (*p && (*p)->rule->id != id)
		p = &(*p)->next;
	e = *p;
	if (!e)
		return -ENOENT;
	flow_report(e, r);
	*p = e->next;
	free_entry(e);
	return 0;
}

void flow_clear(struct fake_engine *f)
{
	while (f->flows) {
		struct entry *e = f->flows;

		f->flows = e->next;
		free_entry(e);
	}
}
/* ---- packets ---- */

static void one_packet(struct entry *e, unsigned side, unsigned component, struct relay_packet *pkt)
{
	struct side *s = &e->side[side];
	struct relay_dir *d = &s->dir[component];
	struct relay_plan plan = { .flush_slot = 0xff };

	if (!engine_srtp_open(e, d, &s->dir[0], pkt))
		return;
	relay_plan(d, &s->dir[0], pkt, &plan);
	if (plan.is_rtcp)
		d = &s->dir[1];
	heed_note(e, side, &plan);
	if (plan.flush_slot != 0xff)
		flush_held(e, side, plan.flush_slot);
	if (plan.action == RELAY_HOLD && s->n_held < HELD_MAX && pkt->len <= sizeof(s->held->p)) {
		struct held *h = &s->held[s->n_held++];

		h->src = pkt->src;
		h->n = pkt->len;
		h->slot = plan.hold_slot;
		memcpy(h->p, pkt->payload, pkt->len);
	}
	if (plan.action == RELAY_TAKE)
		relay_commit(d, pkt, &plan);
	if (plan.action == RELAY_FORWARD) {
		relay_commit(d, pkt, &plan);
		forward(e, d, pkt, &plan);
		restart_idle(e);
	}
	start_tick(e);
}

bool fake_engine_packet(struct fake_engine *f, const struct flow_addr *from,
			const struct flow_addr *to, uint8_t *p, size_t n)
{
	struct relay_packet pkt = {
		.payload = p, .len = (u32)n, .src = *from, .now_us = now_us(f)
	};

	for (struct entry *e = f->flows; e; e = e->next) {
		for (unsigned side = 0; side < 2; side++) {
			const struct flow_side *s = &e->rule->side[side];

			if (memcmp(s->local.ip, to->ip, sizeof(to->ip)))
				continue;
			if (to->port == s->local.port || to->port == s->local_rtcp) {
				one_packet(e, side, to->port != s->local.port, &pkt);
				return true;
			}
		}
	}
	return false;
}
