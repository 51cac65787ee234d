/* SPDX-License-Identifier: Apache-2.0 */
/* From what was said to what the engine is told: one flow for each stream, side 0 for leg 0. */
#include <errno.h>
#include "media/media_priv.h"

struct stream *stream_at(const struct media *m, unsigned i)
{
	struct stream *s = m->streams;

	while (s && i--)
		s = s->next;
	return s;
}

static unsigned index_of(const struct stream *s)
{
	unsigned i = 0;

	for (const struct stream *at = s->m->streams; at != s; at = at->next)
		i++;
	return i;
}

bool media_is_first(const struct media *m)
{
	return m->n_lines == 0;
}

bool media_has_third(const struct media *m)
{
	return m->third && m->third->there;
}

struct draft *media_current(const struct media *m)
{
	return !m->draft && media_has_third(m) ? m->third->settled : m->draft;
}

/* An answer counts for packets from its commit on; before that what was agreed goes on, and a
 * stream that's new stands as it was offered. NULL: as it was agreed. */
static const struct line *open_line(const struct stream *s, const struct draft **out)
{
	const struct draft *d = media_current(s->m);
	unsigned i = index_of(s);

	*out = d;
	return d && i < d->n && (d->committed || !s->agreed) ? &d->line[i] : NULL;
}

const struct line *stream_open_line(const struct stream *s, unsigned *offerer)
{
	const struct draft *d;
	const struct line *l = open_line(s, &d);

	*offerer = l ? d->offerer : 0;
	return l;
}

const struct terms *stream_terms(const struct stream *s)
{
	const struct draft *d;
	const struct line *l = open_line(s, &d);

	if (!l)
		return &s->now;
	return d->committed ? &l->answer.terms : &l->offer;
}

const struct map *stream_map(const struct stream *s, struct map *room)
{
	const struct draft *d;
	const struct line *l = open_line(s, &d);

	if (!l)
		return s->map ? (const struct map *)s->map->p : NULL;
	map_fill(l, d->committed ? &l->answer : NULL, d->offerer, room);
	return room;
}

const char *stream_codec(const struct stream *s)
{
	const struct draft *d = media_current(s->m);
	unsigned i = index_of(s);

	if (d && d->answered && i < d->n && d->line[i].answer.terms.on)
		return d->line[i].answer.codec;
	return s->map ? ((const struct map *)s->map->p)->codec : "";
}

unsigned stream_leg(const struct stream *s, unsigned side)
{
	const struct draft *d;

	return open_line(s, &d) ? d->leg[side] : side;
}

u16 *stream_port(struct stream *s, unsigned leg)
{
	return leg < 2 ? &s->port[leg] : &s->m->third->port[index_of(s)];
}

static struct flow_addr flow_addr(const struct addr *a)
{
	struct flow_addr f = { .port = a->port, .family = a->family };

	memcpy(f.ip, a->ip, sizeof(f.ip));
	return f;
}

static bool in_media_of(const struct conf_trunk *t, const struct addr *a)
{
	for (unsigned i = 0; i < t->n_media; i++)
		if (prefix_has(&t->media[i], a))
			return true;
	return false;
}

/* The party's media comes from where its SDP says; or, where the trunk allows for it, through a
 * NAT. */
static u8 mode_of(const struct conf_trunk *t, const struct addr *adv, const struct addr *sig)
{
	bool is_signalling = addr_ip_eq(adv, sig);

	if (in_media_of(t, adv) || (!addr_is_private(adv) && is_signalling))
		return FLOW_MODE_STATIC;
	if (t->nat && (addr_is_private(adv) || !is_signalling))
		return FLOW_MODE_NAT;
	return FLOW_MODE_STATIC;
}

static void add_prefix(struct flow_side *f, const struct prefix *p)
{
	if (p->addr.family != f->local.family || f->n_acl == FLOW_ACL_MAX)
		return;
	f->acl[f->n_acl] = flow_addr(&p->addr);
	f->acl[f->n_acl++].len = p->len;
}

/* Where the trunk has more than an engine takes, those that the SDP and the signalling lie in go
 * first. */
static void put_acl(struct flow_side *f, const struct conf_trunk *t, const struct addr *adv,
		    const struct addr *sig)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < t->n_media; i++) {
			const struct prefix *p = &t->media[i];
			bool near = prefix_has(p, adv) || prefix_has(p, sig);
			if (near != pass)
				add_prefix(f, p);
		}
	}
}

static void put_payload_types(struct flow_side *f, unsigned side, const struct map *map)
{
	memcpy(f->ptmap, map->pt[side], sizeof(f->ptmap));
	f->n_ptmap = map->n[side];
	f->clock = map->clock;
	f->dtmf_in = map->dtmf_in[side];
	f->dtmf_out = map->dtmf_out[side];
	f->dtmf_clock = map->dtmf_clock[side];
	f->flags |= map->flags[side];
}

/* The longer of what the two sides were told. */
static u8 packet_time(const struct stream *s, const struct terms *t)
{
	u32 ms = 0;

	for (unsigned side = 0; side < 2; side++) {
		u32 asked = leg_of(s->m, stream_leg(s, side))->trunk->ptime_ms;
		u32 told = asked && t->kind == KIND_AUDIO ? asked : t->ptime[!side];
		ms = told > ms ? told : ms;
	}
	return ms ? (u8)ms : 20;
}

static const struct addr *sig_of(const struct stream *s, unsigned side)
{
	const struct media *m = s->m;
	const struct draft *d = media_current(m);
	unsigned leg = stream_leg(s, side);

	return d && d->sig[side].family && d->leg[side] == leg &&
			       (d->committed || media_is_first(m))
		       ? &d->sig[side]
		       : &leg_of(m, leg)->sig;
}

/* The same for as long as the flow lives, and for nobody else. */
static u32 ssrc_mask(const struct stream *s, unsigned side, const struct conf_trunk *t)
{
	const u64 what[2] = { s->id, side };

	return t->ssrc == CONF_SSRC_HIDE ? (u32)siphash(s->m->ms->key, what, sizeof(what)) | 1 : 0;
}

static void put_side(struct stream *s, const struct terms *t, unsigned side, struct flow_side *f)
{
	unsigned leg = stream_leg(s, side);
	const struct conf_network *n = media_network(s->m, leg);
	const struct conf_trunk *trunk = leg_of(s->m, leg)->trunk;
	const struct addr *sig = sig_of(s, side);
	u16 port = *stream_port(s, leg);

	f->local = flow_addr(family_local(s->m, leg, t->family[side]));
	f->local.port = port;
	f->remote = flow_addr(&t->remote[side]);
	if (t->way == WAY_UDPTL) {
		f->local_rtcp = 0; /* the other port stays ours, for when the stream is RTP again */
	} else if (t->mux[side]) {
		f->flags |= FLOW_SIDE_RTCP_MUX;
	} else {
		f->local_rtcp = (u16)(port + 1);
		f->remote_rtcp = t->remote_rtcp[side];
	}
	if (sig->family == f->local.family) {
		f->sig = flow_addr(sig);
		f->sig.port = 0;
	}
	put_acl(f, trunk, &t->remote[side], sig);
	f->mode = mode_of(trunk, &t->remote[side], sig);
	if (!terms_relayed(t) || !(t->dir[side] & SDP_SENDONLY))
		f->flags |= FLOW_SIDE_HOLD;
	f->ptime = packet_time(s, t);
	f->dscp = n->media_dscp;
	f->clock = f->dtmf_clock = 8000;
	f->dtmf_in = f->dtmf_out = FLOW_PT_NONE;
	f->ssrc_mask = ssrc_mask(s, side, trunk);
}

static u32 idle_ms(const struct media *m)
{
	uint64_t s = media_is_held(m) ? m->conf->media.hold_silence_s : m->conf->media.silence_s;

	return s > UINT32_MAX / 1000 ? UINT32_MAX : (u32)s * 1000;
}

/* Of what is in use: most of a flow is room for long lists. */
static u64 flow_hash(const struct media_shard *ms, const struct flow *f)
{
	u64 part[8] = { f->id, (u64)f->kind << 32 | f->idle_ms };

	for (unsigned i = 0; i < 2; i++) {
		const struct flow_side *s = &f->side[i];
		const char *rest = (const char *)&s->clock;

		part[2 + 2 * i] = siphash(
			ms->key, s, (size_t)((const char *)&s->acl[s->n_acl] - (const char *)s));
		part[3 + 2 * i] = siphash(ms->key, rest,
					  (size_t)((const char *)&s->ptmap[s->n_ptmap] - rest));
		/* One number is one key. */
		part[6 + i] = siphash(ms->key,
				      (const u32[]){ s->in.suite, s->in.number, s->in.flags,
						     s->in.mki_len, s->out.suite, s->out.number,
						     s->out.flags },
				      7 * sizeof(u32));
	}
	return siphash(ms->key, part, sizeof(part));
}

int stream_push(struct stream *s, engine_done *done, void *arg)
{
	struct media_shard *ms = s->m->ms;
	const struct terms *t = stream_terms(s);
	struct map room;
	const struct map *map = stream_map(s, &room);
	struct flow f;
	int rc;

	memset(&f, 0, sizeof(f)); /* the hash goes over padding too */
	f.id = s->id;
	f.idle_ms = idle_ms(s->m);
	f.kind = t->way == WAY_UDPTL ? FLOW_KIND_RAW : FLOW_KIND_RTP;
	for (unsigned side = 0; side < 2; side++) {
		put_side(s, t, side, &f.side[side]);
		if (t->on && t->way == WAY_RTP && map)
			put_payload_types(&f.side[side], side, map);
		rate_fill(t, map ? map->rate[side] : 0, leg_of(s->m, stream_leg(s, side))->trunk,
			  &f.side[side]);
	}
	rc = sdes_fill(s, &f);
	if (!rc) {
		/* What is pushed first is an offer that the answer will change: nobody compares with it. */
		u64 hash = s->gen ? flow_hash(ms, &f) : 0;
		if (!hash || hash != s->pushed)
			s->gen++;
		s->pushed = hash;
		f.gen = s->gen;
		resume_fill(s, &f);
		rc = engine_set(ms->engine, &f, done, arg);
	}
	if (s->sdes)
		explicit_bzero(&f, sizeof(f));
	return rc;
}

struct pool *media_pool_of(const struct media *m, unsigned leg)
{
	const struct conf_network *n = media_network(m, leg);
	const struct media_shard *ms = m->ms;

	if (n->index >= ms->n_networks ||
	    !addr_ip_eq(&ms->conf->networks[n->index].address, &n->address))
		return NULL;
	return &ms->pool[n->index];
}

struct ports *media_ports_of(const struct media *m, unsigned leg)
{
	const struct pool *p = media_pool_of(m, leg);

	return p ? p->place[leg_of(m, leg)->place].ports : NULL;
}

static bool has_ports(const struct media *m, unsigned leg)
{
	for (struct stream *s = m->streams; s; s = s->next)
		if (*stream_port(s, leg))
			return true;
	return false;
}

/* Without ports a leg is nowhere. */
static void forget_place(struct media *m, unsigned leg)
{
	if (!has_ports(m, leg))
		leg_at(m, leg)->place = 0;
}

void media_choose_place(struct media *m, const struct draft *d, unsigned side)
{
	unsigned leg = d->leg[side], pairs = 0;
	const struct pool *p = media_pool_of(m, leg);
	bool family[7] = { false };

	if (!p || has_ports(m, leg))
		return;
	for (unsigned i = 0; i < d->n; i++) {
		const struct terms *t = &d->line[i].offer;
		if (!terms_relayed(t))
			continue;
		family[t->family[side] == 6 ? 6 : 4] = true;
		pairs++;
	}
	leg_at(m, leg)->place = pool_choose(p, family[4], family[6], pairs);
}

void stream_unopen(struct stream *s, u8 opened)
{
	if (opened & OPENED_FLOW) {
		table_del(&s->m->ms->streams, &s->node);
		s->id = 0;
	}
	for (unsigned leg = 0; leg <= MEDIA_THIRD; leg++) {
		if (!(opened & 1u << leg))
			continue;
		ports_untake(media_ports_of(s->m, leg), *stream_port(s, leg));
		*stream_port(s, leg) = 0;
		forget_place(s->m, leg);
	}
}

int stream_open(struct stream *s, const u8 leg[2], u8 *opened)
{
	for (unsigned side = 0; side < 2; side++) {
		struct ports *p = media_ports_of(s->m, leg[side]);
		u16 *port = stream_port(s, leg[side]);
		if (*port)
			continue;
		*port = p ? ports_take(p) : 0;
		if (!*port) {
			stream_unopen(s, *opened);
			*opened = 0;
			return -ENOBUFS;
		}
		*opened |= (u8)(1u << leg[side]);
	}
	if (s->id)
		return 0;
	s->id = engine_new_id(s->m->ms->engine);
	s->gen = 0;
	s->idle_at = 0;
	shard_add(s->m->ms, s);
	*opened |= OPENED_FLOW;
	return 0;
}

void stream_rest(struct stream *s, unsigned leg)
{
	u16 *port = stream_port(s, leg);

	if (*port)
		ports_rest(media_ports_of(s->m, leg), *port);
	*port = 0;
	forget_place(s->m, leg);
}

void stream_close(struct stream *s)
{
	for (unsigned leg = 0; leg < 2; leg++)
		stream_rest(s, leg);
	if (media_has_third(s->m))
		stream_rest(s, MEDIA_THIRD);
	sdes_free(s);
	if (!s->id)
		return;
	table_del(&s->m->ms->streams, &s->node);
	s->id = 0;
	s->agreed = false;
}

void stream_drop(struct stream *s)
{
	if (s->id)
		engine_del(s->m->ms->engine, s->id, NULL, NULL);
	stream_close(s);
}
