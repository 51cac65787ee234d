/* SPDX-License-Identifier: Apache-2.0 */
/* Flows for tests of the module's life, from a shell: tests/vm/guest/life.sh.
 *
 * usage: module-flows [contained] set FIRST N GENERATION | del ID | churn N | count | srtp | stranger | plain | crowd N |
 *                                 listeners N | keys | forgotten | total NAME
 *   contained  as root of a user namespace and a network namespace of its own
 *   set        flows FIRST to FIRST + N - 1 on the loopback
 *   del        one of them
 *   churn      one comes and goes N times, while packets for it are sent from another processor
 *   count      how many there are
 *   srtp       whether HELLO said SRTP: 1 or 0
 *   stranger   a flow at an address that is not ours
 *   plain      a question without HELLO
 *   crowd      N flows at one port, each at an address of its own
 *   listeners  N sockets that want events
 *   keys       SETs with keys that are refused for one reason or another: what netlink sends back of them has no key
 *   forgotten  HELLO, the socket is closed, and another that has its port id asks without HELLO
 *   total      the counter of that name, of all flows that were ever there
 * Prints a number: of flows, or the first status that was not 0, or 0. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include "engine/genl_map.h"
#include "engine/tlv.h"

#define ANSWER_MS 5000
#define ROOM      32768
#define SECRET    0x5a
#define SECRETS   6 /* so many of them in a row */
#define FIRST     10000

struct link {
	int fd;
	u16 family;
	u32 seq, caps;
	const char *wanted; /* a counter; NULL: none */
	u64 total;          /* what it has counted */
	struct tlv_out out;
	u32 request[2048], in[ROOM / 4], mapped[ROOM / 2];
};

static void die(const char *what, int err)
{
	fprintf(stderr, "module-flows: %s: %s\n", what, strerror(err));
	exit(2);
}

static void link_open(struct link *l)
{
	l->fd = genl_open(&l->family);
	if (l->fd < 0)
		die("no module", -l->fd);
}

static void begin(struct link *l, u8 cmd, u16 flags)
{
	tlv_out_init(&l->out, l->request, sizeof(l->request));
	tlv_begin(&l->out, cmd, (u16)(NLM_F_REQUEST | NLM_F_ACK | flags), ++l->seq);
}

static void add_total(void *arg, const char *name, u64 count, const char *why)
{
	struct link *l = arg;

	(void)why;
	if (!strcmp(name, l->wanted))
		l->total = count;
}

/* What answers the request: its status; `flows` counts messages that are about one. False: there is more to come. */
static bool judge(struct link *l, const void *at, size_t left, int *status, unsigned *flows)
{
	struct tlv_msg m;
	bool done = false;

	while (tlv_next(&at, &left, &m) > 0) {
		if (m.seq != l->seq)
			continue;
		if (m.attr[FLOW_A_SIDE0] && flows)
			++*flows;
		if (l->wanted)
			tlv_each_drop(&m, add_total, l);
		if (m.done || !(m.flags & NLM_F_MULTI)) {
			*status = (int)tlv_u32(&m, FLOW_A_STATUS, 0);
			l->caps |= tlv_u32(&m, FLOW_A_CAPS, 0);
			done = true;
		}
	}
	return done;
}

static int ask(struct link *l, unsigned *flows)
{
	int status = 0;

	if (tlv_end(&l->out))
		die("request", EMSGSIZE);
	genl_map_request(l->request, l->request, l->out.n, l->family);
	if (send(l->fd, l->request, l->out.n, 0) < 0)
		die("send", errno);
	for (;;) {
		struct pollfd pfd = { l->fd, POLLIN, 0 };
		struct genl_news news = { 0 };
		if (poll(&pfd, 1, ANSWER_MS) != 1)
			die("no answer", ETIMEDOUT);
		ssize_t n = genl_recv(l->fd, l->in, sizeof(l->in));
		if (n > 0)
			n = genl_map_reply(l->mapped, sizeof(l->mapped), l->in, (size_t)n,
					   l->family, &news);
		if (n < 0)
			die("receive", (int)-n);
		if (n && judge(l, l->mapped, (size_t)n, &status, flows))
			return status;
	}
}

static int hello(struct link *l)
{
	begin(l, FLOW_CMD_HELLO, 0);
	tlv_put_u32(&l->out, FLOW_A_VERSION, FLOW_VERSION);
	return ask(l, NULL);
}

static struct flow_side side(const char local[4], u16 port)
{
	struct flow_side s = { .ptime = 20,
			       .clock = 8000,
			       .dtmf_in = FLOW_PT_NONE,
			       .dtmf_out = FLOW_PT_NONE,
			       .dtmf_clock = 8000 };

	s.local.family = s.remote.family = 4;
	memcpy(s.local.ip, local, 4);
	memcpy(s.remote.ip, "\x7f\0\0\1", 4);
	s.local.port = port;
	s.local_rtcp = port + 1;
	s.remote.port = 9;
	return s;
}

/* Its ports are `port` to `port` + 3. */
static struct flow a_flow(const char local[4], u16 port, u64 id, u32 gen)
{
	struct flow f = { .id = id, .gen = gen };

	f.side[0] = side(local, port);
	f.side[1] = side(local, port + 2);
	return f;
}

static int set_flow(struct link *l, const struct flow *f)
{
	begin(l, FLOW_CMD_SET, 0);
	tlv_put_flow(&l->out, f);
	return ask(l, NULL);
}

static int set(struct link *l, const char local[4], u64 id, u32 gen)
{
	struct flow f = a_flow(local, (u16)(FIRST + 4 * id), id, gen);

	return set_flow(l, &f);
}

static int set_many(struct link *l, u64 first, u64 n, u32 gen)
{
	int status = 0;

	for (u64 id = first; id < first + n && !status; id++)
		status = set(l, "\x7f\0\0\1", id, gen);
	return status;
}

/* The status of the last one, which alone may be refused. */
static int crowd(struct link *l, u64 n)
{
	int status = 0;

	for (u64 id = 1; id <= n && !status; id++) {
		const char local[4] = { 127, 1, (char)(id >> 8), (char)id };
		struct flow f = a_flow(local, FIRST, id, 1);

		status = set_flow(l, &f);
		if (status && id < n)
			die("it is full too early", -status);
	}
	return status;
}

static int listeners(u64 n)
{
	struct link *l = calloc(1, sizeof(*l));
	int status = 0;

	if (!l)
		die("memory", ENOMEM);
	for (u64 i = 1; i <= n && !status; i++) {
		link_open(l);
		if (hello(l))
			die("HELLO", EPROTO);
		begin(l, FLOW_CMD_SUBSCRIBE, 0);
		status = ask(l, NULL);
		if (status && i < n)
			die("it is full too early", -status);
	}
	free(l);
	return status; /* sockets go with the process */
}

/* A SET of flow 1 with keys at a local address; the octets of its request. */
static size_t with_keys(struct link *l, const char local[4], u32 gen)
{
	struct flow f = a_flow(local, FIRST, 1, gen);

	for (unsigned i = 0; i < 2; i++) {
		struct flow_crypto *c = &f.side[i].in;

		memset(c, SECRET, sizeof(*c));
		c->number = 1;
		c->flags = c->mki_len = 0;
		c->suite = FLOW_SUITE_AES_CM_128_HMAC_SHA1_80;
	}
	begin(l, FLOW_CMD_SET, 0);
	tlv_put_flow(&l->out, &f);
	if (tlv_end(&l->out))
		die("request", EMSGSIZE);
	genl_map_request(l->request, l->request, l->out.n, l->family);
	return l->out.n;
}

/* Is what comes back a refusal with this status, all of the request, and none of its keys? */
static bool comes_back_empty(struct link *l, size_t n, int status)
{
	static const u8 secret[SECRETS] = { SECRET, SECRET, SECRET, SECRET, SECRET, SECRET };
	struct pollfd pfd = { l->fd, POLLIN, 0 };
	const struct nlmsghdr *h = (const void *)l->in;
	const struct nlmsgerr *e = NLMSG_DATA(h);

	if (!memmem(l->request, n, secret, SECRETS))
		die("a request without keys", EINVAL);
	if (send(l->fd, l->request, n, 0) < 0 || poll(&pfd, 1, ANSWER_MS) != 1)
		die("no answer", errno);
	ssize_t got = genl_recv(l->fd, l->in, sizeof(l->in));
	if (got < (ssize_t)NLMSG_LENGTH(sizeof(*e)) || h->nlmsg_type != NLMSG_ERROR)
		die("another answer", EPROTO);
	if (e->error == status && (size_t)got > n && !memmem(l->in, (size_t)got, secret, SECRETS))
		return true;
	fprintf(stderr, "%d, not %d; %zd octets for %zu\n", e->error, status, got, n);
	return false;
}

/* With all of the request, which nobody else asks for. */
static void echo_requests(struct link *l)
{
	int off = 0;

	if (setsockopt(l->fd, SOL_NETLINK, NETLINK_CAP_ACK, &off, sizeof(off)))
		die("NETLINK_CAP_ACK", errno);
}

static int keys(struct link *l)
{
	static const char here[] = { 127, 0, 0, 1 }, elsewhere[] = { (char)192, 0, 2, 1 };
	bool ok;

	echo_requests(l);
	ok = comes_back_empty(l, with_keys(l, elsewhere, 1), -EADDRNOTAVAIL);
	ok &= comes_back_empty(l, with_keys(l, here, 0), -EINVAL);
	size_t n = with_keys(l, here, 1); /* octets that are no attribute behind the last one */
	memset((u8 *)l->request + n, 1, 2);
	((struct nlmsghdr *)(void *)l->request)->nlmsg_len = (u32)n + 2;
	ok &= comes_back_empty(l, n + 2, -EINVAL);
	close(l->fd);
	link_open(l); /* HELLO was not said */
	echo_requests(l);
	ok &= comes_back_empty(l, with_keys(l, here, 1), -EPROTO);
	return !ok;
}

static int del(struct link *l, u64 id)
{
	begin(l, FLOW_CMD_DEL, 0);
	tlv_put_u64(&l->out, FLOW_A_ID, id);
	return ask(l, NULL);
}

static int count(struct link *l)
{
	unsigned flows = 0;

	begin(l, FLOW_CMD_DUMP, NLM_F_DUMP);
	int status = ask(l, &flows);
	return status ? status : (int)flows;
}

static int total(struct link *l, const char *name)
{
	l->wanted = name;
	int status = count(l);
	return status < 0 ? status : (int)l->total;
}

static int plain(struct link *l)
{
	begin(l, FLOW_CMD_DUMP, 0);
	tlv_put_u64(&l->out, FLOW_A_ID, 1);
	return ask(l, NULL);
}

/* The port id is this process's: the first socket has it, and after that one is closed the next. */
static int forgotten(struct link *l)
{
	struct sockaddr_nl was, is;
	socklen_t n = sizeof(was);

	if (hello(l) || getsockname(l->fd, (struct sockaddr *)&was, &n))
		die("HELLO", EPROTO);
	close(l->fd);
	link_open(l);
	n = sizeof(is);
	if (getsockname(l->fd, (struct sockaddr *)&is, &n) || is.nl_pid != was.nl_pid)
		die("another port id", EADDRINUSE);
	return plain(l);
}

/* ---- flows that come and go under their packets ---- */

/* A machine with one processor has to do with that. */
static void stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* What is sent over the loopback is received on the same processor. */
static _Noreturn void pour(u64 id)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	u8 rtp[172] = { 0x80, 8 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd < 0)
		die("socket", errno);
	stay_on(1);
	for (u16 seq = 0;; seq++) {
		rtp[2] = (u8)(seq >> 8);
		rtp[3] = (u8)seq;
		to.sin_port = htons((u16)(FIRST + 4 * id + 2 * (seq & 1)));
		sendto(fd, rtp, sizeof(rtp), 0, (struct sockaddr *)&to, sizeof(to));
	}
}

static int churn(struct link *l, u64 n)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		die("fork", errno);
	if (!pid)
		pour(1);
	stay_on(0);
	for (u64 i = 0; i < n && !status; i++) {
		status = set(l, "\x7f\0\0\1", 1, 1);
		if (!status)
			status = del(l, 1);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return status;
}

/* ---- the words ---- */

static u64 number(char **argv, int argc, int i)
{
	return i < argc ? strtoull(argv[i], NULL, 0) : 0;
}

static void contain(void)
{
	static const char map[] = "0 0 1";
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		die("namespaces", errno);
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, map, sizeof(map) - 1) != sizeof(map) - 1)
		die("uid_map", errno);
	close(fd);
	if (system("ip link set lo up"))
		die("loopback", EIO);
}

static int run(struct link *l, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "plain"))
		return plain(l);
	if (!strcmp(what, "forgotten"))
		return forgotten(l);
	if (hello(l))
		die("HELLO", EPROTO);
	if (!strcmp(what, "total") && argc > 2)
		return total(l, argv[2]);
	if (!strcmp(what, "srtp"))
		return !!(l->caps & FLOW_CAP_SRTP);
	if (!strcmp(what, "set"))
		return set_many(l, number(argv, argc, 2), number(argv, argc, 3),
				(u32)number(argv, argc, 4));
	if (!strcmp(what, "del"))
		return del(l, number(argv, argc, 2));
	if (!strcmp(what, "churn"))
		return churn(l, number(argv, argc, 2));
	if (!strcmp(what, "count"))
		return count(l);
	if (!strcmp(what, "crowd"))
		return crowd(l, number(argv, argc, 2));
	if (!strcmp(what, "listeners"))
		return listeners(number(argv, argc, 2));
	if (!strcmp(what, "keys"))
		return keys(l);
	if (!strcmp(what, "stranger"))
		return set(l, "\xc0\0\2\1", 1, 1);
	die(what, EINVAL);
	return 2;
}

int main(int argc, char **argv)
{
	static struct link l;

	if (argc > 1 && !strcmp(argv[1], "contained")) {
		contain();
		argc--;
		argv++;
	}
	link_open(&l);
	printf("%d\n", run(&l, argc, argv));
	return 0;
}
