/* SPDX-License-Identifier: Apache-2.0 */
/* The dialogs of SUBSCRIBE and REFER: RFC 6665 4, RFC 3515. */
#include "sip/world_test.h"

#define FAR_CONTACT "Contact: <sip:far@192.0.2.99:5080>\r\n"

/* ---- we subscribe ---- */

static void subscribe(struct world *w)
{
	struct exchange_params p = exchange_to_far(w, "SUBSCRIBE");

	p.headers = STR("Event: presence\r\nExpires: 600\r\n");
	w->sub = subscription_send(w->sip, &p);
	assert_non_null(w->sub);
	subscription_set_arg(w->sub, w);
}

/* From the fork `tag`, in the dialog of the SUBSCRIBE that was sent first. */
static void notify(struct world *w, const char *method, const char *tag, unsigned cseq)
{
	injectf(w,
		"%s sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"192.0.2.99;rport;branch=z9hG4bK%s%s%u\r\nFrom: <sip:bob@192.0.2.99>;tag=%s\r\n"
		"To: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:%s@192.0.2.99:5081>\r\n"
		"Event: presence\r\nSubscription-State: active\r\nContent-Length: 0\r\n\r\n",
		method, method, tag, cseq, tag, field(w, 0, "From"), field(w, 0, "Call-ID"), cseq,
		method, tag);
}

static void subscribed(void **state)
{
	struct world *w = world_new();
	struct exchange_params refresh = exchange_to_far(w, "SUBSCRIBE");

	subscribe(w);
	assert_true(sent_is(w, 0, "SUBSCRIBE sip:bob@192.0.2.99 SIP/2.0\r\n"));
	assert_string_equal(field(w, 0, "Contact"), "<sip:alice@192.0.2.1:5060>");
	assert_null(subscription_request(w->sub, &refresh)); /* no dialog yet */
	assert_int_equal(errno, EBUSY);
	answer(w, 0, 200, "a", FAR_CONTACT "Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\n", "");
	assert_int_equal(w->done.status, 200);
	notify(w, "NOTIFY", "a", 1);
	assert_int_equal(w->n_requests, 1);
	assert_int_equal(w->got.method, SIP_NOTIFY);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 200 });
	assert_true(sent_is(w, -1, "SIP/2.0 200"));
	refresh.headers = STR("Expires: 0\r\n");
	assert_non_null(subscription_request(w->sub, &refresh));
	/* NOTIFY has refreshed the target, and routes stay as they were. */
	assert_true(sent_is(w, -1, "SUBSCRIBE sip:a@192.0.2.99:5081 SIP/2.0\r\n"));
	assert_string_equal(field(w, -1, "Route"), "<sip:p1;lr>, <sip:p2;lr>");
	assert_string_equal(field(w, -1, "CSeq"), "2 SUBSCRIBE");
	assert_string_equal(param_of(w, -1, "To", "tag"), "a");
	assert_string_equal(field(w, -1, "Expires"), "0");
	answer(w, -1, 200, "", FAR_CONTACT, "");
	assert_int_equal(w->done.n, 2);
	subscription_end(w->sub);
	notify(w, "NOTIFY", "a", 2);
	assert_true(sent_is(w, -1, "SIP/2.0 481"));
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void notify_overtakes_the_answer(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "SUBSCRIBE");

	subscribe(w);
	notify(w, "NOTIFY", "b", 7);
	assert_int_equal(w->n_requests, 1);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 200 });
	/* The 200 is another fork's: the dialog is with who was first. */
	answer(w, 0, 200, "a", FAR_CONTACT, "");
	assert_int_equal(w->done.status, 200);
	notify(w, "NOTIFY", "a", 1);
	assert_true(sent_is(w, -1, "SIP/2.0 481"));
	assert_int_equal(w->n_requests, 1);
	assert_non_null(subscription_request(w->sub, &p));
	assert_true(sent_is(w, -1, "SUBSCRIBE sip:b@192.0.2.99:5081 SIP/2.0\r\n"));
	assert_string_equal(param_of(w, -1, "To", "tag"), "b");
	subscription_end(w->sub);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void order(void **state)
{
	struct world *w = world_new();

	subscribe(w);
	notify(w, "NOTIFY", "a", 5);
	notify(w, "NOTIFY", "a", 4);
	assert_true(sent_is(w, -1, "SIP/2.0 500"));
	assert_int_equal(w->n_requests, 1);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 200 });
	world_free(w);
}

static void what_does_not_belong(void **state)
{
	static const struct {
		const char *method;
		unsigned status;
	} rows[] = { { "BYE", 481 },   { "INVITE", 403 }, { "UPDATE", 405 },
		     { "PRACK", 405 }, { "BREW", 501 },   { "PUBLISH", 405 } };
	struct world *w = world_new();
	char want[16];

	subscribe(w);
	/* Before there is a dialog only NOTIFY makes one. */
	notify(w, "OPTIONS", "a", 1);
	assert_true(sent_is(w, -1, "SIP/2.0 481"));
	answer(w, 0, 200, "a", FAR_CONTACT, "");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		notify(w, rows[i].method, "a", i + 10);
		snprintf(want, sizeof(want), "SIP/2.0 %u ", rows[i].status);
		assert_true(sent_is(w, -1, want));
	}
	notify(w, "ACK", "a", 30);
	assert_int_equal(counter_of(w, "drop.ack-stray"), 1);
	assert_int_equal(w->n_requests, 0);
	world_free(w);
}

static void refused(void **state)
{
	struct world *w = world_new();

	subscribe(w);
	answer(w, 0, 489, "a", "", "");
	assert_int_equal(w->done.status, 489);
	subscription_end(w->sub);
	advance(w, 5000);
	assert_empty(w);
	world_free(w);
}

static void ended_before_its_answer(void **state)
{
	struct world *w = world_new();

	subscribe(w);
	subscription_end(w->sub);
	answer(w, 0, 200, "a", FAR_CONTACT, "");
	assert_int_equal(w->done.n, 1);
	advance(w, 5000);
	assert_empty(w);
	world_free(w);
}

static void second_target(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "SUBSCRIBE");
	struct sip_hop hop[2] = { w->far_hop, w->far_hop };

	hop[1].addr.port = 5071;
	p.targets = (struct sip_targets){ hop, 2, 1000 };
	w->sub = subscription_send(w->sip, &p);
	subscription_set_arg(w->sub, w);
	advance(w, 1000);
	assert_int_equal(w->sent[w->n_sent - 1].to.port, 5071);
	answer(w, -1, 200, "a", "", "");
	assert_int_equal(w->done.status, 200);
	/* Without a Contact the dialog stays with who answered. */
	p.headers = STR("Expires: 0\r\n");
	assert_non_null(subscription_request(w->sub, &p));
	assert_true(sent_is(w, -1, "SUBSCRIBE sip:bob@192.0.2.99 SIP/2.0\r\n"));
	world_free(w);
}

/* ---- the peer subscribes ---- */

static void peer_begins(struct world *w, const char *method, const char *lines)
{
	w->accept = true;
	request(w, method, "s1", 3, lines, "");
}

static void accepted(void **state)
{
	struct world *w = world_new();
	struct exchange_params p = exchange_to_far(w, "NOTIFY");
	char early[64];

	peer_begins(w, "SUBSCRIBE", FAR_CONTACT "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n");
	assert_non_null(w->sub);
	/* A NOTIFY may go before the answer, with the same tag. */
	p.headers = STR("Event: presence\r\nSubscription-State: active;expires=60\r\n");
	assert_non_null(subscription_request(w->sub, &p));
	assert_true(sent_is(w, 0, "NOTIFY sip:far@192.0.2.99:5080 SIP/2.0\r\n"));
	assert_string_equal(field(w, 0, "Route"), "<sip:p1;lr>, <sip:p2;lr>");
	assert_string_equal(field(w, 0, "Call-ID"), "c1");
	assert_string_equal(field(w, 0, "Contact"), "<sip:us@192.0.2.1:5060>");
	assert_string_equal(param_of(w, 0, "To", "tag"), "far");
	snprintf(early, sizeof(early), "%s", param_of(w, 0, "From", "tag"));
	assert_int_equal(strlen(early), IDENT_LEN);
	sip_request_reply(
		w->req, &(struct invite_reply){ .status = 200, .headers = STR("Expires: 60\r\n") });
	assert_true(sent_is(w, 1, "SIP/2.0 200"));
	assert_string_equal(param_of(w, 1, "To", "tag"), early);
	assert_string_equal(field(w, 1, "Contact"), "<sip:us@192.0.2.1:5060>");
	assert_string_equal(field(w, 1, "Record-Route"), "<sip:p1;lr>, <sip:p2;lr>");
	answer(w, 0, 200, "", "", "");
	assert_int_equal(w->done.status, 200);
	request_in(w, 1, "SUBSCRIBE", "s2", 4, "Contact: <sip:new@192.0.2.99>\r\n", "");
	assert_int_equal(w->n_requests, 2);
	assert_true(w->got.inside);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 200 });
	assert_string_equal(field(w, -1, "Contact"), "<sip:us@192.0.2.1:5060>");
	assert_non_null(subscription_request(w->sub, &p));
	assert_true(sent_is(w, -1, "NOTIFY sip:new@192.0.2.99 SIP/2.0\r\n"));
	subscription_end(w->sub);
	answer(w, -1, 481, "", "", "");
	assert_int_equal(w->done.status, 481);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void no_contact(void **state)
{
	struct world *w = world_new();

	errno = 0;
	peer_begins(w, "SUBSCRIBE", "Contact: <tel:1>\r\n");
	assert_null(w->sub);
	assert_int_equal(errno, EINVAL);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 400 });
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void refer(void **state)
{
	struct world *w = world_new();

	peer_begins(w, "REFER", FAR_CONTACT "Refer-To: <sip:c@x>\r\n");
	assert_non_null(w->sub);
	sip_request_reply(w->req, &(struct invite_reply){ .status = 202 });
	assert_string_equal(field(w, -1, "Contact"), "<sip:us@192.0.2.1:5060>");
	/* Its user may end it within the callback of a request in it. */
	subscription_end(w->sub);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

/* Freeing the core frees what is left in it. */
static void torn_down(void **state)
{
	struct world *w = world_new();

	peer_begins(w, "SUBSCRIBE", FAR_CONTACT);
	subscribe(w);
	world_free(w);
}

static bool login(void *arg, int peer, struct auth_login *out)
{
	*out = (struct auth_login){ "us", "pw", NULL };
	return true;
}

/* Who has been left is neither asked once more nor replaced by another target. */
static void not_begun_for_nobody(void **state)
{
	static const char ask[] = "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n";

	for (unsigned status = 401; status <= 503; status += 102) {
		struct world *w = world_new();
		struct exchange_params p = exchange_to_far(w, "SUBSCRIBE");
		struct sip_hop to[2] = { w->far_hop, w->far_hop };

		w->sip->user.login = login;
		to[1].addr.ip[3] = 98;
		p.targets = (struct sip_targets){ to, 2, 5000 };
		w->sub = subscription_send(w->sip, &p);
		assert_non_null(w->sub);
		subscription_end(w->sub);
		answer(w, 0, status, "x", status == 401 ? ask : "", "");
		assert_int_equal(count_sent(w, "SUBSCRIBE"), 1);
		assert_int_equal(w->done.status, status);
		advance(w, 6000);
		assert_empty(w);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_begun_for_nobody),
		cmocka_unit_test(subscribed),
		cmocka_unit_test(notify_overtakes_the_answer),
		cmocka_unit_test(order),
		cmocka_unit_test(what_does_not_belong),
		cmocka_unit_test(refused),
		cmocka_unit_test(ended_before_its_answer),
		cmocka_unit_test(second_target),
		cmocka_unit_test(accepted),
		cmocka_unit_test(no_contact),
		cmocka_unit_test(refer),
		cmocka_unit_test(torn_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
