/* SPDX-License-Identifier: Apache-2.0 */
/* Names, certificates and aliases between shards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sip/tls_pair_test.h"
#include "sip/transport_test.h"

/* The Via that the caller's end of the connection writes: it listens at port 7777. */
#define WITH_ALIAS(method, shard)                                                                  \
	method " sip:b@c SIP/2.0\r\nVia: SIP/2.0/TLS a:7777;alias;branch=z9hG4bK1\r\n"             \
	       "To: <sip:b@c>;tag=0" shard "aaaaaaaaaaaaaaaaaaaa\r\nl: 0\r\n\r\n"

/* Neighbour 0 is called, and calls us; both are ourselves. */
static struct two *open_tls(struct pair *p, bool demand)
{
	struct two *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->net.certificate = p->path.cert;
	w->net.key = p->path.key;
	w->net.ca = p->path.ca;
	w->peer[0].tls_name = SERVER_NAME;
	w->peer[0].demand = demand;
	two_open(w);
	return w;
}

static struct sip_hop tls_hop(struct two *w)
{
	struct sip_hop to = { .addr = w->net.local[0], .transport = SIP_TLS };

	to.addr.port = w->net.tls_port;
	return to;
}

static void by_name(void **state)
{
	struct two *w = open_tls(*state, false);
	struct sip_hop to = tls_hop(w);

	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 1);
	assert_int_equal(w->side[1].from.transport, SIP_TLS);
	assert_int_equal(transport_send(w->side[1].t, &w->side[1].from, STR(OK_TEXT)), 0);
	two_until(w, &w->side[0].n, 1);
	two_close(w);
}

static void not_without_a_name(void **state)
{
	struct two *w = open_tls(*state, false);
	struct sip_hop to = tls_hop(w);

	to.peer = 1;
	for (unsigned i = 0; i < SHARDS; i++)
		if (transport_send(w->side[i].t, &to, STR("BYE")) == 0)
			two_until(w, &w->side[i].n_broken, 1);
		else
			assert_int_equal(w->n_letters, 0);
	two_close(w);
}

static void other_name(void **state)
{
	struct pair *p = *state;
	struct two *w = calloc(1, sizeof(*w));
	struct sip_hop to;

	w->net.certificate = p->path.cert;
	w->net.key = p->path.key;
	w->net.ca = p->path.ca;
	w->peer[0].tls_name = "sip.other.example";
	two_open(w);
	to = tls_hop(w);
	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[0].n_broken, 1);
	assert_int_equal(w->side[1].n, 0);
	two_close(w);
}

/* Both ends show the certificate of the network, which bears the name. */
static void demanded(void **state)
{
	struct two *w = open_tls(*state, true);
	struct sip_hop to = tls_hop(w);

	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 1);
	two_close(w);
}

static void verdicts(void **state)
{
	static const struct pki_spec spec = { .cn = "client",
					      .alt = { STR("DNS:" CLIENT_NAME) },
					      .extended = "clientAuth" };
	struct transport_peer peer[] = { { .tls_name = CLIENT_NAME, .demand = true },
					 { .tls_name = SERVER_NAME, .demand = true },
					 { .tls_name = SERVER_NAME },
					 { .tls_name = NULL } };
	struct transport t = { .peers = peer, .o.n_peers = 4 };
	struct sip_hop from = { .transport = SIP_TLS };
	enum stream_verdict want[] = { STREAM_PROVEN, STREAM_REFUSED, STREAM_TAKEN, STREAM_TAKEN,
				       STREAM_TAKEN };
	struct pair *p = *state;

	pair_client_is(p, &spec, &p->ca);
	pair_up(p, SERVER_NAME, STR_NONE);
	for (from.peer = 0; from.peer < 5; from.peer++)
		assert_int_equal(transport_tls_verify(&t, &from, p->s), want[from.peer]);
}

/* RFC 5923: from then on its connection is taken for the port of its Via, from any shard. */
static void alias(void **state)
{
	struct pair *p = *state;
	struct sip_hop to, back;
	struct two *w;
	size_t n;

	w = open_tls(p, true);
	to = tls_hop(w);
	assert_int_equal(transport_send(w->side[0].t, &to, STR(WITH_ALIAS("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 1);
	two_run(w, 20);
	assert_int_equal(
		two_counter(w, 0, "transport.aliases") + two_counter(w, 1, "transport.aliases"), 1);
	n = stream_connections(w->side[0].t->stream) + stream_connections(w->side[1].t->stream);
	assert_int_equal(n, 2);
	back = w->side[1].from;
	back.conn = 0;
	back.addr.port = 7777;
	for (unsigned i = 0; i < SHARDS; i++) {
		assert_int_equal(transport_send(w->side[i].t, &back, STR(TO_SHARD("INFO", "0"))),
				 0);
		two_until(w, &w->side[0].n, i + 1);
	}
	assert_true(addr_eq(&w->side[0].from.addr, &to.addr));
	assert_int_equal(stream_connections(w->side[0].t->stream) +
				 stream_connections(w->side[1].t->stream),
			 n);
	/* Not for another neighbour: that one would be called. */
	back.peer = 1;
	for (unsigned i = 0; i < SHARDS; i++)
		if (transport_send(w->side[i].t, &back, STR("x")) == 0)
			two_until(w, &w->side[i].n_broken, 1);
	back.peer = 0;
	/* When it is gone, so is its alias; nobody listens at 7777. */
	for (unsigned i = 0; i < SHARDS; i++)
		stream_hang_up(w->side[i].t->stream, w->side[1].from.conn);
	two_run(w, 50);
	assert_int_equal(w->side[0].t->aliases.count + w->side[1].t->aliases.count, 0);
	w->side[0].n_broken = 0;
	assert_int_equal(transport_send(w->side[0].t, &back, STR("x")), 0);
	two_until(w, &w->side[0].n_broken, 1);
	assert_int_equal(w->side[0].n, 2);
	two_close(w);
}

/* Who does not ask for it is called. */
static void no_alias(void **state)
{
	struct two *w = open_tls(*state, true);
	struct sip_hop to = tls_hop(w);

	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 1);
	/* It had its chance with its first request. */
	assert_int_equal(transport_send(w->side[0].t, &to, STR(WITH_ALIAS("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 2);
	two_run(w, 20);
	assert_int_equal(w->side[0].t->aliases.count + w->side[1].t->aliases.count, 0);
	two_close(w);
}

static void bad_files(void **state)
{
	struct pair *p = *state;
	struct transport_network net = { .name = "outside",
					 .local[0] = loopback(1, 0),
					 .tls_port = 1,
					 .certificate = p->path.cert,
					 .key = p->path.client_key };
	struct transport_options o = {
		.loop = p->loop, .log = p->log, .networks = &net, .n_networks = 1, .n_shards = 1
	};

	errno = 0;
	assert_null(transport_new(&o));
	assert_true(errno != 0);
	assert_contains(pair_log(p), "networks.outside");
}

/* What is up stays up, what comes is shown the new one. */
static void renewed(void **state)
{
	static const struct pki_spec spec = { .cn = "new", .alt = { STR("DNS:new.example") } };
	struct pair *p = *state;
	struct two *w = open_tls(p, false);
	struct sip_hop to = tls_hop(w), from;
	int64_t end = transport_expires(w->side[0].t);

	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 1);
	from = w->side[1].from;
	assert_true(end > 0);
	pair_server_is(p, &spec, &p->ca);
	for (unsigned i = 0; i < SHARDS; i++)
		assert_int_equal(transport_reload(w->side[i].t), 0);
	assert_int_equal(transport_send(w->side[1].t, &from, STR(OK_TEXT)), 0);
	two_until(w, &w->side[0].n, 1);
	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[1].n, 2);
	/* A new connection finds that it is somebody else now. */
	to.addr.ip[3] = 1;
	for (unsigned i = 0; i < SHARDS; i++)
		stream_hang_up(w->side[i].t->stream, from.conn);
	two_run(w, 50);
	w->side[0].n_broken = 0;
	assert_int_equal(transport_send(w->side[0].t, &to, STR(TO_SHARD("BYE", "1"))), 0);
	two_until(w, &w->side[0].n_broken, 1);
	assert_int_equal(w->side[1].n, 2);
	two_close(w);
}

#define pair_test(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		pair_test(by_name),    pair_test(not_without_a_name),
		pair_test(other_name), pair_test(demanded),
		pair_test(alias),      pair_test(verdicts),
		pair_test(no_alias),   pair_test(bad_files),
		pair_test(renewed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
