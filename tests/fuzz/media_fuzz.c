/* SPDX-License-Identifier: Apache-2.0 */
/* A session driven by a script: each octet is a call of media.h, and what it needs follows, descriptions up to a NUL
 * (a short one stands for a usual one). Whatever is said by three legs in whatever order: what comes out can be read, its
 * version rises by one and only for a change, m= lines are never lost, ports are those of the streams and none is left
 * after the end, and the engine has the flows of the streams. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "engine/peer.h"
#include "media/media_priv.h"

#define STEPS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const confs[] = {
	"sluice: 1\n"
	"networks:\n"
	"  outside: { port: eth0, address: 203.0.113.10/24, media-ports: 20000-20199 }\n"
	"  inside: { port: eth1, address: 10.0.0.1/24, media-ports: 30000-30199 }\n"
	"trunks:\n"
	"  carrier: { on: outside, profile: static, host: 203.0.113.20 }\n"
	"  pbx: { on: inside, profile: pbx, host: 10.0.0.20 }\n"
	"calls:\n"
	"  - { from: pbx, to: carrier }\n",
	"sluice: 1\n"
	"networks:\n"
	"  outside: { port: eth0, address: 203.0.113.10/24, media-ports: 20000-20099 }\n"
	"  inside: { port: eth1, address: 10.0.0.1/24, media-ports: 30000-30099 }\n"
	"trunks:\n"
	"  carrier: { on: outside, profile: static, host: 203.0.113.20, dtmf: info,\n"
	"             codecs-first: [PCMU, opus] }\n"
	"  pbx: { on: inside, profile: pbx, host: 10.0.0.20, codecs-drop: [G722], ptime: 30ms }\n"
	"calls:\n"
	"  - { from: pbx, to: carrier }\n",
	"sluice: 1\n"
	"networks:\n"
	"  outside: { port: eth0, address: 203.0.113.10/24, media-ports: 20000-20199 }\n"
	"  inside: { port: eth1, address: 10.0.0.1/24, media-ports: 30000-30199 }\n"
	"trunks:\n"
	"  carrier: { on: outside, profile: static, host: 203.0.113.20, srtp: require, ssrc: hide "
	"}\n"
	"  pbx: { on: inside, profile: pbx, host: 10.0.0.20, srtp: offer, srtp-roc: keep,\n"
	"         srtp-suites: [AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM] }\n"
	"calls:\n"
	"  - { from: pbx, to: carrier }\n",
};

#define KEY(x) "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF" x
#define CM80   "AES_CM_128_HMAC_SHA1_80"

static const char *const usual[] = {
	"m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
	"m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
	"m=audio 0 RTP/AVP 8\r\n",
	"m=audio 4002 RTP/AVP 97 0 98\r\na=rtpmap:97 opus/48000/2\r\n"
	"a=rtpmap:98 telephone-event/48000\r\n",
	"m=audio 4000 RTP/AVP 8\r\nm=video 4004 RTP/AVPF 97 98\r\na=rtpmap:97 VP8/90000\r\n"
	"a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\na=rtcp-fb:97 nack pli\r\n",
	"m=audio 4000 RTP/AVP 111 0\r\na=rtpmap:111 opus/48000/2\r\na=inactive\r\n",
	"m=image 4006 udptl t38\r\n",
	"m=audio 4008 RTP/AVP 98 97\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:98 opus/48000/2\r\n",
	/* for offers of both trunks */
	"m=audio 4000 RTP/SAVP 8\r\na=crypto:4 " CM80
	" inline:" KEY("B") "\r\n"
			    "a=crypto:1 " CM80 " inline:" KEY("C") "|2^20|1:4\r\n",
	"m=audio 4000 RTP/AVP 8\r\na=crypto:1 " CM80 " inline:" KEY("D") "\r\n"
									 "a=crypto:4 " CM80
									 " inline:" KEY("E") "\r\n",
	"m=audio 4000 RTP/SAVP 8\r\na=crypto:2 AEAD_AES_128_GCM "
	"inline:R0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHRw==\r\na=sendonly\r\n",
	"m=audio 4000 RTP/SAVPF 8\r\na=crypto:4 " CM80
	" inline:" KEY("F") "\r\n"
			    "m=video 4004 RTP/SAVPF 97\r\na=rtpmap:97 VP8/90000\r\n"
			    "a=crypto:4 " CM80 " inline:" KEY("G") "\r\n",
	"m=audio 0 RTP/SAVP 8\r\n",
};

static const char *const hosts[] = { "10.0.0.20", "203.0.113.20", "203.0.113.30" };

struct told {
	uint64_t id, version;
	size_t n;
	char rest[2 * SDP_SIZE_MAX]; /* after o= */
};

struct fuzz {
	const uint8_t *p, *end;
	bool unsent; /* what this step writes is never sent */
	struct loop *loop;
	struct media_shard *ms;
	struct media *m;
	struct told told[3];
	struct sdp sdp, before;
	char text[2 * SDP_SIZE_MAX], other[2 * SDP_SIZE_MAX], in[SDP_SIZE_MAX + 512];
};

static struct fuzz f;
static struct peer peer;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static uint8_t next(void)
{
	return f.p < f.end ? *f.p++ : 0;
}

/* Exactly as long as it is, so that nothing is read behind it. */
static struct str description(unsigned leg)
{
	const uint8_t *nul = memchr(f.p, 0, (size_t)(f.end - f.p));
	size_t n = (size_t)((nul ? nul : f.end) - f.p);
	struct str s = { (const char *)f.p, n };
	struct buf b;
	char *copy;

	f.p += n + (nul != NULL);
	if (n < 4) {
		unsigned which = n ? (uint8_t)s.p[0] % (sizeof(usual) / sizeof(usual[0])) : 0;
		buf_init(&b, f.in, sizeof(f.in));
		buf_lit(&b, "v=0\r\nc=IN IP4 ");
		buf_put(&b, str_of(hosts[leg]));
		buf_lit(&b, "\r\n");
		buf_put(&b, str_of(usual[which]));
		s = buf_str(&b);
	}
	copy = malloc(s.n ? s.n : 1);
	must(copy != NULL, "memory");
	memcpy(copy, s.p, s.n);
	return (struct str){ copy, s.n };
}

/* ---- what comes out ---- */

static unsigned lines_of(const struct known *k)
{
	return known_read(k, &f.before) ? 0 : f.before.n_media;
}

static unsigned lines_told(unsigned leg)
{
	return lines_of(leg_of(f.m, leg)->told);
}

/* Who must have SRTP is told of nothing else, and every key is there. */
static void check_srtp(unsigned leg)
{
	enum conf_srtp srtp = leg_of(f.m, leg)->trunk->srtp;

	for (unsigned i = 0; i < f.sdp.n_media; i++) {
		const struct sdp_media *m = &f.sdp.media[i];
		for (unsigned k = 0; k < m->n_crypto; k++)
			must(m->crypto[k].key.n >= 38, "a line without a key");
		must(srtp != CONF_SRTP_OFF || !m->n_crypto, "SRTP that nobody asked for");
		must(srtp != CONF_SRTP_REQUIRE || !m->port ||
			     (m->n_crypto && sdp_is_savp(m->proto)),
		     "a plain line");
	}
}

static void check_text(unsigned leg, const struct buf *b, unsigned lines, bool exactly)
{
	struct str rest = buf_str(b), line;
	struct told *t = &f.told[leg];

	must(buf_ok(b) && sdp_parse(buf_str(b), &f.sdp, NULL) == 0,
	     "what comes out cannot be read");
	must(exactly ? f.sdp.n_media == lines : f.sdp.n_media >= lines, "m= lines were lost");
	for (unsigned i = 0; i < f.sdp.n_media; i++)
		must(f.sdp.media[i].n_formats > 0, "a line without a format");
	check_srtp(leg);
	str_line(&rest, &line);
	str_line(&rest, &line);
	if (t->version) {
		bool same = rest.n == t->n && !memcmp(rest.p, t->rest, t->n);
		must(f.sdp.id == t->id, "another session in o=");
		must(f.sdp.version == t->version + !same, "version of o=");
	}
	if (f.unsent)
		return;
	media_said(f.m, leg, buf_str(b));
	t->id = f.sdp.id;
	t->version = f.sdp.version;
	t->n = rest.n;
	memcpy(t->rest, rest.p, rest.n);
}

static void nothing_in(const struct buf *b)
{
	must(buf_ok(b) && b->n == 0, "an error that writes");
}

/* ---- the state ---- */

static void check_draft(const struct draft *d, bool settled)
{
	if (!d)
		return;
	must(d->offerer < 2 && d->leg[0] <= MEDIA_THIRD && d->leg[1] <= MEDIA_THIRD, "legs");
	must(!(d->ours && d->answered), "an answer to an offer of ours that is none");
	must(!d->committed || d->answered, "committed without an answer");
	must(!settled || d->answered, "settled without an answer");
	must(d->n_offered <= d->n && d->n <= SDP_MEDIA_MAX, "lines");
	for (unsigned i = 0; i < d->n; i++)
		must(d->line[i].n_forms <= FLOW_PTMAP_MAX, "formats");
	if (draft_has(d, MEDIA_THIRD))
		must(media_has_third(f.m), "an exchange with nobody");
}

static unsigned check_stream(struct stream *s)
{
	unsigned ports = (s->port[0] != 0) + (s->port[1] != 0);
	struct map room;
	const struct map *map = stream_map(s, &room);

	if (media_has_third(f.m))
		ports += *stream_port(s, MEDIA_THIRD) != 0;
	must(s->id || !ports, "ports without a flow");
	must(!s->id || ports >= 2, "a flow without ports");
	for (unsigned side = 0; map && side < 2; side++) {
		must(map->n[side] <= FLOW_PTMAP_MAX, "map");
		for (unsigned i = 0; i < map->n[side]; i++)
			must(map->pt[side][i][0] < 128 && map->pt[side][i][1] < 128, "numbers");
	}
	return ports;
}

static unsigned ports_used(void)
{
	struct media_ports u[2];

	for (unsigned i = 0; i < 2; i++)
		media_port_usage(f.ms, i, &u[i]);
	return u[0].used + u[1].used;
}

static void look_for_keys(struct table_node *n, void *arg)
{
	const struct known *k = (const struct known *)n;

	(void)arg;
	must(!memmem(k->p, k->n, "inline:", 7), "a key in a text that is kept");
}

/* What the engine has is encrypted where it must be, and no key is there twice. */
static void check_flows(void)
{
	for (unsigned i = 0; i < peer.n_flows; i++) {
		const struct flow *w = &peer.flows[i].flow;
		const struct stream *s = shard_stream(f.ms, w->id);
		const struct flow_crypto *c[4] = { &w->side[0].in, &w->side[0].out, &w->side[1].in,
						   &w->side[1].out };
		for (unsigned side = 0; s && side < 2; side++) {
			bool plain = w->side[side].in.suite == FLOW_SUITE_NONE;
			must(plain == (w->side[side].out.suite == FLOW_SUITE_NONE), "half of SRTP");
			must(!plain || !w->side[!side].n_ptmap || !w->side[0].remote.family ||
				     !w->side[1].remote.family ||
				     leg_of(f.m, stream_leg(s, side))->trunk->srtp !=
					     CONF_SRTP_REQUIRE ||
				     f.m->draft || f.m->commit || media_has_third(f.m),
			     "plain media");
		}
		for (unsigned a = 0; a < 4; a++)
			for (unsigned b = 0; b < a; b++)
				must(!c[a]->suite || a / 2 == b / 2 || (a & 1) == 0 ||
					     (b & 1) == 0 || c[a]->suite != c[b]->suite ||
					     memcmp(c[a]->rtp_key, c[b]->rtp_key, 16),
				     "one key for two legs");
	}
}

static void check_state(void)
{
	static const char no_keys[sizeof(f.ms->keys)];
	unsigned ports = 0, flows = 0;

	check_draft(f.m->draft, false);
	if (f.m->third)
		check_draft(f.m->third->settled, true);
	for (struct stream *s = f.m->streams; s; s = s->next) {
		ports += check_stream(s);
		flows += s->id != 0;
	}
	must(ports == ports_used(), "ports of no stream");
	must(f.ms->streams.count == flows, "streams");
	table_each(&f.ms->known, look_for_keys, NULL);
	must(!memcmp(f.ms->keys, no_keys, sizeof(no_keys)), "a key that is left");
	check_flows();
}

/* ---- what is done ---- */

static void offer(unsigned leg)
{
	struct str sdp = description(leg);
	struct addr sig = { .family = 4, .ip = { 10, 0, 0, 20 } };
	struct buf b;

	buf_init(&b, f.text, sizeof(f.text));
	if (media_offer(f.m, leg, sdp, &sig, &b)) {
		nothing_in(&b);
	} else {
		const struct draft *d = f.m->draft;
		unsigned to = d->leg[!d->offerer];
		bool news = f.told[to].version == 0;
		check_text(to, &b, lines_told(to), false);
		must(!news || media_offer_is_news(f.m), "the first that is heard is news");
	}
	free((char *)(uintptr_t)sdp.p);
}

static void answer(unsigned leg, unsigned fork, bool again)
{
	struct str sdp = again ? STR_NONE : description(leg);
	struct addr sig = { .family = 4, .ip = { 10, 0, 0, 20 } };
	const struct draft *d = f.m->draft;
	struct buf b;

	buf_init(&b, f.text, sizeof(f.text));
	if (media_answer(f.m, leg, fork, sdp, &sig, &b))
		nothing_in(&b);
	else if (d->chained)
		nothing_in(&b);
	else
		check_text(d->leg[d->offerer], &b, lines_of(d->said[d->offerer]), false);
	free((char *)(uintptr_t)sdp.p);
}

static void here(unsigned leg)
{
	struct str sdp = description(leg);
	struct addr sig = { .family = 4, .ip = { 10, 0, 0, 20 } };
	const struct draft *d = f.m->draft;
	struct buf b, o;

	buf_init(&b, f.text, sizeof(f.text));
	buf_init(&o, f.other, sizeof(f.other));
	if (media_answer_here(f.m, leg, sdp, &sig, &b, &o)) {
		nothing_in(&b);
		nothing_in(&o);
	} else {
		must(sdp_parse(sdp, &f.before, NULL) == 0, "an answer to nothing");
		check_text(leg, &b, f.before.n_media, false);
		must(d == f.m->draft, "something is open that was not");
		if (d)
			check_text(d->leg[d->offerer], &o, lines_of(d->said[d->offerer]), false);
	}
	free((char *)(uintptr_t)sdp.p);
}

static void make(unsigned leg)
{
	struct buf b;

	buf_init(&b, f.text, sizeof(f.text));
	if (media_make_offer(f.m, leg, &b))
		nothing_in(&b);
	else
		check_text(leg, &b, lines_told(leg), false);
}

static void repeat(unsigned leg)
{
	struct buf b;

	buf_init(&b, f.text, sizeof(f.text));
	if (media_repeat(f.m, leg, &b))
		nothing_in(&b);
	else
		check_text(leg, &b, 0, false);
}

static void ask(unsigned leg)
{
	struct media_leg_info info[SDP_MEDIA_MAX];
	struct str sdp = description(leg);

	media_is_same(f.m, leg, sdp);
	free((char *)(uintptr_t)sdp.p);
	media_owes_offer(f.m, leg);
	media_offer_is_news(f.m);
	media_is_held(f.m);
	if (leg < 2)
		media_info(f.m, leg, info, SDP_MEDIA_MAX);
	media_dtmf(f.m, leg, (char)next(), 100);
}

static void add(unsigned leg, const struct conf *c)
{
	if (!media_add_leg(f.m, leg, &c->trunks[next() % c->n_trunks]))
		f.told[MEDIA_THIRD].version = 0;
}

static void take(void)
{
	unsigned replaces = media_has_third(f.m) ? f.m->third->replaces : 0;
	bool settled = media_has_third(f.m) && f.m->third->settled;

	media_take_leg(f.m);
	if (settled)
		f.told[replaces] = f.told[MEDIA_THIRD];
}

static void committed(void *arg, int status)
{
	(void)arg;
	(void)status;
}

static void step(const struct conf *c)
{
	uint8_t op = next();
	unsigned leg = op >> 4 & 3;

	leg = leg > MEDIA_THIRD ? 0 : leg;
	f.unsent = op >> 6 == 3;
	switch (op & 15) {
	case 0:
		offer(leg);
		break;
	case 1:
		answer(leg, 0, false);
		break;
	case 2:
		answer(leg, next() % 4, false);
		break;
	case 3:
		answer(leg, next() % 4, true);
		break;
	case 4:
		here(leg);
		break;
	case 5:
		make(leg);
		break;
	case 6:
		repeat(leg);
		break;
	case 7:
		media_answer_known(f.m);
		break;
	case 8:
		media_settle(f.m);
		break;
	case 9:
		media_reject(f.m);
		break;
	case 10:
		media_commit(f.m, committed, NULL);
		break;
	case 11:
		add(leg, c);
		break;
	case 12:
		media_drop_leg(f.m);
		break;
	case 13:
		take();
		break;
	case 14:
		ask(leg);
		break;
	default:
		loop_advance(f.loop, 5);
		break;
	}
}

static void heard(void *arg, const struct media_news *n)
{
	(void)arg;
	(void)n;
}

static unsigned flows(void)
{
	unsigned n = 0;

	for (const struct stream *s = f.m->streams; s; s = s->next)
		n += s->id != 0;
	return n;
}

static void run(const struct conf *c)
{
	struct arena *arena = arena_new(4096);
	const struct media_options o = {
		.arena = arena,
		.conf = c,
		.trunk = { &c->trunks[1], &c->trunks[0] },
		.event = heard,
	};

	f.m = media_new(f.ms, &o);
	must(f.m != NULL, "memory");
	for (unsigned i = 0; i < STEPS && f.p < f.end; i++) {
		step(c);
		check_state();
	}
	loop_advance(f.loop, 20);
	must(peer.n_flows == flows(), "flows of the engine");
	if (next() & 1) {
		media_drop(f.m);
	} else {
		media_end(f.m, NULL, NULL);
		loop_advance(f.loop, 20);
		must(peer.n_flows == 0, "a flow that is left");
	}
	arena_free(arena);
	must(ports_used() == 0 && f.ms->streams.count == 0, "ports that are left");
	learned_forget(f.ms);
	must(f.ms->known.count == 0, "words that are left");
}

static struct conf *conf_of(unsigned i)
{
	static struct conf *made[sizeof(confs) / sizeof(confs[0])];
	struct conf_errors e;

	i %= sizeof(confs) / sizeof(confs[0]);
	if (!made[i]) {
		if (conf_parse("fuzz", str_of(confs[i]), &made[i], &e)) {
			conf_errors_print(&e, "fuzz", 2);
			abort();
		}
		conf_errors_free(&e);
	}
	return made[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	f.p = data;
	f.end = data + size;
	memset(f.told, 0, sizeof(f.told));
	struct conf *c = conf_of(next());
	f.loop = loop_new_virtual(5);
	peer_init(&peer, f.loop);
	peer.caps |= FLOW_CAP_SRTP;
	const struct media_shard_options o = {
		.loop = f.loop, .conf = c, .transport = peer_transport(&peer), .n_shards = 1
	};
	f.ms = media_shard_new(&o);
	must(f.loop && f.ms, "memory");
	loop_advance(f.loop, 20);
	run(c);
	media_shard_free(f.ms);
	peer_fini(&peer);
	loop_free(f.loop);
	return 0;
}
