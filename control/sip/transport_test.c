/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sip/source_filter.h"
#include "sip/transport_test.h"

/* ---- between shards ---- */

static void read_on_the_wrong_shard(void **state)
{
	struct two *w = calloc(1, sizeof(*w));
	int fd;

	two_open(w);
	fd = two_connect(w, 0);
	far_say(fd, STR(TO_SHARD("BYE", "0")));
	two_until(w, &w->side[0].n, 1);
	far_say(fd, STR(TO_SHARD("BYE", "1")));
	two_until(w, &w->side[1].n, 1);
	assert_int_equal(w->side[0].n, 1);
	assert_string_equal(w->side[1].last, TO_SHARD("BYE", "1"));
	assert_int_equal(w->side[1].from.transport, SIP_TCP);
	assert_int_equal(stream_shard(w->side[1].from.conn), 0);
	/* The answer goes back by the connection of the other shard. */
	assert_int_equal(transport_send(w->side[1].t, &w->side[1].from, STR(OK_TEXT)), 0);
	two_hears(w, fd, OK_TEXT);
	/* So does a request, and its loss is told to whose it was. */
	assert_int_equal(transport_send(w->side[1].t, &w->side[1].from, STR(OPTIONS_TEXT)), 0);
	two_hears(w, fd, OPTIONS_TEXT);
	close(fd);
	two_until(w, &w->side[1].n_broken, 1);
	assert_int_equal(w->side[0].n_broken, 0);
	assert_int_equal(w->side[1].lost.conn, w->side[1].from.conn);
	/* What cannot be framed is the business of who reads it. */
	fd = two_connect(w, 1);
	far_say(fd, STR("OPTIONS sip:b@c SIP/2.0\r\n\r\n"));
	two_until(w, &w->side[1].n_garbage, 1);
	close(fd);
	two_close(w);
}

static void one_connection_for_all(void **state)
{
	struct two *w = calloc(1, sizeof(*w));
	struct sip_hop to = { .transport = SIP_TCP };
	struct box b;
	int fd, far;

	two_open(w);
	b = (struct box){ .loop = w->loop };
	fd = far_listen(&to.addr, 5);
	assert_int_equal(transport_send(w->side[0].t, &to, STR("OPTIONS 0")), 0);
	two_run(w, 20);
	assert_int_equal(transport_send(w->side[1].t, &to, STR("OPTIONS 1")), 0);
	two_run(w, 20);
	far = far_accept(&b, fd);
	two_hears(w, far, "OPTIONS 0OPTIONS 1");
	assert_int_equal(stream_connections(w->side[0].t->stream) +
				 stream_connections(w->side[1].t->stream),
			 1);
	close(far);
	close(fd);
	two_until(w, &w->side[0].n_broken, 1);
	two_until(w, &w->side[1].n_broken, 1);
	assert_true(addr_eq(&w->side[1].lost.addr, &to.addr));
	/* Nobody listens any more: both hear of that too. */
	assert_int_equal(transport_send(w->side[0].t, &to, STR("OPTIONS 0")), 0);
	assert_int_equal(transport_send(w->side[1].t, &to, STR("OPTIONS 1")), 0);
	two_until(w, &w->side[0].n_broken, 2);
	two_until(w, &w->side[1].n_broken, 2);
	/* There is no way at all: heard at once or by mail. */
	to.network = 9;
	for (unsigned i = 0; i < SHARDS; i++)
		if (transport_send(w->side[i].t, &to, STR("OPTIONS")) == 0)
			two_until(w, &w->side[i].n_broken, 3);
		else
			assert_int_equal(w->n_letters, 0);
	/* Mail that cannot be posted is no secret. */
	to.network = 0;
	w->lose = true;
	assert_true(transport_send(w->side[0].t, &to, STR("x")) == -ENOBUFS ||
		    transport_send(w->side[1].t, &to, STR("x")) == -ENOBUFS);
	two_close(w);
}

/* The connection was there when the message was posted, and is not when it arrives. */
static void gone_in_between(void **state)
{
	static const char ok[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1:%u;branch=z9hG4bK1\r\n"
		"l: 0\r\n\r\n";
	struct two *w = calloc(1, sizeof(*w));
	struct linger now = { .l_onoff = 1 };
	struct sip_hop hop;
	struct addr via;
	struct box b;
	char text[256];
	int fd, far, listening;

	two_open(w);
	b = (struct box){ .loop = w->loop };
	listening = far_listen(&via, 5);
	snprintf(text, sizeof(text), ok, via.port);
	fd = two_connect(w, 0);
	far_say(fd, STR(TO_SHARD("BYE", "1")));
	two_until(w, &w->side[1].n, 1);
	hop = w->side[1].from;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* a reset */
	close(fd);
	two_run(w, 20);
	assert_int_equal(transport_send(w->side[1].t, &hop, str_of(text)), 0);
	two_run(w, 20);
	far = far_accept(&b, listening);
	two_hears(w, far, text);
	assert_int_equal(two_counter(w, 0, "transport.response-by-via"), 1);
	close(far);
	/* A request goes to the address itself; where nobody is, that is the end of it. */
	two_run(w, 20);
	w->side[1].n_broken = 0;
	hop.addr = via;
	assert_int_equal(transport_send(w->side[1].t, &hop, STR(OPTIONS_TEXT)), 0);
	two_run(w, 20);
	far = far_accept(&b, listening);
	two_hears(w, far, OPTIONS_TEXT);
	close(far);
	close(listening);
	two_until(w, &w->side[1].n_broken, 1);
	assert_int_equal(transport_send(w->side[1].t, &hop, STR(OPTIONS_TEXT)), 0);
	two_until(w, &w->side[1].n_broken, 2);
	/* The own shard's says so at once. */
	hop.conn = 1u << 24 | 77;
	assert_int_equal(transport_send(w->side[0].t, &hop, STR("x")), -ENOTCONN);
	hop.conn = 9u << 24 | 77;
	assert_int_equal(transport_send(w->side[0].t, &hop, STR("x")), -ENOTCONN);
	two_close(w);
}

static void datagrams(void **state)
{
	struct two *w = calloc(1, sizeof(*w));
	struct sip_hop to = { .transport = SIP_UDP };
	unsigned total = 0;

	two_open(w);
	to.addr = w->net.local[0];
	to.addr.port = w->net.port;
	/* To ourselves; whichever shard the kernel gives it to, it ends where it belongs. */
	for (unsigned i = 0; i < 20; i++) {
		struct side *s = &w->side[i % SHARDS];

		assert_int_equal(transport_send(s->t, &to, STR(TO_SHARD("BYE", "1"))), 0);
		two_run(w, 5);
	}
	two_until(w, &w->side[1].n, 20);
	assert_int_equal(w->side[0].n, 0);
	assert_int_equal(w->side[1].from.transport, SIP_UDP);
	for (unsigned i = 0; i < SHARDS; i++)
		total += (unsigned)two_counter(w, i, "transport.foreign");
	assert_true(total <= 20);
	two_close(w);
}

/* Who becomes known or a stranger while we run. */
static void known(void **state)
{
	struct two *w = calloc(1, sizeof(*w));
	struct prefix two = { loopback(2, 0), 32 }, one = { loopback(1, 0), 32 };
	struct box b;
	int fd, stranger;

	two_open(w);
	b = (struct box){ .loop = w->loop, .at.local = w->net.local[0] };
	b.at.local.port = w->net.port;
	for (unsigned i = 0; i < SHARDS; i++)
		transport_known(w->side[i].t, 0, &two, 1);
	stranger = far_connect(&b, 1);
	fd = far_connect(&b, 2);
	two_run(w, 30);
	assert_int_equal(
		two_counter(w, 0, "stream.accepted") + two_counter(w, 1, "stream.accepted"), 1);
	assert_int_equal(two_counter(w, 0, "stream.refused.in-kernel") +
				 two_counter(w, 1, "stream.refused.in-kernel"),
			 1);
	for (unsigned i = 0; i < SHARDS; i++)
		transport_known(w->side[i].t, 0, &one, 1);
	close(stranger);
	stranger = far_connect(&b, 1);
	two_run(w, 30);
	assert_int_equal(
		two_counter(w, 0, "stream.accepted") + two_counter(w, 1, "stream.accepted"), 2);
	/* Who is connected already stays. */
	far_say(fd, STR(TO_SHARD("BYE", "0")));
	two_until(w, &w->side[0].n, 1);
	close(fd);
	close(stranger);
	two_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_on_the_wrong_shard),
		cmocka_unit_test(one_connection_for_all),
		cmocka_unit_test(gone_in_between),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
