/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#define RTP_HEADER 12
#define EVENT_HEAD 4
#define TICK       (200 * 1000)  /* ns: packets that are due within it leave together */
#define TOO_LATE   (5000 * 1000) /* ns: what should have left before that does not leave at all */
#define EVENT_LONG 8             /* packets of one telephone-event, the last three its end */

static double side_rate(const struct lane *l)
{
	return l->o->rate / 2;
}

static uint64_t due_at(const struct lane *l, uint64_t number)
{
	return l->start + (uint64_t)((double)number * 1e9 / side_rate(l));
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/* Which packet of a telephone-event this is, from 1; 0: sound. Calls press their keys one after another: so the share
 * of events is the same at any time. */
static unsigned event_part(const struct lane *l, unsigned call, uint32_t sent, uint8_t *digit)
{
	if (l->o->dtmf <= 0)
		return 0;
	uint32_t cycle = (uint32_t)(EVENT_LONG / l->o->dtmf);
	uint32_t place = sent + (uint32_t)((uint64_t)cycle * call / l->n), at = place % cycle;
	*digit = place / cycle % 16;
	return at < EVENT_LONG && at <= sent ? at + 1 : 0; /* none that has no beginning */
}

/* RFC 4733 2.3: event, end and volume, duration. */
static void write_event(uint8_t *p, unsigned part, uint8_t digit, uint32_t step)
{
	p[0] = digit;
	p[1] = (uint8_t)((part > EVENT_LONG - 3 ? 0x80 : 0) | 10);
	put16(p + 2, (uint16_t)(step * part));
}

static size_t write_rtp(struct lane *l, struct call_side *s, uint8_t *p, const struct stamp *stamp)
{
	uint32_t step = 8 * l->o->ptime;
	uint8_t digit = 0;
	unsigned part = event_part(l, (unsigned)stamp->call, s->sent, &digit);
	size_t head = RTP_HEADER;
	p[0] = 0x80;
	p[1] = part ? (uint8_t)(EVENT_TYPE | (part == 1 ? 0x80 : 0)) : (uint8_t)l->o->type;
	put16(p + 2, (uint16_t)s->sent);
	put32(p + 4, s->timestamp + s->sent * step - (part ? (part - 1) * step : 0));
	put32(p + 8, s->ssrc);
	if (part) {
		write_event(p + head, part, digit, step);
		head += EVENT_HEAD;
	}
	size_t n = part ? STAMP_SIZE : l->o->payload;
	stamp_write(p + head, n, stamp);
	s->sent++;
	return head + n;
}

/* false: it cannot be sealed. */
static bool build(struct lane *l, struct io_packet *out, uint8_t *data, uint64_t now, bool counted)
{
	unsigned call = (unsigned)(l->due % l->n);
	struct call_side *s = &l->calls[call].side[l->side];
	struct stamp stamp = { l->trial, call, (uint8_t)l->side, counted, s->seq, now };
	if (counted)
		s->seq++;
	int n = (int)write_rtp(l, s, data, &stamp);
	if (s->tx)
		n = srtp_seal(s->tx, data, (size_t)n);
	*out = (struct io_packet){ data, n > 0 ? (uint32_t)n : 0, s->local, s->relay, 0 };
	return n > 0;
}

static bool is_counted(const struct lane *l, uint64_t number)
{
	uint64_t at = due_at(l, number);
	return at >= l->count_from && at < l->count_to;
}

/* What was not let leave in time would leave as a burst that nobody asked for. */
static void skip_late(struct lane *l, uint64_t now)
{
	uint64_t at = due_at(l, l->due);
	if (now < at + TOO_LATE)
		return;
	uint64_t late = (uint64_t)((double)(now - at) * side_rate(l) / 1e9);
	for (; late; late--, l->due++)
		l->skipped += is_counted(l, l->due);
}

/* Whether anything was sent. */
static bool lane_send(struct lane *l)
{
	uint64_t now = io_now();
	unsigned n = 0, counted = 0, first = 0;
	skip_late(l, now);
	for (; n < IO_BURST; l->due++) {
		uint64_t at = due_at(l, l->due);
		if (at > now || at >= l->count_to)
			break;
		bool count = at >= l->count_from;
		if (!build(l, &l->out[n], l->data[n], now, count)) {
			l->failed += count;
			continue;
		}
		first = counted ? first : n;
		counted += count;
		n++;
	}
	if (!n)
		return false;
	unsigned sent = l->io->ops->send(l->io, l->out, n);
	/* Which ones were refused is not told; in the measured time they are counted, before it they are not. */
	unsigned refused = n - sent < counted ? n - sent : counted;
	l->sent += counted - refused;
	l->failed += refused;
	return true;
}

static size_t rtp_head(const uint8_t *p, size_t n)
{
	if (n < RTP_HEADER || p[0] >> 6 != 2)
		return 0;
	size_t head = RTP_HEADER + 4u * (p[0] & 15);
	if (p[0] & 0x10 && n >= head + 4)
		head += 4 + 4u * (size_t)(p[head + 2] << 8 | p[head + 3]);
	if ((p[1] & 0x7f) == EVENT_TYPE)
		head += EVENT_HEAD;
	return head <= n ? head : 0;
}

static void take_stamped(struct lane *l, struct call_side *s, int call, const struct stamp *stamp,
			 const struct io_packet *p)
{
	if (stamp->trial != l->trial || !stamp->counted) {
		l->tally.other++;
	} else if (stamp->call != (uint32_t)call || stamp->side != l->from) {
		l->tally.astray++;
	} else {
		l->tally.octets += p->len;
		l->tally.keys += (p->data[1] & 0x7f) == EVENT_TYPE;
		tally_packet(&l->tally, &s->tally, stamp, p->time);
	}
}

static void take(struct lane *l, struct io_packet *p)
{
	struct stamp stamp;
	int call = route_find(l->route, &p->peer), n = (int)p->len;
	if (call < 0) {
		l->tally.foreign++;
		return;
	}
	struct call_side *s = &l->calls[call].side[l->side];
	if (s->rx && (n = srtp_open(s->rx, p->data, p->len)) < 0) {
		l->tally.refused++;
		return;
	}
	size_t head = rtp_head(p->data, (size_t)n);
	enum stamp_kind kind =
		head ? stamp_read(p->data + head, (size_t)n - head, &stamp) : STAMP_FOREIGN;
	if (kind == STAMP_GOOD)
		take_stamped(l, s, call, &stamp, p);
	else if (kind == STAMP_CORRUPT)
		l->tally.corrupt++;
	else
		l->tally.foreign++;
}

static bool lane_recv(struct lane *l)
{
	unsigned n = l->io->ops->recv(l->io, l->in);
	for (unsigned i = 0; i < n; i++)
		take(l, &l->in[i]);
	return n > 0;
}

void lane_run(struct lane *l)
{
	for (;;) {
		bool busy = lane_send(l);
		busy |= lane_recv(l);
		uint64_t now = io_now();
		if (busy && now < l->end + TOO_LATE) /* at the end, too: until nothing is left */
			continue;
		if (now >= l->end)
			break;
		uint64_t next = due_at(l, l->due), tick = now + TICK;
		next = next >= l->count_to || next > l->end ? l->end : next;
		l->io->ops->wait(l->io, next > tick ? next : tick);
	}
	l->io->ops->wait(l->io, 0);
}
