/* SPDX-License-Identifier: Apache-2.0 */
/* Packets from one actor to another through the engine. */
#include <stdlib.h>

#include "scenario.h"

static struct flow_addr to_flow(const struct addr *a)
{
	struct flow_addr f = { .port = a->port, .family = a->family };

	memcpy(f.ip, a->ip, sizeof(f.ip));
	return f;
}

static struct addr from_flow(const struct flow_addr *f)
{
	struct addr a = { .port = f->port, .family = f->family };

	memcpy(a.ip, f->ip, sizeof(a.ip));
	return a;
}

static bool knows_pt(const struct dlg *d, unsigned pt)
{
	for (unsigned i = 0; i < d->n_pts; i++) {
		if (d->pts[i] == pt)
			return true;
	}
	return false;
}

void rtp_deliver(void *world, const struct flow_addr *from, const struct flow_addr *to,
		 const uint8_t *p, size_t n)
{
	struct world *w = world;
	struct addr src = from_flow(from), dst = from_flow(to);
	struct dlg *d = actor_dlg_of_rtp(w, &dst);

	if (!d)
		return;
	/* It must come from where our SDP said, in a format that this actor offered. */
	if (!addr_eq(&src, &d->rtp_remote) || n < 12 || !knows_pt(d, p[1] & 0x7f) ||
	    (d->payload && strcmp(d->payload, (const char *)p + 12)))
		d->bad_rtp++;
	else
		d->rtp_count++;
}

static void send_one(struct world *w, struct dlg *d, const struct addr *src, const char *payload)
{
	struct flow_addr from = to_flow(src), to = to_flow(&d->rtp_remote);
	size_t text = strlen(payload) + 1;
	uint8_t p[172] = { 0x80, d->send_pt };

	d->rtp_seq++;
	d->rtp_ts += 160;
	for (unsigned i = 0; i < 2; i++)
		p[2 + i] = (uint8_t)(d->rtp_seq >> (8 - 8 * i));
	for (unsigned i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(d->rtp_ts >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(d->ssrc >> (24 - 8 * i));
	}
	memcpy(p + 12, payload, text < 64 ? text : 64);
	fake_engine_packet(w->engine, &from, &to, p, sizeof(p));
}

static uint32_t received(const struct world *w, bool bad)
{
	uint32_t n = 0;

	for (const struct actor *a = w->actors; a; a = a->next) {
		for (const struct dlg *d = a->dlgs; d; d = d->next)
			n += bad ? d->bad_rtp : d->rtp_count;
	}
	return n;
}

static struct addr source_of(struct world *w, const struct step *s, const struct dlg *d)
{
	const char *from = step_word(s, "from");
	struct str rest = str_of(from), host;
	struct addr a = d->rtp;
	uint32_t port = a.port;

	if (!from)
		return a;
	str_token(&rest, ':', &host);
	if (addr_parse(host, &a) || (rest.n && str_u32(rest, 65535, &port)))
		world_fail(w, "from= wants ADDRESS:PORT");
	a.port = (uint16_t)port;
	return a;
}

/* "pbx rtp -> carrier 50": all of them arrive there; "pbx rtp -> nobody 50": none does; "some": at
 * least one; "from=ADDRESS:PORT" sends from elsewhere. */
void rtp_step(struct world *w, const struct step *s)
{
	struct dlg *d = actor_dlg(w, actor_find(w, s->actor), s->label), *to = NULL;
	const char *payload = world_fmt(w, "voice of %s %u", d->actor->name, ++w->serial).p;
	struct str rest = str_of(s->what), name;
	uint32_t count = 0, all = received(w, false), bad = received(w, true), mine;
	struct addr src = source_of(w, s, d);

	if (!d->rtp_remote.port)
		world_fail(w, "%s was not told where to send", s->actor);
	if (!s->n_words || str_u32(str_of(s->word[0]), 10000, &count))
		world_fail(w, "how many packets?");
	str_token(&rest, '/', &name);
	if (!str_eq(name, STR("nobody")))
		to = actor_dlg(w, actor_find(w, arena_str(w->arena, name).p), rest.n ? rest.p : "");
	for (struct actor *a = w->actors; a; a = a->next) {
		for (struct dlg *o = a->dlgs; o; o = o->next)
			o->payload = o == to ? payload : "for somebody else";
	}
	mine = to ? to->rtp_count : all;
	for (uint32_t i = 0; i < count; i++) {
		send_one(w, d, &src, payload);
		loop_advance(w->loop, 20);
	}
	mine = (to ? to->rtp_count : received(w, false)) - mine;
	all = received(w, false) - all;
	bad = received(w, true) - bad;
	if (bad || all != mine)
		world_fail(w, "%u packets arrived where or as they should not", bad + all - mine);
	if (step_word(s, "some") ? !mine : mine != (to ? count : 0))
		world_fail(w, "%u of %u packets arrived", mine, count);
	w->mark_ms = loop_now(w->loop);
}
