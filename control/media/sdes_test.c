/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP with keys in SDP: who is offered what, and what is taken. */
#include "media/sdes_test.h"

/* ---- each leg on its own terms ---- */

struct row {
	enum conf_srtp a, b;
	const char *offer;
	int offered; /* what the offer comes to */
	const char *b_proto;
	unsigned b_lines;
	const char *answer;
	int answered;
	const char *a_proto;
	unsigned a_lines;
	u8 suite[2];
};

#define AVP   "RTP/AVP"
#define SAVP  "RTP/SAVP"
#define A_KEY LINE("1", CM80, K1)
#define B_KEY LINE("4", CM80, K2) /* the tag that it was offered this suite with */
#define S32   FLOW_SUITE_AES_CM_128_HMAC_SHA1_32
#define S_GCM FLOW_SUITE_AEAD_AES_128_GCM

static const struct row rows[] = {
	/* nobody has it */
	{ OFF, OFF, A_AVP, 0, AVP, 0, B_AVP, 0, AVP, 0, { 0, 0 } },
	/* it is ignored beside RTP/AVP, and refused alone */
	{ OFF, OFF, A_AVP A_KEY, 0, AVP, 0, B_AVP LINE("1", CM80, K2), 0, AVP, 0, { 0, 0 } },
	{ OFF, OFF, A_SAVP A_KEY, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_SAVP A_KEY, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	/* on one leg alone */
	{ MAY, OFF, A_AVP A_KEY, 0, AVP, 0, B_AVP, 0, AVP, 1, { S80, 0 } },
	{ MAY, OFF, A_SAVP A_KEY, 0, AVP, 0, B_AVP, 0, SAVP, 1, { S80, 0 } },
	{ OFF, MAY, A_AVP, 0, AVP, 5, B_AVP B_KEY, 0, AVP, 0, { 0, S80 } },
	{ OFF, MAY, A_AVP, 0, AVP, 5, B_AVP, 0, AVP, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_SAVP B_KEY, 0, AVP, 0, { 0, S80 } },
	{ MUST, OFF, A_SAVP A_KEY, 0, AVP, 0, B_AVP, 0, SAVP, 1, { S80, 0 } },
	/* both, each by itself */
	{ MUST, MUST, A_SAVP A_KEY, 0, SAVP, 5, B_SAVP B_KEY, 0, SAVP, 1, { S80, S80 } },
	{ MUST,
	  MUST,
	  A_SAVP A_KEY,
	  0,
	  SAVP,
	  5,
	  B_SAVP LINE("2", GCM, G1),
	  0,
	  SAVP,
	  1,
	  { S80, S_GCM } },
	{ MAY, MAY, A_AVP A_KEY, 0, AVP, 5, B_AVP B_KEY, 0, AVP, 1, { S80, S80 } },
	{ MAY, MAY, A_AVP A_KEY, 0, AVP, 5, B_AVP, 0, AVP, 1, { S80, 0 } },
	{ MAY, MAY, A_AVP, 0, AVP, 5, B_AVP LINE("5", CM32, K2), 0, AVP, 0, { 0, S32 } },
	/* who must have it gets it or nothing */
	{ MUST, OFF, A_AVP, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ MUST, OFF, A_AVP A_KEY, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ MUST, OFF, A_SAVP, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ MAY, OFF, A_SAVP, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_AVP, -ENOTSUP, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_SAVP, -ENOTSUP, NULL, 0, { 0, 0 } },
	/* an answer to what was not offered: tag, suite, tag of another suite, key too short */
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_SAVP LINE("6", CM80, K2), -ENOTSUP, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_SAVP LINE("1", CM80, K2), -ENOTSUP, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_SAVP LINE("4", CM32, K2), -ENOTSUP, NULL, 0, { 0, 0 } },
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  SAVP,
	  5,
	  B_SAVP LINE("4", CM80, "QUFB"),
	  -ENOTSUP,
	  NULL,
	  0,
	  { 0, 0 } },
	{ OFF, MAY, A_AVP, 0, AVP, 5, B_AVP LINE("1", CM80, K2), -ENOTSUP, NULL, 0, { 0, 0 } },
	/* the profile of the answer is another one, its key is good: some do that */
	{ OFF, MAY, A_AVP, 0, AVP, 5, B_SAVP B_KEY, 0, AVP, 0, { 0, S80 } },
	{ OFF, MUST, A_AVP, 0, SAVP, 5, B_AVP B_KEY, 0, AVP, 0, { 0, S80 } },
};

static void try_row(const struct row *r)
{
	struct world *w = srtp_world(r->a, r->b);

	assert_int_equal(offer(w, 0, r->offer), r->offered);
	if (!r->offered) {
		assert_str(line_of(w, 0)->proto, r->b_proto);
		assert_int_equal(line_of(w, 0)->n_crypto, r->b_lines);
		assert_int_equal(answer(w, 1, r->answer), r->answered);
	}
	if (!r->offered && !r->answered) {
		assert_str(line_of(w, 0)->proto, r->a_proto);
		assert_int_equal(line_of(w, 0)->n_crypto, r->a_lines);
		commit(w);
		assert_int_equal(w->status, 0);
		media_settle(w->m);
		for (unsigned side = 0; side < 2; side++) {
			assert_int_equal(the_flow(w, 0)->side[side].in.suite, r->suite[side]);
			assert_int_equal(the_flow(w, 0)->side[side].out.suite, r->suite[side]);
		}
	}
	world_free(w);
}

static void each_leg_has_its_own_terms(void **state)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %u\n", i);
		try_row(&rows[i]);
	}
}

/* ---- lines ---- */

static void the_first_that_both_can_do(void **state)
{
	struct world *w = srtp_world(MUST, OFF);

	assert_int_equal(offer(w, 0,
			       A_SAVP LINE("1", "F8_128_HMAC_SHA1_80",
					   K1) "a=crypto:2 " CM80 " inline:" K1
					       " UNENCRYPTED_SRTP\r\n" LINE(
						       "3", GCM2, K1) /* too short for it */
			       "a=crypto:77 " CM32 " inline:" K2
			       "|2^20|5:3 WSH=128 -x\r\n" LINE("9", CM80, K3)),
			 0);
	assert_int_equal(answer(w, 1, B_AVP), 0);
	assert_int_equal(crypto_of(w, 0)->tag, 77);
	assert_str(crypto_of(w, 0)->suite, CM32);
	assert_int_equal(crypto_of(w, 0)->mki_len, 0); /* we need none */
	char ours[SUITE_TEXT_MAX + 1];
	key_out(w, 0, ours);
	commit(w);
	const struct flow_side *s = &the_flow(w, 0)->side[0];
	expect_key(&s->in, FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, K2);
	expect_key(&s->out, FLOW_SUITE_AES_CM_128_HMAC_SHA1_32, ours);
	assert_int_equal(s->in.mki_len, 3);
	assert_int_equal(s->out.mki_len, 0);
	assert_int_equal(s->in.number, 1);
	assert_int_equal(s->out.number, 1);
	world_free(w);
}

static void the_order_is_that_of_the_trunk(void **state)
{
	static const char *const suites[] = { CM80, GCM2, NULL };
	struct world *w = srtp_world(OFF, MUST);

	rules(w, 1)->srtp_suites = suites;
	assert_int_equal(offer(w, 0, A_AVP), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 2);
	assert_int_equal(crypto_of(w, 0)->tag, 1);
	assert_str(crypto_of(w, 0)->suite, CM80);
	assert_int_equal(crypto_of(w, 0)->key.n, 40);
	assert_int_equal(crypto_of(w, 0)->lifetime, 0);
	assert_int_equal(crypto_of(w, 1)->tag, 2);
	assert_str(crypto_of(w, 1)->suite, GCM2);
	assert_int_equal(crypto_of(w, 1)->key.n, 60);
	/* what is not listed is not taken either */
	assert_int_equal(answer(w, 1, B_SAVP LINE("2", GCM, G1)), -ENOTSUP);
	world_free(w);
}

static void feedback_is_kept(void **state)
{
	struct world *w = srtp_world(OFF, MUST);

	assert_int_equal(offer(w, 0, A_HEAD "m=audio 4000 RTP/AVPF 8\r\na=rtcp-fb:* nack\r\n"), 0);
	assert_str(line_of(w, 0)->proto, "RTP/SAVPF");
	assert_int_equal(answer(w, 1, B_HEAD "m=audio 6000 RTP/SAVPF 8\r\n" LINE("4", CM80, K2)),
			 0);
	assert_str(line_of(w, 0)->proto, "RTP/AVPF");
	world_free(w);
}

static void fax_is_not_encrypted(void **state)
{
	struct world *w = srtp_world(OFF, MUST);

	assert_int_equal(offer(w, 0, A_HEAD "m=image 4000 udptl t38\r\n"), -ENOTSUP);
	world_free(w);
	w = srtp_world(MUST, OFF);
	assert_int_equal(offer(w, 0, A_HEAD "m=image 4000 udptl t38\r\n"), -ENOTSUP);
	world_free(w);
}

/* ---- the engine ---- */

static void an_engine_without_it(void **state)
{
	struct world *w = world_new(NULL, NULL);

	assert_false(engine_caps(w->ms->engine) & FLOW_CAP_SRTP);
	rules(w, 0)->srtp = MAY;
	rules(w, 1)->srtp = MAY;
	assert_int_equal(offer(w, 0, A_SAVP LINE("1", CM80, K1)), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_AVP LINE("1", CM80, K1)), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 0);
	assert_int_equal(answer(w, 1, B_AVP), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 0);
	media_reject(w->m);
	rules(w, 1)->srtp = MUST;
	assert_int_equal(offer(w, 0, A_AVP), -ENOTSUP);
	assert_int_equal(make(w, 1), -ENOTSUP);
	world_free(w);
}

static void only_what_has_srtp_pays_for_it(void **state)
{
	struct world *w = srtp_world(MAY, OFF);

	exchange(w, 0, A_AVP, B_AVP);
	assert_null(w->m->streams->sdes);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_leg_has_its_own_terms),
		cmocka_unit_test(the_first_that_both_can_do),
		cmocka_unit_test(the_order_is_that_of_the_trunk),
		cmocka_unit_test(feedback_is_kept),
		cmocka_unit_test(fax_is_not_encrypted),
		cmocka_unit_test(an_engine_without_it),
		cmocka_unit_test(only_what_has_srtp_pays_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
