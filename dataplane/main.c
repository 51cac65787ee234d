/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "agent.h"
#include "base/privs.h"
#include "eal.h"

#define EXIT_NOT_WANTED 78 /* EX_CONFIG; the systemd unit does not try again */

struct options {
	const char *config, *socket, *user, *device, *log;
	bool no_drop;
};

struct dp {
	struct options opt;
	struct conf *conf;
	enum conf_engine device;
	struct privs who;
	struct log *log;
	struct loop *loop;
	struct ports ports;
	struct media_table table;
	struct neigh *neigh;
	struct agent *agent;
	struct workers *workers;
	struct loop_fd signal;
	int notify, listener;
	bool eal;
};

static const char help[] =
	"sluice-dp: the data plane of sluice. It relays RTP and RTCP between the networks of the\n"
	"configuration, by the flows that sluiced sets, and lives on when sluiced ends.\n"
	"\n"
	"usage: sluice-dp --config FILE [option ...]\n"
	"\n"
	"  --config FILE   the YAML file of sluice: its networks, media.device, process.user\n"
	"  --socket PATH   unix socket to listen at (default: process.engine of the file)\n"
	"  --device KIND   auto, af_xdp or af_packet (default: media.device of the file)\n"
	"                    auto       AF_XDP where the interface allows it, else AF_PACKET\n"
	"                    af_xdp     AF_XDP or nothing\n"
	"                    af_packet  works on every interface, costs more of the CPU\n"
	"  --user USER     who to become after start (default: process.user, else nobody)\n"
	"  --no-drop       keep user and privileges; for debugging\n"
	"  --log LEVEL     error, warn, notice, info or debug (default: process.log_level)\n"
	"  --version       print the version and end\n"
	"  --help          print this and end\n"
	"\n"
	"A network's port is the name of an interface, which keeps its address, its SIP, ARP and "
	"ssh in\n"
	"the kernel (only media ports are taken); a PCI address like 0000:01:00.0; or any device "
	"of\n"
	"DPDK, net_... For the last two, a TAP named sl-NETWORK leads to the kernel.\n"
	"\n"
	"Start it as root: it opens the devices, says on one line for each network which data path "
	"is\n"
	"active and why, and gives up all privileges. SIGTERM ends it; nothing is left behind.\n";

enum {
	OPT_CONFIG = 1,
	OPT_SOCKET,
	OPT_DEVICE,
	OPT_USER,
	OPT_NO_DROP,
	OPT_LOG,
	OPT_VERSION,
	OPT_HELP
};

/* 0: go on; 1: done; -EINVAL: said what is wrong. */
static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "socket", required_argument, NULL, OPT_SOCKET },
		{ "device", required_argument, NULL, OPT_DEVICE },
		{ "user", required_argument, NULL, OPT_USER },
		{ "no-drop", no_argument, NULL, OPT_NO_DROP },
		{ "log", required_argument, NULL, OPT_LOG },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
		switch (c) {
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_SOCKET:
			o->socket = optarg;
			break;
		case OPT_DEVICE:
			o->device = optarg;
			break;
		case OPT_USER:
			o->user = optarg;
			break;
		case OPT_NO_DROP:
			o->no_drop = true;
			break;
		case OPT_LOG:
			o->log = optarg;
			break;
		case OPT_VERSION:
			puts("sluice-dp " SLUICE_VERSION);
			return 1;
		case OPT_HELP:
			fputs(help, stdout);
			return 1;
		default:
			fputs("sluice-dp --help says what there is\n", stderr);
			return -EINVAL;
		}
	}
	if (o->config && optind == argc)
		return 0;
	fputs("usage: sluice-dp --config FILE [option ...]; --help says more\n", stderr);
	return -EINVAL;
}

static int choose_device(struct dp *d)
{
	static const char *const names[] = { [CONF_ENGINE_AUTO] = "auto",
					     [CONF_ENGINE_XDP] = "af_xdp",
					     [CONF_ENGINE_PACKET] = "af_packet" };
	d->device = d->conf->media.device;
	if (!d->opt.device)
		return 0;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(d->opt.device, names[i]) == 0) {
			d->device = (enum conf_engine)i;
			return 0;
		}
	}
	fprintf(stderr, "--device is auto, af_xdp or af_packet, not %s\n", d->opt.device);
	return -EINVAL;
}

/* What this program takes from a device, the kernel engine does not see. */
static bool wanted(const struct conf *conf)
{
	return conf_media_of(conf) != CONF_MEDIA_KERNEL;
}

static int refuse(const struct conf *conf)
{
	fprintf(stderr,
		"%s: media goes through the kernel engine (engine: kernel), so sluice-dp is not "
		"wanted; write engine: auto or dpdk, or do not start it\n",
		conf->file);
	return -ENOTSUP;
}

static int load(struct dp *d)
{
	struct conf_errors errors = { 0 };
	enum log_level level = LOG_LEVEL_NOTICE;
	int err = conf_load_without_secrets(d->opt.config, &d->conf, &errors);
	if (err)
		conf_errors_print(&errors, d->opt.config, STDERR_FILENO);
	conf_errors_free(&errors);
	if (err)
		return err;
	err = wanted(d->conf) ? choose_device(d) : refuse(d->conf);
	if (err)
		return err;
	if (log_level_parse(d->opt.log ? d->opt.log : d->conf->process.log_level, &level)) {
		fputs("--log is error, warn, notice, info or debug\n", stderr);
		return -EINVAL;
	}
	d->log = log_new(STDERR_FILENO, level);
	return d->log ? privs_find(d->opt.no_drop ? ""
				   : d->opt.user  ? d->opt.user
						  : d->conf->process.user,
				   &d->who, d->log)
		      : -ENOMEM;
}

static void on_signal(void *arg, uint32_t events)
{
	struct dp *d = arg;
	struct signalfd_siginfo si;
	(void)events;
	if (read(d->signal.fd, &si, sizeof(si)) == sizeof(si))
		log_notice(d->log, "main", "%s: ending",
			   si.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	loop_stop(d->loop);
}

/* Blocked before DPDK starts its threads, so that they inherit it. */
static int catch_signals(struct dp *d)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	d->signal = (struct loop_fd){ fd, EPOLLIN, on_signal, d };
	return loop_fd_add(d->loop, &d->signal);
}

static const char *socket_path(const struct dp *d)
{
	return d->opt.socket ? d->opt.socket : d->conf->process.engine;
}

/* Answers come when all is ready, but who was connected to one that died finds us at once and need not look again. */
static int listen_early(struct dp *d)
{
	d->listener = agent_listen(socket_path(d), d->who.uid, d->who.gid, d->log);
	return d->listener < 0 ? d->listener : 0;
}

static int start_agent(struct dp *d)
{
	struct agent_parts parts = { &d->ports, &d->table,   d->neigh,  d->loop,
				     d->log,    d->listener, d->notify, d->conf->media.max_flows };
	d->agent = agent_new(&parts);
	return d->agent ? 0 : -ENOMEM;
}

/* The order matters: devices and sockets with privileges, the workers without. */
static int start(struct dp *d)
{
	d->loop = loop_new();
	if (!d->loop)
		return -errno;
	int err = catch_signals(d);
	if (!err)
		err = listen_early(d);
	if (!err)
		err = eal_start(d->conf, ports_memory(d->conf), d->log);
	d->eal = !err;
	if (!err)
		err = ports_open(&d->ports, d->conf, d->device, d->log);
	if (!err)
		err = media_table_open(&d->table, d->ports.n_networks, d->ports.n_workers);
	if (!err)
		err = neigh_open(&d->neigh, &d->ports, d->table.rcu, d->loop, d->log);
	if (!err && (d->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		err = -errno;
	if (!err)
		err = start_agent(d);
	if (!err)
		err = privs_drop(&d->who, PRIVS_NONE, d->log);
	struct worker_parts parts = { &d->ports, &d->table, d->neigh, d->log, d->notify };
	if (!err)
		err = workers_new(&d->workers, &parts);
	if (!err)
		err = workers_start(d->workers);
	if (!err)
		agent_set_workers(d->agent, d->workers);
	return err;
}

static void stop(struct dp *d)
{
	workers_stop(d->workers);
	if (d->listener >= 0)
		unlink(socket_path(d));
	agent_free(d->agent);
	if (d->listener >= 0)
		close(d->listener);
	workers_free(d->workers);
	neigh_close(d->neigh);
	media_table_close(&d->table);
	ports_close(&d->ports);
	if (d->eal)
		eal_stop();
	if (d->signal.ready) {
		loop_fd_del(d->loop, &d->signal);
		close(d->signal.fd);
	}
	if (d->notify >= 0)
		close(d->notify);
	loop_free(d->loop);
}

/* Older kernels count AF_XDP's packets against the limit. */
static void lock_memory(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	setrlimit(RLIMIT_MEMLOCK, &all);
}

int main(int argc, char **argv)
{
	struct dp d = { .notify = -1, .listener = -1, .ports.mute = -1 };
	int err = parse_options(&d.opt, argc, argv);
	if (err)
		return err < 0 ? 2 : 0;
	privs_begin();
	lock_memory();
	err = load(&d);
	if (!err) {
		err = start(&d);
		if (!err) {
			ports_tell(&d.ports, d.log);
			err = loop_run(d.loop);
		}
		if (err)
			log_error(d.log, "main", "sluice-dp ends: %s", strerror(-err));
		stop(&d);
	}
	int code = err ? EXIT_FAILURE : EXIT_SUCCESS;
	if (d.conf && !wanted(d.conf))
		code = EXIT_NOT_WANTED;
	log_free(d.log);
	conf_put(d.conf);
	return code;
}
