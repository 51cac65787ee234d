/* SPDX-License-Identifier: Apache-2.0 */
/* A life of one flow driven by octets: packets from a few addresses, keys in them and keys to be
 * played, new generations, another party on a side, fax, SRTP with keys that change, an engine that is
 * restarted, time. What the little engine of relay_test.h checks for every packet sent is checked (nobody
 * gets anything whom the signalling did not name and who did not prove himself by a key; the sequence
 * numbers of a stream jump only where those that came in did; no index is sealed twice), and what
 * must hold of a direction after every step: also that its counters add up.
 *
 * Input: one octet of options, then operations. Each begins with an octet: the low 3 bits say what,
 * the high 5 are its argument; some take more octets. */
#include "relay_fuzz.h"

struct input {
	const u8 *p, *end;
	u32 roc[4], rtcp; /* of what the streams seal */
	u16 last[4];
	struct flow_resume told[2]; /* by the engine, of each side */
	u32 most,
		others; /* numbers of keys: the highest, and that before the engine was restarted */
};

static u8 octet(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static struct flow_addr some_addr(const struct world *w, u8 which)
{
	const struct flow_side *s = &rule(w)->side[which & 1];
	struct flow_addr a = which & 2 ? s->sig : s->remote;

	if (!a.family)
		a = w->foe;
	if (which & 4)
		a.ip[3] ^= 1;
	if (which & 8)
		a = ip4(100, 64, 3, 3, 9);
	if (which & 16 || !a.port)
		a.port = 4000 + (which >> 5);
	return a;
}

static void set_up(struct world *w, u8 options)
{
	memset(w, 0, sizeof(*w));
	world_rule(&w->rule[0]);
	for (unsigned i = 0; i < 2; i++, options >>= 4) {
		struct flow_side *s = &w->rule[0].side[i];
		s->mode = options & 1;
		s->learn_len = options & 2 ? 24 : 0;
		s->acl[0] = ip4(100, 64, 0, 0, 0);
		s->acl[0].len = 10;
		s->n_acl = options >> 2 & 1;
		if (options & 8)
			s->remote.family = 0;
		s->dtmf_in = 101;
		s->dtmf_out = 96;
		s->flags = options & 4 ? 0 : FLOW_SIDE_DTMF_TELL;
		s->dtmf_clock = i ? 48000 : 8000;
		if (i)
			s->sig = ip4(198, 51, 100, 9, 0);
	}
	world_start(w);
}

/* ---- SRTP ---- */

static u64 index_of(struct input *in, unsigned which, u16 seq)
{
	if (seq < 1000 && in->last[which] > 64000)
		in->roc[which]++;
	in->last[which] = seq;
	return (u64)in->roc[which] << 16 | seq;
}

static void say(struct world *w, struct input *in, unsigned side, struct stream *s, unsigned which)
{
	const struct flow_crypto *key = &rule(w)->side[side].in;
	struct relay_crypt c = {
		.index = index_of(in, which, s->seq), .ssrc = s->ssrc, .len = 32, .clear = 12
	};
	u8 p[PACKET_MAX];

	if (key->suite == FLOW_SUITE_NONE) {
		talk(w, side, s);
		return;
	}
	write_rtp(p, s);
	deliver(w, side, RELAY_RTP, s->from, p, toy_seal(toy_key(key), &c, p));
	s->seq++;
	s->ts += 160;
}

static void say_on(struct world *w, struct input *in, unsigned side, struct stream *s,
		   unsigned which)
{
	for (unsigned i = 0; i < 6; i++) {
		pass(w, 20);
		say(w, in, side, s, which);
	}
}

static void report(struct world *w, struct input *in, unsigned side, const struct stream *s)
{
	const struct flow_crypto *key = &rule(w)->side[side].in;
	bool mux = rule(w)->side[side].flags & FLOW_SIDE_RTCP_MUX;
	u8 p[PACKET_MAX] = { 0x81, 201, 0, 7 };
	struct relay_crypt c = {
		.index = ++in->rtcp, .ssrc = s->ssrc, .len = 32, .clear = 8, .is_rtcp = 1
	};
	struct flow_addr from = s->from;

	for (unsigned i = 0; i < 4; i++)
		p[4 + i] = (u8)(s->ssrc >> (24 - 8 * i));
	from.port += !mux;
	deliver(w, side, mux ? RELAY_RTP : RELAY_RTCP, from, p,
		key->suite ? toy_seal(toy_key(key), &c, p) : 32);
}

/* Control keeps what it is told; of a key that is gone it is worth nothing. */
static void change_key(struct input *in, struct flow_side *s, unsigned side, u8 how)
{
	bool out = how & 8;
	struct flow_crypto *c = out ? &s->out : &s->in;
	u32 number = c->number;

	c->suite = (how & 7) % FLOW_SUITE_COUNT;
	c->flags = how & 16 ? FLOW_CRYPTO_KEEP_ROC : 0;
	if (how & 32) /* another engine does not know what the one before had sealed */
		c->number = c->number < in->others ? in->most + 1 : c->number + 1;
	else if (how & 64 && c->number > 1)
		c->number--;
	c->number += !c->number;
	in->most = c->number > in->most ? c->number : in->most;
	c->mki_len = how & 128 && !out ? 4 : 0;
	if (c->number == number)
		return;
	if (!(c->flags & FLOW_CRYPTO_KEEP_ROC) && !out)
		memset(in->roc, 0, sizeof(in->roc));
	in->told[side].has &= (u8) ~(out ? FLOW_RESUME_OUT | FLOW_RESUME_OUT_RTCP
					 : FLOW_RESUME_IN | FLOW_RESUME_IN_RTCP);
}

static void hear(struct flow_resume *kept, const struct flow_resume *r)
{
	kept->has |= r->has;
	if (r->has & FLOW_RESUME_IN) {
		kept->in_ssrc = r->in_ssrc;
		kept->in_index = r->in_index;
	}
	if (r->has & FLOW_RESUME_OUT) {
		kept->out_ssrc = r->out_ssrc;
		kept->out_index = r->out_index;
		kept->out_shift = r->out_shift;
	}
	if (r->has & FLOW_RESUME_IN_RTCP)
		kept->in_rtcp = r->in_rtcp;
	if (r->has & FLOW_RESUME_OUT_RTCP)
		kept->out_rtcp = r->out_rtcp;
}

static void told(struct world *w, struct input *in)
{
	for (unsigned i = 0; i < 4; i++) {
		struct relay_dir *d = &w->f.dir[i / 2][i % 2];
		struct flow_resume r;
		if (!d->srtp->tell)
			continue;
		if (relay_resume_state(d, false, &r))
			hear(&in->told[d->side], &r);
		if (relay_resume_state(d, true, &r))
			hear(&in->told[!d->side], &r);
	}
}

/* Of what was sealed after the last INDEX, or had another SSRC, a new engine knows nothing: it counts on a source
 * that goes on. */
static void forget_sealed(struct world *w, const struct input *in)
{
	struct sealed kept[INDICES] = { { .used = 0 } };

	for (unsigned i = 0; i < INDICES; i++) {
		struct sealed *e = &w->sealed[i];
		const struct flow_resume *r = &in->told[!e->side];
		u8 part = e->is_rtcp ? FLOW_RESUME_OUT_RTCP : FLOW_RESUME_OUT;
		bool known = r->has & part &&
			     (e->is_rtcp || (e->ssrc == r->out_ssrc && e->index <= r->out_index));
		if (e->used && (known || e->number != rule(w)->side[!e->side].out.number))
			kept[i] = *e;
	}
	w->n_sealed = 0;
	memset(w->sealed, 0, sizeof(w->sealed));
	for (unsigned i = 0; i < INDICES; i++)
		if (kept[i].used)
			keep_index(w, &kept[i]);
}

static void restart(struct world *w, struct input *in)
{
	u64 now = w->now;

	forget_sealed(w, in);
	in->others = in->most;
	for (unsigned i = 0; i < 2; i++) {
		struct flow_resume *r = &w->rule[w->gen & 1].side[i].resume;
		const struct source *s = &rtp_dir(w, i)->src;
		*r = in->told[i];
		r->source = s->lock;
		r->has |= s->lock.family ? FLOW_RESUME_SOURCE : 0;
	}
	memset(&w->f, 0, sizeof(w->f));
	memset(w->srtp, 0, sizeof(w->srtp));
	memset(w->n_held, 0, sizeof(w->n_held));
	memset(w->order, 0, sizeof(w->order));
	memset(w->sent, 0, sizeof(w->sent));
	memset(w->came, 0, sizeof(w->came));
	memset(w->punted, 0, sizeof(w->punted));
	memset(w->taken, 0, sizeof(w->taken));
	world_start(w);
	w->now = now + 100000;
	for (unsigned i = 0; i < 4; i++)
		relay_dir_resume(&w->f.dir[i / 2][i % 2], w->now);
}

static void limit(struct flow_side *s, u8 how)
{
	s->rate = how & 1 ? 3000 : 0;
	s->burst = 600;
	s->ssrc_mask = how & 2 ? 0x01010101u * how : 0;
	s->flags &= ~(u32)(FLOW_SIDE_STUN | FLOW_SIDE_DTLS);
	s->flags |= (how >> 2 & 3u) * FLOW_SIDE_STUN;
}

/* Then the time in which the endpoints of the generation before may live on passes. */
static void change(struct world *w, struct input *in, u8 arg, u8 more)
{
	struct flow_side *s = edit(w, arg & 1);

	switch (arg >> 1 & 15) {
	case 0:
		s->remote.port ^= 1;
		break;
	case 1:
		s->remote.ip[3] ^= 3;
		break;
	case 2:
		s->flags ^= FLOW_SIDE_HOLD;
		break;
	case 3:
		s->flags ^= FLOW_SIDE_RTCP_MUX;
		break;
	case 4:
		s->remote.family = 4;
		break;
	case 5:
		s->remote_rtcp ^= 5001;
		break;
	case 6:
		s->local_rtcp ^= 20001;
		break;
	case 7:
		change_key(in, s, arg & 1, more);
		break;
	case 8:
		s->local.port ^= 64;
		break;
	case 9:
		s->flags ^= FLOW_SIDE_DTMF_TELL;
		break;
	case 10:
		s->flags ^= FLOW_SIDE_DTMF_TAKE;
		break;
	case 11:
		s->dtmf_out ^= 96 ^ FLOW_PT_NONE;
		break;
	case 12:
		s->dtmf_in ^= 101 ^ FLOW_PT_NONE;
		break;
	case 13:
		w->rule[!(w->gen & 1)].kind ^= FLOW_KIND_RAW;
		break;
	case 14:
		s->dtmf_clock = 1000u + more * 1000u;
		break;
	default:
		limit(s, more);
	}
	update(w);
	for (unsigned side = 0; side < 2; side++) /* as engines do */
		if (!source_holds(&rtp_dir(w, side)->src))
			memset(w->n_held[side], 0, sizeof(w->n_held[side]));
	w->now += 2000001;
	ticks(w);
}

/* One packet of an event, of whatever code and length. */
static void event(struct world *w, struct input *in, unsigned side, struct stream *s)
{
	u8 p[32], code = octet(in);
	struct stream e = *s;

	e.pt = 101;
	e.ts &= ~2047u; /* several packets of one timestamp */
	write_rtp(p, &e);
	p[12] = code & 31;
	p[13] = code & 128;
	p[14] = octet(in);
	deliver(w, side, RELAY_RTP, s->from, p, code & 64 ? 14 : 16);
	s->seq++;
	s->ts += 160;
}

static void raw(struct world *w, struct input *in, u8 arg)
{
	u8 from = octet(in), len = octet(in) % PACKET_MAX;
	size_t left = (size_t)(in->end - in->p);
	size_t n = len < left ? len : left;

	deliver(w, arg & 1, arg >> 1 & 1, some_addr(w, from), in->p, (u32)n);
	in->p += n;
}

static void more(struct world *w, struct input *in, u8 arg, struct stream *s)
{
	unsigned side = arg >> 2 & 1;

	switch (arg >> 3 & 3) {
	case 0:
		raw(w, in, arg);
		break;
	case 1:
		event(w, in, side, s);
		break;
	case 2:
		relay_dtmf(rtp_dir(w, side), arg & 3, octet(in) * 40u, w->now);
		break;
	default: /* media stops, or comes back, while a key is played */
		relay_dtmf(rtp_dir(w, side), 9, 0, w->now);
		pass(w, octet(in));
		if (arg & 3)
			say_on(w, in, side, s, arg & 3);
		else
			report(w, in, side, s);
	}
}

static void operation(struct world *w, struct input *in, struct stream t[4])
{
	u8 op = octet(in), arg = op >> 3;
	struct stream *s = &t[arg & 3];

	switch (op & 7) {
	case 0: /* a packet of a stream */
		say(w, in, arg >> 2 & 1, s, arg & 3);
		break;
	case 1: /* several, 20 ms apart */
		say_on(w, in, arg >> 2 & 1, s, arg & 3);
		break;
	case 2:
		s->from = some_addr(w, octet(in));
		break;
	case 3: /* the stream changes */
		s->ssrc ^= arg >> 2 & 1;
		s->pt = arg >> 3 & 1 ? 101 : 0;
		s->seq += octet(in);
		s->ts += (u32)octet(in) << 6;
		break;
	case 4:
		pass(w, (u64)arg * arg);
		break;
	case 5: /* time without ticks: an engine that was late, or is another one */
		if (arg == 31)
			restart(w, in);
		w->now += (u64)arg << 15;
		break;
	case 6:
		change(w, in, arg, octet(in));
		break;
	default:
		more(w, in, arg, s);
	}
}

static void check_direction(struct world *w, unsigned side)
{
	const struct relay_dir *d = rtp_dir(w, side);
	const struct source *s = &d->src;
	bool locked = s->state != FLOW_STATE_IDLE && s->state != FLOW_STATE_PROBE &&
		      s->state != FLOW_STATE_CONFLICT;

	CHECK(s->state < FLOW_STATE_COUNT);
	CHECK(locked == !!s->lock.family);
	CHECK(same(&d->peer->to, &s->out));
	CHECK(s->state != FLOW_STATE_CONFLICT || !s->out.family);
	if (locked && s->state != FLOW_STATE_RELEARN)
		CHECK(same(&s->out, &s->lock));
	CHECK(s->n_poisoned <= SOURCE_POISONED);
	for (unsigned i = 0; i < SOURCE_CANDIDATES; i++) {
		CHECK(s->cand[i].held <= SOURCE_HELD);
		CHECK(s->cand[i].used || !s->cand[i].held);
		/* what is held here is what the engine holds */
		CHECK(!s->cand[i].held || s->cand[i].held == w->n_held[side][i]);
	}
	CHECK(d->to_seq % 2 == 0);
	CHECK(d->play.n <= RELAY_KEYS);
	CHECK(rule(w)->kind == FLOW_KIND_RTP || !d->play.n);
	check_counters(w, side);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct world w;
	struct input in = { .p = data, .end = data + n };
	struct stream t[4];

	set_up(&w, octet(&in));
	for (u8 i = 0; i < 4; i++)
		t[i] = (struct stream){ some_addr(&w, i), 1u + i * 2u, 65500, 7, 0 };
	for (unsigned ops = 0; in.p < in.end && ops < 300; ops++) {
		operation(&w, &in, t);
		told(&w, &in);
		check_direction(&w, 0);
		check_direction(&w, 1);
	}
	return 0;
}
