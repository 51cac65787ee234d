/* SPDX-License-Identifier: Apache-2.0 */
/* The network between the actors and sluice: a list in memory. In a variant one datagram is lost, comes twice, or is
 * overtaken by the next one of its way; everything else arrives at once and in order. */
#include <stdio.h>
#include <stdlib.h>

#include "scenario.h"

#define LATE_MS   300  /* nothing overtakes it: it arrives by itself, before anybody repeats it */
#define HEAL_MS   1500 /* so long it may take until what was lost is said again */
#define DATAGRAMS 1024 /* of one scenario that can be named */

struct held { /* a datagram that waits to be overtaken */
	struct timer timer;
	struct world *w;
	struct actor *actor;
	bool out; /* sluice sent it */
	struct str raw;
	struct rx *rx;
};

struct said { /* by an actor, and delivered */
	struct said *next;
	struct str raw;
};

struct wire {
	struct wire_fault fault;
	bool lossy, wounded;
	unsigned count, repeats, repeats_before;
	bool repeat[DATAGRAMS];
	struct held *held;
	struct said *said;
};

static const char *const fault_names[] = { "none", "lost", "twice", "late" };

const char *wire_fault_name(enum fault f)
{
	return fault_names[f];
}

enum fault wire_fault_of(struct str name)
{
	for (unsigned i = FAULT_LATE; i; i--) {
		if (str_eq(name, str_of(fault_names[i])))
			return (enum fault)i;
	}
	return FAULT_NONE;
}

struct wire *wire_new(struct world *w, const struct wire_fault *f)
{
	struct wire *n = arena_alloc(w->arena, sizeof(*n));

	n->lossy = f != NULL;
	if (f)
		n->fault = *f;
	return n;
}

bool wire_is_lossy(const struct world *w)
{
	return w->wire->lossy;
}

unsigned wire_count(const struct world *w)
{
	return w->wire->count < DATAGRAMS ? w->wire->count : DATAGRAMS;
}

bool wire_is_repeat(const struct world *w, unsigned number)
{
	return w->wire->repeat[number];
}

static void show(const struct world *w, const char *from, const char *way, const char *to,
		 struct str raw)
{
	struct str line = STR_NONE;

	if (!w->verbose)
		return;
	str_line(&raw, &line);
	printf("#   %8llu ms  %-8s %s %-8s %.*s\n",
	       (unsigned long long)(loop_now(w->loop) - 1000000), from, way, to, STR_FMT(line));
}

static bool holds(const struct rx *list, struct str raw)
{
	for (; list; list = list->next) {
		if (str_eq(list->raw, raw))
			return true;
	}
	return false;
}

/* What happens to this datagram. */
static enum fault fate(struct wire *n, bool repeat)
{
	enum fault f = n->lossy && n->count == n->fault.number ? n->fault.kind : FAULT_NONE;

	if (n->count < DATAGRAMS)
		n->repeat[n->count] = repeat;
	n->repeats += repeat;
	n->count++;
	if (f == FAULT_LOST || f == FAULT_LATE) {
		n->wounded = true;
		n->repeats_before = n->repeats;
	}
	return f;
}

void wire_heal(struct world *w)
{
	struct wire *n = w->wire;
	uint64_t end = loop_now(w->loop) + HEAL_MS;

	if (!n->wounded)
		return;
	n->wounded = false;
	while (loop_now(w->loop) < end && (n->held || n->repeats == n->repeats_before))
		loop_advance(w->loop, 1);
	loop_advance(w->loop, 20);
}

/* ---- towards sluice ---- */

static void deliver(struct world *w, struct actor *from, struct str raw)
{
	char *copy = malloc(raw.n + SIP_PAD);

	if (!copy)
		abort();
	if (w->monitors)
		oa_heard(w, from, raw);
	memcpy(copy, raw.p, raw.n);
	memset(copy + raw.n, 'x', SIP_PAD);
	sip_receive(w->sip,
		    &(struct sip_hop){ .network = (uint16_t)from->network,
				       .addr = from->addr,
				       .transport = from->transport,
				       .conn = from->conn },
		    copy, raw.n);
	free(copy);
}

static void arrive(struct world *w, struct actor *a, struct rx *r);

static void land(void *arg)
{
	struct held *h = arg;

	timer_stop(h->w->loop, &h->timer);
	h->w->wire->held = NULL;
	show(h->w, h->out ? "sluice" : h->actor->name, "~>", h->out ? h->actor->name : "sluice",
	     h->raw);
	if (h->out)
		arrive(h->w, h->actor, h->rx);
	else
		deliver(h->w, h->actor, h->raw);
}

static struct held *hold(struct world *w, struct actor *a, struct str raw, struct rx *r)
{
	struct held *h = arena_alloc(w->arena, sizeof(*h));

	*h = (struct held){ .w = w, .actor = a, .out = r != NULL, .raw = raw, .rx = r };
	timer_init(&h->timer, land, h);
	timer_start(w->loop, &h->timer, LATE_MS);
	return w->wire->held = h;
}

static bool was_said(struct world *w, struct str raw)
{
	struct said *s = w->wire->said;

	if (!w->wire->lossy)
		return false;
	while (s && !str_eq(s->raw, raw))
		s = s->next;
	if (s)
		return true;
	s = arena_alloc(w->arena, sizeof(*s));
	s->raw = raw;
	s->next = w->wire->said;
	w->wire->said = s;
	return false;
}

void world_send(struct world *w, struct actor *from, struct str raw)
{
	struct wire *n = w->wire;
	struct held *before = n->held;
	enum fault f = fate(n, was_said(w, raw));

	show(w, from->name, f == FAULT_LOST || f == FAULT_LATE ? "-x" : "->", "sluice", raw);
	if (f == FAULT_LOST)
		return;
	if (f == FAULT_LATE) {
		hold(w, from, raw, NULL);
		return;
	}
	deliver(w, from, raw);
	if (f == FAULT_TWICE)
		deliver(w, from, raw);
	if (before && before == n->held && !before->out && before->actor == from)
		land(before);
}

/* ---- from sluice ---- */

static void arrive(struct world *w, struct actor *a, struct rx *r)
{
	r->known = holds(a->inbox, r->raw) || holds(a->seen, r->raw);
	r->again = r->known || holds(a->lost, r->raw);
	if (w->wire->lossy && ua_heard(w, a, r->raw, r->known))
		return;
	*a->inbox_end = r;
	a->inbox_end = &r->next;
}

static struct rx *rx_new(struct world *w, const struct sip_hop *to, struct str data)
{
	struct rx *r = arena_alloc(w->arena, sizeof(*r));

	r->raw = arena_str(w->arena, data);
	r->at_ms = loop_now(w->loop);
	r->to = to->addr;
	r->hop = *to;
	return r;
}

static void lose(struct actor *a, struct rx *r)
{
	r->next = a->lost;
	a->lost = r;
}

int wire_net_send(void *world, const struct sip_hop *to, struct str data)
{
	struct world *w = world;
	struct wire *n = w->wire;
	struct actor *a = w->actors;
	struct held *before = n->held;
	enum fault f;
	struct rx *r;

	while (a && (a->network != to->network || !addr_ip_eq(&a->addr, &to->addr)))
		a = a->next;
	if (!a) { /* into the void, as networks do */
		w->strays++;
		return 0;
	}
	if (a->mirror) {
		mirror(w, a, data);
		return 0;
	}
	if (w->monitors)
		oa_said(w, a, data);
	f = fate(n, holds(a->inbox, data) || holds(a->seen, data) || holds(a->lost, data));
	show(w, "sluice", a->drop || f == FAULT_LOST || f == FAULT_LATE ? "-x" : "->", a->name,
	     data);
	r = rx_new(w, to, data);
	if (a->drop || f == FAULT_LOST) {
		r->again = holds(a->lost, data);
		a->drop -= a->drop && a->drop != ~0u;
		lose(a, r);
		return 0;
	}
	if (f == FAULT_LATE) {
		hold(w, a, r->raw, r);
		return 0;
	}
	arrive(w, a, r);
	if (f == FAULT_TWICE)
		arrive(w, a, rx_new(w, to, data));
	if (before && before == n->held && before->out && before->actor == a)
		land(before);
	return 0;
}
