/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "call.h"

/* Two runs on one call: the stream is another one, or the same where the call is older than both. */
static void a_stream_is_kept_where_that_was_said(void **state)
{
	for (uint32_t kept = 0; kept < 8; kept += 7) {
		struct call first = { .side[0].kept_ssrc = kept }, second = first;
		assert_int_equal(call_begin(&first), 0);
		assert_int_equal(call_begin(&second), 0);
		assert_int_equal(first.side[0].ssrc == second.side[0].ssrc, kept != 0);
		assert_true(!kept || first.side[0].ssrc == kept);
		assert_int_not_equal(first.side[1].ssrc, second.side[1].ssrc);
		call_end(&first);
		call_end(&second);
	}
}

static void the_relays_address_says_which_call_it_is(void **state)
{
	struct call calls[300] = { 0 };
	for (unsigned i = 0; i < 300; i++)
		calls[i].side[1].relay = (struct addr){ .ip = { 10, (uint8_t)(i / 7) },
							.port = (uint16_t)(20000 + 2 * i),
							.family = 4 };
	struct route *r = route_new(calls, 300, 1);
	assert_non_null(r);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(route_find(r, &calls[i].side[1].relay), i);
	calls[0].side[1].relay.port++;
	assert_int_equal(route_find(r, &calls[0].side[1].relay), -1);
	route_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_kept_where_that_was_said),
		cmocka_unit_test(the_relays_address_says_which_call_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
