/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that nobody should write: cut short, of wrong sizes and types, with lengths that lie. */
#include "engine/tlv_test.h"

/* A flow whose side 0 carries one attribute that the writer would never write. */
static int get_with(int type, const void *data, size_t len)
{
	struct wire w;
	struct flow g;
	const char *why;

	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_ID, 1);
	tlv_put_u32(&w.o, FLOW_A_GEN, 1);
	for (int i = 0; i < 2; i++) {
		size_t nest = tlv_nest_begin(&w.o, FLOW_A_SIDE0 + i);
		u32 port = 0x00010001;
		/* a string of the wanted length is an attribute of any content */
		size_t at = w.o.n;
		tlv_put_str(&w.o, FLOW_SIDE_A_LOCAL, "abc");
		tlv_put_str(&w.o, FLOW_SIDE_A_LOCAL_PORT, "a");
		memcpy((u8 *)w.mem + at + 12, &port, 2);
		if (!i && data) {
			char text[256];
			memset(text, 'x', sizeof(text));
			text[len - 1] = 0;
			at = w.o.n;
			tlv_put_str(&w.o, type, text);
			memcpy((u8 *)w.mem + at + 4, data, len);
		}
		tlv_nest_end(&w.o, nest);
	}
	struct tlv_msg m = reread(&w);
	return tlv_get_flow(&m, &g, &why);
}

static void wrong_sizes_inside_are_refused(void **state)
{
	static const u8 zero[64],
		one_prefix[] = { 9, 0, FLOW_SIDE_A_PREFIX, 0, 1, 2, 3, 4, 8, 0, 0, 0 };
	static const struct {
		int type;
		size_t good, bad;
	} t[] = { { FLOW_SIDE_A_LOCAL, 16, 15 },
		  { FLOW_SIDE_A_SIG, 4, 5 },
		  { FLOW_SIDE_A_SIG, 16, 17 },
		  { FLOW_SIDE_A_LOCAL_RTCP, 2, 1 },
		  { FLOW_SIDE_A_REMOTE_RTCP, 2, 4 },
		  { FLOW_SIDE_A_MODE, 1, 2 },
		  { FLOW_SIDE_A_FLAGS, 4, 8 },
		  { FLOW_SIDE_A_LEARN_LEN, 1, 4 },
		  { FLOW_SIDE_A_DSCP, 1, 3 },
		  { FLOW_SIDE_A_PTMAP, 2, 1 },
		  { FLOW_SIDE_A_PTMAP, 2, 2 * FLOW_PTMAP_MAX + 2 } };
	int unknown = FLOW_SIDE_A_MAX + 1;

	assert_int_equal(get_with(0, NULL, 0), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(get_with(t[i].type, zero, t[i].good), 0);
		assert_int_equal(get_with(t[i].type, zero, t[i].bad), -EINVAL);
	}
	assert_int_equal(get_with(unknown, zero, 7), 0);
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, one_prefix, sizeof(one_prefix)), 0);
	for (size_t n = 1; n < sizeof(one_prefix); n++)
		assert_int_equal(get_with(FLOW_SIDE_A_ACL, one_prefix, n), -EINVAL);
	u8 many[12 * (FLOW_ACL_MAX + 1)];
	for (size_t i = 0; i <= FLOW_ACL_MAX; i++)
		memcpy(many + 12 * i, one_prefix, 12);
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, many, 12 * FLOW_ACL_MAX), 0);
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, many, sizeof(many)), -EINVAL);
	many[2] = FLOW_SIDE_A_SIG;
	assert_int_equal(get_with(FLOW_SIDE_A_ACL, many, 12), -EINVAL);
}

/* Reads everything that can be read of a datagram, from memory of just that size. */
static int read_all(const void *from, size_t n)
{
	void *copy = malloc(n ? n : 1);
	struct tlv_msg m;
	struct tlv_report r;
	struct tlv_event e;
	struct seen s = { 0 };
	const char *why;
	int rc, got = 0;

	memcpy(copy, from, n);
	const void *p = copy;
	while ((rc = tlv_next(&p, &n, &m)) > 0) {
		got++;
		(void)tlv_get_report(&m, &r, &why);
		(void)tlv_get_event(&m, &e, &why);
		tlv_each_drop(&m, on_drop, &s);
		tlv_each_port(&m, on_port, &s);
	}
	free(copy);
	return rc ? rc : got;
}

static size_t everything(struct wire *w)
{
	struct tlv_report r;

	memset(&r, 0, sizeof(r));
	r.flow = full_flow();
	r.age_ms = 1;
	r.rtp[0] = full_stats(1);
	begin(w);
	tlv_put_report(&w->o, &r);
	size_t nest = tlv_nest_begin(&w->o, FLOW_A_DROPS);
	tlv_put_drop(&w->o, "one", 1, NULL);
	tlv_nest_end(&w->o, nest);
	nest = tlv_nest_begin(&w->o, FLOW_A_PORTS);
	tlv_put_port(&w->o, "a", "b", "c");
	tlv_nest_end(&w->o, nest);
	tlv_put_str(&w->o, FLOW_A_REASON, "because");
	assert_int_equal(tlv_end(&w->o), 0);
	return w->o.n;
}

static void truncated_input_is_malformed(void **state)
{
	struct wire w;
	size_t n = everything(&w);

	assert_int_equal(read_all(w.mem, n), 1);
	for (size_t cut = 1; cut < n; cut++)
		assert_int_equal(read_all(w.mem, cut), -EBADMSG);
	/* The header shortened too: cuts inside an attribute are malformed, those between are not.
	 */
	for (u32 cut = 0; cut < n; cut++) {
		w.mem[0] = cut;
		int rc = read_all(w.mem, cut);
		assert_true(!cut ? rc == 0 : rc == 1 || rc == -EBADMSG);
		if (cut % 4 || (cut && cut < 20))
			assert_int_equal(rc, -EBADMSG);
	}
}

static void hostile_lengths_stay_inside(void **state)
{
	static const u16 lies[] = { 0, 1, 3, 4, 5, 8, 0x7fff, 0xfffc, 0xffff };
	struct wire w;
	size_t n = everything(&w);
	unsigned refused = 0;

	for (size_t at = 0; at + 2 <= n; at += 2) {
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			u16 was;
			memcpy(&was, (u8 *)w.mem + at, 2);
			memcpy((u8 *)w.mem + at, &lies[i], 2);
			refused += read_all(w.mem, n) < 0;
			memcpy((u8 *)w.mem + at, &was, 2);
		}
	}
	assert_true(refused > 50);
}

static void wrong_types_and_headers_are_malformed(void **state)
{
	struct wire w;

	begin(&w);
	tlv_put_u32(&w.o, FLOW_A_ID, 1); /* u64 */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	begin(&w);
	tlv_put_u64(&w.o, FLOW_A_GEN, 1); /* u32 */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	begin(&w);
	tlv_put_u32(&w.o, FLOW_A_REASON, ~0u); /* not terminated */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	begin(&w);
	tlv_put_u32(&w.o, FLOW_A_MAX + 1, 1); /* not known: ignored */
	assert_int_equal(tlv_end(&w.o), 0);
	assert_int_equal(read_all(w.mem, w.o.n), 1);
	((struct nlmsghdr *)w.mem)->nlmsg_type = NLMSG_ERROR;
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
	w.mem[0] = UINT32_MAX;
	((struct nlmsghdr *)w.mem)->nlmsg_type = NLMSG_MIN_TYPE;
	assert_int_equal(read_all(w.mem, w.o.n), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_sizes_inside_are_refused),
		cmocka_unit_test(truncated_input_is_malformed),
		cmocka_unit_test(hostile_lengths_stay_inside),
		cmocka_unit_test(wrong_types_and_headers_are_malformed),
	};
	return cmocka_run_group_tests_name("tlv_hostile", tests, NULL, NULL);
}
