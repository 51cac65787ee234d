/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, where the two trunks of a call want to hear of them in different ways: RFC 4733 in the media, or INFO with
 * application/dtmf-relay or application/dtmf. */
#include <errno.h>

#include "call_priv.h"

#define DURATION_MS 160 /* where nobody says */

static void send_info(struct call_leg *to, char digit, uint32_t duration_ms)
{
	bool plain = to->trunk->dtmf == CONF_DTMF_INFO_PLAIN;
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (plain)
		buf_fmt(&b, "%c", digit);
	else
		buf_fmt(&b, "Signal=%c\r\nDuration=%u\r\n", digit, duration_ms);
	invite_request(to->inv, &(struct exchange_params){
					.method = STR("INFO"),
					.body = buf_str(&b),
					.body_type = plain ? STR("application/dtmf")
							   : STR("application/dtmf-relay"),
					.max_forwards = 70 });
}

/* Keys cost a sender of media one packet each, and us a transaction: so many at once, and so many in the long run.
 * Nobody dials faster for longer. */
#define KEYS_BURST 16
#define KEY_MS     100

static bool too_fast(struct call *c)
{
	uint64_t now = loop_now(c->calls->loop);
	struct call_rare *rare = call_rare(c);
	uint64_t next;

	if (!rare)
		return true;
	next = (rare->keys_until > now ? rare->keys_until : now) + KEY_MS;
	if (next > now + KEYS_BURST * KEY_MS)
		return true;
	rare->keys_until = next;
	return false;
}

void dtmf_pressed(struct call *c, const struct media_news *n)
{
	struct call_leg *from = call_leg_at(c, n->leg);
	struct call_leg *to = from ? transfer_partner(c, from) : NULL;

	if (!to || !to->inv || to->trunk->dtmf == CONF_DTMF_RTP || too_fast(c))
		return;
	call_note(c, n->leg, 0, NOTE_DTMF);
	c->calls->n.dtmf_info++;
	send_info(to, n->digit, n->duration_ms);
}

/* ---- INFO ---- */

struct key {
	char digit;
	uint32_t duration_ms;
};

static bool is_key(char c)
{
	return (c >= '0' && c <= '9') || c == '*' || c == '#' || (c >= 'A' && c <= 'D');
}

static bool read_digit(struct str s, struct key *k)
{
	s = str_trim(s);
	if (s.n != 1)
		return false;
	k->digit = s.p[0] >= 'a' && s.p[0] <= 'd' ? (char)(s.p[0] - 'a' + 'A') : s.p[0];
	return is_key(k->digit);
}

/* "Signal=5" and "Duration=160", a line each, with spaces or without. */
static bool read_relay(struct str body, struct key *k)
{
	struct str line, name, value;
	bool found = false;

	while (str_line(&body, &line)) {
		value = line;
		if (!str_token(&value, '=', &name))
			continue;
		name = str_trim(name);
		value = str_trim(value);
		if (str_caseeq(name, STR("Signal")))
			found = read_digit(value, k);
		else if (str_caseeq(name, STR("Duration")))
			str_u32(value, 8000, &k->duration_ms);
	}
	return found;
}

static bool read_key(const struct invite_event *e, struct key *k, bool *plain)
{
	struct str type = e->body_type, name = STR_NONE;

	*k = (struct key){ .duration_ms = DURATION_MS };
	str_token(&type, ';', &name);
	name = str_trim(name);
	*plain = str_caseeq(name, STR("application/dtmf"));
	if (*plain)
		return read_digit(e->body, k);
	return str_caseeq(name, STR("application/dtmf-relay")) && read_relay(e->body, k);
}

bool dtmf_info(struct call *c, unsigned leg, const struct invite_event *e)
{
	struct call_leg *to = transfer_partner(c, call_leg_at(c, leg));
	bool plain;
	struct key k;

	if (e->msg->method != SIP_INFO || !to || !to->inv || !c->media || !read_key(e, &k, &plain))
		return false;
	if (to->trunk->dtmf == CONF_DTMF_RTP) {
		if (media_dtmf(c->media, to->index, k.digit, k.duration_ms))
			return false; /* it knows no other way */
		c->calls->n.dtmf_rtp++;
	} else if (plain != (to->trunk->dtmf == CONF_DTMF_INFO_PLAIN)) {
		send_info(to, k.digit, k.duration_ms);
	} else {
		return false;
	}
	call_note(c, leg, 0, NOTE_DTMF);
	sip_request_reply(e->request, &(struct invite_reply){ .status = 200 });
	return true;
}
