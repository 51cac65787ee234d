/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3263 4 against a real name server on the loop of the test. */
#include <errno.h>
#include "base/test.h"
#include "sip/resolve_world_test.h"

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
	char label[80], name[300], key[DNS_NAME_MAX];

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
	label[63] = '\0';
	assert_int_equal(dns_name(str_of(label), key), 0);
	label[63] = 'a';
	assert_int_equal(dns_name(str_of(label), key), -EINVAL);
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, resolve_world_setup, resolve_world_teardown)
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
