/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "base/pace.h"
#include "loop_priv.h"
#include "timer_priv.h"

#define BATCH              64
#define RANDOM_OCTETS      8192 /* a call takes some 400: tags, branches, Call-IDs, ports */
#define VIRTUAL_START_MS   1000000u
#define VIRTUAL_EPOCH_US   1767225600000000ull /* 2026-01-01 00:00:00 UTC */
#define ROUNDS_AT_ONE_TIME 1000

struct loop {
	uint64_t now;
	struct wheel *wheel;
	struct pace pace;
	bool is_virtual;
	uint64_t seed;
	uint64_t spent_us; /* virtual: by the callbacks of this round */
	/* Tasks of this round, and those being run (what they defer waits for the next round). */
	struct loop_task *head, **tail, *running;
	/* The descriptors of the batch in hand: a removed one is taken out of it. */
	struct epoll_event batch[BATCH];
	int in_batch;
	int epoll_fd, stop_fd;
	/* Set from any thread or signal handler. */
	atomic_bool stop;
	size_t random_left;
	unsigned char random[RANDOM_OCTETS];
};

static uint64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t real_ms(void)
{
	return real_ns() / 1000000;
}

static struct loop *new_at(uint64_t now)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->now = now;
	l->tail = &l->head;
	l->epoll_fd = l->stop_fd = -1;
	l->wheel = wheel_new(now);
	if (!l->wheel) {
		free(l);
		return NULL;
	}
	return l;
}

struct loop *loop_new_virtual(uint64_t seed)
{
	struct loop *l = new_at(VIRTUAL_START_MS);

	if (l) {
		l->is_virtual = true;
		l->seed = seed;
	}
	return l;
}

struct loop *loop_new(void)
{
	struct epoll_event stop = { .events = EPOLLIN, .data.ptr = NULL };
	struct loop *l = new_at(real_ms());
	int saved;

	if (!l)
		return NULL;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd >= 0 && l->stop_fd >= 0 &&
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->stop_fd, &stop) == 0)
		return l;
	saved = errno;
	loop_free(l);
	errno = saved;
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->stop_fd >= 0)
		close(l->stop_fd);
	wheel_free(l->wheel);
	explicit_bzero(l->random, sizeof(l->random));
	free(l);
}

bool loop_is_virtual(const struct loop *l)
{
	return l->is_virtual;
}

/* ---- time and randomness ---- */

uint64_t loop_now(const struct loop *l)
{
	return l->now;
}

uint64_t loop_wall_us(const struct loop *l)
{
	struct timespec ts;

	if (l->is_virtual)
		return VIRTUAL_EPOCH_US + (l->now - VIRTUAL_START_MS) * 1000;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t clock_us(const struct loop *l, clockid_t clock)
{
	struct timespec ts;

	if (l->is_virtual)
		return l->now * 1000 + l->spent_us;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t loop_clock_us(const struct loop *l)
{
	return clock_us(l, CLOCK_MONOTONIC);
}

uint64_t loop_work_us(const struct loop *l)
{
	return clock_us(l, CLOCK_THREAD_CPUTIME_ID);
}

void loop_spend(struct loop *l, uint64_t us)
{
	if (l->is_virtual)
		l->spent_us += us;
}

/* splitmix64 */
static uint64_t seeded(struct loop *l)
{
	uint64_t z = l->seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void refill(struct loop *l)
{
	size_t have = 0;

	if (l->is_virtual) {
		for (; have < sizeof(l->random); have += 8) {
			uint64_t v = seeded(l);

			memcpy(l->random + have, &v, 8);
		}
	}
	while (have < sizeof(l->random)) {
		ssize_t n = getrandom(l->random + have, sizeof(l->random) - have, 0);

		if (n > 0)
			have += (size_t)n;
		else if (errno != EINTR)
			abort(); /* no kernel without it runs us; guessable tags are worse than none
				  */
	}
	l->random_left = sizeof(l->random);
}

void loop_random(struct loop *l, void *out, size_t n)
{
	unsigned char *p = out;

	while (n) {
		size_t part;
		unsigned char *from;

		if (!l->random_left)
			refill(l);
		part = n < l->random_left ? n : l->random_left;
		from = l->random + sizeof(l->random) - l->random_left;
		memcpy(p, from, part);
		explicit_bzero(from, part); /* what was given out may be a key */
		l->random_left -= part;
		p += part;
		n -= part;
	}
}

uint32_t loop_random_u32(struct loop *l, uint32_t below)
{
	uint32_t reject = -below % below, v;

	do
		loop_random(l, &v, sizeof(v));
	while (v < reject);
	return v % below;
}

/* ---- timers ---- */

void timer_start(struct loop *l, struct timer *t, uint64_t ms)
{
	/* The real clock is cut to whole ms: one more keeps the promise "never early". */
	uint64_t start = l->now + (l->is_virtual ? 0 : 1), expiry;

	if (!ms) {
		wheel_add_due(l->wheel, t);
		return;
	}
	if (__builtin_add_overflow(start, ms, &expiry))
		expiry = UINT64_MAX;
	wheel_add(l->wheel, t, expiry);
}

void timer_stop(struct loop *l, struct timer *t)
{
	wheel_del(l->wheel, t);
}

/* ---- tasks ---- */

void loop_defer(struct loop *l, struct loop_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	*l->tail = t;
	l->tail = &t->next;
}

static bool task_unlink(struct loop_task **p, const struct loop_task *t)
{
	for (; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			return true;
		}
	}
	return false;
}

void loop_undefer(struct loop *l, struct loop_task *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	if (task_unlink(&l->running, t) || !task_unlink(&l->head, t))
		return;
	l->tail = &l->head;
	while (*l->tail)
		l->tail = &(*l->tail)->next;
}

static void run_tasks(struct loop *l)
{
	struct loop_task *t;

	l->running = l->head;
	l->head = NULL;
	l->tail = &l->head;
	while ((t = l->running)) {
		l->running = t->next;
		t->queued = false;
		t->run(t->arg);
	}
}

/* ---- descriptors ---- */

int loop_fd_add(struct loop *l, struct loop_fd *f)
{
	struct epoll_event e = { .events = f->events, .data.ptr = f };

	if (l->is_virtual)
		return -ENOTSUP;
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, f->fd, &e) < 0 ? -errno : 0;
}

int loop_fd_mod(struct loop *l, struct loop_fd *f, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = f };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, f->fd, &e) < 0)
		return -errno;
	f->events = events;
	return 0;
}

void loop_fd_del(struct loop *l, struct loop_fd *f)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
	for (int i = 0; i < l->in_batch; i++)
		if (l->batch[i].data.ptr == f)
			l->batch[i].events = 0;
}

static void dispatch(struct loop *l, int n)
{
	l->in_batch = n;
	for (int i = 0; i < n; i++) {
		struct loop_fd *f = l->batch[i].data.ptr;
		uint64_t ignored;

		if (!l->batch[i].events)
			continue;
		if (f)
			f->ready(f->arg, l->batch[i].events);
		else if (read(l->stop_fd, &ignored, sizeof(ignored)) < 0)
			continue; /* already read: only the flag counts */
	}
	l->in_batch = 0;
}

/* ---- rounds ---- */

static int wait_ms(const struct loop *l, int ms)
{
	uint64_t bound = wheel_bound(l->wheel), real = real_ms(), left;

	if (l->head)
		return 0;
	if (bound == UINT64_MAX)
		return ms;
	left = bound > real ? bound - real : 0;
	if (left > INT_MAX)
		left = INT_MAX;
	return ms < 0 || left < (uint64_t)ms ? (int)left : ms;
}

/* Virtual: until nothing is due, or the end is reached. A timer or task that renews itself without end
 * does not stop the clock. */
static void settle(struct loop *l, uint64_t end)
{
	for (int i = 0; i < ROUNDS_AT_ONE_TIME; i++) {
		wheel_advance(l->wheel, l->now);
		run_tasks(l);
		if (l->spent_us >= 1000) {
			l->now += l->spent_us / 1000;
			l->spent_us %= 1000;
			if (l->now >= end)
				return;
			i = 0;
		} else if (!l->head && wheel_bound(l->wheel) > l->now) {
			return;
		}
	}
}

void loop_advance(struct loop *l, uint64_t ms)
{
	uint64_t end = l->now + ms;

	if (!l->is_virtual)
		return;
	settle(l, end);
	while (l->now < end) {
		uint64_t next = wheel_bound(l->wheel);

		if (next <= l->now) /* only where settle() gave up */
			next = l->now + 1;
		l->now = next < end ? next : end;
		settle(l, end);
	}
}

uint64_t loop_next(const struct loop *l)
{
	uint64_t first = wheel_first(l->wheel);

	if (l->head)
		return 0;
	if (first == UINT64_MAX)
		return UINT64_MAX;
	return first > l->now ? first - l->now : 0;
}

void loop_pace(struct loop *l, uint32_t pause_us)
{
	l->pace.pause_ns = pause_us * 1000;
}

/* Not while a task waits: it was put off so that the descriptors get their turn, not to sleep. */
static void pause_if_paced(struct loop *l)
{
	uint64_t ns = l->pace.pause_ns && !l->head ? pace_next(&l->pace, real_ns()) : 0;
	struct timespec ts = { .tv_nsec = (long)ns };

	if (ns)
		nanosleep(&ts, NULL);
}

int loop_once(struct loop *l, int ms)
{
	uint64_t ns;
	int n;

	if (l->is_virtual) {
		uint64_t next = loop_next(l);

		if (ms >= 0 && next > (uint64_t)ms)
			next = (uint64_t)ms;
		if (next != UINT64_MAX)
			loop_advance(l, next);
		return 0;
	}
	pause_if_paced(l);
	n = epoll_wait(l->epoll_fd, l->batch, BATCH, wait_ms(l, ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	ns = real_ns();
	l->now = ns / 1000000;
	pace_woke(&l->pace, ns);
	wheel_advance(l->wheel, l->now);
	dispatch(l, n > 0 ? n : 0);
	run_tasks(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int rc = 0;

	if (l->is_virtual)
		return -ENOTSUP;
	while (!rc && !atomic_exchange(&l->stop, false))
		rc = loop_once(l, -1);
	return rc;
}

void loop_stop(struct loop *l)
{
	uint64_t one = 1;
	int saved = errno;

	atomic_store(&l->stop, true);
	/* It fails only where it was called 2^64 times before: then the loop is awake anyway. */
	if (l->stop_fd >= 0 && write(l->stop_fd, &one, sizeof(one)) < 0)
		errno = saved;
}
