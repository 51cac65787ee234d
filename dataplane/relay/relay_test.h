/* SPDX-License-Identifier: Apache-2.0 */
/* A relay engine of one flow in memory: what relay.h asks of an engine and nothing else. Used by the tests and the
 * fuzz targets of this folder. The includer defines CHECK(). */
#ifndef SLUICE_RELAY_TEST_H
#define SLUICE_RELAY_TEST_H

#include "relay/check_test.h"

/* ---- what leaves ---- */

static inline bool now_masked(const struct world *w, unsigned side)
{
	return rule(w)->side[!side].ssrc_mask;
}

static inline struct toy_key toy_key(const struct flow_crypto *c)
{
	return (struct toy_key){ c->number, c->suite, c->mki_len };
}

/* What leaves as SRTP. False: it does not. */
static inline bool seal(struct world *w, unsigned side, struct relay_dir *d,
			const struct relay_packet *pkt, const struct relay_plan *plan)
{
	const struct flow_crypto *key = &rule(w)->side[!side].out;

	CHECK(plan->seal == (key->suite != FLOW_SUITE_NONE));
	if (!plan->seal)
		return true;
	if (!relay_seal(d, pkt, plan, &w->crypt)) {
		CHECK(w->crypt.drop < RELAY_DROP_COUNT);
		w->drop = w->crypt.drop;
		return false;
	}
	CHECK(w->crypt.len == pkt->len && w->crypt.clear <= pkt->len);
	note_index(w, side, &w->crypt);
	memcpy(w->wire, pkt->payload, pkt->len);
	w->wire_len = toy_seal(toy_key(key), &w->crypt, w->wire);
	return true;
}

static inline void send_on(struct world *w, unsigned side, struct relay_dir *d,
			   struct relay_packet *pkt, const struct relay_plan *plan)
{
	u8 came[PACKET_MAX];

	memcpy(came, pkt->payload, pkt->len);
	check_sent(w, side, pkt, plan);
	relay_commit(d, pkt, plan);
	CHECK(pkt->len <= PACKET_MAX);
	memcpy(w->out, pkt->payload, pkt->len);
	w->out_len = pkt->len;
	if (!seal(w, side, d, pkt, plan)) {
		w->action = RELAY_DROP;
		w->order[side].unsure = 2;
		return;
	}
	w->sent[side][plan->is_rtcp]++;
	w->dst = plan->dst;
	w->from = plan->from;
	w->dscp = plan->dscp;
	w->octet1 = pkt->len > 1 ? pkt->payload[1] : 0;
	if (plan->is_rtcp)
		return;
	w->bled += same(&plan->dst, &w->foe);
	if (rule(w)->kind != FLOW_KIND_RTP)
		return;
	w->seq = seq_of(pkt->payload);
	w->injected += ssrc_of(pkt->payload) == w->foe_ssrc;
	if (plan->seal ||
	    now_masked(w, side)) /* seal_test.c looks at what a receiver makes of it */
		w->order[side].on = false;
	else
		check_order(w, side, came);
}

/* A packet for control alone. */
static inline void take(struct world *w, unsigned side, struct relay_dir *d,
			struct relay_packet *pkt, const struct relay_plan *plan)
{
	struct order *o = &w->order[side];

	relay_commit(d, pkt, plan);
	w->taken[side]++;
	if (goes_on_with(o, pkt->payload))
		o->shift--;
	else if (!o->unsure) /* whether it counted is seen by the next one */
		o->unsure = 1;
}

/* ---- what the rules say beside it ---- */

static inline void on_key(struct world *w, unsigned side, const struct relay_plan *plan)
{
	CHECK(plan->key < 16 && plan->flush_slot == SOURCE_NONE);
	CHECK(rule(w)->side[side].flags & FLOW_SIDE_DTMF_TELL);
	w->keys++;
	w->key = plan->key;
	w->key_ms = plan->key_ms;
	w->key_side = (u8)side;
}

static inline void on_note(struct world *w, unsigned side, struct relay_dir *d,
			   const struct relay_plan *plan)
{
	w->notes[plan->note]++;
	if (plan->note == SOURCE_KEY)
		return on_key(w, side, plan);
	if (plan->note == SOURCE_QUIET || plan->note == SOURCE_FLOOD) {
		CHECK(plan->flush_slot == SOURCE_NONE);
		return;
	}
	if (plan->flush_slot != SOURCE_NONE) {
		CHECK(plan->note == SOURCE_LATCHED && plan->flush_slot < SOURCE_CANDIDATES);
		for (unsigned i = 0; i < w->n_held[side][plan->flush_slot]; i++) {
			struct kept *k = &w->held[side][plan->flush_slot][i];
			struct relay_packet pkt = { k->data, k->len, k->src, k->at };
			struct relay_plan p;
			relay_plan_held(d, &pkt, &p);
			CHECK(p.action == RELAY_FORWARD || p.action == RELAY_DROP ||
			      p.action == RELAY_TAKE);
			if (p.action == RELAY_FORWARD)
				send_on(w, side, d, &pkt, &p);
			else if (p.action == RELAY_TAKE)
				take(w, side, d, &pkt, &p);
			if (p.note == SOURCE_KEY)
				on_key(w, side, &p);
		}
	}
	memset(w->n_held[side], 0, sizeof(w->n_held[side]));
}

static inline void hold(struct world *w, unsigned side, const struct relay_packet *pkt,
			const struct relay_plan *plan)
{
	CHECK(plan->hold_slot < SOURCE_CANDIDATES);
	u8 *n = &w->n_held[side][plan->hold_slot];
	if (plan->hold_fresh)
		*n = 0;
	CHECK(*n < SOURCE_HELD);
	struct kept *k = &w->held[side][plan->hold_slot][(*n)++];
	memcpy(k->data, pkt->payload, pkt->len);
	k->len = pkt->len;
	k->src = pkt->src;
	k->at = pkt->now_us;
}

/* ---- what comes in ---- */

/* SRTP: false, it is not taken. What is no SRTP stays as it is. */
static inline bool open_it(struct world *w, struct relay_dir *d, struct relay_packet *pkt)
{
	struct relay_crypt c;
	bool again = false;
	enum relay_action action = relay_open(d, rtp_dir(w, d->side), pkt, &c);

	CHECK(action == RELAY_FORWARD || action == RELAY_PUNT || action == RELAY_DROP);
	w->action = action;
	w->drop = c.drop;
	if (action != RELAY_FORWARD)
		return action == RELAY_PUNT;
	do {
		struct relay_dir *of = c.is_rtcp ? &w->f.dir[d->side][RELAY_RTCP] : d;
		struct toy_key k = toy_key(&rule(w)->side[d->side].in);
		if (c.old)
			k = (struct toy_key){ of->srtp->old.number, of->srtp->old.suite,
					      of->srtp->old.mki_len };
		CHECK(c.clear <= c.len && c.len < pkt->len);
		bool right = toy_open(k, &c, pkt->payload, pkt->len);
		w->opened++;
		if (relay_opened(d, pkt, &c, right, &again))
			return true;
		CHECK(!again || c.old);
	} while (again);
	CHECK(c.drop < RELAY_DROP_COUNT);
	w->action = RELAY_DROP;
	w->drop = c.drop;
	return false;
}

static inline enum relay_action deliver(struct world *w, unsigned side, unsigned component,
					struct flow_addr from, const void *data, u32 len)
{
	struct relay_dir *d = &w->f.dir[side][component];
	u8 copy[PACKET_MAX + TOY_ROOM];
	struct relay_packet pkt = { copy, len, from, w->now };
	struct relay_plan plan;

	CHECK(len <= sizeof(copy));
	w->came[side]++;

	if (len)
		memcpy(copy, data, len);
	if (relay_is_secure(d) && !open_it(w, d, &pkt))
		return w->action;
	memset(&plan, 0xa5, sizeof(plan));
	relay_plan(d, rtp_dir(w, side), &pkt, &plan);
	on_note(w, side, d, &plan);
	w->action = plan.action;
	if (plan.action == RELAY_FORWARD)
		send_on(w, side, d, &pkt, &plan);
	else if (plan.action == RELAY_HOLD)
		hold(w, side, &pkt, &plan);
	else if (plan.action == RELAY_TAKE)
		take(w, side, d, &pkt, &plan);
	else if (plan.action == RELAY_DROP)
		w->drop = plan.drop;
	w->punted[side] += plan.action == RELAY_PUNT;
	return w->action;
}

/* ---- time ---- */

/* A packet that the engine made. */
static inline void on_made(struct world *w, unsigned side, const struct relay_plan *plan)
{
	const struct flow *now = rule(w);
	const u8 *p = rtp_dir(w, side)->play.packet;

	CHECK(allowed(w, !side, &plan->dst) || proved(w, !side, &plan->dst, false));
	CHECK(same(&plan->dst, &rtp_dir(w, !side)->src.out));
	CHECK(plan->from.port && same_ip(&plan->from, &now->side[!side].local));
	CHECK((p[1] & 127) == now->side[!side].dtmf_out);
	struct relay_packet pkt = {
		rtp_dir(w, side)->play.packet, RELAY_MADE, { .family = 0 }, w->now
	};
	if (!seal(w, side, rtp_dir(w, side), &pkt, plan))
		return;
	w->made[side]++;
	if (w->order[side].on && ssrc_of(p) == w->order[side].ssrc)
		w->order[side].shift++;
	memcpy(w->out, p, RELAY_MADE);
	w->out_len = RELAY_MADE;
	w->dst = plan->dst;
	w->from = plan->from;
}

static inline void ticks(struct world *w)
{
	for (unsigned side = 0; side < 2; side++) {
		struct relay_dir *d = rtp_dir(w, side);
		struct relay_plan plan;
		if (!relay_ticking(d))
			continue;
		relay_tick(d, w->now, &plan);
		on_note(w, side, d, &plan);
		if (plan.action == RELAY_FORWARD)
			on_made(w, side, &plan);
	}
}

/* Time goes on in steps of at most 20 ms, as an engine's does. */
static inline void pass_us(struct world *w, u64 us)
{
	while (us) {
		u64 step = us < 20000 ? us : 20000;
		w->now += step;
		us -= step;
		ticks(w);
	}
}

static inline void pass(struct world *w, u64 ms)
{
	pass_us(w, ms * 1000);
}

/* ---- who talks ---- */

struct stream {
	struct flow_addr from;
	u32 ssrc;
	u16 seq;
	u32 ts;
	u8 pt;
};

/* The peer of side 0 through its NAT: rank 2. */
static inline struct stream phone(void)
{
	return (struct stream){ ip4(203, 0, 113, 7, 40000), 0xaaaa0001, 1000, 65000, 0 };
}

/* That of side 1, whose numbers are about to wrap. */
static inline struct stream carrier(void)
{
	return (struct stream){ ip4(198, 51, 100, 9, 5000), 0xbbbb0001, 65530, 65000, 0 };
}

static inline u32 write_rtp(u8 *p, const struct stream *s)
{
	memset(p, 0x5a, 32);
	p[0] = 0x80;
	p[1] = s->pt;
	p[2] = s->seq >> 8;
	p[3] = (u8)s->seq;
	for (unsigned i = 0; i < 4; i++) {
		p[4 + i] = (u8)(s->ts >> (24 - 8 * i));
		p[8 + i] = (u8)(s->ssrc >> (24 - 8 * i));
	}
	return 32;
}

/* One packet of 20 ms, now. */
static inline enum relay_action talk(struct world *w, unsigned side, struct stream *s)
{
	u8 p[32];
	u32 n = write_rtp(p, s);

	s->seq++;
	s->ts += 160;
	return deliver(w, side, RELAY_RTP, s->from, p, n);
}

/* n packets, 20 ms apart, time passing before each. */
static inline void talk_on(struct world *w, unsigned side, struct stream *s, unsigned n)
{
	while (n--) {
		pass(w, 20);
		talk(w, side, s);
	}
}

#endif
