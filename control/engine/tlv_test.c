/* SPDX-License-Identifier: Apache-2.0 */
/* Flows and reports, there and back. */
#include "engine/tlv_test.h"

static void round_trip_of_a_flow(void **state)
{
	struct wire w;
	struct flow f = full_flow(), g;
	const char *why = NULL;

	begin(&w);
	tlv_put_flow(&w.o, &f);
	struct tlv_msg m = reread(&w);
	assert_int_equal(m.seq, 42);
	assert_int_equal(m.cmd, FLOW_CMD_SET);
	assert_int_equal(m.version, FLOW_VERSION);
	assert_int_equal(m.flags, NLM_F_ACK);
	assert_false(m.done);
	assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
	assert_memory_equal(&f, &g, sizeof(f));
}

static void absent_fields_have_defaults(void **state)
{
	struct wire w;
	struct flow f, g;
	const char *why;

	memset(&f, 0, sizeof(f));
	f.id = 1;
	f.gen = 1;
	for (int i = 0; i < 2; i++) {
		f.side[i].local = v4(1, 5);
		f.side[i].clock = 8000;
		f.side[i].ptime = 20;
		f.side[i].dtmf_in = f.side[i].dtmf_out = FLOW_PT_NONE;
		f.side[i].dtmf_clock = 8000;
	}
	begin(&w);
	tlv_put_flow(&w.o, &f);
	size_t nests = 2 * (4 + 8 + 8 + 8); /* header, address, port, event clock */
	assert_int_equal(w.o.n, 20 + 12 + 8 + 8 + nests);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
	assert_memory_equal(&f, &g, sizeof(f));
}

static void round_trip_of_a_report(void **state)
{
	struct wire w;
	struct tlv_report r, q;
	const char *why;

	memset(&r, 0, sizeof(r));
	r.flow = full_flow();
	r.age_ms = 6ull << 40;
	for (u8 i = 0; i < 2; i++) {
		r.rtp[i] = full_stats(i);
		r.rtcp[i] = full_stats(4 + i);
	}
	begin(&w);
	tlv_put_report(&w.o, &r);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_report(&m, &q, &why), 0);
	assert_memory_equal(&r, &q, sizeof(r));
}

static void full_buffer_takes_the_message_back(void **state)
{
	struct flow f = full_flow(), g;
	struct wire w;

	begin(&w);
	tlv_put_flow(&w.o, &f);
	assert_int_equal(tlv_end(&w.o), 0);
	size_t need = w.o.n;
	for (size_t cap = 0; cap < 2 * need; cap++) {
		/* Exactly as large as said, so that a sanitizer sees one octet too many. */
		void *mem = malloc(cap ? cap : 1);
		tlv_out_init(&w.o, mem, cap);
		unsigned done = 0;
		for (; done < 3; done++) {
			tlv_begin(&w.o, FLOW_CMD_SET, 0, done);
			tlv_put_flow(&w.o, &f);
			size_t nest = tlv_nest_begin(&w.o, FLOW_A_DROPS);
			tlv_nest_end(&w.o, nest);
			if (tlv_end(&w.o) < 0)
				break;
		}
		assert_int_equal(done, cap / (need + 4));
		assert_int_equal(w.o.n, done * (need + 4));
		assert_false(w.o.full);
		const void *p = mem;
		size_t n = w.o.n;
		struct tlv_msg m;
		const char *why;
		while (done--) {
			assert_int_equal(tlv_next(&p, &n, &m), 1);
			assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
		}
		assert_int_equal(n, 0);
		free(mem);
	}
}

static void nothing_longer_than_an_attribute_is_written(void **state)
{
	static char text[70000];
	static u32 mem[100000];
	struct tlv_out o;

	memset(text, 'x', sizeof(text) - 1);
	tlv_out_init(&o, mem, sizeof(mem));
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	tlv_put_str(&o, FLOW_A_REASON, text);
	assert_int_equal(tlv_end(&o), -EMSGSIZE);
	text[60000] = 0;
	tlv_begin(&o, FLOW_CMD_DUMP, 0, 1);
	size_t nest = tlv_nest_begin(&o, FLOW_A_DROPS);
	tlv_put_drop(&o, text, 1, NULL);
	tlv_put_drop(&o, text, 1, NULL);
	tlv_nest_end(&o, nest);
	assert_int_equal(tlv_end(&o), -EMSGSIZE);
	assert_int_equal(o.n, 0);
}

static int get_changed(const struct flow *f, const char **why)
{
	struct wire w;
	struct flow g;

	*why = "";
	begin(&w);
	tlv_put_flow(&w.o, f);
	struct tlv_msg m = reread(&w);
	int rc = tlv_get_flow(&m, &g, why);
	if (!rc)
		assert_memory_equal(f, &g, sizeof(g));
	return rc;
}

#define REFUSED(change, what)                                                                      \
	do {                                                                                       \
		struct flow f = full_flow();                                                       \
		struct flow_side *s = &f.side[0];                                                  \
		change;                                                                            \
		(void)s;                                                                           \
		const char *why;                                                                   \
		assert_int_equal(get_changed(&f, &why), -EINVAL);                                  \
		assert_string_equal(why, what);                                                    \
	} while (0)
#define TAKEN(change)                                                                              \
	do {                                                                                       \
		struct flow f = full_flow();                                                       \
		struct flow_side *s = &f.side[0];                                                  \
		change;                                                                            \
		(void)s;                                                                           \
		const char *why;                                                                   \
		assert_int_equal(get_changed(&f, &why), 0);                                        \
	} while (0)

static void bounds_of_a_flow(void **state)
{
	REFUSED(f.id = 0, "id");
	REFUSED(f.gen = 0, "gen");
	REFUSED(s->local.family = 0, "local");
	REFUSED(s->local.port = 0, "local_port");
	REFUSED(s->remote.port = 0, "remote_port");
	REFUSED(s->remote.family = 0, "remote_port");
	REFUSED(s->remote.family = 6, "remote");
	REFUSED(f.side[1].local.family = 4, "remote");
	REFUSED(s->mode = 2, "mode");
	REFUSED(s->flags = 64, "flags");
	REFUSED(f.kind = FLOW_KIND_RAW + 1, "kind");
	REFUSED(s->dtmf_in = 0, "dtmf_in");
	REFUSED(s->dtmf_in = 128, "dtmf_in");
	REFUSED(s->dtmf_out = 0, "dtmf_out");
	REFUSED(s->dtmf_out = 128, "dtmf_out");
	REFUSED(s->dtmf_clock = 999, "dtmf_clock");
	REFUSED(s->dtmf_clock = 384001, "dtmf_clock");
	REFUSED(s->learn_len = 33, "learn_len");
	REFUSED((s->sig.family = 6, s->learn_len = 129), "learn_len");
	REFUSED(s->ptime = 0, "ptime");
	REFUSED(s->ptime = 241, "ptime");
	REFUSED(s->clock = 999, "clock");
	REFUSED(s->clock = 384001, "clock");
	REFUSED(s->dscp = 64, "dscp");
	REFUSED(s->acl[0].len = 33, "acl");
	REFUSED(s->acl[1].len = 129, "acl");
	REFUSED(s->ptmap[3][0] = 128, "ptmap");
	REFUSED(s->ptmap[3][1] = 128, "ptmap");
	REFUSED(s->ptmap[3][0] = s->ptmap[2][0], "ptmap");

	TAKEN(s->learn_len = 32);
	TAKEN((s->sig.family = 6, s->learn_len = 128));
	TAKEN(s->ptime = 1);
	TAKEN(s->clock = 1000);
	TAKEN(s->clock = 384000);
	TAKEN(s->dscp = 63);
	TAKEN(f.kind = FLOW_KIND_RTP);
	TAKEN(s->dtmf_in = FLOW_PT_NONE);
	TAKEN((s->dtmf_in = 1, s->dtmf_out = 127));
	TAKEN(s->dtmf_clock = 1000);
	TAKEN(s->dtmf_clock = 384000);
	TAKEN(s->acl[0].len = 32);
	TAKEN(s->acl[0].len = 0);
	TAKEN((s->local.port = 65535, s->remote.port = 1));
	TAKEN((s->remote = (struct flow_addr){ 0 }));
	TAKEN(s->ptmap[0][1] = 127);
}

static void sides_must_be_there(void **state)
{
	struct wire w;
	struct flow g;
	const char *why = NULL;

	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_ID, 1);
	tlv_put_u32(&w.o, FLOW_A_GEN, 1);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_flow(&m, &g, &why), -EINVAL);
	assert_string_equal(why, "side");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_of_a_flow),
		cmocka_unit_test(absent_fields_have_defaults),
		cmocka_unit_test(round_trip_of_a_report),
		cmocka_unit_test(full_buffer_takes_the_message_back),
		cmocka_unit_test(nothing_longer_than_an_attribute_is_written),
		cmocka_unit_test(bounds_of_a_flow),
		cmocka_unit_test(sides_must_be_there),
	};
	return cmocka_run_group_tests_name("tlv", tests, NULL, NULL);
}
