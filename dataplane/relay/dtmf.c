/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Keys in what a side sends (RFC 4733). An event is what has one RTP timestamp; its packets repeat
 * it with a growing duration, and the last three of them say that it is over. Any of them may get
 * lost. It is told once, when it is over or nothing more is heard of it. */
#include "relay/relay_priv.h"

#define EVENT_SILENT (200 * MS) /* four updates missed, RFC 4733 section 2.5.1.2 */
#define EVENT_OLD    480000u    /* timestamp units: what is older is another stream's beginning */
#define KEYS         16
#define SEGMENT_MAX  0xffff

enum event_state {
	EVENT_NONE,
	EVENT_OPEN,
	EVENT_ENDED, /* but there was no room to tell */
	EVENT_OVER   /* known, so that its repetitions are not taken for another one */
};

void event_reset(struct relay_dir *d)
{
	d->event = (struct relay_event){ .done = FLOW_PT_NONE };
}

bool event_open(const struct relay_dir *d)
{
	return d->event.state == EVENT_OPEN;
}

bool event_ticking(const struct relay_dir *d)
{
	const struct relay_event *e = &d->event;

	return e->state == EVENT_OPEN || e->state == EVENT_ENDED || e->done != FLOW_PT_NONE;
}

static void finish(struct relay_dir *d)
{
	struct relay_event *e = &d->event;
	u32 clock = dtmf_clock(&d->rule->side[d->side]);

	if (e->done != FLOW_PT_NONE) {
		e->state = EVENT_ENDED;
		return;
	}
	e->state = EVENT_OVER;
	e->done = e->code;
	e->done_ms = (u32)(((u64)e->before + e->duration) * 1000 / clock);
}

void event_tell(struct relay_dir *d, struct relay_plan *plan)
{
	struct relay_event *e = &d->event;

	if (e->done == FLOW_PT_NONE || plan->note != SOURCE_QUIET)
		return;
	if (d->rule->side[d->side].flags & FLOW_SIDE_DTMF_TELL) {
		plan->note = SOURCE_KEY;
		plan->key = e->done;
		plan->key_ms = e->done_ms;
	}
	e->done = FLOW_PT_NONE;
	if (e->state == EVENT_ENDED)
		finish(d);
}

/* Longer than a duration can say: the next segment begins where this one ended, section 2.5.1.3. */
static bool goes_on(const struct relay_event *e, const u8 *p, const u8 *event)
{
	return e->state == EVENT_OPEN && e->code == event[0] && !(p[1] & 0x80) &&
	       be32(p + 8) == e->ssrc && e->duration > SEGMENT_MAX / 2 &&
	       be32(p + 4) == e->ts + e->duration;
}

static bool is_old(const struct relay_event *e, const u8 *p)
{
	return e->state != EVENT_NONE && be32(p + 8) == e->ssrc && e->ts != be32(p + 4) &&
	       e->ts - be32(p + 4) < EVENT_OLD;
}

static void begin(struct relay_dir *d, const u8 *p, const u8 *event)
{
	struct relay_event *e = &d->event;

	if (e->state == EVENT_OPEN) /* its end was lost */
		finish(d);
	e->state = EVENT_OPEN;
	e->code = event[0];
	e->ssrc = be32(p + 8);
	e->ts = be32(p + 4);
	e->before = 0;
	e->duration = 0;
}

bool event_fits(const struct relay_packet *pkt)
{
	return rtp_header_len(pkt->payload) + 4 <= pkt->len;
}

void event_packet(struct relay_dir *d, const struct relay_packet *pkt)
{
	const u8 *p = pkt->payload, *event = p + rtp_header_len(p);
	struct relay_event *e = &d->event;

	if (event[0] >= KEYS || is_old(e, p))
		return;
	if (goes_on(e, p, event)) {
		e->before += e->duration;
		e->ts = be32(p + 4);
		e->duration = 0;
	} else if (e->state == EVENT_NONE || be32(p + 4) != e->ts || be32(p + 8) != e->ssrc ||
		   e->code != event[0]) {
		begin(d, p, event);
	}
	if (e->state != EVENT_OPEN)
		return;
	e->last_us = pkt->now_us;
	if (be16(event + 2) > e->duration)
		e->duration = be16(event + 2);
	if (event[1] & 0x80)
		finish(d);
}

void event_tick(struct relay_dir *d, u64 now_us)
{
	struct relay_event *e = &d->event;

	if (e->state == EVENT_OPEN && relay_since(now_us, e->last_us) >= EVENT_SILENT)
		finish(d);
}

void event_scale(const struct relay_dir *d, u8 *p)
{
	const struct flow_side *side = d->rule->side;
	u8 *duration = p + rtp_header_len(p) + 2;
	u64 units = (u64)be16(duration) * dtmf_clock(&side[!d->side]) / dtmf_clock(&side[d->side]);

	put16(duration, units > SEGMENT_MAX ? SEGMENT_MAX : (u16)units);
}
