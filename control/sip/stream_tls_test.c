/* SPDX-License-Identifier: Apache-2.0 */
/* The streams of a shard call themselves: both ends of TLS are ours. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "sip/stream_test.h"
#include "sip/tls_pair_test.h"

static struct sip_hop open_pair(struct box *b, struct pair *p, const struct stream_options *o)
{
	box_open(b, o, p->sc);
	b->route = (struct stream_route){ .tls = p->cc, .name = SERVER_NAME };
	return (struct sip_hop){ .addr = b->at.local, .network = 7, .transport = SIP_TLS };
}

static void there_and_back(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);

	b.answer = STR(OK_TEXT);
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n, 2);
	assert_int_equal(b.verified, 1);
	assert_string_equal(b.last, OK_TEXT);
	assert_int_equal(b.from.network, 7); /* came to who had dialled */
	assert_int_equal(b.from.transport, SIP_TLS);
	assert_false(stream_ask_alias(b.stream, b.from.conn));
	/* The same one again. */
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n, 4);
	assert_int_equal(stream_connections(b.stream), 2);
	assert_int_equal(b.verified, 1);
	/* No other TLS connection to who is somebody else. */
	to.peer = 1;
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n, 6);
	assert_int_equal(stream_connections(b.stream), 4);
	box_close(&b);
}

/* What TLS adds to each message does not lift the bound. */
static void not_read(void **state)
{
	struct stream_options o = { .send_buffer = 20000 };
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, &o);
	unsigned n = 0;
	int rc;

	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n, 1);
	/* Nothing is flushed before the end of a round. */
	while ((rc = stream_send(b.stream, 0, &b.from, STR("x"))) == 0)
		assert_true(++n < 1000);
	assert_int_equal(rc, -ENOBUFS);
	assert_true(n > 500);
	box_close(&b);
}

static void large(void **state)
{
	static char big[65000];
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);
	int n = snprintf(big, sizeof(big), "OPTIONS sip:b@c SIP/2.0\r\nl: 60000\r\n\r\n");

	for (size_t i = 0; i < 60000; i++)
		big[(size_t)n + i] = (char)(i * 7);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			stream_send(b.stream, 0, &to, (struct str){ big, (size_t)n + 60000 }), 0);
	box_until(&b, &b.n, 3);
	assert_int_equal(b.len, n + 60000);
	box_close(&b);
}

static void another_name(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);

	b.route.name = "sip.other.example";
	assert_int_equal(stream_send(b.stream, 8, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(b.sender, 8);
	box_run(&b, 20);
	assert_int_equal(b.n, 0);
	assert_int_equal(stream_connections(b.stream), 0);
	assert_true(box_counter(&b, "stream.closed.tls") >= 1);
	box_close(&b);
}

static void name_is_refused(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);

	b.verdict = STREAM_REFUSED;
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.verified, 1);
	assert_int_equal(box_counter(&b, "stream.closed.certificate-name"), 1);
	box_close(&b);
}

static void proven(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);

	b.verdict = STREAM_PROVEN;
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n, 1);
	assert_int_equal(b.from.network, 3);
	assert_true(stream_ask_alias(b.stream, b.from.conn));
	assert_false(stream_ask_alias(b.stream, b.from.conn));
	/* Who watches hears of its end. */
	assert_true(stream_watch(b.stream, b.from.conn, 11));
	stream_hang_up(b.stream, b.from.conn);
	assert_false(stream_watch(b.stream, b.from.conn, 11));
	box_until(&b, &b.n_broken, 2);
	box_run(&b, 20);
	assert_int_equal(stream_connections(b.stream), 0);
	box_close(&b);
}

/* Another context for one neighbour: here one that demands a certificate, and there is none. */
static void own_context(void **state)
{
	struct pair *p = *state;
	struct tls_options o = pair_server_options(p);
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, p, NULL);

	o.demand = true;
	b.of_peer_0 = tls_context_new(&o);
	assert_non_null(b.of_peer_0);
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(b.n, 0);
	b.route.local = loopback(2, 0); /* neighbour 1 */
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	box_until(&b, &b.n, 1);
	box_close(&b);
	tls_context_free(b.of_peer_0);
}

static void never_shakes(void **state)
{
	struct stream_options o = { .handshake_ms = 600 };
	struct box b = { 0 };
	int silent, slow;

	open_pair(&b, *state, &o);
	silent = far_connect(&b, 1);
	slow = far_connect(&b, 1);
	far_say(slow, STR("\x16\x03\x01\x00"));
	box_run(&b, 350);
	assert_int_equal(stream_connections(b.stream), 2);
	far_say(slow, STR("\x40"));
	box_run(&b, 350);
	box_until_counter(&b, "stream.closed.handshake-time", 2);
	assert_int_equal(stream_connections(b.stream), 0);
	far_ends(&b, silent);
	close(silent);
	close(slow);
	/* What is not TLS at all is not waited for. */
	silent = far_connect(&b, 1);
	far_say(silent, STR(OPTIONS_TEXT));
	box_until_counter(&b, "stream.closed.tls", 1);
	assert_int_equal(stream_connections(b.stream), 0);
	close(silent);
	box_close(&b);
}

/* The last words arrive, and the session ends as it should. */
static void last_words(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);

	b.to_garbage = STR("SIP/2.0 400 x\r\nl: 0\r\n\r\n");
	assert_int_equal(stream_send(b.stream, 0, &to, STR("OPTIONS sip:b@c SIP/2.0\r\n\r\n")), 0);
	box_until(&b, &b.n, 1);
	assert_string_equal(b.last, "SIP/2.0 400 x\r\nl: 0\r\n\r\n");
	box_until(&b, &b.n_broken, 2);
	box_run(&b, 20);
	assert_int_equal(stream_connections(b.stream), 0);
	assert_int_equal(box_counter(&b, "stream.closed.framing"), 1);
	assert_int_equal(box_counter(&b, "stream.closed.by-peer"), 1);
	assert_int_equal(box_counter(&b, "stream.closed.tls"), 0);
	box_close(&b);
}

/* A session key for each neighbour's address: the second time it is short. */
static void resumed(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = open_pair(&b, *state, NULL);

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
		box_until(&b, &b.n, i + 1);
		assert_int_equal(tls_resumed(b.verified_tls), i);
		box_run(&b, 20);
		stream_hang_up(b.stream, b.from.conn);
		box_run(&b, 50);
		assert_int_equal(stream_connections(b.stream), 0);
	}
	box_close(&b);
}

#define pair_test(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pair_test(there_and_back),  pair_test(large),      pair_test(another_name),
		pair_test(name_is_refused), pair_test(proven),     pair_test(own_context),
		pair_test(never_shakes),    pair_test(last_words), pair_test(resumed),
		pair_test(not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
