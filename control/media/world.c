/* SPDX-License-Identifier: Apache-2.0 */
#include "media/world.h"

static struct conf *configure(const char *carrier, const char *rest, const char *outside)
{
	struct conf_errors e;
	struct conf *c = NULL;
	char text[2048];

	snprintf(text, sizeof(text),
		 "sluice: 1\n"
		 "networks:\n"
		 "  outside: { port: eth0, address: 203.0.113.10/24, media-ports: 20000-29999%s }\n"
		 "  inside: { port: eth1, address: 10.0.0.1/24, public: 192.0.2.200,\n"
		 "            media-ports: 30000-39999 }\n"
		 "trunks:\n"
		 "  carrier: { on: outside, profile: static, host: 203.0.113.20%s }\n"
		 "  pbx: { on: inside, profile: pbx, host: 10.0.0.20 }\n"
		 "calls:\n"
		 "  - { from: pbx, to: carrier }\n"
		 "  - { from: carrier, to: pbx }\n"
		 "%s",
		 outside ? outside : "", carrier ? carrier : "", rest ? rest : "");
	if (conf_parse("test", str_of(text), &c, &e)) {
		conf_errors_print(&e, "test", 2);
		fail();
	}
	conf_errors_free(&e);
	return c;
}

static const struct conf_trunk *trunk(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->n_trunks; i++)
		if (!strcmp(c->trunks[i].name, name))
			return &c->trunks[i];
	fail();
	return NULL;
}

static void heard(void *arg, const struct media_news *n)
{
	struct world *w = arg;

	w->events++;
	w->event = n->event;
	w->event_leg = n->leg;
	w->digit = n->digit;
	w->duration_ms = n->duration_ms;
	if (n->source)
		w->event_source = *n->source;
}

void world_new_call(struct world *w)
{
	w->arena = arena_new(4096);
	const struct media_options o = {
		.arena = w->arena,
		.conf = w->conf,
		.trunk = { trunk(w->conf, "pbx"), trunk(w->conf, "carrier") },
		.event = heard,
		.arg = w,
	};
	w->m = media_new(w->ms, &o);
	assert_non_null(w->m);
}

static void ended(void *arg, const struct media_report *r)
{
	struct world *w = arg;

	w->ended++;
	w->report = *r;
}

void world_end_call(struct world *w)
{
	w->ended = 0;
	media_end(w->m, ended, w);
	assert_int_equal(w->ended, 0);
	run(w, 50);
	assert_int_equal(w->ended, 1);
	arena_free(w->arena);
	w->arena = NULL;
	w->m = NULL;
}

struct world *world_new(const char *carrier, const char *rest)
{
	return world_new_on(carrier, rest, NULL);
}

struct world *world_new_on(const char *carrier, const char *rest, const char *outside)
{
	struct world *w = calloc(1, sizeof(*w));

	w->loop = loop_new_virtual(5);
	peer_init(&w->peer, w->loop);
	w->conf = configure(carrier, rest, outside);
	const struct media_shard_options o = {
		.loop = w->loop,
		.conf = w->conf,
		.transport = peer_transport(&w->peer),
		.shard = 0,
		.n_shards = 1,
	};
	w->ms = media_shard_new(&o);
	assert_non_null(w->ms);
	w->sig[0] = at("10.0.0.20", 5060);
	w->sig[1] = at("203.0.113.20", 5060);
	w->sig[2] = at("203.0.113.30", 5060);
	run(w, 20);
	world_new_call(w);
	return w;
}

/* Nothing may be left over: no flow that isn't deleted, no port that isn't given back. */
void world_free(struct world *w)
{
	if (w->m)
		world_end_call(w);
	for (unsigned i = 0; i < w->ms->n_networks; i++) {
		struct media_ports u;
		media_port_usage(w->ms, i, &u);
		assert_int_equal(u.used, 0);
		for (unsigned k = 0; k < w->ms->pool[i].n; k++)
			assert_true(ports_audit(w->ms->pool[i].place[k].ports));
	}
	assert_int_equal(media_ports_audit(w->ms), 0);
	assert_int_equal(w->ms->streams.count, 0);
	learned_forget(w->ms);
	assert_int_equal(w->ms->known.count, 0);
	media_shard_free(w->ms);
	peer_fini(&w->peer);
	conf_put(w->conf);
	loop_free(w->loop);
	free(w);
}

int world_setup(void **state)
{
	*state = world_new(NULL, NULL);
	return 0;
}

int world_teardown(void **state)
{
	world_free(*state);
	return 0;
}

struct addr at(const char *ip, u16 port)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(ip), &a), 0);
	a.port = port;
	return a;
}

static void read_back(struct world *w, const struct buf *b)
{
	const char *why = "";

	assert_true(buf_ok(b));
	w->text[b->n] = 0;
	if (sdp_parse(buf_str(b), &w->ms->in, &why))
		fail_msg("%s: %s", why, w->text);
}

/* Who hears what this leg says. */
static unsigned to_of(const struct world *w, unsigned leg)
{
	const struct third *t = w->m->third;

	if (leg == MEDIA_THIRD)
		return !t->replaces;
	return media_has_third(w->m) && leg == !t->replaces && w->m->draft &&
			       draft_has(w->m->draft, MEDIA_THIRD)
		       ? MEDIA_THIRD
		       : !leg;
}

int offer(struct world *w, unsigned leg, const char *sdp)
{
	struct buf b;

	buf_init(&b, w->text, sizeof(w->text) - 1);
	int rc = media_offer(w->m, leg, str_of(sdp), &w->sig[leg], &b);
	if (!rc)
		media_said(w->m, to_of(w, leg), buf_str(&b));
	if (!rc)
		read_back(w, &b);
	else
		assert_int_equal(b.n, 0);
	return rc;
}

static int written(struct world *w, unsigned to, const struct buf *b, int rc)
{
	if (!rc && b->n)
		media_said(w->m, to, buf_str(b));
	if (rc)
		assert_int_equal(b->n, 0);
	else if (b->n)
		read_back(w, b);
	else
		w->text[0] = 0;
	return rc;
}

int answer_fork(struct world *w, unsigned leg, unsigned fork, const char *sdp)
{
	struct buf b;

	buf_init(&b, w->text, sizeof(w->text) - 1);
	unsigned to = to_of(w, leg);

	return written(w, to, &b, media_answer(w->m, leg, fork, str_of(sdp), &w->sig[leg], &b));
}

int answer(struct world *w, unsigned leg, const char *sdp)
{
	return answer_fork(w, leg, 0, sdp);
}

int make(struct world *w, unsigned leg)
{
	struct buf b;

	buf_init(&b, w->text, sizeof(w->text) - 1);
	return written(w, leg, &b, media_make_offer(w->m, leg, &b));
}

int repeat(struct world *w, unsigned leg)
{
	struct buf b;

	buf_init(&b, w->text, sizeof(w->text) - 1);
	return written(w, leg, &b, media_repeat(w->m, leg, &b));
}

int here(struct world *w, unsigned leg, const char *sdp, char *other)
{
	struct buf b, o;

	buf_init(&b, w->text, sizeof(w->text) - 1);
	buf_init(&o, other, other ? sizeof(w->text) - 1 : 0);
	int rc = media_answer_here(w->m, leg, str_of(sdp), &w->sig[leg], &b, other ? &o : NULL);
	if (other)
		other[o.n] = 0;
	if (!rc && other && o.n)
		media_said(w->m, !leg, buf_str(&o));
	return written(w, leg, &b, rc);
}

struct conf_trunk *rules(struct world *w, unsigned leg)
{
	return (struct conf_trunk *)leg_of(w->m, leg)->trunk;
}

const struct conf_trunk *world_trunk(struct world *w, const char *name)
{
	return trunk(w->conf, name);
}

void expect_formats(struct world *w, unsigned line, const char *want)
{
	const struct sdp_media *l = line_of(w, line);
	char got[256] = "";
	size_t n = 0;

	for (unsigned i = 0; i < l->n_formats; i++)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%u", i ? " " : "",
				      l->formats[i].pt);
	assert_string_equal(got, want);
}

void expect_map(struct world *w, unsigned side, const char *want)
{
	const struct flow_side *f = &the_flow(w, 0)->side[side];
	char got[256] = "";
	size_t n = 0;

	for (unsigned i = 0; i < f->n_ptmap; i++) {
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%u", i ? " " : "",
				      f->ptmap[i][0]);
		if (f->ptmap[i][0] != f->ptmap[i][1])
			n += (size_t)snprintf(got + n, sizeof(got) - n, ">%u", f->ptmap[i][1]);
	}
	assert_string_equal(got, want);
}

unsigned in_use(struct world *w)
{
	struct media_ports a, b;

	media_port_usage(w->ms, 0, &a);
	media_port_usage(w->ms, 1, &b);
	return a.used + b.used;
}

static void committed(void *arg, int status)
{
	struct world *w = arg;

	if (status == -ECANCELED) {
		w->canceled++;
		return;
	}
	w->committed++;
	w->status = status;
}

void commit(struct world *w)
{
	w->committed = 0;
	media_commit(w->m, committed, w);
	assert_int_equal(w->committed, 0);
	run(w, 20);
	assert_int_equal(w->committed, 1);
}

void run(struct world *w, unsigned ms)
{
	loop_advance(w->loop, ms);
}

void exchange(struct world *w, unsigned leg, const char *offer_sdp, const char *answer_sdp)
{
	assert_int_equal(offer(w, leg, offer_sdp), 0);
	assert_int_equal(answer(w, !leg, answer_sdp), 0);
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);
}

const struct sdp_media *line_of(struct world *w, unsigned i)
{
	assert_true(i < w->ms->in.n_media);
	return &w->ms->in.media[i];
}

const struct flow *the_flow(struct world *w, unsigned i)
{
	assert_true(i < w->peer.n_flows);
	return &w->peer.flows[i].flow;
}

uint64_t version_in(const char *text)
{
	struct sdp *s = malloc(sizeof(*s));
	uint64_t v;

	assert_int_equal(sdp_parse(str_of(text), s, NULL), 0);
	v = s->version;
	free(s);
	return v;
}
