/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/resolve_world_test.h"

int resolve_world_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = loop_new();
	assert_non_null(f->loop);
	f->world = dns_world_new(f->loop);
	f->r = resolver_new(&(struct resolver_options){ .loop = f->loop,
							.servers = &f->world->addr,
							.n_servers = 1,
							.timeout_ms = 40,
							.dead_ms = 150,
							.least_ms = LEAST_MS });
	assert_non_null(f->r);
	*state = f;
	return 0;
}

int resolve_world_teardown(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->r);
	dns_world_free(f->world);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* ---- asking ---- */

void on_answer(void *arg, const struct resolve_answer *a)
{
	struct got *g = arg;

	g->a = *a;
	g->calls++;
}

void wait_for(struct fixture *f, const struct got *g)
{
	uint64_t end = loop_now(f->loop) + 3000;

	while (!g->calls && loop_now(f->loop) < end)
		assert_int_equal(loop_once(f->loop, 50), 0);
	assert_int_equal(g->calls, 1);
}

void pass(struct fixture *f, uint32_t ms)
{
	uint64_t end = loop_now(f->loop) + ms;

	while (loop_now(f->loop) < end)
		assert_int_equal(loop_once(f->loop, (int)(end - loop_now(f->loop))), 0);
}

struct resolve_query query(const char *host)
{
	return (struct resolve_query){ .host = host,
				       .transport = SIP_TRANSPORTS,
				       .ip4 = true,
				       .ip6 = true,
				       .transports = ALL };
}

struct resolve_answer ask(struct fixture *f, struct resolve_query q)
{
	struct got g = { .calls = 0 };
	struct resolve_job *job;

	assert_int_equal(resolve(f->r, &q, on_answer, &g, &job), 0);
	assert_int_equal(g.calls == 0, job != NULL);
	wait_for(f, &g);
	return g.a;
}

/* "udp 192.0.2.1:5060 tcp ..." */
const char *text_of(const struct resolve_answer *a)
{
	static const char *const name[] = { "udp", "tcp", "tls" };
	static char text[2048];
	char one[ADDR_STR_MAX];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	for (unsigned i = 0; i < a->n; i++)
		buf_fmt(&b, "%s%s %s", i ? " " : "", name[a->target[i].transport],
			addr_print(&a->target[i].addr, one));
	buf_add(&b, "", 1);
	assert_true(buf_ok(&b));
	return text;
}

void gives(struct fixture *f, struct resolve_query q, const char *wanted)
{
	struct resolve_answer a = ask(f, q);

	assert_int_equal(a.status, a.n ? 0 : -ENOENT);
	assert_string_equal(text_of(&a), wanted);
}

void fails(struct fixture *f, struct resolve_query q, int status)
{
	struct resolve_answer a = ask(f, q);

	assert_int_equal(a.n, 0);
	assert_int_equal(a.status, status);
}

struct wanted_counter {
	const char *name;
	uint64_t value;
};

static void take_counter(void *arg, const char *name, uint64_t v)
{
	struct wanted_counter *w = arg;

	if (strcmp(w->name, name) == 0)
		w->value = v;
}

uint64_t counter(struct fixture *f, const char *name)
{
	struct wanted_counter w = { name, UINT64_MAX };

	resolver_counters(f->r, take_counter, &w);
	assert_true(w.value != UINT64_MAX);
	return w.value;
}

void srv(struct fixture *f, const char *name, unsigned priority, unsigned weight, unsigned port,
	 const char *target)
{
	world_srv(f->world, name, 60,
		  (uint16_t[3]){ (uint16_t)priority, (uint16_t)weight, (uint16_t)port }, target);
}

void naptr(struct fixture *f, const char *name, unsigned order, unsigned preference,
	   const char *service, const char *replacement)
{
	world_naptr(f->world, name, (uint16_t[2]){ (uint16_t)order, (uint16_t)preference }, service,
		    replacement);
}

void host(struct fixture *f, const char *name, const char *addr)
{
	world_addr(f->world, name, 60, addr);
}
