/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "media/ports.h"

static struct media_ports usage(struct ports *p)
{
	struct media_ports u;

	ports_usage(p, &u);
	return u;
}

static void gives_each_pair_once(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct ports *p = ports_new(l, 10000, 10199, 0, 1);
	bool seen[65536] = { false };

	for (unsigned i = 0; i < 100; i++) {
		uint16_t port = ports_take(p);
		assert_in_range(port, 10000, 10198);
		assert_int_equal(port % 2, 0);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_int_equal(ports_take(p), 0);
	assert_int_equal(usage(p).used, 100);
	assert_true(ports_audit(p));
	ports_free(p);
	loop_free(l);
}

static void shares_the_range_among_shards(void **state)
{
	struct loop *l = loop_new_virtual(1);
	bool seen[65536] = { false };
	unsigned all = 0;

	for (uint8_t shard = 0; shard < 3; shard++) {
		struct ports *p = ports_new(l, 16384, 16583, shard, 3);
		for (uint16_t port; (port = ports_take(p)); all++) {
			assert_in_range(port, 16384, 16582);
			assert_false(seen[port]);
			seen[port] = true;
			for (uint8_t other = 0; other < 3; other++) {
				struct ports *o = ports_new(l, 16384, 16583, other, 3);
				assert_int_equal(ports_orphan(o, port) != PORTS_FOREIGN,
						 other == shard);
				ports_free(o);
			}
		}
		ports_free(p);
	}
	assert_int_equal(all, 100);
	loop_free(l);
}

static void takes_odd_ranges(void **state)
{
	struct loop *l = loop_new_virtual(1);
	static const struct {
		uint16_t lo, hi;
		unsigned n;
	} row[] = { { 10001, 10004, 1 }, { 10000, 10000, 0 }, { 10000, 10001, 1 },
		    { 65534, 65535, 1 }, { 1, 65535, 32767 }, { 20000, 10000, 0 } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ports *p = ports_new(l, row[i].lo, row[i].hi, 0, 1);
		assert_int_equal(usage(p).total, row[i].n);
		ports_free(p);
	}
	loop_free(l);
}

static void lets_pairs_rest(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct ports *p = ports_new(l, 10000, 10001, 0, 1);

	assert_int_equal(ports_take(p), 10000);
	ports_rest(p, 10000);
	ports_rest(p, 10000); /* giving back twice is one time too much */
	assert_int_equal(usage(p).resting, 1);
	loop_advance(l, PORTS_REST_S * 1000 - 1);
	assert_int_equal(ports_take(p), 0);
	loop_advance(l, 2000);
	assert_int_equal(ports_take(p), 10000);
	ports_untake(p, 10000);
	assert_int_equal(ports_take(p), 10000);
	assert_true(ports_audit(p));
	ports_free(p);
	loop_free(l);
}

static void keeps_orphans_out(void **state)
{
	struct loop *l = loop_new_virtual(1);
	struct ports *p = ports_new(l, 10000, 10007, 0, 1);

	assert_int_equal(ports_orphan(p, 9998), PORTS_FOREIGN);
	assert_int_equal(ports_orphan(p, 10008), PORTS_FOREIGN);
	assert_int_equal(ports_orphan(p, 10003), PORTS_MARKED);
	assert_int_equal(ports_orphan(p, 10002), PORTS_MARKED);
	assert_int_equal(usage(p).orphaned, 1);
	uint16_t a = ports_take(p), b = ports_take(p), c = ports_take(p);
	assert_true(a && b && c && a != 10002 && b != 10002 && c != 10002);
	assert_int_equal(ports_take(p), 0);
	assert_int_equal(ports_orphan(p, a), PORTS_IN_USE);
	ports_rest(p, a);
	assert_int_equal(ports_orphan(p, a), PORTS_MARKED);
	assert_true(ports_audit(p));
	loop_advance(l, 60000);
	assert_int_equal(ports_take(p), 0);
	ports_rest(p, 10002);
	ports_rest(p, a);
	loop_advance(l, 60000);
	assert_true(ports_take(p) && ports_take(p));
	assert_true(ports_audit(p));
	ports_free(p);
	loop_free(l);
}

/* 13 random bits at least of a usual range: no value comes more often than chance makes it. */
static void cannot_be_guessed(void **state)
{
	struct loop *l = loop_new_virtual(7);
	struct ports *p = ports_new(l, 16384, 65535, 0, 2);
	static unsigned count[65536];
	unsigned near = 0, last = 0;

	assert_true(usage(p).total >= 1 << 12);
	for (unsigned i = 0; i < 20000; i++) {
		uint16_t port = ports_take(p);
		unsigned far = port > last ? port - last : last - port;
		near += far <= 256;
		last = port;
		assert_true(++count[port] < 16);
		ports_untake(p, port);
	}
	assert_true(near < 20000 * 4 * 256 / 49152);
	ports_free(p);
	loop_free(l);
}

/* 1e5 random operations, and the books are right after each thousand. */
static void loses_nothing(void **state)
{
	struct loop *l = loop_new_virtual(42);
	struct ports *p = ports_new(l, 20000, 23999, 1, 2);
	static uint16_t held[4000];
	unsigned n = 0, orphans = 0;
	uint16_t orphan[64];

	for (unsigned i = 1; i <= 100000; i++) {
		unsigned what = loop_random_u32(l, 100), at = n ? loop_random_u32(l, n) : 0;
		if (what < 45) {
			uint16_t port = ports_take(p);
			if (port)
				held[n++] = port;
		} else if (what < 90 && n) {
			if (what < 80)
				ports_rest(p, held[at]);
			else
				ports_untake(p, held[at]);
			held[at] = held[--n];
		} else if (what < 95 && orphans < 64) {
			uint16_t port = (uint16_t)(20000 + loop_random_u32(l, 4000));
			struct media_ports before = usage(p);
			if (ports_orphan(p, port) == PORTS_MARKED &&
			    usage(p).orphaned > before.orphaned)
				orphan[orphans++] = port;
		} else if (orphans) {
			ports_rest(p, orphan[--orphans]);
		}
		loop_advance(l, loop_random_u32(l, 100));
		if (i % 1000)
			continue;
		struct media_ports u = usage(p);
		assert_int_equal(u.used, n);
		assert_int_equal(u.orphaned, orphans);
		assert_true(ports_audit(p));
	}
	while (n)
		ports_rest(p, held[--n]);
	while (orphans)
		ports_rest(p, orphan[--orphans]);
	loop_advance(l, 60000);
	struct media_ports u = usage(p);
	assert_int_equal(u.used + u.resting + u.orphaned, 0);
	assert_int_equal(u.total, 1000);
	for (unsigned i = 0; i < u.total; i++)
		assert_true(ports_take(p));
	assert_true(ports_audit(p));
	ports_free(p);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_pair_once),
		cmocka_unit_test(shares_the_range_among_shards),
		cmocka_unit_test(takes_odd_ranges),
		cmocka_unit_test(lets_pairs_rest),
		cmocka_unit_test(keeps_orphans_out),
		cmocka_unit_test(cannot_be_guessed),
		cmocka_unit_test(loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
