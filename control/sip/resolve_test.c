/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3263 4 against a real name server on the loop of the test. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/dns_world_test.h"

#define LEAST_MS 100
#define UDP      (1u << SIP_UDP)
#define TCP      (1u << SIP_TCP)
#define TLS      (1u << SIP_TLS)
#define ALL      (UDP | TCP | TLS)

struct fixture {
	struct loop *loop;
	struct dns_world *world;
	struct resolver *r;
};

struct got {
	struct resolve_answer a;
	unsigned calls;
};

static int setup(void **state)
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

static int teardown(void **state)
{
	struct fixture *f = *state;

	resolver_free(f->r);
	dns_world_free(f->world);
	loop_free(f->loop);
	free(f);
	return 0;
}

/* ---- asking ---- */

static void on_answer(void *arg, const struct resolve_answer *a)
{
	struct got *g = arg;

	g->a = *a;
	g->calls++;
}

static void wait_for(struct fixture *f, const struct got *g)
{
	uint64_t end = loop_now(f->loop) + 3000;

	while (!g->calls && loop_now(f->loop) < end)
		assert_int_equal(loop_once(f->loop, 50), 0);
	assert_int_equal(g->calls, 1);
}

static void pass(struct fixture *f, uint32_t ms)
{
	uint64_t end = loop_now(f->loop) + ms;

	while (loop_now(f->loop) < end)
		assert_int_equal(loop_once(f->loop, (int)(end - loop_now(f->loop))), 0);
}

static struct resolve_query query(const char *host)
{
	return (struct resolve_query){ .host = host,
				       .transport = SIP_TRANSPORTS,
				       .ip4 = true,
				       .ip6 = true,
				       .transports = ALL };
}

static struct resolve_answer ask(struct fixture *f, struct resolve_query q)
{
	struct got g = { .calls = 0 };
	struct resolve_job *job;

	assert_int_equal(resolve(f->r, &q, on_answer, &g, &job), 0);
	assert_int_equal(g.calls == 0, job != NULL);
	wait_for(f, &g);
	return g.a;
}

/* "udp 192.0.2.1:5060 tcp ..." */
static const char *text_of(const struct resolve_answer *a)
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

static void gives(struct fixture *f, struct resolve_query q, const char *wanted)
{
	struct resolve_answer a = ask(f, q);

	assert_int_equal(a.status, a.n ? 0 : -ENOENT);
	assert_string_equal(text_of(&a), wanted);
}

static void fails(struct fixture *f, struct resolve_query q, int status)
{
	struct resolve_answer a = ask(f, q);

	assert_int_equal(a.n, 0);
	assert_int_equal(a.status, status);
}

#define GIVES(wanted, name, ...)                                                                   \
	do {                                                                                       \
		struct resolve_query q_ = query(name);                                             \
		__VA_ARGS__;                                                                       \
		gives(f, q_, wanted);                                                              \
	} while (0)

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

static uint64_t counter(struct fixture *f, const char *name)
{
	struct wanted_counter w = { name, UINT64_MAX };

	resolver_counters(f->r, take_counter, &w);
	assert_true(w.value != UINT64_MAX);
	return w.value;
}

static void srv(struct fixture *f, const char *name, unsigned priority, unsigned weight,
		unsigned port, const char *target)
{
	world_srv(f->world, name, 60,
		  (uint16_t[3]){ (uint16_t)priority, (uint16_t)weight, (uint16_t)port }, target);
}

static void naptr(struct fixture *f, const char *name, unsigned order, unsigned preference,
		  const char *service, const char *replacement)
{
	world_naptr(f->world, name, (uint16_t[2]){ (uint16_t)order, (uint16_t)preference }, service,
		    replacement);
}

static void host(struct fixture *f, const char *name, const char *addr)
{
	world_addr(f->world, name, 60, addr);
}

/* ---- RFC 3263 4.1, 4.2: what needs no SRV ---- */

static void addresses_need_no_server(void **state)
{
	struct fixture *f = *state;

	GIVES("udp 192.0.2.7:5060", "192.0.2.7");
	GIVES("udp 192.0.2.7:5080", "192.0.2.7", q_.port = 5080);
	GIVES("tcp 192.0.2.7:5060", "192.0.2.7", q_.transport = SIP_TCP);
	GIVES("tls 192.0.2.7:5061", "192.0.2.7", q_.transport = SIP_TLS);
	GIVES("tls 192.0.2.7:5061", "192.0.2.7", q_.sips = true);
	GIVES("tls 192.0.2.7:5061", "192.0.2.7", q_.sips = true, q_.transport = SIP_TCP);
	GIVES("", "192.0.2.7", q_.sips = true, q_.transport = SIP_UDP);
	GIVES("tcp 192.0.2.7:5060", "192.0.2.7", q_.transports = TCP | TLS);
	GIVES("", "192.0.2.7", q_.transports = 0);
	GIVES("", "192.0.2.7", q_.transports = TCP, q_.transport = SIP_UDP);
	GIVES("", "192.0.2.7", q_.ip4 = false);
	GIVES("udp [2001:db8::7]:5060", "[2001:db8::7]");
	GIVES("udp [2001:db8::7]:5060", "2001:db8::7", q_.ip4 = false);
	GIVES("", "2001:db8::7", q_.ip6 = false);
	GIVES("udp 127.0.0.1:5060", "LocalHost.");
	GIVES("udp [::1]:5060", "localhost", q_.ip4 = false);
	assert_int_equal(ask(f, query("192.0.2.7")).ttl_ms, UINT32_MAX);
	assert_int_equal(world_asked(f->world, NULL, 0), 0);
}

static void a_port_means_no_srv(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	srv(f, "_sip._udp.a.example", 1, 1, 7000, "a.example");
	GIVES("udp 192.0.2.1:5070", "A.Example.", q_.port = 5070);
	GIVES("tcp 192.0.2.1:5070", "a.example", q_.port = 5070, q_.transport = SIP_TCP);
	GIVES("tls 192.0.2.1:5070", "a.example", q_.port = 5070, q_.sips = true);
	GIVES("", "none.example", q_.port = 5070);
	assert_int_equal(world_asked(f->world, NULL, DNS_SRV), 0);
	assert_int_equal(world_asked(f->world, NULL, DNS_NAPTR), 0);
	assert_int_equal(world_asked(f->world, "a.example", DNS_A), 1);
	assert_int_equal(world_asked(f->world, "a.example", DNS_AAAA), 1);
}

static void bad_names_are_not_asked(void **state)
{
	struct fixture *f = *state;
	char label[80], name[300];

	memset(label, 'a', sizeof(label));
	label[64] = '\0';
	memset(name, 'a', sizeof(name));
	for (unsigned i = 9; i < sizeof(name); i += 10)
		name[i] = '.';
	name[254] = '\0';
	GIVES("", "");
	GIVES("", ".");
	GIVES("", "a..b");
	GIVES("", ".a");
	GIVES("", "a b");
	GIVES("", "a\\046b");
	GIVES("", "b\xc3\xbc"
		  "cher.example");
	GIVES("", label);
	GIVES("", name);
	assert_int_equal(world_asked(f->world, NULL, 0), 0);
	/* The longest that is allowed; its SRV names are too long, which is as if they were not there. */
	name[253] = '\0';
	host(f, name, "192.0.2.9");
	GIVES("tcp 192.0.2.9:5060", name, q_.transport = SIP_TCP);
	assert_int_equal(world_asked(f->world, NULL, DNS_SRV), 0);
}

/* ---- 4.1, 4.2: SRV ---- */

static void a_transport_has_its_srv(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	host(f, "b.example", "192.0.2.2");
	host(f, "c.example", "192.0.2.3");
	srv(f, "_sip._udp.a.example", 1, 1, 7000, "a.example");
	srv(f, "_sip._tcp.a.example", 1, 1, 7001, "b.example");
	srv(f, "_sips._tcp.a.example", 1, 1, 7002, "c.example");
	GIVES("udp 192.0.2.1:7000", "a.example", q_.transport = SIP_UDP);
	GIVES("tcp 192.0.2.2:7001", "a.example", q_.transport = SIP_TCP);
	GIVES("tls 192.0.2.3:7002", "a.example", q_.transport = SIP_TLS);
	GIVES("tls 192.0.2.3:7002", "a.example", q_.transport = SIP_TCP, q_.sips = true);
	assert_int_equal(world_asked(f->world, NULL, DNS_NAPTR), 0);
	/* None of that transport: the host itself. */
	GIVES("tcp 192.0.2.2:5060", "b.example", q_.transport = SIP_TCP);
	GIVES("tls 192.0.2.2:5061", "b.example", q_.transport = SIP_TLS);
}

static void without_naptr_all_transports_are_asked(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	host(f, "b.example", "192.0.2.2");
	srv(f, "_sips._tcp.a.example", 1, 1, 7002, "b.example");
	srv(f, "_sip._tcp.a.example", 1, 1, 7001, "b.example");
	srv(f, "_sip._udp.a.example", 1, 1, 7000, "b.example");
	GIVES("udp 192.0.2.2:7000 tcp 192.0.2.2:7001 tls 192.0.2.2:7002", "a.example");
	GIVES("tls 192.0.2.2:7002", "a.example", q_.sips = true);
	GIVES("tcp 192.0.2.2:7001", "a.example", q_.transports = TCP);
	assert_int_equal(world_asked(f->world, "a.example", DNS_A), 0);
	/* Nothing: UDP at the host, TLS for sips. */
	GIVES("udp 192.0.2.2:5060", "b.example");
	GIVES("tcp 192.0.2.2:5060", "b.example", q_.transports = TCP | TLS);
	GIVES("tls 192.0.2.2:5061", "b.example", q_.sips = true);
	assert_int_equal(world_asked(f->world, "b.example", DNS_NAPTR), 1);
}

static void a_service_may_be_refused(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	srv(f, "_sip._udp.a.example", 0, 0, 0, ".");
	GIVES("", "a.example", q_.transport = SIP_UDP);
	assert_int_equal(world_asked(f->world, "a.example", DNS_A), 0);
	GIVES("tcp 192.0.2.1:5060", "a.example");
	srv(f, "_sip._udp.b.example", 0, 0, 0, ".");
	srv(f, "_sip._tcp.b.example", 0, 0, 0, ".");
	srv(f, "_sips._tcp.b.example", 0, 0, 0, ".");
	host(f, "b.example", "192.0.2.2");
	GIVES("", "b.example");
	assert_int_equal(world_asked(f->world, "b.example", DNS_A), 0);
}

static void a_target_without_address_is_no_way_back(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	srv(f, "_sip._udp.a.example", 1, 1, 7000, "gone.example");
	GIVES("", "a.example", q_.transport = SIP_UDP);
	assert_int_equal(world_asked(f->world, "a.example", DNS_A), 0);
}

/* ---- 4.1: NAPTR ---- */

/* The example of RFC 3263 4.1. */
static void naptr_chooses_the_transport(void **state)
{
	struct fixture *f = *state;

	naptr(f, "example.com", 100, 50, "SIP+D2U", "_sip._udp.example.com");
	naptr(f, "example.com", 50, 50, "SIPS+D2T", "_sips._tcp.example.com");
	naptr(f, "example.com", 90, 50, "SIP+D2T", "_sip._tcp.other.example");
	srv(f, "_sip._tcp.other.example", 0, 2, 5060, "server2.example.com");
	srv(f, "_sip._tcp.other.example", 1, 1, 5062, "server1.example.com");
	srv(f, "_sips._tcp.example.com", 0, 1, 5071, "server1.example.com");
	srv(f, "_sip._udp.example.com", 0, 1, 5072, "server1.example.com");
	host(f, "server1.example.com", "192.0.2.1");
	host(f, "server2.example.com", "192.0.2.2");
	GIVES("tcp 192.0.2.2:5060 tcp 192.0.2.1:5062", "example.com", q_.transports = UDP | TCP);
	GIVES("udp 192.0.2.1:5072", "example.com", q_.transports = UDP);
	GIVES("tls 192.0.2.1:5071", "example.com");
	GIVES("tls 192.0.2.1:5071", "example.com", q_.sips = true);
	assert_int_equal(world_asked(f->world, "_sip._tcp.example.com", 0), 0);
}

static void naptr_of_one_order_follow_their_preference(void **state)
{
	struct fixture *f = *state;

	naptr(f, "a.example", 10, 30, "SIP+D2U", "_sip._udp.a.example");
	naptr(f, "a.example", 10, 20, "sip+d2t", "_sip._tcp.a.example");
	naptr(f, "a.example", 5, 1, "SIP+D2S", "_sip._sctp.a.example");
	naptr(f, "a.example", 5, 2, "E2U+sip", "_sip._udp.evil.example");
	srv(f, "_sip._udp.a.example", 0, 1, 5060, "a.example");
	srv(f, "_sip._tcp.a.example", 0, 1, 5060, "a.example");
	host(f, "a.example", "192.0.2.1");
	GIVES("tcp 192.0.2.1:5060 udp 192.0.2.1:5060", "a.example");
}

static void naptr_without_use_is_as_none(void **state)
{
	struct fixture *f = *state;

	naptr(f, "a.example", 10, 30, "SIPS+D2T", "_sips._tcp.a.example");
	srv(f, "_sip._udp.a.example", 0, 1, 5066, "a.example");
	host(f, "a.example", "192.0.2.1");
	GIVES("udp 192.0.2.1:5066", "a.example", q_.transports = UDP | TCP);
	/* Its SRV is not there: the host itself, by the transport that NAPTR chose. */
	naptr(f, "b.example", 10, 30, "SIP+D2T", "_sip._tcp.b.example");
	host(f, "b.example", "192.0.2.2");
	GIVES("tcp 192.0.2.2:5060", "b.example");
}

/* ---- 4.3, RFC 2782: order ---- */

static void priorities_come_in_order(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	host(f, "b.example", "192.0.2.2");
	host(f, "c.example", "192.0.2.3");
	srv(f, "_sip._udp.x.example", 30, 65535, 3, "a.example");
	srv(f, "_sip._udp.x.example", 10, 0, 1, "c.example");
	srv(f, "_sip._udp.x.example", 20, 1, 2, "b.example");
	for (unsigned i = 0; i < 20; i++)
		GIVES("udp 192.0.2.3:1 udp 192.0.2.2:2 udp 192.0.2.1:3", "x.example",
		      q_.transport = SIP_UDP);
}

static void weights_share_the_load(void **state)
{
	struct fixture *f = *state;
	static const uint16_t weight[4] = { 0, 10, 30, 60 };
	struct dns_set s = { .n = 4 };
	unsigned first[4] = { 0 };
	uint8_t order[DNS_RECORDS];
	double chi = 0;

	for (unsigned i = 0; i < 4; i++)
		s.srv[i] = (struct dns_srv){ .weight = weight[3 - i], .port = 1 };
	for (unsigned i = 0; i < 10000; i++) {
		unsigned seen = 0;

		assert_int_equal(dns_srv_draw(f->loop, &s, order), 4);
		for (unsigned k = 0; k < 4; k++)
			seen |= 1u << order[k];
		assert_int_equal(seen, 15);
		first[order[0]]++;
	}
	/* 101 numbers: one is for the weight of 0, then as the weights say. 3 degrees of freedom; 30 is beyond
	 * 1 in 500,000. */
	for (unsigned i = 0; i < 4; i++) {
		double wanted = 10000.0 * (weight[3 - i] ? weight[3 - i] : 1) / 101;

		chi += (first[i] - wanted) * (first[i] - wanted) / wanted;
	}
	assert_true(chi < 30);
}

static void each_answer_is_drawn_anew(void **state)
{
	struct fixture *f = *state;
	unsigned first = 0;

	host(f, "a.example", "192.0.2.1");
	host(f, "b.example", "192.0.2.2");
	srv(f, "_sip._udp.x.example", 10, 50, 1, "a.example");
	srv(f, "_sip._udp.x.example", 10, 50, 2, "b.example");
	for (unsigned i = 0; i < 200; i++) {
		struct resolve_query q = query("x.example");
		struct resolve_answer a;

		q.transport = SIP_UDP;
		a = ask(f, q);
		assert_int_equal(a.n, 2);
		first += a.target[0].addr.port == 1;
	}
	assert_true(first > 50 && first < 150);
	assert_int_equal(world_asked(f->world, NULL, DNS_SRV), 1);
}

static void both_families_are_merged(void **state)
{
	struct fixture *f = *state;

	host(f, "a.example", "192.0.2.1");
	host(f, "a.example", "192.0.2.2");
	host(f, "a.example", "2001:db8::1");
	host(f, "a.example", "fd00::1");
	GIVES("udp [2001:db8::1]:5 udp 192.0.2.1:5 udp 192.0.2.2:5 udp [fd00::1]:5", "a.example",
	      q_.port = 5);
	GIVES("udp 192.0.2.1:5 udp 192.0.2.2:5", "a.example", q_.port = 5, q_.ip6 = false);
	GIVES("udp [2001:db8::1]:5 udp [fd00::1]:5", "a.example", q_.port = 5, q_.ip4 = false);
	GIVES("", "a.example", q_.port = 5, q_.ip4 = q_.ip6 = false);
	/* Nobody's addresses are not targets. */
	host(f, "b.example", "0.0.0.0");
	host(f, "b.example", "224.0.1.75");
	host(f, "b.example", "255.255.255.255");
	host(f, "b.example", "::");
	host(f, "b.example", "ff02::1");
	host(f, "b.example", "::ffff:192.0.2.9");
	GIVES("udp 192.0.2.9:5", "b.example", q_.port = 5);
}

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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(addresses_need_no_server),
		T(a_port_means_no_srv),
		T(bad_names_are_not_asked),
		T(a_transport_has_its_srv),
		T(without_naptr_all_transports_are_asked),
		T(a_service_may_be_refused),
		T(a_target_without_address_is_no_way_back),
		T(naptr_chooses_the_transport),
		T(naptr_of_one_order_follow_their_preference),
		T(naptr_without_use_is_as_none),
		T(priorities_come_in_order),
		T(weights_share_the_load),
		T(each_answer_is_drawn_anew),
		T(both_families_are_merged),
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
