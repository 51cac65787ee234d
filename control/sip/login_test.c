/* SPDX-License-Identifier: Apache-2.0 */
/* Whom credentials of ours go to, and whom not. The calls themselves are scenarios (login-*.scn). */
#include "sip/world_test.h"

#define ASK                                                                                        \
	"WWW-Authenticate: Digest realm=\"bob.example\", nonce=\"n1\", qop=\"auth\", "             \
	"algorithm=MD5\r\n"

static const struct addr elsewhere = { .family = 4, .port = 5060, .ip = { 192, 0, 2, 50 } };

static bool withdrawn;

static int peer_of(void *arg, const struct sip_hop *hop)
{
	return addr_ip_eq(&hop->addr, &elsewhere) ? 8 : 7;
}

static bool login(void *arg, int peer, struct auth_login *out)
{
	*out = (struct auth_login){ peer == 7 ? "us" : "others", "pw", NULL };
	return !withdrawn;
}

static struct world *begin(void)
{
	struct world *w = world_new();

	w->sip->user.peer_of = peer_of;
	w->sip->user.login = login;
	withdrawn = false;
	call(w);
	return w;
}

/* INVITE, 401, ACK, INVITE. */
static void challenged(struct world *w)
{
	answer(w, 0, 401, "x", ASK, "");
	assert_true(sent_is(w, 1, "ACK"));
	assert_string_equal(field(w, 1, "Authorization"), "");
	assert_true(sent_is(w, 2, "INVITE"));
	assert_non_null(strstr(field(w, 2, "Authorization"), "username=\"us\""));
}

static void the_same_call_once_more(void **state)
{
	struct world *w = begin();

	challenged(w);
	assert_string_equal(field(w, 2, "Call-ID"), field(w, 0, "Call-ID"));
	assert_string_equal(field(w, 2, "From"), field(w, 0, "From"));
	assert_string_equal(field(w, 2, "To"), field(w, 0, "To"));
	assert_string_equal(field(w, 0, "CSeq"), "1 INVITE");
	assert_string_equal(field(w, 1, "CSeq"), "1 ACK");
	assert_string_equal(field(w, 2, "CSeq"), "2 INVITE");
	assert_string_not_equal(param_of(w, 2, "Via", "branch"), param_of(w, 0, "Via", "branch"));
	assert_int_equal(w->n_seen, 0);
	answer(w, 2, 200, "t", "Contact: <sip:bob@192.0.2.99>\r\n", "answer");
	assert_seen(w, 0, INVITE_ANSWER, 200);
	invite_ack(w->inv, STR_NONE, STR_NONE);
	assert_string_equal(field(w, 3, "CSeq"), "2 ACK");
	assert_string_equal(field(w, 3, "Authorization"), field(w, 2, "Authorization"));
	invite_end(w->inv, 0, STR_NONE);
	assert_string_equal(field(w, 4, "CSeq"), "3 BYE");
	assert_non_null(strstr(field(w, 4, "Authorization"), "nc=00000002"));
	world_free(w); /* with all of it still there */
}

/* The 2xx of a call with credentials names another neighbour, whom we could log in to as well. */
static void not_to_whom_a_contact_names(void **state)
{
	struct world *w = begin();

	challenged(w);
	answer(w, 2, 200, "t", "Contact: <sip:bob@192.0.2.50>\r\n", "answer");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, 3, "ACK"));
	assert_true(sent_is(w, 4, "BYE"));
	for (int i = 3; i < 5; i++) {
		assert_true(addr_ip_eq(&w->sent[i].to, &elsewhere));
		assert_string_equal(field(w, i, "Authorization"), "");
	}
	/* Neither to a challenge of the one, nor of the other. */
	w->far = elsewhere;
	answer(w, 4, 401, "", ASK, "");
	assert_int_equal(w->n_sent, 5);
	assert_int_equal(counter_of(w, "login.sent"), 1);
	world_free(w);
}

/* A fork that nobody waits for is ended there, but without credentials. */
static void not_to_whom_a_stray_contact_names(void **state)
{
	struct world *w = begin();

	invite_end(w->inv, 0, STR_NONE);
	answer(w, 0, 200, "t", "Contact: <sip:bob@192.0.2.50>\r\n", "answer");
	assert_true(sent_is(w, 2, "BYE"));
	w->far = elsewhere;
	answer(w, 2, 401, "", ASK, "");
	assert_int_equal(count_sent(w, "BYE"), 1);
	world_free(w);
}

static void not_by_another_transport(void **state)
{
	struct world *w = begin();

	w->transport = SIP_TCP;
	answer(w, 0, 401, "x", ASK, "");
	assert_seen(w, 0, INVITE_FAIL, 401);
	assert_int_equal(counter_of(w, "login.refused"), 1);
	world_free(w);
}

/* The configuration may change while a call is up. */
static void not_when_it_was_withdrawn(void **state)
{
	struct world *w = begin();

	challenged(w);
	answer(w, 2, 200, "t", "Contact: <sip:bob@192.0.2.99>\r\n", "answer");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	withdrawn = true;
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, 4, "BYE"));
	assert_string_equal(field(w, 4, "Authorization"), "");
	answer(w, 4, 401, "", ASK, "");
	assert_int_equal(count_sent(w, "BYE"), 1);
	world_free(w);
}

static void early_dialogs_may_be_challenged(void **state)
{
	struct world *w = begin();

	answer(w, 0, 180, "e", "", "");
	challenged(w);
	assert_string_equal(invite_state_name(w->inv), "CALLING");
	answer(w, 2, 180, "t", "", "");
	assert_int_equal(count_seen(w, INVITE_PROGRESS), 2);
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "CANCEL"));
	assert_string_equal(field(w, -1, "CSeq"), "2 CANCEL");
	assert_string_equal(field(w, -1, "Authorization"), "");
	world_free(w);
}

/* Nobody cares for the call any more, so nobody proves anything. */
static void not_after_the_end(void **state)
{
	struct world *w = begin();

	answer(w, 0, 100, "", "", "");
	invite_end(w->inv, 0, STR_NONE);
	answer(w, 0, 401, "x", ASK, "");
	assert_int_equal(count_sent(w, "INVITE"), 1);
	advance(w, 70000);
	assert_empty(w);
	world_free(w);
}

/* "stale" for the very nonce that was answered, again and again: a peer that wants us busy. */
static void not_for_ever(void **state)
{
	struct world *w = begin();

	for (int i = 0; i < 12 && w->inv; i++)
		answer(w, (int)w->n_sent - 1, 401, "x",
		       "WWW-Authenticate: Digest realm=\"bob.example\", nonce=\"n1\", stale=true, "
		       "qop=\"auth\", algorithm=MD5\r\n",
		       "");
	assert_null(w->inv);
	assert_int_equal(count_sent(w, "INVITE"), 4);
	world_free(w);
}

/* The next target has nonces of its own, and knows nothing of the first one's. */
static void next_target_asks_anew(void **state)
{
	struct world *w = begin();
	struct sip_hop to[2] = { w->far_hop, w->far_hop };
	struct invite_params p = { .targets = { to, 2, 5000 },
				   .ruri = STR("sip:bob@bob.example"),
				   .from = STR("<sip:alice@us.example>"),
				   .to = STR("<sip:bob@bob.example>"),
				   .max_forwards = 69,
				   .arg = w };

	to[1].addr.ip[3] = 98;
	invite_end(w->inv, 0, STR_NONE);
	world_forget(w);
	w->inv = invite_send(w->sip, &p);
	challenged(w);
	answer(w, 2, 503, "x", "", "");
	assert_true(sent_is(w, 4, "INVITE"));
	assert_int_equal(w->sent[4].to.ip[3], 98);
	assert_string_equal(field(w, 4, "Authorization"), "");
	w->far.ip[3] = 98;
	answer(w, 4, 401, "x",
	       "WWW-Authenticate: Digest realm=\"bob.example\", nonce=\"n2\", qop=\"auth\", "
	       "algorithm=MD5\r\n",
	       "");
	assert_true(sent_is(w, -1, "INVITE"));
	assert_non_null(strstr(field(w, -1, "Authorization"), "nonce=\"n2\""));
	assert_non_null(strstr(field(w, -1, "Authorization"), "nc=00000001"));
	world_free(w);
}

/* The same for other requests. */
static void next_target_of_an_exchange_asks_anew(void **state)
{
	struct world *w = begin();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");
	struct sip_hop to[2] = { w->far_hop, w->far_hop };

	to[1].addr.ip[3] = 98;
	p.targets = (struct sip_targets){ to, 2, 5000 };
	invite_end(w->inv, 0, STR_NONE);
	world_forget(w);
	assert_non_null(sip_send(w->sip, &p));
	answer(w, 0, 401, "x", ASK, "");
	assert_non_null(strstr(field(w, 1, "Authorization"), "nonce=\"n1\""));
	answer(w, 1, 503, "x", "", "");
	assert_true(sent_is(w, 2, "MESSAGE"));
	assert_string_equal(field(w, 2, "Authorization"), "");
	w->far.ip[3] = 98;
	answer(w, 2, 401, "x",
	       "WWW-Authenticate: Digest realm=\"bob.example\", nonce=\"n2\", qop=\"auth\", "
	       "algorithm=MD5\r\n",
	       "");
	assert_non_null(strstr(field(w, 3, "Authorization"), "nonce=\"n2\""));
	answer(w, 3, 200, "x", "", "");
	assert_int_equal(w->done.status, 200);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_call_once_more),
		cmocka_unit_test(not_to_whom_a_contact_names),
		cmocka_unit_test(not_to_whom_a_stray_contact_names),
		cmocka_unit_test(not_by_another_transport),
		cmocka_unit_test(not_when_it_was_withdrawn),
		cmocka_unit_test(early_dialogs_may_be_challenged),
		cmocka_unit_test(not_after_the_end),
		cmocka_unit_test(not_for_ever),
		cmocka_unit_test(next_target_asks_anew),
		cmocka_unit_test(next_target_of_an_exchange_asks_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
