/* SPDX-License-Identifier: Apache-2.0 */
/* usage: netlink-fuzz [-s SEED] [-t SECONDS] [-r ROUND]
 * ROUND: that one alone. It needs the module, and root in a machine that may break. */
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include "fuzz.h"

#define REQUESTS  400 /* of each of those who ask, in a round */
#define ASKERS    2
#define LINKS     6
#define ROUND_MAX 300 /* seconds: it hangs */
#define ENOUGH    5000

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

_Noreturn void wrong(const struct round *r, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "netlink-fuzz: seed %llu, round %u: ", (unsigned long long)r->seed,
		r->number);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	fflush(NULL);
	_exit(1);
}

/* ---- those who ask ---- */

struct asker {
	struct round *r;
	struct dice d;
	struct link *link[LINKS];
	u8 mem[MESSAGE_MAX] __attribute__((aligned(8)));
};

/* One request at `at` of the datagram. Its octets. */
static size_t write_one(struct asker *a, struct link *l, size_t at)
{
	bool broken = dice_percent(&a->d, 60);
	struct tlv_out o;

	tlv_out_init(&o, a->mem + at, MESSAGE_MAX - at);
	ask_any(a->r, &a->d, &o, ++l->seq, !broken);
	struct nlmsghdr *nh = (void *)o.p;
	nh->nlmsg_type = a->r->family;
	l->asked[l->seq % sizeof(l->asked)] = ((struct genlmsghdr *)NLMSG_DATA(nh))->cmd;
	return broken ? mangle(&a->d, o.p, o.n, o.cap) : o.n;
}

static void ask_once(struct asker *a, struct link *l)
{
	size_t n = 0;

	do {
		n = NLMSG_ALIGN(n + write_one(a, l, n));
	} while (n < MESSAGE_MAX / 4 && dice_percent(&a->d, 20));
	link_send(l, a->mem, n);
}

static void say_hello(struct asker *a, struct link *l)
{
	struct tlv_out o;

	tlv_out_init(&o, a->mem, MESSAGE_MAX);
	tlv_begin(&o, FLOW_CMD_HELLO, NLM_F_REQUEST, ++l->seq);
	tlv_put_u32(&o, FLOW_A_VERSION, FLOW_VERSION);
	tlv_put_u64(&o, FLOW_A_EPOCH, 1);
	tlv_end(&o);
	((struct nlmsghdr *)(void *)a->mem)->nlmsg_type = a->r->family;
	link_send(l, a->mem, o.n);
}

/* Closes it whatever it is in the middle of. */
static void renew(struct asker *a, struct link *l)
{
	link_close(l);
	link_open(l, a->r);
	if (dice_percent(&a->d, 90))
		say_hello(a, l);
}

static void *ask_run(void *arg)
{
	struct asker *a = arg;

	for (unsigned i = 0; i < LINKS; i++) {
		a->link[i] = calloc(1, sizeof(struct link));
		if (!a->link[i])
			wrong(a->r, "no memory");
		link_open(a->link[i], a->r);
		say_hello(a, a->link[i]);
	}
	for (unsigned i = 0; i < REQUESTS && now_us() < a->r->end_us; i++) {
		struct link *l = a->link[dice_below(&a->d, LINKS)];
		ask_once(a, l);
		if (dice_percent(&a->d, 80)) /* else it is told when something else is, or never */
			link_drain(l);
		if (dice_percent(&a->d, 4))
			renew(a, l);
	}
	for (unsigned i = 0; i < LINKS; i++) {
		link_close(a->link[i]);
		free(a->link[i]);
	}
	return NULL;
}

/* ---- a flood of sockets that come, subscribe, ask for everything and go ---- */

static void *flood_run(void *arg)
{
	struct asker *a = arg;
	struct link *l = calloc(1, sizeof(*l));
	struct tlv_out o;

	if (!l)
		wrong(a->r, "no memory");
	while (!atomic_load(&a->r->over)) {
		link_open(l, a->r);
		say_hello(a, l);
		tlv_out_init(&o, a->mem, MESSAGE_MAX);
		bool dump = dice_percent(&a->d, 50);
		tlv_begin(&o, dump ? FLOW_CMD_DUMP : FLOW_CMD_SUBSCRIBE,
			  NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK), ++l->seq);
		tlv_end(&o);
		((struct nlmsghdr *)(void *)a->mem)->nlmsg_type = a->r->family;
		for (unsigned n = 1 + dice_below(&a->d, 3); n--;)
			link_send(l, a->mem, o.n);
		for (unsigned n = dice_below(&a->d, 6); n--;)
			link_read(l, (int)dice_below(&a->d, 10));
		link_close(l);
		nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
	}
	free(l);
	return NULL;
}

/* ---- a round ---- */

static void own_network(struct round *r)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		wrong(r, "no namespace: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		wrong(r, "lo: %s", strerror(errno));
	close(fd);
}

static _Noreturn void round_run(struct round *r)
{
	struct asker *a = calloc(ASKERS + 1, sizeof(*a));
	pthread_t thread[ASKERS + 2];
	struct dice d = round_dice(r, 0);

	signal(SIGALRM, SIG_DFL);
	alarm(ROUND_MAX);
	own_network(r);
	dice_fill(&d, r->mark, sizeof(r->mark));
	for (unsigned i = 0; i < sizeof(r->mark); i++)
		r->mark[i] |= 0x80; /* no payload type, and no small number */
	if (!a)
		wrong(r, "no memory");
	for (unsigned i = 0; i <= ASKERS; i++) {
		a[i].r = r;
		a[i].d = round_dice(r, i + 1);
		if (pthread_create(&thread[i], NULL, i < ASKERS ? ask_run : flood_run, &a[i]))
			wrong(r, "no thread");
	}
	if (pthread_create(&thread[ASKERS + 1], NULL, media_run, r))
		wrong(r, "no thread");
	for (unsigned i = 0; i < ASKERS; i++)
		pthread_join(thread[i], NULL);
	good_check(r); /* under the flood */
	atomic_store(&r->over, true);
	pthread_join(thread[ASKERS], NULL);
	pthread_join(thread[ASKERS + 1], NULL);
	good_check(r);
	_exit(0); /* the namespace ends with the flows in it */
}

static int round_wait(const struct round *r, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "netlink-fuzz: seed %llu, round %u: ended by signal %d%s\n",
		(unsigned long long)r->seed, r->number, WTERMSIG(status),
		WTERMSIG(status) == SIGALRM ? ": it hung" : "");
	return 1;
}

/* ---- all of them ---- */

static int family_of(void)
{
	struct nl_sock *s = nl_socket_alloc();
	int family = s && !genl_connect(s) ? genl_ctrl_resolve(s, "sluice") : -1;

	nl_socket_free(s);
	return family;
}

static int rounds(struct round *r, uint64_t until_us, unsigned only)
{
	int rc = 0;

	for (r->number = only ? only : 1; !rc && (now_us() < until_us || r->number == 1);
	     r->number++) {
		r->end_us = until_us;
		pid_t pid = fork();
		if (!pid)
			round_run(r);
		rc = pid < 0 ? 1 : round_wait(r, pid);
		if (only)
			break;
	}
	return rc;
}

/* In a run that is long enough some of each command are done; but for TRACE, which is not there. */
static int report_commands(struct tally *t)
{
	static const char *const name[] = {
		[FLOW_CMD_HELLO] = "HELLO",
		[FLOW_CMD_SET] = "SET",
		[FLOW_CMD_DEL] = "DEL",
		[FLOW_CMD_DUMP] = "DUMP",
		[FLOW_CMD_DTMF] = "DTMF",
		[FLOW_CMD_SEND] = "SEND",
		[FLOW_CMD_SUBSCRIBE] = "SUBSCRIBE",
	};
	int rc = 0;

	printf("netlink-fuzz: done:");
	for (unsigned i = 0; i < COUNT(name); i++) {
		unsigned long long n = t->done[i];
		if (name[i])
			printf(" %s %llu", name[i], n);
		rc |= name[i] && !n && t->requests > ENOUGH;
	}
	printf("; flows with %d of %d suites\n", __builtin_popcount(t->suites & ~1u),
	       FLOW_SUITE_COUNT - 1);
	if (rc)
		fprintf(stderr, "netlink-fuzz: one of the commands was never done\n");
	return rc;
}

/* A run in which nothing was refused, or nothing relayed, has shown nothing. */
static int report(const struct round *r, int rc)
{
	struct tally *t = r->tally;
	unsigned long long n[] = { t->requests, t->taken, t->refused, t->dumped,
				   t->events,   t->sent,  t->relayed };

	printf("netlink-fuzz: %u rounds, %llu requests (%llu taken, %llu refused), %llu flows "
	       "told, %llu events, "
	       "%llu packets sent, %llu relayed\n",
	       r->number - 1, n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
	int missing = report_commands(t);
	for (unsigned i = 0; !rc && i < COUNT(n); i++)
		if (!n[i]) {
			fprintf(stderr, "netlink-fuzz: one of these is 0\n");
			rc = 1;
		}
	return rc ? rc : missing;
}

int main(int argc, char **argv)
{
	struct round r = { .seed = now_us() ^ (uint64_t)getpid() << 40 };
	unsigned long seconds = 10, only = 0;
	int c, family;

	while ((c = getopt(argc, argv, "s:t:r:")) != -1) {
		if (c == 's')
			r.seed = strtoull(optarg, NULL, 0);
		else if (c == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (c == 'r')
			only = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	family = family_of();
	if (family < 0) {
		fprintf(stderr, "netlink-fuzz: no generic netlink family 'sluice': is the module "
				"loaded?\n");
		return 2;
	}
	r.family = (uint16_t)family;
	r.tally = mmap(NULL, sizeof(*r.tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (r.tally == MAP_FAILED)
		return 1;
	printf("netlink-fuzz: seed %llu, %lu s\n", (unsigned long long)r.seed, seconds);
	return report(&r, rounds(&r, now_us() + seconds * 1000000, (unsigned)only));
}
