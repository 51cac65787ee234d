/* SPDX-License-Identifier: Apache-2.0 */
/* A relay engine of one flow in memory, as small as one can be: what relay.h asks of an engine and
 * nothing else. Used by the tests and the fuzz target of this folder. The includer defines CHECK().
 */
#ifndef SLUICE_RELAY_TEST_H
#define SLUICE_RELAY_TEST_H

#include <string.h>
#include "relay/relay.h"
#include "relay/cipher_test.h"

#define PACKET_MAX 128
#define INDICES    1024 /* a power of 2 */

struct kept {
	u8 data[PACKET_MAX];
	u32 len;
	struct flow_addr src;
	u64 at;
};

/* What was sealed, each of them once. */
struct sealed {
	u64 index;
	u32 number, ssrc;
	u8 used, side, is_rtcp;
};

struct world {
	struct flow rule[2]; /* the one in force: gen & 1; the other: the one before */
	unsigned gen;
	struct relay_flow f;
	u64 now, updated;
	struct kept held[2][SOURCE_CANDIDATES][SOURCE_HELD];
	u8 n_held[2][SOURCE_CANDIDATES];
	struct flow_addr foe; /* counted: what it put in, and what it got */
	u32 foe_ssrc;
	unsigned injected, bled;
	unsigned sent[2][2]; /* [side it came in on][component] */
	unsigned taken[2], made[2];
	unsigned keys; /* told; the last one: */
	u8 key, key_side;
	u32 key_ms;
	u8 out[PACKET_MAX]; /* the last packet sent, or made; before it was sealed */
	u32 out_len;
	struct relay_srtp srtp[2][2];
	struct relay_crypt crypt; /* of the last packet sealed */
	u8 wire[PACKET_MAX + TOY_ROOM];
	u32 wire_len;
	struct sealed sealed[INDICES];
	unsigned n_sealed;
	unsigned came[2], punted[2], opened; /* opened: times that the cipher ran */
	struct order {
		u32 ssrc;
		u16 in, shift;
		bool on;
		u8 unsure; /* packets until it is known where it goes on */
	} order[2];        /* of RTP that came in on a side: what its sequence numbers must be */
	unsigned notes[5];
	struct flow_addr dst, from; /* of the last packet sent */
	u8 octet1, dscp;
	u16 seq;
	bool any_source; /* eligibility is checked by the test itself */
	enum relay_action action;
	enum relay_drop drop;
};

struct stream {
	struct flow_addr from;
	u32 ssrc;
	u16 seq;
	u32 ts;
	u8 pt;
};

static inline struct flow_addr ip4(u8 a, u8 b, u8 c, u8 d, u16 port)
{
	return (struct flow_addr){ .ip = { a, b, c, d }, .port = port, .family = 4 };
}

static inline bool same_ip(const struct flow_addr *a, const struct flow_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, 16);
}

static inline bool same(const struct flow_addr *a, const struct flow_addr *b)
{
	return same_ip(a, b) && a->port == b->port;
}

static inline bool bits_equal(const u8 *a, const u8 *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* The rules of source.h once more, in the plainest words. */
static inline bool eligible(const struct flow_side *s, const struct flow_addr *a)
{
	bool nat = s->mode == FLOW_MODE_NAT;
	unsigned sig_len = s->learn_len ? s->learn_len : 128;

	if (same(a, &s->remote) || (nat && same_ip(a, &s->remote)))
		return true;
	if (nat && s->sig.family == a->family && bits_equal(a->ip, s->sig.ip, sig_len))
		return true;
	for (unsigned i = 0; i < s->n_acl; i++)
		if (s->acl[i].family == a->family && bits_equal(a->ip, s->acl[i].ip, s->acl[i].len))
			return true;
	return false;
}

static inline const struct flow *rule(const struct world *w)
{
	return &w->rule[w->gen & 1];
}

static inline struct flow_side *edit(struct world *w, unsigned side)
{
	w->rule[!(w->gen & 1)] = w->rule[w->gen & 1];
	return &w->rule[!(w->gen & 1)].side[side];
}

/* edit() and then this: a new generation. */
static inline void update(struct world *w)
{
	w->gen++;
	w->rule[w->gen & 1].gen = w->gen;
	w->updated = w->now;
	relay_flow_update(&w->f, rule(w), w->now);
}

static inline struct relay_dir *rtp_dir(struct world *w, unsigned side)
{
	return &w->f.dir[side][RELAY_RTP];
}

static inline u8 state_of(struct world *w, unsigned side)
{
	return rtp_dir(w, side)->src.state;
}

/* The peer of side 0 is behind a NAT: SDP 10.0.0.5:4000, SIP from 203.0.113.7. The peer of side 1
 * is a carrier: 198.51.100.9:5000. */
static inline void world_rule(struct flow *f)
{
	memset(f, 0, sizeof(*f));
	f->id = 1;
	for (unsigned i = 0; i < 2; i++) {
		struct flow_side *s = &f->side[i];
		s->local = ip4(198, 51, 100, 1, (u16)(20000 + 2 * i));
		s->local_rtcp = (u16)(20001 + 2 * i);
		s->clock = 8000;
		s->ptime = 20;
		s->n_ptmap = 2;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		memcpy(s->ptmap, (u8[2][2]){ { 0, 0 }, { 101, 96 } }, 4);
	}
	f->side[0].remote = ip4(10, 0, 0, 5, 4000);
	f->side[0].remote_rtcp = 4001;
	f->side[0].sig = ip4(203, 0, 113, 7, 0);
	f->side[0].mode = FLOW_MODE_NAT;
	f->side[1].remote = ip4(198, 51, 100, 9, 5000);
	f->side[1].remote_rtcp = 5001;
	f->side[1].dscp = 46;
}

static inline void world_start(struct world *w)
{
	w->now = 1000000;
	w->foe = ip4(192, 0, 2, 66, 6666);
	w->foe_ssrc = 0x66660001;
	for (unsigned i = 0; i < 4; i++)
		w->f.dir[i / 2][i % 2].srtp = &w->srtp[i / 2][i % 2];
	relay_flow_init(&w->f, rule(w));
}

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	world_rule(&w->rule[0]);
	world_start(w);
}

/* It proved itself by packets that were authentic, wherever it is: the network changed. */
static inline bool proved(struct world *w, unsigned side, const struct flow_addr *a, bool is_rtcp)
{
	const struct source *s = &rtp_dir(w, side)->src;

	return s->proven && (is_rtcp ? same_ip(a, &s->lock) : same(a, &s->lock));
}

static inline void check_sent(struct world *w, unsigned side, const struct relay_packet *pkt,
			      const struct relay_plan *plan)
{
	const struct flow *now = rule(w), *was = &w->rule[!(w->gen & 1)];

	CHECK(plan->from.port && same_ip(&plan->from, &now->side[!side].local));
	if (w->any_source)
		return;
	/* Of RTCP only the address is ruled. What the rule before allowed may live on for a while;
	 * tests of more rules than that say so themselves. */
	struct flow_addr src = pkt->src, dst = plan->dst;
	if (plan->is_rtcp) {
		src.port = now->side[side].remote.port;
		dst.port = now->side[!side].remote.port;
	}
	CHECK(eligible(&now->side[side], &src) || (w->gen && eligible(&was->side[side], &src)) ||
	      proved(w, side, &pkt->src, plan->is_rtcp));
	CHECK(eligible(&now->side[!side], &dst) || (w->gen && eligible(&was->side[!side], &dst)) ||
	      proved(w, !side, &plan->dst, plan->is_rtcp));
}

static inline u32 ssrc_of(const u8 *p)
{
	return (u32)p[8] << 24 | p[9] << 16 | p[10] << 8 | p[11];
}

static inline u16 seq_of(const u8 *p)
{
	return (u16)(p[2] << 8 | p[3]);
}

static inline u32 ts_of(const u8 *p)
{
	return (u32)p[4] << 24 | p[5] << 16 | p[6] << 8 | p[7];
}

/* A packet that came in: does it move its stream on? Another stream begins anew, and so does one
 * that jumps, with two packets (RFC 3550 A.1). */
static inline bool goes_on_with(struct order *o, const u8 *p)
{
	u16 step = (u16)(seq_of(p) - o->in);

	if (!o->on || o->ssrc != ssrc_of(p)) {
		*o = (struct order){ ssrc_of(p), seq_of(p), 0, true, 0 };
		return false;
	}
	if (!step || step > 65436) /* again, or late */
		return false;
	o->in = seq_of(p);
	if (step < 100 && !o->unsure)
		return true;
	o->unsure = step < 100 ? o->unsure - 1 : 2;
	return false;
}

/* What was added or left out shifts the rest, and nothing else does. */
static inline void check_order(struct world *w, unsigned side, const u8 *came)
{
	struct order *o = &w->order[side];
	const struct relay_play *k = &rtp_dir(w, side)->play;
	bool on = goes_on_with(o, came);

	if (ssrc_of(w->out) != o->ssrc) { /* nothing of it was seen so far */
		o->unsure = 1;
		return;
	}
	if (k->late && (u16)(k->seq_from - seq_of(came)) < 100)
		return;
	if (on)
		CHECK(seq_of(w->out) == (u16)(seq_of(came) + o->shift));
	else if (seq_of(came) == o->in)
		o->shift = (u16)(seq_of(w->out) - seq_of(came));
}

static inline bool now_masked(const struct world *w, unsigned side)
{
	return rule(w)->side[!side].ssrc_mask;
}

static inline void set_toy(struct flow_crypto *c, u8 any)
{
	*c = (struct flow_crypto){ .number = 1,
				   .suite = any % FLOW_SUITE_COUNT,
				   .mki_len = any / FLOW_SUITE_COUNT % 2 * 4 };
}

static inline struct toy_key toy_key(const struct flow_crypto *c)
{
	return (struct toy_key){ c->number, c->suite, c->mki_len };
}

/* An index is used once. */
static inline void keep_index(struct world *w, const struct sealed *e)
{
	u64 h = toy_mix(e->index + ((u64)e->ssrc << 20)) + e->number + e->side;

	for (;; h++) {
		struct sealed *s = &w->sealed[h % INDICES];
		if (!s->used) {
			*s = *e;
			w->n_sealed++;
			return;
		}
		CHECK(s->index != e->index || s->number != e->number || s->ssrc != e->ssrc ||
		      s->side != e->side || s->is_rtcp != e->is_rtcp);
	}
}

static inline void note_index(struct world *w, unsigned side, const struct relay_crypt *c)
{
	struct sealed e = { .index = c->index,
			    .number = rule(w)->side[!side].out.number,
			    .ssrc = c->ssrc,
			    .used = 1,
			    .side = (u8)side,
			    .is_rtcp = c->is_rtcp };

	if (w->n_sealed < INDICES / 2)
		keep_index(w, &e);
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

/* Whatever came in on a side was relayed, dropped, taken, punted, or is held. */
static inline void check_counters(struct world *w, unsigned side)
{
	u64 all = w->taken[side] + w->punted[side];

	for (unsigned c = 0; c < 2; c++) {
		struct flow_stats st;
		relay_stats(&w->f.dir[side][c], 0, &st);
		CHECK(st.packets == w->sent[side][c]);
		CHECK(st.auth_failed + st.replayed + st.policed <= st.dropped);
		CHECK(st.dropped || !st.last_drop[0]);
		all += st.packets + st.dropped;
	}
	for (unsigned i = 0; i < SOURCE_CANDIDATES; i++)
		all += rtp_dir(w, side)->src.cand[i].held;
	CHECK(all == w->came[side]);
}

/* A packet that the engine made. */
static inline void on_made(struct world *w, unsigned side, const struct relay_plan *plan)
{
	const struct flow *now = rule(w), *was = &w->rule[!(w->gen & 1)];
	const u8 *p = rtp_dir(w, side)->play.packet;

	CHECK(eligible(&now->side[!side], &plan->dst) ||
	      (w->gen && eligible(&was->side[!side], &plan->dst)) ||
	      proved(w, !side, &plan->dst, false));
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
