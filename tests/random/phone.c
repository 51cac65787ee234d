/* SPDX-License-Identifier: Apache-2.0 */
/* A phone: a SIP core, and what it notes of each of its calls. What it does in them: acts.c. */
#include <stdlib.h>

#include "random.h"

static struct leg *leg_new(struct phone *p, bool server)
{
	struct leg *l = arena_alloc(p->game->w->arena, sizeof(*l));

	l->phone = p;
	l->server = server;
	self_init(&l->self, &p->game->dice, (uint16_t)(20000 + 16 * p->game->serial++ % 20000));
	timer_init(&l->act, leg_act, l);
	l->next = p->legs;
	p->legs = l;
	return l;
}

static void leg_over(struct leg *l)
{
	l->inv = NULL;
	l->owed = 0;
	timer_stop(l->phone->game->loop, &l->act);
}

/* ---- what the core says ---- */

static int peer_of(void *arg, const struct sip_hop *hop)
{
	const struct phone *p = arg;

	return addr_ip_eq(&hop->addr, &p->sluice) ? 0 : SIP_NO_PEER;
}

/* Terms that both cannot meet are refused by who is asked: 420, 421, 422. */
static unsigned judge(const struct phone *p, struct invite *inv)
{
	unsigned peer = invite_peer(inv);

	if (p->terms.rel == INVITE_REL_NEVER && peer & INVITE_PEER_NEEDS_100REL)
		return 420;
	if (p->terms.rel == INVITE_REL_REQUIRE && !(peer & INVITE_PEER_100REL))
		return 421;
	return invite_session_too_small(inv) ? 422 : 0;
}

static void *new_invite(void *arg, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source)
{
	struct phone *p = arg;
	struct leg *l;
	unsigned status;

	(void)core;
	(void)source;
	invite_set_terms(inv, &p->terms);
	status = p->game->stopped ? 480 : judge(p, inv);
	if (status) {
		invite_end(inv, status, STR_NONE);
		return NULL;
	}
	l = leg_new(p, true);
	l->inv = inv;
	l->owed = OWED_REPLY;
	if (m->body.n)
		leg_take_offer(l, m->body, BY_INVITE);
	voice_learn(l, m->body);
	leg_soon(l);
	return l;
}

static struct owing *own_request(struct phone *p, struct sip_request *r, const struct sip_msg *m,
				 struct leg *l)
{
	struct owing *o = arena_alloc(p->game->w->arena, sizeof(*o));

	o->phone = p;
	o->leg = l;
	o->request = r;
	o->method = m->method;
	timer_init(&o->timer, owing_answer, o);
	o->next = p->owing;
	p->owing = o;
	timer_start(p->game->loop, &o->timer, p->game->stopped ? 0 : dice_delay(&p->game->dice));
	return o;
}

static void settle(struct leg *l)
{
	l->offered = false;
	l->settled = true;
}

static void hear_progress(struct leg *l, const struct invite_event *e)
{
	if (!e->reliable)
		return;
	l->owed |= OWED_PRACK;
	l->fork = e->fork;
	if (e->body.n && l->offered)
		settle(l);
	else if (e->body.n && !l->settled && !l->got)
		leg_take_offer(l, e->body, BY_RELIABLE);
	leg_soon(l);
}

/* A 2xx to an INVITE of ours. */
static void hear_answer(struct leg *l, const struct invite_event *e)
{
	bool asked = !l->up || l->late;

	l->owed |= OWED_ACK;
	if (l->offered && !l->updates)
		settle(l);
	else if (e->body.n && asked && !(l->settled && !l->up) && !l->got)
		leg_take_offer(l, e->body, BY_2XX);
	l->up = true;
	l->late = false;
	leg_soon(l);
}

static void hear_refusal(struct leg *l, const struct invite_event *e)
{
	l->offered &= l->updates;
	l->late = false;
	if (e->status != 491)
		return;
	l->retries = true;
	timer_start(l->phone->game->loop, &l->act, invite_glare_ms(l->inv));
}

static void hear_offer(struct leg *l, const struct invite_event *e)
{
	if (l->offered || l->got) {
		invite_reply(l->inv, &(struct invite_reply){ .status = l->got ? 500 : 491 });
		return;
	}
	l->owed |= OWED_REPLY;
	if (e->body.n)
		leg_take_offer(l, e->body, BY_INVITE);
	leg_soon(l);
}

static void hear_update(struct leg *l, const struct invite_event *e)
{
	if (e->body.n && (l->offered || l->got)) {
		sip_request_reply(e->request,
				  &(struct invite_reply){ .status = l->got ? 500 : 491 });
		return;
	}
	if (e->body.n)
		leg_take_offer(l, e->body, BY_UPDATE);
	own_request(l->phone, e->request, e->msg, l)->offer = e->body.n != 0;
}

static void hear_request(struct leg *l, const struct invite_event *e)
{
	if (e->type == INVITE_PRACK && e->body.n && l->offered)
		settle(l);
	l->unsure -= e->type == INVITE_PRACK && l->unsure;
	own_request(l->phone, e->request, e->msg, l);
	if (e->type == INVITE_REQUEST && e->msg->method == SIP_REFER)
		transfer_follow(l->phone, e->msg);
}

static void event(void *arg, struct invite *inv, const struct invite_event *e)
{
	struct leg *l = arg;

	(void)inv;
	voice_learn(l, e->body);
	switch (e->type) {
	case INVITE_PROGRESS:
		hear_progress(l, e);
		break;
	case INVITE_ANSWER:
		hear_answer(l, e);
		break;
	case INVITE_REANSWER:
		e->status < 300 ? hear_answer(l, e) : hear_refusal(l, e);
		break;
	case INVITE_ACK:
		l->up = true;
		l->unacked = false;
		settle(l);
		break;
	case INVITE_OFFER:
		hear_offer(l, e);
		break;
	case INVITE_UPDATE:
		hear_update(l, e);
		break;
	case INVITE_UPDATED:
		if (l->updates)
			settle(l);
		l->updates = false;
		break;
	case INVITE_REFRESH:
		l->owed |= OWED_REFRESH;
		leg_soon(l);
		break;
	case INVITE_PRACK:
	case INVITE_REQUEST:
		hear_request(l, e);
		break;
	case INVITE_FAIL:
	case INVITE_CANCEL:
	case INVITE_BYE:
	case INVITE_LOST:
		leg_over(l);
		break;
	}
}

static void request(void *arg, struct sip_request *r, const struct sip_msg *m,
		    const struct sip_core *core, const struct sip_hop *source)
{
	(void)core;
	(void)source;
	own_request(arg, r, m, NULL);
}

/* ---- life ---- */

void phone_init(struct game *g, struct phone *p)
{
	static const uint32_t sessions[] = { 0, 90, 120, 1800 };

	p->game = g;
	p->terms = (struct invite_terms){ .rel = (uint8_t)dice_below(&g->dice, 3),
					  .refresher = (uint8_t)dice_below(&g->dice, 3),
					  .session_expires_s = sessions[dice_below(&g->dice, 4)],
					  .session_min_s = 90 };
	if (game_without(g, WITHOUT_RELIABLE))
		p->terms.rel = INVITE_REL_NEVER;
	if (game_without(g, WITHOUT_SESSION))
		p->terms.session_expires_s = 0;
	p->net = (struct sip_network){ .name = p->name, .advertised = p->addr };
	p->sip = sip_new(&(struct sip_options){ .loop = g->loop,
						.io = { net_from_phone, p },
						.user = { .peer_of = peer_of,
							  .invite = new_invite,
							  .event = event,
							  .request = request,
							  .arg = p },
						.timers = { 500, 4000, 5000 },
						.networks = &p->net,
						.n_networks = 1,
						.n_shards = 1,
						.max_transactions = 1000 });
	if (!p->sip)
		abort();
}

void phone_free(struct phone *p)
{
	for (struct leg *l = p->legs; l; l = l->next)
		timer_stop(p->game->loop, &l->act);
	for (struct owing *o = p->owing; o; o = o->next)
		timer_stop(p->game->loop, &o->timer);
	if (p->sip)
		sip_free(p->sip);
	p->sip = NULL;
}

void phone_call_to(struct phone *p, struct str ruri, struct str headers)
{
	struct game *g = p->game;
	char from[64], sdp[SDP_ROOM], mine[ADDR_STR_MAX];
	struct sip_hop hop = { .addr = p->sluice };
	struct addr us = p->addr;
	struct leg *l = leg_new(p, false);
	struct invite_params params = { .targets = { &hop, 1 },
					.ruri = ruri,
					.to = ruri,
					.contact_user = str_of(p->name),
					.headers = headers,
					.max_forwards = 70,
					.terms = p->terms,
					.arg = l };
	struct buf b;

	us.port = 0;
	buf_init(&b, from, sizeof(from) - 1);
	buf_fmt(&b, "<sip:%s@%s>", p->name, addr_print(&us, mine));
	params.from = buf_str(&b);
	buf_init(&b, sdp, sizeof(sdp) - 1);
	l->late = dice_percent(&g->dice, 15) && !game_without(g, WITHOUT_LATE);
	if (!l->late) {
		self_offer(&l->self, p, &b);
		params.body = buf_str(&b);
		params.body_type = STR("application/sdp");
		l->offered = true;
	}
	l->inv = invite_send(p->sip, &params);
	if (!l->inv)
		abort();
	leg_soon(l);
}

void phone_call(struct phone *p)
{
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	phone_call_to(p, transfer_target(p, &b), STR_NONE);
}

void phone_stop(struct phone *p)
{
	for (struct leg *l = p->legs; l; l = l->next) {
		if (l->inv)
			timer_start(p->game->loop, &l->act, dice_below(&p->game->dice, 3000));
	}
	for (struct owing *o = p->owing; o; o = o->next) {
		if (o->request)
			timer_start(p->game->loop, &o->timer, 0);
	}
}
