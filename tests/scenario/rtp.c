/* SPDX-License-Identifier: Apache-2.0 */
/* Packets from one actor to another through the engine. */
#include <stdlib.h>

#include "scenario.h"
#include "srtp.h"

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

static bool knows_pt(const struct dlg_stream *d, unsigned pt)
{
	for (unsigned i = 0; i < d->n_pts; i++) {
		if (d->pts[i] == pt)
			return true;
	}
	return false;
}

/* The first one that the other side names and this one knows. */
static uint8_t format_to_send(const struct dlg_stream *d)
{
	for (unsigned i = 0; i < d->n_rpts; i++) {
		if (knows_pt(d, d->rpts[i]))
			return d->rpts[i];
	}
	return d->rpts[0];
}

static uint32_t octets(const uint8_t *p, unsigned n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* One key has one timestamp (RFC 4733); what it is and how long is known from its last packet. */
static void hear_key(struct dlg *d, const uint8_t *p)
{
	static const char keys[] = "0123456789*#ABCD";
	uint32_t ts = octets(p + 4, 4), ms = octets(p + 14, 2) * 1000 / d->hear_clock;

	if (!d->keys.packets++ || ts != d->keys.ts) {
		d->keys.ts = ts;
		d->keys.ends = 0;
		d->keys.n += d->keys.n < sizeof(d->keys.key);
	}
	d->keys.ends += p[13] >> 7;
	d->keys.key[d->keys.n - 1] = p[12] < 16 ? keys[p[12]] : '?';
	if (ms > d->keys.ms[d->keys.n - 1])
		d->keys.ms[d->keys.n - 1] = ms;
}

void rtp_deliver(void *world, const struct flow_addr *from, const struct flow_addr *to,
		 const uint8_t *packet, size_t n)
{
	struct world *w = world;
	struct addr src = from_flow(from), dst = from_flow(to);
	struct dlg_stream *s;
	struct dlg *d = streams_at(w, &dst, &s);
	uint8_t p[320];

	if (!d || n > sizeof(p))
		return;
	memcpy(p, packet, n);
	if (!s->raw)
		n = srtp_open(d, p, n);
	if (n >= 16 && !s->raw && d->hear_pt && (p[1] & 0x7f) == d->hear_pt &&
	    addr_eq(&src, &s->remote)) {
		hear_key(d, p);
		return;
	}
	/* It must come from where our SDP said, in a format that this actor offered. */
	if (!addr_eq(&src, &s->remote) || n < 12 || (!s->raw && !knows_pt(s, p[1] & 0x7f)) ||
	    (d->payload && strcmp(d->payload, (const char *)p + 12)))
		d->bad_rtp++;
	else
		d->rtp_count++;
}

static void put_header(struct dlg *d, uint8_t *p, unsigned pt)
{
	d->rtp_seq++;
	p[0] = 0x80;
	p[1] = (uint8_t)pt;
	for (unsigned i = 0; i < 2; i++)
		p[2 + i] = (uint8_t)(d->rtp_seq >> (8 - 8 * i));
	for (unsigned i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(d->rtp_ts >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(d->ssrc >> (24 - 8 * i));
	}
}

static void send_one(struct world *w, struct dlg *d, const struct dlg_stream *s,
		     const struct addr *src, const char *payload)
{
	struct flow_addr from = to_flow(src), to = to_flow(&s->remote);
	size_t text = strlen(payload) + 1;
	uint8_t p[172 + 20] = { 0 };
	size_t n = 172;

	d->rtp_ts += 160;
	put_header(d, p, format_to_send(s));
	if (s->raw) { /* UDPTL begins with a number, and looks like no RTP */
		p[0] = (uint8_t)(d->rtp_seq >> 8);
		p[1] = (uint8_t)d->rtp_seq;
	}
	memcpy(p + 12, payload, text < 64 ? text : 64);
	if (!s->raw)
		n = srtp_seal(d, p, n);
	fake_engine_packet(w->engine, &from, &to, p, n);
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

static struct addr source_of(struct world *w, const struct step *s, const struct dlg *d,
			     const struct dlg_stream *st)
{
	const char *from = step_word(s, "from");
	struct str rest = str_of(from), host;
	struct addr a = d->rtp;
	uint32_t port = a.port = (uint16_t)(d->rtp.port + (st - d->stream) * DLG_STREAM_STEP);

	if (!from)
		return a;
	str_token(&rest, ':', &host);
	if (addr_parse(host, &a) || (rest.n && str_u32(rest, 65535, &port)))
		world_fail(w, "from= wants ADDRESS:PORT");
	a.port = (uint16_t)port;
	return a;
}

/* "pbx rtp -> carrier 50": all of them arrive there (in place of rtp: udptl, video...); "pbx rtp -> nobody 50": none does; "some": at
 * least one; "from=ADDRESS:PORT" sends from elsewhere. */
void rtp_step(struct world *w, const struct step *s)
{
	struct dlg *d = actor_dlg(w, actor_find(w, s->actor), s->label), *to = NULL;
	const char *payload = world_fmt(w, "voice of %s %u", d->actor->name, ++w->serial).p;
	struct str rest = str_of(s->what), name;
	uint32_t count = 0, all = received(w, false), bad = received(w, true), mine;
	const struct dlg_stream *st = streams_named(d, s->stream);
	struct addr src;

	wire_heal(w);
	if (wire_is_lossy(w)) /* the engine has heard of what came last */
		loop_advance(w->loop, 100);
	if (wire_is_lossy(w) && d->deaf)
		return;
	if (!st)
		world_fail(w, "%s was not told where to send", s->actor);
	src = source_of(w, s, d, st);
	if (!s->n_words || str_u32(str_of(s->word[0]), 10000, &count))
		world_fail(w, "how many packets?");
	str_token(&rest, '/', &name);
	if (!str_eq(name, STR("nobody")))
		to = actor_dlg(w, actor_find(w, arena_str(w->arena, name).p), rest.n ? rest.p : "");
	if (wire_is_lossy(w) && to && to->deaf)
		return;
	for (struct actor *a = w->actors; a; a = a->next) {
		for (struct dlg *o = a->dlgs; o; o = o->next)
			o->payload = o == to ? payload : "for somebody else";
	}
	mine = to ? to->rtp_count : all;
	for (uint32_t i = 0; i < count; i++) {
		send_one(w, d, st, &src, payload);
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

static uint32_t keys_received(const struct world *w)
{
	uint32_t n = 0;

	for (const struct actor *a = w->actors; a; a = a->next) {
		for (const struct dlg *d = a->dlgs; d; d = d->next)
			n += d->keys.packets;
	}
	return n;
}

static unsigned event_of(struct world *w, char key)
{
	static const char keys[] = "0123456789*#ABCD";
	const char *at = strchr(keys, key);

	if (!key || !at)
		world_fail(w, "no such key");
	return (unsigned)(at - keys);
}

/* A packet every 20 ms, the last one three times. */
static uint32_t press(struct world *w, struct dlg *d, unsigned event, long ms)
{
	struct flow_addr from = to_flow(&d->rtp), to = to_flow(&streams_named(d, "rtp")->remote);
	uint32_t n = 0;

	d->rtp_ts += 160;
	for (long at = 20, ends = 0; ends < 3; at += 20, n++) {
		uint32_t units = (uint32_t)(at < ms ? at : ms) * d->key_clock / 1000;
		uint8_t p[16 + 20];

		ends += at >= ms;
		put_header(d, p, d->key_pt | (n ? 0 : 0x80));
		p[12] = (uint8_t)event;
		p[13] = (uint8_t)(ends ? 0x8a : 0x0a);
		p[14] = (uint8_t)(units >> 8);
		p[15] = (uint8_t)units;
		fake_engine_packet(w->engine, &from, &to, p, srtp_seal(d, p, 16));
		loop_advance(w->loop, 20);
	}
	d->rtp_ts += 160 * n;
	return n;
}

/* "pbx dtmf -> carrier 5 100ms": all packets of the key arrive there; "-> nobody": none does. */
void dtmf_step(struct world *w, const struct step *s)
{
	struct dlg *d = actor_dlg(w, actor_find(w, s->actor), s->label), *to = NULL;
	struct str rest = str_of(s->what), name;
	long ms = s->n_words > 1 ? script_ms(s->word[1]) : -1;
	uint32_t all = keys_received(w), sent, mine;

	if (!d->key_pt || !streams_named(d, "rtp"))
		world_fail(w, "%s was not told how to send keys", s->actor);
	if (ms < 20)
		world_fail(w, "which key, and how long?");
	str_token(&rest, '/', &name);
	if (!str_eq(name, STR("nobody")))
		to = actor_dlg(w, actor_find(w, arena_str(w->arena, name).p), rest.n ? rest.p : "");
	mine = to ? to->keys.packets : 0;
	sent = press(w, d, event_of(w, s->word[0][0]), ms);
	mine = to ? to->keys.packets - mine : 0;
	all = keys_received(w) - all;
	if (all != mine || mine != (to ? sent : 0))
		world_fail(w, "%u of %u packets arrived, %u elsewhere", mine, sent, all - mine);
	w->mark_ms = loop_now(w->loop);
}

#define HEARS_MS  5000 /* for each key: it may wait for others */
#define HEARS_END 500

/* "carrier hears 5": these keys and no others since it was asked last; each ended by three packets, or
 * by as many as came. "5 100ms": the last one so long. "nothing". */
void hears_step(struct world *w, const struct step *s)
{
	struct dlg *d = actor_dlg(w, actor_find(w, s->actor), s->label);
	const char *want = strcmp(s->what, "nothing") ? s->what : "";
	long ms = s->n_words ? script_ms(s->word[0]) : -1, is;
	size_t n = strlen(want);

	for (unsigned at = 0; at < HEARS_MS * n && (d->keys.n < n || d->keys.ends < 3); at += 20)
		loop_advance(w->loop, 20);
	loop_advance(w->loop, HEARS_END);
	if (d->keys.n != n || memcmp(d->keys.key, want, n))
		world_fail(w, "heard \"%.*s\"", (int)d->keys.n, d->keys.key);
	is = n ? (long)d->keys.ms[n - 1] : 0;
	if (n && d->keys.ends != 3)
		world_fail(w, "heard %u end packets", d->keys.ends);
	if (n && ms >= 0 && (is < ms - 30 || is > ms + 30))
		world_fail(w, "heard %ld ms", is);
	memset(&d->keys, 0, sizeof(d->keys));
	w->mark_ms = loop_now(w->loop);
}
