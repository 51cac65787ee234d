/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, what a restarted engine goes on with, and packets between control and engine. */
#include "engine/tlv_test.h"

static void fill(u8 *p, size_t n, u8 with)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)(with + i);
}

static const struct {
	u8 key, auth, salt;
} suites[FLOW_SUITE_COUNT] = { { 0, 0, 0 },    { 16, 20, 14 }, { 16, 20, 14 }, { 32, 20, 14 },
			       { 32, 20, 14 }, { 16, 0, 12 },  { 32, 0, 12 } };

static void set_crypto(struct flow_crypto *c, u8 suite, u8 with)
{
	memset(c, 0, sizeof(*c));
	c->suite = suite;
	c->number = 7u + with;
	fill(c->rtp_key, suites[suite].key, with);
	fill(c->rtp_auth, suites[suite].auth, with + 1);
	fill(c->rtp_salt, suites[suite].salt, with + 2);
	fill(c->rtcp_key, suites[suite].key, with + 3);
	fill(c->rtcp_auth, suites[suite].auth, with + 4);
	fill(c->rtcp_salt, suites[suite].salt, with + 5);
}

static struct flow secure_flow(u8 suite)
{
	struct flow f;

	memset(&f, 0, sizeof(f));
	f.id = 1;
	f.gen = 1;
	for (u8 i = 0; i < 2; i++) {
		struct flow_side *s = &f.side[i];
		s->local = (struct flow_addr){ .ip = { 192, 0, 2, i }, .port = 4000, .family = 4 };
		s->clock = s->dtmf_clock = 8000;
		s->ptime = 20;
		s->dtmf_in = s->dtmf_out = FLOW_PT_NONE;
		set_crypto(&s->in, suite, (u8)(10 * i));
		set_crypto(&s->out, suite, (u8)(10 * i + 5));
	}
	f.side[0].in.flags = FLOW_CRYPTO_KEEP_ROC;
	f.side[0].in.mki_len = 4;
	f.side[1].resume = (struct flow_resume){
		.has = FLOW_RESUME_SOURCE | FLOW_RESUME_IN | FLOW_RESUME_OUT | FLOW_RESUME_IN_RTCP |
		       FLOW_RESUME_OUT_RTCP,
		.source = { .ip = { 198, 51, 100, 7 }, .port = 9, .family = 4 },
		.in_ssrc = 1,
		.in_index = (1ull << 48) - 1,
		.out_ssrc = 2,
		.out_index = 1ull << 40,
		.out_shift = 65535,
		.in_rtcp = 0x7fffffff,
		.out_rtcp = 3,
	};
	return f;
}

static void every_suite_goes_there_and_back(void **state)
{
	for (u8 suite = 1; suite < FLOW_SUITE_COUNT; suite++) {
		struct flow f = secure_flow(suite), g;
		const char *why = "";
		struct wire w;

		begin(&w);
		tlv_put_flow(&w.o, &f);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_flow(&m, &g, &why), 0);
		assert_memory_equal(&f, &g, sizeof(f));
	}
}

/* Are any eight octets of a key in the datagram? */
static bool has_key(const struct wire *w, const u8 *key)
{
	const u8 *p = (const u8 *)w->mem;

	for (size_t i = 0; i + 8 <= w->o.n; i++)
		if (!memcmp(p + i, key, 8))
			return true;
	return false;
}

static void a_report_carries_no_keys(void **state)
{
	struct tlv_report r, q;
	const char *why = "";
	struct wire w;

	memset(&r, 0, sizeof(r));
	r.flow = secure_flow(FLOW_SUITE_AES_CM_256_HMAC_SHA1_80);
	begin(&w);
	tlv_put_flow(&w.o, &r.flow);
	assert_true(has_key(&w, r.flow.side[1].out.rtcp_key + 3)); /* it would be found */
	begin(&w);
	tlv_put_report(&w.o, &r);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(has_key(&w, r.flow.side[i].in.rtp_key));
		assert_false(has_key(&w, r.flow.side[i].out.rtp_auth));
		assert_false(has_key(&w, r.flow.side[i].out.rtcp_salt));
	}
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_report(&m, &q, &why), 0);
	assert_int_equal(q.flow.side[0].in.suite, FLOW_SUITE_AES_CM_256_HMAC_SHA1_80);
	assert_int_equal(q.flow.side[0].in.number, 7);
	assert_int_equal(q.flow.side[1].resume.has, 0);
	assert_int_equal(tlv_get_flow(&m, &r.flow, &why), -EINVAL); /* it is no SET */
	assert_string_equal(why, "rtp_key");
}

static void bad_crypto_is_named(void **state)
{
	static const struct {
		u16 type, len;
		const char *why;
	} t[] = { { FLOW_CRYPTO_A_SUITE, 1, "suite" },
		  { FLOW_CRYPTO_A_NUMBER, 4, "key_number" },
		  { FLOW_CRYPTO_A_RTP_KEY, 16, "rtp_key" },
		  { FLOW_CRYPTO_A_RTP_AUTH, 20, "rtp_auth" },
		  { FLOW_CRYPTO_A_RTP_SALT, 14, "rtp_salt" },
		  { FLOW_CRYPTO_A_RTCP_KEY, 16, "rtcp_key" },
		  { FLOW_CRYPTO_A_RTCP_AUTH, 20, "rtcp_auth" },
		  { FLOW_CRYPTO_A_RTCP_SALT, 14, "rtcp_salt" } };
	const size_t n = sizeof(t) / sizeof(t[0]);

	/* Row `left` is left out, or has an octet less where `cut`. */
	for (size_t left = 0; left <= n; left++) {
		for (int cut = 0; cut < 2; cut++) {
			struct flow f = secure_flow(FLOW_SUITE_NONE), g;
			const char *why = "";
			struct wire w;
			begin(&w);
			f.side[0].in.suite = f.side[0].out.suite = FLOW_SUITE_NONE;
			tlv_put_u64(&w.o, FLOW_A_ID, 1);
			tlv_put_u32(&w.o, FLOW_A_GEN, 1);
			size_t side = tlv_nest_begin(&w.o, FLOW_A_SIDE0);
			size_t nest = tlv_nest_begin(&w.o, FLOW_SIDE_A_CRYPTO_IN);
			for (size_t i = 0; i < n; i++) {
				/* As a string, whose end is an octet, too; the value is
				 * overwritten. */
				char text[32];
				memset(text, 1, sizeof(text));
				size_t len = t[i].len - (size_t)(i == left && cut);
				if ((i == left && !cut) || !len)
					continue;
				text[len - 1] = 0;
				size_t at = w.o.n;
				tlv_put_str(&w.o, t[i].type, text);
				((u8 *)w.mem)[at + 4] = 1;
			}
			tlv_nest_end(&w.o, nest);
			tlv_nest_end(&w.o, side);
			struct tlv_msg m = reread(&w);
			assert_int_equal(tlv_get_flow(&m, &g, &why), -EINVAL);
			assert_string_equal(why, left < n ? t[left].why : "local");
		}
	}
}

static void no_mki_goes_out(void **state)
{
	struct flow f = secure_flow(FLOW_SUITE_AEAD_AES_128_GCM), g;
	const char *why = "";
	struct wire w;

	f.side[1].out.mki_len = 1;
	begin(&w);
	tlv_put_flow(&w.o, &f);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_flow(&m, &g, &why), -EINVAL);
	assert_string_equal(why, "crypto_out");
}

static void an_index_event_has_its_parts(void **state)
{
	const struct flow_resume all = secure_flow(1).side[1].resume;

	for (u8 has = 0; has < 32; has++) {
		struct tlv_event e = { .flow_id = 3,
				       .event = FLOW_EVENT_INDEX,
				       .side = 1,
				       .resume = all },
				 g;
		const char *why = "";
		struct wire w;

		e.resume.has = has;
		begin(&w);
		tlv_put_event(&w.o, &e);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_event(&m, &g, &why), 0);
		assert_int_equal(g.resume.has, has);
		if (has & FLOW_RESUME_IN)
			assert_true(g.resume.in_index == all.in_index && g.resume.in_ssrc == 1);
		if (has & FLOW_RESUME_OUT)
			assert_true(g.resume.out_index == all.out_index && g.resume.out_ssrc == 2 &&
				    g.resume.out_shift == 65535);
		if (has & FLOW_RESUME_SOURCE)
			assert_memory_equal(&g.resume.source, &all.source, sizeof(all.source));
	}
}

static void packets_go_both_ways(void **state)
{
	static const u8 payload[FLOW_PAYLOAD_MAX] = { 0, 1, 2, 3 };
	static const struct {
		u32 n;
		u16 port;
		u8 component;
		int rc;
		const char *why;
	} t[] = { { 1, 9, 0, 0, "" },
		  { FLOW_PAYLOAD_MAX, 9, 1, 0, "" },
		  { 0, 9, 1, -EINVAL, "payload" },
		  { 4, 0, 1, -EINVAL, "source" },
		  { 4, 9, 2, -EINVAL, "component" } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct flow_addr peer = { .ip = { 0x20, 1, 0xd, 0xb8, 1 },
						.port = t[i].port,
						.family = 6 };
		struct tlv_send s = { 5, 1, t[i].n, payload, peer, t[i].component }, r;
		struct tlv_event e = { .flow_id = 5,
				       .event = FLOW_EVENT_PUNT,
				       .component = t[i].component,
				       .source = peer,
				       .payload = payload,
				       .n = t[i].n },
				 g;
		const char *why = "";
		struct wire w;

		begin(&w);
		tlv_put_send(&w.o, &s);
		struct tlv_msg m = reread(&w);
		assert_int_equal(tlv_get_send(&m, &r, &why), t[i].rc);
		assert_string_equal(why, t[i].why);
		if (!t[i].rc) {
			assert_int_equal(r.n, t[i].n);
			assert_memory_equal(r.payload, payload, t[i].n);
			assert_memory_equal(&r.to, &peer, sizeof(peer));
			assert_int_equal(r.component, t[i].component);
		}
		begin(&w);
		tlv_put_event(&w.o, &e);
		m = reread(&w);
		assert_int_equal(tlv_get_event(&m, &g, &why), t[i].rc);
		if (!t[i].rc)
			assert_memory_equal(g.payload, payload, t[i].n);
	}
}

static void a_send_needs_no_destination(void **state)
{
	struct tlv_send s = { .flow_id = 5, .n = 1, .payload = (const u8 *)"x" }, r;
	const char *why = "";
	struct wire w;

	begin(&w);
	tlv_put_send(&w.o, &s);
	struct tlv_msg m = reread(&w);
	assert_int_equal(tlv_get_send(&m, &r, &why), 0);
	assert_int_equal(r.to.family, 0);
	s.side = 2;
	begin(&w);
	tlv_put_send(&w.o, &s);
	m = reread(&w);
	assert_int_equal(tlv_get_send(&m, &r, &why), -EINVAL);
	assert_string_equal(why, "side");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suite_goes_there_and_back),
		cmocka_unit_test(a_report_carries_no_keys),
		cmocka_unit_test(bad_crypto_is_named),
		cmocka_unit_test(no_mki_goes_out),
		cmocka_unit_test(an_index_event_has_its_parts),
		cmocka_unit_test(packets_go_both_ways),
		cmocka_unit_test(a_send_needs_no_destination),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
