/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/stream_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000

/* ---- the user of the streams ---- */

static int peer_of(void *arg, const struct sip_hop *from)
{
	const uint8_t *ip = from->addr.ip;

	return ip[0] == 127 && ip[1] == 0 && ip[2] == 0 ? ip[3] - 1 : SIP_NO_PEER;
}

static enum stream_verdict verify(void *arg, const struct sip_hop *from, const struct tls *t)
{
	struct box *b = arg;

	b->verified++;
	b->verified_tls = t;
	return b->verdict;
}

static struct tls_context *context(void *arg, const struct sip_hop *from)
{
	return from->peer == 0 ? ((struct box *)arg)->of_peer_0 : NULL;
}

static bool dial(void *arg, const struct sip_hop *to, struct stream_route *route)
{
	struct box *b = arg;

	*route = b->route;
	return !b->no_route;
}

static void keep(struct box *b, const struct sip_hop *from, const char *buf, size_t len)
{
	b->from = *from;
	b->len = len;
	snprintf(b->last, sizeof(b->last), "%.*s", (int)len, buf);
}

static void receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct box *b = arg;
	char pad[SIP_PAD];

	b->n++;
	keep(b, from, buf, len);
	memcpy(pad, buf + len, SIP_PAD); /* it can be read */
	if (b->close_it)
		stream_hang_up(b->stream, from->conn);
	else if (b->answer.n && memcmp(buf, "SIP/", 4) != 0)
		stream_send(b->stream, 0, from, b->answer);
}

static void garbage(void *arg, const struct sip_hop *from, char *buf, size_t len, int error)
{
	struct box *b = arg;

	b->n_garbage++;
	b->error = error;
	keep(b, from, buf, len);
	if (b->to_garbage.n)
		assert_int_equal(stream_send(b->stream, 0, from, b->to_garbage), 0);
}

static void broken(void *arg, unsigned sender, const struct sip_hop *to)
{
	struct box *b = arg;

	b->n_broken++;
	b->lost = *to;
	b->sender = sender;
}

/* ---- the box ---- */

struct addr loopback(unsigned last, uint16_t port)
{
	return (struct addr){ .ip = { 127, 0, 0, (uint8_t)last }, .family = 4, .port = port };
}

void box_open(struct box *b, const struct stream_options *o, struct tls_context *tls)
{
	int fd;

	*b = (struct box){ .loop = b->loop, .o = o ? *o : (struct stream_options){ 0 } };
	if (!b->loop)
		b->loop = loop_new();
	assert_non_null(b->loop);
	fd = far_listen(&b->at.local, 1);
	close(fd); /* that port is free now */
	b->at.tls = tls;
	b->at.dscp = 24;
	b->at.network = 3;
	b->verdict = STREAM_TAKEN;
	b->o.loop = b->loop;
	b->o.listen = &b->at;
	b->o.n_listen = 1;
	b->o.shard = 4;
	b->o.peer_of = peer_of;
	b->o.verify = verify;
	b->o.context = context;
	b->o.dial = dial;
	b->o.receive = receive;
	b->o.garbage = garbage;
	b->o.broken = broken;
	b->o.arg = b;
	b->stream = stream_new(&b->o);
	assert_non_null(b->stream);
}

void box_close(struct box *b)
{
	stream_free(b->stream);
	loop_once(b->loop, 0); /* nothing of it is left there */
	loop_free(b->loop);
	b->loop = NULL;
}

void box_run(struct box *b, uint32_t ms)
{
	uint64_t end;

	loop_once(b->loop, 0);
	end = loop_now(b->loop) + ms;
	while (loop_now(b->loop) < end)
		loop_once(b->loop, (int)(end - loop_now(b->loop)));
}

void box_until(struct box *b, const unsigned *v, unsigned want)
{
	uint64_t end;

	loop_once(b->loop, 0);
	end = loop_now(b->loop) + PATIENCE_MS;
	while (*v != want && loop_now(b->loop) < end)
		loop_once(b->loop, 10);
	assert_int_equal(*v, want);
}

struct wanted {
	const char *name;
	uint64_t value;
};

static void see(void *arg, const char *name, uint64_t v)
{
	struct wanted *w = arg;

	if (strcmp(name, w->name) == 0)
		w->value = v;
}

uint64_t box_counter(const struct box *b, const char *name)
{
	struct wanted w = { name, UINT64_MAX };

	stream_counters(b->stream, see, &w);
	assert_true(w.value != UINT64_MAX);
	return w.value;
}

static void pick(struct table_node *n, void *arg)
{
	*(struct conn **)arg = container_of(n, struct conn, by_id);
}

void box_until_counter(struct box *b, const char *name, uint64_t least)
{
	uint64_t end = loop_now(b->loop) + PATIENCE_MS;

	while (box_counter(b, name) < least && loop_now(b->loop) < end)
		loop_once(b->loop, 10);
	assert_true(box_counter(b, name) >= least);
}

struct conn *box_conn(struct box *b)
{
	struct conn *c = NULL;

	assert_int_equal(stream_connections(b->stream), 1);
	table_each(&b->stream->by_id, pick, &c);
	return c;
}

/* ---- peers ---- */

static int far_socket(const char *ip, struct sockaddr_in *sin)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET };
	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, ip, &sin->sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)sin, sizeof(*sin)), 0);
	return fd;
}

int far_connect_from(struct box *b, const char *ip)
{
	struct sockaddr_storage ss;
	struct sockaddr_in sin;
	int fd = far_socket(ip, &sin);

	if (connect(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&b->at.local, &ss)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

int far_connect(struct box *b, unsigned last)
{
	char ip[32];

	snprintf(ip, sizeof(ip), "127.0.0.%u", last);
	return far_connect_from(b, ip);
}

int far_listen(struct addr *at, int backlog)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd = far_socket("127.0.0.1", &sin);

	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&sin, at), 0);
	return fd;
}

int far_accept(struct box *b, int fd)
{
	uint64_t end = loop_now(b->loop) + PATIENCE_MS;
	int got;

	while ((got = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) < 0 && loop_now(b->loop) < end)
		loop_once(b->loop, 10);
	assert_true(got >= 0);
	return got;
}

void far_say(int fd, struct str text)
{
	assert_int_equal(send(fd, text.p, text.n, MSG_NOSIGNAL), (ssize_t)text.n);
}

void far_hears(struct box *b, int fd, const char *want)
{
	uint64_t end = loop_now(b->loop) + PATIENCE_MS;
	size_t n = strlen(want), have = 0;
	char text[1024] = "";

	assert_true(n < sizeof(text));
	while (have < n && loop_now(b->loop) < end) {
		ssize_t got = recv(fd, text + have, n - have, 0);

		if (got > 0)
			have += (size_t)got;
		else
			assert_true(got < 0 && errno == EAGAIN);
		loop_once(b->loop, 10);
	}
	assert_string_equal(text, want);
}

int far_ends(struct box *b, int fd)
{
	uint64_t end = loop_now(b->loop) + PATIENCE_MS;
	char c;

	for (;;) {
		ssize_t got = recv(fd, &c, 1, 0);

		assert_true(got <= 0);
		if (got == 0 || errno != EAGAIN)
			return got ? errno : 0;
		assert_true(loop_now(b->loop) < end);
		loop_once(b->loop, 10);
	}
}

void far_is_quiet(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}
