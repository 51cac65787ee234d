/* SPDX-License-Identifier: Apache-2.0 */
/* Server transactions, each state and timer, and what is refused before there is one. */
#include "sip/world_test.h"

static struct strans *server(struct world *w, const char *branch)
{
	char via[200];
	struct sip_core c = { 0 };
	struct str list = { via, 0 };
	struct strans *st;

	list.n = (size_t)snprintf(via, sizeof(via), "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK%s",
				  branch);
	assert_int_equal(sip_via_parse(&list, &c.via), 0);
	st = strans_find(w->sip, &c, SIP_INVITE);
	return st ? st : strans_find(w->sip, &c, SIP_OPTIONS);
}

#define assert_state(w, branch, name)                                                              \
	assert_string_equal(strans_state_name(server(w, branch)), name)

/* Timer G, and the 2xx: T1, doubled up to T2, for 64*T1. */
static const unsigned g_times[] = { 0,     500,   1500,  3500,  7500, 11500,
				    15500, 19500, 23500, 27500, 31500 };

static void invite_proceeding(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "Timestamp: 12.5\r\n", "offer");
	assert_int_equal(w->n_sent, 1);
	assert_true(sent_is(w, 0, "SIP/2.0 100 Trying\r\n"));
	assert_string_equal(field(w, 0, "Timestamp"), "12.5");
	assert_string_equal(
		field(w, 0, "Via"),
		"SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKa;received=192.0.2.99;rport=5060");
	request(w, "INVITE", "a", 1, "Timestamp: 12.5\r\n", "offer");
	assert_int_equal(w->n_sent, 2);
	assert_string_equal(sent(w, 0), sent(w, 1));
	assert_int_equal(reply(w, 183, "early"), 0);
	assert_string_equal(field(w, 2, "Contact"), "<sip:us@192.0.2.1:5060>");
	request(w, "INVITE", "a", 1, "", "offer");
	assert_string_equal(sent(w, 2), sent(w, 3));
	assert_int_equal(w->n_invites, 1);
	assert_int_equal(counter_of(w, "in.retransmitted"), 2);
	assert_state(w, "a", "PROCEEDING");
	/* 13.3.1.1: once a minute. */
	advance(w, 60001);
	assert_int_equal(w->n_sent, 5);
	assert_string_equal(sent(w, 2), sent(w, 4));
	invite_end(w->inv, 0, STR("Reason: SIP;cause=480\r\n"));
	assert_true(sent_is(w, -1, "SIP/2.0 480 "));
	assert_string_equal(field(w, -1, "Reason"), "SIP;cause=480");
	assert_int_equal(w->n_seen, 0);
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

static void invite_completed_g_h(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "", "");
	assert_int_equal(reply(w, 404, ""), 0);
	assert_state(w, "a", "COMPLETED");
	assert_int_equal(w->sip->dialogs.count, 0);
	request(w, "INVITE", "a", 1, "", "");
	w->n_sent--; /* the answer to the repetition */
	free(w->sent[w->n_sent].text);
	advance(w, 31999);
	assert_non_null(server(w, "a"));
	advance(w, 1);
	assert_null(server(w, "a"));
	assert_times(w, "SIP/2.0 404", g_times, 11);
	assert_int_equal(counter_of(w, "timeout.ack"), 1);
	assert_empty(w);
	world_free(w);
}

static void invite_confirmed_i(void **state)
{
	struct world *w = world_new();
	unsigned n;

	request(w, "INVITE", "a", 1, "", "");
	reply(w, 404, "");
	n = w->n_sent;
	advance(w, 400);
	request_in(w, -1, "ACK", "a", 1, "", "");
	assert_state(w, "a", "CONFIRMED");
	request_in(w, -1, "ACK", "a", 1, "", "");
	request(w, "INVITE", "a", 1, "", "");
	assert_int_equal(w->n_sent, n);
	advance(w, 4999);
	assert_non_null(server(w, "a"));
	advance(w, 1);
	assert_null(server(w, "a"));
	assert_int_equal(w->n_sent, n);
	assert_int_equal(w->n_seen, 0);
	assert_empty(w);
	world_free(w);
}

static void invite_accepted_l(void **state)
{
	struct world *w = world_new();
	unsigned n;

	request(w, "INVITE", "a", 1, "", "offer");
	reply(w, 200, "answer");
	assert_state(w, "a", "ACCEPTED");
	n = w->n_sent;
	request(w, "INVITE", "a", 1, "", "offer");
	assert_int_equal(w->n_sent, n);
	request_in(w, -1, "ACK", "b", 1, "", "body");
	assert_seen(w, 0, INVITE_ACK, 0);
	assert_string_equal(w->seen[0].body, "body");
	request_in(w, n - 1, "ACK", "b", 1, "", "");
	assert_int_equal(w->n_seen, 1);
	advance(w, 31999);
	assert_non_null(server(w, "a"));
	advance(w, 1);
	assert_null(server(w, "a"));
	assert_int_equal(w->n_sent, n);
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	world_free(w);
}

/* Some put the ACK for a 2xx into the branch of the INVITE. */
static void ack_with_the_branch_of_its_invite(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "", "offer");
	reply(w, 200, "answer");
	request_in(w, -1, "ACK", "a", 1, "", "");
	assert_seen(w, 0, INVITE_ACK, 0);
	world_free(w);
}

static void no_ack_for_2xx(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "", "offer");
	reply(w, 200, "answer");
	advance(w, 31999);
	assert_times(w, "SIP/2.0 200", g_times, 11);
	assert_int_equal(w->n_seen, 0);
	advance(w, 1);
	assert_seen(w, 0, INVITE_LOST, 0);
	assert_true(sent_is(w, -1, "BYE sip:far@192.0.2.99 "));
	answer(w, -1, 200, "", "", "");
	advance(w, 5000);
	assert_empty(w);
	world_free(w);
}

static void wrong_ack(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 7, "", "offer");
	reply(w, 200, "answer");
	request_in(w, -1, "ACK", "b", 6, "", "");
	assert_int_equal(w->n_seen, 0);
	assert_int_equal(counter_of(w, "drop.ack-stray"), 1);
	request_in(w, -1, "ACK", "c", 7, "", "");
	assert_seen(w, 0, INVITE_ACK, 0);
	world_free(w);
}

static void other_completed_j(void **state)
{
	struct invite_reply r = { .status = 200, .headers = STR("Accept: application/sdp\r\n") };
	struct world *w = world_new();

	request(w, "OPTIONS", "a", 1, "", "");
	assert_int_equal(w->n_requests, 1);
	assert_state(w, "a", "TRYING");
	request(w, "OPTIONS", "a", 1, "", "");
	assert_int_equal(w->n_requests, 1);
	assert_int_equal(w->n_sent, 0);
	assert_int_equal(sip_request_reply(w->req, &r), 0);
	assert_state(w, "a", "COMPLETED");
	assert_true(sent_is(w, 0, "SIP/2.0 200 OK\r\n"));
	assert_int_equal(strlen(param_of(w, 0, "To", "tag")), IDENT_LEN);
	assert_string_equal(field(w, 0, "Contact"), "");
	request(w, "OPTIONS", "a", 1, "", "");
	assert_int_equal(w->n_sent, 2);
	assert_string_equal(sent(w, 0), sent(w, 1));
	advance(w, 31999);
	assert_non_null(server(w, "a"));
	advance(w, 1);
	assert_empty(w);
	world_free(w);
}

/* RFC 4320: 100 not before Timer E of the client has reached T2, and nothing after Timer F. */
static void other_late(void **state)
{
	struct invite_reply r = { .status = 200 };
	struct world *w = world_new();

	request(w, "OPTIONS", "a", 1, "", "");
	advance(w, 3499);
	assert_int_equal(w->n_sent, 0);
	advance(w, 1);
	assert_int_equal(w->n_sent, 1);
	assert_true(sent_is(w, 0, "SIP/2.0 100 "));
	assert_state(w, "a", "PROCEEDING");
	request(w, "OPTIONS", "a", 1, "", "");
	assert_int_equal(w->n_sent, 2);
	advance(w, 28500);
	assert_int_equal(sip_request_reply(w->req, &r), 0);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(counter_of(w, "drop.late-reply"), 1);
	assert_empty(w);
	world_free(w);
}

static void reliable(void **state)
{
	struct invite_reply r = { .status = 200 };
	struct world *w = world_new();

	w->transport = SIP_TCP;
	w->conn = 7;
	request(w, "INVITE", "a", 1, "", "");
	reply(w, 404, "");
	advance(w, 10000);
	assert_int_equal(count_sent(w, "SIP/2.0 404"), 1);
	request_in(w, -1, "ACK", "a", 1, "", "");
	advance(w, 1);
	assert_null(server(w, "a"));
	request(w, "OPTIONS", "b", 1, "", "");
	sip_request_reply(w->req, &r);
	advance(w, 1);
	assert_empty(w);
	world_free(w);
}

/* 18.2.2 */
static void connection_gone(void **state)
{
	struct invite_reply r = { .status = 200 };
	struct world *w = world_new();

	w->transport = SIP_TCP;
	w->conn = 7;
	request(w, "OPTIONS", "a", 1, "", "");
	w->conn = 8;
	sip_request_reply(w->req, &r);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(w->sent[0].hop.conn, 0);
	assert_int_equal(w->sent[0].hop.transport, SIP_TCP);
	assert_int_equal(w->sent[0].to.port, 5060);
	world_free(w);
}

static void oversized_reply(void **state)
{
	static char big[SIP_DATAGRAM_MAX];
	struct invite_reply r = { .status = 200, .body = { big, sizeof(big) } };
	struct world *w = world_new();

	memset(big, 'x', sizeof(big));
	request(w, "OPTIONS", "a", 1, "", "");
	assert_int_equal(sip_request_reply(w->req, &r), -EMSGSIZE);
	assert_true(sent_is(w, 0, "SIP/2.0 500 "));
	request(w, "INVITE", "b", 2, "", "");
	assert_int_equal(invite_reply(w->inv, &r), -EMSGSIZE);
	assert_int_equal(reply(w, 200, "answer"), 0);
	world_free(w);
}

/* ---- matching ---- */

static void matching(void **state)
{
	static const char text[] =
		"INVITE sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\n"
		"From: <sip:far@example.com>;tag=far\r\nTo: <sip:us@192.0.2.1>\r\n"
		"Call-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:far@192.0.2.99>\r\n"
		"Content-Length: 0\r\n\r\n";
	struct world *w = world_new();

	injectf(w, text, "a.example", "x", "1");
	injectf(w, text, "A.Example", "x", "1");
	assert_int_equal(w->n_invites, 1);
	injectf(w, text, "b.example", "x", "2");
	injectf(w, text, "a.example:5070", "x", "3");
	injectf(w, text, "a.example", "X", "4");
	assert_int_equal(w->n_invites, 4);
	/* No rport: to the port of sent-by (18.2.2), at the address that it came from. */
	assert_int_equal(w->sent[0].to.port, 5060);
	assert_int_equal(w->sent[3].to.port, 5070);
	assert_true(addr_ip_eq(&w->sent[3].to, &w->far));
	world_free(w);
}

static void merged(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "", "");
	request(w, "INVITE", "b", 1, "", "");
	assert_int_equal(w->n_invites, 1);
	assert_true(sent_is(w, -1, "SIP/2.0 482 "));
	request(w, "INVITE", "b", 1, "", "");
	assert_string_equal(sent(w, -1), sent(w, -2)); /* stateless, so with the same tag */
	/* Its own answer does not end a transaction of the same Call-ID. */
	request(w, "INVITE", "c", 2, "", "");
	assert_int_equal(w->n_invites, 2);
	/* A proxy tries again after a failure. */
	reply(w, 404, "");
	request(w, "INVITE", "d", 2, "", "");
	assert_int_equal(w->n_invites, 3);
	reply(w, 200, "answer");
	request(w, "INVITE", "e", 2, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 482 "));
	assert_int_equal(counter_of(w, "reject.merged"), 3);
	world_free(w);
}

/* ---- CANCEL ---- */

static void cancel(void **state)
{
	struct world *w = world_new();

	request(w, "CANCEL", "a", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request(w, "INVITE", "a", 1, "", "");
	reply(w, 180, "");
	request(w, "CANCEL", "a", 1, "", "");
	assert_seen(w, 0, INVITE_CANCEL, 0);
	assert_true(sent_is(w, -2, "SIP/2.0 200 "));
	assert_string_equal(field(w, -2, "CSeq"), "1 CANCEL");
	assert_true(sent_is(w, -1, "SIP/2.0 487 "));
	assert_string_equal(field(w, -1, "CSeq"), "1 INVITE");
	assert_string_equal(field(w, -1, "To"), field(w, -2, "To"));
	assert_int_equal(w->sip->dialogs.count, 0);
	request(w, "CANCEL", "a", 1, "", "");
	assert_int_equal(count_sent(w, "SIP/2.0 200"), 2);
	assert_int_equal(count_sent(w, "SIP/2.0 487"), 1);
	request_in(w, -2, "ACK", "a", 1, "", "");
	advance(w, 32000);
	assert_int_equal(count_sent(w, "SIP/2.0 487"), 1);
	assert_int_equal(w->n_seen, 1);
	assert_empty(w);
	world_free(w);
}

static void cancel_too_late(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "", "");
	reply(w, 200, "answer");
	request(w, "CANCEL", "a", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	assert_string_equal(field(w, -1, "CSeq"), "1 CANCEL");
	assert_int_equal(w->n_seen, 0);
	request_in(w, -2, "ACK", "b", 1, "", "");
	assert_seen(w, 0, INVITE_ACK, 0);
	request(w, "INVITE", "c", 2, "", "");
	reply(w, 404, "");
	request(w, "CANCEL", "c", 2, "", "");
	assert_string_equal(field(w, -1, "CSeq"), "2 CANCEL");
	assert_int_equal(count_sent(w, "SIP/2.0 487"), 0);
	world_free(w);
}

/* ---- refused without a transaction ---- */

static void refusals(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "a", 1, "Max-Forwards: 0\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 483 "));
	request(w, "INVITE", "b", 1, "Require: secret, Timer\r\nRequire: 100rel, x\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 420 "));
	assert_string_equal(field(w, -1, "Unsupported"), "secret, x");
	request(w, "PRACK", "c1", 1, "RAck: 1 1 INVITE\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request(w, "UPDATE", "c2", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request(w, "BREW", "c", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 501 "));
	assert_string_equal(field(w, -1, "Allow"),
			    "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, OPTIONS, INFO, "
			    "MESSAGE, NOTIFY, PUBLISH, REFER, SUBSCRIBE");
	request(w, "BYE", "d", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request(w, "OPTIONS", "e", 1, "To: x\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 400 "));
	request(w, "INVITE", "f", 1, "Contact: <tel:+1>\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 400 "));
	assert_int_equal(w->n_sent, 8);
	assert_int_equal(w->n_invites + w->n_requests, 0);
	assert_empty(w);
	world_free(w);
}

static void in_no_dialog(void **state)
{
	static const char *const methods[] = { "INVITE", "BYE", "OPTIONS", "INFO", "UPDATE" };
	struct world *w = world_new();

	for (unsigned i = 0; i < 5; i++) {
		injectf(w,
			"%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			"192.0.2.99;branch=z9hG4bK1\r\n"
			"From: <sip:far@example.com>;tag=far\r\nTo: <sip:us@192.0.2.1>;tag=q\r\n"
			"Call-ID: 1\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			methods[i], methods[i]);
		assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	}
	injectf(w, "ACK sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK1\r\n"
		   "From: <sip:far@example.com>;tag=far\r\nTo: <sip:us@192.0.2.1>;tag=q\r\n"
		   "Call-ID: 1\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(w->n_sent, 5);
	assert_int_equal(counter_of(w, "drop.ack-stray"), 1);
	world_free(w);
}

static void malformed(void **state)
{
	static const char bad[] =
		"%s sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK1\r\n"
		"From: <sip:far@example.com>;tag=far\r\nTo: <sip:us@192.0.2.1>\r\n"
		"Call-ID: 1\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n";
	struct world *w = world_new();
	struct addr stranger = { .ip = { 203, 0, 113, 1 }, .port = 5060, .family = 4 };

	injectf(w, bad, "OPTIONS", "1 INVITE");
	assert_true(sent_is(w, 0, "SIP/2.0 400 Bad CSeq\r\n"));
	injectf(w, bad, "OPTIONS", "2 INVITE");
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(counter_of(w, "drop.reject-limited"), 1);
	advance(w, 1000);
	injectf(w, bad, "OPTIONS", "3 INVITE");
	assert_int_equal(w->n_sent, 2);
	advance(w, 1000);
	injectf(w, bad, "ACK", "4 INVITE");
	inject(w, "SIP/2.0 200 OK\r\n\r\n");
	inject(w, "garbage");
	inject(w, "OPTIONS sip:us@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n");
	advance(w, 1000);
	inject(w, "OPTIONS sip:us@192.0.2.1 SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n");
	advance(w, 1000);
	inject(w, "OPTIONS sip:us@192.0.2.1 SIP/2.0\r\nVia: \1\r\nCSeq: 1 OPTIONS\r\n\r\n");
	inject(w, "\r\n\r\n");
	assert_int_equal(counter_of(w, "in.keepalive"), 1);
	assert_int_equal(w->n_sent, 2);
	advance(w, 1000);
	inject(w, "OPTIONS sip:us@192.0.2.1 SIP/2.0\r\nVia: x;;, y\r\nVia: z\r\nCSeq: 1 "
		  "OPTIONS\r\n\r\n");
	assert_int_equal(w->n_sent, 3);
	assert_string_equal(sent(w, -1), "SIP/2.0 400 Mandatory Header Field Missing\r\n"
					 "Via: x;;, y\r\nVia: z\r\nCSeq: 1 OPTIONS\r\n"
					 "Content-Length: 0\r\n\r\n");
	inject_from(w, "\r\n\r\n", &stranger);
	assert_int_equal(counter_of(w, "drop.unknown-peer"), 1);
	assert_int_equal(counter_of(w, "in.keepalive"), 1);
	world_free(w);
}

static void overload(void **state)
{
	char branch[16];
	struct world *w = world_new();

	for (unsigned i = 0; i < 60; i++) {
		snprintf(branch, sizeof(branch), "n%u", i);
		request(w, "OPTIONS", branch, i + 1, "", "");
	}
	assert_int_equal(w->n_requests, 50);
	assert_int_equal(counter_of(w, "transactions"), 50);
	assert_true(sent_is(w, -1, "SIP/2.0 503 "));
	assert_string_equal(field(w, -1, "Retry-After"), "5");
	assert_int_equal(counter_of(w, "reject.overload"), 10);
	world_free(w);
}

static void lost_sends(void **state)
{
	struct world *w = world_new();

	w->send_rc = -EPERM;
	request(w, "INVITE", "a", 1, "", "");
	reply(w, 404, "");
	assert_int_equal(counter_of(w, "out.failed"), 2);
	w->send_rc = 0;
	advance(w, 500);
	assert_int_equal(count_sent(w, "SIP/2.0 404"), 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invite_proceeding),
		cmocka_unit_test(invite_completed_g_h),
		cmocka_unit_test(invite_confirmed_i),
		cmocka_unit_test(invite_accepted_l),
		cmocka_unit_test(ack_with_the_branch_of_its_invite),
		cmocka_unit_test(no_ack_for_2xx),
		cmocka_unit_test(wrong_ack),
		cmocka_unit_test(other_completed_j),
		cmocka_unit_test(other_late),
		cmocka_unit_test(reliable),
		cmocka_unit_test(connection_gone),
		cmocka_unit_test(oversized_reply),
		cmocka_unit_test(matching),
		cmocka_unit_test(merged),
		cmocka_unit_test(cancel),
		cmocka_unit_test(cancel_too_late),
		cmocka_unit_test(refusals),
		cmocka_unit_test(in_no_dialog),
		cmocka_unit_test(malformed),
		cmocka_unit_test(overload),
		cmocka_unit_test(lost_sends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
