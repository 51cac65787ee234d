/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of whatever an engine sends: who may be heard and hear, in which order, each index once. */
#ifndef SLUICE_RELAY_CHECK_TEST_H
#define SLUICE_RELAY_CHECK_TEST_H

#include "relay/world_test.h"

/* ---- sources and destinations ---- */

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

/* It proved itself by packets that were authentic, wherever it is: the network changed. */
static inline bool proved(struct world *w, unsigned side, const struct flow_addr *a, bool is_rtcp)
{
	const struct source *s = &rtp_dir(w, side)->src;

	return s->proven && (is_rtcp ? same_ip(a, &s->lock) : same(a, &s->lock));
}

/* What the rule before allowed may live on for a while; tests of more rules than that say so themselves. */
static inline bool allowed(const struct world *w, unsigned side, const struct flow_addr *a)
{
	const struct flow *now = rule(w), *was = &w->rule[!(w->gen & 1)];

	return eligible(&now->side[side], a) || (w->gen && eligible(&was->side[side], a));
}

static inline void check_sent(struct world *w, unsigned side, const struct relay_packet *pkt,
			      const struct relay_plan *plan)
{
	const struct flow *now = rule(w);

	CHECK(plan->from.port && same_ip(&plan->from, &now->side[!side].local));
	if (w->any_source)
		return;
	/* Of RTCP only the address is ruled. */
	struct flow_addr src = pkt->src, dst = plan->dst;
	if (plan->is_rtcp) {
		src.port = now->side[side].remote.port;
		dst.port = now->side[!side].remote.port;
	}
	CHECK(allowed(w, side, &src) || proved(w, side, &pkt->src, plan->is_rtcp));
	CHECK(allowed(w, !side, &dst) || proved(w, !side, &plan->dst, plan->is_rtcp));
}

/* ---- order ---- */

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

/* ---- indices of SRTP ---- */

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

/* ---- counters ---- */

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

#endif
