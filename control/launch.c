/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/genl_map.h"
#include "engine/tlv.h"

#define GREET_MS       500
#define GREET_TRIES    10
#define GREET_PAUSE_US 50000

/* Only an answer counts: a process that was killed a moment ago still lets one connect. */
static bool engine_greets(int fd)
{
	uint32_t mem[256];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct tlv_out o;

	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_HELLO, 0, 1);
	tlv_put_u32(&o, FLOW_A_VERSION, FLOW_VERSION);
	if (tlv_end(&o) < 0 || send(fd, o.p, o.n, MSG_NOSIGNAL) != (ssize_t)o.n)
		return false;
	return poll(&pfd, 1, GREET_MS) == 1 && recv(fd, mem, sizeof(mem), MSG_DONTWAIT) > 0;
}

/* 1: it is there; 0: nobody listens; -EAGAIN: somebody listened and said nothing. */
static int engine_probe(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, rc = 0;

	if (strlen(path) >= sizeof(sun.sun_path))
		return 0;
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		rc = engine_greets(fd) ? 1 : -EAGAIN;
	close(fd);
	return rc;
}

static bool engine_answers(const char *path)
{
	int rc;

	for (unsigned i = 0; (rc = engine_probe(path)) == -EAGAIN && i < GREET_TRIES; i++)
		usleep(GREET_PAUSE_US);
	return rc == 1;
}

/* In the child. Returns only when no program was found. */
static void engine_exec(char *const argv[])
{
	static const char *const places[] = { "sluice-dp", "../dataplane/sluice-dp" };
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		*slash = '\0';
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s", self, places[i]);
			execv(path, argv);
		}
	}
	execvp("sluice-dp", argv);
}

static bool kernel_answers(void)
{
	u16 family;
	int fd = genl_open(&family);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* In the child. */
__attribute__((noreturn)) static void child(char *const argv[], int report)
{
	int err, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setsid();
	dup2(null, STDIN_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	engine_exec(argv);
	err = errno;
	_exit(write(report, &err, sizeof(err)) < 0 ? 126 : 127);
}

static int start_sluice_dp(const struct conf *conf, struct log *log, pid_t *pid)
{
	char *const argv[] = { (char *)"sluice-dp", (char *)"--config", (char *)conf->file, NULL };
	int report[2], err = 0;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	*pid = fork();
	if (*pid == 0)
		child(argv, report[1]);
	close(report[1]);
	if (*pid < 0)
		err = errno;
	else if (read(report[0], &err, sizeof(err)) != sizeof(err))
		err = 0; /* the pipe was closed by a successful exec */
	close(report[0]);
	if (err) {
		*pid = 0;
		log_error(log, "media",
			  "cannot start sluice-dp: %s; install it beside sluiced or into PATH",
			  strerror(err));
		return -err;
	}
	log_notice(log, "media", "started sluice-dp, process %d", (int)*pid);
	return 0;
}

static int use_kernel(struct log *log, bool there)
{
	if (there)
		log_notice(log, "media",
			   "the kernel engine is there; sluiced keeps CAP_NET_ADMIN, "
			   "and nothing else, to use it");
	else
		log_error(log, "media",
			  "media.engine is kernel, and the kernel has no module "
			  "sluice: `modprobe sluice` loads it");
	return there ? 0 : -ENOENT;
}

int launch_engine(const struct conf *conf, struct log *log, struct launch *l)
{
	enum conf_media want = conf_media_of(conf);
	bool kernel;

	/* What the administrator did not load is not there for `auto`. */
	if (want == CONF_MEDIA_KERNEL)
		genl_load();
	kernel = want != CONF_MEDIA_DPDK && kernel_answers();
	*l = (struct launch){ .net_admin = kernel || want == CONF_MEDIA_KERNEL };
	if (want == CONF_MEDIA_KERNEL)
		return use_kernel(log, kernel);
	if (engine_answers(conf->process.engine)) {
		log_notice(log, "media", "sluice-dp is running already, on %s",
			   conf->process.engine);
		return 0;
	}
	/* A sluice-dp that systemd starts along with us is about to listen. */
	for (unsigned i = 0; kernel && i < GREET_TRIES; i++) {
		if (engine_answers(conf->process.engine))
			return 0;
		usleep(GREET_PAUSE_US);
	}
	if (kernel)
		return use_kernel(log, true);
	if (geteuid() == 0)
		return start_sluice_dp(conf, log, &l->pid);
	log_notice(log, "media",
		   "sluice-dp is not there yet, and only root can start it: waiting for it on %s%s",
		   conf->process.engine,
		   want == CONF_MEDIA_AUTO ? ", or for the kernel engine (`modprobe sluice`)" : "");
	return 0;
}
