/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect, how often, and how long anybody may take; and connections of ours. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sip/source_filter.h"
#include "sip/stream_test.h"

#define MANY 40

/* ---- who may connect ---- */

static void strangers(void **state)
{
	struct box b = { 0 };
	int fd;

	box_open(&b, NULL, NULL);
	fd = far_connect_from(&b, "127.0.1.1");
	far_say(fd, STR(OPTIONS_TEXT));
	assert_int_equal(far_ends(&b, fd), ECONNRESET);
	box_run(&b, 20);
	assert_int_equal(b.n, 0);
	assert_int_equal(box_counter(&b, "stream.refused.unknown-source"), 1);
	assert_int_equal(box_counter(&b, "stream.accepted"), 0);
	close(fd);
	box_close(&b);
}

/* A stranger does not even learn that somebody is there. */
static void strangers_in_the_kernel(void **state)
{
	struct prefix one = { loopback(2, 0), 32 };
	struct sock_fprog *f = source_filter_new(4, &one, 1);
	struct box b = { 0 };
	int known, stranger;

	box_open(&b, NULL, NULL);
	assert_int_equal(stream_filter(b.stream, 3, 4, f), 0);
	assert_int_equal(stream_filter(b.stream, 4, 4, NULL), 0); /* another network */
	stranger = far_connect(&b, 1);
	known = far_connect(&b, 2);
	far_say(known, STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 1);
	assert_int_equal(send(stranger, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EAGAIN); /* not connected yet */
	assert_int_equal(box_counter(&b, "stream.refused.in-kernel"), 1);
	assert_int_equal(box_counter(&b, "stream.accepted"), 1);
	close(stranger);
	close(known);
	free(f);
	box_close(&b);
}

static unsigned connect_many(struct box *b, int *fd, unsigned n, unsigned from)
{
	uint64_t before = box_counter(b, "stream.accepted");

	for (unsigned i = 0; i < n; i++)
		fd[i] = far_connect(b, from);
	box_run(b, 30);
	return (unsigned)(box_counter(b, "stream.accepted") - before);
}

static void close_many(int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

static void so_many_of_a_source(void **state)
{
	struct stream_options o = { .per_source = 5, .rate_per_source = 1000 };
	struct box b = { 0 };
	int fd[MANY];

	box_open(&b, &o, NULL);
	assert_int_equal(connect_many(&b, fd, 8, 1), 5);
	assert_int_equal(box_counter(&b, "stream.refused.too-many-of-source"), 3);
	assert_int_equal(connect_many(&b, fd + 8, 2, 2), 2);
	/* One goes, one may come. */
	close(fd[0]);
	box_run(&b, 20);
	assert_int_equal(connect_many(&b, fd + 10, 2, 1), 1);
	close_many(fd + 1, 11);
	box_run(&b, 20);
	assert_int_equal(stream_connections(b.stream), 0);
	box_close(&b);
}

static void so_many_a_second(void **state)
{
	struct stream_options o = { .rate_per_source = 10 };
	struct box b = { 0 };
	int fd[MANY];

	box_open(&b, &o, NULL);
	/* On a busy machine some time passes meanwhile. */
	assert_in_range(connect_many(&b, fd, 15, 1), 10, 13);
	assert_int_equal(box_counter(&b, "stream.refused.too-fast") +
				 box_counter(&b, "stream.accepted"),
			 15);
	assert_int_equal(connect_many(&b, fd + 15, 1, 2), 1);
	box_run(&b, 200);
	assert_in_range(connect_many(&b, fd + 16, 8, 1), 1, 7);
	close_many(fd, 24);
	/* When they are gone and their second is over, so is what was known of them. */
	box_run(&b, 1100);
	close(far_connect(&b, 3));
	box_run(&b, 20);
	assert_int_equal(b.stream->sources.count, 1);
	box_close(&b);
}

/* One neighbour with many sources cannot take all slots. */
static void kept_for_others(void **state)
{
	struct stream_options o = { .max_connections = 20,
				    .per_source = 100,
				    .rate_per_source = 1000 };
	struct box b = { 0 };
	int fd[MANY];

	box_open(&b, &o, NULL);
	assert_int_equal(connect_many(&b, fd, 20, 1), 16);
	assert_int_equal(box_counter(&b, "stream.refused.full"), 4);
	assert_int_equal(connect_many(&b, fd + 20, 6, 2), 4);
	assert_int_equal(connect_many(&b, fd + 26, 1, 3), 0);
	close_many(fd, 27);
	box_close(&b);
}

/* All are told at once, and the loop rests. */
static void no_descriptors(void **state)
{
	struct box b = { 0 };
	struct rlimit was, low;
	unsigned rounds = 0;
	int fd[4], top;

	box_open(&b, NULL, NULL);
	for (unsigned i = 0; i < 4; i++)
		fd[i] = far_connect(&b, 1);
	top = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = (struct rlimit){ (rlim_t)top, was.rlim_max };
	close(top);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (uint64_t end = loop_now(b.loop) + 250; loop_now(b.loop) < end; rounds++)
		loop_once(b.loop, 50);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(rounds < 20);
	assert_true(box_counter(&b, "stream.refused.no-descriptor") >= 4);
	assert_int_equal(box_counter(&b, "stream.accepted"), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(far_ends(&b, fd[i]), ECONNRESET);
		close(fd[i]);
	}
	assert_int_equal(connect_many(&b, fd, 1, 1), 1);
	close(fd[0]);
	box_close(&b);
}

/* Without even the spare one it waits a little and then goes on. */
static void no_spare(void **state)
{
	struct box b = { 0 };
	struct rlimit was, low;
	unsigned rounds = 0;
	int fd, top;

	box_open(&b, NULL, NULL);
	close(b.stream->spare);
	b.stream->spare = -1;
	fd = far_connect(&b, 1);
	top = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	low = (struct rlimit){ (rlim_t)top, was.rlim_max };
	close(top);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (; box_counter(&b, "stream.refused.no-descriptor") < 2 && rounds < 100; rounds++)
		loop_once(b.loop, 50);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(rounds < 20);
	box_until_counter(&b, "stream.accepted", 1);
	close(fd);
	box_close(&b);
}

/* ---- how long ---- */

static void first_message(void **state)
{
	struct stream_options o = { .first_message_ms = 700, .message_ms = 100000 };
	struct box b = { 0 };
	int silent, slow, good;

	box_open(&b, &o, NULL);
	silent = far_connect(&b, 1);
	slow = far_connect(&b, 1);
	good = far_connect(&b, 1);
	far_say(silent, STR("\r\n\r\n"));
	far_hears(&b, silent, "\r\n");
	far_say(slow, STR("OPTIONS"));
	far_say(good, STR(OPTIONS_TEXT));
	box_run(&b, 400);
	assert_int_equal(stream_connections(b.stream), 3);
	far_say(slow, STR(" "));
	box_run(&b, 400);
	assert_int_equal(stream_connections(b.stream), 1);
	assert_int_equal(box_counter(&b, "stream.closed.first-message-time"), 2);
	far_ends(&b, silent);
	far_is_quiet(good);
	close(silent);
	close(slow);
	close(good);
	box_close(&b);
}

/* Each octet comes in time, the message does not; and another's beginning has its own time. */
static void dribble(void **state)
{
	static const char text[] = "OPTIONS sip:b@c SIP/2.0\r\nX: 1";
	struct stream_options o = { .message_ms = 800 };
	struct box b = { 0 };
	int fd;
	size_t i;

	box_open(&b, &o, NULL);
	fd = far_connect(&b, 1);
	far_say(fd, STR(OPTIONS_TEXT "O"));
	box_run(&b, 500);
	far_say(fd, (struct str){ &OPTIONS_TEXT "O"[1], sizeof(OPTIONS_TEXT) - 1 });
	box_run(&b, 500);
	assert_int_equal(b.n, 2);
	assert_int_equal(box_counter(&b, "stream.closed.message-time"), 0);
	for (i = 1; i < sizeof(text) - 1; i++) {
		far_say(fd, (struct str){ text + i, 1 });
		box_run(&b, 60);
		if (box_counter(&b, "stream.closed.message-time"))
			break;
	}
	assert_true(i < 20);
	far_ends(&b, fd);
	assert_int_equal(box_counter(&b, "stream.closed.message-time"), 1);
	assert_int_equal(b.n_garbage, 0); /* there was nothing to answer */
	close(fd);
	box_close(&b);
}

/* RFC 4475 3.1.2.2: more was promised than comes. */
static void too_short_for(struct stream_options *o)
{
	static const char text[] = "OPTIONS sip:b@c SIP/2.0\r\nl: 10\r\n\r\nabc";
	struct box b = { 0 };
	int fd;

	box_open(&b, o, NULL);
	b.to_garbage = STR("SIP/2.0 400 x\r\nl: 0\r\n\r\n");
	fd = far_connect(&b, 1);
	far_say(fd, str_of(text));
	box_until(&b, &b.n_garbage, 1);
	assert_int_equal(b.error, -SIP_E_LENGTH);
	assert_string_equal(b.last, text);
	far_hears(&b, fd, "SIP/2.0 400 x\r\nl: 0\r\n\r\n");
	assert_int_equal(far_ends(&b, fd), 0);
	close(fd);
	box_close(&b);
}

static void too_short(void **state)
{
	too_short_for(&(struct stream_options){ .message_ms = 100 });
	too_short_for(&(struct stream_options){ .first_message_ms = 100 });
}

static void idle(void **state)
{
	struct stream_options o = { .idle_ms = 500 };
	struct box b = { 0 };
	int unused, used, owed;

	box_open(&b, &o, NULL);
	unused = far_connect(&b, 1);
	far_say(unused, STR(OK_TEXT)); /* an answer to nothing */
	box_until(&b, &b.n, 1);
	owed = far_connect(&b, 1);
	far_say(owed, STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 2);
	used = far_connect(&b, 1);
	far_say(used, STR(OPTIONS_TEXT));
	box_until(&b, &b.n, 3);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR(OK_TEXT)), 0);
	far_hears(&b, used, OK_TEXT);
	box_run(&b, 300);
	far_say(unused, STR("\r\n\r\n"));
	far_hears(&b, unused, "\r\n");
	box_run(&b, 300);
	assert_int_equal(box_counter(&b, "stream.closed.idle"), 0);
	assert_int_equal(far_ends(&b, unused), 0);
	close(unused);
	box_run(&b, 20);
	assert_int_equal(box_counter(&b, "stream.closed.idle"), 1);
	assert_int_equal(far_ends(&b, used), 0);
	assert_int_equal(far_ends(&b, owed), 0);
	assert_int_equal(box_counter(&b, "stream.closed.idle"), 3);
	close(used);
	close(owed);
	box_close(&b);
}

/* ---- ours ---- */

static void dialled(void **state)
{
	struct box b = { 0 };
	struct sip_hop to = { .network = 3, .transport = SIP_TCP, .peer = 6 };
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd, far, v = 0;

	box_open(&b, NULL, NULL);
	b.route.local = loopback(9, 5060);
	b.route.dscp = 26;
	fd = far_listen(&to.addr, 5);
	assert_int_equal(stream_send(b.stream, 0, &to, STR(OPTIONS_TEXT)), 0);
	assert_int_equal(stream_send(b.stream, 0, &to, STR("\r\n")), 0);
	far = far_accept(&b, fd);
	far_hears(&b, far, OPTIONS_TEXT "\r\n");
	assert_int_equal(getpeername(far, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(ntohl(sin.sin_addr.s_addr), 0x7f000009);
	assert_true(ntohs(sin.sin_port) != 5060);
	len = sizeof(v);
	assert_int_equal(getsockopt(box_conn(&b)->fd.fd, IPPROTO_IP, IP_TOS, &v, &len), 0);
	assert_int_equal(v, 26 << 2);
	/* Its answers come by it, and who answers by it has the same one. */
	far_say(far, STR(OK_TEXT));
	box_until(&b, &b.n, 1);
	assert_true(addr_eq(&b.from.addr, &to.addr));
	assert_int_equal(b.from.peer, 6);
	assert_int_equal(stream_send(b.stream, 0, &b.from, STR("a")), 0);
	/* It is found again, but not for another neighbour or network. */
	assert_int_equal(stream_send(b.stream, 0, &to, STR("b")), 0);
	far_hears(&b, far, "ab");
	assert_int_equal(stream_connections(b.stream), 1);
	to.peer = 7;
	assert_int_equal(stream_send(b.stream, 0, &to, STR("c")), 0);
	assert_int_equal(stream_connections(b.stream), 2);
	to.network = 4;
	assert_int_equal(stream_send(b.stream, 0, &to, STR("d")), 0);
	assert_int_equal(stream_connections(b.stream), 3);
	close(far);
	close(fd);
	box_close(&b);
}

static void not_reached(void **state)
{
	struct stream_options o = { .connect_ms = 700 };
	struct sip_hop to = { .transport = SIP_TCP };
	struct box b = { 0 };
	int fd, full[3];

	box_open(&b, &o, NULL);
	/* Nobody listens. */
	fd = far_listen(&to.addr, 0);
	close(fd);
	assert_int_equal(stream_send(b.stream, 2, &to, STR("x")), 0);
	assert_int_equal(b.n_broken, 0);
	box_until(&b, &b.n_broken, 1);
	assert_int_equal(b.sender, 2);
	assert_true(addr_eq(&b.lost.addr, &to.addr));
	/* It listens, but its queue is full: no answer. */
	fd = far_listen(&to.addr, 0);
	for (unsigned i = 0; i < 3; i++) {
		b.at.local = to.addr;
		full[i] = far_connect(&b, 1);
	}
	assert_int_equal(stream_send(b.stream, 0, &to, STR("x")), 0);
	assert_int_equal(stream_send(b.stream, 3, &to, STR("x")), 0);
	box_run(&b, 350);
	assert_int_equal(b.n_broken, 1);
	box_until(&b, &b.n_broken, 3);
	assert_int_equal(box_counter(&b, "stream.closed.not-reached"), 2);
	assert_int_equal(stream_connections(b.stream), 0);
	for (unsigned i = 0; i < 3; i++)
		close(full[i]);
	close(fd);
	/* There is no way. */
	b.no_route = true;
	assert_int_equal(stream_send(b.stream, 0, &to, STR("x")), -ENETUNREACH);
	b.no_route = false;
	b.route.local = (struct addr){ .ip = { 192, 0, 2, 1 }, .family = 4 }; /* not ours */
	assert_int_equal(stream_send(b.stream, 0, &to, STR("x")), -ENETUNREACH);
	box_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers),
		cmocka_unit_test(strangers_in_the_kernel),
		cmocka_unit_test(so_many_of_a_source),
		cmocka_unit_test(so_many_a_second),
		cmocka_unit_test(kept_for_others),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(no_spare),
		cmocka_unit_test(first_message),
		cmocka_unit_test(dribble),
		cmocka_unit_test(too_short),
		cmocka_unit_test(idle),
		cmocka_unit_test(dialled),
		cmocka_unit_test(not_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
