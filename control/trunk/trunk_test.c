/* SPDX-License-Identifier: Apache-2.0 */
/* Trunks with a real name server on the loop of the test. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/test.h"
#include "sip/dns_world_test.h"
#include "trunk/trunk_priv.h"

#define LEAST_MS 100

#define NETWORKS                                                                                   \
	"sluice: 1\n"                                                                              \
	"networks:\n"                                                                              \
	"  out: { port: eth0, address: 203.0.113.1/24 }\n"                                         \
	"  six: { port: eth1, address: 192.0.2.1/24, address6: 2001:db8::10/64 }\n"                \
	"  in: { port: eth2, address: 10.0.0.1/8 }\n"

struct fixture {
	struct loop *loop;
	struct dns_world *world;
	struct conf *conf;
	struct trunks *t;
	unsigned changed;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = loop_new();
	assert_non_null(f->loop);
	f->world = dns_world_new(f->loop);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	trunks_free(f->t);
	conf_put(f->conf);
	dns_world_free(f->world);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void on_change(void *arg)
{
	struct fixture *f = arg;

	f->changed++;
}

/* `trunks`: lines of that section. */
static void begin(struct fixture *f, const char *trunks)
{
	struct conf_errors e;
	char text[4096];

	snprintf(text, sizeof(text),
		 NETWORKS "trunks:\n%s"
			  "  pbx: { on: in, profile: pbx, host: 10.0.0.5 }\n"
			  "calls:\n  - { from: t, to: pbx }\n"
			  "sip: { dns: [127.0.0.1:%u] }\n",
		 trunks, f->world->addr.port);
	if (conf_parse("test", str_of(text), &f->conf, &e)) {
		conf_errors_print(&e, "test", 2);
		fail();
	}
	conf_errors_free(&e);
	f->t = trunks_new(&(struct trunks_options){ .loop = f->loop,
						    .conf = f->conf,
						    .changed = on_change,
						    .arg = f,
						    .dns_timeout_ms = 40,
						    .dead_ms = 200,
						    .least_ms = LEAST_MS });
	assert_non_null(f->t);
}

static void pass(struct fixture *f, uint32_t ms)
{
	uint64_t end = loop_now(f->loop) + ms;

	while (loop_now(f->loop) < end)
		assert_int_equal(loop_once(f->loop, (int)(end - loop_now(f->loop))), 0);
}

/* Until the first trunk has this status; it has it within 3 s. */
static void until(struct fixture *f, int status)
{
	uint64_t end = loop_now(f->loop) + 3000;

	while (trunks_status(f->t, 0) != status && loop_now(f->loop) < end)
		assert_int_equal(loop_once(f->loop, 20), 0);
	assert_int_equal(trunks_status(f->t, 0), status);
	pass(f, 1);
}

/* "UDP 192.0.2.1:5060 TCP ..." of the trunk `i`. */
static const char *targets(struct fixture *f, unsigned i)
{
	static char text[512];
	struct sip_hop hop[SIP_TARGETS_MAX];
	unsigned n = trunks_targets(f->t, i, hop);
	char one[ADDR_STR_MAX];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	for (unsigned k = 0; k < n; k++) {
		assert_int_equal(hop[k].peer, i);
		assert_int_equal(hop[k].network, f->conf->trunks[i].on->index);
		assert_int_equal(hop[k].conn, 0);
		buf_fmt(&b, "%s%s %s", k ? " " : "", sip_transport_name(hop[k].transport),
			addr_print(&hop[k].addr, one));
	}
	buf_add(&b, "", 1);
	assert_true(buf_ok(&b));
	return text;
}

static int peer(struct fixture *f, unsigned network, const char *text)
{
	struct sip_hop hop = { .network = (uint16_t)network };

	assert_int_equal(addr_parse(str_of(text), &hop.addr), 0);
	hop.addr.port = 40000;
	return trunks_peer_of(f->t, &hop);
}

static void srv(struct fixture *f, const char *name, uint32_t ttl, unsigned priority,
		const char *target)
{
	world_srv(f->world, name, ttl, (uint16_t[3]){ (uint16_t)priority, 10, 5060 }, target);
}

/* ---- targets ---- */

static void an_address_needs_no_dns(void **state)
{
	struct fixture *f = *state;

	begin(f, "  t: { on: out, profile: static, host: 198.51.100.1 }\n"
		 "  u: { on: out, profile: static, host: 198.51.100.2, transport: tls }\n"
		 "  v: { on: out, profile: static, host: \"198.51.100.3:5070\", transport: tcp }\n"
		 "  w: { on: six, profile: static, host: \"2001:db8::5\" }\n");
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(trunks_status(f->t, i), 0);
	assert_string_equal(targets(f, 0), "UDP 198.51.100.1:5060");
	assert_string_equal(targets(f, 1), "TLS 198.51.100.2:5061");
	assert_string_equal(targets(f, 2), "TCP 198.51.100.3:5070");
	assert_string_equal(targets(f, 3), "UDP [2001:db8::5]:5060");
	assert_int_equal(peer(f, 0, "198.51.100.1"), 0);
	assert_int_equal(peer(f, 1, "2001:db8::5"), 3);
	assert_int_equal(peer(f, 0, "198.51.100.4"), SIP_NO_PEER);
	pass(f, 20);
	assert_int_equal(f->changed, 0);
	assert_int_equal(world_asked(f->world, NULL, 0), 0);
}

static void a_name_is_found(void **state)
{
	struct fixture *f = *state;

	srv(f, "_sip._udp.c.example", 60, 20, "b.c.example");
	srv(f, "_sip._udp.c.example", 60, 10, "a.c.example");
	srv(f, "_sip._tcp.c.example", 60, 10, "a.c.example");
	srv(f, "_sips._tcp.c.example", 60, 10, "a.c.example");
	world_addr(f->world, "a.c.example", 60, "198.51.100.1");
	world_addr(f->world, "a.c.example", 60, "2001:db8::1");
	world_addr(f->world, "b.c.example", 60, "198.51.100.2");
	begin(f, "  t: { on: out, profile: static, host: c.example }\n"
		 "  u: { on: six, profile: static, host: \"a.c.example:5070\", transport: tcp }\n");
	assert_int_equal(trunks_status(f->t, 0), -EINPROGRESS);
	assert_string_equal(targets(f, 0), "");
	assert_int_equal(peer(f, 0, "198.51.100.1"), SIP_NO_PEER);
	until(f, 0);
	/* No certificate, so no TLS, and no IPv6 on this network. */
	assert_string_equal(targets(f, 0),
			    "UDP 198.51.100.1:5060 UDP 198.51.100.2:5060 TCP 198.51.100.1:5060");
	assert_string_equal(targets(f, 1), "TCP [2001:db8::1]:5070 TCP 198.51.100.1:5070");
	assert_int_equal(peer(f, 0, "198.51.100.1"), 0);
	assert_int_equal(peer(f, 0, "198.51.100.2"), 0);
	assert_int_equal(peer(f, 1, "198.51.100.1"), 1);
	assert_int_equal(peer(f, 1, "2001:db8::1"), 1);
	assert_int_equal(peer(f, 1, "198.51.100.2"), SIP_NO_PEER);
	assert_int_equal(peer(f, 2, "198.51.100.1"), SIP_NO_PEER);
	assert_in_range(f->changed, 1, 2);
	assert_int_equal(world_asked(f->world, "_sips._tcp.c.example", 0), 0);
}

static void each_draw_is_another(void **state)
{
	struct fixture *f = *state;
	unsigned first = 0, n = 24;

	srv(f, "_sip._udp.c.example", 60, 10, "a.c.example");
	srv(f, "_sip._udp.c.example", 60, 10, "b.c.example");
	world_addr(f->world, "a.c.example", 60, "198.51.100.1");
	world_addr(f->world, "b.c.example", 60, "198.51.100.2");
	begin(f, "  t: { on: out, profile: static, host: c.example, transport: udp }\n");
	until(f, 0);
	for (unsigned i = 0; i < n; i++) {
		first += strcmp(targets(f, 0), "UDP 198.51.100.1:5060 UDP 198.51.100.2:5060") == 0;
		pass(f, 21);
	}
	assert_in_range(first, 1, n - 1); /* 1 in 8 million that it is all or none */
	assert_int_equal(world_asked(f->world, NULL, DNS_SRV), 1);
}

static void there_are_at_most_8(void **state)
{
	struct fixture *f = *state;
	char text[32];

	for (unsigned i = 1; i <= 12; i++) {
		snprintf(text, sizeof(text), "198.51.100.%u", i);
		world_addr(f->world, "c.example", 60, text);
	}
	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, 0);
	assert_string_equal(targets(f, 0),
			    "UDP 198.51.100.1:5060 UDP 198.51.100.2:5060 UDP 198.51.100.3:5060 "
			    "UDP 198.51.100.4:5060 UDP 198.51.100.5:5060 UDP 198.51.100.6:5060 "
			    "UDP 198.51.100.7:5060 UDP 198.51.100.8:5060");
	assert_int_equal(peer(f, 0, "198.51.100.12"), 0);
}

static void our_own_address_is_no_target(void **state)
{
	struct fixture *f = *state;

	world_addr(f->world, "c.example", 60, "10.0.0.1");
	world_addr(f->world, "c.example", 60, "198.51.100.1");
	world_addr(f->world, "d.example", 60, "203.0.113.1");
	begin(f, "  t: { on: out, profile: static, host: \"d.example:5060\" }\n"
		 "  u: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, -ENOENT);
	assert_string_equal(targets(f, 0), "");
	assert_string_equal(targets(f, 1), "UDP 198.51.100.1:5060");
	assert_int_equal(peer(f, 0, "203.0.113.1"), SIP_NO_PEER);
}

/* ---- time ---- */

static void a_name_is_renewed_before_its_end(void **state)
{
	struct fixture *f = *state;

	world_addr(f->world, "c.example", 0, "198.51.100.1"); /* lives for LEAST_MS */
	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, 0);
	assert_int_equal(f->changed, 1);
	world_clear(f->world);
	world_addr(f->world, "c.example", 60, "198.51.100.2");
	pass(f, 2 * LEAST_MS);
	assert_string_equal(targets(f, 0), "UDP 198.51.100.2:5060");
	assert_int_equal(f->changed, 2);
	/* A call may live on there. */
	assert_int_equal(peer(f, 0, "198.51.100.1"), 0);
	assert_int_equal(peer(f, 0, "198.51.100.2"), 0);
	/* A minute is a minute. */
	assert_int_equal(world_asked(f->world, NULL, DNS_A), 1);
	pass(f, 2 * LEAST_MS);
	assert_int_equal(world_asked(f->world, NULL, DNS_A), 1);
}

static void a_failure_changes_nothing(void **state)
{
	struct fixture *f = *state;

	world_addr(f->world, "c.example", 0, "198.51.100.1");
	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, 0);
	world_clear(f->world); /* no such name */
	until(f, -ENOENT);
	assert_string_equal(targets(f, 0), "UDP 198.51.100.1:5060");
	assert_int_equal(peer(f, 0, "198.51.100.1"), 0);
	world_addr(f->world, "c.example", 0, "198.51.100.2");
	until(f, 0);
	assert_string_equal(targets(f, 0), "UDP 198.51.100.2:5060");
	f->world->mood = DNS_SILENT;
	pass(f, 4 * LEAST_MS);
	assert_string_equal(targets(f, 0), "UDP 198.51.100.2:5060");
	assert_int_equal(peer(f, 0, "198.51.100.2"), 0);
}

static void a_name_is_asked_for_until_it_is_found(void **state)
{
	struct fixture *f = *state;

	f->world->mood = DNS_SILENT;
	world_addr(f->world, "c.example", 60, "198.51.100.1");
	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, -ETIMEDOUT);
	assert_string_equal(targets(f, 0), "");
	f->world->mood = DNS_REFUSES;
	until(f, -EIO);
	f->world->mood = DNS_ANSWERS;
	until(f, 0);
	assert_string_equal(targets(f, 0), "UDP 198.51.100.1:5060");
}

static void it_may_end_during_a_lookup(void **state)
{
	struct fixture *f = *state;

	f->world->mood = DNS_SILENT;
	begin(f, "  t: { on: out, profile: static, host: c.example }\n");
	pass(f, 10);
	trunks_free(f->t);
	f->t = NULL;
	pass(f, 200);
	assert_int_equal(f->changed, 0);
}

static void it_may_end_between_lookups(void **state)
{
	struct fixture *f = *state;

	world_addr(f->world, "c.example", 0, "198.51.100.1");
	begin(f, "  t: { on: out, profile: static, host: c.example }\n"
		 "  u: { on: out, profile: static, host: localhost }\n");
	until(f, 0);
	trunks_free(f->t);
	world_clear(f->world);
	pass(f, 2 * LEAST_MS);
	assert_int_equal(world_asked(f->world, NULL, 0), 0);
	conf_put(f->conf);
	f->changed = 0;
	/* Its source is new, and it ends before anybody is told. */
	begin(f, "  t: { on: out, profile: static, host: localhost }\n");
	assert_int_equal(peer(f, 0, "127.0.0.1"), 0);
	trunks_free(f->t);
	f->t = NULL;
	pass(f, 20);
	assert_int_equal(f->changed, 0);
}

/* ---- who it is ---- */

static void dns_takes_nobodys_address(void **state)
{
	struct fixture *f = *state;

	world_addr(f->world, "c.example", 60, "198.51.100.77");
	world_addr(f->world, "c.example", 60, "198.51.100.200");
	world_addr(f->world, "d.example", 60, "198.51.100.200");
	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n"
		 "  u: { on: out, profile: static, host: 192.0.2.9, sources: [198.51.100.64/26] }\n"
		 "  v: { on: out, profile: static, host: \"d.example:5060\" }\n");
	until(f, 0);
	pass(f, 20);
	assert_int_equal(peer(f, 0, "198.51.100.77"), 1);
	assert_int_equal(peer(f, 0, "198.51.100.200"), 0); /* it had it first */
}

static void collect(void *arg, unsigned network, const struct prefix *p, unsigned trunk)
{
	char text[ADDR_STR_MAX];

	buf_fmt(arg, "%u %s/%u %u, ", network, addr_print(&p->addr, text), p->len, trunk);
}

static void all_sources_are_told(void **state)
{
	struct fixture *f = *state;
	char text[512];
	struct buf b;

	world_addr(f->world, "c.example", 60, "198.51.100.1");
	world_addr(f->world, "c.example", 60, "2001:db8::1");
	begin(f, "  t: { on: six, profile: static, host: \"c.example:5060\", sources: "
		 "[198.51.100.0/28] "
		 "}\n");
	until(f, 0);
	buf_init(&b, text, sizeof(text));
	trunks_each_source(f->t, collect, &b);
	assert_str(buf_str(&b), "1 198.51.100.0/28 0, 2 10.0.0.5/32 1, 1 2001:db8::1/128 0, "
				"1 198.51.100.1/32 0, ");
}

static void certificates_name_what_the_file_says(void **state)
{
	struct fixture *f = *state;

	begin(f, "  t: { on: out, profile: static, host: c.example }\n"
		 "  u: { on: out, profile: static, host: d.example, transport: tls, tls-name: "
		 "sip.d.example }\n"
		 "  v: { on: out, profile: static, host: e.example, transport: tcp }\n"
		 "  w: { on: out, profile: static, host: f.example, transport: udp }\n");
	assert_string_equal(trunks_tls_name(f->t, 0), "c.example");
	assert_string_equal(trunks_tls_name(f->t, 1), "sip.d.example");
	assert_null(trunks_tls_name(f->t, 2));
	assert_null(trunks_tls_name(f->t, 3));
	assert_string_equal(trunks_tls_name(f->t, 4), "10.0.0.5");
	assert_null(trunks_tls_name(f->t, 5));
	assert_null(trunks_tls_name(f->t, SIP_NO_PEER));
}

static struct addr numbered(unsigned i)
{
	return (struct addr){ .ip = { 198, 51, (uint8_t)(i >> 8), (uint8_t)i },
			      .family = 4,
			      .port = (uint16_t)i };
}

static void sources_are_kept_an_hour_and_bounded(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct sources *s = sources_new(l, 2);
	struct conf_network n = { .index = 3 };
	struct conf_trunk t = { .on = &n, .index = 1 }, other = { .on = &n, .index = 0 };
	struct addr a = numbered(1), b = numbered(2);

	assert_non_null(s);
	assert_true(sources_see(s, &t, &a));
	assert_true(sources_see(s, &t, &b));
	loop_advance(l, 3000 * 1000);
	assert_false(sources_see(s, &t, &a));
	assert_false(sources_see(s, &other, &b)); /* which does not prolong it */
	loop_advance(l, 700 * 1000);
	assert_false(sources_expire(s, 0));
	assert_true(sources_expire(s, 1));
	assert_false(sources_expire(s, 1));
	assert_int_equal(sources_find(s, 3, &a), 1);
	assert_int_equal(sources_find(s, 2, &a), SIP_NO_PEER);
	assert_int_equal(sources_find(s, 3, &b), SIP_NO_PEER);
	for (unsigned i = 10; i < 10 + TRUNK_SOURCES_MAX; i++) {
		struct addr x = numbered(i);

		assert_true(sources_see(s, &t, &x));
	}
	assert_int_equal(sources_find(s, 3, &a), SIP_NO_PEER); /* the oldest gave way */
	a = numbered(10);
	assert_int_equal(sources_find(s, 3, &a), 1);
	sources_free(s);
	loop_free(l);
}

/* ---- what failed ---- */

static void who_fails_comes_last(void **state)
{
	struct fixture *f = *state;
	static const char *const both = "UDP 198.51.100.1:5060 UDP 198.51.100.2:5060",
				 *const turned = "UDP 198.51.100.2:5060 UDP 198.51.100.1:5060";
	struct sip_hop hop[SIP_TARGETS_MAX];

	world_addr(f->world, "c.example", 60, "198.51.100.1");
	world_addr(f->world, "c.example", 60, "198.51.100.2");
	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, 0);
	assert_int_equal(trunks_targets(f->t, 0, hop), 2);
	assert_string_equal(targets(f, 0), both);
	trunks_target(f->t, &hop[0], 408, 0);
	assert_true(trunks_is_dead(f->t, &hop[0]));
	assert_false(trunks_is_dead(f->t, &hop[1]));
	assert_string_equal(targets(f, 0), turned);
	trunks_target(f->t, &hop[0], 0, 0);
	assert_false(trunks_is_dead(f->t, &hop[0]));
	assert_string_equal(targets(f, 0), both);
	/* For dead_ms, or for as long as a 503 says. */
	trunks_target(f->t, &hop[0], 408, 0);
	pass(f, 210);
	assert_string_equal(targets(f, 0), both);
	trunks_target(f->t, &hop[0], 503, 1);
	pass(f, 210);
	assert_string_equal(targets(f, 0), turned);
	/* All of them: in the order in which they failed. */
	trunks_target(f->t, &hop[1], 503, 0);
	assert_string_equal(targets(f, 0), both);
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

static void names_without_targets_are_counted(void **state)
{
	struct fixture *f = *state;
	struct wanted_counter unresolved = { "trunks.unresolved", 99 },
			      asked = { "dns.queries", 99 };

	begin(f, "  t: { on: out, profile: static, host: \"c.example:5060\" }\n");
	until(f, -ENOENT);
	trunks_counters(f->t, take_counter, &unresolved);
	assert_int_equal(unresolved.value, 1);
	trunks_counters(f->t, take_counter, &asked);
	assert_int_equal(asked.value, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_address_needs_no_dns),
		T(a_name_is_found),
		T(each_draw_is_another),
		T(there_are_at_most_8),
		T(our_own_address_is_no_target),
		T(a_name_is_renewed_before_its_end),
		T(a_failure_changes_nothing),
		T(a_name_is_asked_for_until_it_is_found),
		T(it_may_end_during_a_lookup),
		T(it_may_end_between_lookups),
		T(dns_takes_nobodys_address),
		T(all_sources_are_told),
		T(certificates_name_what_the_file_says),
		cmocka_unit_test(sources_are_kept_an_hour_and_bounded),
		T(who_fails_comes_last),
		T(names_without_targets_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
