/* SPDX-License-Identifier: Apache-2.0 */
/* A line of JSON for each second, and one of the sums. */
#include <stdio.h>
#include "sipload.h"

/* 32 steps for each doubling: 3 %. */
static unsigned bucket_of(uint64_t us)
{
	unsigned top = us >= 32 ? 63 - (unsigned)__builtin_clzll(us) : 0;
	unsigned b = us < 32 ? (unsigned)us : (top - 4) * 32 + (unsigned)(us >> (top - 5)) - 32;

	return b < BUCKETS ? b : BUCKETS - 1;
}

static double value_of(unsigned b)
{
	return b < 32 ? b : (double)((uint64_t)(32 + b % 32) << (b / 32 - 1));
}

void report_setup(struct report *r, uint64_t us)
{
	r->now.setup[bucket_of(us)]++;
}

static double percentile_ms(const struct second *s, double share)
{
	uint64_t n = 0, seen = 0;

	for (unsigned b = 0; b < BUCKETS; b++)
		n += s->setup[b];
	for (unsigned b = 0; b < BUCKETS && n; b++) {
		seen += s->setup[b];
		if ((double)seen >= share * (double)n)
			return value_of(b) / 1000;
	}
	return 0;
}

static void print(const struct second *s, unsigned up)
{
	const char *comma = "";

	printf("\"offered\":%lu,\"answered\":%lu,\"failed\":%lu,\"timed_out\":%lu,"
	       "\"abandoned\":%lu,\"held_back\":%lu,\"late\":%lu,\"dialog_sent\":%lu,"
	       "\"dialog_ok\":%lu,\"dialog_failed\":%lu,\"ended_by_peer\":%lu,"
	       "\"retransmitted\":%lu,\"received\":%lu,\"requests\":%lu,\"up\":%u,"
	       "\"setup_p50_ms\":%.3f,\"setup_p99_ms\":%.3f,\"refused\":{",
	       s->offered, s->answered, s->failed, s->timed_out, s->abandoned, s->held_back,
	       s->late, s->dialog_sent, s->dialog_ok, s->dialog_failed, s->ended_by_peer,
	       s->retransmitted, s->received, s->requests, up, percentile_ms(s, 0.5),
	       percentile_ms(s, 0.99));
	for (unsigned i = 300; i < STATUS_MAX; i++) {
		if (!s->refused[i])
			continue;
		printf("%s\"%u\":%u", comma, i, s->refused[i]);
		comma = ",";
	}
	printf("}");
}

static void add(struct second *sum, const struct second *s)
{
	uint64_t *a = &sum->offered;
	const uint64_t *b = &s->offered;

	for (size_t i = 0; i < offsetof(struct second, refused) / sizeof(*a); i++)
		a[i] += b[i];
	for (unsigned i = 0; i < STATUS_MAX; i++)
		sum->refused[i] += s->refused[i];
	for (unsigned i = 0; i < BUCKETS; i++)
		sum->setup[i] += s->setup[i];
}

void report_start(struct report *r)
{
	memset(r, 0, sizeof(*r));
	r->start = now_us();
	r->next = r->start + SEC;
}

static void close_second(struct report *r, unsigned up)
{
	printf("{\"second\":%u,", r->n++);
	print(&r->now, up);
	printf("}\n");
	fflush(stdout);
	add(&r->all, &r->now);
	memset(&r->now, 0, sizeof(r->now));
}

void report_tick(struct report *r, uint64_t now, unsigned up)
{
	while (now >= r->next) {
		close_second(r, up);
		r->next += SEC;
	}
}

void report_end(struct report *r, double offered_for_s, unsigned up, uint64_t unsent)
{
	close_second(r, up);
	printf("{\"total\":true,\"offered_for_s\":%.3f,\"unsent\":%lu,", offered_for_s, unsent);
	print(&r->all, up);
	printf("}\n");
	fflush(stdout);
}
