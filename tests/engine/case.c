/* SPDX-License-Identifier: Apache-2.0 */
/* What a case is given: a place in the list, ids and ports of its own, and an end. */
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>
#include "suite.h"

void list_add(struct list *l, u32 caps, u32 flags, case_fn *fn, const void *row, const char *name,
	      ...)
{
	va_list ap;

	if (l->n == CASES_MAX)
		abort();
	struct test_case *c = &l->c[l->n++];
	*c = (struct test_case){ .caps = caps, .flags = flags, .fn = fn, .row = row };
	va_start(ap, name);
	vsnprintf(c->name, sizeof(c->name), name, ap);
	va_end(ap);
}

void test_fail(struct test *t, const char *file, int line, const char *fmt, ...)
{
	const char *slash = strrchr(file, '/');
	va_list ap;

	fprintf(stderr, "%s:%d: ", slash ? slash + 1 : file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	u32 stall = atomic_load(&t->stall_us);
	fprintf(stderr, stall > STALL_US ? " (the machine stood still for %u ms)\n" : "\n",
		stall / MS);
	_exit(stall > STALL_US ? EXIT_STALL : 1); /* the parent takes the flows away */
}

void test_skip(struct test *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	_exit(EXIT_SKIP);
}

/* SplitMix64, the same in each run of a case. */
u32 test_random(struct test *t)
{
	u64 x = t->random += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (u32)(x ^ (x >> 31));
}

u64 test_id(struct test *t)
{
	return t->id + t->ids++;
}

u16 test_port(struct test *t, unsigned side)
{
	if (t->locals[side] + 2 > PORTS)
		FAIL(t, "out of the engine's ports");
	t->locals[side] += 2;
	return (u16)(PORT_LOW + t->index * PORTS + t->locals[side] - 2);
}

u16 test_peer_port(struct test *t, unsigned side, u16 n)
{
	t->peers[side] += n > 1 ? t->peers[side] & 1 : 0;
	if (t->peers[side] + n > PEER_PORTS)
		FAIL(t, "out of the peers' ports");
	t->peers[side] += n;
	return (u16)(PEER_LOW + t->index * PEER_PORTS + t->peers[side] - n);
}

void test_restart(struct test *t)
{
	char done;

	if (write(t->gate, "r", 1) != 1 || read(t->gate, &done, 1) != 1)
		FAIL(t, "the engine was not started again");
}

static bool is_deaf(const struct sock *s)
{
	return s->deaf;
}

void test_end(struct test *t)
{
	nap(30 * MS);
	for (unsigned i = 0; i < t->n_socks; i++)
		if (!is_deaf(t->sock[i]))
			sock_quiet(t, t->sock[i], 0);
	for (u64 id = t->id; t->client && id < t->id + t->ids; id++)
		client_del(t->client, id);
}
