/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a shard: its thread, the engine at its start, the calls at its end. */
#include "shard_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define DRAIN_MS       4000
#define STEP_MS        20
#define ENGINE_WAIT_MS 15000
#define PACE_US        300 /* what a message may wait for company, above some 3000 a second */

/* ---- end: until the calls are over ---- */

static void drain_step(void *arg)
{
	struct shard *s = arg;

	if (calls_count(s->parts.calls) == 0 || s->drain_left-- == 0)
		loop_stop(s->loop);
	else
		timer_start(s->loop, &s->drain, STEP_MS);
}

/* ---- start: say which data path carries the media, then say "ready" ---- */

static void data_path(void *arg, const char *network, const char *driver, const char *why)
{
	struct shard *s = arg;

	log_notice(s->o.log, "media", "%s: %s%s%s", network, driver, *why ? ", " : "", why);
}

static void data_path_done(void *arg, int status)
{
	struct shard *s = arg;

	s->o.ready(s->o.ready_arg);
}

static void watch_engine(void *arg)
{
	struct shard *s = arg;
	struct engine *e = media_engine(s->parts.media);
	struct engine_dump d = { .port = data_path, .done = data_path_done, .arg = s };

	if (engine_is_up(e) && engine_dump(e, &d) == 0)
		return;
	if (s->watch_left-- > 0) {
		timer_start(s->loop, &s->watch, STEP_MS);
		return;
	}
	log_error(s->o.log, "media", "no media engine; every call gets 503 until there is one: %s",
		  engine_cause(e));
	s->o.ready(s->o.ready_arg);
}

struct shard *shard_new(const struct shard_options *o)
{
	struct shard *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return NULL;
	s->o = *o;
	s->o.conf = conf_get(o->conf);
	s->parts.index = o->index;
	timer_init(&s->drain, drain_step, s);
	timer_init(&s->watch, watch_engine, s);
	errno = ENOMEM;
	s->loop = loop_new();
	if (s->loop)
		loop_pace(s->loop, PACE_US);
	s->parts.loop = s->loop;
	if (s->loop && shard_build(s))
		return s;
	err = errno;
	shard_free(s);
	errno = err;
	return NULL;
}

void shard_introduce(struct shard *s, struct shard *const *all)
{
	s->all = all;
}

const struct ctl_shard *shard_ctl(const struct shard *s)
{
	return &s->parts;
}

/* ---- life ---- */

static void *shard_main(void *arg)
{
	struct shard *s = arg;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "shard-%u", s->o.index);
	pthread_setname_np(pthread_self(), name);
	if (s->o.ready) {
		s->watch_left = ENGINE_WAIT_MS / STEP_MS;
		timer_start(s->loop, &s->watch, 0);
	}
	err = loop_run(s->loop);
	if (err < 0)
		log_error(s->o.log, "shard", "shard %u stopped: %s", s->o.index, strerror(-err));
	return NULL;
}

int shard_start(struct shard *s)
{
	sigset_t all, before;
	int err;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&s->thread, NULL, shard_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->started = err == 0;
	return -err;
}

static void drain_begin(void *owner, void *data)
{
	struct shard *s = owner;

	calls_drain(s->parts.calls);
	s->drain_left = DRAIN_MS / STEP_MS;
	timer_start(s->loop, &s->drain, STEP_MS);
}

void shard_stop(struct shard *s)
{
	if (mailbox_post(s->parts.mailbox, drain_begin, NULL) < 0)
		loop_stop(s->loop);
}

void shard_join(struct shard *s)
{
	if (s->started)
		pthread_join(s->thread, NULL);
	s->started = false;
}

void shard_free(struct shard *s)
{
	if (!s)
		return;
	if (s->loop) {
		timer_stop(s->loop, &s->drain);
		timer_stop(s->loop, &s->watch);
	}
	shard_dismantle(s);
	if (s->loop)
		loop_free(s->loop);
	conf_put(s->o.conf);
	free(s);
}
