/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Keys that are played to a side (RFC 4733 section 2.5.1), within the stream that is relayed to it.
 *
 * While packets go that way, each packet of a key takes the place of one of them and has its
 * sequence number. While none go, relay_tick() makes packets: of the SSRC that was relayed last,
 * with the sequence numbers that follow, and from then on that many are added to those of the
 * stream itself. Where nothing was relayed yet, they have an SSRC of their own: the stream that
 * comes later is another one, whose RTCP says so too. */
#include "relay/relay_priv.h"

#define KEY_MS      100
#define KEY_MIN_MS  40
#define KEY_MAX_MS  8000
#define GAP         (40 * MS)
#define PATIENCE    (4 * S) /* for a destination; later a key means nothing any more */
#define LATE        100u    /* packets: what comes later than that is no late packet */
#define END_PACKETS 3
#define VOLUME      10 /* -dBm0 */

enum play_state {
	PLAY_IDLE, /* or between two keys */
	PLAY_KEY
};

static const struct flow_side *listener(const struct relay_dir *d)
{
	return &d->rule->side[!d->side];
}

bool play_wants(const struct relay_dir *d)
{
	const struct relay_play *k = &d->play;

	return k->n || k->seq_add || k->ts_add || k->late || k->made;
}

bool play_ticking(const struct relay_dir *d)
{
	return d->play.n;
}

void play_clear(struct relay_dir *d)
{
	d->play.n = 0;
	d->play.state = PLAY_IDLE;
}

void play_new_ssrc(struct relay_dir *d)
{
	struct relay_play *k = &d->play;

	k->seq_add = 0;
	k->ts_add = 0;
	k->late = 0;
	k->made = 0;
}

enum relay_played relay_dtmf(struct relay_dir *d, u8 key, u32 ms, u64 now_us)
{
	const struct flow_side *to = listener(d);
	struct relay_play *k = &d->play;
	u32 most = 0xffffu * 1000 / dtmf_clock(to); /* what the duration can say */

	if (d->component != RELAY_RTP || d->rule->kind != FLOW_KIND_RTP ||
	    to->dtmf_out == FLOW_PT_NONE || key > 15)
		return RELAY_NO_EVENTS;
	if (k->n == RELAY_KEYS)
		return RELAY_KEYS_FULL;
	most = most < KEY_MAX_MS ? most : KEY_MAX_MS;
	ms = !ms ? KEY_MS : ms < KEY_MIN_MS ? KEY_MIN_MS : ms;
	if (!k->n)
		k->able_us = now_us;
	k->key[k->n] = key;
	k->ms[k->n++] = (u16)(ms < most ? ms : most);
	d->pt_in = FLOW_PT_NONE; /* every packet is looked at until it is played */
	return RELAY_PLAYED;
}

bool play_ready(const struct relay_dir *d, u64 now_us, bool may_begin)
{
	const struct relay_play *k = &d->play;

	if (!k->n || k->state == PLAY_KEY)
		return k->n;
	return may_begin && relay_since(now_us, k->start_us) >= GAP && !event_open(d);
}

static void begin(struct relay_dir *d, u64 now_us, u32 ssrc, u32 ts)
{
	struct relay_play *k = &d->play;

	k->state = PLAY_KEY;
	k->start_us = now_us;
	k->ssrc = ssrc;
	k->ts = ts;
	k->ends = 0;
	k->first = 1;
}

static void next_key(struct relay_play *k)
{
	k->state = PLAY_IDLE;
	k->n--;
	for (unsigned i = 0; i < k->n; i++) {
		k->key[i] = k->key[i + 1];
		k->ms[i] = k->ms[i + 1];
	}
}

static u64 ptime_us(const struct relay_dir *d)
{
	u8 ms = d->rule->side[d->side].ptime;

	return (ms ? ms : 20) * MS;
}

/* The next packet of the key, RELAY_MADE octets. */
static void write_packet(struct relay_dir *d, u8 *p, u16 seq, u64 now_us)
{
	struct relay_play *k = &d->play;
	u64 all = k->ms[0] * MS, now = relay_since(now_us, k->start_us) + ptime_us(d);
	bool end = k->ends || now >= all;

	k->seq = seq;
	if (k->ssrc == k->own_ssrc)
		k->own_seq = seq;
	p[0] = 0x80;
	p[1] = (u8)(k->first << 7 | (listener(d)->dtmf_out & 127));
	put16(p + 2, seq);
	put32(p + 4, k->ts);
	put32(p + 8, k->ssrc);
	p[12] = k->key[0];
	p[13] = (u8)(end << 7 | VOLUME);
	put16(p + 14, (u16)((now < all && !k->ends ? now : all) * dtmf_clock(listener(d)) / S));
	k->first = 0;
	if (!end)
		return;
	if (!k->ends++)
		k->start_us = now_us; /* the pause begins */
	if (k->ends == END_PACKETS)
		next_key(k);
}

/* ---- in the place of packets ---- */

static u16 shift_of(struct relay_play *k, u16 seq)
{
	if (!k->late)
		return k->seq_add;
	if ((u16)(k->seq_from - seq) < LATE)
		return k->seq_before;
	if ((u16)(seq - k->seq_from) > LATE)
		k->late = 0;
	return k->seq_add;
}

/* A stream that stood still while packets were made goes on where their clock is now. */
static void catch_up(struct relay_dir *d, u32 ts, u64 now_us)
{
	struct relay_play *k = &d->play;

	k->made = 0;
	if ((s32)(ts + k->ts_add - k->made_ts) <= 0)
		k->ts_add = k->made_ts - ts +
			    rtp_arrival(relay_since(now_us, k->made_us), d->clock_q32);
}

void play_shift(struct relay_dir *d, u8 *p, u64 now_us)
{
	struct relay_play *k = &d->play;
	u16 seq = be16(p + 2), add = shift_of(k, seq);

	if (k->made && add == k->seq_add)
		catch_up(d, be32(p + 4), now_us);
	put16(p + 2, (u16)(seq + add));
	put32(p + 4, be32(p + 4) + k->ts_add);
}

void play_replace(struct relay_dir *d, struct relay_packet *pkt)
{
	struct relay_play *k = &d->play;
	u8 *p = pkt->payload;
	u32 ssrc = be32(p + 8);

	play_shift(d, p, pkt->now_us);
	if (k->state == PLAY_IDLE)
		begin(d, pkt->now_us, ssrc, be32(p + 4));
	/* Of a stream that began while this key sounds nothing goes out before its end. */
	write_packet(d, p, ssrc == k->ssrc ? be16(p + 2) : (u16)(k->seq + 1), pkt->now_us);
	k->next_us = pkt->now_us + 2 * ptime_us(d) + 20 * MS;
	pkt->len = RELAY_MADE;
}

/* ---- packets that come or go without the stream's doing ---- */

/* Packets after `from` are shifted by `by` more; those up to it, if they come late, are not. `on`: this
 * goes on where the last change was made. */
static void shift_more(struct relay_play *k, u16 from, s32 by, bool on)
{
	if (!k->late || !on) {
		k->seq_before = k->seq_add;
		k->seq_from = from;
		k->late = 1;
	}
	k->seq_add = (u16)(k->seq_add + by);
}

void play_go_on(struct relay_dir *d, u16 seq, u16 next)
{
	struct relay_play *k = &d->play;

	shift_more(k, (u16)(seq - 1), (s16)(next - seq - k->seq_add), false);
	d->pt_in = FLOW_PT_NONE;
}

void play_took(struct relay_dir *d, u16 seq)
{
	shift_more(&d->play, (u16)(seq - 1), -1, d->rtp.max_seq == d->play.seq_taken);
	d->play.seq_taken = seq;
	d->pt_in = FLOW_PT_NONE;
}

static bool is_running(const struct relay_dir *d)
{
	return d->rtp.started == RTP_RUNNING;
}

/* SplitMix64: numbers that differ from flow to flow and from time to time; no secret. */
static u64 mix(u64 x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static void own_stream(struct relay_dir *d, u64 now_us)
{
	struct relay_play *k = &d->play;
	u64 x = mix(d->rule->id ^ mix(now_us << 1 | d->side));

	k->own_ssrc = (u32)x | 1;
	k->own_ts = (u32)(x >> 32);
	k->own_seq = (u16)mix(x);
}

static u32 later(const struct relay_dir *d, u32 ts, u64 then_us, u64 now_us)
{
	return ts + rtp_arrival(relay_since(now_us, then_us), d->clock_q32);
}

/* The timestamp that the stream would have now. What is learned of its source may be gone. */
static u32 clock_now(const struct relay_dir *d, u64 now_us)
{
	const struct relay_play *k = &d->play;
	u32 made = k->made ? later(d, k->made_ts, k->made_us, now_us)
			   : later(d, k->ts, k->start_us, now_us);
	u32 ts = later(d, d->src.ts + k->ts_add, d->last_us, now_us);

	return !is_running(d) || (k->made && (s32)(ts - k->made_ts) <= 0) ? made : ts;
}

static void make_first(struct relay_dir *d, u64 now_us)
{
	struct relay_play *k = &d->play;

	if (!k->own_ssrc && !is_running(d))
		own_stream(d, now_us);
	if (is_running(d)) {
		begin(d, now_us, d->rtp.ssrc, clock_now(d, now_us));
	} else {
		begin(d, now_us, k->own_ssrc, k->own_ts + rtp_arrival(now_us, d->clock_q32));
		k->seq = k->own_seq;
	}
}

static u16 make_seq(struct relay_dir *d, u64 now_us)
{
	struct relay_play *k = &d->play;

	if (!d->rtp.started || d->rtp.ssrc != k->ssrc)
		return k->seq + 1;
	u16 last = is_running(d) ? rtp_last_seq(d) : d->rtp.max_seq;
	shift_more(k, last, 1, last == k->seq_from || last == k->seq_taken);
	k->made_ts = clock_now(d, now_us);
	k->made_us = now_us;
	k->made = 1;
	return (u16)(last + k->seq_add);
}

static bool goes_on(const struct relay_dir *d, u64 now_us)
{
	return relay_packets(d) && relay_since(now_us, d->last_us) < 2 * ptime_us(d) + 20 * MS;
}

bool play_make(struct relay_dir *d, u64 now_us, struct relay_plan *plan)
{
	struct relay_play *k = &d->play;

	if (!k->n)
		return false;
	if (!relay_get_to(d, &plan->dst)) {
		if (relay_since(now_us, k->able_us) >= PATIENCE)
			play_clear(d);
		return false;
	}
	k->able_us = now_us;
	if (!play_ready(d, now_us, true) || goes_on(d, now_us) ||
	    (k->state == PLAY_KEY && now_us < k->next_us))
		return false;
	if (k->state == PLAY_IDLE)
		make_first(d, now_us);
	k->next_us = now_us + ptime_us(d);
	write_packet(d, k->packet, make_seq(d, now_us), now_us);
	plan_forward(d, plan);
	plan->edit = EDIT_MADE;
	return true;
}
