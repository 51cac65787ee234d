/* SPDX-License-Identifier: Apache-2.0 */
/* Whose address is it? */
#include <stdio.h>
#include <stdlib.h>
#include "conf/conf_test.h"

static struct addr addr(const char *z)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(z), &a), 0);
	return a;
}

static const char *owner(const struct conf *c, unsigned network, const char *ip)
{
	struct addr a = addr(ip);
	const struct conf_trunk *t;

	a.port = 1234; /* any */
	t = conf_trunk_of(c, network, &a);
	return t ? t->name : "-";
}

struct owned {
	unsigned network;
	const char *ip, *owner;
};

static void check_owners(const struct conf *c, const struct owned *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(owner(c, o[i].network, o[i].ip), o[i].owner);
}

#define CHECK_OWNERS(c, o) check_owners((c), (o), sizeof(o) / sizeof((o)[0]))

static void trunk_by_longest_prefix(void **state)
{
	static const struct owned owned[] = {
		{ 0, "203.0.113.20", "wide" },
		{ 0, "203.0.113.21", "narrow" },
		{ 0, "203.0.113.22", "-" },
		{ 0, "198.51.99.255", "wide" },
		{ 0, "198.51.100.0", "narrow" },
		{ 0, "198.51.100.8", "narrow" },
		{ 0, "198.51.100.9", "one" },
		{ 0, "198.51.101.0", "wide" },
		{ 0, "198.52.0.0", "-" },
		{ 0, "100.255.0.1", "narrow" },
		{ 0, "10.0.0.2", "-" },
		{ 1, "10.0.0.2", "pbx" },
		{ 1, "198.51.100.9", "pbx" },
		{ 2, "10.0.0.2", "-" },
		{ 0, "2001:db8::1", "-" },
		{ 0, "cb00:7114::", "-" }, /* the octets of 203.0.113.20 */
		{ 0, "::ffff:203.0.113.20", "wide" },
	};
	struct conf *c = parse(
		HEAD "trunks:\n"
		     "  wide: { on: out, profile: static, host: 203.0.113.20, sources: "
		     "[198.51.0.0/16] }\n"
		     "  narrow: { on: out, profile: static, host: 203.0.113.21,\n"
		     "            sources: [198.51.100.0/24, 100.0.0.0/8] }\n"
		     "  one: { on: out, profile: static, host: 198.51.100.9 }\n"
		     "  pbx: { on: in, profile: pbx, host: 10.0.0.2, sources: [198.51.100.0/24] }\n"
		     "calls: [ { from: wide, to: pbx } ]\n");

	CHECK_OWNERS(c, owned);
	conf_put(c);
}

static void trunk_by_longest_prefix6(void **state)
{
	static const struct owned owned[] = {
		{ 0, "2001:db8:1::", "wide" },
		{ 0, "2001:db8:1:ffff:ffff:ffff:ffff:ffff", "wide" },
		{ 0, "2001:db8:2::", "-" },
		{ 0, "2001:db8:3:7::1", "wide" },
		{ 0, "2001:db8:3:8::1", "-" },
		{ 0, "2001:db8:1:2::", "narrow" },
		{ 0, "2001:db8:1:2::20", "narrow" },
		{ 0, "2001:db8:1:2::21", "name" },
		{ 0, "2001:db8:1:2::22", "narrow" },
		{ 0, "2001:db8:1:3::", "wide" },
		{ 0, "203.0.113.20", "wide" },
		{ 0, "198.51.100.77", "narrow" },
		{ 1, "2001:db8:1::", "-" },
	};
	struct conf *c =
		parse(HEAD "trunks:\n"
			   "  wide: { on: out, profile: static, host: 203.0.113.20,\n"
			   "          sources: [2001:db8:1::/48, 2001:db8:3::/61] }\n"
			   "  narrow: { on: out, profile: static, host: \"2001:db8:1:2::20\",\n"
			   "            sources: [2001:db8:1:2::/64, 198.51.100.0/24] }\n"
			   "  name: { on: out, profile: static, host: sip.carrier.invalid,\n"
			   "          sources: [2001:db8:1:2::21] }\n"
			   "  pbx: { on: in, profile: pbx, host: 10.0.0.2 }\n"
			   "calls: [ { from: wide, to: pbx } ]\n");

	CHECK_OWNERS(c, owned);
	conf_put(c);
}

/* Many trunks against a walk over all of them; each has IPv4 and IPv6 sources. */
static void trunk_of_agrees_with_a_walk(void **state)
{
	size_t n = 0, size = 200000;
	char *text = malloc(size);
	unsigned hits[2] = { 0 };
	uint32_t seed = 1;
	struct conf *c;

	n += (size_t)snprintf(text, size, HEAD "trunks:\n");
	for (unsigned i = 0; i < 900; i++)
		n += (size_t)snprintf(text + n, size - n,
				      "  t%u: { on: out, profile: static, host: 100.%u.%u.9,\n"
				      "    sources: [100.%u.%u.%u/%u, \"2001:db8:%x:%x::/%u\"] }\n",
				      i, i / 200, i % 200, i / 200, i % 200, 64 * (i % 4),
				      26 + i % 6, i / 200 * 256 + i % 200, (64 * (i % 4)) << 8,
				      50 + i % 6);
	snprintf(text + n, size - n, "calls: [ { from: t1, to: t2 } ]\n");
	c = parse(text);
	free(text);
	for (unsigned k = 0; k < 20000; k++) {
		struct addr a = { .family = 4, .ip = { 100 } };
		const struct conf_trunk *want = NULL;
		unsigned best = 0;

		seed = seed * 1664525 + 1013904223;
		a.ip[1] = (uint8_t)((seed >> 28) % 6);
		a.ip[2] = (uint8_t)((seed >> 18) % 210);
		a.ip[3] = (uint8_t)(seed >> 8);
		if (k % 2)
			a = (struct addr){ .family = 6,
					   .ip = { 0x20, 0x01, 0x0d, 0xb8, a.ip[1], a.ip[2],
						   a.ip[3] } };
		for (unsigned i = 0; i < c->n_trunks; i++) {
			const struct conf_trunk *t = &c->trunks[i];

			for (unsigned s = 0; s < t->n_sources; s++) {
				if (!prefix_has(&t->sources[s], &a) || t->sources[s].len < best)
					continue;
				want = t;
				best = t->sources[s].len;
			}
		}
		assert_ptr_equal(conf_trunk_of(c, 0, &a), want);
		hits[k % 2] += want != NULL;
	}
	assert_true(hits[0] > 500 && hits[1] > 500);
	conf_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trunk_by_longest_prefix),
		cmocka_unit_test(trunk_by_longest_prefix6),
		cmocka_unit_test(trunk_of_agrees_with_a_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
