/* SPDX-License-Identifier: Apache-2.0 */
/* engine-conformance: runs cases, many at once, and prints TAP. */
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "suite.h"
#include "watch.h"

#define JOBS_MAX  64
#define CASE_US   (120 * S) /* for processors that are played by software */
#define TRIES     3
#define AGAIN_MAX 64
#define TEXT_MAX  2000

static const char usage[] =
	"usage: engine-conformance --engine ENGINE --peers NAMESPACE,NAMESPACE [option ...] [NAME "
	"...]\n"
	"\n"
	"NAME is a case, or the beginning of the names of some. Prints TAP.\n"
	"\n"
	"  --engine ENGINE    how it is spoken to: seqpacket:PATH; netlink, netlink:NAMESPACE\n"
	"  --peers A,B        namespaces of the peers on both networks, as files: /run/netns/NAME\n"
	"  --restart COMMAND  kills the engine and starts it again; without it those cases are "
	"skipped\n"
	"  --jobs N           cases at once (16)\n"
	"  --again N          cases that may fail beside others when they pass alone (4)\n"
	"  --list             print the names of all cases and end\n"
	"  --times            print how long each case took\n"
	"  --help             print this and end\n";

struct job {
	pid_t pid;
	const struct test_case *c;
	unsigned index;
	int out, gate;
	bool waits; /* in test_restart() */
	u64 began_us;
	char text[TEXT_MAX];
	size_t n;
};

struct run {
	struct lab lab;
	struct list list;
	struct job job[JOBS_MAX];
	struct watch *watch;
	unsigned jobs, number, failed;
	bool times, begun[CASES_MAX], wanted[CASES_MAX];
	bool alone; /* nothing else runs */
	unsigned again[AGAIN_MAX], n_again, may_again;
	u8 tries[CASES_MAX];
	const char *engine;
};

/* ---- the list ---- */

static void fill(struct list *l)
{
	static void (*const group[])(struct list *) = {
		verbs_cases,       dump_cases,   values_cases, relay_cases,   wire_cases,
		update_cases,      rtcp_cases,   mask_cases,   rank_cases,    probe_cases,
		lock_cases,        rebind_cases, attack_cases, raw_cases,     srtp_cases,
		srtp_attack_cases, rekey_cases,  police_cases, dtmf_cases,    punt_cases,
		stats_cases,       trace_cases,  fuzz_cases,   restart_cases,
	};
	for (unsigned i = 0; i < COUNT(group); i++)
		group[i](l);
}

/* ---- one case, in its own process ---- */

/* A veth hands packets to the processor that they were sent on: a sender that moves on to another one reorders them by
 * itself. */
static void stay(unsigned index)
{
	cpu_set_t may, one;
	unsigned n = 0;

	if (sched_getaffinity(0, sizeof(may), &may) || !CPU_COUNT(&may))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &may) || n++ != index % (unsigned)CPU_COUNT(&may))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
	}
}

__attribute__((noreturn)) static void play(struct run *r, unsigned index, int out, int gate)
{
	const struct test_case *c = &r->list.c[index];
	struct test t = { .c = c, .lab = &r->lab, .index = index, .gate = gate };

	dup2(out, STDERR_FILENO);
	signal(SIGPIPE, SIG_IGN);
	t.id = 1ull << 56 | (u64)(index + 1) * 5000;
	t.random = t.id * 77;
	stay(index);
	stall_watch(&t);
	c->fn(&t, c->row);
	test_end(&t);
	_exit(0);
}

/* ---- many ---- */

static void start(struct run *r, struct job *j, unsigned index)
{
	int out[2], gate[2];

	if (pipe2(out, O_CLOEXEC) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate))
		abort();
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		close(out[0]);
		close(gate[0]);
		play(r, index, out[1], gate[1]);
	}
	close(out[1]);
	close(gate[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	*j = (struct job){ .pid = pid,
			   .c = &r->list.c[index],
			   .index = index,
			   .out = out[0],
			   .gate = gate[0],
			   .began_us = now_us() };
	r->begun[index] = true;
}

static void read_text(struct job *j)
{
	ssize_t n;

	while (j->n < TEXT_MAX - 1 && (n = read(j->out, j->text + j->n, TEXT_MAX - 1 - j->n)) > 0)
		j->n += (size_t)n;
	j->text[j->n] = '\0';
}

static void print_text(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		printf("# %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void result(struct run *r, const char *name, int ok, const char *skip, const char *text)
{
	printf("%sok %u - %s%s%s\n", ok ? "" : "not ", ++r->number, name, skip ? " # SKIP " : "",
	       skip ? skip : "");
	if (!ok) {
		r->failed++;
		print_text(text);
	}
	fflush(stdout);
}

/* What a case leaves behind when it fails does not disturb others. */
static void clean(struct run *r, unsigned index)
{
	struct test t = { .c = &r->list.c[index], .lab = &r->lab, .index = index };
	pid_t pid = fork();

	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return;
	}
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	t.id = 1ull << 56 | (u64)(index + 1) * 5000;
	struct client *c = client_open(&t);
	for (u64 id = t.id; id < t.id + CALLS_MAX; id++)
		client_del(c, id);
	_exit(0);
}

/* Many cases at once on few processors are late for reasons that no single one sees. What is wrong in the engine fails
 * alone as well, and what is wrong now and then is seen by the few that may: a run with more of them fails. */
static bool may_again(const struct run *r, const struct test_case *c)
{
	return !r->alone && r->n_again < r->may_again && !(c->flags & CASE_ALONE);
}

static void finish(struct run *r, struct job *j, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	unsigned index = j->index;
	char died[64];

	read_text(j);
	close(j->out);
	close(j->gate);
	j->pid = 0;
	if (code && code != EXIT_SKIP)
		clean(r, index);
	if (code == EXIT_STALL && ++r->tries[index] < TRIES && !(j->c->flags & CASE_RESTART)) {
		printf("# once more: %s\n", j->c->name);
		print_text(j->text);
		return start(r, j, index);
	}
	if (code > 0 && code != EXIT_SKIP && may_again(r, j->c)) {
		printf("# once more, alone: %s\n", j->c->name);
		print_text(j->text);
		r->again[r->n_again++] = index;
		return;
	}
	result(r, j->c->name, !code || code == EXIT_SKIP, code == EXIT_SKIP ? j->text : NULL,
	       j->text);
	if (code < 0) {
		snprintf(died, sizeof(died), "ended by signal %d\n", WTERMSIG(status));
		print_text(died);
	}
	if (r->times)
		printf("# %.2f s\n", (double)(now_us() - j->began_us) / S);
}

static unsigned reap(struct run *r)
{
	unsigned busy = 0;

	for (struct job *j = r->job; j < r->job + r->jobs; j++) {
		int status;
		if (!j->pid)
			continue;
		read_text(j);
		if (waitpid(j->pid, &status, WNOHANG) == j->pid) {
			finish(r, j, status);
			busy += j->pid > 0; /* once more */
			continue;
		}
		busy++;
		char c;
		if (!j->waits && recv(j->gate, &c, 1, MSG_DONTWAIT) == 1)
			j->waits = true;
		if (now_us() - j->began_us > CASE_US)
			kill(j->pid, SIGKILL);
	}
	return busy;
}

static struct job *idle_job(struct run *r)
{
	for (struct job *j = r->job; j < r->job + r->jobs; j++)
		if (!j->pid)
			return j;
	return NULL;
}

static bool lacks(struct run *r, const struct test_case *c, char *why, size_t n)
{
	static const char *const names[] = { "IPV4", "IPV6",  "SRTP",  "DTMF",
					     "PUNT", "TRACE", "RESUME" };

	if (c->flags & CASE_RESTART && !r->lab.restart) {
		snprintf(why, n, "no --restart");
		return true;
	}
	for (unsigned i = 0; i < COUNT(names); i++) {
		if (!(c->caps & 1u << i) || r->lab.caps & 1u << i)
			continue;
		snprintf(why, n, "the engine has no FLOW_CAP_%s", names[i]);
		return true;
	}
	return false;
}

static void poll_jobs(struct run *r)
{
	struct pollfd pfd[JOBS_MAX * 2];
	nfds_t n = 0;

	for (struct job *j = r->job; j < r->job + r->jobs; j++) {
		if (!j->pid)
			continue;
		pfd[n++] = (struct pollfd){ j->out, POLLIN, 0 };
		if (!j->waits)
			pfd[n++] = (struct pollfd){ j->gate, POLLIN, 0 };
	}
	poll(pfd, n, 20);
	watch_run(r->watch);
}

static void restart_engine(struct run *r)
{
	int rc = system(r->lab.restart);

	for (struct job *j = r->job; j < r->job + r->jobs; j++) {
		if (!j->pid || !j->waits)
			continue;
		if (!rc && write(j->gate, "d", 1) != 1)
			rc = -1;
		if (rc)
			shutdown(j->gate, SHUT_RDWR);
	}
}

static bool all_wait(struct run *r)
{
	unsigned n = 0;

	for (struct job *j = r->job; j < r->job + r->jobs; j++) {
		if (j->pid && !j->waits)
			return false;
		n += j->pid > 0;
	}
	return n;
}

/* All cases with these flags under `mask`, `jobs` at once. */
static void phase(struct run *r, u32 mask, u32 flags, unsigned jobs)
{
	bool restarted = false;

	for (unsigned i = 0;;) {
		char why[60];
		unsigned busy = reap(r);
		while (i < r->list.n &&
		       (!r->wanted[i] || r->begun[i] || (r->list.c[i].flags & mask) != flags))
			i++;
		if (i == r->list.n && !busy)
			return;
		if (i < r->list.n && lacks(r, &r->list.c[i], why, sizeof(why))) {
			r->begun[i] = true;
			result(r, r->list.c[i].name, 1, why, "");
			continue;
		}
		if (i < r->list.n && busy < jobs) {
			start(r, idle_job(r), i);
			continue;
		}
		poll_jobs(r);
		if (i == r->list.n && !restarted && all_wait(r)) {
			restart_engine(r);
			restarted = true;
		}
	}
}

static int open_namespaces(struct lab *lab, char *peers)
{
	char *comma = peers ? strchr(peers, ',') : NULL;

	if (!comma)
		return -EINVAL;
	*comma = '\0';
	lab->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	lab->ns[0] = open(peers, O_RDONLY | O_CLOEXEC);
	lab->ns[1] = open(comma + 1, O_RDONLY | O_CLOEXEC);
	return lab->home < 0 || lab->ns[0] < 0 || lab->ns[1] < 0 ? -errno : 0;
}

/* What the engine can, learned by a process of its own, as all that may fail. */
static int greet(struct run *r)
{
	struct test t = { .c = &r->list.c[0], .lab = &r->lab };
	u64 said[2] = { 0 };
	int fd[2], status;

	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	if (!pid) {
		struct client *c = client_open(&t);
		said[0] = c->caps;
		said[1] = c->epoch;
		_exit(write(fd[1], said, sizeof(said)) != sizeof(said));
	}
	close(fd[1]);
	bool ok = read(fd[0], said, sizeof(said)) == sizeof(said);
	close(fd[0]);
	waitpid(pid, &status, 0);
	r->lab.caps = (u32)said[0];
	r->lab.epoch = said[1];
	return ok && !status ? 0 : -ENOTCONN;
}

static unsigned choose(struct run *r, char **name, int n)
{
	unsigned wanted = 0;

	for (unsigned i = 0; i < r->list.n; i++) {
		for (int k = 0; k < n && !r->wanted[i]; k++)
			r->wanted[i] = !strncmp(r->list.c[i].name, name[k], strlen(name[k]));
		r->wanted[i] |= !n;
		wanted += r->wanted[i];
	}
	return wanted;
}

static int run_all(struct run *r, unsigned wanted)
{
	char why[200] = "";

	printf("TAP version 13\n1..%u\n", wanted + 1);
	r->watch = watch_new(&r->lab);
	if (!r->watch) {
		fprintf(stderr, "engine-conformance: cannot listen on the networks: %s\n",
			strerror(errno));
		return 1;
	}
	u32 lonely = CASE_ALONE | CASE_RESTART | CASE_NOISE;
	phase(r, lonely | CASE_SLOW, CASE_SLOW, r->jobs);
	phase(r, lonely, 0, r->jobs);
	phase(r, lonely, CASE_NOISE, r->jobs / 4 ? r->jobs / 4 : 1);
	phase(r, lonely, CASE_ALONE, 1);
	phase(r, CASE_RESTART, CASE_RESTART, r->jobs);
	r->alone = true;
	for (unsigned i = 0; i < r->n_again; i++)
		r->begun[r->again[i]] = false;
	phase(r, CASE_RESTART, 0, 1);
	phase(r, CASE_RESTART, CASE_RESTART, r->jobs); /* together: one restart is for all */
	watch_run(r->watch);
	result(r, "nobody else got anything", !watch_why(r->watch, why, sizeof(why)), NULL, why);
	watch_free(r->watch);
	return r->failed ? 1 : 0;
}

static int options(struct run *r, int argc, char **argv)
{
	static const struct option opt[] = {
		{ "engine", 1, NULL, 'e' }, { "peers", 1, NULL, 'p' }, { "restart", 1, NULL, 'r' },
		{ "jobs", 1, NULL, 'j' },   { "list", 0, NULL, 'l' },  { "times", 0, NULL, 't' },
		{ "again", 1, NULL, 'a' },  { "help", 0, NULL, 'h' },  { 0 },
	};
	char *peers = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", opt, NULL)) != -1) {
		if (c == 'e')
			r->engine = optarg;
		else if (c == 'p')
			peers = optarg;
		else if (c == 'r')
			r->lab.restart = optarg;
		else if (c == 'j')
			r->jobs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'a')
			r->may_again = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 't')
			r->times = true;
		else if (c == 'l')
			return 'l';
		else
			return c == 'h' ? 'h' : -EINVAL;
	}
	if (!r->engine || transport_find(r->engine, &r->lab.tr) || !r->jobs || r->jobs > JOBS_MAX ||
	    r->may_again > AGAIN_MAX)
		return -EINVAL;
	return open_namespaces(&r->lab, peers);
}

int main(int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return 2;
	r->jobs = 16;
	r->may_again = 4;
	fill(&r->list);
	int what = options(r, argc, argv);
	for (unsigned i = 0; what == 'l' && i < r->list.n; i++)
		puts(r->list.c[i].name);
	if (what)
		fputs(what == 'l' ? "" : usage, what == 'h' ? stdout : stderr);
	int rc = what == 'l' || what == 'h' ? 0 : 2;
	unsigned wanted = what ? 0 : choose(r, argv + optind, argc - optind);
	if (!what && !wanted)
		fprintf(stderr, "engine-conformance: no case has such a name\n");
	else if (!what && greet(r))
		fprintf(stderr, "engine-conformance: no engine answers at %s\n", r->engine);
	else if (!what)
		rc = run_all(r, wanted);
	free(r);
	return rc;
}
