/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "base/test.h"
#include "sip/dns_world_test.h"

#define REPLY_MAX 65000
#define ALIASES   8

/* ---- records ---- */

static void put16(struct buf *b, unsigned v)
{
	uint8_t p[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(b, p, 2);
}

static void put_name(struct buf *b, const char *name)
{
	struct str rest = str_of(name), label;

	while (str_token(&rest, '.', &label)) {
		uint8_t n = (uint8_t)label.n;

		if (!n)
			break;
		buf_add(b, &n, 1);
		buf_put(b, label);
	}
	buf_add(b, "", 1);
}

static struct buf record_new(struct dns_world *w, const char *name, uint16_t type, uint32_t ttl)
{
	struct dns_world_record *r = &w->record[w->n];
	struct buf b;

	assert_true(w->n < WORLD_MAX);
	*r = (struct dns_world_record){ .type = type, .ttl = ttl };
	memcpy(r->name, name, strlen(name) + 1);
	buf_init(&b, r->data, sizeof(r->data));
	return b;
}

static void record_end(struct dns_world *w, const struct buf *b)
{
	assert_true(buf_ok(b));
	w->record[w->n++].n = (uint16_t)b->n;
}

void world_addr(struct dns_world *w, const char *name, uint32_t ttl, const char *text)
{
	struct addr a;
	struct buf b;

	assert_int_equal(addr_parse(str_of(text), &a), 0);
	b = record_new(w, name, a.family == 4 ? DNS_A : DNS_AAAA, ttl);
	buf_add(&b, a.ip, a.family == 4 ? 4 : 16);
	record_end(w, &b);
}

void world_srv(struct dns_world *w, const char *name, uint32_t ttl, const uint16_t pwp[3],
	       const char *target)
{
	struct buf b = record_new(w, name, DNS_SRV, ttl);

	for (unsigned i = 0; i < 3; i++)
		put16(&b, pwp[i]);
	put_name(&b, target);
	record_end(w, &b);
}

static void put_text(struct buf *b, const char *text)
{
	uint8_t n = (uint8_t)strlen(text);

	buf_add(b, &n, 1);
	buf_add(b, text, n);
}

void world_naptr(struct dns_world *w, const char *name, const uint16_t order_preference[2],
		 const char *service, const char *replacement)
{
	struct buf b = record_new(w, name, DNS_NAPTR, 60);

	put16(&b, order_preference[0]);
	put16(&b, order_preference[1]);
	put_text(&b, "s");
	put_text(&b, service);
	put_text(&b, "");
	put_name(&b, replacement);
	record_end(w, &b);
}

void world_cname(struct dns_world *w, const char *name, const char *target)
{
	struct buf b = record_new(w, name, DNS_CNAME, 7);

	put_name(&b, target);
	record_end(w, &b);
}

void world_clear(struct dns_world *w)
{
	w->n = w->n_asked = w->tcp_answers = 0;
	w->mood = DNS_ANSWERS;
	w->mood_type = 0;
	w->udp_max = 0;
}

unsigned world_asked(const struct dns_world *w, const char *name, uint16_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_asked; i++)
		n += (!name || strcasecmp(w->asked[i].name, name) == 0) &&
		     (!type || w->asked[i].type == type);
	return n;
}

/* ---- answers ---- */

struct question {
	uint16_t id, type;
	char name[256];
	const uint8_t *p;
	size_t n; /* of the question section */
};

/* Of a well-formed query: c-ares wrote it. */
static bool read_question(const uint8_t *p, size_t n, struct question *q)
{
	size_t at = 12, out = 0;

	if (n < 17)
		return false;
	while (at < n && p[at]) {
		size_t label = p[at];

		assert_true(at + 1 + label < n && out + label + 1 < sizeof(q->name));
		if (out)
			q->name[out++] = '.';
		memcpy(q->name + out, p + at + 1, label);
		out += label;
		at += 1 + label;
	}
	q->name[out] = '\0';
	q->id = (uint16_t)(p[0] << 8 | p[1]);
	q->type = (uint16_t)(p[at + 1] << 8 | p[at + 2]);
	q->p = p + 12;
	q->n = at + 5 - 12;
	return true;
}

static void put_record(struct buf *b, const struct dns_world_record *r)
{
	put_name(b, r->name);
	put16(b, r->type);
	put16(b, 1);
	put16(b, r->ttl >> 16);
	put16(b, r->ttl & 0xffff);
	put16(b, r->n);
	buf_add(b, r->data, r->n);
}

/* The alias of a name: its record, and its target as text. */
static const struct dns_world_record *alias_of(const struct dns_world *w, const char *name,
					       char out[256])
{
	for (unsigned i = 0; i < w->n; i++) {
		const struct dns_world_record *r = &w->record[i];
		size_t n = 0;

		if (r->type != DNS_CNAME || strcasecmp(r->name, name) != 0)
			continue;
		for (size_t at = 0; r->data[at]; at += 1u + r->data[at]) {
			if (n)
				out[n++] = '.';
			memcpy(out + n, r->data + at + 1, r->data[at]);
			n += r->data[at];
		}
		out[n] = '\0';
		return r;
	}
	return NULL;
}

static unsigned put_records(const struct dns_world *w, const struct question *q, struct buf *b,
			    bool *exists)
{
	char name[256];
	const struct dns_world_record *alias;
	unsigned n = 0;

	memcpy(name, q->name, sizeof(name));
	for (unsigned i = 0; i < ALIASES && (alias = alias_of(w, name, name)); i++, n++)
		put_record(b, alias);
	*exists = n > 0;
	for (unsigned i = 0; i < w->n; i++) {
		if (strcasecmp(w->record[i].name, name) != 0)
			continue;
		*exists = true;
		if (w->record[i].type == q->type) {
			put_record(b, &w->record[i]);
			n++;
		}
	}
	return n;
}

static void put_header(struct buf *b, const struct question *q, unsigned flags, unsigned n)
{
	put16(b, q->id);
	put16(b, 0x8180 | flags);
	put16(b, 1);
	put16(b, n);
	put16(b, 0);
	put16(b, 0);
	buf_add(b, q->p, q->n);
}

static enum dns_mood mood_for(const struct dns_world *w, uint16_t type)
{
	return !w->mood_type || w->mood_type == type ? w->mood : DNS_ANSWERS;
}

/* false: nothing is sent. */
static bool compose(struct dns_world *w, struct question *q, struct buf *out, size_t max)
{
	static char mem[REPLY_MAX];
	struct buf b;
	bool exists = true;
	unsigned n;

	buf_init(&b, mem, sizeof(mem));
	switch (mood_for(w, q->type)) {
	case DNS_SILENT:
		return false;
	case DNS_EMPTY:
		return true;
	case DNS_SERVFAIL:
		put_header(out, q, 2, 0);
		return true;
	case DNS_REFUSES:
		put_header(out, q, 5, 0);
		return true;
	case DNS_GARBAGE:
		put_header(out, q, 0, 40);
		buf_lit(out, "\xc0\xff\xff\xff\xc0\x0c");
		return true;
	case DNS_FORGES:
		q->id ^= 0x5555;
		break;
	default:
		break;
	}
	n = put_records(w, q, &b, &exists);
	if (!buf_ok(&b) || 12 + q->n + b.n > max) {
		put_header(out, q, 0x200, 0);
		return true;
	}
	put_header(out, q, exists ? 0 : 3, n);
	buf_put(out, buf_str(&b));
	return true;
}

static void remember(struct dns_world *w, const struct question *q)
{
	if (w->n_asked == WORLD_ASKS)
		return;
	memcpy(w->asked[w->n_asked].name, q->name, sizeof(q->name));
	w->asked[w->n_asked++].type = q->type;
}

static void on_udp(void *arg, uint32_t events)
{
	static char mem[REPLY_MAX + 100];
	struct dns_world *w = arg;
	struct sockaddr_storage from;
	socklen_t from_n = sizeof(from);
	struct question q;
	uint8_t p[2048];
	ssize_t n = recvfrom(w->udp.fd, p, sizeof(p), 0, (struct sockaddr *)&from, &from_n);
	struct buf out;

	if (n < 0 || !read_question(p, (size_t)n, &q))
		return;
	remember(w, &q);
	buf_init(&out, mem, sizeof(mem));
	if (compose(w, &q, &out, w->udp_max ? w->udp_max : 1232))
		assert_int_equal(sendto(w->udp.fd, mem, out.n, 0, (struct sockaddr *)&from, from_n),
				 out.n);
}

/* One query in one segment is enough for a test. */
static void on_conn(void *arg, uint32_t events)
{
	static char mem[REPLY_MAX + 100];
	struct dns_world *w = arg;
	struct question q;
	struct buf out;
	uint8_t p[2048];

	for (unsigned i = 0; i < WORLD_FDS; i++) {
		ssize_t n = w->conn[i].fd < 0 ? 0 : recv(w->conn[i].fd, p, sizeof(p), MSG_DONTWAIT);

		if (n <= 2 || !read_question(p + 2, (size_t)n - 2, &q))
			continue;
		buf_init(&out, mem, sizeof(mem));
		put16(&out, 0);
		compose(w, &q, &out, REPLY_MAX);
		mem[0] = (char)((out.n - 2) >> 8);
		mem[1] = (char)(out.n - 2);
		assert_int_equal(send(w->conn[i].fd, mem, out.n, MSG_NOSIGNAL), out.n);
		w->tcp_answers++;
	}
}

static void conn_close(struct dns_world *w, struct loop_fd *f)
{
	if (f->fd < 0)
		return;
	loop_fd_del(w->loop, f);
	close(f->fd);
	f->fd = -1;
}

static void on_accept(void *arg, uint32_t events)
{
	struct dns_world *w = arg;
	struct loop_fd *f = &w->conn[w->tcp_answers % WORLD_FDS];

	conn_close(w, f);
	*f = (struct loop_fd){ accept(w->tcp.fd, NULL, NULL), EPOLLIN, on_conn, w };
	assert_true(f->fd >= 0);
	assert_int_equal(loop_fd_add(w->loop, f), 0);
}

/* ---- the whole ---- */

static void open_socket(struct dns_world *w, struct loop_fd *f, int type)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(&w->addr, &ss);
	int one = 1;

	f->fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	f->events = EPOLLIN;
	f->arg = w;
	assert_true(f->fd >= 0);
	setsockopt(f->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(f->fd, (struct sockaddr *)&ss, n), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&ss, &n), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &w->addr), 0);
	assert_int_equal(loop_fd_add(w->loop, f), 0);
}

struct dns_world *dns_world_new(struct loop *l)
{
	struct dns_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->loop = l;
	assert_int_equal(addr_parse(STR("127.0.0.1"), &w->addr), 0);
	for (unsigned i = 0; i < WORLD_FDS; i++)
		w->conn[i].fd = -1;
	w->udp.ready = on_udp;
	w->tcp.ready = on_accept;
	open_socket(w, &w->tcp, SOCK_STREAM);
	open_socket(w, &w->udp, SOCK_DGRAM);
	assert_int_equal(listen(w->tcp.fd, 8), 0);
	return w;
}

void dns_world_free(struct dns_world *w)
{
	for (unsigned i = 0; i < WORLD_FDS; i++)
		conn_close(w, &w->conn[i]);
	conn_close(w, &w->udp);
	conn_close(w, &w->tcp);
	free(w);
}
