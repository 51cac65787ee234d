/* SPDX-License-Identifier: Apache-2.0 */
/* random [-s SEED] [-c COUNT] [-n STEPS] [-x WHAT,...] [-j PROCESSES] [-d] [-v]: plays COUNT seeds from SEED on.
 *   -s SEED alone  this one, in this process
 *   -n STEPS       no more random actions than these: the smallest number that still fails tells most
 *   -x WHAT        phones do without: reliable, update, session, transfer, replaces, redirect, forks, late,
 *                  engine (no trouble of it)
 *   -d             two phones and no sluice: the SIP core with itself
 *   -v, -vv        a ladder of all messages, with their texts
 * Output is TAP. Seeds are played by processes that this one watches, so that a crash and an endless
 * loop have a seed too. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "random.h"

#define JOBS_MAX   16
#define SEED_MAX_S 60
#define FAILED_MAX 20 /* it goes no further then */

struct job {
	pid_t pid;
	uint64_t next, end; /* seeds */
	uint64_t seen;
	time_t since;
	struct totals t;
	unsigned failed;
};

struct args {
	uint64_t seed, count;
	struct rules rules;
	unsigned jobs;
};

static void work(const struct args *a, struct job *j)
{
	/* `next` is the one being played; who dies leaves it behind. */
	for (; j->next < j->end; j->next++) {
		if (!game_play(j->next, &a->rules, &j->t))
			j->failed++;
		fflush(stdout);
		if (j->failed >= FAILED_MAX)
			break;
	}
}

static void start(const struct args *a, struct job *j)
{
	pid_t pid;

	j->since = time(NULL);
	j->seen = j->next;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid) {
		j->pid = pid; /* shared: not the child's to write */
		return;
	}
	work(a, j);
	fflush(stdout);
	_exit(0);
}

static void watch(struct job *j)
{
	if (!j->pid)
		return;
	if (j->seen != j->next) {
		j->seen = j->next;
		j->since = time(NULL);
	} else if (time(NULL) - j->since > SEED_MAX_S) {
		printf("# seed %llu: takes too long\n", (unsigned long long)j->next);
		kill(j->pid, SIGKILL);
		j->since = time(NULL);
	}
}

static bool reap(const struct args *a, struct job *jobs)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);

	for (unsigned i = 0; pid > 0 && i < a->jobs; i++) {
		struct job *j = &jobs[i];

		if (j->pid != pid)
			continue;
		j->pid = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		printf("# seed %llu: crashed (%s %d)\n", (unsigned long long)j->next,
		       WIFSIGNALED(status) ? "signal" : "exit",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		j->failed++;
		j->next++;
		if (j->failed < FAILED_MAX)
			start(a, j);
	}
	return pid > 0;
}

static bool any(const struct args *a, const struct job *jobs)
{
	for (unsigned i = 0; i < a->jobs; i++) {
		if (jobs[i].pid)
			return true;
	}
	return false;
}

static unsigned play_all(const struct args *a, struct totals *t)
{
	struct job *jobs = mmap(NULL, JOBS_MAX * sizeof(*jobs), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned failed = 0;

	if (jobs == MAP_FAILED)
		abort();
	for (unsigned i = 0; i < a->jobs; i++) {
		jobs[i].next = a->seed + a->count * i / a->jobs;
		jobs[i].end = a->seed + a->count * (i + 1) / a->jobs;
		start(a, &jobs[i]);
	}
	while (any(a, jobs)) {
		for (unsigned i = 0; i < a->jobs; i++)
			watch(&jobs[i]);
		if (!reap(a, jobs))
			usleep(20000);
	}
	for (unsigned i = 0; i < a->jobs; i++) {
		failed += jobs[i].failed;
		t->calls += jobs[i].t.calls;
		t->answered += jobs[i].t.answered;
		t->actions += jobs[i].t.actions;
	}
	munmap(jobs, JOBS_MAX * sizeof(*jobs));
	return failed;
}

static bool number(const char *s, uint64_t *out)
{
	return s && str_u64(str_of(s), out) == 0;
}

static bool forbid(struct rules *r, struct str list)
{
	static const char *const names[] = { "reliable", "update",   "session",
					     "transfer", "replaces", "redirect",
					     "forks",    "late",     "engine" };
	struct str name;

	while (str_token(&list, ',', &name)) {
		unsigned i = 0;

		while (i < sizeof(names) / sizeof(names[0]) && !str_eq(name, str_of(names[i])))
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		r->without |= 1u << i;
	}
	return true;
}

static bool read_args(int argc, char **argv, struct args *a)
{
	uint64_t n = 0;
	bool count = false;
	int o;

	*a = (struct args){ .seed = 1, .count = 1, .rules.max_actions = ~0u, .jobs = 2 };
	while ((o = getopt(argc, argv, "s:c:n:j:x:dv")) != -1) {
		if (o == 'v') {
			a->rules.verbose++;
			continue;
		}
		if (o == 'd') {
			a->rules.direct = true;
			continue;
		}
		if (o == 'x') {
			if (!forbid(&a->rules, str_of(optarg)))
				return false;
			continue;
		}
		if (o == '?' || !number(optarg, &n))
			return false;
		if (o == 's')
			a->seed = n;
		else if (o == 'c')
			a->count = n;
		else if (o == 'n')
			a->rules.max_actions = (unsigned)n;
		else
			a->jobs = n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (unsigned)n;
		count |= o == 'c';
	}
	if (!count)
		a->jobs = 0;
	return true;
}

int main(int argc, char **argv)
{
	struct totals t = { 0 };
	struct args a;
	unsigned failed;

	if (!read_args(argc, argv, &a)) {
		fprintf(stderr, "random [-s SEED] [-c COUNT] [-n STEPS] [-x WHAT,...] [-j "
				"PROCESSES] [-v]\n");
		return 2;
	}
	printf("1..1\n");
	failed = a.jobs ? play_all(&a, &t) : !game_play(a.seed, &a.rules, &t);
	if (failed)
		printf("# again with a ladder: %s -s SEED -v\n", argv[0]);
	printf("# %llu calls, %llu answered, %llu actions\n", (unsigned long long)t.calls,
	       (unsigned long long)t.answered, (unsigned long long)t.actions);
	printf("%sok 1 - %llu seeds, %u failed\n", failed ? "not " : "",
	       (unsigned long long)a.count, failed);
	return failed != 0;
}
