/* SPDX-License-Identifier: Apache-2.0 */
/* What the resolver remembers, and what it makes of servers that misbehave and of targets that failed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/resolve_world_test.h"

/* ---- what is known ---- */

static void aliases_are_followed_and_count_for_the_ttl(void **state)
{
	struct fixture *f = *state;
	struct resolve_query q = query("x.example");
	struct resolve_answer a;

	world_cname(f->world, "x.example", "y.example");
	world_cname(f->world, "y.example", "z.example");
	host(f, "z.example", "192.0.2.1");
	q.port = 5;
	a = ask(f, q);
	assert_string_equal(text_of(&a), "udp 192.0.2.1:5");
	assert_in_range(a.ttl_ms, 6000, 7000);
	world_addr(f->world, "long.example", 0x7fffffff, "192.0.2.1");
	q.host = "long.example";
	assert_int_equal(ask(f, q).ttl_ms, 24 * 3600 * 1000);
	world_addr(f->world, "negative.example", 0x80000001, "192.0.2.1");
	q.host = "negative.example";
	assert_int_equal(ask(f, q).ttl_ms, LEAST_MS);
}

static void an_expired_answer_serves_while_it_is_renewed(void **state)
{
	struct fixture *f = *state;
	struct resolve_query q = query("a.example");
	struct resolve_answer a;

	q.port = 5;
	world_addr(f->world, "a.example", 0, "192.0.2.1");
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
	world_clear(f->world);
	world_addr(f->world, "a.example", 0, "192.0.2.2");
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
	assert_int_equal(world_asked(f->world, NULL, 0), 0);
	pass(f, LEAST_MS + 1);
	a = ask(f, q);
	assert_string_equal(text_of(&a), "udp 192.0.2.1:5");
	assert_int_equal(a.ttl_ms, 0);
	pass(f, 20);
	assert_int_equal(world_asked(f->world, NULL, DNS_A), 1);
	GIVES("udp 192.0.2.2:5", "a.example", q_.port = 5);
}

static void a_fresh_answer_is_waited_for(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
	world_clear(f->world);
	host(f, "a.example", "192.0.2.2");
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5, q_.fresh_ms = 10000);
	GIVES("udp 192.0.2.2:5", "a.example", q_.port = 5, q_.fresh_ms = 60001);
	/* The servers fall silent: what is known stays. */
	f->world->mood = DNS_SILENT;
	GIVES("udp 192.0.2.2:5", "a.example", q_.port = 5, q_.fresh_ms = 60001);
	/* The name is gone: it is gone. */
	pass(f, LEAST_MS + 1);
	world_clear(f->world);
	GIVES("", "a.example", q_.port = 5, q_.fresh_ms = 60001);
}

static void silence_keeps_what_is_known(void **state)
{
	struct fixture *f = *state;

	world_addr(f->world, "a.example", 0, "192.0.2.1");
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
	f->world->mood = DNS_SILENT;
	for (unsigned i = 0; i < 3; i++) {
		pass(f, 2 * LEAST_MS);
		GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
	}
	assert_true(counter(f, "dns.timeout") > 0);
	assert_true(counter(f, "dns.stale") >= 3);
}

static void a_failure_is_kept_for_a_while(void **state)
{
	struct fixture *f = *state;

	GIVES("", "a.example", q_.port = 5);
	host(f, "a.example", "192.0.2.1");
	GIVES("", "a.example", q_.port = 5);
	assert_int_equal(world_asked(f->world, NULL, DNS_A), 1);
	pass(f, LEAST_MS + 1);
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
	assert_int_equal(counter(f, "dns.not-found"), 3); /* AAAA once more */
}

static void askers_of_one_name_share_one_query(void **state)
{
	struct fixture *f = *state;
	struct got g[3] = { 0 };
	struct resolve_job *job[3];
	struct resolve_query q = query("a.example");

	q.port = 5;
	host(f, "a.example", "192.0.2.1");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(resolve(f->r, &q, on_answer, &g[i], &job[i]), 0);
	resolve_cancel(job[1]);
	wait_for(f, &g[2]);
	wait_for(f, &g[0]);
	assert_int_equal(g[1].calls, 0);
	assert_int_equal(world_asked(f->world, NULL, DNS_A), 1);
	assert_int_equal(world_asked(f->world, NULL, DNS_AAAA), 1);
	assert_int_equal(counter(f, "dns.joined"), 4);
}

struct pair {
	struct resolve_job *job[2];
	struct resolver *free;
	unsigned calls;
};

static void on_first(void *arg, const struct resolve_answer *a)
{
	struct pair *p = arg;

	if (!p->calls++) {
		if (p->free)
			resolver_free(p->free);
		else /* the other one, which is answered already too */
			resolve_cancel(p->job[1]);
	}
}

static void on_second(void *arg, const struct resolve_answer *a)
{
	struct pair *p = arg;

	if (!p->calls++) {
		if (p->free)
			resolver_free(p->free);
		else
			resolve_cancel(p->job[0]);
	}
}

static void run_pair(struct fixture *f, struct pair *p)
{
	struct resolve_query q = query("a.example");

	q.port = 5;
	assert_int_equal(resolve(f->r, &q, on_first, p, &p->job[0]), 0);
	assert_int_equal(resolve(f->r, &q, on_second, p, &p->job[1]), 0);
	pass(f, 30);
	assert_int_equal(p->calls, 1);
}

static void the_called_may_cancel_others_or_end_all(void **state)
{
	struct fixture *f = *state;
	struct pair p = { .calls = 0 };

	host(f, "a.example", "192.0.2.1");
	run_pair(f, &p);
	pass(f, 30);
	p = (struct pair){ .free = f->r };
	f->r = resolver_new(&(struct resolver_options){
		.loop = f->loop, .servers = &f->world->addr, .n_servers = 1 });
	assert_non_null(f->r);
	resolver_free(p.free);
	p.free = f->r;
	run_pair(f, &p);
	f->r = NULL;
}

static void jobs_end_with_the_resolver(void **state)
{
	struct fixture *f = *state;
	struct resolve_query q = query("a.example");
	struct got g = { .calls = 0 };
	struct resolve_job *job;

	f->world->mood = DNS_SILENT;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(resolve(f->r, &q, on_answer, &g, &job), 0);
	pass(f, 10);
	resolver_free(f->r);
	f->r = NULL;
	pass(f, 200);
	assert_int_equal(g.calls, 0);
}

/* ---- bad servers ---- */

static void failures_have_a_status(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum dns_mood mood;
		int status;
	} rows[] = {
		{ DNS_SILENT, -ETIMEDOUT }, { DNS_SERVFAIL, -EIO },    { DNS_REFUSES, -EIO },
		{ DNS_GARBAGE, -EIO },      { DNS_EMPTY, -ETIMEDOUT }, { DNS_FORGES, -ETIMEDOUT },
	};

	host(f, "a.example", "192.0.2.1");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resolve_query q = query("a.example");

		f->world->mood = rows[i].mood;
		q.port = 5;
		fails(f, q, rows[i].status);
		pass(f, LEAST_MS + 1);
	}
	f->world->mood = DNS_ANSWERS;
	GIVES("udp 192.0.2.1:5", "a.example", q_.port = 5);
}

static void only_a_silent_srv_stops(void **state)
{
	struct fixture *f = *state;
	struct resolve_query q = query("a.example");

	host(f, "a.example", "192.0.2.1");
	f->world->mood = DNS_SILENT;
	f->world->mood_type = DNS_NAPTR;
	GIVES("udp 192.0.2.1:5060", "a.example");
	f->world->mood_type = DNS_SRV;
	q.host = "b.example";
	host(f, "b.example", "192.0.2.2");
	fails(f, q, -ETIMEDOUT);
	assert_int_equal(world_asked(f->world, "b.example", DNS_A), 0);
	/* A server that knows no SRV at all says so. */
	f->world->mood = DNS_REFUSES;
	host(f, "c.example", "192.0.2.3");
	GIVES("udp 192.0.2.3:5060", "c.example");
}

static void long_answers_come_by_tcp(void **state)
{
	struct fixture *f = *state;

	f->world->udp_max = 100;
	for (unsigned i = 0; i < 8; i++)
		host(f, "a.example", "192.0.2.1");
	host(f, "a.example", "192.0.2.2");
	GIVES("udp 192.0.2.1:5 udp 192.0.2.2:5", "a.example", q_.port = 5);
	assert_true(f->world->tcp_answers > 0);
}

static void hostile_answers_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct resolve_query q = query("a.example");
	struct resolve_answer a;
	char name[40];

	q.transport = SIP_UDP;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "h%u.example", i);
		srv(f, "_sip._udp.a.example", 1000 - i, i, i + 1, name);
	}
	for (unsigned i = 984; i < 1000; i++)
		for (unsigned k = 0; k < 8; k++) {
			char addr[40];

			snprintf(name, sizeof(name), "h%u.example", i);
			snprintf(addr, sizeof(addr), "198.51.100.%u", (i * 8 + k) % 256);
			host(f, name, addr);
		}
	a = ask(f, q);
	assert_int_equal(a.n, RESOLVE_MAX);
	assert_int_equal(a.target[0].addr.port, 1000);
	assert_int_equal(a.target[8].addr.port, 999);
	assert_true(world_asked(f->world, NULL, DNS_A) <= RESOLVE_MAX);

	world_clear(f->world);
	world_cname(f->world, "loop.example", "pool.example");
	world_cname(f->world, "pool.example", "loop.example");
	GIVES("", "loop.example", q_.port = 5);
	naptr(f, "n.example", 1, 1, "SIP+D2U", "n.example");
	srv(f, "n.example", 1, 1, 0, "n.example");
	srv(f, "n.example", 1, 1, 5, "n.example");
	srv(f, "n.example", 1, 1, 6, "bad name.example");
	host(f, "n.example", "192.0.2.4");
	GIVES("udp 192.0.2.4:5", "n.example");
}

static void what_is_asked_and_kept_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct got g = { .calls = 0 };
	struct resolve_query q = query("");
	struct resolve_job *job;
	char name[40];
	unsigned n = 0;

	q.host = name;
	q.port = 5;
	q.ip6 = false;
	f->world->mood = DNS_SILENT;
	for (;; n++) {
		snprintf(name, sizeof(name), "h%u.example", n % 100);
		if (resolve(f->r, &q, on_answer, &g, &job) < 0)
			break;
	}
	assert_int_equal(n, 1024);
	while (g.calls < n)
		assert_int_equal(loop_once(f->loop, 50), 0);
	assert_int_equal(counter(f, "dns.drop.too-many"), 1);
	f->world->mood = DNS_ANSWERS;
	for (unsigned i = 0; i < 4200; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_int_equal(resolve(f->r, &q, on_answer, &g, &job), 0);
		if (i % 100 == 99)
			pass(f, 1);
	}
	while (g.calls < n + 4200)
		assert_int_equal(loop_once(f->loop, 50), 0);
	assert_int_equal(counter(f, "dns.evicted"), 100 + 4200 - 4096);
}

/* ---- targets that failed ---- */

static void dead_targets_come_last(void **state)
{
	struct fixture *f = *state;
	struct resolve_target t[3];
	struct resolve_query q = query("a.example");

	host(f, "a.example", "192.0.2.1");
	host(f, "a.example", "192.0.2.2");
	host(f, "a.example", "192.0.2.3");
	q.port = 5;
	memcpy(t, ask(f, q).target, sizeof(t));
	resolver_dead(f->r, &t[0], 0);
	assert_true(resolver_is_dead(f->r, &t[0]));
	assert_false(resolver_is_dead(f->r, &t[1]));
	GIVES("udp 192.0.2.2:5 udp 192.0.2.3:5 udp 192.0.2.1:5", "a.example", q_.port = 5);
	/* The same address by another transport is another target. */
	GIVES("tcp 192.0.2.1:5 tcp 192.0.2.2:5 tcp 192.0.2.3:5", "a.example", q_.port = 5,
	      q_.transport = SIP_TCP);
	resolver_dead(f->r, &t[2], 10000);
	resolver_dead(f->r, &t[1], 10000);
	GIVES("udp 192.0.2.1:5 udp 192.0.2.3:5 udp 192.0.2.2:5", "a.example", q_.port = 5);
	resolver_dead(f->r, &t[0], 0); /* again: the youngest failure now */
	GIVES("udp 192.0.2.3:5 udp 192.0.2.2:5 udp 192.0.2.1:5", "a.example", q_.port = 5);
	resolver_alive(f->r, &t[2]);
	assert_false(resolver_is_dead(f->r, &t[2]));
	GIVES("udp 192.0.2.3:5 udp 192.0.2.2:5 udp 192.0.2.1:5", "a.example", q_.port = 5);
	pass(f, 160); /* dead_ms */
	GIVES("udp 192.0.2.1:5 udp 192.0.2.3:5 udp 192.0.2.2:5", "a.example", q_.port = 5);
	assert_int_equal(counter(f, "dns.target-dead"), 4);
}

static void the_list_of_the_dead_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct resolve_target t = { .addr = { .family = 4, .port = 1 } };

	for (unsigned i = 0; i < 3000; i++) {
		t.addr.port = (uint16_t)(i + 1);
		resolver_dead(f->r, &t, 60000);
	}
	assert_true(resolver_is_dead(f->r, &t));
	t.addr.port = 3000 - 1023;
	assert_true(resolver_is_dead(f->r, &t));
	t.addr.port--;
	assert_false(resolver_is_dead(f->r, &t));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, resolve_world_setup, resolve_world_teardown)
	const struct CMUnitTest tests[] = {
		T(aliases_are_followed_and_count_for_the_ttl),
		T(an_expired_answer_serves_while_it_is_renewed),
		T(a_fresh_answer_is_waited_for),
		T(silence_keeps_what_is_known),
		T(a_failure_is_kept_for_a_while),
		T(askers_of_one_name_share_one_query),
		T(the_called_may_cancel_others_or_end_all),
		T(jobs_end_with_the_resolver),
		T(failures_have_a_status),
		T(only_a_silent_srv_stops),
		T(long_answers_come_by_tcp),
		T(hostile_answers_are_bounded),
		T(what_is_asked_and_kept_is_bounded),
		T(dead_targets_come_last),
		T(the_list_of_the_dead_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
