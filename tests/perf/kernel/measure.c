// SPDX-License-Identifier: Apache-2.0
/* How many instructions it takes the one processor of this guest to bring a packet from a socket to another one: QEMU with
 * -icount shift=0,sleep=off lets the time-stamp counter go on by one with each instruction. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <x86intrin.h>
#include "cost.h"

#define RTP_HEAD  12
#define RTP_SIZE  172 /* 20 ms of G.711 */
#define ROOM      252
#define WARM      64
#define PROVEN_US 1200000 /* a source is not in doubt any more */
#define FIRST_SEQ 1000

struct packet {
	uint32_t len;
	uint8_t data[ROOM];
};

struct work {
	struct packet *sent, *got;
	unsigned n; /* of sent, WARM included */
	unsigned n_got;
	unsigned batch, lost;
	int from, to;
	struct sockaddr_in dst;
	bool sealed;
};

static void rtp_write(struct packet *p, uint16_t seq)
{
	uint32_t ts = seq * 160u;
	uint8_t head[RTP_HEAD] = { 0x80, PAYLOAD_TYPE };

	head[2] = (uint8_t)(seq >> 8);
	head[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
	memcpy(head + 8, "rtp!", 4);
	memcpy(p->data, head, sizeof(head));
	for (unsigned i = RTP_HEAD; i < RTP_SIZE; i++)
		p->data[i] = (uint8_t)(i * 7 + seq);
	p->len = RTP_SIZE;
}

static int load(struct work *w, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		return -errno;
	w->n = (unsigned)fread(w->sent, sizeof(*w->sent), w->n, f);
	fclose(f);
	return w->n > WARM ? 0 : -ENODATA;
}

static int save(const struct work *w, const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f)
		return -errno;
	size_t n = fwrite(w->got, sizeof(*w->got), w->n_got, f);
	return fclose(f) || n != w->n_got ? -EIO : 0;
}

/* What came must be what was sent, or be sealed. */
static bool is_right(const struct work *w, const struct packet *p)
{
	struct packet want;

	rtp_write(&want, (uint16_t)(p->data[2] << 8 | p->data[3]));
	if (w->sealed)
		return p->len > want.len && !memcmp(p->data, want.data, RTP_HEAD) &&
		       memcmp(p->data + RTP_HEAD, want.data + RTP_HEAD, RTP_SIZE - RTP_HEAD) != 0;
	return p->len == want.len && !memcmp(p->data, want.data, want.len);
}

static void send_one(struct work *w, unsigned i)
{
	if (sendto(w->from, w->sent[i].data, w->sent[i].len, 0, (const void *)&w->dst,
		   sizeof(w->dst)) < 0)
		w->lost++;
}

static bool receive_one(struct work *w)
{
	struct packet *p = &w->got[w->n_got];
	ssize_t n = recv(w->to, p->data, sizeof(p->data), 0);

	if (n < 0)
		return false;
	p->len = (uint32_t)n;
	w->n_got++;
	return true;
}

/* Routes, neighbours and a source are learned. The last sixteen must have come. */
static bool warm(struct work *w)
{
	unsigned came = 0;

	for (unsigned i = 0; i < WARM; i++) {
		send_one(w, i);
		came = receive_one(w) ? came + 1 : 0;
	}
	while (came && w->n_got < WARM && receive_one(w))
		came++;
	usleep(PROVEN_US);
	return came >= 16;
}

static double instructions(struct work *w)
{
	unsigned batches = (w->n - WARM) / w->batch, at = WARM;
	uint64_t start = __rdtsc();

	for (unsigned b = 0; b < batches; b++) {
		for (unsigned i = 0; i < w->batch; i++)
			send_one(w, at++);
		for (unsigned i = 0; i < w->batch; i++)
			if (!receive_one(w)) {
				w->lost++;
				break;
			}
	}
	return (double)(__rdtsc() - start) / (batches * w->batch);
}

static int work_open(struct work *w, const char *from, char *to)
{
	char *port = strchr(to, ':');
	struct timeval wait = { .tv_usec = 50000 };

	if (!port)
		return -EINVAL;
	*port++ = '\0';
	w->dst = (struct sockaddr_in){ .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	if (inet_pton(AF_INET, to, &w->dst.sin_addr) != 1)
		return -EINVAL;
	w->from = udp_socket(from, *from == 'A' ? A_ADDRESS : R_ADDRESS_B, A_PORT);
	w->to = udp_socket("B", B_ADDRESS, B_PORT);
	if (setsockopt(w->to, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return -errno;
	w->sent = calloc(w->n, sizeof(*w->sent));
	w->got = calloc(w->n, sizeof(*w->got));
	if (!w->sent || !w->got)
		return -ENOMEM;
	memset(w->got, 0xff, w->n * sizeof(*w->got)); /* its pages are there */
	for (unsigned i = 0; i < w->n; i++)
		rtp_write(&w->sent[i], (uint16_t)(FIRST_SEQ + i));
	return 0;
}

static int say(const char *name, const struct work *w, double each)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < w->n_got; i++)
		wrong += !is_right(w, &w->got[i]);
	printf("cost %s batch %u packets %u lost %u wrong %u instructions %.1f\n", name, w->batch,
	       w->n - WARM, w->lost, wrong, each);
	return w->lost || wrong ? 1 : 0;
}

static int fail(const char *name, const char *what, int err)
{
	printf("# %s: %s%s%s\n", name, what, err ? ": " : "", err ? strerror(-err) : "");
	return 1;
}

int measure(int argc, char **argv)
{
	struct work w = { 0 };
	const char *keep = NULL, *replay = NULL;

	if (argc < 5)
		return fail("measure", "NAME FROM TO:PORT BATCH COUNT", 0);
	w.batch = (unsigned)strtoul(argv[3], NULL, 10);
	w.n = WARM + (unsigned)strtoul(argv[4], NULL, 10);
	for (int i = 5; i < argc; i++) {
		if (!strcmp(argv[i], "sealed"))
			w.sealed = true;
		else if (!strncmp(argv[i], "keep=", 5))
			keep = argv[i] + 5;
		else if (!strncmp(argv[i], "replay=", 7))
			replay = argv[i] + 7;
	}
	int err = w.batch ? work_open(&w, argv[1], argv[2]) : -EINVAL;
	if (!err && replay)
		err = load(&w, replay);
	if (err)
		return fail(argv[0], "not begun", err);
	if (!warm(&w))
		return fail(argv[0], "nothing comes through", 0);
	double each = instructions(&w);
	err = keep ? save(&w, keep) : 0;
	if (err)
		return fail(argv[0], "not kept", err);
	return say(argv[0], &w, each);
}
