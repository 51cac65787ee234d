/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include "base/test.h"
#include "base/addr.h"

static struct addr addr(const char *z)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(z), &a), 0);
	return a;
}

static void prints_as(const char *in, uint16_t port, const char *out)
{
	struct addr a = addr(in);
	char text[ADDR_STR_MAX];

	assert_int_equal(a.port, 0);
	a.port = port;
	assert_string_equal(addr_print(&a, text), out);
}

static void parses_and_prints(void **state)
{
	struct addr none = { 0 };
	char text[ADDR_STR_MAX];

	prints_as("192.0.2.1", 0, "192.0.2.1");
	prints_as("255.255.255.255", 65535, "255.255.255.255:65535");
	prints_as("0.0.0.0", 1, "0.0.0.0:1");
	prints_as("2001:DB8:0:0::1", 0, "2001:db8::1");
	prints_as("[2001:db8::1]", 5060, "[2001:db8::1]:5060");
	prints_as("::", 5060, "[::]:5060");
	prints_as("1:2:3:4:5:6:7:8", 0, "1:2:3:4:5:6:7:8");
	prints_as("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	assert_string_equal(addr_print(&none, text), "none");
}

static void mapped_is_ip4(void **state)
{
	struct addr a = addr("::ffff:192.0.2.1"), b = addr("192.0.2.1");

	assert_int_equal(a.family, 4);
	assert_memory_equal(&a, &b, sizeof(a));
	prints_as("::FFFF:c000:0201", 0, "192.0.2.1");
	/* IPv4-compatible (without ffff) is another, obsolete thing */
	assert_int_equal(addr("::192.0.2.1").family, 6);
}

static void refuses(void **state)
{
	static const char *bad[] = {
		"",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		" 1.2.3.4",
		"1.2.3.4 ",
		"1.2.3.4:",
		"1.2.3.4:80",
		"[1.2.3.4]",
		"[::1",
		"::1]",
		"[]",
		"[",
		"fe80::1%lo",
		":::",
		"1::2::3",
		"host",
		"12345::",
		"::1/64",
		"1.2.3.-4",
		"0x1.2.3.4",
		"1.2.3.4\n",
		"::ffff:1.2.3",
		"1:2:3:4:5:6:7:8:9",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	struct addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(str_of(bad[i]), &a) != -EINVAL)
			fail_msg("took \"%s\"", bad[i]);
	assert_int_equal(addr_parse(STR("1.2.3.4\0x"), &a), -EINVAL);
	assert_int_equal(addr_parse(STR("1.2.3.4\0"), &a), -EINVAL);
}

static struct prefix prefix(const char *z, bool *host_bits)
{
	struct prefix p;

	assert_int_equal(prefix_parse(str_of(z), &p, host_bits), 0);
	return p;
}

static void prefix_parses(void **state)
{
	bool host_bits;
	struct addr want = addr("203.0.112.0");
	struct prefix p = prefix("203.0.113.9/20", &host_bits), bad;

	assert_true(host_bits);
	assert_int_equal(p.len, 20);
	assert_memory_equal(&p.addr, &want, sizeof(want));
	p = prefix("192.0.2.1", &host_bits);
	assert_false(host_bits);
	assert_int_equal(p.len, 32);
	assert_int_equal(prefix("2001:db8::1", NULL).len, 128);
	assert_int_equal(prefix("0.0.0.0/0", &host_bits).len, 0);
	assert_false(host_bits);
	p = prefix("::ffff:10.0.0.0/104", NULL);
	assert_int_equal(p.addr.family, 4);
	assert_int_equal(p.len, 8);
	assert_int_equal(prefix_parse(STR("10.0.0.0/33"), &bad, NULL), -ERANGE);
	assert_int_equal(prefix_parse(STR("::/129"), &bad, NULL), -ERANGE);
	assert_int_equal(prefix_parse(STR("::ffff:0:0/95"), &bad, NULL), -EINVAL);
	assert_int_equal(prefix_parse(STR("10.0.0.0/"), &bad, NULL), -EINVAL);
	assert_int_equal(prefix_parse(STR("10.0.0.0/08"), &bad, NULL), -EINVAL);
	assert_int_equal(prefix_parse(STR("10.0.0.0/8/8"), &bad, NULL), -EINVAL);
	assert_int_equal(prefix_parse(STR("/8"), &bad, NULL), -EINVAL);
	assert_int_equal(prefix_parse(STR_NONE, &bad, NULL), -EINVAL);
}

static bool has(const char *p, const char *a)
{
	struct prefix pre = prefix(p, NULL);
	struct addr ad = addr(a);

	ad.port = 5060;
	return prefix_has(&pre, &ad);
}

static void prefix_contains(void **state)
{
	struct prefix all = prefix("0.0.0.0/0", NULL);
	struct addr none = { 0 };

	assert_true(has("203.0.113.0/24", "203.0.113.255"));
	assert_false(has("203.0.113.0/24", "203.0.114.0"));
	assert_true(has("203.0.112.0/20", "203.0.127.255"));
	assert_false(has("203.0.112.0/20", "203.0.128.0"));
	assert_true(has("192.0.2.1/32", "192.0.2.1"));
	assert_false(has("192.0.2.1/31", "192.0.2.2"));
	assert_true(has("0.0.0.0/0", "255.1.2.3"));
	assert_false(has("0.0.0.0/0", "::1"));
	assert_false(has("::/0", "1.2.3.4"));
	assert_true(has("2001:db8:8000::/33", "2001:db8:ffff::1"));
	assert_false(has("2001:db8:8000::/33", "2001:db8:7fff::1"));
	assert_true(has("2001:db8::1", "2001:db8::1"));
	assert_false(prefix_has(&all, &none));
}

static void knows_private(void **state)
{
	static const char *yes[] = { "10.255.0.1", "172.16.0.1",  "172.31.255.255", "192.168.1.1",
				     "100.64.0.1", "100.127.0.1", "169.254.1.1",    "127.0.0.1",
				     "fe80::1",    "febf::1",     "fd00::1",        "fc00::",
				     "::1" };
	static const char *no[] = { "11.0.0.1",   "172.32.0.1",  "172.15.0.1",  "192.169.0.1",
				    "100.63.0.1", "100.128.0.1", "203.0.113.1", "2001:db8::1",
				    "::2",        "fec0::1" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		struct addr a = addr(yes[i]);

		assert_true(addr_is_private(&a));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct addr a = addr(no[i]);

		assert_false(addr_is_private(&a));
	}
}

static void compares(void **state)
{
	struct addr a = addr("192.0.2.1"), b = a, c = addr("192.0.2.2");

	b.port = 5060;
	assert_true(addr_ip_eq(&a, &b));
	assert_false(addr_eq(&a, &b));
	assert_true(addr_eq(&a, &a));
	assert_false(addr_ip_eq(&a, &c));
}

static void writes(void **state)
{
	struct addr six = addr("2001:db8::1"), four = addr("192.0.2.1");
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	addr_put_sdp(&b, &six);
	buf_lit(&b, " ");
	addr_put_sip(&b, &six);
	buf_lit(&b, " ");
	addr_put_sdp(&b, &four);
	buf_lit(&b, " ");
	addr_put_sip(&b, &four);
	assert_str(buf_str(&b), "2001:db8::1 [2001:db8::1] 192.0.2.1 192.0.2.1");
}

static void round_trip(const struct addr *a)
{
	struct sockaddr_storage ss;
	struct addr back;

	assert_true(addr_to_sockaddr(a, &ss) > 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back), 0);
	assert_memory_equal(a, &back, sizeof(back));
}

static void sockaddrs(void **state)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons(5060) };
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct addr a = addr("192.0.2.1"), b = addr("2001:db8::1"), none = { 0 };

	a.port = 5060;
	b.port = 65535;
	round_trip(&a);
	round_trip(&b);
	assert_int_equal(addr_to_sockaddr(&none, &ss), 0);
	ss.ss_family = AF_UNIX;
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &b), -EAFNOSUPPORT);
	memcpy(&mapped.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01", 16);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&mapped, &b), 0);
	assert_true(addr_eq(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_prints), cmocka_unit_test(mapped_is_ip4),
		cmocka_unit_test(refuses),           cmocka_unit_test(prefix_parses),
		cmocka_unit_test(prefix_contains),   cmocka_unit_test(knows_private),
		cmocka_unit_test(compares),          cmocka_unit_test(writes),
		cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
