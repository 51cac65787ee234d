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

static void hang_up(struct leg *l)
{
	struct invite *inv = l->inv;

	l->inv = NULL;
	l->owed = 0;
	invite_end(inv, 0, STR_NONE);
}

/* ---- answers ---- */

/* Our answer to the offer that waits; empty: there is none that fits. */
static struct str answer_of(struct leg *l)
{
	struct buf b;

	if (l->n_answer)
		return (struct str){ l->answer, l->n_answer };
	buf_init(&b, l->answer, sizeof(l->answer) - 1);
	if (self_answer(&l->self, l->phone, (struct str){ l->offer, l->n_offer }, &b))
		return STR_NONE;
	l->n_answer = b.n;
	return buf_str(&b);
}

static void refuse(struct leg *l, unsigned status)
{
	struct invite *inv = l->inv;

	l->owed &= (uint8_t)~OWED_REPLY;
	l->got = false;
	if (!l->up)
		l->inv = NULL; /* the first INVITE: gone with it */
	invite_reply(inv, &(struct invite_reply){ .status = status });
}

static void refuse_somehow(struct leg *l)
{
	static const uint16_t first[] = { 302, 400, 404, 480, 486, 487, 488, 500, 503, 600, 603 };
	static const uint16_t again[] = { 488, 491, 500, 603, 415 };
	struct dice *d = dice_of(l);

	refuse(l, l->up ? again[dice_below(d, sizeof(again) / sizeof(again[0]))]
			: first[dice_below(d, sizeof(first) / sizeof(first[0]))]);
}

static void accept_it(struct leg *l)
{
	struct invite_reply r = { .status = 200, .body_type = SDP_TYPE };
	char sdp[SDP_ROOM];
	struct buf b;

	buf_init(&b, sdp, sizeof(sdp) - 1);
	if (l->got) {
		r.body = answer_of(l);
	} else {
		self_offer(&l->self, l->phone, &b);
		r.body = buf_str(&b);
	}
	if (!r.body.n) {
		refuse(l, 488);
		return;
	}
	l->owed &= (uint8_t)~OWED_REPLY;
	l->offered = !l->got;
	l->got = false;
	invite_reply(l->inv, &r);
}

static void ring(struct leg *l)
{
	static const uint16_t statuses[] = { 180, 183, 181, 182, 199 };
	static const uint8_t weights[] = { 50, 40, 4, 4, 2 };
	struct invite_reply r = { .status = statuses[dice_weigh(dice_of(l), weights, 5)] };

	if (l->got && dice_percent(dice_of(l), 50)) {
		r.body = answer_of(l);
		r.body_type = SDP_TYPE;
	}
	invite_reply(l->inv, &r);
}

static void acknowledge(struct leg *l)
{
	struct str body = l->got ? answer_of(l) : STR_NONE;
	bool bad = l->got && !body.n;

	l->owed &= (uint8_t)~OWED_ACK;
	l->got = false;
	invite_ack(l->inv, body, body.n ? SDP_TYPE : STR_NONE);
	if (bad)
		hang_up(l);
}

/* ---- in a call ---- */

static void reoffer(struct leg *l, bool late)
{
	struct self was = l->self;
	char sdp[SDP_ROOM];
	struct buf b;

	buf_init(&b, sdp, late ? 0 : sizeof(sdp) - 1);
	if (!late) {
		self_change(&l->self, dice_of(l));
		self_offer(&l->self, l->phone, &b);
	}
	if (invite_reinvite(l->inv, STR_NONE, late ? STR_NONE : buf_str(&b),
			    late ? STR_NONE : SDP_TYPE))
		l->self = was;
	else
		l->offered = !late;
}

static void told(void *arg, const struct exchange_event *e)
{
	(void)arg;
	(void)e;
}

static void ask(struct leg *l)
{
	static const struct {
		const char *method, *headers, *type, *body;
	} asks[] = {
		{ "INFO", "", "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n" },
		{ "INFO", "", "application/dtmf", "7" },
		{ "INFO", "", "application/dtmf-relay", "Signal=nothing\r\n" },
		{ "MESSAGE", "", "text/plain", "hello" },
		{ "OPTIONS", "", "", "" },
		{ "REFER", "Refer-To: <sip:+49302@203.0.113.80>\r\n", "", "" },
	};
	unsigned i = dice_below(dice_of(l), sizeof(asks) / sizeof(asks[0]));

	invite_request(l->inv, &(struct exchange_params){ .method = str_of(asks[i].method),
							  .headers = str_of(asks[i].headers),
							  .body_type = str_of(asks[i].type),
							  .body = str_of(asks[i].body),
							  .contact_user = STR("x"),
							  .fn = told });
}

void owing_answer(void *arg)
{
	static const uint16_t statuses[] = { 200, 400, 403, 480, 481, 500, 501, 603 };
	static const uint8_t weights[] = { 80, 4, 3, 3, 3, 3, 2, 2 };
	struct owing *o = arg;
	struct sip_request *r = o->request;
	unsigned status = statuses[dice_weigh(&o->phone->game->dice, weights, 8)];

	o->request = NULL;
	sip_request_reply(
		r, &(struct invite_reply){
			   .status = o->method == SIP_REFER && status == 200 ? 202 : status });
}

/* ---- whose turn ---- */

static void turn_ringing(struct leg *l)
{
	static const uint8_t weights[] = { 38, 30, 10, 2, 20 };

	switch (dice_weigh(dice_of(l), weights, 5)) {
	case 0:
		ring(l);
		break;
	case 1:
		accept_it(l);
		break;
	case 2:
		refuse_somehow(l);
		break;
	case 3:
		hang_up(l);
		break;
	default:
		break;
	}
}

static void turn_owing(struct leg *l)
{
	if (l->owed & OWED_ACK)
		acknowledge(l);
	else if (dice_percent(dice_of(l), 80))
		accept_it(l);
	else
		refuse_somehow(l);
}

static void turn_talking(struct leg *l)
{
	static const uint8_t weights[] = { 30, 8, 14, 8, 40 };

	switch (dice_weigh(dice_of(l), weights, 5)) {
	case 0:
		reoffer(l, false);
		break;
	case 1:
		reoffer(l, true);
		break;
	case 2:
		ask(l);
		break;
	case 3:
		hang_up(l);
		break;
	default:
		break;
	}
}

/* Nothing comes to its mind any more: only what is owed. */
static void turn_tired(struct leg *l)
{
	if (l->owed & OWED_ACK)
		acknowledge(l);
	else if (l->owed & OWED_REPLY)
		accept_it(l);
}

void leg_act(void *leg)
{
	struct leg *l = leg;
	struct game *g = l->phone->game;

	if (!l->inv)
		return;
	if (g->stopped)
		hang_up(l);
	else if (!game_acts(g))
		turn_tired(l);
	else if (!l->up && l->server)
		l->owed &OWED_REPLY ? turn_ringing(l) : (void)0;
	else if (!l->up)
		dice_percent(&g->dice, 10) ? hang_up(l) : (void)0;
	else if (l->owed && dice_percent(&g->dice, 85))
		turn_owing(l);
	else
		turn_talking(l);
	if (l->inv)
		leg_soon(l);
}
