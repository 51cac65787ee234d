/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "lane.h"

#define HEAD_START (20 * 1000 * 1000) /* ns: until the threads are there */

static void sleep_until(uint64_t at)
{
	struct timespec t = { (time_t)(at / SECOND), (long)(at % SECOND) };
	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void *run_lane(void *arg)
{
	lane_run(arg);
	return NULL;
}

static void forget(const struct trial_sides *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		for (unsigned side = 0; side < 2; side++) {
			struct call_side *c = &s->calls[i].side[side];
			c->seq = 0;
			memset(&c->tally, 0, sizeof(c->tally));
		}
	}
}

static int prepare(struct lane *l, const struct trial_sides *s, unsigned side,
		   const struct trial_options *o)
{
	l->io = s->io[side];
	l->route = s->route[side];
	l->calls = s->calls;
	l->n = s->n;
	l->side = side;
	l->from = s->io[1] ? !side : side;
	l->o = o;
	return tally_init(&l->tally);
}

static void when(struct lane *l, uint64_t start, uint32_t trial)
{
	l->trial = trial;
	l->start = start;
	l->count_from = start + l->o->warm;
	l->count_to = l->count_from + l->o->measure;
	l->end = l->count_to + l->o->settle;
}

/* Waits for the measured time and reads clocks at its borders. */
static void watch(const struct lane *l, const struct cpu *cpu, struct trial_result *r)
{
	uint64_t before[CPU_GROUPS] = { 0 }, self, t;
	sleep_until(l->count_from);
	t = io_now();
	self = cpu_self();
	for (unsigned i = 0; i < cpu->n; i++)
		before[i] = cpu_read(&cpu->group[i]);
	sleep_until(l->count_to);
	for (unsigned i = 0; i < cpu->n; i++)
		r->cpu[i] = (double)(cpu_read(&cpu->group[i]) - before[i]) / 1e9;
	r->generator = (double)(cpu_self() - self) / 1e9;
	r->seconds = (double)(io_now() - t) / 1e9;
}

static void sum_up(struct trial_result *r, const struct lane *l)
{
	r->sent += l->sent;
	r->skipped += l->skipped;
	r->failed += l->failed;
	tally_merge(&r->tally, &l->tally);
}

static int run_lanes(struct lane **lane, unsigned n, struct cpu *cpu, struct trial_result *r)
{
	pthread_t thread[2];
	uint64_t overflow = 0;
	uint32_t trial;
	unsigned started = 0;
	if (getrandom(&trial, sizeof(trial), 0) != sizeof(trial))
		return -EIO;
	uint64_t start = io_now() + HEAD_START;
	for (unsigned i = 0; i < n; i++) {
		overflow += lane[i]->io->overflows;
		when(lane[i], start, trial);
	}
	int err = 0;
	for (; started < n && !err; started += !err)
		err = -pthread_create(&thread[started], NULL, run_lane, lane[started]);
	if (!err)
		watch(lane[0], cpu, r);
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < n && !err; i++) {
		sum_up(r, lane[i]);
		r->overflow += lane[i]->io->overflows;
	}
	r->overflow -= overflow;
	return err;
}

int trial_run(const struct trial_sides *s, const struct trial_options *o, struct cpu *cpu,
	      struct trial_result *r)
{
	struct lane *lane[2] = { NULL, NULL };
	unsigned n = s->io[1] ? 2 : 1;
	*r = (struct trial_result){ .rate = o->rate };
	int err = tally_init(&r->tally);
	for (unsigned i = 0; i < n && !err; i++) {
		lane[i] = calloc(1, sizeof(*lane[i]));
		err = lane[i] ? prepare(lane[i], s, i, o) : -ENOMEM;
	}
	if (!err) {
		forget(s);
		err = run_lanes(lane, n, cpu, r);
	}
	for (unsigned i = 0; i < n && lane[i]; i++) {
		tally_fini(&lane[i]->tally);
		free(lane[i]);
	}
	return err;
}

void trial_free(struct trial_result *r)
{
	tally_fini(&r->tally);
}

uint64_t trial_lost(const struct trial_result *r)
{
	return r->sent > r->tally.received ? r->sent - r->tally.received : 0;
}

/* One in a hundred left out changes no figure; a loss of our own would be taken for the relay's. */
bool trial_valid(const struct trial_result *r)
{
	return !r->overflow && (r->skipped + r->failed) * 100 <= r->sent;
}
