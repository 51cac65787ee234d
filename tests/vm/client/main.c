/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane's client and the real kernel engine, where the two do not get on: answers that are lost, a module
 * that goes away and comes back, a client that is killed, one that may not. Prints TAP.
 *
 * usage: genl-client LOAD UNLOAD     shell commands
 *        genl-client leave           sets flows, and leaves them to the engine */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "engine/engine.h"

#define WAIT_MS 8000
#define FLOWS   50
#define ROOM    65536 /* octets that the socket may keep */
#define MANY    2000  /* SETs whose answers do not fit there */

struct world {
	struct loop *loop;
	struct log *log;
	struct genl *genl;
	struct engine *e;
	unsigned ups, fresh, downs, orphans, good, refused, broken, other, flows, dumped, gone;
	int status;
	u64 orphan[FLOWS];
	bool keep; /* orphans */
	unsigned checks, failed;
};

static void check(struct world *w, bool ok, const char *what)
{
	printf("%sok %u - %s\n", ok ? "" : "not ", ++w->checks, what);
	fflush(stdout);
	w->failed += !ok;
}

/* ---- the engine's user ---- */

static void up(void *arg, bool fresh)
{
	struct world *w = arg;

	w->ups++;
	w->fresh += fresh;
}

static void down(void *arg)
{
	((struct world *)arg)->downs++;
}

static bool known(void *arg, u64 id)
{
	return ((struct world *)arg)->keep;
}

static void orphan(void *arg, const struct tlv_report *r)
{
	struct world *w = arg;

	if (w->orphans < FLOWS)
		w->orphan[w->orphans] = r->flow.id;
	w->orphans++;
}

static void set_done(void *arg, int status)
{
	struct world *w = arg;

	if (!status)
		w->good++;
	else if (status == -ENOTCONN)
		w->broken++;
	else if (status == -ESTALE)
		w->refused++;
	else
		w->other++;
}

static void deleted(void *arg, int status, const struct tlv_report *r)
{
	struct world *w = arg;

	w->gone += !status && r;
}

static void counted(void *arg, const struct tlv_report *r)
{
	((struct world *)arg)->flows++;
}

static void dumped(void *arg, int status)
{
	struct world *w = arg;

	w->dumped++;
	w->status = status;
}

static void meet(struct world *w)
{
	w->loop = loop_new();
	w->genl = genl_new(w->loop, w->log);
	const struct engine_options o = {
		.loop = w->loop,
		.log = w->log,
		.transport = genl_transport(w->genl),
		.user = { .up = up, .down = down, .known = known, .orphan = orphan, .arg = w },
		.shard = 3
	};
	w->e = engine_new(&o);
	if (!w->e)
		abort();
}

static void part(struct world *w)
{
	engine_free(w->e);
	genl_free(w->genl);
	loop_free(w->loop);
}

static bool wait_for(struct world *w, const unsigned *what, unsigned n)
{
	uint64_t end = loop_now(w->loop) + WAIT_MS;

	while (*what < n && loop_now(w->loop) < end)
		loop_once(w->loop, 50);
	return *what == n;
}

static unsigned count_flows(struct world *w)
{
	struct engine_dump d = { .flow = counted, .done = dumped, .arg = w };
	unsigned n = w->dumped;

	w->flows = 0;
	if (engine_dump(w->e, &d) || !wait_for(w, &w->dumped, n + 1) || w->status)
		return ~0u;
	return w->flows;
}

static struct flow a_flow(u64 id)
{
	struct flow f = { .id = id, .gen = 2, .idle_ms = 600000 };

	for (unsigned i = 0; i < 2; i++) {
		struct flow_side *s = &f.side[i];
		s->local = (struct flow_addr){ .ip = { 127, 0, 0, 1 }, .family = 4 };
		s->local.port = (u16)(10000 + 4 * (id & 0xfff) + 2 * i);
		s->clock = 8000;
		s->ptime = 20;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		s->dtmf_clock = 8000;
	}
	return f;
}

static void set(struct world *w, u64 id, u32 gen)
{
	struct flow f = a_flow(id);

	f.gen = gen;
	if (engine_set(w->e, &f, set_done, w))
		abort();
}

/* ---- the cases ---- */

static void flows_and_back(struct world *w)
{
	check(w, wait_for(w, &w->ups, 1) && w->fresh == 1, "connected, to an engine that is new");
	for (u64 id = 1; id <= FLOWS; id++)
		set(w, id, 2);
	check(w, wait_for(w, &w->good, FLOWS), "flows are set");
	check(w, count_flows(w) == FLOWS, "and all of them are dumped");
}

/* Root of namespaces of its own, and of nothing else. */
static bool enter_container(void)
{
	const char map[] = "0 0 1";
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = write(fd, map, sizeof(map) - 1) == sizeof(map) - 1;
	close(fd);
	return ok && system("ip link set lo up") == 0;
}

/* As after a restart, when all calls are set again, and with a socket that is no larger than who is root of a container
 * alone may have: what is asked waits until answers are read, and each request has its own. In a process of its own. */
static bool many_at_once(struct world *w)
{
	unsigned good = 0;

	if (!enter_container())
		return false;
	*w = (struct world){ .log = w->log };
	meet(w);
	if (!wait_for(w, &w->ups, 1))
		return false;
	for (unsigned i = 0; i < MANY; i++) {
		bool old = i >= FLOWS && i & 1;
		good += !old;
		set(w, 1 + i % FLOWS, old ? 1 : 2);
	}
	while (!w->downs && w->good + w->refused < MANY)
		if (loop_once(w->loop, 50))
			return false;
	printf("# %u done, %u refused\n", w->good, w->refused);
	bool ok = w->good == good && w->refused == MANY - good && count_flows(w) == FLOWS;
	part(w);
	return ok && !w->downs;
}

static void a_burst_in_a_container(struct world *w)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		bool ok = many_at_once(w);
		fflush(stdout);
		_exit(!ok);
	}
	check(w, waitpid(pid, &status, 0) == pid && !status,
	      "a burst of requests: each is answered as it is to be, by a small socket");
}

/* The one netlink socket of this process. */
static void make_narrow(void)
{
	for (int fd = 3; fd < 64; fd++) {
		int domain = 0, room = ROOM;
		socklen_t n = sizeof(domain);
		if (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) && domain == AF_NETLINK &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)))
			abort();
	}
}

/* The kernel takes memory away that the client counts on. Every other one is refused, and what was lost may not pass for
 * the other. */
static void answers_are_lost(struct world *w)
{
	unsigned good = 0;

	w->good = w->refused = w->broken = w->other = 0;
	w->keep = true;
	make_narrow();
	for (unsigned i = 0; i < MANY; i++) {
		bool old = i & 1;
		good += !old;
		set(w, 1 + i % FLOWS, old ? 1 : 2);
	}
	check(w, wait_for(w, &w->downs, 1), "the kernel says that answers are lost");
	check(w, w->good + w->refused + w->broken + w->other == MANY && !w->other,
	      "each request has one answer");
	check(w, w->broken && w->good && w->good < good && w->refused < MANY - good,
	      "what has none was not done, as far as anybody knows");
	printf("# %u done, %u refused, %u without an answer\n", w->good, w->refused, w->broken);
	check(w, wait_for(w, &w->ups, 2) && w->fresh == 1, "connected again, to the same engine");
	check(w, count_flows(w) == FLOWS, "which has what it had");
	w->good = 0;
	set(w, 1, 3);
	check(w, wait_for(w, &w->good, 1), "and takes what it is asked");
}

static void a_client_is_killed(struct world *w)
{
	part(w);
	*w = (struct world){ .log = w->log, .checks = w->checks, .failed = w->failed };
	meet(w);
	check(w, wait_for(w, &w->ups, 1), "another client comes");
	check(w, w->orphans == FLOWS, "and is told of the flows that the one before left");
	for (unsigned i = 0; i < FLOWS && i < w->orphans; i++)
		engine_del(w->e, w->orphan[i], deleted, w);
	check(w, wait_for(w, &w->gone, FLOWS), "it can take them away");
	check(w, count_flows(w) == 0, "then none is left");
}

static void the_module_goes_and_comes(struct world *w, const char *load, const char *unload)
{
	check(w, system(unload) == 0, "the module is unloaded");
	check(w, wait_for(w, &w->downs, 1), "which the client hears of");
	for (unsigned i = 0; i < 5; i++)
		loop_once(w->loop, 100);
	check(w, w->ups == 1 && strstr(engine_cause(w->e), "modprobe"),
	      "it says what is to be done, and goes on looking");
	check(w, system(load) == 0, "the module is loaded");
	check(w, wait_for(w, &w->ups, 2) && w->fresh == 2, "connected, to an engine that is new");
	check(w, count_flows(w) == 0, "which has no flows");
	w->good = 0;
	set(w, 7, 1);
	check(w, wait_for(w, &w->good, 1), "and takes new ones");
	engine_del(w->e, 7, deleted, w);
	w->gone = 0;
	check(w, wait_for(w, &w->gone, 1), "and gives them back");
}

/* One that went away is waited for; then what is there is taken. Nobody answers at the socket, but somebody listens. */
static void whichever_is_there(struct world *w, const char *load, const char *unload)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/tmp/genl-client.sock" };
	struct engine_pick pick = { ENGINE_NONE };
	struct world v = { .loop = loop_new() };
	const struct either_options x = {
		.loop = v.loop, .log = w->log, .path = at.sun_path, .pick = &pick, .leads = true
	};
	struct either *either = either_new(&x);
	const struct engine_options o = { .loop = v.loop,
					  .log = w->log,
					  .transport = either_transport(either, ENGINE_NONE),
					  .user = { .up = up, .down = down, .arg = &v } };
	v.e = engine_new(&o);
	check(w, wait_for(&v, &v.ups, 1) && pick.kind == ENGINE_KERNEL,
	      "auto: without sluice-dp it is the kernel engine");
	check(w, !strcmp(engine_name(v.e), "the kernel engine"), "and it says so");

	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) || listen(fd, 8))
		abort();
	check(w, system(unload) == 0 && wait_for(&v, &v.downs, 1), "auto: it goes away");
	uint64_t begun = loop_now(v.loop);
	while (loop_now(v.loop) < begun + 4000)
		loop_once(v.loop, 100);
	check(w, pick.kind == ENGINE_KERNEL, "it is waited for");
	while (pick.kind == ENGINE_KERNEL && loop_now(v.loop) < begun + 7000)
		loop_once(v.loop, 100);
	check(w, pick.kind == ENGINE_DPDK, "and then the other is taken");
	close(fd);
	unlink(at.sun_path);
	engine_free(v.e);
	either_free(either);
	loop_free(v.loop);
	check(w, system(load) == 0, "the module is loaded again");
}

/* In a process of its own, which may not do anything. */
static void without_the_right_to(struct world *w)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct world other = { .log = w->log };
		if (syscall(SYS_capset, &head, none))
			_exit(2);
		meet(&other);
		for (unsigned i = 0; i < 10; i++)
			loop_once(other.loop, 50);
		_exit(other.ups || !strstr(engine_cause(other.e), "CAP_NET_ADMIN"));
	}
	check(w, waitpid(pid, &status, 0) == pid && !status,
	      "who has no CAP_NET_ADMIN is refused, and told so");
}

int main(int argc, char **argv)
{
	struct world w = { 0 };
	bool leave = argc == 2 && !strcmp(argv[1], "leave");

	if (argc != 3 && !leave)
		return 2;
	w.log = log_new(STDERR_FILENO, LOG_LEVEL_INFO);
	meet(&w);
	flows_and_back(&w);
	if (leave) {
		part(&w);
		return w.failed ? 1 : 0;
	}
	a_burst_in_a_container(&w);
	answers_are_lost(&w);
	a_client_is_killed(&w);
	the_module_goes_and_comes(&w, argv[1], argv[2]);
	without_the_right_to(&w);
	part(&w);
	whichever_is_there(&w, argv[1], argv[2]);
	log_free(w.log);
	printf("1..%u\n", w.checks);
	return w.failed ? 1 : 0;
}
