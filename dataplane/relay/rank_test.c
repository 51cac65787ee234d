/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Whom the signalling names, and where media goes before anybody was heard. */
#include "relay/unit_test.h"
#include "relay/ranks_test.h"

static void outbound_before_a_lock(void **state)
{
	static const struct {
		u8 mode, remote[4], sig[4];
		bool somewhere;
	} t[] = { { FLOW_MODE_STATIC, { 10, 0, 0, 5 }, { 203, 0, 113, 7 }, true },
		  { FLOW_MODE_NAT, { 10, 0, 0, 5 }, { 203, 0, 113, 7 }, false },
		  { FLOW_MODE_NAT, { 10, 0, 0, 5 }, { 10, 0, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 100, 127, 0, 5 }, { 100, 127, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 100, 128, 0, 5 }, { 100, 128, 0, 5 }, true },
		  { FLOW_MODE_NAT, { 172, 31, 0, 5 }, { 172, 31, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 172, 32, 0, 5 }, { 172, 32, 0, 5 }, true },
		  { FLOW_MODE_NAT, { 192, 168, 0, 5 }, { 192, 168, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 169, 254, 0, 5 }, { 169, 254, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 127, 0, 0, 5 }, { 127, 0, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 224, 0, 0, 5 }, { 224, 0, 0, 5 }, false },
		  { FLOW_MODE_NAT, { 203, 0, 113, 7 }, { 203, 0, 113, 8 }, false },
		  { FLOW_MODE_NAT, { 203, 0, 113, 7 }, { 203, 0, 113, 7 }, true } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world w;
		world_init(&w);
		struct flow_side *s = &w.rule[0].side[0];
		s->mode = t[i].mode;
		memcpy(s->remote.ip, t[i].remote, 4);
		memcpy(s->sig.ip, t[i].sig, 4);
		world_start(&w);
		struct stream c = stream_at(s[1].remote, 1);
		assert_int_equal(talk(&w, 1, &c) == RELAY_FORWARD, t[i].somewhere);
		if (t[i].somewhere)
			assert_true(same(&w.dst, &s->remote));
		else
			assert_int_equal(w.drop, RELAY_DROP_NO_DESTINATION);
		/* and all the same after an update that only brings the SDP */
		struct flow_addr adv = s->remote;
		s->remote.family = 0;
		world_start(&w);
		assert_int_equal(talk(&w, 1, &c), RELAY_DROP);
		edit(&w, 0)->remote = adv;
		update(&w);
		assert_int_equal(talk(&w, 1, &c) == RELAY_FORWARD, t[i].somewhere);
	}
}

static void outbound_v6(void **state)
{
	struct flow_side s = { .mode = FLOW_MODE_NAT };
	s.remote.family = s.sig.family = 6;
	static const u8 first[] = { 0x20, 0x3f, 0xfc, 0xfd, 0xfe, 0xff, 0 };
	for (size_t i = 0; i < sizeof(first); i++) {
		s.remote.ip[0] = s.sig.ip[0] = first[i];
		assert_int_equal(source_before_lock(&s).family, i < 2 ? 6 : 0);
	}
}

static void ranks(void **state)
{
	struct flow f;
	world_rule(&f);
	struct flow_side *s = &f.side[0];
	s->n_acl = 2;
	s->acl[0] = ip4(100, 64, 7, 128, 0);
	s->acl[0].len = 25;
	s->acl[1] = (struct flow_addr){ .ip = { 0x20, 1, 0xd, 0xb8 }, .family = 6, .len = 32 };
	struct flow_addr six = s->acl[1];
	six.ip[15] = 1;
	const struct {
		struct flow_addr a;
		u8 nat, fixed;
	} t[] = { { ip4(10, 0, 0, 5, 4000), 0, 0 },
		  { ip4(10, 0, 0, 5, 4001), 1, SOURCE_NONE },
		  { ip4(203, 0, 113, 7, 9), 2, SOURCE_NONE },
		  { ip4(203, 0, 113, 8, 9), SOURCE_NONE, SOURCE_NONE },
		  { ip4(100, 64, 7, 200, 9), 3, 3 },
		  { ip4(100, 64, 7, 127, 9), SOURCE_NONE, SOURCE_NONE },
		  { six, 3, 3 },
		  { { .family = 6 }, SOURCE_NONE, SOURCE_NONE },
		  { { .family = 0 }, SOURCE_NONE, SOURCE_NONE } };
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		s->mode = FLOW_MODE_NAT;
		assert_int_equal(source_rank(s, &t[i].a), t[i].nat);
		s->mode = FLOW_MODE_STATIC;
		assert_int_equal(source_rank(s, &t[i].a), t[i].fixed);
	}
	struct flow_addr near = ip4(203, 0, 113, 8, 9), far = ip4(203, 0, 114, 7, 9);
	s->mode = FLOW_MODE_NAT;
	s->learn_len = 24;
	assert_int_equal(source_rank(s, &near), 2);
	assert_int_equal(source_rank(s, &far), SOURCE_NONE);
	s->sig.family = 0;
	assert_int_equal(source_rank(s, &near), SOURCE_NONE);
	s->acl[0].len = 0;
	assert_int_equal(source_rank(s, &far), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outbound_before_a_lock),
		cmocka_unit_test(outbound_v6),
		cmocka_unit_test(ranks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
