/* SPDX-License-Identifier: Apache-2.0 */
/* The program is read here as the kernel reads it, and compared with prefix_has(); then the kernel itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/loop.h"
#include "base/test.h"
#include "sip/source_filter.h"

/* The instructions that are used, over an address. Aborts where a jump leaves the program. */
static bool accepts(const struct sock_fprog *f, const struct addr *a)
{
	uint32_t acc = 0, base = (uint32_t)SKF_NET_OFF + (a->family == 4 ? 12 : 8);

	for (unsigned i = 0, steps = 0; i < f->len; i++) {
		const struct sock_filter *c = &f->filter[i];
		const uint8_t *p;
		bool yes = false;

		assert_true(++steps < 300);
		switch (c->code) {
		case BPF_RET | BPF_K:
			return c->k != 0;
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(c->k >= base && c->k - base <= (a->family == 4 ? 0 : 12));
			p = a->ip + (c->k - base);
			acc = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
			      p[3];
			continue;
		case BPF_JMP | BPF_JA:
			i += c->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = acc == c->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = acc > c->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = acc >= c->k;
			break;
		default:
			fail_msg("instruction %#x", c->code);
		}
		i += yes ? c->jt : c->jf;
	}
	fail_msg("runs out of its end");
	return false;
}

static bool has(const struct prefix *p, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (prefix_has(&p[i], a))
			return true;
	return false;
}

static void agrees(const struct sock_fprog *f, const struct prefix *p, unsigned n,
		   const struct addr *a)
{
	char text[ADDR_STR_MAX];

	if (accepts(f, a) != has(p, n, a))
		fail_msg("%s is taken for %s", addr_print(a, text),
			 accepts(f, a) ? "known" : "a stranger");
}

/* The address `by` further on: one before, one behind. */
static struct addr beside(const struct addr *a, int by)
{
	struct addr b = *a;
	int carry = by;

	for (unsigned i = a->family == 4 ? 4 : 16; carry && i-- > 0;) {
		carry += b.ip[i];
		b.ip[i] = (uint8_t)carry;
		carry = carry < 0 ? -1 : carry > 255;
	}
	return b;
}

static struct addr last_of(const struct prefix *p)
{
	struct addr a = p->addr;

	for (unsigned i = p->len; i < (a.family == 4 ? 32 : 128); i++)
		a.ip[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return a;
}

/* At every edge of every prefix, on both sides of it, and somewhere. */
static void check(struct loop *l, uint8_t family, const struct prefix *p, unsigned n)
{
	struct sock_fprog *f = source_filter_new(family, p, n);
	struct addr a = { .family = family };

	assert_non_null(f);
	for (unsigned i = 0; i < n; i++) {
		struct addr last = last_of(&p[i]);

		if (p[i].addr.family != family)
			continue;
		for (int by = -1; by <= 1; by++) {
			a = beside(&p[i].addr, by);
			agrees(f, p, n, &a);
			a = beside(&last, by);
			agrees(f, p, n, &a);
		}
	}
	for (unsigned i = 0; i < 200; i++) {
		loop_random(l, a.ip, family == 4 ? 4 : 16);
		agrees(f, p, n, &a);
	}
	free(f);
}

static struct prefix random_prefix(struct loop *l, uint8_t family)
{
	unsigned max = family == 4 ? 32 : 128;
	struct prefix p = { .addr.family = family, .len = (uint8_t)loop_random_u32(l, max + 1) };

	/* Near each other, so that they touch and overlap; many are all zeros or all ones. */
	for (unsigned i = 0; i < max / 8; i++) {
		static const uint8_t octets[] = { 0, 0, 0xff, 0xff, 1, 0x80, 0x7f, 0xfe };

		p.addr.ip[i] = octets[loop_random_u32(l, 8)];
	}
	for (unsigned i = p.len; i < max; i++)
		p.addr.ip[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return p;
}

static void all_edges(void **state)
{
	struct loop *l = loop_new_virtual(11);
	struct prefix p[40];

	for (unsigned round = 0; round < 600; round++) {
		unsigned n = loop_random_u32(l, 40);

		for (unsigned i = 0; i < n; i++)
			p[i] = random_prefix(l, loop_random_u32(l, 2) ? 4 : 6);
		check(l, 4, p, n);
		check(l, 6, p, n);
	}
	loop_free(l);
}

static void merged(void **state)
{
	struct prefix p[256];
	struct sock_fprog *f;

	for (unsigned i = 0; i < 256; i++)
		p[i] = (struct prefix){ { .ip = { 10, 0, 0, (uint8_t)i }, .family = 4 }, 32 };
	f = source_filter_new(4, p, 256);
	assert_non_null(f);
	assert_int_equal(f->len, 5); /* one range */
	free(f);
	f = source_filter_new(6, p, 256);
	assert_non_null(f);
	assert_int_equal(f->len, 1); /* nobody */
	free(f);
}

static void so_many(void **state)
{
	struct loop *l = loop_new_virtual(12);
	struct prefix p[800];
	unsigned n;

	for (n = 0; n < 800; n++)
		p[n] = (struct prefix){
			{ .ip = { 10, (uint8_t)(n >> 7), (uint8_t)(n << 1), 1 }, .family = 4 }, 32
		};
	check(l, 4, p, 680);
	errno = 0;
	assert_null(source_filter_new(4, p, 800));
	assert_int_equal(errno, E2BIG);
	for (n = 0; n < 120; n++)
		p[n] = (struct prefix){ { .ip = { 0x20, 1, 0xd, 0xb8, 1, 2, (uint8_t)(n >> 7),
						  (uint8_t)(n << 1), 3, 4, 5, 6, 7, 8, 9, 10 },
					  .family = 6 },
					128 };
	check(l, 6, p, 110);
	errno = 0;
	assert_null(source_filter_new(6, p, 120));
	assert_int_equal(errno, E2BIG);
	loop_free(l);
}

/* ---- the kernel ---- */

struct ends {
	int type, family, fd;
	struct addr at;
};

static struct addr address(const char *text, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), 0);
	a.port = port;
	return a;
}

static int bound(struct ends *e, const struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	int fd = socket(ss.ss_family, e->type | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool open_ends(struct ends *e, const char *ip)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr at = address(ip, 0);

	e->fd = bound(e, &at);
	if (e->fd < 0)
		return false;
	if (e->type == SOCK_STREAM)
		assert_int_equal(listen(e->fd, 5), 0);
	assert_int_equal(getsockname(e->fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &e->at), 0);
	return true;
}

/* Does a datagram, or a connection, from there come in? */
static bool gets_in(struct ends *e, const char *from)
{
	struct addr a = address(from, 0);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&e->at, &ss);
	int fd = bound(e, &a);
	struct pollfd p = { .fd = e->type == SOCK_STREAM ? fd : e->fd,
			    .events = e->type == SOCK_STREAM ? POLLOUT : POLLIN };
	char c;
	bool in;

	assert_true(fd >= 0);
	if (e->type == SOCK_STREAM)
		assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), -1);
	else
		assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&ss, len), 1);
	in = poll(&p, 1, 60) == 1;
	if (e->type == SOCK_DGRAM && in)
		assert_int_equal(recv(e->fd, &c, 1, 0), 1);
	close(fd);
	return in;
}

static void kernel(void **state)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
	struct prefix p[2] = { { address("127.0.0.2", 0), 32 }, { address("127.0.1.0", 0), 24 } };
	struct sock_fprog *f = source_filter_new(4, p, 2), *other = source_filter_new(4, p + 1, 1);

	for (unsigned i = 0; i < 2; i++) {
		struct ends e = { .type = types[i] };

		assert_true(open_ends(&e, "127.0.0.1"));
		assert_int_equal(source_filter_attach(e.fd, f), 0);
		assert_true(gets_in(&e, "127.0.0.2"));
		assert_true(gets_in(&e, "127.0.1.77"));
		assert_int_equal(source_filter_drops(e.fd), 0);
		assert_false(gets_in(&e, "127.0.0.3"));
		assert_true(source_filter_drops(e.fd) >= 1);
		assert_int_equal(source_filter_attach(e.fd, other), 0);
		assert_false(gets_in(&e, "127.0.0.2"));
		assert_true(gets_in(&e, "127.0.1.77"));
		assert_int_equal(source_filter_attach(e.fd, NULL), 0);
		assert_true(gets_in(&e, "127.0.0.3"));
		assert_int_equal(source_filter_attach(e.fd, NULL), 0);
		close(e.fd);
	}
	free(f);
	free(other);
}

static void kernel_ipv6(void **state)
{
	struct ends e = { .type = SOCK_DGRAM };
	struct prefix one = { address("::1", 0), 128 }, no = { address("2001:db8::", 0), 32 };
	struct sock_fprog *f = source_filter_new(6, &one, 1), *g = source_filter_new(6, &no, 1);

	if (open_ends(&e, "::1")) {
		assert_int_equal(source_filter_attach(e.fd, f), 0);
		assert_true(gets_in(&e, "::1"));
		assert_int_equal(source_filter_attach(e.fd, g), 0);
		assert_false(gets_in(&e, "::1"));
		close(e.fd);
	}
	free(f);
	free(g);
}

/* As large as it may be, the kernel takes it or says why not. */
static void kernel_large(void **state)
{
	struct ends e = { .type = SOCK_DGRAM };
	struct prefix p[680];
	struct sock_fprog *f;

	for (unsigned n = 0; n < 680; n++)
		p[n] = (struct prefix){
			{ .ip = { 127, (uint8_t)(n >> 7), (uint8_t)(n << 1), 1 }, .family = 4 }, 32
		};
	f = source_filter_new(4, p, 680);
	assert_true(open_ends(&e, "127.0.0.1"));
	if (source_filter_attach(e.fd, f) == 0) {
		assert_true(gets_in(&e, "127.5.2.1"));
		assert_true(gets_in(&e, "127.0.0.1"));
		assert_false(gets_in(&e, "127.5.3.1"));
		assert_false(gets_in(&e, "127.5.2.2"));
	}
	close(e.fd);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_edges),   cmocka_unit_test(merged),
		cmocka_unit_test(so_many),     cmocka_unit_test(kernel),
		cmocka_unit_test(kernel_ipv6), cmocka_unit_test(kernel_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
