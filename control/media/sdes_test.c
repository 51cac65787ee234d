/* SPDX-License-Identifier: Apache-2.0 */
/* SRTP with keys in SDP: who is offered what, what is taken, and which keys the engine gets. */
#include "media/sdes_priv.h"
#include "media/world.h"

#define CM80                  "AES_CM_128_HMAC_SHA1_80"
#define CM32                  "AES_CM_128_HMAC_SHA1_32"
#define GCM                   "AEAD_AES_128_GCM"
#define GCM2                  "AEAD_AES_256_GCM"
#define K1                    "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define K2                    "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
#define K3                    "Q0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0ND"
#define G1                    "R0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHR0dHRw=="
#define LINE(tag, suite, key) "a=crypto:" tag " " suite " inline:" key "\r\n"

#define A_AVP                 A_HEAD "m=audio 4000 RTP/AVP 8\r\n"
#define A_SAVP                A_HEAD "m=audio 4000 RTP/SAVP 8\r\n"
#define B_AVP                 B_HEAD "m=audio 6000 RTP/AVP 8\r\n"
#define B_SAVP                B_HEAD "m=audio 6000 RTP/SAVP 8\r\n"

static struct world *srtp_world(enum conf_srtp a, enum conf_srtp b)
{
	struct world *w = world_new(NULL, NULL);

	w->peer.caps |= FLOW_CAP_SRTP;
	peer_disconnect(&w->peer);
	run(w, 300);
	assert_true(engine_caps(w->ms->engine) & FLOW_CAP_SRTP);
	rules(w, 0)->srtp = a;
	rules(w, 1)->srtp = b;
	return w;
}

static const struct sdp_crypto *crypto_of(struct world *w, unsigned i)
{
	const struct sdp_media *l = line_of(w, 0);

	assert_true(i < l->n_crypto);
	return &l->crypto[i];
}

/* The key of line i of what came out last. */
static char *key_out(struct world *w, unsigned i, char text[SUITE_TEXT_MAX + 1])
{
	const struct sdp_crypto *c = crypto_of(w, i);

	memcpy(text, c->key.p, c->key.n);
	text[c->key.n] = 0;
	return text;
}

static void expect_key(const struct flow_crypto *c, u8 suite, const char *text)
{
	u8 master[SUITE_MASTER_MAX];
	struct flow_crypto want = { .suite = suite };

	assert_int_equal(c->suite, suite);
	if (!suite)
		return;
	assert_int_equal(suite_read_master(suite, str_of(text), master), 0);
	assert_int_equal(suite_derive(suite, master, &want), 0);
	assert_memory_equal(c->rtp_key, want.rtp_key, sizeof(want.rtp_key));
	assert_memory_equal(c->rtp_auth, want.rtp_auth, sizeof(want.rtp_auth));
	assert_memory_equal(c->rtp_salt, want.rtp_salt, sizeof(want.rtp_salt));
	assert_memory_equal(c->rtcp_key, want.rtcp_key, sizeof(want.rtcp_key));
	assert_memory_equal(c->rtcp_salt, want.rtcp_salt, sizeof(want.rtcp_salt));
}

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

#define OFF  CONF_SRTP_OFF
#define MAY  CONF_SRTP_OFFER
#define MUST CONF_SRTP_REQUIRE
#define S80  FLOW_SUITE_AES_CM_128_HMAC_SHA1_80

static const struct row rows[] = {
	/* nobody has it */
	{ OFF, OFF, A_AVP, 0, "RTP/AVP", 0, B_AVP, 0, "RTP/AVP", 0, { 0, 0 } },
	/* it is ignored beside RTP/AVP, and refused alone */
	{ OFF,
	  OFF,
	  A_AVP LINE("1", CM80, K1),
	  0,
	  "RTP/AVP",
	  0,
	  B_AVP LINE("1", CM80, K2),
	  0,
	  "RTP/AVP",
	  0,
	  { 0, 0 } },
	{ OFF, OFF, A_SAVP LINE("1", CM80, K1), -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_SAVP LINE("1", CM80, K1), -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	/* on one leg alone */
	{ MAY,
	  OFF,
	  A_AVP LINE("1", CM80, K1),
	  0,
	  "RTP/AVP",
	  0,
	  B_AVP,
	  0,
	  "RTP/AVP",
	  1,
	  { S80, 0 } },
	{ MAY,
	  OFF,
	  A_SAVP LINE("1", CM80, K1),
	  0,
	  "RTP/AVP",
	  0,
	  B_AVP,
	  0,
	  "RTP/SAVP",
	  1,
	  { S80, 0 } },
	{ OFF,
	  MAY,
	  A_AVP,
	  0,
	  "RTP/AVP",
	  5,
	  B_AVP LINE("4", CM80, K2),
	  0,
	  "RTP/AVP",
	  0,
	  { 0, S80 } },
	{ OFF, MAY, A_AVP, 0, "RTP/AVP", 5, B_AVP, 0, "RTP/AVP", 0, { 0, 0 } },
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("4", CM80, K2),
	  0,
	  "RTP/AVP",
	  0,
	  { 0, S80 } },
	{ MUST,
	  OFF,
	  A_SAVP LINE("1", CM80, K1),
	  0,
	  "RTP/AVP",
	  0,
	  B_AVP,
	  0,
	  "RTP/SAVP",
	  1,
	  { S80, 0 } },
	/* both, each by itself */
	{ MUST,
	  MUST,
	  A_SAVP LINE("1", CM80, K1),
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("4", CM80, K2),
	  0,
	  "RTP/SAVP",
	  1,
	  { S80, S80 } },
	{ MUST,
	  MUST,
	  A_SAVP LINE("1", CM80, K1),
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("2", GCM, G1),
	  0,
	  "RTP/SAVP",
	  1,
	  { S80, FLOW_SUITE_AEAD_AES_128_GCM } },
	{ MAY,
	  MAY,
	  A_AVP LINE("1", CM80, K1),
	  0,
	  "RTP/AVP",
	  5,
	  B_AVP LINE("4", CM80, K2),
	  0,
	  "RTP/AVP",
	  1,
	  { S80, S80 } },
	{ MAY,
	  MAY,
	  A_AVP LINE("1", CM80, K1),
	  0,
	  "RTP/AVP",
	  5,
	  B_AVP,
	  0,
	  "RTP/AVP",
	  1,
	  { S80, 0 } },
	{ MAY,
	  MAY,
	  A_AVP,
	  0,
	  "RTP/AVP",
	  5,
	  B_AVP LINE("5", CM32, K2),
	  0,
	  "RTP/AVP",
	  0,
	  { 0, FLOW_SUITE_AES_CM_128_HMAC_SHA1_32 } },
	/* who must have it gets it or nothing */
	{ MUST, OFF, A_AVP, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ MUST, OFF, A_AVP LINE("1", CM80, K1), -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ MUST, OFF, A_SAVP, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ MAY, OFF, A_SAVP, -ENOTSUP, NULL, 0, NULL, 0, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, "RTP/SAVP", 5, B_AVP, -ENOTSUP, NULL, 0, { 0, 0 } },
	{ OFF, MUST, A_AVP, 0, "RTP/SAVP", 5, B_SAVP, -ENOTSUP, NULL, 0, { 0, 0 } },
	/* an answer to what was not offered: tag, suite, tag of another suite, key too short */
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("6", CM80, K2),
	  -ENOTSUP,
	  NULL,
	  0,
	  { 0, 0 } },
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("1", CM80, K2),
	  -ENOTSUP,
	  NULL,
	  0,
	  { 0, 0 } },
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("4", CM32, K2),
	  -ENOTSUP,
	  NULL,
	  0,
	  { 0, 0 } },
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  "RTP/SAVP",
	  5,
	  B_SAVP LINE("4", CM80, "QUFB"),
	  -ENOTSUP,
	  NULL,
	  0,
	  { 0, 0 } },
	{ OFF,
	  MAY,
	  A_AVP,
	  0,
	  "RTP/AVP",
	  5,
	  B_AVP LINE("1", CM80, K2),
	  -ENOTSUP,
	  NULL,
	  0,
	  { 0, 0 } },
	/* the profile of the answer is another one, its key is good: some do that */
	{ OFF,
	  MAY,
	  A_AVP,
	  0,
	  "RTP/AVP",
	  5,
	  B_SAVP LINE("4", CM80, K2),
	  0,
	  "RTP/AVP",
	  0,
	  { 0, S80 } },
	{ OFF,
	  MUST,
	  A_AVP,
	  0,
	  "RTP/SAVP",
	  5,
	  B_AVP LINE("4", CM80, K2),
	  0,
	  "RTP/AVP",
	  0,
	  { 0, S80 } },
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

static void a_new_engine_gets_the_same_keys(void **state)
{
	struct keys k;
	struct world *w = a_call_is_up(&k);

	peer_kill(&w->peer);
	run(w, 300);
	peer_start(&w->peer);
	run(w, 300);
	expect_keys(w, K1, k.a, K2, k.b);
	expect_numbers(w, 1, 1, 1, 1);
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
		cmocka_unit_test(an_engine_without_it),
		cmocka_unit_test(a_new_engine_gets_the_same_keys),
		cmocka_unit_test(only_what_has_srtp_pays_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
