/* SPDX-License-Identifier: Apache-2.0 */
/* The world of one scenario, and the verbs that are about the world. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scenario.h"
#include "srtp.h"

static const char usual_conf[] = "sluice: 1\n"
				 "networks:\n"
				 "  outside: { port: eth0, address: 203.0.113.10/24 }\n"
				 "  inside: { port: eth1, address: 10.0.0.1/24 }\n"
				 "trunks:\n"
				 "  carrier: { on: outside, profile: static, host: 203.0.113.80,"
				 " domain: sip.carrier.example }\n"
				 "  pbx: { on: inside, profile: pbx, host: 10.0.0.20 }\n"
				 "calls:\n"
				 "  - { from: pbx, to: carrier }\n"
				 "  - { from: carrier, to: pbx }\n";

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	longjmp(w->failed, 1);
}

/* In the world's memory, with a NUL behind it. */
struct str world_fmt(struct world *w, const char *fmt, ...)
{
	char mem[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(mem, sizeof(mem), fmt, ap);
	va_end(ap);
	return arena_str(w->arena, (struct str){ mem, (size_t)n });
}

/* ---- building ---- */

static void add_actors(struct world *w)
{
	for (unsigned i = 0; i < w->conf->n_trunks; i++) {
		const struct conf_trunk *t = &w->conf->trunks[i];

		actor_new(w, t->name, t->on->index, &t->host, t);
	}
}

static int load_conf(struct world *w)
{
	struct conf_errors errors = { 0 };
	const char *text = w->script->conf ? w->script->conf : usual_conf;
	int err = conf_parse(w->script->file, str_of(text), &w->conf, &errors);

	if (err)
		conf_errors_print(&errors, w->script->file, 2);
	conf_errors_free(&errors);
	if (err || w->conf->n_networks > WORLD_NETWORKS)
		return -EINVAL;
	for (unsigned i = 0; i < w->conf->n_networks; i++) {
		const struct conf_network *n = &w->conf->networks[i];

		w->nets[i].name = n->name;
		w->nets[i].advertised = n->public.family ? n->public : n->address;
		w->nets[i].advertised.port = n->sip_port;
	}
	return 0;
}

static int build_shard(struct world *w)
{
	w->engine = fake_engine_new(w->loop, rtp_deliver, w);
	w->limits = call_limits_new(w->conf);
	w->media = media_shard_new(
		&(struct media_shard_options){ .loop = w->loop,
					       .log = w->log,
					       .conf = w->conf,
					       .transport = fake_engine_transport(w->engine),
					       .n_shards = 1 });
	w->trunks = trunks_new(
		&(struct trunks_options){ .loop = w->loop, .log = w->log, .conf = w->conf });
	if (!w->limits || !w->media || !w->trunks)
		return -ENOMEM;
	w->calls = calls_new(&(struct calls_options){ .loop = w->loop,
						      .log = w->log,
						      .conf = w->conf,
						      .limits = w->limits,
						      .max_subscriptions = 5,
						      .media = w->media,
						      .trunks = w->trunks });
	if (!w->calls)
		return -ENOMEM;
	w->sip = sip_new(&(struct sip_options){
		.loop = w->loop,
		.log = w->log,
		.io = { wire_net_send, w },
		.user = calls_sip_user(w->calls),
		.timers = { w->conf->sip.t1_ms, w->conf->sip.t2_ms, w->conf->sip.t4_ms },
		.networks = w->nets,
		.n_networks = w->conf->n_networks,
		.n_shards = 1,
		.max_transactions = 1000 });
	if (!w->sip)
		return -ENOMEM;
	calls_set_sip(w->calls, w->sip);
	return 0;
}

struct world *world_new(const struct script *s, const struct wire_fault *fault, bool verbose)
{
	struct arena *arena = arena_new(65536);
	struct world *w = arena_alloc(arena, sizeof(*w));

	w->arena = arena;
	w->script = s;
	w->verbose = verbose;
	w->wire = wire_new(w, fault);
	w->log_fd = memfd_create("log", MFD_CLOEXEC);
	w->log = log_new(w->log_fd, LOG_LEVEL_DEBUG);
	w->loop = loop_new_virtual(1);
	if (!w->loop || load_conf(w) || build_shard(w)) {
		fprintf(stderr, "%s: the shard cannot be built\n", s->file);
		world_free(w);
		return NULL;
	}
	add_actors(w);
	loop_advance(w->loop, 50); /* the engine says hello */
	return w;
}

void world_free(struct world *w)
{
	struct arena *arena = w->arena;

	srtp_end(w);
	for (struct actor *a = w->actors; a; a = a->next)
		auth_state_free(a->login);

	if (w->calls && w->sip) { /* a scenario that failed left calls behind */
		calls_drain(w->calls);
		loop_advance(w->loop, 5000);
	}
	calls_free(w->calls);
	if (w->sip)
		sip_free(w->sip);
	trunks_free(w->trunks);
	if (w->media)
		media_shard_free(w->media);
	if (w->engine)
		fake_engine_free(w->engine);
	call_limits_free(w->limits);
	conf_put(w->conf);
	loop_free(w->loop);
	log_free(w->log);
	close(w->log_fd);
	arena_free(arena);
}

/* ---- expectations ---- */

struct wanted {
	const char *name;
	uint64_t value;
	bool found;
};

static void look(void *arg, const char *name, uint64_t v)
{
	struct wanted *x = arg;

	if (strcmp(name, x->name))
		return;
	x->value = v;
	x->found = true;
}

uint64_t world_counter(const struct world *w, const char *name)
{
	struct wanted x = { .name = name };

	sip_counters(w->sip, look, &x);
	calls_counters(w->calls, look, &x);
	return x.found ? x.value : UINT64_MAX;
}

static uint64_t ports_used(const struct world *w, bool resting)
{
	struct media_ports p;
	uint64_t n = 0;

	for (unsigned i = 0; i < w->conf->n_networks; i++) {
		media_port_usage(w->media, i, &p);
		n += resting ? p.used + p.resting + p.orphaned : p.used;
	}
	return n;
}

/* Reads all that people get to see of a call, so that a sanitizer sees it too. */
static void read_call(void *arg, const struct call_info *i)
{
	size_t *read = arg;

	read[0]++;
	read[1] += strlen(i->state) + strlen(i->exchange.state) + strlen(i->transfer.state);
	for (unsigned n = 0; n < 3; n++) {
		const struct call_leg_info *l = &i->leg[n];

		for (size_t k = 0; k < l->user.n; k++)
			read[1] += (unsigned char)l->user.p[k];
		if (l->trunk)
			read[1] += strlen(l->trunk) + strlen(l->state) + strlen(l->offer_state) +
				   strlen(l->offer_text);
	}
	for (unsigned n = 0; n < i->n_events; n++)
		read[1] += strlen(i->events[n].what);
}

size_t world_look(const struct world *w)
{
	size_t read[2] = { 0 };

	calls_each(w->calls, read_call, read);
	return read[0];
}

static uint64_t value_of(struct world *w, const char *name)
{
	uint64_t v;

	if (!strcmp(name, "calls"))
		return world_look(w);
	if (!strcmp(name, "ports"))
		return ports_used(w, false);
	if (!strcmp(name, "flows"))
		return fake_engine_flows(w->engine);
	for (unsigned i = 0; i < w->conf->n_trunks; i++) {
		if (!strcmp(name, w->conf->trunks[i].name))
			return call_limits_trunk(w->limits, i);
	}
	v = world_counter(w, name);
	if (v == UINT64_MAX)
		world_fail(w, "nothing is called %s", name);
	return v;
}

static void expect_silence(struct world *w)
{
	loop_advance(w->loop, 20);
	for (struct actor *a = w->actors; a; a = a->next) {
		if (a->inbox)
			world_fail(w, "%s got:\n%.*s", a->name, STR_FMT(a->inbox->raw));
	}
}

static bool log_says(const struct world *w, const char *text)
{
	char mem[65536];
	ssize_t n = pread(w->log_fd, mem, sizeof(mem), 0);

	size_t len = wire_is_lossy(w) ? strcspn(text, "0123456789") : strlen(text);

	/* Where things get lost, times and numbers are others. */
	return n >= 0 && memmem(mem, (size_t)n, text, len);
}

/* Do all names of the step have their numbers? `strict`: it is a failure. */
static bool all_hold(struct world *w, const struct step *s, bool strict)
{
	for (unsigned i = 1; i + 1 < s->n_words; i += 2) {
		uint64_t v = value_of(w, s->word[i]), want;

		if (str_u64(str_of(s->word[i + 1]), &want))
			world_fail(w, "%s is no number", s->word[i + 1]);
		/* Challenges and the like are counted for each copy of a request. */
		if (wire_is_lossy(w) && strchr(s->word[i], '.') && v > want)
			continue;
		if (v != want && strict)
			world_fail(w, "%s: %llu", s->word[i], (unsigned long long)v);
		if (v != want)
			return false;
	}
	return true;
}

/* On a lossy wire it may take the time of a transaction. */
#define REPAIR_MS 40000

/* "expect nothing", "expect log TEXT", "expect NAME N NAME N ..." */
static void expect(struct world *w, const struct step *s)
{
	bool log = s->n_words == 3 && !strcmp(s->word[1], "log");
	uint64_t end = loop_now(w->loop) + REPAIR_MS;

	if (s->n_words == 2 && !strcmp(s->word[1], "nothing")) {
		if (!wire_is_lossy(w))
			expect_silence(w);
		return;
	}
	if (!log && s->n_words % 2 == 0)
		world_fail(w, "expect wants names and numbers");
	loop_advance(w->loop, log ? 0 : 5); /* the engine may still count */
	while (wire_is_lossy(w) && loop_now(w->loop) < end &&
	       !(log ? log_says(w, s->word[2]) : all_hold(w, s, false)))
		loop_advance(w->loop, 10);
	if (!log)
		all_hold(w, s, true);
	else if (!log_says(w, s->word[2]))
		world_fail(w, "the log does not say \"%s\"", s->word[2]);
}

/* ---- verbs ---- */

static void verb_wait(struct world *w, const struct step *s)
{
	long ms = s->n_words > 1 ? script_ms(s->word[1]) : -1;

	if (ms < 0)
		world_fail(w, "wait how long?");
	loop_advance(w->loop, (uint64_t)ms);
}

/* "drop pbx": all that is sent to it from now on; "drop pbx 2": the next two; "drop pbx 0": no
 * more. */
static void verb_drop(struct world *w, const struct step *s)
{
	struct actor *a = actor_find(w, s->n_words > 1 ? s->word[1] : "");

	a->drop = s->n_words > 2 ? (unsigned)strtoul(s->word[2], NULL, 10) : ~0u;
}

static void verb_engine(struct world *w, const struct step *s)
{
	const char *what = s->n_words > 1 ? s->word[1] : "";

	if (!strcmp(what, "down"))
		fake_engine_down(w->engine);
	else if (!strcmp(what, "up"))
		fake_engine_up(w->engine);
	else if (!strcmp(what, "ipv4"))
		fake_engine_ipv4(w->engine);
	else if (!strcmp(what, "refuses"))
		fake_engine_refuse(w->engine, -ENOSPC);
	else if (!strcmp(what, "obeys"))
		fake_engine_refuse(w->engine, 0);
	else if (!strcmp(what, "delay") && s->n_words > 2 && script_ms(s->word[2]) >= 0)
		fake_engine_delay(w->engine, (uint32_t)script_ms(s->word[2]));
	else
		world_fail(w, "engine down, up, ipv4, refuses, obeys, delay TIME");
}

/* "stranger NAME NETWORK ADDRESS": somebody that is no trunk. */
static void verb_stranger(struct world *w, const struct step *s)
{
	struct addr a;

	if (s->n_words != 4 || addr_parse(str_of(s->word[3]), &a))
		world_fail(w, "stranger NAME NETWORK ADDRESS");
	a.port = 5060;
	for (unsigned i = 0; i < w->conf->n_networks; i++) {
		if (!strcmp(w->conf->networks[i].name, s->word[2])) {
			actor_new(w, s->word[1], i, &a, NULL);
			return;
		}
	}
	world_fail(w, "no network is called %s", s->word[2]);
}

static void verb_drain(struct world *w, const struct step *s)
{
	(void)s;
	calls_drain(w->calls);
}

/* "moves ACTOR PORT": its messages come from another port from now on. */
static void verb_moves(struct world *w, const struct step *s)
{
	struct actor *a = actor_find(w, s->n_words > 2 ? s->word[1] : "");
	uint32_t port;

	if (str_u32(str_of(s->word[2]), 65535, &port))
		world_fail(w, "moves ACTOR PORT");
	a->addr.port = (uint16_t)port;
}

static void verb_mirror(struct world *w, const struct step *s)
{
	actor_find(w, s->n_words > 1 ? s->word[1] : "")->mirror = true;
}

static const struct {
	const char *name;
	void (*run)(struct world *w, const struct step *s);
} verbs[] = {
	{ "wait", verb_wait },         { "drop", verb_drop },     { "engine", verb_engine },
	{ "stranger", verb_stranger }, { "expect", expect },      { "drain", verb_drain },
	{ "moves", verb_moves },       { "mirror", verb_mirror },
};

static void run_verb(struct world *w, const struct step *s)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (s->n_words && !strcmp(s->word[0], verbs[i].name)) {
			if (verbs[i].run != expect)
				wire_heal(w);
			verbs[i].run(w, s);
			return;
		}
	}
	world_fail(w, "this is no step of a scenario");
}

/* Messages are judged as they are taken or left over, not inside the core's send. */
void world_check_arrivals(struct world *w)
{
	for (struct actor *a = w->actors; a; a = a->next) {
		for (struct rx *r = a->inbox; r; r = r->next) {
			if (!r->core.call_id.p)
				check_message(w, a, r);
		}
	}
	if (w->foul)
		world_fail(w, "%s", w->foul);
}

void world_run(struct world *w)
{
	for (w->step = w->script->steps; w->step; w->step = w->step->next) {
		switch (w->step->kind) {
		case STEP_SEND:
			actor_send(w, w->step);
			break;
		case STEP_RECEIVE:
			actor_receive(w, w->step);
			break;
		case STEP_RTP:
			rtp_step(w, w->step);
			break;
		case STEP_DTMF:
			dtmf_step(w, w->step);
			break;
		case STEP_HEARS:
			hears_step(w, w->step);
			break;
		case STEP_VERB:
			run_verb(w, w->step);
			break;
		}
		world_check_arrivals(w);
	}
}

static void want_zero(struct world *w, const char *what, uint64_t n)
{
	if (n)
		world_fail(w, "%llu %s left at the end", (unsigned long long)n, what);
}

/* 64*T1 for transactions and dialogs, 30 s for ports, and a little more. */
#define LINGER_MS 75000

/* What may be missing may be left over as well. */
static void forget_progress(struct world *w)
{
	world_check_arrivals(w);
	for (struct actor *a = w->actors; a; a = a->next) {
		struct rx **p = &a->inbox;

		while (*p) {
			if (hear_is_progress(NULL, *p))
				*p = (*p)->next;
			else
				p = &(*p)->next;
		}
		a->inbox_end = p;
	}
}

void world_end(struct world *w)
{
	if (!wire_is_lossy(w))
		expect_silence(w);
	loop_advance(w->loop, wire_is_lossy(w) ? LINGER_MS + REPAIR_MS : LINGER_MS);
	if (wire_is_lossy(w))
		forget_progress(w);
	expect_silence(w);
	world_check_arrivals(w);
	if (w->monitors)
		oa_end(w);
	want_zero(w, "calls", calls_count(w->calls));
	want_zero(w, "transactions", world_counter(w, "transactions"));
	want_zero(w, "dialogs", world_counter(w, "dialogs"));
	want_zero(w, "flows", fake_engine_flows(w->engine));
	want_zero(w, "ports", ports_used(w, true));
	want_zero(w, "ports that were wrong", media_ports_audit(w->media));
	want_zero(w, "unexpected events", world_counter(w, "calls_no_row"));
	for (unsigned i = 0; i < w->conf->n_trunks; i++)
		want_zero(w, "places on a trunk", call_limits_trunk(w->limits, i));
	calls_free(w->calls);
	w->calls = NULL;
	sip_free(w->sip);
	w->sip = NULL;
	trunks_free(w->trunks);
	w->trunks = NULL;
	media_shard_free(w->media);
	w->media = NULL;
	fake_engine_free(w->engine);
	w->engine = NULL;
	want_zero(w, "timers", loop_next(w->loop) != UINT64_MAX);
}
