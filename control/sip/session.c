/* SPDX-License-Identifier: Apache-2.0 */
/* The session timer of one leg: RFC 4028. How long a session lasts without a refresh, and who makes it, is settled anew
 * by each 2xx to INVITE, re-INVITE and UPDATE, in either direction. A peer that knows nothing of it is refreshed
 * by us, which finds out when it is gone.
 *
 * It has no timer of its own: that of the invite is free whenever no INVITE is open, and then only is there
 * something to be done. */
#include "sip/field.h"
#include "sip/invite_priv.h"

/* RFC 4028 5: nobody may want less. Who does it all the same is refreshed in time, within reason. */
#define LEAST_S 90
#define FLOOR_S 32
/* No session is that long. In milliseconds, it fits into half of 32 bits. */
#define LONGEST_S 2000000
/* Proxies on the way may each want more than the one before. */
#define TRIES 3

/* ---- what the peer says ---- */

static uint32_t within(uint32_t s)
{
	return s == 0 ? 1 : s > LONGEST_S ? LONGEST_S : s;
}

void session_read(const struct sip_msg *m, struct session_said *said)
{
	struct sip_session_expires se;

	*said = (struct session_said){ .supported =
					       sip_has_token(m, SIP_HDR_SUPPORTED, STR("timer")) ||
					       sip_has_token(m, SIP_HDR_REQUIRE, STR("timer")) };
	if (sip_session_expires_parse(sip_value(m, SIP_HDR_SESSION_EXPIRES), &se) == 0) {
		said->expires_s = within(se.seconds);
		said->refresher = (uint8_t)se.refresher;
	}
	if (sip_session_expires_parse(sip_value(m, SIP_HDR_MIN_SE), &se) == 0)
		said->min_s = within(se.seconds);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The least that we take, and the least that we may propose. */
static uint32_t own_least(const struct invite *inv)
{
	return larger(inv->terms.session_min_s, LEAST_S);
}

static uint32_t least(const struct invite *inv)
{
	return larger(inv->session.min_s, own_least(inv));
}

/* ---- the session ---- */

/* 10: who waits for a refresh ends the session that much before its end. */
static uint32_t end_ms(const struct session *x)
{
	return (x->interval_s - (x->interval_s / 3 < 32 ? x->interval_s / 3 : 32)) * 1000;
}

/* When our user is asked for the next time, from the last refresh on. */
static uint32_t ask_ms(const struct session *x)
{
	uint32_t ms = x->interval_s * 1000;

	return ms / 2 + x->asked * (ms / 12);
}

static uint32_t age_ms(const struct invite *inv)
{
	return (uint32_t)loop_now(inv->sip->loop) - inv->session.since;
}

void session_resume(struct invite *inv)
{
	const struct session *x = &inv->session;
	uint32_t past = age_ms(inv), at = end_ms(x);

	if (!x->interval_s || inv->state != INV_CONFIRMED)
		return;
	if (x->ours && ask_ms(x) < at)
		at = ask_ms(x);
	timer_start(inv->sip->loop, &inv->timer, at > past ? at - past : 0);
}

void session_agreed(struct invite *inv, const struct session_deal *d)
{
	struct session *x = &inv->session;

	if (inv->state == INV_CONFIRMED)
		timer_stop(inv->sip->loop, &inv->timer);
	x->since = (uint32_t)loop_now(inv->sip->loop);
	x->interval_s = d->interval_s < LONGEST_S ? d->interval_s : LONGEST_S;
	x->ours = d->ours;
	x->alone = d->alone;
	x->asked = 0;
	session_resume(inv);
}

static void expired(struct invite *inv)
{
	struct invite_in e = { .lost = INVITE_LOST_SESSION };

	count(inv->sip, COUNT_TIMEOUT_SESSION);
	invite_bye(inv, STR("Reason: SIP;cause=408;text=\"Session expired\"\r\n"));
	invite_emit(inv, INVITE_LOST, &e, 0);
}

void session_timer(struct invite *inv, const struct invite_in *e)
{
	struct session *x = &inv->session;
	uint32_t past = age_ms(inv);

	if (past >= end_ms(x)) {
		expired(inv);
		return;
	}
	while (ask_ms(x) <= past)
		x->asked++;
	session_resume(inv);
	if (!exchange_waits(&inv->dialog, SIP_UPDATE))
		invite_emit(inv, INVITE_REFRESH, e, 0);
}

uint32_t invite_session_s(const struct invite *inv, bool *ours)
{
	*ours = inv->session.interval_s && inv->session.ours;
	return inv->session.interval_s;
}

/* ---- our requests ---- */

/* The interval that we propose; 0: none. A session that runs goes on as it is. */
static uint32_t proposal(const struct invite *inv)
{
	uint32_t s =
		inv->session.interval_s ? inv->session.interval_s : inv->terms.session_expires_s;

	return s ? larger(s, least(inv)) : 0;
}

static const char *proposed_refresher(const struct invite *inv)
{
	if (inv->session.interval_s)
		return inv->session.ours ? ";refresher=uac" : ";refresher=uas";
	return inv->terms.refresher == INVITE_REFRESHER_US     ? ";refresher=uac"
	       : inv->terms.refresher == INVITE_REFRESHER_THEM ? ";refresher=uas"
							       : "";
}

static void put_proposal(const struct invite *inv, struct buf *b)
{
	uint32_t s = proposal(inv);

	if (!s)
		return;
	buf_fmt(b, "Session-Expires: %u%s\r\n", s, proposed_refresher(inv));
	if (least(inv) > LEAST_S)
		buf_fmt(b, "Min-SE: %u\r\n", least(inv));
}

void session_put_request(struct invite *inv, struct buf *b)
{
	inv->session.tries = 0;
	put_proposal(inv, b);
}

void session_got_2xx(struct invite *inv, const struct incoming *in)
{
	struct session_deal d = { .ours = true };
	struct session_said said;

	session_read(in->m, &said);
	if (said.expires_s) {
		d.interval_s = larger(said.expires_s, FLOOR_S);
		d.ours = said.refresher != SIP_REFRESHER_UAS;
	} else if (inv->terms.session_expires_s) {
		d.interval_s = proposal(inv);
		d.alone = true;
	}
	session_agreed(inv, &d);
}

/* The lines of the same request with more of everything, and credentials that were not used yet. */
static bool put_again(struct invite *inv, const struct ctrans *ct, struct buf *b)
{
	struct dialog *d = &inv->dialog;
	struct sip_msg m;

	/* The core wrote it: the parser changes nothing in it. */
	if (!ct->text || sip_msg_parse(&m, ct->text, ct->len) < 0)
		return false;
	put_proposal(inv, b);
	login_put(inv->sip, d->login, &ct->to,
		  &(struct login_request){ m.method_name, m.ruri, m.body }, b);
	return buf_ok(b);
}

struct ctrans *session_again(struct invite *inv, struct ctrans *ct, const struct incoming *in)
{
	struct ctrans_again again = { .cseq = inv->dialog.local_cseq + 1 };
	struct session *x = &inv->session;
	char mem[SESSION_AGAIN_MAX];
	struct session_said said;
	struct ctrans *next;
	struct buf b;

	if (!in || in->m->status != 422 || !ct || !proposal(inv) || x->tries == TRIES)
		return NULL;
	session_read(in->m, &said);
	if (said.min_s <= proposal(inv))
		return NULL;
	x->min_s = said.min_s;
	buf_init(&b, mem, sizeof(mem));
	if (!put_again(inv, ct, &b))
		return NULL;
	again.headers = buf_str(&b);
	next = ctrans_again(ct, &again);
	if (!next)
		return NULL;
	x->tries++;
	inv->dialog.local_cseq++;
	count(inv->sip, COUNT_SESSION_AGAIN);
	return next;
}

/* 408 and 481 end the dialog anyway. All else shows that the peer is there, which is all that we want to know of one
 * that has no session timer. */
void session_failed(struct invite *inv, const struct incoming *in)
{
	struct session *x = &inv->session;

	if (!in || !x->alone)
		return;
	x->since = (uint32_t)loop_now(inv->sip->loop);
	x->asked = 0;
	session_resume(inv);
}

/* ---- our answers: the table of 9 ---- */

static bool too_small(const struct session_said *said, uint32_t least_s)
{
	return said->supported && said->expires_s && said->expires_s < least_s;
}

bool session_refuses(struct invite *inv, const struct incoming *in, struct buf *b)
{
	uint32_t least_s = inv ? own_least(inv) : LEAST_S;
	struct session_said said;

	session_read(in->m, &said);
	if (!too_small(&said, least_s))
		return false;
	buf_fmt(b, "Min-SE: %u\r\n", least_s);
	return true;
}

bool invite_session_too_small(const struct invite *inv)
{
	return inv->server && inv->server->echo &&
	       too_small(&inv->server->echo->session, own_least(inv));
}

static bool we_refresh(const struct invite *inv, const struct session_said *said)
{
	if (!said->supported || said->refresher == SIP_REFRESHER_UAS)
		return true;
	if (said->refresher == SIP_REFRESHER_UAC)
		return false;
	if (inv->terms.refresher != INVITE_REFRESHER_ANY)
		return inv->terms.refresher == INVITE_REFRESHER_US;
	/* Roles do not change by themselves. Who wants a timer that we did not ask for may keep it up. */
	return inv->session.interval_s ? inv->session.ours : inv->terms.session_expires_s != 0;
}

/* Never longer than asked for, and never shorter than either side may want. */
static uint32_t answered_s(const struct invite *inv, const struct session_said *said)
{
	uint32_t ours = inv->terms.session_expires_s, s;

	if (!ours)
		return said->expires_s;
	if (!said->expires_s)
		return proposal(inv);
	s = larger(ours, least(inv));
	return s < said->expires_s ? s : said->expires_s;
}

void session_put_response(struct invite *inv, const struct session_said *said, unsigned status,
			  struct buf *b, struct session_deal *d)
{
	*d = (struct session_deal){ 0 };
	if (status == 422)
		buf_fmt(b, "Min-SE: %u\r\n", own_least(inv));
	if (status < 200 || status > 299)
		return;
	inv->session.min_s = larger(inv->session.min_s, said->min_s);
	d->interval_s = answered_s(inv, said);
	d->ours = we_refresh(inv, said);
	d->alone = !said->supported;
	if (!d->interval_s)
		return;
	buf_fmt(b, "Session-Expires: %u;refresher=%s\r\n", d->interval_s, d->ours ? "uas" : "uac");
	if (said->supported)
		buf_lit(b, "Require: timer\r\n");
}
