/* SPDX-License-Identifier: Apache-2.0 */
/* One seed from its beginning to the end, and what must hold then. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "random.h"
#include "border.h"
#include "sip/core_priv.h"

unsigned long long game_ms(const struct game *g)
{
	return loop_now(g->loop) - 1000000;
}

void game_fail(struct game *g, const char *fmt, ...)
{
	va_list ap;

	if (g->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
	if (g->rules.verbose)
		printf("# %9llu ms  FAILED: %s\n", game_ms(g), g->why);
}

bool game_without(const struct game *g, enum without what)
{
	return g->rules.without & what;
}

bool game_acts(struct game *g)
{
	if (g->actions >= g->rules.max_actions)
		return false;
	g->actions++;
	world_look(g->w); /* somebody asks */
	return true;
}

/* ---- what happens besides ---- */

static void fire_call(void *arg)
{
	struct game *g = arg;

	if (g->stopped)
		return;
	phone_call(&g->phone[dice_below(&g->dice, g->n_phones)]);
	if (--g->terms.calls)
		timer_start(g->loop, &g->next_call, dice_below(&g->dice, g->terms.play_ms));
}

static void fire_trouble(void *arg)
{
	struct game *g = arg;

	fake_engine_refuse(g->w->engine, 0);
	fake_engine_delay(g->w->engine, 1);
	fake_engine_up(g->w->engine);
	if (g->stopped)
		return;
	switch (dice_below(&g->dice, 4)) {
	case 0:
		fake_engine_refuse(g->w->engine, -ENOSPC);
		break;
	case 1:
		fake_engine_delay(g->w->engine, dice_below(&g->dice, 3000));
		break;
	case 2:
		fake_engine_down(g->w->engine);
		break;
	default:
		break;
	}
	timer_start(g->loop, &g->trouble, dice_below(&g->dice, 10000));
}

static void fire_death(void *arg)
{
	struct game *g = arg;

	g->phone[dice_below(&g->dice, g->n_phones)].dead = true;
}

static void fire_drain(void *arg)
{
	struct game *g = arg;

	calls_drain(g->w->calls);
}

/* ---- building ---- */

static void place_phone(struct game *g, const char *name, const char *network, const char *ip)
{
	struct phone *p = &g->phone[g->n_phones++];
	const struct conf *c = g->w->conf;

	p->name = name;
	addr_parse(str_of(ip), &p->addr);
	p->addr.port = 5060;
	for (unsigned i = 0; i < c->n_networks; i++) {
		if (strcmp(c->networks[i].name, network))
			continue;
		p->network = i;
		p->sluice = c->networks[i].address;
		p->sluice.port = 5060;
	}
	phone_init(g, p);
}

static void place_phones(struct game *g)
{
	place_phone(g, "carrier", "outside", "203.0.113.80");
	if (g->rules.direct) {
		place_phone(g, "pbx", "outside", "203.0.113.81");
		g->phone[0].sluice = g->phone[1].addr;
		g->phone[1].sluice = g->phone[0].addr;
		g->terms.forks = false;
		return;
	}
	place_phone(g, "mobile", "outside", "203.0.113.81");
	place_phone(g, "pbx", "inside", "10.0.0.20");
	place_phone(g, "desk", "inside", "10.0.0.30");
}

static bool begin(struct game *g)
{
	terms_roll(&g->terms, &g->dice);
	g->terms.forks &= !game_without(g, WITHOUT_FORKS);
	g->terms.engine_trouble &= !game_without(g, WITHOUT_ENGINE);
	g->script = (struct script){ .file = "random", .conf = g->terms.conf };
	g->w = world_new(&g->script, NULL, false);
	if (!g->w)
		return false;
	g->loop = g->w->loop;
	g->w->sip->io = (struct sip_io){ net_from_shard, g };
	place_phones(g);
	timer_init(&g->next_call, fire_call, g);
	timer_init(&g->trouble, fire_trouble, g);
	timer_init(&g->death, fire_death, g);
	timer_init(&g->drain, fire_drain, g);
	timer_start(g->loop, &g->next_call, 10);
	if (g->terms.engine_trouble)
		timer_start(g->loop, &g->trouble, dice_below(&g->dice, 10000));
	if (g->terms.drain)
		timer_start(g->loop, &g->drain, dice_below(&g->dice, g->terms.play_ms));
	if (g->terms.dead)
		timer_start(g->loop, &g->death, dice_below(&g->dice, g->terms.play_ms));
	return true;
}

/* ---- the end ---- */

static void look(void *arg, const char *name, uint64_t v)
{
	uint64_t *left = arg;

	if (!strcmp(name, "transactions") || !strcmp(name, "dialogs"))
		*left += v;
}

static void check_phones(struct game *g)
{
	for (unsigned i = 0; i < g->n_phones; i++) {
		uint64_t left = 0;

		sip_counters(g->phone[i].sip, look, &left);
		if (left)
			game_fail(g, "%s has %llu transactions and dialogs left", g->phone[i].name,
				  (unsigned long long)left);
	}
}

/* A line for each call that ends, and nothing that is not expected. */
static void check_log(struct game *g, uint64_t *ended)
{
	static char mem[1 << 20];
	ssize_t n = pread(g->w->log_fd, mem, sizeof(mem), 0);
	struct str rest = { mem, n > 0 ? (size_t)n : 0 }, line;

	while (str_line(&rest, &line)) {
		if (memmem(line.p, line.n, ", talked ", 9))
			++*ended;
		if (memmem(line.p, line.n, "not expected", 12))
			game_fail(g, "%.*s", STR_FMT(line));
		if (g->rules.verbose)
			printf("# log: %.*s\n", STR_FMT(line));
	}
}

/* The world's own checks fail by longjmp(). */
static void end_world(struct game *g)
{
	if (setjmp(g->w->failed))
		game_fail(g, "%s", g->w->why);
	else
		world_end(g->w);
}

static void check_world(struct game *g, struct totals *t)
{
	uint64_t ended = 0, started = world_counter(g->w, "calls_started");

	t->calls += started;
	t->answered += world_counter(g->w, "calls_answered");
	end_world(g);
	check_log(g, &ended);
	if (ended < started)
		game_fail(g, "%llu calls began, %llu ended", (unsigned long long)started,
			  (unsigned long long)ended);
}

static void stop(struct game *g)
{
	g->stopped = true;
	timer_stop(g->loop, &g->next_call);
	timer_stop(g->loop, &g->death);
	for (unsigned i = 0; i < g->n_phones; i++)
		phone_stop(&g->phone[i]);
}

bool game_play(uint64_t seed, const struct rules *r, struct totals *t)
{
	struct game *g = calloc(1, sizeof(*g));
	bool ok;

	if (!g)
		abort();
	*g = (struct game){ .seed = seed, .rules = *r };
	g->dice.state = seed * 0x2545f4914f6cdd1dull;
	if (!begin(g))
		abort();
	if (r->verbose)
		printf("# loss %u%%, twice %u%%, delay %u+%u ms, laggards %u%%, %u ms\n%s\n",
		       g->terms.loss, g->terms.copies, g->terms.delay_ms, g->terms.jitter_ms,
		       g->terms.laggards, g->terms.play_ms, g->terms.conf);
	loop_advance(g->loop, g->terms.play_ms);
	stop(g);
	loop_advance(g->loop, g->terms.patience_ms);
	check_phones(g);
	border_end(g);
	g->over = true;
	for (unsigned i = 0; i < g->n_phones; i++)
		phone_free(&g->phone[i]);
	net_free(g);
	check_world(g, t);
	t->actions += g->actions;
	ok = !g->why[0];
	if (!ok)
		printf("# seed %llu: %s\n", (unsigned long long)seed, g->why);
	world_free(g->w);
	free(g);
	return ok;
}
