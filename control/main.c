/* SPDX-License-Identifier: Apache-2.0 */
/* sluiced: options, the order in which things come up and go down, signals. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/privs.h"
#include "launch.h"
#include "shard.h"
#include "version.h"

#define CORES_PER_SHARD 2 /* the other half is the data plane's and the kernel's */
#define SHARDS_MAX      64
#define FILES           64 /* open ones of the process, and of each shard besides its connections */
#define SHARD_FILES     64

struct daemon {
	struct log *log;
	struct conf *conf;
	struct call_limits *limits;
	struct shed *shed;
	struct privs user;
	struct loop *loop;
	struct shard *shards[SHARDS_MAX];
	struct ctl_shard ctl_shards[SHARDS_MAX];
	unsigned n_shards;
	struct ctl *ctl;
	struct loop_fd signals;
	struct launch engine;
	struct engine_pick pick;
	bool keep_root;
	int exit_code;
};

static const char usage[] =
	"sluiced - the control plane of sluice, a SIP session border controller\n"
	"\n"
	"  sluiced --config FILE            run, in the foreground\n"
	"  sluiced --check FILE             read and check FILE, say every error, and end\n"
	"  sluiced --print-config           print the whole configuration language, commented\n"
	"\n"
	"  -c, --config FILE   the configuration (YAML)\n"
	"  -t, --check FILE    check only; exit code 0: good, 1: errors\n"
	"  -l, --log LEVEL     error, warn, notice, info or debug; overrides process.log\n"
	"      --no-drop       keep privileges after start (for debugging)\n"
	"      --version\n"
	"  -h, --help\n"
	"\n"
	"sluiced starts sluice-dp when there is no media engine, binds its sockets, then goes on "
	"without\n"
	"any privilege as the user of process.user (CAP_NET_ADMIN is kept for the kernel engine). "
	"SIGTERM and SIGINT end the calls and the program;\n"
	"sluice-dp lives on. `sluicectl status` shows what it does.\n";

/* ---- systemd's readiness protocol: one datagram, sd_notify(3) ---- */

static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, n);
	if (*path == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sun,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

static void on_ready(void *arg)
{
	struct daemon *d = arg;

	log_notice(d->log, "start",
		   "ready: sluiced %s, %u network%s, %u trunk%s, control socket %s", SLUICE_VERSION,
		   d->conf->n_networks, d->conf->n_networks == 1 ? "" : "s", d->conf->n_trunks,
		   d->conf->n_trunks == 1 ? "" : "s", d->conf->process.control);
	notify("READY=1");
}

/* ---- signals ---- */

static void reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != d->engine.pid)
			continue;
		d->engine.pid = 0;
		log_error(d->log, "media",
			  "sluice-dp ended (%s %d): calls have no media. Start it again with "
			  "`sluice-dp --config %s`; sluiced finds it by itself",
			  WIFSIGNALED(status) ? "signal" : "exit code",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
			  d->conf->file);
	}
}

static void on_signal(void *arg, uint32_t events)
{
	struct daemon *d = arg;
	struct signalfd_siginfo si;

	while (read(d->signals.fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD) {
			reap(d);
			continue;
		}
		log_notice(d->log, "stop", "signal %s: ending calls",
			   sigabbrev_np((int)si.ssi_signo));
		notify("STOPPING=1");
		loop_stop(d->loop);
	}
}

/* Blocked before any thread starts, so that all inherit it and only the signalfd sees them. */
static int signals_open(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	d->signals = (struct loop_fd){ .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
				       .events = EPOLLIN,
				       .ready = on_signal,
				       .arg = d };
	if (d->signals.fd < 0)
		return -errno;
	return loop_fd_add(d->loop, &d->signals);
}

static void signals_close(struct daemon *d)
{
	if (d->signals.fd <= 0)
		return;
	loop_fd_del(d->loop, &d->signals);
	close(d->signals.fd);
}

/* ---- the stages of start and stop ---- */

static int stage_user(struct daemon *d)
{
	const char *name = d->keep_root ? "" : d->conf->process.user;
	int err = privs_find(name, &d->user, d->log);

	if (!err)
		err = privs_own_folder(d->conf->process.control, &d->user);
	return err ? err : privs_own_folder(d->conf->process.engine, &d->user);
}

static int stage_loop(struct daemon *d)
{
	d->loop = loop_new();
	return d->loop ? signals_open(d) : -errno;
}

static void stage_loop_end(struct daemon *d)
{
	if (!d->loop)
		return;
	signals_close(d);
	loop_free(d->loop);
}

static int stage_engine(struct daemon *d)
{
	/* A missing engine is no reason to end: sluicectl and the log say what is wrong. */
	launch_engine(d->conf, d->log, &d->engine);
	return 0;
}

/* "+" and "00" do not count, but what is counted in the kernel has them. */
static unsigned longest_number(const char *const *numbers)
{
	size_t n = 0;

	for (; numbers && *numbers; numbers++)
		if (strlen(*numbers) > n)
			n = strlen(*numbers);
	return (unsigned)n + 2;
}

static int stage_shards(struct daemon *d)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	d->n_shards = d->conf->sip.shards;
	if (d->n_shards == 0)
		d->n_shards = cores > CORES_PER_SHARD ? (unsigned)(cores / CORES_PER_SHARD) : 1;
	if (d->n_shards > SHARDS_MAX)
		d->n_shards = SHARDS_MAX;
	/* With fewer it goes on: who comes when there are none is refused. */
	privs_files(FILES + (unsigned long)d->n_shards * (d->conf->sip.connections + SHARD_FILES),
		    d->log);
	d->limits = call_limits_new(d->conf);
	if (!d->limits)
		return -ENOMEM;
	if (d->n_shards == 1)
		/* Another thread's heap grows page by page, each a mprotect(); the main one in steps. */
		mallopt(M_ARENA_MAX, 1);
	d->shed = shed_new(longest_number(d->conf->sip.emergency), d->log);
	for (unsigned i = 0; i < d->n_shards; i++) {
		struct shard_options o = { .log = d->log,
					   .conf = d->conf,
					   .limits = d->limits,
					   .shed = d->shed,
					   .pick = &d->pick,
					   .index = (uint8_t)i,
					   .n_shards = (uint8_t)d->n_shards,
					   .ready = i == 0 ? on_ready : NULL,
					   .ready_arg = d };

		d->shards[i] = shard_new(&o);
		if (!d->shards[i])
			return -errno;
		d->ctl_shards[i] = *shard_ctl(d->shards[i]);
	}
	for (unsigned i = 0; i < d->n_shards; i++)
		shard_introduce(d->shards[i], d->shards);
	return 0;
}

static void stage_shards_end(struct daemon *d)
{
	for (unsigned i = 0; i < d->n_shards; i++)
		shard_free(d->shards[i]);
	shed_free(d->shed);
	call_limits_free(d->limits);
}

static int stage_ctl(struct daemon *d)
{
	struct ctl_options o = { .loop = d->loop,
				 .log = d->log,
				 .conf = d->conf,
				 .limits = d->limits,
				 .shards = d->ctl_shards,
				 .n_shards = d->n_shards,
				 .version = SLUICE_VERSION };

	d->ctl = ctl_new(&o);
	if (!d->ctl)
		return -errno;
	if (geteuid() == 0 && chown(d->conf->process.control, d->user.uid, d->user.gid) < 0)
		return -errno;
	return 0;
}

static void stage_ctl_end(struct daemon *d)
{
	ctl_free(d->ctl);
}

static int stage_drop(struct daemon *d)
{
	return privs_drop(&d->user, d->engine.net_admin ? PRIVS_NET_ADMIN : PRIVS_NONE, d->log);
}

static int stage_threads(struct daemon *d)
{
	for (unsigned i = 0; i < d->n_shards; i++) {
		int err = shard_start(d->shards[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

static void stage_threads_end(struct daemon *d)
{
	for (unsigned i = 0; i < d->n_shards; i++)
		shard_stop(d->shards[i]);
	for (unsigned i = 0; i < d->n_shards; i++)
		shard_join(d->shards[i]);
}

/* Up in this order, down in reverse from where it got to. */
static const struct stage {
	const char *name;
	int (*up)(struct daemon *d);
	void (*down)(struct daemon *d);
} stages[] = {
	{ "user", stage_user, NULL },
	{ "event loop", stage_loop, stage_loop_end },
	{ "shards", stage_shards, stage_shards_end },
	{ "control socket", stage_ctl, stage_ctl_end },
	{ "data plane", stage_engine, NULL },
	{ "privileges", stage_drop, NULL },
	{ "threads", stage_threads, stage_threads_end },
};

static int run(struct daemon *d)
{
	size_t n = sizeof(stages) / sizeof(stages[0]), i;
	int err = 0;

	for (i = 0; i < n && err == 0; i++) {
		err = stages[i].up(d);
		if (err < 0)
			log_error(d->log, "start", "%s: %s", stages[i].name, strerror(-err));
	}
	if (err == 0)
		err = loop_run(d->loop);
	while (i-- > 0)
		if (stages[i].down)
			stages[i].down(d);
	if (d->engine.pid)
		log_notice(d->log, "stop", "sluice-dp goes on as process %d; `kill %d` ends it",
			   (int)d->engine.pid, (int)d->engine.pid);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- command line ---- */

static struct conf *read_config(const char *file)
{
	struct conf_errors errors = { 0 };
	struct conf *conf = NULL;

	if (conf_load(file, &conf, &errors) < 0)
		conf_errors_print(&errors, file, STDERR_FILENO);
	conf_errors_free(&errors);
	return conf;
}

static void print_warning(void *arg, const char *text)
{
	fprintf(stderr, "%s: warning: %s\n", (const char *)arg, text);
}

static void log_warning(void *arg, const char *text)
{
	log_warn(arg, "config", "%s", text);
}

static int check(const char *file)
{
	struct conf *conf = read_config(file);

	if (!conf)
		return EXIT_FAILURE;
	conf_warn(conf, print_warning, (void *)(uintptr_t)file);
	printf("%s: good. %u network%s, %u trunk%s, %u line%s of calls.\n", file, conf->n_networks,
	       conf->n_networks == 1 ? "" : "s", conf->n_trunks, conf->n_trunks == 1 ? "" : "s",
	       conf->n_routes, conf->n_routes == 1 ? "" : "s");
	conf_put(conf);
	return EXIT_SUCCESS;
}

static int serve(const char *file, const char *level_name, bool keep_root)
{
	struct daemon d = { .keep_root = keep_root };
	enum log_level level;
	int code = EXIT_FAILURE;

	d.conf = read_config(file);
	if (!d.conf)
		return EXIT_FAILURE;
	if (log_level_parse(level_name ? level_name : d.conf->process.log_level, &level) < 0) {
		fprintf(stderr, "sluiced: --log %s: use error, warn, notice, info or debug\n",
			level_name);
		goto out;
	}
	d.log = log_new(STDERR_FILENO, level);
	if (d.log) {
		conf_warn(d.conf, log_warning, d.log);
		code = run(&d);
	}
	log_free(d.log);
out:
	conf_put(d.conf);
	return code;
}

int main(int argc, char **argv)
{
	enum {
		OPT_NO_DROP = 256,
		OPT_VERSION,
		OPT_PRINT
	};
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", required_argument, NULL, 't' },
		{ "log", required_argument, NULL, 'l' },
		{ "no-drop", no_argument, NULL, OPT_NO_DROP },
		{ "print-config", no_argument, NULL, OPT_PRINT },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *file = NULL, *level = NULL;
	bool keep_root = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:t:l:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 't':
			return check(optarg);
		case 'l':
			level = optarg;
			break;
		case OPT_NO_DROP:
			keep_root = true;
			break;
		case OPT_PRINT:
			return conf_print_full(STDOUT_FILENO) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		case OPT_VERSION:
			puts("sluiced " SLUICE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs("Try `sluiced --help`.\n", stderr);
			return 2;
		}
	}
	if (!file || optind < argc) {
		fputs(file ? "sluiced: too many arguments.\n"
			   : "sluiced: --config FILE is needed.\n",
		      stderr);
		fputs("Try `sluiced --help`.\n", stderr);
		return 2;
	}
	privs_begin();
	return serve(file, level, keep_root);
}
