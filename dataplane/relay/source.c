/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The state machine of source.h as a table: state x event -> step, which gives the next state. */
#include "relay/relay_priv.h"

#define TP          (300 * MS)
#define TW          (1 * S)
#define TO          (2 * S)
#define LIMIT_SPAN  (60 * S)
#define SSRC_PROVEN 2

enum event {
	EV_LOCK,  /* a packet from the locked source */
	EV_OTHER, /* a packet from elsewhere */
	EV_TIME,  /* no packet, time went on */
	EV_SDP,   /* signalling named another endpoint */
	EV_COUNT
};

struct step {
	const struct flow_side *side;
	const struct source_packet *p; /* EV_LOCK, EV_OTHER */
	struct source_verdict *v;
	u64 now;
	u8 rank; /* EV_OTHER; SOURCE_NONE: not eligible */
};

/* ---- candidates ---- */

static u8 stay(struct source *s, struct step *e)
{
	return s->state;
}

static u8 refuse(struct source *s, struct step *e, enum relay_drop drop)
{
	e->v->action = RELAY_DROP;
	e->v->drop = drop;
	return s->state;
}

static void forget(struct source *s, struct source_verdict *v)
{
	source_drop_candidates(s, &v->freed);
}

static u8 keep(struct source *s, struct step *e, struct source_candidate *c)
{
	if (c->held >= SOURCE_HELD)
		return refuse(s, e, RELAY_DROP_CANDIDATE);
	e->v->action = RELAY_HOLD;
	e->v->slot = (u8)(c - s->cand);
	e->v->fresh = !c->held++;
	return s->state;
}

/* ---- locking ---- */

static void touch(struct source *s, const struct source_packet *p)
{
	s->last_us = p->now_us;
	s->ssrc = p->ssrc;
	s->ts = p->ts;
	s->seq = p->seq;
}

static u8 lock_to(struct source *s, struct step *e, const struct source_packet *p, u8 rank)
{
	s->lock = *p->from;
	s->lock.len = 0;
	s->out = s->lock;
	s->rank = rank;
	s->new_run = 0;
	s->unheard = 0;
	s->proven = p->authentic;
	touch(s, p);
	forget(s, e->v);
	e->v->note = SOURCE_LATCHED;
	return rank >= 2 && !p->authentic ? FLOW_STATE_LOCKED_WEAK : FLOW_STATE_LOCKED;
}

static u8 lock_now(struct source *s, struct step *e)
{
	e->v->action = RELAY_FORWARD;
	return lock_to(s, e, e->p, e->rank);
}

static u8 lock_candidate(struct source *s, struct step *e, const struct source_candidate *c)
{
	struct flow_addr from = c->addr;
	struct source_packet last = { &from, c->last_us, c->ssrc, c->ts, c->seq, false, false };
	u8 held = c->held;

	e->v->flush = held ? (u8)(c - s->cand) : SOURCE_NONE;
	u8 next = lock_to(s, e, &last, c->rank);
	e->v->freed -= held;
	return next;
}

static u8 conflict(struct source *s, struct step *e)
{
	s->lock = s->out = (struct flow_addr){ .family = 0 };
	forget(s, e->v);
	e->v->note = SOURCE_CONFLICT;
	refuse(s, e, RELAY_DROP_CONFLICT);
	return FLOW_STATE_CONFLICT;
}

/* The end of Tp: the best candidate, if there is one. */
static u8 decide(struct source *s, struct step *e)
{
	bool tie;

	if (!s->probe_us || relay_since(e->now, s->probe_us) < TP)
		return s->state;
	const struct source_candidate *best = candidate_best(s, e->side, e->now, &tie);
	if (!best)
		return s->state;
	return tie ? conflict(s, e) : lock_candidate(s, e, best);
}

/* ---- steps ---- */

static u8 spray(struct source *s, struct step *e)
{
	source_spray(s, e->p->from, e->now);
	return refuse(s, e, RELAY_DROP_NOT_READY);
}

static u8 probe(struct source *s, struct step *e)
{
	if (e->rank == SOURCE_NONE)
		return refuse(s, e, RELAY_DROP_UNLEARNED);
	/* The SDP's own address needs no proof, however early it sent. */
	if (e->rank == 0 || e->p->authentic)
		return lock_now(s, e);
	if (source_is_poisoned(s, e->p->from))
		return refuse(s, e, RELAY_DROP_POISONED);
	if (!s->probe_us)
		s->probe_us = e->now ? e->now : 1;
	struct source_candidate *c = candidate_track(s, e->p, e->rank, &e->v->freed);
	u8 next = decide(s, e);
	if (next == FLOW_STATE_CONFLICT)
		return next;
	if (next == s->state)
		return c ? keep(s, e, c) : refuse(s, e, RELAY_DROP_CANDIDATE);
	if (!addr_same(e->p->from, &s->lock))
		refuse(s, e, RELAY_DROP_OTHER_SOURCE);
	return next;
}

static bool too_often(u64 *times, unsigned n, u64 now)
{
	if (times[0] && relay_since(now, times[0]) < LIMIT_SPAN)
		return true;
	for (unsigned i = 0; i + 1 < n; i++)
		times[i] = times[i + 1];
	times[n - 1] = now ? now : 1;
	return false;
}

static u8 new_ssrc(struct source *s, struct step *e)
{
	const struct source_packet *p = e->p;
	u16 step = (u16)(p->seq - s->new_seq);
	bool same = s->new_run && s->new_ssrc == p->ssrc && step >= 1 && step <= CANDIDATE_STEP;

	s->last_us = p->now_us; /* it is alive, whatever it sends */
	s->new_run = same ? s->new_run + 1 : 1;
	s->new_ssrc = p->ssrc;
	s->new_seq = p->seq;
	if (s->new_run < SSRC_PROVEN)
		return refuse(s, e, RELAY_DROP_SSRC);
	s->new_run = 0;
	if (too_often(s->ssrc_us, sizeof(s->ssrc_us) / sizeof(s->ssrc_us[0]), e->now))
		return refuse(s, e, RELAY_DROP_SSRC);
	touch(s, p);
	return s->state;
}

static u8 locked(struct source *s, struct step *e)
{
	s->proven |= e->p->authentic;
	if (e->p->ssrc != s->ssrc && !s->unheard)
		return new_ssrc(s, e);
	s->unheard = 0;
	touch(s, e->p);
	return s->state;
}

static u8 weak_time(struct source *s, struct step *e)
{
	if (relay_since(e->now, s->since_us) < TW)
		return s->state;
	forget(s, e->v);
	return FLOW_STATE_LOCKED;
}

static u8 weak_locked(struct source *s, struct step *e)
{
	locked(s, e);
	return weak_time(s, e);
}

static u8 from_elsewhere(struct source *s, struct step *e);

static bool silent(const struct source *s, const struct step *e)
{
	u64 ts = 10 * MS * e->side->ptime;

	return !(e->side->flags & FLOW_SIDE_HOLD) &&
	       relay_since(e->now, s->last_us) >= (ts > 200 * MS ? ts : 200 * MS);
}

/* An authentic packet from elsewhere that moves the lock. While packets come from there nobody does, unless
 * none of those was authentic. */
static bool moves(const struct source *s, const struct step *e)
{
	const struct source_packet *p = e->p;

	if (!p->authentic)
		return false;
	if (e->rank != SOURCE_NONE && !s->proven)
		return true;
	return p->newest && silent(s, e) && (e->rank != SOURCE_NONE || p->ssrc == s->ssrc);
}

/* The port of the SDP counts as it does in a tie. */
static bool is_worse(const struct source *s, const struct step *e)
{
	u16 port = e->side->remote.port;

	return e->rank > s->rank ||
	       (e->rank == s->rank && s->lock.port == port && e->p->from->port != port);
}

static u8 weak_other(struct source *s, struct step *e)
{
	if (weak_time(s, e) == FLOW_STATE_LOCKED) {
		s->state = FLOW_STATE_LOCKED;
		return from_elsewhere(s, e);
	}
	if (moves(s, e))
		return lock_now(s, e);
	if (e->rank == SOURCE_NONE)
		return refuse(s, e, RELAY_DROP_UNLEARNED);
	refuse(s, e, RELAY_DROP_OTHER_SOURCE);
	if (e->p->authentic || is_worse(s, e) || e->p->ssrc == s->ssrc ||
	    source_is_poisoned(s, e->p->from))
		return s->state;
	struct source_candidate *c = candidate_track(s, e->p, e->rank, &e->v->freed);
	return c && c->run >= CANDIDATE_RUN ? conflict(s, e) : s->state;
}

/* The same stream from behind the same NAT: nobody who did not hear it can go on with it. */
static bool continues(const struct source *s, const struct step *e)
{
	const struct source_packet *p = e->p;
	u64 gap = relay_since(e->now, s->last_us);
	u64 want = gap * e->side->clock / S;
	u32 advance = p->ts - s->ts;
	u16 step = (u16)(p->seq - s->seq);

	return !p->authentic && !s->unheard && ip_eq(p->from, &s->lock) && p->ssrc == s->ssrc &&
	       step && step <= gap / (20 * MS) + 100 && want < 1u << 31 && advance >= want / 2 &&
	       advance <= want + want / 2;
}

static u8 rebind(struct source *s, struct step *e)
{
	refuse(s, e, RELAY_DROP_OTHER_SOURCE);
	if (!continues(s, e) || source_is_poisoned(s, e->p->from))
		return s->state;
	struct source_candidate *c = candidate_track(s, e->p, e->rank, &e->v->freed);
	if (!c || c->run < CANDIDATE_RUN)
		return c ? keep(s, e, c) : FLOW_STATE_REBIND_OK;
	if (too_often(s->rebind_us, sizeof(s->rebind_us) / sizeof(s->rebind_us[0]), e->now)) {
		forget(s, e->v);
		return FLOW_STATE_FROZEN;
	}
	e->v->action = RELAY_FORWARD;
	lock_candidate(s, e, c);
	return FLOW_STATE_LOCKED;
}

/* The first Tw of a lock to the SDP's address, but not its port: then its very own may still come, and one of the two
 * is a neighbour. */
static bool is_disputed(const struct source *s, const struct step *e)
{
	return s->state == FLOW_STATE_LOCKED && s->rank == 1 && e->rank == 0 && !s->proven &&
	       !s->unheard && !e->p->authentic && e->p->ssrc != s->ssrc &&
	       relay_since(e->now, s->since_us) < TW;
}

static u8 dispute(struct source *s, struct step *e)
{
	struct source_candidate *c = candidate_track(s, e->p, e->rank, &e->v->freed);

	refuse(s, e, RELAY_DROP_OTHER_SOURCE);
	return c && c->run >= CANDIDATE_RUN ? conflict(s, e) : s->state;
}

/* In REBIND_OK it may be silent no more: hold came meanwhile. */
static u8 from_elsewhere(struct source *s, struct step *e)
{
	if (moves(s, e))
		return lock_now(s, e);
	if (e->rank == SOURCE_NONE)
		return refuse(s, e, RELAY_DROP_UNLEARNED);
	if (is_disputed(s, e))
		return dispute(s, e);
	if (!silent(s, e) || (s->state == FLOW_STATE_LOCKED && !continues(s, e)))
		return refuse(s, e, RELAY_DROP_OTHER_SOURCE);
	s->state = FLOW_STATE_REBIND_OK;
	return rebind(s, e);
}

static u8 rebind_locked(struct source *s, struct step *e)
{
	forget(s, e->v);
	locked(s, e);
	return FLOW_STATE_LOCKED;
}

static u8 frozen_locked(struct source *s, struct step *e)
{
	u8 state = locked(s, e);

	return e->p->authentic ? FLOW_STATE_LOCKED : state;
}

static u8 frozen_other(struct source *s, struct step *e)
{
	if (moves(s, e))
		return lock_now(s, e);
	return refuse(s, e,
		      e->rank == SOURCE_NONE ? RELAY_DROP_UNLEARNED : RELAY_DROP_OTHER_SOURCE);
}

static u8 in_conflict(struct source *s, struct step *e)
{
	if (e->p->authentic && e->rank != SOURCE_NONE)
		return lock_now(s, e);
	return refuse(s, e, RELAY_DROP_CONFLICT);
}

static void expire(struct source *s, const struct step *e)
{
	if (relay_since(e->now, s->since_us) < TO)
		return;
	s->lock = (struct flow_addr){ .family = 0 };
	s->out = source_before_lock(e->side);
	s->state = FLOW_STATE_PROBE;
}

static u8 relearn_time(struct source *s, struct step *e)
{
	expire(s, e);
	return decide(s, e);
}

static u8 relearn_other(struct source *s, struct step *e)
{
	expire(s, e);
	return probe(s, e);
}

static u8 relearn_locked(struct source *s, struct step *e)
{
	expire(s, e);
	if (s->state == FLOW_STATE_PROBE)
		return probe(s, e);
	return locked(s, e);
}

static u8 sdp_open(struct source *s, struct step *e)
{
	forget(s, e->v);
	s->lock = (struct flow_addr){ .family = 0 };
	s->out = source_before_lock(e->side);
	return FLOW_STATE_PROBE;
}

static u8 sdp_first(struct source *s, struct step *e)
{
	source_pardon(s, e->now);
	return sdp_open(s, e);
}

static u8 sdp_named_lock(struct source *s, struct step *e)
{
	forget(s, e->v);
	s->out = s->lock;
	s->rank = 0;
	return FLOW_STATE_LOCKED;
}

static u8 sdp_again(struct source *s, struct step *e)
{
	if (addr_same(&s->lock, &e->side->remote))
		return sdp_named_lock(s, e);
	forget(s, e->v);
	s->out = source_before_lock(e->side);
	if (!s->out.family)
		s->out = s->lock;
	return FLOW_STATE_RELEARN;
}

typedef u8 step_fn(struct source *s, struct step *e);

/* Where there is no lock, no packet is from it: those cells say what other sources get. RELEARN
 * again keeps its first deadline: signalling cannot prolong the old source. */
/* clang-format off */
static step_fn *const table[FLOW_STATE_COUNT][EV_COUNT] = {
	/*                          EV_LOCK         EV_OTHER        EV_TIME       EV_SDP */
	[FLOW_STATE_IDLE]        = { spray,          spray,          stay,         sdp_first },
	[FLOW_STATE_PROBE]       = { probe,          probe,          decide,       sdp_open },
	[FLOW_STATE_LOCKED_WEAK] = { weak_locked,    weak_other,     weak_time,    sdp_again },
	[FLOW_STATE_LOCKED]      = { locked,         from_elsewhere, stay,         sdp_again },
	[FLOW_STATE_REBIND_OK]   = { rebind_locked,  from_elsewhere, stay,         sdp_again },
	[FLOW_STATE_RELEARN]     = { relearn_locked, relearn_other,  relearn_time, sdp_again },
	[FLOW_STATE_CONFLICT]    = { in_conflict,    in_conflict,    stay,         sdp_open },
	[FLOW_STATE_FROZEN]      = { frozen_locked,  frozen_other,   stay,         sdp_again },
};
/* clang-format on */

static void run(struct source *s, enum event ev, struct step *e)
{
	u8 was = s->state;
	u8 next = table[was][ev](s, e);

	if (next != was)
		s->since_us = e->now;
	s->state = next;
}

static void quiet(struct source_verdict *v)
{
	*v = (struct source_verdict){ .action = RELAY_FORWARD, .flush = SOURCE_NONE };
}

void source_init(struct source *s, const struct flow_side *side)
{
	__builtin_memset(s, 0, sizeof(*s));
	if (!side->remote.family)
		return;
	s->state = FLOW_STATE_PROBE;
	s->out = source_before_lock(side);
}

void source_forget(struct source *s, const struct flow_side *side, u64 now_us, u8 *freed)
{
	source_drop_candidates(s, freed);
	source_init(s, side);
	s->since_us = now_us;
}

void source_packet(struct source *s, const struct flow_side *side, const struct source_packet *p,
		   struct source_verdict *v)
{
	struct step e = { .side = side, .p = p, .v = v, .now = p->now_us };

	quiet(v);
	e.rank = source_rank(side, p->from);
	run(s, s->lock.family && addr_same(p->from, &s->lock) ? EV_LOCK : EV_OTHER, &e);
}

u8 source_would_take(const struct source *s, const struct flow_side *side,
		     const struct source_packet *p)
{
	struct step e = { .side = side, .p = p, .now = p->now_us };

	if (s->state == FLOW_STATE_IDLE)
		return RELAY_DROP_NOT_READY;
	if (s->lock.family && addr_same(p->from, &s->lock))
		return SOURCE_NONE;
	e.rank = source_rank(side, p->from);
	bool open = !s->lock.family || s->state == FLOW_STATE_RELEARN;
	if (open ? e.rank != SOURCE_NONE : moves(s, &e))
		return SOURCE_NONE;
	return e.rank == SOURCE_NONE ? RELAY_DROP_UNLEARNED : RELAY_DROP_OTHER_SOURCE;
}

void source_resume(struct source *s, const struct flow_side *side, const struct flow_addr *from,
		   u64 now_us)
{
	u8 rank = source_rank(side, from);

	if (s->state != FLOW_STATE_PROBE || rank == SOURCE_NONE)
		return;
	s->lock = *from;
	s->lock.len = 0;
	s->out = s->lock;
	s->rank = rank;
	s->state = FLOW_STATE_LOCKED;
	s->since_us = now_us;
	s->last_us = now_us;
	s->unheard = 1;
}

void source_tick(struct source *s, const struct flow_side *side, u64 now_us,
		 struct source_verdict *v)
{
	struct step e = { .side = side, .v = v, .now = now_us };

	quiet(v);
	run(s, EV_TIME, &e);
}

/* It comes from elsewhere now, and the lock is not where it could be. Where authentic packets came from
 * is known better than signalling knows it. */
static bool signalling_left(const struct source *s, const struct flow_side *was,
			    const struct flow_side *side)
{
	return !ip_eq(&was->sig, &side->sig) && s->lock.family && !s->proven &&
	       source_rank(side, &s->lock) == SOURCE_NONE;
}

void source_update(struct source *s, const struct flow_side *was, const struct flow_side *side,
		   u64 now_us, struct source_verdict *v)
{
	struct step e = { .side = side, .v = v, .now = now_us };

	quiet(v);
	if (!addr_same(&was->local, &side->local))
		source_forget(s, side, now_us, &v->freed);
	else if (side->remote.family &&
		 (!addr_same(&was->remote, &side->remote) || signalling_left(s, was, side)))
		run(s, EV_SDP, &e);
	else if (s->state == FLOW_STATE_PROBE)
		s->out = source_before_lock(side);
}
