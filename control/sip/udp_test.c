/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/test.h"
#include "sip/source_filter.h"
#include "sip/udp.h"

struct box {
	struct loop *loop;
	struct udp *udp;
	struct addr at[2]; /* ours */
	struct addr far;   /* of the test's socket */
	int fd;
	unsigned n, n_foreign, shard, network;
	size_t len;
	char last[256];
	bool deaf;
};

static int peer_of(void *arg, const struct sip_hop *from)
{
	return ((struct box *)arg)->deaf ? SIP_NO_PEER : 6;
}

static void receive(void *arg, const struct sip_hop *from, char *buf, size_t len)
{
	struct box *b = arg;

	assert_true(addr_eq(&from->addr, &b->far));
	assert_int_equal(from->peer, 6);
	assert_int_equal(from->transport, SIP_UDP);
	assert_int_equal(from->conn, 0);
	memset(buf + len, 0, SIP_PAD); /* there is room behind */
	b->n++;
	b->network = from->network;
	b->len = len;
	snprintf(b->last, sizeof(b->last), "%.*s", (int)len, buf);
}

static void foreign(void *arg, unsigned shard, const struct sip_hop *from, const char *buf,
		    size_t len)
{
	struct box *b = arg;

	b->n_foreign++;
	b->shard = shard;
}

/* A port that is free now, found by taking it for a moment. */
static struct addr free_port(int *keep)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct addr a;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&sin, &a), 0);
	if (keep)
		*keep = fd;
	else
		close(fd);
	return a;
}

static struct udp *listen_at(struct box *b, unsigned n, unsigned n_shards)
{
	struct udp_listen at[] = { { b->at[0], 0, 24 }, { b->at[1], 1, 0 } };
	struct udp_options o = { .loop = b->loop,
				 .listen = at,
				 .n_listen = n,
				 .n_shards = (uint8_t)n_shards,
				 .peer_of = peer_of,
				 .receive = receive,
				 .foreign = foreign,
				 .arg = b };
	return udp_new(&o);
}

static int say(struct box *b, uint16_t network, const struct addr *to, struct str data)
{
	struct sip_hop hop = { .addr = *to, .network = network };

	return udp_send(b->udp, &hop, data);
}

static struct box *open_box(unsigned n_shards)
{
	struct box *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->loop = loop_new();
	b->far = free_port(&b->fd);
	b->at[0] = free_port(NULL);
	b->at[1] = free_port(NULL);
	b->udp = listen_at(b, 2, n_shards);
	assert_non_null(b->udp);
	return b;
}

static void close_box(struct box *b)
{
	udp_free(b->udp);
	loop_free(b->loop);
	close(b->fd);
	free(b);
}

static void send_to(struct box *b, unsigned network, const void *data, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&b->at[network], &ss);

	assert_int_equal(sendto(b->fd, data, n, 0, (struct sockaddr *)&ss, len), (ssize_t)n);
}

static ssize_t got(struct box *b, char *mem, size_t n)
{
	return recv(b->fd, mem, n, 0);
}

struct find_counter {
	const char *name;
	uint64_t value;
};

static void see(void *arg, const char *name, uint64_t v)
{
	struct find_counter *f = arg;

	if (strcmp(name, f->name) == 0)
		f->value = v;
}

static uint64_t counter_of(struct box *b, const char *name)
{
	struct find_counter f = { name, UINT64_MAX };

	udp_counters(b->udp, see, &f);
	return f.value;
}

static void in(void **state)
{
	struct box *b = open_box(1);

	send_to(b, 1, "one", 3);
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->network, 1);
	assert_string_equal(b->last, "one");
	for (unsigned i = 0; i < 100; i++)
		send_to(b, 0, "many", 4);
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 101);
	assert_int_equal(b->network, 0);
	b->deaf = true;
	send_to(b, 0, "two", 3);
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 101);
	assert_int_equal(counter_of(b, "udp.drop.unknown-source"), 1);
	close_box(b);
}

static void too_long(void **state)
{
	static char big[SIP_DATAGRAM_MAX + 1];
	struct box *b = open_box(1);

	send_to(b, 0, big, sizeof(big));
	send_to(b, 0, big, sizeof(big) - 1);
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->len, SIP_DATAGRAM_MAX);
	assert_int_equal(counter_of(b, "udp.drop.truncated"), 1);
	assert_int_equal(say(b, 0, &b->far, (struct str){ big, sizeof(big) }), -EINVAL);
	close_box(b);
}

static void out(void **state)
{
	struct box *b = open_box(1);
	char mem[64];
	int tos = 0;

	for (unsigned i = 0; i < 100; i++) {
		snprintf(mem, sizeof(mem), "number %u", i);
		assert_int_equal(say(b, 0, &b->far, str_of(mem)), 0);
	}
	assert_int_equal(got(b, mem, sizeof(mem)), -1); /* at the end of the round */
	loop_once(b->loop, 0);
	for (unsigned i = 0; i < 100; i++) {
		char want[64];

		memset(mem, 0, sizeof(mem));
		assert_true(got(b, mem, sizeof(mem)) > 0);
		snprintf(want, sizeof(want), "number %u", i);
		assert_string_equal(mem, want);
	}
	assert_int_equal(counter_of(b, "udp.sent"), 100);
	/* The test's socket sees what mark came with it. */
	assert_int_equal(setsockopt(b->fd, IPPROTO_IP, IP_RECVTOS, &(int){ 1 }, sizeof(int)), 0);
	assert_int_equal(say(b, 0, &b->far, STR("x")), 0);
	loop_once(b->loop, 0);
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { mem, sizeof(mem) };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.room,
			    .msg_controllen = sizeof(control.room) };
	assert_int_equal(recvmsg(b->fd, &h, 0), 1);
	assert_non_null(CMSG_FIRSTHDR(&h));
	tos = *(unsigned char *)CMSG_DATA(CMSG_FIRSTHDR(&h));
	assert_int_equal(tos, 24 << 2);
	close_box(b);
}

/* One that cannot be sent does not hold up those behind it. */
static void unreachable(void **state)
{
	struct box *b = open_box(1);
	struct addr nowhere;
	char mem[8];

	assert_int_equal(addr_parse(STR("255.255.255.255"), &nowhere), 0); /* EACCES */
	nowhere.port = 5060;
	say(b, 0, &nowhere, STR("x"));
	say(b, 0, &b->far, STR("y"));
	loop_once(b->loop, 0);
	assert_int_equal(got(b, mem, sizeof(mem)), 1);
	assert_int_equal(mem[0], 'y');
	assert_int_equal(counter_of(b, "udp.drop.send-failed"), 1);
	close_box(b);
}

/* More than the queue holds, in number or in octets: it is sent in between. */
static void much_in_one_round(void **state)
{
	static char big[16000];
	struct box *b = open_box(1);
	unsigned i;

	for (i = 0; i < 600; i++)
		assert_int_equal(say(b, 1, &b->far, STR("x")), 0);
	assert_true(counter_of(b, "udp.sent") > 0 && counter_of(b, "udp.sent") < 600);
	loop_once(b->loop, 0);
	assert_int_equal(counter_of(b, "udp.sent"), 600);
	for (i = 0; i < 40; i++)
		assert_int_equal(say(b, 1, &b->far, (struct str){ big, sizeof(big) }), 0);
	assert_true(counter_of(b, "udp.sent") > 600);
	loop_once(b->loop, 0);
	assert_int_equal(counter_of(b, "udp.sent"), 640);
	close_box(b);
}

static void sent_on_free(void **state)
{
	struct box *b = open_box(1);
	char mem[8];

	say(b, 0, &b->far, STR("z"));
	udp_free(b->udp);
	assert_int_equal(got(b, mem, sizeof(mem)), 1);
	loop_once(b->loop, 0); /* its task is gone with it */
	b->udp = NULL;
	close_box(b);
}

static void steered(void **state)
{
	static const char mine[] =
		"BYE x SIP/2.0\r\nTo: <sip:a@b>;tag=00aaaaaaaaaaaaaaaaaaaa\r\n\r\n";
	static const char other[] =
		"BYE x SIP/2.0\r\nTo: <sip:a@b>;tag=03aaaaaaaaaaaaaaaaaaaa\r\n\r\n";
	struct box *b = open_box(4);

	send_to(b, 0, mine, strlen(mine));
	send_to(b, 0, other, strlen(other));
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->n_foreign, 1);
	assert_int_equal(b->shard, 3);
	assert_int_equal(counter_of(b, "udp.foreign"), 1);
	close_box(b);
}

static void taken_address(void **state)
{
	struct box *b = open_box(1), c = { .loop = b->loop };

	/* Another shard of the same user may bind it too; the test's socket has not agreed to
	 * share. */
	c.at[0] = b->at[0];
	c.udp = listen_at(&c, 1, 1);
	assert_non_null(c.udp);
	udp_free(c.udp);
	c.at[0] = b->far;
	errno = 0;
	assert_null(listen_at(&c, 1, 1));
	assert_int_equal(errno, EADDRINUSE);
	close_box(b);
}

/* Both families on one network: what is sent comes from the one of its destination. */
static void dual(void **state)
{
	struct box *b = open_box(1);
	struct udp_listen at[] = { { b->at[0], 5, 0 }, { b->at[0], 5, 0 } };
	struct udp_options o = { .loop = b->loop,
				 .listen = at,
				 .n_listen = 2,
				 .n_shards = 1,
				 .peer_of = peer_of,
				 .receive = receive,
				 .arg = b };
	char mem[8];

	udp_free(b->udp);
	assert_int_equal(addr_parse(STR("::1"), &at[1].local), 0);
	at[1].local.port = b->at[0].port;
	b->udp = udp_new(&o);
	if (!b->udp && errno == EADDRNOTAVAIL) { /* a host without IPv6 */
		close_box(b);
		skip();
		return;
	}
	assert_non_null(b->udp);
	assert_int_equal(say(b, 5, &b->far, STR("four")), 0);
	assert_int_equal(say(b, 5, &at[1].local, STR("six")), 0);
	assert_int_equal(say(b, 4, &b->far, STR("x")), -EAFNOSUPPORT);
	b->far = at[1].local; /* it comes to ourselves */
	loop_once(b->loop, 0);
	assert_int_equal(got(b, mem, sizeof(mem)), 4);
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->network, 5);
	assert_string_equal(b->last, "six");
	close_box(b);
}

/* Who is refused in the kernel does not wake us, and is counted. */
static void filtered(void **state)
{
	struct box *b = open_box(1);
	struct prefix known = { b->far, 32 };
	struct sock_fprog *some, *none = source_filter_new(4, NULL, 0);

	known.addr.port = 0;
	some = source_filter_new(4, &known, 1);
	assert_int_equal(udp_filter(b->udp, 1, 4, none), 0);
	send_to(b, 1, "x", 1);
	loop_once(b->loop, 50);
	assert_int_equal(b->n, 0);
	assert_int_equal(counter_of(b, "udp.received"), 0);
	assert_int_equal(counter_of(b, "udp.drop.in-kernel"), 1);
	assert_int_equal(udp_filter(b->udp, 1, 4, some), 0);
	assert_int_equal(udp_filter(b->udp, 1, 6, none), 0); /* there is no such socket */
	send_to(b, 1, "y", 1);
	loop_once(b->loop, 1000);
	assert_int_equal(b->n, 1);
	free(some);
	free(none);
	close_box(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in),
		cmocka_unit_test(too_long),
		cmocka_unit_test(out),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(much_in_one_round),
		cmocka_unit_test(sent_on_free),
		cmocka_unit_test(steered),
		cmocka_unit_test(taken_address),
		cmocka_unit_test(dual),
		cmocka_unit_test(filtered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
