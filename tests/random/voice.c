/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a phone, so that the engine has something to tell. */
#include "random.h"

#define BURST 4

static struct flow_addr to_flow(const struct addr *a)
{
	struct flow_addr f = { .port = a->port, .family = a->family };

	memcpy(f.ip, a->ip, sizeof(f.ip));
	return f;
}

void voice_learn(struct leg *l, struct str sdp)
{
	struct sdp s;

	if (!sdp.n || sdp_parse(sdp, &s, NULL) || !s.n_media)
		return;
	l->remote = s.media[0].addr;
	l->remote.port = s.media[0].port;
}

void voice_send(struct leg *l)
{
	struct game *g = l->phone->game;
	struct addr us = l->phone->addr;
	struct flow_addr from, to;
	uint8_t p[32] = { 0x80, dice_percent(&g->dice, 20) ? 101 : 8, [11] = 7 };

	if (!l->remote.port || l->phone->dead)
		return;
	us.port = (uint16_t)(l->self.port + (dice_percent(&g->dice, 5) ? 2 : 0));
	from = to_flow(&us);
	to = to_flow(&l->remote);
	for (unsigned i = 0; i < BURST; i++) {
		l->rtp_seq++;
		p[2] = (uint8_t)(l->rtp_seq >> 8);
		p[3] = (uint8_t)l->rtp_seq;
		p[12] = (uint8_t)dice_below(&g->dice, 16); /* a key, where it is one */
		p[13] = i + 1 == BURST ? 0x8a : 0x0a;
		p[15] = (uint8_t)(160 * i);
		fake_engine_packet(g->w->engine, &from, &to, p, p[1] == 101 ? 16 : sizeof(p));
	}
}
