/* SPDX-License-Identifier: Apache-2.0 */
/* Dialogs: route sets, targets, order, re-INVITE and glare, and how they end. */
#include "sip/world_test.h"

static const char contact[] = "Contact: <sip:bob@192.0.2.99>\r\n";

/* As server. The ACK has branch "ack". */
static void accept_call(struct world *w, const char *lines)
{
	request(w, "INVITE", "i", 10, lines, "offer");
	reply(w, 200, "answer");
	request_in(w, -1, "ACK", "ack", 10, "", "");
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
}

/* As client. */
static void make_call(struct world *w, const char *lines)
{
	call(w);
	answer(w, 0, 200, "t1", lines, "sdp");
	invite_ack(w->inv, STR_NONE, STR_NONE);
}

/* A request of the peer in the dialog that we called for. */
static void callee_request(struct world *w, const char *method, const char *branch, unsigned cseq,
			   const char *lines, const char *body)
{
	injectf(w,
		"%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK%s\r\n"
		"From: <sip:bob@192.0.2.99>;tag=t1\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
		"%sContent-Length: %zu\r\n\r\n%s",
		method, branch, field(w, 0, "From"), field(w, 0, "Call-ID"), cseq, method, lines,
		strlen(body), body);
}

static void set_addr(struct addr *a, const char *ip, uint16_t port)
{
	assert_int_equal(addr_parse(str_of(ip), a), 0);
	a->port = port;
}

#define assert_sent_to(w, i, ip, p)                                                                \
	do {                                                                                       \
		struct addr a_;                                                                    \
		unsigned n_ = (i) < 0 ? (w)->n_sent - (unsigned)-(i) : (unsigned)(i);              \
		set_addr(&a_, (ip), (p));                                                          \
		assert_true(addr_eq(&(w)->sent[n_].to, &a_));                                      \
	} while (0)

/* ---- route sets: 12.1, 12.2.1.1 ---- */

static void loose_routes_of_the_server_side(void **state)
{
	struct world *w = world_new();

	accept_call(w, "Record-Route: <sip:192.0.2.50;lr>, <sip:p2.example;lr>\r\n"
		       "Record-Route: \"a,b\" <sip:p3.example;lr>\r\n"
		       "Contact: \"Far, far\" <sip:far@198.51.100.7:5080;x=y?Subject=no>;q=1\r\n");
	assert_non_null(strstr(sent(w, 1),
			       "Record-Route: <sip:192.0.2.50;lr>, <sip:p2.example;lr>\r\n"
			       "Record-Route: \"a,b\" <sip:p3.example;lr>\r\n"));
	assert_string_equal(field(w, 0, "Record-Route"), "");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE sip:far@198.51.100.7:5080;x=y SIP/2.0\r\n"));
	assert_string_equal(
		field(w, -1, "Route"),
		"<sip:192.0.2.50;lr>, <sip:p2.example;lr>, \"a,b\" <sip:p3.example;lr>");
	assert_string_equal(field(w, -1, "From"), field(w, 1, "To"));
	assert_string_equal(field(w, -1, "To"), "<sip:far@example.com>;tag=far");
	assert_string_equal(field(w, -1, "Call-ID"), "c1");
	assert_string_equal(field(w, -1, "CSeq"), "1 BYE");
	assert_sent_to(w, -1, "192.0.2.50", 5060);
	world_free(w);
}

static void loose_routes_of_the_client_side(void **state)
{
	struct world *w = world_new();

	make_call(w, "Record-Route: <sip:p3.example;lr>, <sip:p2.example;lr>\r\n"
		     "Record-Route: <sip:192.0.2.50:5070;lr>\r\n"
		     "Contact: <sip:bob@192.0.2.77>\r\n");
	assert_true(sent_is(w, -1, "ACK sip:bob@192.0.2.77 SIP/2.0\r\n"));
	assert_string_equal(field(w, -1, "Route"),
			    "<sip:192.0.2.50:5070;lr>, <sip:p2.example;lr>, <sip:p3.example;lr>");
	assert_sent_to(w, -1, "192.0.2.50", 5070);
	world_free(w);
}

static void strict_router(void **state)
{
	struct world *w = world_new();

	make_call(w, "Record-Route: <sip:p2.example;lr>, <sip:192.0.2.50;maddr=x>\r\n"
		     "Contact: <sip:bob@192.0.2.77>\r\n");
	assert_true(sent_is(w, -1, "ACK sip:192.0.2.50;maddr=x SIP/2.0\r\n"));
	assert_non_null(strstr(sent(w, -1), "Route: <sip:p2.example;lr>\r\n"
					    "Route: <sip:bob@192.0.2.77>\r\n"));
	assert_sent_to(w, -1, "192.0.2.50", 5060);
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE sip:192.0.2.50;maddr=x SIP/2.0\r\n"));
	world_free(w);
}

/* 12.1: the route set is fixed, even by a re-INVITE with another. */
static void routes_stay(void **state)
{
	struct world *w = world_new();

	accept_call(w, "Record-Route: <sip:p1.example;lr>\r\n");
	request_in(w, 1, "INVITE", "r", 11, "Record-Route: <sip:p9.example;lr>\r\n", "");
	reply(w, 200, "sdp");
	assert_string_equal(field(w, -1, "Record-Route"), "<sip:p9.example;lr>");
	request_in(w, 1, "ACK", "k", 11, "", "");
	invite_end(w->inv, 0, STR_NONE);
	assert_string_equal(field(w, -1, "Route"), "<sip:p1.example;lr>");
	world_free(w);
}

/* Where there is no address of somebody known, requests go back to where the peer is. */
static void next_hop(void **state)
{
	static const char *const lines[] = {
		"Contact: <sip:far@host.example>\r\n",
		"Contact: <sip:far@203.0.113.66>\r\n", /* peer_of() does not know it */
		"Contact: <sip:far@[2001:db8::1]>\r\n",
		"Record-Route: <sip:p.example;lr>\r\n",
	};

	for (unsigned i = 0; i < 4; i++) {
		struct world *w = world_new();

		accept_call(w, lines[i]);
		invite_end(w->inv, 0, STR_NONE);
		assert_true(sent_is(w, -1, "BYE"));
		assert_sent_to(w, -1, "192.0.2.99", 5060);
		world_free(w);
	}
}

/* A stream answers on its connection while that lives; a Contact without a transport keeps the peer's. */
static void next_hop_of_streams(void **state)
{
	static const struct {
		const char *contact;
		unsigned transport, conn, port;
	} rows[] = {
		{ "Contact: <sip:far@192.0.2.99;transport=tcp>\r\n", SIP_TCP, 7, 5060 },
		{ "Contact: <sip:far@192.0.2.99:5070>\r\n", SIP_TCP, 7, 5070 },
		{ "Contact: <sip:far@192.0.2.98;transport=tcp>\r\n", SIP_TCP, 0, 5060 },
		{ "Contact: <sip:far@192.0.2.99;transport=udp>\r\n", SIP_UDP, 0, 5060 },
		{ "Contact: <sip:far@192.0.2.99;transport=TLS>\r\n", SIP_TLS, 0, 5061 },
		{ "Contact: <sips:far@192.0.2.99>\r\n", SIP_TLS, 0, 5061 },
		{ "Contact: <sip:far@192.0.2.99;transport=sctp>\r\n", SIP_TCP, 7, 33000 },
		{ "Contact: <sip:far@host.example;transport=tcp>\r\n", SIP_TCP, 7, 33000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_new();

		w->transport = SIP_TCP;
		w->conn = 7;
		w->far.port = 33000;
		accept_call(w, rows[i].contact);
		invite_end(w->inv, 0, STR_NONE);
		assert_true(sent_is(w, -1, "BYE"));
		assert_int_equal(w->sent[w->n_sent - 1].hop.transport, rows[i].transport);
		assert_int_equal(w->sent[w->n_sent - 1].hop.conn, rows[i].conn);
		assert_int_equal(w->sent[w->n_sent - 1].to.port, rows[i].port);
		world_free(w);
	}
}

/* RFC 3261 8.1.1.8: who is called by sips: has such a Contact, and is called back by it. */
static void contact_of_sips(void **state)
{
	struct world *w = world_new();

	w->transport = SIP_TLS;
	w->conn = 7;
	accept_call(w, "Contact: <sips:far@192.0.2.99>\r\n");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE sips:far@192.0.2.99 SIP/2.0\r\n"));
	assert_int_equal(w->sent[w->n_sent - 1].hop.conn, 7);
	world_free(w);
}

/* 18.1.1: the connection of the call is gone, so its BYE makes a new one. */
static void connection_of_the_call_is_gone(void **state)
{
	struct world *w = world_new();

	w->transport = SIP_TCP;
	w->conn = 7;
	accept_call(w, "Contact: <sip:far@192.0.2.99;transport=tcp>\r\n");
	w->conn = 8;
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE"));
	assert_int_equal(w->sent[w->n_sent - 1].hop.conn, 0);
	assert_int_equal(w->sent[w->n_sent - 1].to.port, 5060);
	world_free(w);
}

static void unusable_contact_of_2xx(void **state)
{
	struct world *w = world_new();

	make_call(w, "");
	assert_true(sent_is(w, -1, "ACK sip:bob@192.0.2.99 SIP/2.0\r\n"));
	assert_sent_to(w, -1, "192.0.2.99", 5060);
	world_free(w);
}

/* ---- target refresh ---- */

static void target_refresh(void **state)
{
	static char longer[600] = "Contact: <sip:";
	struct world *w = world_new();
	size_t before;

	accept_call(w, "");
	request_in(w, 1, "INVITE", "r", 11, "Contact: <sip:f@192.0.2.80:5081>\r\n", "");
	reply(w, 200, "sdp");
	request_in(w, 1, "ACK", "k", 11, "", "");
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR("offer"), STR("application/sdp")),
			 0);
	assert_true(sent_is(w, -1, "INVITE sip:f@192.0.2.80:5081 SIP/2.0\r\n"));
	assert_sent_to(w, -1, "192.0.2.80", 5081);
	answer(w, -1, 200, "", "Contact: <sip:g@192.0.2.81>\r\n", "sdp");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	assert_true(sent_is(w, -1, "ACK sip:g@192.0.2.81 SIP/2.0\r\n"));
	assert_sent_to(w, -1, "192.0.2.81", 5060);
	/* Changing it for ever does not cost memory for ever. */
	memset(longer + 14, 'x', 300);
	strncat(longer, "@192.0.2.81>\r\n", 20);
	request_in(w, 1, "INVITE", "s0", 12, longer, "");
	reply(w, 500, "");
	request_in(w, 1, "ACK", "s0", 12, "", "");
	before = invite_memory(w->inv);
	for (unsigned i = 13; i < 60; i++) {
		char branch[16];

		snprintf(branch, sizeof(branch), "s%u", i);
		longer[320 + i % 3] = (char)('a' + i % 26);
		request_in(w, 1, "INVITE", branch, i, longer, "");
		assert_int_equal(reply(w, 500, ""), 0);
		request_in(w, 1, "ACK", branch, i, "", "");
		advance(w, 5000);
	}
	assert_int_equal(invite_memory(w->inv), before);
	world_free(w);
}

/* ---- order: 12.2.2 ---- */

static void order(void **state)
{
	struct world *w = world_new();

	accept_call(w, "");
	request_in(w, 1, "OPTIONS", "o1", 12, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	assert_string_equal(field(w, -1, "Accept"), "application/sdp");
	request_in(w, 1, "OPTIONS", "o1", 12, "", "");
	assert_string_equal(sent(w, -1), sent(w, -2));
	request_in(w, 1, "OPTIONS", "o2", 11, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	assert_string_not_equal(field(w, -1, "Retry-After"), "");
	request_in(w, 1, "BYE", "o3", 9, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	request_in(w, 1, "PUBLISH", "o4", 14, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 405 "));
	assert_string_equal(field(w, -1, "Allow"),
			    "INVITE, ACK, BYE, CANCEL, PRACK, UPDATE, OPTIONS, INFO, "
			    "MESSAGE, NOTIFY, PUBLISH, REFER, SUBSCRIBE");
	request_in(w, 1, "BREW", "o5", 15, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 501 "));
	request_in(w, 1, "INVITE", "o6", 16, "Require: x\r\n", "");
	assert_true(sent_is(w, -1, "SIP/2.0 420 "));
	assert_int_equal(w->n_seen, 1);
	request_in(w, 1, "BYE", "o7", 16, "", "");
	assert_seen(w, 1, INVITE_BYE, 0);
	request_in(w, 1, "BYE", "o8", 17, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	request_in(w, 1, "BYE", "o7", 16, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	world_free(w);
}

static void other_tags(void **state)
{
	struct world *w = world_new();

	make_call(w, contact);
	injectf(w,
		"BYE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKb\r\n"
		"From: <sip:bob@192.0.2.99>;tag=T1\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 BYE\r\n"
		"Content-Length: 0\r\n\r\n",
		field(w, 0, "From"), field(w, 0, "Call-ID"));
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	callee_request(w, "BYE", "c", 0, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	assert_seen(w, 1, INVITE_BYE, 0);
	world_free(w);
}

/* ---- re-INVITE ---- */

static void offer_of_the_peer(void **state)
{
	struct world *w = world_new();
	unsigned n;

	make_call(w, contact);
	callee_request(w, "INVITE", "r", 5, contact, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 100 "));
	assert_seen(w, 1, INVITE_OFFER, 0);
	assert_string_equal(w->seen[1].body, "offer");
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), -EBUSY);
	/* 14.2: another before the answer. */
	callee_request(w, "INVITE", "r2", 6, contact, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 500 "));
	assert_string_not_equal(field(w, -1, "Retry-After"), "");
	callee_request(w, "ACK", "r2", 6, "", "");
	callee_request(w, "CANCEL", "r", 5, "", "");
	assert_string_equal(field(w, -1, "CSeq"), "5 CANCEL");
	assert_int_equal(w->n_seen, 2);
	assert_int_equal(reply(w, 200, "sdp"), 0);
	assert_string_equal(field(w, -1, "To"), field(w, 0, "From"));
	assert_string_equal(field(w, -1, "Contact"), "<sip:alice@192.0.2.1:5060>");
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), -EBUSY);
	n = w->n_sent;
	advance(w, 500);
	assert_int_equal(w->n_sent, n + 1);
	callee_request(w, "INVITE", "r3", 7, contact, "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 491 "));
	callee_request(w, "ACK", "k", 5, "", "");
	assert_seen(w, 2, INVITE_ACK, 0);
	n = w->n_sent;
	advance(w, 32000);
	assert_int_equal(w->n_sent, n + 10); /* nobody ACKs 491 */
	callee_request(w, "INVITE", "r4", 8, contact, "");
	assert_int_equal(reply(w, 488, ""), 0);
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	callee_request(w, "ACK", "r4", 8, "", "");
	world_free(w);
}

static void no_ack_for_the_answer(void **state)
{
	struct world *w = world_new();

	make_call(w, contact);
	callee_request(w, "INVITE", "r", 5, contact, "offer");
	reply(w, 200, "sdp");
	advance(w, 32000);
	assert_seen(w, 2, INVITE_LOST, 0);
	assert_true(sent_is(w, -1, "BYE"));
	world_free(w);
}

static void our_reinvite(void **state)
{
	struct world *w = world_new();

	accept_call(w, "");
	assert_int_equal(invite_reinvite(w->inv, STR("Subject: x\r\n"), STR("o2"), STR("t/t")), 0);
	assert_true(sent_is(w, -1, "INVITE sip:far@192.0.2.99 SIP/2.0\r\n"));
	assert_string_equal(field(w, -1, "CSeq"), "1 INVITE");
	assert_string_equal(field(w, -1, "Contact"), "<sip:us@192.0.2.1:5060>");
	assert_string_equal(field(w, -1, "Subject"), "x");
	assert_string_equal(field(w, -1, "From"), field(w, 1, "To"));
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE), -EBUSY);
	answer(w, -1, 180, "", "", "");
	assert_int_equal(w->n_seen, 1);
	answer(w, -1, 200, "", contact, "a2");
	assert_seen(w, 1, INVITE_REANSWER, 200);
	assert_string_equal(w->seen[1].body, "a2");
	answer(w, -1, 200, "", contact, "a2");
	assert_int_equal(w->n_seen, 2);
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_string_equal(field(w, -1, "CSeq"), "1 ACK");
	answer(w, -2, 200, "", contact, "a2");
	assert_string_equal(sent(w, -1), sent(w, -2));
	assert_int_equal(invite_reinvite(w->inv, STR_NONE, STR("o3"), STR("t/t")), 0);
	assert_string_equal(field(w, -1, "CSeq"), "2 INVITE");
	answer(w, -1, 488, "", "", "");
	assert_seen(w, 2, INVITE_REANSWER, 488);
	assert_true(sent_is(w, -1, "ACK"));
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	/* The end of old transactions does nothing to the dialog. */
	advance(w, 200000);
	assert_int_equal(w->n_seen, 3);
	assert_int_equal(w->sip->transactions, 0);
	world_free(w);
}

static void reinvite_ends_the_dialog(void **state)
{
	static const unsigned status[] = { 481, 408, 0 };

	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_new();

		accept_call(w, "");
		advance(w, 40000);
		invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE);
		if (status[i])
			answer(w, -1, status[i], "", "", "");
		else
			advance(w, 32000); /* Timer B */
		assert_seen(w, 1, INVITE_LOST, status[i] ? status[i] : 408);
		assert_true(sent_is(w, -1, "BYE"));
		advance(w, 40000);
		assert_empty(w);
		world_free(w);
	}
}

static void reinvite_never_ends(void **state)
{
	struct world *w = world_new();

	accept_call(w, "");
	invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE);
	answer(w, -1, 100, "", "", "");
	answer(w, -1, 183, "", "", "");
	advance(w, 180000);
	assert_seen(w, 1, INVITE_LOST, 408);
	assert_true(sent_is(w, -2, "CANCEL"));
	assert_true(sent_is(w, -1, "BYE"));
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void glare(void **state)
{
	struct world *w = world_new();
	uint32_t ms;

	accept_call(w, "");
	invite_reinvite(w->inv, STR_NONE, STR("offer"), STR("t/t"));
	request_in(w, 1, "INVITE", "r", 11, "", "offer");
	assert_true(sent_is(w, -1, "SIP/2.0 491 "));
	assert_int_equal(counter_of(w, "reject.glare"), 1);
	request_in(w, 1, "ACK", "r", 11, "", "");
	answer(w, -2, 491, "", "", "");
	assert_seen(w, 1, INVITE_REANSWER, 491);
	for (unsigned i = 0; i < 100; i++) {
		ms = invite_glare_ms(w->inv);
		assert_true(ms <= 2000 && ms % 10 == 0);
	}
	world_free(w);
	w = world_new();
	make_call(w, contact);
	for (unsigned i = 0; i < 100; i++) {
		ms = invite_glare_ms(w->inv);
		assert_true(ms >= 2100 && ms <= 4000 && ms % 10 == 0);
	}
	world_free(w);
}

/* ---- ends ---- */

static void bye_in_early_dialog(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 1, "", "");
	reply(w, 180, "");
	request_in(w, -1, "BYE", "b", 2, "", "");
	assert_seen(w, 0, INVITE_BYE, 0);
	assert_true(sent_is(w, -2, "SIP/2.0 200 "));
	assert_true(sent_is(w, -1, "SIP/2.0 487 "));
	assert_string_equal(field(w, -1, "CSeq"), "1 INVITE");
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void bye_before_ack(void **state)
{
	struct world *w = world_new();
	unsigned n;

	request(w, "INVITE", "i", 1, "", "");
	reply(w, 200, "sdp");
	request_in(w, -1, "BYE", "b", 2, "", "");
	assert_seen(w, 0, INVITE_BYE, 0);
	n = w->n_sent;
	request_in(w, 1, "ACK", "a", 1, "", "");
	advance(w, 40000);
	assert_int_equal(w->n_sent, n);
	assert_int_equal(w->n_seen, 1);
	assert_empty(w);
	world_free(w);
}

static void bye_while_we_owe_the_ack(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 200, "t1", contact, "sdp");
	callee_request(w, "BYE", "b", 1, "", "");
	assert_seen(w, 1, INVITE_BYE, 0);
	assert_true(sent_is(w, 1, "SIP/2.0 200 "));
	assert_true(sent_is(w, 2, "ACK"));
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_int_equal(count_sent(w, "ACK"), 2);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void bye_with_a_reinvite_open(void **state)
{
	struct world *w = world_new();

	accept_call(w, "");
	request_in(w, 1, "INVITE", "r", 11, "", "offer");
	request_in(w, 1, "BYE", "b", 12, "", "");
	assert_true(sent_is(w, -2, "SIP/2.0 200 "));
	assert_true(sent_is(w, -1, "SIP/2.0 487 "));
	assert_int_equal(last_seen(w)->type, INVITE_BYE);
	world_free(w);
	w = world_new();
	accept_call(w, "");
	invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE);
	request_in(w, 1, "BYE", "b", 12, "", "");
	assert_int_equal(last_seen(w)->type, INVITE_BYE);
	/* Its late answer is ACKed, and there is nobody to BYE. */
	answer(w, -2, 200, "", contact, "sdp");
	assert_true(sent_is(w, -1, "ACK"));
	assert_int_equal(count_sent(w, "BYE"), 0);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void byes_cross(void **state)
{
	struct world *w = world_new();

	accept_call(w, "");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE"));
	request_in(w, 1, "BYE", "b", 11, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 200 "));
	request_in(w, 1, "INVITE", "r", 12, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	answer(w, 2, 200, "", "", "");
	assert_int_equal(w->n_seen, 1);
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

static void end_before_ack(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 1, "", "");
	reply(w, 200, "sdp");
	invite_end(w->inv, 0, STR("Reason: SIP;cause=200\r\n"));
	assert_int_equal(count_sent(w, "BYE"), 0);
	advance(w, 500);
	assert_int_equal(count_sent(w, "SIP/2.0 200"), 2);
	request_in(w, 1, "ACK", "a", 1, "", "");
	assert_true(sent_is(w, -1, "BYE"));
	assert_string_equal(field(w, -1, "Reason"), "SIP;cause=200");
	assert_int_equal(w->n_seen, 0);
	answer(w, -1, 200, "", "", "");
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

static void end_and_no_ack(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 1, "", "");
	reply(w, 200, "sdp");
	invite_end(w->inv, 0, STR_NONE);
	request_in(w, 1, "INVITE", "r", 2, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 481 "));
	advance(w, 31999);
	assert_int_equal(count_sent(w, "BYE"), 0);
	advance(w, 1);
	assert_int_equal(count_sent(w, "BYE"), 1);
	assert_int_equal(w->n_seen, 0);
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

static void end_before_ack_crosses_bye(void **state)
{
	struct world *w = world_new();

	request(w, "INVITE", "i", 1, "", "");
	reply(w, 200, "sdp");
	invite_end(w->inv, 0, STR_NONE);
	request_in(w, 1, "BYE", "b", 2, "", "");
	assert_int_equal(w->sip->dialogs.count, 0);
	advance(w, 32000);
	assert_int_equal(count_sent(w, "BYE"), 0);
	assert_int_equal(w->n_seen, 0);
	assert_empty(w);
	world_free(w);
}

static void end_with_a_reinvite_open(void **state)
{
	struct world *w = world_new();

	accept_call(w, "");
	request_in(w, 1, "INVITE", "r", 11, "", "offer");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -2, "SIP/2.0 487 "));
	assert_true(sent_is(w, -1, "BYE"));
	world_free(w);
	w = world_new();
	accept_call(w, "");
	invite_reinvite(w->inv, STR_NONE, STR_NONE, STR_NONE);
	answer(w, -1, 200, "", contact, "sdp");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -2, "ACK"));
	assert_true(sent_is(w, -1, "BYE"));
	world_free(w);
	w = world_new();
	accept_call(w, "");
	request_in(w, 1, "INVITE", "r", 11, "", "offer");
	reply(w, 200, "sdp");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, -1, "BYE"));
	advance(w, 500);
	assert_int_equal(count_sent(w, "SIP/2.0 200"), 2);
	world_free(w);
}

/* Our user may end it inside any of its events. */
static void end_it(struct world *w, struct invite *inv, const struct invite_event *e)
{
	invite_end(inv, 0, STR_NONE);
}

static void end_inside(void **state)
{
	struct world *w = world_new();

	w->on_event = end_it;
	call(w);
	answer(w, 0, 180, "t1", "", "");
	assert_int_equal(count_sent(w, "CANCEL"), 1);
	call(w);
	answer(w, -1, 200, "t1", contact, "sdp");
	assert_int_equal(count_sent(w, "BYE"), 1);
	call(w);
	answer(w, -1, 486, "t1", "", "");
	request(w, "INVITE", "i", 1, "", "");
	reply(w, 200, "sdp");
	request_in(w, -1, "ACK", "a", 1, "", "");
	assert_int_equal(count_sent(w, "BYE"), 2);
	request(w, "INVITE", "j", 2, "", "");
	request(w, "CANCEL", "j", 2, "", "");
	assert_int_equal(count_sent(w, "SIP/2.0 487"), 1);
	advance(w, 70000);
	assert_empty(w);
	world_free(w);
}

static void refuse_it(struct world *w, struct invite *inv)
{
	assert_int_equal(reply(w, 403, ""), 0);
	w->inv = NULL;
}

static void end_at_once(struct world *w, struct invite *inv)
{
	invite_end(inv, 603, STR_NONE);
	w->inv = NULL;
}

static void end_in_the_upcall(void **state)
{
	struct world *w = world_new();

	w->on_invite = refuse_it;
	request(w, "INVITE", "i", 1, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 403 "));
	w->on_invite = end_at_once;
	request(w, "INVITE", "j", 2, "", "");
	assert_true(sent_is(w, -1, "SIP/2.0 603 "));
	assert_int_equal(w->sip->dialogs.count, 0);
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

/* Whatever state things are in, nothing is left behind (the sanitizer looks). */
static void free_in_the_middle(void **state)
{
	struct world *w = world_new();

	call(w);
	call(w);
	answer(w, -1, 180, "t1", "", "");
	call(w);
	answer(w, -1, 200, "t1", contact, "");
	call(w);
	invite_end(w->inv, 0, STR_NONE);
	request(w, "INVITE", "i", 1, "", "");
	request(w, "INVITE", "j", 2, "", "");
	reply(w, 200, "sdp");
	request(w, "OPTIONS", "k", 3, "", "");
	request(w, "INVITE", "l", 4, "", "");
	invite_end(w->inv, 404, STR_NONE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loose_routes_of_the_server_side),
		cmocka_unit_test(loose_routes_of_the_client_side),
		cmocka_unit_test(strict_router),
		cmocka_unit_test(routes_stay),
		cmocka_unit_test(next_hop),
		cmocka_unit_test(next_hop_of_streams),
		cmocka_unit_test(contact_of_sips),
		cmocka_unit_test(connection_of_the_call_is_gone),
		cmocka_unit_test(unusable_contact_of_2xx),
		cmocka_unit_test(target_refresh),
		cmocka_unit_test(order),
		cmocka_unit_test(other_tags),
		cmocka_unit_test(offer_of_the_peer),
		cmocka_unit_test(no_ack_for_the_answer),
		cmocka_unit_test(our_reinvite),
		cmocka_unit_test(reinvite_ends_the_dialog),
		cmocka_unit_test(reinvite_never_ends),
		cmocka_unit_test(glare),
		cmocka_unit_test(bye_in_early_dialog),
		cmocka_unit_test(bye_before_ack),
		cmocka_unit_test(bye_while_we_owe_the_ack),
		cmocka_unit_test(bye_with_a_reinvite_open),
		cmocka_unit_test(byes_cross),
		cmocka_unit_test(end_before_ack),
		cmocka_unit_test(end_and_no_ack),
		cmocka_unit_test(end_before_ack_crosses_bye),
		cmocka_unit_test(end_with_a_reinvite_open),
		cmocka_unit_test(end_inside),
		cmocka_unit_test(end_in_the_upcall),
		cmocka_unit_test(free_in_the_middle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
