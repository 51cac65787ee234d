/* SPDX-License-Identifier: Apache-2.0 */
/* relay_bench [rounds]: nanoseconds of relay_plan() and relay_commit() for one RTP packet of a
 * learned source, flows in random order, bursts of 32 with the directions prefetched as an engine
 * prefetches them after its table lookup. One line per number of flows: the best round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "relay/relay.h"

#define BURST     32
#define HUGE_PAGE (2u << 20)

struct bench {
	struct flow rule; /* one for all: what counts is the directions */
	struct relay_dir *dir;
	u32 *order;
	u32 flows;
	u64 now, forwarded;
	u8 packet[BURST][64];
};

static u64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

static void set_addr(struct flow_addr *a, u8 last, u16 port)
{
	*a = (struct flow_addr){ .ip = { 192, 0, 2, last }, .port = port, .family = 4 };
}

static void set_rule(struct flow *f)
{
	memset(f, 0, sizeof(*f));
	for (u8 i = 0; i < 2; i++) {
		struct flow_side *s = &f->side[i];
		set_addr(&s->local, 1 + i, 20000);
		set_addr(&s->remote, 3 + i, 30000);
		s->clock = 8000;
		s->rate = 16000; /* of 10,000 that are sent */
		s->burst = 4000;
		s->ptime = 20;
		s->n_ptmap = 1;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
	}
}

static void one(struct bench *b, struct relay_dir *d, u8 *p)
{
	struct relay_packet pkt = { p, 172, b->rule.side[0].remote, b->now };
	struct relay_plan plan;
	u16 seq = (u16)(d->packets_low + 1);

	p[2] = seq >> 8;
	p[3] = (u8)seq;
	relay_plan(d, d, &pkt, &plan);
	if (plan.action != RELAY_FORWARD)
		return;
	relay_commit(d, &pkt, &plan);
	b->forwarded++;
}

static void prefetch(const struct relay_dir *d)
{
	__builtin_prefetch(&d->rtp.received, 1);
	__builtin_prefetch(&d->packets_low, 1);
}

static void round_of(struct bench *b)
{
	u32 bursts = b->flows / BURST;

	for (unsigned i = 0; i < BURST; i++)
		prefetch(&b->dir[b->order[i]]);
	for (u32 at = 0; at < bursts; at++) {
		const u32 *next = b->order + (at + 1) % bursts * BURST;
		const u32 *now = b->order + at * BURST;
		for (unsigned i = 0; i < BURST; i++)
			prefetch(&b->dir[next[i]]);
		for (unsigned i = 0; i < BURST; i++)
			one(b, &b->dir[now[i]], b->packet[i]);
	}
	b->now += 20000;
}

static void shuffle(u32 *order, u32 n)
{
	u64 x = 88172645463325252ull;

	for (u32 i = 0; i < n; i++)
		order[i] = i;
	for (u32 i = n - 1; i; i--) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		u32 j = (u32)((x >> 32) * (i + 1) >> 32), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

static int run(struct bench *b, u32 flows, unsigned rounds)
{
	u64 best = UINT64_MAX;
	int rc = 1;

	b->flows = flows / BURST * BURST;
	size_t size = (flows * sizeof(*b->dir) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	b->dir = aligned_alloc(HUGE_PAGE, size);
	b->order = malloc(flows * sizeof(*b->order));
	if (!b->dir || !b->order)
		goto out;
	(void)madvise(b->dir, size, MADV_HUGEPAGE); /* as an engine's memory is */
	b->now = 1000000;
	for (u32 i = 0; i < flows; i++)
		relay_dir_init(memset(&b->dir[i], 0, sizeof(*b->dir)), &b->rule, 0, RELAY_RTP,
			       NULL);
	shuffle(b->order, flows);
	round_of(b); /* learns the sources */
	b->forwarded = 0;
	for (unsigned i = 0; i < rounds; i++) {
		u64 start = clock_ns();
		round_of(b);
		u64 took = clock_ns() - start;
		best = took < best ? took : best;
	}
	printf("relay.plan_commit flows=%u ns_per_packet %.1f\n", flows,
	       (double)best / (double)b->flows);
	rc = b->forwarded != (u64)rounds * b->flows;
out:
	free(b->dir);
	free(b->order);
	return rc;
}

int main(int argc, char **argv)
{
	struct bench b = { .flows = 0 };
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 9;

	set_rule(&b.rule);
	for (unsigned i = 0; i < BURST; i++)
		b.packet[i][0] = 0x80;
	return run(&b, 10000, rounds * 20) | run(&b, 1000000, rounds);
}
