/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of SRTP: which ones the engine gets, and when they are others. */
#include "media/sdes_test.h"

/* ---- keys ---- */

static const char a_call[] = A_SAVP LINE("7", CM80, K1);
static const char b_call[] = B_SAVP LINE("4", CM80, K2);

/* A call with SRTP on both legs: our keys towards them. */
struct keys {
	char a[SUITE_TEXT_MAX + 1], b[SUITE_TEXT_MAX + 1];
};

static struct world *a_call_is_up(struct keys *k)
{
	struct world *w = srtp_world(MUST, MUST);

	assert_int_equal(offer(w, 0, a_call), 0);
	key_out(w, 3, k->b);
	assert_int_equal(answer(w, 1, b_call), 0);
	assert_int_equal(crypto_of(w, 0)->tag, 7);
	key_out(w, 0, k->a);
	commit(w);
	assert_int_equal(w->status, 0);
	media_settle(w->m);
	return w;
}

static void expect_keys(struct world *w, const char *in_a, const char *out_a, const char *in_b,
			const char *out_b)
{
	const struct flow_side *s = the_flow(w, 0)->side;

	expect_key(&s[0].in, S80, in_a);
	expect_key(&s[0].out, S80, out_a);
	expect_key(&s[1].in, S80, in_b);
	expect_key(&s[1].out, S80, out_b);
}

static void expect_numbers(struct world *w, u32 in_a, u32 out_a, u32 in_b, u32 out_b)
{
	const struct flow_side *s = the_flow(w, 0)->side;

	assert_int_equal(s[0].in.number, in_a);
	assert_int_equal(s[0].out.number, out_a);
	assert_int_equal(s[1].in.number, in_b);
	assert_int_equal(s[1].out.number, out_b);
}

static void every_direction_has_its_own_key(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	assert_string_not_equal(k.a, k.b);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	struct media_leg_info info[2];
	assert_int_equal(media_info(w->m, 0, info, 2), 1);
	assert_string_equal(info[0].srtp, CM80);
	world_free(w);
}

struct search {
	const char *text;
	bool found;
};

static void look(struct table_node *n, void *arg)
{
	const struct known *k = (const struct known *)n;
	struct search *s = arg;

	s->found |= memmem(k->p, k->n, s->text, strlen(s->text)) != NULL;
}

static bool known_has(struct media_shard *ms, const char *text)
{
	struct search s = { text, false };

	table_each(&ms->known, look, &s);
	return s.found;
}

static void expect_no_keys(const struct world *w)
{
	for (unsigned i = 0; i < sizeof(w->ms->keys); i++)
		assert_int_equal(((const char *)w->ms->keys)[i], 0);
}

static void texts_that_are_kept_have_no_keys(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	assert_true(known_has(w->ms, "a=crypto:7 " CM80));
	assert_false(known_has(w->ms, "inline"));
	assert_false(known_has(w->ms, K1));
	expect_no_keys(w);
	world_free(w);
}

/* What was said is said again to the letter, and by the same keys. */
static void a_refresh_changes_nothing(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);
	char before[sizeof(w->text)];

	for (unsigned leg = 0; leg < 2; leg++) {
		assert_int_equal(repeat(w, leg), 0);
		memcpy(before, w->text, sizeof(before));
		assert_int_equal(repeat(w, leg), 0);
		assert_string_equal(w->text, before);
	}
	assert_int_equal(line_of(w, 0)->n_crypto, 5);
	assert_true(media_is_same(w->m, 0, str_of(a_call)));
	assert_false(media_is_same(w->m, 0, STR(A_SAVP LINE("7", CM80, K3))));
	assert_true(media_is_same(w->m, 1, str_of(b_call)));
	/* A refresh by an offer is answered here, with one line. */
	assert_int_equal(here(w, 1, b_call, NULL), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 1);
	assert_int_equal(crypto_of(w, 0)->tag, 4);
	char again[SUITE_TEXT_MAX + 1];
	assert_string_equal(key_out(w, 0, again), k.b);
	uint64_t version = version_in(w->text);
	assert_int_equal(here(w, 1, b_call, NULL), 0);
	assert_int_equal(version_in(w->text), version);
	assert_int_equal(here(w, 0, a_call, NULL), 0);
	assert_string_equal(key_out(w, 0, again), k.a);
	commit(w);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	world_free(w);
}

static void a_refresh_that_is_passed_on_is_no_news(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	assert_int_equal(offer(w, 0, a_call), 0);
	assert_false(media_offer_is_news(w->m));
	assert_int_equal(media_answer_known(w->m), 0);
	expect_no_keys(w);
	media_settle(w->m);
	commit(w);
	expect_numbers(w, 1, 1, 1, 1);
	assert_int_equal(offer(w, 1, b_call), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 1); /* as it was told */
	assert_int_equal(crypto_of(w, 0)->tag, 7);
	assert_false(media_offer_is_news(w->m));
	media_reject(w->m);
	world_free(w);
}

static void a_new_key_of_theirs_is_theirs_alone(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	assert_int_equal(offer(w, 0, A_SAVP LINE("1", CM80, K3)), 0);
	assert_false(media_offer_is_news(w->m));
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_settle(w->m);
	expect_keys(w, K3, k.a, K2, k.b);
	expect_numbers(w, 2, 1, 1, 1);
	assert_int_equal(the_flow(w, 0)->side[0].in.flags, 0);
	assert_int_equal(repeat(w, 0), 0);
	assert_int_equal(crypto_of(w, 0)->tag, 1);
	/* and the other way, through the other one */
	rules(w, 1)->srtp_roc = CONF_ROC_KEEP;
	exchange(w, 1, B_SAVP LINE("3", CM80, K1), A_SAVP LINE("1", CM80, K3));
	expect_keys(w, K3, k.a, K1, k.b);
	expect_numbers(w, 2, 1, 2, 1);
	assert_int_equal(the_flow(w, 0)->side[1].in.flags, FLOW_CRYPTO_KEEP_ROC);
	assert_int_equal(the_flow(w, 0)->side[1].out.flags, 0); /* it is the same key */
	world_free(w);
}

static void hold_keeps_keys(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	exchange(w, 0, A_SAVP LINE("7", CM80, K1) "a=sendonly\r\n",
		 B_SAVP LINE("4", CM80, K2) "a=recvonly\r\n");
	exchange(w, 0, a_call, b_call);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	/* switched off for a while */
	exchange(w, 0, A_HEAD "m=audio 0 RTP/SAVP 8\r\n", B_HEAD "m=audio 0 RTP/SAVP 8\r\n");
	expect_numbers(w, 1, 1, 1, 1);
	exchange(w, 0, a_call, b_call);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	world_free(w);
}

static void another_suite_is_another_key(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);
	char gcm[SUITE_TEXT_MAX + 1], back[SUITE_TEXT_MAX + 1];

	assert_int_equal(offer(w, 0, A_SAVP LINE("1", GCM, G1)), 0);
	assert_int_equal(answer(w, 1, b_call), 0);
	key_out(w, 0, gcm);
	commit(w);
	media_settle(w->m);
	expect_key(&the_flow(w, 0)->side[0].in, FLOW_SUITE_AEAD_AES_128_GCM, G1);
	expect_key(&the_flow(w, 0)->side[0].out, FLOW_SUITE_AEAD_AES_128_GCM, gcm);
	expect_numbers(w, 2, 2, 1, 1);
	/* The one before was used up. */
	assert_int_equal(offer(w, 0, a_call), 0);
	assert_int_equal(answer(w, 1, b_call), 0);
	assert_string_not_equal(key_out(w, 0, back), k.a);
	commit(w);
	media_settle(w->m);
	expect_keys(w, K1, back, K2, k.b);
	expect_numbers(w, 3, 3, 1, 1);
	assert_int_equal(the_flow(w, 0)->side[0].out.flags, 0);
	world_free(w);
}

static void our_own_key_is_not_taken(void **state)
{
	struct world *w = srtp_world(OFF, MUST);
	char echo[1024], ours[SUITE_TEXT_MAX + 1];

	assert_int_equal(offer(w, 0, A_AVP), 0);
	snprintf(echo, sizeof(echo), B_SAVP "a=crypto:4 " CM80 " inline:%s\r\n",
		 key_out(w, 3, ours));
	assert_int_equal(answer(w, 1, echo), -ENOTSUP);
	assert_int_equal(answer(w, 1, b_call), 0);
	world_free(w);
}

/* ---- no way back ---- */

static void nobody_goes_on_in_the_open(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	for (unsigned leg = 0; leg < 2; leg++) {
		assert_int_equal(offer(w, leg, leg ? B_AVP : A_AVP), -ENOTSUP);
		assert_int_equal(offer(w, leg, leg ? B_SAVP : A_SAVP), -ENOTSUP);
		assert_int_equal(
			offer(w, leg, leg ? B_SAVP LINE("1", GCM, K1) : A_SAVP LINE("1", "X", K1)),
			-ENOTSUP);
		assert_int_equal(here(w, leg, leg ? B_AVP : A_AVP, NULL), -ENOTSUP);
	}
	/* nor by an answer */
	assert_int_equal(offer(w, 0, A_SAVP LINE("7", CM80, K1) "a=sendonly\r\n"), 0);
	assert_int_equal(answer(w, 1, B_AVP), -ENOTSUP);
	assert_int_equal(answer(w, 1, B_SAVP), -ENOTSUP);
	media_reject(w->m);
	/* nor beside another stream */
	assert_int_equal(offer(w, 0,
			       A_AVP "m=video 4002 RTP/SAVP 99\r\na=rtpmap:99 VP8/90000\r\n" LINE(
				       "1", CM80, K3)),
			 -ENOTSUP);
	commit(w);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	world_free(w);
}

static void who_may_goes_on_in_the_open(void **state)
{
	struct world *w = srtp_world(MAY, MAY);

	exchange(w, 0, A_SAVP LINE("1", CM80, K1), B_AVP LINE("4", CM80, K2));
	assert_int_equal(the_flow(w, 0)->side[0].in.suite, S80);
	/* RTP/SAVP is what it has: that is what it is offered */
	assert_int_equal(offer(w, 1, B_AVP LINE("4", CM80, K2) "a=sendonly\r\n"), 0);
	assert_str(line_of(w, 0)->proto, "RTP/SAVP");
	media_reject(w->m);
	exchange(w, 0, A_AVP, B_AVP LINE("4", CM80, K2));
	assert_int_equal(the_flow(w, 0)->side[0].in.suite, 0);
	assert_int_equal(the_flow(w, 0)->side[1].in.suite, S80);
	exchange(w, 0, A_AVP LINE("1", CM80, K1), B_AVP LINE("4", CM80, K2));
	expect_numbers(w, 1, 2, 1, 1); /* our key was used before: another one */
	world_free(w);
}

/* ---- forks ---- */

static void each_fork_has_its_key(void **state)
{
	struct world *w = srtp_world(OFF, MUST);
	char cm[SUITE_TEXT_MAX + 1], gcm[SUITE_TEXT_MAX + 1];

	assert_int_equal(offer(w, 0, A_AVP), 0);
	key_out(w, 1, gcm);
	key_out(w, 3, cm);
	assert_int_equal(answer_fork(w, 1, 1, B_SAVP LINE("4", CM80, K1)), 0);
	commit(w);
	expect_key(&the_flow(w, 0)->side[1].in, S80, K1);
	assert_int_equal(answer_fork(w, 1, 2, B_SAVP LINE("4", CM80, K2)), 0);
	commit(w);
	expect_key(&the_flow(w, 0)->side[1].in, S80, K2);
	expect_key(&the_flow(w, 0)->side[1].out, S80, cm);
	expect_numbers(w, 0, 0, 2, 1);
	assert_int_equal(answer_fork(w, 1, 3, B_SAVP LINE("2", GCM, G1)), 0);
	commit(w);
	expect_key(&the_flow(w, 0)->side[1].out, FLOW_SUITE_AEAD_AES_128_GCM, gcm);
	expect_numbers(w, 0, 0, 3, 2);
	/* The first one again: our key for it goes on where it was. */
	assert_int_equal(answer_fork(w, 1, 1, ""), 0);
	commit(w);
	media_settle(w->m);
	expect_key(&the_flow(w, 0)->side[1].in, S80, K1);
	expect_key(&the_flow(w, 0)->side[1].out, S80, cm);
	expect_numbers(w, 0, 0, 4, 3);
	assert_int_equal(the_flow(w, 0)->side[1].out.flags, FLOW_CRYPTO_KEEP_ROC);
	assert_int_equal(the_flow(w, 0)->side[1].in.flags, 0);
	world_free(w);
}

/* ---- offers of our own ---- */

static void our_offer_is_answered(void **state)
{
	struct world *w = srtp_world(MUST, MAY);
	char a[SUITE_TEXT_MAX + 1];

	assert_int_equal(make(w, 0), 0);
	assert_str(line_of(w, 0)->proto, "RTP/SAVP");
	assert_int_equal(line_of(w, 0)->n_crypto, 5);
	key_out(w, 3, a);
	assert_int_equal(offer(w, 0, A_SAVP LINE("1", CM80, K1)), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_AVP), -ENOTSUP);
	assert_int_equal(offer(w, 0, A_SAVP LINE("4", CM80, K1)), 0);
	assert_str(line_of(w, 0)->proto, "RTP/AVP");
	assert_int_equal(line_of(w, 0)->n_crypto, 5);
	assert_int_equal(answer(w, 1, B_AVP LINE("4", CM80, K2)), 0);
	commit(w);
	media_settle(w->m);
	expect_key(&the_flow(w, 0)->side[0].in, S80, K1);
	expect_key(&the_flow(w, 0)->side[0].out, S80, a);
	expect_numbers(w, 1, 1, 1, 1);
	assert_false(media_owes_offer(w->m, 0));
	/* the next one says the same */
	assert_int_equal(make(w, 0), 0);
	char again[SUITE_TEXT_MAX + 1];
	assert_string_equal(key_out(w, 3, again), a);
	media_reject(w->m);
	world_free(w);
}

/* Early: the callee's UPDATE is its answer, too. */
static void an_offer_is_an_answer(void **state)
{
	struct world *w = srtp_world(MUST, MUST);
	char other[16384], b[SUITE_TEXT_MAX + 1], again[SUITE_TEXT_MAX + 1];

	assert_int_equal(offer(w, 0, a_call), 0);
	key_out(w, 3, b);
	assert_int_equal(answer(w, 1, b_call), 0);
	assert_int_equal(here(w, 1, B_SAVP LINE("9", GCM, G1) LINE("12", CM80, K3), other), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 1);
	assert_int_equal(crypto_of(w, 0)->tag, 9);
	key_out(w, 0, again);
	assert_non_null(strstr(other, "a=crypto:7 " CM80));
	commit(w);
	media_settle(w->m);
	expect_key(&the_flow(w, 0)->side[1].in, FLOW_SUITE_AEAD_AES_128_GCM, G1);
	expect_key(&the_flow(w, 0)->side[1].out, FLOW_SUITE_AEAD_AES_128_GCM, again);
	world_free(w);
}

/* ---- transfers ---- */

static void who_takes_its_place_has_keys_of_its_own(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);
	char c[SUITE_TEXT_MAX + 1];

	assert_int_equal(media_add_leg(w->m, 1, w->m->leg[1].trunk), 0);
	assert_int_equal(make(w, MEDIA_THIRD), 0);
	assert_int_equal(line_of(w, 0)->n_crypto, 5);
	key_out(w, 3, c);
	assert_string_not_equal(c, k.b);
	assert_string_not_equal(c, k.a);
	assert_int_equal(offer(w, MEDIA_THIRD, B_SAVP LINE("4", CM80, K3)), 0);
	assert_int_equal(crypto_of(w, 0)->tag, 7);
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_settle(w->m);
	expect_keys(w, K1, k.a, K3, c);
	expect_numbers(w, 1, 1, 2, 2);
	media_take_leg(w->m);
	commit(w);
	expect_keys(w, K1, k.a, K3, c);
	expect_numbers(w, 1, 1, 2, 2);
	assert_int_equal(repeat(w, 1), 0);
	assert_int_equal(here(w, 1, B_SAVP LINE("4", CM80, K3), NULL), 0);
	assert_string_equal(key_out(w, 0, k.b), c);
	world_free(w);
}

static void who_does_not_take_it_leaves_nothing(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	assert_int_equal(media_add_leg(w->m, 1, w->m->leg[1].trunk), 0);
	assert_int_equal(make(w, MEDIA_THIRD), 0);
	assert_int_equal(offer(w, MEDIA_THIRD, B_SAVP LINE("4", CM80, K3)), 0);
	assert_int_equal(media_answer_known(w->m), 0);
	commit(w);
	media_drop_leg(w->m);
	assert_null(sdes_leg_of(w->m->streams, MEDIA_THIRD));
	commit(w);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 3, 3);
	assert_int_equal(the_flow(w, 0)->side[1].out.flags, FLOW_CRYPTO_KEEP_ROC);
	world_free(w);
}

static void start_another_engine(struct world *w, u32 caps)
{
	peer_kill(&w->peer);
	run(w, 300);
	w->peer.caps = caps;
	peer_start(&w->peer);
	run(w, 300);
}

static void a_new_engine_gets_the_same_keys(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	start_another_engine(w, w->peer.caps);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	world_free(w);
}

/* One that knows no keys would relay in the open. */
static void a_new_engine_without_it_gets_nothing(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	start_another_engine(w, w->peer.caps & ~(u32)FLOW_CAP_SRTP);
	assert_true(engine_is_up(w->ms->engine));
	assert_int_equal(w->peer.n_flows, 0);
	commit(w);
	assert_int_equal(w->status, -EOPNOTSUPP);
	w->peer.caps |= FLOW_CAP_SRTP;
	peer_disconnect(&w->peer);
	run(w, 300);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_direction_has_its_own_key),
		cmocka_unit_test(texts_that_are_kept_have_no_keys),
		cmocka_unit_test(a_refresh_changes_nothing),
		cmocka_unit_test(a_refresh_that_is_passed_on_is_no_news),
		cmocka_unit_test(a_new_key_of_theirs_is_theirs_alone),
		cmocka_unit_test(hold_keeps_keys),
		cmocka_unit_test(another_suite_is_another_key),
		cmocka_unit_test(our_own_key_is_not_taken),
		cmocka_unit_test(nobody_goes_on_in_the_open),
		cmocka_unit_test(who_may_goes_on_in_the_open),
		cmocka_unit_test(each_fork_has_its_key),
		cmocka_unit_test(our_offer_is_answered),
		cmocka_unit_test(an_offer_is_an_answer),
		cmocka_unit_test(who_takes_its_place_has_keys_of_its_own),
		cmocka_unit_test(who_does_not_take_it_leaves_nothing),
		cmocka_unit_test(a_new_engine_gets_the_same_keys),
		cmocka_unit_test(a_new_engine_without_it_gets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
