/* SPDX-License-Identifier: Apache-2.0 */
/* What a phone does in a call: at each turn of a leg one thing that it may do. */
#include "random.h"

#define SDP_TYPE STR("application/sdp")

static struct dice *dice_of(const struct leg *l)
{
	return &l->phone->game->dice;
}

void leg_soon(struct leg *l)
{
	struct game *g = l->phone->game;

	timer_start(g->loop, &l->act,
		    g->stopped ? dice_below(&g->dice, 3000) : dice_delay(&g->dice));
}

void leg_hang_up(struct leg *l)
{
	struct invite *inv = l->inv;

	l->inv = NULL;
	l->owed = 0;
	invite_end(inv, 0, STR_NONE);
}

/* ---- in a call ---- */

/* RFC 3264, RFC 6337: no offer while another one is open. */
static bool may_offer(const struct leg *l)
{
	if (l->offered || l->got || l->unacked || l->unsure || l->late ||
	    l->owed & (OWED_ACK | OWED_PRACK))
		return false;
	return l->up ? !(l->owed & OWED_REPLY) : l->settled;
}

static void reoffer(struct leg *l, bool late, bool same)
{
	struct self was = l->self;
	char sdp[SDP_ROOM];
	struct buf b;

	late &= !game_without(l->phone->game, WITHOUT_LATE);
	if (!may_offer(l))
		return;
	buf_init(&b, sdp, late ? 0 : sizeof(sdp) - 1);
	if (!late) {
		if (!same)
			self_change(&l->self, dice_of(l));
		self_offer(&l->self, l->phone, &b);
	}
	l->retries = false;
	if (invite_reinvite(l->inv, STR_NONE, late ? STR_NONE : buf_str(&b),
			    late ? STR_NONE : SDP_TYPE)) {
		l->self = was;
		return;
	}
	l->offered = !late;
	l->late = late;
}

static void update(struct leg *l, bool bare)
{
	struct self was = l->self;
	char sdp[SDP_ROOM];
	struct buf b;

	if (game_without(l->phone->game, WITHOUT_UPDATE) ||
	    !(invite_peer(l->inv) & INVITE_PEER_UPDATE) || (!bare && !may_offer(l)))
		return;
	buf_init(&b, sdp, bare ? 0 : sizeof(sdp) - 1);
	if (!bare) {
		self_change(&l->self, dice_of(l));
		self_offer(&l->self, l->phone, &b);
	}
	if (invite_update(l->inv, l->fork, STR_NONE, bare ? STR_NONE : buf_str(&b),
			  bare ? STR_NONE : SDP_TYPE)) {
		l->self = was;
	} else if (!bare) {
		l->offered = l->updates = true;
	}
}

static void refresh(struct leg *l)
{
	l->owed &= (uint8_t)~OWED_REFRESH;
	if (!game_without(l->phone->game, WITHOUT_UPDATE) &&
	    invite_peer(l->inv) & INVITE_PEER_UPDATE && dice_percent(dice_of(l), 60))
		update(l, true);
	else
		reoffer(l, false, true);
}

static void told(void *arg, const struct exchange_event *e)
{
	(void)arg;
	(void)e;
}

static void ask(struct leg *l)
{
	static const struct {
		const char *method, *type, *body;
	} asks[] = {
		{ "INFO", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n" },
		{ "INFO", "application/dtmf", "7" },
		{ "INFO", "application/dtmf-relay", "Signal=nothing\r\n" },
		{ "MESSAGE", "text/plain", "hello" },
		{ "OPTIONS", "", "" },
	};
	unsigned i = dice_below(dice_of(l), sizeof(asks) / sizeof(asks[0]));

	invite_request(l->inv, &(struct exchange_params){ .method = str_of(asks[i].method),
							  .body_type = str_of(asks[i].type),
							  .body = str_of(asks[i].body),
							  .contact_user = STR("x"),
							  .max_forwards = 70,
							  .fn = told });
}

/* ---- whose turn ---- */

static void turn_ringing(struct leg *l)
{
	static const uint8_t weights[] = { 38, 28, 8, 2, 6, 18 };

	switch (dice_weigh(dice_of(l), weights, 6)) {
	case 0:
		leg_ring(l);
		break;
	case 1:
		leg_accept(l);
		break;
	case 2:
		leg_refuse_somehow(l);
		break;
	case 3:
		leg_hang_up(l);
		break;
	case 4:
		update(l, dice_percent(dice_of(l), 20));
		break;
	default:
		break;
	}
}

static void turn_owing(struct leg *l)
{
	if (l->owed & OWED_PRACK)
		leg_prack(l);
	else if (l->owed & OWED_ACK)
		leg_acknowledge(l);
	else if (l->owed & OWED_REFRESH)
		refresh(l);
	else if (dice_percent(dice_of(l), 80))
		leg_accept(l);
	else
		leg_refuse_somehow(l);
}

static void turn_waiting(struct leg *l)
{
	static const uint8_t weights[] = { 8, 10, 82 };

	switch (dice_weigh(dice_of(l), weights, 3)) {
	case 0:
		leg_hang_up(l);
		break;
	case 1:
		update(l, dice_percent(dice_of(l), 20));
		break;
	default:
		break;
	}
}

static void turn_talking(struct leg *l)
{
	static const uint8_t weights[] = { 22, 8, 12, 8, 6, 3, 7, 34 };

	switch (dice_weigh(dice_of(l), weights, 8)) {
	case 0:
		reoffer(l, false, dice_percent(dice_of(l), 20));
		break;
	case 1:
		reoffer(l, true, false);
		break;
	case 2:
		update(l, dice_percent(dice_of(l), 30));
		break;
	case 3:
		ask(l);
		break;
	case 4:
		transfer_ask(l);
		break;
	case 5:
		transfer_take_over(l->phone);
		break;
	case 6:
		leg_hang_up(l);
		break;
	default:
		break;
	}
}

/* Nothing comes to its mind any more: only what is owed. */
static void turn_tired(struct leg *l)
{
	if (l->owed & OWED_PRACK)
		leg_prack(l);
	else if (l->owed & OWED_ACK)
		leg_acknowledge(l);
	else if (l->owed & OWED_REPLY)
		leg_accept(l);
	else if (l->owed & OWED_REFRESH)
		refresh(l);
}

void leg_act(void *leg)
{
	struct leg *l = leg;
	struct game *g = l->phone->game;

	if (!l->inv)
		return;
	if (g->stopped)
		leg_hang_up(l);
	else if (!game_acts(g))
		turn_tired(l);
	else if (l->up && l->retries)
		reoffer(l, false, false);
	else if (!l->up && l->owed == OWED_REPLY)
		turn_ringing(l);
	else if (l->owed && dice_percent(&g->dice, 85))
		turn_owing(l);
	else if (!l->up)
		turn_waiting(l);
	else
		turn_talking(l);
	if (l->inv && dice_percent(&g->dice, 40))
		voice_send(l);
	if (l->inv)
		leg_soon(l);
}
