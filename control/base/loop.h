/* SPDX-License-Identifier: Apache-2.0 */
/* One thread's event loop: descriptors (epoll), timers (hierarchical wheel, 1 ms), tasks for the
 * end of a round, and the only source of time and randomness for the code on it.
 *
 * A virtual loop has no descriptors and its time moves only by loop_advance(); its randomness is a
 * seeded generator. So a 32 s timer costs a test nothing, and a failing run can be repeated.
 *
 * Nothing here is thread-safe except loop_stop(). */
#ifndef SLUICE_BASE_LOOP_H
#define SLUICE_BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct loop *loop_new(void);                  /* NULL with errno set */
struct loop *loop_new_virtual(uint64_t seed); /* starts at time 1,000,000 ms */
void loop_free(struct loop *l);

/* Milliseconds, monotonic; cached for the round, so that all of one round sees one time. */
uint64_t loop_now(const struct loop *l);
/* Microseconds since 1970 (CLOCK_REALTIME); on a virtual loop derived from its own time. */
uint64_t loop_wall_us(const struct loop *l);
/* Microseconds, monotonic, read now and not cached: to see how long work takes. On a virtual loop its own
 * time and what loop_spend() added. */
uint64_t loop_clock_us(const struct loop *l);
/* Microseconds that this thread has worked: as above, but it stands still while others have the processor. */
uint64_t loop_work_us(const struct loop *l);
/* Virtual loop: the callback that runs takes this long. loop_clock_us() moves at once, loop_now() and the
 * timers when the round is over, as on a real loop. */
void loop_spend(struct loop *l, uint64_t us);
/* Real loop: getrandom(2) through a buffer. Never fails. */
void loop_random(struct loop *l, void *out, size_t n);
uint32_t loop_random_u32(struct loop *l, uint32_t below); /* uniform in [0, below), below > 0 */

/* Real loop: under load, rounds are at least so far apart (see pace.h); 0, as it begins: never. */
void loop_pace(struct loop *l, uint32_t pause_us);
/* Runs until loop_stop(). Rounds: wait, timers, descriptors, tasks. 0, or -errno of epoll. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l); /* from any thread or a signal handler */
/* One round, waiting at most `ms` (-1: until something happens). For tests and tools. */
int loop_once(struct loop *l, int ms); /* virtual: moves to the next timer, at most `ms` on */
/* Virtual loop: moves time on by `ms`, each timer fires at its own millisecond, then the tasks. Where
 * callbacks spend time, timers are late by it, and the last round may end later than `ms`. */
void loop_advance(struct loop *l, uint64_t ms);
/* Virtual loop: milliseconds to the earliest timer, or UINT64_MAX where none is set. */
uint64_t loop_next(const struct loop *l);

/* ---- timers: embedded in their owner; zero-initialised is "stopped" ---- */
struct timer {
	struct timer *next;
	struct timer **pprev; /* NULL: not set */
	uint64_t expiry;      /* ms on the loop's clock */
	void (*fire)(void *arg);
	void *arg;
};

static inline void timer_init(struct timer *t, void (*fire)(void *arg), void *arg)
{
	*t = (struct timer){ .fire = fire, .arg = arg };
}

static inline bool timer_is_set(const struct timer *t)
{
	return t->pprev != NULL;
}

/* (Re)starts. Fires once, never early, at most 1 ms late plus the time other callbacks take. `ms`
 * counts from loop_now(); 0 fires in the next round. Timers of one millisecond fire in the order of
 * their start, as a rule. The owner may free or restart the timer inside fire(). */
void timer_start(struct loop *l, struct timer *t, uint64_t ms);
void timer_stop(struct loop *l, struct timer *t); /* nothing happens when it is not set */

/* ---- descriptors ---- */
struct loop_fd {
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT */
	void (*ready)(void *arg, uint32_t events);
	void *arg;
};

/* Level-triggered. The caller owns the descriptor and the struct, and removes before closing. A
 * descriptor may be removed (and its struct freed) inside any callback. 0 or -errno. */
int loop_fd_add(struct loop *l, struct loop_fd *f);
int loop_fd_mod(struct loop *l, struct loop_fd *f, uint32_t events);
void loop_fd_del(struct loop *l, struct loop_fd *f);

/* ---- tasks: run once at the end of the round, to send in one go what it produced ---- */
struct loop_task {
	struct loop_task *next;
	void (*run)(void *arg);
	void *arg;
	bool queued;
};

void loop_defer(struct loop *l, struct loop_task *t);   /* no change when it is queued already */
void loop_undefer(struct loop *l, struct loop_task *t); /* the owner goes away before it has run */

#endif
