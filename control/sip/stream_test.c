/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sip/stream_test.h"

static int option(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	assert_int_equal(getsockopt(fd, level, name, &v, &len), 0);
	return v;
}

/* ---- messages ---- */

static void in_and_out(void **state)
{
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	b.answer = STR(OK_TEXT);
	fd = far_connect(&b, 2);
	far_say(fd, STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 1);
	assert_string_equal(b.last, OPTIONS_TEXT);
	assert_int_equal(b.from.transport, SIP_TCP);
	assert_int_equal(b.from.network, 3);
	assert_int_equal(b.from.peer, 1);
	assert_int_equal(b.from.addr.ip[3], 2);
	assert_int_equal(stream_shard(b.from.conn), 4);
	assert_int_equal(b.from.conn & 0xffffff, 1);
	far_hears(&b, fd, OK_TEXT);
	far_is_quiet(fd);
	assert_int_equal(option(box_conn(&b)->fd.fd, IPPROTO_IP, IP_TOS), 24 << 2);
	assert_int_equal(option(box_conn(&b)->fd.fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(box_conn(&b)->fd.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	/* Nothing waits: nothing is kept. */
	assert_null(box_conn(&b)->out);
	close(fd);
	box_close(&b);
}

static void in_pieces(void **state)
{
	static const char text[] = OPTIONS_TEXT "\r\n" OPTIONS_TEXT OPTIONS_TEXT;
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	fd = far_connect(&b, 1);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		far_say(fd, (struct str){ text + i, 1 });
		loop_once(b.loop, 5);
	}
	box_until(&b, &b.n, 3);
	far_say(fd, STR(OPTIONS_TEXT OPTIONS_TEXT OPTIONS_TEXT OPTIONS_TEXT));
	box_until(&b, &b.n, 7);
	assert_string_equal(b.last, OPTIONS_TEXT);
	close(fd);
	box_close(&b);
}

static void pings(void **state)
{
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	fd = far_connect(&b, 1);
	far_say(fd, STR("\r\n\r\n"));
	far_hears(&b, fd, "\r\n");
	far_say(fd, STR("\r\n"));
	box_run(&b, 30);
	far_is_quiet(fd);
	assert_int_equal(box_counter(&b, "stream.pings"), 1);
	close(fd);
	box_close(&b);
}

/* More than is read at once: others come in between, and nothing is lost. */
static void busy_one_starves_nobody(void **state)
{
	struct box b = { 0 };
	size_t one = sizeof(OPTIONS_TEXT) - 1, total = 0;
	int busy, other, size = 1 << 20;
	unsigned n;

	box_open(&b, NULL, NULL);
	setsockopt(b.stream->listeners[0].fd.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	busy = far_connect(&b, 1);
	other = far_connect(&b, 2);
	far_say(other, STR("\r\n\r\n"));
	far_hears(&b, other, "\r\n");
	while (total < (1u << 20) && send(busy, OPTIONS_TEXT, one, MSG_NOSIGNAL) == (ssize_t)one)
		total += one;
	assert_true(total > 200000);
	far_say(other, STR("\r\n\r\n"));
	n = b.n;
	loop_once(b.loop, 1000);
	assert_true(b.n > n && (b.n - n) * one < 65536);
	far_hears(&b, other, "\r\n");
	box_until(&b, &b.n, (unsigned)(total / one));
	close(busy);
	close(other);
	box_close(&b);
}

/* The answer to the good one may take its time: the connection waits for it. */
static void framing_is_lost_behind_a_question(void **state)
{
	static const char bad[] = "OPTIONS sip:b@c SIP/2.0\r\nX: y\r\n\r\n";
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	b.to_garbage = STR("SIP/2.0 400 Bad Content-Length\r\nl: 0\r\n\r\n");
	fd = far_connect(&b, 1);
	far_say(fd, STR(OPTIONS_TEXT));
	far_say(fd, str_of(bad));
	box_until(&b, &b.n_garbage, 1);
	far_hears(&b, fd, "SIP/2.0 400 Bad Content-Length\r\nl: 0\r\n\r\n");
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR(OK_TEXT)), 0);
	far_hears(&b, fd, OK_TEXT);
	assert_int_equal(far_ends(&b, fd), 0);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR("x")), -ENOTCONN);
	close(fd);
	box_close(&b);
}

static void framing_is_lost(void **state)
{
	static const char bad[] = "OPTIONS sip:b@c SIP/2.0\r\nX: y\r\n\r\n";
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	b.to_garbage = STR("SIP/2.0 400 Bad Content-Length\r\nl: 0\r\n\r\n");
	b.answer = STR(OK_TEXT);
	fd = far_connect(&b, 1);
	/* The good one before it is answered, what comes behind is not read. */
	far_say(fd, STR(OPTIONS_TEXT));
	far_say(fd, str_of(bad));
	far_say(fd, STR(OPTIONS_TEXT));
	far_hears(&b, fd, OK_TEXT "SIP/2.0 400 Bad Content-Length\r\nl: 0\r\n\r\n");
	assert_int_equal(far_ends(&b, fd), 0);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.n_garbage, 1);
	assert_int_equal(b.error, -SIP_E_LENGTH);
	assert_string_equal(b.last, bad);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR("x")), -ENOTCONN);
	close(fd);
	box_run(&b, 20);
	assert_int_equal(stream_connections(b.stream), 0);
	assert_int_equal(box_counter(&b, "stream.closed.framing"), 1);
	box_close(&b);
}

static void closed_while_reading(void **state)
{
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	b.close_it = true;
	fd = far_connect(&b, 1);
	far_say(fd, STR(OPTIONS_TEXT OPTIONS_TEXT));
	assert_int_equal(far_ends(&b, fd), 0);
	assert_int_equal(b.n, 1);
	/* It waits for our FIN only so long. */
	box_run(&b, 2100);
	assert_int_equal(stream_connections(b.stream), 0);
	close(fd);
	box_close(&b);
}

/* ---- ends ---- */

static void half_closed(void **state)
{
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	fd = far_connect(&b, 1);
	far_say(fd, STR(OPTIONS_TEXT));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	box_until(&b, &b.n, 1);
	box_run(&b, 50);
	far_is_quiet(fd);
	/* What was asked is answered, provisionally and then finally; then it is over. */
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR("SIP/2.0 183 x\r\nl: 0\r\n\r\n")),
			 0);
	far_hears(&b, fd, "SIP/2.0 183 x\r\nl: 0\r\n\r\n");
	far_is_quiet(fd);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR(OK_TEXT)), 0);
	far_hears(&b, fd, OK_TEXT);
	assert_int_equal(far_ends(&b, fd), 0);
	assert_int_equal(stream_connections(b.stream), 0);
	close(fd);
	/* Who waits for nothing is let go. */
	fd = far_connect(&b, 1);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(far_ends(&b, fd), 0);
	assert_int_equal(stream_connections(b.stream), 0);
	close(fd);
	box_close(&b);
}

/* A box with one connection, by which one request came. */
static int asked_once(struct box *b)
{
	int fd;

	box_open(b, NULL, NULL);
	fd = far_connect(b, 1);
	far_say(fd, STR(OPTIONS_TEXT));
	box_until(b, &b->n, 1);
	return fd;
}

static void reset(void **state)
{
	struct linger now = { .l_onoff = 1 };
	struct box b = { 0 };
	int fd;

	fd = asked_once(&b);
	assert_int_equal(stream_send(b.stream, 9, &b.from, STR(OPTIONS_TEXT)), 0);
	far_hears(&b, fd, OPTIONS_TEXT);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(b.sender, 9);
	assert_int_equal(b.lost.conn, b.from.conn);
	assert_true(addr_eq(&b.lost.addr, &b.from.addr));
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR("x")), -ENOTCONN);
	assert_int_equal(stream_connections(b.stream), 0);
	box_close(&b);
}

/* What we asked by it will not be answered, though it may still be written to. */
static void half_closed_is_broken(void **state)
{
	struct box b = { 0 };
	int fd;

	fd = asked_once(&b);
	assert_int_equal(stream_send(b.stream, 5, &b.from, STR(OPTIONS_TEXT)), 0);
	assert_int_equal(stream_send(b.stream, 63, &b.from, STR(OPTIONS_TEXT)), 0);
	far_hears(&b, fd, OPTIONS_TEXT OPTIONS_TEXT);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	box_until(&b, &b.n_broken, 2);
	assert_int_equal(b.sender, 63);
	far_is_quiet(fd);
	close(fd);
	box_close(&b);
}

/* ---- sending ---- */

/* Numbers of connections come round again: that of somebody else is not the one that was meant. */
static void number_of_another(void **state)
{
	struct box b = { 0 };
	struct sip_hop to;
	int fd;

	fd = asked_once(&b);
	to = b.from;
	to.addr.ip[3] = 2;
	assert_int_equal(stream_send(b.stream, 0, &to, STR("x")), -ENOTCONN);
	to = b.from;
	to.network++;
	assert_int_equal(stream_send(b.stream, 0, &to, STR("x")), -ENOTCONN);
	to = b.from;
	to.addr.port++; /* the port of a Contact is another one */
	assert_int_equal(stream_send(b.stream, 0, &to, STR("x")), 0);
	close(fd);
	box_close(&b);
}

static void not_read(void **state)
{
	static char big[20000];
	struct stream_options o = { .send_buffer = 30000 };
	struct box b = { 0 };
	int fd, rc, size = 4096;
	unsigned sent = 0;

	box_open(&b, &o, NULL);
	fd = far_connect(&b, 1);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	far_say(fd, STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 1);
	memset(big, 'x', sizeof(big));
	while ((rc = stream_send(b.stream, 0, &b.from, (struct str){ big, sizeof(big) })) == 0) {
		assert_true(++sent < 10000);
		loop_once(b.loop, 0);
	}
	assert_int_equal(rc, -ENOBUFS);
	assert_int_equal(b.n_broken, 0); /* not from inside */
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(stream_connections(b.stream), 0);
	assert_int_equal(box_counter(&b, "stream.closed.send-buffer"), 1);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR("x")), -ENOTCONN);
	close(fd);
	box_close(&b);
}

/* Less than the bound, but it does not move. */
static void stalled(void **state)
{
	static char big[20000];
	struct stream_options o = { .message_ms = 1000 };
	struct box b = { 0 };
	int fd, size = 20000;

	box_open(&b, &o, NULL);
	setsockopt(b.stream->listeners[0].fd.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fd = far_connect(&b, 1);
	far_say(fd, STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 1);
	memset(big, 'x', sizeof(big));
	/* The kernel takes some, and a little more later. */
	do {
		assert_int_equal(
			stream_send(b.stream, 0, &b.from, (struct str){ big, sizeof(big) }), 0);
		box_run(&b, 1);
		if (box_conn(&b)->blocked)
			box_run(&b, 150);
	} while (!box_conn(&b)->blocked);
	assert_int_equal(stream_connections(b.stream), 1);
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(box_counter(&b, "stream.closed.not-reading"), 1);
	close(fd);
	box_close(&b);
}

static void much_is_sent_whole(void **state)
{
	static char big[200000], got[200000];
	struct box b = { 0 };
	size_t have = 0;
	int fd;

	fd = asked_once(&b);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(big); i += 10000)
		assert_int_equal(stream_send(b.stream, 0, &b.from, (struct str){ big + i, 10000 }),
				 0);
	for (unsigned i = 0; have < sizeof(got) && i < 1000; i++) {
		ssize_t n = recv(fd, got + have, sizeof(got) - have, 0);

		if (n > 0)
			have += (size_t)n;
		loop_once(b.loop, 1);
	}
	assert_int_equal(have, sizeof(got));
	assert_memory_equal(big, got, sizeof(got));
	close(fd);
	box_close(&b);
}

/* ---- ids ---- */

static void ids_in_use_are_skipped(void **state)
{
	struct box b = { 0 };
	int fd[3];

	box_open(&b, NULL, NULL);
	fd[0] = far_connect(&b, 1);
	far_say(fd[0], STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 1);
	assert_int_equal(b.from.conn, 5u << 24 | 1);
	b.stream->serial = 0xfffffe;
	fd[1] = far_connect(&b, 1);
	far_say(fd[1], STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 2);
	assert_int_equal(b.from.conn, 5u << 24 | 0xffffff);
	fd[2] = far_connect(&b, 1);
	far_say(fd[2], STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 3);
	assert_int_equal(b.from.conn, 5u << 24 | 2);
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
	box_close(&b);
}

static void open_at_the_end(void **state)
{
	struct box b = { 0 };
	int fd;

	fd = asked_once(&b);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR(OK_TEXT)), 0);
	stream_free(b.stream); /* what is queued goes out */
	b.stream = NULL;
	far_hears(&b, fd, OK_TEXT);
	close(fd);
	box_close(&b);
	assert_int_equal(b.n_broken, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_and_out),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(pings),
		cmocka_unit_test(busy_one_starves_nobody),
		cmocka_unit_test(framing_is_lost),
		cmocka_unit_test(framing_is_lost_behind_a_question),
		cmocka_unit_test(closed_while_reading),
		cmocka_unit_test(half_closed),
		cmocka_unit_test(reset),
		cmocka_unit_test(half_closed_is_broken),
		cmocka_unit_test(number_of_another),
		cmocka_unit_test(not_read),
		cmocka_unit_test(stalled),
		cmocka_unit_test(much_is_sent_whole),
		cmocka_unit_test(ids_in_use_are_skipped),
		cmocka_unit_test(open_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
