/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>
#include "eal.h"

#define ARGS_MAX 48
#define ARG(s)   ((char *)(uintptr_t)(s)) /* EAL takes char ** and writes to none */

/* DPDK's log stream, libbpf's and libxdp's print hooks are process-wide and take no argument, so
 * what they said last has to be kept here. */
static struct {
	char line[256];
	struct log *log;
	bool starting; /* inside of rte_eal_init() */
} said;

static void keep(const char *text, size_t n)
{
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (!n)
		return;
	if (n >= sizeof(said.line))
		n = sizeof(said.line) - 1;
	memcpy(said.line, text, n);
	said.line[n] = '\0';
	log_debug(said.log, "dpdk", "%s", said.line);
}

static ssize_t on_write(void *cookie, const char *text, size_t n)
{
	(void)cookie;
	keep(text, n);
	return (ssize_t)n;
}

static int on_bpf(const char *fmt, va_list ap)
{
	char line[sizeof(said.line)];
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n > 0)
		keep(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	return n;
}

static int on_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? on_bpf(fmt, ap) : 0;
}

static int on_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	return level == LIBXDP_WARN ? on_bpf(fmt, ap) : 0;
}

const char *eal_said(void)
{
	return said.line;
}

void eal_forget(void)
{
	said.line[0] = '\0';
}

bool eal_is_pci(const char *port)
{
	unsigned domain, bus, dev, fn;
	int n = 0;
	return sscanf(port, "%4x:%2x:%2x.%1x%n", &domain, &bus, &dev, &fn, &n) == 4 && !port[n];
}

/* One EAL core on all the CPUs we may use: EAL would pin the main thread to the first one. */
static void cpus_print(char *out, size_t size)
{
	cpu_set_t set;
	struct buf b;
	buf_init(&b, out, size - 1);
	buf_lit(&b, "--lcores=0@(");
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		CPU_ZERO(&set);
	bool first = true;
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (!first)
			buf_lit(&b, ",");
		buf_u64(&b, i);
		first = false;
	}
	if (first)
		buf_lit(&b, "0");
	buf_lit(&b, ")");
	out[b.n] = '\0';
}

static void stream_open(struct log *log)
{
	cookie_io_functions_t io = { .write = on_write };
	FILE *f = fopencookie(NULL, "w", io);
	said.log = log;
	if (f) {
		setvbuf(f, NULL, _IOLBF, 512);
		rte_openlog_stream(f);
	}
	libbpf_set_print(on_libbpf);
	libxdp_set_print(on_libxdp);
}

/* EAL makes a directory for what is shared between processes. Here nothing is; it stays empty. */
static void leave_no_directory(void)
{
	char dir[256];
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rmdir(dir);
	char *slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		rmdir(dir); /* only when no other DPDK program uses it */
	}
}

/* Where the processor does not tell the TSC's frequency EAL sleeps for 0.1 s to measure it: a third of our start, and
 * calls are silent meanwhile when we were restarted. A tenth of it is enough for what is shown with it. EAL finds this
 * function before that of libc. */
int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	struct timespec t = *wanted;
	if (said.starting && !t.tv_sec)
		t.tv_nsec /= 10;
	int err = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, left);
	if (!err)
		return 0;
	errno = err;
	return -1;
}

/* The kernel's own huge pages, where it gives them; they need no mount and no reservation. */
static int on_segments(const struct rte_memseg_list *list, void *arg)
{
	(void)arg;
	if (!list->external)
		(void)madvise(list->base_va, list->len, MADV_HUGEPAGE);
	return 0;
}

int eal_start(const struct conf *conf, unsigned megabytes, struct log *log)
{
	char cpus[2048], prefix[64], memory[32];
	char *arg[ARGS_MAX];
	int n = 0;
	bool pci = false;

	stream_open(log);
	cpus_print(cpus, sizeof(cpus));
	/* Nothing is shared with other DPDK processes: no runtime files, no sockets, no huge pages
	 * (the virtual devices here do not gain from them). The prefix keeps a second instance
	 * apart even so. Memory is only reserved; what is not touched stays with the kernel. */
	snprintf(prefix, sizeof(prefix), "--file-prefix=sluice-dp-%d", (int)getpid());
	snprintf(memory, sizeof(memory), "-m%u", megabytes);
	arg[n++] = ARG("sluice-dp");
	arg[n++] = cpus;
	arg[n++] = prefix;
	arg[n++] = memory;
	arg[n++] = ARG("--no-huge");
	arg[n++] = ARG("--no-shconf");
	arg[n++] = ARG("--no-telemetry");
	arg[n++] = ARG("--log-level=lib.*:notice");
	for (unsigned i = 0; i < conf->n_networks && n < ARGS_MAX - 3; i++) {
		if (!eal_is_pci(conf->networks[i].port))
			continue;
		pci = true;
		arg[n++] = ARG("-a");
		arg[n++] = ARG(conf->networks[i].port);
	}
	if (!pci)
		arg[n++] = ARG("--no-pci");
	said.starting = true;
	int err = rte_eal_init(n, arg);
	said.starting = false;
	if (err < 0) {
		log_error(log, "dpdk", "DPDK does not start: %s (%s)", rte_strerror(rte_errno),
			  eal_said());
		return -EIO;
	}
	rte_memseg_list_walk(on_segments, NULL);
	leave_no_directory();
	return 0;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
