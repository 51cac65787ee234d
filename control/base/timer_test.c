/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/test.h"
#include "timer_priv.h"

#define N     400
#define START 1000000u

/* ---- the wheel against a model that looks at every timer ---- */

struct world;

struct item {
	struct timer timer;
	struct world *world;
	bool set;
	uint64_t expiry;
};

struct world {
	struct loop *loop;
	struct item item[N];
	uint64_t seed, last, fired;
};

static uint64_t rnd(struct world *w, uint64_t below)
{
	w->seed = w->seed * 6364136223846793005ull + 1442695040888963407ull;
	return (w->seed >> 33) % below;
}

/* All sizes of delay: this millisecond, near ring, its edges, far ring, beyond the far ring. */
static uint64_t some_delay(struct world *w)
{
	static const uint64_t edge[] = { 65535,  65536,     65537,     131071,    131072,
					 131073, 268369919, 268435455, 268435456, 268500992 };

	switch (rnd(w, 7)) {
	case 0:
		return rnd(w, 4);
	case 1:
		return rnd(w, 1000);
	case 2:
		return rnd(w, 200000);
	case 3:
		return edge[rnd(w, sizeof(edge) / sizeof(edge[0]))];
	case 4:
		return rnd(w, 30000000);
	case 5:
		return rnd(w, 3000000000ull);
	default:
		return 32000;
	}
}

static void start_one(struct world *w, struct item *it)
{
	uint64_t ms = some_delay(w);

	timer_start(w->loop, &it->timer, ms);
	it->set = true;
	it->expiry = loop_now(w->loop) + ms;
}

static void stop_one(struct world *w, struct item *it)
{
	timer_stop(w->loop, &it->timer);
	it->set = false;
}

static void fired(void *arg)
{
	struct item *it = arg;
	struct world *w = it->world;

	assert_true(it->set);
	assert_false(timer_is_set(&it->timer));
	assert_true(loop_now(w->loop) == it->expiry);
	assert_true(loop_now(w->loop) >= w->last);
	w->last = loop_now(w->loop);
	w->fired++;
	it->set = false;
	if (rnd(w, 2))
		start_one(w, it);
	if (rnd(w, 4) == 0)
		stop_one(w, &w->item[rnd(w, N)]);
	if (rnd(w, 4) == 0)
		start_one(w, &w->item[rnd(w, N)]);
}

static uint64_t model_first(const struct world *w)
{
	uint64_t first = UINT64_MAX;

	for (int i = 0; i < N; i++)
		if (w->item[i].set && w->item[i].expiry < first)
			first = w->item[i].expiry;
	return first;
}

static void check(struct world *w)
{
	uint64_t first = model_first(w), now = loop_now(w->loop);

	for (int i = 0; i < N; i++) {
		assert_int_equal(timer_is_set(&w->item[i].timer), w->item[i].set);
		if (w->item[i].set) /* nothing is late */
			assert_true(w->item[i].expiry >= now);
	}
	assert_true(loop_next(w->loop) == (first == UINT64_MAX ? first : first - now));
}

static void agrees_with_a_model(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct world *w = calloc(1, sizeof(*w));

		w->seed = seed;
		w->loop = loop_new_virtual(seed);
		assert_true(loop_now(w->loop) == START);
		for (int i = 0; i < N; i++) {
			w->item[i].world = w;
			timer_init(&w->item[i].timer, fired, &w->item[i]);
		}
		for (int step = 0; step < 1500; step++) {
			struct item *it = &w->item[rnd(w, N)];

			if (rnd(w, 4))
				start_one(w, it);
			else
				stop_one(w, it);
			if (rnd(w, 3) == 0)
				loop_advance(w->loop, some_delay(w) % 5000000);
			if (step % 8 == 0)
				check(w);
		}
		loop_advance(w->loop, 100000000);
		check(w);
		assert_true(w->fired > 1000);
		loop_free(w->loop);
		free(w);
	}
}

/* ---- single rules ---- */

struct order {
	char text[16];
	size_t n;
};

struct named {
	struct timer timer;
	struct order *order;
	char name;
};

static void note(void *arg)
{
	struct named *n = arg;

	n->order->text[n->order->n++] = n->name;
}

static void one_millisecond_fires_in_order(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct order o = { 0 };
	struct named n[4];

	for (int i = 0; i < 4; i++) {
		n[i] = (struct named){ .order = &o, .name = (char)('a' + i) };
		timer_init(&n[i].timer, note, &n[i]);
		timer_start(l, &n[i].timer, 10);
	}
	timer_start(l, &n[1].timer, 10);
	loop_advance(l, 9);
	assert_int_equal(o.n, 0);
	loop_advance(l, 1);
	assert_string_equal(o.text, "acdb");
	loop_free(l);
}

struct killer {
	struct timer timer;
	struct loop *loop;
	struct timer *victim;
};

static void kill_other(void *arg)
{
	struct killer *k = arg;

	timer_stop(k->loop, k->victim);
	free(k->victim);
	free(k);
}

/* A callback stops and frees another timer of the same millisecond, and itself. */
static void may_free_inside(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct killer *k = malloc(sizeof(*k));
	struct order o = { 0 };
	struct named *victim = malloc(sizeof(*victim)), after = { .order = &o, .name = 'z' };

	*victim = (struct named){ .order = &o, .name = 'v' };
	*k = (struct killer){ .loop = l, .victim = &victim->timer };
	timer_init(&k->timer, kill_other, k);
	timer_init(&victim->timer, note, victim);
	timer_init(&after.timer, note, &after);
	timer_start(l, &k->timer, 5);
	timer_start(l, &victim->timer, 5);
	timer_start(l, &after.timer, 5);
	loop_advance(l, 5);
	assert_string_equal(o.text, "z");
	loop_free(l);
}

struct chain {
	struct timer timer;
	struct loop *loop;
	int left;
};

static void renew(void *arg)
{
	struct chain *c = arg;

	if (c->left-- > 1)
		timer_start(c->loop, &c->timer, 0);
}

/* 0 ms: not inside the round that asks, but without time passing; and it cannot stop the clock. */
static void zero_is_the_next_round(void **state)
{
	struct chain c = { .loop = loop_new_virtual(1), .left = 3 };

	timer_init(&c.timer, renew, &c);
	timer_start(c.loop, &c.timer, 0);
	assert_int_equal(c.left, 3);
	assert_true(loop_next(c.loop) == 0);
	loop_advance(c.loop, 0);
	assert_int_equal(c.left, 0);
	assert_true(loop_now(c.loop) == START);
	c.left = 1 << 30;
	timer_start(c.loop, &c.timer, 0);
	loop_advance(c.loop, 5);
	assert_true(loop_now(c.loop) == START + 5);
	loop_free(c.loop);
}

static void far_beyond_everything(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct order o = { 0 };
	struct named n = { .order = &o, .name = 'x' };
	uint64_t year = 365ull * 86400 * 1000;

	timer_init(&n.timer, note, &n);
	timer_start(l, &n.timer, UINT64_MAX);
	assert_true(timer_is_set(&n.timer));
	timer_start(l, &n.timer, year);
	assert_true(loop_next(l) == year);
	loop_advance(l, year - 1);
	assert_int_equal(o.n, 0);
	loop_advance(l, 1);
	assert_int_equal(o.n, 1);
	assert_true(loop_next(l) == UINT64_MAX);
	timer_stop(l, &n.timer);
	loop_free(l);
}

/* ---- a million timers: what one step of the wheel may cost ---- */

#define MANY 1000000

static void count_fire(void *arg)
{
	++*(unsigned *)arg;
}

static uint64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* In eight far periods, so that a slot that moved as a whole would show as a slow step eight times.
 */
static void no_step_stalls(void **state)
{
	struct timer *t = calloc(MANY, sizeof(*t));
	struct wheel *w = wheel_new(0);
	unsigned fires = 0, slow = 0;
	uint64_t now = 0;

	for (unsigned i = 0; i < MANY; i++) {
		timer_init(&t[i], count_fire, &fires);
		wheel_add(w, &t[i], (3 + i % 8) * 65536 + i % 10000);
	}
	while (fires < MANY) {
		uint64_t began, next = wheel_bound(w);

		now = next > now ? next : now + 1;
		began = cpu_us();
		wheel_advance(w, now);
		slow += cpu_us() - began > 1000;
	}
	assert_true(now < 11 * 65536);
	assert_true(slow <= 3); /* page faults and the like of a busy machine */
	wheel_free(w);
	free(t);
}

/* A thread that was held up for minutes: nothing is lost, nothing fires out of order. */
static void a_long_sleep_loses_nothing(void **state)
{
	struct wheel *w = wheel_new(0);
	struct timer t[5000];
	unsigned fires = 0;

	for (unsigned i = 0; i < 5000; i++) {
		timer_init(&t[i], count_fire, &fires);
		wheel_add(w, &t[i], 2 * 65536 + i);
	}
	wheel_advance(w, 2 * 65536 - 1);
	assert_int_equal(fires, 0);
	wheel_advance(w, 2 * 65536 + 999);
	assert_int_equal(fires, 1000);
	wheel_advance(w, 20 * 65536);
	assert_int_equal(fires, 5000);
	wheel_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(one_millisecond_fires_in_order),
		cmocka_unit_test(may_free_inside),
		cmocka_unit_test(zero_is_the_next_round),
		cmocka_unit_test(far_beyond_everything),
		cmocka_unit_test(no_step_stalls),
		cmocka_unit_test(a_long_sleep_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
