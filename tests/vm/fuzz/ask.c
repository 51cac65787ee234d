/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as control might send them: half of them are taken, and what is taken changes often. */
#include <string.h>
#include <linux/netlink.h>
#include "fuzz.h"

static uint64_t some_id(struct dice *d)
{
	return 1 + dice_below(d, IDS);
}

static void put_addr(struct flow_addr *a, unsigned family, u8 last, uint16_t port)
{
	*a = (struct flow_addr){ .port = port, .family = (u8)family };
	if (family == 4)
		memcpy(a->ip, (const u8[]){ 127, 0, 0, last }, 4);
	else
		a->ip[15] = 1;
}

void ask_key(const struct round *r, struct flow_crypto *c, u8 suite, u32 number, bool with_mark)
{
	u8 *part[] = {
		c->rtp_key, c->rtp_auth, c->rtp_salt, c->rtcp_key, c->rtcp_auth, c->rtcp_salt
	};
	static const u8 cm[] = { 16, 20, 14 }, cm256[] = { 32, 20, 14 }, gcm[] = { 16, 0, 12 },
			gcm256[] = { 32, 0, 12 };
	const u8 *len = suite >= FLOW_SUITE_AEAD_AES_256_GCM          ? gcm256
			: suite == FLOW_SUITE_AEAD_AES_128_GCM        ? gcm
			: suite >= FLOW_SUITE_AES_CM_256_HMAC_SHA1_80 ? cm256
								      : cm;

	*c = (struct flow_crypto){ .number = number, .suite = suite };
	if (!suite)
		c->number = 0;
	for (unsigned i = 0; suite && i < COUNT(part); i++) {
		memset(part[i], (int)(0x10 + number), len[i % 3]);
		if (with_mark && len[i % 3])
			memcpy(part[i], r->mark, sizeof(r->mark));
	}
}

static void crypto(const struct round *r, struct dice *d, struct flow_crypto *c, bool out,
		   bool mark)
{
	if (dice_percent(d, 75)) {
		*c = (struct flow_crypto){ .suite = FLOW_SUITE_NONE };
		return;
	}
	ask_key(r, c, (u8)(1 + dice_below(d, FLOW_SUITE_COUNT - 1)), 1 + dice_below(d, 3), mark);
	if (dice_percent(d, 20))
		c->flags = FLOW_CRYPTO_KEEP_ROC;
	if (!out && dice_percent(d, 20))
		c->mki_len = (u8)dice_below(d, 8);
}

static void ports(struct dice *d, struct flow_side *s)
{
	u32 pair = dice_below(d, PORTS / 2);

	s->local.port = (uint16_t)(FIRST_PORT + 2 * pair);
	s->local_rtcp = dice_percent(d, 70) ? s->local.port + 1 : 0;
	if (!s->remote.family)
		return;
	/* The peer that sends there, or another one, or a port of ours: flows that lead to each other. */
	u32 how = dice_below(d, 100);
	s->remote.port = (uint16_t)(how < 70   ? FIRST_PEER + pair % PEERS
				    : how < 85 ? FIRST_PEER + dice_below(d, PEERS)
					       : FIRST_PORT + dice_below(d, PORTS));
	s->remote_rtcp = dice_percent(d, 70) ? s->remote.port + 1 : 0;
}

static void extras(struct dice *d, struct flow_side *s)
{
	static const u8 types[] = { 0, 8, 101, 96, 3, 111 };

	s->mode = (u8)dice_below(d, 2);
	s->flags = dice_below(d, 64);
	s->ptime = 20;
	s->clock = dice_percent(d, 80) ? 8000 : 48000;
	s->dscp = (u8)dice_below(d, 64);
	s->dtmf_in = dice_percent(d, 50) ? 101 : FLOW_PT_NONE;
	s->dtmf_out = dice_percent(d, 50) ? 96 : FLOW_PT_NONE;
	s->rate = dice_percent(d, 30) ? dice_below(d, 20000) : 0;
	s->burst = s->rate ? 2000 : 0;
	s->ssrc_mask = dice_percent(d, 30) ? (u32)dice_roll(d) : 0;
	s->n_ptmap = (u8)(dice_percent(d, 80) ? COUNT(types) : dice_below(d, COUNT(types)));
	for (unsigned i = 0; i < s->n_ptmap; i++) {
		s->ptmap[i][0] = types[i];
		s->ptmap[i][1] = types[dice_below(d, COUNT(types))];
	}
	for (s->n_acl = 0; s->n_acl < FLOW_ACL_MAX && dice_percent(d, 20); s->n_acl++) {
		put_addr(&s->acl[s->n_acl], s->local.family, (u8)dice_below(d, 8), 0);
		s->acl[s->n_acl].len = (u8)dice_below(d, s->local.family == 4 ? 33 : 129);
	}
	if (dice_percent(d, 50))
		put_addr(&s->sig, dice_percent(d, 90) ? s->local.family : 4, 2, 0);
	s->learn_len = (u8)dice_below(d, 33);
}

static void resume(struct dice *d, const struct flow_side *s, struct flow_resume *m)
{
	*m = (struct flow_resume){ .has = (u8)dice_below(d, 32) };
	m->source = s->remote;
	if (!m->source.family)
		m->has &= (u8)~FLOW_RESUME_SOURCE;
	m->in_ssrc = m->out_ssrc = dice_below(d, 4);
	m->in_index = dice_roll(d) >> 17;
	m->out_index = dice_roll(d) >> 17;
	m->in_rtcp = m->out_rtcp = dice_below(d, 1000);
	m->out_shift = (u16)dice_roll(d);
	if (!(m->has & FLOW_RESUME_SOURCE))
		m->source = (struct flow_addr){ .family = 0 };
}

void ask_flow(const struct round *r, struct dice *d, struct flow *f, uint32_t seq, bool with_mark)
{
	memset(f, 0, sizeof(*f));
	f->id = some_id(d);
	f->gen = seq + dice_below(d, 16); /* rises, mostly */
	f->idle_ms = dice_percent(d, 50) ? dice_below(d, 3000) : 0;
	f->kind = dice_percent(d, 8) ? FLOW_KIND_RAW : FLOW_KIND_RTP;
	for (unsigned i = 0; i < 2; i++) {
		struct flow_side *s = &f->side[i];
		unsigned family = dice_percent(d, 70) ? 4 : 6;
		/* 127.0.0.0/8 is all ours. */
		put_addr(&s->local, family, (u8)(1 + dice_percent(d, 5)), 1);
		if (dice_percent(d, 85))
			put_addr(&s->remote, family, (u8)(1 + dice_percent(d, 90)), 1);
		if (dice_percent(d, 2))
			s->local.ip[0] = 10; /* and this is not */
		ports(d, s);
		extras(d, s);
		crypto(r, d, &s->in, false, with_mark);
		crypto(r, d, &s->out, true, with_mark);
		if (dice_percent(d, 15))
			resume(d, s, &s->resume);
	}
}

static void ask_dtmf(struct dice *d, struct tlv_out *o)
{
	const struct tlv_dtmf k = { some_id(d), dice_below(d, 2), dice_below(d, 500),
				    (u8)dice_below(d, 17) };

	tlv_put_dtmf(o, &k);
}

static void ask_send(struct dice *d, struct tlv_out *o)
{
	u8 payload[FLOW_PAYLOAD_MAX + 40];
	struct tlv_send s = { some_id(d), dice_below(d, 2), 0,
			      payload,    { .family = 0 },  (u8)dice_below(d, 2) };

	s.n = dice_percent(d, 90) ? dice_below(d, 200) : dice_below(d, sizeof(payload));
	dice_fill(d, payload, s.n);
	if (dice_percent(d, 50))
		put_addr(&s.to, dice_percent(d, 70) ? 4 : 6, 2,
			 (uint16_t)(FIRST_PORT + dice_below(d, PORTS)));
	tlv_put_send(o, &s);
}

static void ask_hello(struct dice *d, struct tlv_out *o)
{
	tlv_put_u32(o, FLOW_A_VERSION, dice_percent(d, 90) ? FLOW_VERSION : dice_below(d, 9));
	tlv_put_u64(o, FLOW_A_EPOCH, dice_roll(d));
}

void ask_any(const struct round *r, struct dice *d, struct tlv_out *o, uint32_t seq, bool with_mark)
{
	static const u8 usual[] = { FLOW_CMD_SET,  FLOW_CMD_SET,   FLOW_CMD_SET,
				    FLOW_CMD_SET,  FLOW_CMD_SET,   FLOW_CMD_SET,
				    FLOW_CMD_DEL,  FLOW_CMD_DEL,   FLOW_CMD_DUMP,
				    FLOW_CMD_DUMP, FLOW_CMD_HELLO, FLOW_CMD_SUBSCRIBE,
				    FLOW_CMD_DTMF, FLOW_CMD_DTMF,  FLOW_CMD_SEND,
				    FLOW_CMD_SEND, FLOW_CMD_TRACE };
	u8 cmd = usual[dice_below(d, sizeof(usual))];
	uint16_t flags = NLM_F_REQUEST | (dice_percent(d, 70) ? NLM_F_ACK : 0);
	bool all = cmd == FLOW_CMD_DUMP && dice_percent(d, 40);
	struct flow f;

	tlv_begin(o, cmd, all ? flags | NLM_F_DUMP : flags, seq);
	if (cmd == FLOW_CMD_SET) {
		ask_flow(r, d, &f, seq, with_mark);
		tlv_put_flow(o, &f);
	} else if (cmd == FLOW_CMD_HELLO) {
		ask_hello(d, o);
	} else if (cmd == FLOW_CMD_DTMF) {
		ask_dtmf(d, o);
	} else if (cmd == FLOW_CMD_SEND) {
		ask_send(d, o);
	} else if (!all && cmd != FLOW_CMD_SUBSCRIBE) {
		tlv_put_u64(o, FLOW_A_ID, some_id(d));
	}
	tlv_end(o);
}
