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

static void take_offer(struct leg *l, struct str body)
{
	l->got = body.n != 0;
	l->n_answer = 0;
	l->n_offer = body.n < sizeof(l->offer) ? body.n : 0;
	if (l->n_offer)
		memcpy(l->offer, body.p, body.n);
}

static void *new_invite(void *arg, struct invite *inv, const struct sip_msg *m,
			const struct sip_core *core, const struct sip_hop *source)
{
	struct phone *p = arg;
	struct leg *l;

	(void)core;
	(void)source;
	if (p->game->stopped) {
		invite_end(inv, 480, STR_NONE);
		return NULL;
	}
	l = leg_new(p, true);
	l->inv = inv;
	l->owed = OWED_REPLY;
	take_offer(l, m->body);
	leg_soon(l);
	return l;
}

/* A 2xx to an INVITE of ours. */
static void take_answer(struct leg *l, const struct invite_event *e)
{
	l->up = true;
	l->owed |= OWED_ACK;
	if (l->offered)
		l->offered = false;
	else
		take_offer(l, e->body);
	leg_soon(l);
}

static void own_request(struct phone *p, struct sip_request *r, const struct sip_msg *m)
{
	struct owing *o = arena_alloc(p->game->w->arena, sizeof(*o));

	o->phone = p;
	o->request = r;
	o->method = m->method;
	timer_init(&o->timer, owing_answer, o);
	o->next = p->owing;
	p->owing = o;
	timer_start(p->game->loop, &o->timer, p->game->stopped ? 0 : dice_delay(&p->game->dice));
}

static void event(void *arg, struct invite *inv, const struct invite_event *e)
{
	struct leg *l = arg;

	(void)inv;
	switch (e->type) {
	case INVITE_ANSWER:
		take_answer(l, e);
		break;
	case INVITE_REANSWER:
		if (e->status < 300)
			take_answer(l, e);
		else
			l->offered = false;
		break;
	case INVITE_ACK:
		l->up = true;
		l->offered = false;
		break;
	case INVITE_OFFER:
		l->owed |= OWED_REPLY;
		take_offer(l, e->body);
		leg_soon(l);
		break;
	case INVITE_REQUEST:
		own_request(l->phone, e->request, e->msg);
		break;
	case INVITE_FAIL:
	case INVITE_CANCEL:
	case INVITE_BYE:
	case INVITE_LOST:
		leg_over(l);
		break;
	default:
		break;
	}
}

static void request(void *arg, struct sip_request *r, const struct sip_msg *m,
		    const struct sip_core *core, const struct sip_hop *source)
{
	(void)core;
	(void)source;
	own_request(arg, r, m);
}

/* ---- life ---- */

void phone_init(struct game *g, struct phone *p)
{
	p->game = g;
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

void phone_call(struct phone *p)
{
	struct game *g = p->game;
	char ruri[64], from[64], sdp[SDP_ROOM], ip[ADDR_STR_MAX], mine[ADDR_STR_MAX];
	struct addr us = p->addr, there = p->sluice;
	struct sip_hop hop = { .addr = p->sluice };
	struct leg *l = leg_new(p, false);
	struct invite_params params = { .targets = { &hop, 1 },
					.contact_user = str_of(p->name),
					.max_forwards = 70,
					.arg = l };
	struct buf b;

	us.port = there.port = 0;
	buf_init(&b, ruri, sizeof(ruri));
	buf_fmt(&b, "sip:+49301%u@%s", dice_below(&g->dice, 1000), addr_print(&there, ip));
	params.ruri = buf_str(&b);
	buf_init(&b, from, sizeof(from));
	buf_fmt(&b, "<sip:%s@%s>", p->name, addr_print(&us, mine));
	params.from = buf_str(&b);
	params.to = params.ruri;
	buf_init(&b, sdp, sizeof(sdp));
	if (!dice_percent(&g->dice, 15)) {
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
