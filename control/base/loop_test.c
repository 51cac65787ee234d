/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/test.h"
#include "base/loop.h"

struct order {
	struct loop *loop;
	char text[32];
	size_t n;
};

static void add(struct order *o, char c)
{
	if (o->n < sizeof(o->text) - 1)
		o->text[o->n++] = c;
}

static void fire_t(void *arg)
{
	add(arg, 't');
}

static void run_d(void *arg)
{
	add(arg, 'd');
}

/* ---- the real loop ---- */

struct end {
	struct loop_fd fd;
	struct order *order;
	struct loop_task *task;
	struct end *victim;
};

static void on_ready(void *arg, uint32_t events)
{
	struct end *e = arg;
	char c;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(e->fd.fd, &c, 1), 1);
	add(e->order, c);
	if (e->task)
		loop_defer(e->order->loop, e->task);
	if (e->victim) {
		loop_fd_del(e->order->loop, &e->victim->fd);
		memset(e->victim, 0xff, sizeof(*e->victim));
		e->victim = NULL;
	}
}

static void make_end(struct end *e, struct order *o, int fd)
{
	*e = (struct end){ .order = o };
	e->fd = (struct loop_fd){ .fd = fd, .events = EPOLLIN, .ready = on_ready, .arg = e };
	assert_int_equal(loop_fd_add(o->loop, &e->fd), 0);
}

static void a_round_has_an_order(void **state)
{
	struct order o = { .loop = loop_new() };
	struct loop_task task = { .run = run_d, .arg = &o };
	struct timer t;
	struct end e;
	int sv[2];

	assert_non_null(o.loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	make_end(&e, &o, sv[0]);
	e.task = &task;
	timer_init(&t, fire_t, &o);
	timer_start(o.loop, &t, 0);
	assert_int_equal(write(sv[1], "f", 1), 1);
	assert_int_equal(loop_once(o.loop, 1000), 0);
	assert_string_equal(o.text, "tfd");
	assert_false(task.queued);
	assert_int_equal(loop_once(o.loop, 0), 0);
	assert_string_equal(o.text, "tfd");
	loop_fd_del(o.loop, &e.fd);
	assert_int_equal(write(sv[1], "g", 1), 1);
	assert_int_equal(loop_once(o.loop, 0), 0);
	assert_string_equal(o.text, "tfd");
	close(sv[0]);
	close(sv[1]);
	loop_free(o.loop);
}

static void changes_events(void **state)
{
	struct order o = { .loop = loop_new() };
	struct end e;
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	make_end(&e, &o, sv[0]);
	assert_int_equal(write(sv[1], "ab", 2), 2);
	assert_int_equal(loop_fd_mod(o.loop, &e.fd, 0), 0);
	assert_int_equal(loop_once(o.loop, 0), 0);
	assert_int_equal(o.n, 0);
	assert_int_equal(loop_fd_mod(o.loop, &e.fd, EPOLLIN), 0);
	assert_int_equal(loop_once(o.loop, 1000), 0);
	assert_int_equal(loop_once(o.loop, 1000), 0); /* level-triggered: the second octet too */
	assert_string_equal(o.text, "ab");
	assert_int_equal(loop_fd_add(o.loop, &e.fd), -EEXIST);
	close(sv[0]);
	close(sv[1]);
	loop_free(o.loop);
}

/* Both are ready in one batch; the first to run removes and destroys the other. */
static void removal_inside_a_batch(void **state)
{
	struct order o = { .loop = loop_new() };
	struct end e[2];
	int a[2], b[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	make_end(&e[0], &o, a[0]);
	make_end(&e[1], &o, b[0]);
	e[0].victim = &e[1];
	e[1].victim = &e[0];
	assert_int_equal(write(a[1], "a", 1), 1);
	assert_int_equal(write(b[1], "b", 1), 1);
	assert_int_equal(loop_once(o.loop, 1000), 0);
	assert_int_equal(loop_once(o.loop, 0), 0);
	assert_int_equal(o.n, 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	loop_free(o.loop);
}

static uint64_t real_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void real_timers_are_never_early(void **state)
{
	struct order o = { .loop = loop_new() };
	struct timer t;

	timer_init(&t, fire_t, &o);
	for (unsigned ms = 1; ms <= 5; ms++) {
		uint64_t began;

		assert_int_equal(loop_once(o.loop, 0), 0);
		began = real_us();
		timer_start(o.loop, &t, ms);
		while (timer_is_set(&t)) /* not asleep, which would round up */
			assert_int_equal(loop_once(o.loop, 0), 0);
		assert_true(real_us() - began >= ms * 1000);
		timer_start(o.loop, &t, ms);
		assert_int_equal(loop_once(o.loop, -1), 0);
		assert_false(timer_is_set(&t));
	}
	assert_int_equal(o.n, 10);
	loop_free(o.loop);
}

static void *stopper(void *arg)
{
	usleep(2000);
	loop_stop(arg);
	return NULL;
}

static void stops_from_another_thread(void **state)
{
	struct loop *l = loop_new();
	pthread_t thread;

	for (int i = 0; i < 2; i++) { /* it can run again */
		assert_int_equal(pthread_create(&thread, NULL, stopper, l), 0);
		assert_int_equal(loop_run(l), 0);
		pthread_join(thread, NULL);
	}
	loop_stop(l);
	assert_int_equal(loop_run(l), 0);
	loop_free(l);
}

/* ---- tasks ---- */

struct renewed {
	struct loop_task task;
	struct order order;
};

static void run_again(void *arg)
{
	struct renewed *x = arg;

	add(&x->order, 'r');
	loop_defer(x->order.loop, &x->task);
}

static void a_task_renewed_waits_a_round(void **state)
{
	struct renewed x = { .task.run = run_again, .order.loop = loop_new() };

	x.task.arg = &x;
	loop_defer(x.order.loop, &x.task);
	loop_defer(x.order.loop, &x.task);
	assert_int_equal(loop_once(x.order.loop, -1), 0);
	assert_string_equal(x.order.text, "r");
	assert_int_equal(loop_once(x.order.loop, -1), 0); /* and does not let the loop sleep */
	assert_string_equal(x.order.text, "rr");
	loop_undefer(x.order.loop, &x.task);
	assert_int_equal(loop_once(x.order.loop, 0), 0);
	assert_string_equal(x.order.text, "rr");
	loop_free(x.order.loop);
}

static void cancelled_tasks_do_not_run(void **state)
{
	struct order o = { .loop = loop_new_virtual(1) };
	struct loop_task t[3];

	for (int i = 0; i < 3; i++) {
		t[i] = (struct loop_task){ .run = run_d, .arg = &o };
		loop_defer(o.loop, &t[i]);
	}
	loop_undefer(o.loop, &t[2]);
	loop_undefer(o.loop, &t[0]);
	loop_defer(o.loop, &t[2]);
	loop_advance(o.loop, 0);
	assert_string_equal(o.text, "dd"); /* 1 and 2 */
	loop_free(o.loop);
}

/* ---- the virtual loop ---- */

static void virtual_time(void **state)
{
	struct order o = { .loop = loop_new_virtual(1) };
	struct loop_fd fd = { .fd = 0 };
	struct timer t;

	assert_true(loop_now(o.loop) == 1000000);
	assert_true(loop_wall_us(o.loop) == 1767225600000000ull);
	assert_int_equal(loop_fd_add(o.loop, &fd), -ENOTSUP);
	assert_int_equal(loop_run(o.loop), -ENOTSUP);
	timer_init(&t, fire_t, &o);
	timer_start(o.loop, &t, 32000);
	assert_int_equal(loop_once(o.loop, 500), 0);
	assert_true(loop_now(o.loop) == 1000500);
	assert_int_equal(loop_once(o.loop, -1), 0);
	assert_true(loop_now(o.loop) == 1032000);
	assert_string_equal(o.text, "t");
	assert_int_equal(loop_once(o.loop, -1), 0);
	assert_true(loop_now(o.loop) == 1032000);
	assert_true(loop_wall_us(o.loop) == 1767225632000000ull);
	loop_free(o.loop);
}

struct worker {
	struct loop *loop;
	struct loop_task task;
	struct timer timer;
	unsigned runs;
	uint64_t fired_at;
};

static void work_3500_us(void *arg)
{
	struct worker *w = arg;
	uint64_t before = loop_clock_us(w->loop), now = loop_now(w->loop);

	loop_spend(w->loop, 3500);
	assert_true(loop_clock_us(w->loop) - before == 3500);
	assert_true(loop_now(w->loop) == now);
	if (++w->runs < 4)
		loop_defer(w->loop, &w->task);
}

static void note_time(void *arg)
{
	struct worker *w = arg;

	w->fired_at = loop_now(w->loop);
}

/* Four rounds of 3.5 ms: a timer of 5 ms has to wait for the end of the second. */
static void virtual_work_takes_time(void **state)
{
	struct worker w = { .loop = loop_new_virtual(1) };

	w.task = (struct loop_task){ .run = work_3500_us, .arg = &w };
	timer_init(&w.timer, note_time, &w);
	timer_start(w.loop, &w.timer, 5);
	loop_defer(w.loop, &w.task);
	loop_advance(w.loop, 100);
	assert_int_equal(w.runs, 4);
	assert_int_equal(w.fired_at, 1000007);
	assert_true(loop_now(w.loop) == 1000100);
	assert_true(loop_clock_us(w.loop) >= 1000100000ull);
	/* What is longer than the step ends after it. */
	w.runs = 3;
	loop_defer(w.loop, &w.task);
	loop_advance(w.loop, 1);
	assert_true(loop_now(w.loop) == 1000103);
	loop_free(w.loop);
}

static void real_clock_goes_on(void **state)
{
	struct loop *l = loop_new();
	uint64_t start = loop_clock_us(l), now = loop_now(l);

	while (loop_clock_us(l) - start < 3000)
		;
	assert_true(loop_now(l) == now); /* cached */
	start = loop_work_us(l);
	usleep(20000);
	assert_true(loop_work_us(l) - start < 10000); /* to sleep is no work */
	loop_free(l);
}

static void a_seed_repeats(void **state)
{
	struct loop *a = loop_new_virtual(7), *b = loop_new_virtual(7), *c = loop_new_virtual(8);
	unsigned char x[700], y[700], z[700];

	loop_random(a, x, sizeof(x));
	for (size_t i = 0; i < sizeof(y); i += 7) /* the pieces do not matter */
		loop_random(b, y + i, 7);
	loop_random(c, z, sizeof(z));
	assert_memory_equal(x, y, sizeof(x));
	assert_memory_not_equal(x, z, sizeof(x));
	assert_memory_not_equal(x, x + 350, 16);
	loop_free(a);
	loop_free(b);
	loop_free(c);
}

static void random_below(void **state)
{
	struct loop *l = loop_new_virtual(3), *r = loop_new();
	unsigned seen[6] = { 0 };
	unsigned char x[1024], zero[1024] = { 0 };

	for (int i = 0; i < 6000; i++)
		seen[loop_random_u32(l, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 850, 1150);
	assert_int_equal(loop_random_u32(l, 1), 0);
	loop_random(r, x, sizeof(x));
	for (size_t i = 0; i + 16 <= sizeof(x); i += 16)
		assert_memory_not_equal(x + i, zero, 16);
	loop_free(l);
	loop_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_has_an_order),
		cmocka_unit_test(changes_events),
		cmocka_unit_test(removal_inside_a_batch),
		cmocka_unit_test(real_timers_are_never_early),
		cmocka_unit_test(stops_from_another_thread),
		cmocka_unit_test(a_task_renewed_waits_a_round),
		cmocka_unit_test(cancelled_tasks_do_not_run),
		cmocka_unit_test(virtual_time),
		cmocka_unit_test(virtual_work_takes_time),
		cmocka_unit_test(real_clock_goes_on),
		cmocka_unit_test(a_seed_repeats),
		cmocka_unit_test(random_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
