/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_thash.h>
#include "port.h"

static struct port port_of(unsigned queues, unsigned workers)
{
	return (struct port){ .n_queues = (uint16_t)queues,
			      .share = { .workers = (uint8_t)workers } };
}

/* A device of the kernel: no queue is left out and every worker has its share of the sides. */
static void shares_out(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= WORKERS_MAX; workers++) {
		for (unsigned first = 0; first < workers; first++) {
			unsigned sides[WORKERS_MAX] = { 0 };
			struct port p = port_of(2, workers);
			p.share.first = (uint8_t)first;
			assert_int_equal(share_reader(&p.share, 0), first);
			assert_int_equal(share_reader(&p.share, 1), (first + 1) % workers);
			assert_int_equal(share_crowded(&p), workers > 2);
			for (unsigned port = 10000; port < 20000; port += 2)
				sides[share_owner(&p, (uint16_t)port)]++;
			for (unsigned w = 0; w < workers; w++)
				assert_in_range(sides[w], 5000 / workers, 5000 / workers + 1);
		}
	}
}

/* Who reads a queue sends on it, and nobody else does unless there are too few. */
static void sends_where_it_reads(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= WORKERS_MAX; workers++) {
		for (unsigned queues = 1; queues <= QUEUES_MAX; queues++) {
			unsigned users[QUEUES_MAX] = { 0 };
			struct port p = port_of(queues, workers);
			p.share.first = (uint8_t)(queues % workers);
			for (unsigned w = 0; w < workers; w++) {
				unsigned q = share_sender(&p, w);
				assert_in_range(q, 0, queues - 1);
				users[q]++;
				if (queues >= workers)
					assert_int_equal(share_reader(&p.share, q), w);
			}
			for (unsigned q = 0; q < queues && !share_crowded(&p); q++)
				assert_true(users[q] <= 1);
		}
	}
}

/* With RSS the owner is who reads the queue where the device puts the packet: its hash is made of the two octets of the
 * port, bit by bit, as Toeplitz's is defined. */
static void owner_is_where_the_device_puts_it(void **state)
{
	struct port p = port_of(4, 4);
	struct share *s = &p.share;
	(void)state;
	s->rss = true;
	s->first = 1;
	s->reta_size = 128;
	for (unsigned i = 0; i < 40; i++)
		s->key[i] = (uint8_t)(i * 73 + 11);
	for (unsigned i = 0; i < s->reta_size; i++)
		s->reta[i] = (uint8_t)(i % 4);
	for (unsigned port = 1024; port < 65536; port += 2) {
		uint32_t hash = 0;
		for (unsigned bit = 0; bit < 16; bit++) {
			uint64_t window = 0;
			for (unsigned i = 0; i < 8; i++)
				window = window << 8 | s->key[i];
			if (port >> (15 - bit) & 1)
				hash ^= (uint32_t)(window << bit >> 32);
		}
		unsigned queue = hash % s->reta_size % 4;
		assert_int_equal(share_owner(&p, (uint16_t)port), share_reader(s, queue));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_out),
		cmocka_unit_test(sends_where_it_reads),
		cmocka_unit_test(owner_is_where_the_device_puts_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
