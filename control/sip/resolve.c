/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "sip/resolve_priv.h"

#define JOBS_MAX 1024
#define DEAD_MS  30000

static const char *const names[] = {
#define X(id, name) [RESOLVE_COUNT_##id] = name,
	RESOLVE_COUNTERS(X)
#undef X
};

/* ---- jobs ---- */

static void job_link(struct resolve_job **at, struct resolve_job *job)
{
	job->next = *at;
	job->pprev = at;
	if (job->next)
		job->next->pprev = &job->next;
	*at = job;
}

static void job_unlink(struct resolve_job *job)
{
	struct resolver *r = job->r;

	if (r->ready_end == &job->next)
		r->ready_end = job->pprev;
	*job->pprev = job->next;
	if (job->next)
		job->next->pprev = job->pprev;
}

static void job_free(struct resolve_job *job)
{
	job_unlink(job);
	resolve_job_end(job);
	job->r->n_jobs--;
	free(job);
}

/* Not called from here: we may be deep inside c-ares, and who is called may end the resolver. */
void resolve_job_ready(struct resolve_job *job)
{
	struct resolver *r = job->r;

	job_unlink(job);
	job_link(r->ready_end, job);
	r->ready_end = &job->next;
	loop_defer(r->o.loop, &r->task);
}

static void call(struct resolve_job *job)
{
	struct resolve_answer a = job->answer;
	resolve_fn *done = job->done;
	void *arg = job->arg;

	job_free(job);
	done(arg, &a);
}

static void call_ready(void *arg)
{
	struct resolver *r = arg;

	r->calling = true;
	while (r->ready)
		call(r->ready);
	r->calling = false;
	if (r->ended)
		free(r);
}

int resolve(struct resolver *r, const struct resolve_query *q, resolve_fn *done, void *arg,
	    struct resolve_job **out)
{
	struct resolve_job *job = NULL;

	*out = NULL;
	if (r->n_jobs >= JOBS_MAX)
		r->counter[RESOLVE_COUNT_REFUSED]++;
	else
		job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->r = r;
	job->done = done;
	job->arg = arg;
	job->q = *q;
	job->q.host = NULL;
	r->n_jobs++;
	job_link(&r->jobs, job);
	resolve_job_start(job, str_of(q->host));
	if (job->step == RESOLVE_DONE)
		call(job);
	else
		*out = job;
	return 0;
}

void resolve_cancel(struct resolve_job *job)
{
	if (job)
		job_free(job);
}

/* ---- dead targets ---- */

void resolver_dead(struct resolver *r, const struct resolve_target *t, uint32_t for_ms)
{
	uint32_t usual = r->o.dead_ms ? r->o.dead_ms : DEAD_MS;

	if (dead_add(r->dead, t, for_ms ? for_ms : usual) == 0)
		r->counter[RESOLVE_COUNT_DEAD]++;
}

void resolver_alive(struct resolver *r, const struct resolve_target *t)
{
	dead_del(r->dead, t);
}

bool resolver_is_dead(const struct resolver *r, const struct resolve_target *t)
{
	return dead_since(r->dead, t) != 0;
}

/* ---- the whole ---- */

struct resolver *resolver_new(const struct resolver_options *o)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int saved;

	if (!r)
		return NULL;
	r->o = *o;
	r->o.servers = NULL; /* the caller's, read by now */
	r->ready_end = &r->ready;
	r->task = (struct loop_task){ .run = call_ready, .arg = r };
	r->dead = dead_new(o->loop);
	r->cache = r->dead ? dns_cache_new(o, r->counter) : NULL;
	if (!r->cache) {
		saved = r->dead ? errno : ENOMEM;
		resolver_free(r);
		errno = saved;
		return NULL;
	}
	return r;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	loop_undefer(r->o.loop, &r->task);
	while (r->jobs)
		job_free(r->jobs);
	while (r->ready)
		job_free(r->ready);
	dns_cache_free(r->cache);
	dead_free(r->dead);
	if (r->calling)
		r->ended = true; /* call_ready() needs it a little longer */
	else
		free(r);
}

void resolver_counters(const struct resolver *r,
		       void (*fn)(void *arg, const char *name, uint64_t v), void *arg)
{
	for (unsigned i = 0; i < RESOLVE_COUNT_COUNT; i++)
		fn(arg, names[i], r->counter[i]);
}
