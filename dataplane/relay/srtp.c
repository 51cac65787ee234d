/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* SRTP around the cipher: which index a packet has (RFC 3711 3.3.1), whether it was there before
 * (3.3.2), where its tag is (3.1, 3.4; RFC 7714 for AEAD), and what becomes of all that when the key
 * changes. Whatever is kept here only authentic packets change. */
#include "relay/relay_priv.h"

#define WINDOW      128
#define INDEX_MAX   ((1ull << 48) - 1)
#define JUMP        3000   /* packets: what is further ahead jumped, as RFC 3550 A.1 has it */
#define RESUME_JUMP 0x7000 /* the most that can be told from going back */
#define TELL_RTCP   64

/* ---- keys ---- */

static void key_start(struct relay_srtp_key *k, const struct relay_srtp_key *before,
		      const struct flow_crypto *want)
{
	if (before->suite != FLOW_SUITE_NONE && want->flags & FLOW_CRYPTO_KEEP_ROC)
		*k = *before;
	else
		__builtin_memset(k, 0, sizeof(*k));
	k->number = want->number;
	k->suite = want->suite;
	k->mki_len = want->mki_len;
	k->spent = 0;
}

enum key_change {
	KEY_SAME,
	KEY_BACK, /* what was known of it is known again */
	KEY_FRESH
};

/* What was known of a key is kept for when it comes back right after the next one. */
static enum key_change key_follow(struct relay_srtp_key *k, struct relay_srtp_key *old,
				  const struct flow_crypto *want)
{
	struct relay_srtp_key was = *k;

	if (want->suite == k->suite && (!want->suite || want->number == k->number))
		return KEY_SAME;
	if (!want->suite || (k->number && want->number == k->number)) { /* it goes, or was away */
		k->suite = want->suite;
		return KEY_SAME;
	}
	bool back = old->number && want->number == old->number;
	if (back)
		*k = *old;
	else
		key_start(k, &was, want);
	if (was.suite)
		*old = was;
	return back ? KEY_BACK : KEY_FRESH;
}

void srtp_follow(struct relay_dir *d, u64 now_us)
{
	struct relay_srtp *s = d->srtp;

	if (!s || s->rule == d->rule) /* every packet asks; the rule is far away */
		return;
	s->rule = d->rule;
	if (key_follow(&s->in, &s->old, &d->rule->side[d->side].in) != KEY_SAME)
		s->old_us = now_us + FLOW_OLD_KEY_MS * MS;
	enum key_change change = key_follow(&s->out, &s->out_old, &d->rule->side[!d->side].out);
	if (change == KEY_BACK) /* what was told since is of another key */
		s->tell = 1;
	if (change != KEY_FRESH)
		return;
	s->out.spent = s->out.number <= s->out_most;
	if (!s->out.spent)
		s->out_most = s->out.number;
}

/* ---- streams ---- */

static struct relay_srtp_stream *find(struct relay_srtp_key *k, u32 ssrc)
{
	if (k->stream[k->last].ssrc == ssrc && k->stream[k->last].at)
		return &k->stream[k->last];
	for (unsigned i = 0; i < RELAY_SRTP_SSRCS; i++)
		if (k->stream[i].ssrc == ssrc && k->stream[i].at)
			return &k->stream[i];
	return NULL;
}

static void gone_bits(u32 ssrc, u8 bit[2])
{
	u32 x = ssrc * 0x9e3779b1u;

	bit[0] = (u8)(x >> 24);
	bit[1] = (u8)(x >> 16);
}

static bool is_gone(const struct relay_srtp_key *k, u32 ssrc)
{
	u8 bit[2];

	gone_bits(ssrc, bit);
	return k->gone[bit[0] / 64] >> bit[0] % 64 & k->gone[bit[1] / 64] >> bit[1] % 64 & 1;
}

static void set_gone(struct relay_srtp_key *k, u32 ssrc)
{
	u8 bit[2];

	gone_bits(ssrc, bit);
	k->gone[bit[0] / 64] |= 1ull << bit[0] % 64;
	k->gone[bit[1] / 64] |= 1ull << bit[1] % 64;
}

static u32 stamp(u64 now_us)
{
	return (u32)(now_us / MS) | 1;
}

/* A new SSRC, at `index`. */
struct relay_srtp_stream *srtp_add(struct relay_srtp_key *k, u32 ssrc, u64 index, u64 now_us)
{
	u32 now = stamp(now_us);
	struct relay_srtp_stream *st = &k->stream[0];

	for (unsigned i = 0; i < RELAY_SRTP_SSRCS && st->at; i++)
		if (!k->stream[i].at || now - k->stream[i].at > now - st->at)
			st = &k->stream[i];
	if (st->at)
		set_gone(k, st->ssrc);
	*st = (struct relay_srtp_stream){ .index = index, .seen = { 1 }, .ssrc = ssrc, .at = now };
	k->last = (u8)(st - k->stream);
	return st;
}

/* Was it there, or is it too old to tell? */
static bool is_seen(const struct relay_srtp_stream *st, u64 index)
{
	if (index > st->index)
		return false;
	u64 back = st->index - index;
	return back >= WINDOW || st->seen[back / 64] >> back % 64 & 1;
}

static void see(struct relay_srtp_stream *st, u64 index)
{
	u64 step = index - st->index, *seen = st->seen;

	if (index <= st->index) {
		u64 back = st->index - index;
		seen[back / 64] |= 1ull << back % 64;
		return;
	}
	if (step >= 64) {
		seen[1] = step < WINDOW ? seen[0] << (step - 64) : 0;
		seen[0] = 0;
	} else {
		seen[1] = seen[1] << step | seen[0] >> (64 - step);
		seen[0] <<= step;
	}
	seen[0] |= 1;
	st->index = index;
}

/* RFC 3711 3.3.1. False: it would lie before the first packet of all. */
static bool estimate(const struct relay_srtp_stream *st, u16 seq, u64 *index)
{
	u16 last = st ? (u16)st->index : seq;
	s32 diff = (s32)seq - last;

	*index = seq;
	if (!st)
		return true;
	if (last < 0x8000 && diff > 0x8000)
		diff -= 0x10000;
	else if (last >= 0x8000 && diff < -0x8000)
		diff += 0x10000;
	*index = st->index + (u64)(s64)diff;
	return diff >= 0 || st->index >= (u64)-diff;
}

/* ---- opening ---- */

static enum relay_action refuse(struct relay_dir *d, struct relay_crypt *c, enum relay_drop drop)
{
	c->drop = (u8)drop;
	count_drop(d, drop);
	if (drop == RELAY_DROP_SRTP_REPLAY)
		d->srtp->replayed++;
	return RELAY_DROP;
}

static u32 tag_len(u8 suite, bool is_rtcp)
{
	switch (suite) {
	case FLOW_SUITE_AEAD_AES_128_GCM:
	case FLOW_SUITE_AEAD_AES_256_GCM:
		return 16;
	case FLOW_SUITE_AES_CM_128_HMAC_SHA1_32:
	case FLOW_SUITE_AES_CM_256_HMAC_SHA1_32:
		return is_rtcp ? 10 : 4;
	default:
		return 10;
	}
}

/* payload | tag | MKI with AEAD, payload | MKI | tag without; SRTCP's index word is behind the tag of AEAD and
 * before MKI and tag of the others. False: too short. */
static bool lay_out(const struct relay_packet *pkt, const struct relay_srtp_key *k,
		    struct relay_crypt *c)
{
	u32 tag = tag_len(k->suite, c->is_rtcp), tail = tag + k->mki_len + (c->is_rtcp ? 4 : 0);

	if (pkt->len < c->clear + tail)
		return false;
	c->len = pkt->len - tail;
	if (!c->is_rtcp)
		return true;
	u32 word = be32(pkt->payload + c->len + (tag == 16 ? tag : 0));
	c->index = word & SRTCP_MAX;
	c->plain = !(word >> 31);
	return true;
}

/* As a packet of this key. RELAY_DROP_COUNT: it can be opened. */
static enum relay_drop look(struct relay_srtp_key *k, const struct relay_packet *pkt,
			    struct relay_crypt *c)
{
	if (k->suite == FLOW_SUITE_NONE)
		return RELAY_DROP_SRTP_KEY;
	if (!lay_out(pkt, k, c))
		return RELAY_DROP_SHORT;
	const struct relay_srtp_stream *st = find(k, c->ssrc);
	if (!st && is_gone(k, c->ssrc))
		return RELAY_DROP_SRTP_SSRC;
	if (!c->is_rtcp && !estimate(st, be16(pkt->payload + 2), &c->index))
		return RELAY_DROP_SRTP_REPLAY;
	if (c->index > INDEX_MAX)
		return RELAY_DROP_SRTP_KEY;
	if (!st && c->is_rtcp && k->resumed && c->index <= k->rtcp)
		return RELAY_DROP_SRTP_REPLAY;
	return st && is_seen(st, c->index) ? RELAY_DROP_SRTP_REPLAY : RELAY_DROP_COUNT;
}

static bool old_counts(const struct relay_srtp *s, u64 now_us)
{
	return s->old.suite != FLOW_SUITE_NONE && now_us < s->old_us;
}

/* Whose packet could this be? */
static enum relay_drop may_come(const struct relay_dir *d, const struct relay_dir *rtp,
				const struct relay_packet *pkt, const struct relay_crypt *c)
{
	if (c->is_rtcp)
		return rtcp_source(d, rtp, pkt);
	struct relay_srtp_stream *st = find(&d->srtp->in, c->ssrc);
	struct source_packet sp = { .from = &pkt->src,
				    .now_us = pkt->now_us,
				    .ssrc = c->ssrc,
				    .authentic = true,
				    .newest = !st || c->index > st->index };
	u8 drop = source_would_take(&d->src, &d->rule->side[d->side], &sp);
	return drop == SOURCE_NONE ? RELAY_DROP_COUNT : (enum relay_drop)drop;
}

static enum relay_action open_packet(struct relay_dir *d, const struct relay_dir *rtp,
				     const struct relay_packet *pkt, struct relay_crypt *c)
{
	const u8 *p = pkt->payload;

	c->is_rtcp = d->component == RELAY_RTCP;
	c->clear = (u16)(c->is_rtcp ? 8 : rtp_header_fits(p, pkt->len));
	if (!c->clear || pkt->len < c->clear)
		return refuse(d, c, RELAY_DROP_SHORT);
	c->ssrc = be32(p + (c->is_rtcp ? 4 : 8));
	enum relay_drop why = look(&d->srtp->in, pkt, c), who = may_come(d, rtp, pkt, c);
	if (who == RELAY_DROP_UNLEARNED)
		d->refused = pkt->src;
	if (who == RELAY_DROP_NOT_READY && !c->is_rtcp)
		source_spray(&d->src, &pkt->src, pkt->now_us);
	if (who != RELAY_DROP_COUNT)
		return refuse(d, c, who);
	if (why == RELAY_DROP_SRTP_REPLAY && old_counts(d->srtp, pkt->now_us)) {
		c->old = 1;
		c->drop = RELAY_DROP_SRTP_REPLAY; /* unless that opens it */
		why = look(&d->srtp->old, pkt, c);
	}
	return why == RELAY_DROP_COUNT ? RELAY_FORWARD : refuse(d, c, why);
}

enum relay_action relay_open(struct relay_dir *d, struct relay_dir *rtp,
			     const struct relay_packet *pkt, struct relay_crypt *c)
{
	enum demux_class class = relay_demux(pkt->payload, pkt->len);

	*c = (struct relay_crypt){ .drop = RELAY_DROP_COUNT };
	if (class == DEMUX_STUN || class == DEMUX_DTLS)
		return RELAY_PUNT;
	if (class == DEMUX_OTHER || d->rule->kind != FLOW_KIND_RTP)
		return refuse(d, c, pkt->len ? RELAY_DROP_NOT_MEDIA : RELAY_DROP_SHORT);
	if (d->component == RELAY_RTCP && class == DEMUX_RTP)
		return refuse(d, c, RELAY_DROP_RTCP_MALFORMED);
	if (class == DEMUX_RTCP && d->mate && d->rule->side[d->side].flags & FLOW_SIDE_RTCP_MUX &&
	    d->component == RELAY_RTP)
		d = d->mate;
	if (!d->srtp)
		return refuse(d, c, RELAY_DROP_SRTP_KEY);
	srtp_follow(d, pkt->now_us);
	return open_packet(d, rtp, pkt, c);
}

static void tell(struct relay_srtp *s, bool now, bool is_rtcp)
{
	if (++s->told < (is_rtcp ? TELL_RTCP : FLOW_INDEX_EVERY) && !now)
		return;
	s->told = 0;
	s->tell = 1;
}

/* The key before, or nothing. */
static bool wrong_tag(struct relay_dir *d, const struct relay_packet *pkt, struct relay_crypt *c,
		      bool *again)
{
	struct relay_srtp *s = d->srtp;
	bool first = !c->old && old_counts(s, pkt->now_us);
	enum relay_drop drop = first ? look(&s->old, pkt, c) : RELAY_DROP_SRTP_AUTH;

	*again = drop == RELAY_DROP_COUNT;
	if (*again) {
		c->old = 1;
		return false;
	}
	bool replay = drop == RELAY_DROP_SRTP_REPLAY || c->drop == RELAY_DROP_SRTP_REPLAY;
	drop = replay ? RELAY_DROP_SRTP_REPLAY : RELAY_DROP_SRTP_AUTH;
	if (drop == RELAY_DROP_SRTP_AUTH)
		s->auth_failed++;
	refuse(d, c, drop);
	return false;
}

bool relay_opened(struct relay_dir *d, struct relay_packet *pkt, struct relay_crypt *c, bool right,
		  bool *again)
{
	if (c->is_rtcp && d->component != RELAY_RTCP)
		d = d->mate;
	*again = false;
	if (!right)
		return wrong_tag(d, pkt, c, again);
	struct relay_srtp_key *k = c->old ? &d->srtp->old : &d->srtp->in;
	struct relay_srtp_stream *st = find(k, c->ssrc);
	if (st && is_seen(st, c->index)) { /* its copy was in the same burst */
		refuse(d, c, RELAY_DROP_SRTP_REPLAY);
		return false;
	}
	pkt->authentic = true;
	pkt->newest = !c->old && (!st || c->index > st->index);
	pkt->index = c->index;
	pkt->len = c->len;
	tell(d->srtp, !st && !c->old, c->is_rtcp);
	if (!st) {
		srtp_add(k, c->ssrc, c->index, pkt->now_us);
		return true;
	}
	see(st, c->index);
	st->at = stamp(pkt->now_us);
	k->last = (u8)(st - k->stream);
	return true;
}

/* ---- sealing ---- */

/* RELAY_DROP_COUNT: the index is new, and it is used up now. */
static enum relay_drop use_index(struct relay_srtp_key *k, const struct relay_packet *pkt,
				 struct relay_crypt *c, bool *fresh)
{
	struct relay_srtp_stream *st = find(k, c->ssrc);

	*fresh = !st;
	if (!st && is_gone(k, c->ssrc))
		return RELAY_DROP_SRTP_REUSE;
	if (!estimate(st, be16(pkt->payload + 2), &c->index))
		return RELAY_DROP_SRTP_REUSE;
	if (!st) {
		srtp_add(k, c->ssrc, c->index, pkt->now_us);
		return RELAY_DROP_COUNT;
	}
	if (c->index > INDEX_MAX)
		return RELAY_DROP_SRTP_KEY;
	if (is_seen(st, c->index) || (c->index > st->index + JUMP - 1 && !k->resumed))
		return RELAY_DROP_SRTP_REUSE;
	see(st, c->index);
	if (k->resumed) /* what was late then may have been sealed */
		st->seen[0] = st->seen[1] = ~0ull;
	k->resumed = 0;
	st->at = stamp(pkt->now_us);
	k->last = (u8)(st - k->stream);
	return RELAY_DROP_COUNT;
}

static enum relay_drop seal(struct relay_dir *d, const struct relay_packet *pkt,
			    struct relay_crypt *c)
{
	struct relay_srtp_key *k = &d->srtp->out;
	bool fresh = false;

	if (k->suite == FLOW_SUITE_NONE)
		return RELAY_DROP_SRTP_KEY;
	if (k->spent)
		return RELAY_DROP_SRTP_REUSE;
	c->len = pkt->len;
	c->clear = (u16)(c->is_rtcp ? 8 : rtp_header_len(pkt->payload));
	c->ssrc = be32(pkt->payload + (c->is_rtcp ? 4 : 8));
	if (!c->is_rtcp) {
		enum relay_drop drop = use_index(k, pkt, c, &fresh);
		if (drop != RELAY_DROP_COUNT)
			return drop;
	} else if (k->rtcp >= SRTCP_MAX) {
		return RELAY_DROP_SRTP_KEY;
	} else {
		fresh = !k->rtcp;
		c->index = ++k->rtcp;
	}
	tell(d->srtp, fresh || d->srtp->shift != d->play.seq_add, c->is_rtcp);
	d->srtp->shift = d->play.seq_add;
	return RELAY_DROP_COUNT;
}

bool relay_seal(struct relay_dir *d, const struct relay_packet *pkt, const struct relay_plan *plan,
		struct relay_crypt *c)
{
	if (plan->is_rtcp && d->component != RELAY_RTCP)
		d = d->mate;
	*c = (struct relay_crypt){ .is_rtcp = plan->is_rtcp, .drop = RELAY_DROP_COUNT };
	srtp_follow(d, pkt->now_us);
	enum relay_drop drop = d->srtp ? seal(d, pkt, c) : RELAY_DROP_SRTP_KEY;
	if (drop == RELAY_DROP_COUNT)
		return true;
	c->drop = (u8)drop;
	if (!(plan->edit & EDIT_MADE)) { /* which did not come in from anywhere */
		uncount(d, pkt);
		refuse(d, c, drop);
	}
	return false;
}

/* Its numbers go on where those of the same SSRC were before: other ones would be refused, or take the
 * receiver's roll-over counter with them. */
void srtp_begin(struct relay_dir *d, u32 ssrc, u16 seq)
{
	struct relay_srtp_key *k = d->srtp ? &d->srtp->out : NULL;
	const struct relay_srtp_stream *st =
		k ? find(k, ssrc ^ d->rule->side[!d->side].ssrc_mask) : NULL;

	if (!st)
		return;
	u16 ahead = (u16)(seq + d->play.seq_add - (u16)st->index - 1);
	if (ahead >= (k->resumed ? RESUME_JUMP : JUMP - 1))
		play_go_on(d, seq, (u16)(st->index + (k->resumed ? 2 * FLOW_INDEX_EVERY : 1)));
}
