/* SPDX-License-Identifier: Apache-2.0 */
/* Requests but INVITE and its kin: RFC 3261 8.1, 12.2, RFC 3263 4.3, RFC 4320. */
#include "sip/world_test.h"

static void outside(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");

	p.headers = STR("Subject: test\r\n");
	p.body = STR("hello");
	p.body_type = STR("text/plain");
	assert_non_null(sip_send(w->sip, &p));
	assert_true(sent_is(w, 0,
			    "MESSAGE sip:bob@192.0.2.99 SIP/2.0\r\nVia: SIP/2.0/UDP "
			    "192.0.2.1:5060;rport;branch=z9hG4bK02"));
	assert_string_equal(field(w, 0, "Max-Forwards"), "69");
	assert_string_equal(field(w, 0, "To"), "<sip:bob@192.0.2.99>");
	assert_string_equal(field(w, 0, "CSeq"), "1 MESSAGE");
	assert_string_equal(field(w, 0, "Subject"), "test");
	assert_string_equal(field(w, 0, "Content-Length"), "5");
	assert_string_equal(field(w, 0, "Contact"), ""); /* RFC 3428 4 */
	assert_int_equal(strlen(param_of(w, 0, "From", "tag")), IDENT_LEN);
	assert_int_equal(strlen(field(w, 0, "Call-ID")), IDENT_LEN);
	assert_int_equal(w->done.n, 0);
	answer(w, 0, 100, "", "", "");
	assert_int_equal(w->done.n, 0);
	answer(w, 0, 202, "far", "", "seen");
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 202);
	assert_int_equal(w->done.cseq, 1);
	assert_string_equal(w->done.body, "seen");
	answer(w, 0, 202, "far", "", "");
	assert_int_equal(w->done.n, 1);
	advance(w, 5000);
	assert_empty(w);
	world_free(w);
}

static void contact_where_it_belongs(void **state)
{
	static const struct {
		const char *method, *contact;
	} rows[] = { { "OPTIONS", "<sip:alice@192.0.2.1:5060>" },
		     { "PUBLISH", "" },
		     { "NOTIFY", "<sip:alice@192.0.2.1:5060>" },
		     { "BREW", "" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new();
		struct exchange_params p = exchange_to_far(w, rows[i].method);

		assert_non_null(sip_send(w->sip, &p));
		assert_string_equal(field(w, 0, "Contact"), rows[i].contact);
		assert_true(sent_is(w, 0, rows[i].method));
		answer(w, 0, 200, "far", "", "");
		assert_int_equal(w->done.status, 200);
		world_free(w);
	}
}

/* 17.1.2: Timer E doubles up to T2, F ends it. */
static void silence(void **state)
{
	static const unsigned ms[] = { 0,     500,   1500,  3500,  7500, 11500,
				       15500, 19500, 23500, 27500, 31500 };
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "OPTIONS");

	assert_non_null(sip_send(w->sip, &p));
	advance(w, 31999);
	assert_int_equal(w->done.n, 0);
	advance(w, 1);
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 408);
	assert_true(w->done.silent);
	assert_times(w, "OPTIONS", ms, sizeof(ms) / sizeof(ms[0]));
	assert_empty(w);
	world_free(w);
}

static void left_alone(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "OPTIONS");

	sip_exchange_leave(sip_send(w->sip, &p));
	answer(w, 0, 200, "far", "", "");
	assert_int_equal(w->done.n, 0);
	advance(w, 5000);
	assert_empty(w);
	world_free(w);
}

static void too_long(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");
	char *body = calloc(1, SIP_DATAGRAM_MAX);

	p.body = (struct str){ body, SIP_DATAGRAM_MAX };
	errno = 0;
	assert_null(sip_send(w->sip, &p));
	assert_int_equal(errno, EMSGSIZE);
	free(body);
	assert_empty(w);
	world_free(w);
}

/* ---- RFC 3263 4.3 ---- */

static void three_targets(struct world *w, struct sip_hop hop[3], uint32_t patience_ms)
{
	struct exchange_params p = exchange_to_far(w, "OPTIONS");

	for (unsigned i = 0; i < 3; i++) {
		hop[i] = w->far_hop;
		hop[i].addr.port = (uint16_t)(5070 + i);
	}
	p.targets = (struct sip_targets){ hop, 3, patience_ms };
	assert_non_null(sip_send(w->sip, &p));
}

static void next_after_503(void **state)
{
	struct world *w = world_new();
	struct sip_hop hop[3];
	char first[80];

	three_targets(w, hop, 4000);
	snprintf(first, sizeof(first), "%s", param_of(w, 0, "Via", "branch"));
	answer(w, 0, 503, "far", "Retry-After: 9\r\n", "");
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(w->sent[1].to.port, 5071);
	assert_string_not_equal(param_of(w, 1, "Via", "branch"), first);
	assert_string_equal(field(w, 1, "Call-ID"), field(w, 0, "Call-ID"));
	assert_string_equal(field(w, 1, "From"), field(w, 0, "From"));
	assert_int_equal(w->done.n, 0);
	answer(w, 1, 503, "far", "", "");
	answer(w, 2, 503, "far", "", ""); /* the last one's is final */
	assert_int_equal(w->n_sent, 3);
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 503);
	assert_false(w->done.silent);
	assert_int_equal(counter_of(w, "out.next-target"), 2);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void next_after_silence(void **state)
{
	struct world *w = world_new();
	struct sip_hop hop[3];

	three_targets(w, hop, 4000);
	advance(w, 3999);
	assert_int_equal(w->sent[w->n_sent - 1].to.port, 5070);
	advance(w, 1);
	assert_int_equal(w->sent[w->n_sent - 1].to.port, 5071);
	/* Who has said anything is waited for. */
	answer(w, -1, 100, "", "", "");
	advance(w, 27999);
	assert_int_equal(w->sent[w->n_sent - 1].to.port, 5071);
	assert_int_equal(w->done.n, 0);
	/* 64*T1 are over: nobody waits for what a third one might say. */
	advance(w, 1);
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 408);
	assert_int_equal(w->sent[w->n_sent - 1].to.port, 5071);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void not_next_after_404(void **state)
{
	struct world *w = world_new();
	struct sip_hop hop[3];

	three_targets(w, hop, 4000);
	answer(w, 0, 404, "far", "", "");
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(w->done.status, 404);
	world_free(w);
}

static void next_after_broken_stream(void **state)
{
	struct world *w = world_new();
	struct sip_hop hop[3];

	w->far_hop.transport = SIP_TCP;
	three_targets(w, hop, 0);
	assert_true(strstr(sent(w, 0), "Via: SIP/2.0/TCP") != NULL);
	hop[0].transport = SIP_TCP;
	sip_broken(w->sip, &hop[0]);
	advance(w, 1);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(w->sent[1].to.port, 5071);
	advance(w, 40000);
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 408);
	assert_empty(w);
	world_free(w);
}

/* ---- challenges: 22.2 ---- */

#define ASK                                                                                        \
	"WWW-Authenticate: Digest realm=\"bob.example\", nonce=\"n1\", qop=\"auth\", "             \
	"algorithm=MD5\r\n"

static bool login(void *arg, int peer, struct auth_login *out)
{
	*out = (struct auth_login){ .user = "us", .password = "pw" };
	return peer == 7;
}

static void challenged(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");

	w->sip->user.login = login;
	assert_non_null(sip_send(w->sip, &p));
	answer(w, 0, 401, "x", ASK, "");
	assert_int_equal(w->done.n, 0);
	assert_int_equal(w->n_sent, 2);
	assert_non_null(strstr(field(w, 1, "Authorization"), "username=\"us\""));
	assert_string_equal(field(w, 1, "CSeq"), "2 MESSAGE");
	assert_string_equal(field(w, 1, "Call-ID"), field(w, 0, "Call-ID"));
	answer(w, 1, 200, "x", "", "");
	assert_int_equal(w->done.status, 200);
	assert_int_equal(w->done.cseq, 2);
	advance(w, 5000);
	assert_empty(w);
	world_free(w);
}

static void wrong_credentials(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");

	w->sip->user.login = login;
	assert_non_null(sip_send(w->sip, &p));
	answer(w, 0, 401, "x", ASK, "");
	answer(w, 1, 401, "x", ASK, "");
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 401);
	world_free(w);
}

/* ---- what comes in ---- */

/* RFC 4320 4.2: no 408, and no answer to who has given up. */
static void no_late_answer(void **state)
{
	struct world *w = world_new();

	request(w, "MESSAGE", "m1", 1, "", "");
	assert_int_equal(w->n_requests, 1);
	advance(w, 32000);
	world_forget(w);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 200 });
	assert_int_equal(w->n_sent, 0);
	assert_int_equal(counter_of(w, "drop.late-reply"), 1);
	assert_empty(w);
	world_free(w);
}

static void dropped_request_absorbs(void **state)
{
	struct world *w = world_new();

	request(w, "MESSAGE", "m1", 1, "", "");
	advance(w, 1000);
	sip_request_drop(w->req);
	request(w, "MESSAGE", "m1", 1, "", "");
	advance(w, 30999);
	request(w, "MESSAGE", "m1", 1, "", "");
	assert_int_equal(w->n_requests, 1);
	assert_int_equal(w->n_sent, 0);
	advance(w, 1);
	assert_empty(w);
	world_free(w);
}

/* What we sent came back through a proxy: 16.3 step 4. */
static void loop(void **state)
{
	static const struct {
		const char *ruri;
		bool loop;
	} rows[] = { { "sip:bob@192.0.2.99", true }, { "sip:carol@192.0.2.99", false } };

	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_new();
		struct exchange_params p = exchange_to_far(w, "MESSAGE");

		assert_non_null(sip_send(w->sip, &p));
		injectf(w,
			"MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP "
			"192.0.2.99;branch=z9hG4bKp\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
			"Call-ID: %s\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
			rows[i].ruri, field(w, 0, "Via"), field(w, 0, "From"), field(w, 0, "To"),
			field(w, 0, "Call-ID"));
		assert_int_equal(w->n_requests, !rows[i].loop);
		assert_int_equal(count_sent(w, "SIP/2.0 482"), rows[i].loop);
		world_free(w);
	}
}

/* ---- in the dialog of an INVITE ---- */

static void talk(struct world *w)
{
	assert_non_null(call(w));
	answer(w, 0, 200, "far", "Contact: <sip:far@192.0.2.99>\r\n", "");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	world_forget(w);
}

static void in_call(struct world *w, const char *method, unsigned cseq, const char *lines,
		    const char *body)
{
	injectf(w,
		"%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"192.0.2.99;rport;branch=z9hG4bK%s%u\r\nFrom: <sip:bob@192.0.2.99>;tag=far\r\n"
		"To: <sip:alice@192.0.2.1>;tag=%.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\n%s"
		"Content-Length: %zu\r\n\r\n%s",
		method, method, cseq, STR_FMT(invite_local_tag(w->inv)),
		STR_FMT(invite_call_id(w->inv)), cseq, method, lines, strlen(body), body);
}

static void sent_in_call(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "INFO");

	talk(w);
	p.body = STR("5");
	p.body_type = STR("application/dtmf");
	assert_non_null(invite_request(w->inv, &p));
	assert_true(sent_is(w, 0, "INFO sip:far@192.0.2.99 SIP/2.0\r\n"));
	assert_string_equal(field(w, 0, "CSeq"), "2 INFO");
	assert_string_equal(field(w, 0, "Max-Forwards"), "69");
	assert_string_equal(param_of(w, 0, "To", "tag"), "far");
	assert_string_equal(field(w, 0, "Contact"), "");
	answer(w, 0, 200, "", "", "");
	assert_int_equal(w->done.status, 200);
	assert_int_equal(w->done.cseq, 2);
	p = exchange_to_far(w, "REFER");
	assert_non_null(invite_request(w->inv, &p));
	assert_string_equal(field(w, 1, "CSeq"), "3 REFER");
	assert_string_equal(field(w, 1, "Contact"), "<sip:alice@192.0.2.1:5060>");
	answer(w, 1, 202, "", "Contact: <sip:far@192.0.2.99>\r\n", "");
	assert_int_equal(w->done.n, 2);
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE"));
	assert_string_equal(field(w, -1, "CSeq"), "4 BYE");
	answer(w, -1, 200, "", "", "");
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

/* The dialog counts what is sent in it, and keeps what it was challenged with. */
static void challenged_in_call(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "INFO");

	w->sip->user.login = login;
	talk(w);
	assert_non_null(invite_request(w->inv, &p));
	answer(w, 0, 401, "", ASK, "");
	assert_string_equal(field(w, 1, "CSeq"), "3 INFO");
	assert_true(*field(w, 1, "Authorization"));
	answer(w, 1, 200, "", "", "");
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.cseq, 3);
	assert_non_null(invite_request(w->inv, &p));
	assert_string_equal(field(w, 2, "CSeq"), "4 INFO");
	assert_non_null(strstr(field(w, 2, "Authorization"), "nc=00000002"));
	world_free(w);
}

static void no_dialog_to_send_in(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "INFO");

	assert_non_null(call(w));
	assert_null(invite_request(w->inv, &p));
	assert_int_equal(errno, EBUSY);
	answer(w, 0, 180, "far", "Contact: <sip:far@192.0.2.99>\r\n", "");
	assert_null(invite_request(w->inv, &p));
	world_free(w);
}

static void received_in_call(void **state)
{
	static const char *const methods[] = { "INFO", "MESSAGE", "NOTIFY", "REFER" };
	struct world *w = world_new();

	talk(w);
	for (unsigned i = 0; i < 4; i++) {
		in_call(w, methods[i], i + 10, "Contact: <sip:far@192.0.2.99:5090>\r\n", "x");
		assert_int_equal(w->n_requests, i + 1);
		assert_true(w->got.inside);
		assert_int_equal(w->got.method, sip_method_of(str_of(methods[i])));
		assert_string_equal(w->got.body, "x");
		assert_int_equal(sip_request_reply(w->req, &(struct invite_reply){ .status = 202 }),
				 0);
		assert_true(sent_is(w, -1, "SIP/2.0 202"));
		assert_string_equal(field(w, -1, "Contact"),
				    i == 3 ? "<sip:alice@192.0.2.1:5060>" : "");
		in_call(w, methods[i], i + 10, "", "x");
		assert_int_equal(w->n_requests, i + 1);
	}
	/* NOTIFY and REFER refresh the target. */
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE sip:far@192.0.2.99:5090 SIP/2.0"));
	world_free(w);
}

static void others_in_call_are_answered_here(void **state)
{
	static const struct {
		const char *method;
		unsigned status;
	} rows[] = { { "OPTIONS", 200 },
		     { "BREW", 501 },
		     { "PUBLISH", 405 },
		     { "REGISTER", 405 },
		     { "SUBSCRIBE", 405 } };
	struct world *w = world_new();
	char want[16];

	talk(w);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		in_call(w, rows[i].method, i + 10, "", "");
		snprintf(want, sizeof(want), "SIP/2.0 %u ", rows[i].status);
		assert_true(sent_is(w, -1, want));
		assert_true(*field(w, -1, "Allow"));
	}
	assert_int_equal(w->n_requests, 0);
	world_free(w);
}

static void order_in_call(void **state)
{
	struct world *w = world_new();

	talk(w);
	in_call(w, "INFO", 10, "", "");
	in_call(w, "INFO", 9, "", "");
	assert_int_equal(w->n_requests, 1);
	assert_true(sent_is(w, -1, "SIP/2.0 500"));
	assert_true(*field(w, -1, "Retry-After"));
	world_free(w);
}

/* 12.2.1.2 and RFC 5057: INFO is of the call, NOTIFY is not. */
static void peer_has_forgotten_the_call(void **state)
{
	static const struct {
		const char *method;
		unsigned status; /* 0: none */
		bool lost;
	} rows[] = { { "INFO", 481, true },  { "INFO", 408, true },    { "INFO", 0, true },
		     { "INFO", 500, false }, { "NOTIFY", 481, false }, { "MESSAGE", 481, false } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new();
		struct exchange_params p = exchange_to_far(w, rows[i].method);

		talk(w);
		assert_non_null(invite_request(w->inv, &p));
		if (rows[i].status)
			answer(w, 0, rows[i].status, "", "", "");
		else
			advance(w, 32000);
		assert_int_equal(w->done.n, 1);
		assert_int_equal(count_seen(w, INVITE_LOST), rows[i].lost);
		assert_int_equal(count_sent(w, "BYE"), rows[i].lost);
		world_free(w);
	}
}

/* The call ends while our request is open: its answer is still told, and nothing else happens. */
static void outlives_the_call(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "INFO");

	talk(w);
	assert_non_null(invite_request(w->inv, &p));
	in_call(w, "INFO", 10, "", "");
	in_call(w, "BYE", 11, "", "");
	assert_int_equal(count_seen(w, INVITE_BYE), 1);
	answer(w, 0, 481, "", "", "");
	assert_int_equal(w->done.n, 1);
	assert_int_equal(count_seen(w, INVITE_LOST), 0);
	assert_int_equal(sip_request_reply(w->req, &(struct invite_reply){ .status = 200 }), 0);
	assert_int_equal(count_sent(w, "SIP/2.0 200"), 2);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void lost_while_reinviting(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "INFO");

	talk(w);
	in_call(w, "INVITE", 10, "Contact: <sip:far@192.0.2.99>\r\n", "");
	assert_int_equal(last_seen(w)->type, INVITE_OFFER);
	assert_non_null(invite_request(w->inv, &p));
	answer(w, -1, 481, "", "", "");
	assert_int_equal(count_seen(w, INVITE_LOST), 1);
	assert_int_equal(count_sent(w, "SIP/2.0 487"), 1);
	assert_int_equal(count_sent(w, "BYE"), 1);
	advance(w, 80000);
	assert_empty(w);
	world_free(w);
}

/* Its stream ends in the same round in which somebody answers it by another one. */
static void answered_while_it_breaks(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");

	w->far_hop.transport = w->transport = SIP_TCP;
	assert_non_null(sip_send(w->sip, &p));
	sip_broken(w->sip, &w->far_hop);
	answer(w, 0, 100, "", "", "");
	advance(w, 40000);
	assert_int_equal(w->done.n, 1);
	assert_int_equal(w->done.status, 408);
	assert_empty(w);
	world_free(w);
}

/* Whoever connects and leaves again and again must not make us look at all that is under way. */
static void only_who_waits_is_asked(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "MESSAGE");

	assert_non_null(sip_send(w->sip, &p)); /* UDP */
	assert_null(w->sip->on_streams);
	w->far_hop.transport = w->transport = SIP_TCP;
	for (int i = 1; i < 4; i++)
		assert_non_null(sip_send(w->sip, &p));
	assert_int_equal(w->sip->clients.count, 4);
	answer(w, 2, 100, "", "", "");
	answer(w, 3, 200, "x", "", "");
	assert_non_null(w->sip->on_streams);
	assert_null(w->sip->on_streams->next);
	sip_broken(w->sip, &w->far_hop);
	advance(w, 1);
	assert_int_equal(w->done.n, 2);
	assert_int_equal(w->done.status, 503);
	assert_null(w->sip->on_streams);
	world_free(w);
}

/* Who says that we are one hop away from the end is not given seventy more. */
static void last_hop_in_a_dialog(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "INFO");

	p.max_forwards = 0;
	call(w);
	answer(w, 0, 200, "t", "Contact: <sip:bob@192.0.2.99>\r\n", "answer");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	assert_non_null(invite_request(w->inv, &p));
	assert_string_equal(field(w, -1, "Max-Forwards"), "0");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answered_while_it_breaks),
		cmocka_unit_test(only_who_waits_is_asked),
		cmocka_unit_test(last_hop_in_a_dialog),
		cmocka_unit_test(outside),
		cmocka_unit_test(contact_where_it_belongs),
		cmocka_unit_test(silence),
		cmocka_unit_test(left_alone),
		cmocka_unit_test(too_long),
		cmocka_unit_test(next_after_503),
		cmocka_unit_test(next_after_silence),
		cmocka_unit_test(not_next_after_404),
		cmocka_unit_test(next_after_broken_stream),
		cmocka_unit_test(challenged),
		cmocka_unit_test(wrong_credentials),
		cmocka_unit_test(no_late_answer),
		cmocka_unit_test(dropped_request_absorbs),
		cmocka_unit_test(loop),
		cmocka_unit_test(sent_in_call),
		cmocka_unit_test(challenged_in_call),
		cmocka_unit_test(no_dialog_to_send_in),
		cmocka_unit_test(received_in_call),
		cmocka_unit_test(others_in_call_are_answered_here),
		cmocka_unit_test(order_in_call),
		cmocka_unit_test(peer_has_forgotten_the_call),
		cmocka_unit_test(outlives_the_call),
		cmocka_unit_test(lost_while_reinviting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
