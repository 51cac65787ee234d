/* SPDX-License-Identifier: Apache-2.0 */
/* Client transactions, each state and timer; CANCEL; forks. */
#include "sip/world_test.h"

static const char contact[] = "Contact: <sip:bob@192.0.2.99>\r\n";

static const unsigned a_times[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };
static const unsigned e_times[] = { 0,     500,   1500,  3500,  7500, 11500,
				    15500, 19500, 23500, 27500, 31500 };

static void invite_calling_a_b(void **state)
{
	struct world *w = world_new();

	call(w);
	advance(w, 31999);
	assert_times(w, "INVITE", a_times, 7);
	assert_string_equal(sent(w, 0), sent(w, 6));
	assert_int_equal(w->n_seen, 0);
	advance(w, 1);
	assert_seen(w, 0, INVITE_FAIL, 408);
	assert_int_equal(w->n_sent, 7);
	assert_int_equal(counter_of(w, "timeout.client"), 1);
	assert_empty(w);
	world_free(w);
}

static void invite_proceeding_c(void **state)
{
	struct world *w = world_new();

	call(w);
	advance(w, 600);
	answer(w, 0, 100, "", "", "");
	assert_int_equal(w->n_seen, 0);
	assert_string_equal(invite_state_name(w->inv), "PROCEEDING");
	advance(w, 100000);
	assert_int_equal(w->n_sent, 2);
	assert_int_equal(counter_of(w, "drop.unexpected-event"), 0);
	answer(w, 0, 180, "t1", "", "");
	assert_seen(w, 0, INVITE_PROGRESS, 180);
	advance(w, 179999);
	assert_int_equal(w->n_sent, 2);
	advance(w, 1);
	assert_seen(w, 1, INVITE_FAIL, 408);
	assert_true(sent_is(w, 2, "CANCEL sip:bob@192.0.2.99 SIP/2.0\r\n"));
	answer(w, 2, 200, "t1", "", "");
	answer(w, 0, 487, "t1", "", "");
	assert_true(sent_is(w, 3, "ACK sip:bob@192.0.2.99 "));
	advance(w, 32000);
	assert_int_equal(w->n_sent, 4);
	assert_empty(w);
	world_free(w);
}

static void invite_completed_d(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 486, "t1", "", "");
	assert_seen(w, 0, INVITE_FAIL, 486);
	/* 17.1.1.3 */
	assert_true(sent_is(w, 1, "ACK sip:bob@192.0.2.99 SIP/2.0\r\n"));
	assert_string_equal(field(w, 1, "Via"), field(w, 0, "Via"));
	assert_string_equal(field(w, 1, "From"), field(w, 0, "From"));
	assert_string_equal(field(w, 1, "To"), "<sip:bob@192.0.2.99>;tag=t1");
	assert_string_equal(field(w, 1, "Call-ID"), field(w, 0, "Call-ID"));
	assert_string_equal(field(w, 1, "CSeq"), "1 ACK");
	advance(w, 31000);
	answer(w, 0, 486, "t1", "", "");
	assert_string_equal(sent(w, 2), sent(w, 1));
	answer(w, 0, 180, "t1", "", "");
	advance(w, 999);
	assert_int_equal(w->sip->clients.count, 1);
	advance(w, 1);
	assert_int_equal(w->n_sent, 3);
	assert_int_equal(w->n_seen, 1);
	assert_empty(w);
	world_free(w);
}

static void invite_accepted_m(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_seen(w, 0, INVITE_ANSWER, 200);
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(w->n_seen, 1);
	assert_int_equal(invite_ack(w->inv, STR("late"), STR("application/sdp")), 0);
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), -EINVAL);
	assert_true(sent_is(w, 1, "ACK sip:bob@192.0.2.99 "));
	assert_string_equal(field(w, 1, "CSeq"), "1 ACK");
	assert_string_equal(field(w, 1, "Content-Type"), "application/sdp");
	/* 13.2.2.4: a new branch */
	assert_string_not_equal(param_of(w, 1, "Via", "branch"), param_of(w, 0, "Via", "branch"));
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_string_equal(sent(w, 2), sent(w, 1));
	answer(w, 0, 486, "t1", "", "");
	answer(w, 0, 180, "t1", "", "");
	assert_int_equal(w->n_sent, 3);
	advance(w, 31999);
	assert_int_equal(w->sip->clients.count, 1);
	advance(w, 1);
	assert_int_equal(w->sip->clients.count, 0);
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_int_equal(w->n_sent, 3);
	assert_int_equal(counter_of(w, "drop.response-stray"), 1);
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	world_free(w);
}

/* The user may think for longer than the transaction lives. */
static void ack_after_m(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 200, "t1", contact, "sdp");
	advance(w, 40000);
	assert_int_equal(w->sip->clients.count, 0);
	assert_int_equal(invite_ack(w->inv, STR_NONE, STR_NONE), 0);
	assert_int_equal(count_sent(w, "ACK"), 1);
	world_free(w);
}

/* BYE as the non-INVITE client transaction. */
static void established(struct world *w)
{
	call(w);
	answer(w, 0, 200, "t1", contact, "sdp");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	advance(w, 32000);
	assert_int_equal(w->sip->transactions, 0);
}

static void other_trying_e_f(void **state)
{
	struct world *w = world_new();

	established(w);
	invite_end(w->inv, 0, STR_NONE);
	advance(w, 31999);
	assert_times(w, "BYE", e_times, 11);
	assert_int_equal(w->sip->dialogs.count, 1);
	advance(w, 1);
	assert_empty(w);
	assert_int_equal(w->n_seen, 1);
	world_free(w);
}

static void other_proceeding_e(void **state)
{
	static const unsigned times[] = { 0, 500, 4500, 8500, 12500, 16500, 20500, 24500, 28500 };
	struct world *w = world_new();

	established(w);
	invite_end(w->inv, 0, STR_NONE);
	advance(w, 400);
	answer(w, -1, 100, "", "", "");
	advance(w, 31599);
	assert_times(w, "BYE", times, 9);
	advance(w, 1);
	assert_empty(w);
	world_free(w);
}

static void other_completed_k(void **state)
{
	struct world *w = world_new();
	unsigned n;

	established(w);
	invite_end(w->inv, 0, STR_NONE);
	answer(w, -1, 481, "", "", "");
	n = w->n_sent;
	answer(w, -1, 481, "", "", "");
	answer(w, -1, 200, "", "", "");
	answer(w, -1, 100, "", "", "");
	assert_int_equal(counter_of(w, "drop.absorbed"), 3);
	advance(w, 4999);
	assert_int_equal(w->sip->clients.count, 1);
	advance(w, 1);
	assert_int_equal(w->n_sent, n);
	assert_empty(w);
	world_free(w);
}

/* ---- the seam for streams ---- */

struct told {
	unsigned status[8], n;
};

static void tell(void *owner, struct ctrans *ct, const struct ctrans_event *e)
{
	struct told *t = owner;

	t->status[t->n++] = e->status;
}

static void send_reliably(struct world *w, enum sip_method method, struct told *t)
{
	char branch[] = "z9hG4bK02aaaaaaaaaaaaaaaaaaaa", text[600];
	struct ctrans_params p = { .method = method,
				   .to = { .addr = w->far, .transport = SIP_TCP },
				   .branch = branch,
				   .fn = tell,
				   .owner = t };

	p.text.p = text;
	p.text.n = (size_t)snprintf(
		text, sizeof(text),
		"%s sip:x@192.0.2.99 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=%s\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:x@192.0.2.99>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\n"
		"Content-Length: 0\r\n\r\n",
		sip_method_name(method), branch, sip_method_name(method));
	assert_non_null(ctrans_new(w->sip, &p));
}

static void reliable(void **state)
{
	struct world *w = world_new();
	struct told t = { .n = 0 };

	w->transport = SIP_TCP;
	send_reliably(w, SIP_INVITE, &t);
	advance(w, 31999);
	assert_int_equal(w->n_sent, 1);
	answer(w, 0, 404, "t", "", "");
	advance(w, 1); /* D is 0 */
	assert_int_equal(t.n, 2);
	assert_int_equal(t.status[0], 404);
	assert_int_equal(t.status[1], 0);
	send_reliably(w, SIP_OPTIONS, &t);
	answer(w, -1, 200, "t", "", "");
	advance(w, 1); /* K is 0 */
	assert_empty(w);
	w->send_rc = -EPIPE;
	send_reliably(w, SIP_OPTIONS, &t);
	assert_int_equal(t.n, 4);
	advance(w, 1);
	assert_int_equal(t.n, 6);
	assert_int_equal(t.status[4], 503);
	assert_empty(w);
	world_free(w);
}

static void broken_stream(void **state)
{
	struct world *w = world_new();
	struct sip_hop other = { .addr = w->far, .transport = SIP_TLS };
	struct sip_hop tcp = { .addr = w->far, .transport = SIP_TCP, .conn = 5 };
	struct told t = { .n = 0 };

	w->transport = SIP_TCP;
	send_reliably(w, SIP_INVITE, &t);
	sip_broken(w->sip, &other);
	advance(w, 1);
	assert_int_equal(t.n, 0);
	sip_broken(w->sip, &tcp);
	assert_int_equal(t.n, 0); /* never from inside */
	advance(w, 1);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.status[0], 503);
	assert_empty(w);
	/* After a 1xx the rest may come by another connection. */
	send_reliably(w, SIP_INVITE, &t);
	answer(w, -1, 180, "t", "", "");
	sip_broken(w->sip, &tcp);
	advance(w, 1);
	answer(w, 1, 486, "t", "", "");
	advance(w, 1);
	assert_int_equal(t.n, 5);
	assert_int_equal(t.status[3], 486);
	assert_empty(w);
	world_free(w);
}

/* 18.1.1 */
static void too_long_for_udp(void **state)
{
	static char big[1400];
	struct invite_params p = { .ruri = STR("sip:x@192.0.2.99"),
				   .from = STR("<sip:a@192.0.2.1>"),
				   .to = STR("<sip:x@192.0.2.99>"),
				   .body = { big, sizeof(big) },
				   .body_type = STR("text/plain") };
	struct world *w = world_new();
	struct sip_hop to = { .addr = w->far };
	struct sip_hop tcp = { .addr = w->far, .transport = SIP_TCP };

	memset(big, 'x', sizeof(big));
	p.targets = (struct sip_targets){ .hop = &to, .n = 1 };
	p.arg = w;
	w->inv = invite_send(w->sip, &p); /* not allowed: UDP with fragments */
	assert_int_equal(w->sent[0].hop.transport, SIP_UDP);
	invite_end(w->inv, 0, STR_NONE);
	w->tcp_allowed = true;
	w->inv = invite_send(w->sip, &p);
	assert_int_equal(w->sent[1].hop.transport, SIP_TCP);
	assert_true(strstr(w->sent[1].text, "\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;"));
	advance(w, 700);
	assert_int_equal(count_sent(w, "INVITE"), 3); /* the first one once more */
	sip_broken(w->sip, &tcp);
	advance(w, 1);
	assert_int_equal(w->sent[3].hop.transport, SIP_UDP);
	assert_true(strstr(w->sent[3].text, "\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;"));
	advance(w, 510);
	assert_true(sent_is(w, -1, "INVITE"));
	assert_int_equal(w->n_sent, 5);
	assert_int_equal(w->n_seen, 0);
	invite_end(w->inv, 0, STR_NONE);
	w->inv = invite_send(w->sip, &p); /* it refused TCP a moment ago */
	assert_int_equal(w->sent[5].hop.transport, SIP_UDP);
	p.body.n = 700;
	advance(w, 600001);
	world_forget(w);
	w->inv = invite_send(w->sip, &p);
	assert_int_equal(w->sent[0].hop.transport, SIP_UDP);
	p.body.n = 1400;
	w->inv = invite_send(w->sip, &p); /* it is asked again after a while */
	assert_int_equal(w->sent[1].hop.transport, SIP_TCP);
	world_free(w);
}

/* ---- matching ---- */

static void matching(void **state)
{
	static const char text[] =
		"SIP/2.0 486 Busy\r\nVia: %s\r\n%sFrom: %s\r\nTo: %s;tag=1\r\nCall-ID: %s\r\n"
		"CSeq: %s\r\nContent-Length: 0\r\n\r\n";
	struct world *w = world_new();
	const char *via, *from, *to, *id;

	call(w);
	via = field(w, 0, "Via");
	from = field(w, 0, "From");
	to = field(w, 0, "To");
	id = field(w, 0, "Call-ID");
	injectf(w, text, via, "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n", from, to, id,
		"1 INVITE");
	assert_int_equal(counter_of(w, "drop.response-via-count"), 1);
	injectf(w, text, "SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bK1", "", from, to, id,
		"1 INVITE");
	injectf(w, text, "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1", "", from, to, id,
		"1 INVITE");
	assert_int_equal(counter_of(w, "drop.response-via-other"), 2);
	injectf(w, text, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "", from, to, id,
		"1 INVITE");
	injectf(w, text, via, "", from, to, id, "1 BYE");
	assert_int_equal(counter_of(w, "drop.response-stray"), 2);
	assert_int_equal(w->n_seen, 0);
	assert_int_equal(w->n_sent, 1);
	injectf(w, text, via, "", from, to, id, "1 INVITE");
	assert_seen(w, 0, INVITE_FAIL, 486);
	world_free(w);
}

/* ---- CANCEL: 9.1 ---- */

static void end_then_200(void **state)
{
	struct world *w = world_new();

	call(w);
	invite_end(w->inv, 0, STR_NONE);
	assert_int_equal(w->n_sent, 1);
	assert_int_equal(w->sip->dialogs.count, 0);
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_true(sent_is(w, 1, "ACK sip:bob@192.0.2.99 "));
	assert_true(sent_is(w, 2, "BYE sip:bob@192.0.2.99 "));
	assert_string_equal(field(w, 2, "CSeq"), "2 BYE");
	assert_string_equal(field(w, 2, "To"), "<sip:bob@192.0.2.99>;tag=t1");
	answer(w, 2, 200, "", "", "");
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_string_equal(sent(w, 3), sent(w, 1));
	advance(w, 32000);
	assert_int_equal(w->n_sent, 4);
	assert_int_equal(w->n_seen, 0);
	assert_empty(w);
	world_free(w);
}

static void end_then_1xx(void **state)
{
	struct world *w = world_new();

	call(w);
	invite_end(w->inv, 0, STR("Reason: SIP;cause=200\r\n"));
	advance(w, 499);
	assert_int_equal(w->n_sent, 1);
	answer(w, 0, 100, "", "", "");
	assert_int_equal(w->n_sent, 2);
	assert_true(sent_is(w, 1, "CANCEL sip:bob@192.0.2.99 SIP/2.0\r\n"));
	assert_string_equal(field(w, 1, "Via"), field(w, 0, "Via"));
	assert_string_equal(field(w, 1, "To"), field(w, 0, "To"));
	assert_string_equal(field(w, 1, "From"), field(w, 0, "From"));
	assert_string_equal(field(w, 1, "CSeq"), "1 CANCEL");
	assert_string_equal(field(w, 1, "Reason"), "SIP;cause=200");
	answer(w, 0, 180, "t1", "", "");
	assert_int_equal(w->n_sent, 2);
	answer(w, 1, 200, "x", "", "");
	answer(w, 0, 487, "t1", "", "");
	assert_int_equal(count_sent(w, "ACK"), 1);
	advance(w, 32000);
	assert_int_equal(w->n_sent, 3);
	assert_int_equal(w->n_seen, 0);
	assert_empty(w);
	world_free(w);
}

static void end_and_silence(void **state)
{
	struct world *w = world_new();

	call(w);
	invite_end(w->inv, 0, STR_NONE);
	advance(w, 32000);
	assert_times(w, "INVITE", a_times, 7);
	assert_int_equal(w->n_sent, 7);
	assert_empty(w);
	world_free(w);
}

static void cancel_crosses_200(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 180, "t1", "", "");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, 1, "CANCEL"));
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_true(sent_is(w, 2, "ACK"));
	assert_true(sent_is(w, 3, "BYE"));
	answer(w, 1, 200, "t1", "", "");
	answer(w, 3, 200, "", "", "");
	advance(w, 32000);
	assert_int_equal(w->n_sent, 4);
	assert_int_equal(w->n_seen, 1);
	assert_empty(w);
	world_free(w);
}

static void cancel_answered_first_then_200(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 180, "t1", "", "");
	invite_end(w->inv, 0, STR_NONE);
	answer(w, 1, 481, "t1", "", "");
	advance(w, 10000);
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_int_equal(count_sent(w, "ACK"), 1);
	assert_int_equal(count_sent(w, "BYE"), 1);
	answer(w, -1, 200, "", "", "");
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

/* 64*T1 after the CANCEL the INVITE is given up. */
static void cancelled_and_no_final(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 180, "t1", "", "");
	invite_end(w->inv, 0, STR_NONE);
	answer(w, 1, 200, "t1", "", "");
	advance(w, 10000);
	answer(w, 0, 180, "t1", "", "");
	advance(w, 21999);
	assert_int_equal(w->sip->clients.count, 1);
	advance(w, 1);
	assert_empty(w);
	assert_int_equal(count_sent(w, "CANCEL"), 1);
	world_free(w);
}

static void cancel_lost(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 180, "t1", "", "");
	invite_end(w->inv, 0, STR_NONE);
	advance(w, 500);
	assert_int_equal(count_sent(w, "CANCEL"), 2);
	answer(w, 1, 200, "t1", "", "");
	answer(w, 0, 487, "t1", "", "");
	answer(w, 0, 487, "t1", "", "");
	assert_int_equal(count_sent(w, "ACK"), 2);
	advance(w, 32000);
	assert_int_equal(count_sent(w, "CANCEL"), 2);
	assert_empty(w);
	world_free(w);
}

static void end_after_answer(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 200, "t1", contact, "sdp");
	invite_end(w->inv, 0, STR_NONE);
	assert_true(sent_is(w, 1, "ACK"));
	assert_true(sent_is(w, 2, "BYE"));
	answer(w, 2, 200, "t1", "", "");
	advance(w, 32000);
	assert_empty(w);
	world_free(w);
}

/* ---- forks: 13.2.2.4 ---- */

static void forks(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 180, "t1", "", "");
	answer(w, 0, 183, "t2", "", "early");
	answer(w, 0, 180, "t1", "", "");
	answer(w, 0, 180, "t3", "", "");
	assert_int_equal(w->seen[0].fork, 0);
	assert_int_equal(w->seen[1].fork, 1);
	assert_string_equal(w->seen[1].body, "early");
	assert_int_equal(w->seen[2].fork, 0);
	assert_int_equal(w->seen[3].fork, 2);
	answer(w, 0, 200, "t2", contact, "sdp");
	assert_seen(w, 4, INVITE_ANSWER, 200);
	assert_int_equal(w->seen[4].fork, 1);
	/* Another before our user has ACKed the first... */
	answer(w, 0, 200, "t1", "Contact: <sip:other@192.0.2.77>\r\n", "sdp");
	assert_true(sent_is(w, 1, "ACK sip:other@192.0.2.77 "));
	assert_true(sent_is(w, 2, "BYE sip:other@192.0.2.77 "));
	assert_string_equal(param_of(w, 2, "To", "tag"), "t1");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	assert_string_equal(param_of(w, 3, "To", "tag"), "t2");
	/* ... one after it, and each again. */
	answer(w, 0, 200, "t4", contact, "sdp");
	assert_true(sent_is(w, 4, "ACK"));
	assert_true(sent_is(w, 5, "BYE"));
	answer(w, 0, 200, "t4", contact, "sdp");
	answer(w, 0, 200, "t2", contact, "sdp");
	answer(w, 0, 200, "t1", contact, "sdp");
	assert_string_equal(sent(w, 6), sent(w, 4));
	assert_string_equal(sent(w, 7), sent(w, 3));
	assert_string_equal(sent(w, 8), sent(w, 1));
	assert_int_equal(w->n_sent, 9);
	assert_int_equal(w->n_seen, 5);
	assert_int_equal(counter_of(w, "fork.ended"), 2);
	assert_string_equal(invite_state_name(w->inv), "CONFIRMED");
	world_free(w);
}

/* Who answers by ever new tags gets no more ACKs and BYEs for it than forks are believed. */
static void many_answers(void **state)
{
	char tag[16];
	struct world *w = world_new();

	w->sip->max_transactions = 1000;
	call(w);
	answer(w, 0, 200, "t", contact, "sdp");
	invite_ack(w->inv, STR_NONE, STR_NONE);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		answer(w, 0, 200, tag, contact, "sdp");
	}
	assert_int_equal(count_sent(w, "ACK"), FORKS_MAX);
	assert_int_equal(count_sent(w, "BYE"), FORKS_MAX - 1);
	answer(w, 0, 200, "t", contact, "sdp");
	assert_int_equal(count_sent(w, "ACK"), FORKS_MAX + 1);
	world_free(w);
}

static void many_forks(void **state)
{
	char tag[16];
	struct world *w = world_new();

	call(w);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		answer(w, 0, 180, tag, "", "");
		assert_int_equal(last_seen(w)->fork, i < FORKS_MAX ? i : FORKS_MAX);
	}
	world_free(w);
}

/* 16.7: a proxy hands a 2xx on even after a failure. */
static void success_after_failure(void **state)
{
	struct world *w = world_new();

	call(w);
	answer(w, 0, 503, "t1", "", "");
	assert_seen(w, 0, INVITE_FAIL, 503);
	answer(w, 0, 200, "t2", contact, "sdp");
	assert_int_equal(count_sent(w, "ACK"), 2);
	assert_int_equal(count_sent(w, "BYE"), 1);
	answer(w, 0, 200, "t2", contact, "sdp");
	assert_int_equal(count_sent(w, "ACK"), 3);
	assert_int_equal(count_sent(w, "BYE"), 1);
	world_free(w);
}

static void too_large(void **state)
{
	static char big[SIP_DATAGRAM_MAX];
	struct invite_params p = { .ruri = STR("sip:x@192.0.2.99"),
				   .from = STR("<sip:a@192.0.2.1>"),
				   .to = STR("<sip:x@192.0.2.99>"),
				   .body = { big, sizeof(big) },
				   .body_type = STR("text/plain") };
	struct world *w = world_new();
	struct sip_hop to = { .addr = w->far };

	p.targets = (struct sip_targets){ .hop = &to, .n = 1 };
	errno = 0;
	assert_null(invite_send(w->sip, &p));
	assert_int_equal(errno, EMSGSIZE);
	assert_empty(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invite_calling_a_b),
		cmocka_unit_test(invite_proceeding_c),
		cmocka_unit_test(invite_completed_d),
		cmocka_unit_test(invite_accepted_m),
		cmocka_unit_test(ack_after_m),
		cmocka_unit_test(other_trying_e_f),
		cmocka_unit_test(other_proceeding_e),
		cmocka_unit_test(other_completed_k),
		cmocka_unit_test(reliable),
		cmocka_unit_test(broken_stream),
		cmocka_unit_test(too_long_for_udp),
		cmocka_unit_test(matching),
		cmocka_unit_test(end_then_200),
		cmocka_unit_test(end_then_1xx),
		cmocka_unit_test(end_and_silence),
		cmocka_unit_test(cancel_crosses_200),
		cmocka_unit_test(cancel_answered_first_then_200),
		cmocka_unit_test(cancelled_and_no_final),
		cmocka_unit_test(cancel_lost),
		cmocka_unit_test(end_after_answer),
		cmocka_unit_test(forks),
		cmocka_unit_test(many_forks),
		cmocka_unit_test(many_answers),
		cmocka_unit_test(success_after_failure),
		cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
