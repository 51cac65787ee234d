/* SPDX-License-Identifier: Apache-2.0 */
/* rtpgen: sends RTP on both legs of many calls through any media relay and counts what comes out.
 *
 *   rtpgen -f LEGS -a NETNS -b NETNS [-p PACKETS/S] [-w WARM_S] [-d SECONDS] [-s PAYLOAD] [-t TYPE]
 *
 * LEGS has one line per leg, the lines 2k and 2k+1 being the two legs of call k:
 *   a|b  LOCAL_IP LOCAL_PORT RELAY_IP RELAY_PORT
 * What leg 2k sends must come out at leg 2k+1, and the other way round. Legs of side a have their
 * sockets in the namespace of -a, those of side b in that of -b; each leg has its own socket, port
 * and SSRC.
 *
 * Standard output: "warm" when the first packets are through and the measured window begins, "done"
 * when it ends, then one JSON object. Loss is counted from the first packet that a leg received. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RTP_HEAD    12
#define STAMP       16 /* leg u32, counter u32, time u64 */
#define PAYLOAD_MAX 1400
#define TICK_NS     500000ull
#define NS          1000000000ull
#define BURST       16
#define EVENTS      256
#define LATE_NS     50000000ull /* then the lost time is left out */
#define BUCKET_NS   4000ull     /* of the latency histogram */
#define BUCKETS     16384       /* up to 65 ms; the last one holds the rest */
#define SETTLE_NS   (NS / 2)

struct leg {
	int side, fd;
	struct sockaddr_in local, relay;
	uint32_t sent; /* written by the sender only */
	/* The receiver's. */
	uint32_t first, highest, received, reordered, wrong, foreign;
	uint64_t last_ns, max_gap_ns;
	bool started;
};

struct run {
	struct leg *legs;
	unsigned n_legs;
	const char *namespace[2];
	unsigned pps, warm_s, seconds, payload, type;
	int home;
	atomic_int phase; /* enum phase */
	uint64_t histogram[BUCKETS], samples, latency_max;
	uint64_t late_ticks, late_max, send_errors;
};

enum phase {
	PHASE_WARM,
	PHASE_WINDOW,
	PHASE_SETTLE,
	PHASE_END
};

static void die(const char *what)
{
	fprintf(stderr, "rtpgen: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* ---- legs ---- */

static int read_address(const char *ip, const char *port, struct sockaddr_in *out)
{
	char *end;
	unsigned long n = strtoul(port, &end, 10);

	*out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)n) };
	return *end == '\0' && n > 0 && n < 65536 && inet_pton(AF_INET, ip, &out->sin_addr) == 1
		       ? 0
		       : -EINVAL;
}

static int read_leg(char *line, struct leg *leg)
{
	char *word[5], *rest = line;

	for (int i = 0; i < 5; i++) {
		rest += strspn(rest, " \t");
		word[i] = rest;
		rest += strcspn(rest, " \t\r\n");
		if (*rest)
			*rest++ = '\0';
	}
	*leg = (struct leg){ .side = word[0][0] == 'b', .fd = -1 };
	if (strcmp(word[0], "a") != 0 && strcmp(word[0], "b") != 0)
		return -EINVAL;
	if (read_address(word[1], word[2], &leg->local) < 0)
		return -EINVAL;
	return read_address(word[3], word[4], &leg->relay);
}

static void read_legs(struct run *r, const char *file)
{
	FILE *f = fopen(file, "r");
	char line[256];
	unsigned room = 0;

	if (!f)
		die(file);
	while (fgets(line, sizeof(line), f)) {
		if (r->n_legs == room) {
			room = room ? 2 * room : 256;
			r->legs = realloc(r->legs, room * sizeof(*r->legs));
			if (!r->legs)
				die("memory");
		}
		if (read_leg(line, &r->legs[r->n_legs++]) < 0) {
			fprintf(stderr, "rtpgen: %s:%u: not a leg\n", file, r->n_legs);
			exit(2);
		}
	}
	fclose(f);
	if (r->n_legs == 0 || r->n_legs % 2) {
		fprintf(stderr, "rtpgen: %s: an even number of legs is wanted\n", file);
		exit(2);
	}
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		die("setns");
}

static void open_leg(struct leg *l)
{
	int size = 1 << 20, tos = 184;

	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		die("socket");
	setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(l->fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (bind(l->fd, (struct sockaddr *)&l->local, sizeof(l->local)) < 0)
		die("bind");
}

static void open_legs(struct run *r)
{
	for (int side = 0; side < 2; side++) {
		int ns = -1;

		if (r->namespace[side]) {
			char path[128];

			snprintf(path, sizeof(path), "/run/netns/%s", r->namespace[side]);
			ns = open(path, O_RDONLY | O_CLOEXEC);
			if (ns < 0)
				die(path);
			enter(ns);
			close(ns);
		}
		for (unsigned i = 0; i < r->n_legs; i++)
			if (r->legs[i].side == side)
				open_leg(&r->legs[i]);
		enter(r->home);
	}
}

/* ---- receiving: one thread ---- */

static void count_latency(struct run *r, uint64_t ns)
{
	uint64_t b = ns / BUCKET_NS;

	r->histogram[b < BUCKETS ? b : BUCKETS - 1]++;
	r->samples++;
	if (ns > r->latency_max)
		r->latency_max = ns;
}

/* The counter in the payload says what the sequence number would, without wrapping. */
static void count_packet(struct run *r, unsigned index, const uint8_t *p, size_t n, uint64_t now)
{
	struct leg *l = &r->legs[index];
	uint32_t leg, counter;
	uint64_t sent_ns;

	if (n < RTP_HEAD + STAMP || (p[0] >> 6) != 2)
		return; /* RTCP or something else */
	memcpy(&leg, p + RTP_HEAD, 4);
	memcpy(&counter, p + RTP_HEAD + 4, 4);
	memcpy(&sent_ns, p + RTP_HEAD + 8, 8);
	if (leg != (index ^ 1)) {
		l->wrong++;
		return;
	}
	if (!l->started) {
		l->started = true;
		l->first = counter;
	} else if (counter <= l->highest) {
		l->reordered++; /* a duplicate is one too: the sender makes none */
	}
	if (counter > l->highest || l->received == 0)
		l->highest = counter;
	l->received++;
	if (atomic_load(&r->phase) == PHASE_WINDOW) {
		count_latency(r, now - sent_ns);
		if (l->last_ns && now - l->last_ns > l->max_gap_ns)
			l->max_gap_ns = now - l->last_ns;
		l->last_ns = now;
	}
}

static void receive_leg(struct run *r, unsigned index)
{
	static _Thread_local uint8_t data[BURST][2048];
	struct leg *l = &r->legs[index];
	struct sockaddr_in from[BURST];
	struct mmsghdr m[BURST];
	struct iovec iov[BURST];
	int n;

	for (int i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		m[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						.msg_namelen = sizeof(from[i]),
						.msg_iov = &iov[i],
						.msg_iovlen = 1 };
	}
	n = recvmmsg(l->fd, m, BURST, 0, NULL);
	for (int i = 0; i < n; i++) {
		if (from[i].sin_addr.s_addr != l->relay.sin_addr.s_addr ||
		    from[i].sin_port != l->relay.sin_port)
			l->foreign++;
		else
			count_packet(r, index, data[i], m[i].msg_len, now_ns());
	}
}

static void *receiver(void *arg)
{
	struct run *r = arg;
	struct epoll_event ev[EVENTS];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = 0; i < r->n_legs; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(ep, EPOLL_CTL_ADD, r->legs[i].fd, &e) < 0)
			die("epoll");
	}
	while (atomic_load(&r->phase) != PHASE_END) {
		int n = epoll_wait(ep, ev, EVENTS, 10);

		for (int i = 0; i < n; i++)
			receive_leg(r, ev[i].data.u32);
	}
	close(ep);
	return NULL;
}

/* ---- sending ---- */

static void send_packet(struct run *r, unsigned index)
{
	struct leg *l = &r->legs[index];
	uint8_t p[RTP_HEAD + PAYLOAD_MAX] = { 0x80 };
	uint64_t now = now_ns();
	uint32_t leg = index, counter = l->sent;

	p[1] = (uint8_t)(r->type | (counter ? 0 : 0x80));
	put16(p + 2, (counter + index * 7919) & 0xffff);
	put32(p + 4, counter * (8000 / r->pps) + index * 1000);
	put32(p + 8, 0x10000000u + index);
	memcpy(p + RTP_HEAD, &leg, 4);
	memcpy(p + RTP_HEAD + 4, &counter, 4);
	memcpy(p + RTP_HEAD + 8, &now, 8);
	l->sent++;
	if (sendto(l->fd, p, RTP_HEAD + r->payload, 0, (struct sockaddr *)&l->relay,
		   sizeof(l->relay)) < 0)
		r->send_errors++;
}

/* How late it is, beyond what a tick may be. A machine that stands still for a while (a virtual one
 * whose host is busy) must not become a burst that no telephone would send. */
static uint64_t wait_until(struct run *r, uint64_t when)
{
	struct timespec t = { (time_t)(when / NS), (long)(when % NS) };
	uint64_t now = now_ns(), late = now > when ? now - when : 0;

	if (late > TICK_NS)
		r->late_ticks++;
	if (late > r->late_max)
		r->late_max = late;
	if (late > LATE_NS)
		return late;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	return 0;
}

/* Packets leave evenly: after t seconds, t * legs * pps of them, legs in turn. */
static void send_all(struct run *r)
{
	uint64_t start = now_ns(), tick = start, done = 0;
	uint64_t window = start + r->warm_s * NS, end = window + r->seconds * NS;
	double per_ns = (double)r->n_legs * r->pps / 1e9;
	unsigned next = 0;
	uint64_t late;

	while (tick < end) {
		uint64_t due = (uint64_t)((double)(now_ns() - start) * per_ns);

		for (; done < due; done++) {
			send_packet(r, next);
			next = (next + 1) % r->n_legs;
		}
		if (atomic_load(&r->phase) == PHASE_WARM && tick >= window) {
			atomic_store(&r->phase, PHASE_WINDOW);
			puts("warm");
		}
		tick += TICK_NS;
		late = wait_until(r, tick);
		tick += late;
		start += late;
	}
	atomic_store(&r->phase, PHASE_SETTLE);
	puts("done");
}

/* ---- the report ---- */

static double percentile_us(const struct run *r, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)r->samples), seen = 0;

	for (unsigned b = 0; b < BUCKETS; b++) {
		seen += r->histogram[b];
		if (seen > wanted)
			return (double)((b + 1) * BUCKET_NS) / 1000;
	}
	return 0;
}

static void report(const struct run *r)
{
	uint64_t sent = 0, received = 0, lost = 0, late_start = 0, reordered = 0, wrong = 0;
	uint64_t foreign = 0, gap = 0;
	unsigned silent = 0;

	for (unsigned i = 0; i < r->n_legs; i++) {
		const struct leg *l = &r->legs[i];
		uint32_t peer_sent = r->legs[i ^ 1].sent;

		sent += l->sent;
		received += l->received;
		reordered += l->reordered;
		wrong += l->wrong;
		foreign += l->foreign;
		gap = l->max_gap_ns > gap ? l->max_gap_ns : gap;
		silent += !l->started;
		late_start += l->started ? l->first : 0;
		lost += l->started ? peer_sent - l->first - l->received : peer_sent;
	}
	printf("{\"legs\": %u, \"sent\": %lu, \"received\": %lu, \"lost\": %ld, "
	       "\"before_first\": %lu, \"silent_legs\": %u, \"reordered\": %lu, \"wrong\": %lu, "
	       "\"foreign\": %lu, \"send_errors\": %lu, \"late_ticks\": %lu, \"late_max_ms\": "
	       "%.1f, "
	       "\"max_gap_ms\": %.1f, \"window_packets\": %lu, \"latency_us\": {\"p50\": %.0f, "
	       "\"p99\": %.0f, \"max\": %.0f}}\n",
	       r->n_legs, sent, received, (long)lost, late_start, silent, reordered, wrong, foreign,
	       r->send_errors, r->late_ticks, (double)r->late_max / 1e6, (double)gap / 1e6,
	       r->samples, percentile_us(r, 0.5), percentile_us(r, 0.99),
	       (double)r->latency_max / 1000);
}

/* ---- command line ---- */

static unsigned number(const char *text, unsigned lo, unsigned hi)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || end == text || v < lo || v > hi) {
		fprintf(stderr, "rtpgen: %s: a number from %u to %u is wanted\n", text, lo, hi);
		exit(2);
	}
	return (unsigned)v;
}

int main(int argc, char **argv)
{
	struct run r = { .pps = 50, .warm_s = 2, .seconds = 10, .payload = 160, .type = 8 };
	struct rlimit files = { 200000, 200000 };
	const char *file = NULL;
	pthread_t thread;
	int c;

	while ((c = getopt(argc, argv, "f:a:b:p:w:d:s:t:")) != -1) {
		switch (c) {
		case 'f':
			file = optarg;
			break;
		case 'a':
		case 'b':
			r.namespace[c - 'a'] = optarg;
			break;
		case 'p':
			r.pps = number(optarg, 1, 8000);
			break;
		case 'w':
			r.warm_s = number(optarg, 0, 3600);
			break;
		case 'd':
			r.seconds = number(optarg, 1, 86400);
			break;
		case 's':
			r.payload = number(optarg, STAMP, PAYLOAD_MAX);
			break;
		case 't':
			r.type = number(optarg, 0, 127);
			break;
		default:
			return 2;
		}
	}
	if (!file) {
		fputs("usage: rtpgen -f LEGS -a NETNS -b NETNS [-p PACKETS/S] [-w WARM_S] "
		      "[-d SECONDS] [-s PAYLOAD] [-t TYPE]\n",
		      stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	r.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	read_legs(&r, file);
	open_legs(&r);
	if (pthread_create(&thread, NULL, receiver, &r))
		die("thread");
	send_all(&r);
	wait_until(&r, now_ns() + SETTLE_NS);
	atomic_store(&r.phase, PHASE_END);
	pthread_join(thread, NULL);
	report(&r);
	free(r.legs);
	return 0;
}
