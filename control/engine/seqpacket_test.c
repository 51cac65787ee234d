/* SPDX-License-Identifier: Apache-2.0 */
/* The client and an engine at the two ends of a real socket, on a real loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/test.h"
#include "engine/flow_test.h"
#include "engine/peer.h"

#define MANY 6000 /* SETs: more than the socket takes at once */

struct seen {
	unsigned ups, fresh, downs, done;
	int status;
};

static void up(void *arg, bool fresh)
{
	struct seen *s = arg;

	s->ups++;
	s->fresh += fresh;
}

static void down(void *arg)
{
	((struct seen *)arg)->downs++;
}

static void done(void *arg, int status)
{
	struct seen *s = arg;

	s->done++;
	if (status)
		s->status = status;
}

struct server {
	struct loop *loop;
	struct peer peer;
	struct loop_fd listener, conn;
	char dir[64], path[96];
};

static struct server *the_server(struct peer *p)
{
	return (struct server *)((char *)p - offsetof(struct server, peer));
}

static void server_out(struct peer *p, const void *d, size_t n)
{
	assert_int_equal(send(the_server(p)->conn.fd, d, n, 0), n);
}

static void server_close(struct server *s)
{
	if (s->conn.fd < 0)
		return;
	loop_fd_del(s->loop, &s->conn);
	close(s->conn.fd);
	s->conn.fd = -1;
}

static void server_ready(void *arg, uint32_t events)
{
	static u32 mem[FLOW_DATAGRAM_MAX / 4];
	struct server *s = arg;
	ssize_t n = recv(s->conn.fd, mem, sizeof(mem), MSG_DONTWAIT);

	if (n > 0)
		peer_handle(&s->peer, mem, (size_t)n, server_out);
	else
		server_close(s);
}

static void server_accept(void *arg, uint32_t events)
{
	struct server *s = arg;

	s->conn = (struct loop_fd){ .fd = accept(s->listener.fd, NULL, NULL),
				    .events = EPOLLIN,
				    .ready = server_ready,
				    .arg = s };
	assert_int_equal(loop_fd_add(s->loop, &s->conn), 0);
}

static void server_listen(struct server *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", s->path);
	s->listener = (struct loop_fd){ .fd = socket(AF_UNIX, SOCK_SEQPACKET, 0),
					.events = EPOLLIN,
					.ready = server_accept,
					.arg = s };
	assert_int_equal(bind(s->listener.fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(s->listener.fd, 4), 0);
	assert_int_equal(loop_fd_add(s->loop, &s->listener), 0);
}

static void server_stop(struct server *s)
{
	loop_fd_del(s->loop, &s->listener);
	close(s->listener.fd);
	unlink(s->path);
	server_close(s);
}

static void run_until(struct loop *l, const unsigned *what, unsigned n)
{
	uint64_t end = loop_now(l) + 3000;

	while (*what < n && loop_now(l) < end)
		loop_once(l, 100);
	assert_int_equal(*what, n);
}

static void speaks_over_a_socket(void **state)
{
	struct loop *l = loop_new();
	struct server s = { .loop = l, .conn.fd = -1, .dir = "/tmp/engine_test.XXXXXX" };
	struct seen seen = { 0 };

	peer_init(&s.peer, l);
	assert_non_null(mkdtemp(s.dir));
	snprintf(s.path, sizeof(s.path), "%s/socket", s.dir);
	struct seqpacket *t = seqpacket_new(l, NULL, s.path);
	const struct engine_options o = {
		.loop = l,
		.transport = seqpacket_transport(t),
		.user = { .up = up, .down = down, .arg = &seen },
	};
	struct engine *e = engine_new(&o);
	loop_once(l, 50); /* nobody listens yet */
	server_listen(&s);
	run_until(l, &seen.ups, 1);

	for (unsigned i = 0; i < MANY; i++) {
		struct flow f = a_flow(1 + i % PEER_FLOWS, 1);
		assert_int_equal(engine_set(e, &f, done, &seen), 0);
	}
	run_until(l, &seen.done, MANY);
	assert_int_equal(seen.status, 0);
	assert_int_equal(s.peer.n_flows, PEER_FLOWS);

	server_stop(&s);
	run_until(l, &seen.downs, 1);
	s.peer.epoch++;
	s.peer.n_flows = 0;
	server_listen(&s);
	run_until(l, &seen.ups, 2);
	assert_int_equal(seen.fresh, 2);

	engine_free(e);
	seqpacket_free(t);
	server_stop(&s);
	rmdir(s.dir);
	loop_free(l);
}

static struct engine *client(struct loop *l, struct either *x, struct seen *seen)
{
	const struct engine_options o = {
		.loop = l,
		.transport = either_transport(x, ENGINE_NONE),
		.user = { .up = up, .down = down, .arg = seen },
	};

	return engine_new(&o);
}

/* One shard leads and the others follow. What has worked is waited for: this does not take the kernel's when it is
 * there, too. */
static void takes_what_is_there(void **state)
{
	struct loop *l = loop_new();
	struct server s = { .loop = l, .conn.fd = -1, .dir = "/tmp/engine_test.XXXXXX" };
	struct engine_pick pick = { ENGINE_NONE };
	struct seen first = { 0 }, second = { 0 };
	struct either_options o = { .loop = l, .path = s.path, .pick = &pick };

	assert_non_null(mkdtemp(s.dir));
	snprintf(s.path, sizeof(s.path), "%s/socket", s.dir);
	peer_init(&s.peer, l);
	server_listen(&s);
	struct either *follows = either_new(&o);
	struct engine *b = client(l, follows, &second);
	loop_once(l, 50);
	loop_once(l, 50);
	assert_int_equal(second.ups, 0); /* nobody has chosen */
	assert_string_equal(engine_name(b), "a media engine");
	assert_non_null(strstr(engine_cause(b), "modprobe"));
	engine_free(b);

	o.leads = true;
	struct either *leads = either_new(&o);
	struct engine *a = client(l, leads, &first);
	run_until(l, &first.ups, 1);
	assert_int_equal(pick.kind, ENGINE_DPDK);
	assert_string_equal(engine_name(a), "sluice-dp");
	server_stop(&s);
	run_until(l, &first.downs, 1);
	for (unsigned i = 0; i < 5; i++)
		loop_once(l, 100);
	assert_int_equal(pick.kind, ENGINE_DPDK);
	assert_string_equal(engine_name(a), "sluice-dp");
	server_listen(&s);
	run_until(l, &first.ups, 2);
	engine_free(a);
	server_close(&s);

	b = client(l, follows, &second);
	run_until(l, &second.ups, 1);
	engine_free(b);
	either_free(leads);
	either_free(follows);
	server_stop(&s);
	rmdir(s.dir);
	loop_free(l);
}

static void refuses_long_paths(void **state)
{
	char path[200];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	assert_null(seqpacket_new(NULL, NULL, path));
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speaks_over_a_socket),
		cmocka_unit_test(takes_what_is_there),
		cmocka_unit_test(refuses_long_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
