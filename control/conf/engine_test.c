/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine a configuration wants. */
#include "conf/conf_test.h"

#define CALLS                                                                                      \
	"trunks:\n"                                                                                \
	"  a: { on: out, profile: static, host: 203.0.113.20 }\n"                                  \
	"  b: { on: in, profile: pbx, host: 10.0.0.2 }\n"                                          \
	"calls:\n"                                                                                 \
	"  - { from: a, to: b }\n"

static void says_nothing(void **state)
{
	struct conf *c = parse(HEAD CALLS);

	assert_int_equal(c->media.engine, CONF_MEDIA_AUTO);
	assert_int_equal(c->networks[1].engine, CONF_MEDIA_AUTO);
	assert_int_equal(conf_media_of(c), CONF_MEDIA_AUTO);
	conf_put(c);
}

static void says_it_once(void **state)
{
	static const struct {
		const char *text;
		enum conf_media want;
	} row[] = {
		{ HEAD CALLS "media: { engine: dpdk }\n", CONF_MEDIA_DPDK },
		{ HEAD CALLS "media: { engine: kernel }\n", CONF_MEDIA_KERNEL },
		{ HEAD CALLS "media: { engine: auto }\n", CONF_MEDIA_AUTO },
		{ HEAD "  third: { port: eth2, address: 192.0.2.1/24, engine: kernel }\n" CALLS,
		  CONF_MEDIA_KERNEL },
		{ HEAD "  third: { port: eth2, address: 192.0.2.1/24, engine: auto }\n" CALLS
		       "media: { engine: kernel }\n",
		  CONF_MEDIA_KERNEL },
		{ HEAD "  third: { port: eth2, address: 192.0.2.1/24, engine: kernel }\n" CALLS
		       "media: { engine: kernel }\n",
		  CONF_MEDIA_KERNEL },
		{ HEAD "  third: { port: \"0000:01:00.0\", address: 192.0.2.1/24 }\n" CALLS,
		  CONF_MEDIA_DPDK },
		{ HEAD "  third: { port: net_ring0, address: 192.0.2.1/24 }\n" CALLS,
		  CONF_MEDIA_DPDK },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct conf *c = parse(row[i].text);
		assert_int_equal(conf_media_of(c), row[i].want);
		conf_put(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing),
		cmocka_unit_test(says_it_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
