/* SPDX-License-Identifier: Apache-2.0 */
/* Side A's telephones sit behind a NAT that gives them a new port in the middle of a call, after some silence and
 * without a word of signalling. How many calls go on, and how long the gap is: from the first packet that leaves from
 * the new port until one of them has crossed to B and one of B's has come to the new port. All calls at
 * the same time, each with a silence of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "bench.h"
#include "report.h"

#define BEFORE (2 * SECOND) /* of media on the old port, so that it is locked */
#define AFTER  (3 * SECOND) /* of media on the new one */

struct trial_call {
	uint64_t quiet, again; /* when A falls silent, and speaks from its new port */
	uint64_t crossed,
		came; /* the first packet from the new port at B; B's first at the new port; 0: none */
	uint32_t sent[2];
};

struct rebind {
	struct options *o;
	struct world w;
	struct trial_call *call;
	uint64_t start, end;
	uint64_t due; /* number of the packet of either side that is next */
	uint8_t data[IO_BURST][200];
	struct io_packet packet[IO_BURST];
};

static unsigned half(const struct rebind *r)
{
	return r->o->side[0].ports / 2;
}

/* The payload is a stamp: seq is 1 where it left from the new port. */
static bool build(struct rebind *r, unsigned at, unsigned number, unsigned side, uint64_t now)
{
	struct call_side *s = &r->w.calls[number].side[side];
	struct trial_call *c = &r->call[number];
	uint8_t *d = r->data[at];
	bool moved = side == 0 && now >= c->again;
	if (side == 0 && now >= c->quiet && now < c->again)
		return false;
	/* Time goes on while nothing is said: so does the timestamp, and the sequence does not. */
	uint32_t ts = s->timestamp + (uint32_t)((now - r->start) / 125000);
	uint16_t seq = (uint16_t)(s->sent + c->sent[side]++);
	struct stamp stamp = { 0, number, (uint8_t)side, true, moved, now };
	memset(d, 0, 12);
	d[0] = 0x80;
	d[2] = (uint8_t)(seq >> 8);
	d[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++) {
		d[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
		d[8 + i] = (uint8_t)(s->ssrc >> (24 - 8 * i));
	}
	stamp_write(d + 12, 160, &stamp);
	r->packet[at] = (struct io_packet){ d, 172, s->local, s->relay, 0 };
	if (moved)
		r->packet[at].local = (uint16_t)(s->local + half(r));
	return true;
}

static void send_due(struct rebind *r, uint64_t now)
{
	unsigned n = r->o->calls;
	uint64_t step = r->o->trial.ptime * 1000000ull;
	uint64_t until = now < r->start ? 0 : (now - r->start) * n / step + 1;
	if (until > r->due + IO_BURST)
		until = r->due + IO_BURST;
	for (unsigned side = 0; side < 2; side++) {
		unsigned have = 0;
		for (uint64_t at = r->due; at < until; at++)
			have += build(r, have, (unsigned)(at % n), side, now);
		if (have)
			r->w.sides.io[side]->ops->send(r->w.sides.io[side], r->packet, have);
	}
	if (until > r->due)
		r->due = until;
}

static void take(struct rebind *r, unsigned side)
{
	struct io *io = r->w.sides.io[side];
	unsigned n = io->ops->recv(io, r->packet);
	for (unsigned i = 0; i < n; i++) {
		struct io_packet *p = &r->packet[i];
		struct stamp s;
		if (p->len < 12 + STAMP_SIZE ||
		    stamp_read(p->data + 12, p->len - 12, &s) != STAMP_GOOD ||
		    s.call >= r->o->calls)
			continue;
		struct trial_call *c = &r->call[s.call];
		if (side == 1 && s.side == 0 && s.seq && !c->crossed)
			c->crossed = p->time;
		if (side == 0 && s.side == 1 && p->local >= half(r) && !c->came)
			c->came = p->time;
	}
}

static int plan(struct rebind *r)
{
	r->start = io_now() + SECOND / 10;
	for (unsigned i = 0; i < r->o->calls; i++) {
		uint32_t random;
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		uint64_t silence = r->o->silence ? random % r->o->silence * 1000000ull : 0;
		r->call[i].quiet = r->start + BEFORE;
		r->call[i].again = r->call[i].quiet + silence;
	}
	r->end = r->start + BEFORE + r->o->silence * 1000000ull + AFTER;
	return 0;
}

static int tell(struct rebind *r)
{
	struct hist *gap = hist_new();
	unsigned moved = 0;
	if (!gap)
		return -ENOMEM;
	for (unsigned i = 0; i < r->o->calls; i++) {
		const struct trial_call *c = &r->call[i];
		if (!c->crossed || !c->came)
			continue;
		moved++;
		uint64_t last = c->crossed > c->came ? c->crossed : c->came;
		hist_add(gap, last > c->again ? last - c->again : 0);
	}
	printf("rebind: %u of %u calls went on; gap p50 %.1f ms, p99 %.1f ms\n", moved, r->o->calls,
	       (double)hist_at(gap, 0.5) / 1e6, (double)hist_at(gap, 0.99) / 1e6);
	json_t *j = json_pack("{s:i, s:i, s:o}", "calls", (int)r->o->calls, "moved", (int)moved,
			      "gap_us", report_hist(gap));
	int err = report_write(j, r->o->json);
	json_decref(j);
	hist_free(gap);
	return err;
}

int rebind_run(struct options *o)
{
	struct rebind *r = calloc(1, sizeof(*r));
	unsigned ports = o->side[0].ports;
	if (!r)
		return -ENOMEM;
	r->o = o;
	o->relay.nat = true;
	o->side[0].ports = 2 * ports; /* the second half is where calls move to */
	int err = world_open(&r->w, o);
	o->side[0].ports = ports;
	r->call = calloc(o->calls, sizeof(*r->call));
	if (!err)
		err = r->call ? world_calls(&r->w, o, NULL) : -ENOMEM;
	o->side[0].ports = 2 * ports;
	if (!err)
		err = plan(r);
	for (uint64_t now = io_now(); !err && now < r->end; now = io_now()) {
		if (now >= r->start)
			send_due(r, now);
		take(r, 0);
		take(r, 1);
		r->w.sides.io[0]->ops->wait(r->w.sides.io[0], io_now() + 200 * 1000);
	}
	if (!err)
		err = tell(r);
	world_close(&r->w);
	free(r->call);
	free(r);
	return err;
}
