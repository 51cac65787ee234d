/* SPDX-License-Identifier: Apache-2.0 */
/* What a phone answers, and with which SDP. */
#include "random.h"

#define SDP_TYPE STR("application/sdp")

static struct dice *dice_of(const struct leg *l)
{
	return &l->phone->game->dice;
}

void leg_take_offer(struct leg *l, struct str body, enum by by)
{
	l->got = true;
	l->by = (uint8_t)by;
	l->n_answer = 0;
	l->n_offer = body.n < sizeof(l->offer) ? body.n : 0;
	if (l->n_offer)
		memcpy(l->offer, body.p, body.n);
}

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

static void answered(struct leg *l)
{
	l->got = false;
	l->settled = true;
}

static struct str offer_of(struct leg *l, char sdp[SDP_ROOM])
{
	struct buf b;

	buf_init(&b, sdp, SDP_ROOM - 1);
	self_offer(&l->self, l->phone, &b);
	return buf_str(&b);
}

/* ---- the first INVITE, and others ---- */

void leg_refuse(struct leg *l, unsigned status)
{
	struct invite_reply r = { .status = status };
	struct invite *inv = l->inv;
	char mem[256], uri[128];
	struct buf b, target;

	l->owed &= (uint8_t)~OWED_REPLY;
	if (l->by == BY_INVITE)
		l->got = false;
	if (!l->up)
		l->inv = NULL; /* the first INVITE: gone with it */
	buf_init(&b, mem, sizeof(mem) - 1);
	buf_init(&target, uri, sizeof(uri) - 1);
	if (status / 100 == 3)
		buf_fmt(&b, "Contact: <%.*s>\r\n", STR_FMT(transfer_target(l->phone, &target)));
	r.headers = buf_str(&b);
	invite_reply(inv, &r);
}

void leg_refuse_somehow(struct leg *l)
{
	static const uint16_t first[] = { 301, 302, 302, 400, 404, 480, 486,
					  487, 488, 500, 503, 600, 603 };
	static const uint16_t again[] = { 488, 491, 500, 603, 415 };
	struct dice *d = dice_of(l);
	unsigned n = sizeof(first) / sizeof(first[0]), from = 0;

	if (game_without(l->phone->game, WITHOUT_REDIRECT))
		from = 3; /* past the 3xx */
	leg_refuse(l, l->up ? again[dice_below(d, sizeof(again) / sizeof(again[0]))]
			    : first[from + dice_below(d, n - from)]);
}

void leg_accept(struct leg *l)
{
	struct invite_reply r = { .status = 200, .body_type = SDP_TYPE };
	bool answers = l->got && l->by == BY_INVITE;
	bool bare = !answers && !l->up && (l->settled || l->offered);
	char sdp[SDP_ROOM];

	if (l->got && !answers)
		return; /* an UPDATE is to be answered first */
	if (answers)
		r.body = answer_of(l);
	else if (!bare)
		r.body = offer_of(l, sdp);
	if (!r.body.n && !bare) {
		leg_refuse(l, 488);
		return;
	}
	if (invite_reply(l->inv, &r))
		return;
	l->owed &= (uint8_t)~OWED_REPLY;
	l->unacked = true;
	if (answers)
		answered(l);
	else if (!bare)
		l->offered = true;
}

static bool is_reliable(const struct leg *l)
{
	unsigned peer = invite_peer(l->inv);

	if (l->phone->terms.rel == INVITE_REL_NEVER || !(peer & INVITE_PEER_100REL))
		return false;
	return l->phone->terms.rel == INVITE_REL_REQUIRE || peer & INVITE_PEER_NEEDS_100REL ||
	       dice_percent(dice_of(l), 50);
}

void leg_ring(struct leg *l)
{
	static const uint16_t statuses[] = { 180, 183, 181, 182, 199 };
	static const uint8_t weights[] = { 50, 40, 4, 4, 2 };
	struct invite_reply r = { .status = statuses[dice_weigh(dice_of(l), weights, 5)],
				  .reliable = is_reliable(l) };
	bool speaks = dice_percent(dice_of(l), 50), answers = l->got && l->by == BY_INVITE;
	char sdp[SDP_ROOM];

	if (speaks && answers)
		r.body = answer_of(l);
	else if (speaks && r.reliable && !l->got && !l->offered && !l->settled)
		r.body = offer_of(l, sdp);
	if (r.body.n)
		r.body_type = SDP_TYPE;
	if (invite_reply(l->inv, &r) || !r.reliable)
		return;
	l->unsure++;
	if (!r.body.n)
		return;
	if (answers)
		answered(l);
	else
		l->offered = true;
}

/* ---- ACK and PRACK ---- */

static struct str confirmation(struct leg *l, enum by by, bool *bad)
{
	struct str body = STR_NONE;

	*bad = false;
	if (!l->got || l->by != by)
		return body;
	body = answer_of(l);
	*bad = !body.n;
	answered(l);
	return body;
}

void leg_acknowledge(struct leg *l)
{
	bool bad;
	struct str body = confirmation(l, BY_2XX, &bad);

	l->owed &= (uint8_t)~OWED_ACK;
	invite_ack(l->inv, body, body.n ? SDP_TYPE : STR_NONE);
	if (bad)
		leg_hang_up(l);
}

void leg_prack(struct leg *l)
{
	bool bad;
	struct str body = confirmation(l, BY_RELIABLE, &bad);

	l->owed &= (uint8_t)~OWED_PRACK;
	if (bad)
		leg_hang_up(l);
	else
		invite_prack(l->inv, l->fork, body, body.n ? SDP_TYPE : STR_NONE);
}

/* ---- other requests ---- */

static unsigned a_status(struct owing *o)
{
	static const uint16_t statuses[] = { 200, 400, 403, 480, 481, 500, 501, 603 };
	static const uint8_t weights[] = { 85, 3, 2, 2, 2, 2, 2, 2 };

	if (o->method == SIP_PRACK)
		return 200;
	if (o->method == SIP_UPDATE)
		return dice_percent(&o->phone->game->dice, 90) ? 200 : 488;
	return statuses[dice_weigh(&o->phone->game->dice, weights, 8)];
}

void owing_answer(void *arg)
{
	struct owing *o = arg;
	struct leg *l = o->leg;
	struct invite_reply r = { .status = a_status(o) };

	if (o->method == SIP_REFER && r.status == 200)
		r.status = 202;
	if (o->offer && !l->inv) {
		r.status = 481;
	} else if (o->offer) {
		if (r.status < 300)
			r.body = answer_of(l);
		if (r.body.n)
			r.body_type = SDP_TYPE;
		else
			r.status = 488;
		answered(l);
	}
	sip_request_reply(o->request, &r);
	o->request = NULL;
	if (r.status == 202 && l && l->inv && l->up)
		transfer_notify(l);
}
