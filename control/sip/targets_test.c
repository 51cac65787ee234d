/* SPDX-License-Identifier: Apache-2.0 */
/* One request, several targets: RFC 3263 4.3. */
#include "sip/world_test.h"

#define N 3

struct note {
	unsigned status;
	uint32_t retry_after;
	struct sip_hop to;
};

static struct note notes[8];
static unsigned n_notes;

static void note_target(void *arg, const struct sip_hop *to, unsigned status, uint32_t retry_after)
{
	assert_true(n_notes < 8);
	notes[n_notes++] = (struct note){ status, retry_after, *to };
}

/* 192.0.2.99 by UDP, 192.0.2.98 by TCP, 192.0.2.97 by TLS. */
static void start(struct world *w, unsigned n)
{
	struct sip_hop to[N];
	struct invite_params p = { .targets = { to, n, 5000 },
				   .ruri = STR("sip:bob@bob.example"),
				   .from = STR("<sip:alice@us.example>"),
				   .to = STR("<sip:bob@bob.example>"),
				   .contact_user = STR("alice"),
				   .headers = STR("Subject: a\r\n"),
				   .body = STR("offer"),
				   .body_type = STR("application/sdp"),
				   .max_forwards = 69,
				   .arg = w };

	for (unsigned i = 0; i < N; i++) {
		to[i] = (struct sip_hop){ .addr = w->far, .peer = 7, .transport = (uint8_t)i };
		to[i].addr.ip[3] = (uint8_t)(99 - i);
		to[i].addr.port = i == 2 ? 5061 : 5060;
	}
	w->sip->user.target = note_target;
	n_notes = 0;
	w->inv = invite_send(w->sip, &p);
	assert_non_null(w->inv);
}

static void moves_on(void **state)
{
	struct world *w = world_new();
	char first[64];

	start(w, 3);
	snprintf(first, sizeof(first), "%s", param_of(w, 0, "Via", "branch"));
	answer(w, 0, 100, "", "", "");
	answer(w, 0, 503, "x", "Retry-After: 7 (busy);duration=9\r\n", "");
	/* ACK for the 503, then the same INVITE elsewhere. */
	assert_true(sent_is(w, 1, "ACK"));
	assert_int_equal(w->sent[1].to.ip[3], 99);
	assert_true(sent_is(
		w, 2, "INVITE sip:bob@bob.example SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;"));
	assert_int_equal(w->sent[2].to.ip[3], 98);
	assert_string_not_equal(param_of(w, 2, "Via", "branch"), first);
	assert_string_equal(field(w, 2, "Contact"), "<sip:alice@192.0.2.1:5060;transport=tcp>");
	assert_string_equal(field(w, 2, "Call-ID"), field(w, 0, "Call-ID"));
	assert_string_equal(field(w, 2, "From"), field(w, 0, "From"));
	assert_string_equal(field(w, 2, "CSeq"), "1 INVITE");
	assert_string_equal(field(w, 2, "Subject"), "a");
	assert_string_equal(field(w, 2, "Content-Length"), "5");
	assert_string_equal(strstr(w->sent[2].text, "\r\n\r\n") + 4, "offer");
	advance(w, 4999);
	assert_int_equal(w->n_sent, 3);
	advance(w, 2);
	assert_true(sent_is(w, 3, "INVITE"));
	assert_int_equal(w->sent[3].hop.transport, SIP_TLS);
	assert_string_equal(field(w, 3, "Contact"), "<sip:alice@192.0.2.1:5061;transport=tls>");
	assert_true(strstr(w->sent[3].text, "\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;"));
	assert_int_equal(w->n_seen, 0);
	w->transport = SIP_TLS;
	answer(w, 3, 200, "t", "Contact: <sip:bob@192.0.2.97:5061;transport=tls>\r\n", "answer");
	assert_seen(w, 0, INVITE_ANSWER, 200);
	invite_ack(w->inv, STR_NONE, STR_NONE);
	assert_true(sent_is(w, -1, "ACK sip:bob@192.0.2.97:5061;transport=tls SIP/2.0"));
	assert_int_equal(w->sent[w->n_sent - 1].hop.transport, SIP_TLS);
	assert_int_equal(w->sent[w->n_sent - 1].to.ip[3], 97);
	assert_int_equal(n_notes, 4); /* alive by its 100, 503, silent, alive */
	assert_int_equal(notes[1].status, 503);
	assert_int_equal(notes[1].retry_after, 7);
	assert_int_equal(notes[2].status, 408);
	assert_int_equal(notes[2].to.addr.ip[3], 98);
	assert_int_equal(notes[3].status, 0);
	world_free(w);
}

static void transport_error(void **state)
{
	struct world *w = world_new();
	struct sip_hop tcp = { .addr = w->far, .transport = SIP_TCP };

	start(w, 2);
	answer(w, 0, 503, "x", "", "");
	tcp.addr.ip[3] = 98;
	sip_broken(w->sip, &tcp);
	advance(w, 1);
	assert_seen(w, 0, INVITE_FAIL, 503); /* no more targets */
	assert_int_equal(count_sent(w, "INVITE"), 2);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

/* The last one has all the time of Timer B. */
static void silence_of_all(void **state)
{
	struct world *w = world_new();

	start(w, 2);
	advance(w, 5001);
	assert_int_equal(w->sent[w->n_sent - 1].to.ip[3], 98);
	advance(w, 31998);
	assert_int_equal(w->n_seen, 0);
	advance(w, 5);
	assert_seen(w, 0, INVITE_FAIL, 408);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

static void stays_after_180(void **state)
{
	struct world *w = world_new();

	start(w, 3);
	answer(w, 0, 180, "t", "", "");
	answer(w, 0, 503, "t", "", "");
	assert_seen(w, 1, INVITE_FAIL, 503);
	assert_int_equal(count_sent(w, "INVITE"), 1);
	world_free(w);
}

static void other_failures_are_final(void **state)
{
	struct world *w = world_new();

	start(w, 3);
	answer(w, 0, 486, "t", "", "");
	assert_seen(w, 0, INVITE_FAIL, 486);
	assert_int_equal(count_sent(w, "INVITE"), 1);
	world_free(w);
}

static void given_up_between(void **state)
{
	struct world *w = world_new();

	start(w, 3);
	answer(w, 0, 503, "x", "", "");
	w->transport = SIP_TCP;
	invite_end(w->inv, 0, STR_NONE);
	answer(w, 2, 180, "t", "", "");
	assert_true(sent_is(w, -1, "CANCEL"));
	assert_int_equal(w->sent[w->n_sent - 1].to.ip[3], 98);
	assert_string_equal(param_of(w, -1, "Via", "branch"), param_of(w, 2, "Via", "branch"));
	answer(w, 2, 487, "t", "", "");
	answer(w, 3, 200, "t", "", "");
	assert_int_equal(count_sent(w, "INVITE"), 2);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

/* The first one has only been slow: it must not ring beside the second. */
static void late_answer_of_the_first(void **state)
{
	struct world *w = world_new();

	start(w, 2);
	advance(w, 5001);
	assert_int_equal(count_sent(w, "INVITE"), 5); /* at 0, 0.5, 1.5, 3.5, and the other one */
	answer(w, 0, 180, "late", "", "");
	assert_true(sent_is(w, -1, "CANCEL"));
	assert_int_equal(w->sent[w->n_sent - 1].to.ip[3], 99);
	assert_string_equal(param_of(w, -1, "Via", "branch"), param_of(w, 0, "Via", "branch"));
	answer(w, (int)w->n_sent - 1, 200, "late", "", "");
	answer(w, 0, 487, "late", "", "");
	assert_true(sent_is(w, -1, "ACK"));
	assert_int_equal(w->n_seen, 0);
	advance(w, 70000);
	assert_empty(w);
	world_free(w);
}

/* Or it has even answered: nobody may talk to it. */
static void late_2xx_of_the_first(void **state)
{
	struct world *w = world_new();

	start(w, 2);
	advance(w, 5001);
	answer(w, 0, 200, "late", "Contact: <sip:bob@192.0.2.99>\r\n", "answer");
	assert_true(sent_is(w, (int)w->n_sent - 2, "ACK"));
	assert_true(sent_is(w, -1, "BYE"));
	assert_int_equal(w->sent[w->n_sent - 1].to.ip[3], 99);
	answer(w, (int)w->n_sent - 1, 200, "", "", "");
	assert_int_equal(w->n_seen, 0);
	advance(w, 26000);
	assert_int_equal(w->n_seen, 0);
	advance(w, 10000);
	assert_seen(w, 0, INVITE_FAIL, 408);
	advance(w, 40000);
	assert_empty(w);
	world_free(w);
}

/* Who gives up meanwhile does not leave it ringing either. */
static void late_answer_after_the_end(void **state)
{
	struct world *w = world_new();

	start(w, 2);
	advance(w, 4000);
	invite_end(w->inv, 0, STR_NONE);
	advance(w, 4000);
	answer(w, 0, 180, "late", "", "");
	assert_true(sent_is(w, -1, "CANCEL"));
	assert_int_equal(count_sent(w, "INVITE"), 4);
	advance(w, 40000);
	assert_empty(w);
	assert_int_equal(counter_of(w, "timeout.client"), 3); /* it, its CANCEL, and after that */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_on),
		cmocka_unit_test(transport_error),
		cmocka_unit_test(silence_of_all),
		cmocka_unit_test(stays_after_180),
		cmocka_unit_test(other_failures_are_final),
		cmocka_unit_test(given_up_between),
		cmocka_unit_test(late_answer_of_the_first),
		cmocka_unit_test(late_2xx_of_the_first),
		cmocka_unit_test(late_answer_after_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
